//! Values of a query as a table's columns have them: what would become another value is refused, as it is for what a
//! service keeps. Pure.

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use arrow::util::display::array_value_to_string;

use crate::error::{Error, Kind, Result};

/// The rows under the table's own schema. `places` says of each column of theirs where it stands in the table; the
/// table's others are NULL.
///
/// # Errors
/// `Statement`: the first value that does not fit, with its row and column.
pub fn fitted(batches: &[RecordBatch], schema: &SchemaRef, places: &[usize], table: &str) -> Result<Vec<RecordBatch>> {
    let mut before = 0;
    let mut fitted = Vec::with_capacity(batches.len());
    for batch in batches {
        let columns = schema.fields().iter().enumerate().map(|(at, field)| {
            let values = match places.iter().position(|place| *place == at) {
                Some(given) => column(batch.column(given), field).map_err(|misfit| told(misfit, field, before))?,
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
            RecordBatch::try_new(schema.clone(), columns)
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

fn told(misfit: Misfit, field: &FieldRef, before: usize) -> Error {
    let (name, wanted) = (field.name(), kind(field.data_type()));
    let message = match misfit {
        Misfit::Type(given) => format!("`{name}` takes {wanted}, and is given {}", kind(&given)),
        Misfit::Value(row, value) => {
            format!("row {}: `{name}` takes {wanted}, and `{value}` is none", before + row + 1)
        }
    };
    Error::new(Kind::Statement, message)
}

fn column(given: &ArrayRef, field: &FieldRef) -> std::result::Result<ArrayRef, Misfit> {
    let (from, to) = (given.data_type(), field.data_type());
    if from == to {
        return Ok(given.clone());
    }
    let unlike = || Misfit::Type(from.clone());
    if !can_cast_types(from, to) {
        return Err(unlike());
    }
    // What is no value of the type becomes NULL.
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let values = cast_with_options(given, to, &options).map_err(|_| unlike())?;
    let lost = |row: &usize| is_null(&values, *row) && !is_null(given, *row);
    let mut misfit = (0..given.len()).find(lost);
    if misfit.is_none() && may_differ(from, to) {
        let back = cast_with_options(&values, from, &options).map_err(|_| unlike())?;
        let same = not_distinct(&back, given).map_err(|_| unlike())?;
        misfit = (0..given.len()).find(|row| !same.value(*row));
    }
    match misfit {
        Some(row) => Err(Misfit::Value(row, array_value_to_string(given, row).unwrap_or_default())),
        None => Ok(values),
    }
}

fn is_null(values: &ArrayRef, row: usize) -> bool {
    values.data_type() == &DataType::Null || values.is_null(row)
}

/// Whether a cast may round: a float of any width is near enough to the number that it is made of.
fn may_differ(from: &DataType, to: &DataType) -> bool {
    let counts = |kind: &DataType| kind.is_numeric() || kind.is_temporal() || matches!(kind, DataType::Boolean);
    let near =
        to.is_floating() && (from.is_floating() || matches!(from, DataType::Decimal128(..) | DataType::Decimal256(..)));
    counts(from) && counts(to) && !near
}

fn kind(kind: &DataType) -> String {
    match kind {
        kind if kind.is_integer() => "a whole number".into(),
        kind if kind.is_numeric() => "a number".into(),
        DataType::Boolean => "true or false".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Date32 | DataType::Date64 => "a date".into(),
        DataType::Timestamp(..) => "a time".into(),
        other => other.to_string(),
    }
}
