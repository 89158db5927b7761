//! A plan whose conditions on the outer row stand at its top, or right beneath an aggregate without GROUP BY, where
//! DataFusion minds that it has a row for none. What they compare is carried up: through what groups by grouping by it,
//! through windows by dividing them by it.

use std::cell::Cell;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, Result as PlanResult};
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::{Sort as SortBy, WindowFunction};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, ExprSchemable, FetchType, Filter, Join, JoinType, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, Projection, SkipType, SubqueryAlias, Window, lit,
};

use super::reach::{further, has_outer, lateral, of_expr, reaches};
use super::refusal::{Above, Refusal};
use crate::engine::sorted::subqueries;

/// Makes names that no column has.
#[derive(Debug, Default)]
pub struct Pulling {
    made: Cell<usize>,
}

pub struct Pulled {
    /// Shows what the plan did that it was made of.
    pub plan: LogicalPlan,
    /// Something from outside by which a row may be there more often than it should.
    pub repeats: Option<Column>,
}

/// A plan, which shows more than it did, and what is to be asked of its rows.
struct Open {
    plan: LogicalPlan,
    conditions: Vec<Condition>,
    repeats: Option<Column>,
    /// One row whatever is outside, made by an aggregate above the conditions.
    is_lone: bool,
}

struct Condition {
    expr: Expr,
    kind: ConditionKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConditionKind {
    /// A column equals something from outside.
    Equal,
    /// The same, with NULL equal to NULL.
    EqualOrNull,
    /// Speaks of the outer row alone.
    Outer,
    Other,
}

type Step<T> = PlanResult<Result<T, Refusal>>;

/// `?` for both: what DataFusion does not build, and what is refused.
macro_rules! open {
    ($step:expr) => {
        match $step? {
            Ok(open) => open,
            Err(refusal) => return Ok(Err(refusal)),
        }
    };
}

impl Pulling {
    pub fn name(&self) -> String {
        self.made.set(self.made.get() + 1);
        format!("#outer{}", self.made.get())
    }

    pub fn pulled(&self, plan: LogicalPlan) -> Step<Pulled> {
        if is_straight(&plan) {
            return Ok(Ok(Pulled { plan, repeats: None }));
        }
        let shown: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
        let Open { plan, conditions, repeats, .. } = open!(self.open(plan));
        let plan = LogicalPlanBuilder::from(filtered(plan, conditions)?).project(shown)?.build()?;
        Ok(Ok(Pulled { plan, repeats }))
    }

    fn open(&self, plan: LogicalPlan) -> Step<Open> {
        if !reaches(&plan) {
            return Ok(Ok(Open { plan, conditions: Vec::new(), repeats: None, is_lone: false }));
        }
        if let Some(column) = further(&plan).into_iter().next() {
            return Ok(Err(Refusal::Further(column)));
        }
        match plan {
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::SubqueryAlias(alias) => self.alias(alias),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Distinct(distinct) => self.distinct(distinct),
            LogicalPlan::Window(window) => self.window(window),
            // A subquery's rows have no order.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.open(Arc::unwrap_or_clone(sort.input)),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Union(_) => Ok(Err(Refusal::Union)),
            LogicalPlan::Unnest(_) => Ok(Err(Refusal::Items)),
            _ => Ok(Err(Refusal::Step)),
        }
    }

    fn filter(&self, filter: Filter) -> Step<Open> {
        let mut open = open!(self.open(Arc::unwrap_or_clone(filter.input)));
        if open.is_lone {
            return Ok(Err(Refusal::Having));
        }
        let (outer, own): (Vec<Expr>, Vec<Expr>) =
            split_conjunction_owned(filter.predicate).into_iter().partition(has_outer);
        if let Some(own) = conjunction(own) {
            open.plan = LogicalPlanBuilder::from(open.plan).filter(own)?.build()?;
        }
        for expr in outer {
            let condition = self.condition(expr, &mut open)?;
            open.conditions.push(condition);
        }
        Ok(Ok(open))
    }

