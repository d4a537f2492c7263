//! The tables and views that a statement reads.

use std::ops::ControlFlow;

use icecore_types::{Code, Error, Name, QualifiedName, Result};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    Query, TableFactor, TableVersion, Visit, Visitor,
};

use crate::staged::is_stage_name;
use crate::{
    AlterTableAction, AtBefore, CheckSpec, DynamicSource, InsertSource, Point, Statement,
    TravelPoint, ValueExpr,
};

/// A table or view that a statement reads, and as of when.
///
/// ```
/// use icecore_sql::{parse_query, relations_of_query};
/// let query = parse_query("WITH c AS (SELECT * FROM s.t) SELECT * FROM c JOIN u ON true")?;
/// let found = relations_of_query(&query)?;
/// let names: Vec<String> = found.iter().map(|relation| relation.name.to_string()).collect();
/// assert_eq!(names, ["S.T", "U"]);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// As it was written: not yet completed with the session's schema.
    pub name: QualifiedName,
    /// AT or BEFORE.
    pub travel: Option<TravelPoint>,
}

/// Every table or view that the queries and expressions of a statement read,
/// in the order of the text, as often as it is named. Common table
/// expressions are not relations, nor is the table that an INSERT, UPDATE or
/// DELETE changes: that one is a field of the statement.
///
/// # Errors
/// `InvalidInput` for AT or BEFORE on a common table expression, or at a point
/// that is not constant. [`crate::parse`] has found these already.
///
/// ```
/// use icecore_sql::{Limits, parse, relations};
/// let parsed = parse("DELETE FROM t WHERE k IN (SELECT k FROM s)", &Limits::default())?;
/// let found = relations(&parsed[0].statement)?;
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].name.to_string(), "S");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn relations(statement: &Statement) -> Result<Vec<Relation>> {
    let mut search = Search::default();
    visit_queries(statement, &mut search)?;
    Ok(search.found)
}

/// Walks every query and expression of a statement, in the order of the text.
pub(crate) fn visit_queries(
    statement: &Statement,
    visitor: &mut impl Visitor<Break = Box<Error>>,
) -> Result<()> {
    match statement {
        Statement::Query(query) => visit(query, visitor),
        Statement::Simulate(simulate) => visit(&simulate.query, visitor),
        Statement::Explain(explain) => visit_queries(&explain.statement, visitor),
        Statement::CreateTable(create) => {
            create
                .expectations
                .iter()
                .try_for_each(|expectation| visit_check(&expectation.check, visitor))?;
            visit(&create.as_query, visitor)
        }
        Statement::AlterTable(alter) => match &alter.action {
            AlterTableAction::AddExpectation(expectation) => {
                visit_check(&expectation.check, visitor)
            }
            AlterTableAction::Quarantine { predicate, .. } => visit(predicate, visitor),
            _ => Ok(()),
        },
        Statement::CreateView(create) => visit(&create.query, visitor),
        Statement::CreateDynamicTable(create) => match &create.source {
            DynamicSource::Query(query) => visit(&query.query, visitor),
            DynamicSource::Clone(_) => Ok(()),
        },
        Statement::Insert(insert) => match &insert.source {
            InsertSource::Query(query) => visit(query, visitor),
            InsertSource::Values(rows) => visit_values(rows.iter().flatten(), visitor),
        },
        Statement::Delete(delete) => {
            visit(&delete.using, visitor)?;
            visit(&delete.predicate, visitor)
        }
        Statement::Update(update) => {
            visit_values(update.assignments.iter().map(|set| &set.value), visitor)?;
            visit(&update.from, visitor)?;
            visit(&update.predicate, visitor)
        }
        Statement::CopyInto(copy) => match &copy.transform {
            Some(transform) => visit(&transform.columns, visitor),
            None => Ok(()),
        },
        Statement::Unload(unload) => {
            visit(&unload.query, visitor)?;
            visit(&unload.partition_by, visitor)
        }
        _ => Ok(()),
    }
}

fn visit(part: &impl Visit, visitor: &mut impl Visitor<Break = Box<Error>>) -> Result<()> {
    match part.visit(visitor) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

fn visit_check(check: &CheckSpec, visitor: &mut impl Visitor<Break = Box<Error>>) -> Result<()> {
    match check {
        CheckSpec::AcceptedValues { values, .. } => visit(values, visitor),
        CheckSpec::Range { least, most, .. } => {
            visit(least, visitor)?;
            visit(most, visitor)
        }
        CheckSpec::Expression { expression, .. } => visit(expression, visitor),
        _ => Ok(()),
    }
}

fn visit_values<'a>(
    values: impl Iterator<Item = &'a ValueExpr>,
    visitor: &mut impl Visitor<Break = Box<Error>>,
) -> Result<()> {
    for value in values {
        if let ValueExpr::Expr(expression) = value {
            visit(expression, visitor)?;
        }
    }
    Ok(())
}

/// Every table or view that a query reads, as [`relations`].
///
/// # Errors
/// As [`relations`].
pub fn relations_of_query(query: &Query) -> Result<Vec<Relation>> {
    search(query)
}

/// As [`relations_of_query`], of any part of a tree.
pub(crate) fn search(part: &impl Visit) -> Result<Vec<Relation>> {
    let mut search = Search::default();
    visit(part, &mut search)?;
    Ok(search.found)
}

/// One query that is being walked: the names that its WITH gives.
struct Scope {
    names: Vec<String>,
    /// The body of each name, to recognise it when it is entered; compared,
    /// never followed.
    bodies: Vec<*const Query>,
    recursive: bool,
    /// How many of the names can be seen at this place.
    visible: usize,
}

#[derive(Default)]
struct Search {
    scopes: Vec<Scope>,
    found: Vec<Relation>,
}

