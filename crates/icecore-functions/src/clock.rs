//! The time of the statement, from the engine's clock.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use icecore_types::{Error, SqlType};
use icecore_values::{arrow_type, field};

use crate::bridge::{external, wrong_arguments};

/// The functions of this file: each is the moment at which its statement began,
/// which the session puts into the planner's context.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let now = |name, aliases: &[&str], ty| {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        let signature = Signature::user_defined(Volatility::Stable);
        Arc::new(ScalarUDF::from(Now { name, aliases, ty, signature }))
    };
    vec![
        now("current_timestamp", &["now", "getdate", "localtimestamp"], SqlType::TimestampLtz),
        now("sysdate", &[], SqlType::TimestampNtz),
        now("current_date", &["today"], SqlType::Date),
        now("current_time", &["localtime"], SqlType::Time),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Now {
    name: &'static str,
    aliases: Vec<String>,
    ty: SqlType,
    signature: Signature,
}

const DAY: i64 = 86_400_000_000;

impl Now {
    fn at(&self, micros: i64) -> ScalarValue {
        match self.ty {
            SqlType::Date => ScalarValue::Date32(Some(micros.div_euclid(DAY) as i32)),
            SqlType::Time => ScalarValue::Time64Microsecond(Some(micros.rem_euclid(DAY))),
            SqlType::TimestampLtz => {
                ScalarValue::TimestampMicrosecond(Some(micros), Some(Arc::from("UTC")))
            }
            _ => ScalarValue::TimestampMicrosecond(Some(micros), None),
        }
    }
}

impl ScalarUDFImpl for Now {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// No arguments, or a number of digits that are there anyway.
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [] => Ok(Vec::new()),
            other => Err(wrong_arguments(self.name, "no", other.len())),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&self.ty))
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(field(self.name, &self.ty, false)))
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(moment) = info.query_execution_start_time() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let value = self.at(moment.timestamp_micros());
        let metadata = (&field(self.name, &self.ty, false)).into();
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(value, Some(metadata))))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let message = format!("{} without the time of a statement", self.name);
        Err(external(Error::internal(message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_time_at_which_the_statement_began() {
        let moment = chrono::DateTime::from_timestamp_micros(1_357_016_400_000_001).unwrap();
        let context = SimplifyContext::builder().with_query_execution_start_time(Some(moment));
        let context = context.build();
        for (function, expected) in functions().iter().zip([
            ScalarValue::TimestampMicrosecond(Some(1_357_016_400_000_001), Some("UTC".into())),
            ScalarValue::TimestampMicrosecond(Some(1_357_016_400_000_001), None),
            ScalarValue::Date32(Some(15_706)),
            ScalarValue::Time64Microsecond(Some(18_000_000_001)),
        ]) {
            let simplified = function.simplify(vec![], &context).unwrap();
            let ExprSimplifyResult::Simplified(Expr::Literal(value, _)) = simplified else {
                panic!("{} is not simplified", function.name());
            };
            assert_eq!(value, expected);
            assert_eq!(value.data_type(), function.return_type(&[]).unwrap());
        }
    }
}
