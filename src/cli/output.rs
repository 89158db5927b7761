//! Where everything is printed: rows to standard output or a file, all else to standard error.
//! Each result streams: rows can be seen when no others come with them. Knows Arrow and the terminal, not where rows come from.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::cli::args::{self, Format};
use crate::cli::binary::Binary;
use crate::cli::cells;
use crate::cli::markdown;
use crate::cli::table::TableWriter;
use crate::cli::target::{Target, write_error};
use crate::engine::{Forms, csv_field};
use crate::error::{Error, Kind, Result, reason};
use crate::settings::Person;
use crate::sql::{Body, Statement};

/// A result's rows on their way out.
pub struct Output {
    target: Target,
    format: Format,
    headers: bool,
    delimiter: char,
    quiet: bool,
    results: usize,
    current: Option<Writer>,
    /// Whether it has rows that are worth having when what follows them fails.
    keeps: bool,
}

enum Writer {
    Table(TableWriter),
    /// Rows so far, and the names under which columns are written.
    Json {
        rows: usize,
        schema: SchemaRef,
        forms: Forms,
    },
    JsonLines {
        schema: SchemaRef,
        forms: Forms,
    },
    Csv(Forms),
    Text(Forms),
    Markdown,
    Binary(Box<Binary>),
}

impl Output {
    /// Opens the target at once, so that a file that cannot be written is known before any call is made.
    ///
    /// # Errors
    /// `Io`: the file cannot be created.
    pub fn open(wanted: &args::Output, quiet: bool) -> Result<Output> {
        let target = match wanted.outfile.as_deref() {
            None => Target::standard(io::stdout()),
            Some(path) => Target::at(path).map_err(|source| {
                Error::new(Kind::Io, format!("cannot write `{}`: {}", path.display(), reason(&source)))
                    .with_context("nothing was sent")
            })?,
        };
        let (format, headers, delimiter) = (wanted.output, !wanted.hideheaders, wanted.delimiter);
        if matches!(format, Format::Arrow | Format::Parquet)
            && matches!(target, Target::Standard(_))
            && io::stdout().is_terminal()
        {
            return Err(Error::new(Kind::Usage, "this format is nothing for a terminal")
                .with_context("nothing was sent")
                .with_hint("`-f FILE` writes it to a file"));
        }
        Ok(Output { target, format, headers, delimiter, quiet, results: 0, current: None, keeps: false })
    }

    /// What writes one result to a sink, which may have a name; `delimiter` is csv's.
    pub fn through(
        (sink, path): (Box<dyn Write + Send>, Option<PathBuf>),
        (format, delimiter): (Format, char),
        headers: bool,
        quiet: bool,
    ) -> Output {
        Output {
            target: Target::Sink { sink, path },
            format,
            headers,
            delimiter,
            quiet,
            results: 0,
            current: None,
            keeps: false,
        }
    }

    /// Begins a result; `title` is what a table says of itself, on standard error.
    ///
    /// # Errors
    /// `Io`, or `Closed` when the reader of standard output has left; so it is for `batch` and `end`.
    pub fn begin(&mut self, schema: SchemaRef, title: Option<&str>) -> Result<()> {
        if matches!(self.format, Format::Table | Format::Markdown) && self.results > 0 {
            self.write(b"\n")?;
            self.flush()?;
        }
        if let Some(title) = title.filter(|_| matches!(self.format, Format::Table | Format::Markdown)) {
            note(title);
        }
        self.results += 1;
        if self.format == Format::Json && self.results == 2 {
            self.notice(
                "several results are several JSON arrays, one behind the other; `-o jsonl` has an object a line",
            );
        }
        let writer = match self.format {
            Format::Table => Writer::Table(TableWriter::new(schema, self.headers, self.terminal_width())),
            Format::Json => Writer::Json { rows: 0, forms: Forms::of(&schema), schema: self.unique(schema) },
            Format::Jsonl => Writer::JsonLines { forms: Forms::of(&schema), schema: self.unique(schema) },
            Format::Csv => {
                if self.headers {
                    let names = schema.fields().iter().map(|field| csv_field(field.name(), self.delimiter));
                    let line = names.collect::<Vec<_>>().join(&self.delimiter.to_string()) + "\n";
                    self.write(line.as_bytes())?;
                }
                Writer::Csv(Forms::of(&schema))
            }
            Format::Text => Writer::Text(Forms::of(&schema)),
            Format::Markdown => {
                self.write(markdown::header(&schema).as_bytes())?;
                Writer::Markdown
            }
            Format::Arrow | Format::Parquet if self.results > 1 => return Err(one_result()),
            Format::Arrow => Writer::Binary(Box::new(Binary::arrow(self.unique(schema))?)),
            Format::Parquet => Writer::Binary(Box::new(Binary::parquet(self.unique(schema))?)),
        };
        self.current = Some(writer);
        Ok(())
    }

