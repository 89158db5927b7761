//! What to say of a name that means nothing, or too much. Suggestions come from the scope that was searched.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::Span;

use super::super::statement::{Source, folded};
use super::scope::{Item, Relation, Scope, means};
use crate::error::{Error, Kind, Place, nearest};

/// No relation in reach has the column. `within` is the relation that the name was qualified by.
pub(super) fn no_column(typed: &Ident, scope: &Scope<'_>, within: Option<&Relation>) -> Error {
    let relations: Vec<&Relation> = match within {
        Some(relation) => vec![relation],
        None => scope.chain().flat_map(|scope| &scope.relations).collect(),
    };
    let message = match relations.as_slice() {
        [Relation { table: Some(table), .. }] => format!("there is no column `{}` in `{table}`", typed.value),
        [relation] => match relation.called() {
            Some(called) => format!("there is no column `{}` in `{called}`", typed.value),
            None => format!("there is no column `{}` here", typed.value),
        },
        _ => format!("there is no column `{}` here", typed.value),
    };
    let mut error = Error::new(Kind::Name, message);
    let columns = relations.iter().flat_map(|relation| &relation.columns);
    let names = columns.flat_map(|column| column.aliases.iter().rev().chain([&column.name]).rev());
    let near = nearest(&typed.value, names.map(String::as_str));
    if let Some(near) = near {
        error = error.with_hint(format!("did you mean `{near}`?"));
    } else if typed.quote_style == Some('"') && within.is_none() {
        error = error.with_hint(format!("text is written in single quotes: `'{}'`", typed.value.replace('\'', "''")));
    }
    if let [Relation { table: Some(table), .. }] = relations.as_slice() {
        // Only what has a provider, a service and a resource can be described.
        if table.matches('.').count() == 2 {
            error = error.with_hint(format!("`DESCRIBE {table}` lists the columns"));
        }
    }
    error
}

/// Several columns fit equally well.
pub(super) fn ambiguous(typed: &Ident, items: &[Item], scope: &Scope<'_>) -> Error {
    let error = Error::new(Kind::Name, format!("`{}` is ambiguous: several tables here have it", typed.value));
    let mut qualifiers: Vec<_> = items.iter().filter_map(|item| scope.qualifier(*item)).collect();
    qualifiers.dedup();
    if qualifiers.len() != items.len() {
        return error.with_hint("give each table or subquery its own name, and say which one is meant");
    }
    let choices: Vec<_> = qualifiers.iter().map(|qualifier| format!("`{qualifier}.{typed}`")).collect();
    error.with_hint(format!("say {}", choices.join(" or ")))
}

/// Several columns of the SELECT list have the name.
pub(super) fn ambiguous_output(typed: &Ident) -> Error {
    Error::new(Kind::Name, format!("`{}` is ambiguous: SELECT has several columns of this name", typed.value))
        .with_hint("give each its own name with `AS`, or write its position in the SELECT list")
}

/// The planner wants a name for each column.
pub(super) fn two_outputs(alias: &Ident) -> Error {
    Error::new(Kind::Name, format!("two columns are called `{}`", alias.value))
        .with_hint("give one of them another name")
}

/// Nothing in reach is called like the qualifier.
pub(super) fn no_qualifier(parts: &[Ident], scope: &Scope<'_>) -> Error {
    let typed = parts.iter().map(folded).collect::<Vec<_>>().join(".");
    let error = Error::new(Kind::Name, format!("there is no table or alias `{typed}` here"));
    let relations: Vec<_> = scope.chain().flat_map(|scope| &scope.relations).collect();
    // A table that has an alias answers to nothing else.
    let renamed = relations.iter().find(|relation| {
        relation.table.as_ref().is_some_and(|table| {
            let own: Vec<_> = table.split('.').collect();
            own.len() >= parts.len() && own.iter().rev().zip(parts.iter().rev()).all(|(own, typed)| means(typed, own))
        })
    });
    if let Some(Relation { path, table: Some(table), .. }) = renamed {
        return error.with_hint(format!("`{table}` is called `{}` here", path.join(".")));
    }
    let known: Vec<String> = relations.iter().filter_map(|relation| relation.called()).collect();
    let mut names = known.clone();
    names.extend(
        relations.iter().filter(|relation| !relation.given).filter_map(|relation| relation.path.last().cloned()),
    );
    // One letter is near to every other.
    match nearest(&typed, names.iter().map(String::as_str)).filter(|_| typed.chars().count() > 1) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if known.is_empty() || known.len() > 8 => error,
        None => error.with_hint(format!("what is here: `{}`", known.join("`, `"))),
    }
}

