//! Values without a fixed shape: JSON or YAML text as a user writes it, and the secrets in it. A secret comes back from
//! its service as something else, or not at all, so it is never compared, and what stands in its place is never sent.
//! Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::Document;
use crate::catalog::model::{Field, Resource, Type};
use crate::catalog::yaml::{self, Node};

/// What stands where a row has a secret.
const HIDDEN: &str = "…";

/// The value of a text: JSON, or else YAML that has members or entries. The text may hold secrets: no error shows it.
///
/// # Errors
/// Why it is neither, to follow "the text is".
pub fn parsed(text: &str) -> Result<Value, String> {
    let as_json = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let as_yaml = match yaml::parse(text) {
        Ok(node) => match twice(&node) {
            Some((line, name)) => return Err(format!("YAML whose line {line} has `{name}` twice")),
            None if merges(&node) => {
                return Err("YAML with `<<`, which is no member here: write the members out".into());
            }
            None if matches!(node.value, yaml::Value::Table(_) | yaml::Value::List(_)) => return Ok(node.value.json()),
            None => "it has no members".to_string(),
        },
        Err(mistake) => {
            format!("line {}: {}", mistake.at.line, mistake.message.trim_start_matches("this is not YAML: "))
        }
    };
    Err(format!("neither JSON ({as_json}) nor YAML ({as_yaml})"))
}

/// Whether a table has the key that some readers of YAML put another table's members in the place of.
fn merges(node: &Node) -> bool {
    match &node.value {
        yaml::Value::Table(entries) => entries.iter().any(|(key, node)| key.name == "<<" || merges(node)),
        yaml::Value::List(items) => items.iter().any(merges),
        _ => false,
    }
}

/// A key that stands twice in one table, and its second line.
fn twice(node: &Node) -> Option<(usize, &str)> {
    match &node.value {
        yaml::Value::Table(entries) => {
            let mut names = BTreeSet::new();
            entries.iter().find_map(|(key, node)| match names.insert(&key.name) {
                true => twice(node),
                false => Some((key.at.line, key.name.as_str())),
            })
        }
        yaml::Value::List(items) => items.iter().find_map(twice),
        _ => None,
    }
}

/// The places of what is wanted that a service's own answer does not show so. A service may add to it what it takes for
/// granted; its secrets are not to be seen.
pub fn unlike(field: &Field, wanted: &Value, found: Option<&Value>) -> Vec<String> {
    let mut places = Vec::new();
    walk(wanted, "", &mut |pointer, value| {
        if is_secret(field, pointer) {
            return false;
        }
        let there = found.and_then(|found| found.pointer(pointer)).unwrap_or(&Value::Null);
        let (is_table, is_shown) = (value.is_object(), there.is_object());
        let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
        if (is_table && is_shown) || there == value || is_redacted(field, there) || (is_empty && there.is_null()) {
            return true;
        }
        places.push(place(field, pointer));
        false
    });
    places
}

/// The pointers at what stands in a secret's place: the service's own words for it, or ours.
pub fn redacted(field: &Field, value: &Value) -> Vec<String> {
    let mut pointers = Vec::new();
    walk(value, "", &mut |pointer, value| {
        if is_redacted(field, value) || (is_secret(field, pointer) && value == HIDDEN) {
            pointers.push(pointer.to_string());
        }
        true
    });
    pointers
}

/// Complains of what is to be sent and cannot be, since it stands where the service does not show a secret.
pub fn withheld(resource: &Resource, body: &Document) -> Option<String> {
    let places: Vec<String> = withheld_at(resource, body).iter().map(|(field, p)| place(field, p)).collect();
    let quoted: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
    Some(match quoted.split_last()? {
        (one, []) => format!("{one} is not the secret but what is shown in its place, and has to be given again"),
        (last, rest) => format!(
            "{} and {last} are not the secrets but what is shown in their place, and have to be given again",
            rest.join(", ")
        ),
    })
}

/// Where that is: the fields, and pointers into them.
pub fn withheld_at<'a>(resource: &'a Resource, body: &Document) -> Vec<(&'a Field, String)> {
    let fields = resource.fields.iter().filter(|field| field.kind == Type::Json && !field.echoes);
    let of = |field: &'a Field| body.get(&field.wire).map(|value| redacted(field, value)).unwrap_or_default();
    fields.flat_map(|field| of(field).into_iter().map(move |pointer| (field, pointer))).collect()
}

