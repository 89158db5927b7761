//! What a write is refused for before anything is sent, and what else is said of what it names.

use crate::writes::{TABLE, TARGET, calls, insert, quick, source};

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
