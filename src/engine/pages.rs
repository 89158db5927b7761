//! The pages of one route's request, one after the other: follows markers, and never for ever.
//! A call that several scans of a statement ask for is made once, and its pages are kept for the slowest of them:
//! in memory while the limit allows it, else in a file.

use std::collections::{HashSet, VecDeque};
use std::io::{BufReader, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::drivers::{Driver, Page, Request};
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};

/// Rows of one answer.
pub type Rows = Vec<Vec<Value>>;

/// Reads the pages of one request in their order.
#[derive(Debug)]
pub struct Pager {
    driver: Arc<dyn Driver>,
    run: Arc<Run>,
    /// What is still to be sent: the request with its marker, or what it fell apart into.
    next: VecDeque<Request>,
    /// Markers that were sent for the request at hand.
    sent: HashSet<String>,
}

impl Pager {
    pub fn new(driver: Arc<dyn Driver>, run: Arc<Run>, request: Request) -> Self {
        Pager { driver, run, next: VecDeque::from([request]), sent: HashSet::new() }
    }

    /// The next page's rows; `None` after the last. `most` is how many rows are still wanted.
    ///
    /// # Errors
    /// What the call says, and `Shape` for a marker that the service gives twice.
    pub async fn next(&mut self, most: Option<usize>) -> Result<Option<Rows>> {
        while let Some(mut request) = self.next.pop_front() {
            request.page_size = most;
            let page = match self.run.calls.send(self.driver.as_ref(), &request, &self.run.meter).await {
                // A service may refuse several keys in one call, and take them one by one.
                Err(error) if error.kind == Kind::Refused && self.split(&request) => continue,
                answer => answer?,
            };
            let Page { rows, next } = page;
            match next {
                None => self.sent.clear(),
                Some(marker) if !self.sent.insert(marker.clone()) => {
                    return Err(Error::new(
                        Kind::Shape,
                        "the service gave the same marker twice, so the list has no end",
                    )
                    .with_context(self.driver.describe(&request)));
                }
                Some(marker) => self.next.push_front(Request { marker: Some(marker), ..request }),
            }
            return Ok(Some(rows));
        }
        Ok(None)
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

/// How many scans read a shared call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    Known(usize),
    /// A recursive query reads it as often as it likes: its pages stay until the statement ends.
    Unknown,
}

/// The pages of a request that more than one scan reads.
#[derive(Debug)]
pub struct SharedPages {
    /// With the fields of all its readers.
    pub request: Request,
    pager: tokio::sync::Mutex<Fetched>,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Fetched {
    pager: Pager,
    /// How many pages were fetched.
    pages: usize,
    ended: Option<Result<(), Error>>,
}

/// Invariant: a page is kept until `left` readers have taken or given up on it.
#[derive(Debug)]
struct Kept {
    readers: Readers,
    pages: Vec<Option<KeptPage>>,
    reservation: Option<MemoryReservation>,
}

#[derive(Debug)]
struct KeptPage {
    left: Readers,
    held: Held,
}

#[derive(Debug, Clone)]
enum Held {
    Memory(Arc<Rows>, usize),
    File(Arc<NamedTempFile>),
}

impl SharedPages {
    pub fn new(driver: Arc<dyn Driver>, run: Arc<Run>, request: Request, readers: Readers) -> Arc<Self> {
        let pager = Pager::new(driver, run, request.clone());
        Arc::new(SharedPages {
            request,
            pager: tokio::sync::Mutex::new(Fetched { pager, pages: 0, ended: None }),
            kept: Mutex::new(Kept { readers, pages: Vec::new(), reservation: None }),
        })
    }

    pub fn reader(self: &Arc<Self>, context: Arc<TaskContext>) -> Reader {
        Reader { shared: self.clone(), at: 0, context }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One scan's way through shared pages.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<SharedPages>,
    at: usize,
    context: Arc<TaskContext>,
}

impl Reader {
    pub async fn next(&mut self) -> Result<Option<Arc<Rows>>> {
        let shared = self.shared.clone();
        {
            let mut fetched = shared.pager.lock().await;
            while fetched.pages <= self.at {
                match &fetched.ended {
                    Some(Ok(())) => return Ok(None),
                    Some(Err(error)) => return Err(error.clone()),
                    None => {}
                }
                match fetched.pager.next(None).await {
                    Ok(Some(rows)) => {
                        fetched.pages += 1;
                        shared.kept().keep(rows, &self.context)?;
                    }
                    Ok(None) => fetched.ended = Some(Ok(())),
                    Err(error) => fetched.ended = Some(Err(error)),
                }
            }
        }
        let held = shared.kept().take(self.at)?;
        self.at += 1;
        Ok(Some(match held {
            Held::Memory(rows, _) => rows,
            Held::File(file) => Arc::new(read(&file)?),
        }))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.kept().leave(self.at);
    }
}

impl Kept {
    fn keep(&mut self, rows: Rows, context: &TaskContext) -> Result<()> {
        if self.readers == Readers::Known(0) {
            self.pages.push(None);
            return Ok(());
        }
        let size = rows.iter().flatten().map(size).sum();
        let pool = context.memory_pool();
        let reservation = self
            .reservation
            .get_or_insert_with(|| MemoryConsumer::new("shared pages").with_can_spill(true).register(pool));
        let held = match reservation.try_grow(size) {
            Ok(()) => Held::Memory(Arc::new(rows), size),
            Err(_) => Held::File(write(&rows)?),
        };
        self.pages.push(Some(KeptPage { left: self.readers, held }));
        Ok(())
    }

    fn take(&mut self, at: usize) -> Result<Held> {
        let page = self.pages.get(at).and_then(Option::as_ref);
        let held = page.map(|page| page.held.clone());
        self.release(at);
        held.ok_or_else(|| Error::new(Kind::Internal, "a shared page was dropped before all had read it"))
    }

    /// One reader needs page `at` no more.
    fn release(&mut self, at: usize) {
        let Some(slot) = self.pages.get_mut(at) else { return };
        let Some(KeptPage { left: Readers::Known(left), held }) = slot else { return };
        *left -= 1;
        if *left == 0 {
            if let (Held::Memory(_, size), Some(reservation)) = (&*held, &mut self.reservation) {
                reservation.shrink(*size);
            }
            *slot = None;
        }
    }

    /// One reader goes, and will not read from `at` on.
    fn leave(&mut self, at: usize) {
        (at..self.pages.len()).for_each(|page| self.release(page));
        if let Readers::Known(readers) = &mut self.readers {
            *readers = readers.saturating_sub(1);
        }
    }
}

/// About how many bytes a value holds.
fn size(value: &Value) -> usize {
    std::mem::size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| 64 + key.len() + size(value)).sum(),
            _ => 0,
        }
}

fn write(rows: &Rows) -> Result<Arc<NamedTempFile>> {
    let failed =
        |source| Error::new(Kind::Io, "pages that do not fit in memory cannot be kept in a file").with_source(source);
    let file = NamedTempFile::new().map_err(failed)?;
    let mut writer = BufWriter::new(file.as_file());
    serde_json::to_writer(&mut writer, rows).map_err(|e| failed(e.into()))?;
    writer.flush().map_err(failed)?;
    drop(writer);
    Ok(Arc::new(file))
}

fn read(file: &NamedTempFile) -> Result<Rows> {
    let failed =
        |source| Error::new(Kind::Io, "pages that were kept in a file cannot be read back").with_source(source);
    let reader = BufReader::new(file.reopen().map_err(failed)?);
    serde_json::from_reader(reader).map_err(|e| failed(std::io::Error::from(e)))
}
