//! DescribeClusters: the clusters whose namespaces are targets.

use super::check::combination;
use super::page::Page;
use super::{Request, shapes};
use crate::error::Result;
use crate::sandbox::rows::Cluster;
use crate::sandbox::wire::{Refusal, Xml};

pub fn describe(request: &Request) -> Result<Xml, Refusal> {
    let form = request.form;
    let page = Page::asked(request)?;
    let scope = request.caller.scope();
    let reading = request.store.read()?;
    let rows: Box<dyn Iterator<Item = Result<(String, Cluster)>>> =
        match form.get("ClusterIdentifier").filter(|identifier| !identifier.is_empty()) {
            Some(_) if page.after.is_some() => {
                return Err(combination("ClusterIdentifier and Marker can't be specified together."));
            }
            Some(identifier) => {
                let cluster = reading
                    .cluster(&scope, identifier)?
                    .ok_or_else(|| Refusal::new(404, "ClusterNotFound", format!("Cluster {identifier} not found.")))?;
                Box::new(std::iter::once(Ok((identifier.to_string(), cluster))))
            }
            None => Box::new(reading.clusters(&scope, page.after.as_deref())?),
        };
    let keys = form.list("TagKeys.TagKey");
    let values = form.list("TagValues.TagValue");
    let is_wanted = |cluster: &Cluster| {
        (keys.is_empty() && values.is_empty())
            || cluster.tags.iter().any(|tag| {
                (keys.is_empty() || keys.contains(&tag.key.as_str()))
                    && (values.is_empty() || values.contains(&tag.value.as_str()))
            })
    };
    let rows = rows.filter(|row| row.as_ref().map_or(true, |(_, cluster)| is_wanted(cluster)));
    page.write("Clusters", rows, shapes::cluster)
}
