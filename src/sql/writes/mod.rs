//! INSERT, UPDATE and DELETE: the parser's tree → ours. Whatever the parser reads and nobody here answers is refused.
//! Knows no tables: how many parts a name has, and which columns there are, is for the engine to say.
//!
//! Invariant: the parser's statements are taken apart without `..`, so that what a newer parser adds has to be decided.

mod delete;
mod insert;
mod update;

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, Ident, ObjectName, Query, SetExpr, Spanned, TableAlias, TableFactor, TableWithJoins, Visit, Visitor,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span, Token};

use self::insert::Lifted;
use super::parse::Reader;
use super::split;
use super::statement::{Body, Name, Part};
use crate::error::{Error, Kind, Result};

/// A statement that begins with INSERT, UPDATE or DELETE, or with the WITH of an INSERT.
pub(super) fn statement(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Body> {
    let found = parser.peek_nth_token(1);
    let deletes = matches!(&parser.peek_token_ref().token, Token::Word(word) if word.keyword == Keyword::DELETE);
    if deletes && !matches!(&found.token, Token::Word(word) if word.keyword == Keyword::FROM) {
        return Err(reader.expected("`FROM`", &found));
    }
    let lifted = insert::lift(parser, reader)?;
    let statement = parser.parse_statement().map_err(|error| reader.refused(&error))?;
    reader.check_end(parser)?;
    let statement = match statement {
        ast::Statement::Query(query) => return self::query(query, lifted, reader),
        statement => statement,
    };
    check_reads(&statement, reader)?;
    match statement {
        ast::Statement::Insert(insert) => insert::insert(insert, lifted, reader).map(Body::Insert),
        ast::Statement::Update(update) => update::update(update, reader).map(Body::Update),
        ast::Statement::Delete(delete) => delete::delete(delete, reader).map(Body::Delete),
        _ => Err(reader.cannot("INSERT … DIRECTORY", Location::new(0, 0), None)),
    }
}

/// A query, or the INSERT that it is when only its WITH comes first.
fn query(query: Box<Query>, lifted: Lifted, reader: Reader<'_>) -> Result<Body> {
    match written(&query.body) {
        None => {
            check_reads(&*query, reader)?;
            Ok(Body::Query(query))
        }
        Some("INSERT") => {
            let insert = insert::with_inside(*query)?;
            check_reads(&insert, reader)?;
            insert::insert(insert, lifted, reader).map(Body::Insert)
        }
        Some(verb @ ("UPDATE" | "DELETE")) => {
            let clause = if verb == "UPDATE" { "FROM" } else { "USING" };
            let start = query.with.as_ref().map_or_else(Span::empty, |with| with.with_token.0.span);
            let error = reader.wrong(Kind::Statement, format!("not possible yet: `WITH` before {verb}"), start);
            Err(error.with_hint(format!("write the query behind {clause}: `{clause} (SELECT …) AS name`")))
        }
        Some(verb) => Ok(Body::Other { verb }),
    }
}

/// What a query does besides reading: such a tree must never reach a planner of queries.
fn written(body: &SetExpr) -> Option<&'static str> {
    match body {
        SetExpr::Insert(_) => Some("INSERT"),
        SetExpr::Update(_) => Some("UPDATE"),
        SetExpr::Delete(_) => Some("DELETE"),
        SetExpr::Merge(_) => Some("MERGE"),
        SetExpr::Select(select) => select.into.as_ref().map(|_| "SELECT INTO"),
        SetExpr::SetOperation { left, right, .. } => written(left).or_else(|| written(right)),
        // Within brackets it is a query of its own.
        SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => None,
    }
}

