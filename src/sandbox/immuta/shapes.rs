//! Integrations as answers show them: without their secrets, with the defaults, with the tests of their validation.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::rows::{Row, Status, Type};

/// Secrets within a `config`, and what stands in their place. Those of user name, password and token are documented,
/// the token's without brackets; the others are inferred.
const SECRETS: &[(&[&str], &str)] = &[
    (&["username"], "<REDACTED>"),
    (&["password"], "<REDACTED>"),
    (&["token"], "REDACTED"),
    (&["okta", "username"], "<REDACTED>"),
    (&["okta", "password"], "<REDACTED>"),
    (&["privateKey", "content"], "<REDACTED>"),
    (&["privateKeyPassword"], "<REDACTED>"),
    (&["oAuthClientConfig", "clientSecret"], "<REDACTED>"),
    (&["awsSecretAccessKey"], "<REDACTED>"),
    (&["credential"], "<REDACTED>"),
];

/// What a POST, PUT or DELETE answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Brief {
    id: String,
    status: &'static str,
    validation_results: Value,
}

/// What a GET answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Whole {
    #[serde(flatten)]
    brief: Brief,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_bootstrap: Option<bool>,
    config: Map<String, Value>,
}

pub fn brief(row: &Row, now: i64) -> Brief {
    let status = status(row, now);
    Brief { id: row.id.to_string(), status: status.wire(), validation_results: validation_results(row, status) }
}

pub fn whole(row: &Row, now: i64) -> Whole {
    Whole {
        brief: brief(row, now),
        r#type: row.kind.wire(),
        auto_bootstrap: (row.kind != Type::Trino).then_some(row.auto_bootstrap),
        config: config(row),
    }
}

/// The status of a row that is not gone.
pub fn status(row: &Row, now: i64) -> Status {
    row.course.at(now).unwrap_or(Status::Deleting)
}

/// The members that an answer shows though nobody gave them.
pub fn with_defaults(kind: Type, given: Map<String, Value>) -> Map<String, Value> {
    let off = || json!({"enabled": false});
    let mut config = match kind {
        Type::Redshift => Map::from_iter([("port".into(), json!(5439)), ("impersonation".into(), off())]),
        Type::Snowflake => ["audit", "workspaces", "impersonation", "lineage"]
            .into_iter()
            .map(|name| (name.into(), off()))
            .chain([("port".into(), json!(443))])
            .collect(),
        Type::Databricks => Map::from_iter([("audit".into(), off())]),
        Type::Synapse => Map::from_iter([("impersonation".into(), off())]),
        Type::BigQuery | Type::S3 | Type::Trino => Map::new(),
    };
    config.extend(given);
    config
}

/// The secrets that a `config`, or the body of a DELETE, has.
pub fn secrets(given: &Map<String, Value>) -> impl Iterator<Item = &str> {
    SECRETS.iter().filter_map(|(path, _)| {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(given.get(*first)?, |value, name| value.get(name))?.as_str()
    })
}

/// Does this stand in a secret's place?
pub fn is_redacted(text: &str) -> bool {
    SECRETS.iter().any(|(_, shown)| *shown == text)
}

fn config(row: &Row) -> Map<String, Value> {
    let mut config = row.config.clone();
    for (path, shown) in SECRETS {
        let Some((first, rest)) = path.split_first() else { continue };
        let start = config.get_mut(*first);
        let place = rest.iter().fold(start, |value, name| value.and_then(|value| value.get_mut(name)));
        if let Some(place) = place {
            *place = json!(shown);
        }
    }
    // The documentation says that a key is given, not under which name.
    if let Some(key) = &row.api_key {
        config.insert("apiKey".into(), json!(key));
    }
    config
}

/// Names and statuses are those of the documentation's examples, which show the same pair for every Redshift
/// integration, manual ones too.
fn validation_results(row: &Row, status: Status) -> Value {
    let mut tests = validation_tests(row);
    if !status.is_error() {
        return json!({"status": "passed", "validationTests": tests});
    }
    // The first test of a connection fails, and those behind it are not made.
    for (place, test) in tests.iter_mut().enumerate() {
        let name = test["name"].take();
        *test = match place {
            0 => json!({"name": name, "status": "failed", "message": failure(row)}),
            _ => json!({"name": name, "status": "skipped"}),
        };
    }
    json!({"status": "failed", "validationTests": tests})
}

fn failure(row: &Row) -> String {
    let place = super::rows::place(row.kind, &row.config).unwrap_or_default();
    format!("Unable to connect to {place}: permission denied for the system account.")
}

fn validation_tests(row: &Row) -> Vec<Value> {
    let passed = |name: &str| json!({"name": name, "status": "passed"});
    let with = |name: &str, result: Value| json!({"name": name, "status": "passed", "result": result});
    match row.kind {
        Type::Redshift | Type::Synapse => vec![
            with("Initial Validation: Basic Connection Test", json!([null])),
            with("Validate Automatic Bootstrap: Immuta Database Does Not Exist", json!([])),
        ],
        Type::Snowflake => {
            let is_on = row.config.get("impersonation").and_then(|member| member.get("enabled")) == Some(&json!(true));
            let impersonation = if is_on { "passed" } else { "skipped" };
            vec![
                passed("Initial Validation: Basic Connection Test"),
                with("Initial Validation: Default Warehouse Access Test", json!([])),
                with("Initial Validation: Validate access to Privileged Role", json!([])),
                passed("Validate Automatic: Database Does Not Exist"),
                json!({"name": "Validate Automatic: Impersonation Role Does Not Exist", "status": impersonation}),
                passed("Validate Automatic Bootstrap User Grants"),
            ]
        }
        Type::Databricks => {
            vec![passed("Metastore validation"), with("Basic Connection Test", json!([{"1": 1}]))]
        }
        Type::BigQuery => vec![
            passed("Basic Validation: Verify service account not being used for data source connection credentials"),
            passed("Basic Validation: Immuta Service Account postfix"),
            passed("Basic Validation: Non-matching service account in key file"),
        ],
        Type::S3 => vec![
            passed("There is no existing integration matching this configuration"),
            passed("The provided integration name is unique across Immuta S3 integrations"),
            passed("The provided access grants location role is a valid ARN format"),
            passed("The provided AWS credentials allow fetching the caller's identity via the AWS STS API"),
            passed("An AWS Access Grants instance is configured in the provided AWS account and region"),
        ],
        Type::Trino => Vec::new(),
    }
}
