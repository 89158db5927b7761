//! What a planned write would do, in words: its calls with their bodies, what each row becomes and how to turn it back,
//! and the permissions that this needs. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Planned;
use super::change::sendable;
use super::check::differences;
use super::document::{Document, entries, key_of, shown};
use super::send::{Target, Work};
use crate::catalog::model::{Field, Resource};
use crate::catalog::secret::Marks;
use crate::drivers::Request;
use crate::patch::diff;

/// The rows of EXPLAIN: kind and text.
pub fn rows(planned: &Planned) -> Vec<(&'static str, String)> {
    let requests: Vec<&Request> = requests_of(planned).collect();
    let driver = &planned.site.driver;
    let mut calls: Vec<String> = requests.iter().map(|request| driver.describe(request)).collect();
    let made = planned.run.meter.read().calls;
    let count = |number: usize, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    calls.push(match requests.len() {
        0 => "no calls: nothing would change".to_string(),
        number => format!("{} that {}", count(number, "call"), if number == 1 { "writes" } else { "write" }),
    });
    if made > 0 {
        calls.push(format!("{} made to read what it is about", count(made as usize, "call")));
    }
    if planned.asks {
        calls.push("somebody has to agree: `--yes`, or each row named".to_string());
    }
    let mut rows = vec![("calls", calls.join("\n"))];
    let ways: Vec<String> = planned.targets.iter().filter_map(|target| way(planned, target)).collect();
    if !ways.is_empty() {
        rows.push(("methods", ways.join("\n")));
    }
    let patches: Vec<String> = planned.targets.iter().filter_map(|target| patches(planned, target)).collect();
    if !patches.is_empty() {
        rows.push(("patch", patches.join("\n")));
    }
    rows.push(("permissions", permissions(planned, &requests)));
    rows
}

/// A line for each row that would change, for who is asked.
pub fn summary(planned: &Planned) -> String {
    let line = |target: &Target| {
        let key = target.key.as_deref().map(|key| format!("  {key}")).unwrap_or_default();
        match &target.work {
            Work::Nothing { .. } => None,
            Work::Change { steps, .. } if steps.is_empty() => None,
            Work::Change { before, after, .. } => {
                Some(format!("{}{key}: {}", target.name, changes(planned, before, after)))
            }
            _ => Some(format!("{}{key}", target.name)),
        }
    };
    planned.targets.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

fn changes(planned: &Planned, before: &Document, after: &Document) -> String {
    let fields = differences(&planned.site.resource, before, after).into_iter();
    let of = |document: &Document, field: &Field| {
        document.get(&field.wire).map_or("nothing".to_string(), |value| shown(field, value))
    };
    fields
        .map(|field| format!("{} {} → {}", field.wire, of(before, field), of(after, field)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Every request that writes.
pub fn requests_of(planned: &Planned) -> impl Iterator<Item = &Request> {
    planned.targets.iter().flat_map(requests)
}

fn requests(target: &Target) -> Vec<&Request> {
    match &target.work {
        Work::Nothing { .. } => Vec::new(),
        Work::Create { request, .. } | Work::Delete { request, .. } => vec![request],
        Work::Change { steps, .. } => steps.iter().map(|step| &step.request).collect(),
    }
}

/// By which of several methods a target is sent.
fn way(planned: &Planned, target: &Target) -> Option<String> {
    let method = planned.methods.iter().find(|method| Some(&method.name) == target.work.way())?;
    Some(format!("{}: {}: {}", target.name, method.name, method.description))
}

/// The change of one target as JSON Patch, and the patch that turns it back.
fn patches(planned: &Planned, target: &Target) -> Option<String> {
    let Work::Change { steps, before, after } = &target.work else { return None };
    if steps.is_empty() {
        return Some(format!("{}: nothing changes", target.name));
    }
    let resource = &planned.site.resource;
    let (forth, back) = (patch(resource, before, after), patch(resource, after, before));
    Some(format!("{}: {forth}\n  back: {back}", target.name))
}

/// The patch from one document to another. A list whose order means nothing is given whole, since what has a position in
/// it today may have another tomorrow.
fn patch(resource: &Resource, from: &Document, to: &Document) -> Value {
    let is_unordered = |wire: &str| resource.fields.iter().any(|field| field.wire == wire && key_of(field).is_some());
    let plain = |document: &Document| {
        let mut document = sendable(resource, document);
        document.retain(|wire, _| !is_unordered(wire));
        Value::Object(document)
    };
    let mut operations = diff(&plain(from), &plain(to)).as_array().cloned().unwrap_or_default();
    operations.iter_mut().for_each(|operation| hide(resource, operation));
    for field in differences(resource, from, to).into_iter().filter(|field| key_of(field).is_some()) {
        let path = format!("/{}", field.wire.replace('~', "~0").replace('/', "~1"));
        let list = to.get(&field.wire).map(|list| entries(field, list)).unwrap_or_default();
        let list: Vec<&Value> = list.into_values().collect();
        operations.push(json!({"op": "add", "path": path, "value": list}));
    }
    Value::Array(operations)
}

/// Leaves the secrets out of what an operation sets.
fn hide(resource: &Resource, operation: &mut Value) {
    let path = operation["path"].as_str().unwrap_or_default().to_string();
    let Some(value) = operation.get_mut("value") else { return };
    for field in &resource.fields {
        let root = format!("/{}", field.wire.replace('~', "~0").replace('/', "~1"));
        match path.strip_prefix(&root) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                *value = Marks::of(field).hidden_at(rest, value);
            }
            _ => {}
        }
    }
}

/// The permissions of the calls and of those that read, as the service names them, one a line; those that the service
/// checks on its own behalf are marked.
fn permissions(planned: &Planned, requests: &[&Request]) -> String {
    let mut needed = BTreeSet::new();
    let driver = &planned.site.driver;
    let mut add = |call: &str| {
        needed.extend(driver.signature(call).into_iter().flat_map(|s| s.permissions).map(String::from));
    };
    requests.iter().for_each(|request| add(&request.call));
    let resource = &planned.site.resource;
    let update = resource.verbs.update.as_ref().and_then(|name| resource.method(name));
    // What a call of its own could set needs the same right where it is set on the way.
    for part in update.into_iter().flat_map(|method| &method.parts) {
        let wire = resource.field(&part.field).map(|field| field.wire.as_str()).unwrap_or_default();
        if requests.iter().any(|request| request.body.contains_key(wire) && request.inputs.is_empty()) {
            add(&part.set);
        }
    }
    // What is read, and what is looked for when an answer is lost or a row is there already.
    resource.verbs.select.iter().filter_map(|name| resource.method(name)).for_each(|method| add(&method.call));
    if planned.run.meter.read().calls > 0 {
        needed.extend(planned.run.reads.get().into_iter().flatten().cloned());
    }
    let mut lines: Vec<String> = needed.into_iter().collect();
    let made = |call: &str| requests.iter().any(|request| request.call == call);
    for permission in planned.methods.iter().filter(|method| made(&method.call)).flat_map(|method| &method.on_behalf) {
        let line = format!("{permission} (checked by the service itself)");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() { "none".into() } else { lines.join("\n") }
}
