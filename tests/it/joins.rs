//! Joins that feed params: every shape, with its calls counted, and the same rows as over tables that are all there.

use futures::StreamExt;
use iql::sandbox::{Fault, Trouble};
use iql::settings::Environment;

use crate::immuta;
use crate::lab::Lab;
use crate::service::Service;

const LIST: &str = "awscc.redshift.integrations_list_only";
const TABLE: &str = "awscc.redshift.integrations";
const NATIVE: &str = "aws.redshift.integrations";
const INBOUND: &str = "aws.redshift.inbound_integrations";
const STATUS: &str = "immuta.integrations.status";
const IMMUTA: &str = "immuta.integrations.integrations";
/// 37 integrations, 48, none, no region at all, and no value.
const REGIONS: &str = "(VALUES ('eu-west-1'), ('us-west-2'), ('ap-south-1'), ('nowhere'), (NULL)) v(r)";

async fn check(sql: &str, rows: usize, calls: usize) {
    let lab = Lab::new().await;
    assert_eq!(lab.count(sql).await.map_err(|e| e.to_string()), Ok(rows), "{sql}");
    let asked = lab.asked();
    assert_eq!(asked.len(), calls, "{sql}\n{asked:#?}");
}

#[tokio::test]
async fn each_kind_of_join_asks_for_each_key_once() {
    check(&format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r"), 85, 3).await;
    check(&format!("SELECT * FROM {TABLE} i JOIN {REGIONS} ON i.region = v.r"), 85, 3).await;
    check(&format!("SELECT * FROM {REGIONS} LEFT JOIN {TABLE} i ON i.region = v.r"), 88, 3).await;
    check(&format!("SELECT * FROM {TABLE} i RIGHT JOIN {REGIONS} ON i.region = v.r"), 88, 3).await;
    check(&format!("SELECT * FROM {TABLE} WHERE region IN (SELECT r FROM {REGIONS})"), 85, 3).await;
    let exists = format!("EXISTS (SELECT 1 FROM {TABLE} i WHERE i.region = v.r)");
    check(&format!("SELECT * FROM {REGIONS} WHERE {exists}"), 2, 3).await;
    check(&format!("SELECT * FROM {REGIONS} WHERE NOT {exists}"), 3, 3).await;
    check(&format!("SELECT * FROM {REGIONS} WHERE r = 'nowhere' OR {exists}"), 3, 3).await;
    let count = format!("(SELECT count(*) FROM {TABLE} i WHERE i.region = v.r)");
    check(&format!("SELECT r, {count} FROM {REGIONS}"), 5, 3).await;
    check(
        &format!(
            "SELECT * FROM {REGIONS}, LATERAL (SELECT max(create_time) AS m FROM {TABLE} i WHERE i.region = v.r) x"
        ),
        5,
        3,
    )
    .await;
    check(
        &format!("SELECT * FROM {REGIONS} CROSS JOIN LATERAL (SELECT * FROM {TABLE} i WHERE i.region = v.r) x"),
        85,
        3,
    )
    .await;
    check(&format!("SELECT * FROM {REGIONS} JOIN {TABLE} USING (region)").replace("v(r)", "v(region)"), 85, 3).await;
}

#[tokio::test]
async fn whatever_has_rows_can_feed() {
    let join = format!("JOIN {TABLE} i ON i.region = f.r");
    let check = async |feed: &str, rows, calls| check(&format!("SELECT * FROM {feed} f {join}"), rows, calls).await;
    check("(SELECT 'eu-west-1' AS r UNION ALL SELECT 'us-west-2' UNION ALL SELECT 'eu-west-1')", 37 * 2 + 48, 2).await;
    check("(SELECT max(column1) AS r FROM (VALUES ('us-west-2'), ('eu-west-1')))", 48, 1).await;
    check("(SELECT column1 AS r FROM (VALUES ('us-west-2'), ('eu-west-1')) ORDER BY column1 LIMIT 1)", 37, 1).await;
    check("(SELECT unnest(['us-west-2', 'eu-west-1']) AS r)", 85, 2).await;
    check("(SELECT split_part(column1, '/', 2) AS r FROM (VALUES ('a/us-west-2'), ('b/'), ('c')))", 48, 1).await;
    check(&format!("(SELECT region AS r FROM {TABLE} WHERE region = 'eu-west-1' LIMIT 2)"), 74, 1).await;
    self::check(
        &format!("WITH w AS (SELECT 'eu-west-1' AS r) SELECT * FROM w f {join} UNION ALL SELECT * FROM w f {join}"),
        74,
        1,
    )
    .await;
    // In a recursive query too.
    let steps = format!(
        "WITH RECURSIVE s(r, d) AS (SELECT 'us-west-2', CAST(0 AS BIGINT) UNION ALL
         SELECT CASE s.r WHEN 'us-west-2' THEN 'eu-west-1' ELSE 'ap-south-1' END, s.d + 1 FROM s
         JOIN (SELECT region, count(*) AS n FROM {TABLE} GROUP BY region) x ON x.region = s.r) SELECT * FROM s"
    );
    self::check(&steps, 3, 3).await;
}

