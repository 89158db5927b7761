//! The line editor: what rustyline asks of us while a statement is typed, and the keys that are ours. Knows no statement
//! beyond whether it is finished, and never calls anything.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::config::Configurer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::SearchDirection;
use rustyline::validate::Validator;
use rustyline::{
    CharSearch, Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, EditMode, Editor, Event,
    EventContext, EventHandler, Helper, KeyCode, KeyEvent, Modifiers, Movement, RepeatCount,
};
use std::borrow::Cow;

use crate::cli::shell::complete::Names;
use crate::cli::shell::history::{Entries, Known};
use crate::cli::shell::offers::{Offers, Printer, Tab, print_above};
use crate::cli::shell::{highlight, marks, steps};
use crate::engine::Engine;

pub type LineEditor = Editor<Typist, Entries>;

/// What the editor knows of the session.
pub struct Typist {
    offers: Arc<Offers>,
    colours: bool,
}

impl Typist {
    pub fn new(engine: Arc<Engine>, names: Arc<Mutex<Names>>, colours: bool) -> Self {
        let offers = Offers { engine, names, files: FilenameCompleter::new() };
        Typist { offers: Arc::new(offers), colours }
    }
}

/// # Errors
/// The terminal cannot be used.
pub fn editor(typist: Typist, history: Entries, printer: Printer) -> rustyline::Result<LineEditor> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        // The marks of the continuation prompt are drawn by the highlighter, colours or none.
        .color_mode(ColorMode::Forced)
        .bell_style(rustyline::config::BellStyle::None)
        .auto_add_history(false)
        .build();
    let mut editor = Editor::with_history(config, history)?;
    let tab = Tab { offers: typist.offers.clone(), printer: printer.clone() };
    editor.bind_sequence(KeyEvent(KeyCode::Tab, Modifiers::NONE), EventHandler::Conditional(Box::new(tab)));
    editor.set_helper(Some(typist));
    let plain = |code| KeyEvent(code, Modifiers::NONE);
    let keys = [
        (plain(KeyCode::Enter), Key::Enter),
        (KeyEvent::ctrl('J'), Key::Enter),
        (KeyEvent(KeyCode::Enter, Modifiers::ALT), Key::Break),
        (plain(KeyCode::Up), Key::Up),
        (plain(KeyCode::Down), Key::Down),
        (plain(KeyCode::Left), Key::Left),
        (plain(KeyCode::Right), Key::Right),
        (plain(KeyCode::Home), Key::Home),
        (KeyEvent::ctrl('A'), Key::Home),
        (plain(KeyCode::End), Key::End),
        (KeyEvent::ctrl('E'), Key::End),
        (plain(KeyCode::Backspace), Key::Backspace),
        (KeyEvent::ctrl('H'), Key::Backspace),
    ];
    let known = editor.history().known();
    for (typed, key) in keys {
        let bound = Bound { key, known: known.clone(), printer: printer.clone() };
        editor.bind_sequence(typed, EventHandler::Conditional(Box::new(bound)));
    }
    Ok(editor)
}

pub fn bind_as(editor: &mut LineEditor, mode: EditMode) {
    editor.set_edit_mode(mode);
}

/// Keys that do more than rustyline's own.
#[derive(Debug, Clone, Copy)]
enum Key {
    /// Ends what is finished, and goes on with what is not.
    Enter,
    /// A line break, whatever is typed.
    Break,
    /// A line up, or what was typed before and begins the same.
    Up,
    Down,
    /// Over a line break and its mark at once.
    Left,
    Right,
    Home,
    End,
    Backspace,
}

/// A key, and the entries of the history.
struct Bound {
    key: Key,
    known: Known,
    printer: Printer,
}

impl Bound {
    fn is_known(&self, line: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(line)
    }
}

impl ConditionalEventHandler for Bound {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let (line, pos) = (context.line(), context.pos());
        let (before, behind) = (&line[..pos], &line[pos..]);
        let line_break = marks::line_break();
        if matches!(self.key, Key::Enter) && steps::ends_in_word(&marks::plain(line)) {
            // Who has not ended a statement is taken to go on with it, and may not know that.
            print_above(
                &self.printer,
                "a statement is being typed: Ctrl-C clears it, `\\q` leaves, `\\?` helps".into(),
            );
        }
        match self.key {
            Key::Enter if steps::is_complete(&marks::plain(line)) => Some(Cmd::AcceptLine),
            // What was pasted has breaks without marks.
            Key::Enter if behind.is_empty() && marks::marked(line) != line => {
                Some(Cmd::Replace(Movement::WholeBuffer, Some(marks::marked(line) + &line_break)))
            }
            Key::Enter | Key::Break => Some(Cmd::Insert(1, line_break)),
            Key::Up if before.contains('\n') => None,
            // What was typed before is not what its predecessors begin with.
            Key::Up if before.is_empty() || (behind.is_empty() && self.is_known(line)) => None,
            Key::Up => Some(Cmd::HistorySearchBackward),
            Key::Down if behind.contains('\n') || before.is_empty() || behind.is_empty() => None,
            Key::Down => Some(Cmd::HistorySearchForward),
            // Not by two characters: a count is replaced by the key's own.
            Key::Left if before.ends_with(&line_break) => {
                Some(Cmd::Move(Movement::ViCharSearch(1, CharSearch::Backward('\n'))))
            }
            Key::Backspace if before.ends_with(&line_break) => {
                Some(Cmd::Kill(Movement::ViCharSearch(1, CharSearch::Backward('\n'))))
            }
            Key::Right if behind.starts_with(&line_break) => Some(Cmd::Move(
                // The search begins behind the line break.
                match behind[line_break.len()..].chars().next() {
                    Some(next) => Movement::ViCharSearch(1, CharSearch::Forward(next)),
                    None => Movement::EndOfBuffer,
                },
            )),
            Key::Home if before.contains('\n') => {
                Some(Cmd::Move(Movement::ViCharSearch(1, CharSearch::BackwardAfter(marks::MARK))))
            }
            Key::Home => Some(Cmd::Move(Movement::BeginningOfLine)),
            Key::End if behind.is_empty() && context.has_hint() => Some(Cmd::CompleteHint),
            Key::Left | Key::Right | Key::Backspace | Key::End => None,
        }
    }
}

impl Helper for Typist {}

/// Enter decides by itself.
impl Validator for Typist {}

impl Completer for Typist {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        self.offers.at(line, pos)
    }
}

impl Hinter for Typist {
    type Hint = String;

    /// The rest of what was typed before and begins the same.
    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<String> {
        if line.is_empty() || pos < line.len() || !self.colours {
            // Without colours a hint looks like what was typed.
            return None;
        }
        let history = context.history();
        let latest = history.len().checked_sub(1)?;
        let found = history.starts_with(line, latest, SearchDirection::Reverse).ok()??;
        Some(found.entry[pos..].to_string()).filter(|rest| !rest.is_empty())
    }
}

impl Highlighter for Typist {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        Cow::Owned(highlight::highlighted(line, self.colours))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(highlight::styled(highlight::HINT, &hint.replace(marks::MARK, marks::SHOWN)))
    }

    fn highlight_char(&self, line: &str, _: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor && !line.is_empty()
    }
}
