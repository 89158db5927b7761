//! UPDATE: from each target as it is to the target as it should be, whether the statement says so column by column or as
//! a JSON Patch. Every target is checked before the first is changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments};
use sqlparser::tokenizer::Span;

use super::change::{About, steps};
use super::check::{Findings, changed, differences, noun};
use super::document::{Document, brief, wire};
use super::json;
use super::ledger::Verb;
use super::send::{Target, Work};
use super::site::{Column, Site, refused, with_hint};
use super::targets::{Found, Picked, Targets, mistake, read};
use super::{Planned, look, memory};
use crate::catalog::model::{Access, Field, Method};
use crate::engine::calls::Meter;
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result};
use crate::patch::Patch;
use crate::sql::{OnConflict, Source, Update};

/// How the statement says what to change.
enum Sets<'a> {
    Columns(Vec<&'a Field>),
    Patch,
}

/// # Errors
/// What is wrong with the statement or with what it makes of a target; nothing was sent then but what it reads.
pub async fn plan(session: &Session, update: &Update, source: &Source, meter: &Arc<Meter>) -> Result<Planned> {
    let site = Site::of(session.engine(), &update.table, source)?;
    let method = site.method("UPDATE", site.resource.verbs.update.as_ref())?.clone();
    let identity = site.identity()?;
    let picked = Picked {
        table: &update.table,
        alias: update.alias.as_ref(),
        others: &update.from,
        selection: &update.selection,
        values: update.assignments.iter().map(|assignment| &assignment.value).collect(),
    };
    let sets = match sets(&site, update) {
        Ok(sets) => sets,
        Err((mut complaints, span)) => {
            // What is wrong with the WHERE is said in the same breath.
            complaints.extend(mistake(session, &site, &picked, source).await.as_ref().map(with_hint));
            return Err(refused("UPDATE", complaints).at(source.place(span)));
        }
    };
    let Targets { found, named, absent, only_named, run } =
        read(session, &site, &method.call, &picked, source, meter).await?;
    let mut notices = run.taken_notices();
    if !absent.is_empty() && only_named {
        return Err(missing(&site, &absent));
    }
    notices.extend(absent.iter().map(|key| format!("no row is `{key}` and all else that the WHERE asks")));
    let fields = look::fields(&site.resource, site.driver.as_ref(), &method.call);
    let (mut targets, mut complaints, mut fixed) = (Vec::new(), Vec::new(), Vec::new());
    let several = found.len() > 1;
    let mut repeats = update.assignments.iter().all(|assignment| is_constant(&assignment.value));
    let mut withheld: Vec<String> = Vec::new();
    for row in found {
        let name = called(&site, &row);
        let wanted = match look::is_gone(&site.resource, &row.document) {
            true => Err(vec![gone(&site, &row)]),
            false => after(&site, &method, &sets, &row),
        };
        let (after, mut wrong) = match wanted {
            Ok((after, found)) => {
                notices.extend(found.notices.into_iter().map(|notice| format!("{name}: {notice}")));
                fixed.extend(found.fixed);
                (after, found.complaints)
            }
            Err(wrong) => (Document::new(), wrong),
        };
        let about = About { params: &row.params, key: (&identity.wire, &row.key), fields: &fields };
        let steps = match wrong.is_empty() {
            true => steps(&site.resource, &method, &about, &row.document, &after),
            false => Vec::new(),
        };
        if wrong.is_empty() {
            let bodies = || steps.iter().map(|step| &step.request.body);
            wrong.extend(bodies().filter_map(|body| json::withheld(&site.resource, body)));
            withheld.extend(bodies().flat_map(|body| again(&site, &sets, body)));
        }
        if wrong.is_empty() {
            repeats &= says_the_same(&site, &sets, &row, &after) && !gives_secrets(&site, &after);
            let warned = memory::warnings(session, &site, &method, &row.params, &after);
            notices.extend(warned.into_iter().filter(|_| !steps.is_empty()).map(|notice| format!("{name}: {notice}")));
            let work = Work::Change { steps, before: row.document, after };
            targets.push(Target { name, params: row.params, key: Some(row.key), work });
        } else {
            let named = |complaint| if several { format!("{name}: {complaint}") } else { complaint };
            complaints.extend(wrong.into_iter().map(named));
        }
    }
    complaints.extend(clashes(&site, &targets));
    if !complaints.is_empty() {
        let error = hinted(refused("UPDATE", complaints), &site, &fixed);
        return Err(with_secrets(error, &sets, withheld));
    }
    let sent = targets.iter().filter(|target| matches!(&target.work, Work::Change { steps, .. } if !steps.is_empty()));
    let asks = sent.count() > 1 && !all_named(&targets, named.as_deref());
    Ok(Planned {
        verb: Verb::Update,
        site,
        methods: vec![method],
        targets,
        notices,
        asks,
        run,
        on_conflict: OnConflict::Fail,
        repeats,
    })
}

