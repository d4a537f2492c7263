//! A value under another field: the same values in the Arrow form of a field,
//! with what it declares, where a plan wants two inputs to agree to the letter.

use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::bridge::{arguments, result, wrong_arguments};

/// `expr` with the type and the declarations of `field`, which holds its values.
///
/// ```
/// use arrow::datatypes::{DataType, Field};
/// let field = Field::new("n", DataType::Int64, true);
/// let shown = icecore_functions::conformed(datafusion_expr::col("x"), &field).to_string();
/// assert_eq!(shown, "conformed(x)");
/// ```
pub fn conformed(expr: Expr, field: &Field) -> Expr {
    let function = Conformed {
        field: Some(Arc::new(field.clone())),
        signature: Signature::user_defined(Volatility::Immutable),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![expr]))
}

/// The function around a cell of VALUES, whose type is its own and whose
/// declaration is not: cells of one column may declare different ones.
///
/// ```
/// assert_eq!(icecore_functions::undeclared().name(), "conformed");
/// ```
pub fn undeclared() -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::from(Conformed { field: None, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Conformed {
    field: Option<FieldRef>,
    signature: Signature,
}

impl ScalarUDFImpl for Conformed {
    fn name(&self) -> &str {
        "conformed"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match (&self.field, arg_types) {
            (Some(field), [_]) => Ok(field.data_type().clone()),
            (None, [data_type]) => Ok(data_type.clone()),
            _ => Err(wrong_arguments("conformed", "1", arg_types.len())),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [value] = args.arg_fields else {
            return Err(wrong_arguments("conformed", "1", args.arg_fields.len()));
        };
        Ok(Arc::new(match &self.field {
            Some(field) => {
                field.as_ref().clone().with_name(value.name()).with_nullable(value.is_nullable())
            }
            None => Field::new(value.name(), value.data_type().clone(), value.is_nullable()),
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let [value] = values.as_slice() else {
            return Err(wrong_arguments("conformed", "1", values.len()));
        };
        let array = match &self.field {
            Some(field) => cast(&value.array, field.data_type())?,
            None => Arc::clone(&value.array),
        };
        result(&values, array)
    }
}
