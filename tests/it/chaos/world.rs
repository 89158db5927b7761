//! A sandbox for many runs, one after the other, with an engine for each way to log in.

use std::sync::Arc;
use std::time::Duration;

use iql::Engine;
use iql::sandbox::{self, Controls, Running};
use iql::settings::{Environment, Secret, Secrets, Settings};
use tempfile::TempDir;

use super::governed::{SECRET, VALUE};
use super::plan::Terms;
use super::raw::Raw;
use super::reads::{Known, known};
use crate::canary;
use crate::lab;

pub struct World {
    pub sandbox: Running,
    pub raw: Raw,
    /// What there is to read.
    pub known: Known,
    engines: [Arc<Engine>; 2],
    dir: TempDir,
}

fn settings(sandbox: &Running, dir: &TempDir) -> Settings {
    let mut settings = lab::settings(sandbox);
    for credentials in settings.aws.credentials.values_mut() {
        credentials.secret_access_key = Secret::new("canary-of-aws".to_string());
    }
    settings.state = dir.path().join("state");
    settings.writes.await_poll = Duration::from_millis(5);
    settings.writes.await_time = Duration::from_secs(60);
    settings.writes.audit = Some(dir.path().join("audit.jsonl"));
    settings.secrets = Secrets { environment: Environment::default().with(SECRET, VALUE), path: None };
    settings
}

impl World {
    pub async fn new() -> World {
        let dir = tempfile::tempdir().expect("a folder");
        let options = sandbox::Options { dir: dir.path().join("sandbox"), ..Default::default() };
        let sandbox = sandbox::start(&options).await.expect("a sandbox");
        let plain = settings(&sandbox, &dir);
        let mut login = plain.clone();
        login.environment = login.environment.with("IMMUTA_AUTH", "login");
        let engines = [plain, login].map(|settings| Engine::open(settings).expect("an engine"));
        let raw = Raw { address: sandbox.endpoint().trim_start_matches("http://").to_string() };
        let known = known(&raw).await;
        World { raw, known, engines, sandbox, dir }
    }

    pub fn engine(&self, login: bool) -> &Arc<Engine> {
        &self.engines[usize::from(login)]
    }

    pub fn set(&self, terms: &Terms) {
        let (change, token_seconds) = (terms.change, terms.token);
        let controls = Controls {
            creating_seconds: change,
            modifying_seconds: 0.0,
            deleting_seconds: change,
            token_seconds,
            ..Controls::default()
        };
        self.sandbox.set_controls(&controls).expect("controls");
    }

    /// The secrets in what was written to files, but for the sandbox's own.
    pub fn escaped(&self) -> Option<String> {
        canary::written(self.dir.path()).into_iter().find(|text| canary::is_secret(text))
    }
}
