//! Whether work is to end early: said once by whoever has a reason, and seen by all that share it.
//! Knows neither the reason's words nor what the work is.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::Kind;

/// Cheap to clone; all clones are one. What was begun is ended properly; nothing more is begun.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<Option<Kind>>>);

impl Default for Stop {
    fn default() -> Self {
        Stop(Arc::new(watch::Sender::new(None)))
    }
}

impl Stop {
    /// Asks for the end: `Interrupted`, `Timeout`, or `Io` when what has to be written down cannot be. The first reason stays.
    pub fn stop(&self, reason: Kind) {
        self.0.send_if_modified(|known| {
            let is_new = known.is_none();
            known.get_or_insert(reason);
            is_new
        });
    }

    /// Why to end, if so.
    pub fn reason(&self) -> Option<Kind> {
        *self.0.borrow()
    }

    /// Waits until the end is asked for, perhaps for ever.
    pub async fn asked(&self) -> Kind {
        let mut watched = self.0.subscribe();
        loop {
            if let Some(reason) = *watched.borrow_and_update() {
                return reason;
            }
            if watched.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
