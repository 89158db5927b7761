//! `EXEC provider.service.resource.method @name = value, … @@json = '{…}' RETURNING …`, as a statement and (`tables`) as a
//! table, which has no RETURNING.
//! Knows no methods: whether there is one of that name, and what it takes, is for the engine to say.

mod json;
pub(super) mod tables;

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, Spanned, Visit, Visitor};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::parse::Reader;
use super::statement::{Assignment, Exec, Name, Part};
use crate::error::{Error, Kind, Result};

/// What to do instead of EXECUTE of a statement that was prepared.
const UNPREPARED: &str =
    "nothing is prepared here: write `$name` in a statement, and give its value by `--param name=…`";

/// What was read, and where the value of each argument stands, in the order of `Exec::args`.
struct Read {
    exec: Exec,
    values: Vec<Span>,
}

/// Everything from EXEC to what cannot be one of its arguments.
pub(super) fn exec(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Exec> {
    let mut exec = read(parser, reader)?.exec;
    if parser.parse_keyword(Keyword::RETURNING) {
        let items = parser.parse_comma_separated(Parser::parse_select_item);
        exec.returning = Some(items.map_err(|error| reader.refused(&error))?);
    }
    Ok(exec)
}

fn read(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Read> {
    let verb = parser.next_token();
    let found = parser.peek_token();
    if !matches!(found.token, Token::Word(_)) {
        return Err(reader.expected("`provider.service.resource.method`", &found));
    }
    let name = reader.name(parser)?;
    check_name(&name, &verb, reader)?;
    let (mut exec, mut values) = (Exec { name, args: Vec::new(), json: None, returning: None }, Vec::new());
    let first = parser.peek_token();
    let ends = matches!(&first.token, Token::EOF | Token::RParen)
        || matches!(&first.token, Token::Word(word) if word.keyword == Keyword::RETURNING);
    if !ends && !is_marker(&first.token) {
        return Err(reader.expected("`@name = value`", &first));
    }
    let mut known = HashSet::new();
    while is_marker(&parser.peek_token_ref().token) {
        let (column, is_json) = marker(parser, reader)?;
        parser.expect_token(&Token::Eq).map_err(|error| reader.refused(&error))?;
        let start = parser.peek_token_ref().span.start;
        let value = parser.parse_expr().map_err(|error| reader.refused(&error))?;
        let end = parser.get_current_token().span.end;
        check_constant(&value, Span::new(start, end), reader)?;
        if is_json {
            if exec.json.is_some() {
                return Err(reader.wrong(Kind::Statement, "there can be one JSON object", column.span));
            }
            exec.json = Some((json::object(value, &column, reader)?, Span::new(start, end)));
        } else {
            if !known.insert(column.text.to_lowercase()) {
                return Err(reader.wrong(Kind::Statement, format!("`@{}` is given twice", column.text), column.span));
            }
            values.push(Span::new(start, end));
            exec.args.push(Assignment { column, value });
        }
        let comma = parser.peek_token();
        if parser.consume_token(&Token::Comma) && !is_marker(&parser.peek_token_ref().token) {
            let found = parser.peek_token();
            let found = if found.token == Token::EOF { comma } else { found };
            return Err(reader.expected("`@name = value`", &found));
        }
    }
    let twice = exec.json.iter().flat_map(|(object, span)| object.keys().map(|key| (key, *span)));
    for (key, span) in twice {
        if !known.insert(key.to_lowercase()) {
            return Err(reader.wrong(Kind::Statement, format!("`{key}` is given twice"), span));
        }
    }
    Ok(Read { exec, values })
}

/// A method stands behind its resource, at least.
fn check_name(name: &Name, verb: &TokenWithSpan, reader: Reader<'_>) -> Result<()> {
    if (2..=4).contains(&name.parts.len()) {
        return Ok(());
    }
    let verb = verb.token.to_string().to_uppercase();
    let message = format!("{verb} needs `provider.service.resource.method`, found `{name}`");
    let error = Error::new(Kind::Syntax, message).at(reader.source.place(name.span()));
    if verb == "EXECUTE" && name.parts.len() == 1 {
        return Err(error.with_hint(UNPREPARED));
    }
    Err(error.with_hint("for example `EXEC awscc.redshift.integrations.list_resources @region = 'us-east-1'`"))
}

/// `@name`, `@@name` and `@"name"` are one word each, or two.
fn is_marker(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.quote_style.is_none() && word.value.starts_with('@'),
        Token::AtSign | Token::AtAt => true,
        _ => false,
    }
}

/// The argument that a value follows, and whether it is the JSON object.
fn marker(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<(Part, bool)> {
    let found = parser.next_token();
    let next = parser.peek_token_no_skip();
    match (&found.token, &next.token) {
        (Token::Word(word), _) => {
            let name = word.value.trim_start_matches('@');
            let ats = word.value.len() - name.len();
            let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_') && !name.contains('@');
            if is_name && ats <= 2 {
                return Ok((Part { text: name.to_lowercase(), span: found.span }, ats == 2));
            }
        }
        (Token::AtSign, Token::Word(word)) if word.quote_style.is_some() => {
            parser.next_token();
            let name = Ident { span: found.span.union(&next.span), ..word.to_ident(next.span) };
            return Ok((Part::from(&name), false));
        }
        _ => {}
    }
    Err(reader.expected("`@name = value`", &found))
}

/// An argument knows no columns, and asks nothing.
fn check_constant(value: &Expr, whole: Span, reader: Reader<'_>) -> Result<()> {
    struct Search;
    impl Visitor for Search {
        type Break = (Span, bool);

        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<(Span, bool)> {
            match expression {
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break((expression.span(), true)),
                Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                    ControlFlow::Break((expression.span(), false))
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    match value.visit(&mut Search) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break((span, is_name)) => {
            let error = reader.wrong(Kind::Statement, "an argument of EXEC is a constant", span);
            let typed = reader.source.between(whole.start, whole.end);
            let typed = typed.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(typed);
            let is_word = !typed.contains(|letter: char| letter.is_whitespace() || matches!(letter, '\'' | '"' | '('));
            Err(match is_name && is_word {
                true => error.with_hint(format!("text is written in single quotes: `'{typed}'`")),
                false => error,
            })
        }
    }
}

/// Is a place within a stretch of the text?
fn within(location: Location, span: Span) -> bool {
    span.start <= location && location < span.end
}
