//! What a document of the catalog asks of the parts of a payload together: rules, and the places that they speak of.
//! Pure. Knows neither resources nor methods: whoever has rules and a document is told which of them are broken.

use serde_json::Value;

use super::check::Findings;
use super::document::{Document, brief};
use crate::catalog::model::{Condition, Rule, starts};

/// The value at a place. A dot steps into JSON, and a wire name may have dots of its own: the longest that is there
/// wins. What is absent or NULL is `None`.
pub fn at<'a>(document: &'a Document, place: &str) -> Option<&'a Value> {
    if let Some(value) = document.get(place) {
        return Some(value).filter(|value| !value.is_null());
    }
    place.rmatch_indices('.').find_map(|(dot, _)| at(document.get(&place[..dot])?.as_object()?, &place[dot + 1..]))
}

/// Whether a document has one of the condition's values at its place.
pub fn holds(condition: &Condition, document: &Document) -> bool {
    let found = at(document, &condition.place).unwrap_or(&Value::Null);
    condition.values.contains(found)
}

/// Whether all conditions hold; without any, that is so.
pub fn all_hold(conditions: &[Condition], document: &Document) -> bool {
    conditions.iter().all(|condition| holds(condition, document))
}

/// What is wrong with a document: a complaint, or a notice, for each thing that a rule asks for and that is not so.
/// None is said twice, though several rules ask for it.
#[cfg(test)]
pub fn broken(rules: &[Rule], document: &Document) -> Findings {
    broken_besides(rules, document, &[])
}

/// The same, where places are known to be wrong: neither they nor what is within them is complained of again, and what
/// holds only because of them is not held against the document.
pub fn broken_besides(rules: &[Rule], document: &Document, wrong_places: &[String]) -> Findings {
    let mut found = Findings::default();
    // Mistakes before warnings: who is told of the one needs no other.
    let (warnings, others): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(|rule| rule.only_warns);
    let mut known: Vec<String> = wrong_places.to_vec();
    for (is_warning, rule) in
        others.into_iter().map(|rule| (false, rule)).chain(warnings.into_iter().map(|r| (true, r)))
    {
        let rests_on_wrong = rule.when.iter().any(|condition| is_known(wrong_places, &condition.place));
        if rests_on_wrong || !all_hold(&rule.when, document) {
            continue;
        }
        // Who says why says when.
        let why = rule.because.as_ref().map_or_else(|| circumstances(&rule.when), |reason| format!(": {reason}"));
        let list = if is_warning { &mut found.notices } else { &mut found.complaints };
        list.extend(wrong(rule, document, &known).into_iter().map(|wrong| format!("{wrong}{why}")));
        known.extend(places(rule).filter(|place| is_wrong(rule, document, place)).cloned());
    }
    found
}

/// Whether the place, or what it is within, is among those that are known.
fn is_known(known: &[String], place: &str) -> bool {
    starts(place).any(|start| known.iter().any(|known| known == start))
}

fn places(rule: &Rule) -> impl Iterator<Item = &String> {
    rule.needs.iter().chain(&rule.refuses).chain(rule.is.iter().map(|condition| &condition.place))
}

/// Whether a rule complains of the place.
fn is_wrong(rule: &Rule, document: &Document, place: &String) -> bool {
    let is_there = at(document, place).is_some();
    (rule.needs.contains(place) && !is_there)
        || (rule.refuses.contains(place) && is_there)
        || rule.is.iter().any(|condition| condition.place == *place && !holds(condition, document))
}

fn wrong(rule: &Rule, document: &Document, known: &[String]) -> Vec<String> {
    let missing = rule.needs.iter().filter(|place| at(document, place).is_none() && !is_known(known, place));
    let missing: Vec<&String> = missing.collect();
    // Of what is missing as a whole the parts are not told.
    let is_part = |place: &str| starts(place).skip(1).any(|start| missing.iter().any(|other| *other == start));
    let missing: Vec<&String> = missing.iter().copied().filter(|place| !is_part(place)).collect();
    let superfluous = rule.refuses.iter().filter(|place| at(document, place).is_some() && !is_known(known, place));
    let superfluous: Vec<&String> = superfluous.collect();
    let differs = rule.is.iter().filter(|is| !holds(is, document) && !is_known(known, &is.place)).map(|condition| {
        let wanted = values(&condition.values);
        let must = if rule.only_warns { "should" } else { "must" };
        match at(document, &condition.place) {
            None => format!("`{}` is missing, and {must} be {wanted}", condition.place),
            Some(value) => format!("`{}` is {}, and {must} be {wanted}", condition.place, brief(value)),
        }
    });
    let missing = named(&missing).map(|(names, are)| format!("{names} {are} missing"));
    let superfluous = named(&superfluous).map(|(names, _)| format!("{names} cannot be given"));
    missing.into_iter().chain(superfluous).chain(differs).collect()
}

/// Places in a sentence, and its verb.
fn named(places: &[&String]) -> Option<(String, &'static str)> {
    listed(places).map(|names| (names, if places.len() == 1 { "is" } else { "are" }))
}

/// Places in a sentence: `` `a`, `b` and `c` ``.
pub fn listed(places: &[&String]) -> Option<String> {
    joined(&places.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>(), "and")
}

