//! The server over a real socket, by the plainest client there is; the state across handles.
//! Other processes, kills and real clients are in `tests/clients/`.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Status and everything that came behind the head; status 0 when the connection closed without an answer.
async fn send(running: &Running, method: &str, path: &str, scope: Option<&str>, body: &str) -> (u16, String) {
    let authorization = scope.map_or(String::new(), |scope| {
        format!("Authorization: AWS4-HMAC-SHA256 Credential={scope}/aws4_request, SignedHeaders=host, Signature=00\r\n")
    });
    let (status, _, body) = exchange(running, method, path, &authorization, body).await;
    (status, body)
}

/// Status, head and body of the answer to a request with more headers, each with its line's end.
pub async fn exchange(running: &Running, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(running.address).await.expect("the sandbox listens");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(body.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // A connection that is cut short may end in an error; what came before it counts.
    stream.read_to_end(&mut answer).await.ok();
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status, head.to_string(), body.to_string())
}

async fn call(running: &Running, body: &str) -> (u16, String) {
    let scope = "prod/20260115/us-east-1/redshift";
    send(running, "POST", "/", Some(scope), &format!("Version=2012-12-01&{body}")).await
}

pub async fn open(dir: &Path) -> Running {
    start(&Options { dir: dir.into(), ..Options::default() }).await.expect("a sandbox")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map_or("", |(value, _)| value)
}

const CREATE: &str = "Action=CreateIntegration&IntegrationName=fresh&SourceArn=arn:aws:s3:::fresh-bucket&TargetArn=arn:\
    aws:redshift-serverless:us-east-1:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a01";

#[tokio::test]
async fn every_page_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let running = open(dir.path()).await;
    let mut arns = std::collections::BTreeSet::new();
    let (mut marker, mut pages, mut rows) = (String::new(), 0, 0);
    loop {
        let (status, body) =
            call(&running, &format!("Action=DescribeIntegrations&MaxRecords=50&Marker={marker}")).await;
        assert_eq!(status, 200, "{body}");
        pages += 1;
        for row in body.split("<IntegrationArn>").skip(1) {
            rows += 1;
            arns.insert(row.split('<').next().expect("an ARN").to_string());
        }
        marker = between(&body, "<Marker>", "</Marker>").to_string();
        if marker.is_empty() {
            break;
        }
    }
    assert_eq!((pages, rows, arns.len()), (6, 263, 263));
    assert_eq!(running.requests().len(), 6);
    assert!(running.requests().iter().all(|served| served.status == Some(200) && served.region == "us-east-1"));
}

