//! Secrets that are planted in every way that there is to give one, and looked for in everything that the program writes:
//! standard output and error, the log of writes, files of rows, the state folder; as they are, as JSON, as part of an
//! address, and as base64. Holds for what works and for what is refused alike.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::Home;
use crate::service::{Asked, Reply, Service, json as answer, plain};

/// Every secret begins with it.
const CANARY: &str = "canary-";
/// The same at each of the three places that it may have in base64.
const BASE64: [&str; 3] = ["Y2FuYXJ5L", "NhbmFyeS", "jYW5hcnkt"];

const DOCUMENT: &str = "\
driver: rest
title: Vault
version: '1'
params:
  vault_host: {type: string, required: true, env: VAULT_HOST}
rest:
  base: '{vault_host}'
  auth: {by: login, post: /login, body: {apikey: '{key}'}, token: token, env: VAULT_KEY}
  errors: {message: message}
  calls:
    List: {get: /doors, rows: '[]', fields: &door [id, name, pin, config, note]}
    Get: {get: '/doors/{id}', key: id, fields: *door}
    Make: {post: /doors, body: [name, pin, config, note], fields: *door}
    Change: {patch: '/doors/{id}', key: id, body: [name, pin, config, note], fields: *door}
    Drop: {delete: '/doors/{id}', key: id}
resources:
  doors:
    identity: [id]
    fields:
      id: {type: string}
      name: {type: string, access: write, unique: true, max: 20}
      pin: {type: string, access: secret, max: 60, pattern: '^[a-z0-9-]+', strict: true}
      config: {type: json, access: write, secrets: [/password, /okta/password], redacted: [<REDACTED>]}
      note: {type: string, access: write}
    methods:
      list: {call: List}
      get: {call: Get, needs: [Identifier]}
      make: {call: Make}
      change: {call: Change, needs: [Identifier, PatchDocument]}
      drop: {call: Drop, needs: [Identifier]}
    verbs: {select: [get, list], insert: make, update: change, delete: drop}
    settles: {wire: note, done: [done], failed: [failed]}
";

/// Doors whose names say what becomes of them. What it is given it quotes wherever it can.
fn vault(asked: &Asked) -> Reply {
    let row = |id: &str, name: &str, pin: &Value, config: &Value| json!({"id": id, "name": name, "pin": pin, "config": config, "note": format!("was given {pin} and {config}")});
    let door = || {
        let config = json!({"host": "h", "password": "canary-of-the-service"});
        json!({"id": "1", "name": "one", "pin": "canary-of-the-service", "config": config, "note": "is known"})
    };
    let body = asked.json();
    let pin = body["pin"].as_str().unwrap_or_default();
    let address: String = form_urlencoded::byte_serialize(pin.as_bytes()).collect();
    let quote = format!(
        "`{pin}` ({address}) is as bad as {} for {}",
        body["config"],
        asked.header("authorization").unwrap_or_default()
    );
    if asked.path == "/login" {
        return match body["apikey"].as_str() {
            Some("canary-key-of-the-vault") => answer(200, &json!({"token": "canary-token-of-the-vault"})),
            other => answer(401, &json!({"message": format!("who is {}?", other.unwrap_or_default())})),
        };
    }
    match (asked.method.as_str(), asked.path.as_str(), body["name"].as_str()) {
        ("GET", "/doors", _) => answer(200, &json!([door()])),
        ("GET", "/doors/1", _) => answer(200, &door()),
        ("POST" | "PATCH", _, Some("refused")) => answer(400, &json!({"message": quote})),
        ("POST" | "PATCH", _, Some("conflict")) => answer(409, &json!({"message": quote})),
        ("POST" | "PATCH", _, Some("failing")) => plain(503, &quote),
        ("POST" | "PATCH", _, Some("odd")) => plain(200, &quote),
        ("POST", "/doors", name) => answer(201, &row("2", name.unwrap_or_default(), &body["pin"], &body["config"])),
        ("PATCH", "/doors/1", name) => answer(200, &row("1", name.unwrap_or("one"), &body["pin"], &body["config"])),
        ("DELETE", _, _) => plain(204, ""),
        _ => plain(404, &quote),
    }
}

