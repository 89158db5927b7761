//! INSERT: from the rows of its query to one creation for each. The query is read to its end before the first is sent,
//! and everything that can be found wrong is said at once, each with its row.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlparser::ast::{Ident, SelectItem, SetExpr};
use sqlparser::tokenizer::Span;

use super::change::sendable;
use super::document::{Document, wire};
use super::ledger::Verb;
use super::send::{Target, Work};
use super::site::{Column, Site, refused, with_hint};
use super::{Planned, cells, check, json, look, memory};
use crate::catalog::model::{Access, Generated, Method, Type};
use crate::drivers::Request;
use crate::engine::calls::Meter;
use crate::engine::explain::permissions;
use crate::engine::least;
use crate::engine::plan::{collect, logical, physical};
use crate::engine::rules::scans;
use crate::engine::session::Session;
use crate::error::{Error, Result};
use crate::sql::{Insert, OnConflict, Source};

/// # Errors
/// What is wrong with the statement; nothing was sent then but what its query reads.
pub async fn plan(session: &Session, insert: &Insert, source: &Source, meter: &Arc<Meter>) -> Result<Planned> {
    let site = Site::of(session.engine(), &insert.table, source)?;
    let method = site.method("INSERT", site.resource.verbs.insert.as_ref())?.clone();
    let mut complaints = Vec::new();
    // Where the first complaint about a column stands.
    let mut place = None;
    let columns: Vec<Option<Column<'_>>> = insert
        .columns
        .iter()
        .map(|part| match column(&site, part) {
            Ok(column) => Some(column),
            Err(complaint) => {
                complaints.push(complaint);
                place.get_or_insert(part.span);
                None
            }
        })
        .collect();
    let at = |error: Error, place: Option<Span>| match place {
        Some(span) => error.at(source.place(span)),
        None => error,
    };
    for (at, column) in columns.iter().enumerate() {
        let name = |column: &Option<Column<'_>>| match column {
            Some(Column::Field(field)) => Some(field.name.clone()),
            Some(Column::Param(param)) => Some(param.name.clone()),
            _ => None,
        };
        if name(column).is_some() && columns[..at].iter().any(|earlier| name(earlier) == name(column)) {
            complaints.push(format!("the column `{}` is there twice", insert.columns[at].text));
            place.get_or_insert(insert.columns[at].span);
        }
    }
    let given = |name: &str| {
        columns.iter().flatten().any(|column| matches!(column, Column::Field(field) if field.name == name))
    };
    let missing = site.resource.fields.iter().filter(|field| field.required && !field.echoes && !given(&field.name));
    // A column that is not there is said once, for all rows.
    let missing: Vec<String> = missing.map(|field| field.wire.clone()).collect();
    complaints.extend(missing.iter().map(|wire| format!("`{wire}` is missing: an INSERT needs it")));
    complaints.extend(conflict(&site, insert));

    let planned = async {
        let (state, run, mut query) = session.resolved(&insert.source, source, meter).await?;
        tell_apart(&mut query.body);
        let plan = physical(&state, &logical(&state, query, source).await?, source).await?;
        Ok((state, run, plan))
    };
    let (state, run, plan) = match planned.await {
        Err(error) if !complaints.is_empty() => {
            complaints.push(with_hint(&error));
            return Err(at(refused("INSERT", complaints), place));
        }
        planned => planned?,
    };
    let width = plan.schema().fields().len();
    if width != columns.len() {
        complaints.push(format!("there are {} columns, and {width} values for them", columns.len()));
    }
    // The rows may have mistakes too; they are not worth a call.
    if !complaints.is_empty() && (width != columns.len() || !scans(&plan).is_empty()) {
        return Err(at(refused("INSERT", complaints), place));
    }
    run.reads.get_or_init(|| permissions(&plan));
    run.calls.afford(least::calls(&plan))?;
    let rows = cells::rows(&collect(&state, plan, source).await?)?;
    let defaults = run.defaults.of(&site.resource);
    let mut lacking: BTreeSet<&str> = BTreeSet::new();
    let mut notices = run.taken_notices();
    let mut targets: Vec<Target> = Vec::new();
    let mut names: HashMap<(String, BTreeMap<String, String>), usize> = HashMap::new();
    for (at, row) in rows.into_iter().enumerate() {
        let number = at + 1;
        let mut wrong: Vec<String> = Vec::new();
        let mut told = missing.clone();
        let (mut new, mut params) = (Document::new(), BTreeMap::new());
        for (column, value) in columns.iter().zip(row) {
            match column {
                Some(Column::Field(field)) => match wire(field, value) {
                    Ok(Some(value)) => drop(new.insert(field.wire.clone(), value)),
                    Ok(None) => {}
                    Err(complaint) => {
                        wrong.push(complaint);
                        told.push(field.wire.clone());
                    }
                },
                Some(Column::Param(param)) => match value {
                    Value::Null => drop(params.insert(param.name.clone(), None)),
                    Value::String(text) => drop(params.insert(param.name.clone(), Some(text))),
                    other => drop(params.insert(param.name.clone(), Some(other.to_string()))),
                },
                Some(Column::Patch) | None => {}
            }
        }
        // One that is given and NULL is complained of as such.
        let is_lacking = |name: &str| !params.contains_key(name) && defaults.get(name).map_or(0, Vec::len) != 1;
        let required = site.resource.params.iter().filter(|param| param.required).map(|param| param.name.as_str());
        lacking.extend(required.filter(|name| is_lacking(name)));
        let params = site.params(&method.call, &params, &defaults).unwrap_or_else(|complaints| {
            wrong.extend(complaints);
            params.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        });
        for field in &site.resource.fields {
            if !new.contains_key(&field.wire)
                && let Some(value) =
                    field.generated.as_ref().and_then(|generated| generate(&site, generated, &new, &params))
            {
                new.insert(field.wire.clone(), value.into());
            }
        }
        let found = check::created(&site.resource, &method, &new, &told);
        wrong.extend(found.complaints);
        wrong.extend(json::withheld(&site.resource, &new));
        let warned = memory::warnings(session, &site, &method, &params, &new);
        let said = found.notices.into_iter().chain(warned);
        notices.extend(said.map(|notice| format!("row {number}: {notice}")));
        let known = look::known_by(&site.resource, &new).filter(|_| told.is_empty() || site.unique().is_some());
        if known.is_none() && insert.on_conflict == OnConflict::Nothing && told.is_empty() && wrong.is_empty() {
            wrong.push("ON CONFLICT DO NOTHING does nothing here: nothing tells this row from others".into());
        }
        if let Some(known) = &known
            && let Some(earlier) = names.insert((format!("{known:?}"), params.clone()), number)
        {
            let generated = match site.unique().is_none_or(|field| given(&field.name)) {
                true => "",
                false => " (generated: the same source and target)",
            };
            wrong.push(format!("row {earlier} has the same {}{generated}", look::listed(known)));
        }
        complaints.extend(wrong.into_iter().map(|complaint| format!("row {number}: {complaint}")));
        let name = look::name(&site.resource, &new).unwrap_or_else(|| format!("row {number}"));
        targets.push(target(&site, &method, name, params, new));
    }
    if !complaints.is_empty() {
        if targets.len() == 1 {
            complaints.iter_mut().for_each(|line| *line = line.strip_prefix("row 1: ").unwrap_or(line).to_string());
        }
        return Err(at(hinted(refused("INSERT", complaints), &site, &lacking), place));
    }
    Ok(Planned {
        verb: Verb::Insert,
        site,
        methods: vec![method],
        targets,
        notices,
        asks: false,
        run,
        on_conflict: insert.on_conflict,
        repeats: insert.on_conflict == OnConflict::Nothing,
    })
}

