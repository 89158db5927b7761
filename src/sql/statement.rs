//! What a statement is once it has been read: one variant for each way of answering it.
//! Every name keeps its place in the script, so that whoever finds it wrong can point at it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr, TableWithJoins};
use sqlparser::tokenizer::{Location, Span};

use super::origin::{Origin, place};
use super::own::{Block, Own};
use crate::error::Place;

#[derive(Debug, Clone)]
pub struct Statement {
    pub body: Body,
    /// Every `(EXEC …)` that stands as a table in a query, in order. The tree in `body` has the query that reads the same
    /// in its place.
    pub execs: Vec<Exec>,
    /// The words that stood in `/*+ … */` comments, in order, as typed; `NAME(args)` and `name=value` are one each. The
    /// tree in `body` holds none.
    pub hints: Vec<String>,
    pub source: Source,
    /// This statement's own text, without the `;`.
    pub text: String,
    /// Where that stands in the script.
    pub span: Span,
}

impl Statement {
    /// Where the statement begins.
    pub fn place(&self) -> Place {
        self.source.place(self.span)
    }
}

#[derive(Debug, Clone)]
pub enum Body {
    /// SELECT, VALUES, WITH, parenthesised queries and set operations.
    Query(Box<Query>),
    Explain {
        analyze: bool,
        verbose: bool,
        /// `indent`, `tree`, `pgjson` or `graphviz`.
        format: Option<String>,
        /// Never an `Explain` itself.
        inner: Box<Body>,
    },
    Show(Show),
    Describe(Describe),
    /// `name` has its parts joined by dots, unquoted parts in lower case.
    Set {
        name: String,
        values: Vec<String>,
        /// Which of the values are a `$name`, in order; none once they are bound.
        params: Vec<(usize, Part)>,
    },
    Reset {
        name: String,
    },
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Exec(Exec),
    Own(Own),
    Block(Block),
    /// A statement that is recognised, and parsed as far as it can be, but not answered yet.
    Other {
        verb: &'static str,
    },
}

#[derive(Debug, Clone)]
pub enum Show {
    Providers {
        extended: bool,
        filter: Option<ShowFilter>,
    },
    /// `name` has one part, or none before `Statement::in_full`.
    Services {
        extended: bool,
        name: Name,
        filter: Option<ShowFilter>,
    },
    /// `name` has two parts, or less before `Statement::in_full`.
    Resources {
        extended: bool,
        name: Name,
        filter: Option<ShowFilter>,
    },
    /// `name` has three parts, or less before `Statement::in_full`.
    Methods {
        extended: bool,
        name: Name,
        filter: Option<ShowFilter>,
    },
    Settings {
        filter: Option<ShowFilter>,
    },
    Tables {
        filter: Option<ShowFilter>,
    },
    Views {
        filter: Option<ShowFilter>,
    },
    Functions {
        filter: Option<ShowFilter>,
    },
    /// `SHOW INSERT INTO`: a statement to fill in. `name` has three parts, or less before `Statement::in_full`.
    Insert {
        /// Only what is needed (`/*+ REQUIRED */`).
        required: bool,
        name: Name,
    },
    Version,
    /// `SHOW awscc.region`: one setting's value.
    Variable {
        name: String,
    },
}

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one a statement")]
pub enum ShowFilter {
    Like(String),
    Where(Expr),
}

#[derive(Debug, Clone)]
pub enum Describe {
    /// `name` has three parts, or one: a table or a view of the user's own; two only before `Statement::in_full`.
    Resource { extended: bool, name: Name },
    /// `name` has four parts, or less before `Statement::in_full`: the last is the method.
    Method { extended: bool, name: Name },
}

/// `INSERT [IGNORE] INTO table (columns) query [ON CONFLICT [(columns)] DO NOTHING] [RETURNING …]`.
#[derive(Debug, Clone)]
pub struct Insert {
    pub table: Name,
    pub alias: Option<Part>,
    /// No two are spelled the same. Empty only for a table of the session's own: all of them.
    pub columns: Vec<Part>,
    /// SELECT, VALUES or any other query that reads.
    pub source: Box<Query>,
    pub on_conflict: OnConflict,
    /// What `ON CONFLICT (columns)` names; empty where it names none.
    pub conflict_columns: Vec<Part>,
    pub returning: Option<Vec<SelectItem>>,
}

/// What an INSERT does about a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    Fail,
    /// `ON CONFLICT DO NOTHING`, `INSERT IGNORE`.
    Nothing,
}

