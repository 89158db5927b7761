//! Calls that failed where the user asked for partial results: each is kept, told of, and a row of `iql.failures`.
//! Knows neither plans nor SQL; whether a failure is kept or ends the statement is asked here and nowhere else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{MemTable, Session as Planning, TableProvider};
use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::drivers::{Driver, Request};
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};

/// Whether a statement goes on without the rows of a call that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tolerance {
    #[default]
    Strict,
    Partial,
}

/// The failures of one statement.
#[derive(Debug, Default)]
pub struct Failures {
    pub tolerance: Tolerance,
    /// The statement's text.
    pub statement: String,
    /// Whether what was read is counted or summed.
    aggregates: AtomicBool,
    /// Whether it keeps rows because there are no others for them.
    stays_without: AtomicBool,
    found: Mutex<Vec<Failure>>,
}

#[derive(Debug, Clone)]
pub struct Failure {
    pub table: String,
    pub region: Option<String>,
    pub profile: Option<String>,
    /// As `EXPLAIN` names it.
    pub call: String,
    pub error: Error,
    pub at: DateTime<Utc>,
}

impl Failures {
    pub fn new(tolerance: Tolerance, statement: &str) -> Arc<Self> {
        Arc::new(Failures { tolerance, statement: statement.to_string(), ..Failures::default() })
    }

    /// Whether the statement goes on without calls that failed.
    pub fn tolerates(&self) -> bool {
        self.tolerance == Tolerance::Partial
    }

    /// Keeps a call's failure, if the statement goes on without it.
    ///
    /// # Errors
    /// The failure itself: the statement is strict, or it is no call that failed, but a limit or the statement itself.
    pub fn keep(&self, error: Error, table: &str, driver: &dyn Driver, request: &Request) -> Result<()> {
        let is_of_the_call = !matches!(
            error.kind,
            Kind::Limit | Kind::Timeout | Kind::Interrupted | Kind::Internal | Kind::Io | Kind::Closed
        );
        if self.tolerance == Tolerance::Strict || !is_of_the_call {
            return Err(error);
        }
        let param = |name: &str| request.params.get(name).cloned();
        let call = driver.describe(&Request { marker: None, ..request.clone() });
        self.found().push(Failure {
            table: table.to_string(),
            region: param("region"),
            profile: param("profile"),
            call,
            error,
            at: Utc::now(),
        });
        Ok(())
    }

    /// Says that what is read is counted or summed.
    pub fn aggregates(&self) {
        self.aggregates.store(true, Ordering::Relaxed);
    }

    /// Says that rows which find no other stay, as those of NOT EXISTS and of outer joins do.
    pub fn stays_without(&self) {
        self.stays_without.store(true, Ordering::Relaxed);
    }

    /// A line for each failure, and one that says what that means.
    pub fn warnings(&self) -> Vec<String> {
        let found = self.found();
        let mut lines: Vec<String> = found.iter().map(|failure| format!("warning: {}", failure.line())).collect();
        if !found.is_empty() {
            let counted = match self.aggregates.load(Ordering::Relaxed) {
                true => ", and what is counted or summed lacks them",
                false => "",
            };
            let others = match self.stays_without.load(Ordering::Relaxed) {
                true => {
                    ", and rows that NOT EXISTS, NOT IN, EXCEPT or an outer join finds no other for may have one among them"
                }
                false => "",
            };
            let calls = if found.len() == 1 { "1 call".to_string() } else { format!("{} calls", found.len()) };
            lines.push(format!(
                "partial result: the rows of {calls} are missing{counted}{others}; `iql.failures` lists them"
            ));
        }
        lines
    }

    /// The error of a statement all of whose calls failed.
    fn all_failed(&self) -> Option<Error> {
        let found = self.found();
        let first = found.first()?;
        let error = match found.len() {
            1 => first.error.clone(),
            count => first.error.clone().with_context(format!("none of {count} calls succeeded")),
        };
        Some(found.iter().skip(1).fold(error, |error, failure| error.with_context(failure.line())))
    }

    pub fn is_empty(&self) -> bool {
        self.found().is_empty()
    }

    fn found(&self) -> MutexGuard<'_, Vec<Failure>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self) -> PlanResult<RecordBatch> {
        let found = self.found();
        let text = |value: fn(&Failure) -> Option<String>| -> ArrayRef {
            Arc::new(found.iter().map(value).collect::<StringArray>())
        };
        let statements = StringArray::from_iter_values(found.iter().map(|_| self.statement.as_str()));
        let times = found.iter().map(|failure| failure.at.timestamp_millis());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(statements),
            text(|failure| Some(failure.table.clone())),
            text(|failure| failure.region.clone()),
            text(|failure| failure.profile.clone()),
            text(|failure| Some(failure.call.clone())),
            text(|failure| Some(failure.code())),
            text(|failure| Some(failure.error.message.clone())),
            text(|failure| failure.error.request_id().map(String::from)),
            Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC")),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}

impl Failure {
    /// What the service calls the reason, else what sort of failure it is.
    fn code(&self) -> String {
        self.error.code().map_or_else(|| format!("{:?}", self.error.kind), String::from)
    }

    /// `awscc.redshift.integrations in eu-west-1: AWS does not allow … (AccessDenied, request id …)`
    fn line(&self) -> String {
        let region = self.region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
        let profile = self.profile.as_ref().map(|profile| format!(" with profile {profile}")).unwrap_or_default();
        let id = self.error.request_id().map(|id| format!(", request id {id}")).unwrap_or_default();
        let (table, message, code) = (&self.table, &self.error.message, self.code());
        format!("{table}{region}{profile}: {message} ({code}{id})")
    }
}

/// The rows of a statement that goes on after failures. Where every call failed nothing was read at all, and that is an
/// error: what an aggregate makes of no rows is held back until a page has come.
pub fn guarded(
    stream: BoxStream<'static, Result<RecordBatch>>,
    run: Arc<Run>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let held: Vec<Result<RecordBatch>> = Vec::new();
    let batches = futures::stream::unfold((Some(stream), held, run), |(stream, mut held, run)| async move {
        let mut stream = stream?;
        loop {
            let next = stream.next().await;
            let nothing_read = run.meter.read().pages == 0 && !run.failures.is_empty();
            match next {
                Some(Err(error)) => return Some((vec![Err(error)], (None, Vec::new(), run))),
                Some(item) if nothing_read => held.push(item),
                Some(item) => {
                    held.push(item);
                    return Some((std::mem::take(&mut held), (Some(stream), held, run)));
                }
                None => {
                    let failed = if nothing_read { run.failures.all_failed() } else { None };
                    let last = failed.map_or(held, |error| vec![Err(error)]);
                    return Some((last, (None, Vec::new(), run)));
                }
            }
        }
    });
    batches.flat_map(futures::stream::iter).boxed()
}

fn schema() -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("statement", false),
        text("table", false),
        text("region", true),
        text("profile", true),
        text("call", false),
        text("code", false),
        text("message", false),
        text("request_id", true),
        Field::new("at", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), false),
    ]))
}

/// `iql.failures`: the failures of the session's last statement that called a service.
#[derive(Debug, Default)]
pub struct FailuresTable {
    last: Mutex<Arc<Failures>>,
}

impl FailuresTable {
    pub fn set(&self, failures: Arc<Failures>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = failures;
    }
}

#[async_trait]
impl TableProvider for FailuresTable {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// What is known when the statement is planned: its own failures come after that.
    async fn scan(
        &self,
        session: &dyn Planning,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let table = MemTable::try_new(schema(), vec![vec![last.batch()?]])?;
        table.scan(session, projection, filters, limit).await
    }
}
