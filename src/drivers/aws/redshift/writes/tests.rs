//! What a write is on the wire and to a person, what its answer becomes, and what of it is refused.

use serde_json::json;

use super::super::super::double::{Double, Received, Reply, answer, fault, ok, send};
use super::*;

const WRITES: [&str; 5] = ["CreateIntegration", "ModifyIntegration", "DeleteIntegration", "CreateTags", "DeleteTags"];

/// What AWS answers with, but for the call's own envelope.
const INTEGRATION: &str = "<IntegrationArn>arn:1</IntegrationArn><IntegrationName>orders</IntegrationName>\
    <SourceArn>arn:s</SourceArn><TargetArn>arn:t</TargetArn><Status>creating</Status><Errors><IntegrationError>\
    <ErrorCode>E1</ErrorCode><ErrorMessage>no</ErrorMessage></IntegrationError></Errors>\
    <CreateTime>2025-01-02T03:04:05.6Z</CreateTime><Description>daily</Description><KMSKeyId>k</KMSKeyId>\
    <AdditionalEncryptionContext><entry><key>team</key><value>data</value></entry></AdditionalEncryptionContext>\
    <Tags><Tag><Key>env</Key><Value>prod</Value></Tag></Tags>";

/// A request that asks for the ARN of the row, where there is one. All but a creation are about `arn:1`.
fn write(call: &str, body: Value) -> Request {
    let Value::Object(body) = body else { panic!("a body is an object") };
    let about = (call != "CreateIntegration").then(|| ("IntegrationArn".to_string(), vec!["arn:1".to_string()]));
    Request { inputs: about.into_iter().collect(), body, ..super::super::super::double::request(call) }
}

/// The least that each call takes.
fn least(call: &str) -> Request {
    write(
        call,
        match call {
            "CreateIntegration" => json!({"IntegrationName": "x", "SourceArn": "s", "TargetArn": "t"}),
            "CreateTags" => json!({"Tags": [{"Key": "a", "Value": "b"}]}),
            "DeleteTags" => json!({"Tags": ["a"]}),
            _ => json!({}),
        },
    )
}

fn whole(call: &str) -> String {
    match call {
        "CreateTags" | "DeleteTags" => format!(
            "<{call}Response xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\">\
             <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{call}Response>"
        ),
        _ => answer(call, INTEGRATION),
    }
}

/// What one request brings when every try is answered by `reply`, and what was sent.
async fn outcome(
    request: &Request,
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) -> (Result<Page>, Vec<Received>) {
    let double = Double::start(move |_, _| reply()).await;
    let mut settings = double.settings();
    settings.limits.tries = 3;
    let result = send(&settings, request).await;
    (result, double.received())
}

/// The form that a request becomes, without what every request has, and how it reads.
async fn check(request: &Request, expected: &[(&str, &str)], described: &str) {
    let body = whole(&request.call);
    let (result, mut received) = outcome(request, move || ok(body.clone())).await;
    result.expect("an answer");
    let form = received.remove(0).form;
    assert_eq!((form["Action"].as_str(), form["Version"].as_str()), (request.call.as_str(), "2012-12-01"));
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let own: Vec<_> = form.into_iter().filter(|(name, _)| *name != "Action" && *name != "Version").collect();
    assert_eq!(own, expected);
    let signature = super::super::signature(&request.call).expect("a signature");
    assert_eq!(super::described(request, &signature), described);
}

