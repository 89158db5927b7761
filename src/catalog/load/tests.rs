//! What is loaded, from where, and what is said of files that cannot be.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::catalog::model::{Access, Alike, Generated, Part, Resource, Type};

const THINGS: &str =
    "driver: rest\nresources:\n  things:\n    fields: {id: {type: string}}\n    methods: {get: {call: GET /}}\n";

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// The complaints about a folder, without its own path.
fn complaints(files: &[(&str, &[u8])]) -> (String, Vec<String>) {
    let folder = folder(files);
    let error = load(Some(folder.path())).unwrap().catalog().unwrap_err();
    assert_eq!(error.kind, Kind::Document);
    let prefix = format!("{}/", folder.path().display());
    (error.message, error.context.iter().map(|line| line.replace(&prefix, "")).collect())
}

#[test]
fn every_document_is_embedded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let mut complaints = Vec::new();
    let written: BTreeSet<Name> = files(&root, &mut complaints).unwrap().into_keys().collect();
    assert_eq!(complaints, Vec::<Complaint>::new());
    assert_eq!(written, embedded().into_keys().collect());
}

#[test]
fn every_embedded_document_is_sound_and_described() {
    let catalog = load(None).unwrap().catalog().unwrap();
    for service in catalog.providers.iter().flat_map(|provider| &provider.services) {
        assert!(!service.title.is_empty() && !service.description.is_empty() && !service.version.is_empty());
        for resource in &service.resources {
            let mut described = vec![("itself", &resource.description)];
            described.extend(resource.params.iter().map(|param| (param.name.as_str(), &param.description)));
            described.extend(resource.methods.iter().map(|method| (method.name.as_str(), &method.description)));
            for field in &resource.fields {
                described.push((&field.name, &field.description));
                if let Type::List(members) = &field.kind {
                    described.extend(members.iter().map(|member| (member.name.as_str(), &member.description)));
                }
            }
            for (part, description) in described {
                assert!(!description.is_empty(), "{}: {part} has no description", resource.full_name());
            }
            assert!(!resource.examples.is_empty(), "{} has no examples", resource.full_name());
            assert!(resource.methods.iter().all(|method| !method.permissions.is_empty()), "{}", resource.full_name());
        }
    }
}

#[test]
fn the_integrations_of_awscc_are_as_their_type_says() {
    let catalog = load(None).unwrap().catalog().unwrap();
    let resource = catalog.resource("awscc", "redshift", "integrations").unwrap();
    assert_eq!(resource.type_name.as_deref(), Some("AWS::Redshift::Integration"));
    assert_eq!(resource.identity, ["integration_arn"]);
    assert_eq!(
        fields(resource),
        [
            "integration_arn IntegrationArn String Read",
            "integration_name IntegrationName String Write",
            "source_arn SourceArn String Create required",
            "target_arn TargetArn String Create required",
            "tags Tags List Write",
            "create_time CreateTime String Read",
            "kms_key_id KMSKeyId String Create",
            "additional_encryption_context AdditionalEncryptionContext Map Create",
            "region region String Read echoes",
        ]
    );
    let Type::List(members) = &resource.field("tags").unwrap().kind else { panic!("tags") };
    let members: Vec<_> = members.iter().map(|m| (m.name.as_str(), m.wire.as_str(), m.min, m.max)).collect();
    assert_eq!(members, [("key", "Key", Some(1), Some(128)), ("value", "Value", Some(0), Some(256))]);
    assert_eq!(resource.verbs.select, ["get_resource", "list_resources"]);
    let list_only = catalog.resource("awscc", "redshift", "integrations_list_only").unwrap();
    assert_eq!(fields(list_only), ["integration_arn IntegrationArn String Read", "region region String Read echoes"]);
    assert_eq!(list_only.verbs.select, ["list_resources"]);
}

