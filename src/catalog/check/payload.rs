//! What a document says of payloads: the places that rules and conditions speak of, what a resource is known by, what a
//! method takes besides fields, and which method deletes which resource. Whether a call takes it all is held against
//! the driver.

use super::Complain;
use crate::catalog::model::{Access, Condition, Field, Method, Resource, Rule, Type, starts};
use crate::error::did_you_mean;

/// Adds every mistake. `verbs_are_known`: no mistake stands where the document says which methods answer which verb.
pub fn payload(resource: &Resource, verbs_are_known: bool, complain: &mut Complain<'_>) {
    let fields: Vec<&Field> = own(&resource.fields);
    let of = format!("resource `{}`", resource.name);
    rules(&resource.rules, &of, &["rules"], &fields, complain);
    let verbs = &resource.verbs;
    if !resource.rules.is_empty() && verbs_are_known && verbs.insert.is_none() && verbs.update.is_none() {
        complain(&["rules"], format!("{of} has `rules`, and neither `insert` nor `update`"));
    }
    known_by(resource, &fields, complain);
    settles(resource, complain);
    for method in &resource.methods {
        arguments(resource, method, complain);
        let name = method.name.as_str();
        let of = format!("method `{name}`");
        let all: Vec<&Field> = fields.iter().copied().chain(&method.arguments).collect();
        rules(&method.rules, &of, &["methods", name, "rules"], &all, complain);
        conditions(&method.when, &format!("`when` of {of}"), &["methods", name, "when"], &fields, complain);
        if verbs_are_known {
            bound(resource, method, complain);
        }
    }
    if verbs_are_known {
        order(resource, complain);
    }
}

fn own(fields: &[Field]) -> Vec<&Field> {
    fields.iter().filter(|field| !field.echoes).collect()
}

fn rules(rules: &[Rule], of: &str, path: &[&str], fields: &[&Field], complain: &mut Complain<'_>) {
    for (at, rule) in rules.iter().enumerate() {
        let (what, number) = (format!("rule {} of {of}", at + 1), at.to_string());
        let at = |key: &'static str| path.iter().copied().chain([number.as_str(), key]).collect::<Vec<&str>>();
        for (key, places) in [("needs", &rule.needs), ("refuses", &rule.refuses)] {
            for name in places {
                if let Some(message) = place(name, fields) {
                    let path: Vec<&str> = at(key).into_iter().chain([name.as_str()]).collect();
                    complain(&path, format!("{what} names `{name}`, {message}"));
                }
            }
        }
        conditions(&rule.when, &what, &at("when"), fields, complain);
        conditions(&rule.is, &what, &at("is"), fields, complain);
    }
}

/// A secret has no place here either: what is wrong with it would be shown.
fn conditions(conditions: &[Condition], what: &str, path: &[&str], fields: &[&Field], complain: &mut Complain<'_>) {
    for condition in conditions {
        let name = condition.place.as_str();
        let message = match place(name, fields) {
            Some(message) => message,
            None if is_secret(name, fields) => "which is secret: its value would be shown".into(),
            None => continue,
        };
        let path: Vec<&str> = path.iter().copied().chain([name]).collect();
        complain(&path, format!("{what} names `{name}`, {message}"));
    }
}

/// What is wrong with a place, to follow its name.
fn place(place: &str, fields: &[&Field]) -> Option<String> {
    match field_at(place, fields) {
        None => {
            let first = place.split('.').next().unwrap_or_default();
            let near = did_you_mean(first, fields.iter().map(|field| field.wire.as_str()));
            Some(format!("which begins with no wire name{near}"))
        }
        Some(field) if field.wire != place && !matches!(field.kind, Type::Json | Type::Map) => {
            Some(format!("which steps into field `{}`, and that is no JSON", field.name))
        }
        Some(_) => None,
    }
}

fn field_at<'a>(place: &str, fields: &[&'a Field]) -> Option<&'a Field> {
    starts(place).find_map(|wire| fields.iter().find(|field| field.wire == wire)).copied()
}

fn is_secret(place: &str, fields: &[&Field]) -> bool {
    field_at(place, fields).is_some_and(|field| {
        let within = place.strip_prefix(field.wire.as_str()).unwrap_or_default().replace('.', "/");
        field.access == Access::Secret || field.secrets.contains(&within)
    })
}

