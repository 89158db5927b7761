//! INSERT, UPDATE, DELETE and EXEC against the sandbox: what is checked before anything is sent, which calls are made,
//! and what is said.

use iql::Consent;
use iql::error::Kind;
use iql::sandbox::{Controls, Trouble};

use crate::lab::Lab;

pub const TABLE: &str = "awscc.redshift.integrations";
/// A serverless namespace exists as soon as it is named.
pub const TARGET: &str =
    "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/4dfbc7ae-0001-4002-8003-100000000001";

pub fn source(name: &str) -> String {
    format!("arn:aws:dynamodb:us-east-1:111122223333:table/{name}")
}

/// An INSERT of one integration of a name.
pub fn insert(name: &str, tags: &str) -> String {
    let source = source(name);
    format!(
        "INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, Tags, region)
         SELECT '{name}', '{source}', '{TARGET}', '{tags}', 'us-east-1'"
    )
}

/// A laboratory in which nothing takes time to settle.
pub async fn quick() -> Lab {
    let lab = Lab::new().await;
    settle_at_once(&lab);
    lab
}

pub fn settle_at_once(lab: &Lab) {
    let controls =
        Controls { creating_seconds: 0.0, modifying_seconds: 0.0, deleting_seconds: 0.0, ..Controls::default() };
    lab.sandbox.set_controls(&controls).expect("controls");
}

/// The ARN of the integration of a name, once it is there.
pub async fn made(lab: &Lab, name: &str, tags: &str) -> String {
    let rows = lab.rows(&format!("{} RETURNING Identifier", insert(name, tags))).await.expect("an integration");
    lab.asked();
    rows[0]["Identifier"].as_str().expect("an ARN").to_string()
}

/// The names of the calls since the last time.
pub fn calls(lab: &Lab) -> Vec<String> {
    lab.asked().iter().map(|call| call.split(' ').next().unwrap_or_default().to_string()).collect()
}

async fn field(lab: &Lab, arn: &str, field: &str) -> serde_json::Value {
    let sql = format!(
        "SELECT {field} AS it FROM aws.redshift.integrations WHERE region = 'us-east-1' AND Identifier = '{arn}'"
    );
    let rows = lab.rows(&sql).await.expect("a row");
    lab.asked();
    rows.first().map(|row| row["it"].clone()).unwrap_or_default()
}

#[tokio::test]
async fn insert_makes_one_call_a_row() {
    let lab = quick().await;
    let sql = format!(
        "INSERT INTO {TABLE} (integration_name, SourceArn, target_arn, region) VALUES
         ('w-a', '{}', '{TARGET}', 'us-east-1'), ('w-b', '{}', '{TARGET}', 'us-east-1')
         RETURNING IntegrationName, region, upper(integration_name) AS loud, tags, Identifier = integration_arn AS same",
        source("a"),
        source("b")
    );
    let rows = lab.rows(&sql).await.unwrap();
    assert_eq!(calls(&lab), ["CreateIntegration", "CreateIntegration"]);
    let expected = serde_json::json!([
        {"IntegrationName": "w-a", "region": "us-east-1", "loud": "W-A", "tags": [], "same": true},
        {"IntegrationName": "w-b", "region": "us-east-1", "loud": "W-B", "tags": [], "same": true},
    ]);
    assert_eq!(serde_json::Value::from(rows), expected);
    // From a query, with typed tags.
    let copy = format!(
        "INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, Tags, region)
         SELECT integration_name || '-copy', source_arn, target_arn, tags, region FROM {TABLE}
         WHERE region = 'us-east-1' AND integration_name IN ('w-a', 'w-b') ORDER BY integration_name"
    );
    let notices = lab.notices(&copy).await.unwrap();
    assert!(
        notices[0].starts_with("inserted: w-a-copy (arn:aws:redshift:us-east-1:111122223333:integration:"),
        "{notices:?}"
    );
    assert_eq!(calls(&lab).iter().filter(|call| *call == "CreateIntegration").count(), 2);
    // No row, no call.
    let none = copy.replace("('w-a', 'w-b')", "('nobody')");
    assert_eq!(lab.notices(&none).await.unwrap(), ["INSERT: no row, and nothing was sent"]);
}

