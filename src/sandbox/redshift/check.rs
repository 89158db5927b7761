//! The constraints that the published model puts on parameters, complained of all at once and in AWS's words.

use std::sync::LazyLock;

use regex::Regex;

use crate::sandbox::wire::{self, Form, Refusal};

/// What the model says of a text.
pub struct Rule {
    min: usize,
    max: usize,
    pattern: &'static str,
    regex: Regex,
}

macro_rules! rule {
    ($name:ident, $min:literal, $max:literal, $pattern:literal) => {
        pub static $name: LazyLock<Rule> =
            LazyLock::new(|| Rule { min: $min, max: $max, pattern: $pattern, regex: regex($pattern) });
    };
}

rule!(
    INTEGRATION_ARN,
    1,
    255,
    r"^arn:aws[a-z\-]*:redshift:[a-z0-9\-]*:[0-9]*:integration:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
);
rule!(
    INBOUND_ARN,
    1,
    255,
    r"^arn:aws[a-z\-]*:.+:[a-z0-9\-]*:[0-9]*:integration:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
);
rule!(SOURCE_ARN, 1, 255, r"^arn:aws[a-z\-]*:(s3|dynamodb):.*:.*:[a-zA-Z0-9._\-\/]+$");
rule!(
    TARGET_ARN,
    20,
    2048,
    r"^arn:aws[a-z\-]*:redshift(-serverless)?:[a-z0-9\-]+:[0-9]{12}:(namespace\/|namespace:)[a-z0-9\-]+$"
);
rule!(NAME, 1, 63, r"^[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*$");
rule!(DESCRIPTION, 0, 1000, r"^.*$");

#[expect(clippy::expect_used, reason = "the patterns are constants, and the tests compile each")]
fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of the service model")
}

/// Complaints about one request.
#[derive(Default)]
pub struct Checks(Vec<String>);

impl Checks {
    /// A parameter that may be absent.
    pub fn text<'a>(&mut self, form: &'a Form, wire: &str, rule: &Rule) -> Option<&'a str> {
        let value = form.get(wire)?;
        let member = member(wire);
        let mut complain = |what: String| {
            self.0.push(format!("Value '{value}' at '{member}' failed to satisfy constraint: {what}"));
        };
        let length = value.chars().count();
        if length < rule.min {
            complain(format!("Member must have length greater than or equal to {}", rule.min));
        }
        if length > rule.max {
            complain(format!("Member must have length less than or equal to {}", rule.max));
        }
        if !rule.regex.is_match(value) {
            complain(format!("Member must satisfy regular expression pattern: {}", rule.pattern));
        }
        Some(value)
    }

    /// A parameter that must be there; empty when it is not, which `done` then tells.
    pub fn required<'a>(&mut self, form: &'a Form, wire: &str, rule: &Rule) -> &'a str {
        self.text(form, wire, rule).unwrap_or_else(|| {
            self.missing(wire);
            ""
        })
    }

    pub fn missing(&mut self, wire: &str) {
        let member = member(wire);
        self.0.push(format!("Value null at '{member}' failed to satisfy constraint: Member must not be null"));
    }

    pub fn done(self) -> Result<(), Refusal> {
        match self.0.len() {
            0 => Ok(()),
            count => {
                let errors = if count == 1 { "error" } else { "errors" };
                let message = format!("{count} validation {errors} detected: {}", self.0.join("; "));
                Err(Refusal::new(400, "ValidationError", message))
            }
        }
    }
}

/// The name of a parameter as AWS writes it in its complaints: `sourceArn`.
fn member(wire: &str) -> String {
    let mut letters = wire.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// XML 1.0 cannot carry control characters, so none may come in.
pub fn printable(form: &Form) -> Result<(), Refusal> {
    match form.parameters().iter().find(|(_, value)| !wire::is_printable(value)) {
        Some((name, _)) => {
            Err(Refusal::new(400, "InvalidParameterValue", format!("The parameter {name} has control characters.")))
        }
        None => Ok(()),
    }
}

pub fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidParameterValue", message)
}

pub fn combination(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidParameterCombination", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_the_models() {
        let check = |rule: &Rule, value: &str, complaints: usize| {
            let body: String = form_urlencoded::Serializer::new(String::new()).append_pair("X", value).finish();
            let form = Form::parse(None, body.as_bytes());
            let mut checks = Checks::default();
            checks.text(&form, "X", rule);
            assert_eq!(checks.0.len(), complaints, "{value}: {:?}", checks.0);
        };
        check(&NAME, "orders-to-dwh", 0);
        check(&NAME, "orders--dwh", 1);
        check(&NAME, "1orders", 1);
        check(&NAME, "", 2);
        check(&NAME, &"a".repeat(63), 0);
        check(&NAME, &"a".repeat(64), 1);
        check(&SOURCE_ARN, "arn:aws:s3:::bucket", 0);
        check(&SOURCE_ARN, "arn:aws:rds:us-east-1:111122223333:cluster:x", 1);
        check(&TARGET_ARN, "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/ab-1", 0);
        check(&TARGET_ARN, "arn:aws:redshift:us-east-1:1111:namespace:ab", 1);
        check(&INTEGRATION_ARN, "arn:aws:redshift:us-east-1:111122223333:integration:x", 1);
        check(&INBOUND_ARN, "arn:aws:rds:us-east-1:111122223333:integration:00000000-0000-0000-0000-000000000000", 0);
        check(&DESCRIPTION, "", 0);
        check(&DESCRIPTION, &"é".repeat(1000), 0);
        check(&DESCRIPTION, &"é".repeat(1001), 1);
        check(&DESCRIPTION, "two\nlines", 1);
    }

    #[test]
    fn complaints_come_together() {
        let mut checks = Checks::default();
        checks.missing("SourceArn");
        checks.missing("TargetArn");
        let refusal = checks.done().expect_err("two complaints");
        assert_eq!(
            refusal.message,
            "2 validation errors detected: Value null at 'sourceArn' failed to satisfy constraint: Member must not be \
             null; Value null at 'targetArn' failed to satisfy constraint: Member must not be null"
        );
    }
}
