//! Expressions as DataFusion plans them, made to mean what the dialect means.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::datatype::DataTypeExt;
use datafusion_common::tree_node::Transformed;
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::expr::{
    AggregateFunction, Between, BinaryExpr, Cast, InList, ScalarFunction, TryCast, WindowFunction,
};
use datafusion_expr::expr_rewriter::FunctionRewrite;
use datafusion_expr::{AggregateUDF, Expr, ExprSchemable, Operator, WindowFunctionDefinition};
use icecore_types::SqlType;
use icecore_values::{ArithmeticOp, OnCastError, arrow_type, result_type, sql_type, sql_type_of};

use crate::arithmetic::{Negate, arithmetic};
use crate::bridge::external;
use crate::cast::{cast_to, is_plain};
use crate::lowered;
use crate::registry;
use crate::rounding;

/// The rewrites that an analyzer runs before it coerces types.
///
/// They put arithmetic, casts, comparisons of text with other types, and the
/// functions that a `DataFrame` took from DataFusion right.
///
/// ```
/// assert_eq!(icecore_functions::rewrites().len(), 1);
/// ```
pub fn rewrites() -> Vec<Arc<dyn FunctionRewrite + Send + Sync>> {
    vec![Arc::new(Dialect)]
}

#[derive(Debug)]
struct Dialect;

impl FunctionRewrite for Dialect {
    fn name(&self) -> &str {
        "dialect"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(binary) => self::binary(binary, schema),
            Expr::Negative(value) => negative(*value, schema),
            Expr::Cast(Cast { expr, field }) => {
                let same = |expr, field| Expr::Cast(Cast::new_from_field(expr, field));
                cast(expr, field, OnCastError::Fail, schema, same)
            }
            Expr::TryCast(TryCast { expr, field }) => {
                let same = |expr, field| Expr::TryCast(TryCast::new_from_field(expr, field));
                cast(expr, field, OnCastError::Null, schema, same)
            }
            Expr::Between(between) => self::between(between, schema),
            Expr::InList(list) => in_list(list, schema),
            Expr::ScalarFunction(function) => scalar(function, schema),
            Expr::AggregateFunction(function) => Ok(aggregate(function)),
            Expr::WindowFunction(function) => Ok(window(function)),
            other => Ok(Transformed::no(other)),
        }
    }
}

/// The dialect's operator for one of DataFusion's.
pub(crate) fn arithmetic_op(op: Operator) -> Option<ArithmeticOp> {
    Some(match op {
        Operator::Plus => ArithmeticOp::Add,
        Operator::Minus => ArithmeticOp::Subtract,
        Operator::Multiply => ArithmeticOp::Multiply,
        Operator::Divide => ArithmeticOp::Divide,
        Operator::Modulo => ArithmeticOp::Modulo,
        _ => return None,
    })
}

/// Whether the dialect's own arithmetic decides about a type; intervals and
/// timestamps stay with DataFusion.
pub(crate) fn is_ours(data_type: &DataType) -> bool {
    match sql_type_of(data_type) {
        Ok(SqlType::TimestampNtz | SqlType::TimestampLtz | SqlType::Time) | Err(_) => false,
        Ok(_) => true,
    }
}

fn binary(binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let BinaryExpr { left, op, right } = binary;
    let types = (left.get_type(schema), right.get_type(schema));
    let (Ok(left_type), Ok(right_type)) = types else {
        return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
    };
    if let Some(op) = arithmetic_op(op)
        && is_ours(&left_type)
        && is_ours(&right_type)
    {
        // Says which types do not go together while the operator is known.
        result_type(op, &left_type, &right_type).map_err(external)?;
        let expr = arithmetic(op, (*left, &left_type), (*right, &right_type));
        return Ok(Transformed::yes(expr));
    }
    if op == Operator::StringConcat {
        let left = as_text(*left, &left_type);
        let right = as_text(*right, &right_type);
        let changed = left.transformed || right.transformed;
        let binary = BinaryExpr { left: Box::new(left.data), op, right: Box::new(right.data) };
        return Ok(Transformed::new_transformed(Expr::BinaryExpr(binary), changed));
    }
    if op.supports_propagation() {
        let left_text = beside(&left_type, &right_type, &left)?;
        let right_text = beside(&right_type, &left_type, &right)?;
        if left_text.is_some() || right_text.is_some() {
            let left = Box::new(left_text.unwrap_or(*left));
            let right = Box::new(right_text.unwrap_or(*right));
            return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })));
        }
    }
    Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })))
}

fn is_text(data_type: &DataType) -> bool {
    matches!(sql_type_of(data_type), Ok(SqlType::Varchar { .. })) && *data_type != DataType::Null
}

fn as_text(expr: Expr, data_type: &DataType) -> Transformed<Expr> {
    if is_text(data_type) || *data_type == DataType::Null || sql_type_of(data_type).is_err() {
        return Transformed::no(expr);
    }
    Transformed::yes(cast_to(expr, SqlType::TEXT, OnCastError::Fail))
}

/// Digits behind the point of a number that was text, beside a whole number.
const TEXT_SCALE: u8 = 12;

/// Text that is compared with another type, as that type.
fn beside(text: &DataType, other: &DataType, expr: &Expr) -> Result<Option<Expr>> {
    if !is_text(text) || is_text(other) || *other == DataType::Null {
        return Ok(None);
    }
    let Ok(ty) = sql_type_of(other) else { return Ok(None) };
    let to = match ty {
        SqlType::Integer => match expr {
            Expr::Literal(value, _) if is_whole(value) => ty,
            _ => SqlType::Number { precision: 38, scale: TEXT_SCALE },
        },
        SqlType::Number { scale, .. } => {
            SqlType::Number { precision: 38, scale: scale.max(TEXT_SCALE) }
        }
        SqlType::Binary { .. } => return Ok(None),
        other => other,
    };
    Ok(Some(cast_to(expr.clone(), to, OnCastError::Fail)))
}

