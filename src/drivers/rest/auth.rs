//! Credentials as a request carries them: read from their variables when first needed, and a token fetched for them.
//! Invariant: nothing here is ever shown; a token belongs to the base that gave it, and is sent nowhere else.

use std::collections::HashMap;
use std::time::Duration;

use aws_smithy_types::base64;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::answer::{self, About};
use super::exchange::{Exchange, Sent};
use super::place::Place;
use super::template::encoded;
use super::wiring::{Auth, Errors, Statuses, Way, When};
use crate::error::{Error, Kind, Result};
use crate::settings::{Environment, Secret};

/// A shorter key is none that anybody could keep: to hide it would hide words.
const SHORTEST: usize = 8;
/// A token is not used within this time of its end.
const MARGIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Keys {
    ways: Vec<Auth>,
    environment: Environment,
    /// By base and key.
    tokens: Mutex<HashMap<(String, String), Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    secret: Secret,
    /// When it is no longer good, as far as the service told.
    until: Option<Instant>,
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    None,
    Header(String, Secret),
    Query(String, Secret),
}

impl Credential {
    /// What of it is not to be shown: the whole, and what stands behind the scheme.
    pub fn secrets(&self) -> Vec<String> {
        let (Credential::Header(_, secret) | Credential::Query(_, secret)) = self else { return Vec::new() };
        let whole = secret.reveal();
        let behind = whole.split_once(' ').map(|(_, behind)| behind.to_string());
        let both = std::iter::once(whole.to_string()).chain(behind);
        both.filter(|secret| secret.len() >= SHORTEST).collect()
    }
}

/// How tokens are fetched.
pub struct Desk<'a> {
    pub service: &'a str,
    pub base: &'a str,
    pub exchange: &'a Exchange,
    pub errors: &'a Errors,
}

impl Keys {
    pub fn new(ways: Vec<Auth>, environment: &Environment) -> Self {
        Keys { ways, environment: environment.clone(), tokens: Mutex::default() }
    }

    /// The variable that the key comes from.
    pub fn variable(&self) -> Option<&str> {
        self.way().map(|auth| auth.env.as_str())
    }

    /// The values of every variable that a credential may be made of.
    pub fn secrets(&self) -> Vec<String> {
        let names = self.ways.iter().flat_map(|auth| match &auth.way {
            Way::Basic { user } => vec![&auth.env, user],
            _ => vec![&auth.env],
        });
        let values = names.filter_map(|name| self.environment.get(name));
        values.filter(|value| value.len() >= SHORTEST).collect()
    }

    /// Whether another credential may be had when one is not accepted.
    pub fn is_renewable(&self) -> bool {
        matches!(self.way().map(|auth| &auth.way), Some(Way::Login { .. } | Way::OAuth2 { .. }))
    }

    /// The first way whose condition holds.
    fn way(&self) -> Option<&Auth> {
        self.ways.iter().find(|auth| match &auth.when {
            When::Always => true,
            When::Set(variable) => self.environment.get(variable).is_some(),
            When::Is(variable, value) => {
                self.environment.get(variable).is_some_and(|given| given.eq_ignore_ascii_case(value))
            }
        })
    }

    /// A variable that chooses a way, and whose value chooses none.
    fn astray(&self, desk: &Desk<'_>) -> Option<Error> {
        let given = |auth: &Auth| match &auth.when {
            When::Is(variable, _) => Some((variable.clone(), self.environment.get(variable)?)),
            _ => None,
        };
        let known = |variable: &str| -> Vec<String> {
            let values = self.ways.iter().filter_map(|auth| match &auth.when {
                When::Is(name, value) if name == variable => Some(format!("`{value}`")),
                _ => None,
            });
            values.collect()
        };
        let unknown = self.ways.iter().filter_map(given).find(|(variable, value)| {
            !known(variable).iter().any(|known| known.trim_matches('`').eq_ignore_ascii_case(value))
        });
        let (variable, _) = unknown?;
        // Not its value: somebody may have put a key there.
        let values = known(&variable).join(" or ");
        let message =
            format!("`{variable}` says how {} is told who asks, and has no value that it may have", desk.service);
        let hint = format!("it may be {values}, or be left out");
        Some(Error::new(Kind::Credentials, message).with_context("nothing was sent").with_hint(hint))
    }

    /// No way's condition holds.
    fn no_way(&self, desk: &Desk<'_>) -> Error {
        let variables = self.ways.iter().filter_map(|auth| match &auth.when {
            When::Set(variable) => Some(format!("`{variable}`")),
            When::Is(variable, value) => Some(format!("`{variable}={value}`")),
            When::Always => None,
        });
        let listed = variables.collect::<Vec<_>>().join(" or ");
        Error::new(Kind::Credentials, format!("{} asks for a key, and none is set", desk.service))
            .with_context("nothing was sent")
            .with_hint(format!("set one in the environment: {listed}"))
    }

