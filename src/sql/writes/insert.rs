//! INSERT: which of its many forms there are here, and what to write for the others.

use sqlparser::ast::{self, Query, SetExpr, Spanned, TableObject};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{IsOptional, Parser};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::super::parse::Reader;
use super::super::split;
use super::super::statement::{Insert, OnConflict, Part, query};
use super::{check_once, written};
use crate::error::{Error, Kind, Result};

/// Two clauses that the dialect does not read everywhere: `AS alias` behind the table, and `ON CONFLICT` behind a
/// SELECT without FROM, where it would be an alias.
#[derive(Default)]
pub(super) struct Lifted {
    alias: Option<Part>,
    /// The columns that an ON CONFLICT … DO NOTHING names.
    conflict: Option<Vec<Part>>,
}

/// Takes these clauses out of what the parser has before it, if that is an INSERT, with or without a WITH.
pub(super) fn lift(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Lifted> {
    if !(0..reader.tokens.len()).any(|at| is(reader.tokens, at, Keyword::INSERT)) {
        return Ok(Lifted::default());
    }
    let rest = std::iter::repeat_with(|| parser.next_token()).take_while(|token| token.token != Token::EOF);
    let mut tokens: Vec<TokenWithSpan> = rest.collect();
    let outside = split::outside(&tokens);
    let mut lifted = Lifted::default();
    if let Some((insert, into)) = outside.iter().find_map(|at| Some((*at, into(&tokens, *at)?))) {
        if let Some(clause) = outside.iter().copied().find(|at| *at > insert && is_conflict(&tokens, *at)) {
            let end = outside.iter().copied().find(|at| *at > clause && is(&tokens, *at, Keyword::RETURNING));
            let clause: Vec<_> = tokens.drain(clause..end.unwrap_or(tokens.len())).collect();
            lifted.conflict = Some(conflict(clause, reader)?);
        }
        if let Some(at) = alias(&tokens, into) {
            lifted.alias = tokens[at + 1..at + 2].iter().find_map(|token| match &token.token {
                Token::Word(word) => Some(Part::from(&word.to_ident(token.span))),
                _ => None,
            });
            tokens.drain(at..at + 2);
        }
    }
    *parser = reader.parser(tokens);
    Ok(lifted)
}

/// Where `INTO` stands, if an `INSERT [IGNORE] INTO` begins here.
fn into(tokens: &[TokenWithSpan], insert: usize) -> Option<usize> {
    let into = if is(tokens, insert + 1, Keyword::IGNORE) { insert + 2 } else { insert + 1 };
    (is(tokens, insert, Keyword::INSERT) && is(tokens, into, Keyword::INTO)).then_some(into)
}

/// Where `AS` stands in `INTO table AS alias (`.
fn alias(tokens: &[TokenWithSpan], into: usize) -> Option<usize> {
    let mut at = into + 2;
    while tokens.get(at)?.token == Token::Period {
        at += 2;
    }
    let is_alias = is(tokens, at, Keyword::AS)
        && matches!(tokens.get(at + 1)?.token, Token::Word(_))
        && tokens.get(at + 2)?.token == Token::LParen;
    is_alias.then_some(at)
}

/// Does an ON CONFLICT or ON DUPLICATE KEY begin here? A join may be `ON conflict`, too.
fn is_conflict(tokens: &[TokenWithSpan], at: usize) -> bool {
    if !is(tokens, at, Keyword::ON) {
        return false;
    }
    if is(tokens, at + 1, Keyword::DUPLICATE) {
        return is(tokens, at + 2, Keyword::KEY);
    }
    let target = at + 2;
    let behind = match tokens.get(target).map(|token| &token.token) {
        Some(Token::LParen) => target + 2 + split::closing(&tokens[target + 1..]),
        _ => target,
    };
    let goes_on = is(tokens, behind, Keyword::DO) || is(tokens, behind, Keyword::ON);
    is(tokens, at + 1, Keyword::CONFLICT) && goes_on
}

/// The columns of `ON CONFLICT [(columns)] DO NOTHING`.
fn conflict(clause: Vec<TokenWithSpan>, reader: Reader<'_>) -> Result<Vec<Part>> {
    let update = Some("`ON CONFLICT DO NOTHING` leaves what is there; `UPDATE` changes it");
    let start = clause.first().map_or(Span::empty(), |on| on.span).start;
    let mut parser = reader.parser(clause);
    if !parser.parse_keywords(&[Keyword::ON, Keyword::CONFLICT]) {
        return Err(reader.cannot("ON DUPLICATE KEY", start, update));
    }
    if parser.parse_keyword(Keyword::ON) {
        return Err(reader.cannot("ON CONSTRAINT", start, Some("write `ON CONFLICT DO NOTHING`")));
    }
    let columns = match parser.peek_token_ref().token {
        Token::LParen => parser.parse_parenthesized_column_list(IsOptional::Mandatory, false),
        _ => Ok(Vec::new()),
    };
    let columns = columns.map_err(|error| reader.refused(&error))?;
    if parser.parse_keywords(&[Keyword::DO, Keyword::UPDATE]) {
        return Err(reader.cannot("DO UPDATE", start, update));
    }
    if !parser.parse_keywords(&[Keyword::DO, Keyword::NOTHING]) {
        return Err(reader.expected("`DO NOTHING`", &parser.peek_token()));
    }
    reader.check_end(&parser)?;
    Ok(columns.iter().map(Part::from).collect())
}

fn is(tokens: &[TokenWithSpan], at: usize, wanted: Keyword) -> bool {
    tokens.get(at).is_some_and(|token| matches!(&token.token, Token::Word(word) if word.keyword == wanted))
}

/// The INSERT that has its WITH before the verb, with that WITH around its source.
pub(super) fn with_inside(outer: Query) -> Result<ast::Insert> {
    let Query {
        with,
        body,
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: _,
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: _,
    } = outer
    else {
        return Err(Error::new(Kind::Internal, "an INSERT was read with the clauses of a query"));
    };
    let SetExpr::Insert(ast::Statement::Insert(mut insert)) = *body else {
        return Err(Error::new(Kind::Internal, "an INSERT was read as another statement"));
    };
    insert.source = insert.source.map(|source| match source.with {
        None => Box::new(Query { with, ..*source }),
        Some(_) => Box::new(Query { with, ..query(SetExpr::Query(source)) }),
    });
    Ok(insert)
}

pub(super) fn insert(insert: ast::Insert, lifted: Lifted, reader: Reader<'_>) -> Result<Insert> {
    let ast::Insert {
        insert_token,
        // Lifted out of the text before it is parsed.
        optimizer_hints: _,
        or,
        ignore,
        into,
        table,
        table_alias,
        columns,
        overwrite,
        source,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on,
        returning,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    let verb = insert_token.0.span.end;
    if let Some(or) = or {
        let hint = "`ON CONFLICT DO NOTHING` leaves what is there; `UPDATE` changes it";
        return Err(reader.cannot(&or.to_string(), verb, Some(hint)));
    }
    if let Some(priority) = priority {
        return Err(reader.cannot(&priority.to_string(), verb, None));
    }
    let many = multi_table_insert_type.is_some()
        || !multi_table_into_clauses.is_empty()
        || !multi_table_when_clauses.is_empty()
        || multi_table_else_clause.is_some();
    reader.check_none(&[(overwrite, "OVERWRITE"), (replace_into, "REPLACE"), (many, "INSERT ALL")], verb)?;
    reader.check_none(&[(has_table_keyword, "TABLE")], verb)?;
    let TableObject::TableName(name) = table else {
        return Err(reader.wrong(Kind::Statement, "only a table can be inserted into", table.span()));
    };
    if !into {
        return Err(reader.needs("INTO", name.span().start));
    }
    let end = columns.iter().map(|column| column.span().end).fold(name.span().end, std::cmp::Ord::max);
    let clauses = [
        (partitioned.is_some(), "PARTITION"),
        (!after_columns.is_empty(), "(…)"),
        (output.is_some(), "OUTPUT"),
        (!assignments.is_empty(), "SET"),
        (settings.is_some(), "SETTINGS"),
        (format_clause.is_some(), "FORMAT"),
    ];
    reader.check_none(&clauses, end)?;
    let Some(source) = source else {
        return Err(reader.cannot("DEFAULT VALUES", end, Some("name the columns, and give each a value")));
    };
    let table = reader.table(&name)?;
    if columns.is_empty() && table.parts.len() > 1 {
        let error = reader.wrong(Kind::Statement, format!("INSERT INTO `{table}` names no columns"), table.span());
        return Err(match table.parts.len() {
            3 => error.with_hint(format!("`SHOW INSERT INTO {name}` prints a statement with all of them")),
            _ => error,
        });
    }
    let columns = columns.iter().map(|column| match reader.idents(column)?.as_slice() {
        [column] => Ok(Part::from(*column)),
        parts => {
            let error = reader.wrong(Kind::Statement, format!("`{column}` is no column of an INSERT"), column.span());
            Err(parts.last().map_or(error.clone(), |last| error.with_hint(format!("write `{last}`"))))
        }
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    check_once(columns.iter(), reader)?;
    if insert_alias.is_some() {
        return Err(reader.cannot("AS", source.span().end, None));
    }
    if written(&source.body).is_some() {
        return Err(reader.cannot("INTO", source.span().start, None));
    }
    if on.is_some() {
        return Err(reader.cannot("ON", source.span().end, None));
    }
    let Lifted { alias, conflict } = lifted;
    let alias = alias.or(table_alias.map(|table_alias| Part::from(&table_alias.alias)));
    let on_conflict = if ignore || conflict.is_some() { OnConflict::Nothing } else { OnConflict::Fail };
    let conflict_columns = conflict.unwrap_or_default();
    Ok(Insert { table, alias, columns, source, on_conflict, conflict_columns, returning })
}
