//! EXEC as a statement and as a table.

use super::{check, refused};
use crate::sql::{Assignment, Exec, parse};

pub(super) fn show(exec: &Exec) -> String {
    let Exec { name, args, json, returning } = exec;
    let args: String = args.iter().map(|Assignment { column, value }| format!(" {} = {value}", column.text)).collect();
    let json = json.iter().map(|(object, _)| format!(" {}", serde_json::Value::Object(object.clone())));
    let items = returning.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let returning = if returning.is_some() { format!(" returning {items}") } else { String::new() };
    format!("exec {name}{args}{}{returning}", json.collect::<String>())
}

#[test]
fn arguments_are_taken_as_typed() {
    check("EXEC a.b.c.d", &["exec a.b.c.d"]);
    check(
        r#"execute A.b.c."D" @X = 'x', @"Y" = JSON('{}') @z = -1 @w = NULL, @@json = '{"k;": "it''s; \"q\"", "n": [1]}';"#,
        &[r#"exec a.b.c.D x = 'x' Y = JSON('{}') z = -1 w = NULL {"k;":"it's; \"q\"","n":[1]}"#],
    );
    check("EXEC a.b.c.d @x='y'@@json='{}'", &["exec a.b.c.d x = 'y' {}"]);
    check(
        "EXEC /*+ SHOWRESULTS */ a.b.c.d @x = true /* c */ , -- d\n @y = 1 + 2",
        &["exec a.b.c.d x = true y = 1 + 2"],
    );
    check(r#"EXEC a.b.c.d @@anything = '{"a": null}'"#, &[r#"exec a.b.c.d {"a":null}"#]);
    check("EXEC a.b.c.d RETURNING *", &["exec a.b.c.d returning *"]);
    check(
        "EXEC a.b.c.d @x = 'x' @@json = '{}' RETURNING apiKey, id AS \"K\"",
        &["exec a.b.c.d x = 'x' {} returning apiKey, id AS \"K\""],
    );
}

#[test]
fn what_is_no_exec_is_refused() {
    refused(
        "EXEC a.b.c",
        "a.b.c",
        "EXEC needs `provider.service.resource.method`, found `a.b.c`",
        &["`SHOW METHODS IN a.b.c` lists its methods"],
    );
    refused(
        "EXECUTE plan(1)",
        "plan",
        "EXECUTE needs `provider.service.resource.method`, found `plan`",
        &["nothing is prepared here: write `$name` in a statement, and give its value by `--param name=…`"],
    );
    refused("EXEC", "", "expected `provider.service.resource.method`, found the end of the statement", &[]);
    refused("EXEC 'x'", "'…'", "expected `provider.service.resource.method`, found `…`", &[]);
    refused("EXEC a.b.c.*", "*", "expected identifier, found `*`", &[]);
    refused("EXEC a.b.c.d(1)", "(", "expected `@name = value`, found `(`", &[]);
    refused("EXEC a.b.c.d 'x'", "'…'", "expected `@name = value`, found `…`", &[]);
    refused("EXEC a.b.c.d x = 'x'", "x", "expected `@name = value`, found `x`", &[]);
    refused("EXEC a.b.c.d @x", "", "expected `=`, found the end of the statement", &[]);
    refused("EXEC a.b.c.d @x =", "", "expected an expression, found the end of the statement", &[]);
    refused("EXEC a.b.c.d @x = ,", ",", "expected an expression, found `,`", &[]);
    refused("EXEC a.b.c.d @x = 1,", ",", "expected `@name = value`, found `,`", &[]);
    refused("EXEC a.b.c.d @x = 1,, @y = 2", ",", "expected `@name = value`, found `,`", &[]);
    refused("EXEC a.b.c.d, @x = 1", ",", "expected `@name = value`, found `,`", &[]);
    refused("EXEC a.b.c.d @x = 1 @X = 2", "@X", "`@x` is given twice", &[]);
    refused("EXEC a.b.c.d @x = 1 y = 2", "y", "expected the end of the statement, found `y`", &[]);
    refused(
        "EXEC a.b.c.d @x = 1 SELECT 1",
        "SELECT",
        "expected the end of the statement, found `SELECT`",
        &["statements are separated by `;`"],
    );
    refused(
        "EXEC a.b.c.d @region = us-east-1",
        "us",
        "an argument of EXEC is a constant",
        &["text is written in single quotes: `'us-east-1'`"],
    );
    refused(
        "EXEC a.b.c.d @region = b.c",
        "b.c",
        "an argument of EXEC is a constant",
        &["text is written in single quotes: `'b.c'`"],
    );
    refused(
        r#"EXEC a.b.c.d @region = "us-east-1""#,
        "'…'",
        "an argument of EXEC is a constant",
        &["text is written in single quotes: `'…'`"],
    );
    refused("EXEC a.b.c.d @x = (SELECT 1)", "SELECT 1", "an argument of EXEC is a constant", &[]);
    refused("EXEC a.b.c.d @x = (EXEC a.b.c.d)", "EXEC a.b.c", "an argument of EXEC is a constant", &[]);
    refused("EXEC a.b.c.d @x = 1)", ")", "expected the end of the statement, found `)`", &[]);
    refused("EXEC a.b.c.d @ x = 1", "@", "expected `@name = value`, found `@`", &[]);
    refused("EXEC a.b.c.d @1 = 1", "@1", "expected `@name = value`, found `@1`", &[]);
    refused("EXEC a.b.c.d @@@x = 1", "@@@x", "expected `@name = value`, found `@@@x`", &[]);
    refused("EXEC a.b.c.d @@ x = 1", "@@", "expected `@name = value`, found `@@`", &[]);
}

#[test]
fn the_object_of_an_exec_is_json() {
    refused(
        r#"EXEC a.b.c.d @@json = $${"a": 'b'}$$"#,
        "'…'",
        "`@@json` is not JSON: expected value at line 1 column 7",
        &[],
    );
    refused("EXEC a.b.c.d @@json = '[1]'", "'…'", "`@@json` holds a list, not an object", &[]);
    refused(
        "EXEC a.b.c.d @@json = '{\n\"a\": 1,\n}'",
        "'…",
        "`@@json` is not JSON: trailing comma at line 3 column 1",
        &[],
    );
    refused("EXEC a.b.c.d @@json = '{} x'", "'…'", "`@@json` is not JSON: trailing characters at line 1 column 4", &[]);
    refused(
        r#"EXEC a.b.c.d @@json = '{"a": 1, "a": 2}'"#,
        "'…'",
        "`@@json`: `a` is given twice at line 1 column 12",
        &[],
    );
    refused(r#"EXEC a.b.c.d @a = 1 @@json = '{"A": 1}'"#, "'…'", "`A` is given twice", &[]);
    refused("EXEC a.b.c.d @@json = '{}' @@json = '{}'", "@@json", "there can be one JSON object", &[]);
    refused(
        "EXEC a.b.c.d @@json = string('{}')",
        "string('…'",
        "`@@json` is a text in single quotes: `@@json = '{…}'`",
        &[],
    );
    refused("EXEC a.b.c.d @@json = 1", "1", "`@@json` is a text in single quotes: `@@json = '{…}'`", &[]);
}

#[test]
fn an_exec_is_a_table() {
    check(
        r#"SELECT t.x FROM (EXEC a.b.c.d @region = 'x', @Limit = 1 + 2 @n = NULL @m = -1 @o = true @@json = '{"K-k": "it''s", "order": -1, "z": null, "f": false, "g": 1.5}') AS t WHERE x = 1"#,
        &[
            r#"SELECT t.x FROM (SELECT * FROM a.b.c WHERE region = 'x' AND limit = (1 + 2) AND n IS NULL AND m = (-1) AND o = true AND "K-k" = 'it''s' AND f = false AND g = 1.5 AND order = -1 AND z IS NULL) AS t WHERE x = 1"#,
        ],
    );
    // What is nested is for the engine, which knows whether the method takes it.
    check(
        r#"SELECT * FROM (EXEC a.b.c.d @@json = '{"e": [1], "f": 2, "g": {"h": 3}}')"#,
        &["SELECT * FROM (SELECT * FROM a.b.c WHERE f = 2)"],
    );
    check("SELECT * FROM (EXEC a.b.c.d) LIMIT 1", &["SELECT * FROM (SELECT * FROM a.b.c) LIMIT 1"]);
    check(
        r#"SELECT * FROM x JOIN (EXECUTE a."B".c.d @"Q" = 'x') y ON x.a = y.a, LATERAL (exec e.f.g.h) z"#,
        &[
            r#"SELECT * FROM x JOIN (SELECT * FROM a."B".c WHERE "Q" = 'x') y ON x.a = y.a, LATERAL (SELECT * FROM e.f.g) z"#,
        ],
    );
    check(
        "WITH x AS (EXEC a.b.c.d @e = 'f') SELECT * FROM x WHERE y IN (EXEC a.b.c.d)",
        &["WITH x AS (SELECT * FROM a.b.c WHERE e = 'f') SELECT * FROM x WHERE y IN (SELECT * FROM a.b.c)"],
    );
    check(
        "INSERT INTO t (u) SELECT v FROM (EXEC a.b.c.d @e = (1))",
        &["insert t (u) SELECT v FROM (SELECT * FROM a.b.c WHERE e = ((1)))"],
    );
    check("INSERT INTO t (u) (EXEC a.b.c.d @e = 'x')", &["insert t (u) (SELECT * FROM a.b.c WHERE e = 'x')"]);
    check(
        "UPDATE t SET u = x.v FROM (EXEC a.b.c.d @e = string('x')) AS x WHERE true",
        &["update t set u = x.v from (SELECT * FROM a.b.c WHERE e = (string('x'))) AS x where true"],
    );
    check(
        "DELETE FROM t USING (EXEC a.b.c.d) AS x WHERE true",
        &["delete t using (SELECT * FROM a.b.c) AS x where true"],
    );
    check("(EXEC a.b.c.d)", &["(SELECT * FROM a.b.c)"]);
    check("EXPLAIN (EXEC a.b.c.d @x = 1)", &["explain (SELECT * FROM a.b.c WHERE x = 1)"]);
    check("INSERT INTO t (exec) SELECT 1", &["insert t (exec) SELECT 1"]);
    check("SELECT (exec), count(exec), (exec.x) FROM t", &["SELECT (exec), count(exec), (exec.x) FROM t"]);
}

#[test]
fn a_table_that_is_no_exec_is_refused() {
    refused(
        "SELECT * FROM (EXEC a.b @e = 1) AS t",
        "a.b",
        "EXEC needs `provider.service.resource.method`, found `a.b`",
        &["for example `EXEC awscc.redshift.integrations.list_resources @region = 'us-east-1'`"],
    );
    refused(
        "SELECT * FROM (EXEC a @e = 1) AS t",
        "a",
        "EXEC needs `provider.service.resource.method`, found `a`",
        &["for example `EXEC awscc.redshift.integrations.list_resources @region = 'us-east-1'`"],
    );
    refused("SELECT * FROM (EXEC a.b.c.d @e = ) AS t", ")", "expected an expression, found `)`", &[]);
    refused("SELECT * FROM (EXEC a.b.c.d @e = 1 +) AS t", ")", "expected an expression, found `)`", &[]);
    refused("SELECT * FROM (EXEC a.b.c.d @e = 1 x) AS t", "x", "expected `@name = value` or `)`, found `x`", &[]);
    refused(
        "SELECT * FROM (EXEC a.b.c.d @e = 1",
        "",
        "expected `@name = value` or `)`, found the end of the statement",
        &[],
    );
    refused("SELECT * FROM (EXEC a.b.c.d @e = f(1", "", "expected `)`, found the end of the statement", &[]);
    refused("SELECT * FROM (EXEC a.b.c.d @e = 1,) AS t", ")", "expected `@name = value`, found `)`", &[]);
    refused(
        "SELECT * FROM (EXEC a.b.c.d; SELECT 1",
        ";",
        "expected `@name = value` or `)`, found the end of the statement",
        &[],
    );
    refused(
        "SELECT * FROM (EXEC a.b.c.d @e = 1 RETURNING x) AS t",
        "RETURNING",
        "an EXEC that is a table has no RETURNING: the query around it says what is wanted",
        &[],
    );
    refused("EXEC a.b.c.d RETURNING", "", "expected an expression, found the end of the statement", &[]);
    refused(
        "SELECT * FROM (EXEC a.b.c.d @e = 1) (EXEC a.b.c.d)",
        "(",
        "expected the end of the statement, found `(`",
        &[],
    );
}

#[test]
fn what_stood_in_brackets_is_kept_in_order() {
    let script = "EXPLAIN SELECT 1 FROM (EXEC a.b.c.d @x = 1),\n  (EXEC e.f.g.h @@json = '{\"y\": null}') AS t";
    let statements = parse(script, None).expect("a statement");
    let execs: Vec<_> = statements[0].execs.iter().map(show).collect();
    assert_eq!(execs, ["exec a.b.c.d x = 1", r#"exec e.f.g.h {"y":null}"#]);
    let span = statements[0].execs[1].name.span();
    assert_eq!((span.start.line, span.start.column, span.end.column), (2, 9, 16));
}

#[test]
fn a_long_object_is_no_deep_tree() {
    let members: Vec<_> = (0..20_000).map(|at| format!("\"a{at}\": 1")).collect();
    let object = format!("EXEC a.b.c.d @@json = '{{{}}}'", members.join(", "));
    assert!(parse(&object, None).is_ok());
    let error = parse(&format!("SELECT * FROM ({object})"), None).expect_err("a chain");
    assert!(error.message.contains("more than"), "{error}");
    let deep = format!("EXEC a.b.c.d @x = {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse(&deep, None).expect_err("nested").message.contains("nested too deeply"));
    let deep = format!("EXEC a.b.c.d @@json = '{{\"a\": {}1{}}}'", "[".repeat(5000), "]".repeat(5000));
    assert!(parse(&deep, None).expect_err("nested").message.contains("recursion"));
}
