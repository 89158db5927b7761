//! What each of Redshift's calls takes and gives, as the driver promises it to documents and to the engine.
//! Knows no client: nothing here is sent.

use super::super::regions::{self, REGIONS};
use super::super::rows;
use crate::drivers::{Input, ParamSignature, Signature};

pub const CALLS: &[&str] = &[
    "DescribeIntegrations",
    "DescribeInboundIntegrations",
    "DescribeClusters",
    "CreateIntegration",
    "ModifyIntegration",
    "DeleteIntegration",
    "CreateTags",
    "DeleteTags",
];

/// What Redshift takes as `MaxRecords`.
pub const PAGE: (usize, usize) = (20, 100);

/// The param that is one of DescribeIntegrations' filters: no field tells the type of a source.
pub const SOURCE_TYPE: &str = "source_type";

/// What a call takes and gives.
pub fn signature(call: &str) -> Option<Signature<'static>> {
    let read = |inputs, fields, permission| Signature {
        params: params(&[]),
        inputs,
        fields,
        page: Some(PAGE),
        repeatable: true,
        writes: false,
        permissions: vec![permission],
    };
    // A write that sets what it is given is as good twice as once; one that creates, renames or deletes is not ours to
    // send twice: between the two, somebody else may have changed what it is about.
    let write = |inputs, fields, repeatable, permission| Signature {
        params: params(&[]),
        inputs,
        fields,
        page: None,
        repeatable,
        writes: true,
        permissions: vec![permission],
    };
    Some(match call {
        "DescribeIntegrations" => Signature {
            params: params(&[SOURCE_TYPE]),
            ..read(
                vec![
                    Input { most: 100, key: true, ..input("IntegrationArn") },
                    Input { most: 100, ..input("SourceArn") },
                    Input { most: 100, ..input("Status") },
                ],
                names(rows::INTEGRATION),
                "redshift:DescribeIntegrations",
            )
        },
        "DescribeInboundIntegrations" => read(
            vec![Input { key: true, ..input("IntegrationArn") }, input("TargetArn")],
            names(rows::INBOUND_INTEGRATION),
            "redshift:DescribeInboundIntegrations",
        ),
        "DescribeClusters" => read(
            vec![Input { key: true, ..input("ClusterIdentifier") }],
            names(rows::CLUSTER),
            "redshift:DescribeClusters",
        ),
        "CreateIntegration" => write(
            vec![
                required("IntegrationName"),
                required("SourceArn"),
                required("TargetArn"),
                input("Description"),
                input("KMSKeyId"),
                input("AdditionalEncryptionContext"),
                input("Tags"),
            ],
            names(rows::INTEGRATION),
            false,
            "redshift:CreateIntegration",
        ),
        "ModifyIntegration" => write(
            vec![Input { key: true, ..required("IntegrationArn") }, input("IntegrationName"), input("Description")],
            names(rows::INTEGRATION),
            false,
            "redshift:ModifyIntegration",
        ),
        "DeleteIntegration" => write(
            vec![Input { key: true, ..required("IntegrationArn") }],
            names(rows::INTEGRATION),
            false,
            "redshift:DeleteIntegration",
        ),
        "CreateTags" => write(
            vec![Input { key: true, ..required("IntegrationArn") }, required("Tags")],
            Vec::new(),
            true,
            "redshift:CreateTags",
        ),
        "DeleteTags" => write(
            vec![Input { key: true, ..required("IntegrationArn") }, required("Tags")],
            Vec::new(),
            true,
            "redshift:DeleteTags",
        ),
        _ => return None,
    })
}

fn names<T>(table: &[rows::Field<T>]) -> Vec<&'static str> {
    table.iter().map(|(wire, _)| *wire).collect()
}

fn input(wire: &'static str) -> Input<'static> {
    Input { wire, most: 1, required: false, key: false }
}

fn required(wire: &'static str) -> Input<'static> {
    Input { required: true, ..input(wire) }
}

fn params(more: &[&'static str]) -> Vec<ParamSignature<'static>> {
    let free = |name| ParamSignature { name, required: false, known: &[], plausible: |_| true, group: |_| "" };
    let region = ParamSignature {
        name: "region",
        required: true,
        known: REGIONS,
        plausible: regions::is_plausible,
        group: regions::partition,
    };
    [region, free("profile")].into_iter().chain(more.iter().copied().map(free)).collect()
}
