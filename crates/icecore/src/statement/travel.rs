//! Points in time, as SQL and Rust name them, to versions.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::scalar::ScalarValue;
use icecore_exec::from_datafusion;
use icecore_snapshot::Head;
use icecore_sql::{AtBefore, Point, TravelPoint, ast};
use icecore_types::{Code, Error, QueryId, Result, SqlType, Timestamp, Version};

use crate::At;
use crate::engine::Engine;
use crate::history::REMEMBERED;
use crate::plan::{Binder, plan_expression};

/// The value of an expression that names no column.
///
/// # Errors
/// `InvalidInput` if it is not constant.
pub(crate) fn constant(
    expression: &ast::Expr,
    binder: &Arc<Binder>,
    state: &SessionState,
) -> Result<ScalarValue> {
    let planned = plan_expression(expression, &DFSchema::empty(), state, binder)?;
    let plan = LogicalPlanBuilder::empty(true)
        .project([planned.alias("value")])
        .and_then(LogicalPlanBuilder::build)
        .and_then(|plan| state.optimize(&plan))
        .map_err(from_datafusion)?;
    literal(&plan).ok_or_else(|| {
        Error::new(Code::INVALID_ARGUMENT, format!("not a constant expression: {expression}"))
    })
}

fn literal(plan: &LogicalPlan) -> Option<ScalarValue> {
    let LogicalPlan::Projection(projection) = plan else { return None };
    match projection.expr.as_slice() {
        [Expr::Literal(value, _)] => Some(value.clone()),
        [Expr::Alias(alias)] => match &*alias.expr {
            Expr::Literal(value, _) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The version that AT or BEFORE of a statement means.
///
/// # Errors
/// `SnapshotExpired` for a time before the account's first version, `NotFound`
/// for an unknown statement, `InvalidInput` for a value of another type.
pub(crate) fn version_of_point(
    point: &TravelPoint,
    binder: &Arc<Binder>,
    state: &SessionState,
) -> Result<Version> {
    let value = constant(point.point.expression(), binder, state)?;
    let engine = binder.session().engine();
    let head = binder.resolver().head();
    let before = point.at_or_before == AtBefore::Before;
    match &point.point {
        Point::Timestamp(_) => at_time(head, timestamp(&value)?, before),
        Point::Offset(_) => {
            let seconds = number(&value, "OFFSET")?;
            if seconds > 0.0 {
                return Err(Error::new(Code::INVALID_ARGUMENT, "OFFSET is not negative")
                    .with_help("OFFSET => -60 is a minute ago"));
            }
            let ago = std::time::Duration::try_from_secs_f64(-seconds)
                .map_err(|_| Error::new(Code::INVALID_ARGUMENT, "OFFSET is out of range"))?;
            at_time(head, engine.now().minus(ago), before)
        }
        Point::Statement(_) => at_statement(engine, head, query_id(&value)?, before),
        Point::Version(_) => {
            let number = number(&value, "VERSION")?;
            let known = head.version().get() as f64;
            if number < 0.0 || number > known || number.fract() != 0.0 {
                return Err(nothing_then(format_args!("version={number} newest={known}")));
            }
            let version = Version::new(number as u64);
            if before { previous(version) } else { Ok(version) }
        }
    }
}

/// The version that a Rust caller means.
pub(crate) fn version_of(at: At, engine: &Engine, head: &Head) -> Result<Option<Version>> {
    Ok(Some(match at {
        At::Latest => return Ok(None),
        At::Version(version) if version > head.version() => {
            return Err(nothing_then(format_args!("version={version} newest={}", head.version())));
        }
        At::Version(version) => version,
        At::Timestamp(time) => at_time(head, time, false)?,
        At::Ago(ago) => at_time(head, engine.now().minus(ago), false)?,
        At::Before(query) => at_statement(engine, head, query, true)?,
        At::After(query) => at_statement(engine, head, query, false)?,
    }))
}

fn at_time(head: &Head, time: Timestamp, before: bool) -> Result<Version> {
    // BEFORE a moment leaves out what happened at it.
    let time =
        if before { Timestamp::from_micros(time.as_micros().saturating_sub(1)) } else { time };
    head.version_at(time).ok_or_else(|| nothing_then(format_args!("time={time}")))
}

fn at_statement(engine: &Engine, head: &Head, query: QueryId, before: bool) -> Result<Version> {
    let unknown = || Error::new(Code::STATEMENT_NOT_FOUND, format!("statement {query} not found"));
    let Some(version) = head.version_of(query) else {
        return engine.history.version_at_end(query, engine.now()).ok_or_else(unknown);
    };
    let committed = head.time_of(version).ok_or_else(unknown)?;
    if engine.now().since(committed) > REMEMBERED {
        return Err(unknown().with_help("statements are points in time for 14 days"));
    }
    if before { previous(version) } else { Ok(version) }
}

fn previous(version: Version) -> Result<Version> {
    version.previous().ok_or_else(|| nothing_then("before the first version"))
}

fn nothing_then(when: impl std::fmt::Display) -> Error {
    Error::new(
        Code::TIME_TRAVEL_UNAVAILABLE,
        format!(
            "time travel data is not available: the requested time is either beyond the allowed \
             time travel period or before the object creation time: {when}"
        ),
    )
}

fn timestamp(value: &ScalarValue) -> Result<Timestamp> {
    let array = value.to_array().map_err(from_datafusion)?;
    let field = arrow::datatypes::Field::new("", array.data_type().clone(), true);
    let from = icecore_values::sql_type(&field)?;
    if !matches!(
        from,
        SqlType::Varchar { .. } | SqlType::Date | SqlType::TimestampNtz | SqlType::TimestampLtz
    ) {
        return Err(Error::new(
            Code::INVALID_ARGUMENT,
            format!("TIMESTAMP takes a timestamp, not {from}"),
        ));
    }
    let cast = icecore_values::cast_array(
        &array,
        &from,
        &SqlType::TimestampLtz,
        icecore_values::OnCastError::Fail,
    )?;
    match ScalarValue::try_from_array(&cast, 0).map_err(from_datafusion)? {
        ScalarValue::TimestampMicrosecond(Some(micros), _) => Ok(Timestamp::from_micros(micros)),
        _ => Err(Error::new(Code::INVALID_ARGUMENT, "TIMESTAMP is NULL")),
    }
}

fn number(value: &ScalarValue, what: &str) -> Result<f64> {
    let wrong = || Error::new(Code::INVALID_ARGUMENT, format!("{what} takes a number"));
    if !value.data_type().is_numeric() {
        return Err(wrong());
    }
    match value.cast_to(&DataType::Float64).map_err(from_datafusion)? {
        ScalarValue::Float64(Some(number)) => Ok(number),
        _ => Err(wrong()),
    }
}

fn query_id(value: &ScalarValue) -> Result<QueryId> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => text.parse().map_err(|_| {
            Error::new(Code::STATEMENT_NOT_FOUND, format!("statement {text} not found"))
        }),
        _ => Err(Error::new(Code::INVALID_ARGUMENT, "STATEMENT takes the id of a query as text")),
    }
}
