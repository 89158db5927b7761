//! The HTTP client under every call and under every source of credentials: whom it trusts, which proxy it
//! takes, how a name becomes an address. Knows no service, and reads no environment: settings say it all.
//!
//! Invariant: nothing is read and no connection is made before a request needs it; a request over plain HTTP never
//! loads a certificate, which costs more than the request.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::reason;
use crate::settings::{Aws, Proxy};

/// Where no proxy is asked: this machine, and the link on which instances and containers hand out credentials.
/// A proxy would answer with credentials of its own.
const NEVER_PROXIED: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fd00:ec2::/32";

/// One for the process, shared by every client.
#[derive(Debug, Clone)]
pub struct Http(Arc<Wiring>);

#[derive(Debug)]
struct Wiring {
    ca_bundle: Option<PathBuf>,
    proxy: Proxy,
    roots: OnceLock<Result<TrustStore, BadSetting>>,
    /// The pools of connections, by what they were made with.
    connectors: Mutex<HashMap<Way, SharedHttpConnector>>,
}

/// What a pool of connections was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Way {
    secure: bool,
    connect: Option<Duration>,
    read: Option<Duration>,
}

/// A setting that no connection can be made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSetting {
    pub message: String,
    pub hint: String,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BadSetting {}

/// A host whose name could not be turned into an address.
#[derive(Debug)]
pub struct NoAddress {
    pub host: String,
    source: std::io::Error,
}

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no address for `{}`", self.host)
    }
}

impl std::error::Error for NoAddress {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A connection that could not be made or did not last. By itself it does not say where it led: that may be an endpoint
/// from a profile, which nobody has in mind.
#[derive(Debug)]
pub struct Astray {
    pub address: String,
    /// A proxy may have been asked, so that it is not known who failed.
    pub by_proxy: bool,
    source: ConnectorError,
}

impl fmt::Display for Astray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on the way to `{}`", self.address)
    }
}

impl std::error::Error for Astray {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Astray {
    fn from(address: &str, by_proxy: bool, source: ConnectorError) -> ConnectorError {
        let is_timeout = source.is_timeout();
        if !is_timeout && !source.is_io() {
            return source;
        }
        let astray = Astray { address: origin(address).into(), by_proxy, source }.into();
        if is_timeout { ConnectorError::timeout(astray) } else { ConnectorError::io(astray) }
    }
}

/// An address without its path.
fn origin(address: &str) -> &str {
    let host = address.find("://").map_or(0, |scheme| scheme + 3);
    let end = address[host..].find(['/', '?']).map_or(address.len(), |path| host + path);
    &address[..end]
}

impl Http {
    pub fn new(settings: &Aws) -> Self {
        Http(Arc::new(Wiring {
            ca_bundle: settings.ca_bundle.clone(),
            proxy: settings.proxy.clone(),
            roots: OnceLock::new(),
            connectors: Mutex::new(HashMap::new()),
        }))
    }
}

impl Http {
    /// Sends a request that no SDK makes.
    pub async fn call(&self, request: HttpRequest, connect: Duration) -> Result<HttpResponse, ConnectorError> {
        let sender = Sender { http: self.clone(), connect: Some(connect), read: None };
        sender.call(request).await
    }
}

impl HttpClient for Http {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let (connect, read) = (settings.connect_timeout(), settings.read_timeout());
        SharedHttpConnector::new(Sender { http: self.clone(), connect, read })
    }
}

/// Chooses the pool when the request is there, and its address says whether certificates are needed.
#[derive(Debug)]
struct Sender {
    http: Http,
    connect: Option<Duration>,
    read: Option<Duration>,
}

impl HttpConnector for Sender {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let secure = !request.uri().starts_with("http://");
        let proxy = &self.http.0.proxy;
        let own = if secure { &proxy.https } else { &proxy.http };
        let by_proxy = own.is_some() || proxy.all.is_some();
        match self.http.0.connector(Way { secure, connect: self.connect, read: self.read }) {
            Ok(connector) => HttpConnectorFuture::new(async move {
                let address = request.uri().to_string();
                connector.call(request).await.map_err(|error| Astray::from(&address, by_proxy, error))
            }),
            Err(bad) => HttpConnectorFuture::ready(Err(ConnectorError::user(bad.into()))),
        }
    }
}

impl Wiring {
    fn connector(&self, way: Way) -> Result<SharedHttpConnector, BadSetting> {
        // A panic elsewhere leaves the map as it was: whole.
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = connectors.get(&way) {
            return Ok(connector.clone());
        }
        let connector = SharedHttpConnector::new(self.build(way)?);
        connectors.insert(way, connector.clone());
        Ok(connector)
    }

