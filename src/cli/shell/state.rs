//! What the shell knows of itself between two statements: how rows are shown, where they go, its variables, and what the
//! prompt says. Runs no statement but what the prompt asks of the session.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::TryStreamExt;
use tokio::sync::{mpsc, watch};

use crate::cli::cells::{self, Null};
use crate::cli::shell::complete::Names;
use crate::cli::shell::conditions::Conditions;
use crate::cli::shell::highlight::styled;
use crate::cli::shell::input::{Input, Prompt};
use crate::cli::shell::render::{Kept, Look};
use crate::cli::shell::run::Question;
use crate::cli::shell::sink::{PAGER, Shared, Sink};
use crate::cli::shell::variables::Variables;
use crate::engine::Session;
use crate::error::Result;
use crate::settings::{Person, Settings};

const GREEN: &str = "1;32";
/// Statements may change what is real.
const RED: &str = "1;31";

pub struct State {
    pub session: Arc<Session>,
    pub look: Look,
    pub timing: bool,
    pub paging: bool,
    pub variables: Variables,
    /// Where `\o` sends rows.
    pub redirect: Option<Shared>,
    /// Where `\once` sends those of the next statement.
    pub once: Option<String>,
    pub conditions: Conditions,
    /// How many of them are not of the file that is run.
    pub outer_conditions: usize,
    /// The last statement's text, with its `;`.
    pub last: String,
    pub result: Option<Kept>,
    pub names: Arc<Mutex<Names>>,
    pub questions: mpsc::UnboundedReceiver<Question>,
    /// Becomes true when the program is told to end.
    pub leaving: watch::Sender<bool>,
    pub dry_run: bool,
    pub quiet: bool,
    pub verbose: bool,
    pub at_terminal: bool,
    pub is_sandbox: bool,
    /// What `AWS_PROFILE` says, or the sandbox's own.
    pub profile: Option<String>,
    pub person: Person,
    /// Files that run files.
    pub depth: usize,
    /// What the statements of those files are for, as far as they say.
    pub anchors: Vec<String>,
}

impl State {
    pub fn profile_of(settings: &Settings, is_sandbox: bool) -> Option<String> {
        settings.aws.environment_profile.clone().or(is_sandbox.then(|| "prod".to_string()))
    }

    /// Where the rows of the next statement go.
    ///
    /// # Errors
    /// `Io`: what `\once` names cannot be written.
    pub fn sink(&self, input: &mut Input) -> Result<Shared> {
        Ok(match (&self.once, &self.redirect) {
            (Some(name), _) => Shared::new(Sink::once(name)?),
            (None, Some(sink)) => sink.clone(),
            (None, None) => self.screen(input),
        })
    }

    /// The screen, with the pager if there is to be one.
    pub fn screen(&self, input: &mut Input) -> Shared {
        // The last line is the prompt's.
        let lines = input.lines().filter(|_| self.paging && self.at_terminal).map(|lines| lines.saturating_sub(1));
        Shared::new(Sink::screen(lines, self.person.pager.as_deref().unwrap_or(PAGER)))
    }

    /// The prompt, by what is set at this moment.
    pub async fn prompt(&self) -> Prompt {
        let settings = shown(&self.session, "SHOW SETTINGS").await.unwrap_or_default();
        let set = |name: &str| {
            let found = settings.iter().find(|row| row.first().is_some_and(|known| known == name));
            found.and_then(|row| row.get(1)).filter(|value| !value.is_empty()).cloned()
        };
        let regions = settings.iter().filter(|row| row.first().is_some_and(|name| name.ends_with(".region")));
        let mut regions: Vec<&str> = regions.filter_map(|row| row.get(1)).flat_map(|value| value.split(',')).collect();
        regions.retain(|region| !region.is_empty());
        regions.sort_unstable();
        regions.dedup();
        let region = match regions.len() {
            0..3 => regions.join(","),
            count => format!("{count} regions"),
        };
        let read_only = set("iql.read_only").is_some_and(|value| value == "on");
        let facts = [
            self.is_sandbox.then(|| "sandbox".to_string()),
            set("iql.provider"),
            set("iql.profile").or(self.profile.clone()),
            Some(region).filter(|region| !region.is_empty()),
            read_only.then(|| "read-only".to_string()),
            self.dry_run.then(|| "dry run".to_string()),
        ];
        let facts: Vec<String> = std::iter::once("iql".to_string()).chain(facts.into_iter().flatten()).collect();
        let plain = cells::one_line(&facts.join(" "));
        let is_safe = self.is_sandbox || read_only || self.dry_run;
        let coloured = match self.person.colours {
            true => styled(if is_safe { GREEN } else { RED }, &plain),
            false => plain.clone(),
        };
        // What is typed is passed over.
        let end = if self.conditions.hold() { "> " } else { "@> " };
        Prompt { plain: plain + end, coloured: coloured + end }
    }

    /// Lets completion know which tables and views are the user's own.
    pub async fn tell_tables(&self) {
        tell_views(&self.session, &self.names).await;
        self.lock_names().tables = self.session.own_tables();
    }

    /// Lets completion know what `\set` has set.
    pub fn tell_variables(&self) {
        self.lock_names().variables = self.variables.keys().cloned().collect();
    }

    fn lock_names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets completion know the views, and the columns of all when any was made, dropped or replaced: views stand on views.
pub async fn tell_views(session: &Session, names: &Mutex<Names>) {
    let views = shown(session, "SHOW VIEWS").await.unwrap_or_default();
    let called = views.iter().filter_map(|row| row.first().cloned());
    {
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.definitions == views {
            return;
        }
        // Until their columns are known.
        names.views = called.clone().map(|name| (name, Vec::new())).collect();
    }
    let mut known = Vec::new();
    for name in called {
        let described = shown(session, &format!("DESCRIBE \"{}\"", name.replace('"', "\"\""))).await;
        let columns = described.unwrap_or_default().into_iter().filter_map(|row| row.into_iter().next()).collect();
        known.push((name, columns));
    }
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    (names.views, names.definitions) = (known, views);
}

/// The rows of a SHOW, which sends nothing, as text.
///
/// # Errors
/// Those of the statement.
pub async fn shown(session: &Session, statement: &str) -> Result<Vec<Vec<String>>> {
    let batches: Vec<_> = session.run(statement).await?.rows.try_collect().await?;
    let mut rows = Vec::new();
    for batch in batches {
        let columns = cells::columns(&batch, Null::Absent)?;
        let row = |row: usize| columns.iter().map(|column| column[row].clone().unwrap_or_default()).collect();
        rows.extend((0..batch.num_rows()).map(row));
    }
    Ok(rows)
}
