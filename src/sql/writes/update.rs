//! UPDATE: what is set, and of which rows.

use sqlparser::ast::{self, AssignmentTarget, Spanned, UpdateTableFromKind};

use super::super::parse::Reader;
use super::super::statement::{Assignment, Name, Part, Update};
use super::{check_once, target};
use crate::error::{Kind, Result};

pub(super) fn update(update: ast::Update, reader: Reader<'_>) -> Result<Update> {
    let ast::Update {
        update_token,
        // Lifted out of the text before it is parsed.
        optimizer_hints: _,
        table,
        assignments,
        from,
        selection,
        returning,
        output,
        or,
        order_by,
        limit,
    } = update;
    if let Some(or) = or {
        return Err(reader.cannot(&or.to_string(), update_token.0.span.end, None));
    }
    let end = assignments.iter().map(|set| set.value.span().end).fold(table.span().end, std::cmp::Ord::max);
    let (table, alias) = target(table, "FROM", reader)?;
    let tail = selection.as_ref().map_or(end, |condition| condition.span().end);
    reader.check_none(&[(output.is_some(), "OUTPUT")], end)?;
    reader.check_none(&[(!order_by.is_empty(), "ORDER BY"), (limit.is_some(), "LIMIT")], tail)?;
    let assignments = assignments.into_iter().map(|set| assignment(set, &table, alias.as_ref(), reader));
    let assignments = assignments.collect::<Result<Vec<_>>>()?;
    check_once(assignments.iter().map(|set| &set.column), reader)?;
    let from = match from {
        None => Vec::new(),
        Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => from,
    };
    let Some(selection) = selection else {
        return Err(reader.no_where("UPDATE", "change", &table));
    };
    Ok(Update { table, alias, assignments, from, selection, returning })
}

fn assignment(set: ast::Assignment, table: &Name, alias: Option<&Part>, reader: Reader<'_>) -> Result<Assignment> {
    let ast::Assignment { target, value } = set;
    let name = match target {
        AssignmentTarget::ColumnName(name) => name,
        AssignmentTarget::Tuple(columns) => {
            let span = columns.iter().map(Spanned::span).reduce(|all, span| all.union(&span));
            let error =
                reader.wrong(Kind::Statement, "not possible yet: `SET (…) = …`", span.unwrap_or_else(|| value.span()));
            return Err(error.with_hint("write `column = value` for each of them"));
        }
    };
    let parts: Vec<Part> = reader.idents(&name)?.into_iter().map(Part::from).collect();
    let Some((column, qualifier)) = parts.split_last() else {
        return Err(reader.wrong(Kind::Syntax, "expected a column", name.span()));
    };
    let fits = |known: &[Part]| {
        let skipped = known.len().checked_sub(qualifier.len());
        let known = skipped.map(|skipped| known.iter().skip(skipped));
        let same = |(known, typed): (&Part, &Part)| known.text.eq_ignore_ascii_case(&typed.text);
        known.is_some_and(|known| known.zip(qualifier).all(same))
    };
    if !fits(alias.map_or(&table.parts, std::slice::from_ref)) {
        let error = reader.wrong(Kind::Statement, format!("`{name}` is no column of what is updated"), name.span());
        return Err(match alias {
            Some(alias) if fits(&table.parts) => error.with_hint(format!("write `{}.{}`", alias.text, column.text)),
            _ => error.with_hint("a list, map or object is set as a whole"),
        });
    }
    Ok(Assignment { column: column.clone(), value })
}
