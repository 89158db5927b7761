//! The server: connections, requests, the troubles that they meet, answers.
//! Knows HTTP; what a request means is `call`'s.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::call::Call;
use super::faults::{Length, Trouble};
use super::trouble::Reply;
use super::{Sandbox, control};

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
    let call = Arc::new(Call::read(&head, body, sandbox.number.fetch_add(1, Ordering::Relaxed)));
    let number = sandbox.log().add(call.served());
    let reply = reply(&sandbox, &call).await?;
    sandbox.log().answered(number, reply.status);
    Ok(response(reply, call.request_id()))
}

/// The answer, after every trouble that meets the request.
async fn reply(sandbox: &Arc<Sandbox>, call: &Arc<Call>) -> Result<Reply, Closed> {
    let strike = |asked| sandbox.faults().strike(&asked, Instant::now());
    let troubles = call.asked().map(strike).unwrap_or_default();
    for trouble in &troubles {
        match trouble {
            Trouble::Latency { milliseconds } => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
            Trouble::Reset => return Err(Closed),
            Trouble::Hang => std::future::pending().await,
            other => {
                if let Some(reply) = call.instead(other) {
                    return Ok(reply);
                }
            }
        }
    }
    let (shared, asked) = (Arc::clone(sandbox), Arc::clone(call));
    let work = move || asked.answer(&shared.store);
    let mut reply = tokio::task::spawn_blocking(work).await.map_err(|_| Closed)?;
    for trouble in troubles {
        match trouble {
            Trouble::Lost => return Err(Closed),
            Trouble::Cut { at, length } => {
                let body = call.cut(&reply.body, at);
                reply.said_length = (length == Length::Whole).then_some(reply.body.len());
                reply.body = body;
            }
            Trouble::RepeatMarker => reply.body = call.repeat_marker(reply.body),
            _ => {}
        }
    }
    Ok(reply)
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
