//! Rows in formats that keep their types: Arrow's stream and Parquet. Bytes come out as they are ready.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::cli::output::unwritable;
use crate::error::{Error, Kind, Result};

/// So many rows are in memory before they are written: a tenth of the writer's own default, and what DuckDB has.
const GROUP: usize = 122_880;

pub struct Binary {
    schema: SchemaRef,
    bytes: Bytes,
    writer: Writer,
}

enum Writer {
    Arrow(Box<StreamWriter<Bytes>>),
    Parquet(Box<ArrowWriter<Bytes>>),
}

/// What was written and not yet taken.
#[derive(Debug, Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Binary {
    /// # Errors
    /// `Internal`: a type that the format does not have. So it is for what follows.
    pub fn arrow(schema: SchemaRef) -> Result<Binary> {
        let bytes = Bytes::default();
        let writer = StreamWriter::try_new(bytes.clone(), &schema).map_err(unwritable)?;
        Ok(Binary { schema, bytes, writer: Writer::Arrow(Box::new(writer)) })
    }

    pub fn parquet(schema: SchemaRef) -> Result<Binary> {
        let bytes = Bytes::default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP))
            .build();
        let writer = ArrowWriter::try_new(bytes.clone(), schema.clone(), Some(properties)).map_err(|e| wrong(&e))?;
        Ok(Binary { schema, bytes, writer: Writer::Parquet(Box::new(writer)) })
    }

    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        // Under the names of the schema, each of which stands once.
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), batch.columns().to_vec(), &options)
            .map_err(unwritable)?;
        match &mut self.writer {
            Writer::Arrow(writer) => writer.write(&batch).map_err(unwritable)?,
            Writer::Parquet(writer) => writer.write(&batch).map_err(|e| wrong(&e))?,
        }
        Ok(self.bytes.take())
    }

    pub fn end(self) -> Result<Vec<u8>> {
        match self.writer {
            Writer::Arrow(mut writer) => writer.finish().map_err(unwritable)?,
            Writer::Parquet(writer) => writer.close().map(drop).map_err(|e| wrong(&e))?,
        }
        Ok(self.bytes.take())
    }
}

fn wrong(error: &parquet::errors::ParquetError) -> Error {
    Error::new(Kind::Statement, "these rows cannot be written as Parquet")
        .with_context(error.to_string())
        .with_hint("`-o arrow` and `-o json` take every type")
}
