//! Gathers the documents: the embedded ones, then those of the user's folder, which add to them or replace them.
//! The only file of the room that reads files; what the documents say is `document`'s to judge.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::document::{is_snake_case, not_snake_case};
use super::draft::{Complaint, Drafts};
use super::model::Origin;
use crate::error::{Error, Kind, Result, reason};

/// The documents of `providers/`, by their path in it.
const EMBEDDED: &[(&str, &str, &str)] = &[
    ("aws", "redshift", include_str!("../../providers/aws/redshift.yaml")),
    ("awscc", "redshift", include_str!("../../providers/awscc/redshift.yaml")),
    ("immuta", "integrations", include_str!("../../providers/immuta/integrations.yaml")),
];

/// A document's place in SQL: provider and service.
type Name = (String, String);

struct Text {
    origin: Origin,
    text: String,
}

/// Reads the embedded documents, and those of `folder` over them: the same `<provider>/<service>.yaml` replaces.
///
/// # Errors
/// `Usage` when the folder cannot be read. Mistakes in the documents are the drafts' to report.
pub fn load(folder: Option<&Path>) -> Result<Drafts> {
    let mut texts = embedded();
    let mut loaded = Drafts::default();
    if let Some(folder) = folder {
        texts.extend(files(folder, &mut loaded.complaints)?);
    }
    for ((provider, service), Text { origin, text }) in texts {
        loaded.add(&provider, &service, origin, &text);
    }
    Ok(loaded)
}

fn embedded() -> BTreeMap<Name, Text> {
    let documents = EMBEDDED.iter().map(|(provider, service, text)| {
        ((provider.to_string(), service.to_string()), Text { origin: Origin::Embedded, text: text.to_string() })
    });
    documents.collect()
}

/// The documents below the user's folder: two levels, and nothing that is hidden.
fn files(folder: &Path, complaints: &mut Vec<Complaint>) -> Result<BTreeMap<Name, Text>> {
    let paths = entries(folder).map_err(|source| {
        Error::new(Kind::Usage, format!("cannot read the providers folder `{}`: {}", folder.display(), reason(&source)))
            .with_source(source)
    })?;
    let mut texts = BTreeMap::new();
    for path in paths {
        match provider(&path) {
            Ok((provider, paths)) => {
                for path in paths {
                    match document(&path) {
                        Ok((service, text)) => drop(texts.insert((provider.clone(), service), text)),
                        Err((line, message)) => complaints.push(complaint(&path, line, message)),
                    }
                }
            }
            Err(message) => complaints.push(complaint(&path, None, message)),
        }
    }
    Ok(texts)
}

fn complaint(path: &Path, line: Option<usize>, message: String) -> Complaint {
    Complaint { path: path.display().to_string(), line, message }
}

/// A provider's folder, and what it holds; else what is wrong with it.
fn provider(path: &Path) -> Result<(String, Vec<PathBuf>), String> {
    let name = file_name(path);
    if !path.is_dir() {
        return Err(stray(&name));
    }
    if !is_snake_case(&name) {
        return Err(not_snake_case(&name));
    }
    let paths = entries(path).map_err(|error| format!("cannot be read: {}", reason(&error)))?;
    Ok((name, paths))
}

/// One file of a provider's folder; else what is wrong with it, and on which line if it is one line.
fn document(path: &Path) -> Result<(String, Text), (Option<usize>, String)> {
    if path.is_dir() {
        return Err((None, "a folder too deep: a document is `<provider>/<service>.yaml`".into()));
    }
    let name = file_name(path);
    let Some(service) = name.strip_suffix(".yaml") else {
        return Err(match name.strip_suffix(".yml") {
            Some(service) => (None, format!("rename it to `{service}.yaml`")),
            None => (None, stray(&name)),
        });
    };
    if !is_snake_case(service) {
        return Err((None, not_snake_case(service)));
    }
    let bytes = std::fs::read(path).map_err(|error| (None, format!("cannot be read: {}", reason(&error))))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        (Some(line), "the text is not UTF-8".into())
    })?;
    Ok((service.to_string(), Text { origin: Origin::File(path.to_path_buf()), text }))
}

/// What to do with a file that is no document where it stands.
fn stray(name: &str) -> String {
    match name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")) {
        Some(service) => format!("move it into its provider's folder: `<provider>/{service}.yaml`"),
        None => "no provider document; those are named `<provider>/<service>.yaml`".into(),
    }
}

/// What a folder holds, in the order of names, without what is hidden.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let paths: std::io::Result<Vec<PathBuf>> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
