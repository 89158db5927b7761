//! The one error of the program: what went wrong, where, what is known about it, and what to type next.
//! It knows no room: whoever knows more than the layer below adds a place, a context line or a hint.
//! The kind alone decides the exit code and whether a call may be tried again; nobody inspects the message.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of thing went wrong. Callers branch on this and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Flags, arguments or settings that do not fit.
    Usage,
    /// The text is not SQL, or not a statement that iql has.
    Syntax,
    /// A provider, service, resource, field, method or function that does not exist.
    Name,
    /// A param that is missing, or whose value cannot be used.
    Param,
    /// The statement is understood and cannot be answered as it stands.
    Statement,
    /// A provider document that is wrong.
    Document,
    /// The service refused the call.
    Refused,
    /// The service refused because of who asks: permissions.
    Denied,
    /// Credentials are missing, expired or unknown to the service.
    Credentials,
    /// What was asked for does not exist, says the service.
    NotFound,
    /// What was to be created is there already, says the service.
    Exists,
    /// The service refused because of the state of what the call is about: another operation is under way on it, or it
    /// stands where it cannot be changed.
    Conflict,
    /// The service asks for fewer calls. May be tried again.
    Throttled,
    /// The service failed on its own side (5xx). May be tried again.
    Unavailable,
    /// No connection came about, so that nothing was sent. May be tried again.
    Unreachable,
    /// No whole answer came: connection reset or closed, or a call's time was up. May be tried again.
    Transport,
    /// An answer that is cut off, or is not of the expected shape. A read may be tried again.
    Shape,
    /// The pages of a list go round: to read on would never end, and to read again gives the same.
    Endless,
    /// A limit that the user set (calls, memory).
    Limit,
    /// The time that the user gave is up.
    Timeout,
    /// What the user wanted to be so is not so: rows where none should be, or none where some should.
    Assertion,
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// Files, standard output, the sandbox's store.
    Io,
    /// Standard output was closed by its reader: not a failure of ours.
    Closed,
    /// A mistake in iql itself.
    Internal,
}

impl Kind {
    /// The process's exit code for an error of this kind: 2 for wrong usage, 0 for a reader that left,
    /// 4 for what was to be so and is not, 130 for an interruption, else 1.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Usage | Kind::Document => 2,
            Kind::Closed => 0,
            Kind::Assertion => 4,
            Kind::Interrupted => 130,
            _ => 1,
        }
    }

    /// May the same call succeed if it is sent again?
    pub fn is_passing(self) -> bool {
        matches!(self, Kind::Throttled | Kind::Unavailable | Kind::Unreachable | Kind::Transport | Kind::Shape)
    }
}

/// Where in the user's text the trouble is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A stretch of SQL text: `line` and `column` count from 1 (in characters), `length` in characters, at least 1.
    /// `text` is the whole line. `file` is where the script came from, if it was a file.
    Sql { file: Option<PathBuf>, line: usize, column: usize, length: usize, text: String },
    /// A line of a file (a provider document, the settings).
    File { path: PathBuf, line: usize },
}

#[derive(Debug, Clone)]
pub struct Error {
    pub kind: Kind,
    /// One sentence in the user's terms, without a full stop; literals in backticks.
    pub message: String,
    pub place: Option<Box<Place>>,
    /// Lines of fact below the message: the request, what the service said, what was and was not sent.
    pub context: Vec<String>,
    /// What to type or do next. A hint is only given when it would work.
    pub hints: Vec<String>,
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    /// What a service's answer said besides; boxed, so that an error stays small.
    pub reply: Option<Box<Reply>>,
}

/// What a service says of a call that it refuses, beside why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// For how long it asks to be left alone before the call is sent again.
    pub retry_after: Option<Duration>,
    /// By which it finds the request again.
    pub request_id: Option<String>,
    /// What it calls the reason (`AccessDenied`).
    pub code: Option<String>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            place: None,
            context: Vec::new(),
            hints: Vec::new(),
            source: None,
            reply: None,
        }
    }

    /// Adds the place, unless a deeper layer already knew a better one.
    pub fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert_with(|| Box::new(place));
        self
    }

    pub fn with_reply(mut self, reply: Reply) -> Self {
        self.reply = Some(Box::new(reply));
        self
    }

    pub fn retry_after(&self) -> Option<Duration> {
        self.reply.as_ref()?.retry_after
    }

    pub fn request_id(&self) -> Option<&str> {
        self.reply.as_ref()?.request_id.as_deref()
    }

    /// What the service calls the reason.
    pub fn code(&self) -> Option<&str> {
        self.reply.as_ref()?.code.as_deref()
    }

    pub fn with_context(mut self, line: impl Into<String>) -> Self {
        self.context.push(line.into());
        self
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }
}

impl fmt::Display for Error {
    /// The whole report without the leading `error: ` and without a final line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.place.as_deref() {
            None => {}
            Some(Place::File { path, line }) => write!(f, "\n  {}:{line}", path.display())?,
            Some(Place::Sql { file, line, column, length, text }) => {
                if let Some(path) = file {
                    write!(f, "\n  {}:{line}:{column}", path.display())?;
                }
                let number = line.to_string();
                // A tab keeps its width in both lines, so that the carets stand below what they mean.
                let indent: String =
                    text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                let carets = "^".repeat((*length).max(1));
                write!(f, "\n  {number} | {text}\n  {:1$} | {indent}{carets}", "", number.len())?;
            }
        }
        for line in &self.context {
            write!(f, "\n  {line}")?;
        }
        if !self.hints.is_empty() {
            f.write_str("\n")?;
        }
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// The candidate nearest to `wanted`, if any is near enough to be what was meant.
/// Distance is Damerau-Levenshtein without regard to case; up to a third of the letters may differ,
/// and a candidate that starts with the word (or the other way round) counts as near.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&wanted, &lower);
            let starts = wanted.len() >= 3 && (lower.starts_with(&wanted) || wanted.starts_with(&lower));
            (distance <= allowed || starts).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The end of a message about a name that is not there: nothing when no candidate is near.
pub fn did_you_mean<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wanted, candidates).map(|name| format!(": did you mean `{name}`?")).unwrap_or_default()
}

/// What the system says of a file, to stand inside a sentence: without a capital and without the number of the error.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let rest = text.chars().skip(1);
    text.chars().take(1).map(|first| first.to_ascii_lowercase()).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_points_at_its_place() {
        let error = Error::new(Kind::Param, "`awscc.redshift.integrations` needs `region`")
            .at(Place::Sql {
                file: None,
                line: 1,
                column: 15,
                length: 27,
                text: "SELECT * FROM awscc.redshift.integrations".into(),
            })
            .with_hint("add `WHERE region = 'us-east-1'`");
        assert_eq!(
            error.to_string(),
            "`awscc.redshift.integrations` needs `region`\n  \
             1 | SELECT * FROM awscc.redshift.integrations\n    \
             |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n\n\
             hint: add `WHERE region = 'us-east-1'`"
        );
    }

    #[test]
    fn the_nearest_name_is_near() {
        let check = |wanted, expected| {
            let names = ["integrations", "integrations_list_only", "clusters"];
            assert_eq!(nearest(wanted, names), expected, "{wanted}");
        };
        check("integration", Some("integrations"));
        check("Cluster", Some("clusters"));
        check("buckets", None);
        check("x", None);
    }
}
