//! Where rows go: standard output, a file, a device, or whatever takes bytes. Knows no format.
//! Invariant: what waits for its reader, perhaps for ever, holds up nothing else; a file appears when all is done.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Kind, Result, reason};

/// So many bytes may wait to be written: what waits for its reader costs a change of threads each time.
const ROOM: usize = 256 << 10;

pub enum Target {
    Standard(BufWriter<io::Stdout>),
    /// Written beside its name, and renamed when all is done.
    File {
        file: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
    /// A device or a pipe with a name, which is written as it is.
    Device {
        file: BufWriter<File>,
        path: PathBuf,
    },
    /// Whatever takes bytes: the shell's screen, pager or file.
    Sink {
        sink: Box<dyn Write + Send>,
        /// What it is called, if it is not the screen.
        path: Option<PathBuf>,
    },
}

impl Target {
    /// What is at `path`, or at the end of its links: a link stays, and so does the mode of a file that is there.
    pub fn at(path: &Path) -> io::Result<Target> {
        let (path, permissions) = match std::fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => {
                // A pipe is opened once somebody reads it.
                let file = tokio::task::block_in_place(|| OpenOptions::new().write(true).open(path))?;
                return Ok(Target::Device { file: BufWriter::with_capacity(ROOM, file), path: path.to_path_buf() });
            }
            Ok(there) => (path.canonicalize()?, Some(there.permissions())),
            Err(_) => (end_of_links(path)?, None),
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new();
        let file = file.prefix(".iql-").permissions(default_permissions()).tempfile_in(folder)?;
        if let Some(permissions) = permissions {
            // Not at its creation, where the user's mask would take from it.
            file.as_file().set_permissions(permissions)?;
        }
        Ok(Target::File { file: BufWriter::new(file), path })
    }

    pub fn standard(stream: io::Stdout) -> Target {
        Target::Standard(BufWriter::with_capacity(ROOM, stream))
    }

    /// # Errors
    /// `Io`, or `Closed` when the reader has left; so it is for `flush` and `close`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Target::Standard(stream) if has_room(stream, bytes) => {
                stream.write_all(bytes).map_err(|e| write_error(e, None))
            }
            Target::Standard(stream) => at_leisure(None, || stream.write_all(bytes)),
            Target::Device { file, path } if has_room(file, bytes) => {
                file.write_all(bytes).map_err(|e| write_error(e, Some(path)))
            }
            Target::Device { file, path } => at_leisure(Some(path), || file.write_all(bytes)),
            Target::Sink { sink, path } => at_leisure(path.as_deref(), || sink.write_all(bytes)),
            Target::File { file, path } => file.write_all(bytes).map_err(|e| write_error(e, Some(path))),
        }
    }

    /// What takes the bytes, as they are.
    pub fn raw(&mut self) -> &mut dyn Write {
        match self {
            Target::Standard(stream) => stream,
            Target::File { file, .. } => file,
            Target::Device { file, .. } => file,
            Target::Sink { sink, .. } => sink,
        }
    }

    /// What was written so far is where it goes to.
    ///
    /// # Errors
    /// As for `begin`.
    pub fn flush(&mut self) -> Result<()> {
        match self {
            Target::Standard(stream) => at_leisure(None, || stream.flush()),
            Target::Device { file, path } => at_leisure(Some(path), || file.flush()),
            Target::Sink { sink, path } => at_leisure(path.as_deref(), || sink.flush()),
            Target::File { .. } => Ok(()),
        }
    }

    /// All is written: a file gets its name.
    ///
    /// # Errors
    /// As for `write`.
    pub fn close(self) -> Result<()> {
        match self {
            Target::Standard(mut stream) => at_leisure(None, || stream.flush()),
            Target::Device { mut file, path } => at_leisure(Some(&path), || file.flush()),
            Target::Sink { mut sink, path } => at_leisure(path.as_deref(), || sink.flush()),
            Target::File { file, path } => {
                let file = file.into_inner().map_err(|e| write_error(e.into_error(), Some(&path)))?;
                file.as_file().sync_all().map_err(|e| write_error(e, Some(&path)))?;
                file.persist(&path).map(drop).map_err(|e| write_error(e.error, Some(&path)))
            }
        }
    }
}

/// Where a link to nothing, perhaps by way of others, points.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    // As many as Linux follows.
    for _ in 0..40 {
        let Ok(next) = path.read_link() else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(io::Error::other("its links lead nowhere"))
}

/// What a new file gets, less the user's mask: a temporary file is closed to others, a result is not.
fn default_permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}

/// A write that waits for whoever reads it (standard output, or what is at `path`), perhaps for ever, and holds up
/// nothing else meanwhile: calls in flight go on, and signals are heard.
pub fn at_leisure(path: Option<&Path>, write: impl FnOnce() -> io::Result<()>) -> Result<()> {
    tokio::task::block_in_place(write).map_err(|e| write_error(e, path))
}

/// Whether these wait with the others, so that nobody has to be waited for.
fn has_room(buffer: &BufWriter<impl Write>, bytes: &[u8]) -> bool {
    bytes.len() < buffer.capacity() - buffer.buffer().len()
}

pub fn write_error(source: io::Error, path: Option<&Path>) -> Error {
    let place = path.map_or("standard output".into(), |path| format!("`{}`", path.display()));
    match source.kind() {
        io::ErrorKind::BrokenPipe => Error::new(Kind::Closed, format!("{place} was closed")),
        _ => Error::new(Kind::Io, format!("cannot write to {place}: {}", reason(&source))),
    }
}
