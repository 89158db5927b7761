//! Where things stand in an answer: `data.widgets[]`, `settings.colour`, `^.id`. Pure; knows no document and no service.

use serde_json::{Map, Value};

/// Where a value stands, seen from a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// How many lists to leave: `^.id` is the `id` of what the row's list stands in.
    up: usize,
    keys: Vec<String>,
    /// `#`: the row's number in its list, from 1.
    is_number: bool,
}

/// Where the rows stand: every `[]` goes through a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    key: String,
    /// `?`: what is not there is no row, and no mistake of the service.
    optional: bool,
    each: bool,
}

/// A row with all that it stands in, the whole answer first; a row of a list has its number.
pub type Frame<'a> = Vec<(&'a Value, usize)>;

/// The rows of an answer, and how many entries its outermost list has.
pub struct Found<'a> {
    pub frames: Vec<Frame<'a>>,
    pub entries: usize,
}

impl Place {
    /// # Errors
    /// What is wrong with the text, to follow its name in a sentence.
    pub fn parse(text: &str) -> Result<Place, String> {
        let mut place = Place::default();
        let mut steps = text.split('.').peekable();
        while steps.next_if_eq(&"^").is_some() {
            place.up += 1;
        }
        let rest: Vec<&str> = steps.collect();
        match rest.as_slice() {
            ["#"] => place.is_number = true,
            steps => {
                for step in steps {
                    if step.is_empty() || step.contains(['[', ']', '^', '#', '?']) {
                        return Err(format!("cannot have the step `{step}`"));
                    }
                    place.keys.push((*step).into());
                }
            }
        }
        Ok(place)
    }

    pub fn up(&self) -> usize {
        self.up
    }

    /// What stands there; nothing is `Null`.
    pub fn of(&self, frame: &Frame<'_>) -> Value {
        let Some((value, number)) = frame.len().checked_sub(1 + self.up).and_then(|at| frame.get(at)) else {
            return Value::Null;
        };
        if self.is_number { Value::from(*number) } else { self.within(value).cloned().unwrap_or_default() }
    }

    pub fn within<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.keys.iter().try_fold(value, |value, key| value.get(key))
    }

    /// Puts a value there, making the objects around it.
    pub fn put(&self, object: &mut Map<String, Value>, value: Value) {
        let Some((last, before)) = self.keys.split_last() else { return };
        let mut within = object;
        for key in before {
            let next = within.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !next.is_object() {
                *next = Value::Object(Map::new());
            }
            match next {
                Value::Object(next) => within = next,
                _ => return,
            }
        }
        within.insert(last.clone(), value);
    }
}

impl Rows {
    /// # Errors
    /// What is wrong with the text, to follow its name in a sentence.
    pub fn parse(text: &str) -> Result<Rows, String> {
        let mut steps = Vec::new();
        for (at, step) in text.split('.').enumerate() {
            let each = step.ends_with("[]");
            let rest = step.trim_end_matches("[]");
            let optional = rest.ends_with('?');
            let key = rest.trim_end_matches('?');
            if (key.is_empty() && !(each && at == 0)) || key.contains(['[', ']', '^', '#', '?']) {
                return Err(format!("cannot have the step `{step}`"));
            }
            steps.push(Step { key: key.into(), optional, each });
        }
        if steps.iter().any(|step| step.each) && !steps.last().is_some_and(|step| step.each) {
            return Err("goes on behind its last `[]`: a field's place leads there".into());
        }
        Ok(Rows(steps))
    }

    /// How many lists a row stands in.
    pub fn depth(&self) -> usize {
        self.0.iter().filter(|step| step.each).count()
    }

