//! The statement being typed, or else the last one: run once, or again and again.

use std::time::Duration;

use crate::cli::shell::Shell;
use crate::cli::shell::act::usage;
use crate::cli::shell::input::interrupts;
use crate::cli::shell::render::Look;
use crate::cli::shell::sink::{Shared, Sink};
use crate::error::Result;
use crate::settings::duration;

impl Shell {
    /// The statement being typed, or else the last one.
    pub(super) fn current(&self, before: &str) -> String {
        let before = before.trim();
        if before.is_empty() { self.state.last.clone() } else { before.to_string() }
    }

    /// # Errors
    /// `Usage`: there is none.
    pub(super) fn there(&self, before: &str) -> Result<String> {
        match self.current(before) {
            text if text.is_empty() => Err(usage("there is no statement yet")),
            text => Ok(text),
        }
    }

    /// The statement that a command is to run once. The last one is run again only if it reads: who asks for its rows does
    /// not mean what it did to be done twice.
    ///
    /// # Errors
    /// `Usage`: there is none, or it is the last one and writes; what is wrong with it.
    pub(super) fn to_run(&self, before: &str, command: &str) -> Result<String> {
        let text = self.there(before)?;
        if !before.trim().is_empty() || self.state.dry_run {
            return Ok(text);
        }
        for statement in self.with_variables(&text, None)? {
            if self.state.session.writes(&statement)? {
                return Err(usage(&format!("`{command}` would send the last statement again, and that writes"))
                    .with_context("nothing was sent")
                    .with_hint(format!("`{command}` in the place of a statement's `;` runs it, and once"))
                    .with_hint("to do it again, give the statement again: `\\p` prints it"));
            }
        }
        Ok(text)
    }

    pub(super) async fn go(&mut self, text: String, look: Look, sink: Shared) -> Result<()> {
        self.state.last.clone_from(&text);
        self.statements(&text, None, look, sink).await
    }

    pub(super) async fn watch(&mut self, before: &str, words: &[String]) -> Result<()> {
        let (mut every, mut times) = (Duration::from_secs(2), None);
        for word in words {
            match word.split_once('=') {
                Some(("c" | "count", count)) => {
                    let count = count.parse::<u64>().ok().filter(|count| *count > 0);
                    times = Some(count.ok_or_else(|| usage("`c=` is how often: a whole number from 1"))?);
                }
                Some(("i" | "interval", time)) => every = duration(time).map_err(|why| usage(&why))?,
                _ => every = duration(word).map_err(|why| usage(&why))?,
            }
        }
        let text = self.there(before)?;
        for statement in self.with_variables(&text, None)? {
            if self.state.session.writes(&statement)? {
                return Err(usage("`\\watch` runs a statement again and again, and this one writes")
                    .with_context("nothing was sent"));
            }
        }
        self.state.last.clone_from(&text);
        // From here on, so that Ctrl-C between two statements is heard as well.
        let mut interrupts = interrupts()?;
        let mut leaving = self.state.leaving.subscribe();
        let mut done = 0;
        loop {
            let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S");
            self.told(&format!("{now} (every {every:?})"));
            let sink = match (&self.state.once, &self.state.redirect) {
                (Some(name), _) => Shared::new(Sink::once(name)?),
                (None, Some(sink)) => sink.clone(),
                (None, None) => Shared::new(Sink::screen(None, "")),
            };
            self.statements(&text, None, self.state.look, sink).await?;
            // It is for the rows of one statement: those of the first time.
            self.state.once = None;
            done += 1;
            if times == Some(done) {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                _ = interrupts.recv() => return Ok(()),
                _ = leaving.changed() => return Ok(()),
            }
        }
    }
}
