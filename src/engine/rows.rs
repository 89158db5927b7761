//! JSON values into Arrow arrays, by the types of the catalog. Pure: no calls, no plans.
//! Strict: a value that is not of its field's type is an error that names the field, never a NULL.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, ListArray, MapArray, StringArray, StringBuilder,
    StructArray, TimestampMillisecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use serde_json::{Map, Value};

use crate::catalog::model::{self as catalog, Member, Type};
use crate::catalog::secret::Marks;
use crate::error::{Error, Kind, Result};

/// The Arrow type of a column: List<Struct> for lists of objects, Map for string maps, UTC milliseconds for times.
pub fn data_type(kind: &Type) -> DataType {
    match kind {
        Type::String | Type::Json => DataType::Utf8,
        Type::Boolean => DataType::Boolean,
        Type::Integer => DataType::Int64,
        Type::Number => DataType::Float64,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        Type::List(members) => DataType::List(item(DataType::Struct(member_fields(members)))),
        Type::Strings => DataType::List(item(DataType::Utf8)),
        Type::Map => DataType::Map(entries(), false),
    }
}

/// A column of the table: nullable, and marked as JSON when its text is a document.
pub fn field(name: &str, kind: &Type) -> Field {
    let field = Field::new(name, data_type(kind), true);
    match kind {
        Type::Json => field.with_metadata([("ARROW:extension:name".into(), "arrow.json".into())].into()),
        _ => field,
    }
}

/// One column of `rows`: the value at `index` of each.
///
/// # Errors
/// `Shape`: a value that is not of the type `kind`, naming `name`.
pub fn column(name: &str, kind: &Type, rows: &[Vec<Value>], index: usize) -> Result<ArrayRef> {
    array(name, kind, rows.len(), &mut rows.iter().map(|row| row.get(index).unwrap_or(&Value::Null)))
}

/// The same for a field, without what its document marks as secret: in its place stands `…`.
///
/// # Errors
/// As for [`column`].
pub fn of_field(field: &catalog::Field, rows: &[Vec<Value>], index: usize) -> Result<ArrayRef> {
    let marks = Marks::of(field);
    if marks.is_empty() {
        return column(&field.name, &field.kind, rows, index);
    }
    let hidden = rows.iter().map(|row| {
        let value = marks.hidden(row.get(index).unwrap_or(&Value::Null));
        match (&field.kind, value) {
            // A marker is shown by its text.
            (Type::String, value @ Value::Object(_)) => Value::from(value.to_string()),
            (Type::Json | Type::String, value) => value,
            // Of another type, no value says that it is hidden.
            _ => Value::Null,
        }
    });
    let hidden: Vec<Value> = hidden.collect();
    array(&field.name, &field.kind, hidden.len(), &mut hidden.iter())
}

/// The same text in every row: a param that is echoed.
pub fn repeated(value: Option<&str>, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter(std::iter::repeat_n(value, rows)))
}

