//! A resource as its provider writes it: values by wire name, brought into one form by the types of the catalog.
//! Whatever a user wrote (JSON text, snake_case keys, typed values) has that form behind this door. Pure.

use serde_json::{Map, Value, json};

use super::json;
use crate::catalog::model::{Alike, Field, Member, Resource, Type};
use crate::catalog::secret::{self, Marks};
use crate::error::did_you_mean;

/// By wire name. What is absent is not in it, but a list or a map that is absent may be in it as an empty one.
pub type Document = Map<String, Value>;

/// A value in the form that its field has on the wire; `None` is NULL.
///
/// # Errors
/// What is wrong with it, as a sentence that begins with the field's name.
pub fn wire(field: &Field, value: Value) -> Result<Option<Value>, String> {
    let found = open(field, value)?;
    if let (Some(Value::Array(entries)), Some(key_name)) = (&found, key_of(field)) {
        for (at, entry) in entries.iter().enumerate() {
            let Some(key) = entry.get(key_name) else {
                return Err(format!("entry {} of `{}` has no `{key_name}`", at + 1, field.wire));
            };
            if entries[..at].iter().any(|earlier| earlier.get(key_name) == Some(key)) {
                return Err(format!("`{}` has the key {key} twice", field.wire));
            }
        }
    }
    Ok(found)
}

/// The value by its type, and its markers where they belong. What may be a secret is in no complaint.
fn open(field: &Field, value: Value) -> Result<Option<Value>, String> {
    let (name, marks) = (format!("`{}`", field.wire), Marks::of(field));
    // A marker that comes alone is a text: `secret('NAME')`.
    if let Some(marker) = secret::marker(&value) {
        let wrong = marks.complaints(&field.wire, &value);
        return match (wrong.into_iter().next(), marker) {
            (Some(wrong), _) | (None, Err(wrong)) => Err(wrong),
            (None, Ok(name)) => Ok(Some(json!({ secret::KEY: name }))),
        };
    }
    let found = match marks.is_empty() {
        true => typed(&name, &field.kind, value)?,
        false => {
            let given = called(&value);
            let text = value.as_str().filter(|_| field.kind == Type::Json);
            let why = text.and_then(|text| json::parsed(text).err());
            typed(&name, &field.kind, value).map_err(|_| match why {
                Some(why) => format!("{name} is JSON or YAML, and the text is {why}"),
                None => format!("{name} is {}, and what is given is {given}", wanted(&field.kind)),
            })?
        }
    };
    let wrong = found.as_ref().map(|value| marks.complaints(&field.wire, value)).unwrap_or_default();
    if wrong.is_empty() { Ok(found) } else { Err(wrong.join("\n  ")) }
}

/// A field's value as it stands in a sentence, without its secrets.
pub fn shown(field: &Field, value: &Value) -> String {
    brief(&Marks::of(field).hidden(value))
}

/// Of a keyed list, the wire name of the member that tells its entries apart.
pub fn key_of(field: &Field) -> Option<&str> {
    let Type::List(members) = &field.kind else { return None };
    let key = field.keyed.as_ref()?;
    members.iter().find(|member| member.name == *key).map(|member| member.wire.as_str())
}

/// Whether an entry of a keyed list belongs to the service.
pub fn is_reserved(field: &Field, entry: &Value) -> bool {
    let (Some(start), Some(key)) = (field.reserved.as_deref(), key_of(field)) else { return false };
    entry.get(key).and_then(Value::as_str).is_some_and(|key| begins(key, start))
}

