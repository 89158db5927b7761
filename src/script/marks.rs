//! Hints that stand where a lifecycle anchor does, and what is wrong with them: one that is not understood would leave its
//! statements to the anchor before it.

use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Kind, nearest};
use crate::script::quotes::Quotes;
use crate::sql::{ANCHORS, hints, place};

/// A `/*+ … */` before which nothing but blanks and comments stands, of its statement or of its line.
#[derive(Debug)]
pub struct Mark {
    pub words: Vec<String>,
    /// The comment, in bytes of the text.
    pub place: Range<usize>,
    begins: Begins,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    Statement,
    Line,
}

/// What the marks of a text stand among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// The text has anchors, or an anchor is asked for.
    Anchors,
    Statements,
}

/// The marks of a text, in order.
pub fn marks(text: &str) -> Vec<Mark> {
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
            {
                let begins = if is_first { Begins::Statement } else { Begins::Line };
                found.push(Mark { words: hints::words(&hint[..end]), place: at..at + end + "/*+*/".len(), begins });
            }
        } else if is_word {
            (is_first, is_first_of_line) = (letter == ';', false);
        }
        is_first_of_line |= letter == '\n';
        quotes.letter(letter);
    }
    found
}

/// Whether a word of a hint is an anchor, with its step if it has one.
pub fn is_anchor(word: &str) -> bool {
    let base = word.split(':').next().unwrap_or_default();
    ANCHORS.iter().any(|anchor| anchor.eq_ignore_ascii_case(base))
}

/// What is wrong with the marks of a text. `masked` is the text with blanks for what its template puts in.
pub fn faults(text: &str, masked: Option<&str>, file: Option<&Path>, among: Among) -> Vec<Error> {
    let fault = |mark: &Mark, message: String| {
        Error::new(Kind::Usage, message).at(place(text, file, mark.place.clone())).with_context("nothing was sent")
    };
    let mut faults = Vec::new();
    let mut others: Vec<(Mark, String)> = Vec::new();
    for mark in marks(masked.unwrap_or(text)) {
        let hint = &text[mark.place.clone()];
        let sign = ["{{", "{%"].iter().filter_map(|sign| hint.find(sign)).min();
        let anchors: Vec<&String> = mark.words.iter().filter(|word| is_anchor(word)).collect();
        let unknown = || mark.words.iter().find(|word| !hints::is_known(word));
        if let Some(sign) = sign {
            // What a value puts behind an anchor is its option; what it puts before could be another anchor.
            let is_settled = hints::words(&hint["/*+".len()..sign]).iter().any(|word| is_anchor(word));
            if !is_settled && (among == Among::Anchors || mark.begins == Begins::Statement) {
                let error = fault(&mark, format!("`{hint}` could be any anchor"));
                faults.push(error.with_hint("write the anchor itself: `--anchor` chooses among them"));
            }
        } else if let [first, .., last] = anchors[..] {
            let error = fault(&mark, format!("one hint names two anchors, `{first}` and `{last}`"));
            faults.push(
                error.with_hint("a hint names one; what stands under both is written twice, or in a file of its own"),
            );
        } else if let (Among::Anchors, true, Some(word)) = (among, anchors.is_empty(), unknown()) {
            faults.push(misspelt(fault(&mark, format!("`{word}` is no anchor, and no hint")), word));
        } else if anchors.is_empty()
            && mark.begins == Begins::Statement
            && !mark.words.iter().any(|word| hints::is_known(word))
        {
            // Hints of other tools have brackets there, as in `/*+ SeqScan(t) */ SELECT`.
            match mark.words.iter().find(|word| !word.contains('(')).cloned() {
                Some(word) if nearest(&word, ANCHORS).is_some() => {
                    faults.push(misspelt(fault(&mark, format!("`{word}` is no anchor, and no hint")), &word));
                }
                Some(word) => others.push((mark, word)),
                None => {}
            }
        }
    }
    // Different ones before statements part a text as anchors do.
    if let Some((second, word)) = others.iter().find(|(_, word)| !word.eq_ignore_ascii_case(&others[0].1)) {
        let message = format!("`{}` and `{word}` look like anchors, and are none", others[0].1);
        faults.push(misspelt(fault(second, message), word));
    }
    faults
}

fn misspelt(error: Error, word: &str) -> Error {
    match nearest(word, ANCHORS) {
        Some(near) => error.with_hint(format!("did you mean `/*+ {near} */`?")),
        None => error
            .with_hint(format!("the anchors are {}", ANCHORS.join(", ")))
            .with_hint("a hint for one statement stands behind its first word, on the same line"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_marks() {
        let check = |text: &str, among: Among, expected: &[&str]| {
            let found = faults(text, None, None, among);
            let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), expected.len(), "{text}: {shown:?}");
            shown.iter().zip(expected).for_each(|(shown, part)| assert!(shown.contains(part), "{text}: {shown}"));
        };
        use Among::{Anchors, Statements};
        for word in ["delte", "destroy", "post-delete", "delete;", "delete(x)"] {
            check(&format!("/*+ {word} */ DELETE"), Anchors, &[&format!("`{word}` is no anchor")]);
        }
        check("/*+ delte */ DELETE", Statements, &["did you mean `/*+ delete */`?"]);
        check("/*+ delete\u{a0}retries=5 */ DELETE; /*+ AWAIT, delete */ DELETE", Anchors, &[]);
        check("/*+ create, delete */ DELETE", Anchors, &["two anchors, `create` and `delete`"]);
        check("/*+ AWAIT, delte */ DELETE", Anchors, &["`delte` is no anchor"]);
        check("SELECT 1\n/*+ destroy */ DELETE", Anchors, &["`destroy`"]);
        check("/*+ make */ SELECT 1; /*+ make */ SELECT 2", Statements, &[]);
        check("/*+ make */ SELECT 1; /*+ destroy */ SELECT 2", Statements, &["`make` and `destroy` look like anchors"]);
        check("/*+ SeqScan(t) */ SELECT 1; /*+ HashJoin(a b) */ SELECT 2", Statements, &[]);
        check("SELECT /*+ INDEX(t) */ 1; SELECT /*+ delte */ 2; SELECT '/*+ delte */'", Anchors, &[]);
        check("/* /*+ delte */ */ SELECT 1 -- /*+ delte */", Anchors, &[]);
        check("/*+ {{ op }} */ DELETE", Statements, &["`/*+ {{ op }} */` could be any anchor"]);
        check("/*+ {{ op }} create */ DELETE", Anchors, &["could be any anchor"]);
        check("/*+ create retries={{ n }} */ INSERT", Anchors, &[]);
    }
}
