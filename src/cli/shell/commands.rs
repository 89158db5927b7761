//! The shell's own commands, declared once: `\?`, completion and the look-up come from here. A command that stands for a
//! statement of SQL says which. Knows what can be said, not what is done about it.

use crate::error::{Error, Kind, Result, nearest};

mod table;

pub use table::SECTIONS;

pub struct Command {
    /// What follows the backslash; the first is the one that is shown.
    pub names: &'static [&'static str],
    /// What follows a dot: as users of StackQL's peers and DuckDB type it.
    pub dots: &'static [&'static str],
    pub arguments: &'static str,
    pub about: &'static str,
    pub takes: Takes,
    pub does: Does,
}

/// What may be typed behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    Words(&'static [&'static str]),
    Format,
    File,
    /// `provider.service.resource`, and a method behind it.
    Name,
    Variable,
}

pub enum Does {
    /// The statement that it stands for, of its arguments.
    Runs {
        shown: &'static str,
        statement: fn(&[String]) -> String,
    },
    Acts(Act),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Clear,
    Echo,
    Edit,
    Expanded,
    Format,
    Go,
    GoExpanded,
    Headers,
    Help,
    History,
    Include,
    Last,
    Named,
    NamedRemove,
    NamedSave,
    Output,
    Print,
    Pset,
    Quit,
    Reset,
    Set,
    Timing,
    Unset,
    Watch,
    Write,
}

pub fn all() -> impl Iterator<Item = &'static Command> {
    SECTIONS.iter().flat_map(|(_, commands)| *commands)
}

/// The command that a text is (`\timing on`, `.mode csv`, `help`), and what stands behind it.
///
/// # Errors
/// `Usage`: there is none of that name; with the nearest.
pub fn found(text: &str) -> Result<(&'static Command, &str)> {
    let text = text.trim_end().trim_end_matches(';').trim_end();
    let (word, rest) = match text.find(char::is_whitespace) {
        Some(end) => (&text[..end], text[end..].trim()),
        None => (text, ""),
    };
    let named = |name: &str, dots: bool| {
        all().find(|command| if dots { command.dots.contains(&name) } else { command.names.contains(&name) })
    };
    let command = match (word.strip_prefix('\\'), word.strip_prefix('.')) {
        (Some(name), _) => named(name, false),
        (None, Some(name)) => named(name, true),
        (None, None) => named(&word.to_lowercase(), false),
    };
    command.map(|command| (command, rest)).ok_or_else(|| {
        let error = Error::new(Kind::Usage, format!("there is no command `{word}`"));
        let near = nearest(word.trim_start_matches(['\\', '.']), all().flat_map(|command| command.names).copied());
        match near {
            Some(near) => error.with_hint(format!("did you mean `\\{near}`?")),
            None => error.with_hint("`\\?` lists them"),
        }
    })
}

/// What stands behind a command, word by word; quotes hold a word together.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    while letters.next_if(|letter| letter.is_whitespace()).is_some() || letters.peek().is_some() {
        let mut word = String::new();
        let mut quote = None;
        while let Some(letter) = letters.next_if(|letter| quote.is_some() || !letter.is_whitespace()) {
            match quote {
                Some(open) if letter == open => quote = None,
                None if letter == '\'' || letter == '"' => quote = Some(letter),
                _ => word.push(letter),
            }
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    words
}

/// What `\?` prints.
pub fn help() -> String {
    let mut text = String::new();
    for (title, commands) in SECTIONS {
        text += &format!("{title}\n");
        for command in *commands {
            let form = format!("\\{} {}", command.names[0], command.arguments);
            let stands_for = match &command.does {
                Does::Runs { shown, .. } => format!(" = {shown}"),
                Does::Acts(_) => String::new(),
            };
            let dots = command.dots.first().map(|dot| format!(" (.{dot})")).unwrap_or_default();
            text += &format!("  {:<37} {}{stands_for}{dots}\n", form.trim_end(), command.about);
        }
        text += "\n";
    }
    text + "A statement ends with `;`. Tab completes; Up looks for what begins the same, Ctrl-R for what has it\n\
            within. Ctrl-C clears what is typed and ends what runs; Ctrl-D leaves."
}

#[cfg(test)]
mod tests;
