//! `/integrations`: listing, reading, configuring, deleting. Each write is one transaction.

use fastrand::Rng;
use serde::Serialize;
use serde_json::{Map, Value};

use super::check::{self, Purpose};
use super::rows::{Payload, Row, Status, Type, place};
use super::{Refusal, json, shapes, store};
use crate::sandbox::estate::uuid;
use crate::sandbox::rows::Course;
use crate::sandbox::state::{Store, Writing};
use crate::sandbox::trouble::Reply;

pub fn list(store: &Store) -> Result<Reply, Refusal> {
    let reading = store.read()?;
    let rows = store::read(&reading)?;
    let shown: Vec<_> = rows.iter().map(|row| shapes::whole(row, reading.now)).collect();
    Ok(json(200, &shown))
}

pub fn get(store: &Store, id: &str) -> Result<Reply, Refusal> {
    let reading = store.read()?;
    let row = find(store::read(&reading)?, id)?;
    Ok(json(200, &shapes::whole(&row, reading.now)))
}

/// That the answer has these two members is inferred: the documentation shows none.
#[derive(Serialize)]
struct Standing<'a> {
    id: &'a str,
    status: &'a str,
}

pub fn status(store: &Store, id: &str) -> Result<Reply, Refusal> {
    let reading = store.read()?;
    let row = find(store::read(&reading)?, id)?;
    Ok(json(200, &Standing { id, status: shapes::status(&row, reading.now).wire() }))
}

pub fn create(store: &Store, body: Option<Value>) -> Result<Reply, Refusal> {
    let payload = check::payload(body, Purpose::Configure)?;
    let (row, now) = store.write(|writing| {
        check_place(writing, &payload, None)?;
        let now = writing.now;
        check_use(&payload.config, "create")?;
        let then = if is_denied(&payload) { Status::CreateError } else { Status::Enabled };
        let id = store::next_id(writing)?;
        let row = Row {
            id,
            kind: payload.kind,
            auto_bootstrap: payload.auto_bootstrap,
            config: shapes::with_defaults(payload.kind, payload.config.clone()),
            course: course(now, Status::Creating, writing.controls.creating_seconds, Some(then)),
            api_key: (payload.kind == Type::Trino).then(|| api_key(id)),
        };
        store::put(writing, &row)?;
        Ok::<_, Refusal>((row, now))
    })?;
    Ok(json(200, &shapes::brief(&row, now)))
}

/// Takes the whole integration again. That type and autoBootstrap cannot change is inferred, and so are the words.
pub fn replace(store: &Store, id: &str, body: Option<Value>) -> Result<Reply, Refusal> {
    let payload = check::payload(body, Purpose::Configure)?;
    let (row, now) = store.write(|writing| {
        let mut row = settled(find(store::current(writing)?, id)?, writing.now)?;
        check_same(&row, &payload)?;
        check_place(writing, &payload, Some(row.id))?;
        check_use(&payload.config, "update")?;
        let now = writing.now;
        // What fails is rolled back: then the configuration stays as it was.
        let then = if is_denied(&payload) { Status::EditError } else { Status::Enabled };
        if then == Status::Enabled {
            row.config = shapes::with_defaults(payload.kind, payload.config.clone());
        }
        row.course = course(now, Status::Editing, writing.controls.modifying_seconds, Some(then));
        store::put(writing, &row)?;
        Ok::<_, Refusal>((row, now))
    })?;
    Ok(json(200, &shapes::brief(&row, now)))
}

pub fn delete(store: &Store, id: &str, body: Option<&Value>) -> Result<Reply, Refusal> {
    let (row, now) = store.write(|writing| {
        // Here the documentation writes the same sentence with another first letter.
        let gone = |refusal: Refusal| match refusal.status {
            404 => Refusal::new(404, format!("No integration found with ID {id}.")),
            _ => refusal,
        };
        let mut row = settled(find(store::current(writing)?, id).map_err(gone)?, writing.now)?;
        let given = match body {
            Some(Value::Object(given)) if !given.is_empty() => Some(given),
            _ => None,
        };
        check_credentials(&row, given)?;
        let now = writing.now;
        row.course = course(now, Status::Deleting, writing.controls.deleting_seconds, None);
        store::put(writing, &row)?;
        Ok::<_, Refusal>((row, now))
    })?;
    Ok(json(200, &shapes::brief(&row, now)))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Regenerated<'a> {
    id: &'a str,
    api_key: &'a str,
}

