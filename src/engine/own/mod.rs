//! Tables of the user's own: those of the session, files, and views that are kept between runs. Here: what one of them
//! is, and which of them a query can reach. Sends nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider, TableProvider,
};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlparser::ast::{Ident, ObjectName, Query, Visit, Visitor};
use sqlparser::tokenizer::Span;

use crate::engine::headers;
use crate::engine::regions::Names;
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result};
use crate::sql::Source;
use crate::sql::names::Column;

mod change;
mod copy;
mod create;
mod csv;
mod encode;
mod files;
mod fit;
mod kept;
mod shown;
mod store;
mod views;

pub use change::{insert, refuse_change, target};
pub use create::{explained, run};
pub use files::told;
pub use shown::{describe, show, type_name};
pub use store::VIEWS;

/// A table that no provider has.
#[derive(Debug, Clone)]
pub struct OwnTable {
    pub provider: Arc<dyn TableProvider>,
    /// Every column, with the other names that it answers to.
    pub columns: Vec<Column>,
    /// The full names of the provider's tables that it reads from.
    pub inside: BTreeSet<String>,
    /// The regions that a view asks by `region = '*'`, and those that it names.
    pub regions: Names,
    /// The memory that its rows take of the session's.
    pub held: Vec<Arc<MemoryReservation>>,
    pub kind: OwnKind,
    /// Of each column, how many characters a text of it has at most; empty if no column says so.
    pub longest: Vec<Option<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnKind {
    /// Rows in memory, for the session.
    Rows,
    File,
    View,
    Materialized,
}

impl OwnTable {
    pub fn new(provider: Arc<dyn TableProvider>, kind: OwnKind) -> Self {
        let columns = provider
            .schema()
            .fields()
            .iter()
            .map(|field| Column { name: field.name().clone(), ..Column::default() })
            .collect();
        OwnTable {
            provider,
            columns,
            inside: BTreeSet::new(),
            regions: Names::default(),
            held: Vec::new(),
            kind,
            longest: Vec::new(),
        }
    }

    /// The same, with the other names that the query's columns answered to.
    pub fn answering_to(mut self, columns: Option<&[Column]>) -> Self {
        let Some(columns) = columns.filter(|columns| columns.len() == self.columns.len()) else { return self };
        for (own, column) in self.columns.iter_mut().zip(columns) {
            own.aliases = column.aliases.iter().filter(|alias| **alias != own.name).cloned().collect();
        }
        self
    }
}

/// The tables of one session. Each is replaced whole, so that whoever reads one keeps what it began with.
#[derive(Debug, Default)]
pub struct OwnTables(Mutex<BTreeMap<String, OwnTable>>);

impl OwnTables {
    pub fn get(&self, name: &str) -> Option<OwnTable> {
        self.tables().get(name).cloned()
    }

    pub fn put(&self, name: &str, table: OwnTable) {
        self.tables().insert(name.to_string(), table);
    }

    pub fn take(&self, name: &str) -> Option<OwnTable> {
        self.tables().remove(name)
    }

    /// All of them, as they are now.
    pub fn all(&self) -> BTreeMap<String, OwnTable> {
        self.tables().clone()
    }

    pub fn restore(&self, tables: BTreeMap<String, OwnTable>) {
        *self.tables() = tables;
    }

    /// Moves what the tables hold of memory to another pool.
    ///
    /// # Errors
    /// It is more than the pool has; then nothing is moved.
    pub fn held_by(&self, pool: &Arc<dyn MemoryPool>) -> datafusion::common::Result<()> {
        let mut tables = self.tables();
        let moved = tables.iter().map(|(name, table)| {
            let held = MemoryConsumer::new(format!("the table {name}")).register(pool);
            held.try_grow(table.held.iter().map(|held| held.size()).sum())?;
            Ok(Arc::new(held))
        });
        let moved = moved.collect::<datafusion::common::Result<Vec<_>>>()?;
        tables.values_mut().zip(moved).for_each(|(table, held)| table.held = vec![held]);
        Ok(())
    }

