//! Rows as a Markdown table, a line each: no cell has to be known before the next. Pure.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use crate::cli::cells::{self, Null};
use crate::error::Result;

/// The names, and the line below them; numbers stand to the right.
pub fn header(schema: &Schema) -> String {
    let names = schema.fields().iter().map(|field| cell(field.name()));
    let below = schema.fields().iter().map(|field| if field.data_type().is_numeric() { "---:" } else { "---" });
    line(names) + &line(below.map(String::from))
}

pub fn rows(batch: &RecordBatch) -> Result<String> {
    let columns = cells::columns(batch, Null::Word)?;
    let row = |row: usize| line(columns.iter().map(|column| cell(column[row].as_deref().unwrap_or_default())));
    Ok((0..batch.num_rows()).map(row).collect())
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// A cell stays in its column and on its line, and its text means nothing else to Markdown than itself.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '|' => cell.push_str("\\|"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' => cell.extend(['\\', letter]),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' | '\r' => cell.push_str("<br>"),
            letter if letter.is_control() => cell.extend(letter.escape_default()),
            letter => cell.push(letter),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_one_cell() {
        for (text, expected) in [
            ("a", "a"),
            ("a|b", "a\\|b"),
            ("a\r\nb\nc", "a<br>b<br>c"),
            ("a_b*", "a\\_b\\*"),
            ("a\\|", "a\\\\\\|"),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
