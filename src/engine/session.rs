//! One user's session: what is set in it, and the one way in, `run`. A statement is resolved, planned, and its rows
//! stream; dropping them stops the calls.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::format::ExplainFormat;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ExplainOption, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::DataFrame;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use sqlparser::ast::{Query, SetExpr};
use tokio::time::Instant;

use crate::engine::calls::{Calls, Cost, Meter};
use crate::engine::control::Control;
use crate::engine::names::SessionTables;
use crate::engine::plan::{logical, physical, state};
use crate::engine::run::{Defaults, Run};
use crate::engine::translate::translate;
use crate::engine::{Engine, dml, explain, headers, show};
use crate::error::{Error, Kind, Result};
use crate::settings::{DECLARATIONS, Settings, unknown};
use crate::sql::{Body, Source, Statement, names};

/// A session of its own: what is `SET` in it holds in it.
#[derive(Debug)]
pub struct Session {
    engine: Arc<Engine>,
    variables: Mutex<Variables>,
    control: Arc<Control>,
}

#[derive(Debug)]
struct Variables {
    settings: Settings,
    /// `SET awscc.region = …`, by provider and param.
    params: BTreeMap<(String, String), Vec<String>>,
    state: SessionState,
    calls: Arc<Calls>,
}

/// What a statement returns.
pub struct Outcome {
    pub rows: Rows,
    /// Things worth saying that are no rows: examples, hints.
    pub notices: Vec<String>,
    run: Arc<Run>,
}

