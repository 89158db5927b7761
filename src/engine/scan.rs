//! One resource's rows as a physical plan: sends its route's requests and turns pages into batches as they come.
//! Nothing is sent before the first batch is asked for, and nothing after the stream is dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::Result as PlanResult;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::{RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use crate::catalog::model::Resource;
use crate::drivers::{Driver, Request};
use crate::engine::bind_join::Lookup;
use crate::engine::pages::Pager;
use crate::engine::pushdown::Values;
use crate::engine::route::Route;
use crate::engine::rows;
use crate::engine::run::{Run, Used, raise};
use crate::engine::shared::{Reader, SharedPages};
use crate::error::{Error, Kind, Result};

/// How many pages may wait for their reader, for each request in flight and in all.
const PAGES_AHEAD: usize = 16;

/// When pages are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// All requests side by side, pages ahead of their reader.
    Ahead,
    /// One page at a time, when a row of it is wanted: something above may stop early.
    OnDemand,
}

/// What a statement and its session say of a scan's columns and params before any row is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    pub values: Values,
    /// The session's values of params.
    pub defaults: BTreeMap<String, Vec<String>>,
    /// The wire names of the fields that are wanted.
    pub fields: Vec<String>,
    /// Params that are read as columns, need not be bound for the calls, and are bound by nothing.
    pub unbound: Vec<String>,
    /// What to say of the defaults that are used.
    pub notices: Vec<String>,
    /// Where the statement names the table.
    pub used: Option<Used>,
}

#[derive(Debug, Clone)]
pub struct ScanExec {
    pub resource: Arc<Resource>,
    pub driver: Arc<dyn Driver>,
    pub run: Arc<Run>,
    pub route: Route,
    pub known: Arc<Known>,
    /// Where a join supplies what is not known: the requests are then made of its keys.
    pub lookup: Option<Arc<Lookup>>,
    pub pace: Pace,
    /// For each of the route's requests the pages that it shares with other scans, if it does.
    pub shared: Vec<Option<Arc<SharedPages>>>,
    fetch: Option<usize>,
    /// Whether it was executed: a second time would make its calls a second time, unless they are shared.
    executed: Arc<AtomicBool>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScanExec {
    pub fn new(
        resource: Arc<Resource>,
        driver: Arc<dyn Driver>,
        run: Arc<Run>,
        schema: SchemaRef,
        route: Route,
        known: Known,
        fetch: Option<usize>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        ScanExec {
            shared: vec![None; route.requests.len()],
            resource,
            driver,
            run,
            route,
            known: Arc::new(known),
            lookup: None,
            pace: Pace::Ahead,
            fetch,
            executed: Arc::default(),
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    pub fn paced(&self, pace: Pace) -> Self {
        ScanExec { pace, ..self.clone() }
    }

    /// The same rows, or more, by other requests.
    pub fn routed(&self, route: Route) -> Self {
        ScanExec { shared: vec![None; route.requests.len()], route, ..self.clone() }
    }

    /// The same scan, whose requests a join's keys make.
    pub fn looked_up(&self, route: Route, lookup: Arc<Lookup>) -> Self {
        ScanExec { lookup: Some(lookup), ..self.routed(route) }
    }

    /// The scan of just these pages. May be executed besides all others that were made so.
    pub fn of_pages(&self, pages: Vec<Arc<SharedPages>>) -> Self {
        let requests = pages.iter().map(|pages| pages.request.clone()).collect();
        ScanExec {
            route: Route { requests, ..self.route.clone() },
            shared: pages.into_iter().map(Some).collect(),
            executed: Arc::default(),
            ..self.clone()
        }
    }

    /// Reads one request of this table's.
    pub fn pager(&self, request: Request) -> Pager {
        Pager::new(self.driver.clone(), self.run.clone(), request).of_table(self.resource.full_name())
    }

    /// The rows of one page as a batch. `fields` are the wire names that the rows' values stand for.
    fn batch(&self, rows: &[Vec<Value>], request: &Request, fields: &[String]) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().map(|column| {
            let name = column.name();
            match self.resource.field(name).filter(|field| !field.echoes) {
                Some(field) => {
                    let index = fields.iter().position(|wire| *wire == field.wire);
                    rows::of_field(field, rows, index.unwrap_or(usize::MAX))
                }
                None => Ok(rows::repeated(request.params.get(name).map(String::as_str), rows.len())),
            }
        });
        let columns = columns
            .collect::<Result<Vec<ArrayRef>>>()
            .map_err(|error| error.with_context(self.driver.describe(request)))?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| Error::new(Kind::Internal, "a page does not fit its table").with_source(e))
    }

    fn chain(&self, index: usize, context: &Arc<TaskContext>, pages: Count) -> Chain {
        let source = match &self.shared[index] {
            Some(shared) => Source::Shared(shared.reader(context.clone())),
            None => {
                let pager = self.pager(self.route.requests[index].clone());
                let is_whole = self.pace == Pace::Ahead && self.fetch.is_none();
                Source::Own(Box::new(if is_whole { pager.ahead() } else { pager }))
            }
        };
        Chain { scan: self.clone(), index, source, pages }
    }

    /// All requests at once; batches come as they arrive.
    fn ahead(&self, context: &Arc<TaskContext>, pages: Count) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(
            self.schema.clone(),
            PAGES_AHEAD.max(self.route.requests.len() * 2).min(128),
        );
        for index in 0..self.route.requests.len() {
            let mut chain = self.chain(index, context, pages.clone());
            let sender = builder.tx();
            builder.spawn(async move {
                while let Some(batch) = chain.next(None).await.map_err(raise)? {
                    if sender.send(Ok(batch)).await.is_err() {
                        break;
                    }
                }
                Ok(())
            });
        }
        builder.build()
    }

