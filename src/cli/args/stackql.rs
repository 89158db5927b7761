//! Flags that StackQL has, for those who bring its scripts and habits. Knows not what becomes of them.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "As StackQL has them")]
pub struct Stackql {
    /// Which environment variables credentials are in, by provider: JSON or YAML
    #[arg(long, value_name = "OBJECT")]
    pub auth: Option<String>,

    /// A registry on disk: read as --providers if it holds iql's documents
    #[arg(long, value_name = "OBJECT")]
    pub registry: Option<String>,

    /// The folder of a registry: read as --providers if it holds iql's documents
    #[arg(long, value_name = "DIR")]
    pub approot: Option<PathBuf>,
}