/// Whether `text` begins so, in any case.
fn begins(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// The row of a service's answer as a document: `values` in the order of `fields`.
pub fn of_row(fields: &[String], values: Vec<Value>) -> Document {
    fields.iter().cloned().zip(values).filter(|(_, value)| !value.is_null()).collect()
}

/// Whether two values of a field mean the same. `about` is the document that they are of, for what depends on the
/// account and region of the resource.
pub fn is_same(
    resource: &Resource,
    field: &Field,
    about: &Document,
    left: Option<&Value>,
    right: Option<&Value>,
) -> bool {
    // A text that may be empty is as good as none when it is.
    let given = |value: Option<&'_ Value>| filled(value).filter(|value| field.min != Some(0) || *value != "").cloned();
    let (left, right) = (given(left), given(right));
    match (field.alike, left.as_ref(), right.as_ref()) {
        (_, None, None) => true,
        (_, Some(left), Some(right)) if key_of(field).is_some() => entries(field, left) == entries(field, right),
        (Alike::KmsKey, Some(Value::String(left)), Some(Value::String(right))) => {
            let home = resource.identity.first().and_then(|name| resource.field(name));
            let home = home.and_then(|field| about.get(&field.wire)).and_then(Value::as_str);
            left == right || kms_key(left, home) == kms_key(right, home)
        }
        (_, left, right) if key_of(field).is_some() => {
            left.is_none_or(|list| entries(field, list).is_empty())
                && right.is_none_or(|list| entries(field, list).is_empty())
        }
        (_, left, right) => left == right,
    }
}

/// The entries of a keyed list that are not the service's, by their keys.
pub fn entries<'a>(field: &Field, list: &'a Value) -> std::collections::BTreeMap<&'a str, &'a Value> {
    let key = key_of(field).unwrap_or_default();
    let own = list.as_array().into_iter().flatten().filter(|entry| !is_reserved(field, entry));
    own.filter_map(|entry| Some((entry.get(key)?.as_str()?, entry))).collect()
}

/// An empty list or map is as good as none.
fn filled(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    })
}

/// A key's id or alias without the ARN around it, where that names the account and region of the resource (`home` is
/// its ARN): `arn:aws:kms:us-east-1:111122223333:key/1234` is `key/1234`, and so is `1234`.
fn kms_key(text: &str, home: Option<&str>) -> String {
    let bare = |name: &str| {
        if name.starts_with("alias/") || name.starts_with("key/") { name.to_string() } else { format!("key/{name}") }
    };
    let mut parts = text.splitn(6, ':');
    let place: Vec<&str> = parts.by_ref().take(5).collect();
    match (place.as_slice(), parts.next()) {
        (["arn", _, "kms", region, account], Some(name)) => {
            let own = home.is_some_and(|home| home.split(':').skip(3).take(2).eq([*region, *account]));
            if own { bare(name) } else { text.to_string() }
        }
        _ => bare(text),
    }
}

fn typed(name: &str, kind: &Type, value: Value) -> Result<Option<Value>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let nested = matches!(kind, Type::List(_) | Type::Strings | Type::Map | Type::Json);
    let value = match value {
        Value::String(text) if nested => parsed(name, kind, &text)?,
        value => value,
    };
    let wrong = |value: &Value| format!("{name} is {}, and {} is {}", wanted(kind), brief(value), called(value));
    Ok(Some(match (kind, value) {
        (_, Value::Null) => return Ok(None),
        (Type::String, value @ Value::String(_))
        | (Type::Boolean, value @ Value::Bool(_))
        | (Type::Number, value @ Value::Number(_))
        | (Type::Json, value) => value,
        (Type::Timestamp, Value::String(text)) if chrono::DateTime::parse_from_rfc3339(&text).is_ok() => text.into(),
        (Type::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => number.into(),
        (Type::Strings, Value::Array(items)) => match items.iter().find(|item| !item.is_string()) {
            Some(item) => return Err(wrong(item)),
            None => items.into(),
        },
        (Type::Map, Value::Object(members)) => match members.values().find(|member| !member.is_string()) {
            Some(member) => return Err(wrong(member)),
            None => members.into(),
        },
        (Type::List(members), Value::Array(items)) => {
            let entries = items.into_iter().enumerate().map(|(at, item)| match item {
                Value::Object(entry) => object(&format!("entry {} of {name}", at + 1), members, entry),
                other => Err(wrong(&other)),
            });
            Value::Array(entries.collect::<Result<_, _>>()?)
        }
        (_, value) => return Err(wrong(&value)),
    }))
}

