//! One user's session: what is set in it, and the one way in, `run`. A statement is resolved, planned, and its rows
//! stream; dropping them stops the calls.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arrow::array::RecordBatch;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, TryStreamExt};
use sqlparser::ast::{Query, SetExpr};

use crate::engine::calls::{Calls, Meter};
use crate::engine::control::Control;
use crate::engine::names::SessionTables;
use crate::engine::outcome::{Outcome, within};
use crate::engine::plan::{logical, physical, state};
use crate::engine::run::{Defaults, Run};
use crate::engine::translate::translate;
use crate::engine::{Engine, dml, headers, least, secrets, show};
use crate::error::{Error, Kind, Result};
use crate::settings::Settings;
use crate::sql::{Body, Source, Statement, names};

/// A session of its own: what is `SET` in it holds in it.
#[derive(Debug)]
pub struct Session {
    pub(super) engine: Arc<Engine>,
    variables: Mutex<Variables>,
    control: Arc<Control>,
}

#[derive(Debug)]
pub(super) struct Variables {
    pub(super) settings: Settings,
    /// `SET awscc.region = …`, by provider and param.
    pub(super) params: BTreeMap<(String, String), Vec<String>>,
    pub(super) state: SessionState,
    pub(super) calls: Arc<Calls>,
}

