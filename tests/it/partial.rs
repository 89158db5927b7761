//! Partial results: what is left when a call fails, who is told, and what stays strict.

use futures::StreamExt;
use iql::error::Kind;
use iql::sandbox::{Fault, Trouble};

use crate::cli::Home;
use crate::lab::Lab;

const BOTH: &str = "region IN ('us-east-1', 'eu-west-1')";
const TABLE: &str = "awscc.redshift.integrations";

/// The rows of a statement, and what it warns of.
async fn run(lab: &Lab, sql: &str) -> (usize, Vec<String>) {
    let mut outcome = lab.session.run(sql).await.expect(sql);
    let mut rows = 0;
    while let Some(batch) = outcome.rows.next().await {
        rows += batch.expect(sql).num_rows();
    }
    (rows, outcome.warnings())
}

async fn lab() -> Lab {
    let lab = Lab::with(|settings| settings.limits.tries = 1).await;
    lab.session.run("SET iql.partial = on").await.expect("set");
    lab
}

#[tokio::test]
async fn the_other_calls_rows_are_returned_and_each_failure_is_named() {
    let lab = lab().await;
    lab.sandbox.add_fault(Fault::new(Trouble::Denied).region("eu-west-1"));
    let sql = format!("SELECT integration_name FROM {TABLE} WHERE {BOTH}");
    let (rows, warnings) = run(&lab, &sql).await;
    assert_eq!((rows, warnings.len()), (263, 2), "{warnings:?}");
    assert!(
        warnings[0].starts_with("warning: awscc.redshift.integrations in eu-west-1: AWS does not allow `DescribeIntegrations` (AccessDenied, request id "),
        "{warnings:?}"
    );
    assert_eq!(warnings[1], "partial result: the rows of 1 call are missing; `iql.failures` lists them");
    // They are a table, which may be read more than once.
    for _ in 0..2 {
        let failures = lab.rows("SELECT * FROM iql.failures WHERE region = 'eu-west-1'").await.expect("rows");
        let [failure] = failures.as_slice() else { panic!("{failures:?}") };
        assert_eq!(failure["statement"], sql.as_str());
        assert_eq!(failure["table"], TABLE);
        assert_eq!(failure["code"], "AccessDenied");
        assert_eq!(failure["call"], "DescribeIntegrations region=eu-west-1");
        assert!(failure["request_id"].is_string() && failure["at"].is_string(), "{failure}");
    }
    // A whole result empties it.
    lab.sandbox.clear_faults();
    assert_eq!(run(&lab, &sql).await, (300, Vec::new()));
    assert_eq!(lab.count("SELECT * FROM iql.failures").await.expect("rows"), 0);
}

#[tokio::test]
async fn a_page_that_fails_keeps_those_before_it() {
    let lab = lab().await;
    lab.sandbox.add_fault(Fault::new(Trouble::Reset).region("us-east-1").after(2));
    let (rows, warnings) = run(&lab, &format!("SELECT * FROM {TABLE} WHERE {BOTH}")).await;
    assert_eq!((rows, warnings.len()), (200 + 37, 2), "{warnings:?}");
    assert!(warnings[0].contains("in us-east-1") && warnings[0].contains("(Transport)"), "{warnings:?}");
}

#[tokio::test]
async fn what_is_counted_says_that_it_lacks_rows() {
    let lab = lab().await;
    lab.sandbox.add_fault(Fault::new(Trouble::Denied).region("us-east-1"));
    let sql = format!("SELECT count(*) AS n FROM {TABLE} WHERE {BOTH}");
    assert_eq!(lab.rows(&sql).await.expect("rows")[0]["n"], 37);
    let (_, warnings) = run(&lab, &sql).await;
    assert_eq!(
        warnings[1],
        "partial result: the rows of 1 call are missing, and what is counted or summed lacks them; `iql.failures` lists them"
    );
}

#[tokio::test]
async fn what_stays_for_want_of_others_is_told_of() {
    let lab = lab().await;
    lab.sandbox.add_fault(Fault::new(Trouble::Denied).region("us-east-1"));
    let keys = "(VALUES ('us-east-1'), ('eu-west-1')) k(r)";
    for sql in [
        format!("SELECT r FROM {keys} WHERE NOT EXISTS (SELECT 1 FROM {TABLE} i WHERE i.region = k.r)"),
        format!("SELECT r FROM {keys} LEFT JOIN {TABLE} i ON i.region = k.r WHERE i.region IS NULL"),
    ] {
        let (rows, warnings) = run(&lab, &sql).await;
        assert_eq!((rows, warnings.len()), (1, 2), "{warnings:?}");
        assert!(warnings[1].contains("finds no other for may have one among them"), "{warnings:?}");
    }
}

