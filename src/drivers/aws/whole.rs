//! Refuses an answer that is not whole. The SDK decodes XML that was cut, or that lacks its list, as a short page
//! without an error, and rows would be lost in silence. Looks at bytes alone, and parses nothing: it sees every page.

use aws_sdk_redshift::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_redshift::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_redshift::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// The list that a call's answer always has, even if it is empty.
const LISTS: &[(&str, &str)] = &[
    ("DescribeIntegrations", "Integrations"),
    ("DescribeInboundIntegrations", "InboundIntegrations"),
    ("DescribeClusters", "Clusters"),
];

/// What is wrong with an answer's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotWhole(pub String);

impl std::fmt::Display for NotWhole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotWhole {}

/// Runs after every answer, when its body has been read.
#[derive(Debug)]
pub struct Whole;

impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "Whole"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if !response.status().is_success() {
            return Ok(());
        }
        // Bytes that are not there at all were lost on the way, and the SDK says so itself.
        let (Some(body), Some(operation)) = (response.body().bytes(), cfg.load::<Metadata>()) else { return Ok(()) };
        Ok(check(operation.name(), body)?)
    }
}

/// # Errors
/// What is missing, as words that follow "the answer".
pub fn check(call: &str, body: &[u8]) -> Result<(), NotWhole> {
    let expected = format!("{call}Response");
    match root(body) {
        Some(root) if root == expected.as_bytes() => {}
        Some(root) => {
            let root = String::from_utf8_lossy(&root[..root.len().min(40)]).into_owned();
            return Err(NotWhole(format!("the answer is `<{root}>` and not `<{expected}>`")));
        }
        None => return Err(NotWhole(format!("the answer has {} and no XML element", bytes(body.len())))),
    }
    if !ends_with_closing(body, expected.as_bytes()) {
        return Err(NotWhole(format!("the answer is cut off after {}", bytes(body.len()))));
    }
    match LISTS.iter().find(|(name, _)| *name == call) {
        Some((_, list)) if !has_list(body, list.as_bytes()) => {
            Err(NotWhole(format!("the answer has no whole `<{list}>`")))
        }
        _ => Ok(()),
    }
}

fn bytes(count: usize) -> String {
    if count == 1 { "1 byte".into() } else { format!("{count} bytes") }
}

/// The name of the first element, after a declaration, a document type and comments.
fn root(body: &[u8]) -> Option<&[u8]> {
    let mut rest = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    loop {
        rest = rest.trim_ascii_start().strip_prefix(b"<")?;
        let skip: &[u8] = match rest {
            [b'?', ..] => b"?>",
            [b'!', b'-', b'-', ..] => b"-->",
            [b'!', ..] => b">",
            _ => break,
        };
        rest = &rest[find(rest, skip)? + skip.len()..];
    }
    let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
    (end > 0).then_some(&rest[..end])
}

fn ends_with_closing(body: &[u8], name: &[u8]) -> bool {
    let Some(body) = body.trim_ascii_end().strip_suffix(b">") else { return false };
    body.trim_ascii_end().strip_suffix(name).is_some_and(|body| body.ends_with(b"</"))
}

/// Whether there is `<name/>`, or `<name>` and a `</name>` after it. Text cannot look like either: its `<` is escaped.
fn has_list(body: &[u8], name: &[u8]) -> bool {
    let mut from = 0;
    while let Some(found) = find(&body[from..], name) {
        let (start, end) = (from + found, from + found + name.len());
        from = end;
        let opens = start > 0 && body[start - 1] == b'<';
        let ends = body.get(end).is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
        if !(opens && ends) {
            continue;
        }
        let Some(tag) = find(&body[end..], b">") else { return false };
        return body[end..end + tag].ends_with(b"/") || closes(&body[end..], name);
    }
    false
}

/// The list is the answer's bulk, and its end is near the answer's end: searched from there.
fn closes(body: &[u8], name: &[u8]) -> bool {
    (0..body.len().saturating_sub(name.len() + 1)).rev().any(|at| {
        body[at] == b'<'
            && body[at + 1] == b'/'
            && body[at + 2..].starts_with(name)
            && body[at + 2 + name.len()..].trim_ascii_start().starts_with(b">")
    })
}

fn find(body: &[u8], wanted: &[u8]) -> Option<usize> {
    body.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"<?xml version="1.0"?>
<DescribeIntegrationsResponse xmlns="http://redshift.amazonaws.com/doc/2012-12-01/">
  <DescribeIntegrationsResult>
    <Integrations><Integration><IntegrationArn>arn:1</IntegrationArn><Description>&lt;Integrations&gt;</Description></Integration></Integrations>
    <Marker>m</Marker>
  </DescribeIntegrationsResult>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</DescribeIntegrationsResponse>
"#;

    #[test]
    fn only_the_whole_answer_passes() {
        let end = WHOLE.trim_end().len();
        for cut in 0..WHOLE.len() {
            let result = check("DescribeIntegrations", &WHOLE.as_bytes()[..cut]);
            assert_eq!(result.is_ok(), cut >= end, "cut at {cut} of {end}: {result:?}");
        }
        assert_eq!(check("DescribeIntegrations", WHOLE.as_bytes()), Ok(()));
    }

    #[test]
    fn a_list_is_there_in_any_spelling() {
        let answer = |list: &str| {
            format!(
                "<DescribeClustersResponse><DescribeClustersResult>{list}</DescribeClustersResult></DescribeClustersResponse >"
            )
        };
        for list in [
            "<Clusters/>",
            "<Clusters />",
            "<Clusters></Clusters>",
            "<Clusters a=\"1\"\n></Clusters >",
            "<Marker>Clusters</Marker><Clusters/>",
        ] {
            assert_eq!(check("DescribeClusters", answer(list).as_bytes()), Ok(()), "{list}");
        }
        for list in [
            "",
            "Clusters",
            "<Clusters>",
            "</Clusters>",
            "<ClustersX/>",
            "<MyClusters/>",
            "&lt;Clusters/&gt;",
            "<Clusters><Cluster/>",
        ] {
            let result = check("DescribeClusters", answer(list).as_bytes());
            assert_eq!(result, Err(NotWhole("the answer has no whole `<Clusters>`".into())), "{list}");
        }
    }

    #[test]
    fn another_root_is_named() {
        for (body, expected) in [
            (
                "<!DOCTYPE html>\n<html><body>sign in</body></html>",
                "the answer is `<html>` and not `<CreateTagsResponse>`",
            ),
            (
                "<!-- a --><DescribeTagsResponse/>",
                "the answer is `<DescribeTagsResponse>` and not `<CreateTagsResponse>`",
            ),
            ("{\"a\": 1}", "the answer has 8 bytes and no XML element"),
            ("", "the answer has 0 bytes and no XML element"),
            ("<CreateTagsResponse>", "the answer is cut off after 20 bytes"),
        ] {
            assert_eq!(check("CreateTags", body.as_bytes()), Err(NotWhole(expected.into())));
        }
    }
}
