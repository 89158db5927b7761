//! AWAIT: looks at what was written until it has settled, as its document says, or until somebody has waited enough.
//! Reads, and writes nothing: what goes on in the cloud goes on without it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::change::{Step, is_done};
use super::document::Document;
use super::ledger::{Done, How, Row, State, Verb};
use super::rules::{all_hold, at};
use super::send::{LOOKS, Sender, Target, Work};
use crate::catalog::model::Settles;
use crate::engine::control::Control;
use crate::error::{Error, Kind, Result};
use crate::settings::Writes;

/// No wait between two looks is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// A row that is waited for.
struct Waiting {
    index: usize,
    key: String,
    done: Done,
    /// What a look must show besides.
    steps: Vec<Step>,
    /// Whether a look has shown it, and whether it was seen on its way out.
    seen: bool,
    going: bool,
    /// How it stood before the call.
    before: Option<String>,
    /// Whether the call's own answer shows it otherwise.
    began: bool,
    /// Whether a look has shown it as nothing that waiting ends with.
    moved: bool,
    /// Looks that showed it as it had failed before.
    stale: u32,
    /// Looks that were answered before it was seen.
    missed: u32,
    /// How it stood when it was last seen.
    last: String,
}

/// Where a row stands.
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
    let deadline = started + writes.await_time;
    let rows = sender.ledger.rows();
    let (mut waiting, mut failed) = begun(&settles, targets, &rows);
    let mut wait = writes.await_poll;
    while !waiting.is_empty() {
        let (mut still, mut standing) = (Vec::new(), Vec::new());
        for mut row in waiting {
            let name = &rows[row.index].name;
            let look = sender.look.by_key(&targets[row.index].params, &row.key);
            let found = tokio::select! {
                found = look => Some(found),
                _ = sender.stop.asked() => None,
                () = sleep_until(deadline) => None,
            };
            let stands = match found {
                None => Ok(Standing::Moving(row.last.clone())),
                Some(Ok(found)) => stands(sender, &settles, name, &mut row, found),
                // What passes does not end a wait.
                Some(Err(error)) if error.kind.is_passing() => Ok(Standing::Moving(error.message)),
                Some(Err(error)) => Err(error.with_context(format!("while waiting for {name}"))),
            };
            match stands {
                Ok(Standing::Settled(document)) => {
                    let document = document.unwrap_or_else(|| row.done.document.clone());
                    sender.ledger.set(row.index, State::Done(Done { document, ..row.done }));
                }
                Ok(Standing::Moving(status)) => {
                    row.last.clone_from(&status);
                    standing.push(format!("{name}: {status}"));
                    still.push(row);
                }
                Err(error) => failed.push(error),
            }
        }
        waiting = still;
        if waiting.is_empty() {
            break;
        }
        if let Some(error) = ended(sender, deadline, writes) {
            failed.insert(0, error.with_context(format!("it goes on in the cloud: {}", standing.join(", "))));
            break;
        }
        let others = if waiting.len() > 1 { format!(" ({} to go)", waiting.len()) } else { String::new() };
        control.tell(Some(format!("{}, {} s{others}", standing[0], started.elapsed().as_secs())));
        tokio::select! {
            () = sleep(wait) => {}
            () = sleep_until(deadline) => {}
            _ = sender.stop.asked() => {}
        }
        wait = wait.mul_f64(1.5).min(LONGEST_WAIT.max(writes.await_poll));
    }
    control.tell(None);
    let mut failed = failed.into_iter();
    let Some(error) = failed.next() else { return Ok(()) };
    let error = failed.fold(error, |error, other| {
        let lines = std::iter::once(other.message).chain(other.context);
        lines.fold(error, |error, line| error.with_context(line))
    });
    Err(sender.ledger.lines().into_iter().fold(error, |error, line| error.with_context(line)))
}

/// The rows to wait for, and those that nobody can wait for.
fn begun(settles: &Settles, targets: &[Target], rows: &[Row]) -> (Vec<Waiting>, Vec<Error>) {
    let (mut waiting, mut failed) = (Vec::new(), Vec::new());
    for (index, (target, row)) in targets.iter().zip(rows).enumerate() {
        let State::Done(done) = &row.state else { continue };
        let steps = match &target.work {
            Work::Change { steps, .. } => steps.clone(),
            _ => Vec::new(),
        };
        match &done.key {
            _ if done.how == How::Gone => {}
            Some(key) => {
                let before = match &target.work {
                    Work::Change { before, .. } | Work::Delete { before, .. } => status(settles, before),
                    Work::Create { .. } | Work::Nothing { .. } => None,
                };
                // What the call answered shows how it began.
                let said = status(settles, &done.document);
                let is = |statuses: &[String]| said.as_ref().is_some_and(|said| statuses.contains(said));
                let going = done.how == How::Going || is(&settles.going);
                let began = said.is_some() && said != before;
                let (key, done) = (key.clone(), done.clone());
                waiting.push(Waiting {
                    index,
                    key,
                    done,
                    steps,
                    seen: false,
                    going,
                    before,
                    began,
                    moved: false,
                    stale: 0,
                    missed: 0,
                    last: "not looked at yet".into(),
                });
            }
            None => {
                failed.push(Error::new(Kind::Shape, format!("nobody knows the key of {}, to wait for it", row.name)))
            }
        }
    }
    (waiting, failed)
}

