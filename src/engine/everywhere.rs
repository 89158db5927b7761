//! `region = '*'`: every region of the setting `aws.regions`, put in its place before anything else reads the condition.
//! An optimizer that saw `region = '*' AND region <> 'us-east-1'` would take the second for granted.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result as PlanResult};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, lit};
use datafusion::prelude::SessionConfig;

use crate::engine::pushdown::distinct;
use crate::engine::regions::Names;
use crate::engine::run::{Run, raise};
use crate::engine::tables::ResourceTable;
use crate::error::{Error, Kind, Result};

pub const REGION: &str = "region";
const STAR: &str = "*";

/// The plan with a list of regions wherever a param `region` is compared with `*`.
///
/// # Errors
/// `Param`: the setting is not set.
pub fn expanded(plan: LogicalPlan, config: &SessionConfig) -> PlanResult<LogicalPlan> {
    let named = literals(&plan)?;
    let expanded = plan.transform_up_with_subqueries(|node| {
        let inputs: Vec<LogicalPlan> = node.inputs().into_iter().cloned().collect();
        node.map_expressions(|expr| {
            expr.transform_up(|expr| {
                let Some((column, others)) = every(&expr) else { return Ok(Transformed::no(expr)) };
                let Some(regions) = inputs.iter().find_map(|input| regions(input, column, config)) else {
                    return Ok(Transformed::no(expr));
                };
                let regions = regions?;
                let names = Names { every: regions.iter().cloned().collect(), named: named.clone() };
                Run::of(config)?.regions.add(names);
                let list = regions.into_iter().map(lit).chain(others).collect();
                Ok(Transformed::yes(Expr::Column(column.clone()).in_list(list, false)))
            })
        })
    });
    expanded.data()
}

/// Every text that stands in a statement: a region that is named there is one that was asked for.
fn literals(plan: &LogicalPlan) -> PlanResult<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::Literal(value, _) = expr {
                    found.extend(value.try_as_str().flatten().map(String::from));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// The session's value of a param with `*` in it: every region, and what else it names.
///
/// # Errors
/// `Param`: the setting is not set.
pub fn default(table: &ResourceTable, run: &Run, values: &[String]) -> Result<Vec<String>> {
    let named: Vec<String> = values.iter().filter(|value| *value != STAR).cloned().collect();
    let every = if named.len() == values.len() { Vec::new() } else { all(table, run)? };
    run.regions.add(Names { every: every.iter().cloned().collect(), named: named.iter().cloned().collect() });
    Ok(distinct(every.into_iter().chain(named).collect()))
}

/// The column that is compared with `*`, and what else it may be.
fn every(expr: &Expr) -> Option<(&Column, Vec<Expr>)> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), star) | (star, Expr::Column(column)) if is_star(star) => Some((column, Vec::new())),
            _ => None,
        },
        Expr::InList(InList { expr, list, negated: false }) if list.iter().any(is_star) => match expr.as_ref() {
            Expr::Column(column) => Some((column, list.iter().filter(|item| !is_star(item)).cloned().collect())),
            _ => None,
        },
        _ => None,
    }
}

fn is_star(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.try_as_str().flatten() == Some(STAR))
}

/// Every region, where a plan's column is a param `region` of a resource.
fn regions(plan: &LogicalPlan, column: &Column, config: &SessionConfig) -> Option<Found> {
    let at = plan.schema().maybe_index_of_column(column)?;
    origin(plan, at, &mut |table| Run::of(config).and_then(|run| all(table, &run).map_err(raise)))
}

type Found = PlanResult<Vec<String>>;

/// What `found` says of the resource whose param an output column is.
fn origin(plan: &LogicalPlan, at: usize, found: &mut dyn FnMut(&ResourceTable) -> Found) -> Option<Found> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok()?;
            let table = provider.downcast_ref::<ResourceTable>()?;
            let is_region = plan.schema().field(at).name() == REGION && table.resource.param(REGION).is_some();
            is_region.then(|| found(table))
        }
        LogicalPlan::Projection(projection) => {
            let expr = projection.expr.get(at)?.clone().unalias();
            let Expr::Column(column) = expr else { return None };
            origin(&projection.input, projection.input.schema().maybe_index_of_column(&column)?, found)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let Expr::Column(column) = aggregate.group_expr.get(at)? else { return None };
            origin(&aggregate.input, aggregate.input.schema().maybe_index_of_column(column)?, found)
        }
        LogicalPlan::Join(_) => {
            let (relation, field) = plan.schema().qualified_field(at);
            let column = Column::new(relation.cloned(), field.name());
            plan.inputs()
                .into_iter()
                .find_map(|side| origin(side, side.schema().maybe_index_of_column(&column)?, found))
        }
        // Its columns are those of what it is of, in their order.
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Union(_) => plan
            .inputs()
            .into_iter()
            .find_map(|input| (at < input.schema().fields().len()).then(|| origin(input, at, found)).flatten()),
        _ => None,
    }
}

fn all(table: &ResourceTable, run: &Run) -> Result<Vec<String>> {
    match run.defaults.every_region.as_slice() {
        [] => Err(Error::new(Kind::Param, "`region = '*'` needs the setting `aws.regions`").with_hint(
            "`SET aws.regions = ('us-east-1', 'eu-west-1')`, or `SET aws.regions = 'all'` for every region of the \
             partition",
        )),
        [all] if all == "all" => {
            let methods = table.resource.verbs.select.iter().filter_map(|method| table.resource.method(method));
            let signatures = methods.filter_map(|method| table.driver.signature(&method.call));
            let mut params = signatures.flat_map(|signature| signature.params);
            let Some(region) = params.find(|param| param.name == REGION) else { return Ok(Vec::new()) };
            // The partition is that of `AWS_REGION`.
            let home = (region.group)(run.region_hint.as_deref().unwrap_or("us-east-1"));
            Ok(region.known.iter().filter(|name| (region.group)(name) == home).map(ToString::to_string).collect())
        }
        set => Ok(set.to_vec()),
    }
}
