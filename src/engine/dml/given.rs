//! What a WHERE gives to the call that deletes, besides picking rows: `AND password = '…'` is no condition where
//! `password` is an argument of the method. Taken out before any row is read, and held against each target's own method.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;
use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, Spanned, Visit, Visitor};

use super::cells;
use super::check::{Findings, given};
use super::document::{Document, wire};
use super::rules::{all_hold, at, broken_besides, holds};
use super::site::refused;
use super::targets::select;
use crate::catalog::model::{Access, Field, Method, Type, starts};
use crate::engine::calls::Meter;
use crate::engine::plan::{collect, logical, physical};
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result};
use crate::sql::{Delete, Source};

/// What a statement gives to its calls, by wire name.
#[derive(Debug, Default)]
pub struct Given {
    pub values: Document,
}

/// What of a WHERE picks rows. None: nothing does.
pub fn picking(methods: &[&Method], delete: &Delete) -> Option<Expr> {
    let arguments: Vec<&Field> = methods.iter().flat_map(|method| &method.arguments).collect();
    let table = delete.alias.as_ref().or(delete.table.parts.last()).map(|part| part.text.as_str());
    let named = |expr: &Expr| argument(&arguments, table, expr);
    let picks = conjuncts(&delete.selection).into_iter().filter(|condition| equality(condition, &named).is_none());
    picks.cloned().reduce(and)
}

/// Parts a WHERE into what picks rows and what is given to the call.
///
/// # Errors
/// What is wrong with what is given; that nothing picks rows.
pub async fn parted(
    session: &Session,
    methods: &[&Method],
    delete: &Delete,
    source: &Source,
    meter: &Arc<Meter>,
) -> Result<(Expr, Given)> {
    let arguments: Vec<&Field> = methods.iter().flat_map(|method| &method.arguments).collect();
    if arguments.is_empty() {
        return Ok((delete.selection.clone(), Given::default()));
    }
    let table = delete.alias.as_ref().or(delete.table.parts.last()).map(|part| part.text.as_str());
    let named = |expr: &Expr| argument(&arguments, table, expr);
    let (mut rest, mut found, mut complaints): (Option<Expr>, Vec<(&Field, &Expr)>, _) = (None, Vec::new(), Vec::new());
    for condition in conjuncts(&delete.selection) {
        let Some((field, value)) = equality(condition, &named) else {
            if let Some(field) = used(condition, &named) {
                let error =
                    Error::new(Kind::Statement, format!("`{}` picks no rows: it is given to the call", field.name))
                        .at(source.place(condition.span()))
                        .with_context("nothing was sent")
                        .with_hint(format!("write `{} = '…'`, joined to the rest of the WHERE by AND", field.name));
                return Err(error);
            }
            rest = Some(match rest {
                None => condition.clone(),
                Some(rest) => and(rest, condition.clone()),
            });
            continue;
        };
        if found.iter().any(|(known, _)| known.name == field.name) {
            complaints.push(format!("`{}` is given twice", field.name));
        }
        found.push((field, value));
    }
    let Some(rest) = rest else {
        return Err(Error::new(Kind::Statement, "the WHERE says how to delete, and not which rows")
            .at(source.place(delete.selection.span()))
            .with_context("nothing was sent")
            .with_hint("name the rows as well: `Identifier = '…'`"));
    };
    let mut values = Document::new();
    for ((field, _), value) in found.iter().zip(constants(session, &found, source, meter).await?) {
        let mut checked = Findings::default();
        match wire(field, value) {
            Ok(None) => complaints.push(format!("`{}` is NULL", field.wire)),
            Ok(Some(value)) => {
                // A notice would show the value, which may be a secret.
                given(field, &value, &mut checked);
                complaints.extend(checked.complaints.into_iter().filter(|_| field.access != Access::Secret));
                values.insert(field.wire.clone(), value);
            }
            Err(_) if field.access == Access::Secret => complaints.push(format!("`{}` is no text", field.wire)),
            Err(complaint) => complaints.push(complaint),
        }
    }
    if complaints.is_empty() { Ok((rest, Given { values })) } else { Err(refused("DELETE", complaints)) }
}

/// The values of what is given, which know no columns.
async fn constants(
    session: &Session,
    found: &[(&Field, &Expr)],
    source: &Source,
    meter: &Arc<Meter>,
) -> Result<Vec<Value>> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let item = |(at, (_, expr)): (usize, &(&Field, &Expr))| SelectItem::ExprWithAlias {
        expr: (*expr).clone(),
        alias: sqlparser::ast::Ident::with_quote('"', format!("value {at}")),
    };
    let query = select(found.iter().enumerate().map(item).collect(), Vec::new(), None);
    let (state, _, query) = session.resolved(&query, source, meter).await?;
    let plan = physical(&state, &logical(&state, query, source).await?, source).await?;
    Ok(cells::rows(&collect(&state, plan, source).await?)?.pop().unwrap_or_default())
}

/// The first method that is for a target.
pub fn method_for<'a>(methods: &[&'a Method], target: &Document) -> Option<&'a Method> {
    methods.iter().find(|method| all_hold(&method.when, target)).copied()
}

