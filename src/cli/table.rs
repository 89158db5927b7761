//! A result as a table that fits the terminal. Rows are drawn a block at a time, so that memory does not grow with
//! the result: on a terminal the first block decides how wide the columns are, elsewhere a later one may be wider.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width};

use crate::cli::cells::{self, Null};
use crate::error::Result;

/// Rows that are measured together.
const BLOCK: usize = 1000;
/// The widest column that can be drawn, with a blank on each side.
const WIDEST: u16 = u16::MAX - 2;

pub struct TableWriter {
    schema: SchemaRef,
    headers: bool,
    /// Columns of the terminal; `None`: as wide as the values are.
    width: Option<u16>,
    waiting: Vec<Vec<Option<String>>>,
    /// How wide each column is, without its blanks, once a block was drawn.
    drawn: Option<Vec<u16>>,
    cut: bool,
}

impl TableWriter {
    pub fn new(schema: SchemaRef, headers: bool, width: Option<u16>) -> Self {
        TableWriter { schema, headers, width, waiting: Vec::new(), drawn: None, cut: false }
    }

    /// Takes a batch, and gives what can be drawn of what there is.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let columns = cells::columns(batch, Null::Word)?;
        let mut bytes = Vec::new();
        for row in 0..batch.num_rows() {
            self.waiting.push(columns.iter().map(|column| column[row].clone()).collect());
            if self.waiting.len() > BLOCK {
                let next = self.waiting.split_off(BLOCK);
                bytes.extend(self.draw());
                self.waiting = next;
            }
        }
        Ok(bytes)
    }

    /// The rest and the closing line, and what is to be said if any value was cut.
    pub fn end(mut self) -> (Vec<u8>, Option<&'static str>) {
        if self.schema.fields().is_empty() {
            return (Vec::new(), None);
        }
        let mut bytes = self.draw();
        bytes.extend(self.last_line());
        let notice = match self.width {
            Some(_) => "some values were cut to fit the terminal; a wider one, or `-o json`, shows them whole",
            None => "some values are too long for a table and were cut; `-o json` shows them whole",
        };
        (bytes, self.cut.then_some(notice))
    }

    fn last_line(&self) -> Vec<u8> {
        let table = self.table(&[]);
        line(table.lines().last().unwrap_or_default())
    }

    /// Draws what waits, without the closing line; the heading comes with the first block.
    fn draw(&mut self) -> Vec<u8> {
        let first = self.drawn.is_none();
        let fitted = self.fitted(&self.table(&self.waiting).column_max_content_widths());
        let drawn: Vec<u16> = match self.drawn.take() {
            None => fitted,
            Some(drawn) if self.width.is_some() => drawn,
            Some(drawn) => drawn.into_iter().zip(fitted).map(|(before, now)| before.max(now)).collect(),
        };
        self.cut |= self.widths_on_one_line().iter().zip(&drawn).any(|(wanted, given)| wanted > given);
        self.drawn = Some(drawn);
        let table = self.table(&self.waiting);
        let lines: Vec<String> = table.lines().collect();
        self.waiting.clear();
        // The frame's top, and the header with its rule, stand once.
        let skip = if first {
            0
        } else if self.headers {
            3
        } else {
            1
        };
        lines.iter().take(lines.len().saturating_sub(1)).skip(skip).flat_map(line).collect()
    }

    /// How wide each column may be, so that all of them fit: narrow ones as they are, the rest evenly.
    fn fitted(&self, wanted: &[u16]) -> Vec<u16> {
        let Some(width) = self.width else { return wanted.iter().map(|wanted| (*wanted).min(WIDEST)).collect() };
        let count = wanted.len() as u16;
        // A cell has a blank on each side and a line after it.
        let mut room = width.saturating_sub(3 * count + 1).max(count);
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by_key(|index| wanted[*index]);
        let mut given = vec![0; wanted.len()];
        for (done, index) in order.into_iter().enumerate() {
            given[index] = wanted[index].min((room / (count - done as u16)).max(1));
            room = room.saturating_sub(given[index]);
        }
        given
    }

    /// How wide the values of the rows are that get one line each, and so may be cut.
    fn widths_on_one_line(&self) -> Vec<u16> {
        let mut table = Table::new();
        for row in self.waiting.iter().filter(|row| !has_lines(row)) {
            table.add_row(row.iter().map(|text| shown(text.as_deref())));
        }
        table.column_max_content_widths()
    }

    fn table(&self, rows: &[Vec<Option<String>>]) -> Table {
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_truncation_indicator("…");
        table.set_width(u16::MAX).force_no_tty();
        if self.headers {
            let mut header = Row::from(self.schema.fields().iter().map(|field| cells::one_line(field.name())));
            header.max_height(1);
            table.set_header(header);
        }
        for row in rows {
            let cells = row.iter().zip(self.schema.fields()).map(|(text, field)| {
                let cell = Cell::new(shown(text.as_deref()));
                if field.data_type().is_numeric() { cell.set_alignment(CellAlignment::Right) } else { cell }
            });
            let mut drawn = Row::from(cells);
            // A long value is cut, while a plan keeps its lines, and all of each.
            if !has_lines(row) {
                drawn.max_height(1);
            }
            table.add_row(drawn);
        }
        if rows.is_empty() && !self.headers {
            table.add_row(self.schema.fields().iter().map(|_| ""));
        }
        if let Some(widths) = &self.drawn {
            let constraint = |width: &u16| ColumnConstraint::Absolute(Width::Fixed(width.saturating_add(2)));
            table.set_constraints(widths.iter().map(constraint));
        }
        table
    }
}

