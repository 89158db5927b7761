//! What a statement can do to things of the user's own: tables of the session, files, views, and blocks of statements.
//! Read from tokens where the text itself is kept, else by the parser; knows no table.

use datafusion::sql::parser::{CopyToSource, CreateExternalTable, DFParser, Statement as Parsed};
use sqlparser::ast::{self, ColumnDef, Query, Spanned};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::parse::{Reader, inner_text};
use super::statement::{Body, Name, Part};
use super::writes;
use crate::error::{Kind, Result};

/// A statement about a table, a file or a view of the user's own.
#[derive(Debug, Clone)]
pub enum Own {
    Table(CreateTable),
    File(CreateFile),
    View(CreateView),
    Refresh { name: Name },
    Drop { what: Dropped, names: Vec<Name>, if_exists: bool },
    Copy(Copy),
}

/// `CREATE [OR REPLACE] [TEMP] TABLE [IF NOT EXISTS] name (columns) | AS query`.
#[derive(Debug, Clone)]
pub struct CreateTable {
    pub name: Name,
    pub existing: Existing,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub enum Content {
    /// With no row yet. Never empty.
    Columns(Vec<ColumnDef>),
    Query(Box<Query>),
}

/// `CREATE EXTERNAL TABLE name … STORED AS format LOCATION 'path'`.
#[derive(Debug, Clone)]
pub struct CreateFile {
    pub name: Name,
    pub existing: Existing,
    /// As DataFusion's parser has it.
    pub table: Box<CreateExternalTable>,
}

/// `CREATE [OR REPLACE] [MATERIALIZED] VIEW [IF NOT EXISTS] name AS query`.
#[derive(Debug, Clone)]
pub struct CreateView {
    pub name: Name,
    pub existing: Existing,
    /// Its rows are read now, and kept.
    pub materialized: bool,
    pub query: Box<Query>,
    /// The query as it was typed.
    pub text: String,
}

/// What is done where the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Fail,
    /// `IF NOT EXISTS`
    Keep,
    /// `OR REPLACE`
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    Table,
    View,
    Materialized,
}

/// `COPY table | (query) TO 'file' [STORED AS format] [OPTIONS (…)]`.
#[derive(Debug, Clone)]
pub struct Copy {
    pub query: Box<Query>,
    pub file: String,
    /// Where the file is named.
    pub span: Span,
    pub format: Option<String>,
    /// Names in lower case, with what is given for them as text.
    pub options: Vec<(String, String)>,
}

/// `BEGIN` and what ends it.
#[derive(Debug, Clone)]
pub enum Block {
    Begin,
    Commit,
    Rollback { to: Option<Part> },
    Savepoint(Part),
    Release(Part),
}

/// CREATE, DROP, REFRESH and COPY; `None` for what is not ours, of which nothing is read then.
pub(super) fn own(parser: &mut DFParser<'_>, word: &str, reader: Reader<'_>) -> Result<Option<Body>> {
    let own = match word {
        "CREATE" => create(parser, reader)?,
        "DROP" => drop_statement(&mut parser.parser, reader)?,
        "REFRESH" => Some(refresh(&mut parser.parser, reader)?),
        "COPY" => Some(copy(parser, reader)?),
        _ => None,
    };
    Ok(own.map(Body::Own))
}

/// BEGIN, START TRANSACTION, COMMIT, END, ROLLBACK, SAVEPOINT and RELEASE.
pub(super) fn block(parser: &mut Parser<'_>, word: &str, reader: Reader<'_>) -> Result<Body> {
    parser.next_token();
    let part = |parser: &mut Parser<'_>| {
        let _is_said = parser.parse_keyword(Keyword::SAVEPOINT);
        parser.parse_identifier().map(|ident| Part::from(&ident)).map_err(|error| reader.refused(&error))
    };
    let block = match word {
        "START" if !parser.parse_keyword(Keyword::TRANSACTION) => {
            return Err(reader.expected("`TRANSACTION`", &parser.peek_token()));
        }
        "START" => Block::Begin,
        "SAVEPOINT" => Block::Savepoint(part(parser)?),
        "RELEASE" => Block::Release(part(parser)?),
        _ => {
            let _ = parser.parse_keyword(Keyword::TRANSACTION) || parser.parse_keyword(Keyword::WORK);
            match word {
                "BEGIN" => Block::Begin,
                "ROLLBACK" if parser.parse_keyword(Keyword::TO) => Block::Rollback { to: Some(part(parser)?) },
                "ROLLBACK" => Block::Rollback { to: None },
                _ => Block::Commit,
            }
        }
    };
    Ok(Body::Block(block))
}

