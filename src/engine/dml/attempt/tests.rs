//! What is made of every answer: a script of answers and of what the list shows, and how the row ends. Whatever the
//! script, no name is created twice, and what is said not to have been done was not.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::engine::dml::double::{self, Double, Reply, Shown, brief, there, wanted};
use crate::engine::dml::ledger::Verb;

const CREATE: &str = "CreateIntegration";
const MODIFY: &str = "ModifyIntegration";
const DELETE: &str = "DeleteIntegration";
const SET: &str = "CreateTags";
const REMOVE: &str = "DeleteTags";
const DONE: Reply = Reply::DONE;
const LOST: Reply = Reply::LOST;
const DROPPED: Reply = Reply::DROPPED;
const NEVER: Reply = Reply::NEVER;
/// So many looks, that none is left.
const ALL: usize = 20;

const fn refused(kind: Kind) -> Reply {
    Reply::refused(kind)
}

fn hidden(looks: usize) -> Vec<Shown> {
    vec![Shown::Nothing; looks]
}

/// The list as it was before the write.
fn stale(looks: usize) -> Vec<Shown> {
    vec![Shown::Was(json!({})); looks]
}

fn then(mut shows: Vec<Shown>, next: Shown) -> Vec<Shown> {
    shows.push(next);
    shows
}

async fn run(double: &Arc<Double>, verb: Verb, on_conflict: OnConflict, target: &Target) -> State {
    let sender = double.sender(verb, on_conflict, std::slice::from_ref(target));
    sender.send_all(std::slice::from_ref(target), 1).await;
    state(&sender)
}

fn state(sender: &Sender) -> State {
    sender.ledger.rows().remove(0).state
}

/// Holds for every script.
#[track_caller]
fn sound(double: &Double, state: &State) {
    let now = double.integrations();
    for document in &now {
        let same = now.iter().filter(|other| other["IntegrationName"] == document["IntegrationName"]);
        assert_eq!(same.count(), 1, "twice: {now:?}");
    }
    let done = double.done();
    match state {
        State::Failed(_) | State::NotSent => {
            assert_eq!(done, 0, "{} was done, and is {}", double.calls(), brief(state))
        }
        State::Done(Done { how: How::Made, .. }) => assert!(done > 0, "{} did nothing", double.calls()),
        _ => {}
    }
}

/// Creates `orders`, where `first` is what is there.
struct Create {
    what: &'static str,
    first: Vec<Document>,
    on_conflict: OnConflict,
    replies: Vec<Reply>,
    shows: Vec<Shown>,
}

impl Create {
    fn of(what: &'static str, replies: &[Reply], shows: Vec<Shown>) -> Self {
        Create { what, first: Vec::new(), on_conflict: OnConflict::Fail, replies: replies.to_vec(), shows }
    }

    fn or_nothing(self) -> Self {
        Create { on_conflict: OnConflict::Nothing, ..self }
    }

    fn among(self, first: Document) -> Self {
        Create { first: vec![first], ..self }
    }

    async fn check(self, expected: &str, calls: &str) {
        let replies: Vec<_> = self.replies.iter().map(|reply| (CREATE, *reply)).collect();
        let double = Double::new(&self.first, &replies, &self.shows);
        let state = run(&double, Verb::Insert, self.on_conflict, &double::creation("orders")).await;
        assert_eq!((brief(&state).as_str(), double.calls().as_str()), (expected, calls), "{}", self.what);
        sound(&double, &state);
        if let State::Done(Done { how: How::Made | How::There { .. }, key, .. }) = &state {
            assert_eq!(key.as_deref(), double.integrations()[0]["IntegrationArn"].as_str(), "{}", self.what);
        }
    }
}

/// Of the same name and with another source.
fn of_another_source() -> Document {
    let source = ("SourceArn".to_string(), json!("arn:aws:s3:::bucket"));
    there(7, "orders", &[("a", "1")]).into_iter().chain([source]).collect()
}

const SEARCH: &str = "Look Look Look Look Look";

