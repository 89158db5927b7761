//! Functions of our own beside DataFusion's: SQLite's for JSON and the others that scripts written for StackQL use, on
//! nested columns and on JSON text alike. What each does is below; here is which there are. Pure: nothing is called.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::error::ArrowError;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::optimizer::Analyzer;

mod aggregates;
mod arguments;
mod companion;
mod compare;
mod each;
mod extremes;
mod found;
mod json;
mod mixed;
mod operators;
mod order;
mod path;
mod same;
mod scalars;
mod secret;
mod substr;
mod times;
mod unlike;
mod wider;
mod zero;

use crate::engine::lateral::Lateral;

pub use each::{columns as table_columns, names as table_names};
pub use operators::compared;

/// Lists and structs as texts of JSON.
///
/// # Errors
/// A value that Arrow cannot show.
pub fn json_texts(values: &dyn Array) -> Result<ArrayRef, ArrowError> {
    let text = |row| json::Json::of_cell(values, row).map(|json| (json != json::Json::Null).then(|| json.to_string()));
    Ok(Arc::new((0..values.len()).map(text).collect::<Result<StringArray, _>>()?))
}

/// Whether a function stands only in what the resolving pass makes of a statement.
pub fn is_hidden(name: &str) -> bool {
    scalars::is_hidden(name)
}

/// A state that knows them, by name and by operator.
pub fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let ours = scalars::functions().chain(companion::functions()).chain([secret::function(), substr::function()]);
    for function in ours.chain(times::functions()).chain(wider::functions()) {
        builder.scalar_functions().get_or_insert_default().push(Arc::new(function));
    }
    for function in aggregates::functions().chain(extremes::functions()) {
        builder.aggregate_functions().get_or_insert_default().push(Arc::new(function));
    }
    // Before DataFusion's own, which take every operator that they are given.
    let planners = builder.expr_planners().get_or_insert_default();
    planners.insert(0, Arc::new(operators::Operators));
    planners.insert(0, Arc::new(aggregates::Aggregates));
    builder.relation_planners().get_or_insert_default().insert(0, Arc::new(each::Tables));
    let analyzer = builder.analyzer().get_or_insert_with(Analyzer::new);
    analyzer.rules.insert(0, Arc::new(Lateral));
    analyzer.rules.insert(0, Arc::new(order::Ordered));
    analyzer.add_function_rewrite(Arc::new(operators::Values));
    builder
}
