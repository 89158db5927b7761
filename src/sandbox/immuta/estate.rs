//! The seed of Immuta's side: a handful of integrations, most of whose Redshift hosts are clusters of the AWS estate.
//! Every secret in it is `sandbox`.

use serde_json::{Map, Value, json};

use super::rows::{Row, Status, Type};
use crate::sandbox::rows::{Cluster, Course};

/// The ids of the seed end here.
pub const LAST_ID: u64 = 9;

/// A host in no account: its cluster was deleted.
const RETIRED: &str = "retired.c0dead000000.us-east-1.redshift.amazonaws.com";

pub fn estate(clusters: &[Cluster]) -> Vec<Row> {
    let host = |region: &str, identifier: &str| {
        let end = format!(":{region}:111122223333:cluster:{identifier}");
        let cluster = clusters.iter().find(|cluster| cluster.arn.ends_with(&end));
        cluster.and_then(|cluster| cluster.address.as_deref()).unwrap_or_default()
    };
    vec![
        automatic(1, Type::Snowflake, snowflake()),
        automatic(2, Type::Databricks, databricks()),
        automatic(3, Type::Redshift, redshift(host("us-east-1", "analytics-prod"), &user())),
        manual(4, Type::Redshift, redshift(host("us-east-1", "finance-prod"), &merged(&user(), json!({"port": 5440})))),
        automatic(5, Type::Redshift, redshift(host("eu-west-1", "analytics-prod"), &okta())),
        Row {
            course: Course::settled(Status::CreateError),
            ..manual(6, Type::Redshift, redshift(host("us-west-2", "ml-features-prod"), &user()))
        },
        manual(7, Type::Redshift, redshift(RETIRED, &user())),
        Row { api_key: Some("5a4db0c5f00d4000800000000000c0de".into()), ..manual(8, Type::Trino, json!({})) },
        manual(9, Type::S3, s3()),
    ]
}

fn automatic(id: u64, kind: Type, config: Value) -> Row {
    Row { auto_bootstrap: true, ..manual(id, kind, config) }
}

fn manual(id: u64, kind: Type, config: Value) -> Row {
    let (config, course) = (object(config), Course::settled(Status::Enabled));
    Row { id, kind, auto_bootstrap: false, config, course, api_key: None }
}

fn redshift(host: &str, rest: &Value) -> Value {
    merged(&json!({"host": host, "database": "immuta", "initialDatabase": "dev", "port": 5439}), rest.clone())
}

fn user() -> Value {
    json!({
        "impersonation": {"enabled": false},
        "authenticationType": "userPassword",
        "username": "immuta_system",
        "password": "sandbox",
    })
}

fn okta() -> Value {
    json!({
        "impersonation": {"enabled": true, "role": "immuta_impersonation"},
        "authenticationType": "okta",
        "okta": {
            "username": "taylor@example.com",
            "password": "sandbox",
            "appId": "Okta",
            "idpHost": "organization.okta.com",
            "role": "admin",
        },
    })
}

fn snowflake() -> Value {
    json!({
        "host": "organization.us-east-1.snowflakecomputing.com",
        "warehouse": "SAMPLE_WAREHOUSE",
        "database": "SNOWFLAKE_SAMPLE_DATA",
        "port": 443,
        "audit": {"enabled": false},
        "workspaces": {"enabled": false},
        "impersonation": {"enabled": false},
        "lineage": {"enabled": false},
        "authenticationType": "userPassword",
        "username": "immuta_system",
        "password": "sandbox",
        "role": "ACCOUNTADMIN",
    })
}

fn databricks() -> Value {
    json!({
        "workspaceUrl": "www.example-workspace.cloud.databricks.com",
        "httpPath": "sql/protocolv1/o/0/0000-00000-abc123",
        "token": "sandbox",
        "audit": {"enabled": false},
        "catalog": "immuta",
    })
}

fn s3() -> Value {
    json!({
        "name": "landing-zone",
        "awsAccountId": "111122223333",
        "awsRegion": "us-east-1",
        "awsLocationRole": "arn:aws:iam::111122223333:role/immuta-access-grants",
        "awsLocationPath": "s3://landing-zone/",
        "authenticationType": "accessKey",
        "awsAccessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "awsSecretAccessKey": "sandbox",
    })
}

fn merged(base: &Value, rest: Value) -> Value {
    let mut members = object(base.clone());
    members.extend(object(rest));
    Value::Object(members)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::estate as aws;

    #[test]
    fn all_redshift_hosts_but_one_are_clusters() {
        let clusters = aws::estate().clusters;
        let addresses: Vec<&str> = clusters.iter().filter_map(|cluster| cluster.address.as_deref()).collect();
        let rows = estate(&clusters);
        let hosts: Vec<&str> = rows
            .iter()
            .filter(|row| row.kind == Type::Redshift)
            .filter_map(|row| row.config.get("host")?.as_str())
            .collect();
        let lost: Vec<&&str> = hosts.iter().filter(|host| !addresses.contains(host)).collect();
        assert_eq!((hosts.len(), lost), (5, vec![&RETIRED]));
        assert_eq!(rows.last().map(|row| row.id), Some(LAST_ID));
    }
}
