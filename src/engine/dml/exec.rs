//! EXEC of a method that answers a verb, as the statement that does the same: whatever holds for INSERT, UPDATE, DELETE and
//! SELECT holds for it. Those that answer none are `method`'s. Sends nothing.

use serde_json::Value;
use sqlparser::ast::{BinaryOperator, Expr, Ident, SelectItem, Value as Literal, WildcardAdditionalOptions};
use sqlparser::tokenizer::Span;

use super::site::{Column, Site};
use super::targets::{relation, select};
use crate::catalog::required_params;
use crate::engine::Engine;
use crate::error::{Error, Kind, Result};
use crate::sql::{Assignment, Body, Delete, Exec, Insert, Name, OnConflict, Part, Source, Update};

/// The statement that does what a method does. `shows` is whether its rows are wanted (`/*+ SHOWRESULTS */`).
///
/// # Errors
/// `Name`: no such resource or method. `Param`: what the method needs is not there.
pub fn statement(engine: &Engine, exec: &Exec, shows: bool, source: &Source) -> Result<Body> {
    let (table, method) = method_of(engine, exec, source)?;
    let site = Site::of(engine, &table, source)?;
    let verbs = &site.resource.verbs;
    let is = |verb: &Option<String>| verb.as_ref() == Some(&method);
    let returning = exec.returning.clone().or_else(|| shows.then(everything));
    let given = arguments(exec)?;
    if !has_needs(&site, &method, &given) {
        return Err(lacks(exec, &site, &method, source));
    }
    if is(&verbs.insert) {
        let columns = given.iter().map(|assignment| assignment.column.clone()).collect::<Vec<_>>();
        if columns.is_empty() {
            return Err(lacks(exec, &site, &method, source));
        }
        let values = given.into_iter().map(|assignment| SelectItem::UnnamedExpr(assignment.value)).collect();
        let source = Box::new(select(values, Vec::new(), None));
        let on_conflict = OnConflict::Fail;
        let conflict_columns = Vec::new();
        return Ok(Body::Insert(Insert {
            table,
            alias: None,
            columns,
            source,
            on_conflict,
            conflict_columns,
            returning,
        }));
    }
    // What says which row, and what says how it is to be.
    let is_place = |assignment: &Assignment| {
        let identity = site.resource.identity.first();
        match site.column(&assignment.column) {
            Ok(Column::Param(_)) => true,
            Ok(Column::Field(field)) => Some(&field.name) == identity,
            _ => false,
        }
    };
    let (places, sets): (Vec<Assignment>, Vec<Assignment>) = match is(&verbs.update) {
        true => given.into_iter().partition(is_place),
        false => (given, Vec::new()),
    };
    let Some(selection) = conditions(places) else {
        return if is(&verbs.update) || verbs.delete.contains(&method) {
            Err(lacks(exec, &site, &method, source))
        } else {
            Ok(Body::Query(Box::new(select(returning.unwrap_or_else(everything), vec![relation(&table, None)], None))))
        };
    };
    if is(&verbs.update) {
        if sets.is_empty() {
            return Err(lacks(exec, &site, &method, source));
        }
        return Ok(Body::Update(Update {
            table,
            alias: None,
            assignments: sets,
            from: Vec::new(),
            selection,
            returning,
        }));
    }
    if verbs.delete.contains(&method) {
        return Ok(Body::Delete(Delete {
            table,
            alias: None,
            using: Vec::new(),
            selection,
            method: Some(method),
            returning,
        }));
    }
    reads(engine, exec, source)?;
    let items = returning.unwrap_or_else(everything);
    Ok(Body::Query(Box::new(select(items, vec![relation(&table, None)], Some(selection)))))
}

/// Whether an EXEC writes; its name is written in full.
///
/// # Errors
/// `Name`: no such resource or method.
pub fn writes(engine: &Engine, exec: &Exec, source: &Source) -> Result<bool> {
    let (table, method) = method_of(engine, exec, source)?;
    let site = Site::of(engine, &table, source)?;
    let found = site.resource.methods.iter().find(|known| known.name == method);
    let call = found.map(|method| method.call.clone()).unwrap_or_default();
    Ok(site.signature(&call)?.writes)
}

