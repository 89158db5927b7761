//! One statement from its text to its last row, while Ctrl-C is heard: what reads ends at once, with no call left in
//! flight; a write sends nothing more and says itself what it has done. Knows no command.

use std::io::Write;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{interval, sleep_until};

use crate::cli::batch;
use crate::cli::shell::input::{Input, interrupts};
use crate::cli::shell::render::{Kept, Look, Renderer};
use crate::cli::shell::sink::Shared;
use crate::cli::shell::state::State;
use crate::cli::shell::waiting::Waiting;
use crate::cli::{output, reading};
use crate::engine::{Cost, Session, describe_cost};
use crate::error::{Error, Kind, Result};
use crate::sql::Statement;

/// How long what reads may take to end once it was told to.
const CLEARING: Duration = Duration::from_millis(100);

/// What is asked before a statement goes on, and the way back for the answer.
pub struct Question {
    pub text: String,
    pub answer: std::sync::mpsc::Sender<bool>,
}

/// What a statement is told meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    GoOn,
    /// It writes: it ends by itself, and nothing is shown but its report.
    Finish,
    Stop,
}

/// What became of a statement.
pub struct Ran {
    pub rows: usize,
    pub kept: Option<Kept>,
    time: Duration,
    cost: Cost,
}

impl Ran {
    /// What `\timing` says.
    pub fn timing(&self) -> String {
        let rows = if self.rows == 1 { "1 row".to_string() } else { format!("{} rows", self.rows) };
        format!("Time: {:.3} s, {rows}; {}", self.time.as_secs_f64(), describe_cost(&self.cost))
    }
}

struct Work {
    session: std::sync::Arc<Session>,
    statement: Statement,
    look: Look,
    width: Option<u16>,
    sink: Shared,
    told: watch::Receiver<Told>,
    progress: bool,
}

/// Runs a statement; its rows go to `sink`.
///
/// # Errors
/// The statement's own, or `Interrupted` with what was done until then.
pub async fn run(state: &mut State, input: &mut Input, statement: Statement, look: Look, sink: Shared) -> Result<Ran> {
    let mut interrupts = interrupts()?;
    let mut leaving = state.leaving.subscribe();
    let (tell, told) = watch::channel(Told::GoOn);
    let statement = if state.dry_run { batch::dry(statement) } else { statement };
    let work = Work {
        session: state.session.clone(),
        statement,
        look,
        width: if sink.with(|sink| sink.is_screen()) { input.columns() } else { None },
        sink: sink.clone(),
        told,
        progress: !state.quiet && !state.verbose && state.at_terminal && output::draws_at_terminal(&state.person),
    };
    let mut task = tokio::spawn(work.done());
    let mut deadline = None;
    loop {
        let interrupted = tokio::select! {
            done = &mut task => return done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
            Some(question) = state.questions.recv() => {
                let agreed = input.agrees(&question.text).await.unwrap_or_default();
                // Nobody waits for it any more when the statement has ended.
                let _answered = question.answer.send(agreed);
                false
            }
            _ = interrupts.recv() => true,
            Ok(()) = leaving.changed() => true,
            () = sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now)), if deadline.is_some() => {
                deadline = None;
                if !sink.is_paged() {
                    task.abort();
                    return Err(Error::new(Kind::Interrupted, "Cancelled"));
                }
                false
            }
        };
        if !interrupted {
            continue;
        }
        let before = *tell.borrow();
        match before {
            Told::GoOn if state.session.control().stop(Kind::Interrupted) => drop(tell.send_replace(Told::Finish)),
            Told::GoOn => {
                tell.send_replace(Told::Stop);
                deadline = Some(tokio::time::Instant::now() + CLEARING);
            }
            Told::Finish => match state.session.control().standing() {
                // It has just ended, and tells of itself; nobody else knows any more what it has done.
                None => deadline = Some(tokio::time::Instant::now() + CLEARING),
                Some(standing) => {
                    let error = Error::new(Kind::Interrupted, "interrupted, and the call in flight was not waited for");
                    task.abort();
                    let error = standing.into_iter().fold(error, Error::with_context);
                    return Err(error.with_hint("look what became of it before you run the statement again"));
                }
            },
            Told::Stop => {}
        }
    }
}

