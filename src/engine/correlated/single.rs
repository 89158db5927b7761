//! A subquery of which one value is wanted: whether it gives more than one row for an outer row, as far as its shape
//! tells, and the form in which DataFusion takes it for one that does not.

use datafusion::common::{Column, Result as PlanResult};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, BinaryExpr, Expr, FetchType, LogicalPlan, LogicalPlanBuilder, Operator};

use super::pulled::is_grouped;
use super::reach::has_outer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The one of an aggregate without GROUP BY: DataFusion sees that itself.
    OfAnAggregate,
    OneOrNone,
    Several,
}

pub fn rows(plan: &LogicalPlan) -> Rows {
    match plan {
        LogicalPlan::Projection(projection) => rows(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => rows(&alias.input),
        LogicalPlan::Sort(sort) => rows(&sort.input),
        LogicalPlan::Filter(filter) => rows(&filter.input),
        LogicalPlan::Distinct(distinct) => rows(distinct.input()),
        LogicalPlan::Limit(limit) => match (rows(&limit.input), limit.get_fetch_type()) {
            (Rows::Several, Ok(FetchType::Literal(Some(0 | 1)))) => Rows::OneOrNone,
            (rows, _) => rows,
        },
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => Rows::OfAnAggregate,
        LogicalPlan::Aggregate(aggregate) if is_keyed(aggregate) => Rows::OneOrNone,
        plan if plan.max_rows().is_some_and(|rows| rows <= 1) => Rows::OneOrNone,
        _ => Rows::Several,
    }
}

/// Whether an outer row finds one group at most: it is grouped by nothing but what equals something from outside.
fn is_keyed(aggregate: &Aggregate) -> bool {
    let LogicalPlan::Filter(filter) = &*aggregate.input else { return false };
    let conditions = split_conjunction(&filter.predicate);
    let keys: Vec<&Expr> = conditions
        .into_iter()
        .filter_map(|condition| match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                match (has_outer(left) && !left.any_column_refs(), has_outer(right) && !right.any_column_refs()) {
                    (true, false) => Some(&**right),
                    (false, true) => Some(&**left),
                    _ => None,
                }
            }
            _ => None,
        })
        .collect();
    is_grouped(aggregate) && aggregate.group_expr.iter().all(|group| keys.contains(&group))
}

/// The plan with its first row's value as an aggregate.
pub fn first(plan: LogicalPlan) -> PlanResult<LogicalPlan> {
    let (qualifier, field) = plan.schema().qualified_field(0);
    let column = Column::new(qualifier.cloned(), field.name());
    let name = field.name().clone();
    let value = first_value_udaf().call(vec![Expr::Column(column)]).alias(name);
    LogicalPlanBuilder::from(plan).aggregate(Vec::<Expr>::new(), [value])?.build()
}
