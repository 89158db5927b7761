//! EXEC of methods that answer no verb, on Immuta's scripts and its `regenerate`: what is sent, what is refused, what is
//! said, remembered and shown.

use iql::error::Kind;
use iql::sandbox::{Controls, Fault, Trouble};
use serde_json::{Value, json};

use crate::lab::Lab;

const SCRIPTS: &str = "immuta.integrations.scripts";
/// The key of the documentation's examples, in which every request has these three headers.
const KEY: &str = "846e9e43c86a4ct1be14290d95127d13f";

fn user() -> Value {
    json!({
        "host": "organization.aws.amazon.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "impersonation": {"enabled": false},
        "authenticationType": "userPassword", "username": "taylor@redshift.com", "password": "abc1234",
    })
}

fn okta() -> Value {
    json!({
        "host": "organization.aws.amazon.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "impersonation": {"enabled": true, "role": "immuta_impersonation"},
        "authenticationType": "okta",
        "okta": {
            "username": "taylor@redshift.com", "password": "abc1234", "appId": "Okta",
            "idpHost": "organization.okta.com", "role": "admin",
        },
    })
}

/// As the documentation's update has it.
fn edited() -> Value {
    let mut config = okta();
    config["impersonation"] = json!({"enabled": false});
    config
}

fn payload(config: &Value) -> Value {
    json!({"type": "Redshift", "autoBootstrap": false, "config": config})
}

/// `EXEC` of a script, its arguments one by one.
fn exec(method: &str, more: &str, config: &Value) -> String {
    let config = config.to_string().replace('\'', "''");
    format!("EXEC {SCRIPTS}.{method} {more} @type = 'Redshift', @auto_bootstrap = false, @config = '{config}'")
}

/// A session for which Immuta's answers need no waiting, and where there is a manual integration `2` of the estate's.
async fn lab() -> Lab {
    let lab = Lab::with(|settings| settings.limits.tries = 3).await;
    let at_once =
        Controls { creating_seconds: 0.0, modifying_seconds: 0.0, deleting_seconds: 0.0, ..Controls::default() };
    lab.sandbox.set_controls(&at_once).expect("kept");
    lab
}

/// The one request since the last time: method, path and body.
fn sent(lab: &Lab) -> (String, Value) {
    let served = lab.sandbox.requests();
    lab.sandbox.clear_requests();
    assert_eq!(served.len(), 1, "{served:?}");
    let header = |name: &str| served[0].headers.get(name).map(String::as_str);
    assert_eq!(
        (header("accept"), header("content-type")),
        (Some("application/json"), Some("application/json")),
        "the documentation's headers"
    );
    assert!(header("authorization").is_some_and(|key| !key.contains(' ')), "the key without a scheme");
    let line = format!("{} {}", served[0].method.as_deref().unwrap_or(""), served[0].path.as_deref().unwrap_or(""));
    (line, served[0].body.clone().unwrap_or_default())
}

async fn refused(lab: &Lab, sql: &str) -> String {
    let error = lab.rows(sql).await.expect_err(sql);
    assert_eq!(lab.asked(), Vec::<String>::new(), "{sql}");
    error.to_string().replace(&lab.sandbox.endpoint(), "http://immuta.test")
}

