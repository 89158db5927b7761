//! What a statement returns: rows that stream, things worth saying, and what its calls cost.
//! Knows no statement.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engine::calls::Cost;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::sql::Statement;

/// What a statement returns.
pub struct Outcome {
    pub rows: Rows,
    /// Things worth saying that are no rows: examples, hints.
    pub notices: Vec<String>,
    /// Of a write that was stopped, what became of its rows: its error comes behind the rows of those that are done.
    pub(super) stopped: Vec<String>,
    pub(super) run: Arc<Run>,
}

/// A stream of Arrow batches, all of one schema.
pub struct Rows {
    pub(super) schema: SchemaRef,
    pub(super) stream: BoxStream<'static, Result<RecordBatch>>,
}

impl Outcome {
    pub(super) fn of(
        schema: SchemaRef,
        stream: BoxStream<'static, Result<RecordBatch>>,
        notices: Vec<String>,
        run: Arc<Run>,
    ) -> Self {
        Outcome { rows: Rows { schema, stream }, notices, stopped: Vec::new(), run }
    }

    /// The same, and first which words of the statement's hints mean nothing.
    pub(super) fn noting(mut self, statement: &Statement) -> Self {
        self.notices.splice(0..0, statement.hint_notices());
        self
    }

    /// A line for each call that failed, where the statement went on without it, and one that says what that means. Whole
    /// once the rows have ended; empty for a whole result.
    pub fn warnings(&self) -> Vec<String> {
        self.run.failures.warnings()
    }

    /// What was found worth saying while the rows came: whole once they have ended.
    pub fn later(&self) -> Vec<String> {
        self.run.regions.lines()
    }

    /// Whether the rows are those of a write that was stopped: its error comes behind them.
    pub fn is_stopped(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// What the statement's calls cost so far.
    pub fn cost(&self) -> Cost {
        self.run.meter.read()
    }

    /// To look at the statement's calls while its rows are taken.
    pub fn watch(&self) -> Watch {
        Watch(self.run.clone())
    }
}

/// A statement's calls, while they are under way.
#[derive(Clone)]
pub struct Watch(Arc<Run>);

impl Watch {
    /// What they cost so far.
    pub fn cost(&self) -> Cost {
        self.0.meter.read()
    }

    /// The places that have not answered yet, such as `eu-west-1`, each once, in order.
    pub fn asked(&self) -> Vec<String> {
        self.0.meter.asked()
    }

    /// Why a call is to be sent again, if any is.
    pub fn trouble(&self) -> Option<String> {
        self.0.meter.trouble()
    }
}

impl Rows {
    pub(super) fn rename(&mut self, schema: SchemaRef) {
        self.schema = schema.clone();
        let stream = std::mem::replace(&mut self.stream, futures::stream::empty().boxed());
        let renamed = move |batch: RecordBatch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)
                .map_err(|e| Error::new(Kind::Internal, "a batch does not fit the result").with_source(e))
        };
        self.stream = stream.map(move |batch| batch.and_then(&renamed)).boxed();
    }

    /// Lets every batch, and the error at the end, go through a function.
    pub(super) fn each(&mut self, change: impl Fn(Result<RecordBatch>) -> Result<RecordBatch> + Send + 'static) {
        let stream = std::mem::replace(&mut self.stream, futures::stream::empty().boxed());
        self.stream = stream.map(change).boxed();
    }

    /// The rows, which are then none here.
    pub(super) fn take(&mut self) -> Rows {
        let schema = self.schema.clone();
        self.clear();
        Rows { schema, stream: std::mem::replace(&mut self.stream, futures::stream::empty().boxed()) }
    }

    /// No rows and no columns: what there was went elsewhere.
    pub(super) fn clear(&mut self) {
        self.schema = SchemaRef::new(arrow::datatypes::Schema::empty());
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(context)
    }
}

/// Ends the rows with an error when the statement's time is up; what is in flight is dropped. The rows are made in a task
/// of their own: a join may compute for minutes between two rows, and asks nobody meanwhile.
pub(super) fn within(
    limit: std::time::Duration,
    run: Arc<Run>,
    mut stream: BoxStream<'static, Result<RecordBatch>>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let deadline = Instant::now() + limit;
    let (batches, received) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(batch) = stream.next().await {
            // Who listened is gone, and so is this task at its next turn.
            if batches.send(batch).await.is_err() {
                break;
            }
        }
    });
    futures::stream::unfold(Some((received, tasks, run)), move |state| async move {
        let (mut received, mut tasks, run) = state?;
        // What is always there is asked first, and never waits for the time to be up.
        let next = match Instant::now() < deadline {
            true => tokio::time::timeout_at(deadline, received.recv()).await.ok(),
            false => None,
        };
        match next {
            Some(Some(item)) => Some((item, Some((received, tasks, run)))),
            Some(None) => match tasks.join_next().await? {
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                _ => None,
            },
            None => {
                let error = Error::new(Kind::Timeout, format!("the statement took longer than its {limit:?}"))
                    .with_hint("give it more time with `--timeout`, or `SET iql.timeout = …`");
                let asked = run.meter.asked();
                let error = match asked.is_empty() {
                    true => error,
                    false => {
                        error.with_context(format!("{} had not answered: its calls were given up", listed(&asked)))
                    }
                };
                let error = run.meter.causes().into_iter().fold(error, Error::with_context);
                Some((Err(error), None))
            }
        }
    })
    .boxed()
}

/// The first few of them, and how many more.
fn listed(places: &[String]) -> String {
    const TOLD: usize = 5;
    let told = places[..places.len().min(TOLD)].join(", ");
    match places.len().saturating_sub(TOLD) {
        0 => told,
        rest => format!("{told} and {rest} more"),
    }
}
