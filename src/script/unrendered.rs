//! A template for which no variable was given, and which therefore is no SQL: what is said instead of the parser's words
//! about `{{`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{Error, Kind, Place};
use crate::script::template::{self, Where};

/// What a script wants that stands as it is.
#[derive(Debug)]
pub struct Unrendered {
    pub names: BTreeSet<String>,
    /// Its first sign.
    place: Place,
}

/// Whether a text has what templates have.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// What two scripts want, with the first's place.
pub fn both(one: Option<Unrendered>, other: Option<Unrendered>) -> Option<Unrendered> {
    match (one, other) {
        (Some(mut one), Some(other)) => {
            one.names.extend(other.names);
            Some(one)
        }
        (one, other) => one.or(other),
    }
}

impl Unrendered {
    /// `None` for a text that no values make anything else of.
    pub fn of(text: &str, file: Option<&Path>) -> Option<Unrendered> {
        let names = template::names(text, Where::OutsideOfComments).filter(|names| !names.is_empty())?;
        let begin = ["{{", "{%"].iter().filter_map(|sign| text.find(sign)).min()?;
        let length = text[begin..].find(['}', '\n']).map_or(2, |at| at + 1);
        let closing = usize::from(text[begin + length..].starts_with('}'));
        Some(Unrendered { names, place: crate::sql::place(text, file, begin..begin + length + closing) })
    }

    pub fn error(&self) -> Error {
        let (whole, parts): (Vec<&String>, Vec<&String>) = self.names.iter().partition(|name| !name.contains('.'));
        let listed = self.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let environment = parts.iter().find_map(|name| name.strip_prefix("env."));
        let error = Error::new(Kind::Syntax, "this seems to be a template, and no variable is given for it")
            .at(self.place.clone())
            .with_context(format!("it wants {listed}"))
            .with_context("nothing was sent");
        let error = match whole.first() {
            Some(name) => error.with_hint(format!("give each, `--var {name}=…`, or a file of them: `-q FILE`")),
            None if parts.iter().all(|name| name.starts_with("env.")) => error,
            None => error.with_hint("give a file of them: `-q FILE`"),
        };
        match environment {
            Some(name) => error.with_hint(format!("`--env {name}` lets it have that variable of the environment")),
            None => error,
        }
    }
}
