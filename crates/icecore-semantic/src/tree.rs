//! Queries as trees: the few shapes that metric queries are made of.
//!
//! A name in backticks is final: it stands for a column of the query that is
//! being written and is not looked up again. [`finished`] takes the backticks
//! away.

use std::ops::ControlFlow;

use icecore_sql::ast::{
    BinaryOperator, Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, Join, JoinConstraint,
    JoinOperator, ObjectName, ObjectNamePart, OrderByExpr, OrderByOptions, Query, Select,
    SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
    WindowSpec, WindowType,
};
use icecore_types::{Error, Name, QualifiedName, Result};

const FINAL: char = '`';

/// A name as SQL would write it.
pub(crate) fn ident(name: &str) -> Ident {
    if Name::quoted(name).is_plain() { Ident::new(name) } else { Ident::with_quote('"', name) }
}

/// A column of a relation of the query that is being written.
pub(crate) fn column(relation: &str, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![
        Ident::with_quote(FINAL, relation),
        Ident::with_quote(FINAL, name),
    ])
}

/// A column of the only relation of the query that is being written.
pub(crate) fn bare(name: &str) -> Expr {
    Expr::Identifier(Ident::with_quote(FINAL, name))
}

/// Whether a name was looked up already.
pub(crate) fn is_final(parts: &[Ident]) -> bool {
    parts.first().is_some_and(|first| first.quote_style == Some(FINAL))
}

/// The parts of a name, if the expression is one that is to be looked up.
pub(crate) fn name_parts(expression: &Expr) -> Option<&[Ident]> {
    let parts = match expression {
        Expr::Identifier(ident) => std::slice::from_ref(ident),
        Expr::CompoundIdentifier(parts) => parts.as_slice(),
        _ => return None,
    };
    (!is_final(parts)).then_some(parts)
}

/// The tree with ordinary names.
pub(crate) fn finished(tree: &mut impl VisitMut) {
    struct Finish;
    impl VisitorMut for Finish {
        type Break = std::convert::Infallible;
        fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
            let parts = match expression {
                Expr::Identifier(ident) => std::slice::from_mut(ident),
                Expr::CompoundIdentifier(parts) => parts.as_mut_slice(),
                _ => return ControlFlow::Continue(()),
            };
            for part in parts.iter_mut().filter(|part| part.quote_style == Some(FINAL)) {
                *part = ident(&part.value);
            }
            ControlFlow::Continue(())
        }
    }
    let ControlFlow::Continue(()) = tree.visit(&mut Finish);
}

/// The expression with parts replaced from the outside in: what `replace`
/// returns for a part is looked at again, so it has to be final.
pub(crate) fn replaced(
    expression: &Expr,
    replace: &mut dyn FnMut(&Expr) -> Result<Option<Expr>>,
) -> Result<Expr> {
    struct Replace<'a>(&'a mut dyn FnMut(&Expr) -> Result<Option<Expr>>);
    impl VisitorMut for Replace<'_> {
        type Break = Box<Error>;
        fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
            match (self.0)(expression) {
                Ok(None) => ControlFlow::Continue(()),
                Ok(Some(other)) => {
                    *expression = other;
                    ControlFlow::Continue(())
                }
                Err(error) => ControlFlow::Break(Box::new(error)),
            }
        }
    }
    let mut expression = expression.clone();
    match expression.visit(&mut Replace(replace)) {
        ControlFlow::Continue(()) => Ok(expression),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// A call with what it is called on replaced.
pub(crate) fn call_with(
    call: &Function,
    replace: &mut dyn FnMut(&Expr) -> Result<Expr>,
) -> Result<Function> {
    let mut call = call.clone();
    if let FunctionArguments::List(list) = &mut call.args {
        for argument in &mut list.args {
            let (FunctionArg::Named { arg, .. }
            | FunctionArg::ExprNamed { arg, .. }
            | FunctionArg::Unnamed(arg)) = argument;
            if let FunctionArgExpr::Expr(expression) = arg {
                *expression = replace(expression)?;
            }
        }
        for clause in &mut list.clauses {
            if let FunctionArgumentClause::OrderBy(order) = clause {
                for item in order {
                    item.expr = replace(&item.expr)?;
                }
            }
        }
    }
    for item in &mut call.within_group {
        item.expr = replace(&item.expr)?;
    }
    if let Some(filter) = &mut call.filter {
        **filter = replace(filter)?;
    }
    Ok(call)
}

/// A call of a function with these arguments.
pub(crate) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments
        .into_iter()
        .map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)))
        .collect();
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

pub(crate) fn number(value: usize) -> Expr {
    Expr::Value(Value::Number(value.to_string(), false).into())
}

/// All of the conditions, if there are any.
pub(crate) fn all_of(conditions: impl IntoIterator<Item = Expr>) -> Option<Expr> {
    conditions.into_iter().reduce(|left, right| binary(left, BinaryOperator::And, right))
}

