//! Rows as the bytes of a file: csv, JSON and Parquet, written as they come. Knows no statement and no path.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::engine::text::{Forms, csv_field};
use crate::error::{Error, Kind, Result, reason};

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

/// The columns of a file that is written with a schema, as it is read again: csv and JSON have no types but their own.
pub fn read_back(schema: &SchemaRef, format: Format, csv: Csv) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        let keeps = match format {
            Format::Parquet => true,
            Format::Csv => field.data_type().is_numeric() || field.data_type() == &DataType::Boolean,
            Format::Json | Format::JsonLines => {
                field.data_type().is_nested()
                    || field.data_type().is_numeric()
                    || field.data_type() == &DataType::Boolean
            }
        };
        let kind = if keeps { field.data_type().clone() } else { DataType::Utf8 };
        match format == Format::Csv && !csv.header {
            true => Field::new(format!("column_{}", at + 1), kind, true),
            false => Field::new(field.name(), kind, true),
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Writes rows; `end` has to be called, or the file is not whole.
pub enum Encoder<W: Write + Send> {
    Csv(W, Forms, Csv),
    Json(W, Forms, usize),
    JsonLines(W, Forms),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Encoder<W> {
    /// # Errors
    /// Rows that the format cannot hold, or a file that cannot be written; so it is for `batch` and `end`.
    pub fn begin(mut target: W, format: Format, csv: Csv, schema: &SchemaRef) -> Result<Self> {
        Ok(match format {
            Format::Json => Encoder::Json(target, Forms::of(schema), 0),
            Format::JsonLines => Encoder::JsonLines(target, Forms::of(schema)),
            Format::Parquet => {
                let writer = ArrowWriter::try_new(target, schema.clone(), Some(properties())).map_err(unfit)?;
                Encoder::Parquet(Box::new(writer))
            }
            Format::Csv => {
                if csv.header {
                    let names = schema.fields().iter().map(|field| csv_field(field.name(), csv.delimiter));
                    let line = names.collect::<Vec<_>>().join(&csv.delimiter.to_string()) + "\n";
                    target.write_all(line.as_bytes()).map_err(unwritten)?;
                }
                Encoder::Csv(target, Forms::of(schema), csv)
            }
        })
    }

    pub fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let target = match self {
            Encoder::Parquet(writer) => return writer.write(batch).map_err(unfit),
            Encoder::JsonLines(target, forms) => {
                forms.objects(batch, &batch.schema(), b"\n", &mut bytes).map_err(unshown)?;
                bytes.push(b'\n');
                target
            }
            Encoder::Json(target, forms, rows) => {
                bytes.extend_from_slice(if *rows == 0 { b"[" } else { b",\n" });
                forms.objects(batch, &batch.schema(), b",\n", &mut bytes).map_err(unshown)?;
                *rows += batch.num_rows();
                target
            }
            Encoder::Csv(target, forms, csv) => {
                let mut cells = forms.cells(batch).map_err(unshown)?;
                cells.csv(csv.delimiter, &mut bytes).map_err(unshown)?;
                target
            }
        };
        target.write_all(&bytes).map_err(unwritten)
    }

    /// The target, with all of the rows in it.
    pub fn end(self) -> Result<W> {
        match self {
            Encoder::Parquet(writer) => writer.into_inner().map_err(unfit),
            Encoder::Csv(target, ..) | Encoder::JsonLines(target, _) => Ok(target),
            Encoder::Json(mut target, _, rows) => {
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
