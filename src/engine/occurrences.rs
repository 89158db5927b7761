//! Which mention of a table each scan is of, so that what it lacks is told where that table stands, by the name that it
//! has there. Changes no rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Result as PlanResult;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{LogicalPlan, SubqueryAlias, TableScan};
use datafusion::prelude::SessionConfig;

use crate::engine::run::{Run, Used};
use crate::engine::tables::ResourceTable;

/// A table's full name, and the alias that it has.
type Called = (String, Option<String>);

/// The plan with each table knowing where it is mentioned. Several that are called the same are told apart by their
/// order, as long as the plan reads each mention once.
pub fn told_apart(plan: LogicalPlan, config: &SessionConfig) -> PlanResult<LogicalPlan> {
    let run = Run::of(config)?;
    let mut scans: HashMap<Called, usize> = HashMap::new();
    plan.apply_with_subqueries(|node| {
        let Some((table, alias, _)) = mention(node) else { return Ok(TreeNodeRecursion::Continue) };
        *scans.entry((table.resource.full_name(), alias)).or_default() += 1;
        Ok(TreeNodeRecursion::Jump)
    })?;
    let mut seen: HashMap<Called, usize> = HashMap::new();
    let found = plan.transform_down_with_subqueries(|node| {
        let Some((table, alias, scan)) = mention(&node) else { return Ok(Transformed::no(node)) };
        let called = (table.resource.full_name(), alias);
        let mentions: Vec<&Used> = run.mentions(&called.0, called.1.as_deref()).collect();
        let at = seen.entry(called.clone()).or_default();
        let used = if scans.get(&called) == Some(&mentions.len()) { mentions.get(*at) } else { mentions.first() };
        *at += 1;
        let source = provider_as_source(Arc::new(table.mentioned(used.map(|used| (*used).clone()))));
        let scan = LogicalPlan::TableScan(TableScan { source, ..scan });
        let node = match &node {
            LogicalPlan::SubqueryAlias(alias) => {
                LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(scan), alias.alias.clone())?)
            }
            _ => scan,
        };
        Ok(Transformed::new(node, true, TreeNodeRecursion::Jump))
    })?;
    Ok(found.data)
}

/// The resource that is read at a node, with its alias if it has one.
fn mention(node: &LogicalPlan) -> Option<(ResourceTable, Option<String>, TableScan)> {
    let (scan, alias) = match node {
        LogicalPlan::TableScan(scan) => (scan, None),
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::TableScan(scan) => (scan, Some(alias.alias.table().to_string())),
            _ => return None,
        },
        _ => return None,
    };
    let provider = source_as_provider(&scan.source).ok()?;
    Some((provider.downcast_ref::<ResourceTable>()?.clone(), alias, scan.clone()))
}
