//! A log of the calls that write: a line of JSON before each is sent and one with its result, on disk before the next
//! call. Has names, ARNs and codes; never a body, so never a secret.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::drivers::Request;
use crate::error::{Error, Kind, Place, Result, reason};

#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    file: Mutex<File>,
}

/// What is known of a call.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub place: &'a Place,
    pub resource: &'a str,
    pub request: &'a Request,
    /// What the reports call the row.
    pub target: &'a str,
    /// The identity's value, as soon as it is known.
    pub key: Option<&'a str>,
    /// `sending`; then `done`, `failed`, `unknown` or `not sent`.
    pub result: &'a str,
    pub request_id: Option<&'a str>,
    pub error: Option<&'a Error>,
}

impl Audit {
    /// Opens the file to add to it.
    ///
    /// # Errors
    /// `Io`: it cannot be written.
    pub fn open(path: &Path) -> Result<Audit> {
        let opened = OpenOptions::new().create(true).append(true).read(true).open(path).and_then(|mut file| {
            // A line that was cut off stays by itself.
            if !ends_a_line(&mut file)? {
                file.write_all(b"\n")?;
            }
            Ok(file)
        });
        let file = opened.map_err(|source| unwritable(path, &source).with_context("nothing was sent"))?;
        Ok(Audit { path: path.to_path_buf(), file: Mutex::new(file) })
    }

    /// Adds a line, on disk when this returns.
    ///
    /// # Errors
    /// `Io`: it cannot be written; nothing more may be sent then.
    pub fn add(&self, entry: &Entry<'_>) -> Result<()> {
        let mut line = line(entry).to_string();
        line.push('\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = file.write_all(line.as_bytes()).and_then(|()| on_disk(&file));
        written.map_err(|source| unwritable(&self.path, &source))
    }
}

/// A device or a pipe has no disk behind it, and says so: `EINVAL`, fsync(2).
fn on_disk(file: &File) -> std::io::Result<()> {
    match file.sync_data() {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    // A device or a pipe has no end to look at.
    if !file.metadata()?.is_file() || file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn line(entry: &Entry<'_>) -> Value {
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| drop(line.insert(name.to_string(), value));
    put("time", Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true).into());
    if let Place::Sql { file, line, column, .. } = entry.place {
        put("file", file.as_ref().map(|path| path.display().to_string()).into());
        put("line", (*line).into());
        put("column", (*column).into());
    }
    put("resource", entry.resource.into());
    put("call", entry.request.call.clone().into());
    for (name, value) in &entry.request.params {
        put(name, value.clone().into());
    }
    put("target", entry.target.into());
    put("key", entry.key.into());
    put("result", entry.result.into());
    let id = entry.request_id.or_else(|| entry.error.and_then(|error| error.request_id()));
    put("request_id", id.into());
    put("error", entry.error.map(|error| error.message.clone()).into());
    line.into()
}

fn unwritable(path: &Path, source: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot write the log of writes `{}`: {}", path.display(), reason(source)))
}

#[cfg(test)]
impl Audit {
    /// A log that goes into whatever is open already.
    pub fn over(file: File) -> Audit {
        Audit { path: "log".into(), file: Mutex::new(file) }
    }
}
