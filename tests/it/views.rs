//! Views across sessions and processes: what is kept, what is not, and what is broken.

use std::path::PathBuf;

use futures::StreamExt;
use iql::Engine;
use iql::error::Kind;
use iql::sandbox::{Fault, Trouble};

use crate::cli::Home;
use crate::lab::{self, Lab};

const TABLE: &str = "awscc.redshift.integrations";

/// A second program on the same state.
fn another(lab: &Lab) -> iql::Session {
    let mut settings = lab::settings(&lab.sandbox);
    settings.state = lab.state();
    settings.limits.tries = 1;
    Engine::open(settings).expect("an engine").session()
}

fn files(lab: &Lab) -> Vec<String> {
    let entries = std::fs::read_dir(lab.state().join("views")).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn file(lab: &Lab, name: &str) -> PathBuf {
    lab.state().join("views").join(name)
}

#[tokio::test]
async fn a_view_is_there_for_the_next_session() {
    let lab = Lab::new().await;
    lab.count(&format!("CREATE VIEW inventory AS SELECT * FROM {TABLE}")).await.expect("made");
    lab.count("CREATE MATERIALIZED VIEW kept AS SELECT SourceArn, tags FROM inventory WHERE region = 'eu-west-1'")
        .await
        .expect("made");
    lab.asked();
    let other = another(&lab);
    assert_eq!(lab::rows(&other, "SELECT source_arn FROM kept").await.expect("rows").len(), 37);
    // The rows are the file's: nothing is asked.
    assert_eq!(lab.asked(), Vec::<String>::new());
    assert_eq!(lab::rows(&other, "SELECT * FROM inventory WHERE region = 'eu-west-1'").await.expect("rows").len(), 37);
    let shown = lab::rows(&other, "SHOW VIEWS").await.expect("rows");
    assert_eq!((shown[0]["name"].as_str(), shown[0]["kind"].as_str()), (Some("inventory"), Some("view")));
    assert_eq!(shown[0]["definition"], format!("SELECT * FROM {TABLE}"));
    assert_eq!((shown[1]["kind"].as_str(), shown[1]["rows"].as_i64()), (Some("materialized"), Some(37)));
    assert!(shown[1]["refreshed"].is_string() && shown[0].get("refreshed").is_none_or(|time| time.is_null()));
    assert_eq!(lab::rows(&other, "SHOW VIEWS WHERE rows > 3").await.expect("rows").len(), 1);
    let described = other.run("DESCRIBE EXTENDED kept").await.expect("described");
    assert!(described.notices[0].starts_with("kept: materialized view, 37 rows as of "), "{:?}", described.notices);
    lab::rows(&other, "DROP VIEW inventory").await.expect("dropped");
    // It is gone for all of them.
    assert_eq!(lab.count("SELECT * FROM inventory").await.expect_err("gone").kind, Kind::Name);
    assert_eq!(files(&lab), [".lock", "kept.parquet"]);
}

#[tokio::test]
async fn a_refresh_is_whole_or_nothing() {
    let lab = Lab::with(|settings| settings.limits.tries = 1).await;
    let both = "region IN ('us-east-1', 'eu-west-1')";
    lab.count(&format!("CREATE MATERIALIZED VIEW kept AS SELECT * FROM {TABLE} WHERE {both}")).await.expect("made");
    let before = std::fs::read(file(&lab, "kept.parquet")).expect("a file");
    lab.sandbox.add_fault(Fault::new(Trouble::Denied).region("eu-west-1"));
    let error = lab.count("REFRESH MATERIALIZED VIEW kept").await.expect_err("a region fails");
    assert_eq!(error.kind, Kind::Denied);
    assert!(error.context.contains(&"the view `kept` keeps the rows that it has".to_string()), "{error}");
    assert_eq!(std::fs::read(file(&lab, "kept.parquet")).expect("a file"), before);
    assert_eq!(files(&lab), [".lock", "kept.parquet"]);
    // Who reads while it is refreshed reads to the end what it began with.
    lab.sandbox.clear_faults();
    let mut reading = lab.session.run("SELECT integration_name FROM kept").await.expect("planned").rows;
    let first = reading.next().await.expect("a batch").expect("rows").num_rows();
    lab.count("REFRESH MATERIALIZED VIEW kept").await.expect("refreshed");
    let mut rows = first;
    while let Some(batch) = reading.next().await {
        rows += batch.expect("rows").num_rows();
    }
    assert_eq!(rows, 300);
}

#[tokio::test]
async fn a_broken_file_is_its_own_views_trouble() {
    let lab = Lab::new().await;
    lab.count("CREATE VIEW good AS SELECT 1 AS a").await.expect("made");
    std::fs::write(file(&lab, "bad.json"), "{").expect("written");
    std::fs::write(file(&lab, "cut.parquet"), "PAR1").expect("written");
    std::fs::write(file(&lab, "notes.txt"), "not ours").expect("written");
    assert_eq!(lab.count("SELECT * FROM good").await.expect("rows"), 1);
    for name in ["bad", "cut"] {
        let error = lab.count(&format!("SELECT * FROM {name}")).await.expect_err("broken");
        assert_eq!((error.kind, error.message), (Kind::Io, format!("the view `{name}` is broken")));
    }
    let shown = lab.rows("SELECT 1").await.expect("rows");
    assert_eq!(shown.len(), 1);
    let kinds: Vec<_> = lab.rows("SHOW VIEWS").await.expect("rows").iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["broken", "broken", "view"]);
    // It can be made anew, or removed.
    lab.count("CREATE OR REPLACE VIEW bad AS SELECT 2 AS a").await.expect("made");
    lab.count("DROP VIEW cut").await.expect("dropped");
    assert_eq!(lab.count("SHOW VIEWS").await.expect("rows"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_make_one_view_at_once_make_one() {
    let lab = Lab::new().await;
    let sessions: Vec<_> = (0..4).map(|_| another(&lab)).collect();
    let made = futures::future::join_all(
        sessions
            .iter()
            .enumerate()
            .map(async |(at, session)| session.run(format!("CREATE VIEW one AS SELECT {at} AS a")).await.is_ok()),
    )
    .await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
    let winner = made.iter().position(|made| *made).expect("one");
    assert_eq!(lab.rows("SELECT a FROM one").await.expect("rows")[0]["a"], winner);
}

#[test]
fn the_sandboxs_views_are_its_own() {
    let home = Home::new();
    let sql = "CREATE VIEW v AS SELECT * FROM awscc.redshift.integrations WHERE region = 'eu-west-1'";
    assert!(home.sql(sql).starts_with("exit 0"), "{}", home.sql(sql));
    let count = "SELECT count(*) AS n FROM v";
    assert!(home.run(&["exec", "--sandbox", "-o", "jsonl", count]).contains("{\"n\":37}"));
    // Not for the real accounts, nor for another sandbox.
    assert!(home.run(&["exec", count]).contains("there is no table `v`"));
    assert!(home.run(&["exec", "--sandbox=other", count]).contains("there is no table `v`"));
}
