//! Statements: cut, read, shown and bound.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::json;

use super::fine;
use iql_rooms::blanked;
use iql_rooms::error::Place;
use iql_rooms::sql::split::{is_complete, within};
use iql_rooms::sql::{Params, Source, Statement, parse, parse_each};

pub fn statements(text: &str) {
    comments_keep_their_room(text);
    is_complete(text);
    stretches(text);
    let source = Source::new(text, None);
    let mut rest = Some(text.to_string());
    let mut from = 0;
    for parsed in parse_each(&source) {
        assert!(text.contains(&parsed.text), "not in the text: {}", parsed.text);
        match parsed.statement {
            Ok(statement) => {
                from = stands(&statement, text, from);
                rest = rest.map(|rest| without(&rest, from - statement.text.len()..from));
                alike(&statement);
                bound(statement);
            }
            Err(error) => {
                rest = None;
                fine(&error, text);
            }
        }
    }
    // Nothing of a text is lost: beside its statements are blanks, comments and `;`.
    if let Some(rest) = rest {
        let left = parse(&rest, None).unwrap_or_else(|error| panic!("what is left cannot be read: {error}\n{rest}"));
        assert!(left.is_empty(), "beside the statements: {rest:?}");
    }
}

/// Blanked comments leave every place what it was.
fn comments_keep_their_room(text: &str) {
    let made = blanked(text);
    let lengths = |text: &str| text.split('\n').map(|line| line.chars().count()).collect::<Vec<_>>();
    assert_eq!(lengths(&made), lengths(text));
    let is_kept = |(made, was): (char, char)| made == was || made == ' ';
    assert!(made.chars().zip(text.chars()).all(is_kept), "more than blanks");
    assert_eq!(blanked(&made), made, "a comment was left");
}

/// Stretches of every kind, cut at letters.
fn stretches(text: &str) {
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let pairs: Vec<Range<usize>> = ends.chunks(3).map(|ends| ends[0]..ends[ends.len() - 1]).collect();
    if let Some(found) = within(text, &pairs) {
        assert_eq!(found.len(), pairs.len());
    }
}

/// A statement's text is a part of the whole, behind those before it, where its place says. The end of it, in bytes.
fn stands(statement: &Statement, text: &str, from: usize) -> usize {
    let at = text[from..].find(&statement.text).unwrap_or_else(|| panic!("not in the text: {}", statement.text)) + from;
    let Place::Sql { line, column, text: of, .. } = statement.place() else { panic!("no place in SQL") };
    assert_eq!(text.split('\n').nth(line - 1).map(|line| line.strip_suffix('\r').unwrap_or(line)), Some(of.as_str()));
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let before = before + text[before..].chars().take(column - 1).map(char::len_utf8).sum::<usize>();
    assert!(text[before..].starts_with(&statement.text), "it does not begin at {line}:{column}: {}", statement.text);
    assert!(at <= before, "found before its place");
    before + statement.text.len()
}

fn without(text: &str, range: Range<usize>) -> String {
    let blank = |letter: char| if letter == '\n' { "\n".to_string() } else { " ".repeat(letter.len_utf8()) };
    [&text[..range.start], &text[range.clone()].chars().map(blank).collect::<String>(), &text[range.end..]].concat()
}

/// A statement by itself reads as it does among others.
fn alike(statement: &Statement) {
    let alone = Statement::try_from(&statement.text)
        .unwrap_or_else(|error| panic!("alone it cannot be read: {error}\n{}", statement.text));
    assert_eq!(alone.text, statement.text);
    // Those before its first word and behind its last are no part of its text.
    assert!(
        alone.hints.iter().all(|hint| statement.hints.contains(hint)),
        "{:?} of {:?}",
        alone.hints,
        statement.hints
    );
    let shown = |statement: &Statement| without_spans(&format!("{:?}", statement.body));
    assert_eq!(shown(&alone), shown(statement), "{}", statement.text);
}

/// What Rust shows of a tree, without the places in it.
pub fn without_spans(shown: &str) -> String {
    let mut rest = shown;
    let mut kept = String::with_capacity(shown.len());
    while let Some((before, after)) = rest.split_once("Span(Location(") {
        kept.push_str(before);
        rest = after.split_once("))").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

/// Params are bound or complained of, and a second time there is nothing left to bind.
fn bound(mut statement: Statement) {
    let text = statement.source.text().to_string();
    let values =
        [("a", json!("x' OR 1 = 1 --")), ("b", json!([1, "'", null])), ("c", json!({"'": 1})), ("d", json!(-1))];
    let params: Params = values.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    match statement.bind(&params) {
        Err(error) => fine(&error, &text),
        Ok(()) => {
            let again = format!("{:?}", statement.body);
            statement.bind(&BTreeMap::new()).unwrap_or_else(|error| panic!("bound, and not: {error}"));
            assert_eq!(format!("{:?}", statement.body), again);
        }
    }
}
