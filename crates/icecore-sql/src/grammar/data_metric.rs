//! Data metric functions, and the tables that they measure.

use std::ops::ControlFlow;

use icecore_types::{
    Code, Error, MetricExpectation, MetricSchedule, Name, PolicyArgument, QualifiedName, Result,
    SqlType,
};
use sqlparser::ast::{BinaryOperator as Binary, Expr, UnaryOperator, Value, Visit, Visitor};
use sqlparser::tokenizer::Token;

use super::create::Existing;
use super::rows::distinct;
use super::{expression, if_exists, option, table};
use crate::cursor::Cursor;
use crate::{
    AlterTableAction, CreateMetricFunction, FunctionAction, MetricAction, MetricChange, MetricOn,
    MetricSpec, OnFunction, Statement,
};

const FUNCTION: &[&str] = &["DATA", "METRIC", "FUNCTION"];

/// Whether DATA METRIC FUNCTION comes next, and past it.
pub(super) fn accept(cursor: &mut Cursor<'_>) -> bool {
    cursor.accept(FUNCTION)
}

pub(super) fn create(cursor: &mut Cursor<'_>, existing: Existing) -> Result<CreateMetricFunction> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    cursor.expect_token(&Token::LParen)?;
    let argument = cursor.name()?;
    cursor.expect(&["TABLE"])?;
    cursor.expect_token(&Token::LParen)?;
    let columns = cursor.list(|cursor| {
        let name = cursor.name()?;
        Ok(PolicyArgument { name, sql_type: table::sql_type(cursor)? })
    })?;
    cursor.expect_token(&Token::RParen)?;
    distinct(columns.iter().map(|column| column.name.clone()).collect())?;
    if *cursor.peek() == Token::Comma {
        return Err(Error::unsupported("DATA METRIC FUNCTION of several tables"));
    }
    cursor.expect_token(&Token::RParen)?;
    cursor.expect(&["RETURNS"])?;
    number(cursor)?;
    let _always = cursor.accept(&["NOT", "NULL"]);
    let _only = cursor.accept(&["LANGUAGE", "SQL"]);
    let mut comment = None;
    while !cursor.is_next("AS") {
        match cursor.peek_word() {
            Some("COMMENT") if comment.is_none() => {
                option::key(cursor)?;
                comment = Some(cursor.string()?);
            }
            _ => return Err(cursor.unexpected()),
        }
    }
    cursor.expect(&["AS"])?;
    let body = cursor.string()?;
    let or_replace = existing.or_replace;
    Ok(CreateMetricFunction { or_replace, if_not_exists, name, argument, columns, body, comment })
}

fn number(cursor: &mut Cursor<'_>) -> Result<()> {
    match table::sql_type(cursor)? {
        SqlType::Integer | SqlType::Number { .. } => Ok(()),
        other => Err(Error::unsupported(format_args!("DATA METRIC FUNCTION RETURNS {other}"))),
    }
}

/// DROP FUNCTION and DESCRIBE FUNCTION, from the name on.
pub(super) fn on_function(cursor: &mut Cursor<'_>, action: FunctionAction) -> Result<Statement> {
    let (name, signature, if_exists) = named(cursor)?;
    Ok(Statement::Function(Box::new(OnFunction { name, signature, if_exists, action })))
}

/// ALTER FUNCTION, from the name on.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let (name, signature, if_exists) = named(cursor)?;
    let action = if cursor.accept(&["RENAME", "TO"]) {
        FunctionAction::Rename(cursor.qualified_name()?)
    } else if cursor.accept(&["UNSET", "COMMENT"]) {
        FunctionAction::SetComment(None)
    } else {
        cursor.expect(&["SET"])?;
        if option::key(cursor)? != "COMMENT" {
            return Err(cursor.unexpected().with_help("write SET COMMENT = '..'"));
        }
        FunctionAction::SetComment(Some(cursor.string()?))
    };
    Ok(Statement::Function(Box::new(OnFunction { name, signature, if_exists, action })))
}

fn named(cursor: &mut Cursor<'_>) -> Result<(QualifiedName, Option<Vec<SqlType>>, bool)> {
    let if_exists = if_exists(cursor);
    let name = cursor.qualified_name()?;
    Ok((name, signature(cursor)?, if_exists))
}

/// `(TABLE(type, ..))`, if it comes next.
pub(super) fn signature(cursor: &mut Cursor<'_>) -> Result<Option<Vec<SqlType>>> {
    if !cursor.accept_token(&Token::LParen) {
        return Ok(None);
    }
    cursor.expect(&["TABLE"])?;
    cursor.expect_token(&Token::LParen)?;
    let types = cursor.list(table::sql_type)?;
    cursor.expect_token(&Token::RParen)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(Some(types))
}

