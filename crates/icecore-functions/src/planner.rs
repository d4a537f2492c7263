//! What the SQL planner asks about types and operators.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion_common::{DFSchema, Result};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::planner::{
    ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr, RawWindowExpr, TypePlanner,
};
use datafusion_expr::sqlparser::ast;
use datafusion_expr::{Expr, ExprSchemable, Operator, binary_expr};
use icecore_types::SqlType;
use icecore_values::{ArithmeticOp, field, result_type};

use crate::arithmetic::arithmetic;
use crate::bridge::external;
use crate::rewrite::is_ours;
use crate::{align, calls, listagg, registry};

/// The planner of operators: register it before DataFusion's own, so that an
/// operation that only the dialect has, as a date plus a number, gets a type.
///
/// ```
/// let planner = icecore_functions::expr_planner();
/// assert!(format!("{planner:?}").contains("Operators"));
/// ```
pub fn expr_planner() -> Arc<dyn ExprPlanner> {
    Arc::new(Operators)
}

/// The planner of type names in SQL: the dialect's types, whose declarations
/// travel in the metadata of the field.
///
/// ```
/// let field = icecore_functions::type_planner()
///     .plan_type_field(&datafusion_expr::sqlparser::ast::DataType::Int(None))?
///     .expect("every type is planned");
/// assert_eq!(field.data_type(), &arrow::datatypes::DataType::Int64);
/// # Ok::<(), datafusion_common::DataFusionError>(())
/// ```
pub fn type_planner() -> Arc<dyn TypePlanner> {
    Arc::new(Types)
}

#[derive(Debug)]
struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let types = (expr.left.get_type(schema), expr.right.get_type(schema));
        let (Ok(left_type), Ok(right_type)) = types else {
            return Ok(PlannerResult::Original(expr));
        };
        if let Some(op) = comparison(&expr.op) {
            let sides = align::both((&expr.left, &left_type), (&expr.right, &right_type));
            return Ok(match sides {
                Some((left, right)) => PlannerResult::Planned(binary_expr(left, op, right)),
                None => PlannerResult::Original(expr),
            });
        }
        let Some(op) = arithmetic_op(&expr.op) else { return Ok(PlannerResult::Original(expr)) };
        if !is_ours(&left_type) || !is_ours(&right_type) {
            return Ok(PlannerResult::Original(expr));
        }
        result_type(op, &left_type, &right_type).map_err(external)?;
        let RawBinaryExpr { left, right, .. } = expr;
        Ok(PlannerResult::Planned(arithmetic(op, (left, &left_type), (right, &right_type))))
    }

    fn plan_aggregate(&self, expr: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        let planned = match listagg::plan(expr)? {
            Ok(planned) => Ok(planned),
            Err(original) => calls::aggregate(original)?,
        };
        Ok(match planned {
            Ok(planned) => PlannerResult::Planned(planned),
            Err(original) => PlannerResult::Original(original),
        })
    }

    fn plan_window(&self, call: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        Ok(match calls::window(call)? {
            Ok(planned) => PlannerResult::Planned(planned),
            Err(original) => PlannerResult::Original(original),
        })
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let function = registry::own("date_part");
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, args))))
    }

    /// `SUBSTRING(text FROM start FOR length)`.
    fn plan_substring(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let function = registry::own("substr");
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, args))))
    }

    /// `POSITION(needle IN text)`, which the planner gives as text and needle.
    fn plan_position(&self, mut args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        args.reverse();
        let function = registry::own("charindex");
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, args))))
    }
}

fn comparison(op: &ast::BinaryOperator) -> Option<Operator> {
    Some(match op {
        ast::BinaryOperator::Eq => Operator::Eq,
        ast::BinaryOperator::NotEq => Operator::NotEq,
        ast::BinaryOperator::Lt => Operator::Lt,
        ast::BinaryOperator::LtEq => Operator::LtEq,
        ast::BinaryOperator::Gt => Operator::Gt,
        ast::BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    })
}

fn arithmetic_op(op: &ast::BinaryOperator) -> Option<ArithmeticOp> {
    Some(match op {
        ast::BinaryOperator::Plus => ArithmeticOp::Add,
        ast::BinaryOperator::Minus => ArithmeticOp::Subtract,
        ast::BinaryOperator::Multiply => ArithmeticOp::Multiply,
        ast::BinaryOperator::Divide => ArithmeticOp::Divide,
        ast::BinaryOperator::Modulo => ArithmeticOp::Modulo,
        _ => return None,
    })
}

#[derive(Debug)]
struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &ast::DataType) -> Result<Option<FieldRef>> {
        // An interval is no type of a column, and is left to DataFusion.
        if matches!(sql_type, ast::DataType::Interval { .. }) {
            return Ok(None);
        }
        let ty = SqlType::parse(&sql_type.to_string()).map_err(external)?;
        Ok(Some(Arc::new(field("cast", &ty, true))))
    }
}
