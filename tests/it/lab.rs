//! A sandbox of its own for each test, an engine that points at it, and what was asked of it.

use arrow::array::RecordBatch;
use arrow::json::LineDelimitedWriter;
use futures::{StreamExt, TryStreamExt};
use iql::error::Error;
use iql::sandbox::{self, Fault, Running, Trouble};
use iql::settings::{Environment, Secret, Settings, StaticCredentials};
use iql::{Engine, Outcome, Session};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub struct Lab {
    pub sandbox: Running,
    pub engine: Arc<Engine>,
    pub session: Session,
    dir: TempDir,
}

/// Settings that reach nothing but a sandbox, and are quick to try again.
pub fn settings(sandbox: &Running) -> Settings {
    let mut settings = Settings::default();
    settings.aws.endpoint = Some(sandbox.endpoint());
    for profile in [None, Some("prod"), Some("dev")] {
        let (id, secret) = sandbox::credentials(profile);
        let credentials = StaticCredentials { access_key_id: id.to_string(), secret_access_key: Secret::new(secret) };
        settings.aws.credentials.insert(profile.map(String::from), credentials);
    }
    settings.environment =
        Environment::default().with("IMMUTA_HOST", sandbox.endpoint()).with("IMMUTA_API_KEY", sandbox::IMMUTA_API_KEY);
    settings.limits.backoff = Duration::from_millis(1);
    settings
}

/// The rows as JSON objects.
pub async fn rows(session: &Session, sql: &str) -> Result<Vec<Value>, Error> {
    Ok(json(&session.run(sql).await?.rows.try_collect::<Vec<_>>().await?))
}

/// The rows of an outcome; with an error those before it.
pub async fn rows_of(outcome: &mut Outcome) -> Result<Vec<Value>, (Vec<Value>, Error)> {
    let mut found = Vec::new();
    while let Some(batch) = outcome.rows.next().await {
        match batch {
            Ok(batch) => found.extend(json(&[batch])),
            Err(error) => return Err((found, error)),
        }
    }
    Ok(found)
}

fn json(batches: &[RecordBatch]) -> Vec<Value> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    batches.iter().for_each(|batch| writer.write(batch).expect("JSON"));
    writer.finish().expect("JSON");
    let text = String::from_utf8(writer.into_inner()).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

impl Lab {
    pub async fn new() -> Lab {
        Lab::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Lab {
        let dir = tempfile::tempdir().expect("a folder");
        let options = sandbox::Options { dir: dir.path().join("sandbox"), ..Default::default() };
        let sandbox = sandbox::start(&options).await.expect("a sandbox");
        let mut settings = settings(&sandbox);
        settings.state = dir.path().join("state");
        change(&mut settings);
        let engine = Engine::open(settings).expect("an engine");
        Lab { sandbox, session: engine.session(), engine, dir }
    }

    /// The folder in which things are kept between runs.
    pub fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    pub async fn batches(&self, sql: &str) -> Result<Vec<RecordBatch>, Error> {
        self.session.run(sql).await?.rows.try_collect().await
    }

    /// The rows as JSON objects.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Value>, Error> {
        rows(&self.session, sql).await
    }

    /// Runs a statement to its end: what its report says.
    pub async fn notices(&self, sql: &str) -> Result<Vec<String>, Error> {
        let outcome = self.session.run(sql).await?;
        let notices = outcome.notices.clone();
        outcome.rows.try_collect::<Vec<_>>().await?;
        Ok(notices)
    }

    pub async fn count(&self, sql: &str) -> Result<usize, Error> {
        Ok(self.batches(sql).await?.iter().map(RecordBatch::num_rows).sum())
    }

    pub fn trouble(&self, after: u64, times: Option<u64>, trouble: Trouble) {
        self.sandbox.add_fault(Fault { action: None, region: None, account: None, after, times, trouble });
    }

    /// What was asked of the sandbox since the last time: action, region, and the parameters that are no paging.
    pub fn asked(&self) -> Vec<String> {
        let served = self.sandbox.requests();
        self.sandbox.clear_requests();
        let line = |request: &sandbox::Served| {
            let paging = |name: &str| name == "MaxRecords" || name == "Marker";
            let parameters = request.parameters.iter().filter(|(name, _)| !paging(name));
            let parameters: Vec<String> = parameters.map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{} {}{}", request.action, request.region, parameters.concat())
        };
        served.iter().map(line).collect()
    }
}
