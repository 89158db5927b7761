//! Expressions: every reference to a column becomes the column that it means, wherever it stands.
//! Subqueries are resolved on the way, as scopes within this one.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, Expr, Function, Ident, Query, SetExpr, Spanned, Subscript, TableFactor, Value, Values, VisitMut,
    VisitorMut,
};
use sqlparser::tokenizer::Span;

use super::super::statement::folded;
use super::outputs::{Extent, Outputs};
use super::scope::{Fit, Item, Scope, requalified, spanned};
use super::{Column, Pass, complain, dialect, rows};

/// A name that was found.
pub(super) struct Hit {
    pub expr: Expr,
    pub column: Column,
    pub fit: Fit,
    /// The identifier that the column was found by.
    pub typed: Ident,
    /// Fields within the column that were asked for.
    pub fields: Vec<Ident>,
}

/// The planner knows these beside the registered functions.
const PLANNED_FUNCTIONS: [&str; 3] = ["unnest", "make_map", "map"];

impl Pass<'_> {
    /// Resolves whatever is within `node` in a scope. `outputs` are searched where the scope has nothing: the names
    /// that GROUP BY, HAVING, QUALIFY and ORDER BY may take from SELECT.
    pub(super) fn walk<T: VisitMut>(&mut self, node: &mut T, scope: &Scope<'_>, outputs: Option<&Outputs>) {
        let mut walk = Walk { pass: self, scope, outputs, taken: Vec::new(), parameters: Vec::new() };
        // Nothing in the walk breaks off.
        let _ = node.visit(&mut walk);
    }

    /// Finds what a dotted name means. `None`: left as it is, either since the planner may know more, or after
    /// a complaint.
    pub(super) fn find(&mut self, parts: &[Ident], scope: &Scope<'_>, outputs: Option<&Outputs>) -> Option<Hit> {
        let first = parts.first()?;
        if first.quote_style.is_none() && first.value.starts_with('@') {
            return None;
        }
        if parts.len() > 1 {
            for searched in scope.chain() {
                for split in (1..parts.len()).rev() {
                    let relations = searched.qualified(&parts[..split]);
                    if !relations.is_empty() {
                        return self.find_within(&relations, parts, split, searched);
                    }
                }
            }
        }
        let output = || {
            let outputs = outputs?;
            let mut items = Scope::default();
            items.add(outputs.relation(Vec::new()));
            let (fit, found) = items.best(items.items.clone(), first)?;
            let column = items.column(*found.first()?).clone();
            let expr = Expr::Identifier(spanned(&column.name, first.span));
            Some(Hit { expr, column, fit, typed: first.clone(), fields: parts[1..].to_vec() })
        };
        let mut crowd: Vec<&Scope<'_>> = Vec::new();
        for (depth, searched) in scope.chain().enumerate() {
            if let Some((fit, items)) = searched.best(searched.items.iter().copied(), first) {
                if items.len() > 1 {
                    self.complain(first.span, complain::ambiguous(first, &items, searched));
                    return None;
                }
                let column = searched.column(items[0]).clone();
                let crowded = crowd.iter().any(|scope| scope.has(&column.name));
                let expr = searched.reference(items[0], crowded, first.span);
                return Some(Hit { expr, column, fit, typed: first.clone(), fields: parts[1..].to_vec() });
            }
            if depth == 0
                && let Some(hit) = output()
            {
                return Some(hit);
            }
            crowd.push(searched);
        }
        let relations = || scope.chain().flat_map(|scope| &scope.relations);
        let generated = !is_simple(&first.value) && relations().any(|relation| relation.extent == Extent::Generated);
        let nameless = parts.len() == 1 || relations().any(|r| r.path.is_empty() && r.extent == Extent::Unknown);
        if generated
            || (nameless && scope.chain().any(Scope::is_open))
            || outputs.is_some_and(|outputs| outputs.extent != Extent::Known && !is_simple(&first.value))
        {
            return None;
        }
        let error = match parts {
            [column] => complain::no_column(column, scope, None),
            [qualifier @ .., _] => complain::no_qualifier(qualifier, scope),
            [] => return None,
        };
        self.complain(Span::union_iter(parts.iter().map(|part| part.span)), error);
        None
    }

    /// `parts[..split]` is the qualifier of these relations.
    fn find_within(&mut self, relations: &[usize], parts: &[Ident], split: usize, scope: &Scope<'_>) -> Option<Hit> {
        let typed = &parts[split];
        let items = relations.iter().flat_map(|relation| scope.columns_of(*relation));
        let Some((fit, items)) = scope.best(items, typed) else {
            let extent = relations.iter().map(|relation| scope.relations[*relation].extent).max().unwrap_or_default();
            if extent == Extent::Unknown || (extent == Extent::Generated && !is_simple(&typed.value)) {
                return None;
            }
            let within = relations.first().map(|relation| &scope.relations[*relation]);
            self.complain(typed.span, complain::no_column(typed, scope, within));
            return None;
        };
        let [item @ Item::Column { relation, .. }] = items[..] else {
            self.complain(typed.span, complain::ambiguous(typed, &items, scope));
            return None;
        };
        let column = scope.column(item).clone();
        let mut qualified = requalified(&parts[..split], &scope.relations[relation].path);
        qualified.push(spanned(&column.name, typed.span));
        Some(Hit {
            expr: Expr::CompoundIdentifier(qualified),
            column,
            fit,
            typed: typed.clone(),
            fields: parts[split + 1..].to_vec(),
        })
    }

    fn check_function(&mut self, function: &Function) {
        let [part] = function.name.0.as_slice() else { return };
        let Some(ident) = part.as_ident() else { return };
        let name = folded(ident);
        if PLANNED_FUNCTIONS.contains(&name.as_str()) || self.tables.has_function(&name) {
            return;
        }
        let error = complain::no_function(&ident.value, &self.tables.functions());
        self.complain(ident.span, error);
    }
}

