//! The `.slt` files of `tests/sql`: each runs on a session and a sandbox of its own.

use std::path::Path;

use futures::TryStreamExt;
use iql::error::Error;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};

use crate::lab::Lab;

struct Database(Lab);

/// The runner wants an error that can be compared with a pattern.
#[derive(Debug)]
struct Failure(Error);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Failure {}

#[async_trait::async_trait]
impl AsyncDB for Database {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Self::ColumnType>, Self::Error> {
        let outcome = self.0.session.run(sql).await.map_err(Failure)?;
        let schema = outcome.rows.schema();
        let batches: Vec<_> = outcome.rows.try_collect().await.map_err(Failure)?;
        if schema.fields().is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        let types = schema.fields().iter().map(|field| match field.data_type() {
            kind if kind.is_integer() => DefaultColumnType::Integer,
            kind if kind.is_numeric() => DefaultColumnType::FloatingPoint,
            _ => DefaultColumnType::Text,
        });
        let mut rows = Vec::new();
        for batch in &batches {
            for row in 0..batch.num_rows() {
                let cell = |array: &arrow::array::ArrayRef| match array.is_null(row) {
                    true => "NULL".to_string(),
                    false => match arrow::util::display::array_value_to_string(array, row).expect("text") {
                        text if text.is_empty() => "(empty)".into(),
                        text => text,
                    },
                };
                rows.push(batch.columns().iter().map(cell).collect());
            }
        }
        Ok(DBOutput::Rows { types: types.collect(), rows })
    }

    async fn shutdown(&mut self) {}
}

#[tokio::test]
async fn every_file_of_tests_sql_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("tests/sql").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let mut runner = sqllogictest::Runner::new(async || Ok(Database(Lab::new().await)));
        if let Err(error) = runner.run_file_async(&file).await {
            panic!("{error}");
        }
    }
}
