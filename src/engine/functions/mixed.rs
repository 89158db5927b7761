//! Values of JSON in COALESCE, NULLIF and CASE, where others stand beside them: each keeps the type that it has in JSON,
//! as in SQLite, where DataFusion makes one type of all; and a value of JSON as a condition. Knows no plan.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as PlanResult, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{Expr, lit};

use super::json::Json;
use super::operators::{Kind, same};
use super::order;
use super::scalars::Name;

/// How many parts a value may have to stand in a COALESCE twice.
const LARGE: usize = 100;

/// The JSON of what such an expression gives, if a value of JSON is taken in it.
pub fn typed(value: &Expr) -> Option<Expr> {
    match value {
        Expr::ScalarFunction(ScalarFunction { func, args }) => match (func.name(), args.as_slice()) {
            ("coalesce" | "nvl", args) if args.iter().any(order::is_typed) => Some(first_known(args)),
            ("nullif", [one, other]) => order::typed(one).map(|one| unless_same(known(one), other)),
            _ => None,
        },
        Expr::Case(case) if results(case).any(order::is_typed) => Some(Expr::Case(in_json(case.clone()))),
        _ => None,
    }
}

/// Whether one of the values that it gives is such as `is_value` says.
pub fn is_value(value: &Expr, is_value: impl Fn(&Expr) -> bool) -> bool {
    match value {
        Expr::ScalarFunction(ScalarFunction { func, args }) => match func.name() {
            "coalesce" | "nvl" => args.iter().any(is_value),
            "nullif" => args.first().is_some_and(is_value),
            _ => false,
        },
        Expr::Case(case) => results(case).any(is_value),
        _ => false,
    }
}

/// The expression in the form that keeps the types of its values.
pub fn rewritten(expr: Expr, schema: &DFSchema) -> PlanResult<Transformed<Expr>> {
    match expr {
        Expr::Case(case) => Ok(of_case(case, schema)),
        Expr::ScalarFunction(ScalarFunction { func, args }) => Ok(match (func.name(), args.as_slice()) {
            ("coalesce" | "nvl", values) => {
                if is_mixed(values.iter(), schema) {
                    return Ok(Transformed::yes(valued(first_known(values))));
                }
                // To the planner each value is two, and within another four.
                let nested = values.iter().any(|value| !chosen_from(value).is_empty());
                Transformed::new_transformed(func.call(flat(args)), nested)
            }
            ("nullif", [one, other]) => match order::typed(one) {
                Some(json) => Transformed::yes(valued(unless_same(known(json), other))),
                None if is_compared_otherwise([one, other], schema) => {
                    Transformed::yes(unless_same(one.clone(), other))
                }
                None => Transformed::no(func.call(args)),
            },
            _ => Transformed::no(func.call(args)),
        }),
        expr => Ok(Transformed::no(expr)),
    }
}

/// A value as a condition: true if the number that it begins with is not zero.
pub fn truth(value: Expr) -> Expr {
    Name::Truth.function().call(vec![value])
}

/// Whether the number that a text begins with is one, and not zero.
pub fn is_true(text: &str) -> bool {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && !"+-.eE".contains(letter)).unwrap_or(text.len());
    let number = (1..=end).rev().find_map(|end| text.get(..end)?.parse::<f64>().ok());
    number.is_some_and(|number| number != 0.0)
}

