//! What a payload must have. The rules are the reference's; the words, which it does not show, are those of Joi, the
//! validator that servers of this kind use. Knows no store.

use serde_json::{Map, Value};

use super::Refusal;
use super::rows::{Payload, Type};
use super::scripts::Script;

/// What the payload is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Configure,
    Script(Script),
}

/// What a type's `config` must have, beside what its way to authenticate asks for.
const REQUIRED: &[(Type, &[&str])] = &[
    (Type::Redshift, &["host", "database", "authenticationType"]),
    (Type::Snowflake, &["host", "warehouse", "database", "authenticationType"]),
    (Type::Databricks, &["workspaceUrl", "httpPath", "catalog"]),
    (Type::Synapse, &["host", "database", "schema", "username", "password"]),
    (Type::BigQuery, &["role", "dataset", "location", "credential"]),
    (Type::S3, &["name", "awsAccountId", "awsRegion", "awsLocationRole", "awsLocationPath", "authenticationType"]),
];
const OKTA: &[&str] = &["username", "password", "appId", "idpHost", "role"];
/// Immuta never sets these up itself.
const NEVER_AUTOMATIC: &[Type] = &[Type::S3, Type::BigQuery];

/// The payload of a body.
pub fn payload(body: Option<Value>, purpose: Purpose) -> Result<Payload, Refusal> {
    let Some(Value::Object(mut body)) = body else { return Err(refused("\"value\" must be of type object")) };
    let kind = kind(&body)?;
    if let Purpose::Script(script) = purpose {
        one_of("type", kind.wire(), script.types())?;
    }
    if kind == Type::Trino {
        ["autoBootstrap", "config"].iter().try_for_each(|name| absent(&body, "", name))?;
        return Ok(Payload { kind, auto_bootstrap: false, config: Map::new() });
    }
    let auto_bootstrap = match body.get("autoBootstrap") {
        None => return Err(required("", "autoBootstrap")),
        Some(Value::Bool(flag)) => *flag,
        Some(_) => return Err(refused("\"autoBootstrap\" must be a boolean")),
    };
    if auto_bootstrap && (NEVER_AUTOMATIC.contains(&kind) || purpose != Purpose::Configure) {
        return Err(refused("\"autoBootstrap\" must be [false]"));
    }
    let config = match body.remove("config") {
        None => return Err(required("", "config")),
        Some(Value::Object(config)) => config,
        Some(_) => return Err(refused("\"config\" must be of type object")),
    };
    let payload = Payload { kind, auto_bootstrap, config };
    check_config(&payload, purpose)?;
    Ok(payload)
}

/// Credentials as a type asks for them, in a `config` or, with no prefix, in the body of a DELETE.
pub fn credentials(kind: Type, given: &Map<String, Value>, prefix: &str) -> Result<(), Refusal> {
    let user = || ["username", "password"].iter().try_for_each(|name| text(given, prefix, name));
    if kind == Type::Synapse {
        return user();
    }
    text(given, prefix, "authenticationType")?;
    let way = given.get("authenticationType").and_then(Value::as_str).unwrap_or_default();
    match kind {
        Type::Redshift => {
            one_of(&format!("{prefix}authenticationType"), way, &["userPassword", "okta"])?;
            if way == "userPassword" {
                absent(given, prefix, "okta")?;
                return user();
            }
            ["username", "password"].iter().try_for_each(|name| absent(given, prefix, name))?;
            let okta = table(given, prefix, "okta")?.ok_or_else(|| required(prefix, "okta"))?;
            OKTA.iter().try_for_each(|name| text(okta, &format!("{prefix}okta."), name))
        }
        Type::Snowflake if way == "userPassword" => user(),
        Type::S3 if way == "accessKey" => {
            ["awsAccessKeyId", "awsSecretAccessKey"].iter().try_for_each(|name| text(given, prefix, name))
        }
        _ => Ok(()),
    }
}

