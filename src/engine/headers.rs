//! What an output column without an alias is called: as it was typed. DataFusion would write its own types and full
//! table names into it (`Int64(1)`, `max(awscc.redshift.integrations.create_time)`). Changes no value.

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use sqlparser::ast::{Expr, Query, SelectItem, SetExpr};

/// The typed text of each item of the outermost select list; `None` where the planner's name is the right one.
pub fn typed(query: &Query) -> Vec<Item> {
    fn items(body: &SetExpr) -> Vec<Item> {
        match body {
            SetExpr::Select(select) => select.projection.iter().map(item).collect(),
            SetExpr::Query(query) => items(&query.body),
            SetExpr::SetOperation { left, .. } => items(left),
            _ => Vec::new(),
        }
    }
    items(&query.body)
}

/// How an item of a select list tells what its columns are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// One column, called by the planner.
    Planned,
    /// One column, called like this.
    Typed(String),
    /// Any number of columns.
    Several,
}

fn item(item: &SelectItem) -> Item {
    match item {
        SelectItem::UnnamedExpr(expr) => {
            let text = expr.to_string();
            if text.to_lowercase().contains("unnest(") {
                Item::Several
            } else if is_column(expr) {
                Item::Planned
            } else {
                Item::Typed(text)
            }
        }
        SelectItem::ExprWithAlias { .. } => Item::Planned,
        _ => Item::Several,
    }
}

fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        Expr::Cast { expr, .. } | Expr::Nested(expr) => is_column(expr),
        _ => false,
    }
}

/// What an item's column will be called, where that is known before it is planned.
pub fn known(of: &SelectItem) -> Option<String> {
    match (of, item(of)) {
        (SelectItem::ExprWithAlias { alias, .. }, _) => Some(alias.value.clone()),
        (_, Item::Typed(text)) => Some(text),
        (SelectItem::UnnamedExpr(Expr::Identifier(name)), _) => Some(name.value.clone()),
        (SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)), _) => parts.last().map(|name| name.value.clone()),
        _ => None,
    }
}

/// The schema with the typed names. Items stand for columns from the left up to the first that may be several, and from
/// the right likewise.
pub fn renamed(schema: &SchemaRef, items: &[Item]) -> SchemaRef {
    let count = schema.fields().len();
    let mut names: Vec<Option<&String>> = vec![None; count];
    let single = |item: &&Item| **item != Item::Several;
    if items.iter().all(|item| single(&item)) && items.len() != count {
        return schema.clone();
    }
    for (index, item) in items.iter().take_while(single).enumerate().take(count) {
        if let Item::Typed(text) = item {
            names[index] = Some(text);
        }
    }
    for (index, item) in items.iter().rev().take_while(single).enumerate().take(count) {
        if let Item::Typed(text) = item {
            names[count - 1 - index] = Some(text);
        }
    }
    let fields = schema.fields().iter().zip(names).map(|(field, name)| match name {
        Some(name) => Arc::new(Field::clone(field).with_name(name)),
        None => field.clone(),
    });
    let fields: Vec<FieldRef> = fields.collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Body, Statement};
    use arrow::datatypes::DataType;

    fn check(sql: &str, planned: &[&str], expected: &[&str]) {
        let Body::Query(query) = Statement::try_from(sql).expect("a statement").body else { panic!("a query") };
        let fields: Vec<Field> = planned.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let schema = renamed(&Arc::new(Schema::new(fields)), &typed(&query));
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, expected, "{sql}");
    }

    #[test]
    fn a_column_is_called_as_it_was_typed() {
        check(
            "SELECT 1, upper(SourceArn), a AS b, c",
            &["Int64(1)", "upper(t.source_arn)", "b", "c"],
            &["1", "upper(SourceArn)", "b", "c"],
        );
        check("SELECT 1, *, max(x)", &["Int64(1)", "a", "b", "max(t.x)"], &["1", "a", "b", "max(x)"]);
        check("SELECT count(*) FROM t UNION ALL SELECT 2", &["count(*)"], &["count(*)"]);
        check("SELECT unnest(tags)", &["a.key", "a.value"], &["a.key", "a.value"]);
        check("VALUES (1)", &["column1"], &["column1"]);
        // However long, and with one blank where several were typed.
        let long = "concat('a text that is rather long', 'and another one that is', x, 'and so on')";
        check(&format!("SELECT {}", long.replace(", ", ",\n      ")), &["concat(Utf8(\"a text …\"))"], &[long]);
    }
}
