//! What a statement does to a thing of the user's own: CREATE TABLE, DROP, and who carries out the others.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::MemTable;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::sql::parser::Statement as PlannerStatement;
use futures::TryStreamExt;
use sqlparser::ast::Spanned;
use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    ArrayElemTypeDef, CharLengthUnits, CharacterLength, ColumnDef, ColumnOption, DataType as SqlType, Ident,
    ObjectName, Query, TimezoneInfo,
};

use super::{OwnKind, OwnTable, copy, encode, files, own_name, titled, views};
use crate::engine::outcome::{Outcome, Rows};
use crate::engine::plan::{logical, physical};
use crate::engine::session::Session;
use crate::engine::show;
use crate::engine::translate::translate;
use crate::error::{Error, Kind, Result};
use crate::sql::names::wide;
use crate::sql::{Content, CreateTable, Dropped, Existing, Name, Own, Source, Statement};

/// Carries out a statement about a thing of the user's own.
///
/// # Errors
/// What is wrong with it; what keeps its rows from being read or written.
pub async fn run(session: &Session, own: &Own, source: &Source) -> Result<Outcome> {
    match own {
        Own::Table(create) => table(session, create, source).await,
        Own::File(create) => files::create(session, create, source).await,
        Own::View(create) => views::create(session, create, source).await,
        Own::Refresh { name } => views::refresh(session, name, source).await,
        Own::Drop { what, names, if_exists } => {
            let mut notices = Vec::new();
            for name in names {
                notices.extend(match what {
                    Dropped::Table => drop_table(session, name, *if_exists, source)?,
                    _ => views::drop_view(session, name, *what, *if_exists, source)?,
                });
            }
            Ok(session.ready(show::nothing(), notices))
        }
        Own::Copy(copied) => copy::copy(session, copied, source).await,
    }
}

/// A query, its source, and what its short names begin with.
type Explained = (Box<Query>, Source, Option<String>);

/// The query whose calls the statement makes when it is run, and what its short names begin with.
///
/// # Errors
/// A view that is to be refreshed, and is not there or broken.
pub fn explained(session: &Session, own: &Own, source: &Source) -> Result<Option<Explained>> {
    let here = |query: &Query| Ok(Some((Box::new(query.clone()), source.clone(), session.in_use())));
    match own {
        Own::Table(CreateTable { content: Content::Query(query), .. }) => here(query),
        Own::Copy(copied) => here(&copied.query),
        Own::View(create) if create.materialized => here(&create.query),
        Own::Refresh { name } => {
            let (statement, in_use): (Statement, _) = views::text(session, name, source)?;
            match statement.body {
                crate::sql::Body::Query(query) => Ok(Some((query, statement.source, in_use))),
                _ => Ok(None),
            }
        }
        Own::Table(_) | Own::View(_) | Own::File(_) | Own::Drop { .. } => Ok(None),
    }
}

/// Whether a table may be made under this name, and should be.
///
/// # Errors
/// `Name`: the name is taken, or is none for a table of one's own.
pub fn is_wanted(session: &Session, name: &Name, existing: Existing, source: &Source) -> Result<bool> {
    let place = source.place(name.span());
    let name = own_name(name, source)?;
    if views::exists(session, name) {
        return Err(Error::new(Kind::Name, format!("`{name}` is a view"))
            .at(place)
            .with_context("nothing was sent")
            .with_hint(format!("give the table another name, or `DROP VIEW {name}` first")));
    }
    match existing {
        Existing::Replace => Ok(true),
        _ if session.own.get(name).is_none() => Ok(true),
        Existing::Keep => Ok(false),
        Existing::Fail => Err(Error::new(Kind::Name, format!("there is a table `{name}` already"))
            .at(place)
            .with_context("nothing was sent")
            .with_hint(format!("`CREATE OR REPLACE TABLE {name} …` puts another in its place"))),
    }
}

/// What to say of a table that is there and stays.
pub fn kept(session: &Session, name: &Name) -> Outcome {
    session.ready(show::nothing(), vec![format!("the table `{name}` is there already, and stays as it is")])
}

