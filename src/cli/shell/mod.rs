//! `iql` and `iql shell`: statements and commands of the shell, typed one after the other. Ctrl-C never ends it.
//! One way to the engine: the session's `run`. Nothing is connected before a statement needs it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::args;
use crate::cli::shell::complete::Names;
use crate::cli::shell::conditions::Conditions;
use crate::cli::shell::editor::Typist;
use crate::cli::shell::history::Entries;
use crate::cli::shell::input::{Input, Typed};
use crate::cli::shell::render::{Expanded, Look};
use crate::cli::shell::sink::{Shared, Sink};
use crate::cli::shell::state::State;
use crate::cli::shell::steps::Step;
use crate::cli::{output, sandbox};
use crate::engine::{Consent, Engine, Session};
use crate::error::{self, Error, Kind, Result, reason};
use crate::sql;

mod act;
mod again;
mod ahead;
mod branch;
mod commands;
mod complete;
mod conditions;
mod connect;
mod discreet;
mod edit;
mod editor;
mod highlight;
mod history;
mod include;
mod input;
mod lex;
mod marks;
mod named;
mod offers;
mod once;
mod records;
mod render;
mod run;
mod scope;
mod sink;
mod state;
mod steps;
mod variables;
mod waiting;
mod words;

struct Shell {
    state: State,
    input: Input,
}

/// What to do next.
enum Next {
    Go,
    /// Read on, with a text that is typed already.
    Edit(String),
    /// As if it had been typed.
    Take(String),
    Leave,
}

/// # Errors
/// What keeps the shell from starting. What goes wrong later is told, and the shell goes on.
pub async fn run(arguments: &args::Shell) -> Result<()> {
    if arguments.common.verbose {
        output::show_calls();
    }
    let mut settings = arguments.settings()?;
    let person = settings.person.clone();
    let is_sandbox = arguments.common.sandbox.is_some();
    let profile = State::profile_of(&settings, is_sandbox);
    let history = settings.state.join("history");
    // Serves until the end of this function.
    let _sandbox = match &arguments.common.sandbox {
        Some(dir) => Some(sandbox::point_at(&mut settings, dir.as_deref()).await?),
        None => None,
    };
    let engine = Engine::open(settings)?;
    let session = Arc::new(engine.session());
    arguments.common.params.iter().for_each(|(name, value)| session.bind(name, value.clone()));
    let (agrees, questions) = run::questions();
    session.control().set_consent(match arguments.writes.yes {
        true => Consent::Given,
        false => Consent::Ask(Arc::new(agrees)),
    });
    let names: Arc<Mutex<Names>> = Arc::default();
    tokio::spawn(collect(session.clone(), names.clone()));
    let history = Entries::open(&history, Some(engine.clone())).unwrap_or_else(|error| {
        output::note(&format!("what was typed before cannot be read from {}: {}", history.display(), reason(&error)));
        Entries::default()
    });
    let at_terminal = output::is_at_terminal();
    let typist = Typist::new(engine, names.clone(), person.colours);
    let input = Input::open(typist, history, person.has_dumb_terminal || !at_terminal)?;
    let (leaving, _) = watch::channel(false);
    tokio::spawn(end_when_told(leaving.clone(), input.edits.clone()));
    let redirect = arguments.output.outfile.as_ref().map(|path| Sink::named(&path.to_string_lossy())).transpose()?;
    let (quiet, verbose) = (arguments.common.quiet, arguments.common.verbose);
    let state = State {
        session,
        look: Look {
            format: arguments.output.output,
            delimiter: arguments.output.delimiter,
            headers: !arguments.output.hideheaders,
            expanded: Expanded::Off,
            quiet,
        },
        timing: false,
        paging: !person.has_dumb_terminal,
        variables: variables::Variables::new(),
        redirect: redirect.map(Shared::new),
        once: None,
        conditions: Conditions::default(),
        outer_conditions: 0,
        last: String::new(),
        result: None,
        names,
        questions,
        leaving,
        dry_run: arguments.writes.dry_run,
        quiet,
        verbose,
        at_terminal,
        is_sandbox,
        profile,
        person,
        depth: 0,
        anchors: Vec::new(),
    };
    let mut shell = Shell { state, input };
    if !arguments.no_rc {
        shell.start_up().await;
    }
    if !quiet {
        output::note(concat!("iql ", env!("CARGO_PKG_VERSION"), ": `\\?` for help, `\\q` to leave"));
    }
    let served = shell.serve().await;
    if let Some(sink) = shell.state.redirect.take() {
        render::finished(&sink)?;
    }
    served
}

/// What completion offers and only the session knows.
async fn collect(session: Arc<Session>, names: Arc<Mutex<Names>>) {
    let first = |rows: Vec<Vec<String>>| rows.into_iter().filter_map(|row| row.into_iter().next()).collect();
    // Without them completion offers less; whoever asks for them is told why.
    let functions = state::shown(&session, "SHOW FUNCTIONS").await.unwrap_or_default();
    let settings = state::shown(&session, "SHOW SETTINGS").await.unwrap_or_default();
    state::tell_views(&session, &names).await;
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    names.functions = first(functions);
    names.settings = first(settings);
}

