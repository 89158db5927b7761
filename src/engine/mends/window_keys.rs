//! What windows are divided and ordered by becomes a column below them, where it is made by more than one step. DataFusion
//! 55.2 knows no bounds of most functions and of CASE, gives up on what is made of one (`abs(length(name))`), and then
//! finds that the order in which it has sorted the rows is not the one that the window wants.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result as PlanResult};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Window};
use datafusion::optimizer::AnalyzerRule;

#[derive(Debug)]
pub struct WindowKeys;

impl AnalyzerRule for WindowKeys {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> PlanResult<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Window(window) => keyed(window),
            plan => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "window_keys"
    }
}

fn keyed(window: Window) -> PlanResult<Transformed<LogicalPlan>> {
    let mut keys: Vec<Expr> = Vec::new();
    let mut key = |expr: &mut Expr| -> PlanResult<()> {
        if !is_of_steps(expr)? {
            return Ok(());
        }
        let at = keys.iter().position(|known| known == expr).unwrap_or_else(|| {
            keys.push(expr.clone());
            keys.len() - 1
        });
        *expr = Expr::Column(Column::from_name(name(at)));
        Ok(())
    };
    let mut windows = window.window_expr.clone();
    for function in &mut windows {
        let Some(function) = named(function) else { continue };
        for expr in &mut function.params.partition_by {
            key(expr)?;
        }
        for sort in &mut function.params.order_by {
            key(&mut sort.expr)?;
        }
    }
    if keys.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Window(window)));
    }
    let given: Vec<Expr> = window.input.schema().iter().map(Expr::from).collect();
    let keys = keys.into_iter().enumerate().map(|(at, key)| key.alias(name(at)));
    let below = given.iter().cloned().chain(keys);
    let named = windows.iter().zip(&window.window_expr).map(|(now, before)| {
        let column = Expr::Column(Column::from_name(now.schema_name().to_string()));
        column.alias(before.schema_name().to_string())
    });
    let above: Vec<Expr> = given.iter().cloned().chain(named).collect();
    let plan = LogicalPlanBuilder::from(Arc::unwrap_or_clone(window.input))
        .project(below)?
        .window(windows)?
        .project(above)?
        .build()?;
    Ok(Transformed::yes(plan))
}

/// The function, whatever its column is called.
fn named(expr: &mut Expr) -> Option<&mut WindowFunction> {
    match expr {
        Expr::Alias(alias) => named(&mut alias.expr),
        Expr::WindowFunction(function) => Some(function),
        _ => None,
    }
}

/// No column of a user's begins so.
fn name(at: usize) -> String {
    format!("#key{at}")
}

/// Whether more stands within an expression than columns and constants.
fn is_of_steps(expr: &Expr) -> PlanResult<bool> {
    let mut steps = false;
    expr.apply_children(|child| {
        steps |= !matches!(child, Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::Literal(..));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(steps)
}
