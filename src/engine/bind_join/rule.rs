//! Which hash joins become bind joins: those one side of which lacks what the keys of the join give, those whose keys
//! stand before a session's default, and those whose feed calls nothing and so makes the other side's calls fewer.
//! Changes no rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, Result as PlanResult};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::work_table::WorkTableExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

use crate::engine::route::{Route, route};
use crate::engine::rules::scans;
use crate::engine::scan::{Known, ScanExec};

use super::lookup::Begun;
use super::possible;
use super::trace::{Keys, below, column};
use super::{BindJoinExec, Binding, Lookup, Plan};

/// Makes bind joins of hash joins.
#[derive(Debug)]
pub struct BindJoins;

impl PhysicalOptimizerRule for BindJoins {
    fn optimize(&self, plan: Plan, _: &ConfigOptions) -> PlanResult<Plan> {
        let mut lookups = Lookups::default();
        let bound = plan.transform_up(|node| {
            let join = node.downcast_ref::<HashJoinExec>().map(|join| bind_join(join, &mut lookups)).transpose()?;
            Ok(join.flatten().map_or_else(|| Transformed::no(node), Transformed::yes))
        });
        Ok(bound?.data)
    }

    fn name(&self) -> &str {
        "bind_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The look-ups of one plan, and what they have in common.
#[derive(Default)]
struct Lookups {
    all: Vec<Arc<Lookup>>,
    begun: Begun,
}

/// Why a scan is bound by a join, the better reason last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// The feed is there without a call, and narrows what is asked for.
    Narrower,
    /// A condition of the statement stands before what is set for the session.
    BeforeDefault,
    /// It cannot be asked otherwise.
    Missing,
}

/// How a scan is asked when a join's keys say more of it.
struct Openings {
    reason: Reason,
    known: Known,
    /// Each with its key's place among the join's.
    places: Vec<(String, usize)>,
    key: Option<(String, usize)>,
    route: Route,
}

/// The bind join that a join becomes, if it becomes one.
fn bind_join(join: &HashJoinExec, lookups: &mut Lookups) -> PlanResult<Option<Plan>> {
    let plain = join.builder().reset_state().with_fetch(None).build()?;
    let swapped = || plain.swap_inputs(PartitionMode::CollectLeft);
    let straight = reason(&plain)?;
    let crossed = match join.null_aware || !details_may_be_fewer(join.join_type().swap()) {
        true => None,
        false => {
            let mut crossed = None;
            with_join(swapped()?, &mut |join| {
                crossed = reason(join)?;
                join.builder().build_exec()
            })?;
            crossed
        }
    };
    let plan = match (straight, crossed) {
        (None, None) => return Ok(None),
        (straight, crossed) if straight >= crossed => bound(plain, lookups)?,
        // The join itself, or a projection over it that puts the columns in their order.
        _ => with_join(swapped()?, &mut |join| bound(join.builder().build()?, lookups))?,
    };
    // Rounds know no order.
    let plan: Plan = match join.properties().output_ordering() {
        Some(ordering) => Arc::new(SortExec::new(ordering.clone(), plan)),
        None => plan,
    };
    Ok(Some(match join.fetch() {
        Some(fetch) => Arc::new(GlobalLimitExec::new(plan, 0, Some(fetch))),
        None => plan,
    }))
}

/// Changes the hash join that a plan is, but for projections over it.
fn with_join(plan: Plan, change: &mut dyn FnMut(&HashJoinExec) -> PlanResult<Plan>) -> PlanResult<Plan> {
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        return change(join);
    }
    let children = plan.children().into_iter().map(|child| with_join(child.clone(), change));
    let children = children.collect::<PlanResult<Vec<_>>>()?;
    replace_children_if_necessary(plan, children)
}

/// Whether the right side's rows without a partner are of no account.
fn details_may_be_fewer(kind: JoinType) -> bool {
    matches!(
        kind,
        JoinType::Inner
            | JoinType::Left
            | JoinType::LeftSemi
            | JoinType::LeftAnti
            | JoinType::LeftMark
            | JoinType::RightSemi
    )
}

