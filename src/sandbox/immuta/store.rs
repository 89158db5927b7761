//! Immuta's table in the sandbox's store. Knows rows and time; knows no endpoint.

use redb::{ReadableTable, TableDefinition};

use super::estate;
use super::rows::Row;
use crate::error::Result;
use crate::sandbox::rows::Cluster;
use crate::sandbox::state::{self, Reading, Writing};

/// An integration's id, with zeros before it → the integration as JSON.
pub const ROWS: TableDefinition<&str, &[u8]> = TableDefinition::new("immuta");

/// Puts the estate's integrations into a store that has none.
pub fn seed(writing: &mut Writing, clusters: &[Cluster]) -> Result<()> {
    estate::estate(clusters).iter().try_for_each(|row| put(writing, row))
}

/// All integrations but those that are gone, by id.
pub fn read(reading: &Reading) -> Result<Vec<Row>> {
    rows(&reading.transaction.open_table(ROWS).map_err(state::io)?, reading.now)
}

/// The same within a change.
pub fn current(writing: &Writing) -> Result<Vec<Row>> {
    rows(&writing.transaction.open_table(ROWS).map_err(state::io)?, writing.now)
}

/// Adds an integration, or replaces the one that has its id.
pub fn put(writing: &mut Writing, row: &Row) -> Result<()> {
    let mut table = writing.transaction.open_table(ROWS).map_err(state::io)?;
    table.insert(format!("{:016}", row.id).as_str(), state::json(row)?.as_slice()).map_err(state::io)?;
    Ok(())
}

/// The id of the next integration: no other had it, whether or not it is still there.
pub fn next_id(writing: &mut Writing) -> Result<u64> {
    Ok(estate::LAST_ID + 1 + writing.next_number()?)
}

/// A tenant has so few that rows which are gone may stay, unseen.
fn rows(table: &impl ReadableTable<&'static str, &'static [u8]>, now: i64) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in table.iter().map_err(state::io)? {
        let (_, row) = entry.map_err(state::io)?;
        let row: Row = state::parse(row.value())?;
        if row.course.at(now).is_some() {
            rows.push(row);
        }
    }
    Ok(rows)
}
