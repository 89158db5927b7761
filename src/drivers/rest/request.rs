//! From the engine's request to the one that is sent: address, headers and body, without credentials.
//! Sends nothing. What is shown of it never has a secret.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::address;
use super::paging;
use super::template::{encoded, segment};
use super::wiring::{Body, Call, Fields, Wiring};
use crate::drivers::Request;
use crate::error::{Error, Kind, Result};

/// What a secret is shown as.
const HIDDEN: &str = "…";

#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    pub method: &'static str,
    pub base: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
}

/// # Errors
/// `Param`: a value that no address can have. `Internal`: a value that the engine should have bound.
pub fn outgoing(wiring: &Wiring, call: &Call, request: &Request) -> Result<Outgoing> {
    let base = address::base(&wiring.base, |name| request.params.get(name).cloned())?;
    for name in call.path.names() {
        if let Some(value) = value(request, name).filter(|value| segment(value).is_none()) {
            let message = format!("`{name}` is `{value}`, which cannot stand in an address");
            return Err(Error::new(Kind::Param, message).with_context("nothing was sent"));
        }
    }
    let path = call.path.filled(|name| segment(&value(request, name)?));
    let path = path.map_err(|name| Error::new(Kind::Internal, format!("`{}` was sent without `{name}`", call.name)))?;
    let mut query: Vec<(String, String)> = Vec::new();
    for (name, template) in &call.query {
        match template.only_name().and_then(|wire| request.inputs.get(wire)) {
            Some(values) => query.extend(values.iter().map(|value| (name.clone(), value.clone()))),
            None => query.extend(template.filled(|name| value(request, name)).ok().map(|text| (name.clone(), text))),
        }
    }
    let mut headers = vec![("Accept".to_string(), "application/json".to_string())];
    for (name, template) in wiring.headers.iter().chain(&call.headers) {
        if let Ok(text) = template.filled(|name| value(request, name)) {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), text));
        }
    }
    let body = call.body.as_ref().map(|own| body(own, request, &BTreeSet::new())).transpose()?;
    let mut outgoing = Outgoing { method: call.method, url: format!("{base}{path}"), base, headers, body };
    let next = call.paging.as_ref().map(|paging| paging::apply(paging, request, &mut query, &mut outgoing));
    if let Some(url) = next.transpose()?.flatten() {
        outgoing.url = url;
        return Ok(outgoing);
    }
    for (index, (name, value)) in query.iter().enumerate() {
        let sign = if index == 0 { '?' } else { '&' };
        outgoing.url.push_str(&format!("{sign}{}={}", encoded(name), encoded(value)));
    }
    Ok(outgoing)
}

/// The request as a person reads it.
pub fn described(wiring: &Wiring, call: &Call, request: &Request) -> Option<String> {
    let sent = outgoing(wiring, call, request).ok()?;
    let line = format!("{} {}", sent.method, sent.url);
    let shown = call.body.as_ref().and_then(|own| body(own, request, &wiring.secrets).ok());
    Some(shown.map_or(line.clone(), |body| format!("{line} {body}")))
}

fn body(body: &Body, request: &Request, hidden: &BTreeSet<String>) -> Result<Value> {
    let value = |wire: &String| {
        let found = request.body.get(wire).cloned().or_else(|| one(request, wire).map(Value::from))?;
        Some(if hidden.contains(wire) { Value::from(HIDDEN) } else { found })
    };
    match &body.fields {
        Fields::Placed(placed) => {
            let mut object: Map<String, Value> = body.fixed.clone();
            for (place, wire) in placed {
                if let Some(value) = value(wire) {
                    place.put(&mut object, value);
                }
            }
            Ok(Value::Object(object))
        }
        Fields::Whole(wire) => match value(wire) {
            Some(Value::Object(own)) => Ok(Value::Object(body.fixed.clone().into_iter().chain(own).collect())),
            Some(value) => Ok(value),
            None => Err(Error::new(Kind::Internal, format!("a request was sent without `{wire}`"))),
        },
    }
}

/// A param's value, or a field's as text.
fn value(request: &Request, name: &str) -> Option<String> {
    let own = request.params.get(name).cloned().or_else(|| one(request, name));
    own.or_else(|| match request.body.get(name)? {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    })
}

fn one(request: &Request, wire: &str) -> Option<String> {
    match request.inputs.get(wire)?.as_slice() {
        [value] => Some(value.clone()),
        _ => None,
    }
}
