//! Views: made, refreshed, dropped, and read. A view is its text: its names are resolved whenever it is used. The
//! rows of a materialized one are as they were when it was refreshed, all of them or none.

use std::sync::Arc;

use chrono::Utc;
use datafusion::datasource::ViewTable;

use super::kept::{filled, kept};
use super::store::{Store, View};
use super::{OwnKind, OwnTable, own_name, titled};
use crate::engine::failures::Tolerance;
use crate::engine::outcome::Outcome;
use crate::engine::plan::logical;
use crate::engine::session::Session;
use crate::engine::{dml, show};
use crate::error::{Error, Kind, Result};
use crate::sql::{Body, CreateView, Dropped, Existing, Name, Source, Statement};

/// The view of a name, to be read; `None`: there is none. `within` are the views that name it, outermost first.
///
/// # Errors
/// A view that is broken, that is made of itself, or whose text does not stand any more.
pub async fn load(session: &Session, name: &str, within: &[String]) -> Result<Option<OwnTable>> {
    // A view that is being made is none yet.
    if within.iter().any(|outer| outer == name) {
        return Err(Error::new(Kind::Statement, format!("the view `{name}` is made of itself"))
            .with_context([within, &[name.to_string()]].concat().join(" → ")));
    }
    let Some((view, rows)) = store(session).view(name)? else { return Ok(None) };
    match rows {
        Some(rows) => kept(session, &view, rows).map(Some),
        None => {
            let used = format!("in the view `{name}`");
            planned(session, &view, within).await.map(Some).map_err(|error| match error.context.contains(&used) {
                true => error,
                false => error
                    .with_context(used)
                    .with_hint(format!("`SHOW VIEWS` shows its text; `CREATE OR REPLACE VIEW {name} AS …` changes it")),
            })
        }
    }
}

/// CREATE VIEW and CREATE MATERIALIZED VIEW.
///
/// # Errors
/// What is wrong with its query; a name that is taken; whatever keeps it from being written or its rows from being read.
pub async fn create(session: &Session, create: &CreateView, source: &Source) -> Result<Outcome> {
    let name = own_name(&create.name, source)?;
    let place = || source.place(create.name.span());
    if session.own.get(name).is_some() {
        return Err(Error::new(Kind::Name, format!("`{name}` is a table of this session"))
            .at(place())
            .with_context("nothing was sent")
            .with_hint(format!("`DROP TABLE {name}` removes it")));
    }
    let store = store(session);
    let standing = || match store.view(name) {
        // What is broken can be made anew.
        Err(error) if create.existing == Existing::Replace => Ok(Some(error.context)),
        there => there.map(|there| there.map(|_| Vec::new())),
    };
    match (create.existing, standing()?) {
        (Existing::Keep, Some(_)) => {
            return Ok(
                session.ready(show::nothing(), vec![format!("the view `{name}` is there already, and stays as it is")])
            );
        }
        (Existing::Fail, Some(_)) => return Err(taken(name, create.materialized).at(place())),
        _ => {}
    }
    let in_use = Some(session.in_use().unwrap_or_default());
    let (name_of, text) = (name.to_string(), create.text.clone());
    let mut view = View { name: name_of, text, in_use, created: Utc::now(), kept: None };
    let within = [name.to_string()];
    if !create.materialized || session.rehearses {
        // Its text is held against what there is now, and nothing is sent.
        let prepared = session.prepare(&create.query, source, &Arc::default(), (Tolerance::Strict, &within)).await?;
        let of_session: Vec<String> =
            prepared.named.iter().filter(|name| session.own.get(name).is_some()).cloned().collect();
        titled(logical(&prepared.state, prepared.query, source).await?, &create.query)?;
        let turn = store.turn()?;
        if create.existing == Existing::Fail && store.view(name)?.is_some() {
            return Err(taken(name, create.materialized).at(place()));
        }
        turn.keep_text(&view)?;
        let notices = of_session
            .iter()
            .map(|table| format!("`{table}` ends with this session: `{name}` cannot be used where it is not there"));
        return Ok(session.ready(show::nothing(), notices.collect()));
    }
    let (draft, outcome) = filled(session, &mut view, &create.query, source).await?;
    let turn = store.turn()?;
    if create.existing == Existing::Fail && store.view(name)?.is_some() {
        return Err(taken(name, create.materialized).at(place()));
    }
    turn.keep_rows(name, draft)?;
    Ok(outcome)
}

/// REFRESH MATERIALIZED VIEW.
///
/// # Errors
/// There is no such view; its rows cannot be read: then it keeps those that it has.
pub async fn refresh(session: &Session, name: &Name, source: &Source) -> Result<Outcome> {
    let place = source.place(name.span());
    let name = own_name(name, source)?;
    let store = store(session);
    let Some((mut view, _)) = store.view(name).map_err(|error| error.at(place.clone()))? else {
        return Err(missing(session, name, Dropped::Materialized).at(place));
    };
    if session.rehearses {
        return Ok(session.ready(show::nothing(), Vec::new()));
    }
    if view.kept.is_none() {
        return Err(Error::new(
            Kind::Name,
            format!("the view `{name}` keeps no rows: they are read whenever it is used"),
        )
        .at(place)
        .with_context("nothing was sent"));
    }
    let kept_on = |error: Error| error.with_context(format!("the view `{name}` keeps the rows that it has"));
    let statement = parsed(session, &view)?;
    let Body::Query(query) = &statement.body else { return Err(no_query(name)) };
    let began = view.clone();
    let (draft, outcome) = filled(session, &mut view, query, &statement.source).await.map_err(kept_on)?;
    let turn = store.turn()?;
    match store.view(name)? {
        Some((now, Some(_))) if (&now.text, now.created) == (&began.text, began.created) => {
            turn.keep_rows(name, draft)?
        }
        _ => {
            return Err(Error::new(Kind::Statement, format!("the view `{name}` was changed or dropped meanwhile"))
                .at(place)
                .with_context("it is left as it is now"));
        }
    }
    Ok(outcome)
}

