//! The only code that leaves the process: one call in, one page of rows out.
//! Knows neither SQL nor Arrow, nor what a statement is; what exists is the catalog's to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::catalog::model::Service;
use crate::catalog::secret::Marks;
use crate::catalog::{Draft, Drafts};
use crate::error::{Error, Kind, Result};
use crate::settings::{Mask, Settings};

mod ahead;
mod aws;
mod causes;
mod http;
mod pace;
mod page;
mod rest;
mod retry;
mod stop;
mod verify;

pub use ahead::Ahead;
pub use pace::Pace;
pub use page::{Page, Request};
pub use retry::{Answer, Policy, Repeat, not_sent, send};
pub use stop::Stop;
pub use verify::{unused, verify};

/// The drivers of a catalog: those that every service shares, and those that a service has for itself.
#[derive(Debug, Clone, Default)]
pub struct Drivers {
    shared: Vec<Arc<dyn Driver>>,
    /// Made from what the service's document says, by provider and service.
    own: BTreeMap<(String, String), Arc<dyn Driver>>,
}

/// Every driver of the documents. Touches neither a file nor a credential nor the network: that waits for the first
/// call. What a document says of its own driver and cannot be done is added to its mistakes.
pub fn open(settings: &Settings, documents: &mut Drafts) -> Drivers {
    let mut drivers = Drivers { shared: vec![Arc::new(aws::redshift::Redshift::new(settings))], ..Drivers::default() };
    let http = http::Http::new(&settings.aws);
    for Draft { service, written } in &mut documents.drafts {
        if let Some(driver) = rest::open(service, written, settings, &http) {
            drivers.own.insert((service.provider.clone(), service.name.clone()), Arc::new(driver));
        }
    }
    drivers
}

impl Drivers {
    /// The driver that carries a service's calls. None: there is none of that name, or the document does not say enough
    /// to make it.
    pub fn of(&self, service: &Service) -> Option<&Arc<dyn Driver>> {
        let own = || self.own.get(&(service.provider.clone(), service.name.clone()));
        self.shared.iter().find(|driver| driver.name() == service.driver).or_else(own)
    }

    /// The names that a document's `driver:` may have.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.shared.iter().map(|driver| driver.name()).chain([rest::NAME])
    }
}

/// What a call takes and gives.
#[derive(Debug, Clone)]
pub struct Signature<'a> {
    /// The params that the call takes, by SQL name.
    pub params: Vec<ParamSignature<'a>>,
    pub inputs: Vec<Input<'a>>,
    /// The wire names of the fields that a row can have: of a write, the row that it answers with, if it does.
    pub fields: Vec<&'a str>,
    /// The rows that a page may have: the least and the most that the service takes. None: not paged.
    pub page: Option<(usize, usize)>,
    /// May the call be sent again when its answer was lost?
    pub repeatable: bool,
    /// Whether the call changes anything.
    pub writes: bool,
    /// The permissions of the call itself, as the service names them.
    pub permissions: Vec<&'a str>,
}

#[derive(Debug, Clone)]
pub struct ParamSignature<'a> {
    pub name: &'a str,
    pub required: bool,
    /// Values known to exist, for suggestions.
    pub known: &'static [&'static str],
    /// Whether a value that is not known has at least the shape of one. Others are refused before anything is sent.
    pub plausible: fn(&str) -> bool,
    /// Which of the known values belong together: those of one group, of a region its partition.
    pub group: fn(&str) -> &'static str,
}

/// Something that narrows a call's answer at the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input<'a> {
    pub wire: &'a str,
    /// How many values one call takes.
    pub most: usize,
    /// The call does not work without it.
    pub required: bool,
    /// A row answers to exactly one value of it, so that no page can be longer than the values given.
    pub key: bool,
}

/// A way of reaching services. Cheap to make: clients are made when first needed.
#[async_trait]
pub trait Driver: Send + Sync + std::fmt::Debug {
    /// The name that documents use in `driver:`.
    fn name(&self) -> &'static str;

    /// Who answers, as a message names it (`AWS`).
    fn service(&self) -> &str {
        self.name()
    }

    /// What `call` takes and gives; `None` if the driver has no such call.
    fn signature(&self, call: &str) -> Option<Signature<'_>>;

    /// Every call that the driver has, so that documents and drivers can be held against each other.
    fn calls(&self) -> Vec<&str>;

    /// Sends one request, once. A row that a read asked for by its key and that does not exist is no row.
    ///
    /// # Errors
    /// With a kind that says whether sending it again may help, the service's code, message and request id as context.
    async fn send(&self, request: &Request) -> Result<Page, Error>;

    /// The same. `ahead` is told where the next page starts, by a driver that sees it before it has read the rows. What
    /// it is told may turn out not to be so: the page has the last word.
    ///
    /// # Errors
    /// Those of `send`.
    async fn send_ahead(&self, request: &Request, _ahead: &Ahead) -> Result<Page, Error> {
        self.send(request).await
    }

    /// Whether an error may mean that the account is not let in where it was asked, and says nothing of other places.
    fn may_be_closed(&self, _error: &Error) -> bool {
        false
    }

    /// Holds that a request can be sent as far as its secrets are concerned: each marker stands where a secret belongs,
    /// and has a value. Asked of every request of a statement before the first is sent.
    ///
    /// # Errors
    /// `Credentials`: a secret without a value. `Param`: a marker in another place. A driver that knows no secrets refuses
    /// every marker.
    fn ready(&self, request: &Request) -> Result<(), Error> {
        let texts = request.inputs.iter().flat_map(|(wire, values)| values.iter().map(move |value| (wire, value)));
        let texts = request.params.iter().chain(texts).map(|(name, text)| (name, Value::from(text.as_str())));
        let body = request.body.iter().map(|(name, value)| (name, value.clone()));
        let complaints = texts.chain(body).flat_map(|(name, value)| Marks::default().complaints(name, &value));
        match complaints.into_iter().next() {
            None => Ok(()),
            Some(complaint) => Err(Error::new(Kind::Param, complaint).with_context("nothing was sent")),
        }
    }

    /// Holds that a secret has a value.
    ///
    /// # Errors
    /// `Credentials`: it has none.
    fn knows(&self, _secret: &str) -> Result<(), Error> {
        Ok(())
    }

    /// What hides the secrets that the driver has sent.
    fn mask(&self) -> Arc<Mask> {
        Arc::default()
    }

    /// How a request reads to a person: `DescribeIntegrations region=us-east-1 status=failed`. A write's body follows as
    /// compact JSON, under the names that it is sent by.
    fn describe(&self, request: &Request) -> String {
        narrowed(request)
    }
}

/// Tells drivers apart: two services of one driver's name may each have their own.
pub fn address(driver: &Arc<dyn Driver>) -> *const () {
    Arc::as_ptr(driver).cast()
}

/// How a request without a body reads to a person.
fn narrowed(request: &Request) -> String {
    let inputs = request.inputs.iter().map(|(wire, values)| match values.as_slice() {
        [value] => format!(" {wire}={value}"),
        values => format!(" {wire}=({} values)", values.len()),
    });
    std::iter::once(addressed(request)).chain(inputs).collect()
}

/// How the beginning of a request reads to a person: which call, and where.
fn addressed(request: &Request) -> String {
    let params = request.params.iter().map(|(name, value)| format!(" {name}={value}"));
    std::iter::once(request.call.clone()).chain(params).collect()
}