fn of_case(case: Case, schema: &DFSchema) -> Transformed<Expr> {
    let marked = is_mixed(results(&case), schema);
    let mut case = if marked { in_json(case) } else { case };
    let operand = case.expr.take_if(|operand| {
        case.when_then_expr.iter().any(|(when, _)| {
            is_compared_otherwise([&**operand, &**when], schema) || (order::is_typed(operand) && order::is_typed(when))
        })
    });
    let mut changed = marked || operand.is_some();
    match operand {
        Some(operand) if case.when_then_expr.iter().all(|(when, _)| is_plain(when)) => {
            by_position(&mut case, &operand);
        }
        Some(operand) => {
            for (when, _) in &mut case.when_then_expr {
                **when = same((*operand).clone(), std::mem::take(&mut **when), schema);
            }
        }
        None if case.expr.is_none() => {
            for (when, _) in &mut case.when_then_expr {
                if Kind::of(when, schema) == Kind::Value {
                    **when = truth(std::mem::take(&mut **when));
                    changed = true;
                }
            }
        }
        None => {}
    }
    let case = Expr::Case(case);
    Transformed::new_transformed(if marked { valued(case) } else { case }, changed)
}

/// Whether a value may be looked at although one before it is the same: it costs nothing, and does not fail.
fn is_plain(value: &Expr) -> bool {
    matches!(value, Expr::Literal(..) | Expr::Column(_))
}

/// `CASE x WHEN a THEN …` by the number of the first that is the same, so that `x` stands there once.
fn by_position(case: &mut Case, operand: &Expr) {
    let mut compared = vec![comparable(operand)];
    for ((when, _), number) in case.when_then_expr.iter_mut().zip(1_i64..) {
        compared.push(comparable(&std::mem::replace(&mut **when, lit(number))));
    }
    case.expr = Some(Box::new(Name::Position.function().call(compared)));
}

/// Whether values out of JSON are among them: to DataFusion they are texts, which have no type in common with most others,
/// and what it makes of the whole tells no longer what it is. Documents beside nothing but texts stay as they are.
fn is_mixed<'a>(values: impl Iterator<Item = &'a Expr> + Clone, schema: &DFSchema) -> bool {
    if values.clone().any(|value| order::is_typed(value) || order::is_untyped(value, schema)) {
        return true;
    }
    let kinds: Vec<Kind> = values.map(|value| Kind::of(value, schema)).collect();
    kinds.contains(&Kind::Value) && kinds.iter().any(|kind| !matches!(kind, Kind::Value | Kind::Text))
}

/// Whether DataFusion would make numbers or truths of values of JSON to compare them, which may be texts.
fn is_compared_otherwise(values: [&Expr; 2], schema: &DFSchema) -> bool {
    let kinds = values.map(|value| Kind::of(value, schema));
    kinds.contains(&Kind::Value) && (kinds.contains(&Kind::Number) || kinds.contains(&Kind::Truth))
}

fn results(case: &Case) -> impl Iterator<Item = &Expr> + Clone {
    case.when_then_expr.iter().map(|(_, then)| &**then).chain(case.else_expr.as_deref())
}

fn in_json(mut case: Case) -> Case {
    let thens = case.when_then_expr.iter_mut().map(|(_, then)| then);
    thens.chain(&mut case.else_expr).for_each(|result| **result = json(result));
    case
}

/// The first that is not NULL, as JSON. To the planner, what COALESCE chooses from is there twice but for the last: of
/// what is made of much, one of ours makes one. That looks at all of its values, so it stands only where those behind
/// the first cannot fail, or where COALESCE would not end.
fn first_known(values: &[Expr]) -> Expr {
    let values = flat(values.iter().map(json).collect());
    let is_much = |value: &Expr| match value {
        Expr::ScalarFunction(ScalarFunction { func, args }) => match Name::of(func) {
            Some(Name::KnownJson | Name::GuessedJson) => args.iter().any(is_made),
            name => matches!(name, Some(Name::UnlessSame | Name::FirstKnown)),
        },
        _ => false,
    };
    let is_safe = |value: &Expr| match value {
        Expr::ScalarFunction(ScalarFunction { func, args })
            if matches!(Name::of(func), Some(Name::KnownJson | Name::GuessedJson)) =>
        {
            args.iter().all(is_plain)
        }
        value => is_plain(value),
    };
    match values.split_last() {
        Some((_, before))
            if before.iter().any(is_much) && (values[1..].iter().all(is_safe) || before.iter().any(is_large)) =>
        {
            Name::FirstKnown.function().call(values)
        }
        _ => coalesce(values),
    }
}

