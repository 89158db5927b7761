//! What a WHERE says about single columns: the values that each may have. Pure, and never the whole truth:
//! only a filter that is nothing but values of one param is answered by the calls alone, all others are checked again.

use std::collections::BTreeMap;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator};

/// The values that each column may have, in the order in which they were written.
/// A column that is missing may have any; an empty list means that no row can match.
pub type Values = BTreeMap<String, Vec<String>>;

/// The values that a row which passes all `filters` may have.
pub fn values(filters: &[Expr]) -> Values {
    filters.iter().map(implied).fold(Values::new(), both)
}

/// The one column that a filter is about, when it does nothing but list values for it (`=`, IN, OR of those).
pub fn only_column(filter: &Expr) -> Option<&str> {
    match filter {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            match (column(&binary.left), text(&binary.right), column(&binary.right), text(&binary.left)) {
                (Some(name), Some(_), _, _) | (_, _, Some(name), Some(_)) => Some(name),
                _ => None,
            }
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::Or => {
            let (left, right) = (only_column(&binary.left)?, only_column(&binary.right)?);
            (left == right).then_some(left)
        }
        Expr::InList(list) if !list.negated && list.list.iter().all(|item| text(item).is_some()) => column(&list.expr),
        _ => None,
    }
}

/// A column that is compared with literals of another type, so that it stands within a cast.
pub fn cast_column(filter: &Expr) -> Option<&str> {
    let cast = |expr: &'_ Expr| matches!(expr, Expr::Cast(_) | Expr::TryCast(_));
    let inner = match filter {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq && cast(&binary.left) => &binary.left,
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq && cast(&binary.right) => &binary.right,
        Expr::InList(list) if cast(&list.expr) => &list.expr,
        _ => return None,
    };
    match inner.as_ref() {
        Expr::Cast(cast) => column(&cast.expr),
        Expr::TryCast(cast) => column(&cast.expr),
        _ => None,
    }
}

/// What one filter implies; for `(a = 1 AND b = 2) OR (a = 3 AND c = 4)` that `a` is 1 or 3.
pub fn implied(filter: &Expr) -> Values {
    possible(filter).unwrap_or_default()
}

/// The same; `None` if no row can pass: `a = NULL`, as an IN list with a NULL in it is taken apart.
fn possible(filter: &Expr) -> Option<Values> {
    Some(match filter {
        Expr::Literal(value, _) if value.is_null() || *value == ScalarValue::Boolean(Some(false)) => return None,
        Expr::BinaryExpr(binary) if binary.op == Operator::And => {
            both(possible(&binary.left)?, possible(&binary.right)?)
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::Or => {
            match (possible(&binary.left), possible(&binary.right)) {
                (Some(left), Some(right)) => either(left, right),
                (left, right) => return left.or(right),
            }
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            let bound = match (column(&binary.left), text(&binary.right)) {
                (Some(name), Some(value)) => Some((name, value)),
                _ => column(&binary.right).zip(text(&binary.left)),
            };
            bound.map(|(name, value)| Values::from([(name.to_string(), vec![value])])).unwrap_or_default()
        }
        Expr::InList(list) if !list.negated => {
            // NULL in a list matches no row.
            let items = list.list.iter().filter(|item| !is_null(item));
            let values = items.map(text).collect::<Option<Vec<_>>>();
            match (column(&list.expr), values) {
                (Some(name), Some(values)) => Values::from([(name.to_string(), distinct(values))]),
                _ => Values::new(),
            }
        }
        _ => Values::new(),
    })
}

fn both(mut left: Values, right: Values) -> Values {
    for (name, values) in right {
        match left.get_mut(&name) {
            Some(known) => known.retain(|value| values.contains(value)),
            None => {
                left.insert(name, values);
            }
        }
    }
    left
}

fn either(left: Values, mut right: Values) -> Values {
    let shared = left.into_iter().filter_map(|(name, mut values)| {
        values.extend(right.remove(&name)?);
        Some((name, distinct(values)))
    });
    shared.collect()
}

/// Each value once, in the order of their first.
pub fn distinct(values: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    values.into_iter().filter(|value| seen.insert(value.clone())).collect()
}

fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(String::from),
        _ => None,
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

#[cfg(test)]
mod tests;
