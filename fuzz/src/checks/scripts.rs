//! Scripts: variables, blocks of them, anchors, and files within files.

use std::path::{Path, PathBuf};

use minijinja::Value;
use serde_json::json;

use super::fine;
use iql_rooms::error::{Error, Kind};
use iql_rooms::script::{File, Reader, Script, Variables, Whole};

/// What parts a script from the file that it may name.
const FILE: char = '\u{1}';

pub fn scripts(text: &str) {
    let (text, other) = text.split_once(FILE).unwrap_or((text, ""));
    let mut variables = Variables::default();
    variables.set("name", "O'Brien -- */");
    variables.set("count", 5);
    variables.set("list", value(json!(["a'", "b"])));
    variables.set("global", value(json!({"region": "eu-west-1", "tags": [{"Key": "a'"}]})));
    let none = Variables::default();
    for (variables, anchor) in [(&none, None), (&variables, None), (&variables, Some("create"))] {
        let load = |path: &Path| match path.to_str() {
            Some("x") => Ok(File { path: path.into(), identity: PathBuf::from("x"), text: other.to_string() }),
            _ => Err(Error::new(Kind::Io, format!("there is no {}", path.display()))),
        };
        let reader = Reader { variables, anchor, whole: Whole::Read, load: &load };
        match reader.read(text, None) {
            Err(error) => is_fine(&error, text, other),
            Ok(script) => read(&script, text, other),
        }
    }
}

fn value(json: serde_json::Value) -> Value {
    serde_json::from_value(json).unwrap_or_default()
}

fn read(script: &Script, text: &str, other: &str) {
    if !script.is_rendered() && other.is_empty() && !["\\i", ".read", "<<<json"].iter().any(|word| text.contains(word))
    {
        assert_eq!(script.text(), text, "the pieces are the whole");
    }
    if let Err(mistakes) = script.statements() {
        assert!(!mistakes.is_empty());
        mistakes.iter().for_each(|error| is_fine(error, text, other));
    }
}

/// A place is in one of the files.
fn is_fine(error: &Error, text: &str, other: &str) {
    match error.place.as_deref() {
        Some(iql_rooms::error::Place::Sql { file: Some(_), .. }) => fine(error, other),
        _ => fine(error, text),
    }
}