#[tokio::test]
async fn a_request_is_refused_as_aws_refuses_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let running = open(dir.path()).await;
    let check = async |body: &str, status: u16, code: &str| {
        let answer = call(&running, body).await;
        assert_eq!((answer.0, between(&answer.1, "<Code>", "</Code>")), (status, code), "{body}: {}", answer.1);
    };
    let arn = "arn:aws:redshift:us-east-1:111122223333:integration:00000000-0000-0000-0000-000000000000";
    check("", 400, "MissingAction").await;
    check("Action=DescribeEverything", 400, "InvalidAction").await;
    check("Action=DescribeIntegrations&MaxRecords=19", 400, "InvalidParameterValue").await;
    check("Action=DescribeIntegrations&MaxRecords=101", 400, "InvalidParameterValue").await;
    check("Action=DescribeIntegrations&Marker=abc", 400, "InvalidParameterValue").await;
    check("Action=DescribeIntegrations&IntegrationArn=abc", 400, "ValidationError").await;
    check(&format!("Action=DescribeIntegrations&IntegrationArn={arn}"), 404, "IntegrationNotFoundFault").await;
    let filter = "Action=DescribeIntegrations&Filters.DescribeIntegrationsFilter.1";
    check(&format!("{filter}.Name=name&{}.Values.Value.1=x", &filter[28..]), 400, "InvalidParameterValue").await;
    check(&format!("{filter}.Name=status"), 400, "ValidationError").await;
    check("Action=CreateIntegration", 400, "ValidationError").await;
    check(&CREATE.replace("fresh&", "two--hyphens&"), 400, "ValidationError").await;
    check(&CREATE.replace("fresh-bucket", "no-such-bucket"), 404, "IntegrationSourceNotFoundFault").await;
    check(&CREATE.replace("us-east-1", "us-east-2"), 404, "IntegrationTargetNotFoundFault").await;
    check(&format!("{CREATE}&TagList.Tag.1.Key=aws:x&TagList.Tag.1.Value=1"), 400, "InvalidTagFault").await;
    let context = "AdditionalEncryptionContext.entry.1.key=a&AdditionalEncryptionContext.entry.1.value=b";
    check(&format!("{CREATE}&{context}"), 400, "InvalidParameterCombination").await;
    check(&format!("Action=ModifyIntegration&IntegrationArn={arn}&Description=x"), 404, "IntegrationNotFoundFault")
        .await;
    check(&format!("Action=DeleteIntegration&IntegrationArn={arn}"), 404, "IntegrationNotFoundFault").await;
    check(&format!("Action=CreateTags&ResourceName={arn}"), 400, "ValidationError").await;
    check(&format!("Action=DescribeTags&ResourceName={arn}"), 404, "ResourceNotFoundFault").await;
    check("Action=DescribeClusters&ClusterIdentifier=none", 404, "ClusterNotFound").await;
    let target = "arn:aws:redshift:us-east-1:111122223333:namespace:0dead000-0000-4000-8000-000000000017";
    check(&format!("Action=DescribeInboundIntegrations&TargetArn={target}"), 400, "InvalidNamespaceFault").await;
    assert_eq!(send(&running, "POST", "/", None, "Action=DescribeIntegrations").await.0, 403);
    let clock = send(&running, "GET", "/_sandbox/clock", None, "").await.1;
    assert!(clock.contains(r#""mode":"untouched""#), "a refusal touches nothing: {clock}");
}

#[tokio::test]
async fn a_status_moves_with_the_clock() {
    let dir = tempfile::tempdir().expect("a folder");
    let running = open(dir.path()).await;
    let advance = |seconds: f64| {
        let change = ClockChange { mode: Some(Mode::Fixed), advance_seconds: Some(seconds), ..ClockChange::default() };
        running.set_clock(&change).expect("the clock moves");
    };
    let code = async |body: &str| between(&call(&running, body).await.1, "<Code>", "</Code>").to_string();
    advance(0.0);
    let (status, body) = call(&running, CREATE).await;
    assert_eq!((status, between(&body, "<Status>", "</Status>")), (200, "creating"), "{body}");
    let arn = between(&body, "<IntegrationArn>", "</IntegrationArn>").to_string();
    let get = format!("Action=DescribeIntegrations&IntegrationArn={arn}");
    let delete = format!("Action=DeleteIntegration&IntegrationArn={arn}");
    let rename = format!("Action=ModifyIntegration&IntegrationArn={arn}&IntegrationName=renamed");
    assert_eq!(code(CREATE).await, "IntegrationAlreadyExistsFault");
    assert_eq!(code(&delete).await, "IntegrationConflictOperationFault");
    advance(30.0);
    assert_eq!(between(&call(&running, &get).await.1, "<Status>", "</Status>"), "active");
    assert_eq!(call(&running, &rename).await.0, 200);
    assert_eq!(code(&delete).await, "IntegrationConflictOperationFault");
    advance(5.0);
    assert_eq!(call(&running, &delete).await.0, 200);
    assert_eq!(between(&call(&running, &get).await.1, "<Status>", "</Status>"), "deleting");
    advance(10.0);
    assert_eq!(code(&get).await, "IntegrationNotFoundFault");
    assert_eq!(call(&running, CREATE).await.0, 200, "the name is free again");

    let failing = CREATE.replace("fresh&", "failing&").replace("fresh-bucket", "denied-bucket");
    let arn = between(&call(&running, &failing).await.1, "<IntegrationArn>", "</IntegrationArn>").to_string();
    advance(30.0);
    let body = call(&running, &format!("Action=DescribeIntegrations&IntegrationArn={arn}")).await.1;
    assert!(body.contains("<Status>failed</Status><Errors><IntegrationError>"), "{body}");
    let describe = format!("Action=ModifyIntegration&IntegrationArn={arn}&Description=x");
    assert_eq!(code(&describe).await, "IntegrationConflictStateFault");
}

#[tokio::test]
async fn trouble_comes_as_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    let running = open(dir.path()).await;
    let whole = call(&running, "Action=DescribeIntegrations").await.1;
    let with = async |trouble: Trouble| {
        running.clear_faults();
        running.add_fault(Fault::new(trouble).times(1));
        call(&running, "Action=DescribeIntegrations").await
    };
    assert_eq!(with(Trouble::Reset).await, (0, String::new()));
    assert_eq!(with(Trouble::Lost).await, (0, String::new()));
    assert_eq!(running.requests().last().expect("a request").status, None);
    let (status, body) = with(Trouble::Cut { at: At::Rows(5), length: Length::Right }).await;
    assert_eq!((status, body.matches("<Integration>").count()), (200, 5));
    assert!(body.ends_with("</Integration>") && whole.starts_with(&body));
    let (status, body) = with(Trouble::Cut { at: At::Byte(1000), length: Length::Whole }).await;
    assert_eq!((status, body.len()), (200, 1000));
    assert_eq!(with(Trouble::Denied).await.0, 403);
    assert_eq!(with(Trouble::ServerError { status: 503, body: ErrorBody::None }).await, (503, String::new()));
    assert!(with(Trouble::WrongShape).await.1.starts_with("<html>"));
    let waits = Trouble::Latency { milliseconds: 30 };
    let start = std::time::Instant::now();
    assert_eq!(with(waits).await.0, 200);
    assert!(start.elapsed() >= Duration::from_millis(30));
    let hang = tokio::time::timeout(Duration::from_millis(50), with(Trouble::Hang)).await;
    assert!(hang.is_err(), "no answer comes");
}