/// What other databases call a function, and how it is written here.
const ELSEWHERE: [(&str, &str); 24] = [
    ("age", "`now() - create_time`"),
    ("array_to_json", "`to_json(…)`"),
    ("char", "`chr(…)`"),
    ("date_add", "`create_time + INTERVAL '1 day'`"),
    ("date_diff", "`a - b`, or `date_part('day', a - b)`"),
    ("date_sub", "`create_time - INTERVAL '1 day'`"),
    ("dateadd", "`create_time + INTERVAL '1 day'`"),
    ("datediff", "`a - b`, or `date_part('day', a - b)`"),
    ("format", "`concat(…)`, or `||`"),
    ("getdate", "`now()`"),
    ("hex", "`encode(…, 'hex')`"),
    ("json_array_elements", "`FROM t, json_each(t.tags) e`"),
    ("json_extract_path_text", "`json_extract(x, '$.a.b')`"),
    ("jsonb_array_elements", "`FROM t, json_each(t.tags) e`"),
    ("jsonb_extract_path_text", "`json_extract(x, '$.a.b')`"),
    ("len", "`length(…)`"),
    ("listagg", "`string_agg(x, ',')`"),
    ("printf", "`concat(…)`, or `||`"),
    ("regexp_extract", "`regexp_match(x, '…')[1]`"),
    ("strptime", "`to_timestamp(x, '%Y-%m-%d')`"),
    ("sysdate", "`now()`"),
    ("total", "`coalesce(sum(x), 0.0)`"),
    ("typeof", "`arrow_typeof(…)`"),
    ("unicode", "`ascii(…)`"),
];

pub(super) fn no_function(name: &str, functions: &[String]) -> Error {
    let error = Error::new(Kind::Name, format!("there is no function `{name}`"));
    if let Some((_, here)) = ELSEWHERE.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
        return error.with_hint(format!("write {here}"));
    }
    let error = match nearest(name, functions.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error,
    };
    error.with_hint("`SHOW FUNCTIONS` lists them")
}

/// Why USING cannot take a column.
pub(super) enum Unjoinable {
    Missing,
    Hidden,
    Several,
}

pub(super) fn not_joinable(typed: &Ident, side: &str, why: Unjoinable) -> Error {
    let name = &typed.value;
    let message = match why {
        Unjoinable::Missing => {
            return Error::new(Kind::Name, format!("there is no column `{name}` on the {side} of this join"));
        }
        Unjoinable::Hidden => format!("`{name}` is a param, and USING takes columns only"),
        Unjoinable::Several => format!("several tables on the {side} of this join have `{name}`"),
    };
    Error::new(Kind::Name, message).with_hint(format!("say which are meant: `ON a.{typed} = b.{typed}`"))
}

/// The first error in the order of the text, with the others in its context.
pub(super) fn together(mut errors: Vec<(Span, Error)>, source: &Source) -> Option<Error> {
    errors.sort_by_key(|(span, _)| span.start);
    let mut errors = errors.into_iter();
    let (_, mut first) = errors.next()?;
    let mut said = vec![first.message.clone()];
    for (span, error) in errors {
        if said.contains(&error.message) {
            continue;
        }
        if let Place::Sql { line, column, .. } = source.place(span) {
            first = first.with_context(format!("also at {line}:{column}: {}", error.message));
        }
        said.push(error.message);
    }
    Some(first)
}

/// `(a, b) IN (SELECT …)` where it is not only asked whether it is true, or of `theirs` columns.
pub(super) fn rows_of_subquery(given: usize, theirs: Option<usize>) -> Error {
    if let Some(theirs) = theirs.filter(|theirs| *theirs != given) {
        let columns = if theirs == 1 { "column" } else { "columns" };
        let message = format!("a row of {given} values is looked for in a subquery of {theirs} {columns}");
        return Error::new(Kind::Statement, message).with_hint("select as many: `(a, b) IN (SELECT x, y FROM …)`");
    }
    let message = "a row in a subquery can only be a condition of WHERE, by itself or with others by AND and OR";
    Error::new(Kind::Statement, message)
        .with_hint("elsewhere, write `(SELECT count(*) FROM … WHERE x = a AND y = b) > 0`")
}

/// `(a, b) = (SELECT …)`
pub(super) fn row_and_subquery() -> Error {
    Error::new(Kind::Statement, "a row cannot be compared with a subquery").with_hint("write `(a, b) IN (SELECT …)`")
}
