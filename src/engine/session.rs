//! One user's session: what is set in it, and the one way in, `run`. A statement is resolved, planned, and its rows
//! stream; dropping them stops the calls.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arrow::array::RecordBatch;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, TryStreamExt};
use sqlparser::ast::{Query, SetExpr};

use crate::engine::block::Block;
use crate::engine::calls::{Calls, Meter};
use crate::engine::control::Control;
use crate::engine::failures::{Failures, FailuresTable, Tolerance, guarded};
use crate::engine::names::{InUse, SessionTables, in_full};
use crate::engine::outcome::{Outcome, within};
use crate::engine::own::OwnTables;
use crate::engine::plan::{logical, physical, state};
use crate::engine::regions::Regions;
use crate::engine::rules::{has_aggregate, keeps_unmatched, scans};
use crate::engine::run::{Defaults, Run, Used};
use crate::engine::{Engine, dml, headers, least, own, secrets, show};
use crate::error::{Error, Kind, Result};
use crate::settings::Settings;
use crate::sql::names::Column;
use crate::sql::{Body, Describe, Dropped, Own, Params, Show, Source, Statement, names};

/// A session of its own: what is `SET` in it holds in it.
#[derive(Debug)]
pub struct Session {
    pub(super) engine: Arc<Engine>,
    variables: Mutex<Variables>,
    control: Arc<Control>,
    /// Its own tables.
    pub(super) own: OwnTables,
    /// `iql.failures`
    pub(super) failures: Arc<FailuresTable>,
    block: Mutex<Option<Block>>,
    /// Whether its tables and views are made without their rows, for what follows to be looked at.
    pub(super) rehearses: bool,
}

#[derive(Debug)]
pub(super) struct Variables {
    pub(super) settings: Settings,
    /// `SET awscc.region = …`, by provider and param.
    pub(super) params: BTreeMap<(String, String), Vec<String>>,
    pub(super) state: SessionState,
    pub(super) calls: Arc<Calls>,
    /// What `$name` stands for.
    bound: Params,
}

/// A query whose names are resolved, and what it is planned and run with.
pub struct Prepared {
    pub state: SessionState,
    pub run: Arc<Run>,
    pub query: Query,
    /// The columns that it gives, if all of their names are known.
    pub columns: Option<Vec<Column>>,
    /// The providers' tables that it reads, those within views among them.
    pub tables: BTreeSet<String>,
    /// The names of the user's own that it reads.
    pub named: BTreeSet<String>,
}

