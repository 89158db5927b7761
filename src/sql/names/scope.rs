//! Which columns a name can mean at one place of a query: the relations of a FROM, in the order of `*`, and the
//! scopes around them. How well a name fits a column is decided here and nowhere else.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
};
use sqlparser::tokenizer::Span;

use super::super::statement::folded;
use super::Column;
use super::outputs::Extent;

/// How a name fits a column, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Name,
    Alias,
    NameInOtherCase,
    AliasInOtherCase,
}

/// A quoted name fits as it is spelled; any other fits without regard to case as well.
pub(super) fn fit(column: &Column, typed: &Ident) -> Option<Fit> {
    if typed.value.is_empty() {
        return None;
    }
    let exact_only = typed.quote_style.is_some();
    let plain = |text: &str| {
        if column.name == text {
            Some(Fit::Name)
        } else if column.aliases.iter().any(|alias| alias == text) {
            Some(Fit::Alias)
        } else if exact_only {
            None
        } else if column.name.eq_ignore_ascii_case(text) {
            Some(Fit::NameInOtherCase)
        } else {
            column.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(text)).then_some(Fit::AliasInOtherCase)
        }
    };
    plain(&typed.value).or_else(|| typed.value.strip_prefix("data__").and_then(plain).map(|fit| fit.max(Fit::Alias)))
}

#[derive(Debug, Default)]
pub(super) struct Relation {
    /// What a reference may be qualified by: an alias, or a table's name. Empty: nothing.
    pub path: Vec<String>,
    /// The name was given here, so that the planner can tell the columns apart; the user does not know it.
    pub given: bool,
    pub columns: Vec<Column>,
    pub extent: Extent,
    /// The table's own name, if it is a base table.
    pub table: Option<String>,
}

impl Relation {
    /// What the user calls it, if anything.
    pub fn called(&self) -> Option<String> {
        (!self.given && !self.path.is_empty()).then(|| self.path.join("."))
    }
}

/// A column as a name finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Column {
        relation: usize,
        column: usize,
    },
    /// Two columns that USING or NATURAL made one.
    Merged(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    /// Neither side has the value in every row.
    Both,
}

#[derive(Debug)]
pub(super) struct Merged {
    pub column: Column,
    pub left: Item,
    pub right: Item,
    pub side: Side,
}

#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    pub outer: Option<&'a Scope<'a>>,
    pub relations: Vec<Relation>,
    pub merged: Vec<Merged>,
    /// In the order of `*`, hidden columns included.
    pub items: Vec<Item>,
    /// Several relations stand in this FROM: each needs a name.
    pub crowded: bool,
}

impl<'a> Scope<'a> {
    pub fn within(outer: Option<&'a Scope<'a>>) -> Self {
        Scope { outer, ..Scope::default() }
    }

    pub fn add(&mut self, relation: Relation) {
        let index = self.relations.len();
        self.items.extend((0..relation.columns.len()).map(|column| Item::Column { relation: index, column }));
        self.relations.push(relation);
    }

    /// This scope and the ones around it, innermost first.
    pub fn chain(&self) -> impl Iterator<Item = &Scope<'a>> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }

    pub fn column(&self, item: Item) -> &Column {
        match item {
            Item::Column { relation, column } => &self.relations[relation].columns[column],
            Item::Merged(merged) => &self.merged[merged].column,
        }
    }

    /// The relation that an item is of; of a shared column, the left one.
    pub fn relation(&self, item: Item) -> usize {
        match item {
            Item::Column { relation, .. } => relation,
            Item::Merged(merged) => self.relation(self.merged[merged].left),
        }
    }

