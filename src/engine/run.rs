//! What one statement carries with it while it is planned and run: its calls, its meter, and where its tables stand in
//! the text. Reaches the tables as an extension of DataFusion's session configuration. Knows no plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use datafusion::common::{DataFusionError, Result as PlanResult};
use datafusion::prelude::SessionConfig;

use crate::catalog::model::Resource;
use crate::engine::calls::{Calls, Meter};
use crate::engine::failures::Failures;
use crate::engine::regions::Regions;
use crate::error::{Error, Kind, Place};
use crate::settings::Environment;

#[derive(Debug)]
pub struct Run {
    pub calls: Arc<Calls>,
    /// One for all the plans of a statement.
    pub meter: Arc<Meter>,
    /// Values of params that the statement leaves open: by provider and param, and by param alone.
    pub defaults: Defaults,
    /// Every mention of a table in the statement.
    pub tables: Vec<Used>,
    /// Whether the outermost SELECT has a WHERE to add to.
    pub has_where: bool,
    /// What `AWS_REGION` says, for hints.
    pub region_hint: Option<String>,
    /// Operators that find no memory may read their input again.
    pub memory_is_limited: bool,
    /// The permissions that the calls need by which a write reads what it is about; EXPLAIN names them.
    pub reads: OnceLock<BTreeSet<String>>,
    /// What planning found worth saying.
    pub notices: Mutex<Vec<String>>,
    /// The calls that failed, where the statement goes on without them.
    pub failures: Arc<Failures>,
    /// Those that `region = '*'` stands for.
    pub regions: Regions,
}

/// A mention of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The table's full name.
    pub name: String,
    pub alias: Option<String>,
    /// In the text.
    pub place: Place,
}

/// `SET awscc.region = …` binds for one provider, `--region` for all that have the param.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    pub by_provider: BTreeMap<(String, String), Vec<String>>,
    pub for_all: BTreeMap<String, Vec<String>>,
    /// What a document's `env` names.
    pub environment: Environment,
    /// What `region = '*'` means.
    pub every_region: Vec<String>,
}

impl Defaults {
    /// The values for one resource's params.
    pub fn of(&self, resource: &Resource) -> BTreeMap<String, Vec<String>> {
        let own = self.by_provider.iter().filter(|((provider, _), _)| *provider == resource.provider);
        let own = own.map(|((_, param), values)| (param.clone(), values.clone()));
        let environment = resource.params.iter().filter_map(|param| {
            let value = self.environment.get(param.env.as_ref()?)?;
            Some((param.name.clone(), vec![value]))
        });
        environment.chain(self.for_all.clone()).chain(own).collect()
    }
}

impl Run {
    /// The run of what asks no table.
    pub fn bare(calls: Arc<Calls>) -> Run {
        Run {
            calls,
            meter: Arc::default(),
            defaults: Defaults::default(),
            tables: Vec::new(),
            has_where: false,
            region_hint: None,
            memory_is_limited: false,
            reads: OnceLock::new(),
            notices: Mutex::default(),
            failures: Arc::default(),
            regions: Regions::default(),
        }
    }

    /// The run that a plan is made for.
    ///
    /// # Errors
    /// A plan that was made outside a session of ours.
    pub fn of(config: &SessionConfig) -> PlanResult<Arc<Run>> {
        config
            .get_extension::<Run>()
            .ok_or_else(|| raise(Error::new(Kind::Internal, "a table was planned outside a session")))
    }

    /// Says that a required param is not bound: which, where, and what to type. `conditions` are the filters that
    /// speak of it, and bind nothing; `used` is the mention of the table that lacks it.
    pub fn missing(
        &self,
        resource: &Resource,
        used: Option<&Used>,
        missing: &[String],
        conditions: &[String],
    ) -> Error {
        let table = self.called(resource, used);
        let qualifier = used.and_then(|used| used.alias.as_ref()).map(|alias| format!("{alias}.")).unwrap_or_default();
        let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        let example = |name: &str| match name {
            "region" => self.region_hint.clone().unwrap_or_else(|| "us-east-1".into()),
            _ => "…".into(),
        };
        let clauses = missing
            .iter()
            .map(|name| format!("{qualifier}{name} = '{}'", example(name)))
            .collect::<Vec<_>>()
            .join(" AND ");
        let mut hint = format!("add `{} {clauses}`", if self.has_where { "AND" } else { "WHERE" });
        if let Some(param) = missing.iter().find(|name| resource.param(name).is_some()) {
            let (provider, value) = (&resource.provider, example(param));
            hint += &format!(", or once for the session: `SET {provider}.{param} = '{value}'`");
            if let Some(variable) = resource.param(param).and_then(|param| param.env.as_ref()) {
                hint += &format!("; `{variable}` is its default");
            }
        }
        let message = match conditions {
            [] => format!("{table} needs {names}"),
            _ => format!("{table} needs {names} by `=` or `IN (…)` with literals"),
        };
        let mut error = Error::new(Kind::Param, message).with_hint(hint);
        error.context.extend(conditions.iter().map(|condition| format!("this does not bind it: {condition}")));
        self.placed(error, resource, used)
    }

    /// How a message names a table: with its alias where the statement has several of that name.
    pub fn called(&self, resource: &Resource, used: Option<&Used>) -> String {
        let name = resource.full_name();
        let several = self.tables.iter().filter(|used| used.name == name).count() > 1;
        match used.and_then(|used| used.alias.as_ref()).filter(|_| several) {
            Some(alias) => format!("`{name}` as `{alias}`"),
            None => format!("`{name}`"),
        }
    }

    /// An error about a table, at its mention.
    pub fn placed(&self, error: Error, resource: &Resource, used: Option<&Used>) -> Error {
        match used.map(|used| used.place.clone()).or_else(|| self.place(&resource.full_name())) {
            Some(place) => error.at(place),
            None => error,
        }
    }

    /// The mentions of a table under an alias, or without one, in the order of the text.
    pub fn mentions<'a>(&'a self, name: &'a str, alias: Option<&'a str>) -> impl Iterator<Item = &'a Used> {
        self.tables.iter().filter(move |used| used.name == name && used.alias.as_deref() == alias)
    }

    /// Says something once.
    pub fn note(&self, notice: String) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if !notices.contains(&notice) {
            notices.push(notice);
        }
    }

    /// What was found worth saying so far, once.
    pub fn taken_notices(&self) -> Vec<String> {
        let noted = std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner));
        noted.into_iter().chain(self.regions.lines()).collect()
    }

    /// Where the statement first names a table.
    fn place(&self, table: &str) -> Option<Place> {
        self.tables.iter().find(|used| used.name == table).map(|used| used.place.clone())
    }
}

/// Our error on its way through DataFusion.
pub fn raise(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
