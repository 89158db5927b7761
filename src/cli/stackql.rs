//! What StackQL's `--auth`, `--registry` and `--approot` mean here.

use std::path::{Path, PathBuf};

use crate::cli::args::Stackql;
use crate::error::{Error, Kind, Result};
use crate::script::Variables;
use crate::settings::{Settings, StaticCredentials};

/// Lays the flags on the settings; what comes back is worth saying.
///
/// # Errors
/// `Usage`: an `--auth` that cannot be followed.
pub fn apply(flags: &Stackql, settings: &mut Settings) -> Result<Vec<String>> {
    if let Some(auth) = &flags.auth {
        follow(auth, settings)?;
    }
    let mut notices = Vec::new();
    let registry = flags.registry.as_deref().map(|text| ("--registry", folders(text)));
    let approot = flags.approot.as_ref().map(|path| ("--approot", vec![path.clone(), path.join("src")]));
    for (flag, folders) in registry.into_iter().chain(approot) {
        match folders.into_iter().find(|folder| holds_documents(folder)) {
            Some(folder) => {
                settings.providers.get_or_insert(folder);
            }
            None => notices.push(format!(
                "`{flag}` does nothing: no document of iql's is there; SHOW PROVIDERS lists what is known"
            )),
        }
    }
    Ok(notices)
}

/// The folders that a registry's description names.
fn folders(text: &str) -> Vec<PathBuf> {
    if !text.trim_start().starts_with('{') {
        return vec![PathBuf::from(text)];
    }
    let Ok(object) = Variables::read(Path::new("registry.json"), text) else { return Vec::new() };
    let named = ["url", "localDocRoot"].into_iter().filter_map(|key| object.get(key));
    let named = named.filter_map(|value| value.as_str().map(String::from));
    let named = named.filter(|text| text.starts_with("file://") || !text.contains("://"));
    let paths = named.map(|text| PathBuf::from(text.strip_prefix("file://").unwrap_or(&text)));
    paths.flat_map(|path| [path.join("src"), path]).collect()
}

/// Whether there is a `provider/service.yaml` with a driver of ours.
fn holds_documents(folder: &Path) -> bool {
    let below = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_document = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ending == "yaml")
            && std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.starts_with("driver:")))
    };
    below(folder).any(|provider| provider.is_dir() && below(&provider).any(|path| is_document(&path)))
}

