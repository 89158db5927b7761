//! Operands that no operator takes together, told of before the planner would in its own words.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, DataFusionError, Diagnostic};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use super::arguments::is_text;
use crate::engine::own::type_name;
use crate::engine::row_values::{self, row};
use crate::engine::run::raise;
use crate::error::{Error, Kind};

/// What is wrong with `left op right`, where it is these two; with the place of the first column of them.
pub fn unlike(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<DataFusionError> {
    let error = raise(complaint(left, op, right, schema)?);
    let span = [left, right].iter().find_map(|side| side.spans()?.first());
    Some(match span {
        Some(span) => error.with_diagnostic(Diagnostic::new_error("", Some(span))),
        None => error,
    })
}

fn complaint(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<Error> {
    let mut found = None;
    // Each of a thousand terms would ask for the type of all before it.
    if [left, right].iter().any(|side| matches!(side, Expr::BinaryExpr(_))) {
        return None;
    }
    let kinds = [left.get_type(schema).ok()?, right.get_type(schema).ok()?];
    let Err(_) = BinaryTypeCoercer::new(&kinds[0], &op, &kinds[1]).get_input_types().map(|(one, other)| {
        found = unread(left, &one, right).or_else(|| unread(right, &other, left));
    }) else {
        return found;
    };
    match (row(left), row(right)) {
        (None, None) => {}
        (one, other) => return Some(row_values::unlike(one.map_or(1, <[_]>::len), other.map_or(1, <[_]>::len))),
    }
    let said = |expr: &Expr, kind: &DataType| match expr {
        Expr::Column(column) => format!("`{}`, which is {}", column.name, type_name(kind)),
        _ => type_name(kind),
    };
    let message = format!("`{op}` does not take {} and {}", said(left, &kinds[0]), said(right, &kinds[1]));
    let error = Error::new(Kind::Statement, message);
    let any = |is: &dyn Fn(&DataType) -> bool| kinds.iter().any(is);
    let counts = op.is_numerical_operators();
    Some(match () {
        () if any(&|kind| kind.is_nested()) => error.with_hint(
            "of a list, `x[1]` is the first item, `x['env']` the value of a key, and `json_each(x)` has a row for each",
        ),
        () if counts && any(&DataType::is_temporal) => {
            error.with_hint("a span of time is written `INTERVAL '30 days'`, a time `TIMESTAMP '2024-01-31 12:00:00'`")
        }
        () if op == Operator::Plus && kinds.iter().all(is_text) => error.with_hint("`||` joins texts"),
        () if counts && any(&is_text) => {
            error.with_hint("a text becomes a number by `CAST(… AS BIGINT)`; `TRY_CAST` has NULL for what is none")
        }
        () if any(&|kind| *kind == DataType::Boolean) => {
            error.with_hint("a truth becomes a number by `CASE WHEN … THEN 1 ELSE 0 END`")
        }
        () => error.with_hint("`CAST(… AS …)` makes one of them what the other is"),
    })
}

/// A text that is to become a number or a time to be compared with another, and cannot. The text itself is not told: it
/// may be a secret.
fn unread(text: &Expr, kind: &DataType, other: &Expr) -> Option<Error> {
    let Expr::Literal(value, _) = text else { return None };
    let called = match other {
        Expr::Column(column) => column.name.as_str(),
        _ => "x",
    };
    if !is_text(&value.data_type()) || value.is_null() || value.cast_to(kind).is_ok() {
        return None;
    }
    let hint = match kind {
        DataType::Date32 | DataType::Date64 => {
            "a date is written `'2024-01-31'`; `current_date - 7` is one, too".to_string()
        }
        kind if kind.is_temporal() => {
            "a time is written `'2024-01-31T12:00:00Z'`; `now() - INTERVAL '7 days'` is one, too".to_string()
        }
        _ => format!("write a number, without quotes; or compare texts: `CAST({called} AS VARCHAR)`"),
    };
    let kind = type_name(kind);
    let message = match other {
        Expr::Column(_) => format!("`{called}` is {kind}, and the text that it is compared with is no {kind}"),
        _ => format!("the text is compared with a value of the type {kind}, and is no {kind}"),
    };
    Some(Error::new(Kind::Statement, message).with_hint(hint))
}
