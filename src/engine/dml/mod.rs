//! Everything that changes something: INSERT, UPDATE, DELETE and EXEC, planned whole before the first call is sent, and
//! told of whole at the end. Reads through the session like any SELECT; DataFusion's own DML hooks stay unused.
//! Invariant: no other room or module sends a call that writes.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::audit::Audit;
use self::document::Document;
use self::ledger::{Done, How, Ledger, Row, State, Verb};
use self::look::Look;
use self::returning::Returning;
use self::send::{Sender, Target, Work};
use self::site::Site;
use crate::catalog::model::Method;
use crate::drivers::{Driver, Stop};
use crate::engine::calls::Meter;
use crate::engine::control::Consent;
use crate::engine::outcome::Outcome;
use crate::engine::run::Run;
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result};
use crate::sql::{Body, OnConflict, Source, Statement};

mod attempt;
mod audit;
mod cells;
mod change;
mod check;
mod delete;
mod document;
mod exec;
mod explain;
mod given;
mod insert;
mod json;
mod ledger;
mod look;
mod memory;
mod method;
mod notice;
mod permissions;
mod returning;
mod rules;
mod send;
mod settle;
mod site;
mod targets;
mod update;

pub use exec::{reads, statement as of_exec, writes};
pub use method::{of_method, with_tables};
pub use permissions::{of_method as permissions_of_method, permissions};

/// How many rows are shown of those that somebody has to agree to, where nobody can be asked.
const SHOWN: usize = 20;

/// A statement that writes, with every call that it will make.
pub struct Planned {
    pub verb: Verb,
    pub site: Site,
    /// Those that the rows are sent by.
    pub methods: Vec<Method>,
    /// A row each, in the order in which they are sent.
    pub targets: Vec<Target>,
    pub notices: Vec<String>,
    /// Whether somebody has to agree first: several rows change, and not each is named.
    pub asks: bool,
    pub on_conflict: OnConflict,
    /// Whether the same statement again passes over what is done.
    pub repeats: bool,
    /// The reads' run, which the writes go on with.
    pub run: Arc<Run>,
}

/// Carries out an INSERT, UPDATE or DELETE.
///
/// # Errors
/// What is wrong with it, before anything is sent; afterwards what stopped it, with what was and was not done.
pub async fn run(session: &Session, body: &Body, statement: &Statement) -> Result<Outcome> {
    let (source, settings) = (&statement.source, session.settings());
    if settings.writes.read_only {
        return Err(read_only(body));
    }
    let deadline = settings.limits.statement.map(|limit| Instant::now() + limit);
    let meter = Arc::new(Meter::default());
    let planning = async { Box::pin(planned(session, body, source, &meter)).await.map_err(unwritten) };
    let (planned, returning) = match deadline {
        None => planning.await?,
        Some(deadline) => tokio::time::timeout_at(deadline, planning).await.map_err(|_| no_time_to_write(&meter))??,
    };
    let awaits = settings.writes.awaits || statement.hints.iter().any(|hint| hint.eq_ignore_ascii_case("await"));
    if awaits && planned.site.resource.settles.is_none() {
        let name = planned.site.resource.full_name();
        return Err(Error::new(
            Kind::Statement,
            format!("nobody can wait for `{name}`: its document does not say when it has settled"),
        )
        .with_context("nothing was sent"));
    }
    explain::requests_of(&planned).try_for_each(|request| planned.site.driver.ready(request)).map_err(unwritten)?;
    agree(session, &planned)?;
    affordable(&planned, settings.limits.max_calls)?;

    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Err(no_time_to_write(&meter));
    }
    let Planned { verb, site, targets, notices, on_conflict, run, repeats, .. } = planned;
    let ways = targets.iter().map(|target| target.work.way().cloned());
    let ledger = Ledger::new(verb, repeats, targets.iter().map(|target| target.name.clone())).with_ways(ways);
    let is_nameless = |target: &Target| match &target.work {
        Work::Create { new, .. } => look::known_by(&site.resource, new).is_none(),
        _ => false,
    };
    let ledger = Arc::new(ledger.telling_apart(!targets.iter().any(is_nameless)));
    let audit = settings.writes.audit.as_deref().map(Audit::open).transpose()?.map(Arc::new);
    let sender = Sender {
        look: Look { resource: site.resource.clone(), driver: site.driver.clone(), run: run.clone() },
        stop: Stop::default(),
        limits: settings.limits.clone(),
        on_conflict,
        audit,
        place: source.place(first_place(body)),
        ledger: ledger.clone(),
        broken: Mutex::default(),
    };
    let standing = ledger.clone();
    let _writing = session.control().writing(sender.stop.clone(), Arc::new(move || standing.lines()));
    let _stops = StopsWhenDropped(sender.stop.clone());
    let targets = Arc::new(targets);
    // In a task of its own: whoever drops the statement stops it, and does not cut a call in two.
    let (control, writes, rows) = (session.control().clone(), settings.writes.clone(), targets.clone());
    let stop = sender.stop.clone();
    let work = tokio::spawn(async move {
        sender.send_all(&rows, writes.in_flight).await;
        if let Some(error) = sender.ledger.error(sender.stop.reason(), sender.broken()) {
            let error = with_permissions(error, &sender.look.resource, verb);
            return Err(error);
        }
        if awaits { settle::settle(&sender, &rows, &writes, &control).await } else { Ok(()) }
    });
    // What comes last is kept apart: together they would be too much for a thread's stack.
    match (ended(work, deadline, &stop, (&ledger, site.driver.as_ref())).await, returning) {
        (Ok(()), returning) => Box::pin(outcome(&site, &targets, &ledger, notices, returning, (source, run))).await,
        (Err(error), None) => Err(error),
        (Err(error), Some(returning)) => {
            Box::pin(stopped(error, (&site, &targets, &ledger), notices, returning, (source, run))).await
        }
    }
}

