//! Sends what a write has planned, row by row, and finds out what became of each. Knows which answers leave a doubt, and
//! looks before it sends again: a row never becomes two resources. Plans nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tokio::time::sleep;

use super::audit::{Audit, Entry};
use super::change::Step;
use super::document::{Document, of_row};
use super::ledger::{Done, How, Ledger, State};
use super::look::Look;
use crate::drivers::{Driver, Page, Request, Signature, Stop};
use crate::error::{Error, Kind, Place};
use crate::settings::{Limits, Mask};
use crate::sql::OnConflict;

/// How long a call in flight may still answer when the end was asked for. Tests wait for it by the real clock.
pub const GRACE: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 10_000 });
/// No wait between a look and the next call is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often a resource is looked for that the service says is there.
pub const LOOKS: u32 = 4;

/// One row of a write, planned.
#[derive(Debug, Clone)]
pub struct Target {
    /// What the reports call it.
    pub name: String,
    pub params: BTreeMap<String, String>,
    /// The identity's value, once there is one.
    pub key: Option<String>,
    pub work: Work,
}

#[derive(Debug, Clone)]
pub enum Work {
    Create {
        request: Request,
        new: Document,
    },
    Change {
        steps: Vec<Step>,
        before: Document,
        after: Document,
    },
    Delete {
        request: Request,
        before: Document,
        /// The method that it is sent by, where there are several.
        way: Option<String>,
    },
    /// Nothing is to be sent: what is there already says how it stands.
    Nothing {
        how: How,
        document: Document,
    },
}

/// What the rows of a statement have in common.
#[derive(Debug)]
pub struct Sender {
    pub look: Look,
    pub stop: Stop,
    pub limits: Limits,
    pub on_conflict: OnConflict,
    pub audit: Option<Arc<Audit>>,
    pub place: Place,
    pub ledger: Arc<Ledger>,
    /// What of our own stopped the write.
    pub broken: Mutex<Option<Error>>,
}

/// What came of one call.
pub enum Answer {
    Done(Page),
    /// It was not done.
    Refused(Error),
    /// It was not sent.
    NotSent(Error),
    /// It was sent, and nobody knows.
    Doubt(Error),
    /// It was sent, and the end was asked for before it answered.
    Unanswered(Error),
}

impl Work {
    /// The method that it is sent by, where the verb has several.
    pub fn way(&self) -> Option<&String> {
        match self {
            Work::Delete { way, .. } => way.as_ref(),
            _ => None,
        }
    }
}

impl Sender {
    /// Sends the targets' calls, `in_flight` targets at a time, in their order. After a failure no further target is
    /// begun. What became of each is in the ledger.
    pub async fn send_all(&self, targets: &[Target], in_flight: usize) {
        futures::stream::iter(targets.iter().enumerate())
            .for_each_concurrent(in_flight.max(1), async |(index, target)| {
                if self.stop.reason().is_none() && !self.ledger.has_failed() {
                    let state = self.one(index, target).await;
                    self.ledger.set(index, state);
                }
            })
            .await;
    }

    async fn one(&self, index: usize, target: &Target) -> State {
        match &target.work {
            Work::Create { request, new } => self.create(index, target, request, new).await,
            Work::Change { steps, before, after } => self.change(index, target, steps, before, after).await,
            Work::Delete { request, before, .. } => self.delete(index, target, request, before).await,
            Work::Nothing { how, document } => {
                let (how, document) = (how.clone(), document.clone());
                State::Done(Done { how, key: target.key.clone(), document, calls: Vec::new() })
            }
        }
    }

