//! The driver `rest`: a service that its document alone describes, in the section `rest`. One for each service.
//! Knows requests, answers and credentials; what the calls are for, the document's other half says.

use std::sync::Arc;

use async_trait::async_trait;

use self::answer::About;
use self::auth::{Credential, Desk, Keys};
use self::exchange::{Exchange, Sent};
use self::incoming::Incoming;
use self::known::Known;
use self::wiring::{Call, Wiring};
use super::http::Http;
use super::{Driver, Input, Page, ParamSignature, Request, Signature, narrowed};
use crate::catalog::Written;
use crate::catalog::model::Service;
use crate::error::{Error, Kind, Result};
use crate::settings::{Mask, Secrets, Settings};

mod address;
mod answer;
mod auth;
mod exchange;
mod incoming;
mod known;
mod paging;
mod place;
mod read;
mod request;
mod template;
mod wiring;

/// What a document calls this driver.
pub const NAME: &str = "rest";

#[derive(Debug)]
pub struct Rest {
    /// No request may leave this machine.
    stays_here: bool,
    wiring: Wiring,
    keys: Keys,
    exchange: Exchange,
    secrets: Secrets,
    /// The secrets that were sent, which a service may quote in a later answer as well.
    known: Known,
}

/// The driver of a service whose document names this one. None: its section is missing or has mistakes, which are
/// complained of; or another driver was named, and there is no section.
pub fn open(service: &Service, written: &mut Written, settings: &Settings, http: &Http) -> Option<Rest> {
    let section = written.section(NAME);
    match (&section, service.driver == NAME) {
        (Some(_), false) if written.is_sound(&["driver"]) => {
            let message = format!("`rest` is the section of the driver `rest`, and the driver is `{}`", service.driver);
            written.complain(&[NAME], message);
        }
        (None, true) => written.complain(&["driver"], "the driver `rest` needs a section `rest`"),
        _ => {}
    }
    let section = section.filter(|_| service.driver == NAME)?;
    let mut mistakes = Vec::new();
    let wiring = read::wiring(service, &section, &mut mistakes);
    let is_sound = mistakes.is_empty() && written.is_sound(&[NAME]);
    written.add(mistakes);
    is_sound.then(|| Rest {
        keys: Keys::new(wiring.auth.clone(), &settings.environment),
        exchange: Exchange::new(http, settings.limits.connect, wiring.per_second),
        secrets: settings.secrets.clone(),
        known: Known::default(),
        stays_here: settings.stays_here,
        wiring,
    })
}

#[async_trait]
impl Driver for Rest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn service(&self) -> &str {
        &self.wiring.service
    }

    fn signature(&self, call: &str) -> Option<Signature<'_>> {
        self.wiring.call(call).map(signature)
    }

    fn calls(&self) -> Vec<&str> {
        self.wiring.calls.iter().map(|call| call.name.as_str()).collect()
    }

    async fn send(&self, request: &Request) -> Result<Page, Error> {
        let call = self.wiring.call(&request.call);
        let call = call.ok_or_else(|| Error::new(Kind::Internal, format!("`rest` has no call `{}`", request.call)))?;
        // Nothing but this knows the secrets: what is shown is made of the request as it was given.
        let about = self.about(call, request);
        let (request, given) = request::resolved(&self.wiring, &self.secrets, request)?;
        self.known.add(&given);
        let page = self.sent(call, &request, &about).await.map_err(|error| self.known.mask().error(error))?;
        Ok(if call.writes { known::without(&Mask::new(given), call, &request, page) } else { page })
    }

    fn describe(&self, request: &Request) -> String {
        let call = self.wiring.call(&request.call);
        let described = call.and_then(|call| request::described(&self.wiring, call, request));
        described.unwrap_or_else(|| {
            let open = |wire: &String| !self.wiring.secrets.contains_key(wire);
            let inputs = request.inputs.iter().filter(|(wire, _)| open(wire));
            let inputs = inputs.map(|(wire, values)| (wire.clone(), values.clone())).collect();
            narrowed(&Request { inputs, ..request.clone() })
        })
    }

    fn ready(&self, request: &Request) -> Result<(), Error> {
        request::ready(&self.wiring, &self.secrets, request)
    }

    fn knows(&self, secret: &str) -> Result<(), Error> {
        self.secrets.get(secret).map(drop)
    }

    fn mask(&self) -> Arc<Mask> {
        self.known.mask()
    }
}