/// Waits for the work of a write, which is stopped when the statement's time is up, and may then end what it has begun.
async fn ended<T>(
    mut work: JoinHandle<Result<T>>,
    deadline: Option<Instant>,
    stop: &Stop,
    (ledger, driver): (&Ledger, &dyn Driver),
) -> Result<T> {
    let done = match deadline {
        None => work.await,
        Some(deadline) => {
            tokio::select! {
                done = &mut work => done,
                () = tokio::time::sleep_until(deadline) => {
                    stop.stop(Kind::Timeout);
                    work.await
                }
            }
        }
    };
    done.map_err(|e| {
        Error::new(Kind::Internal, "the write broke off").with_context(ledger.lines().join("; ")).with_source(e)
    })?
    // What a later answer quotes of what was sent, only the driver knows.
    .map_err(|error| driver.mask().error(error))
}

/// What EXPLAIN says of a statement that writes: it reads what it must, and writes nothing.
///
/// # Errors
/// What is wrong with the statement.
pub async fn explain(session: &Session, body: &Body, source: &Source) -> Result<Outcome> {
    let (mut planned, _) = planned(session, body, source, &Arc::default()).await?;
    let unready = explain::requests_of(&planned).filter_map(|request| planned.site.driver.ready(request).err());
    for error in unready.collect::<Vec<_>>() {
        match error.kind {
            // Nothing is sent: who only looks need not have the secrets.
            Kind::Credentials if !planned.notices.contains(&error.message) => planned.notices.push(error.message),
            Kind::Credentials => {}
            _ => return Err(error),
        }
    }
    let rows = explain::rows(&planned);
    let rows: Vec<(&str, &str)> = rows.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
    let batch = crate::engine::show::plan_rows(&rows);
    Ok(Outcome::of(batch.schema(), futures::stream::iter([Ok(batch)]).boxed(), planned.notices, planned.run))
}