/// Every row, with the memory that they take of the session's.
///
/// # Errors
/// What goes wrong with the rows; `Limit` when they do not fit.
pub async fn gathered(
    session: &Session,
    name: &str,
    mut rows: Rows,
) -> Result<(Vec<RecordBatch>, Arc<MemoryReservation>)> {
    let state = session.state();
    let held = MemoryConsumer::new(format!("the table {name}")).register(&state.runtime_env().memory_pool);
    let mut batches = Vec::new();
    while let Some(batch) = rows.try_next().await? {
        held.try_grow(batch.get_array_memory_size()).map_err(|error| translate(&error, None))?;
        batches.push(batch);
    }
    Ok((batches, Arc::new(held)))
}

/// Rows as a table.
///
/// # Errors
/// `Internal`: rows that are not the schema's.
pub fn of_rows(schema: &SchemaRef, batches: Vec<RecordBatch>, held: Vec<Arc<MemoryReservation>>) -> Result<OwnTable> {
    let table = MemTable::try_new(schema.clone(), vec![batches]).map_err(|error| translate(&error, None))?;
    Ok(OwnTable { held, ..OwnTable::new(Arc::new(table), OwnKind::Rows) })
}

async fn table(session: &Session, create: &CreateTable, source: &Source) -> Result<Outcome> {
    if !is_wanted(session, &create.name, create.existing, source)? {
        return Ok(kept(session, &create.name));
    }
    let name = own_name(&create.name, source)?;
    match &create.content {
        Content::Columns(columns) => {
            let longest = columns.iter().map(|column| longest(column, source)).collect::<Result<Vec<_>>>()?;
            let schema = schema(session, columns, source).await?;
            session.own.put(name, OwnTable { longest, ..of_rows(&schema, Vec::new(), Vec::new())? });
            Ok(session.ready(show::nothing(), Vec::new()))
        }
        Content::Query(query) => {
            let prepared = session.prepare(query, source, &Arc::default(), (session.tolerance(), &[])).await?;
            let plan = titled(logical(&prepared.state, prepared.query, source).await?, query)?;
            let plan = physical(&prepared.state, &plan, source).await?;
            if session.rehearses {
                let table = of_rows(&plan.schema(), Vec::new(), Vec::new())?.answering_to(prepared.columns.as_deref());
                session.own.put(name, table);
                return Ok(session.ready(show::nothing(), Vec::new()));
            }
            let mut outcome = session.execute(&prepared.state, prepared.run, plan, source)?;
            // What the query has no NULL in may get one by an INSERT.
            let fields = outcome
                .rows
                .schema()
                .fields()
                .iter()
                .map(|field| Field::clone(field).with_nullable(true))
                .collect::<Vec<_>>();
            let schema: SchemaRef = Arc::new(Schema::new(fields));
            outcome.rows.rename(schema.clone());
            let (batches, held) = gathered(session, name, outcome.rows.take()).await?;
            let count = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
            let table = of_rows(&schema, batches, vec![held])?.answering_to(prepared.columns.as_deref());
            session.own.put(name, table);
            outcome.notices.push(format!("{name}: {}", encode::rows(count as u64)));
            Ok(outcome)
        }
    }
}

/// The columns that a list of them means.
pub async fn schema(session: &Session, columns: &[ColumnDef], source: &Source) -> Result<SchemaRef> {
    for column in columns {
        let refused =
            column.options.iter().find(|option| !matches!(option.option, ColumnOption::Null | ColumnOption::NotNull));
        if let Some(refused) = refused {
            return Err(Error::new(Kind::Statement, format!("not possible yet: `{refused}`"))
                .at(source.place(column.span()))
                .with_context("nothing was sent"));
        }
    }
    let name = ObjectName::from(vec![Ident::with_quote('"', "a table that is made")]);
    let wide = columns.iter().map(|column| {
        let data_type = wide(&column.data_type).unwrap_or_else(|| column.data_type.clone());
        ColumnDef { data_type, ..column.clone() }
    });
    let statement = CreateTableBuilder::new(name).columns(wide.collect()).build();
    let statement = PlannerStatement::Statement(Box::new(statement.into()));
    let plan = session.state().statement_to_plan(statement).await.map_err(|error| translate(&error, Some(source)))?;
    let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(table)) = plan else {
        return Err(Error::new(Kind::Internal, "a list of columns is planned as something else"));
    };
    let fields = table.input.schema().fields().iter().zip(columns);
    let fields = fields.map(|(field, column)| with_zone(field, &column.data_type)).collect::<Vec<_>>();
    Ok(Arc::new(Schema::new(fields)))
}