/// `UPDATE table SET … [FROM …] WHERE … [RETURNING …]`: never without a WHERE.
#[derive(Debug, Clone)]
pub struct Update {
    pub table: Name,
    pub alias: Option<Part>,
    /// Never empty, and no two set the same column.
    pub assignments: Vec<Assignment>,
    pub from: Vec<TableWithJoins>,
    pub selection: Expr,
    pub returning: Option<Vec<SelectItem>>,
}

#[derive(Debug, Clone)]
pub struct Assignment {
    pub column: Part,
    pub value: Expr,
}

/// `DELETE FROM table [USING …] WHERE … [RETURNING …]`: never without a WHERE.
#[derive(Debug, Clone)]
pub struct Delete {
    pub table: Name,
    pub alias: Option<Part>,
    pub using: Vec<TableWithJoins>,
    pub selection: Expr,
    /// The method that an EXEC names, which has to be the one that is for the rows.
    pub method: Option<String>,
    pub returning: Option<Vec<SelectItem>>,
}

/// `EXEC provider.service.resource.method @name = value, … @@json = '{…}' [RETURNING …]`.
#[derive(Debug, Clone)]
pub struct Exec {
    /// Four parts, or less before `Statement::in_full`: the last is the method.
    pub name: Name,
    /// Params and fields by the names typed, without the `@`; no two are spelled the same. Constant expressions.
    pub args: Vec<Assignment>,
    /// The object of `@@json`, with its members' names as typed.
    pub json: Option<(serde_json::Map<String, serde_json::Value>, Span)>,
    /// Never with an EXEC that stands as a table.
    pub returning: Option<Vec<SelectItem>>,
}

/// One part of a name: unquoted text is in lower case, quoted text is as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub span: Span,
}

/// A dotted name; never without parts, but where what is in use stands for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub parts: Vec<Part>,
}

/// A query of nothing but its body.
pub fn query(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

impl Name {
    pub fn span(&self) -> Span {
        Span::union_iter(self.parts.iter().map(|part| part.span))
    }

    pub fn texts(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.text.clone()).collect()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join("."))
    }
}

impl From<&Ident> for Part {
    fn from(ident: &Ident) -> Self {
        Part { text: folded(ident), span: ident.span }
    }
}

/// The spelling that an identifier means: as typed within quotes, else in lower case.
pub(super) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

/// The script that a statement came from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Source {
    text: Arc<str>,
    file: Option<PathBuf>,
    /// Where the text is from, if it is not what stands in the file.
    origin: Option<Arc<Origin>>,
    /// One statement's own text.
    statement: Arc<str>,
}

impl Source {
    pub fn new(text: &str, file: Option<&Path>) -> Self {
        Source { text: text.into(), file: file.map(Path::to_path_buf), origin: None, statement: text.into() }
    }

    /// A text that was made of another: of a part of it, or of what a template stands for.
    pub fn made(text: &str, file: Option<&Path>, origin: Origin) -> Self {
        Source { origin: Some(Arc::new(origin)), ..Source::new(text, file) }
    }

    /// The place of a span, with the whole line's text. A span over several lines points at its first line,
    /// a span that says nothing at the script's start.
    pub fn place(&self, span: Span) -> Place {
        let end = if span.end < span.start { span.start } else { span.end };
        self.place_of(self.offset(span.start)..self.offset(end))
    }

    /// The same, for one of its statements.
    pub(super) fn about(&self, statement: &str) -> Self {
        Source { statement: statement.into(), ..self.clone() }
    }

    /// The statement's own text.
    pub fn statement(&self) -> &str {
        &self.statement
    }

    /// The place of a stretch of this text, in bytes.
    pub fn place_of(&self, range: Range<usize>) -> Place {
        let (text, range) = match &self.origin {
            None => (&self.text, range),
            Some(origin) => (origin.text(), origin.range(range)),
        };
        place(text, self.file.as_deref(), range)
    }

    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The whole text, as it is run.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text between two locations.
    pub(super) fn between(&self, start: Location, end: Location) -> &str {
        let (start, end) = (self.offset(start), self.offset(end));
        self.text.get(start..end.max(start)).unwrap_or_default()
    }

    /// The text from a location on.
    pub(super) fn from(&self, location: Location) -> &str {
        &self.text[self.offset(location)..]
    }

    /// The character at a location.
    pub(super) fn char_at(&self, location: Location) -> Option<char> {
        self.text[self.offset(location)..].chars().next()
    }

    fn offset(&self, location: Location) -> usize {
        let lines_before = (location.line as usize).saturating_sub(1);
        let start: usize = self.text.split_inclusive('\n').take(lines_before).map(str::len).sum();
        let line = &self.text[start..];
        let column = (location.column as usize).saturating_sub(1);
        start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
    }
}
