//! What is sent to Redshift, and what becomes of its answers.

use serde_json::json;

use super::super::double::{Double, Reply, answer, fault, ok, request, send};
use super::*;

const TWO: &str = "<Integrations><Integration><IntegrationArn>arn:1</IntegrationArn></Integration>\
    <Integration><IntegrationArn>arn:2</IntegrationArn></Integration></Integrations>";

#[tokio::test]
async fn a_page_of_rows() {
    let double = Double::start(|_, _| ok(answer("DescribeIntegrations", &format!("{TWO}<Marker>m1</Marker>")))).await;
    let page = send(&double.settings(), &request("DescribeIntegrations")).await.expect("a page");
    assert_eq!(
        page,
        Page { rows: vec![vec![json!("arn:1")], vec![json!("arn:2")]], next: Some("m1".into()), request_id: None }
    );
    let received = double.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].form["Action"], "DescribeIntegrations");
    assert_eq!(received[0].form["MaxRecords"], "100");
    assert!(received[0].headers["authorization"].contains("/us-east-1/redshift/aws4_request"), "{received:?}");
}

/// What one request brings when the service answers every try by `reply`, and how often it was sent.
async fn outcome(request: &Request, reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Result<Page>, usize) {
    let double = Double::start(move |_, _| reply()).await;
    let mut settings = double.settings();
    settings.limits.tries = 3;
    let result = send(&settings, request).await;
    (result, double.received().len())
}

fn with_inputs(call: &str, inputs: &[(&str, &[&str])]) -> Request {
    let inputs = inputs
        .iter()
        .map(|(wire, values)| (wire.to_string(), values.iter().map(|value| value.to_string()).collect()))
        .collect();
    Request { inputs, ..request(call) }
}

/// The form that a request becomes, without what every request has.
async fn form(request: &Request) -> Vec<(String, String)> {
    let result = match request.call.as_str() {
        "DescribeIntegrations" => "<Integrations/>",
        "DescribeInboundIntegrations" => "<InboundIntegrations/>",
        _ => "<Clusters/>",
    };
    let body = answer(&request.call, result);
    let double = Double::start(move |_, _| ok(body.clone())).await;
    send(&double.settings(), request).await.expect("an empty page");
    let received = double.received().remove(0);
    received.form.into_iter().filter(|(name, _)| name != "Action" && name != "Version").collect()
}

async fn check_form(request: &Request, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    assert_eq!(form(request).await, expected);
}

#[tokio::test]
async fn inputs_become_parameters_and_filters() {
    let filter = "Filters.DescribeIntegrationsFilter";
    check_form(&with_inputs("DescribeIntegrations", &[("IntegrationArn", &["arn:1"])]), &[("IntegrationArn", "arn:1")])
        .await;
    check_form(
        &with_inputs("DescribeIntegrations", &[("IntegrationArn", &["arn:1", "arn:2"])]),
        &[
            (&format!("{filter}.1.Name"), "integration-arn"),
            (&format!("{filter}.1.Values.Value.1"), "arn:1"),
            (&format!("{filter}.1.Values.Value.2"), "arn:2"),
            ("MaxRecords", "100"),
        ],
    )
    .await;
    let mut request = with_inputs("DescribeIntegrations", &[("Status", &["active", "asleep"]), ("SourceArn", &["s"])]);
    request.params.insert("source_type".into(), "dynamodb".into());
    check_form(
        &request,
        &[
            (&format!("{filter}.1.Name"), "source-arn"),
            (&format!("{filter}.1.Values.Value.1"), "s"),
            (&format!("{filter}.2.Name"), "status"),
            (&format!("{filter}.2.Values.Value.1"), "active"),
            (&format!("{filter}.2.Values.Value.2"), "asleep"),
            (&format!("{filter}.3.Name"), "source-types"),
            (&format!("{filter}.3.Values.Value.1"), "dynamodb"),
            ("MaxRecords", "100"),
        ],
    )
    .await;
    check_form(
        &with_inputs("DescribeInboundIntegrations", &[("TargetArn", &["arn:t"])]),
        &[("MaxRecords", "100"), ("TargetArn", "arn:t")],
    )
    .await;
    check_form(&with_inputs("DescribeClusters", &[("ClusterIdentifier", &["c"])]), &[("ClusterIdentifier", "c")]).await;
}

#[tokio::test]
async fn a_page_is_never_shorter_than_the_service_allows() {
    for (wanted, sent) in [(None, "100"), (Some(1), "20"), (Some(50), "50"), (Some(1000), "100")] {
        let request = Request { page_size: wanted, marker: Some("m".into()), ..request("DescribeClusters") };
        check_form(&request, &[("Marker", "m"), ("MaxRecords", sent)]).await;
    }
}

