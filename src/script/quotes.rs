//! Where in SQL a text has come to: among words, within quotes or within a comment; and how a value is written there, so
//! that it cannot end what it stands in. Follows the parser's dialect; `sql::split::within` is asked afterwards whether
//! the parser sees it the same way.

/// Follows a text, a stretch at a time.
#[derive(Debug, Clone)]
pub struct Quotes {
    state: State,
    /// The letter before, within what goes on.
    previous: Option<char>,
    /// The letters of the word that goes on.
    word: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Words,
    /// `'…'`
    Text,
    /// After a `'` within a text: its end, unless another follows.
    TextQuote,
    /// `E'…'` and its kin, which have rules of their own.
    Odd,
    OddQuote,
    /// `"…"` or `` `…` ``
    Name(char),
    NameQuote(char),
    /// After a `#` among words: a comment, unless an operator.
    Hash,
    LineComment,
    /// How deep.
    BlockComment(usize),
    /// `$tag$…$tag$`, by the tag with its signs, and as many letters of its end as have come.
    Dollar {
        tag: String,
        tail: String,
    },
    /// The opening `$tag$`, as far as it has come.
    DollarTag(String),
}

impl Default for Quotes {
    fn default() -> Self {
        Quotes { state: State::Words, previous: None, word: String::new() }
    }
}

impl Quotes {
    pub fn follow(&mut self, text: &str) {
        text.chars().for_each(|letter| self.letter(letter));
    }

    pub fn is_among_words(&self) -> bool {
        self.now() == State::Words
    }

    /// What stands here, when what follows is no quote.
    pub fn now(&self) -> State {
        match &self.state {
            State::TextQuote | State::OddQuote | State::NameQuote(_) | State::DollarTag(_) => State::Words,
            State::Hash => State::LineComment,
            state => state.clone(),
        }
    }

    pub fn letter(&mut self, letter: char) {
        match self.state.clone() {
            State::Words => return self.among_words(letter),
            State::Text if letter == '\'' => self.state = State::TextQuote,
            State::TextQuote if letter == '\'' => self.state = State::Text,
            // A backslash keeps the quote after it from ending the text.
            State::Odd if self.previous == Some('\\') => return self.previous = None,
            State::Odd if letter == '\'' => self.state = State::OddQuote,
            State::OddQuote if letter == '\'' => self.state = State::Odd,
            State::Name(quote) if letter == quote => self.state = State::NameQuote(quote),
            State::NameQuote(quote) if letter == quote => self.state = State::Name(quote),
            State::Text | State::Odd | State::Name(_) => {}
            State::TextQuote | State::OddQuote | State::NameQuote(_) => {
                (self.state, self.previous, self.word) = (State::Words, None, String::new());
                return self.among_words(letter);
            }
            State::Hash if letter == '>' => {
                self.state = State::Words;
            }
            State::Hash | State::LineComment if letter == '\n' => self.state = State::Words,
            State::Hash => self.state = State::LineComment,
            State::LineComment => {}
            State::BlockComment(depth) => match (self.previous, letter) {
                (Some('/'), '*') => return self.comment(depth + 1),
                (Some('*'), '/') if depth == 1 => {
                    (self.state, self.previous, self.word) = (State::Words, None, String::new());
                    return;
                }
                (Some('*'), '/') => return self.comment(depth - 1),
                _ => {}
            },
            State::DollarTag(tag) if letter == '$' => {
                self.state = State::Dollar { tag: format!("{tag}$"), tail: String::new() };
            }
            State::DollarTag(tag) if letter.is_alphanumeric() || letter == '_' => {
                self.state = State::DollarTag(format!("{tag}{letter}"));
            }
            State::DollarTag(_) => {
                (self.state, self.previous) = (State::Words, None);
                return self.among_words(letter);
            }
            State::Dollar { tag, tail } => {
                let mut tail = tail + &letter.to_string();
                if tail.ends_with(&tag) {
                    (self.state, self.previous, self.word) = (State::Words, None, String::new());
                    return;
                }
                while tail.len() > tag.len() {
                    tail.remove(0);
                }
                self.state = State::Dollar { tag, tail };
            }
        }
        self.previous = Some(letter);
    }

    fn comment(&mut self, depth: usize) {
        (self.state, self.previous) = (State::BlockComment(depth), None);
    }

    fn among_words(&mut self, letter: char) {
        let previous = self.previous.replace(letter);
        let is_of_word = letter.is_alphanumeric() || matches!(letter, '_' | '@' | '$');
        match (previous, letter) {
            (Some('-'), '-') | (Some('/'), '/') => {
                return self.state = State::LineComment;
            }
            (Some('/'), '*') => {
                // The `*` is not also the begin of an end.
                return self.comment(1);
            }
            (_, '\'') => {
                let is_odd = ["e", "x", "r", "q", "nq", "&"].contains(&self.word.to_lowercase().as_str())
                    || previous == Some('&');
                self.state = if is_odd { State::Odd } else { State::Text };
            }
            (_, '"' | '`') => self.state = State::Name(letter),
            (_, '$') if self.word.is_empty() => {
                return self.state = State::DollarTag("$".into());
            }
            (_, '#') => return self.state = State::Hash,
            _ => {}
        }
        if is_of_word {
            self.word.push(letter);
        } else {
            self.word.clear();
        }
    }
}

