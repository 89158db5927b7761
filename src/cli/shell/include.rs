//! Files of statements and commands, as they would be typed: `\i`, and the user's own at the start.

use std::path::{Path, PathBuf};

use crate::cli::shell::steps::{self, Step};
use crate::cli::shell::{Next, Shell, branch, variables};
use crate::cli::{output, sources};
use crate::error::{Error, Kind, Result, reason};
use crate::script::{self, File};
use crate::sql;

/// Files that run files that run files.
const MOST_FILES: usize = 32;

impl Shell {
    /// Runs what is in a file, up to the first thing that fails.
    pub(super) async fn include(&mut self, path: &Path) -> Result<Next> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::new(Kind::Usage, format!("cannot read `{}`: {}", path.display(), reason(&e))).with_source(e)
        })?;
        if self.state.depth == MOST_FILES {
            return Err(Error::new(Kind::Usage, format!("`{}` runs itself again and again", path.display())));
        }
        let outer = std::mem::replace(&mut self.state.outer_conditions, self.state.conditions.depth());
        self.state.depth += 1;
        let done = match self.lines(&text, path).await {
            Ok(Next::Go) => self.all_closed().map(|()| Next::Go),
            done => done,
        };
        self.state.depth -= 1;
        if self.state.depth == 0 {
            self.state.anchors.clear();
        }
        self.state.conditions.leave(self.state.outer_conditions);
        self.state.outer_conditions = outer;
        done
    }

    async fn lines(&mut self, text: &str, path: &Path) -> Result<Next> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (mut found, rest) = steps::steps(text);
        self.refuse_whole(&found, text, path)?;
        if !rest.is_empty() {
            // The last one needs no `;`.
            let line = text[..text.len() - rest.len()].matches('\n').count();
            found.push(Step::Statement { text: rest.to_string(), line });
        }
        // Whole before the first: a mistake further down is found before anything is sent. What has variables is known when
        // its turn comes, and so is a statement that commands stand within.
        let (mut is_begun, mut mistakes) = (false, Vec::new());
        for step in &found {
            match step {
                Step::Command { before, .. } => is_begun |= !before.is_empty(),
                Step::Statement { text, line } => {
                    if !std::mem::take(&mut is_begun) && variables::references(text).is_empty() {
                        let before = "\n".repeat(*line);
                        mistakes.extend(sql::parse(&format!("{before}{text}"), Some(path)).err());
                    }
                }
            }
        }
        if !mistakes.is_empty() {
            return output::told(Err(mistakes));
        }
        let mut begun = String::new();
        for step in found {
            match self.step(branch::joined(std::mem::take(&mut begun), step), Some(path)).await? {
                Next::Leave => return Ok(Next::Leave),
                Next::Edit(text) => begun = text,
                Next::Go | Next::Take(_) => {}
            }
        }
        if !begun.trim().is_empty() {
            let line = text.matches('\n').count().saturating_sub(begun.matches('\n').count());
            return self.step(Step::Statement { text: begun, line }, Some(path)).await;
        }
        Ok(Next::Go)
    }

    /// That the file and those that it names make and unmake no resource. Which those are is known as far as no condition
    /// and no variable chooses; what else is named meets what came before it.
    fn refuse_whole(&mut self, steps: &[Step], text: &str, path: &Path) -> Result<()> {
        let chooses = |step: &Step| match step {
            Step::Command { text, .. } => text.starts_with("\\if") || !variables::references(text).is_empty(),
            Step::Statement { .. } => false,
        };
        let unknown = |path: &Path| Error::new(Kind::Usage, format!("what `{}` runs is not known yet", path.display()));
        let is_known = !steps.iter().any(chooses);
        let load = |path: &Path| match is_known.then(|| sources::load(path)) {
            Some(Ok(file)) if steps::steps(&file.text).0.iter().any(chooses) => Err(unknown(path)),
            Some(loaded) => loaded,
            None => Err(unknown(path)),
        };
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let file = File { path: path.to_path_buf(), identity, text: text.to_string() };
        output::told(script::refuse_whole(&file, &load))?;
        self.state.anchors.extend(script::anchors(text).into_iter().map(|anchor| anchor.name));
        script::refuse_together(self.state.anchors.iter().map(String::as_str), path)
    }

    /// A file that a file names is beside it.
    pub(super) fn beside(&self, name: &str, file: Option<&Path>) -> PathBuf {
        let folder = file.and_then(Path::parent);
        folder.map(|folder| folder.join(name)).unwrap_or_else(|| PathBuf::from(name))
    }
}
