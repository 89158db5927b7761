//! How often fixed statements ask for memory: a figure that noise does not move. One that grows has to be changed here,
//! in the commit that makes it grow, which says why.

use futures::TryStreamExt;
use iql::Engine;
use iql::sandbox::{self, Running};

use crate::lab;

/// What a kept figure may be exceeded by; below it by as much, it is out of date, and hides what grows next.
const PERCENT: u64 = 5;

/// A statement, and its allocations on the dev profile, from its text to its last batch, when it is run a second time.
const KEPT: &[(&str, u64)] = &[
    // What a row costs: 263 of them, on three pages.
    ("SELECT * FROM aws.redshift.integrations WHERE region = 'us-east-1'", 13_480),
    // What a plan costs: params from a join, JSON, an aggregate.
    (
        "SELECT i.status, count(*) AS n, max(json_extract(i.tags, '$[0].Value')) AS tag \
         FROM (VALUES ('eu-west-1'), ('us-west-2')) AS v (region) \
         JOIN aws.redshift.integrations i ON i.region = v.region \
         WHERE i.integration_name LIKE '%a%' GROUP BY i.status ORDER BY n DESC",
        22_080,
    ),
    // What a change costs until it is sent.
    (
        "EXPLAIN UPDATE awscc.redshift.integrations SET tags = '[{\"key\": \"team\", \"value\": \"billing\"}]' \
         WHERE region = 'eu-west-1'",
        34_830,
    ),
];

#[test]
fn no_statement_asks_for_more_memory_than_before() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = sandbox::Options { dir: dir.path().join("sandbox"), ..Default::default() };
    // Counted is this thread alone: the sandbox has threads of its own.
    let others = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
    let sandbox = others.block_on(sandbox::start(&options)).expect("a sandbox");
    let found: Vec<u64> = KEPT.iter().map(|(sql, _)| allocations(&sandbox, sql)).collect();
    let report: String =
        KEPT.iter().zip(&found).map(|((sql, kept), now)| format!("{now:>9}, kept {kept:>9}: {sql}\n")).collect();
    for ((_, kept), now) in KEPT.iter().zip(&found) {
        let most = kept + kept * PERCENT / 100;
        assert!(*now <= most, "more allocations than before:\n{report}");
        assert!(
            *now >= kept - kept * PERCENT / 100,
            "fewer allocations: keep the new figures, they hold what was won\n{report}"
        );
    }
}

fn allocations(sandbox: &Running, sql: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a thread");
    let session = Engine::open(lab::settings(sandbox)).expect("an engine").session();
    let run = || {
        runtime.block_on(async {
            let outcome = session.run(sql).await.expect("a statement");
            outcome.rows.try_collect::<Vec<_>>().await.expect("rows")
        })
    };
    // The first run makes the connections and what else is made once.
    let first = run();
    let mut second = Vec::new();
    let counted = allocation_counter::measure(|| second = run());
    assert_eq!(first, second, "{sql}");
    counted.count_total
}
