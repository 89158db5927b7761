//! The literals of a statement that are secrets, or have some in them. Pure.

use std::ops::ControlFlow;

use serde_json::Value;
use sqlparser::ast::{self, Expr, SelectItem, SetExpr, Spanned, Value as Literal, ValueWithSpan, Visit, Visitor};
use sqlparser::tokenizer::Span;

use crate::catalog::model::{Catalog, Field, Resource, Service};
use crate::catalog::secret::{self, Marks};
use crate::catalog::yaml;
use crate::sql::{Body, Content, CreateTable, Exec, Found, Name, Own};

/// None: nobody can tell which literals are secrets.
pub fn found(catalog: &Catalog, body: &Body, execs: &[Exec]) -> Option<Found> {
    let mut found = Found::default();
    let mut resources: Vec<&Resource> = Vec::new();
    for exec in execs {
        of_exec(catalog, exec, &mut found)?;
        resources.push(resource(catalog, &exec.name)?);
    }
    match body {
        Body::Explain { inner, .. } => {
            let inner = self::found(catalog, inner, &[])?;
            found.spans.extend(inner.spans);
            found.values.extend(inner.values);
        }
        Body::Insert(insert) => {
            let resource = resource(catalog, &insert.table)?;
            let marks: Vec<Marks> = insert.columns.iter().map(|column| of_column(resource, &column.text)).collect();
            of_rows(&insert.source.body, &marks, &rest(resource), &mut found)?;
            compared(&[resource], insert.source.as_ref(), Unknown::Open, &mut found);
        }
        Body::Update(update) => {
            let resource = resource(catalog, &update.table)?;
            for assignment in &update.assignments {
                match is_patch(&assignment.column.text) {
                    true => of_patch(resource, &assignment.value, &mut found)?,
                    false => {
                        of_value(&assignment.value, &of_column(resource, &assignment.column.text), &mut found)?;
                    }
                }
            }
            compared(&[resource], &update.selection, Unknown::Secret, &mut found);
        }
        Body::Delete(delete) => {
            compared(&[resource(catalog, &delete.table)?], &delete.selection, Unknown::Secret, &mut found);
        }
        Body::Exec(exec) => of_exec(catalog, exec, &mut found)?,
        Body::Query(query) => {
            let mut names: Vec<Vec<String>> = Vec::new();
            let _all = ast::visit_relations(query.as_ref(), |name| {
                let parts = name.0.iter().filter_map(|part| Some(part.as_ident()?.value.clone()));
                names.push(parts.collect());
                ControlFlow::<()>::Continue(())
            });
            resources.extend(names.iter().filter_map(|name| match name.as_slice() {
                [provider, service, resource] => catalog.resource(provider, service, resource).ok(),
                _ => None,
            }));
            compared(&resources, query.as_ref(), Unknown::Open, &mut found);
        }
        Body::Own(own) => {
            let query = match own {
                Own::Table(CreateTable { content: Content::Query(query), .. }) => Some(query),
                Own::View(view) => Some(&view.query),
                Own::Copy(copy) => Some(&copy.query),
                _ => None,
            };
            if let Some(query) = query {
                return self::found(catalog, &Body::Query(query.clone()), &[]).map(|inner| {
                    found.spans.extend(inner.spans);
                    found.values.extend(inner.values);
                    found
                });
            }
        }
        Body::Show(_) | Body::Describe(_) | Body::Set { .. } | Body::Reset { .. } | Body::Block(_) => {}
        Body::Other { .. } => return None,
    }
    Some(found)
}

/// The service that a statement writes to.
pub fn service<'a>(catalog: &'a Catalog, body: &Body) -> Option<&'a Service> {
    let name = match body {
        Body::Insert(insert) => &insert.table,
        Body::Update(update) => &update.table,
        Body::Delete(delete) => &delete.table,
        Body::Exec(exec) => &exec.name,
        _ => return None,
    };
    let texts = name.texts();
    catalog.service(texts.first()?, texts.get(1)?).ok()
}

fn resource<'a>(catalog: &'a Catalog, name: &Name) -> Option<&'a Resource> {
    let texts = name.texts();
    let [provider, service, resource, ..] = texts.as_slice() else { return None };
    catalog.resource(provider, service, resource).ok()
}

fn is_patch(column: &str) -> bool {
    bare(column).eq_ignore_ascii_case("patchdocument")
}

fn bare(column: &str) -> &str {
    let prefix = column.get(..6).filter(|prefix| prefix.eq_ignore_ascii_case("data__"));
    prefix.map_or(column, |prefix| &column[prefix.len()..])
}

fn fields(resource: &Resource) -> impl Iterator<Item = &Field> {
    resource.fields.iter().chain(resource.methods.iter().flat_map(|method| &method.arguments))
}