/// Whether a secret was given.
pub fn has_secret(field: &Field, value: &Value) -> bool {
    let stands_in = |value: &Value| value.is_null() || value == HIDDEN || is_redacted(field, value);
    field.secrets.iter().filter_map(|pointer| value.pointer(pointer)).any(|value| !stands_in(value))
}

/// What a message calls the part of a field that a pointer leads to: `config.okta.role`.
pub fn place(field: &Field, pointer: &str) -> String {
    let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    std::iter::once(field.wire.clone()).chain(steps).collect::<Vec<_>>().join(".")
}

fn is_secret(field: &Field, pointer: &str) -> bool {
    field.secrets.iter().any(|secret| secret == pointer)
}

fn is_redacted(field: &Field, value: &Value) -> bool {
    value.as_str().is_some_and(|text| field.redacted.iter().any(|shown| shown == text))
}

/// Visits a value and, where that is wanted, what is in it.
fn walk(value: &Value, pointer: &str, visit: &mut dyn FnMut(&str, &Value) -> bool) {
    if !visit(pointer, value) {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                walk(value, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                walk(value, &format!("{pointer}/{at}"), visit);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field() -> Field {
        Field {
            name: "config".into(),
            wire: "config".into(),
            secrets: vec!["/password".into(), "/okta/password".into()],
            redacted: vec!["<REDACTED>".into()],
            ..Field::default()
        }
    }

    #[test]
    fn a_text_is_json_or_yaml() {
        let check = |text: &str, expected: Result<Value, &str>| {
            assert_eq!(parsed(text), expected.map_err(String::from), "{text}");
        };
        let value = json!({"host": "h", "port": 5439, "okta": {"role": "admin"}});
        check(&value.to_string(), Ok(value.clone()));
        check("host: h\nport: 5439\nokta:\n  role: admin\n", Ok(value));
        check("[1, null]", Ok(json!([1, null])));
        check("null", Ok(Value::Null));
        let why = "neither JSON (expected value at line 1 column 1) nor YAML (it has no members)";
        check("hunter2", Err(why));
        check("a: 1\nb:\n  c: 2\n  c: 3\n", Err("YAML whose line 4 has `c` twice"));
        let broken = parsed("{\"password\": \"hunter2\"").unwrap_err();
        assert!(broken.starts_with("neither JSON (EOF while parsing an object at line 1 column 22) nor YAML (line"));
        assert!(!broken.contains("hunter2"), "{broken}");
    }

    #[test]
    fn what_a_service_adds_or_hides_is_no_difference() {
        let check = |wanted: Value, found: Value, expected: &[&str]| {
            assert_eq!(unlike(&field(), &wanted, Some(&found).filter(|v| !v.is_null())), expected, "{wanted} {found}");
        };
        let shown = json!({"host": "h", "port": 1, "user": "<REDACTED>", "password": "<REDACTED>"});
        check(json!({"host": "h", "user": "u", "password": "p"}), shown.clone(), &[]);
        check(json!({"host": "i", "password": "p"}), shown.clone(), &["config.host"]);
        check(json!({"okta": {"role": "r", "password": "p"}}), shown, &["config.okta"]);
        check(json!({"okta": {"role": "r", "x": {}}}), json!({"okta": {"role": "s"}}), &["config.okta.role"]);
        check(json!({}), Value::Null, &[]);
        check(json!({"list": [1, 2]}), json!({"list": [1, 3]}), &["config.list"]);
    }

    #[test]
    fn what_stands_in_a_secrets_place_is_known() {
        let check = |value: Value, pointers: &[&str], given: bool| {
            assert_eq!(redacted(&field(), &value), pointers, "{value}");
            assert_eq!(has_secret(&field(), &value), given, "{value}");
        };
        check(json!({"user": "<REDACTED>", "password": "…", "role": "…"}), &["/password", "/user"], false);
        check(json!({"okta": {"password": {"$secret": "P"}}}), &[], true);
        check(json!({"password": "p", "okta": {"password": "<REDACTED>"}}), &["/okta/password"], true);
        assert_eq!(place(&field(), "/okta/a~1b"), "config.okta.a/b");
    }
}
