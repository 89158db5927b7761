//! What DataFusion cannot plan or run, told in our words and with its place before it is told in DataFusion's: by the
//! shape of a query or of a plan, never by the text of a message.

mod grouping;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use sqlparser::ast::{Query, SetExpr, Spanned, Visit, Visitor};
use sqlparser::tokenizer::{Location, Span};

pub use self::grouping::Ungrouped;
use crate::engine::sorted::subqueries;
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
        None => match asked_for_value(optimized) {
            Some(error) => Err(error),
            None => Ok(()),
        },
    }
}

/// A condition with a subquery that takes nothing from outside, and has not become a join.
fn asked_for_value(optimized: &LogicalPlan) -> Option<Error> {
    let mut found = None;
    // Nothing in the walk fails.
    let _ = optimized.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found = match expr {
                    Expr::InSubquery(_) => Some((
                        "IN (SELECT …)",
                        "join it: `LEFT JOIN (SELECT DISTINCT key FROM …) AS s ON s.key = …`; `s.key IS NOT NULL` is then the value",
                    )),
                    Expr::Exists(_) => Some(("EXISTS", "count the rows: `(SELECT count(*) FROM …) > 0`")),
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                Ok(TreeNodeRecursion::Stop)
            })
        })
    });
    let (what, hint) = found?;
    let message = format!("`{what}` is wanted as a value here, and can only be a condition of WHERE and HAVING");
    Some(Error::new(Kind::Statement, message).with_hint(hint))
}

/// An error of DataFusion's optimizer. The names were all found before it began: what it misses then is its own, and
/// comes of a correlated subquery if there is one.
pub fn unplanned(error: &DataFusionError, plan: &LogicalPlan, source: &Source) -> Error {
    if let Some(error) = unsorted(plan, source) {
        return error;
    }
    let told = translate(error, Some(source));
    let its_own = matches!(error.find_root(), DataFusionError::SchemaError(..) | DataFusionError::Internal(_));
    match first(plan) {
        Some(Left::Subquery(subquery)) if its_own => complaint(&subquery, source),
        _ => told,
    }
}

/// A sort by a subquery that takes what is no longer there where it sorts.
fn unsorted(plan: &LogicalPlan, source: &Source) -> Option<Error> {
    let mut found = None;
    // Nothing in the walk fails.
    let _ = plan.apply_with_subqueries(|node| {
        let LogicalPlan::Sort(sort) = node else { return Ok(TreeNodeRecursion::Continue) };
        let mut subqueries = sort.expr.iter().flat_map(|by| subqueries(&by.expr));
        found = subqueries.next().map(|subquery| (subquery.clone(), sort.input.clone()));
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    let (subquery, sorted) = found?;
    let missing = outside(&subquery, |column| !sorted.schema().has_column(column));
    let (message, hint) = match &*sorted {
        LogicalPlan::Distinct(_) => (
            format!(
                "ORDER BY takes {missing}, which SELECT DISTINCT does not show: rows that it makes one may differ in it"
            ),
            format!(
                "select {missing} as well; or `SELECT … GROUP BY …` instead of DISTINCT, and ORDER BY an aggregate"
            ),
        ),
        _ => (
            format!("ORDER BY takes {missing}, which the rows that it sorts do not have"),
            "a subquery in ORDER BY can take what SELECT shows, and what GROUP BY names".to_string(),
        ),
    };
    Some(placed(Error::new(Kind::Statement, message).with_hint(hint), &subquery, source))
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
    let outside = outside(subquery, |_| true);
    let message = format!("this subquery takes {outside} from outside, and cannot be run for each row");
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
    placed(Error::new(Kind::Statement, message).with_hint(hint), subquery, source)
}

/// Those of the columns that a subquery takes from outside.
fn outside(subquery: &Subquery, which: impl Fn(&Column) -> bool) -> String {
    let columns = subquery.outer_ref_columns.iter().filter_map(|expr| match expr {
        Expr::OuterReferenceColumn(_, column) if which(column) => Some(format!("`{}`", column.flat_name())),
        _ => None,
    });
    let columns: BTreeSet<String> = columns.collect();
    columns.into_iter().collect::<Vec<_>>().join(" and ")
}

fn placed(error: Error, subquery: &Subquery, source: &Source) -> Error {
    let at = |location: datafusion::common::Location| Location { line: location.line, column: location.column };
    match subquery.spans.first() {
        Some(span) => error.at(source.place(Span::new(at(span.start), at(span.end)))),
        None => error,
    }
}
