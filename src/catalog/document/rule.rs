//! What a document says has to hold, as written: rules, and the conditions that they are made of.
//! Whether a place means anything is not judged here.

use crate::catalog::model::{Condition, Rule};
use crate::catalog::table::{Table, entries};
use crate::catalog::yaml::{Mistake, Node, Value, mistake};

const RULE: &[&str] = &["when", "needs", "refuses", "is", "only_warns", "because"];

/// The rules of a resource or a method, in their order.
pub(super) fn rules(table: &Table<'_>, of: &str, mistakes: &mut Vec<Mistake>) -> Vec<Rule> {
    let Some((key, node)) = table.get("rules") else { return Vec::new() };
    let Value::List(items) = &node.value else {
        let message = format!("`rules` of {of} is {}, and must be a list of tables", node.shown());
        mistakes.push(mistake(key.at, message));
        return Vec::new();
    };
    items.iter().enumerate().map(|(at, item)| rule(item, &format!("rule {} of {of}", at + 1), mistakes)).collect()
}

fn rule(node: &Node, what: &str, mistakes: &mut Vec<Mistake>) -> Rule {
    let table = Table::open(node, node.at, what, RULE, mistakes);
    let rule = Rule {
        when: conditions(&table, "when", what, mistakes),
        needs: table.texts("needs", mistakes),
        refuses: table.texts("refuses", mistakes),
        is: conditions(&table, "is", what, mistakes),
        only_warns: table.flag("only_warns", mistakes),
        because: table.text("because", mistakes),
    };
    if matches!(node.value, Value::Table(_)) && ["needs", "refuses", "is"].iter().all(|key| table.get(key).is_none()) {
        mistakes.push(mistake(node.at, format!("{what} asks for nothing: it has no `needs`, `refuses` or `is`")));
    }
    rule
}

/// A table from places to the value, or the list of values, that each may have.
pub(super) fn conditions(table: &Table<'_>, key: &str, of: &str, mistakes: &mut Vec<Mistake>) -> Vec<Condition> {
    let Some((own, node)) = table.get(key) else { return Vec::new() };
    let parts = entries(node, own.at, &format!("`{key}` of {of}"), mistakes);
    let condition = |(place, node): &(_, Node)| {
        let place: &crate::catalog::yaml::Key = place;
        let values = match &node.value {
            Value::List(items) => items.iter().map(|item| item.value.json()).collect(),
            value => vec![value.json()],
        };
        Condition { place: place.name.clone(), values }
    };
    parts.into_iter().map(condition).collect()
}