/// DROP VIEW and DROP MATERIALIZED VIEW.
///
/// # Errors
/// There is none, or it is of the other kind.
pub fn drop_view(
    session: &Session,
    name: &Name,
    what: Dropped,
    if_exists: bool,
    source: &Source,
) -> Result<Vec<String>> {
    let place = || source.place(name.span());
    let name = own_name(name, source)?;
    let store = store(session);
    match store.view(name) {
        Ok(None) if if_exists => return Ok(vec![format!("there is no view `{name}`")]),
        Ok(None) => return Err(missing(session, name, what).at(place())),
        Ok(Some((view, _))) if !session.rehearses && view.kept.is_some() != (what == Dropped::Materialized) => {
            let (kind, verb) = match what {
                Dropped::Materialized => ("a view without rows of its own", "DROP VIEW"),
                _ => ("a materialized view", "DROP MATERIALIZED VIEW"),
            };
            return Err(Error::new(Kind::Name, format!("`{name}` is {kind}"))
                .at(place())
                .with_hint(format!("`{verb} {name}` removes it")));
        }
        // What is broken can be removed.
        Ok(Some(_)) | Err(_) => {}
    }
    store.turn()?.drop_view(name)?;
    Ok(Vec::new())
}

/// Whether a name is a view's.
pub fn exists(session: &Session, name: &str) -> bool {
    store(session).exists(name)
}

/// A view's text as a table.
async fn planned(session: &Session, view: &View, within: &[String]) -> Result<OwnTable> {
    let statement = parsed(session, view)?;
    let Body::Query(query) = &statement.body else { return Err(no_query(&view.name)) };
    let within = [within, std::slice::from_ref(&view.name)].concat();
    let around = (Tolerance::Strict, within.as_slice());
    let in_use = in_use(session, view);
    let mut prepared = session.prepare_with(query, &statement.source, &Arc::default(), around, in_use).await?;
    // A place in the view's text is none in the statement's.
    prepared.state.config_mut().options_mut().sql_parser.collect_spans = false;
    let plan = titled(logical(&prepared.state, prepared.query, &statement.source).await?, query)?;
    let provider = Arc::new(ViewTable::new(plan, Some(view.text.clone())));
    let table = OwnTable::new(provider, OwnKind::View).answering_to(prepared.columns.as_deref());
    Ok(OwnTable { inside: prepared.tables, regions: prepared.run.regions.names(), ..table })
}

fn parsed(session: &Session, view: &View) -> Result<Statement> {
    let mut statement = Statement::try_from(view.text.as_str())?;
    statement.in_full(in_use(session, view).as_deref(), &|_| false)?;
    for exec in &statement.execs {
        dml::reads(session.engine(), exec, &statement.source)?;
    }
    Ok(statement)
}

/// What a view's short names begin with.
pub(super) fn in_use(session: &Session, view: &View) -> Option<String> {
    match &view.in_use {
        Some(kept) => Some(kept.clone()).filter(|kept| !kept.is_empty()),
        None => session.in_use(),
    }
}

pub(super) fn store(session: &Session) -> Store {
    Store::new(&session.engine().settings.state)
}

fn taken(name: &str, materialized: bool) -> Error {
    let error = Error::new(Kind::Name, format!("there is a view `{name}` already")).with_context("nothing was sent");
    match materialized {
        true => error
            .with_hint(format!("`REFRESH MATERIALIZED VIEW {name}` reads the rows of one again"))
            .with_hint(format!("`CREATE OR REPLACE MATERIALIZED VIEW {name} AS …` puts another in its place")),
        false => error.with_hint(format!("`CREATE OR REPLACE VIEW {name} AS …` puts another in its place")),
    }
}

fn missing(session: &Session, name: &str, what: Dropped) -> Error {
    let what = if what == Dropped::Materialized { "materialized view" } else { "view" };
    let error = Error::new(Kind::Name, format!("there is no {what} `{name}`"));
    match session.own.get(name) {
        Some(_) => error.with_hint(format!("it is a table of this session: `DROP TABLE {name}` removes it")),
        None => {
            let names: Vec<String> =
                store(session).all().unwrap_or_default().into_iter().map(|(name, _)| name).collect();
            match crate::error::nearest(name, names.iter().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                None => error.with_hint("`SHOW VIEWS` lists them"),
            }
        }
    }
}

fn no_query(name: &str) -> Error {
    Error::new(Kind::Io, format!("the view `{name}` is broken")).with_context("its text is no query")
}

/// The text of a materialized view that is to be refreshed, and what its short names begin with.
///
/// # Errors
/// There is none, or it is broken.
pub fn text(session: &Session, name: &Name, source: &Source) -> Result<(Statement, Option<String>)> {
    let place = source.place(name.span());
    let name = own_name(name, source)?;
    match store(session).view(name) {
        Ok(Some((view, rows))) if rows.is_some() || session.rehearses => {
            Ok((parsed(session, &view)?, in_use(session, &view)))
        }
        Ok(_) => Err(missing(session, name, Dropped::Materialized).at(place)),
        Err(error) => Err(error.at(place)),
    }
}
