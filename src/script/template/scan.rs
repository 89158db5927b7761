//! A template's parts: text, and what stands within `{{ }}` and `{% %}`. Knows where they stand, not what they mean.

use std::ops::Range;

use crate::script::quotes::{Quotes, State};

/// All ranges in bytes of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What stands as it is.
    Text(Range<usize>),
    /// `{{ … }}`: the whole, and the expression within.
    Value { whole: Range<usize>, inside: Range<usize> },
    /// `{% … %}`
    Tag { whole: Range<usize>, inside: Range<usize> },
}

/// The parts of a template in order; comments (`{# … #}`) are left out, and so are the blanks that a `-` takes away.
/// What is opened in a comment of SQL and not closed in it is the comment's.
///
/// # Errors
/// Where something is opened that is not closed.
pub fn parts(text: &str) -> Result<Vec<Part>, Range<usize>> {
    let mut parts = Vec::new();
    let mut quotes = Quotes::default();
    // Where the text begins that is no part yet, and from where signs are looked for in it.
    let (mut at, mut from, mut trims) = (0, 0, false);
    loop {
        let opened = text[from..].match_indices('{').map(|(found, _)| from + found).find(|found| opening(text, *found));
        let end = opened.unwrap_or(text.len());
        quotes.follow(&text[from..end]);
        if let Some(open) = opened
            && comment_end(text, open, &quotes).is_some_and(|end| closing(&text[..end], open).is_none())
        {
            from = open + 2;
            continue;
        }
        let mut plain = at..end;
        if trims {
            plain.start = end - text[plain.clone()].trim_start().len();
        }
        let Some(open) = opened else {
            push(&mut parts, plain);
            return Ok(parts);
        };
        if text[open + 2..].starts_with('-') {
            plain.end = plain.start + text[plain.clone()].trim_end().len();
        }
        push(&mut parts, plain);
        if text[open..].starts_with("{#") {
            at = closing(text, open).ok_or(open..open + 2)?;
            (from, trims) = (at, text[..at].ends_with("-#}"));
            continue;
        }
        let (inside, close) = inside(text, open).ok_or(open..open + 2)?;
        trims = text[..close].ends_with("-}}") || text[..close].ends_with("-%}");
        (at, from) = (close, close);
        let whole = open..close;
        if text[open..].starts_with("{{") {
            parts.push(Part::Value { whole, inside });
        } else if text[inside.clone()].trim() == "raw" {
            let (raw, after) = raw(text, close).ok_or(whole)?;
            push(&mut parts, raw);
            (at, from, trims) = (after, after, false);
        } else {
            parts.push(Part::Tag { whole, inside });
        }
    }
}

/// The template's text with blanks for all that is no text, line breaks kept.
pub fn masked(text: &str) -> Option<String> {
    let mut masked = String::with_capacity(text.len());
    for part in parts(text).ok()? {
        let Part::Text(range) = part else { continue };
        let blank = |letter: char| if letter == '\n' { "\n".to_string() } else { " ".repeat(letter.len_utf8()) };
        masked.extend(text[masked.len()..range.start].chars().map(blank));
        masked.push_str(&text[range]);
    }
    let blank = |letter: char| if letter == '\n' { "\n".to_string() } else { " ".repeat(letter.len_utf8()) };
    masked.extend(text[masked.len()..].chars().map(blank));
    Some(masked)
}

/// The tags in a stretch of the template whose blocks begin or end outside of it.
pub fn unpaired(text: &str, stretch: &Range<usize>) -> Vec<Range<usize>> {
    let (mut open, mut found): (Vec<Vec<Range<usize>>>, Vec<Range<usize>>) = Default::default();
    for part in parts(text).unwrap_or_default() {
        let Part::Tag { whole, inside } = part else { continue };
        if whole.start < stretch.start || whole.end > stretch.end {
            continue;
        }
        match text[inside].split_whitespace().next().unwrap_or_default() {
            "if" | "for" | "with" => open.push(vec![whole]),
            "elif" | "else" => open.last_mut().unwrap_or(&mut found).push(whole),
            "endif" | "endfor" | "endwith" if open.pop().is_none() => found.push(whole),
            _ => {}
        }
    }
    found.extend(open.into_iter().flatten());
    found
}

fn push(parts: &mut Vec<Part>, plain: Range<usize>) {
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
}

fn opening(text: &str, at: usize) -> bool {
    ["{{", "{%", "{#"].iter().any(|sign| text[at..].starts_with(sign))
}

/// Where what is opened at `open` ends, if it does.
fn closing(text: &str, open: usize) -> Option<usize> {
    match text[open..].starts_with("{#") {
        true => text[open + 2..].find("#}").map(|close| open + 2 + close + 2),
        false => inside(text, open).map(|(_, close)| close),
    }
}

