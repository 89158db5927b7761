//! What a FROM has out of reach: to the planner a JOIN binds more than the comma, and items belong to a row on their left.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, Join, JoinConstraint, JoinOperator, Query, TableFactor, TableWithJoins, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use super::from::constraint;
use super::scope::Relation;
use crate::error::{Error, Kind};

/// `FROM a, b LEFT JOIN c ON c.x = a.x`: what names a table before the comma. `before` are the relations that stand there.
pub(super) fn before_comma(tree: &mut TableWithJoins, before: &[Relation]) -> Vec<(Span, Error)> {
    let mut found = Far { before, depth: 0, found: Vec::new() };
    for join in &mut tree.joins {
        if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
            // Nothing in the walk breaks off.
            let _ = condition.visit(&mut found);
        }
    }
    found.found
}

struct Far<'a> {
    before: &'a [Relation],
    /// In how many subqueries the walk is: they have names of their own.
    depth: usize,
    found: Vec<(Span, Error)>,
}

impl Visitor for Far<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let (0, Expr::CompoundIdentifier(parts)) = (self.depth, expr)
            && let Some((column, table)) = parts.split_last()
            && let Some(relation) = self.before.iter().find(|relation| {
                !relation.path.is_empty() && relation.path.iter().eq(table.iter().map(|part| &part.value))
            })
        {
            let span = parts.iter().fold(column.span, |span, part| span.union(&part.span));
            let called = relation.called().map_or(column.value.clone(), |called| format!("{called}.{}", column.value));
            let error =
                Error::new(Kind::Name, format!("`{called}` is out of reach of this ON: a JOIN binds before the comma"))
                    .with_hint("write `CROSS JOIN` for the comma: then what is joined is joined from left to right");
            self.found.push((span, error));
        }
        ControlFlow::Continue(())
    }
}

/// What is wrong with items, or a LATERAL subquery, that are joined so that rows of theirs may stand alone.
pub(super) fn of_items(join: &mut Join) -> Option<(Span, Error)> {
    let (words, hint) = match join.join_operator {
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => {
            ("RIGHT JOIN", "write `JOIN`, or `LEFT JOIN`, which keeps each row on the left, with or without items")
        }
        JoinOperator::FullOuter(_) => ("FULL JOIN", "`LEFT JOIN` keeps each row on the left, with or without items"),
        _ => return None,
    };
    let (what, span) = match &mut join.relation {
        TableFactor::Function { lateral, name, args, .. } if *lateral => {
            if !args.iter().any(reads) {
                *lateral = false;
                return None;
            }
            let span = name.0.first().and_then(|part| part.as_ident()).map(|ident| ident.span);
            (format!("`{name}`"), span.unwrap_or_else(Span::empty))
        }
        TableFactor::Derived { lateral: true, alias, .. } => {
            let span = alias.as_ref().map(|alias| alias.name.span);
            ("a LATERAL subquery".to_string(), span.unwrap_or_else(Span::empty))
        }
        _ => return None,
    };
    let error = Error::new(Kind::Statement, format!("{what} behind {words} has no row to its left to read from"));
    Some((span, error.with_hint(hint)))
}

/// Whether an argument reads a column.
fn reads(arg: &FunctionArg) -> bool {
    struct Columns;
    impl Visitor for Columns {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    arg.visit(&mut Columns).is_break()
}
