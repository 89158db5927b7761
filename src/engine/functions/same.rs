//! Which of two values is the same where one comes out of JSON, row by row: what NULLIF and `CASE x WHEN …` ask. Each
//! value is looked at once, however many it is compared with, so that what is nested in each other grows no faster than
//! its text.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array};
use arrow::compute::nullif;
use datafusion::common::{Result as PlanResult, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::arguments::Arguments;
use super::json::Json;
use super::order::key_of;

/// A value as it is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A value of JSON whose type is known.
    Typed(Json),
    /// A text, or a value of JSON of which only the text is left.
    Text(String),
    /// By its digits.
    Number(String),
    Truth(bool),
}

/// The first value, or NULL where the second is the same.
pub fn unless_same(args: &ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
    let arguments = Arguments::of(args)?;
    let same = (0..arguments.rows).map(|row| {
        Ok(match (arguments.operand(0, row)?, arguments.operand(1, row)?) {
            (Some(one), Some(other)) => is_same(&one, &other),
            _ => false,
        })
    });
    let same = BooleanArray::from(same.collect::<PlanResult<Vec<bool>>>()?);
    let values = args.args[0].to_array(arguments.rows)?;
    given(nullif(&values, &same)?, &arguments)
}

/// The number, from 1, of the first value that is the same as the one before them all; NULL if none is.
pub fn position(args: &ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
    let arguments = Arguments::of(args)?;
    let position = |row: usize| {
        let Some(one) = arguments.operand(0, row)? else { return Ok(None) };
        for (at, number) in (1..arguments.count()).zip(1_i64..) {
            if arguments.operand(at, row)?.is_some_and(|other| is_same(&one, &other)) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    };
    let positions = (0..arguments.rows).map(position).collect::<PlanResult<Vec<_>>>()?;
    given(Arc::new(Int64Array::from(positions)), &arguments)
}

fn given(array: ArrayRef, arguments: &Arguments<'_>) -> PlanResult<ColumnarValue> {
    Ok(match arguments.constant {
        true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
        false => ColumnarValue::Array(array),
    })
}

/// As `=` has it: by type and value where both are known by their types in JSON, as numbers beside a number.
fn is_same(one: &Operand, other: &Operand) -> bool {
    match (one, other) {
        (Operand::Typed(one), Operand::Typed(other)) => key_of(one.clone()) == key_of(other.clone()),
        (Operand::Typed(json), plain) | (plain, Operand::Typed(json)) => {
            json.clone().into_sql().is_some_and(|text| is_same(&Operand::Text(text), plain))
        }
        (Operand::Text(one), Operand::Text(other)) => one == other,
        (Operand::Text(text), Operand::Truth(truth)) | (Operand::Truth(truth), Operand::Text(text)) => {
            truth_of(text) == Some(*truth)
        }
        (Operand::Truth(one), Operand::Truth(other)) => one == other,
        (Operand::Number(one), Operand::Number(other)) => is_equal(one, other),
        (Operand::Text(digits), Operand::Number(number)) | (Operand::Number(number), Operand::Text(digits)) => {
            is_equal(digits, number)
        }
        (Operand::Truth(truth), Operand::Number(number)) | (Operand::Number(number), Operand::Truth(truth)) => {
            is_equal(if *truth { "1" } else { "0" }, number)
        }
    }
}

fn is_equal(one: &str, other: &str) -> bool {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(one), Ok(other)) if one == other),
    }
}

/// What CAST to BOOLEAN takes for one.
fn truth_of(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, Operand, is_same};

    fn check(one: &Operand, other: &Operand, expected: bool) {
        assert_eq!(is_same(one, other), expected, "{one:?} {other:?}");
        assert_eq!(is_same(other, one), expected, "{other:?} {one:?}");
    }

    #[test]
    fn values_are_the_same_by_what_is_known_of_them() {
        let typed = |text: &str| Operand::Typed(Json::read(text).expect("JSON"));
        let text = |text: &str| Operand::Text(text.into());
        let number = |digits: &str| Operand::Number(digits.into());
        check(&typed("10"), &typed("10.0"), true);
        check(&typed("10"), &typed("\"10\""), false);
        check(&typed("true"), &typed("1"), true);
        check(&typed("\"10\""), &number("10"), true);
        check(&typed("10"), &text("10"), true);
        check(&typed("\"abc\""), &number("10"), false);
        check(&typed("true"), &Operand::Truth(true), true);
        check(&typed("\"no\""), &Operand::Truth(false), true);
        check(&typed("null"), &text("null"), false);
        check(&number("1"), &Operand::Truth(true), true);
        check(&number("9007199254740993"), &text("9007199254740992"), false);
        check(&number("NaN"), &number("NaN"), false);
    }
}
