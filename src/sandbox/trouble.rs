//! What a trouble does to a request of AWS's: a refusal instead of an answer, or an answer that is not what it should be.
//! Pure; the waiting and the closing of connections are the server's.

use super::caller::{self, Caller};
use super::faults::{At, ErrorBody, ThrottleCode, Trouble};
use super::wire::Refusal;

/// What a proxy shows in place of an answer.
pub const SIGN_IN: &str = "<html><body><h1>Sign in to continue</h1></body></html>";
pub const NOT_AVAILABLE: &str = "<html><body><h1>The service is not available</h1></body></html>";

/// An answer before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
    pub retry_after_seconds: Option<u64>,
    /// What Content-Length says, if not the body's length: the connection then closes behind the body.
    pub said_length: Option<usize>,
}

impl Reply {
    pub fn xml(status: u16, body: String) -> Reply {
        Reply { status, content_type: "text/xml", body, retry_after_seconds: None, said_length: None }
    }

    pub fn html(status: u16, body: &str) -> Reply {
        Reply { content_type: "text/html", ..Reply::xml(status, body.into()) }
    }
}

/// The answer that a trouble gives in place of the service's own, if it does.
pub fn instead(trouble: &Trouble, action: &str, caller: &Caller, id: &str) -> Option<Reply> {
    match trouble {
        Trouble::Throttle { code, retry_after_seconds, .. } => {
            let reply = refusal(&throttled(*code), id);
            Some(Reply { retry_after_seconds: *retry_after_seconds, ..reply })
        }
        Trouble::ServerError { status, body } => Some(server_error(*status, *body, id)),
        Trouble::Denied => Some(refusal(&denied(action, caller), id)),
        Trouble::Expired => Some(refusal(&caller::expired(), id)),
        Trouble::WrongShape => Some(Reply::html(200, SIGN_IN)),
        Trouble::RefuseArnFilter => {
            let message = "The filter integration-arn takes exactly one value.";
            Some(refusal(&Refusal::new(400, "InvalidParameterValue", message), id))
        }
        Trouble::Latency { .. }
        | Trouble::Reset
        | Trouble::Lost
        | Trouble::Cut { .. }
        | Trouble::Hang
        | Trouble::RepeatMarker => None,
    }
}

pub fn refusal(refusal: &Refusal, id: &str) -> Reply {
    Reply::xml(refusal.status, refusal.xml(id))
}

fn throttled(code: ThrottleCode) -> Refusal {
    match code {
        ThrottleCode::Throttling => Refusal::new(400, "Throttling", "Rate exceeded"),
        ThrottleCode::ThrottlingException => Refusal::new(400, "ThrottlingException", "Rate exceeded"),
        ThrottleCode::RequestLimitExceeded => Refusal::new(400, "RequestLimitExceeded", "Request limit exceeded."),
    }
}

fn denied(action: &str, caller: &Caller) -> Refusal {
    let user = caller.user_arn();
    let resource = format!("arn:aws:redshift:{}:{}:integration:*", caller.region, caller.account);
    let message = format!(
        "User: {user} is not authorized to perform: redshift:{action} on resource: {resource} because no \
         identity-based policy allows the redshift:{action} action"
    );
    Refusal::new(403, "AccessDenied", message)
}

