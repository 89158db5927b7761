//! From the words of a command line to the arguments, and what was meant where they cannot be taken.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory, FromArgMatches};

use super::{Arguments, Command, Exec};

impl Arguments {
    /// What was typed, the program's name first. Options may stand before the command, too: `iql --profile prod exec`.
    ///
    /// # Errors
    /// Clap's report of why it cannot be taken; `--help` and `--version` are among those.
    pub fn typed(words: &[OsString]) -> Result<Arguments, clap::Error> {
        let mut report = match as_it_stands(words) {
            Err(report) if [ErrorKind::ArgumentConflict, ErrorKind::InvalidSubcommand].contains(&report.kind()) => {
                report
            }
            taken => return taken,
        };
        let moved = moved(words);
        if !moved.is_empty() {
            return moved.iter().map(|words| as_it_stands(words)).find(Result::is_ok).unwrap_or(Err(report));
        }
        if let Some(write) = words.iter().skip(1).find_map(|word| meant(&word.to_string_lossy())) {
            suggest(&mut report, write);
        }
        Err(report)
    }
}

fn read(command: clap::Command, words: &[OsString]) -> Result<Arguments, clap::Error> {
    Arguments::from_arg_matches(&command.try_get_matches_from(words)?)
}

fn as_it_stands(words: &[OsString]) -> Result<Arguments, clap::Error> {
    read(Arguments::command(), words).or_else(|mut error| {
        if error.kind() == ErrorKind::UnknownArgument
            && let Ok(arguments) = read(lenient("sql", |sql| sql.allow_hyphen_values(true)), words)
            && exec(&arguments).is_some_and(|exec| exec.script.sql.as_deref().is_some_and(begins_with_comment))
        {
            return Ok(arguments);
        }
        if error.use_stderr()
            && let Ok(arguments) = read(lenient("sandbox", |sandbox| sandbox.require_equals(false)), words)
            && let Some(Some(folder)) = exec(&arguments).and_then(|exec| exec.common.sandbox.as_ref())
            && !folder.to_string_lossy().contains(char::is_whitespace)
        {
            suggest(&mut error, format!("write `--sandbox={}`", folder.display()));
        }
        Err(error)
    })
}

/// The command line with one of `exec`'s arguments declared in another way.
fn lenient(name: &'static str, change: fn(Arg) -> Arg) -> clap::Command {
    Arguments::command().mut_subcommand("exec", |exec| exec.mut_arg(name, change))
}

fn exec(arguments: &Arguments) -> Option<&Exec> {
    match &arguments.command {
        Some(Command::Exec(exec)) => Some(exec),
        _ => None,
    }
}

/// The words with a command before what stands before it, for each of them that could be the command.
fn moved(words: &[OsString]) -> Vec<Vec<OsString>> {
    let command = Arguments::command();
    let is_command = |at: &usize| command.find_subcommand(&words[*at]).is_some();
    let moved = |at: usize| [&words[..1], &words[at..=at], &words[1..at], &words[at + 1..]].concat();
    (1..words.len()).filter(is_command).map(moved).collect()
}

/// What to type, for a word that stands where a command does and is something to run.
fn meant(word: &str) -> Option<String> {
    let ends = Path::new(word).extension().and_then(|end| end.to_str());
    if word.contains(char::is_whitespace) {
        Some("SQL is run by `iql exec \"…\"`".to_string())
    } else if let Some("iql" | "sql") = ends {
        Some(format!("a script is run by `iql exec -i {word}`"))
    } else {
        None
    }
}

fn suggest(error: &mut clap::Error, write: String) {
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![write.into()]));
}

/// No flag has a blank in its name.
fn begins_with_comment(sql: &str) -> bool {
    let name = sql.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or_default());
    name.is_some_and(|name| name.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str]) -> Result<Arguments, String> {
        let words: Vec<_> = ["iql"].iter().chain(words).map(OsString::from).collect();
        Arguments::typed(&words).map_err(|error| error.to_string())
    }

    fn run(words: &[&str]) -> Result<Exec, String> {
        match typed(words)?.command {
            Some(Command::Exec(exec)) => Ok(*exec),
            _ => Err("another command".into()),
        }
    }

    #[test]
    fn sql_may_begin_with_a_comment() {
        for (words, sql) in [
            (&["exec", "-- note\nSELECT 1"][..], "-- note\nSELECT 1"),
            (&["exec", "--note\nSELECT 1", "--quiet"], "--note\nSELECT 1"),
            (&["exec", "--sandbox", "-- a = b\nSELECT 1"], "-- a = b\nSELECT 1"),
            (&["exec", "--sandbox=a folder", "SELECT 1"], "SELECT 1"),
            (&["exec", "SELECT 1 -- note"], "SELECT 1 -- note"),
        ] {
            assert_eq!(run(words).expect("arguments").script.sql.as_deref(), Some(sql));
        }
    }

    #[test]
    fn a_sandbox_folder_goes_with_an_equals_sign() {
        for (words, told) in [
            (&["exec", "--sandbox", "state", "SELECT 1"][..], true),
            (&["exec", "--sandbox", "state", "-i", "inventory.iql"], true),
            (&["exec", "--sandbox", "SELECT 1", "SELECT 2"], false),
            (&["exec", "--sandbox", "SELECT 1", "--bogus"], false),
            (&["exec", "--sandbox", "--bogus"], false),
        ] {
            let report = run(words).expect_err("a report");
            assert_eq!(report.contains("write `--sandbox=state`"), told, "{report}");
        }
    }

    #[test]
    fn options_may_stand_before_the_command() {
        let exec = run(&["--profile", "exec", "--sandbox", "exec", "-o", "json", "SELECT 1"]).expect("arguments");
        assert_eq!(exec.common.profile.as_deref(), Some("exec"));
        assert!(exec.common.sandbox.is_some());
        assert_eq!(exec.script.sql.as_deref(), Some("SELECT 1"));
        assert!(typed(&["--sandbox", "sandbox"]).is_err());
        // The shell has no script to print, and would run what it is given.
        assert!(typed(&["--dryrun"]).is_err() && typed(&["shell", "--dryrun"]).is_err());
    }

    #[test]
    fn what_stands_where_a_command_does_may_be_something_to_run() {
        for (words, told) in [
            (&["SELECT 1"][..], Some("tip: SQL is run by `iql exec \"…\"`")),
            (&["--sandbox", "SELECT 1"], Some("tip: SQL is run by `iql exec \"…\"`")),
            (&["inventory.iql"], Some("tip: a script is run by `iql exec -i inventory.iql`")),
            (&["exce", "x.iql"], None),
            (&["bogus"], None),
        ] {
            let report = typed(words).expect_err("a report");
            assert_eq!(told.is_some_and(|told| report.contains(told)), told.is_some(), "{report}");
        }
    }
}
