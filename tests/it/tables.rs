//! Tables and files of the user's own, bound params, and what ends when a statement is dropped.

use std::time::Duration;

use arrow::array::RecordBatch;
use futures::StreamExt;
use iql::error::Kind;
use iql::sandbox::Trouble;
use serde_json::json;

use crate::cli::Home;
use crate::lab::Lab;

const TABLE: &str = "awscc.redshift.integrations";

fn path(lab: &Lab, name: &str) -> String {
    std::fs::create_dir_all(lab.state()).expect("a folder");
    lab.state().join(name).display().to_string()
}

#[tokio::test]
async fn rows_go_to_a_file_and_come_back() {
    let lab = Lab::new().await;
    for end in ["parquet", "json", "jsonl", "csv"] {
        let file = path(&lab, &format!("rows.{end}"));
        let query =
            format!("SELECT integration_name, tags, kms_key_id, 1.5 AS n FROM {TABLE} WHERE region = 'eu-west-1'");
        let notices = lab.notices(&format!("COPY ({query}) TO '{file}'")).await.expect(end);
        assert_eq!(notices, [format!("{file}: 37 rows")]);
        let read =
            format!("SELECT count(*) AS n, count(kms_key_id) AS k, min(integration_name) AS first FROM '{file}'");
        let expected =
            format!("SELECT count(*) AS n, count(kms_key_id) AS k, min(integration_name) AS first FROM ({query})");
        assert_eq!(lab.rows(&read).await.expect(end), lab.rows(&expected).await.expect(end), "{end}");
        // The same as a table with a name; and written over, read anew.
        lab.count(&format!("CREATE EXTERNAL TABLE {end}_rows STORED AS {end} LOCATION '{file}'")).await.expect(end);
        assert_eq!(lab.count(&format!("SELECT * FROM {end}_rows")).await.expect(end), 37);
        lab.count(&format!("COPY (SELECT 7 AS a) TO '{file}'")).await.expect(end);
        assert_eq!(lab.rows(&format!("SELECT a FROM '{file}'")).await.expect(end)[0]["a"], 7, "{end}");
    }
    assert_eq!(std::fs::read_to_string(path(&lab, "rows.json")).expect("a file"), "[{\"a\":7}]\n");
    assert_eq!(std::fs::read_to_string(path(&lab, "rows.csv")).expect("a file"), "a\n7\n");
    let file = path(&lab, "nested.csv");
    let sql = "SELECT map(['k'], ['v']) AS m, [1, 2] AS l, NULL AS n, '' AS e, 'a;b' AS t";
    lab.count(&format!("COPY ({sql}) TO '{file}' OPTIONS ('delimiter' ';', 'has_header' 'false')"))
        .await
        .expect("written");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "\"{\"\"k\"\":\"\"v\"\"}\";[1,2];;\"\";\"a;b\"\n");
}

#[tokio::test]
async fn an_error_leaves_no_file() {
    let lab = Lab::with(|settings| settings.limits.tries = 1).await;
    let file = path(&lab, "rows.jsonl");
    std::fs::write(&file, "as it was\n").expect("written");
    lab.trouble(1, None, Trouble::Denied);
    let sql = format!("COPY (SELECT * FROM {TABLE} WHERE region = 'us-east-1') TO '{file}'");
    assert_eq!(lab.count(&sql).await.expect_err("a page fails").kind, Kind::Denied);
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "as it was\n");
    let left: Vec<_> = std::fs::read_dir(lab.state()).expect("a folder").collect();
    assert_eq!(left.len(), 1);
    for (target, message) in [
        ("rows.xlsx", "`.xlsx` names no format"),
        ("rows", "the file's name does not end in a format"),
        ("s3://bucket/rows.csv", "only files of this machine are written, not `s3://`"),
        ("no/folder/rows.csv", "cannot write `no/folder/rows.csv`: no such file or directory"),
    ] {
        lab.asked();
        let error = lab.count(&format!("COPY {TABLE} TO '{target}'")).await.expect_err(target);
        assert_eq!(error.message, message);
        assert!(lab.asked().is_empty());
    }
    let error = lab.count("SELECT * FROM 'nothing.csv'").await.expect_err("no file");
    assert_eq!(error.message, "`nothing.csv` cannot be read: no such file or directory");
    let error = lab.count("CREATE EXTERNAL TABLE f STORED AS CSV LOCATION 'https://a/b.csv'").await.expect_err("a URL");
    assert_eq!(error.message, "only files of this machine are read, not `https://`");
}

