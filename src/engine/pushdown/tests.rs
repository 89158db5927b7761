//! What filters imply, and that DataFusion lets no other row pass.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DFSchema;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;
use datafusion::prelude::{col, lit};
use proptest::prelude::*;

use super::*;

fn check(filter: Expr, expected: &[(&str, &[&str])], only: Option<&str>) {
    let expected: Values = expected
        .iter()
        .map(|(name, values)| (name.to_string(), values.iter().map(|value| value.to_string()).collect()))
        .collect();
    assert_eq!(implied(&filter), expected, "{filter}");
    assert_eq!(only_column(&filter), only, "{filter}");
}

#[test]
fn a_filter_implies_values() {
    let a = |value: &str| col("a").eq(lit(value));
    let b = |value: &str| col("b").eq(lit(value));
    check(a("1"), &[("a", &["1"])], Some("a"));
    check(lit("1").eq(col("a")), &[("a", &["1"])], Some("a"));
    check(a("1").or(a("2")).or(a("1")), &[("a", &["1", "2"])], Some("a"));
    check(col("a").in_list(vec![lit("2"), lit("1"), lit("2")], false), &[("a", &["2", "1"])], Some("a"));
    check(col("a").in_list(vec![lit("2")], true), &[], None);
    check(a("1").and(b("2")), &[("a", &["1"]), ("b", &["2"])], None);
    check(a("1").and(a("2")), &[("a", &[])], None);
    check(a("1").and(b("2")).or(a("3")), &[("a", &["1", "3"])], None);
    check(a("1").or(b("2")), &[], None);
    check(a("1").or(lit(ScalarValue::Boolean(None))), &[("a", &["1"])], None);
    let with_null = vec![lit("1"), lit("2"), lit("3"), lit(ScalarValue::Utf8(None))];
    check(col("a").in_list(with_null, false), &[("a", &["1", "2", "3"])], None);
    check(col("a").eq(lit(1)), &[], None);
    check(col("a").not_eq(lit("1")), &[], None);
    check(col("a").eq(col("b")), &[], None);
}

#[test]
fn several_filters_leave_what_all_allow() {
    let in_two = col("a").in_list(vec![lit("1"), lit("2")], false);
    let found = values(&[in_two.clone(), col("a").eq(lit("2"))]);
    assert_eq!(found, Values::from([("a".to_string(), vec!["2".to_string()])]));
    let none = values(&[in_two, col("a").eq(lit("3"))]);
    assert_eq!(none, Values::from([("a".to_string(), vec![])]));
}

/// What a value may be, and what a filter may ask for.
const VALUES: [Option<&str>; 4] = [Some("1"), Some("2"), Some("3"), None];

fn any_filter() -> impl Strategy<Value = Expr> {
    let column = prop_oneof![Just(col("a")), Just(col("b"))];
    let value = prop::sample::select(VALUES.to_vec()).prop_map(|value| lit(ScalarValue::Utf8(value.map(String::from))));
    let values = prop::collection::vec(value.clone(), 1..4);
    let single = prop_oneof![
        4 => (column.clone(), value.clone()).prop_map(|(column, value)| column.eq(value)),
        1 => (column.clone(), value.clone()).prop_map(|(column, value)| value.eq(column)),
        1 => (column.clone(), value).prop_map(|(column, value)| column.not_eq(value)),
        2 => (column.clone(), values, any::<bool>()).prop_map(|(column, values, not)| column.in_list(values, not)),
        1 => column.prop_map(Expr::is_null),
        1 => Just(lit(ScalarValue::Boolean(None))),
        1 => Just(lit(false)),
        1 => Just(col("a").eq(col("b"))),
    ];
    single.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            3 => (inner.clone(), inner.clone()).prop_map(|(left, right)| left.and(right)),
            3 => (inner.clone(), inner.clone()).prop_map(|(left, right)| left.or(right)),
            1 => inner.prop_map(|filter| !filter),
        ]
    })
}

/// Every pair of values, and whether it passes.
fn passing(filter: &Expr) -> Vec<([Option<&'static str>; 2], bool)> {
    let pairs: Vec<_> = VALUES.iter().flat_map(|a| VALUES.map(|b| [*a, b])).collect();
    let schema = Arc::new(Schema::new(["a", "b"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec()));
    let column = |at: usize| Arc::new(pairs.iter().map(|pair| pair[at]).collect::<StringArray>()) as _;
    let batch = RecordBatch::try_new(schema.clone(), vec![column(0), column(1)]).expect("a batch");
    let named = DFSchema::try_from(schema.as_ref().clone()).expect("a schema");
    let planned = create_physical_expr(filter, &named, &ExecutionProps::new(), &PhysicalPlanningContext::default());
    let found = planned.expect("a filter").evaluate(&batch).expect("a result").into_array(pairs.len()).expect("flags");
    let found = found.as_boolean();
    (0..pairs.len()).map(|at| (pairs[at], found.is_valid(at) && found.value(at))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_row_passes_that_has_other_values(filters in prop::collection::vec(any_filter(), 1..3)) {
        let whole = filters.iter().cloned().reduce(Expr::and).expect("a filter");
        let (together, implied) = (values(&filters), implied(&whole));
        for (row, passes) in passing(&whole).into_iter().filter(|(_, passes)| *passes) {
            for (name, values) in together.iter().chain(&implied) {
                let value = row[usize::from(name == "b")];
                prop_assert!(
                    value.is_some_and(|value| values.iter().any(|known| known == value)),
                    "{whole}: {row:?} passes ({passes}), and `{name}` is one of {values:?}"
                );
            }
        }
    }

    /// Such a filter is answered by the calls alone.
    #[test]
    fn what_is_only_values_lets_all_of_them_pass(filter in any_filter()) {
        if let Some(name) = only_column(&filter) {
            let values = implied(&filter).remove(name).unwrap_or_default();
            for (row, passes) in passing(&filter) {
                let value = row[usize::from(name == "b")];
                let is_listed = value.is_some_and(|value| values.iter().any(|known| known == value));
                prop_assert_eq!(passes, is_listed, "{}: {:?}", filter, row);
            }
        }
    }
}
