//! What operators mean beside values of JSON: `->` and `->>`, comparisons of a JSON value with a number, of truth with 1
//! and 0, and members of nested columns by a service's own names.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result as PlanResult, ScalarValue, plan_err};
use datafusion::logical_expr::expr::{Between, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, GetFieldAccess, Operator, cast, lit, try_cast};
use sqlparser::ast::BinaryOperator;

use super::arguments::{Mark, is_shown, is_text};
use super::mixed;
use super::order;
use super::path::member;
use super::scalars::Name;
use super::substr::is_substr;
use super::unlike::unlike;
use super::wider;
use super::zero;

#[derive(Debug)]
pub struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> PlanResult<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = raw;
        let function = match op {
            BinaryOperator::Arrow => Some(Name::ExtractJson.function()),
            BinaryOperator::LongArrow => Some(Name::ExtractValue.function()),
            _ => None,
        };
        if let Some(function) = function {
            return Ok(PlannerResult::Planned(function.call(vec![left, right])));
        }
        let compares = matches!(
            op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
                | BinaryOperator::Spaceship
        );
        let counts = matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
        );
        if matches!(op, BinaryOperator::And | BinaryOperator::Or) {
            let [left, right] = [left, right].map(|side| match Kind::of(&side, schema) {
                Kind::Value => mixed::truth(side),
                _ => side,
            });
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        }
        let matches = matches!(
            op,
            BinaryOperator::PGRegexMatch
                | BinaryOperator::PGRegexIMatch
                | BinaryOperator::PGRegexNotMatch
                | BinaryOperator::PGRegexNotIMatch
        );
        if matches && is_shown(&left.get_type(schema)?) {
            let left = cast(left, DataType::Utf8);
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        }
        if !compares && !counts {
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        }
        let (one, other) = (Kind::of(&left, schema), Kind::of(&right, schema));
        let (left, right) = match compares {
            true => match (order::key(&left), order::key(&right)) {
                (Some(left), Some(right)) => (left, right),
                _ if is_order(&op) && is_by_rank([&left, &right], schema) => {
                    (order::ranked_as_text(left), order::ranked_as_text(right))
                }
                _ => (fitted(left, one, other), fitted(right, other, one)),
            },
            // `value + value` has to be of numbers, whatever the other is.
            false => (counted(left, one), counted(right, other)),
        };
        if let Some(error) = planned(&op).and_then(|op| unlike(&left, op, &right, schema)) {
            return Err(error);
        }
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }

    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> PlanResult<PlannerResult<RawFieldAccessExpr>> {
        let name = match &raw.field_access {
            GetFieldAccess::NamedStructField { name } => name.try_as_str().flatten().map(str::to_string),
            GetFieldAccess::ListIndex { key } => match &**key {
                Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_string),
                _ => None,
            },
            GetFieldAccess::ListRange { .. } => None,
        };
        let (Some(name), Ok(kind)) = (name, raw.expr.get_type(schema)) else {
            return Ok(PlannerResult::Original(raw));
        };
        match kind {
            DataType::Struct(fields) => match member(fields.iter().map(|field| field.name().as_str()), &name) {
                Some(at) => {
                    let name = ScalarValue::from(fields[at].name().as_str());
                    let field_access = GetFieldAccess::NamedStructField { name };
                    Ok(PlannerResult::Original(RawFieldAccessExpr { field_access, expr: raw.expr }))
                }
                None => {
                    let known: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name())).collect();
                    plan_err!("there is no member `{name}` here: there is {}", known.join(" and "))
                }
            },
            DataType::List(item) => match item.data_type() {
                DataType::Struct(fields) if fields.find("key").is_some() && fields.find("value").is_some() => {
                    Ok(PlannerResult::Planned(Name::ItemByKey.function().call(vec![raw.expr, lit(name)])))
                }
                _ => plan_err!("a list has items by their numbers: `[1]`, and no `{name}`"),
            },
            _ => Ok(PlannerResult::Original(raw)),
        }
    }
}

/// What matters of an operand's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value out of JSON, as text.
    Value,
    Number,
    Truth,
    Text,
    Other,
}

impl Kind {
    pub fn of(expr: &Expr, schema: &DFSchema) -> Kind {
        // Not by the type of the whole: each of a thousand terms would ask for those of all before it.
        let mut expr = expr;
        let mut counts = false;
        while let Expr::BinaryExpr(BinaryExpr { left, op, .. }) = expr {
            if !op.is_numerical_operators() {
                return if op.is_logic_operator() || op.negate().is_some() { Kind::Truth } else { Kind::Other };
            }
            (expr, counts) = (left, true);
        }
        let kind = Kind::of_operand(expr, schema);
        if counts && kind != Kind::Number { Kind::Other } else { kind }
    }

