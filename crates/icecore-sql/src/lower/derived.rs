//! Queries that are put around other queries.

use icecore_types::{Error, Name, Result};
use sqlparser::ast::{
    Expr, Ident, Parens, Query, SetExpr, TableAlias, TableAliasColumnDef, TableFactor,
    TableWithJoins, Values,
};
use sqlparser::tokenizer::Span;

/// The query `VALUES (..), (..)` of these rows, whose columns have no names
/// that anybody should rely on.
///
/// ```
/// use icecore_sql::{parse_expression, values_query};
/// let query = values_query(vec![vec![parse_expression("1")?, parse_expression("'a'")?]]);
/// assert_eq!(query.to_string(), "VALUES (1, 'a')");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn values_query(rows: Vec<Vec<Expr>>) -> Query {
    let rows = rows.into_iter().map(Parens::with_empty_span).collect();
    plain(SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows }))
}

/// `SELECT * FROM (query) AS Q (names)`.
pub(crate) fn with_columns(query: Box<Query>, names: &[Name]) -> Result<Box<Query>> {
    let columns = names.iter().map(|name| Ident::with_quote('"', name.as_str())).collect();
    selected_from(query, alias("Q", columns))
}

/// Calls the columns of VALUES as Snowflake does: COLUMN1, COLUMN2 and so on,
/// of a set operation in its first part.
pub(crate) fn name_values(query: &mut Query) -> Result<()> {
    let mut body = &mut *query.body;
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    let SetExpr::Values(values) = &*body else { return Ok(()) };
    let width = values.rows.first().map_or(0, |row| row.len());
    let columns = (1..=width).map(|n| Ident::new(format!("COLUMN{n}"))).collect();
    let rows = plain(std::mem::replace(body, nothing()?));
    *body = *selected_from(Box::new(rows), alias("VALUES", columns))?.body;
    Ok(())
}

/// A query that is nothing but its body.
fn plain(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// `SELECT * FROM NOTHING`, to be changed.
fn nothing() -> Result<SetExpr> {
    let dialect = crate::dialect::Bounded::for_tokens(0);
    let parsed = sqlparser::parser::Parser::new(&dialect)
        .try_with_sql("SELECT * FROM NOTHING")
        .and_then(|mut parser| parser.parse_query());
    match parsed {
        Ok(query) => Ok(*query.body),
        Err(source) => Err(Error::internal("a fixed query is not read").with_source(source)),
    }
}

fn selected_from(subquery: Box<Query>, alias: TableAlias) -> Result<Box<Query>> {
    let mut body = nothing()?;
    let derived =
        TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
    if let SetExpr::Select(select) = &mut body {
        select.from = vec![TableWithJoins { relation: derived, joins: Vec::new() }];
    }
    Ok(Box::new(plain(body)))
}

fn alias(name: &str, columns: Vec<Ident>) -> TableAlias {
    let columns =
        columns.into_iter().map(|name| TableAliasColumnDef { name, data_type: None }).collect();
    let name = Ident { value: name.to_owned(), quote_style: Some('"'), span: Span::empty() };
    TableAlias { explicit: true, name, columns, at: None }
}
