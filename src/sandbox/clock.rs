//! The sandbox's clock as a value: where it stands, and whether it runs. Times are milliseconds since 1970.
//! Reads no clock itself: the caller says what the wall shows.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// When the estate was taken: 2026-01-15T12:00:00Z.
pub const EPOCH: i64 = 1_768_478_400_000;

/// 9999-12-31T00:00:00Z
const LAST: i64 = 253_402_214_400_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing was written yet: stands until the first write, and runs from then on.
    Untouched,
    Fixed,
    Running,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    pub mode: Mode,
    /// What this clock shows when the wall shows `wall`.
    at: i64,
    wall: i64,
    /// Milliseconds here for one on the wall.
    pub factor: f64,
}

/// What a control request asks of the clock. What is absent stays as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockChange {
    /// `fixed` or `running` (`untouched` waits for the next write).
    pub mode: Option<Mode>,
    pub factor: Option<f64>,
    /// The time to show, RFC 3339.
    pub at: Option<String>,
    pub advance_seconds: Option<f64>,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { mode: Mode::Untouched, at: EPOCH, wall: 0, factor: 1.0 }
    }
}

impl Clock {
    pub fn now(&self, wall: i64) -> i64 {
        match self.mode {
            Mode::Untouched | Mode::Fixed => self.at,
            // A wall clock that was set back must not turn time here.
            Mode::Running => {
                let passed = (wall - self.wall).max(0) as f64 * self.factor;
                self.at.saturating_add(passed as i64).min(LAST)
            }
        }
    }

    /// The clock after a write.
    pub fn touched(self, wall: i64) -> Clock {
        match self.mode {
            Mode::Untouched => Clock { mode: Mode::Running, wall, ..self },
            Mode::Fixed | Mode::Running => self,
        }
    }

    pub fn changed(self, change: &ClockChange, wall: i64) -> Result<Clock, &'static str> {
        let factor = change.factor.unwrap_or(self.factor);
        if !(factor > 0.0 && factor <= 1e6) {
            return Err("`factor` is a number above 0 and up to 1000000");
        }
        let advance = change.advance_seconds.unwrap_or(0.0);
        if advance.is_nan() || advance.abs() > 1e10 {
            return Err("`advance_seconds` is a number of seconds");
        }
        let at = match &change.at {
            None => self.now(wall),
            Some(text) => DateTime::parse_from_rfc3339(text)
                .map_err(|_| "`at` is a time like `2026-01-15T13:00:00Z`")?
                .timestamp_millis(),
        };
        let at = at.saturating_add((advance * 1000.0) as i64);
        if !(0..=LAST).contains(&at) {
            return Err("the clock shows the years 1970 to 9999");
        }
        Ok(Clock { mode: change.mode.unwrap_or(self.mode), at, wall, factor })
    }
}

/// `2026-01-15T12:00:00.000Z`
pub fn text(millis: i64) -> String {
    let time = DateTime::<Utc>::UNIX_EPOCH.checked_add_signed(TimeDelta::milliseconds(millis));
    time.unwrap_or(DateTime::<Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_until_touched_and_then_runs() {
        let clock = Clock::default();
        assert_eq!(text(clock.now(5_000)), "2026-01-15T12:00:00.000Z");
        let running = clock.touched(5_000);
        assert_eq!(running.now(5_000), EPOCH);
        assert_eq!(running.now(6_500), EPOCH + 1_500);
        assert_eq!(running.now(0), EPOCH, "a wall clock that went back");
        assert_eq!(running.touched(9_000), running);
    }

    #[test]
    fn is_moved_by_control() {
        let check = |change: &str, expected: Result<i64, &str>| {
            let change: ClockChange = serde_json::from_str(change).expect("a change");
            let clock = Clock::default().touched(0).changed(&change, 1_000);
            assert_eq!(clock.map(|clock| clock.now(2_000) - EPOCH), expected);
        };
        check("{}", Ok(2_000));
        check(r#"{"mode":"fixed"}"#, Ok(1_000));
        check(r#"{"factor":60}"#, Ok(61_000));
        check(r#"{"mode":"fixed","advance_seconds":300}"#, Ok(301_000));
        check(r#"{"mode":"fixed","at":"2026-01-15T12:00:10Z"}"#, Ok(10_000));
        check(r#"{"at":"9999-12-31T12:00:00Z"}"#, Err("the clock shows the years 1970 to 9999"));
        check(r#"{"factor":0}"#, Err("`factor` is a number above 0 and up to 1000000"));
    }
}
