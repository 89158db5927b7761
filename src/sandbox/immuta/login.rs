//! Who calls Immuta: an API key as it is, or a token that was made of one and runs out.
//! A token says whose it is and until when, so nothing is kept of it.

use serde::Serialize;
use serde_json::Value;

use super::{Refusal, json};
use crate::sandbox::state::Store;
use crate::sandbox::trouble::Reply;

/// A key whose user may do everything.
pub const API_KEY: &str = "sandbox";
/// A key whose user lacks the permission APPLICATION_ADMIN.
pub const READER_API_KEY: &str = "sandbox-reader";
/// The key in the examples of Immuta's documentation, so that they run as printed.
const DOCUMENTED_API_KEY: &str = "846e9e43c86a4ct1be14290d95127d13f";

#[derive(Serialize)]
struct Login {
    authenticated: bool,
    token: String,
}

/// Makes a token. Copies of the documentation disagree where the key stands: in the body or in the header.
pub fn authenticate(
    store: &Store,
    authorization: Option<&str>,
    body: Option<&Value>,
    number: u64,
) -> Result<Reply, Refusal> {
    let key = match body {
        Some(body) => body.get("apikey").and_then(Value::as_str),
        None => authorization,
    };
    let key = key.ok_or_else(|| Refusal::new(400, "\"apikey\" is required"))?;
    known(key)?;
    let end = store.read()?.now + (store.controls()?.token_seconds * 1000.0) as i64;
    Ok(json(200, &Login { authenticated: true, token: token(key, end, number) }))
}

/// Refuses whoever is not known (401) or has not the permission that every endpoint needs (403).
pub fn authorize(store: &Store, authorization: Option<&str>) -> Result<(), Refusal> {
    let authorization = authorization.ok_or_else(|| Refusal::new(401, "Missing authentication"))?;
    let key = match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            let (key, end) = opened(token.trim()).ok_or_else(|| Refusal::new(401, "Invalid token"))?;
            if store.read()?.now >= end {
                return Err(expired());
            }
            key
        }
        _ => authorization.to_string(),
    };
    if known(&key)? == Permission::None {
        return Err(denied());
    }
    Ok(())
}

pub fn expired() -> Refusal {
    Refusal::new(401, "Expired token")
}

pub fn denied() -> Refusal {
    Refusal::new(403, "User does not have permission APPLICATION_ADMIN")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permission {
    ApplicationAdmin,
    None,
}

fn known(key: &str) -> Result<Permission, Refusal> {
    match key {
        API_KEY | DOCUMENTED_API_KEY => Ok(Permission::ApplicationAdmin),
        READER_API_KEY => Ok(Permission::None),
        _ => Err(Refusal::new(401, "Invalid API key")),
    }
}

fn token(key: &str, end: i64, number: u64) -> String {
    format!("{end}|{number}|{key}").bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A token's key and end.
fn opened(token: &str) -> Option<(String, i64)> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = token.as_bytes().chunks(2).map(pair).collect();
    let text = String::from_utf8(bytes?).ok()?;
    let mut parts = text.splitn(3, '|');
    let (end, _, key) = (parts.next()?, parts.next()?, parts.next()?);
    Some((key.to_string(), end.parse().ok()?))
}
