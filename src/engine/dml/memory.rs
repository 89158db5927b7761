//! Payloads that have to be the same twice: what one method sent is remembered as keyed hashes in the state folder, place by
//! place, and what another is about to send is held against it. Keeps no value: a hash says that two differ, and where.
//!
//! A payload has a file of its own, whose name is a hash of what tells it from others; it is written beside and renamed, so
//! that several processes do not meet. The key, 32 random bytes, is its owner's alone to read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use tempfile::NamedTempFile;

use super::change::sendable;
use super::document::Document;
use super::rules;
use super::site::Site;
use crate::catalog::model::{Memory, Method};
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result, reason};

const FOLDER: &str = "payloads";
const KEY: &str = "key";
/// The oldest are forgotten.
const MOST_KEPT: usize = 500;
/// How many places are named that differ.
const MOST_NAMED: usize = 10;

/// Keeps what was sent. `known` is everything by which it may be told from others.
///
/// # Errors
/// `Io`: the state folder cannot be used.
pub fn remember(
    state: &Path,
    memory: &Memory,
    params: &BTreeMap<String, String>,
    known: &Document,
    payload: &Document,
) -> Result<()> {
    if !rules::all_hold(&memory.when, known) {
        return Ok(());
    }
    let folder = state.join(FOLDER);
    let written = || {
        fs::create_dir_all(&folder)?;
        let key = key(&folder)?;
        let kept = json!({"whole": key.hash("", &Value::Object(payload.clone())), "places": key.places(payload)});
        let mut file = NamedTempFile::new_in(&folder)?;
        file.write_all(kept.to_string().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(folder.join(key.name(memory, params, known))).map_err(|e| e.error)?;
        forget(&folder)
    };
    written().map_err(|source| unusable("write", &folder, &source))
}

/// What there is to say before a resource is created, or changed as a whole, whose payload another method should have
/// seen: nothing if it has, or if the method expects none.
pub fn warnings(
    session: &Session,
    site: &Site,
    method: &Method,
    params: &BTreeMap<String, String>,
    document: &Document,
) -> Vec<String> {
    held(session, site, method, params, document, &sendable(&site.resource, document))
}

/// The same for a payload of which `known` is more than is sent.
pub fn held(
    session: &Session,
    site: &Site,
    method: &Method,
    params: &BTreeMap<String, String>,
    known: &Document,
    payload: &Document,
) -> Vec<String> {
    let Some(memory) = method.expects.as_ref().filter(|memory| rules::all_hold(&memory.when, known)) else {
        return Vec::new();
    };
    let makers = makers(session, site, memory);
    let name = &memory.name;
    match difference(&session.settings().state.join(FOLDER), memory, params, known, payload) {
        Ok(Some(places)) if places.is_empty() => Vec::new(),
        Ok(Some(places)) => {
            let listed: Vec<String> = places.iter().take(MOST_NAMED).map(|place| format!("`{place}`")).collect();
            let more = places.len().saturating_sub(MOST_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            vec![format!(
                "this is not what the {name} was made of: it differs in {}{more}; {makers} makes another",
                listed.join(", ")
            )]
        }
        Ok(None) => vec![format!("no {name} was made of this on this machine; {makers} makes one")],
        Err(source) => {
            let error = unusable("read", &session.settings().state.join(FOLDER), &source);
            vec![format!("nobody can tell whether the {name} was made of this: {}", error.message)]
        }
    }
}

/// The statements that remember under this name.
fn makers(session: &Session, site: &Site, memory: &Memory) -> String {
    let service = session.engine().catalog().service(&site.resource.provider, &site.resource.service);
    let resources = service.map(|service| service.resources.as_slice()).unwrap_or_default();
    let methods = resources.iter().flat_map(|resource| resource.methods.iter().map(move |method| (resource, method)));
    let own = methods.filter(|(_, method)| method.remembers.as_ref().is_some_and(|known| known.name == memory.name));
    let names: Vec<String> = own.map(|(of, method)| format!("`EXEC {}.{}`", of.full_name(), method.name)).collect();
    if names.is_empty() { "nothing".into() } else { names.join(" or ") }
}

/// The places in which a payload is not what was remembered. None: nothing was.
fn difference(
    folder: &Path,
    memory: &Memory,
    params: &BTreeMap<String, String>,
    known: &Document,
    payload: &Document,
) -> std::io::Result<Option<Vec<String>>> {
    let nothing = |error: std::io::Error| if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) };
    let key = match fs::read(folder.join(KEY)) {
        Ok(bytes) => Key(bytes),
        Err(error) => return nothing(error),
    };
    let text = match fs::read_to_string(folder.join(key.name(memory, params, known))) {
        Ok(text) => text,
        Err(error) => return nothing(error),
    };
    let kept: Value =
        serde_json::from_str(&text).map_err(|_| std::io::Error::other("a payload is kept in no known form"))?;
    if kept["whole"] == key.hash("", &Value::Object(payload.clone())) {
        return Ok(Some(Vec::new()));
    }
    let (before, now) = (kept["places"].as_object().cloned().unwrap_or_default(), key.places(payload));
    let differs = |place: &&String| before.get(*place) != now.get(*place);
    let places: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).filter(differs).collect();
    Ok(Some(places.into_iter().cloned().collect()))
}

