//! A request of either service: what the log notes of it, what rules can look at, and who answers it.
//! Knows no socket and no connection.

use hyper::body::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

use super::caller::{self, Caller, caller};
use super::faults::{Asked, At, Trouble};
use super::log::Served;
use super::state::Store;
use super::trouble::{self, Reply};
use super::wire::{Form, Refusal};
use super::{immuta, redshift};

pub enum Call {
    Aws(Query),
    Immuta(immuta::Request),
}

/// A request of the Query protocol.
pub struct Query {
    caller: Result<Caller, Refusal>,
    /// As the credential scope has it, real or not.
    region: String,
    form: Form,
    /// The request's id.
    id: String,
}

impl Call {
    /// `number` is no other request's.
    pub fn read(head: &Parts, body: Bytes, number: u64) -> Call {
        match immuta::Request::read(head, &body, number) {
            Some(request) => Call::Immuta(request),
            None => Call::Aws(Query::read(head, &body, number)),
        }
    }

    pub fn served(&self) -> Served {
        match self {
            Call::Aws(query) => query.served(),
            Call::Immuta(request) => request.served(),
        }
    }

    /// `None` for a caller that is refused, whom no trouble meets.
    pub fn asked(&self) -> Option<Asked<'_>> {
        match self {
            Call::Aws(query) => query.asked(),
            Call::Immuta(request) => Some(request.asked()),
        }
    }

    /// The answer that a trouble gives in place of the service's own, if it does.
    pub fn instead(&self, trouble: &Trouble) -> Option<Reply> {
        match self {
            Call::Aws(query) => query.instead(trouble),
            Call::Immuta(_) => immuta::instead(trouble),
        }
    }

    pub fn answer(&self, store: &Store) -> Reply {
        match self {
            Call::Aws(query) => query.answer(store),
            Call::Immuta(request) => request.answer(store),
        }
    }

    pub fn cut(&self, body: &str, at: At) -> String {
        match self {
            Call::Aws(_) => trouble::cut(body, at),
            Call::Immuta(_) => immuta::cut(body, at),
        }
    }

    pub fn repeat_marker(&self, body: String) -> String {
        match self {
            Call::Aws(query) => trouble::repeat_marker(&body, query.form.get("Marker").unwrap_or_default()),
            Call::Immuta(_) => body,
        }
    }

    pub fn request_id(&self) -> Option<&str> {
        match self {
            Call::Aws(query) => Some(&query.id),
            Call::Immuta(_) => None,
        }
    }
}

impl Query {
    fn read(head: &Parts, body: &[u8], number: u64) -> Query {
        let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        Query {
            caller: caller(authorization),
            region: caller::region(authorization).unwrap_or_default().to_string(),
            form: Form::parse(head.uri.query(), body),
            id: format!("5a4db0c5-0000-4000-8000-{number:012x}"),
        }
    }

    fn action(&self) -> &str {
        self.form.get("Action").unwrap_or_default()
    }

    fn served(&self) -> Served {
        let mut parameters = self.form.parameters().clone();
        parameters.remove("Version");
        Served {
            action: parameters.remove("Action").unwrap_or_default(),
            region: self.region.clone(),
            account: self.caller.as_ref().map(|caller| caller.account.clone()).unwrap_or_default(),
            parameters,
            ..Served::default()
        }
    }

    fn asked(&self) -> Option<Asked<'_>> {
        let Caller { account, region, .. } = self.caller.as_ref().ok()?;
        Some(Asked { action: self.action(), region, account, has_many_arns: has_many_arns(&self.form) })
    }

    fn instead(&self, trouble: &Trouble) -> Option<Reply> {
        trouble::instead(trouble, self.action(), self.caller.as_ref().ok()?, &self.id)
    }

    fn answer(&self, store: &Store) -> Reply {
        let answer = match &self.caller {
            Ok(caller) => redshift::answer(store, caller, &self.form, &self.id),
            Err(refusal) => Err(refusal.clone()),
        };
        answer.map_or_else(|refusal| trouble::refusal(&refusal, &self.id), |body| Reply::xml(200, body))
    }
}

fn has_many_arns(form: &Form) -> bool {
    form.items("Filters.DescribeIntegrationsFilter").iter().any(|item| {
        form.get(&format!("{item}.Name")) == Some("integration-arn")
            && form.items(&format!("{item}.Values.Value")).len() > 1
    })
}
