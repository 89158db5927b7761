//! What DataFusion cannot plan or run, told in our words and with its place before it is told in DataFusion's: by the
//! shape of a query or of a plan, never by the text of a message.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use sqlparser::ast::{Query, SetExpr, Spanned, Visit, Visitor};
use sqlparser::tokenizer::{Location, Span};

use crate::engine::translate::translate;
use crate::error::{Error, Kind, Result};
use crate::sql::Source;

/// Rows of VALUES that are not of one length.
///
/// # Errors
/// `Statement`: the first such row.
pub fn ragged(query: &Query, source: &Source) -> Result<()> {
    match query.visit(&mut Ragged { source }) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Ragged<'a> {
    source: &'a Source,
}

impl Ragged<'_> {
    fn check(&self, body: &SetExpr) -> ControlFlow<Error> {
        let rows = match body {
            SetExpr::Values(values) => &values.rows,
            SetExpr::SetOperation { left, right, .. } => {
                self.check(left)?;
                return self.check(right);
            }
            _ => return ControlFlow::Continue(()),
        };
        let first = rows.first().map_or(0, |row| row.len());
        let Some((at, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != first) else {
            return ControlFlow::Continue(());
        };
        let values = |count| if count == 1 { "1 value".to_string() } else { format!("{count} values") };
        let message = format!("row {} of VALUES has {}, and row 1 has {}", at + 1, values(row.len()), values(first));
        let span = Span::union_iter(row.iter().map(Spanned::span));
        ControlFlow::Break(Error::new(Kind::Statement, message).at(self.source.place(span)))
    }
}

impl Visitor for Ragged<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        self.check(&query.body)
    }
}

/// What a plan has left, once it is optimized, that has no way to be run.
///
/// # Errors
/// `Statement`: the first subquery, or reach to the left, that is left.
pub fn unrunnable(optimized: &LogicalPlan, source: &Source) -> Result<()> {
    match first(optimized) {
        Some(Left::Subquery(subquery)) => Err(complaint(&subquery, source)),
        Some(Left::Column(column)) => Err(Error::new(
            Kind::Statement,
            format!("`{}` is out of reach here", column.flat_name()),
        )
        .with_hint("what speaks of it stands behind it in the same FROM: behind a comma, JOIN or LEFT JOIN, and not RIGHT or FULL JOIN")),
        None => Ok(()),
    }
}

/// An error of DataFusion's optimizer. The names were all found before it began: what it misses then is its own, and
/// comes of a correlated subquery if there is one.
pub fn unplanned(error: &DataFusionError, plan: &LogicalPlan, source: &Source) -> Error {
    let told = translate(error, Some(source));
    let its_own = matches!(error.find_root(), DataFusionError::SchemaError(..) | DataFusionError::Internal(_));
    match first(plan) {
        Some(Left::Subquery(subquery)) if its_own => complaint(&subquery, source),
        _ => told,
    }
}

enum Left {
    Subquery(Subquery),
    Column(Column),
}

fn first(plan: &LogicalPlan) -> Option<Left> {
    let mut found = None;
    // Nothing in the walk fails.
    let _ = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                match expr {
                    Expr::Exists(Exists { subquery, .. })
                    | Expr::InSubquery(InSubquery { subquery, .. })
                    | Expr::ScalarSubquery(subquery)
                        if !subquery.outer_ref_columns.is_empty() =>
                    {
                        found = Some(Left::Subquery(subquery.clone()));
                    }
                    Expr::OuterReferenceColumn(_, column) => found = Some(Left::Column(column.clone())),
                    _ => return Ok(TreeNodeRecursion::Continue),
                }
                Ok(TreeNodeRecursion::Stop)
            })
        })
    });
    found
}

fn complaint(subquery: &Subquery, source: &Source) -> Error {
    let (mut limits, mut items) = (false, false);
    // Nothing in the walk fails.
    let _ = subquery.subquery.apply(|node| {
        limits |=
            matches!(node, LogicalPlan::Limit(_)) || matches!(node, LogicalPlan::Sort(sort) if sort.fetch.is_some());
        items |= matches!(node, LogicalPlan::Unnest(_));
        Ok(TreeNodeRecursion::Continue)
    });
    let mut outside: Vec<String> = subquery
        .outer_ref_columns
        .iter()
        .filter_map(|expr| match expr {
            Expr::OuterReferenceColumn(_, column) => Some(format!("`{}`", column.flat_name())),
            _ => None,
        })
        .collect();
    outside.sort();
    outside.dedup();
    let message = format!("this subquery takes {} from outside, and cannot be run for each row", outside.join(" and "));
    let hint = match (items, limits) {
        (true, _) => {
            "read the items in FROM: `FROM t, json_each(t.tags) AS e JOIN …`, with DISTINCT or GROUP BY where one row is wanted"
        }
        (_, true) => {
            "without LIMIT: `min(…)` or `max(…)`; or join a subquery that numbers its rows, `row_number() OVER (PARTITION BY … ORDER BY …) AS n`, on `n = 1`"
        }
        _ => {
            "join it: `LEFT JOIN (SELECT key, … GROUP BY key) AS s ON s.key = …`; what a subquery takes from outside can only be compared by `=`, in its WHERE"
        }
    };
    let error = Error::new(Kind::Statement, message).with_hint(hint);
    let at = |location: datafusion::common::Location| Location { line: location.line, column: location.column };
    match subquery.spans.first() {
        Some(span) => error.at(source.place(Span::new(at(span.start), at(span.end)))),
        None => error,
    }
}
