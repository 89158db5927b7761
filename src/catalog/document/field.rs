//! A field of a document as written, and the model that its keys make.
//! What fields say of each other and of the rest of their resource is `check`'s.

use regex::Regex;

use super::parts;
use crate::catalog::model::{Access, Alike, Field, Generated, Member, Param, Type};
use crate::catalog::table::Table;
use crate::catalog::yaml::{Key, Mistake, Node, Value, mistake};
use crate::error::did_you_mean;

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
    "unique",
    "generated",
    "with",
    "keyed",
    "reserved",
    "alike",
    "secrets",
    "redacted",
    "param",
    "description",
];
const GENERATED: &[&str] = &["prefix", "of"];
const MEMBER: &[&str] = &["wire", "type", "items", "min", "max", "description"];

const ACCESS: &[(&str, Access)] =
    &[("read", Access::Read), ("create", Access::Create), ("write", Access::Write), ("secret", Access::Secret)];
const ALIKE: &[(&str, Alike)] = &[("equal", Alike::Equal), ("kms_key", Alike::KmsKey)];

/// The words of `type:`; a `list` gets its members from `items`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
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
pub(super) const TYPES: &[(&str, Word)] = &[
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
pub(super) const SINGLE_VALUES: usize = 5;

pub(super) fn field((key, node): &(Key, Node), params: &[Param], mistakes: &mut Vec<Mistake>) -> Field {
    let what = format!("field `{}`", key.name);
    let table = Table::open(node, key.at, &what, FIELD, mistakes);
    if table.get("param").is_some() {
        return echo(&key.name, &table, params, mistakes);
    }
    Field {
        name: key.name.clone(),
        wire: table.text("wire", mistakes).unwrap_or_else(|| key.name.clone()),
        kind: kind(&table, &what, TYPES, mistakes),
        secrets: table.texts("secrets", mistakes),
        redacted: table.texts("redacted", mistakes),
        access: table.word("access", ACCESS, mistakes).unwrap_or(Access::Read),
        required: table.flag("required", mistakes),
        description: table.text("description", mistakes).unwrap_or_default(),
        min: table.count("min", mistakes),
        max: table.count("max", mistakes),
        pattern: pattern(&key.name, &table, mistakes),
        strict: strict(&key.name, &table, mistakes),
        values: table.texts("values", mistakes),
        arn: table.flag("arn", mistakes),
        echoes: false,
        unique: table.flag("unique", mistakes),
        generated: table.get("generated").and_then(|part| generated(part, &what, mistakes)),
        with: table.text("with", mistakes),
        keyed: table.text("keyed", mistakes),
        reserved: table.text("reserved", mistakes),
        alike: table.word("alike", ALIKE, mistakes).unwrap_or_default(),
    }
}

/// Compiled here, once, so that whoever has a field can use it.
fn pattern(name: &str, table: &Table<'_>, mistakes: &mut Vec<Mistake>) -> Option<Regex> {
    let text = table.text("pattern", mistakes)?;
    let complain = |error: regex::Error| {
        // The last line says what is wrong; those before it draw the pattern.
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let at = table.get("pattern").map_or(table.at, |(key, _)| key.at);
        mistakes.push(mistake(at, format!("the pattern of field `{name}` cannot be used: {reason}")));
    };
    Regex::new(&text).map_err(complain).ok()
}

fn strict(name: &str, table: &Table<'_>, mistakes: &mut Vec<Mistake>) -> bool {
    let strict = table.flag("strict", mistakes);
    if let Some((key, _)) = table.get("strict").filter(|_| strict && table.get("pattern").is_none()) {
        mistakes.push(mistake(key.at, format!("field `{name}` is strict without a `pattern`")));
    }
    strict
}

fn generated((key, node): &(Key, Node), of: &str, mistakes: &mut Vec<Mistake>) -> Option<Generated> {
    let table = Table::open(node, key.at, &format!("`generated` of {of}"), GENERATED, mistakes);
    let generated = Generated { prefix: table.needed_text("prefix", mistakes), of: table.texts("of", mistakes) };
    matches!(node.value, Value::Table(_)).then_some(generated)
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

/// What `type:` says, if it is one of `types`.
pub(super) fn kind(table: &Table<'_>, what: &str, types: &[(&str, Word)], mistakes: &mut Vec<Mistake>) -> Type {
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
