//! The text of `@@json` → its object. No member may come twice: the one that counts would be a guess.

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use sqlparser::ast::{Expr, Spanned};

use super::super::parse::Reader;
use super::super::statement::Part;
use crate::error::{Kind, Result};

pub(super) fn object(value: Expr, name: &Part, reader: Reader<'_>) -> Result<Map<String, Value>> {
    let span = value.span();
    let wrong = |message: String| reader.wrong(Kind::Statement, message, span);
    let text = match value {
        Expr::Value(literal) => literal.into_string(),
        _ => None,
    };
    let name = &name.text;
    let Some(text) = text else {
        return Err(wrong(format!("`@@{name}` is a text in single quotes: `@@{name} = '{{…}}'`")));
    };
    let mut read = serde_json::Deserializer::from_str(&text);
    let object = read.deserialize_map(Object).and_then(|object| read.end().map(|()| object));
    object.map_err(|error| match serde_json::from_str(&text) {
        Ok(Value::Object(_)) => wrong(format!("`@@{name}`: {error}")),
        Ok(Value::Array(_)) => wrong(format!("`@@{name}` holds a list, not an object")),
        Ok(_) => wrong(format!("`@@{name}` holds one value, not an object")),
        Err(error) => wrong(format!("`@@{name}` is not JSON: {error}")),
    })
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("`{key}` is given twice")));
            }
            object.insert(key, members.next_value()?);
        }
        Ok(object)
    }
}
