//! The ways in which Immuta is told who asks, against the sandbox and its log.

use iql::error::Kind;
use iql::sandbox::{self, Controls};
use iql::settings::{Environment, Settings};
use iql::{Engine, Session};

use crate::invented::opened;
use crate::lab::rows;

async fn sandbox() -> (sandbox::Running, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let options = sandbox::Options { dir: dir.path().join("sandbox"), ..Default::default() };
    (sandbox::start(&options).await.expect("a sandbox"), dir)
}

fn session(sandbox: &sandbox::Running, environment: &[(&str, &str)]) -> Session {
    let environment = environment.iter().fold(Environment::default(), |all, (name, value)| all.with(*name, *value));
    let environment = environment.with("IMMUTA_HOST", sandbox.endpoint());
    Engine::open(Settings { environment, ..Settings::default() }).expect("sound").session()
}

/// Path, and how the caller was told of, for every request since the last time.
fn asked(sandbox: &sandbox::Running) -> Vec<(String, String, String)> {
    let served = sandbox.requests();
    sandbox.clear_requests();
    let line = |request: &sandbox::Served| {
        let authorization = request.headers.get("authorization").cloned().unwrap_or_default();
        let body = request.body.as_ref().map(ToString::to_string).unwrap_or_default();
        (request.action.clone(), authorization, body)
    };
    served.iter().map(line).collect()
}

const LIST: &str = "SELECT id FROM immuta.integrations.integrations";
const KEY: (&str, &str) = ("IMMUTA_API_KEY", "sandbox");

#[tokio::test]
async fn a_key_is_sent_as_it_is_or_exchanged_for_a_token() {
    let (sandbox, _dir) = sandbox().await;
    rows(&session(&sandbox, &[KEY]), LIST).await.expect("rows");
    assert_eq!(asked(&sandbox), [("GET /integrations".into(), "sandbox".into(), String::new())]);

    let session = session(&sandbox, &[KEY, ("IMMUTA_AUTH", "Login")]);
    rows(&session, LIST).await.expect("rows");
    rows(&session, LIST).await.expect("rows");
    let found = asked(&sandbox);
    let login = ("POST /bim/apikey/authenticate".to_string(), String::new(), r#"{"apikey":"sandbox"}"#.to_string());
    assert_eq!((found.len(), &found[0]), (3, &login), "{found:?}");
    assert!(found[1].1.starts_with("Bearer ") && found[1] == found[2], "{found:?}");

    // Tokens that end at once: each is renewed once, and then the service is believed.
    sandbox.set_controls(&Controls { token_seconds: 0.0, ..Controls::default() }).expect("set");
    let error = rows(&self::session(&sandbox, &[KEY, ("IMMUTA_AUTH", "login")]), LIST).await.expect_err("expired");
    assert_eq!(error.kind, Kind::Credentials, "{error}");
    let found: Vec<String> = asked(&sandbox).into_iter().map(|(action, ..)| action).collect();
    let one = ["POST /bim/apikey/authenticate", "GET /integrations"];
    assert_eq!(found, [one, one].concat());
}

#[tokio::test]
async fn a_token_that_was_fetched_elsewhere_goes_first() {
    let (sandbox, _dir) = sandbox().await;
    let error = rows(&session(&sandbox, &[KEY, ("IMMUTA_TOKEN", "made-elsewhere")]), LIST).await.expect_err("no token");
    assert_eq!(error.kind, Kind::Credentials, "{error}");
    assert!(error.hints[0].contains("`IMMUTA_TOKEN`"), "{error}");
    assert_eq!(asked(&sandbox)[0].1, "Bearer made-elsewhere");
    let error = rows(&session(&sandbox, &[KEY, ("IMMUTA_AUTH", "tokn")]), LIST).await.expect_err("no way");
    assert_eq!(
        error.to_string(),
        "`IMMUTA_AUTH` says how Immuta is told who asks, and has no value that it may have\n  nothing was sent\n\n\
         hint: it may be `login`, or be left out"
    );
    assert!(asked(&sandbox).is_empty());
}

#[test]
fn a_way_that_is_never_taken_is_a_mistake() {
    let check = |auth: &str, expected: &[&str]| {
        let document = format!(
            "driver: rest\ntitle: Things\nrest:\n  base: https://things.example\n  auth:{auth}\n  calls:\n    List: {{get: /things, rows: '[]', fields: [id]}}\n\
             resources:\n  things:\n    fields: {{id: {{type: string}}}}\n    methods: {{list: {{call: List}}}}\n    verbs: {{select: list}}\n"
        );
        let complaints = match opened(&[("acme/things.yaml", &document)], &[]) {
            Ok(_) => Vec::new(),
            Err(error) => error.context,
        };
        let lines = complaints.iter().map(|line| line.rsplit("things.yaml:").next().unwrap_or_default());
        assert_eq!(lines.collect::<Vec<_>>(), expected, "{auth}");
    };
    let (always, set) = ("{by: header, env: KEY}", "{when: TOKEN, by: header, env: TOKEN}");
    let is = "{when: {AUTH: basic}, by: basic, user: NAME, env: KEY}";
    check(&format!(" {always}"), &[]);
    check(&format!(" [{set}, {is}, {always}]"), &[]);
    check(&format!(" [{set}, {is}]"), &[]);
    check(
        &format!(
            "\n    - {set}\n    - {always}\n    - {is}\n    - {set}\n    - {{when: {{TOKEN: x}}, by: header, env: KEY}}"
        ),
        &[
            "8: this way of `auth` is never taken: the one at place 2 always is before it",
            "9: this way of `auth` is never taken: the one at place 1 always is before it",
            "10: this way of `auth` is never taken: the one at place 1 always is before it",
        ],
    );
    check(
        " [{when: [A], by: header, env: KEY}]",
        &["5: `when` is the name of a variable, or a table of one variable and the text that is its value"],
    );
    check(" []", &["5: `auth` is an empty list: leave it out where nobody is asked who asks"]);
}

#[tokio::test]
async fn where_no_way_holds_it_is_said_what_to_set() {
    let document = "driver: rest\ntitle: Things\nrest:\n  base: https://things.example\n  auth:\n    - {when: TOKEN, by: header, env: TOKEN}\n    - {when: {AUTH: key}, by: header, env: KEY}\n  calls:\n    List: {get: /things, rows: '[]', fields: [id]}\n\
         resources:\n  things:\n    fields: {id: {type: string}}\n    methods: {list: {call: List}}\n    verbs: {select: list}\n";
    let session = opened(&[("acme/things.yaml", document)], &[]).unwrap_or_else(|error| panic!("{error}"));
    let error = rows(&session, "SELECT id FROM acme.things.things").await.expect_err("no key");
    assert_eq!(
        error.to_string(),
        "Things asks for a key, and none is set\n  nothing was sent\n\n\
         hint: set one in the environment: `TOKEN` or `AUTH=key`"
    );
}
