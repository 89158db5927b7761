//! Every kind of trouble that the sandbox makes ends in all the rows or in an error, never in fewer rows.

use std::time::{Duration, Instant};

use futures::StreamExt;
use iql::error::Kind;
use iql::sandbox::{At, ErrorBody, Fault, Length, ThrottleCode, Trouble};

use crate::lab::Lab;

const LIST: &str = "SELECT * FROM awscc.redshift.integrations WHERE region IN ('us-east-1', 'eu-west-1')";
const ROWS: usize = 300;

fn throttle(code: ThrottleCode) -> Trouble {
    Trouble::Throttle { rate: 200.0, burst: 1.0, code, retry_after_seconds: None }
}

#[tokio::test]
async fn passing_trouble_costs_repeats_and_no_rows() {
    let passing = [
        throttle(ThrottleCode::Throttling),
        throttle(ThrottleCode::ThrottlingException),
        throttle(ThrottleCode::RequestLimitExceeded),
        Trouble::ServerError { status: 500, body: ErrorBody::Xml },
        Trouble::ServerError { status: 503, body: ErrorBody::None },
        Trouble::ServerError { status: 503, body: ErrorBody::Html },
        Trouble::Reset,
        Trouble::Lost,
        Trouble::WrongShape,
        Trouble::Cut { at: At::Rows(5), length: Length::Right },
        Trouble::Cut { at: At::Rows(5), length: Length::Whole },
        Trouble::Cut { at: At::Fraction(0.3), length: Length::Right },
        Trouble::Cut { at: At::Byte(0), length: Length::Right },
        Trouble::Cut { at: At::List, length: Length::Right },
        Trouble::Cut { at: At::Root, length: Length::Right },
        Trouble::Latency { milliseconds: 5 },
    ];
    for trouble in passing {
        // In the midst of the pages, and three times in a row.
        let lab = Lab::new().await;
        lab.trouble(1, Some(3), trouble.clone());
        assert_eq!(lab.count(LIST).await.map_err(|e| e.to_string()), Ok(ROWS), "{trouble:?}");
    }
}

#[tokio::test]
async fn lasting_trouble_is_an_error() {
    let lasting = [
        (Trouble::ServerError { status: 500, body: ErrorBody::Xml }, Kind::Unavailable),
        (Trouble::Reset, Kind::Transport),
        (Trouble::Cut { at: At::Rows(5), length: Length::Right }, Kind::Shape),
        (Trouble::Cut { at: At::List, length: Length::Right }, Kind::Shape),
        (Trouble::WrongShape, Kind::Shape),
        (Trouble::RepeatMarker, Kind::Endless),
        (Trouble::Denied, Kind::Denied),
        (Trouble::Expired, Kind::Credentials),
        (
            Trouble::Throttle { rate: 0.001, burst: 1.0, code: ThrottleCode::Throttling, retry_after_seconds: None },
            Kind::Throttled,
        ),
    ];
    for (trouble, kind) in lasting {
        let lab = Lab::with(|settings| settings.limits.tries = 3).await;
        lab.trouble(1, None, trouble.clone());
        let error = lab.count(LIST).await.expect_err("an error");
        assert_eq!(error.kind, kind, "{trouble:?}\n{error}");
        assert!(error.to_string().contains("DescribeIntegrations"), "{error}");
    }
}

#[tokio::test]
async fn every_cut_is_noticed() {
    // Every hundredth byte of an answer of about 30 kB, and always with the right length.
    for byte in (0..30_000).step_by(1499) {
        let lab = Lab::with(|settings| settings.limits.tries = 1).await;
        lab.trouble(0, Some(1), Trouble::Cut { at: At::Byte(byte), length: Length::Right });
        let found = lab.count("SELECT * FROM awscc.redshift.integrations WHERE region = 'eu-west-1'").await;
        assert!(found.as_ref().map_or(true, |rows| *rows == 37), "cut at {byte}: {found:?}");
    }
}

#[tokio::test]
async fn an_answer_without_its_row_is_no_answer() {
    let sql = "SELECT id FROM immuta.integrations.integrations WHERE id = '3'";
    for at in [At::List, At::Root] {
        let lab = Lab::with(|settings| settings.limits.tries = 2).await;
        lab.trouble(0, Some(1), Trouble::Cut { at, length: Length::Right });
        assert_eq!(lab.count(sql).await.map_err(|e| e.to_string()), Ok(1), "{at:?}");
        lab.trouble(0, None, Trouble::Cut { at, length: Length::Right });
        let error = lab.count(sql).await.expect_err("no row is lost in silence");
        assert_eq!(error.kind, Kind::Shape, "{error}");
        // What is not shown is not gone.
        let delete = "DELETE FROM immuta.integrations.integrations WHERE id = '7'";
        assert_eq!(lab.notices(delete).await.expect_err("nobody knows").kind, Kind::Shape);
    }
}

