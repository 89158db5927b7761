//! `iql check`: every mistake of some scripts that can be found without a call, each with its place.

use std::path::Path;

use crate::cli::args::Check;
use crate::cli::{batch, output, sandbox, sources};
use crate::engine::{Engine, Session};
use crate::error::{Error, Kind, Result};
use crate::script::{Reader, Whole};
use crate::settings::Settings;
use crate::sql::{Body, Statement};

/// # Errors
/// `Statement` when there are mistakes, all of which were told of; `Usage` when the check cannot begin.
pub async fn run(check: &Check) -> Result<()> {
    let variables = sources::variables(&check.templates)?;
    let anchor = check.templates.anchor.as_deref();
    let reader = Reader { variables: &variables, anchor, whole: Whole::Read, load: &sources::load };
    let files = sources::scripts(&check.files)?;
    let mut settings = check.common.settings()?;
    // Serves until the end of this function.
    let _sandbox = match &check.common.sandbox {
        Some(dir) => Some(sandbox::point_at(&mut settings, dir.as_deref()).await?),
        None => None,
    };
    // Whatever a plan would read is not read: the door to the services stays shut.
    settings.limits.max_calls = Some(0);
    let engine = Engine::open(settings)?;
    let (mut statements, mut mistakes, mut wrong) = (0, 0, 0);
    for path in &files {
        let session = engine.session();
        let (count, found) = file(path, &reader, &session).await;
        found.iter().for_each(output::error);
        statements += count;
        mistakes += found.len();
        wrong += usize::from(!found.is_empty());
    }
    let count = |number: usize, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    if mistakes > 0 {
        let message = format!("{} in {} of {}", count(mistakes, "mistake"), wrong, count(files.len(), "file"));
        return Err(Error::new(Kind::Statement, message));
    }
    if !check.common.quiet {
        output::note(&format!(
            "{} in {}: no mistake found",
            count(statements, "statement"),
            count(files.len(), "file")
        ));
    }
    Ok(())
}

/// How many statements a file has, and its mistakes.
async fn file(path: &Path, reader: &Reader<'_>, session: &Session) -> (usize, Vec<Error>) {
    let script = match sources::file(path, reader).await {
        Ok(script) => script,
        Err(error) => return (0, vec![error]),
    };
    let statements = match script.statements() {
        Ok(statements) => statements,
        Err(mistakes) => return (0, mistakes),
    };
    let mut mistakes = Vec::new();
    for statement in &statements {
        mistakes.extend(mistake(statement, session).await.err());
    }
    (statements.len(), mistakes)
}

/// # Errors
/// What is wrong with a statement, as far as that can be known without a call.
async fn mistake(statement: &Statement, session: &Session) -> Result<()> {
    let result = match &statement.body {
        // It would open the door, or not be able to.
        Body::Set { name, values } if name == "iql.max_calls" => Settings::default().set(name, &values.join(",")),
        Body::Reset { name } if name == "iql.max_calls" => Ok(()),
        _ => session.run(batch::dry(statement.clone())).await.map(drop),
    };
    match result {
        // Something would have to be read to go on.
        Err(error) if error.kind == Kind::Limit => Ok(()),
        result => result.map_err(|error| session.told(statement, error)),
    }
}
