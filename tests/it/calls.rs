//! The calls that a statement makes are counted: as few as its words allow, and none twice.

use iql::sandbox::Trouble;

use crate::lab::Lab;

/// us-east-1 of the seeded estate has 263 integrations, eu-west-1 has 37: three pages and one.
const BOTH: &str = "region IN ('us-east-1', 'eu-west-1')";

async fn check(sql: &str, rows: usize, calls: usize) {
    let lab = Lab::new().await;
    assert_eq!(lab.count(sql).await.map_err(|e| e.to_string()), Ok(rows), "{sql}");
    let asked = lab.asked();
    assert_eq!(asked.len(), calls, "{sql}\n{asked:#?}");
}

#[tokio::test]
async fn a_list_reads_every_page_once() {
    check("SELECT * FROM awscc.redshift.integrations WHERE region = 'us-east-1'", 263, 3).await;
    check(&format!("SELECT integration_name FROM awscc.redshift.integrations WHERE {BOTH}"), 300, 4).await;
    check(&format!("SELECT region, integration_arn FROM awscc.redshift.integrations_list_only WHERE {BOTH}"), 300, 4)
        .await;
    check("SELECT count(*) FROM awscc.redshift.integrations WHERE region = 'us-east-1'", 1, 3).await;
    let either = "region = 'us-east-1' OR region = 'eu-west-1'";
    check(&format!("SELECT * FROM aws.redshift.integrations WHERE {either}"), 300, 4).await;
}

#[tokio::test]
async fn limit_stops_paging() {
    let table = "awscc.redshift.integrations";
    check(&format!("SELECT * FROM {table} WHERE region = 'us-east-1' LIMIT 5"), 5, 1).await;
    check(&format!("SELECT * FROM {table} WHERE region = 'us-east-1' LIMIT 150"), 150, 2).await;
    check(&format!("SELECT * FROM {table} WHERE region = 'us-east-1' LIMIT 5 OFFSET 10"), 5, 1).await;
    // The next region only when rows are still wanted.
    check(&format!("SELECT * FROM {table} WHERE region IN ('eu-west-1', 'us-east-1') LIMIT 30"), 30, 1).await;
    check(&format!("SELECT * FROM {table} WHERE region IN ('eu-west-1', 'us-east-1') LIMIT 40"), 40, 2).await;
    check(&format!("SELECT * FROM {table} WHERE {BOTH} LIMIT 0"), 0, 0).await;
    // A filter that is left to us: a page at a time, as far as needed.
    let filter = "region = 'us-east-1' AND lower(integration_name) LIKE '%to-dwh%'";
    check(&format!("SELECT * FROM {table} WHERE {filter} LIMIT 2"), 2, 1).await;
    // A sort reads everything first.
    check(&format!("SELECT * FROM {table} WHERE region = 'us-east-1' ORDER BY integration_name LIMIT 2"), 2, 3).await;
}

#[tokio::test]
async fn the_first_page_is_never_smaller_than_the_service_takes() {
    let lab = Lab::new().await;
    lab.count("SELECT * FROM awscc.redshift.integrations WHERE region = 'us-east-1' LIMIT 1").await.unwrap();
    let sizes: Vec<String> =
        lab.sandbox.requests().iter().map(|request| request.parameters["MaxRecords"].clone()).collect();
    assert_eq!(sizes, ["20"]);
}

#[tokio::test]
async fn keys_are_looked_up_and_not_listed() {
    let lab = Lab::new().await;
    let all = "SELECT Identifier AS arn FROM awscc.redshift.integrations WHERE region = 'us-east-1'";
    let arns: Vec<String> =
        lab.rows(all).await.unwrap().iter().map(|row| row["arn"].as_str().unwrap().into()).collect();
    lab.asked();
    let one = &arns[7];
    let check = async |filter: String, rows: usize, calls: usize| {
        let sql = format!("SELECT integration_name, Identifier FROM awscc.redshift.integrations WHERE {filter}");
        assert_eq!(lab.count(&sql).await.map_err(|e| e.to_string()), Ok(rows), "{sql}");
        let asked = lab.asked();
        assert_eq!(asked.len(), calls, "{sql}\n{asked:#?}");
    };
    check(format!("region = 'us-east-1' AND Identifier = '{one}'"), 1, 1).await;
    check(format!("region = 'us-east-1' AND integration_arn = '{one}'"), 1, 1).await;
    check(format!("region = 'us-east-1' AND IntegrationArn IN ('{one}', '{}')", arns[8]), 2, 1).await;
    // An ARN names its region: the other region is not asked, nor one that cannot have it.
    check(format!("{BOTH} AND Identifier = '{one}'"), 1, 1).await;
    check(format!("region = 'eu-west-1' AND Identifier = '{one}'"), 0, 0).await;
    // One that does not exist is no row.
    check(format!("region = 'us-east-1' AND Identifier = '{}0'", &one[..one.len() - 1]), 0, 1).await;
    // A hundred a call.
    check(format!("region = 'us-east-1' AND Identifier IN ('{}')", arns.join("', '")), 263, 3).await;
    check("region = 'us-east-1' AND Identifier = ''".into(), 0, 0).await;
    // The service may refuse several in one call: then one call each.
    lab.trouble(0, None, Trouble::RefuseArnFilter);
    check(format!("region = 'us-east-1' AND Identifier IN ('{}')", arns[..5].join("', '")), 5, 6).await;
}

