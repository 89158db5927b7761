//! INSERT, UPDATE, DELETE and EXEC on Immuta, against the sandbox: every request that the documentation prints for them,
//! what is refused before anything is sent, and what becomes of lost answers.

use iql::error::{Error, Kind};
use iql::sandbox::{self, Fault, Served, Trouble};
use iql::settings::Environment;
use serde_json::{Value, json};

use crate::immuta::KEY;
use crate::invented::opened;
use crate::lab::{Lab, rows};
use crate::service::{Reply, Service, json as reply};
use crate::writes::settle_at_once;

const TABLE: &str = "immuta.integrations.integrations";

/// A laboratory whose sandbox is also the session's Immuta.
pub async fn governed() -> Lab {
    Lab::with(|settings| {
        let host = settings.aws.endpoint.clone().unwrap_or_default();
        settings.environment =
            Environment::default().with("IMMUTA_HOST", host).with("IMMUTA_API_KEY", sandbox::IMMUTA_API_KEY);
    })
    .await
}

async fn quick() -> Lab {
    let lab = governed().await;
    settle_at_once(&lab);
    lab
}

fn user() -> Value {
    json!({
        "host": "organization.aws.amazon.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "authenticationType": "userPassword", "username": "taylor@redshift.com", "password": "abc1234",
    })
}

fn okta() -> Value {
    json!({
        "host": "organization.aws.amazon.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "authenticationType": "okta", "okta": okta_keys(),
    })
}

fn okta_keys() -> Value {
    json!({
        "username": "taylor@redshift.com", "password": "abc1234", "appId": "Okta", "idpHost": "organization.okta.com",
        "role": "admin",
    })
}

fn with(mut config: Value, name: &str, value: Value) -> Value {
    config[name] = value;
    config
}

fn off() -> Value {
    json!({"enabled": false})
}

fn on() -> Value {
    json!({"enabled": true, "role": "immuta_impersonation"})
}

fn insert(automatic: bool, config: &Value) -> String {
    format!("INSERT INTO {TABLE} (type, auto_bootstrap, config) SELECT 'Redshift', {automatic}, '{config}'")
}

fn update(id: &str, config: &Value) -> String {
    format!("UPDATE {TABLE} SET config = '{config}' WHERE id = '{id}'")
}

/// What was sent that writes, since the last time.
fn written(lab: &Lab) -> Vec<Served> {
    let served = lab.sandbox.requests();
    lab.sandbox.clear_requests();
    served.into_iter().filter(|request| request.method.as_deref() != Some("GET")).collect()
}

fn lines(lab: &Lab) -> Vec<String> {
    let line = |request: &Served| {
        format!("{} {}", request.method.as_deref().unwrap_or_default(), request.path.as_deref().unwrap_or_default())
    };
    written(lab).iter().map(line).collect()
}

/// Holds that one request was sent that writes, and that it is as the documentation prints it.
fn check_sent(lab: &Lab, method: &str, path: &str, body: Option<Value>) {
    let sent = written(lab);
    assert_eq!(sent.len(), 1, "{sent:?}");
    let header = |name: &str| sent[0].headers.get(name).map(String::as_str);
    assert_eq!((sent[0].method.as_deref(), sent[0].path.as_deref()), (Some(method), Some(path)));
    assert_eq!(sent[0].body, body, "{method} {path}");
    assert_eq!(header("accept"), Some("application/json"));
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("authorization"), Some(sandbox::IMMUTA_API_KEY));
}

/// The id of what an INSERT made.
async fn made(lab: &Lab, sql: &str) -> String {
    let rows = lab.rows(&format!("{sql} RETURNING id")).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
    rows[0]["id"].as_str().expect("an id").to_string()
}

