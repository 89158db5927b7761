//! A table of a document that is read key by key, with a complaint for every key and value that does not fit.
//! Knows no provider documents: which keys there are is the reader's to say.

use super::yaml::{Key, Mark, Mistake, Node, Value, mistake};
use crate::error::nearest;

/// A table whose keys are known, while it is read. Every method complains of what it cannot use and goes on without it.
pub struct Table<'a> {
    /// How complaints call it: `field `source_arn``.
    what: String,
    pub at: Mark,
    entries: Vec<&'a (Key, Node)>,
    /// False when something else stood there, which was complained of: then nothing is missing from it.
    is_table: bool,
}

impl<'a> Table<'a> {
    /// Opens what stands at `node`, complaining of keys that are not among `keys`.
    pub fn open(node: &'a Node, at: Mark, what: &str, keys: &[&str], mistakes: &mut Vec<Mistake>) -> Self {
        let entries = entries(node, at, what, mistakes);
        for (key, _) in entries.iter().filter(|(key, _)| !keys.contains(&key.name.as_str())) {
            let known = match nearest(&key.name, keys.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("it may have {}", words(keys)),
            };
            mistakes.push(mistake(key.at, format!("unknown key `{}` in {what}: {known}", key.name)));
        }
        Table { what: what.into(), at, entries, is_table: matches!(node.value, Value::Table(_)) }
    }

    pub fn get(&self, key: &str) -> Option<&'a (Key, Node)> {
        self.entries.iter().find(|(name, _)| name.name == key).copied()
    }

    /// Complains when `key` is not there.
    pub fn need(&self, key: &str, mistakes: &mut Vec<Mistake>) {
        if self.is_table && self.get(key).is_none() {
            mistakes.push(mistake(self.at, format!("{} has no `{key}`", self.what)));
        }
    }

    /// A text that is not empty.
    pub fn text(&self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
        let (_, node) = self.get(key)?;
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            Value::Text(_) => {
                mistakes.push(mistake(node.at, format!("`{key}` of {} is empty", self.what)));
                None
            }
            Value::Boolean(_) | Value::Integer(_) | Value::Number(_) => {
                self.refuse(key, node, "a text: write it in quotes", mistakes)
            }
            _ => self.refuse(key, node, "a text", mistakes),
        }
    }

    /// A text that has to be there; when it is not, the empty text stands for it.
    pub fn needed_text(&self, key: &str, mistakes: &mut Vec<Mistake>) -> String {
        self.need(key, mistakes);
        self.text(key, mistakes).unwrap_or_default()
    }

    /// `true` or `false`; absent is `false`.
    pub fn flag(&self, key: &str, mistakes: &mut Vec<Mistake>) -> bool {
        match self.get(key).map(|(_, node)| (node, &node.value)) {
            None => false,
            Some((_, Value::Boolean(value))) => *value,
            Some((node, _)) => self.refuse(key, node, "`true` or `false`", mistakes).unwrap_or_default(),
        }
    }

    pub fn count(&self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<usize> {
        let (_, node) = self.get(key)?;
        match &node.value {
            Value::Integer(value) if *value >= 0 => usize::try_from(*value).ok(),
            _ => self.refuse(key, node, "a whole number from 0", mistakes),
        }
    }

    /// A list of texts, none empty and none twice; a single text is a list of one.
    pub fn texts(&self, key: &str, mistakes: &mut Vec<Mistake>) -> Vec<String> {
        let Some((_, node)) = self.get(key) else { return Vec::new() };
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) if texts.contains(text) => {
                    mistakes.push(mistake(item.at, format!("`{text}` stands twice in `{key}` of {}", self.what)));
                }
                Value::Text(text) if !text.trim().is_empty() => texts.push(text.clone()),
                _ => {
                    self.refuse::<()>(key, item, "a list of texts", mistakes);
                }
            }
        }
        texts
    }

    /// What one of `words` stands for.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], mistakes: &mut Vec<Mistake>) -> Option<T> {
        let (_, node) = self.get(key)?;
        let written = match &node.value {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let found = words.iter().find(|(word, _)| *word == written).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let known = match nearest(written, names.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("it is one of {}", self::words(&names)),
            };
            let message = format!("`{key}` of {} cannot be {}: {known}", self.what, node.shown());
            mistakes.push(mistake(node.at, message));
        }
        found
    }

    fn refuse<T>(&self, key: &str, node: &Node, wanted: &str, mistakes: &mut Vec<Mistake>) -> Option<T> {
        let message = format!("`{key}` of {} is {}, and must be {wanted}", self.what, node.shown());
        mistakes.push(mistake(node.at, message));
        None
    }
}

/// The entries of a table whose keys are free, without those whose key was there before.
pub fn entries<'a>(node: &'a Node, at: Mark, what: &str, mistakes: &mut Vec<Mistake>) -> Vec<&'a (Key, Node)> {
    let Value::Table(written) = &node.value else {
        mistakes.push(mistake(at, format!("{what} is {}, and must be a table of `key: value`", node.shown())));
        return Vec::new();
    };
    let mut entries: Vec<&(Key, Node)> = Vec::new();
    for entry in written {
        let key = &entry.0;
        match entries.iter().find(|(earlier, _)| earlier.name == key.name) {
            Some((earlier, _)) => mistakes.push(mistake(
                key.at,
                format!("`{}` stands twice in {what}, first on line {}", key.name, earlier.at.line),
            )),
            None => entries.push(entry),
        }
    }
    entries
}

/// "`a`, `b` and `c`"
fn words(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
