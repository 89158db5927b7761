//! Values of JSON in COALESCE, NULLIF and CASE, where others stand beside them: each keeps the type that it has in JSON,
//! as in SQLite, where DataFusion makes one type of all; and a value of JSON as a condition. Knows no plan.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result as PlanResult, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{Expr, lit};

use super::json::Json;
use super::operators::{Kind, same};
use super::order;
use super::scalars::Name;

/// The JSON of what such an expression gives, if a value of JSON is taken in it.
pub fn typed(value: &Expr) -> Option<Expr> {
    match value {
        Expr::ScalarFunction(ScalarFunction { func, args }) => match (func.name(), args.as_slice()) {
            ("coalesce" | "nvl", args) if args.iter().any(order::is_typed) => {
                Some(coalesce(args.iter().map(json).collect()))
            }
            ("nullif", [one, _]) => {
                let found = order::typed(one)?;
                Some(where_true(value.clone().is_not_null(), found))
            }
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
        Expr::ScalarFunction(ScalarFunction { func, args }) if matches!(func.name(), "coalesce" | "nvl" | "nullif") => {
            let mixed = is_mixed(args.iter(), schema);
            let typed = typed(&Expr::ScalarFunction(ScalarFunction { func: func.clone(), args: args.clone() }));
            let args = match <[Expr; 2]>::try_from(args) {
                Ok([one, other]) if func.name() == "nullif" => {
                    return Ok(match order::typed(&one) {
                        Some(found) => Transformed::yes(valued(where_true(differ(one, other, schema), found))),
                        None if mixed => Transformed::yes(where_true(differ(one.clone(), other, schema), one)),
                        None => Transformed::no(func.call(vec![one, other])),
                    });
                }
                Ok(args) => args.to_vec(),
                Err(args) => args,
            };
            Ok(match typed {
                Some(json) => Transformed::yes(valued(json)),
                None if mixed => Transformed::yes(valued(coalesce(args.iter().map(json).collect()))),
                None => Transformed::no(func.call(args)),
            })
        }
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
    let marked = results(&case).any(order::is_typed) || is_mixed(results(&case), schema);
    let mut case = if marked { in_json(case) } else { case };
    let operand = case.expr.take_if(|operand| {
        case.when_then_expr.iter().any(|(when, _)| {
            is_mixed([&**operand, &**when].into_iter(), schema) || (order::is_typed(operand) && order::is_typed(when))
        })
    });
    let mut changed = marked || operand.is_some();
    for (when, _) in &mut case.when_then_expr {
        let condition = std::mem::take(&mut **when);
        **when = match (&operand, &case.expr) {
            (Some(operand), _) => same((**operand).clone(), condition, schema),
            (None, None) if Kind::of(&condition, schema) == Kind::Value => {
                changed = true;
                truth(condition)
            }
            _ => condition,
        };
    }
    let case = Expr::Case(case);
    Transformed::new_transformed(if marked { valued(case) } else { case }, changed)
}

/// Whether DataFusion would make numbers or truths of values of JSON, which may be texts.
fn is_mixed<'a>(values: impl Iterator<Item = &'a Expr>, schema: &DFSchema) -> bool {
    let kinds: Vec<Kind> = values.map(|value| Kind::of(value, schema)).collect();
    kinds.contains(&Kind::Value) && (kinds.contains(&Kind::Number) || kinds.contains(&Kind::Truth))
}

fn results(case: &Case) -> impl Iterator<Item = &Expr> {
    case.when_then_expr.iter().map(|(_, then)| &**then).chain(case.else_expr.as_deref())
}

fn in_json(mut case: Case) -> Case {
    let thens = case.when_then_expr.iter_mut().map(|(_, then)| then);
    thens.chain(&mut case.else_expr).for_each(|result| **result = json(result));
    case
}

/// The value where the condition is true, and else NULL.
fn where_true(condition: Expr, value: Expr) -> Expr {
    Expr::Case(Case::new(None, vec![(Box::new(condition), Box::new(value))], None))
}

/// Not equal, or one of them NULL.
fn differ(one: Expr, other: Expr, schema: &DFSchema) -> Expr {
    same(one, other, schema).is_not_true()
}

/// A value as JSON, NULL if it is JSON's null.
fn json(value: &Expr) -> Expr {
    if let Expr::Literal(literal, _) = value
        && let Some(json) = literal.to_array().ok().and_then(|array| Json::of_cell(&array, 0).ok())
    {
        let text = Some(json).filter(|json| *json != Json::Null).map(|json| json.to_string());
        return lit(ScalarValue::Utf8(text));
    }
    match order::typed(value) {
        Some(json) => Name::KnownJson.function().call(vec![json]),
        // `x -> 'a'` is the text that it shows.
        None if Name::is_document(value) => {
            Name::ToJson.function().call(vec![Name::String.function().call(vec![value.clone()])])
        }
        None => Name::ToJson.function().call(vec![value.clone()]),
    }
}

/// The value that JSON has, which still tells that it is one.
fn valued(json: Expr) -> Expr {
    Name::ExtractValue.function().call(vec![json, lit("$")])
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
