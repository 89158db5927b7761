//! A text cut into coloured pieces: what is typed at this moment, finished or not. Never fails, and loses nothing.
//! Knows no statement; whether a text is SQL is for `sql` to say.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Word,
    /// `"…"` or a name in backticks.
    Quoted,
    /// `'…'` or `$$…$$`.
    Text,
    Number,
    Comment,
    Space,
    /// Where a command of the shell begins.
    Backslash,
    /// Anything else, a character each.
    Symbol,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// In bytes, from the text's beginning.
    pub start: usize,
    /// A quote or comment that ends.
    pub closed: bool,
}

impl Piece<'_> {
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub fn is(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Symbol) && self.text.eq_ignore_ascii_case(word)
    }

    /// Neither a space nor a comment.
    pub fn says_something(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment)
    }
}

/// The pieces of a text, in order, without gaps.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let (kind, length, closed) = next(&text[start..]);
        pieces.push(Piece { kind, text: &text[start..start + length], start, closed });
        start += length;
    }
    pieces
}

/// The kind and the length of the first piece of what is not empty.
fn next(rest: &str) -> (Kind, usize, bool) {
    let mut letters = rest.chars();
    let (first, second) = (letters.next().unwrap_or(' '), letters.next().unwrap_or(' '));
    let until = |stop: fn(char) -> bool| rest.find(stop).unwrap_or(rest.len());
    match (first, second) {
        ('-', '-') | ('/', '/') => (Kind::Comment, until(|c| c == '\n'), true),
        // `#>` is an operator.
        ('#', second) if second != '>' => (Kind::Comment, until(|c| c == '\n'), true),
        ('/', '*') => comment(rest),
        ('\'', _) => quoted(rest, '\'', Kind::Text),
        ('"' | '`', _) => quoted(rest, first, Kind::Quoted),
        ('$', _) => dollars(rest),
        ('\\', _) => (Kind::Backslash, 1, true),
        (first, _) if first.is_whitespace() => (Kind::Space, until(|c| !c.is_whitespace()), true),
        (first, second) if first.is_ascii_digit() || (first == '.' && second.is_ascii_digit()) => {
            (Kind::Number, until(|c| !c.is_ascii_alphanumeric() && c != '.'), true)
        }
        // A backslash keeps the quote after it from ending the text.
        ('e' | 'E', '\'') => escaped(rest),
        (first, _) if is_word(first) => (Kind::Word, until(|c| !is_word(c)), true),
        (first, _) => (Kind::Symbol, first.len_utf8(), true),
    }
}

pub fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '@'
}

/// A doubled quote within is one of the text's own.
fn quoted(rest: &str, quote: char, kind: Kind) -> (Kind, usize, bool) {
    let mut at = 1;
    while let Some(found) = rest[at..].find(quote) {
        at += found + 1;
        if !rest[at..].starts_with(quote) {
            return (kind, at, true);
        }
        at += 1;
    }
    (kind, rest.len(), false)
}

/// `E'it\'s'`
fn escaped(rest: &str) -> (Kind, usize, bool) {
    let mut letters = rest.char_indices().skip(2).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '\'' if letters.next_if(|(_, next)| *next == '\'').is_none() => return (Kind::Text, at + 1, true),
            _ => {}
        }
    }
    (Kind::Text, rest.len(), false)
}

/// Comments nest.
fn comment(rest: &str) -> (Kind, usize, bool) {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(found) = rest[at..].find(['/', '*']) {
        at += found;
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return (Kind::Comment, at, true);
            }
        } else {
            at += 1;
        }
    }
    (Kind::Comment, rest.len(), false)
}

/// `$$…$$`, `$tag$…$tag$`, or a param: `$name`.
fn dollars(rest: &str) -> (Kind, usize, bool) {
    let tag = rest[1..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(rest.len(), |at| at + 1);
    if !rest[tag..].starts_with('$') {
        return (Kind::Word, tag, true);
    }
    let opening = &rest[..=tag];
    match rest[opening.len()..].find(opening) {
        Some(at) => (Kind::Text, at + 2 * opening.len(), true),
        None => (Kind::Text, rest.len(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::{Backslash, Comment, Number, Quoted, Space, Symbol, Text, Word};

    #[test]
    fn nothing_is_lost() {
        for (text, kinds) in [
            ("SELECT 'a;''b' -- ;\n", &[Word, Space, Text, Space, Comment, Space][..]),
            ("\"a b\".c", &[Quoted, Symbol, Word]),
            ("E'it\\'s; ''x''\\\\';e'", &[Text, Symbol, Text]),
            ("1.5e3/* x /* y */ */;", &[Number, Comment, Symbol]),
            ("$$a;b$$ $x$y$x$ $name", &[Text, Space, Text, Space, Word]),
            ("a # b", &[Word, Space, Comment]),
            ("a #> b", &[Word, Space, Symbol, Symbol, Space, Word]),
            ("SELECT 1 \\g", &[Word, Space, Number, Space, Backslash, Word]),
            ("@region='é", &[Word, Symbol, Text]),
            ("字 \u{1f600}", &[Word, Space, Symbol]),
        ] {
            let pieces = pieces(text);
            assert_eq!(pieces.iter().map(|piece| piece.kind).collect::<Vec<_>>(), kinds, "{text}");
            assert_eq!(pieces.iter().map(|piece| piece.text).collect::<String>(), text);
        }
    }

    #[test]
    fn what_is_open_is_told() {
        for (text, closed) in
            [("'a", false), ("'a'", true), ("'a''", false), ("/* x", false), ("$$ a", false), ("\"", false)]
        {
            assert_eq!(pieces(text)[0].closed, closed, "{text}");
        }
    }
}
