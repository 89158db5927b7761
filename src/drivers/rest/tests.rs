//! The driver alone, on a double that breaks answers as a network does.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::catalog::load;
use crate::drivers::aws::double::{Double, Reply, ok};
use crate::drivers::{Drivers, open as open_all};

const DOCUMENT: &str = "\
driver: rest
title: Things
params: {host: {type: string, required: true}}
rest:
  base: '{host}'
  per_second: 20
  calls:
    List: {get: /things, rows: 'items[]', fields: [id]}
    Create: {post: /things, body: [name], fields: [id]}
resources:
  things:
    fields: {id: {type: string}}
    methods: {list: {call: List}}
    verbs: {select: list}
";

fn drivers() -> (Drivers, Service) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("acme")).unwrap();
    std::fs::write(folder.path().join("acme/things.yaml"), DOCUMENT).unwrap();
    let mut drafts = load(Some(folder.path())).unwrap();
    let drivers = open_all(&Settings::default(), &mut drafts);
    let catalog = drafts.catalog().unwrap();
    let service = catalog.service("acme", "things").unwrap().clone();
    (drivers, service)
}

async fn sent(double: &Double, call: &str) -> Result<Page> {
    let (drivers, service) = drivers();
    let params = [("host".to_string(), format!("http://127.0.0.1:{}", double.port))].into();
    let body = json!({"name": "n"}).as_object().cloned().unwrap_or_default();
    let request = Request { call: call.into(), params, fields: vec!["id".into()], body, ..Request::default() };
    drivers.of(&service).unwrap().send(&request).await
}

#[tokio::test]
async fn only_a_whole_answer_is_one() {
    let check = async |reply: fn() -> Reply, expected: Result<usize, Kind>| {
        let double = Double::start(move |_, _| reply()).await;
        let found = sent(&double, "List").await.map(|page| page.rows.len()).map_err(|error| error.kind);
        assert_eq!(found, expected);
    };
    check(|| ok(r#"{"items": [{"id": "1"}]}"#), Ok(1)).await;
    check(|| Reply::Short { headers: Vec::new(), body: r#"{"items": [{"id": "1"}]}"#.into() }, Err(Kind::Transport))
        .await;
    check(|| ok(r#"{"items": [{"id": "#), Err(Kind::Shape)).await;
    check(|| ok(""), Err(Kind::Shape)).await;
    check(|| ok(r#"{"errors": []}"#), Err(Kind::Shape)).await;
    check(|| Reply::Close, Err(Kind::Transport)).await;
}

#[tokio::test]
async fn a_write_without_an_answers_body_is_done() {
    let double = Double::start(|_, _| ok("")).await;
    assert_eq!(sent(&double, "Create").await.unwrap(), Page::default());
}

#[tokio::test]
async fn nothing_listens() {
    let (drivers, service) = drivers();
    let params = [("host".to_string(), "http://127.0.0.1:1".to_string())].into();
    let request = Request { call: "List".into(), params, ..Request::default() };
    let error = drivers.of(&service).unwrap().send(&request).await.unwrap_err();
    assert_eq!(
        (error.kind, error.to_string().as_str()),
        (Kind::Unreachable, "nothing listens at `http://127.0.0.1:1`\n  GET http://127.0.0.1:1/things")
    );
}

#[tokio::test]
async fn a_host_is_asked_no_more_often_than_it_likes() {
    let exchange = Exchange::new(&Http::new(&Settings::default().aws), Duration::from_secs(1), Some(50));
    let started = tokio::time::Instant::now();
    for _ in 0..4 {
        exchange.turn("https://a.example").await;
    }
    exchange.turn("https://b.example").await;
    // Three waits of 20 ms: the first request waits for nobody, and neither does another host's.
    assert!(started.elapsed() >= Duration::from_millis(60), "{:?}", started.elapsed());
}
