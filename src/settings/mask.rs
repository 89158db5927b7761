//! Texts without the secrets that are known to whoever shows them, in whatever form they stand there. The last guard:
//! what is known to be a secret by its place is left out before.

use std::collections::BTreeSet;

use crate::error::Error;

/// What stands where a secret stood.
const HIDDEN: &str = "…";
/// A shorter text is no secret: to hide it would hide half of every sentence.
const SHORTEST: usize = 3;
/// A shorter one is found as a word of its own alone: `admin` is no part of `administrator`.
const LONG: usize = 8;

/// Values that are not to be shown.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    /// Every form of each, the longest first.
    forms: Vec<String>,
}

impl Mask {
    pub fn new(values: impl IntoIterator<Item = impl AsRef<str>>) -> Mask {
        let mut all = BTreeSet::new();
        for value in values {
            let value = value.as_ref();
            if value.chars().count() >= SHORTEST {
                all.extend(forms(value));
            }
            // A message may have one line of it, or its blanks put together.
            let pieces =
                value.split(['\n', '\r']).map(str::trim).filter(|piece| piece.len() >= LONG && *piece != value);
            all.extend(pieces.map(String::from));
        }
        let mut forms: Vec<String> = all.into_iter().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Mask { forms }
    }

    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Whether a text is nothing but a short secret: perhaps one, and perhaps a word that is like it.
    pub fn is_doubtful(&self, text: &str) -> bool {
        text.chars().count() < LONG && self.forms.iter().any(|form| form == text)
    }

    /// A text that may quote a service, whose words are its own: whatever is like a secret is left out.
    pub fn text(&self, text: &str) -> String {
        self.masked(text, &|_, before, after| is_apart(before, after))
    }

    /// A sentence of ours: a short secret that is nothing but small letters may be a word of it (`table`), and is one only
    /// where it stands as a value.
    fn sentence(&self, text: &str) -> String {
        let may_be_a_word = |form: &str| form.bytes().all(|byte| byte.is_ascii_lowercase());
        self.masked(text, &|form, before, after| {
            is_apart(before, after) && (!may_be_a_word(form) || is_value(before, after))
        })
    }

    /// `counts` says of a short form whether it is meant, by what stands on both sides of it.
    fn masked(&self, text: &str, counts: &Counts<'_>) -> String {
        let mut text = text.to_string();
        for form in &self.forms {
            if text.contains(form.as_str()) {
                text = without(&text, form, counts);
            }
        }
        text
    }

    /// The error without secrets, and without what caused it, which nobody has looked through. Its place is for who
    /// knows the text that it is in.
    pub fn error(&self, error: Error) -> Error {
        if self.is_empty() {
            return error;
        }
        Error {
            message: self.sentence(&error.message),
            // Requests, and what services say of them.
            context: error.context.iter().map(|line| self.text(line)).collect(),
            hints: error.hints.iter().map(|hint| self.sentence(hint)).collect(),
            source: None,
            ..error
        }
    }
}

/// Whether a form is meant: it, and what stands before and after it.
type Counts<'a> = dyn Fn(&str, &str, &str) -> bool + 'a;

/// Whether what stands between two stretches of a text is no part of a longer word.
fn is_apart(before: &str, after: &str) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !is_letter(before.chars().next_back()) && !is_letter(after.chars().next())
}

/// Whether it is a value: quoted, in brackets, behind `=` or `:`, or all.
fn is_value(before: &str, after: &str) -> bool {
    let quotes = |letter: Option<char>| letter.is_some_and(|letter| "`'\"“”‘’()[]{}<>".contains(letter));
    let is_behind = before.trim_end().ends_with(['=', ':']);
    let is_all = before.trim().is_empty() && after.trim().is_empty();
    quotes(before.chars().next_back()) || quotes(after.chars().next()) || is_behind || is_all
}

fn without(text: &str, form: &str, counts: &Counts<'_>) -> String {
    let is_long = form.chars().count() >= LONG;
    let (mut found, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(next) = text[at..].find(form).map(|next| at + next) {
        let end = next + form.len();
        found.push_str(&text[at..next]);
        found.push_str(if is_long || counts(form, &text[..next], &text[end..]) { HIDDEN } else { form });
        at = end;
    }
    found.push_str(&text[at..]);
    found
}

/// A value as it stands, in JSON, in SQL, in an address, and as base64.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let json = &json[1..json.len() - 1];
    let address: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mut forms = vec![
        value.to_string(),
        json.to_string(),
        // JSON within JSON.
        json.replace('\\', "\\\\").replace('"', "\\\""),
        value.replace('\'', "''"),
        address.replace('+', "%20"),
        address,
    ];
    let blanks = value.split_whitespace().collect::<Vec<_>>().join(" ");
    forms.push(blanks);
    if value.len() >= LONG {
        let base64 = base64(value.as_bytes());
        let bare = base64.trim_end_matches('=').to_string();
        let safe = |text: &str| text.replace('+', "-").replace('/', "_");
        forms.extend([safe(&base64), safe(&bare), base64, bare]);
    }
    forms.retain(|form| form.chars().count() >= SHORTEST);
    forms
}

/// RFC 4648, 4: the crate that has it belongs to the drivers.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_secret_is_found_in_every_form() {
        let check = |secret: &str, text: &str, expected: &str| {
            assert_eq!(Mask::new([secret]).text(text), expected, "{secret} in {text}");
        };
        check("hunter2", "password hunter2 is weak: \"hunter2\"", "password … is weak: \"…\"");
        check("admin", "the administrator is no admin", "the administrator is no …");
        check("correct horse", "xcorrect horsex", "x…x");
        check("correct horse", "correct+horse correct%20horse", "… …");
        check("a\"b\\c/d-e", r#"{"x":"a\"b\\c/d-e"}"#, r#"{"x":"…"}"#);
        check("it's secret", "VALUES ('it''s secret')", "VALUES ('…')");
        check("correct horse", "Y29ycmVjdCBob3JzZQ==", "…");
        check("first line of it\nsecond line", "found `first line of it`", "found `…`");
        check("ab", "ab", "ab");
        check("", "x", "x");
    }

    #[test]
    fn a_short_secret_is_a_word_of_our_sentences() {
        let told = |message: &str| Mask::new(["table"]).error(Error::new(Kind::Refused, message)).message;
        for (message, expected) in [
            ("there is no table `orders`", "there is no table `orders`"),
            ("`table` is no pin", "`…` is no pin"),
            ("the pin 'table' is weak, as \"table\" is", "the pin '…' is weak, as \"…\" is"),
            ("password=table&x=1, password: table", "password=…&x=1, password: …"),
            ("tables (table)", "tables (…)"),
            ("table", "…"),
        ] {
            assert_eq!(told(message), expected);
        }
        // What a service says is looked through whole.
        let said = Error::new(Kind::Refused, "no").with_context("Vault says: table is weak");
        assert_eq!(Mask::new(["table"]).error(said).context, ["Vault says: … is weak"]);
    }

    #[test]
    fn an_error_is_cleared_whole() {
        let error = Error::new(Kind::Refused, "hunter2 is weak").with_context("got hunter2").with_hint("not hunter2");
        let error = Mask::new(["hunter2"]).error(error.with_source(std::io::Error::other("hunter2")));
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