async fn planned(
    session: &Session,
    body: &Body,
    source: &Source,
    meter: &Arc<Meter>,
) -> Result<(Planned, Option<Returning>)> {
    let (table, alias, returning) = match body {
        Body::Insert(insert) => (&insert.table, insert.alias.as_ref(), &insert.returning),
        Body::Update(update) => (&update.table, update.alias.as_ref(), &update.returning),
        Body::Delete(delete) => (&delete.table, delete.alias.as_ref(), &delete.returning),
        _ => return Err(Error::new(Kind::Internal, "a statement that writes nothing was to be written")),
    };
    let returning = match returning {
        Some(items) => {
            let site = Site::of(session.engine(), table, source)?;
            Some(Box::pin(Returning::plan(session, &site, (table, alias), items, source, meter)).await?)
        }
        None => None,
    };
    let planned = match body {
        Body::Insert(insert) => Box::pin(insert::plan(session, insert, source, meter)).await?,
        Body::Update(update) => Box::pin(update::plan(session, update, source, meter)).await?,
        Body::Delete(delete) => Box::pin(delete::plan(session, delete, source, meter)).await?,
        _ => return Err(Error::new(Kind::Internal, "a statement that writes nothing was to be written")),
    };
    Ok((planned, returning))
}

/// What a write returns when all of it is done: the report, and the rows of RETURNING.
async fn outcome(
    site: &Site,
    targets: &[Target],
    ledger: &Ledger,
    mut notices: Vec<String>,
    returning: Option<Returning>,
    (source, run): (&Source, Arc<Run>),
) -> Result<Outcome> {
    let report = ledger.lines();
    match report.is_empty() {
        true => notices.push(format!("{}: no row, and nothing was sent", ledger.verb.name())),
        false => notices.extend(report.clone()),
    }
    let Some(returning) = returning else {
        let nothing = crate::engine::show::nothing();
        return Ok(Outcome::of(nothing.schema(), futures::stream::empty().boxed(), notices, run));
    };
    let rows = ledger.rows();
    let done = done(targets, &rows);
    let (schema, batches) = returning.rows(site, &done, source).await.map_err(|error| {
        let error = error.with_context("all was written; only RETURNING failed");
        report.iter().fold(error, |error, line| error.with_context(line))
    })?;
    Ok(Outcome::of(schema, futures::stream::iter(batches.into_iter().map(Ok)).boxed(), notices, run))
}

/// What a write returns that was stopped: the rows of RETURNING for what is done, and behind them why.
///
/// # Errors
/// Why it was stopped, where there is no such row.
async fn stopped(
    error: Error,
    (site, targets, ledger): (&Site, &[Target], &Ledger),
    notices: Vec<String>,
    returning: Returning,
    (source, run): (&Source, Arc<Run>),
) -> Result<Outcome> {
    let rows = ledger.rows();
    let done = done(targets, &rows);
    if done.is_empty() {
        return Err(error);
    }
    let (schema, batches) = match returning.rows(site, &done, source).await {
        Ok(rows) => rows,
        Err(other) => return Err(error.with_context(format!("RETURNING failed as well: {}", other.message))),
    };
    let stopped = ledger.lines();
    let rows = futures::stream::iter(batches.into_iter().map(Ok).chain([Err(error)])).boxed();
    Ok(Outcome { stopped, ..Outcome::of(schema, rows, notices, run) })
}

/// The rows that a write leaves, as they are.
fn done<'a>(targets: &'a [Target], rows: &'a [Row]) -> Vec<(&'a Target, &'a Document)> {
    let done = targets.iter().zip(rows).filter_map(|(target, row)| match &row.state {
        State::Done(Done { how: How::Gone | How::Going, .. }) => None,
        State::Done(done) => Some((target, &done.document)),
        _ => None,
    });
    done.collect()
}

/// Asks whoever has to agree.
fn agree(session: &Session, planned: &Planned) -> Result<()> {
    if !planned.asks {
        return Ok(());
    }
    let verb = planned.verb.name();
    let count = planned.targets.iter().filter(|target| sends(target)).count();
    let shown = explain::summary(planned);
    let refused = |message: String| {
        let error = Error::new(Kind::Statement, message);
        let lines = shown.lines().count();
        let error = shown.lines().take(SHOWN).fold(error, |error, line| error.with_context(line));
        let error = if lines > SHOWN { error.with_context(format!("… and {} more", lines - SHOWN)) } else { error };
        error.with_context("nothing was sent")
    };
    match session.control().consent() {
        Consent::Given => Ok(()),
        Consent::Ask(ask) if ask(&format!("{verb} {count} rows:\n{shown}")) => Ok(()),
        Consent::Ask(_) => {
            Err(Error::new(Kind::Statement, format!("the {verb} was not agreed to")).with_context("nothing was sent"))
        }
        Consent::Missing => Err(refused(format!("the {verb} is about {count} rows, and nobody has agreed to that"))
            .with_hint("`--yes` agrees; so does naming each row: `WHERE Identifier IN ('…', '…')`")
            .with_hint("`EXPLAIN` shows every call")),
    }
}

