//! Statements run by the program itself, against the sandbox that the test serves: to their end, killed, interrupted once
//! or twice, terminated, or with a reader that leaves. Holds its exit code against README, "Exit codes".

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use iql::sandbox::IMMUTA_API_KEY;
use serde_json::Value;

use super::drive::Said;
use super::governed::{SECRET, VALUE};
use super::model::Ended;
use super::plan::Terms;
use super::world::World;
use crate::canary;
use crate::cli::Home;

/// What is done to the program after so many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    None,
    Kill(usize),
    Interrupt(usize),
    InterruptTwice(usize),
    Terminate(usize),
    /// The reader of its rows leaves.
    Leave,
}

impl Blow {
    pub fn some(rng: &mut fastrand::Rng) -> Blow {
        let after = rng.usize(0..6);
        match rng.u8(0..10) {
            0 | 1 => Blow::Kill(after),
            2 => Blow::Interrupt(after),
            3 => Blow::InterruptTwice(after),
            4 => Blow::Terminate(after),
            5 => Blow::Leave,
            _ => Blow::None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Blow::None => "none",
            Blow::Kill(_) => "SIGKILL",
            Blow::Interrupt(_) => "SIGINT",
            Blow::InterruptTwice(_) => "SIGINT twice",
            Blow::Terminate(_) => "SIGTERM",
            Blow::Leave => "reader left",
        }
    }
}

/// How it is run besides.
#[derive(Debug, Clone)]
pub struct Manner {
    pub blow: Blow,
    pub keep_going: bool,
    pub verbose: bool,
    pub dry_run: bool,
    /// Rows go to a file, which has its name when it is whole.
    pub to_file: bool,
    pub format: &'static str,
}

impl Manner {
    pub fn some(rng: &mut fastrand::Rng) -> Manner {
        let format = rng.choice(&["table", "json", "jsonl", "csv", "text", "markdown"]).expect("one");
        Manner {
            blow: Blow::some(rng),
            keep_going: rng.bool(),
            verbose: rng.u8(0..3) == 0,
            dry_run: rng.u8(0..12) == 0,
            to_file: rng.u8(0..6) == 0,
            format,
        }
    }

    pub fn plain() -> Manner {
        let (keep_going, verbose, dry_run, to_file) = (false, false, false, false);
        Manner { blow: Blow::None, keep_going, verbose, dry_run, to_file, format: "jsonl" }
    }
}

