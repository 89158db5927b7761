//! From a whole answer to a page of rows, or to the error that it is. Kinds come from statuses, never from messages.
//! Sends nothing.

use std::time::Duration;

use chrono::Utc;
use serde_json::Value;

use super::incoming::Incoming;
use super::place::Frame;
use super::wiring::{Answer, Call, Errors, Source, Statuses, Wiring};
use crate::drivers::Request;
use crate::error::{Error, Kind, Reply, Result};

/// No more of what a service says is shown.
const LONGEST_MESSAGE: usize = 1000;

/// The request that an answer is to, for whoever reads of its failure.
#[derive(Debug)]
pub struct About<'a> {
    pub service: &'a str,
    pub call: &'a str,
    /// What it does, to follow "refused".
    pub does: Option<&'a str>,
    pub described: String,
    pub errors: &'a Errors,
    pub statuses: &'a Statuses,
    pub creates: bool,
    pub permissions: &'a [String],
    /// The variable of the key.
    pub key: Option<&'a str>,
}

/// What an answer holds, as JSON; nothing at all is `None`.
///
/// # Errors
/// The service's own, by its status; `Shape`: a text that is not JSON.
pub fn json(incoming: &Incoming, about: &About<'_>) -> Result<Option<Value>> {
    text(incoming, about)?.map_or(Ok(None), |text| {
        serde_json::from_str(&text).map(Some).map_err(|error| shape(incoming, about, &format!("as no JSON: {error}")))
    })
}

/// The same for a call that answers with a text.
pub fn text(incoming: &Incoming, about: &About<'_>) -> Result<Option<String>> {
    if !about.statuses.is_success(incoming.status) {
        return Err(said(incoming, about));
    }
    if let Some(coding) = incoming.header("content-encoding").filter(|coding| *coding != "identity") {
        return Err(shape(incoming, about, &format!("packed by `{coding}`, which was not asked for")));
    }
    if is_web_page(incoming) {
        return Err(shape(incoming, about, "with a web page")
            .with_hint("a proxy or a sign-in page may stand between, or the address is not the service's"));
    }
    let text = std::str::from_utf8(&incoming.body).map_err(|_| shape(incoming, about, "with no UTF-8"))?;
    Ok((!text.trim().is_empty()).then(|| text.to_string()))
}

/// The rows of an answer, with the request's fields, and how many entries its list has.
///
/// # Errors
/// `Shape`: the rows are not where they should be.
pub fn rows(
    wiring: &Wiring,
    call: &Call,
    request: &Request,
    answer: &Value,
    incoming: &Incoming,
    about: &About<'_>,
) -> Result<(Vec<Vec<Value>>, usize)> {
    let Answer::Rows(rows) = &call.answer else { return Ok((Vec::new(), 0)) };
    let is_one = call.inputs.iter().any(|given| given.key && request.inputs.contains_key(&given.wire));
    let found = rows.of(answer, is_one).map_err(|lacks| shape(incoming, about, &format!("and has {lacks}")))?;
    let wanted: Vec<_> = request.fields.iter().map(|wire| (source(call, wire), wiring.texts.contains(wire))).collect();
    let mut values = Vec::with_capacity(found.frames.len());
    for frame in &found.frames {
        if rows.depth() == 0 && !frame.last().is_some_and(|(row, _)| row.is_object()) {
            return Err(shape(incoming, about, "and has no object where its row should be"));
        }
        // A row of nothing would be dropped by the first condition, as if there were none.
        if rows.depth() == 0 && !call.writes && !says_anything(call, frame) {
            return Err(shape(incoming, about, "and has nothing of what its row should have"));
        }
        if is_wanted(call, frame) {
            let row = wanted.iter().map(|(source, is_text)| {
                let value = match source {
                    Some(Source::Answer(place)) => place.of(frame),
                    Some(Source::Request(name)) => given(request, name),
                    None => Value::Null,
                };
                if *is_text { as_text(value) } else { value }
            });
            values.push(row.collect());
        }
    }
    Ok((values, found.entries))
}

/// The one row of an answer that is a text.
pub fn row_of_text(call: &Call, request: &Request, text: &str) -> Vec<Value> {
    // Some services write the text as JSON does, alone or in an object.
    let own = match &call.answer {
        Answer::Text(wire) => wire.as_str(),
        Answer::Rows(_) => "",
    };
    let text = match serde_json::from_str::<Value>(text) {
        Ok(Value::String(text)) => text,
        Ok(Value::Object(object)) => object.get(own).and_then(Value::as_str).unwrap_or(text).to_string(),
        _ => text.to_string(),
    };
    let value = |wire: &String| match source(call, wire) {
        Some(Source::Answer(_)) => Value::from(text.as_str()),
        Some(Source::Request(name)) => given(request, name),
        None => Value::Null,
    };
    request.fields.iter().map(value).collect()
}

fn source<'a>(call: &'a Call, wire: &str) -> Option<&'a Source> {
    call.fields.iter().find(|(known, _)| known == wire).map(|(_, source)| source)
}

/// What the request was given under a name.
fn given(request: &Request, name: &str) -> Value {
    let input = || request.inputs.get(name).and_then(|values| values.first());
    request.params.get(name).or_else(input).map(|value| Value::from(value.as_str())).unwrap_or_default()
}

fn is_wanted(call: &Call, frame: &Frame<'_>) -> bool {
    call.only.iter().all(|(place, values)| values.contains(&place.of(frame)))
}

