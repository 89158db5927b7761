//! Rows as text: JSON objects, and cells, whose nested values are compact JSON. 100,000 rows pass here: what is made is
//! made once for a result or a batch, and no cell has memory of its own. Pure.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StructArray, TimestampMillisecondArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::SecondsFormat;

/// How a result's values are written. Times are RFC 3339, all with the decimals of the finest unit among them, three at
/// least, and `Z` unless one of them has a zone of its own.
#[derive(Debug)]
pub struct Forms {
    zoned: String,
    unzoned: String,
    /// Three decimals and `Z` are the form of every time.
    is_plain: bool,
    json: EncoderOptions,
}

impl Forms {
    pub fn of(schema: &Schema) -> Forms {
        let (mut decimals, mut zone) = (3, "Z");
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
        let zoned = format!("{unzoned}{zone}");
        let is_plain = decimals == 3 && zone == "Z";
        let mut json = EncoderOptions::default()
            .with_explicit_nulls(true)
            .with_timestamp_tz_format(zoned.clone())
            .with_timestamp_format(unzoned.clone());
        if is_plain {
            json = json.with_encoder_factory(Arc::new(PlainTimes));
        }
        Forms { zoned, unzoned, is_plain, json }
    }

    /// Appends each row as one JSON object under the names of `schema`, in its order, with `between` two of them; NULL is
    /// `null`. A line break within a value is escaped.
    ///
    /// # Errors
    /// A type that JSON does not have.
    pub fn objects(
        &self,
        batch: &RecordBatch,
        schema: &SchemaRef,
        between: &[u8],
        into: &mut Vec<u8>,
    ) -> Result<(), ArrowError> {
        let columns = batch.columns().to_vec();
        let rows = StructArray::try_new_with_length(schema.fields().clone(), columns, None, batch.num_rows())?;
        let field = Arc::new(Field::new_struct("", schema.fields().clone(), false));
        let mut encoder = make_encoder(&field, &rows, &self.json)?;
        for row in 0..batch.num_rows() {
            if row > 0 {
                into.extend_from_slice(between);
            }
            encoder.encode(row, into);
        }
        Ok(())
    }

    /// The cells of a batch.
    ///
    /// # Errors
    /// A type that cannot be shown.
    pub fn cells<'a>(&'a self, batch: &'a RecordBatch) -> Result<Cells<'a>, ArrowError> {
        let fields = batch.schema_ref().fields().iter();
        let columns = fields.zip(batch.columns()).map(|(field, array)| {
            let form = match field.data_type() {
                DataType::Utf8 => Form::Text(array.as_string()),
                kind if self.is_plain && is_utc_millis(kind) && all_have_a_date(array.as_primitive()) => {
                    Form::Time(array.as_primitive())
                }
                DataType::Union(..) => Form::Shown(self.formatter(array)?),
                nested if nested.is_nested() => Form::Json(make_encoder(field, array, &self.json)?),
                _ => Form::Shown(self.formatter(array)?),
            };
            // Not `array.is_null`: a column of nothing but NULL has no nulls by that.
            Ok(Column { nulls: array.logical_nulls(), form })
        });
        Ok(Cells { columns: columns.collect::<Result<_, ArrowError>>()?, rows: batch.num_rows() })
    }

    fn formatter<'a>(&'a self, array: &'a dyn Array) -> Result<ArrayFormatter<'a>, ArrowError> {
        let options = FormatOptions::new()
            .with_timestamp_tz_format(Some(&self.zoned))
            .with_timestamp_format(Some(&self.unzoned))
            .with_display_error(false);
        ArrayFormatter::try_new(array, &options)
    }
}

/// The cells of one batch.
pub struct Cells<'a> {
    columns: Vec<Column<'a>>,
    rows: usize,
}

struct Column<'a> {
    nulls: Option<NullBuffer>,
    form: Form<'a>,
}

