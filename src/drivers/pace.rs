//! How fast a service may be asked in one place, learned from being throttled there. A service does not tell its rate:
//! it lets a burst through, and then so many requests a second. Repeats that each wait by themselves either come too
//! often or let what the service would take go by; here all calls of a place take turns instead.
//! Knows no requests and no service.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Turns are never further apart.
const SLOWEST: Duration = Duration::from_secs(20);
/// Turns that would be closer are not waited for.
const FASTEST: Duration = Duration::from_millis(1);
/// What each answer makes of the time between turns; a throttled request doubles it. Where a service lets a burst
/// through, what is not asked for in time is not lost, so that a list ends within a tenth of the least possible time.
const FASTER: f64 = 0.9;

/// The turns of one place. Where nothing was throttled nobody waits.
#[derive(Debug)]
pub struct Pace(Mutex<Turns>);

#[derive(Debug)]
struct Turns {
    /// Between two of them, on average.
    between: Duration,
    /// When the next one is.
    next: Instant,
    /// How many were taken and did not come yet.
    waiting: usize,
    /// How often they were set further apart.
    times: u64,
    answers: u64,
}

/// A turn that was taken. When nobody waits behind those that were dropped before they came, the next one is soon again.
#[derive(Debug)]
pub struct Turn<'a> {
    /// How long it was until then when it was taken.
    pub wait: Duration,
    /// It has its place among those that did not come yet.
    is_waiting: bool,
    times: u64,
    answers: u64,
    pace: &'a Pace,
}

impl Default for Pace {
    fn default() -> Self {
        Pace(Mutex::new(Turns { between: Duration::ZERO, next: Instant::now(), waiting: 0, times: 0, answers: 0 }))
    }
}

impl Pace {
    /// Takes the next turn.
    pub fn turn(&self) -> Turn<'_> {
        let mut turns = self.turns();
        let mut wait = Duration::ZERO;
        let is_waiting = !turns.between.is_zero();
        if is_waiting {
            let now = Instant::now();
            let at = turns.next.max(now);
            turns.next = at + turns.apart();
            turns.waiting += 1;
            wait = at - now;
        }
        Turn { wait, is_waiting, times: turns.times, answers: turns.answers, pace: self }
    }

    /// A request was answered.
    pub fn answered(&self) {
        let mut turns = self.turns();
        turns.answers += 1;
        turns.between = turns.between.mul_f64(FASTER);
        if turns.between < FASTEST {
            turns.between = Duration::ZERO;
        }
    }

    /// The request of `turn` was throttled; `first` is the time between turns where it is the first one. Whether others
    /// were answered since the turn was taken: then the service does answer, only not all at once.
    pub fn throttled(&self, turn: &Turn<'_>, first: Duration) -> bool {
        let mut turns = self.turns();
        // A turn of a faster time says nothing of the turns that there are by now.
        if turn.times == turns.times {
            turns.between = turns.between.saturating_mul(2).max(first.max(FASTEST)).min(SLOWEST);
            turns.times += 1;
            turns.next = turns.next.max(Instant::now() + turns.apart());
        }
        turns.answers > turn.answers
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// It is now: the request is sent.
    pub fn came(&mut self) {
        if self.is_waiting {
            self.is_waiting = false;
            self.pace.turns().waiting -= 1;
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_waiting {
            let mut turns = self.pace.turns();
            turns.waiting -= 1;
            if turns.waiting == 0 {
                turns.next = turns.next.min(Instant::now() + turns.apart());
            }
        }
    }
}

impl Turns {
    /// Not all alike, since other programs may have been throttled at the same moment.
    fn apart(&self) -> Duration {
        self.between.mul_f64(0.5 + fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn nobody_waits_where_nothing_was_throttled() {
        let pace = Pace::default();
        pace.answered();
        assert_eq!([pace.turn().wait, pace.turn().wait], [Duration::ZERO; 2]);
    }

    #[test]
    fn those_who_wait_take_turns() {
        let pace = Pace::default();
        pace.throttled(&pace.turn(), ms(100));
        let taken: Vec<Turn<'_>> = (0..20).map(|_| pace.turn()).collect();
        let turns: Vec<Duration> = taken.iter().map(|turn| turn.wait).collect();
        assert!(turns[0] > ms(10) && turns.is_sorted(), "{turns:?}");
        let mut apart = turns.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(apart.all(|apart| apart >= ms(45) && apart <= ms(155)), "{turns:?}");
    }

    #[test]
    fn turns_of_one_burst_slow_the_place_down_once() {
        let pace = Pace::default();
        let burst: Vec<Turn<'_>> = (0..30).map(|_| pace.turn()).collect();
        assert!(burst.iter().all(|turn| !pace.throttled(turn, ms(100))), "nothing was answered");
        assert_eq!(pace.turns().between, ms(100));
        let next = pace.turn();
        pace.answered();
        assert!(pace.throttled(&next, ms(100)), "something was answered");
        assert_eq!(pace.turns().between, ms(180));
        (0..70).for_each(|_| pace.answered());
        assert_eq!(pace.turn().wait, Duration::ZERO);
    }

    #[test]
    fn turns_are_never_further_apart_than_the_slowest() {
        let pace = Pace::default();
        for _ in 0..40 {
            pace.throttled(&pace.turn(), ms(100));
        }
        assert_eq!(pace.turns().between, SLOWEST);
    }

    #[test]
    fn a_turn_that_did_not_come_is_given_back() {
        let pace = Pace::default();
        pace.throttled(&pace.turn(), ms(100));
        let dropped: Vec<Turn<'_>> = (0..40).map(|_| pace.turn()).collect();
        assert!(dropped[39].wait > ms(1900));
        drop(dropped);
        let mut next = pace.turn();
        assert!(next.wait < ms(160), "{next:?}");
        next.came();
        drop(next);
        let behind = pace.turn();
        assert!(behind.wait > ms(40), "{behind:?}");
    }
}
