//! What the parts of a resource say of each other: names that clash, and words that name nothing.
//! Works on the model; the written tree only tells where.

mod change;
mod method;
mod payload;

use super::model::{Access, Field, Resource, Settles, Type};
use super::yaml::{Mistake, Node};
use crate::error::did_you_mean;

/// `Identifier` and `PatchDocument` have a meaning in every resource, in any case.
const IDENTIFIER: &str = "Identifier";
const PATCH_DOCUMENT: &str = "PatchDocument";
/// Any name may be typed with this prefix, so none may start with it.
const DATA_PREFIX: &str = "data__";

/// Adds every mistake of the resource. `document` is the whole document's tree.
pub fn check(resource: &Resource, document: &Node, mistakes: &mut Vec<Mistake>) {
    let update = document.marks_of(&["resources", &resource.name, "verbs", "update"]);
    let update_is_known = !mistakes.iter().any(|mistake| update.contains(&mistake.at));
    let bound = document.marks_of(&["resources", &resource.name, "verbs"]);
    let verbs_are_known = !mistakes.iter().any(|mistake| bound.contains(&mistake.at));
    let mut complain = |path: &[&str], message: String| {
        let path: Vec<&str> = ["resources", &resource.name].iter().chain(path).copied().collect();
        mistakes.push(Mistake { at: document.mark_of(&path), message });
    };
    params(resource, &mut complain);
    for field in &resource.fields {
        reserved(resource, field, &mut complain);
        constraints(field, &mut complain);
        members(&["fields", &field.name], &field.kind, &mut complain);
        change::field(resource, field, &mut complain);
    }
    // A field that echoes a param clashes through that param.
    let own = resource.fields.iter().filter(|field| !field.echoes);
    clashes(own.map(|field| (field.name.as_str(), field.wire.as_str())), "fields", &["fields"], &mut complain);
    identity(resource, &mut complain);
    change::one_is_unique(resource, &mut complain);
    methods(resource, &mut complain);
    method::all(resource, &mut complain);
    change::parts(resource, update_is_known, &mut complain);
    verbs(resource, &mut complain);
    settles(resource, &mut complain);
    payload::payload(resource, verbs_are_known, &mut complain);
}

type Complain<'a> = dyn FnMut(&[&str], String) + 'a;

fn params(resource: &Resource, complain: &mut Complain<'_>) {
    for param in &resource.params {
        let name = param.name.as_str();
        let shadowed = resource.fields.iter().find(|field| {
            !(field.echoes && field.name == name)
                && (field.name.eq_ignore_ascii_case(name) || field.wire.eq_ignore_ascii_case(name))
        });
        if let Some(field) = shadowed {
            let message = format!(
                "field `{}` answers to the name of the param `{name}`; if it is that param's value, write `{{param: {name}}}`",
                field.name
            );
            complain(&["fields", &field.name, "wire"], message);
        }
    }
}

/// Why no field or param may answer to this spelling, in any case.
pub fn taken(spelling: &str) -> Option<&'static str> {
    if spelling.to_lowercase().starts_with(DATA_PREFIX) {
        return Some("and `data__` may stand before any name");
    }
    let words = [IDENTIFIER, PATCH_DOCUMENT];
    words.iter().any(|word| word.eq_ignore_ascii_case(spelling)).then_some("which has a meaning of its own in SQL")
}

fn reserved(resource: &Resource, field: &Field, complain: &mut Complain<'_>) {
    let name = field.name.as_str();
    // The identity itself may be called so: both then mean the same.
    let is_identity = resource.identity.first() == Some(&field.name);
    let taken =
        |spelling: &str| taken(spelling).filter(|_| !(is_identity && spelling.eq_ignore_ascii_case(IDENTIFIER)));
    if let Some(reason) = taken(name) {
        complain(&["fields", name], format!("field `{name}` answers to `{name}`, {reason}"));
    } else if let Some(reason) = taken(&field.wire) {
        complain(&["fields", name, "wire"], format!("field `{name}` answers to `{}`, {reason}", field.wire));
    }
}

