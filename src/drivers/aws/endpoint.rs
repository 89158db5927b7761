//! Where calls go instead of to the region's own address, and who says so. Knows no region, and sends nothing.

use aws_config::SdkConfig;
use aws_sdk_redshift::config::http::HttpRequest;
use aws_types::service_config::ServiceConfigKey;

use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub url: String,
    /// Set by iql itself (the sandbox), and not by whoever asks.
    pub is_ours: bool,
}

impl Endpoint {
    /// The one that aws-config found, by the SDK's own rule: what is said of Redshift alone goes first.
    pub fn found(account: &SdkConfig) -> Option<Endpoint> {
        let key = ServiceConfigKey::builder().service_id("Redshift").env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = key.build().ok().and_then(|key| account.service_config()?.load_config(key));
        let url = own.or_else(|| account.endpoint_url().map(String::from))?;
        Some(Endpoint { url, is_ours: false })
    }

    /// # Errors
    /// `Usage`: the text is not the address of an HTTP service. The SDK would find out at every try.
    pub fn check(&self) -> Result<()> {
        let url = &self.url;
        let message = match url.split_once("://") {
            None => format!("the endpoint `{url}` needs `http://` or `https://` in front"),
            Some((scheme, _)) if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) => {
                format!("the endpoint `{url}` needs `http://` or `https://` in front, and not `{scheme}://`")
            }
            Some(_) if HttpRequest::empty().set_uri(url.as_str()).is_err() => {
                format!("the endpoint `{url}` is not an address: `http://localhost:8080` would be")
            }
            Some(_) => return Ok(()),
        };
        Err(self.hint(Error::new(Kind::Usage, message)))
    }

    /// Adds who may have set it: aws-config does not tell.
    pub fn hint(&self, error: Error) -> Error {
        if self.is_ours {
            return error;
        }
        error.with_hint(
            "the endpoint is set by `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_REDSHIFT`, or by a profile's `endpoint_url`",
        )
    }

    /// Whether this is where a request to `origin` went.
    pub fn is_at(&self, origin: &str) -> bool {
        self.url.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }
}
