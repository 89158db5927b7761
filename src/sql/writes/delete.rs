//! DELETE: which rows.

use sqlparser::ast::{self, FromTable, Spanned};
use sqlparser::tokenizer::Span;

use super::super::parse::Reader;
use super::super::statement::Delete;
use super::target;
use crate::error::{Error, Kind, Result};

pub(super) fn delete(delete: ast::Delete, reader: Reader<'_>) -> Result<Delete> {
    let ast::Delete {
        delete_token,
        // Lifted out of the text before it is parsed.
        optimizer_hints: _,
        tables,
        from,
        using,
        selection,
        returning,
        output,
        order_by,
        limit,
    } = delete;
    let (FromTable::WithFromKeyword(mut from), true) = (from, tables.is_empty()) else {
        return Err(reader.needs("FROM", delete_token.0.span.end));
    };
    let first = match (from.pop(), from.pop()) {
        (Some(only), None) => only,
        (Some(second), _) => {
            let error = reader.wrong(Kind::Statement, "one DELETE has one table", second.span());
            return Err(error.with_hint("name the other tables behind USING, or write several statements"));
        }
        (None, _) => return Err(reader.needs("FROM", delete_token.0.span.end)),
    };
    let end = first.span().end;
    let (table, alias) = target(first, "USING", reader)?;
    let tail = selection.as_ref().map_or(end, |condition| condition.span().end);
    reader.check_none(&[(output.is_some(), "OUTPUT")], end)?;
    reader.check_none(&[(!order_by.is_empty(), "ORDER BY"), (limit.is_some(), "LIMIT")], tail)?;
    let Some(selection) = selection else {
        return Err(reader.no_where("DELETE", "delete", table.span()));
    };
    Ok(Delete { table, alias, using: using.unwrap_or_default(), selection, method: None, returning })
}

impl Reader<'_> {
    pub(super) fn no_where(self, verb: &str, does: &str, span: Span) -> Error {
        self.wrong(Kind::Statement, format!("{verb} without a WHERE would {does} every row"), span)
            .with_hint("add `WHERE Identifier = '…'`, or any other condition")
    }
}