fn has_secrets(resource: &Resource) -> bool {
    fields(resource).any(|field| !Marks::of(field).is_empty())
}

/// What of a column is a secret. One of a name that is not there may be meant for one that is.
pub fn of_column(resource: &Resource, column: &str) -> Marks {
    let is = |name: &str| name.eq_ignore_ascii_case(bare(column));
    let mut named = fields(resource).filter(|field| is(&field.name) || is(&field.wire)).peekable();
    let is_identity = is("identifier") && !resource.identity.is_empty();
    match named.peek().is_some() || is_identity || resource.params.iter().any(|param| is(&param.name)) {
        true => named.map(Marks::of).fold(Marks::default(), Marks::and),
        false => rest(resource),
    }
}

/// Of what has no name: everything, where there are secrets at all.
fn rest(resource: &Resource) -> Marks {
    if has_secrets(resource) { Marks::whole() } else { Marks::default() }
}

/// The rows of an INSERT. None: what comes of a column is not to be seen here.
fn of_rows(body: &SetExpr, marks: &[Marks], rest: &Marks, found: &mut Found) -> Option<()> {
    let of = |at: usize| marks.get(at).unwrap_or(rest);
    match body {
        SetExpr::Values(values) => {
            for row in &values.rows {
                for (at, value) in row.content.iter().enumerate() {
                    of_value(value, of(at), found)?;
                }
            }
        }
        SetExpr::Select(select) => {
            for (at, item) in select.projection.iter().enumerate() {
                match item {
                    SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. } => {
                        of_value(value, of(at), found)?;
                    }
                    _ if marks.iter().all(Marks::is_empty) && rest.is_empty() => {}
                    _ => return None,
                }
            }
        }
        SetExpr::Query(query) => of_rows(&query.body, marks, rest, found)?,
        SetExpr::SetOperation { left, right, .. } => {
            of_rows(left, marks, rest, found)?;
            of_rows(right, marks, rest, found)?;
        }
        _ if marks.iter().all(Marks::is_empty) && rest.is_empty() => {}
        _ => return None,
    }
    Some(())
}

/// The literals that a value is made of. None: it comes from elsewhere.
fn of_value(value: &Expr, marks: &Marks, found: &mut Found) -> Option<()> {
    if marks.is_empty() {
        return Some(());
    }
    let parts = parts(value);
    for (text, span) in &parts.texts {
        of_text(text, *span, marks, found);
    }
    parts.is_whole.then_some(())
}

fn of_text(text: &str, span: Span, marks: &Marks, found: &mut Found) {
    if marks.is_empty() {
        return;
    }
    let secrets = match marks.is_whole() || secret::marker(&text.into()).is_some() {
        true => marks.values(&text.into()),
        false => match document(text) {
            Some(value) => marks.values(&value),
            // A part of one, or ill-written.
            None => std::iter::once(text).chain(quoted(text)).map(String::from).collect(),
        },
    };
    if !secrets.is_empty() {
        found.spans.push(span);
        found.values.push(text.to_string());
        found.values.extend(secrets);
    }
}

/// A JSON text, or a YAML text of more than one word.
pub fn document(text: &str) -> Option<Value> {
    let json = serde_json::from_str::<Value>(text).ok();
    let value = json.or_else(|| Some(yaml::parse(text).ok()?.value.json()));
    value.filter(|value| value.is_object() || value.is_array())
}

/// What stands in quotes, or alone behind a colon.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split('"').enumerate().filter(|(at, _)| at % 2 == 1).map(|(_, piece)| piece);
    let behind =
        text.lines().filter_map(|line| Some(line.split_once(':')?.1.trim().trim_matches(['"', '\'', ',', '}'])));
    pieces.chain(behind)
}

/// A JSON Patch: what its operations set.
fn of_patch(resource: &Resource, value: &Expr, found: &mut Found) -> Option<()> {
    if !has_secrets(resource) {
        return Some(());
    }
    let parts = parts(value);
    for (text, span) in &parts.texts {
        let operations = document(text).and_then(|value| value.as_array().cloned());
        let secrets: Vec<String> = match operations {
            Some(operations) => operations.iter().flat_map(|operation| of_operation(resource, operation)).collect(),
            None => std::iter::once(text.as_str()).chain(quoted(text)).map(String::from).collect(),
        };
        if !secrets.is_empty() {
            found.spans.push(*span);
            found.values.push(text.clone());
            found.values.extend(secrets);
        }
    }
    parts.is_whole.then_some(())
}