    /// The items among these that the name fits best: none, one, or several that fit equally well.
    /// A column that `*` shows is preferred to a hidden one.
    pub fn best(&self, items: impl IntoIterator<Item = Item>, typed: &Ident) -> Option<(Fit, Vec<Item>)> {
        let mut best: Option<((Fit, bool), Vec<Item>)> = None;
        for item in items {
            let column = self.column(item);
            let Some(fit) = fit(column, typed) else { continue };
            let rank = (fit, column.hidden);
            match &mut best {
                Some((found, items)) if *found == rank => items.push(item),
                Some((found, _)) if *found < rank => {}
                _ => best = Some((rank, vec![item])),
            }
        }
        best.map(|((fit, _), items)| (fit, items))
    }

    /// The relations that a qualifier means: the ones of just this name, else the ones whose names end in it.
    pub fn qualified(&self, qualifier: &[Ident]) -> Vec<usize> {
        let ends = |relation: &Relation| {
            !relation.given
                && qualifier.len() <= relation.path.len()
                && relation.path.iter().rev().zip(qualifier.iter().rev()).all(|(part, typed)| means(typed, part))
        };
        let ending: Vec<_> = (0..self.relations.len()).filter(|index| ends(&self.relations[*index])).collect();
        let exact = |index: &usize| self.relations[*index].path.len() == qualifier.len();
        if ending.iter().any(exact) { ending.into_iter().filter(exact).collect() } else { ending }
    }

    pub fn columns_of(&self, relation: usize) -> impl Iterator<Item = Item> {
        (0..self.relations[relation].columns.len()).map(move |column| Item::Column { relation, column })
    }

    /// Are there columns here that nobody knows?
    pub fn is_open(&self) -> bool {
        self.relations.iter().any(|relation| relation.extent == Extent::Unknown)
    }

    /// The expression that means this item, qualified if the bare name would mean several columns.
    /// `crowded` says so of the scopes between the reference and this one.
    pub fn reference(&self, item: Item, crowded: bool, span: Span) -> Expr {
        match item {
            Item::Column { relation, column } => {
                let Relation { path, columns, .. } = &self.relations[relation];
                let name = &columns[column].name;
                let alone = self.relations.iter().flat_map(|relation| &relation.columns).filter(|c| c.name == *name);
                if path.is_empty() || (!crowded && alone.count() == 1) {
                    return Expr::Identifier(spanned(name, span));
                }
                let parts = path.iter().chain([name]).map(|part| spanned(part, span)).collect();
                Expr::CompoundIdentifier(parts)
            }
            Item::Merged(merged) => {
                let Merged { left, right, side, .. } = &self.merged[merged];
                match side {
                    Side::Left => self.reference(*left, crowded, span),
                    Side::Right => self.reference(*right, crowded, span),
                    Side::Both => {
                        coalesce([self.reference(*left, crowded, span), self.reference(*right, crowded, span)])
                    }
                }
            }
        }
    }

    /// Has a relation here a column of exactly this name?
    pub fn has(&self, name: &str) -> bool {
        self.relations.iter().flat_map(|relation| &relation.columns).any(|column| column.name == name)
    }

    /// What an item may be qualified by, for a message.
    pub fn qualifier(&self, item: Item) -> Option<String> {
        self.relations[self.relation(item)].called()
    }
}

pub(super) fn means(typed: &Ident, part: &str) -> bool {
    if typed.quote_style.is_some() { typed.value == part } else { typed.value.eq_ignore_ascii_case(part) }
}

pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

pub(super) fn spanned(name: &str, span: Span) -> Ident {
    Ident::with_quote_and_span('"', span, name)
}

/// A typed qualifier in the spelling that the planner knows: as typed, where that means the same.
pub(super) fn requalified(typed: &[Ident], path: &[String]) -> Vec<Ident> {
    let path = &path[path.len().saturating_sub(typed.len())..];
    typed
        .iter()
        .zip(path)
        .map(|(ident, part)| if folded(ident) == *part { ident.clone() } else { spanned(part, ident.span) })
        .collect()
}

fn coalesce(values: [Expr; 2]) -> Expr {
    let args = values.into_iter().map(|value| FunctionArg::Unnamed(FunctionArgExpr::Expr(value))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("coalesce")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
