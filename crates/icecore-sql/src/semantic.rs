//! Forms of semantic views inside queries, which `sqlparser` does not read or
//! reads with a loss: `SEMANTIC_VIEW(v METRICS a AS b ..)` is read as the
//! subquery of a SELECT with marks in its list, and `PARTITION BY EXCLUDING a`
//! as a list that begins with a mark. A mark is an identifier in backticks,
//! which no text of the dialect contains.

use icecore_types::{Code, Error, Name, Result};
use sqlparser::ast::{
    Expr, Ident, ObjectNamePart, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, TableFactor, WildcardAdditionalOptions,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

use crate::relations::{name_of, travel_of};
use crate::{SemanticClause, SemanticItem, SemanticKind, SemanticQuery};

/// Parentheses inside each other whose contents are looked at; the limits of
/// a statement's depth are far below.
const DEEPEST: usize = 1_000;

/// The mark of a query without any clause.
const NOTHING: &str = "NOTHING";
const EXCLUDING: &str = "EXCLUDING";

/// The tokens with the marks in them; every other token keeps its place.
pub(crate) fn marked(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let has = |word: &str| tokens.iter().any(|token| is(token, word));
    if !has("SEMANTIC_VIEW") && !has(EXCLUDING) {
        return tokens;
    }
    let mut marked = Vec::with_capacity(tokens.len() + 8);
    rewrite(&tokens, &mut marked, 0);
    marked
}

fn rewrite(tokens: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>, depth: usize) {
    let mut rest = tokens;
    while let [first, tail @ ..] = rest {
        if is(first, "SEMANTIC_VIEW")
            && depth < DEEPEST
            && stands_for_a_relation(out.last())
            && let Some((inside, after)) = parenthesised(tail)
            && let Some(parts) = Parts::of(inside)
        {
            parts.write(first, out, depth);
            rest = after;
            continue;
        }
        out.push(first.clone());
        if is(first, "BY") && excludes(out, tail) {
            out.push(mark(EXCLUDING, tail[0].span));
            out.push(TokenWithSpan::new(Token::Comma, tail[0].span));
            rest = &tail[1..];
            continue;
        }
        rest = tail;
    }
}

/// Whether `EXCLUDING name` follows PARTITION BY.
fn excludes(out: &[TokenWithSpan], tail: &[TokenWithSpan]) -> bool {
    let partition = out.iter().rev().nth(1).is_some_and(|token| is(token, "PARTITION"));
    let [excluding, next, ..] = tail else { return false };
    let clause = ["ORDER", "ROWS", "RANGE"].iter().any(|word| is(next, word));
    partition && is(excluding, EXCLUDING) && matches!(next.token, Token::Word(_)) && !clause
}

fn stands_for_a_relation(before: Option<&TokenWithSpan>) -> bool {
    before.is_some_and(|before| {
        matches!(before.token, Token::Comma | Token::LParen)
            || ["FROM", "JOIN", "LATERAL"].iter().any(|word| is(before, word))
    })
}

fn is(token: &TokenWithSpan, expected: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value == expected)
}

fn mark(word: &str, span: Span) -> TokenWithSpan {
    let word = Word { value: word.to_owned(), quote_style: Some('`'), keyword: Keyword::NoKeyword };
    TokenWithSpan::new(Token::Word(word), span)
}

fn keyword(word: &str) -> TokenWithSpan {
    TokenWithSpan::new(Token::make_keyword(word), Span::empty())
}

/// What is between a parenthesis that comes first and its end, and what
/// follows.
fn parenthesised(tokens: &[TokenWithSpan]) -> Option<(&[TokenWithSpan], &[TokenWithSpan])> {
    let end = closing(tokens)?;
    Some((tokens.get(1..end)?, tokens.get(end + 1..)?))
}

/// The place of the parenthesis that closes the one that comes first.
fn closing(tokens: &[TokenWithSpan]) -> Option<usize> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then_some(at);
        }
    }
    None
}

/// What is between the parentheses of SEMANTIC_VIEW.
struct Parts<'a> {
    /// The view's name, with AT or BEFORE.
    view: &'a [TokenWithSpan],
    clauses: Vec<(SemanticKind, &'a TokenWithSpan, &'a [TokenWithSpan])>,
    /// With the word WHERE.
    filter: &'a [TokenWithSpan],
}

