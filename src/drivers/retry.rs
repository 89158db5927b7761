//! When a call is sent again, and when that is given up: the only such policy of the program.
//! Knows calls by their signature and errors by their kind, and nothing of any service.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Ahead, Driver, Pace, Page, Request, Stop};
use crate::error::{Error, Kind};
use crate::settings::Limits;

/// No wait that we choose ourselves is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A call waits in line for at most so many times the policy's time: those that are answered may be of another kind.
const PATIENCE: u32 = 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How often a call is tried, the first time included.
    pub tries: u32,
    /// A repeat starts within this time of the first try, or not at all. Of a place that answers other calls meanwhile
    /// a throttled call waits for its turn, up to ten times as long.
    pub time: Duration,
    /// The first wait is up to this; the bound doubles from there.
    pub backoff: Duration,
    /// Time for one try.
    pub call: Duration,
}

impl From<&Limits> for Policy {
    fn from(limits: &Limits) -> Self {
        Policy { tries: limits.tries, time: limits.retry, backoff: limits.backoff, call: limits.call }
    }
}

/// What a call brought, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub page: Page,
    /// How often the call was sent.
    pub tries: u32,
    /// The part of `spent` that was waiting between tries.
    pub waited: Duration,
    pub spent: Duration,
}

/// A call is about to be sent again, after `wait`.
#[derive(Debug)]
pub struct Repeat<'a> {
    pub request: &'a Request,
    /// Why the last try did not do.
    pub error: &'a Error,
    /// How often the call was sent so far.
    pub tries: u32,
    pub wait: Duration,
}

/// Sends a request until it is answered, refused for good, or the policy's bounds are reached.
/// What is throttled waits for its turn in `pace`, which all calls of the place share; whatever else passes, by itself.
/// Once `stop` was asked for, it is not sent again. A try in flight is left alone: how long to wait for it, the caller
/// decides.
///
/// # Errors
/// The last try's, which says how many tries in how long if there was more than one.
pub async fn send(
    driver: &dyn Driver,
    request: &Request,
    policy: &Policy,
    pace: &Pace,
    stop: &Stop,
    ahead: &Ahead,
    on_repeat: &(dyn Fn(&Repeat<'_>) + Sync),
) -> Result<Answer, Error> {
    let started = Instant::now();
    let repeatable = driver.signature(&request.call).is_some_and(|signature| signature.repeatable);
    let mut turn = pace.turn();
    if !turn.wait.is_zero()
        && let Ok(reason) = timeout(turn.wait, stop.asked()).await
    {
        return Err(not_sent(reason, driver, request));
    }
    let mut waited = turn.wait;
    // A try that was throttled while others were answered is not held against the call, nor is the time until then: it
    // only was not its turn.
    let (mut tries, mut in_vain, mut since) = (0, 0, Instant::now());
    loop {
        turn.came();
        tries += 1;
        in_vain += 1;
        let error = match timeout(policy.call, driver.send_ahead(request, ahead)).await {
            Ok(Ok(page)) => {
                pace.answered();
                return Ok(Answer { page, tries, waited, spent: started.elapsed() });
            }
            Ok(Err(error)) => error,
            Err(_) => unanswered(driver, request, policy.call),
        };
        let mut is_in_line = false;
        let wait = match error.kind {
            Kind::Throttled => {
                is_in_line = pace.throttled(&turn, policy.backoff / 5);
                turn = pace.turn();
                turn.wait
            }
            _ => jitter(policy.backoff, tries),
        };
        if is_in_line && started.elapsed() < policy.time.saturating_mul(PATIENCE) {
            (in_vain, since) = (in_vain - 1, Instant::now());
        } else {
            is_in_line = false;
        }
        // On top of what the service asks for, not instead: everybody else was told the same.
        let asked = error.retry_after().unwrap_or_default();
        let held = if is_in_line { asked } else { asked.saturating_add(wait) };
        let wait = asked.saturating_add(wait);
        if !may_repeat(&error, repeatable)
            || in_vain >= policy.tries
            || since.elapsed().saturating_add(held) > policy.time
        {
            let error = given_up(driver, request, error, tries, started.elapsed());
            return Err(if tries > 1 { with_patience(error) } else { error });
        }
        // Whoever asked for the end may have done so during the try: then nothing is announced that will not happen.
        if stop.reason().is_none() {
            on_repeat(&Repeat { request, error: &error, tries, wait });
        }
        // Polls the stop first, so that it wins over a wait that is over at the same moment.
        if timeout(wait, stop.asked()).await.is_ok() {
            return Err(given_up(driver, request, error, tries, started.elapsed()));
        }
        waited += wait;
    }
}

/// Invariant: a call that must not be made twice is sent again only if it is sure that nothing was done: a service
/// throttles before it works, and what is not reached was sent nothing. After a lost answer or a failure on the service's
/// side nobody knows, and a second CreateIntegration may be a second integration.
fn may_repeat(error: &Error, repeatable: bool) -> bool {
    error.kind.is_passing() && (repeatable || matches!(error.kind, Kind::Throttled | Kind::Unreachable))
}

/// Exponential backoff with full jitter, so that calls that failed together do not come back together.
fn jitter(backoff: Duration, tries: u32) -> Duration {
    let bound = backoff.saturating_mul(2_u32.saturating_pow(tries - 1)).min(LONGEST_WAIT);
    bound.mul_f64(fastrand::f64())
}

/// The error of a call whose end was asked for before it was sent.
pub fn not_sent(reason: Kind, driver: &dyn Driver, request: &Request) -> Error {
    let message = if reason == Kind::Timeout { "the time is up" } else { "interrupted" };
    Error::new(reason, message).with_context(format!("not sent: {}", driver.describe(request)))
}

fn unanswered(driver: &dyn Driver, request: &Request, limit: Duration) -> Error {
    Error::new(
        Kind::Transport,
        format!("{} did not answer `{}` within {}", driver.service(), request.call, show(limit)),
    )
    .with_context(driver.describe(request))
}

fn given_up(driver: &dyn Driver, request: &Request, mut error: Error, tries: u32, spent: Duration) -> Error {
    if let Some(time) = error.retry_after() {
        error.context.push(format!("{} asks to wait {}", driver.service(), show(time)));
    }
    if tries == 1 {
        return error;
    }
    let (service, call) = (driver.service(), &request.call);
    let summary = match error.kind {
        Kind::Throttled => format!("{service} kept throttling `{call}`"),
        Kind::Unavailable => format!("{service} kept failing on `{call}`"),
        // What did not come through, and from where, the driver knows better.
        Kind::Transport | Kind::Unreachable => {
            error.message.push_str(&format!(" ({tries} tries, {})", show(spent)));
            return error;
        }
        Kind::Shape => format!("{service} kept answering `{call}` in a shape that cannot be read"),
        // The last try met something that does not pass: that is the news, not the tries before it.
        _ => return error,
    };
    let last = std::mem::replace(&mut error.message, format!("{summary} ({tries} tries, {})", show(spent)));
    error.context.insert(0, format!("the last time: {last}"));
    error
}

fn with_patience(error: Error) -> Error {
    match error.kind {
        Kind::Throttled => error.with_hint(
            "`SET iql.calls_per_region = 2` asks for less at once; \
             `SET iql.retry_time = '5m'` and `SET iql.tries = 20` are more patient",
        ),
        _ => error,
    }
}

fn show(time: Duration) -> String {
    if time < Duration::from_secs(1) { format!("{} ms", time.as_millis()) } else { format!("{} s", time.as_secs()) }
}

#[cfg(test)]
mod tests;
