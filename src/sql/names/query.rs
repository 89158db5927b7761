//! Queries: WITH, set operations, VALUES, and what stands behind them. What one gives goes up as `Outputs`.

use sqlparser::ast::Spanned;
use sqlparser::ast::{
    Cte, Expr, LimitClause, OrderBy, OrderByKind, Query, SetExpr, SetOperator, SetQuantifier, TableAlias,
};

use super::super::statement::folded;
use super::outputs::Outputs;
use super::scope::{Scope, quoted};
use super::{Pass, Reach, expressions};
use crate::error::{Error, Kind};

impl Pass<'_> {
    pub(super) fn query(&mut self, query: &mut Query, outer: Option<&Scope<'_>>) -> Outputs {
        self.ignored.query(query);
        let reach = self.ctes.len();
        if let Some(with) = &mut query.with {
            for cte in &mut with.cte_tables {
                let name = folded(&cte.alias.name);
                let planned = self.planned_name(&name, reach);
                let outputs = self.cte(cte, with.recursive, outer, planned.as_ref());
                if let Some(planned) = &planned {
                    cte.alias.name = quoted(planned);
                }
                self.ctes.push(Reach { name, planned, outputs });
            }
        }
        let outputs = self.body(&mut query.body, query.order_by.as_mut(), outer);
        let nothing = Scope::default();
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                self.walk(limit, &nothing, None);
                self.walk(offset, &nothing, None);
                self.walk(limit_by, &nothing, Some(&outputs));
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.walk(offset, &nothing, None);
                self.walk(limit, &nothing, None);
            }
            None => {}
        }
        self.walk(&mut query.fetch, &nothing, None);
        let outputs = self.pipes(query, outputs, outer);
        self.ctes.truncate(reach);
        outputs
    }

    /// Another name for a CTE, if one of an outer query is called the same.
    fn planned_name(&mut self, name: &str, reach: usize) -> Option<String> {
        let hides = self.ctes[..reach].iter().any(|outer| outer.name == name);
        hides.then(|| {
            self.given += 1;
            format!("#{}", self.given)
        })
    }

    fn cte(&mut self, cte: &mut Cte, recursive: bool, outer: Option<&Scope<'_>>, planned: Option<&String>) -> Outputs {
        self.ignored.cte(cte, recursive);
        // Only a UNION can be recursive: its left side says which columns there are.
        if recursive
            && let SetExpr::SetOperation { op: SetOperator::Union, left, right, .. } = &mut *cte.query.body
            && cte.query.with.is_none()
        {
            let mut outputs = self.body(left, None, outer);
            outputs.rename(&mut cte.alias);
            let name = folded(&cte.alias.name);
            self.ctes.push(Reach { name, planned: planned.cloned(), outputs: outputs.clone() });
            self.body(right, None, outer);
            self.ctes.pop();
            self.order(cte.query.order_by.as_mut(), &outputs, &Scope::default());
            return outputs;
        }
        let mut outputs = self.query(&mut cte.query, outer);
        outputs.rename(&mut cte.alias);
        outputs
    }

    fn body(&mut self, body: &mut SetExpr, order_by: Option<&mut OrderBy>, outer: Option<&Scope<'_>>) -> Outputs {
        let outputs = match body {
            SetExpr::Select(select) => return self.select(select, order_by, outer),
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::SetOperation { left, right, set_quantifier, .. } => {
                let mut outputs = self.body(left, None, outer);
                let right = self.body(right, None, outer);
                if matches!(
                    set_quantifier,
                    SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
                ) {
                    outputs.widen(right.extent);
                    for column in right.columns {
                        if !outputs.columns.iter().any(|known| known.name == column.name) {
                            outputs.push(column, None);
                        }
                    }
                }
                // What the left side was made of is out of reach behind the operation.
                outputs.sources.fill(None);
                outputs
            }
            SetExpr::Values(values) => {
                let scope = Scope::within(outer);
                for row in &mut values.rows {
                    self.walk(&mut row.content, &scope, None);
                }
                let width = values.rows.first().map_or(0, |row| row.content.len());
                Outputs::named((1..=width).map(|number| format!("column{number}")))
            }
            SetExpr::Table(_) => Outputs::unknown(),
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) => {
                let span = statement.span();
                self.complain(span, Error::new(Kind::Statement, "a query within a query can only read"));
                Outputs::unknown()
            }
        };
        self.order(order_by, &outputs, &Scope::within(outer));
        outputs
    }

    /// ORDER BY: a name of the SELECT list first, then what the scope has.
    pub(super) fn order(&mut self, order_by: Option<&mut OrderBy>, outputs: &Outputs, scope: &Scope<'_>) {
        let Some(OrderBy { kind: OrderByKind::Expressions(expressions), .. }) = order_by else { return };
        for expression in expressions {
            self.sorted(&mut expression.expr, outputs, scope);
            self.walk(&mut expression.with_fill, scope, Some(outputs));
        }
    }

    /// An expression of ORDER BY or DISTINCT ON.
    pub(super) fn sorted(&mut self, expression: &mut Expr, outputs: &Outputs, scope: &Scope<'_>) {
        if let Some([typed]) = expressions::parts(expression) {
            match self.output(typed, outputs) {
                Ok(Some(named)) => *expression = named,
                Ok(None) => self.sorted_in(expression, outputs, scope),
                Err(()) => {}
            }
            return;
        }
        self.sorted_in(expression, outputs, scope);
    }

    fn sorted_in(&mut self, expression: &mut Expr, outputs: &Outputs, scope: &Scope<'_>) {
        self.walk(expression, scope, Some(outputs));
        // What SELECT has under another name is that output: with DISTINCT the planner accepts nothing else.
        if let Some(at) = outputs.position(expression) {
            *expression = outputs.reference(at, expression.span());
        }
    }

    fn pipes(&mut self, query: &mut Query, outputs: Outputs, outer: Option<&Scope<'_>>) -> Outputs {
        if query.pipe_operators.is_empty() {
            return outputs;
        }
        // What each operator makes of the columns is left to the planner; names that are known are resolved.
        let mut scope = Scope::within(outer);
        scope.add(Outputs { extent: super::outputs::Extent::Unknown, ..outputs }.relation(Vec::new()));
        self.walk(&mut query.pipe_operators, &scope, None);
        Outputs::unknown()
    }
}

/// The name that a table alias gives.
pub(super) fn path(alias: &Option<TableAlias>) -> Vec<String> {
    alias.iter().map(|alias| folded(&alias.name)).collect()
}
