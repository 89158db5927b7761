//! Bodies: JSON, or YAML, to what a request gives. What a payload must have is `check`'s.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

use super::Refusal;

/// The value of a body, `None` for an empty one. Without a content type it is JSON. Which type YAML has is not
/// documented: any that has the word in it will do.
pub fn body(content_type: Option<&str>, body: &[u8]) -> Result<Option<Value>, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let content_type = content_type.unwrap_or("application/json").to_ascii_lowercase();
    let value = if content_type.contains("yaml") {
        yaml(body).ok_or_else(|| Refusal::new(400, "Invalid request payload YAML format"))?
    } else if content_type.starts_with("application/json") {
        serde_json::from_slice(body).map_err(|_| Refusal::new(400, "Invalid request payload JSON format"))?
    } else {
        return Err(Refusal::new(415, "Unsupported Media Type"));
    };
    Ok(Some(value))
}

fn yaml(body: &[u8]) -> Option<Value> {
    let documents = Yaml::load_from_str(std::str::from_utf8(body).ok()?).ok()?;
    match documents.as_slice() {
        [document] => json(document),
        _ => None,
    }
}

fn json(node: &Yaml) -> Option<Value> {
    match node {
        Yaml::Value(Scalar::Null) => Some(Value::Null),
        Yaml::Value(Scalar::Boolean(flag)) => Some(Value::Bool(*flag)),
        Yaml::Value(Scalar::Integer(number)) => Some(Value::from(*number)),
        Yaml::Value(Scalar::FloatingPoint(number)) => Some(Value::from(number.into_inner())),
        Yaml::Value(Scalar::String(text)) => Some(Value::from(text.as_ref())),
        Yaml::Sequence(items) => items.iter().map(json).collect::<Option<Vec<Value>>>().map(Value::Array),
        Yaml::Mapping(entries) => {
            let entry = |(key, value): (&Yaml, &Yaml)| Some((key.as_str()?.to_string(), json(value)?));
            entries.iter().map(entry).collect::<Option<Map<String, Value>>>().map(Value::Object)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_read_by_its_type() {
        let check = |content_type: Option<&str>, text: &str, expected: Result<Option<Value>, u16>| {
            let read = body(content_type, text.as_bytes()).map_err(|refusal| refusal.status);
            assert_eq!(read, expected, "{content_type:?} {text}");
        };
        let value = json!({"type": "Redshift", "autoBootstrap": true, "config": {"port": 5439, "x": [null, 1.5]}});
        check(None, &value.to_string(), Ok(Some(value.clone())));
        check(Some("application/json; charset=utf-8"), &value.to_string(), Ok(Some(value.clone())));
        let yaml = "type: Redshift\nautoBootstrap: true\nconfig:\n  port: 5439\n  x: [null, 1.5]\n";
        check(Some("application/x-yaml"), yaml, Ok(Some(value.clone())));
        check(Some("text/yaml"), &value.to_string(), Ok(Some(value)));
        check(Some("application/json"), yaml, Err(400));
        check(Some("text/yaml"), "a: [", Err(400));
        check(Some("application/x-www-form-urlencoded"), "a=b", Err(415));
        check(Some("application/json"), " \n", Ok(None));
    }
}
