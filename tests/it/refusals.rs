//! What a write is refused for before anything is sent, and what else is said of what it names.

use iql::error::Kind;
use iql::sandbox;
use iql::settings::{Secret, StaticCredentials};

use crate::lab::Lab;
use crate::writes::{TABLE, TARGET, calls, insert, made, quick, settle_at_once, source};

const FAR: &str = "arn:aws:redshift:eu-west-1:111122223333:integration:00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn a_hint_that_nothing_knows_is_said() {
    let lab = quick().await;
    let notices = lab.notices(&format!("/*+ await, PARALLEL */ {}", insert("w-h", "[]"))).await.unwrap();
    assert_eq!(notices[0], "the hint `PARALLEL` is not known, and does nothing");
    assert!(notices[1].starts_with("inserted: w-h"), "{notices:?}");
    assert_eq!(calls(&lab), ["CreateIntegration", "DescribeIntegrations"], "it was waited for");
    let known = format!("/*+ create, retries=3, retry_delay = 5 */ /*+ AWAIT NOSTATUS */ {}", insert("w-i", "[]"));
    assert_eq!(lab.notices(&known).await.unwrap().len(), 1);
    let explained = lab.notices(&format!("EXPLAIN /*+ AWIAT */ {}", insert("w-j", "[]"))).await.unwrap();
    assert_eq!(explained, ["the hint `AWIAT` is not known, and does nothing"]);
    let exec = format!(
        "EXEC /*+ SHOWRESULTS, AWAIT */ {TABLE}.create_resource @region = 'us-east-1', @SourceArn = '{}',
         @TargetArn = '{TARGET}', @IntegrationName = 'w-k'",
        source("k")
    );
    assert_eq!(lab.rows(&exec).await.unwrap()[0]["integration_name"], "w-k");
    assert_eq!(lab.notices("SELECT /*+ PARALLEL */ 1").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_conflict_is_known_by_the_name_alone() {
    let lab = quick().await;
    made(&lab, "w-c", "[]").await;
    let sql = |columns: &str| format!("{} ON CONFLICT ({columns}) DO NOTHING", insert("w-c", "[]"));
    for columns in
        ["IntegrationName", "integration_name", "region, IntegrationName", "integrationname, profile, region"]
    {
        assert_eq!(lab.notices(&sql(columns)).await.unwrap(), ["already there: w-c"], "{columns}");
    }
    lab.asked();
    for (columns, said) in [
        ("SourceArn, IntegrationName", "`SourceArn` is not"),
        ("SourceArn, TargetArn", "`SourceArn` and `TargetArn` are not"),
        ("region", "`region` is not"),
        ("nam", "`nam` is not"),
    ] {
        let error = lab.notices(&sql(columns)).await.expect_err(columns);
        let message = format!("ON CONFLICT: the service only knows `IntegrationName` as unique, and {said}");
        assert_eq!((error.kind, error.message), (Kind::Param, message));
        assert_eq!(lab.asked(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_param_that_is_null_is_no_default() {
    let lab = quick().await;
    lab.notices("SET awscc.region = 'eu-west-1'").await.unwrap();
    for param in ["region", "profile"] {
        let sql = insert("w-n", "[]").replace(", region)", &format!(", {param})"));
        let sql = sql.replace("'us-east-1'", "NULL");
        let error = lab.notices(&sql).await.expect_err(&sql);
        assert_eq!(error.message, format!("`{param}` is NULL"), "{error}");
        assert_eq!(lab.asked(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_key_of_another_region_is_no_row_that_is_gone() {
    let lab = quick().await;
    let near = made(&lab, "w-near", "[]").await;
    lab.asked();
    let place = "region = 'us-east-1'";
    let half = FAR.split_at(40);
    for condition in [
        format!("Identifier = '{FAR}'"),
        format!("Identifier = '{FAR}'::text"),
        format!("Identifier = CAST('{FAR}' AS VARCHAR)"),
        format!("Identifier = lower('{FAR}')"),
        format!("Identifier = '{}' || '{}'", half.0, half.1),
        format!("(Identifier = '{near}' OR Identifier = lower('{FAR}'))"),
        format!("(Identifier = '{near}' OR ('{FAR}'::text) = Identifier)"),
        format!("Identifier IN ('{near}', concat('{FAR}', ''))"),
        format!(
            "Identifier = '{FAR}'::text AND integration_name NOT IN
             (SELECT integration_name FROM {TABLE} WHERE region = 'eu-west-1')"
        ),
    ] {
        for sql in [
            format!("DELETE FROM {TABLE} WHERE {place} AND {condition}"),
            format!("UPDATE {TABLE} SET tags = '[]' WHERE {condition} AND {place}"),
        ] {
            let error = lab.notices(&sql).await.expect_err(&sql);
            assert_eq!(
                (error.kind, error.message),
                (Kind::Param, format!("`{FAR}` is in the region `eu-west-1`, where the statement does not look")),
                "{sql}"
            );
            assert_eq!(lab.asked(), Vec::<String>::new(), "{sql}");
        }
    }
    // A join that finds no row says so.
    let joined = format!("DELETE FROM {TABLE} WHERE {place} AND Identifier IN (SELECT '{FAR}')");
    assert_eq!(lab.notices(&joined).await.unwrap(), ["DELETE: no row, and nothing was sent"]);
    // What a subquery looks for in vain is its own business.
    let other = format!(
        "DELETE FROM {TABLE} WHERE {place} AND Identifier = '{near}' AND NOT EXISTS
         (SELECT 1 FROM {TABLE} WHERE {place} AND Identifier = '{FAR}')"
    );
    assert_eq!(lab.notices(&other).await.unwrap(), ["deleted: w-near"]);
}

#[tokio::test]
async fn an_arn_is_one_target_through_however_many_profiles() {
    let lab = Lab::with(|settings| {
        let (id, secret) = sandbox::credentials(Some("prod"));
        let twin = StaticCredentials { access_key_id: id, secret_access_key: Secret::new(&secret) };
        settings.aws.credentials.insert(Some("twin".into()), twin);
    })
    .await;
    settle_at_once(&lab);
    let sql = insert("w-p", "[]").replace("region)", "region, profile)").replace("'us-east-1'", "'us-east-1', 'prod'");
    let rows = lab.rows(&format!("{sql} RETURNING Identifier")).await.unwrap();
    let arn = rows[0]["Identifier"].as_str().unwrap();
    lab.asked();
    let place = format!("profile IN ('prod', 'twin') AND region = 'us-east-1' AND Identifier = '{arn}'");
    let tag = r#"[{"Key":"a","Value":"1"}]"#;
    let update = format!("UPDATE {TABLE} SET tags = '{tag}' WHERE {place}");
    assert_eq!(lab.notices(&update).await.unwrap(), ["changed: w-p (CreateTags)"]);
    assert_eq!(calls(&lab).iter().filter(|call| *call == "CreateTags").count(), 1);
    assert_eq!(lab.notices(&format!("DELETE FROM {TABLE} WHERE {place}")).await.unwrap(), ["deleted: w-p"]);
    assert_eq!(calls(&lab).iter().filter(|call| *call == "DeleteIntegration").count(), 1);
}

#[tokio::test]
async fn the_permissions_of_a_write_are_also_those_of_its_reads() {
    let lab = quick().await;
    let permissions = async |sql: &str| {
        let rows = lab.rows(&format!("EXPLAIN {sql}")).await.expect(sql);
        let row = rows.iter().find(|row| row["plan_type"] == "permissions").expect("permissions");
        row["plan"].as_str().unwrap_or_default().lines().map(String::from).collect::<Vec<_>>()
    };
    let from = format!(
        "INSERT INTO {TABLE} (SourceArn, TargetArn, region)
         SELECT cluster_namespace_arn, '{TARGET}', region FROM aws.redshift.clusters WHERE region = 'us-east-1'"
    );
    let found = permissions(&from).await;
    for wanted in ["redshift:CreateIntegration", "redshift:DescribeClusters"] {
        assert!(found.contains(&wanted.to_string()), "{found:?}");
    }
    let using = format!(
        "DELETE FROM {TABLE} AS i USING aws.redshift.clusters AS c
         WHERE i.region = 'us-east-1' AND c.region = 'us-east-1' AND i.source_arn = c.cluster_namespace_arn"
    );
    let found = permissions(&using).await;
    for wanted in ["redshift:DescribeIntegrations", "redshift:DescribeClusters"] {
        assert!(found.contains(&wanted.to_string()), "{found:?}");
    }
}

#[tokio::test]
async fn thousands_of_mistakes_are_counted() {
    let lab = quick().await;
    let sql = format!(
        "INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, region)
         SELECT 'a_' || value, '{}', '{TARGET}', 'us-east-1' FROM generate_series(1, 1000)",
        source("t")
    );
    let error = lab.notices(&sql).await.unwrap_err();
    assert_eq!(error.message, "the INSERT has 1000 mistakes");
    assert_eq!(error.context.len(), 52, "{error}");
    assert!(error.context[49].starts_with("row 50: `IntegrationName` is `a_50`, which"), "{error}");
    assert_eq!(error.context[50..], ["… and 950 more", "nothing was sent"]);
}
