//! What is made of a call's answer, for each verb: done, refused, sent again, or looked for first. Invariant: once a call
//! was sent whose answer was lost, that nothing is found proves nothing, and a row is never said to have failed.

use std::future::Future;

use serde_json::Value;
use tokio::time::sleep;

use super::change::{Step, is_done, sendable};
use super::check::differences;
use super::document::{Document, is_reserved};
use super::json;
use super::ledger::{Done, How, State};
use super::look::{Among, is_going};
use super::send::{Answer, GRACE, LOOKS, Sender, Target, is_doubtful};
use crate::catalog::model::{Access, Resource, Settles, Type, starts};
use crate::drivers::Request;
use crate::error::{Error, Kind};
use crate::sql::OnConflict;

impl Sender {
    pub async fn create(&self, index: usize, target: &Target, request: &Request, new: &Document) -> State {
        let mut doubt: Option<Error> = None;
        for attempt in 1..=self.limits.tries.max(1) {
            let error = match self.call(index, target, request).await {
                // It was asked what it made, and did not say: so it need not have made anything.
                Answer::Done(page) if page.rows.is_empty() && !request.fields.is_empty() => {
                    let message = format!("`{}` was answered, and not with what it made", request.call);
                    Error::new(Kind::Shape, message).with_context(self.look.driver.describe(request))
                }
                Answer::Done(page) => {
                    return self.made(request, self.answered(request, page, new));
                }
                Answer::Unanswered(error) => return State::Unknown(error),
                Answer::NotSent(error) => return unsent(doubt, error),
                Answer::Refused(error) if error.kind == Kind::Exists => {
                    return self.taken(target, request, new, doubt, error).await;
                }
                Answer::Refused(error) => match doubt {
                    None => return State::Failed(error),
                    // An earlier call may have been done, though this one was refused.
                    Some(first) => return self.looked_for(target, request, new, after(Some(first), error)).await,
                },
                Answer::Doubt(error) => error,
            };
            match self.find(target, new, Among::Alike).await {
                Ok(Some((found, different))) => return self.met(target, request, new, (found, different), true, error),
                Ok(None) => {}
                Err(looked) => return undecided(error, &looked),
            }
            let first = doubt.take().unwrap_or(error);
            // That it is not there yet proves nothing: only after the last call it is looked for again and again. Where no
            // name keeps a second one out, there is no second call.
            if self.stop.reason().is_some() || attempt >= self.limits.tries || !self.look.is_named() {
                return self.looked_for(target, request, new, first).await;
            }
            doubt = Some(first);
            self.wait(attempt).await;
        }
        State::Unknown(doubt.unwrap_or_else(|| Error::new(Kind::Internal, "a call was to be tried no time")))
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
        match self.search(target, new).await {
            Ok(Some(found)) => self.met(target, request, new, found, doubt.is_some(), error),
            Ok(None) => {
                let error = error.with_context("it was looked for since, and cannot be found");
                if doubt.is_some() { State::Unknown(error) } else { State::Failed(error) }
            }
            Err(looked) if doubt.is_none() => {
                State::Failed(error.with_context(format!("it was looked for, to no avail: {}", looked.message)))
            }
            Err(looked) => undecided(error, &looked),
        }
    }

    /// A call may have been done, and no other will be sent: what there is, is all that can be known.
    async fn looked_for(&self, target: &Target, request: &Request, new: &Document, error: Error) -> State {
        match self.search(target, new).await {
            Ok(Some(found)) => self.met(target, request, new, found, true, error),
            Ok(None) => State::Unknown(
                error
                    .with_context("it was looked for since, and is not there yet")
                    .with_context("nobody can tell whether it will be"),
            ),
            Err(looked) => undecided(error, &looked),
        }
    }

    /// A resource of the name is there. `may_be_ours`: a creation was sent whose answer was lost.
    fn met(
        &self,
        target: &Target,
        request: &Request,
        new: &Document,
        (document, mut different): (Document, Vec<String>),
        may_be_ours: bool,
        error: Error,
    ) -> State {
        // It keeps its name to the end, and is not there when the statement is over.
        if is_going(&self.look.resource, &document) {
            let message = format!("one that is called {} is being deleted", target.name);
            let error = Error { message, kind: Kind::Conflict, ..error };
            return match may_be_ours {
                true => State::Unknown(error.with_context("nobody can tell whether it is this row's")),
                false => State::Failed(error.with_hint("run the statement again when it is gone")),
            };
        }
        if may_be_ours && different.is_empty() && self.is_surely_ours(&document) {
            return self.made(request, document);
        }
        if self.on_conflict == OnConflict::Nothing {
            // Of the difference only that is told which the statement gives.
            different.retain(|place| starts(place).any(|wire| new.contains_key(wire)));
            let key = self.key(&document);
            return State::Done(Done { how: How::There { different }, key, document, calls: Vec::new() });
        }
        let fixed = |wire: &String| self.look.resource.fields.iter().any(|field| field.wire == *wire && field.required);
        let of = different.join(", ");
        if may_be_ours && !different.iter().any(fixed) {
            let message =
                format!("one that is called {} is there, and nobody can tell whether it is this row's", target.name);
            let error = if of.is_empty() { error } else { error.with_context(format!("it differs in {of}")) };
            return State::Unknown(Error { message, kind: Kind::Exists, ..error });
        }
        let of = if different.is_empty() { String::new() } else { format!(", with another {of}") };
        State::Failed(Error { message: format!("there is one of that name already{of}"), kind: Kind::Exists, ..error })
    }

