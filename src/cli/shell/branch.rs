//! What the commands for branches do in the shell: which statements count, and what is said of those that do not.

use crate::cli::output;
use crate::cli::shell::act::{kept, usage};
use crate::cli::shell::commands::Act;
use crate::cli::shell::conditions::truth;
use crate::cli::shell::steps::Step;
use crate::cli::shell::{Next, Shell};
use crate::error::Result;

impl Shell {
    pub(super) fn branch(&mut self, act: Act, before: &str, condition: &str) -> Result<Next> {
        let (outer, quiet) = (self.state.outer_conditions, self.state.quiet);
        let holds = || {
            truth(condition).unwrap_or_else(|| {
                if !quiet {
                    output::note(&format!("`{condition}` is neither true nor false, and taken for false"));
                }
                false
            })
        };
        let conditions = &mut self.state.conditions;
        let before = if act == Act::If { before.to_string() } else { conditions.kept(before) };
        match act {
            Act::If => conditions.begin(&before, holds),
            Act::Elif => conditions.or_if(outer, holds)?,
            Act::Else => conditions.otherwise(outer)?,
            _ => conditions.end(outer)?,
        }
        Ok(kept(&before))
    }

    /// Says of what was typed that it does not count.
    pub(super) fn passed_over(&self) {
        self.told("passed over: `\\endif` or Ctrl-C ends this `\\if`");
    }

    /// Ctrl-C leaves the innermost block.
    pub(super) fn leave_branch(&mut self) {
        if let Some(outer) = self.state.conditions.depth().checked_sub(1) {
            self.state.conditions.leave(outer);
            self.told("left the `\\if`");
        }
    }

    /// That a file closes what it opens.
    ///
    /// # Errors
    /// `Usage`: it does not.
    pub(super) fn all_closed(&self) -> Result<()> {
        match self.state.conditions.depth() > self.state.outer_conditions {
            true => Err(usage("an `\\if` of this file has no `\\endif`")),
            false => Ok(()),
        }
    }
}

/// A step with what was typed of its statement before a command came between.
pub fn joined(begun: String, step: Step) -> Step {
    match step {
        Step::Command { before, text } => Step::Command { before: begun + &before, text },
        Step::Statement { text, line } => {
            Step::Statement { line: line.saturating_sub(begun.matches('\n').count()), text: begun + &text }
        }
    }
}
