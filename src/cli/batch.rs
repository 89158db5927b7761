//! `iql exec`: a script, parsed whole, then run statement by statement; each result streams as it comes.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::StreamExt;

use crate::cli::args::Exec;
use crate::cli::outcomes::{Outcomes, Wanted};
use crate::cli::progress::{self, Progress};
use crate::cli::signals::Ending;
use crate::cli::unused::Unused;
use crate::cli::{output, reading, sandbox, sources, titles};
use crate::engine::{Consent, Engine, Rows, Session, Watch, describe_cost};
use crate::error::{Error, Kind, Result};
use crate::script::Script;
use crate::sql::{Body, Dropped, Own, Statement, left_short};

/// No row waits for others longer, where they keep coming.
const LONGEST_UNSEEN: Duration = Duration::from_millis(100);

/// Whether every row is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    Whole,
    /// A statement went on without calls that failed.
    Partial,
}

/// # Errors
/// The first that stops the script, with how far it came; or what the script was to show and did not.
pub async fn run(exec: &Exec, ending: &Ending) -> Result<Completeness> {
    if exec.common.verbose {
        output::show_calls();
    }
    let script = sources::script(&exec.script).await?;
    if exec.script.dryrun {
        if !script.is_whole() {
            output::told(script.statements().map(drop))?;
        }
        return output::script(&script.text(), &exec.output).map(|()| Completeness::Whole);
    }
    let statements = statements(&script)?;
    output::check_results(&exec.output, &statements)?;
    let mut settings = exec.settings()?;
    let short = left_short(&statements, settings.provider.as_deref());
    output::told(if short.is_empty() { Ok(()) } else { Err(short) })?;
    let mut target = output::Output::open(&exec.output, exec.common.quiet)?;
    // Serves until the end of this function.
    let _sandbox = match &exec.common.sandbox {
        Some(dir) => Some(sandbox::point_at(&mut settings, dir.as_deref()).await?),
        None => None,
    };
    let progress = match exec.common.quiet || exec.common.verbose {
        true => Progress::Hidden,
        false if output::draws_at_terminal(&settings.person) => Progress::Drawn,
        false => Progress::Told,
    };
    let engine = Engine::open(settings)?;
    let session = engine.session();
    exec.common.params.iter().for_each(|(name, value)| session.bind(name, value.clone()));
    session.control().set_consent(consent(exec));
    ending.reaches(session.control());
    let count = statements.len();
    let titles = match count == 1 || exec.common.quiet {
        true => vec![None; count],
        false => titles::titles(&engine, &script, &statements, exec.writes.dry_run),
    };
    if !exec.common.quiet {
        say_first(exec, &script, &statements);
    }
    let statements =
        statements.into_iter().map(|statement| if exec.writes.dry_run { dry(statement) } else { statement });
    let (mut reader_has_left, mut has_written, mut completeness) = (false, false, Completeness::Whole);
    let mut outcomes = Outcomes::new(wanted(exec), count);
    let ran: Result<()> = async {
        for (index, (statement, title)) in statements.zip(titles).enumerate() {
            if ending.is_asked() {
                let done = match index {
                    0 => "no statement was run".to_string(),
                    _ => format!("statement {index} of {count} was carried out; those after it were not run"),
                };
                return Err(Error::new(Kind::Interrupted, "interrupted").with_context(done));
            }
            let writes = may_write(&statement.body);
            let asserts = outcomes.asserts(&statement.body);
            // A reader that leaves wants no more rows, and never cuts a script's writes short, nor what it is to find out.
            if reader_has_left && !writes && !asserts && !works_silently(&statement.body) {
                continue;
            }
            let failing = exec.script.keep_going.then(|| statement.clone());
            let result =
                one(exec, &session, ending, statement, title.as_deref(), (&mut target, reader_has_left), progress)
                    .await;
            match result {
                Ok(Done { rows, has_left, is_partial }) => {
                    reader_has_left |= has_left;
                    if is_partial {
                        completeness = Completeness::Partial;
                    }
                    if asserts {
                        outcomes.saw(index, title.as_deref(), rows);
                    }
                }
                Err(error) if count == 1 => return Err(error),
                Err(error) if exec.script.keep_going && error.kind != Kind::Interrupted => {
                    match target.break_off() {
                        Err(closed) if closed.kind == Kind::Closed => reader_has_left = true,
                        ended => ended?,
                    }
                    let error = match &failing {
                        Some(statement) => session.told(statement, error),
                        None => error,
                    };
                    outcomes.failed(index, error);
                }
                Err(error) => {
                    let place = format!("statement {} of {count}; those after it were not run", index + 1);
                    return Err(error.with_context(place));
                }
            }
            has_written |= writes;
        }
        Ok(())
    }
    .await;
    if let Err(error) = ran {
        return Err(target.given_up(error));
    }
    if !reader_has_left {
        target.close().map_err(|error| match has_written {
            true => error.with_context("every statement was carried out; only the rows could not be written"),
            false => error,
        })?;
    }
    outcomes.result().map(|()| completeness)
}