/// Gives a select item that is written twice (`'x', 'x'`) a name: the planner refuses two columns of one name, though an
/// INSERT goes by their places alone.
fn tell_apart(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            let mut texts = HashSet::new();
            for (at, item) in select.projection.iter_mut().enumerate() {
                if let SelectItem::UnnamedExpr(expr) = item
                    && !texts.insert(expr.to_string())
                {
                    let alias = Ident::with_quote('"', format!("column {at}"));
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
        }
        SetExpr::Query(query) => tell_apart(&mut query.body),
        SetExpr::SetOperation { left, right, .. } => {
            tell_apart(left);
            tell_apart(right);
        }
        _ => {}
    }
}

fn column<'a>(site: &'a Site, part: &crate::sql::Part) -> Result<Column<'a>, String> {
    match site.column(part)? {
        Column::Patch => Err(format!("`{}` is for UPDATE", part.text)),
        Column::Field(field) if field.access == Access::Read => {
            Err(format!("`{}` is the service's to set, and cannot be inserted", field.wire))
        }
        column => Ok(column),
    }
}

/// What is wrong with the columns of an ON CONFLICT: the service has its own idea of what conflicts, and can be asked to
/// heed no other.
fn conflict(site: &Site, insert: &Insert) -> Option<String> {
    let mut names_unique = false;
    let (mut params, mut others) = (Vec::new(), Vec::new());
    for part in &insert.conflict_columns {
        match site.column(part) {
            Ok(Column::Field(field)) if field.unique => names_unique = true,
            Ok(Column::Field(field)) => others.push(format!("`{}`", field.wire)),
            Ok(Column::Param(param)) => params.push(format!("`{}`", param.name)),
            Ok(Column::Patch) | Err(_) => others.push(format!("`{}`", part.text)),
        }
    }
    // A name is unique where its params are the same: they may be said with it, and are nothing without it.
    let wrong = if names_unique { others } else { [params, others].concat() };
    let said = match wrong.split_last()? {
        (last, []) => format!("{last} is not"),
        (last, rest) => format!("{} and {last} are not", rest.join(", ")),
    };
    Some(match site.unique() {
        Some(unique) => format!("ON CONFLICT: the service only knows `{}` as unique, and {said}", unique.wire),
        None if !site.resource.known_by.is_empty() => {
            format!("ON CONFLICT: rows are told apart by {}, and {said}: leave the columns out", places(site))
        }
        None => format!("ON CONFLICT: the service knows nothing as unique, and {said}"),
    })
}

