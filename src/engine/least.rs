//! How many calls a plan makes at least, whatever its rows are. Pure: reads a plan and sends nothing.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::union::UnionExec;

use crate::drivers::{self, Request};
use crate::engine::bind_join::{BindJoinExec, bare};
use crate::engine::scan::{Pace, ScanExec};

/// The calls that are made in any case: the first page of every list, each key look-up, each once.
pub fn calls(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let mut certain = HashSet::new();
    collect(plan, Reading::Whole, &mut certain);
    certain.len()
}

/// How much of a plan's output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Whole,
    /// At least as far as its first row.
    Begun,
}

fn collect(plan: &Arc<dyn ExecutionPlan>, reading: Reading, certain: &mut HashSet<(*const (), Request)>) {
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        if scan.pace == Pace::Ahead && scan.fetch().is_none() {
            let requests = scan.route.requests.iter().map(|request| (drivers::address(&scan.driver), bare(request)));
            certain.extend(requests);
        }
        return;
    }
    let reading = match plan.fetch() {
        Some(0) => return,
        Some(_) => Reading::Begun,
        None => reading,
    };
    if let Some(subqueries) = plan.downcast_ref::<ScalarSubqueryExec>() {
        // Each is run to its end before the first row, whatever the rows want of it: datafusion-physical-plan 55.2,
        // `scalar_subquery.rs`.
        subqueries.subqueries().iter().for_each(|subquery| collect(&subquery.plan, Reading::Whole, certain));
        return collect(subqueries.input(), reading, certain);
    }
    let children = plan.children();
    // A join whose build side is empty need not read the other; a limit over a union may be met by its first part.
    let first_alone = plan.is::<HashJoinExec>()
        || plan.is::<NestedLoopJoinExec>()
        || plan.is::<CrossJoinExec>()
        || plan.is::<BindJoinExec>()
        || plan.is::<RecursiveQueryExec>()
        || plan.is::<UnionExec>() && reading == Reading::Begun;
    let all = children.len() == 1 || plan.is::<UnionExec>();
    let read = match (first_alone, all) {
        (true, _) => 1,
        (false, true) => children.len(),
        (false, false) => 0,
    };
    children.into_iter().take(read).for_each(|child| collect(child, reading, certain));
}
