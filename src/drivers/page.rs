//! What crosses the seam between engine and driver: one request, one page of rows. Knows no driver.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// One request to a service, before it is sent.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// The method's `call:`, which only the driver reads.
    pub call: String,
    /// Params by their SQL names (`region`).
    pub params: BTreeMap<String, String>,
    /// What narrows the answer, by wire name: the values that a row may have.
    /// Never an empty list; never more values than the signature's `most`.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// The wire names of the fields wanted, in the order in which each row gives their values.
    pub fields: Vec<String>,
    /// How many rows a page may have, at most. The driver keeps within what the service allows.
    pub page_size: Option<usize>,
    /// Where the next page starts, as the last page's `next` said.
    pub marker: Option<String>,
    /// What a write sets, by wire name; what it is about stands in `inputs`. `Null` takes the value away.
    /// Where single entries of a list are taken away, the list has their keys alone.
    pub body: Map<String, Value>,
}

/// What a request sets may be a secret: it is told by its names.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("call", &self.call)
            .field("params", &self.params)
            .field("inputs", &self.inputs.keys())
            .field("fields", &self.fields)
            .field("body", &self.body.keys())
            .finish_non_exhaustive()
    }
}

/// One answer.
#[derive(Clone, Default, PartialEq)]
pub struct Page {
    /// A row has one value for each of the request's fields, in their order; nested values carry wire names;
    /// times are RFC 3339 text in UTC with three decimals; what is absent is `Null`.
    pub rows: Vec<Vec<Value>>,
    pub next: Option<String>,
    /// By which the service finds the request again.
    pub request_id: Option<String>,
}

/// What a service answers with may be a secret: it is told by how much it is.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("rows", &self.rows.len()).field("next", &self.next).finish_non_exhaustive()
    }
}
