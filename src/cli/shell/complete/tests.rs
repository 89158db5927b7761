//! What is offered where, on the built-in documents.

use super::*;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| crate::catalog::load(None).expect("documents").catalog().expect("a catalog"));

/// `|` is the cursor.
fn offered(text: &str) -> Vec<String> {
    let names = Names {
        functions: vec!["count".into(), "concat".into(), "json_extract".into()],
        settings: vec!["iql.tries".into(), "iql.timeout".into(), "awscc.region".into()],
        variables: vec!["where".into()],
        tables: vec![("estate".into(), vec!["account".into(), "size".into()])],
        views: vec![("ending".into(), vec!["ended_at".into()])],
        definitions: Vec::new(),
    };
    let (before, behind) = text.split_once('|').expect("a cursor");
    let completions = complete(before, behind, &CATALOG, &names);
    if completions.files { vec!["<file>".into()] } else { completions.words }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(offered(text), expected, "{text}");
}

#[test]
fn names_are_offered_by_segment() {
    check("SELECT * FROM |", &["aws.", "awscc.", "immuta.", "estate", "ending"]);
    check("\\d est|", &["estate"]);
    check("SELECT * FROM ending WHERE ended|", &["ended_at"]);
    check("SELECT * FROM awscc.|", &["redshift."]);
    check("select * from awscc.redshift.integ|", &["integrations", "integrations_list_only"]);
    check("SELECT * FROM clus|", &["aws.redshift.clusters"]);
    check("SELECT * FROM a.b.c JOIN immuta.|", &["integrations."]);
    check("SELECT * FROM awscc.redshift.integrations, aw|", &["aws.", "awscc."]);
    check("UPDATE awscc.red|", &["redshift."]);
    check("INSERT INTO awscc.red|", &["redshift."]);
    check("DELETE FROM immut|", &["immuta."]);
    check("DESCRIBE EXTENDED awscc.red|", &["redshift."]);
    check("SHOW METHODS IN awscc.redshift.integrations_|", &["integrations_list_only"]);
    check("SHOW RESOURCES IN awscc.|", &["redshift"]);
    check("SHOW SERVICES IN im|", &["immuta"]);
}

#[test]
fn fields_are_those_of_the_tables_in_scope() {
    let first = |text: &str, count: usize| offered(text).into_iter().take(count).collect::<Vec<_>>();
    assert_eq!(first("SELECT | FROM awscc.redshift.integrations", 1), ["region"]);
    assert_eq!(first("SELECT * FROM awscc.redshift.integrations WHERE |", 1), ["region"]);
    check("SELECT source_| FROM awscc.redshift.integrations", &["source_arn"]);
    check("SELECT SourceA| FROM awscc.redshift.integrations", &["SourceArn"]);
    check("SELECT i.integration_n| FROM awscc.redshift.integrations AS i", &["integration_name"]);
    check("SELECT x.integration_n| FROM awscc.redshift.integrations AS i", &[]);
    check(
        "SELECT * FROM awscc.redshift.integrations i JOIN aws.redshift.clusters c ON c.cluster_id|",
        &["cluster_identifier"],
    );
    check("UPDATE awscc.redshift.integrations SET |", &["integration_name", "tags", "PatchDocument"]);
    check("UPDATE awscc.redshift.integrations SET tags = '[]', Inte|", &["IntegrationName"]);
    check("UPDATE awscc.redshift.integrations SET integration_name = source_|", &["source_arn"]);
    check("SELECT 1 FROM awscc.redshift.integrations ORDER BY integration_n|", &["integration_name"]);
    check("SELECT siz| FROM estate", &["size"]);
    check("SELECT e.| FROM awscc.redshift.integrations i, estate e", &["account", "size"]);
    check("SELECT coun|", &["count("]);
    check("SELECT COUN|", &["count("]);
    check("SELECT 1 FROM a.b.c WHERE x = :wh|", &["where"]);
}

#[test]
fn required_ones_come_first() {
    let columns = offered("INSERT INTO awscc.redshift.integrations (|");
    assert_eq!(columns[..2], ["source_arn", "target_arn"]);
    assert!(!columns.contains(&"integration_arn".to_string()), "{columns:?}");
    assert!(columns.contains(&"region".to_string()), "{columns:?}");
    let arguments = offered("EXEC awscc.redshift.integrations.delete_resource |");
    assert_eq!(arguments[..2], ["@Identifier", "@region"]);
    check("EXEC awscc.redshift.integrations.delete_resource @region = 'x', @Id|", &["@Identifier"]);
    check("EXEC awscc.redshift.integrations.dele|", &["delete_resource"]);
    check("EXEC immuta.integrations.scripts.delete @i|", &["@id", "@immuta_host"]);
}

#[test]
fn words_are_offered_where_they_may_stand() {
    check("SEL|", &["SELECT"]);
    check("sel|", &["select"]);
    check("EXPLAIN SEL|", &["SELECT"]);
    check("SHOW RES|", &["RESOURCES IN"]);
    check("SHOW V|", &["VIEWS", "VERSION"]);
    check("SELECT 1 FROM a.b.c WHE|", &["WHERE"]);
    check("SELECT 1; SHO|", &["SHOW"]);
    check("UPDATE a.b.c S|", &["SET"]);
    check("SET iql.t|", &["iql.tries", "iql.timeout"]);
    check("RESET awscc.|", &["awscc.region"]);
    check("SELECT 'aws|", &[]);
    check("SELECT 1 -- aws|", &[]);
}

#[test]
fn commands_and_what_they_take_are_offered() {
    check("\\tim|", &["\\timing"]);
    check(".tim|", &[".timer"]);
    check("\\timing o|", &["on", "off"]);
    check("\\x a|", &["auto"]);
    check("\\format js|", &["json", "jsonl"]);
    check("\\i exam|", &["<file>"]);
    check("\\d awscc.redshift.integrations_|", &["integrations_list_only"]);
    check("\\pset pager o|", &["on", "off"]);
    check("\\unset wh|", &["where"]);
    check("\\if :w|", &[":where"]);
    check("SELECT * FROM 'wan|", &["<file>"]);
    check("SELECT 1;\nCREATE EXTERNAL TABLE t STORED AS CSV LOCATION '|", &["<file>"]);
    check("COPY (SELECT 1) TO 'a/b|", &["<file>"]);
    check("UPDATE t SET x = 'TO '|", &[]);
    check("SELECT 1 \\watc|", &["\\watch"]);
}