#[tokio::test]
async fn clusters_and_inbound_integrations() {
    let clusters = "<Clusters><Cluster><ClusterIdentifier>c</ClusterIdentifier><Endpoint><Address>c.example</Address>\
        <Port>5439</Port></Endpoint><Tags/></Cluster><Cluster><ClusterIdentifier>new</ClusterIdentifier></Cluster></Clusters>";
    let fields = ["Endpoint.Port", "ClusterIdentifier", "Endpoint.Address", "Tags"].map(String::from).to_vec();
    let request = Request { fields, ..request("DescribeClusters") };
    let (page, _) = outcome(&request, || ok(answer("DescribeClusters", clusters))).await;
    let expected = vec![
        vec![json!(5439), json!("c"), json!("c.example"), json!([])],
        vec![json!(null), json!("new"), json!(null), json!(null)],
    ];
    assert_eq!(page.expect("two clusters").rows, expected);

    let inbound = "<InboundIntegrations><InboundIntegration><IntegrationArn>arn:1</IntegrationArn><Status>asleep</Status>\
        <CreateTime>2025-01-02T03:04:05.6Z</CreateTime><Errors><IntegrationError><ErrorCode>E1</ErrorCode>\
        </IntegrationError></Errors></InboundIntegration></InboundIntegrations>";
    let fields = ["Status", "CreateTime", "Errors"].map(String::from).to_vec();
    let request = Request { fields, ..super::super::double::request("DescribeInboundIntegrations") };
    let (page, _) = outcome(&request, || ok(answer("DescribeInboundIntegrations", inbound))).await;
    let errors = json!([{"ErrorCode": "E1", "ErrorMessage": null}]);
    assert_eq!(page.expect("a row").rows, [[json!("asleep"), json!("2025-01-02T03:04:05.600Z"), errors]]);
}

#[tokio::test]
async fn an_answer_cut_anywhere_is_refused_or_whole() {
    let whole = format!("{}\n", answer("DescribeIntegrations", &format!("{TWO}<Marker>m</Marker>")));
    let body = whole.clone();
    // The double cuts the nth answer after n bytes, and says that this is its right length.
    let double = Double::start(move |number, _| ok(&body[..number])).await;
    let redshift = Redshift::new(&double.settings());
    for cut in 0..=whole.len() {
        match redshift.send(&request("DescribeIntegrations")).await {
            Ok(page) => {
                assert!(cut >= whole.len() - 1, "cut at {cut}: {page:?}");
                assert_eq!((page.rows.len(), page.next.as_deref()), (2, Some("m")));
            }
            Err(error) => assert_eq!(error.kind, Kind::Shape, "cut at {cut}: {error}"),
        }
    }
    assert_eq!(double.received().len(), whole.len() + 1);
}

