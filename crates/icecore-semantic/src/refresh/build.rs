//! Trees of SQL, taken apart and put together.

use std::ops::ControlFlow;

use icecore_sql::ast::{
    Expr, Function, FunctionArguments, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator,
    ObjectName, ObjectNamePart, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, SetOperator, SetQuantifier, TableFactor, WildcardAdditionalOptions, visit_expressions,
    visit_expressions_mut,
};
use icecore_types::{Error, Name, Result};

use super::{Reason, Sources};

/// A table of a FROM, under the name that its columns have in the query.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) table: ObjectName,
    pub(super) alias: Ident,
    pub(super) columns: Vec<Name>,
}

pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

pub(super) fn column(name: &str) -> Expr {
    Expr::Identifier(quoted(name))
}

pub(super) fn item(expr: Expr, name: &str) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: quoted(name) }
}

/// The tables of a FROM, in its order.
pub(super) fn sources(select: &Select, facts: &dyn Sources) -> Result<Vec<Source>, Reason> {
    let mut found = Vec::new();
    for table in &select.from {
        found.push(source(&table.relation, facts)?);
        for join in &table.joins {
            inner(join)?;
            found.push(source(&join.relation, facts)?);
        }
    }
    Ok(found)
}

fn inner(join: &Join) -> Result<(), Reason> {
    match &join.join_operator {
        JoinOperator::Join(JoinConstraint::On(_))
        | JoinOperator::Inner(JoinConstraint::On(_))
        | JoinOperator::Join(JoinConstraint::None)
        | JoinOperator::Inner(JoinConstraint::None)
        | JoinOperator::CrossJoin(JoinConstraint::None) => Ok(()),
        JoinOperator::Join(_) | JoinOperator::Inner(_) => {
            Err("the query has a join with USING or NATURAL".into())
        }
        _ => Err("the query has a join that is not an inner one".into()),
    }
}

fn source(factor: &TableFactor, facts: &dyn Sources) -> Result<Source, Reason> {
    let TableFactor::Table { name, alias, args: None, version: None, sample: None, .. } = factor
    else {
        return Err("the query reads something else than tables".into());
    };
    let last = match (alias, name.0.last()) {
        (Some(alias), _) if !alias.columns.is_empty() => {
            return Err("the query names the columns of a table otherwise".into());
        }
        (Some(alias), _) => alias.name.clone(),
        (None, Some(ObjectNamePart::Identifier(ident))) => ident.clone(),
        _ => return Err("the query reads something else than tables".into()),
    };
    let columns = facts.columns(name)?;
    if columns.iter().any(|column| column.as_str().starts_with('$')) {
        return Err(format!("table {name} has a column whose name begins with $"));
    }
    Ok(Source { table: name.clone(), alias: last, columns })
}

/// The SELECT over other tables: those of this name, one after the other.
pub(super) fn over(select: &Select, name: impl Fn(usize) -> String) -> Select {
    let mut select = select.clone();
    let mut number = 0;
    let mut rename = |factor: &mut TableFactor| {
        if let TableFactor::Table { name: table, alias, .. } = factor {
            if alias.is_none()
                && let Some(ObjectNamePart::Identifier(last)) = table.0.last().cloned()
            {
                *alias = Some(icecore_sql::ast::TableAlias {
                    explicit: true,
                    name: last,
                    columns: Vec::new(),
                    at: None,
                });
            }
            *table = ObjectName(vec![ObjectNamePart::Identifier(quoted(&name(number)))]);
        }
        number += 1;
    };
    for table in &mut select.from {
        rename(&mut table.relation);
        for join in &mut table.joins {
            rename(&mut join.relation);
        }
    }
    select
}

/// The items with `*` written out, each with a name.
pub(super) fn items(select: &Select, sources: &[Source]) -> Result<Vec<SelectItem>, Reason> {
    let mut found = Vec::new();
    for selected in &select.projection {
        match selected {
            SelectItem::ExprWithAlias { .. } => found.push(selected.clone()),
            SelectItem::UnnamedExpr(expr) => {
                let name = match expr {
                    Expr::Identifier(ident) => ident.clone(),
                    Expr::CompoundIdentifier(parts) => parts
                        .last()
                        .cloned()
                        .ok_or_else(|| "the query has a column without a name".to_owned())?,
                    // Of a later part of a UNION ALL, where nobody sees it.
                    _ => quoted(&format!("${}", found.len() + 1)),
                };
                found.push(SelectItem::ExprWithAlias { expr: expr.clone(), alias: name });
            }
            SelectItem::Wildcard(options) => {
                without_options(options)?;
                sources.iter().for_each(|source| all_columns(source, &mut found));
            }
            SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) => {
                without_options(options)?;
                let wanted = match name.0.as_slice() {
                    [ObjectNamePart::Identifier(ident)] => ident.value.clone(),
                    _ => return Err(format!("the query selects {name}.*")),
                };
                let source = sources.iter().find(|source| source.alias.value == wanted);
                let source = source.ok_or_else(|| format!("the query selects {name}.*"))?;
                all_columns(source, &mut found);
            }
            other => return Err(format!("the query selects {other}")),
        }
    }
    Ok(found)
}

