//! Statements that the user has given names, a file each in the configuration folder. Knows no statement.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use crate::error::{Error, Kind, Result, nearest, reason};
use crate::settings::Person;

/// Their names, in order.
pub fn names(person: &Person) -> Vec<String> {
    let entries = std::fs::read_dir(folder(person)).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = files.filter_map(|file| file.strip_suffix(".sql").map(String::from)).collect();
    names.sort();
    names
}

/// The file of a name.
///
/// # Errors
/// `Usage`: there is none.
pub fn file(person: &Person, name: &str) -> Result<PathBuf> {
    let path = path(person, name)?;
    if path.exists() {
        return Ok(path);
    }
    let names = names(person);
    let error = Error::new(Kind::Usage, format!("there is no statement named `{name}`"));
    Err(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean `\\n {near}`?")),
        None => error.with_hint(format!("`\\ns {name}` gives the last statement that name")),
    })
}

/// Gives a statement a name, which may have been another's.
///
/// # Errors
/// `Usage`: what is no name; `Io`.
pub fn save(person: &Person, name: &str, statement: &str) -> Result<()> {
    let path = path(person, name)?;
    std::fs::create_dir_all(folder(person))
        // A statement may have a secret, which is nobody else's to read.
        .and_then(|()| OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path))
        .and_then(|mut file| {
            // One that is there has a mode already.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(format!("{statement}\n").as_bytes())
        })
        .map_err(|error| failed(&path, &error))
}

/// # Errors
/// `Usage`: there is none; `Io`.
pub fn remove(person: &Person, name: &str) -> Result<()> {
    let path = file(person, name)?;
    std::fs::remove_file(&path).map_err(|error| failed(&path, &error))
}

fn folder(person: &Person) -> PathBuf {
    person.folder.join("queries")
}

/// A name is part of a path, and must not lead elsewhere.
fn path(person: &Person, name: &str) -> Result<PathBuf> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    match is_name {
        true => Ok(folder(person).join(format!("{name}.sql"))),
        false => Err(Error::new(Kind::Usage, format!("`{name}` is no name: letters, digits, `_` and `-` are"))),
    }
}

fn failed(path: &std::path::Path, error: &io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot write `{}`: {}", path.display(), reason(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_found_and_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let person = Person { folder: folder.path().join("iql"), ..Person::default() };
        assert!(names(&person).is_empty());
        save(&person, "failing", "SELECT 1;").expect("saved");
        save(&person, "all", "SELECT 2;").expect("saved");
        assert_eq!(names(&person), ["all", "failing"]);
        let all = person.folder.join("queries/all.sql");
        let mode = || std::fs::metadata(&all).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&all, Permissions::from_mode(0o644)).expect("set");
        save(&person, "all", "SELECT 3;").expect("saved");
        assert_eq!(mode(), 0o600);
        let path = file(&person, "failing").expect("a file");
        assert_eq!(std::fs::read_to_string(path).expect("read"), "SELECT 1;\n");
        assert_eq!(file(&person, "failin").expect_err("none").hints, ["did you mean `\\n failing`?"]);
        remove(&person, "failing").expect("removed");
        assert_eq!(names(&person), ["all"]);
        for name in ["", "../x", "a b"] {
            assert!(save(&person, name, "").is_err(), "{name}");
        }
    }
}
