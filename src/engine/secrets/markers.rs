//! The markers of a statement: `secret('NAME')` and `{"$secret": "NAME"}` within its texts. Pure.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint, JoinOperator,
    Select, Spanned, Value as Literal, ValueWithSpan, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use super::find::{document, of_column};
use crate::catalog::model::{Catalog, Resource};
use crate::catalog::secret::{self, Marks};
use crate::error::{Error, Kind, Result};
use crate::sql::{Body, Content, CreateTable, Own, Statement};

/// The name in a call of `secret('NAME')`, if it is a literal.
pub fn name(function: &Function) -> Option<&str> {
    let called = function.name.0.last()?.as_ident()?;
    if !called.value.eq_ignore_ascii_case(secret::FUNCTION) {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(ValueWithSpan {
                value: Literal::SingleQuotedString(text),
                ..
            }))),
        ] => Some(text),
        _ => None,
    }
}

/// The names of the secrets that a statement asks for, as far as its text says.
pub fn names(body: &Body) -> Vec<String> {
    let mut search = Search::default();
    let _all = match body {
        Body::Insert(insert) => insert.source.visit(&mut search),
        Body::Update(update) => {
            let values = update.assignments.iter().try_for_each(|assignment| assignment.value.visit(&mut search));
            if values.is_continue() { update.selection.visit(&mut search) } else { values }
        }
        Body::Delete(delete) => delete.selection.visit(&mut search),
        Body::Exec(exec) => {
            if let Some((members, _)) = &exec.json {
                members.values().for_each(|value| search.text(value));
            }
            exec.args.iter().try_for_each(|argument| argument.value.visit(&mut search))
        }
        _ => ControlFlow::Continue(()),
    };
    let mut names: Vec<String> = search.found.into_iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    names
}

/// Holds that no condition asks for a secret: what is compared is sent as it stands, and shown. Credentials that a
/// method takes as arguments are no conditions.
///
/// # Errors
/// `Param`, with its place.
pub fn misplaced(catalog: &Catalog, statement: &Statement) -> Result<()> {
    let body = match &statement.body {
        Body::Explain { inner, .. } => inner.as_ref(),
        body => body,
    };
    let resource = |texts: Vec<String>| match texts.as_slice() {
        [provider, service, resource, ..] => catalog.resource(provider, service, resource).ok(),
        _ => None,
    };
    let mut own: Vec<&Resource> = statement.execs.iter().filter_map(|exec| resource(exec.name.texts())).collect();
    own.extend(match body {
        Body::Delete(delete) => resource(delete.table.texts()),
        Body::Update(update) => resource(update.table.texts()),
        _ => None,
    });
    let mut conditions = Conditions { own: &own, taken: Vec::new(), found: None };
    let _first = match body {
        Body::Query(query) => query.visit(&mut conditions),
        Body::Insert(insert) => insert.source.visit(&mut conditions),
        Body::Update(update) => {
            let other = update.from.visit(&mut conditions);
            if other.is_continue() { conditions.judge(Some(&update.selection)) } else { other }
        }
        Body::Delete(delete) => {
            let other = delete.using.visit(&mut conditions);
            if other.is_continue() { conditions.judge(Some(&delete.selection)) } else { other }
        }
        _ => ControlFlow::Continue(()),
    };
    if conditions.found.is_none()
        && let Some((name, span)) = shown(body).into_iter().find(|(_, span)| !conditions.taken.contains(span))
    {
        let message = format!("what a query gives is no place for the secret `{name}`: it would be shown");
        return Err(Error::new(Kind::Param, message).at(statement.source.place(span)).with_context("nothing was sent"));
    }
    match conditions.found {
        None => Ok(()),
        Some((name, span)) => {
            let error =
                Error::new(Kind::Param, format!("a condition is no place for the secret `{name}`: it would be shown"));
            Err(error.at(statement.source.place(span)).with_context("nothing was sent"))
        }
    }
}

/// The markers in what a statement shows or keeps, those that are arguments among them.
fn shown(body: &Body) -> Vec<(String, Span)> {
    let mut search = Search::default();
    let _all = match body {
        Body::Query(query) => query.visit(&mut search),
        Body::Own(Own::Table(CreateTable { content: Content::Query(query), .. })) => query.visit(&mut search),
        Body::Own(Own::View(view)) => view.query.visit(&mut search),
        Body::Own(Own::Copy(copy)) => copy.query.visit(&mut search),
        Body::Insert(insert) => insert.returning.visit(&mut search),
        Body::Update(update) => update.returning.visit(&mut search),
        Body::Delete(delete) => delete.returning.visit(&mut search),
        Body::Exec(exec) => exec.returning.visit(&mut search),
        _ => ControlFlow::Continue(()),
    };
    search.found
}

/// Every marker below a part of the tree, with its place.
#[derive(Default)]
struct Search {
    found: Vec<(String, Span)>,
}

impl Search {
    fn text(&mut self, value: &serde_json::Value) {
        match value.as_str() {
            None => self.found.extend(Marks::default().names(value).into_iter().map(|name| (name, Span::empty()))),
            Some(text) => self.literal(text, Span::empty()),
        }
    }

    fn literal(&mut self, text: &str, span: Span) {
        if text.contains(secret::KEY)
            && let Some(value) = document(text)
        {
            self.found.extend(Marks::default().names(&value).into_iter().map(|name| (name, span)));
        }
    }
}

impl Visitor for Search {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some(name) = name(function)
        {
            self.found.push((name.to_string(), expr.span()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Some(text) = value.value.clone().into_string() {
            self.literal(&text, value.span);
        }
        ControlFlow::Continue(())
    }
}

/// The first marker in a condition.
struct Conditions<'a> {
    /// The resources whose arguments stand in a WHERE.
    own: &'a [&'a Resource],
    /// Where an argument has its secret.
    taken: Vec<Span>,
    found: Option<(String, Span)>,
}

impl Conditions<'_> {
    fn judge(&mut self, condition: Option<&Expr>) -> ControlFlow<()> {
        let Some(condition) = condition else { return ControlFlow::Continue(()) };
        match condition {
            Expr::Nested(inner) => return self.judge(Some(inner)),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                let left = self.judge(Some(left));
                return if left.is_continue() { self.judge(Some(right)) } else { left };
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                let is_secret = |expr: &Expr| match expr {
                    Expr::Identifier(ident) => self.own.iter().any(|own| !of_column(own, &ident.value).is_empty()),
                    _ => false,
                };
                if is_secret(left) || is_secret(right) {
                    let mut search = Search::default();
                    let _all = condition.visit(&mut search);
                    self.taken.extend(search.found.into_iter().map(|(_, span)| span));
                    return ControlFlow::Continue(());
                }
            }
            _ => {}
        }
        let mut search = Search::default();
        let _all = condition.visit(&mut search);
        self.found = search.found.into_iter().next();
        if self.found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Visitor for Conditions<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let conditions = [&select.selection, &select.having, &select.qualify, &select.prewhere];
        conditions.into_iter().try_for_each(|condition| self.judge(condition.as_ref()))?;
        let joins = select.from.iter().flat_map(|table| &table.joins);
        joins.filter_map(|join| on(&join.join_operator)).try_for_each(|on| self.judge(Some(on)))
    }
}

fn on(operator: &JoinOperator) -> Option<&Expr> {
    let constraint = match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => constraint,
        _ => return None,
    };
    match constraint {
        JoinConstraint::On(on) => Some(on),
        _ => None,
    }
}
