//! Canonical queries, each with the fewest calls that can answer it, counted by hand. A page has up to a hundred rows.

use crate::lab::Lab;

/// The query, its rows, the fewest calls, and why these. `{i}` is the table of integrations; us-east-1 has 263 of them,
/// eu-west-1 37 and us-west-2 48: three pages, one and one. `{arn}` is one of us-east-1's, `{another}` another.
const QUERIES: &[(&str, usize, usize, &str)] = &[
    // Projections and filters
    ("SELECT * FROM {i} WHERE region = 'us-east-1'", 263, 3, "three pages"),
    ("SELECT integration_name FROM {i} WHERE region = 'us-east-1'", 263, 3, "a page has whole rows in any case"),
    ("SELECT region FROM {i} WHERE region = 'us-east-1'", 263, 3, "how many rows there are, only the pages tell"),
    ("SELECT * FROM {i} WHERE region = 'us-east-1' AND status = 'failed'", 12, 1, "the service filters by status"),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' AND status IN ('failed', 'deleting')",
        17,
        1,
        "by a list of them, in one call",
    ),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' AND status <> 'active' AND status IN ('failed', 'active')",
        12,
        1,
        "the service is asked for what can pass",
    ),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' AND integration_name LIKE 'orders-%'",
        17,
        3,
        "no filter by name: all pages",
    ),
    ("SELECT * FROM {i} WHERE region = 'us-east-1' AND 1 = 2", 0, 0, "nothing can match"),
    ("SELECT * FROM {i} WHERE region = 'us-east-1' AND region = 'eu-west-1'", 0, 0, "nothing can match"),
    ("SELECT * FROM {i} WHERE region = 'us-east-1' AND status = NULL", 0, 0, "nothing is equal to NULL"),
    // Counts
    ("SELECT count(*) FROM {i} WHERE region = 'us-east-1'", 1, 3, "no call counts"),
    ("SELECT status, count(*) FROM {i} WHERE region = 'eu-west-1' GROUP BY status", 6, 1, "one page"),
    ("SELECT count(DISTINCT status), max(create_time) FROM {i} WHERE region = 'us-east-1'", 1, 3, "every row counts"),
    // LIMIT
    ("SELECT * FROM {i} WHERE region = 'us-east-1' LIMIT 5", 5, 1, "a page has them"),
    ("SELECT * FROM {i} WHERE region = 'us-east-1' LIMIT 150", 150, 2, "two pages"),
    ("SELECT * FROM {i} WHERE region = 'us-east-1' LIMIT 1 OFFSET 99", 1, 1, "the page's last"),
    ("SELECT * FROM {i} WHERE region = 'us-east-1' LIMIT 0", 0, 0, "none is wanted"),
    ("SELECT * FROM {i} WHERE region IN ('eu-west-1', 'us-east-1') LIMIT 30", 30, 1, "the first region has them"),
    ("SELECT * FROM {i} WHERE region IN ('eu-west-1', 'us-east-1') LIMIT 40", 40, 2, "the first has 37"),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' ORDER BY create_time LIMIT 5",
        5,
        3,
        "the service's order is its own",
    ),
    (
        "SELECT * FROM (SELECT * FROM {i} WHERE region = 'us-east-1' LIMIT 5) ORDER BY create_time",
        5,
        1,
        "any five, then sorted",
    ),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' AND lower(integration_name) LIKE '%to-dwh%' LIMIT 2",
        2,
        1,
        "the first page has two",
    ),
    (
        "SELECT integration_name FROM {i} WHERE region = 'us-east-1' UNION ALL SELECT integration_name FROM {i} WHERE region = 'eu-west-1' LIMIT 3",
        3,
        1,
        "the first part has them",
    ),
    // EXISTS
    ("SELECT 1 WHERE EXISTS (SELECT 1 FROM {i} WHERE region = 'us-east-1')", 1, 1, "one row is enough"),
    (
        "SELECT CASE WHEN count(*) > 0 THEN 1 END FROM (SELECT 1 FROM {i} WHERE region = 'us-east-1' LIMIT 1)",
        1,
        1,
        "one row is enough",
    ),
    (
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM {i} WHERE region = 'us-east-1' AND status = 'failed')",
        0,
        1,
        "one row is enough",
    ),
    // The same table twice
    (
        "SELECT * FROM {i} a JOIN {i} b ON a.source_arn = b.source_arn WHERE a.region = 'us-east-1' AND b.region = 'us-east-1'",
        263,
        3,
        "the same pages",
    ),
    (
        "SELECT * FROM {i} a JOIN {i} b USING (region, integration_arn) WHERE a.region = 'us-east-1'",
        263,
        3,
        "the same pages",
    ),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' AND create_time = (SELECT max(create_time) FROM {i} WHERE region = 'us-east-1')",
        6,
        3,
        "the same pages",
    ),
    (
        "SELECT integration_arn FROM {i} WHERE region = 'us-east-1' UNION SELECT integration_arn FROM {i} WHERE region = 'us-east-1'",
        263,
        3,
        "the same pages",
    ),
    (
        "WITH t AS (SELECT * FROM {i} WHERE region = 'us-east-1') SELECT (SELECT count(*) FROM t) AS a, (SELECT count(*) FROM t WHERE status = 'failed') AS b",
        1,
        3,
        "the same pages",
    ),
    (
        "SELECT integration_arn FROM {i} WHERE region = 'us-east-1' EXCEPT SELECT integration_arn FROM {i} WHERE region = 'eu-west-1'",
        263,
        4,
        "one list each",
    ),
    (
        "SELECT integration_arn FROM {i} WHERE region = 'us-east-1' UNION ALL SELECT integration_arn FROM awscc.redshift.integrations_list_only WHERE region = 'us-east-1'",
        526,
        3,
        "another name of the same call",
    ),
    // Regions
    (
        "SELECT DISTINCT region FROM {i} WHERE region IN ('us-east-1', 'eu-west-1')",
        2,
        4,
        "whether there is a row, and then all of them",
    ),
    ("SELECT * FROM {i} WHERE region = 'us-east-1' OR region = 'eu-west-1'", 300, 4, "one list each"),
    ("SELECT * FROM {i} WHERE region IN ('eu-west-1', 'us-west-2', 'eu-west-1')", 85, 2, "each once"),
    (
        "SELECT * FROM {i} WHERE (region = 'eu-west-1' AND status = 'failed') OR (region = 'us-west-2' AND status = 'active')",
        41,
        2,
        "one list each",
    ),
    ("SELECT * FROM {i} WHERE region IN ('eu-west-1', 'us-west-2') AND region <> 'us-west-2'", 37, 1, "one is left"),
    ("SELECT * FROM {i} WHERE region IN ('eu-west-1', 'us-west-2') AND region LIKE 'us-%'", 48, 1, "one is left"),
    (
        "SELECT * FROM {i} WHERE region = (SELECT max(r) FROM (VALUES ('eu-west-1'), ('us-west-2')) v(r))",
        48,
        1,
        "one is meant",
    ),
    // Key look-ups
    ("SELECT * FROM {i} WHERE region = 'us-east-1' AND integration_arn = '{arn}'", 1, 1, "one key"),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' AND integration_arn IN ('{arn}', '{another}')",
        2,
        1,
        "a call takes a hundred",
    ),
    (
        "SELECT * FROM {i} WHERE region IN ('us-east-1', 'eu-west-1') AND integration_arn = '{arn}'",
        1,
        1,
        "an ARN names its region",
    ),
    ("SELECT * FROM {i} WHERE region = 'eu-west-1' AND integration_arn = '{arn}'", 0, 0, "an ARN names its region"),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' AND (integration_arn = '{arn}' OR integration_arn = '{another}') AND status = 'nothing'",
        0,
        1,
        "by key, then filtered",
    ),
    ("SELECT count(*) FROM {i} WHERE region = 'us-east-1' AND integration_arn = '{arn}'", 1, 1, "one key"),
    // Joins
    (
        "SELECT * FROM {i} i JOIN aws.redshift.clusters c ON c.cluster_namespace_arn = i.target_arn AND c.region = i.region WHERE i.region = 'eu-west-1'",
        31,
        2,
        "one list each",
    ),
    ("SELECT * FROM {i} i JOIN (VALUES ('eu-west-1'), ('us-west-2')) v(r) ON i.region = v.r", 85, 2, "one list each"),
    (
        "SELECT * FROM {i} i JOIN (VALUES ('eu-west-1'), ('us-west-2')) v(r) ON i.region = v.r LIMIT 5",
        5,
        1,
        "the first region has them",
    ),
    (
        "SELECT * FROM {i} WHERE region IN (SELECT r FROM (VALUES ('eu-west-1'), ('eu-west-1')) v(r))",
        37,
        1,
        "each once",
    ),
    (
        "SELECT * FROM (VALUES ('{arn}'), ('{another}')) v(a) JOIN {i} i ON i.integration_arn = v.a AND i.region = split_part(v.a, ':', 4)",
        2,
        1,
        "a call takes a hundred",
    ),
    (
        "SELECT * FROM (VALUES ('{arn}'), ('{another}')) v(a) JOIN {i} i ON i.integration_arn = v.a WHERE i.region = 'us-east-1'",
        2,
        1,
        "two keys are less than a list",
    ),
    (
        "SELECT * FROM {i} WHERE region = 'us-east-1' AND integration_arn IN (SELECT a FROM (VALUES ('{arn}'), ('{another}')) v(a))",
        2,
        1,
        "two keys are less than a list",
    ),
    (
        "SELECT * FROM awscc.redshift.integrations_list_only l JOIN {i} i ON i.Identifier = l.integration_arn AND i.region = l.region WHERE l.region = 'us-east-1'",
        263,
        3,
        "the list has all that the keys would bring",
    ),
    (
        "SELECT * FROM awscc.redshift.integrations_list_only l JOIN {i} i ON i.Identifier = l.integration_arn AND i.region = split_part(l.integration_arn, ':', 4) WHERE l.region = 'us-east-1'",
        263,
        3,
        "the same, though nobody says so",
    ),
    (
        "SELECT l.integration_arn, i.status FROM awscc.redshift.integrations_list_only l JOIN {i} i ON i.Identifier = l.integration_arn AND i.region = split_part(l.integration_arn, ':', 4) WHERE l.region = 'us-east-1' LIMIT 3",
        3,
        1,
        "the first page has both",
    ),
    (
        "SELECT * FROM (VALUES ('eu-west-1', 1), ('us-west-2', 2)) v(r, n) LEFT JOIN {i} i ON i.region = v.r AND i.region <> 'us-west-2'",
        38,
        1,
        "a condition on the key leaves one region",
    ),
    (
        "SELECT * FROM (VALUES ('eu-west-1', 1), ('us-west-2', 2)) v(r, n) LEFT JOIN {i} i ON i.region = v.r AND v.n = 1",
        38,
        1,
        "a condition on the other side leaves one region",
    ),
    (
        "SELECT * FROM (VALUES ('eu-west-1'), ('us-west-2')) v(r) WHERE EXISTS (SELECT 1 FROM {i} i WHERE i.region = v.r AND i.region LIKE 'eu-%')",
        1,
        1,
        "a condition on the key leaves one region",
    ),
    (
        "SELECT v.r, x.integration_name FROM (VALUES ('eu-west-1'), ('us-west-2')) v(r), LATERAL (SELECT integration_name FROM {i} i WHERE i.region = v.r ORDER BY integration_name LIMIT 2) x",
        4,
        2,
        "the first two of each region",
    ),
    (
        "SELECT v.r, x.n FROM (VALUES ('eu-west-1'), ('us-west-2')) v(r), LATERAL (SELECT integration_name, count(*) OVER () AS n FROM {i} i WHERE i.region = v.r) x WHERE x.n < 40",
        37,
        2,
        "each region's rows are a window of their own",
    ),
    ("SELECT * FROM (VALUES (NULL), ('nowhere')) v(r) LEFT JOIN {i} i ON i.region = v.r", 2, 0, "nothing can match"),
];

#[tokio::test]
async fn canonical_queries_cost_the_fewest_calls() {
    let lab = Lab::new().await;
    let arns = "SELECT integration_arn FROM aws.redshift.integrations WHERE region = 'us-east-1' ORDER BY integration_arn LIMIT 2";
    let arns = lab.rows(arns).await.expect("two");
    let arn = |at: usize| arns[at]["integration_arn"].as_str().expect("an ARN");
    lab.sandbox.clear_requests();
    let mut complaints = Vec::new();
    for (sql, rows, calls, why) in QUERIES {
        let sql = sql.replace("{i}", "aws.redshift.integrations").replace("{arn}", arn(0)).replace("{another}", arn(1));
        let found = lab.count(&sql).await.map_err(|error| error.to_string());
        let asked = lab.asked();
        if found != Ok(*rows) || asked.len() != *calls {
            complaints.push(format!(
                "{sql}\n  {found:?} rows by {} calls, not {rows} by {calls} ({why})\n  {asked:#?}",
                asked.len()
            ));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