fn kind(body: &Map<String, Value>) -> Result<Type, Refusal> {
    text(body, "", "type")?;
    let given = body.get("type").and_then(Value::as_str).unwrap_or_default();
    let wires: Vec<&str> = Type::ALL.iter().map(|kind| kind.wire()).collect();
    one_of("type", given, &wires)?;
    Type::ALL.iter().copied().find(|kind| kind.wire() == given).ok_or_else(|| required("", "type"))
}

fn check_config(payload: &Payload, purpose: Purpose) -> Result<(), Refusal> {
    let Payload { kind, auto_bootstrap, config } = payload;
    let mut required = REQUIRED.iter().filter(|(wanted, _)| wanted == kind).flat_map(|(_, names)| *names);
    required.try_for_each(|name| text(config, "config.", name))?;
    if let Some(host) = config.get("host").and_then(Value::as_str)
        && host.contains(['/', ':', ' '])
    {
        return Err(refused("\"config.host\" must be a valid hostname"));
    }
    if !matches!(config.get("port"), None | Some(Value::Number(_))) {
        return Err(refused("\"config.port\" must be a number"));
    }
    if matches!(kind, Type::Redshift | Type::Snowflake | Type::S3) {
        credentials(*kind, config, "config.")?;
    }
    // The current documentation's second script for Redshift leaves the initial database out.
    let is_first = purpose == Purpose::Script(Script::InitialCreate);
    if *kind == Type::Redshift && (*auto_bootstrap || is_first) {
        text(config, "config.", "initialDatabase")?;
    }
    if let Some(impersonation) = table(config, "config.", "impersonation")?
        && impersonation.get("enabled") == Some(&Value::Bool(true))
    {
        text(impersonation, "config.impersonation.", "role")?;
    }
    Ok(())
}

/// A text that is there and not empty.
fn text(given: &Map<String, Value>, prefix: &str, name: &str) -> Result<(), Refusal> {
    match given.get(name) {
        None => Err(required(prefix, name)),
        Some(Value::String(text)) if text.is_empty() => {
            Err(refused(format!("\"{prefix}{name}\" is not allowed to be empty")))
        }
        Some(Value::String(_)) => Ok(()),
        Some(_) => Err(refused(format!("\"{prefix}{name}\" must be a string"))),
    }
}

fn table<'a>(
    given: &'a Map<String, Value>,
    prefix: &str,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    match given.get(name) {
        None => Ok(None),
        Some(Value::Object(table)) => Ok(Some(table)),
        Some(_) => Err(refused(format!("\"{prefix}{name}\" must be of type object"))),
    }
}

fn absent(given: &Map<String, Value>, prefix: &str, name: &str) -> Result<(), Refusal> {
    if given.contains_key(name) {
        return Err(refused(format!("\"{prefix}{name}\" is not allowed")));
    }
    Ok(())
}

fn one_of(name: &str, value: &str, allowed: &[&str]) -> Result<(), Refusal> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let of = if allowed.len() == 1 { "" } else { "one of " };
    Err(refused(format!("\"{name}\" must be {of}[{}]", allowed.join(", "))))
}

fn required(prefix: &str, name: &str) -> Refusal {
    refused(format!("\"{prefix}{name}\" is required"))
}