/// Two parts that one spelling would mean, in any case: a name may be typed in SQL or in the service's spelling.
fn clashes<'a>(
    names: impl Iterator<Item = (&'a str, &'a str)>,
    parts: &str,
    path: &[&str],
    complain: &mut Complain<'_>,
) {
    let mut earlier: Vec<(&str, &str)> = Vec::new();
    for (name, wire) in names {
        for (other, other_wire) in &earlier {
            let same = [name, wire]
                .into_iter()
                .find(|spelling| spelling.eq_ignore_ascii_case(other) || spelling.eq_ignore_ascii_case(other_wire));
            if let Some(spelling) = same {
                let path: Vec<&str> = path.iter().copied().chain([name, "wire"]).collect();
                complain(&path, format!("the {parts} `{other}` and `{name}` both answer to `{spelling}`"));
            }
        }
        earlier.push((name, wire));
    }
}

fn constraints(field: &Field, complain: &mut Complain<'_>) {
    let name = field.name.as_str();
    let mut complain = |key: &str, message: String| complain(&["fields", name, key], message);
    if field.required && field.access == Access::Read {
        complain("required", format!("field `{name}` is required, and is never sent (`access: read`)"));
    }
    if let Some(message) = limits(&format!("field `{name}`"), &field.kind, field.min, field.max) {
        complain(if field.min.is_some() { "min" } else { "max" }, message);
    }
    if let Some(pointer) = field.secrets.iter().find(|pointer| !pointer.starts_with('/')) {
        complain(
            "secrets",
            format!("`{pointer}` in `secrets` of field `{name}` is no JSON pointer: it begins with `/`"),
        );
    }
    for pointer in &field.secrets {
        let holds = |other: &&String| pointer.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if let Some(other) = field.secrets.iter().find(holds) {
            let message =
                format!("`{pointer}` in `secrets` of field `{name}` stands within `{other}`, which is one already");
            complain("secrets", message);
        }
    }
    for (key, there) in [("secrets", !field.secrets.is_empty()), ("redacted", !field.redacted.is_empty())] {
        if there && field.kind != Type::Json {
            complain(key, format!("`{key}` is for JSON, and field `{name}` is none"));
        }
    }
    for (key, there) in [("pattern", field.pattern.is_some()), ("values", !field.values.is_empty()), ("arn", field.arn)]
    {
        if there && field.kind != Type::String {
            complain(key, format!("`{key}` is for strings, and field `{name}` is none"));
        }
    }
}

/// What is wrong with `min` and `max`: they count characters of a string, entries of a list or map,
/// and bound the value of a number.
fn limits(what: &str, kind: &Type, min: Option<usize>, max: Option<usize>) -> Option<String> {
    let counted = !matches!(kind, Type::Boolean | Type::Timestamp | Type::Json);
    match (min, max) {
        (None, None) => None,
        _ if !counted => Some(format!("{what} has a `min` or `max`, and nothing to count")),
        (Some(min), Some(max)) if min > max => Some(format!("{what} has a `min` of {min} above its `max` of {max}")),
        _ => None,
    }
}

/// Members of a list, and of the lists among them.
fn members(path: &[&str], kind: &Type, complain: &mut Complain<'_>) {
    let Type::List(members_of) = kind else { return };
    let below: Vec<&str> = path.iter().copied().chain(["items"]).collect();
    clashes(members_of.iter().map(|member| (member.name.as_str(), member.wire.as_str())), "members", &below, complain);
    for member in members_of {
        let path: Vec<&str> = below.iter().copied().chain([member.name.as_str()]).collect();
        if let Some(message) = limits(&format!("member `{}`", member.name), &member.kind, member.min, member.max) {
            complain(&path, message);
        }
        members(&path, &member.kind, complain);
    }
}

