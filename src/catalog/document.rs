//! A provider document: which keys it may have, and the model that they make.
//! Everything that can be said of one key is said here; what parts say of each other is `check`'s.
//! Reads a text and never a file.

mod field;
mod method;
mod rule;

use field::{SINGLE_VALUES, TYPES, field, kind};
use method::method;
use rule::{conditions, rules};

use super::check::{check, taken};
use super::draft::{Draft, Written};
use super::model::{Origin, Param, Resource, Service, Settles, Verbs};
use super::table::{Table, entries};
use super::yaml::{Key, Mistake, Node, mistake, parse};

const DOCUMENT: &[&str] = &["driver", "title", "description", "version", "params", WIRING, "resources"];
/// What only the driver reads.
pub const WIRING: &str = "rest";
const RESOURCE: &[&str] = &[
    "type",
    "description",
    "identity",
    "fields",
    "params",
    "methods",
    "verbs",
    "settles",
    "rules",
    "known_by",
    "examples",
];
const PARAM: &[&str] = &["type", "required", "env", "description"];
const VERBS: &[&str] = &["select", "insert", "update", "delete"];
const SETTLES: &[&str] = &["wire", "done", "failed", "going", "gone", "errors", "errors_when"];

/// Reads the document of `provider.service`: what is sound of it, and every mistake that it shows by itself.
///
/// # Errors
/// Where the text stops being YAML.
pub fn read(provider: &str, name: &str, origin: Origin, text: &str) -> Result<Draft, Mistake> {
    let tree = parse(text)?;
    let mut mistakes = Vec::new();
    let service = service(provider, name, origin, &tree, &mut mistakes);
    for resource in &service.resources {
        check(resource, &tree, &mut mistakes);
    }
    Ok(Draft { service, written: Written { tree, mistakes } })
}

fn service(provider: &str, name: &str, origin: Origin, root: &Node, mistakes: &mut Vec<Mistake>) -> Service {
    let table = Table::open(root, root.at, "the document", DOCUMENT, mistakes);
    let common = params(&table, "the document", mistakes);
    table.need("resources", mistakes);
    let resources = parts(&table, "resources", "the document", mistakes);
    Service {
        provider: provider.into(),
        name: name.into(),
        title: table.text("title", mistakes).unwrap_or_else(|| name.into()),
        description: table.text("description", mistakes).unwrap_or_default(),
        version: table.text("version", mistakes).unwrap_or_default(),
        driver: table.needed_text("driver", mistakes),
        origin,
        resources: resources.into_iter().map(|part| resource(provider, name, part, &common, mistakes)).collect(),
    }
}

fn resource(
    provider: &str,
    service: &str,
    (key, node): &(Key, Node),
    common: &[Param],
    mistakes: &mut Vec<Mistake>,
) -> Resource {
    let what = format!("resource `{}`", key.name);
    let table = Table::open(node, key.at, &what, RESOURCE, mistakes);
    // Without any, it is what its methods do.
    if table.get("verbs").is_some() {
        table.need("fields", mistakes);
    }
    table.need("methods", mistakes);
    let own = params(&table, &what, mistakes);
    for param in own.iter().filter(|param| common.iter().any(|other| other.name == param.name)) {
        let at = node.mark_of(&["params", &param.name]);
        mistakes.push(mistake(at, format!("`{}` is a param of the whole document already", param.name)));
    }
    let params: Vec<Param> = common.iter().cloned().chain(own).collect();
    let fields = parts(&table, "fields", &what, mistakes);
    let methods = parts(&table, "methods", &what, mistakes);
    Resource {
        provider: provider.into(),
        service: service.into(),
        name: key.name.clone(),
        type_name: table.text("type", mistakes),
        description: table.text("description", mistakes).unwrap_or_default(),
        identity: table.texts("identity", mistakes),
        fields: fields.into_iter().map(|part| field(part, &params, mistakes)).collect(),
        methods: methods.into_iter().map(|part| method(part, mistakes)).collect(),
        params,
        verbs: table.get("verbs").map(|part| verbs(part, mistakes)).unwrap_or_default(),
        settles: table.get("settles").map(|part| settles(part, mistakes)),
        rules: rules(&table, &what, mistakes),
        known_by: table.texts("known_by", mistakes),
        examples: table.texts("examples", mistakes),
    }
}

/// The named parts below `key`, each with a name that SQL can say.
fn parts<'a>(table: &Table<'a>, key: &str, of: &str, mistakes: &mut Vec<Mistake>) -> Vec<&'a (Key, Node)> {
    let Some((own, node)) = table.get(key) else { return Vec::new() };
    let what = format!("`{key}` of {of}");
    let before = mistakes.len();
    let parts = entries(node, own.at, &what, mistakes);
    if parts.is_empty() && mistakes.len() == before {
        mistakes.push(mistake(own.at, format!("{what} is empty")));
    }
    for (key, _) in parts.iter().filter(|(key, _)| !is_snake_case(&key.name)) {
        mistakes.push(mistake(key.at, not_snake_case(&key.name)));
    }
    parts
}

fn params(table: &Table<'_>, of: &str, mistakes: &mut Vec<Mistake>) -> Vec<Param> {
    let parts = parts(table, "params", of, mistakes);
    parts.into_iter().map(|part| param(part, mistakes)).collect()
}

fn param((key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Param {
    let what = format!("param `{}`", key.name);
    if let Some(reason) = taken(&key.name) {
        mistakes.push(mistake(key.at, format!("{what} answers to `{}`, {reason}", key.name)));
    }
    let table = Table::open(node, key.at, &what, PARAM, mistakes);
    Param {
        name: key.name.clone(),
        kind: kind(&table, &what, &TYPES[..SINGLE_VALUES], mistakes),
        required: table.flag("required", mistakes),
        env: table.text("env", mistakes),
        description: table.text("description", mistakes).unwrap_or_default(),
    }
}

fn verbs((key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Verbs {
    let table = Table::open(node, key.at, "`verbs`", VERBS, mistakes);
    Verbs {
        select: table.texts("select", mistakes),
        insert: table.text("insert", mistakes),
        update: table.text("update", mistakes),
        delete: table.texts("delete", mistakes),
    }
}

fn settles((key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Settles {
    let table = Table::open(node, key.at, "`settles`", SETTLES, mistakes);
    Settles {
        wire: table.needed_text("wire", mistakes),
        done: table.texts("done", mistakes),
        failed: table.texts("failed", mistakes),
        going: table.texts("going", mistakes),
        gone: table.texts("gone", mistakes),
        errors: table.text("errors", mistakes),
        errors_when: conditions(&table, "errors_when", "`settles`", mistakes),
    }
}

/// Whether SQL can say the name without quotes: letters, digits and `_`, starting with a letter.
pub fn is_snake_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

pub fn not_snake_case(name: &str) -> String {
    format!("the name `{name}` is not in snake_case: small letters, digits and `_`, starting with a letter")
}
