//! `json_group_array`, `json_group_object` and `group_concat`: each is planned as DataFusion's `array_agg`, which
//! knows ORDER BY, DISTINCT, FILTER and OVER, with a function of ours around it.

use arrow::datatypes::DataType;
use datafusion::common::{Result as PlanResult, internal_err, plan_err};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawWindowExpr};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility, WindowFunctionDefinition, lit,
};

use super::operators::as_number;
use super::order;
use super::scalars::Name;
use crate::engine::run::raise;
use crate::error::{Error, Kind};

const ALL: [Aggregate; 3] = [Aggregate::Array, Aggregate::Object, Aggregate::Concat];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Aggregate {
    Array,
    Object,
    Concat,
}

pub fn functions() -> impl Iterator<Item = AggregateUDF> {
    ALL.into_iter().map(|aggregate| {
        AggregateUDF::from(Named { aggregate, signature: Signature::variadic_any(Volatility::Immutable) })
    })
}

/// By this the planner knows the name; no plan has it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Named {
    aggregate: Aggregate,
    signature: Signature,
}

impl AggregateUDFImpl for Named {
    fn name(&self) -> &str {
        match self.aggregate {
            Aggregate::Array => "json_group_array",
            Aggregate::Object => "json_group_object",
            Aggregate::Concat => "group_concat",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> PlanResult<Box<dyn Accumulator>> {
        internal_err!("`{}` was not planned as what it stands for", self.name())
    }
}

/// How an aggregate of ours is made of `array_agg`.
struct Made {
    args: Vec<Expr>,
    outer: Box<dyn FnOnce(Expr) -> Expr>,
}

fn made(aggregate: &AggregateUDF, args: Vec<Expr>, distinct: bool, order_by: &mut [Sort]) -> PlanResult<Option<Made>> {
    let Some(Named { aggregate: which, .. }) = aggregate.inner().downcast_ref::<Named>() else { return Ok(None) };
    let name = aggregate.name();
    let given = args.len();
    let mut args = args.into_iter();
    let (first, second) = (args.next(), args.next());
    Ok(Some(match (which, first, second, given) {
        // The items as they are, so that DISTINCT and ORDER BY mean the same.
        (Aggregate::Array, Some(item), None, _) if distinct => Made {
            args: vec![item],
            outer: Box::new(|list| coalesce(vec![Name::ToJson.function().call(vec![list]), lit("[]")])),
        },
        (Aggregate::Array, Some(item), None, _) => {
            let args = vec![Name::JsonQuote.function().call(vec![item])];
            Made { args, outer: Box::new(|list| Name::Items.function().call(vec![list])) }
        }
        (Aggregate::Object, Some(key), Some(value), 2) => {
            let args = vec![Name::Member.function().call(vec![key, value])];
            Made { args, outer: Box::new(|list| Name::Members.function().call(vec![list])) }
        }
        (Aggregate::Concat, Some(item), separator, 1 | 2) => {
            let text = Name::String.function().call(vec![item.clone()]);
            // With DISTINCT the planner orders by nothing but the argument itself.
            for sort in order_by.iter_mut().filter(|sort| distinct && sort.expr == item) {
                sort.expr = text.clone();
            }
            let separator = separator.unwrap_or_else(|| lit(","));
            let outer = Box::new(move |list| Name::Joined.function().call(vec![list, separator]));
            Made { args: vec![text], outer }
        }
        (Aggregate::Array, ..) => return plan_err!("`{name}` takes one value, and is given {given}"),
        (Aggregate::Object, ..) => {
            return plan_err!("`{name}` takes a name and a value, and is given {given} values");
        }
        (Aggregate::Concat, ..) => {
            return plan_err!("`{name}` takes a value and perhaps a separator, and is given {given} values");
        }
    }))
}

#[derive(Debug)]
pub struct Aggregates;

impl ExprPlanner for Aggregates {
    fn plan_aggregate(&self, raw: RawAggregateExpr) -> PlanResult<PlannerResult<RawAggregateExpr>> {
        let RawAggregateExpr { func, mut args, distinct, filter, mut order_by, null_treatment } = raw;
        let plain = |func, args, order_by| {
            let inner = AggregateFunction::new_udf(func, args, distinct, filter.clone(), order_by, null_treatment);
            Expr::AggregateFunction(inner)
        };
        if matches!(func.name(), "sum" | "avg") && args.iter().any(may_be_json) {
            // Named as it was typed, whatever it becomes.
            let named = plain(func.clone(), args.clone(), order_by.clone()).schema_name().to_string();
            let args = args.into_iter().map(summed).collect();
            return Ok(PlannerResult::Planned(plain(func, args, order_by).alias(named)));
        }
        if let Some(error) = of_several(func.name(), args.len()) {
            return Err(raise(error));
        }
        if let ("min" | "max", [value]) = (func.name(), args.as_mut_slice())
            && let Some(ranked) = order::ranked(value)
        {
            return Ok(PlannerResult::Planned(order::unranked(plain(func, vec![ranked], order_by))));
        }
        let made = made(&func, args.clone(), distinct, &mut order_by)?;
        if !distinct {
            order::sort_by(&mut order_by);
        }
        if made.is_none() && func.name() == "array_agg" && args.len() == 1 {
            let named = plain(func.clone(), args.clone(), order_by.clone()).schema_name().to_string();
            let args = args.into_iter().map(|value| Name::Counted.function().call(vec![value])).collect();
            return Ok(PlannerResult::Planned(plain(func, args, order_by).alias(named)));
        }
        let Some(Made { args, outer }) = made else {
            let raw = RawAggregateExpr { func, args, distinct, filter, order_by, null_treatment };
            return Ok(PlannerResult::Original(raw));
        };
        let inner = AggregateFunction::new_udf(array_agg_udaf(), args, distinct, filter, order_by, null_treatment);
        Ok(PlannerResult::Planned(outer(Expr::AggregateFunction(inner))))
    }

    fn plan_window(&self, mut raw: RawWindowExpr) -> PlanResult<PlannerResult<RawWindowExpr>> {
        order::sort_by(&mut raw.order_by);
        let WindowFunctionDefinition::AggregateUDF(function) = raw.func_def.clone() else {
            return Ok(PlannerResult::Original(raw));
        };
        let planned = |function, args, raw: &RawWindowExpr| {
            let RawWindowExpr { partition_by, order_by, window_frame, filter, null_treatment, distinct, .. } =
                raw.clone();
            let params =
                WindowFunctionParams { args, partition_by, order_by, window_frame, filter, null_treatment, distinct };
            let fun = WindowFunctionDefinition::AggregateUDF(function);
            Expr::WindowFunction(Box::new(WindowFunction { fun, params }))
        };
        if matches!(function.name(), "sum" | "avg") && raw.args.iter().any(may_be_json) {
            let named = planned(function.clone(), raw.args.clone(), &raw).schema_name().to_string();
            let args = raw.args.iter().cloned().map(summed).collect();
            return Ok(PlannerResult::Planned(planned(function, args, &raw).alias(named)));
        }
        if let ("min" | "max", [value]) = (function.name(), raw.args.as_slice())
            && let Some(ranked) = order::ranked(value)
        {
            return Ok(PlannerResult::Planned(order::unranked(planned(function, vec![ranked], &raw))));
        }
        let made = made(&function, raw.args.clone(), raw.distinct, &mut raw.order_by)?;
        let Some(Made { args, outer }) = made else { return Ok(PlannerResult::Original(raw)) };
        Ok(PlannerResult::Planned(outer(planned(array_agg_udaf(), args, &raw))))
    }
}

/// `max(a, b)`, which to SQLite is the greatest of them, row by row.
fn of_several(name: &str, given: usize) -> Option<Error> {
    let row_wise = match name {
        "max" => "greatest",
        "min" => "least",
        _ => return None,
    };
    (given > 1).then(|| {
        Error::new(Kind::Statement, format!("`{name}` takes one value, and is given {given}"))
            .with_hint(format!("of the values of a row, write `{row_wise}(a, b)`"))
    })
}

/// Only a plan knows a column's type.
fn may_be_json(value: &Expr) -> bool {
    let is_marked = matches!(value, Expr::ScalarFunction(called) if Name::of(&called.func) == Some(Name::Mixed));
    matches!(value, Expr::Column(_) | Expr::ScalarSubquery(_)) || is_marked || order::typed(value).is_some()
}

/// What comes out of JSON is summed as a number.
fn summed(value: Expr) -> Expr {
    match order::typed(&value) {
        Some(_) => as_number(value),
        None if may_be_json(&value) => Name::Summed.function().call(vec![value]),
        None => value,
    }
}
