//! `substr(x, start, length)` as SQLite has it: a start below zero counts from the end, a length below zero takes what
//! stands before. `substring(x FROM a FOR b)` is not here: DataFusion's is the standard's.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::types::{
    NativeType, logical_boolean, logical_date, logical_float64, logical_int32, logical_int64, logical_string,
};
use datafusion::common::{Result as PlanResult, ScalarValue};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    TypeSignatureClass, Volatility,
};

pub fn function() -> ScalarUDF {
    let shown = vec![
        TypeSignatureClass::Numeric,
        TypeSignatureClass::Timestamp,
        TypeSignatureClass::Time,
        TypeSignatureClass::Native(logical_date()),
        TypeSignatureClass::Native(logical_boolean()),
    ];
    let text = Coercion::new_implicit(TypeSignatureClass::Native(logical_string()), shown, NativeType::String);
    // A value of JSON is a text as well, and what is counted of one a float.
    let from = [logical_int32(), logical_float64(), logical_string()].map(TypeSignatureClass::Native).to_vec();
    let number = Coercion::new_implicit(TypeSignatureClass::Native(logical_int64()), from, NativeType::Int64);
    let with_length = TypeSignature::Coercible(vec![text.clone(), number.clone(), number.clone()]);
    let without = TypeSignature::Coercible(vec![text, number]);
    ScalarUDF::from(Substr {
        signature: Signature::one_of(vec![without, with_length], Volatility::Immutable),
        aliases: vec!["substring".into()],
    })
}

/// Whether this is it.
pub fn is_substr(function: &ScalarUDF) -> bool {
    function.inner().downcast_ref::<Substr>().is_some()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Substr {
    signature: Signature,
    aliases: Vec<String>,
}

impl ScalarUDFImpl for Substr {
    fn name(&self) -> &str {
        "substr"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let column = |at: usize, kind: &DataType| args.args[at].cast_to(kind, None)?.into_array(rows);
        let (texts, starts) = (column(0, &DataType::Utf8)?, column(1, &DataType::Int64)?);
        let lengths = (args.args.len() > 2).then(|| column(2, &DataType::Int64)).transpose()?;
        let (texts, starts) = (texts.as_string::<i32>(), starts.as_primitive::<Int64Type>());
        let lengths = lengths.as_ref().map(|lengths| lengths.as_primitive::<Int64Type>());
        // Within, `None` is a length that is not given; without, one that is NULL.
        let length = |row: usize| match lengths {
            Some(lengths) => lengths.is_valid(row).then(|| Some(lengths.value(row))),
            None => Some(None),
        };
        let parts =
            texts.iter().zip(starts).enumerate().map(|(row, (text, start))| Some(part(text?, start?, length(row)?)));
        let parts: StringArray = parts.collect();
        match constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&parts, 0)?)),
            false => Ok(ColumnarValue::Array(Arc::new(parts))),
        }
    }
}

/// The letters from `start`, counted from 1, or from the end where it is below zero. Places before the first letter
/// count toward the length.
fn part(text: &str, start: i64, length: Option<i64>) -> String {
    let all = i128::try_from(text.chars().count()).unwrap_or(i128::MAX);
    let start = i128::from(start);
    let place = if start < 0 { all + start } else { start - 1 };
    let (first, end) = match length.map(i128::from) {
        None => (place, all),
        Some(length) if length < 0 => (place + length, place),
        Some(length) => (place, place + length),
    };
    let within = |place: i128| usize::try_from(place.clamp(0, all)).unwrap_or_default();
    let (first, end) = (within(first), within(end));
    text.chars().skip(first).take(end.saturating_sub(first)).collect()
}

#[cfg(test)]
mod tests {
    use super::part;

    fn check(text: &str, start: i64, length: Option<i64>, expected: &str) {
        assert_eq!(part(text, start, length), expected, "substr('{text}', {start}, {length:?})");
    }

