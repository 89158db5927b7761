//! The catalog as DataFusion sees it: a table for each resource, and what each accepts of a WHERE.
//! Planning a table sends nothing: it only notes the route. No DML hook is implemented: a DELETE with a subquery
//! would reach it as "all rows".

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, Session, TableProvider,
};
use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::unparser::expr_to_sql;

use crate::catalog::model::{Catalog, Resource};
use crate::drivers::{Driver, Drivers};
use crate::engine::everywhere::{self, REGION};
use crate::engine::route::route;
use crate::engine::rows;
use crate::engine::run::{Run, Used, raise};
use crate::engine::scan::{Known, ScanExec};
use crate::engine::{narrow, pushdown};
use crate::error::{Error, Kind, Result};

/// One resource as a table: its fields in the document's order, then the params that are no fields.
#[derive(Debug, Clone)]
pub struct ResourceTable {
    pub resource: Arc<Resource>,
    pub driver: Arc<dyn Driver>,
    schema: SchemaRef,
    /// Where the statement names it, once that is known.
    used: Option<Used>,
}

impl ResourceTable {
    pub fn new(resource: Arc<Resource>, driver: Arc<dyn Driver>) -> Self {
        let schema = schema(&resource);
        ResourceTable { resource, driver, schema, used: None }
    }

    /// The same table at one of its mentions.
    pub fn mentioned(&self, used: Option<Used>) -> Self {
        ResourceTable { used, ..self.clone() }
    }

    fn is_param(&self, column: &str) -> bool {
        self.resource.param(column).is_some()
    }

    fn is_text(&self, column: &str) -> bool {
        self.schema.field_with_name(column).is_ok_and(|field| *field.data_type() == DataType::Utf8)
    }
}

/// A resource's columns: its fields in the document's order, then the params that are no fields.
pub fn schema(resource: &Resource) -> SchemaRef {
    let fields = resource.fields.iter().map(|field| rows::field(&field.name, &field.kind));
    let params = resource.hidden_params().map(|param| rows::field(&param.name, &param.kind));
    Arc::new(Schema::new(fields.chain(params).collect::<Vec<_>>()))
}

/// A DataFusion catalog for each provider, with a schema for each service.
///
/// # Errors
/// `Document`: a service whose driver does not exist.
pub fn catalogs(catalog: &Catalog, drivers: &Drivers) -> Result<Vec<(String, Arc<dyn CatalogProvider>)>> {
    let mut found = Vec::new();
    for provider in &catalog.providers {
        let schemas = MemoryCatalogProvider::new();
        for service in &provider.services {
            let driver = drivers.of(service).ok_or_else(|| {
                Error::new(Kind::Document, format!("there is no driver `{}`", service.driver))
                    .with_context(format!("needed by {}.{}", provider.name, service.name))
            })?;
            let tables = MemorySchemaProvider::new();
            for resource in &service.resources {
                let table = ResourceTable::new(Arc::new(resource.clone()), driver.clone());
                tables.register_table(resource.name.clone(), Arc::new(table)).map_err(internal)?;
            }
            schemas.register_schema(&service.name, Arc::new(tables)).map_err(internal)?;
        }
        found.push((provider.name.clone(), Arc::new(schemas) as Arc<dyn CatalogProvider>));
    }
    Ok(found)
}

/// Whether a condition is on one column and nothing else.
fn is_about_one_column(filter: &Expr) -> bool {
    filter.column_refs().len() == 1
}

fn internal(error: datafusion::common::DataFusionError) -> Error {
    Error::new(Kind::Internal, "the catalog cannot be registered").with_source(error)
}

#[async_trait]
impl TableProvider for ResourceTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Exact only for what is nothing but values of one param; whatever else narrows the calls is checked again.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> PlanResult<Vec<TableProviderFilterPushDown>> {
        // A param that is compared with a number is cast, and so bound by nothing: say so before it is called missing.
        for column in filters.iter().filter_map(|filter| pushdown::cast_column(filter)) {
            if self.is_param(column) {
                let error = Error::new(Kind::Param, format!("`{column}` is text, and is compared with something else"))
                    .with_hint(format!("write its value in quotes: `{column} = '…'`"));
                return Err(raise(error));
            }
        }
        let answer = |filter: &&Expr| match pushdown::only_column(filter) {
            Some(column) if self.is_param(column) => TableProviderFilterPushDown::Exact,
            // A filter on a param is seen by the scan in any case, so that it can tell how the param is bound.
            // A list of values may be narrowed by what else is said of the column.
            _ if pushdown::implied(filter).is_empty()
                && !is_about_one_column(filter)
                && !filter.column_refs().iter().any(|c| self.is_param(&c.name)) =>
            {
                TableProviderFilterPushDown::Unsupported
            }
            _ => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let run = Run::of(session.config())?;
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => self.schema.clone(),
        };
        let wanted = |name: &String| self.resource.field(name).filter(|field| !field.echoes && !self.is_param(name));
        let fields: Vec<String> =
            schema.fields().iter().filter_map(|column| wanted(column.name())).map(|field| field.wire.clone()).collect();
        let mut values = pushdown::values(filters);
        let mut defaults = run.defaults.of(&self.resource);
        let given = defaults.clone();
        let placed = |error: Error| raise(run.placed(error, &self.resource, self.used.as_ref()));
        // What the statement itself says stands before it.
        if let Some(regions) =
            defaults.get_mut(REGION).filter(|_| !values.contains_key(REGION) && self.is_param(REGION))
        {
            *regions = everywhere::default(self, &run, regions).map_err(placed)?;
        }
        for (name, values) in values.iter_mut().chain(&mut defaults).filter(|(name, _)| self.is_text(name)) {
            *values = narrow::passing(name, std::mem::take(values), filters);
        }
        let route = route(&self.resource, &values, &defaults, &fields, |call| self.driver.signature(call));
        let mut route = route.map_err(placed)?;
        let speaks_of = |filter: &Expr, name: &str| filter.column_refs().iter().any(|column| column.name == name);
        let unbinding = filters.iter().filter(|filter| route.missing.iter().any(|name| speaks_of(filter, name)));
        let conditions = unbinding.map(|filter| expr_to_sql(filter).map_or(filter.to_string(), |sql| sql.to_string()));
        route.conditions = conditions.collect();
        let narrowed = |name: &String| {
            self.is_param(name) && !values.contains_key(name) && filters.iter().any(|filter| speaks_of(filter, name))
        };
        let notices = given.iter().filter(|(name, _)| narrowed(name)).map(|(name, given)| {
            let given = pushdown::distinct(given.clone()).join(", ");
            format!("`{name}` is {given}, since nothing here binds it; the condition on it only narrows that")
        });
        let notices = notices.collect();
        let unbound = self.resource.hidden_params().map(|param| &param.name).filter(|name| {
            schema.field_with_name(name).is_ok() && !values.contains_key(*name) && !defaults.contains_key(*name)
        });
        let unbound = unbound.cloned().collect();
        let known = Known { values, defaults, fields, unbound, notices, used: self.used.clone() };
        Ok(Arc::new(ScanExec::new(self.resource.clone(), self.driver.clone(), run, schema, route, known, limit)))
    }
}
