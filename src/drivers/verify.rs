//! Documents and drivers held against each other, both ways, before anything is sent.
//! Knows a driver by its signatures alone, and a document by the catalog's model.
//! Invariant: one mistake is one complaint. What rests on a part that was complained of is not judged.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Driver, Input, Signature};
use crate::catalog::model::{Access, Catalog, Field, Method, Resource, Service};
use crate::catalog::{Draft, Drafts, Written};
use crate::error::did_you_mean;

/// What an update needs where StackQL's form is spoken.
const PATCH: &str = "PatchDocument";

/// Adds what no driver can do to the mistakes of the documents.
pub fn verify(documents: &mut Drafts, drivers: &[Arc<dyn Driver>]) {
    for Draft { service, written } in &mut documents.drafts {
        if written.is_sound(&["driver"]) {
            of_service(service, drivers, written);
        }
    }
}

/// The fields that a call gives and that no resource with that call shows: rows that SQL cannot ask for.
pub fn unused(catalog: &Catalog, drivers: &[Arc<dyn Driver>]) -> Vec<String> {
    let mut unused = Vec::new();
    for driver in drivers {
        for call in driver.calls() {
            let shown = |wire: &str| {
                services(catalog)
                    .filter(|service| service.driver == driver.name())
                    .flat_map(|service| &service.resources)
                    .filter(|resource| selects(resource).any(|method| method.call == *call))
                    .any(|resource| resource.fields.iter().any(|field| field.wire == wire))
            };
            let fields = driver.signature(call).map(|signature| signature.fields).unwrap_or_default();
            unused.extend(
                fields.iter().filter(|wire| !shown(wire)).map(|wire| format!("{} {call} {wire}", driver.name())),
            );
        }
    }
    unused
}

fn services(catalog: &Catalog) -> impl Iterator<Item = &Service> {
    catalog.providers.iter().flat_map(|provider| &provider.services)
}

/// The methods that answer a SELECT.
fn selects(resource: &Resource) -> impl Iterator<Item = &Method> {
    resource.methods.iter().filter(|method| resource.verbs.select.contains(&method.name))
}

fn of_service(service: &Service, drivers: &[Arc<dyn Driver>], written: &mut Written) {
    let Some(driver) = drivers.iter().find(|driver| driver.name() == service.driver) else {
        let near = did_you_mean(&service.driver, drivers.iter().map(|driver| driver.name()));
        return written.complain(&["driver"], format!("there is no driver `{}`{near}", service.driver));
    };
    let params_are_known = written.is_sound(&["params"]);
    for resource in &service.resources {
        let params_are_known = params_are_known && written.is_sound(&["resources", &resource.name, "params"]);
        let calls: Vec<Call<'_>> =
            resource.methods.iter().filter_map(|method| call(resource, method, driver.as_ref(), written)).collect();
        for field in resource.fields.iter().filter(|field| !field.echoes) {
            wire_name(resource, field, &calls, written);
        }
        for call in &calls {
            needs(resource, call, written);
        }
        if params_are_known {
            params(resource, &calls, written);
        }
    }
}

/// A method, and what its call takes and gives.
struct Call<'a> {
    method: &'a Method,
    signature: Signature,
}

/// Complains of a call that the driver does not have.
fn call<'a>(resource: &Resource, method: &'a Method, driver: &dyn Driver, written: &mut Written) -> Option<Call<'a>> {
    let path = ["resources", &resource.name, "methods", &method.name, "call"];
    if !written.is_sound(&path) {
        return None;
    }
    let Some(signature) = driver.signature(&method.call) else {
        let near = did_you_mean(&method.call, driver.calls().iter().copied());
        let (name, call, driver) = (&method.name, &method.call, driver.name());
        written.complain(&path, format!("method `{name}` has the call `{call}`, which `{driver}` does not have{near}"));
        return None;
    };
    Some(Call { method, signature })
}

