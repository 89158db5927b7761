//! Rows as the bytes of a file: csv, JSON and Parquet, written as they come. Knows no statement and no path.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::json::{LineDelimitedWriter, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::error::{Error, Kind, Result, reason};

/// How times are written: RFC 3339, with the decimals of their finest unit, three at least.
struct Times {
    zoned: String,
    unzoned: String,
}

impl Times {
    fn of(schema: &SchemaRef) -> Times {
        let (mut decimals, mut zone) = (3, "Z");
        for field in schema.flattened_fields() {
            let DataType::Timestamp(unit, its_zone) = field.data_type() else { continue };
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    /// One array of objects.
    Json,
    /// An object a line.
    JsonLines,
    Parquet,
}

impl Format {
    /// By its name, or by how a file's name ends.
    pub fn named(name: &str) -> Option<Format> {
        match name.to_ascii_lowercase().as_str() {
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            "jsonl" | "ndjson" => Some(Format::JsonLines),
            "parquet" => Some(Format::Parquet),
            _ => None,
        }
    }
}

/// How csv is written.
#[derive(Debug, Clone, Copy)]
pub struct Csv {
    pub delimiter: char,
    pub header: bool,
}

/// Writes rows; `end` has to be called, or the file is not whole.
pub enum Encoder<W: Write + Send> {
    Csv(W, Csv),
    Json(W, usize),
    JsonLines(W),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Encoder<W> {
    /// # Errors
    /// Rows that the format cannot hold, or a file that cannot be written; so it is for `batch` and `end`.
    pub fn begin(mut target: W, format: Format, csv: Csv, schema: &SchemaRef) -> Result<Self> {
        Ok(match format {
            Format::Json => Encoder::Json(target, 0),
            Format::JsonLines => Encoder::JsonLines(target),
            Format::Parquet => {
                let writer = ArrowWriter::try_new(target, schema.clone(), Some(properties())).map_err(unfit)?;
                Encoder::Parquet(Box::new(writer))
            }
            Format::Csv => {
                if csv.header {
                    let names = schema.fields().iter().map(|field| quoted(field.name(), csv.delimiter));
                    line(&mut target, names, csv.delimiter)?;
                }
                Encoder::Csv(target, csv)
            }
        })
    }

    pub fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Encoder::Parquet(writer) => writer.write(batch).map_err(unfit),
            Encoder::JsonLines(target) => lines(batch)?
                .iter()
                .try_for_each(|line| target.write_all(line).and_then(|()| target.write_all(b"\n")))
                .map_err(unwritten),
            Encoder::Json(target, rows) => {
                for line in lines(batch)? {
                    let before: &[u8] = if *rows == 0 { b"[" } else { b",\n" };
                    target.write_all(before).and_then(|()| target.write_all(&line)).map_err(unwritten)?;
                    *rows += 1;
                }
                Ok(())
            }
            Encoder::Csv(target, csv) => {
                let columns = cells(batch)?;
                (0..batch.num_rows()).try_for_each(|row| {
                    let cells = columns
                        .iter()
                        .map(|column| column[row].as_ref().map(|text| quoted(text, csv.delimiter)).unwrap_or_default());
                    line(target, cells, csv.delimiter)
                })
            }
        }
    }

    /// The target, with all of the rows in it.
    pub fn end(self) -> Result<W> {
        match self {
            Encoder::Parquet(writer) => writer.into_inner().map_err(unfit),
            Encoder::Csv(target, _) | Encoder::JsonLines(target) => Ok(target),
            Encoder::Json(mut target, rows) => {
                target.write_all(if rows == 0 { b"[]\n" } else { b"]\n" }).map_err(unwritten)?;
                Ok(target)
            }
        }
    }
}

/// How Parquet is written: so that everybody can read it.
pub fn properties() -> WriterProperties {
    WriterProperties::builder().set_compression(Compression::SNAPPY).build()
}

/// `1 row`, `2 rows`
pub fn rows(count: u64) -> String {
    if count == 1 { "1 row".into() } else { format!("{count} rows") }
}

/// Each row as one JSON object, in select order, NULL as `null`.
fn lines(batch: &RecordBatch) -> Result<Vec<Vec<u8>>> {
    if batch.num_columns() == 0 {
        return Ok(vec![b"{}".to_vec(); batch.num_rows()]);
    }
    let times = Times::of(&batch.schema());
    let builder = WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_timestamp_tz_format(times.zoned)
        .with_timestamp_format(times.unzoned);
    let mut bytes = Vec::new();
    let mut writer: LineDelimitedWriter<_> = builder.build(&mut bytes);
    writer.write(batch).and_then(|()| writer.finish()).map_err(unshown)?;
    // A line break within a value is escaped, so that each line is a row.
    Ok(bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Each column's cells as text, `None` for NULL; lists, structs and maps as compact JSON.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>> {
    let schema = batch.schema();
    let times = Times::of(&schema);
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| {
        let nulls = array.logical_nulls();
        let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if field.data_type().is_nested() && !matches!(field.data_type(), DataType::Union(..)) {
            let options = EncoderOptions::default()
                .with_explicit_nulls(true)
                .with_timestamp_tz_format(times.zoned.clone())
                .with_timestamp_format(times.unzoned.clone());
            let mut encoder = make_encoder(field, array, &options).map_err(unshown)?;
            let mut text = |row| {
                let mut bytes = Vec::new();
                encoder.encode(row, &mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            };
            return Ok((0..array.len()).map(|row| (!is_null(row)).then(|| text(row))).collect());
        }
        let options = FormatOptions::new()
            .with_timestamp_tz_format(Some(&times.zoned))
            .with_timestamp_format(Some(&times.unzoned))
            .with_display_error(false);
        let formatter = ArrayFormatter::try_new(array, &options).map_err(unshown)?;
        let cell = |row| match is_null(row) {
            true => Ok(None),
            false => formatter.value(row).try_to_string().map(Some).map_err(unshown),
        };
        (0..array.len()).map(cell).collect()
    });
    columns.collect()
}

/// As RFC 4180 has it; an empty text is `""`, which NULL is not.
fn quoted(text: &str, delimiter: char) -> String {
    let plain = !text.is_empty() && !text.contains([delimiter, '"', '\n', '\r']);
    if plain { text.to_string() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn line(target: &mut impl Write, cells: impl Iterator<Item = String>, delimiter: char) -> Result<()> {
    let mut text = cells.collect::<Vec<_>>().join(&delimiter.to_string());
    text.push('\n');
    target.write_all(text.as_bytes()).map_err(unwritten)
}

fn unfit(error: parquet::errors::ParquetError) -> Error {
    Error::new(Kind::Statement, "these rows cannot be written as Parquet")
        .with_context(error.to_string())
        .with_source(error)
}

fn unshown(error: ArrowError) -> Error {
    Error::new(Kind::Statement, "a value cannot be written as text").with_context(error.to_string()).with_source(error)
}

fn unwritten(error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("the file cannot be written: {}", reason(&error))).with_source(error)
}
