//! Flags over environment over the settings file over defaults, in one place. The only reader of the environment.
//! Knows no room. Secrets are wrapped, so that no report, log or panic can show them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Kind, Place, Result, nearest, reason};

mod declarations;
mod mask;
mod person;
mod secrets;

pub use declarations::{DECLARATIONS, Declaration, bytes, duration};
pub use mask::Mask;
pub use person::Person;
pub use secrets::Secrets;

/// Everything that can be set from outside. `Settings::default()` reads nothing.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A folder of provider documents that add to the embedded ones, or replace those of the same path.
    pub providers: Option<PathBuf>,
    /// What begins a table's name that is not written in full: `awscc`, or `awscc.redshift`.
    pub provider: Option<String>,
    /// Where things are kept between runs.
    pub state: PathBuf,
    pub limits: Limits,
    pub writes: Writes,
    /// Whether a query goes on without the rows of calls that failed.
    pub partial: bool,
    pub aws: Aws,
    /// Where the documents' params and credentials have their values from.
    pub environment: Environment,
    /// Where `secret('NAME')` has its value from.
    pub secrets: Secrets,
    pub person: Person,
    /// No request leaves this machine (the sandbox).
    pub stays_here: bool,
}

/// What a statement may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Calls in flight, over all services and regions.
    pub calls_in_flight: usize,
    /// Calls in flight to one service in one region.
    pub calls_per_region: usize,
    /// Calls that one statement may make; a page is a call, a repeat is not.
    pub max_calls: Option<u64>,
    /// Bytes that one statement may hold in memory, the session's tables included; sorts, aggregates and shared pages go
    /// to files beyond it.
    pub memory: Option<usize>,
    /// Time for one statement.
    pub statement: Option<Duration>,
    /// Time for one try of one call, from the connection to the last byte.
    pub call: Duration,
    /// Time to connect.
    pub connect: Duration,
    /// How often one call is tried, the first time included.
    pub tries: u32,
    /// For how long one call is tried again, waiting included.
    pub retry: Duration,
    /// The first wait before a repeat; it doubles from there, with jitter.
    pub backoff: Duration,
}

/// How what changes something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writes {
    /// Every statement that would write is refused.
    pub read_only: bool,
    /// Calls of one statement that write, side by side.
    pub in_flight: usize,
    /// Every write waits until what it changed has settled, as with `/*+ AWAIT */`.
    pub awaits: bool,
    /// For how long a statement waits for that.
    pub await_time: Duration,
    /// The first wait between two looks; it grows from there.
    pub await_poll: Duration,
    /// A file to which every call that writes is added, a line of JSON each.
    pub audit: Option<PathBuf>,
}

impl Default for Writes {
    fn default() -> Self {
        Writes {
            read_only: false,
            in_flight: 1,
            awaits: false,
            await_time: Duration::from_secs(30 * 60),
            await_poll: Duration::from_secs(2),
            audit: None,
        }
    }
}

/// How AWS is reached. What is not set here, aws-config finds where the AWS CLI finds it.
#[derive(Debug, Clone, Default)]
pub struct Aws {
    pub profile: Option<String>,
    /// What `AWS_PROFILE` says, which aws-config reads for itself: keys in the environment go before it, as they do
    /// with the AWS CLI, while a profile named in any other way means its own credentials.
    pub environment_profile: Option<String>,
    /// The regions of a statement that names none: `--region a,b` or `SET awscc.region`.
    pub regions: Vec<String>,
    /// The regions that `region = '*'` means, or `all`.
    pub every_region: Vec<String>,
    /// What `AWS_REGION` says. Never a value, only what a hint suggests.
    pub environment_region: Option<String>,
    /// Every Redshift call goes here instead of to the region's own address (the sandbox).
    pub endpoint: Option<String>,
    /// Fixed credentials instead of the chain (the sandbox): by profile, and `None` for no profile.
    pub credentials: BTreeMap<Option<String>, StaticCredentials>,
    /// A PEM file of certificates to trust instead of the system's (`AWS_CA_BUNDLE`).
    pub ca_bundle: Option<PathBuf>,
    pub proxy: Proxy,
}

#[derive(Debug, Clone)]
pub struct StaticCredentials {
    pub access_key_id: String,
    pub secret_access_key: Secret,
}