fn command(home: &Home, world: &World, sql: &str, terms: &Terms, manner: &Manner) -> Command {
    let mut command = home.command(&["exec", "--yes", "--audit", "audit.jsonl", "-o", manner.format]);
    for (flag, is_set) in [
        ("--keep-going", manner.keep_going),
        ("--verbose", manner.verbose),
        ("--partial", terms.partial),
        ("--read-only", terms.read_only),
        ("--dry-run", manner.dry_run),
        ("--outfile=rows", manner.to_file),
    ] {
        command.args(is_set.then_some(flag));
    }
    command.args(terms.max_calls.iter().flat_map(|most| ["--max-calls".to_string(), most.to_string()]));
    let timeout = terms.timeout.iter();
    command.args(timeout.flat_map(|time| ["--timeout".to_string(), format!("{}ms", time.as_millis())]));
    command.arg(sql);
    let endpoint = world.sandbox.endpoint();
    command.env("AWS_ENDPOINT_URL_REDSHIFT", &endpoint).env("IMMUTA_HOST", &endpoint);
    command.env("AWS_ACCESS_KEY_ID", "prod").env("AWS_SECRET_ACCESS_KEY", "canary-of-aws");
    command.env("IMMUTA_API_KEY", IMMUTA_API_KEY).env(SECRET, VALUE);
    if terms.login {
        command.env("IMMUTA_AUTH", "login");
    }
    if manner.verbose {
        command.env("RUST_LOG", "trace").env("IQL_LOG", "trace");
    }
    command
        .env("IQL_TRIES", terms.tries.to_string())
        .env("IQL_BACKOFF", "1ms")
        .env("IQL_CALL_TIMEOUT", format!("{}ms", terms.call.as_millis()));
    command.env("IQL_WRITES_IN_FLIGHT", terms.writes_in_flight.to_string()).env("IQL_AWAIT_POLL", "5ms");
    command
        .env("IQL_AWAIT_TIME", format!("{}s", terms.await_time.as_secs()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn signal(child: &Child, name: &str) {
    // A program that has just ended is nobody to send it to.
    Command::new("sh").args(["-c", &format!("kill -{name} {} 2>/dev/null", child.id())]).status().expect("sh runs");
}

/// Waits until so many requests have been made, or the program has ended.
fn until(child: &mut Child, world: &World, count: usize) {
    let begun = Instant::now();
    while world.sandbox.requests().len() < count
        && child.try_wait().expect("a child").is_none()
        && begun.elapsed() < Duration::from_secs(2)
    {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a script, and what is wrong with how the program ended.
pub async fn run(world: &Arc<World>, sql: &str, terms: &Terms, manner: &Manner) -> (Said, Vec<String>) {
    let (world, terms, manner, sql) = (world.clone(), terms.clone(), manner.clone(), sql.to_string());
    tokio::task::spawn_blocking(move || of_process(&world, &sql, &terms, &manner)).await.expect("a run")
}

fn of_process(world: &World, sql: &str, terms: &Terms, manner: &Manner) -> (Said, Vec<String>) {
    let home = Home::new();
    home.write(".aws/credentials", "[dev]\naws_access_key_id = dev\naws_secret_access_key = canary-of-dev\n[prod]\naws_access_key_id = prod\naws_secret_access_key = canary-of-prod\n");
    home.write(".aws/config", "[profile dev]\n[profile prod]\n");
    let mut child = command(&home, world, sql, terms, manner).spawn().expect("iql runs");
    let (mut stdout, mut stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let leaves = manner.blow == Blow::Leave;
    let rows = std::thread::spawn(move || {
        let mut text = Vec::new();
        if !leaves {
            stdout.read_to_end(&mut text).expect("read");
        }
        drop(stdout);
        text
    });
    let told = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).expect("read");
        text
    });
    match manner.blow {
        Blow::None | Blow::Leave => {}
        Blow::Kill(after) => {
            until(&mut child, world, after);
            child.kill().expect("killed");
        }
        Blow::Interrupt(after) | Blow::InterruptTwice(after) => {
            until(&mut child, world, after);
            signal(&child, "INT");
            if matches!(manner.blow, Blow::InterruptTwice(_)) {
                std::thread::sleep(Duration::from_millis(3));
                signal(&child, "INT");
            }
        }
        Blow::Terminate(after) => {
            until(&mut child, world, after);
            signal(&child, "TERM");
        }
    }
    let begun = Instant::now();
    let mut wrong = Vec::new();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(60) {
            wrong.push("the program hangs".into());
            child.kill().expect("killed");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let [stdout, stderr] =
        [rows, told].map(|thread| String::from_utf8_lossy(&thread.join().expect("read")).into_owned());
    for text in [stdout.clone(), stderr.clone()].into_iter().chain(canary::written(home.path())) {
        if canary::is_secret(&text) || text.contains(IMMUTA_API_KEY) {
            wrong.push(format!("a secret is shown:\n{text}"));
        }
    }
    let code = status.code();
    let has_error = stderr.lines().any(|line| line.starts_with("error: "));
    let is_partial = stderr.contains("partial result: ");
    let (was_hit, may_be_130) = match manner.blow {
        Blow::None | Blow::Leave => (false, false),
        Blow::Kill(_) => (true, false),
        _ => (true, true),
    };
    let fits = match code {
        Some(0) => !has_error && (!is_partial || manner.blow == Blow::Leave),
        Some(1) => has_error,
        Some(3) => !has_error && is_partial && terms.partial,
        Some(130) => has_error && may_be_130,
        // Killed by the signal before it listened, or by the one that nobody hears.
        None => was_hit,
        _ => false,
    };
    if !fits || stderr.contains("panicked") {
        wrong.push(format!("the exit code is {code:?}, and the program says:\n{stderr}"));
    }
    let ended = match code {
        None => Ended::Killed,
        Some(0 | 3) => Ended::Well,
        _ => Ended::Badly,
    };
    let file = std::fs::read_to_string(home.path().join("rows")).ok();
    let is_kept = matches!(code, Some(0 | 3)) || stderr.contains("`rows` has the rows of what was done");
    if manner.to_file && is_kept != file.is_some() && code.is_some() && !manner.keep_going {
        wrong.push(format!("the exit code is {code:?}, and the file of rows is {file:?}"));
    }
    let shown = if manner.to_file { file.unwrap_or_default() } else { stdout };
    let rows: Vec<Value> = match manner.format {
        "jsonl" if !manner.dry_run => shown.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
        _ => Vec::new(),
    };
    let warnings = if is_partial { stderr.clone() } else { String::new() };
    let log = std::fs::read_to_string(home.path().join("audit.jsonl")).ok();
    (Said { ended, report: stderr, rows, warnings, log: log.or(Some(String::new())) }, wrong)
}
