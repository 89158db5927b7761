//! Parse the arguments, run, exit. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    iql::cli::main()
}
