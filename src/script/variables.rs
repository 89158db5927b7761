//! What templates can name: from the command line, files, the environment and the script's own block. Pure: whoever
//! reads the files and the environment hands their text over.

use std::path::Path;

use minijinja::Value;
use minijinja::value::ValueKind;
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use crate::error::{Error, Kind, Place, Result};

#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// By name, in the order in which they came.
    values: Vec<(String, Value)>,
    /// Whether anybody gave any, be it none at all in an empty file: it is what makes a script a template.
    is_given: bool,
}

impl Variables {
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A file without any.
    fn nothing() -> Self {
        Variables { values: Vec::new(), is_given: true }
    }

    pub fn is_given(&self) -> bool {
        self.is_given
    }

    /// One more, or another value for one that is there.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        self.is_given = true;
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.values.push((name, value)),
        }
    }

    /// One more, whose members are these.
    pub fn set_all(&mut self, name: &str, members: Variables) {
        self.set(name, members.values());
    }

    /// These, and the others over them.
    pub fn under(mut self, others: &Variables) -> Variables {
        others.values.iter().for_each(|(name, value)| self.set(name, value.clone()));
        self.is_given |= others.is_given;
        self
    }

    /// What a dotted name stands for.
    pub fn get(&self, name: &str) -> Option<Value> {
        let mut parts = name.split('.');
        let first = parts.next()?;
        let value = self.values.iter().find(|(known, _)| known == first)?.1.clone();
        parts.try_fold(value, |value, part| value.get_attr(part).ok().filter(|value| !value.is_undefined()))
    }

    /// The names that there are, or those within another.
    pub fn names(&self, within: Option<&str>) -> Vec<String> {
        let Some(parent) = within else { return self.values.iter().map(|(name, _)| name.clone()).collect() };
        let parent = self.get(parent).filter(|value| value.kind() == ValueKind::Map);
        let names =
            parent.and_then(|value| value.try_iter().ok().map(|keys| keys.map(|key| key.to_string()).collect()));
        names.unwrap_or_default()
    }

    pub(super) fn values(&self) -> Value {
        Value::from_pairs(self.values.iter().cloned())
    }

    /// The variables in a file: JSON, YAML, or `NAME=value` lines, by its ending, else by what it looks like.
    ///
    /// # Errors
    /// `Usage`, with the line: the text is none of them, or holds no names.
    pub fn read(path: &Path, text: &str) -> Result<Variables> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match ending.as_str() {
            _ if text.trim().is_empty() => Ok(Variables::nothing()),
            "json" => json(text, path, 0),
            "yaml" | "yml" => yaml(text, path),
            "env" => dotenv(text, path),
            "jsonnet" | "libsonnet" => json(text, path, 0)
                .map_err(|error| error.with_hint("Jsonnet is not evaluated: write it as JSON or YAML")),
            _ if name.starts_with(".env") => dotenv(text, path),
            _ if text.trim_start().starts_with('{') => json(text, path, 0),
            _ if lines(text).all(|(_, line)| assignment(line).is_some()) => dotenv(text, path),
            _ => yaml(text, path),
        }
    }
}

/// `before` is how many lines of the file stand before the text.
pub(super) fn json(text: &str, path: &Path, before: usize) -> Result<Variables> {
    let wrong = |line: usize, message: String| {
        Error::new(Kind::Usage, message).at(Place::File { path: path.to_path_buf(), line: before + line })
    };
    let value: Value = serde_json::from_str(text).map_err(|e| {
        let reason = e.to_string();
        let reason = reason.split(" at line ").next().unwrap_or(&reason);
        wrong(e.line().max(1), format!("the variables are not JSON: {reason} (column {})", e.column()))
    })?;
    of_value(&value).ok_or_else(|| wrong(1, "the variables are one object with their names".into()))
}

fn of_value(value: &Value) -> Option<Variables> {
    if value.kind() != ValueKind::Map {
        return None;
    }
    let members = value.try_iter().ok()?.map(|key| (key.to_string(), value.get_item(&key).unwrap_or_default()));
    Some(Variables { values: members.collect(), is_given: true })
}

fn yaml(text: &str, path: &Path) -> Result<Variables> {
    let wrong = |line: usize, message: String| {
        Error::new(Kind::Usage, message).at(Place::File { path: path.to_path_buf(), line })
    };
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|e| wrong(e.marker().line(), format!("the variables are not YAML: {}", e.info())))?;
    let Some(document) = documents.first() else { return Ok(Variables::nothing()) };
    if matches!(document.data, YamlData::Value(Scalar::Null)) {
        return Ok(Variables::nothing());
    }
    let letters: Vec<char> = text.chars().collect();
    let value = of_yaml(document, &letters).map_err(|line| wrong(line, "this is no value".into()))?;
    of_value(&value).ok_or_else(|| wrong(document.span.start.line(), "the variables are `name: value` lines".into()))
}