    /// One request after the other, a page at a time.
    fn on_demand(&self, context: &Arc<TaskContext>, pages: Count) -> SendableRecordBatchStream {
        struct State {
            waiting: std::vec::IntoIter<usize>,
            chain: Option<Chain>,
            left: Option<usize>,
        }
        let (scan, context) = (self.clone(), context.clone());
        let waiting = (0..self.route.requests.len()).collect::<Vec<_>>().into_iter();
        let start = State { waiting, chain: None, left: self.fetch };
        let stream = futures::stream::try_unfold(start, move |mut state| {
            let (scan, context, pages) = (scan.clone(), context.clone(), pages.clone());
            async move {
                while state.left != Some(0) {
                    let mut chain = match state
                        .chain
                        .take()
                        .or_else(|| state.waiting.next().map(|index| scan.chain(index, &context, pages.clone())))
                    {
                        Some(chain) => chain,
                        None => return Ok(None),
                    };
                    let left = state.left;
                    // In a task of its own, so that a call that was begun ends although nobody looks.
                    let task = SpawnedTask::spawn(async move {
                        let batch = chain.next(left).await;
                        (chain, batch)
                    });
                    let (chain, batch) = task
                        .join()
                        .await
                        .map_err(|e| raise(Error::new(Kind::Internal, "a call was given up").with_source(e)))?;
                    if let Some(batch) = batch.map_err(raise)? {
                        let rows = batch.num_rows().min(left.unwrap_or(usize::MAX));
                        state.left = left.map(|left| left - rows);
                        state.chain = Some(chain);
                        return Ok(Some((batch.slice(0, rows), state)));
                    }
                }
                Ok(None)
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream))
    }
}

/// One request's pages as batches.
struct Chain {
    scan: ScanExec,
    index: usize,
    source: Source,
    pages: Count,
}

enum Source {
    Own(Box<Pager>),
    Shared(Reader),
}

impl Chain {
    async fn next(&mut self, most: Option<usize>) -> Result<Option<RecordBatch>> {
        let request = &self.scan.route.requests[self.index];
        let batch = match &mut self.source {
            Source::Own(pager) => match pager.next(most).await? {
                None => return Ok(None),
                Some(rows) => self.scan.batch(&rows, request, &request.fields)?,
            },
            Source::Shared(reader) => match reader.next().await? {
                None => return Ok(None),
                Some(rows) => {
                    let shared = self.scan.shared[self.index].as_ref();
                    self.scan.batch(&rows, request, shared.map_or(&request.fields, |shared| &shared.request.fields))?
                }
            },
        };
        self.pages.add(1);
        Ok(Some(batch))
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ScanExec: {} by {}, requests={}",
            self.resource.full_name(),
            self.route.method,
            self.route.requests.len()
        )?;
        if let Some(lookup) = &self.lookup {
            write!(f, ", for each {}", lookup.columns().join(", "))?;
        }
        if let Some(fetch) = self.fetch {
            write!(f, ", limit={fetch}")?;
        }
        if self.shared.iter().any(Option::is_some) {
            f.write_str(", shared")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> PlanResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> PlanResult<TreeNodeRecursion>,
    ) -> PlanResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(ScanExec { fetch: limit, ..self.clone() }))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> PlanResult<SendableRecordBatchStream> {
        if self.executed.swap(true, Ordering::Relaxed) && self.shared.iter().any(Option::is_none) {
            return Err(raise(
                Error::new(Kind::Internal, "a scan was to be executed twice")
                    .with_context(format!("{} would have made its calls again", self.resource.full_name())),
            ));
        }
        self.run.regions.begin(&self.driver, &self.route.requests);
        let pages = MetricBuilder::new(&self.metrics).counter("pages", partition);
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let scan = self.clone();
        let stream = async move {
            match scan.pace {
                Pace::Ahead if scan.fetch.is_none() => scan.ahead(&context, pages),
                _ => scan.on_demand(&context, pages),
            }
        };
        let stream = futures::stream::once(stream).flatten().inspect_ok(move |batch| {
            baseline.record_output(batch.num_rows());
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream)))
    }
}
