//! A patch as written: the text of its operations, and everything that is wrong with them, all at once.
//! What no document can tell is said here; whether an operation can be applied is for `patch` to find out.

use json_patch::jsonptr::{ParseError, Pointer, PointerBuf};
use json_patch::{
    AddOperation, CopyOperation, MoveOperation, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};
use serde_json::{Map, Value};

use super::article;
use crate::error::{Error, Kind, Result, nearest};

const OPERATIONS: &[&str] = &["add", "remove", "replace", "move", "copy", "test"];

/// The operations of a patch, as [`super::Patch::parse`] promises them.
pub fn operations(text: &str) -> Result<Vec<PatchOperation>> {
    let document: Value = serde_json::from_str(text)
        .map_err(|error| Error::new(Kind::Param, format!("the patch is not JSON: {error}")).with_source(error))?;
    let Value::Array(written) = &document else {
        let message = format!("the patch is {}, and must be an array of operations", article(&document));
        let error = Error::new(Kind::Param, message);
        return Err(if document.get("op").is_some() {
            error.with_hint("a single operation stands in brackets too: `[{…}]`")
        } else {
            error
        });
    };
    let mut mistakes = Mistakes { total: written.len(), ..Mistakes::default() };
    let read = written.iter().enumerate().filter_map(|(index, value)| {
        mistakes.number = index + 1;
        operation(value, &mut mistakes)
    });
    let operations = read.collect();
    match mistakes.report() {
        Some(error) => Err(error),
        None => Ok(operations),
    }
}

/// What is wrong with the operations, gathered while they are read.
#[derive(Default)]
struct Mistakes {
    /// Of the operation that is being read, from 1.
    number: usize,
    total: usize,
    lines: Vec<String>,
    hints: Vec<String>,
}

impl Mistakes {
    fn add(&mut self, message: impl std::fmt::Display) {
        self.lines.push(format!("operation {} of {}: {message}", self.number, self.total));
    }

    fn report(self) -> Option<Error> {
        let mistakes = match self.lines.len() {
            0 => return None,
            1 => "1 mistake".to_string(),
            count => format!("{count} mistakes"),
        };
        let mut error = Error::new(Kind::Param, format!("{mistakes} in the patch"));
        error.context = self.lines;
        error.hints = self.hints;
        Some(error)
    }
}

fn operation(value: &Value, mistakes: &mut Mistakes) -> Option<PatchOperation> {
    let Value::Object(members) = value else {
        mistakes.add(format_args!("it is {}, and must be an object", article(value)));
        return None;
    };
    let op = op(members, mistakes);
    let path = pointer(members, "path", mistakes);
    let op = op?;
    let from = matches!(op, "move" | "copy").then(|| pointer(members, "from", mistakes));
    let value = matches!(op, "add" | "replace" | "test").then(|| {
        if !members.contains_key("value") {
            mistakes.add(format_args!("`{op}` needs a `value`"));
        }
        members.get("value").cloned()
    });
    let path = path?;
    Some(match (op, from.flatten(), value.flatten()) {
        ("add", _, Some(value)) => PatchOperation::Add(AddOperation { path, value }),
        ("replace", _, Some(value)) => PatchOperation::Replace(ReplaceOperation { path, value }),
        ("test", _, Some(value)) => PatchOperation::Test(TestOperation { path, value }),
        ("move", Some(from), _) => PatchOperation::Move(MoveOperation { from, path }),
        ("copy", Some(from), _) => PatchOperation::Copy(CopyOperation { from, path }),
        ("remove", ..) => PatchOperation::Remove(RemoveOperation { path }),
        _ => return None,
    })
}

fn op<'a>(members: &'a Map<String, Value>, mistakes: &mut Mistakes) -> Option<&'a str> {
    let op = text(members, "op", mistakes)?;
    if OPERATIONS.contains(&op) {
        return Some(op);
    }
    match nearest(op, OPERATIONS.iter().copied()) {
        Some(near) => mistakes.add(format_args!("unknown `op` `{op}`: did you mean `{near}`?")),
        None => mistakes.add(format_args!(
            "unknown `op` `{op}`: it is one of `add`, `remove`, `replace`, `move`, `copy` and `test`"
        )),
    }
    None
}

fn pointer(members: &Map<String, Value>, key: &str, mistakes: &mut Mistakes) -> Option<PointerBuf> {
    let text = text(members, key, mistakes)?;
    match Pointer::parse(text) {
        Ok(pointer) => return Some(pointer.to_buf()),
        Err(ParseError::NoLeadingSlash) => {
            mistakes.add(format_args!("the `{key}` `{text}` does not begin with `/`"));
            let hint = format!("write `/{text}`");
            if Pointer::parse(&format!("/{text}")).is_ok() && !mistakes.hints.contains(&hint) {
                mistakes.hints.push(hint);
            }
        }
        Err(ParseError::InvalidEncoding { .. }) => mistakes.add(format_args!(
            "the `{key}` `{text}` has a `~` that is neither `~0` nor `~1`: in a name, `~` is written `~0` and `/` is written `~1`"
        )),
    }
    None
}

fn text<'a>(members: &'a Map<String, Value>, key: &str, mistakes: &mut Mistakes) -> Option<&'a str> {
    match members.get(key) {
        Some(Value::String(text)) => return Some(text),
        Some(other) => mistakes.add(format_args!("its `{key}` is {}, and must be a string", article(other))),
        None => mistakes.add(format_args!("it has no `{key}`")),
    }
    None
}
