//! `/*+ create */` and its kin: what the statements after them are for. A file with several is a resource's, not a script.

use std::ops::Range;
use std::path::Path;

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

/// The anchors of a text, in order: where a statement may begin, or a line does.
pub fn anchors(text: &str) -> Vec<Anchor> {
    let mut found = Vec::new();
    let mut quotes = Quotes::default();
    // Whether nothing but blanks and comments stands before, of the statement and of the line.
    let (mut is_first, mut is_first_of_line) = (true, true);
    let mut skipped = 0;
    for (at, letter) in text.char_indices() {
        let is_word = quotes.is_among_words() && at >= skipped && !letter.is_whitespace();
        let rest = &text[at..];
        if is_word && ["/*", "--", "//", "#"].iter().any(|opens| rest.starts_with(opens)) {
            skipped = at + "/*".len();
            if (is_first || is_first_of_line)
                && let Some(hint) = rest.strip_prefix("/*+")
                && let Some(end) = hint.find("*/")
                && let Some((name, options)) = read(&hint[..end])
            {
                found.push(Anchor { name, options, place: at..at + "/*+".len() + end + "*/".len() });
            }
        } else if is_word {
            (is_first, is_first_of_line) = (letter == ';', false);
        }
        is_first_of_line |= letter == '\n';
        quotes.letter(letter);
    }
    found
}

/// Blanks or commas part the words of a hint.
fn read(hint: &str) -> Option<(String, Vec<(String, String)>)> {
    let hint = hint.trim();
    let (name, rest) = hint.split_at(hint.find([',', ' ', '\t', '\n', '\r']).unwrap_or(hint.len()));
    let name = name.to_lowercase();
    let base = name.split(':').next().unwrap_or_default();
    if !ANCHORS.contains(&base) {
        return None;
    }
    // `a = 1, b=2 c=3`: a name stands before each sign, a value behind it.
    let mut parts = rest.split('=').map(str::trim);
    let last = |text: &str| text.rsplit([',', ' ', '\t', '\n', '\r']).next().unwrap_or_default().to_string();
    let first = |text: &str| text.split([',', ' ', '\t', '\n', '\r']).next().unwrap_or_default().to_string();
    let mut option = parts.next().map(last).unwrap_or_default();
    let mut options = Vec::new();
    for part in parts {
        options.push((std::mem::replace(&mut option, last(part)), first(part)));
    }
    Some((name, options))
}

/// Whether the text is a resource's file: it has different anchors.
pub fn is_resource(anchors: &[Anchor]) -> bool {
    anchors.windows(2).any(|pair| pair[0].name != pair[1].name)
}

/// The text with blanks for all that is under no anchor asked for; line breaks stay.
/// `outer` is what the text as a whole stands under.
pub fn only(text: &str, anchors: &[Anchor], wanted: &str, outer: Option<&Anchor>) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut keeps = outer.is_some_and(|outer| outer.is(wanted));
    // A file that is asked for under no anchor may have some.
    let first = anchors.first().map_or(text.len(), |anchor| anchor.place.start);
    let asked_for: Vec<Range<usize>> = match outer {
        None => lines(&text[..first]).filter(|line| super::included(&text[line.clone()]).is_some()).collect(),
        Some(_) => Vec::new(),
    };
    let begins = anchors.iter().map(|anchor| (anchor.place.start, anchor.is(wanted)));
    let mut begins = begins.peekable();
    for (at, letter) in text.char_indices() {
        if let Some((_, is_wanted)) = begins.next_if(|(begin, _)| *begin <= at) {
            keeps = is_wanted;
        }
        match letter {
            _ if keeps || asked_for.iter().any(|line| line.contains(&at)) => kept.push(letter),
            '\n' => kept.push('\n'),
            _ => kept.extend(std::iter::repeat_n(' ', letter.len_utf8())),
        }
    }
    kept
}

fn lines(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.split_inclusive('\n').scan(0, |at, line| {
        let begin = std::mem::replace(at, *at + line.len());
        Some(begin..*at)
    })
}

/// Why what has these anchors is not run as it stands.
pub fn refused<'a>(anchors: impl IntoIterator<Item = &'a str>) -> Error {
    let names = distinct(anchors);
    let first = names.first().copied().unwrap_or_default();
    whole(&names).with_hint(format!("`--anchor {first}` runs what stands under that"))
}

/// That a file whose statements are typed one after the other is no resource's.
///
/// # Errors
/// `Usage`: it is.
pub fn refuse_whole(text: &str, path: &Path) -> Result<()> {
    let found = anchors(text);
    let names = distinct(found.iter().map(|anchor| anchor.name.as_str()));
    let (Some(first), Some(second)) = (names.first(), found.iter().find(|anchor| anchor.name != found[0].name)) else {
        return Ok(());
    };
    Err(whole(&names)
        .at(crate::sql::place(text, Some(path), second.place.clone()))
        .with_hint(format!("`iql exec --anchor {first} -i {}` runs what stands under that", path.display())))
}

fn distinct<'a>(anchors: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for name in anchors {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn whole(names: &[&str]) -> Error {
    let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Error::new(Kind::Usage, "this file says how to make and unmake a resource: it is not run as a whole")
        .with_context(format!("it has {names}"))
        .with_context("nothing was sent")
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
    fn anchors_begin_statements() {
        let names = |text: &str| anchors(text).into_iter().map(|anchor| anchor.name).collect::<Vec<_>>();
        assert_eq!(names("/*+ create */ SELECT 1; /*+ delete */ SELECT 2"), ["create", "delete"]);
        assert_eq!(names("/* note */ -- and\n// more\n /* x */ /*+ update */ SELECT 1"), ["update"]);
        assert_eq!(names("SELECT ';' /*+ delete */, $$;$$ /*+ update */"), [""; 0]);
        assert_eq!(names("SELECT 1\n/*+ delete */"), ["delete"]);
        let found = anchors("/*+ delete retries=5 retry_delay = 10, x */");
        assert_eq!(found[0].name, "delete");
        let option = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(found[0].options, [option("retries", "5"), option("retry_delay", "10")]);
    }

    #[test]
    fn one_anchor_of_a_file() {
        let kept = only(FILE, &anchors(FILE), "exists", None);
        assert_eq!(kept.len(), FILE.len());
        assert_eq!(kept.lines().nth(2), Some("SELECT 'a"));
        assert_eq!(kept.lines().nth(4).map(str::trim), Some(""));
        assert_eq!(anchors(&kept), anchors(FILE)[..1]);
    }
}
