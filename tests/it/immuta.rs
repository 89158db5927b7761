//! Immuta's document against answers as its documentation prints them: what is asked, and what comes of it in SQL.

use iql::error::Kind;
use serde_json::{Value, json};

use crate::invented::opened;
use crate::lab::rows;
use crate::service::{Asked, Reply, Service, json as reply};

pub const KEY: &str = "846e9e43c86a4ct1be14290d95127d13f";

fn redshift(id: &str, config: &Value) -> Value {
    json!({
        "id": id, "status": "enabled",
        "validationResults": {"status": "passed", "validationTests": [
            {"name": "Initial Validation: Basic Connection Test", "result": [null], "status": "passed"},
            {"name": "Validate Automatic Bootstrap: Immuta Database Does Not Exist", "result": [], "status": "passed"},
        ]},
        "type": "Redshift", "autoBootstrap": true, "config": config,
    })
}

fn integrations() -> Vec<Value> {
    let password = json!({
        "host": "organization.aws.amazon.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "port": 5439, "impersonation": {"enabled": false}, "authenticationType": "userPassword",
        "username": "<REDACTED>", "password": "<REDACTED>",
    });
    let okta = json!({
        "host": "other.aws.amazon.com", "database": "immuta", "port": 5439,
        "impersonation": {"enabled": true, "role": "immuta_impersonation"}, "authenticationType": "okta",
        "okta": {"username": "<REDACTED>", "password": "<REDACTED>", "appId": "Okta",
                 "idpHost": "organization.okta.com", "role": "admin"},
    });
    vec![
        json!({
            "id": "1", "status": "enabled", "type": "Snowflake", "autoBootstrap": true,
            "validationResults": {"status": "passed", "validationTests": [
                {"name": "Initial Validation: Basic Connection Test", "status": "passed"},
                {"name": "Validate Automatic: Impersonation Role Does Not Exist", "status": "skipped"},
            ]},
            "config": {"host": "organization.us-east-1.snowflakecomputing.com", "port": 443, "role": "ACCOUNTADMIN"},
        }),
        // The schema says that an id is a number, and a service may do as its schema says.
        json!({
            "id": 2, "status": "enabled", "type": "Trino", "autoBootstrap": true,
            "validationResults": {"status": "passed", "validationTests": []}, "config": {},
        }),
        redshift("123456789", &password),
        redshift("3", &okta),
    ]
}

pub fn answer(asked: &Asked) -> Reply {
    if asked.header("authorization") != Some(KEY) {
        return reply(401, &json!({"statusCode": 401, "error": "Unauthorized", "message": "Missing authentication"}));
    }
    let number = |id: &str| id.parse::<u64>().ok();
    let find = |id: &str| {
        integrations().into_iter().find(|row| row["id"] == id || number(id).is_some_and(|number| row["id"] == number))
    };
    let absent = |id: &str| {
        let message = format!("No Integration found with ID {id}.");
        reply(404, &json!({"statusCode": 404, "error": "Not found", "message": message}))
    };
    match (asked.method.as_str(), asked.path.split('/').skip(1).collect::<Vec<_>>().as_slice()) {
        ("GET", ["integrations"]) => reply(200, &Value::Array(integrations())),
        ("GET", ["integrations", id]) => find(id).map_or_else(|| absent(id), |row| reply(200, &row)),
        ("GET", ["integrations", id, "status"]) => {
            find(id).map_or_else(|| absent(id), |row| reply(200, &json!({"status": row["status"]})))
        }
        _ => reply(400, &json!({"statusCode": 400, "error": "Bad Request", "message": "what?"})),
    }
}