/// An entry of a list, with its members under their wire names.
fn object(what: &str, members: &[Member], entry: Map<String, Value>) -> Result<Value, String> {
    let mut found = Map::new();
    for (typed_name, value) in entry {
        let exact = members.iter().find(|member| member.wire == typed_name || member.name == typed_name);
        let same = |member: &&Member| {
            member.wire.eq_ignore_ascii_case(&typed_name) || member.name.eq_ignore_ascii_case(&typed_name)
        };
        let Some(member) = exact.or_else(|| members.iter().find(same)) else {
            let near = did_you_mean(&typed_name, members.iter().map(|member| member.wire.as_str()));
            return Err(format!("{what} has `{typed_name}`, which is no member of it{near}"));
        };
        let Some(value) = typed(&format!("`{}` of {what}", member.wire), &member.kind, value)? else {
            continue;
        };
        if found.insert(member.wire.clone(), value).is_some() {
            return Err(format!("{what} has `{}` twice", member.wire));
        }
    }
    // A text that may be empty is there as such: the service would answer with it.
    for member in members.iter().filter(|member| member.kind == Type::String && member.min == Some(0)) {
        found.entry(member.wire.clone()).or_insert_with(|| Value::from(""));
    }
    Ok(Value::Object(found))
}

fn parsed(name: &str, kind: &Type, text: &str) -> Result<Value, String> {
    if *kind == Type::Json {
        return json::parsed(text).map_err(|why| format!("{name} is JSON or YAML, and the text is {why}"));
    }
    serde_json::from_str(text).map_err(|error| {
        format!("{name} is {}, and the text {} is no JSON: {error}", wanted(kind), brief(&Value::from(text)))
    })
}

fn wanted(kind: &Type) -> &'static str {
    match kind {
        Type::String => "a text",
        Type::Boolean => "true or false",
        Type::Integer => "a whole number",
        Type::Number => "a number",
        Type::Timestamp => "a time (RFC 3339)",
        Type::List(_) => "a list of objects",
        Type::Strings => "a list of texts",
        Type::Map => "an object of texts",
        Type::Json => "JSON or YAML",
    }
}

