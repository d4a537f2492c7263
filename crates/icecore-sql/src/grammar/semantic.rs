//! CREATE SEMANTIC VIEW. The order of its clauses is fixed.

use icecore_types::{Code, Error, Name, Result};
use sqlparser::ast::{Expr, WindowType};
use sqlparser::tokenizer::Token;

use super::create::Existing;
use super::{option, refusal};
use crate::balance::balance;
use crate::cursor::Cursor;
use crate::semantic::take_excluding;
use crate::{
    CreateSemanticView, DistinctRange, NonAdditive, RelationshipTarget, SemanticExpression,
    SemanticKind, SemanticRelationship, SemanticTable, VerifiedQuery, check, lower,
};

pub(super) fn create(cursor: &mut Cursor<'_>, existing: Existing) -> Result<CreateSemanticView> {
    refusal::tokens(cursor)?;
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    let tables = required(cursor, "TABLES", table)?;
    let relationships = optional(cursor, "RELATIONSHIPS", relationship)?;
    let facts = optional(cursor, "FACTS", |c| expression(c, SemanticKind::Facts))?;
    let dimensions = optional(cursor, "DIMENSIONS", |c| expression(c, SemanticKind::Dimensions))?;
    let metrics = optional(cursor, "METRICS", |c| expression(c, SemanticKind::Metrics))?;
    let mut created = CreateSemanticView {
        or_replace: existing.or_replace,
        if_not_exists,
        name,
        tables,
        relationships,
        facts,
        dimensions,
        metrics,
        comment: None,
        ai_sql_generation: None,
        ai_verified_queries: Vec::new(),
        copy_grants: false,
    };
    properties(cursor, &mut created)?;
    if created.dimensions.is_empty() && created.metrics.is_empty() {
        return Err(Error::new(
            Code::INVALID_STATEMENT,
            "a semantic view has at least one dimension or metric",
        ));
    }
    Ok(created)
}

/// COMMENT, AI_SQL_GENERATION and AI_VERIFIED_QUERIES, in this order.
fn properties(cursor: &mut Cursor<'_>, created: &mut CreateSemanticView) -> Result<()> {
    created.comment = comment(cursor)?;
    if cursor.accept(&["AI_SQL_GENERATION"]) {
        let _optional = cursor.accept_token(&Token::Eq);
        created.ai_sql_generation = Some(cursor.string()?);
    }
    created.ai_verified_queries = optional(cursor, "AI_VERIFIED_QUERIES", verified_query)?;
    if cursor.are_next(&["WITH", "TAG"]) {
        return Err(Error::unsupported("CREATE SEMANTIC VIEW .. WITH TAG"));
    }
    created.copy_grants = cursor.accept(&["COPY", "GRANTS"]);
    if cursor.is_next("AI_QUESTION_CATEGORIZATION") || cursor.is_next("TAG") {
        let clause = cursor.next_text().to_uppercase();
        return Err(Error::unsupported(format_args!("CREATE SEMANTIC VIEW .. {clause}")));
    }
    if cursor.is_done() {
        return Ok(());
    }
    Err(cursor.unexpected().with_help(
        "the clauses are TABLES, RELATIONSHIPS, FACTS, DIMENSIONS, METRICS, COMMENT, \
         AI_SQL_GENERATION, AI_VERIFIED_QUERIES, in this order",
    ))
}