/// What is in the tail of every run that could be a secret, if anything is.
fn escaped(home: &Home, output: &Output) -> Option<String> {
    let shown = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    shown.into_iter().chain(written(home.path())).find(|text| is_secret(text))
}

/// Whether a canary is in a text, in whatever form.
pub fn is_secret(text: &str) -> bool {
    text.to_lowercase().contains(CANARY) || BASE64.iter().any(|form| text.contains(form))
}

/// Every file that the program may have written, but the pretended service's own store, which is the service.
pub fn written(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && !["sandbox", "given", ".aws"].iter().any(|own| name == *own) {
            found.extend(written(&path));
        } else if path.is_file() {
            found.push(String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned());
        }
    }
    found
}

struct Cage {
    home: Home,
    service: Service,
}

impl Cage {
    async fn new() -> Cage {
        let home = Home::new();
        home.write("given/providers/acme/vault.yaml", DOCUMENT);
        home.write("given/secrets/IN_A_FILE", "canary-of-a-file\n");
        home.write("given/env", "IN_A_LINE=canary-of-a-line\n");
        Cage { home, service: Service::start(vault).await }
    }

    /// Runs a script as loudly as can be, and holds that nothing of a secret comes out.
    async fn run(&self, arguments: &[&str], environment: &[(&str, &str)], sql: &str) -> String {
        let mut command = self.home.command(&["exec", "--providers", "given/providers", "--audit", "audit.jsonl"]);
        command.args(arguments).arg(sql);
        command.env("RUST_LOG", "trace").env("IQL_LOG", "trace").env("IQL_TRIES", "2").env("IQL_BACKOFF", "1ms");
        command.env("VAULT_HOST", &self.service.url).env("VAULT_KEY", "canary-key-of-the-vault");
        command.env("IN_THE_ENVIRONMENT", "canary-of-the-environment").envs(environment.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output().expect("iql runs")).await.expect("a run");
        if let Some(text) = escaped(&self.home, &output) {
            panic!("{arguments:?} {sql}\n{text}");
        }
        self.home.shown(&output)
    }

    /// The same, without and with `--dry-run`; what the first showed.
    async fn both(&self, sql: &str) -> String {
        let shown = self.run(&["--verbose", "--yes"], &[], sql).await;
        self.run(&["--dry-run"], &[], &format!("{sql}; SELECT 1")).await;
        shown
    }
}

fn insert(name: &str, pin: &str, config: &str) -> String {
    format!("INSERT INTO acme.vault.doors (name, pin, config) VALUES ('{name}', {pin}, {config})")
}

