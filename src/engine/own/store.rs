//! Views on disk: a file each, written beside its name and renamed, so that a reader finds a whole one, whichever
//! process wrote it. A view is its text; a materialized one is a Parquet file that says so of itself. Knows no SQL.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::error::{Error, Kind, Result, reason};

/// Where views are kept, in the folder of what is kept between runs.
pub const VIEWS: &str = "views";
/// Under which a Parquet file says which view it is.
const ABOUT: &str = "iql.view";

/// What is known of a view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub name: String,
    /// The query as it was typed.
    pub text: String,
    /// What its short names begin with: what was in use when it was made, empty for nothing. A view that says nothing
    /// of it is older than that, and takes what is in use when it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use: Option<String>,
    #[serde(with = "rfc3339")]
    pub created: DateTime<Utc>,
    /// Of a materialized one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// What is known of a materialized view's rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    #[serde(with = "rfc3339")]
    pub refreshed: DateTime<Utc>,
    pub rows: u64,
    /// The other names that its columns answer to, in their order.
    pub aliases: Vec<Vec<String>>,
}

/// A folder of views; it need not be there yet.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// While it lives, no other process changes the folder's views.
pub struct Turn<'s> {
    store: &'s Store,
    _lock: File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Rows,
}

impl Store {
    pub fn new(state: &Path) -> Store {
        Store { folder: state.join(VIEWS) }
    }

    /// The view of a name, with its rows as a Parquet file if it has some.
    ///
    /// # Errors
    /// `Io`: what is there cannot be read, or is no view.
    pub fn view(&self, name: &str) -> Result<Option<(View, Option<Bytes>)>> {
        if let Some(bytes) = self.bytes(name, Form::Text)? {
            return Ok(Some((self.of_text(name, &bytes)?, None)));
        }
        let Some(bytes) = self.bytes(name, Form::Rows)?.map(Bytes::from) else { return Ok(None) };
        let path = self.path(name, Form::Rows);
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes);
        let metadata = metadata.map_err(|error| broken(name, &path, &error.to_string()))?;
        Ok(Some((
            about(&metadata).ok_or_else(|| broken(name, &path, "it does not say which view it is"))?,
            Some(bytes),
        )))
    }

    /// Whether there is a view of a name, broken ones among them.
    pub fn exists(&self, name: &str) -> bool {
        [Form::Text, Form::Rows].into_iter().any(|form| self.path(name, form).exists())
    }

    /// Every view by its name; of one that cannot be read, why.
    ///
    /// # Errors
    /// `Io`: the folder cannot be read.
    pub fn all(&self) -> Result<Vec<(String, Result<View>)>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.folder, &error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&self.folder, &error))?.path();
            let Some(name) = path.file_stem().and_then(|stem| decoded(stem.to_str()?)) else { continue };
            let view = match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => self.bytes(&name, Form::Text).and_then(|bytes| match bytes {
                    Some(bytes) => self.of_text(&name, &bytes).map(Some),
                    None => Ok(None),
                }),
                Some("parquet") => self.of_rows(&name, &path),
                _ => continue,
            };
            // One that has gone meanwhile is none.
            if let Some(view) = view.transpose() {
                found.push((name, view));
            }
        }
        found.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(found)
    }

    /// Waits until no other process changes views.
    ///
    /// # Errors
    /// `Io`: the folder cannot be made or written.
    pub fn turn(&self) -> Result<Turn<'_>> {
        let failed = |error: std::io::Error| unwritable(&self.folder, &error);
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let lock = File::create(self.folder.join(".lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Turn { store: self, _lock: lock })
    }

    /// A file that is nobody's yet, beside the views.
    ///
    /// # Errors
    /// `Io`: the folder cannot be made or written.
    pub fn draft(&self) -> Result<NamedTempFile> {
        let failed = |error: std::io::Error| unwritable(&self.folder, &error);
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        tempfile::Builder::new().prefix(".iql-").tempfile_in(&self.folder).map_err(failed)
    }

    fn bytes(&self, name: &str, form: Form) -> Result<Option<Vec<u8>>> {
        let path = self.path(name, form);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            // A name that is too long for a file is no view's.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidFilename) => Ok(None),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    fn of_text(&self, name: &str, bytes: &[u8]) -> Result<View> {
        serde_json::from_slice(bytes).map_err(|error| broken(name, &self.path(name, Form::Text), &error.to_string()))
    }

    fn of_rows(&self, name: &str, path: &Path) -> Result<Option<View>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(path, &error)),
        };
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file);
        let metadata = metadata.map_err(|error| broken(name, path, &error.to_string()))?;
        about(&metadata).ok_or_else(|| broken(name, path, "it does not say which view it is")).map(Some)
    }

    fn path(&self, name: &str, form: Form) -> PathBuf {
        let extension = if form == Form::Text { "json" } else { "parquet" };
        self.folder.join(format!("{}.{extension}", encoded(name)))
    }
}

