//! FROM: tables, subqueries, functions and joins become the relations of a scope.
//! USING and NATURAL make one column of two; what that column is, for each kind of join, is said here.

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    ObjectNamePart, TableAlias, TableFactor, TableWithJoins, Value,
};
use sqlparser::tokenizer::Span;

use super::super::statement::folded;
use super::complain::{self, Unjoinable};
use super::outputs::Outputs;
use super::query::path;
use super::scope::{Item, Merged, Relation, Scope, Side, quoted, spanned};
use super::select::renamed;
use super::{Pass, TableUse, dialect, reach};

impl Pass<'_> {
    pub(super) fn from<'s>(&mut self, from: &mut Vec<TableWithJoins>, outer: Option<&'s Scope<'s>>) -> Scope<'s> {
        let mut scope = Scope::within(outer);
        scope.crowded = from.len() > 1 || from.iter().any(|tree| !tree.joins.is_empty());
        let mut firsts = Vec::new();
        for tree in from.iter_mut() {
            firsts.push(scope.relations.len());
            self.tree(tree, &mut scope);
        }
        within_reach(from);
        let joined = firsts.len() - from.len();
        for (tree, first) in from.iter_mut().zip(firsts.into_iter().skip(joined)).skip(1) {
            for (span, error) in reach::before_comma(tree, &scope.relations[..first]) {
                self.complain(span, error);
            }
        }
        scope
    }

    fn tree(&mut self, tree: &mut TableWithJoins, scope: &mut Scope<'_>) {
        let start = scope.items.len();
        self.factor(&mut tree.relation, scope);
        for join in &mut tree.joins {
            let (middle, relations) = (scope.items.len(), scope.relations.len());
            self.factor(&mut join.relation, scope);
            if let Some((span, error)) = reach::of_items(join) {
                self.complain(span, error);
            }
            self.join(&mut join.join_operator, scope, start, middle);
            match join.join_operator {
                JoinOperator::Semi(_)
                | JoinOperator::LeftSemi(_)
                | JoinOperator::Anti(_)
                | JoinOperator::LeftAnti(_) => {
                    scope.items.truncate(middle);
                    scope.relations[relations..].iter_mut().for_each(|relation| *relation = Relation::default());
                }
                JoinOperator::RightSemi(_) | JoinOperator::RightAnti(_) => {
                    let gone: Vec<_> = scope.items.drain(start..middle).collect();
                    for item in gone {
                        if let Item::Column { relation, .. } = item {
                            scope.relations[relation] = Relation::default();
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn factor(&mut self, factor: &mut TableFactor, scope: &mut Scope<'_>) {
        self.ignored.factor(factor);
        if self.items(factor, scope) {
            return;
        }
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let relation = self.table(name, alias);
                scope.add(relation);
            }
            TableFactor::Table { name, alias, args: Some(args), .. } => {
                self.check_table_function(name);
                self.walk(&mut args.args, scope, None);
                self.function(alias, scope);
            }
            TableFactor::Function { name, args, alias, .. } => {
                self.check_table_function(name);
                self.walk(args, scope, None);
                self.function(alias, scope);
            }
            TableFactor::UNNEST { array_exprs, alias, .. } => {
                self.walk(array_exprs, scope, None);
                self.function(alias, scope);
            }
            TableFactor::TableFunction { expr, alias } => {
                self.walk(expr, scope, None);
                self.function(alias, scope);
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let outer = if *lateral { Some(&*scope) } else { scope.outer };
                let mut outputs = self.query(subquery, outer);
                if let Some(alias) = alias {
                    outputs.rename(alias);
                }
                let given = self.give_name(alias, scope);
                scope.add(Relation { given, ..outputs.relation(path(alias)) });
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.tree(table_with_joins, scope),
            TableFactor::NestedJoin { table_with_joins, alias: Some(alias) } => {
                let mut inner = Scope { crowded: true, ..Scope::within(scope.outer) };
                self.tree(table_with_joins, &mut inner);
                let mut outputs = Outputs::default();
                for item in &inner.items {
                    outputs.push(inner.column(*item).clone(), None);
                }
                outputs.widen(inner.relations.iter().map(|relation| relation.extent).max().unwrap_or_default());
                outputs.rename(alias);
                scope.add(outputs.relation(vec![folded(&alias.name)]));
            }
            // Forms that the planner refuses.
            TableFactor::JsonTable { alias, .. }
            | TableFactor::OpenJsonTable { alias, .. }
            | TableFactor::Pivot { alias, .. }
            | TableFactor::Unpivot { alias, .. }
            | TableFactor::MatchRecognize { alias, .. }
            | TableFactor::XmlTable { alias, .. }
            | TableFactor::SemanticView { alias, .. } => self.function(alias, scope),
        }
    }

    /// A table function that makes rows of a value to its left: whether LATERAL stands before it or not, it means that.
    fn items(&mut self, factor: &mut TableFactor, scope: &mut Scope<'_>) -> bool {
        let (name, args, alias, is_function) = match factor {
            TableFactor::Table { name, args: Some(args), alias, .. } => (name, &mut args.args, alias, false),
            TableFactor::Function { name, args, alias, .. } => (name, args, alias, true),
            _ => return false,
        };
        let called = match name.0.as_slice() {
            [ObjectNamePart::Identifier(called)] => folded(called),
            _ => return false,
        };
        if called == "unnest" && is_function {
            *factor = unnest(args, alias);
            return false;
        }
        let Some(columns) = self.tables.table_function(&called) else { return false };
        self.walk(args, scope, None);
        let (name, args) = (name.clone(), std::mem::take(args));
        let mut alias = alias.take();
        let mut outputs = Outputs::named(columns);
        // Of a function of one column the alias is a name for that, too.
        if let (Some(alias), [only]) = (&alias, outputs.columns.as_mut_slice()) {
            only.aliases.push(folded(&alias.name));
        }
        if let Some(alias) = &mut alias {
            outputs.rename(alias);
        }
        let path = if alias.is_some() { path(&alias) } else { vec![called] };
        // The first relation has nothing to its left.
        let lateral = !scope.relations.is_empty();
        *factor = TableFactor::Function { lateral, name, args, with_ordinality: false, alias };
        scope.add(outputs.relation(path));
        true
    }

    /// A relation whose columns are the planner's to know, unless an alias names them.
    fn function(&mut self, alias: &mut Option<TableAlias>, scope: &mut Scope<'_>) {
        let mut outputs = Outputs::unknown();
        if let Some(alias) = alias {
            outputs.rename(alias);
        }
        let given = self.give_name(alias, scope);
        scope.add(Relation { given, ..outputs.relation(path(alias)) });
    }

    /// Names what has no name and does not stand alone: to the planner a bare column beside a qualified one of the
    /// same name is ambiguous, even where USING makes them one. No two names of a query are the same.
    fn give_name(&mut self, alias: &mut Option<TableAlias>, scope: &Scope<'_>) -> bool {
        if alias.is_some() || !scope.crowded {
            return false;
        }
        self.given += 1;
        let name = quoted(&format!("#{}", self.given));
        *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        true
    }

    /// A CTE, or a base table.
    fn table(&mut self, name: &mut ObjectName, alias: &mut Option<TableAlias>) -> Relation {
        let idents: Vec<Ident> = name.0.iter().filter_map(ObjectNamePart::as_ident).cloned().collect();
        let typed: Vec<String> = idents.iter().map(folded).collect();
        let cte = match typed.as_slice() {
            [name] => self.ctes.iter().rev().find(|cte| cte.name == *name),
            _ => None,
        };
        if let Some(planned) = cte.and_then(|cte| cte.planned.as_ref()) {
            let name_typed = idents.first().cloned().unwrap_or_else(|| quoted(planned));
            let called = TableAlias { explicit: true, name: name_typed, columns: Vec::new(), at: None };
            alias.get_or_insert(called);
            *name = ObjectName::from(vec![quoted(planned)]);
        }
        let cte = cte.map(|cte| cte.outputs.clone());
        let is_base = cte.is_none();
        let mut parts = typed.clone();
        let mut outputs = match cte {
            Some(outputs) => outputs,
            None => {
                let span = Span::union_iter(idents.iter().map(|ident| ident.span));
                match self.tables.columns(&typed) {
                    Ok(columns) => {
                        if let Some(canonical) = self.tables.canonical(&typed) {
                            *name = ObjectName::from(respelled(&idents, &canonical));
                            parts = canonical;
                        }
                        let alias = alias.as_ref().map(|alias| folded(&alias.name));
                        self.found.push(TableUse { parts: parts.clone(), alias, span });
                        let sources = vec![None; columns.len()];
                        Outputs { columns, sources, ..Outputs::default() }
                    }
                    Err(error) => {
                        self.complain(span, error);
                        Outputs::unknown()
                    }
                }
            }
        };
        if let Some(alias) = alias {
            outputs.rename(alias);
        }
        let table = is_base.then(|| parts.join("."));
        let path = if alias.is_some() { path(alias) } else { parts };
        Relation { table, ..outputs.relation(path) }
    }

    fn check_table_function(&mut self, name: &ObjectName) {
        let [part] = name.0.as_slice() else { return };
        let Some(ident) = part.as_ident() else { return };
        if !self.tables.has_function(&folded(ident)) {
            let error = complain::no_function(&ident.value, &self.tables.functions());
            self.complain(ident.span, error);
        }
    }

    /// `items[start..middle]` are the left side's, the ones from `middle` the right side's.
    fn join(&mut self, operator: &mut JoinOperator, scope: &mut Scope<'_>, start: usize, middle: usize) {
        let side = match operator {
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => Side::Right,
            JoinOperator::FullOuter(_) => Side::Both,
            _ => Side::Left,
        };
        let inner = matches!(operator, JoinOperator::Join(_) | JoinOperator::Inner(_));
        let Some(constraint) = constraint(operator) else { return };
        let pairs = match constraint {
            JoinConstraint::None => return,
            JoinConstraint::On(condition) => {
                dialect::condition(condition);
                return self.walk(condition, scope, None);
            }
            JoinConstraint::Using(names) => {
                let pairs = self.using(names, scope, start, middle);
                // A key that only the planner can find: then all are left to it.
                if pairs.len() < names.len() {
                    return;
                }
                pairs
            }
            JoinConstraint::Natural => {
                if scope.is_open() {
                    return;
                }
                natural(scope, start, middle)
            }
        };
        if pairs.is_empty() {
            if matches!(constraint, JoinConstraint::Natural) {
                if inner {
                    *operator = JoinOperator::CrossJoin(JoinConstraint::None);
                } else {
                    *constraint = JoinConstraint::On(Expr::Value(Value::Boolean(true).with_empty_span()));
                }
            }
            return;
        }
        *constraint = joined(&pairs, scope);
        merge(pairs, side, scope, start, middle);
    }

    fn using(&mut self, names: &[ObjectName], scope: &Scope<'_>, start: usize, middle: usize) -> Vec<(Item, Item)> {
        let mut pairs = Vec::new();
        for name in names {
            let [part] = name.0.as_slice() else { continue };
            let Some(typed) = part.as_ident() else { continue };
            let left = self.side(typed, "left", &scope.items[start..middle], scope);
            let right = self.side(typed, "right", &scope.items[middle..], scope);
            pairs.extend(left.zip(right));
        }
        pairs
    }

    fn side(&mut self, typed: &Ident, side: &str, items: &[Item], scope: &Scope<'_>) -> Option<Item> {
        let shown = items.iter().copied().filter(|item| !scope.column(*item).hidden);
        match scope.best(shown, typed) {
            Some((_, found)) if found.len() == 1 => found.first().copied(),
            Some(_) => {
                self.complain(typed.span, complain::not_joinable(typed, side, Unjoinable::Several));
                None
            }
            None if scope.is_open() => None,
            None => {
                let hidden = scope.best(items.iter().copied(), typed).is_some();
                let why = if hidden { Unjoinable::Hidden } else { Unjoinable::Missing };
                self.complain(typed.span, complain::not_joinable(typed, side, why));
                None
            }
        }
    }
}

/// `FROM t, json_each(t.x) e JOIN u ON …`: to the planner a JOIN binds more than the comma, and what stands before the
/// comma is out of its reach. CROSS JOIN means the same as the comma, as long as no side of a later join is kept whole.
fn within_reach(from: &mut Vec<TableWithJoins>) {
    let lateral = |factor: &TableFactor| {
        matches!(factor, TableFactor::Function { lateral: true, .. } | TableFactor::Derived { lateral: true, .. })
    };
    let reaches = |tree: &TableWithJoins| {
        let mut factors = std::iter::once(&tree.relation).chain(tree.joins.iter().map(|join| &join.relation));
        !tree.joins.is_empty() && factors.any(lateral)
    };
    let plain = |tree: &TableWithJoins| {
        tree.joins.iter().all(|join| {
            matches!(
                join.join_operator,
                JoinOperator::Join(JoinConstraint::On(_) | JoinConstraint::None)
                    | JoinOperator::Inner(JoinConstraint::On(_) | JoinConstraint::None)
                    | JoinOperator::Left(JoinConstraint::On(_))
                    | JoinOperator::LeftOuter(JoinConstraint::On(_))
                    | JoinOperator::CrossJoin(JoinConstraint::None)
            )
        })
    };
    let Some(last) = from.iter().skip(1).rposition(reaches).map(|at| at + 1) else { return };
    if !from[1..=last].iter().all(plain) {
        return;
    }
    for TableWithJoins { relation, joins } in from.drain(1..=last).collect::<Vec<_>>() {
        let join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
        from[0].joins.push(Join { relation, global: false, join_operator });
        from[0].joins.extend(joins);
    }
}

/// `LATERAL unnest(…)` in the form that the planner has for it.
fn unnest(args: &mut Vec<FunctionArg>, alias: &mut Option<TableAlias>) -> TableFactor {
    let value = |arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value),
        _ => None,
    };
    TableFactor::UNNEST {
        alias: alias.take(),
        array_exprs: std::mem::take(args).into_iter().filter_map(value).collect(),
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    }
}

pub(super) fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint)
        | JoinOperator::StraightJoin(constraint)
        | JoinOperator::AsOf { constraint, .. } => Some(constraint),
        JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => None,
    }
}

