//! Redshift's calls that change something: what each sends, under the names of AWS's API, and the row that it answers
//! with. Knows neither why it is sent nor whether it may be sent again.
//!
//! Invariant: what a request holds is sent or refused, never left out in silence. Bodies were checked before they come
//! here, so that one that does not fit is iql's own mistake.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_redshift::Client;
use aws_sdk_redshift::operation::RequestId;
use aws_sdk_redshift::types::{Integration, Tag};
use serde_json::Value;

use super::super::errors::{self, About};
use super::super::rows;
use crate::drivers::{Input, Page, Request, Signature};
use crate::error::{Error, Kind, Result};

/// Sends a write, once.
///
/// # Errors
/// `Internal` for a request that the call does not take, before anything is sent; else what went wrong on the way or
/// there. What the call is about and AWS does not find is `NotFound`.
pub async fn send(client: &Client, request: &Request, signature: &Signature<'_>, about: &About<'_>) -> Result<Page> {
    let body = Body::of(request, signature)?;
    match request.call.as_str() {
        "CreateIntegration" => create(client, body, request, about).await,
        "ModifyIntegration" => modify(client, body, request, about).await,
        "DeleteIntegration" => delete(client, body, request, about).await,
        "CreateTags" => create_tags(client, body, about).await,
        _ => delete_tags(client, body, about).await,
    }
}

/// What a write sends, as compact JSON under the names of AWS's API.
pub fn described(request: &Request, signature: &Signature<'_>) -> String {
    let name = |field| Value::from(api_name(&request.call, field));
    let members = members(request, signature).map(|(field, value)| format!("{}:{value}", name(field)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// What AWS's API calls a field, where it is not the field's own wire name.
fn api_name<'a>(call: &str, field: &'a str) -> &'a str {
    match (call, field) {
        ("CreateTags" | "DeleteTags", "IntegrationArn") => "ResourceName",
        ("CreateIntegration", "Tags") => "TagList",
        ("DeleteTags", "Tags") => "TagKeys",
        _ => field,
    }
}

/// What a write sends, by the fields' wire names, in the order of its signature.
fn members<'a>(request: &'a Request, signature: &'a Signature<'_>) -> impl Iterator<Item = (&'a str, Value)> + 'a {
    signature.inputs.iter().filter_map(|input| {
        let value = if input.key { target(request, input)? } else { set(request, input)? };
        Some((input.wire, value))
    })
}

/// What the write is about.
fn target(request: &Request, input: &Input) -> Option<Value> {
    match request.inputs.get(input.wire)?.as_slice() {
        [value] => Some(Value::from(value.as_str())),
        values => Some(Value::from(values)),
    }
}

/// What the write sets a field to, if it does.
fn set(request: &Request, input: &Input) -> Option<Value> {
    let value = request.body.get(input.wire)?;
    match (request.call.as_str(), input.wire, value) {
        // Where nothing is yet, there is nothing to take away.
        ("CreateIntegration", _, Value::Null) => None,
        ("CreateIntegration", "Tags", Value::Array(tags)) if tags.is_empty() => None,
        ("CreateIntegration", "AdditionalEncryptionContext", Value::Object(context)) if context.is_empty() => None,
        // The API has no other way of taking a description away.
        ("ModifyIntegration", "Description", Value::Null) => Some(Value::from("")),
        _ => Some(value.clone()),
    }
}

/// A write's members, each of which is taken out to be sent.
struct Body<'a> {
    call: &'a str,
    members: BTreeMap<&'a str, Value>,
}

impl<'a> Body<'a> {
    fn of(request: &'a Request, signature: &'a Signature<'_>) -> Result<Self> {
        let call = request.call.as_str();
        let mistake = |message: String| Err(Error::new(Kind::Internal, message));
        let takes = |wire: &str, key| signature.inputs.iter().any(|input| input.wire == wire && input.key == key);
        let strange = request.inputs.keys().find(|wire| !takes(wire, true));
        if let Some(wire) = strange.or_else(|| request.body.keys().find(|wire| !takes(wire, false))) {
            return mistake(format!("`{call}` does not take `{wire}`"));
        }
        let members: BTreeMap<_, _> = members(request, signature).collect();
        if let Some(input) = signature.inputs.iter().find(|input| input.required && !members.contains_key(input.wire)) {
            return mistake(format!("`{call}` needs `{}`", input.wire));
        }
        // A field that no row has is refused now: after the call, the error would hide that it was done.
        rows::rows(Vec::new(), &request.fields, rows::INTEGRATION)?;
        Ok(Body { call, members })
    }