impl Session {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        let settings = engine.settings.clone();
        let variables = Variables {
            state: state(&engine, &settings),
            calls: Arc::new(Calls::new(&settings.limits)),
            params: BTreeMap::new(),
            bound: Params::new(),
            settings,
        };
        Session {
            engine,
            variables: Mutex::new(variables),
            control: Arc::default(),
            own: OwnTables::default(),
            failures: Arc::default(),
            block: Mutex::default(),
            rehearses: false,
        }
    }

    /// The same session, for scripts that are looked at and not run: a table is made without rows, and a view that would
    /// keep its rows without those.
    pub fn rehearsing(self) -> Self {
        Session { rehearses: true, ..self }
    }

    /// An error of a statement, with its place, as it may be shown.
    pub fn told(&self, statement: &Statement, error: Error) -> Error {
        secrets::told(&self.engine, statement, error)
    }

    /// To end what the session does, to be asked, and to watch.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Gives a value for `$name` in the statements that follow. A value is one literal wherever `$name` stands, a list as
    /// many within `IN (…)`; an object is JSON text.
    pub fn bind(&self, name: impl Into<String>, value: impl Into<serde_json::Value>) {
        self.variables().bound.insert(name.into(), value.into());
    }

    /// Puts the values that were given into a statement.
    pub(super) fn put_in(&self, statement: &mut Statement) -> Result<()> {
        let bound = self.variables().bound.clone();
        statement.bind(&bound)
    }

    /// Runs one statement: text, or one that was parsed already. Its rows come as they are read.
    ///
    /// ```sql
    /// SELECT integration_name FROM awscc.redshift.integrations WHERE region = 'us-east-1'
    /// ```
    ///
    /// # Errors
    /// What is wrong with the statement, before anything is sent. What goes wrong later comes with the rows.
    pub async fn run<S>(&self, statement: S) -> Result<Outcome>
    where
        S: TryInto<Statement>,
        Error: From<S::Error>,
    {
        let mut statement: Statement = statement.try_into()?;
        self.complete(&mut statement)?;
        self.put_in(&mut statement)?;
        // In boxes, here and below: of each future that is not, every thread's stack holds all its parts at once.
        let done = Box::pin(self.run_whole(&statement)).await;
        secrets::cleared(&self.engine, &statement, done)
    }

    /// Completes the names that SHOW, DESCRIBE and EXEC leave short.
    pub(super) fn complete(&self, statement: &mut Statement) -> Result<()> {
        statement.in_full(self.in_use().as_deref(), &|name| own::is_there(self, name))
    }

    async fn run_whole(&self, statement: &Statement) -> Result<Outcome> {
        let notices = secrets::ready(&self.engine, statement)?;
        let mut outcome = match Box::pin(dml::of_method(self, statement)).await? {
            Some(outcome) => outcome,
            None => {
                let (statement, tables) = Box::pin(dml::with_tables(self, statement.clone())).await?;
                let mut outcome = Box::pin(self.run_body(&statement.body, &statement)).await?;
                outcome.notices.splice(0..0, tables.notices);
                outcome
            }
        };
        let known = outcome.notices.clone();
        outcome.notices.extend(notices.into_iter().filter(|notice| !known.contains(notice)));
        Ok(outcome)
    }

    async fn run_body(&self, body: &Body, statement: &Statement) -> Result<Outcome> {
        let source = &statement.source;
        match body {
            Body::Query(query) => Box::pin(self.select(query, source)).await,
            Body::Explain { analyze, verbose, format, inner } => {
                let inner = self.meant(inner, statement)?;
                if let Some(refused) = own::refuse_change(self, &inner, source) {
                    return Err(refused);
                }
                let inner = match &*inner {
                    Body::Insert(insert) if own::target(self, &insert.table).is_some() && !analyze => {
                        Cow::Owned(Body::Query(insert.source.clone()))
                    }
                    _ => inner,
                };
                if matches!(*inner, Body::Insert(_) | Body::Update(_) | Body::Delete(_)) {
                    return match analyze {
                        true => {
                            Err(Error::new(Kind::Statement, "EXPLAIN ANALYZE runs the statement, and this one writes")
                                .with_context("nothing was sent")
                                .with_hint("`EXPLAIN` shows what it would do"))
                        }
                        false => dml::explain(self, &inner, source).await.map(|outcome| outcome.noting(statement)),
                    };
                }
                self.explain(*analyze, *verbose, format.as_deref(), &inner, source).await
            }
            Body::Show(Show::Views { filter }) => {
                let batch = own::show(self)?;
                let batch = match show::condition(filter, "name") {
                    Some(filter) => show::filtered(&self.state(), batch, filter, source).await?,
                    None => batch,
                };
                Ok(self.ready(batch, Vec::new()))
            }
            Body::Describe(Describe::Resource { extended, name }) if name.parts.len() == 1 => {
                let (columns, notices) = own::describe(self, name, source).await?;
                Ok(self.ready(show::own_fields(columns, *extended), if *extended { notices } else { Vec::new() }))
            }
            Body::Show(shown) => {
                let known = self.known();
                let (batch, filter) = show::show(&self.engine.catalog, &known, shown, source)?;
                let batch = match filter {
                    Some(filter) => show::filtered(&self.state(), batch, filter, source).await?,
                    None => batch,
                };
                Ok(self.ready(batch, Vec::new()))
            }
            Body::Describe(described) => {
                let (batch, notices) = show::describe(&self.engine.catalog, described, source, |resource, call| {
                    self.engine.signature(resource, call)
                })?;
                Ok(self.ready(batch, notices))
            }
            Body::Set { name, values, .. } => {
                self.set(name, values)?;
                Ok(self.ready(show::nothing(), Vec::new()))
            }
            Body::Reset { name } => {
                self.reset(name)?;
                Ok(self.ready(show::nothing(), Vec::new()))
            }
            Body::Insert(_) | Body::Update(_) | Body::Delete(_) => {
                let body = self.meant(body, statement)?;
                self.write(body.as_ref(), statement).await
            }
            Body::Exec(_) => match &*self.meant(body, statement)? {
                Body::Query(query) => Box::pin(self.select(query, source)).await,
                body => self.write(body, statement).await,
            },
            Body::Own(statement) => {
                let outcome = Box::pin(own::run(self, statement, source)).await?;
                if matches!(
                    statement,
                    Own::View(_)
                        | Own::Refresh { .. }
                        | Own::Drop { what: Dropped::View | Dropped::Materialized, .. }
                        | Own::Copy(_)
                ) {
                    self.was_done([source.statement().lines().next().unwrap_or_default().to_string()]);
                }
                Ok(outcome)
            }
            Body::Block(block) => Ok(self.ready(show::nothing(), self.block(block, source)?)),
            Body::Other { verb } => Err(not_there(verb)),
        }
    }

    async fn write(&self, body: &Body, statement: &Statement) -> Result<Outcome> {
        if let Some(refused) = own::refuse_change(self, body, &statement.source) {
            return Err(refused);
        }
        if let Body::Insert(insert) = body
            && let Some(outcome) = Box::pin(own::insert(self, insert, &statement.source)).await?
        {
            return Ok(outcome);
        }
        let written = Box::pin(dml::run(self, body, statement)).await;
        // It was strict: no call failed that it went on without.
        self.failures.set(Arc::default());
        let said: Vec<&String> = match &written {
            Ok(outcome) => outcome.notices.iter().chain(&outcome.stopped).collect(),
            Err(error) => error.context.iter().collect(),
        };
        self.was_done(
            said.into_iter().map(|line| line.trim().to_string()).filter(|line| !line.contains("nothing was")),
        );
        written.map(|outcome| outcome.noting(statement))
    }

    /// The statement that an EXEC stands for; any other is itself, about a resource that is named in full.
    fn meant<'a>(&self, body: &'a Body, statement: &Statement) -> Result<Cow<'a, Body>> {
        match body {
            Body::Exec(exec) => {
                let shows = statement.has_hint("SHOWRESULTS");
                dml::of_exec(&self.engine, exec, shows, &statement.source).map(Cow::Owned)
            }
            body => {
                let own = self.own.all();
                Ok(in_full(body, self.variables().settings.provider.as_deref(), |name| own.contains_key(name)))
            }
        }
    }

    async fn select(&self, query: &Query, source: &Source) -> Result<Outcome> {
        let (state, run, plan) = self.plan(query, source).await?;
        let plan = physical(&state, &plan, source).await?;
        let mut outcome = self.execute(&state, run, plan, source)?;
        outcome.rows.rename(headers::renamed(&outcome.rows.schema(), &headers::typed(query)));
        Ok(outcome)
    }

    /// Resolves the names of a query and lets DataFusion plan it; nothing is sent.
    pub(super) async fn plan(&self, query: &Query, source: &Source) -> Result<(SessionState, Arc<Run>, LogicalPlan)> {
        self.plan_with(query, source, self.in_use()).await
    }

    /// The same, where short names begin with something else than what the session has in use.
    pub(super) async fn plan_with(
        &self,
        query: &Query,
        source: &Source,
        in_use: Option<String>,
    ) -> Result<(SessionState, Arc<Run>, LogicalPlan)> {
        let around = (self.tolerance(), [].as_slice());
        let prepared = self.prepare_with(query, source, &Arc::default(), around, in_use).await?;
        let plan = logical(&prepared.state, prepared.query, source).await?;
        Ok((prepared.state, prepared.run, plan))
    }

    /// Resolves the names of a query, which then carries `meter`. It is strict: what a write reads is whole.
    pub(super) async fn resolved(
        &self,
        query: &Query,
        source: &Source,
        meter: &Arc<Meter>,
    ) -> Result<(SessionState, Arc<Run>, Query)> {
        let prepared = self.prepare(query, source, meter, (Tolerance::Strict, &[])).await?;
        prepared.run.regions.leave_none_out();
        Ok((prepared.state, prepared.run, prepared.query))
    }

    /// The same, with what else is known of it. `within` are the views that the query stands in, outermost first.
    pub(super) async fn prepare(
        &self,
        query: &Query,
        source: &Source,
        meter: &Arc<Meter>,
        around: (Tolerance, &[String]),
    ) -> Result<Prepared> {
        self.prepare_with(query, source, meter, around, self.in_use()).await
    }

    /// The same, where short names begin with something else than what the session has in use.
    pub(super) async fn prepare_with(
        &self,
        query: &Query,
        source: &Source,
        meter: &Arc<Meter>,
        (tolerance, within): (Tolerance, &[String]),
        in_use: Option<String>,
    ) -> Result<Prepared> {
        let own = own::in_reach(self, query, source, within).await?;
        let (mut state, calls, defaults, region_hint, memory_is_limited) = {
            let variables = self.variables();
            let aws = &variables.settings.aws;
            let region = (!aws.regions.is_empty()).then(|| ("region".to_string(), aws.regions.clone()));
            let profile = aws.profile.clone().map(|profile| ("profile".to_string(), vec![profile]));
            let defaults = Defaults {
                by_provider: variables.params.clone(),
                for_all: region.into_iter().chain(profile).collect(),
                environment: variables.settings.environment.clone(),
                every_region: aws.every_region.clone(),
            };
            let hint = aws.environment_region.clone();
            let limited = variables.settings.limits.memory.is_some();
            let mut state = variables.state.clone();
            state.config_mut().set_extension(Arc::new(InUse(in_use)));
            (state, variables.calls.clone(), defaults, hint, limited)
        };
        state.register_catalog_list(own::catalogs(self, &own)?);
        let mut query = query.clone();
        let reach = SessionTables { catalog: &self.engine.catalog, state: &state, own: &own };
        let has_where = matches!(query.body.as_ref(), SetExpr::Select(select) if select.selection.is_some());
        let resolved = names::resolve(&mut query, &reach, source)?;
        let mut tables: Vec<Used> = Vec::new();
        let mut named = BTreeSet::new();
        for used in resolved.tables {
            let place = source.place(used.span);
            if let [name] = used.parts.as_slice()
                && let Some(table) = own.get(name)
            {
                // What a view lacks is complained of where the view is named.
                let inside = table.inside.iter().cloned();
                tables.extend(inside.map(|name| Used { name, alias: None, place: place.clone() }));
                named.insert(name.clone());
            }
            tables.push(Used { name: used.parts.join("."), alias: used.alias, place });
        }
        let known = tables.iter().map(|used| used.name.clone()).filter(|name| name.contains('.')).collect();
        let (reads, notices) = (OnceLock::new(), Mutex::default());
        let (meter, failures) = (meter.clone(), Failures::new(tolerance, source.statement()));
        let regions = Regions::default();
        named.iter().filter_map(|name| own.get(name)).for_each(|table| regions.add(table.regions.clone()));
        let run = Run {
            calls,
            meter,
            defaults,
            tables,
            has_where,
            region_hint,
            memory_is_limited,
            reads,
            notices,
            failures,
            regions,
        };
        let run = Arc::new(run);
        state.config_mut().set_extension(run.clone());
        // The statement's own `now()`.
        state.mark_start_execution();
        Ok(Prepared { state, run, query, columns: resolved.columns, tables: known, named })
    }

    pub(super) fn execute(
        &self,
        state: &SessionState,
        run: Arc<Run>,
        plan: Arc<dyn ExecutionPlan>,
        source: &Source,
    ) -> Result<Outcome> {
        run.calls.afford(least::calls(&plan))?;
        if !scans(&plan).is_empty() {
            self.failures.set(run.failures.clone());
        }
        if run.failures.tolerance == Tolerance::Partial && has_aggregate(&plan) {
            run.failures.aggregates();
        }
        if run.failures.tolerance == Tolerance::Partial && keeps_unmatched(&plan) {
            run.failures.stays_without();
        }
        let told = own::told(&plan, source);
        let stream = execute_stream(plan, state.task_ctx()).map_err(|error| told(&error))?;
        let schema = stream.schema();
        let stream = stream.map_err(move |error| told(&error)).boxed();
        let stream = match self.variables().settings.limits.statement {
            Some(limit) => within(limit, run.clone(), stream),
            None => stream,
        };
        let stream = match run.failures.tolerance {
            Tolerance::Partial => guarded(stream, run.clone()),
            Tolerance::Strict => stream,
        };
        let notices = run.notices.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Outcome::of(schema, stream, notices, run))
    }

    /// What begins a name that is not written in full.
    pub(super) fn in_use(&self) -> Option<String> {
        self.variables().settings.provider.clone()
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn state(&self) -> SessionState {
        self.variables().state.clone()
    }

    pub(super) fn block_at_hand(&self) -> MutexGuard<'_, Option<Block>> {
        self.block.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settings(&self) -> Settings {
        self.variables().settings.clone()
    }

    pub(super) fn ready(&self, batch: RecordBatch, notices: Vec<String>) -> Outcome {
        let schema = batch.schema();
        let run = Run::bare(self.variables().calls.clone());
        let stream = futures::stream::iter([Ok(batch)]).boxed();
        Outcome::of(schema, stream, notices, Arc::new(run))
    }

    pub(super) fn variables(&self) -> MutexGuard<'_, Variables> {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn not_there(verb: &str) -> Error {
    let error = match verb {
        "TRUNCATE" | "MERGE" => Error::new(Kind::Statement, format!("a table of the session has no {verb}, nor has a provider's"))
            .with_hint("`CREATE OR REPLACE TABLE name AS SELECT …` makes a table of the session anew; `DELETE … WHERE …` removes what a provider has"),
        "PREPARE" | "DEALLOCATE" => Error::new(Kind::Statement, format!("there is no `{verb}`: nothing is prepared here"))
            .with_hint("write `$name` in a statement, and give its value by `--param name=…`"),
        _ => Error::new(Kind::Statement, format!("`{verb}` is not there yet")),
    };
    error.with_context("nothing was sent")
}