#[tokio::test]
async fn chains_and_twice_the_same_table_ask_no_call_twice() {
    // The list that feeds has what the details are: one call.
    let by_arn = "i.integration_arn = l.integration_arn AND i.region = split_part(l.integration_arn, ':', 4)";
    check(&format!("SELECT * FROM {LIST} l JOIN {NATIVE} i ON {by_arn} WHERE l.region = 'eu-west-1'"), 37, 1).await;
    let chain = format!("SELECT * FROM {REGIONS} JOIN {LIST} l ON l.region = v.r JOIN {NATIVE} i ON {by_arn}");
    check(&chain, 85, 3).await;
    let twice =
        "JOIN {TABLE} a ON a.region = v.r JOIN {TABLE} b ON b.region = v.r AND b.integration_name = a.integration_name";
    check(&format!("SELECT * FROM {REGIONS} {}", twice.replace("{TABLE}", TABLE)), 85, 3).await;
    // Inbound integrations are another call, which takes one key: a list is less.
    let inbound = "n.integration_arn = i.integration_arn AND n.region = split_part(i.integration_arn, ':', 4)";
    check(&format!("SELECT * FROM {NATIVE} i JOIN {INBOUND} n ON {inbound} WHERE i.region = 'us-east-1'"), 263, 6)
        .await;
    // Eleven keys are worth more than ten pages; three are not.
    let some =
        |n: usize| format!("(SELECT * FROM {NATIVE} WHERE region = 'eu-west-1' ORDER BY integration_arn LIMIT {n}) i");
    check(&format!("SELECT * FROM {} JOIN {INBOUND} n ON {inbound}", some(3)), 3, 4).await;
    check(&format!("SELECT * FROM {} JOIN {INBOUND} n ON {inbound}", some(11)), 11, 2).await;
    // From one to the next, to the next.
    let chain = format!(
        "SELECT * FROM {REGIONS} JOIN {LIST} l ON l.region = v.r JOIN {INBOUND} n ON n.region = l.region AND n.integration_arn = l.integration_arn
         JOIN {NATIVE} i ON i.region = n.region AND i.source_arn = n.source_arn"
    );
    check(&chain, 85, 3 + 2 + 3 - 3).await;
}

