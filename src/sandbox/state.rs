//! The store: one redb file that several processes open at once, and that a kill leaves whole.
//! Knows rows and time; knows no action, no fault and no wire.
//!
//! Invariant: the file appears under its name only once it is seeded, so nobody ever sees half an estate.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use redb::{
    ConcurrencyMode, Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    TableHandle, UntypedTableHandle, WriteTransaction,
};
use serde::{Deserialize, Serialize};

use super::clock::{Clock, ClockChange};
use super::rows::{Cluster, Integration, arn_part};
use super::{estate, immuta};
use crate::error::{Error, Kind, Result, reason};

/// `account/region/position` → an integration as JSON, so that a page is one range.
const INTEGRATIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("integrations");
/// An integration's ARN → its key above.
const ARNS: TableDefinition<&str, &str> = TableDefinition::new("arns");
/// `account/region/name` → an integration's ARN.
const NAMES: TableDefinition<&str, &str> = TableDefinition::new("names");
/// `end of deletion|ARN` → nothing: what the next write sweeps out.
const LEAVING: TableDefinition<&str, ()> = TableDefinition::new("leaving");
/// `account/region/identifier` → a cluster as JSON.
const CLUSTERS: TableDefinition<&str, &[u8]> = TableDefinition::new("clusters");
/// The ARN of a cluster's namespace → the cluster's key.
const NAMESPACES: TableDefinition<&str, &str> = TableDefinition::new("namespaces");
/// `clock`, `controls`, `created` as JSON.
const SETTINGS: TableDefinition<&str, &[u8]> = TableDefinition::new("settings");

/// How long things take, in seconds of the sandbox's clock, and how many integrations a region may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Controls {
    pub creating_seconds: f64,
    pub modifying_seconds: f64,
    pub deleting_seconds: f64,
    pub quota: usize,
    /// How long a token of Immuta's login is good for.
    pub token_seconds: f64,
}

impl Default for Controls {
    fn default() -> Self {
        Controls {
            creating_seconds: 30.0,
            modifying_seconds: 5.0,
            deleting_seconds: 10.0,
            quota: 1000,
            token_seconds: 3600.0,
        }
    }
}

pub struct Store {
    database: Database,
}

/// One moment of the store.
pub struct Reading {
    pub(super) transaction: ReadTransaction,
    integrations: ReadOnlyTable<&'static str, &'static [u8]>,
    pub now: i64,
}

/// A change that is kept as a whole or not at all.
pub struct Writing {
    pub(super) transaction: WriteTransaction,
    pub now: i64,
    pub controls: Controls,
}

impl Store {
    /// Opens the store of a folder; makes and seeds it when it is not there.
    pub fn open(dir: &Path) -> Result<Store> {
        let path = dir.join("sandbox.redb");
        if !path.exists() {
            create(dir, &path).map_err(|error| error.with_context(path.display().to_string()))?;
        }
        let mut builder = Database::builder();
        builder.set_concurrency_mode(ConcurrencyMode::MultiWriter).set_cache_size(32 << 20);
        let database = builder.open(&path).map_err(|e| io(e).with_context(path.display().to_string()))?;
        let store = Store { database };
        store.complete().map_err(|error| error.with_context(path.display().to_string()))?;
        Ok(store)
    }

    /// Adds Immuta's rows to a store from a version that had none.
    fn complete(&self) -> Result<()> {
        let reading = self.database.begin_read().map_err(io)?;
        if has_immuta(reading.list_tables().map_err(io)?) {
            return Ok(());
        }
        let transaction = self.database.begin_write().map_err(io)?;
        // Another process may have been first.
        if has_immuta(transaction.list_tables().map_err(io)?) {
            return Ok(());
        }
        let mut writing = Writing { transaction, now: super::clock::EPOCH, controls: Controls::default() };
        immuta::seed(&mut writing, &estate::estate().clusters)?;
        writing.transaction.commit().map_err(io)
    }

    pub fn read(&self) -> Result<Reading> {
        let transaction = self.database.begin_read().map_err(io)?;
        let integrations = transaction.open_table(INTEGRATIONS).map_err(io)?;
        let clock: Clock = setting(&transaction.open_table(SETTINGS).map_err(io)?, "clock")?;
        Ok(Reading { transaction, integrations, now: clock.now(wall()) })
    }