fn shown(text: Option<&str>) -> String {
    cells::printable(text.unwrap_or_default().trim_end_matches('\n'))
}

fn has_lines(row: &[Option<String>]) -> bool {
    row.iter().flatten().any(|text| text.contains('\n'))
}

fn line(text: impl AsRef<str>) -> Vec<u8> {
    // What a table draws to the right of its last column is nothing.
    let mut bytes = text.as_ref().trim_end().as_bytes().to_vec();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use std::sync::Arc;

    fn drawn(rows: usize, width: Option<u16>, headers: bool) -> (String, bool) {
        let names: ArrayRef = Arc::new(StringArray::from_iter((0..rows).map(|row| Some(format!("naïve name {row}")))));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter((0..rows).map(|row| (row != 1).then_some(row as i64))));
        let batch = RecordBatch::try_from_iter_with_nullable([("name", names, true), ("count", numbers, true)])
            .expect("a batch");
        written(&batch, width, headers)
    }

    fn one_column(name: &str, values: Vec<String>, width: Option<u16>) -> (String, bool) {
        let values: ArrayRef = Arc::new(StringArray::from(values));
        written(&RecordBatch::try_from_iter([(name, values)]).expect("a batch"), width, true)
    }

    fn written(batch: &RecordBatch, width: Option<u16>, headers: bool) -> (String, bool) {
        let mut writer = TableWriter::new(batch.schema(), headers, width);
        let mut bytes = writer.batch(batch).expect("drawn");
        let (rest, notice) = writer.end();
        bytes.extend(rest);
        (String::from_utf8(bytes).expect("UTF-8"), notice.is_some())
    }

    #[test]
    fn a_table_has_a_frame_and_says_null() {
        let (text, cut) = drawn(2, None, true);
        insta::assert_snapshot!(text, @r"
        ┌──────────────┬───────┐
        │ name         ┆ count │
        ╞══════════════╪═══════╡
        │ naïve name 0 ┆     0 │
        │ naïve name 1 ┆  NULL │
        └──────────────┴───────┘
        ");
        assert!(!cut);
    }

    #[test]
    fn a_narrow_terminal_cuts_and_says_so() {
        let (text, cut) = drawn(1, Some(20), true);
        insta::assert_snapshot!(text, @r"
        ┌──────────┬───────┐
        │ name     ┆ count │
        ╞══════════╪═══════╡
        │ naïve…   ┆     0 │
        └──────────┴───────┘
        ");
        assert!(cut);
    }

    #[test]
    fn many_rows_are_one_table() {
        for headers in [true, false] {
            let (text, _) = drawn(2 * BLOCK + 7, None, headers);
            assert_eq!(text.lines().count(), 2 * BLOCK + 7 + if headers { 4 } else { 2 });
            assert_eq!(text.lines().filter(|line| line.starts_with('┌')).count(), 1);
            assert_eq!(text.lines().filter(|line| line.starts_with('└')).count(), 1);
        }
    }

    #[test]
    fn no_rows_leave_the_heading() {
        assert_eq!(drawn(0, None, true).0.lines().count(), 4);
    }

    #[test]
    fn only_what_is_really_cut_is_told() {
        let short = || "short".to_string();
        let mut late = vec![short(); BLOCK];
        late.push("x".repeat(300));
        for (name, values, width, cut) in [
            ("a", vec![short()], None, false),
            ("a", vec!["x".repeat(70_000)], None, true),
            ("a", vec!["x".repeat(60_000)], None, false),
            ("a", vec!["x".repeat(70_000)], Some(80), true),
            ("a", late.clone(), None, false),
            ("a", late, Some(80), true),
            // A heading is no value, and lines are folded.
            ("a_rather_long_name", vec![short()], Some(12), false),
            ("a", vec!["a plan of\nlines that are long".to_string(), short()], Some(12), false),
        ] {
            let longest = values.iter().max_by_key(|value| value.len()).cloned().unwrap_or_default();
            let (text, told) = one_column(name, values, width);
            assert_eq!(told, cut, "{name} of {} in {width:?}", longest.len());
            assert!(cut || longest.contains('\n') || text.contains(&longest), "{name} of {}", longest.len());
        }
    }
}
