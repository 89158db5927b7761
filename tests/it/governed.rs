//! `examples/governed.iql`: one question to two providers, answered again from their lists by hand.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lab::Lab;

const EXAMPLE: &str = include_str!("../../examples/governed.iql");
const REGIONS: &str = "region IN ('us-east-1', 'us-west-2', 'eu-west-1')";

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn what_is_governed_is_what_the_lists_say() {
    let lab = Lab::new().await;
    let verdicts = lab.rows(EXAMPLE).await.expect("rows");
    let asked = lab.asked();
    assert_eq!(asked.iter().filter(|line| line.starts_with("GET /integrations")).count(), 1, "{asked:?}");
    let pages = asked.iter().filter(|line| line.starts_with("DescribeIntegrations")).count();
    let clusters = asked.iter().filter(|line| line.starts_with("DescribeClusters")).count();
    // Three pages of us-east-1, one of each other region.
    assert_eq!((pages, clusters, asked.len()), (5, 3, 9), "{asked:?}");

    let list = async |sql: String| lab.rows(&sql).await.expect("rows");
    let landing = list(format!("SELECT * FROM aws.redshift.integrations WHERE {REGIONS}")).await;
    let clusters = list(format!("SELECT * FROM aws.redshift.clusters WHERE {REGIONS}")).await;
    let immuta = list("SELECT * FROM immuta.integrations.redshift_integrations".into()).await;
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for row in &landing {
        let warehouse = clusters.iter().find(|cluster| cluster["cluster_namespace_arn"] == row["target_arn"]);
        let governor = warehouse.and_then(|cluster| {
            immuta.iter().find(|one| {
                text(one, "host") == text(cluster, "endpoint_address") && one["port"] == cluster["endpoint_port"]
            })
        });
        let verdict = match (warehouse, governor.map(|one| text(one, "status"))) {
            (None, _) => "not governed: no cluster of these regions".into(),
            (_, None) => "not governed".into(),
            (_, Some("enabled")) => "governed".into(),
            (_, Some(status)) => format!("governed, but Immuta says {status}"),
        };
        *expected.entry(verdict).or_default() += 1;
    }
    let mut found: BTreeMap<String, i64> = BTreeMap::new();
    for row in verdicts.iter().filter(|row| text(row, "verdict") != "Immuta points at nothing") {
        *found.entry(text(row, "verdict").into()).or_default() += row["integrations"].as_i64().unwrap_or_default();
    }
    assert_eq!(found, expected);
    assert_eq!(expected.len(), 4, "{expected:?}");
    let lost = verdicts.iter().filter(|row| text(row, "verdict") == "Immuta points at nothing");
    assert_eq!(lost.map(|row| text(row, "immuta_id")).collect::<Vec<_>>(), ["7"]);
}