impl Rest {
    fn about<'a>(&'a self, call: &'a Call, request: &Request) -> About<'a> {
        About {
            service: &self.wiring.service,
            call: &call.name,
            does: call.does.as_deref(),
            described: self.describe(request),
            errors: &self.wiring.errors,
            statuses: &call.statuses,
            creates: call.creates(),
            permissions: &call.permissions,
            key: self.keys.variable(),
        }
    }

    async fn sent(&self, call: &Call, request: &Request, about: &About<'_>) -> Result<Page> {
        let outgoing = request::outgoing(&self.wiring, call, request)?;
        let host = outgoing.base.split_once("://").map_or("", |(_, rest)| address::authority(rest));
        if self.stays_here && !address::is_loopback(host) {
            return Err(Error::new(Kind::Param, format!("`{host}` is another machine, and the sandbox asks none"))
                .with_context("nothing was sent"));
        }
        let mut headers = outgoing.headers.clone();
        let body = outgoing.body.as_ref().map(|body| body.to_string().into_bytes());
        if body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type".into(), "application/json".into()));
        }
        let sent = Sent { method: outgoing.method, url: outgoing.url.clone(), headers, body };
        let incoming = self.exchanged(&outgoing.base, sent, about).await?;
        incoming.page(&self.wiring, call, request, &outgoing.url, about)
    }

    /// The answer to a request that carries a credential; once more with another one if that was not accepted.
    async fn exchanged(&self, base: &str, sent: Sent, about: &About<'_>) -> Result<Incoming> {
        let desk = Desk { service: about.service, base, exchange: &self.exchange, errors: &self.wiring.errors };
        self.known.add(&self.keys.secrets());
        let credential = self.keys.credential(&desk, None).await?;
        self.known.add(&credential.secrets());
        let told = |error: Error| Error { context: [vec![about.described.clone()], error.context].concat(), ..error };
        let send = async |credential: &Credential| {
            self.exchange.send(about.service, &with(&sent, credential)).await.map_err(told)
        };
        let incoming = send(&credential).await?;
        if incoming.status != 401 || !self.keys.is_renewable() {
            return Ok(incoming);
        }
        // Whoever is not known was done nothing for.
        let renewed = self.keys.credential(&desk, Some(&credential)).await?;
        self.known.add(&renewed.secrets());
        send(&renewed).await
    }
}

/// A request with the credential that it carries.
fn with(sent: &Sent, credential: &Credential) -> Sent {
    let mut sent =
        Sent { method: sent.method, url: sent.url.clone(), headers: sent.headers.clone(), body: sent.body.clone() };
    match credential {
        Credential::None => {}
        Credential::Header(name, value) => sent.headers.push((name.clone(), value.reveal().into())),
        Credential::Query(name, value) => {
            let sign = if sent.url.contains('?') { '&' } else { '?' };
            let pair = format!("{sign}{}={}", template::encoded(name), template::encoded(value.reveal()));
            sent.url.push_str(&pair);
        }
    }
    sent
}

fn signature(call: &Call) -> Signature<'_> {
    Signature {
        params: call
            .params
            .iter()
            .map(|(name, required)| ParamSignature {
                name,
                required: *required,
                known: &[],
                plausible: |value| !value.is_empty(),
                group: |_| "",
            })
            .collect(),
        inputs: call
            .inputs
            .iter()
            .map(|input| Input { wire: &input.wire, most: input.most, required: input.required, key: input.key })
            .collect(),
        fields: call.fields.iter().map(|(wire, _)| wire.as_str()).collect(),
        page: call.paging.as_ref().map(|paging| paging.bounds()),
        repeatable: call.repeatable,
        writes: call.writes,
        permissions: call.permissions.iter().map(String::as_str).collect(),
    }
}

#[cfg(test)]
mod tests;
