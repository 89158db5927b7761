//! What can be found wrong with a document before anything is sent: lengths, patterns, keys that are the service's,
//! values that need another one, fields that cannot be set, rules that are broken. Pure: everything is said of a value,
//! and nothing is sent.

use serde_json::Value;

use super::document::{self, Document, entries, is_reserved, is_same, key_of, shown};
use super::rules::broken_besides;
use crate::catalog::model::{Access, Field, Member, Method, Resource, Rule, Type};
use crate::catalog::secret::marker;
use crate::error::did_you_mean;

/// What was found: what forbids the change, and what is only worth saying.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub complaints: Vec<String>,
    pub notices: Vec<String>,
    /// The wire names of fields that only a new resource could have otherwise.
    pub fixed: Vec<String>,
}

/// Looks at a document that is to be created. Of `told`, wire names, something was found wrong before.
pub fn created(resource: &Resource, method: &Method, new: &Document, told: &[String]) -> Findings {
    let mut found = Findings::default();
    let mut wrong = told.to_vec();
    for field in resource.fields.iter().filter(|field| !field.echoes && !told.contains(&field.wire)) {
        let before = found.complaints.len();
        match new.get(&field.wire) {
            None if field.required => found.complaints.push(format!("`{}` is missing", field.wire)),
            None => {}
            Some(value) => {
                given(field, value, &mut found);
                together(resource, field, new, &mut found);
                if entries_of(value).iter().any(|entry| is_reserved(field, entry)) {
                    found.complaints.push(reserved(field));
                }
            }
        }
        if found.complaints.len() > before {
            wrong.push(field.wire.clone());
        }
    }
    hold(resource, method, new, &wrong, &mut found);
    found
}

/// Holds a document against the rules of its resource and of the method that is to send it.
fn hold(resource: &Resource, method: &Method, document: &Document, wrong: &[String], found: &mut Findings) {
    let rules: Vec<Rule> = resource.rules.iter().chain(&method.rules).cloned().collect();
    let broken = broken_besides(&rules, document, wrong);
    found.complaints.extend(broken.complaints);
    found.notices.extend(broken.notices);
}

/// Looks at what a change makes of a document. `how` says where a statement changes a field (an operation of a patch),
/// if that is worth saying.
pub fn changed(
    resource: &Resource,
    method: &Method,
    before: &Document,
    after: &Document,
    how: impl Fn(&str) -> Vec<String>,
) -> Findings {
    let (mut found, mut wrong) = (Findings::default(), Vec::new());
    for wire in after.keys().filter(|wire| !resource.fields.iter().any(|field| field.wire == **wire)) {
        let near = did_you_mean(wire, resource.fields.iter().map(|field| field.wire.as_str()));
        found.complaints.push([vec![format!("there is no `{wire}`{near}")], how(wire)].concat().join("\n  "));
    }
    let different = differences(resource, before, after);
    for field in &different {
        let wire = &field.wire;
        let already = found.complaints.len();
        let complaint = match (field.access, after.get(wire)) {
            (Access::Read, _) => Some(format!("`{wire}` is the service's to set, and cannot be changed")),
            (Access::Create, _) => {
                found.fixed.push(wire.clone());
                Some(format!("`{wire}` cannot be changed once {} exists", one(resource)))
            }
            (_, None) if field.required || field.generated.is_some() => {
                Some(format!("`{wire}` cannot be taken away: every {} has one", noun(resource)))
            }
            (_, Some(value)) => {
                given(field, value, &mut found);
                together(resource, field, after, &mut found);
                None
            }
            (_, None) => None,
        };
        if let Some(complaint) = complaint {
            let how = how(wire);
            found.complaints.push([vec![complaint], how].concat().join("\n  "));
        }
        if found.complaints.len() > already {
            wrong.push(wire.clone());
        }
    }
    if !different.is_empty() {
        hold(resource, method, after, &wrong, &mut found);
    }
    // An entry of the service's own is no difference, and one that a statement sets is refused all the same.
    for field in resource.fields.iter().filter(|field| field.reserved.is_some()) {
        let of = |document: &Document| document.get(&field.wire).map(entries_of).unwrap_or_default().to_vec();
        let known = of(before);
        if known.iter().any(|entry| is_reserved(field, entry) && !of(after).contains(entry)) {
            let start = field.reserved.as_deref().unwrap_or_default();
            found
                .notices
                .push(format!("what of `{}` begins with `{start}` is the service's own, and stays", field.wire));
        }
        if of(after).iter().any(|entry| is_reserved(field, entry) && !known.contains(entry)) {
            found.complaints.push([vec![reserved(field)], how(&field.wire)].concat().join("\n  "));
        }
    }
    found
}

