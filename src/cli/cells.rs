//! Arrow values as a person is shown them: cells, what is safe on a terminal, names that are there once. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};

use crate::cli::output::unwritable;
use crate::engine::{Cells, Forms};
use crate::error::Result;

/// What stands for NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Null {
    Absent,
    Word,
}

/// Each column's cells as text; `None` is NULL, unless it is to be a word.
pub fn columns(batch: &RecordBatch, null: Null) -> Result<Vec<Vec<Option<String>>>> {
    let forms = Forms::of(&batch.schema());
    let mut columns = forms.cells(batch).and_then(Cells::texts).map_err(unwritable)?;
    if null == Null::Word {
        let cells = columns.iter_mut().flatten().filter(|cell| cell.is_none());
        cells.for_each(|cell| *cell = Some("NULL".to_string()));
    }
    Ok(columns)
}

/// Text that is safe on a terminal and stays on one line: control characters are escaped.
pub fn one_line(text: &str) -> String {
    escaped(text, char::is_control)
}

/// Text that is safe on a terminal, on the lines that it has.
pub fn printable(text: &str) -> String {
    escaped(text, |c| c.is_control() && c != '\n')
}

fn escaped(text: &str, unsafe_here: impl Fn(char) -> bool) -> String {
    if !text.contains(&unsafe_here) {
        return text.to_string();
    }
    text.chars().map(|c| if unsafe_here(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The schema with each name once: a repeated `region` becomes `region_2`. With what was renamed to what.
pub fn unique_names(schema: &SchemaRef) -> (SchemaRef, Vec<(String, String)>) {
    let taken: HashSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut used = HashSet::new();
    let mut renamed = Vec::new();
    let fields = schema.fields().iter().map(|field| {
        let name = field.name();
        if used.insert(name.clone()) {
            return field.clone();
        }
        let mut number = 2;
        let mut candidate = format!("{name}_{number}");
        while taken.contains(&candidate) || !used.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        renamed.push((name.clone(), candidate.clone()));
        Arc::new(Field::clone(field).with_name(candidate))
    });
    let fields: Vec<FieldRef> = fields.collect();
    (Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())), renamed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::NullArray;
    use arrow::datatypes::DataType;

    #[test]
    fn a_column_of_nothing_but_null_is_null() {
        let schema = Schema::new(vec![Field::new("z", DataType::Null, true)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(NullArray::new(1))]).expect("a batch");
        assert_eq!(columns(&batch, Null::Absent).expect("cells"), [[None]]);
        assert_eq!(columns(&batch, Null::Word).expect("cells"), [[Some("NULL".to_string())]]);
    }

    #[test]
    fn a_repeated_name_gets_a_number() {
        let field = |name: &str| Field::new(name, DataType::Utf8, true);
        let schema = Arc::new(Schema::new(vec![field("r"), field("r"), field("r_2"), field("r")]));
        let (unique, renamed) = unique_names(&schema);
        let names: Vec<&str> = unique.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["r", "r_3", "r_2", "r_4"]);
        assert_eq!(renamed.len(), 2);
    }

    #[test]
    fn a_table_cell_stays_on_its_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(printable("a\nb\u{1b}[31m\r"), "a\nb\\u{1b}[31m\\r");
    }
}
