//! What the service and the network can do to a call, and the error that a person reads.

use super::super::double::{Double, Reply, fault, ok, request, send, settings};
use super::*;
use crate::drivers::Request;

/// The error of one request whose every try is answered by `reply`, and how often it was sent.
async fn check(reply: impl Fn() -> Reply + Send + Sync + 'static, kind: Kind, sent: usize, expected: &str) {
    let double = Double::start(move |_, _| reply()).await;
    let mut settings = double.settings();
    settings.limits.tries = 2;
    let error = send(&settings, &request("DescribeIntegrations")).await.expect_err(expected);
    assert_eq!((error.kind, double.received().len()), (kind, sent), "{error}");
    let report = regex::Regex::new(r"\(2 tries, \d+ ms\)")
        .expect("a pattern")
        .replace(&error.to_string(), "(2 tries)")
        .into_owned();
    assert_eq!(report, expected);
}

#[tokio::test]
async fn throttled() {
    for (status, code) in [(400, "Throttling"), (400, "ThrottlingException"), (503, "RequestLimitExceeded")] {
        let expected = format!(
            "AWS kept throttling `DescribeIntegrations` (2 tries)
  the last time: AWS throttled `DescribeIntegrations`
  DescribeIntegrations region=us-east-1
  AWS says: Rate exceeded
  code {code}, HTTP status {status}, request id r-1

hint: `SET iql.calls_per_region = 2` asks for less at once; `SET iql.retry_time = '5m'` and `SET iql.tries = 20` are more patient"
        );
        check(move || fault(status, code, "Rate exceeded"), Kind::Throttled, 2, &expected).await;
    }
}

#[tokio::test]
async fn a_wait_that_aws_asks_for_is_read() {
    for (name, value, expected) in [
        ("retry-after", "7".to_string(), 7..=7),
        ("x-amz-retry-after", "7000".to_string(), 7..=7),
        ("retry-after", (Utc::now() + chrono::TimeDelta::seconds(9)).to_rfc2822(), 7..=9),
    ] {
        let reply = move || match fault(400, "Throttling", "Rate exceeded") {
            Reply::Answer { status, body, .. } => Reply::Answer { status, headers: vec![(name, value.clone())], body },
            other => other,
        };
        let double = Double::start(move |_, _| reply()).await;
        let mut settings = double.settings();
        settings.limits.tries = 1;
        let error = send(&settings, &request("DescribeIntegrations")).await.expect_err("throttled");
        let wait = error.retry_after().expect("a wait").as_secs();
        assert!(expected.contains(&wait), "{name}: {wait}");
    }
}

#[tokio::test]
async fn unavailable() {
    check(
        || Reply::Answer { status: 503, headers: vec![("x-amzn-requestid", "r-2".into())], body: String::new() },
        Kind::Unavailable,
        2,
        "AWS kept failing on `DescribeIntegrations` (2 tries)
  the last time: AWS failed on `DescribeIntegrations` with HTTP status 503
  DescribeIntegrations region=us-east-1
  HTTP status 503, request id r-2",
    )
    .await;
    check(
        || fault(400, "RequestTimeout", "too slow"),
        Kind::Unavailable,
        2,
        "AWS kept failing on `DescribeIntegrations` (2 tries)
  the last time: AWS failed on `DescribeIntegrations` with HTTP status 400
  DescribeIntegrations region=us-east-1
  AWS says: too slow
  code RequestTimeout, HTTP status 400, request id r-1",
    )
    .await;
}

#[tokio::test]
async fn denied() {
    check(
        || fault(403, "AccessDenied", "User: arn:aws:iam::1:user/x is not authorized"),
        Kind::Denied,
        1,
        "AWS does not allow `DescribeIntegrations`
  DescribeIntegrations region=us-east-1
  AWS says: User: arn:aws:iam::1:user/x is not authorized
  code AccessDenied, HTTP status 403, request id r-1

hint: the call needs the permission `redshift:DescribeIntegrations`",
    )
    .await;
}