/// Every statement of a script, of which there has to be one.
fn statements(script: &Script) -> Result<Vec<Statement>> {
    let statements = output::told(script.statements())?;
    match statements.is_empty() {
        true => Err(Error::new(Kind::Usage, "there is no statement to run")
            .with_hint("`iql exec --help` shows how to give one")),
        false => Ok(statements),
    }
}

/// What is to be known before the first statement runs.
fn say_first(exec: &Exec, script: &Script, statements: &[Statement]) {
    let mut unused = Unused::new(&exec.script.templates, &exec.common);
    unused.saw(script);
    statements.iter().for_each(|statement| unused.saw_statement(statement));
    unused.notices().iter().for_each(|notice| output::note(notice));
    if script.is_unrendered {
        output::note("the script has `{{` or `{%`, and is run as it stands: no variable was given");
    }
    if !exec.writes.dry_run {
        return;
    }
    if script.is_rendered() {
        output::note(script.text().trim_end());
        output::note("");
    }
    if statements.len() > 1 && statements.iter().any(|statement| may_write(&statement.body)) {
        output::note(
            "each statement is planned against what is there now, not against what those before it would leave",
        );
    }
}

fn wanted(exec: &Exec) -> Option<Wanted> {
    match (exec.script.fail_on_rows, exec.script.fail_on_empty) {
        (true, _) => Some(Wanted::NoRows),
        (_, true) => Some(Wanted::Rows),
        _ => None,
    }
}

/// What became of a statement.
struct Done {
    rows: usize,
    /// Nobody reads the rows any more.
    has_left: bool,
    /// Rows are missing.
    is_partial: bool,
}

async fn one(
    exec: &Exec,
    session: &Session,
    ending: &Ending,
    statement: Statement,
    title: Option<&str>,
    (target, reader_has_left): (&mut output::Output, bool),
    progress: Progress,
) -> Result<Done> {
    let writes = may_write(&statement.body);
    let changes = matches!(statement.body, Body::Insert(_) | Body::Update(_) | Body::Delete(_));
    let start = Instant::now();
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
    let wants = Wants {
        count: exec.script.fail_on_rows || exec.script.fail_on_empty,
        end: outcome.is_stopped(),
        was_written: writes,
        keeps: changes || outcome.is_stopped(),
    };
    let watch = outcome.watch();
    let done = rows(&mut outcome.rows, title, (target, reader_has_left), wants, (progress, &watch, start)).await?;
    if !writes && !done.has_left {
        notices();
    }
    if !exec.common.quiet {
        outcome.later().iter().for_each(|notice| output::note(notice));
    }
    // Not for `--quiet` to leave out: rows are missing.
    let warnings = outcome.warnings();
    warnings.iter().for_each(|warning| output::note(warning));
    if exec.common.verbose && !done.has_left {
        output::note(&describe_cost(&outcome.cost()));
    }
    Ok(Done { is_partial: !warnings.is_empty(), ..done })
}

