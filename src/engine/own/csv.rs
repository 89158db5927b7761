//! A CSV file before it is a table: whether its lines hold together, and of which types its columns are. A column is only
//! of numbers or times if each of its values reads back as it is written: `012345678901` is an account, and no number.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Bytes, Read};
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, StringArray};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Date32Type, Field, FieldRef, Schema, SchemaRef, TimeUnit, TimestampNanosecondType};

use super::fit::kind as worded;
use crate::error::{Error, Kind, Result, reason};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    delimiter: u8,
    quote: u8,
    escape: Option<u8>,
    comment: Option<u8>,
    has_header: bool,
}

impl Form {
    /// By the table's options; `None` if one of them is not known here.
    pub fn of(options: &HashMap<String, String>) -> Option<Form> {
        let mut form = Form { delimiter: b',', quote: b'"', escape: None, comment: None, has_header: true };
        for (name, value) in options {
            let letter = match value.as_bytes() {
                [letter] => Some(*letter),
                _ => None,
            };
            match name.trim_start_matches("format.").to_ascii_lowercase().as_str() {
                "delimiter" => form.delimiter = letter?,
                "quote" => form.quote = letter?,
                "escape" => form.escape = Some(letter?),
                "comment" => form.comment = Some(letter?),
                "has_header" => form.has_header = value.to_ascii_lowercase().parse().ok()?,
                "newlines_in_values" => {}
                _ => return None,
            }
        }
        Some(form)
    }
}

/// The columns of some files: those that were declared, or else what their values are.
///
/// # Errors
/// The first line that does not hold together, or whose value is not of its declared column, with file and line.
pub fn columns(files: &[PathBuf], form: Form, declared: Option<&SchemaRef>) -> Result<SchemaRef> {
    let mut found: Option<Found> = declared.map(|schema| Found {
        names: schema.fields().iter().map(|field| field.name().clone()).collect(),
        guesses: vec![Guess::default(); schema.fields().len()],
    });
    for path in files {
        let mut lines = Lines::of(path, form)?;
        let mut values = Vec::new();
        let mut is_header = form.has_header;
        while let Some(line) = lines.next(&mut values)? {
            let found = found.get_or_insert_with(|| Found::of(&values, form));
            if values.len() != found.names.len() {
                let count = |count| if count == 1 { "1 value".to_string() } else { format!("{count} values") };
                let message = format!("there are {} and {} columns", count(values.len()), found.names.len());
                return Err(lines.wrong(line, &message));
            }
            if std::mem::take(&mut is_header) {
                continue;
            }
            match declared {
                Some(schema) => {
                    for (value, field) in values.iter().zip(schema.fields()) {
                        check(value, field).map_err(|message| lines.wrong(line, &message))?;
                    }
                }
                None => found.guesses.iter_mut().zip(&values).for_each(|(guess, value)| guess.see(value)),
            }
        }
    }
    if let Some(schema) = declared {
        return Ok(schema.clone());
    }
    let Found { names, guesses } = found.unwrap_or_default();
    let fields = names.into_iter().zip(guesses).map(|(name, guess)| Field::new(name, guess.kind(), true));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

#[derive(Default)]
struct Found {
    names: Vec<String>,
    guesses: Vec<Guess>,
}

impl Found {
    /// By the first line.
    fn of(values: &[String], form: Form) -> Found {
        let names = match form.has_header {
            true => values.to_vec(),
            false => (1..=values.len()).map(|at| format!("column_{at}")).collect(),
        };
        Found { names, guesses: vec![Guess::default(); values.len()] }
    }
}

fn check(value: &str, field: &FieldRef) -> std::result::Result<(), String> {
    let kind = field.data_type();
    if value.is_empty() || matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        return Ok(());
    }
    let options = CastOptions { safe: true, ..CastOptions::default() };
    match cast_with_options(&StringArray::from(vec![value]), kind, &options) {
        Ok(read) if read.is_null(0) => Err(format!("`{}` takes {}, and `{value}` is none", field.name(), worded(kind))),
        // What cannot be said of one value is said when the file is read.
        _ => Ok(()),
    }
}

/// What the values so far may all be.
#[derive(Debug, Clone, Copy)]
struct Guess {
    is_empty: bool,
    whole: bool,
    number: bool,
    truth: bool,
    date: bool,
    /// How many decimals of a second the times have, as long as it is the same number.
    time: Option<usize>,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { is_empty: true, whole: true, number: true, truth: true, date: true, time: None }
    }
}

impl Guess {
    fn see(&mut self, value: &str) {
        if value.is_empty() {
            return;
        }
        let time = decimals(value);
        self.time = if self.is_empty { time } else { self.time.filter(|_| self.time == time) };
        self.is_empty = false;
        self.whole &= is_whole(value);
        self.number &= is_number(value);
        self.truth &= matches!(value, "true" | "false");
        self.date &= value.len() == 10 && Date32Type::parse(value).is_some();
    }

    fn kind(self) -> DataType {
        match self {
            Guess { is_empty: true, .. } => DataType::Utf8,
            Guess { whole: true, .. } => DataType::Int64,
            Guess { number: true, .. } => DataType::Float64,
            Guess { truth: true, .. } => DataType::Boolean,
            Guess { date: true, .. } => DataType::Date32,
            Guess { time: Some(decimals), .. } => DataType::Timestamp(
                match decimals {
                    0 => TimeUnit::Second,
                    3 => TimeUnit::Millisecond,
                    6 => TimeUnit::Microsecond,
                    _ => TimeUnit::Nanosecond,
                },
                None,
            ),
            _ => DataType::Utf8,
        }
    }
}

fn is_whole(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let plain = !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (!digits.starts_with('0') || value == "0")
}