    fn condition(&self, expr: Expr, open: &mut Open) -> PlanResult<Condition> {
        if !subqueries(&expr).is_empty() {
            return Ok(Condition { expr, kind: ConditionKind::Other });
        }
        if !expr.any_column_refs() {
            return Ok(Condition { expr, kind: ConditionKind::Outer });
        }
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr else {
            return Ok(Condition { expr, kind: ConditionKind::Other });
        };
        let kind = match op {
            Operator::Eq => ConditionKind::Equal,
            Operator::IsNotDistinctFrom => ConditionKind::EqualOrNull,
            _ => return Ok(Condition { expr, kind: ConditionKind::Other }),
        };
        let is_outer = |side: &Expr| has_outer(side) && !side.any_column_refs();
        let (own, outer) = match (has_outer(left), has_outer(right)) {
            (false, true) if is_outer(right) => (left, right),
            (true, false) if is_outer(left) => (right, left),
            _ => return Ok(Condition { expr, kind: ConditionKind::Other }),
        };
        if own.is_volatile() || !is_one_to_one(own, outer, open.plan.schema())? {
            return Ok(Condition { expr, kind: ConditionKind::Other });
        }
        let own = match &**own {
            Expr::Column(_) => (**own).clone(),
            own => self.shown(own.clone(), open)?,
        };
        Ok(Condition { expr: Expr::BinaryExpr(BinaryExpr::new(own.into(), *op, outer.clone())), kind })
    }

    /// A column of the plan's that an expression becomes.
    fn shown(&self, expr: Expr, open: &mut Open) -> PlanResult<Expr> {
        let name = self.name();
        let all = open.plan.schema().iter().map(Expr::from).chain([expr.alias(&name)]);
        open.plan = LogicalPlanBuilder::from(open.plan.clone()).project(all.collect::<Vec<_>>())?.build()?;
        Ok(Expr::Column(Column::from_name(name)))
    }

