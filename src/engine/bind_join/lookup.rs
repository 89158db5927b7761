//! What is asked for of one resource by a join's keys: every tuple once in a statement, keys of one place together,
//! and the whole place where that costs less. Knows no plan: whoever joins decides which rows match.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::execution::TaskContext;

use crate::catalog::model::Resource;
use crate::drivers::{self, Driver, Request};
use crate::engine::pages::Pager;
use crate::engine::pushdown::Values;
use crate::engine::route::{Route, route};
use crate::engine::run::Run;
use crate::engine::scan::{Known, Pace, ScanExec};
use crate::engine::shared::{Readers, SharedPages};
use crate::error::{Kind, Result};

use super::keys::Tuple;

/// A place whose keys cost more than this many times what a list of just their rows would is listed.
const MANY: usize = 10;

/// One for all the scans of a plan that ask the same of a resource.
#[derive(Debug)]
pub struct Lookup {
    pub resource: Arc<Resource>,
    pub driver: Arc<dyn Driver>,
    pub run: Arc<Run>,
    /// Without the defaults that the join's keys stand before.
    pub known: Known,
    /// The columns that say where to ask, then the one that says for which row, if the keys tell it.
    pub places: Vec<String>,
    pub key: Option<String>,
    /// What any of its scans wants of a row, as wire names.
    fields: Mutex<Vec<String>>,
    asked: tokio::sync::Mutex<HashMap<Tuple, Place>>,
    begun: Begun,
}

/// The calls of a statement that anybody may read, without their fields, by the address of their driver.
pub type Begun = Arc<Mutex<HashMap<(usize, Request), Arc<SharedPages>>>>;

type Pages = Vec<Arc<SharedPages>>;

/// What was asked for of one place.
#[derive(Debug, Default)]
struct Place {
    /// All of its rows.
    whole: Option<Pages>,
    by_key: HashMap<String, Pages>,
}

/// Where the rows of some tuples are.
#[derive(Debug, Default)]
pub struct Asked {
    /// Each once. They may have other tuples' rows too, and none of their rows twice.
    pub pages: Pages,
    /// Those of them that nobody asked for before.
    pub new: Pages,
    /// By their addresses.
    seen: HashSet<usize>,
}

impl Lookup {
    pub fn new(scan: &ScanExec, known: Known, places: Vec<String>, key: Option<String>, begun: Begun) -> Self {
        Lookup {
            resource: scan.resource.clone(),
            driver: scan.driver.clone(),
            run: scan.run.clone(),
            fields: Mutex::new(known.fields.clone()),
            known,
            places,
            key,
            asked: tokio::sync::Mutex::default(),
            begun,
        }
    }

    /// Whether both ask the same, whatever they want to know of it.
    pub fn asks_the_same(&self, other: &Lookup) -> bool {
        Arc::ptr_eq(&self.resource, &other.resource)
            && self.places == other.places
            && self.key == other.key
            && self.known.values == other.known.values
            && self.known.defaults == other.known.defaults
    }

    /// Another scan's fields are wanted too. Only before anything is asked.
    pub fn want(&self, fields: &[String]) {
        let mut own = lock(&self.fields);
        let new: Vec<String> = fields.iter().filter(|field| !own.contains(field)).cloned().collect();
        own.extend(new);
    }

    pub fn fields(&self) -> Vec<String> {
        lock(&self.fields).clone()
    }

    /// Whether the two may come upon the same call.
    pub fn may_share(&self, other: &Lookup) -> bool {
        let calls = |lookup: &Lookup| -> HashSet<String> {
            let methods = lookup.resource.verbs.select.iter().filter_map(|method| lookup.resource.method(method));
            methods.map(|method| method.call.clone()).collect()
        };
        drivers::address(&self.driver) == drivers::address(&other.driver) && !calls(self).is_disjoint(&calls(other))
    }

    /// Whether a call of the statement's other scans, without its fields, can be one of these too.
    pub fn may_ask(&self, bare: &Request) -> bool {
        let mut methods = self.resource.verbs.select.iter().filter_map(|method| self.resource.method(method));
        methods.any(|method| method.call == bare.call)
    }

