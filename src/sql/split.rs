//! Where statements begin and end: text → tokens with their places → one run of tokens for each statement.
//! Knows nothing of what a statement means.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError, Whitespace};

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

/// Every token of the text with its place, comments and spaces included.
pub(super) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    Tokenizer::new(&GenericDialect {}, text).tokenize_with_location()
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
