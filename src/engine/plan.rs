//! From a resolved query to DataFusion's plans and their rows, and the state that a session plans with. Knows no
//! statement of ours.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as PlannerStatement;
use futures::TryStreamExt;
use sqlparser::ast::Query;

use crate::engine::rewrites::FewerCalls;
use crate::engine::translate::translate;
use crate::engine::{
    Engine, correlated, everywhere, functions, items, mends, occurrences, refused, row_values, rules, sorted,
};
use crate::error::Result;
use crate::settings::Settings;
use crate::sql::Source;

/// Small enough that a first row is soon seen, large enough that a batch costs little.
const BATCH_ROWS: usize = 1024;

/// DataFusion's plan of a resolved query.
pub async fn logical(state: &SessionState, query: Query, source: &Source) -> Result<LogicalPlan> {
    refused::ragged(&query, source)?;
    let ungrouped = refused::Ungrouped::of(&query, source, &|name| state.aggregate_functions().contains_key(name))?;
    let failed = |error| ungrouped.complaint(&error, source).unwrap_or_else(|| translate(&error, Some(source)));
    let statement = sqlparser::ast::Statement::Query(Box::new(query));
    let plan = Box::pin(state.statement_to_plan(PlannerStatement::Statement(Box::new(statement)))).await;
    let plan = plan.and_then(row_values::expanded).and_then(sorted::within_reach);
    let plan = plan.and_then(|plan| everywhere::expanded(plan, state.config()));
    let plan = plan.and_then(|plan| occurrences::told_apart(plan, state.config())).map_err(failed)?;
    // Boxed: statements within statements are planned on one stack.
    let plan = Box::pin(items::evaluated(plan, state)).await;
    plan.and_then(|plan| correlated::settled(plan, source)).map_err(failed)
}

pub async fn physical(state: &SessionState, plan: &LogicalPlan, source: &Source) -> Result<Arc<dyn ExecutionPlan>> {
    let optimized = Box::new(state.optimize(plan).map_err(|error| refused::unplanned(&error, plan, source))?);
    refused::unrunnable(&optimized, source)?;
    let planned = state.query_planner().create_physical_plan(&optimized, state).await;
    planned.map_err(|error| translate(&error, Some(source)))
}

/// Every batch of a plan.
pub async fn collect(state: &SessionState, plan: Arc<dyn ExecutionPlan>, source: &Source) -> Result<Vec<RecordBatch>> {
    let failed = |error| translate(&error, Some(source));
    execute_stream(plan, state.task_ctx()).map_err(failed)?.try_collect().await.map_err(failed)
}

/// A session's state: its limits, the catalog's tables, the rules and functions of our own.
pub fn state(engine: &Engine, settings: &Settings) -> SessionState {
    let config = SessionConfig::new()
        .with_information_schema(true)
        .with_default_catalog_and_schema("local", "main")
        .with_batch_size(BATCH_ROWS)
        // One stream: a repartition in between would read further than a LIMIT needs.
        .with_target_partitions(1)
        .with_round_robin_repartition(false)
        // A bind join runs its detail side once for each round: a filter that one round's rows made must not meet the
        // next round's. No service takes such filters anyway.
        .set_bool("datafusion.optimizer.enable_dynamic_filter_pushdown", false)
        // To its planner `x IS TRUE` is never NULL, to what runs it it may be; an aggregate above would be refused for that.
        .set_bool("datafusion.execution.skip_physical_aggregate_schema_check", true)
        .set_bool("datafusion.sql_parser.collect_spans", true)
        // One type of text, that of the services' columns: a join of two kinds casts its keys, and the planner then finds
        // a column and its cast under one name.
        .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false)
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false);
    let mut runtime = RuntimeEnvBuilder::new();
    let mut config = config;
    if let Some(memory) = settings.limits.memory {
        runtime = runtime.with_memory_limit(memory, 1.0);
        // What a sort sets aside for the merge of what it spilled: by default more than a small limit has in all.
        let execution = &mut config.options_mut().execution;
        execution.sort_spill_reservation_bytes = execution.sort_spill_reservation_bytes.min(memory / 8);
        execution.sort_in_place_threshold_bytes = execution.sort_in_place_threshold_bytes.min(memory / 8);
    }
    let mut builder = SessionStateBuilder::new().with_config(config).with_default_features();
    if let Ok(runtime) = runtime.build_arc() {
        builder = builder.with_runtime_env(runtime);
    }
    builder = functions::register(builder);
    let builder = mends::register(builder.with_analyzer_rule(Arc::new(FewerCalls::new(&engine.catalog))));
    let state = rules::rules().into_iter().fold(builder, SessionStateBuilder::with_physical_optimizer_rule).build();
    for (name, catalog) in &engine.catalogs {
        state.catalog_list().register_catalog(name.clone(), catalog.clone());
    }
    state
}
