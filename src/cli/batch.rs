//! `iql exec`: a script, parsed whole, then run statement by statement; each result streams as it comes.

use std::io::{self, IsTerminal};
use std::path::Path;

use futures::StreamExt;
use tokio::io::AsyncReadExt;

use crate::cli::args::Exec;
use crate::cli::{cells, output, sandbox};
use crate::engine::{Engine, Session, describe_cost};
use crate::error::{Error, Kind, Result, reason};
use crate::sql::{self, Statement};

/// # Errors
/// The first that stops the script, with how far it came.
pub async fn run(exec: &Exec) -> Result<()> {
    if exec.common.verbose {
        output::show_calls();
    }
    let (text, file) = script(exec).await?;
    let statements = sql::parse(&text, file)?;
    if statements.is_empty() {
        return Err(Error::new(Kind::Usage, "there is no statement to run")
            .with_hint("`iql exec --help` shows how to give one"));
    }
    let mut settings = exec.common.settings()?;
    let mut target = output::Output::open(&exec.output, exec.common.quiet)?;
    // Serves until the end of this function.
    let _sandbox = match &exec.common.sandbox {
        Some(dir) => Some(sandbox::point_at(&mut settings, dir.as_deref()).await?),
        None => None,
    };
    let session = Engine::open(settings)?.session();
    let count = statements.len();
    let titles = if count > 1 && !exec.common.quiet { titles(&text, &statements) } else { vec![None; count] };
    for (index, (statement, title)) in statements.into_iter().zip(titles).enumerate() {
        one(exec, &session, statement, title.as_deref(), &mut target).await.map_err(|error| {
            match (count, error.kind) {
                (1, _) | (_, Kind::Closed) => error,
                _ => error.with_context(format!("statement {} of {count}; those after it were not run", index + 1)),
            }
        })?;
    }
    target.close()
}

async fn one(
    exec: &Exec,
    session: &Session,
    statement: Statement,
    title: Option<&str>,
    target: &mut output::Output,
) -> Result<()> {
    let mut outcome = session.run(statement).await?;
    let schema = outcome.rows.schema();
    // A statement without columns, such as SET, has no result to show.
    if !schema.fields().is_empty() {
        target.begin(schema, title)?;
        while let Some(batch) = outcome.rows.next().await {
            target.batch(&batch?)?;
        }
        target.end()?;
    }
    if !exec.common.quiet {
        outcome.notices.iter().for_each(|notice| output::note(notice));
    }
    if exec.common.verbose {
        output::note(&describe_cost(&outcome.cost()));
    }
    Ok(())
}

/// What each statement of a script says of itself: the `--` comment right above it.
fn titles(script: &str, statements: &[Statement]) -> Vec<Option<String>> {
    let mut rest = script;
    let title = |statement: &Statement| {
        let start = rest.find(&statement.text)?;
        let above: Vec<&str> = rest[..start].lines().map(str::trim).collect();
        rest = &rest[start + statement.text.len()..];
        let comments = above.iter().rev().map_while(|line| line.strip_prefix("--"));
        let mut lines: Vec<&str> = comments.map(str::trim).collect();
        lines.reverse();
        (!lines.is_empty()).then(|| cells::one_line(&lines.join(" ")))
    };
    statements.iter().map(title).collect()
}

/// The text to run, and the file that it came from.
async fn script(exec: &Exec) -> Result<(String, Option<&Path>)> {
    match (&exec.sql, exec.infile.as_deref()) {
        (Some(sql), _) => Ok((sql.clone(), None)),
        (None, Some(path)) if path != Path::new("-") => {
            let place = format!("`{}`", path.display());
            let bytes = std::fs::read(path).map_err(|e| unreadable(&place, e))?;
            Ok((text(bytes, &place)?, Some(path)))
        }
        (None, None) if std::io::stdin().is_terminal() => Err(Error::new(Kind::Usage, "there is no statement to run")
            .with_hint("give it as text, `iql exec \"SELECT …\"`, as a file, `-i FILE`, or on standard input")),
        (None, _) => {
            let mut bytes = Vec::new();
            // Not the blocking read: Ctrl-C has to be heard meanwhile.
            tokio::io::stdin().read_to_end(&mut bytes).await.map_err(|e| unreadable("standard input", e))?;
            Ok((text(bytes, "standard input")?, None))
        }
    }
}

fn unreadable(place: &str, source: io::Error) -> Error {
    Error::new(Kind::Usage, format!("cannot read {place}: {}", reason(&source))).with_source(source)
}

/// Without the mark that some editors put before UTF-8.
fn text(bytes: Vec<u8>, place: &str) -> Result<String> {
    let text = String::from_utf8(bytes)
        .map_err(|e| Error::new(Kind::Usage, format!("{place} is not UTF-8 text")).with_source(e))?;
    Ok(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))
}
