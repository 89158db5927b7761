//! What is set in a session: `SET`, `RESET`, and what SHOW says of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::calls::Calls;
use crate::engine::failures::Tolerance;
use crate::engine::names::{SessionTables, check_in_use};
use crate::engine::plan::state;
use crate::engine::session::Session;
use crate::engine::show;
use crate::error::{Error, Kind, Result};
use crate::settings::{DECLARATIONS, unknown};

impl Session {
    /// Whether a query goes on without calls that failed.
    pub(super) fn tolerance(&self) -> Tolerance {
        if self.settings().partial { Tolerance::Partial } else { Tolerance::Strict }
    }

    pub(super) fn set(&self, name: &str, values: &[String]) -> Result<()> {
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
                check_in_use(&self.engine.catalog, settings.provider.as_deref())?;
                if self.engine.settings.writes.read_only && !settings.writes.read_only {
                    return Err(Error::new(Kind::Statement, format!("`{name}` was on when iql started, and stays on"))
                        .with_hint("it comes from `--read-only`, from `IQL_READ_ONLY` or from the settings file"));
                }
                if name == "iql.memory" {
                    let state = state(&self.engine, &settings);
                    self.own.held_by(&state.runtime_env().memory_pool).map_err(|_| {
                        Error::new(
                            Kind::Usage,
                            format!("`{name}` cannot be `{}`: the tables of this session take more", values.join(",")),
                        )
                        .with_hint("`DROP TABLE` gives their memory back")
                    })?;
                    variables.state = state;
                }
                variables.settings = settings;
            }
        }
        variables.calls = Arc::new(Calls::new(&variables.settings.limits));
        Ok(())
    }

    pub(super) fn reset(&self, name: &str) -> Result<()> {
        if name == "all" {
            self.variables().params.clear();
            let begun = self.engine.settings.list().into_iter().map(|(name, ..)| name);
            let settable = |name: &&str| DECLARATIONS.iter().any(|known| known.name == *name && !known.at_start);
            return begun.filter(settable).try_for_each(|name| self.reset(name));
        }
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
    pub(super) fn known(&self) -> show::Known {
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
        let tables = SessionTables { catalog: &self.engine.catalog, state: &variables.state, own: &BTreeMap::new() };
        let mut functions = crate::sql::names::Tables::functions(&tables);
        functions.sort();
        functions.dedup();
        let own = self.own.all().into_keys().collect();
        show::Known { settings: settings.chain(params).collect(), functions, own }
    }
}
