//! Pages: how many rows, and behind which one. A marker is the position of the last row given, tied to its query,
//! so rows may come and go between two pages and none of the others is skipped or given twice.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Request;
use super::check::invalid;
use crate::error::Result;
use crate::sandbox::wire::{Refusal, Xml};

pub struct Page {
    size: usize,
    /// The position behind which to start.
    pub after: Option<String>,
    query: u64,
}

impl Page {
    pub fn asked(request: &Request) -> Result<Page, Refusal> {
        let size = match request.form.get("MaxRecords") {
            None => 100,
            Some(text) => match text.parse() {
                Ok(number @ 20..=100) => number,
                _ => return Err(invalid(format!("Invalid value {text} for MaxRecords. Must be between 20 and 100."))),
            },
        };
        let query = query(request);
        let after = match request.form.get("Marker").filter(|marker| !marker.is_empty()) {
            None => None,
            Some(marker) => Some(position(marker, query).ok_or_else(|| invalid("The Marker is not valid."))?),
        };
        Ok(Page { size, after, query })
    }

    /// The rows of the page, written as they come, in a list; then the marker when there are more.
    pub fn write<T>(
        &self,
        list: &str,
        rows: impl Iterator<Item = Result<(String, T)>>,
        mut write: impl FnMut(&mut Xml, &T),
    ) -> Result<Xml, Refusal> {
        let mut xml = Xml::default();
        let mut marker = None;
        let mut failure = None;
        let mut last = String::new();
        xml.element(list, |xml| {
            for (count, row) in rows.enumerate() {
                match row {
                    Err(error) => {
                        failure = Some(error);
                        return;
                    }
                    Ok(_) if count == self.size => {
                        marker = Some(self.marker(&last));
                        return;
                    }
                    Ok((position, row)) => {
                        write(xml, &row);
                        last = position;
                    }
                }
            }
        });
        if let Some(error) = failure {
            return Err(error.into());
        }
        xml.maybe("Marker", marker.as_deref());
        Ok(xml)
    }

    fn marker(&self, position: &str) -> String {
        format!("{:016x}{position}", self.query).bytes().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What the marker belongs to: who asks, where, and everything asked but the page itself.
fn query(request: &Request) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.caller.scope().hash(&mut hasher);
    let parameters = request.form.parameters().iter();
    parameters.filter(|(name, _)| !matches!(name.as_str(), "Marker" | "MaxRecords")).for_each(|p| p.hash(&mut hasher));
    hasher.finish()
}

fn position(marker: &str, query: u64) -> Option<String> {
    let bytes: Option<Vec<u8>> = marker
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2))
        .collect();
    let text = String::from_utf8(bytes?).ok()?;
    text.strip_prefix(&format!("{query:016x}")).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_belongs_to_its_query() {
        let page = Page { size: 20, after: None, query: 7 };
        let marker = page.marker("0000001|arn:é");
        assert_eq!(position(&marker, 7).as_deref(), Some("0000001|arn:é"));
        assert_eq!(position(&marker, 8), None);
        assert_eq!(position(&marker[1..], 7), None);
        assert_eq!(position("not a marker", 7), None);
    }
}
