//! Where scripts and their variables are read from: the command line, files, standard input and the environment.
//! What they mean is the room `script`'s business.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt;

use crate::cli::args::{self, Templates};
use crate::error::{Error, Kind, Result, reason};
use crate::script::{File, Reader, Script, Variables, Whole};
use crate::settings::Environment;

/// The script that the arguments speak of, its templates rendered.
///
/// # Errors
/// `Usage` for what cannot be read; else what is wrong with the script.
pub async fn script(wanted: &args::Script) -> Result<Script> {
    let variables = variables(&wanted.templates)?;
    let anchor = wanted.templates.anchor.as_deref();
    let reader = Reader { variables: &variables, anchor, whole: Whole::Refused, load: &load };
    let script = match (&wanted.sql, wanted.infile.is_empty()) {
        (Some(sql), _) => reader.read(sql, None)?,
        (None, true) if io::stdin().is_terminal() => {
            return Err(Error::new(Kind::Usage, "there is no statement to run")
                .with_hint("give it as text, `iql exec \"SELECT …\"`, as a file, `-i FILE`, or on standard input"));
        }
        (None, true) => reader.read(&standard_input().await?, None)?,
        (None, false) => {
            let mut whole = Script::default();
            for path in &wanted.infile {
                whole = whole.and(file(path, &reader).await?);
            }
            whole
        }
    };
    script.check_anchor(anchor)?;
    Ok(script)
}

/// One file's script; `-` is standard input.
///
/// # Errors
/// `Usage`: it cannot be read; else what is wrong with it.
pub async fn file(path: &Path, reader: &Reader<'_>) -> Result<Script> {
    if path == Path::new("-") {
        return reader.read(&standard_input().await?, None);
    }
    let file = load(path)?;
    reader.read(&file.text, Some(&file))
}

/// The variables that are given: of files, over them the environment's, over them those of the command line.
///
/// # Errors
/// `Usage`: a file that cannot be read, or a variable that is not there.
pub fn variables(wanted: &Templates) -> Result<Variables> {
    let mut variables = Variables::default();
    for path in &wanted.iqldata {
        let file = load(path)?;
        variables = variables.under(&Variables::read(path, &file.text)?);
    }
    let environment = Environment::process();
    let mut chosen = Variables::default();
    for name in &wanted.env {
        let value = environment.get(name).ok_or_else(|| {
            Error::new(Kind::Usage, format!("`{name}` is not set in the environment"))
                .with_hint(format!("set it, or give a value: `--var {name}=…` is `{{{{ {name} }}}}`"))
        })?;
        chosen.set(name, value);
    }
    for (name, value) in &wanted.var {
        variables.set(name, value.as_str());
    }
    if !chosen.is_empty() {
        if variables.get("env").is_some() {
            return Err(Error::new(Kind::Usage, "`env` is a variable, and what `--env` gives would have its name")
                .with_hint("give the variable another name, or leave `--env` out"));
        }
        variables.set_all("env", chosen);
    }
    Ok(variables)
}

pub fn load(path: &Path) -> Result<File> {
    let place = format!("`{}`", path.display());
    let bytes = std::fs::read(path).map_err(|e| unreadable(&place, e))?;
    let identity = path.canonicalize().map_err(|e| unreadable(&place, e))?;
    Ok(File { path: path.to_path_buf(), identity, text: text(bytes, &place)? })
}

/// The scripts that some paths stand for: of a folder every `.iql` file in and below it, in order.
///
/// # Errors
/// `Usage`: a path that is not there, or a folder without any.
pub fn scripts(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        below(path, &mut found).map_err(|e| unreadable(&format!("`{}`", path.display()), e))?;
        if found.len() == before {
            return Err(Error::new(Kind::Usage, format!("there is no `.iql` file in `{}`", path.display())));
        }
    }
    Ok(found)
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.is_symlink() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "iql") {
            found.push(path);
        }
    }
    Ok(())
}

async fn standard_input() -> Result<String> {
    let mut bytes = Vec::new();
    // Not the blocking read: Ctrl-C has to be heard meanwhile.
    tokio::io::stdin().read_to_end(&mut bytes).await.map_err(|e| unreadable("standard input", e))?;
    text(bytes, "standard input")
}

fn unreadable(place: &str, source: io::Error) -> Error {
    Error::new(Kind::Usage, format!("cannot read {place}: {}", reason(&source))).with_source(source)
}

/// Without the mark that some editors put before UTF-8.
fn text(bytes: Vec<u8>, place: &str) -> Result<String> {
    let text = String::from_utf8(bytes)
        .map_err(|e| Error::new(Kind::Usage, format!("{place} is not UTF-8 text")).with_source(e))?;
    Ok(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))
}
