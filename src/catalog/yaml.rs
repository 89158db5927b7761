//! YAML as written: a tree whose every part knows where it stands. Knows no provider documents.
//! Unlike saphyr's own trees it keeps a key that stands twice,
//! so that all repeated keys are complained of at once, beside every other mistake.

use std::collections::BTreeMap;

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScanError, Span, StrInput};
use serde_json::{Map, Number, Value as Json};

/// Where a key or a value starts. Complaints show the line; the column keeps those of one line apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// From 1.
    pub line: usize,
    column: usize,
}

/// What is wrong, in one sentence, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub at: Mark,
    pub message: String,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub at: Mark,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// A number with a fraction, as written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Table(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub struct Key {
    pub at: Mark,
    pub name: String,
}

impl Value {
    /// The same as JSON.
    pub fn json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Boolean(value) => Json::Bool(*value),
            Value::Integer(value) => Json::from(*value),
            Value::Number(value) => {
                value.parse().ok().and_then(Number::from_f64).map_or_else(|| Json::from(value.as_str()), Json::Number)
            }
            Value::Text(value) => Json::from(value.as_str()),
            Value::List(items) => items.iter().map(|item| item.value.json()).collect(),
            Value::Table(entries) => Json::Object(
                entries.iter().map(|(key, node)| (key.name.clone(), node.value.json())).collect::<Map<_, _>>(),
            ),
        }
    }
}

/// The one document of a YAML text.
///
/// # Errors
/// Where the text stops being YAML, or when it holds no document or several.
pub fn parse(text: &str) -> Result<Node, Mistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), copies: 100_000 };
    loop {
        match tree.event()? {
            (Event::StreamEnd, _) => return Err(mistake(START, "the document is empty")),
            (Event::DocumentStart(_), _) => break,
            _ => {}
        }
    }
    let (event, span) = tree.event()?;
    let node = tree.node(event, span, 0)?;
    loop {
        match tree.event()? {
            (Event::StreamEnd, _) => return Ok(node),
            (Event::DocumentStart(_), span) => {
                return Err(mistake(mark(span), "a file is one document, and a second starts here"));
            }
            _ => {}
        }
    }
}

struct Tree<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    /// How many nodes aliases may still copy: nested aliases grow without bounds otherwise.
    copies: usize,
}

impl<'a> Tree<'a> {
    fn event(&mut self) -> Result<(Event<'a>, Span), Mistake> {
        let end = (Event::StreamEnd, Span::default());
        self.parser.next_event().unwrap_or(Ok(end)).map_err(|error| not_yaml(&error))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Mistake> {
        let at = mark(span);
        if depth > 32 {
            return Err(mistake(at, "nested more than 32 deep"));
        }
        let (value, anchor) = match event {
            Event::Alias(id) => return self.copy(id, at),
            Event::Scalar(text, style, anchor, tag) => {
                let Some(scalar) = Scalar::parse_from_cow_and_metadata(text.clone(), style, tag.as_ref()) else {
                    return Err(mistake(at, "the value does not fit its tag"));
                };
                (scalar_value(scalar, &text), anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.event()? {
                        (Event::SequenceEnd, _) => break (Value::List(items), anchor),
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, _) => {
                let mut entries = Vec::new();
                loop {
                    let (event, span) = self.event()?;
                    let at = mark(span);
                    let name = match event {
                        Event::MappingEnd => break (Value::Table(entries), anchor),
                        Event::Scalar(text, ..) => text.into_owned(),
                        _ => return Err(mistake(at, "a key must be a word")),
                    };
                    let (event, span) = self.event()?;
                    entries.push((Key { at, name }, self.node(event, span, depth + 1)?));
                }
            }
            _ => return Err(mistake(at, "the document ends in the middle")),
        };
        let node = Node { at, value };
        // Anchors count from 1; 0 is none.
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn copy(&mut self, anchor: usize, at: Mark) -> Result<Node, Mistake> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(mistake(at, "the alias stands inside what it names"));
        };
        self.copies = self.copies.saturating_sub(node.size());
        match self.copies {
            0 => Err(mistake(at, "the aliases copy too much")),
            _ => Ok(node.clone()),
        }
    }
}

fn scalar_value(scalar: Scalar<'_>, written: &str) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Boolean(value),
        Scalar::Integer(value) => Value::Integer(value),
        Scalar::FloatingPoint(_) => Value::Number(written.into()),
        Scalar::String(value) => Value::Text(value.into_owned()),
    }
}

pub fn mistake(at: Mark, message: impl Into<String>) -> Mistake {
    Mistake { at, message: message.into() }
}

fn not_yaml(error: &ScanError) -> Mistake {
    let at = Mark { line: error.marker().line().max(1), column: error.marker().col() };
    mistake(at, format!("this is not YAML: {}", error.info()))
}

const START: Mark = Mark { line: 1, column: 0 };

fn mark(span: Span) -> Mark {
    // The end of an empty text has no line.
    Mark { line: span.start.line().max(1), column: span.start.col() }
}

impl Node {
    /// What stands at a key of a table, or at a text or by a number (from 0) in a list, and where that is.
    fn below(&self, step: &str) -> Option<(Mark, &Node)> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|(key, _)| key.name == step).map(|(key, node)| (key.at, node)),
            Value::List(items) => {
                let text = items.iter().find(|item| matches!(&item.value, Value::Text(text) if text == step));
                let item = text.or_else(|| items.get(step.parse::<usize>().ok()?))?;
                Some((item.at, item))
            }
            _ => None,
        }
    }

    /// The part that `path` leads to, or the nearest part on the way; and whether that is the whole way.
    fn nearest(&self, path: &[&str]) -> (Mark, &Node, bool) {
        let mut part = (self.at, self);
        for step in path {
            match part.1.below(step) {
                Some(below) => part = below,
                None => return (part.0, part.1, false),
            }
        }
        (part.0, part.1, true)
    }

    pub fn has(&self, path: &[&str]) -> bool {
        self.nearest(path).2
    }

    /// Where the part that `path` leads to starts, or the nearest part on the way.
    pub fn mark_of(&self, path: &[&str]) -> Mark {
        self.nearest(path).0
    }

    /// Where a mistake may be that makes the part unknown: in the part; if it is not there, at the keys
    /// beside its place, and at the part around it.
    pub fn marks_of(&self, path: &[&str]) -> Vec<Mark> {
        let (at, node, whole) = self.nearest(path);
        let mut marks = vec![at, node.at];
        match &node.value {
            _ if whole => node.add_marks(&mut marks),
            Value::Table(entries) => marks.extend(entries.iter().map(|(key, _)| key.at)),
            _ => {}
        }
        marks
    }

    fn add_marks(&self, marks: &mut Vec<Mark>) {
        marks.push(self.at);
        match &self.value {
            Value::List(items) => items.iter().for_each(|item| item.add_marks(marks)),
            Value::Table(entries) => {
                for (key, node) in entries {
                    marks.push(key.at);
                    node.add_marks(marks);
                }
            }
            _ => {}
        }
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Node::size).sum(),
            Value::Table(entries) => entries.iter().map(|(_, node)| node.size()).sum(),
            _ => 0,
        }
    }

    /// How a complaint shows what stands here.
    pub fn shown(&self) -> String {
        match &self.value {
            Value::Null => "empty".into(),
            Value::Boolean(value) => format!("`{value}`"),
            Value::Integer(value) => format!("`{value}`"),
            Value::Number(value) => format!("`{value}`"),
            Value::Text(value) => format!("`{value}`"),
            Value::List(_) => "a list".into(),
            Value::Table(_) => "a table".into(),
        }
    }
}
