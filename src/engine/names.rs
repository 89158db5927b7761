//! What the names pass asks of the catalog: a table's columns with every spelling that they go by.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::execution::session_state::SessionState;
use futures::FutureExt;

use crate::catalog::model::{Catalog, Resource};
use crate::engine::functions;
use crate::engine::own::OwnTable;
use crate::error::{Error, Kind, Result, nearest};
use crate::sql::names::{Column, Tables};
use crate::sql::{Body, Name, Part};

/// The tables of one session.
pub struct SessionTables<'a> {
    pub catalog: &'a Catalog,
    pub state: &'a SessionState,
    /// The tables of the user's own that are in reach, by their names.
    pub own: &'a BTreeMap<String, OwnTable>,
}

/// What begins a name that is not written in full: `awscc`, or `awscc.redshift`.
#[derive(Debug)]
pub struct InUse(pub Option<String>);

/// The parts of a name, with those before them that are in use. A name in full stays what it is.
fn completed(name: &[String], in_use: Option<&str>) -> Option<Vec<String>> {
    let before: Vec<String> = in_use?.split('.').map(String::from).collect();
    // What is in use may be more than the name lacks: `redshift.integrations` with `awscc.redshift` in use.
    let missing = 3_usize.checked_sub(name.len()).filter(|missing| *missing <= before.len())?;
    (missing > 0).then(|| before.into_iter().take(missing).chain(name.iter().cloned()).collect())
}

/// A write to a resource by its whole name. What the session has under a short name goes first.
pub fn in_full<'a>(body: &'a Body, in_use: Option<&str>, is_own: impl Fn(&str) -> bool) -> Cow<'a, Body> {
    let mut body = Cow::Borrowed(body);
    let name = match &*body {
        Body::Insert(insert) => &insert.table,
        Body::Update(update) => &update.table,
        Body::Delete(delete) => &delete.table,
        _ => return body,
    };
    let Some(parts) = completed(&name.texts(), in_use).filter(|_| !is_own(&name.to_string())) else { return body };
    let span = name.span();
    let missing = parts.len() - name.parts.len();
    let before = parts.into_iter().take(missing).map(|text| Part { text, span });
    let full = Name { parts: before.chain(name.parts.iter().cloned()).collect() };
    match body.to_mut() {
        Body::Insert(insert) => insert.table = full,
        Body::Update(update) => update.table = full,
        Body::Delete(delete) => delete.table = full,
        _ => {}
    }
    body
}

/// # Errors
/// `Name`: there is no such provider or service.
pub fn check_in_use(catalog: &Catalog, in_use: Option<&str>) -> Result<()> {
    let Some(name) = in_use else { return Ok(()) };
    let mut parts = name.split('.');
    let (provider, service) = (parts.next().unwrap_or_default(), parts.next());
    let Some(found) = catalog.providers.iter().find(|known| known.name == provider) else {
        let error = Error::new(Kind::Name, format!("there is no provider `{provider}`"));
        let known = catalog.providers.iter().map(|provider| provider.name.as_str());
        return Err(match nearest(provider, known) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint("`SHOW PROVIDERS` lists them"),
        });
    };
    match service.filter(|service| !found.services.iter().any(|known| known.name == *service)) {
        Some(service) => Err(Error::new(Kind::Name, format!("there is no service `{service}` in `{provider}`"))
            .with_hint(format!("`SHOW SERVICES IN {provider}` lists them"))),
        None => Ok(()),
    }
}

