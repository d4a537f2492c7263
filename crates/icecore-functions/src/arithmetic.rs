//! `+ - * / %` and the sign, by `icecore_values`.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use icecore_types::SqlType;
use icecore_values::{ArithmeticOp, compute, field, negate, result_type, sql_type_of};

use crate::bridge::{arguments, external, result, wrong_arguments};

/// A field of an Arrow type, with the dialect's name of it.
pub(crate) fn typed(name: &str, data_type: &DataType, nullable: bool) -> Result<FieldRef> {
    let ty = sql_type_of(data_type).map_err(external)?;
    Ok(Arc::new(field(name, &ty, nullable)))
}

/// `left op right` in an expression. A whole number beside a decimal becomes a
/// decimal of its own digits, so that results stay as narrow as they can.
pub(crate) fn arithmetic(
    op: ArithmeticOp,
    (left, left_type): (Expr, &DataType),
    (right, right_type): (Expr, &DataType),
) -> Expr {
    let left = narrow(left, right_type);
    let right = narrow(right, left_type);
    let function = Arc::new(ScalarUDF::from(Arithmetic::new(op)));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![left, right]))
}

fn narrow(expr: Expr, other: &DataType) -> Expr {
    match (&expr, other) {
        (Expr::Literal(ScalarValue::Int64(Some(value)), metadata), DataType::Decimal128(..)) => {
            let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) as u8 + 1;
            let decimal = ScalarValue::Decimal128(Some(i128::from(*value)), digits, 0);
            Expr::Literal(decimal, metadata.clone())
        }
        _ => expr,
    }
}

/// The function behind an arithmetic operator.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Arithmetic {
    op: ArithmeticOp,
    signature: Signature,
}

impl Arithmetic {
    pub(crate) fn new(op: ArithmeticOp) -> Self {
        Self { op, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.op {
            ArithmeticOp::Add => "add",
            ArithmeticOp::Subtract => "subtract",
            ArithmeticOp::Multiply => "multiply",
            ArithmeticOp::Divide => "divide",
            ArithmeticOp::Modulo => "modulo",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => {
                Ok(format!("{} {} {}", operand(left), self.op.symbol(), operand(right)))
            }
            _ => Err(wrong_arguments(self.name(), "2", args.len())),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [_, _] => Ok(arg_types.to_vec()),
            _ => Err(wrong_arguments(self.name(), "2", arg_types.len())),
        }
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [left, right] => result_type(self.op, left, right).map_err(external),
            _ => Err(wrong_arguments(self.name(), "2", arg_types.len())),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        typed(self.name(), &self.return_type(&types)?, nullable)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let [left, right] = values.as_slice() else {
            return Err(wrong_arguments(self.name(), "2", values.len()));
        };
        let array =
            compute(self.op, left.datum().as_ref(), right.datum().as_ref()).map_err(external)?;
        result(&values, array)
    }
}

/// The name of an operand, in parentheses if it is an operation itself: two
/// expressions with one name would be taken for the same.
fn operand(expr: &Expr) -> String {
    let name = expr.schema_name();
    let is_operation = match expr {
        Expr::BinaryExpr(_) => true,
        Expr::ScalarFunction(function) => {
            let inner: &dyn std::any::Any = function.func.inner().as_ref();
            inner.is::<Arithmetic>()
        }
        _ => false,
    };
    if is_operation { format!("({name})") } else { name.to_string() }
}

/// The function behind the sign.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Negate {
    signature: Signature,
}

impl Negate {
    pub(crate) fn call(expr: Expr) -> Expr {
        let function = Self { signature: Signature::user_defined(Volatility::Immutable) };
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function.into()), vec![expr]))
    }
}

impl ScalarUDFImpl for Negate {
    fn name(&self) -> &str {
        "negate"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [value] => Ok(format!("(- {})", value.schema_name())),
            _ => Err(wrong_arguments(self.name(), "1", args.len())),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let [data_type] = arg_types else {
            return Err(wrong_arguments(self.name(), "1", arg_types.len()));
        };
        let ty = sql_type_of(data_type).map_err(external)?;
        match (data_type, ty) {
            (_, SqlType::Float) => Ok(DataType::Float64),
            (DataType::Decimal128(..), SqlType::Number { precision, scale }) => {
                Ok(DataType::Decimal128(precision, scale as i8))
            }
            _ => result_type(ArithmeticOp::Subtract, &DataType::Int64, data_type).map_err(external),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        let data_type = self.return_type(&types)?;
        Ok(Arc::new(arrow::datatypes::Field::new(self.name(), data_type, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let [value] = values.as_slice() else {
            return Err(wrong_arguments(self.name(), "1", values.len()));
        };
        let array = negate(&value.array).map_err(external)?;
        result(&values, relabel(array, args.return_field.data_type()))
    }
}

/// A decimal with the digits that the plan gave it, which hold its values.
fn relabel(array: arrow::array::ArrayRef, data_type: &DataType) -> arrow::array::ArrayRef {
    match (array.data_type(), data_type) {
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) if from == to => Arc::new(
            array.as_primitive::<Decimal128Type>().clone().with_data_type(data_type.clone()),
        ),
        _ => array,
    }
}
