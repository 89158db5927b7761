//! What is told at the end of a write, for each way in which its rows can end.

use super::*;
use crate::engine::dml::double::wanted;

fn done(how: How, calls: &[&str]) -> State {
    let calls = calls.iter().map(|call| call.to_string()).collect();
    State::Done(Done { how, document: wanted("", &[]), key: None, calls })
}

fn made() -> State {
    done(How::Made, &["Call"])
}

fn failed(message: &str) -> State {
    State::Failed(Error::new(Kind::Denied, message).with_context("said there"))
}

fn unknown(message: &str) -> State {
    State::Unknown(Error::new(Kind::Transport, message).with_context("looked for"))
}

fn there(different: &[&str]) -> State {
    done(How::There { different: different.iter().map(|wire| wire.to_string()).collect() }, &[])
}

/// Rows are called `r1`, `r2` and so on. `expected` is the error with its hints, and nothing if there is none.
#[track_caller]
fn check((verb, skips): (Verb, bool), states: &[State], stopped: Option<Kind>, expected: &str) {
    let ledger = Ledger::new(verb, skips, (1..=states.len()).map(|number| format!("r{number}")));
    states.iter().enumerate().for_each(|(index, state)| ledger.set(index, state.clone()));
    let lines = ledger.lines();
    for row in ledger.rows() {
        assert_eq!(lines.iter().filter(|line| line.contains(&row.name)).count(), 1, "told once: {lines:?}");
    }
    let told = ledger.error(stopped, None).map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(told, expected);
}

const INSERT: (Verb, bool) = (Verb::Insert, false);
const INSERT_OR_NOTHING: (Verb, bool) = (Verb::Insert, true);
const UPDATE: (Verb, bool) = (Verb::Update, true);
const UPDATE_OF_ITSELF: (Verb, bool) = (Verb::Update, false);
const DELETE: (Verb, bool) = (Verb::Delete, true);
const STOP: Option<Kind> = Some(Kind::Interrupted);
const LATE: Option<Kind> = Some(Kind::Timeout);

#[test]
fn all_that_is_done_is_no_error() {
    check(INSERT, &[made(), there(&[]), there(&["Tags"])], None, "");
    check(UPDATE, &[made(), done(How::Unchanged, &[])], STOP, "");
    check(DELETE, &[made(), done(How::Gone, &[]), done(How::Going, &[])], LATE, "");
    check(DELETE, &[], STOP, "");
}

#[test]
fn one_row_is_told_as_its_error_is() {
    check(INSERT, &[failed("no")], None, "no\n  said there\n  failed: r1");
    let again = "look whether it is there before you insert it again; with `ON CONFLICT DO NOTHING` a repeat is safe";
    check(INSERT, &[unknown("lost")], None, &format!("lost\n  looked for\n  unknown: r1\n\nhint: {again}"));
    let again = "run the statement again; rows that are there are skipped";
    check(INSERT_OR_NOTHING, &[unknown("lost")], None, &format!("lost\n  looked for\n  unknown: r1\n\nhint: {again}"));
    let again = "run the statement again; what is gone is skipped";
    check(DELETE, &[unknown("lost")], None, &format!("lost\n  looked for\n  unknown: r1\n\nhint: {again}"));
    check(DELETE, &[State::NotSent], STOP, "DELETE was interrupted\n  not sent: r1");
    check(DELETE, &[failed("no")], STOP, "DELETE was interrupted\n  r1: no\n  failed: r1");
    let late = "hint: give it more time with `--timeout`, or `SET iql.timeout = …`";
    let told = "UPDATE was stopped: the statement's time is up\n  not sent: r1";
    check(UPDATE, &[State::NotSent], LATE, &format!("{told}\n\n{late}"));
    // A task that broke off left it so.
    check(UPDATE, &[State::Sending], None, "UPDATE ended before all was sent\n  unknown: r1");
}

