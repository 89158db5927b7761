//! What exists and what may be done to it: look-ups by name, which suggest the name that was meant.
//! Knows no SQL beyond the statements that its hints name, and never calls anything.

mod check;
mod document;
mod draft;
mod load;
pub mod model;
pub mod secret;
pub mod table;
pub mod yaml;

pub use draft::{Draft, Drafts, Written};
pub use load::load;
use model::{Catalog, Method, Provider, Resource, Service};

use crate::error::{Error, Kind, Result, nearest};

impl Catalog {
    /// # Errors
    /// `Name`: there is none of that name, in any case; with the nearest name as a hint.
    pub fn provider(&self, name: &str) -> Result<&Provider> {
        find(&self.providers, name, |provider| &provider.name).ok_or_else(|| {
            let error = Error::new(Kind::Name, format!("there is no provider `{name}`"));
            let near = nearest(name, self.providers.iter().map(|provider| provider.name.as_str()));
            did_you_mean(error.with_hint("`SHOW PROVIDERS` lists them"), near.map(str::to_string))
        })
    }

    /// # Errors
    /// `Name`, as for [`Catalog::provider`].
    pub fn service(&self, provider: &str, name: &str) -> Result<&Service> {
        let provider = self.provider(provider)?;
        find(&provider.services, name, |service| &service.name).ok_or_else(|| {
            let of = &provider.name;
            let error = Error::new(Kind::Name, format!("there is no service `{name}` in `{of}`"))
                .with_hint(format!("`SHOW SERVICES IN {of}` lists them"));
            let near = nearest(name, provider.services.iter().map(|service| service.name.as_str()));
            did_you_mean(error, near.map(|near| format!("{of}.{near}")))
        })
    }

    /// # Errors
    /// `Name`, as for [`Catalog::provider`]; also with the full name of a resource of that name elsewhere.
    pub fn resource(&self, provider: &str, service: &str, name: &str) -> Result<&Resource> {
        let service = self.service(provider, service).map_err(|error| self.elsewhere(error, name))?;
        find(&service.resources, name, |resource| &resource.name).ok_or_else(|| {
            let of = format!("{}.{}", service.provider, service.name);
            let error = Error::new(Kind::Name, format!("there is no resource `{name}` in `{of}`"));
            let error = error.with_hint(format!("`SHOW RESOURCES IN {of}` lists them"));
            let near = nearest(name, service.resources.iter().map(|resource| resource.name.as_str()));
            did_you_mean(self.elsewhere(error, name), near.map(|near| format!("{of}.{near}")))
        })
    }

    /// # Errors
    /// `Name`, as for [`Catalog::resource`].
    pub fn method(&self, provider: &str, service: &str, resource: &str, name: &str) -> Result<&Method> {
        let resource = self.resource(provider, service, resource)?;
        find(&resource.methods, name, |method| &method.name).ok_or_else(|| {
            let of = resource.full_name();
            let error = Error::new(Kind::Name, format!("there is no method `{name}` in `{of}`"))
                .with_hint(format!("`SHOW METHODS IN {of}` lists them"));
            let near = nearest(name, resource.methods.iter().map(|method| method.name.as_str()));
            did_you_mean(error, near.map(|near| format!("{of}.{near}")))
        })
    }

    /// Puts the full names of the resources called `name`, wherever they are, before the other hints.
    fn elsewhere(&self, error: Error, name: &str) -> Error {
        let resources =
            self.providers.iter().flat_map(|provider| &provider.services).flat_map(|service| &service.resources);
        let same = resources.filter(|resource| resource.name.eq_ignore_ascii_case(name));
        same.rev().fold(error, |error, resource| did_you_mean(error, Some(resource.full_name())))
    }
}

/// What has to be given before a method can be used, as SHOW METHODS prints it: what it needs, the required fields
/// if it is the one that INSERT uses, its required arguments, the required params. Fields and arguments have their wire
/// names.
pub fn required_params(resource: &Resource, method: &Method) -> Vec<String> {
    let needs = method.needs.iter().map(|need| resource.field(need).map_or(need, |field| &field.wire));
    let inserts = resource.verbs.insert.as_ref() == Some(&method.name);
    let fields = resource.fields.iter().filter(|field| inserts && field.required).map(|field| &field.wire);
    let arguments = method.arguments.iter().filter(|argument| argument.required).map(|argument| &argument.wire);
    let params = resource.params.iter().filter(|param| param.required).map(|param| &param.name);
    let mut names: Vec<String> = Vec::new();
    for name in needs.chain(fields).chain(arguments).chain(params) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The item of that name; one that differs in case alone only when none is exact.
fn find<'a, T>(items: &'a [T], name: &str, name_of: impl Fn(&T) -> &String) -> Option<&'a T> {
    let exact = items.iter().find(|item| name_of(item) == name);
    exact.or_else(|| items.iter().find(|item| name_of(item).eq_ignore_ascii_case(name)))
}

/// The nearest name comes before the other hints.
fn did_you_mean(mut error: Error, near: Option<String>) -> Error {
    error.hints.splice(0..0, near.map(|name| format!("did you mean `{name}`?")));
    error
}

#[cfg(test)]
mod tests;
