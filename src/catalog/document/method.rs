//! A method of a document as written, and the model that its keys make.
//! What a method says of fields and of its driver's calls is not judged here.

use super::field::field;
use super::parts;
use super::rule::{conditions, rules};
use crate::catalog::model::{Access, Field, Memory, Method, Part, Sends};
use crate::catalog::table::Table;
use crate::catalog::yaml::{Key, Mistake, Node};

const METHOD: &[&str] = &[
    "call",
    "needs",
    "sends",
    "parts",
    "permissions",
    "on_behalf",
    "description",
    "arguments",
    "gives",
    "when",
    "rules",
    "notice",
    "privileges",
    "remembers",
    "expects",
];
const PART: &[&str] = &["set", "remove"];
const MEMORY: &[&str] = &["name", "by", "when"];

const SENDS: &[(&str, Sends)] = &[("changed", Sends::Changed), ("whole", Sends::Whole)];

pub(super) fn method((key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Method {
    let what = format!("method `{}`", key.name);
    let table = Table::open(node, key.at, &what, METHOD, mistakes);
    let calls = parts(&table, "parts", &what, mistakes);
    Method {
        name: key.name.clone(),
        call: table.needed_text("call", mistakes),
        needs: table.texts("needs", mistakes),
        sends: table.word("sends", SENDS, mistakes).unwrap_or(Sends::Changed),
        parts: calls.into_iter().map(|(field, node)| part(field, node, &what, mistakes)).collect(),
        permissions: table.texts("permissions", mistakes),
        on_behalf: table.texts("on_behalf", mistakes),
        description: table.text("description", mistakes).unwrap_or_default(),
        arguments: fields(&table, "arguments", &what, mistakes).into_iter().map(sent).collect(),
        gives: fields(&table, "gives", &what, mistakes),
        when: conditions(&table, "when", &what, mistakes),
        rules: rules(&table, &what, mistakes),
        notice: table.text("notice", mistakes),
        privileges: table.texts("privileges", mistakes),
        remembers: table.get("remembers").map(|part| memory(part, &what, mistakes)),
        expects: table.get("expects").map(|part| memory(part, &what, mistakes)),
    }
}

/// Fields that belong to the method alone.
fn fields(table: &Table<'_>, key: &str, of: &str, mistakes: &mut Vec<Mistake>) -> Vec<Field> {
    let parts = parts(table, key, of, mistakes);
    parts.into_iter().map(|part| field(part, &[], mistakes)).collect()
}

/// An argument has nothing to be but sent.
fn sent(argument: Field) -> Field {
    match argument.access {
        Access::Secret => argument,
        Access::Read | Access::Create | Access::Write => Field { access: Access::Write, ..argument },
    }
}

/// The calls of their own that change one field of a method.
fn part(field: &Key, node: &Node, of: &str, mistakes: &mut Vec<Mistake>) -> Part {
    let table = Table::open(node, field.at, &format!("part `{}` of {of}", field.name), PART, mistakes);
    Part {
        field: field.name.clone(),
        set: table.needed_text("set", mistakes),
        remove: table.needed_text("remove", mistakes),
    }
}

fn memory((key, node): &(Key, Node), of: &str, mistakes: &mut Vec<Mistake>) -> Memory {
    let what = format!("`{}` of {of}", key.name);
    let table = Table::open(node, key.at, &what, MEMORY, mistakes);
    table.need("by", mistakes);
    Memory {
        name: table.needed_text("name", mistakes),
        by: table.texts("by", mistakes),
        when: conditions(&table, "when", &what, mistakes),
    }
}
