//! What scripts have from SQLite's and MySQL's grammar and the planner has otherwise: REGEXP, `substr(x, -3)`, and the
//! types of CAST; and which operators it refuses, since the two read them differently. Knows no names.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CaseWhen, DataType, ExactNumberInfo, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, TimezoneInfo, UnaryOperator, Value,
};

use crate::error::{Error, Kind};

/// The expression in the form that has a plan.
pub(super) fn planned(expr: &mut Expr) {
    match expr {
        Expr::RLike { negated, expr: text, pattern, .. } => {
            let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            *expr = Expr::BinaryOp { left: text.clone(), op, right: pattern.clone() };
        }
        // To the planner it is the same as `substring(x FROM a FOR b)`, which counts from the front alone.
        Expr::Substring { expr: text, substring_from: Some(from), substring_for, special: true, .. } => {
            let args = [Some(text), Some(from), substring_for.as_mut()];
            *expr = called("substr", args.into_iter().flatten().map(|arg| take(arg)).collect());
        }
        Expr::Cast { data_type, .. } => {
            if let Some(known) = known(data_type) {
                *data_type = known;
            }
        }
        // The planner takes no text here, and values out of JSON are texts to it.
        Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => condition(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } if is_of_json(inner) => {
            let zero = Expr::Value(Value::Number("0".into(), false).with_empty_span());
            *expr = both(zero, BinaryOperator::Minus, take(inner));
        }
        Expr::UnaryOp { op: UnaryOperator::Plus, expr: inner } if is_of_json(inner) => *expr = take(inner),
        Expr::Function(function) => {
            function.filter.as_mut().into_iter().for_each(|filter| condition(filter));
            if is_named(function, &["iif"])
                && let Some(case) = iif(function)
            {
                *expr = case;
            }
        }
        _ => {}
    }
}

/// A condition that is a value out of JSON, in a form in which the planner sees a condition.
pub(super) fn condition(expr: &mut Expr) {
    if is_of_json(expr) {
        let truth = Expr::Value(Value::Boolean(true).with_empty_span());
        *expr = both(take(expr), BinaryOperator::And, truth);
    }
}

/// CASE that gives values out of JSON is named as such, so that the planner knows it of its column.
pub(super) fn marked(expr: &mut Expr) {
    if matches!(expr, Expr::Case { .. }) && is_mixed(expr) {
        *expr = called(MARK, vec![take(expr)]);
    }
}

/// The same of a CASE that gives columns, of which only the planner knows what they hold: it is named with them.
pub(super) fn marked_with_columns(expr: &mut Expr) {
    if !matches!(expr, Expr::Case { .. }) {
        return;
    }
    let mut columns = Vec::new();
    given(expr, &mut columns);
    if !columns.is_empty() {
        columns.insert(0, take(expr));
        *expr = called(MARK, columns);
    }
}

/// The columns that an expression may give as they are, each once.
fn given(expr: &Expr, columns: &mut Vec<Expr>) {
    match expr {
        Expr::Nested(inner) => given(inner, columns),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) if !columns.contains(expr) => columns.push(expr.clone()),
        Expr::Function(function) if is_named(function, &[MARK]) => {
            arguments(function).skip(1).for_each(|column| given(column, columns));
        }
        Expr::Function(function) if is_named(function, &["coalesce", "ifnull", "nvl"]) => {
            arguments(function).for_each(|value| given(value, columns));
        }
        Expr::Function(function) if is_named(function, &["nullif"]) => {
            arguments(function).take(1).for_each(|value| given(value, columns));
        }
        Expr::Case { conditions, else_result, .. } => {
            let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
            results.for_each(|result| given(result, columns));
        }
        _ => {}
    }
}

/// The function that marks: no one else can call it.
const MARK: &str = "json_mixed";

fn both(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}

/// Whether a value is taken out of JSON here.
fn is_of_json(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_of_json(inner),
        Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. } => true,
        Expr::Function(function) if is_named(function, &["json_extract", "json_get"]) => true,
        // With its columns, only the planner knows.
        Expr::Function(function) if is_named(function, &[MARK]) => arguments(function).count() == 1,
        expr => is_mixed(expr),
    }
}

/// Whether such values are among those that an expression chooses from.
fn is_mixed(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) if is_named(function, &["coalesce", "ifnull", "nvl", "iif"]) => {
            arguments(function).any(is_of_json)
        }
        Expr::Function(function) if is_named(function, &["nullif"]) => {
            arguments(function).next().is_some_and(is_of_json)
        }
        Expr::Case { conditions, else_result, .. } => {
            conditions.iter().map(|when| &when.result).chain(else_result.as_deref()).any(is_of_json)
        }
        _ => false,
    }
}

fn is_named(function: &Function, names: &[&str]) -> bool {
    match function.name.0.as_slice() {
        [part] => part.as_ident().is_some_and(|ident| names.iter().any(|name| ident.value.eq_ignore_ascii_case(name))),
        _ => false,
    }
}

fn arguments(function: &Function) -> impl Iterator<Item = &Expr> {
    let args = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        _ => &[],
    };
    args.iter().filter_map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    })
}

/// `iif(a, b, c)` as CASE.
fn iif(function: &Function) -> Option<Expr> {
    let args: Vec<&Expr> = arguments(function).collect();
    let (condition, result, otherwise) = match args.as_slice() {
        [condition, result] => (condition, result, None),
        [condition, result, otherwise] => (condition, result, Some(otherwise)),
        _ => return None,
    };
    Some(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: Expr::clone(condition), result: Expr::clone(result) }],
        else_result: otherwise.map(|otherwise| Box::new(Expr::clone(otherwise))),
    })
}

pub(super) fn called(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

pub(super) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))
}