/// What is wrong with what is given for one target, and the conditions to write so that it is right.
pub fn held(method: &Method, given: &Given, target: &Document) -> (Findings, Option<String>) {
    let mut found = Findings::default();
    let mut whole = target.clone();
    whole.extend(given.values.clone());
    let is_taken = |wire: &str| method.arguments.iter().any(|argument| argument.wire == wire);
    let superfluous: Vec<&String> = given.values.keys().filter(|wire| !is_taken(wire)).collect();
    if let Some(names) = super::rules::listed(&superfluous) {
        found.complaints.push(format!("{names} cannot be given"));
    }
    let missing = method.arguments.iter().filter(|field| field.required && !given.values.contains_key(&field.wire));
    let mut told: Vec<String> = superfluous.iter().map(|wire| (*wire).clone()).collect();
    for field in missing {
        found.complaints.push(format!("`{}` is missing", field.wire));
        told.push(field.wire.clone());
    }
    let broken = broken_besides(&method.rules, &whole, &told);
    found.complaints.extend(broken.complaints);
    found.notices.extend(broken.notices);
    if let Some(last) = found.complaints.last_mut() {
        *last = format!("{last}\n  `{}`: {}", method.name, method.description);
    }
    let wanted = wanted(method, &whole);
    (found, (!wanted.is_empty()).then(|| format!("`AND {}`", wanted.join(" AND "))))
}

/// The conditions that would give what is missing.
fn wanted(method: &Method, whole: &Document) -> Vec<String> {
    let mut wanted: BTreeMap<usize, String> = BTreeMap::new();
    let mut want = |place: &str, value: Option<&Value>| {
        let argument = |wire: &str| method.arguments.iter().position(|argument| argument.wire == wire);
        let Some(at) = starts(place).find_map(argument) else { return };
        let value = match value {
            Some(Value::String(text)) => format!("'{}'", text.replace('\'', "''")),
            Some(value) => value.to_string(),
            None if method.arguments[at].kind == Type::Json => "'{…}'".to_string(),
            None => "'…'".to_string(),
        };
        wanted.entry(at).or_insert_with(|| format!("{} = {value}", method.arguments[at].name));
    };
    for rule in method.rules.iter().filter(|rule| !rule.only_warns && all_hold(&rule.when, whole)) {
        for condition in rule.is.iter().filter(|condition| !holds(condition, whole)) {
            want(&condition.place, condition.values.first());
        }
        rule.needs.iter().filter(|place| at(whole, place).is_none()).for_each(|place| want(place, None));
    }
    for argument in method.arguments.iter().filter(|argument| argument.required && !whole.contains_key(&argument.wire))
    {
        want(&argument.wire, None);
    }
    wanted.into_values().collect()
}

/// The parts of a WHERE that must all hold.
fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(inner) if conjuncts(inner).len() > 1 => conjuncts(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjuncts(left), conjuncts(right)].concat(),
        expr => vec![expr],
    }
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) }
}

/// The argument that a column's name means.
fn argument<'a>(arguments: &[&'a Field], table: Option<&str>, expr: &Expr) -> Option<&'a Field> {
    let name = match expr {
        Expr::Identifier(ident) => &ident.value,
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., of, name] if table.is_some_and(|table| of.value.eq_ignore_ascii_case(table)) => &name.value,
            _ => return None,
        },
        Expr::Nested(inner) => return argument(arguments, table, inner),
        _ => return None,
    };
    let name = match name.get(..6) {
        Some(prefix) if prefix.eq_ignore_ascii_case("data__") => &name[6..],
        _ => name.as_str(),
    };
    let is_it = |field: &&&Field| field.name.eq_ignore_ascii_case(name) || field.wire.eq_ignore_ascii_case(name);
    arguments.iter().find(is_it).copied()
}

/// An argument and the value that it is given.
fn equality<'a, 'e>(condition: &'e Expr, named: &dyn Fn(&Expr) -> Option<&'a Field>) -> Option<(&'a Field, &'e Expr)> {
    match condition {
        Expr::Nested(inner) => equality(inner, named),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (named(left), named(right)) {
            (Some(field), None) if used(right, named).is_none() => Some((field, right)),
            (None, Some(field)) if used(left, named).is_none() => Some((field, left)),
            _ => None,
        },
        _ => None,
    }
}

/// An argument that is used as if it were a column. Within a subquery the same name may be somebody else's.
fn used<'a>(condition: &Expr, named: &dyn Fn(&Expr) -> Option<&'a Field>) -> Option<&'a Field> {
    struct Search<'s, 'a> {
        named: &'s dyn Fn(&Expr) -> Option<&'a Field>,
        depth: usize,
    }
    impl<'a> Visitor for Search<'_, 'a> {
        type Break = &'a Field;

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<&'a Field> {
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<&'a Field> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<&'a Field> {
            match (self.named)(expr).filter(|_| self.depth == 0) {
                Some(field) => ControlFlow::Break(field),
                None => ControlFlow::Continue(()),
            }
        }
    }
    match condition.visit(&mut Search { named, depth: 0 }) {
        ControlFlow::Break(field) => Some(field),
        ControlFlow::Continue(()) => None,
    }
}
