//! From a document as it is and as it should be to the requests that make the one of the other: the difference alone,
//! entry by entry where the service has calls for that. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check::differences;
use super::document::{Document, entries, is_same, key_of};
use super::json;
use crate::catalog::model::{Access, Field, Method, Part, Resource, Sends, Type};
use crate::drivers::Request;

/// One request of a change, and how to tell later whether it was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub request: Request,
    pub sets: Sets,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sets {
    /// Entries of a keyed list, by the wire name of the field.
    Entries(String),
    /// Takes entries of a keyed list away.
    Removes(String),
    /// The values in its body.
    Values,
}

/// The requests of an update, in the order in which they are sent. Those for single fields come first, since the
/// method's own call is the one that a service locks a resource for.
pub fn steps(
    resource: &Resource,
    method: &Method,
    about: &About<'_>,
    before: &Document,
    after: &Document,
) -> Vec<Step> {
    let different = differences(resource, before, after);
    let mut steps = Vec::new();
    for part in &method.parts {
        if let Some(field) = different.iter().find(|field| field.name == part.field) {
            steps.extend(of_part(part, field, about, before.get(&field.wire), after.get(&field.wire)));
        }
    }
    let is_part = |field: &Field| method.parts.iter().any(|part| part.field == field.name);
    let rest: Vec<&&Field> = different.iter().filter(|field| !is_part(field)).collect();
    if rest.is_empty() {
        return steps;
    }
    let body = match method.sends {
        Sends::Changed => {
            rest.iter().map(|field| (field.wire.clone(), after.get(&field.wire).cloned().unwrap_or_default())).collect()
        }
        Sends::Whole => sendable(resource, after),
    };
    steps.push(Step { request: about.request(&method.call, body), sets: Sets::Values });
    steps
}

/// What of a document can be sent.
pub fn sendable(resource: &Resource, document: &Document) -> Map<String, Value> {
    let sent = |wire: &str| resource.fields.iter().any(|f| f.wire == wire && !f.echoes && f.access != Access::Read);
    document.iter().filter(|(wire, _)| sent(wire)).map(|(wire, value)| (wire.clone(), value.clone())).collect()
}

/// Whether a step has been done, as far as the resource shows it: secrets it never shows.
pub fn is_done(resource: &Resource, step: &Step, found: &Document) -> bool {
    let field = |wire: &str| resource.fields.iter().find(|field| field.wire == wire);
    let listed = |wire: &str| step.request.body.get(wire).and_then(Value::as_array).cloned().unwrap_or_default();
    match &step.sets {
        Sets::Entries(wire) => field(wire).is_some_and(|field| {
            let there = found.get(wire).and_then(Value::as_array).cloned().unwrap_or_default();
            key_of(field).is_some() && listed(wire).iter().all(|entry| there.contains(entry))
        }),
        Sets::Removes(wire) => field(wire).is_some_and(|field| {
            let there = found.get(wire).cloned().unwrap_or_default();
            let there = entries(field, &there);
            listed(wire).iter().filter_map(Value::as_str).all(|key| !there.contains_key(key))
        }),
        Sets::Values => step.request.body.iter().all(|(wire, value)| {
            field(wire).is_none_or(|field| match field.kind {
                _ if field.access == Access::Secret => true,
                Type::Json => json::unlike(field, value, found.get(wire)).is_empty(),
                _ => is_same(resource, field, found, found.get(wire), Some(value)),
            })
        }),
    }
}

/// The resource that requests are about.
#[derive(Debug, Clone)]
pub struct About<'a> {
    pub params: &'a BTreeMap<String, String>,
    /// The identity's wire name and value.
    pub key: (&'a str, &'a str),
    /// What a request that answers with a row is to give.
    pub fields: &'a [String],
}

impl About<'_> {
    pub fn request(&self, call: &str, body: Map<String, Value>) -> Request {
        Request {
            call: call.to_string(),
            params: self.params.clone(),
            inputs: BTreeMap::from([(self.key.0.to_string(), vec![self.key.1.to_string()])]),
            fields: self.fields.to_vec(),
            body,
            ..Request::default()
        }
    }
}

/// What is added goes before what is taken away, so that nothing is lost when the second fails; unless there is no room
/// for both.
fn of_part(part: &Part, field: &Field, about: &About<'_>, before: Option<&Value>, after: Option<&Value>) -> Vec<Step> {
    let nothing = Value::Array(Vec::new());
    let (before, after) = (entries(field, before.unwrap_or(&nothing)), entries(field, after.unwrap_or(&nothing)));
    let new = after.iter().filter(|(key, entry)| before.get(*key) != Some(entry));
    let set: Vec<Value> = new.clone().map(|(_, entry)| (*entry).clone()).collect();
    let gone: Vec<Value> = before.keys().filter(|key| !after.contains_key(*key)).map(|key| Value::from(*key)).collect();
    let most = before.len() + new.filter(|(key, _)| !before.contains_key(*key)).count();
    let step = |call: &str, list: Vec<Value>, sets: Sets| {
        let body = Map::from_iter([(field.wire.clone(), Value::Array(list))]);
        Step { request: Request { fields: Vec::new(), ..about.request(call, body) }, sets }
    };
    let mut steps = Vec::new();
    if !set.is_empty() {
        steps.push(step(&part.set, set, Sets::Entries(field.wire.clone())));
    }
    if !gone.is_empty() {
        steps.push(step(&part.remove, gone, Sets::Removes(field.wire.clone())));
    }
    if field.max.is_some_and(|max| most > max) {
        steps.reverse();
    }
    steps
}
