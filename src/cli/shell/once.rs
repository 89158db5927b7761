//! What is done with one statement's rows alone: `\gset` keeps them as variables, `\once` sends them elsewhere.

use crate::cli::args::Format;
use crate::cli::cells::{self, Null};
use crate::cli::shell::Shell;
use crate::cli::shell::act::{is_name, usage};
use crate::cli::shell::render::Look;
use crate::cli::shell::sink::{Shared, Sink};
use crate::error::Result;

impl Shell {
    /// Runs the statement, and sets a variable for each of its columns; one that is NULL unsets it. There has to be one
    /// row, and until there is nothing is set.
    pub(super) async fn set_from(&mut self, before: &str, prefix: &str) -> Result<()> {
        let text = self.to_run(before, "\\gset")?;
        for statement in self.with_variables(&text, None)? {
            let columns = self.state.session.names(&statement)?.ok_or_else(|| {
                usage("`\\gset` sets what a row has, and this statement writes and gives none")
                    .with_context("nothing was sent")
                    .with_hint("`RETURNING …` at its end gives the rows that it leaves")
            })?;
            let names: Vec<String> = columns.iter().map(|column| format!("{prefix}{column}")).collect();
            named(&names).map_err(|error| error.with_context("nothing was sent"))?;
        }
        self.state.last.clone_from(&text);
        let look = Look { format: Format::Table, ..self.state.look };
        self.state.result = None;
        self.statements(&text, None, look, Shared::new(Sink::Nowhere)).await?;
        // It stays for `\last`, whatever is wrong with it: a write may tell what nothing tells again.
        let kept = self.state.result.as_ref().ok_or_else(|| usage("`\\gset` sets what a row has: there is none"))?;
        let several = || usage("`\\gset` sets what one row has: there are several").with_hint("`\\last` shows them");
        let mut row = None;
        for batch in kept.batches.as_ref().ok_or_else(several)? {
            match (batch.num_rows(), &row) {
                (0, _) => {}
                (1, None) => row = Some(batch),
                _ => return Err(several()),
            }
        }
        let batch = row.ok_or_else(|| usage("`\\gset` sets what a row has: there is none"))?;
        let columns = cells::columns(batch, Null::Absent)?;
        let names: Vec<String> =
            batch.schema_ref().fields().iter().map(|field| format!("{prefix}{}", field.name())).collect();
        named(&names).map_err(|error| error.with_hint("`\\last` shows the row"))?;
        for (name, column) in names.into_iter().zip(columns) {
            match column.into_iter().next().flatten() {
                Some(value) => drop(self.state.variables.insert(name, value)),
                None => drop(self.state.variables.remove(&name)),
            }
        }
        self.state.tell_variables();
        Ok(())
    }

    /// Where the rows of the next statement go, and no others.
    pub(super) fn redirect_once(&mut self, name: &str) -> Result<()> {
        if name.is_empty() {
            return Err(usage("`\\once` needs the name of a file, or `|command`"));
        }
        let name = self.place(name)?;
        Sink::once(&name)?;
        self.state.once = Some(name);
        Ok(())
    }
}

/// That a variable can be called by each of some names.
///
/// # Errors
/// `Usage`: one cannot.
fn named(names: &[String]) -> Result<()> {
    match names.iter().find(|name| !is_name(name)) {
        None => Ok(()),
        Some(wrong) => Err(usage(&format!("`{wrong}` is no name of a variable: letters, digits and `_` are"))
            .with_hint("`AS name` gives the column one")),
    }
}