/// SIGTERM, and a terminal that goes away: what runs is interrupted, and the terminal given back as it was.
async fn end_when_told(leaving: watch::Sender<bool>, edits: Arc<AtomicBool>) {
    let (Ok(mut terminate), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    leaving.send_replace(true);
    // The editor ends what is typed at an interruption alone, and puts the terminal right; one that comes before it
    // listens is lost.
    for _ in 0..20 {
        if !edits.load(Ordering::SeqCst) {
            return;
        }
        let told = sink::shell(&format!("kill -INT {}", std::process::id())).status();
        if told.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::process::exit(Kind::Interrupted.exit_code().into());
}

impl Shell {
    /// The user's own file, which is there or not.
    async fn start_up(&mut self) {
        let path = self.state.person.folder.join("shellrc");
        if path.exists()
            && let Err(error) = self.include(&path).await
        {
            output::error(&error);
        }
    }

    async fn serve(&mut self) -> Result<()> {
        let mut initial = String::new();
        while !*self.state.leaving.borrow() {
            let prompt = self.state.prompt().await;
            let mut text = match self.input.read(&prompt, &std::mem::take(&mut initial)).await? {
                Typed::Interrupted => {
                    self.leave_branch();
                    continue;
                }
                Typed::End => return Ok(()),
                Typed::Text(text) => text,
            };
            loop {
                self.remember(&text);
                match self.take(&text).await {
                    Next::Go => break,
                    Next::Edit(text) => {
                        initial = text;
                        break;
                    }
                    Next::Take(edited) => text = edited,
                    Next::Leave => return Ok(()),
                }
            }
        }
        Err(Error::new(Kind::Interrupted, "iql was told to end"))
    }

    fn remember(&mut self, text: &str) {
        if let Err(error) = self.input.history().add_typed(text) {
            output::note(&format!("what was typed cannot be kept: {}", reason(&error)));
        }
    }

    /// Takes the steps of what was typed, up to the first that fails.
    async fn take(&mut self, text: &str) -> Next {
        let mut begun = String::new();
        for step in steps::steps(text).0 {
            match self.step(branch::joined(std::mem::take(&mut begun), step), None).await {
                Ok(Next::Go) => {}
                Ok(Next::Edit(text)) => begun = text,
                Ok(next) => return next,
                Err(error) => {
                    match error.kind {
                        Kind::Closed => {}
                        Kind::Interrupted if error.context.is_empty() => output::note(&error.to_string()),
                        _ => output::error(&error),
                    }
                    return Next::Go;
                }
            }
        }
        if begun.is_empty() { Next::Go } else { Next::Edit(begun) }
    }

    async fn step(&mut self, step: Step, file: Option<&Path>) -> Result<Next> {
        match step {
            Step::Command { before, text } => Box::pin(self.command(&before, &text, file)).await,
            Step::Statement { .. } if !self.state.conditions.hold() => {
                self.passed_over();
                Ok(Next::Go)
            }
            Step::Statement { text, line } => {
                self.state.last.clone_from(&text);
                // Places are counted within the file, or else within the statement.
                let above = file.map(|_| "\n".repeat(line)).unwrap_or_default();
                let sink = self.state.sink(&mut self.input)?;
                self.statements(&format!("{above}{text}"), file, self.state.look, sink).await?;
                self.state.once = None;
                Ok(Next::Go)
            }
        }
    }

    /// Runs what is mostly one statement, its variables replaced.
    async fn statements(&mut self, text: &str, file: Option<&Path>, look: Look, sink: Shared) -> Result<()> {
        let statements = match self.with_variables(text, file) {
            Ok(statements) => statements,
            Err(error) => {
                self.finish(&sink)?;
                return Err(error);
            }
        };
        for statement in statements {
            let makes = matches!(statement.body, sql::Body::Own(_) | sql::Body::Block(_));
            let ran = run::run(&mut self.state, &mut self.input, statement, look, sink.clone()).await;
            if ran.is_ok() {
                sink.keep()?;
            }
            self.finish(&sink)?;
            let ended = self.state.redirect.as_ref().and_then(|redirect| redirect.with(Sink::has_ended));
            if let Some(command) = ended {
                self.state.redirect = None;
                output::note(&format!("`{command}` has ended: rows go to the screen again"));
            }
            let mut ran = ran?;
            if makes {
                self.state.tell_tables().await;
            }
            if let Some(kept) = ran.kept.take() {
                self.state.result = Some(kept);
            }
            if self.state.timing || self.state.verbose {
                output::note(&ran.timing());
            }
        }
        Ok(())
    }

    fn with_variables(&self, text: &str, file: Option<&Path>) -> Result<Vec<sql::Statement>> {
        if let Some(unset) = variables::unset(text, &self.state.variables) {
            let error = Error::new(Kind::Name, format!("the variable `{}` is not set", unset.name))
                .at(sql::place(text, file, unset.range))
                .with_context("nothing was sent")
                .with_hint(format!("`\\set {} value` sets it; `\\gset` sets what a statement finds", unset.name));
            let error = match error::nearest(&unset.name, self.state.variables.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("is `{near}` meant?")),
                None => error,
            };
            return Err(sql::Hidden::cautious(text).error(error));
        }
        sql::parse(&variables::replaced(text, &self.state.variables), file)
    }

    /// Waits for whoever reads the rows of one statement; `\o` goes on.
    fn finish(&self, sink: &Shared) -> Result<()> {
        match &self.state.redirect {
            Some(redirect) if redirect.is(sink) => Ok(()),
            _ => render::finished(sink),
        }
    }
}
