//! Which of the values that a column may have pass the other conditions on it: `region IN (…) AND region LIKE 'us-%'`.
//! Pure, and only ever a help: whatever cannot be decided here stays, and every condition is checked again on the rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;

/// Those of a text column's values that every filter lets pass which speaks of this column alone.
pub fn passing(column: &str, values: Vec<String>, filters: &[Expr]) -> Vec<String> {
    let speaks_of_it_alone = |filter: &&Expr| {
        let columns = filter.column_refs();
        !columns.is_empty() && columns.iter().all(|found| found.name == column) && !filter.is_volatile()
    };
    let passes = |values: Vec<String>, filter: &Expr| match decided(column, &values, filter) {
        Some(decided) => {
            let passing = values.into_iter().zip(decided.iter()).filter(|(_, passes)| *passes == Some(true));
            passing.map(|(value, _)| value).collect()
        }
        None => values,
    };
    filters.iter().filter(speaks_of_it_alone).fold(values, passes)
}

fn decided(column: &str, values: &[String], filter: &Expr) -> Option<BooleanArray> {
    let bare = filter.clone().transform(|expr| {
        Ok(match expr {
            Expr::Column(_) => Transformed::yes(Expr::Column(Column::from_name(column))),
            expr => Transformed::no(expr),
        })
    });
    let schema = Arc::new(Schema::new(vec![Field::new(column, DataType::Utf8, true)]));
    let expr = create_physical_expr(
        &bare.ok()?.data,
        &DFSchema::try_from(schema.as_ref().clone()).ok()?,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    );
    let rows = Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let rows = RecordBatch::try_new(schema, vec![rows]).ok()?;
    let decided = expr.ok()?.evaluate(&rows).ok()?.into_array(values.len()).ok()?;
    decided.as_boolean_opt().cloned()
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    #[test]
    fn what_no_condition_refuses_stays() {
        let check = |filters: &[Expr], expected: &[&str]| {
            let values = ["us-east-1", "us-west-2", "eu-west-1"].map(String::from).to_vec();
            assert_eq!(passing("a", values, filters), expected, "{filters:?}");
        };
        check(&[], &["us-east-1", "us-west-2", "eu-west-1"]);
        check(&[col("a").like(lit("us-%"))], &["us-east-1", "us-west-2"]);
        check(&[col("a").like(lit("us-%")), col("t.a").not_eq(lit("us-east-1"))], &["us-west-2"]);
        check(&[col("a").in_list(vec![lit("eu-west-1")], true)], &["us-east-1", "us-west-2"]);
        check(&[col("a").is_null()], &[]);
        // Of another column, or of two.
        check(&[col("b").eq(lit("x")), col("a").eq(col("b"))], &["us-east-1", "us-west-2", "eu-west-1"]);
    }
}
