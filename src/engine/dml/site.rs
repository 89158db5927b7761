//! What a write is about: the resource that a statement names, and what its columns mean there. Sends nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;

use crate::catalog::model::{Field, Method, Param, Resource};
use crate::drivers::{Driver, Signature};
use crate::engine::Engine;
use crate::engine::names::columns;
use crate::engine::route::plausible;
use crate::engine::tables::ResourceTable;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::sql::{Name, Part, Source, names};

/// How many mistakes are told before the rest is only counted.
const MOST_SAID: usize = 50;

#[derive(Debug, Clone)]
pub struct Site {
    pub resource: Arc<Resource>,
    pub driver: Arc<dyn Driver>,
}

/// What a column of INSERT or SET means.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    Field(&'a Field),
    Param(&'a Param),
    /// `PatchDocument`: the change itself.
    Patch,
}

impl Site {
    /// # Errors
    /// `Name`, with its place: there is no such resource.
    pub fn of(engine: &Engine, name: &Name, source: &Source) -> Result<Site> {
        let place = || source.place(name.span());
        let texts = name.texts();
        let [provider, service, resource] = texts.as_slice() else {
            return Err(Error::new(Kind::Name, format!("`{name}` is no resource that can be written"))
                .at(place())
                .with_hint("a resource is named in full: `provider.service.resource`"));
        };
        let found = engine.catalog().resource(provider, service, resource).map_err(|error| error.at(place()))?;
        let table = engine.catalogs.iter().find(|(name, _)| *name == found.provider);
        let table = table.and_then(|(_, catalog)| catalog.schema(&found.service));
        let table = table.and_then(|schema| schema.table(&found.name).now_or_never()?.ok()?);
        let table = table.as_ref().and_then(|table| table.downcast_ref::<ResourceTable>());
        let table = table.ok_or_else(|| Error::new(Kind::Internal, format!("`{name}` is no table")))?;
        Ok(Site { resource: table.resource.clone(), driver: table.driver.clone() })
    }

    /// The method of a verb.
    ///
    /// # Errors
    /// `Statement`: the resource has none.
    pub fn method(&self, verb: &str, name: Option<&String>) -> Result<&Method> {
        let full = self.resource.full_name();
        name.and_then(|name| self.resource.method(name)).ok_or_else(|| {
            Error::new(Kind::Statement, format!("`{full}` has no {verb}"))
                .with_context("nothing was sent")
                .with_hint(format!("`SHOW METHODS IN {full}` lists what it has"))
        })
    }

    pub fn signature(&self, call: &str) -> Result<Signature<'_>> {
        let missing = || Error::new(Kind::Internal, format!("`{}` has no call `{call}`", self.driver.name()));
        self.driver.signature(call).ok_or_else(missing)
    }

    /// What a column that is written means.
    ///
    /// # Errors
    /// What to say of a name that means nothing.
    pub fn column(&self, typed: &Part) -> Result<Column<'_>, String> {
        let bare = typed.text.to_lowercase();
        if bare.strip_prefix("data__").unwrap_or(&bare) == "patchdocument" {
            return Ok(Column::Patch);
        }
        let columns = columns(&self.resource);
        let Some(at) = names::find(&columns, &typed.text) else {
            let names = columns.iter().flat_map(|column| std::iter::once(&column.name).chain(&column.aliases));
            let near = did_you_mean(&typed.text, names.map(String::as_str));
            return Err(format!("there is no column `{}` in `{}`{near}", typed.text, self.resource.full_name()));
        };
        let column = &columns[at];
        Ok(match (self.resource.param(&column.name), self.resource.field(&column.name)) {
            (Some(param), _) => Column::Param(param),
            (None, Some(field)) => Column::Field(field),
            (None, None) => return Err(format!("there is no column `{}`", typed.text)),
        })
    }

    /// The params of a call: those that are given, then the session's. One that is given and NULL is a mistake.
    ///
    /// # Errors
    /// What is wrong with each.
    pub fn params(
        &self,
        call: &str,
        given: &BTreeMap<String, Option<String>>,
        defaults: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, String>, Vec<String>> {
        let taken = self.driver.signature(call).map(|signature| signature.params).unwrap_or_default();
        let (mut found, mut complaints) = (BTreeMap::new(), Vec::new());
        for name in given.keys().filter(|name| !taken.iter().any(|param| param.name == name.as_str())) {
            complaints.push(format!("`{name}` cannot be given here: `{call}` does not take it"));
        }
        for param in &taken {
            let value = match given.get(param.name) {
                Some(None) => {
                    complaints.push(format!("`{}` is NULL", param.name));
                    continue;
                }
                Some(Some(value)) => Some(vec![value.clone()]),
                None => None,
            };
            match value.as_ref().or_else(|| defaults.get(param.name)).map(Vec::as_slice) {
                Some([value]) => match plausible(param, value) {
                    Ok(()) => drop(found.insert(param.name.to_string(), value.clone())),
                    Err(error) => complaints.push(with_hint(&error)),
                },
                Some([]) | None if param.required => complaints.push(format!("`{}` is missing", param.name)),
                Some([]) | None => {}
                Some(several) => complaints.push(format!(
                    "`{}` is missing, and the session has several: {}",
                    param.name,
                    several.join(", ")
                )),
            }
        }
        if complaints.is_empty() { Ok(found) } else { Err(complaints) }
    }

    /// The identity's field.
    ///
    /// # Errors
    /// `Statement`: nothing tells one row from another.
    pub fn identity(&self) -> Result<&Field> {
        let field = self.resource.identity.first().and_then(|name| self.resource.field(name));
        field.ok_or_else(|| {
            Error::new(Kind::Statement, format!("the rows of `{}` have no identity", self.resource.full_name()))
        })
    }

    /// The field that reports name a row by.
    pub fn unique(&self) -> Option<&Field> {
        self.resource.fields.iter().find(|field| field.unique)
    }
}

/// An error as one complaint of several, with the first thing to do about it.
pub fn with_hint(error: &Error) -> String {
    let hint = error.hints.first().map(|hint| format!(": {hint}"));
    error.message.clone() + &hint.unwrap_or_default()
}

/// All that is wrong with a statement that writes, in one error.
pub fn refused(verb: &str, complaints: Vec<String>) -> Error {
    let error = match complaints.as_slice() {
        [one] => {
            let mut lines = one.lines();
            let error = Error::new(Kind::Param, lines.next().unwrap_or_default());
            lines.fold(error, |error, line| error.with_context(line.trim_start()))
        }
        several => {
            let error = Error::new(Kind::Param, format!("the {verb} has {} mistakes", several.len()));
            let error = several.iter().take(MOST_SAID).fold(error, |error, complaint| error.with_context(complaint));
            match several.len().saturating_sub(MOST_SAID) {
                0 => error,
                more => error.with_context(format!("… and {more} more")),
            }
        }
    };
    error.with_context("nothing was sent")
}
