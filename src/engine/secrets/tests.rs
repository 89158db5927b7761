//! Statements, and what is shown of them.

use std::sync::Arc;

use super::*;
use crate::settings::{Environment, Secrets, Settings};

const DOCUMENT: &str = "\
driver: rest
title: Things
version: '1'
rest:
  base: https://things.example
  calls:
    List: {get: /things, rows: '[]', fields: [id, name, config]}
    Make: {post: /things, body: [name, pin, config]}
    Change: {put: '/things/{id}', key: id, body: [name, pin, config]}
    Drop: {delete: '/things/{id}', key: id, body: [password]}
resources:
  things:
    identity: [id]
    fields:
      id: {type: string}
      name: {type: string, access: write}
      pin: {type: string, access: secret}
      config: {type: json, access: write, secrets: [/password, /okta/password], redacted: [<REDACTED>]}
    methods:
      list: {call: List}
      make: {call: Make}
      change: {call: Change, needs: [Identifier, PatchDocument]}
      drop: {call: Drop, needs: [Identifier], arguments: {password: {type: string, access: secret}}}
    verbs: {select: list, insert: make, update: change, delete: drop}
";

fn engine() -> Arc<Engine> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("acme")).expect("a folder");
    std::fs::write(folder.path().join("acme/things.yaml"), DOCUMENT).expect("written");
    let environment = Environment::default().with("PIN", "hunter2");
    let secrets = Secrets { environment, path: None };
    let settings = Settings { providers: Some(folder.path().to_path_buf()), secrets, ..Settings::default() };
    Engine::open(settings).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_literals_of_secrets_are_left_out_and_no_others() {
    let engine = engine();
    let check = |sql: &str, expected: &str| assert_eq!(masked(&engine, sql), expected);
    let same = |sql: &str| assert_eq!(masked(&engine, sql), sql);
    check(
        "INSERT INTO acme.things.things (name, pin) VALUES ('a', '1234'), ('b', 'x' || 'y')",
        "INSERT INTO acme.things.things (name, pin) VALUES ('a', '…'), ('b', '…' || '…')",
    );
    check(
        "INSERT INTO acme.things.things (config, name) SELECT '{\"password\": \"x\"}', 'a' UNION ALL SELECT 'okta:\n  password: x', 'b'",
        "INSERT INTO acme.things.things (config, name) SELECT '…', 'a' UNION ALL SELECT '…', 'b'",
    );
    same(
        "INSERT INTO acme.things.things (config, name) VALUES ('{\"host\": \"h\", \"password\": \"<REDACTED>\"}', 'a')",
    );
    same(
        "INSERT INTO acme.things.things (config, pin) VALUES ('{\"password\": {\"$secret\": \"PW\"}}', secret('PIN'))",
    );
    // Ill-written, ill-spelled, or from elsewhere.
    check(
        "INSERT INTO acme.things.things (config, pni) VALUES ('{\"host\": \"h\"', 'x')",
        "INSERT INTO acme.things.things (config, pni) VALUES ('…', '…')",
    );
    check(
        "INSERT INTO acme.things.things (pin) SELECT v FROM (VALUES ('x')) AS t(v)",
        "INSERT INTO acme.things.things (pin) SELECT v FROM (VALUES ('…')) AS t(v)",
    );
    check("INSERT INTO acme.thongs.things (name) VALUES ('x')", "INSERT INTO acme.thongs.things (name) VALUES ('…')");
    check(
        "UPDATE acme.things.things SET pin = 'x', name = 'y' WHERE id = '1' AND pin <> 'z'",
        "UPDATE acme.things.things SET pin = '…', name = 'y' WHERE id = '1' AND pin <> '…'",
    );
    check(
        "UPDATE acme.things.things SET PatchDocument = '[{\"op\": \"add\", \"path\": \"/config/okta\", \"value\": {\"password\": \"x\"}}]' WHERE id = '1'",
        "UPDATE acme.things.things SET PatchDocument = '…' WHERE id = '1'",
    );
    same(
        "UPDATE acme.things.things SET PatchDocument = '[{\"op\": \"add\", \"path\": \"/name\", \"value\": \"x\"}]' WHERE id = '1'",
    );
    check(
        "DELETE FROM acme.things.things WHERE id = '1' AND password = 'x' OR passwrod IN ('y')",
        "DELETE FROM acme.things.things WHERE id = '1' AND password = '…' OR passwrod IN ('…')",
    );
    check(
        "EXPLAIN EXEC acme.things.things.drop @id = '1', @password = 'x'",
        "EXPLAIN EXEC acme.things.things.drop @id = '1', @password = '…'",
    );
    check(
        "EXEC acme.things.things.make @@json = '{\"name\": \"a\", \"config\": {\"password\": \"x\"}}'",
        "EXEC acme.things.things.make @@json = '…'",
    );
    same("EXEC acme.things.things.make @@json = '{\"name\": \"a\"}'");
    check(
        "SELECT * FROM acme.things.things WHERE pin = 'x' AND name = 'y'",
        "SELECT * FROM acme.things.things WHERE pin = '…' AND name = 'y'",
    );
    same("SELECT secret('PIN'), 'x' AS pin");
    same("INSERT INTO awscc.redshift.integrations (SourceArn, region) VALUES ('arn', 'us-east-1')");
    check("INSERT INTO acme.things.things (name) VALUES ('x'", "INSERT INTO acme.things.things (name) VALUES ('…'");
}

