//! The command line, declared once: the parser, the help and (later) the man page and the completions come from here.
//! Knows what can be said, not what is done about it.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::error::{Error, Kind, Result};
use crate::settings::{Settings, bytes, duration};

mod script;
mod stackql;
mod typed;

pub use script::{Script, Templates};
pub use stackql::Stackql;

/// SQL on integration resources: statements become the provider's own API calls, rows come back typed.
#[derive(Debug, Parser)]
#[command(name = "iql", version, max_term_width = 100, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Without a command: those of the shell.
    #[command(flatten)]
    pub shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  iql --sandbox
  iql exec --sandbox \"SELECT * FROM awscc.redshift.integrations WHERE region = 'us-east-1' LIMIT 5\"
  iql exec --profile prod -o json -i inventory.iql
  iql exec \"EXPLAIN SELECT count(*) FROM aws.redshift.integrations WHERE region IN ('us-east-1', 'eu-west-1')\"
  iql exec \"SHOW METHODS IN awscc.redshift.integrations\"
  iql exec --dry-run \"DELETE FROM awscc.redshift.integrations WHERE region = 'us-east-1' AND integration_name LIKE 'old-%'\"

Exit codes: 0 done, 1 a statement failed, 2 wrong usage, 3 done but partial, 4 --fail-on-rows or --fail-on-empty did,
130 interrupted.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Type statements one after the other; so does `iql` alone
    Shell(Box<Shell>),
    /// Run SQL statements: given as text, in a file (-i) or on standard input
    Exec(Box<Exec>),
    /// Look for mistakes in scripts, and call nothing
    Check(Box<Check>),
    /// Print the smallest IAM policy with which scripts can run, and call nothing
    Permissions(Box<Check>),
    /// Print a shell's completions: `source <(iql completions bash)`
    Completions { shell: clap_complete::Shell },
    /// Print the man page of the program or of a command: `iql man exec | man -l -`
    Man(Man),
    /// Serve the sandbox: AWS pretended on loopback, for other clients such as the AWS CLI and boto3
    Sandbox(Sandbox),
}

#[derive(Debug, Args)]
#[command(after_help = SHELL_NOTES)]
pub struct Shell {
    #[command(flatten)]
    pub output: Output,

    #[command(flatten)]
    pub writes: Writes,

    #[command(flatten)]
    pub common: Common,

    /// Do not run `iql/shellrc` in the configuration folder first
    #[arg(long)]
    pub no_rc: bool,
}

const SHELL_NOTES: &str = "\
A statement ends with `;`; `\\?` lists the shell's own commands. Ctrl-C clears what is typed and ends what runs; \
Ctrl-D leaves. What does not fit the screen goes to $PAGER. -f is as `\\o`: the file is written as rows come. Where \
standard input is no terminal, its statements are run as `iql exec` does.";

#[derive(Debug, Args)]
#[command(after_help = EXEC_NOTES)]
pub struct Exec {
    #[command(flatten)]
    pub script: Script,

    #[command(flatten)]
    pub output: Output,

    #[command(flatten)]
    pub writes: Writes,

    #[command(flatten)]
    pub common: Common,
}

const EXEC_NOTES: &str = "\
Rows go to standard output, everything else to standard error. A script is parsed whole before its first statement \
runs, and stops at the first error. JSON is typed, in select order, and `[]` when there are no rows; `text` is the \
values alone, a tab between columns. NULL is `NULL` in a table, empty in csv and text; an empty text is `\"\"` in csv.

An UPDATE or DELETE of several rows, unless each is named by its Identifier, asks first at a terminal, and needs --yes \
elsewhere. Ctrl-C during a write sends nothing more, lets the call in flight answer and says what was and was not \
done; a second one leaves at once.

With variables (--var, -q, --env, or a block `<<<json … >>>` in the script) the script is a template: `{{ name }}`, filters, \
`if`, `for`. --var goes over --env and -q, those over the block. Within '…' a value's quotes are doubled; outside of quotes \
stand numbers, booleans, null, `{{ list | sql_list }}` and `{{ name | sql_name }}`. A line `\\i FILE` stands for a file.

With --sandbox nothing leaves the machine and no account is needed.";

#[derive(Debug, Args)]
pub struct Output {
    /// How rows are written
    #[arg(short = 'o', long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,

    /// Write rows to a file, which appears when all is done
    #[arg(short = 'f', long, value_name = "FILE")]
    pub outfile: Option<PathBuf>,

