//! A broken document for each complaint.

use crate::catalog::document::read;
use crate::catalog::model::Origin;

/// A sound document, which each case breaks in one place.
const SOUND: &str = "\
driver: rest
params:
  region: {type: string, required: true}
resources:
  things:
    identity: [thing_id]
    fields:
      thing_id: {wire: ThingId, type: string, arn: true}
      state: {wire: State, type: string, values: [moving, there]}
      size: {wire: Size, type: integer, access: write, min: 1, max: 9}
      parts: {wire: Parts, type: list, items: {key: {wire: Key, type: string}, value: {wire: Value, type: string}}}
      region: {param: region}
    methods:
      list: {call: List}
      get: {call: Get, needs: [Identifier]}
      make: {call: Make, permissions: [things:Make, things:Grant], on_behalf: [things:Grant]}
    verbs: {select: [get, list], insert: make}
    settles: {wire: State, done: [there]}
";

pub(super) fn complaints(text: &str) -> Vec<String> {
    let draft = read("acme", "things", Origin::Embedded, text);
    let mut mistakes = draft.map_or_else(|mistake| vec![mistake], |draft| draft.written.mistakes);
    mistakes.sort_by(|a, b| (a.at.line, &a.message).cmp(&(b.at.line, &b.message)));
    mistakes.dedup();
    mistakes.iter().map(|mistake| format!("{}: {}", mistake.at.line, mistake.message)).collect()
}

/// `from` is what the sound document says, `to` what the broken one says instead.
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(SOUND.contains(from), "{from}");
    assert_eq!(complaints(&SOUND.replacen(from, to, 1)), expected, "{from} → {to}");
}

#[test]
fn secrets_stand_in_json() {
    check(
        "state: {wire: State, type: string, values: [moving, there]}",
        "state: {wire: State, type: string, values: [moving, there], secrets: [key]}",
        &[
            "9: `key` in `secrets` of field `state` is no JSON pointer: it begins with `/`",
            "9: `secrets` is for JSON, and field `state` is none",
        ],
    );
}

#[test]
fn no_secret_stands_within_another() {
    check(
        "size: {wire: Size, type: integer, access: write, min: 1, max: 9}",
        "size: {wire: Size, type: json, access: write, secrets: [/key, /key/text, /keys]}",
        &["10: `/key/text` in `secrets` of field `size` stands within `/key`, which is one already"],
    );
}

#[test]
fn a_sound_document_has_no_complaints() {
    check("driver: rest", "driver: rest", &[]);
    check("driver: rest", "\u{feff}driver: rest", &[]);
    check("thing_id: {wire: ThingId", "thing_id: {wire: Identifier", &[]);
    check("[get, list]", "list", &[]);
    check("list: {call: List}", "list: &list {call: List}\n      again: *list", &[]);
}

#[test]
fn text_that_is_not_yaml() {
    let whole = |text: &str, expected: &[&str]| assert_eq!(complaints(text), expected, "{text}");
    whole("", &["1: the document is empty"]);
    whole("# nothing\n", &["1: the document is empty"]);
    whole("a: 1\n---\nb: 2\n", &["2: a file is one document, and a second starts here"]);
    whole("- driver\n", &["1: the document is a list, and must be a table of `key: value`"]);
    check("driver: rest", "driver: 'rest", &["1: this is not YAML: invalid indentation in quoted scalar"]);
    check("driver: rest", "driver: *rest", &["1: this is not YAML: while parsing node, found unknown anchor"]);
    check("driver: rest", "[a]: rest", &["1: a key must be a word"]);
    check("driver: rest", "driver: &a [*a]", &["1: the alias stands inside what it names"]);
    check("driver: rest", "driver: !!int rest", &["1: the value does not fit its tag"]);
}

