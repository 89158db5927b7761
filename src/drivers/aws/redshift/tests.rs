//! What is sent to Redshift, and what becomes of its answers.

use serde_json::json;

use super::super::double::{Double, answer, ok, request, send};
use super::*;

const TWO: &str = "<Integrations><Integration><IntegrationArn>arn:1</IntegrationArn></Integration>\
    <Integration><IntegrationArn>arn:2</IntegrationArn></Integration></Integrations>";

#[tokio::test]
async fn a_page_of_rows() {
    let double = Double::start(|_, _| ok(answer("DescribeIntegrations", &format!("{TWO}<Marker>m1</Marker>")))).await;
    let page = send(&double.settings(), &request("DescribeIntegrations")).await.expect("a page");
    assert_eq!(page, Page { rows: vec![vec![json!("arn:1")], vec![json!("arn:2")]], next: Some("m1".into()) });
    let received = double.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].form["Action"], "DescribeIntegrations");
    assert_eq!(received[0].form["MaxRecords"], "100");
    assert!(received[0].headers["authorization"].contains("/us-east-1/redshift/aws4_request"), "{received:?}");
}