#[tokio::test]
async fn integrations_are_read_as_the_documentation_prints_them() {
    let service = Service::start(answer).await;
    let session = opened(&[], &[("IMMUTA_HOST", &service.url), ("IMMUTA_API_KEY", KEY)]).expect("sound");
    let check = async |sql: &str, expected: Value, lines: &[&str]| {
        let found = rows(&session, sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        assert_eq!(
            (json!(found), service.lines()),
            (expected, lines.iter().map(ToString::to_string).collect()),
            "{sql}"
        );
    };
    check(
        "SELECT id, type, autoBootstrap FROM immuta.integrations.integrations",
        json!([
            {"id": "1", "type": "Snowflake", "autoBootstrap": true},
            {"id": "2", "type": "Trino", "autoBootstrap": true},
            {"id": "123456789", "type": "Redshift", "autoBootstrap": true},
            {"id": "3", "type": "Redshift", "autoBootstrap": true},
        ]),
        &["GET /integrations"],
    )
    .await;
    check(
        "SELECT status, config FROM immuta.integrations.integrations WHERE Identifier = '2'",
        json!([{"status": "enabled", "config": "{}"}]),
        &["GET /integrations/2"],
    )
    .await;
    check("SELECT id FROM immuta.integrations.integrations WHERE id = '5'", json!([]), &["GET /integrations/5"]).await;
    check(
        "SELECT id, host, port, initial_database, impersonation_role, okta_idp_host
         FROM immuta.integrations.redshift_integrations",
        json!([
            {"id": "123456789", "host": "organization.aws.amazon.com", "port": 5439, "initial_database": "REDSHIFT_SAMPLE_DATA"},
            {"id": "3", "host": "other.aws.amazon.com", "port": 5439,
             "impersonation_role": "immuta_impersonation", "okta_idp_host": "organization.okta.com"},
        ]),
        &["GET /integrations"],
    )
    .await;
    check(
        "SELECT id FROM immuta.integrations.redshift_integrations WHERE id = '1'",
        json!([]),
        &["GET /integrations/1"],
    )
    .await;
    check(
        "SELECT integration_id, number, status FROM immuta.integrations.validation_tests WHERE status <> 'passed'",
        json!([{"integration_id": "1", "number": 2, "status": "skipped"}]),
        &["GET /integrations"],
    )
    .await;
    check(
        "SELECT number, result FROM immuta.integrations.validation_tests WHERE integration_id = '3'",
        json!([{"number": 1, "result": "[null]"}, {"number": 2, "result": "[]"}]),
        &["GET /integrations/3"],
    )
    .await;
    check(
        "SELECT id, status FROM immuta.integrations.status WHERE id IN ('3', '4')",
        json!([{"id": "3", "status": "enabled"}]),
        &["GET /integrations/3/status", "GET /integrations/4/status"],
    )
    .await;
}

#[tokio::test]
async fn a_request_is_as_the_documentation_prints_it() {
    let service = Service::start(answer).await;
    let session = opened(&[], &[("IMMUTA_API_KEY", KEY)]).expect("sound");
    let sql =
        format!("SELECT id FROM immuta.integrations.integrations WHERE immuta_host = '{}' AND id = '3'", service.url);
    assert_eq!(rows(&session, &sql).await.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(1));
    let asked = service.asked();
    let header = |name: &str| asked[0].header(name);
    assert_eq!((asked.len(), asked[0].line().as_str()), (1, "GET /integrations/3"));
    assert_eq!(
        (header("accept"), header("content-type"), header("authorization")),
        (Some("application/json"), Some("application/json"), Some(KEY))
    );
    let session = opened(&[], &[("IMMUTA_HOST", &service.url), ("IMMUTA_API_KEY", "wrong")]).expect("sound");
    let error = rows(&session, "SELECT id FROM immuta.integrations.integrations").await.expect_err("a wrong key");
    assert_eq!(error.kind, Kind::Credentials);
    assert_eq!(
        error.to_string().replace(&service.url, "https://acme.immuta.example"),
        "Immuta refused to list the integrations: 401 Unauthorized\n  GET https://acme.immuta.example/integrations\n  \
         Immuta says: Missing authentication\n  code Unauthorized\n\n\
         hint: the key came from `IMMUTA_API_KEY`; it may have expired, or be another service's"
    );
}