pub(crate) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// In parentheses, unless it is a name, a constant or a call.
pub(crate) fn nested(expression: Expr) -> Expr {
    match expression {
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::Function(_)
        | Expr::Nested(_) => expression,
        other => Expr::Nested(Box::new(other)),
    }
}

/// A query of one SELECT.
#[derive(Default)]
pub(crate) struct Selection {
    pub(crate) distinct: bool,
    pub(crate) items: Vec<(Expr, String)>,
    pub(crate) from: Vec<TableWithJoins>,
    pub(crate) filter: Option<Expr>,
    /// How many of the first items the rows are grouped by; nothing if they
    /// are not grouped.
    pub(crate) grouped: Option<usize>,
}

impl Selection {
    pub(crate) fn into_query(self) -> Result<Query> {
        let (mut query, mut select, _) = blank()?;
        select.distinct = self.distinct.then_some(Distinct::Distinct);
        select.projection = self
            .items
            .into_iter()
            .map(|(expr, name)| SelectItem::ExprWithAlias { expr, alias: ident(&name) })
            .collect();
        select.from = self.from;
        select.selection = self.filter;
        if let Some(count @ 1..) = self.grouped {
            let positions = (1..=count).map(number).collect();
            select.group_by = GroupByExpr::Expressions(positions, Vec::new());
        }
        *query.body = SetExpr::Select(select);
        Ok(query)
    }
}

/// `SELECT 1 FROM NOTHING`, taken apart.
fn blank() -> Result<(Query, Box<Select>, TableFactor)> {
    let mut query = icecore_sql::parse_query("SELECT 1 FROM NOTHING")?;
    let broken = || Error::internal("a fixed query is not what it was");
    let SetExpr::Select(select) = &mut *query.body else { return Err(broken()) };
    let mut select = select.clone();
    let from = select.from.pop().ok_or_else(broken)?;
    Ok((*query, select, from.relation))
}

fn table_alias(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: ident(name), columns: Vec::new(), at: None }
}

/// A table or common table expression in FROM.
pub(crate) fn table(name: &QualifiedName, alias: Option<&str>) -> Result<TableFactor> {
    let (_, _, mut factor) = blank()?;
    if let TableFactor::Table { name: found, alias: given, .. } = &mut factor {
        let parts = [name.database.as_ref(), name.schema.as_ref(), Some(&name.name)];
        *found = ObjectName(
            parts
                .into_iter()
                .flatten()
                .map(|part| ObjectNamePart::Identifier(ident(part.as_str())))
                .collect(),
        );
        *given = alias.map(table_alias);
    }
    Ok(factor)
}

/// A subquery in FROM.
pub(crate) fn derived(query: Query, alias: &str) -> TableFactor {
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias: Some(table_alias(alias)),
        sample: None,
    }
}

pub(crate) fn left_join(relation: TableFactor, on: Expr) -> Join {
    let join_operator = JoinOperator::LeftOuter(JoinConstraint::On(on));
    Join { relation, global: false, join_operator }
}

/// FULL OUTER JOIN, or CROSS JOIN without a condition.
pub(crate) fn full_join(relation: TableFactor, on: Option<Expr>) -> Join {
    let join_operator = match on {
        Some(on) => JoinOperator::FullOuter(JoinConstraint::On(on)),
        None => JoinOperator::CrossJoin(JoinConstraint::None),
    };
    Join { relation, global: false, join_operator }
}

/// `expression [DESC] NULLS FIRST|LAST`.
pub(crate) fn order(expr: Expr, descending: bool, nulls_first: bool) -> OrderByExpr {
    let options = OrderByOptions { asc: Some(!descending), nulls_first: Some(nulls_first) };
    OrderByExpr { expr, options, with_fill: None }
}

/// A window function.
pub(crate) fn over(
    name: &str,
    arguments: Vec<Expr>,
    partition_by: Vec<Expr>,
    order_by: Vec<OrderByExpr>,
) -> Expr {
    let mut function = call(name, arguments);
    if let Expr::Function(function) = &mut function {
        function.over = Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by,
            order_by,
            window_frame: None,
        }));
    }
    function
}

/// `WITH a AS (..), b AS (..)` before a query.
pub(crate) fn with(mut query: Query, tables: Vec<(String, Query)>) -> Result<Query> {
    let mut template = icecore_sql::parse_query("WITH X AS (SELECT 1 FROM Y) SELECT 1 FROM X")?;
    let mut with =
        template.with.take().ok_or_else(|| Error::internal("a fixed query is not what it was"))?;
    let one = with.cte_tables.pop();
    let one = one.ok_or_else(|| Error::internal("a fixed query is not what it was"))?;
    with.cte_tables = tables
        .into_iter()
        .map(|(name, query)| {
            let mut table = one.clone();
            table.alias.name = ident(&name);
            *table.query = query;
            table
        })
        .collect();
    query.with = Some(with);
    Ok(query)
}
