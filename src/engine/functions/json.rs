//! JSON as a value: read from text or from a cell of Arrow, written as text. Pure. Numbers keep their digits and
//! objects the order and the repetition of their members, as SQLite's functions do; knows no SQL.

use std::fmt;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// The digits as they stood in the text.
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Where a text stops being JSON: a position in letters, from 1, and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    pub position: usize,
    pub problem: &'static str,
}

/// Deeper text is refused: reading recurs.
const MOST_LEVELS: usize = 200;

/// JSON has no word for it: SQLite writes a number that no float holds.
const INFINITE: &str = "9e999";

impl Json {
    /// # Errors
    /// Where the text is not JSON.
    pub fn read(text: &str) -> Result<Json, Malformed> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at < text.len() { Err(reader.wrong("more text behind the value")) } else { Ok(value) }
    }

    /// A cell as JSON: text is a string, nested values are objects and lists, NULL is null, and so is what is no number.
    ///
    /// # Errors
    /// A value that Arrow cannot show.
    pub fn of_cell(array: &dyn Array, row: usize) -> Result<Json, ArrowError> {
        if array.is_null(row) {
            return Ok(Json::Null);
        }
        Ok(match array.data_type() {
            DataType::Null => Json::Null,
            DataType::Boolean => Json::Bool(array.as_boolean().value(row)),
            DataType::Utf8 => Json::String(array.as_string::<i32>().value(row).to_string()),
            DataType::LargeUtf8 => Json::String(array.as_string::<i64>().value(row).to_string()),
            DataType::Utf8View => Json::String(array.as_string_view().value(row).to_string()),
            DataType::List(_) => Json::of_list(&array.as_list::<i32>().value(row))?,
            DataType::LargeList(_) => Json::of_list(&array.as_list::<i64>().value(row))?,
            DataType::FixedSizeList(..) => Json::of_list(&array.as_fixed_size_list().value(row))?,
            DataType::Struct(_) => {
                let fields = array.as_struct();
                let members = fields.column_names().into_iter().map(String::from).zip(fields.columns());
                let members = members.map(|(name, column)| Ok((name, Json::of_cell(column, row)?)));
                Json::Object(members.collect::<Result<_, ArrowError>>()?)
            }
            DataType::Map(..) => {
                let pairs = array.as_map().value(row);
                let member = |at| Ok((text(pairs.column(0), at)?, Json::of_cell(pairs.column(1), at)?));
                Json::Object((0..pairs.len()).map(member).collect::<Result<_, ArrowError>>()?)
            }
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                let key = dictionary.normalized_keys()[row];
                Json::of_cell(dictionary.values(), key)?
            }
            kind if kind.is_floating() => match text(array, row)?.as_str() {
                "NaN" => Json::Null,
                "inf" => Json::Number(INFINITE.into()),
                "-inf" => Json::Number(format!("-{INFINITE}")),
                digits => Json::Number(digits.into()),
            },
            kind if kind.is_numeric() => Json::Number(text(array, row)?),
            _ => Json::String(text(array, row)?),
        })
    }

    fn of_list(items: &dyn Array) -> Result<Json, ArrowError> {
        (0..items.len()).map(|at| Json::of_cell(items, at)).collect::<Result<_, _>>().map(Json::Array)
    }

    /// SQLite's word for the value's type.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(true) => "true",
            Json::Bool(false) => "false",
            Json::Number(digits) if digits.contains(['.', 'e', 'E']) => "real",
            Json::Number(_) => "integer",
            Json::String(_) => "text",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }
    }

    /// The value as SQL has it: a string without its quotes, truth as 1 and 0, lists and objects as JSON, null as
    /// nothing.
    pub fn into_sql(self) -> Option<String> {
        match self {
            Json::Null => None,
            Json::Bool(truth) => Some(if truth { "1" } else { "0" }.to_string()),
            Json::Number(digits) => Some(plain(digits)),
            Json::String(text) => Some(text),
            nested => Some(nested.to_string()),
        }
    }

    /// Equal but for the order of members, and for how a number is written.
    pub fn is_like(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Number(one), Json::Number(other)) => {
                one == other
                    || matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(a), Ok(b)) if a == b && !exact(one, other))
            }
            (Json::Array(one), Json::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is_like(other))
            }
            (Json::Object(one), Json::Object(other)) => {
                let find = |name: &String| other.iter().find(|(known, _)| known == name);
                one.len() == other.len()
                    && one.iter().all(|(name, value)| find(name).is_some_and(|(_, found)| value.is_like(found)))
            }
            (one, other) => one == other,
        }
    }
}

