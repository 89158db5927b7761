//! What `iql check` and `iql permissions` share: sessions that call nothing, and therefore need nothing that only a call
//! needs; and the mistakes of all scripts, told of in one run.

use std::io;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::cli::args::Check;
use crate::cli::unused::Unused;
use crate::cli::{output, sandbox, sources};
use crate::engine::{Engine, Session, VIEWS};
use crate::error::{Error, Kind, Result, reason};
use crate::script::{Reader, Whole};
use crate::sql::{Parsed, Statement};

/// Stands for a host, or whatever else a param has its value of the environment for.
const ANY: &str = "not-set.invalid";

/// What was found of each statement, and how many files there were.
pub struct Seen<T> {
    pub statements: Vec<T>,
    pub files: usize,
}

/// What a statement is looked at with.
pub type Look<T> = for<'s> fn(&'s Session, Statement) -> BoxFuture<'s, Result<T>>;

/// Looks at every statement of every script, each file with a session of its own.
///
/// # Errors
/// `Statement` when there are mistakes, all of which were told of; `Usage` when it cannot begin.
pub async fn each<T>(wanted: &Check, look: Look<T>) -> Result<Seen<T>> {
    let variables = sources::variables(&wanted.templates)?;
    let anchor = wanted.templates.anchor.as_deref();
    let reader = Reader { variables: &variables, anchor, whole: Whole::Read, load: &sources::load };
    let files = sources::scripts(&wanted.files)?;
    let mut settings = wanted.common.settings()?;
    // Serves until the end of this function.
    let _sandbox = match &wanted.common.sandbox {
        Some(dir) => Some(sandbox::point_at(&mut settings, dir.as_deref()).await?),
        None => None,
    };
    // Views that a script makes and drops are not the user's.
    let state = views_of(&settings.state).map_err(|e| {
        Error::new(Kind::Io, format!("a folder for what scripts make cannot be made: {}", reason(&e))).with_source(e)
    })?;
    settings.state = state.path().to_path_buf();
    // Whatever a plan would read is not read: the door to the services stays shut.
    settings.limits.max_calls = Some(0);
    let missing = |variable: &String| settings.environment.get(variable).is_none();
    let engine = Engine::open(settings.clone())?;
    let stand_ins: Vec<String> = variables_of(&engine).into_iter().filter(missing).collect();
    let environment = stand_ins.into_iter().fold(settings.environment.clone(), |known, name| known.with(name, ANY));
    settings.environment = environment;
    let engine = Engine::open(settings)?;
    let (mut seen, mut mistakes, mut wrong) = (Seen { statements: Vec::new(), files: files.len() }, 0, 0);
    let mut unused = Unused::new(&wanted.templates, &wanted.common);
    for path in &files {
        let session = engine.session().rehearsing();
        wanted.common.params.iter().for_each(|(name, value)| session.bind(name, value.clone()));
        let (statements, found, notices) = file(path, &reader, &session, &mut unused, look).await;
        if !wanted.common.quiet {
            notices.iter().for_each(|notice| output::note(&format!("{}: {notice}", path.display())));
        }
        found.iter().for_each(output::error);
        seen.statements.extend(statements);
        mistakes += found.len();
        wrong += usize::from(!found.is_empty());
    }
    if mistakes > 0 {
        let message = format!("{} in {} of {}", count(mistakes, "mistake"), wrong, count(files.len(), "file"));
        return Err(Error::new(Kind::Statement, message));
    }
    if !wanted.common.quiet {
        unused.notices().iter().for_each(|notice| output::note(notice));
    }
    Ok(seen)
}

/// A folder that is gone in the end, with the views of another.
fn views_of(state: &Path) -> io::Result<TempDir> {
    let folder = TempDir::new()?;
    let (there, here) = (state.join(VIEWS), folder.path().join(VIEWS));
    if !there.is_dir() {
        return Ok(folder);
    }
    std::fs::create_dir(&here)?;
    for entry in std::fs::read_dir(there)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            let here = here.join(name);
            // A file is never changed in its place.
            std::fs::hard_link(&path, &here).or_else(|_| std::fs::copy(&path, &here).map(drop))?;
        }
    }
    Ok(folder)
}

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The variables of the environment that params have their values from.
fn variables_of(engine: &Arc<Engine>) -> Vec<String> {
    let services = engine.catalog().providers.iter().flat_map(|provider| &provider.services);
    let params = services.flat_map(|service| &service.resources).flat_map(|resource| &resource.params);
    params.filter_map(|param| param.env.clone()).collect()
}

/// What is found of a file's statements, its mistakes, and what else is said of it.
async fn file<T>(
    path: &Path,
    reader: &Reader<'_>,
    session: &Session,
    unused: &mut Unused,
    look: Look<T>,
) -> (Vec<T>, Vec<Error>, Vec<String>) {
    let script = match sources::file(path, reader).await {
        Ok(script) => script,
        Err(error) => {
            unused.miss();
            return (Vec::new(), vec![error], Vec::new());
        }
    };
    unused.saw(&script);
    if !script.is_whole() {
        unused.miss();
    }
    let (mut statements, mut mistakes, mut notices) = (Vec::new(), Vec::new(), Vec::new());
    for Parsed { text, statement } in script.each() {
        let looked = match statement {
            Ok(statement) => {
                unused.saw_statement(&statement);
                notices.extend(statement.hint_notices());
                look(session, statement).await
            }
            Err(error) => Err(error),
        };
        match looked {
            Ok(found) => statements.push(found),
            Err(error) => mistakes.push((text, error)),
        }
    }
    (statements, script.told(mistakes), notices)
}
