//! What a plan takes from the rows around it.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::engine::sorted::subqueries;

/// Whether it takes anything.
pub fn reaches(plan: &LogicalPlan) -> bool {
    !outer_columns(plan).is_empty()
}

/// The columns that it takes: of its subqueries' those that it does not have itself.
pub fn outer_columns(plan: &LogicalPlan) -> Vec<Column> {
    let mut found = Vec::new();
    // Nothing in the walk fails.
    let _ = plan.apply(|node| {
        match node {
            LogicalPlan::Subquery(_) => return Ok(TreeNodeRecursion::Jump),
            LogicalPlan::Join(join) => {
                if let Some(subquery) = lateral(&join.right) {
                    found.extend(missing(subquery, &[join.left.schema().as_ref()]));
                }
            }
            _ => {}
        }
        found.extend(further(node));
        node.apply_expressions(|expr| {
            found.extend(of_expr(expr));
            Ok(TreeNodeRecursion::Continue)
        })
    });
    found
}

/// What the subqueries in a node's own expressions take that the node does not have.
pub fn further(node: &LogicalPlan) -> Vec<Column> {
    let inputs = node.inputs();
    let schemas: Vec<&DFSchema> = inputs.iter().map(|input| input.schema().as_ref()).collect();
    let mut found = Vec::new();
    // Nothing in the walk fails.
    let _ = node.apply_expressions(|expr| {
        for subquery in subqueries(expr) {
            found.extend(missing(&subquery.subquery, &schemas));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

fn missing(plan: &LogicalPlan, schemas: &[&DFSchema]) -> Vec<Column> {
    let mut columns = outer_columns(plan);
    columns.retain(|column| !schemas.iter().any(|schema| schema.has_column(column)));
    columns
}

/// The plan of a LATERAL subquery.
pub fn lateral(right: &LogicalPlan) -> Option<&LogicalPlan> {
    match right {
        LogicalPlan::SubqueryAlias(alias) => lateral(&alias.input),
        LogicalPlan::Subquery(subquery) => Some(&subquery.subquery),
        _ => None,
    }
}

/// Whether an expression takes anything itself, its subqueries aside.
pub fn has_outer(expr: &Expr) -> bool {
    !of_expr(expr).is_empty()
}

pub fn of_expr(expr: &Expr) -> Vec<Column> {
    let mut found = Vec::new();
    // Nothing in the walk fails.
    let _ = expr.apply(|expr| {
        if let Expr::OuterReferenceColumn(_, column) = expr {
            found.push(column.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}
