//! How a list goes on: what a request for the next page has, and what an answer says of it.
//! A marker is what the next request is given; only this file reads it.

use serde_json::{Map, Value};

use super::address::{is_same_origin, resolved};
use super::incoming::Incoming;
use super::request::Outgoing;
use super::wiring::{By, From, Into, Paging};
use crate::drivers::Request;
use crate::error::{Error, Kind, Result};

/// Adds what asks for the page; a whole address when the last answer gave one.
///
/// # Errors
/// `Refused`: a next address on another host, which no credential is sent to.
pub fn apply(
    paging: &Paging,
    request: &Request,
    query: &mut Vec<(String, String)>,
    outgoing: &mut Outgoing,
) -> Result<Option<String>> {
    let marker = request.marker.as_deref();
    let mut size = size(paging, request);
    match (&paging.by, marker) {
        (By::Link, Some(url)) => {
            if !is_same_origin(&outgoing.base, url) {
                return Err(Error::new(Kind::Refused, "the list's next page is on another host, which is not asked")
                    .with_context(format!("the next page: {}", url.split('?').next().unwrap_or_default())));
            }
            return Ok(Some(url.to_string()));
        }
        (By::Token { into, .. }, Some(token)) => match into {
            Into::Query(name) => query.push((name.clone(), token.into())),
            Into::Header(name) => outgoing.headers.push((name.clone(), token.into())),
            Into::Body(place) => {
                let body = outgoing.body.get_or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(body) = body {
                    place.put(body, token.into());
                }
            }
        },
        (By::Number { query: name, first }, marker) => {
            // Invariant: all pages of a list are of one size, or rows between them would be skipped or come twice.
            let (number, of) = marker.and_then(|marker| marker.split_once(',')).unwrap_or_default();
            size = of.parse().ok().or(size);
            query.push((name.clone(), if number.is_empty() { first.to_string() } else { number.into() }));
        }
        (By::Offset { query: name }, Some(offset)) => query.push((name.clone(), offset.into())),
        (By::Offset { .. } | By::Link | By::Token { .. }, None) => {}
    }
    if let (Some((name, ..)), Some(size)) = (&paging.size, size) {
        query.push((name.clone(), size.to_string()));
    }
    Ok(None)
}

/// Where the next page starts. `entries` is how many entries the page's list has.
///
/// # Errors
/// `Shape`: what should say so cannot be read.
pub fn next(
    paging: &Paging,
    request: &Request,
    url: &str,
    incoming: &Incoming,
    answer: &Value,
    entries: usize,
) -> Result<Option<String>> {
    let asked = size(paging, request);
    // Invariant: without a promise only an empty page is the last. A service may give fewer rows than it is asked for,
    // and a list that ends there would lose the rest in silence.
    let is_last =
        |size: Option<usize>| entries == 0 || (paging.short_is_last && size.is_some_and(|size| entries < size));
    Ok(match &paging.by {
        By::Token { from: From::Header(name), .. } => {
            incoming.header(name).filter(|token| !token.is_empty()).map(String::from)
        }
        By::Token { from: From::Answer(place), .. } => match place.within(answer) {
            None | Some(Value::Null | Value::Bool(false)) => None,
            Some(Value::String(token)) => Some(token.clone()).filter(|token| !token.is_empty()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(_) => return Err(Error::new(Kind::Shape, "the token of the list's next page is no text")),
        },
        By::Link => incoming.all("link").find_map(next_link).map(|link| resolved(url, &link)),
        By::Number { first, .. } => {
            let (number, of) = request.marker.as_deref().and_then(|marker| marker.split_once(',')).unwrap_or_default();
            let (number, size) = (number.parse().unwrap_or(*first), of.parse().ok().or(asked));
            let is_last = is_last(size);
            let size = size.map_or_else(String::new, |size| size.to_string());
            (!is_last).then(|| format!("{},{size}", number + 1))
        }
        By::Offset { .. } => {
            let offset: usize = request.marker.as_deref().and_then(|marker| marker.parse().ok()).unwrap_or(0);
            (!is_last(asked)).then(|| (offset + entries).to_string())
        }
    })
}

/// How many entries a page is asked to have.
fn size(paging: &Paging, request: &Request) -> Option<usize> {
    let (_, least, most) = paging.size.as_ref()?;
    Some(request.page_size.unwrap_or(*most).clamp(*least, *most))
}

/// The address of `rel="next"` in a header `Link` (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (address, after) = after.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let is_next = after[..end].split([';', ',']).any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                let values = value.trim().trim_matches('"');
                name.trim().eq_ignore_ascii_case("rel")
                    && values.split_whitespace().any(|value| value.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(address.to_string());
        }
        rest = &after[end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::next_link;

    #[test]
    fn the_next_page_is_found_among_links() {
        let check = |header: &str, expected: Option<&str>| {
            assert_eq!(next_link(header).as_deref(), expected, "{header}");
        };
        check(r#"<https://a/?p=1>; rel="prev", <https://a/?p=3>; rel="next""#, Some("https://a/?p=3"));
        check(r#"<https://a/?p=3>; title="x"; rel="last next""#, Some("https://a/?p=3"));
        check("</x>; rel=next", Some("/x"));
        check(r#"<https://a/?p=1>; rel="prev""#, None);
        check("", None);
    }
}
