//! Joins that feed params: one side's rows (the feed) say what the other side's calls are asked for.
//!
//! The feed is read in rounds. Each round's key tuples become calls, each tuple once in a statement however often it
//! comes up, and an ordinary hash join of the round's rows with the answers gives the output. So a row is what it would
//! be over the whole of the other table: the calls only have to give at least the rows that a round's keys can match,
//! each once, and the join decides.
//!
//! A tuple is a place (the params, and whatever else a call is about), and where the resource has a key and the join
//! supplies it, that key. Keys of one place share calls as far as the call takes several. A place is listed instead
//! when that costs less: surely, because its list is one call and its keys are more; or in all likelihood, because the
//! keys take more than `MANY` times as many calls as a list of just these rows would. Such a list is read for half as
//! many pages as the keys cost, and given up for the keys when it is longer (`lookup`). NULL, an ARN of another region,
//! or what is no region at all match nothing, and nothing is asked for them; nor for a row of the feed that a condition of
//! the join, or a filter of the other side on a key's column, keeps from matching (`possible`).
//!
//! Where something above may stop early, a round is as small as can be and nothing is asked ahead of it; elsewhere calls
//! begin as soon as the feed names their keys.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, JoinType, Result as PlanResult};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, reset_plan_states};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::TryStreamExt;

use crate::engine::run::raise;
use crate::engine::scan::{Pace, ScanExec};

use self::feed::Feed;
use self::keys::{Distinct, Tuple, tuples};

pub use self::lookup::{Lookup, bare};
pub use self::rule::BindJoins;

mod feed;
mod keys;
mod lookup;
mod possible;
mod rule;
mod trace;

type Plan = Arc<dyn ExecutionPlan>;

/// Which of the join's keys give what a look-up asks by.
#[derive(Debug, Clone)]
pub struct Binding {
    pub lookup: Arc<Lookup>,
    /// For each of the look-up's columns the expression over the feed's rows.
    pub keys: Vec<Arc<dyn PhysicalExpr>>,
    /// Over the feed's rows: one for which they do not hold has no row there.
    pub conditions: Vec<Arc<dyn PhysicalExpr>>,
}

impl Binding {
    /// What to ask for.
    fn tuples(&self, rows: &RecordBatch) -> PlanResult<Vec<Tuple>> {
        match self.conditions.is_empty() {
            true => tuples(&self.keys, rows),
            false => tuples(&self.keys, &possible::rows(&self.conditions, rows)?),
        }
    }
}

