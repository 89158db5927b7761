//! Where the shell's rows go: the screen, by way of a pager when they do not fit it, or a file, or a command.
//! Knows bytes and lines alone.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::output;
use crate::cli::target::Target;
use crate::error::{Error, Kind, Result, reason};

/// What is used where the environment names no pager: long lines are cut, and short output stays on the screen.
pub const PAGER: &str = "less -SRXF";

pub enum Sink {
    Screen(Screen),
    File {
        file: File,
        path: PathBuf,
    },
    Command {
        child: Child,
        /// As it was typed.
        command: String,
    },
    /// Rows of one statement, which are to go to a file or a command once there are some.
    Later(String),
    /// A file that has its name once all is there: until then, what it would replace can be read.
    Draft(Option<Target>),
    /// Rows that are wanted for something else than to be shown.
    Nowhere,
}

/// Holds back what fits the screen, so that only what does not goes to the pager.
pub struct Screen {
    held: Vec<u8>,
    /// Lines of the terminal; none where nothing is to be paged.
    lines: Option<usize>,
    pager: String,
    child: Option<Child>,
    shows: bool,
}

impl Sink {
    pub fn screen(lines: Option<usize>, pager: &str) -> Sink {
        Sink::Screen(Screen { held: Vec::new(), lines, pager: pager.to_string(), child: None, shows: false })
    }

    /// A file (`out.csv`), or a command (`|sort`).
    ///
    /// # Errors
    /// `Io`: the file cannot be written, or the command not be run.
    pub fn named(name: &str) -> Result<Sink> {
        let failed = |source: io::Error| {
            Error::new(Kind::Io, format!("cannot write to `{name}`: {}", reason(&source))).with_source(source)
        };
        match name.strip_prefix('|') {
            // Ctrl-C ends a statement, and not what the rows of the next ones go to.
            Some(typed) => command(typed, "trap '' INT; ").map_err(failed),
            None => {
                let file = File::create(name).map_err(failed)?;
                Ok(Sink::File { file, path: PathBuf::from(name) })
            }
        }
    }

    /// The same for the rows of one statement: nothing is opened before there are some, and a file that is there stays
    /// as it is until all are.
    ///
    /// # Errors
    /// `Io`: such a file cannot be made.
    pub fn once(name: &str) -> Result<Sink> {
        if !name.starts_with('|') {
            draft(name).map_err(|e| {
                Error::new(Kind::Io, format!("cannot write to `{name}`: {}", reason(&e))).with_source(e)
            })?;
        }
        Ok(Sink::Later(name.to_string()))
    }

    fn open(name: &str) -> io::Result<Sink> {
        match name.strip_prefix('|') {
            Some(typed) => command(typed, ""),
            None => draft(name),
        }
    }

    /// What is written to, where that is no standard output.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Sink::File { path, .. } => Some(path.clone()),
            Sink::Draft(Some(Target::File { path, .. } | Target::Device { path, .. })) => Some(path.clone()),
            Sink::Later(name) => Some(PathBuf::from(name)),
            Sink::Command { command, .. } => Some(PathBuf::from(format!("|{command}"))),
            Sink::Screen(_) | Sink::Draft(_) | Sink::Nowhere => None,
        }
    }

    /// The command that reads no longer.
    pub fn has_ended(&mut self) -> Option<String> {
        match self {
            Sink::Command { child, command } => child.try_wait().ok().flatten().map(|_| command.clone()),
            _ => None,
        }
    }

    /// All that was to be written is.
    ///
    /// # Errors
    /// `Io`.
    fn keep(&mut self) -> Result<()> {
        if let Sink::Later(name) = self {
            let name = name.clone();
            *self = Sink::open(&name).map_err(|e| {
                Error::new(Kind::Io, format!("cannot write to `{name}`: {}", reason(&e))).with_source(e)
            })?;
        }
        match self {
            Sink::Draft(target) => target.take().map_or(Ok(()), Target::close),
            _ => Ok(()),
        }
    }

    pub fn is_screen(&self) -> bool {
        matches!(self, Sink::Screen(_))
    }

    /// Whether something of it is on the screen, where nothing else may be written then.
    pub fn shows(&self) -> bool {
        match self {
            Sink::Screen(screen) => screen.shows,
            _ => false,
        }
    }

    /// Writes what is held back, and waits for whoever reads it.
    fn finish(&mut self) -> io::Result<()> {
        match self {
            Sink::Screen(screen) => screen.finish(),
            Sink::File { file, .. } => file.flush(),
            Sink::Command { child, command } => {
                let ended = ended(child)?;
                if !ended.success() {
                    output::note(&format!("`{command}` ended with {ended}"));
                }
                Ok(())
            }
            Sink::Later(_) | Sink::Draft(_) | Sink::Nowhere => Ok(()),
        }
    }
}

