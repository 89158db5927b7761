//! Which permissions a statement needs, by the calls that it would make. Plans as EXPLAIN does, and reads nothing: what a
//! write would meet is not known, so that it is every call that its columns can lead to.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use sqlparser::ast::Query;

use crate::drivers::Driver;
use crate::engine::plan::physical;
use crate::engine::rules::scans;
use crate::engine::session::Session;
use crate::engine::{dml, own};
use crate::error::Result;
use crate::sql::{Body, Source, Statement};

/// A permission as its provider names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub provider: String,
    pub name: String,
    /// Whether the service checks it on its own behalf, for no call of ours.
    pub on_behalf: bool,
}

/// The permissions of some calls of a method.
pub struct Needed<'a> {
    pub provider: &'a str,
    pub driver: &'a dyn Driver,
    pub on_behalf: &'a [String],
}

impl Needed<'_> {
    pub fn call(&self, call: &str) -> Vec<Permission> {
        let names = self.driver.signature(call).into_iter().flat_map(|signature| signature.permissions);
        names.map(|name| self.permission(name)).collect()
    }

    pub fn permission(&self, name: &str) -> Permission {
        let on_behalf = self.on_behalf.iter().any(|own| own == name);
        Permission { provider: self.provider.to_string(), name: name.to_string(), on_behalf }
    }
}

impl Session {
    /// The permissions that a statement needs; none for what stays in the program.
    ///
    /// # Errors
    /// What is wrong with the statement.
    pub async fn permissions(&self, statement: &Statement) -> Result<BTreeSet<Permission>> {
        let mut whole = statement.clone();
        let needed = match self.complete(&mut whole).and_then(|()| self.put_in(&mut whole)) {
            Ok(()) => self.needed(&whole).await,
            Err(error) => Err(error),
        };
        needed.map_err(|error| self.told(statement, error))
    }

    async fn needed(&self, statement: &Statement) -> Result<BTreeSet<Permission>> {
        let source = &statement.source;
        match &statement.body {
            Body::Query(query) => self.read_by(query, source, self.in_use()).await,
            Body::Explain { analyze: true, inner, .. } => match inner.as_ref() {
                Body::Query(query) => self.read_by(query, source, self.in_use()).await,
                _ => Ok(BTreeSet::new()),
            },
            Body::Insert(insert) if own::target(self, &insert.table).is_some() => {
                self.read_by(&insert.source, source, self.in_use()).await
            }
            body @ (Body::Insert(_) | Body::Update(_) | Body::Delete(_)) => self.written_by(body, source).await,
            Body::Exec(exec) if let Some(needed) = dml::permissions_of_method(self.engine(), exec, source)? => {
                Ok(needed)
            }
            Body::Exec(exec) => match dml::of_exec(self.engine(), exec, false, source)? {
                Body::Query(query) => self.read_by(&query, source, self.in_use()).await,
                body => self.written_by(&body, source).await,
            },
            Body::Own(own) => match own::explained(self, own, source)? {
                Some((query, source, in_use)) => self.read_by(&query, &source, in_use).await,
                None => Ok(BTreeSet::new()),
            },
            _ => Ok(BTreeSet::new()),
        }
    }

    async fn written_by(&self, body: &Body, source: &Source) -> Result<BTreeSet<Permission>> {
        let (mut needed, read) = dml::permissions(self.engine(), body, source)?;
        needed.extend(self.read_by(&read, source, self.in_use()).await?);
        Ok(needed)
    }

    async fn read_by(&self, query: &Query, source: &Source, in_use: Option<String>) -> Result<BTreeSet<Permission>> {
        let (state, _, plan) = self.plan_with(query, source, in_use).await?;
        let plan: Arc<dyn ExecutionPlan> = physical(&state, &plan, source).await?;
        let mut needed = BTreeSet::new();
        for scan in scans(&plan) {
            let Some(method) = scan.resource.method(&scan.route.method) else { continue };
            let provider = &scan.resource.provider;
            let of = Needed { provider, driver: scan.driver.as_ref(), on_behalf: &method.on_behalf };
            needed.extend(of.call(&method.call));
        }
        Ok(needed)
    }
}
