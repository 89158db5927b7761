//! What was typed, as the steps to take: statements, and commands of the shell between them or behind a statement that
//! has no `;`. Says whether there is more to come. Pure; knows neither statements nor commands by name.

use crate::cli::shell::lex::{self, Kind};
use crate::sql::split;

/// Words that are commands without a backslash, alone on their line.
const WORDS: [&str; 5] = ["help", "?", "quit", "exit", "clear"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One statement with its `;`. `line` counts from 0, in what was typed.
    Statement { text: String, line: usize },
    /// A command, from its backslash or dot to the end of its line, and the statement in front of it that no `;` ends.
    Command { before: String, text: String },
}

/// The steps, and what is not finished behind them.
pub fn steps(text: &str) -> (Vec<Step>, &str) {
    let mut steps = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.is_empty() {
            return (steps, "");
        }
        if let Some(length) = command(rest) {
            steps.push(Step::Command { before: String::new(), text: rest[..length].trim().to_string() });
            at += length;
            continue;
        }
        let pieces = lex::pieces(rest);
        let stop = pieces.iter().find(|piece| piece.kind == Kind::Backslash || piece.is(";"));
        match stop {
            Some(stop) if stop.kind == Kind::Backslash => {
                let end = rest[stop.start..].find('\n').map_or(rest.len(), |end| stop.start + end);
                let (before, command) = (rest[..stop.start].trim_end(), rest[stop.start..end].trim_end());
                steps.push(Step::Command { before: before.to_string(), text: command.to_string() });
                at += end;
            }
            Some(stop) => {
                steps.push(statement(text, at, at + stop.end()));
                at += stop.end();
            }
            // Comments alone.
            None if pieces.iter().all(|piece| !piece.says_something() && piece.closed) => return (steps, ""),
            // Finished in another way: nothing that could follow would make it right.
            None if split::is_complete(rest) => {
                steps.push(statement(text, at, text.len()));
                return (steps, "");
            }
            None => return (steps, rest),
        }
    }
}

/// Is there nothing more to wait for?
pub fn is_complete(text: &str) -> bool {
    steps(text).1.is_empty()
}

/// Whether the last line of what is not finished is a word that would be a command alone, and is part of a statement here.
pub fn ends_in_word(text: &str) -> bool {
    let last = text.lines().next_back().unwrap_or_default().trim();
    !is_complete(text) && WORDS.iter().any(|known| known.eq_ignore_ascii_case(last))
}

fn statement(text: &str, start: usize, end: usize) -> Step {
    Step::Statement { text: text[start..end].to_string(), line: text[..start].matches('\n').count() }
}

/// How long the command is that the text begins with: `\…`, `.word …`, or a word that is one.
fn command(text: &str) -> Option<usize> {
    let line = text.lines().next().unwrap_or_default();
    let mut letters = line.chars();
    let (first, second) = (letters.next(), letters.next());
    let is_command = match first {
        Some('\\') => true,
        Some('.') => second.is_some_and(char::is_alphabetic),
        _ => {
            let word = line.trim().trim_end_matches(';').trim_end();
            WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
        }
    };
    is_command.then_some(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_steps() {
        let shown = |text: &str| {
            let (steps, rest) = steps(text);
            let mut lines: Vec<String> = steps
                .into_iter()
                .map(|step| match step {
                    Step::Statement { text, line } => format!("{line}: {text}"),
                    Step::Command { before, text } => format!("{before} | {text}"),
                })
                .collect();
            lines.push(format!("… {rest}"));
            lines.join("\n")
        };
        for (text, expected) in [
            ("", "… "),
            ("-- only a note", "… "),
            ("SELECT 1", "… SELECT 1"),
            ("SELECT 1;", "0: SELECT 1;\n… "),
            ("SELECT 1;\nSELECT ';'; SELECT", "0: SELECT 1;\n1: SELECT ';';\n… SELECT"),
            ("SELECT '\\x'; -- \\y", "0: SELECT '\\x';\n… "),
            ("\\timing on\nSELECT 1;", " | \\timing on\n1: SELECT 1;\n… "),
            ("SELECT 1 \\g out.csv", "SELECT 1 | \\g out.csv\n… "),
            ("SELECT\n1\n\\p", "SELECT\n1 | \\p\n… "),
            (".mode csv", " | .mode csv\n… "),
            ("exit;", " | exit;\n… "),
            ("Help", " | Help\n… "),
            ("help me", "… help me"),
            ("?", " | ?\n… "),
            ("SELECT 1\nquit", "… SELECT 1\nquit"),
            ("SELECT .5;", "0: SELECT .5;\n… "),
            ("SELECT '", "… SELECT '"),
            ("/* a", "… /* a"),
            ("SELECT 1 -- a;", "… SELECT 1 -- a;"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        for (text, expected) in [
            ("SELECT 1\nquit", true),
            ("SELECT 1\n Exit ", true),
            ("quit", false),
            ("a quit", false),
            ("a\n;quit", false),
        ] {
            assert_eq!(ends_in_word(text), expected, "{text}");
        }
    }
}
