//! What a method says of itself beyond its call: the arguments that it takes, the columns that it gives, what it tells and
//! remembers. Says nothing of the call: that is held against its driver.

use super::{Complain, clashes, constraints, members};
use crate::catalog::model::{Access, Field, Memory, Method, Resource};
use crate::error::did_you_mean;

/// Adds every mistake in the arguments, the answers, the notices and the memories of a resource's methods.
pub fn all(resource: &Resource, complain: &mut Complain<'_>) {
    for method in &resource.methods {
        let name = method.name.as_str();
        fields(&["methods", name, "arguments"], "arguments", &method.arguments, complain);
        fields(&["methods", name, "gives"], "columns", &method.gives, complain);
        arguments(resource, method, complain);
        if !method.gives.is_empty() && resource.is_bound(name) {
            let message = format!("method `{name}` answers a verb of SQL, whose columns are the resource's `fields`");
            complain(&["methods", name, "gives"], message);
        }
        notice(resource, method, complain);
        for (key, memory) in [("remembers", &method.remembers), ("expects", &method.expects)] {
            memory.iter().for_each(|memory| places(resource, method, key, memory, complain));
        }
        if method.remembers.is_some() && resource.is_bound(name) {
            let message = format!("`remembers` is for methods that answer no verb of SQL, and `{name}` does");
            complain(&["methods", name, "remembers"], message);
        }
    }
}

/// What holds of any field, for those of a method.
fn fields(path: &[&str], parts: &str, fields: &[Field], complain: &mut Complain<'_>) {
    for field in fields {
        // These complain of the fields of a resource: the same keys stand one table deeper.
        constraints(field, &mut |below, message| {
            complain(&path.iter().chain(below.iter().skip(1)).copied().collect::<Vec<_>>(), message);
        });
        let own: Vec<&str> = path.iter().copied().chain([field.name.as_str()]).collect();
        members(&own, &field.kind, complain);
        if let Some(reason) = super::taken(&field.name) {
            complain(&own, format!("`{}` answers to `{}`, {reason}", field.name, field.name));
        }
    }
    clashes(fields.iter().map(|field| (field.name.as_str(), field.wire.as_str())), parts, path, complain);
}

/// An argument that cannot be told from a param.
fn arguments(resource: &Resource, method: &Method, complain: &mut Complain<'_>) {
    for argument in &method.arguments {
        let answers = |name: &str| [&argument.name, &argument.wire].iter().any(|own| own.eq_ignore_ascii_case(name));
        if let Some(param) = resource.params.iter().find(|param| answers(&param.name)) {
            let message = format!("argument `{}` answers to the name of the param `{}`", argument.name, param.name);
            complain(&["methods", &method.name, "arguments", &argument.name], message);
        }
    }
}

/// The places of a notice that nothing of the method can have.
fn notice(resource: &Resource, method: &Method, complain: &mut Complain<'_>) {
    let Some(text) = &method.notice else { return };
    let path = ["methods", method.name.as_str(), "notice"];
    for part in text.split('{').skip(1) {
        let Some((place, _)) = part.split_once('}') else {
            complain(&path, format!("the notice of method `{}` has a `{{` without its `}}`", method.name));
            continue;
        };
        let gives = method.gives.iter().map(|field| field.wire.as_str());
        if let Some(hint) = unknown(resource, method, place, gives) {
            complain(&path, format!("the notice of method `{}` has the place `{place}`, {hint}", method.name));
        }
    }
}

/// What a payload is remembered by, and what it is known by then.
fn places(resource: &Resource, method: &Method, key: &str, memory: &Memory, complain: &mut Complain<'_>) {
    let path = ["methods", method.name.as_str(), key, "by"];
    for place in &memory.by {
        if let Some(hint) = unknown(resource, method, place, std::iter::empty()) {
            complain(&path, format!("`{key}` of method `{}` goes by `{place}`, {hint}", method.name));
        }
    }
    let is_secret = |place: &String| {
        let own = resource.fields.iter().chain(&method.arguments);
        own.filter(|field| begins(place, &field.wire)).any(|field| {
            let inner = place.strip_prefix(&field.wire).unwrap_or_default().replace('.', "/");
            field.access == Access::Secret || field.secrets.contains(&inner)
        })
    };
    for place in memory.by.iter().filter(|place| is_secret(place)) {
        complain(&path, format!("`{key}` of method `{}` goes by `{place}`, which is secret", method.name));
    }
}

/// What to say of a place that is no param and does not begin with a wire name.
fn unknown<'a>(
    resource: &'a Resource,
    method: &'a Method,
    place: &str,
    more: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let wires = resource.fields.iter().chain(&method.arguments).map(|field| field.wire.as_str());
    let params = resource.params.iter().map(|param| param.name.as_str());
    let known: Vec<&str> = wires.chain(params).chain(more).collect();
    if known.iter().any(|name| begins(place, name)) {
        return None;
    }
    let near = did_you_mean(place.split('.').next().unwrap_or_default(), known);
    Some(format!("which begins with no field, argument or param{near}"))
}

/// Whether a place is a name, or stands in what it names.
fn begins(place: &str, name: &str) -> bool {
    place.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests;