#[tokio::test]
async fn params_bind_what_a_literal_binds() {
    let lab = Lab::new().await;
    lab.session.bind("region", "eu-west-1");
    lab.session.bind("regions", json!(["eu-west-1", "us-west-2"]));
    lab.session.bind("n", 3);
    let count = async |sql: String| lab.count(&sql).await.map_err(|e| e.to_string());
    assert_eq!(count(format!("SELECT * FROM {TABLE} WHERE region = $region")).await, Ok(37));
    assert_eq!(lab.asked().len(), 1);
    assert_eq!(count(format!("SELECT * FROM {TABLE} WHERE region IN ($regions) LIMIT $n")).await, Ok(3));
    lab.asked();
    // In writes, too; a value is never SQL.
    lab.session.bind("name", "x' OR true --");
    let sql = format!("DELETE FROM {TABLE} WHERE region = $region AND integration_name = $name");
    assert_eq!(lab.notices(&sql).await.expect("nothing to do"), ["DELETE: no row, and nothing was sent"]);
    assert!(lab.asked().iter().all(|call| call.starts_with("DescribeIntegrations")));
    assert_eq!(count(format!("SELECT * FROM (EXEC {TABLE}.list_resources @region = $region)")).await, Ok(37));
    lab.count("CREATE TABLE t AS SELECT $n AS n").await.expect("made");
    assert_eq!(lab.rows("SELECT n FROM t WHERE n IN ($n, 5)").await.expect("rows")[0]["n"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drops_a_statement_stops_its_calls() {
    let asked = |lab: &Lab| lab.asked().into_iter().filter(|call| call.ends_with("us-east-1")).count();
    let next = format!("SELECT * FROM {TABLE} WHERE region = 'eu-west-1'");
    let lab = Lab::new().await;
    lab.trouble(1, None, Trouble::Hang);
    let sql = format!("SELECT * FROM {TABLE} WHERE region = 'us-east-1'");
    let mut rows = lab.session.run(sql).await.expect("planned").rows;
    assert!(rows.next().await.is_some());
    drop(rows);
    lab.sandbox.clear_faults();
    // The next statement makes its own calls, and nobody goes on with those that were given up.
    assert_eq!(lab.count(&next).await.expect("rows"), 37);
    assert!(asked(&lab) <= 2);
    // A table that is being made is a statement as well.
    let lab = Lab::new().await;
    lab.trouble(0, None, Trouble::Hang);
    let sql = format!("CREATE TABLE t AS SELECT * FROM {TABLE} WHERE region = 'us-east-1'");
    let cut = tokio::time::timeout(Duration::from_millis(200), lab.session.run(sql)).await;
    assert!(cut.is_err());
    lab.sandbox.clear_faults();
    assert_eq!(lab.count(&next).await.expect("rows"), 37);
    assert!(asked(&lab) <= 1);
    assert_eq!(lab.count("SELECT * FROM t").await.expect_err("no table").kind, Kind::Name);
}

#[tokio::test]
async fn a_statements_time_holds_for_what_it_keeps() {
    let lab = Lab::with(|settings| settings.limits.statement = Some(Duration::from_millis(100))).await;
    lab.trouble(0, None, Trouble::Hang);
    let error = lab.count(&format!("CREATE TABLE t AS SELECT * FROM {TABLE} WHERE region = 'eu-west-1'")).await;
    let error = error.expect_err("too long");
    assert_eq!(error.kind, Kind::Timeout);
    assert!(error.hints[0].contains("--timeout"), "{error}");
}

/// A join computes for minutes between two rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statements_time_holds_for_joins() {
    let lab = Lab::with(|settings| settings.limits.statement = Some(Duration::from_millis(100))).await;
    for condition in ["x <> y", "x % 10 = y % 10"] {
        let of = "generate_series(1, 1000000)";
        let error = lab.count(&format!("SELECT count(*) FROM {of} a(x), {of} b(y) WHERE {condition}")).await;
        assert_eq!(error.expect_err(condition).kind, Kind::Timeout);
    }
}

#[tokio::test]
async fn a_sort_goes_to_files_when_memory_is_short() {
    let lab = Lab::with(|settings| settings.limits.memory = Some(1 << 20)).await;
    // Some 5 MB of rows.
    let numbers = "SELECT value AS n, repeat('x', 40) || md5(value::text) AS text FROM generate_series(1, 60000)";
    let batches = lab.batches(&format!("SELECT * FROM ({numbers}) ORDER BY text")).await.expect("sorted");
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 60_000);
    let groups = format!("SELECT text, count(*) FROM ({numbers}) GROUP BY text");
    assert_eq!(lab.count(&groups).await.expect("grouped"), 60_000);
    for sql in [
        format!("CREATE TABLE t AS {numbers}"),
        format!("SELECT count(*) FROM ({numbers}) a JOIN ({numbers}) b ON a.text = b.text"),
        format!("SELECT max(w.rows) FROM (SELECT count(*) OVER () AS rows, text FROM ({numbers}) n) w WHERE text > ''"),
        format!("SELECT array_agg(text) FROM ({numbers}) n"),
    ] {
        let error = lab.count(&sql).await.expect_err(&sql);
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::Limit, "the statement needs more memory than `iql.memory` allows")
        );
    }
}

