//! A sound catalog passes; each mistake is one complaint, and all are there at once.

use super::*;
use crate::catalog::model::{Field, Param, Provider, Sends, Type, Verbs};
use crate::settings::Settings;

fn field(name: &str, wire: &str, access: Access) -> Field {
    Field {
        name: name.into(),
        wire: wire.into(),
        kind: Type::String,
        access,
        required: false,
        description: String::new(),
        min: None,
        max: None,
        pattern: None,
        strict: false,
        values: Vec::new(),
        arn: false,
        echoes: false,
    }
}

fn method(name: &str, call: &str, needs: &[&str], permissions: &[&str]) -> Method {
    Method {
        name: name.into(),
        call: call.into(),
        needs: needs.iter().map(|need| need.to_string()).collect(),
        sends: Sends::Changed,
        permissions: permissions.iter().map(|name| name.to_string()).collect(),
        on_behalf: Vec::new(),
        description: String::new(),
    }
}

fn param(name: &str, required: bool) -> Param {
    Param { name: name.into(), kind: Type::String, required, description: String::new() }
}

fn resource() -> Resource {
    let describe = &["redshift:DescribeIntegrations"];
    Resource {
        provider: "awscc".into(),
        service: "redshift".into(),
        name: "integrations".into(),
        type_name: None,
        description: String::new(),
        identity: vec!["integration_arn".into()],
        fields: vec![
            field("integration_arn", "IntegrationArn", Access::Read),
            field("integration_name", "IntegrationName", Access::Write),
            field("source_arn", "SourceArn", Access::Create),
            field("target_arn", "TargetArn", Access::Create),
            Field { echoes: true, ..field("region", "region", Access::Read) },
        ],
        params: vec![param("region", true), param("profile", false)],
        methods: vec![
            method("list_resources", "DescribeIntegrations", &[], describe),
            method("get_resource", "DescribeIntegrations", &["Identifier"], describe),
            method("create_resource", "CreateIntegration", &[], &["redshift:CreateIntegration"]),
            method(
                "update_resource",
                "ModifyIntegration",
                &["Identifier", "PatchDocument"],
                &["redshift:ModifyIntegration"],
            ),
            method("delete_resource", "DeleteIntegration", &["Identifier"], &["redshift:DeleteIntegration"]),
        ],
        verbs: Verbs {
            select: vec!["get_resource".into(), "list_resources".into()],
            insert: Some("create_resource".into()),
            update: Some("update_resource".into()),
            delete: Some("delete_resource".into()),
        },
        settles: None,
        examples: Vec::new(),
    }
}

fn catalog(resource: Resource, driver: &str) -> Catalog {
    let service = Service {
        provider: "awscc".into(),
        name: "redshift".into(),
        title: String::new(),
        description: String::new(),
        version: String::new(),
        driver: driver.into(),
        origin: Origin::Embedded,
        resources: vec![resource],
    };
    Catalog { providers: vec![Provider { name: "awscc".into(), services: vec![service] }] }
}

fn drivers() -> Vec<Arc<dyn Driver>> {
    super::super::open(&Settings::default()).expect("nothing is opened yet")
}

/// The complaints about a resource after `spoil`, without the file that each starts with.
fn check(spoil: impl FnOnce(&mut Resource), expected: &[&str]) {
    let mut resource = resource();
    spoil(&mut resource);
    let complaints = verify(&catalog(resource, "aws.redshift"), &drivers()).err().map(|error| error.context);
    let expected: Vec<String> = expected
        .iter()
        .map(|text| format!("providers/awscc/redshift.yaml: `awscc.redshift.integrations{text}"))
        .collect();
    assert_eq!(complaints.unwrap_or_default(), expected);
}

#[test]
fn a_sound_document_passes() {
    check(|_| (), &[]);
}

#[test]
fn a_driver_that_does_not_exist() {
    let error = verify(&catalog(resource(), "aws.redshfit"), &drivers()).expect_err("no such driver");
    assert_eq!(error.kind, Kind::Document);
    assert_eq!(
        error.context,
        ["providers/awscc/redshift.yaml: there is no driver `aws.redshfit`: perhaps `aws.redshift`?"]
    );
}

#[test]
fn a_call_that_does_not_exist() {
    check(
        |resource| resource.methods[0].call = "DescribeIntegration".into(),
        &[".list_resources` has the call `DescribeIntegration`, which `aws.redshift` does not have: \
           perhaps `DescribeIntegrations`?"],
    );
}

#[test]
fn a_field_that_no_call_gives_or_takes() {
    check(
        |resource| resource.fields[1].wire = "IntegrationNames".into(),
        &[
            ".list_resources` shows `IntegrationNames`, which `DescribeIntegrations` does not give: \
             perhaps `IntegrationName`?",
            ".get_resource` shows `IntegrationNames`, which `DescribeIntegrations` does not give: \
             perhaps `IntegrationName`?",
            ".create_resource` sends `IntegrationNames`, which `CreateIntegration` does not take: \
             perhaps `IntegrationName`?",
            ".create_resource` does not need `IntegrationName`, without which `CreateIntegration` does not work",
        ],
    );
}

#[test]
fn params_that_are_missing_optional_or_unheard_of() {
    check(
        |resource| {
            resource.params.remove(0);
            resource.methods.truncate(1);
            resource.verbs.insert = None;
        },
        &[".list_resources` lacks the param `region`, which `DescribeIntegrations` needs"],
    );
    check(
        |resource| {
            resource.params[0].required = false;
            resource.methods.truncate(1);
        },
        &[".list_resources` has the param `region` as optional, and `DescribeIntegrations` needs it"],
    );
    check(
        |resource| resource.params.push(param("profil", false)),
        &["` has the param `profil`, which none of its calls takes: perhaps `profile`?"],
    );
}

#[test]
fn needs_that_the_call_does_not_take_and_the_other_way_round() {
    check(
        |resource| {
            resource.methods[1].needs = vec!["integration_name".into()];
            resource.methods[4].needs.clear();
        },
        &[
            ".get_resource` needs `integration_name`, which `DescribeIntegrations` does not take: \
             perhaps `IntegrationArn`?",
            ".delete_resource` does not need `IntegrationArn`, without which `DeleteIntegration` does not work",
        ],
    );
}

#[test]
fn a_permission_that_is_missing() {
    check(
        |resource| resource.methods[4].permissions.clear(),
        &[".delete_resource` lacks the permission `redshift:DeleteIntegration`, which `DeleteIntegration` needs"],
    );
}

#[test]
fn what_no_document_shows_is_listed() {
    let unused = unused(&catalog(resource(), "aws.redshift"), &drivers());
    assert!(unused.contains(&"aws.redshift DescribeIntegrations Status".to_string()), "{unused:?}");
    assert!(!unused.contains(&"aws.redshift DescribeIntegrations SourceArn".to_string()), "{unused:?}");
    assert!(unused.contains(&"aws.redshift DescribeClusters ClusterStatus".to_string()), "{unused:?}");
}

#[test]
fn the_shipped_documents_fit_their_drivers() {
    let catalog = crate::catalog::load(None).expect("the shipped documents are sound");
    verify(&catalog, &drivers()).expect("they ask for what there is");
    // Nothing that a driver gives is out of reach. What is, is listed here with the reason.
    assert_eq!(unused(&catalog, &drivers()), Vec::<String>::new());
}
