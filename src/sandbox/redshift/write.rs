//! CreateIntegration, ModifyIntegration, DeleteIntegration. Each is one transaction.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::check::{Checks, DESCRIPTION, INTEGRATION_ARN, NAME, SOURCE_ARN, TARGET_ARN, combination};
use super::integrations::not_found;
use super::{Request, shapes, tags};
use crate::sandbox::caller::Caller;
use crate::sandbox::estate::uuid;
use crate::sandbox::rows::{Course, Integration, Status, arn_part};
use crate::sandbox::state::Writing;
use crate::sandbox::wire::{Form, Refusal, Xml};

pub fn create(request: &Request) -> Result<Xml, Refusal> {
    let form = request.form;
    let mut checks = Checks::default();
    let source_arn = checks.required(form, "SourceArn", &SOURCE_ARN);
    let target_arn = checks.required(form, "TargetArn", &TARGET_ARN);
    let name = checks.required(form, "IntegrationName", &NAME);
    let description = checks.text(form, "Description", &DESCRIPTION);
    checks.done()?;
    let kms_key_id = form.get("KMSKeyId").filter(|key| !key.is_empty());
    let context = context(form)?;
    if kms_key_id.is_none() && !context.is_empty() {
        return Err(combination("AdditionalEncryptionContext can be specified only together with KMSKeyId."));
    }
    let tags = tags::list(form, "TagList.Tag")?;
    tags::limit(&tags)?;
    let caller = request.caller;
    let (row, now) = request.store.write(|writing| {
        let scope = caller.scope();
        if writing.named(&scope, name)?.is_some() {
            return Err(exists(name));
        }
        if writing.count(&scope)? >= writing.controls.quota {
            let message =
                "You can't create any more zero-ETL or S3 event integrations because the quota has been reached.";
            return Err(Refusal::new(400, "IntegrationQuotaExceededFault", message));
        }
        find_source(source_arn)?;
        find_target(writing, caller, target_arn)?;
        let now = writing.now;
        let (then, errors) = fate(source_arn);
        let row = Integration {
            arn: new_arn(writing, caller)?,
            name: name.into(),
            source_arn: source_arn.into(),
            target_arn: target_arn.into(),
            created: now,
            course: Course {
                until: Some((Status::Creating, end(now, writing.controls.creating_seconds))),
                then: Some(then),
            },
            errors,
            description: description.filter(|text| !text.is_empty()).map(String::from),
            kms_key_id: kms_key_id.map(String::from),
            context: context.clone(),
            tags: tags.clone(),
        };
        writing.put(&row)?;
        Ok((row, now))
    })?;
    Ok(whole(&row, now))
}

pub fn modify(request: &Request) -> Result<Xml, Refusal> {
    let mut checks = Checks::default();
    let arn = checks.required(request.form, "IntegrationArn", &INTEGRATION_ARN);
    let description = checks.text(request.form, "Description", &DESCRIPTION);
    let name = checks.text(request.form, "IntegrationName", &NAME);
    checks.done()?;
    if description.is_none() && name.is_none() {
        return Err(combination("Specify IntegrationName or Description: there is nothing to modify."));
    }
    let (row, now) = request.store.write(|writing| {
        let (mut row, status) = settled(writing, request.caller, arn)?;
        if status == Status::Failed {
            let message = "The integration is in an invalid state and can't perform the requested operation.";
            return Err(Refusal::new(400, "IntegrationConflictStateFault", message));
        }
        if let Some(name) = name.filter(|name| *name != row.name) {
            if writing.named(&request.caller.scope(), name)?.is_some() {
                return Err(exists(name));
            }
            row.name = name.into();
        }
        if let Some(text) = description {
            row.description = Some(text.to_string()).filter(|text| !text.is_empty());
        }
        let now = writing.now;
        row.course.until = Some((Status::Modifying, end(now, writing.controls.modifying_seconds)));
        writing.put(&row)?;
        Ok((row, now))
    })?;
    Ok(whole(&row, now))
}