/// What is wanted of a statement's rows besides that they are shown.
#[derive(Debug, Clone, Copy)]
struct Wants {
    /// How many there are.
    count: bool,
    /// The error behind them.
    end: bool,
    /// They tell of something that was done.
    was_written: bool,
    /// They are to be kept, whatever comes.
    keeps: bool,
}

async fn rows(
    rows: &mut Rows,
    title: Option<&str>,
    (target, reader_has_left): (&mut output::Output, bool),
    wants: Wants,
    (progress, watch, start): (Progress, &Watch, Instant),
) -> Result<Done> {
    let schema = rows.schema();
    let mut done = Done { rows: 0, has_left: reader_has_left, is_partial: false };
    // A statement without columns, such as SET, has no result to show.
    if schema.fields().is_empty() || (done.has_left && !wants.count && !wants.end) {
        return Ok(done);
    }
    // What could not be written: nothing, if the reader has left, who is not missed.
    let mut write = |done: &mut Done, write: &mut dyn FnMut(&mut output::Output) -> Result<()>| match write(target) {
        _ if done.has_left => Ok(()),
        Err(error) if error.kind == Kind::Closed => {
            done.has_left = true;
            Ok(())
        }
        Err(error) if wants.was_written && !wants.end => {
            Err(error.with_context("the statement was carried out; only its rows could not be written"))
        }
        written => written,
    };
    if !done.has_left {
        write(&mut done, &mut |target| target.begin(schema.clone(), title))?;
    }
    let mut shown = Instant::now();
    while !done.has_left || wants.count || wants.end {
        let mut next = pin!(rows.next());
        let batch = match futures::poll!(next.as_mut()) {
            Poll::Ready(batch) if shown.elapsed() < LONGEST_UNSEEN => batch,
            // No more are there yet, or for long there were always more: those that are can be seen.
            state => {
                if !done.has_left {
                    write(&mut done, &mut output::Output::flush)?;
                }
                shown = Instant::now();
                match state {
                    Poll::Ready(batch) => batch,
                    // Nobody waits for what comes.
                    Poll::Pending if done.has_left && !wants.count && !wants.end => break,
                    Poll::Pending => reading::waiting(progress, watch, start, next).await,
                }
            }
        };
        let Some(batch) = batch else { break };
        let batch = match batch {
            Err(error) if wants.end && !done.has_left => {
                write(&mut done, &mut output::Output::end).unwrap_or_else(|unwritten| output::error(&unwritten));
                return Err(error);
            }
            Err(error) => {
                write(&mut done, &mut output::Output::flush).unwrap_or_else(|unwritten| output::error(&unwritten));
                return Err(error);
            }
            Ok(batch) => batch,
        };
        if wants.keeps && batch.num_rows() > 0 {
            write(&mut done, &mut |target| {
                target.keep();
                Ok(())
            })?;
        }
        done.rows += batch.num_rows();
        if !done.has_left {
            write(&mut done, &mut |target| target.batch(&batch))?;
        }
    }
    if !done.has_left {
        write(&mut done, &mut output::Output::end)?;
    }
    Ok(done)
}

/// Whether a statement does something besides giving rows.
fn works_silently(body: &Body) -> bool {
    matches!(body, Body::Set { .. } | Body::Reset { .. } | Body::Own(_) | Body::Block(_))
}

/// Whether a statement may change something: of an EXEC only the engine knows.
pub fn may_write(body: &Body) -> bool {
    matches!(body, Body::Insert(_) | Body::Update(_) | Body::Delete(_) | Body::Exec(_))
}

/// The statement that says what this one would do; what has no effect outside the session stays.
pub fn dry(mut statement: Statement) -> Statement {
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
    let script = &exec.script;
    let is_piped =
        script.sql.is_none() && (script.infile.is_empty() || script.infile.iter().any(|path| path == Path::new("-")));
    if exec.writes.yes {
        Consent::Given
    } else if !is_piped && output::can_ask() {
        Consent::Ask(Arc::new(output::agrees))
    } else {
        Consent::Missing
    }
}
