//! Trouble on request: rules that say which requests are met by what, and when. Kept in memory by the serving process.
//! Decides; the answering is done elsewhere.

use std::time::Instant;

use serde::{Deserialize, Serialize};

/// A rule. What is absent matches everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The account's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// So many matching requests pass first.
    #[serde(default)]
    pub after: u64,
    /// So many requests are then met (for ever when absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    pub trouble: Trouble,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// The answer waits.
    Latency { milliseconds: u64 },
    /// A token bucket: `rate` requests a second pass, and `burst` at once; the others are refused: HTTP 400, Immuta's 429.
    Throttle {
        rate: f64,
        burst: f64,
        #[serde(default)]
        code: ThrottleCode,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    /// The service fails before it does anything.
    ServerError {
        status: u16,
        #[serde(default)]
        body: ErrorBody,
    },
    /// The connection is closed before anything is done.
    Reset,
    /// The work is done, and the connection closed without an answer.
    Lost,
    /// The answer is cut.
    Cut {
        at: At,
        #[serde(default)]
        length: Length,
    },
    /// Nothing is done and no answer comes, while the connection stays open.
    Hang,
    /// The user may not call this.
    Denied,
    /// The session's credentials are over.
    Expired,
    /// HTTP 200 with a page of HTML, as a proxy's.
    WrongShape,
    /// Every answer of AWS's has a marker: the one that its request had.
    RepeatMarker,
    /// The filter `integration-arn` takes one value only.
    RefuseArnFilter,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThrottleCode {
    #[default]
    Throttling,
    ThrottlingException,
    RequestLimitExceeded,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorBody {
    /// As the service writes its errors: Immuta in JSON.
    #[default]
    #[serde(alias = "json")]
    Xml,
    Html,
    None,
}

/// Where an answer is cut.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Behind so many bytes.
    Byte(usize),
    /// Behind such a part of it, 0 to 1.
    Fraction(f64),
    /// Behind so many rows.
    Rows(usize),
    /// Whole, but without its list element.
    List,
    /// Whole, but with a root of another name.
    Root,
}

/// What the answer's Content-Length says of a cut body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Its own length: only the XML shows the cut.
    #[default]
    Right,
    /// The length before the cut: the connection closes short of it.
    Whole,
}

impl Fault {
    /// Trouble for every request, for ever.
    pub fn new(trouble: Trouble) -> Fault {
        Fault { action: None, region: None, account: None, after: 0, times: None, trouble }
    }

    pub fn on(mut self, action: &str) -> Fault {
        self.action = Some(action.into());
        self
    }

    pub fn region(mut self, region: &str) -> Fault {
        self.region = Some(region.into());
        self
    }

    pub fn after(mut self, requests: u64) -> Fault {
        self.after = requests;
        self
    }

    pub fn times(mut self, requests: u64) -> Fault {
        self.times = Some(requests);
        self
    }

    /// Can this rule do what it says?
    pub fn check(&self) -> Result<(), String> {
        match &self.trouble {
            Trouble::Throttle { rate, burst, .. } if !(*rate >= 0.0 && *burst >= 0.0) => {
                Err("`rate` and `burst` are numbers from 0".into())
            }
            Trouble::ServerError { status, .. } if !(500..600).contains(status) => {
                Err(format!("a server error's `status` is 500 to 599, not {status}"))
            }
            Trouble::Cut { at: At::Fraction(part), .. } if !(0.0..=1.0).contains(part) => {
                Err("`fraction` is a number from 0 to 1".into())
            }
            _ => Ok(()),
        }
    }
}

/// What of a request a rule can look at.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub action: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    /// More than one value in the filter `integration-arn`.
    pub has_many_arns: bool,
}

/// The rules in force, with what each has met so far.
#[derive(Debug, Default)]
pub struct Faults(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    fault: Fault,
    seen: u64,
    met: u64,
    /// Of a throttle: tokens left, and when they were counted.
    bucket: Option<(f64, Instant)>,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.0.push(Rule { fault, seen: 0, met: 0, bucket: None });
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn list(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().map(|rule| &rule.fault)
    }

    /// The troubles that meet a request, in the order in which the rules were added.
    pub fn strike(&mut self, asked: &Asked, now: Instant) -> Vec<Trouble> {
        self.0.iter_mut().filter_map(|rule| rule.strike(asked, now)).collect()
    }
}