    /// What the next request to a base carries. `stale` was not accepted.
    ///
    /// # Errors
    /// `Credentials`: a variable that is not set, or a login that was refused; else what the login's request met.
    pub async fn credential(&self, desk: &Desk<'_>, stale: Option<&Credential>) -> Result<Credential> {
        if self.ways.is_empty() {
            return Ok(Credential::None);
        }
        if let Some(error) = self.astray(desk) {
            return Err(error);
        }
        let auth = self.way().ok_or_else(|| self.no_way(desk))?;
        let key = self.secret(desk, &auth.env)?;
        let with = |scheme: &Option<String>, secret: &Secret| {
            Secret::new(match scheme {
                Some(scheme) => format!("{scheme} {}", secret.reveal()),
                None => secret.reveal().to_string(),
            })
        };
        Ok(match &auth.way {
            Way::Header { name, scheme } => Credential::Header(name.clone(), with(scheme, &key)),
            Way::Query { name } => Credential::Query(name.clone(), key),
            Way::Basic { user } => {
                let user = self.secret(desk, user)?;
                Credential::Header("Authorization".into(), basic(&user, &key))
            }
            Way::Login { name, scheme, .. } => {
                let wrap = |token: &Secret| Credential::Header(name.clone(), with(scheme, token));
                self.token(desk, auth, &key, stale, wrap).await?
            }
            Way::OAuth2 { .. } => {
                let bearer = Some("Bearer".to_string());
                let wrap = |token: &Secret| Credential::Header("Authorization".into(), with(&bearer, token));
                self.token(desk, auth, &key, stale, wrap).await?
            }
        })
    }

    fn secret(&self, desk: &Desk<'_>, variable: &str) -> Result<Secret> {
        self.environment.secret(variable).ok_or_else(|| {
            Error::new(Kind::Credentials, format!("{} asks for a key, and `{variable}` is not set", desk.service))
                .with_context("nothing was sent")
                .with_hint(format!("set it in the environment: `export {variable}=…`"))
        })
    }

    /// The token at hand, or a new one. While one is fetched, whoever needs it waits: it is fetched once.
    async fn token(
        &self,
        desk: &Desk<'_>,
        auth: &Auth,
        key: &Secret,
        stale: Option<&Credential>,
        wrap: impl Fn(&Secret) -> Credential,
    ) -> Result<Credential> {
        let mut tokens = self.tokens.lock().await;
        let place = (desk.base.to_string(), key.reveal().to_string());
        if let Some(token) = tokens.get(&place) {
            let credential = wrap(&token.secret);
            let is_good = token.until.is_none_or(|until| Instant::now() < until);
            if is_good && stale != Some(&credential) {
                return Ok(credential);
            }
        }
        let token = self.fetch(desk, auth, key).await?;
        let credential = wrap(&token.secret);
        tokens.insert(place, token);
        Ok(credential)
    }

    async fn fetch(&self, desk: &Desk<'_>, auth: &Auth, key: &Secret) -> Result<Token> {
        let mut headers = vec![("Accept".to_string(), "application/json".to_string())];
        let (path, place, body) = match &auth.way {
            Way::Login { path, body, token, .. } => {
                headers.push(("Content-Type".into(), "application/json".into()));
                (path, token.clone(), filled(body, key).to_string())
            }
            Way::OAuth2 { path, client, scope, in_body } => {
                headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
                let client = self.secret(desk, client)?;
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "client_credentials");
                if let Some(scope) = scope {
                    form.append_pair("scope", scope);
                }
                if *in_body {
                    form.append_pair("client_id", client.reveal()).append_pair("client_secret", key.reveal());
                } else {
                    // RFC 6749, 2.3.1: both are encoded before they are joined.
                    let pair = basic(&Secret::new(encoded(client.reveal())), &Secret::new(encoded(key.reveal())));
                    headers.push(("Authorization".into(), pair.reveal().into()));
                }
                (path, Place::parse("access_token").unwrap_or_default(), form.finish())
            }
            _ => return Err(Error::new(Kind::Internal, "no token is fetched for such a key")),
        };
        let url = if path.starts_with('/') { format!("{}{path}", desk.base) } else { path.clone() };
        let about = About {
            service: desk.service,
            call: "login",
            does: Some("the login"),
            described: format!("POST {url}"),
            errors: desk.errors,
            statuses: &Statuses::default(),
            creates: false,
            permissions: &[],
            key: Some(&auth.env),
        };
        let sent = Sent { method: "POST", url, headers, body: Some(body.into_bytes()) };
        let incoming = desk.exchange.send(desk.service, &sent).await.map_err(|error| {
            // A login changes nothing: whatever became of it, the call itself was not sent.
            let kind = if error.kind == Kind::Transport { Kind::Unreachable } else { error.kind };
            Error { kind, ..error }.with_context(&about.described)
        })?;
        let answer = answer::json(&incoming, &about).map_err(|error| match error.kind {
            Kind::Refused | Kind::Denied | Kind::NotFound | Kind::Conflict => {
                Error { kind: Kind::Credentials, ..error }
            }
            Kind::Unavailable => Error { kind: Kind::Unreachable, ..error },
            _ => error,
        })?;
        let answer = answer.unwrap_or_default();
        let token = place.within(&answer).and_then(Value::as_str).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| {
            Error::new(Kind::Credentials, format!("{} answered the login without a token", desk.service))
                .with_context(&about.described)
        })?;
        let seconds = answer.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
        let until = seconds.map(|time| Instant::now() + time.saturating_sub(MARGIN.min(time / 2)));
        Ok(Token { secret: Secret::new(token), until })
    }
}

fn basic(user: &Secret, password: &Secret) -> Secret {
    Secret::new(format!("Basic {}", base64::encode(format!("{}:{}", user.reveal(), password.reveal()))))
}

/// The login's body, with the key where `{key}` stands.
fn filled(body: &Value, key: &Secret) -> Value {
    match body {
        Value::String(text) => Value::String(text.replace("{key}", key.reveal())),
        Value::Array(items) => items.iter().map(|item| filled(item, key)).collect(),
        Value::Object(members) => members.iter().map(|(name, item)| (name.clone(), filled(item, key))).collect(),
        other => other.clone(),
    }
}
