//! One SELECT: FROM makes the scope, the list makes the outputs, and each clause sees what SQL lets it see.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, OrderBy, Query, Select, SelectFlavor, SelectItem, Visit, Visitor,
    WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Span;

use super::super::statement::folded;
use super::casts::{self, uncast, without_casts};
use super::outputs::{Extent, Outputs};
use super::scope::{Fit, Item, Scope, fit, quoted, spanned};
use super::{Column, Pass, complain, dialect, expressions, rows, star};

impl Pass<'_> {
    pub(super) fn select(
        &mut self,
        select: &mut Select,
        mut order_by: Option<&mut OrderBy>,
        outer: Option<&Scope<'_>>,
    ) -> Outputs {
        self.ignored.select(select);
        let scope = self.from(&mut select.from, outer);
        let scope = &scope;
        for condition in [&mut select.selection, &mut select.having, &mut select.qualify].into_iter().flatten() {
            dialect::condition(condition);
        }
        select.selection.iter_mut().for_each(rows::condition);
        self.walk(&mut select.prewhere, scope, None);
        self.walk(&mut select.selection, scope, None);
        let bound = star::bound_to_several(select.selection.as_ref(), scope);
        if select.flavor == SelectFlavor::FromFirstNoSelect {
            select.flavor = SelectFlavor::Standard;
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
        }
        let mut outputs = Outputs::default();
        for item in std::mem::take(&mut select.projection) {
            self.selected(item, scope, &bound, &mut outputs, &mut select.projection);
        }
        if select.distinct.is_some() {
            outputs.know(&select.projection);
        }
        let seen = Some(&outputs);
        match &mut select.group_by {
            GroupByExpr::All(_) => {}
            GroupByExpr::Expressions(expressions, modifiers) => {
                self.walk(expressions, scope, seen);
                self.walk(modifiers, scope, seen);
                once(expressions, &select.projection);
            }
        }
        self.walk(&mut select.having, scope, seen);
        self.walk(&mut select.named_window, scope, seen);
        self.walk(&mut select.qualify, scope, seen);
        self.walk(&mut select.cluster_by, scope, seen);
        self.walk(&mut select.distribute_by, scope, seen);
        self.walk(&mut select.sort_by, scope, seen);
        if let Some(Distinct::On(expressions)) = &mut select.distinct {
            for expression in expressions {
                self.sorted(expression, &outputs, scope);
            }
        }
        self.order(order_by.as_deref_mut(), &outputs, scope);
        casts::told_apart(select, order_by);
        outputs
    }

    fn selected(
        &mut self,
        item: SelectItem,
        scope: &Scope<'_>,
        bound: &[Item],
        outputs: &mut Outputs,
        projection: &mut Vec<SelectItem>,
    ) {
        match item {
            SelectItem::UnnamedExpr(expr) => self.unnamed(expr, scope, outputs, projection),
            SelectItem::ExprWithAlias { mut expr, alias } => {
                let plain = expressions::parts(&expr).is_some();
                self.walk(&mut expr, scope, None);
                let is_called = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias: taken, .. } if folded(taken) == folded(&alias));
                if projection.iter().any(is_called) {
                    self.complain(alias.span, complain::two_outputs(&alias));
                }
                let source = plain.then(|| expr.clone());
                outputs.push(Column { name: folded(&alias), ..Column::default() }, source);
                projection.push(SelectItem::ExprWithAlias { expr, alias });
            }
            SelectItem::ExprWithAliases { mut expr, aliases } => {
                self.walk(&mut expr, scope, None);
                outputs.push_nameless(Extent::Unknown);
                projection.push(SelectItem::ExprWithAliases { expr, aliases });
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                self.star(item, scope, bound, outputs, projection);
            }
        }
    }

    /// A column keeps the spelling that it was selected by, unless only its case was another.
    fn unnamed(&mut self, mut expr: Expr, scope: &Scope<'_>, outputs: &mut Outputs, projection: &mut Vec<SelectItem>) {
        let Some(parts) = expressions::parts(uncast(&expr)) else {
            let typed = has_subquery(&expr).then(|| expr.to_string());
            self.walk(&mut expr, scope, None);
            outputs.push_nameless(if is_unnest(&expr) { Extent::Unknown } else { Extent::Generated });
            projection.push(outputs.told_apart(expr, typed));
            return;
        };
        let Some(hit) = self.find(parts, scope, None) else {
            let name = parts.last().map(folded).unwrap_or_default();
            outputs.push(Column { name, ..Column::default() }, None);
            projection.push(SelectItem::UnnamedExpr(expr));
            return;
        };
        if !hit.fields.is_empty() {
            self.walk(&mut expr, scope, None);
            outputs.push_nameless(Extent::Generated);
            projection.push(outputs.told_apart(expr, None));
            return;
        }
        let name = if hit.fit == Fit::Alias { &hit.typed.value } else { &hit.column.name };
        if expressions::parts(&expr).is_some() {
            outputs.select(&hit.column, name, hit.expr, hit.typed.span, projection);
            return;
        }
        // The planner would call a cast by the column's full name.
        self.walk(&mut expr, scope, None);
        outputs.select(&hit.column, name, expr, hit.typed.span, projection);
    }

    /// The output that a bare name in ORDER BY or DISTINCT ON means; `Err` after a complaint.
    pub(super) fn output(&mut self, typed: &Ident, outputs: &Outputs) -> Result<Option<Expr>, ()> {
        let ranked = |at: &usize| fit(&outputs.columns[*at], typed).filter(|_| !outputs.columns[*at].name.is_empty());
        let Some(best) = (0..outputs.columns.len()).filter_map(|at| ranked(&at)).min() else { return Ok(None) };
        let mut found = (0..outputs.columns.len()).filter(|at| ranked(at) == Some(best));
        let Some(first) = found.next() else { return Ok(None) };
        let same = |at: usize| match (&outputs.sources[first], &outputs.sources[at]) {
            (Some(first), Some(other)) => is_same(first, other),
            _ => false,
        };
        if !found.all(same) {
            self.complain(typed.span, complain::ambiguous_output(typed));
            return Err(());
        }
        Ok(Some(outputs.reference(first, typed.span)))
    }
}

