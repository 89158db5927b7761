//! SHOW and DESCRIBE, read from tokens. Whether the names exist is for the engine to say.

use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::hints;
use super::parse::Reader;
use super::statement::{Body, Describe, Name, Part, Show, ShowFilter};
use crate::error::{Error, Kind, Result, nearest};

const SHOWN: [&str; 11] = [
    "PROVIDERS",
    "SERVICES",
    "RESOURCES",
    "METHODS",
    "SETTINGS",
    "TABLES",
    "VIEWS",
    "FUNCTIONS",
    "COLUMNS",
    "VERSION",
    "INSERT",
];

/// `SHOW [EXTENDED] what [IN name] [LIKE '…' | WHERE …]`
pub(super) fn show(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Body> {
    parser.next_token();
    let extended = parser.parse_keyword(Keyword::EXTENDED);
    let found = parser.peek_token();
    let Token::Word(word) = &found.token else {
        return Err(reader.expected("what to show: PROVIDERS, SERVICES, RESOURCES, METHODS, SETTINGS…", &found));
    };
    let what = word.value.to_ascii_uppercase();
    if !SHOWN.contains(&what.as_str()) {
        return other(parser, reader, &what);
    }
    parser.next_token();
    let shown = match what.as_str() {
        "PROVIDERS" => Show::Providers { extended, filter: filter(parser, reader)? },
        "SERVICES" => {
            let [provider] = within(parser, reader, "SHOW SERVICES", "provider")?;
            Show::Services { extended, provider, filter: filter(parser, reader)? }
        }
        "RESOURCES" => {
            let [provider, service] = within(parser, reader, "SHOW RESOURCES", "provider.service")?;
            Show::Resources { extended, provider, service, filter: filter(parser, reader)? }
        }
        "METHODS" => {
            let parts: [Part; 3] = within(parser, reader, "SHOW METHODS", "provider.service.resource")?;
            Show::Methods { extended, name: Name { parts: parts.into() }, filter: filter(parser, reader)? }
        }
        "COLUMNS" => {
            let parts: [Part; 3] = within(parser, reader, "SHOW COLUMNS", "provider.service.resource")?;
            return Ok(Body::Describe(Describe::Resource { extended, name: Name { parts: parts.into() } }));
        }
        "INSERT" if extended => {
            return Err(reader.expected("PROVIDERS, SERVICES, RESOURCES, METHODS or COLUMNS", &found));
        }
        "INSERT" => {
            if !parser.parse_keyword(Keyword::INTO) {
                return Err(reader.expected("`INTO provider.service.resource`", &parser.peek_token()));
            }
            let parts: [Part; 3] =
                counted(reader.name(parser)?, reader, "SHOW INSERT INTO", "provider.service.resource")?;
            let required = hints::of(reader.tokens).iter().any(|hint| hint.eq_ignore_ascii_case("REQUIRED"));
            Show::Insert { required, name: Name { parts: parts.into() } }
        }
        "SETTINGS" => Show::Settings { filter: filter(parser, reader)? },
        "TABLES" => Show::Tables { filter: filter(parser, reader)? },
        "VIEWS" => Show::Views { filter: filter(parser, reader)? },
        "FUNCTIONS" => Show::Functions { filter: filter(parser, reader)? },
        _ => Show::Version,
    };
    Ok(Body::Show(shown))
}

/// `DESCRIBE [EXTENDED] provider.service.resource`, `DESCRIBE METHOD [EXTENDED] provider.service.resource.method`
pub(super) fn describe(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Describe> {
    parser.next_token();
    let mut extended = parser.parse_keyword(Keyword::EXTENDED);
    // A provider may be called `method`: then a dot follows.
    let method = is_word(&parser.peek_token().token, "METHOD") && parser.peek_nth_token(1).token != Token::Period;
    if method {
        parser.next_token();
        extended |= parser.parse_keyword(Keyword::EXTENDED);
    }
    let name = reader.name(parser)?;
    if method {
        let parts: [Part; 4] = counted(name, reader, "DESCRIBE METHOD", "provider.service.resource.method")?;
        return Ok(Describe::Method { extended, name: Name { parts: parts.into() } });
    }
    if name.parts.len() == 1 {
        return Ok(Describe::Resource { extended, name });
    }
    let parts: [Part; 3] = counted(name, reader, "DESCRIBE", "provider.service.resource")?;
    Ok(Describe::Resource { extended, name: Name { parts: parts.into() } })
}

/// `SHOW awscc.region`, and what is not answered.
fn other(parser: &mut Parser<'_>, reader: Reader<'_>, what: &str) -> Result<Body> {
    let found = parser.peek_token();
    match what {
        "ALL" => {
            parser.next_token();
            Ok(Body::Show(Show::Settings { filter: None }))
        }
        _ if parser.peek_nth_token(1).token == Token::Period => {
            Ok(Body::Show(Show::Variable { name: reader.name(parser)?.to_string() }))
        }
        _ => {
            let error = reader.expected("what to show: PROVIDERS, SERVICES, RESOURCES, METHODS, SETTINGS…", &found);
            Err(match nearest(what, SHOWN) {
                Some(near) => error.with_hint(format!("did you mean `SHOW {near}`?")),
                None => error,
            })
        }
    }
}

fn within<const N: usize>(parser: &mut Parser<'_>, reader: Reader<'_>, verb: &str, form: &str) -> Result<[Part; N]> {
    if !parser.parse_keyword(Keyword::IN) && !parser.parse_keyword(Keyword::FROM) {
        return Err(reader.expected(&format!("`IN {form}`"), &parser.peek_token()).with_hint(example::<N>(verb)));
    }
    counted(reader.name(parser)?, reader, verb, form)
}

fn counted<const N: usize>(name: Name, reader: Reader<'_>, verb: &str, form: &str) -> Result<[Part; N]> {
    let place = reader.source.place(name.span());
    let message = format!("{verb} needs `{form}`, found `{name}`");
    name.parts.try_into().map_err(|_| Error::new(Kind::Syntax, message).at(place).with_hint(example::<N>(verb)))
}

fn example<const N: usize>(verb: &str) -> String {
    let parts = ["awscc", "redshift", "integrations", "create_resource"];
    let within = if verb.starts_with("SHOW") && !verb.ends_with("INTO") { " IN" } else { "" };
    format!("for example `{verb}{within} {}`", parts[..N].join("."))
}

fn filter(parser: &mut Parser<'_>, reader: Reader<'_>) -> Result<Option<ShowFilter>> {
    if parser.parse_keyword(Keyword::LIKE) {
        let found = parser.next_token();
        return match found.token {
            Token::SingleQuotedString(pattern) => Ok(Some(ShowFilter::Like(pattern))),
            _ => Err(reader.expected("a pattern in single quotes", &found)),
        };
    }
    if parser.parse_keyword(Keyword::WHERE) {
        let condition = parser.parse_expr().map_err(|error| reader.refused(&error))?;
        return Ok(Some(ShowFilter::Where(condition)));
    }
    Ok(None)
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}
