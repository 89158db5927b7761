//! The shipped documents say what the service has, and look-ups suggest what was meant.

use super::*;

fn catalog() -> Catalog {
    load(None).unwrap().catalog().unwrap()
}

#[test]
fn names_are_found_in_any_case() {
    let catalog = catalog();
    assert_eq!(catalog.provider("AWSCC").unwrap().name, "awscc");
    assert_eq!(catalog.service("awscc", "Redshift").unwrap().name, "redshift");
    let resource = catalog.resource("awscc", "redshift", "Integrations").unwrap();
    assert_eq!(resource.full_name(), "awscc.redshift.integrations");
    assert_eq!(catalog.method("aws", "redshift", "clusters", "DESCRIBE_clusters").unwrap().call, "DescribeClusters");
}

#[test]
fn a_name_that_is_not_there_gets_the_nearest() {
    let catalog = catalog();
    let check = |name: &str, expected: &str| {
        let parts: Vec<&str> = name.split('.').collect();
        let error = match parts.as_slice() {
            [provider] => catalog.provider(provider).map(drop),
            [provider, service] => catalog.service(provider, service).map(drop),
            [provider, service, resource] => catalog.resource(provider, service, resource).map(drop),
            [provider, service, resource, method] => catalog.method(provider, service, resource, method).map(drop),
            _ => panic!("{name}"),
        }
        .unwrap_err();
        assert_eq!(error.kind, Kind::Name);
        assert_eq!(error.to_string(), expected, "{name}");
    };
    check("awsc", "there is no provider `awsc`\n\nhint: did you mean `aws`?\nhint: `SHOW PROVIDERS` lists them");
    check("oracle", "there is no provider `oracle`\n\nhint: `SHOW PROVIDERS` lists them");
    check(
        "awscc.redshfit",
        "there is no service `redshfit` in `awscc`\n\n\
         hint: did you mean `awscc.redshift`?\nhint: `SHOW SERVICES IN awscc` lists them",
    );
    check(
        "awscc.redshift.integration",
        "there is no resource `integration` in `awscc.redshift`\n\n\
         hint: did you mean `awscc.redshift.integrations`?\nhint: `SHOW RESOURCES IN awscc.redshift` lists them",
    );
    check(
        "AWSCC.redshift.clusters",
        "there is no resource `clusters` in `awscc.redshift`\n\n\
         hint: did you mean `aws.redshift.clusters`?\nhint: `SHOW RESOURCES IN awscc.redshift` lists them",
    );
    check(
        "was.redshift.clusters",
        "there is no provider `was`\n\n\
         hint: did you mean `aws.redshift.clusters`?\nhint: did you mean `aws`?\nhint: `SHOW PROVIDERS` lists them",
    );
    check(
        "awscc.redshift.integrations.list",
        "there is no method `list` in `awscc.redshift.integrations`\n\n\
         hint: did you mean `awscc.redshift.integrations.list_resources`?\n\
         hint: `SHOW METHODS IN awscc.redshift.integrations` lists them",
    );
}

#[test]
fn methods_require_what_their_documentation_says() {
    let catalog = catalog();
    let check = |provider: &str, resource: &str, expected: &[(&str, &str)]| {
        let resource = catalog.resource(provider, "redshift", resource).unwrap();
        let found: Vec<(&str, String)> = resource
            .methods
            .iter()
            .map(|method| (method.name.as_str(), required_params(resource, method).join(", ")))
            .collect();
        let expected: Vec<(&str, String)> =
            expected.iter().map(|(name, params)| (*name, (*params).to_string())).collect();
        assert_eq!(found, expected);
    };
    check(
        "awscc",
        "integrations",
        &[
            ("create_resource", "SourceArn, TargetArn, region"),
            ("delete_resource", "Identifier, region"),
            ("update_resource", "Identifier, PatchDocument, region"),
            ("list_resources", "region"),
            ("get_resource", "Identifier, region"),
        ],
    );
    check("awscc", "integrations_list_only", &[("list_resources", "region")]);
    check(
        "aws",
        "integrations",
        &[
            ("describe_integrations", "region"),
            ("create_integration", "IntegrationName, SourceArn, TargetArn, region"),
            ("modify_integration", "IntegrationArn, region"),
            ("delete_integration", "IntegrationArn, region"),
        ],
    );
}
