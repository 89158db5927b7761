//! Files as tables: CREATE EXTERNAL TABLE, and `FROM 'file.parquet'`. They are this machine's; nothing else is opened.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::{TableProvider, TableProviderFactory};
use datafusion::common::TableReference;
use datafusion::datasource::listing_table_factory::ListingTableFactory;
use datafusion::logical_expr::CreateExternalTable;
use sqlparser::ast;

use super::create::{is_wanted, kept, schema};
use super::encode::Format;
use super::{OwnKind, OwnTable, own_name};
use crate::engine::outcome::Outcome;
use crate::engine::session::Session;
use crate::engine::show;
use crate::engine::translate::translate;
use crate::error::{Error, Kind, Result, reason};
use crate::sql::{CreateFile, Source};

const FORMATS: &str = "`CSV`, `JSON` (an array, or an object a line), `JSONL` and `PARQUET`";

/// Whether a quoted name is a file's that can be read as a table.
pub fn is_one(name: &str) -> bool {
    Path::new(name).extension().and_then(|end| Format::named(end.to_str()?)).is_some()
}

/// A file as a table, by its name alone.
///
/// # Errors
/// There is no such file, or it is not what its name says.
pub async fn read(session: &Session, path: &str) -> Result<OwnTable> {
    let end = Path::new(path).extension().and_then(|end| end.to_str()).unwrap_or_default();
    let format =
        Format::named(end).ok_or_else(|| Error::new(Kind::Internal, "a file of no known format was to be read"))?;
    provider(session, path, &[path.to_string()], format, BTreeMap::new(), None).await
}

/// CREATE EXTERNAL TABLE.
///
/// # Errors
/// What is wrong with it; files that cannot be read.
pub async fn create(session: &Session, create: &CreateFile, source: &Source) -> Result<Outcome> {
    if !is_wanted(session, &create.name, create.existing, source)? {
        return Ok(kept(session, &create.name));
    }
    let name = own_name(&create.name, source)?;
    let table = &create.table;
    let wrong = |message: String| {
        Error::new(Kind::Statement, message).at(source.place(create.name.span())).with_context("nothing was sent")
    };
    let clauses = [
        (!table.table_partition_cols.is_empty(), "PARTITIONED BY"),
        (!table.order_exprs.is_empty(), "WITH ORDER"),
        (table.unbounded, "UNBOUNDED"),
        (!table.constraints.is_empty(), "constraints"),
    ];
    if let Some((_, clause)) = clauses.iter().find(|(is_there, _)| *is_there) {
        return Err(wrong(format!("not possible yet: `{clause}`")));
    }
    let format = Format::named(&table.file_type).ok_or_else(|| {
        wrong(format!("there is no format `{}`", table.file_type)).with_hint(format!("there are {FORMATS}"))
    })?;
    let text = |value: &ast::Value| match value {
        ast::Value::SingleQuotedString(text) | ast::Value::DoubleQuotedString(text) => text.clone(),
        other => other.to_string(),
    };
    let options = table.options.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let columns = match table.columns.as_slice() {
        [] => None,
        columns => Some(schema(session, columns, source).await?),
    };
    let found = provider(session, name, &table.locations, format, options, columns).await;
    session.own.put(name, found.map_err(|error| error.at(source.place(create.name.span())))?);
    Ok(session.ready(show::nothing(), Vec::new()))
}

async fn provider(
    session: &Session,
    name: &str,
    locations: &[String],
    format: Format,
    options: BTreeMap<String, String>,
    columns: Option<arrow::datatypes::SchemaRef>,
) -> Result<OwnTable> {
    for location in locations {
        check(location)?;
    }
    let mut options: std::collections::HashMap<String, String> = options
        .into_iter()
        .map(|(name, value)| (if name.contains('.') { name } else { format!("format.{name}") }, value))
        .collect();
    let file_type = match format {
        Format::Csv => "csv",
        Format::Json | Format::JsonLines => "json",
        Format::Parquet => "parquet",
    };
    if format == Format::Json && locations.first().is_some_and(|location| is_array(location)) {
        options.insert("format.newline_delimited".into(), "false".into());
    }
    let schema = match columns {
        Some(columns) => datafusion::common::DFSchema::try_from(columns).map_err(|error| translate(&error, None))?,
        None => datafusion::common::DFSchema::empty(),
    };
    let table =
        CreateExternalTable::builder(TableReference::bare(name), locations[0].clone(), file_type, Arc::new(schema))
            .with_locations(locations.to_vec())
            .with_options(options)
            .build();
    let state = session.state();
    let provider: Arc<dyn TableProvider> =
        ListingTableFactory::new().create(&state, &table).await.map_err(|error| {
            let error = translate(&error, None);
            Error {
                kind: Kind::Statement,
                message: format!("`{}` cannot be read as {file_type}", locations.join("`, `")),
                ..error.clone()
            }
            .with_context(error.message)
        })?;
    if provider.schema().fields().is_empty() {
        return Err(Error::new(Kind::Statement, format!("`{}` has no columns", locations.join("`, `"))));
    }
    Ok(OwnTable::new(provider, OwnKind::File))
}

/// A file or a folder of this machine, or a pattern of such.
fn check(location: &str) -> Result<()> {
    if let Some((scheme, _)) = location.split_once("://").filter(|(scheme, _)| *scheme != "file") {
        return Err(Error::new(Kind::Statement, format!("only files of this machine are read, not `{scheme}://`"))
            .with_context("nothing was sent"));
    }
    if location.contains(['*', '?', '[']) {
        return Ok(());
    }
    let path = location.strip_prefix("file://").unwrap_or(location);
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(Kind::Name, format!("`{location}` cannot be read: {}", reason(&error)))
            .with_context("nothing was sent")),
    }
}

/// Whether a file of JSON is one array, and not an object a line.
fn is_array(location: &str) -> bool {
    let path = location.strip_prefix("file://").unwrap_or(location);
    let Ok(file) = std::fs::File::open(path) else { return false };
    let first = std::io::BufReader::new(file).bytes().map_while(Result::ok).find(|byte| !byte.is_ascii_whitespace());
    first == Some(b'[')
}