#[tokio::test]
async fn a_generated_name_meets_itself() {
    let lab = quick().await;
    let sql = format!(
        "INSERT INTO {TABLE} (SourceArn, TargetArn, region) SELECT '{}', '{TARGET}', 'us-east-1'",
        source("generated")
    );
    let rows = lab.rows(&format!("{sql} RETURNING integration_name")).await.unwrap();
    let name = rows[0]["integration_name"].as_str().unwrap().to_string();
    assert!(name.starts_with("iql-") && name.len() == 20, "{name}");
    let error = lab.notices(&sql).await.unwrap_err();
    assert_eq!(error.kind, Kind::Exists);
    insta::assert_snapshot!(filtered(&error.to_string()));
    lab.asked();
    let there = lab.notices(&format!("{sql} ON CONFLICT DO NOTHING")).await.unwrap();
    assert_eq!(there, [format!("already there: {name}")]);
    assert_eq!(calls(&lab), ["CreateIntegration", "DescribeIntegrations"]);
    let other = sql.replace("INSERT INTO", "INSERT IGNORE INTO").replace("region)", "Tags, region)");
    let other = other.replace("'us-east-1'", "'[{\"Key\":\"a\",\"Value\":\"b\"}]', 'us-east-1'");
    assert_eq!(lab.notices(&other).await.unwrap(), [format!("already there, and different: {name} (Tags)")]);
}

/// Ids and numbers that differ from run to run, as what they are.
fn filtered(text: &str) -> String {
    let ids = regex::Regex::new(r"request id [0-9a-f-]+").expect("a pattern");
    let arns = regex::Regex::new(r"integration:[0-9a-f-]{36}").expect("a pattern");
    let text = ids.replace_all(text, "request id [id]");
    arns.replace_all(&text, "integration:[id]").to_string()
}

#[tokio::test]
async fn what_is_wrong_is_said_at_once_and_nothing_is_sent() {
    let lab = Lab::new().await;
    for (name, sql) in [
        ("columns", format!("INSERT INTO {TABLE} (IntegrationArn, SourceArm, CreateTime, region) VALUES ('a', 'b', 'c', 'us-east-1')")),
        (
            "rows",
            format!(
                "INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, Tags, AdditionalEncryptionContext, region) VALUES
                 ('a_b', NULL, '{TARGET}', 'x=y', NULL, 'us-east-1'),
                 ('{}', 'arn:aws:dynamodb:us-east-1:111122223333:table/t', '{TARGET}', '[{{\"Key\":\"aws:x\",\"Value\":\"y\"}}]', '{{\"a\":\"b\"}}', NULL),
                 ('same', 'arn:aws:dynamodb:us-east-1:111122223333:table/t', '{TARGET}', '[{{\"Key\":\"a\",\"Worth\":\"y\"}}]', NULL, 'us-east-l'),
                 ('same', 'arn:aws:dynamodb:us-east-1:111122223333:table/u', 'short', '[{{\"Key\":\"\",\"Value\":\"y\"}}]', NULL, 'us-east-l')",
                "n".repeat(64)
            ),
        ),
        ("width", format!("INSERT INTO {TABLE} (SourceArn, TargetArn) SELECT 'a'")),
        ("native", "INSERT INTO aws.redshift.integrations (SourceArn, TargetArn, region) VALUES (5, true, 'us-east-1')".to_string()),
        ("read_only_table", "INSERT INTO awscc.redshift.integrations_list_only (region) VALUES ('us-east-1')".to_string()),
        ("no_such", "INSERT INTO awscc.redshift.integration (region) VALUES ('us-east-1')".to_string()),
        ("returning", format!("{} RETURNING identifer", insert("w", "[]"))),
        ("update_sets", format!("UPDATE {TABLE} SET region = 'eu-west-1', PatchDocument = '[]', tags = '[]', nam = 'x' WHERE region = 'us-east-1'")),
        ("far", format!("UPDATE {TABLE} SET tags = '[]' WHERE region = 'us-east-1' AND Identifier = 'arn:aws:redshift:eu-west-1:111122223333:integration:00000000-0000-4000-8000-000000000000'")),
        ("no_region", format!("DELETE FROM {TABLE} WHERE Identifier = 'arn:aws:redshift:eu-west-1:111122223333:integration:00000000-0000-4000-8000-000000000000'")),
        ("exec_lacks", format!("EXEC {TABLE}.delete_resource @region = 'us-east-1'")),
        ("exec_unknown", format!("EXEC {TABLE}.remove_resource @region = 'us-east-1'")),
        ("exec_in_from", format!("SELECT * FROM (EXEC {TABLE}.delete_resource @region = 'us-east-1', @Identifier = 'x')")),
    ] {
        let error = lab.notices(&sql).await.expect_err(&sql);
        insta::assert_snapshot!(format!("wrong_{name}"), filtered(&error.to_string()));
        assert_eq!(lab.asked(), Vec::<String>::new(), "{sql}");
    }
}

