//! `*` and `t.*`: written out where the planner would show too much (hidden columns) or the wrong side of a join.

use sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Ident, ObjectName, ObjectNamePart, RenameSelectItem, SelectItem,
    SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Span;

use super::super::statement::folded;
use super::outputs::{Extent, Outputs};
use super::scope::{Item, Scope, quoted, requalified};
use super::select::renamed;
use super::{Column, Pass, complain, expressions};

impl Pass<'_> {
    pub(super) fn star(
        &mut self,
        item: SelectItem,
        scope: &Scope<'_>,
        bound: &[Item],
        outputs: &mut Outputs,
        projection: &mut Vec<SelectItem>,
    ) {
        let (item, items, mut options) = match item {
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                let Some((name, relation)) = self.starred(&name, scope) else { return };
                let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
                let items = scope.columns_of(relation).collect::<Vec<_>>();
                if scope.relations[relation].extent != Extent::Known {
                    outputs.take(scope, &items, scope.relations[relation].extent);
                    projection.push(SelectItem::QualifiedWildcard(kind, options));
                    return;
                }
                (SelectItem::QualifiedWildcard(kind, WildcardAdditionalOptions::default()), items, options)
            }
            SelectItem::Wildcard(options) => {
                (SelectItem::Wildcard(WildcardAdditionalOptions::default()), scope.items.clone(), options)
            }
            other => {
                outputs.widen(Extent::Unknown);
                projection.push(other);
                return;
            }
        };
        let known = scope.relations.iter().all(|relation| relation.extent == Extent::Known);
        let merged = items.iter().any(|item| matches!(item, Item::Merged(_)));
        let hidden = items.iter().any(|item| is_hidden(scope.column(*item)));
        let optional = has_options(&options);
        let whole = matches!(item, SelectItem::Wildcard(_));
        if whole && !known {
            return self.open_star(options, hidden, scope, outputs, projection);
        }
        if !merged && !hidden && !optional {
            outputs.take(scope, &items, Extent::Known);
            projection.push(item);
            return;
        }
        let shown = items.iter().filter(|item| !scope.column(**item).hidden);
        let several = bound.iter().filter(|item| items.contains(item));
        let mut choice: Vec<Choice> = shown.chain(several).map(|item| Choice::of(*item, scope)).collect();
        self.choose(&mut choice, &mut options, scope);
        for Choice { column, expr, .. } in choice {
            outputs.select(&column, &column.name, expr, Span::empty(), projection);
        }
    }

    /// `*` over relations of which some have columns that nobody here knows: each known one is written out, each
    /// other keeps its own `*`.
    fn open_star(
        &mut self,
        mut options: WildcardAdditionalOptions,
        hidden: bool,
        scope: &Scope<'_>,
        outputs: &mut Outputs,
        projection: &mut Vec<SelectItem>,
    ) {
        let open = |index: &usize| scope.relations[*index].extent != Extent::Known;
        let unnamed = (0..scope.relations.len()).filter(open).any(|index| scope.relations[index].path.is_empty());
        if !hidden || unnamed || has_options(&options) {
            if hidden {
                exclude_hidden(&mut options, scope);
            }
            outputs.take(scope, &scope.items, Extent::Unknown);
            projection.push(SelectItem::Wildcard(options));
            return;
        }
        let mut waiting = (0..scope.relations.len()).filter(open).peekable();
        let starred = |index: usize, outputs: &mut Outputs, projection: &mut Vec<SelectItem>| {
            let relation = &scope.relations[index];
            let name = ObjectName::from(relation.path.iter().map(|part| quoted(part)).collect::<Vec<_>>());
            let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
            projection.push(SelectItem::QualifiedWildcard(kind, WildcardAdditionalOptions::default()));
            outputs.take(scope, &scope.columns_of(index).collect::<Vec<_>>(), relation.extent);
        };
        for item in scope.items.iter().copied().filter(|item| !scope.column(*item).hidden) {
            let relation = scope.relation(item);
            if open(&relation) {
                continue;
            }
            while let Some(index) = waiting.next_if(|index| *index < relation) {
                starred(index, outputs, projection);
            }
            let expr = scope.reference(item, true, Span::empty());
            outputs.select(scope.column(item), &scope.column(item).name, expr, Span::empty(), projection);
        }
        for index in waiting {
            starred(index, outputs, projection);
        }
    }

    /// The relation of `t.*`, with the name as the planner knows it.
    fn starred(&mut self, name: &ObjectName, scope: &Scope<'_>) -> Option<(ObjectName, usize)> {
        let typed: Vec<Ident> = name.0.iter().filter_map(ObjectNamePart::as_ident).cloned().collect();
        let relations = scope.qualified(&typed);
        let Some(relation) = relations.first().copied() else {
            let span = Span::union_iter(typed.iter().map(|ident| ident.span));
            self.complain(span, complain::no_qualifier(&typed, scope));
            return None;
        };
        let name = ObjectName::from(requalified(&typed, &scope.relations[relation].path));
        Some((name, relation))
    }

    /// EXCLUDE, EXCEPT, REPLACE, RENAME and ILIKE.
    fn choose(&mut self, choice: &mut Vec<Choice>, options: &mut WildcardAdditionalOptions, scope: &Scope<'_>) {
        if let Some(ilike) = &options.opt_ilike {
            choice.retain(|chosen| is_like(&chosen.column.name.to_lowercase(), &ilike.pattern.to_lowercase()));
        }
        let mut dropped: Vec<Ident> = Vec::new();
        match options.opt_exclude.take() {
            Some(ExcludeSelectItem::Single(name)) => dropped.extend(last_part(&name)),
            Some(ExcludeSelectItem::Multiple(names)) => dropped.extend(names.iter().filter_map(last_part)),
            None => {}
        }
        if let Some(except) = options.opt_except.take() {
            dropped.push(except.first_element);
            dropped.extend(except.additional_elements);
        }
        for typed in dropped {
            let found = self.chosen(&typed, choice, scope);
            let mut at = 0..;
            choice.retain(|_| at.next().is_none_or(|at| !found.contains(&at)));
        }
        for element in options.opt_replace.take().map(|replace| replace.items).unwrap_or_default() {
            let mut expr = element.expr;
            self.walk(&mut expr, scope, None);
            for at in self.chosen(&element.column_name, choice, scope) {
                choice[at].expr = expr.clone();
            }
        }
        let renames = match options.opt_rename.take() {
            Some(RenameSelectItem::Single(one)) => vec![one],
            Some(RenameSelectItem::Multiple(several)) => several,
            None => Vec::new(),
        };
        for rename in renames {
            for at in self.chosen(&rename.ident, choice, scope) {
                choice[at].column = Column { name: folded(&rename.alias), ..Column::default() };
            }
        }
    }

    /// The positions in a `*` that a name means.
    fn chosen(&mut self, typed: &Ident, choice: &[Choice], scope: &Scope<'_>) -> Vec<usize> {
        let fits = || {
            choice.iter().enumerate().filter_map(|(at, chosen)| Some((super::scope::fit(&chosen.column, typed)?, at)))
        };
        let Some(best) = fits().map(|(fit, _)| fit).min() else {
            self.complain(typed.span, complain::no_column(typed, scope, None));
            return Vec::new();
        };
        fits().filter(|(fit, _)| *fit == best).map(|(_, at)| at).collect()
    }
}

