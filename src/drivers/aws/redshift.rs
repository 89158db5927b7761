//! The driver `aws.redshift`: Redshift's integrations and clusters through the SDK, a page at a time.
//! Knows the calls, what narrows them and what they give; not who asks for them, nor how often.

use async_trait::async_trait;
use aws_sdk_redshift::Client;
use aws_sdk_redshift::operation::RequestId;
use aws_sdk_redshift::types::{DescribeIntegrationsFilter, DescribeIntegrationsFilterName};
use serde_json::Value;

use super::early::Early;
use super::errors::{self, About};
use super::{Aws, rows};
use crate::drivers::{Ahead, Driver, Page, Request, Signature, addressed, narrowed};
use crate::error::{Error, Kind, Result};
use crate::settings::Settings;

use self::signatures::{CALLS, PAGE, SOURCE_TYPE, signature};

mod signatures;
mod writes;

/// DescribeIntegrations' own filters, by the wire name of the field that they look at.
const FILTERS: &[(&str, DescribeIntegrationsFilterName)] = &[
    ("IntegrationArn", DescribeIntegrationsFilterName::IntegrationArn),
    ("SourceArn", DescribeIntegrationsFilterName::SourceArn),
    ("Status", DescribeIntegrationsFilterName::Status),
    ("SourceType", DescribeIntegrationsFilterName::SourceTypes),
];

#[derive(Debug)]
pub struct Redshift {
    aws: Aws,
}

impl Redshift {
    pub fn new(settings: &Settings) -> Self {
        Redshift { aws: Aws::new(settings) }
    }
}

#[async_trait]
impl Driver for Redshift {
    fn name(&self) -> &'static str {
        "aws.redshift"
    }

    fn service(&self) -> &str {
        "AWS"
    }

    fn signature(&self, call: &str) -> Option<Signature<'_>> {
        signature(call)
    }

    fn calls(&self) -> Vec<&str> {
        CALLS.to_vec()
    }

    async fn send(&self, request: &Request) -> Result<Page, Error> {
        self.send_ahead(request, &Ahead::default()).await
    }

    async fn send_ahead(&self, request: &Request, ahead: &Ahead) -> Result<Page, Error> {
        let signature = signature(&request.call)
            .ok_or_else(|| Error::new(Kind::Internal, format!("`aws.redshift` has no call `{}`", request.call)))?;
        let region = request.params.get("region").map(String::as_str).ok_or_else(|| {
            Error::new(Kind::Param, format!("`{}` needs `region`", request.call))
                .with_hint("add `WHERE region = 'us-east-1'`")
        })?;
        let profile = request.params.get("profile").map(String::as_str);
        let client = self.aws.client(profile, region).await?;
        let about = About {
            call: &request.call,
            described: self.describe(request),
            region,
            endpoint: self.aws.endpoint(profile, region).await,
            permissions: signature.permissions.clone(),
        };
        let result = match request.call.as_str() {
            "DescribeIntegrations" => integrations(&client, request, &about, ahead).await,
            "DescribeInboundIntegrations" => inbound_integrations(&client, request, &about, ahead).await,
            "DescribeClusters" => clusters(&client, request, &about, ahead).await,
            _ => writes::send(&client, request, &signature, &about).await,
        };
        match result {
            Ok(page) if page.next.is_some() && page.next == request.marker => Err(stuck(&about)),
            Err(error) if error.kind == Kind::NotFound && !signature.writes => absent(request, error),
            Err(error) if error.kind == Kind::Credentials => {
                self.aws.forget(profile);
                Err(self.aws.advise(error, profile).await)
            }
            result => result,
        }
    }

    fn may_be_closed(&self, error: &Error) -> bool {
        errors::may_be_closed(error)
    }

    fn describe(&self, request: &Request) -> String {
        match signature(&request.call) {
            Some(signature) if signature.writes => {
                format!("{} {}", addressed(request), writes::described(request, &signature))
            }
            _ => narrowed(request),
        }
    }
}

