//! `DFParser` as far as `sql` uses it.

use sqlparser::ast::{self, ColumnDef, ObjectName, Query, Value};
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

static DIALECT: GenericDialect = GenericDialect {};

pub struct DFParser<'a> {
    pub parser: Parser<'a>,
}

pub struct DFParserBuilder<'a> {
    tokens: Vec<TokenWithSpan>,
    dialect: &'a dyn Dialect,
    levels: usize,
}

#[derive(Debug, Clone)]
pub enum Statement {
    Statement(Box<ast::Statement>),
    CreateExternalTable(CreateExternalTable),
    CopyTo(CopyToStatement),
}

#[derive(Debug, Clone)]
pub struct CreateExternalTable {
    pub name: ObjectName,
    pub columns: Vec<ColumnDef>,
    pub file_type: String,
    pub locations: Vec<String>,
    pub if_not_exists: bool,
    pub or_replace: bool,
}

#[derive(Debug, Clone)]
pub struct CopyToStatement {
    pub source: CopyToSource,
    pub target: String,
    pub partitioned_by: Vec<String>,
    pub stored_as: Option<String>,
    pub options: Vec<(String, Value)>,
}

#[derive(Debug, Clone)]
pub enum CopyToSource {
    Relation(ObjectName),
    Query(Box<Query>),
}

impl<'a> DFParserBuilder<'a> {
    pub fn new(tokens: Vec<TokenWithSpan>) -> Self {
        DFParserBuilder { tokens, dialect: &DIALECT, levels: 50 }
    }

    pub fn with_dialect(self, dialect: &'a dyn Dialect) -> Self {
        DFParserBuilder { dialect, ..self }
    }

    pub fn with_recursion_limit(self, levels: usize) -> Self {
        DFParserBuilder { levels, ..self }
    }

    pub fn build(self) -> Result<DFParser<'a>, ParserError> {
        let parser = Parser::new(self.dialect).with_tokens_with_locations(self.tokens);
        Ok(DFParser { parser: parser.with_recursion_limit(self.levels) })
    }
}

impl DFParser<'_> {
    pub fn parse_statement(&mut self) -> Result<Statement, ParserError> {
        if self.parser.parse_keyword(Keyword::COPY) {
            return self.copy().map(Statement::CopyTo);
        }
        if self.parser.parse_keyword(Keyword::CREATE) {
            let or_replace = self.parser.parse_keywords(&[Keyword::OR, Keyword::REPLACE]);
            if self.parser.parse_keyword(Keyword::EXTERNAL) {
                return self.file(or_replace).map(Statement::CreateExternalTable);
            }
        }
        self.parser.parse_statement().map(Box::new).map(Statement::Statement)
    }

    fn copy(&mut self) -> Result<CopyToStatement, ParserError> {
        let source = if self.parser.consume_token(&Token::LParen) {
            let query = self.parser.parse_query()?;
            self.parser.expect_token(&Token::RParen)?;
            CopyToSource::Query(query)
        } else {
            CopyToSource::Relation(self.parser.parse_object_name(true)?)
        };
        self.parser.expect_keyword(Keyword::TO)?;
        let target = self.parser.parse_literal_string()?;
        let stored_as = self.stored_as()?;
        let mut options = Vec::new();
        if self.parser.parse_keyword(Keyword::OPTIONS) {
            self.parser.expect_token(&Token::LParen)?;
            while !self.parser.consume_token(&Token::RParen) {
                options.push((self.parser.parse_literal_string()?, self.parser.parse_value()?.value));
                let _is_last = !self.parser.consume_token(&Token::Comma);
            }
        }
        Ok(CopyToStatement { source, target, partitioned_by: Vec::new(), stored_as, options })
    }

    fn file(&mut self, or_replace: bool) -> Result<CreateExternalTable, ParserError> {
        self.parser.expect_keyword(Keyword::TABLE)?;
        let if_not_exists = self.parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
        let name = self.parser.parse_object_name(true)?;
        let (columns, _) = self.parser.parse_columns()?;
        let file_type = self.stored_as()?.unwrap_or_default();
        self.parser.expect_keyword(Keyword::LOCATION)?;
        let locations = vec![self.parser.parse_literal_string()?];
        Ok(CreateExternalTable { name, columns, file_type, locations, if_not_exists, or_replace })
    }

    fn stored_as(&mut self) -> Result<Option<String>, ParserError> {
        let is_said = self.parser.parse_keywords(&[Keyword::STORED, Keyword::AS]);
        is_said.then(|| self.parser.parse_identifier().map(|ident| ident.value)).transpose()
    }
}