impl Rule {
    fn strike(&mut self, asked: &Asked, now: Instant) -> Option<Trouble> {
        let fits = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let fault = &self.fault;
        if !fits(&fault.action, asked.action)
            || !fits(&fault.region, asked.region)
            || !fits(&fault.account, asked.account)
        {
            return None;
        }
        self.seen += 1;
        if self.seen <= fault.after || fault.times.is_some_and(|times| self.met >= times) {
            return None;
        }
        match fault.trouble {
            Trouble::Throttle { rate, burst, .. } => {
                let (tokens, then) = self.bucket.unwrap_or((burst, now));
                let tokens = (tokens + rate * now.saturating_duration_since(then).as_secs_f64()).min(burst);
                let passes = tokens >= 1.0;
                self.bucket = Some((if passes { tokens - 1.0 } else { tokens }, now));
                if passes {
                    return None;
                }
            }
            Trouble::RefuseArnFilter if !asked.has_many_arns => return None,
            _ => {}
        }
        self.met += 1;
        Some(fault.trouble.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ASKED: Asked =
        Asked { action: "DescribeIntegrations", region: "us-east-1", account: "111122223333", has_many_arns: false };

    #[test]
    fn a_rule_waits_and_ends() {
        let mut faults = Faults::default();
        faults.add(Fault::new(Trouble::Reset).on("DescribeIntegrations").after(1).times(2));
        faults.add(Fault::new(Trouble::Hang).region("eu-west-1"));
        let struck: Vec<usize> = (0..5).map(|_| faults.strike(&ASKED, Instant::now()).len()).collect();
        assert_eq!(struck, [0, 1, 1, 0, 0]);
        let elsewhere = Asked { region: "eu-west-1", action: "CreateTags", ..ASKED };
        assert_eq!(faults.strike(&elsewhere, Instant::now()), [Trouble::Hang]);
    }

    #[test]
    fn a_bucket_fills_with_time() {
        let mut faults = Faults::default();
        let code = ThrottleCode::Throttling;
        faults.add(Fault::new(Trouble::Throttle { rate: 2.0, burst: 3.0, code, retry_after_seconds: None }));
        let start = Instant::now();
        let mut refused = |millis: u64| faults.strike(&ASKED, start + Duration::from_millis(millis)).len();
        assert_eq!([0, 0, 0, 0, 0].map(&mut refused), [0, 0, 0, 1, 1]);
        assert_eq!([500, 500, 1000].map(&mut refused), [0, 1, 0]);
    }

    #[test]
    fn rules_read_as_documented() {
        let check = |json: &str, ok: bool| {
            let fault = serde_json::from_str::<Fault>(json).map_err(|e| e.to_string());
            let fault = fault.and_then(|fault| fault.check().map(|()| fault));
            assert_eq!(fault.is_ok(), ok, "{json}: {fault:?}");
        };
        check(r#"{"trouble": {"latency": {"milliseconds": 20}}}"#, true);
        check(r#"{"trouble": {"throttle": {"rate": 5, "burst": 1, "code": "ThrottlingException"}}}"#, true);
        check(r#"{"trouble": {"server_error": {"status": 503, "body": "none"}}, "times": 2}"#, true);
        check(r#"{"trouble": {"server_error": {"status": 404}}}"#, false);
        check(r#"{"action": "CreateIntegration", "region": "us-east-1", "after": 1, "trouble": "lost"}"#, true);
        check(r#"{"trouble": {"cut": {"at": {"rows": 5}}}}"#, true);
        check(r#"{"trouble": {"cut": {"at": "list"}}}"#, true);
        check(r#"{"trouble": {"cut": {"at": {"fraction": 0.5}, "length": "whole"}}}"#, true);
        check(r#"{"trouble": {"cut": {"at": {"fraction": 1.5}}}}"#, false);
        check(r#"{"trouble": "reset", "acton": "X"}"#, false);
        check(r#"{"trouble": {"latency": {"seconds": 20}}}"#, false);
    }
}