fn server_error(status: u16, body: ErrorBody, id: &str) -> Reply {
    let (code, message) = match status {
        503 => ("ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
        _ => ("InternalFailure", "The request processing has failed because of an unknown error."),
    };
    match body {
        ErrorBody::Xml => refusal(&Refusal::new(status, code, message), id),
        ErrorBody::Html => Reply::html(status, NOT_AVAILABLE),
        ErrorBody::None => Reply::xml(status, String::new()),
    }
}

/// Cuts a body. The lists' names are the service model's.
pub fn cut(body: &str, at: At) -> String {
    match at {
        At::Byte(byte) => body[..floor(body, byte)].to_string(),
        At::Fraction(part) => body[..floor(body, (body.len() as f64 * part) as usize)].to_string(),
        At::Rows(count) => behind_rows(body, count).unwrap_or(body).to_string(),
        At::List => without_list(body).unwrap_or_else(|| body.to_string()),
        At::Root => match body.find("Response") {
            Some(_) => {
                let end = body.find([' ', '>']).unwrap_or(1);
                body.replacen(&body[1..end], "Unexpected", 1).replace(&format!("</{}>", &body[1..end]), "</Unexpected>")
            }
            None => body.to_string(),
        },
    }
}

/// Marks every answer as having more: by the marker that came with the request, or else its own.
pub fn repeat_marker(body: &str, marker: &str) -> String {
    if marker.is_empty() {
        return body.to_string();
    }
    let element = format!("<Marker>{marker}</Marker>");
    if let (Some(start), Some(end)) = (body.find("<Marker>"), body.find("</Marker>")) {
        return format!("{}{element}{}", &body[..start], &body[end + "</Marker>".len()..]);
    }
    let Some(end) = body.find("Result><ResponseMetadata>").and_then(|end| body[..end].rfind("</")) else {
        return body.to_string();
    };
    format!("{}{element}{}", &body[..end], &body[end..])
}

const LISTS: &[(&str, &str)] = &[
    ("Integrations", "Integration"),
    ("InboundIntegrations", "InboundIntegration"),
    ("Clusters", "Cluster"),
    ("TaggedResources", "TaggedResource"),
];

fn list(body: &str) -> Option<(&'static str, &'static str)> {
    LISTS.iter().copied().find(|(list, _)| body.contains(&format!("Result><{list}>")))
}

fn behind_rows(body: &str, count: usize) -> Option<&str> {
    let (list, row) = list(body)?;
    let start = body.find(&format!("<{list}>"))? + list.len() + 2;
    let close = format!("</{row}>");
    let mut ends = body[start..].match_indices(&close).map(|(place, _)| start + place + close.len());
    match count {
        0 => Some(&body[..start]),
        _ => ends.nth(count - 1).map(|end| &body[..end]),
    }
}

fn without_list(body: &str) -> Option<String> {
    let (list, _) = list(body)?;
    let start = body.find(&format!("<{list}>"))?;
    let close = format!("</{list}>");
    let end = body.find(&close)? + close.len();
    Some(format!("{}{}", &body[..start], &body[end..]))
}

/// The last boundary of a character up to a byte.
pub fn floor(body: &str, mut byte: usize) -> usize {
    byte = byte.min(body.len());
    while !body.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "<DescribeIntegrationsResponse xmlns=\"x\"><DescribeIntegrationsResult><Integrations>\
        <Integration>é</Integration><Integration>b</Integration></Integrations><Marker>m</Marker>\
        </DescribeIntegrationsResult><ResponseMetadata>r</ResponseMetadata></DescribeIntegrationsResponse>";

    #[test]
    fn an_answer_is_cut_where_it_is_asked() {
        let check = |at: At, end: &str| assert!(cut(BODY, at).ends_with(end), "{at:?}: {}", cut(BODY, at));
        check(At::Byte(5), "<Desc");
        check(At::Byte(100_000), "</DescribeIntegrationsResponse>");
        check(At::Fraction(0.0), "");
        check(At::Rows(0), "<Integrations>");
        check(At::Rows(1), "<Integration>é</Integration>");
        check(At::Rows(9), "</DescribeIntegrationsResponse>");
        check(At::Root, "</ResponseMetadata></Unexpected>");
        assert!(cut(BODY, At::Root).starts_with("<Unexpected xmlns"));
        assert!(
            cut(BODY, At::List).contains("<DescribeIntegrationsResult><Marker>m</Marker></DescribeIntegrationsResult>")
        );
        for byte in 0..BODY.len() {
            assert!(cut(BODY, At::Byte(byte)).len() <= byte);
        }
    }

    #[test]
    fn a_marker_repeats() {
        assert!(repeat_marker(BODY, "old").contains("</Integrations><Marker>old</Marker></Desc"));
        let last = BODY.replace("<Marker>m</Marker>", "");
        assert!(repeat_marker(&last, "old").contains("</Integrations><Marker>old</Marker></Desc"));
    }
}
