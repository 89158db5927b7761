//! A provider document: which keys it may have, and the model that they make.
//! Everything that can be said of one key is said here; what parts say of each other is `check`'s.
//! Reads a text and never a file.

use super::check::{check, taken};
use super::draft::{Draft, Written};
use super::model::{Access, Field, Member, Method, Origin, Param, Resource, Sends, Service, Settles, Type, Verbs};
use super::table::{Table, entries};
use super::yaml::{Key, Mistake, Node, mistake, parse};
use crate::error::did_you_mean;

const DOCUMENT: &[&str] = &["driver", "title", "description", "version", "params", "resources"];
const RESOURCE: &[&str] =
    &["type", "description", "identity", "fields", "params", "methods", "verbs", "settles", "examples"];
const FIELD: &[&str] = &[
    "wire",
    "type",
    "items",
    "access",
    "required",
    "min",
    "max",
    "pattern",
    "strict",
    "values",
    "arn",
    "param",
    "description",
];
const MEMBER: &[&str] = &["wire", "type", "items", "min", "max", "description"];
const PARAM: &[&str] = &["type", "required", "description"];
const METHOD: &[&str] = &["call", "needs", "sends", "permissions", "on_behalf", "description"];
const VERBS: &[&str] = &["select", "insert", "update", "delete"];
const SETTLES: &[&str] = &["wire", "done", "failed", "going", "errors"];

const ACCESS: &[(&str, Access)] =
    &[("read", Access::Read), ("create", Access::Create), ("write", Access::Write), ("secret", Access::Secret)];
const SENDS: &[(&str, Sends)] = &[("changed", Sends::Changed), ("whole", Sends::Whole)];

/// The words of `type:`; a `list` gets its members from `items`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    String,
    Boolean,
    Integer,
    Number,
    Timestamp,
    List,
    Strings,
    Map,
    Json,
}

/// What a param can be comes first: a single value.
const TYPES: &[(&str, Word)] = &[
    ("string", Word::String),
    ("boolean", Word::Boolean),
    ("integer", Word::Integer),
    ("number", Word::Number),
    ("timestamp", Word::Timestamp),
    ("list", Word::List),
    ("strings", Word::Strings),
    ("map", Word::Map),
    ("json", Word::Json),
];
const SINGLE_VALUES: usize = 5;

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
    table.need("fields", mistakes);
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
        description: table.text("description", mistakes).unwrap_or_default(),
    }
}

fn field((key, node): &(Key, Node), params: &[Param], mistakes: &mut Vec<Mistake>) -> Field {
    let what = format!("field `{}`", key.name);
    let table = Table::open(node, key.at, &what, FIELD, mistakes);
    if table.get("param").is_some() {
        return echo(&key.name, &table, params, mistakes);
    }
    Field {
        name: key.name.clone(),
        wire: table.text("wire", mistakes).unwrap_or_else(|| key.name.clone()),
        kind: kind(&table, &what, TYPES, mistakes),
        access: table.word("access", ACCESS, mistakes).unwrap_or(Access::Read),
        required: table.flag("required", mistakes),
        description: table.text("description", mistakes).unwrap_or_default(),
        min: table.count("min", mistakes),
        max: table.count("max", mistakes),
        pattern: table.text("pattern", mistakes),
        strict: table.flag("strict", mistakes),
        values: table.texts("values", mistakes),
        arn: table.flag("arn", mistakes),
        ..Field::default()
    }
}

