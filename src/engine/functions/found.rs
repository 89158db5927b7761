//! What a path, a name or a number leads to within a document, row by row. Knows no function's name.

use datafusion::common::Result as PlanResult;

use super::arguments::Arguments;
use super::json::Json;
use super::path::{Step, member};

/// The document, or what a path in it leads to.
pub fn found(arguments: &mut Arguments<'_>, row: usize) -> PlanResult<Option<Json>> {
    let Some(json) = arguments.document(0, row)? else { return Ok(None) };
    if arguments.count() < 2 {
        return Ok(Some(json));
    }
    Ok(arguments.path(1, row)?.and_then(|path| path.find(&json).cloned()))
}

/// One path gives a value, several a list of what they lead to.
pub fn extract(arguments: &mut Arguments<'_>, row: usize) -> PlanResult<Option<String>> {
    if arguments.count() == 2 {
        return Ok(found(arguments, row)?.and_then(Json::into_sql));
    }
    let Some(json) = arguments.document(0, row)? else { return Ok(None) };
    let mut items = Vec::new();
    for at in 1..arguments.count() {
        let found = arguments.path(at, row)?.and_then(|path| path.find(&json).cloned());
        items.push(found.unwrap_or(Json::Null));
    }
    Ok(Some(Json::Array(items).to_string()))
}

/// By a path, a member's name or an item's number; of a list, by one after the other.
pub fn extract_one(arguments: &mut Arguments<'_>, row: usize) -> PlanResult<Option<Json>> {
    let Some(json) = arguments.document(0, row)? else { return Ok(None) };
    if let Some(number) = arguments.number(1, row)? {
        return Ok(of_number(number).find(&json).cloned());
    }
    let Some(text) = arguments.text(1, row)? else { return Ok(None) };
    if text.starts_with('$') {
        return Ok(arguments.path(1, row)?.and_then(|path| path.find(&json).cloned()));
    }
    Ok(Step::Member(text).find(&json).cloned())
}

/// `json_get(json, 'a', 0, …)`
pub fn get(arguments: &mut Arguments<'_>, row: usize) -> PlanResult<Option<Json>> {
    let Some(mut json) = arguments.document(0, row)? else { return Ok(None) };
    for at in 1..arguments.count() {
        let step = match arguments.number(at, row)? {
            Some(number) => of_number(number),
            None => match arguments.text(at, row)? {
                Some(name) => Step::Member(name),
                None => return Ok(None),
            },
        };
        match step.find(&json) {
            Some(found) => json = found.clone(),
            None => return Ok(None),
        }
    }
    Ok(Some(json))
}

fn of_number(number: i64) -> Step {
    let size = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    if number < 0 { Step::FromEnd(size) } else { Step::Item(size) }
}

/// Of a list of objects, the `value` of the one with this `key`.
pub fn item(arguments: &Arguments<'_>, row: usize) -> PlanResult<Option<String>> {
    let (Some(Json::Array(items)), Some(wanted)) = (arguments.document(0, row)?, arguments.text(1, row)?) else {
        return Ok(None);
    };
    let find = |item: &Json, name: &str| match item {
        Json::Object(members) => {
            let at = member(members.iter().map(|(name, _)| name.as_str()), name);
            at.map(|at| members[at].1.clone())
        }
        _ => None,
    };
    let is_wanted = |item: &&Json| find(item, "key").is_some_and(|key| key == Json::String(wanted.clone()));
    Ok(items.iter().find(is_wanted).and_then(|item| find(item, "value")).and_then(Json::into_sql))
}
