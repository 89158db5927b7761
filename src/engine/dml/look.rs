//! Looks a resource up while a write is under way: by its key, or by what it is known by when nobody knows the key.
//! Reads, by the same route and pages as a SELECT.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::{self, Document};
use super::rules;
use crate::catalog::model::{Resource, Settles, Type};
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

    /// The resource that is known by the same as `wanted`. None: there is none.
    ///
    /// # Errors
    /// `Statement`: nothing tells the resource from others.
    pub async fn alike(
        &self,
        params: &BTreeMap<String, String>,
        wanted: &Document,
        among: Among,
    ) -> Result<Option<Document>> {
        let fields = || self.resource.fields.iter().filter(|field| !field.echoes);
        let Some(known) = known_by(&self.resource, wanted) else {
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
        Ok(self.documents(&values, |found| known_by(&self.resource, found).as_ref() == Some(&known)).await?.pop())
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
                let rows = rows.into_iter().map(|row| document::of_row(&fields, row));
                found.extend(rows.filter(|found| !is_gone(&self.resource, found) && fits(found)));
            }
        }
        Ok(found)
    }

    /// Whether a name that no two have tells one from another.
    pub fn is_named(&self) -> bool {
        self.resource.fields.iter().any(|field| field.unique && !field.echoes)
    }

    fn is_identity(&self, name: &str) -> bool {
        self.resource.identity.first().is_some_and(|identity| identity == name)
    }
}

/// What tells a resource from others while nobody knows its key: the places and what stands there, absence too. None:
/// nothing does. Of several places the first is what many have in common, and another has to be there.
pub fn known_by<'a>(resource: &'a Resource, document: &Document) -> Option<Vec<(&'a str, Value)>> {
    if let Some(field) = resource.fields.iter().find(|field| field.unique && !field.echoes) {
        return document.get(&field.wire).map(|value| vec![(field.wire.as_str(), value.clone())]);
    }
    let value = |place: &'a String| (place.as_str(), rules::at(document, place).cloned().unwrap_or_default());
    let known: Vec<(&str, Value)> = resource.known_by.iter().map(value).collect();
    let there = known.iter().filter(|(_, value)| !value.is_null()).count();
    (there >= known.len().min(2) && there > 0).then_some(known)
}

/// What reports call a resource by what it is known by.
pub fn name(resource: &Resource, document: &Document) -> Option<String> {
    let known = known_by(resource, document)?;
    let texts = known.iter().filter_map(|(_, value)| match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        value => Some(value.to_string()),
    });
    Some(texts.collect::<Vec<_>>().join(" "))
}

/// What rows are known by, in a sentence: `` `IntegrationName` `orders` ``.
pub fn listed(known: &[(&str, Value)]) -> String {
    let there = known.iter().filter(|(_, value)| !value.is_null());
    let parts: Vec<String> = there.map(|(place, value)| format!("`{place}` {}", document::brief(value))).collect();
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Whether a resource is on its way out.
pub fn is_going(resource: &Resource, document: &Document) -> bool {
    has_status(resource, document, |settles| &settles.going)
}

/// Whether a resource is not there any more, though it is still shown.
pub fn is_gone(resource: &Resource, document: &Document) -> bool {
    has_status(resource, document, |settles| &settles.gone)
}

fn has_status(resource: &Resource, document: &Document, of: impl Fn(&Settles) -> &Vec<String>) -> bool {
    resource.settles.as_ref().is_some_and(|settles| {
        let status = document.get(&settles.wire).and_then(Value::as_str).unwrap_or_default();
        of(settles).iter().any(|known| known == status)
    })
}

/// What a call can answer of a resource: its fields, and what tells whether it has settled.
pub fn fields(resource: &Resource, driver: &dyn Driver, call: &str) -> Vec<String> {
    let own = resource.fields.iter().filter(|field| !field.echoes).map(|field| &field.wire);
    // What went wrong may stand within a field.
    let errors = |settles: &'_ Settles| {
        let place = settles.errors.as_ref()?;
        Some(resource.field_at(place).map_or(place.clone(), |field| field.wire.clone()))
    };
    let settles = resource.settles.iter().flat_map(|settles| [Some(settles.wire.clone()), errors(settles)]).flatten();
    let known = driver.signature(call).map(|signature| signature.fields).unwrap_or_default();
    let mut fields: Vec<String> = Vec::new();
    for wire in own.cloned().chain(settles).filter(|wire| known.contains(&wire.as_str())) {
        if !fields.contains(&wire) {
            fields.push(wire);
        }
    }
    fields
}

fn bound(params: &BTreeMap<String, String>) -> Values {
    params.iter().map(|(name, value)| (name.clone(), vec![value.clone()])).collect()
}
