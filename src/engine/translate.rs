//! DataFusion's errors in our words: our own are handed on as they are, the rest keep their message and their place.
//! Never decides by the text of a message.

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};

use crate::error::{Error, Kind};
use crate::sql::Source;

/// What the user is told of an error that came through DataFusion. `source` is the statement's text.
pub fn translate(error: &DataFusionError, source: Option<&Source>) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(ours) => ours.clone(),
            None => match inner.downcast_ref::<DataFusionError>() {
                Some(inner) => translate(inner, source),
                None => Error::new(Kind::Internal, inner.to_string()),
            },
        },
        DataFusionError::ArrowError(inner, _) => arrow(inner, source),
        DataFusionError::Context(_, inner) => translate(inner, source),
        DataFusionError::Shared(inner) => translate(inner, source),
        DataFusionError::Collection(inner) => match inner.first() {
            Some(first) => translate(first, source),
            None => Error::new(Kind::Internal, "the statement failed without a reason"),
        },
        DataFusionError::Diagnostic(diagnostic, inner) => {
            let mut found = translate(inner, source);
            if let (Some(span), Some(source)) = (diagnostic.span, source) {
                let at = |location: datafusion::common::Location| sqlparser::tokenizer::Location {
                    line: location.line,
                    column: location.column,
                };
                found = found.at(source.place(sqlparser::tokenizer::Span::new(at(span.start), at(span.end))));
            }
            found.context.extend(diagnostic.notes.iter().map(|note| note.message.clone()));
            found.hints.extend(diagnostic.helps.iter().map(|help| help.message.clone()));
            found
        }
        DataFusionError::SchemaError(inner, _) => Error::new(Kind::Name, schema(inner)),
        DataFusionError::SQL(inner, _) => Error::new(Kind::Syntax, inner.to_string()),
        DataFusionError::Plan(message)
        | DataFusionError::Configuration(message)
        | DataFusionError::Execution(message) => Error::new(Kind::Statement, sentence(message)),
        DataFusionError::NotImplemented(message) => {
            Error::new(Kind::Statement, format!("not possible yet: {}", sentence(undumped(message))))
        }
        DataFusionError::ResourcesExhausted(message) => {
            Error::new(Kind::Limit, "the statement needs more memory than `iql.memory` allows")
                .with_context(sentence(message))
                .with_hint("raise it with `--memory-limit`, or `SET iql.memory = …`")
        }
        DataFusionError::IoError(inner) => Error::new(Kind::Io, inner.to_string()),
        DataFusionError::Internal(message) => Error::new(Kind::Internal, sentence(undumped(message))),
        other => Error::new(Kind::Internal, sentence(&other.strip_backtrace())),
    }
}

fn arrow(error: &ArrowError, source: Option<&Source>) -> Error {
    match error {
        ArrowError::ExternalError(inner) => {
            match (inner.downcast_ref::<Error>(), inner.downcast_ref::<DataFusionError>()) {
                (Some(ours), _) => ours.clone(),
                (None, Some(theirs)) => translate(theirs, source),
                (None, None) => Error::new(Kind::Internal, inner.to_string()),
            }
        }
        ArrowError::CastError(message)
        | ArrowError::ParseError(message)
        | ArrowError::ComputeError(message)
        | ArrowError::ArithmeticOverflow(message)
        | ArrowError::InvalidArgumentError(message) => Error::new(Kind::Statement, sentence(message)),
        ArrowError::DivideByZero => Error::new(Kind::Statement, "division by zero"),
        other => Error::new(Kind::Internal, other.to_string()),
    }
}

fn schema(error: &SchemaError) -> String {
    match error {
        SchemaError::AmbiguousReference { field } => format!("`{}` is ambiguous", field.name()),
        SchemaError::FieldNotFound { field, .. } => format!("there is no column `{}`", field.name()),
        SchemaError::DuplicateQualifiedField { qualifier, name } => {
            format!("the column `{name}` of `{qualifier}` is there twice: give one an alias")
        }
        SchemaError::DuplicateUnqualifiedField { name } => {
            format!("the column `{name}` is there twice: give one an alias")
        }
    }
}

/// What stands before a dump of a value of DataFusion's own: `Exists(Exists { subquery: …`.
fn undumped(message: &str) -> &str {
    match message.split_once(" { ") {
        Some((before, _)) => before.rsplit_once(' ').map_or(before, |(before, _)| before),
        None => message,
    }
}

/// One sentence without its full stop; a second line stays, indented. What asks for a report to DataFusion, whatever
/// the cause, and the dump of every attempt before it, are left out.
fn sentence(message: &str) -> String {
    let message = message.split("\nThis issue was likely caused by a bug").next().unwrap_or(message);
    let message = message.split(", errors: ").next().unwrap_or(message);
    let message = message.strip_prefix("Internal error: ").unwrap_or(message);
    message.trim().trim_end_matches('.').replace('\n', "\n  ")
}
