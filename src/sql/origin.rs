//! From a text that was made of another back to where it came from: an error points at what the user wrote.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::error::Place;

/// The text that another was made of, and which stretch of it became what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    text: Arc<str>,
    /// In order.
    runs: Vec<Run>,
}

/// A stretch of the text that was made, up to the next one's begin. All in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Where it begins in the text that was made.
    pub at: usize,
    /// What it came from.
    pub from: Range<usize>,
    /// Whether it stands there letter by letter.
    pub verbatim: bool,
}

impl Origin {
    pub fn new(text: impl Into<Arc<str>>, runs: Vec<Run>) -> Self {
        Origin { text: text.into(), runs }
    }

    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What a stretch of the text that was made came from.
    pub(super) fn range(&self, made: Range<usize>) -> Range<usize> {
        let run = |at: usize| self.runs.iter().rev().find(|run| run.at <= at).or(self.runs.first());
        let start = match run(made.start) {
            Some(run) if run.verbatim => (run.from.start + made.start.saturating_sub(run.at)).min(run.from.end),
            Some(run) => run.from.start,
            None => 0,
        };
        let end = match run(made.end.saturating_sub(1).max(made.start)) {
            Some(run) if run.verbatim => (run.from.start + made.end.saturating_sub(run.at)).min(run.from.end),
            Some(run) => run.from.end,
            None => 0,
        };
        start..end.max(start)
    }

    /// The same for a part of the text that was made.
    pub fn part(&self, part: Range<usize>) -> Origin {
        let first = self.runs.iter().rposition(|run| run.at <= part.start).unwrap_or_default();
        let runs =
            self.runs[first.min(self.runs.len())..].iter().take_while(|run| run.at < part.end.max(part.start + 1));
        let moved = |run: &Run| {
            let skipped = part.start.saturating_sub(run.at);
            let from = if run.verbatim { run.from.start + skipped..run.from.end } else { run.from.clone() };
            Run { at: run.at.saturating_sub(part.start), from, verbatim: run.verbatim }
        };
        Origin { text: self.text.clone(), runs: runs.map(moved).collect() }
    }
}

/// The place of a stretch of a text, in bytes, with the whole line. One over several lines points at its first.
pub fn place(text: &str, file: Option<&Path>, range: Range<usize>) -> Place {
    let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let (start, end) = (boundary(range.start), boundary(range.end));
    let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[begin..].split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    let count = |from: usize, to: usize| text.get(from..to).map_or(0, |text| text.chars().count());
    let start = start.min(begin + line.len());
    let end = end.clamp(start, begin + line.len());
    Place::Sql {
        file: file.map(Path::to_path_buf),
        line: text[..begin].matches('\n').count() + 1,
        column: count(begin, start) + 1,
        length: count(start, end).max(1),
        text: line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(place: Place) -> (usize, usize, usize, String) {
        match place {
            Place::Sql { line, column, length, text, .. } => (line, column, length, text),
            Place::File { .. } => panic!("a place in SQL"),
        }
    }

    #[test]
    fn a_place_is_a_line_and_a_column() {
        let text = "SELECT 'é',\r\n  wrong\nFROM t";
        for (word, expected) in [
            ("SELECT", (1, 1, 6, "SELECT 'é',")),
            (",", (1, 11, 1, "SELECT 'é',")),
            ("wrong", (2, 3, 5, "  wrong")),
            ("wrong\nFROM", (2, 3, 5, "  wrong")),
            ("t", (3, 6, 1, "FROM t")),
        ] {
            let at = text.rfind(word).expect("a word");
            let (line, column, length, of) = expected;
            assert_eq!(shown(place(text, None, at..at + word.len())), (line, column, length, of.to_string()), "{word}");
        }
        assert_eq!(shown(place(text, None, 99..200)), (3, 7, 1, "FROM t".to_string()));
    }

    #[test]
    fn what_was_made_points_at_what_it_was_made_of() {
        let original = "SELECT '{{ name }}' FROM t";
        let runs = vec![
            Run { at: 0, from: 0..8, verbatim: true },
            Run { at: 8, from: 8..18, verbatim: false },
            Run { at: 14, from: 18..26, verbatim: true },
        ];
        let origin = Origin::new(original, runs);
        let made = "SELECT 'orders' FROM t";
        let of = |word: &str| made.find(word).map(|at| at..at + word.len()).expect("a word");
        for (word, expected) in
            [("SELECT", "SELECT"), ("orders", "{{ name }}"), ("rde", "{{ name }}"), ("FROM", "FROM")]
        {
            assert_eq!(&original[origin.range(of(word))], expected);
        }
        let part = origin.part(16..22);
        assert_eq!(&original[part.range(0..4)], "FROM");
        let part = origin.part(10..22);
        assert_eq!(&original[part.range(1..2)], "{{ name }}");
        assert_eq!(&original[part.range(6..10)], "FROM");
    }
}