fn draft(name: &str) -> io::Result<Sink> {
    Target::at(Path::new(name)).map(|target| Sink::Draft(Some(target)))
}

fn command(typed: &str, before: &str) -> io::Result<Sink> {
    let command = typed.trim().to_string();
    let child = shell(&format!("{before}{command}")).stdin(Stdio::piped()).spawn()?;
    Ok(Sink::Command { child, command })
}

impl Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(child) = &mut self.child {
            return to(child, bytes);
        }
        let Some(lines) = self.lines else {
            self.shows = true;
            return output::standard().write_all(bytes);
        };
        self.held.extend_from_slice(bytes);
        if self.held.iter().filter(|byte| **byte == b'\n').count() < lines {
            return Ok(());
        }
        self.shows = true;
        match pager(&self.pager).stdin(Stdio::piped()).spawn() {
            Ok(child) => {
                let held = std::mem::take(&mut self.held);
                to(self.child.insert(child), &held)
            }
            Err(error) => {
                output::note(&format!("the pager `{}` cannot be run: {}", self.pager, reason(&error)));
                self.lines = None;
                output::standard().write_all(&std::mem::take(&mut self.held))
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.child.take() {
            Some(mut child) => ended(&mut child).map(drop),
            None => {
                self.shows |= !self.held.is_empty();
                let mut standard = output::standard();
                standard.write_all(&std::mem::take(&mut self.held))?;
                standard.flush()
            }
        }
    }
}

fn to(child: &mut Child, bytes: &[u8]) -> io::Result<()> {
    child.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(bytes)
}

fn ended(child: &mut Child) -> io::Result<ExitStatus> {
    drop(child.stdin.take());
    child.wait()
}

/// A command as the system's shell reads it.
pub fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    shell
}

/// Run without a shell where it needs none, so that one that is not there is known at once.
fn pager(command: &str) -> Command {
    if command.contains(['\'', '"', '$', '|', '&', ';', '<', '>', '(', ')', '`', '\\', '=']) {
        return shell(command);
    }
    let mut words = command.split_whitespace();
    let mut pager = Command::new(words.next().unwrap_or("less"));
    pager.args(words);
    pager
}

/// A sink that several hold.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Sink>>);

impl Shared {
    pub fn new(sink: Sink) -> Self {
        Shared(Arc::new(Mutex::new(sink)))
    }

    /// Whether both are the same.
    pub fn is(&self, other: &Shared) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut Sink) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a pager has the screen, and is perhaps waited for.
    pub fn is_paged(&self) -> bool {
        match self.0.try_lock() {
            Ok(sink) => matches!(&*sink, Sink::Screen(Screen { child: Some(_), .. })),
            Err(_) => true,
        }
    }

    /// Waits for whoever reads: a pager, perhaps for long.
    pub fn finish(&self) -> io::Result<()> {
        self.with(Sink::finish)
    }

    /// All that was to be written is: a file has its name.
    ///
    /// # Errors
    /// `Io`.
    pub fn keep(&self) -> Result<()> {
        self.with(Sink::keep)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|sink| {
            if let Sink::Later(name) = sink {
                *sink = Sink::open(name)?;
            }
            match sink {
                Sink::Screen(screen) => screen.write(bytes),
                Sink::File { file, .. } => file.write_all(bytes),
                Sink::Command { child, .. } => to(child, bytes),
                Sink::Draft(Some(target)) => target.raw().write_all(bytes),
                Sink::Later(_) | Sink::Draft(None) | Sink::Nowhere => Ok(()),
            }
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|sink| match sink {
            Sink::Screen(screen) if screen.child.is_none() && screen.lines.is_none() => output::standard().flush(),
            Sink::File { file, .. } => file.flush(),
            Sink::Draft(Some(target)) => target.raw().flush(),
            _ => Ok(()),
        })
    }
}
