//! What the environment says of whoever sits at the terminal: colours, pager, editor, and where their own files are.

use std::path::PathBuf;

/// The person at the terminal, as the environment knows them. By default nothing is known, and nothing coloured.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// `PAGER`.
    pub pager: Option<String>,
    /// `VISUAL`, else `EDITOR`.
    pub editor: Option<String>,
    /// No `NO_COLOR`, and a terminal that can show colours.
    pub colours: bool,
    /// `TERM=dumb`: no cursor to move.
    pub has_dumb_terminal: bool,
    /// Where the user's own configuration is: the folder of `settings.yaml`.
    pub folder: PathBuf,
}

impl Person {
    pub(super) fn read(env: &dyn Fn(&str) -> Option<String>, folder: PathBuf) -> Person {
        let is_dumb = env("TERM").is_some_and(|term| term.eq_ignore_ascii_case("dumb"));
        Person {
            // Read by itself: `env` leaves out what is empty, which here is an answer.
            pager: env("PAGER"),
            editor: env("VISUAL").or_else(|| env("EDITOR")),
            colours: env("NO_COLOR").is_none() && !is_dumb,
            has_dumb_terminal: is_dumb,
            folder,
        }
    }
}
