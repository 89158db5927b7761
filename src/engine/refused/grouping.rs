//! Aggregates and window functions where none can be; and columns that stand beside aggregates and are not grouped by,
//! the mistake that GROUP BY invites most. Which of them is one the planner says; here they are found by the shape of the
//! query, so that they are told in our words.

use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use sqlparser::ast::{
    Expr, Function, FunctionArguments, GroupByExpr, OrderBy, Query, Select, SelectItem, SetExpr, Spanned, Visit,
    Visitor,
};
use sqlparser::tokenizer::Span;

use crate::error::{Error, Kind, Result};
use crate::sql::Source;

/// The columns that may be meant by the planner's complaint, in their order.
pub struct Ungrouped(Vec<Column>);

struct Column {
    span: Span,
    /// `*` for all of them.
    name: String,
    clause: &'static str,
    /// Whether there is a GROUP BY that it is missing in.
    grouped: bool,
}

impl Ungrouped {
    /// # Errors
    /// `Statement`: an aggregate or a window function in WHERE, or an aggregate in another.
    pub fn of(query: &Query, source: &Source, is_aggregate: &dyn Fn(&str) -> bool) -> Result<Self> {
        let mut queries = Queries { source, is_aggregate, found: Vec::new() };
        match query.visit(&mut queries) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(Ungrouped(queries.found)),
        }
    }

    /// What the planner complains of, if it is one of these.
    pub fn complaint(&self, error: &DataFusionError, source: &Source) -> Option<Error> {
        let DataFusionError::Diagnostic(diagnostic, inner) = error else { return None };
        if !matches!(**inner, DataFusionError::Plan(_)) {
            return None;
        }
        let start = diagnostic.span.map(|span| (span.start.line, span.start.column));
        let meant = |column: &&Column| match start {
            Some(start) => (column.span.start.line, column.span.start.column) == start,
            None => column.name == "*",
        };
        let Column { span, name, clause, grouped } = self.0.iter().find(meant)?;
        let (message, hint) = match (name.as_str(), grouped) {
            ("*", true) => (
                "`*` has columns that are neither in GROUP BY nor in an aggregate".to_string(),
                "name the columns: those of GROUP BY, and of the others one value of each group, `max(…)`".to_string(),
            ),
            ("*", false) => (
                "`*` stands in SELECT beside an aggregate, and there is no GROUP BY".to_string(),
                "name the columns that are grouped by, and write them behind GROUP BY".to_string(),
            ),
            (_, true) => (
                format!("`{name}` in {clause} is neither in GROUP BY nor in an aggregate"),
                format!("add it to GROUP BY, or take one value of each group: `max({name})`, `any_value({name})`"),
            ),
            (_, false) => (
                format!("`{name}` stands in {clause} beside an aggregate, and there is no GROUP BY"),
                format!("write `GROUP BY {name}`, or take one value: `max({name})`, `any_value({name})`"),
            ),
        };
        let error = Error::new(Kind::Statement, message).with_hint(hint);
        Some(if *span == Span::empty() { error } else { error.at(source.place(*span)) })
    }
}

/// Every query within a query.
struct Queries<'a> {
    source: &'a Source,
    is_aggregate: &'a dyn Fn(&str) -> bool,
    found: Vec<Column>,
}

impl Visitor for Queries<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        self.body(&query.body, query.order_by.as_ref())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        select.selection.visit(&mut Condition { outer: self, within: 0 })
    }
}

impl Queries<'_> {
    fn is_aggregate(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Function(Function { name, over: None, args: FunctionArguments::List(_), .. }) => {
                (self.is_aggregate)(&name.to_string().to_ascii_lowercase())
            }
            _ => false,
        }
    }

    fn body(&mut self, body: &SetExpr, order_by: Option<&OrderBy>) -> ControlFlow<Error> {
        match body {
            SetExpr::Select(select) => self.select(select, order_by),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, None)?;
                self.body(right, None)
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn select(&mut self, select: &Select, order_by: Option<&OrderBy>) -> ControlFlow<Error> {
        let GroupByExpr::Expressions(by, _) = &select.group_by else { return ControlFlow::Continue(()) };
        let mut clauses =
            Clauses { outer: self, clause: "SELECT", by, select, within: Vec::new(), aggregates: 0, found: Vec::new() };
        for item in &select.projection {
            if let SelectItem::Wildcard(options) = item {
                clauses.note("*", options.wildcard_token.0.span);
            }
        }
        select.projection.visit(&mut clauses)?;
        clauses.clause = "HAVING";
        select.having.visit(&mut clauses)?;
        clauses.clause = "ORDER BY";
        if let Some(order_by) = order_by {
            order_by.visit(&mut clauses)?;
        }
        let Clauses { aggregates, found, .. } = clauses;
        if aggregates > 0 || !by.is_empty() {
            self.found.extend(found);
        }
        ControlFlow::Continue(())
    }
}

