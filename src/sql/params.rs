//! Bound params: `$name` in a statement becomes the literal that was given for it, wherever a literal may stand.
//! A value never becomes SQL: whatever it holds, it is one literal, or a list of literals within `IN (…)`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde_json::Value as Json;
use sqlparser::ast::{Expr, LimitClause, Query, UnaryOperator, Value, ValueWithSpan, VisitMut, VisitorMut};
use sqlparser::tokenizer::Span;

use super::own::{Content, Own};
use super::statement::{Body, Exec, Part, Show, ShowFilter, Source, Statement};
use crate::error::{Error, Kind, Result, nearest};

/// What is given for each name, without its `$`.
pub type Params = BTreeMap<String, Json>;

impl Statement {
    /// Puts the values in their places.
    ///
    /// # Errors
    /// `Param`, with its place: a name for which nothing is given, or a value that cannot stand where it is wanted; of
    /// several the first, with the others in its context.
    pub fn bind(&mut self, params: &Params) -> Result<()> {
        let source = self.source.clone();
        let mut binding = Binding { params, source: &source, errors: Vec::new(), named: BTreeSet::new() };
        binding.body(&mut self.body);
        self.execs.iter_mut().for_each(|exec| binding.exec(exec));
        // An `(EXEC …)` stands both in the tree and on its own.
        let mut errors: Vec<Error> = Vec::new();
        for error in binding.errors {
            if !errors.iter().any(|known| known.message == error.message) {
                errors.push(error);
            }
        }
        let mut errors = errors.into_iter();
        match errors.next() {
            None => Ok(()),
            Some(first) => Err(errors
                .fold(first, |mut first, other| {
                    first.context.push(other.message);
                    first.hints.extend(other.hints);
                    first
                })
                .with_context("nothing was sent")),
        }
    }

    /// The names, without their `$`, for which it wants values.
    pub fn params(&self) -> BTreeSet<String> {
        let (mut copy, nothing) = (self.clone(), Params::new());
        let mut binding =
            Binding { params: &nothing, source: &self.source, errors: Vec::new(), named: BTreeSet::new() };
        binding.body(&mut copy.body);
        copy.execs.iter_mut().for_each(|exec| binding.exec(exec));
        binding.named
    }
}

struct Binding<'a> {
    params: &'a Params,
    source: &'a Source,
    errors: Vec<Error>,
    /// What was asked for.
    named: BTreeSet<String>,
}

