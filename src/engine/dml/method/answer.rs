//! What a method that answers no verb gives, as columns: those of its own answer, or a row of its resource. A column that is
//! secret is shown only to who names it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use serde_json::Value;
use sqlparser::ast::{Expr, Ident, SelectItem, VisitMut, VisitorMut};

use crate::catalog::model::{Access, Field, Method, Type};
use crate::engine::dml::site::Site;
use crate::engine::rows;
use crate::error::{Error, Kind, Result, did_you_mean};

/// What stands for a secret.
const HIDDEN: &str = "…";

/// The columns of a method's answer: none where it answers with nothing that has a name.
pub fn columns(site: &Site, method: &Method) -> Vec<Field> {
    if !method.gives.is_empty() {
        return method.gives.clone();
    }
    let signature = site.driver.signature(&method.call);
    let given = signature.map(|signature| signature.fields).unwrap_or_default();
    site.resource.fields.iter().filter(|field| given.contains(&field.wire.as_str())).cloned().collect()
}

pub fn schema(columns: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|field| rows::field(&field.name, &field.kind)).collect::<Vec<_>>()))
}

/// The rows of an answer, each with a value for each column, as a batch; `shown` are the secret columns that somebody has
/// named.
///
/// # Errors
/// `Shape`: a value that is not of its column's type.
pub fn batch(columns: &[Field], shown: &BTreeSet<String>, values: &[Vec<Value>]) -> Result<RecordBatch> {
    let arrays = columns.iter().enumerate().map(|(at, field)| match (field.access, shown.contains(&field.name)) {
        (Access::Secret, true) => rows::column(&field.name, &field.kind, values, at),
        (Access::Secret, false) => {
            let stand_in = if matches!(field.kind, Type::String) { Value::from(HIDDEN) } else { Value::Null };
            rows::column(&field.name, &field.kind, &vec![vec![stand_in]; values.len()], 0)
        }
        _ => rows::of_field(field, values, at),
    });
    let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(values.len()));
    RecordBatch::try_new_with_options(schema(columns), arrays, &options)
        .map_err(|e| Error::new(Kind::Internal, "an answer does not fit its columns").with_source(e))
}

/// The items of a RETURNING with wire names brought to columns, and the secret columns that it names.
///
/// # Errors
/// The first name that means no column.
pub fn named(columns: &[Field], items: &[SelectItem]) -> Result<(Vec<SelectItem>, BTreeSet<String>), Ident> {
    let mut names = Names { columns, secrets: BTreeSet::new(), unknown: None };
    let items = items.iter().map(|item| {
        let mut item = item.clone();
        // What is selected by a wire name keeps the spelling.
        if let SelectItem::UnnamedExpr(Expr::Identifier(ident)) = &item
            && names.wire(ident).is_some()
        {
            let alias = Ident::with_quote('"', ident.value.clone());
            item = SelectItem::ExprWithAlias { expr: Expr::Identifier(ident.clone()), alias };
        }
        // The walk itself never ends early.
        let _whole: ControlFlow<()> = item.visit(&mut names);
        item
    });
    let items = items.collect();
    match names.unknown {
        Some(ident) => Err(ident),
        None => Ok((items, names.secrets)),
    }
}

/// What to say of a name that means no column of an answer.
pub fn unknown(columns: &[Field], method: &str, name: &str) -> Error {
    let near = did_you_mean(name, columns.iter().flat_map(|field| [field.name.as_str(), field.wire.as_str()]));
    Error::new(Kind::Name, format!("there is no column `{name}` in the answer of `{method}`{near}"))
        .with_context("nothing was sent")
}

struct Names<'a> {
    columns: &'a [Field],
    secrets: BTreeSet<String>,
    /// The first name that means nothing.
    unknown: Option<Ident>,
}

impl Names<'_> {
    /// The column that a name means by its wire name alone.
    fn wire(&self, ident: &Ident) -> Option<&Field> {
        let is_column = |field: &&Field| field.name.eq_ignore_ascii_case(&ident.value);
        if self.columns.iter().any(|field| is_column(&field)) {
            return None;
        }
        self.columns.iter().find(|field| field.wire.eq_ignore_ascii_case(&ident.value))
    }
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let ident = match expr {
            Expr::Identifier(ident) => ident,
            Expr::CompoundIdentifier(parts) => match parts.last_mut() {
                Some(ident) => ident,
                None => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        if let Some(field) = self.wire(ident) {
            *ident = Ident::with_quote_and_span('"', ident.span, field.name.clone());
        }
        let found = self.columns.iter().find(|field| field.name.eq_ignore_ascii_case(&ident.value));
        if found.is_none() {
            self.unknown.get_or_insert_with(|| ident.clone());
        }
        if let Some(field) = found.filter(|field| field.access == Access::Secret) {
            self.secrets.insert(field.name.clone());
        }
        ControlFlow::Continue(())
    }
}

/// What to say of secret columns that nobody has named.
pub fn unseen(columns: &[Field], shown: &BTreeSet<String>) -> Option<String> {
    let names = columns.iter().filter(|field| field.access == Access::Secret && !shown.contains(&field.name));
    let names: Vec<&str> = names.map(|field| field.name.as_str()).collect();
    let listed = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let are = if names.len() == 1 { "is a secret" } else { "are secrets" };
    (!names.is_empty())
        .then(|| format!("{listed} {are}, and not shown: only `EXEC … RETURNING {}` does that", names.join(", ")))
}