const LITERAL: &str = "'canary-literal-pin'";
const JSON: &str = r#"'{"host": "h", "password": "canary \"in\" JSON/+é", "okta": {"password": "canary-okta"}}'"#;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_secret_comes_out_where_it_is_sent() {
    let cage = Cage::new().await;
    // What works: the secrets arrive, and only there.
    let secrets = ["--secrets", "given/secrets", "-o", "json", "-f", "rows.json", "--verbose"];
    let config = r#"'{"password": {"$secret": "IN_A_FILE"}}'"#;
    let sql = format!("{} RETURNING *", insert("new", "secret('IN_THE_ENVIRONMENT')", config));
    let shown = cage.run(&secrets, &[], &sql).await;
    assert!(shown.contains("inserted:"), "{shown}");
    let sent = cage.service.asked().into_iter().find(|asked| asked.method == "POST" && asked.path == "/doors");
    let expected =
        json!({"name": "new", "pin": "canary-of-the-environment", "config": {"password": "canary-of-a-file"}});
    assert_eq!(sent.map(|asked| asked.json()), Some(expected));
    for format in ["table", "json", "jsonl", "csv", "text"] {
        let sql =
            format!("{} RETURNING *, substr(config, strpos(config, 'password')) AS p", insert("new", LITERAL, JSON));
        let shown = cage.run(&["-o", format], &[], &sql).await;
        assert!(shown.starts_with("exit 0"), "{shown}");
        let shown = cage
            .run(
                &["-o", format, "--verbose"],
                &[],
                "SELECT *, lower(pin) AS low, substr(config, strpos(config, 'password')) AS part FROM acme.vault.doors",
            )
            .await;
        assert!(shown.starts_with("exit 0") && shown.contains('…'), "{shown}");
    }
    let line = insert("new", "secret('IN_A_LINE')", "NULL");
    assert!(cage.run(&["--secrets", "given/env"], &[], &line).await.starts_with("exit 0"));
    let ordered =
        "SELECT name FROM acme.vault.doors WHERE pin LIKE 'canary-%' OR config LIKE '%canary%' ORDER BY pin, config";
    assert!(cage.run(&["--verbose"], &[], ordered).await.starts_with("exit 0"));
    // What the service refuses, or answers oddly.
    for name in ["refused", "conflict", "failing", "odd"] {
        for pin in [LITERAL, "secret('IN_THE_ENVIRONMENT')"] {
            let shown = cage.run(&["--verbose"], &[], &insert(name, pin, JSON)).await;
            assert!(shown.starts_with("exit 1"), "{shown}");
        }
        let update = format!("UPDATE acme.vault.doors SET name = '{name}', pin = {LITERAL} WHERE id = '1'");
        let shown = cage.both(&update).await;
        assert!(shown.starts_with("exit 1"), "{shown}");
    }
    let patch = r#"[{"op": "replace", "path": "/config/password", "value": "canary-patch"}]"#;
    let shown =
        cage.both(&format!("UPDATE acme.vault.doors SET PatchDocument = '{patch}' WHERE id = '1' RETURNING *")).await;
    assert!(shown.starts_with("exit 0"), "{shown}");
    let await_it = insert("new", LITERAL, JSON).replace("INSERT", "INSERT /*+ AWAIT */");
    cage.run(&["--await-time", "10ms"], &[], &await_it).await;
    let exec = format!(
        "EXEC acme.vault.doors.make @name = 'new', @pin = {LITERAL} @@json = '{{\"config\": {{\"password\": \"canary-exec\"}}}}'"
    );
    let shown = cage.both(&exec).await;
    assert!(shown.starts_with("exit 0"), "{shown}");
    // Nobody there, nobody known, no time.
    for (arguments, environment) in [
        (&["--verbose"][..], &[("VAULT_HOST", "http://127.0.0.1:9")][..]),
        (&["--verbose"], &[("VAULT_KEY", "canary-wrong-key")]),
        (&["--timeout", "1ms"], &[]),
        (&["--max-calls", "1", "--read-only"], &[]),
    ] {
        let shown = cage.run(arguments, environment, &insert("new", LITERAL, JSON)).await;
        assert!(shown.starts_with("exit 1"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_secret_comes_out_where_a_statement_is_wrong() {
    let cage = Cage::new().await;
    let long = "canary-".repeat(12);
    for sql in [
        // Values that do not fit.
        insert("new", &format!("'{long}'"), "NULL"),
        insert("new", "'! canary-pattern'", "NULL"),
        insert("new", LITERAL, "'{\"password\": \"canary-json\"'"),
        insert("new", LITERAL, "'{\"password\": {\"$secret\": \"canary-x y\"}}'"),
        insert("a name that is too long", LITERAL, JSON),
        insert("new", "CAST('canary-number' AS INT)", "NULL"),
        insert("new", "1 + 'canary-number'", "NULL"),
        insert("new", "\"canary-quoted\"", "NULL"),
        insert("new", &format!("{LITERAL}, 'canary-more'"), "NULL"),
        insert("new", "arrow_cast('canary-cast', 'Timestamp(Second, None)')", "NULL"),
        "INSERT INTO acme.vault.doors (name, pni) VALUES ('new', 'canary-typo')".into(),
        "INSERT INTO acme.vault.dors (name, pin) VALUES ('new', 'canary-typo')".into(),
        "INSERT INTO acme.vault.doors (pin, name) SELECT v, nme FROM (VALUES ('canary-flow')) AS t(v)".into(),
        // Statements that cannot be read.
        "INSERT INTO acme.vault.doors (pin) VALUES ('canary-unclosed)".into(),
        "INSERT INTO acme.vault.doors (pin) VALUES ('it's canary-quote', 'x')".into(),
        "INSERT INTO acme.vault.doors (pin) VALUS ('canary-keyword')".into(),
        "INSRT INTO acme.vault.doors (pin) VALUES ('canary-verb')".into(),
        "UPDATE acme.vault.doors SET pin = 'canary-end' id = '1'".into(),
        "DELETE FROM acme.vault.doors WHERE pin = 'canary-paren' AND (".into(),
        "EXEC acme.vault.doors.make @pin 'canary-equals'".into(),
        "EXEC acme.vault.doors.mke @pin = 'canary-method'".into(),
        "EXEC acme.vault.doors.make @@json = '{\"pin\": \"canary-cut\"'".into(),
        "UPDATE acme.vault.doors SET PatchDocument = '[{\"op\": \"test\", \"path\": \"/config/password\", \"value\": \"canary-test\"}]' WHERE id = '1'".into(),
        "UPDATE acme.vault.doors SET PatchDocument = '[{\"op\": \"ad\", \"path\": \"/pin\", \"value\": \"canary-op\"}]' WHERE id = '1'".into(),
        "DELETE FROM acme.vault.doors WHERE pasword = 'canary-column'".into(),
        "SELECT * FROM acme.vault.doors WHERE pin = 'canary-where' AND nothing = 1".into(),
    ] {
        let shown = cage.run(&["--verbose"], &[], &format!("SELECT 1;\n {sql}")).await;
        assert!(shown.starts_with("exit 1"), "{shown}");
    }
}

/// Statements that are answered, and some that are refused: a refusal shows nothing either.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_secret_comes_out_of_immuta() {
    let cage = Cage::new().await;
    let config = r#"{"host": "canary.example", "database": "immuta", "initialDatabase": "d", "authenticationType": "userPassword", "username": "canary-user", "password": "canary-password"}"#.replace("canary.example", "h.example");
    let yaml = "host: g.example\ndatabase: immuta\ninitialDatabase: d\nauthenticationType: okta\nokta:\n  username: canary-user\n  password: canary-password\n  appId: Okta\n  idpHost: i\n  role: admin\n";
    let table = "immuta.integrations.integrations";
    let columns = "(type, auto_bootstrap, config)";
    for sql in [
        format!("INSERT INTO {table} {columns} VALUES ('Redshift', true, '{config}') RETURNING *"),
        format!("INSERT INTO {table} {columns} VALUES ('Redshift', true, '{yaml}') RETURNING config"),
        format!("INSERT INTO {table} {columns} VALUES ('Redshift', true, '{yaml}  : [') RETURNING config"),
        format!("UPDATE {table} SET config = '{config}' WHERE id = '1'"),
        format!(
            "DELETE FROM {table} WHERE id = '1' AND authentication_type = 'userPassword' AND username = 'canary-user' AND password = 'canary-password'"
        ),
        format!(
            "EXEC {table}.delete @id = '1', @authentication_type = 'userPassword', @username = 'canary-user', @password = 'canary-password'"
        ),
        format!(
            "EXEC immuta.integrations.scripts.create @@json = '{{\"type\": \"Redshift\", \"autoBootstrap\": false, \"config\": {}}}'",
            // The script is for this user, and names it.
            config.replace("canary-user", "immuta_system")
        ),
    ] {
        cage.run(&["--sandbox", "--verbose"], &[], &sql).await;
        cage.run(&["--sandbox", "--dry-run"], &[], &sql).await;
        cage.run(&["--sandbox", "--keep-going"], &[], &format!("SELECT 1; {sql}; {sql}")).await;
    }
    // The sandbox knows no such key, nor a token of it.
    let read = format!("SELECT * FROM {table}");
    let url = cage.service.url.clone();
    for variable in ["IMMUTA_API_KEY", "IMMUTA_TOKEN"] {
        for auth in ["login", "canary-nothing"] {
            let environment = [("IMMUTA_HOST", url.as_str()), (variable, "canary-api-key"), ("IMMUTA_AUTH", auth)];
            let shown = cage.run(&["--verbose"], &environment, &read).await;
            assert!(shown.starts_with("exit 1"), "{shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canaries_would_be_seen() {
    let cage = Cage::new().await;
    let caged = Arc::new(cage);
    let mut command = caged.home.command(&["exec", "SELECT 'canary-seen'"]);
    let output = tokio::task::spawn_blocking(move || command.output().expect("iql runs")).await.expect("a run");
    assert!(escaped(&caged.home, &output).is_some());
    for form in ["Y2FuYXJ5LXNlZW4=", "eDpjYW5hcnktc2Vlbg=="] {
        assert!(BASE64.iter().any(|base64| form.contains(base64)), "{form}");
    }
}
