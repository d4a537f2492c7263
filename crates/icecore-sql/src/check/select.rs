//! Queries and their SELECTs.

use icecore_types::{Code, Error, Result};
use sqlparser::ast::{
    Distinct, ExcludeSelectItem, Fetch, GroupByExpr, LimitClause, NamedWindowDefinition,
    NamedWindowExpr, OrderBy, OrderByKind, Query, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Top, Values, WildcardAdditionalOptions,
};

use super::{from, refuse};

pub(super) fn query(query: &Query) -> Result<()> {
    let Query {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    if let Some(with) = with {
        for cte in &with.cte_tables {
            if with.recursive {
                recursive(&cte.query)?;
            }
            refuse(cte.from.is_some(), "FROM behind a common table expression")?;
            refuse(cte.materialized.is_some(), "MATERIALIZED common table expressions")?;
        }
    }
    refuse(!locks.is_empty(), "FOR UPDATE and FOR SHARE")?;
    refuse(for_clause.is_some(), "FOR XML and FOR JSON")?;
    refuse(settings.is_some(), "SETTINGS")?;
    refuse(format_clause.is_some(), "FORMAT")?;
    refuse(!pipe_operators.is_empty(), "the pipe operator (|>)")?;
    if let Some(order) = order_by {
        order_by_clause(order)?;
    }
    set_body(body)?;
    row_limits(body, limit_clause.as_ref(), fetch.as_ref())
}

/// The planner takes the two sides of the UNION and nothing else of the query.
fn recursive(query: &Query) -> Result<()> {
    let is_bare = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none();
    let is_union = matches!(*query.body, SetExpr::SetOperation { .. });
    refuse(is_union && !is_bare, "WITH, ORDER BY and LIMIT of a recursive common table expression")
}

fn order_by_clause(order: &OrderBy) -> Result<()> {
    let OrderBy { kind, interpolate } = order;
    refuse(interpolate.is_some(), "INTERPOLATE")?;
    match kind {
        OrderByKind::All(_) => Ok(()),
        OrderByKind::Expressions(list) => {
            refuse(list.iter().any(|item| item.with_fill.is_some()), "WITH FILL")
        }
    }
}

/// LIMIT, FETCH and TOP: at most one of them, and a plain number of rows.
fn row_limits(body: &SetExpr, limit: Option<&LimitClause>, fetch: Option<&Fetch>) -> Result<()> {
    let mut given = 0;
    match limit {
        Some(LimitClause::LimitOffset { limit, offset: _, limit_by }) => {
            refuse(!limit_by.is_empty(), "LIMIT BY")?;
            given += usize::from(limit.is_some());
        }
        Some(LimitClause::OffsetCommaLimit { .. }) => {
            return Err(Error::unsupported("LIMIT offset, count"));
        }
        None => {}
    }
    if let Some(Fetch { with_ties, percent, quantity: _ }) = fetch {
        refuse(*with_ties, "FETCH .. WITH TIES")?;
        refuse(*percent, "FETCH .. PERCENT")?;
        given += 1;
    }
    if let SetExpr::Select(select) = body {
        given += usize::from(select.top.is_some());
    }
    if given > 1 {
        return Err(Error::new(Code::INVALID_STATEMENT, "a query has one of LIMIT, FETCH and TOP"));
    }
    Ok(())
}

/// What a query is made of, down to its SELECTs.
fn set_body(body: &SetExpr) -> Result<()> {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) => Ok(()),
        SetExpr::Values(Values { explicit_row, value_keyword, rows: _ }) => {
            refuse(*explicit_row, "VALUES ROW(..)")?;
            refuse(*value_keyword, "VALUE")
        }
        SetExpr::SetOperation { left, op: _, set_quantifier: _, right } => {
            for side in [left, right] {
                if let SetExpr::Select(select) = &**side {
                    refuse(select.top.is_some(), "TOP in a part of a set operation")?;
                }
                set_body(side)?;
            }
            Ok(())
        }
        SetExpr::Insert(_) => Err(Error::unsupported("INSERT inside a query")),
        SetExpr::Update(_) => Err(Error::unsupported("UPDATE inside a query")),
        SetExpr::Delete(_) => Err(Error::unsupported("DELETE inside a query")),
        SetExpr::Merge(_) => Err(Error::unsupported("MERGE inside a query")),
        SetExpr::Table(_) => Err(Error::unsupported("TABLE as a query")),
    }
}

