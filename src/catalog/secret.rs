//! Where secrets stand in a value, by the marks of its field; what is shown in their place; and the markers that name a
//! secret instead of holding it: `{"$secret": "NAME"}`. Pure: knows where a secret belongs, and never what it is.

use serde_json::{Value, json};

use super::model::Field;

/// What is shown where a secret stands.
pub const HIDDEN: &str = "…";
/// The SQL function that gives a marker.
pub const FUNCTION: &str = "secret";
/// The member of a marker.
pub const KEY: &str = "$secret";

/// What a document says of the secrets in the values of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The whole value is one.
    whole: bool,
    /// Where in a JSON value they stand, as JSON pointers.
    pointers: Vec<String>,
    /// What the service itself shows in their place.
    redacted: Vec<String>,
}

impl Marks {
    pub fn of(field: &Field) -> Marks {
        Marks {
            whole: field.access == super::model::Access::Secret,
            pointers: field.secrets.clone(),
            redacted: field.redacted.clone(),
        }
    }

    /// The value is a secret as it is.
    pub fn whole() -> Marks {
        Marks { whole: true, ..Marks::default() }
    }

    pub fn is_empty(&self) -> bool {
        !self.whole && self.pointers.is_empty()
    }

    /// Whether the value is a secret as a whole.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Both: fields of several resources may have one wire name. What only one of them says is redacted may be a secret.
    pub fn and(mut self, other: Marks) -> Marks {
        if self.is_empty() || other.is_empty() {
            return if self.is_empty() { other } else { self };
        }
        self.whole |= other.whole;
        self.redacted.retain(|text| other.redacted.contains(text));
        let new = other.pointers.into_iter().filter(|pointer| !self.pointers.contains(pointer));
        let new: Vec<String> = new.collect();
        self.pointers.extend(new);
        self
    }

    /// The value as it may be shown. A marker is, and so is what the service shows instead of a secret.
    pub fn hidden(&self, value: &Value) -> Value {
        self.hidden_at("", value)
    }

    /// The same for what stands at a JSON pointer in the value.
    pub fn hidden_at(&self, pointer: &str, value: &Value) -> Value {
        let mut value = value.clone();
        self.each(pointer, &mut value, &mut |secret| {
            *secret = match marker(secret) {
                Some(Ok(name)) => json!({ KEY: name }),
                _ => HIDDEN.into(),
            };
        });
        value
    }

    /// The secrets that stand in the value as they are.
    pub fn values(&self, value: &Value) -> Vec<String> {
        self.values_at("", value)
    }

    /// The same for what stands at a JSON pointer in the value.
    pub fn values_at(&self, pointer: &str, value: &Value) -> Vec<String> {
        let (mut value, mut found) = (value.clone(), Vec::new());
        self.each(pointer, &mut value, &mut |secret| {
            if marker(secret).is_none() {
                leaves(secret, &mut found);
            }
        });
        found.retain(|text| text != HIDDEN);
        found
    }

    /// What is wrong with the markers in a value that is called `name`: one that is ill-written, or stands where no
    /// secret belongs.
    pub fn complaints(&self, name: &str, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.judge("", value, &mut |pointer, marker| {
            let place = format!("`{name}{}`", pointer.replace('/', ".").replace("~1", "/").replace("~0", "~"));
            match marker {
                Err(why) => found.push(format!("{place} is no secret by its name: {why}")),
                Ok(_) if self.is_marked(pointer) => {}
                Ok(secret) => found.push(format!("{place} is no place for the secret `{secret}`: it would be shown")),
            }
        });
        found
    }

    /// The names of the secrets that a value asks for.
    pub fn names(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.judge("", value, &mut |_, marker| found.extend(marker));
        found
    }

    /// Puts what `secret` gives in the place of each marker.
    ///
    /// # Errors
    /// Those of `secret`.
    pub fn resolve<E>(&self, value: &mut Value, mut secret: impl FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        let mut failed = None;
        self.each("", value, &mut |place| {
            if let Some(Ok(name)) = marker(place) {
                match secret(&name) {
                    Ok(text) => *place = text.into(),
                    Err(error) => failed = Some(error),
                }
            }
        });
        failed.map_or(Ok(()), Err)
    }

    /// Whether a value has `…` in the place of a secret: it was read, and is known to nobody here.
    pub fn has_hidden(&self, value: &Value) -> bool {
        let (mut value, mut found) = (value.clone(), false);
        self.each("", &mut value, &mut |secret| found |= *secret == HIDDEN);
        found
    }

    fn is_marked(&self, pointer: &str) -> bool {
        (self.whole && pointer.is_empty()) || self.pointers.iter().any(|marked| marked == pointer)
    }

    /// Visits every secret. With caution: a member that is called like a marked one is taken for one wherever it stands,
    /// and so is a text that stands where an object with secrets belongs.
    fn each(&self, pointer: &str, value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
        if self.is_empty() || value.is_null() {
            return;
        }
        let is_within =
            |marked: &String| pointer.strip_prefix(marked.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let last = |pointer: &str| plain(pointer.rsplit('/').next().unwrap_or_default());
        let is_called = |marked: &String| !pointer.is_empty() && last(marked) == last(pointer);
        let holds = |marked: &String| marked.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'));
        let is_text = value.is_string() && marker(value).is_none();
        let is_secret = self.whole
            || self.is_marked(pointer)
            || self.pointers.iter().any(|marked| is_within(marked) || is_called(marked))
            || (is_text && self.pointers.iter().any(holds));
        if is_secret {
            let is_redacted = value.as_str().is_some_and(|text| self.redacted.iter().any(|known| known == text));
            if !is_redacted {
                visit(value);
            }
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.each(&format!("{pointer}/{}", escaped(name)), member, visit);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.each(&format!("{pointer}/{at}"), item, visit);
                }
            }
            _ => {}
        }
    }

    /// Visits every marker, wherever it stands.
    fn judge(&self, pointer: &str, value: &Value, visit: &mut dyn FnMut(&str, Result<String, String>)) {
        if let Some(found) = marker(value) {
            return visit(pointer, found);
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.judge(&format!("{pointer}/{}", escaped(name)), member, visit);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.judge(&format!("{pointer}/{at}"), item, visit);
                }
            }
            _ => {}
        }
    }
}

/// The name of the secret that a value asks for, as an object or as its JSON text. None: it is no marker.
///
/// # Errors
/// What is wrong with one that is ill-written.
pub fn marker(value: &Value) -> Option<Result<String, String>> {
    let members = match value {
        Value::Object(members) => members,
        Value::String(text) if text.contains(KEY) => {
            return marker(&serde_json::from_str(text).ok().filter(Value::is_object)?);
        }
        _ => return None,
    };
    let name = members.get(KEY)?;
    let written = format!("it is written `{{\"{KEY}\": \"NAME\"}}`");
    Some(match name.as_str() {
        _ if members.len() > 1 => Err(format!("nothing stands beside `{KEY}`; {written}")),
        None => Err(written),
        Some(name) if is_name(name) => Ok(name.to_string()),
        Some(_) => Err("a name has letters, digits, `_`, `-` and `.`, and begins with a letter or `_`".into()),
    })
}

/// The text of a marker.
pub fn text(name: &str) -> String {
    json!({ KEY: name }).to_string()
}

/// Whether a secret may be called so: by a variable of the environment and by a file.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter))
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