#[tokio::test]
async fn one_denied_region_fails_the_statement_and_says_which() {
    let lab = Lab::new().await;
    lab.sandbox.add_fault(Fault {
        action: None,
        region: Some("eu-west-1".into()),
        account: None,
        after: 0,
        times: None,
        trouble: Trouble::Denied,
    });
    let error = lab.count(LIST).await.expect_err("an error");
    assert_eq!(error.kind, Kind::Denied);
    let report = error.to_string();
    assert!(report.contains("eu-west-1") && report.contains("redshift:DescribeIntegrations"), "{report}");
}

#[tokio::test]
async fn expired_credentials_are_reported_at_once() {
    let lab = Lab::with(|settings| settings.limits.backoff = Duration::from_secs(5)).await;
    lab.trouble(0, None, Trouble::Expired);
    let begun = Instant::now();
    let error = lab.count(LIST).await.expect_err("an error");
    assert_eq!(error.kind, Kind::Credentials, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4), "no wait before a repeat: {:?}", begun.elapsed());
    assert_eq!(lab.asked().iter().filter(|call| call.contains("us-east-1")).count(), 1);
}

#[tokio::test]
async fn a_hanging_answer_ends_with_the_statements_time() {
    let lab = Lab::with(|settings| settings.limits.statement = Some(Duration::from_millis(300))).await;
    lab.trouble(0, None, Trouble::Hang);
    let error = lab.count(LIST).await.expect_err("an error");
    assert_eq!(error.kind, Kind::Timeout, "{error}");
}

#[tokio::test]
async fn a_dropped_result_stops_its_calls() {
    let lab = Lab::new().await;
    lab.trouble(0, None, Trouble::Latency { milliseconds: 50 });
    let outcome = lab.session.run(LIST).await.expect("planned");
    assert_eq!(lab.asked().len(), 0, "nothing is sent before a row is wanted");
    drop(outcome);
    assert_eq!(lab.count("SELECT 1").await.unwrap(), 1);
    assert_eq!(lab.asked().len(), 0);
}

#[tokio::test]
async fn a_dead_region_or_account_holds_up_no_other() {
    let both = "region IN ('us-east-1', 'eu-west-1')";
    for (dead, sql) in [
        (Fault::new(Trouble::Hang).region("us-east-1"), LIST.to_string()),
        (
            Fault { account: Some("111122223333".into()), ..Fault::new(Trouble::Hang) },
            format!("SELECT * FROM awscc.redshift.integrations WHERE {both} AND profile IN ('prod', 'dev')"),
        ),
    ] {
        // What answers is there, although the dead one's time is never up.
        let lab = Lab::with(|settings| settings.limits.calls_per_region = 1).await;
        lab.sandbox.add_fault(dead);
        let mut rows = lab.session.run(sql.as_str()).await.expect("planned").rows;
        let first = rows.next().await.expect("a batch").expect("rows");
        assert!(first.num_rows() > 0, "{sql}");
    }
}

#[tokio::test]
async fn a_dead_region_that_a_join_names_holds_up_no_other() {
    let short = Duration::from_millis(200);
    let lab = Lab::with(|settings| (settings.limits.call, settings.limits.tries) = (short, 1)).await;
    lab.sandbox.add_fault(Fault::new(Trouble::Hang).region("us-east-1"));
    let sql =
        "SELECT * FROM (VALUES ('us-east-1'), ('eu-west-1')) v(r) JOIN awscc.redshift.integrations i ON i.region = v.r";
    let error = lab.count(sql).await.expect_err("dead").to_string();
    assert!(error.contains("DescribeIntegrations region=us-east-1"), "{error}");
    assert!(lab.asked().iter().any(|call| call.contains("eu-west-1")));
}

#[tokio::test]
async fn a_dead_region_costs_its_own_time_out_and_is_named() {
    let short = Duration::from_millis(50);
    let lab = Lab::with(|settings| (settings.limits.call, settings.limits.tries) = (short, 2)).await;
    lab.sandbox.add_fault(Fault::new(Trouble::Hang).region("eu-west-1"));
    let error =
        lab.count("SELECT * FROM awscc.redshift.integrations WHERE region = 'eu-west-1'").await.expect_err("dead");
    assert!(error.to_string().contains("DescribeIntegrations region=eu-west-1"), "{error}");
    assert_eq!(lab.asked().len(), 2, "two tries");
}
