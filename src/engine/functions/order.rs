//! Values of JSON in SQLite's order: numbers by their size, then texts by their letters. A value out of JSON is text
//! here; where its type can still be seen, it is compared and sorted by a key that keeps it. Columns of subqueries have
//! lost it: of those, what is written as a number is taken for one.

use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, DFSchema, Result as PlanResult};
use datafusion::logical_expr::expr::{ScalarFunction, Sort as SortBy};
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection, Sort};
use datafusion::optimizer::AnalyzerRule;

use super::arguments::{Mark, is_text};
use super::json::Json;
use super::mixed;
use super::scalars::Name;

/// Whether a value is taken out of JSON here, so that its type can be seen.
pub fn is_typed(value: &Expr) -> bool {
    match value {
        Expr::Alias(alias) => is_typed(&alias.expr),
        Expr::ScalarFunction(ScalarFunction { func, args }) => match Name::of(func) {
            Some(Name::JsonExtract) => args.len() == 2,
            Some(Name::Mixed) => args.first().is_some_and(is_typed),
            Some(name) => matches!(name, Name::ExtractValue | Name::JsonGet | Name::Valued),
            None => mixed::is_value(value, is_typed),
        },
        value => mixed::is_value(value, is_typed),
    }
}

/// The JSON that a value is taken from, if it is taken here.
pub fn typed(value: &Expr) -> Option<Expr> {
    match value {
        Expr::Alias(alias) => typed(&alias.expr),
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let found = match (Name::of(func), args.len()) {
                (Some(Name::JsonExtract), 2) => Name::FoundJson,
                (Some(Name::ExtractValue), _) => Name::ExtractJson,
                (Some(Name::JsonGet), _) => Name::GetJson,
                (Some(Name::Valued), _) => return args.first().map(|json| mixed::known(json.clone())),
                (Some(Name::Mixed), _) => return typed(args.first()?),
                (Some(_), _) => return None,
                (None, _) => return mixed::typed(value),
            };
            Some(found.function().call(args.clone()))
        }
        value => mixed::typed(value),
    }
}

/// By this a value is compared with others.
pub fn key(value: &Expr) -> Option<Expr> {
    typed(value).map(|json| Name::Key.function().call(vec![json]))
}

/// By this the least and the greatest value are found; it still has the value.
pub fn ranked(value: &Expr) -> Option<Expr> {
    typed(value).map(|json| Name::Ranked.function().call(vec![json]))
}

pub fn unranked(ranked: Expr) -> Expr {
    Name::Unranked.function().call(vec![ranked])
}

/// By this values are told apart whose types can no longer be seen.
pub fn ranked_as_text(value: Expr) -> Expr {
    Name::RankedText.function().call(vec![value])
}

/// Values as `greatest` and `least` compare them: by their types, if those of all can be seen.
pub fn all_ranked(values: Vec<Expr>) -> Vec<Expr> {
    let is_known = |value: &Expr| is_typed(value) || matches!(value, Expr::Literal(..));
    match values.iter().all(is_known) {
        true => values.iter().map(|value| Name::Ranked.function().call(vec![mixed::json(value)])).collect(),
        false => {
            let text = |value| ranked_as_text(Name::String.function().call(vec![value]));
            values.into_iter().map(text).collect()
        }
    }
}

/// Whether a value comes out of JSON, and is not known by more than its text.
pub fn is_untyped(value: &Expr, schema: &DFSchema) -> bool {
    if is_typed(value) {
        return false;
    }
    let marked = |field: &Field| is_text(field.data_type()) && Mark::of(field) == Mark::Value;
    mixed::is_value(value, |value| is_typed(value) || is_untyped(value, schema))
        || value.to_field(schema).is_ok_and(|(_, field)| marked(&field))
}

/// The same of ORDER BY in a function, where the columns are known.
pub fn sort_by_text(sorts: &mut [SortBy], schema: &DFSchema) -> bool {
    let mut changed = false;
    for sort in sorts.iter_mut().filter(|sort| is_untyped(&sort.expr, schema)) {
        sort.expr = ranked_as_text(std::mem::take(&mut sort.expr));
        changed = true;
    }
    changed
}

pub fn sort_by(sorts: &mut [SortBy]) {
    for sort in sorts {
        if let Some(key) = key(&sort.expr) {
            sort.expr = key;
        }
    }
}

/// What a number's key begins with, and a text's.
const NUMBER: char = '0';
const TEXT: char = '1';
/// The letters of a number's key.
const LENGTH: usize = 1 + 16 + 4;

/// `None` for NULL. Keys are in order as texts; the same number has the same key however it is written.
pub fn key_of(json: Json) -> Option<String> {
    match json {
        Json::Number(digits) => Some(number(&digits)),
        Json::Bool(truth) => Some(number(if truth { "1" } else { "0" })),
        other => other.into_sql().map(|text| format!("{TEXT}{text}")),
    }
}

/// The key, and behind it the value.
pub fn ranked_of(json: Json) -> Option<String> {
    let value = matches!(json, Json::Number(_) | Json::Bool(_)).then(|| json.clone().into_sql()).flatten();
    key_of(json).map(|key| key + value.as_deref().unwrap_or_default())
}