/// `values` behind a pointer: lists hold lists, and each depth would else be a type of its own.
fn array(name: &str, kind: &Type, count: usize, values: &mut dyn Iterator<Item = &Value>) -> Result<ArrayRef> {
    let wrong = |value: &Value| wrong(name, kind, value);
    Ok(match kind {
        Type::String => {
            let mut builder = StringBuilder::with_capacity(count, count * 32);
            for value in values {
                match value {
                    Value::String(text) => builder.append_value(text),
                    Value::Null => builder.append_null(),
                    other => return Err(wrong(other)),
                }
            }
            Arc::new(builder.finish())
        }
        Type::Json => Arc::new(StringArray::from_iter(
            values.map(|value| if value.is_null() { None } else { Some(value.to_string()) }),
        )),
        Type::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(count);
            for value in values {
                match value {
                    Value::Bool(flag) => builder.append_value(*flag),
                    Value::Null => builder.append_null(),
                    other => return Err(wrong(other)),
                }
            }
            Arc::new(builder.finish())
        }
        Type::Integer => {
            let mut builder = Int64Builder::with_capacity(count);
            for value in values {
                match value.as_i64() {
                    None if !value.is_null() => return Err(wrong(value)),
                    number => builder.append_option(number),
                }
            }
            Arc::new(builder.finish())
        }
        Type::Number => {
            let mut builder = Float64Builder::with_capacity(count);
            for value in values {
                match value.as_f64() {
                    None if !value.is_null() => return Err(wrong(value)),
                    number => builder.append_option(number),
                }
            }
            Arc::new(builder.finish())
        }
        Type::Timestamp => {
            let times = values.map(|value| match value {
                Value::Null => Ok(None),
                Value::String(text) => chrono::DateTime::parse_from_rfc3339(text)
                    .map(|time| Some(time.timestamp_millis()))
                    .map_err(|_| wrong(value)),
                other => Err(wrong(other)),
            });
            Arc::new(TimestampMillisecondArray::from(times.collect::<Result<Vec<_>>>()?).with_timezone("UTC"))
        }
        Type::Strings => {
            let mut lengths = Vec::with_capacity(count);
            let mut builder = StringBuilder::new();
            for value in values {
                let items = list(value).ok_or_else(|| wrong(value))?;
                lengths.push(items.len());
                for item in items {
                    builder.append_value(item.as_str().ok_or_else(|| wrong(value))?);
                }
            }
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::new(item(DataType::Utf8), offsets, Arc::new(builder.finish()), None))
        }
        Type::List(members) => objects(name, kind, members, count, values)?,
        Type::Map => {
            let mut lengths = Vec::with_capacity(count);
            let (mut keys, mut texts) = (StringBuilder::new(), StringBuilder::new());
            for value in values {
                // Sorted: the order of a map's keys matters to DISTINCT and UNION, and services give them in any order.
                let sorted: BTreeMap<&String, &Value> = match value {
                    Value::Object(map) => map.iter().collect(),
                    Value::Null => BTreeMap::new(),
                    other => return Err(wrong(other)),
                };
                lengths.push(sorted.len());
                for (key, text) in sorted {
                    keys.append_value(key);
                    texts.append_option(match text {
                        Value::Null => None,
                        text => Some(text.as_str().ok_or_else(|| wrong(value))?),
                    });
                }
            }
            let columns: Vec<ArrayRef> = vec![Arc::new(keys.finish()), Arc::new(texts.finish())];
            let pairs = StructArray::new(pair_fields(), columns, None);
            Arc::new(MapArray::new(entries(), OffsetBuffer::from_lengths(lengths), pairs, None, false))
        }
    })
}

/// A list of objects: each member becomes a column below the list.
fn objects(
    name: &str,
    kind: &Type,
    members: &[Member],
    count: usize,
    values: &mut dyn Iterator<Item = &Value>,
) -> Result<ArrayRef> {
    let mut lengths = Vec::with_capacity(count);
    let mut all: Vec<&Map<String, Value>> = Vec::with_capacity(count * 2);
    for value in values {
        let items = list(value).ok_or_else(|| wrong(name, kind, value))?;
        lengths.push(items.len());
        for item in items {
            all.push(item.as_object().ok_or_else(|| wrong(name, kind, value))?);
        }
    }
    let columns = members
        .iter()
        .map(|member| {
            let mut values = all.iter().map(|object| object.get(&member.wire).unwrap_or(&Value::Null));
            array(&format!("{name}.{}", member.name), &member.kind, all.len(), &mut values)
        })
        .collect::<Result<Vec<_>>>()?;
    let fields = member_fields(members);
    let structs = StructArray::try_new_with_length(fields.clone(), columns, None, all.len())
        .map_err(|e| Error::new(Kind::Internal, format!("`{name}` does not fit its own type")).with_source(e))?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::new(item(DataType::Struct(fields)), offsets, Arc::new(structs), None)))
}

