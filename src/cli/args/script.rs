//! The flags that say which statements are run, and with what in their templates. Knows not what is done with them.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Default, Args)]
pub struct Script {
    /// The statements, with `;` between them
    #[arg(value_name = "SQL", conflicts_with = "infile")]
    pub sql: Option<String>,

    /// Read the statements from a file (`-`: standard input); several files are one script
    #[arg(short = 'i', long, value_name = "FILE")]
    pub infile: Vec<PathBuf>,

    /// Go on after a statement that failed; the exit code is 1 all the same
    #[arg(long)]
    pub keep_going: bool,

    /// Exit with 4 if any SELECT has rows, after all of them have been shown
    #[arg(long, conflicts_with = "fail_on_empty")]
    pub fail_on_rows: bool,

    /// Exit with 4 if any SELECT has no rows, after all of them have been shown
    #[arg(long)]
    pub fail_on_empty: bool,

    /// Print the script as its variables make it, and run nothing (as StackQL has it)
    #[arg(long, conflicts_with = "dry_run")]
    pub dryrun: bool,

    #[command(flatten)]
    pub templates: Templates,
}

/// What scripts are rendered with.
#[derive(Debug, Default, Args)]
pub struct Templates {
    /// A variable of the script's templates: `{{ NAME }}`; once for each
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub var: Vec<(String, String)>,

    /// A file of variables: JSON, YAML, or `NAME=value` lines
    #[arg(short = 'q', long, value_name = "FILE")]
    pub iqldata: Vec<PathBuf>,

    /// Let templates have an environment variable, as `{{ env.NAME }}`; they see no other
    #[arg(long, value_name = "NAME")]
    pub env: Vec<String>,

    /// Run what stands under `/*+ NAME */` and nothing else
    #[arg(long, value_name = "NAME")]
    pub anchor: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is written `NAME=VALUE`")?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_name {
        true => Ok((name.to_string(), value.to_string())),
        false => Err(format!("`{name}` is no name: letters, digits and `_` make one")),
    }
}