#[tokio::test]
async fn the_services_own_filters_are_used() {
    let lab = Lab::new().await;
    let sql = "SELECT * FROM aws.redshift.integrations WHERE region = 'us-east-1' AND status IN ('failed', 'deleting')";
    assert_eq!(lab.count(sql).await.unwrap(), 17);
    let asked = lab.asked();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert!(asked[0].contains("Name=status") && asked[0].contains("=deleting"), "{asked:#?}");
    let source = &lab
        .rows("SELECT source_arn FROM awscc.redshift.integrations WHERE region = 'eu-west-1' LIMIT 1")
        .await
        .unwrap()[0];
    lab.asked();
    let arn = source["source_arn"].as_str().unwrap();
    let sql = format!("SELECT * FROM awscc.redshift.integrations WHERE region = 'eu-west-1' AND SourceArn = '{arn}'");
    assert!(lab.count(&sql).await.unwrap() >= 1);
    assert!(lab.asked()[0].contains("Name=source-arn"));
    let sql = "SELECT source_type, count(*) AS n FROM aws.redshift.integrations WHERE region = 'us-east-1' AND source_type IN ('s3', 'dynamodb') GROUP BY source_type ORDER BY source_type";
    let rows = lab.rows(sql).await.unwrap();
    let total: i64 = rows.iter().map(|row| row["n"].as_i64().unwrap()).sum();
    assert_eq!((rows.len(), total), (2, 263), "{rows:?}");
    assert!(lab.asked().iter().all(|call| call.contains("Name=source-types")));
}

#[tokio::test]
async fn a_call_asked_for_twice_is_made_once() {
    let table = "awscc.redshift.integrations";
    let join = format!(
        "SELECT a.integration_name FROM {table} a JOIN {table} b ON a.integration_arn = b.integration_arn WHERE a.region = 'us-east-1' AND b.region = 'us-east-1'"
    );
    check(&join, 263, 3).await;
    let union = format!(
        "SELECT integration_arn FROM {table} WHERE region = 'us-east-1' UNION ALL SELECT integration_arn FROM awscc.redshift.integrations_list_only WHERE region = 'us-east-1'"
    );
    check(&union, 526, 3).await;
    let subquery = format!(
        "SELECT integration_name FROM {table} WHERE region = 'us-east-1' AND create_time = (SELECT max(create_time) FROM {table} WHERE region = 'us-east-1')"
    );
    let lab = Lab::new().await;
    assert!(lab.count(&subquery).await.unwrap() >= 1);
    assert_eq!(lab.asked().len(), 3);
    let recursive = format!(
        "WITH RECURSIVE steps(n) AS (SELECT 0 AS n UNION ALL SELECT steps.n + 1 FROM steps JOIN (SELECT count(*) AS c FROM {table} WHERE region = 'eu-west-1') t ON steps.n < 3 AND t.c > 0) SELECT * FROM steps"
    );
    check(&recursive, 4, 1).await;
}

