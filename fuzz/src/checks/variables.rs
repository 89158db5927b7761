//! Files of variables: JSON, YAML and lines, whatever their name says they are.

use std::path::Path;

use super::fine;
use iql_rooms::script::Variables;

pub fn variables(text: &str) {
    let (name, text) = text.split_once('\n').unwrap_or(("", text));
    let name = ["a.json", "a.yaml", ".env", "a.jsonnet"].into_iter().find(|known| *known == name).unwrap_or("a");
    match Variables::read(Path::new(name), text) {
        Err(error) => fine(&error, text),
        Ok(variables) => {
            for name in variables.names(None) {
                let value = variables.get(&name);
                // A dotted name is the way to a member.
                assert!(value.is_some() || name.contains('.'), "`{name}` is named and not there");
                variables.names(Some(&name));
            }
        }
    }
}
