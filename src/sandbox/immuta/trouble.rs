//! What a trouble does to a request of Immuta's: a refusal in its JSON, or an answer that is cut.
//! Pure, like the twin for AWS.

use serde::de::IgnoredAny;

use super::{Refusal, login};
use crate::sandbox::faults::{At, ErrorBody, Trouble};
use crate::sandbox::trouble::{NOT_AVAILABLE, Reply, SIGN_IN, floor};

/// The answer that a trouble gives in place of Immuta's own, if it does.
pub fn instead(trouble: &Trouble) -> Option<Reply> {
    match trouble {
        Trouble::Throttle { retry_after_seconds, .. } => {
            let reply = Refusal::new(429, "Too many requests").reply();
            Some(Reply { retry_after_seconds: *retry_after_seconds, ..reply })
        }
        Trouble::ServerError { status, body } => Some(server_error(*status, *body)),
        Trouble::Denied => Some(login::denied().reply()),
        Trouble::Expired => Some(login::expired().reply()),
        Trouble::WrongShape => Some(Reply::html(200, SIGN_IN)),
        Trouble::Latency { .. }
        | Trouble::Reset
        | Trouble::Lost
        | Trouble::Cut { .. }
        | Trouble::Hang
        | Trouble::RepeatMarker
        | Trouble::RefuseArnFilter => None,
    }
}

fn server_error(status: u16, body: ErrorBody) -> Reply {
    match body {
        ErrorBody::Xml => Refusal::new(status, "An internal server error occurred").reply(),
        ErrorBody::Html => Reply::html(status, NOT_AVAILABLE),
        ErrorBody::None => Reply::html(status, ""),
    }
}

/// Cuts a body. Rows are the elements of an array; any other body has none.
pub fn cut(body: &str, at: At) -> String {
    match at {
        At::Byte(byte) => body[..floor(body, byte)].to_string(),
        At::Fraction(part) => body[..floor(body, (body.len() as f64 * part) as usize)].to_string(),
        At::Rows(count) => behind_rows(body, count).unwrap_or(body).to_string(),
        At::List => "{}".to_string(),
        At::Root => format!("{{\"unexpected\":{body}}}"),
    }
}

fn behind_rows(body: &str, count: usize) -> Option<&str> {
    let mut end = body.strip_prefix('[').map(|_| 1)?;
    for _ in 0..count {
        let start = end + usize::from(body[end..].starts_with(','));
        let mut rows = serde_json::Deserializer::from_str(&body[start..]).into_iter::<IgnoredAny>();
        rows.next()?.ok()?;
        end = start + rows.byte_offset();
    }
    Some(&body[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_where_it_is_asked() {
        let body = r#"[{"id":"1","x":[1,2]},{"id":"2é"},{"id":"3"}]"#;
        let check = |at: At, expected: &str| assert_eq!(cut(body, at), expected, "{at:?}");
        check(At::Rows(0), "[");
        check(At::Rows(2), r#"[{"id":"1","x":[1,2]},{"id":"2é"}"#);
        check(At::Rows(9), body);
        check(At::Byte(5), r#"[{"id"#);
        check(At::Fraction(0.0), "");
        check(At::List, "{}");
        assert!(cut(body, At::Root).starts_with(r#"{"unexpected":[{"id""#));
        assert_eq!(cut(r#"{"id":"1"}"#, At::Rows(0)), r#"{"id":"1"}"#);
    }
}
