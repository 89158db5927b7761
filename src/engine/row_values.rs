//! Row values, `(a, b) = (1, 2)` and `(a, b) IN ((1, 2), …)`, as what they say of each column. DataFusion makes them
//! structs, of which one with a NULL in it equals another, and no param is bound by one. Knows no tables.

use datafusion::common::Result as PlanResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Between, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, ScalarUDF, lit, not, when};

use crate::engine::run::raise;
use crate::error::{Error, Kind};

/// So many rows of constants are compared one by one; more are a set.
const FEW: usize = 64;

/// The plan with conditions about columns in the place of those about row values.
///
/// # Errors
/// `Statement`: row values of different lengths.
pub fn expanded(plan: LogicalPlan) -> PlanResult<LogicalPlan> {
    let mut any = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            any = any || has_row(expr)?;
            Ok(if any { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    if !any {
        return Ok(plan);
    }
    plan.transform_up_with_subqueries(|node| {
        let asked = if matches!(node, LogicalPlan::Filter(_)) { Asked::Truth } else { Asked::Value };
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            if !has_row(&expr)? {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            let expanded = of_columns(expr, asked)?;
            Ok(expanded.update_data(|expr| name.restore(expr)))
        })
    })
    .data()
}

fn has_row(expr: &Expr) -> PlanResult<bool> {
    expr.exists(|inner| Ok(row(inner).is_some()))
}

/// What is wanted of a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Whether it is true: false and unknown are the same.
    Truth,
    Value,
}

fn of_columns(expr: Expr, asked: Asked) -> PlanResult<Transformed<Expr>> {
    if asked == Asked::Value {
        return expr.transform_up(|inner| condition(inner, asked));
    }
    expr.transform_down(|inner| {
        if matches!(&inner, Expr::BinaryExpr(BinaryExpr { op, .. }) if op.is_logic_operator()) {
            return Ok(Transformed::no(inner));
        }
        let parts = inner.map_children(|part| of_columns(part, Asked::Value))?;
        let whole = parts.transform_data(|inner| condition(inner, asked))?;
        Ok(Transformed::new(whole.data, whole.transformed, TreeNodeRecursion::Jump))
    })
}

/// One condition about row values.
fn condition(expr: Expr, asked: Asked) -> PlanResult<Transformed<Expr>> {
    Ok(Transformed::yes(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (row(&left), row(&right)) {
            (Some(one), Some(other)) if op.supports_propagation() && is_repeatable(one) && is_repeatable(other) => {
                match compared(one, op, other)? {
                    Some(condition) => condition,
                    None => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
                }
            }
            _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
        },
        Expr::Between(Between { expr, negated, low, high }) => match (row(&expr), row(&low), row(&high)) {
            (Some(one), Some(least), Some(most)) if [one, least, most].into_iter().all(is_repeatable) => {
                let (least, most) = (compared(one, Operator::GtEq, least)?, compared(one, Operator::LtEq, most)?);
                let between = least.zip(most).map(|(least, most)| least.and(most));
                match between {
                    Some(between) if negated => not(between),
                    Some(between) => between,
                    None => return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high }))),
                }
            }
            _ => return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high }))),
        },
        Expr::InList(list) => match row(&list.expr).filter(|one| is_repeatable(one)) {
            Some(one) => match list.list.iter().map(row).collect::<Option<Vec<_>>>() {
                Some(rows) => within(&list, one, &rows, asked)?,
                None => return Ok(Transformed::no(Expr::InList(list))),
            },
            None => return Ok(Transformed::no(Expr::InList(list))),
        },
        other => return Ok(Transformed::no(other)),
    }))
}

/// What a row value is made of.
fn row(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "struct" => Some(args),
        _ => None,
    }
}

/// Whether it is the same wherever it stands, and as cheap.
fn is_repeatable(row: &[Expr]) -> bool {
    row.iter().all(|part| {
        let asks =
            part.exists(|inner| Ok(matches!(inner, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_))));
        !part.is_volatile() && !asks.unwrap_or(true)
    })
}