fn is_whole(value: &ScalarValue) -> bool {
    let text = value.try_as_str().flatten();
    text.is_some_and(|text| text.trim().parse::<i64>().is_ok())
}

fn between(between: Between, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Between { expr, negated, low, high } = between;
    let Ok(data_type) = expr.get_type(schema) else {
        return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high })));
    };
    let side = |side: Box<Expr>| -> Result<(Box<Expr>, bool)> {
        let Ok(side_type) = side.get_type(schema) else { return Ok((side, false)) };
        Ok(match beside(&side_type, &data_type, &side)? {
            Some(cast) => (Box::new(cast), true),
            None => (side, false),
        })
    };
    let (low, low_changed) = side(low)?;
    let (high, high_changed) = side(high)?;
    let expr = Expr::Between(Between { expr, negated, low, high });
    Ok(Transformed::new_transformed(expr, low_changed || high_changed))
}

fn in_list(list: InList, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let InList { expr, list, negated } = list;
    let Ok(data_type) = expr.get_type(schema) else {
        return Ok(Transformed::no(Expr::InList(InList { expr, list, negated })));
    };
    let mut changed = false;
    let mut values = Vec::with_capacity(list.len());
    for value in list {
        let cast = match value.get_type(schema) {
            Ok(value_type) => beside(&value_type, &data_type, &value)?,
            Err(_) => None,
        };
        changed |= cast.is_some();
        values.push(cast.unwrap_or(value));
    }
    let expr = Expr::InList(InList { expr, list: values, negated });
    Ok(Transformed::new_transformed(expr, changed))
}

fn negative(value: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let ours = value.get_type(schema).is_ok_and(|data_type| is_ours(&data_type));
    Ok(if ours {
        Transformed::yes(Negate::call(value))
    } else {
        Transformed::no(Expr::Negative(Box::new(value)))
    })
}

/// A cast to a type of the dialect, unless Arrow's means the same; any other
/// target, an interval for example, stays with DataFusion.
fn cast(
    expr: Box<Expr>,
    field: FieldRef,
    on_error: OnCastError,
    schema: &DFSchema,
    same: impl Fn(Box<Expr>, FieldRef) -> Expr,
) -> Result<Transformed<Expr>> {
    let (Ok(to), Ok(from)) = (sql_type(&field), expr.get_type(schema)) else {
        return Ok(Transformed::no(same(expr, field)));
    };
    let in_form = *field.data_type() == arrow_type(&to);
    if sql_type_of(&from).is_err() {
        return Ok(Transformed::no(same(expr, field)));
    }
    if in_form && is_plain(&from, &to) {
        // Without a field of its own the cast is as nullable as its input.
        return Ok(Transformed::yes(same(expr, arrow_type(&to).into_nullable_field_ref())));
    }
    Ok(Transformed::yes(cast_to(*expr, to, on_error)))
}

fn scalar(function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Some(lowered) = lowered::lower(&function) {
        return lowered.map(Transformed::yes);
    }
    if let Some(settled) = rounding::settle(&function) {
        return Ok(Transformed::yes(settled));
    }
    if let Some(ours) = registry::replacement(&function.func) {
        let replaced = ScalarFunction::new_udf(ours, function.args);
        return Ok(Transformed::yes(Expr::ScalarFunction(replaced)));
    }
    Ok(in_dialect(Expr::ScalarFunction(function), schema))
}

/// The result of a function of DataFusion in the Arrow type that the dialect
/// has for it: a 64-bit integer for a 32-bit one, for example.
fn in_dialect(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Ok(data_type) = expr.get_type(schema) else { return Transformed::no(expr) };
    match sql_type_of(&data_type) {
        Ok(ty) if data_type != DataType::Null && arrow_type(&ty) != data_type => {
            Transformed::yes(cast_to(expr, ty, OnCastError::Fail))
        }
        _ => Transformed::no(expr),
    }
}

/// Functions that a `DataFrame` took from DataFusion and that we have too.
static AGGREGATES: LazyLock<Vec<Arc<AggregateUDF>>> = LazyLock::new(registry::own_aggregates);

fn ours(function: &Arc<AggregateUDF>) -> Option<Arc<AggregateUDF>> {
    let ours = AGGREGATES.iter().find(|ours| ours.name() == function.name())?;
    (ours != function).then(|| Arc::clone(ours))
}

fn aggregate(mut function: AggregateFunction) -> Transformed<Expr> {
    match ours(&function.func) {
        Some(ours) => {
            function.func = ours;
            Transformed::yes(Expr::AggregateFunction(function))
        }
        None => Transformed::no(Expr::AggregateFunction(function)),
    }
}

fn window(mut function: Box<WindowFunction>) -> Transformed<Expr> {
    let ours = match &function.fun {
        WindowFunctionDefinition::AggregateUDF(aggregate) => self::ours(aggregate),
        WindowFunctionDefinition::WindowUDF(_) => None,
    };
    match ours {
        Some(ours) => {
            function.fun = WindowFunctionDefinition::AggregateUDF(ours);
            Transformed::yes(Expr::WindowFunction(function))
        }
        None => Transformed::no(Expr::WindowFunction(function)),
    }
}
