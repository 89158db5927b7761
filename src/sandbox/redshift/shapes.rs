//! Rows as the XML elements of the service model.

use crate::sandbox::clock;
use crate::sandbox::rows::{Cluster, Integration, Tag};
use crate::sandbox::wire::Xml;

/// The members of an `Integration`, which is an element of a list or the whole result. `now` decides the status.
pub fn integration(xml: &mut Xml, row: &Integration, now: i64) {
    xml.text("IntegrationArn", &row.arn);
    xml.text("IntegrationName", &row.name);
    xml.text("SourceArn", &row.source_arn);
    xml.text("TargetArn", &row.target_arn);
    condition(xml, row, now);
    xml.maybe("Description", row.description.as_deref());
    xml.maybe("KMSKeyId", row.kms_key_id.as_deref());
    if !row.context.is_empty() {
        xml.element("AdditionalEncryptionContext", |xml| {
            for (key, value) in &row.context {
                xml.element("entry", |xml| {
                    xml.text("key", key);
                    xml.text("value", value);
                });
            }
        });
    }
    tags(xml, &row.tags);
}

pub fn inbound(xml: &mut Xml, row: &Integration, now: i64) {
    xml.element("InboundIntegration", |xml| {
        xml.text("IntegrationArn", &row.arn);
        xml.text("SourceArn", &row.source_arn);
        xml.text("TargetArn", &row.target_arn);
        condition(xml, row, now);
    });
}

fn condition(xml: &mut Xml, row: &Integration, now: i64) {
    let status = row.course.at(now);
    xml.maybe("Status", status.map(|status| status.wire()));
    xml.element("Errors", |xml| {
        for (code, message) in row.errors.iter().filter(|_| status.is_some_and(|status| status.has_errors())) {
            xml.element("IntegrationError", |xml| {
                xml.text("ErrorCode", code);
                xml.text("ErrorMessage", message);
            });
        }
    });
    xml.text("CreateTime", &clock::text(row.created));
}

pub fn tags(xml: &mut Xml, tags: &[Tag]) {
    xml.element("Tags", |xml| tags.iter().for_each(|one| tag(xml, one)));
}

pub fn tag(xml: &mut Xml, tag: &Tag) {
    xml.element("Tag", |xml| {
        xml.text("Key", &tag.key);
        xml.text("Value", &tag.value);
    });
}

pub fn cluster(xml: &mut Xml, row: &Cluster) {
    xml.element("Cluster", |xml| {
        xml.text("ClusterIdentifier", &row.identifier);
        xml.text("NodeType", &row.node_type);
        xml.text("ClusterStatus", &row.status);
        let available = if row.status == "available" { "Available" } else { "Unavailable" };
        xml.text("ClusterAvailabilityStatus", available);
        xml.text("MasterUsername", "awsuser");
        xml.text("DBName", &row.database);
        if let Some(address) = &row.address {
            xml.element("Endpoint", |xml| {
                xml.text("Address", address);
                xml.text("Port", &row.port.to_string());
            });
        }
        xml.text("ClusterCreateTime", &clock::text(row.created));
        xml.text("NumberOfNodes", &row.nodes.to_string());
        xml.text("PubliclyAccessible", "false");
        xml.text("Encrypted", &row.encrypted.to_string());
        tags(xml, &row.tags);
        xml.text("ClusterNamespaceArn", &row.namespace_arn);
    });
}
