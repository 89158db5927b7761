//! `/*+ create */` and its kin: what the statements after them are for. A file with several is a resource's, not a script.

use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Kind, Result, nearest};
use crate::script::marks::{Mark, is_anchor, marks};
use crate::script::{File, Reader, Variables, Whole};
use crate::sql::{Body, Source, Statement, parse_each};

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
    let named = |mark: Mark| {
        let name = mark.words.iter().find(|word| is_anchor(word))?.to_lowercase();
        let options = mark.words.iter().filter_map(|word| word.split_once('='));
        let options = options.map(|(option, value)| (option.to_string(), value.to_string())).collect();
        Some(Anchor { name, options, place: mark.place })
    };
    marks(text).into_iter().filter_map(named).collect()
}

/// Whether the text is a resource's file: it has different anchors.
pub fn is_resource(anchors: &[Anchor]) -> bool {
    anchors.windows(2).any(|pair| pair[0].name != pair[1].name)
}

/// The text with blanks for all that is under other anchors than the one asked for; line breaks stay, and so do the tags
/// that `tags` finds in such a stretch. What stands before the first anchor stays: it is not known yet what of it is said.
pub fn only(text: &str, anchors: &[Anchor], wanted: &str, tags: impl Fn(&Range<usize>) -> Vec<Range<usize>>) -> String {
    // Of anchors that follow each other without one that is asked for, from the first to what comes then.
    let mut others: Vec<Range<usize>> = Vec::new();
    for (number, anchor) in anchors.iter().enumerate() {
        let (begin, end) = (anchor.place.start, anchors.get(number + 1).map_or(text.len(), |next| next.place.start));
        match others.last_mut() {
            _ if anchor.is(wanted) => {}
            Some(last) if last.end == begin => last.end = end,
            _ => others.push(begin..end),
        }
    }
    let kept: Vec<Range<usize>> = others.iter().flat_map(tags).collect();
    let mut only = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let is_blank = others.iter().any(|other| other.contains(&at)) && !kept.iter().any(|tag| tag.contains(&at));
        match letter {
            '\n' => only.push('\n'),
            _ if is_blank => only.extend(std::iter::repeat_n(' ', letter.len_utf8())),
            _ => only.push(letter),
        }
    }
    only
}

/// That there are statements before the first anchor, which are for no section: `SET`, `USE` and `RESET` hold for each.
pub fn loose(source: &Source, wanted: &str) -> Option<Error> {
    let statements: Vec<Statement> =
        parse_each(source).into_iter().filter_map(|parsed| parsed.statement.ok()).collect();
    let is_loose = |statement: &&Statement| !matches!(statement.body, Body::Set { .. } | Body::Reset { .. });
    let (first, number) = (statements.iter().find(is_loose)?, statements.iter().filter(is_loose).count());
    let stand = if number == 1 { "1 statement stands".to_string() } else { format!("{number} statements stand") };
    let error =
        Error::new(Kind::Usage, format!("{stand} before the first anchor: `--anchor {wanted}` would not run this"));
    Some(
        error.at(first.place()).with_context("nothing was sent").with_hint(
            "put an anchor before it; only `SET`, `RESET` and `USE` hold for what stands under every anchor",
        ),
    )
}

/// Why what has these anchors is not run as it stands.
pub fn refused<'a>(anchors: impl IntoIterator<Item = &'a str>) -> Error {
    let names = distinct(anchors);
    let first = names.first().copied().unwrap_or_default();
    whole(&names).with_hint(format!("`--anchor {first}` runs what stands under that"))
}

/// That a file whose statements are typed one after the other, and those that it asks for, are together no resource's.
///
/// # Errors
/// `Usage`: they are, or their anchors are not understood.
pub fn refuse_whole(file: &File, load: &(dyn Fn(&Path) -> Result<File> + Sync)) -> Result<(), Vec<Error>> {
    let variables = Variables::default();
    let reader = Reader { variables: &variables, anchor: None, whole: Whole::Read, load };
    let Ok(script) = reader.read(&file.text, Some(file)) else { return Ok(()) };
    if !script.faults.is_empty() {
        return Err(script.faults);
    }
    let names = distinct(script.anchors.iter().map(|(name, _)| name.as_str()));
    let (Some(first), Some((_, place))) = (names.first(), script.anchors.iter().find(|(name, _)| name != names[0]))
    else {
        return Ok(());
    };
    let hint = format!("`iql exec --anchor {first} -i {}` runs what stands under that", file.path.display());
    Err(vec![whole(&names).at(place.clone()).with_hint(hint)])
}

/// That a file is not run whose anchors, with those of what was run before it, would make and unmake a resource.
///
/// # Errors
/// `Usage`: there are different ones.
pub fn refuse_together<'a>(anchors: impl IntoIterator<Item = &'a str>, path: &Path) -> Result<()> {
    let names = distinct(anchors);
    if names.len() < 2 {
        return Ok(());
    }
    let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message =
        format!("with the files before it, `{}` would make and unmake a resource: it is not run", path.display());
    Err(Error::new(Kind::Usage, message)
        .with_context(format!("they have {names}"))
        .with_context("nothing of this file was sent"))
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
    fn an_anchor_is_any_word_of_its_hint() {
        let names = |text: &str| anchors(text).into_iter().map(|anchor| anchor.name).collect::<Vec<_>>();
        assert_eq!(names("/*+ AWAIT, delete */ SELECT 1"), ["delete"]);
        assert_eq!(names("/*+ delete\u{a0}retries=5 */ SELECT 1"), ["delete"]);
        assert_eq!(names("/*+ delete; */ SELECT 1"), [""; 0]);
    }

    #[test]
    fn one_anchor_of_a_file() {
        let kept = only(FILE, &anchors(FILE), "exists", |_| Vec::new());
        assert_eq!(kept.len(), FILE.len());
        assert_eq!(kept.lines().nth(2), Some("SELECT 'a"));
        assert_eq!(kept.lines().nth(4).map(str::trim), Some(""));
        assert_eq!(anchors(&kept), anchors(FILE)[..1]);
    }
}
