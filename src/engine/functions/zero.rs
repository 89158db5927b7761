//! In a list DataFusion 55.2 knows two zeros, one of them below zero; elsewhere one. What is looked for in a list, and the
//! list, are made to have one.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result as PlanResult, ScalarValue};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, lit};

/// The list with one zero, of numbers or of row values with numbers in them.
pub fn once(list: InList, schema: &DFSchema) -> PlanResult<Transformed<InList>> {
    let InList { expr, list, negated } = list;
    let looked_for = positive(*expr, schema)?;
    let list = match looked_for.transformed && list.len() > 1 {
        true => list.into_iter().map(written).collect(),
        false => list,
    };
    let changed = looked_for.transformed;
    Ok(Transformed::new_transformed(InList { expr: Box::new(looked_for.data), list, negated }, changed))
}

/// `x + 0.0`, which is never zero below zero.
fn positive(expr: Expr, schema: &DFSchema) -> PlanResult<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "struct" => {
            let mut changed = false;
            let args = args.into_iter().map(|arg| {
                let arg = positive(arg, schema)?;
                changed |= arg.transformed;
                Ok(arg.data)
            });
            let args = args.collect::<PlanResult<_>>()?;
            Ok(Transformed::new_transformed(Expr::ScalarFunction(ScalarFunction { func, args }), changed))
        }
        expr => {
            let kind = expr.get_type(schema)?;
            Ok(match kind.is_floating() {
                // Of its own type, which decides what the list is read as.
                true => Transformed::yes(expr + lit(ScalarValue::new_zero(&kind)?)),
                false => Transformed::no(expr),
            })
        }
    }
}

fn written(item: Expr) -> Expr {
    let is_zero = |expr: &Expr| matches!(expr, Expr::Literal(ScalarValue::Float64(Some(zero)), _) if *zero == 0.0);
    match item {
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "struct" => {
            func.call(args.into_iter().map(written).collect())
        }
        Expr::Negative(inner) if is_zero(&inner) => lit(0.0),
        item if is_zero(&item) => lit(0.0),
        item => item,
    }
}