    /// Leave out the header of table and csv
    #[arg(short = 'H', long)]
    pub hideheaders: bool,

    /// What stands between the values of csv: one character (`\t`: a tab)
    #[arg(short = 'd', long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter, hide_default_value = true)]
    pub delimiter: char,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns and lines, fitted to the terminal
    Table,
    /// One array of objects
    Json,
    /// One object a line
    Jsonl,
    /// Comma-separated, with a header
    Csv,
    /// Values alone, a tab between columns
    Text,
    /// A table as Markdown has it
    Markdown,
    /// A stream of Arrow's own, with types; for one result
    Arrow,
    /// A file of Parquet, with types; for one result
    Parquet,
}

#[derive(Debug, Args)]
pub struct Writes {
    /// Agree to changes of several rows
    #[arg(long)]
    pub yes: bool,

    /// Explain every statement instead of running it: what it would write is shown, and nothing is written
    #[arg(long)]
    pub dry_run: bool,

    /// Refuse every statement that writes; the script cannot take it back
    #[arg(long)]
    pub read_only: bool,

    /// Let every write wait until what it changed has settled
    #[arg(long = "await")]
    pub awaits: bool,

    /// For how long a write waits for that: `30s`, `10m`, `1h`
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub await_time: Option<std::time::Duration>,

    /// Add a line to a file before each call that writes, and one when it was answered
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Common {
    /// Run against the sandbox instead of any account; its state is kept in DIR, or in the user's state folder
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub sandbox: Option<Option<PathBuf>>,

    /// A folder of provider documents that add to the built-in ones, or replace those of the same path
    #[arg(long, value_name = "DIR")]
    pub providers: Option<PathBuf>,

    /// A folder with a file for each secret, or a file of `NAME=value` lines, for `secret('NAME')`
    #[arg(long, value_name = "PATH")]
    pub secrets: Option<PathBuf>,

    /// The provider, or `provider.service`, of tables that are not named in full
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,

    /// The AWS profile
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// The regions of statements that name none, with commas between them
    #[arg(long, value_name = "REGION", value_delimiter = ',', value_parser = trimmed)]
    pub region: Vec<String>,

    /// Calls that one statement may make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_calls: Option<u64>,

    /// Memory that one statement may hold, such as `500M`; sorts go to files beyond it
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub memory_limit: Option<usize>,

    /// Go on without the rows of calls that failed: each is a warning, and the exit code is 3
    #[arg(long)]
    pub partial: bool,

    /// The value of `$NAME` in the statements: text, or after `:=` JSON (a number, true, null, a list for `IN ($NAME)`)
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    pub params: Vec<(String, serde_json::Value)>,

    /// Time for one statement: `500ms`, `30s`, `10m`
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<std::time::Duration>,

    /// A settings file instead of the user's own
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// Say nothing but errors
    #[arg(long, conflicts_with = "verbose", action = ArgAction::SetTrue)]
    pub quiet: bool,

    /// Say which calls are made, which are repeated and why, and what each statement cost
    #[arg(long, action = ArgAction::SetTrue)]
    pub verbose: bool,

    #[command(flatten)]
    pub stackql: Stackql,
}

#[derive(Debug, Args)]
#[command(after_help = CHECK_NOTES)]
pub struct Check {
    /// The scripts; of a folder, every `.iql` file in and below it (`-`: standard input)
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub templates: Templates,

    #[command(flatten)]
    pub common: Common,
}

const CHECK_NOTES: &str = "\
Every file is read and rendered, and every statement is parsed, its names are looked up and its types checked, as far as \
that is possible without a call: what an UPDATE or DELETE would meet is not read. All mistakes of all files are told of, \
each with its place; the exit code is 1 then.";

#[derive(Debug, Args)]
pub struct Man {
    /// The command, if not the whole program
    pub command: Option<String>,
}

#[derive(Debug, Args)]
pub struct Sandbox {
    /// The port on 127.0.0.1 (0: any that is free)
    #[arg(long, default_value_t = 4510, value_name = "PORT")]
    pub port: u16,

