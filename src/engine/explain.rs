//! EXPLAIN's own rows: the calls that a plan would make, what the service filters and what is filtered here, and the
//! permissions needed. Reads a plan and sends nothing.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr_common::physical_expr::fmt_sql;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use crate::drivers::{self, Request};
use crate::engine::bind_join::{BindJoinExec, Lookup, bind_joins};
use crate::engine::calls::Cost;
use crate::engine::rules::scans;
use crate::engine::scan::{Pace, ScanExec};

/// How many calls are named before the rest is only counted.
const NAMED: usize = 20;

/// The calls of a plan, a line each, then how many there are and where filters are checked.
pub fn calls(plan: &Arc<dyn ExecutionPlan>) -> String {
    let scans = scans(plan);
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    let (mut keyed, mut lists, mut wanted) = (0, 0, 0);
    for scan in &scans {
        for request in &scan.route.requests {
            if !seen.insert((drivers::address(&scan.driver), Request { fields: Vec::new(), ..request.clone() })) {
                continue;
            }
            match (scan.pace, scan.fetch(), scan.route.keyed) {
                (Pace::OnDemand, ..) | (_, Some(_), _) => wanted += 1,
                (Pace::Ahead, None, true) => keyed += 1,
                (Pace::Ahead, None, false) => lists += 1,
            }
            if lines.len() < NAMED {
                lines.push(scan.driver.describe(request));
            }
        }
    }
    if seen.len() > NAMED {
        lines.push(format!("… and {} more", seen.len() - NAMED));
    }
    let page = scans.iter().filter_map(page_size).max().map(|most| format!(" of up to {most} rows a page"));
    let page = page.unwrap_or_default();
    let joins = bind_joins(plan);
    let fed: Vec<String> = joins.iter().flat_map(of_keys).collect();
    lines.extend(fed);
    lines.push(match (keyed, lists) {
        (0, 0) if wanted == 0 && !joins.is_empty() => String::new(),
        (0, 0) if wanted == 0 => "no calls".into(),
        (0, 0) => String::new(),
        (keyed, 0) => count(keyed, "call"),
        (keyed, lists) => format!("at least {}: {}{page}", count(keyed + lists, "call"), count(lists, "list")),
    });
    if let Some(counted) = lines.last_mut().filter(|_| !joins.is_empty() && keyed + lists > 0) {
        *counted += ", besides those for the join's keys";
    }
    if wanted > 0 {
        lines.push(format!(
            "{} one after the other, a page at a time, until enough rows are there",
            count(wanted, "request")
        ));
    }
    lines.retain(|line| !line.is_empty());
    lines.extend(scans.iter().flat_map(before_default));
    lines.extend(scans.iter().filter_map(stops_early));
    lines.extend(scans.iter().filter(|scan| !scan.route.served.is_empty()).map(|scan| {
        format!("asked of the service: {} of {}", scan.route.served.join(", "), scan.resource.full_name())
    }));
    lines.extend(local_filters(plan).into_iter().map(|filter| format!("checked here: {filter}")));
    lines.join("\n")
}

/// The permissions that a plan's calls need, as the service names them; those that it checks by itself are marked.
pub fn permissions(plan: &Arc<dyn ExecutionPlan>) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for scan in scans(plan) {
        let Some(method) = scan.resource.method(&scan.route.method) else { continue };
        for permission in scan.driver.signature(&method.call).into_iter().flat_map(|signature| signature.permissions) {
            let own = if method.on_behalf.iter().any(|name| name == permission) {
                " (checked by the service itself)"
            } else {
                ""
            };
            needed.insert(format!("{permission}{own}"));
        }
    }
    needed
}

/// Permissions, one a line.
pub fn listed(permissions: &BTreeSet<String>) -> String {
    if permissions.is_empty() { "none".into() } else { permissions.iter().cloned().collect::<Vec<_>>().join("\n") }
}

/// What a statement cost, for EXPLAIN ANALYZE and `--verbose`.
pub fn cost(cost: &Cost) -> String {
    let mut text = format!(
        "{}, {}, {}, {} from services, {} in calls",
        count(cost.calls as usize, "call"),
        count(cost.pages as usize, "page"),
        count(cost.repeats as usize, "repeat"),
        count(cost.rows as usize, "row"),
        time(cost.spent),
    );
    if !cost.waited.is_zero() {
        text += &format!(", {} waiting to repeat", time(cost.waited));
    }
    text
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn time(time: std::time::Duration) -> String {
    if time.as_secs() >= 10 { format!("{:.1} s", time.as_secs_f64()) } else { format!("{} ms", time.as_millis()) }
}

/// The calls that a join's keys make: by what, and how many at most where that is known.
fn of_keys(join: &BindJoinExec) -> Vec<String> {
    let feed: BTreeSet<String> = scans(join.feed()).iter().map(|scan| scan.resource.full_name()).collect();
    let feed = match feed.is_empty() {
        true => "the statement's own rows".to_string(),
        false => feed.into_iter().collect::<Vec<_>>().join(" and "),
    };
    let rows = StatisticsContext::new().compute(join.feed().as_ref(), &StatisticsArgs::new()).ok();
    let most = match rows.map(|statistics| statistics.num_rows) {
        Some(Precision::Exact(rows)) => format!(", at most {rows} of them"),
        _ => String::new(),
    };
    let line = |lookup: &Lookup| {
        let columns: Vec<String> = lookup.columns().iter().map(|column| format!("`{column}`")).collect();
        let together = match (&lookup.key, lookup.keys_a_call()) {
            (Some(key), together) if together > 1 => format!("; up to {together} of `{key}` a call"),
            _ => String::new(),
        };
        format!(
            "{} of {} for each distinct {} from {feed}{most}{together}",
            lookup.call().unwrap_or_default(),
            lookup.resource.full_name(),
            columns.join(" and "),
        )
    };
    join.bindings.iter().map(|binding| line(&binding.lookup)).collect()
}

/// Where a join's keys stand before what is set for the session.
fn before_default(scan: &ScanExec) -> Vec<String> {
    let columns = scan.lookup.iter().flat_map(|lookup| lookup.columns());
    let columns = columns.filter(|name| !scan.known.values.contains_key(name));
    let lines = columns.filter_map(|name| {
        let default = scan.known.defaults.get(&name)?.join(", ");
        Some(format!("`{name}` of {} is the join's, and not the session's {default}", scan.resource.full_name()))
    });
    lines.collect()
}

fn page_size(scan: &ScanExec) -> Option<usize> {
    let method = scan.resource.method(&scan.route.method)?;
    Some(scan.driver.signature(&method.call)?.page?.1)
}

fn stops_early(scan: &ScanExec) -> Option<String> {
    scan.fetch().map(|rows| format!("{} stops after {}", scan.resource.full_name(), count(rows, "row")))
}

fn local_filters(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let mut found = Vec::new();
    let walked = plan.apply(|node| {
        found.extend(node.downcast_ref::<FilterExec>().map(|filter| fmt_sql(filter.predicate().as_ref()).to_string()));
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself cannot fail");
    found
}
