//! DELETE: which rows.

use sqlparser::ast::{self, FromTable, Spanned};

use super::super::parse::Reader;
use super::super::statement::{Delete, Name};
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
        return Err(reader.no_where("DELETE", "delete", &table));
    };
    Ok(Delete { table, alias, using: using.unwrap_or_default(), selection, method: None, returning })
}

impl Reader<'_> {
    pub(super) fn no_where(self, verb: &str, does: &str, table: &Name) -> Error {
        let message = format!("{verb} without a WHERE would {does} every row");
        let error = self.wrong(Kind::Statement, message, table.span());
        let error = error.with_hint("add `WHERE Identifier = '…'`, or any other condition");
        match table.parts.as_slice() {
            // It may be the session's, which has neither verb: a condition would not help.
            [_] => error.with_hint(format!(
                "a table of the session is made anew: `CREATE OR REPLACE TABLE {table} AS SELECT …`"
            )),
            _ => error,
        }
    }
}
