//! Secrets by their names: variables of the environment, then a folder with one file for each, as container platforms
//! mount them, or a file of `NAME=value` lines. Read when they are needed, and kept nowhere.

use std::path::{Path, PathBuf};

use super::{Environment, Secret};
use crate::error::{Error, Kind, Place, Result, reason};

/// Where secrets have their values from. By default from nowhere.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    pub environment: Environment,
    /// `--secrets PATH`
    pub path: Option<PathBuf>,
}

impl Secrets {
    /// The value of a secret. `name` is one that a file may have: see `catalog::secret::is_name`.
    ///
    /// # Errors
    /// `Credentials`: it has no value, or the file that should have it cannot be read.
    pub fn get(&self, name: &str) -> Result<Secret> {
        if let Some(secret) = self.environment.secret(name) {
            return Ok(secret);
        }
        let found = match &self.path {
            None => None,
            Some(path) if path.is_dir() => of_folder(path, name)?,
            Some(path) => of_lines(path, name)?,
        };
        found.ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> Error {
        let error = Error::new(Kind::Credentials, format!("the secret `{name}` has no value"));
        // A name with other signs is no variable's.
        let is_variable = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let variable =
            if is_variable { format!("set it in the environment, `export {name}=…`, or ") } else { String::new() };
        error.with_hint(match &self.path {
            None => format!("{variable}name a folder that has a file `{name}`: `--secrets DIR`"),
            Some(path) if path.is_dir() => format!("{variable}put it into the file `{}`", path.join(name).display()),
            Some(path) => format!("{variable}add a line `{name}=…` to `{}`", path.display()),
        })
    }
}

fn of_folder(folder: &Path, name: &str) -> Result<Option<Secret>> {
    let path = folder.join(name);
    if !path.exists() {
        return Ok(None);
    }
    let text = read(&path)?;
    // Whoever writes a file with an editor ends its last line.
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

/// The last line of a name counts, as it does in a shell.
fn of_lines(path: &Path, name: &str) -> Result<Option<Secret>> {
    let mut found = None;
    for (at, line) in read(path)?.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let read = line.split_once('=').and_then(|(key, text)| Some((key.trim_end(), value(text.trim())?)));
        let Some((key, text)) = read else {
            let error = Error::new(Kind::Credentials, "a line of the file of secrets is no `NAME=value`");
            return Err(error.at(Place::File { path: path.to_path_buf(), line: at + 1 }));
        };
        if key == name {
            found = Some(Secret::new(text));
        }
    }
    Ok(found.filter(|secret| !secret.reveal().is_empty()))
}

/// `'as it stands'`, `"with \n, \" and \\"`, or bare up to a comment. None: a quote that is not closed.
fn value(text: &str) -> Option<String> {
    let rest = |rest: &str| rest.trim_start().is_empty() || rest.trim_start().starts_with('#');
    if let Some(quoted) = text.strip_prefix('\'') {
        let (inner, after) = quoted.split_once('\'')?;
        return rest(after).then(|| inner.to_string());
    }
    let Some(quoted) = text.strip_prefix('"') else {
        return Some(text.split(" #").next().unwrap_or(text).trim_end().to_string());
    };
    let (mut inner, mut letters) = (String::new(), quoted.chars());
    loop {
        match letters.next()? {
            '"' => return rest(letters.as_str()).then_some(inner),
            '\\' => match letters.next()? {
                'n' => inner.push('\n'),
                'r' => inner.push('\r'),
                't' => inner.push('\t'),
                other => inner.push(other),
            },
            letter => inner.push(letter),
        }
    }
}

fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| {
        Error::new(Kind::Credentials, format!("cannot read the secrets in `{}`: {}", path.display(), reason(&error)))
    })?;
    String::from_utf8(bytes).map_err(|_| {
        // What could not be read stays out of the error.
        Error::new(Kind::Credentials, format!("the secrets in `{}` are not UTF-8 text", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(secrets: &Secrets, name: &str) -> Result<String, String> {
        secrets.get(name).map(|secret| secret.reveal().to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_folder_has_a_file_for_each() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("A", "one\n"), ("B", "two\r\n"), ("C", "three\n\n"), ("D", ""), ("E", " four ")] {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let environment = Environment::default().with("B", "of the environment");
        let secrets = Secrets { environment, path: Some(folder.path().to_path_buf()) };
        let check = |name: &str, expected: &str| assert_eq!(given(&secrets, name), Ok(expected.into()), "{name}");
        check("A", "one");
        check("B", "of the environment");
        check("C", "three\n");
        check("E", " four ");
        for name in ["D", "F"] {
            let expected = format!(
                "the secret `{name}` has no value\n\nhint: set it in the environment, `export {name}=…`, or put it into \
                 the file `{}`",
                folder.path().join(name).display()
            );
            assert_eq!(given(&secrets, name), Err(expected));
        }
    }

    #[test]
    fn a_file_has_a_line_for_each() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        let text = "# secrets\nA=one # the first\nexport B = 'two #2'\n\nC=\"three\\n\\\"3\\\"\"\nD=\nA=four#4\n";
        std::fs::write(&path, text).expect("written");
        let secrets = Secrets { path: Some(path.clone()), ..Secrets::default() };
        let check = |name: &str, expected: &str| assert_eq!(given(&secrets, name), Ok(expected.into()), "{name}");
        check("A", "four#4");
        check("B", "two #2");
        check("C", "three\n\"3\"");
        assert!(given(&secrets, "D").is_err_and(|error| error.contains("add a line `D=…`")));
        for text in ["A=one\nhunter2\n", "A=one\nB='hunter2\n"] {
            std::fs::write(&path, text).expect("written");
            let error = given(&secrets, "A").expect_err("not a line");
            assert!(error.starts_with("a line of the file of secrets is no `NAME=value`"), "{error}");
            assert!(error.ends_with(":2") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn from_nowhere_there_is_none() {
        let check = |name: &str, expected: &str| {
            assert_eq!(given(&Secrets::default(), name), Err(expected.into()), "{name}");
        };
        check(
            "A",
            "the secret `A` has no value\n\n\
             hint: set it in the environment, `export A=…`, or name a folder that has a file `A`: `--secrets DIR`",
        );
        check("a.b", "the secret `a.b` has no value\n\nhint: name a folder that has a file `a.b`: `--secrets DIR`");
        let secrets = Secrets { path: Some("/nowhere".into()), ..Secrets::default() };
        assert!(
            given(&secrets, "A")
                .is_err_and(|error| error.starts_with("cannot read the secrets in `/nowhere`: no such"))
        );
    }
}
