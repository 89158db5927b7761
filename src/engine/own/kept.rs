//! The rows of a materialized view: read into a Parquet file that says whose they are, and out of it again.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use chrono::Utc;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sqlparser::ast::Query;
use tempfile::NamedTempFile;

use super::store::{Kept, View, labelled};
use super::views::{in_use, store};
use super::{OwnKind, OwnTable, encode, titled};
use crate::engine::failures::Tolerance;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{logical, physical};
use crate::engine::session::Session;
use crate::engine::translate::translate;
use crate::error::{Error, Kind, Result};
use crate::sql::Source;
use crate::sql::names::Column;

/// Reads the rows of a materialized view into a file beside the others. Strict, whatever the session's setting.
pub async fn filled(
    session: &Session,
    view: &mut View,
    query: &Query,
    source: &Source,
) -> Result<(NamedTempFile, Outcome)> {
    let within = [view.name.clone()];
    let (around, in_use) = ((Tolerance::Strict, within.as_slice()), in_use(session, view));
    let prepared = session.prepare_with(query, source, &Arc::default(), around, in_use).await?;
    prepared.run.regions.leave_none_out();
    let plan = titled(logical(&prepared.state, prepared.query, source).await?, query)?;
    let columns = prepared.columns.filter(|columns| columns.len() == plan.schema().fields().len());
    let plan = physical(&prepared.state, &plan, source).await?;
    let mut outcome = session.execute(&prepared.state, prepared.run, plan, source)?;
    let mut draft = store(session).draft()?;
    let schema = outcome.rows.schema();
    let failed = |error| {
        Error::new(Kind::Statement, "these rows cannot be kept in a file")
            .with_context(format!("{error}"))
            .with_source(error)
    };
    let mut writer =
        ArrowWriter::try_new(draft.as_file_mut(), schema.clone(), Some(encode::properties())).map_err(failed)?;
    let mut rows = 0;
    while let Some(batch) = outcome.rows.try_next().await? {
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(failed)?;
    }
    let aliases = match columns {
        Some(columns) => {
            let named = columns.into_iter().zip(schema.fields());
            named
                .map(|(column, field)| column.aliases.into_iter().filter(|alias| alias != field.name()).collect())
                .collect()
        }
        None => Vec::new(),
    };
    view.kept = Some(Kept { refreshed: Utc::now(), rows, aliases });
    labelled(view).into_iter().for_each(|entry| writer.append_key_value_metadata(entry));
    writer.close().map_err(failed)?;
    outcome.notices.push(format!("{}: {} kept", view.name, encode::rows(rows)));
    outcome.rows.clear();
    Ok((draft, outcome))
}

/// A materialized view's rows as a table: the file is in memory as it is, and unpacked as it is read.
pub fn kept(session: &Session, view: &View, bytes: Bytes) -> Result<OwnTable> {
    let failed =
        |error: String| Error::new(Kind::Io, format!("the view `{}` is broken", view.name)).with_context(error);
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|error| failed(error.to_string()))?;
    let schema = builder.schema().clone();
    let state = session.state();
    let held = MemoryConsumer::new(format!("the view {}", view.name)).register(&state.runtime_env().memory_pool);
    held.try_grow(bytes.len()).map_err(|error| translate(&error, None))?;
    let rows = Arc::new(Rows { schema: schema.clone(), bytes });
    let provider = StreamingTable::try_new(schema.clone(), vec![rows]).map_err(|error| translate(&error, None))?;
    let aliases = view.kept.iter().flat_map(|kept| &kept.aliases);
    let columns = schema.fields().iter().zip(aliases).map(|(field, aliases)| Column {
        name: field.name().clone(),
        aliases: aliases.clone(),
        ..Column::default()
    });
    let columns: Vec<Column> = columns.collect();
    let table = OwnTable::new(Arc::new(provider), OwnKind::Materialized).answering_to(Some(&columns));
    Ok(OwnTable { held: vec![Arc::new(held)], inside: BTreeSet::new(), ..table })
}

#[derive(Debug)]
struct Rows {
    schema: SchemaRef,
    bytes: Bytes,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = ParquetRecordBatchReaderBuilder::try_new(self.bytes.clone())
            .and_then(|builder| builder.with_batch_size(context.session_config().batch_size()).build());
        let batches: Box<dyn Iterator<Item = Result<RecordBatch, DataFusionError>> + Send> = match batches {
            Ok(batches) => Box::new(batches.map(|batch| batch.map_err(DataFusionError::from))),
            Err(error) => Box::new(std::iter::once(Err(DataFusionError::from(error)))),
        };
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), futures::stream::iter(batches)))
    }
}
