//! Refuses an answer that is not whole. The SDK decodes XML that was cut, or that lacks its list, as a short page
//! without an error, and one with a gap as if there were none: rows would be lost in silence. Where a write answers
//! with nothing it does not look, and takes a sign-in page for success. Sees every page, so it looks at tags alone,
//! and knows neither what they mean nor whose they are.

use aws_sdk_redshift::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_redshift::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_redshift::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// What a call's answer always has: its list, even if it is empty, or what names the one thing that it tells of.
/// Calls that answer with nothing are not here.
const PARTS: &[(&str, &str)] = &[
    ("DescribeIntegrations", "Integrations"),
    ("DescribeInboundIntegrations", "InboundIntegrations"),
    ("DescribeClusters", "Clusters"),
    ("CreateIntegration", "IntegrationArn"),
    ("ModifyIntegration", "IntegrationArn"),
    ("DeleteIntegration", "IntegrationArn"),
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
    let part = PARTS.iter().find(|(name, _)| *name == call).map(|(_, part)| *part);
    match part {
        Some(part) if !has_part(body, Some(part))? => Err(NotWhole(format!("the answer has no `<{part}>`"))),
        Some(_) => Ok(()),
        None => has_part(body, None).map(|_| ()),
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

/// Whether the part is there, as a child of the answer's result.
///
/// # Errors
/// An element that does not close, or a close too many: something is missing between them.
fn has_part(body: &[u8], part: Option<&str>) -> Result<bool, NotWhole> {
    let unbalanced = || NotWhole("the answer has elements that do not close".into());
    let (mut depth, mut found, mut from) = (0_usize, part.is_none(), 0);
    for at in memchr::memchr_iter(b'<', body) {
        if at < from {
            continue;
        }
        let tag = &body[at + 1..];
        let end: &[u8] = match tag {
            [b'/', ..] => {
                depth = depth.checked_sub(1).ok_or_else(unbalanced)?;
                continue;
            }
            [b'?', ..] => b"?>",
            [b'!', b'-', b'-', ..] => b"-->",
            [b'!', b'[', ..] => b"]]>",
            [b'!', ..] => b">",
            _ => {
                let end = memchr::memchr(b'>', tag).ok_or_else(unbalanced)?;
                found |= depth == 2 && part.is_some_and(|part| is_named(&tag[..end], part.as_bytes()));
                depth += usize::from(!tag[..end].ends_with(b"/"));
                continue;
            }
        };
        from = at + find(tag, end).ok_or_else(unbalanced)?;
    }
    if depth == 0 { Ok(found) } else { Err(unbalanced()) }
}

fn is_named(tag: &[u8], name: &[u8]) -> bool {
    let rest = tag.strip_prefix(name);
    rest.is_some_and(|rest| rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'/'))
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
        let lost = "the answer has no `<Clusters>`";
        let open = "the answer has elements that do not close";
        for (list, expected) in [
            ("", lost),
            ("Clusters", lost),
            ("<ClustersX/>", lost),
            ("<MyClusters/>", lost),
            ("&lt;Clusters/&gt;", lost),
            ("<!-- <Clusters/> -->", lost),
            ("<![CDATA[<Clusters/>]]>", lost),
            ("<Other><Clusters/></Other>", lost),
            ("<Clusters>", open),
            ("</Clusters>", open),
            ("<Clusters><Cluster/>", open),
            ("<Clusters><Cluster><Cluster></Cluster></Clusters>", open),
        ] {
            let result = check("DescribeClusters", answer(list).as_bytes());
            assert_eq!(result, Err(NotWhole(expected.into())), "{list}");
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
