//! Arrow values as text: JSON objects, and single cells whose nested values are compact JSON. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::json::{LineDelimitedWriter, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::cli::output::unwritable;
use crate::error::Result;

/// What stands for NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Null {
    Absent,
    Word,
}

/// How a result's times are written: RFC 3339, all with the decimals of the finest unit among them, three at least, and
/// `Z` unless one of them has a zone of its own.
struct Times {
    zoned: String,
    unzoned: String,
}

impl Times {
    fn of(schema: &Schema) -> Times {
        let mut decimals = 3;
        let mut zone = "Z";
        for field in schema.flattened_fields() {
            let data_type = match field.data_type() {
                DataType::Dictionary(_, value) => value,
                other => other,
            };
            let DataType::Timestamp(unit, its_zone) = data_type else { continue };
            decimals = decimals.max(match unit {
                TimeUnit::Second | TimeUnit::Millisecond => 3,
                TimeUnit::Microsecond => 6,
                TimeUnit::Nanosecond => 9,
            });
            if !matches!(its_zone.as_deref(), None | Some("UTC" | "+00:00" | "Z")) {
                zone = "%:z";
            }
        }
        let unzoned = format!("%Y-%m-%dT%H:%M:%S%.{decimals}f");
        Times { zoned: format!("{unzoned}{zone}"), unzoned }
    }
}

