//! A script → its statements. The first word decides: SHOW, DESCRIBE, SET, RESET, EXPLAIN and EXEC are read from
//! tokens, everything else is left to the parser, as DataFusion's parser wraps sqlparser.

use std::path::Path;

use datafusion::sql::parser::{DFParser, DFParserBuilder};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::dialect::DIALECT;
use super::hidden::Hidden;
use super::statement::{Body, Name, Part, Source, Statement};
use super::{exec, hints, own, show, split, syntax, writes};
use crate::error::{Error, Kind, Result};

/// Statements that are parsed, and refused by the engine for now.
const PARSED: [&str; 11] =
    ["MERGE", "CREATE", "DROP", "ALTER", "COPY", "TRUNCATE", "PREPARE", "DEALLOCATE", "ANALYZE", "GRANT", "REVOKE"];
/// Statements that are answered.
const ANSWERED: [&str; 23] = [
    "SELECT",
    "WITH",
    "VALUES",
    "EXPLAIN",
    "SHOW",
    "DESCRIBE",
    "DESC",
    "SET",
    "RESET",
    "INSERT",
    "UPDATE",
    "DELETE",
    "EXEC",
    "EXECUTE",
    "USE",
    "REFRESH",
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
];

const MOST_LEVELS: usize = 64;
/// Between two commas of one level. Chains (`a OR b OR …`) make a tree as deep as they are long, and a tree that
/// is too deep overflows the stack when it is dropped.
const MOST_TOKENS: usize = 4000;

/// A statement's text, and what it is; for the end of a text that cannot be cut into words, why.
#[derive(Debug)]
pub struct Parsed {
    pub text: String,
    pub statement: Result<Statement>,
}

/// Parses a whole script: every statement, or the first error with its place.
pub fn parse(text: &str, file: Option<&Path>) -> Result<Vec<Statement>> {
    parse_each(&Source::new(text, file)).into_iter().map(|parsed| parsed.statement).collect()
}

/// Parses each statement of a script for itself: a mistake in one hides none of another. What is told of one that cannot
/// be read has none of its secrets.
pub fn parse_each(source: &Source) -> Vec<Parsed> {
    let text = source.text();
    let cautious = |error| Hidden::cautious(text).error(error);
    let (tokens, wrong) = split::tokens_before(text);
    let parsed = |tokens: &[TokenWithSpan]| Parsed {
        text: source.between(first(tokens).span.start, last(tokens).span.end).to_string(),
        statement: parse_statement(tokens, source).map_err(|error| {
            let error = syntax::with_commands(syntax::with_quotes(error, tokens), tokens);
            cautious(error)
        }),
    };
    let mut each: Vec<Parsed> = split::statements(&tokens).map(parsed).collect();
    if let Some(error) = wrong {
        let begin = tokens.last().map_or(Location::new(1, 1), |token| token.span.end);
        let statement = Err(cautious(syntax::of_text(&error, text, source)));
        each.push(Parsed { text: source.from(begin).to_string(), statement });
    }
    each
}

impl TryFrom<&str> for Statement {
    type Error = Error;

    /// The text's only statement.
    fn try_from(text: &str) -> Result<Self> {
        let mut statements = parse(text, None)?.into_iter();
        match (statements.next(), statements.next()) {
            (Some(statement), None) => Ok(statement),
            (None, _) => Err(Error::new(Kind::Syntax, "there is no statement here")),
            (Some(_), Some(_)) => Err(Error::new(Kind::Syntax, "expected one statement, found several")),
        }
    }
}

impl TryFrom<&String> for Statement {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self> {
        Statement::try_from(text.as_str())
    }
}

impl TryFrom<String> for Statement {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Statement::try_from(text.as_str())
    }
}

/// The statement that some tokens of a script are.
pub(super) fn parse_statement(tokens: &[TokenWithSpan], source: &Source) -> Result<Statement> {
    check_length(tokens, source)?;
    let hints = hints::of(tokens);
    // The parser never sees the hints, so that the tree holds none: DataFusion refuses some and ignores others.
    let parsed: Vec<_> = tokens.iter().filter(|token| split::hint(&token.token).is_none()).cloned().collect();
    let span = Span::new(first(tokens).span.start, last(tokens).span.end);
    let text = source.between(span.start, span.end).to_string();
    let reader = Reader { tokens, source };
    let (parsed, execs) = exec::tables::replace(parsed, reader)?;
    if !execs.is_empty() {
        // A JSON object is one word of the text, and a chain of conditions here.
        check_length(&parsed, source)?;
    }
    let parser = DFParserBuilder::new(parsed).with_dialect(&DIALECT).with_recursion_limit(MOST_LEVELS).build();
    let mut parser = parser.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    let body = reader.body(&mut parser)?;
    reader.check_end(&parser.parser)?;
    Ok(Statement { body, execs, hints, source: source.about(&text), text, span })
}

/// What is needed to say where an error is.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub tokens: &'a [TokenWithSpan],
    pub source: &'a Source,
}

