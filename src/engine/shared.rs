//! The pages of a call that several scans of a statement ask for: it is made once, and its pages are kept for the
//! slowest of them, in memory while the limit allows it, else in one file. Which scans share is the rules' business.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use serde_json::Value;

use crate::drivers::Request;
use crate::engine::pages::{Pager, Rows};
use crate::error::{Error, Kind, Result};

/// How many scans read a shared call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    Known(usize),
    /// It is read as often as the plan likes, as in a recursive query: its pages stay until the statement ends.
    Unknown,
}

/// The pages of a request that more than one scan reads.
#[derive(Debug)]
pub struct SharedPages {
    /// With the fields of all its readers.
    pub request: Request,
    fetched: tokio::sync::Mutex<Fetched>,
    kept: Mutex<Kept>,
}

/// Invariant: a call in flight belongs to the shared pages, not to the reader that began it, so that a reader may go
/// at any moment: the next one waits for the same call.
#[derive(Debug)]
struct Fetched {
    at_rest: Option<Pager>,
    in_flight: Option<SpawnedTask<(Pager, Result<Option<Rows>>)>>,
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
    file: Option<Spill>,
}

#[derive(Debug)]
struct KeptPage {
    left: Readers,
    held: Held,
}

#[derive(Debug, Clone)]
enum Held {
    Memory(Arc<Rows>, usize),
    /// So many bytes from here on, in the spill file.
    File(Arc<File>, u64, usize),
}

/// A file without a name, which goes when its last page does.
#[derive(Debug)]
struct Spill {
    file: Arc<File>,
    end: u64,
}

impl SharedPages {
    /// `pager` reads `request`.
    pub fn new(pager: Pager, request: Request, readers: Readers) -> Arc<Self> {
        let fetched = Fetched { at_rest: Some(pager), in_flight: None, pages: 0, ended: None };
        Arc::new(SharedPages {
            request,
            fetched: tokio::sync::Mutex::new(fetched),
            kept: Mutex::new(Kept { readers, pages: Vec::new(), reservation: None, file: None }),
        })
    }

    pub fn reader(self: &Arc<Self>, context: Arc<TaskContext>) -> Reader {
        Reader { shared: self.clone(), at: 0, context }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches until page `at` is there; false if the list ends before it.
    pub async fn fetch(&self, at: usize, context: &TaskContext) -> Result<bool> {
        let mut fetched = self.fetched.lock().await;
        while fetched.pages <= at {
            match &fetched.ended {
                Some(Ok(())) => return Ok(false),
                Some(Err(error)) => return Err(error.clone()),
                None => {}
            }
            match fetched.next().await.and_then(|rows| rows.map(|rows| self.kept().keep(rows, context)).transpose()) {
                Ok(Some(())) => fetched.pages += 1,
                Ok(None) => fetched.ended = Some(Ok(())),
                Err(error) => fetched.ended = Some(Err(error)),
            }
        }
        Ok(true)
    }
}

impl Fetched {
    /// The next page's rows. May be given up at any await: whoever asks next gets the same page.
    async fn next(&mut self) -> Result<Option<Rows>> {
        if let Some(mut pager) = self.at_rest.take() {
            self.in_flight = Some(SpawnedTask::spawn(async move {
                let rows = pager.next(None).await;
                (pager, rows)
            }));
        }
        let lost = || Error::new(Kind::Internal, "a shared call was given up");
        let (pager, rows) = match self.in_flight.as_mut() {
            Some(task) => task.await.map_err(|e| lost().with_source(e))?,
            None => return Err(lost()),
        };
        self.in_flight = None;
        self.at_rest = Some(pager);
        rows
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
        if !self.shared.fetch(self.at, &self.context).await? {
            return Ok(None);
        }
        let held = self.shared.kept().take(self.at)?;
        self.at += 1;
        held.rows().map(Some)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.kept().leave(self.at);
    }
}

impl Held {
    fn rows(self) -> Result<Arc<Rows>> {
        let (file, start, length) = match self {
            Held::Memory(rows, _) => return Ok(rows),
            Held::File(file, start, length) => (file, start, length),
        };
        let failed =
            |source| Error::new(Kind::Io, "pages that were kept in a file cannot be read back").with_source(source);
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, start).map_err(failed)?;
        serde_json::from_slice(&bytes).map(Arc::new).map_err(|e| failed(e.into()))
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
            Err(_) => self.spill(&rows)?,
        };
        self.pages.push(Some(KeptPage { left: self.readers, held }));
        Ok(())
    }

    fn spill(&mut self, rows: &Rows) -> Result<Held> {
        let failed = |source| {
            Error::new(Kind::Io, "pages that do not fit in memory cannot be kept in a file").with_source(source)
        };
        if self.file.is_none() {
            self.file = Some(Spill { file: Arc::new(tempfile::tempfile().map_err(failed)?), end: 0 });
        }
        let bytes = serde_json::to_vec(rows).map_err(|e| failed(e.into()))?;
        let Some(spill) = &mut self.file else { return Err(failed(std::io::ErrorKind::NotFound.into())) };
        spill.file.write_all_at(&bytes, spill.end).map_err(failed)?;
        let held = Held::File(spill.file.clone(), spill.end, bytes.len());
        spill.end += bytes.len() as u64;
        Ok(held)
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
