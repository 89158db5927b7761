//! What a method that answers no verb is given: from names and values as typed to params, inputs and a body by wire name,
//! or to everything that is wrong with them. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalog::model::{Field, Method, Resource, Rule};
use crate::engine::dml::check::created;
use crate::engine::dml::document::{Document, wire};
use crate::engine::dml::json;
use crate::engine::dml::site::Site;
use crate::error::did_you_mean;

/// What is sent, and what else is worth saying of it.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    pub params: BTreeMap<String, String>,
    /// What the call is about, by wire name.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// By wire name.
    pub body: Document,
    pub notices: Vec<String>,
}

/// What a name means.
enum Meaning<'a> {
    Argument(&'a Field),
    Param(&'a str),
    /// A field that the method needs.
    Need(&'a Field),
}

impl Payload {
    /// `given` are the names as typed, with their values; `defaults` the session's values of params.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn of(
        site: &Site,
        method: &Method,
        given: Vec<(String, Value)>,
        defaults: &BTreeMap<String, Vec<String>>,
    ) -> Result<Payload, Vec<String>> {
        let resource = site.resource.as_ref();
        let keys = keys(site, method);
        let (mut payload, mut wrong, mut ill) = (Payload::default(), Vec::new(), Vec::new());
        let mut params: BTreeMap<String, Option<String>> = BTreeMap::new();
        let (mut all, mut known) = (Document::new(), Vec::new());
        for (typed, value) in given {
            let meaning = match meaning(resource, method, &typed) {
                Ok(meaning) => meaning,
                Err(complaint) => {
                    wrong.push(complaint);
                    continue;
                }
            };
            let name = match &meaning {
                Meaning::Argument(field) | Meaning::Need(field) => field.wire.clone(),
                Meaning::Param(name) => name.to_string(),
            };
            if known.contains(&name) {
                wrong.push(format!("`{name}` is given twice"));
                continue;
            }
            known.push(name.clone());
            match meaning {
                Meaning::Param(_) => drop(params.insert(name, text(&value))),
                Meaning::Argument(field) | Meaning::Need(field) => match wire(field, value) {
                    Ok(Some(value)) => drop(all.insert(name, value)),
                    Ok(None) => {}
                    Err(complaint) => {
                        wrong.push(complaint);
                        ill.push(name);
                    }
                },
            }
        }
        match site.params(&method.call, &params, defaults) {
            Ok(found) => payload.params = found,
            Err(complaints) => wrong.extend(complaints),
        }
        let needed = needed(resource, method);
        let missing = needed.iter().filter(|field| !all.contains_key(&field.wire));
        wrong.extend(missing.map(|field| format!("`{}` is missing", field.wire)));
        ill.extend(needed.iter().map(|field| field.wire.clone()).filter(|wire| !all.contains_key(wire)));
        let own = Resource { fields: method.arguments.clone(), rules: Vec::new(), ..resource.clone() };
        let asked = Method { rules: of_arguments(resource, method), ..Method::default() };
        let found = created(&own, &asked, &all, &ill);
        wrong.extend(found.complaints);
        payload.notices.extend(found.notices);
        wrong.extend(json::withheld(&own, &all));
        for (name, value) in all {
            match text(&value).filter(|_| keys.contains(&name)) {
                Some(key) => drop(payload.inputs.insert(name, vec![key])),
                None => drop(payload.body.insert(name, value)),
            }
        }
        if wrong.is_empty() { Ok(payload) } else { Err(wrong) }
    }

    /// Everything that was given by wire name, for rules and notices.
    pub fn document(&self) -> Document {
        let inputs =
            self.inputs.iter().filter_map(|(wire, values)| Some((wire.clone(), values.first()?.as_str().into())));
        self.body.clone().into_iter().chain(inputs).collect()
    }

    /// What the call is about, in a report.
    pub fn key(&self) -> Option<&str> {
        self.inputs.values().flatten().next().map(String::as_str)
    }
}

/// The rules that speak of nothing but what was given.
pub fn of_arguments(resource: &Resource, method: &Method) -> Vec<Rule> {
    method.rules.iter().filter(|rule| !speaks_of_a_row(resource, method, rule)).cloned().collect()
}

/// The rules that speak of the row that the method is about.
pub fn of_the_row(resource: &Resource, method: &Method) -> Vec<Rule> {
    method.rules.iter().filter(|rule| speaks_of_a_row(resource, method, rule)).cloned().collect()
}

fn speaks_of_a_row(resource: &Resource, method: &Method, rule: &Rule) -> bool {
    let conditions = rule.when.iter().chain(&rule.is).map(|condition| &condition.place);
    let begins =
        |place: &str, wire: &str| place.strip_prefix(wire).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    conditions.chain(&rule.needs).chain(&rule.refuses).any(|place| {
        let is_own = |field: &Field| begins(place, &field.wire);
        !method.arguments.iter().any(is_own)
            && !needed(resource, method).into_iter().any(is_own)
            && resource.fields.iter().any(is_own)
    })
}

/// The fields that a method needs.
fn needed<'a>(resource: &'a Resource, method: &Method) -> Vec<&'a Field> {
    let field = |need: &String| match need.as_str() {
        "Identifier" => resource.identity.first().and_then(|name| resource.field(name)),
        need => resource.fields.iter().find(|field| field.wire == need || field.name == need),
    };
    method.needs.iter().filter_map(field).collect()
}

/// The wire names of what the call is about.
fn keys(site: &Site, method: &Method) -> Vec<String> {
    let inputs = site.driver.signature(&method.call).map(|signature| signature.inputs).unwrap_or_default();
    let keys = inputs.iter().filter(|input| input.key).map(|input| input.wire.to_string());
    keys.chain(needed(&site.resource, method).iter().map(|field| field.wire.clone())).collect()
}

fn meaning<'a>(resource: &'a Resource, method: &'a Method, typed: &str) -> Result<Meaning<'a>, String> {
    let bare = typed.to_lowercase();
    let bare = bare.strip_prefix("data__").unwrap_or(&bare);
    let is = |field: &&Field| field.name.eq_ignore_ascii_case(bare) || field.wire.eq_ignore_ascii_case(bare);
    if let Some(argument) = method.arguments.iter().find(is) {
        return Ok(Meaning::Argument(argument));
    }
    let needed = needed(resource, method);
    let identity = resource.identity.first();
    let is_need = |field: &&Field| is(field) || (bare == "identifier" && identity == Some(&field.name));
    if let Some(field) = needed.iter().copied().find(is_need) {
        return Ok(Meaning::Need(field));
    }
    if let Some(param) = resource.params.iter().find(|param| param.name.eq_ignore_ascii_case(bare)) {
        return Ok(Meaning::Param(&param.name));
    }
    let fields = method.arguments.iter().chain(needed).flat_map(|field| [&field.name, &field.wire]);
    let names = fields.chain(resource.params.iter().map(|param| &param.name));
    let near = did_you_mean(typed, names.map(String::as_str));
    Err(format!("`{typed}` is no argument of `{}`{near}", method.name))
}

/// A value as it stands in an address.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