/// Gives a Trino integration another key. The answer's shape and the refusal's words are inferred.
pub fn regenerate(store: &Store, id: &str) -> Result<Reply, Refusal> {
    let key = store.write(|writing| {
        let mut row = find(store::current(writing)?, id)?;
        if row.kind != Type::Trino {
            return Err(Refusal::new(400, format!("A {} integration has no API key to regenerate.", row.kind.wire())));
        }
        let key = api_key(store::next_id(writing)?);
        row.api_key = Some(key.clone());
        store::put(writing, &row)?;
        Ok(key)
    })?;
    Ok(json(200, &Regenerated { id, api_key: &key }))
}

/// The integration of an id as a path has it.
pub fn find(rows: Vec<Row>, id: &str) -> Result<Row, Refusal> {
    let row = rows.into_iter().find(|row| row.id.to_string() == id);
    row.ok_or_else(|| Refusal::new(404, format!("No Integration found with ID {id}.")))
}

/// Is the payload for this very integration?
pub fn check_same(row: &Row, payload: &Payload) -> Result<(), Refusal> {
    if row.kind != payload.kind {
        return Err(Refusal::new(400, "The type of an integration cannot be changed."));
    }
    if row.auto_bootstrap != payload.auto_bootstrap {
        return Err(Refusal::new(400, "The autoBootstrap of an integration cannot be changed."));
    }
    Ok(())
}

/// The documentation has this conflict but not its words.
fn settled(row: Row, now: i64) -> Result<Row, Refusal> {
    let status = shapes::status(&row, now);
    if status.is_moving() {
        let message = format!("Integration {} is {}. Wait until that is done.", row.id, status.wire());
        return Err(Refusal::new(409, message));
    }
    Ok(row)
}

/// Is the payload's place free, or taken by the integration itself?
fn check_place(writing: &Writing, payload: &Payload, own: Option<u64>) -> Result<(), Refusal> {
    let Some(wanted) = place(payload.kind, &payload.config) else { return Ok(()) };
    let taken = |row: &Row| {
        row.kind == payload.kind
            && Some(row.id) != own
            && place(row.kind, &row.config).is_some_and(|taken| taken.eq_ignore_ascii_case(wanted))
    };
    match store::current(writing)?.iter().find(|row| taken(row)) {
        None => Ok(()),
        Some(row) => {
            let kind = row.kind.wire();
            let message = format!("{kind} integration already exists on {wanted} (id = {}).", row.id);
            Err(Refusal::new(409, message))
        }
    }
}

/// The credentials that a deletion asks for, or refuses, by what was configured.
fn check_credentials(row: &Row, given: Option<&Map<String, Value>>) -> Result<(), Refusal> {
    const USE_PUT: &str =
        "If you need to update your integration credentials, use PUT to update the integration before disabling.";
    let needed = row.auto_bootstrap && row.kind != Type::Databricks;
    match given {
        Some(given) if needed => {
            check::credentials(row.kind, given, "")?;
            check_use(given, "delete")
        }
        None if !needed => Ok(()),
        None => {
            let message = "Integrations that are automatically configured require privileged credentials to disable. \
                           Please provide them in your payload.";
            Err(Refusal::new(400, message))
        }
        Some(_) if row.kind == Type::Databricks => {
            let message = "Credentials are not required to disable a Databricks integration.";
            Err(Refusal::new(400, format!("{message} {USE_PUT}")))
        }
        Some(_) => {
            let message =
                "Credentials are not required for disable unless the integration was configured automatically.";
            Err(Refusal::new(400, format!("{message} {USE_PUT}")))
        }
    }
}

/// Any credentials do, but those that begin with `wrong-`, and what stands in an answer in place of a secret.
fn check_use(given: &Map<String, Value>, operation: &str) -> Result<(), Refusal> {
    if shapes::secrets(given).any(|secret| secret.starts_with("wrong-") || shapes::is_redacted(secret)) {
        let message = format!("Validation of prerequisite setup failed. Unable to {operation} integration.");
        return Err(Refusal::new(422, message));
    }
    Ok(())
}

/// Setting up fails behind a host that begins with `denied-`.
fn is_denied(payload: &Payload) -> bool {
    place(payload.kind, &payload.config).is_some_and(|place| place.starts_with("denied-"))
}

fn course(now: i64, status: Status, seconds: f64, then: Option<Status>) -> Course<Status> {
    Course { until: Some((status, now + (seconds * 1000.0) as i64)), then }
}

fn api_key(number: u64) -> String {
    uuid(&mut Rng::with_seed(0x1213_0000 + number)).replace('-', "")
}
