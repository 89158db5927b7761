//! What `\set` and `\gset` have set, put where `:name`, `:'name'` and `:"name"` stand; `:{?name}` says whether it is set.
//! Pure.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::cli::shell::lex::{self, Kind, Piece};

pub type Variables = BTreeMap<String, String>;

/// A place where a variable is named, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub range: Range<usize>,
    pub name: String,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `:name`
    Plain,
    /// `:'name'`
    Text,
    /// `:"name"`
    Name,
    /// `:{?name}`
    IsSet,
}

impl Reference {
    /// What stands there instead, if the variable is set.
    pub fn value(&self, variables: &Variables) -> Option<String> {
        let value = variables.get(&self.name);
        match self.form {
            Form::Plain => value.cloned(),
            Form::Text => value.map(|value| format!("'{}'", value.replace('\'', "''"))),
            Form::Name => value.map(|value| format!("\"{}\"", value.replace('"', "\"\""))),
            Form::IsSet => Some(if value.is_some() { "TRUE" } else { "FALSE" }.to_string()),
        }
    }
}

/// Where variables are named. Within texts, quoted names and comments nothing is looked for.
pub fn references(text: &str) -> Vec<Reference> {
    if !text.contains(':') {
        return Vec::new();
    }
    let pieces = lex::pieces(text);
    let mut found = Vec::new();
    let mut brackets = 0_usize;
    for (at, piece) in pieces.iter().enumerate() {
        match piece.text {
            "[" => brackets += 1,
            "]" => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        let before = at.checked_sub(1).and_then(|before| pieces.get(before));
        // `a::text`, and `a:b`, which is no variable.
        let may_begin = piece.is(":")
            && before
                .is_none_or(|piece| matches!(piece.kind, Kind::Space | Kind::Symbol | Kind::Comment) && !piece.is(":"));
        if let Some((form, name, end)) = may_begin.then(|| named(&pieces[at + 1..])).flatten()
            // The bounds of a slice: `list[1 :n]`.
            && (form != Form::Plain || brackets == 0)
        {
            found.push(Reference { range: piece.start..end, name: name.to_string(), form });
        }
    }
    found
}

fn named<'a>(behind: &[Piece<'a>]) -> Option<(Form, &'a str, usize)> {
    let first = behind.first()?;
    let (form, name) = match first.kind {
        Kind::Word => (Form::Plain, first.text),
        Kind::Text => (Form::Text, first.text.strip_prefix('\'')?.strip_suffix('\'')?),
        Kind::Quoted => (Form::Name, first.text.strip_prefix('"')?.strip_suffix('"')?),
        _ => {
            let [open, asks, name, close, ..] = behind else { return None };
            let is_asked = open.is("{") && asks.is("?") && name.kind == Kind::Word && close.is("}");
            return is_asked.then_some((Form::IsSet, name.text, close.end()));
        }
    };
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some((form, name, first.end()))
}

/// The text with its variables; what names none that is set stays as it is.
pub fn replaced(text: &str, variables: &Variables) -> String {
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for reference in references(text) {
        let Some(value) = reference.value(variables) else { continue };
        result.push_str(&text[from..reference.range.start]);
        result.push_str(&value);
        from = reference.range.end;
    }
    result + &text[from..]
}

/// The first place where a variable is named that is not set.
pub fn unset(text: &str, variables: &Variables) -> Option<Reference> {
    references(text).into_iter().find(|reference| reference.value(variables).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_where_they_stand() {
        let pairs = [("r", "us-east-1"), ("who", "O'Brien"), ("t", "a \"b\""), ("n", "5")];
        let variables: Variables = pairs.map(|(name, value)| (name.to_string(), value.to_string())).into();
        for (text, expected, is_missing) in [
            ("WHERE region = :'r'", "WHERE region = 'us-east-1'", false),
            ("LIMIT :n;", "LIMIT 5;", false),
            ("x = :'who'", "x = 'O''Brien'", false),
            ("FROM :\"t\"", "FROM \"a \"\"b\"\"\"", false),
            ("':r' \":r\" -- :r", "':r' \":r\" -- :r", false),
            ("a::n", "a::n", false),
            ("a:n", "a:n", false),
            ("(:n)", "(5)", false),
            ("list[:m] list[1 :m]", "list[:m] list[1 :m]", false),
            (":missing :'missing'", ":missing :'missing'", true),
            (":{?n} :{?missing}", "TRUE FALSE", false),
            (":'it''s' :1", ":'it''s' :1", false),
        ] {
            assert_eq!(replaced(text, &variables), expected);
            assert_eq!(unset(text, &variables).is_some(), is_missing, "{text}");
        }
    }
}
