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
      name: {wire: Name, type: string, access: write, unique: true, generated: {prefix: 'x-', of: [region, source]}}
      source: {wire: Source, type: string, access: create}
      key_id: {wire: KeyId, type: string, access: create, alike: kms_key}
      context: {wire: Context, type: map, access: create, with: key_id}
      labels:
        wire: Labels
        type: list
        items: {key: {wire: Key, type: string}, size: {wire: Size, type: integer}}
        access: write
        keyed: key
        reserved: 'own:'
      region: {param: region}
    methods:
      list: {call: List}
      change:
        call: Change
        parts: {labels: {set: Label, remove: Unlabel}}
      make: {call: Make}
    verbs: {select: list, insert: make, update: change}
";

/// `from` is what the sound document says, `to` what the broken one says instead.
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(SOUND.contains(from), "{from}");
    assert_eq!(complaints(&SOUND.replacen(from, to, 1)), expected, "{from} → {to}");
}

#[test]
fn a_sound_document_has_no_complaints() {
    check("driver: rest", "driver: rest", &[]);
    check("alike: kms_key", "alike: equal", &[]);
    check("        reserved: 'own:'\n", "", &[]);
    // Two that go together.
    check("alike: kms_key", "with: context", &[]);
}

#[test]
fn keys_and_values() {
    check("unique: true", "unique: yes", &["9: `unique` of field `name` is `yes`, and must be `true` or `false`"]);
    check(
        "generated: {prefix: 'x-', of: [region, source]}",
        "generated: x",
        &["9: `generated` of field `name` is `x`, and must be a table of `key: value`"],
    );
    check(
        "prefix: 'x-', of: [region, source]",
        "prefx: 'x-', of: []",
        &[
            "9: `generated` of field `name` has no `of`: what it is made of",
            "9: `generated` of field `name` has no `prefix`",
            "9: unknown key `prefx` in `generated` of field `name`: did you mean `prefix`?",
        ],
    );
    check("with: key_id", "with: [key_id]", &["12: `with` of field `context` is a list, and must be a text"]);
    check("reserved: 'own:'", "reserved: ''", &["19: `reserved` of field `labels` is empty"]);
    check("alike: kms_key", "alike: kms", &["11: `alike` of field `key_id` cannot be `kms`: did you mean `kms_key`?"]);
    check(
        "alike: kms_key",
        "alike: close",
        &["11: `alike` of field `key_id` cannot be `close`: it is one of `equal` and `kms_key`"],
    );
    check(
        "{param: region}",
        "{param: region, unique: true}",
        &["20: field `region` echoes a param, and has no `unique` of its own"],
    );
    check(
        "{set: Label, remove: Unlabel}",
        "{set: Label, unset: Unlabel}",
        &[
            "25: part `labels` of method `change` has no `remove`",
            "25: unknown key `unset` in part `labels` of method `change`: it may have `set` and `remove`",
        ],
    );
    check("parts: {labels: {set: Label, remove: Unlabel}}", "parts: {}", &["25: `parts` of method `change` is empty"]);
}

#[test]
fn unique_fields() {
    check(
        "source: {wire: Source, type: string",
        "source: {wire: Source, unique: true, type: string",
        &["10: resource `things` has more than one unique field"],
    );
    let elsewhere = |field: &str, expected: &[&str]| {
        let text = SOUND.replacen("unique: true, ", "", 1);
        assert!(text.contains(field), "{field}");
        assert_eq!(complaints(&text.replacen(field, &field.replace('{', "{unique: true, "), 1)), expected, "{field}");
    };
    elsewhere(
        "{wire: ThingId",
        &["8: field `thing_id` is unique, and is never sent (`access: read`): nothing is found again by it"],
    );
    elsewhere("{wire: Context", &["12: `unique` is for single values, and field `context` is none"]);
    check(
        "access: write, unique: true",
        "access: secret, unique: true",
        &["9: field `name` is unique and secret, and no answer has it"],
    );
}

#[test]
fn generated_fields() {
    check(
        "[region, source]",
        "[regoin, thing_id, name, context]",
        &[
            "9: `generated` of field `name` names `regoin`, which is no field and no param: did you mean `region`?",
            "9: `generated` of field `name` names `thing_id`, which is never sent (`access: read`)",
            "9: field `name` is generated of itself",
        ],
    );
    check(
        "{wire: Source, type: string, access: create}",
        "{wire: Source, type: string, access: secret}",
        &["9: `generated` of field `name` names `source`, which is secret"],
    );
    check(
        "type: string, access: write, unique: true",
        "type: integer, access: write, required: true",
        &[
            "9: `generated` is for strings, and field `name` is none",
            "9: field `name` is required, and so is never generated",
        ],
    );
    check(
        "access: write, unique: true",
        "access: read",
        &["9: field `name` is generated, and is never sent (`access: read`)"],
    );
    // A param that no field echoes will do.
    check("      region: {param: region}\n", "", &[]);
}

#[test]
fn fields_that_go_together() {
    check(
        "with: key_id",
        "with: keyid",
        &["12: field `context` goes `with` `keyid`, which is no field: did you mean `key_id`?"],
    );
    check("with: key_id", "with: context", &["12: field `context` goes `with` itself"]);
    check(
        "with: key_id",
        "with: thing_id",
        &["12: field `context` goes `with` `thing_id`, which is never sent (`access: read`)"],
    );
    check(
        "access: create, with",
        "access: read, with",
        &["12: field `context` goes `with` another, and is never sent (`access: read`)"],
    );
}

#[test]
fn keyed_lists() {
    check(
        "keyed: key",
        "keyed: keys",
        &["18: field `labels` is keyed by `keys`, which is no member: did you mean `key`?"],
    );
    check("keyed: key", "keyed: size", &["18: field `labels` is keyed by `size`, which is no string"]);
    check(
        "access: create, with",
        "keyed: key, access: create, with",
        &["12: `keyed` is for lists of objects, and field `context` is none"],
    );
    check(
        "        keyed: key\n",
        "",
        &[
            "18: field `labels` has `reserved` without `keyed`",
            "24: `parts` of method `change` names `labels`, which is not `keyed`: there is nothing to change its entries by",
        ],
    );
    check(
        "access: create, with",
        "alike: kms_key, access: create, with",
        &["12: `alike` is for strings, and field `context` is none"],
    );
}

#[test]
fn parts_of_methods() {
    check(
        "parts: {labels",
        "parts: {label",
        &["25: `parts` of method `change` names `label`, which is no field: did you mean `labels`?"],
    );
    check(
        "access: write\n",
        "access: create\n",
        &["25: `parts` of method `change` names `labels`, which cannot be changed: its `access` is not `write`"],
    );
    check(
        "make: {call: Make}",
        "make: {call: Make, parts: {labels: {set: Label, remove: Unlabel}}}",
        &["26: method `make` has `parts`, and is not the one that `update` uses"],
    );
    check(", update: change", "", &["25: method `change` has `parts`, and is not the one that `update` uses"]);
    // Which method was meant is not known.
    check(
        "update: change",
        "update: changes",
        &["27: `update` names `changes`, which is no method: did you mean `change`?"],
    );
    check("update: change", "updat: change", &["27: unknown key `updat` in `verbs`: did you mean `update`?"]);
}