impl Reader<'_> {
    fn body(self, parser: &mut DFParser<'_>) -> Result<Body> {
        let found = parser.parser.peek_token();
        let word = match &found.token {
            Token::LParen => return writes::statement(&mut parser.parser, self),
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => return Err(self.expected("a statement", &found)),
        };
        match word.as_str() {
            "SELECT" | "WITH" | "VALUES" | "FROM" | "INSERT" | "UPDATE" | "DELETE" => {
                writes::statement(&mut parser.parser, self)
            }
            "EXPLAIN" => self.explain(parser),
            "SHOW" => show::show(&mut parser.parser, self),
            "DESCRIBE" | "DESC" => show::describe(&mut parser.parser, self).map(Body::Describe),
            "SET" => self.set(&mut parser.parser),
            "RESET" => self.reset(&mut parser.parser),
            "USE" => self.use_provider(&mut parser.parser),
            "EXEC" | "EXECUTE" => exec::exec(&mut parser.parser, self).map(Body::Exec),
            "REPLACE" => Err(self
                .wrong(Kind::Statement, "not possible yet: `REPLACE`", found.span)
                .with_hint("`INSERT` makes what is not there, `UPDATE` changes what is")),
            "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" => {
                own::block(&mut parser.parser, &word, self)
            }
            _ => match own::own(parser, &word, self)? {
                Some(body) => Ok(body),
                None => self.other(parser, &word, &found),
            },
        }
    }

    fn explain(self, parser: &mut DFParser<'_>) -> Result<Body> {
        parser.parser.next_token();
        let (mut analyze, mut verbose, mut format) = (false, false, None);
        let listed = parser.parser.peek_token().token == Token::LParen
            && matches!(&parser.parser.peek_nth_token(1).token, Token::Word(word)
                if ["ANALYZE", "VERBOSE", "FORMAT"].iter().any(|option| word.value.eq_ignore_ascii_case(option)));
        if listed {
            parser.parser.next_token();
        }
        loop {
            if parser.parser.parse_keyword(Keyword::ANALYZE) {
                analyze = true;
            } else if parser.parser.parse_keyword(Keyword::VERBOSE) {
                verbose = true;
            } else if parser.parser.parse_keyword(Keyword::FORMAT) {
                format = Some(self.format(&mut parser.parser)?);
            } else if listed {
                return Err(self.expected("ANALYZE, VERBOSE or FORMAT", &parser.parser.peek_token()));
            } else {
                break;
            }
            if listed && !parser.parser.consume_token(&Token::Comma) {
                parser.parser.expect_token(&Token::RParen).map_err(|error| self.refused(&error))?;
                break;
            }
        }
        let found = parser.parser.peek_token();
        if matches!(&found.token, Token::Word(word) if word.keyword == Keyword::EXPLAIN) {
            return Err(self.expected("the statement to explain", &found));
        }
        Ok(Body::Explain { analyze, verbose, format, inner: Box::new(self.body(parser)?) })
    }

    fn format(self, parser: &mut Parser<'_>) -> Result<String> {
        let found = parser.next_token();
        let name = match &found.token {
            Token::Word(word) => word.value.to_ascii_lowercase(),
            Token::SingleQuotedString(text) => text.to_ascii_lowercase(),
            _ => String::new(),
        };
        match name.as_str() {
            "indent" | "tree" | "pgjson" | "graphviz" => Ok(name),
            _ => Err(self.expected("one of `indent`, `tree`, `pgjson` and `graphviz`", &found)),
        }
    }

    /// `SET name = value`, `SET name = (value, …)`, `SET name TO value, …`.
    fn set(self, parser: &mut Parser<'_>) -> Result<Body> {
        parser.next_token();
        let name = self.name(parser)?.to_string();
        if !parser.consume_token(&Token::Eq) && !parser.parse_keyword(Keyword::TO) {
            return Err(self.expected("`=`", &parser.peek_token()));
        }
        let listed = parser.consume_token(&Token::LParen);
        let (mut values, mut params) = (Vec::new(), Vec::new());
        loop {
            let next = parser.peek_token();
            if let Token::Placeholder(text) = next.token {
                parser.next_token();
                params.push((values.len(), Part { text: text.clone(), span: next.span }));
                values.push(text);
            } else {
                values.push(self.value(parser)?);
            }
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
        if listed {
            parser.expect_token(&Token::RParen).map_err(|error| self.refused(&error))?;
        }
        Ok(Body::Set { name, values, params })
    }

    fn value(self, parser: &mut Parser<'_>) -> Result<String> {
        let found = parser.next_token();
        Ok(match found.token {
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => text,
            Token::Number(digits, _) => digits,
            Token::Minus => match parser.next_token() {
                TokenWithSpan { token: Token::Number(digits, _), .. } => format!("-{digits}"),
                other => return Err(self.expected("a number", &other)),
            },
            // `SET x = on`, and what people leave unquoted: `us-east-1` is one value while nothing parts it.
            Token::Word(word) => {
                let mut end = found.span.end;
                let mut text = word.value;
                while parser.peek_token_no_skip().span.start == end
                    && matches!(parser.peek_token_no_skip().token, Token::Word(_) | Token::Number(..) | Token::Minus)
                {
                    let next = parser.next_token();
                    text.push_str(&next.token.to_string());
                    end = next.span.end;
                }
                text
            }
            _ => return Err(self.expected("a value", &found)),
        })
    }

    fn reset(self, parser: &mut Parser<'_>) -> Result<Body> {
        parser.next_token();
        Ok(Body::Reset { name: self.name(parser)?.to_string() })
    }

    /// `USE provider` and `USE provider.service` set what begins a name that is not written in full.
    fn use_provider(self, parser: &mut Parser<'_>) -> Result<Body> {
        parser.next_token();
        let name = self.name(parser)?;
        if name.parts.len() > 2 {
            let message = format!("`{name}` is more than a provider and a service");
            return Err(self
                .wrong(Kind::Name, message, name.span())
                .with_hint("`USE provider` or `USE provider.service`"));
        }
        Ok(Body::Set { name: "iql.provider".to_string(), values: vec![name.to_string()], params: Vec::new() })
    }

    fn other(self, parser: &mut DFParser<'_>, word: &str, found: &TokenWithSpan) -> Result<Body> {
        if let Some(verb) = PARSED.into_iter().find(|verb| *verb == word) {
            parser.parser.parse_statement().map_err(|error| self.refused(&error))?;
            return Ok(Body::Other { verb });
        }
        Err(syntax::unknown_verb(found, &verbs().collect::<Vec<_>>(), self.tokens, self.source))
    }

    /// A dotted name.
    pub(super) fn name(self, parser: &mut Parser<'_>) -> Result<Name> {
        let name = parser.parse_object_name(false).map_err(|error| self.refused(&error))?;
        let parts = name.0.iter().filter_map(|part| part.as_ident()).map(Part::from).collect::<Vec<_>>();
        Ok(Name { parts })
    }

    /// Nothing is left of the statement.
    pub(super) fn check_end(self, parser: &Parser<'_>) -> Result<()> {
        let next = parser.peek_token();
        if next.token == Token::EOF {
            return Ok(());
        }
        let error = self.expected("the end of the statement", &next);
        let starts_another = verbs().any(|verb| next.token.to_string().eq_ignore_ascii_case(verb));
        Err(match syntax::meant_clause(&next, self.tokens) {
            _ if starts_another => error.with_hint("statements are separated by `;`"),
            Some(clause) => error.with_hint(format!("did you mean `{clause}`?")),
            None => error,
        })
    }

    /// Where the statement's text ends.
    pub(super) fn end(self) -> Location {
        last(self.tokens).span.end
    }

    /// A parser of some of the tokens alone.
    pub(super) fn parser<'p>(self, tokens: Vec<TokenWithSpan>) -> Parser<'p> {
        let parser = Parser::new(&DIALECT).with_recursion_limit(MOST_LEVELS);
        parser.with_tokens_with_locations(tokens)
    }

    /// A mistake that is found before anything is sent.
    pub(super) fn wrong(self, kind: Kind, message: impl Into<String>, span: Span) -> Error {
        Error::new(kind, message).at(self.source.place(span)).with_context("nothing was sent")
    }

    pub(super) fn expected(self, what: &str, found: &TokenWithSpan) -> Error {
        syntax::expected(what, found, self.tokens, self.source)
    }

    pub(super) fn refused(self, error: &ParserError) -> Error {
        syntax::of_statement(error, self.tokens, self.source)
    }
}