/// A value, of a text's letters; or the line of what is none. A number that would be shown in another way than it is
/// written stays a text: `012345678901` is an account, and `1.10` a version.
fn of_yaml(node: &MarkedYaml<'_>, letters: &[char]) -> Result<Value, usize> {
    let number = |value: Value| {
        let written = letters.get(node.span.start.index()..node.span.end.index()).unwrap_or_default();
        let written = written.iter().collect::<String>().trim().to_string();
        if value.to_string() == written { value } else { Value::from(written) }
    };
    Ok(match &node.data {
        YamlData::Value(Scalar::Null) => Value::from(()),
        YamlData::Value(Scalar::Boolean(value)) => Value::from(*value),
        YamlData::Value(Scalar::Integer(value)) => number(Value::from(*value)),
        YamlData::Value(Scalar::FloatingPoint(value)) => number(Value::from(value.into_inner())),
        YamlData::Value(Scalar::String(value)) => Value::from(value.as_ref()),
        YamlData::Sequence(items) => {
            Value::from(items.iter().map(|item| of_yaml(item, letters)).collect::<Result<Vec<_>, _>>()?)
        }
        YamlData::Mapping(entries) => {
            let entry = |(key, value): (&MarkedYaml<'_>, &MarkedYaml<'_>)| {
                let name = match &key.data {
                    YamlData::Value(Scalar::String(name)) => name.to_string(),
                    YamlData::Value(Scalar::Integer(name)) => name.to_string(),
                    YamlData::Value(Scalar::Boolean(name)) => name.to_string(),
                    _ => return Err(key.span.start.line()),
                };
                Ok((name, of_yaml(value, letters)?))
            };
            Value::from_pairs(entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?)
        }
        _ => return Err(node.span.start.line()),
    })
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then_some((name, value.trim()))
}

/// `NAME=value`: a value within `"…"` knows `\n`, `\"` and `\\`, one within `'…'` is as it stands, and one without quotes
/// ends before ` #`.
fn dotenv(text: &str, path: &Path) -> Result<Variables> {
    let mut variables = Variables::nothing();
    for (line, text) in lines(text) {
        let wrong = |message: &str| Error::new(Kind::Usage, message).at(Place::File { path: path.to_path_buf(), line });
        let (name, value) = assignment(text).ok_or_else(|| wrong("this line is not `NAME=value`"))?;
        let value = match value.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let (value, rest) =
                    quoted(&value[1..], quote).ok_or_else(|| wrong("this quote is not closed on its line"))?;
                if !(rest.is_empty() || rest.starts_with('#')) {
                    return Err(wrong("something follows the value's closing quote"));
                }
                value
            }
            _ => value.split(" #").next().unwrap_or_default().trim_end().to_string(),
        };
        variables.set(name, value);
    }
    Ok(variables)
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if letter == quote => return Some((value, text[at + 1..].trim())),
            '\\' if quote == '"' => match letters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other @ ('"' | '\\' | '$') => value.push(other),
                other => value.extend(['\\', other]),
            },
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(file: &str, text: &str) -> String {
        match Variables::read(Path::new(file), text) {
            Ok(variables) => serde_json::to_string(&variables.values()).expect("JSON"),
            Err(error) => error.to_string().replace('\n', ""),
        }
    }

    #[test]
    fn variables_of_a_file() {
        for (file, text, expected) in [
            ("v.json", r#"{"z": 1, "a": {"b": [true, null, 1.5]}}"#, r#"{"z":1,"a":{"b":[true,null,1.5]}}"#),
            ("v.yaml", "z: 1\na: {b: [true, null, 1.5, é]}\n", r#"{"z":1,"a":{"b":[true,null,1.5,"é"]}}"#),
            (
                "v.env",
                "# note\nexport A=b c # d\nB='it #'\nC=\"x\\n\\\"\" # e\nD=\n",
                r##"{"A":"b c","B":"it #","C":"x\n\"","D":""}"##,
            ),
            ("vars", "A=1\n", r#"{"A":"1"}"#),
            ("v.json", "", "{}"),
            (
                "v.yaml",
                "account: 012345678901\nversion: 1.10\nbig: 99999999999999999999\nn: -7\nf: 0.5\nx: [0x1F, 1e3, .5] # é\n",
                r#"{"account":"012345678901","version":"1.10","big":"99999999999999999999","n":-7,"f":0.5,"x":["0x1F","1e3",".5"]}"#,
            ),
            ("v.yaml", "# nothing yet\n", "{}"),
            ("v.yaml", "---\n", "{}"),
            ("vars", "a: 1\n", r#"{"a":1}"#),
            ("vars", "{\"a\": 1}", r#"{"a":1}"#),
            ("v.json", "{\n\"a\": }", "the variables are not JSON: expected value (column 6)  v.json:2"),
            ("v.json", "[1]", "the variables are one object with their names  v.json:1"),
            ("v.env", "A=1\nB", "this line is not `NAME=value`  v.env:2"),
            ("v.env", "A='1", "this quote is not closed on its line  v.env:1"),
        ] {
            assert_eq!(shown(file, text), expected, "{text}");
        }
    }
}
