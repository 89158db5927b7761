//! A filter that leaves out columns is made one that keeps them, and a projection that leaves them out: where a
//! projection is pushed below a filter, the filter's condition is taken for one over what it gives, which is right only if
//! that is all that it is given (DataFusion 55.2, `FilterExec::try_swapping_with_projection`).

use std::sync::Arc;

use datafusion::common::Result as PlanResult;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::projection::ProjectionExec;

#[derive(Debug)]
pub struct WholeFilters;

impl PhysicalOptimizerRule for WholeFilters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> PlanResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| match plan.downcast_ref::<FilterExec>() {
            Some(filter) if filter.projection().is_some() => Ok(Transformed::yes(whole(filter)?)),
            _ => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "whole_filters"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn whole(filter: &FilterExec) -> PlanResult<Arc<dyn ExecutionPlan>> {
    let given = filter.input().schema();
    let columns = filter.projection().iter().flat_map(|places| places.iter()).map(|place| {
        let name = given.field(*place).name();
        ProjectionExpr { expr: Arc::new(Column::new(name, *place)), alias: name.clone() }
    });
    let columns: Vec<ProjectionExpr> = columns.collect();
    let filter = FilterExecBuilder::from(filter).apply_projection(None)?.build()?;
    Ok(Arc::new(ProjectionExec::try_new(columns, Arc::new(filter))?))
}
