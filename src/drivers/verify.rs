//! Documents and drivers held against each other, both ways, before anything is sent.
//! Knows a driver by its signatures alone, and a document by the catalog's model.
//! Invariant: one mistake is one complaint. What rests on a part that was complained of is not judged.

use std::collections::BTreeSet;
use std::iter;

use super::{Driver, Drivers, Input, Signature, rest};
use crate::catalog::model::{Access, Catalog, Field, Method, Resource, Sends, Service};
use crate::catalog::{Draft, Drafts, Written};
use crate::error::did_you_mean;

mod methods;

/// What an update needs where StackQL's form is spoken.
const PATCH: &str = "PatchDocument";
/// What SQL calls the identity.
const IDENTIFIER: &str = "Identifier";

/// Adds what no driver can do to the mistakes of the documents.
pub fn verify(documents: &mut Drafts, drivers: &Drivers) {
    for Draft { service, written } in &mut documents.drafts {
        if written.is_sound(&["driver"]) {
            of_service(service, drivers, written);
        }
    }
}

/// The fields that a call gives and that no resource with that call shows: rows that SQL cannot ask for.
pub fn unused(catalog: &Catalog, drivers: &Drivers) -> Vec<String> {
    let mut unused = Vec::new();
    for driver in &drivers.shared {
        let own: Vec<&Service> = services(catalog).filter(|service| service.driver == driver.name()).collect();
        unused.extend(unused_of(driver.as_ref(), driver.name(), &own));
    }
    for service in services(catalog) {
        if let Some(driver) = drivers.of(service).filter(|driver| driver.name() == rest::NAME) {
            let name = format!("{}.{}", service.provider, service.name);
            unused.extend(unused_of(driver.as_ref(), &name, &[service]));
        }
    }
    unused
}

fn unused_of(driver: &dyn Driver, name: &str, services: &[&Service]) -> Vec<String> {
    let mut unused = Vec::new();
    for call in driver.calls() {
        let resources = services.iter().flat_map(|service| &service.resources);
        let asking: Vec<&Resource> =
            resources.filter(|resource| selects(resource).any(|method| method.call == call)).collect();
        let given = |wire: &str| methods::given(services, call).any(|field| field.wire == wire);
        let shown = |wire: &str| given(wire) || asking.iter().any(|r| r.fields.iter().any(|field| field.wire == wire));
        let reads = driver.signature(call).filter(|signature| !signature.writes);
        let fields = reads.map(|signature| signature.fields).unwrap_or_default();
        unused.extend(fields.iter().filter(|wire| !shown(wire)).map(|wire| format!("{name} {call} {wire}")));
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

fn of_service(service: &Service, drivers: &Drivers, written: &mut Written) {
    let Some(driver) = drivers.of(service) else {
        // Why there is none was said where it was to be made.
        if service.driver == rest::NAME {
            return;
        }
        let near = did_you_mean(&service.driver, drivers.names());
        return written.complain(&["driver"], format!("there is no driver `{}`{near}", service.driver));
    };
    let params_are_known = written.is_sound(&["params"]);
    for resource in &service.resources {
        let params_are_known = params_are_known && written.is_sound(&["resources", &resource.name, "params"]);
        let calls: Vec<Call<'_>> =
            resource.methods.iter().filter_map(|method| call(resource, method, driver.as_ref(), written)).collect();
        let parts: Vec<PartCall<'_>> =
            calls.iter().flat_map(|call| part_calls(resource, call.method, driver.as_ref(), written)).collect();
        for field in resource.fields.iter().filter(|field| !field.echoes) {
            wire_name(resource, field, &calls, written);
        }
        for call in &calls {
            let path = ["resources", &resource.name, "methods", &call.method.name, "permissions"];
            let permissions_are_known = written.is_sound(&path);
            needs(resource, call, written);
            methods::arguments(resource, call, written);
            methods::gives(resource, call, written);
            let own = parts.iter().map(|part| &part.call).filter(|part| part.method.name == call.method.name);
            for call in iter::once(call).chain(own).filter(|_| permissions_are_known) {
                permissions(&path, call, written);
            }
        }
        for part in &parts {
            part_inputs(resource, part, written);
        }
        settles(resource, &calls, written);
        if params_are_known {
            params(resource, &calls, &parts, written);
        }
    }
}

/// A call of a method, and what it takes and gives.
struct Call<'a> {
    method: &'a Method,
    name: &'a str,
    signature: Signature<'a>,
}

/// A call that changes one field of a method.
struct PartCall<'a> {
    field: &'a str,
    /// Where the document names the call.
    path: [&'a str; 7],
    call: Call<'a>,
}

impl Call<'_> {
    fn inputs(&self) -> impl Iterator<Item = &str> {
        self.signature.inputs.iter().map(|input| input.wire)
    }

    fn takes(&self, wire: &str) -> bool {
        self.inputs().any(|input| input == wire)
    }
}