impl Work {
    async fn done(mut self) -> Result<Ran> {
        let start = Instant::now();
        let mut waiting = Waiting::new(self.progress, start);
        let writes = batch::may_write(&self.statement.body);
        let control = self.session.control().clone();
        let mut news = control.progress();
        let mut told = self.told.clone();
        let mut running = std::pin::pin!(self.session.run(self.statement.clone()));
        let mut turns = interval(Duration::from_millis(100));
        let mut outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut running => break outcome?,
                Ok(()) = told.changed() => match *told.borrow_and_update() {
                    Told::Stop => return Err(cancelled(0, 0)),
                    Told::Finish => {
                        waiting.end();
                        output::note("interrupted: waiting up to 10 s for the call in flight; again to leave at once");
                    }
                    Told::GoOn => {}
                },
                Ok(()) = news.changed() => waiting.tell(news.borrow_and_update().clone()),
                _ = turns.tick() => waiting.turn("working".to_string()),
            }
        };
        waiting.end();
        let is_stopped = outcome.is_stopped();
        let notices = std::mem::take(&mut outcome.notices);
        let tell = || notices.iter().filter(|_| !self.look.quiet).for_each(|notice| output::note(notice));
        if writes {
            tell();
        }
        let schema = outcome.rows.schema();
        let watch = outcome.watch();
        let mut ran = Ran { rows: 0, kept: None, time: Duration::ZERO, cost: Cost::default() };
        // A statement without columns, such as SET, has no result to show.
        if !schema.fields().is_empty() {
            let mut renderer = Renderer::begin(schema, self.look, self.width, self.sink.clone())?;
            let mut has_reader = true;
            loop {
                tokio::select! {
                    biased;
                    Ok(()) = told.changed() => if *told.borrow_and_update() == Told::Stop {
                        let (rows, calls) = (renderer.rows, outcome.cost().calls);
                        // What is in flight goes with its rows.
                        drop(outcome);
                        waiting.end();
                        renderer.break_off()?;
                        return Err(cancelled(rows, calls));
                    },
                    batch = outcome.rows.next() => match batch {
                        None => break,
                        Some(Err(error)) => {
                            waiting.end();
                            // The rows of what a write has done, before why it was stopped.
                            if is_stopped && has_reader {
                                renderer.end()?;
                                self.sink.keep()?;
                            }
                            return Err(error);
                        }
                        // Whether a write was stopped is told behind its rows.
                        Some(Ok(_)) if !has_reader => {}
                        Some(Ok(batch)) => {
                            waiting.end();
                            match renderer.batch(&batch) {
                                Err(error) if error.kind == Kind::Closed => {
                                    has_reader = false;
                                    if !is_stopped {
                                        break;
                                    }
                                }
                                drawn => drawn?,
                            }
                        }
                    },
                    _ = turns.tick(), if !renderer.shows() => {
                        waiting.turn(reading::doing(&watch));
                    }
                }
            }
            waiting.end();
            ran.rows = renderer.rows;
            ran.kept = Some(renderer.kept.clone());
            if has_reader {
                renderer
                    .end()
                    .map(drop)
                    .or_else(|error| if error.kind == Kind::Closed { Ok(()) } else { Err(error) })?;
            }
        }
        ran.time = start.elapsed();
        ran.cost = outcome.cost();
        let later = if self.look.quiet { Vec::new() } else { outcome.later() };
        // Not for `--quiet` to leave out: rows are missing.
        let warnings = outcome.warnings();
        drop(outcome);
        self.sink.flush().ok();
        if !writes {
            tell();
        }
        later.iter().chain(&warnings).for_each(|line| output::note(line));
        Ok(ran)
    }
}

fn cancelled(rows: usize, calls: u64) -> Error {
    Error::new(Kind::Interrupted, format!("Cancelled after {}", counted(rows, calls)))
}

fn counted(rows: usize, calls: u64) -> String {
    let count = |number: u64, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    format!("{}, {}", count(rows as u64, "row"), count(calls, "call"))
}

/// Who is asked by whom: the statement's task waits, while the terminal is another's.
pub fn questions() -> (impl Fn(&str) -> bool + Send + Sync, mpsc::UnboundedReceiver<Question>) {
    let (asks, asked) = mpsc::unbounded_channel();
    let agrees = move |text: &str| {
        let (answer, answered) = std::sync::mpsc::channel();
        let is_asked = asks.send(Question { text: text.to_string(), answer }).is_ok();
        is_asked && tokio::task::block_in_place(|| answered.recv().unwrap_or_default())
    };
    (agrees, asked)
}
