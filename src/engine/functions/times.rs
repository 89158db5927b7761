//! SQLite's functions of dates and times: `date`, `time`, `datetime`, `julianday`, `unixepoch` and `strftime`, each with
//! modifiers (`'-30 days'`). Times are UTC. What a text that is no time gives is NULL, as in SQLite; a format or a
//! modifier that there is not is an error, where SQLite has NULL and with it no rows.
//! Source: sqlite.org/lang_datefunc.html.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMillisecondType};
use datafusion::common::{Result as PlanResult, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::engine::run::raise;
use crate::error::{Error, Kind};
use moment::{Form, Moment, Value};

mod moment;

pub fn functions() -> impl Iterator<Item = ScalarUDF> {
    let time = |name, gives| {
        let signature = Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], Volatility::Stable);
        ScalarUDF::from(Time { name, gives, signature })
    };
    [
        time("date", Gives::Text("%Y-%m-%d")),
        time("time", Gives::Text("%H:%M:%S")),
        time("datetime", Gives::Text("%Y-%m-%d %H:%M:%S")),
        time("strftime", Gives::Formatted),
        time("julianday", Gives::Days),
        time("unixepoch", Gives::Seconds),
    ]
    .into_iter()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Gives {
    Text(&'static str),
    /// The first argument says how.
    Formatted,
    Days,
    Seconds,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Time {
    name: &'static str,
    gives: Gives,
    signature: Signature,
}

impl Time {
    /// The place of the time among the arguments.
    fn place(&self) -> usize {
        usize::from(self.gives == Gives::Formatted)
    }
}

impl ScalarUDFImpl for Time {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> PlanResult<DataType> {
        if self.gives == Gives::Formatted && kinds.is_empty() {
            let error = Error::new(Kind::Statement, "`strftime` takes a format, a time and modifiers")
                .with_hint("`strftime('%Y-%m', create_time)`");
            return Err(raise(error));
        }
        Ok(match self.gives {
            Gives::Text(_) | Gives::Formatted => DataType::Utf8,
            Gives::Days => DataType::Float64,
            Gives::Seconds => DataType::Int64,
        })
    }

    /// `'now'` is one time in the whole of a statement.
    fn simplify(&self, mut args: Vec<Expr>, info: &SimplifyContext) -> PlanResult<ExprSimplifyResult> {
        let Some(now) = info.query_execution_start_time() else { return Ok(ExprSimplifyResult::Original(args)) };
        let now = ScalarValue::TimestampMillisecond(Some(now.timestamp_millis()), Some("+00:00".into()));
        match args.get_mut(self.place()) {
            Some(Expr::Literal(given, _)) if is_now(given) => *given = now,
            Some(_) => return Ok(ExprSimplifyResult::Original(args)),
            None => args.push(Expr::Literal(now, None)),
        }
        let function = Arc::new(ScalarUDF::from(Time { signature: self.signature.clone(), ..*self }));
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(ScalarFunction { func: function, args })))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let given = args.args.get(self.place());
        if given.is_none_or(|given| matches!(given, ColumnarValue::Scalar(given) if is_now(given))) {
            return internal_err!("the time of a statement is known once it is planned");
        }
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns: Vec<ArrayRef> = args.args.iter().map(|arg| arg.to_array(rows)).collect::<PlanResult<_>>()?;
        let text = |column: &ArrayRef| cast(column, &DataType::Utf8);
        let format = match self.gives {
            Gives::Formatted => Some(text(&columns[0])?),
            _ => None,
        };
        let values = values(&columns[self.place()])?;
        let modifiers: Vec<ArrayRef> = columns[self.place() + 1..].iter().map(text).collect::<Result<_, _>>()?;
        let modifiers: Vec<&StringArray> = modifiers.iter().map(|column| column.as_string::<i32>()).collect();
        let moment = |(row, value): (usize, Option<Value>)| {
            let Some(value) = value else { return Ok(None) };
            if modifiers.iter().any(|column| column.is_null(row)) {
                return Ok(None);
            }
            Moment::of(value, modifiers.iter().map(|column| column.value(row)))
        };
        let moments = values.into_iter().enumerate().map(moment).collect::<Result<Vec<_>, _>>();
        let moments = moments.map_err(|modifier| raise(self.no_modifier(&modifier)))?;
        let found: ArrayRef = match self.gives {
            Gives::Days => Arc::new(moments.iter().map(|at| Some(at.as_ref()?.days())).collect::<Float64Array>()),
            Gives::Seconds => Arc::new(moments.iter().map(|at| Some(at.as_ref()?.seconds())).collect::<Int64Array>()),
            Gives::Text(form) => Arc::new(texts(&moments, |_| Some(form))?),
            Gives::Formatted => {
                let format = format.as_ref().map(|format| format.as_string::<i32>());
                let of = |row: usize| format.filter(|format| format.is_valid(row)).map(|format| format.value(row));
                Arc::new(texts(&moments, of)?)
            }
        };
        match constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?)),
            false => Ok(ColumnarValue::Array(found)),
        }
    }
}

impl Time {
    fn no_modifier(&self, modifier: &str) -> Error {
        let error = Error::new(Kind::Statement, format!("`{modifier}` is no modifier of `{}`", self.name));
        match modifier.trim().eq_ignore_ascii_case("localtime") {
            true => error.with_hint("times are UTC here; `to_local_time(…)` and `AT TIME ZONE` know zones"),
            false => {
                error.with_hint("such as `'-30 days'`, `'+1 month'`, `'start of month'`, `'weekday 0'`, `'unixepoch'`")
            }
        }
    }
}

fn is_now(value: &ScalarValue) -> bool {
    value.try_as_str().flatten().is_some_and(|text| text.eq_ignore_ascii_case("now"))
}

/// A column's times, however they are held.
fn values(column: &ArrayRef) -> PlanResult<Vec<Option<Value>>> {
    Ok(match column.data_type() {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            let times = cast(column, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
            times.as_primitive::<TimestampMillisecondType>().iter().map(|at| at.map(Value::Unix)).collect()
        }
        kind if kind.is_numeric() => {
            let numbers = cast(column, &DataType::Float64)?;
            numbers.as_primitive::<Float64Type>().iter().map(|number| number.map(Value::Number)).collect()
        }
        _ => {
            let texts = cast(column, &DataType::Utf8)?;
            texts.as_string::<i32>().iter().map(|text| Value::read(text?)).collect()
        }
    })
}

fn texts<'f>(moments: &[Option<Moment>], form: impl Fn(usize) -> Option<&'f str>) -> PlanResult<StringArray> {
    let mut known: Option<(&str, Form)> = None;
    let mut text = |(row, moment): (usize, &Option<Moment>)| {
        let (Some(moment), Some(wanted)) = (moment, form(row)) else { return Ok(None) };
        let read = match known.take() {
            Some((text, read)) if text == wanted => read,
            _ => Form::read(wanted).map_err(|rest| {
                let error = Error::new(Kind::Statement, format!("`{rest}` is no part of a format of `strftime`"));
                raise(error.with_hint("such as `%Y-%m-%d`, `%H:%M:%S`, `%j`, `%s`; `%%` is a percent sign"))
            })?,
        };
        let text = moment.text(&read);
        known = Some((wanted, read));
        Ok(Some(text))
    };
    moments.iter().enumerate().map(&mut text).collect()
}