fn follow(text: &str, settings: &mut Settings) -> Result<()> {
    let wrong = |message: String| Error::new(Kind::Usage, message).with_context("nothing was sent");
    let ending = if text.trim_start().starts_with('{') { "auth.json" } else { "auth.yaml" };
    let auth = Variables::read(Path::new(ending), text).map_err(|error| {
        wrong("`--auth` is no object of providers".into()).with_context(error.message).with_hint(
            "`{\"aws\": {\"type\": \"aws_signing_v4\", \"keyIDenvvar\": \"…\", \"credentialsenvvar\": \"…\"}}`",
        )
    })?;
    for provider in auth.names(None) {
        let get = |key: &str| auth.get(&format!("{provider}.{key}")).and_then(|value| value.as_str().map(String::from));
        let kind = get("type").unwrap_or_default();
        let variable = |keys: &[&str]| {
            let name = keys.iter().find_map(|key| get(key));
            name.ok_or_else(|| {
                wrong(format!("`--auth` for `{provider}` names no environment variable: `{}` does", keys[0]))
            })
        };
        let secret = |name: &str| {
            let unset = || wrong(format!("`--auth` for `{provider}`: `{name}` is not set in the environment"));
            settings.environment.secret(name).ok_or_else(unset)
        };
        match (provider.as_str(), kind.as_str()) {
            (_, "null_auth") => {}
            ("aws" | "awscc", "aws_signing_v4") => {
                let (id, key) = (variable(&["keyIDenvvar"])?, variable(&["credentialsenvvar"])?);
                let (access, secret_access_key) = (secret(&id)?, secret(&key)?);
                // Where everybody has them they are found anyway, with the session's token.
                if (id.as_str(), key.as_str()) != ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") {
                    let access_key_id = access.reveal().to_string();
                    if settings.aws.credentials.get(&None).is_some_and(|known| known.access_key_id != access_key_id) {
                        return Err(wrong("`--auth` gives `aws` and `awscc` different credentials".into())
                            .with_hint("name the accounts by `profile IN ('…', '…')`"));
                    }
                    settings.aws.credentials.insert(None, StaticCredentials { access_key_id, secret_access_key });
                }
            }
            ("aws" | "awscc", "aws_assume_role") => {
                return Err(wrong(format!("`--auth` for `{provider}`: a role is assumed by a profile here"))
                    .with_hint("`--profile NAME`, with `role_arn` in that profile of the AWS configuration"));
            }
            ("immuta", "api_key" | "bearer") => {
                let key = secret(&variable(&["api_key_var", "credentialsenvvar"])?)?;
                settings.environment = std::mem::take(&mut settings.environment).with("IMMUTA_API_KEY", key.reveal());
            }
            ("aws" | "awscc" | "immuta", kind) => {
                let known = if provider == "immuta" { "api_key" } else { "aws_signing_v4" };
                return Err(wrong(format!("`--auth` for `{provider}`: the type `{kind}` is not possible"))
                    .with_hint(format!("`{known}` is, with the names of environment variables")));
            }
            _ => {
                return Err(wrong(format!("`--auth` knows no provider `{provider}`"))
                    .with_hint("a document says which environment variables its credentials are in: SHOW PROVIDERS"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Environment;

    fn followed(text: &str) -> Result<Settings> {
        let environment = Environment::default().with("ID", "AKIA").with("KEY", "hidden").with("OTHER", "AKIB");
        let mut settings = Settings { environment, ..Settings::default() };
        follow(text, &mut settings).map(|()| settings)
    }

    #[test]
    fn auth_names_environment_variables() {
        let text = r#"{"aws": {"type": "aws_signing_v4", "keyIDenvvar": "ID", "credentialsenvvar": "KEY"}, "immuta": {"type": "api_key", "api_key_var": "KEY"}}"#;
        let settings = followed(text).expect("settings");
        let credentials = settings.aws.credentials.get(&None).expect("credentials");
        assert_eq!((credentials.access_key_id.as_str(), credentials.secret_access_key.reveal()), ("AKIA", "hidden"));
        assert_eq!(settings.environment.get("IMMUTA_API_KEY").as_deref(), Some("hidden"));
        let yaml = "awscc: {type: aws_signing_v4, keyIDenvvar: ID, credentialsenvvar: KEY}";
        assert!(followed(yaml).expect("settings").aws.credentials.contains_key(&None));
    }

    #[test]
    fn what_auth_cannot_be() {
        for (text, expected) in [
            ("[1]", "`--auth` is no object of providers"),
            ("{", "`--auth` is no object of providers"),
            (
                r#"{"aws": {"type": "aws_signing_v4"}}"#,
                "`--auth` for `aws` names no environment variable: `keyIDenvvar` does",
            ),
            (
                r#"{"aws": {"type": "aws_signing_v4", "keyIDenvvar": "ID", "credentialsenvvar": "NO"}}"#,
                "`--auth` for `aws`: `NO` is not set in the environment",
            ),
            (r#"{"aws": {"type": "aws_assume_role"}}"#, "`--auth` for `aws`: a role is assumed by a profile here"),
            (r#"{"immuta": {"type": "basic"}}"#, "`--auth` for `immuta`: the type `basic` is not possible"),
            (r#"{"google": {"type": "service_account"}}"#, "`--auth` knows no provider `google`"),
            (
                r#"{"aws": {"type": "aws_signing_v4", "keyIDenvvar": "ID", "credentialsenvvar": "KEY"}, "awscc": {"type": "aws_signing_v4", "keyIDenvvar": "OTHER", "credentialsenvvar": "KEY"}}"#,
                "`--auth` gives `aws` and `awscc` different credentials",
            ),
        ] {
            assert_eq!(followed(text).expect_err(text).message, expected);
        }
    }
}
