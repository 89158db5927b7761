//! The server: connections, requests, the troubles that they meet, answers.
//! Knows HTTP; what an action means is `redshift`'s.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::caller::{self, Caller, caller};
use super::faults::{Asked, Length, Trouble};
use super::log::Served;
use super::trouble::{self, Reply};
use super::wire::Form;
use super::{Sandbox, control, redshift};

/// More than any request has.
const LARGEST_BODY: usize = 4 << 20;

type Body = UnsyncBoxBody<Bytes, Closed>;

/// The connection is to be closed, here and now.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on request")
    }
}

impl std::error::Error for Closed {}

/// Serves for ever. Its connections end with it.
pub async fn serve(listener: TcpListener, sandbox: Arc<Sandbox>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of descriptors, or a client that left at once.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        // Small answers must not wait for an acknowledgement.
        stream.set_nodelay(true).ok();
        let sandbox = Arc::clone(&sandbox);
        connections.spawn(async move {
            let service = service_fn(move |request| respond(Arc::clone(&sandbox), request));
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            // A client that leaves is not our failure, and a trouble ends here too.
            connection.await.ok();
        });
    }
}

async fn respond(sandbox: Arc<Sandbox>, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(|_| Closed)?.to_bytes();
    let path = head.uri.path().to_string();
    if path.starts_with("/_sandbox/") {
        let method = head.method.to_string();
        let work = move || control::answer(&sandbox, &method, &path, &body);
        let (status, value) = tokio::task::spawn_blocking(work).await.map_err(|_| Closed)?;
        let reply = Reply { content_type: "application/json", ..Reply::xml(status, format!("{value}\n")) };
        return Ok(response(reply, None));
    }
    let form = Form::parse(head.uri.query(), &body);
    let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let id = request_id(sandbox.number.fetch_add(1, Ordering::Relaxed));
    let caller = caller(authorization);
    let region = caller::region(authorization).unwrap_or_default();
    let number = sandbox.log().add(served(&form, region, caller.as_ref().ok()));
    let reply = match caller {
        Ok(caller) => reply(&sandbox, caller, form, &id).await?,
        Err(refusal) => trouble::refusal(&refusal, &id),
    };
    sandbox.log().answered(number, reply.status);
    Ok(response(reply, Some(&id)))
}

/// The answer, after every trouble that meets the request.
async fn reply(sandbox: &Arc<Sandbox>, caller: Caller, form: Form, id: &str) -> Result<Reply, Closed> {
    let action = form.get("Action").unwrap_or_default().to_string();
    let asked = Asked {
        action: &action,
        region: &caller.region,
        account: &caller.account,
        has_many_arns: has_many_arns(&form),
    };
    let troubles = sandbox.faults().strike(&asked, Instant::now());
    for trouble in &troubles {
        match trouble {
            Trouble::Latency { milliseconds } => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
            Trouble::Reset => return Err(Closed),
            Trouble::Hang => std::future::pending().await,
            other => {
                if let Some(reply) = trouble::instead(other, &action, &caller, id) {
                    return Ok(reply);
                }
            }
        }
    }
    let marker = form.get("Marker").unwrap_or_default().to_string();
    let (store, request_id) = (Arc::clone(sandbox), id.to_string());
    let work = move || redshift::answer(&store.store, &caller, &form, &request_id);
    let mut reply = match tokio::task::spawn_blocking(work).await.map_err(|_| Closed)? {
        Ok(body) => Reply::xml(200, body),
        Err(refusal) => trouble::refusal(&refusal, id),
    };
    for trouble in troubles {
        match trouble {
            Trouble::Lost => return Err(Closed),
            Trouble::Cut { at, length } => {
                let body = trouble::cut(&reply.body, at);
                reply.said_length = (length == Length::Whole).then_some(reply.body.len());
                reply.body = body;
            }
            Trouble::RepeatMarker => reply.body = trouble::repeat_marker(&reply.body, &marker),
            _ => {}
        }
    }
    Ok(reply)
}

fn has_many_arns(form: &Form) -> bool {
    form.items("Filters.DescribeIntegrationsFilter").iter().any(|item| {
        form.get(&format!("{item}.Name")) == Some("integration-arn")
            && form.items(&format!("{item}.Values.Value")).len() > 1
    })
}

fn served(form: &Form, region: &str, caller: Option<&Caller>) -> Served {
    let mut parameters = form.parameters().clone();
    parameters.remove("Version");
    Served {
        action: parameters.remove("Action").unwrap_or_default(),
        region: region.to_string(),
        account: caller.map(|caller| caller.account.clone()).unwrap_or_default(),
        parameters,
        status: None,
    }
}

fn request_id(number: u64) -> String {
    format!("5a4db0c5-0000-4000-8000-{number:012x}")
}

fn response(reply: Reply, id: Option<&str>) -> Response<Body> {
    let length = reply.body.len();
    let body = Bytes::from(reply.body);
    let cut_short = reply.said_length.filter(|said| *said > length);
    let mut response = Response::new(match cut_short {
        None => Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync(),
        Some(_) => StreamBody::new(short(body)).boxed_unsync(),
    });
    if let Ok(status) = hyper::StatusCode::from_u16(reply.status) {
        *response.status_mut() = status;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(reply.content_type));
    headers.insert(CONTENT_LENGTH, cut_short.unwrap_or(length).into());
    if let Some(seconds) = reply.retry_after_seconds {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(id) = id.and_then(|id| id.parse().ok()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// A body that ends before its time. The pause lets what is there reach the client before the connection closes.
fn short(body: Bytes) -> impl futures::Stream<Item = Result<Frame<Bytes>, Closed>> {
    stream::unfold(Some(body), |state| async move {
        match state {
            Some(body) => Some((Ok(Frame::data(body)), None)),
            None => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(Closed), None))
            }
        }
    })
}