impl Search {
    fn sees(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.names.iter().take(scope.visible).any(|n| n == name))
    }

    fn table(&mut self, name: &ObjectName, factor: &TableFactor) -> Result<()> {
        let travel = travel_of(factor)?;
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_slice()
            && self.sees(&ident.value)
        {
            return match travel {
                Some(_) => Err(Error::new(
                    Code::INVALID_STATEMENT,
                    format!("Time travel is not allowed on a CTE name={}", ident.value),
                )
                .with_help("write AT or BEFORE behind the table inside the CTE")),
                None => Ok(()),
            };
        }
        self.found.push(Relation { name: name_of(name)?, travel });
        Ok(())
    }
}

impl Visitor for Search {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if let Some(outer) = self.scopes.last_mut()
            && let Some(at) = outer.bodies.iter().position(|body| std::ptr::eq(*body, query))
        {
            outer.visible = at + usize::from(outer.recursive);
        }
        let ctes = query.with.as_ref().map(|with| with.cte_tables.as_slice()).unwrap_or_default();
        self.scopes.push(Scope {
            names: ctes.iter().map(|cte| cte.alias.name.value.clone()).collect(),
            bodies: ctes.iter().map(|cte| std::ptr::from_ref(&*cte.query)).collect(),
            recursive: query.with.as_ref().is_some_and(|with| with.recursive),
            visible: 0,
        });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.scopes.pop();
        if let Some(outer) = self.scopes.last_mut()
            && let Some(at) = outer.bodies.iter().position(|body| std::ptr::eq(*body, query))
        {
            outer.visible = at + 1;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table { name, args: None, .. } if !is_stage_name(&name.0) => {
                match self.table(name, factor) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => ControlFlow::Break(Box::new(error)),
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// AT or BEFORE of a table in FROM, if there is one.
///
/// # Errors
/// `Unsupported` for CHANGES and for AT (STREAM => ..), `InvalidInput` for a
/// clause without exactly one known point that is constant.
///
/// ```
/// use icecore_sql::{ast, parse_query, travel_of};
/// let query = parse_query("SELECT 1 FROM t AT (OFFSET => -60 * 5)")?;
/// let Some(select) = query.body.as_select() else { panic!() };
/// let travel = travel_of(&select.from[0].relation)?.expect("it is there");
/// assert_eq!(travel.point.expression().to_string(), "-60 * 5");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn travel_of(factor: &TableFactor) -> Result<Option<TravelPoint>> {
    let TableFactor::Table { version: Some(version), .. } = factor else { return Ok(None) };
    let call = match version {
        TableVersion::Function(Expr::Function(call)) => call,
        TableVersion::Changes { .. } => return Err(Error::unsupported("CHANGES")),
        other => return Err(Error::unsupported(format_args!("time travel by {other}"))),
    };
    let at_or_before = match call.name.to_string().as_str() {
        "AT" => AtBefore::At,
        "BEFORE" => AtBefore::Before,
        other => return Err(Error::unsupported(format_args!("time travel by {other}"))),
    };
    let FunctionArguments::List(list) = &call.args else { return Err(no_point()) };
    let [FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. }] = list.args.as_slice()
    else {
        return Err(no_point());
    };
    let point = point(name, value.clone())?;
    constant(&point)?;
    Ok(Some(TravelPoint { at_or_before, point }))
}

fn point(name: &Ident, value: Expr) -> Result<Point> {
    Ok(match name.value.as_str() {
        "TIMESTAMP" => Point::Timestamp(value),
        "OFFSET" => Point::Offset(value),
        "STATEMENT" => Point::Statement(value),
        "VERSION" => Point::Version(value),
        "STREAM" => return Err(Error::unsupported("AT (STREAM => ..)")),
        _ => return Err(no_point()),
    })
}

fn no_point() -> Error {
    Error::new(Code::INVALID_STATEMENT, "AT and BEFORE take one point").with_help(
        "write AT (TIMESTAMP => ..), (OFFSET => -seconds), (STATEMENT => 'id') or (VERSION => n)",
    )
}

/// Refuses a point that is a column or holds a query. A name inside a call
/// may be a word such as HOUR: whoever evaluates the call knows.
pub(crate) fn constant(point: &Point) -> Result<()> {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    let expression = point.expression();
    let is_column = matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    if is_column || expression.visit(&mut Finder).is_break() {
        return Err(Error::new(
            Code::INVALID_STATEMENT,
            format!("the point of a time travel is not constant point={}", point.word()),
        ));
    }
    Ok(())
}

/// The name that a tree holds; `db..t` is `db.PUBLIC.t`.
///
/// # Errors
/// `InvalidInput` for more than three parts, `Unsupported` for IDENTIFIER().
///
/// ```
/// use icecore_sql::{ast::TableFactor, name_of, parse_query};
/// let query = parse_query("SELECT 1 FROM db..t")?;
/// let Some(select) = query.body.as_select() else { panic!() };
/// let TableFactor::Table { name, .. } = &select.from[0].relation else { panic!() };
/// assert_eq!(name_of(name)?.to_string(), "DB.PUBLIC.T");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn name_of(name: &ObjectName) -> Result<QualifiedName> {
    let part = |part: &ObjectNamePart| match part {
        ObjectNamePart::Identifier(ident) if ident.value.is_empty() => Ok(Name::unquoted("PUBLIC")),
        ObjectNamePart::Identifier(ident) => Ok(Name::quoted(&ident.value)),
        ObjectNamePart::Function(_) => Err(Error::unsupported("IDENTIFIER()")),
    };
    QualifiedName::from_parts(name.0.iter().map(part).collect::<Result<_>>()?)
}

#[cfg(test)]
mod tests;
