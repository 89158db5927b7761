//! How AWS is reached: one client for each profile and region, made when first needed, over one HTTP client.
//! Credentials come from aws-config's whole chain. Knows which calls exist as little as what they answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_sdk_redshift::Client;
use aws_sdk_redshift::config::retry::RetryConfig;
use aws_sdk_redshift::config::timeout::TimeoutConfig;
use aws_sdk_redshift::config::{
    BehaviorVersion, Builder, Credentials, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use tokio::sync::OnceCell;

use self::endpoint::Endpoint;
use crate::drivers::http;
use crate::error::{Error, Kind, Result, nearest};
use crate::settings::{self, Limits, Settings};

mod advice;
#[cfg(test)]
pub mod double;
mod early;
mod endpoint;
mod errors;
pub mod redshift;
mod regions;
mod rows;
mod whole;

/// A profile and a region: what a client is for.
type Key = (Option<String>, String);

#[derive(Debug)]
struct Aws {
    settings: settings::Aws,
    limits: Limits,
    http: SharedHttpClient,
    /// What aws-config found for a profile. Shared by its regions, so that credentials are fetched once.
    accounts: Mutex<HashMap<Option<String>, Arc<OnceCell<SdkConfig>>>>,
    clients: Mutex<HashMap<Key, Client>>,
}

impl Aws {
    fn new(settings: &Settings) -> Self {
        Aws {
            settings: settings.aws.clone(),
            limits: settings.limits.clone(),
            http: SharedHttpClient::new(http::Http::new(&settings.aws)),
            accounts: Mutex::default(),
            clients: Mutex::default(),
        }
    }

    /// The client for a profile and a region. `None` is the profile of the settings, or whom the environment says.
    ///
    /// # Errors
    /// `Credentials`: a profile that the settings' own credentials do not have. `Usage`: an endpoint that is no address.
    async fn client(&self, profile: Option<&str>, region: &str) -> Result<Client> {
        let key = (profile.map(String::from), region.to_string());
        if let Some(client) = lock(&self.clients).get(&key) {
            return Ok(client.clone());
        }
        if let Some(endpoint) = self.endpoint(profile, region).await {
            endpoint.check()?;
        }
        let client = Client::from_conf(self.configure(self.account(profile, region).await?, region));
        Ok(lock(&self.clients).entry(key).or_insert(client).clone())
    }

    /// Forgets a profile's clients and credentials, so that the next call finds those that were renewed meanwhile.
    fn forget(&self, profile: Option<&str>) {
        lock(&self.accounts).remove(&profile.map(String::from));
        lock(&self.clients).retain(|(of, _), _| of.as_deref() != profile);
    }

    /// The profile that a call is made with, if any was named anywhere.
    fn profile<'a>(&'a self, named: Option<&'a str>) -> Option<&'a str> {
        named.or(self.settings.profile.as_deref())
    }

    /// Where a profile's calls go, if not to the region's own address.
    async fn endpoint(&self, named: Option<&str>, region: &str) -> Option<Endpoint> {
        match &self.settings.endpoint {
            Some(url) => Some(Endpoint { url: url.clone(), is_ours: true }),
            None if !self.settings.credentials.is_empty() => None,
            None => Endpoint::found(&self.found(named, region).await),
        }
    }

    async fn account(&self, named: Option<&str>, region: &str) -> Result<Builder> {
        if !self.settings.credentials.is_empty() {
            return self.fixed(self.profile(named));
        }
        Ok(Builder::from(&self.found(named, region).await))
    }

    /// What aws-config found for a profile, now or before.
    async fn found(&self, named: Option<&str>, region: &str) -> SdkConfig {
        let cell = lock(&self.accounts).entry(named.map(String::from)).or_default().clone();
        cell.get_or_init(|| self.load(named, region)).await.clone()
    }

    fn fixed(&self, profile: Option<&str>) -> Result<Builder> {
        let known = &self.settings.credentials;
        let Some(credentials) = known.get(&profile.map(String::from)) else {
            let name = profile.unwrap_or_default();
            let error = Error::new(Kind::Credentials, format!("there is no profile `{name}`"));
            let names = || known.keys().flatten().map(String::as_str);
            return Err(match nearest(name, names()) {
                Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                None => error.with_hint(format!("the profiles are {}", names().collect::<Vec<_>>().join(", "))),
            });
        };
        let (id, secret) = (&credentials.access_key_id, credentials.secret_access_key.reveal());
        Ok(Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new(id, secret, None, None, "settings")))
    }

    /// What aws-config finds in the environment and in the profile's files. Reads files, and asks nobody yet.
    async fn load(&self, named: Option<&str>, region: &str) -> SdkConfig {
        let profile = self.profile(named);
        // Who hands out credentials is asked in the profile's own region, else in the call's. aws-config would ask the
        // instance, and wait a second where there is none.
        let own = ProfileFileRegionProvider::builder();
        let own = profile.into_iter().fold(own, |own, profile| own.profile_name(profile)).build();
        let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(own)
            .or_else(Region::new(region.to_string()))
            .region()
            .await;
        let identity = IdentityCache::lazy().load_timeout(self.limits.call).build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .identity_cache(identity)
            .region(region.clone());
        // The chain tries the environment's keys before the profile, and the instance's after a profile that does not
        // exist: a profile that was asked for by name means its own credentials and nobody else's.
        if let Some(profile) = profile {
            let config = ProviderConfig::default().with_http_client(self.http.clone()).with_region(region);
            let provider = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
            loader = loader.profile_name(profile).credentials_provider(provider);
        }
        loader.load().await
    }

    fn configure(&self, account: Builder, region: &str) -> aws_sdk_redshift::Config {
        let mut builder = account
            .region(Region::new(region.to_string()))
            .http_client(self.http.clone())
            // `drivers::retry` is the only policy: the SDK would repeat CreateIntegration after a lost answer.
            .retry_config(RetryConfig::disabled())
            // The time for a whole try, and so for a stream that stalls, is also kept there.
            .timeout_config(TimeoutConfig::builder().connect_timeout(self.limits.connect).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(whole::Whole);
        if let Some(endpoint) = &self.settings.endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        builder.build()
    }
}

/// A panic elsewhere leaves these maps whole: an entry is there or it is not.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
