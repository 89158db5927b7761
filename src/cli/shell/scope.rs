//! Where in a statement the cursor stands, and which tables the statement names: enough to say what may follow.
//! Reads pieces and not grammar, since what is being typed has none yet. Pure.

use crate::catalog::model::{Catalog, Resource};
use crate::cli::shell::lex::{Kind, Piece, pieces};
use crate::cli::shell::words;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub clause: Clause,
    /// In the order in which the statement names them.
    pub tables: Vec<Table>,
}

/// What is wanted where the cursor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// A statement's first word.
    Begin,
    Table,
    /// `provider.service.resource.method`
    Method,
    /// `provider` or `provider.service`
    Service,
    /// Those of a method by its full name.
    Arguments(Vec<String>),
    Setting,
    Words(Vec<&'static str>),
    /// The columns that an INSERT gives.
    Columns,
    /// The columns that an UPDATE sets.
    Changes,
    /// A column, or whatever else makes an expression.
    Fields,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub path: Vec<String>,
    pub alias: Option<String>,
}

impl Table {
    pub fn resource<'a>(&self, catalog: &'a Catalog) -> Option<&'a Resource> {
        let [provider, service, resource] = self.path.as_slice() else { return None };
        catalog.resource(provider, service, resource).ok()
    }

    pub fn is_called(&self, name: &str) -> bool {
        let name = name.trim_matches('"');
        self.alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case(name))
            || (self.alias.is_none() && self.path.last().is_some_and(|last| last.eq_ignore_ascii_case(name)))
    }
}

/// What a clause begins with; the longest match is not looked for, since each is one word.
const KEYS: [&str; 24] = [
    "SELECT",
    "FROM",
    "JOIN",
    "INTO",
    "UPDATE",
    "SET",
    "WHERE",
    "ON",
    "BY",
    "HAVING",
    "RETURNING",
    "VALUES",
    "USING",
    "DESCRIBE",
    "SHOW",
    "EXEC",
    "EXECUTE",
    "EXPLAIN",
    "LIMIT",
    "OFFSET",
    "RESET",
    "WITH",
    "USE",
    "DELETE",
];

/// One level of brackets: the word that its clause began with, and what stands behind that word.
#[derive(Default)]
struct Level<'a> {
    key: &'static str,
    behind: Vec<Piece<'a>>,
}

/// `text` up to the word that is being typed, which begins at `start`; and what stands behind the cursor.
pub fn context(text: &str, start: usize, behind: &str) -> Context {
    let before = pieces(&text[..start]);
    let begins = before.iter().rposition(|piece| piece.is(";")).map_or(0, |at| at + 1);
    let said: Vec<Piece<'_>> = before[begins..].iter().filter(|piece| says_something(piece)).copied().collect();
    let whole = format!("{} {behind}", &text[before.get(begins).map_or(start, |piece| piece.start)..start]);
    let whole = pieces(&whole);
    let end = whole.iter().position(|piece| piece.is(";")).unwrap_or(whole.len());
    let said_in_all: Vec<Piece<'_>> = whole[..end].iter().filter(|piece| says_something(piece)).copied().collect();
    Context { clause: clause(&said), tables: tables(&said_in_all) }
}

/// Marks of the continuation prompt say nothing.
fn says_something(piece: &Piece<'_>) -> bool {
    piece.says_something() && !piece.text.starts_with(crate::cli::shell::marks::MARK)
}