#[test]
fn the_permissions_of_awscc_are_as_published() {
    let catalog = load(None).unwrap().catalog().unwrap();
    let check = |method: &str, expected: &str| {
        let method = catalog.method("awscc", "redshift", "integrations", method).unwrap();
        assert_eq!(method.permissions.join(" "), expected, "{}", method.name);
    };
    check(
        "create_resource",
        "redshift:CreateIntegration redshift:DescribeIntegrations redshift:CreateTags redshift:DescribeTags \
         redshift:DescribeClusters redshift:CreateInboundIntegration redshift-serverless:ListNamespaces \
         kms:CreateGrant kms:DescribeKey",
    );
    check("get_resource", "redshift:DescribeIntegrations redshift:DescribeTags");
    check(
        "update_resource",
        "redshift:DescribeIntegrations redshift:ModifyIntegration redshift:CreateTags redshift:DeleteTags \
         redshift:DescribeClusters redshift:DescribeTags redshift-serverless:ListNamespaces",
    );
    check("delete_resource", "redshift:DeleteTags redshift:DeleteIntegration redshift:DescribeIntegrations");
    check("list_resources", "redshift:DescribeTags redshift:DescribeIntegrations");
}

#[test]
fn the_native_integrations_add_what_the_type_leaves_out() {
    let catalog = load(None).unwrap().catalog().unwrap();
    let native = catalog.resource("aws", "redshift", "integrations").unwrap();
    let typed = catalog.resource("awscc", "redshift", "integrations").unwrap();
    let added: Vec<&str> =
        native.fields.iter().map(|field| field.name.as_str()).filter(|name| typed.field(name).is_none()).collect();
    assert_eq!(added, ["status", "errors", "description"]);
    assert_eq!(native.field("create_time").unwrap().kind, Type::Timestamp);
    assert!(native.field("integration_name").unwrap().required);
    let params: Vec<_> = native.params.iter().map(|param| (param.name.as_str(), param.required)).collect();
    assert_eq!(params, [("region", true), ("profile", false), ("source_type", false)]);
    assert_eq!(native.settles.as_ref().unwrap().wire, "Status");
}

#[test]
fn the_integrations_of_both_say_the_same_of_changes() {
    let catalog = load(None).unwrap().catalog().unwrap();
    let of = ["region", "source_arn", "target_arn"].map(String::from).to_vec();
    let generated = Generated { prefix: "iql-".into(), of };
    // The service's own API needs a name; the type does not, and so one is made up.
    for (provider, update, expected) in
        [("awscc", "update_resource", Some(generated)), ("aws", "modify_integration", None)]
    {
        let resource = catalog.resource(provider, "redshift", "integrations").unwrap();
        let field = |name: &str| resource.field(name).unwrap();
        assert_eq!((field("integration_name").unique, &field("integration_name").generated), (true, &expected));
        assert_eq!(field("tags").keyed.as_deref(), Some("key"));
        assert_eq!(field("tags").reserved.as_deref(), Some("aws:"));
        assert_eq!(field("kms_key_id").alike, Alike::KmsKey);
        assert_eq!(field("additional_encryption_context").with.as_deref(), Some("kms_key_id"));
        let part = Part { field: "tags".into(), set: "CreateTags".into(), remove: "DeleteTags".into() };
        assert_eq!(resource.method(update).unwrap().parts, [part]);
    }
}

/// Name, wire name, type and access of each field, and what else is said of it.
fn fields(resource: &Resource) -> Vec<String> {
    let line = |field: &crate::catalog::model::Field| {
        let kind = match &field.kind {
            Type::List(_) => "List".to_string(),
            kind => format!("{kind:?}"),
        };
        let access: Access = field.access;
        let required = if field.required { " required" } else { "" };
        let echoes = if field.echoes { " echoes" } else { "" };
        format!("{} {} {kind} {access:?}{required}{echoes}", field.name, field.wire)
    };
    resource.fields.iter().map(line).collect()
}

