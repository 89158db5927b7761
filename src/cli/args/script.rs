//! The flags that say which statements are run. Knows not what is done with them.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct Script {
    /// The statements, with `;` between them
    #[arg(value_name = "SQL", conflicts_with = "infile")]
    pub sql: Option<String>,

    /// Read the statements from a file (`-`: standard input)
    #[arg(short = 'i', long, value_name = "FILE")]
    pub infile: Option<PathBuf>,
}
