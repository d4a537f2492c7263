//! What `sqlparser` reads as the dialect, within a budget.

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::{Expr, Ident, ObjectNamePart};
use sqlparser::dialect::{Dialect, SnowflakeDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Snowflake's dialect for queries and expressions, in which the number of
/// expressions that are begun is bounded: `sqlparser` tries some forms twice,
/// so that nested mistakes take time exponential in their depth.
#[derive(Debug)]
pub(crate) struct Bounded {
    left: Cell<u64>,
}

impl Bounded {
    /// For a text of this many tokens.
    pub(crate) fn for_tokens(count: usize) -> Self {
        Self { left: Cell::new(10_000 + 20 * count as u64) }
    }

    /// Whether parsing stopped because the budget was used up.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }
}

macro_rules! as_snowflake_does {
    ($($feature:ident)*) => {
        $(fn $feature(&self) -> bool {
            SnowflakeDialect.$feature()
        })*
    };
}

impl Dialect for Bounded {
    fn dialect(&self) -> TypeId {
        SnowflakeDialect.dialect()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        SnowflakeDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        SnowflakeDialect.is_identifier_part(ch)
    }

    // Features of statements are absent: only queries and expressions are
    // read here. What is read and not supported is refused by name afterwards.
    as_snowflake_does! {
        allow_extract_custom
        allow_extract_single_quotes
        supports_array_typedef_without_element_type
        supports_comma_separated_trim
        supports_connect_by
        supports_dictionary_syntax
        supports_extract_comma_syntax
        supports_from_trailing_commas
        supports_group_by_expr
        supports_lambda_functions
        supports_left_associative_joins_without_parens
        supports_match_recognize
        supports_object_name_double_dot_notation
        supports_outer_join_operator
        supports_parens_around_table_factor
        supports_partiql
        supports_projection_trailing_commas
        supports_select_expr_star
        supports_select_wildcard_exclude
        supports_select_wildcard_ilike
        supports_select_wildcard_rename
        supports_select_wildcard_replace
        supports_semantic_view_table_factor
        supports_string_literal_backslash_escape
        supports_subquery_as_function_arg
        supports_table_versioning
        supports_values_as_table_factor
        supports_window_function_null_treatment_arg
        supports_within_after_array_aggregation
    }

    // Snowflake has it; `sqlparser` does not say so.
    fn supports_order_by_all(&self) -> bool {
        true
    }

    fn parse_prefix(&self, _parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        match self.left.get() {
            0 | 1 => {
                self.left.set(0);
                Some(Err(ParserError::RecursionLimitExceeded))
            }
            left => {
                self.left.set(left - 1);
                None
            }
        }
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        // `a NOT NULL` is no condition, which lets NOT NULL follow a DEFAULT.
        match parser.peek_tokens_ref() {
            [first, second] if is(first, Keyword::NOT) && is(second, Keyword::NULL) => {
                Some(Ok(self.prec_unknown()))
            }
            _ => SnowflakeDialect.get_next_precedence(parser),
        }
    }

    fn is_reserved_for_identifier(&self, kw: Keyword) -> bool {
        SnowflakeDialect.is_reserved_for_identifier(kw)
    }

    fn is_column_alias(&self, kw: &Keyword, parser: &mut Parser) -> bool {
        SnowflakeDialect.is_column_alias(kw, parser)
    }

    fn is_table_alias(&self, kw: &Keyword, parser: &mut Parser) -> bool {
        // `FROM t WINDOW w AS (..)`
        let named_window =
            *kw == Keyword::WINDOW && matches!(parser.peek_token_ref().token, Token::Word(_));
        !named_window && SnowflakeDialect.is_table_alias(kw, parser)
    }

    fn is_table_factor(&self, kw: &Keyword, parser: &mut Parser) -> bool {
        SnowflakeDialect.is_table_factor(kw, parser)
    }

    fn get_reserved_keywords_for_select_item_operator(&self) -> &[Keyword] {
        SnowflakeDialect.get_reserved_keywords_for_select_item_operator()
    }

    fn is_identifier_generating_function_name(
        &self,
        ident: &Ident,
        name_parts: &[ObjectNamePart],
    ) -> bool {
        SnowflakeDialect.is_identifier_generating_function_name(ident, name_parts)
    }
}

fn is(token: &TokenWithSpan, keyword: Keyword) -> bool {
    matches!(&token.token, Token::Word(word) if word.keyword == keyword)
}