    fn take<T>(&mut self, wire: &str, read: fn(&Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.members.remove(wire) else { return Ok(None) };
        let mistake = || Error::new(Kind::Internal, format!("`{}` does not take `{wire}` as {value}", self.call));
        read(&value).map(Some).ok_or_else(mistake)
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(String::from)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

fn context(value: &Value) -> Option<HashMap<String, String>> {
    value.as_object()?.iter().map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

fn tags(value: &Value) -> Option<Vec<Tag>> {
    value.as_array()?.iter().map(tag).collect()
}

fn tag(value: &Value) -> Option<Tag> {
    let members = value.as_object()?;
    let member = |name| match members.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => text(value).map(Some),
    };
    let (key, value) = (member("Key")??, member("Value")?);
    let is_known = members.keys().all(|name| name == "Key" || name == "Value");
    is_known.then(|| Tag::builder().key(key).set_value(value).build())
}

/// The page of an answer that has a whole integration: a type of its own for each call, and all with the same members.
macro_rules! page {
    ($output:expr, $request:expr) => {{
        let (output, request): (_, &Request) = ($output, $request);
        let request_id = output.request_id().map(String::from);
        let integration = Integration::builder()
            .set_integration_arn(output.integration_arn)
            .set_integration_name(output.integration_name)
            .set_source_arn(output.source_arn)
            .set_target_arn(output.target_arn)
            .set_status(output.status)
            .set_errors(output.errors)
            .set_create_time(output.create_time)
            .set_description(output.description)
            .set_kms_key_id(output.kms_key_id)
            .set_additional_encryption_context(output.additional_encryption_context)
            .set_tags(output.tags)
            .build();
        let rows = rows::rows(vec![integration], &request.fields, rows::INTEGRATION)?;
        Ok(Page { rows, next: None, request_id })
    }};
}

async fn create(client: &Client, mut body: Body<'_>, request: &Request, about: &About<'_>) -> Result<Page> {
    let call = client
        .create_integration()
        .set_integration_name(body.take("IntegrationName", text)?)
        .set_source_arn(body.take("SourceArn", text)?)
        .set_target_arn(body.take("TargetArn", text)?)
        .set_description(body.take("Description", text)?)
        .set_kms_key_id(body.take("KMSKeyId", text)?)
        .set_additional_encryption_context(body.take("AdditionalEncryptionContext", context)?)
        .set_tag_list(body.take("Tags", tags)?);
    page!(call.send().await.map_err(|failure| errors::error(failure, about))?, request)
}

async fn modify(client: &Client, mut body: Body<'_>, request: &Request, about: &About<'_>) -> Result<Page> {
    let call = client
        .modify_integration()
        .set_integration_arn(body.take("IntegrationArn", text)?)
        .set_integration_name(body.take("IntegrationName", text)?)
        .set_description(body.take("Description", text)?);
    page!(call.send().await.map_err(|failure| errors::error(failure, about))?, request)
}

async fn delete(client: &Client, mut body: Body<'_>, request: &Request, about: &About<'_>) -> Result<Page> {
    let call = client.delete_integration().set_integration_arn(body.take("IntegrationArn", text)?);
    page!(call.send().await.map_err(|failure| errors::error(failure, about))?, request)
}

async fn create_tags(client: &Client, mut body: Body<'_>, about: &About<'_>) -> Result<Page> {
    let arn = body.take("IntegrationArn", text)?;
    let call = client.create_tags().set_resource_name(arn).set_tags(body.take("Tags", tags)?);
    let output = call.send().await.map_err(|failure| errors::error(failure, about))?;
    Ok(Page { request_id: output.request_id().map(String::from), ..Page::default() })
}

async fn delete_tags(client: &Client, mut body: Body<'_>, about: &About<'_>) -> Result<Page> {
    let arn = body.take("IntegrationArn", text)?;
    let call = client.delete_tags().set_resource_name(arn).set_tag_keys(body.take("Tags", texts)?);
    let output = call.send().await.map_err(|failure| errors::error(failure, about))?;
    Ok(Page { request_id: output.request_id().map(String::from), ..Page::default() })
}

#[cfg(test)]
mod tests;
