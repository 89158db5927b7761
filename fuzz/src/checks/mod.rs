//! One check for each target: a text in, and a panic where something does not hold. Whatever is refused is refused with
//! an error that can be shown.

mod answers;
mod documents;
mod names;
mod patches;
mod scripts;
mod statements;
mod templates;
mod variables;

pub use answers::answers;
pub use documents::documents;
pub use names::names;
pub use patches::patches;
pub use scripts::scripts;
pub use statements::statements;
pub use templates::templates;
pub use variables::variables;

use iql_rooms::error::{Error, Place};

/// An error can be shown, and its place is in the text.
fn fine(error: &Error, text: &str) {
    assert!(!error.message.is_empty(), "an error without words");
    let shown = error.to_string();
    assert!(shown.len() >= error.message.len());
    match error.place.as_deref() {
        None => {}
        Some(Place::File { line, .. }) => {
            // A carriage return alone ends a line of YAML as well.
            let lines = text.split(['\n', '\r']).count();
            assert!((1..=lines + 1).contains(line), "line {line} of a shorter text: {shown}");
        }
        Some(Place::Sql { line, column, length, text: of, .. }) => {
            let whole =
                text.split('\n').nth(line - 1).unwrap_or_else(|| panic!("line {line} of a shorter text: {shown}"));
            // What may be a secret stands there as `…`, and what is under another anchor as blanks.
            let is_kept = |(was, is): (char, char)| was == is || is == ' ';
            let is_same = whole.chars().zip(of.chars()).all(is_kept) || of.contains('…');
            assert!(is_same, "another line: {shown}");
            let letters = of.chars().count();
            assert!(*length >= 1 && *column >= 1 && column - 1 <= letters, "beside its line: {shown}");
        }
    }
}
