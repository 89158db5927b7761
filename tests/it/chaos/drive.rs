//! Statements run through the library: to their end, stopped as Ctrl-C does, or dropped where they stand.

use std::time::Duration;

use iql::error::{Error, Kind};
use iql::{Consent, Session};
use serde_json::Value;

use super::model::Ended;
use super::plan::Terms;
use super::world::World;
use crate::lab::rows_of;

/// Nothing takes longer, however busy the machine is.
const LONGEST: Duration = Duration::from_secs(120);

/// What is done to a run while it is under way, and after how many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    None,
    /// Ctrl-C in the library.
    Stop(usize),
    /// Nobody waits any more.
    Drop(usize),
}

impl Trip {
    pub fn some(rng: &mut fastrand::Rng) -> Trip {
        let after = rng.usize(0..6);
        match rng.u8(0..10) {
            0 => Trip::Stop(after),
            1 => Trip::Drop(after),
            _ => Trip::None,
        }
    }
}

/// How a mistake of iql's own begins.
pub const MISTAKE: &str = "a mistake of iql's own";

/// What came of a run.
#[derive(Debug)]
pub struct Said {
    pub ended: Ended,
    /// Everything that was told.
    pub report: String,
    pub rows: Vec<Value>,
    pub warnings: String,
    /// The log of what writes, of the program alone.
    pub log: Option<String>,
}

/// A session on its terms.
pub async fn session(world: &World, terms: &Terms) -> Session {
    let session = world.engine(terms.login).session();
    session.control().set_consent(Consent::Given);
    let set = |name: &str, value: String| format!("SET iql.{name} = '{value}'");
    let mut settings = vec![
        set("writes_in_flight", terms.writes_in_flight.to_string()),
        set("tries", terms.tries.to_string()),
        set("await_time", format!("{}ms", terms.await_time.as_millis())),
        set("call_timeout", format!("{}ms", terms.call.as_millis())),
        set("partial", if terms.partial { "on".into() } else { "off".into() }),
        set("read_only", if terms.read_only { "on".into() } else { "off".into() }),
    ];
    settings.extend(terms.max_calls.map(|most| set("max_calls", most.to_string())));
    settings.extend(terms.timeout.map(|time| set("timeout", format!("{}ms", time.as_millis()))));
    for setting in settings {
        session.run(setting).await.expect("a setting");
    }
    session
}

/// Runs one statement.
pub async fn run(world: &World, session: &Session, sql: &str, trip: Trip) -> Said {
    let work = async {
        let mut outcome = session.run(sql).await?;
        let rows = rows_of(&mut outcome).await;
        Ok::<_, Error>((outcome.notices.join("\n"), outcome.warnings().join("\n"), rows))
    };
    let mut work = Box::pin(work);
    let done = match trip {
        Trip::None => Some(tokio::time::timeout(LONGEST, work).await.expect("an end")),
        Trip::Stop(after) | Trip::Drop(after) => {
            tokio::select! {
                biased;
                done = &mut work => Some(done),
                () = asked(world, after) => match trip {
                    Trip::Stop(_) if session.control().stop(Kind::Interrupted) => Some(work.await),
                    _ => None,
                },
            }
        }
    };
    let said = |ended, report: String| Said { ended, report, rows: Vec::new(), warnings: String::new(), log: None };
    match done {
        None => said(Ended::Killed, String::new()),
        Some(Err(error)) => said(Ended::Badly, told(&error)),
        Some(Ok((notices, warnings, Err((rows, error))))) => {
            Said { rows, warnings, ..said(Ended::Badly, format!("{notices}\n{}", told(&error))) }
        }
        Some(Ok((notices, warnings, Ok(rows)))) => {
            Said { rows, warnings: warnings.clone(), ..said(Ended::Well, format!("{notices}\n{warnings}")) }
        }
    }
}

/// What is said of an error. One of our own is a mistake, whatever happens.
fn told(error: &Error) -> String {
    if error.kind == Kind::Internal { format!("{MISTAKE}\n{error}") } else { error.to_string() }
}

/// Waits until so many requests have been made, perhaps for ever.
async fn asked(world: &World, count: usize) {
    while world.sandbox.requests().len() < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
