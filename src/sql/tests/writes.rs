//! INSERT, UPDATE and DELETE: what each form becomes, and what each other form is refused with.

use sqlparser::ast::{SelectItem, TableWithJoins};

use super::{check, check_error, refused};
use crate::sql::{Assignment, Delete, Insert, Name, OnConflict, Part, Update, parse};

pub(super) fn insert(insert: &Insert) -> String {
    let Insert { table, alias, columns, source, on_conflict, conflict_columns, returning } = insert;
    let columns: Vec<_> = columns.iter().map(|column| column.text.as_str()).collect();
    let nothing = if *on_conflict == OnConflict::Nothing { " or nothing" } else { "" };
    let unique = conflict_columns.iter().map(|column| format!(" {}", column.text)).collect::<String>();
    format!("insert {} ({}) {source}{nothing}{unique}{}", target(table, alias), columns.join(", "), listed(returning))
}

pub(super) fn update(update: &Update) -> String {
    let Update { table, alias, assignments, from, selection, returning } = update;
    let set = assignments.iter().map(|Assignment { column, value }| format!("{} = {value}", column.text));
    let set = set.collect::<Vec<_>>().join(", ");
    let from = others("from", from);
    format!("update {} set {set}{from} where {selection}{}", target(table, alias), listed(returning))
}

pub(super) fn delete(delete: &Delete) -> String {
    let Delete { table, alias, using, selection, method: _, returning } = delete;
    format!("delete {}{} where {selection}{}", target(table, alias), others("using", using), listed(returning))
}

fn target(table: &Name, alias: &Option<Part>) -> String {
    format!("{table}{}", alias.iter().map(|alias| format!(" as {}", alias.text)).collect::<String>())
}

fn others(word: &str, trees: &[TableWithJoins]) -> String {
    let trees: Vec<_> = trees.iter().map(ToString::to_string).collect();
    if trees.is_empty() { String::new() } else { format!(" {word} {}", trees.join(", ")) }
}

fn listed(returning: &Option<Vec<SelectItem>>) -> String {
    let items = |items: &Vec<SelectItem>| items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    returning.iter().map(|returning| format!(" returning {}", items(returning))).collect()
}

#[test]
fn inserts() {
    check(
        r#"INSERT INTO a.b.c AS x (p, "Q") SELECT 1, 2 RETURNING x.p, *"#,
        &["insert a.b.c as x (p, Q) SELECT 1, 2 returning x.p, *"],
    );
    check("INSERT IGNORE INTO a.b.c AS x (p) VALUES (1), (2)", &["insert a.b.c as x (p) VALUES (1), (2) or nothing"]);
    check(
        "INSERT INTO c (p) SELECT x FROM y ON CONFLICT (P, \"Q\") DO NOTHING RETURNING *",
        &["insert c (p) SELECT x FROM y or nothing p Q returning *"],
    );
    check("INSERT INTO c (p) SELECT 'x' ON CONFLICT DO NOTHING", &["insert c (p) SELECT 'x' or nothing"]);
    check(
        "INSERT INTO c (p) SELECT x FROM y a CROSS JOIN z ON CONFLICT DO NOTHING",
        &["insert c (p) SELECT x FROM y a CROSS JOIN z or nothing"],
    );
    check(
        "INSERT INTO c (p) VALUES (1) ON CONFLICT DO NOTHING RETURNING p AS q",
        &["insert c (p) VALUES (1) or nothing returning p AS q"],
    );
    check(
        "INSERT INTO c (p) WITH x AS (SELECT 1) SELECT * FROM x",
        &["insert c (p) WITH x AS (SELECT 1) SELECT * FROM x"],
    );
    check("INSERT INTO c (p) (SELECT 1) RETURNING p", &["insert c (p) (SELECT 1) returning p"]);
    check(
        "INSERT INTO a (b) SELECT x FROM y JOIN z ON conflict = 1",
        &["insert a (b) SELECT x FROM y JOIN z ON conflict = 1"],
    );
    check(
        "INSERT INTO a (b) SELECT x FROM y JOIN z ON conflict(1) = 1",
        &["insert a (b) SELECT x FROM y JOIN z ON conflict(1) = 1"],
    );
}

