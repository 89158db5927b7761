//! How a service's requests travel, as the section `rest` of its document says: sound once `read` has made it.
//! Knows neither YAML nor sockets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::place::{Place, Rows};
use super::template::Template;
use crate::catalog::secret::Marks;

#[derive(Debug, Clone, Default)]
pub struct Wiring {
    /// Who answers, as messages name it.
    pub service: String,
    pub base: Template,
    pub headers: Vec<(String, Template)>,
    /// Ways to say who asks, of which the first is taken whose condition holds. None: nobody asks.
    pub auth: Vec<Auth>,
    pub errors: Errors,
    pub per_second: Option<usize>,
    pub calls: Vec<Call>,
    /// Every param of the document.
    pub params: BTreeSet<String>,
    /// What of a field or an argument is a secret, by its wire name: those that have any.
    pub secrets: BTreeMap<String, Marks>,
    /// The wire names of fields that are texts: a number there is the text of the number.
    pub texts: BTreeSet<String>,
}

/// How the service says what went wrong.
#[derive(Debug, Clone, Default)]
pub struct Errors {
    pub message: Option<Place>,
    pub code: Option<Place>,
    /// The header by which the service finds a request again.
    pub request_id: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Call {
    pub name: String,
    pub method: &'static str,
    pub path: Template,
    /// What it does, to follow "refused": `to create the widget`.
    pub does: Option<String>,
    pub query: Vec<(String, Template)>,
    pub headers: Vec<(String, Template)>,
    pub inputs: Vec<Given>,
    /// The params that it takes, and whether it does not work without them.
    pub params: Vec<(String, bool)>,
    pub body: Option<Body>,
    pub answer: Answer,
    pub fields: Vec<(String, Source)>,
    /// Rows that are not among these are left out: where, and the values that it may have.
    pub only: Vec<(Place, Vec<Value>)>,
    pub paging: Option<Paging>,
    pub statuses: Statuses,
    pub writes: bool,
    pub repeatable: bool,
    pub permissions: Vec<String>,
}

/// Where the value of a row's field is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Answer(Place),
    /// What the request was given under this name, which the answer does not repeat.
    Request(String),
}

/// What a request is given by the engine: a field's value, by its wire name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub wire: String,
    pub most: usize,
    pub required: bool,
    pub key: bool,
}

#[derive(Debug, Clone)]
pub struct Body {
    /// What every request has.
    pub fixed: Map<String, Value>,
    pub fields: Fields,
}

#[derive(Debug, Clone)]
pub enum Fields {
    /// Where each field goes, by its wire name.
    Placed(Vec<(Place, String)>),
    /// One field is the whole body.
    Whole(String),
}

#[derive(Debug, Clone)]
pub enum Answer {
    /// JSON, with the rows where this says.
    Rows(Rows),
    /// A text, which is the one field of one row.
    Text(String),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statuses {
    /// None: all from 200 to 299.
    pub success: Option<Vec<u16>>,
    pub absent: Vec<u16>,
    pub conflict: Vec<u16>,
    pub retry: Vec<u16>,
}

#[derive(Debug, Clone)]
pub struct Paging {
    pub by: By,
    /// The query parameter that asks for so many rows; the least and the most that it may be.
    pub size: Option<(String, usize, usize)>,
    /// The service promises that a page with fewer rows than asked for is the last one.
    pub short_is_last: bool,
}

#[derive(Debug, Clone)]
pub enum By {
    Token {
        from: From,
        into: Into,
    },
    /// The header `Link` with `rel="next"`.
    Link,
    Number {
        query: String,
        first: usize,
    },
    Offset {
        query: String,
    },
}

#[derive(Debug, Clone)]
pub enum From {
    Answer(Place),
    Header(String),
}

#[derive(Debug, Clone)]
pub enum Into {
    Query(String),
    Body(Place),
    Header(String),
}

/// How requests say who asks. Secrets are named by their environment variables, and read when they are needed.
#[derive(Debug, Clone)]
pub struct Auth {
    pub when: When,
    pub way: Way,
    /// The variable of the key, password or client secret.
    pub env: String,
}

/// When a way is taken, by the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum When {
    #[default]
    Always,
    /// The variable has a value.
    Set(String),
    /// The variable has this value, in any case.
    Is(String, String),
}

#[derive(Debug, Clone)]
pub enum Way {
    Header {
        name: String,
        scheme: Option<String>,
    },
    Query {
        name: String,
    },
    /// `user` is the variable of the user's name.
    Basic {
        user: String,
    },
    /// A token for the key: where it is had, and the header that it goes into.
    Login {
        path: String,
        body: Value,
        token: Place,
        name: String,
        scheme: Option<String>,
    },
    /// OAuth 2 client credentials. `client` is the variable of the client's id.
    OAuth2 {
        path: String,
        client: String,
        scope: Option<String>,
        in_body: bool,
    },
}

impl When {
    /// Whether this holds wherever the other does.
    pub fn holds_with(&self, other: &When) -> bool {
        match (self, other) {
            (When::Always, _) => true,
            (When::Set(own), When::Set(variable) | When::Is(variable, _)) => own == variable,
            (When::Is(own, value), When::Is(variable, other)) => own == variable && value.eq_ignore_ascii_case(other),
            _ => false,
        }
    }
}

impl Wiring {
    pub fn call(&self, name: &str) -> Option<&Call> {
        self.calls.iter().find(|call| call.name == name)
    }
}

impl Call {
    /// Whether it makes something new: it is sent without the key of anything.
    pub fn creates(&self) -> bool {
        self.method == "POST" && !self.inputs.iter().any(|input| input.key)
    }
}

impl Paging {
    /// The least and the most rows that a page may have.
    pub fn bounds(&self) -> (usize, usize) {
        self.size.as_ref().map_or((1, usize::MAX), |(_, least, most)| (*least, *most))
    }
}

impl Statuses {
    pub fn is_success(&self, status: u16) -> bool {
        self.success.as_ref().map_or((200..300).contains(&status), |list| list.contains(&status))
    }
}
