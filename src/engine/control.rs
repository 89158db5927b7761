//! What a session's user can do about a statement that runs: end it, be asked first, watch it. Knows no statement.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::drivers::Stop;
use crate::error::Kind;

/// Who decides about a change of more than one row that are not each named.
#[derive(Clone, Default)]
pub enum Consent {
    /// Nobody: such a statement is refused.
    #[default]
    Missing,
    Given,
    /// Whoever answers when shown what would change.
    Ask(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Consent::Missing => "Missing",
            Consent::Given => "Given",
            Consent::Ask(_) => "Ask",
        })
    }
}

/// What is being written, as far as it has come: a line for each state, with the names of the rows in it.
pub type Standing = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// One for each session.
#[derive(Debug, Default)]
pub struct Control {
    state: Mutex<State>,
    progress: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct State {
    consent: Consent,
    /// The writes under way, each with a number of its own.
    writing: Vec<(u64, Stop, Standing)>,
    begun: u64,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("consent", &self.consent).field("writing", &self.writing.len()).finish()
    }
}

impl Control {
    /// Ends what is being written: nothing more is sent, and the call in flight may answer. False: nothing is being
    /// written, so that the statement can be dropped at once.
    pub fn stop(&self, reason: Kind) -> bool {
        let state = self.state();
        state.writing.iter().for_each(|(_, stop, _)| stop.stop(reason));
        !state.writing.is_empty()
    }

    /// What a write that is under way has done so far; nothing when none is.
    pub fn standing(&self) -> Option<Vec<String>> {
        let standing: Vec<Standing> = self.state().writing.iter().map(|(_, _, standing)| standing.clone()).collect();
        (!standing.is_empty()).then(|| standing.iter().flat_map(|standing| standing()).collect())
    }

    pub fn set_consent(&self, consent: Consent) {
        self.state().consent = consent;
    }

    pub fn consent(&self) -> Consent {
        self.state().consent.clone()
    }

    /// What is being waited for (`orders: creating, 40 s`), as it changes; `None` when nothing is.
    pub fn progress(&self) -> watch::Receiver<Option<String>> {
        self.progress.subscribe()
    }

    pub fn tell(&self, progress: Option<String>) {
        self.progress.send_replace(progress);
    }

    /// Says that a write begins; it is over when what this gives is dropped.
    pub fn writing(self: &Arc<Self>, stop: Stop, standing: Standing) -> Writing {
        let mut state = self.state();
        state.begun += 1;
        let number = state.begun;
        state.writing.push((number, stop, standing));
        Writing { control: self.clone(), number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write under way.
#[derive(Debug)]
pub struct Writing {
    control: Arc<Control>,
    number: u64,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.control.state().writing.retain(|(number, ..)| *number != self.number);
        self.control.tell(None);
    }
}
