//! What is wrong with a text that is not SQL, in the user's terms, with its place.
//! The parser's own wording (`Expected: …, found: … at Line: 1, Column: 8`) ends here.

use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, TokenizerError};

use super::split;
use super::statement::Source;
use crate::error::{Error, Kind, nearest};

const STRAIGHT: &str = "text is written in straight single quotes: `'…'`";
/// What may follow what is read already.
const CLAUSES: [&str; 17] = [
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "QUALIFY",
    "WINDOW",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "JOIN",
    "LEFT",
    "INNER",
    "USING",
    "RETURNING",
];

/// A text that cannot even be cut into words.
pub(super) fn of_text(error: &TokenizerError, text: &str, source: &Source) -> Error {
    let at = |location: Location| source.place(Span::new(location, location));
    if error.message.contains("multi-line comment") {
        // The tokenizer reports the end of the text; what helps is where the comment was opened.
        let opened = opening_of_comment(text).unwrap_or(error.location);
        return Error::new(Kind::Syntax, "this comment is not closed").at(at(opened)).with_hint("close it with `*/`");
    }
    if let Some(quote) = split::is_unfinished(error).then(|| source.char_at(error.location)).flatten() {
        return match quote {
            '"' => Error::new(Kind::Syntax, "this quoted name is not closed").with_hint("close it with `\"`"),
            '\'' if source.from(error.location).contains(is_curly) => {
                Error::new(Kind::Syntax, "this text is not closed").with_hint(STRAIGHT)
            }
            '\'' => Error::new(Kind::Syntax, "this text is not closed")
                .with_hint("close it with `'`; a quote within it is written `''`"),
            _ => Error::new(Kind::Syntax, "this quote is not closed"),
        }
        .at(at(error.location));
    }
    let found = source.char_at(error.location);
    let message = match found {
        Some(found) => format!("`{found}` cannot stand here"),
        None => "the text ends in the middle of a word".to_string(),
    };
    Error::new(Kind::Syntax, message).at(at(error.location))
}

/// A statement that the parser refused. `tokens` are the statement's own.
pub(super) fn of_statement(error: &ParserError, tokens: &[TokenWithSpan], source: &Source) -> Error {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return Error::new(Kind::Syntax, "the statement is nested too deeply").at(source.place(deepest(tokens)));
        }
    };
    let (text, location) = without_location(text);
    let span = location.and_then(|location| span_at(tokens, location)).unwrap_or_else(|| end(tokens));
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text);
    let message = match text.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
        Some((expected, "EOF")) => format!("expected {}, found the end of the statement", wanted(expected)),
        Some((expected, found)) => format!("expected {}, found `{}`", wanted(expected), found.trim()),
        None => lower_first(text.trim_end_matches('.')),
    };
    if text.starts_with(AFTER_IS) {
        let found = span_text(tokens, span);
        return Error::new(
            Kind::Syntax,
            format!("expected NULL, TRUE, FALSE or DISTINCT FROM behind IS, found {found}"),
        )
        .at(source.place(span))
        .with_hint(
            "`a IS NOT DISTINCT FROM b` is true where both are the same or both NULL; `a IS DISTINCT FROM b` where not",
        );
    }
    Error::new(Kind::Syntax, message).at(source.place(span))
}

/// How the parser begins what it says of `a IS b`.
const AFTER_IS: &str = "Expected: [NOT] NULL | TRUE | FALSE | DISTINCT";

fn span_text(tokens: &[TokenWithSpan], span: Span) -> String {
    match tokens.iter().find(|token| token.span == span && token.token != Token::EOF) {
        Some(token) => format!("`{token}`"),
        None => "the end of the statement".into(),
    }
}

/// `expected …, found …` at a token of our own choice; no token means the statement's end.
pub(super) fn expected(what: &str, found: &TokenWithSpan, tokens: &[TokenWithSpan], source: &Source) -> Error {
    match found.token {
        Token::EOF => Error::new(Kind::Syntax, format!("expected {what}, found the end of the statement"))
            .at(source.place(end(tokens))),
        _ => Error::new(Kind::Syntax, format!("expected {what}, found `{found}`")).at(source.place(found.span)),
    }
}

