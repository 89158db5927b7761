//! The Query protocol on the wire: forms in, XML out, refusals in the shape that AWS gives them.
//! Knows no action, no row and no store.

use std::collections::BTreeMap;

use quick_xml::escape::escape;

use crate::error::Error;

pub const NAMESPACE: &str = "http://redshift.amazonaws.com/doc/2012-12-01/";

/// The parameters of a request, by their flattened wire names (`TagList.Tag.1.Key`).
#[derive(Debug, Clone, Default)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Of a query string and a body; the body wins.
    pub fn parse(query: Option<&str>, body: &[u8]) -> Form {
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Form(query.chain(form_urlencoded::parse(body)).map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The prefixes of a list's items, in their order: `TagList.Tag` → `TagList.Tag.1`, `TagList.Tag.2`.
    pub fn items(&self, list: &str) -> Vec<String> {
        let prefix = format!("{list}.");
        let mut numbers: Vec<u32> = self
            .0
            .range(prefix.clone()..)
            .map_while(|(name, _)| name.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('.').next()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|number| format!("{prefix}{number}")).collect()
    }

    /// The values of a list of texts: `TagKeys.TagKey`.
    pub fn list(&self, list: &str) -> Vec<&str> {
        self.items(list).iter().filter_map(|item| self.get(item)).collect()
    }

    pub fn parameters(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// A request that is refused: HTTP status, AWS's code, and what AWS would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, code, message: message.into() }
    }

    pub fn xml(&self, request_id: &str) -> String {
        let kind = if self.status < 500 { "Sender" } else { "Receiver" };
        let mut xml = Xml::default();
        xml.0.push_str(&format!("<ErrorResponse xmlns=\"{NAMESPACE}\">"));
        xml.element("Error", |xml| {
            xml.text("Type", kind);
            xml.text("Code", self.code);
            xml.text("Message", &self.message);
        });
        xml.text("RequestId", request_id);
        xml.0.push_str("</ErrorResponse>");
        xml.0
    }
}

/// What the store could not do is the service's own failure.
impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::new(500, "InternalFailure", error.to_string())
    }
}

/// XML as it grows.
#[derive(Debug, Default)]
pub struct Xml(String);

impl Xml {
    pub fn element(&mut self, name: &str, content: impl FnOnce(&mut Xml)) {
        self.0.extend(["<", name, ">"]);
        content(self);
        self.0.extend(["</", name, ">"]);
    }

    pub fn text(&mut self, name: &str, value: &str) {
        // A bare carriage return is read as a line feed, so it travels as a reference.
        self.element(name, |xml| xml.0.push_str(&escape(value).replace('\r', "&#13;")));
    }

    pub fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }
}

/// A whole answer. `result` is absent for actions that return nothing (CreateTags).
pub fn answer(action: &str, result: Option<Xml>, request_id: &str) -> String {
    let mut xml = Xml(String::with_capacity(result.as_ref().map_or(0, |inner| inner.0.len()) + 320));
    xml.0.push_str(&format!("<{action}Response xmlns=\"{NAMESPACE}\">"));
    if let Some(inner) = result {
        xml.element(&format!("{action}Result"), |xml| xml.0.push_str(&inner.0));
    }
    xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    xml.0.push_str(&format!("</{action}Response>"));
    xml.0
}

/// Can XML 1.0 carry this text at all?
pub fn is_printable(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..) && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_numbers_order() {
        let form = Form::parse(Some("Action=X"), b"K.T.10=c&K.T.2=b&K.T.1=a&K.Tx.1=no&Action=Y&E=%C3%A9+%26");
        assert_eq!(form.list("K.T"), ["a", "b", "c"]);
        assert_eq!(form.items("K.T"), ["K.T.1", "K.T.2", "K.T.10"]);
        assert_eq!(form.get("Action"), Some("Y"));
        assert_eq!(form.get("E"), Some("é &"));
        assert!(form.list("TagKeys.TagKey").is_empty());
    }

    #[test]
    fn text_is_escaped() {
        let mut xml = Xml::default();
        xml.text("D", "<&>\"'\r é 🚀");
        assert_eq!(xml.0, "<D>&lt;&amp;&gt;&quot;&apos;&#13; é 🚀</D>");
        assert!(is_printable("a\tb\n🚀") && !is_printable("a\u{0}") && !is_printable("\u{1f}"));
    }

    #[test]
    fn a_refusal_reads_as_aws_writes_it() {
        let refusal = Refusal::new(404, "IntegrationNotFoundFault", "no <x>");
        assert_eq!(
            refusal.xml("r-1"),
            format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>IntegrationNotFoundFault</Code>\
                 <Message>no &lt;x&gt;</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
            )
        );
        assert!(answer("CreateTags", None, "r").contains("<CreateTagsResponse xmlns"));
    }
}