    /// The rows of `answer`. `is_one`: it was asked for by a key, so that it says at least something.
    ///
    /// # Errors
    /// What the answer lacks, to follow "has".
    pub fn of<'a>(&self, answer: &'a Value, is_one: bool) -> Result<Found<'a>, String> {
        let mut found = Found { frames: vec![vec![(answer, 1)]], entries: 1 };
        let mut is_outermost = true;
        // What the steps since the last list lead to: the next list starts from there.
        let mut ends: Vec<&Value> = vec![answer];
        for step in &self.0 {
            let (mut frames, mut next) = (Vec::new(), Vec::new());
            for (frame, end) in found.frames.into_iter().zip(ends) {
                let value = if step.key.is_empty() { Some(end) } else { end.get(&step.key) };
                let is_entry =
                    (frame.len() > 1 || is_one) && frame.last().is_some_and(|(entry, _)| std::ptr::eq(*entry, end));
                let there = match value {
                    None if step.optional && !may_lack(end, is_entry) => {
                        return Err(format!("nothing that could lack `{}` where its rows should be", step.key));
                    }
                    None | Some(Value::Null) if step.optional => continue,
                    None => return Err(format!("no `{}` where its rows should be", step.key)),
                    Some(value) => value,
                };
                if !step.each {
                    frames.push(frame);
                    next.push(there);
                    continue;
                }
                let Some(items) = there.as_array() else {
                    let name = if step.key.is_empty() { String::new() } else { format!(" in `{}`", step.key) };
                    return Err(format!("no list{name} where its rows should be"));
                };
                for (at, item) in items.iter().enumerate() {
                    frames.push(frame.iter().copied().chain([(item, at + 1)]).collect());
                    next.push(item);
                }
                if is_outermost {
                    found.entries = items.len();
                }
            }
            if is_outermost && frames.is_empty() {
                found.entries = 0;
            }
            is_outermost &= !step.each;
            (found.frames, ends) = (frames, next);
        }
        if self.depth() == 0 && !self.0.is_empty() {
            found.frames.iter_mut().zip(ends).for_each(|(frame, row)| frame.push((row, 1)));
        }
        Ok(found)
    }
}

/// Whether it may be known of a value that it lacks a key: it is an object, and one that says something where it is a
/// whole entry.
fn may_lack(value: &Value, is_entry: bool) -> bool {
    value.as_object().is_some_and(|object| !is_entry || !object.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({"data": [
            {"id": 1, "tests": {"all": [{"name": "a"}, {"name": "b"}]}},
            {"id": 2, "tests": {"all": []}},
            {"id": 3},
        ], "total": 3})
    }

    #[test]
    fn rows_are_found_with_what_they_stand_in() {
        let check = |rows: &str, fields: &[&str], expected: Result<Value, &str>| {
            let answer = answer();
            let rows = Rows::parse(rows).expect("rows");
            let found = rows.of(&answer, true).map(|found| {
                let values = |frame: &Frame<'_>| {
                    fields.iter().map(|field| Place::parse(field).expect("a place").of(frame)).collect::<Vec<_>>()
                };
                json!(found.frames.iter().map(values).collect::<Vec<_>>())
            });
            assert_eq!(found, expected.map_err(String::from), "{rows:?}");
        };
        check("data[]", &["id", "#", "^.total"], Ok(json!([[1, 1, 3], [2, 2, 3], [3, 3, 3]])));
        check(
            "data[].tests?.all[]",
            &["^.id", "#", "name", "none.there"],
            Ok(json!([[1, 1, "a", null], [1, 2, "b", null]])),
        );
        check("data[].tests.all[]", &["name"], Err("no `tests` where its rows should be"));
        check("[]", &["id"], Err("no list where its rows should be"));
        check("other?[]", &["id"], Ok(json!([])));
        check("total[]", &["id"], Err("no list in `total` where its rows should be"));
    }

    #[test]
    fn only_what_says_something_lacks_rows() {
        let count = |rows: &str, answer: Value| {
            Rows::parse(rows)
                .expect("rows")
                .of(&answer, true)
                .map(|found| found.frames.len())
                .map_err(|why| why.contains("lack"))
        };
        for (answer, expected) in [
            (json!({"id": 1}), Ok(0)),
            (json!({"tests": {}}), Ok(0)),
            (json!({"tests": {"all": null}}), Ok(0)),
            (json!({}), Err(true)),
            (json!("busy"), Err(true)),
            (json!({"tests": "none"}), Err(true)),
        ] {
            assert_eq!(count("tests?.all?[]", answer.clone()), expected, "{answer}");
            assert_eq!(count("[].tests?.all?[]", json!([{"id": 2}, answer])), expected, "in a list");
        }
        assert_eq!(count("[].tests?.all?[]", json!([])), Ok(0));
        assert_eq!((count("?[]", json!([1, 2])), count("?[]", json!(null))), (Ok(2), Ok(0)));
        // A list without rows may be all that an answer leaves out.
        let list = Rows::parse("items?[]").expect("rows");
        assert!(list.of(&json!({}), false).is_ok_and(|found| found.frames.is_empty() && found.entries == 0));
        assert!(list.of(&json!("busy"), false).is_err());
    }

    #[test]
    fn a_body_is_made_place_by_place() {
        let mut body = Map::new();
        for (place, value) in [("a.b", json!(1)), ("a.c.d", json!([2])), ("e", json!(null))] {
            Place::parse(place).expect("a place").put(&mut body, value);
        }
        assert_eq!(Value::Object(body), json!({"a": {"b": 1, "c": {"d": [2]}}, "e": null}));
    }
}
