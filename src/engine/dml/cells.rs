//! Arrow batches as rows of JSON values, for what a statement says of the rows that it writes. Pure.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};

/// Every row's values in the order of the columns. Lists are arrays, structs and maps are objects, times are RFC 3339.
///
/// # Errors
/// `Statement`: a value of a type that JSON has no form for.
pub fn rows(batches: &[RecordBatch]) -> Result<Vec<Vec<Value>>> {
    let mut found = Vec::new();
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        let width = batch.num_columns();
        // By number: two columns may have one name.
        let fields: Vec<Field> = batch
            .schema()
            .fields()
            .iter()
            .enumerate()
            .map(|(at, f)| f.as_ref().clone().with_name(at.to_string()))
            .collect();
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec()).map_err(|e| failed(&e))?;
        let mut bytes = Vec::new();
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut bytes);
        writer.write(&batch).and_then(|()| writer.finish()).map_err(|e| failed(&e))?;
        drop(writer);
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let mut row: Map<String, Value> = serde_json::from_slice(line)
                .map_err(|e| Error::new(Kind::Internal, "a row cannot be read back").with_source(e))?;
            found.push((0..width).map(|at| row.remove(&at.to_string()).unwrap_or_default()).collect());
        }
    }
    Ok(found)
}

fn failed(error: &arrow::error::ArrowError) -> Error {
    Error::new(Kind::Statement, "a value is of a type that cannot be written").with_context(error.to_string())
}