    fn build(&self, way: Way) -> Result<Connector, BadSetting> {
        let (proxy, proxy_is_secure) = proxy(&self.proxy, way.secure)?;
        let roots = if way.secure || proxy_is_secure { self.roots()? } else { TrustStore::empty() };
        let settings = HttpConnectorSettings::builder();
        let settings = way.connect.into_iter().fold(settings, |settings, time| settings.connect_timeout(time));
        let settings = way.read.into_iter().fold(settings, |settings, time| settings.read_timeout(time));
        let context = TlsContext::builder().with_trust_store(roots).build().map_err(|error| BadSetting {
            message: format!("TLS cannot be set up: {error}"),
            hint: "`AWS_CA_BUNDLE` names the certificates to trust".into(),
        })?;
        let builder: ConnectorBuilder = Connector::builder().connector_settings(settings.build()).proxy_config(proxy);
        Ok(builder
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .tls_context(context)
            .build_with_resolver(Names))
    }

    fn roots(&self) -> Result<TrustStore, BadSetting> {
        self.roots
            .get_or_init(|| match &self.ca_bundle {
                Some(path) => bundle(path),
                None => Ok(TrustStore::empty().with_native_roots(true)),
            })
            .clone()
    }
}

/// The certificates of a PEM file. Those that cannot be read are left out, as OpenSSL does: bundles of large companies
/// have a few. The TLS crate would panic on one.
fn bundle(path: &Path) -> Result<TrustStore, BadSetting> {
    let bad = |why: String| BadSetting {
        message: format!("`AWS_CA_BUNDLE` is `{}`, {why}", path.display()),
        hint: "it names a PEM file of certificates to trust; unset it to trust the system's".into(),
    };
    let text = std::fs::read(path).map_err(|error| bad(format!("which cannot be read: {}", reason(&error))))?;
    let text = String::from_utf8_lossy(&text);
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let mut store = TrustStore::empty();
    let mut found = 0;
    for block in text.split(begin).skip(1) {
        let Some((body, _)) = block.split_once(end) else { continue };
        let pem = format!("{begin}{body}{end}\n");
        let sound = CertificateDer::from_pem_slice(pem.as_bytes())
            .is_ok_and(|certificate| RootCertStore::empty().add(certificate).is_ok());
        if sound {
            store.add_pem_certificate(pem);
            found += 1;
        } else {
            tracing::warn!(path = %path.display(), "a certificate of AWS_CA_BUNDLE cannot be read and is left out");
        }
    }
    if found == 0 {
        return Err(bad("which has no certificate that can be read".into()));
    }
    Ok(store)
}

/// The proxy for requests over TLS, or for those that are not, and whether the proxy itself is reached over TLS.
fn proxy(settings: &Proxy, secure: bool) -> Result<(ProxyConfig, bool), BadSetting> {
    let own = if secure { ("HTTPS_PROXY", &settings.https) } else { ("HTTP_PROXY", &settings.http) };
    let found = [own, ("ALL_PROXY", &settings.all)]
        .into_iter()
        .find_map(|(variable, url)| url.as_deref().map(|url| (variable, url)));
    let Some((variable, url)) = found else { return Ok((ProxyConfig::disabled(), false)) };
    let url = if url.contains("://") { url.to_string() } else { format!("http://{url}") };
    // The value is not shown: it may hold a password.
    let config = ProxyConfig::all(url.as_str()).map_err(|_| BadSetting {
        message: format!("`{variable}` is not the address of an HTTP proxy"),
        hint: format!("`{variable}=http://proxy.example.com:8080` would be; `NO_PROXY` names the hosts that need none"),
    })?;
    let rules = settings.no_proxy.iter().map(String::as_str).chain([NEVER_PROXIED]).collect::<Vec<_>>();
    Ok((config.no_proxy(rules.join(",")), url.starts_with("https://")))
}

/// The system's look-up of names, whose failures can be told from other failures to connect.
#[derive(Debug, Clone)]
struct Names;

impl ResolveDns for Names {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            match tokio::net::lookup_host((name, 0)).await {
                Ok(addresses) => Ok(addresses.map(|address| address.ip()).collect()),
                Err(source) => Err(ResolveDnsError::new(NoAddress { host: name.to_string(), source })),
            }
        })
    }
}

#[cfg(test)]
mod tests;
