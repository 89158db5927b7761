//! A person at a terminal: what was asked for, done, and told. One way in: the engine's `Session::run`.

use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, Kind, Result};
use args::{Arguments, Command};

mod args;
mod batch;
mod cells;
mod output;
mod sandbox;
mod table;

/// The whole program: parses the arguments, runs the command, tells of an error, and says with what code to exit.
pub fn main() -> ExitCode {
    // Wrong usage ends here, with clap's message and code 2; `--help` and `--version` with 0.
    let arguments = Arguments::parse();
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
        .build()
        .map_err(|e| Error::new(Kind::Io, "threads cannot be started").with_source(e))?;
    let done = runtime.block_on(async {
        match &command {
            Command::Exec(exec) => interruptible(batch::run(exec)).await,
            Command::Sandbox(serve) => interruptible(sandbox::serve(serve)).await,
        }
    });
    // What is still in flight is given up, not waited for.
    runtime.shutdown_background();
    done
}

/// Ctrl-C and SIGTERM end the work where it stands: nothing more is sent.
async fn interruptible(work: impl Future<Output = Result<()>>) -> Result<()> {
    let interrupted = || Error::new(Kind::Interrupted, "interrupted").with_context("calls in flight were given up");
    let failed = |e| Error::new(Kind::Io, "signals cannot be listened for").with_source(e);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(interrupted()),
        _ = terminate.recv() => Err(interrupted()),
    }
}
