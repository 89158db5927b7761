//! Patches: differences that lead from one document to the other and back, and operations of any kind.

use serde_json::Value;

use super::fine;
use iql_rooms::patch::{Patch, diff};

/// A patch, or a list of two documents and a patch.
pub fn patches(text: &str) {
    match Patch::parse(text) {
        Ok(patch) => applied(&patch, &Value::Null),
        Err(error) => fine(&error, text),
    }
    let Ok(Value::Array(parts)) = serde_json::from_str::<Value>(text) else { return };
    let [before, after, rest @ ..] = parts.as_slice() else { return };
    leads(before, after);
    leads(after, before);
    if let Some(Ok(patch)) = rest.first().map(|patch| Patch::parse(&patch.to_string())) {
        applied(&patch, before);
        applied(&patch, after);
    }
}

fn leads(before: &Value, after: &Value) {
    let patch = difference(before, after);
    let made = patch.apply(before).unwrap_or_else(|error| panic!("a difference cannot be applied: {error}"));
    assert!(is_same(&made, after), "{before} became {made}, and not {after}");
}

/// The same but for the last digits of numbers with a fraction, of which the patch's way through text may take one.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_in = |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(is_in)
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap_or_default(), other.as_f64().unwrap_or_default());
            (one - other).abs() <= one.abs() * 1e-14
        }
        (one, other) => one == other,
    }
}

fn difference(before: &Value, after: &Value) -> Patch {
    let operations = diff(before, after).to_string();
    Patch::parse(&operations).unwrap_or_else(|error| panic!("a difference is no patch: {error}\n{operations}"))
}

fn applied(patch: &Patch, document: &Value) {
    let members = patch.members();
    assert!(members.iter().all(|(_, number)| (1..=patch.len()).contains(number)));
    for (member, _) in &members {
        assert!(patch.touching(member).iter().all(|(number, _)| (1..=patch.len()).contains(number)));
    }
    assert_eq!(patch.is_empty(), patch.len() == 0);
    match patch.apply(document) {
        Err(error) => fine(&error, ""),
        Ok(made) => {
            leads(document, &made);
            leads(&made, document);
        }
    }
}