/// What ALTER TABLE does with metric functions, if that comes next.
pub(super) fn action(cursor: &mut Cursor<'_>) -> Result<Option<AlterTableAction>> {
    let action = if cursor.are_next(&["ADD", "DATA", "METRIC", "FUNCTION"]) {
        cursor.advance();
        MetricAction::Add(functions(cursor, spec)?)
    } else if cursor.are_next(&["DROP", "DATA", "METRIC", "FUNCTION"]) {
        cursor.advance();
        MetricAction::Drop(functions(cursor, on)?)
    } else if cursor.are_next(&["MODIFY", "DATA", "METRIC", "FUNCTION"]) {
        cursor.advance();
        MetricAction::Modify(functions(cursor, modified)?)
    } else if cursor.accept(&["UNSET", "DATA_METRIC_SCHEDULE"]) {
        MetricAction::Schedule(None)
    } else if cursor.are_next(&["SET", "DATA_METRIC_SCHEDULE"]) {
        cursor.advance();
        option::key(cursor)?;
        MetricAction::Schedule(Some(MetricSchedule::parse(&cursor.string()?)?))
    } else {
        return Ok(None);
    };
    Ok(Some(AlterTableAction::Metric(action)))
}

/// `DATA METRIC FUNCTION ..`, several with commas; the words stand once or
/// before each.
fn functions<T>(
    cursor: &mut Cursor<'_>,
    one: impl Fn(&mut Cursor<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    cursor.expect(FUNCTION)?;
    cursor.list(|cursor| {
        let _again = accept(cursor);
        one(cursor)
    })
}

fn on(cursor: &mut Cursor<'_>) -> Result<MetricOn> {
    let function = cursor.qualified_name()?;
    cursor.expect(&["ON"])?;
    cursor.expect_token(&Token::LParen)?;
    let mut columns = Vec::new();
    if *cursor.peek() != Token::RParen {
        columns = cursor.list(|cursor| match cursor.peek_at(1) {
            Token::Arrow => Err(Error::unsupported("a condition of a DATA METRIC FUNCTION")
                .with_help("ADD EXPECTATION e CHECK ACCEPTED VALUES (c IN (..)) judges rows")),
            Token::LParen => Err(Error::unsupported("DATA METRIC FUNCTION of several tables")),
            _ => cursor.name(),
        })?;
    }
    cursor.expect_token(&Token::RParen)?;
    Ok(MetricOn { function, columns: distinct(columns)? })
}

fn spec(cursor: &mut Cursor<'_>) -> Result<MetricSpec> {
    let on = on(cursor)?;
    let mut expectations: Vec<MetricExpectation> = Vec::new();
    while cursor.accept(&["EXPECTATION"]) {
        let one = expectation(cursor)?;
        if expectations.iter().any(|known| known.name == one.name) {
            let what = format!("expectation '{}' stands there twice", one.name);
            return Err(Error::new(Code::INVALID_STATEMENT, what));
        }
        expectations.push(one);
    }
    Ok(MetricSpec { on, expectations })
}

fn modified(cursor: &mut Cursor<'_>) -> Result<(MetricOn, MetricChange)> {
    let on = on(cursor)?;
    let change = if cursor.accept(&["SUSPEND"]) {
        MetricChange::Suspend
    } else if cursor.accept(&["RESUME"]) {
        MetricChange::Resume
    } else if cursor.accept(&["DROP", "EXPECTATION"]) {
        MetricChange::DropExpectation(cursor.name()?)
    } else if cursor.accept(&["ADD", "EXPECTATION"]) {
        MetricChange::AddExpectation(expectation(cursor)?)
    } else if cursor.accept(&["MODIFY", "EXPECTATION"]) {
        MetricChange::ModifyExpectation(expectation(cursor)?)
    } else {
        let help = "SUSPEND, RESUME, or ADD, MODIFY or DROP EXPECTATION follows";
        return Err(cursor.unexpected().with_help(help));
    };
    Ok((on, change))
}

/// `name (condition)`.
fn expectation(cursor: &mut Cursor<'_>) -> Result<MetricExpectation> {
    let name: Name = cursor.name()?;
    cursor.expect_token(&Token::LParen)?;
    let condition = expression(cursor)?;
    cursor.expect_token(&Token::RParen)?;
    match condition.visit(&mut OverValue) {
        ControlFlow::Continue(()) if is_condition(&condition) => {
            // As it is understood, and without what else stood there.
            Ok(MetricExpectation { name, condition: condition.to_string() })
        }
        _ => Err(Error::new(
            Code::INVALID_STATEMENT,
            format!("expectation '{name}' is no condition over VALUE"),
        )
        .with_help("compare VALUE with numbers by =, !=, <>, <, >, <=, >=, AND, OR and NOT")),
    }
}

fn is_condition(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => !matches!(op, Binary::Minus | Binary::Plus),
        Expr::UnaryOp { op, .. } => *op == UnaryOperator::Not,
        Expr::Nested(inner) => is_condition(inner),
        _ => false,
    }
}

/// Stops at what an expectation may not hold.
struct OverValue;

impl Visitor for OverValue {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let allowed = match expr {
            Expr::Identifier(name) => name.value.eq_ignore_ascii_case("VALUE"),
            Expr::Value(value) => matches!(value.value, Value::Number(..)),
            Expr::Nested(_) => true,
            Expr::UnaryOp { op, .. } => {
                matches!(op, UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus)
            }
            Expr::BinaryOp { op, .. } => matches!(
                op,
                Binary::Eq
                    | Binary::NotEq
                    | Binary::Lt
                    | Binary::LtEq
                    | Binary::Gt
                    | Binary::GtEq
                    | Binary::And
                    | Binary::Or
            ),
            _ => false,
        };
        if allowed { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