fn of_operation(resource: &Resource, operation: &Value) -> Vec<String> {
    let (Some(path), Some(value)) = (operation["path"].as_str(), operation.get("value")) else { return Vec::new() };
    let Some(path) = path.strip_prefix('/') else {
        // The whole document, or ill-written.
        let members = value.as_object().into_iter().flatten();
        return members.flat_map(|(name, value)| of_column(resource, name).values(value)).collect();
    };
    let (name, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    of_column(resource, &name.replace("~1", "/").replace("~0", "~")).values_at(rest, value)
}

fn of_exec(catalog: &Catalog, exec: &Exec, found: &mut Found) -> Option<()> {
    let resource = resource(catalog, &exec.name)?;
    for argument in &exec.args {
        match is_patch(&argument.column.text) {
            true => of_patch(resource, &argument.value, found)?,
            false => of_value(&argument.value, &of_column(resource, &argument.column.text), found)?,
        }
    }
    if let Some((members, span)) = &exec.json {
        let mut own = Found::default();
        for (name, value) in members {
            let marks = of_column(resource, name);
            match value {
                Value::String(text) => of_text(text, *span, &marks, &mut own),
                value => own.values.extend(marks.values(value)),
            }
        }
        if !own.values.is_empty() {
            found.spans.push(*span);
            found.values.extend(own.values);
        }
    }
    Some(())
}

/// What a column is that a resource does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Secret,
    /// Another table's, or a name that the query gives itself.
    Open,
}

/// The literals that stand in one condition with a secret column.
fn compared(resources: &[&Resource], tree: &impl Visit, unknown: Unknown, found: &mut Found) {
    if resources.iter().any(|resource| has_secrets(resource)) {
        let mut search = Compared { resources, unknown, found };
        let _all = tree.visit(&mut search);
    }
}

struct Compared<'a> {
    resources: &'a [&'a Resource],
    unknown: Unknown,
    found: &'a mut Found,
}

impl Visitor for Compared<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let is_condition = match expr {
            Expr::BinaryOp { op, .. } => !matches!(op, ast::BinaryOperator::And | ast::BinaryOperator::Or),
            Expr::InList { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. }
            | Expr::RLike { .. }
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::Function(_)
            | Expr::AnyOp { .. }
            | Expr::Case { .. } => true,
            _ => false,
        };
        if is_condition {
            let parts = parts(expr);
            let marks = parts.columns.iter().filter_map(|column| self.of(column)).fold(Marks::default(), Marks::and);
            if !marks.is_empty() {
                // A part of a document is compared as well: nobody knows which.
                for (text, span) in &parts.texts {
                    of_text(text, *span, &Marks::whole(), self.found);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

impl Compared<'_> {
    fn of(&self, column: &str) -> Option<Marks> {
        let is = |name: &str| name.eq_ignore_ascii_case(bare(column));
        let mut marks: Option<Marks> = None;
        for resource in self.resources {
            let is_known = fields(resource).any(|field| is(&field.name) || is(&field.wire));
            if is_known || self.unknown == Unknown::Secret {
                marks = Some(marks.unwrap_or_default().and(of_column(resource, column)));
            }
        }
        marks
    }
}

/// What an expression is made of.
#[derive(Default)]
struct Parts {
    /// Literals, and names in double quotes, which may be meant for some: not the names of secrets.
    texts: Vec<(String, Span)>,
    columns: Vec<String>,
    /// Nothing of it comes from elsewhere.
    is_whole: bool,
}

fn parts(expr: &Expr) -> Parts {
    struct Search {
        parts: Parts,
        /// The arguments of `secret(…)`.
        named: Vec<Span>,
    }
    impl Visitor for Search {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if super::markers::name(function).is_some() => {
                    self.named.push(expr.span());
                }
                Expr::Identifier(ident) => {
                    if ident.quote_style.is_some() {
                        self.parts.texts.push((ident.value.clone(), ident.span));
                    } else {
                        self.parts.is_whole = false;
                    }
                    self.parts.columns.push(ident.value.clone());
                }
                Expr::CompoundIdentifier(idents) => {
                    self.parts.is_whole = false;
                    self.parts.columns.extend(idents.last().map(|ident| ident.value.clone()));
                }
                Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => self.parts.is_whole = false,
                _ => {}
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
            let text = match &value.value {
                Literal::Number(number, _) => Some(number.to_string()),
                literal => literal.clone().into_string(),
            };
            let is_name = |span: &Span| span.start <= value.span.start && value.span.end <= span.end;
            if let Some(text) = text.filter(|_| !self.named.iter().any(is_name)) {
                self.parts.texts.push((text, value.span));
            }
            ControlFlow::Continue(())
        }
    }
    let mut search = Search { parts: Parts { is_whole: true, ..Parts::default() }, named: Vec::new() };
    let _all = expr.visit(&mut search);
    search.parts
}