    fn of_operand(expr: &Expr, schema: &DFSchema) -> Kind {
        if mixed::is_value(expr, |value| Kind::of(value, schema) == Kind::Value) {
            return Kind::Value;
        }
        let Ok((_, field)) = expr.to_field(schema) else { return Kind::Other };
        match field.data_type() {
            kind if is_text(kind) => match Mark::of(&field) {
                Mark::Value | Mark::Document | Mark::Typed => Kind::Value,
                Mark::Plain => Kind::Text,
            },
            kind if kind.is_numeric() => Kind::Number,
            DataType::Boolean => Kind::Truth,
            _ => Kind::Other,
        }
    }
}

/// The planner's name of an operator that compares or counts.
fn planned(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        BinaryOperator::Plus => Operator::Plus,
        BinaryOperator::Minus => Operator::Minus,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Modulo => Operator::Modulo,
        _ => return None,
    })
}

fn is_order(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq)
}

/// Whether all of them come out of JSON, and of one at least no more than its text is left.
fn is_by_rank<'a>(values: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> bool {
    let (mut all, mut untyped) = (true, false);
    for value in values {
        let is_untyped = order::is_untyped(value, schema);
        untyped |= is_untyped;
        all &= is_untyped || order::is_typed(value);
    }
    all && untyped
}

/// An operand as it is compared with another. A text that is no number is equal to none, and no error.
fn fitted(expr: Expr, kind: Kind, other: Kind) -> Expr {
    match (kind, other) {
        (Kind::Value, Kind::Number) => as_number(expr),
        (Kind::Value | Kind::Text, Kind::Truth) => try_cast(expr, DataType::Boolean),
        (Kind::Truth, Kind::Number) => cast(expr, DataType::Int64),
        _ => expr,
    }
}

/// `left = right` as where it is typed.
pub fn compared(left: Expr, right: Expr, schema: &DFSchema) -> Expr {
    let (one, other) = (Kind::of(&left, schema), Kind::of(&right, schema));
    fitted(left, one, other).eq(fitted(right, other, one))
}

/// The same, by their types in JSON if both come out of JSON.
pub fn same(left: Expr, right: Expr, schema: &DFSchema) -> Expr {
    match (order::key(&left), order::key(&right)) {
        (Some(left), Some(right)) => left.eq(right),
        _ => compared(left, right, schema),
    }
}

fn counted(expr: Expr, kind: Kind) -> Expr {
    if kind == Kind::Value { as_number(expr) } else { expr }
}

pub fn as_number(expr: Expr) -> Expr {
    try_cast(expr, DataType::Float64)
}

/// The same for IN and BETWEEN; and what `json_extract` finds keeps its type where it becomes JSON again.
#[derive(Debug)]
pub struct Values;

