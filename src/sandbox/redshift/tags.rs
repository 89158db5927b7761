//! CreateTags, DeleteTags, DescribeTags: tags of integrations and clusters.

use super::Request;
use super::check::{Checks, invalid};
use super::page::Page;
use super::shapes;
use crate::error::Result;
use crate::sandbox::rows::{Tag, add_tags, arn_part};
use crate::sandbox::wire::{Form, Refusal, Xml};

/// The types of resource that the service's documentation lists; only the first and the last are kept here.
const RESOURCE_TYPES: &[&str] = &[
    "cluster",
    "cidr/ip",
    "ec2 security group",
    "snapshot",
    "cluster security group",
    "subnet group",
    "hsm connection",
    "hsm certificate",
    "parameter group",
    "snapshot copy grant",
    "integration",
];

struct Tagged {
    arn: String,
    kind: &'static str,
    tag: Tag,
}

pub fn create(request: &Request) -> Result<Option<Xml>, Refusal> {
    let name = resource_name(request.form, "Tags.Tag", "Tags")?;
    let new = list(request.form, "Tags.Tag")?;
    change(request, name, |tags| {
        add_tags(tags, new);
        limit(tags)
    })
}

pub fn delete(request: &Request) -> Result<Option<Xml>, Refusal> {
    let name = resource_name(request.form, "TagKeys.TagKey", "TagKeys")?;
    let keys = request.form.list("TagKeys.TagKey");
    if let Some(key) = keys.iter().find(|key| is_reserved(key)) {
        return Err(invalid_tag(format!("The tag key {key} is reserved: aws: tags can't be removed.")));
    }
    change(request, name, |tags| {
        tags.retain(|tag| !keys.contains(&tag.key.as_str()));
        Ok(())
    })
}

pub fn describe(request: &Request) -> Result<Xml, Refusal> {
    let form = request.form;
    let page = Page::asked(request)?;
    let keys = form.list("TagKeys.TagKey");
    let values = form.list("TagValues.TagValue");
    let kind = form.get("ResourceType").filter(|kind| !kind.is_empty()).map(str::to_lowercase);
    if let Some(kind) = kind.as_deref().filter(|kind| !RESOURCE_TYPES.contains(kind)) {
        return Err(invalid(format!("The resource type {kind} is not valid.")));
    }
    let mut rows = match form.get("ResourceName").filter(|name| !name.is_empty()) {
        Some(name) => of_one(request, name)?,
        None => of_all(request)?,
    };
    rows.retain(|(position, row)| {
        kind.as_deref().is_none_or(|kind| kind == row.kind)
            && (keys.is_empty() || keys.contains(&row.tag.key.as_str()))
            && (values.is_empty() || values.contains(&row.tag.value.as_str()))
            && page.after.as_ref().is_none_or(|after| position > after)
    });
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    page.write("TaggedResources", rows.into_iter().map(Ok), |xml, row| {
        xml.element("TaggedResource", |xml| {
            shapes::tag(xml, &row.tag);
            xml.text("ResourceName", &row.arn);
            xml.text("ResourceType", row.kind);
        });
    })
}

/// The tags of a list parameter, sorted by key.
pub fn list(form: &Form, list: &str) -> Result<Vec<Tag>, Refusal> {
    let mut tags: Vec<Tag> = Vec::new();
    for item in form.items(list) {
        let key = form.get(&format!("{item}.Key")).unwrap_or_default();
        let value = form.get(&format!("{item}.Value")).unwrap_or_default();
        if !(1..=128).contains(&key.chars().count()) {
            return Err(invalid_tag("A tag key has 1 to 128 characters."));
        }
        if value.chars().count() > 256 {
            return Err(invalid_tag("A tag value has at most 256 characters."));
        }
        if is_reserved(key) {
            return Err(invalid_tag(format!("The tag key {key} is reserved: tag keys can't start with aws:.")));
        }
        if tags.iter().any(|tag| tag.key == key) {
            return Err(invalid_tag(format!("The tag key {key} is given twice.")));
        }
        tags.push(Tag { key: key.into(), value: value.into() });
    }
    tags.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(tags)
}

