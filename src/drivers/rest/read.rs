//! The section `rest` of a document as written, and the wiring that its keys make: every mistake is a complaint.
//! Knows the document's words and nothing of requests.

mod auth;
mod call;

use super::place::{Place, Rows};
use super::template::Template;
use super::wiring::{Errors, Statuses, Wiring};
use crate::catalog::model::{Service, Type};
use crate::catalog::secret::Marks;
use crate::catalog::table::{Table, entries};
use crate::catalog::yaml::{Key, Mark, Mistake, Node, Value, mistake};

const SECTION: &[&str] =
    &["base", "service", "headers", "auth", "errors", "request_id", "statuses", "per_second", "calls"];
const ERRORS: &[&str] = &["message", "code"];
const STATUSES: &[&str] = &["success", "absent", "conflict", "retry"];

/// The wiring of a service, as far as it is sound.
pub fn wiring(service: &Service, (key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Wiring {
    let table = Table::open(node, key.at, "`rest`", SECTION, mistakes);
    let mut wiring = Wiring {
        service: table.text("service", mistakes).unwrap_or_else(|| service.title.clone()),
        params: service.resources.iter().flat_map(|r| &r.params).map(|param| param.name.clone()).collect(),
        ..Wiring::default()
    };
    let methods = service.resources.iter().flat_map(|resource| &resource.methods);
    let of_methods = methods.flat_map(|method| method.arguments.iter().chain(&method.gives));
    for field in service.resources.iter().flat_map(|resource| &resource.fields).chain(of_methods) {
        if field.kind == Type::String {
            wiring.texts.insert(field.wire.clone());
        }
    }
    let arguments = service.resources.iter().flat_map(|resource| &resource.methods);
    let arguments = arguments.flat_map(|method| &method.arguments);
    for field in service.resources.iter().flat_map(|resource| &resource.fields).chain(arguments) {
        let marks = Marks::of(field);
        if !marks.is_empty() {
            let known = wiring.secrets.remove(&field.wire).unwrap_or_default();
            wiring.secrets.insert(field.wire.clone(), known.and(marks));
        }
    }
    table.need("base", mistakes);
    wiring.base = template(&table, "base", mistakes).unwrap_or_default();
    base(&wiring, &table, mistakes);
    wiring.headers = templates(&table, "headers", "`rest`", mistakes);
    wiring.per_second = table.count("per_second", mistakes).filter(|count| *count > 0);
    if let Some((key, node)) = table.get("errors") {
        let errors = Table::open(node, key.at, "`errors`", ERRORS, mistakes);
        wiring.errors.message = place(&errors, "message", mistakes);
        wiring.errors.code = place(&errors, "code", mistakes);
    }
    wiring.errors = Errors { request_id: table.text("request_id", mistakes), ..wiring.errors };
    let usual =
        Statuses { absent: vec![404, 410], conflict: vec![409], retry: vec![408, 425, 429], ..Statuses::default() };
    let usual = statuses(&table, usual, mistakes);
    wiring.auth = table.get("auth").map(|part| auth::ways(part, mistakes)).unwrap_or_default();
    table.need("calls", mistakes);
    if let Some((key, node)) = table.get("calls") {
        for part in entries(node, key.at, "`calls`", mistakes) {
            let call = call::call(part, &wiring, &usual, mistakes);
            wiring.calls.push(call);
        }
    }
    wiring
}

/// Complains of a base that no request could start with.
fn base(wiring: &Wiring, table: &Table<'_>, mistakes: &mut Vec<Mistake>) {
    let Some((_, node)) = table.get("base") else { return };
    for name in wiring.base.names().filter(|name| !wiring.params.contains(*name)) {
        let near = crate::error::did_you_mean(name, wiring.params.iter().map(String::as_str));
        mistakes.push(mistake(node.at, format!("`base` has `{{{name}}}`, which is no param{near}")));
    }
    let Value::Text(text) = &node.value else { return };
    let is_param = wiring.base.only_name().is_some();
    if !is_param && !text.starts_with("https://") && !text.starts_with("http://") {
        mistakes.push(mistake(node.at, "`base` begins with `https://`, or is a param that holds the whole address"));
    } else if let Some(rest) = text.strip_prefix("http://")
        && !super::address::is_loopback(super::address::authority(rest))
        && !rest.starts_with('{')
    {
        mistakes.push(mistake(node.at, "`base` is `http://`, which is for this machine alone: `https://` is needed"));
    }
}

pub(super) fn statuses(table: &Table<'_>, usual: Statuses, mistakes: &mut Vec<Mistake>) -> Statuses {
    let Some((key, node)) = table.get("statuses") else { return usual };
    let own = Table::open(node, key.at, "`statuses`", STATUSES, mistakes);
    let mut list = |key: &str| {
        let (_, node) = own.get(key)?;
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut found = Vec::new();
        for item in items {
            match &item.value {
                Value::Integer(status) if (200..600).contains(status) => found.extend(u16::try_from(*status)),
                _ => mistakes.push(mistake(item.at, format!("`{key}` is {}, and must be HTTP statuses", item.shown()))),
            }
        }
        Some(found)
    };
    Statuses {
        success: list("success").or(usual.success),
        absent: list("absent").unwrap_or(usual.absent),
        conflict: list("conflict").unwrap_or(usual.conflict),
        retry: list("retry").unwrap_or(usual.retry),
    }
}

/// What `parse` makes of the text at a key.
fn parsed<T>(
    table: &Table<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, String>,
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    let text = table.text(key, mistakes)?;
    let at = table.get(key).map_or(table.at, |(_, node)| node.at);
    fits(parse(&text), at, key, &text, mistakes)
}

fn fits<T>(result: Result<T, String>, at: Mark, key: &str, text: &str, mistakes: &mut Vec<Mistake>) -> Option<T> {
    result.map_err(|why| mistakes.push(mistake(at, format!("`{key}` is `{text}`, and {why}")))).ok()
}

pub(super) fn template(table: &Table<'_>, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Template> {
    parsed(table, key, Template::parse, mistakes)
}

pub(super) fn place(table: &Table<'_>, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Place> {
    parsed(table, key, Place::parse, mistakes)
}

pub(super) fn rows(table: &Table<'_>, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Rows> {
    parsed(table, key, Rows::parse, mistakes)
}

/// A table from free names to templates.
pub(super) fn templates(
    table: &Table<'_>,
    key: &str,
    of: &str,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(String, Template)> {
    let mut found = Vec::new();
    for (name, node) in named(table, key, of, mistakes) {
        let text = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(_) | Value::Boolean(_) | Value::Number(_) => node.value.json().to_string(),
            _ => {
                let message = format!("`{}` of `{key}` is {}, and must be a text", name.name, node.shown());
                mistakes.push(mistake(node.at, message));
                continue;
            }
        };
        let template = fits(Template::parse(&text), node.at, &name.name, &text, mistakes);
        found.extend(template.map(|template| (name.name.clone(), template)));
    }
    found
}

/// The entries of a table below `key` whose keys are free.
pub(super) fn named<'a>(table: &Table<'a>, key: &str, of: &str, mistakes: &mut Vec<Mistake>) -> Vec<&'a (Key, Node)> {
    let Some((own, node)) = table.get(key) else { return Vec::new() };
    entries(node, own.at, &format!("`{key}` of {of}"), mistakes)
}
