//! What a wait is told by each look, and how it ends: settled, failed, gone, given up.

use serde_json::json;

use super::*;
use crate::engine::dml::double::{self, Double, Reply, Shown, there};
use crate::sql::OnConflict;

const LONG: Duration = Duration::from_secs(60);

fn status(status: &str) -> Shown {
    Shown::As(json!({ "Status": status }))
}

fn deleting(status: &str) -> Shown {
    Shown::Was(json!({ "Status": status }))
}

/// Writes one row and waits for it: what is told then, without the report that follows, and how often it was looked.
async fn check(what: &str, verb: Verb, time: Duration, shows: &[Shown], expected: Result<(), &str>, looks: usize) {
    let before = there(1, "orders", &[]);
    let (first, target) = match verb {
        Verb::Exec => panic!("nothing settles"),
        Verb::Insert => (vec![], double::creation("orders")),
        Verb::Update => {
            let name = [("IntegrationName".to_string(), json!("billing"))];
            (vec![before.clone()], double::change(&before, Document::from_iter(name)))
        }
        Verb::Delete => (vec![before.clone()], double::deletion(&before)),
    };
    let (double, targets) = (Double::new(&first, &[], shows), [target]);
    let sender = double.sender(verb, OnConflict::Fail, &targets);
    sender.send_all(&targets, 1).await;
    assert!(sender.ledger.error(None, None).is_none(), "{what}: it was written");
    let told = waited(&sender, &targets, time).await;
    assert_eq!(told.as_ref().copied().map_err(String::as_str), expected, "{what}");
    let calls = double.calls();
    assert_eq!(calls.split(' ').filter(|call| *call == "Look").count(), looks, "{what}: {calls}");
}

