//! LATERAL over the items of a column: `FROM t, json_each(t.tags)`, `CROSS JOIN LATERAL unnest(t.tags)`. DataFusion plans
//! such a join, and has no way to run it. Here the right side is built on top of the left one, whose rows it repeats.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{
    Column, NullHandling, RecursionUnnestOption, Result as PlanResult, ScalarValue, TableReference, UnnestOptions,
    plan_err,
};
use datafusion::logical_expr::{
    Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias, Unnest,
};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::run::raise;
use crate::error::{Error, Kind};

#[derive(Debug)]
pub struct Lateral;

impl AnalyzerRule for Lateral {
    fn name(&self) -> &str {
        "lateral"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> PlanResult<LogicalPlan> {
        flattened(plan, Reach::Left)
    }
}

/// What a right side may speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The left side alone.
    Left,
    /// Rows further out, too: the plan is a subquery's.
    Further,
}

/// The plan without such joins.
///
/// # Errors
/// One that has no plan.
pub fn flattened(plan: LogicalPlan, reach: Reach) -> PlanResult<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Join(join) => joined(join, reach),
        plan => Ok(Transformed::no(plan)),
    })
    .data()
}

/// The name of what is unnested by a plan that has none of its own.
const UNNAMED: &str = "#lateral";

fn joined(join: Join, reach: Reach) -> PlanResult<Transformed<LogicalPlan>> {
    let (right, name) = match &*join.right {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => (input, alias.clone()),
        _ => (&join.right, TableReference::bare(UNNAMED)),
    };
    let LogicalPlan::Subquery(subquery) = &**right else { return Ok(Transformed::no(LogicalPlan::Join(join))) };
    if !is_unnest(&subquery.subquery) {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let keeps_all = match join.join_type {
        JoinType::Inner => false,
        JoinType::Left => true,
        other => return plan_err!("not possible yet: {other} JOIN with the items of a column"),
    };
    let is_true = |filter: &Expr| matches!(filter, Expr::Literal(ScalarValue::Boolean(Some(true)), _));
    let filter = join.filter.clone().filter(|filter| !is_true(filter));
    if keeps_all && (filter.is_some() || !join.on.is_empty()) {
        return Err(raise(conditional("LEFT JOIN with the items of a column takes `ON true` alone")));
    }
    let mut outside = Vec::new();
    subquery.subquery.apply(|plan| {
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::OuterReferenceColumn(_, column) = expr {
                    outside.extend((!join.left.schema().has_column(column)).then(|| column.clone()));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    if let (Reach::Left, Some(column)) = (reach, outside.first()) {
        return plan_err!(
            "`{column}` is out of reach here: write what has it directly before, in the same FROM, behind a comma"
        );
    }
    let build = Build { left: &join.left, name: &name, keeps_all };
    let plan = build.plan(&subquery.subquery)?;
    // What the join had, in its order and by its names.
    let columns = join.schema.iter().enumerate().map(|(at, (qualifier, field))| {
        if at < join.left.schema().fields().len() {
            return Expr::Column(Column::new(qualifier.cloned(), field.name()));
        }
        let column = Expr::Column(build.column(&Column::from_name(field.name())));
        column.alias_qualified(qualifier.cloned(), field.name())
    });
    let plan = LogicalPlanBuilder::from(plan).project(columns.collect::<Vec<_>>())?;
    let on = join.on.iter().map(|(left, right)| left.clone().eq(right.clone()));
    let condition = on.chain(filter).reduce(Expr::and);
    let plan = match condition {
        Some(condition) => plan.filter(condition)?,
        None => plan,
    };
    Ok(Transformed::yes(plan.build()?))
}

/// Is this a chain of nothing but steps that can stand on top of other rows, with items of a column among them?
pub fn is_unnest(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let mut plan = plan;
    loop {
        plan = match plan {
            LogicalPlan::Projection(projection) => &projection.input,
            LogicalPlan::Filter(filter) => &filter.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Unnest(unnest) => {
                found = true;
                &unnest.input
            }
            LogicalPlan::EmptyRelation(empty) => return found && empty.produce_one_row,
            _ => return false,
        };
    }
}

struct Build<'a> {
    left: &'a Arc<LogicalPlan>,
    /// Begins the name of every column of the right side, so that none is taken for one of the left side. It is no
    /// qualifier: unnesting loses those.
    name: &'a TableReference,
    /// A row of the left side without any item stays, with NULLs.
    keeps_all: bool,
}

impl Build<'_> {
    /// The same steps, on the left side's rows.
    fn plan(&self, plan: &LogicalPlan) -> PlanResult<LogicalPlan> {
        match plan {
            LogicalPlan::EmptyRelation(_) => Ok((**self.left).clone()),
            LogicalPlan::SubqueryAlias(alias) => self.plan(&alias.input),
            LogicalPlan::Projection(Projection { expr, schema, input, .. }) => {
                let input = self.plan(input)?;
                let given = expr.iter().zip(schema.fields()).map(|(expr, field)| {
                    let metadata = (!field.metadata().is_empty()).then(|| field.metadata().clone().into());
                    let expr = self.expr(expr.clone().unalias())?;
                    Ok(expr.alias_with_metadata(self.column(&Column::from_name(field.name())).name, metadata))
                });
                let columns: Vec<Expr> = self.kept().map(Ok).chain(given).collect::<PlanResult<_>>()?;
                LogicalPlanBuilder::from(input).project(columns)?.build()
            }
            LogicalPlan::Filter(filter) => {
                let input = self.plan(&filter.input)?;
                if self.keeps_all {
                    let message = "LEFT JOIN LATERAL over the items of a column takes no WHERE of its own";
                    return Err(raise(conditional(message)));
                }
                LogicalPlanBuilder::from(input).filter(self.expr(filter.predicate.clone())?)?.build()
            }
            LogicalPlan::Unnest(Unnest { input, exec_columns, options, .. }) => {
                let input = self.plan(input)?;
                let columns: Vec<Column> = exec_columns.iter().map(|column| self.column(column)).collect();
                let builder = LogicalPlanBuilder::from(input);
                let null_handling =
                    if self.keeps_all { NullHandling::PreserveAndExpandEmpty } else { NullHandling::Drop };
                let recursions = options.recursions.iter().map(|recursion| RecursionUnnestOption {
                    input_column: self.column(&recursion.input_column),
                    output_column: self.column(&recursion.output_column),
                    depth: recursion.depth,
                });
                let options = UnnestOptions { null_handling, recursions: recursions.collect() };
                builder.unnest_columns_with_options(columns, options)?.build()
            }
            other => plan_err!("not possible yet: {} in LATERAL", other.display()),
        }
    }

    /// The left side's columns.
    fn kept(&self) -> impl Iterator<Item = Expr> {
        self.left.schema().iter().map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
    }

    fn column(&self, column: &Column) -> Column {
        Column::from_name(format!("#{}#{}", self.name, column.name))
    }

    /// What refers to the left side does so directly; what refers to the right side does so by its name here.
    fn expr(&self, expr: Expr) -> PlanResult<Expr> {
        expr.transform_up(|expr| {
            Ok(match expr {
                Expr::OuterReferenceColumn(_, column) if self.left.schema().has_column(&column) => {
                    Transformed::yes(Expr::Column(column))
                }
                Expr::Column(column) => Transformed::yes(Expr::Column(self.column(&column))),
                expr => Transformed::no(expr),
            })
        })
        .data()
    }
}

/// A condition on the items where the row without any is to stay: in WHERE it would go.
fn conditional(message: &str) -> Error {
    Error::new(Kind::Statement, message)
        .with_hint("one value of the items is a column: `tags['env']`, or `(SELECT max(e.value ->> 'Value') FROM json_each(t.tags) e WHERE …)`")
        .with_hint("where rows without such an item may go, write JOIN and put the condition into WHERE")
}
