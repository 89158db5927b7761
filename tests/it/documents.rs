//! The shipped documents: every example runs.

use crate::lab::Lab;

#[tokio::test]
async fn every_example_runs_and_has_rows() {
    let lab = Lab::new().await;
    let services = lab.engine.catalog().providers.iter().flat_map(|provider| &provider.services);
    let mut ran = 0;
    for resource in services.flat_map(|service| &service.resources) {
        assert!(!resource.examples.is_empty(), "{} has no example", resource.full_name());
        for example in &resource.examples {
            let rows = lab.count(example).await.map_err(|error| format!("{example}\n{error}"));
            assert!(rows.as_ref().is_ok_and(|rows| *rows > 0), "{example}: {rows:?}");
            ran += 1;
        }
    }
    assert!(ran >= 5, "{ran}");
}
