//! The filters that templates of SQL need beside the engine's own: JSON, SQL lists and names, lists and objects put
//! together, JSON Patch.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::script::quotes::Written;

/// What a filter made for SQL: it is written as it is, and nothing else can be made to look like it.
#[derive(Debug)]
struct Made(Written);

impl Object for Made {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Written::Text(text) | Written::Plain(text) | Written::Escaped(text) | Written::Sql(text) => {
                f.write_str(text)
            }
        }
    }
}

pub fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("sql_escape", |value: Value| made(Written::Escaped(text(&value).replace('\'', "''"))));
    environment.add_filter("sql_list", sql_list);
    environment.add_filter("sql_name", sql_name);
    environment.add_filter("tojson", |value: Value| json(&value));
    environment.add_filter("json_encode", |value: Value| json(&value));
    environment.add_filter("from_json", |value: Value| from_json(&value));
    environment.add_filter("generate_patch_document", generate_patch_document);
    environment.add_filter("base64_encode", |value: Value| base64(text(&value).as_bytes()));
    environment.add_filter("merge_lists", merge_lists);
    environment.add_filter("merge_objects", merge_objects);
    // What these declare safe is safe in HTML.
    ["safe", "escape", "e"].into_iter().for_each(|name| environment.remove_filter(name));
}

/// A value as it goes into SQL.
pub fn written(value: &Value) -> Written {
    if let Some(Made(written)) = value.downcast_object_ref::<Made>() {
        return written.clone();
    }
    match value.kind() {
        ValueKind::None | ValueKind::Bool | ValueKind::Number => Written::Plain(text(value)),
        _ => Written::Text(text(value)),
    }
}

fn made(written: Written) -> Value {
    Value::from_object(Made(written))
}

/// A text as it is, anything else as JSON; what there is not is nothing.
fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Plain => value.to_string(),
        ValueKind::Undefined => String::new(),
        _ => json(value).unwrap_or_else(|_| value.to_string()),
    }
}

fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|e| wrong("this value has no form in JSON").with_source(e))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn from_json(value: &Value) -> Result<Value, Error> {
    let text = value.as_str().ok_or_else(|| wrong(format!("`from_json` reads a text, and this is {}", noun(value))))?;
    serde_json::from_str(text).map_err(|e| wrong(format!("this text is not JSON: {e}")))
}

/// What a value is, in words.
fn noun(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "an object",
        ValueKind::String => "a text",
        ValueKind::Number => "a number",
        ValueKind::Bool => "a boolean",
        ValueKind::None => "null",
        _ => "something else",
    }
}

/// The items of a list, or of the JSON text of one.
fn list(value: &Value, filter: &str) -> Result<Vec<Value>, Error> {
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let value = parsed.as_ref().unwrap_or(value);
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => Ok(value.try_iter()?.collect()),
        _ => Err(wrong(format!("`{filter}` takes a list, and this is {}", noun(value)))),
    }
}

/// The members of an object, or of the JSON text of one.
fn members(value: &Value, filter: &str) -> Result<Vec<(String, Value)>, Error> {
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let value = parsed.as_ref().unwrap_or(value);
    if value.kind() != ValueKind::Map {
        return Err(wrong(format!("`{filter}` takes an object, and this is {}", noun(value))));
    }
    value.try_iter()?.map(|key| Ok((key.to_string(), value.get_item(&key)?))).collect()
}

/// `('a', 'b', 3)`; of nothing `(NULL)`, which no value is in.
fn sql_list(value: Value) -> Result<Value, Error> {
    let item = |item: &Value| match item.kind() {
        ValueKind::Number | ValueKind::Bool | ValueKind::None => text(item),
        _ => format!("'{}'", text(item).replace('\'', "''")),
    };
    let items: Vec<String> = list(&value, "sql_list")?.iter().map(item).collect();
    let items = if items.is_empty() { "NULL".to_string() } else { items.join(", ") };
    Ok(made(Written::Sql(format!("({items})"))))
}

/// A name, with dots between its parts.
fn sql_name(value: Value) -> Result<Value, Error> {
    let name = value.as_str().unwrap_or_default();
    let is_word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !name.split('.').all(is_word) {
        return Err(wrong(format!(
            "`{}` is no name: letters, digits and `_` make one, with dots between parts",
            text(&value)
        )));
    }
    // In small letters the quotes change nothing, but for keywords.
    let quoted = |part: &str| match part.chars().any(|c| c.is_ascii_uppercase()) {
        true => part.to_string(),
        false => format!("\"{part}\""),
    };
    Ok(made(Written::Sql(name.split('.').map(quoted).collect::<Vec<_>>().join("."))))
}

/// The operations of RFC 6902 that set every member of an object, as JSON text. `add` sets what is there as well.
fn generate_patch_document(value: Value) -> Result<String, Error> {
    let operation = |(name, value): (String, Value)| {
        if value.is_undefined() {
            return Err(wrong(format!("`{name}` has no value")));
        }
        let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let path = serde_json::to_string(&path).map_err(|e| wrong("a name has no form in JSON").with_source(e))?;
        Ok(format!("{{\"op\":\"add\",\"path\":{path},\"value\":{}}}", json(&value)?))
    };
    let members = members(&value, "generate_patch_document")?;
    let operations: Vec<String> = members.into_iter().map(operation).collect::<Result<_, Error>>()?;
    Ok(format!("[{}]", operations.join(",")))
}

/// The other side of a merge, by position or as `other=`.
fn other(positional: Option<Value>, named: &Kwargs, filter: &str) -> Result<Value, Error> {
    let other = match positional {
        Some(other) => Some(other),
        None => named.get("other")?,
    };
    named.assert_all_used()?;
    other.ok_or_else(|| wrong(format!("`{filter}` needs what to merge with: `{filter}(other)`")))
}

/// Both lists, each value once, in the order in which they come.
fn merge_lists(value: Value, positional: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let other = other(positional, &named, "merge_lists")?;
    let mut merged: Vec<Value> = Vec::new();
    let mut known = Vec::new();
    for item in list(&value, "merge_lists")?.into_iter().chain(list(&other, "merge_lists")?) {
        let key = json(&item)?;
        if !known.contains(&key) {
            known.push(key);
            merged.push(item);
        }
    }
    Ok(Value::from(merged))
}

/// The members of both; of those that both have, the other's.
fn merge_objects(value: Value, positional: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let other = other(positional, &named, "merge_objects")?;
    let mut merged = members(&value, "merge_objects")?;
    for (name, value) in members(&other, "merge_objects")? {
        match merged.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => merged.push((name, value)),
        }
    }
    Ok(Value::from_pairs(merged))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number =
            (0..3).fold(0_u32, |number, at| number << 8 | u32::from(group.get(at).copied().unwrap_or_default()));
        for at in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("é>?", "w6k+Pw==")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