/// Whether the answer has any of the fields that are read from it.
fn says_anything(call: &Call, frame: &Frame<'_>) -> bool {
    let read = |source: &Source| match source {
        Source::Answer(place) => Some(!place.of(frame).is_null()),
        Source::Request(_) => None,
    };
    let mut known = call.fields.iter().filter_map(|(_, source)| read(source)).peekable();
    known.peek().is_none() || known.any(|is_there| is_there)
}

/// Services give the same id as a number here and as a text there.
fn as_text(value: Value) -> Value {
    match value {
        value @ (Value::Number(_) | Value::Bool(_)) => Value::String(value.to_string()),
        value => value,
    }
}

/// The service answered, and not with success.
fn said(incoming: &Incoming, about: &About<'_>) -> Error {
    let (service, call, status) = (about.service, about.call, incoming.status);
    let does = about.does.map_or_else(|| format!("`{call}`"), String::from);
    let named = named(status);
    let refused = |kind| Error::new(kind, format!("{service} refused {does}: {named}"));
    let mut error = match status {
        401 => {
            let error = refused(Kind::Credentials);
            about.key.iter().fold(error, |error, key| {
                error.with_hint(format!("the key came from `{key}`; it may have expired, or be another service's"))
            })
        }
        403 => {
            let mut error = refused(Kind::Denied);
            if let Some(key) = about.key {
                let needs = match about.permissions {
                    [] => "its user may not do that".to_string(),
                    list => format!("its user needs {}", permissions(list)),
                };
                error = error.with_hint(format!("the key came from `{key}`; {needs}"));
            }
            error
        }
        _ if about.statuses.absent.contains(&status) => {
            Error::new(Kind::NotFound, format!("{service} does not find what `{call}` is about: {named}"))
        }
        _ if about.statuses.conflict.contains(&status) => {
            refused(if about.creates { Kind::Exists } else { Kind::Conflict })
        }
        429 => Error::new(Kind::Throttled, format!("{service} throttled `{call}`")),
        _ if status >= 500 || about.statuses.retry.contains(&status) => {
            Error::new(Kind::Unavailable, format!("{service} failed on `{call}` with HTTP status {status}"))
        }
        _ => refused(Kind::Refused),
    };
    error.context.insert(0, about.described.clone());
    let (message, code) = message(incoming, about.errors);
    error.context.extend(message.map(|message| format!("{service} says: {message}")));
    let id = about.errors.request_id.as_ref().and_then(|name| incoming.header(name)).map(String::from);
    let facts = [code.as_ref().map(|code| format!("code {code}")), id.clone().map(|id| format!("request id {id}"))];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    error.context.extend((!facts.is_empty()).then(|| facts.join(", ")));
    let mut error = error.with_reply(Reply { retry_after: retry_after(incoming), request_id: id, code });
    if is_web_page(incoming) && error.kind == Kind::Refused {
        error.hints.push("it answered with a web page: a proxy or a sign-in page may stand between".into());
    }
    error
}

fn permissions(list: &[String]) -> String {
    let names: Vec<String> = list.iter().map(|name| format!("`{name}`")).collect();
    format!("the {} {}", if names.len() == 1 { "permission" } else { "permissions" }, names.join(", "))
}

/// What the service says went wrong, and its code for that.
fn message(incoming: &Incoming, errors: &Errors) -> (Option<String>, Option<String>) {
    let Ok(answer) = serde_json::from_slice::<Value>(&incoming.body) else {
        let text = String::from_utf8_lossy(&incoming.body);
        let is_said = !is_web_page(incoming) && !text.trim().is_empty();
        return (is_said.then(|| shortened(text.trim())), None);
    };
    let read = |place: &Option<super::place::Place>| match place.as_ref()?.within(&answer)? {
        Value::String(text) if !text.trim().is_empty() => Some(shortened(text.trim())),
        Value::Null | Value::String(_) => None,
        value => Some(shortened(&value.to_string())),
    };
    (read(&errors.message), read(&errors.code))
}

fn shortened(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// An answer of success that is not what the document says.
pub fn shape(incoming: &Incoming, about: &About<'_>, why: &str) -> Error {
    let id = about.errors.request_id.as_ref().and_then(|name| incoming.header(name)).map(String::from);
    let id_text = id.as_ref().map(|id| format!(", request id {id}")).unwrap_or_default();
    let error = Error::new(Kind::Shape, format!("{} answered `{}` {why}", about.service, about.call))
        .with_context(&about.described)
        .with_context(format!("HTTP status {}{id_text}", incoming.status));
    error.with_reply(Reply { request_id: id, ..Reply::default() })
}

fn is_web_page(incoming: &Incoming) -> bool {
    let kind = incoming.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let start = incoming.body.trim_ascii_start();
    kind.starts_with("text/html")
        || start.to_ascii_lowercase().starts_with(b"<!doctype html")
        || start.starts_with(b"<html")
}

/// `403 Forbidden`
fn named(status: u16) -> String {
    let name = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        423 => "Locked",
        _ => return format!("HTTP status {status}"),
    };
    format!("{status} {name}")
}

/// `Retry-After` in seconds or as a date.
fn retry_after(incoming: &Incoming) -> Option<Duration> {
    let text = incoming.header("retry-after")?;
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => (chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc() - Utc::now()).to_std().ok(),
    }
}