    /// A call that the statement makes anyway. Only before anything is asked.
    pub fn share(&self, bare: Request, pages: Arc<SharedPages>) {
        lock(&self.begun).insert(self.call_of(bare), pages);
    }

    /// The columns that a tuple has values for, in its order.
    pub fn columns(&self) -> Vec<String> {
        self.places.iter().chain(&self.key).cloned().collect()
    }

    /// How many keys go with one call.
    pub fn keys_a_call(&self) -> usize {
        let wire = self.key_wire();
        let signature = self.call().and_then(|call| self.driver.signature(call));
        let input = signature.iter().flat_map(|signature| &signature.inputs).find(|input| Some(input.wire) == wire);
        input.map_or(1, |input| input.most)
    }

    /// The call that a tuple is asked by.
    pub fn call(&self) -> Option<&str> {
        let route = self.plan(&[], &[]).ok()?;
        self.resource.method(&route.method).map(|method| method.call.as_str())
    }

    /// Where the rows of these tuples are. Begins no call but those of a list that may cost less.
    ///
    /// # Errors
    /// None of the calls': they are told to whoever reads the pages.
    pub async fn ask(&self, tuples: &[Tuple], pace: Pace, context: &TaskContext) -> Result<Asked> {
        let mut asked = self.asked.lock().await;
        let mut found = Asked::default();
        for (place, keys) in by_place(tuples, self.places.len()) {
            let there = asked.entry(place.clone()).or_default();
            let new = match (&self.key, &there.whole) {
                (_, Some(_)) => Vec::new(),
                (None, None) => {
                    let pages = self.begin(self.plan(&place, &[])?);
                    there.whole = Some(pages.clone());
                    pages
                }
                (Some(_), None) => {
                    let new: Vec<String> =
                        keys.iter().filter(|key| !there.by_key.contains_key(*key)).cloned().collect();
                    match self.listed(&place, &new, pace, context).await {
                        Some(pages) => {
                            there.whole = Some(pages.clone());
                            pages
                        }
                        None => self.by_key(&place, new, there)?,
                    }
                }
            };
            let pages = match &there.whole {
                Some(pages) => pages.clone(),
                None => keys.iter().filter_map(|key| there.by_key.get(key)).flatten().cloned().collect(),
            };
            found.add(pages);
            found.new.extend(new);
        }
        Ok(found)
    }

    fn call_of(&self, bare: Request) -> (usize, Request) {
        (drivers::address(&self.driver).addr(), bare)
    }

    fn is_begun(&self, request: &Request) -> bool {
        lock(&self.begun).contains_key(&self.call_of(bare(request)))
    }

