//! Sends what a write has planned, row by row, and finds out what became of each. Knows which answers leave a doubt, and
//! looks before it sends again: a row never becomes two resources. Plans nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::sleep;

use super::audit::{Audit, Entry};
use super::change::{Step, is_done, sendable};
use super::check::differences;
use super::document::{Document, of_row};
use super::ledger::{Done, How, Ledger, State};
use super::look::{Among, Look};
use crate::catalog::model::{Access, Resource};
use crate::drivers::{Page, Request, Stop};
use crate::error::{Error, Kind, Place};
use crate::settings::Limits;
use crate::sql::OnConflict;

/// How long a call in flight may still answer when the end was asked for.
const GRACE: Duration = Duration::from_secs(10);
/// No wait between a look and the next call is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often a resource is looked for that the service says is there.
const LOOKS: u32 = 4;

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
    Create { request: Request, new: Document },
    Change { steps: Vec<Step>, before: Document, after: Document },
    Delete { request: Request, before: Document },
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
}

/// What came of one call.
enum Answer {
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
            Work::Delete { request, before } => self.delete(index, target, request, before).await,
        }
    }

    async fn create(&self, index: usize, target: &Target, request: &Request, new: &Document) -> State {
        let mut doubt: Option<Error> = None;
        for attempt in 1..=self.limits.tries {
            let answer = self.call(index, target, request).await;
            let error = match answer {
                Answer::Done(page) => {
                    return self.made(request, self.answered(request, page).unwrap_or_else(|| new.clone()));
                }
                Answer::Unanswered(error) => return State::Unknown(error),
                Answer::NotSent(error) => return unsent(doubt, error),
                Answer::Refused(error) if error.kind == Kind::Exists => {
                    return self.taken(target, request, new, doubt, error).await;
                }
                Answer::Refused(error) => match doubt {
                    None => return State::Failed(error),
                    Some(_) => return self.after_doubt(target, request, new, error).await,
                },
                Answer::Doubt(error) => error,
            };
            match self.found(target, new, Among::Alike).await {
                Ok(Some((found, different))) if different.is_empty() => return self.made(request, found),
                Ok(Some((found, different))) => return self.there(new, found, different, error),
                Ok(None) => {}
                Err(looked) => return undecided(error, &looked),
            }
            if self.stop.reason().is_some() || attempt == self.limits.tries {
                return State::Failed(error.with_context("it was looked for since, and is not there"));
            }
            doubt = Some(error);
            self.wait(attempt).await;
        }
        State::Failed(doubt.unwrap_or_else(|| Error::new(Kind::Internal, "a call was to be tried no time")))
    }

    /// The service says that a resource of the name is there.
    async fn taken(
        &self,
        target: &Target,
        request: &Request,
        new: &Document,
        doubt: Option<Error>,
        error: Error,
    ) -> State {
        if doubt.is_none() && self.on_conflict == OnConflict::Fail {
            return State::Failed(error.with_hint("`ON CONFLICT DO NOTHING` leaves a row alone that is there already"));
        }
        // Among its like it is found for less. A list may lag behind what the service knows.
        for attempt in 0..=LOOKS {
            let among = if attempt == 0 { Among::Alike } else { Among::All };
            match self.found(target, new, among).await {
                Ok(Some((found, different))) if different.is_empty() && doubt.is_some() => {
                    return self.made(request, found);
                }
                Ok(Some((found, different))) => return self.there(new, found, different, error),
                Ok(None) if attempt == 0 => {}
                Ok(None) if attempt < LOOKS && self.stop.reason().is_none() => self.wait(attempt).await,
                Ok(None) => break,
                Err(looked) => return undecided(error, &looked),
            }
        }
        let error = error.with_context("it was looked for since, and cannot be found");
        if doubt.is_some() { State::Unknown(error) } else { State::Failed(error) }
    }

    /// What is there is not what was to be made. Of the difference only that is told which the statement gives.
    fn there(&self, new: &Document, document: Document, mut different: Vec<String>, error: Error) -> State {
        if self.on_conflict == OnConflict::Nothing {
            different.retain(|wire| new.contains_key(wire));
            let key = self.key(&document);
            return State::Done(Done { how: How::There { different }, key, document, calls: Vec::new() });
        }
        let of = if different.is_empty() { String::new() } else { format!(", with another {}", different.join(", ")) };
        let message = format!("there is one of that name already{of}");
        State::Failed(Error { message, kind: Kind::Exists, ..error })
    }

    /// An earlier call may have been done, though this one was refused.
    async fn after_doubt(&self, target: &Target, request: &Request, new: &Document, error: Error) -> State {
        match self.found(target, new, Among::Alike).await {
            Ok(Some((found, different))) if different.is_empty() => self.made(request, found),
            Ok(_) => State::Failed(error),
            Err(looked) => undecided(error, &looked),
        }
    }

    /// The resource that a creation made, or met, and the fields in which it is not what was wanted.
    async fn found(
        &self,
        target: &Target,
        new: &Document,
        among: Among,
    ) -> Result<Option<(Document, Vec<String>)>, Error> {
        let found = self.look.alike(&target.params, new, among).await?;
        Ok(found.map(|found| {
            let different = different(&self.look.resource, new, &found);
            (found, different)
        }))
    }

    async fn change(
        &self,
        index: usize,
        target: &Target,
        steps: &[Step],
        before: &Document,
        after: &Document,
    ) -> State {
        let mut document = merged(&self.look.resource, before, after);
        let mut calls = Vec::new();
        for step in steps {
            let mut doubt = None;
            for attempt in 1..=self.limits.tries.max(1) {
                let error = match self.call(index, target, &step.request).await {
                    Answer::Done(page) => {
                        document = self.answered(&step.request, page).unwrap_or(document);
                        break;
                    }
                    Answer::Unanswered(error) => return State::Unknown(error),
                    Answer::NotSent(error) if doubt.is_some() => return unsent(doubt, error),
                    Answer::NotSent(_) if calls.is_empty() => return State::NotSent,
                    Answer::NotSent(error) => return State::Failed(error),
                    Answer::Refused(error) if doubt.is_none() => {
                        return State::Failed(self.changed_meanwhile(target, error).await);
                    }
                    Answer::Refused(error) | Answer::Doubt(error) => error,
                };
                let key = target.key.as_deref().unwrap_or_default();
                match self.look.by_key(&target.params, key).await {
                    Ok(Some(found)) if is_done(&self.look.resource, step, &found) => {
                        document = found;
                        break;
                    }
                    Ok(None) => return State::Failed(error.with_context("it is gone since it was read")),
                    Err(looked) => return undecided(error, &looked),
                    Ok(Some(_)) if error.kind == Kind::Conflict && attempt < self.limits.tries => {}
                    Ok(Some(_)) if !error.kind.is_passing() || attempt == self.limits.tries => {
                        return State::Failed(error.with_context("it was looked at since, and is as it was"));
                    }
                    Ok(Some(_)) => {}
                }
                if self.stop.reason().is_some() {
                    return State::Failed(error.with_context("it was looked at since, and is as it was"));
                }
                doubt = Some(error);
                self.wait(attempt).await;
            }
            calls.push(step.request.call.clone());
            self.ledger.made(index, &step.request.call);
        }
        let how = if calls.is_empty() { How::Unchanged } else { How::Made };
        State::Done(Done { how, key: target.key.clone(), document, calls })
    }

    async fn delete(&self, index: usize, target: &Target, request: &Request, before: &Document) -> State {
        let key = target.key.as_deref().unwrap_or_default();
        let done = |how, document: Document| {
            let calls = vec![request.call.clone()];
            State::Done(Done { how, key: target.key.clone(), document, calls })
        };
        let mut doubt = None;
        for attempt in 1..=self.limits.tries.max(1) {
            let error = match self.call(index, target, request).await {
                Answer::Done(page) => {
                    return done(How::Made, self.answered(request, page).unwrap_or_else(|| before.clone()));
                }
                Answer::Unanswered(error) => return State::Unknown(error),
                Answer::NotSent(error) => return unsent(doubt, error),
                // In doubt it was us.
                Answer::Refused(error) if error.kind == Kind::NotFound => {
                    return done(if doubt.is_some() { How::Made } else { How::Gone }, before.clone());
                }
                Answer::Refused(error) if error.kind != Kind::Conflict && doubt.is_none() => {
                    return State::Failed(error);
                }
                Answer::Refused(error) | Answer::Doubt(error) => error,
            };
            let was_sent = doubt.is_some() || error.kind.is_passing();
            match self.look.by_key(&target.params, key).await {
                Ok(None) => return done(if was_sent { How::Made } else { How::Gone }, before.clone()),
                Ok(Some(found)) if self.is_going(&found) => {
                    return done(if was_sent { How::Made } else { How::Going }, found);
                }
                Ok(Some(found)) if !error.kind.is_passing() || attempt == self.limits.tries => {
                    return State::Failed(self.with_status(error, &found));
                }
                Ok(Some(_)) => {}
                Err(looked) => return undecided(error, &looked),
            }
            if self.stop.reason().is_some() {
                return State::Failed(error.with_context("it was looked for since, and is still there"));
            }
            doubt = Some(error);
            self.wait(attempt).await;
        }
        State::Failed(doubt.unwrap_or_else(|| Error::new(Kind::Internal, "a call was to be tried no time")))
    }

    /// Says what has become of a resource that was there when it was read.
    async fn changed_meanwhile(&self, target: &Target, error: Error) -> Error {
        if !matches!(error.kind, Kind::Conflict | Kind::NotFound) {
            return error;
        }
        match self.look.by_key(&target.params, target.key.as_deref().unwrap_or_default()).await {
            Ok(None) => error.with_context("it is gone since it was read"),
            Ok(Some(found)) => self.with_status(error, &found),
            Err(_) => error,
        }
    }

    fn with_status(&self, error: Error, found: &Document) -> Error {
        let wire = self.look.resource.settles.as_ref().map(|settles| settles.wire.as_str()).unwrap_or_default();
        match found.get(wire).and_then(|status| status.as_str()) {
            Some(status) => error.with_context(format!("its `{wire}` is `{status}` now")),
            None => error,
        }
    }

    fn is_going(&self, found: &Document) -> bool {
        let settles = self.look.resource.settles.as_ref();
        settles.is_some_and(|settles| {
            let status = found.get(&settles.wire).and_then(|status| status.as_str()).unwrap_or_default();
            settles.going.iter().any(|going| going == status)
        })
    }

    /// Sends one request, as often as it may be repeated blindly.
    async fn call(&self, index: usize, target: &Target, request: &Request) -> Answer {
        if let Some(reason) = self.stop.reason() {
            return Answer::NotSent(Error::new(reason, "it was stopped before it was sent"));
        }
        if let Err(error) = self.log(target, request, "sending", None, None) {
            return Answer::NotSent(error);
        }
        self.ledger.set(index, State::Sending);
        let calls = &self.look.run.calls;
        let sent = calls.write(self.look.driver.as_ref(), request, &self.look.run.meter, &self.stop);
        let given_up = async {
            self.stop.asked().await;
            sleep(GRACE).await;
        };
        let answer = tokio::select! {
            answer = sent => answer,
            () = given_up => {
                let described = self.look.driver.describe(request);
                let error = Error::new(Kind::Interrupted, format!("`{}` was sent and has not answered", request.call));
                let error = error.with_context(described);
                // The log has the call as sent; there is nothing more to know.
                let _logged = self.log(target, request, "unknown", None, Some(&error));
                return Answer::Unanswered(error);
            }
        };
        let (result, id) = match &answer {
            Ok(page) => ("done", page.request_id.as_deref()),
            Err(error) if is_doubtful(error.kind) => ("unknown", None),
            Err(_) => ("failed", None),
        };
        let logged = self.log(target, request, result, id, answer.as_ref().err());
        match (answer, logged) {
            (Ok(page), Ok(())) => Answer::Done(page),
            // What was done stays done; the log's failure stops what would follow.
            (Ok(page), Err(_)) => {
                self.stop.stop(Kind::Io);
                Answer::Done(page)
            }
            (Err(error), _) if matches!(error.kind, Kind::Interrupted | Kind::Timeout) => Answer::NotSent(error),
            (Err(error), _) if is_doubtful(error.kind) => Answer::Doubt(error),
            (Err(error), _) => Answer::Refused(error),
        }
    }

    fn log(
        &self,
        target: &Target,
        request: &Request,
        result: &str,
        request_id: Option<&str>,
        error: Option<&Error>,
    ) -> Result<(), Error> {
        let Some(audit) = &self.audit else { return Ok(()) };
        let resource = self.look.resource.full_name();
        let (place, target) = (&self.place, target.name.as_str());
        audit.add(&Entry { place, resource: &resource, request, target, result, request_id, error })
    }

    /// The resource that a call answered with.
    fn answered(&self, request: &Request, page: Page) -> Option<Document> {
        page.rows.into_iter().next().filter(|row| !row.is_empty()).map(|row| of_row(&request.fields, row))
    }

    fn made(&self, request: &Request, document: Document) -> State {
        let calls = vec![request.call.clone()];
        State::Done(Done { how: How::Made, key: self.key(&document), document, calls })
    }

    /// The identity's value in a document.
    pub fn key(&self, document: &Document) -> Option<String> {
        let identity = self.look.resource.identity.first().and_then(|name| self.look.resource.field(name))?;
        document.get(&identity.wire).and_then(|key| key.as_str()).map(String::from)
    }

    async fn wait(&self, attempt: u32) {
        let bound = self.limits.backoff.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_WAIT);
        tokio::select! {
            () = sleep(bound.mul_f64(0.5 + fastrand::f64() / 2.0)) => {}
            _ = self.stop.asked() => {}
        }
    }
}

