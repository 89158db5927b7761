//! The shell's own commands, declared once: `\?`, completion and the look-up come from here. A command that stands for a
//! statement of SQL says which. Knows what can be said, not what is done about it.

use crate::cli::shell::variables::{Variables, references};
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
        /// The statement for the name of a table or a view of the user's own, where that is another.
        of_own: Option<fn(&str) -> String>,
    },
    Acts(Act),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Clear,
    Connect,
    Echo,
    Edit,
    Elif,
    Else,
    Endif,
    Expanded,
    Format,
    Go,
    GoExpanded,
    Headers,
    Help,
    History,
    If,
    Include,
    Last,
    Named,
    NamedRemove,
    NamedSave,
    Once,
    Output,
    Print,
    Pset,
    Quit,
    Reset,
    Set,
    SetFrom,
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

/// What stands behind a command, word by word, its variables replaced. Quotes hold a word together, and doubled ones
/// within are one; a quote that is not closed, or stands behind a letter as in `O'Brien`, is a letter.
pub fn words(text: &str, variables: &Variables) -> Vec<String> {
    let references = references(text);
    let mut words = Vec::new();
    let (mut word, mut quote, mut behind) = (None::<String>, None, 0);
    for (at, letter) in text.char_indices() {
        if at < behind {
            continue;
        }
        if let Some(reference) = references.iter().find(|reference| reference.range.start == at && quote.is_none())
            && let Some(value) = reference.value(variables)
        {
            word.get_or_insert_default().push_str(&value);
            behind = reference.range.end;
            continue;
        }
        let rest = &text[at + letter.len_utf8()..];
        let behind_letter = word.as_deref().is_some_and(|word| word.ends_with(char::is_alphanumeric));
        match quote {
            None if letter.is_whitespace() => words.extend(word.take()),
            Some(open) if letter == open && rest.starts_with(open) => {
                word.get_or_insert_default().push(letter);
                behind = at + 2;
            }
            Some(open) if letter == open => quote = None,
            None if !behind_letter && matches!(letter, '\'' | '"') && rest.contains(letter) => {
                word.get_or_insert_default();
                quote = Some(letter);
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words.retain(|word| !word.is_empty());
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
