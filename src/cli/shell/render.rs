//! A result on its way to the screen: as a table, each row by itself, or in one of the formats of `-o`. Remembers what it
//! showed, so that it can be shown once more. Knows Arrow; not where rows come from.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use comfy_table::Table;

use crate::cli::args::Format;
use crate::cli::cells::{self, Null};
use crate::cli::output::Output;
use crate::cli::shell::records::Records;
use crate::cli::shell::sink::Shared;
use crate::cli::table::TableWriter;
use crate::cli::target;
use crate::error::{Error, Kind, Result, reason};

/// A column that is narrower, with its frame, shows little of anything.
const LEGIBLE: usize = 8;
/// Rows that are looked at before it is decided how they are shown.
const LOOKED_AT: usize = 1000;
/// Bytes of a result that are kept to be shown once more.
const KEPT: usize = 32 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expanded {
    Off,
    On,
    /// When rows are wider than the terminal.
    Auto,
}

/// How rows are shown.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub format: Format,
    /// What stands between the values of csv.
    pub delimiter: char,
    pub headers: bool,
    pub expanded: Expanded,
    pub quiet: bool,
}

/// The rows of a statement, as long as they are not too many.
#[derive(Debug, Clone)]
pub struct Kept {
    pub schema: SchemaRef,
    /// None: too many to be kept.
    pub batches: Option<Vec<RecordBatch>>,
    bytes: usize,
}

impl Kept {
    fn of(schema: SchemaRef) -> Self {
        Kept { schema, batches: Some(Vec::new()), bytes: 0 }
    }

    fn keep(&mut self, batch: &RecordBatch) {
        self.bytes += batch.get_array_memory_size();
        if self.bytes > KEPT {
            self.batches = None;
        }
        self.batches.iter_mut().for_each(|batches| batches.push(batch.clone()));
    }
}

pub struct Renderer {
    look: Look,
    /// Columns of the terminal; none where rows go elsewhere.
    width: Option<u16>,
    sink: Shared,
    drawing: Drawing,
    pub rows: usize,
    pub kept: Kept,
}

enum Drawing {
    /// Whether rows fit is not known yet.
    Undecided(Vec<RecordBatch>, usize),
    Table(TableWriter),
    Records(Records),
    Other(Box<Output>),
}

impl Renderer {
    /// # Errors
    /// As for `batch`.
    pub fn begin(schema: SchemaRef, look: Look, width: Option<u16>, sink: Shared) -> Result<Renderer> {
        let drawing = match (look.format, look.expanded) {
            (Format::Table, Expanded::On) => Drawing::Records(Records::new(&schema)),
            (Format::Table, Expanded::Auto) if width.is_some() => Drawing::Undecided(Vec::new(), 0),
            (Format::Table, _) => Drawing::Table(TableWriter::new(schema.clone(), look.headers, width)),
            (format, _) => {
                let mut output = Output::through(
                    (Box::new(sink.clone()), sink.with(|sink| sink.path())),
                    (format, look.delimiter),
                    look.headers,
                    look.quiet,
                );
                output.begin(schema.clone(), None)?;
                Drawing::Other(Box::new(output))
            }
        };
        Ok(Renderer { look, width, sink, drawing, rows: 0, kept: Kept::of(schema) })
    }