/// A hash join whose left side feeds the look-ups of its right side.
#[derive(Debug, Clone)]
pub struct BindJoinExec {
    feed: Plan,
    detail: Plan,
    /// What to do with each round: its children are only examples.
    join: Arc<HashJoinExec>,
    pub bindings: Vec<Binding>,
    pace: Pace,
    /// How many rows whatever is above may be content with.
    wanted: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl BindJoinExec {
    pub fn new(feed: Plan, detail: Plan, join: Arc<HashJoinExec>, bindings: Vec<Binding>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(join.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        BindJoinExec {
            feed,
            detail,
            join,
            bindings,
            pace: Pace::Ahead,
            wanted: None,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    pub fn paced(&self, feed: Plan, detail: Plan, pace: Pace, wanted: Option<usize>) -> Self {
        BindJoinExec { feed, detail, pace, wanted, ..self.clone() }
    }

    pub fn feed(&self) -> &Plan {
        &self.feed
    }

    pub fn detail(&self) -> &Plan {
        &self.detail
    }

    pub fn lookups(&self) -> Vec<Arc<Lookup>> {
        self.bindings.iter().map(|binding| binding.lookup.clone()).collect()
    }

    pub fn join_type(&self) -> JoinType {
        *self.join.join_type()
    }

    /// Which of the join's own columns an output column is.
    fn output(&self, output: usize) -> Option<usize> {
        trace::projected(self.join.projection.as_deref(), output)
    }

    /// Which of the feed's rows a round may leave out, because an earlier one had their like.
    fn distinct(&self) -> Option<Distinct> {
        // A detail row answers to one tuple of keys. It is given out in the round that brings this tuple first.
        let keys = || self.join.on().iter().map(|(feed, _)| feed.clone()).collect();
        let gives_details = *self.join.join_type() == JoinType::RightSemi;
        (gives_details && self.join.filter().is_none()).then(|| Distinct::new(keys()))
    }

    /// Whether all of the feed has to be there before the first row goes out.
    fn needs_whole_feed(&self) -> bool {
        *self.join.join_type() == JoinType::RightSemi && self.join.filter().is_some()
    }

    /// Joins a round's rows with what their keys bring.
    async fn round(&self, rows: RecordBatch, context: Arc<TaskContext>) -> PlanResult<SendableRecordBatchStream> {
        let mut scans = Vec::new();
        for binding in &self.bindings {
            let asked = binding.lookup.ask(&binding.tuples(&rows)?, self.pace, &context).await.map_err(raise)?;
            scans.push((&binding.lookup, asked.pages));
        }
        let detail = reset_plan_states(self.detail.clone())?.transform_up(|node| {
            let Some(scan) = node.downcast_ref::<ScanExec>() else { return Ok(Transformed::no(node)) };
            let own = scans.iter().find(|(lookup, _)| scan.lookup.as_ref().is_some_and(|of| Arc::ptr_eq(of, lookup)));
            Ok(match own {
                Some((_, pages)) => Transformed::yes(Arc::new(scan.of_pages(pages.clone())) as Plan),
                None => Transformed::no(node),
            })
        })?;
        let schema = rows.schema();
        let rows = MemorySourceConfig::try_new_exec(&[vec![rows]], schema, None)?;
        let join = self.join.builder().reset_state().with_new_children(vec![rows, detail.data])?;
        let join = join.with_partition_mode(PartitionMode::CollectLeft).with_fetch(None).recompute_properties();
        join.build_exec()?.execute(0, context)
    }

    fn stream(&self, feed: SendableRecordBatchStream, context: Arc<TaskContext>, rounds: Count) -> Rounds {
        let context = match (self.pace, self.wanted) {
            // A join gathers a batch before it gives it out, and reads on for that.
            (Pace::OnDemand, Some(wanted)) => with_batches(&context, wanted),
            _ => context,
        };
        let feed = Feed::new(self, feed, &context);
        Rounds { join: self.clone(), feed, distinct: self.distinct(), context, rounds }
    }
}

/// What is left of the feed.
struct Rounds {
    join: BindJoinExec,
    feed: Feed,
    distinct: Option<Distinct>,
    context: Arc<TaskContext>,
    rounds: Count,
}

impl Rounds {
    async fn next(&mut self) -> PlanResult<Option<SendableRecordBatchStream>> {
        while let Some(rows) = self.feed.next().await? {
            let rows = match &mut self.distinct {
                Some(distinct) => distinct.new_rows(rows)?,
                None => rows,
            };
            if rows.num_rows() > 0 {
                self.rounds.add(1);
                return self.join.round(rows, self.context.clone()).await.map(Some);
            }
        }
        Ok(None)
    }
}

impl DisplayAs for BindJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BindJoinExec: {}", self.join.join_type())?;
        for Binding { lookup, keys, .. } in &self.bindings {
            let columns = lookup.columns();
            let pairs = columns.iter().zip(keys).map(|(column, key)| format!("{column} <- {key}"));
            write!(f, ", {}: [{}]", lookup.resource.full_name(), pairs.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

impl ExecutionPlan for BindJoinExec {
    fn name(&self) -> &str {
        "BindJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Plan> {
        vec![&self.feed, &self.detail]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Plan>) -> PlanResult<Plan> {
        let (detail, feed) = (children.pop(), children.pop());
        let (feed, detail) = (feed.unwrap_or(self.feed.clone()), detail.unwrap_or(self.detail.clone()));
        Ok(Arc::new(BindJoinExec { feed, detail, ..self.as_ref().clone() }))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> PlanResult<TreeNodeRecursion>,
    ) -> PlanResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> PlanResult<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let rounds = MetricBuilder::new(&self.metrics).counter("rounds", partition);
        let feed = self.feed.execute(0, context.clone())?;
        let join = self.clone();
        // Nothing is asked for before a row is wanted.
        let stream = futures::stream::once(async move { Ok::<_, DataFusionError>(join.stream(feed, context, rounds)) });
        let stream = stream.map_ok(|rounds| {
            futures::stream::try_unfold(rounds, |mut rounds| async move {
                Ok::<_, DataFusionError>(rounds.next().await?.map(|stream| (stream, rounds)))
            })
        });
        let stream = stream.try_flatten().try_flatten();
        let stream = stream.inspect_ok(move |batch: &RecordBatch| {
            baseline.record_output(batch.num_rows());
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.join.schema(), stream)))
    }
}

/// The same context, with batches of no more than so many rows.
fn with_batches(context: &Arc<TaskContext>, rows: usize) -> Arc<TaskContext> {
    let config = context.session_config();
    let config = config.clone().with_batch_size(rows.clamp(1, config.batch_size()));
    Arc::new(TaskContext::new(
        context.task_id(),
        context.session_id(),
        config,
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        context.runtime_env(),
    ))
}

/// Every bind join of a plan, in the plan's order, each of its look-ups once.
pub fn bind_joins(plan: &Plan) -> Vec<BindJoinExec> {
    let mut found = Vec::new();
    let walked = plan.apply(|node| {
        found.extend(node.downcast_ref::<BindJoinExec>().cloned());
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself cannot fail");
    let mut seen = HashSet::new();
    for join in &mut found {
        join.bindings.retain(|binding| seen.insert(Arc::as_ptr(&binding.lookup)));
    }
    found
}