    /// Sends one request: again only as long as it is sure that nothing was done.
    pub async fn call(&self, index: usize, target: &Target, request: &Request) -> Answer {
        if let Some(reason) = self.stop.reason() {
            return Answer::NotSent(Error::new(reason, "it was stopped before it was sent"));
        }
        if let Err(error) = self.log(target, request, "sending", None, None) {
            return Answer::NotSent(self.break_off(error));
        }
        self.ledger.set(index, State::Sending);
        let calls = &self.look.run.calls;
        let driver = NeverBlindly(self.look.driver.clone());
        let sent = calls.write(&driver, request, &self.look.run.meter, &self.stop);
        let answer = tokio::select! {
            biased;
            answer = sent => answer,
            _ = self.out_of_time() => {
                let described = self.look.driver.describe(request);
                let error = Error::new(Kind::Interrupted, format!("`{}` was sent and has not answered", request.call));
                let error = error.with_context(described);
                self.log(target, request, "unknown", None, Some(&error)).unwrap_or_else(|e| drop(self.break_off(e)));
                return Answer::Unanswered(error);
            }
        };
        let is_unsent = |error: &Error| matches!(error.kind, Kind::Interrupted | Kind::Timeout | Kind::Limit);
        let result = match &answer {
            Ok(_) => "done",
            Err(error) if is_unsent(error) => "not sent",
            Err(error) if is_doubtful(error.kind) => "unknown",
            Err(_) => "failed",
        };
        let error = answer.as_ref().err();
        let logged = self.log(target, request, result, answer.as_ref().ok(), error);
        // What was done stays done; that it cannot be logged stops what would follow.
        logged.unwrap_or_else(|error| drop(self.break_off(error)));
        match answer {
            Ok(page) => Answer::Done(page),
            Err(error) if is_unsent(&error) => Answer::NotSent(error),
            Err(error) if is_doubtful(error.kind) => Answer::Doubt(error),
            Err(error) => Answer::Refused(error),
        }
    }

    /// Sends nothing more, for a reason of our own.
    fn break_off(&self, error: Error) -> Error {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop.stop(error.kind);
        broken.get_or_insert(error).clone()
    }

    /// Why the rest was not sent, if that was nobody's wish.
    pub fn broken(&self) -> Option<Error> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log(
        &self,
        target: &Target,
        request: &Request,
        result: &str,
        page: Option<&Page>,
        error: Option<&Error>,
    ) -> Result<(), Error> {
        let Some(audit) = &self.audit else { return Ok(()) };
        let resource = self.look.resource.full_name();
        let made = page.and_then(|page| Some(of_row(&request.fields, page.rows.first()?.clone())));
        let key = made.and_then(|made| self.key(&made)).or_else(|| target.key.clone());
        audit.add(&Entry {
            place: &self.place,
            resource: &resource,
            request,
            target: &target.name,
            key: key.as_deref(),
            result,
            request_id: page.and_then(|page| page.request_id.as_deref()),
            error,
        })
    }

    /// The resource that a call answered with: of what no answer of the call has, as it is `known` to be.
    pub fn answered(&self, request: &Request, page: Page, known: &Document) -> Document {
        let mut document = known.clone();
        if let Some(row) = page.rows.into_iter().next().filter(|row| !row.is_empty()) {
            document.retain(|wire, _| !request.fields.contains(wire));
            document.extend(of_row(&request.fields, row));
        }
        document
    }

    pub fn made(&self, request: &Request, document: Document) -> State {
        let calls = vec![request.call.clone()];
        State::Done(Done { how: How::Made, key: self.key(&document), document, calls })
    }

    /// The identity's value in a document.
    pub fn key(&self, document: &Document) -> Option<String> {
        let identity = self.look.resource.identity.first().and_then(|name| self.look.resource.field(name))?;
        document.get(&identity.wire).and_then(|key| key.as_str()).map(String::from)
    }

    pub async fn wait(&self, attempt: u32) {
        let bound = self.limits.backoff.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_WAIT);
        tokio::select! {
            () = sleep(bound.mul_f64(0.5 + fastrand::f64() / 2.0)) => {}
            _ = self.stop.asked() => {}
        }
    }
}

/// The driver, none of whose calls may be repeated when its answer was lost. One that is as good twice as once may be,
/// but a clear answer to the repeat would hide that the first may have been done.
#[derive(Debug)]
struct NeverBlindly(Arc<dyn Driver>);

#[async_trait]
impl Driver for NeverBlindly {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn service(&self) -> &str {
        self.0.service()
    }

    fn signature(&self, call: &str) -> Option<Signature<'_>> {
        self.0.signature(call).map(|signature| Signature { repeatable: false, ..signature })
    }

    fn calls(&self) -> Vec<&str> {
        self.0.calls()
    }

    async fn send(&self, request: &Request) -> Result<Page, Error> {
        self.0.send(request).await
    }

    fn ready(&self, request: &Request) -> Result<(), Error> {
        self.0.ready(request)
    }

    fn knows(&self, secret: &str) -> Result<(), Error> {
        self.0.knows(secret)
    }

    fn mask(&self) -> Arc<Mask> {
        self.0.mask()
    }

    fn describe(&self, request: &Request) -> String {
        self.0.describe(request)
    }
}

/// An error that leaves open whether the call was done.
pub fn is_doubtful(kind: Kind) -> bool {
    matches!(kind, Kind::Transport | Kind::Unavailable | Kind::Shape)
}

#[cfg(test)]
mod tests;
