//! EXEC of a method that answers no verb of SQL: checked whole, sent once, and told of. One that writes goes through the same
//! door as every write; one that only reads may also stand as a table (`tables`).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use serde_json::Value;
use sqlparser::ast::{Ident, SelectItem};
use tokio::time::Instant;

use self::payload::Payload;
use super::audit::Audit;
use super::document::{Document, of_row};
use super::exec::{everything, method_of};
use super::ledger::{Done, How, Ledger, State, Verb};
use super::look::Look;
use super::returning::Returning;
use super::send::{Answer, Sender, Target, Work};
use super::site::{Site, refused};
use super::{StopsWhenDropped, cells, ended, memory, no_time_to_write, notice, read_only, rules, unwritten};
use crate::catalog::model::{Field, Method};
use crate::drivers::{Page, Request, Stop};
use crate::engine::calls::Meter;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{collect, logical, physical};
use crate::engine::run::Run;
use crate::engine::session::Session;
use crate::engine::show;
use crate::error::{Error, Kind, Place, Result};
use crate::sql::{Body, Exec, OnConflict, Source, Statement};

mod answer;
mod payload;
mod tables;

pub use tables::with_tables;

/// A call that is ready to be sent.
struct Prepared {
    site: Site,
    method: Method,
    payload: Payload,
    request: Request,
    columns: Vec<Field>,
    writes: bool,
    notices: Vec<String>,
    run: Arc<Run>,
}

