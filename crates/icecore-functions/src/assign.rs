//! What storing a value in a column means.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{OnCastError, can_cast, check_not_null, sql_type};

use crate::bridge::{arguments, external, result, wrong_arguments};
use crate::cast::cast_to;

/// `expr` as a value of a column of type `ty`: cast as CAST does, its length and
/// digits checked, and NULL refused if the column is NOT NULL.
///
/// `from` is the field of `expr`; a value of a type that has no cast to `ty` is
/// refused at once, and by name.
///
/// # Errors
/// `InvalidInput` if there is no cast, or if `from` has no type of the dialect.
///
/// ```
/// use arrow::datatypes::{DataType, Field};
/// use datafusion_expr::col;
/// use icecore_types::SqlType;
/// let from = Field::new("x", DataType::Utf8View, true);
/// let stored = icecore_functions::assign(col("x"), &from, "ID", &SqlType::Integer, true)?;
/// let shown = stored.schema_name().to_string();
/// assert_eq!(shown, "not_null(CAST(x AS NUMBER(38,0)))");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn assign(
    expr: Expr,
    from: &Field,
    column: &str,
    ty: &SqlType,
    not_null: bool,
) -> Result<Expr, Error> {
    if *from.data_type() != DataType::Null {
        let source = sql_type(from)?;
        if !can_cast(&source, ty) {
            let message = format!("cannot store {source} in a column of {ty} column={column}");
            return Err(Error::new(Code::TYPE_MISMATCH, message));
        }
    }
    let stored = cast_to(expr, *ty, OnCastError::Fail);
    if !not_null {
        return Ok(stored);
    }
    let function = Arc::new(ScalarUDF::from(NotNull::new(column)));
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![stored])))
}

/// Its argument, which must not be NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NotNull {
    column: String,
    signature: Signature,
}

impl NotNull {
    fn new(column: &str) -> Self {
        // Not immutable: a NULL that is a constant is refused when it is
        // stored, and not while the statement is planned.
        let signature = Signature::user_defined(Volatility::Stable);
        Self { column: column.to_owned(), signature }
    }
}

impl ScalarUDFImpl for NotNull {
    fn name(&self) -> &str {
        "not_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [data_type] => Ok(data_type.clone()),
            _ => Err(wrong_arguments(self.name(), "1", arg_types.len())),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [value] => Ok(Arc::new(value.as_ref().clone().with_nullable(false))),
            other => Err(wrong_arguments(self.name(), "1", other.len())),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let [value] = values.as_slice() else {
            return Err(wrong_arguments(self.name(), "1", values.len()));
        };
        check_not_null(value.array.as_ref(), &self.column).map_err(external)?;
        result(&values, value.array.clone())
    }
}
