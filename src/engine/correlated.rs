//! Subqueries that take something from the rows around them, in a form in which DataFusion runs them right, or refused.
//! It pulls their conditions on the outer row up to a join, past whatever stands above: past a window, a DISTINCT or a
//! HAVING that is another result. Here they are pulled up first, by steps that change no rows; what has no such step is
//! told before anything is sent. Reads no tables, and knows none.

mod pulled;
mod reach;
mod refusal;
mod single;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result as PlanResult};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, SubqueryAlias, lit, when,
};

use self::pulled::Pulling;
use self::reach::{has_outer, reaches};
use self::refusal::Refusal;
use crate::engine::lateral::is_unnest;
use crate::engine::run::raise;
use crate::sql::Source;

/// The plan with every such subquery in that form.
///
/// # Errors
/// `Statement`: one that has none.
pub fn settled(plan: LogicalPlan, source: &Source) -> PlanResult<LogicalPlan> {
    let walk = Walk { source, pulling: Pulling::default() };
    plan.transform_up_with_subqueries(|node| {
        if let LogicalPlan::Join(join) = node {
            return walk.lateral(join);
        }
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let settled = expr.transform_up(|expr| walk.subquery(expr))?;
            Ok(settled.update_data(|expr| name.restore(expr)))
        })
    })
    .data()
}

struct Walk<'a> {
    source: &'a Source,
    pulling: Pulling,
}

impl Walk<'_> {
    fn subquery(&self, expr: Expr) -> PlanResult<Transformed<Expr>> {
        let settled = match expr {
            Expr::Exists(Exists { subquery, negated }) if reaches(&subquery.subquery) => {
                self.exists(subquery, negated)?
            }
            Expr::InSubquery(within) if reaches(&within.subquery.subquery) => self.within(within)?,
            Expr::ScalarSubquery(subquery) if reaches(&subquery.subquery) => self.value(subquery)?,
            expr => return Ok(Transformed::no(expr)),
        };
        Ok(Transformed::yes(settled))
    }

    /// Whether there are rows: what they show, how often and in which order, is not asked.
    fn exists(&self, subquery: Subquery, negated: bool) -> PlanResult<Expr> {
        if always_has_rows(&subquery.subquery) {
            return Ok(lit(!negated));
        }
        let rows = sources(&subquery.subquery);
        if let Some((predicate, input)) = having(rows) {
            let holds = self.one(&subquery, predicate.clone(), input)?;
            return Ok(if negated { holds.is_not_true() } else { holds.is_true() });
        }
        let rows = if std::ptr::eq(rows, subquery.subquery.as_ref()) {
            rows.clone()
        } else {
            // No column of a user's begins so.
            LogicalPlanBuilder::from(rows.clone()).project([lit(true).alias("#found")])?.build()?
        };
        let subquery = with_plan(&subquery, rows);
        Ok(Expr::Exists(Exists::new(self.pulled(subquery, Asked::Whether)?, negated)))
    }

    fn within(&self, within: InSubquery) -> PlanResult<Expr> {
        let InSubquery { expr, subquery, negated } = within;
        let compared = |value: Expr| if negated { (*expr).clone().not_eq(value) } else { (*expr).clone().eq(value) };
        if is_one_row(&subquery.subquery) {
            return Ok(compared(self.value(subquery)?));
        }
        if let LogicalPlan::Projection(Projection { expr: shown, input, .. }) = unsorted(&subquery.subquery)
            && let (Some((predicate, rows)), [shown]) = (having(input), shown.as_slice())
        {
            let holds = self.one(&subquery, predicate.clone(), rows)?;
            let value = self.one(&subquery, shown.clone(), rows)?;
            return Ok(match negated {
                true => holds.is_not_true().or(compared(value)),
                false => holds.is_true().and(compared(value)),
            });
        }
        Ok(Expr::InSubquery(InSubquery::new(expr, self.pulled(subquery, Asked::Whether)?, negated)))
    }

    fn value(&self, subquery: Subquery) -> PlanResult<Expr> {
        let mut plan = unsorted(&subquery.subquery).clone();
        match single::rows(&plan) {
            single::Rows::OfAnAggregate => {}
            // Of several columns the planner tells.
            single::Rows::OneOrNone if plan.schema().fields().len() != 1 => {}
            single::Rows::OneOrNone => plan = single::first(plan)?,
            single::Rows::Several => return Err(self.refused(&Refusal::Several, &subquery)),
        }
        if let LogicalPlan::Projection(projection) = &plan
            && let Some((predicate, rows)) = having(&projection.input)
        {
            self.allowed(&subquery, predicate)?;
            plan = conditional(projection, predicate, rows)?;
        }
        let subquery = with_plan(&subquery, plan);
        Ok(Expr::ScalarSubquery(self.pulled(subquery, Asked::Value)?))
    }

    /// One value of the one row of a plan.
    fn one(&self, subquery: &Subquery, value: Expr, rows: &LogicalPlan) -> PlanResult<Expr> {
        self.allowed(subquery, &value)?;
        let plan = LogicalPlanBuilder::from(rows.clone()).project([value.alias("#value")])?.build()?;
        self.value(with_plan(subquery, plan))
    }

    /// A condition on the one row that an aggregate gives, where it is no condition on the outer row.
    fn allowed(&self, subquery: &Subquery, condition: &Expr) -> PlanResult<()> {
        match has_outer(condition) {
            true => Err(self.refused(&Refusal::Having, subquery)),
            false => Ok(()),
        }
    }

    fn pulled(&self, subquery: Subquery, asked: Asked) -> PlanResult<Subquery> {
        let pulled = self.pulling.pulled(subquery.subquery.as_ref().clone())?;
        let plan = pulled.and_then(|pulled| match (asked, pulled.repeats) {
            (Asked::Value | Asked::Rows, Some(column)) => Err(Refusal::Repeats(column)),
            _ => Ok(pulled.plan),
        });
        match plan {
            Ok(plan) => Ok(with_plan(&subquery, plan)),
            Err(refusal) => Err(self.refused(&refusal, &subquery)),
        }
    }

    fn refused(&self, refusal: &Refusal, subquery: &Subquery) -> datafusion::common::DataFusionError {
        raise(refusal.told(subquery, self.source))
    }

    fn lateral(&self, join: Join) -> PlanResult<Transformed<LogicalPlan>> {
        let (right, name) = match &*join.right {
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => (input, Some(alias.clone())),
            _ => (&join.right, None),
        };
        let LogicalPlan::Subquery(subquery) = &**right else { return Ok(Transformed::no(LogicalPlan::Join(join))) };
        let runs = matches!(join.join_type, JoinType::Inner | JoinType::Left);
        if !runs || is_unnest(&subquery.subquery) || !reaches(&subquery.subquery) {
            return Ok(Transformed::no(LogicalPlan::Join(join)));
        }
        let mut plan = unsorted(&subquery.subquery).clone();
        let mut kept = None;
        if let LogicalPlan::Projection(projection) = &plan
            && let Some((predicate, rows)) = having(&projection.input)
        {
            self.allowed(subquery, predicate)?;
            if join.join_type == JoinType::Left {
                plan = conditional(projection, predicate, rows)?;
            } else {
                let column = self.pulling.name();
                let shown = projection.expr.iter().cloned().chain([predicate.clone().alias(&column)]);
                plan = LogicalPlanBuilder::from(rows.clone()).project(shown.collect::<Vec<_>>())?.build()?;
                kept = Some(Expr::Column(Column::new(name.clone(), column)));
            }
        }
        let subquery = self.pulled(with_plan(subquery, plan), Asked::Rows)?;
        let right = LogicalPlan::Subquery(subquery);
        let right = match name {
            Some(name) => LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(right), name)?),
            None => right,
        };
        let shown: Vec<Expr> = join.schema.iter().map(Expr::from).collect();
        let joined = LogicalPlan::Join(Join { right: Arc::new(right), ..join }).recompute_schema()?;
        Ok(Transformed::yes(match kept {
            Some(kept) => LogicalPlanBuilder::from(joined).filter(kept.is_true())?.project(shown)?.build()?,
            None => joined,
        }))
    }
}