#[tokio::test]
async fn what_creates() {
    check(
        &write(
            "CreateIntegration",
            json!({
                "IntegrationName": "x", "SourceArn": "s", "TargetArn": "t", "Description": "d \"1\" é", "KMSKeyId": "k",
                "AdditionalEncryptionContext": {"team": "data"},
                "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}, {"Key": "e"}],
            }),
        ),
        &[
            ("AdditionalEncryptionContext.entry.1.key", "team"),
            ("AdditionalEncryptionContext.entry.1.value", "data"),
            ("Description", "d \"1\" é"),
            ("IntegrationName", "x"),
            ("KMSKeyId", "k"),
            ("SourceArn", "s"),
            ("TagList.Tag.1.Key", "a"),
            ("TagList.Tag.1.Value", "b"),
            ("TagList.Tag.2.Key", "c"),
            ("TagList.Tag.2.Value", ""),
            ("TagList.Tag.3.Key", "e"),
            ("TargetArn", "t"),
        ],
        r#"{"IntegrationName":"x","SourceArn":"s","TargetArn":"t","Description":"d \"1\" é","KMSKeyId":"k","AdditionalEncryptionContext":{"team":"data"},"TagList":[{"Key":"a","Value":"b"},{"Key":"c","Value":""},{"Key":"e"}]}"#,
    )
    .await;
    // What is empty is no value of a list or a map, and one of a text.
    check(
        &write(
            "CreateIntegration",
            json!({
                "IntegrationName": "x", "SourceArn": "s", "TargetArn": "t", "Description": "", "KMSKeyId": null,
                "AdditionalEncryptionContext": {}, "Tags": [],
            }),
        ),
        &[("Description", ""), ("IntegrationName", "x"), ("SourceArn", "s"), ("TargetArn", "t")],
        r#"{"IntegrationName":"x","SourceArn":"s","TargetArn":"t","Description":""}"#,
    )
    .await;
}

