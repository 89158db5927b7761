//! Where lines come from: an editor on a terminal that can move its cursor, else plain lines. Knows no statement beyond
//! whether it is finished.

use rustyline::error::ReadlineError;
use rustyline::{Config, EditMode, Editor};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::shell::ahead;
use crate::cli::shell::editor::{self, LineEditor, Typist};
use crate::cli::shell::history::Entries;
use crate::cli::shell::offers::Printer;
use crate::cli::shell::{marks, steps};
use crate::cli::{cells, output};
use crate::error::{Error, Kind, Result, reason};

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    Text(String),
    /// Ctrl-C: what was typed is forgotten.
    Interrupted,
    /// Ctrl-D, or a terminal that has gone.
    End,
}

/// The prompt without and with colours, as wide as each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub plain: String,
    pub coloured: String,
}

pub struct Input {
    way: Way,
    /// Whether the terminal is the editor's at this moment, and has to be given back before the program ends.
    pub edits: Arc<AtomicBool>,
}

enum Way {
    Editor { editor: Box<LineEditor>, printer: Printer },
    Plain { lines: Lines<BufReader<Stdin>>, history: Entries },
}

impl Input {
    /// # Errors
    /// `Io`: the terminal cannot be used.
    pub fn open(typist: Typist, history: Entries, plain: bool) -> Result<Input> {
        let way = match plain {
            true => Way::Plain { lines: BufReader::new(tokio::io::stdin()).lines(), history },
            false => {
                let printer = Printer::default();
                let editor = editor::editor(typist, history, printer.clone()).map_err(unusable)?;
                Way::Editor { editor: Box::new(editor), printer }
            }
        };
        Ok(Input { way, edits: Arc::default() })
    }

    /// Reads until what was typed is finished. `initial` is there already, to be edited.
    ///
    /// # Errors
    /// `Io`: the terminal cannot be used.
    pub async fn read(&mut self, prompt: &Prompt, initial: &str) -> Result<Typed> {
        match &mut self.way {
            Way::Editor { editor, printer } => {
                let initial = initial.to_string() + &ahead::typed().await;
                if !initial.trim().is_empty() && initial.ends_with('\n') && steps::is_complete(&initial) {
                    output::say(&format!("{}{}", prompt.coloured, initial.trim_end()))?;
                    return Ok(Typed::Text(initial));
                }
                self.edits.store(true, Ordering::SeqCst);
                // With it, a terminal that changes its size and signals are heard at once, whichever thread they reach.
                let above = editor.create_external_printer().ok();
                *printer.lock().unwrap_or_else(PoisonError::into_inner) = above.map(|above| Box::new(above) as Box<_>);
                let prompt = (prompt.plain.as_str(), prompt.coloured.as_str());
                let read = editor.readline_with_initial(&prompt, (&marks::marked(&initial), ""));
                self.edits.store(false, Ordering::SeqCst);
                typed(read.map(|text| marks::plain(&text)))
            }
            Way::Plain { lines, .. } => {
                let mut text = initial.to_string();
                let mut interrupts = interrupts()?;
                loop {
                    output::prompt(if text.is_empty() { &prompt.plain } else { marks::SHOWN });
                    let line = tokio::select! {
                        _ = interrupts.recv() => {
                            output::note("");
                            return Ok(Typed::Interrupted);
                        }
                        line = lines.next_line() => line,
                    };
                    match line {
                        Ok(Some(line)) => text += &line,
                        Ok(None) | Err(_) => return Ok(Typed::End),
                    }
                    if steps::is_complete(&text) {
                        return Ok(Typed::Text(text));
                    }
                    text.push('\n');
                }
            }
        }
    }

    /// Asks, and waits for the answer. Only `yes` is one; Ctrl-C is none.
    ///
    /// # Errors
    /// `Io`: the terminal cannot be used.
    pub async fn agrees(&mut self, question: &str) -> Result<bool> {
        const PROMPT: &str = "`yes` or `y` to go on: ";
        output::note(&cells::printable(question));
        let answer = match &mut self.way {
            Way::Editor { .. } => {
                let mut editor: Editor<(), Entries> =
                    Editor::with_history(Config::default(), Entries::default()).map_err(unusable)?;
                // What was typed before the question does not answer it.
                drop(ahead::typed().await);
                self.edits.store(true, Ordering::SeqCst);
                let _printer = editor.create_external_printer();
                let read = editor.readline(PROMPT);
                self.edits.store(false, Ordering::SeqCst);
                typed(read)?
            }
            Way::Plain { lines, .. } => {
                output::prompt(PROMPT);
                let mut interrupts = interrupts()?;
                tokio::select! {
                    _ = interrupts.recv() => Typed::Interrupted,
                    line = lines.next_line() => line.ok().flatten().map_or(Typed::End, Typed::Text),
                }
            }
        };
        Ok(matches!(answer, Typed::Text(answer) if matches!(answer.trim().to_lowercase().as_str(), "yes" | "y")))
    }

    pub fn history(&mut self) -> &mut Entries {
        match &mut self.way {
            Way::Editor { editor, .. } => editor.history_mut(),
            Way::Plain { history, .. } => history,
        }
    }

    /// Lines of the terminal; none where it cannot be known.
    pub fn lines(&mut self) -> Option<usize> {
        match &mut self.way {
            Way::Editor { editor, .. } => editor.dimensions().map(|(_, lines)| lines.into()),
            Way::Plain { .. } => None,
        }
    }

    /// Columns of the terminal.
    pub fn columns(&mut self) -> Option<u16> {
        match &mut self.way {
            Way::Editor { editor, .. } => editor.dimensions().map(|(columns, _)| columns),
            Way::Plain { .. } => comfy_table::Table::new().width().filter(|_| output::is_at_terminal()),
        }
    }

    pub fn clear(&mut self) {
        if let Way::Editor { editor, .. } = &mut self.way {
            // Where it fails there is nothing to clear.
            let _cleared = editor.clear_screen();
        }
    }

    pub fn bind_as(&mut self, mode: EditMode) {
        if let Way::Editor { editor, .. } = &mut self.way {
            editor::bind_as(editor, mode);
        }
    }
}

/// Ctrl-C from now on.
///
/// # Errors
/// `Io`.
pub fn interrupts() -> Result<tokio::signal::unix::Signal> {
    signal(SignalKind::interrupt()).map_err(|e| Error::new(Kind::Io, "signals cannot be listened for").with_source(e))
}

fn typed(read: rustyline::Result<String>) -> Result<Typed> {
    match read {
        Ok(text) => Ok(Typed::Text(text)),
        Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
        // A terminal that was closed says so with an error.
        Err(ReadlineError::Eof | ReadlineError::Io(_) | ReadlineError::Errno(_)) => Ok(Typed::End),
        Err(error) => Err(unusable(error)),
    }
}

fn unusable(error: ReadlineError) -> Error {
    let message = match &error {
        ReadlineError::Io(source) => format!("the terminal cannot be used: {}", reason(source)),
        other => format!("the terminal cannot be used: {other}"),
    };
    Error::new(Kind::Io, message).with_source(error)
}