#[tokio::test]
async fn update_sends_the_difference_alone() {
    let lab = quick().await;
    let arn = made(&lab, "w-update", r#"[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]"#).await;
    let check = async |set: &str, report: &str, expected: &[&str]| {
        let sql = format!("UPDATE {TABLE} SET {set} WHERE region = 'us-east-1' AND Identifier = '{arn}'");
        assert_eq!(lab.notices(&sql).await.map_err(|e| e.to_string()).unwrap(), [report], "{set}");
        let all: Vec<&str> = ["DescribeIntegrations"].iter().chain(expected).copied().collect();
        assert_eq!(calls(&lab), all, "{set}");
    };
    let tags = |text: &str| format!("tags = '{text}'");
    check(&tags(r#"[{"key":"b","value":"2"},{"Key":"a","Value":"1"}]"#), "unchanged: w-update", &[]).await;
    check("tags = tags, integration_name = lower(integration_name)", "unchanged: w-update", &[]).await;
    check(
        &tags(r#"[{"Key":"a","Value":"3"},{"Key":"b","Value":"2"}]"#),
        "changed: w-update (CreateTags)",
        &["CreateTags"],
    )
    .await;
    check(
        &tags(r#"[{"Key":"c","Value":""}]"#),
        "changed: w-update (CreateTags, DeleteTags)",
        &["CreateTags", "DeleteTags"],
    )
    .await;
    assert_eq!(field(&lab, &arn, "tags").await, serde_json::json!([{"key": "c", "value": ""}]));
    check("tags = NULL", "changed: w-update (DeleteTags)", &["DeleteTags"]).await;
    let both = r#"IntegrationName = integration_name || '-2', Tags = '[{"Key":"d","Value":"4"}]'"#;
    check(both, "changed: w-update (CreateTags, ModifyIntegration)", &["CreateTags", "ModifyIntegration"]).await;
    assert_eq!(field(&lab, &arn, "integration_name").await, "w-update-2");
    check("SourceArn = source_arn", "unchanged: w-update-2", &[]).await;
    // The native table has a description too.
    let native = "aws.redshift.integrations";
    for (value, found) in [("'it''s é'", serde_json::json!("it's é")), ("NULL", serde_json::Value::Null)] {
        let sql = format!(
            "UPDATE {native} SET description = {value} WHERE region = 'us-east-1' AND Identifier = '{arn}' RETURNING description"
        );
        let rows = lab.rows(&sql).await.unwrap();
        assert_eq!(rows[0].get("description").cloned().unwrap_or_default(), found);
        assert_eq!(calls(&lab), ["DescribeIntegrations", "ModifyIntegration"]);
        assert_eq!(field(&lab, &arn, "description").await, found);
    }
}

#[tokio::test]
async fn update_takes_a_json_patch() {
    let lab = quick().await;
    let arn = made(&lab, "w-patch", r#"[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]"#).await;
    let patch = |text: &str| {
        let text = text.replace('\'', "''");
        format!(
            "/*+ update */ UPDATE {TABLE} SET PatchDocument = string('{text}') WHERE region = 'us-east-1' AND Identifier = '{arn}'"
        )
    };
    let check = async |text: &str, expected: &[&str], name: &str, tags: serde_json::Value| {
        lab.notices(&patch(text)).await.map_err(|e| e.to_string()).unwrap();
        let all: Vec<&str> = ["DescribeIntegrations"].iter().chain(expected).copied().collect();
        assert_eq!(calls(&lab), all, "{text}");
        assert_eq!(field(&lab, &arn, "integration_name").await, name, "{text}");
        assert_eq!(field(&lab, &arn, "tags").await, tags, "{text}");
    };
    let tag = |key: &str, value: &str| serde_json::json!({"key": key, "value": value});
    let (a, b, c) = (tag("a", "1"), tag("b", "2"), tag("c", "3"));
    let name = r#"[{"op":"test","path":"/IntegrationName","value":"w-patch"},{"op":"replace","path":"/IntegrationName","value":"w-p"}]"#;
    check(name, &["ModifyIntegration"], "w-p", serde_json::json!([a, b])).await;
    check(
        r#"[{"op":"add","path":"/Tags/-","value":{"Key":"c","Value":"3"}}]"#,
        &["CreateTags"],
        "w-p",
        serde_json::json!([a, b, c]),
    )
    .await;
    check(r#"[{"op":"remove","path":"/Tags/0"}]"#, &["DeleteTags"], "w-p", serde_json::json!([b, c])).await;
    let both = r#"[{"op":"copy","from":"/Tags/0/Value","path":"/Tags/1/Value"},{"op":"move","from":"/Tags/0","path":"/Tags/1"},{"op":"add","path":"/IntegrationName","value":"w-q"}]"#;
    check(both, &["CreateTags", "ModifyIntegration"], "w-q", serde_json::json!([b, tag("c", "2")])).await;
    check(r#"[{"op":"remove","path":"/Tags"}]"#, &["DeleteTags"], "w-q", serde_json::json!([])).await;
    check(
        r#"[{"op":"replace","path":"/SourceArn","value":"arn:aws:dynamodb:us-east-1:111122223333:table/w-patch"}]"#,
        &[],
        "w-q",
        serde_json::json!([]),
    )
    .await;
    for (name, text) in [
        (
            "guard",
            r#"[{"op":"test","path":"/IntegrationName","value":"other"},{"op":"replace","path":"/IntegrationName","value":"x"}]"#,
        ),
        (
            "create_only",
            r#"[{"op":"replace","path":"/IntegrationName","value":"x"},{"op":"replace","path":"/SourceArn","value":"arn:aws:s3:::bucket"},{"op":"add","path":"/Tags/-","value":{"Key":"AWS:x","Value":""}}]"#,
        ),
        ("read_only", r#"[{"op":"remove","path":"/CreateTime"}]"#),
        ("unknown", r#"[{"op":"add","path":"/integration_name","value":"x"}]"#),
        ("slash", r#"[{"op":"add","path":"IntegrationName","value":"x"},{"op":"put","path":"/Tags"}]"#),
        ("not_json", r#"[{"op":"add""#),
        ("no_name", r#"[{"op":"remove","path":"/IntegrationName"}]"#),
        ("nothing_there", r#"[{"op":"remove","path":"/Tags/3"}]"#),
        (
            "ill_typed",
            r#"[{"op":"replace","path":"/IntegrationName","value":5},{"op":"add","path":"/Tags","value":"x"}]"#,
        ),
        ("key", r#"[{"op":"add","path":"/KMSKeyId","value":"1234"}]"#),
    ] {
        let error = lab.notices(&patch(text)).await.expect_err(text);
        insta::assert_snapshot!(format!("patch_{name}"), filtered(&error.to_string()));
        assert_eq!(calls(&lab), ["DescribeIntegrations"], "{text}");
    }
}

#[tokio::test]
async fn any_where_picks_the_targets_each_once() {
    let lab = quick().await;
    for name in ["w-t-1", "w-t-2", "w-t-3"] {
        made(&lab, name, "[]").await;
    }
    let tag = r#"tags = '[{"Key":"team","Value":"x"}]'"#;
    let several = format!("UPDATE {TABLE} SET {tag} WHERE region = 'us-east-1' AND integration_name LIKE 'w-t-%'");
    let error = lab.notices(&several).await.unwrap_err();
    insta::assert_snapshot!("several", filtered(&error.to_string()));
    lab.session.control().set_consent(Consent::Ask(std::sync::Arc::new(|_| false)));
    assert_eq!(lab.notices(&several).await.unwrap_err().message, "the UPDATE was not agreed to");
    assert!(!calls(&lab).contains(&"CreateTags".to_string()));
    lab.session.control().set_consent(Consent::Given);
    assert_eq!(
        lab.notices(&several).await.unwrap(),
        ["changed: w-t-1 (CreateTags), w-t-2 (CreateTags), w-t-3 (CreateTags)"]
    );
    lab.asked();
    // A join that finds a target twice changes it once.
    let joined = format!(
        "UPDATE {TABLE} AS i SET tags = '[]' FROM (VALUES ('w-t-1'), ('w-t-1'), ('w-t-2')) AS v(name)
         WHERE i.region = 'us-east-1' AND i.integration_name = v.name"
    );
    assert_eq!(lab.notices(&joined).await.unwrap(), ["changed: w-t-1 (DeleteTags), w-t-2 (DeleteTags)"]);
    assert_eq!(calls(&lab).iter().filter(|call| *call == "DeleteTags").count(), 2);
    // It cannot become two things.
    let two = format!(
        "UPDATE {TABLE} AS i SET IntegrationName = v.new FROM (VALUES ('w-t-1', 'x'), ('w-t-1', 'y')) AS v(name, new)
         WHERE i.region = 'us-east-1' AND i.integration_name = v.name"
    );
    assert!(lab.notices(&two).await.unwrap_err().message.starts_with("two rows of the statement want two things of"));
    let among = format!(
        "DELETE FROM {TABLE} WHERE region = 'us-east-1' AND Identifier IN
         (SELECT Identifier FROM {TABLE} WHERE region = 'us-east-1' AND integration_name = 'w-t-3')"
    );
    assert_eq!(lab.notices(&among).await.unwrap(), ["deleted: w-t-3"]);
    let nobody = format!("DELETE FROM {TABLE} WHERE region = 'us-east-1' AND 1 = 2");
    lab.asked();
    assert_eq!(lab.notices(&nobody).await.unwrap(), ["DELETE: no row, and nothing was sent"]);
    assert_eq!(calls(&lab), Vec::<String>::new());
    let profiles =
        format!("DELETE FROM {TABLE} WHERE profile = 'dev' AND region = 'us-east-1' AND integration_name = 'w-t-1'");
    assert_eq!(lab.notices(&profiles).await.unwrap(), ["DELETE: no row, and nothing was sent"]);
}

#[tokio::test]
async fn delete_is_told_as_it_is() {
    let lab = Lab::new().await;
    let controls = Controls { creating_seconds: 0.0, ..Controls::default() };
    lab.sandbox.set_controls(&controls).unwrap();
    let arn = made(&lab, "w-d", "[]").await;
    let delete = format!("DELETE FROM {TABLE} WHERE region = 'us-east-1' AND Identifier = '{arn}'");
    let rows = lab.rows(&format!("{delete} RETURNING integration_name, Identifier")).await.unwrap();
    assert_eq!(rows[0]["integration_name"], "w-d");
    assert_eq!(calls(&lab), ["DescribeIntegrations", "DeleteIntegration"]);
    // It is on its way out.
    assert_eq!(lab.notices(&delete).await.unwrap(), ["already being deleted: w-d"]);
    let native = delete.replace("awscc", "aws");
    lab.asked();
    assert_eq!(lab.notices(&native).await.unwrap(), ["already being deleted: w-d"]);
    assert_eq!(calls(&lab), ["DescribeIntegrations"]);
    // It is gone.
    lab.sandbox.set_clock(&serde_json::from_str(r#"{"advance_seconds": 60}"#).unwrap()).unwrap();
    assert_eq!(
        lab.notices(&delete).await.unwrap(),
        [format!("already gone: {arn}"), "DELETE: no row, and nothing was sent".into()]
    );
    let update = format!("UPDATE {TABLE} SET tags = '[]' WHERE region = 'us-east-1' AND Identifier = '{arn}'");
    let error = lab.notices(&update).await.unwrap_err();
    assert_eq!((error.kind, error.message), (Kind::NotFound, format!("there is no integration `{arn}`")));
}

#[tokio::test]
async fn exec_is_the_statement_that_does_the_same() {
    let lab = quick().await;
    let source = source("exec");
    let json = format!(r#"{{"TargetArn": "{TARGET}", "Tags": [{{"Key": "it''s", "Value": "1"}}]}}"#);
    let create = format!(
        "EXEC /*+ SHOWRESULTS */ {TABLE}.create_resource @region = 'us-east-1', @SourceArn = '{source}', @IntegrationName = 'w-e' @@json = '{json}'"
    );
    let rows = lab.rows(&create).await.unwrap();
    assert_eq!(rows[0]["tags"], serde_json::json!([{"key": "it's", "value": "1"}]));
    let arn = rows[0]["integration_arn"].as_str().unwrap().to_string();
    assert_eq!(calls(&lab), ["CreateIntegration"]);
    let get = format!("EXEC {TABLE}.get_resource @region = 'us-east-1', @Identifier = '{arn}'");
    assert_eq!(lab.rows(&get).await.unwrap()[0]["integration_name"], "w-e");
    let among = format!(
        "SELECT count(*) AS n FROM (EXEC {TABLE}.list_resources @region = 'us-east-1') t WHERE t.IntegrationName = 'w-e'"
    );
    assert_eq!(lab.rows(&among).await.unwrap()[0]["n"], 1);
    lab.asked();
    let update = format!(
        r#"EXEC {TABLE}.update_resource @region = 'us-east-1', @Identifier = '{arn}', @PatchDocument = '[{{"op":"remove","path":"/Tags"}}]'"#
    );
    assert_eq!(lab.notices(&update).await.unwrap(), ["changed: w-e (DeleteTags)"]);
    assert_eq!(calls(&lab), ["DescribeIntegrations", "DeleteTags"]);
    let delete = format!("EXEC {TABLE}.delete_resource @region = 'us-east-1', @Identifier = '{arn}'");
    assert_eq!(lab.notices(&delete).await.unwrap(), ["deleted: w-e"]);
    assert_eq!(calls(&lab), ["DescribeIntegrations", "DeleteIntegration"]);
}

#[tokio::test]
async fn explain_writes_nothing() {
    let lab = quick().await;
    let arn = made(&lab, "w-x", r#"[{"Key":"a","Value":"1"}]"#).await;
    let filter = format!("region = 'us-east-1' AND Identifier = '{arn}'");
    for (name, sql) in [
        ("insert", insert("w-y", r#"[{"Key":"a","Value":"1"}]"#)),
        (
            "update",
            format!(
                r#"UPDATE {TABLE} SET IntegrationName = 'w-z', tags = '[{{"Key":"b","Value":"1"}}]' WHERE {filter}"#
            ),
        ),
        ("delete", format!("DELETE FROM {TABLE} WHERE {filter}")),
        ("exec", format!("EXEC {TABLE}.delete_resource @region = 'us-east-1', @Identifier = '{arn}'")),
    ] {
        let rows = lab.rows(&format!("EXPLAIN {sql}")).await.unwrap();
        let text: Vec<String> = rows
            .iter()
            .map(|row| format!("{}:\n{}", row["plan_type"].as_str().unwrap(), row["plan"].as_str().unwrap()))
            .collect();
        insta::assert_snapshot!(format!("explain_{name}"), filtered(&text.join("\n")));
        assert!(calls(&lab).iter().all(|call| call == "DescribeIntegrations"), "{sql}");
    }
    let analyze = lab.notices(&format!("EXPLAIN ANALYZE DELETE FROM {TABLE} WHERE {filter}")).await.unwrap_err();
    assert_eq!(analyze.message, "EXPLAIN ANALYZE runs the statement, and this one writes");
}

#[tokio::test]
async fn a_session_that_only_reads_refuses_every_write() {
    let lab = Lab::with(|settings| settings.writes.read_only = true).await;
    for sql in [
        insert("w", "[]"),
        format!("UPDATE {TABLE} SET tags = '[]' WHERE region = 'us-east-1'"),
        format!("DELETE FROM {TABLE} WHERE region = 'us-east-1'"),
        format!("EXEC {TABLE}.delete_resource @region = 'us-east-1', @Identifier = 'x'"),
        format!("WITH gone AS (DELETE FROM {TABLE} WHERE region = 'us-east-1' RETURNING *) SELECT * FROM gone"),
        format!("SELECT * FROM (EXEC {TABLE}.delete_resource @region = 'us-east-1', @Identifier = 'x')"),
    ] {
        let error = lab.notices(&sql).await.expect_err(&sql);
        assert_eq!(error.kind, Kind::Statement, "{error}");
        assert_eq!(lab.asked(), Vec::<String>::new());
    }
    assert!(lab.rows(&format!("EXPLAIN {}", insert("w", "[]"))).await.is_ok());
}

#[tokio::test]
async fn await_waits_until_it_has_settled() {
    let lab = Lab::with(|settings| {
        settings.writes.await_poll = std::time::Duration::from_millis(5);
        settings.writes.await_time = std::time::Duration::from_secs(20);
    })
    .await;
    let controls =
        Controls { creating_seconds: 0.3, modifying_seconds: 0.2, deleting_seconds: 0.2, ..Controls::default() };
    lab.sandbox.set_controls(&controls).unwrap();
    let insert = insert("w-w", "[]")
        .replace("INSERT INTO", "INSERT INTO aws.redshift.integrations")
        .replace(&format!("integrations {TABLE}"), "integrations");
    let rows = lab.rows(&format!("/*+ AWAIT */ {insert} RETURNING status, Identifier")).await.unwrap();
    assert_eq!(rows[0]["status"], "active");
    let arn = rows[0]["Identifier"].as_str().unwrap();
    let filter = format!("region = 'us-east-1' AND Identifier = '{arn}'");
    let rows = lab
        .rows(&format!(
            "UPDATE /*+ AWAIT */ aws.redshift.integrations SET description = 'x' WHERE {filter} RETURNING status"
        ))
        .await
        .unwrap();
    assert_eq!(rows[0]["status"], "active");
    lab.notices(&format!("DELETE /*+ AWAIT */ FROM {TABLE} WHERE {filter}")).await.unwrap();
    assert_eq!(lab.count(&format!("SELECT * FROM {TABLE} WHERE {filter}")).await.unwrap(), 0);
    // The service's own errors.
    let denied = insert.replace(&source("w-w"), &source("denied-table")).replace("'w-w'", "'w-denied'");
    let error = lab.notices(&denied.replace("INSERT", "INSERT /*+ AWAIT */")).await.unwrap_err();
    insta::assert_snapshot!("await_failed", filtered(&error.to_string()));
    // There is an end to it.
    let controls = Controls { creating_seconds: 1000.0, ..controls };
    lab.sandbox.set_controls(&controls).unwrap();
    lab.notices("SET iql.await_time = '2s'").await.unwrap();
    let error =
        lab.notices(&insert.replace("w-w", "w-slow").replace("INSERT", "INSERT /*+ AWAIT */")).await.unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
    insta::assert_snapshot!("await_timeout", filtered(&error.to_string()));
}

#[tokio::test]
async fn what_stopped_a_write_is_told_with_what_was_done() {
    let lab = quick().await;
    let values = |names: &[&str]| {
        let rows: Vec<String> =
            names.iter().map(|name| format!("('{name}', '{}', '{TARGET}', 'us-east-1')", source(name))).collect();
        format!("INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, region) VALUES {}", rows.join(", "))
    };
    lab.trouble(2, Some(1), Trouble::Denied);
    let error = lab.notices(&values(&["w-1", "w-2", "w-3", "w-4"])).await.unwrap_err();
    insta::assert_snapshot!("stopped_insert", filtered(&error.to_string()));
    lab.sandbox.clear_faults();
    assert_eq!(calls(&lab).len(), 3);
    let again =
        lab.notices(&format!("{} ON CONFLICT DO NOTHING", values(&["w-1", "w-2", "w-3", "w-4"]))).await.unwrap();
    assert_eq!(again.len(), 2, "{again:?}");
    assert_eq!(again[1], "already there: w-1, w-2");
    let refused = values(&["w-5", "no-such-table"]);
    let error = lab.notices(&refused).await.unwrap_err();
    insta::assert_snapshot!("refused_insert", filtered(&error.to_string()));
}
