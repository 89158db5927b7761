//! What a stop means for a call that has no place yet, and for one that is in flight.

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;
use crate::drivers::Signature;

/// Answers when it is told to.
#[derive(Debug, Default)]
struct Slow {
    sent: AtomicU64,
    begun: Notify,
    answer: Notify,
}

#[async_trait]
impl Driver for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn signature(&self, _: &str) -> Option<Signature<'_>> {
        None
    }

    fn calls(&self) -> Vec<&str> {
        Vec::new()
    }

    async fn send(&self, _: &Request) -> Result<Page> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.begun.notify_one();
        self.answer.notified().await;
        Ok(Page { request_id: Some("r-1".into()), ..Page::default() })
    }
}

fn request() -> Request {
    let params = [("region".to_string(), "us-east-1".to_string())].into();
    Request { call: "Call".into(), params, ..Request::default() }
}

#[tokio::test]
async fn nothing_is_sent_once_the_end_was_asked_for() {
    let (driver, request, meter) = (Slow::default(), request(), Meter::default());
    for (reason, expected) in [
        (Kind::Interrupted, "interrupted\n  not sent: Call region=us-east-1"),
        (Kind::Timeout, "the time is up\n  not sent: Call region=us-east-1"),
    ] {
        let stop = Stop::default();
        stop.stop(reason);
        let calls = Calls::new(&Limits::default());
        let error = calls.write(&driver, &request, &meter, &stop).await.expect_err("stopped");
        assert_eq!((error.kind, error.to_string().as_str()), (reason, expected));
    }
    assert_eq!((driver.sent.into_inner(), meter.read().calls), (0, 0));
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_a_place_and_not_the_call_that_has_it() {
    let (driver, request, meter, stop) = (Slow::default(), request(), Meter::default(), Stop::default());
    let calls = Calls::new(&Limits { calls_per_region: 1, ..Limits::default() });
    let (first, second, ()) = tokio::join!(
        biased;
        calls.write(&driver, &request, &meter, &stop),
        async {
            let result = calls.write(&driver, &request, &meter, &stop).await;
            driver.answer.notify_one();
            result
        },
        async {
            driver.begun.notified().await;
            stop.stop(Kind::Interrupted);
        },
    );
    assert_eq!(first.expect("it may answer").request_id.as_deref(), Some("r-1"));
    assert_eq!(second.expect_err("no place").kind, Kind::Interrupted);
    assert_eq!((driver.sent.into_inner(), meter.read().calls), (1, 1));
}