#[test]
fn a_users_file_replaces_the_embedded_one_of_its_path() {
    let folder = folder(&[
        ("aws/redshift.yaml", THINGS.as_bytes()),
        ("acme/things.yaml", THINGS.as_bytes()),
        (".git/config", b"hidden"),
        ("acme/.things.yaml.swp", b"hidden"),
    ]);
    let catalog = load(Some(folder.path())).unwrap().catalog().unwrap();
    let names: Vec<String> = catalog
        .providers
        .iter()
        .flat_map(|provider| &provider.services)
        .map(|service| format!("{}.{} by {}", service.provider, service.name, service.driver))
        .collect();
    assert_eq!(
        names,
        [
            "acme.things by rest",
            "aws.redshift by rest",
            "awscc.redshift by aws.redshift",
            "immuta.integrations by rest"
        ]
    );
    assert_eq!(catalog.service("awscc", "redshift").unwrap().origin, Origin::Embedded);
    let path = folder.path().join("aws/redshift.yaml");
    assert_eq!(catalog.service("aws", "redshift").unwrap().origin, Origin::File(path));
    assert_eq!(catalog.resource("aws", "redshift", "clusters").unwrap_err().kind, Kind::Name);
}

#[test]
fn files_that_are_no_documents_are_named() {
    let check = |path: &str, expected: &str| {
        let (message, lines) = complaints(&[(path, THINGS.as_bytes())]);
        assert_eq!(message, "1 mistake in the provider documents");
        assert_eq!(lines, [expected]);
    };
    check("acme/things.yml", "acme/things.yml: rename it to `things.yaml`");
    check("things.yaml", "things.yaml: move it into its provider's folder: `<provider>/things.yaml`");
    check("README.md", "README.md: no provider document; those are named `<provider>/<service>.yaml`");
    check("acme/notes.txt", "acme/notes.txt: no provider document; those are named `<provider>/<service>.yaml`");
    check("acme/v1/things.yaml", "acme/v1: a folder too deep: a document is `<provider>/<service>.yaml`");
    check(
        "acme/Things.yaml",
        "acme/Things.yaml: the name `Things` is not in snake_case: small letters, digits and `_`, starting with a letter",
    );
    check(
        "ac-me/things.yaml",
        "ac-me: the name `ac-me` is not in snake_case: small letters, digits and `_`, starting with a letter",
    );
}

#[test]
fn every_mistake_of_every_file_is_reported_at_once() {
    let (message, lines) = complaints(&[
        ("acme/bytes.yaml", b"driver: rest\n# \xff\n"),
        ("acme/cut.yaml", b"driver: [rest\n"),
        ("acme/things.yaml", b"diver: rest\nresources: {}\n"),
        ("acme/words.yml", b""),
    ]);
    assert_eq!(message, "6 mistakes in the provider documents");
    assert_eq!(
        lines,
        [
            "acme/bytes.yaml:2: the text is not UTF-8",
            "acme/cut.yaml:2: this is not YAML: while parsing a flow sequence, expected ',' or ']'",
            "acme/things.yaml:1: the document has no `driver`",
            "acme/things.yaml:1: unknown key `diver` in the document: did you mean `driver`?",
            "acme/things.yaml:2: `resources` of the document is empty",
            "acme/words.yml: rename it to `words.yaml`",
        ]
    );
}

#[test]
fn a_folder_that_is_not_there_is_wrong_usage() {
    let error = load(Some(Path::new("/no/such/folder"))).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert_eq!(error.message, "cannot read the providers folder `/no/such/folder`: no such file or directory");
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = folder(&[("acme/things.yaml", THINGS.as_bytes())]);
    std::os::unix::fs::symlink("gone.yaml", folder.path().join("acme/other.yaml")).unwrap();
    let error = load(Some(folder.path())).unwrap().catalog().unwrap_err();
    assert_eq!(error.context.len(), 1);
    assert!(error.context[0].contains("acme/other.yaml: cannot be read: no such file or directory"), "{error}");
}
