//! The line that says, on standard error, what a statement is waiting for once it has taken a second. It is gone before
//! anything else is printed. Knows no statement.

use std::time::{Duration, Instant};

use crate::cli::line::Line;

/// What takes less says nothing.
const SILENCE: Duration = Duration::from_secs(1);

pub struct Waiting {
    shown: bool,
    start: Instant,
    line: Line,
    /// What the statement itself says, which goes before what is counted.
    said: Option<String>,
}

impl Waiting {
    pub fn new(shown: bool, start: Instant) -> Self {
        Waiting { shown, start, line: Line::default(), said: None }
    }

    /// What a write says of what it waits for; it is shown at once.
    pub fn tell(&mut self, said: Option<String>) {
        self.said = said;
        match self.said.clone() {
            Some(said) => self.show(said),
            None => self.end(),
        }
    }

    /// Time has passed.
    pub fn turn(&mut self, counted: String) {
        let elapsed = self.start.elapsed();
        if elapsed < SILENCE {
            return;
        }
        match self.said.clone() {
            Some(said) => self.show(said),
            None => self.show(format!("{counted}, {} s", elapsed.as_secs())),
        }
    }

    pub fn end(&mut self) {
        self.line.clear();
    }

    fn show(&mut self, text: String) {
        if self.shown {
            self.line.show(&text);
        }
    }
}
