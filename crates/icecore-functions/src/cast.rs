//! CAST and TRY_CAST, by `icecore_values`.

use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{OnCastError, arrow_type, can_cast, cast_array, field, sql_type};

use crate::bridge::{arguments, external, result, wrong_arguments};

/// `expr` as a value of `to`.
pub(crate) fn cast_to(expr: Expr, to: SqlType, on_error: OnCastError) -> Expr {
    let function = Arc::new(ScalarUDF::from(CastTo::new(to, on_error)));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![expr]))
}

/// The function behind CAST.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CastTo {
    to: SqlType,
    on_error: OnCastError,
    signature: Signature,
}

impl CastTo {
    pub(crate) fn new(to: SqlType, on_error: OnCastError) -> Self {
        Self { to, on_error, signature: Signature::user_defined(Volatility::Immutable) }
    }

    pub(crate) fn to(&self) -> SqlType {
        self.to
    }

    pub(crate) fn on_error(&self) -> OnCastError {
        self.on_error
    }

    fn from(&self, field: &Field) -> Result<SqlType> {
        let from = sql_type(field).map_err(external)?;
        if *field.data_type() != DataType::Null && !can_cast(&from, &self.to) {
            let message = format!("cannot cast {from} to {}", self.to);
            return Err(external(Error::new(Code::TYPE_MISMATCH, message)));
        }
        Ok(from)
    }
}

impl ScalarUDFImpl for CastTo {
    fn name(&self) -> &str {
        match self.on_error {
            OnCastError::Fail => "cast",
            OnCastError::Null => "try_cast",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [value] => {
                let name = self.name().to_uppercase();
                Ok(format!("{name}({} AS {})", value.schema_name(), self.to))
            }
            _ => Err(wrong_arguments(self.name(), "1", args.len())),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [_] => Ok(arg_types.to_vec()),
            _ => Err(wrong_arguments(self.name(), "1", arg_types.len())),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&self.to))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [value] = args.arg_fields else {
            return Err(wrong_arguments(self.name(), "1", args.arg_fields.len()));
        };
        self.from(value)?;
        let nullable = value.is_nullable() || self.on_error == OnCastError::Null;
        Ok(Arc::new(field(self.name(), &self.to, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let ([value], [field]) = (values.as_slice(), args.arg_fields.as_slice()) else {
            return Err(wrong_arguments(self.name(), "1", values.len()));
        };
        if *value.array.data_type() == DataType::Null {
            let rows = value.array.len();
            return result(&values, arrow::array::new_null_array(&arrow_type(&self.to), rows));
        }
        // What the field declares is not relied on: a union declares the length
        // of one of its branches, and each value is checked here.
        let seen = Field::new(field.name(), value.array.data_type().clone(), true);
        let from = self.from(&seen)?;
        let array = cast_array(&value.array, &from, &self.to, self.on_error).map_err(external)?;
        result(&values, array)
    }
}
