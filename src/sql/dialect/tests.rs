//! How expressions are read: each with the brackets that its reading means.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, VisitMut, VisitorMut};
use sqlparser::parser::Parser;

use super::DIALECT;

/// Puts brackets around whatever has parts.
struct Brackets;

impl VisitorMut for Brackets {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if !matches!(expr, Expr::Identifier(_) | Expr::Value(_) | Expr::Nested(_) | Expr::Function(_)) {
            *expr = Expr::Nested(Box::new(expr.clone()));
        }
        ControlFlow::Continue(())
    }
}

fn check(text: &str, expected: &str) {
    let mut parser = Parser::new(&DIALECT).try_with_sql(text).expect("tokens");
    let mut expr = parser.parse_expr().expect(text);
    let _ = expr.visit(&mut Brackets);
    let rest = parser.peek_token();
    assert_eq!((expr.to_string().as_str(), rest.token.to_string().as_str()), (expected, "EOF"), "{text}");
}

#[test]
fn distinct_from_ends_where_a_condition_does() {
    check("a IS DISTINCT FROM b AND c", "((a IS DISTINCT FROM b) AND c)");
    check("a IS NOT DISTINCT FROM b OR c", "((a IS NOT DISTINCT FROM b) OR c)");
    check("NOT a IS DISTINCT FROM b AND c", "((NOT (a IS DISTINCT FROM b)) AND c)");
    check("a IS DISTINCT FROM b + 1 AND c = d", "((a IS DISTINCT FROM (b + 1)) AND (c = d))");
    check("a IS DISTINCT FROM b ->> 'c' AND d", "((a IS DISTINCT FROM (b ->> 'c')) AND d)");
    check("a IS DISTINCT FROM NOT b AND c", "((a IS DISTINCT FROM (NOT b)) AND c)");
    check("a + 1 IS NOT DISTINCT FROM b IS NULL", "(((a + 1) IS NOT DISTINCT FROM b) IS NULL)");
    check("a IS DISTINCT FROM b = c", "(a IS DISTINCT FROM (b = c))");
    check("CASE WHEN a IS DISTINCT FROM b AND c THEN 1 END", "(CASE WHEN ((a IS DISTINCT FROM b) AND c) THEN 1 END)");
    check(
        "a IS DISTINCT FROM b AND c IS DISTINCT FROM d AND e",
        "(((a IS DISTINCT FROM b) AND (c IS DISTINCT FROM d)) AND e)",
    );
}

#[test]
fn an_arrow_binds_most() {
    check("a ->> 'b' = 'c'", "((a ->> 'b') = 'c')");
    check("'c' = a ->> 'b'", "('c' = (a ->> 'b'))");
    check("a ->> 'b' = c ->> 'd'", "((a ->> 'b') = (c ->> 'd'))");
    check("a -> 'b' -> 'c' ->> 0 = 1 + 2", "((((a -> 'b') -> 'c') ->> 0) = (1 + 2))");
    check("a -> -1 -> 'b'", "((a -> (-1)) -> 'b')");
    check("x = a -> 'b' ->> 'c' AND y", "((x = ((a -> 'b') ->> 'c')) AND y)");
    check("1 = a ->> 'b' = 2", "((1 = (a ->> 'b')) = 2)");
    check("a ->> 'b' IS NULL OR a ->> 'c' IN (1)", "(((a ->> 'b') IS NULL) OR ((a ->> 'c') IN (1)))");
    check("a ->> 'b' || '-' || c ->> 'd'", "(((a ->> 'b') || '-') || (c ->> 'd'))");
    check("a ->> ('b' = 'c')", "(a ->> (('b' = 'c')))");
    check("a ->> 'b' * 2 + 1 > 5", "((((a ->> 'b') * 2) + 1) > 5)");
    check(
        "x LIKE a ->> 'b' AND NOT a ->> 'c' BETWEEN 1 AND 2",
        "((x LIKE (a ->> 'b')) AND (NOT ((a ->> 'c') BETWEEN 1 AND 2)))",
    );
    check("a ->> 'b' AT TIME ZONE 'UTC' < c", "(((a ->> 'b') AT TIME ZONE 'UTC') < c)");
    check("-a * b", "((-a) * b)");
}

#[test]
fn conditions_are_read_as_sqlite_and_postgresql_do() {
    check("NOT a = b", "(NOT (a = b))");
    check("NOT a IS NULL AND b", "((NOT (a IS NULL)) AND b)");
    check("a BETWEEN x AND y AND z", "((a BETWEEN x AND y) AND z)");
    check("-1 BETWEEN a AND b", "((-1) BETWEEN a AND b)");
    check("a IN (1, 2) AND b", "((a IN (1, 2)) AND b)");
    check("a LIKE b ESCAPE 'c' AND d", "((a LIKE b ESCAPE 'c') AND d)");
    check("a LIKE b || '%' AND c", "((a LIKE (b || '%')) AND c)");
    check("a LIKE b = c", "((a LIKE b) = c)");
    check("a NOT LIKE b <> c OR d", "(((a NOT LIKE b) <> c) OR d)");
    check("a REGEXP b = c", "((a REGEXP b) = c)");
    check("a::int = 1 AND b", "(((a::INT) = 1) AND b)");
    check("a = ANY(b) AND c", "((a = ANY(b)) AND c)");
    check("a || b = c || d", "((a || b) = (c || d))");
    check("a = b COLLATE x AND c", "((a = (b COLLATE x)) AND c)");
    check("a < b = c < d", "((a < b) = (c < d))");
    check("a = b IS NULL", "((a = b) IS NULL)");
    check("a @> b = c", "((a @> b) = c)");
    check("a = b ~ c", "(a = (b ~ c))");
    check("a | b & c << 1 = d + 1", "((((a | b) & c) << 1) = (d + 1))");
    check("a ISNULL AND b NOTNULL OR NOT c ISNULL", "(((a IS NULL) AND (b IS NOT NULL)) OR (NOT (c IS NULL)))");
    check("a NOT NULL = b", "((a IS NOT NULL) = b)");
}
