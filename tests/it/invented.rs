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
const KEY: &str = "canary-5d1f";

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

/// A document with one resource, whose call `List` and section are the case's own.
fn small(section: &str, call: &str) -> String {
    let indented = |text: &str, by: usize| text.lines().map(|line| format!("{:by$}{line}\n", "")).collect::<String>();
    format!(
        "driver: rest\ntitle: Things\nparams: {{host: {{type: string, required: true, env: HOST}}}}\nrest:\n  base: '{{host}}'\n{}  calls:\n    List:\n{}\
         resources:\n  things:\n    identity: [id]\n    fields: {{id: {{type: string}}}}\n    methods: {{list: {{call: List}}}}\n    verbs: {{select: list}}\n",
        indented(section, 2),
        indented(call, 6)
    )
}

async fn listed(
    section: &str,
    call: &str,
    script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (Result<Vec<Value>, Error>, Service) {
    let service = Service::start(script).await;
    let environment = [("HOST", service.url.as_str()), ("KEY", KEY), ("USER_NAME", "me")];
    let session =
        opened(&[("acme/things.yaml", &small(section, call))], &environment).unwrap_or_else(|error| panic!("{error}"));
    (rows(&session, "SELECT id FROM acme.things.things").await, service)
}

const LIST: &str = "get: /things\nrows: '[]'\nfields: [id]";

fn ids(from: usize, to: usize) -> Value {
    (from..to).map(|id| json!({"id": id.to_string()})).collect()
}

#[tokio::test]
async fn lists_go_on_in_every_way() {
    let number = |asked: &Asked, name: &str| -> usize {
        let query = asked.path.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name);
        value.and_then(|(_, value)| value.parse().ok()).unwrap_or_default()
    };
    let (found, service) =
        listed("", &format!("{LIST}\npage: {{by: number, query: page, size: per, most: 2}}"), move |asked| {
            let page = number(asked, "page");
            answer(200, &ids(2 * (page - 1), (2 * page).min(5)))
        })
        .await;
    assert_eq!(found.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(5));
    assert_eq!(service.lines(), ["GET /things?page=1&per=2", "GET /things?page=2&per=2", "GET /things?page=3&per=2"]);

    let (found, service) = listed("", &format!("{LIST}\npage: {{by: offset, query: skip}}"), move |asked| {
        let skip = number(asked, "skip");
        answer(200, &ids(skip, (skip + 3).min(4)))
    })
    .await;
    assert_eq!(found.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(4));
    assert_eq!(service.lines(), ["GET /things", "GET /things?skip=3", "GET /things?skip=4"]);

    let (found, service) = listed("", &format!("{LIST}\npage: {{by: link}}"), move |asked| match number(asked, "p") {
        0 => with(answer(200, &ids(0, 2)), "link", "</things?p=1>; rel=\"next\""),
        _ => answer(200, &ids(2, 3)),
    })
    .await;
    assert_eq!(found.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(3));
    assert_eq!(service.lines(), ["GET /things", "GET /things?p=1"]);

    let header = "page: {by: token, at_header: X-Next, header: X-Token}";
    let (found, service) = listed("", &format!("{LIST}\n{header}"), move |asked| match asked.header("x-token") {
        None => with(answer(200, &ids(0, 2)), "x-next", "n1"),
        Some(_) => answer(200, &ids(2, 3)),
    })
    .await;
    assert_eq!(found.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(3));
    assert_eq!(service.asked()[1].header("x-token"), Some("n1"));

    let body = "post: /search\nwrites: false\nfixed: {kind: thing}\nrows: items[]\nfields: [id]\npage: {by: token, at: next, body: page.token}";
    let (found, service) = listed("", body, move |asked| match asked.json()["page"]["token"].as_str() {
        None => answer(200, &json!({"items": ids(0, 2), "next": "n1"})),
        Some(_) => answer(200, &json!({"items": ids(2, 3)})),
    })
    .await;
    assert_eq!(found.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(3));
    assert_eq!(
        service.lines(),
        [r#"POST /search {"kind":"thing"}"#, r#"POST /search {"kind":"thing","page":{"token":"n1"}}"#]
    );
}

#[tokio::test]
async fn every_way_to_say_who_asks() {
    let check = async |auth: &str, expected: &[(&str, Option<&str>)]| {
        let (found, service) = listed(auth, LIST, |asked| match asked.path.as_str() {
            "/token" => answer(200, &json!({"access_token": "a-1", "expires_in": 3600})),
            _ => answer(200, &json!([])),
        })
        .await;
        assert_eq!(found.map_err(|error| error.to_string()), Ok(Vec::new()), "{auth}");
        let asked: Vec<(String, Option<String>)> = service
            .asked()
            .iter()
            .map(|asked| (asked.line(), asked.header("authorization").or(asked.header("x-key")).map(String::from)))
            .collect();
        let expected: Vec<(String, Option<String>)> =
            expected.iter().map(|(line, header)| (line.to_string(), header.map(String::from))).collect();
        assert_eq!(asked, expected, "{auth}");
    };
    check("auth: {by: header, env: KEY}", &[("GET /things", Some(KEY))]).await;
    check("auth: {by: header, name: X-Key, scheme: Key, env: KEY}", &[("GET /things", Some("Key canary-5d1f"))]).await;
    check("auth: {by: query, name: key, env: KEY}", &[("GET /things?key=canary-5d1f", None)]).await;
    check("auth: {by: basic, user: USER_NAME, env: KEY}", &[("GET /things", Some("Basic bWU6Y2FuYXJ5LTVkMWY="))]).await;
    check(
        "auth: {by: oauth2, post: /token, client: USER_NAME, env: KEY, scope: read}",
        &[
            ("POST /token grant_type=client_credentials&scope=read", Some("Basic bWU6Y2FuYXJ5LTVkMWY=")),
            ("GET /things", Some("Bearer a-1")),
        ],
    )
    .await;
    check(
        "auth: {by: oauth2, post: /token, client: USER_NAME, env: KEY, in_body: true}",
        &[
            ("POST /token grant_type=client_credentials&client_id=me&client_secret=canary-5d1f", None),
            ("GET /things", Some("Bearer a-1")),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_redirect_takes_no_credential_to_another_host() {
    let other = Service::start(|_| answer(200, &json!([{"id": "stolen"}]))).await;
    let auth = "auth: {by: header, env: KEY}";
    let target = format!("{}/things", other.url);
    let to = target.clone();
    let (found, _) = listed(auth, LIST, move |_| with(plain(302, ""), "location", to.clone())).await;
    let error = found.expect_err("another host");
    assert_eq!(error.message, "Things sends the request on to another host, which is not followed");
    let (found, _) = listed(auth, &format!("{LIST}\npage: {{by: link}}"), move |_| {
        with(answer(200, &ids(0, 1)), "link", format!("<{target}>; rel=next"))
    })
    .await;
    assert_eq!(found.expect_err("another host").message, "the list's next page is on another host, which is not asked");
    assert!(other.asked().is_empty());

    let (found, service) = listed(auth, LIST, |asked| match asked.path.as_str() {
        "/things" => with(plain(307, ""), "location", "/moved"),
        _ => answer(200, &ids(0, 1)),
    })
    .await;
    assert_eq!(found.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(1));
    assert_eq!(service.asked().last().and_then(|asked| asked.header("authorization")), Some(KEY));
}

#[tokio::test]
async fn what_goes_wrong_is_told_in_the_services_words() {
    let section = "auth: {by: header, env: KEY}\nerrors: {message: message, code: error}\nrequest_id: X-Request-Id";
    let call = format!("{LIST}\npermissions: [things:read]\ndoes: to list the things");
    let text = call.clone();
    let check = async |reply: Reply, kind: Kind, expected: &str| {
        let document = small(section, &text).replace("{call: List}", "{call: List, permissions: [things:read]}");
        let service = Service::start(move |_| reply.clone()).await;
        let environment = [("HOST", service.url.as_str()), ("KEY", KEY)];
        let session =
            opened(&[("acme/things.yaml", &document)], &environment).unwrap_or_else(|error| panic!("{error}"));
        let error = rows(&session, "SELECT id FROM acme.things.things").await.expect_err(expected);
        let times = regex::Regex::new(r"tries, \d+ ms").expect("a pattern");
        let shown = error.to_string().replace(&service.url, "https://things.example");
        let shown = times.replace(&shown, "tries, 0 ms");
        assert_eq!((error.kind, shown.as_ref()), (kind, expected));
    };
    check(
        with(answer(403, &json!({"message": "not for you", "error": "E1"})), "x-request-id", "r-1"),
        Kind::Denied,
        "Things refused to list the things: 403 Forbidden\n  GET https://things.example/things\n  Things says: not for you\n  \
         code E1, request id r-1\n\nhint: the key came from `KEY`; its user needs the permission `things:read`",
    )
    .await;
    check(
        answer(401, &json!({"message": "who?"})),
        Kind::Credentials,
        "Things refused to list the things: 401 Unauthorized\n  GET https://things.example/things\n  Things says: who?\n\n\
         hint: the key came from `KEY`; it may have expired, or be another service's",
    )
    .await;
    check(
        Reply { headers: vec![("content-type", "text/html".into())], ..plain(200, "<html>sign in</html>") },
        Kind::Shape,
        "Things kept answering `List` in a shape that cannot be read (3 tries, 0 ms)\n  the last time: Things answered `List` \
         with a web page\n  GET https://things.example/things\n  HTTP status 200\n\n\
         hint: a proxy or a sign-in page may stand between, or the address is not the service's",
    )
    .await;
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

#[test]
fn a_documents_mistakes_are_reported_at_once() {
    let broken = "\
driver: rest
title: Broken
params: {host: {type: string, required: true}}
rest:
  base: 'https://{hots}/api'
  auth: {by: hedder, env: KEY}
  per_secnd: 3
  calls:
    List:
      get: things
      rows: data[].id
      page: {by: token, at: next}
    Get:
      get: /things/{id}
      key: di
      fields: {id: ^.id}
    Change:
      patch: /things/{id}
      put: /things/{id}
      sign: sha256
resources:
  things:
    fields: {id: {type: string}}
    methods: {list: {call: List}}
    verbs: {select: list}
";
    let error = opened(&[("acme/broken.yaml", broken)], &[]).expect_err("a broken document");
    let lines: Vec<&str> =
        error.context.iter().filter_map(|line| line.split_once("broken.yaml:")).map(|(_, l)| l).collect();
    insta::assert_snapshot!(lines.join("\n"));
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
