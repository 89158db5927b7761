//! One request over HTTP and its whole answer. Knows no call and no document.
//! Invariant: a request that carries a credential goes to one host, and no redirect takes it to another.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::time::{Instant, sleep_until};

use super::address::{is_same_origin, origin, resolved};
use super::incoming::Incoming;
use crate::drivers::causes::{chain_text, find};
use crate::drivers::http::{Astray, BadSetting, Http, NoAddress};
use crate::error::{Error, Kind, Result};

/// How often one request is sent on by its service.
const REDIRECTS: usize = 5;

#[derive(Debug)]
pub struct Exchange {
    http: Http,
    connect: Duration,
    /// The time between two requests to one host.
    interval: Option<Duration>,
    /// When the next request to a host may be sent.
    free: Mutex<HashMap<String, Instant>>,
}

/// What is sent, credentials included: never shown.
pub struct Sent {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

impl Exchange {
    pub fn new(http: &Http, connect: Duration, per_second: Option<usize>) -> Self {
        let interval = per_second.map(|count| Duration::from_secs(1) / u32::try_from(count).unwrap_or(u32::MAX));
        Exchange { http: http.clone(), connect, interval, free: Mutex::default() }
    }

    /// Sends a request, and follows where a GET is sent on to on the same host.
    ///
    /// # Errors
    /// `Unreachable`: nothing was sent. `Transport`: no whole answer came. `Refused`: a redirect that is not followed.
    pub async fn send(&self, service: &str, sent: &Sent) -> Result<Incoming> {
        let mut url = sent.url.clone();
        for _ in 0..=REDIRECTS {
            let incoming = self.once(service, sent, &url).await?;
            let location = incoming.header("location").filter(|_| [301, 302, 303, 307, 308].contains(&incoming.status));
            let Some(location) = location else { return Ok(incoming) };
            let next = resolved(&url, location);
            let refused = |why: &str| {
                Error::new(Kind::Refused, format!("{service} sends the request on {why}, which is not followed"))
                    .with_context(format!("HTTP status {}, to {}", incoming.status, origin(&next)))
            };
            if !is_same_origin(&url, &next) {
                return Err(refused("to another host")
                    .with_hint("it would take the credentials along: name the right host, if it has moved"));
            }
            if sent.method != "GET" {
                return Err(refused(&format!("though it is a {}", sent.method)));
            }
            url = next;
        }
        Err(Error::new(Kind::Refused, format!("{service} sends the request on for more than {REDIRECTS} times")))
    }

    async fn once(&self, service: &str, sent: &Sent, url: &str) -> Result<Incoming> {
        self.turn(origin(url)).await;
        let unfit = |what: &str| Error::new(Kind::Param, format!("the request cannot be sent: {what}"));
        let body = sent.body.clone().map_or_else(SdkBody::empty, SdkBody::from);
        let mut request = HttpRequest::new(body);
        request.set_uri(url).map_err(|_| unfit("its address is none"))?;
        request.set_method(sent.method).map_err(|_| unfit("its method is none"))?;
        for (name, value) in &sent.headers {
            // The value may be a secret, and is not shown.
            let known = request.headers_mut().try_insert(name.to_ascii_lowercase(), value.clone());
            known.map_err(|_| unfit(&format!("the value of the header `{name}` has signs that no header may have")))?;
        }
        if let Some(body) = &sent.body {
            let length = request.headers_mut().try_insert("content-length", body.len().to_string());
            length.map_err(|_| unfit("its length is none"))?;
        }
        let response = self.http.call(request, self.connect).await.map_err(|error| broken(service, url, &error))?;
        let status = response.status().as_u16();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let body = ByteStream::new(response.into_body()).collect().await.map_err(|error| {
            Error::new(Kind::Transport, format!("no whole answer came from {service}")).with_context(chain_text(&error))
        })?;
        Ok(Incoming { status, headers, body: body.to_vec() })
    }

    /// Waits until the host may be asked again.
    pub(super) async fn turn(&self, origin: &str) {
        let Some(interval) = self.interval else { return };
        let now = Instant::now();
        let at = {
            // A panic elsewhere leaves the map whole.
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let next = free.entry(origin.to_string()).or_insert(now);
            let at = (*next).max(now);
            *next = at + interval;
            at
        };
        sleep_until(at).await;
    }
}

/// Nothing came back, or nothing was sent.
fn broken(service: &str, url: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    if let Some(bad) = find::<BadSetting>(error) {
        return Error::new(Kind::Usage, &bad.message).with_hint(&bad.hint);
    }
    if let Some(NoAddress { host, .. }) = find::<NoAddress>(error) {
        return Error::new(Kind::Unreachable, format!("`{host}` has no address"));
    }
    if let Some(rustls::Error::InvalidCertificate(why)) = find::<rustls::Error>(error) {
        return Error::new(Kind::Usage, format!("the certificate of {service}'s answer is not trusted: {why}"))
            .with_hint("behind a proxy that opens TLS, `AWS_CA_BUNDLE` names the PEM file of its certificates");
    }
    let refused = find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    match find::<Astray>(error) {
        Some(astray) if refused && !astray.by_proxy => {
            Error::new(Kind::Unreachable, format!("nothing listens at `{}`", origin(url)))
        }
        _ => {
            Error::new(Kind::Transport, format!("no whole answer came from {service}")).with_context(chain_text(error))
        }
    }
}