pub fn delete(request: &Request) -> Result<Xml, Refusal> {
    let mut checks = Checks::default();
    let arn = checks.required(request.form, "IntegrationArn", &INTEGRATION_ARN);
    checks.done()?;
    let (row, now) = request.store.write(|writing| {
        let (mut row, _) = settled(writing, request.caller, arn)?;
        let now = writing.now;
        let until = Some((Status::Deleting, end(now, writing.controls.deleting_seconds)));
        row.course = Course { until, then: None };
        writing.put(&row)?;
        Ok::<_, Refusal>((row, now))
    })?;
    Ok(whole(&row, now))
}

/// The integration as the result itself: these three actions have no element around it.
fn whole(row: &Integration, now: i64) -> Xml {
    let mut xml = Xml::default();
    shapes::integration(&mut xml, row, now);
    xml
}

/// The caller's row, when no operation is under way on it.
fn settled(writing: &Writing, caller: &Caller, arn: &str) -> Result<(Integration, Status), Refusal> {
    let is_own = arn_part(arn, 4) == caller.account && arn_part(arn, 3) == caller.region;
    let row = if is_own { writing.integration(arn)? } else { None };
    let row = row.ok_or_else(|| not_found(arn))?;
    match row.course.at(writing.now) {
        None => Err(not_found(arn)),
        Some(status) if status.is_moving() => {
            let message = "A conflicting conditional operation is currently in progress against this resource.";
            Err(Refusal::new(400, "IntegrationConflictOperationFault", message))
        }
        Some(status) => Ok((row, status)),
    }
}

fn exists(name: &str) -> Refusal {
    let message = format!("The integration you are trying to create already exists: {name}.");
    Refusal::new(400, "IntegrationAlreadyExistsFault", message)
}

/// Every well-formed source exists, but those whose name starts with `no-such-`.
fn find_source(arn: &str) -> Result<(), Refusal> {
    if source_name(arn).starts_with("no-such-") {
        let message = format!("The specified integration source can't be found: {arn}.");
        return Err(Refusal::new(404, "IntegrationSourceNotFoundFault", message));
    }
    Ok(())
}

/// A target is the namespace of a cluster of this region, in any account, or any serverless namespace of it.
fn find_target(writing: &Writing, caller: &Caller, arn: &str) -> Result<(), Refusal> {
    let is_here = arn_part(arn, 3) == caller.region;
    let is_serverless = arn_part(arn, 2) == "redshift-serverless";
    if is_here && (is_serverless || writing.has_namespace(arn)?) {
        return Ok(());
    }
    let message = format!("The specified integration target can't be found: {arn}.");
    Err(Refusal::new(404, "IntegrationTargetNotFoundFault", message))
}

/// What becomes of a creation: it fails when the source's name starts with `denied-`.
fn fate(source_arn: &str) -> (Status, Vec<(String, String)>) {
    if !source_name(source_arn).starts_with("denied-") {
        return (Status::Active, Vec::new());
    }
    let message = "The resource policy of the source doesn't allow redshift.amazonaws.com to export it.";
    (Status::Failed, vec![("SourcePermissionDenied".into(), message.into())])
}

fn source_name(arn: &str) -> &str {
    arn_part(arn, 5).trim_start_matches("table/")
}

fn new_arn(writing: &mut Writing, caller: &Caller) -> Result<String, Refusal> {
    let number = writing.next_number()?;
    let id = uuid(&mut Rng::with_seed(0xc4ea_7e00_0000 + number));
    Ok(format!("arn:aws:redshift:{}:{}:integration:{id}", caller.region, caller.account))
}

fn context(form: &Form) -> Result<BTreeMap<String, String>, Refusal> {
    let mut context = BTreeMap::new();
    for item in form.items("AdditionalEncryptionContext.entry") {
        let part = |name: &str| form.get(&format!("{item}.{name}"));
        let (Some(key), Some(value)) = (part("key"), part("value")) else {
            let mut checks = Checks::default();
            checks.missing(&item);
            checks.done()?;
            continue;
        };
        context.insert(key.to_string(), value.to_string());
    }
    Ok(context)
}

fn end(now: i64, seconds: f64) -> i64 {
    now + (seconds * 1000.0) as i64
}