/// An absent list is empty, never NULL.
fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        Value::Null => Some(&[]),
        _ => None,
    }
}

fn item(kind: DataType) -> FieldRef {
    Arc::new(Field::new("item", kind, true))
}

fn member_fields(members: &[Member]) -> Fields {
    members.iter().map(|member| field(&member.name, &member.kind)).collect()
}

fn pair_fields() -> Fields {
    Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)])
}

fn entries() -> FieldRef {
    Arc::new(Field::new("entries", DataType::Struct(pair_fields()), false))
}

fn wrong(name: &str, kind: &Type, value: &Value) -> Error {
    let wanted = match kind {
        Type::String => "text",
        Type::Boolean => "true or false",
        Type::Integer => "a whole number",
        Type::Number => "a number",
        Type::Timestamp => "a time (RFC 3339)",
        Type::List(_) => "a list of objects",
        Type::Strings => "a list of texts",
        Type::Map => "an object of texts",
        Type::Json => "JSON",
    };
    let given = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Error::new(Kind::Shape, format!("the service's answer has {given} in `{name}`, where {wanted} belongs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Array;
    use arrow::util::display::array_value_to_string;
    use serde_json::json;

    fn member(name: &str, wire: &str) -> Member {
        Member {
            name: name.into(),
            wire: wire.into(),
            kind: Type::String,
            description: String::new(),
            min: None,
            max: None,
        }
    }

    fn check(kind: &Type, value: Value, expected: &str) {
        let rows = [vec![Value::Null], vec![value]];
        match column("c", kind, &rows, 0) {
            Ok(array) => {
                assert_eq!(array.data_type(), &data_type(kind));
                assert_eq!(array_value_to_string(&array, 1).expect("text"), expected);
            }
            Err(error) => assert_eq!(error.message, expected),
        }
    }

    #[test]
    fn values_become_arrays_of_their_type() {
        let tags = Type::List(vec![member("key", "Key"), member("value", "Value")]);
        check(&Type::String, json!("é"), "é");
        check(&Type::Integer, json!(5439), "5439");
        check(&Type::Boolean, json!(true), "true");
        check(&Type::Timestamp, json!("2026-01-15T12:00:00.250Z"), "2026-01-15T12:00:00.250Z");
        check(&tags, json!([{"Key": "env", "Value": "prod"}]), "[{key: env, value: prod}]");
        check(&tags, Value::Null, "[]");
        check(&Type::Map, json!({"b": "2", "a": "1"}), "{a: 1, b: 2}");
        check(&Type::Map, Value::Null, "{}");
        check(&Type::Strings, json!(["x", "y"]), "[x, y]");
        check(&Type::Json, json!({"a": [1]}), r#"{"a":[1]}"#);
    }

    #[test]
    fn a_value_of_another_type_is_an_error() {
        let tags = Type::List(vec![member("key", "Key")]);
        check(&Type::String, json!(1), "the service's answer has a number in `c`, where text belongs");
        check(&Type::Integer, json!(1.5), "the service's answer has a number in `c`, where a whole number belongs");
        check(&tags, json!({}), "the service's answer has an object in `c`, where a list of objects belongs");
        check(&tags, json!([{"Key": 1}]), "the service's answer has a number in `c.key`, where text belongs");
        check(&Type::Map, json!([]), "the service's answer has a list in `c`, where an object of texts belongs");
        check(&Type::Timestamp, json!("now"), "the service's answer has text in `c`, where a time (RFC 3339) belongs");
    }

    #[test]
    fn an_absent_list_is_empty_and_not_null() {
        for kind in [Type::List(vec![member("key", "Key")]), Type::Map, Type::Strings] {
            let array = column("c", &kind, &[vec![Value::Null]], 0).expect("an array");
            assert_eq!(array.null_count(), 0);
        }
    }
}
