//! What a query is turned into before DataFusion optimizes it, so that fewer calls answer it: an EXISTS needs one row, and
//! a param that is to equal a subquery's one value is bound by it as by a join. Changes no rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result as PlanResult, tree_node::TransformedResult};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery};
use datafusion::optimizer::AnalyzerRule;

use crate::catalog::model::Catalog;

#[derive(Debug)]
pub struct FewerCalls {
    /// The names of params and of identities.
    bound: BTreeSet<String>,
}

impl FewerCalls {
    pub fn new(catalog: &Catalog) -> Self {
        let services = catalog.providers.iter().flat_map(|provider| &provider.services);
        let resources = services.flat_map(|service| &service.resources);
        let names = resources.flat_map(|r| r.params.iter().map(|param| &param.name).chain(&r.identity));
        FewerCalls { bound: names.cloned().collect() }
    }

    /// A condition that binds, in the place of one that does not.
    fn binding(&self, condition: Expr) -> Expr {
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (*left, *right) {
                (Expr::Column(column), Expr::ScalarSubquery(subquery))
                | (Expr::ScalarSubquery(subquery), Expr::Column(column))
                    if self.bound.contains(&column.name) && gives_one_row(&subquery) =>
                {
                    Expr::InSubquery(InSubquery::new(Box::new(Expr::Column(column)), subquery, false))
                }
                (left, right) => left.eq(right),
            },
            condition => condition,
        }
    }
}

impl AnalyzerRule for FewerCalls {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> PlanResult<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|node| {
            let node = node.map_expressions(|expr| expr.transform_up(one_row_is_enough))?;
            node.transform_data(|node| match node {
                LogicalPlan::Filter(filter) => {
                    let conditions = split_conjunction_owned(filter.predicate);
                    let conditions = conditions.into_iter().map(|condition| self.binding(condition));
                    let Some(predicate) = conjunction(conditions) else {
                        return Ok(Transformed::no((*filter.input).clone()));
                    };
                    Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)))
                }
                node => Ok(Transformed::no(node)),
            })
        });
        rewritten.data()
    }

    fn name(&self) -> &str {
        "fewer_calls"
    }
}

/// One row, and none but by itself: with more, an `=` is an error and an IN is not.
fn gives_one_row(subquery: &Subquery) -> bool {
    subquery.outer_ref_columns.is_empty() && subquery.subquery.max_rows().is_some_and(|rows| rows <= 1)
}

fn one_row_is_enough(expr: Expr) -> PlanResult<Transformed<Expr>> {
    match expr {
        Expr::Exists(Exists { subquery, negated }) if subquery.outer_ref_columns.is_empty() => {
            let first = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).limit(0, Some(1))?.build()?;
            Ok(Transformed::yes(Expr::Exists(Exists { subquery: subquery.with_plan(Arc::new(first)), negated })))
        }
        expr => Ok(Transformed::no(expr)),
    }
}
