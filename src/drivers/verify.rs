//! Documents and drivers held against each other, both ways, before anything is sent.
//! Knows a driver by its signatures alone, and a document by the catalog's model.

use std::sync::Arc;

use super::{Driver, Input, Signature};
use crate::catalog::model::{Access, Catalog, Method, Origin, Resource, Service};
use crate::error::{Error, Kind, Result, nearest};

/// What an update needs where StackQL's form is spoken.
const PATCH: &str = "PatchDocument";

/// Whether every document says only what its driver can do.
///
/// # Errors
/// `Document`, with every complaint as a context line that starts with the document's file.
pub fn verify(catalog: &Catalog, drivers: &[Arc<dyn Driver>]) -> Result<()> {
    let complaints: Vec<String> = services(catalog)
        .flat_map(|service| {
            let file = file(service);
            of_service(service, drivers).into_iter().map(move |complaint| format!("{file}: {complaint}"))
        })
        .collect();
    if complaints.is_empty() {
        return Ok(());
    }
    let mut error = Error::new(Kind::Document, "the provider documents ask for what the drivers do not have");
    error.context = complaints;
    Err(error)
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

fn file(service: &Service) -> String {
    match &service.origin {
        Origin::Embedded => format!("providers/{}/{}.yaml", service.provider, service.name),
        Origin::File(path) => path.display().to_string(),
    }
}

/// The methods that answer a SELECT.
fn selects(resource: &Resource) -> impl Iterator<Item = &Method> {
    resource.methods.iter().filter(|method| resource.verbs.select.contains(&method.name))
}

fn of_service(service: &Service, drivers: &[Arc<dyn Driver>]) -> Vec<String> {
    match drivers.iter().find(|driver| driver.name() == service.driver) {
        Some(driver) => service.resources.iter().flat_map(|resource| of_resource(resource, driver.as_ref())).collect(),
        None => {
            let near = nearest(&service.driver, drivers.iter().map(|driver| driver.name()));
            vec![format!("there is no driver `{}`{}", service.driver, perhaps(near))]
        }
    }
}

fn of_resource(resource: &Resource, driver: &dyn Driver) -> Vec<String> {
    let name = resource.full_name();
    let mut complaints = Vec::new();
    let mut taken: Vec<&str> = Vec::new();
    for method in &resource.methods {
        match driver.signature(&method.call) {
            Some(signature) => {
                taken.extend(signature.params.iter().map(|param| param.name));
                let of_method = of_method(resource, method, &signature);
                complaints.extend(of_method.into_iter().map(|what| format!("`{name}.{}` {what}", method.name)));
            }
            None => complaints.push(format!(
                "`{name}.{}` has the call `{}`, which `{}` does not have{}",
                method.name,
                method.call,
                driver.name(),
                perhaps(nearest(&method.call, driver.calls().iter().copied()))
            )),
        }
    }
    // A call that does not exist may have taken the param: one mistake is one complaint.
    if complaints.is_empty() {
        let lost = resource.params.iter().filter(|param| !taken.contains(&param.name.as_str()));
        complaints.extend(lost.map(|param| {
            let near = nearest(&param.name, taken.iter().copied());
            format!("`{name}` has the param `{}`, which none of its calls takes{}", param.name, perhaps(near))
        }));
    }
    complaints
}

fn of_method(resource: &Resource, method: &Method, signature: &Signature) -> Vec<String> {
    let call = &method.call;
    let mut complaints = Vec::new();
    for param in signature.params.iter().filter(|param| param.required) {
        match resource.param(param.name) {
            None => complaints.push(format!("lacks the param `{}`, which `{call}` needs", param.name)),
            Some(own) if !own.required => {
                complaints.push(format!("has the param `{}` as optional, and `{call}` needs it", param.name));
            }
            Some(_) => {}
        }
    }
    if resource.verbs.select.contains(&method.name) {
        for field in resource.fields.iter().filter(|field| !field.echoes && field.access != Access::Secret) {
            if !signature.fields.contains(&field.wire.as_str()) {
                let near = nearest(&field.wire, signature.fields.iter().copied());
                complaints.push(format!("shows `{}`, which `{call}` does not give{}", field.wire, perhaps(near)));
            }
        }
    }
    let creates = resource.verbs.insert.as_ref() == Some(&method.name);
    let inputs = || signature.inputs.iter().map(|input| input.wire);
    if creates {
        for field in resource.fields.iter().filter(|field| field.access != Access::Read && !field.echoes) {
            if !inputs().any(|wire| wire == field.wire) {
                let near = nearest(&field.wire, inputs());
                complaints.push(format!("sends `{}`, which `{call}` does not take{}", field.wire, perhaps(near)));
            }
        }
    }
    // A whole patch is how a statement says what to change, and no part of the call: the engine takes it apart.
    let changes = resource.verbs.update.as_ref() == Some(&method.name);
    let needs: Vec<_> = method.needs.iter().filter(|need| !(changes && *need == PATCH)).collect();
    let needs: Vec<(&str, &str)> = needs.into_iter().map(|need| (need.as_str(), wire(resource, need))).collect();
    for (need, wire) in &needs {
        let is_param = signature.params.iter().any(|param| param.name == *need);
        if !is_param && !inputs().any(|input| input == *wire) {
            complaints
                .push(format!("needs `{need}`, which `{call}` does not take{}", perhaps(nearest(wire, inputs()))));
        }
    }
    let is_bound = |input: &&Input| {
        needs.iter().any(|(_, wire)| *wire == input.wire)
            || (creates && resource.fields.iter().any(|field| field.wire == input.wire))
    };
    for input in signature.inputs.iter().filter(|input| input.required).filter(|input| !is_bound(input)) {
        complaints.push(format!("does not need `{}`, without which `{call}` does not work", input.wire));
    }
    for permission in signature.permissions.iter().filter(|name| !method.permissions.iter().any(|own| own == *name)) {
        complaints.push(format!("lacks the permission `{permission}`, which `{call}` needs"));
    }
    complaints
}

/// The wire name that a need means: `Identifier`, a field's name, or a wire name as it stands.
fn wire<'a>(resource: &'a Resource, need: &'a str) -> &'a str {
    let name = match resource.identity.first() {
        Some(identity) if need == "Identifier" => identity,
        _ => need,
    };
    resource.field(name).map_or(need, |field| &field.wire)
}

fn perhaps(near: Option<&str>) -> String {
    near.map(|near| format!(": perhaps `{near}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