    fn tables(&self) -> MutexGuard<'_, BTreeMap<String, OwnTable>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a table or a view of the user's own has this name.
pub fn is_there(session: &Session, name: &str) -> bool {
    session.own.get(name).is_some() || views::exists(session, name)
}

/// What a query can reach besides the catalog: the session's tables, and of views and files those that it names.
/// `within` are the views that it stands in, outermost first.
///
/// # Errors
/// A view or a file that is named and cannot be used.
pub fn in_reach<'a>(
    session: &'a Session,
    query: &'a Query,
    source: &'a Source,
    within: &'a [String],
) -> BoxFuture<'a, Result<BTreeMap<String, OwnTable>>> {
    async move {
        let mut found = session.own.all();
        let named = named(query);
        for (name, quoted, span) in named.tables {
            if found.contains_key(&name) {
                continue;
            }
            let table = match views::load(session, &name, within).await {
                Ok(Some(table)) => Ok(Some(table)),
                Ok(None) if quoted && files::is_one(&name) => files::read(session, &name).await.map(Some),
                other => other,
            };
            match table {
                Ok(Some(table)) => {
                    found.insert(name, table);
                }
                Ok(None) => {}
                // Whether a name means the CTE or the view is for the scopes to say; without the view it can be only the CTE.
                Err(_) if named.ctes.contains(&name) => {}
                // The parser keeps no place of a name in single quotes: the statement's is told then.
                Err(error) if span == Span::empty() => return Err(error),
                Err(error) => return Err(error.at(source.place(span))),
            }
        }
        Ok(found)
    }
    .boxed()
}

/// The tables of one statement as DataFusion finds them: the providers', and the user's own.
pub fn catalogs(session: &Session, own: &BTreeMap<String, OwnTable>) -> Result<Arc<dyn CatalogProviderList>> {
    let failed = |error| Error::new(Kind::Internal, "a table cannot be registered").with_source(error);
    let list = MemoryCatalogProviderList::new();
    for (name, catalog) in &session.engine().catalogs {
        list.register_catalog(name.clone(), catalog.clone());
    }
    let (local, main, iql) = (MemoryCatalogProvider::new(), MemorySchemaProvider::new(), MemorySchemaProvider::new());
    for (name, table) in own {
        main.register_table(name.clone(), table.provider.clone()).map_err(failed)?;
    }
    // Rows of calls that a statement has put there for itself.
    let placed = session.state().catalog_list().catalog("local").and_then(|catalog| catalog.schema("main"));
    for name in placed.iter().flat_map(|schema| schema.table_names()) {
        let table = placed.as_ref().and_then(|schema| schema.table(&name).now_or_never()?.ok()?);
        table.map(|table| main.register_table(name, table)).transpose().map_err(failed)?;
    }
    iql.register_table("failures".into(), session.failures.clone()).map_err(failed)?;
    local.register_schema("main", Arc::new(main)).map_err(failed)?;
    local.register_schema("iql", Arc::new(iql)).map_err(failed)?;
    list.register_catalog("local".into(), Arc::new(local));
    Ok(Arc::new(list))
}

/// The plan with the names that its query's columns were typed with; each of them once.
///
/// # Errors
/// `Statement`: a name that is there twice.
pub fn titled(plan: LogicalPlan, typed: &Query) -> Result<LogicalPlan> {
    let schema: SchemaRef = plan.schema().inner().clone();
    let named = headers::renamed(&schema, &headers::typed(typed));
    let mut known = BTreeSet::new();
    if let Some(twice) = named.fields().iter().find(|field| !known.insert(field.name().clone())) {
        return Err(Error::new(Kind::Statement, format!("the column `{}` is there twice", twice.name()))
            .with_context("nothing was sent")
            .with_hint(format!("give one of them a name of its own: `… AS {}_2`", twice.name())));
    }
    let columns = plan
        .schema()
        .iter()
        .zip(named.fields())
        .map(|((qualifier, field), name)| Expr::from((qualifier, field)).alias(name.name()));
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan)
        .project(columns)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|error| crate::engine::translate::translate(&error, None))
}

/// What a query names that may be the user's own.
#[derive(Default)]
struct Named {
    /// Names of one part, whether they are quoted, and where they first stand.
    tables: Vec<(String, bool, Span)>,
    ctes: BTreeSet<String>,
}

impl Visitor for Named {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes.extend(ctes.map(|cte| folded(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        if let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident()
        {
            let name = folded(ident);
            if !self.tables.iter().any(|(known, ..)| *known == name) {
                self.tables.push((name, ident.quote_style.is_some(), ident.span));
            }
        }
        ControlFlow::Continue(())
    }
}

fn named(query: &Query) -> Named {
    let mut named = Named::default();
    // Nothing in the walk breaks off.
    let _ = query.visit(&mut named);
    named
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

/// The name of a table of one's own.
fn own_name<'n>(name: &'n crate::sql::Name, source: &Source) -> Result<&'n str> {
    match name.parts.as_slice() {
        [part] => Ok(&part.text),
        parts => {
            let last = parts.last().map(|part| part.text.as_str()).unwrap_or_default();
            Err(Error::new(Kind::Name, format!("`{name}` is no name for a table or a view of one's own"))
                .at(source.place(name.span()))
                .with_context("nothing was sent")
                .with_hint(format!("names with dots are the providers'; write `{last}`")))
        }
    }
}