    /// What SQLite 3.40 gives.
    #[test]
    fn parts_are_those_of_sqlite() {
        check("héllo", -9, None, "héllo");
        check("héllo", -9, Some(-9), "");
        check("héllo", -9, Some(-2), "");
        check("héllo", -9, Some(-1), "");
        check("héllo", -9, Some(0), "");
        check("héllo", -9, Some(1), "");
        check("héllo", -9, Some(2), "");
        check("héllo", -9, Some(9), "héllo");
        check("héllo", -5, None, "héllo");
        check("héllo", -5, Some(-9), "");
        check("héllo", -5, Some(-2), "");
        check("héllo", -5, Some(-1), "");
        check("héllo", -5, Some(0), "");
        check("héllo", -5, Some(1), "h");
        check("héllo", -5, Some(2), "hé");
        check("héllo", -5, Some(9), "héllo");
        check("héllo", -3, None, "llo");
        check("héllo", -3, Some(-9), "hé");
        check("héllo", -3, Some(-2), "hé");
        check("héllo", -3, Some(-1), "é");
        check("héllo", -3, Some(0), "");
        check("héllo", -3, Some(1), "l");
        check("héllo", -3, Some(2), "ll");
        check("héllo", -3, Some(9), "llo");
        check("héllo", -1, None, "o");
        check("héllo", -1, Some(-9), "héll");
        check("héllo", -1, Some(-2), "ll");
        check("héllo", -1, Some(-1), "l");
        check("héllo", -1, Some(0), "");
        check("héllo", -1, Some(1), "o");
        check("héllo", -1, Some(2), "o");
        check("héllo", -1, Some(9), "o");
        check("héllo", 0, None, "héllo");
        check("héllo", 0, Some(-9), "");
        check("héllo", 0, Some(-2), "");
        check("héllo", 0, Some(-1), "");
        check("héllo", 0, Some(0), "");
        check("héllo", 0, Some(1), "");
        check("héllo", 0, Some(2), "h");
        check("héllo", 0, Some(9), "héllo");
        check("héllo", 1, None, "héllo");
        check("héllo", 1, Some(-9), "");
        check("héllo", 1, Some(-2), "");
        check("héllo", 1, Some(-1), "");
        check("héllo", 1, Some(0), "");
        check("héllo", 1, Some(1), "h");
        check("héllo", 1, Some(2), "hé");
        check("héllo", 1, Some(9), "héllo");
        check("héllo", 2, None, "éllo");
        check("héllo", 2, Some(-9), "h");
        check("héllo", 2, Some(-2), "h");
        check("héllo", 2, Some(-1), "h");
        check("héllo", 2, Some(0), "");
        check("héllo", 2, Some(1), "é");
        check("héllo", 2, Some(2), "él");
        check("héllo", 2, Some(9), "éllo");
        check("héllo", 5, None, "o");
        check("héllo", 5, Some(-9), "héll");
        check("héllo", 5, Some(-2), "ll");
        check("héllo", 5, Some(-1), "l");
        check("héllo", 5, Some(0), "");
        check("héllo", 5, Some(1), "o");
        check("héllo", 5, Some(2), "o");
        check("héllo", 5, Some(9), "o");
        check("héllo", 6, None, "");
        check("héllo", 6, Some(-9), "héllo");
        check("héllo", 6, Some(-2), "lo");
        check("héllo", 6, Some(-1), "o");
        check("héllo", 6, Some(0), "");
        check("héllo", 6, Some(1), "");
        check("héllo", 6, Some(2), "");
        check("héllo", 6, Some(9), "");
        check("héllo", 9, None, "");
        check("héllo", 9, Some(-9), "héllo");
        check("héllo", 9, Some(-2), "");
        check("héllo", 9, Some(-1), "");
        check("héllo", 9, Some(0), "");
        check("héllo", 9, Some(1), "");
        check("héllo", 9, Some(2), "");
        check("héllo", 9, Some(9), "");
        check("", -1, None, "");
        check("", -1, Some(-1), "");
        check("", -1, Some(1), "");
        check("", 0, None, "");
        check("", 0, Some(-1), "");
        check("", 0, Some(1), "");
        check("", 1, None, "");
        check("", 1, Some(-1), "");
        check("", 1, Some(1), "");
    }
}