/// A WHERE without its subqueries.
struct Condition<'a> {
    outer: &'a Queries<'a>,
    within: usize,
}

impl Visitor for Condition<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        self.within += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        self.within -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        if self.within > 0 {
            return ControlFlow::Continue(());
        }
        let (message, hint) = if function.over.is_some() {
            (
                format!(
                    "`{}() OVER …` is computed over the rows that WHERE lets through, and cannot stand in it",
                    function.name
                ),
                "write the condition behind QUALIFY in place of WHERE",
            )
        } else if self.outer.is_aggregate(expr) {
            (
                format!(
                    "`{}(…)` is an aggregate of the rows that WHERE lets through, and cannot stand in it",
                    function.name
                ),
                "write the condition behind GROUP BY and HAVING; of other rows, take it in a subquery: `(SELECT max(…) FROM …)`",
            )
        } else {
            return ControlFlow::Continue(());
        };
        let place = self.outer.source.place(function.name.span());
        ControlFlow::Break(Error::new(Kind::Statement, message).with_hint(hint).at(place))
    }
}

/// The columns of a clause that are in no aggregate, in no subquery and in nothing that is grouped by.
struct Clauses<'a> {
    outer: &'a Queries<'a>,
    clause: &'static str,
    by: &'a [Expr],
    select: &'a Select,
    within: Vec<Within>,
    aggregates: usize,
    found: Vec<Column>,
}

/// In what a column is not looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Within {
    Query,
    Aggregate(String),
    Group,
}

impl Visitor for Clauses<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        self.within.push(Within::Query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        self.within.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        let around = self.around(expr);
        if let Some(Within::Aggregate(_)) = &around {
            self.aggregates += usize::from(self.within.is_empty());
            if let (Some(Within::Aggregate(outer)), Expr::Function(Function { name, .. })) = (self.within.last(), expr)
            {
                let message = format!("`{name}` stands within `{outer}`, and an aggregate takes no other");
                let error = Error::new(Kind::Statement, message).with_hint(format!(
                    "compute it in a subquery: `SELECT {outer}(n) FROM (SELECT {name}(…) AS n FROM … GROUP BY …)`"
                ));
                return ControlFlow::Break(error.at(self.outer.source.place(name.span())));
            }
        }
        if self.within.is_empty()
            && around.is_none()
            && let Some(name) = last(expr)
            && !self.is_output(name)
        {
            self.note(name, expr.span());
        }
        self.within.extend(around);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        if self.around(expr).is_some() {
            self.within.pop();
        }
        ControlFlow::Continue(())
    }
}

impl Clauses<'_> {
    fn note(&mut self, name: &str, span: Span) {
        let (name, grouped) = (name.to_string(), !self.by.is_empty());
        self.found.push(Column { span, name, clause: self.clause, grouped });
    }

    /// What an expression is to the columns in it.
    fn around(&self, expr: &Expr) -> Option<Within> {
        match expr {
            Expr::Function(function) if self.outer.is_aggregate(expr) => {
                Some(Within::Aggregate(function.name.to_string()))
            }
            _ => self.is_grouped(expr).then_some(Within::Group),
        }
    }

    /// Whether an expression is grouped by, as it stands, by its number or by its alias.
    fn is_grouped(&self, expr: &Expr) -> bool {
        let item = |by: &Expr| {
            let at = by.to_string().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let called = |item: &&SelectItem| match item {
                SelectItem::ExprWithAlias { alias, .. } => last(by).is_some_and(|name| name == alias.value),
                _ => false,
            };
            let items = &self.select.projection;
            match at.and_then(|at| items.get(at)).or_else(|| items.iter().find(called)) {
                Some(SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }) => item == expr,
                _ => false,
            }
        };
        let same = |by: &Expr| by == expr || last(by).is_some_and(|name| last(expr) == Some(name)) || item(by);
        self.by.iter().any(same)
    }

    fn is_output(&self, name: &str) -> bool {
        let is_called =
            |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.value == name);
        self.clause != "SELECT" && self.select.projection.iter().any(is_called)
    }
}

/// What a column is called, whatever it is qualified by.
fn last(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.as_str()),
        _ => None,
    }
}
