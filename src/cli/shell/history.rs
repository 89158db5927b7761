//! What was typed before: whole statements, each once, the newest last; in a file that several shells share and nobody
//! else may read. An entry is in the file as soon as it was typed, so that nothing is left to save at the end.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustyline::history::{History, SearchDirection, SearchResult};

use crate::cli::shell::{discreet, marks};
use crate::engine::{self, Engine};

/// Entries that are kept.
const MOST: usize = 5000;
/// What may stand before a secret, without what parts words.
const SECRETS: [&str; 11] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "AUTHORIZATION",
    "BEARER",
    "CREDENTIAL",
    "APIKEY",
    "ACCESSKEY",
    "PRIVATEKEY",
];

/// What may be remembered of what was typed: nothing that begins with a blank, no literal that is known to be a secret, and
/// nothing that speaks of one, or gives a variable what may be one, where none is known. What a secret is called is none.
pub fn remembered(text: &str, masked: impl Fn(&str) -> String) -> Option<String> {
    let kept = text.trim_end();
    if kept.is_empty() || kept.starts_with(char::is_whitespace) || discreet::may_tell(kept) {
        return None;
    }
    let shown = masked(kept);
    let speaks = || {
        let upper = kept.to_uppercase().replace("SECRET(", "(").replace("$SECRET", "$").replace(['_', '-'], "");
        SECRETS.iter().any(|word| upper.contains(word))
    };
    (shown != kept || !speaks()).then_some(shown)
}

/// The entries once more, for whoever asks whether a line is one.
pub type Known = Arc<RwLock<HashSet<String>>>;

/// The entries, as they are edited.
#[derive(Debug, Default)]
pub struct Entries {
    entries: Vec<String>,
    known: Known,
    path: Option<PathBuf>,
    /// Who knows which literals are secrets.
    engine: Option<Arc<Engine>>,
}

impl Entries {
    /// Those of a file; none, where there is no file yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path, engine: Option<Arc<Engine>>) -> io::Result<Entries> {
        let mut entries = Entries { path: Some(path.to_path_buf()), engine, ..Entries::default() };
        let mut text = String::new();
        match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(entries),
            Err(error) => return Err(error),
            Ok(mut file) => {
                file.lock()?;
                file.read_to_string(&mut text)?;
                let lines = text.lines().filter_map(|line| serde_json::from_str::<String>(line).ok());
                lines.for_each(|entry| entries.remember(&entry));
                if text.lines().count() > 2 * MOST {
                    entries.rewrite(&mut file)?;
                }
            }
        }
        Ok(entries)
    }

    /// Adds what was typed, here and to the file. What must not be remembered is not.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add_typed(&mut self, text: &str) -> io::Result<()> {
        let masked = |text: &str| match &self.engine {
            Some(engine) => engine::masked(engine, text),
            None => text.to_string(),
        };
        let Some(text) = remembered(text, masked) else { return Ok(()) };
        if self.entries.last().is_some_and(|last| marks::plain(last) == text) {
            return Ok(());
        }
        self.remember(&text);
        let Some(path) = &self.path else { return Ok(()) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.lock()?;
        file.write_all(line(&text).as_bytes())
    }

    pub fn known(&self) -> Known {
        self.known.clone()
    }

    /// The last entries, without marks, the newest last.
    pub fn latest(&self, count: usize) -> Vec<String> {
        self.entries.iter().skip(self.entries.len().saturating_sub(count)).map(|entry| marks::plain(entry)).collect()
    }

    fn remember(&mut self, text: &str) {
        let entry = marks::marked(text);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.insert(entry.clone()) {
            self.entries.retain(|earlier| *earlier != entry);
        }
        self.entries.push(entry);
        if self.entries.len() > MOST {
            known.remove(&self.entries.remove(0));
        }
    }

    fn rewrite(&self, file: &mut File) -> io::Result<()> {
        let lines: String = self.entries.iter().map(|entry| line(&marks::plain(entry))).collect();
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(lines.as_bytes())
    }

    fn found(
        &self,
        start: usize,
        direction: SearchDirection,
        place: impl Fn(&str) -> Option<usize>,
    ) -> Option<SearchResult<'_>> {
        let mut order: Box<dyn Iterator<Item = usize>> = match direction {
            SearchDirection::Forward => Box::new(start..self.entries.len()),
            SearchDirection::Reverse => Box::new((0..=start.min(self.entries.len().checked_sub(1)?)).rev()),
        };
        order.find_map(|idx| {
            let pos = place(&self.entries[idx])?;
            Some(SearchResult { entry: Cow::Borrowed(&self.entries[idx]), idx, pos })
        })
    }
}

/// A line of the file: line breaks are escaped, so that a statement is one.
fn line(text: &str) -> String {
    format!("{}\n", serde_json::Value::from(text))
}