#[tokio::test]
async fn keys_go_together_and_nothing_is_asked_that_cannot_match() {
    let lab = Lab::new().await;
    let all = lab.rows(&format!("SELECT Identifier AS arn FROM {TABLE} WHERE region = 'us-east-1'")).await.unwrap();
    let arns: Vec<String> = all.iter().map(|row| row["arn"].as_str().unwrap().to_string()).collect();
    lab.asked();
    let check = async |sql: String, rows: usize, calls: usize| {
        assert_eq!(lab.count(&sql).await.map_err(|e| e.to_string()), Ok(rows), "{sql}");
        let asked = lab.asked();
        assert_eq!(asked.len(), calls, "{sql}\n{asked:#?}");
    };
    let values = |arns: &[String]| format!("(VALUES ('{}')) v(arn)", arns.join("'), ('"));
    let regioned = "i.Identifier = v.arn AND i.region = split_part(v.arn, ':', 4)";
    check(format!("SELECT * FROM {} JOIN {TABLE} i ON {regioned}", values(&arns[..5])), 5, 1).await;
    check(format!("SELECT * FROM {} JOIN {TABLE} i ON {regioned}", values(&arns)), 263, 3).await;
    // The region is bound by a literal: a look-up is less than a list.
    let literal = "i.Identifier = v.arn AND i.region = 'us-east-1'";
    check(format!("SELECT * FROM {} JOIN {TABLE} i ON {literal}", values(&arns[..5])), 5, 1).await;
    check(format!("SELECT * FROM {} LEFT JOIN {TABLE} i ON {literal}", values(&arns[..5])), 5, 1).await;
    check(
        format!(
            "SELECT * FROM {TABLE} WHERE region = 'us-east-1' AND Identifier IN (SELECT arn FROM {})",
            values(&arns[..5])
        ),
        5,
        1,
    )
    .await;
    // An ARN of elsewhere, an empty one, none, and one that does not exist.
    let odd = vec![
        "arn:aws:redshift:eu-west-1:1:integration:x".into(),
        String::new(),
        format!("{}0", &arns[0][..arns[0].len() - 1]),
    ];
    check(format!("SELECT * FROM {} LEFT JOIN {TABLE} i ON {literal}", values(&odd)), 3, 1).await;
    check(format!("SELECT * FROM {} JOIN {TABLE} i ON {literal}", values(&odd[..2])), 0, 0).await;
    check(
        format!("SELECT * FROM {} JOIN {TABLE} i ON {regioned} WHERE i.region = 'eu-west-1'", values(&arns[..5])),
        0,
        0,
    )
    .await;
    check(format!("SELECT * FROM (SELECT CAST(NULL AS VARCHAR) AS arn) v JOIN {TABLE} i ON {literal}"), 0, 0).await;
    // Pairs, and not each with each.
    let pairs = "(VALUES ('us-east-1', 'dev'), ('eu-west-1', 'prod')) v(r, p)";
    check(format!("SELECT * FROM {pairs} JOIN {TABLE} i ON i.region = v.r AND i.profile = v.p"), 14 + 37, 2).await;
    check(format!("SELECT * FROM {pairs} JOIN {TABLE} i ON i.profile = v.p WHERE i.region = 'eu-west-1'"), 6 + 37, 2)
        .await;
    // One refused for several is asked one by one.
    lab.trouble(0, None, Trouble::RefuseArnFilter);
    check(format!("SELECT * FROM {} JOIN {TABLE} i ON {regioned}", values(&arns[..5])), 5, 6).await;
}

