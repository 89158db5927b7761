//! For the tests: a broken method for each complaint.

use crate::catalog::check::tests::complaints;

const SOUND: &str = "\
driver: rest
params: {host: {type: string, required: true}}
resources:
  things:
    identity: [id]
    fields:
      id: {type: string}
      kind: {wire: Kind, type: string}
    methods:
      list: {call: List}
      script:
        call: Script
        needs: [Identifier]
        arguments:
          config: {wire: Config, type: json, required: true, secrets: [/key]}
          size: {type: integer, min: 1, max: 9}
        gives: {text: {type: string}}
        notice: run it in {Config.database} of {host}
        remembers: {name: script, by: [host, id, Config.database]}
    verbs: {select: list}
";

fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(SOUND.contains(from), "{from}");
    assert_eq!(complaints(&SOUND.replacen(from, to, 1)), expected, "{from} → {to}");
}

#[test]
fn a_sound_method_has_no_complaints() {
    check("driver: rest", "driver: rest", &[]);
    check("type: integer, min", "type: integer, access: secret, min", &[]);
    check("size: {", "kind: {", &[]);
}

#[test]
fn arguments_and_columns() {
    check(
        "size: {type: integer, min: 1",
        "size: {type: integer, min: 10",
        &["16: field `size` has a `min` of 10 above its `max` of 9"],
    );
    check("size: {type: integer", "size: {type: string", &[]);
    check(
        "size: {type",
        "config_2: {wire: config, type",
        &["16: the arguments `config` and `config_2` both answer to `config`"],
    );
    check("size: {type", "host: {type", &["16: argument `host` answers to the name of the param `host`"]);
    check(
        "size: {type",
        "Size: {type",
        &["16: the name `Size` is not in snake_case: small letters, digits and `_`, starting with a letter"],
    );
    check(
        "size: {type",
        "identifier: {type",
        &["16: `identifier` answers to `identifier`, which has a meaning of its own in SQL"],
    );
    check(
        "gives: {text: {type: string}}",
        "gives: {text: {type: string}, words: {wire: TEXT, type: string}}",
        &["17: the columns `text` and `words` both answer to `TEXT`"],
    );
    check(
        "secrets: [/key]",
        "secrets: [key]",
        &["15: `key` in `secrets` of field `config` is no JSON pointer: it begins with `/`"],
    );
}

#[test]
fn what_answers_a_verb_says_nothing_of_its_own() {
    check(
        "{select: list}",
        "{select: list, update: script}",
        &[
            "14: method `script` has `arguments`, and `update`, which uses it, can give none",
            "17: method `script` answers a verb of SQL, whose columns are the resource's `fields`",
            "19: `remembers` is for methods that answer no verb of SQL, and `script` does",
        ],
    );
}

#[test]
fn places_begin_with_what_there_is() {
    check(
        "of {host}",
        "of {hosts}",
        &[
            "18: the notice of method `script` has the place `hosts`, which begins with no field, argument or param: did you mean `host`?",
        ],
    );
    check("of {host}", "of {host", &["18: the notice of method `script` has a `{` without its `}`"]);
    check("of {host}", "of {text}", &[]);
    check(
        "by: [host, id, Config.database]",
        "by: [host, config.database]",
        &[
            "19: `remembers` of method `script` goes by `config.database`, which begins with no field, argument or param: did you mean `Config`?",
        ],
    );
    check(
        "by: [host, id, Config.database]",
        "by: [Config.key]",
        &["19: `remembers` of method `script` goes by `Config.key`, which is secret"],
    );
}
