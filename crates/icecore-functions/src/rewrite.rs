//! Expressions as DataFusion plans them, made to mean what the dialect means.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::expr::{
    AggregateFunction, Between, BinaryExpr, Cast, InList, ScalarFunction, TryCast, WindowFunction,
};
use datafusion_expr::expr_rewriter::FunctionRewrite;
use datafusion_expr::{AggregateUDF, Expr, ExprSchemable, Operator, WindowFunctionDefinition};
use icecore_types::SqlType;
use icecore_values::{ArithmeticOp, OnCastError, arrow_type, result_type, sql_type, sql_type_of};

use crate::align::{self, beside, is_text};
use crate::arithmetic::{Negate, arithmetic};
use crate::bridge::external;
use crate::cast::cast_to;
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
            Expr::Case(mut case) => {
                let changed = align::case(&mut case, schema);
                Ok(Transformed::new_transformed(Expr::Case(case), changed))
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
    if align::is_comparison(op)
        && let Some((left, right)) = align::both((&left, &left_type), (&right, &right_type))
    {
        let binary = BinaryExpr { left: Box::new(left), op, right: Box::new(right) };
        return Ok(Transformed::yes(Expr::BinaryExpr(binary)));
    }
    Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })))
}

fn as_text(expr: Expr, data_type: &DataType) -> Transformed<Expr> {
    if is_text(data_type) || *data_type == DataType::Null || sql_type_of(data_type).is_err() {
        return Transformed::no(expr);
    }
    Transformed::yes(cast_to(expr, SqlType::TEXT, OnCastError::Fail))
}

fn between(mut between: Between, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let mut changed = false;
    if let Ok(data_type) = between.expr.get_type(schema) {
        for side in [&mut between.low, &mut between.high] {
            changed |= replace_beside(side, &data_type, schema);
            changed |= replace_if_float(&mut between.expr, side, schema);
        }
    }
    Ok(Transformed::new_transformed(Expr::Between(between), changed))
}

fn in_list(mut list: InList, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let mut changed = false;
    // Text that is looked for among other values is read as they are.
    let types: Vec<_> = list.list.iter().filter_map(|value| value.get_type(schema).ok()).collect();
    if let Some(other) = types.iter().find(|ty| !is_text(ty) && **ty != DataType::Null) {
        changed |= replace_beside(&mut list.expr, other, schema);
    }
    if let Ok(data_type) = list.expr.get_type(schema) {
        for value in &mut list.list {
            changed |= replace_beside(value, &data_type, schema);
            changed |= replace_if_float(&mut list.expr, value, schema);
        }
    }
    Ok(Transformed::new_transformed(Expr::InList(list), changed))
}

/// Puts `value` as what it is compared as beside a value of type `other`.
fn replace_beside(value: &mut Expr, other: &DataType, schema: &DFSchema) -> bool {
    let Ok(data_type) = value.get_type(schema) else { return false };
    let Some(cast) = beside(value, &data_type, other) else { return false };
    *value = cast;
    true
}

/// Puts a decimal as a float if what it is compared with is one.
fn replace_if_float(expr: &mut Expr, value: &Expr, schema: &DFSchema) -> bool {
    match value.get_type(schema) {
        Ok(DataType::Float64) => replace_beside(expr, &DataType::Float64, schema),
        _ => false,
    }
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
    if sql_type_of(&from).is_err() {
        return Ok(Transformed::no(same(expr, field)));
    }
    // A cast to what a value is already would only hide it from pruning.
    let declared = icecore_values::field("", &to, true);
    let is_same = expr.to_field(schema).is_ok_and(|(_, own)| {
        own.data_type() == declared.data_type() && own.metadata() == declared.metadata()
    });
    if is_same {
        return Ok(Transformed::yes(*expr));
    }
    Ok(Transformed::yes(cast_to(*expr, to, on_error)))
}

fn scalar(function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Some(lowered) = lowered::lower(&function) {
        // What it is written as has comparisons and branches of its own.
        let aligned = lowered?.transform_up(|expr| match expr {
            Expr::BinaryExpr(binary) => self::binary(binary, schema),
            Expr::Case(mut case) => {
                let changed = align::case(&mut case, schema);
                Ok(Transformed::new_transformed(Expr::Case(case), changed))
            }
            Expr::ScalarFunction(function) if takes_one_type(&function) => {
                unified(function, schema)
            }
            other => Ok(Transformed::no(other)),
        });
        return aligned.map(|expr| Transformed::yes(expr.data));
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

/// Functions of DataFusion whose arguments become one column.
fn takes_one_type(function: &ScalarFunction) -> bool {
    matches!(function.name(), "greatest" | "least" | "coalesce")
}

fn unified(mut function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let changed = align::unify(&mut function.args.iter_mut().collect::<Vec<_>>(), schema);
    Ok(Transformed::new_transformed(Expr::ScalarFunction(function), changed))
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