/// Complains of a call that the driver does not have.
fn call<'a>(
    resource: &Resource,
    method: &'a Method,
    driver: &'a dyn Driver,
    written: &mut Written,
) -> Option<Call<'a>> {
    let path = ["resources", &resource.name, "methods", &method.name, "call"];
    let signature = signature(&path, &format!("method `{}` has", method.name), &method.call, driver, written)?;
    Some(Call { method, name: &method.call, signature })
}

/// The calls of their own that change fields of a method. Complains of those that the driver does not have.
fn part_calls<'a>(
    resource: &'a Resource,
    method: &'a Method,
    driver: &'a dyn Driver,
    written: &mut Written,
) -> Vec<PartCall<'a>> {
    let named = method.parts.iter().flat_map(|part| [(part, "set", &part.set), (part, "remove", &part.remove)]);
    let calls = named.filter_map(|(part, key, name)| {
        let path = ["resources", &resource.name, "methods", &method.name, "parts", &part.field, key];
        let who = format!("part `{}` of method `{}` has", part.field, method.name);
        let signature = signature(&path, &who, name, driver, written)?;
        Some(PartCall { field: &part.field, path, call: Call { method, name, signature } })
    });
    calls.collect()
}

fn signature<'a>(
    path: &[&str],
    who: &str,
    call: &str,
    driver: &'a dyn Driver,
    written: &mut Written,
) -> Option<Signature<'a>> {
    if !written.is_sound(path) {
        return None;
    }
    let signature = driver.signature(call);
    if signature.is_none() {
        let near = did_you_mean(call, driver.calls());
        written.complain(path, format!("{who} the call `{call}`, which `{}` does not have{near}", driver.name()));
    }
    signature
}

/// Complains of a part's call that changes nothing, that does not take the field or what it belongs to,
/// or that needs more than those.
fn part_inputs(resource: &Resource, PartCall { field: part, path, call }: &PartCall<'_>, written: &mut Written) {
    let name = call.name;
    if !call.signature.writes {
        return written.complain(path, format!("part `{part}` has the call `{name}`, which changes nothing"));
    }
    let (Some(field), Some(identity)) = (resource.field(part), wire_of_need(resource, IDENTIFIER, written)) else {
        return;
    };
    if !wire_is_known(resource, field, written) {
        return;
    }
    let sent = [identity, &field.wire];
    for wire in sent.iter().filter(|wire| !call.takes(wire)) {
        let near = did_you_mean(wire, call.inputs());
        written.complain(path, format!("part `{part}` sends `{wire}`, which `{name}` does not take{near}"));
    }
    for input in call.signature.inputs.iter().filter(|input| input.required && !sent.contains(&input.wire)) {
        let message = format!("part `{part}` does not send `{}`, without which `{name}` does not work", input.wire);
        written.complain(path, message);
    }
}

