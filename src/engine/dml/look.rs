//! Looks a resource up while a write is under way: by its key, or by what is unique about it when nobody knows the key.
//! Reads, by the same route and pages as a SELECT.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::{self, Document};
use crate::catalog::model::{Resource, Type};
use crate::drivers::Driver;
use crate::engine::pages::Pager;
use crate::engine::pushdown::Values;
use crate::engine::route::route;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};

/// What a search by a unique value goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// The resources that are like the wanted one in whatever the service can filter by.
    Alike,
    All,
}

/// Who looks, at what.
#[derive(Debug, Clone)]
pub struct Look {
    pub resource: Arc<Resource>,
    pub driver: Arc<dyn Driver>,
    pub run: Arc<Run>,
}

impl Look {
    /// The resource of a key, if it is there.
    pub async fn by_key(&self, params: &BTreeMap<String, String>, key: &str) -> Result<Option<Document>> {
        let identity = self.resource.identity.first().cloned().unwrap_or_default();
        let mut values = bound(params);
        values.insert(identity, vec![key.to_string()]);
        Ok(self.documents(&values, |_| true).await?.pop())
    }

    /// The resource that has the same unique value as `wanted`. None: there is none.
    ///
    /// # Errors
    /// `Statement`: nothing about the resource is unique.
    pub async fn alike(
        &self,
        params: &BTreeMap<String, String>,
        wanted: &Document,
        among: Among,
    ) -> Result<Option<Document>> {
        let fields = || self.resource.fields.iter().filter(|field| !field.echoes);
        let unique = fields().find(|field| field.unique).and_then(|field| Some((field, wanted.get(&field.wire)?)));
        let Some((unique, value)) = unique else {
            return Err(Error::new(
                Kind::Statement,
                format!("nothing tells one of `{}` from another", self.resource.full_name()),
            ));
        };
        let mut values = bound(params);
        for field in fields().filter(|field| field.kind == Type::String && !self.is_identity(&field.name)) {
            if let (Among::Alike, Some(Value::String(text))) = (among, wanted.get(&field.wire)) {
                values.insert(field.name.clone(), vec![text.clone()]);
            }
        }
        Ok(self.documents(&values, |found| found.get(&unique.wire) == Some(value)).await?.pop())
    }

    /// What a look-up asks for: every field, and what tells whether the resource has settled.
    pub fn fields(&self, call: &str) -> Vec<String> {
        fields(&self.resource, self.driver.as_ref(), call)
    }

    async fn documents(&self, values: &Values, fits: impl Fn(&Document) -> bool) -> Result<Vec<Document>> {
        let signature = |call: &str| self.driver.signature(call);
        let mut route = route(&self.resource, values, &BTreeMap::new(), &[], signature)?;
        if !route.missing.is_empty() {
            let missing = route.missing.join(", ");
            return Err(Error::new(Kind::Internal, format!("a look-up lacks {missing}")));
        }
        let mut found = Vec::new();
        for mut request in std::mem::take(&mut route.requests) {
            request.fields = self.fields(&request.call);
            let fields = request.fields.clone();
            let mut pager = Pager::new(self.driver.clone(), self.run.clone(), request);
            while let Some(rows) = pager.next(None).await? {
                found.extend(rows.iter().map(|row| document::of_row(&fields, row.clone())).filter(&fits));
            }
        }
        Ok(found)
    }

    fn is_identity(&self, name: &str) -> bool {
        self.resource.identity.first().is_some_and(|identity| identity == name)
    }
}

/// Whether a resource is on its way out.
pub fn is_going(resource: &Resource, document: &Document) -> bool {
    resource.settles.as_ref().is_some_and(|settles| {
        let status = document.get(&settles.wire).and_then(Value::as_str).unwrap_or_default();
        settles.going.iter().any(|going| going == status)
    })
}

/// What a call can answer of a resource: its fields, and what tells whether it has settled.
pub fn fields(resource: &Resource, driver: &dyn Driver, call: &str) -> Vec<String> {
    let own = resource.fields.iter().filter(|field| !field.echoes).map(|field| &field.wire);
    let settles = resource.settles.iter().flat_map(|settles| [Some(&settles.wire), settles.errors.as_ref()]).flatten();
    let known = driver.signature(call).map(|signature| signature.fields).unwrap_or_default();
    let mut fields: Vec<String> = Vec::new();
    for wire in own.chain(settles).filter(|wire| known.contains(&wire.as_str())) {
        if !fields.contains(wire) {
            fields.push(wire.clone());
        }
    }
    fields
}

fn bound(params: &BTreeMap<String, String>) -> Values {
    params.iter().map(|(name, value)| (name.clone(), vec![value.clone()])).collect()
}