/// The fields in which two documents differ, in the order of the resource.
pub fn differences<'a>(resource: &'a Resource, before: &Document, after: &Document) -> Vec<&'a Field> {
    let own = resource.fields.iter().filter(|field| !field.echoes);
    let differs = |field: &&Field| !is_same(resource, field, before, before.get(&field.wire), after.get(&field.wire));
    own.filter(differs).collect()
}

/// One of a resource in a sentence: `an integration`.
fn one(resource: &Resource) -> String {
    let noun = noun(resource);
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// What one of a resource is called: `integration`.
pub fn noun(resource: &Resource) -> String {
    let name = resource.type_name.as_deref().and_then(|name| name.rsplit("::").next()).unwrap_or(&resource.name);
    let name = name.to_lowercase();
    match name.strip_suffix('s') {
        Some(one) if resource.type_name.is_none() && !one.ends_with(['s', 'u']) => one.to_string(),
        _ => name,
    }
}

fn entries_of(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn reserved(field: &Field) -> String {
    let start = field.reserved.as_deref().unwrap_or_default();
    format!("`{}` sets a key that begins with `{start}`: those are the service's own", field.wire)
}

/// The bounds and patterns of one value.
pub fn given(field: &Field, value: &Value, found: &mut Findings) {
    // What it is a marker of, nobody knows here.
    if marker(value).is_some() {
        return;
    }
    let name = format!("`{}`", field.wire);
    // What the service put into a list does not count.
    let count = key_of(field).map(|_| entries(field, value).len());
    bounds(&name, &field.kind, value, count, (field.min, field.max), found);
    if let (Some(pattern), Value::String(text)) = (&field.pattern, value)
        && !pattern.is_match(text)
    {
        let value = shown(field, value);
        if field.strict {
            found.complaints.push(format!("{name} is {value}, which does not match `{pattern}`"));
        } else {
            found.notices.push(format!("{name} is {value}, which is not what they look like today (`{pattern}`)"));
        }
    }
    if let Value::String(text) = value
        && !field.values.is_empty()
        && !field.values.contains(text)
    {
        let near = did_you_mean(text, field.values.iter().map(String::as_str));
        found.notices.push(format!("{name} is {}, which is none of those known today{near}", shown(field, value)));
    }
    if let Type::List(members) = &field.kind {
        for (at, entry) in entries_of(value).iter().enumerate() {
            for member in members {
                let Some(value) = entry.get(&member.wire) else { continue };
                inner(&format!("`{}` of entry {} of {name}", member.wire, at + 1), member, value, found);
            }
        }
    }
}

fn inner(name: &str, member: &Member, value: &Value, found: &mut Findings) {
    bounds(name, &member.kind, value, None, (member.min, member.max), found);
}

fn bounds(
    name: &str,
    kind: &Type,
    value: &Value,
    count: Option<usize>,
    (min, max): (Option<usize>, Option<usize>),
    found: &mut Findings,
) {
    let (size, units) = match value {
        Value::String(text) => (text.chars().count() as f64, ["character", "characters"]),
        Value::Array(items) => (count.unwrap_or(items.len()) as f64, ["entry", "entries"]),
        Value::Object(members) => (members.len() as f64, ["entry", "entries"]),
        Value::Number(number) => (number.as_f64().unwrap_or_default(), [""; 2]),
        _ => return,
    };
    let is_number = matches!(kind, Type::Integer | Type::Number);
    let unit = units[usize::from(size != 1.0)];
    let shown = if is_number { format!("is {}", document::brief(value)) } else { format!("has {size} {unit}") };
    let may = if is_number { "may be" } else { "may have" };
    if let Some(max) = max.filter(|max| size > *max as f64) {
        found.complaints.push(format!("{name} {shown}, and {may} {max} at most"));
    }
    if let Some(min) = min.filter(|min| size < *min as f64) {
        found.complaints.push(format!("{name} {shown}, and {may} no fewer than {min}"));
    }
}

/// A value that can only be given with another one.
fn together(resource: &Resource, field: &Field, document: &Document, found: &mut Findings) {
    let Some(other) = field.with.as_ref().and_then(|name| resource.field(name)) else { return };
    let is_empty = document.get(&field.wire).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty);
    if !is_empty && !document.contains_key(&other.wire) {
        found.complaints.push(format!("`{}` can only be given together with `{}`", field.wire, other.wire));
    }
}