    /// Whether what is like the row must be the row's. A name that the service lets nobody have twice says so; by other
    /// marks somebody else's may be like it (secrets are not compared), unless it is just being made.
    fn is_surely_ours(&self, document: &Document) -> bool {
        let resource = &self.look.resource;
        let has_settled = |settles: &Settles| {
            let status = document.get(&settles.wire).and_then(Value::as_str);
            let known = [&settles.done, &settles.failed, &settles.gone];
            status.is_none_or(|status| known.iter().any(|known| known.iter().any(|known| known == status)))
        };
        self.look.is_named() || resource.settles.as_ref().is_some_and(|settles| !has_settled(settles))
    }

    /// Looks for what a creation made, or met, as often as a list may lag behind what the service knows.
    async fn search(&self, target: &Target, new: &Document) -> Result<Option<(Document, Vec<String>)>, Error> {
        for attempt in 0..=LOOKS {
            // Among its like it is found for less.
            let among = if attempt == 0 { Among::Alike } else { Among::All };
            if let Some(found) = self.find(target, new, among).await? {
                return Ok(Some(found));
            }
            if attempt > 0 && attempt < LOOKS {
                self.wait(attempt).await;
            }
        }
        Ok(None)
    }

    /// The resource of a name, and the fields in which it is not what was wanted.
    async fn find(
        &self,
        target: &Target,
        new: &Document,
        among: Among,
    ) -> Result<Option<(Document, Vec<String>)>, Error> {
        let found = self.looking(self.look.alike(&target.params, new, among)).await?;
        Ok(found.map(|found| {
            let different = different(&self.look.resource, new, &found);
            (found, different)
        }))
    }

    async fn by_key(&self, target: &Target) -> Result<Option<Document>, Error> {
        let key = target.key.as_deref().unwrap_or_default();
        self.looking(self.look.by_key(&target.params, key)).await
    }

    /// A look, which is given up when the end was asked for: at once if that was before it, else in the time that a call
    /// in flight has.
    async fn looking<T>(&self, look: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let given_up = |reason| Error::new(reason, "there was no time to look");
        if let Some(reason) = self.stop.reason() {
            return Err(given_up(reason));
        }
        tokio::select! {
            found = look => found,
            reason = self.out_of_time() => Err(given_up(reason)),
        }
    }

    /// Ends when the end was asked for, and what is in flight has had its time.
    pub async fn out_of_time(&self) -> Kind {
        let reason = self.stop.asked().await;
        sleep(GRACE).await;
        reason
    }

