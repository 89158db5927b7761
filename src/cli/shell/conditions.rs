//! `\if`, `\elif`, `\else` and `\endif`, as psql has them: what stands in a branch that is not taken is passed over. Pure.

use crate::cli::shell::act::usage;
use crate::error::Result;

/// The blocks that are open, the innermost last.
#[derive(Debug, Default)]
pub struct Conditions(Vec<Block>);

#[derive(Debug)]
struct Block {
    /// Whether the branch that is read now is taken.
    is_taken: bool,
    /// Whether one was taken, or the whole block is passed over.
    is_settled: bool,
    has_else: bool,
    /// The statement that was begun when the branch began.
    before: String,
}

impl Conditions {
    /// Whether what is read now is carried out.
    pub fn hold(&self) -> bool {
        self.0.last().is_none_or(|block| block.is_taken)
    }

    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// Leaves what was opened since.
    pub fn leave(&mut self, depth: usize) {
        self.0.truncate(depth);
    }

    /// `before` is what was typed of a statement; `condition` is looked at where it matters, and nowhere else.
    pub fn begin(&mut self, before: &str, condition: impl FnOnce() -> bool) {
        let is_passed_over = !self.hold();
        let is_taken = !is_passed_over && condition();
        let is_settled = is_passed_over || is_taken;
        self.0.push(Block { is_taken, is_settled, has_else: false, before: before.to_string() });
    }

    /// What counts of what was typed of a statement: nothing of a branch that is not taken.
    pub fn kept(&mut self, before: &str) -> String {
        let Some(block) = self.0.last_mut() else { return before.to_string() };
        if block.is_taken {
            block.before = before.to_string();
        }
        block.before.clone()
    }

    /// `within`: blocks below that depth are of another file.
    ///
    /// # Errors
    /// `Usage`: there is no `\if`, or an `\else` was there; so it is for `otherwise` and `end`.
    pub fn or_if(&mut self, within: usize, condition: impl FnOnce() -> bool) -> Result<()> {
        let block = self.innermost(within, "\\elif")?;
        if block.has_else {
            return Err(usage("`\\elif` cannot stand behind `\\else`"));
        }
        block.is_taken = !block.is_settled && condition();
        block.is_settled |= block.is_taken;
        Ok(())
    }

    pub fn otherwise(&mut self, within: usize) -> Result<()> {
        let block = self.innermost(within, "\\else")?;
        if block.has_else {
            return Err(usage("there is an `\\else` already"));
        }
        (block.is_taken, block.is_settled, block.has_else) = (!block.is_settled, true, true);
        Ok(())
    }

    pub fn end(&mut self, within: usize) -> Result<()> {
        self.innermost(within, "\\endif")?;
        self.0.pop();
        Ok(())
    }

    fn innermost(&mut self, within: usize, command: &str) -> Result<&mut Block> {
        let is_open = self.0.len() > within;
        self.0.last_mut().filter(|_| is_open).ok_or_else(|| usage(&format!("there is no `\\if` for this `{command}`")))
    }
}

/// What psql takes for a boolean; `None` for anything else.
pub fn truth(text: &str) -> Option<bool> {
    let text = text.trim().to_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    match text.as_str() {
        "1" => Some(true),
        "0" => Some(false),
        _ if begins("true", 1) || begins("yes", 1) || begins("on", 2) => Some(true),
        _ if begins("false", 1) || begins("no", 1) || begins("off", 2) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_branch_is_taken() {
        // `i`: \if, `e`: \elif (a capital: it is true), `o`: \else, `x`: \endif, `.`: what is carried out or not.
        let taken = |steps: &str| {
            let mut conditions = Conditions::default();
            let mut shown = String::new();
            for step in steps.chars() {
                let done = match step {
                    'i' | 'I' => {
                        conditions.begin("", || step == 'I');
                        Ok(())
                    }
                    'e' | 'E' => conditions.or_if(0, || step == 'E'),
                    'o' => conditions.otherwise(0),
                    'x' => conditions.end(0),
                    _ => {
                        shown.push(if conditions.hold() { '1' } else { '0' });
                        Ok(())
                    }
                };
                if let Err(error) = done {
                    shown += &error.message;
                }
            }
            shown
        };
        for (steps, expected) in [
            (".I.x.", "111"),
            (".i.x.", "101"),
            ("i.o.x.", "011"),
            ("I.E.o.x.", "1001"),
            ("i.E.E.o.x.", "01001"),
            ("i.I.o.x.o.x.", "000011"),
            ("I.i.o.x.o.x.", "101101"),
            ("x", "there is no `\\if` for this `\\endif`"),
            ("Ioo", "there is an `\\else` already"),
            ("Ioe", "`\\elif` cannot stand behind `\\else`"),
        ] {
            assert_eq!(taken(steps), expected, "{steps}");
        }
    }

    #[test]
    fn what_is_typed_in_a_branch_counts_with_it() {
        let mut conditions = Conditions::default();
        conditions.begin("SELECT", || false);
        assert_eq!(conditions.kept("SELECT a"), "SELECT");
        conditions.otherwise(0).expect("an `\\else`");
        assert_eq!(conditions.kept("SELECT b"), "SELECT b");
    }

    #[test]
    fn what_is_true() {
        for (text, expected) in [
            ("on", Some(true)),
            ("TRUE", Some(true)),
            ("t", Some(true)),
            ("1", Some(true)),
            ("y", Some(true)),
            ("o", None),
            ("of", Some(false)),
            ("0", Some(false)),
            ("no", Some(false)),
            ("", None),
            (":x", None),
            ("2", None),
        ] {
            assert_eq!(truth(text), expected, "{text}");
        }
    }
}
