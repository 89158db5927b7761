//! `(EXEC …)` as a table: a method that answers a SELECT is the query that reads the same; of any other the call is sent when
//! its rows are wanted, and its answer is the table. Sends nothing by itself.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session as Planning, TableProvider};
use datafusion::common::Result as PlanResult;
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use sqlparser::ast::{Query, SetExpr, TableFactor, VisitMut, VisitorMut};
use sqlparser::tokenizer::Location;

use super::payload::Payload;
use super::{Prepared, answer, found, prepared, said};
use crate::catalog::model::{Access, Method, Resource};
use crate::drivers::{Driver, Page, Request, Signature};
use crate::engine::dml::document::Document;
use crate::engine::dml::exec::{everything, reads};
use crate::engine::dml::memory;
use crate::engine::dml::returning::Placed;
use crate::engine::dml::targets::{relation, select};
use crate::engine::route::Route;
use crate::engine::run::Run;
use crate::engine::scan::{Known, ScanExec};
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result};
use crate::sql::{Body, Name, Part, Statement};

/// Names the tables of one program apart.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The tables of one statement, as long as it is planned.
#[derive(Default)]
pub struct Tables {
    /// What there is to say of their calls.
    pub notices: Vec<String>,
    placed: Vec<Placed>,
}

/// The statement with a table in the place of each `(EXEC …)` whose method answers no verb.
///
/// # Errors
/// What is wrong with one of them.
pub async fn with_tables(session: &Session, mut statement: Statement) -> Result<(Statement, Tables)> {
    let mut tables = Tables::default();
    let mut places = Vec::new();
    let is_query = matches!(statement.body, Body::Query(_));
    for exec in &statement.execs {
        let source = &statement.source;
        let Some((site, method)) = found(session, exec, source)? else {
            reads(session.engine(), exec, source)?;
            continue;
        };
        if site.signature(&method.call)?.writes {
            let message = format!("`{}` writes, and a query within a query can only read", method.name);
            return Err(Error::new(Kind::Statement, message)
                .at(source.place(exec.name.span()))
                .with_context("nothing was sent")
                .with_hint("run the EXEC by itself; `RETURNING …` at its end shows what it answers"));
        }
        let prepared = prepared(session, site, method, exec, (source, &Arc::default())).await?;
        let name = format!("exec {}", COUNT.fetch_add(1, Ordering::Relaxed));
        tables.notices.extend(prepared.notices.iter().filter(|_| is_query).cloned());
        let said = said(&prepared.site, &prepared.method, &prepared.payload, Document::new());
        tables.notices.extend(said.filter(|_| is_query));
        let table = MethodTable::of(prepared, session.settings().state);
        tables.placed.push(Placed::new(&session.state(), &name, Arc::new(table))?);
        places.push((exec.name.parts[0].span.start, name));
    }
    if !places.is_empty() {
        replace(&mut statement.body, &mut Places(places));
    }
    Ok((statement, tables))
}

/// Puts the tables where the queries stand that the parser has put there.
fn replace(body: &mut Body, places: &mut Places) {
    // The walk itself never ends early.
    let _whole: [ControlFlow<()>; 2] = match body {
        Body::Query(query) => [query.visit(places), ControlFlow::Continue(())],
        Body::Explain { inner, .. } => return replace(inner, places),
        Body::Insert(insert) => [insert.source.visit(places), ControlFlow::Continue(())],
        Body::Update(update) => {
            for assignment in &mut update.assignments {
                let _whole: ControlFlow<()> = assignment.value.visit(places);
            }
            [update.from.visit(places), update.selection.visit(places)]
        }
        Body::Delete(delete) => [delete.using.visit(places), delete.selection.visit(places)],
        _ => return,
    };
}

/// Where the names of methods stand, and the tables that they stand for.
struct Places(Vec<(Location, String)>);

impl VisitorMut for Places {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let SetExpr::Select(body) = query.body.as_ref() else { return ControlFlow::Continue(()) };
        let [from] = body.from.as_slice() else { return ControlFlow::Continue(()) };
        let TableFactor::Table { name, .. } = &from.relation else { return ControlFlow::Continue(()) };
        let Some(first) = name.0.first().and_then(|part| part.as_ident()) else { return ControlFlow::Continue(()) };
        let span = first.span;
        if let Some((_, own)) = self.0.iter().find(|(start, _)| *start == span.start) {
            let part = |text: &str| Part { text: text.to_string(), span };
            let table = Name { parts: ["local", "main", own.as_str()].map(part).to_vec() };
            *query = select(everything(), vec![relation(&table, None)], None);
        }
        ControlFlow::Continue(())
    }
}

/// The answer of one call. What of it is secret is not there: a query has no place that shows it to one who asks alone.
#[derive(Debug)]
struct MethodTable {
    /// The resource, as if the method's columns were its fields.
    resource: Arc<Resource>,
    driver: Arc<dyn Driver>,
    method: String,
    request: Request,
    schema: SchemaRef,
}

impl MethodTable {
    fn of(prepared: Prepared, state: PathBuf) -> MethodTable {
        let Prepared { site, method, payload, request, mut columns, .. } = prepared;
        columns.retain(|field| field.access != Access::Secret);
        let schema = answer::schema(&columns);
        let resource = Resource { fields: columns, params: Vec::new(), ..site.resource.as_ref().clone() };
        let name = method.name.clone();
        let driver = Arc::new(Remembering { driver: site.driver, state, method, payload });
        MethodTable { resource: Arc::new(resource), driver, method: name, request, schema }
    }
}

#[async_trait]
impl TableProvider for MethodTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        session: &dyn Planning,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let run = Run::of(session.config())?;
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => self.schema.clone(),
        };
        let wire = |name: &String| self.resource.field(name).map(|field| field.wire.clone());
        let fields = schema.fields().iter().filter_map(|column| wire(column.name())).collect();
        let requests = vec![Request { fields, ..self.request.clone() }];
        let route = Route { method: self.method.clone(), requests, keyed: true, ..Route::default() };
        let (resource, driver) = (self.resource.clone(), self.driver.clone());
        Ok(Arc::new(ScanExec::new(resource, driver, run, schema, route, Known::default(), limit)))
    }
}

/// The driver, which remembers what the method has sent.
#[derive(Debug)]
struct Remembering {
    driver: Arc<dyn Driver>,
    state: PathBuf,
    method: Method,
    payload: Payload,
}

#[async_trait]
impl Driver for Remembering {
    fn name(&self) -> &'static str {
        self.driver.name()
    }

    fn service(&self) -> &str {
        self.driver.service()
    }

    fn signature(&self, call: &str) -> Option<Signature<'_>> {
        self.driver.signature(call)
    }

    fn calls(&self) -> Vec<&str> {
        self.driver.calls()
    }

    async fn send(&self, request: &Request) -> Result<Page, Error> {
        let page = self.driver.send(request).await?;
        let Payload { params, body, .. } = &self.payload;
        if let Some(memory) = &self.method.remembers {
            // Whoever asks for rows is not told of the state folder: what expects to be remembered says that it was not.
            drop(memory::remember(&self.state, memory, params, &self.payload.document(), body));
        }
        Ok(page)
    }

    fn describe(&self, request: &Request) -> String {
        self.driver.describe(request)
    }
}