    /// Writes rows, which may wait until there are more of them, or for `flush`.
    ///
    /// # Errors
    /// As for `begin`.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let bytes = match self.current.as_mut() {
            None => Vec::new(),
            Some(Writer::Table(table)) => table.batch(batch)?,
            Some(Writer::Json { rows, schema, forms }) => {
                let mut bytes = Vec::new();
                if batch.num_rows() > 0 {
                    bytes.extend_from_slice(if *rows == 0 { b"[" } else { b",\n" });
                }
                forms.objects(batch, schema, b",\n", &mut bytes).map_err(unwritable)?;
                *rows += batch.num_rows();
                bytes
            }
            Some(Writer::JsonLines { schema, forms }) => {
                let mut bytes = Vec::new();
                forms.objects(batch, schema, b"\n", &mut bytes).map_err(unwritable)?;
                if batch.num_rows() > 0 {
                    bytes.push(b'\n');
                }
                bytes
            }
            Some(Writer::Csv(forms)) => {
                let mut bytes = Vec::new();
                let mut cells = forms.cells(batch).map_err(unwritable)?;
                cells.csv(self.delimiter, &mut bytes).map_err(unwritable)?;
                bytes
            }
            Some(Writer::Text(forms)) => {
                let mut bytes = Vec::new();
                forms.cells(batch).and_then(|mut cells| cells.lines(&mut bytes)).map_err(unwritable)?;
                bytes
            }
            Some(Writer::Markdown) => markdown::rows(batch)?.into_bytes(),
            Some(Writer::Binary(binary)) => binary.batch(batch)?,
        };
        self.write(&bytes)
    }

    /// Ends a result.
    pub fn end(&mut self) -> Result<()> {
        let bytes = match self.current.take() {
            Some(Writer::Table(table)) => {
                let (bytes, notice) = table.end();
                notice.into_iter().for_each(|notice| self.notice(notice));
                bytes
            }
            Some(Writer::Json { rows: 0, .. }) => b"[]\n".to_vec(),
            Some(Writer::Json { .. }) => b"]\n".to_vec(),
            Some(Writer::Binary(binary)) => binary.end()?,
            _ => Vec::new(),
        };
        self.write(&bytes)?;
        self.flush()
    }

    /// Ends a result that broke off: what was not begun to be written stays unwritten, since it is not empty.
    ///
    /// # Errors
    /// As for `end`.
    pub fn break_off(&mut self) -> Result<()> {
        match self.current {
            Some(Writer::Json { rows: 0, .. }) => {
                self.current = None;
                Ok(())
            }
            _ => self.end(),
        }
    }

    /// What was written so far says what was made, which nobody can ask for again: it stays, whatever comes.
    pub fn keep(&mut self) {
        self.keeps = true;
    }

    /// What comes of it when a statement failed: a file that has rows to keep gets its name, any other is as it was.
    pub fn given_up(self, error: Error) -> Error {
        let path = match &self.target {
            Target::File { path, .. } if self.keeps => path.display().to_string(),
            _ => return error,
        };
        match self.close() {
            Ok(()) => error.with_context(format!("`{path}` has the rows of what was done")),
            Err(other) => error.with_context(other.message),
        }
    }

    /// All is done: the file, if there is one, gets its name.
    ///
    /// # Errors
    /// `Io`: the file cannot be finished or renamed.
    pub fn close(self) -> Result<()> {
        self.target.close()
    }

    /// The names that JSON objects use: a repeated one gets a number, with a notice.
    fn unique(&self, schema: SchemaRef) -> SchemaRef {
        let (schema, renamed) = cells::unique_names(&schema);
        for (from, to) in renamed {
            self.notice(&format!("a second column `{from}` is written as `{to}`"));
        }
        schema
    }

    fn notice(&self, text: &str) {
        if !self.quiet {
            note(text);
        }
    }

    fn terminal_width(&self) -> Option<u16> {
        match self.target {
            Target::Standard(_) if io::stdout().is_terminal() => comfy_table::Table::new().width(),
            _ => None,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.target.write(bytes)
    }

    /// What was written so far is where it goes to.
    ///
    /// # Errors
    /// As for `begin`.
    pub fn flush(&mut self) -> Result<()> {
        self.target.flush()
    }
}

