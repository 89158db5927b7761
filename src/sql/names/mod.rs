//! The one pass that resolves every name of a query before it is planned: wire names, aliases, other cases and
//! `data__` become the columns that they mean, in every clause and scope, and `*` becomes what it stands for.
//! Knows tables only as lists of columns; knows no provider and no planner.

mod casts;
mod complain;
mod dialect;
mod expressions;
mod from;
mod ignored;
mod outputs;
mod query;
mod reach;
mod rows;
mod scope;
mod select;
mod star;
#[cfg(test)]
mod tests;

use sqlparser::ast::{Ident, Query};
use sqlparser::tokenizer::Span;

pub use dialect::wide;

use super::statement::Source;
use crate::error::{Error, Result};

/// What the pass asks about the world outside the query.
pub trait Tables {
    /// The columns of a table by the parts of its name (unquoted parts in lower case), in the order of its schema.
    /// No such table: an error of kind `Name` without a place; the pass adds the place of the name.
    fn columns(&self, name: &[String]) -> Result<Vec<Column>>;
    /// The spelling to plan with; `None` leaves the name as it is.
    fn canonical(&self, name: &[String]) -> Option<Vec<String>>;
    /// Is there a scalar, aggregate, window or table function of this name?
    fn has_function(&self, name: &str) -> bool;
    /// The columns of a table function that reads what stands to its left in FROM, as `json_each` does.
    fn table_function(&self, _name: &str) -> Option<Vec<String>> {
        None
    }
    /// Every function, for suggestions.
    fn functions(&self) -> Vec<String>;
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Other names: the wire name, `Identifier`. `data__` before any of them is understood as well.
    pub aliases: Vec<String>,
    /// Addressable, but not in `*`, and never matched by NATURAL JOIN and USING.
    pub hidden: bool,
}

/// The column that a bare name means, by the same rules as in a query.
pub fn find(columns: &[Column], typed: &str) -> Option<usize> {
    let typed = Ident::new(typed);
    let ranked = |column: &Column| scope::fit(column, &typed).map(|fit| (fit, column.hidden));
    let fitting = (0..columns.len()).filter_map(|at| ranked(&columns[at]).map(|rank| (rank, at)));
    fitting.min().map(|(_, at)| at)
}

/// What the query was found to use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Every base table, in the order in which the query names them.
    pub tables: Vec<TableUse>,
    /// The columns that it gives, if all are known here; names that the planner makes up are not.
    pub columns: Option<Vec<Column>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableUse {
    /// The spelling that is planned with.
    pub parts: Vec<String>,
    /// What it is called here, if not so.
    pub alias: Option<String>,
    pub span: Span,
}

/// Resolves the query's names in place. If several names are wrong, or clauses are not answered, the error is about
/// the first of them in the text and has the others in its context.
pub fn resolve(query: &mut Query, tables: &dyn Tables, source: &Source) -> Result<Resolved> {
    let ignored = ignored::Search::new(source);
    let mut pass = Pass { tables, source, ctes: Vec::new(), found: Vec::new(), errors: Vec::new(), ignored, given: 0 };
    let outputs = pass.query(query, None);
    pass.errors.extend(pass.ignored.found());
    match complain::together(pass.errors, source) {
        Some(error) => Err(error),
        None => {
            let columns = (outputs.extent == outputs::Extent::Known).then_some(outputs.columns);
            Ok(Resolved { tables: pass.found, columns })
        }
    }
}

/// The state of one run. Scopes are not in it: they live on the stack, each pointing at the one around it.
struct Pass<'a> {
    tables: &'a dyn Tables,
    source: &'a Source,
    /// The CTEs in reach, innermost last.
    ctes: Vec<Reach>,
    found: Vec<TableUse>,
    errors: Vec<(Span, Error)>,
    ignored: ignored::Search<'a>,
    /// How many relations were given a name.
    given: usize,
}

/// A CTE in reach.
struct Reach {
    name: String,
    /// The name that it is planned with, if an outer one is called the same: the planner knows no inner names.
    planned: Option<String>,
    outputs: outputs::Outputs,
}

impl Pass<'_> {
    fn complain(&mut self, span: Span, error: Error) {
        self.errors.push((span, error.at(self.source.place(span))));
    }
}