async fn integrations(client: &Client, request: &Request, about: &About<'_>, ahead: &Ahead) -> Result<Page> {
    let mut call = client.describe_integrations().set_marker(request.marker.clone());
    if let Some(arn) = key(request) {
        call = call.integration_arn(arn);
    } else {
        call = call.max_records(page_size(request));
    }
    for (wire, name) in FILTERS {
        let values = match *wire {
            "IntegrationArn" if key(request).is_some() => None,
            "SourceType" => request.params.get(SOURCE_TYPE).map(|value| vec![value.clone()]),
            wire => request.inputs.get(wire).cloned(),
        };
        if let Some(values) = values {
            let filter = DescribeIntegrationsFilter::builder().name(name.clone()).set_values(Some(values));
            call = call.filters(filter.build());
        }
    }
    let call = call.customize().interceptor(Early::of(ahead));
    let output = call.send().await.map_err(|failure| errors::error(failure, about))?;
    let request_id = output.request_id().map(String::from);
    let items = output.integrations.unwrap_or_default();
    Ok(page(request_id, output.marker, rows::rows(items, &request.fields, rows::INTEGRATION)?))
}

async fn inbound_integrations(client: &Client, request: &Request, about: &About<'_>, ahead: &Ahead) -> Result<Page> {
    let output = client
        .describe_inbound_integrations()
        .set_integration_arn(one(request, "IntegrationArn")?)
        .set_target_arn(one(request, "TargetArn")?)
        .set_marker(request.marker.clone())
        .set_max_records(key(request).is_none().then(|| page_size(request)))
        .customize()
        .interceptor(Early::of(ahead))
        .send()
        .await
        .map_err(|failure| errors::error(failure, about))?;
    let request_id = output.request_id().map(String::from);
    let items = output.inbound_integrations.unwrap_or_default();
    Ok(page(request_id, output.marker, rows::rows(items, &request.fields, rows::INBOUND_INTEGRATION)?))
}

async fn clusters(client: &Client, request: &Request, about: &About<'_>, ahead: &Ahead) -> Result<Page> {
    let output = client
        .describe_clusters()
        .set_cluster_identifier(one(request, "ClusterIdentifier")?)
        .set_marker(request.marker.clone())
        .set_max_records(key(request).is_none().then(|| page_size(request)))
        .customize()
        .interceptor(Early::of(ahead))
        .send()
        .await
        .map_err(|failure| errors::error(failure, about))?;
    let request_id = output.request_id().map(String::from);
    let items = output.clusters.unwrap_or_default();
    Ok(page(request_id, output.marker, rows::rows(items, &request.fields, rows::CLUSTER)?))
}

/// The one value of the input that names a row, if it has just one.
fn key(request: &Request) -> Option<&str> {
    let values = request.inputs.get("IntegrationArn").or_else(|| request.inputs.get("ClusterIdentifier"))?;
    match values.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

fn one(request: &Request, wire: &str) -> Result<Option<String>> {
    match request.inputs.get(wire).map(Vec::as_slice) {
        None => Ok(None),
        Some([value]) => Ok(Some(value.clone())),
        Some(_) => Err(Error::new(Kind::Internal, format!("`{}` takes one value of `{wire}`", request.call))),
    }
}

fn page_size(request: &Request) -> i32 {
    let (least, most) = PAGE;
    let size = request.page_size.unwrap_or(most).clamp(least, most);
    i32::try_from(size).unwrap_or(i32::MAX)
}

/// An empty marker is how the service writes that there is none.
fn page(request_id: Option<String>, marker: Option<String>, rows: Vec<Vec<Value>>) -> Page {
    Page { rows, next: marker.filter(|marker| !marker.is_empty()), request_id }
}

fn stuck(about: &About<'_>) -> Error {
    Error::new(
        Kind::Endless,
        format!("the list's pages go round: AWS answered `{}` with the marker that was sent", about.call),
    )
    .with_context(&about.described)
}

/// A row asked for by its one key that does not exist is no row. Of several keys one alone may be missing, and an empty
/// page would hide the others: the call is refused, and whoever asked can ask for each.
fn absent(request: &Request, mut error: Error) -> Result<Page> {
    if key(request).is_some() {
        return Ok(Page { request_id: error.request_id().map(String::from), ..Page::default() });
    }
    if request.inputs.contains_key("IntegrationArn") {
        error.kind = Kind::Refused;
    }
    Err(error)
}

#[cfg(test)]
mod tests;
