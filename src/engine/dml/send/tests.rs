//! Several rows: in which order they are sent, what a failure or a log that cannot be written leaves unsent, and what
//! the log says of each call.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;

use serde_json::Value;

use super::*;
use crate::engine::dml::double::{self, Double, Reply, Shown, brief};
use crate::engine::dml::ledger::Verb;

const CREATE: &str = "CreateIntegration";

fn creations(count: usize) -> Vec<Target> {
    (1..=count).map(|number| double::creation(&format!("i{number}"))).collect()
}

fn states(sender: &Sender) -> Vec<String> {
    sender.ledger.rows().iter().map(|row| brief(&row.state)).collect()
}

fn sender(double: &Arc<Double>, targets: &[Target]) -> Sender {
    double.sender(Verb::Insert, OnConflict::Fail, targets)
}

/// What is told at the end, but for its hints.
fn told(sender: &Sender) -> String {
    let error = sender.ledger.error(sender.stop.reason(), sender.broken());
    error.map(|error| Error { hints: Vec::new(), ..error }.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn as_many_in_flight_as_are_allowed() {
    for in_flight in [0, 1, 3] {
        let (double, targets) = (Double::new(&[], &[], &[]), creations(5));
        let sender = sender(&double, &targets);
        sender.send_all(&targets, in_flight).await;
        assert_eq!(double.most_in_flight(), in_flight.max(1));
        assert_eq!(states(&sender), ["made"; 5]);
        let names: Vec<Value> = double.integrations().iter().map(|one| one["IntegrationName"].clone()).collect();
        assert_eq!(names, ["i1", "i2", "i3", "i4", "i5"], "in their order");
        assert_eq!(told(&sender), "");
    }
}

#[tokio::test]
async fn nothing_is_begun_after_a_failure() {
    for (failure, state) in [(Reply::refused(Kind::Denied), "failed Denied"), (Reply::LOST, "unknown Transport")] {
        let replies = [(CREATE, Reply::DONE), (CREATE, failure)];
        let looks = [Shown::Fails(Kind::Denied)];
        let (double, targets) = (Double::new(&[], &replies, &looks), creations(4));
        let sender = sender(&double, &targets);
        sender.send_all(&targets, 1).await;
        assert_eq!(states(&sender), ["made", state, "not sent", "not sent"]);
        assert!(sender.ledger.has_failed());
    }
    let replies = [(CREATE, Reply::DONE), (CREATE, Reply::refused(Kind::Denied))];
    let (double, targets) = (Double::new(&[], &replies, &[]), creations(9));
    let sender = sender(&double, &targets);
    sender.send_all(&targets, 3).await;
    let states = states(&sender);
    assert_eq!((states[1].as_str(), states[2].as_str()), ("failed Denied", "made"), "what is in flight is ended");
    let made = states.iter().filter(|state| *state == "made").count();
    assert!(made <= 4 && made == double.integrations().len(), "{states:?}");
    assert!(states[5..].iter().all(|state| state == "not sent"), "{states:?}");
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_logged() {
    for in_flight in [1, 3] {
        let (double, targets) = (Double::new(&[], &[], &[]), creations(2));
        let mut sender = sender(&double, &targets);
        sender.audit = Some(Arc::new(Audit::open("/dev/full".as_ref()).expect("it opens")));
        sender.send_all(&targets, in_flight).await;
        assert_eq!((double.calls().as_str(), states(&sender)), ("", vec!["not sent".to_string(); 2]));
        assert_eq!(
            told(&sender),
            "cannot write the log of writes `/dev/full`: no space left on device\n  not sent: i1, i2"
        );
    }
}

/// A log whose reader leaves when the first call arrives: its line was written, that of the answer cannot be.
fn left(double: &Double) -> Arc<Audit> {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    double.closes(reader);
    Arc::new(Audit::over(File::from(OwnedFd::from(writer))))
}

#[tokio::test]
async fn what_was_done_and_cannot_be_logged_is_told() {
    let unlogged = "cannot write the log of writes `log`: broken pipe";
    for (reply, state, lines) in [
        (Reply::DONE, "made", "inserted: i1 (arn:aws:redshift:us-east-1:111122223333:integration:1)\n  not sent: i2"),
        (
            Reply::refused(Kind::Denied),
            "failed Denied",
            "i1: CreateIntegration: Denied\n  failed:   i1\n  not sent: i2",
        ),
        (Reply::LOST, "unknown Transport", "i1: CreateIntegration: Transport\n  unknown:  i1\n  not sent: i2"),
        (
            Reply::NEVER.and_stop(),
            "unknown Interrupted",
            "i1: `CreateIntegration` was sent and has not answered\n  unknown:  i1\n  not sent: i2",
        ),
    ] {
        let (double, targets) = (Double::new(&[], &[(CREATE, reply)], &[]), creations(2));
        let mut sender = sender(&double, &targets);
        sender.audit = Some(left(&double));
        sender.send_all(&targets, 1).await;
        assert_eq!(states(&sender), [state, "not sent"]);
        assert_eq!(double.calls(), "Create", "nothing more is sent, and nobody looks");
        assert_eq!(told(&sender), format!("{unlogged}\n  {lines}"));
    }
    // All is done, and yet it is not as if nothing had been.
    let (double, targets) = (Double::new(&[], &[], &[]), creations(1));
    let mut sender = sender(&double, &targets);
    sender.audit = Some(left(&double));
    sender.send_all(&targets, 1).await;
    let line = "inserted: i1 (arn:aws:redshift:us-east-1:111122223333:integration:1)";
    assert_eq!(told(&sender), format!("{unlogged}\n  {line}"));
}

/// The log of one creation: result, request id, key and error of each line.
async fn check(replies: &[Reply], shows: &[Shown], state: &str, expected: &[[&str; 4]]) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let replies: Vec<_> = replies.iter().map(|reply| (CREATE, *reply)).collect();
    let (double, targets) = (Double::new(&[], &replies, shows), creations(1));
    let mut sender = sender(&double, &targets);
    sender.audit = Some(Arc::new(Audit::open(file.path()).expect("it opens")));
    sender.send_all(&targets, 1).await;
    assert_eq!(states(&sender), [state]);
    let lines = BufReader::new(file.reopen().expect("it opens")).lines().map(|line| line.expect("text"));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(&line).expect("JSON")).collect();
    for line in &lines {
        assert_eq!(
            (&line["call"], &line["target"], &line["region"]),
            (&CREATE.into(), &"i1".into(), &"us-east-1".into())
        );
        assert_eq!(line["resource"], "awscc.redshift.integrations");
    }
    let told = lines
        .iter()
        .map(|line| ["result", "request_id", "key", "error"].map(|name| line[name].as_str().unwrap_or("-")));
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn the_log_has_a_line_before_and_after_each_call() {
    let (sending, arn) = (["sending", "-", "-", "-"], "arn:aws:redshift:us-east-1:111122223333:integration:3");
    let unknown = ["unknown", "-", "-", "CreateIntegration: Transport"];
    check(&[Reply::DROPPED, Reply::DONE], &[], "made", &[sending, unknown, sending, ["done", "r-1", arn, "-"]]).await;
    check(&[Reply::LOST], &[], "made", &[sending, unknown]).await;
    let failed = ["failed", "-", "-", "CreateIntegration: Denied"];
    check(&[Reply::refused(Kind::Denied)], &[], "failed Denied", &[sending, failed]).await;
    let silent = ["unknown", "-", "-", "`CreateIntegration` was sent and has not answered"];
    check(&[Reply::NEVER.and_stop()], &[], "unknown Interrupted", &[sending, silent]).await;
}

#[tokio::test]
async fn a_log_may_be_a_device_or_a_pipe() {
    let (double, targets) = (Double::new(&[], &[], &[]), creations(2));
    let mut sender = sender(&double, &targets);
    sender.audit = Some(Arc::new(Audit::open("/dev/null".as_ref()).expect("it opens")));
    sender.send_all(&targets, 1).await;
    assert_eq!((told(&sender).as_str(), states(&sender)), ("", vec!["made".to_string(); 2]));
}