#[tokio::test]
async fn a_lost_answer_was_work_done() {
    let dir = tempfile::tempdir().expect("a folder");
    let lost = Fault::new(Trouble::Lost).on("CreateIntegration").times(1);
    let options = Options { dir: dir.path().into(), faults: vec![lost], ..Options::default() };
    let running = start(&options).await.expect("a sandbox");
    assert_eq!(call(&running, CREATE).await.0, 0);
    let again = call(&running, CREATE).await;
    assert_eq!(between(&again.1, "<Code>", "</Code>"), "IntegrationAlreadyExistsFault");
}

#[tokio::test]
async fn two_sandboxes_share_a_state() {
    let dir = tempfile::tempdir().expect("a folder");
    let (one, other) = tokio::join!(open(dir.path()), open(dir.path()));
    let (_, body) = call(&one, CREATE).await;
    let arn = between(&body, "<IntegrationArn>", "</IntegrationArn>");
    let get = format!("Action=DescribeIntegrations&IntegrationArn={arn}");
    assert_eq!(call(&other, &get).await.0, 200);
    assert_eq!(call(&other, &CREATE.replace("fresh&", "second&")).await.0, 200);
    let names = call(&one, &format!("{get}&Marker=")).await;
    assert_eq!(names.0, 200);
    let one_clock = one.sandbox.store.clock().expect("a clock").0;
    assert_eq!(one_clock.mode, Mode::Running);
    // The same state, opened anew.
    drop((one, other));
    let third = open(dir.path()).await;
    assert_eq!(call(&third, &get).await.0, 200);
}