    /// Runs a change and commits it, unless it fails. The clock starts with the first change.
    pub fn write<T, E: From<Error>>(&self, change: impl FnOnce(&mut Writing) -> Result<T, E>) -> Result<T, E> {
        let transaction = self.database.begin_write().map_err(io)?;
        let settings = transaction.open_table(SETTINGS).map_err(io)?;
        let clock: Clock = setting(&settings, "clock")?;
        let clock = clock.touched(wall());
        let controls = setting(&settings, "controls")?;
        drop(settings);
        let mut writing = Writing { transaction, now: clock.now(wall()), controls };
        writing.set("clock", &clock)?;
        writing.sweep()?;
        let outcome = change(&mut writing)?;
        writing.transaction.commit().map_err(io)?;
        Ok(outcome)
    }

    pub fn clock(&self) -> Result<(Clock, i64)> {
        let reading = self.read()?;
        let clock: Clock = setting(&reading.transaction.open_table(SETTINGS).map_err(io)?, "clock")?;
        Ok((clock, reading.now))
    }

    /// Moves the clock. `Usage` when the change makes no sense.
    pub fn set_clock(&self, change: &ClockChange) -> Result<()> {
        self.settle("clock", |clock: Clock| clock.changed(change, wall()).map_err(|why| Error::new(Kind::Usage, why)))
    }

    pub fn controls(&self) -> Result<Controls> {
        setting(&self.read()?.transaction.open_table(SETTINGS).map_err(io)?, "controls")
    }

    pub fn set_controls(&self, controls: &Controls) -> Result<()> {
        self.settle("controls", |_: Controls| Ok(controls.clone()))
    }

    /// Changes a setting, in one transaction, without touching the clock.
    fn settle<T: Serialize + for<'de> Deserialize<'de>>(
        &self,
        name: &str,
        change: impl FnOnce(T) -> Result<T>,
    ) -> Result<()> {
        let transaction = self.database.begin_write().map_err(io)?;
        let value = change(setting(&transaction.open_table(SETTINGS).map_err(io)?, name)?)?;
        let mut writing = Writing { transaction, now: 0, controls: Controls::default() };
        writing.set(name, &value)?;
        writing.transaction.commit().map_err(io)
    }
}

impl Reading {
    /// The integrations of a scope that come after a position, each with its position. Those that are gone are left out.
    pub fn integrations(
        &self,
        scope: &str,
        after: Option<&str>,
    ) -> Result<impl Iterator<Item = Result<(String, Integration)>> + use<>> {
        let now = self.now;
        let rows = range::<Integration>(&self.integrations, scope, after)?;
        Ok(rows.filter(move |row| row.as_ref().map_or(true, |(_, row)| row.course.at(now).is_some())))
    }

    pub fn integration(&self, arn: &str) -> Result<Option<Integration>> {
        let arns = self.transaction.open_table(ARNS).map_err(io)?;
        let Some(key) = arns.get(arn).map_err(io)? else { return Ok(None) };
        let row: Option<Integration> = value(&self.integrations, key.value())?;
        Ok(row.filter(|row| row.course.at(self.now).is_some()))
    }

    pub fn clusters(
        &self,
        scope: &str,
        after: Option<&str>,
    ) -> Result<impl Iterator<Item = Result<(String, Cluster)>> + use<>> {
        range(&self.transaction.open_table(CLUSTERS).map_err(io)?, scope, after)
    }

    pub fn cluster(&self, scope: &str, identifier: &str) -> Result<Option<Cluster>> {
        value(&self.transaction.open_table(CLUSTERS).map_err(io)?, &format!("{scope}/{identifier}"))
    }

    pub fn has_namespace(&self, arn: &str) -> Result<bool> {
        Ok(self.transaction.open_table(NAMESPACES).map_err(io)?.get(arn).map_err(io)?.is_some())
    }
}

impl Writing {
    pub fn integration(&self, arn: &str) -> Result<Option<Integration>> {
        let arns = self.transaction.open_table(ARNS).map_err(io)?;
        let Some(key) = arns.get(arn).map_err(io)? else { return Ok(None) };
        let row: Option<Integration> = value(&self.transaction.open_table(INTEGRATIONS).map_err(io)?, key.value())?;
        Ok(row.filter(|row| row.course.at(self.now).is_some()))
    }