    /// # Errors
    /// `Io`, or `Closed` when the reader has left.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        self.kept.keep(batch);
        if let Drawing::Undecided(waiting, rows) = &mut self.drawing {
            waiting.push(batch.clone());
            *rows += batch.num_rows();
            return if *rows > LOOKED_AT { self.decide() } else { Ok(()) };
        }
        self.draw(batch)
    }

    /// # Errors
    /// As for `batch`.
    pub fn end(mut self) -> Result<Kept> {
        self.decide()?;
        match self.drawing {
            Drawing::Table(table) => {
                let (mut bytes, cut) = table.end();
                let columns = self.kept.schema.fields().len();
                let is_narrow = self.width.is_some_and(|width| usize::from(width) < columns * LEGIBLE);
                let cut = match cut {
                    Some(_) if is_narrow => {
                        ", values cut to fit the terminal: `\\last` shows them whole, `\\x auto` each row by itself"
                    }
                    Some(_) if self.width.is_some() => ", values cut to fit the terminal: `\\last` shows them whole",
                    Some(_) => ", some values too long for a table: `\\format json` shows them whole",
                    None => "",
                };
                bytes.extend(footer(self.rows, cut, self.look.quiet));
                written(&mut self.sink, &bytes)?;
            }
            Drawing::Records(_) => written(&mut self.sink, &footer(self.rows, "", self.look.quiet))?,
            Drawing::Other(mut output) => {
                output.end()?;
                output.close()?;
            }
            Drawing::Undecided(..) => {}
        }
        Ok(self.kept)
    }

    /// Closes what is drawn of a result that was broken off.
    pub fn break_off(self) -> Result<()> {
        match self.drawing {
            Drawing::Table(table) if self.sink.with(|sink| sink.shows()) => {
                let (bytes, _) = table.end();
                written(&mut self.sink.clone(), &bytes)
            }
            _ => Ok(()),
        }
    }

    /// Whether something of it is on the screen.
    pub fn shows(&self) -> bool {
        self.sink.with(|sink| sink.shows())
    }

    fn decide(&mut self) -> Result<()> {
        let Drawing::Undecided(waiting, _) = &mut self.drawing else { return Ok(()) };
        let waiting = std::mem::take(waiting);
        let schema = self.kept.schema.clone();
        let fits = self.width.is_none_or(|width| wanted(&schema, &waiting).is_ok_and(|wanted| wanted <= width.into()));
        self.drawing = match fits {
            true => Drawing::Table(TableWriter::new(schema, self.look.headers, self.width)),
            false => Drawing::Records(Records::new(&schema)),
        };
        waiting.iter().try_for_each(|batch| self.draw(batch))
    }

    fn draw(&mut self, batch: &RecordBatch) -> Result<()> {
        let bytes = match &mut self.drawing {
            Drawing::Table(table) => table.batch(batch)?,
            Drawing::Records(records) => records.batch(batch)?,
            Drawing::Other(output) => return output.batch(batch).and_then(|()| output.flush()),
            Drawing::Undecided(..) => return Ok(()),
        };
        written(&mut self.sink, &bytes)
    }
}

/// A result once more, with nothing cut.
///
/// # Errors
/// As for `Renderer::batch`; `Usage`: it was too large to be kept.
pub fn again(kept: &Kept, look: Look, sink: Shared) -> Result<()> {
    let batches = kept.batches.as_ref().ok_or_else(|| {
        Error::new(Kind::Usage, "the last result is too large to be kept").with_hint("`\\g FILE` writes it to a file")
    })?;
    let expanded = if look.expanded == Expanded::On { Expanded::On } else { Expanded::Off };
    let mut renderer = Renderer::begin(kept.schema.clone(), Look { expanded, ..look }, None, sink)?;
    batches.iter().try_for_each(|batch| renderer.batch(batch))?;
    renderer.end().map(drop)
}

fn footer(rows: usize, more: &str, quiet: bool) -> Vec<u8> {
    let noun = if rows == 1 { "row" } else { "rows" };
    if quiet { Vec::new() } else { format!("({rows} {noun}{more})\n").into_bytes() }
}

/// How wide a table would be with nothing cut.
fn wanted(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<usize> {
    let mut table = Table::new();
    table.set_header(schema.fields().iter().map(|field| cells::one_line(field.name())));
    for batch in batches {
        let columns = cells::columns(batch, Null::Word)?;
        for row in 0..batch.num_rows() {
            table.add_row(columns.iter().map(|column| cells::one_line(column[row].as_deref().unwrap_or_default())));
        }
    }
    let widths = table.column_max_content_widths();
    Ok(widths.iter().map(|width| usize::from(*width) + 3).sum::<usize>() + 1)
}

pub fn written(sink: &mut Shared, bytes: &[u8]) -> Result<()> {
    let path = sink.with(|sink| sink.path());
    target::at_leisure(path.as_deref(), || sink.write_all(bytes).and_then(|()| sink.flush()))
}

/// Waits for the pager, if there is one.
///
/// # Errors
/// `Io`.
pub fn finished(sink: &Shared) -> Result<()> {
    let done = tokio::task::block_in_place(|| sink.finish());
    done.or_else(|error| if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
        .map_err(|error| Error::new(Kind::Io, format!("the rows cannot be written: {}", reason(&error))))
}