#[test]
fn keys_and_values() {
    check(
        "driver: rest",
        "driver: rest\ntitel: Things",
        &["2: unknown key `titel` in the document: did you mean `title`?"],
    );
    check(
        "driver: rest",
        "driver: rest\ncolour: red",
        &[
            "2: unknown key `colour` in the document: it may have `driver`, `title`, `description`, `version`, `params`, `rest` and `resources`",
        ],
    );
    check("driver: rest", "title: Things", &["1: the document has no `driver`"]);
    check(
        "driver: rest",
        "driver: rest\ndriver: aws.redshift",
        &["2: `driver` stands twice in the document, first on line 1"],
    );
    check(
        "driver: rest",
        "driver: rest\nversion: 1.0",
        &["2: `version` of the document is `1.0`, and must be a text: write it in quotes"],
    );
    check(
        "driver: rest",
        "driver: rest\ntitle: [Things]",
        &["2: `title` of the document is a list, and must be a text"],
    );
    check("driver: rest", "driver: rest\ndescription: ''", &["2: `description` of the document is empty"]);
    check("driver: rest", "driver:", &["1: `driver` of the document is empty, and must be a text"]);
    check(
        "required: true}",
        "required: yes}",
        &["3: `required` of param `region` is `yes`, and must be `true` or `false`"],
    );
    check(
        "required: true}",
        "required: true, default: x}",
        &["3: unknown key `default` in param `region`: it may have `type`, `required`, `env` and `description`"],
    );
    check(
        "type: string, required: true}",
        "type: map, required: true}",
        &[
            "3: `type` of param `region` cannot be `map`: it is one of `string`, `boolean`, `integer`, `number` and `timestamp`",
        ],
    );
    check(
        "type: integer",
        "type: interger",
        &["10: `type` of field `size` cannot be `interger`: did you mean `integer`?"],
    );
    check(
        "type: integer",
        "type: 7",
        &[
            "10: `type` of field `size` cannot be `7`: it is one of `string`, `boolean`, `integer`, `number`, `timestamp`, `list`, `strings`, `map` and `json`",
        ],
    );
    check("type: integer, ", "", &["10: field `size` has no `type`"]);
    check(
        "access: write",
        "access: written",
        &["10: `access` of field `size` cannot be `written`: did you mean `write`?"],
    );
    check("max: 9", "max: -9", &["10: `max` of field `size` is `-9`, and must be a whole number from 0"]);
    check("max: 9", "max: many", &["10: `max` of field `size` is `many`, and must be a whole number from 0"]);
    check(
        "values: [moving, there]",
        "values: [moving, 3, moving]",
        &[
            "9: `moving` stands twice in `values` of field `state`",
            "9: `values` of field `state` is `3`, and must be a list of texts",
            "18: `there` is not among the `values` of field `state`",
        ],
    );
    check(
        "size: {wire: Size, type: integer, access: write, min: 1, max: 9}",
        "size: integer",
        &["10: field `size` is `integer`, and must be a table of `key: value`"],
    );
    check("call: Make, ", "", &["16: method `make` has no `call`"]);
    check(
        "call: Make, ",
        "call: Make, sends: all, ",
        &["16: `sends` of method `make` cannot be `all`: it is one of `changed` and `whole`"],
    );
    check(
        "insert: make",
        "create: make",
        &["17: unknown key `create` in `verbs`: it may have `select`, `insert`, `update` and `delete`"],
    );
    check(SOUND.split_once("resources:").unwrap().1, " {}\n", &["4: `resources` of the document is empty"]);
    check(SOUND.split_once("resources:").unwrap().1, "\n  things: {}\n", &["5: resource `things` has no `methods`"]);
    // What has methods alone needs no fields, and what SQL reads does.
    check(SOUND.split_once("resources:").unwrap().1, "\n  things:\n    methods: {make: {call: Make}}\n", &[]);
    check(
        SOUND.split_once("resources:").unwrap().1,
        "\n  things:\n    methods: {list: {call: List}}\n    verbs: {select: list}\n",
        &["5: resource `things` has no `fields`"],
    );
    check(SOUND.split_once("    methods:").unwrap().1, " {}\n", &["13: `methods` of resource `things` is empty"]);
}

