//! Expressions that differ in their casts alone, such as `max(x)` and `max(CAST(x AS BIGINT))`: the planner calls both the
//! same, and refuses what is called so. Knows no names.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, GroupByExpr, OrderBy, Select, Visit, VisitMut, visit_expressions, visit_expressions_mut};

use super::dialect::{called, take};

/// Which cast it is becomes part of the planner's name, where two that are grouped by or computed over many rows
/// differ in nothing else.
pub(super) fn told_apart(select: &mut Select, order_by: Option<&mut OrderBy>) {
    let mut known = HashMap::new();
    let grouped = match &select.group_by {
        GroupByExpr::Expressions(expressions, _) => expressions.as_slice(),
        GroupByExpr::All(_) => &[],
    };
    let alike = [
        grouped.iter().try_for_each(|expr| note(&mut known, expr)),
        noted(&mut known, &select.projection),
        noted(&mut known, &select.having),
        noted(&mut known, &select.qualify),
        order_by.as_deref().map_or(ControlFlow::Continue(()), |order_by| noted(&mut known, order_by)),
    ];
    if alike.iter().all(ControlFlow::is_continue) {
        return;
    }
    named(&mut select.group_by);
    named(&mut select.projection);
    named(&mut select.having);
    named(&mut select.qualify);
    if let Some(order_by) = order_by {
        named(order_by);
    }
}

/// Stops where one of its functions is called as another.
fn noted(known: &mut HashMap<String, String>, clause: &impl Visit) -> ControlFlow<()> {
    visit_expressions(clause, |expr| match expr {
        Expr::Function(_) => note(known, expr),
        _ => ControlFlow::Continue(()),
    })
}

fn note(known: &mut HashMap<String, String>, expr: &Expr) -> ControlFlow<()> {
    let mut expr = expr.clone();
    let _ = visit_expressions_mut(&mut expr, |expr| {
        if let Expr::CompoundIdentifier(parts) = expr
            && let Some(last) = parts.pop()
        {
            *expr = Expr::Identifier(last);
        }
        ControlFlow::<()>::Continue(())
    });
    let text = expr.to_string();
    match known.insert(without_casts(&expr), text.clone()) {
        Some(other) if other != text => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    }
}

fn named(clause: &mut impl VisitMut) {
    let _ = visit_expressions_mut(clause, |expr| {
        if matches!(expr, Expr::Cast { expr: inner, .. } if !matches!(**inner, Expr::Value(_))) {
            *expr = called("json_cast", vec![take(expr)]);
        }
        ControlFlow::<()>::Continue(())
    });
}

/// What the planner calls an expression by, as far as it tells it from others.
pub(super) fn without_casts(expr: &Expr) -> String {
    let mut expr = expr.clone();
    let _ = visit_expressions_mut(&mut expr, |expr| {
        while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
            *expr = (**inner).clone();
        }
        // `DATE '2024-01-31'`
        if let Expr::TypedString(typed) = expr {
            *expr = Expr::Value(typed.value.clone());
        }
        ControlFlow::<()>::Continue(())
    });
    expr.to_string().to_lowercase()
}

pub(super) fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast { expr, .. } | Expr::Nested(expr) => uncast(expr),
        _ => expr,
    }
}