#[tokio::test]
async fn what_changes_and_deletes() {
    check(
        &write("ModifyIntegration", json!({"IntegrationName": "y", "Description": "d"})),
        &[("Description", "d"), ("IntegrationArn", "arn:1"), ("IntegrationName", "y")],
        r#"{"IntegrationArn":"arn:1","IntegrationName":"y","Description":"d"}"#,
    )
    .await;
    check(
        &write("ModifyIntegration", json!({"Description": null})),
        &[("Description", ""), ("IntegrationArn", "arn:1")],
        r#"{"IntegrationArn":"arn:1","Description":""}"#,
    )
    .await;
    check(&write("DeleteIntegration", json!({})), &[("IntegrationArn", "arn:1")], r#"{"IntegrationArn":"arn:1"}"#)
        .await;
}

#[tokio::test]
async fn what_tags() {
    check(
        &write("CreateTags", json!({"Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]})),
        &[
            ("ResourceName", "arn:1"),
            ("Tags.Tag.1.Key", "a"),
            ("Tags.Tag.1.Value", "b"),
            ("Tags.Tag.2.Key", "c"),
            ("Tags.Tag.2.Value", "d"),
        ],
        r#"{"ResourceName":"arn:1","Tags":[{"Key":"a","Value":"b"},{"Key":"c","Value":"d"}]}"#,
    )
    .await;
    check(
        &write("DeleteTags", json!({"Tags": ["a", "c"]})),
        &[("ResourceName", "arn:1"), ("TagKeys.TagKey.1", "a"), ("TagKeys.TagKey.2", "c")],
        r#"{"ResourceName":"arn:1","TagKeys":["a","c"]}"#,
    )
    .await;
}

#[test]
fn a_write_reads_with_its_region_and_its_body() {
    use crate::drivers::Driver;
    let redshift = super::super::Redshift::new(&crate::settings::Settings::default());
    let mut request = least("DeleteTags");
    request.params.insert("profile".into(), "prod".into());
    let expected = r#"DeleteTags profile=prod region=us-east-1 {"ResourceName":"arn:1","TagKeys":["a"]}"#;
    assert_eq!(redshift.describe(&request), expected);
    let read = Request { call: "DescribeIntegrations".into(), ..least("DeleteIntegration") };
    assert_eq!(redshift.describe(&read), "DescribeIntegrations region=us-east-1 IntegrationArn=arn:1");
}

#[tokio::test]
async fn the_answer_is_the_whole_integration() {
    let fields: Vec<String> = rows::INTEGRATION.iter().rev().map(|(wire, _)| wire.to_string()).collect();
    for call in ["CreateIntegration", "ModifyIntegration", "DeleteIntegration"] {
        let reply =
            move || Reply::Answer { status: 200, headers: vec![("x-amzn-requestid", "r-7".into())], body: whole(call) };
        let (result, received) = outcome(&Request { fields: fields.clone(), ..least(call) }, reply).await;
        let row = json!([
            [{"Key": "env", "Value": "prod"}], {"team": "data"}, "k", "daily", "2025-01-02T03:04:05.600Z",
            [{"ErrorCode": "E1", "ErrorMessage": "no"}], "creating", "arn:t", "arn:s", "orders", "arn:1",
        ]);
        let page = result.expect(call);
        assert_eq!((json!(page.rows), page.next, page.request_id.as_deref()), (json!([row]), None, Some("r-7")));
        assert_eq!(received.len(), 1);
    }
}

#[tokio::test]
async fn tags_answer_with_no_row() {
    for call in ["CreateTags", "DeleteTags"] {
        let headers = || vec![("x-amz-request-id", "r-8".to_string())];
        let reply = move || Reply::Answer { status: 200, headers: headers(), body: whole(call) };
        let page = outcome(&least(call), reply).await.0.expect(call);
        assert_eq!(page, Page { request_id: Some("r-8".into()), ..Page::default() });
    }
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_no_success() {
    for call in WRITES {
        let mut wrong = vec![
            "<html><body>sign in</body></html>".to_string(),
            String::new(),
            "{}".to_string(),
            answer("DescribeIntegrations", "<Integrations/>"),
            format!("<{call}Response><A></{call}Response>"),
            // Cut where a proxy that gives up cuts, with a length that fits.
            whole(call)[..whole(call).len() - 5].to_string(),
            whole(call)[..40].to_string(),
        ];
        if !call.ends_with("Tags") {
            wrong.extend([answer(call, ""), answer(call, "<Status>active</Status>"), format!("<{call}Response/>")]);
        }
        for body in wrong {
            let sent = body.clone();
            let (result, received) = outcome(&least(call), move || ok(sent.clone())).await;
            let error = result.expect_err(&body);
            assert_eq!(error.kind, Kind::Shape, "{call} {body}: {error}");
            // What may be done twice is sent again, and nothing else.
            assert_eq!(received.len(), if call.ends_with("Tags") { 3 } else { 1 }, "{call} {body}");
        }
        let broken = move || Reply::Short { headers: Vec::new(), body: whole(call) };
        assert_eq!(outcome(&least(call), broken).await.0.expect_err(call).kind, Kind::Transport);
    }
}

#[tokio::test]
async fn every_cut_of_an_answer_is_seen() {
    // One that the SDK decodes, and one of which it looks at the status alone.
    for call in ["CreateIntegration", "CreateTags"] {
        let body = whole(call);
        let length = body.len();
        // The double cuts the nth answer after n bytes, and says that this is its right length.
        let double = Double::start(move |number, _| ok(&body[..number])).await;
        let redshift = super::super::Redshift::new(&double.settings());
        for cut in 0..=length {
            let result = crate::drivers::Driver::send(&redshift, &least(call)).await;
            assert_eq!(result.is_ok(), cut == length, "{call} cut at {cut}: {result:?}");
            assert!(result.map_or_else(|error| error.kind == Kind::Shape, |_| true), "{call} cut at {cut}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_an_error_of_a_write() {
    for (call, code) in [
        ("DeleteIntegration", "IntegrationNotFoundFault"),
        ("ModifyIntegration", "IntegrationNotFoundFault"),
        ("CreateTags", "ResourceNotFoundFault"),
        ("DeleteTags", "ResourceNotFoundFault"),
    ] {
        let (result, received) = outcome(&least(call), move || fault(404, code, "not there")).await;
        let error = result.expect_err("nothing to write to");
        assert_eq!((error.kind, error.request_id(), received.len()), (Kind::NotFound, Some("r-1"), 1));
    }
}

#[tokio::test]
async fn what_a_call_does_not_take_is_never_left_out() {
    let with = |call: &str, name: &str, value: Value| {
        let mut request = least(call);
        request.body.insert(name.to_string(), value);
        request
    };
    let without = |call: &str, name: &str| {
        let mut request = least(call);
        request.body.remove(name);
        request.inputs.remove(name);
        request
    };
    let about = |call: &str, name: &str, values: &[&str]| {
        let mut request = least(call);
        request.inputs.insert(name.to_string(), values.iter().map(|value| value.to_string()).collect());
        request
    };
    for (request, expected) in [
        (with("CreateIntegration", "Status", json!("active")), "`CreateIntegration` does not take `Status`"),
        (with("DeleteIntegration", "Tags", json!([])), "`DeleteIntegration` does not take `Tags`"),
        (
            with("ModifyIntegration", "IntegrationArn", json!("arn:2")),
            "`ModifyIntegration` does not take `IntegrationArn`",
        ),
        (with("ModifyIntegration", "SourceArn", json!(null)), "`ModifyIntegration` does not take `SourceArn`"),
        (
            with("ModifyIntegration", "IntegrationName", json!(null)),
            "`ModifyIntegration` does not take `IntegrationName` as null",
        ),
        (with("CreateIntegration", "Description", json!(1)), "`CreateIntegration` does not take `Description` as 1"),
        (with("CreateIntegration", "Description", json!([])), "`CreateIntegration` does not take `Description` as []"),
        (with("CreateIntegration", "Tags", json!({})), "`CreateIntegration` does not take `Tags` as {}"),
        (
            with("CreateIntegration", "Tags", json!([{"Value": "b"}])),
            r#"`CreateIntegration` does not take `Tags` as [{"Value":"b"}]"#,
        ),
        (
            with("CreateTags", "Tags", json!([{"Key": "a", "value": "b"}])),
            r#"`CreateTags` does not take `Tags` as [{"Key":"a","value":"b"}]"#,
        ),
        (with("CreateTags", "Tags", json!(null)), "`CreateTags` does not take `Tags` as null"),
        (with("DeleteTags", "Tags", json!([{"Key": "a"}])), r#"`DeleteTags` does not take `Tags` as [{"Key":"a"}]"#),
        (
            with("CreateIntegration", "AdditionalEncryptionContext", json!({"a": 1})),
            r#"`CreateIntegration` does not take `AdditionalEncryptionContext` as {"a":1}"#,
        ),
        (with("CreateIntegration", "SourceArn", json!(null)), "`CreateIntegration` needs `SourceArn`"),
        (without("CreateIntegration", "IntegrationName"), "`CreateIntegration` needs `IntegrationName`"),
        (without("DeleteIntegration", "IntegrationArn"), "`DeleteIntegration` needs `IntegrationArn`"),
        (without("DeleteTags", "Tags"), "`DeleteTags` needs `Tags`"),
        (
            about("CreateIntegration", "IntegrationArn", &["arn:1"]),
            "`CreateIntegration` does not take `IntegrationArn`",
        ),
        (about("DeleteIntegration", "SourceArn", &["s"]), "`DeleteIntegration` does not take `SourceArn`"),
        (
            about("DeleteIntegration", "IntegrationArn", &["arn:1", "arn:2"]),
            r#"`DeleteIntegration` does not take `IntegrationArn` as ["arn:1","arn:2"]"#,
        ),
        (
            Request { fields: vec!["NodeType".into()], ..least("DeleteIntegration") },
            "the driver `aws.redshift` gives no field `NodeType`",
        ),
    ] {
        let (result, received) = outcome(&request, || Reply::Close).await;
        let error = result.expect_err(expected);
        assert_eq!((error.kind, error.message.as_str(), received.len()), (Kind::Internal, expected, 0));
    }
}