impl Turn<'_> {
    /// Keeps a view that is its text alone, in the place of any other of its name.
    ///
    /// # Errors
    /// `Io`
    pub fn keep_text(&self, view: &View) -> Result<()> {
        let mut draft = self.store.draft()?;
        let text = serde_json::to_vec_pretty(view)
            .map_err(|error| Error::new(Kind::Internal, "a view cannot be written").with_source(error))?;
        draft.write_all(&text).map_err(|error| unwritable(&self.store.folder, &error))?;
        self.keep(&view.name, draft, Form::Text)
    }

    /// Keeps a materialized view, whose Parquet file is `draft`.
    ///
    /// # Errors
    /// `Io`
    pub fn keep_rows(&self, name: &str, draft: NamedTempFile) -> Result<()> {
        self.keep(name, draft, Form::Rows)
    }

    fn keep(&self, name: &str, draft: NamedTempFile, form: Form) -> Result<()> {
        let path = self.store.path(name, form);
        draft.as_file().sync_all().map_err(|error| unwritable(&path, &error))?;
        draft.persist(&path).map_err(|error| unwritable(&path, &error.error))?;
        // Invariant: the form that is looked for first is the one that goes last, so that there is a view at any time.
        self.remove(name, if form == Form::Text { Form::Rows } else { Form::Text }).map(drop)
    }

    /// Whether there was one.
    ///
    /// # Errors
    /// `Io`
    pub fn drop_view(&self, name: &str) -> Result<bool> {
        Ok(self.remove(name, Form::Text)? | self.remove(name, Form::Rows)?)
    }

    fn remove(&self, name: &str, form: Form) -> Result<bool> {
        let path = self.store.path(name, form);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidFilename) => Ok(false),
            Err(error) => Err(unwritable(&path, &error)),
        }
    }
}

/// What a Parquet file says of itself.
pub fn labelled(view: &View) -> Vec<KeyValue> {
    vec![KeyValue::new(ABOUT.to_string(), serde_json::to_string(view).ok())]
}

fn about(metadata: &ParquetMetaData) -> Option<View> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    let text = entries.iter().find(|entry| entry.key == ABOUT)?.value.as_ref()?;
    serde_json::from_str(text).ok()
}

fn broken(name: &str, path: &Path, why: &str) -> Error {
    Error::new(Kind::Io, format!("the view `{name}` is broken"))
        .with_context(format!("{}: {why}", path.display()))
        .with_hint(format!("`CREATE OR REPLACE VIEW {name} AS …` makes it anew, `DROP VIEW {name}` removes it"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot read {}: {}", path.display(), reason(error)))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot write {}: {}", path.display(), reason(error)))
}

/// A name as a file's: small letters, digits, `_` and `-` as they are, every other byte as `%` and two digits.
fn encoded(name: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    let byte = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") };
    name.bytes().map(byte).collect()
}

/// The name that a file has, if it is a view's.
fn decoded(stem: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = stem.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    let name = String::from_utf8(bytes).ok()?;
    (encoded(&name) == stem && !name.is_empty()).then_some(name)
}

/// A time as RFC 3339 text.
mod rfc3339 {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text).map(|time| time.to_utc()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_files_and_back() {
        for (name, file) in [("inventory", "inventory"), ("Odd name/..", "%4fdd%20name%2f%2e%2e"), ("é", "%c3%a9")] {
            assert_eq!((encoded(name).as_str(), decoded(file).as_deref()), (file, Some(name)));
        }
        for stem in [".lock", ".iql-x", "Upper", "%4", "%zz"] {
            assert_eq!(decoded(stem), None, "{stem}");
        }
    }
}