/// An error before the first call that writes says so.
fn unwritten(error: Error) -> Error {
    let is_said = error.context.iter().any(|line| line.contains("nothing was sent"));
    if is_said { error } else { error.with_context("nothing was written") }
}

fn no_time_to_write(meter: &Meter) -> Error {
    let error = Error::new(Kind::Timeout, "the statement's time was up before it had begun to write")
        .with_context("nothing was sent that writes")
        .with_hint("give it more time with `--timeout`, or `SET iql.timeout = …`");
    meter.causes().into_iter().fold(error, Error::with_context)
}

fn sends(target: &Target) -> bool {
    match &target.work {
        Work::Nothing { .. } => false,
        Work::Change { steps, .. } => !steps.is_empty(),
        _ => true,
    }
}

/// A limit of calls that the write is known to exceed stops it before it begins.
fn affordable(planned: &Planned, most: Option<u64>) -> Result<()> {
    let made = planned.run.meter.read().calls;
    let wanted: usize = planned
        .targets
        .iter()
        .map(|target| match &target.work {
            Work::Nothing { .. } => 0,
            Work::Change { steps, .. } => steps.len(),
            Work::Create { .. } | Work::Delete { .. } => 1,
        })
        .sum();
    match most {
        Some(most) if made + wanted as u64 > most => Err(Error::new(
            Kind::Limit,
            format!("the statement needs {} calls, and may make {most}", made + wanted as u64),
        )
        .with_context("nothing was sent that writes")
        .with_hint("raise it with `--max-calls`, or `SET iql.max_calls = …`; `EXPLAIN` names the calls")),
        _ => Ok(()),
    }
}

/// Who is denied a call is told what the whole method needs.
fn with_permissions(error: Error, resource: &crate::catalog::model::Resource, verb: Verb) -> Error {
    if error.kind != Kind::Denied {
        return error;
    }
    let names: Vec<&String> = match verb {
        Verb::Insert => resource.verbs.insert.iter().collect(),
        Verb::Update => resource.verbs.update.iter().collect(),
        Verb::Delete => resource.verbs.delete.iter().collect(),
        Verb::Exec => Vec::new(),
    };
    let mut methods = names.into_iter().filter_map(|name| resource.method(name));
    match methods.find(|method| !method.permissions.is_empty()) {
        Some(method) => error.with_hint(format!("`{}` needs {}", method.name, method.permissions.join(", "))),
        None => error,
    }
}

pub fn read_only(body: &Body) -> Error {
    let verb = match body {
        Body::Insert(_) => "INSERT",
        Body::Update(_) => "UPDATE",
        Body::Delete(_) => "DELETE",
        _ => "EXEC",
    };
    Error::new(Kind::Statement, format!("{verb} is refused: the session only reads"))
        .with_context("nothing was sent")
        .with_hint("`EXPLAIN` shows what it would do")
}

fn first_place(body: &Body) -> sqlparser::tokenizer::Span {
    match body {
        Body::Insert(insert) => insert.table.span(),
        Body::Update(update) => update.table.span(),
        Body::Delete(delete) => delete.table.span(),
        _ => sqlparser::tokenizer::Span::empty(),
    }
}

/// Asks for the end of a write whose statement nobody waits for any more.
struct StopsWhenDropped(Stop);

impl Drop for StopsWhenDropped {
    fn drop(&mut self) {
        self.0.stop(Kind::Interrupted);
    }
}

#[cfg(test)]
mod double;
