//! What `\set` has set, put where `:name`, `:'name'` and `:"name"` stand. Pure.

use std::collections::BTreeMap;

use crate::cli::shell::lex::{self, Kind};

pub type Variables = BTreeMap<String, String>;

/// The text with its variables; what names none that is set stays as it is. Within texts, quoted names and comments
/// nothing is looked for.
pub fn replaced(text: &str, variables: &Variables) -> String {
    if variables.is_empty() || !text.contains(':') {
        return text.to_string();
    }
    let pieces = lex::pieces(text);
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        let before = at.checked_sub(1).and_then(|before| pieces.get(before));
        // `a::text`, and `a:b`, which is no variable.
        let may_begin = piece.is(":")
            && before
                .is_none_or(|piece| matches!(piece.kind, Kind::Space | Kind::Symbol | Kind::Comment) && !piece.is(":"));
        let value = pieces.get(at + 1).filter(|_| may_begin).and_then(|name| value(name, variables));
        match value {
            Some(value) => {
                result.push_str(&value);
                at += 2;
            }
            None => {
                result.push_str(piece.text);
                at += 1;
            }
        }
    }
    result
}

fn value(name: &lex::Piece<'_>, variables: &Variables) -> Option<String> {
    match name.kind {
        Kind::Word => variables.get(name.text).cloned(),
        Kind::Text => {
            let value = variables.get(name.text.strip_prefix('\'')?.strip_suffix('\'')?)?;
            Some(format!("'{}'", value.replace('\'', "''")))
        }
        Kind::Quoted => {
            let value = variables.get(name.text.strip_prefix('"')?.strip_suffix('"')?)?;
            Some(format!("\"{}\"", value.replace('"', "\"\"")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_where_they_stand() {
        let pairs = [("r", "us-east-1"), ("who", "O'Brien"), ("t", "a \"b\""), ("n", "5")];
        let variables: Variables = pairs.map(|(name, value)| (name.to_string(), value.to_string())).into();
        for (text, expected) in [
            ("WHERE region = :'r'", "WHERE region = 'us-east-1'"),
            ("LIMIT :n;", "LIMIT 5;"),
            ("x = :'who'", "x = 'O''Brien'"),
            ("FROM :\"t\"", "FROM \"a \"\"b\"\"\""),
            ("':r' \":r\" -- :r", "':r' \":r\" -- :r"),
            ("a::n", "a::n"),
            ("a:n", "a:n"),
            ("(:n)", "(5)"),
            (":missing :'missing'", ":missing :'missing'"),
        ] {
            assert_eq!(replaced(text, &variables), expected);
        }
    }
}
