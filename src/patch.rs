//! RFC 6902: operations that change a JSON document, read from text, applied, and made from a difference.
//! Knows no resources: which members a patch may touch is for others to say, who ask it which it does.
//! The `json-patch` crate does the work; what the RFC says otherwise, and every message, is here.

use json_patch::jsonptr::Pointer;
use json_patch::jsonptr::index::Index;
use json_patch::{PatchErrorKind, PatchOperation, TestOperation};
use serde_json::{Number, Value, json};

use crate::error::{Error, Kind, Result};

mod read;

/// The most characters of a value that a message shows.
const SHOWN: usize = 200;

/// A parsed patch document, its operations in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    operations: Vec<PatchOperation>,
}

/// The operations that make `after` of `before`, as a JSON array: `apply(diff(a, b), a) == b`.
pub fn diff(before: &Value, after: &Value) -> Value {
    json!(json_patch::diff(before, after))
}

impl Patch {
    /// Reads the JSON text of an array of operations. Members that an operation has no use for are ignored; of two that
    /// have one name the last counts.
    ///
    /// # Errors
    /// `Param`: the text is not JSON or no array; or the operations have mistakes, of which each is a context line.
    pub fn parse(text: &str) -> Result<Patch> {
        Ok(Patch { operations: read::operations(text)? })
    }

    pub fn len(&self) -> usize {
        self.operations.len()
    }

    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The document after all operations, each applied to what the one before it left.
    ///
    /// # Errors
    /// About the first operation that fails, with its text as context; nothing of the patch counts then.
    /// `Conflict`: a `test` does not hold. `Param`: another operation cannot be applied to this document.
    pub fn apply(&self, document: &Value) -> Result<Value> {
        let mut document = document.clone();
        for (index, operation) in self.operations.iter().enumerate() {
            step(&mut document, operation).map_err(|reason| {
                let (kind, failed) = match operation {
                    PatchOperation::Test(_) => (Kind::Conflict, "does not hold"),
                    _ => (Kind::Param, "cannot be applied"),
                };
                let message = format!("operation {} of {} {failed}: {reason}", index + 1, self.len());
                Error::new(kind, message).with_context(operation.to_string())
            })?;
        }
        Ok(document)
    }

    /// The operations that change what is at or below a member of the root, by its name without escapes: each with its
    /// number from 1 and its compact JSON text. One on the whole document touches every member.
    pub fn touching(&self, member: &str) -> Vec<(usize, String)> {
        let touches = |pointer: &Pointer| pointer.first().is_none_or(|first| first.decoded() == member);
        let changes = |operation: &PatchOperation| match operation {
            PatchOperation::Test(_) => false,
            PatchOperation::Move(operation) => touches(&operation.path) || touches(&operation.from),
            other => touches(other.path()),
        };
        let numbered = self.operations.iter().enumerate().filter(|(_, operation)| changes(operation));
        numbered.map(|(index, operation)| (index + 1, operation.to_string())).collect()
    }

    /// Every member of the root that a `path` or `from` names, without escapes, once and in order, with the number of
    /// the first operation that does.
    pub fn members(&self) -> Vec<(String, usize)> {
        let mut members: Vec<(String, usize)> = Vec::new();
        for (index, operation) in self.operations.iter().enumerate() {
            for first in [Some(operation.path()), from(operation)].into_iter().flatten().filter_map(Pointer::first) {
                let name = first.decoded();
                if !members.iter().any(|(earlier, _)| *earlier == name) {
                    members.push((name.into_owned(), index + 1));
                }
            }
        }
        members
    }
}

fn from(operation: &PatchOperation) -> Option<&Pointer> {
    match operation {
        PatchOperation::Move(operation) => Some(&operation.from),
        PatchOperation::Copy(operation) => Some(&operation.from),
        _ => None,
    }
}

/// Applies one operation, or says why it cannot be; the document is of no use then.
fn step(document: &mut Value, operation: &PatchOperation) -> Result<(), String> {
    match operation {
        // The crate takes 1 and 1.0 for different; RFC 6902 (4.6) compares numbers by their value.
        PatchOperation::Test(test) => return holds(document, test),
        // It takes the value away and adds it again, which it cannot do with the whole document.
        PatchOperation::Move(moved) if moved.from == moved.path => {
            return document.pointer(moved.from.as_str()).map(drop).ok_or_else(|| nothing_at(&moved.from));
        }
        _ => {}
    }
    json_patch::patch_unsafe(document, std::slice::from_ref(operation))
        .map_err(|error| why(document, operation, &error.kind))
}

fn holds(document: &Value, test: &TestOperation) -> Result<(), String> {
    let found = document.pointer(test.path.as_str()).ok_or_else(|| nothing_at(&test.path))?;
    if same(found, &test.value) {
        return Ok(());
    }
    let (found, wanted) = (found.to_string(), test.value.to_string());
    let at = place(&test.path);
    Err(if found.chars().count().max(wanted.chars().count()) > SHOWN {
        format!("{at} has another value")
    } else {
        format!("{at} is {found}, not {wanted}")
    })
}

/// What stopped an operation. A move has taken its value away by the time that it finds no place for it.
fn why(document: &Value, operation: &PatchOperation, kind: &PatchErrorKind) -> String {
    let path = operation.path();
    match (kind, operation) {
        (PatchErrorKind::InvalidFromPointer, _) => from(operation).map(nothing_at).unwrap_or_default(),
        (PatchErrorKind::CannotMoveInsideItself, _) => {
            format!("{} cannot be moved into itself", from(operation).map(place).unwrap_or_default())
        }
        (_, PatchOperation::Remove(_)) if path.is_root() => "the whole document cannot be removed".into(),
        (_, PatchOperation::Add(_) | PatchOperation::Move(_) | PatchOperation::Copy(_)) => no_room(document, path),
        _ => nothing_at(path),
    }
}

/// Why nothing can be added at `path`.
fn no_room(document: &Value, path: &Pointer) -> String {
    let Some((parent, last)) = path.split_back() else { return nothing_at(path) };
    match document.pointer(parent.as_str()) {
        None => nothing_at(parent),
        Some(Value::Array(entries)) if matches!(last.to_index(), Ok(Index::Num(_))) => {
            format!("{} has {}", place(parent), count(entries.len()))
        }
        Some(Value::Array(_)) => {
            format!("{} is an array, and `{}` is neither an index nor `-`", place(parent), last.decoded())
        }
        Some(other) => format!("{} is {}, and has no members", place(parent), article(other)),
    }
}

fn count(entries: usize) -> String {
    match entries {
        0 => "no entries".into(),
        1 => "1 entry".into(),
        count => format!("{count} entries"),
    }
}

fn nothing_at(path: &Pointer) -> String {
    format!("there is nothing at {}", place(path))
}

fn place(path: &Pointer) -> String {
    if path.is_root() { "the whole document".into() } else { format!("`{}`", path.as_str()) }
}

fn article(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Equal as RFC 6902 (4.6) has it: numbers by their value, objects without order.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        // An integer is never equal to a fraction, nor to a number too great for it.
        (None, None) => a.as_f64() == b.as_f64(),
        _ => false,
    }
}

/// The number without a fraction, if it has none; exact where a double would not be.
fn whole(number: &Number) -> Option<i128> {
    let float = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 2_f64.powi(100));
    number.as_i128().or_else(|| float().map(|float| float as i128))
}

#[cfg(test)]
mod tests;
