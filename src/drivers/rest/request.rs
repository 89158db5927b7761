//! From the engine's request to the one that is sent: address, headers and body, without credentials.
//! Sends nothing. What is shown of it never has a secret.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::address;
use super::paging;
use super::template::{encoded, segment};
use super::wiring::{Body, Call, Fields, Wiring};
use crate::catalog::secret::{HIDDEN, Marks};
use crate::drivers::Request;
use crate::error::{Error, Kind, Result};
use crate::settings::Secrets;

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
    let body = call.body.as_ref().map(|own| body(own, request, &BTreeMap::new())).transpose()?;
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

/// The request with its secrets in the place of their markers, and every secret that it then has.
///
/// # Errors
/// `Credentials`: a secret that has no value.
pub fn resolved(wiring: &Wiring, secrets: &Secrets, request: &Request) -> Result<(Request, Vec<String>)> {
    let (mut request, mut known) = (request.clone(), Vec::new());
    for (wire, marks) in &wiring.secrets {
        if let Some(value) = request.body.get_mut(wire) {
            marks.resolve(value, |name| secrets.get(name).map(|secret| secret.reveal().to_string()))?;
            known.extend(marks.values(value));
        }
        for text in request.inputs.get_mut(wire).into_iter().flatten() {
            let mut value = Value::from(text.as_str());
            marks.resolve(&mut value, |name| secrets.get(name).map(|secret| secret.reveal().to_string()))?;
            known.extend(marks.values(&value));
            if let Value::String(resolved) = value {
                *text = resolved;
            }
        }
    }
    Ok((request, known))
}

/// Holds that every marker of a request stands where a secret belongs and has a value, and that nothing is sent back
/// that only stands for a secret.
///
/// # Errors
/// `Credentials`: secrets that have no value. `Param`: a marker elsewhere, or a value that is none.
pub fn ready(wiring: &Wiring, secrets: &Secrets, request: &Request) -> Result<()> {
    let none = Marks::default();
    let marks = |wire: &String| wiring.secrets.get(wire).unwrap_or(&none);
    let inputs = request.inputs.iter().flat_map(|(wire, values)| values.iter().map(move |value| (wire, value)));
    let texts = inputs.map(|(wire, value)| (wire, Value::from(value.as_str()), marks(wire)));
    let params = request.params.iter().map(|(name, value)| (name, Value::from(value.as_str()), &none));
    let body = request.body.iter().map(|(wire, value)| (wire, value.clone(), marks(wire)));
    let (mut complaints, mut names) = (Vec::new(), Vec::new());
    for (name, value, marks) in params.chain(texts).chain(body) {
        complaints.extend(marks.complaints(name, &value));
        names.extend(marks.names(&value));
        if marks.has_hidden(&value) {
            complaints.push(format!("`{name}` has `{HIDDEN}` where a secret stands: it has to be given again"));
        }
    }
    if let Some(first) = complaints.first() {
        let error = Error::new(Kind::Param, first).with_context("nothing was sent");
        return Err(complaints.iter().skip(1).fold(error, |error, line| error.with_context(line)));
    }
    names.iter().try_for_each(|name| secrets.get(name).map(drop))
}

/// The request as a person reads it.
pub fn described(wiring: &Wiring, call: &Call, request: &Request) -> Option<String> {
    let sent = outgoing(wiring, call, request).ok()?;
    let line = format!("{} {}", sent.method, sent.url);
    let shown = call.body.as_ref().and_then(|own| body(own, request, &wiring.secrets).ok());
    Some(shown.map_or(line.clone(), |body| format!("{line} {body}")))
}

fn body(body: &Body, request: &Request, hidden: &BTreeMap<String, Marks>) -> Result<Value> {
    let value = |wire: &String| {
        let found = request.body.get(wire).cloned().or_else(|| one(request, wire).map(Value::from))?;
        Some(hidden.get(wire).map_or(found.clone(), |marks| marks.hidden(&found)))
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
