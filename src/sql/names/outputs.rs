//! What a query gives to whoever reads from it: its columns, the names that they answer to, and whether that is all.

use std::collections::HashSet;

use sqlparser::ast::{Expr, TableAlias, TableAliasColumnDef};

use super::super::statement::folded;
use super::Column;
use super::scope::{Relation, quoted};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// Every column and its name is known.
    #[default]
    Known,
    /// Some columns have names that the planner makes up (`count(*)`).
    Generated,
    /// Nobody here knows which columns there are.
    Unknown,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Outputs {
    pub columns: Vec<Column>,
    /// For each column the expression that it is, where that is a plain column.
    pub sources: Vec<Option<Expr>>,
    pub extent: Extent,
    /// What is selected without a name, as text.
    pub expressions: HashSet<String>,
}

impl Outputs {
    pub fn unknown() -> Self {
        Outputs { extent: Extent::Unknown, ..Outputs::default() }
    }

    pub fn named(names: impl IntoIterator<Item = String>) -> Self {
        let mut outputs = Outputs::default();
        for name in names {
            outputs.push(Column { name, ..Column::default() }, None);
        }
        outputs
    }

    pub fn push(&mut self, column: Column, source: Option<Expr>) {
        self.columns.push(column);
        self.sources.push(source);
    }

    /// These columns as a relation of a FROM.
    pub fn relation(&self, path: Vec<String>) -> Relation {
        Relation { path, columns: self.columns.clone(), extent: self.extent, ..Relation::default() }
    }

    pub fn widen(&mut self, extent: Extent) {
        self.extent = self.extent.max(extent);
    }

    /// Applies a list of column names (`t(a, b)`), and completes it, since the planner wants a name for every
    /// column, hidden ones too. A list may be shorter than the table; one that is longer is left to the planner.
    pub fn rename(&mut self, alias: &mut TableAlias) {
        if alias.columns.is_empty() {
            return;
        }
        if self.extent != Extent::Known {
            let names = alias.columns.iter().map(|column| folded(&column.name)).collect::<Vec<_>>();
            *self = Outputs::named(names);
            return;
        }
        let (given, all) = (alias.columns.len(), self.columns.len());
        if given != all && given > self.columns.iter().filter(|column| !column.hidden).count() {
            return;
        }
        let mut names = std::mem::take(&mut alias.columns).into_iter();
        for (column, source) in self.columns.iter_mut().zip(&mut self.sources) {
            // A list that is complete already names the hidden columns as well.
            let named = if column.hidden && given != all { None } else { names.next() };
            if let Some(named) = &named {
                *column = Column { name: folded(&named.name), hidden: column.hidden, ..Column::default() };
                *source = None;
            }
            let definition =
                named.unwrap_or_else(|| TableAliasColumnDef { name: quoted(&column.name), data_type: None });
            alias.columns.push(definition);
        }
    }
}