/// A field whose value is the one that the param was bound to.
fn echo(name: &str, table: &Table<'_>, params: &[Param], mistakes: &mut Vec<Mistake>) -> Field {
    for key in FIELD.iter().filter(|key| !["param", "description"].contains(key)) {
        if let Some((written, _)) = table.get(key) {
            let message = format!("field `{name}` echoes a param, and has no `{key}` of its own");
            mistakes.push(mistake(written.at, message));
        }
    }
    let at = table.get("param").map_or(table.at, |(key, _)| key.at);
    let echoed = table.text("param", mistakes).unwrap_or_else(|| name.into());
    let param = params.iter().find(|param| param.name == echoed);
    if param.is_none() {
        let names = params.iter().map(|param| param.name.as_str());
        let hint = did_you_mean(&echoed, names);
        mistakes.push(mistake(at, format!("field `{name}` echoes `{echoed}`, which is no param{hint}")));
    } else if echoed != name {
        let message = format!("field `{name}` echoes the param `{echoed}`: a field and its param have one name");
        mistakes.push(mistake(at, message));
    }
    Field {
        name: name.into(),
        wire: name.into(),
        kind: param.map_or(Type::String, |param| param.kind.clone()),
        access: Access::Read,
        description: table.text("description", mistakes).unwrap_or_default(),
        echoes: true,
        ..Field::default()
    }
}

fn kind(table: &Table<'_>, what: &str, types: &[(&str, Word)], mistakes: &mut Vec<Mistake>) -> Type {
    table.need("type", mistakes);
    let word = table.word("type", types, mistakes);
    match (word, table.get("items")) {
        (Some(Word::List), None) => {
            let message = format!("{what} is a list without `items`; a list of texts has the type `strings`");
            mistakes.push(mistake(table.at, message));
        }
        (Some(Word::List) | None, _) | (_, None) => {}
        (Some(_), Some((key, _))) => {
            mistakes.push(mistake(key.at, format!("{what} has `items`, and is no list")));
        }
    }
    match word.unwrap_or(Word::String) {
        Word::String => Type::String,
        Word::Boolean => Type::Boolean,
        Word::Integer => Type::Integer,
        Word::Number => Type::Number,
        Word::Timestamp => Type::Timestamp,
        Word::List => Type::List(members(table, what, mistakes)),
        Word::Strings => Type::Strings,
        Word::Map => Type::Map,
        Word::Json => Type::Json,
    }
}

fn members(table: &Table<'_>, what: &str, mistakes: &mut Vec<Mistake>) -> Vec<Member> {
    let parts = parts(table, "items", what, mistakes);
    parts.into_iter().map(|part| member(part, what, mistakes)).collect()
}

fn member((key, node): &(Key, Node), of: &str, mistakes: &mut Vec<Mistake>) -> Member {
    let what = format!("member `{}` of {of}", key.name);
    let table = Table::open(node, key.at, &what, MEMBER, mistakes);
    Member {
        name: key.name.clone(),
        wire: table.text("wire", mistakes).unwrap_or_else(|| key.name.clone()),
        kind: kind(&table, &what, TYPES, mistakes),
        description: table.text("description", mistakes).unwrap_or_default(),
        min: table.count("min", mistakes),
        max: table.count("max", mistakes),
    }
}

fn method((key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Method {
    let table = Table::open(node, key.at, &format!("method `{}`", key.name), METHOD, mistakes);
    Method {
        name: key.name.clone(),
        call: table.needed_text("call", mistakes),
        needs: table.texts("needs", mistakes),
        sends: table.word("sends", SENDS, mistakes).unwrap_or(Sends::Changed),
        parts: Vec::new(),
        permissions: table.texts("permissions", mistakes),
        on_behalf: table.texts("on_behalf", mistakes),
        description: table.text("description", mistakes).unwrap_or_default(),
    }
}

fn verbs((key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Verbs {
    let table = Table::open(node, key.at, "`verbs`", VERBS, mistakes);
    Verbs {
        select: table.texts("select", mistakes),
        insert: table.text("insert", mistakes),
        update: table.text("update", mistakes),
        delete: table.text("delete", mistakes),
    }
}

fn settles((key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Settles {
    let table = Table::open(node, key.at, "`settles`", SETTLES, mistakes);
    Settles {
        wire: table.needed_text("wire", mistakes),
        done: table.texts("done", mistakes),
        failed: table.texts("failed", mistakes),
        going: table.texts("going", mistakes),
        errors: table.text("errors", mistakes),
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