/// The error as its lines, each but its last: the report of what was written, which must be there.
async fn waited(sender: &Sender, targets: &[Target], time: Duration) -> Result<(), String> {
    let writes = Writes { await_time: time, await_poll: Duration::from_millis(1), ..Writes::default() };
    let error = match settle(sender, targets, &writes, &Control::default()).await {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let report = sender.ledger.lines();
    assert!(error.context.ends_with(&report), "{error} has not {report:?}");
    let lines = error.context[..error.context.len() - report.len()].iter();
    Err(lines.fold(format!("{:?}: {}", error.kind, error.message), |text, line| format!("{text}\n{line}")))
}

#[tokio::test]
async fn a_wait_for_what_was_made() {
    let creating = || status("creating");
    let of =
        async |what, shows: &[Shown], expected, looks| check(what, Verb::Insert, LONG, shows, expected, looks).await;
    of("at once", &[], Ok(()), 1).await;
    of("creating", &[creating(), creating()], Ok(()), 3).await;
    of("not shown at first", &[Shown::Nothing, Shown::Nothing, creating()], Ok(()), 4).await;
    let never = "NotFound: orders was looked for 4 times, and is not there";
    of("never shown", &vec![Shown::Nothing; 9], Err(never), 4).await;
    let gone = "NotFound: orders is gone again";
    of("gone", &[creating(), Shown::Nothing], Err(gone), 2).await;
    of("being deleted", &[creating(), status("deleting")], Err("Conflict: orders is being deleted"), 2).await;
    let errors = json!([{"ErrorCode": "E1", "ErrorMessage": "no"}, {"ErrorCode": "E2", "ErrorMessage": "nor that"}]);
    let failed = "Refused: orders has not settled: its `Status` is `failed`\nthe service says: E1: no\n\
                  the service says: E2: nor that";
    let shown = Shown::As(json!({"Status": "failed", "Errors": errors}));
    of("failed", &[creating(), shown], Err(failed), 2).await;
    let attention = "Refused: orders has not settled: its `Status` is `needs_attention`";
    of("needs attention", &[status("needs_attention")], Err(attention), 1).await;
    // Each look is tried three times.
    let passing = vec![Shown::Fails(Kind::Throttled); 6];
    of("passing errors", &passing, Ok(()), 7).await;
    let passing: Vec<Shown> = vec![Shown::Fails(Kind::Throttled); 12].into_iter().chain([Shown::Nothing]).collect();
    of("passing errors, and not shown then", &passing, Ok(()), 14).await;
    let denied = "Denied: DescribeIntegrations: Denied\nwhile waiting for orders";
    of("denied", &[creating(), Shown::Fails(Kind::Denied)], Err(denied), 2).await;
}

#[tokio::test]
async fn a_wait_that_is_given_up() {
    let short = Duration::from_millis(300);
    let late =
        |status: &str| format!("Timeout: it has not settled within 300 ms\nit goes on in the cloud: orders: {status}");
    for (what, shows, expected) in [
        ("no answer", vec![Shown::Never], late("not looked at yet")),
        ("the last status", vec![status("creating"), status("syncing"), Shown::Never], late("syncing")),
        ("not shown yet", vec![Shown::Nothing, Shown::Never], late("not seen yet")),
    ] {
        let looks = shows.len();
        check(what, Verb::Insert, short, &shows, Err(&expected), looks).await;
    }
    let stopped = "Interrupted: the wait was interrupted\nit goes on in the cloud: orders: creating";
    check("stop", Verb::Insert, LONG, &[status("creating"), Shown::StopsAndNever], Err(stopped), 2).await;
}

#[tokio::test]
async fn a_wait_for_a_change() {
    let of =
        async |what, shows: &[Shown], expected, looks| check(what, Verb::Update, LONG, shows, expected, looks).await;
    let stale = || deleting("active");
    of("at once", &[], Ok(()), 1).await;
    of("a look that is stale", &[stale(), stale()], Ok(()), 3).await;
    of("modifying", &[stale(), status("modifying")], Ok(()), 3).await;
    let failed = "Refused: orders has not settled: its `Status` is `failed`";
    of("failed before, and stale", &[deleting("failed"), status("failed")], Err(failed), 2).await;
    of("being deleted", &[status("deleting")], Err("Conflict: orders is being deleted"), 1).await;
    let short = Duration::from_millis(300);
    let late = "Timeout: it has not settled within 300 ms\nit goes on in the cloud: orders: active";
    check("stale for ever", Verb::Update, short, &[stale(), Shown::Never], Err(late), 2).await;
}

#[tokio::test]
async fn a_wait_for_a_deletion() {
    let of =
        async |what, shows: &[Shown], expected, looks| check(what, Verb::Delete, LONG, shows, expected, looks).await;
    of("at once", &[], Ok(()), 1).await;
    of("shown still", &[deleting("active"), deleting("deleting"), deleting("deleting")], Ok(()), 4).await;
    of("failed before", &[deleting("failed"), deleting("deleting")], Ok(()), 3).await;
    let failed = "Refused: orders has not settled: its `Status` is `failed`";
    of("the deletion failed", &[deleting("deleting"), deleting("failed")], Err(failed), 2).await;
    of("passing errors", &vec![Shown::Fails(Kind::Unavailable); 3], Ok(()), 4).await;
}

#[tokio::test]
async fn a_wait_for_what_somebody_else_deletes() {
    let before = there(1, "orders", &[]);
    let going = || deleting("deleting");
    for (shows, how, looks) in [(vec![going(), going()], How::Going, 3), (vec![Shown::Nothing], How::Gone, 1)] {
        let first = [before.clone()];
        let double = Double::new(&first, &[("DeleteIntegration", Reply::done_but(Kind::Conflict))], &shows);
        let targets = [double::deletion(&before)];
        let sender = double.sender(Verb::Delete, OnConflict::Fail, &targets);
        sender.send_all(&targets, 1).await;
        assert_eq!(waited(&sender, &targets, LONG).await, Ok(()));
        let State::Done(done) = sender.ledger.rows().remove(0).state else { panic!("{how:?}") };
        assert_eq!((done.how, double.calls().matches("Look").count()), (how, looks));
    }
}

#[tokio::test]
async fn a_wait_for_several_tells_of_each() {
    let targets = ["orders", "clicks", "stock"].map(double::creation);
    let shows = [status("creating"), status("failed"), status("active"), Shown::Nothing];
    let double = Double::new(&[], &[], &shows);
    let sender = double.sender(Verb::Insert, OnConflict::Fail, &targets);
    sender.send_all(&targets, 3).await;
    let told = waited(&sender, &targets, LONG).await.expect_err("two failures");
    assert_eq!(told, "Refused: clicks has not settled: its `Status` is `failed`\norders is gone again");
    assert_eq!(sender.ledger.lines().len(), 1, "all three were inserted: {:?}", sender.ledger.lines());
}