#[tokio::test]
async fn credentials_that_aws_does_not_take() {
    check(
        || fault(403, "ExpiredToken", "The security token included in the request is expired"),
        Kind::Credentials,
        1,
        "the AWS credentials have expired
  DescribeIntegrations region=us-east-1
  AWS says: The security token included in the request is expired
  code ExpiredToken, HTTP status 403, request id r-1",
    )
    .await;
    check(
        || fault(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        Kind::Credentials,
        1,
        "AWS does not know the credentials
  DescribeIntegrations region=us-east-1
  AWS says: The security token included in the request is invalid.
  code InvalidClientTokenId, HTTP status 403, request id r-1

hint: it says the same where the account has not enabled the region `us-east-1`",
    )
    .await;
}

#[tokio::test]
async fn refused() {
    check(
        || fault(400, "InvalidParameterValue", "Value (x) is not valid"),
        Kind::Refused,
        1,
        "AWS refused `DescribeIntegrations`: InvalidParameterValue
  DescribeIntegrations region=us-east-1
  AWS says: Value (x) is not valid
  code InvalidParameterValue, HTTP status 400, request id r-1",
    )
    .await;
    check(
        || Reply::Answer { status: 403, headers: Vec::new(), body: "<html>no</html>".into() },
        Kind::Refused,
        1,
        "`DescribeIntegrations` was refused with HTTP status 403, and not in AWS's words
  DescribeIntegrations region=us-east-1
  HTTP status 403

hint: a proxy or a sign-in page may stand between",
    )
    .await;
}

/// The error of a `DeleteIntegration` that AWS answers by this code, at 400 as it does all of these.
async fn by_code(code: &'static str) -> Error {
    let double = Double::start(move |_, _| fault(400, code, "so it is")).await;
    let inputs = [("IntegrationArn".to_string(), vec!["arn:1".to_string()])].into();
    let request = Request { inputs, ..request("DeleteIntegration") };
    let error = send(&double.settings(), &request).await.expect_err(code);
    assert_eq!((double.received().len(), error.request_id()), (1, Some("r-1")), "{error}");
    let facts = format!("code {code}, HTTP status 400, request id r-1");
    assert_eq!(error.context[1..], ["AWS says: so it is".to_string(), facts], "{error}");
    error
}

#[tokio::test]
async fn what_a_write_meets() {
    let cluster = "AWS does not do `DeleteIntegration` now: the cluster is not available";
    let others = "AWS does not do `DeleteIntegration` now: somebody else changes the same";
    let exists = "AWS says that what `DeleteIntegration` would make is there already";
    let missing = "AWS does not find what `DeleteIntegration` is about";
    for (code, kind, message) in [
        ("IntegrationAlreadyExistsFault", Kind::Exists, exists),
        ("ClusterAlreadyExists", Kind::Exists, exists),
        (
            "IntegrationConflictOperationFault",
            Kind::Conflict,
            "AWS does not do `DeleteIntegration` now: another operation on it is under way",
        ),
        (
            "IntegrationConflictStateFault",
            Kind::Conflict,
            "AWS does not do `DeleteIntegration` now: the state that it is in does not allow it",
        ),
        ("InvalidClusterState", Kind::Conflict, cluster),
        ("InvalidClusterStateFault", Kind::Conflict, cluster),
        ("ConcurrentModificationException", Kind::Conflict, others),
        (
            "IntegrationSourceNotFoundFault",
            Kind::Refused,
            "AWS does not find the source that `DeleteIntegration` names",
        ),
        (
            "IntegrationTargetNotFoundFault",
            Kind::Refused,
            "AWS does not find the target that `DeleteIntegration` names",
        ),
        ("IntegrationNotFoundFault", Kind::NotFound, missing),
        ("ResourceNotFoundFault", Kind::NotFound, missing),
        (
            "IntegrationQuotaExceededFault",
            Kind::Refused,
            "AWS refused `DeleteIntegration`: IntegrationQuotaExceededFault",
        ),
        ("TagLimitExceededFault", Kind::Refused, "AWS refused `DeleteIntegration`: TagLimitExceededFault"),
        ("UnsupportedOperation", Kind::Refused, "AWS refused `DeleteIntegration`: UnsupportedOperation"),
    ] {
        let error = by_code(code).await;
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
    }
    let error = by_code("AccessDenied").await;
    assert_eq!(error.kind, Kind::Denied);
    assert_eq!(error.hints, ["the call needs the permission `redshift:DeleteIntegration`"]);
}

#[tokio::test]
async fn a_request_id_is_kept_wherever_it_came() {
    for (kind, status) in [(Kind::Unavailable, 503), (Kind::Refused, 403), (Kind::Shape, 200), (Kind::Transport, 0)] {
        let double = Double::start(move |_, _| {
            let (headers, body) = (vec![("x-amzn-requestid", "r-9".to_string())], "<html/>".to_string());
            if status == 0 { Reply::Short { headers, body } } else { Reply::Answer { status, headers, body } }
        })
        .await;
        let mut settings = double.settings();
        settings.limits.tries = 1;
        let error = send(&settings, &request("DescribeIntegrations")).await.expect_err("no page");
        assert_eq!((error.kind, error.request_id()), (kind, Some("r-9")), "{error}");
        assert!(error.context.iter().any(|line| line.ends_with("request id r-9")), "{error}");
    }
}

fn in_region(region: &str) -> Request {
    let mut request = request("DescribeIntegrations");
    request.params.insert("region".into(), region.into());
    request
}

#[tokio::test]
async fn a_region_that_does_not_exist() {
    let says = "Credential should be scoped to a valid region.";
    let double = Double::start(move |_, _| fault(403, "SignatureDoesNotMatch", says)).await;
    let error = send(&double.settings(), &in_region("us-esat-1")).await.expect_err("no such region");
    assert_eq!((error.kind, error.message.as_str()), (Kind::Param, "there is no region `us-esat-1`"));
    assert_eq!(error.hints, ["did you mean `us-east-1`?"]);

    let error = send(&double.settings(), &in_region("cn-north-1")).await.expect_err("another partition");
    let expected = "AWS does not accept these credentials in the region `cn-north-1`";
    assert_eq!((error.kind, error.message.as_str()), (Kind::Denied, expected));
    assert!(error.hints[0].starts_with("it is in another partition of AWS"), "{error}");

    // An empty label fails in the system's own library, so that nobody is asked.
    let settings = settings("http://redshift.us-esat-1..test");
    let error = send(&settings, &in_region("us-esat-1")).await.expect_err("no such host");
    let expected = "there seems to be no region `us-esat-1`: `redshift.us-esat-1..test` has no address";
    assert_eq!((error.kind, error.message.as_str()), (Kind::Param, expected));
    assert_eq!(error.hints, ["did you mean `us-east-1`?"]);
}

#[tokio::test]
async fn an_endpoint_that_is_no_address() {
    for (endpoint, expected) in [
        ("127.0.0.1:9", "the endpoint `127.0.0.1:9` needs `http://` or `https://` in front"),
        ("htp://a", "the endpoint `htp://a` needs `http://` or `https://` in front, and not `htp://`"),
        ("http://", "the endpoint `http://` is not an address: `http://localhost:8080` would be"),
        ("http://a b", "the endpoint `http://a b` is not an address: `http://localhost:8080` would be"),
    ] {
        let error = send(&settings(endpoint), &request("DescribeIntegrations")).await.expect_err("no address");
        assert_eq!((error.kind, error.to_string().as_str()), (Kind::Usage, expected));
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer() {
    // A port that was free a moment ago.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("free").port();
    let mut refused = settings(&format!("http://127.0.0.1:{port}"));
    refused.limits.tries = 2;
    let error = send(&refused, &request("DescribeIntegrations")).await.expect_err("nobody listens");
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
    assert!(error.message.starts_with(&format!("nothing listens at `http://127.0.0.1:{port}` (2 tries, ")), "{error}");
    assert_eq!(error.context, ["DescribeIntegrations region=us-east-1"]);
    assert_eq!(error.hints, [""; 0], "the endpoint is iql's own");

    let double = Double::start(|number, _| if number == 0 { Reply::Hang } else { ok("") }).await;
    let mut slow = double.settings();
    (slow.limits.tries, slow.limits.call) = (1, Duration::from_millis(50));
    let error = send(&slow, &request("DescribeIntegrations")).await.expect_err("no answer");
    let expected = "AWS did not answer `DescribeIntegrations` within 50 ms";
    assert_eq!((error.kind, error.message.as_str()), (Kind::Transport, expected));
}