/// Arrow's complaint about values that cannot be written.
pub fn unwritable(error: ArrowError) -> Error {
    Error::new(Kind::Internal, "a value cannot be written in this format")
        .with_context(error.to_string())
        .with_source(error)
}

/// A line of text to standard output that is no row (`iql sandbox` saying where it listens).
pub fn say(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").map_err(|e| write_error(e, None))
}

/// A whole text to standard output that is no rows: a man page, completions.
pub fn bytes(text: &[u8]) -> Result<()> {
    io::stdout().write_all(text).map_err(|e| write_error(e, None))
}

/// Standard output itself, for the shell, which may put a pager before it.
pub fn standard() -> io::Stdout {
    io::stdout()
}

/// Whether somebody types what is read.
pub fn can_read() -> bool {
    io::stdin().is_terminal()
}

/// Whether rows go to a terminal.
pub fn is_at_terminal() -> bool {
    io::stdout().is_terminal()
}

/// A prompt, to standard error, where nothing reads rows.
pub fn prompt(text: &str) {
    let _nobody_to_tell = write!(io::stderr(), "{text}").and_then(|()| io::stderr().flush());
}

/// A line to standard error. There is nobody to tell when it cannot be written.
pub fn note(line: &str) {
    let _nobody_to_tell = writeln!(io::stderr(), "{line}");
}

/// Whether rows are seen by somebody at a terminal, if they go to standard output.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// A script as a row of its own, which `-o text` shows as it is.
///
/// # Errors
/// Those of any output.
pub fn script(text: &str, wanted: &args::Output) -> Result<()> {
    let mut target = Output::open(wanted, false)?;
    let text: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let batch = RecordBatch::try_from_iter([("query", text)]).map_err(unwritable)?;
    target.begin(batch.schema(), None)?;
    target.batch(&batch)?;
    target.end()?;
    target.close()
}

/// That the format has room for what the script's statements give.
///
/// # Errors
/// `Usage`: there are several results, and it holds one.
pub fn check_results(wanted: &args::Output, statements: &[Statement]) -> Result<()> {
    let gives = |statement: &&Statement| match &statement.body {
        Body::Set { .. } | Body::Reset { .. } | Body::Other { .. } => false,
        Body::Insert(insert) => insert.returning.is_some(),
        Body::Update(update) => update.returning.is_some(),
        Body::Delete(delete) => delete.returning.is_some(),
        _ => true,
    };
    let holds_one = matches!(wanted.output, Format::Arrow | Format::Parquet);
    if holds_one && statements.iter().filter(gives).count() > 1 { Err(one_result()) } else { Ok(()) }
}

fn one_result() -> Error {
    Error::new(Kind::Usage, "this format holds one result, and the script has several")
        .with_context("nothing was sent")
        .with_hint("run each statement with a file of its own")
}

/// Whether what is said besides rows is read at a terminal, where a line may be drawn again.
pub fn draws_at_terminal(person: &Person) -> bool {
    io::stderr().is_terminal() && !person.has_dumb_terminal
}

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on standard error, and waits for the answer. Only `yes` is one.
pub fn agrees(question: &str) -> bool {
    let mut answer = String::new();
    let read = tokio::task::block_in_place(|| {
        write!(io::stderr(), "{}\n`yes` or `y` to go on: ", cells::printable(question))?;
        io::stdin().read_line(&mut answer)
    });
    if !answer.ends_with('\n') {
        note("");
    }
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "yes" | "y")
}

/// An error, whole, to standard error.
pub fn error(error: &Error) {
    note(&format!("error: {error}"));
}

/// What was asked for, or all mistakes but the last told of, and the last left to tell.
///
/// # Errors
/// The last mistake.
pub fn told<T>(result: std::result::Result<T, Vec<Error>>) -> Result<T> {
    result.map_err(|mut mistakes| {
        let last = mistakes.pop().unwrap_or_else(|| Error::new(Kind::Internal, "a mistake that nobody made"));
        mistakes.iter().for_each(error);
        last
    })
}

/// Lets `--verbose` show what the engine and the drivers trace about calls.
pub fn show_calls() {
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    use tracing_subscriber::{Layer, fmt, registry};
    let lines =
        fmt::layer().with_writer(io::stderr).without_time().with_target(false).with_level(false).with_ansi(false);
    let ours = filter_fn(|metadata| metadata.target().starts_with("iql"));
    if registry().with(lines.with_filter(ours)).try_init().is_err() {
        note("calls are traced elsewhere already");
    }
}
