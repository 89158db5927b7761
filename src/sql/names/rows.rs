//! Row values in the form that has a plan: `(a, b) IN (SELECT c, d …)` as EXISTS, and `(a + 1, -b)` as the function that
//! makes one. Knows no names.

use sqlparser::ast::{
    BinaryOperator, Expr, Query, SelectItem, SetExpr, TableAliasColumnDef, TableFactor, UnaryOperator,
};
use sqlparser::parser::Parser;

use super::dialect::{called, take};
use super::scope::quoted;
use crate::sql::dialect::DIALECT;

/// What the rows of the subquery are called within its EXISTS, where the names around it have to be in reach.
const RELATION: &str = "rows of IN";

/// A condition of which no more is asked than whether it is true.
pub(super) fn condition(expr: &mut Expr) {
    match expr {
        Expr::Nested(inner) => condition(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            condition(left);
            condition(right);
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
            let mut inner = inner.as_mut();
            while let Expr::Nested(within) = inner {
                inner = within;
            }
            if let Expr::InSubquery { expr: row, negated, .. } = inner
                && matches!(**row, Expr::Tuple(_))
            {
                *negated = !*negated;
                *expr = take(inner);
                condition(expr);
            }
        }
        Expr::InSubquery { expr: row, subquery, negated } => {
            if let Expr::Tuple(values) = &mut **row
                && width(subquery).is_none_or(|width| width == values.len())
                && let Some(exists) = exists(std::mem::take(values), subquery, *negated)
            {
                *expr = exists;
            }
        }
        _ => {}
    }
}

/// How many columns a subquery has, where that can be seen.
pub(super) fn width(query: &Query) -> Option<usize> {
    let mut body = &*query.body;
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    match body {
        SetExpr::Query(query) => width(query),
        SetExpr::Values(values) => values.rows.first().map(|row| row.len()),
        SetExpr::Select(select) => {
            let is_one =
                |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
            select.projection.iter().all(is_one).then_some(select.projection.len())
        }
        _ => None,
    }
}

/// Whether a row of the subquery is the same. For NOT IN none may be, and of none may that be unknown.
fn exists(values: Vec<Expr>, subquery: &Query, negated: bool) -> Option<Expr> {
    let mut query =
        Parser::new(&DIALECT).try_with_sql("SELECT 1 FROM (SELECT 1) AS r (c) WHERE true").ok()?.parse_query().ok()?;
    let SetExpr::Select(select) = &mut *query.body else { return None };
    let TableFactor::Derived { subquery: derived, alias: Some(alias), .. } = &mut select.from.first_mut()?.relation
    else {
        return None;
    };
    **derived = subquery.clone();
    alias.name = quoted(RELATION);
    let column = alias.columns.pop()?;
    let mut same: Option<Expr> = None;
    for (value, number) in values.into_iter().zip(1..) {
        let name = quoted(&format!("value {number}"));
        alias.columns.push(TableAliasColumnDef { name: name.clone(), ..column.clone() });
        let theirs = Expr::CompoundIdentifier(vec![quoted(RELATION), name]);
        let equal = binary(theirs, BinaryOperator::Eq, Expr::Nested(Box::new(value)));
        same = Some(match same {
            Some(same) => binary(same, BinaryOperator::And, equal),
            None => equal,
        });
    }
    let same = Expr::Nested(Box::new(same?));
    select.selection = Some(if negated { Expr::IsNotFalse(Box::new(same)) } else { same });
    Some(Expr::Exists { subquery: query, negated })
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// The planner knows row values of names and of literals.
pub(super) fn planned(expr: &mut Expr) {
    let is_known = |value: &Expr| matches!(value, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_));
    if let Expr::Tuple(values) = expr
        && !values.iter().all(is_known)
    {
        *expr = called("struct", std::mem::take(values));
    }
}