#[tokio::test]
async fn markers_stand_where_a_secret_belongs_and_have_values() {
    let session = engine().session();
    let check = async |sql: &str, kind: Kind, expected: &str| {
        let error = session.run(sql).await.err().unwrap_or_else(|| panic!("{sql}"));
        assert_eq!((error.kind, error.message.as_str()), (kind, expected), "{sql}\n{error}");
        assert!(error.to_string().contains("nothing was "), "{error}");
    };
    let condition = "a condition is no place for the secret `PIN`: it would be shown";
    check("SELECT * FROM acme.things.things WHERE id = secret('PIN')", Kind::Param, condition).await;
    check("SELECT * FROM acme.things.things WHERE id = '{\"$secret\": \"PIN\"}'", Kind::Param, condition).await;
    check("DELETE FROM acme.things.things WHERE name = secret('PIN')", Kind::Param, condition).await;
    check(
        "EXPLAIN SELECT 1 FROM (SELECT * FROM acme.things.things WHERE name = secret('PIN')) x",
        Kind::Param,
        condition,
    )
    .await;
    let insert = |columns: &str, values: &str| format!("INSERT INTO acme.things.things ({columns}) VALUES ({values})");
    check(&insert("name", "secret('PIN')"), Kind::Param, "`name` is no place for the secret `PIN`: it would be shown")
        .await;
    check(
        &insert("config", "'{\"host\": {\"$secret\": \"PIN\"}}'"),
        Kind::Param,
        "`config.host` is no place for the secret `PIN`: it would be shown",
    )
    .await;
    check(
        &insert("config", "'{\"password\": {\"$secret\": 5}}'"),
        Kind::Param,
        "`config.password` is no secret by its name: it is written `{\"$secret\": \"NAME\"}`",
    )
    .await;
    check(&insert("pin", "secret('NONE')"), Kind::Credentials, "the secret `NONE` has no value").await;
    check(
        &insert("config, pin", "'password: {$secret: NOT}', secret('NONE')"),
        Kind::Credentials,
        "the secret `NONE` has no value",
    )
    .await;
    let computed = "secret('NO' || 'NE')";
    check(&insert("pin", computed), Kind::Credentials, "the secret `NONE` has no value").await;
    check(
        "INSERT INTO awscc.redshift.integrations (IntegrationName, SourceArn, TargetArn, region) \
         VALUES (secret('PIN'), 'arn:aws:dynamodb:us-east-1:1:table/a', 'arn:aws:redshift:us-east-1:1:namespace:a', 'us-east-1')",
        Kind::Param,
        "`IntegrationName` is no place for the secret `PIN`: it would be shown",
    )
    .await;
}

#[tokio::test]
async fn explain_shows_markers_and_no_secret() {
    use futures::TryStreamExt;
    let session = engine().session();
    let sql = "EXPLAIN INSERT INTO acme.things.things (name, pin, config) \
               VALUES ('a', secret('NONE'), '{\"password\": \"hunter2\", \"okta\": {\"password\": {\"$secret\": \"PIN\"}}}')";
    let outcome = session.run(sql).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(outcome.notices, ["the secret `NONE` has no value"]);
    let batches: Vec<RecordBatch> = outcome.rows.try_collect().await.expect("rows");
    let shown = arrow::util::pretty::pretty_format_batches(&batches).expect("text").to_string();
    let body =
        r#"{"config":{"okta":{"password":{"$secret":"PIN"}},"password":"…"},"name":"a","pin":{"$secret":"NONE"}}"#;
    assert!(shown.contains(body) && !shown.contains("hunter2"), "{shown}");
}
