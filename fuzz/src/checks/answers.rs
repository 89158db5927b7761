//! Answers of REST services: any body is a page of whole rows or an error, and a list that goes on gets somewhere.

use std::sync::LazyLock;

use super::fine;
use iql_rooms::catalog::model::{Origin, Service};
use iql_rooms::catalog::{Draft, Drafts};
use iql_rooms::drivers::rest::address::is_same_origin;
use iql_rooms::drivers::rest::answer::About;
use iql_rooms::drivers::rest::incoming::Incoming;
use iql_rooms::drivers::rest::wiring::{By, Call, Wiring};
use iql_rooms::drivers::rest::{read, request};
use iql_rooms::drivers::{Page, Request};

const DOCUMENT: &str = include_str!("answers.yaml");
/// How many pages are followed.
const MOST: usize = 8;

static WIRING: LazyLock<Wiring> = LazyLock::new(|| {
    let mut drafts = Drafts::default();
    drafts.add("acme", "things", Origin::Embedded, DOCUMENT);
    let Some(Draft { service, written }) = drafts.drafts.first_mut() else { panic!("no document") };
    let Some(section) = written.section("rest") else { panic!("no section `rest`") };
    let mut mistakes = Vec::new();
    let wiring = read::wiring(&Service::clone(service), &section, &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    wiring
});

/// `call status`, headers, an empty line, and the body.
pub fn answers(text: &str) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (name, status) = lines.next().unwrap_or_default().split_once(' ').unwrap_or_default();
    let wiring = &*WIRING;
    let Some(call) = wiring.call(name).or(wiring.calls.first()) else { return };
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_string(), value.trim().to_string())).collect();
    let incoming = Incoming { status: status.parse().unwrap_or(200), headers, body: body.as_bytes().to_vec() };
    let mut request = asked(call);
    let mut seen = Vec::new();
    for _ in 0..MOST {
        let Ok(outgoing) = request::outgoing(wiring, call, &request) else { return };
        assert!(is_same_origin(&outgoing.base, &outgoing.url), "{} is elsewhere", outgoing.url);
        let page = match incoming.page(wiring, call, &request, &outgoing.url, &about(wiring, call)) {
            Ok(page) => page,
            Err(error) => return fine(&error, text),
        };
        whole(&page, &request);
        let Some(next) = page.next else { return };
        goes_on(call, &next, &seen, &page.rows);
        seen.push(next.clone());
        request.marker = Some(next);
    }
}

fn asked(call: &Call) -> Request {
    Request {
        call: call.name.clone(),
        params: [("host".to_string(), "https://a.example".to_string())].into(),
        inputs: call.inputs.iter().map(|input| (input.wire.clone(), vec!["x".to_string()])).collect(),
        fields: call.fields.iter().map(|(wire, _)| wire.clone()).collect(),
        ..Request::default()
    }
}

fn about<'a>(wiring: &'a Wiring, call: &'a Call) -> About<'a> {
    About {
        service: &wiring.service,
        call: &call.name,
        does: call.does.as_deref(),
        described: call.name.clone(),
        errors: &wiring.errors,
        statuses: &call.statuses,
        creates: call.creates(),
        permissions: &call.permissions,
        key: Some("ACME_KEY"),
    }
}

fn whole(page: &Page, request: &Request) {
    assert!(page.rows.iter().all(|row| row.len() == request.fields.len()), "a row that is not whole");
}

/// Pages that are counted are never asked for twice; a token may come again, which the engine sees.
fn goes_on(call: &Call, next: &str, seen: &[String], rows: &[Vec<serde_json::Value>]) {
    let Some(paging) = &call.paging else { panic!("a next page of what has none") };
    match paging.by {
        By::Number { .. } | By::Offset { .. } => {
            assert!(!seen.iter().any(|seen| seen == next), "page {next} again");
            assert!(!next.is_empty(), "no page, after {} rows", rows.len());
        }
        By::Token { .. } | By::Link => {}
    }
}