/// Holds that an EXEC only reads, and has what its method needs.
///
/// # Errors
/// `Statement`: it would write. `Param`: something is missing.
pub fn reads(engine: &Engine, exec: &Exec, source: &Source) -> Result<()> {
    let (table, method) = method_of(engine, exec, source)?;
    let site = Site::of(engine, &table, source)?;
    if writes(engine, exec, source)? {
        return Err(Error::new(
            Kind::Statement,
            format!("`{method}` writes, and a query within a query can only read"),
        )
        .at(source.place(exec.name.span()))
        .with_context("nothing was sent")
        .with_hint("run the EXEC by itself; `/*+ SHOWRESULTS */` after the EXEC shows the row that it leaves"));
    }
    let mut members = exec.json.iter().flat_map(|(members, span)| members.iter().map(move |member| (member, *span)));
    let nested = members.find_map(|((name, value), span)| match value {
        Value::Array(_) => Some((name, "list", span)),
        Value::Object(_) => Some((name, "object", span)),
        _ => None,
    });
    if let Some((name, what, span)) = nested {
        let message = format!("the {what} `{name}` cannot be bound by a query");
        return Err(Error::new(Kind::Statement, message).at(source.place(span)).with_context("nothing was sent"));
    }
    match has_needs(&site, &method, &arguments(exec)?) {
        true => Ok(()),
        false => Err(lacks(exec, &site, &method, source)),
    }
}

/// Whether all is there that a method needs besides params; the change itself may be written in more ways than one.
fn has_needs(site: &Site, method: &str, given: &[Assignment]) -> bool {
    let is_given = |need: &String| {
        let wanted = site.column(&Part { text: need.clone(), span: Span::empty() });
        given.iter().any(|assignment| match (site.column(&assignment.column), &wanted) {
            (Ok(Column::Field(given)), Ok(Column::Field(needed))) => given.name == needed.name,
            (_, Ok(Column::Patch)) => true,
            _ => assignment.column.text.eq_ignore_ascii_case(need),
        })
    };
    site.resource.method(method).is_some_and(|method| method.needs.iter().all(is_given))
}

/// The resource's name, and the method's as the document spells it.
pub(super) fn method_of(engine: &Engine, exec: &Exec, source: &Source) -> Result<(Name, String)> {
    let texts = exec.name.texts();
    let [provider, service, resource, method] = texts.as_slice() else {
        return Err(Error::new(Kind::Name, format!("`{}` is no method", exec.name))
            .at(source.place(exec.name.span()))
            .with_hint("a method is named in full: `provider.service.resource.method`"));
    };
    let found = engine.catalog().method(provider, service, resource, method);
    let found = found.map_err(|error| error.at(source.place(exec.name.span())).with_context("nothing was sent"))?;
    Ok((Name { parts: exec.name.parts[..3].to_vec() }, found.name.clone()))
}

/// The arguments and the members of `@@json`, as columns with values.
///
/// # Errors
/// `Param`: one that is given twice.
fn arguments(exec: &Exec) -> Result<Vec<Assignment>> {
    let mut given = exec.args.clone();
    if let Some((members, span)) = &exec.json {
        for (name, value) in members {
            if given.iter().any(|known| known.column.text.eq_ignore_ascii_case(name)) {
                return Err(Error::new(Kind::Param, format!("`{name}` is given twice, by itself and in the JSON"))
                    .with_context("nothing was sent"));
            }
            given.push(Assignment { column: Part { text: name.clone(), span: *span }, value: literal(value) });
        }
    }
    Ok(given)
}

/// A JSON value as SQL: what is nested is JSON text.
fn literal(value: &Value) -> Expr {
    let literal = match value {
        Value::Null => Literal::Null,
        Value::Bool(flag) => Literal::Boolean(*flag),
        Value::Number(number) => Literal::Number(number.to_string(), false),
        Value::String(text) => Literal::SingleQuotedString(text.clone()),
        nested => Literal::SingleQuotedString(nested.to_string()),
    };
    Expr::Value(literal.into())
}

fn conditions(given: Vec<Assignment>) -> Option<Expr> {
    let equal = |assignment: Assignment| Expr::BinaryOp {
        left: Box::new(Expr::Identifier(Ident { span: assignment.column.span, ..Ident::new(assignment.column.text) })),
        op: BinaryOperator::Eq,
        right: Box::new(assignment.value),
    };
    given.into_iter().map(equal).reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    })
}

/// `*`
pub(super) fn everything() -> Vec<SelectItem> {
    vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())]
}

fn lacks(exec: &Exec, site: &Site, method: &str, source: &Source) -> Error {
    let found = site.resource.methods.iter().find(|known| known.name == method);
    let needed = found.map(|method| required_params(&site.resource, method)).unwrap_or_default();
    let is_given = |name: &String| exec.args.iter().any(|given| given.column.text.eq_ignore_ascii_case(name));
    let names: Vec<String> = needed.iter().filter(|name| !is_given(name)).map(|name| format!("`@{name}`")).collect();
    Error::new(Kind::Param, format!("`{method}` needs {}", names.join(", ")))
        .at(source.place(exec.name.span()))
        .with_context("nothing was sent")
}