fn called(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value as it stands in a sentence.
pub fn brief(value: &Value) -> String {
    const MOST: usize = 60;
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let text = text.replace(['\n', '\r', '`'], " ");
    if text.chars().count() > MOST {
        format!("`{}…`", text.chars().take(MOST).collect::<String>())
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: Type) -> Field {
        Field { name: "thing".into(), wire: "Thing".into(), kind, ..Field::default() }
    }

    fn tags() -> Field {
        let member = |name: &str, wire: &str| Member {
            name: name.into(),
            wire: wire.into(),
            kind: Type::String,
            description: String::new(),
            min: None,
            max: None,
        };
        let kind = Type::List(vec![member("key", "Key"), member("value", "Value")]);
        Field { keyed: Some("key".into()), reserved: Some("aws:".into()), ..field(kind) }
    }

    #[test]
    fn what_is_written_gets_one_form() {
        let check = |field: &Field, value: Value, expected: Result<Option<Value>, &str>| {
            assert_eq!(wire(field, value.clone()), expected.map_err(String::from), "{value}");
        };
        let text = field(Type::String);
        check(&text, json!("a"), Ok(Some(json!("a"))));
        check(&text, json!(""), Ok(Some(json!(""))));
        check(&text, json!(null), Ok(None));
        check(&text, json!(5), Err("`Thing` is a text, and `5` is a number"));
        check(
            &field(Type::Integer),
            json!(1.5),
            Err("`Thing` is a whole number, and `1.5` is a number with a fraction"),
        );
        check(&field(Type::Map), json!(r#"{"a": "b"}"#), Ok(Some(json!({"a": "b"}))));
        check(&field(Type::Map), json!({"a": 1}), Err("`Thing` is an object of texts, and `1` is a number"));
        check(&field(Type::Json), json!("{\"a\": [1]}"), Ok(Some(json!({"a": [1]}))));
        check(&field(Type::Json), json!("a: [1]"), Ok(Some(json!({"a": [1]}))));
        let why = "`Thing` is JSON or YAML, and the text is neither JSON (expected value at line 1 column 1) nor YAML (it \
                   has no members)";
        check(&field(Type::Json), json!("hunter2"), Err(why));
        let both = json!([{"Key": "a", "Value": "b"}]);
        check(&tags(), json!([{"key": "a", "value": "b"}]), Ok(Some(both.clone())));
        check(&tags(), json!(r#"[{"Key": "a", "VALUE": "b"}]"#), Ok(Some(both)));
        check(&tags(), json!("[]"), Ok(Some(json!([]))));
        check(&tags(), json!("null"), Ok(None));
        check(
            &tags(),
            json!("a=b"),
            Err("`Thing` is a list of objects, and the text `a=b` is no JSON: expected value at line 1 column 1"),
        );
        check(&tags(), json!({"a": "b"}), Err(r#"`Thing` is a list of objects, and `{"a":"b"}` is an object"#));
        check(
            &tags(),
            json!([{"kye": "a"}]),
            Err("entry 1 of `Thing` has `kye`, which is no member of it: did you mean `Key`?"),
        );
        check(&tags(), json!([{"key": "a"}, {"value": "b"}]), Err("entry 2 of `Thing` has no `Key`"));
        check(&tags(), json!([{"key": "a"}, {"key": "a"}]), Err("`Thing` has the key \"a\" twice"));
        check(&tags(), json!([{"key": "a", "Key": "b"}]), Err("entry 1 of `Thing` has `Key` twice"));
        check(&tags(), json!([{"key": 1}]), Err("`Key` of entry 1 of `Thing` is a text, and `1` is a number"));
    }

    #[test]
    fn what_means_the_same_is_the_same() {
        let resource = Resource { identity: vec!["arn".into()], ..resource() };
        let about = document(json!({"Arn": "arn:aws:redshift:us-east-1:111:integration:x"}));
        let check = |field: &Field, left: Value, right: Value, same: bool| {
            let (l, r) = (Some(&left).filter(|v| !v.is_null()), Some(&right).filter(|v| !v.is_null()));
            assert_eq!(is_same(&resource, field, &about, l, r), same, "{left} {right}");
            assert_eq!(is_same(&resource, field, &about, r, l), same, "{right} {left}");
        };
        let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
        check(&tags(), json!([tag("a", "1"), tag("b", "2")]), json!([tag("b", "2"), tag("a", "1")]), true);
        check(&tags(), json!([tag("a", "1"), tag("AWS:x", "2")]), json!([tag("a", "1")]), true);
        check(&tags(), json!([tag("aws:x", "2")]), json!(null), true);
        check(&tags(), json!([tag("a", "1")]), json!(null), false);
        check(&tags(), json!([]), json!(null), true);
        check(&field(Type::Map), json!({}), json!(null), true);
        check(&field(Type::String), json!(""), json!(null), false);
        let key = Field { alike: Alike::KmsKey, ..field(Type::String) };
        let arn = "arn:aws:kms:us-east-1:111:key/1234";
        check(&key, json!(arn), json!("1234"), true);
        check(&key, json!(arn), json!("key/1234"), true);
        check(&key, json!(arn), json!("4321"), false);
        check(&key, json!("arn:aws:kms:us-east-1:111:alias/a"), json!("alias/a"), true);
        check(&key, json!("arn:aws:kms:us-east-1:222:key/1234"), json!("1234"), false);
        check(&key, json!("arn:aws:kms:eu-west-1:111:key/1234"), json!("1234"), false);
        check(&key, json!("alias/a"), json!("1234"), false);
        check(&key, json!(arn), json!(null), false);
    }

    fn document(value: Value) -> Document {
        value.as_object().cloned().unwrap_or_default()
    }

    fn resource() -> Resource {
        let arn = Field { name: "arn".into(), wire: "Arn".into(), ..Field::default() };
        Resource {
            provider: "p".into(),
            service: "s".into(),
            name: "r".into(),
            type_name: None,
            description: String::new(),
            identity: Vec::new(),
            fields: vec![arn],
            params: Vec::new(),
            methods: Vec::new(),
            verbs: Default::default(),
            settles: None,
            rules: Vec::new(),
            known_by: Vec::new(),
            examples: Vec::new(),
        }
    }
}
