//! The policy against a driver that fails as told, with waits of milliseconds: tokio's clock can only be paused with a
//! feature that would build everything below us twice.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::*;
use crate::drivers::Signature;
use crate::error::Reply;

/// Fails with the kinds given, one a try, and then answers.
#[derive(Debug)]
struct Faulty {
    faults: Mutex<Vec<Fault>>,
    repeatable: bool,
    sent: AtomicU32,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Error(Kind),
    After(Duration),
    Hang,
}

fn faulty(repeatable: bool, faults: &[Fault]) -> Faulty {
    let faults = faults.iter().rev().copied().collect();
    Faulty { faults: Mutex::new(faults), repeatable, sent: AtomicU32::new(0) }
}

#[async_trait]
impl Driver for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn service(&self) -> &str {
        "AWS"
    }

    fn signature(&self, _: &str) -> Option<Signature<'_>> {
        Some(Signature {
            params: Vec::new(),
            inputs: Vec::new(),
            fields: Vec::new(),
            page: None,
            repeatable: self.repeatable,
            writes: !self.repeatable,
            permissions: Vec::new(),
        })
    }

    fn calls(&self) -> Vec<&str> {
        Vec::new()
    }

    async fn send(&self, _: &Request) -> Result<Page, Error> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let fault = self.faults.lock().expect("nobody panicked").pop();
        match fault {
            None => Ok(Page::default()),
            Some(Fault::Error(kind)) => Err(Error::new(kind, "AWS throttled `Call`")),
            Some(Fault::After(time)) => {
                let reply = Reply { retry_after: Some(time), ..Reply::default() };
                Err(Error::new(Kind::Throttled, "AWS throttled `Call`").with_reply(reply))
            }
            Some(Fault::Hang) => std::future::pending().await,
        }
    }
}

async fn run(driver: &Faulty, policy: &Policy) -> Result<Answer, Error> {
    send(driver, &request(), policy, &Pace::default(), &Stop::default(), &Ahead::default(), &|_| ()).await
}

fn request() -> Request {
    Request {
        call: "Call".into(),
        params: [("region".to_string(), "us-east-1".to_string())].into(),
        ..Request::default()
    }
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn policy(tries: u32) -> Policy {
    Policy { tries, time: ms(2000), backoff: ms(1), call: ms(30) }
}

#[tokio::test]
async fn a_read_is_repeated_after_whatever_passes() {
    for kind in [Kind::Throttled, Kind::Unavailable, Kind::Transport, Kind::Shape] {
        let driver = faulty(true, &[Fault::Error(kind); 3]);
        let answer = run(&driver, &policy(4)).await.expect("the fourth try answers");
        assert_eq!((answer.tries, driver.sent.into_inner()), (4, 4), "{kind:?}");
        assert!(answer.spent >= answer.waited);
    }
}

#[tokio::test]
async fn a_call_that_changes_something_is_repeated_only_when_nothing_was_done() {
    for kind in [Kind::Unavailable, Kind::Transport, Kind::Shape] {
        let driver = faulty(false, &[Fault::Error(kind)]);
        assert_eq!(run(&driver, &policy(4)).await.expect_err("not again").kind, kind);
        assert_eq!(driver.sent.into_inner(), 1, "{kind:?}");
    }
    let driver = faulty(false, &[Fault::Error(Kind::Throttled)]);
    assert_eq!(run(&driver, &policy(4)).await.expect("the second try answers").tries, 2);
}

#[tokio::test]
async fn what_does_not_pass_is_reported_at_once() {
    for kind in [Kind::Refused, Kind::Denied, Kind::Credentials, Kind::NotFound, Kind::Param] {
        let driver = faulty(true, &[Fault::Error(kind)]);
        assert_eq!(run(&driver, &policy(8)).await.expect_err("refused").kind, kind);
        assert_eq!(driver.sent.into_inner(), 1);
    }
}

#[tokio::test]
async fn the_tries_are_bounded_and_the_error_counts_them() {
    let driver = faulty(true, &[Fault::After(ms(10)); 9]);
    let error = run(&driver, &policy(4)).await.expect_err("throttled four times");
    let tail = error.message.strip_prefix("AWS kept throttling `Call` (4 tries, ");
    assert!(tail.is_some_and(|tail| tail.ends_with(" ms)")), "{error}");
    assert_eq!(error.context, ["the last time: AWS throttled `Call`", "AWS asks to wait 10 ms"]);
    assert_eq!((error.kind, driver.sent.into_inner()), (Kind::Throttled, 4));
}

#[tokio::test]
async fn the_time_is_bounded() {
    let driver = faulty(true, &[Fault::Error(Kind::Unavailable); 1000]);
    let error = run(&driver, &Policy { time: ms(100), backoff: ms(50), ..policy(1000) }).await.expect_err("never up");
    assert!(error.message.starts_with("AWS kept failing on `Call` ("), "{error}");
    assert!(driver.sent.into_inner() < 1000);
}

#[tokio::test]
async fn a_wait_that_the_service_asks_for_is_kept() {
    let driver = faulty(true, &[Fault::After(ms(40))]);
    let answer = run(&driver, &policy(2)).await.expect("the second try answers");
    assert!(answer.waited >= ms(40) && answer.spent >= answer.waited, "{answer:?}");
    let driver = faulty(true, &[Fault::After(Duration::from_secs(3600))]);
    let error = run(&driver, &policy(2)).await.expect_err("longer than calls are tried");
    assert_eq!((error.kind, driver.sent.into_inner()), (Kind::Throttled, 1));
    assert_eq!(error.context, ["AWS asks to wait 3600 s"]);
}

#[tokio::test]
async fn a_call_waits_in_line_while_others_are_answered() {
    let pace = Pace::default();
    // Somebody else's answer comes between any two tries.
    let driver = faulty(true, &[Fault::Error(Kind::Throttled); 6]);
    let policy = Policy { time: ms(20), backoff: ms(10), ..policy(2) };
    let answer =
        send(&driver, &request(), &policy, &pace, &Stop::default(), &Ahead::default(), &|_| pace.answered()).await;
    let answer = answer.expect("its turn comes");
    assert!(answer.tries == 7 && answer.waited > policy.time, "{answer:?}");
}

#[tokio::test]
async fn a_repeat_is_told() {
    let told = Mutex::new(Vec::new());
    let tell = |repeat: &Repeat<'_>| told.lock().expect("nobody panicked").push((repeat.error.kind, repeat.tries));
    let driver = faulty(true, &[Fault::Error(Kind::Unavailable), Fault::Error(Kind::Throttled)]);
    send(&driver, &request(), &policy(4), &Pace::default(), &Stop::default(), &Ahead::default(), &tell)
        .await
        .expect("the third try answers");
    assert_eq!(told.into_inner().expect("nobody panicked"), [(Kind::Unavailable, 1), (Kind::Throttled, 2)]);
}

#[tokio::test]
async fn a_stop_during_a_wait_ends_it_at_once() {
    for kind in [Kind::Interrupted, Kind::Timeout] {
        let driver = faulty(false, &[Fault::Error(Kind::Throttled), Fault::After(Duration::from_secs(3600))]);
        let policy = Policy { time: Duration::from_secs(7200), ..policy(8) };
        let stop = Stop::default();
        // The repeat after an hour is announced, and then the end is asked for.
        let tell = |repeat: &Repeat<'_>| {
            if repeat.tries == 2 {
                stop.stop(kind);
            }
        };
        let error = send(&driver, &request(), &policy, &Pace::default(), &stop, &Ahead::default(), &tell)
            .await
            .expect_err("not sent again");
        assert!(error.message.starts_with("AWS kept throttling `Call` (2 tries, "), "{error}");
        assert_eq!(error.hints, [""; 0], "no patience would have helped");
        assert_eq!((error.kind, driver.sent.into_inner()), (Kind::Throttled, 2));
    }
}

