//! Proxies and certificates, over real sockets on loopback. The key and certificate of `tests/tls/` are the tests' own.

use std::io::Write;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::super::aws::double::{Double, answer, ok, request, send, settings};
use super::*;
use crate::error::{Error, Kind, Result};
use crate::settings::Settings;

const CERTIFICATE: &str = include_str!("../../../tests/tls/localhost.pem");
const KEY: &str = include_str!("../../../tests/tls/localhost.key");

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key is the certificate's");
    TlsAcceptor::from(Arc::new(config))
}

async fn secure_double() -> Double {
    let page = answer("DescribeIntegrations", "<Integrations/>");
    Double::start_tls(move |_, _| ok(page.clone()), acceptor()).await
}

/// Settings that reach `host` over TLS and trust what `bundle` holds.
fn secure_settings(host: &str, port: u16, bundle: &Path) -> Settings {
    let mut settings = settings(&format!("https://{host}:{port}"));
    settings.aws.ca_bundle = Some(bundle.to_path_buf());
    settings.limits.tries = 1;
    settings
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

async fn refusal(settings: &Settings) -> Error {
    send(settings, &request("DescribeIntegrations")).await.expect_err("not sent")
}

#[tokio::test]
async fn a_bundle_is_trusted() {
    let double = secure_double().await;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in [CERTIFICATE.to_string(), format!("# ours\n{broken}{CERTIFICATE}{broken}")] {
        let bundle = file(&text);
        let settings = secure_settings("localhost", double.port, bundle.path());
        send(&settings, &request("DescribeIntegrations")).await.expect("a page over TLS");
    }
    assert_eq!(double.received().len(), 2);
}

#[tokio::test]
async fn a_certificate_that_the_bundle_does_not_have_is_refused() {
    let double = secure_double().await;
    let bundle = file(CERTIFICATE);
    // The certificate is for `localhost`, and is good for nobody else.
    let error = refusal(&secure_settings("127.0.0.1", double.port, bundle.path())).await;
    assert_eq!(error.kind, Kind::Usage, "{error}");
    assert!(error.message.starts_with("the certificate of AWS's answer is not trusted: "), "{error}");
    assert!(error.hints[0].contains("`AWS_CA_BUNDLE`"), "{error}");
    assert_eq!(double.received().len(), 0);
}

#[tokio::test]
async fn a_bundle_that_cannot_be_used_is_named() {
    for (text, expected) in [
        (None, "which cannot be read: no such file or directory"),
        (Some("no certificate here"), "which has no certificate that can be read"),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "which has no certificate"),
    ] {
        let bundle = file(text.unwrap_or_default());
        let path = if text.is_some() { bundle.path().to_path_buf() } else { PathBuf::from("/nowhere/bundle.pem") };
        let error = refusal(&secure_settings("localhost", 1, &path)).await;
        assert_eq!(error.kind, Kind::Usage);
        let start = format!("`AWS_CA_BUNDLE` is `{}`, {expected}", path.display());
        assert!(error.message.starts_with(&start) && !error.to_string().contains("os error"), "{error}");
    }
}

#[tokio::test]
async fn plain_http_needs_no_bundle() {
    let page = answer("DescribeIntegrations", "<Integrations/>");
    let double = Double::start(move |_, _| ok(page.clone())).await;
    let mut settings = double.settings();
    settings.aws.ca_bundle = Some("/nowhere/bundle.pem".into());
    send(&settings, &request("DescribeIntegrations")).await.expect("a page");
}

#[tokio::test]
async fn a_proxy_is_given_the_whole_address() {
    let page = answer("DescribeIntegrations", "<Integrations/>");
    let proxy = Double::start(move |_, _| ok(page.clone())).await;
    for variable in ["http", "all"] {
        let mut settings = settings("http://redshift.example.test");
        let url = Some(format!("http://user:p%40ss@127.0.0.1:{}", proxy.port));
        match variable {
            "http" => settings.aws.proxy.http = url,
            _ => settings.aws.proxy.all = url,
        }
        send(&settings, &request("DescribeIntegrations")).await.expect("a page through the proxy");
    }
    let received = proxy.received();
    assert_eq!(received.len(), 2);
    for request in received {
        assert_eq!(request.line, "POST http://redshift.example.test/ HTTP/1.1");
        assert_eq!(request.headers["proxy-authorization"], "Basic dXNlcjpwQHNz");
    }
}

/// A proxy that opens tunnels: to `port`, whatever it is asked for. Gives the first line of each request.
async fn tunnel(port: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let own = listener.local_addr().expect("an address").port();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = lines.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.expect("a byte"));
            }
            let head = String::from_utf8(head).expect("text");
            heard.lock().expect("nobody panicked").push(head.lines().next().unwrap_or_default().to_string());
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.expect("written");
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.expect("the server is there");
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (own, lines)
}

#[tokio::test]
async fn tls_goes_through_a_tunnel() {
    let double = secure_double().await;
    let (port, lines) = tunnel(double.port).await;
    let bundle = file(CERTIFICATE);
    // `redshift.example.test` is a name of the certificate too, and no name that anybody could look up.
    let mut settings = secure_settings("redshift.example.test", 443, bundle.path());
    settings.aws.proxy.https = Some(format!("127.0.0.1:{port}"));
    settings.aws.proxy.http = Some("http://127.0.0.1:1".into());
    send(&settings, &request("DescribeIntegrations")).await.expect("a page through the tunnel");
    assert_eq!(*lines.lock().expect("nobody panicked"), ["CONNECT redshift.example.test:443 HTTP/1.1"]);
    assert_eq!(double.received().len(), 1);
}

#[tokio::test]
async fn who_needs_no_proxy_gets_none() {
    let page = answer("DescribeIntegrations", "<Integrations/>");
    let double = Double::start(move |_, _| ok(page.clone())).await;
    // This machine itself is never asked for through a proxy, whatever `NO_PROXY` says.
    let mut own = double.settings();
    own.aws.proxy.all = Some("http://127.0.0.1:1".into());
    send(&own, &request("DescribeIntegrations")).await.expect("a page without the proxy");

    let proxy =
        Proxy { all: Some("http://127.0.0.1:1".into()), no_proxy: Some("example.test".into()), ..Proxy::default() };
    for (host, expected) in [("redshift..example.test", "has no address"), ("redshift.elsewhere.test", "refused")] {
        let mut settings = settings(&format!("http://{host}"));
        settings.aws.proxy = proxy.clone();
        settings.limits.tries = 1;
        let error = refusal(&settings).await;
        assert!(error.to_string().contains(expected), "{host}: {error}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_none_is_named_without_its_value() -> Result<()> {
    for url in ["socks5://user:secret@proxy:1080", "http://"] {
        let mut settings = settings("http://redshift.example.test");
        settings.aws.proxy.http = Some(url.into());
        let error = refusal(&settings).await;
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::Usage, "`HTTP_PROXY` is not the address of an HTTP proxy")
        );
        assert!(!error.to_string().contains("secret"));
    }
    Ok(())
}
