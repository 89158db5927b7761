//! What of a script is not to be shown: the literals that may be secrets, as `'…'` in excerpts and left out of messages.
//! Knows no provider: which literals of a sound statement are secrets, its caller says; of a statement that is not sound
//! each one is, if it may write.

use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::parse::parse_statement;
use super::split;
use super::statement::{Source, Statement};
use crate::error::{Error, Place, nearest};
use crate::settings::Mask;

/// Statements that give a service something.
const WRITES: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "EXEC", "EXECUTE"];
/// Statements that give it nothing, unless a word of the others is in them. Any other word may be one of those, ill-typed.
const READS: [&str; 10] = ["SELECT", "WITH", "VALUES", "FROM", "SHOW", "DESCRIBE", "DESC", "SET", "RESET", "EXPLAIN"];
/// Words behind which values stand.
const GIVES: [&str; 4] = ["VALUES", "SELECT", "SET", "WHERE"];
const SHOWN: &str = "…";

/// The literals of one statement that are secrets, or have some in them.
#[derive(Debug, Default)]
pub struct Found {
    pub spans: Vec<Span>,
    /// What a message may quote: whole literals, and the secrets within.
    pub values: Vec<String>,
}

/// The literals of a script that are not shown.
#[derive(Debug, Clone)]
pub struct Hidden {
    source: Source,
    /// In order, and apart from one another.
    spans: Vec<Span>,
    values: Vec<String>,
    mask: Mask,
}

impl Hidden {
    /// `of` gives a sound statement's literals; `None`: it cannot tell.
    pub fn of(text: &str, of: &dyn Fn(&Statement) -> Option<Found>) -> Hidden {
        let source = Source::new(text, None);
        let mut found = Found::default();
        match split::tokens(text) {
            Err(_) => found.spans.extend(rest(text)),
            Ok(tokens) => {
                for tokens in split::statements(&tokens) {
                    let sound = parse_statement(tokens, &source).ok().and_then(|statement| of(&statement));
                    let own = sound.unwrap_or_else(|| any(tokens));
                    found.spans.extend(own.spans);
                    found.values.extend(own.values);
                }
            }
        }
        found.spans.retain(|span| span.start.line > 0 && span.start < span.end);
        found.spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut spans: Vec<Span> = Vec::new();
        for span in found.spans {
            if spans.last().is_none_or(|last| last.end <= span.start) {
                spans.push(span);
            }
        }
        Hidden { source, spans, mask: Mask::new(&found.values), values: found.values }
    }

    /// Other values besides, which do not stand in the script.
    pub fn and(mut self, values: &[String]) -> Hidden {
        if values.iter().any(|value| !self.values.contains(value)) {
            self.values.extend_from_slice(values);
            self.mask = Mask::new(&self.values);
        }
        self
    }

    /// Without knowing anything: every literal of what may write.
    pub fn cautious(text: &str) -> Hidden {
        Hidden::of(text, &|_| None)
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.mask.is_empty()
    }

    /// The script itself, with `'…'` for each of the literals.
    pub fn script(&self) -> String {
        let (mut shown, mut from) = (String::new(), Location::new(1, 1));
        for span in &self.spans {
            shown.push_str(self.source.between(from, span.start));
            shown.push_str(&quoted(true, span.end != Location::new(u64::MAX, 1)));
            from = span.end;
        }
        shown.push_str(self.source.from(from));
        shown
    }

    /// Another text, which may quote the literals.
    pub fn text(&self, text: &str) -> String {
        self.mask.text(text)
    }

    /// The error without them, the caret below what it was below.
    pub fn error(&self, error: Error) -> Error {
        if self.is_empty() {
            return error;
        }
        let place = error.place.as_deref().map(|place| self.place(place));
        Error { place: place.map(Box::new), ..self.mask.error(error) }
    }

    fn place(&self, place: &Place) -> Place {
        let Place::Sql { file, line, column, length, text } = place else { return place.clone() };
        let own = self.source.text().split('\n').nth(line.saturating_sub(1)).map(|own| own.trim_end_matches('\r'));
        let (text, column, length) = match own == Some(text.as_str()) {
            true => self.line(*line as u64, text, (*column, *length)),
            false => self.other_line(text, (*column, *length)),
        };
        Place::Sql { file: file.clone(), line: *line, column, length, text }
    }

    /// The line of another text than the one that was read, and where a stretch of it stands without the literals.
    fn other_line(&self, text: &str, (column, length): (usize, usize)) -> (String, usize, usize) {
        let shown = self.mask.text(text);
        let before: String = text.chars().take(column.saturating_sub(1)).collect();
        let before = self.mask.text(&before);
        let end = shown.chars().count() + 1;
        // What begins within a literal stands where that does, more or less.
        let start = if shown.starts_with(&before) { before.chars().count() + 1 } else { column.min(end) };
        (shown, start, length.min(end.saturating_sub(start)).max(1))
    }

