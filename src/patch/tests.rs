//! RFC 6902's own examples, the public test suite, what neither has, and that a difference makes what it was made from.

use proptest::prelude::*;

use super::*;

/// The outcome of a patch on a document, or the whole report. A double quote is written `'`.
#[track_caller]
fn check(document: &str, patch: &str, expected: Result<&str, &str>) {
    let json = |text: &str| serde_json::from_str::<Value>(&text.replace('\'', "\"")).expect(text);
    let found = Patch::parse(&patch.replace('\'', "\"")).and_then(|patch| patch.apply(&json(document)));
    match (&found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found.to_string(), json(expected).to_string(), "{patch}"),
        (Err(found), Err(expected)) => assert_eq!(found.to_string().replace('"', "'"), expected, "{patch}"),
        _ => panic!("{patch}: {found:?}"),
    }
}

/// A.1 to A.16.
#[test]
fn the_examples_of_the_rfc() {
    let add_qux = "[{'op': 'add', 'path': '/baz', 'value': 'qux'}]";
    check("{'foo': 'bar'}", add_qux, Ok("{'baz': 'qux', 'foo': 'bar'}"));
    check(
        "{'foo': ['bar', 'baz']}",
        "[{'op': 'add', 'path': '/foo/1', 'value': 'qux'}]",
        Ok("{'foo': ['bar', 'qux', 'baz']}"),
    );
    check("{'baz': 'qux', 'foo': 'bar'}", "[{'op': 'remove', 'path': '/baz'}]", Ok("{'foo': 'bar'}"));
    check("{'foo': ['bar', 'qux', 'baz']}", "[{'op': 'remove', 'path': '/foo/1'}]", Ok("{'foo': ['bar', 'baz']}"));
    check(
        "{'baz': 'qux', 'foo': 'bar'}",
        "[{'op': 'replace', 'path': '/baz', 'value': 'boo'}]",
        Ok("{'baz': 'boo', 'foo': 'bar'}"),
    );
    check(
        "{'foo': {'bar': 'baz', 'waldo': 'fred'}, 'qux': {'corge': 'grault'}}",
        "[{'op': 'move', 'from': '/foo/waldo', 'path': '/qux/thud'}]",
        Ok("{'foo': {'bar': 'baz'}, 'qux': {'corge': 'grault', 'thud': 'fred'}}"),
    );
    check(
        "{'foo': ['all', 'grass', 'cows', 'eat']}",
        "[{'op': 'move', 'from': '/foo/1', 'path': '/foo/3'}]",
        Ok("{'foo': ['all', 'cows', 'eat', 'grass']}"),
    );
    check(
        "{'baz': 'qux', 'foo': ['a', 2, 'c']}",
        "[{'op': 'test', 'path': '/baz', 'value': 'qux'}, {'op': 'test', 'path': '/foo/1', 'value': 2}]",
        Ok("{'baz': 'qux', 'foo': ['a', 2, 'c']}"),
    );
    check(
        "{'baz': 'qux'}",
        "[{'op': 'test', 'path': '/baz', 'value': 'bar'}]",
        Err("operation 1 of 1 does not hold: `/baz` is 'qux', not 'bar'\n  \
             {'op':'test','path':'/baz','value':'bar'}"),
    );
    check(
        "{'foo': 'bar'}",
        "[{'op': 'add', 'path': '/child', 'value': {'grandchild': {}}}]",
        Ok("{'foo': 'bar', 'child': {'grandchild': {}}}"),
    );
    check(
        "{'foo': 'bar'}",
        "[{'op': 'add', 'path': '/baz', 'value': 'qux', 'xyz': 123}]",
        Ok("{'foo': 'bar', 'baz': 'qux'}"),
    );
    check(
        "{'foo': 'bar'}",
        "[{'op': 'add', 'path': '/baz/bat', 'value': 'qux'}]",
        Err("operation 1 of 1 cannot be applied: there is nothing at `/baz`\n  \
             {'op':'add','path':'/baz/bat','value':'qux'}"),
    );
    // The last of two members of one name counts: this is a `remove`.
    check(
        "{'foo': 'bar'}",
        "[{'op': 'add', 'path': '/baz', 'value': 'qux', 'op': 'remove'}]",
        Err("operation 1 of 1 cannot be applied: there is nothing at `/baz`\n  {'op':'remove','path':'/baz'}"),
    );
    check("{'/': 9, '~1': 10}", "[{'op': 'test', 'path': '/~01', 'value': 10}]", Ok("{'/': 9, '~1': 10}"));
    check(
        "{'/': 9, '~1': 10}",
        "[{'op': 'test', 'path': '/~01', 'value': '10'}]",
        Err("operation 1 of 1 does not hold: `/~01` is 10, not '10'\n  {'op':'test','path':'/~01','value':'10'}"),
    );
    check(
        "{'foo': ['bar']}",
        "[{'op': 'add', 'path': '/foo/-', 'value': ['abc', 'def']}]",
        Ok("{'foo': ['bar', ['abc', 'def']]}"),
    );
}