#[tokio::test]
async fn a_limit_stops_a_join_early() {
    check(&format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r LIMIT 5"), 5, 1).await;
    check(&format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r LIMIT 40"), 40, 2).await;
    check(&format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r LIMIT 0"), 0, 0).await;
    let inbound = "n.integration_arn = i.integration_arn AND n.region = split_part(i.integration_arn, ':', 4)";
    let join = format!("SELECT * FROM {NATIVE} i JOIN {INBOUND} n ON {inbound} WHERE i.region = 'us-east-1'");
    check(&format!("{join} LIMIT 3"), 3, 4).await;
    check(&format!("{join} LIMIT 1 OFFSET 2"), 1, 4).await;
    // A sort reads all.
    check(
        &format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r ORDER BY i.integration_name LIMIT 1"),
        1,
        3,
    )
    .await;
}

#[tokio::test]
async fn a_resource_without_a_list_is_asked_key_by_key() {
    let immuta = Service::start(immuta::answer).await;
    let environment = Environment::default().with("IMMUTA_HOST", &immuta.url).with("IMMUTA_API_KEY", immuta::KEY);
    let lab = Lab::with(|settings| settings.environment = environment).await;
    let check = async |sql: String, rows: usize, calls: usize| {
        let before = immuta.asked().len();
        assert_eq!(lab.count(&sql).await.map_err(|e| e.to_string()), Ok(rows), "{sql}");
        assert_eq!(immuta.asked().len() - before, calls, "{sql}");
    };
    check(format!("SELECT i.type, s.status FROM {IMMUTA} i JOIN {STATUS} s ON s.id = i.id"), 4, 5).await;
    check(format!("SELECT i.type, s.status FROM {IMMUTA} i JOIN {STATUS} s ON s.id = i.id LIMIT 2"), 2, 3).await;
    check(format!("SELECT * FROM {STATUS} WHERE id IN (SELECT id FROM {IMMUTA} WHERE type = 'Redshift')"), 2, 3).await;
    check(format!("SELECT * FROM (VALUES ('1'), ('77'), ('1')) v(id) LEFT JOIN {STATUS} s ON s.id = v.id"), 3, 2).await;
    // The list is one call, and whole: two keys cost more, one does not.
    check(format!("SELECT * FROM (VALUES ('1'), ('3')) v(id) JOIN {IMMUTA} i ON i.id = v.id"), 2, 1).await;
    check(format!("SELECT config FROM (VALUES ('1')) v(id) JOIN {IMMUTA} i ON i.id = v.id"), 1, 1).await;
    let error = lab.count(&format!("SELECT * FROM {STATUS} s JOIN {IMMUTA} i ON lower(s.id) = i.id")).await;
    assert_eq!(error.map_err(|e| e.message), Err(format!("`{STATUS}` needs `id`")));
}

#[tokio::test]
async fn the_first_details_are_asked_for_before_the_list_has_ended() {
    let lab = Lab::new().await;
    let keys = "n.integration_arn = i.integration_arn AND n.region = split_part(i.integration_arn, ':', 4)";
    // The list's later pages hang: whoever asks for details only then, never asks.
    lab.sandbox.add_fault(Fault::new(Trouble::Hang).on("DescribeIntegrations").after(1));
    let sql = format!("SELECT * FROM {NATIVE} i JOIN {INBOUND} n ON {keys} WHERE i.region = 'us-east-1'");
    let outcome = lab.session.run(sql.as_str()).await.unwrap();
    let mut rows = outcome.rows;
    let first = rows.next().await.unwrap().unwrap();
    assert_eq!(first.num_rows(), 100);
}

#[tokio::test]
async fn a_failed_look_up_fails_the_statement_and_is_named() {
    let lab = Lab::with(|settings| settings.limits.tries = 1).await;
    lab.sandbox.add_fault(Fault::new(Trouble::Denied).region("us-west-2"));
    for sql in [
        format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r"),
        format!("SELECT * FROM {REGIONS} LEFT JOIN {TABLE} i ON i.region = v.r"),
        format!("SELECT * FROM {REGIONS} WHERE NOT EXISTS (SELECT 1 FROM {TABLE} i WHERE i.region = v.r)"),
    ] {
        let error = lab.count(&sql).await.expect_err("denied").to_string();
        assert!(error.contains("DescribeIntegrations region=us-west-2"), "{error}");
    }
}

#[tokio::test]
async fn a_join_that_binds_nothing_is_the_missing_param() {
    let lab = Lab::new().await;
    for sql in [
        format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON lower(i.region) = v.r"),
        format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region > v.r"),
        format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r OR i.integration_name = v.r"),
        format!("SELECT * FROM {REGIONS} FULL JOIN {TABLE} i ON i.region = v.r"),
        format!("SELECT * FROM {REGIONS} RIGHT JOIN {TABLE} i ON i.region = v.r"),
        format!("SELECT * FROM {REGIONS} WHERE r NOT IN (SELECT region FROM {TABLE})"),
        format!("SELECT * FROM {TABLE} WHERE region NOT IN (SELECT r FROM {REGIONS})"),
        format!("SELECT * FROM {REGIONS} JOIN (SELECT * FROM {TABLE} LIMIT 3) i ON i.region = v.r"),
        format!("SELECT * FROM {REGIONS} CROSS JOIN {TABLE} i"),
    ] {
        let error = lab.count(&sql).await.map_err(|e| e.message);
        assert_eq!(error, Err(format!("`{TABLE}` needs `region`")), "{sql}");
    }
    // Of several it is told which one.
    for (on, lacks) in [("a.region = b.region", "a"), ("a.region = 'eu-west-1'", "b"), ("b.region = 'eu-west-1'", "a")]
    {
        let sql = format!("SELECT * FROM {TABLE} a CROSS JOIN {TABLE} b WHERE {on} AND a.region > ''");
        let error = lab.count(&sql).await.map_err(|e| e.message);
        let by = if lacks == "a" { " by `=` or `IN (…)` with literals" } else { "" };
        assert_eq!(error, Err(format!("`{TABLE}` as `{lacks}` needs `region`{by}")), "{sql}");
    }
    let sql = format!("SELECT i.profile FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r");
    let error = lab.count(&sql).await.map_err(|e| e.message);
    assert_eq!(error, Err(format!("`profile` of `{TABLE}` is a param, and nothing binds it")));
    assert_eq!(lab.asked().len(), 0);
}

#[tokio::test]
async fn what_the_join_says_stands_before_what_is_set() {
    let lab = Lab::new().await;
    lab.count("SET awscc.region = 'us-east-1'").await.unwrap();
    let regions = async |sql: &str| {
        let rows = lab
            .rows(&format!("SELECT DISTINCT region, count(*) AS n FROM ({sql}) GROUP BY region ORDER BY region"))
            .await
            .unwrap();
        let rows: Vec<String> =
            rows.iter().map(|row| format!("{} {}", row["region"].as_str().unwrap(), row["n"])).collect();
        (rows.join(", "), lab.asked().len())
    };
    let fed = format!("SELECT i.region FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r");
    assert_eq!(regions(&fed).await, ("eu-west-1 37, us-west-2 48".into(), 3));
    let other = format!("SELECT i.region FROM {REGIONS} JOIN {TABLE} i ON i.integration_name > v.r");
    assert_eq!(regions(&other).await.1, 3, "the session's region stands where nothing binds another");
    // Both sides have the session's: as it is.
    let both = format!(
        "SELECT a.region FROM {LIST} a JOIN {TABLE} b ON a.region = b.region AND a.integration_arn = b.integration_arn"
    );
    assert_eq!(regions(&both).await, ("us-east-1 263".into(), 3));
    let native = format!(
        "SELECT i.region FROM {NATIVE} n JOIN {TABLE} i ON i.region = n.region AND i.integration_arn = n.integration_arn WHERE n.region IN ('eu-west-1', 'us-west-2')"
    );
    assert_eq!(regions(&native).await, ("eu-west-1 37, us-west-2 48".into(), 2));
}

#[tokio::test]
async fn explain_shows_what_feeds_what() {
    let lab = Lab::new().await;
    lab.count("SET aws.region = 'us-east-1'").await.unwrap();
    let calls = async |sql: String| {
        let rows = lab.rows(&sql).await.unwrap();
        let of = |kind: &str| {
            rows.iter().find(|row| row["plan_type"] == kind).unwrap()["plan"].as_str().unwrap().to_string()
        };
        format!("{}\n--\n{}", of("calls"), of("permissions"))
    };
    let keys = "n.integration_arn = l.integration_arn AND n.region = split_part(l.integration_arn, ':', 4)";
    let listed =
        calls(format!("EXPLAIN SELECT * FROM {LIST} l LEFT JOIN {NATIVE} n ON {keys} WHERE l.region = 'eu-west-1'"))
            .await;
    let values = calls(format!("EXPLAIN SELECT * FROM {REGIONS} JOIN {INBOUND} n ON n.region = v.r LIMIT 3")).await;
    assert_eq!(lab.asked().len(), 0);
    insta::assert_snapshot!(format!("{listed}\n\n{values}"));
    let analyzed = calls(format!("EXPLAIN ANALYZE SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r")).await;
    assert!(analyzed.contains("made: 3 calls, 3 pages, 0 repeats, 85 rows"), "{analyzed}");
}

#[tokio::test]
async fn max_calls_is_exact_with_keys_and_refuses_what_is_known() {
    let lab = Lab::with(|settings| settings.limits.max_calls = Some(2)).await;
    let error = lab.count(&format!("SELECT * FROM {REGIONS} JOIN {TABLE} i ON i.region = v.r")).await.unwrap_err();
    assert!(error.message.contains("more than the 2 calls"), "{error}");
    // The first two may be given up before they are sent.
    assert!(lab.asked().len() <= 2);
    let three = "region IN ('us-east-1', 'eu-west-1', 'us-west-2')";
    let error = lab.count(&format!("SELECT * FROM {TABLE} WHERE {three}")).await.unwrap_err();
    assert_eq!(error.message, "the statement needs at least 3 calls, and may make 2");
    assert_eq!(lab.asked().len(), 0);
    // A limit may be met before.
    assert_eq!(lab.count(&format!("SELECT * FROM {TABLE} WHERE {three} LIMIT 3")).await.unwrap(), 3);
    assert_eq!(lab.count(&format!("EXPLAIN SELECT * FROM {TABLE} WHERE {three}")).await.unwrap(), 4);
}

#[tokio::test]
async fn a_star_is_every_region_of_the_setting() {
    let lab = Lab::new().await;
    let regions = async |sql: &str| -> Result<(String, usize), String> {
        let rows = lab.rows(sql).await.map_err(|error| error.to_string())?;
        let rows = rows.iter().map(|row| format!("{} {}", row["region"].as_str().unwrap_or("-"), row["n"]));
        Ok((rows.collect::<Vec<_>>().join(", "), lab.asked().len()))
    };
    let grouped = |filter: &str| {
        format!("SELECT region, count(*) AS n FROM {TABLE} WHERE {filter} GROUP BY region ORDER BY region")
    };
    let error = regions(&grouped("region = '*'")).await.expect_err("not set");
    assert!(error.starts_with("`region = '*'` needs the setting `aws.regions`"), "{error}");
    lab.count("SET aws.regions = ('eu-west-1', 'us-west-2', 'us-east-1')").await.unwrap();
    let all = ("eu-west-1 37, us-east-1 263, us-west-2 48".to_string(), 5);
    assert_eq!(regions(&grouped("region = '*'")).await, Ok(all.clone()));
    assert_eq!(regions(&grouped("region IN ('*', 'eu-west-1')")).await, Ok(all));
    assert_eq!(regions(&grouped("region = '*' AND region LIKE 'us-w%'")).await, Ok(("us-west-2 48".into(), 1)));
    assert_eq!(
        regions(&grouped("region = '*' AND region IN ('eu-west-1', 'eu-central-1')")).await,
        Ok(("eu-west-1 37".into(), 1))
    );
    // A part of a condition, and below other names.
    let part = grouped("(region = '*' AND region <> 'us-east-1') OR region = 'eu-central-1'");
    assert_eq!(regions(&part).await, Ok(("eu-central-1 24, eu-west-1 37, us-west-2 48".into(), 3)));
    let named = format!(
        "SELECT r AS region, count(*) AS n FROM (SELECT region AS r FROM {TABLE}) t WHERE r = '*' GROUP BY r ORDER BY r LIMIT 1"
    );
    assert_eq!(regions(&named).await, Ok(("eu-west-1 37".into(), 5)));
    // Both sides of a join.
    let joined = format!(
        "SELECT l.region, count(*) AS n FROM {LIST} l JOIN {TABLE} i ON i.region = l.region AND i.integration_arn = l.integration_arn
         WHERE l.region = '*' AND l.region <> 'us-east-1' GROUP BY l.region ORDER BY l.region"
    );
    assert_eq!(regions(&joined).await, Ok(("eu-west-1 37, us-west-2 48".into(), 2)));
    lab.count("SET aws.regions = 'all'").await.unwrap();
    // Of all regions, those that the account has not enabled are left out.
    let (found, _) = regions(&grouped("region = '*' AND region LIKE 'eu-%'")).await.unwrap();
    assert_eq!(found, "eu-central-1 24, eu-west-1 37");
    assert_eq!(regions(&grouped("region = '*' AND region LIKE 'cn-%'")).await, Ok((String::new(), 0)));
}
