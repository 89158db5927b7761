//! The driver `rest` on small documents: every way of paging and of credentials, redirects, errors, and mistakes.

use iql::error::{Error, Kind};
use serde_json::{Value, json};

use crate::invented::{KEY, opened};
use crate::lab::rows;
use crate::service::{Asked, Reply, Service, json as answer, plain, with};

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
    let (found, service) = listed(
        "",
        &format!("{LIST}\npage: {{by: number, query: page, size: per, most: 2, short_is_last: true}}"),
        move |asked| {
            let page = number(asked, "page");
            answer(200, &ids(2 * (page - 1), (2 * page).min(5)))
        },
    )
    .await;
    assert_eq!(found.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(5));
    assert_eq!(service.lines(), ["GET /things?page=1&per=2", "GET /things?page=2&per=2", "GET /things?page=3&per=2"]);

    // A service that gives fewer rows than it is asked for, and promises nothing.
    let (found, service) =
        listed("", &format!("{LIST}\npage: {{by: number, query: page, size: per, most: 9}}"), move |asked| {
            let page = number(asked, "page");
            answer(200, &ids((2 * (page - 1)).min(5), (2 * page).min(5)))
        })
        .await;
    assert_eq!(found.map(|rows| rows.len()).map_err(|error| error.to_string()), Ok(5));
    assert_eq!(service.lines().len(), 4);

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
async fn a_text_is_read_however_it_is_wrapped() {
    let call = "get: /things\ntext: id";
    let check = async |reply: Reply, expected: &str| {
        let (found, _) = listed("", call, move |_| reply.clone()).await;
        assert_eq!(found.map_err(|error| error.to_string()), Ok(vec![json!({"id": expected})]));
    };
    check(plain(200, "CREATE DATABASE x;\n-- done\n"), "CREATE DATABASE x;\n-- done\n").await;
    check(answer(200, &json!("a\nb")), "a\nb").await;
    check(answer(200, &json!({"id": "a\nb"})), "a\nb").await;
    check(plain(200, r#"{"other": 1}"#), r#"{"other": 1}"#).await;
}

#[tokio::test]
async fn values_narrow_a_list_as_far_as_a_call_takes_them() {
    let call = format!("{LIST}\nquery: {{id: '{{id}}', all: 1}}\nmost: {{id: 2}}");
    let service = Service::start(|_| answer(200, &ids(1, 4))).await;
    let environment = [("HOST", service.url.as_str())];
    let session =
        opened(&[("acme/things.yaml", &small("", &call))], &environment).unwrap_or_else(|error| panic!("{error}"));
    let check = async |condition: &str, expected: usize, line: &str| {
        let sql = format!("SELECT id FROM acme.things.things WHERE {condition}");
        let found = rows(&session, &sql).await.map(|rows| rows.len()).map_err(|error| error.to_string());
        assert_eq!((found, service.lines()), (Ok(expected), vec![line.to_string()]), "{condition}");
    };
    check("id = '1'", 1, "GET /things?id=1&all=1").await;
    check("id IN ('1', '2&x')", 1, "GET /things?id=1&id=2%26x&all=1").await;
    check("id IN ('1', '2', '3')", 3, "GET /things?all=1").await;
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