    fn projection(&self, projection: Projection) -> Step<Open> {
        if let Some(column) = projection.expr.iter().flat_map(of_expr).next() {
            return Ok(Err(Refusal::Shown(column)));
        }
        let mut open = open!(self.open(Arc::unwrap_or_clone(projection.input)));
        let mut exprs = projection.expr;
        let taken: Vec<&str> = projection.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mut names = Vec::new();
        for column in open.columns() {
            let expr = Expr::Column(column.clone());
            if exprs.contains(&expr) {
                continue;
            }
            if taken.contains(&column.name.as_str()) {
                let name = self.name();
                exprs.push(expr.alias(&name));
                names.push((column, Column::from_name(name)));
            } else {
                exprs.push(expr);
            }
        }
        open.renamed(&names)?;
        open.plan = LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(open.plan))?);
        Ok(Ok(open))
    }

    fn alias(&self, alias: SubqueryAlias) -> Step<Open> {
        let mut shown: Vec<Expr> = alias.input.schema().iter().map(Expr::from).collect();
        let mut open = open!(self.open(Arc::unwrap_or_clone(alias.input)));
        if open.is_lone {
            // What stands beneath is still to be pulled through here, by names that an alias would change.
            let columns = open.plan.schema().iter().map(|(qualifier, field)| {
                let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
                column.alias_qualified(Some(alias.alias.clone()), field.name())
            });
            let columns: Vec<Expr> = columns.collect();
            open.plan = LogicalPlanBuilder::from(open.plan).project(columns)?.build()?;
            return Ok(Ok(open));
        }
        let mut names = Vec::new();
        for column in open.columns() {
            let taken = |shown: &Expr| matches!(shown, Expr::Column(other) if other.name == column.name);
            let made = Expr::Column(column.clone());
            let mut name = column.name.clone();
            if !shown.contains(&made) && shown.iter().any(taken) {
                // Two of one name under different qualifiers would be one.
                name = self.name();
                shown.push(made.alias(&name));
            } else if !shown.contains(&made) {
                shown.push(made);
            }
            names.push((column, Column::new(Some(alias.alias.clone()), name)));
        }
        open.renamed(&names)?;
        let plan = LogicalPlanBuilder::from(open.plan).project(shown)?.build()?;
        open.plan = LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(plan), alias.alias.clone())?);
        Ok(Ok(open))
    }

    fn aggregate(&self, aggregate: Aggregate) -> Step<Open> {
        if let Some(column) = aggregate.group_expr.iter().chain(&aggregate.aggr_expr).flat_map(of_expr).next() {
            return Ok(Err(Refusal::Shown(column)));
        }
        let mut open = open!(self.open(Arc::unwrap_or_clone(aggregate.input)));
        if open.is_lone {
            return Ok(Err(Refusal::Lone));
        }
        if !aggregate.group_expr.is_empty() {
            if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
                return Ok(Err(Refusal::Step));
            }
            if let Some(column) = open.other() {
                if !aggregate.aggr_expr.is_empty() {
                    return Ok(Err(Refusal::Compared(column, Above::Aggregate)));
                }
                open.repeats = Some(column);
            }
            let mut groups = aggregate.group_expr;
            for column in open.columns() {
                let column = Expr::Column(column);
                if !groups.contains(&column) {
                    groups.push(column);
                }
            }
            let made = Aggregate::try_new(Arc::new(open.plan), groups, aggregate.aggr_expr)?;
            open.plan = LogicalPlan::Aggregate(made);
            return Ok(Ok(open));
        }
        for at in 0..open.conditions.len() {
            match open.conditions[at].kind {
                ConditionKind::Equal => {}
                ConditionKind::Outer => {
                    let always = self.shown(lit(true), &mut open)?;
                    let condition = &mut open.conditions[at];
                    condition.expr = always.eq(condition.expr.clone());
                }
                _ => {
                    let column = of_expr(&open.conditions[at].expr).swap_remove(0);
                    return Ok(Err(Refusal::Compared(column, Above::Aggregate)));
                }
            }
        }
        let input = filtered(open.plan, std::mem::take(&mut open.conditions))?;
        let made = Aggregate::try_new(Arc::new(input), Vec::new(), aggregate.aggr_expr)?;
        open.plan = LogicalPlan::Aggregate(made);
        open.is_lone = true;
        Ok(Ok(open))
    }

    fn distinct(&self, distinct: Distinct) -> Step<Open> {
        let Distinct::All(input) = distinct else { return Ok(Err(Refusal::Step)) };
        let mut open = open!(self.open(Arc::unwrap_or_clone(input)));
        if open.is_lone {
            return Ok(Ok(open));
        }
        if open.repeats.is_none() {
            open.repeats = open.other();
        }
        open.plan = LogicalPlan::Distinct(Distinct::All(Arc::new(open.plan)));
        Ok(Ok(open))
    }

    fn window(&self, window: Window) -> Step<Open> {
        if let Some(column) = window.window_expr.iter().flat_map(of_expr).next() {
            return Ok(Err(Refusal::Shown(column)));
        }
        let mut open = open!(self.open(Arc::unwrap_or_clone(window.input)));
        if open.is_lone {
            return Ok(Err(Refusal::Lone));
        }
        if let Some(column) = open.other().or(open.repeats.take()) {
            return Ok(Err(Refusal::Compared(column, Above::Window)));
        }
        let mut shown: Vec<Expr> = open.plan.schema().iter().map(Expr::from).collect();
        let keys: Vec<Expr> = open.columns().into_iter().map(Expr::Column).collect();
        let mut divided = Vec::new();
        for expr in window.window_expr {
            let name = expr.schema_name().to_string();
            let expr = divided_by(expr, &keys)?;
            shown.push(Expr::Column(Column::from_name(expr.schema_name().to_string())).alias(name));
            divided.push(expr);
        }
        open.plan = LogicalPlanBuilder::from(open.plan).window(divided)?.project(shown)?.build()?;
        Ok(Ok(open))
    }

    /// The first rows for each that is outside, as their numbers.
    fn limit(&self, limit: Limit) -> Step<Open> {
        let (Ok(SkipType::Literal(skip)), Ok(FetchType::Literal(fetch))) =
            (limit.get_skip_type(), limit.get_fetch_type())
        else {
            return Ok(Err(Refusal::Limit));
        };
        let mut input = Arc::unwrap_or_clone(limit.input);
        // What a projection above the sort leaves out is what was sorted by.
        if let LogicalPlan::Projection(projection) = &input
            && matches!(&*projection.input, LogicalPlan::Sort(_))
        {
            let below = LogicalPlan::Limit(Limit { input: projection.input.clone(), ..limit });
            return self.projection(Projection::try_new(projection.expr.clone(), Arc::new(below))?);
        }
        let mut by = Vec::new();
        if let LogicalPlan::Sort(sort) = input {
            by = sort.expr;
            input = Arc::unwrap_or_clone(sort.input);
        }
        if by.iter().any(|by| has_outer(&by.expr) || !subqueries(&by.expr).is_empty()) {
            return Ok(Err(Refusal::Limit));
        }
        let mut open = open!(self.open(input));
        if open.is_lone {
            return Ok(if skip == 0 && fetch != Some(0) { Ok(open) } else { Err(Refusal::Limit) });
        }
        if let Some(column) = open.other().or(open.repeats.take()) {
            return Ok(Err(Refusal::Compared(column, Above::Limit)));
        }
        let shown: Vec<Expr> = open.plan.schema().iter().map(Expr::from).collect();
        let keys: Vec<Expr> = open.columns().into_iter().map(Expr::Column).collect();
        let number = numbered(keys, by);
        let column = Expr::Column(Column::from_name(number.schema_name().to_string()));
        let (skip, fetch) = (rows(skip), fetch.map(rows));
        let after = column.clone().gt(lit(skip));
        let within = fetch.map(|fetch| column.lt_eq(lit(skip.saturating_add(fetch))));
        let asked = [after].into_iter().chain(within).reduce(Expr::and).unwrap_or_else(|| lit(true));
        open.plan = LogicalPlanBuilder::from(open.plan).window([number])?.filter(asked)?.project(shown)?.build()?;
        Ok(Ok(open))
    }

    fn join(&self, mut join: Join) -> Step<Open> {
        let is_inner = join.join_type == JoinType::Inner;
        let conditions: Vec<Expr> = join.filter.take().map(split_conjunction_owned).unwrap_or_default();
        let (outer, own): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(has_outer);
        join.filter = conjunction(own);
        if join.on.iter().any(|(left, right)| has_outer(left) || has_outer(right)) || (!is_inner && !outer.is_empty()) {
            return Ok(Err(Refusal::Side));
        }
        if lateral(&join.right).is_some() {
            return Ok(Err(Refusal::Step));
        }
        if let Some(outer) = conjunction(outer) {
            return self.filter(Filter::try_new(outer, Arc::new(LogicalPlan::Join(join)))?);
        }
        let keeps = |left: bool| match join.join_type {
            JoinType::Inner => true,
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => left,
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => !left,
            _ => false,
        };
        if (reaches(&join.left) && !keeps(true)) || (reaches(&join.right) && !keeps(false)) {
            return Ok(Err(Refusal::Side));
        }
        let mut left = open!(self.open(Arc::unwrap_or_clone(join.left)));
        let right = open!(self.open(Arc::unwrap_or_clone(join.right)));
        if left.is_lone || right.is_lone {
            return Ok(Err(Refusal::Lone));
        }
        left.conditions.extend(right.conditions);
        left.repeats = left.repeats.or(right.repeats);
        let joined = Join { left: Arc::new(left.plan), right: Arc::new(right.plan), ..join };
        left.plan = LogicalPlan::Join(joined).recompute_schema()?;
        Ok(Ok(left))
    }
}

