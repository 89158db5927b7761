//! Where a plan's columns come from, as far as a condition on them could be checked there just as well. Pure.
//! What is not known here is not looked through: a scan below it is not bound by a join above it.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::JoinType;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

use super::{BindJoinExec, Plan};
use crate::engine::mends::HeldExec;

/// What is known of a plan's output columns: of which of a join's keys each has the value.
pub type Keys = BTreeMap<usize, usize>;

/// The column that an expression hands on. A cast from one kind of text to another changes no value.
pub fn column(expr: &Arc<dyn PhysicalExpr>, input: &Plan) -> Option<usize> {
    if let Some(column) = expr.downcast_ref::<Column>() {
        return Some(column.index());
    }
    let cast = expr.downcast_ref::<CastExpr>()?;
    let from = cast.expr().data_type(&input.schema()).ok()?;
    (is_text(cast.cast_type()) && is_text(&from)).then(|| column(cast.expr(), input))?
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The same of the outputs of a plan's children, one for each.
///
/// Invariant: rows of a child that have other values there make no difference to the rows of `plan` that have the
/// keys' values, so that they may be there or not.
pub fn below(plan: &Plan, keys: &Keys) -> Vec<Keys> {
    let children = plan.children();
    let nothing = || vec![Keys::new(); children.len()];
    // Which rows are the first so many depends on all of them.
    if keys.is_empty() || plan.fetch().is_some() {
        return nothing();
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let source = |output: usize| column(&projection.expr().get(output)?.expr, projection.input());
        return vec![through(keys, source)];
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        return vec![through(keys, |output| projected(filter.projection().as_deref(), output))];
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let group = aggregate.group_expr();
        if group.has_grouping_set() || aggregate.limit_options().is_some() {
            return nothing();
        }
        return vec![through(keys, |output| column(&group.expr().get(output)?.0, aggregate.input()))];
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        return joined(join.left(), *join.join_type(), keys, |output| projected(join.projection.as_deref(), output));
    }
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        return joined(join.left(), *join.join_type(), keys, |output| projected(join.projection().as_deref(), output));
    }
    if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
        return joined(join.left(), JoinType::Inner, keys, Some);
    }
    if let Some(join) = plan.downcast_ref::<BindJoinExec>() {
        let mut both = joined(join.feed(), join.join_type(), keys, |output| join.output(output));
        // What the feed gives is what the details are asked by already.
        both[1].clear();
        return both;
    }
    if plan.is::<ScalarSubqueryExec>() {
        let mut children = nothing();
        children[0] = keys.clone();
        return children;
    }
    // A row's window has the rows that are divided off with it, and no other.
    if let Some(window) = plan.downcast_ref::<BoundedWindowAggExec>() {
        return vec![divided(window.window_expr(), window.input(), keys)];
    }
    if let Some(window) = plan.downcast_ref::<WindowAggExec>() {
        return vec![divided(window.window_expr(), window.input(), keys)];
    }
    let hands_on = plan.is::<CoalescePartitionsExec>()
        || plan.is::<HeldExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<SortExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<UnionExec>()
        || plan.is::<InterleaveExec>();
    if hands_on { vec![keys.clone(); children.len()] } else { nothing() }
}

/// Those of the keys that each of some windows is divided by.
fn divided(windows: &[Arc<dyn WindowExpr>], input: &Plan, keys: &Keys) -> Keys {
    let columns = input.schema().fields().len();
    let divides = |output: usize, window: &Arc<dyn WindowExpr>| {
        window.partition_by().iter().any(|by| column(by, input) == Some(output))
    };
    through(keys, |output| (output < columns && windows.iter().all(|window| divides(output, window))).then_some(output))
}

fn through(keys: &Keys, source: impl Fn(usize) -> Option<usize>) -> Keys {
    keys.iter().filter_map(|(output, key)| Some((source(*output)?, *key))).collect()
}

pub fn projected(projection: Option<&[usize]>, output: usize) -> Option<usize> {
    match projection {
        Some(projection) => projection.get(output).copied(),
        None => Some(output),
    }
}

/// The sides of a join. A side that is padded, or told whether it matched, keeps all its rows.
fn joined(left: &Plan, kind: JoinType, keys: &Keys, source: impl Fn(usize) -> Option<usize>) -> Vec<Keys> {
    let columns = left.schema().fields().len();
    let (has_left, has_right) = match kind {
        JoinType::Inner => (true, true),
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => (true, false),
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => (false, true),
        JoinType::Full => (false, false),
    };
    // The columns of a join that gives its right side alone begin with that side's.
    let right_from = match kind {
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => 0,
        _ => columns,
    };
    let left_keys = through(keys, |output| source(output).filter(|at| has_left && *at < columns));
    let right_keys = through(keys, |output| source(output).filter(|_| has_right)?.checked_sub(right_from));
    vec![left_keys, right_keys]
}
