//! Where statements begin and end: text → tokens with their places → one run of tokens for each statement.
//! Knows nothing of what a statement means.

use std::ops::Range;

use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError, Whitespace};

use super::comments;
use super::dialect::DIALECT;

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

/// What a stretch of a text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// The inside of `'…'`.
    Text,
    /// The inside of `"…"` or `` `…` ``.
    Name,
    Comment,
    /// Words and signs of their own.
    Words,
    /// Anything else, and what crosses from one into another.
    Other,
}

/// What each of some stretches (in bytes, in order, without overlap) belongs to; `None` for a text that cannot be cut
/// into words.
pub fn within(text: &str, stretches: &[Range<usize>]) -> Option<Vec<Within>> {
    let tokens = tokens(text).ok()?;
    let places = offsets(text, &tokens);
    let mut ranges = places.iter().zip(&tokens).peekable();
    let mut found = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        let is_within = |(range, _): &(&Range<usize>, &TokenWithSpan)| range.start < stretch.end;
        while ranges.next_if(|(range, _)| range.end <= stretch.start).is_some() {}
        let Some((range, token)) = ranges.peek().copied() else {
            found.push(if stretch.is_empty() { Within::Words } else { Within::Other });
            continue;
        };
        let is_inside = range.start < stretch.start && stretch.end < range.end;
        let is_in_comment = range.start < stretch.start && stretch.end <= range.end;
        let is_cut = range.start < stretch.start;
        found.push(match &token.token {
            Token::SingleQuotedString(_) if is_inside => Within::Text,
            Token::Word(word) if word.quote_style.is_some() && is_inside => Within::Name,
            Token::Whitespace(Whitespace::SingleLineComment { .. }) if is_in_comment => Within::Comment,
            Token::Whitespace(Whitespace::MultiLineComment(_)) if is_inside => Within::Comment,
            Token::Word(_) | Token::Number(..) if !matches!(&token.token, Token::Word(word) if word.quote_style.is_some()) => {
                Within::Words
            }
            // Nothing that was written is blank, unless it was taken for a comment and blanked: all of it.
            _ if !stretch.is_empty() && ranges.clone().take_while(is_within).all(|(_, token)| is_blank(&token.token)) => {
                Within::Comment
            }
            _ if !is_cut => Within::Words,
            _ => Within::Other,
        });
    }
    Some(found)
}

fn is_blank(token: &Token) -> bool {
    matches!(token, Token::Whitespace(Whitespace::Space | Whitespace::Tab | Whitespace::Newline))
}

/// Where each token stands, in bytes.
fn offsets(text: &str, tokens: &[TokenWithSpan]) -> Vec<Range<usize>> {
    let mut letters = text.char_indices().peekable();
    let (mut line, mut column) = (1, 1);
    let mut offset = |location: Location| {
        while let Some((_, letter)) = letters.next_if(|_| Location::new(line, column) < location) {
            (line, column) = if letter == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        letters.peek().map_or(text.len(), |(at, _)| *at)
    };
    tokens.iter().map(|token| offset(token.span.start)..offset(token.span.end)).collect()
}

/// Every token of the text with its place, spaces and SQL's own comments included.
pub(super) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    Tokenizer::new(&DIALECT, &comments::blanked(text)).tokenize_with_location()
}

/// The same, of all that is closed by a `;` where what follows it cannot be cut into words, and why it cannot.
pub(super) fn tokens_before(text: &str) -> (Vec<TokenWithSpan>, Option<TokenizerError>) {
    let mut tokens = Vec::new();
    let blanked = comments::blanked(text);
    let error = Tokenizer::new(&DIALECT, &blanked).tokenize_with_location_into_buf(&mut tokens).err();
    if error.is_some() {
        let closed = tokens.iter().rposition(|token| token.token == Token::SemiColon).map_or(0, |at| at + 1);
        tokens.truncate(closed);
    }
    (tokens, error)
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