fn places(site: &Site) -> String {
    site.resource.known_by.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", ")
}

/// `lacking` are the params that a row had no value for.
fn hinted(error: Error, site: &Site, lacking: &BTreeSet<&str>) -> Error {
    let (provider, name) = (&site.resource.provider, site.resource.full_name());
    let error = lacking.iter().fold(error, |error, param| {
        error.with_hint(format!("a column gives `{param}`, or once for the session: `SET {provider}.{param} = '…'`"))
    });
    error.with_hint(format!("`SHOW INSERT INTO {name}` prints a statement to fill in"))
}

fn target(site: &Site, method: &Method, name: String, params: BTreeMap<String, String>, new: Document) -> Target {
    let request = Request {
        call: method.call.clone(),
        params: params.clone(),
        fields: look::fields(&site.resource, site.driver.as_ref(), &method.call),
        body: body(site, &new),
        ..Request::default()
    };
    Target { name, params, key: None, work: Work::Create { request, new } }
}

/// What is sent of a new document: an empty list or map is as good as none.
fn body(site: &Site, new: &Document) -> Document {
    let mut body = sendable(&site.resource, new);
    // JSON is sent as it was given.
    let is_free = |wire: &str| site.resource.fields.iter().any(|f| f.wire == wire && f.kind == Type::Json);
    body.retain(|wire, value| match value {
        Value::Array(items) => !items.is_empty() || is_free(wire),
        Value::Object(members) => !members.is_empty() || is_free(wire),
        _ => true,
    });
    body
}

/// 16 hexadecimal digits of a hash over the values that it is made of, so that a repeat meets its own resource. None: one
/// of them is missing, which is said elsewhere.
fn generate(site: &Site, generated: &Generated, new: &Document, params: &BTreeMap<String, String>) -> Option<String> {
    let mut hash = Sha256::new();
    for name in &generated.of {
        let field = site.resource.field(name).filter(|field| !field.echoes);
        let value = match field {
            Some(field) => new.get(&field.wire)?.as_str()?,
            None => params.get(name)?,
        };
        // The length first: two values run together are not two others.
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value.as_bytes());
    }
    let digits: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{}{digits}", generated.prefix))
}