    /// The integration that has a name.
    pub fn named(&self, scope: &str, name: &str) -> Result<Option<String>> {
        let names = self.transaction.open_table(NAMES).map_err(io)?;
        let arn = names.get(format!("{scope}/{name}").as_str()).map_err(io)?;
        Ok(arn.map(|arn| arn.value().to_string()))
    }

    pub fn count(&self, scope: &str) -> Result<usize> {
        let table = self.transaction.open_table(INTEGRATIONS).map_err(io)?;
        let (start, end) = bounds(scope, None);
        Ok(table.range(start.as_str()..end.as_str()).map_err(io)?.count())
    }

    /// Adds an integration, or replaces the one that has its ARN.
    pub fn put(&mut self, row: &Integration) -> Result<()> {
        let scope = scope(&row.arn);
        if let Some(old) = self.integration(&row.arn)? {
            self.forget_name(&scope, &old)?;
        }
        let key = format!("{scope}/{}", row.position());
        let mut rows = self.transaction.open_table(INTEGRATIONS).map_err(io)?;
        rows.insert(key.as_str(), json(row)?.as_slice()).map_err(io)?;
        let mut arns = self.transaction.open_table(ARNS).map_err(io)?;
        arns.insert(row.arn.as_str(), key.as_str()).map_err(io)?;
        let mut names = self.transaction.open_table(NAMES).map_err(io)?;
        names.insert(format!("{scope}/{}", row.name).as_str(), row.arn.as_str()).map_err(io)?;
        if let (Some((_, end)), None) = (row.course.until, row.course.then) {
            let mut leaving = self.transaction.open_table(LEAVING).map_err(io)?;
            leaving.insert(format!("{end:016}|{}", row.arn).as_str(), ()).map_err(io)?;
        }
        Ok(())
    }

    pub fn cluster(&self, scope: &str, identifier: &str) -> Result<Option<Cluster>> {
        value(&self.transaction.open_table(CLUSTERS).map_err(io)?, &format!("{scope}/{identifier}"))
    }

    pub fn put_cluster(&mut self, cluster: &Cluster) -> Result<()> {
        let key = format!("{}/{}", scope(&cluster.arn), cluster.identifier);
        let mut clusters = self.transaction.open_table(CLUSTERS).map_err(io)?;
        clusters.insert(key.as_str(), json(cluster)?.as_slice()).map_err(io)?;
        let mut namespaces = self.transaction.open_table(NAMESPACES).map_err(io)?;
        namespaces.insert(cluster.namespace_arn.as_str(), key.as_str()).map_err(io)?;
        Ok(())
    }

    pub fn has_namespace(&self, arn: &str) -> Result<bool> {
        Ok(self.transaction.open_table(NAMESPACES).map_err(io)?.get(arn).map_err(io)?.is_some())
    }

    /// A number that no other creation got, from which a new ARN is made.
    pub fn next_number(&mut self) -> Result<u64> {
        let number: u64 = setting(&self.transaction.open_table(SETTINGS).map_err(io)?, "created")?;
        self.set("created", &(number + 1))?;
        Ok(number)
    }

    fn set(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        let mut settings = self.transaction.open_table(SETTINGS).map_err(io)?;
        settings.insert(name, json(value)?.as_slice()).map_err(io)?;
        Ok(())
    }

    /// Removes what was deleted and is gone by now.
    fn sweep(&mut self) -> Result<()> {
        let end = format!("{:016}~", self.now);
        let mut leaving = self.transaction.open_table(LEAVING).map_err(io)?;
        let gone: Vec<String> = leaving
            .extract_from_if(..end.as_str(), |_, ()| true)
            .map_err(io)?
            .map(|entry| entry.map(|(key, _)| key.value().to_string()).map_err(io))
            .collect::<Result<_>>()?;
        for arn in gone.iter().filter_map(|key| key.split_once('|')).map(|(_, arn)| arn) {
            let mut arns = self.transaction.open_table(ARNS).map_err(io)?;
            let Some(key) = arns.remove(arn).map_err(io)?.map(|key| key.value().to_string()) else { continue };
            let mut rows = self.transaction.open_table(INTEGRATIONS).map_err(io)?;
            let row = rows.remove(key.as_str()).map_err(io)?.map(|row| parse::<Integration>(row.value()));
            if let Some(row) = row {
                self.forget_name(&scope(arn), &row?)?;
            }
        }
        Ok(())
    }

