//! Word of the next page, which crosses the seam between engine and driver before a page does.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Who is told where the next page starts before the rows of this one are read, if anybody is.
#[derive(Debug, Clone, Default)]
pub struct Ahead(Option<UnboundedSender<String>>);

impl Ahead {
    /// Somebody who listens, and what they hear.
    pub fn heard() -> (Ahead, UnboundedReceiver<String>) {
        let (sender, receiver) = unbounded_channel();
        (Ahead(Some(sender)), receiver)
    }

    pub fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// Who has stopped listening is told nothing.
    pub fn tell(&self, marker: &str) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(marker.to_string());
        }
    }
}