/// The proxies that the environment names (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, either case).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    pub http: Option<String>,
    pub https: Option<String>,
    pub all: Option<String>,
    pub no_proxy: Option<String>,
}

/// Variables that documents name. By default there is none.
#[derive(Clone, Default)]
pub struct Environment {
    /// Those of the process stand behind what was given.
    is_process: bool,
    given: BTreeMap<String, String>,
}

impl Environment {
    /// The variables of the process.
    pub fn process() -> Self {
        Environment { is_process: true, ..Environment::default() }
    }

    /// The same, with one variable more.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.insert(name.into(), value.into());
        self
    }

    /// The value of a variable; an empty one is none.
    pub fn get(&self, name: &str) -> Option<String> {
        let given = self.given.get(name).cloned().filter(|value| !value.is_empty());
        given.or_else(|| variable(name).filter(|_| self.is_process))
    }

    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(Secret::new)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[environment]")
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A value that is sent and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The value itself, for the request that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            calls_in_flight: 64,
            calls_per_region: 8,
            max_calls: None,
            memory: None,
            statement: None,
            call: Duration::from_secs(60),
            connect: Duration::from_secs(5),
            tries: 8,
            retry: Duration::from_secs(60),
            backoff: Duration::from_millis(100),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            providers: None,
            provider: None,
            state: PathBuf::from(".iql"),
            limits: Limits::default(),
            writes: Writes::default(),
            partial: false,
            aws: Aws::default(),
            environment: Environment::default(),
            secrets: Secrets::default(),
            person: Person::default(),
            stays_here: false,
        }
    }
}

impl Settings {
    /// The settings file (`--settings`, or `iql/settings.yaml` in the user's configuration folder if it is there),
    /// then the environment. Flags are the caller's to lay on top.
    ///
    /// # Errors
    /// `Usage`, with every line of the file that cannot be taken, or an environment variable that cannot.
    pub fn from_environment(file: Option<&Path>) -> Result<Settings> {
        let settings = Settings::read(&variable, file)?;
        let environment = Environment::process();
        let secrets = Secrets { environment: environment.clone(), ..settings.secrets };
        Ok(Settings { environment, secrets, ..settings })
    }

    fn read(env: &dyn Fn(&str) -> Option<String>, file: Option<&Path>) -> Result<Settings> {
        let home = env("HOME").map(PathBuf::from).unwrap_or_else(|| PathBuf::from("."));
        let folder = |variable: &str, otherwise: &str| {
            env(variable)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
                .unwrap_or_else(|| home.join(otherwise))
                .join("iql")
        };
        let own = folder("XDG_CONFIG_HOME", ".config");
        let mut settings = Settings { state: folder("XDG_STATE_HOME", ".local/state"), ..Settings::default() };
        match file {
            Some(path) => settings.read_file(path)?,
            None => {
                let path = own.join("settings.yaml");
                if path.exists() {
                    settings.read_file(&path)?;
                }
            }
        }
        for declaration in DECLARATIONS {
            let variable = declaration.name.to_uppercase().replace('.', "_");
            // AWS_PROFILE and AWS_REGION are AWS's own: the region is a hint only, never silently a value.
            if variable != "AWS_REGION"
                && let Some(text) = env(&variable)
            {
                (declaration.set)(&mut settings, &text)
                    .map_err(|why| Error::new(Kind::Usage, format!("`{variable}` is `{text}`: {why}")))?;
            }
        }
        settings.person = Person::read(env, own);
        let either = |name: &str| env(name).or_else(|| env(&name.to_uppercase()));
        settings.aws.environment_profile = env("AWS_PROFILE");
        settings.aws.environment_region = env("AWS_REGION").or_else(|| env("AWS_DEFAULT_REGION"));
        settings.aws.ca_bundle = env("AWS_CA_BUNDLE").map(PathBuf::from);
        settings.aws.proxy = Proxy {
            http: either("http_proxy"),
            https: either("https_proxy"),
            all: either("all_proxy"),
            no_proxy: either("no_proxy"),
        };
        Ok(settings)
    }

