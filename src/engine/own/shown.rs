//! SHOW VIEWS, and DESCRIBE of a table or view of the user's own. Changes nothing and sends nothing.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use chrono::{DateTime, SecondsFormat, Utc};

use super::store::View;
use super::views::{load, store};
use super::{OwnKind, encode, own_name};
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result};
use crate::sql::{Name, Source};

/// The rows of SHOW VIEWS.
///
/// # Errors
/// `Io`: the state folder cannot be read.
pub fn show(session: &Session) -> Result<RecordBatch> {
    let views = store(session).all()?;
    let known: Vec<Option<&View>> = views.iter().map(|(_, view)| view.as_ref().ok()).collect();
    let text = |values: Vec<Option<String>>| Arc::new(StringArray::from(values)) as ArrayRef;
    let times = |time: fn(&View) -> Option<DateTime<Utc>>| {
        let times = known.iter().map(|view| view.and_then(time).map(|time| time.timestamp_millis()));
        Arc::new(times.collect::<TimestampMillisecondArray>().with_timezone("UTC")) as ArrayRef
    };
    let kind = |view: &Option<&View>| match view {
        None => "broken",
        Some(View { kept: Some(_), .. }) => "materialized",
        Some(_) => "view",
    };
    let definition = |(_, view): &(String, Result<View>)| match view {
        Ok(view) => view.text.clone(),
        Err(error) => error.context.join("; "),
    };
    let rows = known.iter().map(|view| view.and_then(|view| Some(view.kept.as_ref()?.rows as i64)));
    let columns = [
        ("name", text(views.iter().map(|(name, _)| Some(name.clone())).collect())),
        ("kind", text(known.iter().map(|view| Some(kind(view).to_string())).collect())),
        ("created", times(|view| Some(view.created))),
        ("refreshed", times(|view| Some(view.kept.as_ref()?.refreshed))),
        ("rows", Arc::new(rows.collect::<Int64Array>()) as ArrayRef),
        ("definition", text(views.iter().map(|view| Some(definition(view))).collect())),
    ];
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let kinds = [DataType::Utf8, DataType::Utf8, time.clone(), time, DataType::Int64, DataType::Utf8];
    let fields = columns.iter().zip(kinds).map(|((name, _), kind)| Field::new(*name, kind, true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, column)| column).collect())
        .map_err(|error| Error::new(Kind::Internal, "the views do not fit their columns").with_source(error))
}

/// The columns of a table or view of one's own: name, type and other names; and what else is worth saying of it.
///
/// # Errors
/// There is none, or it cannot be used.
pub async fn describe(session: &Session, name: &Name, source: &Source) -> Result<(Vec<[String; 3]>, Vec<String>)> {
    let place = || source.place(name.span());
    let name = own_name(name, source)?;
    let table = match session.own.get(name) {
        Some(table) => table,
        None => match load(session, name, &[]).await.map_err(|error| error.at(place()))? {
            Some(table) => table,
            None => {
                return Err(Error::new(Kind::Name, format!("`{name}` is no table or view of your own"))
                    .at(place())
                    .with_hint("a provider's is named in full: `DESCRIBE awscc.redshift.integrations`"));
            }
        },
    };
    let schema = table.provider.schema();
    let columns = schema.fields().iter().zip(&table.columns).enumerate();
    let rows = columns.map(|(at, (field, column))| {
        let kind = type_name(field.data_type());
        let kind = table.longest.get(at).copied().flatten().map_or(kind.clone(), |most| format!("{kind}({most})"));
        [field.name().clone(), kind, column.aliases.join(", ")]
    });
    let said = match table.kind {
        OwnKind::Rows => vec![format!("{name}: a table of this session")],
        OwnKind::File => vec![format!("{name}: a file")],
        OwnKind::View | OwnKind::Materialized => match store(session).view(name)? {
            Some((view, _)) => about(&view),
            None => Vec::new(),
        },
    };
    Ok((rows.collect(), said))
}

/// A type in the words of DESCRIBE.
pub fn type_name(kind: &DataType) -> String {
    let members = |fields: &Fields| {
        let members = fields.iter().map(|field| format!("{}: {}", field.name(), type_name(field.data_type())));
        members.collect::<Vec<_>>().join(", ")
    };
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Boolean => "boolean".into(),
        kind if kind.is_integer() => "integer".into(),
        kind if kind.is_numeric() => "number".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".into(),
        DataType::Dictionary(_, value) => type_name(value),
        DataType::Struct(fields) => format!("struct<{}>", members(fields)),
        DataType::List(item) | DataType::LargeList(item) => match item.data_type() {
            DataType::Struct(fields) => format!("list<{}>", members(fields)),
            item => format!("list<{}>", type_name(item)),
        },
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let kinds: Vec<String> = fields.iter().map(|field| type_name(field.data_type())).collect();
                format!("map<{}>", kinds.join(", "))
            }
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

fn about(view: &View) -> Vec<String> {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let kind = match &view.kept {
        None => "view".to_string(),
        Some(kept) => format!("materialized view, {} as of {}", encode::rows(kept.rows), time(kept.refreshed)),
    };
    vec![format!("{}: {kind}, created {}", view.name, time(view.created)), format!("definition: {}", view.text)]
}
