//! What a run does: its statements, the rows that they want, the calls that trouble may meet. Which of all there are is
//! the seed's to say.

use std::time::Duration;

use super::model::Row;
use super::raw::Place;
use super::reads::Read;

/// Time for a call that no trouble meets, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Seconds that no run outlasts.
const LASTING: f64 = 3600.0;

#[derive(Debug, Default)]
pub struct Plan {
    /// For the figures.
    pub kinds: Vec<&'static str>,
    pub statements: Vec<String>,
    /// The same, such that it passes over what is done.
    pub again: Vec<String>,
    pub rows: Vec<Row>,
    pub places: Vec<Place>,
    /// Rows that nothing tells from others.
    pub nameless: usize,
    /// What the one statement reads.
    pub read: Option<Read>,
    /// It cannot be done as it stands, or the repeat of it.
    pub fails: bool,
    pub fails_again: bool,
    /// What an INSERT with RETURNING shows.
    pub returns: bool,
    pub actions: Vec<&'static str>,
}

impl Plan {
    /// One script of two.
    pub fn and(mut self, other: Plan) -> Plan {
        self.kinds.extend(other.kinds);
        self.statements.extend(other.statements);
        self.again.extend(other.again);
        self.rows.extend(other.rows);
        self.places.extend(other.places);
        self.places.sort_unstable();
        self.places.dedup();
        self.actions.extend(other.actions);
        Plan { fails: self.fails || other.fails, fails_again: self.fails_again || other.fails_again, ..self }
    }
}

/// The bounds within which a run's statements work.
#[derive(Debug, Clone)]
pub struct Terms {
    pub writes_in_flight: u8,
    pub tries: u8,
    pub max_calls: Option<u8>,
    pub timeout: Option<Duration>,
    pub partial: bool,
    pub read_only: bool,
    /// Immuta's key is exchanged for a token.
    pub login: bool,
    /// Time for a call, and for what is awaited.
    pub call: Duration,
    pub await_time: Duration,
    /// Seconds that a change takes, and that a token is good for.
    pub change: f64,
    pub token: f64,
}

impl Terms {
    pub fn some(rng: &mut fastrand::Rng) -> Terms {
        let rare = |rng: &mut fastrand::Rng, of: u8| rng.u8(0..of) == 0;
        Terms {
            writes_in_flight: rng.u8(1..4),
            tries: rng.u8(1..5),
            max_calls: rare(rng, 10).then(|| rng.u8(1..8)),
            timeout: rare(rng, 10).then(|| Duration::from_millis(rng.u64(5..250))),
            partial: rare(rng, 3),
            read_only: rare(rng, 40),
            login: rare(rng, 3),
            call: Duration::from_millis(250),
            await_time: Duration::from_secs(1),
            change: if rare(rng, 6) { 0.05 } else { 0.0 },
            token: if rare(rng, 5) { 0.2 } else { LASTING },
        }
    }

    /// Terms under which all can be done that can be done at all.
    pub fn easy(&self) -> Terms {
        Terms {
            max_calls: None,
            timeout: None,
            partial: false,
            read_only: false,
            writes_in_flight: 1,
            tries: 4,
            call: PATIENCE,
            await_time: PATIENCE,
            token: LASTING,
            ..self.clone()
        }
    }

    pub fn are_easy(&self) -> bool {
        // On a slow machine a token may run out as soon as it is there.
        let lasts = !self.login || self.token == LASTING;
        lasts && self.max_calls.is_none() && self.timeout.is_none() && !self.read_only
    }
}