async fn told(lab: &Lab, sql: &str) -> Vec<String> {
    lab.notices(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"))
}

async fn refused(lab: &Lab, sql: &str) -> Error {
    match lab.notices(sql).await {
        Ok(notices) => panic!("{sql}\n{notices:?}"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn what_is_set_up_automatically() {
    let lab = quick().await;
    let payload = |config: &Value| json!({"type": "Redshift", "autoBootstrap": true, "config": config});
    let id = made(&lab, &insert(true, &user())).await;
    check_sent(&lab, "POST", "/integrations", Some(payload(&user())));
    // Again, it is there; whoever minds says so.
    let error = refused(&lab, &insert(true, &user())).await;
    assert_eq!(error.kind, Kind::Exists, "{error}");
    written(&lab);
    let name = "Redshift organization.aws.amazon.com immuta";
    let again = format!("{} ON CONFLICT DO NOTHING", insert(true, &user()));
    assert_eq!(told(&lab, &again).await, [format!("already there: {name}")]);
    let other = format!("{} ON CONFLICT DO NOTHING", insert(true, &with(user(), "port", json!(5440))));
    assert_eq!(told(&lab, &other).await, [format!("already there, and different: {name} (config.port)")]);
    written(&lab);

    let path = format!("/integrations/{id}");
    assert_eq!(told(&lab, &update(&id, &okta())).await, [format!("changed: {id} (ReplaceIntegration)")]);
    check_sent(&lab, "PUT", &path, Some(payload(&okta())));
    // A secret may be another one, so that it is always sent.
    assert_eq!(told(&lab, &update(&id, &okta())).await, [format!("changed: {id} (ReplaceIntegration)")]);
    check_sent(&lab, "PUT", &path, Some(payload(&okta())));

    let keys = okta_keys();
    let delete = format!("DELETE FROM {TABLE} WHERE id = '{id}' AND authentication_type = 'okta' AND okta = '{keys}'");
    assert_eq!(told(&lab, &delete).await, [format!("deleted: {id} (delete_with_credentials)")]);
    check_sent(&lab, "DELETE", &path, Some(json!({"authenticationType": "okta", "okta": okta_keys()})));
    assert_eq!(
        told(&lab, &delete).await,
        [format!("already gone: {id}"), "DELETE: no row, and nothing was sent".into()]
    );
    assert_eq!(written(&lab), []);

    // The second example of the documentation, with YAML, and the methods by their names.
    let config = with(okta(), "impersonation", on());
    let yaml = "host: organization.aws.amazon.com\ndatabase: immuta\ninitialDatabase: REDSHIFT_SAMPLE_DATA\n\
                impersonation:\n  enabled: true\n  role: immuta_impersonation\nauthenticationType: okta\nokta:\n  \
                username: taylor@redshift.com\n  password: abc1234\n  appId: Okta\n  idpHost: organization.okta.com\n  \
                role: admin\n";
    let exec = format!("EXEC {TABLE}.create @type = 'Redshift', @auto_bootstrap = true, @config = '{yaml}'");
    let id = told(&lab, &exec).await[0].split(['(', ')']).nth(1).expect("an id").to_string();
    check_sent(&lab, "POST", "/integrations", Some(payload(&config)));
    let members = json!({"id": id, "config": user()});
    told(&lab, &format!("EXEC {TABLE}.update @@json = '{members}'")).await;
    let path = format!("/integrations/{id}");
    check_sent(&lab, "PUT", &path, Some(payload(&user())));
    let members = json!({"id": id, "authenticationType": "userPassword", "username": "t", "password": "abc1234"});
    let exec = format!("EXEC {TABLE}.delete_with_credentials @@json = '{members}'");
    assert_eq!(told(&lab, &exec).await, [format!("deleted: {id} (delete_with_credentials)")]);
    let body = json!({"authenticationType": "userPassword", "username": "t", "password": "abc1234"});
    check_sent(&lab, "DELETE", &path, Some(body));
}

#[tokio::test]
async fn what_is_set_up_by_hand() {
    let lab = quick().await;
    let payload = |config: &Value| json!({"type": "Redshift", "autoBootstrap": false, "config": config});
    for config in [with(user(), "impersonation", off()), with(okta(), "impersonation", on())] {
        let id = made(&lab, &insert(false, &config)).await;
        check_sent(&lab, "POST", "/integrations", Some(payload(&config)));
        let path = format!("/integrations/{id}");
        let config = with(okta(), "impersonation", off());
        told(&lab, &update(&id, &config)).await;
        check_sent(&lab, "PUT", &path, Some(payload(&config)));
        let notices = told(&lab, &format!("DELETE FROM {TABLE} WHERE id = '{id}'")).await;
        let expected = [
            format!(
                "{id}: the delete script has to have been run on the platform: \
                 `EXEC immuta.integrations.scripts.delete @id = '{id}'` gives it"
            ),
            format!("deleted: {id} (delete_after_script)"),
        ];
        assert_eq!(notices, expected);
        check_sent(&lab, "DELETE", &path, None);
    }
    // What was never set up whole, what takes no credentials though Immuta set it up, and what has no script.
    let notices = told(&lab, &format!("DELETE FROM {TABLE} WHERE id = '6'")).await;
    assert!(notices[0].contains("scripts.cleanup"), "{notices:?}");
    assert_eq!(notices[1], "deleted: 6 (delete_after_cleanup)");
    check_sent(&lab, "DELETE", "/integrations/6", None);
    for id in ["2", "8", "9"] {
        assert_eq!(
            told(&lab, &format!("DELETE FROM {TABLE} WHERE id = '{id}'")).await,
            [format!("deleted: {id} (delete)")]
        );
        check_sent(&lab, "DELETE", &format!("/integrations/{id}"), None);
    }
    told(&lab, &format!("INSERT INTO {TABLE} (type) VALUES ('Trino')")).await;
    check_sent(&lab, "POST", "/integrations", Some(json!({"type": "Trino"})));
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_sent() {
    let lab = quick().await;
    let check = async |name: &str, sql: &str| {
        let error = refused(&lab, sql).await;
        assert_eq!(written(&lab), [], "{sql}");
        insta::assert_snapshot!(format!("refused_{name}"), error.to_string());
    };
    let without = |names: &[&str], config: Value| {
        let mut config = config;
        names.iter().for_each(|name| drop(config.as_object_mut().and_then(|config| config.remove(*name))));
        config
    };
    let sql = insert(true, &with(without(&["initialDatabase", "password"], user()), "okta", json!({})));
    check("password", &sql).await;
    let sql = insert(false, &with(okta(), "okta", json!({"username": "u", "password": "abc1234"})));
    check("okta", &sql).await;
    check("no_text", &format!("INSERT INTO {TABLE} (type, config) VALUES ('Redshift', 'abc1234')")).await;
    check("s3", &format!("INSERT INTO {TABLE} (type, auto_bootstrap, config) VALUES ('Native S3', true, '{{}}')"))
        .await;
    let trino = format!("INSERT INTO {TABLE} (type, auto_bootstrap, config) VALUES ('Trino', false, '{{\"a\": 1}}')");
    check("trino", &trino).await;
    let row = format!("('Redshift', true, '{}')", user());
    check("twice", &format!("INSERT INTO {TABLE} (type, auto_bootstrap, config) VALUES {row}, {row}")).await;
    let copy = format!(
        "INSERT INTO {TABLE} (type, auto_bootstrap, config) SELECT type, auto_bootstrap, config FROM {TABLE} WHERE id = '3'"
    );
    check("copy", &copy).await;

    let patch = r#"[{"op": "replace", "path": "/config/impersonation/enabled", "value": false}]"#;
    check("patch", &format!("UPDATE {TABLE} SET PatchDocument = '{patch}' WHERE id = '5'")).await;
    let shown = with(user(), "password", json!("<REDACTED>"));
    check("redacted", &update("3", &shown)).await;
    check("type", &format!("UPDATE {TABLE} SET type = 'Snowflake', auto_bootstrap = false WHERE id = '3'")).await;
    check("left", &update("3", &without(&["host", "username"], user()))).await;

    check("delete_bare", &format!("DELETE FROM {TABLE} WHERE id = '3'")).await;
    let other =
        format!("DELETE FROM {TABLE} WHERE id = '3' AND authentication_type = 'okta' AND okta = '{}'", okta_keys());
    check("delete_other", &other).await;
    let credentials = "authentication_type = 'userPassword' AND username = 'u' AND password = 'abc1234'";
    check("delete_manual", &format!("DELETE FROM {TABLE} WHERE id = '4' AND {credentials}")).await;
    check("delete_databricks", &format!("DELETE FROM {TABLE} WHERE id = '2' AND {credentials}")).await;
    check(
        "delete_several",
        &format!("DELETE FROM {TABLE} WHERE type = 'Redshift' AND status = 'enabled' AND {credentials}"),
    )
    .await;
    check("delete_all", &format!("DELETE FROM {TABLE} WHERE {credentials}")).await;
    check("delete_or", &format!("DELETE FROM {TABLE} WHERE id = '3' AND (username = 'u' OR id = '4')")).await;
    check("delete_column", &format!("DELETE FROM {TABLE} WHERE id = '3' AND username = status")).await;
    check("delete_null", &format!("DELETE FROM {TABLE} WHERE id = '3' AND username = NULL AND password = 5")).await;
    check("exec_other", &format!("EXEC {TABLE}.delete @id = '3'")).await;
}

#[tokio::test]
async fn a_warning_stops_nothing() {
    let lab = quick().await;
    let mut config = user();
    config.as_object_mut().and_then(|config| config.remove("initialDatabase"));
    let notices = told(&lab, &insert(false, &config)).await;
    let warning = "row 1: `config.initialDatabase` is missing: the first set-up script needs it, and only the current \
                   documentation does without";
    assert_eq!(notices[0], warning);
    check_sent(
        &lab,
        "POST",
        "/integrations",
        Some(json!({"type": "Redshift", "autoBootstrap": false, "config": config})),
    );
    let error = refused(&lab, &format!("INSERT INTO {TABLE} (type) VALUES ('Redshfit')")).await;
    assert_eq!(error.kind, Kind::Refused, "only the service knows its types: {error}");
}

#[tokio::test]
async fn rows_come_back_without_their_secrets() {
    let lab = quick().await;
    let rows = lab.rows(&format!("{} RETURNING type, status, config", insert(true, &user()))).await.expect("a row");
    let text = json!(rows).to_string();
    assert!(!text.contains("abc1234") && !text.contains("taylor"), "{text}");
    let config: Value = serde_json::from_str(rows[0]["config"].as_str().unwrap_or_default()).expect("JSON");
    assert_eq!((&rows[0]["type"], &rows[0]["status"]), (&json!("Redshift"), &json!("enabled")));
    assert_eq!((&config["host"], &config["port"]), (&user()["host"], &Value::Null), "what was sent: {config}");
    let sql = format!(
        "{} RETURNING id, type, json_get_str(config, 'authenticationType') AS way",
        update("3", &okta()).replace("organization", "o3")
    );
    let rows =
        lab.rows(&sql.replace("json_get_str(config, 'authenticationType') AS way", "status")).await.expect("a row");
    assert_eq!(json!(rows), json!([{"id": "3", "type": "Redshift", "status": "enabled"}]));
    // Nothing changes, nothing is sent.
    written(&lab);
    assert_eq!(
        told(&lab, &format!("UPDATE {TABLE} SET config = config, type = 'Redshift' WHERE id = '4'")).await,
        ["unchanged: 4"]
    );
    assert_eq!(written(&lab), []);
}

#[tokio::test]
async fn lost_answers_are_looked_after() {
    let lab = quick().await;
    let lose = |action: &str, trouble: Trouble| lab.sandbox.add_fault(Fault::new(trouble).on(action).times(1));
    let count = async |lab: &Lab| lab.count(&format!("SELECT id FROM {TABLE}")).await.expect("rows");
    assert_eq!(count(&lab).await, 9);
    // It was made, and what is just being made at its place is this row's.
    let slow = Lab::new().await;
    slow.sandbox.add_fault(Fault::new(Trouble::Lost).on("POST /integrations").times(1));
    made(&slow, &insert(true, &user())).await;
    assert_eq!((lines(&slow).len(), count(&slow).await), (1, 10));
    // One that has settled may be anybody's, since secrets are not to be seen: nobody can tell.
    lose("POST /integrations", Trouble::Lost);
    let error = refused(&lab, &insert(true, &user())).await;
    assert!(error.context.contains(&"unknown: Redshift organization.aws.amazon.com immuta".to_string()), "{error}");
    assert_eq!((lines(&lab).len(), count(&lab).await), (1, 10));
    let id = "10".to_string();
    // It was not made. Nothing would keep a second one out: it is looked for, and not sent again.
    lose("POST /integrations", Trouble::Reset);
    let other = with(user(), "host", json!("other.aws.amazon.com"));
    let error = refused(&lab, &insert(true, &other)).await;
    assert!(error.context.contains(&"unknown: Redshift other.aws.amazon.com immuta".to_string()), "{error}");
    assert_eq!((lines(&lab).len(), count(&lab).await), (1, 10));
    // Nothing tells one Trino integration from another: nobody can tell, and nothing is sent again.
    lose("POST /integrations", Trouble::Lost);
    let error = refused(&lab, &format!("INSERT INTO {TABLE} (type) VALUES ('Trino')")).await;
    assert!(error.context.contains(&"unknown: row 1".to_string()), "{error}");
    assert_eq!(error.hints, ["look what is there before you insert again: nothing tells these rows from others"]);
    assert_eq!((lines(&lab).len(), count(&lab).await), (1, 11));

    let error = refused(&lab, &format!("INSERT INTO {TABLE} (type) VALUES ('Trino') ON CONFLICT DO NOTHING")).await;
    assert_eq!(error.message, "ON CONFLICT DO NOTHING does nothing here: nothing tells this row from others");
    assert_eq!((lines(&lab).len(), count(&lab).await), (0, 11));

    // The change is to be seen, but for its secrets.
    lose("PUT /integrations/{id}", Trouble::Lost);
    assert_eq!(told(&lab, &update(&id, &okta())).await, [format!("changed: {id} (ReplaceIntegration)")]);
    assert_eq!(lines(&lab).len(), 1);
    // Of another password nothing is to be seen: nobody can tell, and nothing is sent again.
    lose("PUT /integrations/{id}", Trouble::Lost);
    let error = refused(&lab, &update(&id, &okta())).await;
    assert!(error.context.contains(&format!("unknown: {id}")), "{error}");
    assert_eq!(lines(&lab).len(), 1);

    lose("DELETE /integrations/{id}", Trouble::Lost);
    let delete =
        format!("DELETE FROM {TABLE} WHERE id = '{id}' AND authentication_type = 'okta' AND okta = '{}'", okta_keys());
    assert_eq!(told(&lab, &delete).await, [format!("deleted: {id} (delete_with_credentials)")]);
    assert_eq!((lines(&lab).len(), count(&lab).await), (1, 10));
}

#[tokio::test]
async fn a_wait_ends_with_what_came_of_it() {
    let lab = quick().await;
    let host = |name: &str| with(user(), "host", json!(name));
    let awaited = |sql: String| sql.replacen(' ', " /*+ AWAIT */ ", 1);
    let rows =
        lab.rows(&awaited(format!("{} RETURNING id, status", insert(true, &host("w.example"))))).await.expect("a row");
    let (id, status) = (rows[0]["id"].as_str().unwrap_or_default(), &rows[0]["status"]);
    assert_eq!(*status, "enabled");
    let failed = |error: &Error, status: &str| {
        let message = format!("has not settled: its `status` is `{status}`");
        assert!(error.message.ends_with(&message), "{error}");
        let said = "the service says: Unable to connect to";
        assert!(
            error.context.iter().any(|line| line.starts_with(said) || line.contains("Unable to connect")),
            "{error}"
        );
        assert!(!error.to_string().contains("skipped"), "{error}");
    };
    failed(&refused(&lab, &awaited(insert(true, &host("denied-1.example")))).await, "createError");
    failed(&refused(&lab, &awaited(update(id, &host("denied-2.example")))).await, "editError");
    let delete = format!(
        "DELETE FROM {TABLE} WHERE id = '{id}' AND authentication_type = 'userPassword' AND username = 'u' AND password = 'p'"
    );
    assert_eq!(told(&lab, &awaited(delete)).await, [format!("deleted: {id} (delete_with_credentials)")]);
}

#[tokio::test]
async fn one_that_is_deleted_and_still_listed_is_gone() {
    fn answer(asked: &crate::service::Asked) -> Reply {
        let row = json!({
            "id": "7", "status": "deleted", "type": "Redshift", "autoBootstrap": false,
            "config": {"host": "organization.aws.amazon.com", "database": "immuta", "authenticationType": "userPassword"},
        });
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/integrations") => reply(200, &json!([row])),
            ("GET", "/integrations/7") => reply(200, &row),
            _ => reply(500, &json!({})),
        }
    }
    let service = Service::start(answer).await;
    let session = opened(&[], &[("IMMUTA_HOST", &service.url), ("IMMUTA_API_KEY", KEY)]).expect("sound");
    let listed = rows(&session, &format!("SELECT id, status FROM {TABLE}")).await.expect("a row is a row");
    assert_eq!(json!(listed), json!([{"id": "7", "status": "deleted"}]));
    let outcome = session.run(&format!("DELETE FROM {TABLE} WHERE id = '7'")).await.expect("nothing is to be done");
    assert_eq!(outcome.notices, ["already gone: 7"]);
    let error = rows(&session, &update("7", &user())).await.expect_err("nothing is there");
    assert_eq!(error.message, "there is nothing to change any more: its `status` is `deleted`");
    assert!(service.lines().iter().all(|line| line.starts_with("GET")));
}