/// The rank of a value of which only the text is left. What is written as a number is taken for one; the same number
/// written otherwise is another value, as it is to `=`.
pub fn ranked_of_text(text: &str) -> String {
    let key = if is_number(text) { number(text) } else { TEXT.to_string() };
    key + text
}

/// Whether a text is written as a number out of JSON is.
pub fn is_number(text: &str) -> bool {
    let written = |number: f64| number.is_finite() && format!("{number:?}") == text;
    text.parse::<i64>().is_ok_and(|whole| whole.to_string() == text) || text.parse::<f64>().is_ok_and(written)
}

pub fn value_of(ranked: &str) -> &str {
    let behind = if ranked.starts_with(NUMBER) { LENGTH } else { TEXT.len_utf8() };
    ranked.get(behind..).unwrap_or_default()
}

fn number(digits: &str) -> String {
    let whole = digits.parse::<i64>().ok();
    // Not `-0.0`, which has other bits.
    let near = digits.parse::<f64>().unwrap_or_default() + 0.0;
    let bits = near.to_bits();
    let ordered = if near.is_sign_negative() { !bits } else { bits | 1 << 63 };
    // What a float that stands for a large whole number leaves out: some hundreds at most.
    let rest = whole.map_or(0, |whole| i128::from(whole) - near as i128);
    format!("{NUMBER}{ordered:016x}{:04x}", rest + 0x1000)
}

/// ORDER BY a value of JSON.
#[derive(Debug)]
pub struct Ordered;

impl AnalyzerRule for Ordered {
    fn name(&self) -> &str {
        "json_order"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> PlanResult<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Sort(sort) => ordered(sort),
            LogicalPlan::Distinct(Distinct::On(mut on)) => {
                let schema = Arc::clone(on.input.schema());
                // The first are the values that are to be distinct.
                let first = on.on_expr.len();
                if let Some(behind) = on.sort_expr.as_mut().and_then(|sorts| sorts.get_mut(first..)) {
                    sort_by(behind);
                    sort_by_text(behind, &schema);
                }
                Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(on))))
            }
            plan => Ok(Transformed::no(plan)),
        })
        .data()
    }
}

fn ordered(mut sort: Sort) -> PlanResult<Transformed<LogicalPlan>> {
    sort_by(&mut sort.expr);
    let LogicalPlan::Projection(Projection { expr: selected, input, schema, .. }) = &*sort.input else {
        let schema = Arc::clone(sort.input.schema());
        sort_by_text(&mut sort.expr, &schema);
        return Ok(Transformed::yes(LogicalPlan::Sort(sort)));
    };
    let mut with_keys = selected.clone();
    for by in &mut sort.expr {
        let Expr::Column(column) = &by.expr else { continue };
        let Some(key) = schema.maybe_index_of_column(column).and_then(|at| key(&selected[at])) else { continue };
        let name = format!("#order{}", with_keys.len());
        with_keys.push(key.alias(&name));
        by.expr = Expr::Column(Column::from_name(name));
    }
    sort_by_text(&mut sort.expr, schema);
    if with_keys.len() == selected.len() {
        return Ok(Transformed::yes(LogicalPlan::Sort(sort)));
    }
    let columns: Vec<Expr> = schema.iter().map(Expr::from).collect();
    let below = LogicalPlan::Projection(Projection::try_new(with_keys, Arc::clone(input))?);
    let plan = LogicalPlanBuilder::from(below).sort_with_limit(sort.expr, sort.fetch)?.project(columns)?.build()?;
    Ok(Transformed::yes(plan))
}

#[cfg(test)]
mod tests {
    use super::{Json, key_of, ranked_of, value_of};

    /// JSON values in order, each less than the next.
    fn check(values: &[&str]) {
        let key = |text: &str| key_of(Json::read(text).expect("JSON")).expect("a key");
        for pair in values.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{} {}", pair[0], pair[1]);
        }
        for value in values {
            let json = Json::read(value).expect("JSON");
            let ranked = ranked_of(json.clone()).expect("a key");
            assert_eq!(Some(value_of(&ranked)), json.into_sql().as_deref());
        }
    }

    #[test]
    fn numbers_stand_before_texts() {
        check(&[
            "-1e300", "-10", "-9.5", "-9", "0", "1e-9", "true", "1.5", "9", "10", "1e300", "\"\"", "\"10\"", "\"9\"",
            "[1]",
        ]);
        check(&["9007199254740992", "9007199254740993", "9007199254740994"]);
        check(&["9223372036854775806", "9223372036854775807", "9223372036854777856"]);
        check(&["-9223372036854775808", "-9223372036854775807", "9223372036854775807.0"]);
    }

    #[test]
    fn the_same_number_has_one_key() {
        let key = |text: &str| key_of(Json::read(text).expect("JSON"));
        for (one, other) in
            [("1", "1.0"), ("100", "1e2"), ("0", "-0.0"), ("1", "true"), ("9007199254740992", "9007199254740992.0")]
        {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        assert_eq!(key("null"), None);
        assert_ne!(key("1"), key("\"1\""));
    }
}