#[test]
fn other_forms_of_insert_are_refused() {
    refused(
        "INSERT INTO a.b.c SELECT 1",
        "a.b.c",
        "INSERT INTO `a.b.c` names no columns",
        &["`SHOW INSERT INTO a.b.c` prints a statement with all of them"],
    );
    refused(
        "INSERT INTO a.b.c (SELECT 1)",
        "a.b.c",
        "INSERT INTO `a.b.c` names no columns",
        &["`SHOW INSERT INTO a.b.c` prints a statement with all of them"],
    );
    // Of a table of the session: all of its columns.
    check("INSERT INTO a VALUES (1)", &["insert a () VALUES (1)"]);
    refused("INSERT INTO a.b VALUES (1)", "a.b", "INSERT INTO `a.b` names no columns", &[]);
    refused("INSERT INTO a () VALUES ()", ")", "expected identifier, found `)`", &[]);
    refused(
        "INSERT INTO a (b) DEFAULT VALUES",
        "DEFAULT",
        "expected SELECT, VALUES, or a subquery in the query body, found `DEFAULT`",
        &[],
    );
    refused(
        "INSERT INTO a DEFAULT VALUES",
        "DEFAULT VALUES",
        "not possible yet: `DEFAULT VALUES`",
        &["name the columns, and give each a value"],
    );
    refused(
        "INSERT INTO a SET b = 1",
        "SET",
        "expected SELECT, VALUES, or a subquery in the query body, found `SET`",
        &[],
    );
    refused(
        "INSERT INTO a (b) SET b = 1",
        "SET",
        "expected SELECT, VALUES, or a subquery in the query body, found `SET`",
        &[],
    );
    refused("INSERT OVERWRITE a (b) SELECT 1", "OVERWRITE", "not possible yet: `OVERWRITE`", &[]);
    refused("INSERT INTO TABLE a (b) SELECT 1", "TABLE", "not possible yet: `TABLE`", &[]);
    refused("INSERT a (b) SELECT 1", "a", "expected `INTO`, found `a`", &[]);
    refused("INSERT IGNORE a (b) SELECT 1", "a", "expected `INTO`, found `a`", &[]);
    refused("INSERT INTO a (b) PARTITION (c = 1) SELECT 1", "PARTITION", "not possible yet: `PARTITION`", &[]);
    refused("INSERT INTO a (b) OUTPUT inserted.b SELECT 1", "OUTPUT", "not possible yet: `OUTPUT`", &[]);
    refused(
        "INSERT INTO a (b) SELECT 1 ON DUPLICATE KEY UPDATE b = 1",
        "ON DUPLICATE KEY",
        "not possible yet: `ON DUPLICATE KEY`",
        &["`ON CONFLICT DO NOTHING` leaves what is there; `UPDATE` changes it"],
    );
    refused(
        "INSERT INTO a (b) VALUES (1) AS new ON DUPLICATE KEY UPDATE b = 1",
        "ON DUPLICATE KEY",
        "not possible yet: `ON DUPLICATE KEY`",
        &["`ON CONFLICT DO NOTHING` leaves what is there; `UPDATE` changes it"],
    );
    refused("INSERT INTO a (b) VALUES (1) AS new", "AS", "not possible yet: `AS`", &[]);
    refused(
        "INSERT INTO a (b) SELECT 1 ON CONFLICT (b) DO UPDATE SET b = 1",
        "DO UPDATE",
        "not possible yet: `DO UPDATE`",
        &["`ON CONFLICT DO NOTHING` leaves what is there; `UPDATE` changes it"],
    );
    refused(
        "INSERT INTO a (b) SELECT 1 ON CONFLICT ON CONSTRAINT k DO NOTHING",
        "ON CONSTRAINT",
        "not possible yet: `ON CONSTRAINT`",
        &["write `ON CONFLICT DO NOTHING`"],
    );
    refused(
        "INSERT OR REPLACE INTO a (b) SELECT 1",
        "OR REPLACE",
        "not possible yet: `OR REPLACE`",
        &["`ON CONFLICT DO NOTHING` leaves what is there; `UPDATE` changes it"],
    );
    refused(
        "INSERT OR IGNORE INTO a (b) SELECT 1",
        "OR IGNORE",
        "not possible yet: `OR IGNORE`",
        &["`ON CONFLICT DO NOTHING` leaves what is there; `UPDATE` changes it"],
    );
    refused(
        "INSERT REPLACE INTO a (b) SELECT 1",
        "REPLACE",
        "not possible yet: `OR REPLACE`",
        &["`ON CONFLICT DO NOTHING` leaves what is there; `UPDATE` changes it"],
    );
    refused("INSERT LOW_PRIORITY INTO a (b) SELECT 1", "LOW_PRIORITY", "not possible yet: `LOW_PRIORITY`", &[]);
    refused("INSERT INTO a (b) FORMAT CSV", "FORMAT", "expected the end of the statement, found `FORMAT`", &[]);
    refused(
        "INSERT INTO a (b) SETTINGS x = 1 SELECT 1",
        "SETTINGS",
        "expected the end of the statement, found `SETTINGS`",
        &[],
    );
    refused(
        "INSERT INTO FUNCTION f(1) SELECT 1",
        "f",
        "expected SELECT, VALUES, or a subquery in the query body, found `f`",
        &[],
    );
    refused("INSERT OVERWRITE LOCAL DIRECTORY 'x' SELECT 1", "INSERT", "not possible yet: `INSERT … DIRECTORY`", &[]);
    refused(
        "INSERT ALL INTO a (b) SELECT 1",
        "INTO",
        "expected SELECT, VALUES, or a subquery in the query body, found `INTO`",
        &[],
    );
    refused(r#"INSERT INTO a (b, c, "B") SELECT 1, 2, 3"#, r#""B""#, "`B` is given twice", &[]);
    refused("INSERT INTO a (a.b) SELECT 1", "a.b", "`a.b` is no column of an INSERT", &["write `b`"]);
    refused(
        "INSERT INTO a x (b) SELECT 1",
        "x",
        "expected SELECT, VALUES, or a subquery in the query body, found `x`",
        &[],
    );
    refused(
        "INSERT INTO a (b) SELECT 1 SELECT 2",
        "SELECT",
        "expected the end of the statement, found `SELECT`",
        &["statements are separated by `;`"],
    );
    refused(
        "INSERT INTO a (b) SELECT 1 RETURNIN b",
        "b",
        "expected the end of the statement, found `b`",
        &["did you mean `RETURNING`?"],
    );
    refused(
        "INSERT INTO a (b) EXEC a.b.c.d",
        "EXEC",
        "expected SELECT, VALUES, or a subquery in the query body, found `EXEC`",
        &[],
    );
    refused("INSERT INTO a (b) SELECT 1 ON CONFLICT DO SOMETHING", "DO", "expected `DO NOTHING`, found `DO`", &[]);
    refused(
        "INSERT INTO a (b) SELECT 1 ON CONFLICT",
        "CONFLICT",
        "expected the end of the statement, found `CONFLICT`",
        &[],
    );
    refused(
        "INSERT INTO a (b) SELECT 1 ON CONFLICT (b DO NOTHING",
        "CONFLICT",
        "expected the end of the statement, found `CONFLICT`",
        &[],
    );
    refused(
        "INSERT INTO a (b) SELECT 1 ON CONFLICT (b) DO NOTHING x",
        "x",
        "expected the end of the statement, found `x`",
        &[],
    );
    refused(
        "INSERT INTO a (b) SELECT 1 RETURN b",
        "b",
        "expected the end of the statement, found `b`",
        &["did you mean `RETURNING`?"],
    );
    refused(
        "REPLACE INTO a (b) SELECT 1",
        "REPLACE",
        "not possible yet: `REPLACE`",
        &["`INSERT` makes what is not there, `UPDATE` changes what is"],
    );
}

#[test]
fn updates() {
    check(
        "UPDATE a.b.c AS x SET x.d = 1, E = 'é' FROM t, u JOIN v ON true WHERE x.f = t.f RETURNING *, d",
        &["update a.b.c as x set d = 1, e = 'é' from t, u JOIN v ON true where x.f = t.f returning *, d"],
    );
    check(
        r#"UPDATE a.b.c SET c.d = 1, b.c.e = 2, a.b.c.f = 3, "G" = 4 WHERE true"#,
        &["update a.b.c set d = 1, e = 2, f = 3, G = 4 where true"],
    );
    check("UPDATE a FROM t SET b = t.c WHERE true", &["update a set b = t.c from t where true"]);
    check("UPDATE a x SET b = 1 WHERE true", &["update a as x set b = 1 where true"]);
    check(
        "UPDATE a SET PatchDocument = string('{{ x }}') WHERE region = '{{ region }}' AND Identifier = 'x'",
        &["update a set patchdocument = string('{{ x }}') where region = '{{ region }}' AND Identifier = 'x'"],
    );
}

#[test]
fn other_forms_of_update_are_refused() {
    refused(
        "UPDATE a SET b = 1",
        "a",
        "UPDATE without a WHERE would change every row",
        &[
            "add `WHERE Identifier = '…'`, or any other condition",
            "a table of the session is made anew: `CREATE OR REPLACE TABLE a AS SELECT …`",
        ],
    );
    refused(
        "UPDATE a SET (b, c) = (1, 2) WHERE true",
        "b, c",
        "not possible yet: `SET (…) = …`",
        &["write `column = value` for each of them"],
    );
    refused("UPDATE a SET b = 1, B = 2 WHERE true", "B", "`b` is given twice", &[]);
    refused(
        "UPDATE a SET tags.b = 1 WHERE true",
        "tags.b",
        "`tags.b` is no column of what is updated",
        &["a list, map or object is set as a whole"],
    );
    refused("UPDATE a AS x SET a.b = 1 WHERE true", "a.b", "`a.b` is no column of what is updated", &["write `x.b`"]);
    refused(
        "UPDATE a JOIN b ON true SET c = 1 WHERE true",
        "JOIN",
        "not possible yet: `JOIN`",
        &["name the other tables behind FROM"],
    );
    refused("UPDATE a, b SET c = 1 WHERE true", ",", "expected `SET`, found `,`", &[]);
    refused("UPDATE (SELECT 1) SET c = 1 WHERE true", "SELECT 1", "only a table can be changed", &[]);
    refused("UPDATE a AS x (y) SET c = 1 WHERE true", "x", "not possible yet: `AS name (…)`", &[]);
    refused("UPDATE a (NOLOCK) SET c = 1 WHERE true", "(", "not possible yet: `(…)`", &[]);
    refused("UPDATE a SET b = 1 WHERE true LIMIT 1", "LIMIT", "not possible yet: `LIMIT`", &[]);
    refused("UPDATE a SET b = 1 WHERE true ORDER BY b", "ORDER BY", "not possible yet: `ORDER BY`", &[]);
    refused("UPDATE a SET b = 1 OUTPUT inserted.b WHERE true", "OUTPUT", "not possible yet: `OUTPUT`", &[]);
    refused("UPDATE OR IGNORE a SET b = 1 WHERE true", "OR IGNORE", "not possible yet: `OR IGNORE`", &[]);
    refused(
        "UPDATE a SET b = 1 WHER true",
        "WHER",
        "expected the end of the statement, found `WHER`",
        &["did you mean `WHERE`?"],
    );
}

#[test]
fn deletes() {
    check(
        "DELETE FROM a.b.c AS x USING t, u WHERE x.y = t.y RETURNING *",
        &["delete a.b.c as x using t, u where x.y = t.y returning *"],
    );
    check("DELETE FROM a x WHERE true", &["delete a as x where true"]);
}

#[test]
fn other_forms_of_delete_are_refused() {
    refused(
        "DELETE FROM a",
        "a",
        "DELETE without a WHERE would delete every row",
        &[
            "add `WHERE Identifier = '…'`, or any other condition",
            "a table of the session is made anew: `CREATE OR REPLACE TABLE a AS SELECT …`",
        ],
    );
    refused("DELETE a WHERE true", "a", "expected `FROM`, found `a`", &[]);
    refused("DELETE a FROM a JOIN b ON true WHERE true", "a", "expected `FROM`, found `a`", &[]);
    refused(
        "DELETE FROM a, b WHERE true",
        "b",
        "one DELETE has one table",
        &["name the other tables behind USING, or write several statements"],
    );
    refused(
        "DELETE FROM a JOIN b ON true WHERE true",
        "JOIN",
        "not possible yet: `JOIN`",
        &["name the other tables behind USING"],
    );
    refused("DELETE FROM a WHERE true ORDER BY b", "ORDER BY", "not possible yet: `ORDER BY`", &[]);
    refused("DELETE FROM a WHERE true LIMIT 1", "LIMIT", "not possible yet: `LIMIT`", &[]);
    refused("DELETE FROM a LIMIT 1", "LIMIT", "not possible yet: `LIMIT`", &[]);
    refused("DELETE FROM a OUTPUT deleted.b WHERE true", "OUTPUT", "not possible yet: `OUTPUT`", &[]);
}

#[test]
fn a_query_within_a_statement_only_reads() {
    refused(
        "INSERT INTO a (b) WITH x AS (DELETE FROM t WHERE true) SELECT 1",
        "DELETE",
        "a query within a query can only read",
        &[],
    );
    refused(
        "INSERT INTO a (b) DELETE FROM t WHERE true RETURNING *",
        "DELETE",
        "a query within a query can only read",
        &[],
    );
    refused("INSERT INTO a (b) SELECT * INTO x FROM t", "INTO", "not possible yet: `INTO`", &[]);
    refused(
        "INSERT INTO a (b) SELECT * FROM (UPDATE t SET a = 1 WHERE true)",
        "UPDATE",
        "a query within a query can only read",
        &[],
    );
    refused("SELECT * FROM (INSERT INTO a (b) SELECT 1)", "INSERT", "a query within a query can only read", &[]);
    refused(
        "WITH x AS (INSERT INTO a (b) SELECT 1) SELECT * FROM x",
        "INSERT",
        "a query within a query can only read",
        &[],
    );
    refused(
        "WITH x AS (SELECT 1) UPDATE a SET b = 1 WHERE true",
        "WITH",
        "not possible yet: `WITH` before UPDATE",
        &["write the query behind FROM: `FROM (SELECT …) AS name`"],
    );
    refused(
        "WITH x AS (SELECT 1) DELETE FROM a WHERE true",
        "WITH",
        "not possible yet: `WITH` before DELETE",
        &["write the query behind USING: `USING (SELECT …) AS name`"],
    );
    refused(
        "UPDATE a SET b = (WITH x AS (DELETE FROM t WHERE true) SELECT 1) WHERE true",
        "DELETE",
        "a query within a query can only read",
        &[],
    );
    refused(
        "DELETE FROM a WHERE b IN (DELETE FROM c WHERE true)",
        "DELETE",
        "a query within a query can only read",
        &[],
    );
    refused("(INSERT INTO a (b) SELECT 1)", "INSERT", "a query within a query can only read", &[]);
}

#[test]
fn a_with_may_come_before_an_insert() {
    check(
        "WITH x AS (SELECT 1) INSERT INTO a (b) SELECT * FROM x RETURNING b",
        &["insert a (b) WITH x AS (SELECT 1) SELECT * FROM x returning b"],
    );
    check(
        "WITH x AS (SELECT 1) INSERT INTO a (b) WITH y AS (SELECT * FROM x) SELECT * FROM y",
        &["insert a (b) WITH x AS (SELECT 1) (WITH y AS (SELECT * FROM x) SELECT * FROM y)"],
    );
    check(
        "WITH x AS (SELECT 1) INSERT INTO a AS z (b) SELECT * FROM x",
        &["insert a as z (b) WITH x AS (SELECT 1) SELECT * FROM x"],
    );
    check("WITH x AS (SELECT 1) MERGE INTO a USING b ON c WHEN MATCHED THEN DELETE", &["other MERGE"]);
    check(
        "WITH x AS (SELECT 1) INSERT INTO a AS z (b) SELECT 1 ON CONFLICT DO NOTHING RETURNING z.b",
        &["insert a as z (b) WITH x AS (SELECT 1) SELECT 1 or nothing returning z.b"],
    );
    check(
        "WITH insert AS (SELECT 1) INSERT INTO a AS z (b) SELECT 1",
        &["insert a as z (b) WITH insert AS (SELECT 1) SELECT 1"],
    );
    refused(
        "SELECT insert ON CONFLICT DO NOTHING",
        "CONFLICT",
        "expected the end of the statement, found `CONFLICT`",
        &[],
    );
    check("WITH x AS (SELECT 1) SELECT insert FROM x", &["WITH x AS (SELECT 1) SELECT insert FROM x"]);
}

#[test]
fn hints_stand_anywhere() {
    let check = |script: &str, expected: &str| {
        let statements = parse(script, None).expect(script);
        assert_eq!(statements[0].hints, ["AWAIT"], "{script}");
        assert_eq!(super::show(&statements[0].body), expected, "{script}");
    };
    check("INSERT /*+ AWAIT */ INTO a (b) SELECT 1", "insert a (b) SELECT 1");
    check("INSERT INTO a (b) SELECT /*+ AWAIT */ 1", "insert a (b) SELECT 1");
    check("/*+ AWAIT */ INSERT INTO a (b) SELECT 1", "insert a (b) SELECT 1");
    check("DELETE /*+ AWAIT */ FROM a WHERE true", "delete a where true");
    check("UPDATE /*+ AWAIT */ a SET b = 1 WHERE true", "update a set b = 1 where true");
    check("EXPLAIN UPDATE /*+ AWAIT */ a SET b = 1 WHERE true", "explain update a set b = 1 where true");
}

#[test]
fn statements_of_stackql_are_read() {
    check(
        "/*+ create */\nINSERT INTO awscc.redshift.integrations (\n IntegrationName,\n Tags,\n region\n)\nSELECT\n \
         'orders',\n '[{\"Key\": \"a;\", \"Value\": \"it''s\"}]',\n 'us-east-1';",
        &[
            r#"insert awscc.redshift.integrations (integrationname, tags, region) SELECT 'orders', '[{"Key": "a;", "Value": "it''s"}]', 'us-east-1'"#,
        ],
    );
    check(
        "/*+ update */\nUPDATE awscc.redshift.integrations\nSET PatchDocument = string('[{\"op\": \"remove\"}]')\n\
         WHERE region = 'us-east-1'\nAND Identifier = 'arn:aws:x';",
        &[
            r#"update awscc.redshift.integrations set patchdocument = string('[{"op": "remove"}]') where region = 'us-east-1' AND Identifier = 'arn:aws:x'"#,
        ],
    );
    check(
        "/*+ delete */\nDELETE FROM awscc.redshift.integrations\nWHERE Identifier = 'arn:aws:x'\nAND region = 'us-east-1';",
        &["delete awscc.redshift.integrations where Identifier = 'arn:aws:x' AND region = 'us-east-1'"],
    );
}

#[test]
fn what_was_not_sent_is_said() {
    check_error(
        "SELECT 1;\nUPDATE awscc.redshift.integrations\n  SET tags = '[]'",
        "UPDATE without a WHERE would change every row\n  2 | UPDATE awscc.redshift.integrations\n    \
         |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  nothing was sent\n\nhint: add `WHERE Identifier = '…'`, or any other condition",
    );
}