/// One column of a `*` that is written out.
struct Choice {
    column: Column,
    expr: Expr,
}

impl Choice {
    fn of(item: Item, scope: &Scope<'_>) -> Self {
        let column = scope.column(item);
        Choice { column: renamed(column, &column.name), expr: scope.reference(item, false, Span::empty()) }
    }
}

impl Outputs {
    /// Adds what a `*` that stays a `*` shows.
    fn take(&mut self, scope: &Scope<'_>, items: &[Item], extent: Extent) {
        for item in items.iter().filter(|item| !scope.column(**item).hidden) {
            self.push(scope.column(*item).clone(), Some(scope.reference(*item, false, Span::empty())));
        }
        self.widen(extent);
    }
}

/// The hidden columns that WHERE binds to more than one literal, by IN or by OR.
pub(super) fn bound_to_several(condition: Option<&Expr>, scope: &Scope<'_>) -> Vec<Item> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Expr> = condition.into_iter().collect();
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::Nested(inner) => waiting.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => waiting.extend([&**right, &**left]),
            _ => {
                if let Some((item, values)) = bindings(expr, scope)
                    && values.iter().skip(1).any(|value| *value != values[0])
                    && !found.contains(&item)
                {
                    found.push(item);
                }
            }
        }
    }
    found
}

