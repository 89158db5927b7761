//! The last line of a terminal, drawn over again while something takes its time, on standard error. It stays shorter than
//! the terminal and the cursor right behind it, so that the `^C` that a terminal shows for itself goes with it.

use crate::cli::{cells, output};

const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const CLEAR: &str = "\r\u{1b}[2K";
/// Where the terminal does not say how wide it is, or says that it has no columns.
const WIDTH: u16 = 80;

#[derive(Debug, Default)]
pub struct Line {
    is_shown: bool,
    frame: usize,
}

impl Line {
    pub fn show(&mut self, text: &str) {
        self.frame = (self.frame + 1) % FRAMES.len();
        let width = comfy_table::Table::new().width().filter(|width| *width > 0).unwrap_or(WIDTH);
        output::prompt(&format!("{CLEAR}{} {}", FRAMES[self.frame], cut(&cells::one_line(text), width.into())));
        self.is_shown = true;
    }

    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            output::prompt(CLEAR);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.clear();
    }
}

/// As much of a text as fits beside what the line has besides. What is not ASCII may be twice as wide.
fn cut(text: &str, width: usize) -> String {
    const BESIDES: usize = "⠋ …^C ".len();
    let mut left = width.saturating_sub(BESIDES);
    let fitting = text.chars().take_while(|letter| {
        let columns = if letter.is_ascii() { 1 } else { 2 };
        let fits = left >= columns;
        left = left.saturating_sub(columns);
        fits
    });
    let fitting: String = fitting.collect();
    if fitting.len() < text.len() { fitting + "…" } else { fitting }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shorter_than_the_terminal() {
        assert_eq!(cut("0 rows, 1 call", 80), "0 rows, 1 call");
        for (text, width) in [("orders: creating, 40 s (2 to go)", 20), ("字字字字字字字字", 16), ("x", 3)] {
            let columns = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
            let cut = cut(text, width);
            assert!(cut.ends_with('…') && columns(&cut) <= width.saturating_sub(4).max(2), "{cut}");
        }
    }
}