/// At most 50 tags; the ones that AWS puts there do not count.
pub fn limit(tags: &[Tag]) -> Result<(), Refusal> {
    if tags.iter().filter(|tag| !is_reserved(&tag.key)).count() > 50 {
        let message = "You have exceeded the number of tags allowed: a resource can have 50.";
        return Err(Refusal::new(400, "TagLimitExceededFault", message));
    }
    Ok(())
}

fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

fn invalid_tag(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidTagFault", message)
}

fn resource_name<'a>(form: &'a Form, list: &str, wire: &str) -> Result<&'a str, Refusal> {
    let mut checks = Checks::default();
    let name = form.get("ResourceName");
    if name.is_none() {
        checks.missing("ResourceName");
    }
    if form.items(list).is_empty() {
        checks.missing(wire);
    }
    checks.done()?;
    Ok(name.unwrap_or_default())
}

fn change(
    request: &Request,
    name: &str,
    change: impl FnOnce(&mut Vec<Tag>) -> Result<(), Refusal>,
) -> Result<Option<Xml>, Refusal> {
    check_own(request, name)?;
    request.store.write(|writing| {
        if let Some(identifier) = cluster_identifier(name) {
            let cluster = writing.cluster(&request.caller.scope(), identifier)?;
            let mut cluster = cluster.ok_or_else(|| not_found(name))?;
            change(&mut cluster.tags)?;
            writing.put_cluster(&cluster)?;
        } else {
            let mut row = writing.integration(name)?.filter(|row| row.is_native()).ok_or_else(|| not_found(name))?;
            change(&mut row.tags)?;
            writing.put(&row)?;
        }
        Ok(None)
    })
}

fn of_one(request: &Request, name: &str) -> Result<Vec<(String, Tagged)>, Refusal> {
    check_own(request, name)?;
    let reading = request.store.read()?;
    let (kind, tags) = match cluster_identifier(name) {
        Some(id) => ("cluster", reading.cluster(&request.caller.scope(), id)?.map(|cluster| cluster.tags)),
        None => ("integration", reading.integration(name)?.filter(|row| row.is_native()).map(|row| row.tags)),
    };
    let tags = tags.ok_or_else(|| not_found(name))?;
    Ok(tagged("", name, kind, tags).collect())
}

/// Clusters first, then integrations, each in the order of its own list.
fn of_all(request: &Request) -> Result<Vec<(String, Tagged)>, Refusal> {
    let scope = request.caller.scope();
    let reading = request.store.read()?;
    let mut rows = Vec::new();
    for cluster in reading.clusters(&scope, None)? {
        let (position, cluster) = cluster?;
        rows.extend(tagged(&format!("0\t{position}"), &cluster.arn, "cluster", cluster.tags));
    }
    for row in reading.integrations(&scope, None)? {
        let (position, row) = row?;
        rows.extend(tagged(&format!("1\t{position}"), &row.arn, "integration", row.tags));
    }
    Ok(rows)
}

fn tagged(position: &str, arn: &str, kind: &'static str, tags: Vec<Tag>) -> impl Iterator<Item = (String, Tagged)> {
    tags.into_iter().map(move |tag| (format!("{position}\t{}", tag.key), Tagged { arn: arn.into(), kind, tag }))
}

fn cluster_identifier(arn: &str) -> Option<&str> {
    arn_part(arn, 5).strip_prefix("cluster:")
}

fn check_own(request: &Request, name: &str) -> Result<(), Refusal> {
    if !name.starts_with("arn:") {
        return Err(invalid(format!("The resource name {name} is not an ARN.")));
    }
    let is_own = arn_part(name, 4) == request.caller.account && arn_part(name, 3) == request.caller.region;
    if is_own { Ok(()) } else { Err(not_found(name)) }
}

fn not_found(name: &str) -> Refusal {
    Refusal::new(404, "ResourceNotFoundFault", format!("The resource could not be found: {name}."))
}