impl Open {
    /// The columns of the plan's that the conditions speak of.
    fn columns(&self) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        for condition in &self.conditions {
            let mut found: Vec<&Column> = condition.expr.column_refs().into_iter().collect();
            found.sort();
            for column in found {
                if !columns.contains(column) {
                    columns.push(column.clone());
                }
            }
        }
        columns
    }

    /// Something from outside that is compared otherwise than with one column by `=`.
    fn other(&self) -> Option<Column> {
        let mut others = self.conditions.iter().filter(|condition| condition.kind == ConditionKind::Other);
        others.next().and_then(|condition| of_expr(&condition.expr).into_iter().next())
    }

    fn renamed(&mut self, names: &[(Column, Column)]) -> PlanResult<()> {
        for condition in &mut self.conditions {
            let expr = std::mem::replace(&mut condition.expr, lit(true));
            let renamed = expr.transform(|expr| match &expr {
                Expr::Column(column) => Ok(match names.iter().find(|(from, _)| from == column) {
                    Some((_, to)) => Transformed::yes(Expr::Column(to.clone())),
                    None => Transformed::no(expr),
                }),
                _ => Ok(Transformed::no(expr)),
            });
            condition.expr = renamed.data()?;
        }
        Ok(())
    }
}

fn filtered(plan: LogicalPlan, conditions: Vec<Condition>) -> PlanResult<LogicalPlan> {
    match conjunction(conditions.into_iter().map(|condition| condition.expr)) {
        Some(condition) => LogicalPlanBuilder::from(plan).filter(condition)?.build(),
        None => Ok(plan),
    }
}