impl<'a> Parts<'a> {
    /// Nothing if it has another form: `sqlparser` says what is wrong with it.
    fn of(inside: &'a [TokenWithSpan]) -> Option<Self> {
        let view = view(inside)?;
        let mut rest = inside.get(view..)?;
        let mut parts = Self { view: inside.get(..view)?, clauses: Vec::new(), filter: &[] };
        while let [first, tail @ ..] = rest {
            let kind = clause(first)?;
            let end = next_clause(tail);
            let body = tail.get(..end)?;
            match kind {
                _ if body.is_empty() => return None,
                Some(kind) if parts.clauses.iter().any(|(known, ..)| *known == kind) => {
                    return None;
                }
                Some(kind) => parts.clauses.push((kind, first, body)),
                None if !parts.filter.is_empty() => return None,
                None => parts.filter = rest.get(..=end)?,
            }
            rest = tail.get(end..)?;
        }
        Some(parts)
    }

    fn write(&self, word: &TokenWithSpan, out: &mut Vec<TokenWithSpan>, depth: usize) {
        let separator = |out: &mut Vec<TokenWithSpan>| {
            out.push(TokenWithSpan::new(Token::Comma, Span::empty()));
        };
        out.push(TokenWithSpan::new(Token::LParen, word.span));
        out.push(keyword("SELECT"));
        for (at, (kind, place, items)) in self.clauses.iter().enumerate() {
            if at > 0 {
                separator(out);
            }
            out.push(mark(kind.sql(), place.span));
            separator(out);
            rewrite(items, out, depth + 1);
        }
        if self.clauses.is_empty() {
            out.push(mark(NOTHING, word.span));
        }
        out.push(keyword("FROM"));
        out.extend_from_slice(self.view);
        rewrite(self.filter, out, depth + 1);
        out.push(TokenWithSpan::new(Token::RParen, word.span));
    }
}

/// How many tokens are a dotted name with AT or BEFORE.
fn view(tokens: &[TokenWithSpan]) -> Option<usize> {
    let is_word = |at: usize| tokens.get(at).is_some_and(|t| matches!(t.token, Token::Word(_)));
    let is_period = |at: usize| tokens.get(at).is_some_and(|t| t.token == Token::Period);
    let mut at = 0;
    if !is_word(at) || tokens.first().is_some_and(|first| clause(first).is_some()) {
        return None;
    }
    at += 1;
    while is_period(at) {
        while is_period(at) {
            at += 1;
        }
        if !is_word(at) {
            return None;
        }
        at += 1;
    }
    let travels = tokens.get(at).is_some_and(|token| is(token, "AT") || is(token, "BEFORE"));
    if travels {
        let after = tokens.get(at + 1..)?;
        at += 2 + closing(after)?;
    }
    Some(at)
}

/// The clause that a word begins; WHERE is none of the kinds.
fn clause(token: &TokenWithSpan) -> Option<Option<SemanticKind>> {
    if is(token, "WHERE") {
        return Some(None);
    }
    SemanticKind::ALL.into_iter().find(|kind| is(token, kind.sql())).map(Some)
}

/// Where the next clause begins: at a word of a clause that is outside
/// parentheses and behind the end of an expression.
fn next_clause(tokens: &[TokenWithSpan]) -> usize {
    let mut depth = 0usize;
    let mut before: Option<&TokenWithSpan> = None;
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ if depth == 0 && clause(token).is_some() && before.is_some_and(ends) => return at,
            _ => {}
        }
        before = Some(token);
    }
    tokens.len()
}

fn ends(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(_) => {
            !["AS", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE"].iter().any(|w| is(token, w))
        }
        Token::RParen | Token::Number(..) | Token::SingleQuotedString(_) | Token::Mul => true,
        _ => false,
    }
}

/// Takes the mark of PARTITION BY EXCLUDING off a list.
pub(crate) fn take_excluding(partition: &mut Vec<Expr>) -> Vec<Expr> {
    if partition.first().is_some_and(is_excluding) {
        partition.remove(0);
        std::mem::take(partition)
    } else {
        Vec::new()
    }
}

/// Whether an expression is the mark of PARTITION BY EXCLUDING.
pub(crate) fn is_excluding(expression: &Expr) -> bool {
    matches!(expression, Expr::Identifier(Ident { value, quote_style: Some('`'), .. })
        if value == EXCLUDING)
}

impl SemanticQuery {
    /// What a subquery in FROM asks of a semantic view, if it was written as
    /// SEMANTIC_VIEW(..).
    ///
    /// # Errors
    /// `InvalidInput` if it asks for nothing, or for `*`.
    pub fn of(subquery: &Query) -> Result<Option<Self>> {
        let SetExpr::Select(select) = &*subquery.body else { return Ok(None) };
        if marker(select.projection.first()).is_none() {
            return Ok(None);
        }
        let [from] = select.from.as_slice() else { return Ok(None) };
        let TableFactor::Table { name, .. } = &from.relation else { return Ok(None) };
        Ok(Some(Self {
            view: name_of(name)?,
            travel: travel_of(&from.relation)?,
            clauses: clauses(select)?,
            filter: select.selection.clone(),
        }))
    }
}

