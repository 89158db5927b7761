//! What the shell's own commands do.

use std::path::Path;

use clap::ValueEnum;
use rustyline::EditMode;

use crate::cli::args::Format;
use crate::cli::output;
use crate::cli::shell::commands::{self, Act, Does};
use crate::cli::shell::render::{self, Expanded, Look};
use crate::cli::shell::sink::{Shared, Sink};
use crate::cli::shell::{Next, Shell, edit, named, steps};
use crate::cli::target::Target;
use crate::error::{Error, Kind, Result, nearest, reason};

impl Shell {
    /// Does what a command says. `before` is what stood in front of it without a `;`.
    pub(super) async fn command(&mut self, before: &str, text: &str, file: Option<&Path>) -> Result<Next> {
        let found = commands::found(text);
        if !self.state.conditions.hold()
            && !matches!(&found, Ok((command, _)) if matches!(command.does, Does::Acts(act) if is_branch(act)))
        {
            self.passed_over();
            return Ok(Next::Go);
        }
        let (command, rest) = found?;
        let words = commands::words(rest, &self.state.variables);
        let first = words.first().map(String::as_str);
        let act = match &command.does {
            Does::Acts(act) => *act,
            Does::Runs { statement, of_own, .. } => {
                let text = match (words.as_slice(), of_own) {
                    ([name], Some(of_own)) if self.state.session.has_own(name) => of_own(name),
                    _ => statement(&words),
                };
                let sink = self.state.sink(&mut self.input);
                self.statements(&text, None, self.state.look, sink?).await?;
                return Ok(kept(before));
            }
        };
        match act {
            Act::Quit => return Ok(Next::Leave),
            Act::Help => self.show(&commands::help())?,
            Act::Clear => self.input.clear(),
            Act::Echo => output::say(&words.join(" "))?,
            Act::History => self.history(first)?,
            Act::Timing => {
                self.state.timing = switched(first, self.state.timing)?;
                self.told(&format!("timing is {}", on(self.state.timing)));
            }
            Act::Headers => {
                self.state.look.headers = switched(first, self.state.look.headers)?;
                self.told(&format!("headers are {}", on(self.state.look.headers)));
            }
            Act::Expanded => self.expand(first)?,
            Act::Format => self.format(first)?,
            Act::Pset => self.pset(first, words.get(1).map(String::as_str))?,
            Act::Set => self.set(&words)?,
            Act::Unset => {
                let name = first.ok_or_else(|| usage("`\\unset` needs the name of a variable"))?;
                self.state.variables.remove(name);
                self.state.tell_variables();
            }
            Act::Output => self.redirect(rest)?,
            Act::Last => {
                let sink = self.state.screen(&mut self.input);
                let result = self.state.result.as_ref().ok_or_else(|| usage("there are no last rows"))?;
                let shown = render::again(result, Look { format: Format::Table, ..self.state.look }, sink.clone());
                render::finished(&sink)?;
                shown?;
            }
            Act::Print => {
                let text = self.current(before);
                if !text.is_empty() {
                    output::say(&text)?;
                }
            }
            Act::Once => self.redirect_once(rest)?,
            Act::Connect => self.connect(&words).await?,
            Act::If | Act::Elif | Act::Else | Act::Endif => return self.branch(act, before, &words.join(" ")),
            Act::SetFrom => {
                self.set_from(before, first.unwrap_or_default()).await?;
                return Ok(Next::Go);
            }
            Act::Reset => return Ok(Next::Go),
            Act::Write => {
                let name = one_name(&words)?.ok_or_else(|| usage("`\\w` needs the name of a file"))?;
                let text = self.there(before)? + "\n";
                let mut target = Target::at(Path::new(name))
                    .map_err(|e| Error::new(Kind::Io, format!("cannot write to `{name}`: {}", reason(&e))))?;
                target.write(text.as_bytes())?;
                target.close()?;
            }
            Act::Go => {
                let text = self.to_run(before, "\\g")?;
                let sink = match rest {
                    "" => self.state.sink(&mut self.input)?,
                    name => Shared::new(Sink::once(&self.place(name)?)?),
                };
                self.go(text, self.state.look, sink).await?;
                self.state.once = self.state.once.take().filter(|_| !rest.is_empty());
                return Ok(Next::Go);
            }
            Act::GoExpanded => {
                let text = self.to_run(before, "\\gx")?;
                let look = Look { format: Format::Table, expanded: Expanded::On, ..self.state.look };
                let sink = self.state.sink(&mut self.input)?;
                self.go(text, look, sink).await?;
                self.state.once = None;
                return Ok(Next::Go);
            }
            Act::Watch => {
                self.watch(before, &words).await?;
                return Ok(Next::Go);
            }
            Act::Edit => {
                let path = one_name(&words)?.map(|name| self.beside(name, file));
                let edited = edit::edited(&self.state.person, &self.current(before), path.as_deref())?;
                return Ok(match edited {
                    None => {
                        if let Some(path) = &path {
                            output::note(&format!("{} was not changed, and is not run; `\\i` runs it", path.display()));
                        }
                        kept(before)
                    }
                    Some(text) if steps::is_complete(&text) => {
                        output::say(&text)?;
                        Next::Take(text)
                    }
                    Some(text) => Next::Edit(text),
                });
            }
            Act::Named => match first {
                None => self.show(&named::names(&self.state.person).join("\n"))?,
                Some(name) => {
                    let path = named::file(&self.state.person, name)?;
                    return self.include(&path).await;
                }
            },
            Act::NamedSave | Act::NamedRemove => {
                let name = first.ok_or_else(|| usage("a name is needed"))?;
                match act {
                    Act::NamedSave => named::save(&self.state.person, name, &self.there(before)?)?,
                    _ => named::remove(&self.state.person, name)?,
                }
            }
            Act::Include => {
                let name = one_name(&words)?.ok_or_else(|| usage("`\\i` needs the name of a file"))?;
                let path = self.beside(name, file);
                return self.include(&path).await;
            }
        }
        Ok(kept(before))
    }

