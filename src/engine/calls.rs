//! The single door to the drivers: how many calls may be in flight, how many a statement may make, and what they cost.
//! Knows neither plans nor Arrow. How one request travels, and whether it is tried again, is the drivers' business.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::drivers::{self, Ahead, Driver, Pace, Page, Policy, Request, Stop};
use crate::error::{Error, Kind, Result};
use crate::settings::Limits;

/// The calls of one session: its limits, shared by its statements.
#[derive(Debug)]
pub struct Calls {
    limits: Limits,
    policy: Policy,
    all: Arc<Semaphore>,
    /// By service, as its driver calls it, and where it is asked: the region and the account, or the host.
    each: Mutex<HashMap<Asked, Arc<Place>>>,
}

/// What calls to one place share.
#[derive(Debug)]
struct Place {
    free: Arc<Semaphore>,
    pace: Pace,
}

/// A service, and where it is asked.
type Asked = (String, Vec<String>);

/// What one statement's calls cost.
#[derive(Debug, Default)]
pub struct Meter {
    calls: AtomicU64,
    pages: AtomicU64,
    repeats: AtomicU64,
    rows: AtomicU64,
    waited_micros: AtomicU64,
    spent_micros: AtomicU64,
    /// By call, why it did not come through the last time; nothing once it has.
    troubles: Mutex<BTreeMap<String, String>>,
    /// By the place that is asked, how many calls have no answer yet.
    asked: Mutex<BTreeMap<String, usize>>,
}

/// A call that has no answer yet, until this is dropped.
struct Asking<'m> {
    meter: &'m Meter,
    place: String,
}

/// A reading of the meter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Requests that the statement needed: one for each page or key look-up.
    pub calls: u64,
    /// Whole answers.
    pub pages: u64,
    /// Times that a request was sent again.
    pub repeats: u64,
    /// Rows that services gave.
    pub rows: u64,
    /// Time spent waiting before repeats, over all calls.
    pub waited: Duration,
    /// Time from sending to answer, over all calls; more than the clock's, since they run side by side.
    pub spent: Duration,
}

impl Calls {
    pub fn new(limits: &Limits) -> Self {
        Calls {
            limits: limits.clone(),
            policy: Policy::from(limits),
            all: Arc::new(Semaphore::new(limits.calls_in_flight)),
            each: Mutex::default(),
        }
    }

    /// Refuses a statement that is known to make more calls than it may.
    ///
    /// # Errors
    /// `Limit`, before anything is sent.
    pub fn afford(&self, least: usize) -> Result<()> {
        match self.limits.max_calls {
            Some(most) if least as u64 > most => {
                Err(Error::new(Kind::Limit, format!("the statement needs at least {least} calls, and may make {most}"))
                    .with_context("nothing was sent")
                    .with_hint("raise it with `--max-calls`, or `SET iql.max_calls = …`; `EXPLAIN` names the calls"))
            }
            _ => Ok(()),
        }
    }

    /// Sends one request as soon as the limits allow it. It ends when whoever waits for it lets go of it.
    ///
    /// # Errors
    /// `Limit` when the statement has made all the calls it may make, else what the driver says.
    pub async fn send(&self, driver: &dyn Driver, request: &Request, meter: &Meter) -> Result<Page> {
        self.read(driver, request, meter, &Ahead::default()).await
    }

    /// The same, where somebody wants to know where the next page starts before this one is read.
    ///
    /// # Errors
    /// Those of `send`.
    pub async fn read(&self, driver: &dyn Driver, request: &Request, meter: &Meter, ahead: &Ahead) -> Result<Page> {
        self.carry(driver, request, meter, &Stop::default(), ahead).await
    }

    /// The same for a call that is ended properly: once `stop` was asked for, nothing is sent, and nothing sent again;
    /// a call in flight goes on until it is answered.
    ///
    /// # Errors
    /// The reason to stop if nothing was sent, else those of `send`.
    pub async fn write(&self, driver: &dyn Driver, request: &Request, meter: &Meter, stop: &Stop) -> Result<Page> {
        self.carry(driver, request, meter, stop, &Ahead::default()).await
    }

