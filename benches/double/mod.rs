//! A double of the Redshift API, in a process of its own: answers DescribeIntegrations with pages that were rendered
//! beforehand, as fast as it can or as slowly as it is told to. It never looks at who asks, or in which region: every
//! region has the same integrations.

use std::convert::Infallible;
use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// What DescribeIntegrations gives at most.
pub const PAGE_ROWS: usize = 100;

/// So many different pages are rendered; longer lists begin again, under other markers.
const PAGES: usize = 1000;

#[derive(Args, Clone, Debug)]
pub struct Behaviour {
    /// Rows that every region has
    #[arg(long, default_value_t = 100_000)]
    pub rows: usize,
    /// Milliseconds before each answer
    #[arg(long, default_value_t = 0)]
    pub delay: u64,
    /// Requests a second that are let through, all regions together; the others are throttled
    #[arg(long)]
    pub rate: Option<f64>,
    /// Requests that are let through at once
    #[arg(long, default_value_t = 12.0)]
    pub burst: f64,
}

/// The double, seen from the process that measures. It ends when its standard input does: with that process at the
/// latest.
pub struct Double {
    pub endpoint: String,
    process: Child,
}

impl Double {
    /// This program as the double, which has to understand `--double` and the arguments of `Behaviour`.
    pub fn start(rows: usize) -> Result<Double> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--double", "--rows", &rows.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(process.stdout.take().ok_or("no standard output")?).read_line(&mut address)?;
        Ok(Double { endpoint: format!("http://{}", address.trim()), process })
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

struct Service {
    behaviour: Behaviour,
    /// Each page up to its marker.
    pages: Vec<Bytes>,
    bucket: Mutex<Bucket>,
}

/// Tokens that come in steadily, up to a burst.
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// Renders the pages, says where it listens, and answers until standard input ends.
pub async fn serve(behaviour: Behaviour) -> Result<()> {
    let count = behaviour.rows.div_ceil(PAGE_ROWS).max(1);
    let pages = (0..count.min(PAGES)).map(|number| page(number, behaviour.rows)).collect();
    let bucket = Mutex::new(Bucket { tokens: behaviour.burst, filled: Instant::now() });
    let service = Arc::new(Service { behaviour, pages, bucket });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service.clone();
        let answer = service_fn(move |request| {
            let service = service.clone();
            async move { service.answer(request).await }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

impl Service {
    /// The page that the marker numbers.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let marker = form_urlencoded::parse(&body).find(|(name, _)| name == "Marker");
        let number = marker.and_then(|(_, number)| number.parse().ok()).unwrap_or(0_usize);
        if self.behaviour.delay > 0 {
            tokio::time::sleep(Duration::from_millis(self.behaviour.delay)).await;
        }
        let (status, body) = match self.lets_through() {
            true => (StatusCode::OK, self.page(number)),
            false => (StatusCode::BAD_REQUEST, Bytes::from_static(THROTTLED.as_bytes())),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        Ok(response)
    }

    fn lets_through(&self) -> bool {
        let Some(rate) = self.behaviour.rate else { return true };
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let tokens = bucket.tokens + now.duration_since(bucket.filled).as_secs_f64() * rate;
        bucket.filled = now;
        let lets_through = tokens >= 1.0;
        bucket.tokens = if lets_through { tokens - 1.0 } else { tokens }.min(self.behaviour.burst);
        lets_through
    }

    fn page(&self, number: usize) -> Bytes {
        let is_last = (number + 1) * PAGE_ROWS >= self.behaviour.rows;
        match self.pages.get(number) {
            Some(page) => page.clone(),
            None if is_last => page(number, self.behaviour.rows),
            None => marked(&self.pages[number % PAGES], number + 1),
        }
    }
}

const THROTTLED: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>\
    <Message>Rate exceeded</Message></Error><RequestId>5c1b6f52-7d2e-4c9f-9a76-0f3f0f6d8a12</RequestId></ErrorResponse>";

/// A page of a list that goes round, with another marker.
fn marked(page: &Bytes, marker: usize) -> Bytes {
    let (open, close) = (b"<Marker>".as_slice(), b"</Marker>".as_slice());
    // The marker stands behind the rows.
    let find = |wanted: &[u8]| page.windows(wanted.len()).rposition(|window| window == wanted);
    let (Some(start), Some(end)) = (find(open), find(close)) else { return page.clone() };
    Bytes::from([&page[..start + open.len()], marker.to_string().as_bytes(), &page[end..]].concat())
}

fn page(number: usize, rows: usize) -> Bytes {
    let (first, end) = (number * PAGE_ROWS, rows.min((number + 1) * PAGE_ROWS));
    let mut xml = String::new();
    element(&mut xml, "DescribeIntegrationsResponse", |xml| {
        element(xml, "DescribeIntegrationsResult", |xml| {
            element(xml, "Integrations", |xml| (first..end).for_each(|row| integration(xml, row)));
            if end < rows {
                text(xml, "Marker", &(number + 1).to_string());
            }
        });
        element(xml, "ResponseMetadata", |xml| text(xml, "RequestId", "5c1b6f52-7d2e-4c9f-9a76-0f3f0f6d8a11"));
    });
    Bytes::from(xml)
}

/// What a service with a large estate would give: all the fields, some of them not in every row.
fn integration(xml: &mut String, row: usize) {
    let account = "us-east-1:123456789012";
    let hash = row.wrapping_mul(2_654_435_761) as u32;
    let uuid = |part: usize| format!("{hash:08x}-{:04x}-4{part:03x}-9abc-{row:012x}", row & 0xffff);
    let failed = row.is_multiple_of(25);
    let (day, hour, minute, millis) = (row % 28 + 1, row % 24, row % 60, row % 1000);
    let context = [("team", "data"), ("application", "orders")];
    let tags = [("env", "prod"), ("team", "data-platform"), ("cost-centre", "4711"), ("owner", "ops")];
    element(xml, "Integration", |xml| {
        text(xml, "IntegrationArn", &format!("arn:aws:redshift:{account}:integration:{}", uuid(1)));
        text(xml, "IntegrationName", &format!("orders-to-warehouse-{row:06}"));
        text(xml, "SourceArn", &format!("arn:aws:dynamodb:{account}:table/orders-{row:06}"));
        text(xml, "TargetArn", &format!("arn:aws:redshift:{account}:namespace:{}", uuid(2)));
        text(xml, "Status", if failed { "failed" } else { "active" });
        element(xml, "Errors", |xml| {
            if failed {
                element(xml, "IntegrationError", |xml| {
                    text(xml, "ErrorCode", "InternalError");
                    text(xml, "ErrorMessage", "The table&apos;s point-in-time recovery is off.");
                });
            }
        });
        text(xml, "CreateTime", &format!("2026-01-{day:02}T{hour:02}:{minute:02}:07.{millis:03}Z"));
        if row.is_multiple_of(2) {
            text(xml, "Description", &format!("Orders of shop {row} &amp; its returns, owned by team Größe"));
        }
        if row.is_multiple_of(3) {
            text(xml, "KMSKeyId", &format!("arn:aws:kms:{account}:key/{}", uuid(3)));
            element(xml, "AdditionalEncryptionContext", |xml| {
                context.iter().for_each(|(key, value)| pair(xml, "entry", ("key", key), ("value", value)));
            });
        }
        element(xml, "Tags", |xml| {
            tags.iter().take(row % 5).for_each(|(key, value)| pair(xml, "Tag", ("Key", key), ("Value", value)));
        });
    });
}

fn pair(xml: &mut String, name: &str, first: (&str, &str), second: (&str, &str)) {
    element(xml, name, |xml| {
        text(xml, first.0, first.1);
        text(xml, second.0, second.1);
    });
}

/// An element; one without content closes itself, as in AWS's own answers.
fn element(xml: &mut String, name: &str, content: impl FnOnce(&mut String)) {
    let mut inner = String::new();
    content(&mut inner);
    if inner.is_empty() {
        xml.extend(["<", name, "/>"]);
    } else {
        xml.extend(["<", name, ">", &inner, "</", name, ">"]);
    }
}

/// An element of text that is escaped already.
fn text(xml: &mut String, name: &str, value: &str) {
    element(xml, name, |xml| xml.push_str(value));
}