fn identity(resource: &Resource, complain: &mut Complain<'_>) {
    if resource.identity.len() > 1 {
        complain(&["identity"], format!("resource `{}` has more than one identity field", resource.name));
    }
    for name in &resource.identity {
        match resource.field(name) {
            None => {
                let hint = did_you_mean(name, resource.fields.iter().map(|field| field.name.as_str()));
                complain(&["identity", name], format!("the identity `{name}` is no field{hint}"));
            }
            Some(field) if field.access == Access::Secret => {
                complain(&["identity", name], format!("the identity `{name}` is secret, and no answer has it"));
            }
            Some(_) => {}
        }
    }
}

fn methods(resource: &Resource, complain: &mut Complain<'_>) {
    let spellings = || resource.fields.iter().flat_map(|field| [field.name.as_str(), field.wire.as_str()]);
    for method in &resource.methods {
        let name = method.name.as_str();
        for need in &method.needs {
            let path = ["methods", name, "needs", need];
            if need == IDENTIFIER {
                if resource.identity.is_empty() {
                    complain(
                        &path,
                        format!("method `{name}` needs `{IDENTIFIER}`, and the resource has no `identity`"),
                    );
                }
            } else if need == PATCH_DOCUMENT {
                let verbs = &resource.verbs;
                let other = verbs.select.iter().chain(&verbs.insert).chain(&verbs.delete).any(|method| method == name);
                if other {
                    complain(&path, format!("method `{name}` needs `{PATCH_DOCUMENT}`, which only a change has"));
                }
            } else if !spellings().any(|spelling| spelling == need) {
                let hint = did_you_mean(need, spellings().chain([IDENTIFIER, PATCH_DOCUMENT]));
                complain(&path, format!("method `{name}` needs `{need}`, which is no field{hint}"));
            }
        }
        for permission in method.on_behalf.iter().filter(|permission| !method.permissions.contains(permission)) {
            let hint = did_you_mean(permission, method.permissions.iter().map(String::as_str));
            let message = format!("`{permission}` is not among the `permissions` of method `{name}`{hint}");
            complain(&["methods", name, "on_behalf", permission], message);
        }
    }
}

fn verbs(resource: &Resource, complain: &mut Complain<'_>) {
    let verbs = &resource.verbs;
    let one = [("insert", &verbs.insert), ("update", &verbs.update)];
    let one = one.into_iter().filter_map(|(verb, method)| method.as_ref().map(|method| (verb, method)));
    let several = |verb, methods| std::iter::repeat(verb).zip::<&Vec<String>>(methods);
    let bound = several("select", &verbs.select).chain(one).chain(several("delete", &verbs.delete));
    for (verb, method) in bound {
        if resource.method(method).is_none() {
            let hint = did_you_mean(method, resource.methods.iter().map(|method| method.name.as_str()));
            complain(&["verbs", verb, method], format!("`{verb}` names `{method}`, which is no method{hint}"));
        }
    }
    let order: Vec<_> = verbs.select.iter().filter_map(|name| resource.method(name)).collect();
    for (place, method) in order.iter().enumerate() {
        let hides = order[..place].iter().find(|earlier| earlier.needs.iter().all(|need| method.needs.contains(need)));
        if let Some(earlier) = hides {
            let message =
                format!("`select` never gets to `{}`: `{}` before it needs no more", method.name, earlier.name);
            complain(&["verbs", "select", &method.name], message);
        }
    }
}

fn settles(resource: &Resource, complain: &mut Complain<'_>) {
    let Some(settles) = &resource.settles else { return };
    if settles.done.is_empty() {
        complain(&["settles", "done"], "`settles` has no `done`: the values that waiting ends with".into());
    }
    // What is no field, an answer may have all the same: that is held against the driver.
    let Some(field) = resource.fields.iter().find(|field| field.wire == settles.wire) else { return };
    let Settles { done, failed, going, gone, .. } = settles;
    for (key, values) in [("done", done), ("failed", failed), ("going", going), ("gone", gone)] {
        for value in values.iter().filter(|value| !field.values.is_empty() && !field.values.contains(value)) {
            let hint = did_you_mean(value, field.values.iter().map(String::as_str));
            let message = format!("`{value}` is not among the `values` of field `{}`{hint}", field.name);
            complain(&["settles", key, value], message);
        }
    }
}

#[cfg(test)]
mod tests;