    async fn carry(
        &self,
        driver: &dyn Driver,
        request: &Request,
        meter: &Meter,
        stop: &Stop,
        ahead: &Ahead,
    ) -> Result<Page> {
        driver.ready(request)?;
        let place = place(driver, request);
        let _asking = meter.asking(place.join(" "));
        let place = self.place(driver.service().to_string(), place);
        let _free = tokio::select! {
            biased;
            reason = stop.asked() => return Err(drivers::not_sent(reason, driver, request)),
            free = self.free(&place) => free?,
        };
        if let Some(most) = self.limits.max_calls {
            let made = meter.calls.fetch_add(1, Ordering::Relaxed);
            if made >= most {
                meter.calls.fetch_sub(1, Ordering::Relaxed);
                return Err(Error::new(
                    Kind::Limit,
                    format!("the statement needs more than the {most} calls that it may make"),
                )
                .with_context(format!("not sent: {}", driver.describe(request)))
                .with_hint("raise it with `--max-calls`, or `SET iql.max_calls = …`; `EXPLAIN` names the calls"));
            }
        } else {
            meter.calls.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(target: "iql::calls", "{}", driver.describe(request));
        let answer = drivers::send(driver, request, &self.policy, &place.pace, stop, ahead, &|repeat| {
            meter.repeats.fetch_add(1, Ordering::Relaxed);
            let (wait, why) = (repeat.wait.as_millis(), &repeat.error.message);
            meter.troubles().insert(driver.describe(request), format!("{why} ({} so far)", tries(repeat.tries)));
            tracing::info!(target: "iql::calls", "{} again in {wait} ms: {why}", driver.describe(repeat.request));
        })
        .await;
        let answer = answer.inspect(|answer| {
            if answer.tries > 1 {
                meter.troubles().remove(&driver.describe(request));
            }
        })?;
        meter.pages.fetch_add(1, Ordering::Relaxed);
        meter.rows.fetch_add(answer.page.rows.len() as u64, Ordering::Relaxed);
        meter.waited_micros.fetch_add(answer.waited.as_micros() as u64, Ordering::Relaxed);
        meter.spent_micros.fetch_add(answer.spent.as_micros() as u64, Ordering::Relaxed);
        Ok(answer.page)
    }

    /// Waits until there is room where the call goes to and among all.
    async fn free(&self, place: &Place) -> Result<[OwnedSemaphorePermit; 2]> {
        // What all share comes last: who waits for a slow region must not hold it.
        let region = place.free.clone().acquire_owned().await.map_err(closed)?;
        let all = self.all.clone().acquire_owned().await.map_err(closed)?;
        Ok([region, all])
    }

    fn place(&self, service: String, place: Vec<String>) -> Arc<Place> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Place { free: Arc::new(Semaphore::new(self.limits.calls_per_region)), pace: Pace::default() };
        each.entry((service, place)).or_insert_with(|| Arc::new(new())).clone()
    }
}

/// Who answers a call: the values of what it cannot do without, and the account. One that is dead holds up no other.
fn place(driver: &dyn Driver, request: &Request) -> Vec<String> {
    let params = driver.signature(&request.call).into_iter().flat_map(|signature| signature.params);
    let required: Vec<&str> = params.filter(|param| param.required).map(|param| param.name).collect();
    let is_place = |name: &str| required.contains(&name) || name == "region" || name == "profile";
    request.params.iter().filter(|(name, _)| is_place(name)).map(|(_, value)| value.clone()).collect()
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut places = self.meter.places();
        match places.get_mut(&self.place) {
            Some(calls) if *calls > 1 => *calls -= 1,
            _ => drop(places.remove(&self.place)),
        }
    }
}

impl Meter {
    /// Why calls that were not answered yet were to be sent again: a line for each, but no more than a few.
    pub fn causes(&self) -> Vec<String> {
        const TOLD: usize = 3;
        let troubles = self.troubles();
        let lines = troubles.iter().take(TOLD).map(|(call, why)| format!("the last time: {call}: {why}"));
        let rest = troubles.len().saturating_sub(TOLD);
        lines.chain((rest > 0).then(|| format!("and so {rest} more calls"))).collect()
    }

    /// Why one of the calls that were not answered yet was to be sent again.
    pub fn trouble(&self) -> Option<String> {
        self.troubles().values().next().cloned()
    }

    /// The places that have not answered yet, such as `eu-west-1`, each once.
    pub fn asked(&self) -> Vec<String> {
        self.places().keys().cloned().collect()
    }

    fn asking(&self, place: String) -> Asking<'_> {
        *self.places().entry(place.clone()).or_default() += 1;
        Asking { meter: self, place }
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn troubles(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn read(&self) -> Cost {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Cost {
            calls: read(&self.calls),
            pages: read(&self.pages),
            repeats: read(&self.repeats),
            rows: read(&self.rows),
            waited: Duration::from_micros(read(&self.waited_micros)),
            spent: Duration::from_micros(read(&self.spent_micros)),
        }
    }
}

fn tries(number: u32) -> String {
    if number == 1 { "1 try".to_string() } else { format!("{number} tries") }
}

fn closed(_: tokio::sync::AcquireError) -> Error {
    Error::new(Kind::Internal, "the session's calls were closed while a statement ran")
}

#[cfg(test)]
mod tests;