fn without_options(options: &WildcardAdditionalOptions) -> Result<(), Reason> {
    match options.to_string().is_empty() {
        true => Ok(()),
        false => Err(format!("the query selects *{options}")),
    }
}

fn all_columns(source: &Source, found: &mut Vec<SelectItem>) {
    for name in &source.columns {
        let column = quoted(name.as_str());
        let expr = Expr::CompoundIdentifier(vec![source.alias.clone(), column.clone()]);
        found.push(SelectItem::ExprWithAlias { expr, alias: column });
    }
}

/// The aggregate that an expression calls, if it is such a call.
pub(super) fn aggregate_call<'a>(expr: &'a Expr, facts: &dyn Sources) -> Option<&'a Function> {
    match expr {
        Expr::Function(call) if facts.aggregates(&function_name(call)) => Some(call),
        _ => None,
    }
}

pub(super) fn function_name(call: &Function) -> String {
    call.name.to_string().to_uppercase()
}

pub(super) fn has_aggregate(expr: &Expr, facts: &dyn Sources) -> bool {
    visit_expressions(expr, |part| match aggregate_call(part, facts) {
        Some(_) => ControlFlow::Break(()),
        None => ControlFlow::Continue(()),
    })
    .is_break()
}

/// Whether a SELECT makes groups.
pub(super) fn is_aggregate(select: &Select, facts: &dyn Sources) -> bool {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, modifiers) => !keys.is_empty() || !modifiers.is_empty(),
    };
    let in_items =
        visit_expressions(&select.projection, |part| match aggregate_call(part, facts) {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        });
    grouped || select.having.is_some() || in_items.is_break()
}

/// No subquery and no window anywhere in it.
pub(super) fn no_nested(select: &Select) -> Result<(), Reason> {
    let found = visit_expressions(select, |part| match part {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
            ControlFlow::Break("a subquery")
        }
        Expr::Function(call) if call.over.is_some() => ControlFlow::Break("a window function"),
        Expr::Function(call) if matches!(call.args, FunctionArguments::Subquery(_)) => {
            ControlFlow::Break("a subquery")
        }
        _ => ControlFlow::Continue(()),
    });
    match found {
        ControlFlow::Break(what) => Err(format!("the query has {what}")),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// An expression read from text in which names stand for others.
pub(super) fn filled(text: &str, with: &[(&str, &Expr)]) -> Result<Expr> {
    let mut expr = icecore_sql::parse_expression(text)?;
    fill(&mut expr, with);
    Ok(expr)
}

pub(super) fn fill(part: &mut impl icecore_sql::ast::VisitMut, with: &[(&str, &Expr)]) {
    let _all = visit_expressions_mut(part, |expr| {
        if let Expr::Identifier(ident) = expr
            && let Some((_, value)) = with.iter().find(|(name, _)| *name == ident.value)
        {
            *expr = (*value).clone();
        }
        ControlFlow::<()>::Continue(())
    });
}

/// A query around a SELECT.
pub(super) fn query_of(select: Select) -> Result<Box<Query>> {
    let mut query = icecore_sql::parse_query("SELECT 1 AS one")?;
    *query.body = SetExpr::Select(Box::new(select));
    Ok(query)
}

/// The SELECT of a query that is read from text.
pub(super) fn select_of(text: &str) -> Result<Select> {
    match *icecore_sql::parse_query(text)?.body {
        SetExpr::Select(select) => Ok(*select),
        _ => Err(Error::internal("SELECT is not SELECT")),
    }
}

/// All rows of all queries; nothing of none.
pub(super) fn union_all(queries: impl IntoIterator<Item = Box<Query>>) -> Option<Box<Query>> {
    queries.into_iter().reduce(|mut all, next| {
        let (left, right) = (all.body.clone(), next.body);
        let (op, set_quantifier) = (SetOperator::Union, SetQuantifier::All);
        *all.body = SetExpr::SetOperation { left, op, set_quantifier, right };
        all
    })
}

/// A subquery in FROM, put where a placeholder table of this name stands.
pub(super) fn put_subquery(select: &mut Select, placeholder: &str, subquery: &Query) {
    let put = |factor: &mut TableFactor| {
        if let TableFactor::Table { name, alias, .. } = factor
            && name.to_string().trim_matches('"') == placeholder
        {
            *factor = TableFactor::Derived {
                lateral: false,
                subquery: Box::new(subquery.clone()),
                alias: alias.clone(),
                sample: None,
            };
        }
    };
    for table in &mut select.from {
        put(&mut table.relation);
        table.joins.iter_mut().for_each(|join| put(&mut join.relation));
    }
}
