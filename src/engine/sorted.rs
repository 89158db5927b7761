//! ORDER BY a subquery that takes from outside what SELECT does not show: it becomes a column beneath the sort, which is
//! left out above it. The planner brings missing columns to a sort, but not those that only a subquery speaks of.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result as PlanResult};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, Sort};

/// The plan with every such subquery within reach of what it takes.
pub fn within_reach(plan: LogicalPlan) -> PlanResult<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Sort(sort) => sorted(sort),
        plan => Ok(Transformed::no(plan)),
    })
    .data()
}

fn sorted(mut sort: Sort) -> PlanResult<Transformed<LogicalPlan>> {
    let LogicalPlan::Projection(projection) = &*sort.input else {
        return Ok(Transformed::no(LogicalPlan::Sort(sort)));
    };
    let projection = projection.clone();
    let mut selected = projection.expr.clone();
    for by in &mut sort.expr {
        if !reaches_below(&by.expr, &projection)? {
            continue;
        }
        let name = format!("#by{}", selected.len());
        let key = std::mem::replace(&mut by.expr, Expr::Column(Column::from_name(&name)));
        selected.push(below(key, &projection)?.alias(&name));
    }
    if selected.len() == projection.expr.len() {
        return Ok(Transformed::no(LogicalPlan::Sort(sort)));
    }
    let shown: Vec<Expr> = projection.schema.iter().map(Expr::from).collect();
    let plan = LogicalPlan::Projection(Projection::try_new(selected, Arc::clone(&projection.input))?);
    let plan = LogicalPlanBuilder::from(plan).sort_with_limit(sort.expr, sort.fetch)?.project(shown)?.build()?;
    Ok(Transformed::yes(plan))
}

/// Whether a subquery takes what only the projection's input has, and nothing else.
fn reaches_below(expr: &Expr, projection: &Projection) -> PlanResult<bool> {
    let (mut hidden, mut elsewhere) = (false, false);
    let shown: &DFSchema = &projection.schema;
    let given = projection.input.schema();
    expr.apply(|expr| {
        let subquery = match expr {
            Expr::Exists(Exists { subquery, .. })
            | Expr::InSubquery(InSubquery { subquery, .. })
            | Expr::ScalarSubquery(subquery) => subquery,
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        for outer in &subquery.outer_ref_columns {
            if let Expr::OuterReferenceColumn(_, column) = outer {
                hidden |= !shown.has_column(column);
                elsewhere |= !given.has_column(column);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(hidden && !elsewhere)
}

/// The expression with what the projection shows as what it is made of.
fn below(expr: Expr, projection: &Projection) -> PlanResult<Expr> {
    expr.transform_up(|expr| match &expr {
        Expr::Column(column) => Ok(match projection.schema.maybe_index_of_column(column) {
            Some(at) => Transformed::yes(projection.expr[at].clone().unalias()),
            None => Transformed::no(expr),
        }),
        _ => Ok(Transformed::no(expr)),
    })
    .data()
}