/// The columns that both sides show under one name, in the left side's order.
fn natural(scope: &Scope<'_>, start: usize, middle: usize) -> Vec<(Item, Item)> {
    let shown = |items: &[Item]| items.iter().copied().filter(|item| !scope.column(*item).hidden).collect::<Vec<_>>();
    let right = shown(&scope.items[middle..]);
    let partner = |left: Item| {
        let named = |item: &Item| scope.column(*item).name == scope.column(left).name;
        Some((left, right.iter().copied().find(named)?))
    };
    shown(&scope.items[start..middle]).into_iter().filter_map(partner).collect()
}

/// USING where the planner means the same by it: one plain column of one name on each side. Else ON.
fn joined(pairs: &[(Item, Item)], scope: &Scope<'_>) -> JoinConstraint {
    let plain = |(left, right): &(Item, Item)| {
        matches!((left, right), (Item::Column { .. }, Item::Column { .. }))
            && scope.column(*left).name == scope.column(*right).name
    };
    if pairs.iter().all(plain) {
        let names =
            pairs.iter().map(|(left, _)| ObjectName::from(vec![spanned(&scope.column(*left).name, Span::empty())]));
        return JoinConstraint::Using(names.collect());
    }
    let equal = |(left, right): &(Item, Item)| Expr::BinaryOp {
        left: Box::new(scope.reference(*left, false, Span::empty())),
        op: BinaryOperator::Eq,
        right: Box::new(scope.reference(*right, false, Span::empty())),
    };
    let all = pairs.iter().map(equal).reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    });
    all.map_or(JoinConstraint::None, JoinConstraint::On)
}