impl Hit {
    /// The whole reference, fields included.
    pub fn into_expr(self) -> Expr {
        if self.fields.is_empty() {
            return self.expr;
        }
        let access_chain = self.fields.iter().map(field).collect();
        Expr::CompoundFieldAccess { root: Box::new(self.expr), access_chain }
    }
}

/// The parts of a plain reference.
pub(super) fn parts(expr: &Expr) -> Option<&[Ident]> {
    match expr {
        Expr::Identifier(ident) => Some(std::slice::from_ref(ident)),
        Expr::CompoundIdentifier(parts) => Some(parts),
        Expr::Nested(inner) => parts(inner),
        _ => None,
    }
}

/// `.key`, in the form that the planner understands: `['key']`.
fn field(ident: &Ident) -> AccessExpr {
    let index = Expr::Value(Value::SingleQuotedString(folded(ident)).with_span(ident.span));
    AccessExpr::Subscript(Subscript::Index { index })
}

/// Could this have been typed without quotes? Names that the planner makes up never could.
fn is_simple(name: &str) -> bool {
    name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

struct Walk<'p, 'a, 's> {
    pass: &'p mut Pass<'a>,
    scope: &'s Scope<'s>,
    outputs: Option<&'s Outputs>,
    /// The subqueries around which the walk is, each resolved already and put aside.
    taken: Vec<Query>,
    /// The parameters of the lambdas around which the walk is.
    parameters: Vec<Vec<String>>,
}

impl Walk<'_, '_, '_> {
    /// `t.tags[1]` is a root `t` with a chain: what the dots name before the first bracket is one reference, the
    /// dots behind it are fields.
    fn access(&mut self, root: &mut Expr, chain: &mut Vec<AccessExpr>) {
        let dotted = |access: &AccessExpr| match access {
            AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident.clone()),
            _ => None,
        };
        if let Expr::Identifier(first) = root
            && !self.is_parameter(first)
        {
            let named = std::iter::once(first.clone()).chain(chain.iter().map_while(dotted)).collect::<Vec<_>>();
            let rest = chain.split_off(named.len() - 1);
            chain.clear();
            match self.pass.find(&named, self.scope, self.outputs) {
                Some(hit) => {
                    chain.extend(hit.fields.iter().map(field));
                    *root = hit.expr;
                }
                None if named.len() > 1 => *root = Expr::CompoundIdentifier(named),
                None => {}
            }
            chain.extend(rest);
        }
        for access in chain {
            if let Some(ident) = dotted(access) {
                *access = field(&ident);
            }
        }
    }

    fn is_parameter(&self, ident: &Ident) -> bool {
        self.parameters.iter().flatten().any(|parameter| *parameter == folded(ident))
    }
}

impl VisitorMut for Walk<'_, '_, '_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.pass.query(query, Some(self.scope));
        // The walk must not enter it with this scope.
        self.taken.push(std::mem::replace(query, nothing()));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(taken) = self.taken.pop() {
            *query = taken;
        }
        ControlFlow::Continue(())
    }

    // A join behind `|>`: every other FROM belongs to a query.
    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        self.pass.ignored.factor(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        dialect::planned(expr);
        rows::planned(expr);
        if let Some(error) = dialect::unclear(expr) {
            self.pass.complain(expr.span(), error);
        }
        match expr {
            Expr::Lambda(lambda) => {
                let parameters = lambda.params.iter().map(|parameter| folded(&parameter.name));
                self.parameters.push(parameters.collect());
            }
            Expr::Function(function) => {
                self.pass.ignored.function(function);
                self.pass.check_function(function);
            }
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Expr::BinaryOp { left, right, .. } => {
                for (row, other) in [(&*left, &*right), (&*right, &*left)] {
                    if let (Expr::Tuple(_), Expr::Subquery(_)) = (&**row, &**other) {
                        self.pass.complain(row.span(), complain::row_and_subquery());
                    }
                }
            }
            Expr::InSubquery { expr: row, subquery, .. } => {
                if let Expr::Tuple(values) = &**row {
                    self.pass.complain(row.span(), complain::rows_of_subquery(values.len(), rows::width(subquery)));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        dialect::marked(expr);
        if self.parameters.is_empty() {
            dialect::marked_with_columns(expr);
        }
        match expr {
            Expr::Lambda(_) => {
                self.parameters.pop();
            }
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                let Some(named) = parts(expr) else { return ControlFlow::Continue(()) };
                if named.first().is_some_and(|first| self.is_parameter(first)) {
                    return ControlFlow::Continue(());
                }
                if let Some(hit) = self.pass.find(named, self.scope, self.outputs) {
                    *expr = hit.into_expr();
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// What stands in a subquery's place while the walk is around it.
fn nothing() -> Query {
    super::super::statement::query(SetExpr::Values(Values {
        explicit_row: false,
        value_keyword: false,
        rows: Vec::new(),
    }))
}
