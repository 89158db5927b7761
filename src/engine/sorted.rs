//! ORDER BY a subquery: it becomes a column beneath the sort, which is left out above it. DataFusion runs no subquery
//! within a sort, and brings missing columns to it, but not those that only a subquery speaks of.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result as PlanResult};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, Sort, Subquery};

/// The plan with every such subquery within reach of what it takes. Where that is nowhere beneath the sort, as behind
/// DISTINCT, it stays in its place.
pub fn within_reach(plan: LogicalPlan) -> PlanResult<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Sort(sort) => sorted(sort),
        plan => Ok(Transformed::no(plan)),
    })
    .data()
}

/// The subqueries of an expression, but for those within them.
pub fn subqueries(expr: &Expr) -> Vec<&Subquery> {
    let mut found = Vec::new();
    // Nothing in the walk fails.
    let _ = expr.apply(|expr| {
        match expr {
            Expr::Exists(Exists { subquery, .. })
            | Expr::InSubquery(InSubquery { subquery, .. })
            | Expr::ScalarSubquery(subquery) => found.push(subquery),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Where everything is that a key's subqueries take from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Among the columns that are sorted.
    Shown,
    /// Among those that these are made of.
    Below,
}

fn sorted(mut sort: Sort) -> PlanResult<Transformed<LogicalPlan>> {
    let reaches: Vec<Option<Reach>> = sort.expr.iter().map(|by| reach(&by.expr, &sort.input)).collect();
    if reaches.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Sort(sort)));
    }
    let shown: Vec<Expr> = sort.input.schema().iter().map(Expr::from).collect();
    let mut input = Arc::unwrap_or_clone(sort.input);
    let mut keys = Keys { sort: &mut sort.expr, reaches: &reaches };
    if let LogicalPlan::Projection(projection) = &input
        && reaches.contains(&Some(Reach::Below))
    {
        let projection = single_use(projection)?;
        let added = keys.replaced(Reach::Below, |key| below(key, &projection))?;
        let selected = projection.expr.iter().cloned().chain(added).collect();
        input = LogicalPlan::Projection(Projection::try_new(selected, projection.input)?);
    }
    if reaches.contains(&Some(Reach::Shown)) {
        let given: Vec<Expr> = input.schema().iter().map(Expr::from).collect();
        let added = keys.replaced(Reach::Shown, Ok)?;
        input = LogicalPlanBuilder::from(input).project(given.into_iter().chain(added))?.build()?;
    }
    let plan = LogicalPlanBuilder::from(input).sort_with_limit(sort.expr, sort.fetch)?.project(shown)?.build()?;
    Ok(Transformed::yes(plan))
}

struct Keys<'a> {
    sort: &'a mut [datafusion::logical_expr::SortExpr],
    reaches: &'a [Option<Reach>],
}

impl Keys<'_> {
    /// The keys of one reach as columns, which the sort is given in their place.
    fn replaced(&mut self, reach: Reach, made: impl Fn(Expr) -> PlanResult<Expr>) -> PlanResult<Vec<Expr>> {
        let keys = self.sort.iter_mut().zip(self.reaches).enumerate();
        let keys = keys.filter(|(_, (_, its))| **its == Some(reach)).map(|(at, (by, _))| {
            // No column of a user's begins so.
            let name = format!("#by{at}");
            let key = std::mem::replace(&mut by.expr, Expr::Column(Column::from_name(&name)));
            Ok(made(key)?.alias(name))
        });
        keys.collect()
    }
}

/// Nothing for a key without subqueries, and for one that takes what is not there.
fn reach(expr: &Expr, input: &LogicalPlan) -> Option<Reach> {
    let subqueries = subqueries(expr);
    if subqueries.is_empty() {
        return None;
    }
    let has_all = |plan: &LogicalPlan| {
        let mut outside = subqueries.iter().flat_map(|subquery| &subquery.outer_ref_columns);
        outside.all(|outer| match outer {
            Expr::OuterReferenceColumn(_, column) => plan.schema().has_column(column),
            _ => true,
        })
    };
    match input {
        input if has_all(input) => Some(Reach::Shown),
        LogicalPlan::Projection(projection) if has_all(&projection.input) => Some(Reach::Below),
        _ => None,
    }
}

/// The projection with what would be another value each time made once, beneath it.
fn single_use(projection: &Projection) -> PlanResult<Projection> {
    if !projection.expr.iter().any(Expr::is_volatile) {
        return Ok(projection.clone());
    }
    let given = projection.input.schema();
    let mut made: Vec<Expr> = given.iter().map(Expr::from).collect();
    let mut selected = projection.expr.clone();
    for (at, (expr, (qualifier, field))) in selected.iter_mut().zip(projection.schema.iter()).enumerate() {
        if expr.is_volatile() {
            let name = format!("#once{at}");
            let once = Expr::Column(Column::from_name(&name)).alias_qualified(qualifier.cloned(), field.name());
            made.push(std::mem::replace(expr, once).unalias().alias(name));
        }
    }
    let input = LogicalPlanBuilder::from(projection.input.clone()).project(made)?.build()?;
    Projection::try_new(selected, Arc::new(input))
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
