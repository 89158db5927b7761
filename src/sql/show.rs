//! SHOW and DESCRIBE, read from tokens. Whether the names exist is for the engine to say.

use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::hints;
use super::parse::Reader;
use super::short::{COLUMNS, DESCRIBE, INSERT, METHOD, METHODS, RESOURCES, SERVICES, Wanted, at_most, example, form};
use super::statement::{Body, Describe, Name, Show, ShowFilter};
use crate::error::{Result, nearest};

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

/// What other databases show by another name.
const ELSEWHERE: [(&str, &str); 5] = [
    ("DATABASES", "`SHOW PROVIDERS` has the providers, `SHOW SERVICES IN awscc` what a provider has"),
    ("SCHEMAS", "`SHOW PROVIDERS` has the providers, `SHOW SERVICES IN awscc` what a provider has"),
    (
        "CREATE",
        "`SHOW VIEWS` has each view with its text, `SHOW INSERT INTO awscc.redshift.integrations` the INSERT of a resource",
    ),
    ("VARIABLES", "`SHOW SETTINGS` has what `SET` sets"),
    ("FIELDS", "`DESCRIBE awscc.redshift.integrations` has the columns of a resource"),
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
            let name = within(parser, reader, SERVICES)?;
            Show::Services { extended, name, filter: filter(parser, reader)? }
        }
        "RESOURCES" => {
            let name = within(parser, reader, RESOURCES)?;
            Show::Resources { extended, name, filter: filter(parser, reader)? }
        }
        "METHODS" => {
            let name = within(parser, reader, METHODS)?;
            Show::Methods { extended, name, filter: filter(parser, reader)? }
        }
        "COLUMNS" => {
            let name = within(parser, reader, COLUMNS)?;
            return Ok(Body::Describe(Describe::Resource { extended, name }));
        }
        "INSERT" if extended => {
            return Err(reader.expected("PROVIDERS, SERVICES, RESOURCES, METHODS or COLUMNS", &found));
        }
        "INSERT" => {
            if !parser.parse_keyword(Keyword::INTO) {
                return Err(reader.expected("`INTO provider.service.resource`", &parser.peek_token()));
            }
            let name = at_most(reader.name(parser)?, INSERT, reader)?;
            let required = hints::of(reader.tokens).iter().any(|hint| hint.eq_ignore_ascii_case("REQUIRED"));
            Show::Insert { required, name }
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
        return Ok(Describe::Method { extended, name: at_most(name, METHOD, reader)? });
    }
    Ok(Describe::Resource { extended, name: at_most(name, DESCRIBE, reader)? })
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
            let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == what);
            Err(match nearest(what, SHOWN) {
                _ if let Some((_, hint)) = elsewhere => error.with_hint(*hint),
                Some(near) => error.with_hint(format!("did you mean `SHOW {near}`?")),
                None => error,
            })
        }
    }
}

/// `IN name`: what is in use may stand for all of the shorter ones.
fn within(parser: &mut Parser<'_>, reader: Reader<'_>, wanted: Wanted) -> Result<Name> {
    if parser.parse_keyword(Keyword::IN) || parser.parse_keyword(Keyword::FROM) {
        return at_most(reader.name(parser)?, wanted, reader);
    }
    let found = parser.peek_token();
    let ends = found.token == Token::EOF || is_word(&found.token, "LIKE") || is_word(&found.token, "WHERE");
    if ends && wanted.parts < 3 {
        return Ok(Name { parts: Vec::new() });
    }
    Err(reader.expected(&format!("`IN {}`", form(wanted)), &found).with_hint(example(wanted)))
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