impl History for Entries {
    fn get(&self, index: usize, _: SearchDirection) -> rustyline::Result<Option<SearchResult<'_>>> {
        Ok(self.entries.get(index).map(|entry| SearchResult { entry: Cow::Borrowed(entry), idx: index, pos: 0 }))
    }

    fn add(&mut self, line: &str) -> rustyline::Result<bool> {
        self.add_typed(&marks::plain(line))?;
        Ok(true)
    }

    fn add_owned(&mut self, line: String) -> rustyline::Result<bool> {
        self.add(&line)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn set_max_len(&mut self, _: usize) -> rustyline::Result<()> {
        Ok(())
    }

    fn ignore_dups(&mut self, _: bool) -> rustyline::Result<()> {
        Ok(())
    }

    fn ignore_space(&mut self, _: bool) {}

    fn save(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn append(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn load(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> rustyline::Result<()> {
        self.entries.clear();
        Ok(())
    }

    /// Anywhere in an entry; without regard to case unless the term has capitals.
    fn search(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        if term.is_empty() {
            return Ok(None);
        }
        let any_case = !term.contains(char::is_uppercase);
        Ok(self.found(start, direction, |entry| match any_case {
            // ASCII alone, so that places stay what they are.
            true => entry.to_ascii_lowercase().find(term),
            false => entry.find(term),
        }))
    }

    fn starts_with(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        if term.is_empty() {
            return Ok(None);
        }
        Ok(self.found(start, direction, |entry| entry.starts_with(term).then_some(term.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_what_begins_with_a_blank_are_not_remembered() {
        for (text, kept) in [
            ("SELECT 1;\n", Some("SELECT 1;")),
            (" SELECT 1;", None),
            ("", None),
            ("SELECT 'x' AS password;", None),
            ("\\set password x", None),
            ("\\set p hunter2x", None),
            ("\\set region us-east-1", Some("\\set region us-east-1")),
            ("EXEC a.b.c.d @apiKey = 'x';", None),
            ("SET x.authorization = 'Bearer';", None),
            ("INSERT INTO a.b.c (password) VALUES (secret('NAME'));", Some("INSERT INTO a.b.c (p) VALUES (…);")),
            (
                "EXEC a.b.c.d @x = '{\"y\": {\"$secret\": \"NAME\"}}';",
                Some("EXEC a.b.c.d @x = '{\"y\": {\"$secret\": \"NAME\"}}';"),
            ),
        ] {
            let masked = |text: &str| text.replace("password", "p").replace("secret('NAME')", "…");
            let masked = |text: &str| if text.starts_with("INSERT") { masked(text) } else { text.to_string() };
            assert_eq!(remembered(text, masked).as_deref(), kept, "{text}");
        }
    }

    #[test]
    fn several_shells_lose_nothing_and_each_entry_is_there_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/history");
        let mut one = Entries::open(&path, None).expect("opened");
        let mut other = Entries::open(&path, None).expect("opened");
        one.add_typed("SELECT 1;").expect("written");
        other.add_typed("SELECT\n'a\\b';").expect("written");
        one.add_typed("SELECT 3;").expect("written");
        one.add_typed("SELECT 1;").expect("written");
        one.add_typed(" SELECT 4;").expect("left out");
        let read = Entries::open(&path, None).expect("opened");
        assert_eq!(read.latest(10), ["SELECT\n'a\\b';", "SELECT 3;", "SELECT 1;"]);
        assert_eq!(read.latest(1), ["SELECT 1;"]);
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_long_file_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history");
        let lines: String = (0..2 * MOST + 1).map(|number| line(&format!("SELECT {number};"))).collect();
        std::fs::write(&path, lines).expect("written");
        let read = Entries::open(&path, None).expect("opened");
        assert_eq!(read.len(), MOST);
        assert_eq!(std::fs::read_to_string(&path).expect("read").lines().count(), MOST);
        assert_eq!(Entries::open(&path, None).expect("opened").latest(1), [format!("SELECT {};", 2 * MOST)]);
    }

    #[test]
    fn entries_are_found() {
        let mut entries = Entries::default();
        for text in ["SELECT one;", "select\nTwo;", "SHOW PROVIDERS;"] {
            entries.remember(text);
        }
        let search = |term: &str, start| {
            let found = entries.search(term, start, SearchDirection::Reverse).expect("searched");
            found.map(|found| (found.idx, found.pos))
        };
        assert_eq!(search("two", 2), Some((1, 7 + marks::MARK.len_utf8())));
        assert_eq!(search("TWO", 2), None);
        assert_eq!(search("e", 0), Some((0, 1)));
        let begins = entries.starts_with("SELECT", 2, SearchDirection::Reverse).expect("searched");
        assert_eq!(begins.map(|found| found.idx), Some(0));
    }
}
