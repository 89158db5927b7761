//! `(EXEC …)` as a table: the tokens between the brackets become those of the query that reads the same, at the places
//! where the user wrote them, so that whatever is wrong with it is pointed at there.

use serde_json::Value;
use sqlparser::ast::{self, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

use super::super::parse::Reader;
use super::super::split;
use super::super::statement::{Assignment, Exec};
use super::{Read, is_marker, read, within};
use crate::error::{Kind, Result};

/// The statement's tokens with a query in the place of each `(EXEC …)`, and what stood there, in order.
pub(in super::super) fn replace(
    tokens: Vec<TokenWithSpan>,
    reader: Reader<'_>,
) -> Result<(Vec<TokenWithSpan>, Vec<Exec>)> {
    let is_word = |token: &TokenWithSpan| !split::is_space(&token.token);
    let words: Vec<TokenWithSpan> = tokens.iter().filter(|token| is_word(token)).cloned().collect();
    let (mut replaced, mut execs, mut at) = (Vec::new(), Vec::new(), 0);
    if !words.windows(4).any(is_exec) {
        return Ok((tokens, execs));
    }
    while let Some(word) = words.get(at) {
        replaced.push(word.clone());
        at += 1;
        if !words.get(at - 1..at + 3).is_some_and(is_exec) {
            continue;
        }
        let end = at + split::closing(&words[at..]);
        // With its bracket, so that an argument that is cut short is so before `)`.
        let inner = &words[at..words.len().min(end + 1)];
        let mut parser = reader.parser(inner.to_vec());
        let read = read(&mut parser, reader)?;
        let next = parser.peek_token();
        if matches!(&next.token, Token::Word(word) if word.keyword == Keyword::RETURNING) {
            let message = "an EXEC that is a table has no RETURNING: the query around it says what is wanted";
            return Err(reader.wrong(Kind::Statement, message, next.span));
        }
        if next.token != Token::RParen || words.get(end).is_none_or(|closing| closing.span != next.span) {
            return Err(reader.expected("`@name = value` or `)`", &next));
        }
        replaced.extend(query(&read, inner, reader));
        execs.push(read.exec);
        at = end;
    }
    Ok((replaced, execs))
}

/// `(EXEC a.` or `(EXEC a @`: `exec` may be a column, too.
fn is_exec(words: &[TokenWithSpan]) -> bool {
    let [bracket, verb, name, next] = words else { return false };
    bracket.token == Token::LParen
        && matches!(&verb.token, Token::Word(verb) if verb.quote_style.is_none()
            && (verb.value.eq_ignore_ascii_case("EXEC") || verb.value.eq_ignore_ascii_case("EXECUTE")))
        && matches!(name.token, Token::Word(_))
        && (next.token == Token::Period || is_marker(&next.token))
}

/// `SELECT * FROM resource WHERE name = value AND …`
fn query(read: &Read, words: &[TokenWithSpan], reader: Reader<'_>) -> Vec<TokenWithSpan> {
    let verb = words.first().map_or_else(Span::empty, |word| word.span);
    let mut query: Vec<_> =
        [keyword("SELECT"), Token::Mul, keyword("FROM")].map(|token| TokenWithSpan { token, span: verb }).into();
    // The name without its method: in full three words and the two dots between them.
    query.extend(words.iter().skip(1).take(2 * read.exec.name.parts.len() - 3).cloned());
    let args = read.exec.args.iter().zip(&read.values);
    let mut conditions: Vec<_> = args.map(|(arg, value)| of_arg(arg, *value, words, reader)).collect();
    if let Some((object, span)) = &read.exec.json {
        // What is nested is nothing that a query could bind: whether the method takes it, the engine knows.
        let single = object.iter().filter(|(_, value)| !value.is_array() && !value.is_object());
        conditions.extend(single.map(|(name, value)| of_member(name, value, *span)));
    }
    for (at, condition) in conditions.into_iter().enumerate() {
        let span = condition.first().map_or(verb, |word| word.span);
        query.push(TokenWithSpan { token: keyword(if at == 0 { "WHERE" } else { "AND" }), span });
        query.extend(condition);
    }
    query
}

/// `name = (value)`, or `name IS NULL`, in the user's own words.
fn of_arg(arg: &Assignment, value: Span, words: &[TokenWithSpan], reader: Reader<'_>) -> Vec<TokenWithSpan> {
    let span = arg.column.span;
    let quoted = reader.source.between(span.start, span.end).starts_with("@\"");
    let put = |token: Token| TokenWithSpan { token, span };
    let name = put(column(&arg.column.text, quoted));
    if matches!(&arg.value, Expr::Value(literal) if literal.value == ast::Value::Null) {
        return vec![name, put(keyword("IS")), put(keyword("NULL"))];
    }
    let typed: Vec<_> = words.iter().filter(|word| within(word.span.start, value)).cloned().collect();
    match typed.as_slice() {
        [word] => vec![name, put(Token::Eq), word.clone()],
        _ => [vec![name, put(Token::Eq), put(Token::LParen)], typed, vec![put(Token::RParen)]].concat(),
    }
}

/// The condition of a member of `@@json` that is a single value, all of it at the text's place.
fn of_member(name: &str, value: &Value, span: Span) -> Vec<TokenWithSpan> {
    let tokens = match value {
        Value::Null => vec![keyword("IS"), keyword("NULL")],
        Value::Bool(value) => vec![Token::Eq, keyword(if *value { "TRUE" } else { "FALSE" })],
        Value::String(text) => vec![Token::Eq, Token::SingleQuotedString(text.clone())],
        Value::Number(number) => match number.to_string().strip_prefix('-') {
            Some(digits) => vec![Token::Eq, Token::Minus, Token::Number(digits.into(), false)],
            None => vec![Token::Eq, Token::Number(number.to_string(), false)],
        },
        Value::Array(_) | Value::Object(_) => vec![Token::Eq, Token::SingleQuotedString(value.to_string())],
    };
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let tokens = std::iter::once(column(name, !plain)).chain(tokens);
    tokens.map(|token| TokenWithSpan { token, span }).collect()
}

fn keyword(word: &str) -> Token {
    Token::make_keyword(word)
}

/// A column's name, whatever keyword it is spelled like.
fn column(name: &str, quoted: bool) -> Token {
    Token::Word(Word { value: name.to_string(), quote_style: quoted.then_some('"'), keyword: Keyword::NoKeyword })
}
