//! What a function of ours was called with, row by row, as JSON or as text; and the marks by which one function tells
//! the next what kind of text it gives.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::json::Json;
use super::order::is_number;
use super::path::Path;
use super::same::Operand;
use crate::engine::run::raise;
use crate::error::{Error, Kind};

/// What a text column holds, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    Plain,
    /// A value out of JSON, as SQL has it: a string without quotes, a number's digits, JSON of a list.
    Value,
    /// JSON.
    Document,
    /// JSON of a value, whose type is kept by it until the value is wanted. No column has it.
    Typed,
}

const KEY: &str = "iql.json";
const EXTENSION: &str = "ARROW:extension:name";

impl Mark {
    pub fn of(field: &Field) -> Mark {
        let is = |key: &str, value: &str| field.metadata().get(key).is_some_and(|known| known == value);
        match () {
            () if is(EXTENSION, "arrow.json") || is(KEY, "document") => Mark::Document,
            () if is(KEY, "value") => Mark::Value,
            () if is(KEY, "typed") => Mark::Typed,
            () => Mark::Plain,
        }
    }

    pub fn metadata(self) -> HashMap<String, String> {
        let value = match self {
            Mark::Plain => return HashMap::new(),
            Mark::Value => "value",
            Mark::Document => "document",
            Mark::Typed => "typed",
        };
        [(KEY.to_string(), value.to_string())].into()
    }

    /// A column of text with this mark.
    pub fn field(self, name: &str) -> Field {
        Field::new(name, DataType::Utf8, true).with_metadata(self.metadata())
    }
}

/// What CAST makes a text of, as it is shown.
pub fn is_shown(kind: &DataType) -> bool {
    kind.is_numeric() || kind.is_temporal() || *kind == DataType::Boolean
}

pub fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_text(value),
        kind => matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

pub struct Arguments<'a> {
    columns: Vec<(ArrayRef, &'a FieldRef, bool)>,
    /// The path that was read last: mostly it is the same in every row.
    path: Option<(String, Path)>,
    pub rows: usize,
    /// Is every argument a constant?
    pub constant: bool,
}

impl<'a> Arguments<'a> {
    pub fn of(args: &'a ScalarFunctionArgs) -> PlanResult<Self> {
        let column = |(value, field): (&ColumnarValue, &'a FieldRef)| {
            let constant = matches!(value, ColumnarValue::Scalar(_));
            Ok((value.to_array(1.max(if constant { 1 } else { args.number_rows }))?, field, constant))
        };
        let columns: Vec<_> = args.args.iter().zip(&args.arg_fields).map(column).collect::<PlanResult<_>>()?;
        let constant = columns.iter().all(|(_, _, constant)| *constant);
        Ok(Arguments { columns, path: None, rows: if constant { 1 } else { args.number_rows }, constant })
    }

    pub fn count(&self) -> usize {
        self.columns.len()
    }

    fn cell(&self, argument: usize, row: usize) -> PlanResult<Json> {
        let (array, _, constant) = &self.columns[argument];
        Ok(Json::of_cell(array, if *constant { 0 } else { row })?)
    }

    /// The argument as a JSON document: text is read, anything else is what it is.
    pub fn document(&self, argument: usize, row: usize) -> PlanResult<Option<Json>> {
        Ok(match self.cell(argument, row)? {
            Json::Null => None,
            Json::String(text) if is_text(self.columns[argument].1.data_type()) => Some(read(&text)?),
            json => Some(json),
        })
    }

    /// The argument as text, `None` for NULL; nested values as JSON.
    pub fn text(&self, argument: usize, row: usize) -> PlanResult<Option<String>> {
        Ok(match self.cell(argument, row)? {
            Json::Bool(truth) => Some(truth.to_string()),
            json => json.into_sql(),
        })
    }

    /// The argument as it stands within JSON: text is a string, unless a mark says more of it.
    pub fn value(&self, argument: usize, row: usize) -> PlanResult<Json> {
        let (_, field, _) = &self.columns[argument];
        match self.cell(argument, row)? {
            Json::String(text) if is_text(field.data_type()) => match Mark::of(field) {
                Mark::Plain => Ok(Json::String(text)),
                Mark::Document | Mark::Typed => read(&text),
                Mark::Value if text.starts_with(['{', '[']) => Ok(Json::read(&text).unwrap_or(Json::String(text))),
                Mark::Value => Ok(Json::String(text)),
            },
            json => Ok(json),
        }
    }

    /// The same; of a value out of JSON of which only the text is left, what is written as a number is one.
    pub fn guessed(&self, argument: usize, row: usize) -> PlanResult<Json> {
        Ok(match self.value(argument, row)? {
            Json::String(text) if Mark::of(self.columns[argument].1) == Mark::Value && is_number(&text) => {
                Json::Number(text)
            }
            json => json,
        })
    }

    /// The argument as it is compared with others, `None` for NULL.
    pub fn operand(&self, argument: usize, row: usize) -> PlanResult<Option<Operand>> {
        let (_, field, _) = &self.columns[argument];
        Ok(match self.cell(argument, row)? {
            Json::Null => None,
            Json::Bool(truth) => Some(Operand::Truth(truth)),
            Json::Number(digits) => Some(Operand::Number(digits)),
            Json::String(text) if Mark::of(field) == Mark::Typed => {
                Some(read(&text)?).filter(|json| *json != Json::Null).map(Operand::Typed)
            }
            Json::String(text) => Some(Operand::Text(text)),
            nested => Some(Operand::Text(nested.to_string())),
        })
    }

    /// The argument as a path, `None` for NULL.
    pub fn path(&mut self, argument: usize, row: usize) -> PlanResult<Option<Path>> {
        let Some(text) = self.text(argument, row)? else { return Ok(None) };
        match &self.path {
            Some((known, path)) if *known == text => Ok(Some(path.clone())),
            _ => {
                let path = path(&text)?;
                self.path = Some((text, path.clone()));
                Ok(Some(path))
            }
        }
    }

    /// The argument as a whole number, if it is one.
    pub fn number(&self, argument: usize, row: usize) -> PlanResult<Option<i64>> {
        let whole = self.columns[argument].1.data_type().is_integer();
        Ok(self.text(argument, row)?.filter(|_| whole).and_then(|digits| digits.parse().ok()))
    }
}

fn read(text: &str) -> PlanResult<Json> {
    Json::read(text).map_err(|malformed| {
        let message = format!("malformed JSON: {}, at letter {}", malformed.problem, malformed.position);
        let shown: String = text.chars().take(60).collect();
        let more = if shown.len() < text.len() { " …" } else { "" };
        raise(
            Error::new(Kind::Statement, message)
                .with_context(format!("in `{shown}{more}`"))
                .with_hint("`json_valid(…)` tells which values are JSON"),
        )
    })
}

fn path(text: &str) -> PlanResult<Path> {
    Path::read(text).map_err(|rest| {
        let message = match rest == text {
            true => format!("`{text}` is no JSON path: it does not begin with `$`"),
            false => format!("`{text}` is no JSON path from `{rest}` on"),
        };
        raise(Error::new(Kind::Statement, message).with_hint(r#"a path is `$.name`, `$[0]`, `$[#-1]`, `$."a name"`"#))
    })
}
