//! The other way to ask: `SELECT region, AGG(total) FROM v GROUP BY region`.
//!
//! It becomes a SELECT of `SEMANTIC_VIEW(v ..)`: what is grouped by are its
//! dimensions, what is aggregated its metrics, WHERE its condition.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use icecore_sql::ast::{
    Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident,
    ObjectName, ObjectNamePart, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr,
    TableAlias, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
};
use icecore_sql::{SemanticClause, SemanticItem, SemanticKind, SemanticQuery, name_of};
use icecore_types::{Error, Name, QualifiedName, Result};

use crate::errors::invalid;
use crate::tree::{bare, finished, ident, name_parts, replaced};

/// Writes every SELECT from a semantic view alone as a query of
/// `SEMANTIC_VIEW(..)`. `is_view` says whether a name is a semantic view's;
/// `aggregates` are the names of aggregate functions, in lower case.
///
/// # Errors
/// `InvalidInput` for columns that are not grouped by, `Unsupported` for
/// window functions and QUALIFY in such a SELECT.
///
/// ```
/// let mut query = icecore_sql::parse_query("SELECT d, AGG(m) FROM v GROUP BY d")?;
/// let before = query.clone();
/// icecore_semantic::rewrite(&mut query, &mut |name| name.to_string() == "V", &[].into())?;
/// assert_ne!(query, before);
/// icecore_semantic::rewrite(&mut query, &mut |_| true, &[].into())?;
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn rewrite(
    query: &mut Query,
    is_view: &mut dyn FnMut(&QualifiedName) -> bool,
    aggregates: &BTreeSet<String>,
) -> Result<()> {
    let mut search = Search { scopes: Vec::new(), is_view, aggregates };
    match query.visit(&mut search) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// A query that is being walked: the names that its WITH gives.
struct Scope {
    names: Vec<String>,
    /// The body of each name, to recognise it when it is entered; compared,
    /// never followed.
    bodies: Vec<*const Query>,
    recursive: bool,
    visible: usize,
}

struct Search<'a> {
    scopes: Vec<Scope>,
    is_view: &'a mut dyn FnMut(&QualifiedName) -> bool,
    aggregates: &'a BTreeSet<String>,
}

impl VisitorMut for Search<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let place = std::ptr::from_ref(&*query);
        if let Some(outer) = self.scopes.last_mut()
            && let Some(at) = outer.bodies.iter().position(|body| *body == place)
        {
            outer.visible = at + usize::from(outer.recursive);
        }
        let with = query.with.as_ref();
        let tables = with.map(|with| with.cte_tables.as_slice()).unwrap_or_default();
        self.scopes.push(Scope {
            names: tables.iter().map(|table| table.alias.name.value.clone()).collect(),
            bodies: tables.iter().map(|table| std::ptr::from_ref(&*table.query)).collect(),
            recursive: with.is_some_and(|with| with.recursive),
            visible: tables.len(),
        });
        let rewritten = self.set(&mut query.body, query.order_by.as_mut());
        if let Some(own) = self.scopes.last_mut() {
            own.visible = 0;
        }
        match rewritten {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        self.scopes.pop();
        let place = std::ptr::from_ref(&*query);
        if let Some(outer) = self.scopes.last_mut()
            && let Some(at) = outer.bodies.iter().position(|body| *body == place)
        {
            outer.visible = at + 1;
        }
        ControlFlow::Continue(())
    }
}

impl Search<'_> {
    fn set(&mut self, body: &mut SetExpr, order: Option<&mut OrderBy>) -> Result<()> {
        match body {
            SetExpr::Select(select) => self.select(select, order),
            SetExpr::SetOperation { left, right, .. } => {
                self.set(left, None)?;
                self.set(right, None)
            }
            _ => Ok(()),
        }
    }

    /// The view, if the SELECT is from one alone.
    fn view(&mut self, select: &Select) -> Result<Option<(TableFactor, Ident)>> {
        let [TableWithJoins { relation, joins }] = select.from.as_slice() else { return Ok(None) };
        let TableFactor::Table { name, alias, args: None, .. } = relation else { return Ok(None) };
        if !joins.is_empty() || is_marked(select) || self.is_common_table(name) {
            return Ok(None);
        }
        let view = name_of(name)?;
        if !(self.is_view)(&view) {
            return Ok(None);
        }
        let alias = alias.as_ref().map(|alias| alias.name.clone());
        let called = alias.unwrap_or_else(|| ident(view.name.as_str()));
        let mut plain = relation.clone();
        if let TableFactor::Table { alias, .. } = &mut plain {
            *alias = None;
        }
        Ok(Some((plain, called)))
    }

    fn is_common_table(&self, name: &ObjectName) -> bool {
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return false };
        let mut scopes = self.scopes.iter();
        scopes.any(|scope| scope.names.iter().take(scope.visible).any(|n| *n == name.value))
    }

    fn select(&mut self, select: &mut Select, order: Option<&mut OrderBy>) -> Result<()> {
        let Some((view, alias)) = self.view(select)? else { return Ok(()) };
        if select.qualify.is_some() || !select.named_window.is_empty() {
            return Err(Error::unsupported("QUALIFY and WINDOW in a query of a semantic view"));
        }
        let mut form = Form::new(&alias, self.aggregates);
        form.group(select)?;
        let mut projection = Vec::new();
        for item in std::mem::take(&mut select.projection) {
            projection.push(form.item(item)?);
        }
        let having = select.having.take().map(|having| form.outside(&having)).transpose()?;
        if let Some(order) = order {
            form.order(order, &projection)?;
        }
        let filter = select.selection.take().map(|filter| form.plain(&filter)).transpose()?;
        let asked = form.into_query(filter)?;
        let subquery = Box::new(asked.into_subquery(&view)?);
        let alias = TableAlias { explicit: true, name: alias, columns: Vec::new(), at: None };
        let relation =
            TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
        select.projection = projection;
        select.from = vec![TableWithJoins { relation, joins: Vec::new() }];
        select.selection = having;
        select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
        select.distinct = None;
        Ok(())
    }
}

