//! AWAIT: looks at what was written until it has settled, as its document says, or until somebody has waited enough.
//! Reads, and writes nothing: what goes on in the cloud goes on without it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::document::Document;
use super::ledger::{Done, How, State, Verb};
use super::send::{Sender, Target};
use crate::catalog::model::Settles;
use crate::engine::control::Control;
use crate::error::{Error, Kind, Result};
use crate::settings::Writes;

/// No wait between two looks is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Where a row stands that is waited for.
enum Standing {
    Settled(Option<Document>),
    /// As the service says it.
    Moving(String),
}

/// Waits for every row that is done, and puts the settled rows into the ledger.
///
/// # Errors
/// The service's own errors of those that failed; `Timeout` or `Interrupted` with what goes on in the cloud.
pub async fn settle(sender: &Sender, targets: &[Target], writes: &Writes, control: &Control) -> Result<()> {
    let Some(settles) = sender.look.resource.settles.clone() else { return Ok(()) };
    let started = Instant::now();
    let rows = sender.ledger.rows();
    let mut failed: Vec<Error> = Vec::new();
    let mut waiting: Vec<(usize, String, Done)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let State::Done(done) = &row.state else { continue };
        match &done.key {
            _ if matches!(done.how, How::Gone | How::Unchanged) => {}
            Some(key) => waiting.push((index, key.clone(), done.clone())),
            None => {
                failed.push(Error::new(Kind::Shape, format!("nobody knows the key of {}, to wait for it", row.name)))
            }
        }
    }
    let mut wait = writes.await_poll;
    while !waiting.is_empty() {
        let mut still = Vec::new();
        let mut standing = Vec::new();
        for (index, key, done) in waiting {
            let name = &rows[index].name;
            if sender.stop.reason().is_some() {
                standing.push(name.clone());
                still.push((index, key, done));
                continue;
            }
            let found = sender.look.by_key(&targets[index].params, &key).await;
            let found = match found {
                Ok(found) => stands(sender.ledger.verb, &settles, name, found),
                Err(error) => Err(error.with_context(format!("while waiting for {name}"))),
            };
            match found {
                Ok(Standing::Settled(document)) => {
                    let document = document.unwrap_or_else(|| done.document.clone());
                    sender.ledger.set(index, State::Done(Done { document, ..done }));
                }
                Ok(Standing::Moving(status)) => {
                    standing.push(format!("{name}: {status}"));
                    still.push((index, key, done));
                }
                Err(error) => failed.push(error),
            }
        }
        waiting = still;
        if waiting.is_empty() {
            break;
        }
        if let Some(reason) = sender.stop.reason() {
            return Err(ended(reason, "the wait was interrupted", &standing, &sender.ledger.lines()));
        }
        let waited = started.elapsed();
        if waited >= writes.await_time {
            let message = format!("it has not settled within {} s", writes.await_time.as_secs_f64().round());
            let error = ended(Kind::Timeout, &message, &standing, &sender.ledger.lines());
            return Err(error.with_hint("wait longer with `--await-time 1h`, or `SET iql.await_time = '1h'`"));
        }
        let others = if waiting.len() > 1 { format!(" ({} to go)", waiting.len()) } else { String::new() };
        control.tell(Some(format!("{}, {} s{others}", standing[0], waited.as_secs())));
        tokio::select! {
            () = sleep(wait.min(writes.await_time.saturating_sub(waited))) => {}
            _ = sender.stop.asked() => {}
        }
        wait = wait.mul_f64(1.5).min(LONGEST_WAIT.max(writes.await_poll));
    }
    control.tell(None);
    let mut failed = failed.into_iter();
    match failed.next() {
        None => Ok(()),
        Some(error) => {
            let error = failed.fold(error, |error, other| {
                let lines = std::iter::once(other.message).chain(other.context);
                lines.fold(error, Error::with_context)
            });
            Err(sender.ledger.lines().into_iter().fold(error, Error::with_context))
        }
    }
}

/// Where a row stands, by what a look has found.
///
/// # Errors
/// It has failed, with the service's own errors; it is gone.
fn stands(verb: Verb, settles: &Settles, name: &str, found: Option<Document>) -> Result<Standing> {
    let Some(found) = found else {
        return match verb {
            Verb::Delete => Ok(Standing::Settled(None)),
            _ => Err(Error::new(Kind::NotFound, format!("{name} is gone again"))),
        };
    };
    let status = found.get(&settles.wire).and_then(Value::as_str).unwrap_or("of no status").to_string();
    let is = |statuses: &[String]| statuses.contains(&status);
    match verb {
        Verb::Delete if is(&settles.failed) => Err(with_errors(settles, name, &status, &found)),
        Verb::Delete => Ok(Standing::Moving(status)),
        _ if is(&settles.going) => Err(Error::new(Kind::Conflict, format!("{name} is being deleted"))),
        _ if is(&settles.failed) => Err(with_errors(settles, name, &status, &found)),
        _ if is(&settles.done) => Ok(Standing::Settled(Some(found))),
        _ => Ok(Standing::Moving(status)),
    }
}

fn with_errors(settles: &Settles, name: &str, status: &str, found: &Document) -> Error {
    let error = Error::new(Kind::Refused, format!("{name} has not settled: its `{}` is `{status}`", settles.wire));
    let errors = settles.errors.as_ref().and_then(|wire| found.get(wire)).and_then(Value::as_array);
    errors.into_iter().flatten().fold(error, |error, said| {
        let texts = said.as_object().into_iter().flat_map(|said| said.values()).filter_map(Value::as_str);
        error.with_context(format!("the service says: {}", texts.collect::<Vec<_>>().join(": ")))
    })
}

fn ended(kind: Kind, message: &str, standing: &[String], report: &[String]) -> Error {
    let error = Error::new(kind, message);
    let error = error.with_context(format!("it goes on in the cloud: {}", standing.join(", ")));
    report.iter().fold(error, |error, line| error.with_context(line))
}
