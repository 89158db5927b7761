//! One call of a document: its request, and what its answer is read by. What a name in a template means is settled here:
//! a param of the document, or else a field's wire name.

use super::{named, parsed, place, rows, statuses, templates};
use crate::catalog::table::{Table, entries};
use crate::catalog::yaml::{Key, Mistake, Node, Value, mistake};
use crate::drivers::rest::place::Place;
use crate::drivers::rest::template::Template;
use crate::drivers::rest::wiring::{
    Answer, Body, By, Call, Fields, From, Given, Into, Paging, Source, Statuses, Wiring,
};
use crate::error::did_you_mean;

const METHODS: &[(&str, &str)] =
    &[("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];
const CALL: &[&str] = &[
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "does",
    "query",
    "headers",
    "body",
    "fixed",
    "key",
    "required",
    "most",
    "rows",
    "text",
    "where",
    "fields",
    "page",
    "statuses",
    "writes",
    "repeatable",
    "permissions",
];
const PAGE: &[&str] =
    &["by", "at", "at_header", "query", "body", "header", "first", "size", "least", "most", "short_is_last"];

#[derive(Debug, Clone, Copy)]
enum Word {
    Token,
    Link,
    Number,
    Offset,
}

const BY: &[(&str, Word)] =
    &[("token", Word::Token), ("link", Word::Link), ("number", Word::Number), ("offset", Word::Offset)];

/// One call, as far as it is sound.
pub fn call((key, node): &(Key, Node), wiring: &Wiring, usual: &Statuses, mistakes: &mut Vec<Mistake>) -> Call {
    let what = format!("call `{}`", key.name);
    let table = Table::open(node, key.at, &what, CALL, mistakes);
    let (word, method) = one_method(&table, &what, mistakes);
    let path = parsed(&table, word, path, mistakes).unwrap_or_default();
    let reads = method == "GET";
    let writes = table.get("writes").map_or(!reads, |_| table.flag("writes", mistakes));
    let answer = match table.text("text", mistakes) {
        Some(wire) => {
            for key in ["rows", "page", "where"] {
                if let Some((own, _)) = table.get(key) {
                    mistakes.push(mistake(own.at, format!("{what} answers with a text, and has no `{key}`")));
                }
            }
            Answer::Text(wire)
        }
        None => Answer::Rows(rows(&table, "rows", mistakes).unwrap_or_default()),
    };
    let mut call = Call {
        name: key.name.clone(),
        method,
        path,
        does: table.text("does", mistakes),
        query: templates(&table, "query", &what, mistakes),
        headers: templates(&table, "headers", &what, mistakes),
        inputs: Vec::new(),
        params: Vec::new(),
        body: body(&table, &what, mistakes),
        fields: fields(&table, &what, &answer, mistakes),
        only: only(&table, &what, mistakes),
        paging: paging(&table, mistakes),
        statuses: statuses(&table, usual.clone(), mistakes),
        answer,
        writes,
        repeatable: table.get("repeatable").map_or(reads, |_| table.flag("repeatable", mistakes)),
        permissions: table.texts("permissions", mistakes),
    };
    if reads && call.body.is_some() {
        let at = table.get("body").or(table.get("fixed")).map_or(key.at, |(key, _)| key.at);
        mistakes.push(mistake(at, format!("{what} is a GET, which has no body")));
    }
    takes(&mut call, wiring);
    details(&mut call, &table, &what, mistakes);
    given(&call, wiring, &table, &what, mistakes);
    call
}

fn path(text: &str) -> Result<Template, String> {
    match text {
        text if !text.starts_with('/') => Err("must begin with `/`".into()),
        text if text.contains(['?', '#', ' ']) => Err("is more than a path: `query` has what follows the `?`".into()),
        text => Template::parse(text),
    }
}

fn one_method(table: &Table<'_>, what: &str, mistakes: &mut Vec<Mistake>) -> (&'static str, &'static str) {
    let mut found = METHODS.iter().filter(|(word, _)| table.get(word).is_some());
    let method = found.next();
    let message = match (method, found.next()) {
        (Some(method), None) => return *method,
        (None, _) => format!("{what} has no `get`, `post`, `put`, `patch` or `delete`"),
        (Some((one, _)), Some((other, _))) => format!("{what} has both `{one}` and `{other}`"),
    };
    mistakes.push(mistake(table.at, message));
    *method.unwrap_or(&METHODS[0])
}

fn body(table: &Table<'_>, what: &str, mistakes: &mut Vec<Mistake>) -> Option<Body> {
    let fixed = named(table, "fixed", what, mistakes);
    let fixed: serde_json::Map<_, _> = fixed.iter().map(|(key, node)| (key.name.clone(), node.value.json())).collect();
    let Some((key, node)) = table.get("body") else {
        return (!fixed.is_empty()).then(|| Body { fixed, fields: Fields::Placed(Vec::new()) });
    };
    let mut placed = Vec::new();
    let mut add = |place: &str, wire: &str, at, mistakes: &mut Vec<Mistake>| {
        let place = super::fits(Place::parse(place), at, "body", place, mistakes);
        placed.extend(place.map(|place| (place, wire.to_string())));
    };
    match &node.value {
        Value::Text(wire) => return Some(Body { fixed, fields: Fields::Whole(wire.clone()) }),
        Value::List(_) => {
            for wire in table.texts("body", mistakes) {
                add(&wire, &wire, node.at, mistakes);
            }
        }
        _ => {
            for (place, wire) in entries(node, key.at, &format!("`body` of {what}"), mistakes) {
                match &wire.value {
                    Value::Text(wire) => add(&place.name, wire, place.at, mistakes),
                    _ => mistakes.push(mistake(
                        wire.at,
                        format!("`{}` of `body` is {}, and must be a field's wire name", place.name, wire.shown()),
                    )),
                }
            }
        }
    }
    Some(Body { fixed, fields: Fields::Placed(placed) })
}

/// The fields of a row: a list of wire names, which are their places, or a table from wire names to places. A place
/// `{id}` is what the request was given.
fn fields(table: &Table<'_>, what: &str, answer: &Answer, mistakes: &mut Vec<Mistake>) -> Vec<(String, Source)> {
    let (most, mut found) = match answer {
        Answer::Text(wire) => (None, vec![(wire.clone(), Source::Answer(Place::default()))]),
        Answer::Rows(rows) => (Some(rows.depth()), Vec::new()),
    };
    let Some((key, node)) = table.get("fields") else { return found };
    let mut add = |wire: &str, text: &str, at, mistakes: &mut Vec<Mistake>| {
        if let Some(name) = Template::parse(text).ok().as_ref().and_then(Template::only_name) {
            return found.push((wire.to_string(), Source::Request(name.to_string())));
        }
        let Some(place) = super::fits(Place::parse(text), at, wire, text, mistakes) else { return };
        match most {
            None => mistakes.push(mistake(at, format!("`{wire}` is `{text}`, and {what} answers with a text"))),
            Some(most) if place.up() > most => mistakes
                .push(mistake(at, format!("`{wire}` is `{text}`, and leaves more lists than `rows` goes through"))),
            Some(_) => {}
        }
        found.push((wire.to_string(), Source::Answer(place)));
    };
    match &node.value {
        Value::List(_) => {
            for wire in table.texts("fields", mistakes) {
                add(&wire, &wire, node.at, mistakes);
            }
        }
        _ => {
            for (wire, place) in entries(node, key.at, &format!("`fields` of {what}"), mistakes) {
                match &place.value {
                    Value::Text(text) => add(&wire.name, text, place.at, mistakes),
                    _ => mistakes.push(mistake(
                        place.at,
                        format!("`{}` of `fields` is {}, and must be a place", wire.name, place.shown()),
                    )),
                }
            }
        }
    }
    found
}

fn only(table: &Table<'_>, what: &str, mistakes: &mut Vec<Mistake>) -> Vec<(Place, Vec<serde_json::Value>)> {
    let mut found = Vec::new();
    for (key, node) in named(table, "where", what, mistakes) {
        let values = match node.value.json() {
            serde_json::Value::Array(values) => values,
            value => vec![value],
        };
        let place = super::fits(Place::parse(&key.name), key.at, "where", &key.name, mistakes);
        found.extend(place.map(|place| (place, values)));
    }
    found
}

fn paging(table: &Table<'_>, mistakes: &mut Vec<Mistake>) -> Option<Paging> {
    let (key, node) = table.get("page")?;
    let own = Table::open(node, key.at, "`page`", PAGE, mistakes);
    own.need("by", mistakes);
    let by = match own.word("by", BY, mistakes)? {
        Word::Token => {
            let from = match (place(&own, "at", mistakes), own.text("at_header", mistakes)) {
                (Some(place), None) => Some(From::Answer(place)),
                (None, Some(header)) => Some(From::Header(header)),
                _ => None,
            };
            let into = match (own.text("query", mistakes), place(&own, "body", mistakes), own.text("header", mistakes))
            {
                (Some(query), None, None) => Some(Into::Query(query)),
                (None, Some(place), None) => Some(Into::Body(place)),
                (None, None, Some(header)) => Some(Into::Header(header)),
                _ => None,
            };
            let (Some(from), Some(into)) = (from, into) else {
                let message =
                    "a token is found by one of `at` and `at_header`, and sent by one of `query`, `body` and `header`";
                mistakes.push(mistake(key.at, message));
                return None;
            };
            By::Token { from, into }
        }
        Word::Link => By::Link,
        Word::Number => {
            By::Number { query: own.needed_text("query", mistakes), first: own.count("first", mistakes).unwrap_or(1) }
        }
        Word::Offset => By::Offset { query: own.needed_text("query", mistakes) },
    };
    let size = own.text("size", mistakes).map(|query| {
        own.need("most", mistakes);
        let least = own.count("least", mistakes).unwrap_or(1).max(1);
        (query, least, own.count("most", mistakes).unwrap_or(least).max(least))
    });
    let short_is_last = own.flag("short_is_last", mistakes);
    if let Some((key, _)) = own.get("short_is_last").filter(|_| !matches!(by, By::Number { .. } | By::Offset { .. })) {
        mistakes.push(mistake(key.at, "`short_is_last` is for pages by `number` and `offset`"));
    } else if short_is_last && size.is_none() {
        own.need("size", mistakes);
    }
    Some(Paging { by, size, short_is_last })
}

/// What the call is given: params, and inputs for every other name.
fn takes(call: &mut Call, wiring: &Wiring) {
    let mut inputs: Vec<Given> = Vec::new();
    let mut params: Vec<(String, bool)> = Vec::new();
    let mut add = |name: &str, required: bool| {
        if wiring.params.contains(name) {
            match params.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known |= required,
                None => params.push((name.into(), required)),
            }
        } else {
            match inputs.iter_mut().find(|known| known.wire == name) {
                Some(known) => known.required |= required,
                None => inputs.push(Given { wire: name.into(), most: 1, required, key: false }),
            }
        }
    };
    wiring.base.names().chain(call.path.names()).for_each(|name| add(name, true));
    let loose = call.query.iter().chain(&call.headers).chain(&wiring.headers);
    loose.flat_map(|(_, template)| template.names()).for_each(|name| add(name, false));
    match call.body.as_ref().map(|body| &body.fields) {
        Some(Fields::Placed(placed)) => placed.iter().for_each(|(_, wire)| add(wire, false)),
        Some(Fields::Whole(wire)) => add(wire, true),
        None => {}
    }
    (call.inputs, call.params) = (inputs, params);
}

/// What `key`, `required` and `most` say of the inputs.
fn details(call: &mut Call, table: &Table<'_>, what: &str, mistakes: &mut Vec<Mistake>) {
    let names: Vec<String> = call.inputs.iter().map(|input| input.wire.clone()).collect();
    let unknown = |key: &str, name: &str| {
        let near = did_you_mean(name, names.iter().map(String::as_str));
        let at = table.get(key).map_or(table.at, |(_, node)| node.at);
        mistake(at, format!("`{key}` of {what} is `{name}`, which the request does not have{near}"))
    };
    let find = |inputs: &mut Vec<Given>, name: &str| inputs.iter().position(|input| input.wire == name);
    if let Some(name) = table.text("key", mistakes) {
        match find(&mut call.inputs, &name) {
            Some(at) => call.inputs[at].key = true,
            None => mistakes.push(unknown("key", &name)),
        }
    }
    for name in table.texts("required", mistakes) {
        match find(&mut call.inputs, &name) {
            Some(at) => call.inputs[at].required = true,
            None => mistakes.push(unknown("required", &name)),
        }
    }
    for (key, node) in named(table, "most", what, mistakes) {
        match (find(&mut call.inputs, &key.name), &node.value) {
            (Some(at), Value::Integer(most)) if *most > 0 => {
                call.inputs[at].most = usize::try_from(*most).unwrap_or(usize::MAX);
            }
            (None, _) => mistakes.push(unknown("most", &key.name)),
            _ => mistakes.push(mistake(node.at, format!("`most` is {}, and must be a number from 1", node.shown()))),
        }
    }
    // Several values of a name repeat their query parameter: nowhere else is there room for them.
    for input in call.inputs.iter().filter(|input| input.most > 1) {
        if !call.query.iter().any(|(_, template)| template.only_name() == Some(&input.wire)) {
            let message = format!(
                "`{}` of {what} has several values, and only a parameter of `query` that is it alone can",
                input.wire
            );
            mistakes.push(mistake(table.at, message));
        }
    }
}

/// Complains of fields that the request is said to have and does not, and of secrets in an address, which is logged
/// on its whole way.
fn given(call: &Call, wiring: &Wiring, table: &Table<'_>, what: &str, mistakes: &mut Vec<Mistake>) {
    let at = |key: &str| table.get(key).map_or(table.at, |(key, _)| key.at);
    for (wire, source) in &call.fields {
        if let Source::Request(name) = source
            && !call.inputs.iter().any(|input| input.wire == *name)
            && !call.params.iter().any(|(param, _)| param == name)
        {
            let message = format!("`{wire}` of {what} is `{{{name}}}`, which the request does not have");
            mistakes.push(mistake(at("fields"), message));
        }
    }
    let shown = call.path.names().chain(call.query.iter().flat_map(|(_, template)| template.names()));
    for name in shown.filter(|name| wiring.secrets.contains_key(*name)) {
        let message = format!("{what} has the secret `{name}` in its address, which everybody on the way may log");
        mistakes.push(mistake(table.at, message));
    }
}
