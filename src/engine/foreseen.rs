//! What is known before a statement is planned: whether it writes, what the columns of its rows will be called, and which
//! names are the user's own. Sends nothing.

use sqlparser::ast::{Query, SelectItem, SetExpr};

use crate::engine::own::OwnTable;
use crate::engine::session::Session;
use crate::engine::{dml, headers, own};
use crate::error::Result;
use crate::sql::{Body, Statement};

impl Session {
    /// Whether running the statement once more would change something once more. What EXPLAIN is asked about does not run.
    ///
    /// # Errors
    /// An EXEC of what there is not.
    pub fn writes(&self, statement: &Statement) -> Result<bool> {
        match &statement.body {
            Body::Insert(_) | Body::Update(_) | Body::Delete(_) => Ok(true),
            Body::Exec(_) => {
                let mut whole = statement.clone();
                self.complete(&mut whole)?;
                match &whole.body {
                    Body::Exec(exec) => dml::writes(self.engine(), exec, &statement.source),
                    _ => Ok(true),
                }
            }
            _ => Ok(false),
        }
    }

    /// Whether a table or a view of the user's own has this name.
    pub fn has_own(&self, name: &str) -> bool {
        own::is_there(self, name)
    }

    /// The session's own tables, with their columns.
    pub fn own_tables(&self) -> Vec<(String, Vec<String>)> {
        let columns = |table: OwnTable| table.columns.into_iter().map(|column| column.name).collect();
        self.own.all().into_iter().map(|(name, table)| (name, columns(table))).collect()
    }

    /// The names of the columns that the statement gives, those that are known before it is planned; `None` for a write
    /// that gives no rows.
    ///
    /// # Errors
    /// An EXEC of what there is not.
    pub fn names(&self, statement: &Statement) -> Result<Option<Vec<String>>> {
        let returning = match &statement.body {
            Body::Query(query) => return Ok(Some(items(query).iter().filter_map(headers::known).collect())),
            Body::Insert(insert) => &insert.returning,
            Body::Update(update) => &update.returning,
            Body::Delete(delete) => &delete.returning,
            Body::Exec(exec) => &exec.returning,
            _ => return Ok(Some(Vec::new())),
        };
        let gives = matches!(statement.body, Body::Exec(_))
            && (statement.has_hint("SHOWRESULTS") || !self.writes(statement)?);
        Ok(match returning {
            Some(items) => Some(items.iter().filter_map(headers::known).collect()),
            None => gives.then(Vec::new),
        })
    }
}

/// The outermost select list.
fn items(query: &Query) -> &[SelectItem] {
    fn of(body: &SetExpr) -> &[SelectItem] {
        match body {
            SetExpr::Select(select) => &select.projection,
            SetExpr::Query(query) => of(&query.body),
            SetExpr::SetOperation { left, .. } => of(left),
            _ => &[],
        }
    }
    of(&query.body)
}
