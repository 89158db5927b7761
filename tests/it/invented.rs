//! A service that nobody here has seen, described by YAML alone: the whole document of `docs/providers.md`, run against a
//! server of that shape.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iql::error::{Error, Kind};
use iql::settings::{Environment, Settings};
use iql::{Engine, Session};
use serde_json::{Value, json};

use crate::lab::rows;
use crate::service::{Asked, Reply, Service, json as answer, plain, with};

const GUIDE: &str = include_str!("../../docs/providers.md");
pub const KEY: &str = "canary-5d1f";

/// The guide's own document.
fn document() -> &'static str {
    let start = GUIDE.find("```yaml\n").expect("a document") + "```yaml\n".len();
    &GUIDE[start..start + GUIDE[start..].find("```").expect("its end")]
}

/// A session on documents of its own: each a path below the folder and its text.
pub fn opened(documents: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Session, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in documents {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    let mut settings = Settings { providers: Some(folder.path().to_path_buf()), ..Settings::default() };
    settings.environment =
        environment.iter().fold(Environment::default(), |all, (name, value)| all.with(*name, *value));
    settings.limits.backoff = Duration::from_millis(1);
    settings.limits.tries = 3;
    Ok(Engine::open(settings)?.session())
}

fn session(service: &Service) -> Session {
    let environment = [("GADGETS_HOST", service.url.as_str()), ("GADGETS_KEY", KEY)];
    opened(&[("acme/gadgets.yaml", document())], &environment).expect("the guide's document is sound")
}

#[derive(Default)]
struct Gadgets {
    rows: Mutex<BTreeMap<u64, Value>>,
    logins: AtomicUsize,
    throttled: AtomicUsize,
}

impl Gadgets {
    /// Seven gadgets; a page has three at most. The first request for a list is throttled.
    fn start() -> (Arc<Gadgets>, impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        let gadgets = Arc::new(Gadgets::default());
        for id in 1..=7_u64 {
            let colour = if id % 2 == 0 { "red" } else { "blue" };
            let parts: Vec<Value> = (0..id % 3).map(|n| json!({"name": format!("p{n}"), "weight": 0.5})).collect();
            let row = json!({
                "id": id, "name": format!("g{id}"), "settings": {"colour": colour, "size": id * 10},
                "state": "ready", "parts": parts,
            });
            gadgets.rows.lock().unwrap_or_else(PoisonError::into_inner).insert(id, row);
        }
        let own = gadgets.clone();
        (gadgets, move |asked| own.answer(asked))
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.path == "/login" {
            let number = self.logins.fetch_add(1, Ordering::SeqCst) + 1;
            return match asked.json()["apikey"] == KEY {
                true => answer(200, &json!({"session": {"token": format!("t-{number}")}})),
                false => answer(401, &json!({"error": {"message": "unknown key"}})),
            };
        }
        let token = format!("Bearer t-{}", self.logins.load(Ordering::SeqCst));
        // The first token is good for nothing: it has expired.
        if asked.header("authorization") != Some(token.as_str()) || token.ends_with("t-1") {
            return answer(401, &json!({"error": {"message": "expired"}}));
        }
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let query: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let absent = || with(answer(404, &json!({"error": {"message": "no such gadget"}})), "x-request-id", "r-9");
        match (asked.method.as_str(), path.split('/').skip(1).collect::<Vec<_>>().as_slice()) {
            ("GET", ["gadgets"]) => {
                if self.throttled.fetch_add(1, Ordering::SeqCst) == 0 {
                    return plain(429, "slowly");
                }
                let after: u64 = query.get("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
                let limit: usize = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(3).min(3);
                let fits = |row: &Value| query.get("colour").is_none_or(|colour| row["settings"]["colour"] == *colour);
                let found: Vec<&Value> = rows.range(after + 1..).map(|(_, row)| row).filter(|row| fits(row)).collect();
                let next = found.get(limit).map(|_| found[limit - 1]["id"].clone());
                answer(200, &json!({"data": {"gadgets": &found[..limit.min(found.len())]}, "paging": {"next": next}}))
            }
            ("GET", ["gadgets", id, "log"]) => plain(200, &format!("log of {id}\nready")),
            ("GET", ["gadgets", id]) => {
                id.parse().ok().and_then(|id: u64| rows.get(&id)).map_or_else(absent, |row| answer(200, row))
            }
            ("POST", ["gadgets"]) => {
                let body = asked.json();
                if rows.values().any(|row| row["name"] == body["name"]) {
                    return answer(409, &json!({"error": {"message": "the name is taken", "code": "taken"}}));
                }
                let row = json!({"id": 8, "name": body["name"], "settings": body["settings"], "state": "ready"});
                rows.insert(8, row.clone());
                answer(201, &row)
            }
            ("PATCH", ["gadgets", id]) => {
                let Some(row) = id.parse().ok().and_then(|id: u64| rows.get_mut(&id)) else { return absent() };
                let body = asked.json();
                if let Some(title) = body.get("title") {
                    row["name"] = title.clone();
                }
                for (name, value) in body["settings"].as_object().into_iter().flatten() {
                    row["settings"][name] = value.clone();
                }
                answer(200, row)
            }
            ("DELETE", ["gadgets", id]) => match id.parse().ok().and_then(|id: u64| rows.remove(&id)) {
                Some(_) => plain(204, ""),
                None => absent(),
            },
            _ => plain(400, "what?"),
        }
    }
}

#[tokio::test]
async fn sql_reads_and_writes_what_a_document_describes() {
    let (gadgets, script) = Gadgets::start();
    let service = Service::start(script).await;
    let session = session(&service);
    // The login, the token that has expired, the throttling and the pages.
    let found =
        rows(&session, "SELECT id, name, colour, size FROM acme.gadgets.gadgets ORDER BY size").await.expect("rows");
    assert_eq!(found.len(), 7);
    assert_eq!(found[1], json!({"id": "2", "name": "g2", "colour": "red", "size": 20}));
    let asked = service.asked();
    assert_eq!(
        asked.iter().map(Asked::line).collect::<Vec<_>>(),
        [
            r#"POST /login {"apikey":"canary-5d1f"}"#,
            "GET /gadgets?view=full&limit=100",
            r#"POST /login {"apikey":"canary-5d1f"}"#,
            "GET /gadgets?view=full&limit=100",
            "GET /gadgets?view=full&limit=100",
            "GET /gadgets?view=full&cursor=3&limit=100",
            "GET /gadgets?view=full&cursor=6&limit=100",
        ]
    );
    assert_eq!(asked[6].header("authorization"), Some("Bearer t-2"));
    assert_eq!(asked[6].header("x-client"), Some("iql"));
    assert_eq!(asked[6].header("accept"), Some("application/json"));

    let check = async |sql: &str, expected: Value, lines: &[&str]| {
        let found = rows(&session, sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        assert_eq!(
            (json!(found), service.lines()),
            (expected, lines.iter().map(ToString::to_string).collect()),
            "{sql}"
        );
    };
    check("SELECT name FROM acme.gadgets.gadgets WHERE id = '5'", json!([{"name": "g5"}]), &["GET /gadgets/5"]).await;
    check("SELECT name FROM acme.gadgets.gadgets WHERE id = 'a/b é'", json!([]), &["GET /gadgets/a%2Fb%20%C3%A9"])
        .await;
    check(
        "SELECT name FROM acme.gadgets.gadgets WHERE colour = 'red' LIMIT 2",
        json!([{"name": "g2"}, {"name": "g4"}]),
        &["GET /gadgets?colour=red&view=full&limit=100"],
    )
    .await;
    check(
        "SELECT name FROM acme.gadgets.gadgets LIMIT 2",
        json!([{"name": "g1"}, {"name": "g2"}]),
        &["GET /gadgets?view=full&limit=2"],
    )
    .await;
    check(
        "SELECT gadget_id, position, name FROM acme.gadgets.parts WHERE gadget_id = '2'",
        json!([{"gadget_id": "2", "position": 1, "name": "p0"}, {"gadget_id": "2", "position": 2, "name": "p1"}]),
        &["GET /gadgets?limit=100", "GET /gadgets?cursor=3&limit=100", "GET /gadgets?cursor=6&limit=100"],
    )
    .await;
    check(
        "SELECT log FROM acme.gadgets.logs WHERE id = '3'",
        json!([{"log": "log of 3\nready"}]),
        &["GET /gadgets/3/log"],
    )
    .await;

    let write = async |sql: &str, lines: &[&str]| {
        let done = rows(&session, sql).await;
        let sent: Vec<String> = service.lines().into_iter().filter(|line| !line.starts_with("GET")).collect();
        assert_eq!(sent, lines, "{sql}");
        done
    };
    write(
        "INSERT INTO acme.gadgets.gadgets (name, colour, size) VALUES ('new', 'green', 5)",
        &[r#"POST /gadgets {"name":"new","settings":{"colour":"green","size":5},"source":"iql"}"#],
    )
    .await
    .expect("made");
    write(
        "UPDATE acme.gadgets.gadgets SET name = 'newer', colour = 'blue', size = 5 WHERE id = '8'",
        &[r#"PATCH /gadgets/8 {"settings":{"colour":"blue"},"title":"newer"}"#],
    )
    .await
    .expect("changed");
    write("DELETE FROM acme.gadgets.gadgets WHERE id = '8'", &["DELETE /gadgets/8"]).await.expect("deleted");
    let error = write(
        "INSERT INTO acme.gadgets.gadgets (name) VALUES ('g1')",
        &[r#"POST /gadgets {"name":"g1","source":"iql"}"#],
    )
    .await;
    let error = error.expect_err("the name is taken");
    assert_eq!(error.kind, Kind::Exists, "{error}");
    assert!(error.to_string().contains("Gadgets says: the name is taken"), "{error}");
    // What its document says has to hold, and which of its methods deletes what.
    let sql = "INSERT INTO acme.gadgets.gadgets (name, colour, size) VALUES ('zero', 'red', 0)";
    let error = write(sql, &[]).await.expect_err("a rule is broken");
    assert_eq!(error.message, "`settings.colour` cannot be given: what has no size has no colour");
    let sql = "INSERT INTO acme.gadgets.gadgets (name, size) VALUES ('zero', 0)";
    write(sql, &[r#"POST /gadgets {"name":"zero","settings":{"size":0},"source":"iql"}"#]).await.expect("made");
    let error = write("DELETE FROM acme.gadgets.gadgets WHERE id = '8'", &[]).await.expect_err("no reason");
    assert_eq!(
        error.to_string(),
        "`reason` is missing\n  `scrap`: Deletes one without a size, for a reason\n  nothing was sent\n\n\
         hint: write `AND reason = '…'`"
    );
    let sql = "DELETE FROM acme.gadgets.gadgets WHERE id = '8' AND reason = 'old'";
    write(sql, &[r#"DELETE /gadgets/8 {"reason":"old"}"#]).await.expect("deleted");
    assert_eq!(gadgets.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn explain_shows_the_requests_and_no_secret() {
    let service = Service::start(|_| plain(500, "not to be asked")).await;
    let session = session(&service);
    let plan =
        rows(&session, "EXPLAIN SELECT name FROM acme.gadgets.gadgets WHERE colour = 'red'").await.expect("a plan");
    let text = json!(plan).to_string();
    assert!(text.contains(&format!("GET {}/gadgets?colour=red&view=full&limit=100", service.url)), "{text}");
    assert!(text.contains("gadgets:read"), "{text}");
    assert!(!text.contains(KEY), "{text}");
    assert!(service.asked().is_empty());
}

#[tokio::test]
async fn a_missing_key_and_a_missing_host_are_told_before_anything_is_sent() {
    let service = Service::start(|_| plain(500, "not to be asked")).await;
    let document = [("acme/gadgets.yaml", document())];
    let session = opened(&document, &[("GADGETS_HOST", service.url.as_str())]).expect("sound");
    let error = rows(&session, "SELECT id FROM acme.gadgets.gadgets").await.expect_err("no key");
    assert_eq!(
        error.to_string(),
        "Gadgets asks for a key, and `GADGETS_KEY` is not set\n  nothing was sent\n\n\
         hint: set it in the environment: `export GADGETS_KEY=…`"
    );
    let session = opened(&document, &[("GADGETS_KEY", KEY)]).expect("sound");
    let error = rows(&session, "SELECT id FROM acme.gadgets.gadgets").await.expect_err("no host");
    assert!(error.hints[0].ends_with("`GADGETS_HOST` is its default"), "{error}");
    let sql = "SELECT id FROM acme.gadgets.gadgets WHERE gadgets_host = 'http://example.com'";
    let error = rows(&session, sql).await.expect_err("not without TLS");
    assert_eq!(error.message, "`gadgets_host` is `http://example.com`, and without TLS only this machine is asked");
    assert!(service.asked().is_empty());
}

#[tokio::test]
async fn a_write_is_sent_again_only_where_nothing_was_done() {
    let document =
        document().replace("access: write, description: The colour", "access: secret, description: The colour");
    let document = document.replace("[id, name, settings.colour, settings.size", "[id, name, settings.size");
    let document = document.replace("query: {colour: '{settings.colour}', view: full}", "query: {view: full}");
    for (status, expected) in [(429, 3), (503, 1), (400, 1)] {
        let service = Service::start(move |asked| match (asked.method.as_str(), asked.path.as_str()) {
            (_, "/login") => answer(200, &json!({"session": {"token": "t"}})),
            ("POST", _) => plain(status, "no"),
            _ => answer(200, &json!({"data": {"gadgets": []}, "paging": {}})),
        })
        .await;
        let environment = [("GADGETS_HOST", service.url.as_str()), ("GADGETS_KEY", KEY)];
        let session =
            opened(&[("acme/gadgets.yaml", &document)], &environment).unwrap_or_else(|error| panic!("{error}"));
        let sql = "INSERT INTO acme.gadgets.gadgets (name, colour) VALUES ('new', 'canary-colour')";
        let error = rows(&session, sql).await.expect_err("refused");
        let asked = service.asked();
        let posts: Vec<&Asked> = asked.iter().filter(|asked| asked.line().starts_with("POST /gadgets")).collect();
        // After a failure on its side, the service is asked what is there before anything is sent again.
        let first_look = asked.iter().position(|asked| asked.method == "GET").unwrap_or(asked.len());
        let before_look = asked[..first_look].iter().filter(|asked| asked.path == "/gadgets").count();
        assert_eq!(before_look, expected, "{status}: {:?}", service.lines());
        assert_eq!(posts[0].json()["settings"]["colour"], "canary-colour");
        // What is secret is sent, and stands nowhere else.
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains(r#""colour":"…""#), "{shown}");
    }
}
