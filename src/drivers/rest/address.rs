//! Where a service is: the base of its addresses, and which of them may be trusted with a credential.
//! Invariant: no request leaves this machine without TLS, and no value of a param adds a part to an address.

use std::net::IpAddr;

use super::template::Template;
use crate::error::{Error, Kind, Result};

/// The base with its params' values, without a `/` at its end.
///
/// # Errors
/// `Param`: a value that is no address, or no part of one.
pub fn base(template: &Template, value: impl Fn(&str) -> Option<String>) -> Result<String> {
    let wrong = |name: &str, value: &str, why: &str| {
        // Before an `@` a password may stand.
        let shown = match (value.split_once("://"), value.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
            (None, Some((_, host))) => format!("…@{host}"),
            _ => value.to_string(),
        };
        Error::new(Kind::Param, format!("`{name}` is `{shown}`, {why}"))
    };
    for name in template.names() {
        let value = value(name).ok_or_else(|| Error::new(Kind::Param, format!("`{name}` is missing")))?;
        if template.only_name().is_none() && !is_plain(&value) {
            return Err(wrong(name, &value, "and a host such as `acme.example.com` belongs there"));
        }
    }
    let text = template.filled(value).map_err(|name| Error::new(Kind::Param, format!("`{name}` is missing")))?;
    let name = template.names().next().unwrap_or("base");
    let text = match template.only_name() {
        Some(_) if !text.contains("://") => format!("https://{text}"),
        _ => text,
    };
    let text = text.trim_end_matches('/').to_string();
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme)) else {
        return Err(wrong(name, &text, "and an address begins with `https://`"));
    };
    let host = authority(rest);
    let is_sound = |c: char| c.is_ascii_alphanumeric() || "-._~/:[]%".contains(c);
    if host.is_empty()
        || !rest.chars().all(is_sound)
        || rest.split('/').skip(1).any(|step| [".", "..", ""].contains(&step))
    {
        return Err(wrong(name, &text, "which is no address: `https://acme.example.com` would be"));
    }
    if scheme == "http" && !is_loopback(host) {
        return Err(wrong(name, &text, "and without TLS only this machine is asked")
            .with_hint(format!("write `https://{rest}`")));
    }
    Ok(text)
}

/// What may stand anywhere in an address without meaning anything there.
fn is_plain(value: &str) -> bool {
    !["", ".", ".."].contains(&value) && value.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c))
}

/// The host and port at the beginning of what follows `://`.
pub fn authority(rest: &str) -> &str {
    &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())]
}

/// Scheme, host and port.
pub fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    &url[..host + authority(&url[host..]).len()]
}

pub fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a whole address may be sent a credential.
pub fn is_secure_or_local(url: &str) -> bool {
    match url.split_once("://") {
        Some(("https", rest)) => !authority(rest).is_empty(),
        Some(("http", rest)) => is_loopback(authority(rest)),
        _ => false,
    }
}

/// Where `location` leads from `url`.
pub fn resolved(url: &str, location: &str) -> String {
    let scheme = url.split("://").next().unwrap_or("https");
    if location.contains("://") {
        location.to_string()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{}{location}", origin(url))
    } else {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let folder = path.rfind('/').filter(|slash| *slash >= origin(url).len()).map_or(path, |slash| &path[..slash]);
        match location.strip_prefix('?') {
            Some(query) => format!("{path}?{query}"),
            None => format!("{folder}/{location}"),
        }
    }
}

/// Whether two addresses are the same scheme, host and port, however they are written.
pub fn is_same_origin(left: &str, right: &str) -> bool {
    let normal = |url: &str| {
        let origin = origin(url).to_ascii_lowercase();
        let port = if origin.starts_with("https:") { ":443" } else { ":80" };
        origin.strip_suffix(port).map(String::from).unwrap_or(origin)
    };
    normal(left) == normal(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_adds_a_part_to_an_address() {
        let check = |template: &str, value: &str, expected: Result<&str, &str>| {
            let template = Template::parse(template).expect("a template");
            let base = base(&template, |_| Some(value.to_string())).map_err(|error| error.message);
            assert_eq!(base.as_deref().map_err(String::as_str), expected, "{value}");
        };
        let within = "https://{host}/api";
        check(within, "acme.example.com", Ok("https://acme.example.com/api"));
        check(within, "acme.example.com:8443", Ok("https://acme.example.com:8443/api"));
        for value in ["a.example/b", "user@a.example", "a.example?x", "a.example#x", "", "a b"] {
            // What stands before an `@` may be a secret.
            let shown = value.replace("user@", "…@");
            let message = format!("`host` is `{shown}`, and a host such as `acme.example.com` belongs there");
            check(within, value, Err(&message));
        }
        let whole = "{host}";
        check(whole, "https://acme.example.com/api/", Ok("https://acme.example.com/api"));
        check(whole, "acme.example.com", Ok("https://acme.example.com"));
        check(whole, "http://127.0.0.1:80", Ok("http://127.0.0.1:80"));
        check(whole, "http://[::1]:80", Ok("http://[::1]:80"));
        check(
            whole,
            "http://localhost.example",
            Err("`host` is `http://localhost.example`, and without TLS only this machine is asked"),
        );
        check(
            whole,
            "http://127.0.0.1@example.com",
            Err("`host` is `http://…@example.com`, which is no address: `https://acme.example.com` would be"),
        );
        check(whole, "ftp://a", Err("`host` is `ftp://a`, and an address begins with `https://`"));
    }

    #[test]
    fn a_location_is_followed_from_where_it_was_given() {
        let check = |location: &str, expected: &str, same: bool| {
            let url = "https://a.example/x/y?z=1";
            let found = resolved(url, location);
            assert_eq!((found.as_str(), is_same_origin(url, &found)), (expected, same), "{location}");
        };
        check("/q?r=2", "https://a.example/q?r=2", true);
        check("q", "https://a.example/x/q", true);
        check("?r=2", "https://a.example/x/y?r=2", true);
        check("//b.example/q", "https://b.example/q", false);
        check("https://A.example:443/q", "https://A.example:443/q", true);
        check("http://a.example/q", "http://a.example/q", false);
        check("https://a.example.b.example/q", "https://a.example.b.example/q", false);
        check("https://a.example@b.example/q", "https://a.example@b.example/q", false);
    }
}
