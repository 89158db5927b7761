//! Where statements begin and end: text → tokens with their places → one run of tokens for each statement.
//! Knows nothing of what a statement means.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError, Whitespace};

use super::comments;

/// Is there nothing more to wait for? True when the last statement is closed by `;`, when there is none,
/// and when the text is wrong in a way that more text cannot mend.
pub fn is_complete(buffer: &str) -> bool {
    match tokens(buffer) {
        Ok(tokens) => match tokens.iter().rev().find(|token| !is_space(&token.token)) {
            None => true,
            Some(last) => last.token == Token::SemiColon,
        },
        Err(error) => !is_unfinished(&error),
    }
}

/// Every token of the text with its place, spaces and SQL's own comments included.
pub(super) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    Tokenizer::new(&GenericDialect {}, &comments::blanked(text)).tokenize_with_location()
}

/// A quote or a comment that was opened and not closed.
pub(super) fn is_unfinished(error: &TokenizerError) -> bool {
    let message = error.message.as_str();
    message.starts_with("Unterminated") || message.starts_with("Unexpected EOF") || message.contains("before EOF")
}

/// The tokens of each statement, without the `;` between them. Statements of nothing but space are left out.
pub(super) fn statements(tokens: &[TokenWithSpan]) -> impl Iterator<Item = &[TokenWithSpan]> {
    tokens
        .split(|token| token.token == Token::SemiColon)
        .filter(|statement| statement.iter().any(|token| !is_space(&token.token)))
}

pub(super) fn is_space(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_) | Token::EOF)
}

/// The text of a `/*+ … */` or `--+ …` comment.
pub(super) fn hint(token: &Token) -> Option<&str> {
    let comment = match token {
        Token::Whitespace(Whitespace::MultiLineComment(comment)) => comment,
        Token::Whitespace(Whitespace::SingleLineComment { comment, prefix }) if prefix == "--" => comment,
        _ => return None,
    };
    comment.strip_prefix('+').map(str::trim).filter(|text| !text.is_empty())
}

/// The first place from `after` on that has a clause's words, those before any `…` or bracket.
pub(super) fn words(tokens: &[TokenWithSpan], clause: &str, after: Location) -> Option<Span> {
    let wanted: Vec<&str> = clause.split(['…', '(']).next().unwrap_or_default().split_whitespace().collect();
    let words = tokens.iter().filter(|token| token.span.start >= after && !is_space(&token.token));
    let words: Vec<&TokenWithSpan> = words.collect();
    let is = |token: &TokenWithSpan, wanted: &str| {
        matches!(&token.token, Token::Word(word)
            if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
    };
    let found = words
        .windows(wanted.len().max(1))
        .find(|words| words.iter().zip(&wanted).all(|(word, wanted)| is(word, wanted)))?;
    Some(Span::union_iter(found.iter().map(|word| word.span)))
}

/// Where the tokens stand that are within no brackets, by their positions.
pub(super) fn outside(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let mut depth = 0_usize;
    let is_outside = |(_, token): &(usize, &TokenWithSpan)| match token.token {
        Token::LParen | Token::LBracket | Token::LBrace => {
            depth += 1;
            false
        }
        Token::RParen | Token::RBracket | Token::RBrace => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    };
    tokens.iter().enumerate().filter(is_outside).map(|(at, _)| at).collect()
}

/// How many tokens come before the bracket that closes what was opened before the first: all, if none does.
pub(super) fn closing(tokens: &[TokenWithSpan]) -> usize {
    let mut depth = 0_usize;
    let closes = |token: &TokenWithSpan| match token.token {
        Token::LParen => {
            depth += 1;
            false
        }
        Token::RParen if depth > 0 => {
            depth -= 1;
            false
        }
        Token::RParen => true,
        _ => false,
    };
    tokens.iter().position(closes).unwrap_or(tokens.len())
}
