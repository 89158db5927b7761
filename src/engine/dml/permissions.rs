//! Which permissions a write needs, without a look at what it is about: those of every call that its columns can lead to.
//! Sends nothing.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Value};

use super::exec::method_of;
use super::given;
use super::site::{Column, Site};
use super::targets::{Picked, query};
use crate::catalog::model::Method;
use crate::engine::Engine;
use crate::engine::permissions::{Needed, Permission};
use crate::error::{Error, Kind, Result};
use crate::patch::Patch;
use crate::sql::{Body, Delete, Exec, Insert, Source, Update};

/// The permissions of the calls that write and of those that look again, and the query by which the write reads.
///
/// # Errors
/// There is no such resource, or it cannot be written that way.
pub fn permissions(engine: &Engine, body: &Body, source: &Source) -> Result<(BTreeSet<Permission>, Query)> {
    let table = match body {
        Body::Insert(insert) => &insert.table,
        Body::Update(update) => &update.table,
        Body::Delete(delete) => &delete.table,
        _ => return Err(Error::new(Kind::Internal, "a statement that writes nothing was asked what it writes")),
    };
    let site = Site::of(engine, table, source)?;
    let verbs = &site.resource.verbs;
    let (method, calls, read) = match body {
        Body::Insert(insert) => {
            let method = site.method("INSERT", verbs.insert.as_ref())?;
            (method, created(&site, method, insert), *insert.source.clone())
        }
        Body::Update(update) => {
            let method = site.method("UPDATE", verbs.update.as_ref())?;
            (method, updated(&site, method, update), of_update(&site, update))
        }
        Body::Delete(delete) => {
            let method = site.method("DELETE", verbs.delete.first())?;
            // Which of them a row takes is known when it is read.
            let methods = verbs.delete.iter().filter_map(|name| site.resource.method(name));
            (method, methods.map(|method| method.call.clone()).collect(), of_delete(&site, delete))
        }
        _ => return Err(Error::new(Kind::Internal, "a statement that writes nothing was asked what it writes")),
    };
    let resource = &site.resource;
    let of = Needed { provider: &resource.provider, driver: site.driver.as_ref(), on_behalf: &method.on_behalf };
    let mut needed: BTreeSet<Permission> = calls.iter().flat_map(|call| of.call(call)).collect();
    if calls.contains(&method.call) {
        needed.extend(method.on_behalf.iter().map(|name| of.permission(name)));
    }
    // What is looked for when an answer is lost, or a row is there already.
    let looks = verbs.select.iter().filter_map(|name| resource.method(name));
    needed.extend(looks.flat_map(|method| of.call(&method.call)));
    Ok((needed, read))
}

/// The permissions of a method that answers no verb. None: it is another.
///
/// # Errors
/// There is no such method.
pub fn of_method(engine: &Engine, exec: &Exec, source: &Source) -> Result<Option<BTreeSet<Permission>>> {
    let (table, name) = method_of(engine, exec, source)?;
    let site = Site::of(engine, &table, source)?;
    let method = site.resource.method(&name).filter(|_| !site.resource.is_bound(&name));
    Ok(method.map(|method| {
        let provider = &site.resource.provider;
        let of = Needed { provider, driver: site.driver.as_ref(), on_behalf: &method.on_behalf };
        of.call(&method.call).into_iter().collect()
    }))
}

/// What a call of its own could set needs the same right where it is set on the way.
fn created(site: &Site, method: &Method, insert: &Insert) -> BTreeSet<String> {
    let update = site.resource.verbs.update.as_ref().and_then(|name| site.resource.method(name));
    let parts = update.into_iter().flat_map(|update| &update.parts);
    let is_set = |field: &str| {
        let means = |column| matches!(site.column(column), Ok(Column::Field(found)) if found.name == field);
        insert.columns.iter().any(means)
    };
    let set = parts.filter(|part| is_set(&part.field)).map(|part| part.set.clone());
    set.chain([method.call.clone()]).collect()
}

fn updated(site: &Site, method: &Method, update: &Update) -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    let mut change = |field: &str| match method.parts.iter().find(|part| part.field == field) {
        Some(part) => calls.extend([part.set.clone(), part.remove.clone()]),
        None => drop(calls.insert(method.call.clone())),
    };
    for assignment in &update.assignments {
        match site.column(&assignment.column) {
            Ok(Column::Field(field)) => change(&field.name),
            Ok(Column::Patch) => match literal(&assignment.value).and_then(|text| Patch::parse(&text).ok()) {
                Some(patch) => patch.members().iter().for_each(|(wire, _)| {
                    let field = site.resource.fields.iter().find(|field| field.wire == *wire);
                    change(field.map(|field| field.name.as_str()).unwrap_or_default());
                }),
                // It is known only when it runs.
                None => site.resource.fields.iter().for_each(|field| change(&field.name)),
            },
            Ok(Column::Param(_)) | Err(_) => {}
        }
    }
    calls
}

/// The text of `'…'` or `string('…')`.
fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Function(function) => match &function.args {
            FunctionArguments::List(list) => match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] => literal(inner),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn of_update(site: &Site, update: &Update) -> Query {
    let picked = Picked {
        table: &update.table,
        alias: update.alias.as_ref(),
        others: &update.from,
        selection: &update.selection,
        values: update.assignments.iter().map(|assignment| &assignment.value).collect(),
    };
    query(&picked, &names(site))
}

fn of_delete(site: &Site, delete: &Delete) -> Query {
    let methods: Vec<&Method> =
        site.resource.verbs.delete.iter().filter_map(|name| site.resource.method(name)).collect();
    // What is given to the call reads nothing.
    let selection = given::picking(&methods, delete).unwrap_or_else(|| delete.selection.clone());
    let picked = Picked {
        table: &delete.table,
        alias: delete.alias.as_ref(),
        others: &delete.using,
        selection: &selection,
        values: Vec::new(),
    };
    query(&picked, &names(site))
}

fn names(site: &Site) -> Vec<String> {
    site.resource.fields.iter().map(|field| field.name.clone()).collect()
}
