//! The grammar: sqlparser's own generic one, but for how tightly operators bind. There it follows SQLite, and PostgreSQL
//! where SQLite lacks the operator; the parser's own table reads some conditions otherwise than both, in silence.
//! Knows no names; what two of the models read differently is refused where names are resolved.

use std::any::TypeId;

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

/// What every text is read by.
pub(super) static DIALECT: Ours = Ours(GenericDialect);

#[derive(Debug)]
pub(super) struct Ours(GenericDialect);

/// `a || b`, `*`, `/` and `%`.
const PRODUCT: u8 = 40;
/// `->` and `->>`: above every other operator of two sides.
const ARROW: u8 = 42;
/// `-a`: above the arrows, or `a -> -1 -> 'b'` would be `a -> -(1 -> 'b')`.
const SIGN: u8 = 43;
/// `<`, and its like, above `=`: `a < b = c < d` compares two truths, as in SQLite. PostgreSQL refuses it.
const ORDER: u8 = 21;
/// `&`, `|`, `<<`, `@>`, `~`: below arithmetic, above comparisons, and all alike.
const OTHER: u8 = 22;
/// `=`, LIKE, IN, BETWEEN: alike, from left to right.
const EQUAL: u8 = 20;

/// The generic dialect's answers, where it does not give the trait's own: sqlparser 0.62, `dialect/generic.rs`.
macro_rules! generic {
    ($($name:ident),* $(,)?) => {
        $(fn $name(&self) -> bool {
            self.0.$name()
        })*
    };
}

impl Dialect for Ours {
    /// The parser asks for some things by the dialect's type.
    fn dialect(&self) -> TypeId {
        self.0.dialect()
    }

    fn is_delimited_identifier_start(&self, letter: char) -> bool {
        self.0.is_delimited_identifier_start(letter)
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        self.0.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        self.0.is_identifier_part(letter)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Xor => 7,
            Precedence::Like | Precedence::Eq | Precedence::Between => EQUAL,
            Precedence::PgOther | Precedence::Pipe | Precedence::Caret | Precedence::Ampersand => OTHER,
            // The parser asks for it where a sign stands; the operators are answered for below.
            Precedence::MulDivModOp => SIGN,
            other => self.0.prec_value(other),
        }
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        Some(Ok(match &parser.peek_token_ref().token {
            Token::Arrow | Token::LongArrow | Token::HashArrow | Token::HashLongArrow => ARROW,
            Token::Mul | Token::Div | Token::DuckIntDiv | Token::Mod | Token::StringConcat => PRODUCT,
            Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => ORDER,
            Token::CaretAt
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::DoubleTilde
            | Token::DoubleTildeAsterisk
            | Token::ExclamationMarkDoubleTilde
            | Token::ExclamationMarkDoubleTildeAsterisk => OTHER,
            Token::Word(word) if null_test(word).is_some() => self.prec_value(Precedence::Is),
            _ => return None,
        }))
    }

    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        let Token::Word(word) = &parser.peek_token_ref().token else { return None };
        // `SELECT a ISNULL` would be `a` under another name.
        if let Some(test) = null_test(word) {
            parser.next_token();
            return Some(Ok(test(Box::new(expr.clone()))));
        }
        if word.keyword != Keyword::IS {
            return None;
        }
        // The parser would take all that follows, an AND among it, for the right side.
        let test = if parser.parse_keywords(&[Keyword::IS, Keyword::DISTINCT, Keyword::FROM]) {
            Expr::IsDistinctFrom
        } else if parser.parse_keywords(&[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM]) {
            Expr::IsNotDistinctFrom
        } else {
            return None;
        };
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        Some(right.map(|right| test(Box::new(expr.clone()), Box::new(right))))
    }

    generic!(
        supports_unicode_string_literal,
        supports_partition_by_after_order_by,
        supports_array_join_syntax,
        supports_group_by_expr,
        supports_group_by_with_modifier,
        supports_left_associative_joins_without_parens,
        supports_connect_by,
        supports_match_recognize,
        supports_pipe_operator,
        supports_start_transaction_modifier,
        supports_window_function_null_treatment_arg,
        supports_dictionary_syntax,
        supports_window_clause_named_window_reference,
        supports_parenthesized_set_variables,
        supports_select_wildcard_except,
        support_map_literal_syntax,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_extract_comma_syntax,
        supports_create_view_comment_syntax,
        supports_parens_around_table_factor,
        supports_values_as_table_factor,
        supports_create_index_with_clause,
        supports_explain_with_utility_options,
        supports_limit_comma,
        supports_update_order_by,
        supports_from_first_select,
        supports_projection_trailing_commas,
        supports_asc_desc_in_column_definition,
        supports_try_convert,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_load_extension,
        supports_named_fn_args_with_assignment_operator,
        supports_struct_literal,
        supports_empty_projections,
        supports_nested_comments,
        supports_multiline_comment_hints,
        supports_user_host_grantee,
        supports_string_escape_constant,
        supports_array_typedef_with_brackets,
        supports_match_against,
        supports_set_names,
        supports_comma_separated_set_assignments,
        supports_filter_during_aggregation,
        supports_select_wildcard_exclude,
        supports_data_type_signed_suffix,
        supports_interval_options,
        supports_quote_delimited_string,
        supports_select_wildcard_replace,
        supports_select_wildcard_ilike,
        supports_select_wildcard_rename,
        supports_optimize_table,
        supports_install,
        supports_detach,
        supports_prewhere,
        supports_with_fill,
        supports_limit_by,
        supports_interpolate,
        supports_settings,
        supports_select_format,
        supports_comment_optimizer_hint,
        supports_constraint_keyword_without_name,
        supports_key_column_option,
        supports_comma_separated_trim,
        supports_cte_without_as,
        supports_select_item_multi_column_alias,
        supports_xml_expressions,
    );
}

/// `a ISNULL` and `a NOTNULL`.
fn null_test(word: &Word) -> Option<fn(Box<Expr>) -> Expr> {
    match word.quote_style {
        None if word.value.eq_ignore_ascii_case("isnull") => Some(Expr::IsNull),
        None if word.keyword == Keyword::NOTNULL => Some(Expr::IsNotNull),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