/// The hidden column that a condition binds, and to which literals.
fn bindings<'e>(expr: &'e Expr, scope: &Scope<'_>) -> Option<(Item, Vec<&'e Expr>)> {
    let mut bound: Option<(Item, Vec<&Expr>)> = None;
    let mut waiting = vec![expr];
    while let Some(expr) = waiting.pop() {
        let (column, values): (&Expr, Vec<&Expr>) = match expr {
            Expr::Nested(inner) => {
                waiting.push(inner);
                continue;
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                waiting.extend([&**right, &**left]);
                continue;
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (&**left, &**right) {
                (column, value @ Expr::Value(_)) | (value @ Expr::Value(_), column) => (column, vec![value]),
                _ => return None,
            },
            Expr::InList { expr, list, negated: false } => (expr, list.iter().collect()),
            _ => return None,
        };
        if !values.iter().all(|value| matches!(value, Expr::Value(_))) {
            return None;
        }
        let item = hidden(column, scope)?;
        match &mut bound {
            None => bound = Some((item, values)),
            Some((known, all)) if *known == item => all.extend(values),
            Some(_) => return None,
        }
    }
    bound
}

/// The hidden column that a reference means; the reference is resolved already.
fn hidden(expr: &Expr, scope: &Scope<'_>) -> Option<Item> {
    let items = match expressions::parts(expr)? {
        [name] => scope.best(scope.items.iter().copied(), name)?.1,
        [qualifier @ .., name] => {
            let relations = scope.qualified(qualifier);
            scope.best(relations.iter().flat_map(|relation| scope.columns_of(*relation)), name)?.1
        }
        [] => return None,
    };
    items.first().copied().filter(|item| items.len() == 1 && scope.column(*item).hidden)
}

/// Where the `*` has to stay, the planner leaves the hidden columns out.
fn exclude_hidden(options: &mut WildcardAdditionalOptions, scope: &Scope<'_>) {
    let mut names = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    for item in scope.items.iter().filter(|item| is_hidden(scope.column(**item))) {
        let name = ObjectName::from(vec![quoted(&scope.column(*item).name)]);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    options.opt_exclude = Some(ExcludeSelectItem::Multiple(names));
}

/// Hidden, and not only nameless.
fn is_hidden(column: &Column) -> bool {
    column.hidden && !column.name.is_empty()
}

fn has_options(options: &WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_some()
        || options.opt_exclude.is_some()
        || options.opt_except.is_some()
        || options.opt_replace.is_some()
        || options.opt_rename.is_some()
}

fn last_part(name: &ObjectName) -> Option<Ident> {
    name.0.last().and_then(ObjectNamePart::as_ident).cloned()
}

/// SQL's LIKE: `%` is any text, `_` any letter.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = letters.as_str();
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| is_like(&text[at..], rest))
        }
        Some(wanted) => {
            let mut found = text.chars();
            found.next().is_some_and(|letter| wanted == '_' || letter == wanted)
                && is_like(found.as_str(), letters.as_str())
        }
    }
}