/// Why the right side of a join should be asked by the rows of its left side, if it should.
fn reason(join: &HashJoinExec) -> PlanResult<Option<Reason>> {
    // Whether there is any row decides what NOT IN says of the others. A recursive query's rows can be read once.
    let again = !has(join.right(), |node| node.is::<WorkTableExec>())?;
    if join.null_aware || !details_may_be_fewer(*join.join_type()) || !again {
        return Ok(None);
    }
    let mut best = None;
    visit(join.right(), &keys(join), &mut |scan, keys| {
        best = best.max(openings(scan, keys, join).map(|openings| openings.reason));
        Ok(None)
    })?;
    // What could be asked for as it is does not wait for what cannot.
    let is_open = |scan: &ScanExec| scan.lookup.is_none() && !scan.route.missing.is_empty();
    Ok(best.filter(|reason| *reason == Reason::Missing || !scans(join.left()).iter().any(is_open)))
}

fn bound(join: HashJoinExec, lookups: &mut Lookups) -> PlanResult<Plan> {
    let mut bindings: Vec<Binding> = Vec::new();
    let of_join = possible::of_join(&join);
    let says = |plan: &Plan, keys: &Keys| possible::of_filter(plan, keys, &join);
    let detail = visit_with(join.right(), &keys(&join), &of_join, &says, &mut |scan, keys, conditions| {
        let Some(Openings { known, places, key, route, .. }) = openings(scan, keys, &join) else { return Ok(None) };
        let columns = places.iter().chain(&key).map(|(_, key)| join.on()[*key].0.clone()).collect();
        let name = |(name, _): (String, usize)| name;
        let new =
            Lookup::new(scan, known, places.into_iter().map(name).collect(), key.map(name), lookups.begun.clone());
        let lookup = match lookups.all.iter().find(|lookup| lookup.asks_the_same(&new)) {
            Some(lookup) => {
                lookup.want(&new.fields());
                lookup.clone()
            }
            None => {
                let new = Arc::new(new);
                lookups.all.push(new.clone());
                new
            }
        };
        bindings.push(Binding { lookup: lookup.clone(), keys: columns, conditions: conditions.to_vec() });
        Ok(Some(Arc::new(scan.looked_up(route, lookup)) as Plan))
    })?;
    // What one of two scans of a look-up cannot match, the other may: it reads the same pages.
    let shared: Vec<bool> = bindings
        .iter()
        .map(|one| bindings.iter().filter(|other| Arc::ptr_eq(&one.lookup, &other.lookup)).count() > 1)
        .collect();
    for (binding, _) in bindings.iter_mut().zip(shared).filter(|(_, shared)| *shared) {
        binding.conditions.clone_from(&of_join);
    }
    let (feed, detail) = (in_one(join.left().clone()), in_one(detail));
    Ok(Arc::new(BindJoinExec::new(feed, detail, Arc::new(join), bindings)))
}

fn in_one(plan: Plan) -> Plan {
    match plan.properties().output_partitioning().partition_count() {
        1 => plan,
        _ => Arc::new(CoalescePartitionsExec::new(plan)),
    }
}

/// The columns of a join's right side that are keys of it.
fn keys(join: &HashJoinExec) -> Keys {
    let keys = join.on().iter().enumerate();
    keys.filter_map(|(key, (_, detail))| Some((column(detail, join.right())?, key))).collect()
}

/// Walks to the scans that the keys say something of; where `change` gives a plan, it stands in the scan's place.
fn visit(
    plan: &Plan,
    keys: &Keys,
    change: &mut dyn FnMut(&ScanExec, &Keys) -> PlanResult<Option<Plan>>,
) -> PlanResult<Plan> {
    visit_with(plan, keys, &[], &|_, _| Vec::new(), &mut |scan, keys, _| change(scan, keys))
}

/// What a node says of the keys, as conditions.
type Says<'a> = dyn Fn(&Plan, &Keys) -> Vec<Arc<dyn PhysicalExpr>> + 'a;
/// What becomes of a scan, with the conditions on the way to it.
type Change<'a> = dyn FnMut(&ScanExec, &Keys, &[Arc<dyn PhysicalExpr>]) -> PlanResult<Option<Plan>> + 'a;