/// Two row values compared column by column; nothing for what they are not compared by.
fn compared(one: &[Expr], op: Operator, other: &[Expr]) -> PlanResult<Option<Expr>> {
    let pairs = pairs(one, other)?;
    let each = |op: Operator| pairs.iter().map(move |(one, other)| binary(one, op, other));
    Ok(match op {
        Operator::Eq | Operator::IsNotDistinctFrom => Some(joined(each(op).collect(), Operator::And)),
        Operator::NotEq | Operator::IsDistinctFrom => Some(joined(each(op).collect(), Operator::Or)),
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
            let strict = if matches!(op, Operator::Lt | Operator::LtEq) { Operator::Lt } else { Operator::Gt };
            let mut pairs = pairs.iter().rev();
            let last = pairs.next().map(|(one, other)| binary(one, op, other));
            last.map(|last| {
                pairs.fold(last, |rest, (one, other)| {
                    binary(one, strict, other).or(binary(one, Operator::Eq, other).and(rest))
                })
            })
        }
        _ => None,
    })
}

fn pairs<'a>(one: &'a [Expr], other: &'a [Expr]) -> PlanResult<Vec<(&'a Expr, &'a Expr)>> {
    if one.len() == other.len() {
        return Ok(one.iter().zip(other).collect());
    }
    let message = format!("a row of {} values is compared with a row of {}", one.len(), other.len());
    Err(raise(Error::new(Kind::Statement, message).with_hint("write as many values in each: `(a, b) = (1, 2)`")))
}

fn binary(left: &Expr, op: Operator, right: &Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone())))
}

/// A row value in a list of them.
fn within(list: &InList, one: &[Expr], rows: &[&[Expr]], asked: Asked) -> PlanResult<Expr> {
    for row in rows {
        pairs(one, row)?;
    }
    let (equal, op, others) = match list.negated {
        false => (Operator::Eq, Operator::And, Operator::Or),
        true => (Operator::NotEq, Operator::Or, Operator::And),
    };
    let one_by_one = |rows: &[&[Expr]]| {
        let each = |row: &&[Expr]| joined(one.iter().zip(*row).map(|(a, b)| binary(a, equal, b)).collect(), op);
        joined(rows.iter().map(each).collect(), others)
    };
    if rows.len() <= FEW || !rows.iter().all(|row| row.iter().all(is_literal)) {
        return Ok(one_by_one(rows));
    }
    let (whole, partial): (Vec<&[Expr]>, Vec<&[Expr]>) = rows.iter().partition(|row| !row.iter().any(is_null));
    let Expr::ScalarFunction(ScalarFunction { func, .. }) = &*list.expr else { return Ok(one_by_one(rows)) };
    let set = set(func, one, &whole, list.negated);
    if asked == Asked::Truth && !list.negated {
        // A row with a NULL in it equals none. What the list says of each column may bind a param.
        let columns = one
            .iter()
            .enumerate()
            .map(|(at, column)| column.clone().in_list(whole.iter().map(|row| row[at].clone()).collect(), false));
        return Ok(joined(columns.chain([set]).collect(), Operator::And));
    }
    // Only a row without NULLs is in a set or is not; of others, what their other columns say.
    let known = joined(one.iter().map(|part| part.clone().is_not_null()).collect(), Operator::And);
    let of_whole = if partial.is_empty() { set } else { joined(vec![set, one_by_one(&partial)], others) };
    when(known, of_whole).otherwise(one_by_one(rows))
}

fn set(row: &std::sync::Arc<ScalarUDF>, one: &[Expr], rows: &[&[Expr]], negated: bool) -> Expr {
    let rows = rows.iter().map(|values| row.call(values.to_vec())).collect();
    row.call(one.to_vec()).in_list(rows, negated)
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(..) => true,
        Expr::Negative(inner) => is_literal(inner),
        _ => false,
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

/// Conditions in a tree that is no deeper than it must be.
fn joined(mut terms: Vec<Expr>, op: Operator) -> Expr {
    while terms.len() > 1 {
        let mut pairs = terms.into_iter();
        let mut next = Vec::with_capacity(pairs.len().div_ceil(2));
        while let Some(left) = pairs.next() {
            next.push(match pairs.next() {
                Some(right) => Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))),
                None => left,
            });
        }
        terms = next;
    }
    terms.pop().unwrap_or_else(|| lit(op == Operator::And))
}
