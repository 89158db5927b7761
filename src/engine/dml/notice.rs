//! What is said when a method is done, with the places in it filled in. Pure. Invariant: what is secret is never filled in.

use serde_json::Value;

use super::document::Document;
use super::rules;
use crate::catalog::model::{Access, Field};

/// What stands for a secret.
const HIDDEN: &str = "…";

/// A text with what stands at the places in braces; one that the document does not have stands as it is written. `fields` say
/// what is secret.
pub fn filled<'a>(text: &str, fields: impl IntoIterator<Item = &'a Field>, document: &Document) -> String {
    let fields: Vec<&Field> = fields.into_iter().collect();
    let value = |place: &str| match fields.iter().any(|field| hides(field, place)) {
        true => HIDDEN.to_string(),
        false => rules::at(document, place).map_or(place.to_string(), shown),
    };
    let mut parts = text.trim().split('{');
    let mut filled = parts.next().unwrap_or_default().to_string();
    for part in parts {
        match part.split_once('}') {
            Some((place, rest)) => filled.extend([value(place).as_str(), rest]),
            None => filled.extend(["{", part]),
        }
    }
    filled
}

/// Whether a place of a field, or what stands around it, is secret.
fn hides(field: &Field, place: &str) -> bool {
    let Some(inner) = place.strip_prefix(&field.wire).filter(|rest| rest.is_empty() || rest.starts_with('.')) else {
        return false;
    };
    let pointer = inner.replace('.', "/");
    let holds = |secret: &String| pointer == *secret || pointer.starts_with(&format!("{secret}/"));
    field.access == Access::Secret || field.secrets.iter().any(holds)
}

/// A single value as text, on one line; whatever has parts may have secrets.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace(['\n', '\r', '`'], " "),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => HIDDEN.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::model::Type;

    #[test]
    fn places_are_filled_in_and_secrets_are_not() {
        let config = Field {
            wire: "config".into(),
            kind: Type::Json,
            secrets: vec!["/okta/password".into(), "/keys".into()],
            ..Field::default()
        };
        let token = Field { wire: "token".into(), access: Access::Secret, ..Field::default() };
        let document = json!({"host": "h", "id": "7", "status": "made", "token": "T", "config": {
            "database": "im`muta", "port": 1, "okta": {"password": "P"}, "keys": {"a": "K"}, "secret": {"$secret": "S"}}});
        let document = document.as_object().cloned().unwrap_or_default();
        let check = |text: &str, expected: &str| assert_eq!(filled(text, [&config, &token], &document), expected);
        check("run {id} of {host}: {status}\n", "run 7 of h: made");
        check("in `{config.database}`, {config.port}", "in `im muta`, 1");
        check("{token} {config.okta.password} {config.keys.a} {config.secret} {config.okta}", "… … … … …");
        check("{config.initial} {open", "config.initial {open");
    }
}
