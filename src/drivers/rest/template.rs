//! Text with places for values, `/widgets/{id}`, and the one encoding of values in an address.
//! Knows no request: what a name stands for is the caller's to say.

/// Pieces in their order; what is written outside of `{…}` is sent as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(String),
}

impl Template {
    /// # Errors
    /// What is wrong with the text, to follow its name in a sentence.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, after) = (&rest[..open], &rest[open + 1..]);
            let Some((name, after)) = after.split_once('}') else {
                return Err("has a `{` without its `}`".into());
            };
            if name.trim().is_empty() || name.contains('{') {
                return Err("has `{}` without a name".into());
            }
            pieces.extend((!before.is_empty()).then(|| Piece::Text(before.into())));
            pieces.push(Piece::Name(name.trim().into()));
            rest = after;
        }
        if rest.contains('}') {
            return Err("has a `}` without its `{`".into());
        }
        pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.into())));
        Ok(Template(pieces))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The one name that is the whole text.
    pub fn only_name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Name(name)] => Some(name),
            _ => None,
        }
    }

    /// The text with its values; the name that has none otherwise.
    pub fn filled(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Name(name) => text.push_str(&value(name).ok_or(name.as_str())?),
            }
        }
        Ok(text)
    }
}

/// Percent-encodes all but the letters, digits and signs that mean nothing in any part of an address (RFC 3986, 2.3).
pub fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// A value as a part of a path. None: servers and what stands before them read `.` and `..` as steps, encoded or not,
/// and nothing at all as the path before it.
pub fn segment(value: &str) -> Option<String> {
    (!["", ".", ".."].contains(&value)).then(|| encoded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_each_by_itself() {
        let check = |value: &str, expected: Option<&str>| {
            let template = Template::parse("/a/{id}/b").expect("a template");
            let filled = segment(value).and_then(|value| template.filled(|_| Some(value.clone())).ok());
            assert_eq!(filled.as_deref(), expected, "{value}");
        };
        check("x-1_2.3~4", Some("/a/x-1_2.3~4/b"));
        check("a/b?c#d", Some("/a/a%2Fb%3Fc%23d/b"));
        check("100% é+ {id}", Some("/a/100%25%20%C3%A9%2B%20%7Bid%7D/b"));
        check("../x", Some("/a/..%2Fx/b"));
        check("..", None);
        check(".", None);
        check("", None);
    }

    #[test]
    fn what_is_no_template_is_told() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Template::parse(text).expect_err("no template"), expected, "{text}");
        };
        check("/a/{id", "has a `{` without its `}`");
        check("/a/{}", "has `{}` without a name");
        check("/a/id}", "has a `}` without its `{`");
    }
}