    fn read_file(&mut self, path: &Path) -> Result<()> {
        use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
        let wrong = |line: usize, message: String| {
            Error::new(Kind::Usage, message).at(Place::File { path: path.to_path_buf(), line })
        };
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::new(Kind::Usage, format!("cannot read the settings in {}: {}", path.display(), reason(&e)))
        })?;
        let documents = MarkedYaml::load_from_str(&text)
            .map_err(|e| wrong(e.marker().line(), format!("the settings are not YAML: {}", e.info())))?;
        let Some(document) = documents.first() else { return Ok(()) };
        let YamlData::Mapping(entries) = &document.data else {
            return Err(wrong(document.span.start.line(), "the settings are `name: value` lines".into()));
        };
        let mut complaints = Vec::new();
        for (key, value) in entries {
            let line = key.span.start.line();
            let text = match &value.data {
                YamlData::Value(Scalar::String(text)) => text.to_string(),
                YamlData::Value(Scalar::Integer(number)) => number.to_string(),
                YamlData::Value(Scalar::Boolean(flag)) => flag.to_string(),
                YamlData::Sequence(items) if items.iter().all(|item| item.data.as_str().is_some()) => {
                    items.iter().filter_map(|item| item.data.as_str()).collect::<Vec<_>>().join(",")
                }
                _ => {
                    complaints
                        .push(format!("{}:{line}: a setting is a text, a number or a list of texts", path.display()));
                    continue;
                }
            };
            if let Err(error) = self.set(key.data.as_str().unwrap_or_default(), &text) {
                complaints.push(format!("{}:{line}: {}", path.display(), error.message));
                complaints.extend(error.hints.iter().map(|hint| format!("  hint: {hint}")));
            }
        }
        if complaints.is_empty() {
            return Ok(());
        }
        let mut error = Error::new(Kind::Usage, "the settings file has mistakes");
        error.context = complaints;
        Err(error)
    }

    /// Sets one setting by its dotted name.
    ///
    /// # Errors
    /// `Usage`: a name that does not exist, or a text that is no value of it.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let declaration = DECLARATIONS.iter().find(|declaration| declaration.name == name);
        let declaration = declaration.ok_or_else(|| unknown(name, &[]))?;
        (declaration.set)(self, text)
            .map_err(|why| Error::new(Kind::Usage, format!("`{name}` cannot be `{text}`: {why}")))
    }

    /// Name, value and description of every setting.
    pub fn list(&self) -> Vec<(&'static str, String, &'static str)> {
        DECLARATIONS.iter().map(|d| (d.name, (d.show)(self), d.description)).collect()
    }
}

/// The error for a name that is no setting. `others` are names that can be set as well.
pub fn unknown(name: &str, others: &[String]) -> Error {
    let error = Error::new(Kind::Usage, format!("there is no setting `{name}`"));
    let known = DECLARATIONS.iter().map(|declaration| declaration.name).chain(others.iter().map(String::as_str));
    match nearest(name, known) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint("`SHOW SETTINGS` lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_over_file_over_default() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::new(Kind::Io, e.to_string()))?;
        let file = folder.path().join("settings.yaml");
        std::fs::write(&file, "iql.tries: 3\niql.timeout: 2m\niql.region: [us-east-1, eu-west-1]\n").ok();
        let env = |name: &str| (name == "IQL_TRIES").then(|| "5".to_string());
        let settings = Settings::read(&env, Some(&file))?;
        assert_eq!(settings.limits.tries, 5);
        assert_eq!(settings.limits.statement, Some(Duration::from_secs(120)));
        assert_eq!(settings.aws.regions, ["us-east-1", "eu-west-1"]);
        Ok(())
    }

    #[test]
    fn every_mistake_of_the_file_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("settings.yaml");
        std::fs::write(&file, "iql.trys: 3\niql.timeout: soon\niql.region: [us-east-1, 2]\n").expect("written");
        let error = Settings::read(&|_| None, Some(&file)).expect_err("two mistakes");
        assert_eq!(error.context.len(), 4, "{error}");
        assert!(
            error.context[3].contains("settings.yaml:3: a setting is a text, a number or a list of texts"),
            "{error}"
        );
        assert!(error.context[0].contains("settings.yaml:1: there is no setting `iql.trys`"), "{error}");
        assert!(error.context[2].contains("settings.yaml:2: `iql.timeout` cannot be `soon`"), "{error}");
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[secret]");
    }
}