#[tokio::test]
async fn a_stop_from_elsewhere_ends_a_wait() {
    let driver = faulty(true, &[Fault::After(Duration::from_secs(3600))]);
    let policy = Policy { time: Duration::from_secs(7200), ..policy(8) };
    let (stop, repeating) = (Stop::default(), tokio::sync::Notify::new());
    let (request, tell) = (request(), |_: &Repeat<'_>| repeating.notify_one());
    let (pace, ahead) = (Pace::default(), Ahead::default());
    let (result, ()) = tokio::join!(send(&driver, &request, &policy, &pace, &stop, &ahead, &tell), async {
        repeating.notified().await;
        stop.stop(Kind::Interrupted);
    });
    let error = result.expect_err("not sent again");
    assert_eq!((error.kind, error.message.as_str()), (Kind::Throttled, "AWS throttled `Call`"));
    assert_eq!(driver.sent.into_inner(), 1);
}

#[tokio::test]
async fn a_stop_does_not_cut_the_try_in_flight_and_nothing_follows_it() {
    let stop = Stop::default();
    stop.stop(Kind::Interrupted);
    let answered = faulty(false, &[]);
    send(&answered, &request(), &policy(4), &Pace::default(), &stop, &Ahead::default(), &|_| ())
        .await
        .expect("the first try answers");
    let failing = faulty(true, &[Fault::Error(Kind::Unavailable); 4]);
    let tell = |_: &Repeat<'_>| panic!("announced, and not sent");
    let error = send(&failing, &request(), &policy(4), &Pace::default(), &stop, &Ahead::default(), &tell)
        .await
        .expect_err("not sent again");
    assert_eq!((error.kind, failing.sent.into_inner()), (Kind::Unavailable, 1));
}

#[tokio::test]
async fn a_try_has_its_time() {
    let driver = faulty(true, &[Fault::Hang]);
    let answer = run(&driver, &policy(2)).await.expect("the second try answers");
    assert_eq!(answer.tries, 2);
    assert!(answer.spent >= ms(30));
    let driver = faulty(false, &[Fault::Hang]);
    let error = run(&driver, &policy(2)).await.expect_err("not again");
    assert_eq!(error.message, "AWS did not answer `Call` within 30 ms");
    assert_eq!(error.context, ["Call region=us-east-1"]);
    assert_eq!(error.kind, Kind::Transport);
}

#[test]
fn times_read_well() {
    assert_eq!((show(ms(850)), show(ms(31_400))), ("850 ms".into(), "31 s".into()));
}

#[test]
fn waits_grow_and_are_never_longer_than_the_longest() {
    for tries in 1..64 {
        let bound = Duration::from_millis(100).saturating_mul(2_u32.saturating_pow(tries - 1)).min(LONGEST_WAIT);
        assert!(jitter(Duration::from_millis(100), tries) <= bound);
    }
}