/// A value on its way into SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// A text, or what is written as one.
    Text(String),
    /// A number, a boolean or null, in SQL's spelling.
    Plain(String),
    /// A text in which every `'` is doubled already.
    Escaped(String),
    /// A list in brackets, or a name: SQL that was made of values safely.
    Sql(String),
}

/// Why a value cannot stand where it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// A text among words.
    Text,
    /// Within `E'…'`, `$$…$$` and the like.
    Odd,
}

impl Quotes {
    /// How a value is written here, which it is then followed by.
    pub fn write(&mut self, value: &Written) -> Result<String, Misplaced> {
        let state = self.now();
        let text = match value {
            Written::Text(text) | Written::Plain(text) | Written::Escaped(text) | Written::Sql(text) => text,
        };
        let written = match state {
            State::Words => match value {
                Written::Sql(text) => text.clone(),
                Written::Plain(text) => self.apart(text),
                Written::Text(text) if text.is_empty() || is_plain(text) => self.apart(text),
                Written::Text(_) | Written::Escaped(_) => return Err(Misplaced::Text),
            },
            State::Text => match value {
                Written::Escaped(text) if text.replace("''", "").contains('\'') => text.replace('\'', "''"),
                Written::Escaped(text) => text.clone(),
                _ => text.replace('\'', "''"),
            },
            State::Name(quote) => text.replace(quote, &format!("{quote}{quote}")),
            State::LineComment => text.replace(['\n', '\r'], " "),
            State::BlockComment(_) => format!(" {} ", text.replace('*', " * ").replace('/', " / ")),
            _ => return Err(Misplaced::Odd),
        };
        if !written.is_empty() && self.state != state {
            // What the letter before it was, is settled: the end of quotes, or the begin of a comment.
            (self.state, self.previous, self.word) = (state, None, String::new());
        }
        self.follow(&written);
        Ok(written)
    }

    /// A sign does not run together with one before it: `--` would begin a comment.
    fn apart(&self, text: &str) -> String {
        let joins = text.starts_with('-') && self.previous.is_some_and(|before| !before.is_whitespace());
        if joins { format!(" {text}") } else { text.to_string() }
    }
}

/// A number, a boolean or null, as the command line and dotenv files have them: as text.
fn is_plain(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = number.split_once(['e', 'E']).map_or((number, None), |(n, e)| (n, Some(e)));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let is_number = digits(whole)
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)));
    is_number || ["true", "false", "null"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_for_where_it_stands() {
        let text = |text: &str| Written::Text(text.into());
        let check = |before: &str, value: &Written, expected: Result<&str, Misplaced>| {
            let mut quotes = Quotes::default();
            quotes.follow(before);
            assert_eq!(quotes.write(value).as_deref().map_err(|e| *e), expected, "{before}{{{value:?}}}");
        };
        check("SELECT '", &text("O'Brien"), Ok("O''Brien"));
        check("SELECT 'a'', ", &text("'"), Ok("''"));
        check("SELECT '", &Written::Escaped("O''Brien".into()), Ok("O''Brien"));
        check("SELECT '", &Written::Escaped("O'Brien".into()), Ok("O''Brien"));
        check("SELECT 'a', \"b\", ", &text("x"), Err(Misplaced::Text));
        check("SELECT 'a'", &text("x"), Err(Misplaced::Text));
        check("LIMIT ", &text("5"), Ok("5"));
        check("LIMIT 5 -", &text("-5"), Ok(" -5"));
        check("LIMIT ", &text("-1.5e+3"), Ok("-1.5e+3"));
        check("LIMIT ", &text("1 OR 1"), Err(Misplaced::Text));
        check("LIMIT ", &Written::Plain("true".into()), Ok("true"));
        check("x IN ", &Written::Sql("('a')".into()), Ok("('a')"));
        check("SELECT \"", &text("a\"b"), Ok("a\"\"b"));
        check("-- it's ", &text("a\nb"), Ok("a b"));
        check("// it's ", &text("a\nb"), Ok("a b"));
        check("# it's ", &text("a\nb"), Ok("a b"));
        check("a #> '", &text("'"), Ok("''"));
        check("/* ' /* */ ", &text("*/"), Ok("  *  /  "));
        check("/* ' */ '", &text("'"), Ok("''"));
        check("/*/ ' */ '", &text("'"), Ok("''"));
        check("-- it's\n'", &text("'"), Ok("''"));
        check("E'", &text("x"), Err(Misplaced::Odd));
        check("E'\\'', '", &text("x"), Ok("x"));
        check("$$ ' $$ '", &text("'"), Ok("''"));
        check("$a$ $$ ' $a$ '", &text("'"), Ok("''"));
        check("$$", &text("x"), Err(Misplaced::Odd));
        check("$1, '", &text("'"), Ok("''"));
        check("table'", &text("'"), Ok("''"));
    }
}
