//! What a row costs, from the wire into Arrow batches, against a bare loop over the SDK's own paginator in the same run.
//! The service is a double in a process of its own. Nothing here fails for being slow: `cargo bench --bench read` prints
//! a table, and a person reads it. `--double` and `--bare` are the double and the bare loop alone, for `benches/run`.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::error::Error;
use std::time::{Duration, Instant};

use aws_sdk_redshift::Client;
use aws_sdk_redshift::config::retry::RetryConfig;
use aws_sdk_redshift::config::{BehaviorVersion, Credentials, Region};
use clap::Parser;
use comfy_table::{CellAlignment, Table};
use double::{Behaviour, Double, PAGE_ROWS};
use futures::TryStreamExt;
use iql::settings::{Secret, Settings, StaticCredentials};
use iql::{Engine, Session};
use tokio::runtime::Runtime;

mod double;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// What is measured besides the bare loop; each must find every row.
const STATEMENTS: &[(&str, &str)] = &[
    ("select *", "SELECT * FROM aws.redshift.integrations WHERE region = 'us-east-1'"),
    ("two columns", "SELECT integration_name, status FROM aws.redshift.integrations WHERE region = 'us-east-1'"),
    ("count(*)", "SELECT count(*) FROM aws.redshift.integrations WHERE region = 'us-east-1'"),
];

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    behaviour: Behaviour,
    /// How often each is measured, in turns
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Measure only those with this in their name, besides the bare loop
    #[arg(long, default_value = "")]
    only: String,
    /// Be the double of the service, until standard input ends
    #[arg(long)]
    double: bool,
    /// Count the rows that the service at this address has, by the bare loop, and print how many there are
    #[arg(long, value_name = "URL")]
    bare: Option<String>,
    /// Cargo gives this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let rows = arguments.behaviour.rows;
    if arguments.double {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(double::serve(arguments.behaviour));
    }
    // As the program itself runs its statements.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(endpoint) = &arguments.bare {
        println!("{}", runtime.block_on(bare(&client(endpoint)))?);
        return Ok(());
    }
    let double = Double::start(rows)?;
    let client = client(&double.endpoint);
    let session = session(&double.endpoint)?;

    let statements = STATEMENTS.iter().filter(|(name, _)| name.contains(&arguments.only));
    let mut results = vec![Measured::new("bare SDK loop")];
    results.extend(statements.clone().map(|(name, _)| Measured::new(name)));
    for round in 0..=arguments.rounds {
        let mut costs = vec![measure(&runtime, rows, bare(&client))?];
        for (_, sql) in statements.clone() {
            costs.push(measure(&runtime, rows, read(&session, sql))?);
        }
        // The first round warms up.
        if round > 0 {
            results.iter_mut().zip(costs).for_each(|(result, cost)| result.costs.push(cost));
        }
    }
    println!("{rows} rows, {} rounds", arguments.rounds);
    println!("{}", table(&results, rows));
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