/// Why an operator cannot be taken as it stands: SQLite and PostgreSQL read it each in its own way, and both give rows.
pub(super) fn unclear(expr: &Expr) -> Option<Error> {
    let (op, inner) = match expr {
        Expr::Collate { .. } => {
            return Some(
                Error::new(Kind::Statement, "not possible yet: `COLLATE`")
                    .with_hint("without regard to case: `lower(a) = lower(b)`, `ORDER BY lower(a)`"),
            );
        }
        Expr::BinaryOp { op: op @ (BinaryOperator::BitwiseXor | BinaryOperator::Xor), .. } => {
            let message = format!("`{op}` is a power to some, and to others one or the other");
            return Some(Error::new(Kind::Statement, message).with_hint(
                "write `power(a, b)`, or `a <> b` of truths, or `(a | b) - (a & b)` of the bits of numbers",
            ));
        }
        Expr::BinaryOp { left, op, right } => {
            let other: fn(&BinaryOperator) -> bool = match op {
                BinaryOperator::StringConcat => is_arithmetic,
                op if is_arithmetic(op) => |op| *op == BinaryOperator::StringConcat,
                _ => return None,
            };
            (op.to_string(), [left, right].into_iter().find(|side| binary(side).is_some_and(other))?)
        }
        Expr::IsDistinctFrom(_, right) if is_match(right) || binary(right).is_some_and(is_comparison) => {
            ("IS DISTINCT FROM".into(), right)
        }
        Expr::IsNotDistinctFrom(_, right) if is_match(right) || binary(right).is_some_and(is_comparison) => {
            ("IS NOT DISTINCT FROM".into(), right)
        }
        Expr::Like { expr: inner, .. } if binary(inner).is_some_and(is_comparison) => ("LIKE".into(), inner),
        Expr::ILike { expr: inner, .. } if binary(inner).is_some_and(is_comparison) => ("ILIKE".into(), inner),
        Expr::Between { expr: inner, .. } if binary(inner).is_some_and(is_comparison) => ("BETWEEN".into(), inner),
        Expr::InList { expr: inner, .. } | Expr::InSubquery { expr: inner, .. }
            if binary(inner).is_some_and(is_comparison) =>
        {
            ("IN".into(), inner)
        }
        _ => return None,
    };
    let within = binary(inner).map_or("a condition".to_string(), |op| format!("`{op}`"));
    Some(
        Error::new(Kind::Statement, format!("`{op}` and {within} beside each other need brackets"))
            .with_hint("SQLite and PostgreSQL read this differently: put what belongs together in brackets"),
    )
}

/// The operator of an expression that has no brackets.
fn binary(expr: &Expr) -> Option<&BinaryOperator> {
    match expr {
        Expr::BinaryOp { op, .. } => Some(op),
        _ => None,
    }
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    )
}

fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

/// LIKE, IN and BETWEEN.
fn is_match(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::RLike { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
    )
}

/// A float of as many bits as it is declared to have, where the planner makes each FLOAT one of 24.
pub fn wide(data_type: &DataType) -> Option<DataType> {
    let item = |item: &DataType| wide(item).map(Box::new);
    Some(match data_type {
        DataType::Float(ExactNumberInfo::Precision(25..)) => DataType::Double(ExactNumberInfo::None),
        DataType::Array(ArrayElemTypeDef::AngleBracket(of)) => {
            DataType::Array(ArrayElemTypeDef::AngleBracket(item(of)?))
        }
        DataType::Array(ArrayElemTypeDef::SquareBracket(of, length)) => {
            DataType::Array(ArrayElemTypeDef::SquareBracket(item(of)?, *length))
        }
        _ => return None,
    })
}

fn known(data_type: &DataType) -> Option<DataType> {
    if let Some(wide) = wide(data_type) {
        return Some(wide);
    }
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
    use sqlparser::parser::Parser;

    use super::super::super::dialect::DIALECT;
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
        let mut parser = Parser::new(&DIALECT).try_with_sql(text).expect("tokens");
        let mut expr = parser.parse_expr().expect("an expression");
        let _ = expr.visit(&mut Walk);
        assert_eq!(expr.to_string(), expected);
    }

    #[test]
    fn types_and_operators_of_other_grammars() {
        check("a REGEXP 'b'", "(a ~ 'b')");
        check("a NOT RLIKE 'b'", "(a !~ 'b')");
        check("CAST(a AS SIGNED)", "CAST(a AS BIGINT)");
        check("CAST(a AS UNSIGNED)", "CAST(a AS BIGINT UNSIGNED)");
        check("CAST(a AS FLOAT(53))", "CAST(a AS DOUBLE)");
        check("CAST(a AS FLOAT(25)[])", "CAST(a AS DOUBLE[])");
        check("CAST(a AS FLOAT(24))", "CAST(a AS FLOAT(24))");
        check("CAST(a AS JSON)", "CAST(a AS TEXT)");
        check("CAST(a AS NCHAR)", "CAST(a AS TEXT)");
        check("substr(a, -3)", "substr(a, -3)");
        check("substring(a || b, 1, 2)", "substr((a || b), 1, 2)");
        check("substring(a FROM 1 FOR 2)", "SUBSTRING(a FROM 1 FOR 2)");
        check("CAST(a AS DATETIME)", "CAST(a AS TIMESTAMP)");
        check("iif(a, b, 1)", "CASE WHEN a THEN b ELSE 1 END");
        check("NOT json_extract(a, '$.b')", "NOT ((json_extract(a, '$.b') AND true))");
        check("-(a ->> 'b')", "((0 - ((a ->> 'b'))))");
        check("count(*) FILTER (WHERE a ->> 'b')", "count(*) FILTER (WHERE (((a ->> 'b') AND true)))");
        check("NOT a", "NOT a");
        check("-a", "-a");
    }
}