enum Form<'a> {
    Text(&'a StringArray),
    Time(&'a TimestampMillisecondArray),
    Json(NullableEncoder<'a>),
    Shown(ArrayFormatter<'a>),
}

impl Cells<'_> {
    /// Appends a cell's text. False, and nothing appended: it is NULL.
    ///
    /// # Errors
    /// A value that cannot be shown, such as a time before all calendars.
    pub fn write(&mut self, column: usize, row: usize, into: &mut Vec<u8>) -> Result<bool, ArrowError> {
        let column = &mut self.columns[column];
        if column.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(false);
        }
        match &mut column.form {
            Form::Text(texts) => into.extend_from_slice(texts.value(row).as_bytes()),
            Form::Time(times) => push_time(times.value(row), into),
            Form::Json(encoder) => encoder.encode(row, into),
            Form::Shown(formatter) => {
                let before = into.len();
                if write!(into, "{}", formatter.value(row)).is_err() {
                    into.truncate(before);
                    // What is wrong, only this says.
                    formatter.value(row).try_to_string()?;
                }
            }
        }
        Ok(true)
    }

    /// Each column's cells, `None` for NULL.
    ///
    /// # Errors
    /// As for `write`.
    pub fn texts(mut self) -> Result<Vec<Vec<Option<String>>>, ArrowError> {
        let (width, mut bytes) = (self.columns.len(), Vec::new());
        let mut column = |column| {
            (0..self.rows)
                .map(|row| {
                    bytes.clear();
                    let is_there = self.write(column, row, &mut bytes)?;
                    Ok(is_there.then(|| String::from_utf8_lossy(&bytes).into_owned()))
                })
                .collect()
        };
        (0..width).map(&mut column).collect()
    }

    /// Appends each row as a line of values alone, a tab between two of them. A text that ends its line itself, as a
    /// script does, stays as it is.
    ///
    /// # Errors
    /// As for `write`.
    pub fn lines(&mut self, into: &mut Vec<u8>) -> Result<(), ArrowError> {
        for row in 0..self.rows {
            let start = into.len();
            for column in 0..self.columns.len() {
                if column > 0 {
                    into.push(b'\t');
                }
                self.write(column, row, into)?;
            }
            if into.len() == start || !into.ends_with(b"\n") {
                into.push(b'\n');
            }
        }
        Ok(())
    }

    /// Appends each row as a line of csv: cells quoted where RFC 4180 asks for it; NULL is empty, an empty text `""`.
    ///
    /// # Errors
    /// As for `write`.
    pub fn csv(&mut self, delimiter: char, into: &mut Vec<u8>) -> Result<(), ArrowError> {
        let mut utf8 = [0; 4];
        let between = delimiter.encode_utf8(&mut utf8).as_bytes().to_vec();
        for row in 0..self.rows {
            for column in 0..self.columns.len() {
                if column > 0 {
                    into.extend_from_slice(&between);
                }
                let start = into.len();
                if self.write(column, row, into)? {
                    quote(into, start, &between);
                }
            }
            into.push(b'\n');
        }
        Ok(())
    }
}

/// Times in milliseconds of UTC, which all services give: the general way reads its pattern anew for each of them.
#[derive(Debug)]
struct PlainTimes;

impl EncoderFactory for PlainTimes {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        if !is_utc_millis(array.data_type()) || !all_have_a_date(array.as_primitive()) {
            return Ok(None);
        }
        Ok(Some(NullableEncoder::new(Box::new(PlainTime(array.as_primitive())), array.nulls().cloned())))
    }
}

struct PlainTime<'a>(&'a TimestampMillisecondArray);

impl Encoder for PlainTime<'_> {
    fn encode(&mut self, row: usize, into: &mut Vec<u8>) {
        into.push(b'"');
        push_time(self.0.value(row), into);
        into.push(b'"');
    }
}

fn is_utc_millis(kind: &DataType) -> bool {
    let DataType::Timestamp(TimeUnit::Millisecond, Some(zone)) = kind else { return false };
    matches!(&**zone, "UTC" | "+00:00" | "Z")
}

/// Whether no time lies beyond the calendar; of one that does, the general way says so.
fn all_have_a_date(times: &TimestampMillisecondArray) -> bool {
    times.iter().flatten().all(|time| chrono::DateTime::from_timestamp_millis(time).is_some())
}

fn push_time(millis: i64, into: &mut Vec<u8>) {
    if let Some(time) = chrono::DateTime::from_timestamp_millis(millis) {
        into.extend_from_slice(time.to_rfc3339_opts(SecondsFormat::Millis, true).as_bytes());
    }
}

