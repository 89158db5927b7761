//! `iql exec`: a script, parsed whole, then run statement by statement; each result streams as it comes.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use tokio::io::AsyncReadExt;

use crate::cli::args::Exec;
use crate::cli::progress::{self, Progress};
use crate::cli::signals::Ending;
use crate::cli::{cells, output, sandbox};
use crate::engine::{Consent, Engine, Rows, Session, describe_cost};
use crate::error::{Error, Kind, Result, reason};
use crate::sql::{self, Body, Dropped, Own, Statement};

/// Whether every row is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    Whole,
    /// A statement went on without calls that failed.
    Partial,
}

/// # Errors
/// The first that stops the script, with how far it came.
pub async fn run(exec: &Exec, ending: &Ending) -> Result<Completeness> {
    if exec.common.verbose {
        output::show_calls();
    }
    let (text, file) = script(exec).await?;
    let statements = sql::parse(&text, file)?;
    if statements.is_empty() {
        return Err(Error::new(Kind::Usage, "there is no statement to run")
            .with_hint("`iql exec --help` shows how to give one"));
    }
    let mut settings = exec.settings()?;
    let mut target = output::Output::open(&exec.output, exec.common.quiet)?;
    // Serves until the end of this function.
    let _sandbox = match &exec.common.sandbox {
        Some(dir) => Some(sandbox::point_at(&mut settings, dir.as_deref()).await?),
        None => None,
    };
    let session = Engine::open(settings)?.session();
    exec.common.params.iter().for_each(|(name, value)| session.bind(name, value.clone()));
    session.control().set_consent(consent(exec));
    ending.reaches(session.control());
    let count = statements.len();
    let titles = match count == 1 || exec.common.quiet {
        true => vec![None; count],
        false => titles(&text, &statements, exec.writes.dry_run),
    };
    if exec.writes.dry_run
        && count > 1
        && statements.iter().any(|statement| may_write(&statement.body))
        && !exec.common.quiet
    {
        output::note(
            "each statement is planned against what is there now, not against what those before it would leave",
        );
    }
    let statements =
        statements.into_iter().map(|statement| if exec.writes.dry_run { dry(statement) } else { statement });
    let (mut reader_has_left, mut has_written, mut completeness) = (false, false, Completeness::Whole);
    for (index, (statement, title)) in statements.zip(titles).enumerate() {
        if ending.is_asked() {
            let done = match index {
                0 => "no statement was run".to_string(),
                _ => format!("statement {index} of {count} was carried out; those after it were not run"),
            };
            return Err(Error::new(Kind::Interrupted, "interrupted").with_context(done));
        }
        let writes = may_write(&statement.body);
        // A reader that leaves wants no more rows, and never cuts a script's writes short.
        if reader_has_left && !writes && !works_silently(&statement.body) {
            continue;
        }
        let target = (!reader_has_left).then_some(&mut target);
        match one(exec, &session, ending, statement, title.as_deref(), target).await {
            Ok(Completeness::Whole) => {}
            Ok(Completeness::Partial) => completeness = Completeness::Partial,
            Err(error) if error.kind == Kind::Closed => reader_has_left = true,
            Err(error) if count == 1 => return Err(error),
            Err(error) => {
                let place = format!("statement {} of {count}; those after it were not run", index + 1);
                return Err(error.with_context(place));
            }
        }
        has_written |= writes;
    }
    match reader_has_left {
        true => Ok(completeness),
        false => target.close().map(|()| completeness).map_err(|error| match has_written {
            true => error.with_context("every statement was carried out; only the rows could not be written"),
            false => error,
        }),
    }
}

