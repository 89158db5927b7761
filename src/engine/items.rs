//! Correlated subqueries over the items of a column: `EXISTS (SELECT 1 FROM json_each(t.tags) …)`. DataFusion has no way
//! to run them. Each becomes a function of the columns that it takes from outside, which runs the subquery's own plan for
//! every row. Such a plan reads nothing but its arguments: whoever reads a table is not for here.

use std::hash::{Hash, Hasher};
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use arrow::array::{Array, AsArray, RecordBatch, new_empty_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as PlanResult, ScalarValue, internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Subquery, Volatility,
};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::TryStreamExt;

use crate::engine::functions::compared;
use crate::engine::in_turn::InTurnExec;
use crate::engine::lateral::{Reach, flattened};
use crate::engine::run::raise;
use crate::error::{Error, Kind};

/// The plan with a function in the place of each such subquery.
///
/// # Errors
/// A subquery that has no plan.
pub async fn evaluated(plan: LogicalPlan, state: &SessionState) -> PlanResult<LogicalPlan> {
    let mut has_items = false;
    plan.apply_with_subqueries(|node| {
        has_items |= matches!(node, LogicalPlan::Unnest(_));
        Ok(if has_items { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !has_items {
        return Ok(plan);
    }
    let mut found = Vec::new();
    let plan = plan.transform_up_with_subqueries(|node| of_node(node, &mut found)).data()?;
    // Those within others come first, and have a plan when it is wanted.
    for (items, plan) in found {
        let physical = in_turn(Box::pin(state.create_physical_plan(&plan)).await?)?;
        // Nobody else sets it.
        let _ = items.run.set((physical, state.task_ctx()));
    }
    Ok(plan)
}

/// The plan without what reads parts side by side, in tasks: whoever waits for its end gives no task its turn.
fn in_turn(plan: Arc<dyn ExecutionPlan>) -> PlanResult<Arc<dyn ExecutionPlan>> {
    let plan = plan.transform_up(|node| {
        if let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>() {
            let sorted = SortExec::new(merge.expr().clone(), Arc::new(InTurnExec::new(merge.input().clone())));
            return Ok(Transformed::yes(Arc::new(sorted.with_fetch(merge.fetch()))));
        }
        let Some(all) = node.downcast_ref::<CoalescePartitionsExec>() else { return Ok(Transformed::no(node)) };
        let parts: Arc<dyn ExecutionPlan> = Arc::new(InTurnExec::new(all.input().clone()));
        Ok(Transformed::yes(match all.fetch() {
            Some(fetch) => Arc::new(GlobalLimitExec::new(parts, 0, Some(fetch))),
            None => parts,
        }))
    });
    let plan = plan.data()?;
    match plan.properties().output_partitioning().partition_count() {
        1 => Ok(plan),
        _ => Ok(Arc::new(InTurnExec::new(plan))),
    }
}

type Found = Vec<(Arc<Items>, LogicalPlan)>;

fn of_node(node: LogicalPlan, found: &mut Found) -> PlanResult<Transformed<LogicalPlan>> {
    let inputs = merge_schema(&node.inputs());
    let names = NamePreserver::new(&node);
    let before = found.len();
    let node = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| {
            let Some((items, plan)) = of_subquery(&expr, &inputs)? else { return Ok(Transformed::no(expr)) };
            let items = Arc::new(items);
            // A column of this node's rows, or one of rows further out.
            let args = items.outside.iter().map(|argument| match argument {
                Expr::OuterReferenceColumn(_, column) if inputs.has_column(column) => Expr::Column(column.clone()),
                other => other.clone(),
            });
            let call = ScalarUDF::from(Call(items.clone())).call(args.collect());
            found.push((items, plan));
            Ok(Transformed::yes(match expr {
                Expr::Exists(Exists { negated: true, .. }) | Expr::InSubquery(InSubquery { negated: true, .. }) => {
                    !call
                }
                _ => call,
            }))
        })?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?;
    if found.len() == before { Ok(node) } else { node.map_data(LogicalPlan::recompute_schema) }
}

/// A subquery over nothing but items of outer columns, and the plan of what is wanted of it.
fn of_subquery(expr: &Expr, inputs: &DFSchema) -> PlanResult<Option<(Items, LogicalPlan)>> {
    let (subquery, wanted) = match expr {
        Expr::Exists(exists) => (&exists.subquery, Wanted::Any),
        Expr::InSubquery(within) => (&within.subquery, Wanted::Equal),
        Expr::ScalarSubquery(subquery) => (subquery, Wanted::Value),
        _ => return Ok(None),
    };
    if !is_of_items(subquery)? {
        return Ok(None);
    }
    let plan = flattened(subquery.subquery.as_ref().clone(), Reach::Further)?;
    let (row, mut outside) = (Row::default(), Vec::new());
    let plan = plan.transform_up(|node| with_cells(node, &row, &mut outside)).data()?;
    if outside.is_empty() {
        return Ok(None);
    }
    let truth = Field::new("found", DataType::Boolean, true);
    let field = plan.schema().field(0).as_ref().clone().with_nullable(true);
    let builder = LogicalPlanBuilder::from(plan);
    let (plan, field) = match expr {
        Expr::Exists(_) => (builder.limit(0, Some(1))?.build()?, truth.with_nullable(false)),
        Expr::InSubquery(within) => {
            let (_, asked) = within.expr.to_field(inputs)?;
            let asked = row.cell(outside.len(), asked);
            outside.push((*within.expr).clone());
            let column = Expr::from(builder.schema().qualified_field(0));
            let equal = compared(asked, column, builder.schema());
            (builder.project([equal.alias("equal")])?.build()?, truth)
        }
        // A second one is an error.
        _ => (builder.limit(0, Some(2))?.build()?, field),
    };
    let signature = Signature::any(outside.len(), Volatility::Immutable);
    let items =
        Items { wanted, field: Arc::new(field), signature, outside, row, run: OnceLock::new(), turn: Mutex::default() };
    Ok(Some((items, plan)))
}

/// Does it read items of a column from outside, and no table?
fn is_of_items(subquery: &Subquery) -> PlanResult<bool> {
    let (mut items, mut tables) = (false, false);
    subquery.subquery.apply_with_subqueries(|plan| {
        match plan {
            LogicalPlan::Unnest(_) => items = true,
            LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => {}
            leaf => tables |= leaf.inputs().is_empty(),
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(items && !tables && !subquery.outer_ref_columns.is_empty())
}

/// Every column from outside as a cell of the row that is at hand.
fn with_cells(node: LogicalPlan, row: &Row, outside: &mut Vec<Expr>) -> PlanResult<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&node);
    let node = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| {
            let Expr::OuterReferenceColumn(field, _) = &expr else { return Ok(Transformed::no(expr)) };
            let at = outside.iter().position(|known| *known == expr).unwrap_or(outside.len());
            let cell = row.cell(at, field.clone());
            if at == outside.len() {
                outside.push(expr);
            }
            Ok(Transformed::yes(cell))
        })?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?;
    if node.transformed { node.map_data(LogicalPlan::recompute_schema) } else { Ok(node) }
}

/// What is wanted of a subquery's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// EXISTS
    Any,
    /// IN: each row says whether it is equal.
    Equal,
    /// Its one value.
    Value,
}

/// The values from outside, of the row that is at hand.
#[derive(Debug, Clone, Default)]
struct Row(Arc<Mutex<Vec<ScalarValue>>>);

impl Row {
    fn cell(&self, at: usize, field: FieldRef) -> Expr {
        let signature = Signature::nullary(Volatility::Volatile);
        ScalarUDF::from(Cell { row: self.clone(), at, field, signature }).call(Vec::new())
    }
}

#[derive(Debug)]
struct Cell {
    row: Row,
    at: usize,
    field: FieldRef,
    signature: Signature,
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.row.0, &other.row.0) && self.at == other.at
    }
}

