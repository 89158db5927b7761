//! Tables, files, views and blocks: what is read of each.

use super::super::own::{Content, Existing, Own};
use super::check;
use crate::sql::{Body, parse};

pub(super) fn own(own: &Own) -> String {
    let how = |existing: &Existing| match existing {
        Existing::Fail => "",
        Existing::Keep => " keep",
        Existing::Replace => " replace",
    };
    match own {
        Own::Table(table) => match &table.content {
            Content::Query(query) => format!("table{} {}: {query}", how(&table.existing), table.name),
            Content::Columns(columns) => {
                let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                format!("table{} {} ({})", how(&table.existing), table.name, columns.join(", "))
            }
        },
        Own::File(file) => format!("file{} {} {:?}", how(&file.existing), file.name, file.table.locations),
        Own::View(view) => {
            let kind = if view.materialized { " materialized" } else { "" };
            format!("view{kind}{} {}: {}", how(&view.existing), view.name, view.text)
        }
        Own::Refresh { name } => format!("refresh {name}"),
        Own::Drop { what, names, if_exists } => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let if_exists = if *if_exists { " if exists" } else { "" };
            format!("drop {}{if_exists} {}", format!("{what:?}").to_lowercase(), names.join(", "))
        }
        Own::Copy(copy) => format!("copy {} to {} {:?} {:?}", copy.query, copy.file, copy.format, copy.options),
    }
}

#[test]
fn tables_and_files() {
    check("CREATE TABLE t AS SELECT 1", &["table t: SELECT 1"]);
    check("create or replace temp table t as values (1)", &["table replace t: VALUES (1)"]);
    check("CREATE TABLE IF NOT EXISTS T AS (SELECT 1)", &["table keep t: (SELECT 1)"]);
    check("CREATE TABLE t (a INT, \"B\" TEXT NOT NULL)", &["table t (a INT, \"B\" TEXT NOT NULL)"]);
    check("CREATE EXTERNAL TABLE f STORED AS CSV LOCATION 'a.csv'", &["file f [\"a.csv\"]"]);
    check("COPY t TO 'x.csv'", &["copy SELECT * FROM t to x.csv None []"]);
    check(
        "COPY (SELECT 1) TO 'x' STORED AS CSV OPTIONS ('has_header' 'false')",
        &["copy SELECT 1 to x Some(\"CSV\") [(\"has_header\", \"false\")]"],
    );
    check("DROP TABLE IF EXISTS a, b; DROP TABLE c", &["drop table if exists a, b", "drop table c"]);
}

#[test]
fn a_view_keeps_its_text() {
    check("CREATE VIEW v AS SELECT  'é' -- all\n FROM t ;", &["view v: SELECT  'é' -- all\n FROM t"]);
    check("CREATE OR REPLACE MATERIALIZED VIEW v AS VALUES (1)", &["view materialized replace v: VALUES (1)"]);
    check("REFRESH MATERIALIZED VIEW v; DROP MATERIALIZED VIEW v", &["refresh v", "drop materialized v"]);
    check("DROP VIEW IF EXISTS v; SHOW VIEWS LIKE 'a%'", &["drop view if exists v", "views like a%"]);
    check("DESCRIBE v", &["describe v"]);
}

#[test]
fn blocks() {
    check(
        "BEGIN; START TRANSACTION; COMMIT WORK; END; ROLLBACK; ROLLBACK TO SAVEPOINT a; SAVEPOINT a; RELEASE a",
        &["begin", "begin", "commit", "commit", "rollback", "rollback", "savepoint", "release"],
    );
}

#[test]
fn what_is_refused() {
    for (sql, message) in [
        ("CREATE TABLE t (a INT) AS SELECT 1", "a table has its columns either in brackets or from its query"),
        ("CREATE TABLE t (a INT, PRIMARY KEY (a))", "not possible yet: `PRIMARY KEY (a)`"),
        ("CREATE TABLE t", "expected `AS` and a query, or columns in brackets, found the end of the statement"),
        ("CREATE TABLE t AS DELETE FROM a.b.c WHERE 1 = 1", "expected a query: SELECT, WITH or VALUES"),
        ("CREATE VIEW v (a) AS SELECT 1", "not possible yet: a view with a list of columns"),
        ("CREATE OR REPLACE TABLE IF NOT EXISTS t AS SELECT 1", "`OR REPLACE` and `IF NOT EXISTS` do not go together"),
        ("REFRESH VIEW v", "expected `MATERIALIZED VIEW name`, found `VIEW`"),
        ("START", "expected `TRANSACTION`, found the end of the statement"),
    ] {
        assert_eq!(parse(sql, None).expect_err(sql).message, message, "{sql}");
    }
    let body = |sql: &str| parse(sql, None).expect(sql).remove(0).body;
    assert!(matches!(body("CREATE INDEX i ON t (a)"), Body::Other { verb: "CREATE" }));
}