#[test]
fn the_public_test_suite() {
    const SUITE: &[&str] = &[
        include_str!("../../tests/json-patch-tests/tests.json"),
        include_str!("../../tests/json-patch-tests/spec_tests.json"),
    ];
    let mut run = 0;
    for case in SUITE.iter().flat_map(|text| serde_json::from_str::<Vec<Value>>(text).unwrap()) {
        let (Some(document), Some(patch)) = (case.get("doc"), case.get("patch")) else { continue };
        if case.get("disabled") == Some(&json!(true)) {
            continue;
        }
        run += 1;
        let found = Patch::parse(&patch.to_string()).and_then(|patch| patch.apply(document));
        if case.get("error").is_some() {
            assert!(found.is_err(), "{case}");
        } else {
            // A case that says nothing of its outcome only has to be one that works.
            let found = found.unwrap_or_else(|error| panic!("{case}\n{error}"));
            assert_eq!(case.get("expected").unwrap_or(&found), &found, "{case}");
        }
    }
    assert_eq!(run, 91);
}

#[test]
fn numbers_are_compared_by_value() {
    let check = |document: &str, wanted: &str, holds: bool| {
        let patch = Patch::parse(&format!(r#"[{{"op": "test", "path": "", "value": {wanted}}}]"#)).unwrap();
        let found = patch.apply(&serde_json::from_str(document).unwrap());
        assert_eq!(
            found.as_ref().map_err(|error| error.kind).err(),
            (!holds).then_some(Kind::Conflict),
            "{document} {wanted}"
        );
    };
    check("1", "1.0", true);
    check("[1.0, {'a': -2}]".replace('\'', "\"").as_str(), r#"[1, {"a": -2.0}]"#, true);
    check("10", "1e1", true);
    check("1.5", "1.5", true);
    check("0", "-0.0", true);
    check("1", "1.5", false);
    check("1", "true", false);
    check("9007199254740993", "9007199254740992.0", false);
    check("18446744073709551615", "18446744073709551615", true);
    check("18446744073709551615", "1e300", false);
    check("1e300", "1e300", true);
}

#[test]
fn what_cannot_be_applied_says_why() {
    let document = "{'Name': 'a', 'Tags': [{'Key': 'k'}], 'None': []}";
    let check = |operation: &str, expected: &str| {
        let report = format!(
            "operation 2 of 2 cannot be applied: {expected}\n  {}",
            operation.replace(": ", ":").replace(", ", ",")
        );
        check(document, &format!("[{{'op': 'test', 'path': '/Name', 'value': 'a'}}, {operation}]"), Err(&report));
    };
    check("{'op': 'remove', 'path': '/Tags/7'}", "there is nothing at `/Tags/7`");
    check("{'op': 'remove', 'path': '/Tags/-'}", "there is nothing at `/Tags/-`");
    check("{'op': 'remove', 'path': '/Tags/00'}", "there is nothing at `/Tags/00`");
    check("{'op': 'remove', 'path': ''}", "the whole document cannot be removed");
    check("{'op': 'replace', 'path': '/Tags/-', 'value': 1}", "there is nothing at `/Tags/-`");
    check("{'op': 'replace', 'path': '/name', 'value': 1}", "there is nothing at `/name`");
    check("{'op': 'add', 'path': '/Tags/2', 'value': 1}", "`/Tags` has 1 entry");
    check("{'op': 'add', 'path': '/None/1', 'value': 1}", "`/None` has no entries");
    check("{'op': 'add', 'path': '/Tags/00', 'value': 1}", "`/Tags` is an array, and `00` is neither an index nor `-`");
    check("{'op': 'add', 'path': '/Tags/+0', 'value': 1}", "`/Tags` is an array, and `+0` is neither an index nor `-`");
    check("{'op': 'add', 'path': '/Tags/k', 'value': 1}", "`/Tags` is an array, and `k` is neither an index nor `-`");
    check("{'op': 'add', 'path': '/Name/x', 'value': 1}", "`/Name` is a string, and has no members");
    check("{'op': 'move', 'from': '/x', 'path': '/y'}", "there is nothing at `/x`");
    check("{'op': 'copy', 'from': '/Tags/-', 'path': '/y'}", "there is nothing at `/Tags/-`");
    check("{'op': 'copy', 'from': '/Name', 'path': '/x/y'}", "there is nothing at `/x`");
    check("{'op': 'move', 'from': '/Tags/0', 'path': '/Tags/1'}", "`/Tags` has no entries");
    check("{'op': 'move', 'from': '/x', 'path': '/x'}", "there is nothing at `/x`");
    check("{'op': 'move', 'from': '/Tags', 'path': '/Tags/0'}", "`/Tags` cannot be moved into itself");
    check("{'op': 'move', 'from': '', 'path': '/Tags'}", "the whole document cannot be moved into itself");
}

#[test]
fn a_test_that_does_not_hold_is_a_conflict() {
    let kind = |text: &str| Patch::parse(text).and_then(|patch| patch.apply(&json!({"a": 1}))).unwrap_err().kind;
    assert_eq!(kind(r#"[{"op": "test", "path": "/a", "value": 2}]"#), Kind::Conflict);
    assert_eq!(kind(r#"[{"op": "test", "path": "/b", "value": 2}]"#), Kind::Conflict);
    assert_eq!(kind(r#"[{"op": "remove", "path": "/b"}]"#), Kind::Param);
    assert_eq!(kind(r#"[{"op": "drop", "path": "/b"}]"#), Kind::Param);
    let long = "x".repeat(300);
    check(
        "{'a': 1}",
        &format!("[{{'op': 'test', 'path': '/a', 'value': '{long}'}}]"),
        Err(&format!(
            "operation 1 of 1 does not hold: `/a` has another value\n  {{'op':'test','path':'/a','value':'{long}'}}"
        )),
    );
}

#[test]
fn the_whole_document_and_neighbours() {
    check("{'a': 1}", "[{'op': 'add', 'path': '', 'value': [2]}]", Ok("[2]"));
    check("{'a': 1}", "[{'op': 'replace', 'path': '', 'value': 'x'}]", Ok("'x'"));
    check("{'a': 1}", "[{'op': 'copy', 'from': '', 'path': '/b'}]", Ok("{'a': 1, 'b': {'a': 1}}"));
    check("{'a': 1}", "[{'op': 'move', 'from': '', 'path': ''}]", Ok("{'a': 1}"));
    check("{'a': {'b': 1}}", "[{'op': 'move', 'from': '/a/b', 'path': ''}]", Ok("1"));
    // A name that begins like another is no child of it.
    check("{'a': 1}", "[{'op': 'move', 'from': '/a', 'path': '/ab'}]", Ok("{'ab': 1}"));
    check("{'a': {'b': 1}}", "[{'op': 'move', 'from': '/a/b', 'path': '/a'}]", Ok("{'a': 1}"));
    check("{'a': 1}", "[{'op': 'add', 'path': '/A', 'value': 2}]", Ok("{'a': 1, 'A': 2}"));
    check("{'a': 1}", "[]", Ok("{'a': 1}"));
    check(
        "{'a': {'b': [1]}}",
        "[{'op': 'copy', 'from': '/a', 'path': '/c'}, {'op': 'add', 'path': '/c/b/-', 'value': 2}]",
        Ok("{'a': {'b': [1]}, 'c': {'b': [1, 2]}}"),
    );
}

#[test]
fn every_mistake_of_the_text_is_reported_at_once() {
    let check = |patch: &str, expected: &str| check("{}", patch, Err(expected));
    check("{'op'", "the patch is not JSON: EOF while parsing an object at line 1 column 5");
    check("'x'", "the patch is a string, and must be an array of operations");
    check(
        "{'op': 'remove', 'path': '/a'}",
        "the patch is an object, and must be an array of operations\n\n\
         hint: a single operation stands in brackets too: `[{…}]`",
    );
    check(
        "[{'op': 'add', 'path': 'IntegrationName', 'value': 'x'}]",
        "1 mistake in the patch\n  \
         operation 1 of 1: the `path` `IntegrationName` does not begin with `/`\n\n\
         hint: write `/IntegrationName`",
    );
    check(
        "[7, {}, {'op': 'replce', 'path': 7}, {'op': 'merge', 'path': 'a~b'}, {'op': 'add', 'path': '/a~2'}, \
          {'op': 'move', 'path': '/a'}, {'op': 'copy', 'from': null, 'path': '/a~'}, {'op': null, 'path': '/a'}, \
          {'op': 'test', 'path': '/a', 'value': null}]",
        "13 mistakes in the patch\n  \
         operation 1 of 9: it is a number, and must be an object\n  \
         operation 2 of 9: it has no `op`\n  \
         operation 2 of 9: it has no `path`\n  \
         operation 3 of 9: unknown `op` `replce`: did you mean `replace`?\n  \
         operation 3 of 9: its `path` is a number, and must be a string\n  \
         operation 4 of 9: unknown `op` `merge`: it is one of `add`, `remove`, `replace`, `move`, `copy` and `test`\n  \
         operation 4 of 9: the `path` `a~b` does not begin with `/`\n  \
         operation 5 of 9: the `path` `/a~2` has a `~` that is neither `~0` nor `~1`: in a name, `~` is written `~0` and `/` is written `~1`\n  \
         operation 5 of 9: `add` needs a `value`\n  \
         operation 6 of 9: it has no `from`\n  \
         operation 7 of 9: the `path` `/a~` has a `~` that is neither `~0` nor `~1`: in a name, `~` is written `~0` and `/` is written `~1`\n  \
         operation 7 of 9: its `from` is null, and must be a string\n  \
         operation 8 of 9: its `op` is null, and must be a string",
    );
}

#[test]
fn members_and_what_touches_them() {
    let patch = Patch::parse(
        r#"[
            {"op": "test", "path": "/Name", "value": "x"},
            {"op": "add", "path": "/Tags/-", "value": 1, "comment": "ignored"},
            {"op": "move", "from": "/a~1b/c", "path": "/Name"},
            {"op": "copy", "from": "/Source", "path": "/Tags"},
            {"op": "remove", "path": "/Namesake"}
        ]"#,
    )
    .unwrap();
    assert_eq!((patch.len(), patch.is_empty()), (5, false));
    let members = [("Name", 1), ("Tags", 2), ("a/b", 3), ("Source", 4), ("Namesake", 5)];
    assert_eq!(patch.members(), members.map(|(name, number)| (name.to_string(), number)));
    let touching = |member: &str| patch.touching(member);
    let moved = (3, r#"{"op":"move","from":"/a~1b/c","path":"/Name"}"#.to_string());
    assert_eq!(touching("Name"), std::slice::from_ref(&moved));
    assert_eq!(touching("a/b"), [moved]);
    assert_eq!(touching("Source"), []);
    let added = (2, r#"{"op":"add","path":"/Tags/-","value":1}"#.to_string());
    assert_eq!(touching("Tags"), [added, (4, r#"{"op":"copy","from":"/Source","path":"/Tags"}"#.to_string())]);
    let whole = Patch::parse(r#"[{"op": "replace", "path": "", "value": {}}]"#).unwrap();
    assert_eq!(whole.members(), []);
    assert_eq!(whole.touching("Name"), [(1, r#"{"op":"replace","path":"","value":{}}"#.to_string())]);
}

#[test]
fn a_difference_is_small() {
    let before = json!({"Name": "a", "Tags": [{"Key": "k", "Value": "1"}], "Old": 1, "Same": {"x": [1, 2]}});
    let after = json!({"Name": "a", "Tags": [{"Key": "k", "Value": "2"}], "New/~": null, "Same": {"x": [1, 2]}});
    let expected = json!([
        {"op": "add", "path": "/New~1~0", "value": null},
        {"op": "replace", "path": "/Tags/0/Value", "value": "2"},
        {"op": "remove", "path": "/Old"},
    ]);
    assert_eq!(diff(&before, &after), expected);
    assert_eq!(diff(&before, &before), json!([]));
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..3_i64).prop_map(Value::from),
        (-3..3_i8).prop_map(|number| json!(f64::from(number))),
        // Few digits: the reader of JSON text does not promise the last one of many.
        any::<i16>().prop_map(|number| json!(f64::from(number) / 8.0)),
        "[a-c~/0-]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[ab~/0-]{0,2}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_difference_makes_what_it_was_made_from(before in document(), after in document()) {
        let patch = Patch::parse(&diff(&before, &after).to_string()).unwrap();
        prop_assert_eq!(&patch.apply(&before).unwrap(), &after);
        prop_assert_eq!(patch.is_empty(), before == after);
    }

    #[test]
    fn no_text_and_no_operation_is_a_panic(
        text in r#"[\[\]{}":,a-z/~0-9 ]{0,40}"#,
        op in prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]),
        path in "(/[ab~01-]{0,2}){0,3}",
        from in "(/[ab~01-]{0,2}){0,3}",
        document in document(),
    ) {
        let _ = Patch::parse(&text).map(|patch| patch.apply(&document));
        let operation = json!([{"op": op, "path": path, "from": from, "value": 1}]);
        let _ = Patch::parse(&operation.to_string()).map(|patch| patch.apply(&document));
    }
}