fn verbs() -> impl Iterator<Item = &'static str> {
    ANSWERED.into_iter().chain(PARSED)
}

fn check_length(tokens: &[TokenWithSpan], source: &Source) -> Result<()> {
    let mut counts = vec![0_usize];
    for token in tokens {
        match token.token {
            Token::LParen | Token::LBracket => counts.push(0),
            Token::RParen | Token::RBracket if counts.len() > 1 => {
                counts.pop();
            }
            Token::Comma => {
                if let Some(count) = counts.last_mut() {
                    *count = 0;
                }
            }
            _ if split::is_space(&token.token) => {}
            _ => {
                let Some(count) = counts.last_mut() else { continue };
                *count += 1;
                if *count > MOST_TOKENS {
                    return Err(Error::new(Kind::Syntax, format!("this expression has more than {MOST_TOKENS} words"))
                        .at(source.place(token.span))
                        .with_hint("many alternatives of one column are written `column IN (…, …)`"));
                }
            }
        }
    }
    Ok(())
}

/// The parser's own words within DataFusion's error, which shows them as Rust would.
pub(super) fn inner_text(shown: &str) -> String {
    let start = shown.find("ParserError(\"").map(|at| &shown[at + "ParserError(\"".len()..]);
    let text = start.map_or(shown, |text| text.rfind("\")").map_or(text, |end| &text[..end]));
    text.replace("\\\"", "\"").replace("\\\\", "\\")
}

fn first(tokens: &[TokenWithSpan]) -> &TokenWithSpan {
    tokens.iter().find(|token| !split::is_space(&token.token)).unwrap_or(&tokens[0])
}

fn last(tokens: &[TokenWithSpan]) -> &TokenWithSpan {
    tokens.iter().rev().find(|token| !split::is_space(&token.token)).unwrap_or(&tokens[tokens.len() - 1])
}