    /// A line with its literals left out, and where a stretch of it stands then.
    fn line(&self, number: u64, text: &str, (column, length): (usize, usize)) -> (String, usize, usize) {
        let letters: Vec<char> = text.chars().collect();
        let (mut shown, mut at) = (String::new(), 1_usize);
        let (mut start, mut end) = (None, None);
        // Where the letter of a column stands in what is shown, as soon as that is known.
        let find = |wanted: usize, shown: &str, from: usize, to: usize| {
            (from..=to).contains(&wanted).then(|| shown.chars().count() + 1 + wanted - from)
        };
        for span in &self.spans {
            if span.end.line < number || span.start.line > number {
                continue;
            }
            let (opens, closes) = (span.start.line == number, span.end.line == number);
            let from = if opens { span.start.column as usize } else { 1 }.clamp(at, letters.len() + 1);
            let to = if closes { span.end.column as usize } else { letters.len() + 1 }.clamp(from, letters.len() + 1);
            start = start.or_else(|| find(column, &shown, at, from));
            end = end.or_else(|| find(column + length, &shown, at, from));
            shown.extend(&letters[at - 1..from - 1]);
            if from == to {
                continue;
            }
            let begin = shown.chars().count() + 1;
            shown.push_str(&quoted(opens, closes));
            start = start.or_else(|| (column < to).then_some(begin));
            end = end.or_else(|| (column + length <= to).then(|| shown.chars().count() + 1));
            at = to;
        }
        start = start.or_else(|| find(column, &shown, at, usize::MAX));
        end = end.or_else(|| find(column + length, &shown, at, usize::MAX));
        shown.extend(&letters[at - 1..]);
        let start = start.unwrap_or(1);
        (shown, start, end.unwrap_or(start).saturating_sub(start).max(1))
    }
}

fn quoted(opens: bool, closes: bool) -> String {
    let quote = |is: bool| if is { "'" } else { "" };
    format!("{}{SHOWN}{}", quote(opens), quote(closes))
}

/// Every literal of a statement that may write.
fn any(tokens: &[TokenWithSpan]) -> Found {
    let mut found = Found::default();
    if !may_write(tokens) {
        return found;
    }
    let (mut is_broken, mut is_named) = (false, true);
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| !split::is_space(&token.token)) {
        // What comes before is names, which may stand in double quotes.
        is_named &= !matches!(&token.token, Token::Word(word) if GIVES.iter().any(|known| word.value.eq_ignore_ascii_case(known)))
            && !matches!(token.token, Token::Eq);
        let is_name = matches!(token.token, Token::Word(_)) && is_named;
        let text = literal(&token.token).filter(|_| !is_name);
        let before = at.checked_sub(1).and_then(|before| literal(&tokens[before].token));
        let is_word = matches!(token.token, Token::Word(_) | Token::Number(..) | Token::Char(_));
        // What touches a text was meant to be in it: a quote within was not doubled.
        is_broken |= before.is_some() && (is_word || text.is_some());
        let is_bare = is_broken && !matches!(token.token, Token::Comma | Token::LParen | Token::RParen);
        if text.is_some() || is_bare {
            found.spans.push(token.span);
            let value = text.unwrap_or_else(|| token.token.to_string());
            found.values.extend([token.token.to_string(), value]);
        }
    }
    found
}

fn may_write(tokens: &[TokenWithSpan]) -> bool {
    let is_one = |word: &str, of: &[&str]| of.iter().any(|known| word.eq_ignore_ascii_case(known));
    let mut words = tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.as_str()),
        _ => None,
    });
    let Some(first) = words.next() else { return true };
    let meant = nearest(first, READS.into_iter().chain(WRITES)).unwrap_or_default();
    !is_one(meant, &READS) || words.any(|word| is_one(word, &WRITES))
}

/// Of a text that has no end: all from its first quote on, if it may write.
fn rest(text: &str) -> Option<Span> {
    let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    if !words.any(|word| WRITES.iter().any(|known| word.eq_ignore_ascii_case(known))) {
        return None;
    }
    let before = &text[..text.find(['\'', '"', '$'])?];
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
    Some(Span::new(Location::new(line, column), Location::new(u64::MAX, 1)))
}