    pub async fn change(
        &self,
        index: usize,
        target: &Target,
        steps: &[Step],
        before: &Document,
        wanted: &Document,
    ) -> State {
        let mut document = merged(&self.look.resource, before, wanted);
        let mut calls = Vec::new();
        for step in steps {
            let mut doubt: Option<Error> = None;
            // Of another secret nothing is to be seen: that it looks as it should proves nothing then.
            let shows = !is_done(&self.look.resource, step, before);
            for attempt in 1..=self.limits.tries.max(1) {
                let error = match self.call(index, target, &step.request).await {
                    Answer::Done(page) => {
                        document = self.answered(&step.request, page, &document);
                        break;
                    }
                    Answer::Unanswered(error) => return State::Unknown(error),
                    Answer::NotSent(error) if calls.is_empty() => return unsent(doubt, error),
                    Answer::NotSent(error) => return doubt.map_or(State::Failed(error), State::Unknown),
                    Answer::Refused(error) if doubt.is_none() => {
                        return State::Failed(self.changed_meanwhile(target, error).await);
                    }
                    Answer::Refused(error) | Answer::Doubt(error) => error,
                };
                let kind = error.kind;
                let error = after(doubt.take(), error);
                let found = match self.by_key(target).await {
                    Ok(Some(found)) => found,
                    // It may have been done before it went.
                    Ok(None) => return State::Unknown(error.with_context("it is gone since it was read")),
                    Err(looked) => return undecided(error, &looked),
                };
                if shows && is_done(&self.look.resource, step, &found) {
                    // Of the steps that follow, some answer with nothing.
                    document = merged(&self.look.resource, &found, wanted);
                    break;
                }
                let is_last = attempt >= self.limits.tries || self.stop.reason().is_some() || !shows;
                // What refuses a repeat may be the first call, still under way.
                if is_last || !(is_doubtful(kind) || kind == Kind::Conflict) {
                    let error = self.with_status(error, &found);
                    let why = match shows {
                        true => "it was looked at since, and is as it was",
                        false => "what it shows is the same before and after, so that nobody can tell",
                    };
                    return State::Unknown(error.with_context(why));
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

    pub async fn delete(&self, index: usize, target: &Target, request: &Request, before: &Document) -> State {
        let done = |how, document: Document| {
            let calls = vec![request.call.clone()];
            State::Done(Done { how, key: target.key.clone(), document, calls })
        };
        let mut doubt: Option<Error> = None;
        for attempt in 1..=self.limits.tries.max(1) {
            let error = match self.call(index, target, request).await {
                Answer::Done(page) => {
                    return done(How::Made, self.answered(request, page, before));
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
            let kind = error.kind;
            let was_sent = doubt.is_some() || is_doubtful(kind);
            let error = after(doubt.take(), error);
            let found = match self.by_key(target).await {
                Ok(None) => return done(if was_sent { How::Made } else { How::Gone }, before.clone()),
                Ok(Some(found)) if is_going(&self.look.resource, &found) => {
                    return done(if was_sent { How::Made } else { How::Going }, found);
                }
                Ok(Some(found)) => found,
                Err(looked) if was_sent => return undecided(error, &looked),
                Err(_) => return State::Failed(error),
            };
            let is_last = attempt >= self.limits.tries || self.stop.reason().is_some();
            if is_last || !is_doubtful(kind) {
                let error = self.with_status(error, &found);
                return match was_sent {
                    true => State::Unknown(error.with_context("it was looked for since, and is there still")),
                    false => State::Failed(error),
                };
            }
            doubt = Some(error);
            self.wait(attempt).await;
        }
        State::Unknown(doubt.unwrap_or_else(|| Error::new(Kind::Internal, "a call was to be tried no time")))
    }

    /// Says what has become of a resource that was there when it was read.
    async fn changed_meanwhile(&self, target: &Target, error: Error) -> Error {
        if !matches!(error.kind, Kind::Conflict | Kind::NotFound) {
            return error;
        }
        match self.by_key(target).await {
            Ok(None) => error.with_context("it is gone since it was read"),
            Ok(Some(found)) => self.with_status(error, &found),
            Err(_) => error,
        }
    }

    fn with_status(&self, error: Error, found: &Document) -> Error {
        let Some(settles) = &self.look.resource.settles else { return error };
        let Some(status) = found.get(&settles.wire).and_then(|status| status.as_str()) else { return error };
        let error = error.with_context(format!("its `{}` is `{status}` now", settles.wire));
        let is_still = [&settles.done, &settles.failed, &settles.going, &settles.gone]
            .iter()
            .any(|s| s.iter().any(|s| s == status));
        if is_still {
            return error;
        }
        error.with_hint(
            "run it again when that is over; `/*+ AWAIT */` in the statement before would have waited for it",
        )
    }
}

/// The places in which a resource is not what was wanted: of the fields that can be sent.
fn different(resource: &Resource, wanted: &Document, found: &Document) -> Vec<String> {
    let fields = differences(resource, found, wanted).into_iter();
    let fields = fields.filter(|field| !matches!(field.access, Access::Read | Access::Secret));
    let places = fields.flat_map(|field| match field.kind {
        Type::Json => json::unlike(field, wanted.get(&field.wire).unwrap_or(&Value::Null), found.get(&field.wire)),
        _ => vec![field.wire.clone()],
    });
    places.collect()
}

/// A document as a change leaves it, where no call answers with it.
fn merged(resource: &Resource, before: &Document, after: &Document) -> Document {
    let kept = before
        .iter()
        .filter(|(wire, _)| !resource.fields.iter().any(|field| field.wire == **wire && field.access != Access::Read));
    let mut merged: Document =
        kept.map(|(wire, value)| (wire.clone(), value.clone())).chain(sendable(resource, after)).collect();
    // What is the service's own in a list stays there, whatever the statement says.
    for field in resource.fields.iter().filter(|field| field.reserved.is_some()) {
        let of = |document: &Document| document.get(&field.wire).and_then(Value::as_array).cloned().unwrap_or_default();
        let (mut list, own) = (of(&merged), of(before));
        list.retain(|entry| !is_reserved(field, entry));
        list.extend(own.into_iter().filter(|entry| is_reserved(field, entry)));
        merged.insert(field.wire.clone(), Value::Array(list));
    }
    merged
}

/// A call that was not sent; an earlier one may have been done.
fn unsent(doubt: Option<Error>, error: Error) -> State {
    match doubt {
        Some(doubt) => State::Unknown(doubt),
        None if error.kind == Kind::Limit => State::Failed(error),
        None => State::NotSent,
    }
}

/// The error that left the doubt, with what came after it.
fn after(doubt: Option<Error>, error: Error) -> Error {
    match doubt {
        None => error,
        Some(first) if is_doubtful(error.kind) => first,
        Some(first) => first.with_context(format!("then: {}", error.message)),
    }
}

fn undecided(error: Error, looked: &Error) -> State {
    let error = error.with_context(format!("it was looked for, to no avail: {}", looked.message));
    State::Unknown(error.with_context("nobody can tell whether it was done"))
}

#[cfg(test)]
mod tests;
