//! Names, regions and limits as one session has them: what `region = '*'` leaves out, which mention of a table lacks a
//! param, what is in use, and what a limit says.

use std::time::Duration;

use futures::TryStreamExt;
use iql::error::{Error, Kind, Place};
use iql::sandbox::{Fault, ThrottleCode, Trouble};

use crate::lab::Lab;

const TABLE: &str = "aws.redshift.integrations";

/// How many rows there are, and what is said once they have come.
async fn counted(lab: &Lab, sql: &str) -> Result<(usize, Vec<String>), Error> {
    let mut outcome = lab.session.run(sql).await?;
    let mut count = 0;
    while let Some(batch) = outcome.rows.try_next().await? {
        count += batch.num_rows();
    }
    Ok((count, outcome.later()))
}

#[tokio::test]
async fn a_region_that_is_not_enabled_is_left_out_of_every_region() {
    let lab = Lab::new().await;
    lab.count("SET aws.regions = ('me-south-1', 'eu-west-1', 'ap-east-1')").await.unwrap();
    let said = |profile: &str, regions: &str| {
        format!(
            "left out of `region = '*'`, not enabled in this account{profile} or not reachable with these credentials \
             (InvalidClientTokenId): {regions}"
        )
    };
    let both = "`ap-east-1`, `me-south-1`";
    let every = format!("SELECT * FROM {TABLE} WHERE region = '*'");
    assert_eq!(counted(&lab, &every).await.unwrap(), (37, vec![said("", both)]));
    // One after the other, the first of them is not enabled.
    let (count, later) = counted(&lab, &format!("{every} LIMIT 3")).await.unwrap();
    assert_eq!((count, later), (3, vec![said("", "`me-south-1`")]));
    let twice = format!("{every} UNION ALL {every}");
    assert_eq!(counted(&lab, &twice).await.unwrap(), (74, vec![said("", both)]));
    // In a view, and by what is set.
    lab.count(&format!("CREATE VIEW everywhere AS {every}")).await.unwrap();
    assert_eq!(counted(&lab, "SELECT * FROM everywhere").await.unwrap(), (37, vec![said("", both)]));
    lab.count("SET aws.region = '*'").await.unwrap();
    assert_eq!(counted(&lab, &format!("SELECT * FROM {TABLE}")).await.unwrap(), (37, vec![said("", both)]));
    let narrowed = format!("SELECT * FROM {TABLE} WHERE region LIKE 'eu-%'");
    assert_eq!(counted(&lab, &narrowed).await.unwrap(), (37, Vec::new()));
    // Each account speaks for itself.
    let profiles = format!("{every} AND profile IN ('prod', 'dev')");
    let (_, later) = counted(&lab, &profiles).await.unwrap();
    assert_eq!(later, [said(" of profile `dev`", both), said(" of profile `prod`", both)]);
}

#[tokio::test]
async fn what_is_no_region_that_is_not_enabled_stays_an_error() {
    let lab = Lab::new().await;
    let refused = async |lab: &Lab, sql: &str| counted(lab, sql).await.expect_err(sql);
    // No region of the account has answered.
    lab.count("SET aws.regions = ('me-south-1', 'ap-east-1')").await.unwrap();
    for end in ["", " LIMIT 3", " AND profile IN ('prod', 'dev')"] {
        let error = refused(&lab, &format!("SELECT * FROM {TABLE} WHERE region = '*'{end}")).await;
        assert_eq!((error.kind, error.message.as_str()), (Kind::Credentials, "AWS does not know the credentials"));
    }
    let error = refused(&lab, &format!("SELECT count(*) FROM {TABLE} WHERE region = '*'")).await;
    assert_eq!(error.kind, Kind::Credentials);
    // One that the statement names.
    lab.count("SET aws.regions = ('me-south-1', 'eu-west-1')").await.unwrap();
    for condition in [
        "region IN ('*', 'me-south-1')",
        "region = '*' OR region = 'me-south-1'",
        "region IN ('eu-west-1', 'me-south-1')",
    ] {
        let error = refused(&lab, &format!("SELECT * FROM {TABLE} WHERE {condition}")).await;
        assert!(error.to_string().contains("region=me-south-1"), "{error}");
    }
    // What is kept, and what a write reads, is whole.
    for statement in ["CREATE MATERIALIZED VIEW kept AS SELECT * FROM", "DELETE FROM"] {
        let error = refused(&lab, &format!("{statement} {TABLE} WHERE region = '*'").replace("aws.", "awscc.")).await;
        assert_eq!(error.kind, Kind::Credentials, "{error}");
    }
    // Any other failure.
    lab.sandbox.add_fault(Fault::new(Trouble::Expired).region("eu-west-1"));
    let error = refused(&lab, &format!("SELECT * FROM {TABLE} WHERE region = '*'")).await;
    assert_eq!(error.kind, Kind::Credentials);
    lab.sandbox.clear_faults();
    // A star that nothing is set for.
    lab.count("RESET aws.regions").await.unwrap();
    lab.count("SET aws.region = '*'").await.unwrap();
    let error = refused(&lab, &format!("SELECT * FROM {TABLE}")).await;
    assert_eq!(error.message, "`region = '*'` needs the setting `aws.regions`");
}