/// `WORD (a, b)`.
fn required<T>(
    cursor: &mut Cursor<'_>,
    word: &str,
    one: impl FnMut(&mut Cursor<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    cursor.expect(&[word])?;
    cursor.expect_token(&Token::LParen)?;
    let found = cursor.list(one)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(found)
}

fn optional<T>(
    cursor: &mut Cursor<'_>,
    word: &str,
    one: impl FnMut(&mut Cursor<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    if cursor.is_next(word) { required(cursor, word, one) } else { Ok(Vec::new()) }
}

fn table(cursor: &mut Cursor<'_>) -> Result<SemanticTable> {
    let alias = (cursor.peek_word_at(1) == Some("AS")).then(|| cursor.name()).transpose()?;
    if alias.is_some() {
        cursor.expect(&["AS"])?;
    }
    let base = cursor.qualified_name()?;
    if *cursor.peek() == Token::LParen {
        return Err(Error::unsupported("a query or function as a table of a semantic view"));
    }
    let mut table = SemanticTable {
        name: alias.unwrap_or_else(|| base.name.clone()),
        base,
        primary_key: Vec::new(),
        unique: Vec::new(),
        ranges: Vec::new(),
        synonyms: Vec::new(),
        comment: None,
    };
    if cursor.accept(&["PRIMARY", "KEY"]) {
        table.primary_key = cursor.names_in_parentheses()?;
    }
    while cursor.accept(&["UNIQUE"]) {
        table.unique.push(cursor.names_in_parentheses()?);
    }
    while cursor.accept(&["CONSTRAINT"]) {
        table.ranges.push(distinct_range(cursor)?);
    }
    table.synonyms = synonyms(cursor)?;
    table.comment = comment(cursor)?;
    refuse_tag(cursor)?;
    Ok(table)
}

fn distinct_range(cursor: &mut Cursor<'_>) -> Result<DistinctRange> {
    let name = cursor.name()?;
    cursor.expect(&["DISTINCT", "RANGE"])?;
    let (start, end) = between(cursor)?;
    Ok(DistinctRange { name, start, end })
}

fn between(cursor: &mut Cursor<'_>) -> Result<(Name, Name)> {
    cursor.expect(&["BETWEEN"])?;
    let start = cursor.name()?;
    cursor.expect(&["AND"])?;
    let end = cursor.name()?;
    cursor.expect(&["EXCLUSIVE"])?;
    Ok((start, end))
}

fn relationship(cursor: &mut Cursor<'_>) -> Result<SemanticRelationship> {
    let name = (cursor.peek_word_at(1) == Some("AS")).then(|| cursor.name()).transpose()?;
    if name.is_some() {
        cursor.expect(&["AS"])?;
    }
    let table = cursor.name()?;
    let columns = cursor.names_in_parentheses()?;
    cursor.expect(&["REFERENCES"])?;
    let references = cursor.name()?;
    let target = target(cursor)?;
    Ok(SemanticRelationship { name, table, columns, references, target })
}

fn target(cursor: &mut Cursor<'_>) -> Result<RelationshipTarget> {
    if !cursor.accept_token(&Token::LParen) {
        return Ok(RelationshipTarget::PrimaryKey);
    }
    let target = if cursor.is_next("BETWEEN") {
        let (start, end) = between(cursor)?;
        RelationshipTarget::Range { start, end }
    } else {
        let mut as_of = None;
        let mut count = 0;
        let columns = cursor.list(|cursor| {
            let named_asof = matches!(cursor.peek_at(1), Token::Comma | Token::RParen);
            if cursor.is_next("ASOF") && !named_asof {
                if as_of.is_some() {
                    return Err(cursor.unexpected().with_help("ASOF stands before one column"));
                }
                cursor.advance();
                as_of = Some(count);
            }
            count += 1;
            cursor.name()
        })?;
        match as_of {
            Some(at) => RelationshipTarget::AsOf { columns, at },
            None => RelationshipTarget::Key(columns),
        }
    };
    cursor.expect_token(&Token::RParen)?;
    Ok(target)
}

fn expression(cursor: &mut Cursor<'_>, kind: SemanticKind) -> Result<SemanticExpression> {
    let private = visibility(cursor, kind)?;
    let first = cursor.name()?;
    let second = cursor.accept_token(&Token::Period).then(|| cursor.name()).transpose()?;
    let (table, name) = match second {
        Some(name) => (Some(first), name),
        None => (None, first),
    };
    let labels = labels(cursor)?;
    let mut found = SemanticExpression {
        table,
        name,
        private,
        labels,
        using: Vec::new(),
        non_additive: Vec::new(),
        expression: Expr::Value(sqlparser::ast::Value::Null.into()),
        excluding: Vec::new(),
        text: String::new(),
        synonyms: Vec::new(),
        comment: None,
    };
    if kind == SemanticKind::Metrics {
        if cursor.accept(&["USING"]) {
            found.using = cursor.names_in_parentheses()?;
        }
        if cursor.accept(&["NON", "ADDITIVE", "BY"]) {
            cursor.expect_token(&Token::LParen)?;
            found.non_additive = cursor.list(non_additive)?;
            cursor.expect_token(&Token::RParen)?;
        }
    }
    cursor.expect(&["AS"])?;
    let from = cursor.at();
    (found.expression, found.excluding) = defining(cursor)?;
    found.text = cursor.text_since(from).to_owned();
    found.synonyms = synonyms(cursor)?;
    found.comment = comment(cursor)?;
    refuse_tag(cursor)?;
    Ok(found)
}

/// PRIVATE or PUBLIC, unless that is the name itself.
fn visibility(cursor: &mut Cursor<'_>, kind: SemanticKind) -> Result<bool> {
    let is_word =
        !matches!(cursor.peek_at(1), Token::Period) && cursor.peek_word_at(1) != Some("AS");
    if is_word && cursor.is_next("PRIVATE") {
        if kind == SemanticKind::Dimensions {
            return Err(cursor.unexpected().with_help("dimensions are always public"));
        }
        cursor.advance();
        return Ok(true);
    }
    if is_word && cursor.is_next("PUBLIC") {
        cursor.advance();
    }
    Ok(false)
}

fn labels(cursor: &mut Cursor<'_>) -> Result<Vec<Name>> {
    if !cursor.accept(&["LABELS"]) {
        return Ok(Vec::new());
    }
    let _optional = cursor.accept_token(&Token::Eq);
    let labels = cursor.names_in_parentheses()?;
    match labels.iter().find(|label| label.as_str() != "FILTER") {
        None => Ok(labels),
        Some(other) => {
            Err(Error::unsupported(format_args!("LABELS = ({other})"))
                .with_help("the label is FILTER"))
        }
    }
}

fn non_additive(cursor: &mut Cursor<'_>) -> Result<NonAdditive> {
    let first = cursor.name()?;
    let second = cursor.accept_token(&Token::Period).then(|| cursor.name()).transpose()?;
    let (table, name) = match second {
        Some(name) => (Some(first), name),
        None => (None, first),
    };
    let descending = cursor.accept(&["DESC"]);
    if !descending {
        let _default = cursor.accept(&["ASC"]);
    }
    let nulls_first = if cursor.accept(&["NULLS", "FIRST"]) {
        Some(true)
    } else {
        cursor.accept(&["NULLS", "LAST"]).then_some(false)
    };
    Ok(NonAdditive { table, name, descending, nulls_first })
}

/// An expression, and what its PARTITION BY EXCLUDING names.
fn defining(cursor: &mut Cursor<'_>) -> Result<(Expr, Vec<Expr>)> {
    let mut expression = cursor.expression()?;
    let mut excluding = Vec::new();
    if let Expr::Function(function) = &mut expression
        && let Some(WindowType::WindowSpec(window)) = &mut function.over
    {
        excluding = take_excluding(&mut window.partition_by);
    }
    for part in std::iter::once(&mut expression).chain(&mut excluding) {
        balance(part);
        check::expression(part)?;
        lower::expression(part, cursor)?;
    }
    Ok((expression, excluding))
}

fn synonyms(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    if !cursor.accept(&["WITH", "SYNONYMS"]) {
        return Ok(Vec::new());
    }
    let _optional = cursor.accept_token(&Token::Eq);
    cursor.expect_token(&Token::LParen)?;
    let found = cursor.list(Cursor::string)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(found)
}

fn comment(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if !cursor.is_next("COMMENT") {
        return Ok(None);
    }
    option::key(cursor)?;
    cursor.string().map(Some)
}

fn refuse_tag(cursor: &Cursor<'_>) -> Result<()> {
    if cursor.are_next(&["WITH", "TAG"]) || cursor.is_next("TAG") {
        return Err(Error::unsupported("WITH TAG in a semantic view"));
    }
    Ok(())
}

/// `name AS (KEY 'text' ..)`, with or without commas and signs.
fn verified_query(cursor: &mut Cursor<'_>) -> Result<VerifiedQuery> {
    const PROPERTIES: [&str; 5] =
        ["QUESTION", "SQL", "VERIFIED_AT", "VERIFIED_BY", "ONBOARDING_QUESTION"];
    let name = cursor.name()?;
    cursor.expect(&["AS"])?;
    cursor.expect_token(&Token::LParen)?;
    let mut properties = Vec::new();
    while !cursor.accept_token(&Token::RParen) {
        let key = cursor.peek_word().map(str::to_owned).ok_or_else(|| cursor.unexpected())?;
        if !PROPERTIES.contains(&key.as_str()) {
            return Err(Error::unsupported(format_args!("AI_VERIFIED_QUERIES .. {key}")));
        }
        cursor.advance();
        let _optional = cursor.accept_token(&Token::Eq);
        let value = match cursor.peek() {
            Token::SingleQuotedString(_) => cursor.string()?,
            Token::Number(text, _) => {
                let text = text.clone();
                cursor.advance();
                text
            }
            Token::Word(_) => cursor.name()?.as_str().to_owned(),
            _ => return Err(cursor.unexpected()),
        };
        properties.push((key, value));
        let _separator = cursor.accept_token(&Token::Comma);
    }
    Ok(VerifiedQuery { name, properties })
}
