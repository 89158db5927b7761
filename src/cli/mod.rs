//! A person at a terminal: what was asked for, done, and told. One way in: the engine's `Session::run`.

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Error, Kind, Result};
use args::{Arguments, Command};

mod args;
mod batch;
mod cells;
mod output;
mod sandbox;
mod table;

/// How long interrupted work may take to clear away what it began.
const CLEARING: Duration = Duration::from_millis(200);

/// The whole program: parses the arguments, runs the command, tells of an error, and says with what code to exit.
pub fn main() -> ExitCode {
    // Wrong usage ends here, with clap's message and code 2; `--help` and `--version` with 0.
    let arguments = Arguments::typed(clap::Command::try_get_matches).unwrap_or_else(|error| error.exit());
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind == Kind::Closed => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn run(command: Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Plans are walked by recursion, a level for each term and each UNION. Only what is used takes memory.
        .thread_stack_size(64 << 20)
        .build()
        .map_err(|e| Error::new(Kind::Io, "threads cannot be started").with_source(e))?;
    let done = runtime.block_on(async {
        match command {
            Command::Exec(exec) => interruptible(async move { batch::run(&exec).await }).await,
            Command::Sandbox(serve) => match interruptible(async move { sandbox::serve(&serve).await }).await {
                // There is no other way to end it.
                Err(error) if error.kind == Kind::Interrupted => Ok(()),
                done => done,
            },
        }
    });
    // What is still in flight is given up, not waited for.
    runtime.shutdown_background();
    done
}

/// Ctrl-C and SIGTERM end the work where it stands: nothing more is sent. It has a task of its own, since a write to a
/// pipe that nobody reads, such as a pager's, holds its thread up.
async fn interruptible(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let failed = |e| Error::new(Kind::Io, "signals cannot be listened for").with_source(e);
    // Listened for before the work begins, whose first words may be answered with one.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut work = tokio::spawn(work);
    tokio::select! {
        done = &mut work => return done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    work.abort();
    // A file that was begun is removed with the work, which ends at once unless it is held up.
    let _held_up = tokio::time::timeout(CLEARING, work).await;
    Err(Error::new(Kind::Interrupted, "interrupted").with_context("calls in flight were given up"))
}