#[test]
fn names() {
    check(
        "  things:",
        "  Things:",
        &["5: the name `Things` is not in snake_case: small letters, digits and `_`, starting with a letter"],
    );
    check(
        "state: {wire",
        "itsState: {wire",
        &["9: the name `itsState` is not in snake_case: small letters, digits and `_`, starting with a letter"],
    );
    check(
        "region: {type",
        "1region: {type",
        &[
            "3: the name `1region` is not in snake_case: small letters, digits and `_`, starting with a letter",
            "12: field `region` echoes `region`, which is no param: did you mean `1region`?",
        ],
    );
    check("size: {wire: Size", "size: {wire: STATE", &["10: the fields `state` and `size` both answer to `STATE`"]);
    check("size: {wire: Size", "size: {wire: state", &["10: the fields `state` and `size` both answer to `state`"]);
    check(
        "size: {wire: Size",
        "thing_id: {wire: Size",
        &["10: `thing_id` stands twice in `fields` of resource `things`, first on line 8"],
    );
    check(
        "size: {wire: Size",
        "size: {wire: Identifier",
        &["10: field `size` answers to `Identifier`, which has a meaning of its own in SQL"],
    );
    check(
        "size: {wire: Size",
        "patchdocument: {wire: Size",
        &["10: field `patchdocument` answers to `patchdocument`, which has a meaning of its own in SQL"],
    );
    check(
        "size: {wire: Size",
        "data__size: {wire: Size",
        &["10: field `data__size` answers to `data__size`, and `data__` may stand before any name"],
    );
    check(
        "size: {wire: Size",
        "size: {wire: Region",
        &[
            "10: field `size` answers to the name of the param `region`; if it is that param's value, write `{param: region}`",
        ],
    );
    check(
        "region: {param: region}",
        "region: {type: string}",
        &[
            "12: field `region` answers to the name of the param `region`; if it is that param's value, write `{param: region}`",
        ],
    );
    check(
        "region: {param: region}",
        "region: {param: regoin}",
        &["12: field `region` echoes `regoin`, which is no param: did you mean `region`?"],
    );
    check(
        "region: {param: region}",
        "area: {param: region}",
        &["12: field `area` echoes the param `region`: a field and its param have one name"],
    );
    check(
        "region: {param: region}",
        "region: {param: region, type: string}",
        &["12: field `region` echoes a param, and has no `type` of its own"],
    );
    check(
        "  region: {type",
        "  identifier: {type: string}\n  data__x: {type: string}\n  region: {type",
        &[
            "3: param `identifier` answers to `identifier`, which has a meaning of its own in SQL",
            "4: param `data__x` answers to `data__x`, and `data__` may stand before any name",
        ],
    );
    check(
        "    identity:",
        "    params: {region: {type: string}}\n    identity:",
        &["6: `region` is a param of the whole document already"],
    );
    check("value: {wire: Value", "value: {wire: KEY", &["11: the members `key` and `value` both answer to `KEY`"]);
}

#[test]
fn constraints() {
    check(
        "access: write, min",
        "required: true, min",
        &["10: field `size` is required, and is never sent (`access: read`)"],
    );
    check("min: 1", "min: 10", &["10: field `size` has a `min` of 10 above its `max` of 9"]);
    check(
        "type: integer, access: write",
        "type: boolean, access: write",
        &["10: field `size` has a `min` or `max`, and nothing to count"],
    );
    check(
        "values: [moving, there]",
        "pattern: '[a-'",
        &["9: the pattern of field `state` cannot be used: unclosed character class"],
    );
    check("values: [moving, there]", "strict: true", &["9: field `state` is strict without a `pattern`"]);
    check(
        "type: integer",
        "type: integer, arn: true, pattern: a, values: [a]",
        &[
            "10: `arn` is for strings, and field `size` is none",
            "10: `pattern` is for strings, and field `size` is none",
            "10: `values` is for strings, and field `size` is none",
        ],
    );
    check(
        "type: integer",
        "type: integer, items: {a: {type: string}}",
        &["10: field `size` has `items`, and is no list"],
    );
    check(
        ", items: {key: {wire: Key, type: string}, value: {wire: Value, type: string}}",
        "",
        &["11: field `parts` is a list without `items`; a list of texts has the type `strings`"],
    );
    check(
        "key: {wire: Key, type: string}",
        "key: {wire: Key, type: string, min: 3, max: 2, access: read}",
        &[
            "11: member `key` has a `min` of 3 above its `max` of 2",
            "11: unknown key `access` in member `key` of field `parts`: it may have `wire`, `type`, `items`, `min`, `max` and `description`",
        ],
    );
}