/// What no two may have, and two of the targets would.
fn clashes(site: &Site, targets: &[Target]) -> Vec<String> {
    let mut names: HashMap<(String, &BTreeMap<String, String>), &str> = HashMap::new();
    let mut complaints = Vec::new();
    for target in targets {
        let Work::Change { after, .. } = &target.work else { continue };
        let Some(known) = look::known_by(&site.resource, after) else { continue };
        if let Some(other) = names.insert((format!("{known:?}"), &target.params), &target.name) {
            complaints.push(format!("{other} and {} would have the same {}", target.name, look::listed(&known)));
        }
    }
    complaints
}

/// Whether the statement names every target by a literal.
pub fn all_named(targets: &[Target], named: Option<&[String]>) -> bool {
    named.is_some_and(|named| {
        let named: HashSet<&String> = named.iter().collect();
        targets.iter().all(|target| target.key.as_ref().is_some_and(|key| named.contains(key)))
    })
}

/// What the reports call a row.
pub fn called(site: &Site, row: &Found) -> String {
    let name = site.unique().and_then(|field| row.document.get(&field.wire)).and_then(Value::as_str);
    name.unwrap_or(&row.key).to_string()
}

/// # Errors
/// All that is wrong with the columns, and where the first of it stands.
fn sets<'a>(site: &'a Site, update: &Update) -> Result<Sets<'a>, (Vec<String>, Span)> {
    let mut complaints = Vec::new();
    let mut place = None;
    let (mut fields, mut patches): (Vec<&Field>, usize) = (Vec::new(), 0);
    for assignment in &update.assignments {
        match site.column(&assignment.column) {
            Ok(Column::Patch) => patches += 1,
            Ok(Column::Param(param)) => complaints.push(format!(
                "`{}` says where the {} is, and cannot be set",
                param.name,
                noun(&site.resource)
            )),
            Ok(Column::Field(field)) if fields.iter().any(|known| known.name == field.name) => {
                complaints.push(format!("`{}` is set twice", field.name));
            }
            Ok(Column::Field(field)) => fields.push(field),
            Err(complaint) => complaints.push(complaint),
        }
        if !complaints.is_empty() {
            place.get_or_insert(assignment.column.span);
        }
    }
    if patches > 0 && (!fields.is_empty() || patches > 1) {
        complaints.push("`PatchDocument` is the whole change, and goes with no other column".into());
    }
    match (complaints.is_empty(), patches) {
        (false, _) => {
            let first = || update.assignments.first().map_or_else(Span::empty, |assignment| assignment.column.span);
            Err((complaints, place.unwrap_or_else(first)))
        }
        (true, 0) => Ok(Sets::Columns(fields)),
        (true, _) => Ok(Sets::Patch),
    }
}

/// The target as it should be, and what was found about that.
///
/// # Errors
/// Why there is no telling how it should be.
fn after(site: &Site, method: &Method, sets: &Sets<'_>, row: &Found) -> Result<(Document, Findings), Vec<String>> {
    let before = &row.document;
    match sets {
        Sets::Columns(fields) => {
            let (mut after, mut wrong) = (before.clone(), Vec::new());
            for (field, value) in fields.iter().zip(&row.values) {
                match wire(field, value.clone()) {
                    Ok(Some(value)) => drop(after.insert(field.wire.clone(), value)),
                    Ok(None) => drop(after.remove(&field.wire)),
                    Err(complaint) => wrong.push(complaint),
                }
            }
            if !wrong.is_empty() {
                return Err(wrong);
            }
            let found = changed(&site.resource, method, before, &after, |_| Vec::new());
            Ok((after, found))
        }
        Sets::Patch => {
            let patch = match row.values.first() {
                Some(Value::String(text)) => Patch::parse(text).map_err(|error| vec![in_patch(&error)])?,
                _ => return Err(vec!["`PatchDocument` is the text of a JSON Patch: `'[{\"op\": …}]'`".into()]),
            };
            let patched = patch.apply(&Value::Object(before.clone())).map_err(|error| vec![in_patch(&error)])?;
            let Value::Object(patched) = patched else {
                return Err(vec!["the PatchDocument leaves something that is no object".into()]);
            };
            let (mut after, mut wrong) = (Document::new(), Vec::new());
            for (name, value) in patched {
                let field = site.resource.fields.iter().find(|field| field.wire == name && !field.echoes);
                match field.map(|field| wire(field, value.clone())) {
                    Some(Ok(Some(value))) => drop(after.insert(name, value)),
                    Some(Ok(None)) => {}
                    Some(Err(complaint)) => wrong.push(complaint),
                    None => drop(after.insert(name, value)),
                }
            }
            if !wrong.is_empty() {
                return Err(wrong);
            }
            let count = patch.len();
            let how = |wire: &str| {
                let touching = patch.touching(wire).into_iter();
                touching.map(|(at, text)| format!("in PatchDocument, operation {at} of {count}: {text}")).collect()
            };
            let found = changed(&site.resource, method, before, &after, how);
            Ok((after, found))
        }
    }
}