#[tokio::test]
async fn nothing_read_is_an_error() {
    let lab = lab().await;
    lab.trouble(0, None, Trouble::Denied);
    for select in ["*", "count(*)"] {
        let mut outcome = lab.session.run(format!("SELECT {select} FROM {TABLE} WHERE {BOTH}")).await.expect("planned");
        let error = outcome.rows.next().await.expect("an item").expect_err("no rows");
        assert_eq!(error.kind, Kind::Denied);
        assert!(error.context.contains(&"none of 2 calls succeeded".to_string()), "{error}");
        assert!(outcome.rows.next().await.is_none());
    }
}

#[tokio::test]
async fn a_call_that_is_never_made_fails_nothing() {
    let lab = lab().await;
    lab.sandbox.add_fault(Fault::new(Trouble::Denied).region("us-east-1"));
    let sql = format!("SELECT * FROM {TABLE} WHERE region IN ('eu-west-1', 'us-east-1') LIMIT 5");
    assert_eq!(run(&lab, &sql).await, (5, Vec::new()));
}

#[tokio::test]
async fn a_failure_that_several_scans_meet_is_one() {
    let lab = lab().await;
    lab.sandbox.add_fault(Fault::new(Trouble::Denied).region("us-east-1"));
    let sql = format!(
        "SELECT a.integration_name FROM {TABLE} a JOIN {TABLE} b ON a.integration_arn = b.integration_arn WHERE a.{BOTH} AND b.{BOTH}"
    );
    let (rows, warnings) = run(&lab, &sql).await;
    assert_eq!((rows, warnings.len()), (37, 2), "{warnings:?}");
}

#[tokio::test]
async fn what_writes_and_what_is_kept_reads_strictly() {
    let lab = lab().await;
    lab.sandbox.add_fault(Fault::new(Trouble::Denied).region("us-east-1"));
    lab.asked();
    for sql in [
        format!("UPDATE {TABLE} SET tags = '[]' WHERE {BOTH} AND integration_name LIKE 'orders%'"),
        format!("DELETE FROM {TABLE} WHERE {BOTH} AND integration_name = 'orders-feed-001'"),
        format!("CREATE MATERIALIZED VIEW kept AS SELECT * FROM {TABLE} WHERE {BOTH}"),
    ] {
        let error = lab.count(&sql).await.expect_err(&sql);
        assert_eq!(error.kind, Kind::Denied, "{error}");
    }
    assert!(lab.asked().iter().all(|call| call.starts_with("DescribeIntegrations")));
    assert_eq!(lab.count("SELECT * FROM kept").await.expect_err("no view").kind, Kind::Name);
    // A table of the session is what there was to read.
    let (_, warnings) = run(&lab, &format!("CREATE TABLE t AS SELECT * FROM {TABLE} WHERE {BOTH}")).await;
    assert_eq!(warnings.len(), 2);
    assert_eq!(lab.count("SELECT * FROM t").await.expect("rows"), 37);
}

#[tokio::test]
async fn a_limit_is_no_failure_of_a_call() {
    let lab = Lab::with(|settings| {
        settings.partial = true;
        settings.limits.max_calls = Some(2);
    })
    .await;
    let error = lab.count(&format!("SELECT * FROM {TABLE} WHERE region = 'us-east-1'")).await.expect_err("a limit");
    assert_eq!(error.kind, Kind::Limit);
}

#[test]
fn the_program_says_so_by_its_exit_code() {
    let home = Home::new();
    // Only the first of these regions is one that the credentials are good for.
    let sql = "SELECT count(*) AS n FROM awscc.redshift.integrations WHERE region IN ('eu-west-1', 'us-gov-west-1')";
    let run = |flags: &[&str]| {
        let arguments: Vec<&str> =
            ["exec", "--sandbox", "-o", "jsonl"].into_iter().chain(flags.iter().copied()).collect();
        home.run(&[arguments.as_slice(), &[sql]].concat())
    };
    let hidden = |text: String| {
        regex::Regex::new(r"[0-9a-f]{8}-[0-9a-f-]{27}").expect("a pattern").replace_all(&text, "[id]").into_owned()
    };
    insta::assert_snapshot!("strict", hidden(run(&[])));
    insta::assert_snapshot!("partial", hidden(run(&["--partial"])));
    // Rows that are missing are no matter for `--quiet`.
    assert_eq!(run(&["--partial", "--quiet"]).lines().next(), Some("exit 3"));
}