fn create(parser: &mut DFParser<'_>, reader: Reader<'_>) -> Result<Option<Own>> {
    let words: Vec<String> = (1..6).map(|at| word(&parser.parser.peek_nth_token(at))).collect();
    let mut rest = words.iter().map(String::as_str);
    let what = rest.find(|word| !matches!(*word, "OR" | "REPLACE" | "TEMP" | "TEMPORARY" | "UNBOUNDED"));
    match what {
        Some("EXTERNAL") => file(parser, reader).map(Some),
        Some("TABLE") => table(&mut parser.parser, reader).map(Some),
        Some("VIEW" | "MATERIALIZED") => view(&mut parser.parser, reader).map(Some),
        _ => Ok(None),
    }
}

/// `CREATE [OR REPLACE] [TEMP]`: whether it replaces.
fn replaces(parser: &mut Parser<'_>) -> bool {
    parser.next_token();
    let replaces = parser.parse_keywords(&[Keyword::OR, Keyword::REPLACE]);
    let _ = parser.parse_keyword(Keyword::TEMP) || parser.parse_keyword(Keyword::TEMPORARY);
    replaces
}

/// `[IF NOT EXISTS] name`
fn named(parser: &mut Parser<'_>, replaces: bool, reader: Reader<'_>) -> Result<(Name, Existing)> {
    let found = parser.peek_token();
    let keeps = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let existing = existing(replaces, keeps, found.span, reader)?;
    Ok((reader.name(parser)?, existing))
}

fn existing(replaces: bool, keeps: bool, span: Span, reader: Reader<'_>) -> Result<Existing> {
    match (replaces, keeps) {
        (true, true) => Err(reader.wrong(Kind::Syntax, "`OR REPLACE` and `IF NOT EXISTS` do not go together", span)),
        (true, false) => Ok(Existing::Replace),
        (false, true) => Ok(Existing::Keep),
        (false, false) => Ok(Existing::Fail),
    }
}

