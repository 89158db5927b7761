//! Statement → rows: the only room that knows DataFusion. Opens the catalog and the drivers once; sessions share them.
//! Knows neither HTTP nor XML nor any SDK; what writes is below `dml`, and nowhere else.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::CatalogProvider;

use crate::catalog::model::{Catalog, Resource};
use crate::drivers::{self, Drivers, Signature};
use crate::error::Result;
use crate::settings::Settings;

mod bind_join;
mod block;
mod calls;
mod control;
mod correlated;
mod dml;
mod everywhere;
mod explain;
mod explained;
mod failures;
mod foreseen;
mod functions;
mod headers;
mod in_turn;
mod items;
mod lateral;
mod least;
mod mends;
mod names;
mod narrow;
mod occurrences;
mod outcome;
mod own;
mod pages;
mod permissions;
mod plan;
mod pushdown;
mod refused;
mod regions;
mod rewrites;
mod route;
mod row_values;
mod rows;
mod rules;
mod run;
mod scan;
mod secrets;
mod session;
mod shared;
mod show;
mod skeleton;
mod sorted;
mod tables;
mod text;
mod translate;
mod variables;

pub use calls::Cost;
pub use control::{Consent, Control};
pub use explain::cost as describe_cost;
pub use outcome::{Outcome, Rows, Watch};
pub use own::VIEWS;
pub use permissions::Permission;
pub use secrets::masked;
pub use session::Session;
pub use text::{Cells, Forms, csv_field};

/// The documents and the drivers, opened and held against each other. Cheap: nothing is connected.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    catalog: Arc<Catalog>,
    drivers: Drivers,
    catalogs: Vec<(String, Arc<dyn CatalogProvider>)>,
    /// What is not shown of the script that was last told of.
    hidden: secrets::Latest,
}

impl Engine {
    /// # Errors
    /// `Document`, with every mistake of the provider documents at once, what no driver can do among them.
    pub fn open(settings: Settings) -> Result<Arc<Engine>> {
        let mut drafts = crate::catalog::load(settings.providers.as_deref())?;
        let drivers = drivers::open(&settings, &mut drafts);
        drivers::verify(&mut drafts, &drivers);
        let catalog = drafts.catalog()?;
        let catalogs = tables::catalogs(&catalog, &drivers)?;
        let hidden = secrets::Latest::default();
        Ok(Arc::new(Engine { settings, catalog: Arc::new(catalog), drivers, catalogs, hidden }))
    }

    /// A new session, with the engine's settings to begin with.
    pub fn session(self: &Arc<Self>) -> Session {
        Session::new(self.clone())
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether `provider.param` is something that `SET` can bind: the provider and the param.
    fn param(&self, name: &str) -> Option<(String, String)> {
        let (provider, param) = name.split_once('.')?;
        self.params().contains(&name.to_lowercase()).then(|| (provider.to_lowercase(), param.to_lowercase()))
    }

    /// Every `provider.param`.
    fn params(&self) -> Vec<String> {
        let providers = self.catalog.providers.iter();
        let resources = providers.flat_map(|provider| &provider.services).flat_map(|service| &service.resources);
        let names = resources.flat_map(|r| r.params.iter().map(|param| format!("{}.{}", r.provider, param.name)));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The environment variable that a `provider.param` has its value from where nothing binds it.
    fn variable(&self, name: &str) -> Option<&str> {
        let provider =
            self.catalog.providers.iter().find(|provider| name.starts_with(&format!("{}.", provider.name)))?;
        let params = provider.services.iter().flat_map(|service| &service.resources).flat_map(|r| &r.params);
        let mut named = params.filter(|param| name == format!("{}.{}", provider.name, param.name));
        named.find_map(|param| param.env.as_deref())
    }

    /// What a resource's call takes and gives, as its driver says.
    fn signature(&self, resource: &Resource, call: &str) -> Option<Signature<'_>> {
        let provider = self.catalog.providers.iter().find(|provider| provider.name == resource.provider)?;
        let service = provider.services.iter().find(|service| service.name == resource.service)?;
        self.drivers.of(service)?.signature(call)
    }
}