impl FunctionRewrite for Values {
    fn name(&self) -> &str {
        "json_values"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> PlanResult<Transformed<Expr>> {
        match expr {
            Expr::InList(InList { expr, list, negated }) => {
                let kinds: Vec<Kind> = list.iter().map(|item| Kind::of(item, schema)).collect();
                let other = if kinds.contains(&Kind::Number) { Kind::Number } else { Kind::Other };
                let fits = Kind::of(&expr, schema) == Kind::Value && other == Kind::Number;
                let expr = if fits { Box::new(as_number(*expr)) } else { expr };
                let list = zero::once(InList { expr, list, negated }, schema)?;
                Ok(Transformed::new_transformed(Expr::InList(list.data), list.transformed || fits))
            }
            Expr::Between(Between { expr, negated, low, high }) => {
                if let (Some(expr), Some(low), Some(high)) = (order::key(&expr), order::key(&low), order::key(&high)) {
                    let between = Between { expr: expr.into(), negated, low: low.into(), high: high.into() };
                    return Ok(Transformed::yes(Expr::Between(between)));
                }
                if is_by_rank([&*expr, &*low, &*high], schema) {
                    let [expr, low, high] = [expr, low, high].map(|value| Box::new(order::ranked_as_text(*value)));
                    return Ok(Transformed::yes(Expr::Between(Between { expr, negated, low, high })));
                }
                let fits = Kind::of(&expr, schema) == Kind::Value
                    && [&low, &high].iter().any(|bound| Kind::of(bound, schema) == Kind::Number);
                let expr = if fits { Box::new(as_number(*expr)) } else { expr };
                Ok(Transformed::new_transformed(Expr::Between(Between { expr, negated, low, high }), fits))
            }
            Expr::ScalarFunction(ScalarFunction { func, mut args }) if Name::of(&func) == Some(Name::Summed) => {
                let Some(value) = args.pop() else { return plan_err!("nothing is to be summed") };
                let kind = Kind::of(&value, schema);
                Ok(Transformed::yes(counted(value, kind)))
            }
            Expr::ScalarFunction(ScalarFunction { func, mut args })
                if matches!(Name::of(&func), Some(Name::Mixed | Name::Cast)) =>
            {
                Ok(Transformed::yes(args.swap_remove(0)))
            }
            Expr::ScalarFunction(ScalarFunction { func, mut args }) if Name::of(&func) == Some(Name::Counted) => {
                let Some(value) = args.pop() else { return plan_err!("nothing is to be gathered") };
                let is_view = value.get_type(schema)? == DataType::Utf8View;
                Ok(Transformed::yes(if is_view { cast(value, DataType::Utf8) } else { value }))
            }
            Expr::ScalarFunction(ScalarFunction { func, args })
                if matches!(
                    Name::of(&func),
                    Some(Name::JsonArray | Name::JsonObject | Name::JsonQuote | Name::Member | Name::ToJson)
                ) =>
            {
                // Names are text in any case.
                let names = matches!(Name::of(&func), Some(Name::JsonObject | Name::Member));
                let mut changed = false;
                let keep = |(at, arg)| if names && at % 2 == 0 { arg } else { kept(arg, &mut changed) };
                let args = args.into_iter().enumerate().map(keep).collect();
                Ok(Transformed::new_transformed(Expr::ScalarFunction(ScalarFunction { func, args }), changed))
            }
            Expr::AggregateFunction(mut aggregate) => {
                // With DISTINCT the planner orders by nothing but the argument itself.
                let sorts = &mut aggregate.params.order_by;
                let changed = !aggregate.params.distinct && order::sort_by_text(sorts, schema);
                Ok(Transformed::new_transformed(Expr::AggregateFunction(aggregate), changed))
            }
            Expr::WindowFunction(mut window) => {
                let changed = order::sort_by_text(&mut window.params.order_by, schema);
                Ok(Transformed::new_transformed(Expr::WindowFunction(window), changed))
            }
            Expr::ScalarFunction(ScalarFunction { func, args }) if wider::counts(&func) => {
                let args = args.into_iter().map(|arg| number(func.name(), arg, schema)).collect::<PlanResult<_>>()?;
                Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
            }
            Expr::ScalarFunction(ScalarFunction { func, mut args }) if is_substr(&func) => {
                for arg in args.iter_mut().skip(1) {
                    let is_of_json = Kind::of(arg, schema) == Kind::Value;
                    let place = number(func.name(), std::mem::take(arg), schema)?;
                    *arg = if is_of_json { try_cast(place, DataType::Int64) } else { place };
                }
                Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
            }
            Expr::ScalarFunction(ScalarFunction { func, args })
                if matches!(func.name(), "greatest" | "least")
                    && args.iter().any(|arg| Kind::of(arg, schema) == Kind::Value) =>
            {
                Ok(Transformed::yes(order::unranked(func.call(order::all_ranked(args)))))
            }
            Expr::Like(mut like) if is_shown(&like.expr.get_type(schema)?) => {
                like.expr = Box::new(cast(*like.expr, DataType::Utf8));
                Ok(Transformed::yes(Expr::Like(like)))
            }
            expr => mixed::rewritten(expr, schema),
        }
    }
}

/// What a function that counts is given. A literal may be any that can be read as a number.
fn number(function: &str, arg: Expr, schema: &DFSchema) -> PlanResult<Expr> {
    match Kind::of(&arg, schema) {
        Kind::Value => Ok(as_number(arg)),
        Kind::Text if !matches!(arg, Expr::Literal(..)) => {
            let name = match &arg {
                Expr::Column(column) => column.name.clone(),
                arg => arg.schema_name().to_string(),
            };
            plan_err!("`{function}` takes numbers, and `{name}` is text: write `CAST({name} AS DOUBLE)`")
        }
        _ => Ok(arg),
    }
}

/// `json_extract(x, '$.n')` as JSON and not as text: a number stays one.
fn kept(arg: Expr, changed: &mut bool) -> Expr {
    match order::typed(&arg) {
        Some(json) => {
            *changed = true;
            json
        }
        None => arg,
    }
}