/// The text of a token that is a text, or may have been meant as one.
fn literal(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style == Some('"') => Some(word.value.clone()),
        Token::SingleQuotedString(text)
        | Token::DoubleQuotedString(text)
        | Token::TripleSingleQuotedString(text)
        | Token::TripleDoubleQuotedString(text)
        | Token::SingleQuotedByteStringLiteral(text)
        | Token::DoubleQuotedByteStringLiteral(text)
        | Token::TripleSingleQuotedByteStringLiteral(text)
        | Token::TripleDoubleQuotedByteStringLiteral(text)
        | Token::SingleQuotedRawStringLiteral(text)
        | Token::DoubleQuotedRawStringLiteral(text)
        | Token::TripleSingleQuotedRawStringLiteral(text)
        | Token::TripleDoubleQuotedRawStringLiteral(text)
        | Token::NationalStringLiteral(text)
        | Token::EscapedStringLiteral(text)
        | Token::UnicodeStringLiteral(text)
        | Token::HexStringLiteral(text) => Some(text.clone()),
        Token::DollarQuotedString(text) => Some(text.value.clone()),
        Token::QuoteDelimitedStringLiteral(text) | Token::NationalQuoteDelimitedStringLiteral(text) => {
            Some(text.value.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    #[test]
    fn a_statement_that_cannot_be_read_shows_no_literal() {
        let check = |sql: &str, expected: &str| {
            let error = parse(sql, None).expect_err("no statement").to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert_eq!(error.split("\n\n").next().unwrap_or_default(), expected, "{sql}");
        };
        check(
            "INSERT INTO a.b.c (x, y) VALUES ('hunter2', 'é') FRM",
            "expected the end of the statement, found `FRM`\n  \
             1 | INSERT INTO a.b.c (x, y) VALUES ('…', '…') FRM\n    \
             |                                            ^^^",
        );
        check(
            "UPDATE a.b.c SET x = 'hunter2' y = 1 WHERE id = '1'",
            "expected the end of the statement, found `y`\n  \
             1 | UPDATE a.b.c SET x = '…' y = 1 WHERE id = '…'\n    |                          ^",
        );
        check(
            "EXEC a.b.c.d 'hunter2'",
            "expected `@name = value`, found `…`\n  1 | EXEC a.b.c.d '…'\n    |              ^^^",
        );
        check(
            "INSRT INTO x VALUES ('hunter2')",
            "expected a statement, found `INSRT`\n  1 | INSRT INTO x VALUES ('…')\n    | ^^^^^",
        );
        check(
            "DELETE FROM a.b.c WHERE x = 'hunter2",
            "this text is not closed\n  1 | DELETE FROM a.b.c WHERE x = '…\n    |                             ^^",
        );
    }

    #[test]
    fn a_quote_that_was_not_doubled_shows_nothing_after_it() {
        for sql in [
            "INSERT INTO a.b.c (x) VALUES ('it's hunter2', 'x')",
            "INSERT INTO a.b.c (x) VALUES ('it's hunter2')",
            "INSERT INTO a.b.c (x, y) VALUES ('x, 'hunter2')",
            "EXEC a.b.c.d @x = 'it's hunter2', @y = 'z'",
            "INSERT INTO a.b.c (x) VALUES ('{\n\"password\": \"it's\nhunter2\"}')",
        ] {
            let error = parse(sql, None).expect_err("no statement").to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_caret_stays_below_its_word() {
        let check = |wanted: &str, (line, column, length): (usize, usize, usize), expected: (&str, usize, usize)| {
            let hidden = Hidden::cautious("DELETE 'hunter2' é 'a\nb' x 'c\nd\ne' y");
            let text = hidden.source.text().split('\n').nth(line - 1).expect("a line").to_string();
            let place = Place::Sql { file: None, line, column, length, text };
            let Place::Sql { text, column, length, .. } = hidden.place(&place) else { panic!("no place") };
            assert_eq!((text.as_str(), column, length), expected, "{wanted}");
        };
        check("é", (1, 18, 1), ("DELETE '…' é '…", 12, 1));
        check("the literal", (1, 8, 9), ("DELETE '…' é '…", 8, 3));
        check("within", (1, 10, 2), ("DELETE '…' é '…", 8, 3));
        check("from before on", (1, 1, 12), ("DELETE '…' é '…", 1, 10));
        check("x", (2, 4, 1), ("…' x '…", 4, 1));
        check("all within", (3, 1, 1), ("…", 1, 1));
        check("y", (4, 4, 1), ("…' y", 4, 1));
    }

    /// A template's line, say, of whose result the literals are.
    #[test]
    fn the_caret_stays_below_its_word_in_another_text() {
        let hidden = Hidden::cautious("INSERT INTO x VALUES ('hunter2')");
        let text = "{{ a }} 'hunter2' é {{ b".to_string();
        let place = Place::Sql { file: None, line: 7, column: 19, length: 99, text };
        let Place::Sql { text, column, length, .. } = hidden.place(&place) else { panic!("no place") };
        let rest: String = text.chars().skip(column - 1).collect();
        assert_eq!((rest.as_str(), length), ("é {{ b", 6), "{text}");
    }

    #[test]
    fn a_script_is_shown_without_them() {
        let shown = |text: &str| Hidden::cautious(text).script();
        assert_eq!(
            shown("SELECT 'a'; INSERT INTO x VALUES ('b', E'c'); -- 'd'\nSHOW"),
            "SELECT 'a'; INSERT INTO x VALUES ('…', '…'); -- 'd'\nSHOW"
        );
        assert_eq!(shown("SELECT 1; DELETE FROM x WHERE y = 'b; SELECT 2"), "SELECT 1; DELETE FROM x WHERE y = '…");
    }
}
