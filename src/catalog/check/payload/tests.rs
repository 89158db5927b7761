//! A broken document for each complaint.

use super::super::tests::complaints;

/// A sound document, which each case breaks in one place.
const SOUND: &str = "\
driver: rest
params:
  region: {type: string, required: true}
resources:
  things:
    identity: [thing_id]
    fields:
      thing_id: {wire: ThingId, type: string}
      size: {wire: Size, type: integer, access: create}
      state: {wire: State, type: string, values: [moving, there, lost]}
      config: {wire: Config, type: json, access: write, secrets: [/key], redacted: [HIDDEN]}
      region: {param: region}
    methods:
      list: {call: List}
      make: {call: Make}
      drop_big:
        call: DropBig
        when: {Size: [9, 10]}
        arguments:
          reason: {type: string, required: true}
          token: {wire: Token, type: json, secrets: [/key]}
        rules:
          - {when: {Config.kind: a}, needs: [Token.key], is: {reason: [x, y]}}
        notice: '{ThingId} was big: {Config.kind}'
      drop: {call: Drop}
      other: {call: Other, arguments: {size: {wire: Size, type: integer}}}
    verbs: {select: list, insert: make, delete: [drop_big, drop]}
    settles: {wire: State, done: [there], gone: [lost], errors: Errors, errors_when: {bad: true}}
    known_by: [Size, Config.host]
    rules:
      - {when: {Config.kind: a}, needs: [Config.host], refuses: [Config.okta], is: {Size: [1, null]}}
";

/// `from` is what the sound document says, `to` what the broken one says instead.
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(SOUND.contains(from), "{from}");
    assert_eq!(complaints(&SOUND.replacen(from, to, 1)), expected, "{from} → {to}");
}

#[test]
fn a_place_begins_with_a_wire_name() {
    check("driver: rest", "driver: rest", &[]);
    let near = "which begins with no wire name: did you mean `Config`?";
    check(
        "needs: [Config.host]",
        "needs: [Config.host, Confg.host]",
        &[&format!("31: rule 1 of resource `things` names `Confg.host`, {near}")],
    );
    check(
        "refuses: [Config",
        "refuses: [Confg",
        &[&format!("31: rule 1 of resource `things` names `Confg.okta`, {near}")],
    );
    check(
        "is: {Size: [1, null]}",
        "is: {size: 1}",
        &["31: rule 1 of resource `things` names `size`, which begins with no wire name: did you mean `Size`?"],
    );
    check(
        "is: {Size: [1, null]}",
        "is: {Size.deep: 1}",
        &["31: rule 1 of resource `things` names `Size.deep`, which steps into field `size`, and that is no JSON"],
    );
    check(
        "{when: {Config.kind: a}, needs: [Token",
        "{when: {Confg.kind: a}, needs: [Token",
        &[&format!("23: rule 1 of method `drop_big` names `Confg.kind`, {near}")],
    );
    check(
        "when: {Size",
        "when: {reason",
        &["18: `when` of method `drop_big` names `reason`, which begins with no wire name"],
    );
}

#[test]
fn a_secret_is_held_against_no_value() {
    let secret = "which is secret: its value would be shown";
    check(
        "is: {Size: [1, null]}",
        "is: {Config.key: 1}",
        &[&format!("31: rule 1 of resource `things` names `Config.key`, {secret}")],
    );
    check(
        "is: {reason: [x, y]}",
        "is: {Token.key: x}",
        &[&format!("23: rule 1 of method `drop_big` names `Token.key`, {secret}")],
    );
}

#[test]
fn what_a_resource_is_known_by() {
    check(
        "known_by: [Size",
        "known_by: [State, Config.key, Sise",
        &[
            "29: `known_by` of resource `things` names `Config.key`, which is secret, and no answer has it",
            "29: `known_by` of resource `things` names `Sise`, which begins with no wire name: did you mean `Size`?",
            "29: `known_by` of resource `things` names `State`, which is never sent (`access: read`): nothing is found \
             again by it",
        ],
    );
    check(
        "type: integer, access: create}",
        "type: integer, access: create, unique: true}",
        &["29: field `size` is unique, and needs no `known_by` beside it"],
    );
}

#[test]
fn what_is_shown_for_a_secret_and_what_is_gone() {
    check(
        "access: create}",
        "access: create, redacted: [HIDDEN]}",
        &["9: `redacted` is for JSON, and field `size` is none"],
    );
    check(
        "gone: [lost]",
        "gone: [lots]",
        &["28: `lots` is not among the `values` of field `state`: did you mean `lost`?"],
    );
    check("gone: [lost]", "gone: [there]", &["28: `there` is both `gone` and `done`"]);
    check("errors: Errors, ", "", &["28: `settles` has `errors_when` without `errors`"]);
}

#[test]
fn which_method_deletes_what() {
    check(
        "[drop_big, drop]",
        "[drop, drop_big]",
        &["27: `delete` never gets to `drop_big`: `drop` before it has no `when`"],
    );
    check(
        "[drop_big, drop]",
        "[drop_big, dorp]",
        &["27: `delete` names `dorp`, which is no method: did you mean `drop`?"],
    );
    check("drop: {call: Drop}", "drop: {call: Drop, when: {Size: 1}}", &[]);
    check(
        "list: {call: List}",
        "list: {call: List, when: {Size: 1}, arguments: {a: {type: string}}, rules: [{needs: [a]}]}",
        &[
            "14: method `list` has `arguments`, and `select`, which uses it, can give none",
            "14: method `list` has `rules`, and sends nothing that they could hold of",
            "14: method `list` has `when`, which is for those that `delete` uses",
        ],
    );
    check("insert: make, ", "", &["30: resource `things` has `rules`, and neither `insert` nor `update`"]);
    // What was meant for `verbs` is not known.
    check("verbs:", "verb:", &["27: unknown key `verb` in resource `things`: did you mean `verbs`?"]);
}

#[test]
fn arguments_have_names_of_their_own() {
    check(
        "reason: {type: string, required: true}",
        "size: {type: string, unique: true}",
        &[
            "20: argument `size` answers to the name of the field `size`: a WHERE could mean either",
            "20: argument `size` has `unique`, which is for fields",
            "23: rule 1 of method `drop_big` names `reason`, which begins with no wire name",
        ],
    );
}
