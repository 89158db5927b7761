//! What is done to a physical plan last: let joins bind what nothing else does, complain of params that nothing binds,
//! fetch no further ahead than the plan can use, and let scans that ask for the same call share its pages. Changes no
//! rows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result as PlanResult};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

use crate::drivers::{self, Request};
use crate::engine::bind_join::{BindJoinExec, BindJoins, Lookup, bare, bind_joins};
use crate::engine::in_turn::InTurnExec;
use crate::engine::mends::Yielding;
use crate::engine::run::raise;
use crate::engine::scan::{Pace, ScanExec};
use crate::engine::shared::{Readers, SharedPages};
use crate::error::{Error, Kind};

type Plan = Arc<dyn ExecutionPlan>;

/// The rules in their order, after DataFusion's own.
pub fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    vec![Arc::new(BindJoins), Arc::new(MissingParams), Arc::new(Pacing), Arc::new(Sharing), Arc::new(Yielding)]
}

/// Every scan of a plan, in the plan's order.
pub fn scans(plan: &Plan) -> Vec<ScanExec> {
    let mut found = Vec::new();
    let walked = plan.apply(|node| {
        found.extend(node.downcast_ref::<ScanExec>().cloned());
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself cannot fail");
    found
}

/// Whether a plan counts or sums.
pub fn has_aggregate(plan: &Plan) -> bool {
    plan.is::<AggregateExec>() || plan.children().into_iter().any(has_aggregate)
}

/// Whether a plan keeps rows because there are no others for them.
pub fn keeps_unmatched(plan: &Plan) -> bool {
    let kind = plan.downcast_ref::<HashJoinExec>().map(HashJoinExec::join_type);
    let kind = kind.or_else(|| plan.downcast_ref::<NestedLoopJoinExec>().map(NestedLoopJoinExec::join_type)).copied();
    let kind = kind.or_else(|| plan.downcast_ref::<BindJoinExec>().map(BindJoinExec::join_type));
    let keeps = kind.is_some_and(|kind| !matches!(kind, JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi));
    keeps || plan.children().into_iter().any(keeps_unmatched)
}

/// Refuses a plan in which a required param is still unbound.
#[derive(Debug)]
struct MissingParams;

impl PhysicalOptimizerRule for MissingParams {
    fn optimize(&self, plan: Plan, _: &ConfigOptions) -> PlanResult<Plan> {
        for scan in scans(&plan).iter().filter(|scan| scan.lookup.is_none()) {
            if let Some(param) = scan.known.unbound.first() {
                return Err(raise(unbound(scan, param)));
            }
            if !scan.route.missing.is_empty() {
                let (used, route) = (scan.known.used.as_ref(), &scan.route);
                return Err(raise(scan.run.missing(&scan.resource, used, &route.missing, &route.conditions)));
            }
            scan.known.notices.iter().for_each(|notice| scan.run.note(notice.clone()));
        }
        Ok(plan)
    }

    fn name(&self) -> &str {
        "missing_params"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn unbound(scan: &ScanExec, param: &str) -> Error {
    let (run, used) = (&scan.run, scan.known.used.as_ref());
    let table = run.called(&scan.resource, used);
    let error = Error::new(Kind::Param, format!("`{param}` of {table} is a param, and nothing binds it"))
        .with_hint(format!("bind it: `WHERE {param} = '…'` or `{param} IN ('…', '…')`"));
    run.placed(error, &scan.resource, used)
}

/// Scans below something that may stop early fetch a page at a time.
#[derive(Debug)]
struct Pacing;

impl PhysicalOptimizerRule for Pacing {
    fn optimize(&self, plan: Plan, _: &ConfigOptions) -> PlanResult<Plan> {
        pace(plan, Pace::Ahead, None)
    }

    fn name(&self) -> &str {
        "pacing"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `wanted` is how many rows are enough for what may stop early above, if it says so.
fn pace(plan: Plan, from_above: Pace, wanted: Option<usize>) -> PlanResult<Plan> {
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        return Ok(Arc::new(scan.paced(from_above)));
    }
    // A sort or an aggregate reads all of its input before it gives a row, and so does a hash join of its left side.
    let reads_all = plan.is::<SortExec>() || plan.is::<AggregateExec>();
    let may_stop = plan.is::<GlobalLimitExec>() || plan.is::<LocalLimitExec>() || plan.fetch().is_some();
    let (below, wanted) = match (reads_all, may_stop) {
        (true, _) => (Pace::Ahead, None),
        (false, true) => (Pace::OnDemand, most(&plan)),
        (false, false) => (from_above, wanted),
    };
    if let Some(join) = plan.downcast_ref::<BindJoinExec>() {
        let (feed, detail) = (join.feed().clone(), join.detail().clone());
        let (feed, detail) = (pace(feed, below, wanted)?, pace(detail, below, wanted)?);
        return Ok(Arc::new(join.paced(feed, detail, below, wanted)));
    }
    if let Some(all) = plan.downcast_ref::<CoalescePartitionsExec>().filter(|_| below == Pace::OnDemand) {
        let in_turn = Arc::new(InTurnExec::new(pace(all.input().clone(), below, wanted)?));
        return Ok(match all.fetch() {
            Some(fetch) => Arc::new(GlobalLimitExec::new(in_turn, 0, Some(fetch))),
            None => in_turn,
        });
    }
    let builds_left = plan.is::<HashJoinExec>();
    let children = plan.children().into_iter().enumerate().map(|(index, child)| {
        let reads_all = builds_left && index == 0;
        let (below, wanted) = if reads_all { (Pace::Ahead, None) } else { (below, wanted) };
        pace(child.clone(), below, wanted)
    });
    let children = children.collect::<PlanResult<Vec<_>>>()?;
    if children.is_empty() { Ok(plan) } else { replace_children_if_necessary(plan, children) }
}

/// How many rows a limit reads.
fn most(plan: &Plan) -> Option<usize> {
    let skip = plan.downcast_ref::<GlobalLimitExec>().map_or(0, GlobalLimitExec::skip);
    Some(plan.fetch()?.saturating_add(skip))
}

/// A call that is asked for more than once in a statement is made once.
#[derive(Debug)]
struct Sharing;

impl PhysicalOptimizerRule for Sharing {
    fn optimize(&self, plan: Plan, _: &ConfigOptions) -> PlanResult<Plan> {
        let plan = without_needless_filters(plan)?;
        let mut uses: HashMap<(*const (), Request), Use> = HashMap::new();
        count(&plan, Executions::One, &mut uses);
        let lookups: Vec<Arc<Lookup>> = bind_joins(&plan).into_iter().flat_map(|join| join.lookups()).collect();
        for (index, lookup) in lookups.iter().enumerate() {
            for other in lookups[..index].iter().filter(|other| other.may_share(lookup)) {
                lookup.want(&other.fields());
                other.want(&lookup.fields());
            }
        }
        for lookup in &lookups {
            for ((driver, request), used) in &mut uses {
                if *driver == drivers::address(&lookup.driver) && lookup.may_ask(request) {
                    used.want(&lookup.fields());
                    used.readers = Readers::Unknown;
                }
            }
        }
        let mut shared: HashMap<(*const (), Request), Arc<SharedPages>> = HashMap::new();
        let found = plan.transform_up(|node| {
            let Some(scan) = node.downcast_ref::<ScanExec>() else { return Ok(Transformed::no(node)) };
            let mut scan = scan.clone();
            for (index, request) in scan.route.requests.iter().enumerate() {
                let key = (drivers::address(&scan.driver), bare(request));
                let Some(Use { fields, readers }) = uses.get(&key).filter(|used| used.readers != Readers::Known(1))
                else {
                    continue;
                };
                let pages = shared.entry(key).or_insert_with(|| {
                    let request = Request { fields: fields.clone(), ..request.clone() };
                    SharedPages::new(scan.pager(request.clone()), request, *readers)
                });
                scan.shared[index] = Some(pages.clone());
            }
            Ok(Transformed::yes(Arc::new(scan) as Plan))
        })?;
        for lookup in &lookups {
            for ((driver, request), pages) in &shared {
                if *driver == drivers::address(&lookup.driver) && lookup.may_ask(request) {
                    lookup.share(request.clone(), pages.clone());
                }
            }
        }
        Ok(found.data)
    }

    fn name(&self) -> &str {
        "sharing"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Where a list is read whole anyway, a part of it is not asked for besides: what a request narrows is a field, and so
/// is checked again.
fn without_needless_filters(plan: Plan) -> PlanResult<Plan> {
    let is_whole = |scan: &&ScanExec| scan.pace == Pace::Ahead && scan.fetch().is_none();
    let all = scans(&plan);
    let lists = all.iter().filter(is_whole).flat_map(|scan| {
        let lists = scan.route.requests.iter().filter(|request| request.inputs.is_empty());
        lists.map(|request| (drivers::address(&scan.driver), bare(request)))
    });
    let lists: HashSet<(*const (), Request)> = lists.collect();
    let found = plan.transform_up(|node| {
        let Some(scan) = node.downcast_ref::<ScanExec>() else { return Ok(Transformed::no(node)) };
        let mut route = scan.route.clone();
        let mut seen = HashSet::new();
        for request in &mut route.requests {
            let list = Request { inputs: BTreeMap::new(), ..request.clone() };
            if lists.contains(&(drivers::address(&scan.driver), bare(&list))) {
                *request = list;
            }
        }
        route.requests.retain(|request| seen.insert(request.clone()));
        if route.requests == scan.route.requests {
            return Ok(Transformed::no(node));
        }
        if route.requests.iter().all(|request| request.inputs.is_empty()) {
            route.served.clear();
            route.keyed = false;
        }
        Ok(Transformed::yes(Arc::new(scan.routed(route)) as Plan))
    })?;
    Ok(found.data)
}

/// How a statement uses one call.
struct Use {
    /// Every field that any of its readers wants.
    fields: Vec<String>,
    readers: Readers,
}

impl Use {
    fn want(&mut self, fields: &[String]) {
        let new: Vec<String> = fields.iter().filter(|field| !self.fields.contains(field)).cloned().collect();
        self.fields.extend(new);
    }
}

/// How often DataFusion may execute a part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Executions {
    One,
    Any,
}

fn count(plan: &Plan, executions: Executions, uses: &mut HashMap<(*const (), Request), Use>) {
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        for request in &scan.route.requests {
            let used = uses
                .entry((drivers::address(&scan.driver), bare(request)))
                .or_insert_with(|| Use { fields: Vec::new(), readers: Readers::Known(0) });
            used.want(&request.fields);
            used.readers = match (used.readers, executions) {
                (Readers::Known(readers), Executions::One) => Readers::Known(readers + 1),
                _ => Readers::Unknown,
            };
        }
    }
    for (index, child) in plan.children().into_iter().enumerate() {
        // A nested loop join that runs out of memory executes its left side a second time, a bind join its detail side
        // once for each round.
        let again = plan.is::<RecursiveQueryExec>()
            || plan.is::<NestedLoopJoinExec>() && index == 0 && is_limited(plan)
            || plan.is::<BindJoinExec>() && index == 1;
        count(child, if again { Executions::Any } else { executions }, uses);
    }
}

fn is_limited(plan: &Plan) -> bool {
    scans(plan).iter().any(|scan| scan.run.memory_is_limited)
}