/// Whether a secret is set, which is sent whatever stood there before.
fn gives_secrets(site: &Site, after: &Document) -> bool {
    site.resource.fields.iter().any(|field| after.get(&field.wire).is_some_and(|value| json::has_secret(field, value)))
}

fn gone(site: &Site, row: &Found) -> String {
    let wire = site.resource.settles.as_ref().map(|settles| settles.wire.as_str()).unwrap_or_default();
    let status = row.document.get(wire).map(brief).unwrap_or_default();
    format!("there is nothing to change any more: its `{wire}` is {status}")
}

/// What has to be written to give again what a body has not: members of the new value, or operations of the patch.
fn again(site: &Site, sets: &Sets<'_>, body: &Document) -> Vec<String> {
    let missing = json::withheld_at(&site.resource, body).into_iter();
    let written = missing.map(|(field, pointer)| match sets {
        Sets::Columns(_) => format!("`{}`", json::place(field, &pointer)),
        Sets::Patch => format!(r#"{{"op":"replace","path":"/{}{pointer}","value":"…"}}"#, escaped(&field.wire)),
    });
    written.collect()
}

fn escaped(wire: &str) -> String {
    wire.replace('~', "~0").replace('/', "~1")
}

fn with_secrets(error: Error, sets: &Sets<'_>, mut withheld: Vec<String>) -> Error {
    let mut seen = HashSet::new();
    withheld.retain(|line| seen.insert(line.clone()));
    match (sets, withheld.is_empty()) {
        (_, true) => error,
        (Sets::Columns(_), _) => {
            error.with_hint(format!("what is set is the whole new value: write {} into it", withheld.join(", ")))
        }
        (Sets::Patch, _) => error.with_hint(format!("add to the PatchDocument: {}", withheld.join(", "))),
    }
}

/// Whether a value is the same whatever row it is for.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => is_constant(inner),
        Expr::BinaryOp { left, right, .. } => is_constant(left) && is_constant(right),
        Expr::Function(function) => match &function.args {
            FunctionArguments::List(list) => list.args.iter().all(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => is_constant(expr),
                _ => false,
            }),
            _ => false,
        },
        _ => false,
    }
}

/// Whether the statement would leave as it is what it has changed.
fn says_the_same(site: &Site, sets: &Sets<'_>, row: &Found, after: &Document) -> bool {
    match sets {
        Sets::Columns(_) => true,
        Sets::Patch => {
            let patch = row.values.first().and_then(Value::as_str).and_then(|text| Patch::parse(text).ok());
            let again = patch.and_then(|patch| patch.apply(&Value::Object(after.clone())).ok());
            again
                .as_ref()
                .and_then(Value::as_object)
                .is_some_and(|again| differences(&site.resource, after, again).is_empty())
        }
    }
}

fn in_patch(error: &Error) -> String {
    let hints = error.hints.iter().map(|hint| format!("hint: {hint}"));
    let lines: Vec<String> =
        std::iter::once(error.message.clone()).chain(error.context.iter().cloned()).chain(hints).collect();
    lines.join("\n  ")
}

/// What can be changed, for who wanted to change something else.
fn hinted(error: Error, site: &Site, fixed: &[String]) -> Error {
    let Some(first) = fixed.first() else { return error };
    let fields = site.resource.fields.iter().filter(|field| matches!(field.access, Access::Write | Access::Secret));
    let names: Vec<String> = fields.map(|field| format!("`{}`", field.wire)).collect();
    let listed = match names.split_last() {
        None => return error,
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    };
    error.with_hint(format!("{listed} can be changed; for another `{first}`, `DELETE` and `INSERT`"))
}

fn missing(site: &Site, absent: &[String]) -> Error {
    let noun = noun(&site.resource);
    let error = match absent {
        [one] => Error::new(Kind::NotFound, format!("there is no {noun} `{one}`")),
        several => several.iter().fold(
            Error::new(Kind::NotFound, format!("{} of the {noun}s named are not there", several.len())),
            |error, key| error.with_context(format!("`{key}`")),
        ),
    };
    error.with_context("nothing was sent")
}