#[tokio::test]
async fn a_creation_whose_answer_is_clear() {
    let of = Create::of;
    of("answered", &[DONE], vec![]).check("made", "Create").await;
    of("denied", &[refused(Kind::Denied)], vec![]).check("failed Denied", "Create").await;
    of("throttled, then done", &[refused(Kind::Throttled), DONE], vec![]).check("made", "Create Create").await;
    for kind in [Kind::Throttled, Kind::Unreachable] {
        let expected = format!("failed {kind:?}");
        of("to the last", &[refused(kind); 3], vec![]).check(&expected, "Create Create Create").await;
    }
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost() {
    let of = Create::of;
    of("found at once", &[LOST], vec![]).check("made", "Create Look").await;
    of("found late", &[LOST], hidden(2)).check("made", "Create Look Create Look Look").await;
    of("never arrived", &[DROPPED], vec![]).check("made", "Create Look Create").await;
    let calls = format!("Create Look Create Look Create Look {SEARCH}");
    of("never seen", &[LOST; 3], hidden(ALL)).check("unknown Transport", &calls).await;
    of("never arrives", &[DROPPED; 3], vec![]).check("unknown Transport", &calls).await;
    of("seen at the end", &[LOST; 3], hidden(6))
        .check("made", "Create Look Create Look Create Look Look Look Look Look")
        .await;
    for kind in [Kind::Unavailable, Kind::Shape] {
        of("failed there", &[Reply::done_but(kind)], vec![]).check("made", "Create Look").await;
        of("for good", &[refused(kind); 3], vec![]).check(&format!("unknown {kind:?}"), &calls).await;
    }
    of("no look", &[LOST], vec![Shown::Fails(Kind::Denied)]).check("unknown Transport", "Create Look").await;
    let fails = vec![Shown::Fails(Kind::Transport); 3];
    of("no look, three times", &[LOST], fails).check("unknown Transport", "Create Look Look Look").await;
}

#[tokio::test]
async fn a_creation_that_is_lost_and_then_refused() {
    let of = Create::of;
    let unseen = format!("Create Look Create {SEARCH}");
    for kind in [Kind::Denied, Kind::Credentials] {
        let lost = [LOST, refused(kind)];
        of("shown", &lost, hidden(1)).check("made", "Create Look Create Look").await;
        of("shown late", &lost, hidden(4)).check("made", "Create Look Create Look Look Look Look").await;
        of("not shown", &lost, hidden(ALL)).check("unknown Transport", &unseen).await;
        of("not there", &[DROPPED, refused(kind)], vec![]).check("unknown Transport", &unseen).await;
        let other = || then(hidden(1), Shown::As(json!({"Tags": [{"Key": "b", "Value": "2"}]})));
        of("other tags", &lost, other()).check("unknown Exists", "Create Look Create Look").await;
        of("other tags", &lost, other()).or_nothing().check("there, but Tags", "Create Look Create Look").await;
        let dropped = || of("another source", &[DROPPED, refused(kind)], vec![]).among(of_another_source());
        dropped().check("failed Exists", "Create Look Create Look Look").await;
        dropped().or_nothing().check("there, but SourceArn", "Create Look Create Look Look").await;
        let no_look = then(hidden(1), Shown::Fails(Kind::Denied));
        of("no look", &lost, no_look).check("unknown Transport", "Create Look Create Look").await;
    }
    let calls = "Create Look Create Create Create Look Look Look Look Look";
    let throttled = [DROPPED, refused(Kind::Throttled), refused(Kind::Throttled), refused(Kind::Throttled)];
    of("throttled", &throttled, vec![]).check("unknown Transport", calls).await;
    // The second call meets the first one's, or somebody else's.
    of("exists, and is not shown", &[LOST], hidden(ALL)).check("unknown Exists", &unseen).await;
    let no_look = then(hidden(1), Shown::Fails(Kind::Denied));
    of("exists, and no look", &[LOST], no_look).check("unknown Exists", "Create Look Create Look").await;
    let other = || of("exists, of another source", &[DROPPED], vec![]).among(of_another_source());
    other().check("failed Exists", "Create Look Create Look Look").await;
    other().or_nothing().check("there, but SourceArn", "Create Look Create Look Look").await;
    let tags = || of("exists, with other tags", &[DROPPED], hidden(1)).among(there(7, "orders", &[]));
    tags().check("unknown Exists", "Create Look Create Look").await;
    tags().or_nothing().check("there, but Tags", "Create Look Create Look").await;
}

#[tokio::test]
async fn a_creation_that_meets_another() {
    let of = |what, shows| Create::of(what, &[], shows).among(there(7, "orders", &[("a", "1")]));
    of("fails", vec![]).check("failed Exists", "Create").await;
    of("alike", vec![]).or_nothing().check("there", "Create Look").await;
    of("shown late", hidden(2)).or_nothing().check("there", "Create Look Look Look").await;
    of("never shown", hidden(ALL)).or_nothing().check("failed Exists", &format!("Create {SEARCH}")).await;
    let denied = vec![Shown::Fails(Kind::Denied)];
    of("no look", denied).or_nothing().check("failed Exists", "Create Look").await;
    let tags = || Create::of("other tags", &[], vec![]).among(there(7, "orders", &[]));
    tags().or_nothing().check("there, but Tags", "Create Look").await;
    let going = || then(hidden(1), Shown::As(json!({"Status": "deleting"})));
    of("on its way out", going()).or_nothing().check("failed Conflict", "Create Look Look").await;
    let dropped = || Create::of("lost, and one on its way out", &[DROPPED], going());
    let among = || dropped().among(there(7, "orders", &[("a", "1")]));
    among().check("unknown Conflict", "Create Look Create Look").await;
    among().or_nothing().check("unknown Conflict", "Create Look Create Look").await;
    let source = Create::of("another source", &[], vec![]).among(of_another_source());
    source.or_nothing().check("there, but SourceArn", "Create Look Look").await;
}

#[tokio::test]
async fn a_creation_that_is_stopped() {
    let of = Create::of;
    of("it answers", &[DONE.and_stop()], vec![]).check("made", "Create").await;
    of("it is refused", &[refused(Kind::Denied).and_stop()], vec![]).check("failed Denied", "Create").await;
    of("it is throttled", &[refused(Kind::Throttled).and_stop()], vec![]).check("failed Throttled", "Create").await;
    of("it is lost", &[LOST.and_stop()], vec![]).check("unknown Transport", "Create").await;
    of("it never answers", &[NEVER.and_stop()], vec![]).check("unknown Interrupted", "Create").await;
    of("a repeat answers", &[DROPPED, DONE.and_stop()], vec![]).check("made", "Create Look Create").await;
    of("a repeat never answers", &[LOST, NEVER.and_stop()], hidden(1))
        .check("unknown Interrupted", "Create Look Create")
        .await;
    of("in a look that finds it", &[LOST], vec![Shown::Stops]).check("made", "Create Look").await;
    of("in a look that finds none", &[DROPPED], vec![Shown::Stops]).check("unknown Transport", "Create Look").await;
    of("in a look for ever", &[LOST], vec![Shown::StopsAndNever]).check("unknown Transport", "Create Look").await;
    let stops = then(hidden(1), Shown::StopsAndNever);
    of("in a look for what exists", &[LOST], stops).check("unknown Exists", "Create Look Create Look").await;
}

#[tokio::test]
async fn a_stop_before_the_first_call_and_between_two() {
    for target in [double::creation("orders"), double::deletion(&there(7, "orders", &[]))] {
        let double = Double::new(&[], &[], &[]);
        double.stop.stop(Kind::Interrupted);
        let state = run(&double, Verb::Insert, OnConflict::Fail, &target).await;
        assert_eq!((brief(&state).as_str(), double.calls().as_str()), ("not sent", ""));
    }
    let double = Double::new(&[], &[(CREATE, DROPPED)], &[]);
    let target = double::creation("orders");
    let mut sender = double.sender(Verb::Insert, OnConflict::Fail, std::slice::from_ref(&target));
    sender.limits.backoff = std::time::Duration::from_secs(3600);
    tokio::join!(sender.send_all(std::slice::from_ref(&target), 1), async {
        while double.calls() != "Create Look" {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        double.stop.stop(Kind::Interrupted);
    });
    assert_eq!((brief(&state(&sender)).as_str(), double.calls().as_str()), ("unknown Transport", "Create Look"));
}

/// Renames `orders`, if that is all; else changes its tags first.
async fn change(
    what: &str,
    after: Document,
    replies: &[(&'static str, Reply)],
    shows: Vec<Shown>,
    (expected, calls): (&str, &str),
) {
    let before = there(1, "orders", &[("a", "1")]);
    let target = double::change(&before, after.clone());
    let double = Double::new(&[before], replies, &shows);
    let sender = double.sender(Verb::Update, OnConflict::Fail, std::slice::from_ref(&target));
    sender.send_all(std::slice::from_ref(&target), 1).await;
    let row = sender.ledger.rows().remove(0);
    assert_eq!((brief(&row.state).as_str(), double.calls().as_str()), (expected, calls), "{what}");
    match &row.state {
        State::Done(done) => {
            for (wire, value) in &after {
                assert_eq!(done.document.get(wire), Some(value), "{what}: {wire} as it is told");
                assert_eq!(double.integrations()[0].get(wire), Some(value), "{what}: {wire} as it is");
            }
        }
        State::Failed(_) | State::NotSent => assert_eq!(row.made.len(), double.done(), "{what}: {}", double.calls()),
        _ => assert!(row.made.len() <= double.done(), "{what}"),
    }
}

fn name() -> Document {
    Document::from_iter([("IntegrationName".to_string(), json!("billing"))])
}

fn tags(tags: &[(&str, &str)]) -> Document {
    wanted("", tags).into_iter().filter(|(wire, _)| wire == "Tags").collect()
}

fn both() -> Document {
    name().into_iter().chain(tags(&[("a", "1"), ("b", "2")])).collect()
}

#[tokio::test]
async fn a_change_of_one_step() {
    let lost = |second| [(MODIFY, LOST), (MODIFY, second)];
    change("answered", name(), &[], vec![], ("made", "Modify")).await;
    change("denied", name(), &[(MODIFY, refused(Kind::Denied))], vec![], ("failed Denied", "Modify")).await;
    change("conflict", name(), &[(MODIFY, refused(Kind::Conflict))], vec![], ("failed Conflict", "Modify Look")).await;
    let gone = [(MODIFY, refused(Kind::NotFound))];
    change("gone", name(), &gone, hidden(ALL), ("failed NotFound", "Modify Look")).await;
    for kind in [Kind::Throttled, Kind::Unreachable] {
        let expected = format!("failed {kind:?}");
        change("to the last", name(), &[(MODIFY, refused(kind)); 3], vec![], (&expected, "Modify Modify Modify")).await;
    }
    change("lost, and done", name(), &[(MODIFY, LOST)], vec![], ("made", "Modify Look")).await;
    change("lost, and not done", name(), &[(MODIFY, DROPPED)], vec![], ("made", "Modify Look Modify")).await;
    let thrice = "Modify Look Modify Look Modify Look";
    change("never arrives", name(), &[(MODIFY, DROPPED); 3], vec![], ("unknown Transport", thrice)).await;
    let conflict = lost(refused(Kind::Conflict));
    change("under way, then done", name(), &conflict, stale(1), ("made", "Modify Look Modify Look")).await;
    let conflicts = [conflict[0], conflict[1], conflict[1]];
    change("under way", name(), &conflicts, stale(ALL), ("unknown Transport", thrice)).await;
    let denied = lost(refused(Kind::Denied));
    change("lost, denied", name(), &denied, stale(ALL), ("unknown Transport", "Modify Look Modify Look")).await;
    change("lost, denied, done", name(), &denied, stale(1), ("made", "Modify Look Modify Look")).await;
    change("lost, no look", name(), &denied, vec![Shown::Fails(Kind::Denied)], ("unknown Transport", "Modify Look"))
        .await;
    // It may have been done before it went.
    change("lost, then gone", name(), &denied, hidden(ALL), ("unknown Transport", "Modify Look")).await;
    let gone = lost(refused(Kind::NotFound));
    let shows = then(stale(1), Shown::Nothing);
    change("lost, then not found", name(), &gone, shows, ("unknown Transport", "Modify Look Modify Look")).await;
}

#[tokio::test]
async fn a_change_of_several_steps() {
    let second = |reply| [(MODIFY, reply)];
    change("answered", both(), &[], vec![], ("made", "CreateTags Modify")).await;
    let calls = "CreateTags Modify";
    change("refused", both(), &second(refused(Kind::Denied)), vec![], ("failed Denied", calls)).await;
    let looked = "CreateTags Modify Look";
    change("conflict", both(), &second(refused(Kind::Conflict)), vec![], ("failed Conflict", looked)).await;
    change("gone", both(), &second(refused(Kind::NotFound)), hidden(1), ("failed NotFound", looked)).await;
    change("lost, and done", both(), &second(LOST), vec![], ("made", looked)).await;
    change("lost, and not done", both(), &second(DROPPED), vec![], ("made", "CreateTags Modify Look Modify")).await;
    change("lost, then gone", both(), &second(LOST), hidden(1), ("unknown Transport", looked)).await;
    let other = || tags(&[("b", "2")]);
    change("tags", other(), &[], vec![], ("made", "CreateTags DeleteTags")).await;
    let lost = [(SET, LOST), (REMOVE, LOST)];
    change("tags, each lost", other(), &lost, vec![], ("made", "CreateTags Look DeleteTags Look")).await;
    // The document of a look that comes between two steps is not the last word.
    change("tags, the first lost", other(), &lost[..1], vec![], ("made", "CreateTags Look DeleteTags")).await;
    let dropped = [(SET, DROPPED)];
    change("tags, not done", other(), &dropped, vec![], ("made", "CreateTags Look CreateTags DeleteTags")).await;
    // What may have been done is not said to have failed, though the last answer is clear.
    for kind in [Kind::Throttled, Kind::Unreachable, Kind::Denied] {
        let repeats = if kind == Kind::Denied { 1 } else { 3 };
        let replies: Vec<_> = [LOST].into_iter().chain([refused(kind); 3]).map(|reply| (SET, reply)).collect();
        let calls = format!("CreateTags Look{} Look", " CreateTags".repeat(repeats));
        change("lost, then refused", other(), &replies, stale(ALL), ("unknown Transport", &calls)).await;
    }
}

#[tokio::test]
async fn a_change_that_is_stopped() {
    change("between steps", both(), &[(SET, DONE.and_stop())], vec![], ("failed Interrupted", "CreateTags")).await;
    let never = [(MODIFY, NEVER.and_stop())];
    change("in the second", both(), &never, vec![], ("unknown Interrupted", "CreateTags Modify")).await;
    change("in the only", name(), &never, vec![], ("unknown Interrupted", "Modify")).await;
    let lost = [(MODIFY, LOST)];
    change("lost", name(), &[(MODIFY, LOST.and_stop())], vec![], ("unknown Transport", "Modify")).await;
    change("in a look", name(), &lost, vec![Shown::Stops], ("made", "Modify Look")).await;
    change("in a look for ever", name(), &lost, vec![Shown::StopsAndNever], ("unknown Transport", "Modify Look")).await;
}

async fn delete(what: &str, replies: &[Reply], shows: Vec<Shown>, (expected, calls): (&str, &str)) {
    let before = there(1, "orders", &[]);
    let replies: Vec<_> = replies.iter().map(|reply| (DELETE, *reply)).collect();
    let double = Double::new(std::slice::from_ref(&before), &replies, &shows);
    let state = run(&double, Verb::Delete, OnConflict::Fail, &double::deletion(&before)).await;
    assert_eq!((brief(&state).as_str(), double.calls().as_str()), (expected, calls), "{what}");
    sound(&double, &state);
}

#[tokio::test]
async fn a_deletion() {
    let deleting = || vec![Shown::Was(json!({"Status": "deleting"}))];
    let conflict = [refused(Kind::Conflict)];
    delete("answered", &[DONE], vec![], ("made", "Delete")).await;
    delete("not found", &[refused(Kind::NotFound)], vec![], ("gone", "Delete")).await;
    delete("denied", &[refused(Kind::Denied)], vec![], ("failed Denied", "Delete")).await;
    delete("throttled", &[refused(Kind::Throttled); 3], vec![], ("failed Throttled", "Delete Delete Delete")).await;
    delete("somebody deletes it", &conflict, deleting(), ("going", "Delete Look")).await;
    delete("somebody has deleted it", &conflict, hidden(1), ("gone", "Delete Look")).await;
    delete("it is changed", &conflict, vec![], ("failed Conflict", "Delete Look")).await;
    delete("no look", &conflict, vec![Shown::Fails(Kind::Denied)], ("failed Conflict", "Delete Look")).await;

    delete("lost, and gone", &[LOST], vec![], ("made", "Delete Look")).await;
    delete("lost, and going", &[LOST], deleting(), ("made", "Delete Look")).await;
    delete("lost, and not done", &[DROPPED], vec![], ("made", "Delete Look Delete")).await;
    delete("lost, and shown still", &[LOST], stale(1), ("made", "Delete Look Delete")).await;
    let shows = stale(1).into_iter().chain(deleting()).collect();
    delete("lost, and under way", &[LOST, conflict[0]], shows, ("made", "Delete Look Delete Look")).await;
    let twice = "Delete Look Delete Look";
    delete("lost, conflict", &[LOST, conflict[0]], stale(ALL), ("unknown Transport", twice)).await;
    delete("lost, denied", &[DROPPED, refused(Kind::Denied)], vec![], ("unknown Transport", twice)).await;
    let thrice = "Delete Look Delete Look Delete Look";
    delete("never arrives", &[DROPPED; 3], vec![], ("unknown Transport", thrice)).await;
    delete("lost, no look", &[LOST], vec![Shown::Fails(Kind::Denied)], ("unknown Transport", "Delete Look")).await;

    delete("it answers a stop", &[DONE.and_stop()], vec![], ("made", "Delete")).await;
    delete("stopped for good", &[NEVER.and_stop()], vec![], ("unknown Interrupted", "Delete")).await;
    delete("stopped, and lost", &[LOST.and_stop()], vec![], ("unknown Transport", "Delete")).await;
    delete("stopped in a look", &[DROPPED], vec![Shown::Stops], ("unknown Transport", "Delete Look")).await;
    delete("stopped in a look for ever", &[LOST], vec![Shown::StopsAndNever], ("unknown Transport", "Delete Look"))
        .await;
}
