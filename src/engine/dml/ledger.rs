//! What became of each row of a write, kept while it is under way and told at its end: done, failed, unknown, not sent.
//! Sends nothing. Invariant: a row is in exactly one state, and every row is told of.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::document::Document;
use crate::error::{Error, Kind};

/// The rows of one statement.
#[derive(Debug)]
pub struct Ledger {
    pub verb: Verb,
    /// Whether the same statement again passes over what is done.
    skips: bool,
    /// Whether a row that is there already can be told from others.
    tells_apart: bool,
    rows: Mutex<Vec<Row>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Insert,
    Update,
    Delete,
    /// A method that answers no verb.
    Exec,
}

#[derive(Debug, Clone)]
pub struct Row {
    /// What the reports call it.
    pub name: String,
    /// The method that it is sent by, where the verb has several.
    pub way: Option<String>,
    pub state: State,
    /// Calls of a row that is not done yet, or never will be, which were done all the same.
    pub made: Vec<String>,
}

#[derive(Debug, Clone)]
pub enum State {
    NotSent,
    /// A call is in flight.
    Sending,
    Done(Done),
    Failed(Error),
    /// A call was sent, and nobody can say whether it was done.
    Unknown(Error),
}

#[derive(Debug, Clone)]
pub struct Done {
    pub how: How,
    /// The resource as it is now; of one that was deleted, as the service last had it.
    pub document: Document,
    /// The identity's value, if anybody knows it.
    pub key: Option<String>,
    /// The calls that were made for it.
    pub calls: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    Made,
    /// It was there before, with other values in these fields.
    There {
        different: Vec<String>,
    },
    Unchanged,
    /// Somebody had deleted it, or is about to.
    Gone,
    Going,
}

/// What the line of a label has of a row.
type Pick<'a> = &'a dyn Fn(&Row) -> Option<String>;

impl Ledger {
    pub fn new(verb: Verb, skips: bool, names: impl IntoIterator<Item = String>) -> Self {
        let row = |name| Row { name, way: None, state: State::NotSent, made: Vec::new() };
        Ledger { verb, skips, tells_apart: true, rows: Mutex::new(names.into_iter().map(row).collect()) }
    }

    /// With the method of each row, where the verb has several.
    pub fn with_ways(self, ways: impl Iterator<Item = Option<String>>) -> Self {
        self.lock().iter_mut().zip(ways).for_each(|(row, way)| row.way = way);
        self
    }

    /// Whether what is there already can be told from others, by which a repeat is known.
    pub fn telling_apart(self, tells_apart: bool) -> Self {
        Ledger { tells_apart, ..self }
    }

    pub fn set(&self, index: usize, state: State) {
        self.lock()[index].state = state;
    }

    /// A call for the row was done, and others are to follow.
    pub fn made(&self, index: usize, call: &str) {
        self.lock()[index].made.push(call.to_string());
    }

    pub fn rows(&self) -> Vec<Row> {
        self.lock().clone()
    }

    /// Whether a row failed or is unknown, so that nothing more is to be sent.
    pub fn has_failed(&self) -> bool {
        self.lock().iter().any(|row| matches!(row.state, State::Failed(_) | State::Unknown(_)))
    }