#[test]
fn what_is_not_there() {
    check(
        "identity: [thing_id]",
        "identity: [thing]",
        &["6: the identity `thing` is no field: did you mean `thing_id`?"],
    );
    check(
        "identity: [thing_id]",
        "identity: [thing_id, state]",
        &["6: resource `things` has more than one identity field"],
    );
    check(
        "    identity: [thing_id]\n",
        "",
        &["14: method `get` needs `Identifier`, and the resource has no `identity`"],
    );
    check(
        "type: string, arn: true",
        "type: string, access: secret",
        &["6: the identity `thing_id` is secret, and no answer has it"],
    );
    check(
        "needs: [Identifier]",
        "needs: [Identifer]",
        &["15: method `get` needs `Identifer`, which is no field: did you mean `Identifier`?"],
    );
    check(
        "needs: [Identifier]",
        "needs: [ThingId, PatchDocument]",
        &["15: method `get` needs `PatchDocument`, which only a change has"],
    );
    check(
        "on_behalf: [things:Grant]",
        "on_behalf: [things:Grand]",
        &["16: `things:Grand` is not among the `permissions` of method `make`: did you mean `things:Grant`?"],
    );
    check(
        "insert: make",
        "insert: mak, update: change, delete: get",
        &[
            "17: `insert` names `mak`, which is no method: did you mean `make`?",
            "17: `update` names `change`, which is no method",
        ],
    );
    check("[get, list]", "[list, get]", &["17: `select` never gets to `get`: `list` before it needs no more"]);
    check("wire: State, done", "done", &["18: `settles` has no `wire`"]);
    check(
        "done: [there]",
        "failed: [their]",
        &[
            "18: `settles` has no `done`: the values that waiting ends with",
            "18: `their` is not among the `values` of field `state`",
        ],
    );
}

#[test]
fn every_mistake_is_reported_at_once() {
    let broken = "\
titel: Things
version: 2
driver: rest
driver: rest
params:
  Zone: {type: map}
  region: {type: string, required: maybe}
resources:
  things:
    identity: [thing]
    description: ''
    fields:
      thing_id: {wire: ThingId, type: strng, access: reed, required: true}
      state: {wire: State, type: string, wire: Status, pattern: '(', min: 3, max: 2}
      data__size: {type: list, strict: true}
      status: {type: map, items: {}, values: [a], keyed: key, unique: true, with: sate}
      region: {param: regional}
      area: wide
    methods:
      list: {call: List, needs: [Identifier, Sate]}
      get: {calls: Get, sends: nothing, on_behalf: [things:Get], parts: {state: {set: Set}}}
    verbs: {select: [get, list, find], put: list}
    settles: {wire: Stat}
  others:
    fields: {}
";
    let expected = "\
1: unknown key `titel` in the document: did you mean `title`?
2: `version` of the document is `2`, and must be a text: write it in quotes
4: `driver` stands twice in the document, first on line 3
6: `type` of param `Zone` cannot be `map`: it is one of `string`, `boolean`, `integer`, `number` and `timestamp`
6: the name `Zone` is not in snake_case: small letters, digits and `_`, starting with a letter
7: `required` of param `region` is `maybe`, and must be `true` or `false`
10: the identity `thing` is no field: did you mean `thing_id`?
11: `description` of resource `things` is empty
13: `access` of field `thing_id` cannot be `reed`: did you mean `read`?
13: `type` of field `thing_id` cannot be `strng`: did you mean `string`?
13: field `thing_id` is required, and is never sent (`access: read`)
14: `wire` stands twice in field `state`, first on line 14
14: field `state` has a `min` of 3 above its `max` of 2
14: the pattern of field `state` cannot be used: unclosed group
15: field `data__size` answers to `data__size`, and `data__` may stand before any name
15: field `data__size` is a list without `items`; a list of texts has the type `strings`
15: field `data__size` is strict without a `pattern`
16: `keyed` is for lists of objects, and field `status` is none
16: `unique` is for single values, and field `status` is none
16: `values` is for strings, and field `status` is none
16: field `status` goes `with` `sate`, which is no field: did you mean `state`?
16: field `status` goes `with` another, and is never sent (`access: read`)
16: field `status` has `items`, and is no list
16: field `status` is unique, and is never sent (`access: read`): nothing is found again by it
17: field `region` echoes `regional`, which is no param: did you mean `region`?
18: field `area` is `wide`, and must be a table of `key: value`
20: method `list` needs `Sate`, which is no field: did you mean `state`?
21: `parts` of method `get` names `state`, which cannot be changed: its `access` is not `write`
21: `sends` of method `get` cannot be `nothing`: it is one of `changed` and `whole`
21: `things:Get` is not among the `permissions` of method `get`
21: method `get` has no `call`
21: part `state` of method `get` has no `remove`
21: unknown key `calls` in method `get`: did you mean `call`?
22: `select` names `find`, which is no method
22: `select` never gets to `list`: `get` before it needs no more
22: unknown key `put` in `verbs`: it may have `select`, `insert`, `update` and `delete`
23: `settles` has no `done`: the values that waiting ends with
24: resource `others` has no `methods`
25: `fields` of resource `others` is empty
";
    assert_eq!(complaints(broken).join("\n") + "\n", expected);
}
