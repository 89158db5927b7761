//! What Tab offers. The list stands above what is typed, however many lines that has: rustyline's own list is drawn over
//! by the lines of a statement that has several.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{FilenameCompleter, Pair, longest_common_prefix};
use rustyline::{Cmd, ConditionalEventHandler, Event, EventContext, ExternalPrinter, RepeatCount};

use crate::cli::cells;
use crate::cli::shell::complete::{self, Names};
use crate::cli::shell::marks;
use crate::engine::Engine;

/// What prints above what is typed, while something is.
pub type Printer = Arc<Mutex<Option<Box<dyn ExternalPrinter + Send>>>>;

/// How many are listed; a terminal has not many more lines.
const MOST: usize = 100;
/// Of a terminal that does not say.
const COLUMNS: usize = 80;

/// What the offers are taken from.
pub struct Offers {
    pub engine: Arc<Engine>,
    /// Filled in the background.
    pub names: Arc<Mutex<Names>>,
    pub files: FilenameCompleter,
}

impl Offers {
    /// What may stand at a place of a line, and where it begins.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn at(&self, line: &str, pos: usize) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = marks::plain(&line[..pos]);
        let found = {
            let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            complete::complete(&before, &marks::plain(&line[pos..]), self.engine.catalog(), &names)
        };
        // Words have no marks within, so that their places are the same from the cursor backwards.
        let start = pos - (before.len() - found.start);
        if found.files && line[..start].ends_with('\'') {
            // What stands before it is SQL, whose quotes and comments the look for files does not know.
            let quote = start - 1;
            let (start, files) = self.files.complete_path(&line[quote..pos], pos - quote)?;
            return Ok((start + quote, files));
        }
        if found.files {
            return self.files.complete_path(line, pos);
        }
        Ok((start, found.words.into_iter().map(|word| Pair { display: word.clone(), replacement: word }).collect()))
    }
}

/// The key: writes what all that is offered has in common, and lists it where it is more than one.
pub struct Tab {
    pub offers: Arc<Offers>,
    pub printer: Printer,
}

impl ConditionalEventHandler for Tab {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        // What cannot be offered rustyline finds out by itself, and says so.
        let (start, found) = self.offers.at(context.line(), context.pos()).ok()?;
        if found.len() < 2 {
            return None;
        }
        let columns = comfy_table::Table::new().width().map_or(COLUMNS, usize::from);
        let shown: Vec<String> = found.iter().map(|pair| cells::one_line(&pair.display)).collect();
        print_above(&self.printer, listed(&shown, columns));
        // Not rustyline's own command, which would keep the list until the next key.
        let typed = &context.line()[start..context.pos()];
        match longest_common_prefix(&found).filter(|common| common.len() > typed.len()) {
            None => Some(Cmd::Noop),
            Some(common) => Some(Cmd::Insert(1, common.strip_prefix(typed)?.to_string())),
        }
    }
}

/// Prints above what is typed: in a thread of its own, since the printer may wait for the editor to take what it was given
/// before, and the editor waits for the key that this is for. While one waits the printer is not there, and nothing is lost
/// but what was asked for twice.
pub fn print_above(slot: &Printer, text: String) {
    let slot = slot.clone();
    let taken = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(mut printer) = taken {
        std::thread::spawn(move || {
            // What cannot be shown is asked for again.
            let _shown = printer.print(text);
            slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(printer);
        });
    }
}

/// Words in columns, downwards first, as wide as the terminal.
fn listed(words: &[String], columns: usize) -> String {
    let shown = &words[..words.len().min(MOST)];
    let width = shown.iter().map(|word| word.chars().count()).max().unwrap_or_default() + 2;
    let across = ((columns + 1) / width).max(1);
    let lines = shown.len().div_ceil(across);
    let mut text = String::new();
    for line in 0..lines {
        let words: Vec<String> =
            shown.iter().skip(line).step_by(lines).map(|word| format!("{word:<0$}", width)).collect();
        text += words.concat().trim_end();
        text.push('\n');
    }
    match words.len() - shown.len() {
        0 => text,
        more => text + &format!("… and {more} more\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_columns() {
        let check = |words: &[&str], columns, expected: &str| {
            let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
            assert_eq!(listed(&words, columns), expected);
        };
        check(&["a", "b", "c"], 80, "a  b  c\n");
        check(&["one", "two", "three", "four", "é"], 20, "one    three  é\ntwo    four\n");
        check(&["longer than it is wide", "b"], 10, "longer than it is wide\nb\n");
        let many: Vec<String> = (0..MOST + 5).map(|number| format!("{number:03}")).collect();
        assert!(listed(&many, 80).ends_with("097\n… and 5 more\n"));
    }
}