    /// Where its state is kept, instead of the user's state folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `name=text` or `name:=json`.
fn param(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text.split_once('=').ok_or("a param is written `name=text`, or `name:=json`")?;
    let is_json = name.ends_with(':');
    let name = name.strip_suffix(':').unwrap_or(name);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) || !name.chars().all(is_name) {
        return Err(format!("`{name}` is no name: letters, digits and `_`, and no digit first"));
    }
    let value = match is_json {
        false => serde_json::Value::from(value),
        true => serde_json::from_str(value).map_err(|error| format!("`{value}` is not JSON: {error}"))?,
    };
    Ok((name.to_string(), value))
}

fn delimiter(text: &str) -> Result<char, String> {
    let mut letters = text.chars();
    match (text, letters.next(), letters.next()) {
        ("\\t", ..) => Ok('\t'),
        (_, Some('"' | '\n' | '\r'), None) => Err("a quote or a line break cannot part values".into()),
        (_, Some(letter), None) => Ok(letter),
        _ => Err("it is one character".into()),
    }
}

impl Arguments {
    /// The command, where nobody need have named one. What is not typed by somebody (`iql < file`) is a script.
    pub fn meant(self, can_read: bool) -> Command {
        match self.command.unwrap_or(Command::Shell(Box::new(self.shell))) {
            Command::Shell(shell) if !can_read => {
                let Shell { output, writes, common, .. } = *shell;
                Command::Exec(Box::new(Exec { script: Script::default(), output, writes, common }))
            }
            command => command,
        }
    }
}

fn trimmed(text: &str) -> Result<String, Infallible> {
    Ok(text.trim().to_string())
}

impl Exec {
    /// The settings with these flags on top.
    ///
    /// # Errors
    /// `Usage`: a settings file or an environment variable that cannot be taken.
    pub fn settings(&self) -> Result<Settings> {
        Ok(self.writes.on(self.common.settings()?))
    }
}

impl Shell {
    /// # Errors
    /// As for [`Exec::settings`].
    pub fn settings(&self) -> Result<Settings> {
        Ok(self.writes.on(self.common.settings()?))
    }
}

impl Writes {
    fn on(&self, mut settings: Settings) -> Settings {
        settings.writes.read_only |= self.read_only;
        settings.writes.awaits |= self.awaits;
        settings.writes.await_time = self.await_time.unwrap_or(settings.writes.await_time);
        if self.audit.is_some() {
            settings.writes.audit = self.audit.clone();
        }
        settings
    }
}

impl Common {
    /// The settings with these flags on top.
    ///
    /// # Errors
    /// `Usage`: a settings file or an environment variable that cannot be taken.
    pub fn settings(&self) -> Result<Settings> {
        if let Some(path) = self.settings.as_ref().filter(|path| !path.exists()) {
            return Err(Error::new(Kind::Usage, format!("there is no settings file {}", path.display())));
        }
        let mut settings = Settings::from_environment(self.settings.as_deref())?;
        if self.providers.is_some() {
            settings.providers = self.providers.clone();
        }
        if let Some(path) = &self.secrets {
            if !path.exists() {
                return Err(Error::new(Kind::Usage, format!("there are no secrets at `{}`", path.display())));
            }
            settings.secrets.path = Some(path.clone());
        }
        if let Some(provider) = &self.provider {
            settings.set("iql.provider", provider)?;
        }
        if self.profile.is_some() {
            settings.aws.profile = self.profile.clone();
        }
        if !self.region.is_empty() {
            settings.aws.regions = self.region.clone();
        }
        settings.limits.max_calls = self.max_calls.or(settings.limits.max_calls);
        settings.limits.memory = self.memory_limit.or(settings.limits.memory);
        settings.partial |= self.partial;
        settings.limits.statement = self.timeout.or(settings.limits.statement);
        let notices = crate::cli::stackql::apply(&self.stackql, &mut settings)?;
        if !self.quiet {
            notices.iter().for_each(|notice| crate::cli::output::note(notice));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(words: &[&str]) -> Exec {
        let words: Vec<_> = ["iql", "exec"].iter().chain(words).map(Into::into).collect();
        match Arguments::typed(&words) {
            Ok(Arguments { command: Some(Command::Exec(exec)), .. }) => *exec,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_param_is_text_or_json() {
        let exec = exec(&["--param", "region=us=1", "--param", "n:=5", "--param", "r:=[\"a\"]", "SELECT 1"]);
        let params = exec.common.params;
        let of = |at: usize| (params[at].0.as_str(), params[at].1.to_string());
        assert_eq!([of(0), of(1), of(2)], [("region", "\"us=1\"".into()), ("n", "5".into()), ("r", "[\"a\"]".into())]);
    }

    #[test]
    fn regions_may_have_blanks_between_them() {
        let exec = exec(&["--region", "us-east-1, eu-west-1", "SELECT 1"]);
        assert_eq!(exec.common.region, ["us-east-1", "eu-west-1"]);
    }
}