/// Refuses every query in the tree that does more than read.
pub(super) fn check_reads(tree: &impl Visit, reader: Reader<'_>) -> Result<()> {
    struct Search;
    impl Visitor for Search {
        type Break = Span;

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Span> {
            match written(&query.body) {
                // INTO is complained of with the other clauses of a SELECT, once its names are resolved.
                None | Some("SELECT INTO") => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(start(&query.body)),
            }
        }
    }
    match tree.visit(&mut Search) {
        ControlFlow::Break(span) => Err(reader.only_reads(span)),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// The verb that a query begins with.
fn start(body: &SetExpr) -> Span {
    match body {
        SetExpr::Insert(ast::Statement::Insert(insert)) => insert.insert_token.0.span,
        SetExpr::Update(ast::Statement::Update(update)) => update.update_token.0.span,
        SetExpr::Delete(ast::Statement::Delete(delete)) => delete.delete_token.0.span,
        SetExpr::Merge(ast::Statement::Merge(merge)) => merge.merge_token.0.span,
        SetExpr::Select(select) => select.select_token.0.span,
        _ => body.span(),
    }
}

/// The table that an UPDATE or DELETE changes, and its alias.
fn target(tree: TableWithJoins, clause: &str, reader: Reader<'_>) -> Result<(Name, Option<Part>)> {
    let TableWithJoins { relation, joins } = tree;
    let at = relation.span();
    let hint = format!("name the other tables behind {clause}");
    if !joins.is_empty() {
        return Err(reader.cannot("JOIN", at.end, Some(&hint)));
    }
    let TableFactor::Table {
        name,
        alias,
        args,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_hints,
    } = relation
    else {
        return Err(reader.wrong(Kind::Statement, "only a table can be changed", at));
    };
    let clauses = [
        (args.is_some(), "(…)"),
        (!partitions.is_empty(), "PARTITION"),
        (with_ordinality, "WITH ORDINALITY"),
        (!with_hints.is_empty(), "WITH (…)"),
        (!index_hints.is_empty(), "INDEX"),
        (version.is_some(), "AS OF"),
        (json_path.is_some(), "[…]"),
        (sample.is_some(), "SAMPLE"),
    ];
    reader.check_none(&clauses, name.span().end)?;
    let alias = match alias {
        None => None,
        Some(TableAlias { explicit: _, name, columns, at }) => {
            let clauses = [(!columns.is_empty(), "AS name (…)"), (at.is_some(), "AT")];
            reader.check_none(&clauses, name.span.start)?;
            Some(Part::from(&name))
        }
    };
    Ok((reader.table(&name)?, alias))
}

/// The first column that comes twice, in whichever case.
fn check_once<'a>(columns: impl Iterator<Item = &'a Part>, reader: Reader<'_>) -> Result<()> {
    let mut known = std::collections::HashSet::new();
    for column in columns {
        if !known.insert(column.text.to_lowercase()) {
            return Err(reader.wrong(Kind::Statement, format!("`{}` is given twice", column.text), column.span));
        }
    }
    Ok(())
}

impl Reader<'_> {
    /// A clause that is read and not answered, at the first place behind `after` that has its words.
    fn cannot(self, clause: &str, after: Location, hint: Option<&str>) -> Error {
        let next = || split::words(self.tokens, "", after).unwrap_or_else(|| Span::new(after, after));
        let span = split::words(self.tokens, clause, after).unwrap_or_else(next);
        let error = self.wrong(Kind::Statement, format!("not possible yet: `{clause}`"), span);
        hint.into_iter().fold(error, |error, hint| error.with_hint(hint))
    }

    /// None of these clauses is there.
    fn check_none(self, clauses: &[(bool, &str)], after: Location) -> Result<()> {
        match clauses.iter().find(|(is_there, _)| *is_there) {
            Some((_, clause)) => Err(self.cannot(clause, after, None)),
            None => Ok(()),
        }
    }

    fn only_reads(self, span: Span) -> Error {
        self.wrong(Kind::Statement, "a query within a query can only read", span)
    }

    /// The word that has to stand behind `after`, and does not.
    fn needs(self, word: &str, after: Location) -> Error {
        let next = self.tokens.iter().find(|token| token.span.start >= after && !split::is_space(&token.token));
        next.map_or_else(
            || self.wrong(Kind::Syntax, format!("expected `{word}`"), Span::new(after, after)),
            |next| self.expected(&format!("`{word}`"), next),
        )
    }

    fn table(self, name: &ObjectName) -> Result<Name> {
        Ok(Name { parts: self.idents(name)?.into_iter().map(Part::from).collect() })
    }

    /// The parts of a name.
    fn idents(self, name: &ObjectName) -> Result<Vec<&Ident>> {
        let parts: Option<Vec<_>> = name.0.iter().map(|part| part.as_ident()).collect();
        parts.ok_or_else(|| self.wrong(Kind::Syntax, "expected a name of words and dots", name.span()))
    }
}
