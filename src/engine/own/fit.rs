//! Values of a query as a table's columns have them: what would become another value is refused, as it is for what a
//! service keeps. Pure.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StructArray, new_null_array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Float64Type, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;

use crate::engine::functions::json_texts;
use crate::error::{Error, Kind, Result};

mod text;

/// The columns of a table.
pub struct Columns<'a> {
    pub table: &'a str,
    pub schema: &'a SchemaRef,
    /// Of each column, how many characters a text of it has at most; none for a table whose columns say nothing of it.
    pub longest: &'a [Option<u64>],
}

/// The rows under the table's own schema. `places` says of each column of theirs where it stands in the table; the
/// table's others are NULL.
///
/// # Errors
/// `Statement`: the first value that does not fit, with its row and column.
pub fn fitted(batches: &[RecordBatch], columns: &Columns<'_>, places: &[usize]) -> Result<Vec<RecordBatch>> {
    let Columns { table, schema, longest } = columns;
    let mut before = 0;
    let mut fitted = Vec::with_capacity(batches.len());
    for batch in batches {
        let columns = schema.fields().iter().enumerate().map(|(at, field)| {
            let most = longest.get(at).copied().flatten();
            let values = match places.iter().position(|place| *place == at) {
                Some(given) => {
                    column(batch.column(given), field, most).map_err(|misfit| told(misfit, field, most, before))?
                }
                None => new_null_array(field.data_type(), batch.num_rows()),
            };
            match (field.is_nullable(), (0..values.len()).find(|row| is_null(&values, *row))) {
                (false, Some(_)) => {
                    Err(Error::new(Kind::Statement, format!("`{}` of `{table}` cannot be NULL", field.name())))
                }
                _ => Ok(values),
            }
        });
        let columns = columns.collect::<Result<Vec<_>>>().map_err(|e| e.with_context("the table stays as it was"))?;
        fitted.push(
            RecordBatch::try_new(SchemaRef::clone(schema), columns)
                .map_err(|error| Error::new(Kind::Internal, "the rows do not fit their table").with_source(error))?,
        );
        before += batch.num_rows();
    }
    Ok(fitted)
}

enum Misfit {
    /// No value of the one type is one of the other.
    Type(DataType),
    /// A row, and the value that it has.
    Value(usize, String),
}

fn told(misfit: Misfit, field: &FieldRef, most: Option<u64>, before: usize) -> Error {
    let name = field.name();
    let wanted = match most {
        Some(most) => format!("text of at most {most} character{}", if most == 1 { "" } else { "s" }),
        None => kind(field.data_type()),
    };
    let message = match misfit {
        Misfit::Type(given) => format!("`{name}` takes {wanted}, and is given {}", kind(&given)),
        Misfit::Value(row, value) => {
            format!("row {}: `{name}` takes {wanted}, and `{value}` is none", before + row + 1)
        }
    };
    Error::new(Kind::Statement, message)
}

fn column(given: &ArrayRef, field: &FieldRef, most: Option<u64>) -> std::result::Result<ArrayRef, Misfit> {
    let (from, to) = (given.data_type(), field.data_type());
    let unlike = || Misfit::Type(from.clone());
    if plain(from).is_nested() && plain(to).is_string() {
        let texts = cast(&json_texts(given).map_err(|_| unlike())?, to).map_err(|_| unlike())?;
        return match most.and_then(|most| longer(&texts, most)) {
            Some(row) => Err(Misfit::Value(row, array_value_to_string(&texts, row).unwrap_or_default())),
            None => Ok(texts),
        };
    }
    if !is_like(from, to) || !can_cast_types(from, to) {
        return Err(unlike());
    }
    let spelled = match plain(from).is_string() && plain(to).is_decimal() {
        true => &without_powers(given).map_err(|_| unlike())?,
        false => given,
    };
    // What is no value of the type becomes NULL.
    let values = cast_with_options(spelled, to, &SAFE).map_err(|_| unlike())?;
    let misfit = match changed(given, &values).map_err(|_| unlike())? {
        None => most.and_then(|most| longer(&values, most)),
        row => row,
    };
    match misfit {
        Some(row) => Err(Misfit::Value(row, array_value_to_string(given, row).unwrap_or_default())),
        None => Ok(values),
    }
}

/// Arrow reads no `1e2` as a decimal.
fn without_powers(given: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    let texts = cast(given, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>().iter().map(|text| text.map(text::without_power));
    Ok(Arc::new(StringArray::from_iter(texts)))
}

const SAFE: CastOptions<'static> =
    CastOptions { safe: true, format_options: arrow::util::display::FormatOptions::new() };

/// Whether values of the one type mean something in the other. A number is no time, though one could be counted, and
/// one value is no list.
fn is_like(from: &DataType, to: &DataType) -> bool {
    let (from, to) = (plain(from), plain(to));
    !(from.is_numeric() && to.is_temporal()
        || from.is_temporal() && to.is_numeric()
        || to.is_list() && !from.is_list() && !from.is_null())
}

/// The type of the values, however they are kept.
fn plain(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, value) => plain(value),
        kind => kind,
    }
}