    fn by_key(&self, place: &[String], keys: Vec<String>, there: &mut Place) -> Result<Pages> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let pages = self.begin(self.plan(place, &keys)?);
        let wire = self.key_wire().unwrap_or_default();
        if pages.iter().any(|pages| !pages.request.inputs.contains_key(wire)) {
            // The call does not tell its rows by the key after all: it has all of them.
            there.whole = Some(pages.clone());
            return Ok(pages);
        }
        for key in keys {
            let own = pages.iter().filter(|pages| pages.request.inputs[wire].contains(&key)).cloned();
            let own = own.collect();
            there.by_key.insert(key, own);
        }
        Ok(pages)
    }

    /// All of a place, where its list costs less than so many keys.
    async fn listed(&self, place: &[String], keys: &[String], pace: Pace, context: &TaskContext) -> Option<Pages> {
        let by_key = self.plan(place, keys).ok()?.requests.len();
        let list = self.whole(place)?;
        let page = self.driver.signature(&self.resource.method(&list.method)?.call)?.page;
        let new: Vec<Request> = list.requests.iter().filter(|request| !self.is_begun(request)).cloned().collect();
        // The statement reads it anyway.
        if new.is_empty() {
            return Some(self.begin(list));
        }
        let lists = list.requests.len();
        let least = match page {
            None => lists,
            Some((_, most)) => lists * keys.len().div_ceil(most).max(1),
        };
        if by_key <= least {
            return None;
        }
        if page.is_none() {
            return Some(self.begin(list));
        }
        // Where failures are passed over, a list that is refused would be taken for an empty one.
        if pace == Pace::OnDemand || by_key <= MANY * least || self.run.failures.tolerates() {
            return None;
        }
        let pages = self.begin(list);
        let mut left = by_key / 2;
        for list in &pages {
            let mut at = 0;
            loop {
                match list.fetch(at, context).await {
                    Ok(true) if left > 0 => (at, left) = (at + 1, left - 1),
                    Ok(false) => break,
                    // Too long, or refused: the keys are what was asked for.
                    _ => {
                        let mut begun = lock(&self.begun);
                        new.iter().for_each(|request| drop(begun.remove(&self.call_of(bare(request)))));
                        return None;
                    }
                }
            }
        }
        Some(pages)
    }

    /// How a place is listed, if it can be.
    fn whole(&self, place: &[String]) -> Option<Route> {
        let mut values = self.known.values.clone();
        bind(&mut values, &self.places, place);
        let route = self.route(&values).ok()?;
        (route.missing.is_empty() && !route.keyed && !route.requests.is_empty()).then_some(route)
    }

    /// The calls for these keys of a place; without a place, the call itself and no requests.
    fn plan(&self, place: &[String], keys: &[String]) -> Result<Route> {
        let mut values = self.known.values.clone();
        if place.is_empty() {
            values.extend(self.places.iter().map(|column| (column.clone(), Vec::new())));
        }
        bind(&mut values, &self.places, place);
        if let Some(key) = &self.key {
            let both = match values.get(key) {
                Some(known) => keys.iter().filter(|key| known.contains(key)).cloned().collect(),
                None => keys.to_vec(),
            };
            values.insert(key.clone(), both);
        }
        match self.route(&values) {
            // What the statement itself says was found plausible when it was planned: a value from a row is not, and
            // no row can have it.
            Err(error) if error.kind == Kind::Param => Ok(Route::default()),
            route => route,
        }
    }

    fn route(&self, values: &Values) -> Result<Route> {
        let signature = |call: &str| self.driver.signature(call);
        route(&self.resource, values, &self.known.defaults, &self.fields(), signature)
    }

    fn key_wire(&self) -> Option<&str> {
        self.key.as_ref().and_then(|key| self.resource.field(key)).map(|field| field.wire.as_str())
    }

    /// The pages of a route's requests, which nobody has read yet, or those of the same call that was begun before.
    fn begin(&self, route: Route) -> Pages {
        self.run.regions.begin(&self.driver, &route.requests);
        let mut begun = lock(&self.begun);
        let pages = route.requests.into_iter().map(|request| {
            let bare = self.call_of(bare(&request));
            let new = || {
                let pager = Pager::new(self.driver.clone(), self.run.clone(), request.clone());
                SharedPages::new(pager.of_table(self.resource.full_name()), request, Readers::Unknown)
            };
            begun.entry(bare).or_insert_with(new).clone()
        });
        pages.collect()
    }
}

impl Asked {
    fn add(&mut self, pages: Pages) {
        let new = pages.into_iter().filter(|pages| self.seen.insert(Arc::as_ptr(pages).addr()));
        self.pages.extend(new);
    }
}

/// The call itself, whoever asks for which of its fields.
pub fn bare(request: &Request) -> Request {
    Request { fields: Vec::new(), ..request.clone() }
}

/// Says that a column has this value, besides what is known of it.
fn bind(values: &mut Values, columns: &[String], tuple: &[String]) {
    for (column, value) in columns.iter().zip(tuple) {
        let known = values.entry(column.clone()).or_insert_with(|| vec![value.clone()]);
        known.retain(|known| known == value);
    }
}

/// The keys of each place, in the order of their first.
fn by_place(tuples: &[Tuple], places: usize) -> Vec<(Tuple, Vec<String>)> {
    let mut found: Vec<(Tuple, Vec<String>)> = Vec::new();
    let mut index: HashMap<&[String], usize> = HashMap::new();
    for tuple in tuples {
        let (place, key) = tuple.split_at(places);
        let at = *index.entry(place).or_insert(found.len());
        if at == found.len() {
            found.push((place.to_vec(), Vec::new()));
        }
        found[at].1.extend(key.first().cloned());
    }
    found
}

/// A panic elsewhere leaves these whole: an entry is there or it is not.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
