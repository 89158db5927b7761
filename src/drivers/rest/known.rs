//! The secrets that a driver has sent, so that nothing of an answer that quotes one is shown. Sends nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::wiring::{Call, Source};
use crate::drivers::{Page, Request};
use crate::settings::Mask;

/// The secrets, and what hides them, once that was asked for.
#[derive(Default)]
pub struct Known(Mutex<(BTreeSet<String>, Option<Arc<Mask>>)>);

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secrets]")
    }
}

impl Known {
    pub fn add(&self, secrets: &[String]) {
        // A panic elsewhere leaves both whole.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            if known.0.insert(secret.clone()) {
                known.1 = None;
            }
        }
    }

    pub fn mask(&self) -> Arc<Mask> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mask = known.1.take().unwrap_or_else(|| Arc::new(Mask::new(&known.0)));
        known.1 = Some(mask.clone());
        mask
    }
}

/// What a write answers with, without the secrets that it was given. What the request names stays: by that the row is
/// found again.
pub fn without(mask: &Mask, call: &Call, request: &Request, mut page: Page) -> Page {
    if mask.is_empty() {
        return page;
    }
    let is_own = |wire: &String| {
        let source = call.fields.iter().find(|(known, _)| known == wire).map(|(_, source)| source);
        request.inputs.contains_key(wire) || matches!(source, Some(Source::Request(_)))
    };
    let own: Vec<bool> = request.fields.iter().map(is_own).collect();
    for row in &mut page.rows {
        for (value, _) in row.iter_mut().zip(&own).filter(|(_, own)| !**own) {
            hide(mask, value);
        }
    }
    page
}

/// A short secret that is the whole of a text may be a word of its own there (`role: admin`), and stays.
fn hide(mask: &Mask, value: &mut Value) {
    match value {
        Value::String(text) if !mask.is_doubtful(text) => *text = mask.text(text),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(mask, item)),
        Value::Object(members) => members.values_mut().for_each(|member| hide(mask, member)),
        _ => {}
    }
}
