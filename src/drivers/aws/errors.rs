//! What went wrong on the way to AWS or there, as the program's own error: its kind, what the service said, what to do.
//! Knows codes and statuses, and no call in particular. Kinds come from codes and types, never from messages
//! (with one exception, where AWS has no code for what it means).

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_redshift::config::http::HttpResponse;
use aws_sdk_redshift::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use chrono::Utc;

use super::endpoint::Endpoint;
use super::regions::REGIONS;
use super::whole::NotWhole;
use crate::drivers::causes::{chain_text, find};
use crate::drivers::http::{Astray, BadSetting, NoAddress};
use crate::error::{Error, Kind, Reply, nearest};

/// The request that an error is about.
#[derive(Debug)]
pub struct About<'a> {
    pub call: &'a str,
    /// How the request reads to a person.
    pub described: String,
    pub region: &'a str,
    /// Where the request went, if not to the region's own address.
    pub endpoint: Option<Endpoint>,
    /// What the call needs, for who is denied it.
    pub permissions: Vec<&'static str>,
}

const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
const UNAVAILABLE: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
];
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedException",
    "UnauthorizedOperation",
];
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"];
const UNKNOWN: &[&str] = &["AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"];
const UNSIGNED: &[&str] = &[
    "IncompleteSignature",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
];
/// What a call points at, and is not about: were it `NotFound`, it would read as if the resource itself were gone.
const POINTED_AT: &[(&str, &str)] =
    &[("IntegrationSourceNotFoundFault", "source"), ("IntegrationTargetNotFoundFault", "target")];
/// Codes by which the state of things forbids a call, and why. One is sent without the `Fault` of its type's name.
const CONFLICTS: &[(&str, &str)] = &[
    ("IntegrationConflictOperationFault", "another operation on it is under way"),
    ("IntegrationConflictStateFault", "the state that it is in does not allow it"),
    ("InvalidClusterState", "the cluster is not available"),
    ("InvalidClusterStateFault", "the cluster is not available"),
];

/// The program's error for the SDK's.
pub fn error<E>(failure: SdkError<E, HttpResponse>, about: &About<'_>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let reply = failure.raw_response().map(|response| Reply {
        // A wait is asked for by who answers with an error; what did not come whole has no say.
        retry_after: matches!(failure, SdkError::ServiceError(_)).then(|| retry_after(response)).flatten(),
        request_id: request_id(response),
        code: match &failure {
            SdkError::ServiceError(service) => service.err().code().map(String::from),
            _ => None,
        },
    });
    let error = match &failure {
        SdkError::ServiceError(service) => said(service.err(), service.raw(), about),
        SdkError::ResponseError(response) => match find::<NotWhole>(&failure) {
            Some(wrong) => Error::new(Kind::Shape, format!("AWS answered `{}` badly: {wrong}", about.call))
                .with_context(&about.described)
                .with_context(facts(None, response.raw())),
            // The head came, and the rest did not.
            None => broken(&failure, about).with_context(facts(None, response.raw())),
        },
        SdkError::DispatchFailure(dispatch) => unsent(&failure, dispatch.is_user(), about),
        _ => broken(&failure, about),
    };
    let error = error.with_source(failure);
    match reply {
        Some(reply) => error.with_reply(reply),
        None => error,
    }
}

/// Whether an error says that there are no credentials, and not that somebody refused them.
pub fn is_unprovided(error: &Error) -> bool {
    let source = error.source.as_deref().and_then(|source| find::<CredentialsError>(source));
    matches!(source, Some(CredentialsError::CredentialsNotLoaded(_)))
}

/// Whether an error is also what a region answers that the account has not enabled, or that is not for these credentials.
pub fn may_be_closed(error: &Error) -> bool {
    let code = error.code().unwrap_or_default();
    UNKNOWN.contains(&code) || code == "OptInRequired" || (UNSIGNED.contains(&code) && error.kind == Kind::Denied)
}