#[tokio::test]
async fn the_mention_that_lacks_a_param_is_marked() {
    let lab = Lab::new().await;
    for (sql, mention, hint) in [
        (
            format!("SELECT * FROM {TABLE} a JOIN {TABLE} b ON a.status > b.status WHERE a.region = 'eu-west-1'"),
            1,
            "add `AND b.region = ",
        ),
        (
            format!("SELECT * FROM {TABLE} a JOIN {TABLE} b ON a.status > b.status WHERE b.region = 'eu-west-1'"),
            0,
            "add `AND a.region = ",
        ),
        (
            format!("SELECT 1 FROM {TABLE} WHERE region = 'eu-west-1' UNION ALL SELECT 2 FROM {TABLE}"),
            1,
            "add `WHERE region = ",
        ),
    ] {
        let error = lab.count(&sql).await.expect_err("no region");
        let Some(Place::Sql { column: found, .. }) = error.place.as_deref() else { panic!("{error:?}") };
        let (at, _) = sql.match_indices(TABLE).nth(mention).expect("a mention");
        assert_eq!(*found, at + 1, "{sql}");
        assert!(error.hints[0].starts_with(hint), "{error:?}");
    }
    assert_eq!(lab.asked().len(), 0);
}

#[tokio::test]
async fn a_view_keeps_what_was_in_use_when_it_was_made() {
    let lab = Lab::new().await;
    let check =
        async |rows: usize| assert_eq!(lab.count("SELECT * FROM short").await.map_err(|e| e.to_string()), Ok(rows));
    lab.count("USE aws.redshift").await.unwrap();
    lab.count("CREATE VIEW short AS SELECT * FROM integrations WHERE region = 'eu-west-1'").await.unwrap();
    lab.count("CREATE MATERIALIZED VIEW held AS SELECT * FROM integrations WHERE region = 'eu-west-1'").await.unwrap();
    check(37).await;
    lab.count("USE immuta.integrations").await.unwrap();
    check(37).await;
    lab.count("EXPLAIN REFRESH MATERIALIZED VIEW held").await.unwrap();
    lab.count("REFRESH MATERIALIZED VIEW held").await.unwrap();
    lab.count("RESET iql.provider").await.unwrap();
    check(37).await;
    // One that was made before views kept it takes what is in use now.
    let file = std::fs::read_dir(lab.state().join("views")).expect("views").map(|entry| entry.expect("a file").path());
    let file = file.into_iter().find(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("in_use")));
    let file = file.expect("the view's file");
    let text = std::fs::read_to_string(&file).expect("text");
    let mut view: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    view.as_object_mut().expect("an object").remove("in_use");
    std::fs::write(&file, view.to_string()).expect("written");
    assert!(lab.count("SELECT * FROM short").await.is_err());
    lab.count("USE aws.redshift").await.unwrap();
    check(37).await;
}

#[tokio::test]
async fn what_a_write_reads_is_counted_before_the_first_call() {
    let lab = Lab::with(|settings| settings.limits.max_calls = Some(2)).await;
    let three = "region IN ('us-east-1', 'eu-west-1', 'us-west-2')";
    let table = "awscc.redshift.integrations";
    for sql in [
        format!("UPDATE {table} SET tags = '[]' WHERE {three}"),
        format!("DELETE FROM {table} WHERE {three}"),
        format!(
            "INSERT INTO {table} (SourceArn, TargetArn, region) SELECT source_arn, target_arn, region FROM {table} WHERE {three}"
        ),
        format!("CREATE TABLE t AS SELECT * FROM {table} WHERE {three}"),
        format!("SELECT 1 AS one, (SELECT count(*) FROM {table} WHERE {three}) AS n"),
    ] {
        let error = lab.count(&sql).await.expect_err(&sql);
        assert_eq!(error.message, "the statement needs at least 3 calls, and may make 2", "{sql}");
    }
    assert_eq!(lab.asked().len(), 0);
}

#[tokio::test]
async fn what_time_ran_out_on_is_told() {
    let lab = Lab::with(|settings| {
        settings.limits.statement = Some(Duration::from_millis(300));
    })
    .await;
    lab.trouble(
        0,
        None,
        Trouble::Throttle { rate: 0.0, burst: 0.0, code: ThrottleCode::default(), retry_after_seconds: Some(5) },
    );
    for sql in [
        format!("SELECT * FROM {TABLE} WHERE region = 'eu-west-1'"),
        "DELETE FROM awscc.redshift.integrations WHERE region = 'eu-west-1' AND integration_name = 'x'".to_string(),
    ] {
        let error = lab.count(&sql).await.expect_err("no time");
        assert_eq!(error.kind, Kind::Timeout, "{error}");
        let told =
            "the last time: DescribeIntegrations region=eu-west-1: AWS throttled `DescribeIntegrations` (1 try so far)";
        assert!(error.context.iter().any(|line| line == told), "{error}");
    }
}
