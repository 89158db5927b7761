//! What a window holds is counted by the memory limit. DataFusion's `WindowAggExec` takes all of its rows before it gives
//! one, and asks nobody whether there is room (55.2). Changes no rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, RecordBatch, StringViewArray};
use datafusion::common::Result as PlanResult;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, replace_children_if_necessary,
};
use futures::StreamExt;

/// Rows as they come, and once more as they are put together.
const TIMES: usize = 2;

#[derive(Debug)]
pub struct HeldRows;

impl PhysicalOptimizerRule for HeldRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> PlanResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| match plan.downcast_ref::<WindowAggExec>() {
            Some(window) => {
                let held = Arc::new(HeldExec { input: window.input().clone() });
                Ok(Transformed::yes(replace_children_if_necessary(plan, vec![held])?))
            }
            None => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "held_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The rows of its input, for as long as its stream is held.
#[derive(Debug)]
pub struct HeldExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for HeldExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldExec")
    }
}

impl ExecutionPlan for HeldExec {
    fn name(&self) -> &str {
        "HeldExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().unwrap_or_else(|| self.input.clone());
        Ok(Arc::new(HeldExec { input }))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> PlanResult<TreeNodeRecursion>,
    ) -> PlanResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> PlanResult<SendableRecordBatchStream> {
        let held = MemoryConsumer::new("window").register(context.memory_pool());
        let rows = self.input.execute(partition, context)?;
        let counted = rows.map(move |batch| {
            let batch = batch?;
            held.try_grow(TIMES * bytes(&batch))?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.input.schema(), counted)))
    }
}

/// Of a part of larger arrays that part alone. What cannot tell counts whole.
fn bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(held).sum()
}

fn held(column: &ArrayRef) -> usize {
    let views = column.as_string_view_opt().map(StringViewArray::views);
    let views = views.or_else(|| column.as_binary_view_opt().map(BinaryViewArray::views));
    match views {
        // What a view shows is elsewhere, and may be shared: a view begins with its length.
        Some(views) => {
            let shown: usize = views.iter().map(|view| (view & u128::from(u32::MAX)) as usize).sum();
            shown + size_of_val::<[u128]>(views)
        }
        None => column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()),
    }
}
