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
use super::scalars::Name;

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
    fn plan_aggregate(&self, mut raw: RawAggregateExpr) -> PlanResult<PlannerResult<RawAggregateExpr>> {
        if matches!(raw.func.name(), "sum" | "avg") {
            raw.args = raw.args.into_iter().map(summed).collect();
        }
        let made = made(&raw.func, raw.args.clone(), raw.distinct, &mut raw.order_by)?;
        let Some(Made { args, outer }) = made else { return Ok(PlannerResult::Original(raw)) };
        let RawAggregateExpr { distinct, filter, order_by, null_treatment, .. } = raw;
        let inner = AggregateFunction::new_udf(array_agg_udaf(), args, distinct, filter, order_by, null_treatment);
        Ok(PlannerResult::Planned(outer(Expr::AggregateFunction(inner))))
    }

    fn plan_window(&self, mut raw: RawWindowExpr) -> PlanResult<PlannerResult<RawWindowExpr>> {
        let WindowFunctionDefinition::AggregateUDF(function) = &raw.func_def else {
            return Ok(PlannerResult::Original(raw));
        };
        if matches!(function.name(), "sum" | "avg") {
            raw.args = raw.args.into_iter().map(summed).collect();
            return Ok(PlannerResult::Original(raw));
        }
        let made = made(function, raw.args.clone(), raw.distinct, &mut raw.order_by)?;
        let Some(Made { args, outer }) = made else { return Ok(PlannerResult::Original(raw)) };
        let RawWindowExpr { partition_by, order_by, window_frame, filter, null_treatment, distinct, .. } = raw;
        let params =
            WindowFunctionParams { args, partition_by, order_by, window_frame, filter, null_treatment, distinct };
        let inner = WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(array_agg_udaf()), params };
        Ok(PlannerResult::Planned(outer(Expr::WindowFunction(Box::new(inner)))))
    }
}

/// What comes out of JSON is summed as a number.
fn summed(value: Expr) -> Expr {
    match &value {
        Expr::ScalarFunction(function)
            if matches!(Name::of(&function.func), Some(Name::JsonExtract | Name::JsonGet | Name::ExtractValue)) =>
        {
            as_number(value)
        }
        _ => value,
    }
}