/// Complains of a field that a SELECT shows and no answer has, or that an INSERT sends and the call does not take.
fn wire_name(resource: &Resource, field: &Field, calls: &[Call<'_>], written: &mut Written) {
    let path = |key| ["resources", &resource.name, "fields", &field.name, key];
    if !written.is_sound(&path("wire")) || !written.is_sound(&path("access")) {
        return;
    }
    let shown = field.access != Access::Secret;
    let sent = field.access != Access::Read;
    for Call { method, signature } in calls {
        let (name, wire, call) = (&field.name, field.wire.as_str(), &method.call);
        if shown && resource.verbs.select.contains(&method.name) && !signature.fields.contains(&wire) {
            let near = did_you_mean(wire, signature.fields.iter().copied());
            let message = format!("field `{name}` shows `{wire}`, which `{call}` does not give{near}");
            return written.complain(&path("wire"), message);
        }
        let inputs = || signature.inputs.iter().map(|input| input.wire);
        if sent && resource.verbs.insert.as_ref() == Some(&method.name) && !inputs().any(|input| input == wire) {
            let near = did_you_mean(wire, inputs());
            let message = format!("field `{name}` sends `{wire}`, which `{call}` does not take{near}");
            return written.complain(&path("wire"), message);
        }
    }
}

/// Complains of what a method needs and its call does not take, of what the call needs and the method does not,
/// and of permissions.
fn needs(resource: &Resource, Call { method, signature }: &Call<'_>, written: &mut Written) {
    let (name, call) = (&method.name, &method.call);
    let part = ["resources", &resource.name];
    let path = |key| ["resources", &resource.name, "methods", name, key];
    let permissions_are_known = written.is_sound(&path("permissions"));
    let verb_is_known = |verb| written.is_sound(&[part[0], part[1], "verbs", verb]);
    let creates = resource.verbs.insert.as_ref() == Some(name);
    let changes = resource.verbs.update.as_ref() == Some(name) || !verb_is_known("update");
    let mut is_known = written.is_sound(&path("needs")) && verb_is_known("insert");
    is_known &= !creates || resource.fields.iter().all(|field| wire_is_known(resource, field, written));

    let inputs = || signature.inputs.iter().map(|input| input.wire);
    let mut bound: Vec<&str> = Vec::new();
    // A whole patch is how a statement says what to change, and no part of the call: the engine takes it apart.
    for need in method.needs.iter().filter(|need| !(changes && *need == PATCH)) {
        let Some(wire) = wire_of_need(resource, need, written) else {
            is_known = false;
            continue;
        };
        bound.push(wire);
        let is_param = signature.params.iter().any(|param| param.name == *need);
        let path = [part[0], part[1], "methods", name, "needs", need];
        if !is_param && !inputs().any(|input| input == wire) && written.is_sound(&path) {
            let near = did_you_mean(wire, inputs());
            written.complain(&path, format!("method `{name}` needs `{need}`, which `{call}` does not take{near}"));
            is_known = false;
        }
    }
    let is_bound = |input: &&Input| {
        bound.contains(&input.wire) || (creates && resource.fields.iter().any(|field| field.wire == input.wire))
    };
    for input in signature.inputs.iter().filter(|input| is_known && input.required && !is_bound(input)) {
        let wire = input.wire;
        let message = format!("method `{name}` does not need `{wire}`, without which `{call}` does not work");
        written.complain(&path("needs"), message);
    }
    let lacks = |permission: &&&str| !method.permissions.iter().any(|own| own == **permission);
    for permission in signature.permissions.iter().filter(|_| permissions_are_known).filter(lacks) {
        let message = format!("method `{name}` lacks the permission `{permission}`, which `{call}` needs");
        written.complain(&path("permissions"), message);
    }
}

fn wire_is_known(resource: &Resource, field: &Field, written: &Written) -> bool {
    field.echoes || written.is_sound(&["resources", &resource.name, "fields", &field.name, "wire"])
}

/// The wire name that a need means: `Identifier`, a field's name, or a wire name as it stands.
/// None when it cannot be known.
fn wire_of_need<'a>(resource: &'a Resource, need: &'a str, written: &Written) -> Option<&'a str> {
    let name = match need {
        "Identifier" if !written.is_sound(&["resources", &resource.name, "identity"]) => return None,
        "Identifier" => resource.identity.first()?,
        need => need,
    };
    match resource.field(name) {
        Some(field) => wire_is_known(resource, field, written).then_some(&field.wire),
        None => Some(need),
    }
}

/// Complains of params that a call needs and that are not there or may be left out, and of those that no call takes.
fn params(resource: &Resource, calls: &[Call<'_>], written: &mut Written) {
    let own = ["resources", &resource.name, "params"];
    let signatures = || calls.iter().flat_map(|call| call.signature.params.iter().map(move |param| (param, call)));
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    for (signature, Call { method, .. }) in signatures().filter(|(param, _)| param.required) {
        let (name, call) = (signature.name, &method.call);
        match resource.param(name) {
            // Such a field was complained of when it was read.
            None if resource.field(name).is_some_and(|field| field.echoes) => drop(missing.insert(name)),
            None if missing.insert(name) => {
                let message = format!("resource `{}` has no param `{name}`, which `{call}` needs", resource.name);
                written.complain(&own, message);
            }
            Some(param) if !param.required => {
                let path = param_path(resource, name, written);
                let path: Vec<&str> = path.iter().copied().chain(["required"]).collect();
                if written.is_sound(&path) {
                    let message = format!("param `{name}` is not required, and `{call}` does not work without it");
                    written.complain(&path, message);
                }
            }
            _ => {}
        }
    }
    // A call that does not exist may have taken the param, and a missing param may be this one.
    if calls.len() < resource.methods.len() || !missing.is_empty() {
        return;
    }
    let taken: BTreeSet<&str> = signatures().map(|(param, _)| param.name).collect();
    for param in resource.params.iter().filter(|param| !taken.contains(param.name.as_str())) {
        let name = param.name.as_str();
        let path = param_path(resource, name, written);
        if written.is_sound(&path) {
            let near = did_you_mean(name, taken.iter().copied().filter(|taken| resource.param(taken).is_none()));
            let message = format!("param `{name}` is taken by no call of resource `{}`{near}", resource.name);
            written.complain(&path, message);
        }
    }
}

/// Where a param stands: at the resource, or at the document.
fn param_path<'a>(resource: &'a Resource, param: &'a str, written: &Written) -> Vec<&'a str> {
    let own = vec!["resources", &resource.name, "params", param];
    if written.has(&own) { own } else { vec!["params", param] }
}

#[cfg(test)]
mod tests;
