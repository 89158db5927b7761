//! Immuta's integrations API, pretended, as far as its public documentation shows it. What that leaves open (statuses of
//! success, texts of some errors, the answers of `status` and `regenerate`) is inferred, and says so where it stands.
//! Knows the store and a request's parts; knows no socket and no AWS.

mod check;
mod estate;
mod integrations;
mod login;
mod payload;
mod rows;
mod scripts;
mod shapes;
mod store;
mod trouble;

use std::collections::BTreeMap;

use hyper::body::Bytes;
use hyper::http::request::Parts;
use serde::Serialize;

pub use self::login::{API_KEY, READER_API_KEY};
use self::scripts::Script;
pub use self::store::{ROWS, seed};
pub use self::trouble::{cut, instead};
use super::faults::Asked;
use super::log::Served;
use super::state::Store;
use super::trouble::Reply;
use crate::error::Error;

/// The account that rules and the log name.
const ACCOUNT: &str = "immuta";

/// A request, whoever sent it.
pub struct Request {
    /// Method and path template: `PUT /integrations/{id}`; the path itself when it is no endpoint's.
    action: String,
    /// With the id in the path, empty when it has none.
    endpoint: Option<(Endpoint, String)>,
    method: String,
    /// As it was sent, without the query.
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Bytes,
    /// No other request's.
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Login,
    List,
    Create,
    Get,
    Replace,
    Delete,
    Status,
    Regenerate,
    Script(Script),
}

const ENDPOINTS: &[(&str, &str, Endpoint)] = &[
    ("POST", "/bim/apikey/authenticate", Endpoint::Login),
    ("GET", "/integrations", Endpoint::List),
    ("POST", "/integrations", Endpoint::Create),
    ("GET", "/integrations/{id}", Endpoint::Get),
    ("PUT", "/integrations/{id}", Endpoint::Replace),
    ("DELETE", "/integrations/{id}", Endpoint::Delete),
    ("GET", "/integrations/{id}/status", Endpoint::Status),
    ("POST", "/integrations/{id}/regenerate", Endpoint::Regenerate),
    ("POST", "/integrations/scripts/initial-create", Endpoint::Script(Script::InitialCreate)),
    ("POST", "/integrations/scripts/create", Endpoint::Script(Script::Create)),
    ("POST", "/integrations/{id}/scripts/edit", Endpoint::Script(Script::Edit)),
    ("POST", "/integrations/{id}/scripts/delete", Endpoint::Script(Script::Delete)),
    ("POST", "/integrations/scripts/cleanup", Endpoint::Script(Script::Cleanup)),
    ("POST", "/integrations/scripts/post-cleanup", Endpoint::Script(Script::PostCleanup)),
];

impl Request {
    /// The request, when it is for Immuta by its path.
    pub fn read(head: &Parts, body: &Bytes, number: u64) -> Option<Request> {
        let path = head.uri.path();
        if !path.starts_with("/integrations") && !path.starts_with("/bim/apikey/authenticate") {
            return None;
        }
        let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let header = headers.entry(name.as_str().to_string()).or_default();
            let separator = if header.is_empty() { "" } else { ", " };
            header.extend([separator, &value]);
        }
        let found = ENDPOINTS.iter().find_map(|(method, template, endpoint)| {
            let id = matched(template, path).filter(|_| *method == head.method)?;
            Some((*template, *endpoint, id))
        });
        Some(Request {
            action: format!("{} {}", head.method, found.as_ref().map_or(path, |(template, ..)| template)),
            endpoint: found.map(|(_, endpoint, id)| (endpoint, id)),
            method: head.method.to_string(),
            path: path.to_string(),
            query: query.into_owned().collect(),
            headers,
            body: body.clone(),
            number,
        })
    }

    pub fn served(&self) -> Served {
        let text = || String::from_utf8_lossy(&self.body).into_owned().into();
        Served {
            action: self.action.clone(),
            account: ACCOUNT.into(),
            parameters: self.query.clone(),
            method: Some(self.method.clone()),
            path: Some(self.path.clone()),
            headers: self.headers.clone(),
            body: (!self.body.is_empty()).then(|| serde_json::from_slice(&self.body).unwrap_or_else(|_| text())),
            ..Served::default()
        }
    }

    pub fn asked(&self) -> Asked<'_> {
        Asked { action: &self.action, region: "", account: ACCOUNT, has_many_arns: false }
    }

    pub fn answer(&self, store: &Store) -> Reply {
        self.outcome(store).unwrap_or_else(|refusal| refusal.reply())
    }

    /// Routing, then the caller, then the body: in this order requests are refused.
    fn outcome(&self, store: &Store) -> Result<Reply, Refusal> {
        let (endpoint, id) = self.endpoint.as_ref().ok_or_else(|| Refusal::new(404, "Not Found"))?;
        let authorization = self.headers.get("authorization").map(String::as_str);
        let content_type = self.headers.get("content-type").map(String::as_str);
        let body = || payload::body(content_type, &self.body);
        if *endpoint != Endpoint::Login {
            login::authorize(store, authorization)?;
        }
        match *endpoint {
            Endpoint::Login => login::authenticate(store, authorization, body()?.as_ref(), self.number),
            Endpoint::List => integrations::list(store),
            Endpoint::Create => integrations::create(store, body()?),
            Endpoint::Get => integrations::get(store, id),
            Endpoint::Replace => integrations::replace(store, id, body()?),
            Endpoint::Delete => integrations::delete(store, id, body()?.as_ref()),
            Endpoint::Status => integrations::status(store, id),
            Endpoint::Regenerate => integrations::regenerate(store, id),
            Endpoint::Script(script) => scripts::answer(store, script, id, body()?),
        }
    }
}

/// The id that a path has where its template has `{id}`, when they fit.
fn matched(template: &str, path: &str) -> Option<String> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut id = String::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(id),
            (Some("{id}"), Some(part)) if !part.is_empty() => id = decoded(part),
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

/// A path's part without its percent signs. A form's rules, but for the two characters that mean more in a form.
fn decoded(part: &str) -> String {
    let form = part.replace('+', "%2B").replace('&', "%26");
    form_urlencoded::parse(form.as_bytes()).map(|(name, value)| [name, value].concat()).collect()
}

/// A request that is refused, in the shape that the documentation shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    status_code: u16,
    error: &'a str,
    message: &'a str,
}

impl Refusal {
    fn new(status: u16, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into() }
    }

    fn reply(&self) -> Reply {
        let error = match self.status {
            400 => "Bad request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not found",
            409 => "Conflict",
            415 => "Unsupported media type",
            422 => "Unprocessable entity",
            429 => "Too many requests",
            502 => "Bad gateway",
            503 => "Service unavailable",
            504 => "Gateway timeout",
            _ => "Internal server error",
        };
        json(self.status, &Written { status_code: self.status, error, message: &self.message })
    }
}

/// What the store could not do is the service's own failure.
impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::new(500, error.to_string())
    }
}

fn json(status: u16, value: &impl Serialize) -> Reply {
    // Only a map whose keys are no texts cannot be written, and there is none.
    let body = serde_json::to_string(value).unwrap_or_default();
    Reply { content_type: "application/json; charset=utf-8", ..Reply::xml(status, body) }
}

#[cfg(test)]
mod tests;