impl Binding<'_> {
    fn body(&mut self, body: &mut Body) {
        match body {
            Body::Query(query) => self.visit(query),
            Body::Explain { inner, .. } => self.body(inner),
            Body::Show(show) => self.show(show),
            Body::Insert(insert) => {
                self.visit(&mut insert.source);
                self.visit(&mut insert.returning);
            }
            Body::Update(update) => {
                update.assignments.iter_mut().for_each(|assignment| self.visit(&mut assignment.value));
                self.visit(&mut update.from);
                self.visit(&mut update.selection);
                self.visit(&mut update.returning);
            }
            Body::Delete(delete) => {
                self.visit(&mut delete.using);
                self.visit(&mut delete.selection);
                self.visit(&mut delete.returning);
            }
            Body::Exec(exec) => self.exec(exec),
            Body::Set { values, params, .. } => self.settings(values, params),
            Body::Own(Own::Table(table)) => {
                if let Content::Query(query) = &mut table.content {
                    self.visit(query);
                }
            }
            Body::Own(Own::Copy(copy)) => self.visit(&mut copy.query),
            Body::Own(Own::View(view)) => self.visit_view(&mut view.query),
            Body::Own(Own::File(_) | Own::Refresh { .. } | Own::Drop { .. })
            | Body::Block(_)
            | Body::Describe(_)
            | Body::Reset { .. }
            | Body::Other { .. } => {}
        }
    }

    fn show(&mut self, show: &mut Show) {
        let filter = match show {
            Show::Providers { filter, .. }
            | Show::Services { filter, .. }
            | Show::Resources { filter, .. }
            | Show::Methods { filter, .. }
            | Show::Settings { filter }
            | Show::Tables { filter }
            | Show::Views { filter }
            | Show::Functions { filter } => filter,
            Show::Insert { .. } | Show::Version | Show::Variable { .. } => return,
        };
        if let Some(ShowFilter::Where(condition)) = filter {
            self.visit(condition);
        }
    }

    /// A setting takes texts: a list is as many values.
    fn settings(&mut self, values: &mut Vec<String>, params: &mut Vec<(usize, Part)>) {
        for (at, param) in std::mem::take(params).into_iter().rev() {
            let text = |value: &Json| match value {
                Json::String(text) => Some(text.clone()),
                Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
                Json::Null | Json::Array(_) | Json::Object(_) => None,
            };
            let Some(given) = self.value(&param.text, param.span).cloned() else { continue };
            let texts: Option<Vec<String>> = match &given {
                Json::Array(items) if !items.is_empty() => items.iter().map(text).collect(),
                value => text(value).map(|text| vec![text]),
            };
            match texts {
                Some(texts) => drop(values.splice(at..=at, texts)),
                None => {
                    let message = format!("`{}` is no value for a setting", param.text);
                    let error = Error::new(Kind::Param, message).at(self.source.place(param.span));
                    self.errors.push(error.with_hint("a setting takes a text, a number, a truth, or a list of them"));
                }
            }
        }
    }

    fn exec(&mut self, exec: &mut Exec) {
        exec.args.iter_mut().for_each(|arg| self.visit(&mut arg.value));
    }

    fn visit(&mut self, tree: &mut impl VisitMut) {
        // Nothing in the walk breaks off.
        let _ = tree.visit(self);
    }

    /// A view outlives the session's values.
    fn visit_view(&mut self, tree: &mut impl VisitMut) {
        let nothing = Params::new();
        let mut found = Binding { params: &nothing, source: self.source, errors: Vec::new(), named: BTreeSet::new() };
        found.visit(tree);
        self.errors.extend(found.errors.into_iter().map(|error| Error {
            message: "a view keeps its text, and no value of a param".into(),
            hints: vec!["write the value, or leave the condition to whoever reads the view".into()],
            ..error
        }));
    }

    /// What is given for `$name`, if anything is.
    fn value(&mut self, name: &str, span: Span) -> Option<&Json> {
        let bare =
            name.strip_prefix('$').filter(|bare| !bare.is_empty() && !bare.starts_with(|c: char| c.is_numeric()));
        self.named.extend(bare.map(String::from));
        let error = match bare.map(|bare| (bare, self.params.get(bare))) {
            Some((_, Some(value))) => return Some(value),
            Some((bare, None)) => {
                let error = Error::new(Kind::Param, format!("nothing is given for `{name}`"));
                match nearest(bare, self.params.keys().map(String::as_str)) {
                    Some(near) => error.with_hint(format!("did you mean `${near}`?")),
                    None => error.with_hint(format!("give it: `--param {bare}=…`")),
                }
            }
            None => Error::new(Kind::Param, format!("`{name}` is no param: it has no name"))
                .with_hint("write `$name`, and give its value: `--param name=…`"),
        };
        self.errors.push(error.at(self.source.place(span)));
        None
    }

    fn list(&mut self, list: &mut Vec<Expr>) {
        let mut spliced = Vec::with_capacity(list.len());
        for item in list.drain(..) {
            let Some((name, span)) = placeholder(&item) else {
                spliced.push(item);
                continue;
            };
            match self.value(&name, span).cloned() {
                Some(Json::Array(values)) if values.is_empty() => {
                    let error = Error::new(Kind::Param, format!("`{name}` is an empty list"));
                    self.errors.push(error.at(self.source.place(span)));
                }
                Some(Json::Array(values)) => spliced.extend(values.iter().map(|value| literal(value, span))),
                Some(value) => spliced.push(literal(&value, span)),
                None => spliced.push(item),
            }
        }
        *list = spliced;
    }
}

impl Binding<'_> {
    /// How many rows: whatever is given for it, it is a number.
    fn count(&mut self, expr: &mut Expr) {
        let Some((name, span)) = placeholder(expr) else { return };
        let Some(Json::String(text)) = name.strip_prefix('$').and_then(|bare| self.params.get(bare)) else { return };
        match text.trim().parse::<u64>() {
            Ok(count) => {
                self.named.extend(name.strip_prefix('$').map(String::from));
                *expr = literal(&count.into(), span);
            }
            Err(_) => {
                let error = Error::new(Kind::Param, format!("`{name}` is wanted as a number of rows, and is none"));
                self.errors.push(error.at(self.source.place(span)));
                *expr = literal(&0.into(), span);
            }
        }
    }
}

impl VisitorMut for Binding<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                limit.iter_mut().for_each(|limit| self.count(limit));
                offset.iter_mut().for_each(|offset| self.count(&mut offset.value));
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.count(offset);
                self.count(limit);
            }
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::InList { list, .. } = expr {
            // What cannot be bound is complained of once: here.
            let known = self.errors.len();
            self.list(list);
            if self.errors.len() > known {
                list.clear();
            }
        }
        // `-$d` of a negative number is `-(-5)`: two signs side by side would begin a comment.
        if let Expr::UnaryOp { expr: operand, .. } = expr
            && let Some((name, span)) = placeholder(operand)
            && let Some(Json::Number(number)) = name.strip_prefix('$').and_then(|bare| self.params.get(bare))
        {
            let number = literal(&Json::Number(number.clone()), span);
            **operand = if matches!(number, Expr::UnaryOp { .. }) { Expr::Nested(Box::new(number)) } else { number };
        }
        if let Some((name, span)) = placeholder(expr) {
            match self.value(&name, span).cloned() {
                Some(Json::Array(_)) => {
                    let error = Error::new(Kind::Param, format!("`{name}` is a list, and one value is wanted here"));
                    let error = error.with_hint(format!("a list stands in `IN ({name})`"));
                    self.errors.push(error.at(self.source.place(span)));
                }
                Some(value) => *expr = literal(&value, span),
                None => {}
            }
        }
        ControlFlow::Continue(())
    }
}