fn table(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Own> {
    let replaces = replaces(parser);
    parser.expect_keyword(Keyword::TABLE).map_err(|error| reader.refused(&error))?;
    let (name, existing) = named(parser, replaces, reader)?;
    let found = parser.peek_token();
    let (columns, constraints) = parser.parse_columns().map_err(|error| reader.refused(&error))?;
    if let Some(constraint) = constraints.first() {
        let message = format!("not possible yet: `{constraint}`");
        return Err(reader.wrong(Kind::Statement, message, constraint.span()));
    }
    if !parser.parse_keyword(Keyword::AS) {
        if columns.is_empty() {
            return Err(reader.expected("`AS` and a query, or columns in brackets", &parser.peek_token()));
        }
        return Ok(Own::Table(CreateTable { name, existing, content: Content::Columns(columns) }));
    }
    if !columns.is_empty() {
        let message = "a table has its columns either in brackets or from its query";
        let error = reader.wrong(Kind::Statement, message, found.span);
        return Err(error.with_hint("name them in the query: `SELECT … AS name`; `CAST(… AS type)` gives a type"));
    }
    let query = reads(parser, reader)?;
    Ok(Own::Table(CreateTable { name, existing, content: Content::Query(query) }))
}

fn view(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Own> {
    let replaces = replaces(parser);
    let materialized = parser.parse_keyword(Keyword::MATERIALIZED);
    parser.expect_keyword(Keyword::VIEW).map_err(|error| reader.refused(&error))?;
    let (name, existing) = named(parser, replaces, reader)?;
    let found = parser.peek_token();
    if found.token == Token::LParen {
        let error = reader.wrong(Kind::Statement, "not possible yet: a view with a list of columns", found.span);
        return Err(error.with_hint("name them in its query: `SELECT … AS name`"));
    }
    parser.expect_keyword(Keyword::AS).map_err(|error| reader.refused(&error))?;
    let (start, end) = (parser.peek_token().span.start, reader.end());
    let query = reads(parser, reader)?;
    let text = reader.source.between(start, end).to_string();
    Ok(Own::View(CreateView { name, existing, materialized, query, text }))
}

fn file(parser: &mut DFParser<'_>, reader: Reader<'_>) -> Result<Own> {
    let start = parser.parser.peek_token().span;
    match parser.parse_statement() {
        Ok(Parsed::CreateExternalTable(table)) => {
            let parts = table.name.0.iter().filter_map(|part| part.as_ident()).map(Part::from).collect();
            let existing = existing(table.or_replace, table.if_not_exists, start, reader)?;
            Ok(Own::File(CreateFile { name: Name { parts }, existing, table: Box::new(table) }))
        }
        Ok(_) => Err(reader.wrong(Kind::Syntax, "expected `EXTERNAL TABLE`", start)),
        Err(error) => Err(reader.refused(&ParserError::ParserError(inner_text(&error.to_string())))),
    }
}

fn drop_statement(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Option<Own>> {
    let what = match (word(&parser.peek_nth_token(1)).as_str(), word(&parser.peek_nth_token(2)).as_str()) {
        ("TABLE", _) | ("TEMP" | "TEMPORARY" | "EXTERNAL", "TABLE") => Dropped::Table,
        ("VIEW", _) => Dropped::View,
        ("MATERIALIZED", "VIEW") => Dropped::Materialized,
        _ => return Ok(None),
    };
    while !matches!(word(&parser.peek_token()).as_str(), "TABLE" | "VIEW") {
        parser.next_token();
    }
    parser.next_token();
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let mut names = vec![reader.name(parser)?];
    while parser.consume_token(&Token::Comma) {
        names.push(reader.name(parser)?);
    }
    let _is_said = parser.parse_keyword(Keyword::RESTRICT);
    Ok(Some(Own::Drop { what, names, if_exists }))
}

fn refresh(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Own> {
    parser.next_token();
    if !parser.parse_keywords(&[Keyword::MATERIALIZED, Keyword::VIEW]) {
        return Err(reader.expected("`MATERIALIZED VIEW name`", &parser.peek_token()));
    }
    Ok(Own::Refresh { name: reader.name(parser)? })
}

fn copy(parser: &mut DFParser<'_>, reader: Reader<'_>) -> Result<Own> {
    let start = parser.parser.peek_token().span;
    let parsed = parser
        .parse_statement()
        .map_err(|error| reader.refused(&ParserError::ParserError(inner_text(&error.to_string()))))?;
    let Parsed::CopyTo(copy) = parsed else {
        let error = reader.wrong(Kind::Statement, "not possible yet: COPY … FROM", start);
        return Err(error.with_hint("`CREATE EXTERNAL TABLE` reads a file, and so does `SELECT … FROM 'file.csv'`"));
    };
    let named =
        |token: &&TokenWithSpan| matches!(&token.token, Token::SingleQuotedString(text) if *text == copy.target);
    let span = reader.tokens.iter().find(named).map_or_else(Span::empty, |token| token.span);
    if !copy.partitioned_by.is_empty() {
        return Err(reader.wrong(Kind::Statement, "not possible yet: `PARTITIONED BY`", span));
    }
    let query = match copy.source {
        CopyToSource::Query(query) => query,
        CopyToSource::Relation(name) => whole(&name, reader)?,
    };
    writes::check_reads(&*query, reader)?;
    let text = |value: &ast::Value| match value {
        ast::Value::SingleQuotedString(text) | ast::Value::DoubleQuotedString(text) => text.clone(),
        other => other.to_string(),
    };
    let options = copy.options.iter().map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect();
    Ok(Own::Copy(Copy { query, file: copy.target, span, format: copy.stored_as, options }))
}

/// `SELECT * FROM name`
fn whole(name: &ast::ObjectName, reader: Reader<'_>) -> Result<Box<Query>> {
    let text = format!("SELECT * FROM {name}");
    let span = name.span();
    let tokens = super::split::tokens(&text).unwrap_or_default();
    let tokens = tokens.into_iter().map(|token| TokenWithSpan { span, ..token }).collect();
    reads(&mut reader.parser(tokens), reader)
}

/// The query that stands next, up to the end of the statement.
fn reads(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Box<Query>> {
    let found = parser.peek_token();
    match writes::statement(parser, reader)? {
        // `SELECT … INTO` is refused with the other clauses, once its names are resolved.
        Body::Query(query) => Ok(query),
        _ => Err(reader.wrong(Kind::Statement, "expected a query: SELECT, WITH or VALUES", found.span)),
    }
}

fn word(token: &TokenWithSpan) -> String {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        _ => String::new(),
    }
}