struct Key(Vec<u8>);

/// The key of a folder, made when there is none: whoever is first, all have the same.
fn key(folder: &Path) -> std::io::Result<Key> {
    let path = folder.join(KEY);
    match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        read => return read.map(Key),
    }
    let mut bytes = vec![0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    // Closed to others, as temporary files are.
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(&bytes)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(Key(bytes)),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => fs::read(&path).map(Key),
        Err(error) => Err(error.error),
    }
}

impl Key {
    /// A hash of a value at its place, as hexadecimal digits.
    fn hash(&self, place: &str, value: &Value) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        // The length first: a place and its value run together are not two others.
        mac.update(&(place.len() as u64).to_be_bytes());
        mac.update(place.as_bytes());
        mac.update(canonical(value).as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The name of a payload's file.
    fn name(&self, memory: &Memory, params: &BTreeMap<String, String>, known: &Document) -> PathBuf {
        let value = |place: &String| match params.get(place) {
            // One host, however it is written. A sandbox has another port in every run, and is one place all the same.
            Some(param) => {
                let host = param.trim_end_matches('/');
                let host = host.strip_prefix("https://").unwrap_or(host).to_ascii_lowercase();
                let is_here = host.starts_with("http://127.0.0.1:");
                Value::from(if is_here { "this machine" } else { host.as_str() })
            }
            None => rules::at(known, place).cloned().unwrap_or_default(),
        };
        let by = Value::Array(memory.by.iter().map(value).collect());
        PathBuf::from(format!("{}.json", self.hash(&format!("by {}", memory.name), &by)))
    }

    /// A hash for every single value of a payload, by its place.
    fn places(&self, payload: &Document) -> Map<String, Value> {
        let mut found = Map::new();
        for (wire, value) in payload {
            self.below(wire, value, &mut found);
        }
        found
    }

    fn below(&self, place: &str, value: &Value, found: &mut Map<String, Value>) {
        match value {
            Value::Object(members) if !members.is_empty() => {
                members.iter().for_each(|(name, value)| self.below(&format!("{place}.{name}"), value, found));
            }
            value => drop(found.insert(place.to_string(), self.hash(place, value).into())),
        }
    }
}

/// JSON with its members in the order of their names.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members = sorted.into_iter().map(|(name, value)| format!("{}:{}", json!(name), canonical(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        value => value.to_string(),
    }
}

/// Takes the oldest payloads away where there are too many.
fn forget(folder: &Path) -> std::io::Result<()> {
    let is_payload = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let paths: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(is_payload).collect();
    if paths.len() <= MOST_KEPT {
        return Ok(());
    }
    let changed =
        |path: &PathBuf| fs::metadata(path).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut aged: Vec<(SystemTime, PathBuf)> = paths.into_iter().map(|path| (changed(&path), path)).collect();
    aged.sort();
    for (_, path) in aged.iter().take(aged.len() - MOST_KEPT) {
        match fs::remove_file(path) {
            // Another process was first.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn unusable(verb: &str, folder: &Path, source: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot {verb} what is remembered in `{}`: {}", folder.display(), reason(source)))
}
