//! The sandbox: AWS's Redshift and Immuta's integrations, pretended, on loopback, on their real wire formats, so that any
//! client works against it. AWS's signatures are not verified, only their credential scope is read; Immuta's paths begin
//! with `/integrations`. Knows no driver, no catalog and no engine.
//! What it holds is decided in `estate`; how it misbehaves on request, in `faults`; `start` says how both are controlled.

mod call;
mod caller;
mod clock;
mod control;
mod estate;
mod faults;
mod immuta;
mod log;
mod redshift;
mod rows;
mod serve;
mod state;
mod trouble;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::caller::{ACCOUNTS, Account, REGIONS, REGIONS_NOT_ENABLED, credentials};
pub use self::clock::{ClockChange, Mode};
pub use self::estate::SERVERLESS_NAMESPACES;
pub use self::faults::{At, ErrorBody, Fault, Length, ThrottleCode, Trouble};
pub use self::immuta::{API_KEY as IMMUTA_API_KEY, READER_API_KEY as IMMUTA_READER_API_KEY};
pub use self::log::Served;
pub use self::state::Controls;
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the state is kept; made when it is not there. Several processes may share it.
    pub dir: PathBuf,
    /// 0 for any that is free.
    pub port: u16,
    /// Trouble from the start.
    pub faults: Vec<Fault>,
}

/// A sandbox that serves. It stops when this is dropped.
pub struct Running {
    address: SocketAddr,
    sandbox: Arc<Sandbox>,
    task: JoinHandle<()>,
}

/// What all connections share.
struct Sandbox {
    store: state::Store,
    faults: Mutex<faults::Faults>,
    log: Mutex<log::Log>,
    /// Requests answered: the next request id.
    number: AtomicU64,
}

/// Opens the state, seeds it when it is new, and serves on loopback. Beside the services, it answers in JSON to
///
/// | request | body |
/// |---|---|
/// | `GET`, `POST /_sandbox/clock` | `{"mode": "fixed" or "running", "factor": 60, "at": "2026-01-15T13:00:00Z", "advance_seconds": 300}`, each optional |
/// | `GET`, `POST /_sandbox/controls` | `{"creating_seconds": 30, "modifying_seconds": 5, "deleting_seconds": 10, "quota": 1000, "token_seconds": 3600}`; what is absent goes back to these |
/// | `GET`, `POST`, `DELETE /_sandbox/faults` | `{"action": "DescribeIntegrations", "region": "us-east-1", "account": "111122223333", "after": 1, "times": 2, "trouble": …}` or a list of such; all but `trouble` optional |
/// | `GET`, `DELETE /_sandbox/requests` | |
///
/// each with what is in force afterwards. For rules, Immuta's requests are those of the account `immuta`, without region, and
/// their actions are like `PUT /integrations/{id}`. They meet trouble in Immuta's form: JSON, 429 for a throttle, 401 for
/// `expired`; their rows are the elements of an array, and they have no markers. Clock and controls are kept in the state, faults and requests in this process.
/// A trouble is one of
///
/// | trouble | what happens |
/// |---|---|
/// | `{"latency": {"milliseconds": 200}}` | the answer waits |
/// | `{"throttle": {"rate": 5, "burst": 10, "code": "Throttling", "retry_after_seconds": 1}}` | a token bucket; code or `ThrottlingException`, `RequestLimitExceeded`; code and Retry-After optional |
/// | `{"server_error": {"status": 503, "body": "xml"}}` | 500 to 599; body or `html`, `none` |
/// | `"reset"`, `"hang"` | the connection is closed, or stays open, and nothing is done |
/// | `"lost"` | the work is done and the connection closed |
/// | `{"cut": {"at": {"rows": 5}, "length": "right"}}` | the answer is cut at `{"byte": 100}`, `{"fraction": 0.5}` or behind `{"rows": 5}`, or lacks its `"list"`, or has another `"root"`; Content-Length is the cut one (`right`) or the `whole` one |
/// | `"denied"`, `"expired"` | 403 AccessDenied, 403 ExpiredToken |
/// | `"wrong_shape"` | 200 with HTML |
/// | `"repeat_marker"` | every answer has the marker of its request, so there is no last page |
/// | `"refuse_arn_filter"` | the filter `integration-arn` takes one value only |
///
/// # Errors
/// `Io` when the state cannot be opened or made, or the port is taken.
pub async fn start(options: &Options) -> Result<Running> {
    let dir = options.dir.clone();
    let store = tokio::task::spawn_blocking(move || state::Store::open(&dir))
        .await
        .map_err(|e| Error::new(Kind::Internal, e.to_string()))??;
    let unbound = |e: std::io::Error| {
        Error::new(Kind::Io, format!("the sandbox cannot listen on 127.0.0.1:{}: {e}", options.port)).with_source(e)
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(unbound)?;
    let address = listener.local_addr().map_err(unbound)?;
    let sandbox = Sandbox { store, faults: Mutex::default(), log: Mutex::default(), number: AtomicU64::new(1) };
    options.faults.iter().for_each(|fault| sandbox.faults().add(fault.clone()));
    let sandbox = Arc::new(sandbox);
    let task = tokio::spawn(serve::serve(listener, Arc::clone(&sandbox)));
    Ok(Running { address, sandbox, task })
}

impl Running {
    /// `http://127.0.0.1:PORT`: the endpoint of AWS and the base URL of Immuta.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until the caller no longer waits.
    pub async fn stopped(mut self) {
        // The task ends only when it is aborted.
        (&mut self.task).await.ok();
    }

    pub fn add_fault(&self, fault: Fault) {
        self.sandbox.faults().add(fault);
    }

    pub fn clear_faults(&self) {
        self.sandbox.faults().clear();
    }

    /// The requests of both services since the start or the last clearing, in the order of arrival.
    pub fn requests(&self) -> Vec<Served> {
        self.sandbox.log().list()
    }

    pub fn clear_requests(&self) {
        self.sandbox.log().clear();
    }

    /// Moves the clock of the state, for every process that shares it.
    ///
    /// # Errors
    /// `Usage` when the change makes no sense, `Io` when it cannot be kept.
    pub fn set_clock(&self, change: &ClockChange) -> Result<()> {
        self.sandbox.store.set_clock(change)
    }

    /// # Errors
    /// `Io` when they cannot be kept.
    pub fn set_controls(&self, controls: &Controls) -> Result<()> {
        self.sandbox.store.set_controls(controls)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sandbox {
    fn faults(&self) -> MutexGuard<'_, faults::Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, log::Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