#[test]
fn the_program_takes_params_and_limits() {
    let home = Home::new();
    let run = |arguments: &[&str]| home.run(&[&["exec", "--sandbox", "-o", "jsonl"], arguments].concat());
    let count = "SELECT count(*) AS n FROM awscc.redshift.integrations WHERE region IN ($r)";
    insta::assert_snapshot!("param", run(&["--param", "r=eu-west-1", count]));
    insta::assert_snapshot!("param_list", run(&["--param", "r:=[\"eu-west-1\",\"us-west-2\"]", count]));
    insta::assert_snapshot!("param_missing", run(&[count]));
    insta::assert_snapshot!("param_wrong", run(&["--param", "r:=[", count]));
    insta::assert_snapshot!(
        "memory_limit",
        run(&[
            "--memory-limit",
            "20K",
            "CREATE TABLE t AS SELECT * FROM awscc.redshift.integrations WHERE region = 'us-east-1'"
        ])
    );
    insta::assert_snapshot!(
        "block",
        run(&[
            "BEGIN; CREATE TABLE t AS SELECT 1 AS a; DELETE FROM awscc.redshift.integrations WHERE region = 'eu-west-1' AND integration_name = 'nothing'; ROLLBACK"
        ])
    );
    // A dry run reads what it must, and keeps nothing but the session's own.
    insta::assert_snapshot!(
        "dry",
        run(&["--dry-run", "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT * FROM t; COPY t TO 'x.csv'"])
    );
    assert!(!home.path().join("x.csv").exists());
    // A script that may not write may write files of the user's own.
    assert!(run(&["--read-only", "COPY (SELECT 1 AS a) TO 'y.csv'"]).starts_with("exit 0"));
    assert_eq!(std::fs::read_to_string(home.path().join("y.csv")).expect("a file"), "a\n1\n");
}
