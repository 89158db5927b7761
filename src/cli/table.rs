//! A result as a table that fits the terminal. Rows are drawn a block at a time, so that memory does not grow with
//! the result: the first block decides how wide the columns are.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width};

use crate::cli::cells::{self, Null};
use crate::error::Result;

/// Rows that are measured together.
const BLOCK: usize = 1000;

pub struct TableWriter {
    schema: SchemaRef,
    headers: bool,
    /// Columns of the terminal; `None`: as wide as the values are.
    width: Option<u16>,
    waiting: Vec<Vec<Option<String>>>,
    /// How wide each column is, once a block was drawn.
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

    /// The rest and the closing line, and whether any value was cut.
    pub fn end(mut self) -> Result<(Vec<u8>, bool)> {
        if self.schema.fields().is_empty() {
            return Ok((Vec::new(), false));
        }
        let mut bytes = self.draw();
        bytes.extend(self.last_line());
        Ok((bytes, self.cut))
    }

    fn last_line(&self) -> Vec<u8> {
        let table = self.table(&[]);
        line(table.lines().last().unwrap_or_default())
    }

    /// Draws what waits, without the closing line; the heading comes with the first block.
    fn draw(&mut self) -> Vec<u8> {
        let first = self.drawn.is_none();
        let table = self.table(&self.waiting);
        let widths = table.column_max_content_widths();
        if first {
            self.drawn = Some(self.fitted(&widths));
        }
        let drawn = self.drawn.clone().unwrap_or_default();
        self.cut |= widths.iter().zip(&drawn).any(|(wanted, given)| wanted > given)
            && self.waiting.iter().any(|row| !row.iter().flatten().any(|text| text.contains('\n')));
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
        let Some(width) = self.width else { return wanted.to_vec() };
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
                let cell = Cell::new(cells::printable(text.as_deref().unwrap_or_default().trim_end_matches('\n')));
                if field.data_type().is_numeric() { cell.set_alignment(CellAlignment::Right) } else { cell }
            });
            let has_lines = row.iter().flatten().any(|text| text.contains('\n'));
            let mut row = Row::from(cells);
            // A long value is cut, while a plan keeps its lines, and all of each.
            if !has_lines {
                row.max_height(1);
            }
            table.add_row(row);
        }
        if rows.is_empty() && !self.headers {
            table.add_row(self.schema.fields().iter().map(|_| ""));
        }
        if let Some(widths) = &self.drawn {
            let constraint = |width: &u16| ColumnConstraint::Absolute(Width::Fixed(width + 2));
            table.set_constraints(widths.iter().map(constraint));
        }
        table
    }
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
        let mut writer = TableWriter::new(batch.schema(), headers, width);
        let mut bytes = writer.batch(&batch).expect("drawn");
        let (rest, cut) = writer.end().expect("ended");
        bytes.extend(rest);
        (String::from_utf8(bytes).expect("UTF-8"), cut)
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
}