/// Where the comment of SQL ends that a place is in.
fn comment_end(text: &str, at: usize, quotes: &Quotes) -> Option<usize> {
    let end = match quotes.now() {
        State::LineComment => text[at..].find('\n'),
        State::BlockComment(_) => text[at..].find("*/"),
        _ => return None,
    };
    Some(end.map_or(text.len(), |end| at + end))
}

/// What stands within the signs that are opened at `open`, and where it ends with them. Quotes and brackets within it
/// are its own.
fn inside(text: &str, open: usize) -> Option<(Range<usize>, usize)> {
    let close = if text[open..].starts_with("{{") { "}}" } else { "%}" };
    let mut start = open + 2;
    if text[start..].starts_with(['-', '+']) {
        start += 1;
    }
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (found, letter) in text[start..].char_indices() {
        let at = start + found;
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if depth == 0 && text[at..].starts_with(close) => {
                let signed = text[start..at].ends_with(['-', '+']);
                return Some((start..at - usize::from(signed), at + 2));
            }
            None => match letter {
                '\'' | '"' => quote = Some(letter),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            },
        }
    }
    None
}

/// The most words and signs of an expression between two commas of one level: what the engine has to go through one
/// within the other (`a.b.c`, `a | b | c`, `a ~ b ~ c`).
pub fn longest_chain(expression: &str) -> usize {
    let (mut counts, mut longest) = (vec![0_usize], 0);
    let (mut quote, mut escaped, mut is_in_word) = (None, false, false);
    for letter in expression.chars() {
        let was_in_word = std::mem::replace(&mut is_in_word, letter.is_alphanumeric() || letter == '_');
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None => match letter {
                '\'' | '"' => quote = Some(letter),
                ')' | ']' | '}' if counts.len() > 1 => drop(counts.pop()),
                ',' => counts.last_mut().into_iter().for_each(|count| *count = 0),
                _ if letter.is_whitespace() || (is_in_word && was_in_word) => {}
                _ => {
                    if let Some(count) = counts.last_mut() {
                        *count += 1;
                        longest = longest.max(*count);
                    }
                    if matches!(letter, '(' | '[' | '{') {
                        counts.push(0);
                    }
                }
            },
        }
    }
    longest
}

/// What stands between `{% raw %}` and `{% endraw %}`, and where that ends.
fn raw(text: &str, start: usize) -> Option<(Range<usize>, usize)> {
    let mut from = start;
    loop {
        let open = from + text[from..].find("{%")?;
        match inside(text, open) {
            Some((within, close)) if text[within.clone()].trim() == "endraw" => return Some((start..open, close)),
            _ => from = open + 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_chain_of_an_expression() {
        let check = |expression: &str, expected| assert_eq!(longest_chain(expression), expected, "{expression}");
        check("", 0);
        check(" a.bc ", 3);
        check("a | b('c | d', e.f) | g", 6);
        check("[a, b, c ~ d]", 3);
        check("a)b", 3);
    }

    #[test]
    fn tags_of_blocks_that_go_beyond_a_stretch() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = unpaired(text, &(0..text.len())).into_iter().map(|tag| &text[tag]).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("{% if a %}{% else %}{% endif %}{% set b = 1 %}", &[]);
        check("{% if a %}{% elif b %}{% for c in d %}{% endfor %}", &["{% if a %}", "{% elif b %}"]);
        check("{% else %}{% if a %}{% endif %}{% endif %}", &["{% else %}", "{% endif %}"]);
    }

    #[test]
    fn parts_of_a_template() {
        let check = |text: &str, expected: &[&str]| {
            let shown = |part: &Part| match part {
                Part::Text(range) => text[range.clone()].to_string(),
                Part::Value { inside, .. } => format!("={}", text[inside.clone()].trim()),
                Part::Tag { inside, .. } => format!("%{}", text[inside.clone()].trim()),
            };
            let found = parts(text).map(|parts| parts.iter().map(shown).collect::<Vec<_>>());
            assert_eq!(found.expect("parts"), expected, "{text}");
        };
        check("a", &["a"]);
        check("a {{ b }} c", &["a ", "=b", " c"]);
        check("{{ {'a': {'b': '}}'}} }}'", &["={'a': {'b': '}}'}}", "'"]);
        check("{{{\"a\":1}}}", &["={\"a\":1}"]);
        check("a {{- b -}} c", &["a", "=b", "c"]);
        check("a {# {{ b }} #} c", &["a ", " c"]);
        check("{% if a %}b{% endif %}", &["%if a", "b", "%endif"]);
        check("{% raw %}{{ b }}{% endraw %}", &["{{ b }}"]);
        check("{ a } {'b'}", &["{ a } {'b'}"]);
        check("{{ 'it''s' }}", &["='it''s'"]);
        assert_eq!(parts("a {{ b"), Err(2..4));
        assert_eq!(parts("{% raw %} b"), Err(0..9));
        assert_eq!(masked("a {{ é\n }} b").as_deref(), Some("a      \n    b"));
    }
}