/// Two whole numbers are compared by their digits: as floats, large ones would be the same.
fn exact(one: &str, other: &str) -> bool {
    one.parse::<i128>().is_ok() && other.parse::<i128>().is_ok()
}

/// A number as SQLite shows it: whole ones that fit 64 bits as they are, others as a float, `Inf` if none holds it.
fn plain(digits: String) -> String {
    if digits.parse::<i64>().is_ok() {
        return digits;
    }
    match digits.parse::<f64>() {
        Ok(number) if number.is_infinite() => if number > 0.0 { "Inf" } else { "-Inf" }.to_string(),
        Ok(number) => format!("{number:?}"),
        Err(_) => digits,
    }
}

fn text(array: &dyn Array, row: usize) -> Result<String, ArrowError> {
    let options = FormatOptions::new()
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.3fZ"))
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.3f"))
        .with_display_error(false);
    ArrayFormatter::try_new(array, &options)?.value(row).try_to_string()
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(truth) => write!(f, "{truth}"),
            Json::Number(digits) => f.write_str(digits),
            Json::String(text) => quoted(f, text),
            Json::Array(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Json::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    quoted(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for letter in text.chars() {
        match letter {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
            other => fmt::Write::write_char(f, other)?,
        }
    }
    f.write_str("\"")
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, problem: &'static str) -> Malformed {
        Malformed { position: self.text[..self.at].chars().count() + 1, problem }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.byte() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, Malformed> {
        self.space();
        match self.byte() {
            Some(b'{' | b'[') if depth == MOST_LEVELS => Err(self.wrong("too many levels")),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)];
                let rest = &self.text[self.at..];
                let found = words.into_iter().find(|(word, _)| rest.starts_with(word));
                let (word, value) = found.ok_or_else(|| self.wrong("no value"))?;
                self.at += word.len();
                Ok(value)
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, Malformed> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            if !self.take(b',') {
                return Err(self.wrong("no `,` and no `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, Malformed> {
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.byte() != Some(b'"') {
                return Err(self.wrong("no name in double quotes"));
            }
            let name = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.wrong("no `:`"));
            }
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return Err(self.wrong("no `,` and no `}`"));
            }
        }
    }

    fn number(&mut self) -> Result<Json, Malformed> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Json::Number(self.text[start..self.at].to_string()))
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("no digit")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, Malformed> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find(|letter| letter == '"' || letter == '\\' || letter < ' ');
            let end = end.ok_or_else(|| self.wrong("a string that is not closed"))?;
            text.push_str(&rest[..end]);
            self.at += end;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.wrong("a control character in a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Malformed> {
        self.at += 1;
        let letter = match self.byte() {
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("an unknown escape")),
        };
        self.at += 1;
        Ok(letter)
    }

    /// `\uXXXX`, or two of them for one letter; half a pair is the replacement character.
    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.four()?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 1;
            let second = self.four()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The four digits behind the `u` at which the reader is.
    fn four(&mut self) -> Result<u32, Malformed> {
        let digits =
            self.text.get(self.at + 1..self.at + 5).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.wrong("an unknown escape"))?;
        self.at += 5;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, Malformed};

    fn check(text: &str, expected: &str) {
        match Json::read(text) {
            Ok(json) => assert_eq!(json.to_string(), expected),
            Err(Malformed { position, problem }) => assert_eq!(format!("{position}: {problem}"), expected, "{text}"),
        }
    }

    #[test]
    fn what_is_read_is_written() {
        check(r#" { "b" : [ 1.50 , -0, 1e3 ], "a": null, "a" : true } "#, r#"{"b":[1.50,-0,1e3],"a":null,"a":true}"#);
        check(r#""é\u00e9\n\/\ud83d\ude00\ud83dx""#, "\"éé\\n/😀\u{fffd}x\"");
        check("[]", "[]");
        check("{}", "{}");
        check(r#""\u0001""#, r#""\u0001""#);
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        check("", "1: no value");
        check("é", "1: no value");
        check("{'a': 1}", "2: no name in double quotes");
        check("[1,]", "4: no value");
        check("[1 2]", "4: no `,` and no `]`");
        check("01", "2: more text behind the value");
        check("1.", "3: no digit");
        check("\"a", "2: a string that is not closed");
        check("\"\\x\"", "3: an unknown escape");
        check(&"[".repeat(1000), "201: too many levels");
    }
}
