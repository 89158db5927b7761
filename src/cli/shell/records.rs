//! Each row by itself, a line a column, nothing cut. Pure.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use comfy_table::Table;

use crate::cli::cells::{self, Null};
use crate::error::Result;

pub struct Records {
    /// As wide as the widest.
    names: Vec<String>,
    width: usize,
    drawn: usize,
}

impl Records {
    pub fn new(schema: &SchemaRef) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| cells::one_line(field.name())).collect();
        let widths: Vec<usize> = names.iter().map(|name| width(name)).collect();
        let widest = widths.iter().copied().max().unwrap_or_default();
        let padded = names.into_iter().zip(widths).map(|(name, width)| name + &" ".repeat(widest - width));
        Records { names: padded.collect(), width: widest, drawn: 0 }
    }

    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let columns = cells::columns(batch, Null::Word)?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            self.drawn += 1;
            let title = format!("─[ row {} ]", self.drawn);
            text += &format!("{title}{}\n", "─".repeat((self.width + 8).saturating_sub(title.chars().count()).max(4)));
            for (name, column) in self.names.iter().zip(&columns) {
                let value = cells::printable(column[row].as_deref().unwrap_or_default());
                let mut lines = value.split('\n');
                text += &format!("{name} │ {}\n", lines.next().unwrap_or_default());
                lines.for_each(|line| text += &format!("{} │ {line}\n", " ".repeat(self.width)));
            }
        }
        Ok(text.into_bytes())
    }
}

/// Columns of the terminal that a text takes.
fn width(text: &str) -> usize {
    let mut table = Table::new();
    table.add_row([text]);
    table.column_max_content_widths().first().copied().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use std::sync::Arc;

    #[test]
    fn a_row_is_a_line_a_column() {
        let text = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([
            ("name", text(vec![Some("orders"), Some("字")])),
            ("地区", text(vec![None, Some("a plan\nof two lines")])),
            ("x", text(vec![Some(""), Some("y")])),
        ]);
        let batch = batch.expect("a batch");
        let drawn = Records::new(&batch.schema()).batch(&batch).expect("drawn");
        insta::assert_snapshot!(String::from_utf8(drawn).expect("UTF-8"), @r"
        ─[ row 1 ]────
        name │ orders
        地区 │ NULL
        x    │ 
        ─[ row 2 ]────
        name │ 字
        地区 │ a plan
             │ of two lines
        x    │ y
        ");
    }
}