/// SQL's order: the shared columns, the left side's others, the right side's others.
fn merge(pairs: Vec<(Item, Item)>, side: Side, scope: &mut Scope<'_>, start: usize, middle: usize) {
    let right = scope.items.split_off(middle);
    let left = scope.items.split_off(start);
    let others = |items: Vec<Item>| {
        let pairs = &pairs;
        items.into_iter().filter(move |item| !pairs.iter().any(|(left, right)| left == item || right == item))
    };
    let rest: Vec<Item> = others(left).chain(others(right)).collect();
    for (left, right) in pairs {
        let mut column = renamed(scope.column(left), &scope.column(left).name);
        let more = renamed(scope.column(right), &column.name).aliases;
        column.aliases.extend(more);
        scope.items.push(Item::Merged(scope.merged.len()));
        scope.merged.push(Merged { column, left, right, side });
    }
    scope.items.extend(rest);
}

/// A table's name in the spelling to plan with; identifiers that mean it already stay as typed.
fn respelled(typed: &[Ident], canonical: &[String]) -> Vec<Ident> {
    let span = Span::union_iter(typed.iter().map(|ident| ident.span));
    let same = typed.len() == canonical.len();
    let ident = |(at, part): (usize, &String)| match typed.get(at) {
        Some(ident) if same && folded(ident) == *part => ident.clone(),
        Some(ident) if same => spanned(part, ident.span),
        _ => spanned(part, span),
    };
    canonical.iter().enumerate().map(ident).collect()
}