/// The first row whose value is another than it was given as.
fn changed(given: &ArrayRef, values: &ArrayRef) -> std::result::Result<Option<usize>, ArrowError> {
    if given.data_type() == values.data_type() {
        return Ok(None);
    }
    let given = cast(given, plain(given.data_type()))?;
    let (from, to) = (given.data_type().clone(), plain(values.data_type()).clone());
    let mut rows = 0..given.len();
    if let Some(lost) = rows.clone().find(|row| is_null(values, *row) && !is_null(&given, *row)) {
        return Ok(Some(lost));
    }
    if loses_zone(&from, &to) || (from.is_nested() && to.is_string()) {
        return Ok(rows.find(|row| !is_null(&given, *row)));
    }
    if from.is_nested() && to.is_nested() {
        for row in rows {
            if !is_null(&given, row) && inside_changed(&given.slice(row, 1), &values.slice(row, 1))? {
                return Ok(Some(row));
            }
        }
        return Ok(None);
    }
    if from.is_string() && !to.is_string() {
        for row in rows {
            let kept =
                given.is_null(row) || text::is_kept(&array_value_to_string(&given, row)?, &written(values, row)?, &to);
            if !kept {
                return Ok(Some(row));
            }
        }
        return Ok(None);
    }
    if from.is_numeric() && to.is_floating() {
        let (given, values) = (cast(&given, &DataType::Float64)?, cast(values, &DataType::Float64)?);
        let (given, values) = (given.as_primitive::<Float64Type>(), values.as_primitive::<Float64Type>());
        let gone = |row: &usize| {
            let (given, value) = (given.value(*row), values.value(*row));
            given.is_finite() != value.is_finite() || (value == 0.0 && given != 0.0)
        };
        if let Some(row) = rows.find(|row| given.is_valid(*row) && gone(row)) {
            return Ok(Some(row));
        }
    }
    if may_differ(&from, &to) {
        let back = cast_with_options(values, &from, &SAFE)?;
        let same = not_distinct(&back, &given)?;
        return Ok((0..given.len()).find(|row| !same.value(*row)));
    }
    Ok(None)
}

/// Whether a moment is told by another zone's clocks than those that what has no zone is told by.
fn loses_zone(from: &DataType, to: &DataType) -> bool {
    let zoned = matches!(from, DataType::Timestamp(_, Some(zone)) if !text::is_utc(zone));
    zoned && to.is_temporal() && !matches!(to, DataType::Timestamp(_, Some(_)))
}

/// The same of the values within a list, a struct or a map, of which there is one.
fn inside_changed(given: &ArrayRef, value: &ArrayRef) -> std::result::Result<bool, ArrowError> {
    let members = |given: &StructArray, value: &StructArray| {
        // As Arrow finds them: by their names, or else by their places.
        let named = value.column_names().iter().all(|name| given.column_by_name(name).is_some());
        let pairs = value.columns().iter().zip(value.column_names()).zip(given.columns());
        for ((value, name), place) in pairs {
            let given = given.column_by_name(name).filter(|_| named).unwrap_or(place);
            if changed(given, value)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match (given.data_type(), value.data_type()) {
        (DataType::Struct(_), DataType::Struct(_)) => members(given.as_struct(), value.as_struct()),
        (DataType::Map(..), DataType::Map(..)) => members(&given.as_map().value(0), &value.as_map().value(0)),
        _ => match (item(given), item(value)) {
            (Some(given), Some(value)) => Ok(given.len() != value.len() || changed(&given, &value)?.is_some()),
            _ => Ok(true),
        },
    }
}

/// The values of the one list that there is.
fn item(list: &ArrayRef) -> Option<ArrayRef> {
    match list.data_type() {
        DataType::List(_) => Some(list.as_list::<i32>().value(0)),
        DataType::LargeList(_) => Some(list.as_list::<i64>().value(0)),
        DataType::FixedSizeList(..) => Some(list.as_fixed_size_list().value(0)),
        _ => None,
    }
}

fn is_null(values: &ArrayRef, row: usize) -> bool {
    values.data_type() == &DataType::Null || values.is_null(row)
}

/// A value with all of its digits.
fn written(values: &ArrayRef, row: usize) -> std::result::Result<String, ArrowError> {
    match values.data_type() {
        kind if kind.is_floating() => {
            let value = cast(&values.slice(row, 1), &DataType::Float64)?;
            Ok(value.as_primitive::<Float64Type>().value(0).to_string())
        }
        _ => array_value_to_string(values, row),
    }
}

/// The first row whose text has more characters than that.
fn longer(values: &ArrayRef, most: u64) -> Option<usize> {
    let texts = cast(values, &DataType::Utf8).ok()?;
    let texts = texts.as_string::<i32>();
    (0..texts.len()).find(|row| texts.is_valid(*row) && texts.value(*row).chars().count() as u64 > most)
}

/// Whether a cast may round: a float of any width is near enough to the number that it is made of.
fn may_differ(from: &DataType, to: &DataType) -> bool {
    let counts = |kind: &DataType| kind.is_numeric() || kind.is_temporal() || matches!(kind, DataType::Boolean);
    let near = to.is_floating() && (from.is_floating() || from.is_decimal());
    counts(from) && counts(to) && !near
}

/// A type in words: what a column takes.
pub fn kind(kind: &DataType) -> String {
    match kind {
        DataType::Decimal32(digits, places)
        | DataType::Decimal64(digits, places)
        | DataType::Decimal128(digits, places)
        | DataType::Decimal256(digits, places) => {
            format!("a number of at most {digits} digits, {places} of them behind the point")
        }
        kind if kind.is_integer() => "a whole number".into(),
        kind if kind.is_numeric() => "a number".into(),
        DataType::Boolean => "true or false".into(),
        kind if kind.is_string() => "text".into(),
        DataType::Date32 | DataType::Date64 => "a date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "a time of day".into(),
        DataType::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second => " in whole seconds",
                TimeUnit::Millisecond => " in milliseconds",
                TimeUnit::Microsecond => " in microseconds",
                TimeUnit::Nanosecond => "",
            };
            format!("a time{unit}{}", if zone.is_none() { " without a zone but UTC" } else { "" })
        }
        kind if kind.is_list() => "a list".into(),
        other => other.to_string(),
    }
}