/// Complains when what waiting looks at is not in the answers of the calls that look one resource up.
fn settles(resource: &Resource, calls: &[Call<'_>], written: &mut Written) {
    let Some(settles) = &resource.settles else { return };
    let verbs = ["resources", &resource.name, "verbs", "select"];
    let Some(identity) = wire_of_need(resource, IDENTIFIER, written) else { return };
    if !written.is_sound(&verbs) {
        return;
    }
    let path = |key| ["resources", &resource.name, "settles", key];
    let selects = || calls.iter().filter(|call| resource.verbs.select.contains(&call.method.name));
    if selects().count() == resource.verbs.select.len() && !selects().any(|call| call.takes(identity)) {
        let message = format!("`settles` looks a resource up, and no method of `select` takes `{identity}`");
        return written.complain(&path("wire")[..3], message);
    }
    // What went wrong may stand within a field.
    let within = |place: &'_ String| resource.field_at(place).map_or(place.clone(), |field| field.wire.clone());
    let told = [("wire", Some(settles.wire.clone())), ("errors", settles.errors.as_ref().map(within))];
    for (key, wire) in told.iter().filter_map(|(key, wire)| Some((*key, wire.as_deref()?))) {
        if !written.is_sound(&path(key)) {
            continue;
        }
        let lacks = |call: &&Call<'_>| call.takes(identity) && !call.signature.fields.contains(&wire);
        if let Some(call) = selects().find(lacks) {
            let near = did_you_mean(wire, call.signature.fields.iter().copied());
            let message = format!("`settles` looks at `{wire}`, which `{}` does not give{near}", call.name);
            written.complain(&path(key), message);
        }
    }
}

/// Complains of a field that a SELECT shows and no answer has, or that an INSERT or UPDATE sends and the call does not
/// take.
fn wire_name(resource: &Resource, field: &Field, calls: &[Call<'_>], written: &mut Written) {
    let path = |key| ["resources", &resource.name, "fields", &field.name, key];
    if !written.is_sound(&path("wire")) || !written.is_sound(&path("access")) {
        return;
    }
    let shown = field.access != Access::Secret;
    let sent = field.access != Access::Read;
    for call in calls {
        let Call { method, name: call_name, signature } = call;
        let (name, wire) = (&field.name, field.wire.as_str());
        if shown && resource.verbs.select.contains(&method.name) && !signature.fields.contains(&wire) {
            let near = did_you_mean(wire, signature.fields.iter().copied());
            let message = format!("field `{name}` shows `{wire}`, which `{call_name}` does not give{near}");
            return written.complain(&path("wire"), message);
        }
        let creates = sent && resource.verbs.insert.as_ref() == Some(&method.name);
        let changes =
            resource.verbs.update.as_ref() == Some(&method.name) && is_changed_by(resource, field, method, written);
        if (creates || changes) && !call.takes(wire) {
            let near = did_you_mean(wire, call.inputs());
            let message = format!("field `{name}` sends `{wire}`, which `{call_name}` does not take{near}");
            return written.complain(&path("wire"), message);
        }
    }
}

/// Whether the method's own call changes the field, and no part's.
fn is_changed_by(resource: &Resource, field: &Field, method: &Method, written: &Written) -> bool {
    let parts_are_known = written.is_sound(&["resources", &resource.name, "methods", &method.name, "parts"]);
    let is_sent = match method.sends {
        Sends::Changed => field.access == Access::Write,
        Sends::Whole => field.access != Access::Read,
    };
    is_sent && parts_are_known && !method.parts.iter().any(|part| part.field == field.name)
}

/// Complains of what a method needs and its call does not take, and of what the call needs and the method does not.
fn needs(resource: &Resource, call: &Call<'_>, written: &mut Written) {
    let Call { method, name: call_name, signature } = call;
    let name = &method.name;
    let part = ["resources", &resource.name];
    let path = |key| ["resources", &resource.name, "methods", name, key];
    let verb_is_known = |verb| written.is_sound(&[part[0], part[1], "verbs", verb]);
    let creates = resource.verbs.insert.as_ref() == Some(name);
    let changes = resource.verbs.update.as_ref() == Some(name) || !verb_is_known("update");
    let mut is_known = written.is_sound(&path("needs")) && verb_is_known("insert");
    is_known &= !creates || resource.fields.iter().all(|field| wire_is_known(resource, field, written));

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
        if !is_param && !call.takes(wire) && written.is_sound(&path) {
            let near = did_you_mean(wire, call.inputs());
            written.complain(&path, format!("method `{name}` needs `{need}`, which `{call_name}` does not take{near}"));
            is_known = false;
        }
    }
    let sends_all = creates || (resource.verbs.update.as_ref() == Some(name) && method.sends == Sends::Whole);
    let is_argument = |wire: &str| method.arguments.iter().any(|field| field.wire == wire);
    let is_bound = |input: &&Input| {
        let is_sent = || resource.fields.iter().any(|field| field.wire == input.wire);
        bound.contains(&input.wire) || is_argument(input.wire) || (sends_all && is_sent())
    };
    for input in signature.inputs.iter().filter(|input| is_known && input.required && !is_bound(input)) {
        let wire = input.wire;
        let message = format!("method `{name}` does not need `{wire}`, without which `{call_name}` does not work");
        written.complain(&path("needs"), message);
    }
}

/// Complains of permissions that a call of the method needs and the method does not have.
fn permissions(path: &[&str], Call { method, name: call, signature }: &Call<'_>, written: &mut Written) {
    let name = &method.name;
    let lacks = |permission: &&&str| !method.permissions.iter().any(|own| own == **permission);
    for permission in signature.permissions.iter().filter(lacks) {
        let message = format!("method `{name}` lacks the permission `{permission}`, which `{call}` needs");
        written.complain(path, message);
    }
}

fn wire_is_known(resource: &Resource, field: &Field, written: &Written) -> bool {
    field.echoes || written.is_sound(&["resources", &resource.name, "fields", &field.name, "wire"])
}

/// The wire name that a need means: `Identifier`, a field's name, or a wire name as it stands.
/// None when it cannot be known.
fn wire_of_need<'a>(resource: &'a Resource, need: &'a str, written: &Written) -> Option<&'a str> {
    let name = match need {
        IDENTIFIER if !written.is_sound(&["resources", &resource.name, "identity"]) => return None,
        IDENTIFIER => resource.identity.first()?,
        need => need,
    };
    match resource.field(name) {
        Some(field) => wire_is_known(resource, field, written).then_some(&field.wire),
        None => Some(need),
    }
}

/// Complains of params that a call needs and that are not there or may be left out, and of those that no call takes.
fn params(resource: &Resource, calls: &[Call<'_>], parts: &[PartCall<'_>], written: &mut Written) {
    let own = ["resources", &resource.name, "params"];
    let all = || calls.iter().chain(parts.iter().map(|part| &part.call));
    let signatures = || all().flat_map(|call| call.signature.params.iter().map(move |param| (param, call.name)));
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    for (signature, call) in signatures().filter(|(param, _)| param.required) {
        let name = signature.name;
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
    let named: usize = resource.methods.iter().map(|method| 1 + 2 * method.parts.len()).sum();
    if all().count() < named || !missing.is_empty() {
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
