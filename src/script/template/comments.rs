//! What stands in SQL's comments: a template's signs there are filled in where that is possible, and are words of the
//! comment where it is not, so that nobody has to give a value for what is read by nobody.

use std::ops::Range;

use crate::script::quotes::{Quotes, State};
use crate::script::template::scan::Part;

const LINES: [&str; 3] = ["--", "#", "//"];

/// Whether each part stands in a comment, as far as the text tells that is there in any case.
pub fn within(text: &str, parts: &[Part]) -> Vec<bool> {
    let mut quotes = Quotes::default();
    let within = |part: &Part| match part {
        Part::Text(range) => {
            quotes.follow(&text[range.clone()]);
            false
        }
        Part::Value { .. } | Part::Tag { .. } => matches!(quotes.now(), State::LineComment | State::BlockComment(_)),
    };
    parts.iter().map(within).collect()
}

/// Leaves a part that stands in a comment as it is written, and says whether that is possible: a block has to stand in
/// comments with all that it is about, since what depends on it would else be there or not by accident.
pub fn leave(text: &str, parts: &mut [Part], number: usize) -> bool {
    let within = within(text, parts);
    if !within.get(number).is_some_and(|is_within| *is_within) {
        return false;
    }
    let left = match &parts[number] {
        Part::Text(_) => return false,
        Part::Value { .. } => vec![number],
        Part::Tag { .. } => match block(text, parts, number) {
            None => vec![number],
            Some(tags) if is_comment(text, parts, &within, &tags) => tags,
            Some(_) => return false,
        },
    };
    for number in left {
        if let Part::Value { whole, .. } | Part::Tag { whole, .. } = &parts[number] {
            parts[number] = Part::Text(whole.clone());
        }
    }
    true
}

/// Leaves the tags in comments that belong to no block: they only speak of one.
pub fn leave_lone(text: &str, parts: &mut [Part]) {
    const OF_BLOCKS: [&str; 8] = ["if", "for", "with", "elif", "else", "endif", "endfor", "endwith"];
    let within = within(text, parts);
    for number in (0..parts.len()).filter(|number| within[*number]) {
        if let Part::Tag { whole, inside } = &parts[number]
            && OF_BLOCKS.contains(&word(text, inside))
            && block(text, parts, number).is_none()
        {
            parts[number] = Part::Text(whole.clone());
        }
    }
}

fn word<'t>(text: &'t str, inside: &Range<usize>) -> &'t str {
    text[inside.clone()].split_whitespace().next().unwrap_or_default()
}

/// The tags that belong together with one of them; `None` for one that stands alone.
fn block(text: &str, parts: &[Part], number: usize) -> Option<Vec<usize>> {
    let mut open: Vec<Vec<usize>> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let Part::Tag { inside, .. } = part else { continue };
        match word(text, inside) {
            "if" | "for" | "with" => open.push(vec![at]),
            "elif" | "else" => open.iter_mut().last().into_iter().for_each(|tags| tags.push(at)),
            "endif" | "endfor" | "endwith" => {
                let Some(mut tags) = open.pop() else { continue };
                tags.push(at);
                if tags.contains(&number) {
                    return Some(tags);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a block's tags, and all between them, are a comment's.
fn is_comment(text: &str, parts: &[Part], within: &[bool], tags: &[usize]) -> bool {
    let (Some(first), Some(last)) = (tags.first(), tags.last()) else { return false };
    let whole = |number: usize| match &parts[number] {
        Part::Text(range) | Part::Value { whole: range, .. } | Part::Tag { whole: range, .. } => range.clone(),
    };
    let stretch: Range<usize> = whole(*first).start..whole(*last).end;
    let mut quotes = Quotes::default();
    quotes.follow(&text[..stretch.start]);
    let is_line = |line: &str| line.trim().is_empty() || LINES.iter().any(|sign| line.trim_start().starts_with(sign));
    tags.iter().all(|tag| within[*tag])
        && match quotes.now() {
            State::BlockComment(_) => !text[stretch].contains("*/"),
            _ => text[stretch].split('\n').skip(1).all(is_line),
        }
}