fn visit_with(
    plan: &Plan,
    keys: &Keys,
    conditions: &[Arc<dyn PhysicalExpr>],
    says: &Says<'_>,
    change: &mut Change<'_>,
) -> PlanResult<Plan> {
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        let changed = if keys.is_empty() { None } else { change(scan, keys, conditions)? };
        return Ok(changed.unwrap_or_else(|| plan.clone()));
    }
    let conditions = [conditions, &says(plan, keys)].concat();
    let children = plan.children().into_iter().zip(below(plan, keys));
    let children = children.map(|(child, keys)| visit_with(child, &keys, &conditions, says, change));
    let children = children.collect::<PlanResult<Vec<_>>>()?;
    if children.is_empty() { Ok(plan.clone()) } else { replace_children_if_necessary(plan.clone(), children) }
}

/// What a join's keys can do for a scan.
fn openings(scan: &ScanExec, keys: &Keys, join: &HashJoinExec) -> Option<Openings> {
    if scan.lookup.is_some() || scan.fetch().is_some() {
        return None;
    }
    let mut known = Known::clone(&scan.known);
    let (mut places, mut key, mut before_default) = (Vec::new(), None, false);
    for (at, index) in keys {
        let name = scan.schema().field(*at).name().clone();
        let values = known.values.get(&name);
        if values.is_some_and(|values| values.len() <= 1) {
            continue;
        }
        match asked_by(scan, &name) {
            Some(AskedBy::Place) => {
                if let Some(default) = known.defaults.get(&name).filter(|_| values.is_none()) {
                    before_default |= !gives_only(join, *index, &name, default)?;
                }
                places.push((name, *index));
            }
            Some(AskedBy::Key) if key.is_none() => key = Some((name, *index)),
            _ => {}
        }
    }
    let supplies = |name: &String| places.iter().chain(&key).any(|(column, _)| column == name);
    if !known.unbound.iter().all(supplies) || places.is_empty() && key.is_none() {
        return None;
    }
    let is_missing = !scan.route.missing.is_empty() || !known.unbound.is_empty();
    let reason = match (is_missing, before_default) {
        (true, _) => Reason::Missing,
        (false, true) => Reason::BeforeDefault,
        (false, false) if scans(join.left()).is_empty() => Reason::Narrower,
        (false, false) => return None,
    };
    known.defaults.retain(|name, _| !supplies(name));
    let mut values = known.values.clone();
    values.extend(places.iter().chain(&key).map(|(column, _)| (column.clone(), Vec::new())));
    let signature = |call: &str| scan.driver.signature(call);
    let route = route(&scan.resource, &values, &known.defaults, &known.fields, signature).ok()?;
    route.missing.is_empty().then_some(Openings { reason, known, places, key, route })
}

enum AskedBy {
    Place,
    Key,
}

/// What a call does with a column's value, other than narrow its answer.
fn asked_by(scan: &ScanExec, name: &str) -> Option<AskedBy> {
    if scan.resource.param(name).is_some() {
        return Some(AskedBy::Place);
    }
    let wire = &scan.resource.field(name)?.wire;
    let methods = scan.resource.verbs.select.iter().filter_map(|method| scan.resource.method(method));
    let signatures = methods.filter_map(|method| scan.driver.signature(&method.call));
    let inputs = signatures.flat_map(|signature| signature.inputs);
    let mut inputs = inputs.filter(|input| input.wire == wire && (input.key || input.required));
    inputs.next().map(|input| if input.key { AskedBy::Key } else { AskedBy::Place })
}

/// Whether all that the feed gives as a param's value are among the session's own: then either says the same.
fn gives_only(join: &HashJoinExec, key: usize, param: &str, default: &[String]) -> Option<bool> {
    let Some(column) = column(&join.on()[key].0, join.left()) else { return Some(false) };
    let (mut origins, mut others) = (0, 0);
    visit(join.left(), &BTreeMap::from([(column, key)]), &mut |scan, keys| {
        let columns = keys.keys().map(|at| scan.schema().field(*at).name().clone());
        for name in columns.filter(|name| scan.resource.param(name).is_some()) {
            let given = scan.known.values.get(&name).or_else(|| scan.known.defaults.get(&name));
            let is_own = scan.lookup.is_none()
                && name == param
                && given.is_some_and(|given| given.iter().all(|value| default.contains(value)));
            if is_own { origins += 1 } else { others += 1 }
        }
        Ok(None)
    })
    .ok()?;
    Some(origins > 0 && others == 0)
}

fn has(plan: &Plan, is: impl Fn(&Plan) -> bool) -> PlanResult<bool> {
    plan.exists(|node| Ok(is(node)))
}