#[tokio::test]
async fn every_script_request_of_the_documentation_is_a_statement() {
    let lab = lab().await;
    for (method, more, config, line) in [
        ("initial_create", "", user(), "POST /integrations/scripts/initial-create"),
        ("initial_create", "", okta(), "POST /integrations/scripts/initial-create"),
        ("create", "", user(), "POST /integrations/scripts/create"),
        ("create", "", okta(), "POST /integrations/scripts/create"),
        ("edit", "@id = '7',", edited(), "POST /integrations/7/scripts/edit"),
        ("cleanup", "", user(), "POST /integrations/scripts/cleanup"),
    ] {
        let whole = payload(&config);
        let json = format!("EXEC {SCRIPTS}.{method} {} @@json = '{whole}'", more.trim_end_matches(','));
        let in_query = format!("SELECT script FROM ({json}) AS s");
        for sql in [exec(method, more, &config), json, in_query] {
            let rows = lab.rows(&sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
            let script = rows[0]["script"].as_str().expect("a script");
            assert!(rows.len() == 1 && script.starts_with("-- Immuta: "), "{sql}: {rows:?}");
            assert_eq!(sent(&lab), (line.to_string(), whole.clone()), "{sql}");
        }
    }
    lab.rows(&format!("EXEC {SCRIPTS}.delete @id = '7'")).await.expect("a script");
    assert_eq!(sent(&lab), ("POST /integrations/7/scripts/delete".to_string(), Value::Null));
}

#[tokio::test]
async fn the_configuration_may_be_yaml_and_names_the_services_own() {
    let lab = lab().await;
    let yaml = "host: organization.aws.amazon.com\ndatabase: immuta\ninitialDatabase: REDSHIFT_SAMPLE_DATA\n\
                impersonation:\n  enabled: false\nauthenticationType: userPassword\nusername: taylor@redshift.com\n\
                password: abc1234\n";
    let sql = format!(
        "EXEC {SCRIPTS}.create @TYPE = concat('Red', 'shift') @autoBootstrap = (1 = 2) @data__config = '{yaml}' \
         @immuta_host = '{}'",
        lab.sandbox.endpoint()
    );
    lab.rows(&sql).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(sent(&lab).1, payload(&user()));
    let text = json!({"type": "Redshift", "auto_bootstrap": false, "config": user().to_string()});
    lab.rows(&format!("EXEC {SCRIPTS}.create @@json = '{text}'")).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(sent(&lab).1, payload(&user()));
}

#[tokio::test]
async fn the_key_is_sent_as_the_documentation_sends_it() {
    let service = crate::service::Service::start(|_| crate::service::plain(200, "-- a script\n")).await;
    let environment = [("IMMUTA_HOST", service.url.as_str()), ("IMMUTA_API_KEY", KEY)];
    let session = crate::invented::opened(&[], &environment).expect("sound");
    let sql = format!("SELECT script FROM (EXEC {SCRIPTS}.delete @id = 'a b/c')");
    let found = crate::lab::rows(&session, &sql).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found, [json!({"script": "-- a script\n"})]);
    let asked = service.asked();
    assert_eq!(
        (asked[0].line().as_str(), asked[0].header("authorization")),
        ("POST /integrations/a%20b%2Fc/scripts/delete", Some(KEY))
    );
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_before_anything_is_sent() {
    let lab = lab().await;
    for (name, sql) in [
        ("nothing", format!("EXEC {SCRIPTS}.initial_create")),
        (
            "several",
            format!(
                "EXEC {SCRIPTS}.initial_create @typ = 'Redshift', @type = 'Snowflake', @auto_bootstrap = 'no', \
                 @autoBootstrap = false, @config = 'hunter2'"
            ),
        ),
        (
            "rules",
            format!(
                "EXEC {SCRIPTS}.post_cleanup @type = 'Redshift', @auto_bootstrap = true, @config = \
                 '{{\"host\": \"h\", \"authenticationType\": \"okta\", \"okta\": {{\"role\": \"admin\"}}}}'"
            ),
        ),
        ("redacted", {
            let mut config = user();
            (config["username"], config["password"]) = (json!("<REDACTED>"), json!("<REDACTED>"));
            exec("edit", "@id = '7',", &config)
        }),
        ("no_id", exec("edit", "", &json!({"host": "h", "database": "d", "authenticationType": "other"}))),
        ("no_method", format!("EXEC {SCRIPTS}.initial_creat @type = 'Redshift'")),
        ("select", format!("SELECT * FROM {SCRIPTS}")),
        ("insert", format!("INSERT INTO {SCRIPTS} (type) VALUES ('Redshift')")),
        ("in_a_query", format!("SELECT script FROM (EXEC {SCRIPTS}.create @type = 'Redshift')")),
        ("returning", format!("EXEC {SCRIPTS}.delete @id = '7' RETURNING scripd")),
        ("a_write_in_a_query", "SELECT * FROM (EXEC immuta.integrations.integrations.regenerate @id = '8')".into()),
        ("analyze", format!("EXPLAIN ANALYZE EXEC {SCRIPTS}.delete @id = '7'")),
    ] {
        insta::assert_snapshot!(format!("refused_{name}"), refused(&lab, &sql).await);
    }
    let columns = "SELECT * FROM (EXEC awscc.redshift.integrations.list_resources @@json = '{\"Tags\": []}')";
    assert!(refused(&lab, columns).await.starts_with("the list `Tags` cannot be bound by a query"));
}

#[tokio::test]
async fn explain_shows_the_call_and_sends_nothing() {
    let lab = lab().await;
    for (name, sql) in [
        ("script", format!("EXPLAIN {}", exec("create", "", &user()))),
        ("regenerate", "EXPLAIN EXEC immuta.integrations.integrations.regenerate @Identifier = '8'".to_string()),
    ] {
        let rows = lab.rows(&sql).await.unwrap_or_else(|error| panic!("{error}"));
        let text = rows.iter().map(|row| format!("{}: {}\n", row["plan_type"], row["plan"].as_str().unwrap_or("")));
        let text = text.collect::<String>().replace(&lab.sandbox.endpoint(), "http://immuta.test");
        assert!(!text.contains("abc1234"), "{text}");
        insta::assert_snapshot!(format!("explained_{name}"), text);
    }
    let posts = lab.asked().into_iter().filter(|line| line.starts_with("POST")).count();
    assert_eq!(posts, 0);
    let rows =
        lab.rows(&format!("EXPLAIN SELECT script FROM (EXEC {SCRIPTS}.delete @id = '7')")).await.expect("a plan");
    assert!(
        rows[0]["plan"].as_str().is_some_and(|plan| plan.contains("/integrations/7/scripts/delete\n1 call")),
        "{rows:?}"
    );
    assert_eq!(lab.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_comes_next_is_said() {
    let lab = lab().await;
    let mut said = String::new();
    for (method, more, config) in [
        ("initial_create", "", user()),
        ("create", "", user()),
        ("edit", "@id = '7',", edited()),
        ("cleanup", "", user()),
    ] {
        let notices = lab.notices(&exec(method, more, &config)).await.unwrap_or_else(|error| panic!("{error}"));
        said += &format!("{method}: {}\n", notices.join("\n  "));
    }
    let delete = lab.notices(&format!("EXEC {SCRIPTS}.delete @id = '7'")).await.expect("a script");
    said += &format!("delete: {}\n", delete.join("\n  "));
    assert!(!said.contains("abc1234") && !said.contains("taylor"), "{said}");
    insta::assert_snapshot!("said", said);
}

#[tokio::test]
async fn a_payload_is_held_against_the_one_that_made_the_script() {
    let lab = lab().await;
    let warned = async |sql: &str| {
        let notices = lab.notices(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        let told = |notice: &&String| notice.contains(" made of ") || notice.contains(" was made of");
        notices.iter().filter(told).cloned().collect::<Vec<_>>().join("\n")
    };
    let maker = |method: &str| format!("`EXEC {SCRIPTS}.{method}`");
    assert_eq!(
        warned(&exec("create", "", &okta())).await,
        format!("no first script was made of this on this machine; {} makes one", maker("initial_create"))
    );
    assert_eq!(warned(&exec("initial_create", "", &okta())).await, "");
    assert_eq!(warned(&exec("create", "", &okta())).await, "", "the same payload");
    let mut other = okta();
    other["okta"]["role"] = json!("reader");
    other["okta"]["password"] = json!("a-new-password");
    other["port"] = json!(5440);
    let differs = |name: &str, method: &str| {
        format!(
            "this is not what the {name} was made of: it differs in `config.okta.password`, `config.okta.role`, \
             `config.port`; {} makes another",
            maker(method)
        )
    };
    assert_eq!(warned(&exec("create", "", &other)).await, differs("first script", "initial_create"));
    // What was remembered last is what counts: the second script is made of the other payload now.
    let insert = |config: &Value| {
        format!(
            "EXPLAIN INSERT INTO immuta.integrations.integrations (type, auto_bootstrap, config) VALUES ('Redshift', false, \
             '{config}')"
        )
    };
    let sql = insert(&okta());
    assert_eq!(warned(&sql).await, format!("row 1: {}", differs("script", "create")));
    assert_eq!(warned(&insert(&other)).await, "");
    let query = format!("SELECT count(*) FROM (EXEC {SCRIPTS}.create @@json = '{}')", payload(&okta()));
    lab.rows(&query).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(warned(&sql).await, "", "what a query asks for is remembered as well");
    let automatic = sql.replace("false,", "true,");
    assert_eq!(warned(&automatic).await, "", "no script is needed");
    // Neither a value nor the key is anywhere to be read but by its owner.
    let folder = lab.state().join("payloads");
    for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
        use std::os::unix::fs::PermissionsExt;
        let mode = entry.metadata().expect("its mode").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
        let bytes = std::fs::read(entry.path()).expect("its bytes");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("abc1234") && !text.contains("organization"), "{text}");
    }
}

#[tokio::test]
async fn another_key_is_made_once_and_shown_to_who_names_it() {
    let lab = lab().await;
    let exec = "EXEC immuta.integrations.integrations.regenerate @id = '8'";
    let key = |rows: &[Value], name: &str| rows[0][name].as_str().unwrap_or_default().to_string();
    let posts = |lab: &Lab| lab.asked().into_iter().filter(|line| line.starts_with("POST")).count();
    let rows = lab.rows(&format!("{exec} RETURNING apiKey, id")).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((key(&rows, "apiKey").len(), key(&rows, "id").as_str(), posts(&lab)), (32, "8", 1), "{rows:?}");
    let again = lab.rows(&format!("{exec} RETURNING upper(api_key) AS k")).await.expect("a key");
    assert_ne!(key(&again, "k"), key(&rows, "apiKey").to_uppercase());
    assert_eq!(posts(&lab), 1);
    // It could not be read later: who does not ask for it gets none, and the old one stays good.
    let shows = exec.replace("EXEC", "EXEC /*+ SHOWRESULTS */");
    for hidden in [format!("{exec} RETURNING *"), shows, exec.to_string()] {
        let error = lab.rows(&hidden).await.expect_err("not named");
        assert!(error.message.starts_with("`api_key` is a secret"), "{hidden}: {error}");
        assert_eq!(posts(&lab), 0, "{hidden}");
    }
    let notices = lab.notices(&format!("{exec} RETURNING api_key")).await.expect("done");
    insta::assert_snapshot!("regenerated", notices.join("\n"));
    // Of another type it is worth saying, and Immuta decides.
    posts(&lab);
    let error = lab
        .rows("EXEC immuta.integrations.integrations.regenerate @id = '7' RETURNING api_key")
        .await
        .expect_err("no key");
    assert_eq!((error.kind, posts(&lab)), (Kind::Refused, 1), "{error}");
    let gone = lab
        .rows("EXEC immuta.integrations.integrations.regenerate @id = '70' RETURNING api_key")
        .await
        .expect_err("not there");
    assert_eq!((gone.kind, gone.message.as_str(), posts(&lab)), (Kind::NotFound, "there is no integration `70`", 0));
}

#[tokio::test]
async fn a_lost_answer_is_not_asked_for_blindly() {
    let lab = lab().await;
    let fault = |action: &str, trouble: Trouble| {
        let action = Some(action.to_string());
        lab.sandbox.add_fault(Fault { action, region: None, account: None, after: 0, times: Some(1), trouble });
    };
    fault("POST /integrations/{id}/regenerate", Trouble::Lost);
    let exec = "EXEC immuta.integrations.integrations.regenerate @id = '8' RETURNING api_key";
    let error = lab.rows(exec).await.expect_err("nobody knows");
    let posts = lab.asked().into_iter().filter(|line| line.starts_with("POST")).count();
    assert_eq!((error.kind, posts), (Kind::Transport, 1), "{error}");
    assert!(error.context.iter().any(|line| line == "unknown: regenerate of 8"), "{error}");
    assert!(error.hints.iter().any(|hint| hint.starts_with("look whether it was done")), "{error}");
    // A script changes nothing: it is asked for again, in a query as well.
    for sql in [format!("EXEC {SCRIPTS}.delete @id = '7'"), format!("SELECT * FROM (EXEC {SCRIPTS}.delete @id = '7')")]
    {
        fault("POST /integrations/{id}/scripts/delete", Trouble::Lost);
        assert_eq!(lab.rows(&sql).await.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(1));
        assert_eq!(lab.asked().len(), 2, "{sql}");
    }
    let gone = lab.rows(&format!("EXEC {SCRIPTS}.delete @id = '70'")).await.expect_err("not there");
    assert_eq!(gone.kind, Kind::NotFound);
    assert!(gone.context.iter().any(|line| line.contains("No Integration found with ID 70.")), "{gone}");
}

#[tokio::test]
async fn a_session_that_only_reads_gets_scripts_and_makes_no_key() {
    let lab = Lab::with(|settings| settings.writes.read_only = true).await;
    let exec = "EXEC immuta.integrations.integrations.regenerate @id = '8'";
    assert_eq!(refused(&lab, exec).await.lines().next(), Some("EXEC is refused: the session only reads"));
    assert_eq!(lab.count(&format!("EXEC {SCRIPTS}.delete @id = '7'")).await.map_err(|e| e.to_string()), Ok(1));
}

#[tokio::test]
async fn methods_are_described() {
    let lab = lab().await;
    let mut text = String::new();
    for sql in [
        format!("SHOW METHODS IN {SCRIPTS}"),
        format!("DESCRIBE METHOD EXTENDED {SCRIPTS}.edit"),
        "DESCRIBE METHOD immuta.integrations.integrations.regenerate".to_string(),
        format!("DESCRIBE {SCRIPTS}"),
    ] {
        let notices = lab.notices(&sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        text += &format!("{sql}\n");
        for row in lab.rows(&sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}")) {
            let cells = row.as_object().into_iter().flatten().map(|(_, value)| value.as_str().unwrap_or_default());
            text += &format!("  {}\n", cells.collect::<Vec<_>>().join(" | "));
        }
        notices.iter().for_each(|notice| text += &format!("  notice: {notice}\n"));
    }
    insta::assert_snapshot!("described", text);
}

/// Runs the program on a service that answers with `script`: what it prints.
async fn printed(script: &'static str, sql: &str) -> String {
    let service = crate::service::Service::start(move |_| crate::service::plain(200, script)).await;
    let (url, sql) = (service.url.clone(), sql.to_string());
    let run = move || {
        let home = crate::cli::Home::new();
        let mut command = home.command(&["exec", "-o", "text", &sql]);
        command.env("IMMUTA_HOST", url).env("IMMUTA_API_KEY", KEY).output().expect("iql runs")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_printed_as_it_is() {
    let script = "-- a \"script\"\n\\set ON_ERROR_STOP on\n\n\tSELECT 'it''s', $$a\\b$$;\r\n";
    for sql in [
        format!("EXEC {SCRIPTS}.delete @id = '7'"),
        format!("EXEC {SCRIPTS}.delete @id = '7' RETURNING script"),
        format!("SELECT script FROM (EXEC {SCRIPTS}.delete @id = '7')"),
    ] {
        assert_eq!(printed(script, &sql).await, script, "{sql}");
    }
    let unended = script.trim_end_matches(['\r', '\n']);
    assert_eq!(printed(unended, &format!("EXEC {SCRIPTS}.delete @id = '7'")).await, format!("{unended}\n"));
}
