//! Comments that StackQL has and SQL has not: `// …` and `# …`, to the end of the line, become spaces of the same
//! length before the text is read, so that every place in it stays what it was. Knows quotes and SQL's own comments,
//! in which the two mean nothing, and no more of the grammar.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// The text without these comments. `#>` and `#>>` stay: they are operators, so a comment never begins by `#>`.
pub(super) fn blanked(text: &str) -> Cow<'_, str> {
    if !text.contains("//") && !text.contains('#') {
        return Cow::Borrowed(text);
    }
    let mut scan = Scan { rest: text.chars().peekable(), kept: String::with_capacity(text.len()) };
    let mut before = ' ';
    while let Some(letter) = scan.keep() {
        let next = scan.rest.peek().copied();
        match (letter, next) {
            // `E'it\'s'`, where the letter is no word's end.
            ('\'', _) => scan.quoted('\'', matches!(before, 'e' | 'E') && !scan.is_word_before(2)),
            ('"' | '`', _) => scan.quoted(letter, false),
            ('$', _) if !scan.is_word_before(1) => scan.dollars(),
            ('-', Some('-')) => scan.line(),
            ('/', Some('*')) => scan.block(),
            ('/', Some('/')) => scan.blank(),
            ('#', next) if next != Some('>') => scan.blank(),
            _ => {}
        }
        before = letter;
    }
    Cow::Owned(scan.kept)
}

struct Scan<'a> {
    rest: Peekable<Chars<'a>>,
    kept: String,
}

impl Scan<'_> {
    fn keep(&mut self) -> Option<char> {
        let letter = self.rest.next()?;
        self.kept.push(letter);
        Some(letter)
    }

    /// Is the letter a part of a word, so many letters before the last one?
    fn is_word_before(&self, back: usize) -> bool {
        self.kept.chars().rev().nth(back).is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    }

    /// Keeps what is left of a literal or a name. A doubled quote closes one and opens the next.
    fn quoted(&mut self, quote: char, escapes: bool) {
        while let Some(letter) = self.keep() {
            if letter == quote {
                return;
            }
            if escapes && letter == '\\' {
                self.keep();
            }
        }
    }

    /// Keeps `$tag$ … $tag$`; after any other `$`, nothing.
    fn dollars(&mut self) {
        let tag: String = self.rest.clone().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        if self.rest.clone().nth(tag.chars().count()) != Some('$') || tag.starts_with(|first: char| first.is_numeric())
        {
            return;
        }
        let closing = format!("${tag}$");
        let start = self.kept.len() + tag.len() + 1;
        while self.keep().is_some() {
            if self.kept.get(start..).is_some_and(|inner| inner.ends_with(&closing)) {
                return;
            }
        }
    }

    fn line(&mut self) {
        while self.rest.peek().is_some_and(|letter| *letter != '\n') {
            self.keep();
        }
    }

    /// Comments within a comment have to be closed, too.
    fn block(&mut self) {
        self.keep();
        let mut depth = 1_usize;
        while let Some(letter) = self.keep() {
            match (letter, self.rest.peek()) {
                ('*', Some('/')) => depth -= 1,
                ('/', Some('*')) => depth += 1,
                _ => continue,
            }
            self.keep();
            if depth == 0 {
                return;
            }
        }
    }

    /// Makes spaces of the letter kept last and of the rest of its line.
    fn blank(&mut self) {
        self.kept.pop();
        self.kept.push(' ');
        while let Some(letter) = self.rest.next_if(|letter| *letter != '\n') {
            // A carriage return before the end of the line is part of it.
            self.kept.push(if letter == '\r' { letter } else { ' ' });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::blanked;

    fn check(text: &str, expected: &str) {
        assert_eq!(blanked(text), expected);
    }

    #[test]
    fn comments_become_spaces() {
        check("1 // note", "1        ");
        check("1 // note\n+ 2 # more\r\n+ 3", "1        \n+ 2       \r\n+ 3");
        check("# whole\n// whole; too\nSELECT 1", "       \n             \nSELECT 1");
        check("SELECT 1 #é\n;", "SELECT 1   \n;");
        check("a / b // c", "a / b     ");
        check("//", "  ");
        check("x#y", "x  ");
    }

    #[test]
    fn what_is_quoted_or_commented_stays() {
        for text in [
            "'a // b # c'",
            "'it''s # one' || 'https://x'",
            r#""a # b" + `c // d`"#,
            "-- https://x # y\n1",
            "/* // */ 1 /* # /* // */ # */",
            "x #> 'a' #>> 'b' -> 'c'",
            "E'it\\'s # one'",
            "$$a # b$$ $t$ // $$ # $t$",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn what_is_around_it_is_seen() {
        check("'a' # 'b\n'c # d'", "'a'     \n'c # d'");
        check("/* a */ # /* b\n1", "/* a */       \n1");
        check("// it's\n'#'", "       \n'#'");
        check("'\\' # x", "'\\'    ");
        check("named'\\' # x", "named'\\'    ");
        check("$1 # x", "$1    ");
        check("'open # ", "'open # ");
    }

    proptest! {
        #[test]
        fn places_stay(text in "[a'\"/#*>$\\-\n é]{0,30}") {
            let lengths = |text: &str| text.split('\n').map(|line| line.chars().count()).collect::<Vec<_>>();
            prop_assert_eq!(lengths(&blanked(&text)), lengths(&text));
        }
    }
}