/// The names of the fields in which a resource is not what was wanted: of those that can be sent.
fn different(resource: &Resource, wanted: &Document, found: &Document) -> Vec<String> {
    let fields = differences(resource, found, wanted).into_iter();
    fields.filter(|field| !matches!(field.access, Access::Read | Access::Secret)).map(|f| f.wire.clone()).collect()
}

/// A document as a change leaves it, where no call answers with it.
fn merged(resource: &Resource, before: &Document, after: &Document) -> Document {
    let kept = before
        .iter()
        .filter(|(wire, _)| !resource.fields.iter().any(|field| field.wire == **wire && field.access != Access::Read));
    kept.map(|(wire, value)| (wire.clone(), value.clone())).chain(sendable(resource, after)).collect()
}

/// A call that was not sent; an earlier one may have been done.
fn unsent(doubt: Option<Error>, error: Error) -> State {
    match doubt {
        Some(doubt) => State::Unknown(doubt),
        None if matches!(error.kind, Kind::Interrupted | Kind::Timeout) => State::NotSent,
        None => State::Failed(error),
    }
}

fn undecided(error: Error, looked: &Error) -> State {
    let error = error.with_context(format!("it was looked for, to no avail: {}", looked.message));
    State::Unknown(error.with_context("nobody can tell whether it was done"))
}

/// An error that leaves open whether the call was done.
fn is_doubtful(kind: Kind) -> bool {
    matches!(kind, Kind::Transport | Kind::Unavailable | Kind::Shape)
}
