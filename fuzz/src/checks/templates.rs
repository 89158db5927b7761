//! Templates: no value ends what it stands in. A value and a plain word in its place make the same words of SQL.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::fine;
use iql_rooms::blanked;
use iql_rooms::error::Error;
use iql_rooms::script::{Reader, Variables, Whole};

/// What stands for the value: as it is, escaped, and in a list.
const PLACES: [(char, &str); 3] =
    [('\u{1}', "{{ value }}"), ('\u{2}', "{{ value | sql_escape }}"), ('\u{3}', "{{ [value, 'b'] | sql_list }}")];
const PLAIN: &str = "qzqzq";

pub fn templates(text: &str) {
    let Some((value, template)) = text.split_once('\u{4}') else { return };
    // What is in the text is SQL alone.
    let template = template.replace('{', "(").replace(PLAIN, "");
    let is_line = |line: &&str| !["\\i", ".read"].iter().any(|word| line.contains(word));
    let template: String = template.split_inclusive('\n').filter(is_line).collect();
    let template = PLACES.iter().fold(template, |template, (sign, place)| template.replace(*sign, place));
    let made = rendered(&template, value);
    let Ok(plain) = rendered(&template, PLAIN) else {
        if let Err(error) = made {
            fine(&error, &template);
        }
        return;
    };
    // To refuse a value is safe where words are hard to tell from quotes: `S$$ELECT $1--a$`.
    let made = match made {
        Ok(made) => made,
        Err(error) => return fine(&error, &template),
    };
    // What cannot be cut into words is refused.
    let Some(expected) = tokens(&plain) else { return };
    let found = tokens(&made).unwrap_or_else(|| panic!("{value:?} made what cannot be read\n{made}"));
    let plainly = if template.contains("sql_list") { plainly } else { plain_word };
    let expected: Vec<Token> = expected.into_iter().map(|token| plainly(with(token, value))).collect();
    let found: Vec<Token> = found.into_iter().map(plainly).collect();
    assert_eq!(found, expected, "{value:?} ended what it stood in\n{made}");
}

fn rendered(template: &str, value: &str) -> Result<String, Error> {
    let mut variables = Variables::default();
    variables.set("value", value);
    let load = |_: &std::path::Path| unreachable!("no file is named: a line that begins with one is left out");
    let reader = Reader { variables: &variables, anchor: None, whole: Whole::Read, load: &load };
    reader.read(template, None).map(|script| script.text())
}

/// The words of SQL, without blanks and comments.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let tokens = Tokenizer::new(&GenericDialect {}, &blanked(text)).tokenize().ok()?;
    Some(tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect())
}

/// A token with the value where the plain word stands.
fn with(token: Token, value: &str) -> Token {
    match token {
        Token::SingleQuotedString(text) => Token::SingleQuotedString(text.replace(PLAIN, value)),
        Token::Word(word) => Token::Word(Word { value: word.value.replace(PLAIN, value), ..word }),
        token => token,
    }
}

/// A list that stands within a text has the quotes of its own texts doubled, besides: they are not compared.
fn plainly(token: Token) -> Token {
    match token {
        Token::SingleQuotedString(text) => Token::SingleQuotedString(text.replace('\'', "")),
        token => plain_word(token),
    }
}

/// What was escaped for a text keeps its doubled quotes within a quoted name.
fn plain_word(token: Token) -> Token {
    match token {
        Token::Word(word) => Token::Word(Word { value: word.value.replace('\'', ""), ..word }),
        token => token,
    }
}