/// Each row as one JSON object, in select order, NULL as `null`.
pub fn json_lines(batch: &RecordBatch, schema: &SchemaRef) -> Result<Vec<Vec<u8>>> {
    if batch.num_columns() == 0 {
        return Ok(vec![b"{}".to_vec(); batch.num_rows()]);
    }
    // Not `with_schema`, which wants the names that the batch has.
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch =
        RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options).map_err(unwritable)?;
    let times = Times::of(schema);
    let builder = WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_timestamp_tz_format(times.zoned)
        .with_timestamp_format(times.unzoned);
    let mut bytes = Vec::new();
    let mut writer: LineDelimitedWriter<_> = builder.build(&mut bytes);
    writer.write(&batch).and_then(|()| writer.finish()).map_err(unwritable)?;
    // A line break within a value is escaped, so that each line is a row.
    Ok(bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Each column's cells as text; `None` is NULL, unless it is to be a word.
pub fn columns(batch: &RecordBatch, null: Null) -> Result<Vec<Vec<Option<String>>>> {
    let schema = batch.schema();
    let times = Times::of(&schema);
    batch.columns().iter().zip(schema.fields()).map(|(array, field)| column(array, field, &times, null)).collect()
}

fn column(array: &dyn Array, field: &FieldRef, times: &Times, null: Null) -> Result<Vec<Option<String>>> {
    let absent = || (null == Null::Word).then(|| "NULL".to_string());
    // Not `array.is_null`: a column of nothing but NULL has no nulls by that.
    let nulls = array.logical_nulls();
    let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    let mut cells = Vec::with_capacity(array.len());
    if field.data_type().is_nested() && !matches!(field.data_type(), DataType::Union(..)) {
        let options = EncoderOptions::default()
            .with_explicit_nulls(true)
            .with_timestamp_tz_format(times.zoned.clone())
            .with_timestamp_format(times.unzoned.clone());
        let mut encoder = make_encoder(field, array, &options).map_err(unwritable)?;
        for row in 0..array.len() {
            if is_null(row) {
                cells.push(absent());
                continue;
            }
            let mut bytes = Vec::new();
            encoder.encode(row, &mut bytes);
            cells.push(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    } else {
        let options = FormatOptions::new()
            .with_timestamp_tz_format(Some(&times.zoned))
            .with_timestamp_format(Some(&times.unzoned))
            .with_display_error(false);
        let formatter = ArrayFormatter::try_new(array, &options).map_err(unwritable)?;
        for row in 0..array.len() {
            match is_null(row) {
                true => cells.push(absent()),
                false => cells.push(Some(formatter.value(row).try_to_string().map_err(unwritable)?)),
            }
        }
    }
    Ok(cells)
}

/// A CSV field: quoted where RFC 4180 asks for it, and `""` for an empty text, which NULL is not.
pub fn csv(text: &str, delimiter: char) -> String {
    let plain = !text.is_empty() && !text.contains([delimiter, '"', '\n', '\r']);
    if plain { text.to_string() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

/// Text that is safe on a terminal and stays on one line: control characters are escaped.
pub fn one_line(text: &str) -> String {
    escaped(text, char::is_control)
}

/// Text that is safe on a terminal, on the lines that it has.
pub fn printable(text: &str) -> String {
    escaped(text, |c| c.is_control() && c != '\n')
}

fn escaped(text: &str, unsafe_here: impl Fn(char) -> bool) -> String {
    if !text.contains(&unsafe_here) {
        return text.to_string();
    }
    text.chars().map(|c| if unsafe_here(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The schema with each name once: a repeated `region` becomes `region_2`. With what was renamed to what.
pub fn unique_names(schema: &SchemaRef) -> (SchemaRef, Vec<(String, String)>) {
    let taken: HashSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut used = HashSet::new();
    let mut renamed = Vec::new();
    let fields = schema.fields().iter().map(|field| {
        let name = field.name();
        if used.insert(name.clone()) {
            return field.clone();
        }
        let mut number = 2;
        let mut candidate = format!("{name}_{number}");
        while taken.contains(&candidate) || !used.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        renamed.push((name.clone(), candidate.clone()));
        Arc::new(Field::clone(field).with_name(candidate))
    });
    let fields: Vec<FieldRef> = fields.collect();
    (Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())), renamed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        ArrayRef, Int64Array, NullArray, StringArray, StructArray, TimestampMillisecondArray, TimestampNanosecondArray,
    };

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch")
    }

    #[test]
    fn a_csv_field_tells_null_from_empty() {
        for (text, expected) in
            [("a", "a"), ("", "\"\""), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("é", "é")]
        {
            assert_eq!(csv(text, ','), expected);
            assert_eq!(csv(text, ';').starts_with('"'), expected.starts_with('"') && text != "a,b");
        }
    }

    #[test]
    fn json_keeps_types_order_and_nulls() {
        let batch = batch(vec![
            ("z", Arc::new(StringArray::from(vec![Some("line\nbreak"), None])) as ArrayRef),
            ("a", Arc::new(Int64Array::from(vec![1, 2]))),
            ("t", Arc::new(TimestampMillisecondArray::from(vec![0, 1500]).with_timezone("UTC"))),
        ]);
        let lines = json_lines(&batch, &batch.schema()).expect("lines");
        let texts: Vec<String> = lines.into_iter().map(|line| String::from_utf8(line).expect("UTF-8")).collect();
        assert_eq!(
            texts,
            [
                r#"{"z":"line\nbreak","a":1,"t":"1970-01-01T00:00:00.000Z"}"#,
                r#"{"z":null,"a":2,"t":"1970-01-01T00:00:01.500Z"}"#,
            ]
        );
    }

    #[test]
    fn a_time_is_the_instant_that_it_is() {
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        for (unit, zone, value, expected) in [
            (Second, None, 1, "1970-01-01T00:00:01.000"),
            (Second, Some("UTC"), 1, "1970-01-01T00:00:01.000Z"),
            (Millisecond, Some("+00:00"), 1500, "1970-01-01T00:00:01.500Z"),
            (Millisecond, Some("+02:00"), 1500, "1970-01-01T02:00:01.500+02:00"),
            (Microsecond, Some("UTC"), 1_500_001, "1970-01-01T00:00:01.500001Z"),
            (Microsecond, Some("-03:30"), 0, "1969-12-31T20:30:00.000000-03:30"),
            (Nanosecond, None, 1, "1970-01-01T00:00:00.000000001"),
        ] {
            let time = DataType::Timestamp(unit, zone.map(Into::into));
            let array = arrow::compute::cast(&Int64Array::from(vec![value]), &time).expect("a time");
            let field: FieldRef = Arc::new(Field::new("t", time, true));
            let nested: ArrayRef = Arc::new(StructArray::from(vec![(field, array.clone())]));
            let batch = batch(vec![("flat", array), ("nested", nested)]);
            let cells = columns(&batch, Null::Absent).expect("cells").concat();
            assert_eq!(cells, [Some(expected.to_string()), Some(format!(r#"{{"t":"{expected}"}}"#))]);
            let lines = json_lines(&batch, &batch.schema()).expect("lines").concat();
            assert_eq!(
                String::from_utf8(lines).expect("UTF-8"),
                format!(r#"{{"flat":"{expected}","nested":{{"t":"{expected}"}}}}"#)
            );
        }
    }

    #[test]
    fn the_times_of_a_result_look_alike() {
        let utc = TimestampMillisecondArray::from(vec![0]).with_timezone("UTC");
        let berlin = TimestampNanosecondArray::from(vec![1]).with_timezone("+01:00");
        let batch = batch(vec![("a", Arc::new(utc) as ArrayRef), ("b", Arc::new(berlin))]);
        let cells = columns(&batch, Null::Absent).expect("cells").concat();
        let expected = ["1970-01-01T00:00:00.000000000+00:00", "1970-01-01T01:00:00.000000001+01:00"];
        assert_eq!(cells, expected.map(|text| Some(text.to_string())));
    }

    #[test]
    fn a_column_of_nothing_but_null_is_null() {
        let batch = batch(vec![("z", Arc::new(NullArray::new(1)) as ArrayRef)]);
        assert_eq!(columns(&batch, Null::Absent).expect("cells"), [[None]]);
        assert_eq!(columns(&batch, Null::Word).expect("cells"), [[Some("NULL".to_string())]]);
    }

    #[test]
    fn a_repeated_name_gets_a_number() {
        let field = |name: &str| Field::new(name, DataType::Utf8, true);
        let schema = Arc::new(Schema::new(vec![field("r"), field("r"), field("r_2"), field("r")]));
        let (unique, renamed) = unique_names(&schema);
        let names: Vec<&str> = unique.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["r", "r_3", "r_2", "r_4"]);
        assert_eq!(renamed.len(), 2);
    }

    #[test]
    fn a_table_cell_stays_on_its_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(printable("a\nb\u{1b}[31m\r"), "a\nb\\u{1b}[31m\\r");
    }
}