/// The service answered, with an error.
fn said(error: &(impl ProvideErrorMetadata + StdError + 'static), response: &HttpResponse, about: &About<'_>) -> Error {
    let (code, message, call) = (error.code().unwrap_or_default(), error.message().unwrap_or_default(), about.call);
    let status = response.status().as_u16();
    let is = |codes: &[&str]| codes.contains(&code);
    let mut error = if is(THROTTLED) || (code.is_empty() && status == 429) {
        Error::new(Kind::Throttled, format!("AWS throttled `{call}`"))
    } else if is(DENIED) {
        let error = Error::new(Kind::Denied, format!("AWS does not allow `{call}`"));
        about
            .permissions
            .iter()
            .fold(error, |error, permission| error.with_hint(format!("the call needs the permission `{permission}`")))
    // AWS has no code of its own for a region that it does not know: the message is all there is.
    } else if is(UNSIGNED) && message.contains("scoped to a valid region") {
        out_of_scope(about)
    } else if is(EXPIRED) {
        Error::new(Kind::Credentials, "the AWS credentials have expired")
    } else if is(UNKNOWN) {
        Error::new(Kind::Credentials, "AWS does not know the credentials")
            .with_hint(format!("it says the same where the account has not enabled the region `{}`", about.region))
    } else if is(UNSIGNED) {
        Error::new(Kind::Credentials, "AWS does not accept the signature made with the credentials")
            .with_hint("the secret key does not belong to the key, or this machine's clock is wrong")
    } else if status >= 500 || is(UNAVAILABLE) {
        Error::new(Kind::Unavailable, format!("AWS failed on `{call}` with HTTP status {status}"))
    } else if let Some(what) = meaning(POINTED_AT, code) {
        Error::new(Kind::Refused, format!("AWS does not find the {what} that `{call}` names"))
    } else if code.ends_with("AlreadyExists") || code.ends_with("AlreadyExistsFault") {
        Error::new(Kind::Exists, format!("AWS says that what `{call}` would make is there already"))
    } else if let Some(why) = meaning(CONFLICTS, code) {
        Error::new(Kind::Conflict, format!("AWS does not do `{call}` now: {why}"))
    } else if code.starts_with("ConcurrentModification") {
        Error::new(Kind::Conflict, format!("AWS does not do `{call}` now: somebody else changes the same"))
    } else if code.ends_with("NotFound") || code.ends_with("NotFoundFault") {
        Error::new(Kind::NotFound, format!("AWS does not find what `{call}` is about"))
    } else if response.status().is_success() || (300..400).contains(&status) {
        Error::new(Kind::Shape, format!("AWS answered `{call}` in a shape that cannot be read"))
            .with_context(chain_text(error))
    } else if code.is_empty() {
        Error::new(Kind::Refused, format!("`{call}` was refused with HTTP status {status}, and not in AWS's words"))
            .with_hint("a proxy or a sign-in page may stand between")
    } else {
        Error::new(Kind::Refused, format!("AWS refused `{call}`: {code}"))
    };
    if !message.is_empty() {
        error.context.insert(0, format!("AWS says: {}", message.trim()));
    }
    error.context.insert(0, about.described.clone());
    error.with_context(facts(Some(code), response))
}

fn meaning(codes: &[(&str, &'static str)], code: &str) -> Option<&'static str> {
    codes.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

/// No request went out, or none came through.
fn unsent<E>(failure: &SdkError<E, HttpResponse>, is_user: bool, about: &About<'_>) -> Error
where
    E: StdError + 'static,
{
    if let Some(bad) = find::<BadSetting>(failure) {
        return Error::new(Kind::Usage, &bad.message).with_hint(&bad.hint);
    }
    if let Some(credentials) = find::<CredentialsError>(failure) {
        return unprovided(credentials).with_context(&about.described);
    }
    if let Some(NoAddress { host, .. }) = find::<NoAddress>(failure) {
        let unknown = !REGIONS.contains(&about.region) && host.contains(about.region);
        return if unknown {
            no_region(about, format!("there seems to be no region `{}`: `{host}` has no address", about.region))
        } else {
            Error::new(Kind::Unreachable, format!("`{host}` has no address"))
        }
        .with_context(&about.described);
    }
    if let Some(rustls::Error::InvalidCertificate(why)) = find::<rustls::Error>(failure) {
        return Error::new(Kind::Usage, format!("the certificate of AWS's answer is not trusted: {why}"))
            .with_context(&about.described)
            .with_hint("behind a proxy that opens TLS, `AWS_CA_BUNDLE` names the PEM file of its certificates");
    }
    if is_user {
        return Error::new(Kind::Usage, format!("`{}` cannot be sent: {}", about.call, chain_text(failure)))
            .with_context(&about.described);
    }
    broken(failure, about)
}

/// Nothing came back, or not all of it.
fn broken<E>(failure: &SdkError<E, HttpResponse>, about: &About<'_>) -> Error
where
    E: StdError + 'static,
{
    let astray = find::<Astray>(failure);
    let address = astray.map(|astray| astray.address.as_str());
    let refused = astray.is_some_and(|astray| !astray.by_proxy)
        && find::<io::Error>(failure).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    let error = match (address, &about.endpoint) {
        (Some(address), _) if refused => Error::new(Kind::Unreachable, format!("nothing listens at `{address}`")),
        (_, Some(Endpoint { url, is_ours: false })) => {
            Error::new(Kind::Transport, format!("no whole answer to `{}` came from `{url}`", about.call))
        }
        _ => Error::new(Kind::Transport, format!("no whole answer to `{}` came from AWS", about.call)),
    };
    let error = error.with_context(&about.described);
    let error = if refused { error } else { error.with_context(chain_text(failure)) };
    match &about.endpoint {
        Some(endpoint) if address.is_none_or(|address| endpoint.is_at(address)) => endpoint.hint(error),
        _ => error,
    }
}

/// The chain of credentials has none, or failed.
fn unprovided(error: &CredentialsError) -> Error {
    let network = find::<ConnectorError>(error).is_some() || matches!(error, CredentialsError::ProviderTimedOut(_));
    match error {
        CredentialsError::CredentialsNotLoaded(_) => Error::new(Kind::Credentials, "there are no AWS credentials"),
        _ if network => Error::new(Kind::Unreachable, "the source of the AWS credentials cannot be reached")
            .with_context(chain_text(error)),
        _ => Error::new(Kind::Credentials, "the AWS credentials cannot be had").with_context(chain_text(error)),
    }
}

/// The region is not one of those that the credentials are good for.
fn out_of_scope(about: &About<'_>) -> Error {
    let region = about.region;
    if REGIONS.contains(&region) {
        Error::new(Kind::Denied, format!("AWS does not accept these credentials in the region `{region}`"))
            .with_hint("it is in another partition of AWS than the credentials, or the account has not enabled it")
    } else {
        no_region(about, format!("there is no region `{region}`"))
    }
}

fn no_region(about: &About<'_>, message: String) -> Error {
    let error = Error::new(Kind::Param, message);
    match nearest(about.region, REGIONS.iter().copied()) {
        Some(near) if near != about.region => error.with_hint(format!("did you mean `{near}`?")),
        _ => error,
    }
}

/// The code, the HTTP status and the request's id.
fn facts(code: Option<&str>, response: &HttpResponse) -> String {
    let code = code.filter(|code| !code.is_empty()).map(|code| format!("code {code}, "));
    let id = request_id(response).map(|id| format!(", request id {id}"));
    format!("{}HTTP status {}{}", code.unwrap_or_default(), response.status().as_u16(), id.unwrap_or_default())
}

/// By which AWS finds a request again.
fn request_id(response: &HttpResponse) -> Option<String> {
    let id = ["x-amzn-requestid", "x-amz-request-id"].iter().find_map(|name| response.headers().get(name));
    id.map(String::from).or_else(|| id_in_body(response.body().bytes()?))
}

fn id_in_body(body: &[u8]) -> Option<String> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<RequestId>")?;
    Some(rest.split_once("</RequestId>")?.0.trim().to_string())
}

/// `Retry-After` in seconds or as a date, or AWS's own header in milliseconds.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let headers = response.headers();
    if let Some(milliseconds) = headers.get("x-amz-retry-after").and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let text = headers.get("retry-after")?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => (chrono::DateTime::parse_from_rfc2822(text).ok()?.to_utc() - Utc::now()).to_std().ok(),
    }
}

#[cfg(test)]
mod tests;
