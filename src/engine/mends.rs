//! What DataFusion 55.2 does wrong, and what a plan is made into so that it does not. Each is found by the differential
//! tests, and can go when DataFusion has mended it. Changes no rows that were right.

use std::sync::Arc;

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

mod filters;
mod held;
mod lists;
mod window_keys;
mod yielding;

pub use held::HeldExec;
pub use yielding::Yielding;

/// DataFusion's rules with the mends among them.
pub fn register(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
        .with_optimizer_rules(rules())
        .with_analyzer_rule(Arc::new(window_keys::WindowKeys))
        .with_physical_optimizer_rules(physical_rules())
}

/// DataFusion's rules, with what its simplifier is not to see kept from it.
fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let rules = Optimizer::new().rules.into_iter();
    let rules = rules.map(|rule| match rule.name() {
        lists::SIMPLIFIER => Arc::new(lists::Veiled(rule)) as _,
        _ => rule,
    });
    rules.collect()
}

/// DataFusion's physical rules but for the one that pushes filters down once more, after the logical plan's. It finds
/// columns by their names alone: with two of one name, as behind a join, it filters the wrong one (DataFusion 55.2,
/// `ProjectionExec::gather_filters_for_pushdown`).
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = Vec::new();
    for rule in PhysicalOptimizer::new().rules {
        match rule.name() {
            name if name.starts_with("FilterPushdown") => continue,
            "ProjectionPushdown" => rules.push(Arc::new(filters::WholeFilters)),
            _ => {}
        }
        rules.push(rule);
    }
    rules.push(Arc::new(held::HeldRows));
    rules
}
