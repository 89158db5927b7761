//! The regions that `*` stands for. One that an account has not enabled answers as to credentials that it does not know;
//! where another region of the same account has answered it is left out, and told of. Where none has, nobody can tell the
//! two apart, and the calls have failed. A region that the statement names is never left out.
//! Knows no codes: whether an error may mean so is its driver's to say.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::drivers::{self, Driver, Request};
use crate::error::Error;

/// What one statement knows of them.
#[derive(Debug, Default)]
pub struct Regions(Mutex<State>);

/// Which regions there are by which right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// What `*` stands for.
    pub every: BTreeSet<String>,
    /// What stands there by name.
    pub named: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct State {
    names: Names,
    /// None is left out: what is read is kept, or written by.
    whole: bool,
    answered: HashSet<Account>,
    ended: HashSet<Call>,
    /// The calls of each scan, by account: its doubts are settled when all of them have ended.
    together: Vec<(Account, Vec<Call>)>,
    /// What failed as if the region were not enabled, and is not settled yet.
    doubts: HashMap<Call, (Account, Failed)>,
    /// By profile and the service's reason.
    left_out: BTreeMap<(Option<String>, String), BTreeSet<String>>,
}

/// A service, and the profile that it is asked with.
type Account = (String, Option<String>);
/// A call's first page, by the address of its driver.
type Call = (usize, Request);

/// A call that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    pub error: Error,
    pub table: String,
    pub request: Request,
}

impl Regions {
    pub fn add(&self, names: Names) {
        let mut state = self.state();
        state.names.every.extend(names.every);
        state.names.named.extend(names.named);
    }

    /// From now on a region that is not enabled is a call that has failed.
    pub fn leave_none_out(&self) {
        self.state().whole = true;
    }

    pub fn names(&self) -> Names {
        self.state().names.clone()
    }

    /// These calls belong together: they are made in any case, unless nobody reads what comes of them.
    pub fn begin(&self, driver: &Arc<dyn Driver>, requests: &[Request]) {
        let mut state = self.state();
        if state.names.every.is_empty() {
            return;
        }
        let mut accounts: HashMap<Account, Vec<Call>> = HashMap::new();
        for request in requests {
            accounts.entry(account(driver.as_ref(), request)).or_default().push(call(driver, request));
        }
        state.together.extend(accounts);
    }

    /// A call has brought its first page. What this gives has failed, now that nothing speaks for it any more.
    pub fn answered(&self, driver: &Arc<dyn Driver>, request: &Request) -> Vec<Failed> {
        let mut state = self.state();
        if state.names.every.is_empty() {
            return Vec::new();
        }
        state.answered.insert(account(driver.as_ref(), request));
        state.ended.insert(call(driver, request));
        state.settled(&account(driver.as_ref(), request))
    }

    /// A call has failed before its first page. It is among what has failed at once, unless its region may be one that
    /// is not enabled.
    pub fn failed(&self, driver: &Arc<dyn Driver>, first: &Request, failed: Failed) -> Vec<Failed> {
        let mut state = self.state();
        let is_doubtful =
            first.params.get("region").is_some_and(|region| !state.whole && state.names.may_be_left_out(region))
                && driver.may_be_closed(&failed.error);
        let (account, call) = (account(driver.as_ref(), first), call(driver, first));
        state.ended.insert(call.clone());
        let at_once = if is_doubtful {
            // A call that no scan has announced stands for itself.
            if !state.together.iter().any(|(_, calls)| calls.contains(&call)) {
                state.together.push((account.clone(), vec![call.clone()]));
            }
            state.doubts.insert(call, (account.clone(), failed));
            None
        } else {
            Some(failed)
        };
        let mut settled = state.settled(&account);
        settled.extend(at_once);
        settled
    }

    /// Which regions were left out, a line for each reason.
    pub fn lines(&self) -> Vec<String> {
        let state = self.state();
        let line = |((profile, code), regions): (&(Option<String>, String), &BTreeSet<String>)| {
            let regions: Vec<String> = regions.iter().map(|region| format!("`{region}`")).collect();
            let profile = profile.iter().map(|profile| format!(" of profile `{profile}`")).collect::<String>();
            format!(
                "left out of `region = '*'`, not enabled in this account{profile} or not reachable with these \
                 credentials ({code}): {}",
                regions.join(", ")
            )
        };
        state.left_out.iter().map(line).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Names {
    fn may_be_left_out(&self, region: &str) -> bool {
        self.every.contains(region) && !self.named.contains(region)
    }
}

impl State {
    /// Leaves out what can be left out of an account's doubts by now; what has failed instead.
    fn settled(&mut self, account: &Account) -> Vec<Failed> {
        let mut gone = Vec::new();
        let enabled = self.answered.contains(account);
        let is_over = |calls: &Vec<Call>| calls.iter().all(|call| self.ended.contains(call));
        let over: HashSet<Call> = match enabled {
            true => HashSet::new(),
            false => {
                let over = self.together.iter().filter(|(of, calls)| of == account && is_over(calls));
                over.flat_map(|(_, calls)| calls.clone()).collect()
            }
        };
        let decided = self.doubts.iter().filter(|(call, (of, _))| of == account && (enabled || over.contains(*call)));
        let mut decided: Vec<Call> = decided.map(|(call, _)| call.clone()).collect();
        decided.sort_by(|(_, one), (_, other)| one.params.cmp(&other.params));
        for (_, failed) in decided.iter().filter_map(|call| self.doubts.remove(call)) {
            if !enabled {
                gone.push(failed);
                continue;
            }
            let code = failed.error.code().unwrap_or_default().to_string();
            let region = failed.request.params.get("region").cloned();
            self.left_out.entry((account.1.clone(), code)).or_default().extend(region);
        }
        gone
    }
}

fn account(driver: &dyn Driver, request: &Request) -> Account {
    (driver.service().to_string(), request.params.get("profile").cloned())
}

fn call(driver: &Arc<dyn Driver>, request: &Request) -> Call {
    let first = Request { fields: Vec::new(), page_size: None, marker: None, ..request.clone() };
    (drivers::address(driver).addr(), first)
}
