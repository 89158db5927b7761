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
        node.map_expressions(|expr| named(expr, &names, asked))
    })
    .data()
}

/// The expression under the name that it had.
fn named(expr: Expr, names: &NamePreserver, asked: Asked) -> PlanResult<Transformed<Expr>> {
    if !has_row(&expr)? {
        return Ok(Transformed::no(expr));
    }
    if let Expr::GroupingSet(_) = expr {
        return expr.map_children(|expr| named(expr, names, asked));
    }
    let name = names.save(&expr);
    let expanded = of_columns(expr, asked)?;
    Ok(expanded.update_data(|expr| name.restore(expr)))
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
            (Some(_), Some(_)) if compares(op) => binary(&left, op, &right)?,
            _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
        },
        Expr::Between(Between { expr, negated, low, high }) => {
            if [&expr, &low, &high].into_iter().all(|part| row(part).is_none()) {
                return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high })));
            }
            let between = binary(&expr, Operator::GtEq, &low)?.and(binary(&expr, Operator::LtEq, &high)?);
            if negated { not(between) } else { between }
        }
        Expr::InList(list) => match row(&list.expr) {
            Some(one) if list.list.iter().any(is_literal) => return Err(raise(unlike(one.len(), 1))),
            Some(one) => match list.list.iter().map(row).collect::<Option<Vec<_>>>() {
                Some(rows) => {
                    repeatable(one)?;
                    within(&list, one, &rows, asked)?
                }
                None => return Ok(Transformed::no(Expr::InList(list))),
            },
            None => return Ok(Transformed::no(Expr::InList(list))),
        },
        Expr::IsNull(value) if row(&value).is_some() => every(row(&value).unwrap_or_default(), Expr::is_null),
        Expr::IsNotNull(value) if row(&value).is_some() => every(row(&value).unwrap_or_default(), Expr::is_not_null),
        // `CASE (a, b) WHEN (1, 2) THEN …`
        Expr::Case(mut case) if case.expr.as_deref().is_some_and(|operand| row(operand).is_some()) => {
            let operand = case.expr.take().unwrap_or_default();
            repeatable(row(&operand).unwrap_or_default())?;
            for (when, _) in &mut case.when_then_expr {
                **when = binary(&operand, Operator::Eq, when)?;
            }
            Expr::Case(case)
        }
        other => return Ok(Transformed::no(other)),
    }))
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn every(row: &[Expr], is: fn(Expr) -> Expr) -> Expr {
    joined(row.iter().cloned().map(is).collect(), Operator::And)
}

/// What a row value is made of.
pub fn row(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "struct" => Some(args),
        _ => None,
    }
}

/// What stands there more than once has to be the same wherever it stands, and as cheap.
///
/// # Errors
/// `Statement`: a row with a subquery in it, or with what is another each time.
fn repeatable(row: &[Expr]) -> PlanResult<()> {
    let is_other = row.iter().any(|part| {
        let asks =
            part.exists(|inner| Ok(matches!(inner, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_))));
        part.is_volatile() || asks.unwrap_or(true)
    });
    if !is_other {
        return Ok(());
    }
    let error =
        Error::new(Kind::Statement, "a row with a subquery or a random value in it can only be compared by `=`");
    Err(raise(error.with_hint("make it a column in a subquery of FROM, and compare that")))
}

/// Two values compared, row values column by column.
fn binary(left: &Expr, op: Operator, right: &Expr) -> PlanResult<Expr> {
    let (Some(one), Some(other)) = (row(left), row(right)) else {
        return Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone()))));
    };
    let pairs = pairs(one, other)?;
    let each = |op| pairs.iter().map(|(one, other)| binary(one, op, other)).collect::<PlanResult<Vec<_>>>();
    Ok(match op {
        Operator::Eq | Operator::IsNotDistinctFrom => joined(each(op)?, Operator::And),
        Operator::NotEq | Operator::IsDistinctFrom => joined(each(op)?, Operator::Or),
        _ => {
            let strict = if matches!(op, Operator::Lt | Operator::LtEq) { Operator::Lt } else { Operator::Gt };
            repeatable(one)?;
            repeatable(other)?;
            let mut whole = None;
            for (one, other) in pairs.iter().rev() {
                whole = Some(match whole {
                    None => binary(one, op, other)?,
                    Some(rest) => binary(one, strict, other)?.or(binary(one, Operator::Eq, other)?.and(rest)),
                });
            }
            whole.unwrap_or_else(|| lit(true))
        }
    })
}

fn pairs<'a>(one: &'a [Expr], other: &'a [Expr]) -> PlanResult<Vec<(&'a Expr, &'a Expr)>> {
    match one.len() == other.len() {
        true => Ok(one.iter().zip(other).collect()),
        false => Err(raise(unlike(one.len(), other.len()))),
    }
}

/// Row values of different lengths.
pub fn unlike(one: usize, other: usize) -> Error {
    let said = |values| if values == 1 { "one value".to_string() } else { format!("a row of {values} values") };
    let message = format!("{} is compared with {}", said(one), said(other));
    Error::new(Kind::Statement, message).with_hint("write as many values in each: `(a, b) = (1, 2)`")
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
        let each = |row: &&[Expr]| {
            let parts = one.iter().zip(*row).map(|(a, b)| binary(a, equal, b));
            Ok(joined(parts.collect::<PlanResult<_>>()?, op))
        };
        Ok(joined(rows.iter().map(each).collect::<PlanResult<_>>()?, others))
    };
    if rows.len() <= FEW || !rows.iter().all(|row| row.iter().all(is_literal)) {
        return one_by_one(rows);
    }
    let (whole, partial): (Vec<&[Expr]>, Vec<&[Expr]>) = rows.iter().partition(|row| !row.iter().any(is_null));
    let Expr::ScalarFunction(ScalarFunction { func, .. }) = &*list.expr else { return one_by_one(rows) };
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
    let of_whole = if partial.is_empty() { set } else { joined(vec![set, one_by_one(&partial)?], others) };
    when(known, of_whole).otherwise(one_by_one(rows)?)
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
