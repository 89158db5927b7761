//! Immuta's endpoints over a real socket. Other processes and real clients are in `tests/clients/`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::tests::{exchange, open};
use crate::sandbox::{
    At, ClockChange, Controls, ErrorBody, Fault, IMMUTA_API_KEY, IMMUTA_READER_API_KEY, Length, Mode, Running, Trouble,
};

/// A sandbox and the folder that it needs.
struct Lab {
    running: Running,
    dir: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Lab {
        let dir = tempfile::tempdir().expect("a folder");
        Lab { running: open(dir.path()).await, dir }
    }

    /// Status, and the body as JSON, or as a text when it is none.
    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(IMMUTA_API_KEY, method, path, "application/json", &body).await
    }

    async fn ask(&self, key: &str, method: &str, path: &str, content_type: &str, body: &str) -> (u16, Value) {
        let headers = format!("accept: application/json\r\nContent-Type: {content_type}\r\nAuthorization: {key}\r\n");
        let (status, _, body) = exchange(&self.running, method, path, &headers, body).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    #[track_caller]
    fn advance(&self, seconds: f64) {
        let change = ClockChange { mode: Some(Mode::Fixed), advance_seconds: Some(seconds), ..ClockChange::default() };
        self.running.set_clock(&change).expect("the clock moves");
    }

    async fn refused(&self, method: &str, path: &str, body: Value, status: u16, error: &str, message: &str) {
        let expected = json!({"statusCode": status, "error": error, "message": message});
        assert_eq!(self.call(method, path, body.clone()).await, (status, expected), "{method} {path} {body}");
    }
}