impl Eq for Cell {}

impl Hash for Cell {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.hash(state);
    }
}

impl ScalarUDFImpl for Cell {
    fn name(&self) -> &str {
        "from_outside"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> PlanResult<FieldRef> {
        Ok(self.field.clone())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let row = self.row.0.lock().unwrap_or_else(PoisonError::into_inner);
        match row.get(self.at) {
            Some(value) => Ok(ColumnarValue::Scalar(value.clone())),
            None => internal_err!("a subquery is run without a row"),
        }
    }
}

#[derive(Debug)]
struct Items {
    wanted: Wanted,
    field: FieldRef,
    signature: Signature,
    /// What each cell of the row is, where the subquery stands.
    outside: Vec<Expr>,
    row: Row,
    run: OnceLock<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)>,
    /// There is one row at hand.
    turn: Mutex<()>,
}

impl Items {
    /// What the subquery gives for the row at hand.
    fn value(&self) -> PlanResult<ScalarValue> {
        let Some((plan, context)) = self.run.get() else { return internal_err!("a subquery has no plan") };
        // What a join or an aggregate keeps of the last row.
        let plan = reset_plan_states(plan.clone())?;
        let batches: Vec<RecordBatch> = finished(execute_stream(plan, context.clone())?.try_collect())?;
        let mut rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
        match self.wanted {
            Wanted::Any => Ok(ScalarValue::from(rows.next().is_some())),
            Wanted::Equal => {
                let mut unknown = false;
                for (batch, row) in rows {
                    let equal = batch.column(0).as_boolean();
                    match equal.is_null(row) {
                        true => unknown = true,
                        false if equal.value(row) => return Ok(ScalarValue::from(true)),
                        false => {}
                    }
                }
                Ok(ScalarValue::Boolean((!unknown).then_some(false)))
            }
            Wanted::Value => {
                let Some((batch, row)) = rows.next() else { return ScalarValue::try_from(self.field.data_type()) };
                if rows.next().is_some() {
                    let error =
                        Error::new(Kind::Statement, "a subquery in the place of a value gives more than one row");
                    return Err(raise(
                        error
                            .with_hint("`LIMIT 1` takes one of them, `max(…)` the greatest, `json_group_array(…)` all"),
                    ));
                }
                ScalarValue::try_from_array(batch.column(0), row)
            }
        }
    }
}

