//! COPY … TO: rows into a file of the user's own, which has its name once it is whole.

use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use tempfile::NamedTempFile;

use super::encode::{self, Csv, Encoder, Format};
use super::files;
use crate::engine::headers;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{logical, physical};
use crate::engine::session::Session;
use crate::engine::show;
use crate::error::{Error, Kind, Result, reason};
use crate::sql::{Copy, Source};

/// # Errors
/// What is wrong with the statement; rows that cannot be read or written: then there is no file, or the one that was
/// there before.
pub async fn copy(session: &Session, copy: &Copy, source: &Source) -> Result<Outcome> {
    let (format, csv) =
        form(copy).map_err(|error| error.at(source.place(copy.span)).with_context("nothing was sent"))?;
    if session.rehearses {
        return rehearsed(session, copy, (format, csv), source).await;
    }
    let (draft, path) = draft(Path::new(&copy.file)).map_err(|error| {
        Error::new(Kind::Io, format!("cannot write `{}`: {}", copy.file, reason(&error)))
            .at(source.place(copy.span))
            .with_context("nothing was sent")
    })?;
    let prepared = session.prepare(&copy.query, source, &Arc::default(), (session.tolerance(), &[])).await?;
    let plan = physical(&prepared.state, &logical(&prepared.state, prepared.query, source).await?, source).await?;
    let mut outcome = session.execute(&prepared.state, prepared.run, plan, source)?;
    outcome.rows.rename(headers::renamed(&outcome.rows.schema(), &headers::typed(&copy.query)));
    let schema = outcome.rows.schema();
    unique(&schema)?;
    let mut encoder = Encoder::begin(BufWriter::new(draft), format, csv, &schema)?;
    let mut count = 0;
    while let Some(batch) = outcome.rows.try_next().await? {
        encoder.batch(&batch)?;
        count += batch.num_rows() as u64;
    }
    let unwritten =
        |error: std::io::Error| Error::new(Kind::Io, format!("cannot write `{}`: {}", copy.file, reason(&error)));
    let mut file = encoder.end()?;
    file.flush().map_err(unwritten)?;
    let file = file.into_inner().map_err(|error| unwritten(error.into_error()))?;
    file.as_file().sync_all().map_err(unwritten)?;
    file.persist(&path).map_err(|error| unwritten(error.error))?;
    outcome.notices.push(format!("{}: {}", copy.file, encode::rows(count)));
    outcome.rows.clear();
    Ok(outcome)
}

/// The same for a script that is looked at and not run: nothing is written, and what follows may read the file.
async fn rehearsed(session: &Session, copy: &Copy, (format, csv): (Format, Csv), source: &Source) -> Result<Outcome> {
    let prepared = session.prepare(&copy.query, source, &Arc::default(), (session.tolerance(), &[])).await?;
    let plan = physical(&prepared.state, &logical(&prepared.state, prepared.query, source).await?, source).await?;
    let schema = headers::renamed(&plan.schema(), &headers::typed(&copy.query));
    unique(&schema)?;
    files::promise(session, &copy.file, &encode::read_back(&schema, format, csv))?;
    Ok(session.ready(show::nothing(), Vec::new()))
}

/// The format that is named, or that the file's name ends in; and how csv is written.
fn form(copy: &Copy) -> Result<(Format, Csv)> {
    let end = Path::new(&copy.file).extension().and_then(|end| end.to_str());
    let wrong = |message: String| Error::new(Kind::Statement, message);
    if let Some((scheme, _)) = copy.file.split_once("://") {
        return Err(wrong(format!("only files of this machine are written, not `{scheme}://`")));
    }
    let format = match (copy.format.as_deref(), end) {
        (Some(name), _) => Format::named(name).ok_or_else(|| wrong(format!("there is no format `{name}`"))),
        (None, Some(end)) => Format::named(end).ok_or_else(|| wrong(format!("`.{end}` names no format"))),
        (None, None) => Err(wrong("the file's name does not end in a format".into())),
    };
    let format = format
        .map_err(|error| error.with_hint("write to `.csv`, `.json`, `.jsonl` or `.parquet`, or add `STORED AS CSV`"))?;
    let mut csv = Csv { delimiter: ',', header: true };
    for (name, value) in &copy.options {
        match (name.strip_prefix("format.").unwrap_or(name), format) {
            ("has_header" | "header", Format::Csv) => match value.to_ascii_lowercase().as_str() {
                "true" | "on" => csv.header = true,
                "false" | "off" => csv.header = false,
                _ => return Err(wrong(format!("`{name}` is `true` or `false`"))),
            },
            ("delimiter", Format::Csv) => match value.chars().collect::<Vec<_>>().as_slice() {
                [one] if !matches!(one, '"' | '\n' | '\r') => csv.delimiter = *one,
                _ => return Err(wrong("`delimiter` is one character".into())),
            },
            _ => {
                let error = wrong(format!("`{name}` is no option of this format"));
                return Err(error.with_hint("csv has `has_header` and `delimiter`; the others have none"));
            }
        }
    }
    Ok((format, csv))
}

/// A file has a column of a name once.
fn unique(schema: &arrow::datatypes::Schema) -> Result<()> {
    let mut known = std::collections::BTreeSet::new();
    match schema.fields().iter().find(|field| !known.insert(field.name())) {
        None => Ok(()),
        Some(twice) => Err(Error::new(Kind::Statement, format!("the column `{}` is there twice", twice.name()))
            .with_context("nothing was sent")
            .with_hint(format!("give one of them a name of its own: `… AS {}_2`", twice.name()))),
    }
}

/// A file beside the one that is wanted, and where that is: at the end of its links, with the mode that it has.
fn draft(path: &Path) -> std::io::Result<(NamedTempFile, PathBuf)> {
    let (path, permissions) = match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(std::io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => return Err(std::io::Error::other("it is no regular file")),
        Ok(there) => (path.canonicalize()?, Some(there.permissions())),
        Err(_) => (path.to_path_buf(), None),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new();
    let file = file.prefix(".iql-").permissions(std::fs::Permissions::from_mode(0o666)).tempfile_in(folder)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    Ok((file, path))
}