fn known_by(resource: &Resource, fields: &[&Field], complain: &mut Complain<'_>) {
    for name in &resource.known_by {
        let message = match (place(name, fields), field_at(name, fields)) {
            (Some(message), _) => message,
            (None, _) if is_secret(name, fields) => "which is secret, and no answer has it".into(),
            (None, Some(field)) if field.access == Access::Read => {
                "which is never sent (`access: read`): nothing is found again by it".into()
            }
            _ => continue,
        };
        complain(&["known_by", name], format!("`known_by` of resource `{}` names `{name}`, {message}", resource.name));
    }
    if let Some(unique) = fields.iter().find(|field| field.unique && !resource.known_by.is_empty()) {
        complain(&["known_by"], format!("field `{}` is unique, and needs no `known_by` beside it", unique.name));
    }
}

fn settles(resource: &Resource, complain: &mut Complain<'_>) {
    let Some(settles) = &resource.settles else { return };
    if !settles.errors_when.is_empty() && settles.errors.is_none() {
        complain(&["settles", "errors_when"], "`settles` has `errors_when` without `errors`".into());
    }
    for value in &settles.gone {
        let others = [("done", &settles.done), ("failed", &settles.failed), ("going", &settles.going)];
        for (key, _) in others.iter().filter(|(_, values)| values.contains(value)) {
            complain(&["settles", "gone", value], format!("`{value}` is both `gone` and `{key}`"));
        }
    }
}

/// Arguments of a method that deletes stand in a WHERE, where each name means one thing.
fn arguments(resource: &Resource, method: &Method, complain: &mut Complain<'_>) {
    let deletes = resource.verbs.delete.contains(&method.name);
    for argument in &method.arguments {
        let name = argument.name.as_str();
        let path = ["methods", method.name.as_str(), "arguments", name];
        let is_called =
            |spelling: &str| name.eq_ignore_ascii_case(spelling) || argument.wire.eq_ignore_ascii_case(spelling);
        let fields = resource.fields.iter().filter(|field| deletes && !field.echoes);
        for field in fields.filter(|field| is_called(&field.name) || is_called(&field.wire)) {
            let other = &field.name;
            let message =
                format!("argument `{name}` answers to the name of the field `{other}`: a WHERE could mean either");
            complain(&path, message);
        }
        let lacks = [
            ("unique", argument.unique),
            ("generated", argument.generated.is_some()),
            ("with", argument.with.is_some()),
            ("param", argument.echoes),
        ];
        for (key, _) in lacks.iter().filter(|(_, there)| *there) {
            let path: Vec<&str> = path.iter().copied().chain([*key]).collect();
            complain(&path, format!("argument `{name}` has `{key}`, which is for fields"));
        }
    }
}

/// What a method may only have by the verb that it answers.
fn bound(resource: &Resource, method: &Method, complain: &mut Complain<'_>) {
    let (verbs, name) = (&resource.verbs, method.name.as_str());
    let is = |verb: &Option<String>| verb.as_deref() == Some(name);
    let deletes = verbs.delete.contains(&method.name);
    if !method.when.is_empty() && !deletes {
        let message = format!("method `{name}` has `when`, which is for those that `delete` uses");
        complain(&["methods", name, "when"], message);
    }
    let other = match () {
        () if verbs.select.contains(&method.name) => Some("select"),
        () if is(&verbs.insert) => Some("insert"),
        () if is(&verbs.update) => Some("update"),
        () => None,
    };
    if let Some(verb) = other.filter(|_| !method.arguments.is_empty() && !deletes) {
        let message = format!("method `{name}` has `arguments`, and `{verb}`, which uses it, can give none");
        complain(&["methods", name, "arguments"], message);
    }
    if other == Some("select") && !method.rules.is_empty() {
        let message = format!("method `{name}` has `rules`, and sends nothing that they could hold of");
        complain(&["methods", name, "rules"], message);
    }
}

/// A method that deletes and that no resource gets to.
fn order(resource: &Resource, complain: &mut Complain<'_>) {
    let order: Vec<&Method> = resource.verbs.delete.iter().filter_map(|name| resource.method(name)).collect();
    let Some(all) = order.iter().position(|method| method.when.is_empty()) else { return };
    for method in &order[all + 1..] {
        let message =
            format!("`delete` never gets to `{}`: `{}` before it has no `when`", method.name, order[all].name);
        complain(&["verbs", "delete", &method.name], message);
    }
}

#[cfg(test)]
mod tests;
