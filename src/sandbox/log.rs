//! The requests served, so that tests and users can count calls. In memory, the last hundred thousand.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

const KEPT: usize = 100_000;

/// A request of a service, in the order of arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Served {
    /// AWS's name of it; of Immuta's, method and path template: `PUT /integrations/{id}`.
    pub action: String,
    /// As the credential scope has it, real or not; empty without one.
    pub region: String,
    /// Empty when AWS refused the caller; `immuta` for Immuta's.
    pub account: String,
    /// The form, by flattened wire names, without Action and Version; of Immuta's, the query.
    pub parameters: BTreeMap<String, String>,
    /// This and what follows to `body`: of Immuta's requests only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// As it was sent, without the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// By names in lower case, Authorization as it was sent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The JSON that was sent, or the text when it is none; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The HTTP status; `None` when no answer was given, or none yet.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Served>,
    /// The number of the first entry.
    first: u64,
}

impl Log {
    /// Notes a request and returns its number.
    pub fn add(&mut self, served: Served) -> u64 {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(served);
        self.first + self.entries.len() as u64 - 1
    }

    /// Notes the status of an answer, unless its request was cleared away.
    pub fn answered(&mut self, number: u64, status: u16) {
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(served) = place.and_then(|place| self.entries.get_mut(place)) {
            served.status = Some(status);
        }
    }

    pub fn list(&self) -> Vec<Served> {
        self.entries.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_finds_its_request() {
        let served = |action: &str| Served { action: action.into(), ..Served::default() };
        let mut log = Log::default();
        let old = log.add(served("a"));
        log.clear();
        let new = log.add(served("b"));
        log.answered(old, 500);
        log.answered(new, 200);
        assert_eq!(log.list(), [Served { status: Some(200), ..served("b") }]);
    }
}
