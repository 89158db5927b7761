//! Redshift's answers as rows: for each wire name, how its value is taken out of what the SDK decoded.
//! Knows neither clients nor calls. Values are moved, not copied: 100,000 rows pass here.

use std::collections::HashMap;

use aws_sdk_redshift::primitives::DateTime;
use aws_sdk_redshift::types::{Cluster, InboundIntegration, Integration, IntegrationError, Tag};
use chrono::SecondsFormat;
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};

/// A field's wire name, and how its value is taken.
pub type Field<T> = (&'static str, fn(&mut T) -> Value);

pub const INTEGRATION: &[Field<Integration>] = &[
    ("IntegrationArn", |row| text(row.integration_arn.take())),
    ("IntegrationName", |row| text(row.integration_name.take())),
    ("SourceArn", |row| text(row.source_arn.take())),
    ("TargetArn", |row| text(row.target_arn.take())),
    ("Status", |row| text(row.status.take().map(|status| status.as_str().to_string()))),
    ("Errors", |row| list(row.errors.take(), error)),
    ("CreateTime", |row| time(row.create_time.take())),
    ("Description", |row| text(row.description.take())),
    ("KMSKeyId", |row| text(row.kms_key_id.take())),
    ("AdditionalEncryptionContext", |row| map(row.additional_encryption_context.take())),
    ("Tags", |row| list(row.tags.take(), tag)),
];

pub const INBOUND_INTEGRATION: &[Field<InboundIntegration>] = &[
    ("IntegrationArn", |row| text(row.integration_arn.take())),
    ("SourceArn", |row| text(row.source_arn.take())),
    ("TargetArn", |row| text(row.target_arn.take())),
    ("Status", |row| text(row.status.take().map(|status| status.as_str().to_string()))),
    ("Errors", |row| list(row.errors.take(), error)),
    ("CreateTime", |row| time(row.create_time.take())),
];

/// A dot steps into what is nested.
pub const CLUSTER: &[Field<Cluster>] = &[
    ("ClusterIdentifier", |row| text(row.cluster_identifier.take())),
    ("ClusterNamespaceArn", |row| text(row.cluster_namespace_arn.take())),
    ("Endpoint.Address", |row| text(row.endpoint.as_mut().and_then(|endpoint| endpoint.address.take()))),
    ("Endpoint.Port", |row| row.endpoint.as_ref().and_then(|endpoint| endpoint.port).map_or(Value::Null, Value::from)),
    ("ClusterStatus", |row| text(row.cluster_status.take())),
    ("Tags", |row| list(row.tags.take(), tag)),
];

/// Rows with the values of `wanted`, in that order.
///
/// # Errors
/// `Internal`: a wire name that the table does not have, which `verify` should have refused at the start.
pub fn rows<T>(items: Vec<T>, wanted: &[String], table: &[Field<T>]) -> Result<Vec<Vec<Value>>> {
    let steps = steps(wanted, table)?;
    Ok(items
        .into_iter()
        .map(|mut item| {
            let mut row = Vec::with_capacity(steps.len());
            for step in &steps {
                let value = match step {
                    Step::Take(take) => take(&mut item),
                    Step::Again(earlier) => Value::clone(&row[*earlier]),
                };
                row.push(value);
            }
            row
        })
        .collect())
}

enum Step<T> {
    Take(fn(&mut T) -> Value),
    /// A field that is wanted twice was already moved out: its place in the row.
    Again(usize),
}

fn steps<T>(wanted: &[String], table: &[Field<T>]) -> Result<Vec<Step<T>>> {
    let step = |(index, wire): (usize, &String)| match wanted[..index].iter().position(|earlier| earlier == wire) {
        Some(earlier) => Ok(Step::Again(earlier)),
        None => match table.iter().find(|(name, _)| name == wire) {
            Some((_, take)) => Ok(Step::Take(*take)),
            None => Err(Error::new(Kind::Internal, format!("the driver `aws.redshift` gives no field `{wire}`"))),
        },
    };
    wanted.iter().enumerate().map(step).collect()
}

fn text(value: Option<String>) -> Value {
    value.map_or(Value::Null, Value::String)
}

/// RFC 3339 in UTC with three decimals, whatever the service sent: texts of one width sort as times.
fn time(value: Option<DateTime>) -> Value {
    value
        .and_then(|time| chrono::DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
        .map_or(Value::Null, |time| Value::String(time.to_rfc3339_opts(SecondsFormat::Millis, true)))
}

fn list<T>(items: Option<Vec<T>>, object: fn(T) -> Value) -> Value {
    items.map_or(Value::Null, |items| Value::Array(items.into_iter().map(object).collect()))
}

/// The SDK hands out a hash map, whose order changes from run to run: keys are sorted.
fn map(entries: Option<HashMap<String, String>>) -> Value {
    let Some(entries) = entries else { return Value::Null };
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_unstable();
    Value::Object(entries.into_iter().map(|(key, value)| (key, Value::String(value))).collect())
}

fn tag(tag: Tag) -> Value {
    object([("Key", text(tag.key)), ("Value", text(tag.value))])
}

fn error(error: IntegrationError) -> Value {
    object([("ErrorCode", text(error.error_code)), ("ErrorMessage", text(error.error_message))])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut object = Map::new();
    for (name, value) in members {
        object.insert(name.to_string(), value);
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wires(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn values_come_in_the_order_asked_for() {
        let integration = Integration::builder()
            .integration_arn("arn:1")
            .create_time(DateTime::from_secs(1_760_000_000))
            .additional_encryption_context("team", "data")
            .additional_encryption_context("app", "orders")
            .tags(Tag::builder().key("env").value("prod").build())
            .build();
        let wanted = wires(&[
            "Tags",
            "CreateTime",
            "IntegrationArn",
            "AdditionalEncryptionContext",
            "Description",
            "IntegrationArn",
        ]);
        let rows = rows(vec![integration], &wanted, INTEGRATION).expect("every field is known");
        assert_eq!(
            Value::from(rows).to_string(),
            r#"[[[{"Key":"env","Value":"prod"}],"2025-10-09T08:53:20.000Z","arn:1",{"app":"orders","team":"data"},null,"arn:1"]]"#
        );
    }

    #[test]
    fn a_time_has_three_decimals() {
        for (nanos, expected) in [(0, "000"), (1, "000"), (7_000_000, "007"), (999_999_999, "999")] {
            assert_eq!(time(Some(DateTime::from_secs_and_nanos(0, nanos))), format!("1970-01-01T00:00:00.{expected}Z"));
        }
    }

    #[test]
    fn a_field_that_is_not_there_is_an_error() {
        let error = rows(Vec::new(), &wires(&["NodeType"]), CLUSTER).expect_err("no such field");
        assert_eq!(error.message, "the driver `aws.redshift` gives no field `NodeType`");
    }
}