/// A statement that starts with no verb of ours.
pub(super) fn unknown_verb(
    found: &TokenWithSpan,
    verbs: &[&'static str],
    tokens: &[TokenWithSpan],
    source: &Source,
) -> Error {
    let error = expected("a statement", found, tokens, source);
    match nearest(&found.token.to_string(), verbs.iter().copied()) {
        Some(verb) => error.with_hint(format!("did you mean `{verb}`?")),
        None => error,
    }
}

/// Adds where the commands of the shell are understood: in what is only SQL none is, but for the files that a script asks
/// for.
pub(super) fn with_commands(error: Error, tokens: &[TokenWithSpan]) -> Error {
    let mut said = tokens.iter().filter(|token| !split::is_space(&token.token));
    let is_dotted = said.next().is_some_and(|token| token.token == Token::Period);
    let backslash = tokens.iter().position(|token| token.token == Token::Backslash);
    let sign = match backslash {
        Some(at) => at,
        None if is_dotted => tokens.iter().position(|token| token.token == Token::Period).unwrap_or_default(),
        None => return error,
    };
    let Some(Token::Word(word)) = tokens.get(sign + 1).map(|token| &token.token) else { return error };
    let command = format!("{}{}", tokens[sign].token, word.value);
    match command.as_str() {
        "\\i" | "\\ir" | ".read" => error.with_hint(format!("`{command} FILE` stands alone on a line")),
        _ => error.with_hint(format!(
            "commands such as `{command}` are the shell's: start `iql`, and run the file there with `\\i FILE`"
        )),
    }
}

/// The clause that is nearly written at the word where the statement should have ended, or right before it: there it
/// was taken for an alias.
pub(super) fn meant_clause(found: &TokenWithSpan, tokens: &[TokenWithSpan]) -> Option<&'static str> {
    let words = tokens.iter().rev().filter(|token| !split::is_space(&token.token));
    let words = words.skip_while(|token| token.span.start > found.span.start).take(2);
    let meant = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.quote_style.is_none() && word.value.chars().count() > 2 => {
            nearest(&word.value, CLAUSES).filter(|clause| !word.value.eq_ignore_ascii_case(clause))
        }
        _ => None,
    };
    words.filter_map(meant).next()
}

/// Adds what to write for the quotes of a word processor.
pub(super) fn with_quotes(error: Error, tokens: &[TokenWithSpan]) -> Error {
    let is_quoted = tokens.iter().any(|token| match &token.token {
        Token::Char(letter) => is_curly(*letter),
        Token::Word(word) => word.quote_style.is_none() && word.value.contains(is_curly),
        _ => false,
    });
    if is_quoted { error.with_hint(STRAIGHT) } else { error }
}

fn is_curly(letter: char) -> bool {
    matches!(letter, '‘' | '’' | '“' | '”')
}

/// The place just behind the last token.
fn end(tokens: &[TokenWithSpan]) -> Span {
    let last = tokens.iter().rev().find(|token| !split::is_space(&token.token));
    last.map_or_else(Span::empty, |token| Span::new(token.span.end, token.span.end))
}

fn span_at(tokens: &[TokenWithSpan], location: Location) -> Option<Span> {
    let token = tokens.iter().find(|token| token.span.start == location && token.token != Token::EOF)?;
    Some(token.span)
}

/// The opening bracket that no other within it opens deeper, for a text that is nested too deeply.
fn deepest(tokens: &[TokenWithSpan]) -> Span {
    let (mut depth, mut most, mut span) = (0_i64, 0, Span::empty());
    for token in tokens {
        match token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth -= 1,
            _ => {}
        }
        if depth > most {
            (most, span) = (depth, token.span);
        }
    }
    if most > 0 {
        span
    } else {
        tokens.iter().find(|token| !split::is_space(&token.token)).map_or(span, |token| token.span)
    }
}

fn without_location(text: &str) -> (&str, Option<Location>) {
    let parsed = text.rsplit_once(" at Line: ").and_then(|(before, numbers)| {
        let (line, column) = numbers.split_once(", Column: ")?;
        Some((before, Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?)))
    });
    parsed.map_or((text, None), |(before, location)| (before, Some(location)))
}

/// Punctuation and keywords are literals; anything else is a description.
fn wanted(expected: &str) -> String {
    if expected.chars().any(char::is_lowercase) { lower_first(expected) } else { format!("`{expected}`") }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        // A keyword in capitals stays as it is.
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_string(),
    }
}

/// Where the comment that is still open was opened: the last `/*` before which the text is whole.
fn opening_of_comment(text: &str) -> Option<Location> {
    let at = text.rmatch_indices("/*").map(|(at, _)| at).find(|at| split::tokens(&text[..*at]).is_ok())?;
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some(Location::new(line as u64, column as u64))
}