fn placeholder(expr: &Expr) -> Option<(String, Span)> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), span }) => Some((name.clone(), *span)),
        _ => None,
    }
}

/// An object or a nested list is JSON text.
fn literal(value: &Json, span: Span) -> Expr {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => {
            let text = number.to_string();
            let number = |digits: &str| Expr::Value(Value::Number(digits.to_string(), false).with_span(span));
            return match text.strip_prefix('-') {
                Some(digits) => Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(number(digits)) },
                None => number(&text),
            };
        }
        Json::String(text) => Value::SingleQuotedString(text.clone()),
        Json::Array(_) | Json::Object(_) => Value::SingleQuotedString(value.to_string()),
    };
    Expr::Value(ValueWithSpan { value, span })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bound(sql: &str, params: Json) -> Result<String> {
        let mut statement = Statement::try_from(sql)?;
        let params = params.as_object().expect("an object").clone().into_iter().collect();
        statement.bind(&params)?;
        match statement.body {
            Body::Query(query) => Ok(query.to_string()),
            other => Ok(format!("{other:?}")),
        }
    }

    #[test]
    fn a_value_is_one_literal() {
        let check = |sql, params, expected: &str| assert_eq!(bound(sql, params).expect(sql), expected);
        check("SELECT $a", json!({"a": "x' OR 1 = 1 --"}), "SELECT 'x'' OR 1 = 1 --'");
        check("SELECT $a, $b, $c, $d", json!({"a": 1.5, "b": true, "c": null, "d": -3}), "SELECT 1.5, true, NULL, -3");
        check("SELECT 1 WHERE x IN ($a, 'c')", json!({"a": ["a", "b"]}), "SELECT 1 WHERE x IN ('a', 'b', 'c')");
        check("SELECT 1 LIMIT $n", json!({"n": 5}), "SELECT 1 LIMIT 5");
        check("SELECT 1 LIMIT $n OFFSET $m", json!({"n": "5", "m": " 2"}), "SELECT 1 LIMIT 5 OFFSET 2");
        check("SELECT -$d, +$d, 3 - $d, -$a", json!({"a": 2, "d": -5}), "SELECT -(-5), +(-5), 3 - -5, -2");
        check("SELECT (SELECT $a)", json!({"a": {"k": 1}}), "SELECT (SELECT '{\"k\":1}')");
    }

    #[test]
    fn a_setting_takes_values_too() {
        let check = |sql, params, expected: &str| assert_eq!(bound(sql, params).expect(sql), expected);
        let set = |values: &str| format!("Set {{ name: \"a.b\", values: {values}, params: [] }}");
        check("SET a.b = $r", json!({"r": "x"}), &set(r#"["x"]"#));
        check("SET a.b = ('v', $r, $n, 'w')", json!({"r": ["x", "y"], "n": 3}), &set(r#"["v", "x", "y", "3", "w"]"#));
        let refused = |params| bound("SET a.b = $r", params).expect_err("no value").message;
        assert_eq!(refused(json!({})), "nothing is given for `$r`");
        assert_eq!(refused(json!({"r": null})), "`$r` is no value for a setting");
        assert_eq!(refused(json!({"r": []})), "`$r` is no value for a setting");
    }

    #[test]
    fn every_value_that_is_missing_at_once() {
        let error = bound("SELECT $a,\n $bb FROM t WHERE x IN ($c)", json!({"b": 1, "c": []})).expect_err("mistakes");
        assert_eq!(error.message, "nothing is given for `$a`");
        assert_eq!(error.context, ["nothing is given for `$bb`", "`$c` is an empty list", "nothing was sent"]);
        assert!(error.hints.contains(&"did you mean `$b`?".to_string()), "{error}");
        for (sql, message) in [
            ("SELECT $1", "`$1` is no param: it has no name"),
            ("SELECT ?", "`?` is no param: it has no name"),
            ("SELECT $l", "`$l` is a list, and one value is wanted here"),
            ("CREATE VIEW v AS SELECT $l", "a view keeps its text, and no value of a param"),
        ] {
            assert_eq!(bound(sql, json!({"l": [1]})).expect_err(sql).message, message);
        }
    }
}
