//! What a query is turned into before DataFusion optimizes it, so that fewer calls answer it: an EXISTS needs one row, and
//! a param that is to equal a subquery's one value is bound by it as by a join; and so that it can be answered: a NOT IN
//! beside OR, or that takes something from outside. Changes no rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result as PlanResult, tree_node::TransformedResult};
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

/// A condition that is true where `condition` is what `wanted` says, and need not tell false from unknown. To the planner
/// an IN beside OR or within NOT is never unknown, so that `NOT IN` there would hold beside NULLs.
fn settled(condition: Expr, wanted: bool, rows: &DFSchema) -> PlanResult<Expr> {
    let both = |left: Box<Expr>, op: Operator, right: Box<Expr>| {
        let op = match (op, wanted) {
            (Operator::And, false) => Operator::Or,
            (Operator::Or, false) => Operator::And,
            (op, _) => op,
        };
        let (left, right) = (settled(*left, wanted, rows)?, settled(*right, wanted, rows)?);
        Ok(Expr::BinaryExpr(BinaryExpr::new(left.into(), op, right.into())))
    };
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => both(left, op, right),
        Expr::Not(inner) => settled(*inner, !wanted, rows),
        Expr::Exists(Exists { subquery, negated }) => Ok(Expr::Exists(Exists::new(subquery, negated == wanted))),
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => match negated == wanted {
            false => Ok(Expr::InSubquery(InSubquery::new(expr, subquery, false))),
            true => never_equal(InSubquery::new(expr, subquery, true), rows),
        },
        other if wanted => Ok(other),
        other => Ok(!other),
    }
}

/// Whether a condition needs that. Where a NOT IN stands by itself, the planner has a join that minds NULLs.
fn is_unsettled(condition: &Expr) -> PlanResult<bool> {
    match condition {
        Expr::Not(inner) if matches!(&**inner, Expr::InSubquery(InSubquery { negated: false, .. })) => {
            inner.exists(|inner| Ok(matches!(inner, Expr::InSubquery(w) if !w.subquery.outer_ref_columns.is_empty())))
        }
        Expr::InSubquery(within) => Ok(within.negated && !within.subquery.outer_ref_columns.is_empty()),
        other => other.exists(|inner| Ok(matches!(inner, Expr::InSubquery(_)))),
    }
}

const FOUND: &str = "#found";

/// `x NOT IN (SELECT y … WHERE …)` in a form that can be run wherever it stands: no row is there of which `x = y` is true
/// or unknown.
fn never_equal(within: InSubquery, rows: &DFSchema) -> PlanResult<Expr> {
    let InSubquery { expr, subquery, .. } = &within;
    let mut outer_ref_columns = subquery.outer_ref_columns.clone();
    let asked = expr.as_ref().clone().transform_up(|expr| match &expr {
        Expr::Column(column) => {
            let field = rows.qualified_field_from_column(column)?.1.clone();
            let outer = Expr::OuterReferenceColumn(field, column.clone());
            outer_ref_columns.push(outer.clone());
            Ok(Transformed::yes(outer))
        }
        _ => Ok(Transformed::no(expr)),
    });
    let builder = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
    // By a name that nothing around it has.
    let found = Expr::from(builder.schema().qualified_field(0)).alias(FOUND);
    let equal = asked.data()?.eq(Expr::Column(Column::from_name(FOUND)));
    let plan = builder.project([found])?.filter(equal.is_not_false())?.build()?;
    let subquery = Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: subquery.spans.clone() };
    Ok(Expr::Exists(Exists::new(subquery, true)))
}

impl AnalyzerRule for FewerCalls {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> PlanResult<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|node| {
            let node = node.map_expressions(|expr| expr.transform_up(one_row_is_enough))?;
            node.transform_data(|node| match node {
                LogicalPlan::Filter(filter) => {
                    let conditions = split_conjunction_owned(filter.predicate);
                    let rows = filter.input.schema().clone();
                    let conditions = conditions.into_iter().map(|condition| match is_unsettled(&condition)? {
                        true => settled(condition, true, &rows),
                        false => Ok(self.binding(condition)),
                    });
                    let conditions = conditions.collect::<PlanResult<Vec<_>>>()?;
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