    fn forget_name(&self, scope: &str, row: &Integration) -> Result<()> {
        let mut names = self.transaction.open_table(NAMES).map_err(io)?;
        names.remove(format!("{scope}/{}", row.name).as_str()).map_err(io)?;
        Ok(())
    }
}

fn has_immuta(mut tables: impl Iterator<Item = UntypedTableHandle>) -> bool {
    tables.any(|table| table.name() == immuta::ROWS.name())
}

/// Seeds a file beside the place, then gives it the name, unless another process was first.
fn create(dir: &Path, path: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)
        .map_err(|e| io(e).with_hint("choose another folder: `iql sandbox --dir DIR`, or `iql exec --sandbox=DIR`"))?;
    let file = tempfile::NamedTempFile::new_in(dir).map_err(io)?;
    let database = Database::create(file.path()).map_err(io)?;
    let transaction = database.begin_write().map_err(io)?;
    // Every table exists from the start, since a reader cannot make one.
    transaction.open_table(LEAVING).map_err(io)?;
    let mut writing = Writing { transaction, now: super::clock::EPOCH, controls: Controls::default() };
    writing.set("clock", &Clock::default())?;
    writing.set("controls", &Controls::default())?;
    writing.set("created", &0_u64)?;
    let estate = estate::estate();
    estate.clusters.iter().try_for_each(|cluster| writing.put_cluster(cluster))?;
    estate.integrations.iter().try_for_each(|row| writing.put(row))?;
    immuta::seed(&mut writing, &estate.clusters)?;
    writing.transaction.commit().map_err(io)?;
    drop(database);
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(other) if other.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(other) => Err(io(other.error)),
    }
}

/// `account/region` of an ARN.
fn scope(arn: &str) -> String {
    format!("{}/{}", arn_part(arn, 4), arn_part(arn, 3))
}

/// The keys of a scope, behind a position.
fn bounds(scope: &str, after: Option<&str>) -> (String, String) {
    let start = match after {
        None => format!("{scope}/"),
        // The least key behind the position.
        Some(position) => format!("{scope}/{position}\0"),
    };
    // `0` is the character after `/`.
    (start, format!("{scope}0"))
}

fn range<T: for<'de> Deserialize<'de>>(
    table: &ReadOnlyTable<&'static str, &'static [u8]>,
    scope: &str,
    after: Option<&str>,
) -> Result<impl Iterator<Item = Result<(String, T)>> + use<T>> {
    let (start, end) = bounds(scope, after);
    let length = scope.len() + 1;
    Ok(table.range(start.as_str()..end.as_str()).map_err(io)?.map(move |entry| {
        let (key, row) = entry.map_err(io)?;
        Ok((key.value()[length..].to_string(), parse(row.value())?))
    }))
}

fn value<T: for<'de> Deserialize<'de>>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<Option<T>> {
    table.get(key).map_err(io)?.map(|row| parse(row.value())).transpose()
}

fn setting<T: for<'de> Deserialize<'de>>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    name: &str,
) -> Result<T> {
    value(table, name)?.ok_or_else(|| Error::new(Kind::Io, format!("the sandbox's store has no `{name}`")))
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::new(Kind::Internal, e.to_string()))
}

pub(super) fn parse<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| {
        Error::new(Kind::Io, "the sandbox's store holds a row that cannot be read")
            .with_source(e)
            .with_hint("the store may be from another version: remove its folder, and it is seeded anew")
    })
}

fn wall() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

pub(super) fn io(error: impl Into<redb::Error>) -> Error {
    let error = error.into();
    let why = match &error {
        redb::Error::Io(error) => reason(error),
        error => error.to_string(),
    };
    Error::new(Kind::Io, format!("the sandbox's store cannot be used: {why}")).with_source(error)
}