/// Whether a text that follows is the name of a file.
pub fn wants_file(before: &[Piece<'_>]) -> bool {
    let begins = before.iter().rposition(|piece| piece.is(";")).map_or(0, |at| at + 1);
    let mut said = before[begins..].iter().filter(|piece| says_something(piece));
    let copies = said.clone().next().is_some_and(|first| first.is("COPY"));
    said.next_back()
        .is_some_and(|last| ["FROM", "JOIN", "LOCATION"].iter().any(|word| last.is(word)) || (copies && last.is("TO")))
}

fn key(piece: &Piece<'_>) -> Option<&'static str> {
    KEYS.iter().copied().find(|key| piece.kind == Kind::Word && piece.is(key))
}

fn clause(said: &[Piece<'_>]) -> Clause {
    let mut said = said;
    while said.first().is_some_and(|piece| piece.is("EXPLAIN") || piece.is("ANALYZE") || piece.is("VERBOSE")) {
        said = &said[1..];
    }
    let Some(first) = said.first() else { return Clause::Begin };
    let shows = first.is("SHOW");
    let mut levels = vec![Level::default()];
    for (at, piece) in said.iter().enumerate() {
        // A part of a name is none: a method may be called `delete`.
        let is_part = at > 0 && said[at - 1].is(".");
        let is_key = key(piece).filter(|key| !(is_part || shows && *key == "INTO")).or(match () {
            () if at == 0 && piece.is("DESC") => Some("DESCRIBE"),
            () if shows && (piece.is("IN") || piece.is("INTO")) => Some("IN"),
            () => None,
        });
        let Some(level) = levels.last_mut() else { return Clause::Nothing };
        match is_key {
            Some(key) => *level = Level { key, behind: Vec::new() },
            None if piece.is("(") => {
                let key = match level.key {
                    "INTO" if !level.behind.is_empty() => "COLUMNS",
                    "FROM" | "JOIN" | "WITH" => "SUBQUERY",
                    "VALUES" => "VALUES",
                    _ => "ARGUMENTS",
                };
                levels.push(Level { key, behind: Vec::new() });
            }
            None if piece.is(")") => {
                if levels.len() > 1 {
                    levels.pop();
                }
                levels.iter_mut().last().into_iter().for_each(|level| level.behind.push(*piece));
            }
            None => level.behind.push(*piece),
        }
    }
    let Some(level) = levels.last() else { return Clause::Nothing };
    at_level(level, first, said)
}

fn at_level(level: &Level<'_>, first: &Piece<'_>, said: &[Piece<'_>]) -> Clause {
    let behind = level.behind.as_slice();
    let is_new = behind.is_empty() || behind.last().is_some_and(|last| last.is(","));
    let only = |words: &[&str]| behind.iter().all(|piece| words.iter().any(|word| piece.is(word)));
    let says = |word: &str| said.iter().any(|piece| piece.is(word));
    match level.key {
        "FROM" | "JOIN" if is_new => Clause::Table,
        "USING" if is_new && first.is("DELETE") => Clause::Table,
        "FROM" | "JOIN" if behind.last().is_some_and(|last| last.is("AS")) => Clause::Nothing,
        "FROM" | "JOIN" => Clause::Words(words::CLAUSES.to_vec()),
        "INTO" | "UPDATE" if behind.is_empty() => Clause::Table,
        "INTO" => Clause::Words(vec!["VALUES", "SELECT", "ON CONFLICT DO NOTHING", "RETURNING"]),
        "UPDATE" => Clause::Words(vec!["SET", "AS"]),
        "DELETE" => Clause::Words(vec!["FROM"]),
        "SET" if !first.is("SET") && is_new => Clause::Changes,
        "SET" if !first.is("SET") => Clause::Fields,
        "SET" | "RESET" if behind.is_empty() => Clause::Setting,
        "DESCRIBE" if says("METHOD") && only(&["EXTENDED", "METHOD"]) => Clause::Method,
        "DESCRIBE" if only(&["EXTENDED"]) => Clause::Table,
        "SHOW" if only(&["EXTENDED"]) => Clause::Words(words::SHOWN.to_vec()),
        "SHOW" if only(&["EXTENDED", "SERVICES", "RESOURCES", "METHODS", "COLUMNS"]) => Clause::Words(vec!["IN"]),
        "SHOW" => Clause::Words(vec!["LIKE", "WHERE"]),
        "IN" if !behind.is_empty() => Clause::Words(vec!["LIKE", "WHERE"]),
        "IN" if says("SERVICES") || says("RESOURCES") => Clause::Service,
        "IN" => Clause::Table,
        "USE" if behind.is_empty() => Clause::Service,
        "EXEC" | "EXECUTE" if behind.is_empty() => Clause::Method,
        "EXEC" | "EXECUTE" => Clause::Arguments(name(behind).0),
        "COLUMNS" => Clause::Columns,
        "SUBQUERY" if behind.is_empty() => Clause::Words(vec!["SELECT", "VALUES", "WITH", "EXEC"]),
        "SELECT" | "WHERE" | "ON" | "BY" | "HAVING" | "RETURNING" | "ARGUMENTS" | "USING" => Clause::Fields,
        _ => Clause::Nothing,
    }
}

/// The dotted name that pieces begin with, and how many they are.
fn name(pieces: &[Piece<'_>]) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut at = 0;
    while let Some(part) = pieces.get(at).filter(|piece| matches!(piece.kind, Kind::Word | Kind::Quoted)) {
        let text = part.text.trim_matches(['"', '`']);
        path.push(if part.kind == Kind::Word { text.to_lowercase() } else { text.to_string() });
        at += 1;
        if !pieces.get(at).is_some_and(|piece| piece.is(".")) {
            break;
        }
        at += 1;
    }
    (path, at)
}

fn tables(said: &[Piece<'_>]) -> Vec<Table> {
    let mut tables = Vec::new();
    // Whether a comma goes on with tables, for each level of brackets.
    let mut lists = vec![false];
    let mut at = 0;
    while let Some(piece) = said.get(at) {
        at += 1;
        let in_list = lists.last().copied().unwrap_or_default();
        let is_part = at > 1 && said[at - 2].is(".");
        let introduces = !is_part
            && ["FROM", "JOIN", "INTO", "UPDATE"].iter().any(|word| piece.kind == Kind::Word && piece.is(word));
        if piece.is("(") {
            lists.push(false);
        } else if piece.is(")") && lists.len() > 1 {
            lists.pop();
        } else if let Some(list) = lists.last_mut().filter(|_| introduces || key(piece).is_some()) {
            *list = piece.is("FROM");
        }
        if introduces || (in_list && piece.is(",")) {
            let (path, used) = name(&said[at..]);
            if path.is_empty() || words::is_keyword(&path[0]) {
                continue;
            }
            at += used;
            at += usize::from(said.get(at).is_some_and(|piece| piece.is("AS")));
            let alias = said.get(at).filter(|piece| matches!(piece.kind, Kind::Word | Kind::Quoted));
            let alias = alias.filter(|piece| piece.kind == Kind::Quoted || !words::is_keyword(piece.text));
            let alias = alias.map(|piece| piece.text.trim_matches(['"', '`']).to_string());
            tables.push(Table { path, alias });
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_with_their_aliases() {
        let shown = |text: &str| {
            let context = context(text, text.len(), "");
            let tables = context.tables.into_iter().map(|table| match table.alias {
                Some(alias) => format!("{} {alias}", table.path.join(".")),
                None => table.path.join("."),
            });
            tables.collect::<Vec<_>>().join(", ")
        };
        for (text, expected) in [
            ("SELECT 1", ""),
            ("SELECT * FROM a.b.c WHERE x", "a.b.c"),
            ("SELECT * FROM a.b.c AS i, \"D\".e.f j JOIN g.h.i ON", "a.b.c i, D.e.f j, g.h.i"),
            ("SELECT * FROM (SELECT * FROM a.b.c i WHERE i.x IN (1, 2)) t", "a.b.c i"),
            ("INSERT INTO a.b.c (x, y) SELECT p, q FROM d.e.f", "a.b.c, d.e.f"),
            ("UPDATE a.b.c SET x = 1, y = 2", "a.b.c"),
            ("DELETE FROM a.b.c; SELECT 1 FROM x.y.z ", "x.y.z"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn tables_behind_the_cursor_count() {
        let found = context("SELECT ", 7, " FROM a.b.c i; SELECT 1 FROM d.e.f");
        assert_eq!(found.tables, [Table { path: ["a", "b", "c"].map(String::from).to_vec(), alias: Some("i".into()) }]);
        assert_eq!(found.clause, Clause::Fields);
    }
}