/// Whether a SELECT is what SEMANTIC_VIEW(..) was read as.
fn is_marked(select: &Select) -> bool {
    matches!(
        select.projection.first(),
        Some(SelectItem::UnnamedExpr(Expr::Identifier(ident))) if ident.quote_style == Some('`')
    )
}

/// A SELECT from a view while it is rewritten.
struct Form<'a> {
    alias: &'a Ident,
    aggregates: &'a BTreeSet<String>,
    dimensions: Vec<Expr>,
    metrics: Vec<Expr>,
}

impl<'a> Form<'a> {
    fn new(alias: &'a Ident, aggregates: &'a BTreeSet<String>) -> Self {
        Self { alias, aggregates, dimensions: Vec::new(), metrics: Vec::new() }
    }

    /// The expression with names as the model has them: without the view's.
    fn plain(&self, expression: &Expr) -> Result<Expr> {
        let mut plain = replaced(expression, &mut |part| {
            let Some(parts) = name_parts(part) else { return Ok(None) };
            let parts = match parts {
                [first, rest @ ..] if !rest.is_empty() && first.value == self.alias.value => rest,
                all => all,
            };
            let mut parts: Vec<Ident> =
                parts.iter().map(|part| Ident::with_quote('`', &part.value)).collect();
            Ok(Some(match (parts.len(), parts.pop()) {
                (1, Some(only)) => Expr::Identifier(only),
                (_, last) => {
                    parts.extend(last);
                    Expr::CompoundIdentifier(parts)
                }
            }))
        })?;
        finished(&mut plain);
        Ok(plain)
    }