#[tokio::test]
async fn shared_pages_go_to_a_file_when_memory_is_short() {
    let lab = Lab::with(|settings| settings.limits.memory = Some(200_000)).await;
    let table = "awscc.redshift.integrations";
    let sql = format!(
        "SELECT integration_arn FROM {table} WHERE region = 'us-east-1' UNION ALL SELECT tags[1]['key'] FROM {table} WHERE region = 'us-east-1'"
    );
    assert_eq!(lab.count(&sql).await.map_err(|e| e.to_string()), Ok(526));
    assert_eq!(lab.asked().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_in_the_midst_of_a_call_takes_no_rows_with_it() {
    let table = "aws.redshift.integrations WHERE region = 'us-east-1'";
    for sql in [
        format!(
            "SELECT count(*) AS n FROM (SELECT * FROM (SELECT integration_arn FROM {table} UNION ALL SELECT integration_name FROM {table}) LIMIT 150) UNION ALL SELECT count(*) FROM {table}"
        ),
        format!(
            "WITH t AS (SELECT * FROM {table}) SELECT (SELECT status FROM (SELECT DISTINCT status FROM t) LIMIT 1) AS s, count(*) AS n FROM t"
        ),
        format!(
            "WITH t AS (SELECT * FROM {table}) SELECT count(*) AS n FROM t UNION ALL SELECT count(*) FROM (SELECT DISTINCT status FROM t LIMIT 1)"
        ),
    ] {
        let lab = Lab::new().await;
        lab.trouble(0, None, Trouble::Latency { milliseconds: 60 });
        let rows = lab.rows(&sql).await.unwrap();
        assert!(rows.iter().any(|row| row["n"] == 263), "{sql}\n{rows:?}");
        assert_eq!(lab.asked().len(), 3, "{sql}");
    }
}

#[tokio::test]
async fn an_operator_that_reads_again_makes_no_call_again() {
    // Without memory for its left side, a nested loop join reads it a second time.
    for (right, calls) in [("eu-west-1", 4), ("us-east-1", 3)] {
        let lab = Lab::with(|settings| settings.limits.memory = Some(40_000)).await;
        let sql = format!(
            "SELECT count(*) FROM (SELECT * FROM aws.redshift.integrations WHERE region = 'us-east-1') a
             JOIN (SELECT * FROM aws.redshift.integrations WHERE region = '{right}') b
             ON a.create_time < b.create_time AND a.integration_name <> b.integration_name"
        );
        let found = lab.count(&sql).await.map_err(|e| e.to_string());
        assert!(found == Ok(1) || found.as_ref().is_err_and(|e| e.contains("memory")), "{found:?}");
        assert!(lab.asked().len() <= calls, "{right}");
    }
}

#[tokio::test]
async fn a_default_that_names_a_region_twice_reads_it_once() {
    let twice = || vec!["eu-west-1".to_string(), "eu-west-1".to_string()];
    let lab = Lab::with(|settings| settings.aws.regions = twice()).await;
    assert_eq!(lab.rows("SELECT count(*) AS n FROM aws.redshift.integrations").await.unwrap()[0]["n"], 37);
    assert_eq!(lab.asked().len(), 1);
    let narrowed =
        lab.session.run("SELECT count(*) FROM aws.redshift.integrations WHERE region LIKE 'us-%'").await.unwrap();
    assert_eq!(
        narrowed.notices,
        ["`region` is eu-west-1, since nothing here binds it; the condition on it only narrows that"]
    );
}

#[tokio::test]
async fn max_calls_stops_with_an_error_and_not_with_fewer_rows() {
    let lab = Lab::with(|settings| settings.limits.max_calls = Some(2)).await;
    let error = lab.count("SELECT * FROM awscc.redshift.integrations WHERE region = 'us-east-1'").await.unwrap_err();
    assert!(error.message.contains("more than the 2 calls"), "{error}");
    assert_eq!(lab.asked().len(), 2);
    assert_eq!(lab.count("SELECT * FROM awscc.redshift.integrations WHERE region = 'eu-west-1'").await.unwrap(), 37);
}

#[tokio::test]
async fn explain_sends_nothing_and_names_the_calls() {
    let lab = Lab::new().await;
    let sql = "EXPLAIN SELECT integration_name FROM aws.redshift.integrations WHERE region IN ('us-east-1', 'eu-west-1') AND status = 'failed' AND lower(integration_name) LIKE 'o%'";
    let rows = lab.rows(sql).await.unwrap();
    assert_eq!(lab.asked().len(), 0);
    let plan = |kind: &str| {
        rows.iter().find(|row| row["plan_type"] == kind).map(|row| row["plan"].as_str().unwrap().to_string())
    };
    insta::assert_snapshot!(plan("calls").unwrap());
    insta::assert_snapshot!(plan("permissions").unwrap());
    let analyzed = lab
        .rows("EXPLAIN ANALYZE SELECT count(*) FROM aws.redshift.integrations WHERE region = 'us-east-1'")
        .await
        .unwrap();
    let calls = analyzed.iter().find(|row| row["plan_type"] == "calls").unwrap()["plan"].as_str().unwrap();
    assert!(calls.contains("made: 3 calls, 3 pages, 0 repeats, 263 rows"), "{calls}");
    assert_eq!(lab.asked().len(), 3);
}
