//! Secrets in a statement: which of its literals are some, by the catalog's marks, so that nothing of them is shown; and
//! its markers, which stand where a secret belongs and have a value before anything is sent. Sends nothing.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::DataType;

use crate::engine::Engine;
use crate::engine::outcome::Outcome;
use crate::error::{Error, Kind, Result};
use crate::sql::{Body, Hidden, Statement};

mod find;
mod markers;

/// A text of statements as it may be kept or shown: `'…'` stands for each literal that is a secret. Of a text that
/// cannot be read, or that names nothing, for each that may be one.
pub fn masked(engine: &Engine, text: &str) -> String {
    hidden(engine, text).script()
}

/// A script and what is not shown of it: all of its statements are read for that, and each may fail.
#[derive(Debug, Default)]
pub struct Latest(Mutex<Option<(String, Hidden)>>);

fn hidden(engine: &Engine, text: &str) -> Hidden {
    let mut latest = engine.hidden.0.lock().unwrap_or_else(PoisonError::into_inner);
    match &*latest {
        Some((known, hidden)) if known == text => hidden.clone(),
        _ => {
            let read = |statement: &Statement| find::found(engine.catalog(), &statement.body, &statement.execs);
            let hidden = Hidden::of(text, &read);
            *latest = Some((text.to_string(), hidden.clone()));
            hidden
        }
    }
}

/// Holds that the markers of a statement stand where they may, and that their secrets have values; of an EXPLAIN, which
/// sends nothing, what it would lack is only told.
///
/// # Errors
/// `Param`: a marker where no secret belongs. `Credentials`: secrets without a value.
pub fn ready(engine: &Engine, statement: &Statement) -> Result<Vec<String>> {
    markers::misplaced(engine.catalog(), statement)?;
    let (body, explains) = match &statement.body {
        Body::Explain { inner, .. } => (inner.as_ref(), true),
        body => (body, false),
    };
    let Some(service) = find::service(engine.catalog(), body) else { return Ok(Vec::new()) };
    let Some(driver) = engine.drivers.of(service) else { return Ok(Vec::new()) };
    let lacking = markers::names(body).into_iter().filter_map(|name| driver.knows(&name).err());
    let lacking: Vec<Error> = lacking.collect();
    if explains {
        return Ok(lacking.into_iter().map(|error| error.message).collect());
    }
    let mut lacking = lacking.into_iter();
    let Some(first) = lacking.next() else { return Ok(Vec::new()) };
    let error = lacking.fold(first, |error, other| {
        let error = error.with_context(other.message);
        other.hints.into_iter().fold(error, Error::with_hint)
    });
    Err(error.with_context("nothing was sent"))
}

/// An error of a statement, at its place if it has none of its own, without the statement's secrets.
pub fn told(engine: &Engine, statement: &Statement, error: Error) -> Error {
    let bound = find::found(engine.catalog(), &statement.body, &statement.execs).unwrap_or_default().values;
    hidden(engine, statement.source.text()).and(&bound).error(error.at(statement.place()))
}

/// Shows what is hidden of a statement to whoever has to tell of it.
type Hide<'a> = dyn Fn(&mut dyn FnMut(&Hidden)) + 'a;

/// What came of a statement, without its secrets: in an error, in what is noted, and in what EXPLAIN tells.
pub fn cleared(engine: &Arc<Engine>, statement: &Statement, done: Result<Outcome>) -> Result<Outcome> {
    let once: OnceLock<Hidden> = OnceLock::new();
    let (engine, source) = (engine.clone(), statement.source.clone());
    // What was bound to a `$name` stands in the statement, and not in its text.
    let bound = find::found(engine.catalog(), &statement.body, &statement.execs).unwrap_or_default().values;
    // Read once more only where something is to be told.
    let hide = move |tell: &mut dyn FnMut(&Hidden)| {
        tell(once.get_or_init(|| hidden(&engine, source.text()).and(&bound)));
    };
    let clear = |hide: &Hide<'_>, error: Error| {
        let mut error = Some(error);
        hide(&mut |hidden| error = error.take().map(|error| hidden.error(error)));
        error.unwrap_or_else(|| Error::new(Kind::Internal, "an error was lost"))
    };
    let mut outcome = match done {
        Ok(outcome) => outcome,
        Err(error) => return Err(clear(&hide, error)),
    };
    if !outcome.notices.is_empty() {
        hide(&mut |hidden| outcome.notices.iter_mut().for_each(|notice| *notice = hidden.text(notice)));
    }
    let explains = matches!(statement.body, Body::Explain { .. });
    outcome.rows.each(move |batch| match batch {
        Err(error) => Err(clear(&hide, error)),
        Ok(batch) if explains => {
            let mut shown = Ok(batch);
            hide(&mut |hidden| shown = shown.clone().and_then(|batch| without(&batch, hidden)));
            shown
        }
        batch => batch,
    });
    Ok(outcome)
}

/// The texts of a batch without what is hidden.
fn without(batch: &RecordBatch, hidden: &Hidden) -> Result<RecordBatch> {
    if hidden.is_empty() {
        return Ok(batch.clone());
    }
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8 => {
            let texts = column.as_string::<i32>().iter().map(|text| text.map(|text| hidden.text(text)));
            Arc::new(texts.collect::<StringArray>()) as ArrayRef
        }
        _ => column.clone(),
    });
    RecordBatch::try_new(batch.schema(), columns.collect())
        .map_err(|e| Error::new(Kind::Internal, "an explanation does not fit its own columns").with_source(e))
}

#[cfg(test)]
mod tests;