impl Outputs {
    /// Selects an expression under a name. The planner wants every output to differ from the others in its name or
    /// in its table: a second one of a name is called `name_2`.
    pub(super) fn select(
        &mut self,
        column: &Column,
        name: &str,
        expr: Expr,
        span: Span,
        projection: &mut Vec<SelectItem>,
    ) {
        let taken = |wanted: &str| {
            self.columns.iter().zip(&self.sources).any(|(column, source)| {
                let apart = is_called(&expr, wanted)
                    && source.as_ref().is_some_and(|source| is_called(source, wanted) && !is_same(source, &expr));
                column.name == wanted && !apart
            })
        };
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let name = std::iter::once(name.to_string()).chain(numbered).find(|name| !taken(name)).unwrap_or_default();
        let item = if is_called(&expr, &name) {
            SelectItem::UnnamedExpr(expr.clone())
        } else {
            SelectItem::ExprWithAlias { expr: expr.clone(), alias: spanned(&name, span) }
        };
        projection.push(item);
        self.push(renamed(column, &name), Some(expr));
    }

    /// Keeps the place of an output that has no name here.
    fn push_nameless(&mut self, extent: Extent) {
        self.widen(extent);
        self.push(Column { hidden: true, ..Column::default() }, None);
    }

    /// An expression that is selected once more needs a name: the planner would call both the same, whatever their
    /// casts. It calls all subqueries the same: one has its text, as it was `typed`.
    fn told_apart(&mut self, expr: Expr, typed: Option<String>) -> SelectItem {
        let alias = match (self.expressions.insert(without_casts(&expr)), typed) {
            (true, None) => return SelectItem::UnnamedExpr(expr),
            (true, Some(typed)) => typed,
            (false, typed) => format!("{} #{}", typed.unwrap_or_else(|| expr.to_string()), self.columns.len()),
        };
        SelectItem::ExprWithAlias { alias: quoted(&alias), expr }
    }

    /// Keeps what is selected under an alias: with DISTINCT the planner sorts by outputs alone, and by their names.
    fn know(&mut self, projection: &[SelectItem]) {
        for item in projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && let Some(at) = self.columns.iter().position(|column| column.name == folded(alias))
            {
                self.sources[at].get_or_insert_with(|| expr.clone());
            }
        }
    }

    /// The position of an expression that is selected as it stands.
    pub(super) fn position(&self, expr: &Expr) -> Option<usize> {
        self.sources.iter().position(|source| source.as_ref().is_some_and(|source| is_same(source, expr)))
    }

    /// The expression by which ORDER BY means this output.
    pub(super) fn reference(&self, at: usize, span: Span) -> Expr {
        let name = &self.columns[at].name;
        match &self.sources[at] {
            // Under its own name it is the column itself: the bare name may mean several columns of FROM.
            Some(source) if is_called(source, name) => source.clone(),
            _ => Expr::Identifier(spanned(name, span)),
        }
    }
}

/// Groups by the same subquery once: the planner would join its rows twice, and call both the same.
fn once(expressions: &mut Vec<Expr>, projection: &[SelectItem]) {
    let mut known: Vec<Expr> = Vec::new();
    expressions.retain(|expr| {
        let position = || expr.to_string().parse::<usize>().ok()?.checked_sub(1);
        let meant = match position().and_then(|at| projection.get(at)) {
            Some(SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }) => item,
            _ => expr,
        };
        let is_new = !matches!(meant, Expr::Subquery(_)) || !known.contains(meant);
        known.extend(is_new.then(|| meant.clone()));
        is_new
    });
}

/// A column under the name that it is selected by: the other names lead to it still.
pub(super) fn renamed(column: &Column, name: &str) -> Column {
    let others = std::iter::once(&column.name).chain(&column.aliases).filter(|other| *other != name);
    Column { name: name.to_string(), aliases: others.cloned().collect(), hidden: false }
}

/// Does the expression alone give this name?
fn is_called(expr: &Expr, name: &str) -> bool {
    expressions::parts(expr).and_then(<[_]>::last).is_some_and(|last| last.value == name)
}

/// Are two resolved expressions of one scope the same? A name may be qualified in more ways than one.
fn is_same(left: &Expr, right: &Expr) -> bool {
    match (expressions::parts(left), expressions::parts(right)) {
        (Some(left), Some(right)) => {
            left.iter().rev().zip(right.iter().rev()).all(|(left, right)| folded(left) == folded(right))
        }
        _ => left == right,
    }
}

fn has_subquery(expr: &Expr) -> bool {
    struct Queries;
    impl Visitor for Queries {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    expr.visit(&mut Queries).is_break()
}

fn is_unnest(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(function) if function.name.to_string().to_ascii_lowercase().contains("unnest"))
}
