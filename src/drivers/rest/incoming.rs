//! A whole answer as it came, and the page of rows that it is. Knows the call that it answers; sends nothing, and knows
//! no socket.

use super::answer::{self, About};
use super::paging;
use super::wiring::{Answer, Call, Wiring};
use crate::drivers::{Page, Request};
use crate::error::Result;

pub struct Incoming {
    pub status: u16,
    /// Names in any case, some of them several times.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Incoming {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a header.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The page that this is, as the answer to a request that was sent to `url`.
    ///
    /// # Errors
    /// The service's own, by its status; `Shape`: what the document says is not there.
    pub fn page(&self, wiring: &Wiring, call: &Call, request: &Request, url: &str, about: &About<'_>) -> Result<Page> {
        let request_id = wiring.errors.request_id.as_ref().and_then(|name| self.header(name)).map(String::from);
        // What the path names is not there, and so nothing of it. Whatever asks for more than a look is told.
        let is_named = call.method == "GET" && call.path.names().any(|name| request.inputs.contains_key(name));
        if !call.writes && is_named && call.statuses.absent.contains(&self.status) {
            return Ok(Page { request_id, ..Page::default() });
        }
        if let Answer::Text(_) = &call.answer {
            let text = answer::text(self, about)?.unwrap_or_default();
            return Ok(Page { rows: vec![answer::row_of_text(call, request, &text)], next: None, request_id });
        }
        let Some(answer) = answer::json(self, about)? else {
            if call.writes || self.status == 204 {
                return Ok(Page { request_id, ..Page::default() });
            }
            return Err(answer::shape(self, about, "with nothing"));
        };
        // What a write answers with is read only where somebody asks for it.
        if call.writes && request.fields.is_empty() {
            return Ok(Page { request_id, ..Page::default() });
        }
        let (rows, entries) = answer::rows(wiring, call, request, &answer, self, about)?;
        let next = match &call.paging {
            None => None,
            Some(paging) => paging::next(paging, request, url, self, &answer, entries)
                .map_err(|error| error.with_context(&about.described))?,
        };
        Ok(Page { rows, next, request_id })
    }
}