#[tokio::test]
async fn an_answer_of_another_shape_is_an_error() {
    let cases: &[(&str, &str)] = &[
        ("<html><body>sign in</body></html>", "the answer is `<html>` and not `<DescribeIntegrationsResponse>`"),
        (&answer("DescribeClusters", "<Clusters/>"), "the answer is `<DescribeClustersResponse>`"),
        (&answer("DescribeIntegrations", ""), "the answer has no `<Integrations>`"),
        (&answer("DescribeIntegrations", "<Integration/>"), "the answer has no `<Integrations>`"),
        ("", "the answer has 0 bytes"),
        (
            &answer(
                "DescribeIntegrations",
                "<Integrations><Integration><CreateTime>yesterday</CreateTime></Integration></Integrations>",
            ),
            "in a shape that cannot be read",
        ),
        (
            &answer("DescribeIntegrations", "<Integrations><Integration><IntegrationArn>arn:1</Integrations>"),
            "elements that do not close",
        ),
        (
            &answer(
                "DescribeIntegrations",
                "<Integrations><Integration><IntegrationArn>arn:1</IntegrationArn></Integrations>",
            ),
            "elements that do not close",
        ),
    ];
    for (body, expected) in cases {
        let body = body.to_string();
        let (result, sent) = outcome(&request("DescribeIntegrations"), move || ok(body.clone())).await;
        let error = result.expect_err("not a page");
        assert_eq!((error.kind, sent), (Kind::Shape, 3), "{error}");
        assert!(error.context[0].contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_page_has_the_id_of_its_request() {
    for (call, result) in [
        ("DescribeIntegrations", "<Integrations/>"),
        ("DescribeInboundIntegrations", "<InboundIntegrations/>"),
        ("DescribeClusters", "<Clusters/>"),
    ] {
        let body = answer(call, result);
        let headers = || vec![("x-amzn-requestid", "r-7".to_string())];
        let reply = move || Reply::Answer { status: 200, headers: headers(), body: body.clone() };
        let page = outcome(&request(call), reply).await.0.expect("an empty page");
        assert_eq!(page.request_id.as_deref(), Some("r-7"), "{call}");
    }
}

#[tokio::test]
async fn a_marker_that_repeats_is_an_error() {
    let again = || ok(answer("DescribeIntegrations", &format!("{TWO}<Marker>m</Marker>")));
    let (result, sent) = outcome(&Request { marker: Some("m".into()), ..request("DescribeIntegrations") }, again).await;
    let error = result.expect_err("a loop");
    assert_eq!((error.kind, sent), (Kind::Endless, 1), "{error}");
    let expected = "the list's pages go round: AWS answered `DescribeIntegrations` with the marker that was sent";
    assert_eq!(error.message, expected);
    let (result, _) =
        outcome(&request("DescribeIntegrations"), || ok(answer("DescribeIntegrations", &format!("{TWO}<Marker/>"))))
            .await;
    assert_eq!(result.expect("the last page").next, None);
}

#[tokio::test]
async fn a_read_is_sent_again_after_a_lost_answer() {
    let lost: [fn() -> Reply; 4] = [
        || Reply::Close,
        || Reply::Short { headers: Vec::new(), body: answer("DescribeIntegrations", TWO) },
        || Reply::Answer { status: 500, headers: Vec::new(), body: String::new() },
        || fault(400, "Throttling", "Rate exceeded"),
    ];
    for lost in lost {
        let whole = answer("DescribeIntegrations", TWO);
        let double = Double::start(move |number, _| if number == 0 { lost() } else { ok(whole.clone()) }).await;
        let page = send(&double.settings(), &request("DescribeIntegrations")).await.expect("the second try");
        assert_eq!((page.rows.len(), double.received().len()), (2, 2));
    }
}

#[tokio::test]
async fn the_sdk_itself_sends_nothing_twice() {
    let lost: [fn() -> Reply; 3] = [
        || Reply::Close,
        || Reply::Answer { status: 500, headers: Vec::new(), body: String::new() },
        || fault(503, "ServiceUnavailable", "later"),
    ];
    for lost in lost {
        let double = Double::start(move |_, _| lost()).await;
        let redshift = Redshift::new(&double.settings());
        let client = redshift.aws.client(None, "us-east-1").await.expect("a client");
        let create = client.create_integration().integration_name("a").source_arn("s").target_arn("t");
        create.send().await.expect_err("lost");
        assert_eq!(double.received().len(), 1);
    }
    // A connection that was used before is no excuse either.
    let list = answer("DescribeIntegrations", TWO);
    let double = Double::start(move |number, _| if number == 0 { ok(list.clone()) } else { Reply::Close }).await;
    let redshift = Redshift::new(&double.settings());
    redshift.send(&request("DescribeIntegrations")).await.expect("a page");
    let client = redshift.aws.client(None, "us-east-1").await.expect("a client");
    client.delete_integration().integration_arn("arn:1").send().await.expect_err("lost");
    assert_eq!(double.received().len(), 2);
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_no_row() {
    let missing = || fault(404, "IntegrationNotFoundFault", "not there");
    let one = with_inputs("DescribeIntegrations", &[("IntegrationArn", &["arn:1"])]);
    let nothing = Page { request_id: Some("r-1".into()), ..Page::default() };
    assert_eq!(outcome(&one, missing).await.0.expect("no row"), nothing);
    let cluster = with_inputs("DescribeClusters", &[("ClusterIdentifier", &["c"])]);
    assert_eq!(outcome(&cluster, || fault(404, "ClusterNotFound", "")).await.0.expect("no row"), nothing);
    let several = with_inputs("DescribeIntegrations", &[("IntegrationArn", &["arn:1", "arn:2"])]);
    assert_eq!(outcome(&several, missing).await.0.expect_err("one of them").kind, Kind::Refused);
    assert_eq!(outcome(&request("DescribeIntegrations"), missing).await.0.expect_err("odd").kind, Kind::NotFound);
}

#[test]
fn every_call_has_a_signature_and_only_those_repeat_that_may() {
    let repeatable: Vec<_> =
        CALLS.iter().filter(|call| signature(call).expect("a signature").repeatable).copied().collect();
    let expected =
        ["DescribeIntegrations", "DescribeInboundIntegrations", "DescribeClusters", "CreateTags", "DeleteTags"];
    assert_eq!(repeatable, expected);
    assert!(signature("DescribeTags").is_none());
}

#[test]
fn a_write_says_which_row_it_answers_with() {
    for call in ["CreateIntegration", "ModifyIntegration", "DeleteIntegration"] {
        let fields = signature(call).expect("a signature").fields;
        assert!(fields.iter().eq(rows::INTEGRATION.iter().map(|(wire, _)| wire)), "{call}: {fields:?}");
    }
    for call in ["CreateTags", "DeleteTags"] {
        assert!(signature(call).expect("a signature").fields.is_empty(), "{call}");
    }
}