#[derive(Debug)]
struct Call(Arc<Items>);

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Call {}

impl Hash for Call {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl ScalarUDFImpl for Call {
    fn name(&self) -> &str {
        match self.0.wanted {
            Wanted::Any => "exists_in_items",
            Wanted::Equal => "is_in_items",
            Wanted::Value => "value_of_items",
        }
    }

    fn signature(&self) -> &Signature {
        &self.0.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(self.0.field.data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> PlanResult<FieldRef> {
        Ok(self.0.field.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let mut values = Vec::with_capacity(rows);
        for row in 0..rows {
            let cells = args.args.iter().map(|arg| match arg {
                ColumnarValue::Scalar(value) => Ok(value.clone()),
                ColumnarValue::Array(values) => ScalarValue::try_from_array(values, row),
            });
            let cells = cells.collect::<PlanResult<Vec<_>>>()?;
            *self.0.row.0.lock().unwrap_or_else(PoisonError::into_inner) = cells;
            values.push(self.0.value()?);
        }
        match constant {
            true => Ok(ColumnarValue::Scalar(values.remove(0))),
            false if values.is_empty() => Ok(ColumnarValue::Array(new_empty_array(self.0.field.data_type()))),
            false => Ok(ColumnarValue::Array(ScalarValue::iter_to_array(values)?)),
        }
    }
}

/// The result of what waits for nobody else: an operator may give way, and is then asked again. Without the runtime's
/// budget, since only a task that ends its turn gets a new one.
fn finished<F: Future>(future: F) -> F::Output {
    struct Again(Thread);

    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Again(std::thread::current())));
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