/// Whether nothing stands above its conditions but what shows columns, so that there is nothing to change.
fn is_straight(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => {
            !projection.expr.iter().any(has_outer) && further(plan).is_empty() && is_straight(&projection.input)
        }
        LogicalPlan::Filter(filter) => further(plan).is_empty() && is_straight(&filter.input),
        plan => !reaches(plan),
    }
}

/// Whether two values of its own that differ equal different ones from outside: where one is made into the other's
/// type to be compared, two may become one.
fn is_one_to_one(own: &Expr, outer: &Expr, schema: &DFSchema) -> PlanResult<bool> {
    let (own, outer) = (own.get_type(schema)?, outer.get_type(schema)?);
    Ok(own == outer
        || own.is_null()
        || outer.is_null()
        || (own.is_numeric() && outer.is_numeric())
        || (own.is_string() && outer.is_string()))
}

/// Whether its groups are there only where rows are.
pub fn is_grouped(aggregate: &Aggregate) -> bool {
    !aggregate.group_expr.is_empty() && !aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_)))
}

/// Whether LIMIT leaves one of any rows.
pub fn keeps_a_row(limit: &Limit) -> bool {
    let skips_none = matches!(limit.get_skip_type(), Ok(SkipType::Literal(0)));
    skips_none && matches!(limit.get_fetch_type(), Ok(FetchType::Literal(fetch)) if fetch != Some(0))
}

fn divided_by(expr: Expr, keys: &[Expr]) -> PlanResult<Expr> {
    expr.transform(|expr| match expr {
        Expr::WindowFunction(mut function) => {
            let by = &mut function.params.partition_by;
            let missing: Vec<Expr> = keys.iter().filter(|key| !by.contains(key)).cloned().collect();
            by.extend(missing);
            Ok(Transformed::yes(Expr::WindowFunction(function)))
        }
        expr => Ok(Transformed::no(expr)),
    })
    .data()
}

fn numbered(keys: Vec<Expr>, by: Vec<SortBy>) -> Expr {
    let mut function = WindowFunction::new(row_number_udwf(), Vec::new());
    function.params.partition_by = keys;
    function.params.window_frame = datafusion::logical_expr::WindowFrame::new((!by.is_empty()).then_some(true));
    function.params.order_by = by;
    Expr::from(function)
}

fn rows(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