/// Why the wait is over, though not all has settled.
fn ended(sender: &Sender, deadline: Instant, writes: &Writes) -> Option<Error> {
    if let Some(reason) = sender.stop.reason() {
        return Some(match reason {
            Kind::Timeout => Error::new(reason, "the statement's time was up while it waited")
                .with_hint("give it more time with `--timeout`, or `SET iql.timeout = …`"),
            _ => Error::new(reason, "the wait was interrupted"),
        });
    }
    (Instant::now() >= deadline).then(|| {
        let (time, seconds) = (writes.await_time, writes.await_time.as_secs());
        let time = if seconds == 0 { format!("{} ms", time.as_millis()) } else { format!("{seconds} s") };
        Error::new(Kind::Timeout, format!("it has not settled within {time}"))
            .with_hint("wait longer with `--await-time 1h`, or `SET iql.await_time = '1h'`")
    })
}

/// Where a row stands, by what a look has found.
///
/// # Errors
/// It has failed, with the service's own errors; it is gone.
fn stands(
    sender: &Sender,
    settles: &Settles,
    name: &str,
    row: &mut Waiting,
    found: Option<Document>,
) -> Result<Standing> {
    let deletes = sender.ledger.verb == Verb::Delete;
    let Some(found) = found else {
        row.missed += 1;
        return match deletes {
            true => Ok(Standing::Settled(None)),
            false if row.seen => Err(Error::new(Kind::NotFound, format!("{name} is gone again"))),
            // A look may lag behind the write.
            false if row.missed < LOOKS => Ok(Standing::Moving("not seen yet".into())),
            false => {
                let message = format!("{name} was looked for {LOOKS} times, and is not there");
                Err(Error::new(Kind::NotFound, message))
            }
        };
    };
    row.seen = true;
    let status = status(settles, &found).unwrap_or_else(|| "of no status".to_string());
    let is = |statuses: &[String]| statuses.contains(&status);
    let is_going = is(&settles.going);
    // One that had failed before may be shown so for a while.
    let is_old = is(&settles.failed) && row.before.as_ref() == Some(&status) && !row.moved && row.stale < LOOKS;
    row.stale += u32::from(is_old);
    row.going |= is_going;
    row.moved |= !is(&settles.failed) && !is(&settles.done);
    let shows_all = || row.steps.iter().all(|step| is_done(&sender.look.resource, step, &found));
    match deletes {
        true if row.going && is(&settles.failed) && !is_old => Err(with_errors(settles, name, &status, &found)),
        true => Ok(Standing::Moving(status)),
        false if is_going => Err(Error::new(Kind::Conflict, format!("{name} is being deleted"))),
        // What fails may be rolled back, and then shows nothing of the change.
        false if !shows_all() && !(is(&settles.failed) && (row.began || row.moved) && !is_old) => {
            Ok(Standing::Moving(status))
        }
        false if is(&settles.failed) => Err(with_errors(settles, name, &status, &found)),
        false if is(&settles.done) => Ok(Standing::Settled(Some(found))),
        false => Ok(Standing::Moving(status)),
    }
}

fn with_errors(settles: &Settles, name: &str, status: &str, found: &Document) -> Error {
    let error = Error::new(Kind::Refused, format!("{name} has not settled: its `{}` is `{status}`", settles.wire));
    let errors = settles.errors.as_ref().and_then(|place| at(found, place)).and_then(Value::as_array);
    let errors = errors.into_iter().flatten().filter_map(Value::as_object);
    errors.filter(|said| all_hold(&settles.errors_when, said)).fold(error, |error, said| {
        let is_told = |name: &str| settles.errors_when.iter().any(|condition| condition.place == name);
        let texts = said.iter().filter(|(name, _)| !is_told(name)).filter_map(|(_, value)| value.as_str());
        error.with_context(format!("the service says: {}", texts.collect::<Vec<_>>().join(": ")))
    })
}

fn status(settles: &Settles, document: &Document) -> Option<String> {
    document.get(&settles.wire).and_then(Value::as_str).map(String::from)
}

#[cfg(test)]
mod tests;
