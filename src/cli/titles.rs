//! What each statement of a script says of itself: the `--` comment right above it, else on a terminal its own words.

use crate::cli::{cells, output};
use crate::engine::{Engine, masked};
use crate::script::Script;
use crate::sql::Statement;

/// The most letters of a statement that stand for it.
const SHOWN: usize = 100;

/// A title for each statement of the script. An explanation does not say of what it is one, so that in a dry run the
/// statement's own text stands in for a comment that is not there.
pub fn titles(engine: &Engine, script: &Script, statements: &[Statement], dry_run: bool) -> Vec<Option<String>> {
    let mut pieces = script.pieces.iter().map(|piece| piece.source.text());
    let mut rest = pieces.next().unwrap_or_default();
    let mut comment = |statement: &Statement| {
        let start = loop {
            match rest.find(&statement.text) {
                Some(start) => break start,
                None => rest = pieces.next()?,
            }
        };
        let above: Vec<&str> = rest[..start].lines().map(str::trim).collect();
        rest = &rest[start + statement.text.len()..];
        let above = above.iter().rev().skip_while(|line| line.starts_with("/*+"));
        let comments = above.map_while(|line| line.strip_prefix("--"));
        let mut lines: Vec<&str> = comments.map(str::trim).collect();
        lines.reverse();
        (!lines.is_empty()).then(|| cells::one_line(&lines.join(" ")))
    };
    let on_terminal = output::is_terminal();
    let text = |statement: &Statement| match (dry_run, on_terminal) {
        (true, _) => Some(words(&masked(engine, &statement.text))),
        (false, true) => Some(short(&words(&masked(engine, &statement.text)))),
        (false, false) => None,
    };
    statements.iter().map(|statement| comment(statement).or_else(|| text(statement))).collect()
}

fn words(text: &str) -> String {
    cells::one_line(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
