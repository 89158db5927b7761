//! The feed of a bind join, cut into rounds: grown ones where everything is read, small ones where something above may
//! stop early. Where everything is read, calls begin as soon as their keys are known, while earlier rounds are joined.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::common::Result as PlanResult;
use datafusion::common::runtime::{JoinSet, SpawnedTask};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::engine::run::raise;
use crate::engine::scan::Pace;

use super::{BindJoinExec, Binding};

/// How many of the feed's batches may wait for their round.
const BATCHES_AHEAD: usize = 16;
/// Where a round that is not to stop early begins, in rows; each is twice the one before, so that the detail side is
/// read a few times and not once for each batch.
const FIRST_ROUND: usize = 1024;

/// The feed's rows, a round at a time.
pub struct Feed {
    source: Source,
    /// How many rows the next round is to have, about; `None` for all.
    size: Option<usize>,
}

enum Source {
    /// Read by a task of its own, which lives as long as this.
    Ahead { batches: mpsc::Receiver<PlanResult<RecordBatch>>, _task: SpawnedTask<()> },
    /// Read when a round wants it, and cut to its size.
    OnDemand { stream: SendableRecordBatchStream, left: Option<RecordBatch> },
}

impl Feed {
    pub fn new(join: &BindJoinExec, stream: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Self {
        let whole = join.needs_whole_feed();
        match join.pace {
            Pace::OnDemand if !whole => {
                // A call takes its keys together: fewer of them at a time would be more calls.
                let together = join.bindings.iter().map(|binding| binding.lookup.keys_a_call()).max();
                let size = join.wanted.unwrap_or(1).max(together.unwrap_or(1));
                Feed { source: Source::OnDemand { stream, left: None }, size: Some(size) }
            }
            _ => {
                let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
                let task = SpawnedTask::spawn(read(join.bindings.clone(), stream, sender, context.clone()));
                Feed { source: Source::Ahead { batches, _task: task }, size: (!whole).then_some(FIRST_ROUND) }
            }
        }
    }

    /// The next round's rows.
    pub async fn next(&mut self) -> PlanResult<Option<RecordBatch>> {
        let size = self.size;
        let round = match &mut self.source {
            Source::Ahead { batches, .. } => gather(batches, size).await?,
            Source::OnDemand { stream, left } => cut(stream, left, size.unwrap_or(usize::MAX)).await?,
        };
        self.size = size.map(|size| size.saturating_mul(2));
        Ok(round)
    }
}

/// Whatever is there by now, up to a round's size: a round never waits for more than its first batch, unless it is to
/// have all.
async fn gather(
    batches: &mut mpsc::Receiver<PlanResult<RecordBatch>>,
    size: Option<usize>,
) -> PlanResult<Option<RecordBatch>> {
    let Some(first) = batches.recv().await.transpose()? else { return Ok(None) };
    let (schema, mut rows, mut gathered) = (first.schema(), first.num_rows(), VecDeque::from([first]));
    while size.is_none_or(|size| rows < size) {
        let next = match size {
            None => batches.recv().await,
            Some(_) => batches.try_recv().ok(),
        };
        let Some(batch) = next.transpose()? else { break };
        rows += batch.num_rows();
        gathered.push_back(batch);
    }
    Ok(Some(concat_batches(&schema, &gathered)?))
}

async fn cut(
    stream: &mut SendableRecordBatchStream,
    left: &mut Option<RecordBatch>,
    size: usize,
) -> PlanResult<Option<RecordBatch>> {
    let batch = loop {
        match left.take() {
            Some(batch) => break batch,
            None => match stream.next().await.transpose()? {
                None => return Ok(None),
                Some(batch) if batch.num_rows() > 0 => break batch,
                Some(_) => {}
            },
        }
    };
    let rows = batch.num_rows();
    if rows > size {
        *left = Some(batch.slice(size, rows - size));
    }
    Ok(Some(batch.slice(0, size.min(rows))))
}

/// Reads the feed and begins the calls that its keys need.
async fn read(
    bindings: Vec<Binding>,
    mut stream: SendableRecordBatchStream,
    sender: mpsc::Sender<PlanResult<RecordBatch>>,
    context: Arc<TaskContext>,
) {
    let mut calls = JoinSet::new();
    while let Some(batch) = stream.next().await {
        let batch = match batch {
            Ok(batch) => begin(&bindings, &batch, &context, &mut calls).await.map(|()| batch),
            Err(error) => Err(error),
        };
        let failed = batch.is_err();
        if sender.send(batch).await.is_err() || failed {
            return;
        }
    }
    drop(sender);
    while calls.join_next().await.is_some() {}
}

async fn begin(
    bindings: &[Binding],
    batch: &RecordBatch,
    context: &Arc<TaskContext>,
    calls: &mut JoinSet<()>,
) -> PlanResult<()> {
    for binding in bindings {
        let asked = binding.lookup.ask(&binding.tuples(batch)?, Pace::Ahead, context).await.map_err(raise)?;
        for pages in asked.new {
            let context = context.clone();
            // Whoever reads the pages is told of what went wrong.
            calls.spawn(async move {
                let mut page = 0;
                while let Ok(true) = pages.fetch(page, &context).await {
                    page += 1;
                }
            });
        }
    }
    Ok(())
}