    /// What a command changed is said to whoever typed it.
    pub(super) fn told(&self, text: &str) {
        if !self.state.quiet && self.state.depth == 0 {
            output::note(text);
        }
    }

    fn expand(&mut self, wanted: Option<&str>) -> Result<()> {
        self.state.look.expanded = match (wanted, self.state.look.expanded) {
            (Some("auto"), _) => Expanded::Auto,
            (Some("on"), _) | (None, Expanded::Off) => Expanded::On,
            (Some("off"), _) | (None, _) => Expanded::Off,
            (Some(other), _) => return Err(usage(&format!("`\\x` is `on`, `off` or `auto`, not `{other}`"))),
        };
        self.told(match self.state.look.expanded {
            Expanded::On => "each row is shown by itself",
            Expanded::Off => "rows are shown as a table",
            Expanded::Auto => "rows that are wider than the terminal are shown each by itself",
        });
        Ok(())
    }

    fn format(&mut self, name: Option<&str>) -> Result<()> {
        let named = |format: &Format| format.to_possible_value().map(|value| value.get_name().to_string());
        if let Some(name) = name {
            self.state.look.format = Format::from_str(name, true).map_err(|_| {
                let names: Vec<String> = Format::value_variants().iter().filter_map(named).collect();
                let error = usage(&format!("there is no format `{name}`"));
                match nearest(name, names.iter().map(String::as_str)) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error.with_hint(format!("there are {}", names.join(", "))),
                }
            })?;
        }
        self.told(&format!("the format is {}", named(&self.state.look.format).unwrap_or_default()));
        Ok(())
    }

    fn pset(&mut self, name: Option<&str>, value: Option<&str>) -> Result<()> {
        match (name, value) {
            (Some("pager"), value) => self.state.paging = switched(value, self.state.paging)?,
            (Some("keys"), Some("vi")) => self.input.bind_as(EditMode::Vi),
            (Some("keys"), Some("emacs")) => self.input.bind_as(EditMode::Emacs),
            (None, _) => {}
            _ => return Err(usage("`\\pset` knows `pager on`, `pager off`, `keys emacs` and `keys vi`")),
        }
        if name != Some("keys") {
            self.told(&format!("the pager is {}", on(self.state.paging)));
        }
        Ok(())
    }

    fn set(&mut self, words: &[String]) -> Result<()> {
        match words.split_first() {
            None => self
                .state
                .variables
                .iter()
                .try_for_each(|(name, value)| output::say(&format!("{name} = '{}'", value.replace('\'', "''"))))?,
            Some((name, _)) if !is_name(name) => {
                return Err(usage(&format!("`{name}` is no name of a variable: letters, digits and `_` are")));
            }
            Some((name, values)) => {
                self.state.variables.insert(name.clone(), values.join(" "));
                self.state.tell_variables();
            }
        }
        Ok(())
    }

    fn redirect(&mut self, name: &str) -> Result<()> {
        let place = self.place(name)?;
        if let Some(sink) = self.state.redirect.take() {
            render::finished(&sink)?;
        }
        if !name.is_empty() {
            self.state.redirect = Some(Shared::new(Sink::named(&place)?));
        }
        Ok(())
    }

    /// The file or the command that an argument names; of a file without its quotes, its variables replaced.
    ///
    /// # Errors
    /// `Usage`: the name of a file is several words.
    pub(super) fn place(&self, name: &str) -> Result<String> {
        if name.starts_with('|') {
            return Ok(name.to_string());
        }
        let words = commands::words(name, &self.state.variables);
        Ok(one_name(&words)?.unwrap_or_default().to_string())
    }

    fn history(&mut self, count: Option<&str>) -> Result<()> {
        let count = match count {
            None => usize::MAX,
            Some(count) => count.parse().map_err(|_| usage("`\\s` takes a number: how many"))?,
        };
        let entries = self.input.history().latest(count);
        self.show(&entries.join("\n"))
    }

    /// A text to the screen, by way of the pager if it is long.
    fn show(&mut self, text: &str) -> Result<()> {
        let sink = self.state.screen(&mut self.input);
        let shown = render::written(&mut sink.clone(), format!("{text}\n").as_bytes());
        render::finished(&sink)?;
        shown.or_else(|error| if error.kind == Kind::Closed { Ok(()) } else { Err(error) })
    }
}

fn is_branch(act: Act) -> bool {
    matches!(act, Act::If | Act::Elif | Act::Else | Act::Endif)
}

/// The file that a command's arguments name, if there are any.
///
/// # Errors
/// `Usage`: they are several words, of which a name may be the first or all.
fn one_name(words: &[String]) -> Result<Option<&str>> {
    match words {
        [] => Ok(None),
        [name] => Ok(Some(name)),
        several => {
            let name = several.join(" ");
            Err(usage(&format!("the name of a file is one word, and `{name}` is several"))
                .with_hint(format!("quotes keep a name together: `'{}'`", name.replace('\'', "''"))))
        }
    }
}

/// Of a variable.
pub(super) fn is_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// What was typed in front of a command that does not use it up stays, to be gone on with.
pub(super) fn kept(before: &str) -> Next {
    if before.trim().is_empty() { Next::Go } else { Next::Edit(format!("{}\n", before.trim_end())) }
}

pub(super) fn usage(message: &str) -> Error {
    Error::new(Kind::Usage, message)
}

fn on(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

fn switched(wanted: Option<&str>, is_on: bool) -> Result<bool> {
    match wanted {
        None => Ok(!is_on),
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(usage(&format!("it is `on` or `off`, not `{other}`"))),
    }
}
