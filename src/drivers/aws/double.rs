//! A double of AWS for the tests: answers every request by a function, remembers what it was sent, and can break an
//! answer in the ways in which a network does. Knows nothing of Redshift.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::drivers::{Page, Policy, Request, Stop};
use crate::error::{Error, Result};
use crate::settings::{Secret, Settings, StaticCredentials};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// `POST / HTTP/1.1`
    pub line: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    pub form: BTreeMap<String, String>,
}

pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// The connection is closed without an answer.
    Close,
    /// The head promises more bytes than come before the connection is closed.
    Short {
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// No answer, ever.
    Hang,
}

pub fn ok(body: impl Into<String>) -> Reply {
    Reply::Answer { status: 200, headers: Vec::new(), body: body.into() }
}

/// An error as the Query protocol writes it.
pub fn fault(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<ErrorResponse xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    );
    Reply::Answer { status, headers: Vec::new(), body }
}

/// A whole answer to a call, around what its result holds.
pub fn answer(call: &str, result: &str) -> String {
    format!(
        "<{call}Response xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\"><{call}Result>{result}</{call}Result>\
         <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{call}Response>"
    )
}

pub struct Double {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

type Script = Arc<dyn Fn(usize, &Received) -> Reply + Send + Sync>;

impl Double {
    /// Answers the nth request (from 0) by `script`.
    pub async fn start(script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static) -> Double {
        Double::serve(script, None).await
    }

    pub async fn start_tls(
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
        acceptor: TlsAcceptor,
    ) -> Double {
        Double::serve(script, Some(acceptor)).await
    }

    async fn serve(
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
        acceptor: Option<TlsAcceptor>,
    ) -> Double {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (script, heard): (Script, _) = (Arc::new(script), received.clone());
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                let (script, heard, acceptor) = (script.clone(), heard.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => converse(stream, script, heard).await,
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => converse(stream, script, heard).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Double { port, received, connections }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panicked here").clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Settings that send every call here, as nobody in particular.
    pub fn settings(&self) -> Settings {
        settings(&format!("http://127.0.0.1:{}", self.port))
    }
}

/// Answers requests on one connection until it ends.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Script,
    heard: Arc<Mutex<Vec<Received>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read(&mut stream).await?;
        let number = {
            let mut heard = heard.lock().ok()?;
            heard.push(request.clone());
            heard.len() - 1
        };
        let (status, headers, body, missing) = match script(number, &request) {
            Reply::Close => return None,
            Reply::Hang => std::future::pending().await,
            Reply::Short { headers, body } => (200, headers, body, 1),
            Reply::Answer { status, headers, body } => (status, headers, body, 0),
        };
        let length = body.len() + missing;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        if missing > 0 {
            stream.shutdown().await.ok()?;
            return None;
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).ok()?;
    let mut lines = head.lines();
    let line = lines.next()?.to_string();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_string()))
        .collect();
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let form = form_urlencoded::parse(&body).into_owned().collect();
    Some(Received { line, headers, form })
}

pub fn settings(endpoint: &str) -> Settings {
    let mut settings = Settings::default();
    settings.aws.endpoint = Some(endpoint.to_string());
    settings.aws.credentials.insert(None, credentials("AKIDNOBODY"));
    settings.limits.backoff = std::time::Duration::from_millis(1);
    settings
}

pub fn credentials(id: &str) -> StaticCredentials {
    StaticCredentials { access_key_id: id.to_string(), secret_access_key: Secret::new("secret") }
}

/// A request for every integration of `us-east-1`, with the ARN of each.
pub fn request(call: &str) -> Request {
    Request {
        call: call.to_string(),
        params: BTreeMap::from([("region".to_string(), "us-east-1".to_string())]),
        fields: match call {
            "DescribeClusters" => vec!["ClusterIdentifier".to_string()],
            _ => vec!["IntegrationArn".to_string()],
        },
        ..Request::default()
    }
}

/// One request through the driver and the policy of the settings.
pub async fn send(settings: &Settings, request: &Request) -> Result<Page, Error> {
    let driver = super::redshift::Redshift::new(settings);
    let policy = Policy::from(&settings.limits);
    let answer = crate::drivers::send(
        &driver,
        request,
        &policy,
        &crate::drivers::Pace::default(),
        &Stop::default(),
        &crate::drivers::Ahead::default(),
        &|_| (),
    )
    .await;
    answer.map(|answer| answer.page)
}