/// A number with a fraction in its shortest form, or a whole one beside such.
fn is_number(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let begins = value.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let shortest = || value.parse::<f64>().is_ok_and(|number| format!("{number:?}") == value);
    begins && digits <= 15 && (is_whole(value) || shortest())
}

/// The decimals of a time as `2026-01-31T12:00:00.000`; one with a zone would lose it.
fn decimals(value: &str) -> Option<usize> {
    let decimals = match value.len() {
        19 => 0,
        length @ (23 | 26 | 29) => length - 20,
        _ => return None,
    };
    let is_time = value.as_bytes().get(10) == Some(&b'T') && value.ends_with(|last: char| last.is_ascii_digit());
    let unzoned = !value.get(19..)?.contains(['+', '-']);
    (is_time && unzoned && TimestampNanosecondType::parse(value).is_some()).then_some(decimals)
}

/// The lines of a file, each a list of values; a value in quotes may have line breaks.
struct Lines<'p> {
    path: &'p Path,
    form: Form,
    bytes: Peekable<Bytes<BufReader<File>>>,
    /// From 1.
    line: usize,
}

impl<'p> Lines<'p> {
    fn of(path: &'p Path, form: Form) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::new(Kind::Name, format!("`{}` cannot be read: {}", path.display(), reason(&error)))
        };
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        // The mark that some programs put before UTF-8.
        let mark = std::io::BufRead::fill_buf(&mut file).map_err(unreadable)?.starts_with(b"\xef\xbb\xbf");
        std::io::BufRead::consume(&mut file, if mark { 3 } else { 0 });
        Ok(Lines { path, form, bytes: file.bytes().peekable(), line: 1 })
    }

    fn wrong(&self, line: usize, message: &str) -> Error {
        Error::new(Kind::Statement, format!("line {line} of `{}`: {message}", self.path.display()))
            .with_context("nothing was sent")
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.bytes.next().transpose().map_err(|error| self.wrong(self.line, &reason(&error)))?;
        self.line += usize::from(byte == Some(b'\n'));
        Ok(byte)
    }

    fn peek(&mut self) -> Option<u8> {
        self.bytes.peek().and_then(|byte| byte.as_ref().ok()).copied()
    }

    /// The next line's values and its number; lines without anything, and comments, are passed over.
    fn next(&mut self, values: &mut Vec<String>) -> Result<Option<usize>> {
        values.clear();
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'\r' => {
                    self.byte()?;
                }
                comment if Some(comment) == self.form.comment => while !matches!(self.byte()?, None | Some(b'\n')) {},
                _ => break,
            }
        }
        if self.bytes.peek().is_none() {
            return Ok(None);
        }
        let line = self.line;
        loop {
            let (value, more) = self.value()?;
            let value = String::from_utf8(value).map_err(|_| self.wrong(line, "this is not UTF-8"))?;
            values.push(value);
            if !more {
                return Ok(Some(line));
            }
        }
    }

    /// A value, and whether another one follows in the line.
    fn value(&mut self) -> Result<(Vec<u8>, bool)> {
        let mut value = Vec::new();
        if self.peek() == Some(self.form.quote) {
            let line = self.line;
            self.byte()?;
            loop {
                match self.byte()? {
                    None => return Err(self.wrong(line, "a quote is not closed")),
                    Some(byte) if Some(byte) == self.form.escape => value.extend(self.byte()?),
                    Some(byte) if byte == self.form.quote && self.peek() != Some(byte) => break,
                    Some(byte) if byte == self.form.quote => value.extend(self.byte()?),
                    Some(byte) => value.push(byte),
                }
            }
            let delimiter = self.form.delimiter;
            if self.peek().is_some_and(|byte| byte != delimiter && !matches!(byte, b'\n' | b'\r')) {
                let quote = char::from(self.form.quote);
                let message =
                    format!("more text behind the closing {quote} (one within a value is written {quote}{quote})");
                return Err(self.wrong(self.line, &message));
            }
        }
        loop {
            match self.byte()? {
                None | Some(b'\n') => return Ok((value, false)),
                Some(b'\r') => {
                    if self.peek() == Some(b'\n') {
                        self.byte()?;
                    }
                    return Ok((value, false));
                }
                Some(byte) if byte == self.form.delimiter => return Ok((value, true)),
                Some(byte) => value.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DataType, Guess, TimeUnit};

    fn check(values: &[&str], expected: DataType) {
        let mut guess = Guess::default();
        values.iter().for_each(|value| guess.see(value));
        assert_eq!(guess.kind(), expected, "{values:?}");
    }

    #[test]
    fn what_would_not_read_back_is_text() {
        check(&["1", "-20", "0", ""], DataType::Int64);
        check(&["1.5", "2", "-0.25", "3.0"], DataType::Float64);
        check(&["true", "false"], DataType::Boolean);
        check(&["2026-01-31", "2025-12-01"], DataType::Date32);
        check(&["2026-01-31T12:00:00"], DataType::Timestamp(TimeUnit::Second, None));
        check(&["2026-01-31T12:00:00.250"], DataType::Timestamp(TimeUnit::Millisecond, None));
        for text in [
            "012345678901",
            "+1",
            "1e5",
            "1234567890123456789",
            "-0",
            "1.10",
            ".5",
            "5.",
            "TRUE",
            "2026-02-30",
            "2026-01-31T12:00:00Z",
            "2026-01-31 12:00:00",
            "inf",
            "NaN",
            "0x1F",
            " 1",
        ] {
            check(&[text], DataType::Utf8);
            check(&["1", text], DataType::Utf8);
        }
        check(&["", ""], DataType::Utf8);
        check(&["1", "2026-01-31"], DataType::Utf8);
        check(&["2026-01-31T12:00:00", "2026-01-31T12:00:00.250"], DataType::Utf8);
    }
}