/// Carries out, or explains, a statement that is an EXEC of such a method. None: it is no such statement.
///
/// # Errors
/// What is wrong with it, before anything is sent; afterwards what the service says.
pub async fn of_method(session: &Session, statement: &Statement) -> Result<Option<Outcome>> {
    let (exec, explained) = match &statement.body {
        Body::Exec(exec) => (exec, None),
        Body::Explain { inner, analyze, .. } => match inner.as_ref() {
            Body::Exec(exec) => (exec, Some(*analyze)),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let source = &statement.source;
    let Some((site, method)) = found(session, exec, source)? else { return Ok(None) };
    let outcome = match explained {
        Some(true) => Err(Error::new(Kind::Statement, "EXPLAIN ANALYZE runs a query, and EXEC is none")
            .with_context("nothing was sent")
            .with_hint(
                "`EXPLAIN` shows the call; what only reads can be run by `EXPLAIN ANALYZE SELECT * FROM (EXEC …)`",
            )),
        Some(false) => prepared(session, site, method, exec, (source, &Arc::default()))
            .await
            .and_then(|prepared| explain(&prepared)),
        None => run(session, (site, method), exec, statement).await,
    };
    outcome.map(|outcome| Some(outcome.noting(statement)))
}

/// The method that an EXEC names, unless it answers a verb.
fn found(session: &Session, exec: &Exec, source: &Source) -> Result<Option<(Site, Method)>> {
    let (table, name) = method_of(session.engine(), exec, source)?;
    let site = Site::of(session.engine(), &table, source)?;
    let method = site.resource.method(&name).filter(|_| !site.resource.is_bound(&name)).cloned();
    Ok(method.map(|method| (site, method)))
}

async fn run(session: &Session, (site, method): (Site, Method), exec: &Exec, statement: &Statement) -> Result<Outcome> {
    let (source, settings) = (&statement.source, session.settings());
    let writes = site.signature(&method.call)?.writes;
    if writes && settings.writes.read_only {
        return Err(read_only(&statement.body));
    }
    let deadline = settings.limits.statement.map(|limit| Instant::now() + limit);
    let shows = !writes || statement.has_hint("SHOWRESULTS");
    let meter = Arc::new(Meter::default());
    let planning = async {
        let prepared = prepared(session, site, method, exec, (source, &meter)).await?;
        let (items, shown) = match &exec.returning {
            Some(items) => {
                let (items, shown) = answer::named(&prepared.columns, items).map_err(|ident| {
                    answer::unknown(&prepared.columns, &prepared.method.name, &ident.value).at(source.place(ident.span))
                })?;
                (Some(items), shown)
            }
            None => (shows.then(everything), BTreeSet::new()),
        };
        let items = items.filter(|_| !prepared.columns.is_empty() || exec.returning.is_some());
        let returning = match items {
            Some(items) => {
                let name = &exec.name.parts[3];
                let schema = answer::schema(&prepared.columns);
                Some(Returning::over(session, schema, (name, &items), source, &Arc::default()).await?)
            }
            None => None,
        };
        Ok((prepared, returning, shown))
    };
    let planning = async { planning.await.map_err(unwritten) };
    let (prepared, returning, shown) = match deadline {
        None => planning.await?,
        Some(deadline) => tokio::time::timeout_at(deadline, planning).await.map_err(|_| no_time_to_write(&meter))??,
    };
    // What is shown once has to be asked for before it is made: nothing reads it again.
    if let Some(unseen) = answer::unseen(&prepared.columns, &shown).filter(|_| writes) {
        return Err(Error::new(Kind::Statement, unseen)
            .at(source.place(exec.name.span()))
            .with_context("it is shown this once, and nobody can read it later")
            .with_context("nothing was sent"));
    }
    let (page, report) = match writes {
        true => written(session, &prepared, source.place(exec.name.span()), deadline).await?,
        false => (read(&prepared, deadline).await?, Vec::new()),
    };
    let Prepared { site, method, payload, request, columns, mut notices, run, .. } = prepared;
    let row = page.rows.first().filter(|row| !row.is_empty()).cloned();
    let answer = row.map(|row| of_row(&request.fields, row)).unwrap_or_default();
    notices.extend(report);
    notices.extend(remembered(session, &method, &payload));
    notices.extend(answer::unseen(&columns, &shown));
    notices.extend(said(&site, &method, &payload, answer));
    let Some(returning) = returning else {
        let nothing = show::nothing();
        return Ok(Outcome::of(nothing.schema(), futures::stream::empty().boxed(), notices, run));
    };
    let rows = async {
        let batch = answer::batch(&columns, &shown, &page.rows)?;
        returning.of(batch, source).await
    };
    let (schema, batches) =
        rows.await.map_err(|error| error.with_context("the call was made; only its answer cannot be shown"))?;
    Ok(Outcome::of(schema, futures::stream::iter(batches.into_iter().map(Ok)).boxed(), notices, run))
}

/// The method's notice, of what was given and answered.
fn said(site: &Site, method: &Method, payload: &Payload, answer: Document) -> Option<String> {
    let params = payload.params.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    let whole: Document = params.chain(answer).chain(payload.document()).collect();
    let fields = site.resource.fields.iter().chain(&method.arguments).chain(&method.gives);
    method.notice.as_ref().map(|text| notice::filled(text, fields, &whole))
}

/// Keeps what was sent, if the method is one that is remembered; what to say if that cannot be.
fn remembered(session: &Session, method: &Method, payload: &Payload) -> Option<String> {
    let memory = method.remembers.as_ref()?;
    let state = session.settings().state;
    let kept = memory::remember(&state, memory, &payload.params, &payload.document(), &payload.body);
    kept.err().map(|error| error.message)
}

/// Checks all that can be checked. Only where a rule speaks of the row that the method is about, that is read first.
async fn prepared(
    session: &Session,
    site: Site,
    method: Method,
    exec: &Exec,
    (source, meter): (&Source, &Arc<Meter>),
) -> Result<Prepared> {
    let place = || source.place(exec.name.span());
    let (given, run) = given(session, exec, source, meter).await?;
    let payload = Payload::of(&site, &method, given, &run.defaults.of(&site.resource)).map_err(|complaints| {
        let full = format!("{}.{}", site.resource.full_name(), method.name);
        refused("EXEC", complaints).at(place()).with_hint(format!("`DESCRIBE METHOD {full}` lists its arguments"))
    })?;
    let mut notices = run.taken_notices();
    notices.extend(payload.notices.iter().cloned());
    let of_the_row = payload::of_the_row(&site.resource, &method);
    if let Some(key) = payload.key().filter(|_| !of_the_row.is_empty()) {
        let look = Look { resource: site.resource.clone(), driver: site.driver.clone(), run: run.clone() };
        let Some(row) = look.by_key(&payload.params, key).await? else {
            let noun = super::check::noun(&site.resource);
            return Err(Error::new(Kind::NotFound, format!("there is no {noun} `{key}`"))
                .at(place())
                .with_context("nothing was sent"));
        };
        let whole: Document = row.into_iter().chain(payload.document()).collect();
        let found = rules::broken_besides(&of_the_row, &whole, &[]);
        if !found.complaints.is_empty() {
            return Err(refused("EXEC", found.complaints).at(place()));
        }
        notices.extend(found.notices);
    }
    let known = payload.document();
    notices.extend(memory::held(session, &site, &method, &payload.params, &known, &payload.body));
    let columns = answer::columns(&site, &method);
    let request = Request {
        call: method.call.clone(),
        params: payload.params.clone(),
        inputs: payload.inputs.clone(),
        fields: columns.iter().map(|field| field.wire.clone()).collect(),
        body: payload.body.clone(),
        ..Request::default()
    };
    let writes = site.signature(&method.call)?.writes;
    Ok(Prepared { site, method, payload, request, columns, writes, notices, run })
}

/// The arguments with their values, and the run that computed them.
async fn given(
    session: &Session,
    exec: &Exec,
    source: &Source,
    meter: &Arc<Meter>,
) -> Result<(Vec<(String, Value)>, Arc<Run>)> {
    let item = |at: usize, expr: &sqlparser::ast::Expr| SelectItem::ExprWithAlias {
        expr: expr.clone(),
        alias: Ident::with_quote('"', format!("argument {at}")),
    };
    let mut items: Vec<SelectItem> =
        exec.args.iter().enumerate().map(|(at, argument)| item(at, &argument.value)).collect();
    if items.is_empty() {
        items.push(item(0, &sqlparser::ast::Expr::value(sqlparser::ast::Value::Null)));
    }
    let query = super::targets::select(items, Vec::new(), None);
    let (state, run, query) = session.resolved(&query, source, meter).await?;
    let plan = physical(&state, &logical(&state, query, source).await?, source).await?;
    let values = cells::rows(&collect(&state, plan, source).await?)?.into_iter().next().unwrap_or_default();
    let typed = exec.args.iter().map(|argument| argument.column.text.clone()).zip(values);
    let members = exec.json.iter().flat_map(|(members, _)| members.clone());
    Ok((typed.chain(members).collect(), run))
}

/// Sends a call that only reads: again, as far as the document allows that.
async fn read(prepared: &Prepared, deadline: Option<Instant>) -> Result<Page> {
    let Prepared { site, request, run, .. } = prepared;
    let sent = run.calls.send(site.driver.as_ref(), request, &run.meter);
    match deadline {
        None => sent.await,
        Some(deadline) => tokio::time::timeout_at(deadline, sent).await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Timeout, "the statement's time was up before the call had answered")
                .with_context(site.driver.describe(request))
                .with_hint("give it more time with `--timeout`, or `SET iql.timeout = …`"))
        }),
    }
}

