//! `iql sandbox`, and `--sandbox`: starts the pretended AWS and points the real driver at it.

use std::io;
use std::path::{Path, PathBuf};

use crate::cli::args::Sandbox;
use crate::cli::output;
use crate::error::{Error, Result};
use crate::sandbox::{self, ACCOUNTS, Options, Running};
use crate::settings::{Environment, Secret, Settings, StaticCredentials};

/// Serves until interrupted.
///
/// # Errors
/// `Io`: the port is taken, or the folder cannot be used.
pub async fn serve(arguments: &Sandbox) -> Result<()> {
    let settings = Settings::from_environment(None)?;
    let running = sandbox::start(&Options {
        dir: folder(&settings, arguments.dir.as_deref()),
        port: arguments.port,
        ..Options::default()
    })
    .await
    .map_err(|error| if is_taken(&error) { error.with_hint("`--port 0` takes any that is free") } else { error })?;
    output::say(&format!("listening on {}", running.endpoint()))?;
    output::note(&format!(
        "for another client:\n  export AWS_ENDPOINT_URL={} AWS_ACCESS_KEY_ID=prod AWS_SECRET_ACCESS_KEY=sandbox AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n\
         the accounts are `prod` and `dev`; Ctrl-C ends it, its state stays",
        running.endpoint()
    ));
    running.stopped().await;
    Ok(())
}

fn is_taken(error: &Error) -> bool {
    let source = error.source.as_ref().and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() == io::ErrorKind::AddrInUse)
}

/// Starts a sandbox in this process and sends every AWS call there.
///
/// # Errors
/// `Io`: its folder cannot be used.
pub async fn point_at(settings: &mut Settings, dir: Option<&Path>) -> Result<Running> {
    let dir = folder(settings, dir);
    let running = sandbox::start(&Options { dir: dir.clone(), port: 0, ..Options::default() }).await?;
    // What is kept between runs is of the pretended accounts: apart from what is of the real ones.
    settings.state = dir;
    settings.aws.endpoint = Some(running.endpoint());
    settings.stays_here = true;
    // Hosts and keys in the environment are those of real services, which a run on the sandbox must not reach.
    let auth = settings.environment.get("IMMUTA_AUTH");
    let own = Environment::default().with("IMMUTA_HOST", running.endpoint());
    let own = own.with("IMMUTA_API_KEY", sandbox::IMMUTA_API_KEY);
    settings.environment = auth.into_iter().fold(own, |own, auth| own.with("IMMUTA_AUTH", auth));
    let known = |profile: &String| ACCOUNTS.iter().any(|account| account.profile == profile);
    let default = settings.aws.environment_profile.clone().filter(known);
    settings.aws.credentials = ACCOUNTS
        .iter()
        .map(|account| Some(account.profile))
        .chain([None])
        .map(|profile| {
            let (access_key_id, secret) = sandbox::credentials(profile.or(default.as_deref()));
            let credentials =
                StaticCredentials { access_key_id: access_key_id.to_string(), secret_access_key: Secret::new(secret) };
            (profile.map(String::from), credentials)
        })
        .collect();
    Ok(running)
}

fn folder(settings: &Settings, dir: Option<&Path>) -> PathBuf {
    dir.map(Path::to_path_buf).unwrap_or_else(|| settings.state.join("sandbox"))
}
