//! The statement being typed, or else the last one: run once, or again and again.

use std::time::Duration;

use crate::cli::batch;
use crate::cli::shell::Shell;
use crate::cli::shell::act::usage;
use crate::cli::shell::input::interrupts;
use crate::cli::shell::render::Look;
use crate::cli::shell::sink::{Shared, Sink};
use crate::error::Result;
use crate::settings::duration;
use crate::sql;

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

    pub(super) async fn go(&mut self, before: &str, look: Look, sink: Shared) -> Result<()> {
        let text = self.there(before)?;
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
        if sql::parse(&text, None)?.iter().any(|statement| batch::may_write(&statement.body)) {
            return Err(usage("`\\watch` runs a statement again and again, and this one writes"));
        }
        self.state.last.clone_from(&text);
        // From here on, so that Ctrl-C between two statements is heard as well.
        let mut interrupts = interrupts()?;
        let mut leaving = self.state.leaving.subscribe();
        let mut done = 0;
        loop {
            let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S");
            self.told(&format!("{now} (every {every:?})"));
            let sink = match &self.state.redirect {
                Some(sink) => sink.clone(),
                None => Shared::new(Sink::screen(None, "")),
            };
            self.statements(&text, None, self.state.look, sink).await?;
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
