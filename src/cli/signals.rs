//! Ctrl-C, SIGTERM and a terminal that goes away. What only reads is dropped where it stands; a write is asked to end,
//! and tells itself what it has done. Knows no statement.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::engine::Control;
use crate::error::{Error, Kind, Result};

/// How long interrupted work may take to clear away what it began.
const CLEARING: Duration = Duration::from_millis(200);

/// What whoever hears the signals and the work know of each other.
#[derive(Debug, Default)]
pub struct Ending {
    session: OnceLock<Arc<Control>>,
    asked: watch::Sender<Asked>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Asked {
    #[default]
    No,
    Yes,
    /// And a write is under way, which is waited for.
    OfAWrite,
}

impl Ending {
    /// The work has a session now, and may write.
    pub fn reaches(&self, session: &Arc<Control>) {
        let _there_is_one_session = self.session.set(session.clone());
    }

    /// Whether the end was asked for, so that no other statement may begin.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow() != Asked::No
    }

    /// Waits until a write was asked to end, perhaps for ever.
    pub async fn of_a_write(&self) {
        let mut asked = self.asked.subscribe();
        if asked.wait_for(|asked| *asked == Asked::OfAWrite).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Asks for the end. False: nothing is being written that would have to be waited for.
    fn ask(&self) -> bool {
        // First, so that a script whose write ends meanwhile begins no other.
        self.asked.send_replace(Asked::Yes);
        let writes = self.session.get().is_some_and(|session| session.stop(Kind::Interrupted));
        if writes {
            self.asked.send_replace(Asked::OfAWrite);
        }
        writes
    }

    fn standing(&self) -> Vec<String> {
        self.session.get().and_then(|session| session.standing()).unwrap_or_default()
    }
}

/// Lets the first signal end the work: what reads at once, a write when its call in flight was answered. A second one
/// leaves at once. The work has a task of its own, since a write to a pipe that nobody reads, such as a pager's, holds
/// its thread up.
pub async fn interruptible<T: Send + 'static>(
    ending: &Ending,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    // Listened for before the work begins, whose first words may be answered with one.
    let mut signals = Signals::listen()?;
    let mut work = tokio::spawn(work);
    tokio::select! {
        done = &mut work => return done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
        () = signals.next() => {}
    }
    if ending.ask() {
        tokio::select! {
            done = &mut work => return done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
            () = signals.next() => {}
        }
        return left(ending.standing(), work).await;
    }
    work.abort();
    // A file that was begun is removed with the work, which ends at once unless it is held up.
    match tokio::time::timeout(CLEARING, work).await {
        Ok(Ok(done)) => done,
        _ => Err(Error::new(Kind::Interrupted, "interrupted").with_context("calls in flight were given up")),
    }
}

/// What is told when the work is not waited for: how its write stands. One that has just ended tells of itself, if it is
/// let; nobody else knows any more what it has done.
async fn left<T>(standing: Vec<String>, work: JoinHandle<Result<T>>) -> Result<T> {
    if standing.is_empty()
        && let Ok(done) = tokio::time::timeout(CLEARING, work).await
    {
        return done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    }
    let error = Error::new(Kind::Interrupted, "interrupted, and the call in flight was not waited for");
    let error = standing.into_iter().fold(error, Error::with_context);
    Err(error.with_hint("look what became of it before you run the statement again"))
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Option<Signal>,
}

impl Signals {
    fn listen() -> Result<Signals> {
        let listen =
            |kind| signal(kind).map_err(|e| Error::new(Kind::Io, "signals cannot be listened for").with_source(e));
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: if ignores_hang_ups() { None } else { Some(listen(SignalKind::hangup())?) },
        })
    }

    async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hang_up => {}
        }
    }
}

/// Whether the program was started to outlive its terminal (`nohup`), which listening would undo. Where nobody can
/// tell, it is left as it was.
fn ignores_hang_ups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // A bit for each signal, from 1.
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_leaves_is_told_what_was_done() {
        let report = || Error::new(Kind::Interrupted, "DELETE was interrupted").with_context("deleted: a");
        // The write has ended, and its report is on its way.
        let ended = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Err::<(), Error>(report())
        });
        let error = left(Vec::new(), ended).await.expect_err("interrupted");
        assert_eq!(error.context, ["deleted: a"]);
        // It has not.
        let pending = tokio::spawn(std::future::pending::<Result<()>>());
        let error = left(vec!["unknown: b".into()], pending).await.expect_err("interrupted");
        assert_eq!(error.context, ["unknown: b"]);
        assert_eq!(error.message, "interrupted, and the call in flight was not waited for");
    }
}
