//! What a row costs, from the wire into Arrow batches, against a bare loop over the SDK's own paginator in the same run.
//! The service is a double in a process of its own, which answers with pages that it rendered beforehand. Nothing here
//! fails for being slow: `cargo bench --bench read` prints a table, and a person reads it.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::convert::Infallible;
use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_redshift::Client;
use aws_sdk_redshift::config::retry::RetryConfig;
use aws_sdk_redshift::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use clap::Parser;
use comfy_table::{CellAlignment, Table};
use futures::TryStreamExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use iql::settings::{Secret, Settings, StaticCredentials};
use iql::{Engine, Session};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// What DescribeIntegrations gives at most.
const PAGE_ROWS: usize = 100;

/// What is measured besides the bare loop; each must find every row.
const STATEMENTS: &[(&str, &str)] = &[
    ("select *", "SELECT * FROM aws.redshift.integrations WHERE region = 'us-east-1'"),
    ("two columns", "SELECT integration_name, status FROM aws.redshift.integrations WHERE region = 'us-east-1'"),
    ("count(*)", "SELECT count(*) FROM aws.redshift.integrations WHERE region = 'us-east-1'"),
];

#[derive(Parser)]
struct Arguments {
    /// Rows that the service has
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// How often each is measured, in turns
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Measure only those with this in their name, besides the bare loop
    #[arg(long, default_value = "")]
    only: String,
    /// Be the double of the service, until standard input ends
    #[arg(long, hide = true)]
    double: bool,
    /// Cargo gives this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.double {
        return tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(arguments.rows));
    }
    // As the program itself runs its statements.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let double = Double::start(arguments.rows)?;
    let client = client(&double.endpoint);
    let session = session(&double.endpoint)?;

    let statements = STATEMENTS.iter().filter(|(name, _)| name.contains(&arguments.only));
    let mut results = vec![Measured::new("bare SDK loop")];
    results.extend(statements.clone().map(|(name, _)| Measured::new(name)));
    for round in 0..=arguments.rounds {
        let mut costs = vec![measure(&runtime, arguments.rows, bare(&client))?];
        for (_, sql) in statements.clone() {
            costs.push(measure(&runtime, arguments.rows, read(&session, sql))?);
        }
        // The first round warms up.
        if round > 0 {
            results.iter_mut().zip(costs).for_each(|(result, cost)| result.costs.push(cost));
        }
    }
    println!("{} rows, {} rounds", arguments.rows, arguments.rounds);
    println!("{}", table(&results, arguments.rows));
    Ok(())
}

/// The rows that the SDK's paginator finds, looked at as little as can be.
async fn bare(client: &Client) -> Result<usize> {
    let mut pages = client.describe_integrations().max_records(PAGE_ROWS as i32).into_paginator().send();
    let mut rows = 0;
    while let Some(page) = pages.try_next().await? {
        rows += page.integrations().iter().filter(|row| row.integration_name().is_some_and(|n| !n.is_empty())).count();
    }
    Ok(rows)
}

/// The rows of the batches that a statement gives; of a count, those that were read for it.
async fn read(session: &Session, sql: &str) -> Result<usize> {
    let mut outcome = session.run(sql).await?;
    let mut rows = 0;
    while let Some(batch) = outcome.rows.try_next().await? {
        rows += batch.num_rows();
    }
    Ok(if sql.contains("count(*)") { outcome.cost().rows as usize } else { rows })
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_redshift::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("nobody", "secret", None, None, "bench"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

fn session(endpoint: &str) -> Result<Session> {
    let credentials = StaticCredentials { access_key_id: "nobody".into(), secret_access_key: Secret::new("secret") };
    let mut settings = Settings::default();
    settings.aws.endpoint = Some(endpoint.into());
    settings.aws.credentials.insert(None, credentials);
    Ok(Engine::open(settings)?.session())
}

#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    /// Of all threads of this process, user and system.
    cpu: Duration,
}

struct Measured {
    name: &'static str,
    costs: Vec<Cost>,
}

impl Measured {
    fn new(name: &'static str) -> Self {
        Measured { name, costs: Vec::new() }
    }

    fn seconds(&self, of: fn(&Cost) -> Duration) -> Vec<f64> {
        self.costs.iter().map(|cost| of(cost).as_secs_f64()).collect()
    }
}

fn measure(runtime: &Runtime, expected: usize, work: impl Future<Output = Result<usize>>) -> Result<Cost> {
    let (started, cpu) = (Instant::now(), cpu()?);
    let rows = runtime.block_on(work)?;
    let cost = Cost { wall: started.elapsed(), cpu: self::cpu()?.saturating_sub(cpu) };
    if rows == expected { Ok(cost) } else { Err(format!("{rows} rows came, not {expected}").into()) }
}

/// Time on a processor of the threads that there are, to the nanosecond: the first field of each one's `schedstat`.
/// Nothing where there is no such file. No thread of ours ends between two readings.
fn cpu() -> Result<Duration> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Ok(Duration::ZERO) };
    let mut nanos = 0;
    for thread in threads {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Medians, and from least to most. A ratio is to the bare loop of the same round, so that what slows the machine down
/// for a while slows both.
fn table(results: &[Measured], rows: usize) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header([
        "",
        "wall s",
        "min–max",
        "µs/row",
        "ratio",
        "min–max",
        "CPU s",
        "min–max",
        "µs/row",
        "ratio",
        "min–max",
    ]);
    for result in results {
        let mut cells = vec![result.name.to_string()];
        for of in [|cost: &Cost| cost.wall, |cost: &Cost| cost.cpu] {
            let seconds = result.seconds(of);
            let ratios = seconds.iter().zip(results[0].seconds(of)).map(|(one, bare)| one / bare).collect();
            let (low, middle, high) = spread(seconds);
            cells.extend([format!("{middle:.3}"), format!("{low:.3}–{high:.3}")]);
            cells.push(format!("{:.2}", middle * 1e6 / rows as f64));
            let (low, middle, high) = spread(ratios);
            cells.extend([format!("{middle:.3}"), format!("{low:.2}–{high:.2}")]);
        }
        table.add_row(cells);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}

/// The double, seen from here. It ends when its standard input does: with this process at the latest.
struct Double {
    endpoint: String,
    process: Child,
}

impl Double {
    fn start(rows: usize) -> Result<Double> {
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

/// Renders every page, says where it listens, and answers.
async fn serve(rows: usize) -> Result<()> {
    let pages: Arc<[Bytes]> = (0..rows.div_ceil(PAGE_ROWS).max(1)).map(|number| page(number, rows)).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let pages = pages.clone();
        let service = service_fn(move |request| answer(request, pages.clone()));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// The page that the marker numbers.
async fn answer(request: Request<Incoming>, pages: Arc<[Bytes]>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let marker = form_urlencoded::parse(&body).find(|(name, _)| name == "Marker");
    let number = marker.and_then(|(_, number)| number.parse().ok()).unwrap_or(0_usize);
    let mut response = Response::new(Full::new(pages.get(number).cloned().unwrap_or_default()));
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("text/xml"));
    Ok(response)
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