pub(super) fn select(select: &Select) -> Result<()> {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection,
        exclude,
        into,
        from: tables,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window,
        qualify: _,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    refuse(!optimizer_hints.is_empty(), "optimizer hints")?;
    refuse(matches!(distinct, Some(Distinct::On(_))), "DISTINCT ON")?;
    refuse(select_modifiers.as_ref().is_some_and(|m| m.is_any_set()), "modifiers of SELECT")?;
    if let Some(Top { with_ties, percent, quantity: _ }) = top {
        refuse(*with_ties, "TOP .. WITH TIES")?;
        refuse(*percent, "TOP .. PERCENT")?;
    }
    refuse(exclude.is_some(), "EXCLUDE behind a select list")?;
    refuse(into.is_some(), "SELECT INTO")?;
    refuse(!lateral_views.is_empty(), "LATERAL VIEW")?;
    refuse(prewhere.is_some(), "PREWHERE")?;
    refuse(!connect_by.is_empty(), "CONNECT BY")?;
    refuse(!cluster_by.is_empty(), "CLUSTER BY in a query")?;
    refuse(!distribute_by.is_empty(), "DISTRIBUTE BY")?;
    refuse(!sort_by.is_empty(), "SORT BY")?;
    refuse(value_table_mode.is_some(), "SELECT AS VALUE and AS STRUCT")?;
    refuse(*flavor != SelectFlavor::Standard, "a query that begins with FROM")?;
    match group_by {
        GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => {
            refuse(!modifiers.is_empty(), "GROUP BY .. WITH")?;
        }
    }
    for NamedWindowDefinition(_, window) in named_window {
        match window {
            NamedWindowExpr::WindowSpec(spec) => {
                refuse(spec.window_name.is_some(), "a named window inside WINDOW (..)")?;
            }
            NamedWindowExpr::NamedWindow(_) => {
                return Err(Error::unsupported("a window that is named by another"));
            }
        }
    }
    projection.iter().try_for_each(item)?;
    tables.iter().try_for_each(from::joins)
}

fn item(item: &SelectItem) -> Result<()> {
    match item {
        SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { expr: _, alias: _ } => Ok(()),
        SelectItem::ExprWithAliases { .. } => Err(Error::unsupported("several aliases")),
        SelectItem::Wildcard(options) => wildcard(options),
        SelectItem::QualifiedWildcard(kind, options) => {
            let expression = matches!(kind, SelectItemQualifiedWildcardKind::Expr(_));
            refuse(expression, "* of an expression")?;
            wildcard(options)
        }
    }
}

fn wildcard(options: &WildcardAdditionalOptions) -> Result<()> {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace: _,
        opt_rename,
        opt_alias,
    } = options;
    if let Some(ExcludeSelectItem::Single(name)) = opt_exclude {
        refuse(name.0.len() > 1, "EXCLUDE of a qualified name")?;
    }
    if let Some(ExcludeSelectItem::Multiple(names)) = opt_exclude {
        refuse(names.iter().any(|name| name.0.len() > 1), "EXCLUDE of a qualified name")?;
    }
    refuse(opt_ilike.is_some(), "SELECT * ILIKE")?;
    refuse(opt_except.is_some(), "SELECT * EXCEPT")?;
    refuse(opt_rename.is_some(), "SELECT * RENAME")?;
    refuse(opt_alias.is_some(), "SELECT * AS")
}
