//! DataFusion's simplifier kept from combining what it combines wrongly. Of two IN lists about the same thing it takes the
//! members as sets: NULL, which no value equals, and another column, whose value is not known yet, are members to it like
//! any other; and what is in neither list it calls false (or true, of two NOT IN beside OR) even where the thing asked about
//! is NULL (DataFusion 55.2, `ExprSimplifier`). Many conditions become lists only on its way. So while it works, what
//! several conditions ask about looks different in each of them, but where no harm can come of it. Knows no list of what
//! becomes one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result as PlanResult, internal_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// The name of the rule that this stands before.
pub const SIMPLIFIER: &str = "simplify_expressions";

/// DataFusion's simplifier, which is given veiled conditions.
#[derive(Debug)]
pub struct Veiled(pub Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for Veiled {
    fn name(&self) -> &str {
        SIMPLIFIER
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> PlanResult<Transformed<LogicalPlan>> {
        let veiled = veil(plan)?;
        if !veiled.transformed {
            return self.0.rewrite(veiled.data, config);
        }
        let is_aggregate = matches!(veiled.data, LogicalPlan::Aggregate(_));
        let plan = self.0.rewrite(veiled.data, config)?.data;
        // An aggregate that has become two nodes knows its columns by what is veiled: that stays, and is as good.
        if is_aggregate && !matches!(plan, LogicalPlan::Aggregate(_)) {
            return Ok(Transformed::yes(plan));
        }
        let plan = plan.map_expressions(|expr| expr.transform_up(unveil))?;
        Ok(Transformed::yes(plan.data))
    }
}

fn veil(plan: LogicalPlan) -> PlanResult<Transformed<LogicalPlan>> {
    let mut any = false;
    plan.apply_expressions(|expr| {
        any = any || repeats(expr)?;
        Ok(if any { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !any {
        return Ok(Transformed::no(plan));
    }
    let asked = match plan {
        LogicalPlan::Filter(_) | LogicalPlan::TableScan(_) => Asked::Truth,
        _ => Asked::Value,
    };
    let names = NamePreserver::new(&plan);
    let mut veils = Veils::default();
    let mut veil = |expr: Expr| {
        if !repeats(&expr)? {
            return Ok(Transformed::no(expr));
        }
        let name = names.save(&expr);
        let veiled = match asked {
            Asked::Truth => veils.truth(expr, Operator::And),
            Asked::Value => veils.value(expr),
        };
        veiled?.map_data(|expr| Ok(name.restore(expr)))
    };
    plan.map_expressions(|expr| match expr {
        Expr::GroupingSet(_) => expr.map_children(&mut veil),
        expr => veil(expr),
    })
}

/// What is wanted of a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Whether it is true: false and unknown are the same.
    Truth,
    Value,
}

/// Whether anything is asked about twice, by conditions that may meet.
fn repeats(expr: &Expr) -> PlanResult<bool> {
    let meet = expr.exists(|inner| {
        let meets = matches!(inner, Expr::BinaryExpr(binary) if binary.op.is_logic_operator());
        Ok(meets || matches!(inner, Expr::Case(_)))
    })?;
    if !meet {
        return Ok(false);
    }
    let (mut twice, mut lists) = (false, 0);
    let mut columns = HashSet::new();
    expr.apply(|inner| {
        match inner {
            Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => twice |= !columns.insert(column),
            Expr::InList(_) => lists += 1,
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(twice || lists > 1)
}

/// The veils of one node.
#[derive(Default)]
struct Veils {
    made: usize,
    /// Of each condition what it became: where it stands twice, both stay alike.
    conditions: HashMap<Expr, Expr>,
}

impl Veils {
    /// A condition of which only the truth is wanted, beside others. What is in no list may be called false there, unless
    /// that is said of NOT IN beside OR, which would make it true.
    fn truth(&mut self, expr: Expr, beside: Operator) -> PlanResult<Transformed<Expr>> {
        expr.transform_down(|inner| match &inner {
            Expr::BinaryExpr(BinaryExpr { op: Operator::And, .. }) => Ok(Transformed::no(inner)),
            Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => match beside {
                Operator::Or => Ok(Transformed::no(inner)),
                _ => Ok(over(self.truth(inner, Operator::Or)?)),
            },
            condition if is_harmless(condition, beside)? => Ok(Transformed::new(inner, false, TreeNodeRecursion::Jump)),
            _ => Ok(over(self.value(inner)?)),
        })
    }

    /// An expression of which the value is wanted.
    fn value(&mut self, expr: Expr) -> PlanResult<Transformed<Expr>> {
        expr.transform_down(|inner| {
            if has_conditions(&inner)? {
                return Ok(Transformed::no(inner));
            }
            if let Some(veiled) = self.conditions.get(&inner) {
                return Ok(Transformed::new(veiled.clone(), true, TreeNodeRecursion::Jump));
            }
            let known = is_condition(&inner).then(|| inner.clone());
            let veiled = self.single(inner)?;
            if let Some(condition) = known {
                self.conditions.insert(condition, veiled.data.clone());
            }
            Ok(over(veiled))
        })
    }

    /// What holds no conditions, or is a single one.
    fn single(&mut self, expr: Expr) -> PlanResult<Transformed<Expr>> {
        self.made += 1;
        match expr {
            // What is made of columns may become something plain, and that is no column.
            Expr::InList(InList { expr, list, negated }) if !matches!(bare(&expr), Expr::Column(_)) => {
                let constant = is_constant(&expr)? && list.iter().map(is_constant).all(|item| matches!(item, Ok(true)));
                let expr = if constant { expr } else { Box::new(self.veiled(*expr, Volatility::Volatile)) };
                Ok(Transformed::new(Expr::InList(InList { expr, list, negated }), !constant, TreeNodeRecursion::Jump))
            }
            expr => expr.transform_down(|inner| match inner {
                Expr::Column(_) | Expr::OuterReferenceColumn(..) => {
                    let veiled = self.veiled(inner, Volatility::Immutable);
                    Ok(Transformed::new(veiled, true, TreeNodeRecursion::Jump))
                }
                inner if is_veiled(&inner) => Ok(Transformed::new(inner, false, TreeNodeRecursion::Jump)),
                inner => Ok(Transformed::no(inner)),
            }),
        }
    }

    /// What is volatile is taken for no constant, whatever it is made of.
    fn veiled(&self, expr: Expr, volatility: Volatility) -> Expr {
        ScalarUDF::from(Veil { number: self.made, signature: Signature::any(1, volatility) }).call(vec![expr])
    }
}

/// A rewritten expression that is not to be looked at further.
fn over(rewritten: Transformed<Expr>) -> Transformed<Expr> {
    Transformed::new(rewritten.data, rewritten.transformed, TreeNodeRecursion::Jump)
}

/// Whether a condition may meet others as it is: it becomes no list but one of known values, which holds where one of
/// them is met (and NOT IN beside AND where none is).
fn is_harmless(condition: &Expr, beside: Operator) -> PlanResult<bool> {
    Ok(!has_conditions(condition)?
        && match condition {
            Expr::InList(list) => {
                (!list.negated || beside == Operator::And)
                    && !list.expr.is_volatile()
                    && !is_constant(&list.expr)?
                    && list.list.iter().all(is_known)
            }
            Expr::BinaryExpr(binary) => matches!(
                binary.op,
                Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
            ),
            _ => false,
        })
}

/// A value that is known, and no NULL.
fn is_known(item: &Expr) -> bool {
    match item {
        Expr::Literal(value, _) => !value.is_null(),
        Expr::Cast(cast) => is_known(&cast.expr),
        Expr::Negative(inner) => is_known(inner),
        _ => false,
    }
}

fn is_constant(expr: &Expr) -> PlanResult<bool> {
    let varies = expr.exists(|inner| {
        let is_subquery = matches!(inner, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_));
        Ok(is_subquery || matches!(inner, Expr::Column(_) | Expr::OuterReferenceColumn(..)))
    })?;
    Ok(!varies && !expr.is_volatile())
}

/// Whether conditions stand within.
fn has_conditions(expr: &Expr) -> PlanResult<bool> {
    let mut found = false;
    expr.apply_children(|child| {
        found = child.exists(|inner| Ok(is_condition(inner)))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn is_condition(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(binary) => binary.op.supports_propagation() || binary.op.is_logic_operator(),
        Expr::InList(_)
        | Expr::Case(_)
        | Expr::Not(_)
        | Expr::Between(_)
        | Expr::Like(_)
        | Expr::SimilarTo(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_) => true,
        _ => false,
    }
}

/// What is asked about, whatever type it is compared in.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => bare(&cast.expr),
        expr => expr,
    }
}

fn is_veiled(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if function.func.inner().is::<Veil>())
}

fn unveil(expr: Expr) -> PlanResult<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, mut args }) if func.inner().is::<Veil>() => match args.pop() {
            Some(behind) => Ok(Transformed::yes(behind)),
            None => internal_err!("a veil is over something"),
        },
        expr => Ok(Transformed::no(expr)),
    }
}

/// What it is given, as it is; and no other veil's.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Veil {
    number: usize,
    signature: Signature,
}

impl ScalarUDFImpl for Veil {
    fn name(&self) -> &str {
        "as_it_is"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        internal_err!("it is its argument's, NULLs and all")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> PlanResult<FieldRef> {
        match arguments.arg_fields {
            [field] => Ok(field.clone()),
            _ => internal_err!("a veil is over one thing"),
        }
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        match arguments.args.pop() {
            Some(value) => Ok(value),
            None => internal_err!("a veil is over one thing"),
        }
    }
}
