//! DescribeIntegrations and DescribeInboundIntegrations.

use super::check::{Checks, INBOUND_ARN, INTEGRATION_ARN, TARGET_ARN, invalid};
use super::page::Page;
use super::{Request, shapes};
use crate::error::Result;
use crate::sandbox::rows::{Integration, arn_part};
use crate::sandbox::state::Reading;
use crate::sandbox::wire::{Refusal, Xml};

/// One filter: a row passes when it has any of the values.
struct Filter<'a> {
    what: What,
    values: Vec<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    IntegrationArn,
    SourceArn,
    SourceTypes,
    Status,
}

/// A row, behind its position.
type Row = Result<(String, Integration)>;

pub fn describe(request: &Request) -> Result<Xml, Refusal> {
    let form = request.form;
    let mut checks = Checks::default();
    let arn = checks.text(form, "IntegrationArn", &INTEGRATION_ARN);
    let filters = filters(request, &mut checks)?;
    checks.done()?;
    let page = Page::asked(request)?;
    let reading = request.store.read()?;
    let now = reading.now;
    let wanted = filters.iter().find(|filter| filter.what == What::IntegrationArn).map(|filter| &filter.values[..]);
    let rows: Box<dyn Iterator<Item = Row>> = match (arn, wanted) {
        (Some(arn), _) => {
            let row = one(request, &reading, arn)?.ok_or_else(|| not_found(arn))?;
            Box::new(behind(vec![row], page.after.as_deref()))
        }
        (None, Some(arns)) => {
            let mut rows = Vec::new();
            for arn in arns {
                rows.extend(one(request, &reading, arn)?);
            }
            Box::new(behind(rows, page.after.as_deref()))
        }
        (None, None) => Box::new(reading.integrations(&request.caller.scope(), page.after.as_deref())?),
    };
    let rows = rows.filter(|row| {
        row.as_ref().map_or(true, |(_, row)| row.is_native() && filters.iter().all(|filter| passes(row, filter, now)))
    });
    page.write("Integrations", rows, |xml, row| {
        xml.element("Integration", |xml| shapes::integration(xml, row, now));
    })
}

pub fn describe_inbound(request: &Request) -> Result<Xml, Refusal> {
    let mut checks = Checks::default();
    let arn = checks.text(request.form, "IntegrationArn", &INBOUND_ARN);
    let target = checks.text(request.form, "TargetArn", &TARGET_ARN);
    checks.done()?;
    let page = Page::asked(request)?;
    let reading = request.store.read()?;
    let now = reading.now;
    // Whether a serverless namespace exists is not Redshift's to know.
    if let Some(target) = target.filter(|target| arn_part(target, 2) == "redshift")
        && !reading.has_namespace(target)?
    {
        let message = "The namespace isn't valid because the namespace doesn't exist. Provide a valid namespace.";
        return Err(Refusal::new(400, "InvalidNamespaceFault", message));
    }
    let rows: Box<dyn Iterator<Item = Row>> = match arn {
        Some(arn) => {
            let row = one(request, &reading, arn)?.ok_or_else(|| not_found(arn))?;
            Box::new(behind(vec![row], page.after.as_deref()))
        }
        None => Box::new(reading.integrations(&request.caller.scope(), page.after.as_deref())?),
    };
    let rows =
        rows.filter(|row| row.as_ref().map_or(true, |(_, row)| target.is_none_or(|target| row.target_arn == target)));
    page.write("InboundIntegrations", rows, |xml, row| shapes::inbound(xml, row, now))
}

pub fn not_found(arn: &str) -> Refusal {
    Refusal::new(404, "IntegrationNotFoundFault", format!("The integration {arn} can't be found."))
}

fn filters<'a>(request: &Request<'a>, checks: &mut Checks) -> Result<Vec<Filter<'a>>, Refusal> {
    let mut filters = Vec::new();
    for item in request.form.items("Filters.DescribeIntegrationsFilter") {
        let name = request.form.get(&format!("{item}.Name"));
        let values = request.form.list(&format!("{item}.Values.Value"));
        if name.is_none() {
            checks.missing(&format!("{item}.Name"));
        }
        if values.is_empty() {
            checks.missing(&format!("{item}.Values"));
        }
        let what = match name {
            None => continue,
            Some("integration-arn") => What::IntegrationArn,
            Some("source-arn") => What::SourceArn,
            Some("source-types") => What::SourceTypes,
            Some("status") => What::Status,
            Some(other) => {
                let names = "integration-arn, source-arn, source-types, status";
                return Err(invalid(format!("The filter name {other} is not one of: {names}.")));
            }
        };
        filters.push(Filter { what, values });
    }
    Ok(filters)
}

fn passes(row: &Integration, filter: &Filter, now: i64) -> bool {
    let value = match filter.what {
        What::IntegrationArn => &row.arn,
        What::SourceArn => &row.source_arn,
        // The model does not say what a source type is: that it is the service of the source's ARN is inferred.
        What::SourceTypes => arn_part(&row.source_arn, 2),
        What::Status => row.course.at(now).map_or("", |status| status.wire()),
    };
    filter.values.contains(&value)
}

/// The caller's own row of an ARN, by its key.
fn one(request: &Request, reading: &Reading, arn: &str) -> Result<Option<(String, Integration)>> {
    if arn_part(arn, 4) != request.caller.account || arn_part(arn, 3) != request.caller.region {
        return Ok(None);
    }
    Ok(reading.integration(arn)?.map(|row| (row.position(), row)))
}

/// Rows in the order of every list, without those up to a position and without repeats.
fn behind(mut rows: Vec<(String, Integration)>, after: Option<&str>) -> impl Iterator<Item = Row> + use<> {
    rows.retain(|(position, _)| after.is_none_or(|after| position.as_str() > after));
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows.dedup_by(|(a, _), (b, _)| a == b);
    rows.into_iter().map(Ok)
}