/// The documentation's automatic payload on another host.
fn automatic(host: &str) -> Value {
    json!({"type": "Redshift", "autoBootstrap": true, "config": {
        "host": host, "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "authenticationType": "userPassword", "username": "taylor@redshift.com", "password": "abc1234"}})
}

fn manual(host: &str) -> Value {
    let mut payload = automatic(host);
    payload["autoBootstrap"] = json!(false);
    payload
}

fn credentials() -> Value {
    json!({"authenticationType": "userPassword", "username": "taylor@redshift.com", "password": "abc1234"})
}

fn passed() -> Value {
    json!({"status": "passed", "validationTests": [
        {"name": "Initial Validation: Basic Connection Test", "result": [null], "status": "passed"},
        {"name": "Validate Automatic Bootstrap: Immuta Database Does Not Exist", "result": [], "status": "passed"}]})
}

#[tokio::test]
async fn the_seed_is_listed_without_its_secrets() {
    let lab = Lab::new().await;
    let (status, rows) = lab.call("GET", "/integrations", Value::Null).await;
    let rows = rows.as_array().expect("an array");
    assert_eq!((status, rows.len()), (200, 9));
    assert!(rows.iter().all(|row| row["id"].is_string() && row["validationResults"]["status"].is_string()));
    assert!(!json!(rows).to_string().contains("\"sandbox\""), "every secret of the seed is `sandbox`");
    let config = |place: usize, name: &str| rows[place]["config"][name].clone();
    assert_eq!((config(0, "username"), config(0, "password")), (json!("<REDACTED>"), json!("<REDACTED>")));
    assert_eq!((config(1, "token"), config(0, "role")), (json!("REDACTED"), json!("ACCOUNTADMIN")));
    let okta = json!({"username": "<REDACTED>", "password": "<REDACTED>", "appId": "Okta",
        "idpHost": "organization.okta.com", "role": "admin"});
    assert_eq!(config(4, "okta"), okta);
    let failed = &rows[5]["validationResults"];
    assert_eq!((&rows[5]["status"], &failed["status"]), (&json!("createError"), &json!("failed")));
    assert_eq!(failed["validationTests"][0]["status"], "failed");
    assert!(failed["validationTests"][0]["message"].as_str().is_some_and(|text| text.contains("ml-features-prod.")));
    assert_eq!(rows[7].get("autoBootstrap"), None);
    for row in rows {
        let one = lab.call("GET", &format!("/integrations/{}", row["id"].as_str().expect("a text")), Value::Null).await;
        assert_eq!(one, (200, row.clone()));
    }
}

#[tokio::test]
async fn an_integration_moves_with_the_clock() {
    let lab = Lab::new().await;
    lab.advance(0.0);
    let created = lab.call("POST", "/integrations", automatic("fresh.example.com")).await;
    assert_eq!(created, (200, json!({"id": "10", "status": "creating", "validationResults": passed()})));
    let status = async || lab.call("GET", "/integrations/10/status", Value::Null).await.1["status"].clone();
    assert_eq!(status().await, "creating");
    let busy = "Integration 10 is creating. Wait until that is done.";
    lab.refused("DELETE", "/integrations/10", credentials(), 409, "Conflict", busy).await;
    lab.refused("PUT", "/integrations/10", automatic("fresh.example.com"), 409, "Conflict", busy).await;
    lab.advance(30.0);
    let config = json!({"host": "fresh.example.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "port": 5439, "impersonation": {"enabled": false}, "authenticationType": "userPassword",
        "username": "<REDACTED>", "password": "<REDACTED>"});
    let whole = json!({"id": "10", "status": "enabled", "validationResults": passed(), "type": "Redshift",
        "autoBootstrap": true, "config": config});
    assert_eq!(lab.call("GET", "/integrations/10", Value::Null).await, (200, whole.clone()));
    // An edit that fails is rolled back.
    let (status_code, editing) = lab.call("PUT", "/integrations/10", automatic("denied-there.example.com")).await;
    assert_eq!((status_code, &editing["status"]), (200, &json!("editing")));
    lab.advance(5.0);
    let (_, row) = lab.call("GET", "/integrations/10", Value::Null).await;
    assert_eq!((&row["status"], &row["config"]), (&json!("editError"), &whole["config"]));
    assert_eq!(row["validationResults"]["status"], "failed");
    let mut okta = automatic("fresh.example.com");
    okta["config"] = json!({"host": "fresh.example.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "authenticationType": "okta", "okta": {"username": "taylor@redshift.com", "password": "abc1234",
        "appId": "Okta", "idpHost": "organization.okta.com", "role": "admin"}});
    let edited = lab.call("PUT", "/integrations/10", okta).await;
    assert_eq!(edited, (200, json!({"id": "10", "status": "editing", "validationResults": passed()})));
    lab.advance(5.0);
    let (_, row) = lab.call("GET", "/integrations/10", Value::Null).await;
    assert_eq!((&row["status"], &row["config"]["okta"]["username"]), (&json!("enabled"), &json!("<REDACTED>")));
    assert_eq!(row["config"].get("username"), None);
    let deleted = lab.call("DELETE", "/integrations/10", credentials()).await;
    assert_eq!(deleted, (200, json!({"id": "10", "status": "deleting", "validationResults": passed()})));
    lab.advance(10.0);
    let gone = "No Integration found with ID 10.";
    lab.refused("GET", "/integrations/10", Value::Null, 404, "Not found", gone).await;
    let again = lab.call("POST", "/integrations", automatic("fresh.example.com")).await;
    assert_eq!((again.0, &again.1["id"]), (200, &json!("11")), "the host is free again, the id is not");
    // A creation that fails.
    let (_, row) = lab.call("POST", "/integrations", manual("denied-here.example.com")).await;
    assert_eq!((&row["status"], &row["validationResults"]["status"]), (&json!("creating"), &json!("passed")));
    lab.advance(30.0);
    let (_, row) = lab.call("GET", "/integrations/12", Value::Null).await;
    assert_eq!((&row["status"], &row["validationResults"]["status"]), (&json!("createError"), &json!("failed")));
    // The state stays.
    let Lab { running, dir } = lab;
    drop(running);
    let lab = Lab { running: open(dir.path()).await, dir };
    assert_eq!(lab.call("GET", "/integrations/12", Value::Null).await, (200, row));
}

#[tokio::test]
async fn a_request_is_refused_as_immuta_refuses_it() {
    let lab = Lab::new().await;
    let (bad, missing, conflict) = ("Bad request", "Not found", "Conflict");
    let unknown = "No Integration found with ID 5/0.";
    for (method, path) in [("GET", ""), ("GET", "/status"), ("POST", "/regenerate"), ("POST", "/scripts/delete")] {
        lab.refused(method, &format!("/integrations/5%2F0{path}"), Value::Null, 404, missing, unknown).await;
    }
    let payload = automatic("fresh.example.com");
    lab.refused("PUT", "/integrations/50", payload.clone(), 404, missing, "No Integration found with ID 50.").await;
    lab.refused("DELETE", "/integrations/50", Value::Null, 404, missing, "No integration found with ID 50.").await;
    lab.refused("PATCH", "/integrations/5", payload.clone(), 404, missing, "Not Found").await;
    lab.refused("GET", "/integrations/", Value::Null, 404, missing, "Not Found").await;
    lab.refused("POST", "/integrations", Value::Null, 400, bad, "\"value\" must be of type object").await;
    let host = lab.call("GET", "/integrations/3", Value::Null).await.1["config"]["host"].clone();
    let host = host.as_str().expect("a host");
    let taken = format!("Redshift integration already exists on {host} (id = 3).");
    lab.refused("POST", "/integrations", automatic(host), 409, conflict, &taken).await;
    lab.refused("PUT", "/integrations/7", manual(host), 409, conflict, &taken).await;
    lab.refused(
        "PUT",
        "/integrations/3",
        manual(host),
        400,
        bad,
        "The autoBootstrap of an integration cannot be changed.",
    )
    .await;
    lab.refused("PUT", "/integrations/8", manual(host), 400, bad, "The type of an integration cannot be changed.")
        .await;
    let mut redacted = payload;
    redacted["config"]["password"] = json!("<REDACTED>");
    let failed =
        |operation: &str| format!("Validation of prerequisite setup failed. Unable to {operation} integration.");
    let unprocessable = "Unprocessable entity";
    lab.refused("POST", "/integrations", redacted.clone(), 422, unprocessable, &failed("create")).await;
    redacted["config"]["password"] = json!("wrong-password");
    lab.refused("PUT", "/integrations/3", redacted, 422, unprocessable, &failed("update")).await;

    let needed = "Integrations that are automatically configured require privileged credentials to disable. Please \
                  provide them in your payload.";
    lab.refused("DELETE", "/integrations/3", Value::Null, 400, bad, needed).await;
    lab.refused("DELETE", "/integrations/3", json!({}), 400, bad, needed).await;
    let wrapped = json!({"config": credentials()});
    lab.refused("DELETE", "/integrations/3", wrapped, 400, bad, "\"authenticationType\" is required").await;
    let use_put =
        "If you need to update your integration credentials, use PUT to update the integration before disabling.";
    let manually = "Credentials are not required for disable unless the integration was configured automatically.";
    lab.refused("DELETE", "/integrations/4", credentials(), 400, bad, &format!("{manually} {use_put}")).await;
    let databricks = "Credentials are not required to disable a Databricks integration.";
    lab.refused("DELETE", "/integrations/2", credentials(), 400, bad, &format!("{databricks} {use_put}")).await;
    for id in [2, 4, 6, 8, 9] {
        let (status, row) = lab.call("DELETE", &format!("/integrations/{id}"), Value::Null).await;
        assert_eq!((status, &row["status"]), (200, &json!("deleting")), "{row}");
    }
}

#[tokio::test]
async fn scripts_and_keys_are_given() {
    let lab = Lab::new().await;
    let headers = format!("Content-Type: application/json\r\nAuthorization: {IMMUTA_API_KEY}\r\n");
    let payload = manual("fresh.example.com");
    let finance = lab.call("GET", "/integrations/4", Value::Null).await.1["config"]["host"].clone();
    let edit = manual(finance.as_str().expect("a host"));
    for (path, body, part) in [
        ("/integrations/scripts/initial-create", &payload, "CREATE DATABASE \"immuta\";"),
        ("/integrations/scripts/create", &payload, "CREATE OR REPLACE PROCEDURE immuta_procedures."),
        ("/integrations/4/scripts/edit", &edit, "ALTER USER \"taylor@redshift.com\""),
        ("/integrations/4/scripts/delete", &Value::Null, "DROP SCHEMA IF EXISTS immuta_system"),
        ("/integrations/scripts/cleanup", &payload, "DROP SCHEMA IF EXISTS immuta_system"),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, head, text) = exchange(&lab.running, "POST", path, &headers, &body).await;
        assert_eq!(status, 200, "{path}: {text}");
        assert!(head.to_lowercase().contains("content-type: text/plain"), "{head}");
        assert!(text.contains(part), "{path}: {text}");
    }
    let bad = "Bad request";
    let script = "/integrations/scripts/create";
    lab.refused("POST", script, automatic("x.example.com"), 400, bad, "\"autoBootstrap\" must be [false]").await;
    let only = "\"type\" must be [Azure Synapse Analytics]";
    lab.refused("POST", "/integrations/scripts/post-cleanup", payload, 400, bad, only).await;
    let synapse = json!({"type": "Azure Synapse Analytics", "autoBootstrap": false, "config": {"host": "x.example.com",
        "database": "d", "schema": "s", "username": "u", "password": "p"}});
    assert_eq!(lab.call("POST", "/integrations/scripts/post-cleanup", synapse).await.0, 200);
    let never = "Scripts are only for integrations that were configured manually.";
    lab.refused("POST", "/integrations/3/scripts/delete", Value::Null, 400, bad, never).await;

    let key = |row: &Value| row["config"]["apiKey"].clone();
    let old = key(&lab.call("GET", "/integrations/8", Value::Null).await.1);
    let (status, answer) = lab.call("POST", "/integrations/8/regenerate", Value::Null).await;
    assert_eq!((status, &answer["id"]), (200, &json!("8")));
    assert_ne!(answer["apiKey"], old);
    assert_eq!(key(&lab.call("GET", "/integrations/8", Value::Null).await.1), answer["apiKey"]);
    let none = "A Redshift integration has no API key to regenerate.";
    lab.refused("POST", "/integrations/3/regenerate", Value::Null, 400, bad, none).await;
    let (status, row) = lab.call("POST", "/integrations", json!({"type": "Trino"})).await;
    assert_eq!((status, &row["validationResults"]["validationTests"]), (200, &json!([])));
}

#[tokio::test]
async fn bodies_are_json_or_yaml() {
    let lab = Lab::new().await;
    let yaml = "type: Redshift\nautoBootstrap: false\nconfig:\n  host: yaml.example.com\n  database: immuta\n  \
                initialDatabase: dev\n  authenticationType: userPassword\n  username: u\n  password: p\n";
    let post = async |content_type: &str, body: &str| {
        lab.ask(IMMUTA_API_KEY, "POST", "/integrations", content_type, body).await
    };
    assert_eq!(post("text/yaml", yaml).await.0, 200);
    assert_eq!(post("application/json", yaml).await.0, 400);
    assert_eq!(post("application/x-www-form-urlencoded", yaml).await.0, 415);
    let served = lab.running.requests().remove(0);
    assert_eq!((served.action.as_str(), served.account.as_str()), ("POST /integrations", "immuta"));
    assert_eq!(served.body, Some(Value::from(yaml)));
}

#[tokio::test]
async fn a_caller_is_known_by_key_or_token() {
    let lab = Lab::new().await;
    let list = async |authorization: &str| {
        let (status, answer) = lab.ask(authorization, "GET", "/integrations", "application/json", "").await;
        (status, answer["message"].as_str().map(String::from))
    };
    let login = async || {
        let answer = lab.call("POST", "/bim/apikey/authenticate", json!({"apikey": IMMUTA_API_KEY})).await;
        assert_eq!((answer.0, &answer.1["authenticated"]), (200, &json!(true)));
        format!("Bearer {}", answer.1["token"].as_str().expect("a token"))
    };
    let refused = |status: u16, message: &str| (status, Some(message.to_string()));
    assert_eq!(list(IMMUTA_API_KEY).await, (200, None));
    assert_eq!(list("846e9e43c86a4ct1be14290d95127d13f").await, (200, None));
    assert_eq!(list(IMMUTA_READER_API_KEY).await, refused(403, "User does not have permission APPLICATION_ADMIN"));
    assert_eq!(list("nobody").await, refused(401, "Invalid API key"));
    assert_eq!(list(&format!("Bearer {IMMUTA_API_KEY}")).await, refused(401, "Invalid token"));
    assert_eq!(exchange(&lab.running, "GET", "/integrations", "", "").await.0, 401);
    let other = lab.call("POST", "/bim/apikey/authenticate", json!({"apikey": "nobody"})).await;
    assert_eq!((other.0, &other.1["error"]), (401, &json!("Unauthorized")));
    lab.running.set_controls(&Controls { token_seconds: 60.0, ..Controls::default() }).expect("controls");
    lab.advance(0.0);
    let (token, another) = (login().await, login().await);
    assert_ne!(token, another);
    lab.advance(59.0);
    assert_eq!(list(&token).await, (200, None));
    lab.advance(1.0);
    assert_eq!(list(&token).await, refused(401, "Expired token"));
    assert_eq!(list(&login().await).await, (200, None));
    let served = lab.running.requests().pop().expect("a request");
    assert_eq!((served.method.as_deref(), served.path.as_deref()), (Some("GET"), Some("/integrations")));
    assert!(served.headers["authorization"].starts_with("Bearer ") && served.body.is_none());
}

#[tokio::test]
async fn trouble_comes_in_immutas_form() {
    let lab = Lab::new().await;
    let whole = lab.call("GET", "/integrations", Value::Null).await;
    let with = async |trouble: Trouble| {
        lab.running.clear_faults();
        lab.running.add_fault(Fault { account: Some("immuta".into()), ..Fault::new(trouble) }.on("GET /integrations"));
        assert_eq!(lab.call("GET", "/integrations/3", Value::Null).await.0, 200, "another action");
        tokio::time::timeout(Duration::from_secs(5), lab.call("GET", "/integrations", Value::Null)).await
    };
    let check = async |trouble: Trouble, status: u16, error: &str| {
        let (given, answer) = with(trouble).await.expect("an answer");
        assert_eq!((given, &answer["statusCode"], &answer["error"]), (status, &json!(status), &json!(error)));
    };
    let server_error = |status: u16, body: ErrorBody| Trouble::ServerError { status, body };
    let throttle = Trouble::Throttle { rate: 0.0, burst: 0.0, code: Default::default(), retry_after_seconds: Some(7) };
    check(throttle, 429, "Too many requests").await;
    check(server_error(500, ErrorBody::Xml), 500, "Internal server error").await;
    check(server_error(503, ErrorBody::Xml), 503, "Service unavailable").await;
    check(Trouble::Denied, 403, "Forbidden").await;
    check(Trouble::Expired, 401, "Unauthorized").await;
    let text = async |trouble: Trouble| match with(trouble).await {
        Ok((status, Value::String(text))) => (status, text),
        other => panic!("no text but {other:?}"),
    };
    assert!(text(server_error(503, ErrorBody::Html)).await.1.starts_with("<html>"));
    assert_eq!(text(server_error(502, ErrorBody::None)).await, (502, String::new()));
    assert!(text(Trouble::WrongShape).await.1.starts_with("<html>"));
    assert_eq!(text(Trouble::Reset).await, (0, String::new()));
    assert_eq!(text(Trouble::Lost).await, (0, String::new()));
    let (status, body) = text(Trouble::Cut { at: At::Rows(3), length: Length::Whole }).await;
    let rows = whole.1.as_array().expect("an array");
    let read: Vec<Value> = serde_json::from_str(&format!("{body}]")).expect("three rows");
    assert_eq!((status, &read[..]), (200, &rows[..3]));
    assert_eq!(with(Trouble::RepeatMarker).await.expect("an answer"), whole);
    lab.running.clear_faults();
    lab.running.add_fault(Fault::new(Trouble::Hang));
    let hang = tokio::time::timeout(Duration::from_millis(50), lab.call("GET", "/integrations", Value::Null));
    assert!(hang.await.is_err(), "no answer comes");
}

#[tokio::test]
async fn a_state_of_an_older_version_gets_what_it_lacks() {
    let Lab { running, dir } = Lab::new().await;
    drop(running);
    let mut builder = redb::Database::builder();
    let builder = builder.set_concurrency_mode(redb::ConcurrencyMode::MultiWriter);
    let database = builder.open(dir.path().join("sandbox.redb")).expect("the store");
    let transaction = database.begin_write().expect("a change");
    assert!(transaction.delete_table(super::ROWS).expect("a table"));
    transaction.commit().expect("kept");
    drop(database);
    let lab = Lab { running: open(dir.path()).await, dir };
    let rows = lab.call("GET", "/integrations", Value::Null).await.1;
    assert_eq!(rows.as_array().map(Vec::len), Some(9));
}
