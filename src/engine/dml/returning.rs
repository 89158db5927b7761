//! RETURNING: expressions over the rows that a write leaves. Its names and types are found wrong before anything is
//! sent; its rows are computed when all is done, or no more will be.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, Session as Planning, TableProvider};
use datafusion::common::Result as PlanResult;
use datafusion::datasource::{MemTable, TableType};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use sqlparser::ast::{Ident, ObjectName, SelectItem, SetExpr, TableFactor};

use super::document::Document;
use super::send::Target;
use super::site::Site;
use super::targets::{relation, select};
use crate::engine::calls::Meter;
use crate::engine::plan::{collect, logical, physical};
use crate::engine::session::Session;
use crate::engine::tables::schema;
use crate::engine::{headers, rows};
use crate::error::{Error, Kind, Result};
use crate::sql::{Name, Part, Source};

/// A RETURNING clause, planned.
pub struct Returning {
    state: SessionState,
    plan: LogicalPlan,
    rows: Arc<Rows>,
    names: Vec<headers::Item>,
}

/// Names the tables of one program apart.
static COUNT: AtomicU64 = AtomicU64::new(0);

impl Returning {
    /// # Errors
    /// What is wrong with the clause.
    pub async fn plan(
        session: &Session,
        site: &Site,
        (table, alias): (&Name, Option<&Part>),
        items: &[SelectItem],
        source: &Source,
        meter: &Arc<Meter>,
    ) -> Result<Returning> {
        let alias = alias.or(table.parts.last());
        let query = select(items.to_vec(), vec![relation(table, alias)], None);
        let names = headers::typed(&query);
        let (state, _, mut query) = session.resolved(&query, source, meter).await?;
        // The rows are not the service's but the write's own: the same columns, under a name that nobody can say.
        let own = format!("returning {}", COUNT.fetch_add(1, Ordering::Relaxed));
        let rows = Arc::new(Rows { schema: schema(&site.resource), batches: OnceLock::new() });
        if let SetExpr::Select(select) = query.body.as_mut()
            && let Some(TableFactor::Table { name, .. }) = select.from.first_mut().map(|from| &mut from.relation)
        {
            *name = ObjectName::from(["local", "main", own.as_str()].map(|part| Ident::with_quote('"', part)).to_vec());
        }
        let placed = Placed::new(&state, &own, rows.clone())?;
        let planned = logical(&state, query, source).await;
        drop(placed);
        let plan = planned?;
        Ok(Returning { state, plan, rows, names })
    }

    /// The rows for what was done.
    ///
    /// # Errors
    /// An expression that cannot be computed.
    pub async fn rows(
        self,
        site: &Site,
        done: &[(&Target, &Document)],
        source: &Source,
    ) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let batch = batch(site, &self.rows.schema, done)?;
        self.of(batch, source).await
    }

    /// A clause over rows of a schema of their own, which no resource has; complaints call them `name`.
    ///
    /// # Errors
    /// What is wrong with the clause.
    pub async fn over(
        session: &Session,
        schema: SchemaRef,
        (name, items): (&Part, &[SelectItem]),
        source: &Source,
        meter: &Arc<Meter>,
    ) -> Result<Returning> {
        let own = format!("returning {}", COUNT.fetch_add(1, Ordering::Relaxed));
        let part = |text: &str| Part { text: text.to_string(), span: name.span };
        let table = Name { parts: ["local", "main", own.as_str()].map(part).to_vec() };
        let rows = Arc::new(Rows { schema, batches: OnceLock::new() });
        let placed = Placed::new(&session.state(), &own, rows.clone())?;
        let query = select(items.to_vec(), vec![relation(&table, Some(name))], None);
        let names = headers::typed(&query);
        let (state, _, query) = session.resolved(&query, source, meter).await?;
        let plan = logical(&state, query, source).await?;
        drop(placed);
        Ok(Returning { state, plan, rows, names })
    }

    /// The clause's rows.
    ///
    /// # Errors
    /// An expression that cannot be computed.
    pub async fn of(self, batch: RecordBatch, source: &Source) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        if self.rows.batches.set(vec![batch]).is_err() {
            return Err(Error::new(Kind::Internal, "the rows of RETURNING were given twice"));
        }
        let plan = physical(&self.state, &self.plan, source).await?;
        let schema = headers::renamed(&plan.schema(), &self.names);
        let batches = collect(&self.state, plan, source).await?;
        // A batch says of a column that it cannot be NULL where its plan does not: aggregates and window functions.
        let renamed = batches.into_iter().map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)
        });
        let batches = renamed
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| Error::new(Kind::Internal, "a batch does not fit the result").with_source(e))?;
        Ok((schema, batches))
    }
}

fn batch(site: &Site, schema: &SchemaRef, done: &[(&Target, &Document)]) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|column| {
        let name = column.name();
        match site.resource.field(name).filter(|field| !field.echoes) {
            Some(field) => {
                let values: Vec<Vec<serde_json::Value>> = done
                    .iter()
                    .map(|(_, document)| vec![document.get(&field.wire).cloned().unwrap_or_default()])
                    .collect();
                rows::of_field(field, &values, 0)
            }
            None => {
                let values = done.iter().map(|(target, _)| target.params.get(name).map(String::as_str));
                Ok(Arc::new(arrow::array::StringArray::from_iter(values)) as ArrayRef)
            }
        }
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema.clone(), columns)
        .map_err(|e| Error::new(Kind::Internal, "what was written does not fit its table").with_source(e))
}

/// A table of a name that nobody can say, as long as this lives.
pub struct Placed {
    schema: Arc<dyn SchemaProvider>,
    name: String,
}

impl Placed {
    pub fn new(state: &SessionState, name: &str, table: Arc<dyn TableProvider>) -> Result<Placed> {
        let schema = state.catalog_list().catalog("local").and_then(|catalog| catalog.schema("main"));
        let schema = schema.ok_or_else(|| Error::new(Kind::Internal, "there is no place for rows of a call"))?;
        let unplaced = |e| Error::new(Kind::Internal, "the rows of a call have no place").with_source(e);
        schema.register_table(name.to_string(), table).map_err(unplaced)?;
        Ok(Placed { schema, name: name.to_string() })
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        // It was registered by this name, and by nobody else.
        drop(self.schema.deregister_table(&self.name));
    }
}

/// The rows of a write, once there are any.
struct Rows {
    schema: SchemaRef,
    batches: OnceLock<Vec<RecordBatch>>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows")
    }
}

#[async_trait]
impl TableProvider for Rows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Planning,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let batches = self.batches.get().cloned().unwrap_or_default();
        MemTable::try_new(self.schema.clone(), vec![batches])?.scan(state, projection, filters, limit).await
    }
}
