//! Files as tables: CREATE EXTERNAL TABLE, and `FROM 'file.parquet'`. They are this machine's; nothing else is opened.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::catalog::{TableProvider, TableProviderFactory};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, TableReference};
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::datasource::listing_table_factory::ListingTableFactory;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::CreateExternalTable;
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;
use serde::de::IgnoredAny;
use sqlparser::ast;

use super::create::{is_wanted, kept, of_rows, refuse_lengths, schema};
use super::encode::Format;
use super::{OwnKind, OwnTable, csv, own_name};
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
        columns => {
            refuse_lengths(columns, source)?;
            Some(schema(session, columns, source).await?)
        }
    };
    let found = provider(session, name, &table.locations, format, options, columns).await;
    session.own.put(name, found.map_err(|error| error.at(source.place(create.name.span())))?);
    Ok(session.ready(show::nothing(), Vec::new()))
}

/// Lets what follows read a file that a script would have written by then.
///
/// # Errors
/// `Internal`.
pub fn promise(session: &Session, path: &str, schema: &SchemaRef) -> Result<()> {
    let table = OwnTable { kind: OwnKind::File, ..of_rows(schema, Vec::new(), Vec::new())? };
    session.own.put(&promised(path), table);
    Ok(())
}

/// The name of such a file among the session's tables: where it is, which no other table can be called.
fn promised(path: &str) -> String {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    format!("file://{}", path.display())
}

async fn provider(
    session: &Session,
    name: &str,
    locations: &[String],
    format: Format,
    options: BTreeMap<String, String>,
    columns: Option<SchemaRef>,
) -> Result<OwnTable> {
    if let ([location], true) = (locations, session.rehearses)
        && let Some(table) = session.own.get(&promised(location))
    {
        return match columns {
            Some(columns) => Ok(OwnTable { kind: OwnKind::File, ..of_rows(&columns, Vec::new(), Vec::new())? }),
            None => Ok(table),
        };
    }
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
    if matches!(format, Format::Json | Format::JsonLines) {
        files(session, locations).await?.iter().try_for_each(|path| is_json(path))?;
    }
    if let Some(Err(error)) = options.get("format.null_regex").map(|pattern| regex::Regex::new(pattern)) {
        let reason = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
        return Err(Error::new(Kind::Statement, format!("`null_regex` is no regular expression: {reason}"))
            .with_context("nothing was sent"));
    }
    let form = (format == Format::Csv).then(|| csv::Form::of(&options)).flatten();
    let columns = match form {
        Some(form) => Some(csv::columns(&files(session, locations).await?, form, columns.as_ref())?),
        None => columns,
    };
    let none = || Error::new(Kind::Statement, format!("`{}` has no columns", locations.join("`, `")));
    if columns.as_ref().is_some_and(|columns| columns.fields().is_empty()) {
        return Err(none());
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
        return Err(none());
    }
    Ok(OwnTable::new(provider, OwnKind::File))
}

/// What to say of an error of a plan's rows: of a file of JSON, which one it is.
pub fn told(plan: &Arc<dyn ExecutionPlan>, source: &Source) -> impl Fn(&DataFusionError) -> Error + Send + 'static {
    let mut paths = Vec::new();
    let walked = plan.apply(|node| {
        let config =
            node.downcast_ref::<DataSourceExec>().and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>());
        if let Some(FileScanConfig { file_groups, .. }) = config {
            let files = file_groups.iter().flat_map(|group| group.iter());
            let read = files.map(|file| format!("/{}", decoded(file.object_meta.location.as_ref())));
            paths.extend(read.filter(|path| {
                let end = Path::new(path).extension().and_then(|end| Format::named(end.to_str()?));
                matches!(end, Some(Format::Json | Format::JsonLines))
            }));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself cannot fail");
    let source = source.clone();
    move |error| {
        let problem = match error.find_root() {
            DataFusionError::ArrowError(inner, _) => match &**inner {
                ArrowError::JsonError(problem) => problem,
                _ => return translate(error, Some(&source)),
            },
            _ => return translate(error, Some(&source)),
        };
        let which = match paths.as_slice() {
            [path] => format!("`{path}`"),
            [] => "a file of JSON".to_string(),
            paths => format!("one of `{}`", paths.join("`, `")),
        };
        Error::new(Kind::Statement, format!("{which} has a value that is not of its column's type"))
            .with_context(problem.clone())
    }
}

/// The files that locations mean.
async fn files(session: &Session, locations: &[String]) -> Result<Vec<PathBuf>> {
    let failed = |error| translate(&error, None);
    let state = session.state();
    let mut files = Vec::new();
    for location in locations {
        let path = Path::new(location.strip_prefix("file://").unwrap_or(location));
        if path.is_file() {
            files.push(path.to_path_buf());
            continue;
        }
        let url = ListingTableUrl::parse(location).map_err(failed)?;
        let store = state.runtime_env().object_store(url.object_store()).map_err(failed)?;
        let listed = url.list_all_files(&state, store.as_ref(), "").await.map_err(failed)?;
        let listed: Vec<_> = listed.try_collect().await.map_err(failed)?;
        files.extend(listed.iter().map(|file| Path::new("/").join(decoded(file.location.as_ref()))));
    }
    files.sort();
    Ok(files)
}

/// Whether a file is JSON throughout, one value or several.
fn is_json(path: &Path) -> Result<()> {
    let file = std::fs::File::open(path)
        .map_err(|error| Error::new(Kind::Name, format!("`{}` cannot be read: {}", path.display(), reason(&error))))?;
    let values = serde_json::Deserializer::from_reader(std::io::BufReader::new(file)).into_iter::<IgnoredAny>();
    match values.filter_map(std::result::Result::err).next() {
        Some(error) => {
            let (line, path) = (error.line(), path.display());
            Err(Error::new(Kind::Statement, format!("line {line} of `{path}`: this is not JSON"))
                .with_context(error.to_string())
                .with_context("nothing was sent"))
        }
        None => Ok(()),
    }
}

/// A path as the machine has it: a listing writes some letters as `%20`.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => bytes.extend(std::iter::once(byte).chain(part.bytes().skip(2))),
            None => bytes.extend(std::iter::once(b'%').chain(part.bytes())),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
