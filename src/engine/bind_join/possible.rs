//! Which rows of a feed can match at all: conditions of the join about the feed alone, and conditions about the other
//! side's columns that have a key's value. For rows that cannot, nothing is asked for; the join decides as ever. Pure.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, prep_null_mask_filter};
use datafusion::arrow::array::Array;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, JoinSide, Result as PlanResult};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::HashJoinExec;

use super::Plan;
use super::trace::{Keys, below};

type Condition = Arc<dyn PhysicalExpr>;

/// What the join's own condition says of the feed, its left side, without a word about the other.
pub fn of_join(join: &HashJoinExec) -> Vec<Condition> {
    let Some(filter) = join.filter() else { return Vec::new() };
    let of_feed = |at: usize| {
        let column = filter.column_indices().get(at).filter(|column| column.side == JoinSide::Left)?;
        Some(Arc::new(Column::new(join.left().schema().field(column.index).name(), column.index)) as Condition)
    };
    split_conjunction(filter.expression()).into_iter().filter_map(|part| over(part, &of_feed)).collect()
}

/// What a filter on the way from the join to a scan says of its keys. `keys` are those of the filter's output.
pub fn of_filter(plan: &Plan, keys: &Keys, join: &HashJoinExec) -> Vec<Condition> {
    let Some(filter) = plan.downcast_ref::<FilterExec>() else { return Vec::new() };
    let Some(keys) = below(plan, keys).pop() else { return Vec::new() };
    let (input, feed) = (filter.input().schema(), join.left().schema());
    let of_feed = |at: usize| {
        let (key, _) = &join.on()[*keys.get(&at)?];
        let same = key.data_type(&feed).is_ok_and(|kind| kind == *input.field(at).data_type());
        same.then(|| key.clone())
    };
    split_conjunction(filter.predicate()).into_iter().filter_map(|part| over(part, &of_feed)).collect()
}

/// A condition over the feed's columns, if it is about nothing else.
fn over(condition: &Condition, of_feed: &dyn Fn(usize) -> Option<Condition>) -> Option<Condition> {
    if is_volatile(condition) {
        return None;
    }
    let (mut any, mut all) = (false, true);
    let changed = condition.clone().transform_down(|part| {
        let Some(column) = part.downcast_ref::<Column>() else { return Ok(Transformed::no(part)) };
        any = true;
        Ok(match of_feed(column.index()) {
            // What stands there now has columns of the feed.
            Some(there) => Transformed::new(there, true, datafusion::common::tree_node::TreeNodeRecursion::Jump),
            None => {
                all = false;
                Transformed::no(part)
            }
        })
    });
    changed.ok().map(|changed| changed.data).filter(|_| any && all)
}

/// The rows for which all of them hold. One that cannot be computed here is for the join to fail by.
pub fn rows(conditions: &[Condition], rows: &RecordBatch) -> PlanResult<RecordBatch> {
    let mut possible = rows.clone();
    for condition in conditions {
        let holds = condition.evaluate(&possible).and_then(|holds| holds.into_array(possible.num_rows()));
        let Ok(holds) = holds else { continue };
        let Some(holds) = holds.as_any().downcast_ref::<BooleanArray>() else { continue };
        let holds = if holds.null_count() > 0 { prep_null_mask_filter(holds) } else { holds.clone() };
        possible = filter_record_batch(&possible, &holds).map_err(DataFusionError::from)?;
    }
    Ok(possible)
}
