//! The pages of one route's request, one after the other: follows markers, and never for ever.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use datafusion::common::runtime::SpawnedTask;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::drivers::{Ahead, Driver, Page, Request};
use crate::engine::regions::Failed;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};

/// Rows of one answer.
pub type Rows = Vec<Vec<Value>>;

/// So many pages of a list may be on their way beside the one that is wanted.
const MOST_BEGUN: usize = 3;

/// Reads the pages of one request in their order.
#[derive(Debug)]
pub struct Pager {
    driver: Arc<dyn Driver>,
    run: Arc<Run>,
    /// Whose rows these are, for whoever is told that a call failed.
    table: String,
    /// What is still to be sent: the request with its marker, or what it fell apart into.
    next: VecDeque<Request>,
    /// Markers that were sent for the request at hand.
    sent: HashSet<String>,
    /// A request was taken from `next`, and what came of it is not known yet.
    in_flight: bool,
    /// The request that it was made for, until that has been answered or has failed.
    first: Option<Request>,
    /// Whether pages are sent for before they are wanted, and those that were, in their order.
    is_ahead: bool,
    begun: VecDeque<Begun>,
}

/// A page that was sent for. It is given up when it is dropped.
#[derive(Debug)]
struct Begun {
    request: Request,
    /// Where the page after it starts.
    told: UnboundedReceiver<String>,
    task: SpawnedTask<Result<Page>>,
}

impl Pager {
    pub fn new(driver: Arc<dyn Driver>, run: Arc<Run>, request: Request) -> Self {
        let (first, next) = (Some(request.clone()), VecDeque::from([request]));
        Pager {
            driver,
            run,
            table: String::new(),
            next,
            sent: HashSet::new(),
            in_flight: false,
            first,
            is_ahead: false,
            begun: VecDeque::new(),
        }
    }

    /// The same for a list that is read to its end: the next page is sent for as soon as an answer shows where it starts.
    pub fn ahead(self) -> Self {
        Pager { is_ahead: true, ..self }
    }

    /// The same, for a table by its full name.
    pub fn of_table(self, table: impl Into<String>) -> Self {
        Pager { table: table.into(), ..self }
    }

    /// The next page's rows; `None` after the last. `most` is how many rows are still wanted.
    ///
    /// # Errors
    /// What the call says, unless the statement goes on without what failed; and `Endless` for a marker that the service gives twice.
    pub async fn next(&mut self, most: Option<usize>) -> Result<Option<Rows>> {
        // Invariant: a pager whose call was given up is never read again. It would end there, as if the list did.
        if self.in_flight {
            return Err(Error::new(Kind::Internal, "a call was given up, and its list read on"));
        }
        while let Some(mut request) = self.next.pop_front() {
            request.page_size = most;
            self.in_flight = true;
            let answer = self.answer(&request).await;
            self.in_flight = false;
            let answer = match answer {
                // A service may refuse several keys in one call, and take them one by one.
                Err(error) if error.kind == Kind::Refused && self.split(&request) => continue,
                answer => answer.and_then(|page| self.new_marker(&request, page)),
            };
            let page = match answer {
                Ok(page) => page,
                Err(error) => {
                    self.begun.clear();
                    self.failed(Failed { error, table: self.table.clone(), request })?;
                    self.sent.clear();
                    continue;
                }
            };
            if let Some(first) = self.first.take() {
                self.keep(self.run.regions.answered(&self.driver, &first))?;
            }
            let Page { rows, next, .. } = page;
            match next {
                None => {
                    self.sent.clear();
                    self.begun.clear();
                }
                Some(marker) => self.next.push_front(Request { marker: Some(marker), ..request }),
            }
            return Ok(Some(rows));
        }
        Ok(None)
    }

    async fn answer(&mut self, request: &Request) -> Result<Page> {
        if !self.is_ahead {
            return self.run.calls.send(self.driver.as_ref(), request, &self.run.meter).await;
        }
        let mut wanted = match self.begun.pop_front() {
            Some(begun) if begun.request == *request => begun,
            _ => {
                self.begun.clear();
                self.begin(request.clone())
            }
        };
        loop {
            let has_room = self.begun.len() < MOST_BEGUN;
            let Begun { task, told, .. } = &mut wanted;
            let told = self.begun.back_mut().map_or(told, |last| &mut last.told);
            tokio::select! {
                biased;
                Some(marker) = told.recv(), if has_room => {
                    let next = Request { marker: Some(marker), ..request.clone() };
                    if self.is_new(&next, request) {
                        self.begun.push_back(self.begin(next));
                    }
                }
                page = task.join_unwind_mut() => {
                    let lost = |error| Error::new(Kind::Internal, "a call was given up").with_source(error);
                    return page.map_err(lost)?;
                }
            }
        }
    }

    fn begin(&self, request: Request) -> Begun {
        let (ahead, told) = Ahead::heard();
        let (driver, run, own) = (self.driver.clone(), self.run.clone(), request.clone());
        let task = SpawnedTask::spawn(async move { run.calls.read(driver.as_ref(), &own, &run.meter, &ahead).await });
        Begun { request, told, task }
    }

    /// Whether a page is none that was sent for: a list that goes round is found out by its pages.
    fn is_new(&self, next: &Request, wanted: &Request) -> bool {
        let known = self.begun.iter().map(|begun| &begun.request).chain([wanted]);
        let is_known = known.map(|request| &request.marker).any(|marker| *marker == next.marker);
        !is_known && next.marker.as_ref().is_some_and(|marker| !self.sent.contains(marker))
    }

    /// Keeps a failure, if the statement goes on without it, or the region may be one that is not enabled.
    fn failed(&mut self, failed: Failed) -> Result<()> {
        match self.first.take() {
            Some(first) => self.keep(self.run.regions.failed(&self.driver, &first, failed)),
            None => self.run.failures.keep(failed.error, &failed.table, self.driver.as_ref(), &failed.request),
        }
    }

    fn keep(&self, failed: Vec<Failed>) -> Result<()> {
        failed.into_iter().try_for_each(|failed| {
            self.run.failures.keep(failed.error, &failed.table, self.driver.as_ref(), &failed.request)
        })
    }

    /// The page, if its marker is not one that was sent already.
    fn new_marker(&mut self, request: &Request, page: Page) -> Result<Page> {
        match &page.next {
            Some(marker) if !self.sent.insert(marker.clone()) => Err(Error::new(
                Kind::Endless,
                format!("the list's pages go round: {} gave the same marker twice", self.driver.service()),
            )
            .with_context(self.driver.describe(request))),
            _ => Ok(page),
        }
    }

    /// Replaces a request for several keys by one for each; false if there is nothing to take apart.
    fn split(&mut self, request: &Request) -> bool {
        let keys = self.driver.signature(&request.call).into_iter().flat_map(|signature| signature.inputs);
        let Some(key) = keys.filter(|input| input.key).find(|input| {
            request.marker.is_none() && request.inputs.get(input.wire).is_some_and(|values| values.len() > 1)
        }) else {
            return false;
        };
        for value in request.inputs[key.wire].iter().rev() {
            let mut single = request.clone();
            single.inputs.insert(key.wire.to_string(), vec![value.clone()]);
            self.next.push_front(single);
        }
        true
    }
}

#[cfg(test)]
mod tests;
