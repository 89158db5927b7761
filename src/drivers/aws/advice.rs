//! What to do about credentials that are missing or not accepted: hints that name the profile and its kind.
//! Reads the profiles' names and whether they sign in by SSO, and no secret.

use aws_config::profile::{Profile, ProfileSet};

use super::Aws;
use super::errors::is_unprovided;
use crate::error::{Error, nearest};

impl Aws {
    /// Adds to an error of the kind `Credentials` what would help.
    pub(super) async fn advise(&self, error: Error, named: Option<&str>) -> Error {
        if !self.settings.credentials.is_empty() {
            return error;
        }
        let (fs, env, files) = Default::default();
        let Ok(profiles) = aws_config::profile::load(&fs, &env, &files, None).await else { return error };
        match (self.profile(named), self.settings.environment_profile.as_deref()) {
            (Some(name), _) => about_profile(error, &profiles, name, Source::Profile),
            (None, Some(name)) => about_profile(error, &profiles, name, Source::Anywhere),
            (None, None) => about_none(error, &profiles),
        }
    }
}

/// Where the credentials of a call with a profile come from.
enum Source {
    Profile,
    /// The environment's keys go before a profile that `AWS_PROFILE` alone names.
    Anywhere,
}

fn about_profile(mut error: Error, profiles: &ProfileSet, name: &str, source: Source) -> Error {
    let Some(profile) = profiles.get_profile(name) else {
        error.message = format!("there is no AWS profile `{name}`");
        return match nearest(name, profiles.profiles()) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => match list(profiles) {
                Some(names) => error.with_hint(format!("the profiles are {names}")),
                None => error.with_hint(format!("`aws configure --profile {name}` makes it")),
            },
        };
    };
    error.context.push(format!("profile {name}"));
    match signs_in(profiles, profile) {
        Some(source) => error.with_hint(format!("`aws sso login --profile {source}` signs in again")),
        None if is_unprovided(&error) => {
            error.with_hint(format!("the profile has no credentials: `aws configure --profile {name}` gives it some"))
        }
        None => match source {
            Source::Profile => {
                error.with_hint(format!("renew the credentials of the profile `{name}`, then run the statement again"))
            }
            Source::Anywhere => error.with_hint(format!(
                "renew what `AWS_ACCESS_KEY_ID` holds or, where it is not set, the credentials of the profile `{name}`"
            )),
        },
    }
}

fn about_none(error: Error, profiles: &ProfileSet) -> Error {
    if let Some(source) = profiles.get_profile("default").and_then(|profile| signs_in(profiles, profile)) {
        return error.with_hint(format!("`aws sso login --profile {source}` signs in again"));
    }
    if !is_unprovided(&error) {
        return error.with_hint(
            "renew them where they come from: the environment, the profile `default`, the container or the instance",
        );
    }
    match list(profiles) {
        Some(names) => {
            error.with_hint(format!("name a profile by `--profile` or `AWS_PROFILE`: the profiles are {names}"))
        }
        None => error
            .with_hint(
                "`aws configure sso` or `aws configure` makes a profile; \
                 `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` do without",
            )
            .with_hint("`--sandbox` needs no account"),
    }
}

/// The profile that has to sign in by SSO for this one to have credentials.
fn signs_in<'a>(profiles: &'a ProfileSet, profile: &'a Profile) -> Option<&'a str> {
    let mut profile = profile;
    // A profile may name another as its source, and that another: a circle is somebody else's complaint.
    for _ in 0..8 {
        if profile.get("sso_session").is_some() || profile.get("sso_start_url").is_some() {
            return Some(profile.name());
        }
        profile = profiles.get_profile(profile.get("source_profile")?)?;
    }
    None
}

fn list(profiles: &ProfileSet) -> Option<String> {
    let mut names: Vec<_> = profiles.profiles().map(|name| format!("`{name}`")).collect();
    names.sort_unstable();
    (!names.is_empty()).then(|| names.join(", "))
}