    /// What the rows are grouped by.
    fn group(&mut self, select: &Select) -> Result<()> {
        let items = select.projection.iter().map(expression_of).collect::<Result<Vec<_>>>()?;
        let rows = |form: &Self| -> Result<Vec<Expr>> {
            let mut found = Vec::new();
            for item in &items {
                if !form.aggregates_something(item)? {
                    found.push((*item).clone());
                }
            }
            Ok(found)
        };
        let mut grouped = match &select.group_by {
            GroupByExpr::All(_) => rows(self)?,
            GroupByExpr::Expressions(list, _) => list
                .iter()
                .map(|expression| grouped_by(expression, select, &items))
                .collect::<Result<_>>()?,
        };
        let distinct = matches!(select.distinct, Some(Distinct::Distinct));
        if distinct && grouped.is_empty() {
            grouped = rows(self)?;
        }
        for expression in grouped {
            let plain = self.plain(&expression)?;
            if matches!(plain, Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_)) {
                return Err(Error::unsupported(
                    "GROUPING SETS, CUBE and ROLLUP of a semantic view",
                ));
            }
            if !self.dimensions.contains(&plain) {
                self.dimensions.push(plain);
            }
        }
        Ok(())
    }

    fn aggregate<'e>(&self, expression: &'e Expr) -> Option<&'e Function> {
        let Expr::Function(function) = expression else { return None };
        let name = function.name.to_string().to_lowercase();
        let aggregates = name == "agg" || self.aggregates.contains(&name);
        (aggregates && function.over.is_none()).then_some(function)
    }

    fn aggregates_something(&self, expression: &Expr) -> Result<bool> {
        let mut found = false;
        replaced(expression, &mut |part| {
            found |= self.aggregate(part).is_some();
            Ok(None)
        })?;
        Ok(found)
    }

    /// An item of the select list, over the columns of the subquery.
    fn item(&mut self, item: SelectItem) -> Result<SelectItem> {
        let expression = expression_of(&item)?;
        let alias = match (&item, name_parts(expression).and_then(<[_]>::last)) {
            (SelectItem::ExprWithAlias { alias, .. }, _) => alias.clone(),
            (_, Some(last)) => ident(&last.value),
            (_, None) => ident(&expression.to_string().to_uppercase()),
        };
        Ok(SelectItem::ExprWithAlias { expr: self.outside(expression)?, alias })
    }

    fn order(&mut self, order: &mut OrderBy, projection: &[SelectItem]) -> Result<()> {
        let OrderByKind::Expressions(list) = &mut order.kind else { return Ok(()) };
        let shown = |name: &Ident| {
            projection.iter().any(|item| {
                matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.value == name.value)
            })
        };
        for item in list {
            match &item.expr {
                Expr::Identifier(name) if shown(name) => {}
                Expr::Value(value) if matches!(value.value, Value::Number(..)) => {}
                expression => item.expr = self.outside(expression)?,
            }
        }
        Ok(())
    }

    /// An expression around the subquery: its metrics and dimensions are
    /// columns there.
    fn outside(&mut self, expression: &Expr) -> Result<Expr> {
        let plain = self.plain(expression)?;
        let mut outside = replaced(&plain, &mut |part| {
            if let Some(place) = self.dimensions.iter().position(|known| known == part) {
                return Ok(Some(bare(&dimension_name(place))));
            }
            if let Some(call) = self.aggregate(part) {
                let metric = metric_of(call)?;
                let known = self.metrics.iter().position(|known| *known == metric);
                let place = known.unwrap_or(self.metrics.len());
                if known.is_none() {
                    self.metrics.push(metric);
                }
                return Ok(Some(bare(&metric_name(place))));
            }
            match part {
                Expr::Function(call) if call.over.is_some() => {
                    Err(Error::unsupported("a window function in a query of a semantic view"))
                }
                _ if name_parts(part).is_some() => Err(invalid(format!(
                    "'{part}' is neither grouped by nor inside of AGG(..) or an aggregate"
                ))),
                _ => Ok(None),
            }
        })?;
        finished(&mut outside);
        Ok(outside)
    }

    fn into_query(self, filter: Option<Expr>) -> Result<SemanticQuery> {
        let clause = |kind, items: Vec<Expr>, name: fn(usize) -> String| {
            let items =
                items.into_iter().enumerate().map(|(place, expression)| SemanticItem::One {
                    expression: Box::new(expression),
                    alias: Some(Name::quoted(&name(place))),
                });
            SemanticClause { kind, items: items.collect() }
        };
        let clauses = [
            clause(SemanticKind::Dimensions, self.dimensions, dimension_name),
            clause(SemanticKind::Metrics, self.metrics, metric_name),
        ];
        let clauses: Vec<_> =
            clauses.into_iter().filter(|clause| !clause.items.is_empty()).collect();
        if clauses.is_empty() {
            return Err(invalid("a SELECT from a semantic view neither groups nor aggregates")
                .with_help("write AGG(metric), GROUP BY, or FROM SEMANTIC_VIEW(v FACTS ..)"));
        }
        // Only the view of `into_subquery` counts.
        let view = QualifiedName::bare(Name::quoted("V"));
        Ok(SemanticQuery { view, travel: None, clauses, filter })
    }
}

fn dimension_name(place: usize) -> String {
    format!("D{}", place + 1)
}

fn metric_name(place: usize) -> String {
    format!("M{}", place + 1)
}

fn expression_of(item: &SelectItem) -> Result<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expression)
        | SelectItem::ExprWithAlias { expr: expression, .. } => Ok(expression),
        _ => Err(invalid("* cannot be selected from a semantic view")
            .with_help("write SELECT * FROM SEMANTIC_VIEW(v METRICS .. DIMENSIONS ..)")),
    }
}

/// What an item of GROUP BY means: a position, an alias, or itself.
fn grouped_by(expression: &Expr, select: &Select, items: &[&Expr]) -> Result<Expr> {
    match expression {
        Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
            let place = value.to_string().parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            let found = place.and_then(|place| items.get(place));
            found.map(|found| (*found).clone()).ok_or_else(|| {
                invalid(format!("GROUP BY position {value} is not in the select list"))
            })
        }
        Expr::Identifier(name) => {
            let aliased = select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if alias.value == name.value => {
                    Some(expr.clone())
                }
                _ => None,
            });
            Ok(aliased.unwrap_or_else(|| expression.clone()))
        }
        _ => Ok(expression.clone()),
    }
}

/// The metric inside of AGG(..), or the aggregate itself.
fn metric_of(call: &Function) -> Result<Expr> {
    if !call.name.to_string().eq_ignore_ascii_case("agg") {
        return Ok(Expr::Function(call.clone()));
    }
    let metric = match &call.args {
        FunctionArguments::List(list) => match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(metric))]
                if list.clauses.is_empty() && list.duplicate_treatment.is_none() =>
            {
                name_parts(metric).is_some().then(|| metric.clone())
            }
            _ => None,
        },
        _ => None,
    };
    metric.ok_or_else(|| invalid(format!("AGG takes the name of a metric: {call}")))
}
