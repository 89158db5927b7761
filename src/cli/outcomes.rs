//! What a whole script comes to: the statements that failed and were passed over, and the results that are not as they
//! were to be. Knows no rows.

use crate::cli::output;
use crate::error::{Error, Kind, Place, Result};
use crate::sql::Body;

/// What every SELECT is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Rows,
    NoRows,
}

#[derive(Debug)]
pub struct Outcomes {
    wanted: Option<Wanted>,
    statements: usize,
    seen: usize,
    /// What was said of each statement that failed.
    failed: Vec<String>,
    /// Each result that is not as wanted.
    unwanted: Vec<String>,
}

impl Outcomes {
    pub fn new(wanted: Option<Wanted>, statements: usize) -> Self {
        Outcomes { wanted, statements, seen: 0, failed: Vec::new(), unwanted: Vec::new() }
    }

    /// Whether it matters how many rows a statement has: a SELECT's do.
    pub fn asserts(&self, body: &Body) -> bool {
        self.wanted.is_some() && matches!(body, Body::Query(_))
    }

    pub fn saw(&mut self, index: usize, title: Option<&str>, rows: usize) {
        self.seen += 1;
        let is_wanted = match self.wanted {
            Some(Wanted::Rows) => rows > 0,
            Some(Wanted::NoRows) => rows == 0,
            None => true,
        };
        if !is_wanted {
            let title = title.map(|title| format!(" ({title})")).unwrap_or_default();
            let count = if rows == 1 { "1 row".to_string() } else { format!("{rows} rows") };
            self.unwanted.push(format!("statement {}{title}: {count}", index + 1));
        }
    }

    /// Tells of a statement that failed, and remembers it.
    pub fn failed(&mut self, index: usize, error: Error) {
        output::error(&error);
        let place = match error.place.as_deref() {
            Some(Place::Sql { file: Some(path), line, .. } | Place::File { path, line }) => {
                format!(" ({}:{line})", path.display())
            }
            _ => String::new(),
        };
        self.failed.push(format!("statement {}{place}: {}", index + 1, error.message));
    }

    /// # Errors
    /// `Statement` when any failed, else `Assertion` when any result is not as wanted.
    pub fn result(self) -> Result<()> {
        let listed = |error: Error, lines: Vec<String>| lines.into_iter().fold(error, Error::with_context);
        if !self.failed.is_empty() {
            let message =
                format!("{} of {} statements failed; all others were run", self.failed.len(), self.statements);
            return Err(listed(Error::new(Kind::Statement, message), self.failed));
        }
        if !self.unwanted.is_empty() {
            let (flag, has) = match self.wanted {
                Some(Wanted::Rows) => ("--fail-on-empty", "no rows"),
                _ => ("--fail-on-rows", "rows"),
            };
            let message = match (self.seen, self.unwanted.len()) {
                (1, _) => format!("`{flag}`: the result has {has}"),
                (seen, 1) => format!("`{flag}`: 1 of {seen} results has {has}"),
                (seen, some) => format!("`{flag}`: {some} of {seen} results have {has}"),
            };
            return Err(listed(Error::new(Kind::Assertion, message), self.unwanted));
        }
        Ok(())
    }
}
