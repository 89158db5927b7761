//! INSERT into a table of the session, and why there is no other change of one: DataFusion's UPDATE and DELETE are wrong
//! where a subquery stands in them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::MemTable;

use super::create::{gathered, of_rows};
use super::fit::{Columns, fitted};
use super::{OwnKind, OwnTable, encode};
use crate::engine::outcome::Outcome;
use crate::engine::plan::{logical, physical};
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::sql::{Body, Insert, Name, OnConflict, Source, names};

/// Whether a statement changes a table of the user's own, and how that is refused: `None` for an INSERT into rows, and
/// for what is a provider's.
pub fn refuse_change(session: &Session, body: &Body, source: &Source) -> Option<Error> {
    let (verb, name) = match body {
        Body::Insert(insert) => ("INSERT", &insert.table),
        Body::Update(update) => ("UPDATE", &update.table),
        Body::Delete(delete) => ("DELETE", &delete.table),
        _ => return None,
    };
    let [part] = name.parts.as_slice() else { return None };
    let refused = |message: String| {
        Error::new(Kind::Statement, message).at(source.place(part.span)).with_context("nothing was sent")
    };
    match session.own.get(&part.text) {
        None if super::views::exists(session, &part.text) => {
            Some(refused(format!("`{name}` is a view, and cannot be written")))
        }
        None => None,
        Some(OwnTable { kind: OwnKind::Rows, .. }) if verb == "INSERT" => None,
        Some(OwnTable { kind: OwnKind::Rows, .. }) => {
            let hint = match verb {
                "UPDATE" => format!(
                    "make it anew: `CREATE OR REPLACE TABLE {name} AS SELECT * REPLACE (CASE WHEN … THEN … ELSE column END AS column) FROM {name}`"
                ),
                _ => format!(
                    "keep what is wanted: `CREATE OR REPLACE TABLE {name} AS SELECT * FROM {name} WHERE NOT (…)`"
                ),
            };
            Some(refused(format!("a table of the session has no {verb}")).with_hint(hint))
        }
        Some(_) => Some(
            refused(format!("`{name}` is a file, and cannot be written by {verb}"))
                .with_hint("`COPY (SELECT …) TO 'file'` writes one"),
        ),
    }
}

/// INSERT INTO a table of the session, if the statement's is one.
///
/// # Errors
/// What is wrong with it; what keeps its rows from being read. The table then stays as it was.
pub async fn insert(session: &Session, insert: &Insert, source: &Source) -> Result<Option<Outcome>> {
    let Some(table) = target(session, &insert.table) else { return Ok(None) };
    let name = &insert.table.parts[0].text;
    let wrong = |message: String, span| {
        Error::new(Kind::Statement, message).at(source.place(span)).with_context("nothing was sent")
    };
    if insert.returning.is_some() || insert.on_conflict != OnConflict::Fail {
        return Err(wrong(
            "an INSERT into a table of the session has neither RETURNING nor ON CONFLICT".into(),
            insert.table.span(),
        ));
    }
    let schema = table.provider.schema();
    let mut places: Vec<usize> = Vec::new();
    let mut complaints = Vec::new();
    for part in &insert.columns {
        match names::find(&table.columns, &part.text) {
            Some(place) if places.contains(&place) => {
                complaints.push(format!("the column `{part}` is there twice", part = part.text))
            }
            Some(place) => places.push(place),
            None => {
                let known = schema.fields().iter().map(|field| field.name().as_str());
                complaints.push(format!(
                    "there is no column `{}` in `{name}`{}",
                    part.text,
                    did_you_mean(&part.text, known)
                ));
            }
        }
    }
    if insert.columns.is_empty() {
        places = (0..schema.fields().len()).collect();
    }
    if let Some(first) = complaints.first() {
        let error = wrong(first.clone(), insert.columns.first().map_or(insert.table.span(), |part| part.span));
        return Err(complaints.into_iter().skip(1).fold(error, Error::with_context));
    }
    let prepared = session.prepare(&insert.source, source, &Arc::default(), (session.tolerance(), &[])).await?;
    let plan = logical(&prepared.state, prepared.query, source).await?;
    let given = plan.schema().fields().len();
    if given != places.len() {
        let message = format!("there are {} columns, and {given} values for them", places.len());
        return Err(wrong(message, insert.table.span()));
    }
    let plan = physical(&prepared.state, &plan, source).await?;
    let mut outcome = session.execute(&prepared.state, prepared.run, plan, source)?;
    let (batches, held) = gathered(session, name, outcome.rows.take()).await?;
    let columns = Columns { table: name, schema: &schema, longest: &table.longest };
    let batches = fitted(&batches, &columns, &places)?;
    let count = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    // What is there now, which may be more than when the statement began.
    let Some(now) = target(session, &insert.table).filter(|now| now.provider.schema() == schema) else {
        return Err(wrong(format!("the table `{name}` was changed meanwhile"), insert.table.span()));
    };
    let mut all = rows(&now).await?;
    all.extend(batches);
    let held = now.held.iter().cloned().chain([held]).collect();
    let changed = of_rows(&schema, all, held)?;
    session.own.put(name, OwnTable { columns: now.columns, longest: now.longest, ..changed });
    outcome.notices.push(format!("{name}: {} more", encode::rows(count as u64)));
    Ok(Some(outcome))
}

/// The table of the session that a name means, if rows can be added to it.
pub fn target(session: &Session, name: &Name) -> Option<OwnTable> {
    match name.parts.as_slice() {
        [part] => session.own.get(&part.text).filter(|table| table.kind == OwnKind::Rows),
        _ => None,
    }
}

async fn rows(table: &OwnTable) -> Result<Vec<RecordBatch>> {
    let memory = table.provider.downcast_ref::<MemTable>();
    let memory = memory.ok_or_else(|| Error::new(Kind::Internal, "a table of the session has no rows"))?;
    let mut all = Vec::new();
    for partition in &memory.batches {
        all.extend(partition.read().await.iter().cloned());
    }
    Ok(all)
}
