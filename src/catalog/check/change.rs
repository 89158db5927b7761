//! What a field and a method say of changes: how a resource is found again, what is made up for it, what goes together,
//! and which calls change a part of it. Says nothing of the calls themselves: those are held against their driver.

use super::Complain;
use crate::catalog::model::{Access, Alike, Field, Generated, Method, Resource, Type};
use crate::error::did_you_mean;

/// Adds every mistake in what the field says of changes.
pub fn field(resource: &Resource, field: &Field, complain: &mut Complain<'_>) {
    let name = field.name.as_str();
    let mut complain = |key: &str, message: String| complain(&["fields", name, key], message);
    if field.unique {
        unique(field, &mut |message| complain("unique", message));
    }
    if let Some(made) = &field.generated {
        generated(resource, field, made, &mut |message| complain("generated", message));
    }
    if let Some(other) = &field.with {
        with(resource, field, other, &mut |message| complain("with", message));
    }
    if let Some(member) = &field.keyed {
        keyed(field, member, &mut |message| complain("keyed", message));
    } else if field.reserved.is_some() {
        complain("reserved", format!("field `{name}` has `reserved` without `keyed`"));
    }
    if field.alike != Alike::Equal && field.kind != Type::String {
        complain("alike", format!("`alike` is for strings, and field `{name}` is none"));
    }
}

/// Complains of what was made and cannot be found again by the field.
fn unique(field: &Field, complain: &mut dyn FnMut(String)) {
    let name = &field.name;
    match field.access {
        Access::Read => {
            complain(format!(
                "field `{name}` is unique, and is never sent (`access: read`): nothing is found again by it"
            ));
        }
        Access::Secret => complain(format!("field `{name}` is unique and secret, and no answer has it")),
        Access::Create | Access::Write => {}
    }
    if matches!(field.kind, Type::List(_) | Type::Strings | Type::Map | Type::Json) {
        complain(format!("`unique` is for single values, and field `{name}` is none"));
    }
}

/// A second unique field.
pub fn one_is_unique(resource: &Resource, complain: &mut Complain<'_>) {
    if let Some(second) = resource.fields.iter().filter(|field| field.unique).nth(1) {
        let message = format!("resource `{}` has more than one unique field", resource.name);
        complain(&["fields", &second.name, "unique"], message);
    }
}

fn generated(resource: &Resource, field: &Field, made: &Generated, complain: &mut dyn FnMut(String)) {
    let name = field.name.as_str();
    if field.kind != Type::String {
        complain(format!("`generated` is for strings, and field `{name}` is none"));
    }
    if field.access == Access::Read {
        complain(format!("field `{name}` is generated, and is never sent (`access: read`)"));
    }
    if field.required {
        complain(format!("field `{name}` is required, and so is never generated"));
    }
    if made.of.is_empty() {
        complain(format!("`generated` of field `{name}` has no `of`: what it is made of"));
    }
    for source in &made.of {
        let names = || resource.fields.iter().map(|field| &field.name).chain(resource.params.iter().map(|p| &p.name));
        let names = || names().map(String::as_str);
        let of = format!("`generated` of field `{name}` names `{source}`");
        match resource.field(source) {
            _ if source == name => complain(format!("field `{name}` is generated of itself")),
            None if !names().any(|known| known == source) => {
                let hint = did_you_mean(source, names().filter(|known| *known != name));
                complain(format!("{of}, which is no field and no param{hint}"));
            }
            Some(other) if other.access == Access::Secret => complain(format!("{of}, which is secret")),
            // What echoes a param is known as soon as the param is bound.
            Some(other) if other.access == Access::Read && !other.echoes => {
                complain(format!("{of}, which is never sent (`access: read`)"));
            }
            _ => {}
        }
    }
}

fn with(resource: &Resource, field: &Field, other: &str, complain: &mut dyn FnMut(String)) {
    let name = field.name.as_str();
    if field.access == Access::Read {
        complain(format!("field `{name}` goes `with` another, and is never sent (`access: read`)"));
    }
    match resource.field(other) {
        _ if other == name => complain(format!("field `{name}` goes `with` itself")),
        None => {
            let names = resource.fields.iter().map(|field| field.name.as_str()).filter(|known| *known != name);
            let hint = did_you_mean(other, names);
            complain(format!("field `{name}` goes `with` `{other}`, which is no field{hint}"));
        }
        Some(other) if other.access == Access::Read => {
            complain(format!("field `{name}` goes `with` `{}`, which is never sent (`access: read`)", other.name));
        }
        Some(_) => {}
    }
}

fn keyed(field: &Field, key: &str, complain: &mut dyn FnMut(String)) {
    let name = &field.name;
    let Type::List(members) = &field.kind else {
        return complain(format!("`keyed` is for lists of objects, and field `{name}` is none"));
    };
    match members.iter().find(|member| member.name == key) {
        None => {
            let hint = did_you_mean(key, members.iter().map(|member| member.name.as_str()));
            complain(format!("field `{name}` is keyed by `{key}`, which is no member{hint}"));
        }
        Some(member) if member.kind != Type::String => {
            complain(format!("field `{name}` is keyed by `{key}`, which is no string"));
        }
        Some(_) => {}
    }
}

/// Parts of methods that change nothing, and parts that are no keyed list.
/// `update_is_known`: no mistake stands where the document says which method UPDATE uses.
pub fn parts(resource: &Resource, update_is_known: bool, complain: &mut Complain<'_>) {
    for method in resource.methods.iter().filter(|method| !method.parts.is_empty()) {
        let name = method.name.as_str();
        let update = resource.verbs.update.as_ref();
        // A name that is no method was meant for one of them.
        let is_named = update.is_none_or(|update| resource.method(update).is_some());
        if update_is_known && is_named && update != Some(&method.name) {
            let message = format!("method `{name}` has `parts`, and is not the one that `update` uses");
            complain(&["methods", name, "parts"], message);
        }
        for part in &method.parts {
            if let Some(message) = no_part(resource, method, &part.field) {
                complain(&["methods", name, "parts", &part.field], message);
            }
        }
    }
}

/// Why a field cannot be changed by calls of its own.
fn no_part(resource: &Resource, method: &Method, name: &str) -> Option<String> {
    let what = format!("`parts` of method `{}` names `{name}`", method.name);
    let Some(field) = resource.field(name) else {
        let hint = did_you_mean(name, resource.fields.iter().map(|field| field.name.as_str()));
        return Some(format!("{what}, which is no field{hint}"));
    };
    if field.access != Access::Write {
        return Some(format!("{what}, which cannot be changed: its `access` is not `write`"));
    }
    field.keyed.is_none().then(|| format!("{what}, which is not `keyed`: there is nothing to change its entries by"))
}

#[cfg(test)]
mod tests;
