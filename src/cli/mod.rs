//! A person at a terminal: what was asked for, done, and told. One way in: the engine's `Session::run`.

use std::process::ExitCode;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use args::{Arguments, Command};
use batch::Completeness;
use signals::{Ending, interruptible};

mod args;
mod batch;
mod binary;
mod cells;
mod check;
mod line;
mod manual;
mod markdown;
mod offline;
mod outcomes;
mod output;
mod permissions;
mod progress;
mod reading;
mod sandbox;
mod shell;
mod signals;
mod sources;
mod stackql;
mod table;
mod target;
mod titles;
mod unused;

/// Done, and rows are missing.
const PARTIAL: u8 = 3;

/// The whole program: parses the arguments, runs the command, tells of an error, and says with what code to exit.
pub fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    // Wrong usage ends here, with clap's message and code 2; `--help` and `--version` with 0.
    let arguments = Arguments::typed(&words).unwrap_or_else(|error| error.exit());
    match run(arguments.meant(output::can_read())) {
        Ok(Completeness::Whole) => ExitCode::SUCCESS,
        Ok(Completeness::Partial) => ExitCode::from(PARTIAL),
        Err(error) if error.kind == Kind::Closed => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn run(command: Command) -> Result<Completeness> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Plans are walked by recursion, a level for each term and each UNION. Only what is used takes memory.
        .thread_stack_size(64 << 20)
        .build()
        .map_err(|e| Error::new(Kind::Io, "threads cannot be started").with_source(e))?;
    let ending = Arc::new(Ending::default());
    let seen = ending.clone();
    let done = runtime.block_on(async {
        match command {
            Command::Exec(exec) => interruptible(&ending, async move { batch::run(&exec, &seen).await }).await,
            Command::Check(check) => {
                interruptible(&ending, async move { check::run(&check).await.map(|()| Completeness::Whole) }).await
            }
            Command::Permissions(wanted) => {
                interruptible(&ending, async move { permissions::run(&wanted).await.map(|()| Completeness::Whole) })
                    .await
            }
            Command::Completions { shell } => manual::completions(shell).map(|()| Completeness::Whole),
            Command::Man(wanted) => manual::man(&wanted).map(|()| Completeness::Whole),
            // It hears the signals itself: Ctrl-C ends what runs, and not the shell.
            Command::Shell(shell) => shell::run(&shell).await.map(|()| Completeness::Whole),
            Command::Sandbox(serve) => {
                match interruptible(&ending, async move { sandbox::serve(&serve).await }).await {
                    // There is no other way to end it.
                    Err(error) if error.kind == Kind::Interrupted => Ok(Completeness::Whole),
                    done => done.map(|()| Completeness::Whole),
                }
            }
        }
    });
    // What is still in flight is given up, not waited for.
    runtime.shutdown_background();
    done
}
