//! A text in the user's own editor.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Kind, Result, reason};
use crate::settings::Person;

/// The text as it was left in the editor, or none where it was left as it is. With a path the file there is edited.
///
/// # Errors
/// `Io`: the editor cannot be run, or the file not be read.
pub fn edited(person: &Person, text: &str, path: Option<&Path>) -> Result<Option<String>> {
    let failed = |what: &str, error: std::io::Error| {
        Error::new(Kind::Io, format!("{what}: {}", reason(&error))).with_source(error)
    };
    let editor = person.editor.as_deref().unwrap_or("vi");
    // Readable by nobody else.
    let mut file = tempfile::Builder::new()
        .prefix("iql-")
        .suffix(".sql")
        .tempfile()
        .map_err(|e| failed("a file to edit cannot be made", e))?;
    file.write_all(format!("{}\n", text.trim_end()).as_bytes())
        .and_then(|()| file.flush())
        .map_err(|e| failed("a file to edit cannot be written", e))?;
    let target = path.unwrap_or(file.path());
    // A file of the user's own is there or not.
    let before = path.map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let status = tokio::task::block_in_place(|| {
        Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(target).status()
    });
    let status = status.map_err(|e| failed(&format!("the editor `{editor}` cannot be run"), e))?;
    if !status.success() {
        return Err(Error::new(Kind::Io, format!("the editor `{editor}` failed, and what it left was not taken"))
            .with_hint("`VISUAL` or `EDITOR` in the environment names another"));
    }
    let mut edited = String::new();
    std::fs::File::open(target)
        .and_then(|mut file| file.read_to_string(&mut edited))
        .map_err(|e| failed(&format!("cannot read `{}`", target.display()), e))?;
    let edited = edited.trim();
    let is_new = edited != before.as_deref().unwrap_or(text).trim();
    Ok((is_new && !edited.is_empty()).then(|| edited.to_string()))
}