impl SemanticQuery {
    /// Reads `SEMANTIC_VIEW(..)`.
    ///
    /// # Errors
    /// As [`crate::parse_query`], and `InvalidInput` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let query = crate::parse_query(&format!("SELECT * FROM {text}"))?;
        let other =
            || Error::new(Code::INVALID_STATEMENT, format!("not SEMANTIC_VIEW(..): {text}"));
        let select = query.body.as_select().ok_or_else(other)?;
        match select.from.as_slice() {
            [from] if from.joins.is_empty() => match &from.relation {
                TableFactor::Derived { subquery, .. } => Self::of(subquery)?.ok_or_else(other),
                _ => Err(other()),
            },
            _ => Err(other()),
        }
    }

    /// The subquery that [`Self::of`] reads, from this view as it stands in
    /// FROM, with AT or BEFORE.
    pub fn into_subquery(self, view: &TableFactor) -> Result<Query> {
        let mut query = crate::parse_query("SELECT 1 FROM NOTHING")?;
        let SetExpr::Select(select) = &mut *query.body else {
            return Err(Error::internal("a fixed query is not what it was"));
        };
        select.projection.clear();
        for clause in self.clauses {
            let mark = Ident::with_quote('`', clause.kind.sql());
            select.projection.push(SelectItem::UnnamedExpr(Expr::Identifier(mark)));
            select.projection.extend(clause.items.into_iter().map(|item| match item {
                SemanticItem::AllOf(table) => SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(
                        vec![Ident::with_quote('"', table.as_str())].into(),
                    ),
                    WildcardAdditionalOptions::default(),
                ),
                SemanticItem::One { expression, alias: None } => {
                    SelectItem::UnnamedExpr(*expression)
                }
                SemanticItem::One { expression, alias: Some(alias) } => SelectItem::ExprWithAlias {
                    expr: *expression,
                    alias: Ident::with_quote('"', alias.as_str()),
                },
            }));
        }
        for from in &mut select.from {
            from.relation = view.clone();
        }
        select.selection = self.filter;
        Ok(*query)
    }
}

fn marker(item: Option<&SelectItem>) -> Option<&str> {
    match item? {
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) if ident.quote_style == Some('`') => {
            Some(&ident.value)
        }
        _ => None,
    }
}

fn clauses(select: &Select) -> Result<Vec<SemanticClause>> {
    let mut found: Vec<SemanticClause> = Vec::new();
    for one in &select.projection {
        match (marker(Some(one)), found.last_mut()) {
            (Some(word), _) => {
                let kind = SemanticKind::ALL.into_iter().find(|kind| kind.sql() == word);
                found.extend(kind.map(|kind| SemanticClause { kind, items: Vec::new() }));
            }
            (None, Some(clause)) => clause.items.push(item(one)?),
            (None, None) => return Err(asks_nothing()),
        }
    }
    if found.is_empty() || found.iter().any(|clause| clause.items.is_empty()) {
        return Err(asks_nothing());
    }
    Ok(found)
}

fn asks_nothing() -> Error {
    Error::new(
        Code::INVALID_STATEMENT,
        "a query of a semantic view asks for at least one metric, dimension or fact",
    )
    .with_help("write SEMANTIC_VIEW(v METRICS .. DIMENSIONS ..)")
}

fn item(item: &SelectItem) -> Result<SemanticItem> {
    Ok(match item {
        SelectItem::UnnamedExpr(expression) => {
            SemanticItem::One { expression: Box::new(expression.clone()), alias: None }
        }
        SelectItem::ExprWithAlias { expr, alias } => SemanticItem::One {
            expression: Box::new(expr.clone()),
            alias: Some(Name::quoted(&alias.value)),
        },
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            match name.0.as_slice() {
                [ObjectNamePart::Identifier(table)] => {
                    SemanticItem::AllOf(Name::quoted(&table.value))
                }
                _ => return Err(Error::unsupported(format_args!("{name}.* in SEMANTIC_VIEW(..)"))),
            }
        }
        SelectItem::Wildcard(_) => {
            return Err(Error::new(
                Code::INVALID_STATEMENT,
                "* alone is not allowed in a query of a semantic view",
            )
            .with_help("write table.*"));
        }
        other => return Err(Error::unsupported(format_args!("{other} in SEMANTIC_VIEW(..)"))),
    })
}

#[cfg(test)]
mod tests;