/// Whether so much stands in a value that it cannot be there twice, with each that it stands in.
fn is_large(value: &Expr) -> bool {
    let mut parts = 0;
    let counted = value.apply(|_| {
        parts += 1;
        Ok(if parts > LARGE { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    counted.is_ok() && parts > LARGE
}

/// Whether a value is chosen from others.
fn is_made(value: &Expr) -> bool {
    match value {
        Expr::ScalarFunction(ScalarFunction { func, .. }) => {
            matches!(Name::of(func), Some(Name::UnlessSame | Name::FirstKnown | Name::KnownJson | Name::Valued))
                || matches!(func.name(), "coalesce" | "nvl" | "nullif")
        }
        value => matches!(value, Expr::Case(_)),
    }
}

/// Values with those of a COALESCE among them in its place.
fn flat(values: Vec<Expr>) -> Vec<Expr> {
    let mut flat = Vec::with_capacity(values.len());
    for value in values {
        match chosen_from(&value) {
            [] => flat.push(value),
            inner => flat.extend(inner.iter().cloned()),
        }
    }
    flat
}

/// What a COALESCE chooses from, none if it is no COALESCE.
fn chosen_from(value: &Expr) -> &[Expr] {
    match value {
        Expr::ScalarFunction(ScalarFunction { func, args }) => match (Name::of(func), args.as_slice()) {
            (Some(Name::KnownJson), [inner]) => chosen_from(inner),
            (Some(Name::FirstKnown), args) => args,
            (None, args) if matches!(func.name(), "coalesce" | "nvl") => args,
            _ => &[],
        },
        _ => &[],
    }
}

/// The first value, NULL if the second is the same.
fn unless_same(one: Expr, other: &Expr) -> Expr {
    Name::UnlessSame.function().call(vec![one, comparable(other)])
}

/// A value with its type, if that can be seen.
fn comparable(value: &Expr) -> Expr {
    order::typed(value).map_or_else(|| value.clone(), known)
}

/// JSON, NULL if it is JSON's null.
pub fn known(json: Expr) -> Expr {
    let is_known = matches!(&json, Expr::ScalarFunction(called) if matches!(Name::of(&called.func), Some(Name::KnownJson | Name::UnlessSame | Name::FirstKnown)));
    if is_known { json } else { Name::KnownJson.function().call(vec![json]) }
}

/// A value as JSON, NULL if it is JSON's null.
pub fn json(value: &Expr) -> Expr {
    if let Expr::Literal(literal, _) = value
        && let Some(json) = literal.to_array().ok().and_then(|array| Json::of_cell(&array, 0).ok())
    {
        let text = Some(json).filter(|json| *json != Json::Null).map(|json| json.to_string());
        return lit(ScalarValue::Utf8(text));
    }
    match order::typed(value) {
        Some(json) => known(json),
        // `x -> 'a'` is the text that it shows.
        None if Name::is_document(value) => {
            Name::ToJson.function().call(vec![Name::String.function().call(vec![value.clone()])])
        }
        None => Name::GuessedJson.function().call(vec![value.clone()]),
    }
}

/// The value that JSON has, which still tells that it is one.
fn valued(json: Expr) -> Expr {
    Name::Valued.function().call(vec![json])
}

#[cfg(test)]
mod tests {
    use super::is_true;

    #[test]
    fn a_text_is_true_by_the_number_that_it_begins_with() {
        for (text, expected) in [
            ("1", true),
            ("-2.5", true),
            ("0", false),
            ("0.0", false),
            ("abc", false),
            ("", false),
            (" 3 apples", true),
            ("1e", true),
            ("[1]", false),
            ("infinity", false),
            ("é", false),
        ] {
            assert_eq!(is_true(text), expected, "{text}");
        }
    }
}
