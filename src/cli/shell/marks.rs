//! The continuation prompt. The line editor draws a line break of the text as one and no more, so each is followed by a
//! mark in the text itself: a character two columns wide that is no letter of any script, and is drawn as `> `.
//! What leaves the editor has none. Pure.

/// In a plane where every character is wide, and this one is never assigned.
pub const MARK: char = '\u{3fffd}';
/// What is drawn instead, as wide as the mark.
pub const SHOWN: &str = "> ";

/// The text as it was meant.
pub fn plain(text: &str) -> String {
    text.replace(MARK, "")
}

/// The text as it is edited.
pub fn marked(text: &str) -> String {
    plain(text).replace('\n', &line_break())
}

/// A line break as it is edited.
pub fn line_break() -> String {
    format!("\n{MARK}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_and_go() {
        for text in ["", "SELECT 1", "SELECT\n1\n;", "\n"] {
            assert_eq!(plain(&marked(text)), text);
            assert_eq!(marked(&marked(text)), marked(text));
        }
        assert_eq!(marked("a\nb").chars().filter(|c| *c == MARK).count(), 1);
    }

    #[test]
    fn a_mark_is_as_wide_as_what_is_drawn() {
        let mut table = comfy_table::Table::new();
        table.add_row([MARK.to_string()]);
        assert_eq!(table.column_max_content_widths(), [SHOWN.len() as u16]);
    }
}