fn with_plan(subquery: &Subquery, plan: LogicalPlan) -> Subquery {
    let Subquery { outer_ref_columns, spans, .. } = subquery.clone();
    Subquery { subquery: Arc::new(plan), outer_ref_columns, spans }
}

/// What is wanted of a subquery's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Whether one is among them, however often.
    Whether,
    Value,
    /// Each, as often as it is there.
    Rows,
}

/// Whether a plan gives one row whatever it reads, and that of an aggregate.
fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => is_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_one_row(&alias.input),
        LogicalPlan::Sort(sort) => is_one_row(&sort.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}

fn always_has_rows(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => always_has_rows(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => always_has_rows(&alias.input),
        LogicalPlan::Sort(sort) => always_has_rows(&sort.input),
        LogicalPlan::Distinct(distinct) => always_has_rows(distinct.input()),
        LogicalPlan::Limit(limit) => pulled::keeps_a_row(limit) && always_has_rows(&limit.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        _ => false,
    }
}

/// The plan without the steps at its top that leave no rows where there are some, and make none.
fn sources(plan: &LogicalPlan) -> &LogicalPlan {
    match plan {
        LogicalPlan::Projection(projection) => sources(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => sources(&alias.input),
        LogicalPlan::Sort(sort) => sources(&sort.input),
        LogicalPlan::Distinct(distinct) => sources(distinct.input()),
        LogicalPlan::Window(window) => sources(&window.input),
        LogicalPlan::Limit(limit) if pulled::keeps_a_row(limit) => sources(&limit.input),
        LogicalPlan::Aggregate(aggregate) if pulled::is_grouped(aggregate) => sources(&aggregate.input),
        plan => plan,
    }
}

fn unsorted(plan: &LogicalPlan) -> &LogicalPlan {
    match plan {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => unsorted(&sort.input),
        plan => plan,
    }
}

/// HAVING of an aggregate without GROUP BY: its condition, and the one row that it is about.
fn having(plan: &LogicalPlan) -> Option<(&Expr, &LogicalPlan)> {
    match plan {
        LogicalPlan::Filter(filter) if is_one_row(&filter.input) && reaches(&filter.input) => {
            Some((&filter.predicate, &filter.input))
        }
        _ => None,
    }
}

/// What a row shows where a condition holds, and NULLs where it does not.
fn conditional(projection: &Projection, condition: &Expr, rows: &LogicalPlan) -> PlanResult<LogicalPlan> {
    let shown = projection.expr.iter().zip(projection.schema.iter()).map(|(expr, (qualifier, field))| {
        let value = when(condition.clone(), expr.clone().unalias()).end()?;
        Ok(value.alias_qualified(qualifier.cloned(), field.name()))
    });
    let shown = shown.collect::<PlanResult<Vec<_>>>()?;
    LogicalPlanBuilder::from(rows.clone()).project(shown)?.build()
}