/// ` where `type` is `Redshift``: when a rule holds, to follow what is wrong.
fn circumstances(when: &[Condition]) -> String {
    let parts = when.iter().map(|condition| match condition.values.as_slice() {
        [Value::Null] => format!("`{}` is not given", condition.place),
        several => format!("`{}` is {}", condition.place, values(several)),
    });
    joined(&parts.collect::<Vec<_>>(), "and").map(|parts| format!(" where {parts}")).unwrap_or_default()
}

/// Values that something may have, in a sentence.
pub fn values(values: &[Value]) -> String {
    let shown = |value: &Value| if value.is_null() { "absent".to_string() } else { brief(value) };
    joined(&values.iter().map(shown).collect::<Vec<_>>(), "or").unwrap_or_else(|| "nothing".into())
}

fn joined(parts: &[String], word: &str) -> Option<String> {
    match parts.split_last()? {
        (last, []) => Some(last.clone()),
        (last, rest) => Some(format!("{} {word} {last}", rest.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(place: &str, values: Value) -> Condition {
        Condition { place: place.into(), values: values.as_array().cloned().unwrap_or_default() }
    }

    fn document(value: Value) -> Document {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_place_is_the_longest_wire_name_that_is_there() {
        let check = |of: Value, place: &str, expected: Option<Value>| {
            assert_eq!(at(&document(of.clone()), place), expected.as_ref(), "{place} of {of}");
        };
        check(json!({"a": 1}), "a", Some(json!(1)));
        check(json!({"a": null}), "a", None);
        check(json!({"a": {"b": {"c": 1}}}), "a.b.c", Some(json!(1)));
        check(json!({"a": {"b": {}}}), "a.b.c", None);
        check(json!({"a": 1}), "a.b", None);
        check(json!({"a.b": {"c": 1}, "a": {"b": {"c": 2}}}), "a.b.c", Some(json!(1)));
        check(json!({"a.b": {"d": 1}, "a": {"b": {"c": 2}}}), "a.b.c", Some(json!(2)));
        check(json!({"a.b": null, "a": {"b": 2}}), "a.b", None);
        check(json!({"a": {"b.c": 1}}), "a.b.c", Some(json!(1)));
    }

    #[test]
    fn what_a_rule_asks_for_is_said_in_a_sentence() {
        let check = |rule: &Rule, of: Value, complaints: &[&str]| {
            let found = broken(std::slice::from_ref(rule), &document(of.clone()));
            assert_eq!(found.complaints, complaints, "{of}");
            assert_eq!(found.notices, Vec::<String>::new());
        };
        let signs_in = Rule {
            when: vec![condition("config.by", json!(["password"]))],
            needs: vec!["config.user".into(), "config.password".into()],
            refuses: vec!["config.okta".into()],
            ..Rule::default()
        };
        check(&signs_in, json!({"config": {"by": "okta"}}), &[]);
        check(&signs_in, json!({"config": {"by": "password", "user": "a", "password": {"$secret": "B"}}}), &[]);
        check(
            &signs_in,
            json!({"config": {"by": "password", "okta": {}}}),
            &[
                "`config.user` and `config.password` are missing where `config.by` is `password`",
                "`config.okta` cannot be given where `config.by` is `password`",
            ],
        );
        let by_hand = Rule {
            is: vec![condition("auto", json!([false])), condition("type", json!(["A", "B"]))],
            because: Some("scripts are for what is set up by hand".into()),
            ..Rule::default()
        };
        check(&by_hand, json!({"auto": false, "type": "B"}), &[]);
        check(
            &by_hand,
            json!({"auto": true}),
            &[
                "`auto` is `true`, and must be `false`: scripts are for what is set up by hand",
                "`type` is missing, and must be `A` or `B`: scripts are for what is set up by hand",
            ],
        );
        let alone = Rule { when: vec![condition("a", json!([null]))], needs: vec!["b".into()], ..Rule::default() };
        check(&alone, json!({}), &["`b` is missing where `a` is not given"]);
        check(&alone, json!({"a": 1}), &[]);
        let either = Rule { is: vec![condition("a", json!([1, null]))], ..Rule::default() };
        check(&either, json!({"a": 2}), &["`a` is `2`, and must be `1` or absent"]);
        check(&either, json!({}), &[]);
    }

    #[test]
    fn a_warning_is_a_notice_and_nothing_is_said_twice() {
        let needs = Rule { needs: vec!["a".into()], ..Rule::default() };
        let warns = Rule { only_warns: true, ..needs.clone() };
        let found = broken(&[warns.clone(), warns.clone()], &Document::new());
        let said = vec!["`a` is missing".to_string()];
        assert_eq!(found, Findings { notices: said.clone(), ..Findings::default() });
        let found = broken(&[warns, needs.clone(), needs.clone()], &Document::new());
        assert_eq!(found, Findings { complaints: said, ..Findings::default() });
        let within = Rule { needs: vec!["a".into(), "a.b".into(), "c".into()], ..Rule::default() };
        let found = broken(std::slice::from_ref(&within), &Document::new());
        assert_eq!(found.complaints, ["`a` and `c` are missing"]);
        let found = broken_besides(&[within], &Document::new(), &["a".into()]);
        assert_eq!(found.complaints, ["`c` is missing"]);
        let rests = Rule { when: vec![condition("a", json!([null]))], ..needs };
        assert_eq!(broken_besides(&[rests], &Document::new(), &["a".into()]), Findings::default());
    }
}