impl Session {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        let settings = engine.settings.clone();
        let variables = Variables {
            state: state(&engine, &settings),
            calls: Arc::new(Calls::new(&settings.limits)),
            params: BTreeMap::new(),
            settings,
        };
        Session { engine, variables: Mutex::new(variables), control: Arc::default() }
    }

    /// To end what the session does, to be asked, and to watch.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
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
        let statement: Statement = statement.try_into()?;
        let done = self.run_whole(&statement).await;
        secrets::cleared(&self.engine, &statement, done)
    }

    async fn run_whole(&self, statement: &Statement) -> Result<Outcome> {
        let notices = secrets::ready(&self.engine, statement)?;
        let mut outcome = match dml::of_method(self, statement).await? {
            Some(outcome) => outcome,
            None => {
                let (statement, tables) = dml::with_tables(self, statement.clone()).await?;
                let mut outcome = self.run_body(&statement.body, &statement).await?;
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
            Body::Query(query) => self.select(query, source).await,
            Body::Explain { analyze, verbose, format, inner } => {
                let inner = self.meant(inner, statement)?;
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
            Body::Show(shown) => {
                let known = self.known();
                let (batch, filter) = show::show(&self.engine.catalog, &known, shown, source)?;
                let batch = match filter {
                    Some(filter) => self.filtered(batch, filter, source).await?,
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
            Body::Set { name, values } => {
                self.set(name, values)?;
                Ok(self.ready(show::nothing(), Vec::new()))
            }
            Body::Reset { name } => {
                self.reset(name)?;
                Ok(self.ready(show::nothing(), Vec::new()))
            }
            Body::Insert(_) | Body::Update(_) | Body::Delete(_) => self.write(body, statement).await,
            Body::Exec(_) => match &*self.meant(body, statement)? {
                Body::Query(query) => self.select(query, source).await,
                body => self.write(body, statement).await,
            },
            Body::Other { verb } => Err(not_there(verb)),
        }
    }

    async fn write(&self, body: &Body, statement: &Statement) -> Result<Outcome> {
        dml::run(self, body, statement).await.map(|outcome| outcome.noting(statement))
    }

    /// The statement that an EXEC stands for; any other is itself.
    fn meant<'a>(&self, body: &'a Body, statement: &Statement) -> Result<Cow<'a, Body>> {
        match body {
            Body::Exec(exec) => {
                let shows = statement.has_hint("SHOWRESULTS");
                dml::of_exec(&self.engine, exec, shows, &statement.source).map(Cow::Owned)
            }
            body => Ok(Cow::Borrowed(body)),
        }
    }

    async fn select(&self, query: &Query, source: &Source) -> Result<Outcome> {
        let (state, run, plan) = self.plan(query, source).await?;
        let plan = physical(&state, &plan, source).await?;
        run.calls.afford(least::calls(&plan))?;
        let mut outcome = self.execute(&state, run, plan, source)?;
        outcome.rows.rename(headers::renamed(&outcome.rows.schema(), &headers::typed(query)));
        Ok(outcome)
    }

    /// Resolves the names of a query and lets DataFusion plan it; nothing is sent.
    pub(super) async fn plan(&self, query: &Query, source: &Source) -> Result<(SessionState, Arc<Run>, LogicalPlan)> {
        let (state, run, query) = self.resolved(query, source, &Arc::default())?;
        let plan = logical(&state, query, source).await?;
        Ok((state, run, plan))
    }

    /// Resolves the names of a query, which then carries `meter`.
    pub(super) fn resolved(
        &self,
        query: &Query,
        source: &Source,
        meter: &Arc<Meter>,
    ) -> Result<(SessionState, Arc<Run>, Query)> {
        let (mut state, calls, defaults, region_hint, memory_is_limited) = {
            let variables = self.variables();
            let aws = &variables.settings.aws;
            let region = (!aws.regions.is_empty()).then(|| ("region".to_string(), aws.regions.clone()));
            let profile = aws.profile.clone().map(|profile| ("profile".to_string(), vec![profile]));
            let defaults = Defaults {
                by_provider: variables.params.clone(),
                for_all: region.into_iter().chain(profile).collect(),
                environment: variables.settings.environment.clone(),
            };
            let hint = aws.environment_region.clone();
            let limited = variables.settings.limits.memory.is_some();
            (variables.state.clone(), variables.calls.clone(), defaults, hint, limited)
        };
        let mut query = query.clone();
        let tables = SessionTables { catalog: &self.engine.catalog, state: &state };
        let has_where = matches!(query.body.as_ref(), SetExpr::Select(select) if select.selection.is_some());
        let resolved = names::resolve(&mut query, &tables, source)?;
        let tables = resolved.tables.into_iter().map(|used| (used.parts.join("."), source.place(used.span)));
        let tables = tables.collect();
        let (reads, notices) = (OnceLock::new(), Mutex::default());
        let meter = meter.clone();
        let run = Run { calls, meter, defaults, tables, has_where, region_hint, memory_is_limited, reads, notices };
        let run = Arc::new(run);
        state.config_mut().set_extension(run.clone());
        // The statement's own `now()`.
        state.mark_start_execution();
        Ok((state, run, query))
    }

    pub(super) fn execute(
        &self,
        state: &SessionState,
        run: Arc<Run>,
        plan: Arc<dyn ExecutionPlan>,
        source: &Source,
    ) -> Result<Outcome> {
        let stream = execute_stream(plan, state.task_ctx()).map_err(|error| translate(&error, Some(source)))?;
        let schema = stream.schema();
        let source = source.clone();
        let stream = stream.map_err(move |error| translate(&error, Some(&source))).boxed();
        let stream = match self.variables().settings.limits.statement {
            Some(limit) => within(limit, stream),
            None => stream,
        };
        let notices = run.notices.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Outcome::of(schema, stream, notices, run))
    }

    /// The rows of a SHOW that its LIKE or WHERE lets through; the same SQL as everywhere decides.
    async fn filtered(&self, batch: RecordBatch, filter: sqlparser::ast::Expr, source: &Source) -> Result<RecordBatch> {
        let state = self.variables().state.clone();
        let failed = |error| translate(&error, Some(source));
        let plan = show::filter_plan(&state, &batch, filter, source)?;
        let plan = state.create_physical_plan(&plan).await.map_err(failed)?;
        let stream = execute_stream(plan, state.task_ctx()).map_err(failed)?;
        let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(failed)?;
        arrow::compute::concat_batches(&batch.schema(), &batches)
            .map_err(|e| Error::new(Kind::Internal, "the rows of SHOW do not fit together").with_source(e))
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn state(&self) -> SessionState {
        self.variables().state.clone()
    }

    pub(super) fn settings(&self) -> Settings {
        self.variables().settings.clone()
    }

    pub(super) fn ready(&self, batch: RecordBatch, notices: Vec<String>) -> Outcome {
        let schema = batch.schema();
        let run = Run {
            calls: self.variables().calls.clone(),
            meter: Arc::default(),
            defaults: Defaults::default(),
            tables: Vec::new(),
            has_where: false,
            region_hint: None,
            memory_is_limited: false,
            reads: OnceLock::new(),
            notices: Mutex::default(),
        };
        let stream = futures::stream::iter([Ok(batch)]).boxed();
        Outcome::of(schema, stream, notices, Arc::new(run))
    }

    pub(super) fn variables(&self) -> MutexGuard<'_, Variables> {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn not_there(verb: &str) -> Error {
    Error::new(Kind::Statement, format!("`{verb}` is not there yet")).with_context("nothing was sent")
}