/// A stream of Arrow batches, all of one schema.
pub struct Rows {
    schema: SchemaRef,
    stream: BoxStream<'static, Result<RecordBatch>>,
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
        for exec in &statement.execs {
            dml::reads(&self.engine, exec, &statement.source)?;
        }
        self.run_body(&statement.body, &statement).await
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
        let mut outcome = self.execute(&state, run, plan, source)?;
        outcome.rows.rename(headers::renamed(&outcome.rows.schema, &headers::typed(query)));
        Ok(outcome)
    }

    /// Resolves the names of a query and lets DataFusion plan it; nothing is sent.
    async fn plan(&self, query: &Query, source: &Source) -> Result<(SessionState, Arc<Run>, LogicalPlan)> {
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

    fn execute(
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
        Ok(Outcome { rows: Rows { schema, stream }, notices, run })
    }

    async fn explain(
        &self,
        analyze: bool,
        verbose: bool,
        format: Option<&str>,
        inner: &Body,
        source: &Source,
    ) -> Result<Outcome> {
        let query = match inner {
            Body::Query(query) => query,
            Body::Other { verb } => return Err(not_there(verb)),
            _ => return Ok(self.ready(show::plan_rows(&[("calls", "no calls"), ("permissions", "none")]), Vec::new())),
        };
        let (state, run, logical) = self.plan(query, source).await?;
        let failed = |error| translate(&error, Some(source));
        let options = ExplainOption::default().with_verbose(verbose).with_analyze(analyze);
        let options = match format.map(ExplainFormat::from_str) {
            Some(format) => options.with_format(format.map_err(failed)?),
            None => options,
        };
        let explained = DataFrame::new(state.clone(), logical.clone()).explain_with_options(options).map_err(failed)?;
        // Planned once more for its calls: DataFusion's own explanation keeps its plan to itself.
        let plan = state.create_physical_plan(&logical).await.map_err(failed)?;
        let (calls, permissions) = (explain::calls(&plan), explain::listed(&explain::permissions(&plan)));
        let explained = explained.create_physical_plan().await.map_err(failed)?;
        let mut outcome = self.execute(&state, run.clone(), explained, source)?;
        let schema = outcome.rows.schema.clone();
        let plans = std::mem::replace(&mut outcome.rows.stream, futures::stream::empty().boxed());
        // The calls first, though EXPLAIN ANALYZE knows their cost last.
        let rows = async move {
            let plans: Vec<RecordBatch> = plans.try_collect().await?;
            let calls = if analyze { format!("{calls}\nmade: {}", explain::cost(&run.meter.read())) } else { calls };
            let head = show::plan_rows(&[("calls", &calls), ("permissions", &permissions)]).with_schema(schema);
            let head = head.map_err(|e| {
                Error::new(Kind::Internal, "the explanation does not fit DataFusion's own").with_source(e)
            })?;
            Ok::<_, Error>(futures::stream::iter(std::iter::once(head).chain(plans).map(Ok)))
        };
        outcome.rows.stream = futures::stream::once(rows).try_flatten().boxed();
        Ok(outcome)
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

    pub(super) fn settings(&self) -> Settings {
        self.variables().settings.clone()
    }

    fn set(&self, name: &str, values: &[String]) -> Result<()> {
        let mut variables = self.variables();
        if let Some(param) = self.engine.param(name) {
            variables.params.insert(param, values.to_vec());
            return Ok(());
        }
        match DECLARATIONS.iter().find(|declaration| declaration.name == name) {
            None => return Err(unknown(name, &self.engine.params())),
            Some(declaration) if declaration.at_start => {
                let variable = name.to_uppercase().replace('.', "_");
                return Err(Error::new(Kind::Usage, format!("`{name}` is read when iql starts"))
                    .with_hint(format!("set it in the environment, `{variable}=…`, or in the settings file")));
            }
            Some(_) => {
                let mut settings = variables.settings.clone();
                settings.set(name, &values.join(","))?;
                if self.engine.settings.writes.read_only && !settings.writes.read_only {
                    return Err(Error::new(Kind::Statement, format!("`{name}` was on when iql started, and stays on"))
                        .with_hint("it comes from `--read-only`, from `IQL_READ_ONLY` or from the settings file"));
                }
                variables.settings = settings;
            }
        }
        variables.calls = Arc::new(Calls::new(&variables.settings.limits));
        if name == "iql.memory" {
            variables.state = state(&self.engine, &variables.settings);
        }
        Ok(())
    }

    fn reset(&self, name: &str) -> Result<()> {
        if let Some(param) = self.engine.param(name) {
            self.variables().params.remove(&param);
            return Ok(());
        }
        let begun = self.engine.settings.list().into_iter().find(|(setting, ..)| *setting == name);
        match begun {
            Some((_, value, _)) => self.set(name, &[value]),
            None => self.set(name, &[]),
        }
    }

    /// Settings, then the params that `SET` has bound; and the functions.
    fn known(&self) -> show::Known {
        let variables = self.variables();
        let settings = variables.settings.list().into_iter();
        let settings = settings.map(|(name, value, about)| (name.to_string(), value, about.to_string()));
        let params = self.engine.params().into_iter().map(|name| {
            let bound = self.engine.param(&name).and_then(|param| variables.params.get(&param));
            let value = bound.map(|values| values.join(",")).unwrap_or_default();
            let about = match self.engine.variable(&name) {
                Some(variable) => {
                    format!("by `SET` or `{variable}`: its value where a statement does not bind it")
                }
                None => "by `SET` alone: its value where a statement does not bind it".to_string(),
            };
            (name, value, about)
        });
        let tables = SessionTables { catalog: &self.engine.catalog, state: &variables.state };
        let mut functions = crate::sql::names::Tables::functions(&tables);
        functions.sort();
        functions.dedup();
        show::Known { settings: settings.chain(params).collect(), functions }
    }

    fn ready(&self, batch: RecordBatch, notices: Vec<String>) -> Outcome {
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
        Outcome { rows: Rows { schema, stream }, notices, run: Arc::new(run) }
    }

    fn variables(&self) -> MutexGuard<'_, Variables> {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the rows with an error when the statement's time is up; what is in flight is dropped.
fn within(
    limit: std::time::Duration,
    stream: BoxStream<'static, Result<RecordBatch>>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let deadline = Instant::now() + limit;
    futures::stream::unfold(Some(stream), move |stream| async move {
        let mut stream = stream?;
        match tokio::time::timeout_at(deadline, stream.next()).await {
            Ok(item) => Some((item?, Some(stream))),
            Err(_) => {
                let error = Error::new(Kind::Timeout, format!("the statement took longer than its {limit:?}"))
                    .with_context("calls in flight were given up")
                    .with_hint("give it more time with `--timeout`, or `SET iql.timeout = …`");
                Some((Err(error), None))
            }
        }
    })
    .boxed()
}

fn not_there(verb: &str) -> Error {
    Error::new(Kind::Statement, format!("`{verb}` is not there yet")).with_context("nothing was sent")
}

impl Outcome {
    pub(super) fn of(
        schema: SchemaRef,
        stream: BoxStream<'static, Result<RecordBatch>>,
        notices: Vec<String>,
        run: Arc<Run>,
    ) -> Self {
        Outcome { rows: Rows { schema, stream }, notices, run }
    }

    /// The same, and first which words of the statement's hints mean nothing.
    fn noting(mut self, statement: &Statement) -> Self {
        let unknown = statement.unknown_hints();
        let notices = unknown.map(|hint| format!("the hint `{hint}` is not known, and does nothing"));
        self.notices.splice(0..0, notices);
        self
    }

    /// What the statement's calls cost so far.
    pub fn cost(&self) -> Cost {
        self.run.meter.read()
    }
}

impl Rows {
    fn rename(&mut self, schema: SchemaRef) {
        self.schema = schema.clone();
        let stream = std::mem::replace(&mut self.stream, futures::stream::empty().boxed());
        let renamed = move |batch: RecordBatch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)
                .map_err(|e| Error::new(Kind::Internal, "a batch does not fit the result").with_source(e))
        };
        self.stream = stream.map(move |batch| batch.and_then(&renamed)).boxed();
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(context)
    }
}