/// A csv field, as `Cells::csv` writes it.
pub fn csv_field(text: &str, delimiter: char) -> String {
    let mut bytes = text.as_bytes().to_vec();
    quote(&mut bytes, 0, delimiter.to_string().as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Quotes the field that begins at `start`, if it has to be.
fn quote(bytes: &mut Vec<u8>, start: usize, delimiter: &[u8]) {
    let field = &bytes[start..];
    // Of a delimiter of several bytes the first one alone quotes more than is needed, and never less.
    let is_plain = !field.is_empty()
        && memchr::memchr3(b'"', b'\n', delimiter[0], field).is_none()
        && memchr::memchr(b'\r', field).is_none();
    if is_plain {
        return;
    }
    let field = bytes.split_off(start);
    bytes.push(b'"');
    let mut from = 0;
    for at in memchr::memchr_iter(b'"', &field) {
        bytes.extend_from_slice(&field[from..=at]);
        from = at;
    }
    bytes.extend_from_slice(&field[from..]);
    bytes.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray, TimestampNanosecondArray};
    use arrow::datatypes::FieldRef;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch")
    }

    fn cells(batch: &RecordBatch) -> Vec<Option<String>> {
        Forms::of(&batch.schema()).cells(batch).and_then(Cells::texts).expect("cells").concat()
    }

    fn lines(batch: &RecordBatch) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        Forms::of(&batch.schema()).objects(batch, &batch.schema(), b"\n", &mut bytes).expect("lines");
        bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn a_csv_field_tells_null_from_empty() {
        for (text, expected) in
            [("a", "a"), ("", "\"\""), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("é", "é")]
        {
            assert_eq!(csv_field(text, ','), expected);
            assert_eq!(csv_field(text, ';').starts_with('"'), expected.starts_with('"') && text != "a,b");
        }
    }

    #[test]
    fn json_keeps_types_order_and_nulls() {
        let batch = batch(vec![
            ("z", Arc::new(StringArray::from(vec![Some("line\nbreak"), None])) as ArrayRef),
            ("a", Arc::new(Int64Array::from(vec![1, 2]))),
            ("t", Arc::new(TimestampMillisecondArray::from(vec![0, 1500]).with_timezone("UTC"))),
        ]);
        let lines = lines(&batch);
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
            let cells = cells(&batch);
            assert_eq!(cells, [Some(expected.to_string()), Some(format!(r#"{{"t":"{expected}"}}"#))]);
            let lines = lines(&batch).concat();
            assert_eq!(
                String::from_utf8(lines).expect("UTF-8"),
                format!(r#"{{"flat":"{expected}","nested":{{"t":"{expected}"}}}}"#)
            );
        }
    }

    #[test]
    fn plain_times_are_those_of_the_pattern() {
        let times = [
            0,
            1,
            -1,
            999,
            1_760_000_000_123,
            -62_135_596_800_000,
            253_402_300_799_999,
            253_402_300_800_000,
            -99_999_999_999_999,
        ];
        let utc = TimestampMillisecondArray::from(times.to_vec()).with_timezone("UTC");
        let plain = batch(vec![("t", Arc::new(utc.clone()) as ArrayRef)]);
        let second: ArrayRef = Arc::new(TimestampMillisecondArray::from(times.to_vec()).with_timezone("+01:00"));
        let patterned = batch(vec![("t", Arc::new(utc) as ArrayRef), ("u", second)]);
        let texts = |batch: &RecordBatch| cells(batch).into_iter().flatten().take(times.len()).collect::<Vec<_>>();
        let with_offset: Vec<String> = texts(&plain).iter().map(|time| time.replace('Z', "+00:00")).collect();
        assert_eq!(with_offset, texts(&patterned));
    }

    #[test]
    fn the_times_of_a_result_look_alike() {
        let utc = TimestampMillisecondArray::from(vec![0]).with_timezone("UTC");
        let berlin = TimestampNanosecondArray::from(vec![1]).with_timezone("+01:00");
        let batch = batch(vec![("a", Arc::new(utc) as ArrayRef), ("b", Arc::new(berlin))]);
        let cells = cells(&batch);
        let expected = ["1970-01-01T00:00:00.000000000+00:00", "1970-01-01T01:00:00.000000001+01:00"];
        assert_eq!(cells, expected.map(|text| Some(text.to_string())));
    }
}