/// Sends a call that writes, and once: what it answered, and the report.
async fn written(
    session: &Session,
    prepared: &Prepared,
    place: Place,
    deadline: Option<Instant>,
) -> Result<(Page, Vec<String>)> {
    let Prepared { site, method, payload, request, run, .. } = prepared;
    let settings = session.settings();
    let name = match payload.key() {
        Some(key) => format!("{} of {key}", method.name),
        None => method.name.clone(),
    };
    let ledger = Arc::new(Ledger::new(Verb::Exec, false, [name.clone()]));
    let audit = settings.writes.audit.as_deref().map(Audit::open).transpose()?.map(Arc::new);
    let sender = Sender {
        look: Look { resource: site.resource.clone(), driver: site.driver.clone(), run: run.clone() },
        stop: Stop::default(),
        limits: settings.limits.clone(),
        on_conflict: OnConflict::Fail,
        audit,
        place,
        ledger: ledger.clone(),
        broken: Mutex::default(),
    };
    let standing = ledger.clone();
    let _writing = session.control().writing(sender.stop.clone(), Arc::new(move || standing.lines()));
    let _stops = StopsWhenDropped(sender.stop.clone());
    let nothing = Work::Nothing { how: How::Unchanged, document: Document::new() };
    let target = Target { name, params: payload.params.clone(), key: payload.key().map(String::from), work: nothing };
    let (stop, request, permissions) = (sender.stop.clone(), request.clone(), method.permissions.clone());
    let own = method.name.clone();
    // In a task of its own: whoever drops the statement stops it, and does not cut the call in two.
    let work = tokio::spawn(async move {
        let (state, page) = match sender.call(0, &target, &request).await {
            Answer::Done(page) => (made(&request), page),
            Answer::Refused(error) => (State::Failed(error), Page::default()),
            Answer::NotSent(error) if error.kind == Kind::Limit => (State::Failed(error), Page::default()),
            Answer::NotSent(_) => (State::NotSent, Page::default()),
            Answer::Doubt(error) | Answer::Unanswered(error) => {
                (State::Unknown(error.with_context("nobody can tell whether it was done")), Page::default())
            }
        };
        sender.ledger.set(0, state);
        match sender.ledger.error(sender.stop.reason(), sender.broken()) {
            Some(error) if error.kind == Kind::Denied && !permissions.is_empty() => {
                Err(error.with_hint(format!("`{own}` needs {}", permissions.join(", "))))
            }
            Some(error) => Err(error),
            None => Ok(page),
        }
    });
    let page = ended(work, deadline, &stop, (&ledger, site.driver.as_ref())).await?;
    Ok((page, ledger.lines()))
}

fn made(request: &Request) -> State {
    let calls = vec![request.call.clone()];
    State::Done(Done { how: How::Made, document: Document::new(), key: None, calls })
}

/// What EXPLAIN says of the call, which it does not send.
fn explain(prepared: &Prepared) -> Result<Outcome> {
    let Prepared { site, method, request, writes, .. } = prepared;
    let made = prepared.run.meter.read().calls;
    let mut calls = vec![site.driver.describe(request)];
    calls.push(if *writes { "1 call that writes".to_string() } else { "1 call".to_string() });
    if made > 0 {
        calls.push(format!("{made} made to read what it is about"));
    }
    let needed: BTreeSet<&str> = site.signature(&method.call)?.permissions.into_iter().collect();
    let own = |permission: &&str| {
        let is_own = method.on_behalf.iter().any(|known| known == permission);
        if is_own { format!("{permission} (checked by the service itself)") } else { permission.to_string() }
    };
    let permissions: Vec<String> = needed.iter().map(own).collect();
    let permissions = if permissions.is_empty() { "none".to_string() } else { permissions.join("\n") };
    let batch = show::plan_rows(&[("calls", &calls.join("\n")), ("permissions", &permissions)]);
    let (notices, run) = (prepared.notices.clone(), prepared.run.clone());
    Ok(Outcome::of(batch.schema(), futures::stream::iter([Ok(batch)]).boxed(), notices, run))
}