#[test]
fn of_several_rows_each_is_told() {
    let again = "hint: rows that are there already are skipped by `ON CONFLICT DO NOTHING`, so that a repeat is safe";
    check(
        INSERT,
        &[made(), failed("no"), State::NotSent, State::NotSent],
        None,
        &format!(
            "INSERT stopped at row 2 of 4: no\n  said there\n  inserted: r1\n  failed:   r2\n  not sent: r3, r4\n\n{again}"
        ),
    );
    check(
        UPDATE,
        &[done(How::Unchanged, &[]), unknown("lost"), failed("no"), made()],
        None,
        "UPDATE stopped at row 2 of 4: lost\n  looked for\n  r3: no\n  changed:   r4 (Call)\n  unchanged: r1\n  \
         failed:    r3\n  unknown:   r2\n\nhint: run the statement again; rows that already match are skipped",
    );
    check(
        UPDATE_OF_ITSELF,
        &[made(), failed("no")],
        None,
        "UPDATE stopped at row 2 of 2: no\n  said there\n  changed: r1 (Call)\n  failed:  r2\n\n\
         hint: the statement again would change once more what is changed already: leave that out",
    );
    let told = "UPDATE stopped at row 1 of 2: no\n  said there\n  failed:   r1\n  not sent: r2";
    check(UPDATE_OF_ITSELF, &[failed("no"), State::NotSent], None, told);
    check(
        DELETE,
        &[done(How::Gone, &[]), done(How::Going, &[]), made(), State::NotSent],
        STOP,
        "DELETE was interrupted\n  deleted:               r3\n  already gone:          r1\n  \
         already being deleted: r2\n  not sent:              r4\n\n\
         hint: run the statement again; what is gone is skipped",
    );
    let again =
        "hint: look whether it is there before you insert it again; with `ON CONFLICT DO NOTHING` a repeat is safe";
    check(
        INSERT,
        &[made(), unknown("lost"), State::NotSent],
        LATE,
        &format!(
            "INSERT was stopped: the statement's time is up\n  r2: lost\n  inserted: r1\n  unknown:  r2\n  \
             not sent: r3\n\nhint: give it more time with `--timeout`, or `SET iql.timeout = …`\n{again}"
        ),
    );
    check(
        INSERT_OR_NOTHING,
        &[there(&[]), there(&["Tags", "SourceArn"]), failed("no")],
        None,
        "INSERT stopped at row 3 of 3: no\n  said there\n  already there:                r1\n  \
         already there, and different: r2 (Tags, SourceArn)\n  failed:                       r3\n\n\
         hint: run the statement again; rows that are there are skipped",
    );
}

#[test]
fn a_row_that_is_done_in_part_says_what_was_done() {
    for (state, label) in [(failed("no"), "failed: "), (unknown("lost"), "unknown:"), (State::NotSent, "not sent:")] {
        let ledger = Ledger::new(Verb::Update, true, ["orders".to_string()]);
        ledger.set(0, State::Sending);
        ledger.made(0, "CreateTags");
        assert_eq!(ledger.lines(), ["unknown: orders (CreateTags done)"]);
        ledger.set(0, state);
        assert_eq!(ledger.lines(), [format!("{} orders (CreateTags done)", label.trim())]);
    }
}

#[test]
fn what_of_our_own_stopped_it_comes_first() {
    let ledger = Ledger::new(Verb::Delete, true, ["r1", "r2"].map(String::from));
    ledger.set(0, made());
    let broken = || Some(Error::new(Kind::Io, "no log"));
    let told = ledger.error(Some(Kind::Io), broken()).map(|error| (error.kind, error.to_string()));
    let again = "\n\nhint: run the statement again; what is gone is skipped";
    assert_eq!(told, Some((Kind::Io, format!("no log\n  deleted:  r1\n  not sent: r2{again}"))));
    ledger.set(1, failed("no"));
    let told = ledger.error(Some(Kind::Io), broken()).map(|error| error.to_string());
    assert_eq!(told, Some(format!("no log\n  r2: no\n  deleted: r1\n  failed:  r2{again}")));
}