impl SessionTables<'_> {
    fn resource(&self, name: &[String]) -> Result<Option<&Resource>> {
        let in_use = self.state.config().get_extension::<InUse>();
        let full = completed(name, in_use.as_ref().and_then(|in_use| in_use.0.as_deref()));
        // What the session has under a short name goes first.
        if full.is_some() && self.local(name).is_some() {
            return Ok(None);
        }
        match full.as_deref().unwrap_or(name) {
            [provider, service, resource] if service != "information_schema" => {
                self.catalog.resource(provider, service, resource).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Tables that the catalog does not describe: information_schema, and whatever the session holds itself.
    fn local(&self, name: &[String]) -> Option<Arc<Schema>> {
        let options = &self.state.config_options().catalog;
        let (catalog, schema, table) = match name {
            [table] => (&options.default_catalog, &options.default_schema, table),
            [schema, table] => (&options.default_catalog, schema, table),
            [catalog, schema, table] => (catalog, schema, table),
            _ => return None,
        };
        let schema = match (schema.as_str(), self.state.catalog_list().catalog(catalog)) {
            ("information_schema", Some(_)) => {
                let provider = datafusion::catalog::information_schema::InformationSchemaProvider::new(
                    self.state.catalog_list().clone(),
                );
                // Its tables are made of what is in memory: the future is ready at once.
                return provider_schema(&provider, table);
            }
            (schema, Some(catalog)) => catalog.schema(schema)?,
            (_, None) => return None,
        };
        provider_schema(schema.as_ref(), table)
    }

    fn unknown(&self, name: &[String]) -> Error {
        let typed = name.join(".");
        let error = Error::new(Kind::Name, format!("there is no table `{typed}`"));
        let last = name.last().map(String::as_str).unwrap_or_default();
        let resources = || self.catalog.providers.iter().flat_map(|p| &p.services).flat_map(|s| &s.resources);
        let same: Vec<String> =
            resources().filter(|r| r.name.eq_ignore_ascii_case(last)).map(|r| format!("`{}`", r.full_name())).collect();
        let own = self.own.keys().map(String::as_str);
        if let ([_], Some(near)) = (name, nearest(&typed, own)) {
            return error.with_hint(format!("did you mean `{near}`?"));
        }
        let names: Vec<String> = resources().map(|resource| resource.full_name()).collect();
        let shorts: Vec<&str> = resources().map(|resource| resource.name.as_str()).collect();
        if !same.is_empty() {
            error.with_hint(format!("a table is named in full: {}", same.join(" or ")))
        } else if let Some(near) = nearest(&typed, names.iter().map(String::as_str)) {
            error.with_hint(format!("did you mean `{near}`?"))
        } else if let Some(near) = nearest(last, shorts.iter().copied()) {
            let full = resources().find(|resource| resource.name == near).map(Resource::full_name);
            error.with_hint(format!("did you mean `{}`?", full.unwrap_or_default()))
        } else {
            error.with_hint("`SHOW PROVIDERS` and `SHOW RESOURCES IN provider.service` list what there is")
        }
    }
}

/// Nothing can be selected from what has no fields.
fn methods_alone(resource: &Resource) -> Error {
    let name = resource.full_name();
    let methods: Vec<String> = resource.methods.iter().map(|method| format!("`{}`", method.name)).collect();
    Error::new(Kind::Statement, format!("`{name}` has no rows: it has methods alone"))
        .with_context(format!("its methods: {}", methods.join(", ")))
        .with_context("nothing was sent")
        .with_hint(format!("`EXEC {name}.…` runs one, and `SELECT … FROM (EXEC {name}.…)` one that only reads"))
        .with_hint(format!("`SHOW METHODS IN {name}` says what each needs"))
}

fn provider_schema(schema: &dyn datafusion::catalog::SchemaProvider, table: &str) -> Option<Arc<Schema>> {
    schema.table(table).now_or_never()?.ok()?.map(|table| table.schema())
}

impl Tables for SessionTables<'_> {
    fn columns(&self, name: &[String]) -> Result<Vec<Column>> {
        if let [own] = name
            && let Some(table) = self.own.get(own)
        {
            return Ok(table.columns.clone());
        }
        if let Some(schema) = self.local(name) {
            let column = |name: &String| Column { name: name.clone(), aliases: Vec::new(), hidden: false };
            if self.resource(name).ok().flatten().is_none() {
                return Ok(schema.fields().iter().map(|field| column(field.name())).collect());
            }
        }
        match self.resource(name)? {
            Some(resource) if resource.fields.is_empty() => Err(methods_alone(resource)),
            Some(resource) => Ok(columns(resource)),
            None => Err(self.unknown(name)),
        }
    }

    fn canonical(&self, name: &[String]) -> Option<Vec<String>> {
        let resource = self.resource(name).ok().flatten()?;
        Some(vec![resource.provider.clone(), resource.service.clone(), resource.name.clone()])
    }

    fn has_function(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.state.scalar_functions().contains_key(&name) && !functions::is_hidden(&name)
            || self.state.aggregate_functions().contains_key(&name)
            || self.state.window_functions().contains_key(&name)
            || self.state.table_functions().contains_key(&name)
            || self.state.higher_order_functions().contains_key(&name)
            || functions::table_columns(&name).is_some()
            // Planned by the SQL planner itself.
            || matches!(name.as_str(), "unnest" | "grouping" | "struct" | "make_array" | "row")
    }

    fn table_function(&self, name: &str) -> Option<Vec<String>> {
        functions::table_columns(name)
    }

    fn functions(&self) -> Vec<String> {
        let scalar = self.state.scalar_functions().keys().filter(|name| !functions::is_hidden(name));
        let aggregate = self.state.aggregate_functions().keys();
        let window = self.state.window_functions().keys();
        let tables = functions::table_names().map(String::from);
        scalar
            .chain(aggregate)
            .chain(window)
            .chain(self.state.table_functions().keys())
            .cloned()
            .chain(tables)
            .collect()
    }
}

/// A resource's columns: its fields with their wire names, `Identifier` for its identity, then the params that are no fields.
pub fn columns(resource: &Resource) -> Vec<Column> {
    let fields = resource.fields.iter().map(|field| {
        let identifier = (resource.identity.first() == Some(&field.name)).then(|| "Identifier".to_string());
        let wire = (field.wire != field.name && !field.wire.contains('.')).then(|| field.wire.clone());
        Column { name: field.name.clone(), aliases: wire.into_iter().chain(identifier).collect(), hidden: false }
    });
    let params = resource.hidden_params();
    fields.chain(params.map(|param| Column { name: param.name.clone(), aliases: Vec::new(), hidden: true })).collect()
}
