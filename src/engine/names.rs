//! What the names pass asks of the catalog: a table's columns with every spelling that they go by.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::execution::session_state::SessionState;
use futures::FutureExt;

use crate::catalog::model::{Catalog, Resource};
use crate::engine::own::OwnTable;
use crate::error::{Error, Kind, Result, nearest};
use crate::sql::names::{Column, Tables};

/// The tables of one session.
pub struct SessionTables<'a> {
    pub catalog: &'a Catalog,
    pub state: &'a SessionState,
    /// The tables of the user's own that are in reach, by their names.
    pub own: &'a BTreeMap<String, OwnTable>,
}

impl SessionTables<'_> {
    fn resource(&self, name: &[String]) -> Result<Option<&Resource>> {
        match name {
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
        self.state.scalar_functions().contains_key(&name)
            || self.state.aggregate_functions().contains_key(&name)
            || self.state.window_functions().contains_key(&name)
            || self.state.table_functions().contains_key(&name)
            || self.state.higher_order_functions().contains_key(&name)
            // Planned by the SQL planner itself.
            || matches!(name.as_str(), "unnest" | "grouping" | "struct" | "make_array" | "row")
    }

    fn functions(&self) -> Vec<String> {
        let scalar = self.state.scalar_functions().keys();
        let aggregate = self.state.aggregate_functions().keys();
        let window = self.state.window_functions().keys();
        scalar.chain(aggregate).chain(window).chain(self.state.table_functions().keys()).cloned().collect()
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
