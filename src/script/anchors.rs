//! `/*+ create */` and its kin: what the statements after them are for. A file with several is a resource's, not a script.

use std::ops::Range;

use crate::error::{Error, Kind, Result, nearest};
use crate::script::quotes::Quotes;
use crate::sql::ANCHORS;

/// A line that begins with an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// In lower case, with its step if it has one: `create`, `callback:create`.
    pub name: String,
    /// What else its comment says: `retries` and `5` of `retries=5`.
    pub options: Vec<(String, String)>,
    /// The comment, in bytes of the text.
    pub place: Range<usize>,
}

impl Anchor {
    /// Whether it is what somebody asks for: `callback` is every `callback:…`.
    pub fn is(&self, wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        self.name == wanted || self.name.split(':').next() == Some(wanted.as_str())
    }
}

/// The anchors of a text, in order.
pub fn anchors(text: &str) -> Vec<Anchor> {
    let mut found = Vec::new();
    let mut quotes = Quotes::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begin = at + (line.len() - line.trim_start().len());
        if quotes.is_among_words()
            && !line.trim().is_empty()
            && let Some(rest) = text[begin..].strip_prefix("/*+")
            && let Some(end) = rest.find("*/")
            && let Some((name, options)) = read(&rest[..end])
        {
            found.push(Anchor { name, options, place: begin..begin + "/*+".len() + end + "*/".len() });
        }
        quotes.follow(line);
        at += line.len();
    }
    found
}

fn read(hint: &str) -> Option<(String, Vec<(String, String)>)> {
    let mut words = hint.split(',');
    let name = words.next()?.trim().to_lowercase();
    let base = name.split(':').next().unwrap_or_default();
    if !ANCHORS.contains(&base) {
        return None;
    }
    let options = words.filter_map(|word| word.split_once('='));
    Some((name, options.map(|(name, value)| (name.trim().into(), value.trim().into())).collect()))
}

/// Whether the text is a resource's file: it has different anchors.
pub fn is_resource(anchors: &[Anchor]) -> bool {
    anchors.windows(2).any(|pair| pair[0].name != pair[1].name)
}

/// The text with blanks for all that is under no anchor asked for; line breaks stay.
pub fn only(text: &str, anchors: &[Anchor], wanted: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut keeps = false;
    let begins = anchors.iter().map(|anchor| (anchor.place.start, anchor.is(wanted)));
    let mut begins = begins.peekable();
    for (at, letter) in text.char_indices() {
        if let Some((_, is_wanted)) = begins.next_if(|(begin, _)| *begin <= at) {
            keeps = is_wanted;
        }
        match letter {
            _ if keeps => kept.push(letter),
            '\n' => kept.push('\n'),
            _ => kept.extend(std::iter::repeat_n(' ', letter.len_utf8())),
        }
    }
    kept
}

/// Why a resource's file is not run as it stands.
pub fn refused(anchors: &[Anchor]) -> Error {
    let mut names: Vec<&str> = Vec::new();
    for anchor in anchors.iter().filter(|anchor| !anchor.name.is_empty()) {
        if !names.contains(&anchor.name.as_str()) {
            names.push(&anchor.name);
        }
    }
    Error::new(Kind::Usage, "this file says how to make and unmake a resource: it is not run as a whole")
        .with_context(format!("it has {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")))
        .with_context("nothing was sent")
        .with_hint(format!("`--anchor {}` runs what stands under that", names.first().copied().unwrap_or_default()))
}

/// That nothing stands under an anchor. `known` are those that there are.
///
/// # Errors
/// Always.
pub fn missing<T>(wanted: &str, known: &[String]) -> Result<T> {
    let error = Error::new(Kind::Usage, format!("nothing stands under `{wanted}`")).with_context("nothing was sent");
    Err(match nearest(wanted, known.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean `--anchor {near}`?")),
        None if known.is_empty() => error.with_hint("`/*+ create */` before a statement names it"),
        None => error.with_hint(format!("there are {}", known.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "-- note\n/*+ exists, retries=5, retry_delay = 10 */\nSELECT 'a\n/*+ delete */';\n  /*+ CALLBACK:create */ \
                        SELECT 2\n/* x\n/*+ delete */ */\n/*+ AWAIT */ SELECT 3 /*+ update */";

    #[test]
    fn anchors_begin_lines() {
        let found = anchors(FILE);
        let names: Vec<&str> = found.iter().map(|anchor| anchor.name.as_str()).collect();
        assert_eq!(names, ["exists", "callback:create"]);
        let option = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(found[0].options, [option("retries", "5"), option("retry_delay", "10")]);
        assert!(found[1].is("callback") && found[1].is("Callback:Create") && !found[1].is("create"));
        assert!(is_resource(&found) && !is_resource(&found[..1]));
    }

    #[test]
    fn one_anchor_of_a_file() {
        let kept = only(FILE, &anchors(FILE), "exists");
        assert_eq!(kept.len(), FILE.len());
        assert_eq!(kept.lines().nth(2), Some("SELECT 'a"));
        assert_eq!(kept.lines().nth(4).map(str::trim), Some(""));
        assert_eq!(anchors(&kept), anchors(FILE)[..1]);
    }
}