fn refused(message: impl Into<String>) -> Refusal {
    Refusal::new(400, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The seed's payload with a member changed, by JSON pointer; `null` takes it away.
    fn with(changes: &[(&str, Value)]) -> Value {
        let mut body = json!({"type": "Redshift", "autoBootstrap": false, "config": {
            "host": "organization.aws.amazon.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
            "authenticationType": "userPassword", "username": "taylor@redshift.com", "password": "abc1234"}});
        for (pointer, value) in changes {
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            let members = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
            match value {
                Value::Null => members.remove(name),
                value => members.insert(name.into(), value.clone()),
            };
        }
        body
    }

    #[test]
    fn a_payload_is_held_to_the_rules() {
        let check = |changes: &[(&str, Value)], purpose: Purpose, expected: Option<&str>| {
            let refusal = payload(Some(with(changes)), purpose).err();
            assert_eq!(refusal.as_ref().map(|refusal| refusal.message.as_str()), expected, "{changes:?}");
        };
        let configure = Purpose::Configure;
        let first = Purpose::Script(Script::InitialCreate);
        check(&[], configure, None);
        check(&[], first, None);
        check(&[("/autoBootstrap", json!(true))], configure, None);
        check(&[("/autoBootstrap", json!(true))], first, Some("\"autoBootstrap\" must be [false]"));
        check(&[("/autoBootstrap", Value::Null)], configure, Some("\"autoBootstrap\" is required"));
        check(&[("/autoBootstrap", json!("no"))], configure, Some("\"autoBootstrap\" must be a boolean"));
        check(&[("/type", Value::Null)], configure, Some("\"type\" is required"));
        let types = "\"type\" must be one of [Redshift, Snowflake, Databricks, Azure Synapse Analytics, Google BigQuery, \
                     Native S3, Trino]";
        check(&[("/type", json!("Oracle"))], configure, Some(types));
        let types = Some("\"type\" must be one of [Redshift, Azure Synapse Analytics]");
        check(&[("/type", json!("Snowflake"))], first, types);
        let last = Purpose::Script(Script::PostCleanup);
        check(&[], last, Some("\"type\" must be [Azure Synapse Analytics]"));
        check(&[("/config", Value::Null)], configure, Some("\"config\" is required"));
        check(&[("/config/host", Value::Null)], configure, Some("\"config.host\" is required"));
        let hostname = Some("\"config.host\" must be a valid hostname");
        check(&[("/config/host", json!("https://organization.com"))], configure, hostname);
        check(&[("/config/port", json!("5439"))], configure, Some("\"config.port\" must be a number"));
        check(&[("/config/password", Value::Null)], configure, Some("\"config.password\" is required"));
        check(&[("/config/initialDatabase", Value::Null)], configure, None);
        let initial = Some("\"config.initialDatabase\" is required");
        check(&[("/config/initialDatabase", Value::Null)], first, initial);
        let automatic = ("/autoBootstrap", json!(true));
        check(&[automatic, ("/config/initialDatabase", Value::Null)], configure, initial);
        let way = |way: &str| ("/config/authenticationType", json!(way));
        let ways = "\"config.authenticationType\" must be one of [userPassword, okta]";
        check(&[way("magic")], configure, Some(ways));
        check(&[way("okta")], configure, Some("\"config.username\" is not allowed"));
        let bare = [way("okta"), ("/config/username", Value::Null), ("/config/password", Value::Null)];
        check(&bare, configure, Some("\"config.okta\" is required"));
        let okta = json!({"username": "u", "password": "p", "appId": "Okta", "idpHost": "organization.okta.com"});
        let short = [&bare[..], &[("/config/okta", okta)]].concat();
        check(&short, configure, Some("\"config.okta.role\" is required"));
        check(&[&short[..], &[("/config/okta/role", json!("admin"))]].concat(), configure, None);
        let impersonation = [("/config/impersonation", json!({"enabled": true}))];
        check(&impersonation, configure, Some("\"config.impersonation.role\" is required"));
    }

    #[test]
    fn other_types_have_rules_of_their_own() {
        let check = |body: Value, expected: Option<&str>| {
            let refusal = payload(Some(body), Purpose::Configure).err();
            assert_eq!(refusal.as_ref().map(|refusal| refusal.message.as_str()), expected);
        };
        check(json!({"type": "Trino"}), None);
        check(json!({"type": "Trino", "autoBootstrap": false}), Some("\"autoBootstrap\" is not allowed"));
        let automatic = Some("\"autoBootstrap\" must be [false]");
        check(json!({"type": "Native S3", "autoBootstrap": true, "config": {}}), automatic);
        check(json!({"type": "Google BigQuery", "autoBootstrap": true, "config": {}}), automatic);
        let name = Some("\"config.name\" is required");
        check(json!({"type": "Native S3", "autoBootstrap": false, "config": {}}), name);
        check(json!([]), Some("\"value\" must be of type object"));
    }
}
