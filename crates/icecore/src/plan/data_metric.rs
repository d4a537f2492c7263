//! Calls of data metric functions: `f(SELECT c FROM t)` becomes the function's
//! query over these rows.

use std::ops::ControlFlow;
use std::sync::Arc;

use icecore_governance::Verb;
use icecore_sql::ast::{
    Expr, Function, FunctionArguments, Ident, Query, TableAliasColumnDef, Visit, VisitMut, Visitor,
    VisitorMut, With,
};
use icecore_sql::{name_of, parse_query};
use icecore_types::{
    Code, DataMetricFunction, Error, Name, ObjectKind, QualifiedName, Result, SystemMetric,
};

use super::Binder;
use crate::virtual_schema::SNOWFLAKE;

const CORE: &str = "CORE";

/// Puts the queries of data metric functions in place of their calls.
///
/// # Errors
/// `NotFound` for a call with rows of what is no such function.
pub(super) fn expand_metrics(part: &mut impl VisitMut, binder: &Arc<Binder>) -> Result<()> {
    match part.visit(&mut Calls { binder }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// The system's function of a name, if it is a name in `SNOWFLAKE.CORE`.
///
/// # Errors
/// `InvalidInput` for a name there that is none of them.
pub(crate) fn system_metric(name: &QualifiedName) -> Result<Option<SystemMetric>> {
    let containers = [&name.database, &name.schema].map(|name| name.as_ref().map(Name::as_str));
    if containers != [Some(SNOWFLAKE), Some(CORE)] {
        return Ok(None);
    }
    SystemMetric::parse(name.name.as_str()).map(Some).ok_or_else(|| {
        let known: Vec<&str> = SystemMetric::ALL.iter().map(|metric| metric.sql()).collect();
        unknown(name).with_help(format!("there are {}", known.join(", ")))
    })
}

fn unknown(name: &QualifiedName) -> Error {
    let what = format!("unknown data metric function {name}");
    Error::new(Code::UNKNOWN_FUNCTION, what)
        .with_help("a query that is another function's argument has parentheses of its own")
}

struct Calls<'a> {
    binder: &'a Arc<Binder>,
}

impl VisitorMut for Calls<'_> {
    type Break = Box<Error>;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let Expr::Function(call) = expr else { return ControlFlow::Continue(()) };
        let Some(rows) = rows_of(call) else { return ControlFlow::Continue(()) };
        match self.measured(call, rows.clone()) {
            Ok(measured) => {
                *expr = Expr::Subquery(Box::new(measured));
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

fn rows_of(call: &Function) -> Option<&Query> {
    match &call.args {
        FunctionArguments::Subquery(rows) => Some(rows),
        _ => None,
    }
}

impl Calls<'_> {
    fn measured(&self, call: &Function, rows: Query) -> Result<Query> {
        let name = name_of(&call.name)?;
        if let Some(metric) = system_metric(&name)? {
            let columns = match metric {
                SystemMetric::RowCount => Vec::new(),
                _ => vec![Name::unquoted("v")],
            };
            return over_rows(metric.body(), &Name::unquoted("a"), &columns, rows);
        }
        let resolver = self.binder.resolver();
        let found =
            resolver.find(ObjectKind::MetricFunction, &name)?.ok_or_else(|| unknown(&name))?;
        resolver.act(Verb::Apply, found);
        measured_by(&found.body().read()?, rows)
    }
}

/// The query of a function over rows.
///
/// # Errors
/// What is wrong with its text.
pub(crate) fn measured_by(function: &DataMetricFunction, rows: Query) -> Result<Query> {
    let columns: Vec<Name> = function.columns.iter().map(|column| column.name.clone()).collect();
    over_rows(&function.body, &function.argument, &columns, rows)
}

/// A query with the rows as the first thing that its WITH names.
fn over_rows(body: &str, argument: &Name, columns: &[Name], rows: Query) -> Result<Query> {
    let mut query = *parse_query(body)?;
    let mut first = with_one(argument)?;
    let Some(cte) = first.cte_tables.first_mut() else {
        return Err(Error::internal("WITH names nothing"));
    };
    let column = |name: &Name| TableAliasColumnDef {
        name: Ident::with_quote('"', name.as_str()),
        data_type: None,
    };
    cte.alias.columns = columns.iter().map(column).collect();
    *cte.query = rows;
    if let Some(with) = query.with.take() {
        first.recursive = with.recursive;
        first.cte_tables.extend(with.cte_tables);
    }
    query.with = Some(first);
    Ok(query)
}

fn with_one(name: &Name) -> Result<With> {
    let text = format!("WITH {name} AS (SELECT 1 AS c) SELECT 1 AS c");
    parse_query(&text)?.with.ok_or_else(|| Error::internal("a query without its WITH"))
}

/// Whether a query calls a function with rows.
pub(crate) fn calls_metrics(query: &Query) -> bool {
    struct Found;
    impl Visitor for Found {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(call) if rows_of(call).is_some() => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    query.visit(&mut Found).is_break()
}