/// A moment that is declared WITH TIME ZONE is kept in UTC, where DataFusion leaves the zone out.
fn with_zone(field: &Field, declared: &SqlType) -> Field {
    match (field.data_type(), declared) {
        (DataType::Timestamp(unit, None), SqlType::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone)) => {
            field.clone().with_data_type(DataType::Timestamp(*unit, Some("UTC".into())))
        }
        _ => field.clone(),
    }
}

/// The characters that a column is declared to hold at most: `VARCHAR(3)`.
///
/// # Errors
/// `Statement`: a length that would be held for nothing.
fn longest(column: &ColumnDef, source: &Source) -> Result<Option<u64>> {
    let refused = |what: String| Err(of_any_length(what, column, source));
    match &column.data_type {
        SqlType::Char(length) | SqlType::Varchar(length) => match length {
            None | Some(CharacterLength::Max) => Ok(None),
            Some(CharacterLength::IntegerLength { length, unit: None | Some(CharLengthUnits::Characters) }) => {
                Ok(Some(*length))
            }
            Some(length) => refused(format!("a length is counted in characters, and not as `{length}`")),
        },
        SqlType::String(length) => Ok(*length),
        declared if within(declared) => refused(format!("the length in `{declared}` would not be held")),
        _ => Ok(None),
    }
}

/// Refuses columns with a length, where their texts are someone else's.
///
/// # Errors
/// `Statement`: the first such column.
pub fn refuse_lengths(columns: &[ColumnDef], source: &Source) -> Result<()> {
    for column in columns {
        if longest(column, source)?.is_some() {
            let what =
                format!("the length in `{}` would not be held: a file's texts are read as they are", column.data_type);
            return Err(of_any_length(what, column, source));
        }
    }
    Ok(())
}

fn of_any_length(what: String, column: &ColumnDef, source: &Source) -> Error {
    let error = Error::new(Kind::Statement, what).at(source.place(column.span())).with_context("nothing was sent");
    error.with_hint("write `TEXT`, which holds any length")
}

/// Whether a type has texts of a length in it.
fn within(declared: &SqlType) -> bool {
    match declared {
        SqlType::Char(length) | SqlType::Varchar(length) => length.is_some(),
        SqlType::String(length) => length.is_some(),
        SqlType::Array(
            ArrayElemTypeDef::AngleBracket(item)
            | ArrayElemTypeDef::SquareBracket(item, _)
            | ArrayElemTypeDef::Parenthesis(item),
        ) => within(item),
        SqlType::Struct(fields, _) => fields.iter().any(|field| within(&field.field_type)),
        SqlType::Map(key, value) => within(key) || within(value),
        _ => false,
    }
}

fn drop_table(session: &Session, name: &Name, if_exists: bool, source: &Source) -> Result<Vec<String>> {
    let place = source.place(name.span());
    let name = own_name(name, source)?;
    if session.own.take(name).is_some() {
        return Ok(Vec::new());
    }
    let error = Error::new(Kind::Name, format!("there is no table `{name}` of this session"));
    match views::exists(session, name) {
        false if if_exists => Ok(vec![format!("there is no table `{name}`")]),
        false => {
            let tables = session.own.all();
            Err(match crate::error::nearest(name, tables.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                None => error,
            }
            .at(place))
        }
        true => Err(error
            .at(place)
            .with_hint(format!("it is a view: `DROP VIEW {name}` or `DROP MATERIALIZED VIEW {name}`"))),
    }
}
