//! What scripts have from SQLite's and MySQL's grammar and the planner has otherwise: how tightly `->` binds, REGEXP,
//! and the types of CAST. Knows no names.

use sqlparser::ast::{BinaryOperator, DataType, Expr, TimezoneInfo, Value};

/// The expression in the form that has a plan.
pub(super) fn planned(expr: &mut Expr) {
    match expr {
        Expr::BinaryOp { op, .. } if is_arrow(op) => bind(expr),
        Expr::RLike { negated, expr: text, pattern, .. } => {
            let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            *expr = Expr::BinaryOp { left: text.clone(), op, right: pattern.clone() };
        }
        Expr::Cast { data_type, .. } => {
            if let Some(known) = known(data_type) {
                *data_type = known;
            }
        }
        _ => {}
    }
}

fn is_arrow(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::Arrow | BinaryOperator::LongArrow)
}

/// `a ->> 'b' = 'c'` is read as `a ->> ('b' = 'c')`, and `'c' = a ->> 'b'` as `('c' = a) ->> 'b'`, since to the parser
/// an arrow binds least of all operators. Everyone means that it binds most, as it does in SQLite.
fn bind(expr: &mut Expr) {
    let Expr::BinaryOp { left, op, right } = expr else { return };
    if matches!(&**left, Expr::BinaryOp { op, .. } if is_arrow(op)) {
        bind(left);
    }
    let (mut left, op, mut right) = (take(left), op.clone(), take(right));
    let (value, key) = (take(end(&mut left, before)), take(end(&mut right, behind)));
    let mut bound = Expr::BinaryOp { left: Box::new(value), op, right: Box::new(key) };
    for (mut around, side) in [(left, before as Side), (right, behind)] {
        *end(&mut around, side) = bound;
        bound = around;
    }
    *expr = bound;
}

type Side = fn(&mut Expr) -> Option<&mut Expr>;

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))
}

/// The operand that stands last or first in an expression of operators; an operand is its own.
fn end(expr: &mut Expr, side: Side) -> &mut Expr {
    let mut depth = 0;
    let mut found = &mut *expr;
    while let Some(inner) = side(found) {
        depth += 1;
        found = inner;
    }
    let mut found = expr;
    for _ in 0..depth {
        match side(found) {
            Some(inner) => found = inner,
            None => unreachable!("the same way leads there again"),
        }
    }
    found
}

/// The operand before an arrow.
fn before(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::BinaryOp { op, right, .. } if !is_arrow(op) => Some(right),
        Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } | Expr::RLike { pattern, .. } => Some(pattern),
        Expr::Between { high, .. } => Some(high),
        _ => None,
    }
}

/// The operand behind an arrow.
fn behind(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::BinaryOp { left, op, .. } if !is_arrow(op) => Some(left),
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsDistinctFrom(inner, _)
        | Expr::IsNotDistinctFrom(inner, _)
        | Expr::InList { expr: inner, .. }
        | Expr::InSubquery { expr: inner, .. }
        | Expr::Between { expr: inner, .. }
        | Expr::Like { expr: inner, .. }
        | Expr::ILike { expr: inner, .. }
        | Expr::SimilarTo { expr: inner, .. }
        | Expr::RLike { expr: inner, .. } => Some(inner),
        _ => None,
    }
}

fn known(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Signed | DataType::SignedInteger => DataType::BigInt(None),
        DataType::Unsigned | DataType::UnsignedInteger => DataType::BigIntUnsigned(None),
        DataType::JSON | DataType::Nvarchar(_) => DataType::Text,
        DataType::Datetime(_) => DataType::Timestamp(None, TimezoneInfo::None),
        DataType::Custom(name, _) if name.to_string().eq_ignore_ascii_case("nchar") => DataType::Text,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use sqlparser::ast::{Expr, VisitMut, VisitorMut};
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    use super::planned;

    struct Walk;

    impl VisitorMut for Walk {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &mut Expr) -> std::ops::ControlFlow<()> {
            planned(expr);
            std::ops::ControlFlow::Continue(())
        }

        fn post_visit_expr(&mut self, expr: &mut Expr) -> std::ops::ControlFlow<()> {
            if matches!(expr, Expr::BinaryOp { .. } | Expr::IsNull(_) | Expr::InList { .. }) {
                *expr = Expr::Nested(Box::new(expr.clone()));
            }
            std::ops::ControlFlow::Continue(())
        }
    }

    fn check(text: &str, expected: &str) {
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).expect("tokens");
        let mut expr = parser.parse_expr().expect("an expression");
        let _ = expr.visit(&mut Walk);
        assert_eq!(expr.to_string(), expected);
    }

    #[test]
    fn an_arrow_binds_most() {
        check("a ->> 'b' = 'c'", "((a ->> 'b') = 'c')");
        check("'c' = a ->> 'b'", "('c' = (a ->> 'b'))");
        check("a ->> 'b' = c ->> 'd'", "((a ->> 'b') = (c ->> 'd'))");
        check("a -> 'b' -> 'c' ->> 0 = 1 + 2", "((((a -> 'b') -> 'c') ->> 0) = (1 + 2))");
        check("x = a -> 'b' ->> 'c' AND y", "((x = ((a -> 'b') ->> 'c')) AND y)");
        check("1 = a ->> 'b' = 2", "((1 = (a ->> 'b')) = 2)");
        check("a ->> 'b' IS NULL OR a ->> 'c' IN (1)", "(((a ->> 'b') IS NULL) OR ((a ->> 'c') IN (1)))");
        check("a ->> 'b' || '-' || c ->> 'd'", "(((a ->> 'b') || '-') || (c ->> 'd'))");
        check("a ->> ('b' = 'c')", "(a ->> (('b' = 'c')))");
        check("a ->> 'b' * 2 + 1 > 5", "((((a ->> 'b') * 2) + 1) > 5)");
    }

    #[test]
    fn types_and_operators_of_other_grammars() {
        check("a REGEXP 'b'", "(a ~ 'b')");
        check("a NOT RLIKE 'b'", "(a !~ 'b')");
        check("CAST(a AS SIGNED)", "CAST(a AS BIGINT)");
        check("CAST(a AS UNSIGNED)", "CAST(a AS BIGINT UNSIGNED)");
        check("CAST(a AS JSON)", "CAST(a AS TEXT)");
        check("CAST(a AS NCHAR)", "CAST(a AS TEXT)");
        check("CAST(a AS DATETIME)", "CAST(a AS TIMESTAMP)");
    }
}