async fn one(
    exec: &Exec,
    session: &Session,
    ending: &Ending,
    statement: Statement,
    title: Option<&str>,
    target: Option<&mut output::Output>,
) -> Result<Completeness> {
    let writes = may_write(&statement.body);
    let progress = if exec.common.quiet || exec.common.verbose { Progress::Hidden } else { Progress::Shown };
    let mut outcome = progress::during(progress, session.control(), ending, session.run(statement)).await?;
    let notices = || {
        if !exec.common.quiet {
            outcome.notices.iter().for_each(|notice| output::note(notice));
        }
    };
    // What was done is said before its rows are written, since they may find no reader.
    if writes {
        notices();
    }
    if let Some(target) = target {
        rows(&mut outcome.rows, title, target, writes).await?;
    }
    if !writes {
        notices();
    }
    // Not for `--quiet` to leave out: rows are missing.
    let warnings = outcome.warnings();
    warnings.iter().for_each(|warning| output::note(warning));
    if exec.common.verbose {
        output::note(&describe_cost(&outcome.cost()));
    }
    Ok(if warnings.is_empty() { Completeness::Whole } else { Completeness::Partial })
}

async fn rows(rows: &mut Rows, title: Option<&str>, target: &mut output::Output, writes: bool) -> Result<()> {
    let schema = rows.schema();
    // A statement without columns, such as SET, has no result to show.
    if schema.fields().is_empty() {
        return Ok(());
    }
    let unwritten = |error: Error| match writes {
        true => error.with_context("the statement was carried out; only its rows could not be written"),
        false => error,
    };
    target.begin(schema, title).map_err(unwritten)?;
    while let Some(batch) = rows.next().await {
        target.batch(&batch?).map_err(unwritten)?;
    }
    target.end().map_err(unwritten)
}

/// Whether a statement does something besides giving rows.
fn works_silently(body: &Body) -> bool {
    matches!(body, Body::Set { .. } | Body::Reset { .. } | Body::Own(_) | Body::Block(_))
}

/// Whether a statement may change something: of an EXEC only the engine knows.
fn may_write(body: &Body) -> bool {
    matches!(body, Body::Insert(_) | Body::Update(_) | Body::Delete(_) | Body::Exec(_))
}

/// The statement that says what this one would do; what has no effect outside the session stays.
fn dry(mut statement: Statement) -> Statement {
    let inner = match statement.body {
        Body::Explain { inner, .. } => inner,
        // Tables of the session, too: those that come after it may read them.
        body @ (Body::Show(_)
        | Body::Describe(_)
        | Body::Set { .. }
        | Body::Reset { .. }
        | Body::Block(_)
        | Body::Own(Own::Table(_) | Own::File(_) | Own::Drop { what: Dropped::Table, .. })) => {
            return Statement { body, ..statement };
        }
        body => Box::new(body),
    };
    statement.body = Body::Explain { analyze: false, verbose: false, format: None, inner };
    statement
}

/// Who agrees to changes of several rows.
fn consent(exec: &Exec) -> Consent {
    let is_piped = exec.script.sql.is_none() && exec.script.infile.as_deref().is_none_or(|path| path == Path::new("-"));
    if exec.writes.yes {
        Consent::Given
    } else if !is_piped && output::can_ask() {
        Consent::Ask(Arc::new(output::agrees))
    } else {
        Consent::Missing
    }
}

/// What each statement of a script says of itself: the `--` comment right above it. An explanation does not say of what
/// it is one, so that in a dry run the statement's own text stands in for a comment that is not there.
fn titles(script: &str, statements: &[Statement], dry_run: bool) -> Vec<Option<String>> {
    let mut rest = script;
    let mut title = |statement: &Statement| {
        let start = rest.find(&statement.text)?;
        let above: Vec<&str> = rest[..start].lines().map(str::trim).collect();
        rest = &rest[start + statement.text.len()..];
        let comments = above.iter().rev().map_while(|line| line.strip_prefix("--"));
        let mut lines: Vec<&str> = comments.map(str::trim).collect();
        lines.reverse();
        (!lines.is_empty()).then(|| cells::one_line(&lines.join(" ")))
    };
    let words = |text: &str| cells::one_line(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let text = |statement: &Statement| dry_run.then(|| words(&statement.text));
    statements.iter().map(|statement| title(statement).or_else(|| text(statement))).collect()
}

/// The text to run, and the file that it came from.
async fn script(exec: &Exec) -> Result<(String, Option<&Path>)> {
    match (&exec.script.sql, exec.script.infile.as_deref()) {
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
