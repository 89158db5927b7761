//! Marks and markers as data.

use serde_json::{Value, json};

use super::*;
use crate::catalog::model::{Access, Type};

fn config() -> Marks {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    Marks::of(&Field {
        kind: Type::Json,
        secrets: texts(&["/password", "/okta/password", "/key/content"]),
        redacted: texts(&["<REDACTED>"]),
        ..Field::default()
    })
}

fn whole() -> Marks {
    Marks::of(&Field { access: Access::Secret, ..Field::default() })
}

#[test]
fn what_is_marked_is_hidden() {
    let check = |marks: &Marks, value: Value, shown: Value, secrets: &[&str]| {
        assert_eq!(marks.hidden(&value), shown, "{value}");
        assert_eq!(marks.values(&value), secrets, "{value}");
    };
    check(&config(), json!({"host": "h", "password": "abc"}), json!({"host": "h", "password": "…"}), &["abc"]);
    check(&config(), json!({"okta": {"password": 5}}), json!({"okta": {"password": "…"}}), &["5"]);
    check(&config(), json!({"password": "<REDACTED>"}), json!({"password": "<REDACTED>"}), &[]);
    check(&config(), json!({"password": null}), json!({"password": null}), &[]);
    check(&config(), json!({"password": "…"}), json!({"password": "…"}), &[]);
    let marker = json!({"password": {"$secret": "PW"}});
    check(&config(), marker.clone(), marker, &[]);
    check(&config(), json!({"password": "{\"$secret\": \"PW\"}"}), json!({"password": {"$secret": "PW"}}), &[]);
    check(&config(), json!({"password": {"a": ["x", {"b": "y"}]}}), json!({"password": "…"}), &["x", "y"]);
    // With caution.
    check(
        &config(),
        json!({"Pass_Word": "a", "x": [{"PASSWORD": "b"}]}),
        json!({"Pass_Word": "…", "x": [{"PASSWORD": "…"}]}),
        &["a", "b"],
    );
    check(&config(), json!({"okta": "a", "key": "b"}), json!({"okta": "…", "key": "…"}), &["b", "a"]);
    check(&config(), json!("a"), json!("…"), &["a"]);
    check(&config(), json!({"$secret": "PW"}), json!({"$secret": "PW"}), &[]);
    check(&whole(), json!("abc"), json!("…"), &["abc"]);
    check(&whole(), json!({"$secret": "PW"}), json!({"$secret": "PW"}), &[]);
    check(&Marks::default(), json!({"password": "abc"}), json!({"password": "abc"}), &[]);
    assert_eq!(config().hidden_at("/okta", &json!({"password": "a"})), json!({"password": "…"}));
    assert_eq!(config().hidden_at("/okta/password", &json!("a")), json!("…"));
    assert_eq!(config().hidden_at("/password/0", &json!("a")), json!("…"));
}

#[test]
fn a_marker_stands_where_a_secret_belongs() {
    let check = |marks: &Marks, value: Value, expected: &[&str]| {
        assert_eq!(marks.complaints("config", &value), expected, "{value}");
    };
    let marker = json!({"$secret": "PW"});
    check(&config(), json!({"password": marker, "okta": {"password": marker}}), &[]);
    check(&whole(), marker.clone(), &[]);
    check(&whole(), json!("{\"$secret\":\"PW\"}"), &[]);
    check(&Marks::default(), marker.clone(), &["`config` is no place for the secret `PW`: it would be shown"]);
    check(
        &config(),
        json!({"host": marker, "list": [{"password": marker}]}),
        &[
            "`config.host` is no place for the secret `PW`: it would be shown",
            "`config.list.0.password` is no place for the secret `PW`: it would be shown",
        ],
    );
    check(
        &config(),
        json!({"password": {"$secret": 5}, "okta": {"password": {"$secret": "PW", "x": 1}}}),
        &[
            "`config.okta.password` is no secret by its name: nothing stands beside `$secret`; it is written `{\"$secret\": \"NAME\"}`",
            "`config.password` is no secret by its name: it is written `{\"$secret\": \"NAME\"}`",
        ],
    );
    check(
        &config(),
        json!({"password": {"$secret": "../x"}}),
        &[
            "`config.password` is no secret by its name: a name has letters, digits, `_`, `-` and `.`, and begins with a letter or `_`",
        ],
    );
}

#[test]
fn markers_are_resolved_and_nothing_else() {
    let mut value = json!({"host": "h", "password": {"$secret": "A"}, "okta": {"password": "{\"$secret\":\"B\"}"}});
    let found = config().resolve(&mut value, |name| Ok::<_, ()>(format!("<{name}>")));
    assert_eq!(found, Ok(()));
    assert_eq!(value, json!({"host": "h", "password": "<A>", "okta": {"password": "<B>"}}));
    let mut value = json!({"password": {"$secret": "A"}});
    assert_eq!(config().resolve(&mut value, |_| Err(5)), Err(5));
}