    /// A line for each state that a row is in, in words.
    pub fn lines(&self) -> Vec<String> {
        let rows = self.lock();
        let labels: [(&str, Pick<'_>); 9] = [
            (self.verb.done(), &|row| match &row.state {
                State::Done(done) if done.how == How::Made => Some(self.with_calls(row, done)),
                _ => None,
            }),
            ("already there", &|row| match &row.state {
                State::Done(Done { how: How::There { different }, .. }) if different.is_empty() => {
                    Some(row.name.clone())
                }
                _ => None,
            }),
            ("already there, and different", &|row| match &row.state {
                State::Done(Done { how: How::There { different }, .. }) if !different.is_empty() => {
                    Some(format!("{} ({})", row.name, different.join(", ")))
                }
                _ => None,
            }),
            ("unchanged", &|row| is(row, &How::Unchanged)),
            ("already gone", &|row| is(row, &How::Gone)),
            ("already being deleted", &|row| is(row, &How::Going)),
            ("failed", &|row| match &row.state {
                State::Failed(_) => Some(partly(row)),
                _ => None,
            }),
            ("unknown", &|row| match &row.state {
                State::Unknown(_) | State::Sending => Some(partly(row)),
                _ => None,
            }),
            ("not sent", &|row| match &row.state {
                State::NotSent => Some(partly(row)),
                _ => None,
            }),
        ];
        let found = labels.iter().map(|(label, pick)| (label, rows.iter().filter_map(pick).collect::<Vec<_>>()));
        let found: Vec<_> = found.filter(|(_, names)| !names.is_empty()).collect();
        let width = found.iter().map(|(label, _)| label.len()).max().unwrap_or_default() + 1;
        found.iter().map(|(label, names)| format!("{:width$} {}", format!("{label}:"), listed(names))).collect()
    }

    /// What stopped the statement, with what was and was not done; nothing if all rows are done. `stopped` is why no
    /// more was sent, if somebody asked for that.
    /// `broken` is what of our own stopped it.
    pub fn error(&self, stopped: Option<Kind>, broken: Option<Error>) -> Option<Error> {
        let rows = self.rows();
        let (verb, count) = (self.verb.name(), rows.len());
        let failed = rows.iter().enumerate().find_map(|(at, row)| match &row.state {
            State::Failed(error) | State::Unknown(error) => Some((at, error.clone())),
            _ => None,
        });
        let is_open = rows.iter().any(|row| matches!(row.state, State::NotSent | State::Sending));
        let mut error = match (failed, stopped) {
            _ if broken.is_some() => broken?,
            (Some((_, error)), None) if count == 1 => error,
            (Some((at, mut error)), None) => {
                error.message = format!("{verb} stopped at row {} of {count}: {}", at + 1, error.message);
                error
            }
            (Some(_), Some(reason)) => early(reason, verb),
            (None, Some(reason)) if is_open => early(reason, verb),
            (None, None) if is_open => Error::new(Kind::Internal, format!("{verb} ended before all was sent")),
            (None, _) => return None,
        };
        let others = rows.iter().filter_map(|row| match &row.state {
            State::Failed(other) | State::Unknown(other) if other.message != error.message => Some((row, other)),
            _ => None,
        });
        let others: Vec<String> = others
            .filter(|(_, other)| !error.message.ends_with(&other.message))
            .map(|(row, other)| format!("{}: {}", row.name, other.message))
            .collect();
        error.context.extend(others);
        error.context.extend(self.lines());
        let is_unknown = rows.iter().any(|row| matches!(row.state, State::Unknown(_)));
        let hint = match self.verb {
            Verb::Insert if !self.tells_apart => {
                "look what is there before you insert again: nothing tells these rows from others"
            }
            Verb::Insert if is_unknown && !self.skips => {
                "look whether it is there before you insert it again; with `ON CONFLICT DO NOTHING` a repeat is safe"
            }
            Verb::Update if !self.skips => {
                "the statement again would change once more what is changed already: leave that out"
            }
            Verb::Insert if self.skips => "run the statement again; rows that are there are skipped",
            Verb::Insert => {
                "rows that are there already are skipped by `ON CONFLICT DO NOTHING`, so that a repeat is safe"
            }
            Verb::Update => "run the statement again; rows that already match are skipped",
            Verb::Delete => "run the statement again; what is gone is skipped",
            Verb::Exec => "look whether it was done before you run it again: it would be done once more",
        };
        let has_changed = rows.iter().any(|row| match &row.state {
            State::Done(done) => done.how == How::Made,
            State::Unknown(_) | State::Sending => true,
            State::Failed(_) | State::NotSent => !row.made.is_empty(),
        });
        let is_safe_again = self.verb == Verb::Update && !self.skips && !has_changed;
        let is_worth_it = (count > 1 || is_unknown) && !is_safe_again;
        if is_worth_it && !error.hints.iter().any(|known| known == hint) {
            error.hints.push(hint.to_string());
        }
        Some(error)
    }

    fn with_calls(&self, row: &Row, done: &Done) -> String {
        match (self.verb, &done.key) {
            (Verb::Delete, _) => match &row.way {
                Some(way) => format!("{} ({way})", row.name),
                None => row.name.clone(),
            },
            (Verb::Update, _) if !done.calls.is_empty() => format!("{} ({})", row.name, done.calls.join(", ")),
            (Verb::Insert, Some(key)) if *key != row.name => format!("{} ({key})", row.name),
            _ => row.name.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is(row: &Row, wanted: &How) -> Option<String> {
    matches!(&row.state, State::Done(done) if done.how == *wanted).then(|| row.name.clone())
}

fn partly(row: &Row) -> String {
    match row.made.as_slice() {
        [] => row.name.clone(),
        calls => format!("{} ({} done)", row.name, calls.join(", ")),
    }
}

fn early(reason: Kind, verb: &str) -> Error {
    match reason {
        Kind::Timeout => Error::new(Kind::Timeout, format!("{verb} was stopped: the statement's time is up"))
            .with_hint("give it more time with `--timeout`, or `SET iql.timeout = …`"),
        reason => Error::new(reason, format!("{verb} was interrupted")),
    }
}

/// Names of a report: the first few hundred, so that a report stays one.
fn listed(names: &[String]) -> String {
    const MOST: usize = 200;
    match names.len() {
        0..=MOST => names.join(", "),
        all => format!("{}, and {} more", names[..MOST].join(", "), all - MOST),
    }
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Verb::Insert => "INSERT",
            Verb::Update => "UPDATE",
            Verb::Delete => "DELETE",
            Verb::Exec => "EXEC",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Verb::Insert => "inserted",
            Verb::Update => "changed",
            Verb::Delete => "deleted",
            Verb::Exec => "done",
        }
    }
}

#[cfg(test)]
mod tests;
