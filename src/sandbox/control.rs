//! The control interface, `/_sandbox/…`, in JSON: the clock, the controls, the faults and the requests served.
//! Answers with the state after the request. Knows no socket.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Sandbox;
use super::clock::{self, ClockChange};
use super::faults::Fault;
use super::state::Controls;
use crate::error::{Error, Kind, Result};

/// One fault or several, as a POST gives them.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Posted {
    Several(Vec<Value>),
    One(Value),
}

/// HTTP status and body.
pub fn answer(sandbox: &Sandbox, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let outcome = match (method, path.trim_start_matches("/_sandbox/")) {
        ("GET", "clock") => show_clock(sandbox),
        ("POST", "clock") => set_clock(sandbox, body),
        ("GET", "controls") => show_controls(sandbox),
        ("POST", "controls") => set_controls(sandbox, body),
        ("GET", "faults") => show_faults(sandbox),
        ("POST", "faults") => add_faults(sandbox, body),
        ("DELETE", "faults") => clear_faults(sandbox),
        ("GET", "requests") => show_requests(sandbox),
        ("DELETE", "requests") => clear_requests(sandbox),
        _ => Err(Error::new(Kind::NotFound, format!("there is no control `{method} {path}`"))),
    };
    outcome.map_or_else(refusal, |value| (200, value))
}

fn refusal(error: Error) -> (u16, Value) {
    let status = match error.kind {
        Kind::Usage => 400,
        Kind::NotFound => 404,
        _ => 500,
    };
    (status, json!({"error": error.to_string()}))
}

fn show_clock(sandbox: &Sandbox) -> Result<Value> {
    let (clock, now) = sandbox.store.clock()?;
    Ok(json!({"mode": clock.mode, "now": clock::text(now), "factor": clock.factor}))
}

fn set_clock(sandbox: &Sandbox, body: &[u8]) -> Result<Value> {
    sandbox.store.set_clock(&parse::<ClockChange>(body)?)?;
    show_clock(sandbox)
}

fn show_controls(sandbox: &Sandbox) -> Result<Value> {
    Ok(json!(sandbox.store.controls()?))
}

/// What is absent goes back to its default.
fn set_controls(sandbox: &Sandbox, body: &[u8]) -> Result<Value> {
    let controls: Controls = parse(body)?;
    let Controls { creating_seconds, modifying_seconds, deleting_seconds, token_seconds, quota: _ } = controls;
    let seconds = [creating_seconds, modifying_seconds, deleting_seconds, token_seconds];
    if seconds.iter().any(|seconds| !(0.0..=1e9).contains(seconds)) {
        return Err(Error::new(Kind::Usage, "seconds are numbers from 0"));
    }
    sandbox.store.set_controls(&controls)?;
    show_controls(sandbox)
}

fn show_faults(sandbox: &Sandbox) -> Result<Value> {
    Ok(json!(sandbox.faults().list().collect::<Vec<_>>()))
}

fn add_faults(sandbox: &Sandbox, body: &[u8]) -> Result<Value> {
    let posted = match parse(body)? {
        Posted::One(fault) => vec![fault],
        Posted::Several(faults) => faults,
    };
    let mut faults = Vec::new();
    for value in posted {
        let fault: Fault = serde_json::from_value(value).map_err(|e| Error::new(Kind::Usage, e.to_string()))?;
        fault.check().map_err(|why| Error::new(Kind::Usage, why))?;
        faults.push(fault);
    }
    faults.into_iter().for_each(|fault| sandbox.faults().add(fault));
    show_faults(sandbox)
}

fn clear_faults(sandbox: &Sandbox) -> Result<Value> {
    sandbox.faults().clear();
    show_faults(sandbox)
}

fn show_requests(sandbox: &Sandbox) -> Result<Value> {
    Ok(json!(sandbox.log().list()))
}

fn clear_requests(sandbox: &Sandbox) -> Result<Value> {
    sandbox.log().clear();
    show_requests(sandbox)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|e| Error::new(Kind::Usage, format!("the body is not what is needed: {e}")))
}
