//! The man page and the shells' completions, from the one declaration of the command line.

use clap::CommandFactory;

use crate::cli::args::{Arguments, Man};
use crate::cli::output;
use crate::error::{Error, Kind, Result, nearest};

pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "iql", &mut text);
    output::bytes(&text)
}

/// # Errors
/// `Usage`: there is no such command.
pub fn man(wanted: &Man) -> Result<()> {
    let mut whole = Arguments::command();
    whole.build();
    let page = match &wanted.command {
        None => whole,
        Some(name) => {
            let found = whole.find_subcommand(name).cloned();
            let names: Vec<&str> = whole.get_subcommands().map(clap::Command::get_name).collect();
            found.ok_or_else(|| {
                let error = Error::new(Kind::Usage, format!("there is no command `{name}`"));
                match nearest(name, names.iter().copied()) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error.with_hint(format!("there are {}", names.join(", "))),
                }
            })?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut text)
        .map_err(|e| Error::new(Kind::Internal, "the man page cannot be written").with_source(e))?;
    output::bytes(&text)
}
