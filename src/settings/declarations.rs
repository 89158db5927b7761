//! Every setting that has a name: what it is, and how a text becomes its value. Reads neither files nor the environment.

use std::path::PathBuf;
use std::time::Duration;

use super::Settings;

/// A setting as it is declared: its dotted name, what it is, and how a text becomes its value.
pub struct Declaration {
    pub name: &'static str,
    pub description: &'static str,
    /// Read once, when the program starts: `SET` cannot change it.
    pub at_start: bool,
    pub(super) set: fn(&mut Settings, &str) -> Result<(), String>,
    pub(super) show: fn(&Settings) -> String,
}

/// Every setting, for the settings file, `SET` and `SHOW SETTINGS` alike.
pub const DECLARATIONS: &[Declaration] = &[
    Declaration {
        name: "iql.providers",
        description: "a folder of provider documents",
        at_start: true,
        set: |s, text| {
            s.providers = Some(PathBuf::from(text));
            Ok(())
        },
        show: |s| s.providers.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    },
    Declaration {
        name: "iql.secrets",
        description: "a folder with a file for each secret, or a file of `NAME=value` lines",
        at_start: true,
        set: |s, text| {
            s.secrets.path = Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty());
            Ok(())
        },
        show: |s| s.secrets.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    },
    Declaration {
        name: "iql.provider",
        description: "what begins a table's name that is not in full: `awscc`, `awscc.redshift`",
        at_start: false,
        set: |s, text| {
            s.provider = (!text.is_empty()).then(|| text.to_lowercase());
            Ok(())
        },
        show: |s| s.provider.clone().unwrap_or_default(),
    },
    Declaration {
        name: "iql.calls_in_flight",
        description: "calls in flight, in all",
        at_start: false,
        set: |s, text| count(text).map(|value| s.limits.calls_in_flight = value),
        show: |s| s.limits.calls_in_flight.to_string(),
    },
    Declaration {
        name: "iql.calls_per_region",
        description: "calls in flight to one service in one region",
        at_start: false,
        set: |s, text| count(text).map(|value| s.limits.calls_per_region = value),
        show: |s| s.limits.calls_per_region.to_string(),
    },
    Declaration {
        name: "iql.max_calls",
        description: "calls that one statement may make (`none` for no limit)",
        at_start: false,
        set: |s, text| optional(text, |t| count(t).map(|n| n as u64)).map(|n| s.limits.max_calls = n),
        show: |s| s.limits.max_calls.map_or("none".into(), |n| n.to_string()),
    },
    Declaration {
        name: "iql.memory",
        description: "memory that one statement may hold, such as `500M` (`none` for no limit)",
        at_start: false,
        set: |s, text| optional(text, bytes).map(|value| s.limits.memory = value),
        show: |s| s.limits.memory.map_or("none".into(), |n| n.to_string()),
    },
    Declaration {
        name: "iql.timeout",
        description: "time for one statement (`none` for no limit)",
        at_start: false,
        set: |s, text| optional(text, duration).map(|value| s.limits.statement = value),
        show: |s| s.limits.statement.map_or("none".into(), show_duration),
    },
    Declaration {
        name: "iql.call_timeout",
        description: "time for one try of one call",
        at_start: false,
        set: |s, text| duration(text).map(|value| s.limits.call = value),
        show: |s| show_duration(s.limits.call),
    },
    Declaration {
        name: "iql.connect_timeout",
        description: "time to connect",
        at_start: true,
        set: |s, text| duration(text).map(|value| s.limits.connect = value),
        show: |s| show_duration(s.limits.connect),
    },
    Declaration {
        name: "iql.tries",
        description: "how often one call is tried, the first time included",
        at_start: false,
        set: |s, text| count(text).map(|n| s.limits.tries = n as u32),
        show: |s| s.limits.tries.to_string(),
    },
    Declaration {
        name: "iql.retry_time",
        description: "for how long one call is tried again, waiting in line not included",
        at_start: false,
        set: |s, text| duration(text).map(|value| s.limits.retry = value),
        show: |s| show_duration(s.limits.retry),
    },
    Declaration {
        name: "iql.backoff",
        description: "the first wait before a repeat; it doubles from there",
        at_start: false,
        set: |s, text| duration(text).map(|value| s.limits.backoff = value),
        show: |s| show_duration(s.limits.backoff),
    },
    Declaration {
        name: "iql.partial",
        description: "whether a query goes on without calls that failed (`on` or `off`)",
        at_start: false,
        set: |s, text| flag(text).map(|value| s.partial = value),
        show: |s| shown_flag(s.partial),
    },
    Declaration {
        name: "iql.read_only",
        description: "whether statements that would write are refused (`on` or `off`)",
        at_start: false,
        set: |s, text| flag(text).map(|value| s.writes.read_only = value),
        show: |s| shown_flag(s.writes.read_only),
    },
    Declaration {
        name: "iql.writes_in_flight",
        description: "calls of one statement that write, side by side",
        at_start: false,
        set: |s, text| count(text).map(|value| s.writes.in_flight = value),
        show: |s| s.writes.in_flight.to_string(),
    },
    Declaration {
        name: "iql.await",
        description: "whether every write waits until what it changed has settled (`on` or `off`)",
        at_start: false,
        set: |s, text| flag(text).map(|value| s.writes.awaits = value),
        show: |s| shown_flag(s.writes.awaits),
    },
    Declaration {
        name: "iql.await_time",
        description: "for how long a write waits for that",
        at_start: false,
        set: |s, text| duration(text).map(|value| s.writes.await_time = value),
        show: |s| show_duration(s.writes.await_time),
    },
    Declaration {
        name: "iql.await_poll",
        description: "the first wait between two looks; it grows from there",
        at_start: false,
        set: |s, text| duration(text).map(|value| s.writes.await_poll = value),
        show: |s| show_duration(s.writes.await_poll),
    },
    Declaration {
        name: "iql.audit",
        description: "a file to which every call that writes is added",
        at_start: true,
        set: |s, text| {
            s.writes.audit = Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty());
            Ok(())
        },
        show: |s| s.writes.audit.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    },
    Declaration {
        name: "iql.profile",
        description: "the AWS profile",
        at_start: false,
        set: |s, text| {
            s.aws.profile = Some(text.to_string()).filter(|profile| !profile.is_empty());
            Ok(())
        },
        show: |s| s.aws.profile.clone().unwrap_or_default(),
    },
    Declaration {
        name: "iql.region",
        description: "the regions of a statement that names none, with commas between them",
        at_start: false,
        set: |s, text| {
            s.aws.regions = words(text);
            Ok(())
        },
        show: |s| s.aws.regions.join(","),
    },
    Declaration {
        name: "aws.regions",
        description: "what `region = '*'` means: regions with commas between them, or `all`",
        at_start: false,
        set: |s, text| {
            s.aws.every_region = words(text);
            Ok(())
        },
        show: |s| s.aws.every_region.join(","),
    },
];

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=u32::MAX as usize).contains(&number) => Ok(number),
        _ => Err("a whole number from 1 is needed".into()),
    }
}

fn flag(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("it is `on` or `off`".into()),
    }
}

fn shown_flag(flag: bool) -> String {
    if flag { "on".into() } else { "off".into() }
}

fn optional<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text == "none" { Ok(None) } else { read(text).map(Some) }
}

/// `500K`, `64M`, `2G`, or a number of bytes.
///
/// # Errors
/// What a size looks like.
pub fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[digits..].to_uppercase().as_str() {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return Err("a size is written `64M`, `2G` or as a number of bytes".into()),
    };
    let size = text[..digits].parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    size.filter(|size| *size > 0).ok_or_else(|| "a size is written `64M`, `2G` or as a number of bytes".into())
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(String::from).collect()
}

/// `500ms`, `30s`, `10m`, `1h`, or a number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match &text[digits..] {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time is written `500ms`, `30s`, `10m` or `1h`".into()),
    };
    match text[..digits].parse::<f64>() {
        Ok(number) if number * unit > 0.0 && number * unit < 1e9 => Ok(Duration::from_secs_f64(number * unit)),
        _ => Err("a time is written `500ms`, `30s`, `10m` or `1h`".into()),
    }
}

fn show_duration(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}
