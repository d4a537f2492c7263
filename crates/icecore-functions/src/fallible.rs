//! Which expressions may fail on a row, and how one is kept from the rows that
//! another condition rules out.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::DataType;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::expr::{Alias, Case, ScalarFunction};
use datafusion_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, binary_expr, lit,
};
use icecore_types::SqlType;
use icecore_values::{OnCastError, sql_type_of};

use crate::bridge::{arguments, result, wrong_arguments};
use crate::cast::CastTo;

/// Functions that have a value for every row.
const TOTAL: &[&str] = &[
    "upper",
    "lower",
    "btrim",
    "trim",
    "ltrim",
    "rtrim",
    "substr",
    "left",
    "right",
    "reverse",
    "character_length",
    "octet_length",
    "bit_length",
    "contains",
    "startswith",
    "endswith",
    "charindex",
    "replace",
    "initcap",
    "coalesce",
    "greatest",
    "least",
    "truth",
    "year",
    "quarter",
    "month",
    "day",
    "dayofweek",
    "dayofweekiso",
    "dayofyear",
    "week",
    "weekiso",
    "hour",
    "minute",
    "second",
    "dayname",
    "monthname",
    "last_day",
    "md5",
    "concat",
];

/// Whether evaluating an expression on a row that it was not meant for may be
/// an error: a division, a sum beyond its digits, a text that is no number.
///
/// What has no column is the same for all rows, and counts as infallible.
///
/// ```
/// use datafusion_common::DFSchema;
/// use datafusion_expr::lit;
/// assert!(!icecore_functions::is_fallible(&lit(1).eq(lit(2)), &DFSchema::empty()));
/// ```
pub fn is_fallible(expr: &Expr, schema: &DFSchema) -> bool {
    let mut found = false;
    let walked = expr.apply(|part| {
        found |= fails_itself(part, schema);
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    });
    found || walked.is_err()
}

fn fails_itself(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Negative(_) => expr.any_column_refs(),
        Expr::BinaryExpr(binary) => {
            let is_arithmetic = matches!(
                binary.op,
                Operator::Plus
                    | Operator::Minus
                    | Operator::Multiply
                    | Operator::Divide
                    | Operator::Modulo
            );
            is_arithmetic && expr.any_column_refs()
        }
        Expr::ScalarFunction(function) => {
            expr.any_column_refs() && is_fallible_call(function, schema)
        }
        _ => false,
    }
}

/// Whether a call itself, and not what it is given, may fail on a row.
///
/// ```
/// use datafusion_common::DFSchema;
/// use datafusion_expr::{Expr, lit};
/// let md5 = icecore_functions::scalar_functions().into_iter().find(|f| f.name() == "md5");
/// let Some(Expr::ScalarFunction(call)) = md5.map(|md5| md5.call(vec![lit("a")])) else { panic!() };
/// assert!(!icecore_functions::is_fallible_call(&call, &DFSchema::empty()));
/// ```
pub fn is_fallible_call(function: &ScalarFunction, schema: &DFSchema) -> bool {
    !TOTAL.contains(&function.name()) && !is_widening(function, schema)
}

/// Whether a call is a cast in which every value has a place.
fn is_widening(function: &ScalarFunction, schema: &DFSchema) -> bool {
    let inner: &dyn std::any::Any = function.func.inner().as_ref();
    let (Some(cast), [value]) = (inner.downcast_ref::<CastTo>(), function.args.as_slice()) else {
        return false;
    };
    if cast.on_error() == OnCastError::Null {
        return true;
    }
    let Ok(from) = value.get_type(schema) else { return false };
    let Ok(declared) = sql_type_of(&from) else { return false };
    match (declared, cast.to()) {
        (_, to) if to == SqlType::TEXT => true,
        (SqlType::Integer | SqlType::Number { .. }, SqlType::Float) => true,
        (SqlType::Integer, SqlType::Integer) => true,
        (SqlType::Integer, SqlType::Number { precision, scale }) => precision - scale >= 19,
        (SqlType::Number { precision: p, scale: s }, SqlType::Number { precision, scale }) => {
            scale >= s && precision - scale >= p - s
        }
        (SqlType::Date, SqlType::TimestampNtz | SqlType::TimestampLtz) => true,
        (from, to) => from == to,
    }
}

/// `then` where `guard` is true, and false elsewhere, where `then` is not
/// evaluated. It is a number inside, because an optimizer takes a CASE of truth
/// values apart into ANDs, which evaluate both sides.
///
/// ```
/// use datafusion_expr::col;
/// let shown = icecore_functions::guarded(col("a"), col("b")).to_string();
/// assert_eq!(shown, "CASE WHEN a THEN truth(b) ELSE Int64(0) END = Int64(1)");
/// ```
pub fn guarded(guard: Expr, then: Expr) -> Expr {
    let branches = vec![(Box::new(guard), Box::new(truth(then)))];
    is_one(Case::new(None, branches, Some(Box::new(lit(0_i64)))))
}

/// The guard and the rest of what `guarded` made.
///
/// ```
/// use datafusion_expr::col;
/// let made = icecore_functions::guarded(col("a"), col("b"));
/// assert_eq!(icecore_functions::as_guarded(&made), Some((&col("a"), &col("b"))));
/// ```
pub fn as_guarded(expr: &Expr) -> Option<(&Expr, &Expr)> {
    let Expr::BinaryExpr(binary) = expr else { return None };
    let Expr::Case(case) = binary.left.as_ref() else { return None };
    let ([(guard, then)], Operator::Eq) = (case.when_then_expr.as_slice(), binary.op) else {
        return None;
    };
    match then.as_ref() {
        Expr::ScalarFunction(call) if call.name() == "truth" => {
            call.args.first().map(|then| (guard.as_ref(), then))
        }
        _ => None,
    }
}

/// Operands of AND or OR of which the second ones may fail: those are evaluated
/// only where the first do not decide.
///
/// ```
/// use datafusion_expr::{col, Operator};
/// let shown = icecore_functions::decided_first(Operator::Or, col("a"), col("b")).to_string();
/// assert!(shown.starts_with("CASE WHEN a IS TRUE THEN Int64(1) ELSE truth("));
/// ```
pub fn decided_first(op: Operator, first: Expr, second: Expr) -> Expr {
    let whole = truth(binary_expr(first.clone(), op, second));
    let (condition, then, other) = match op {
        Operator::And => (first.is_not_false(), whole, lit(0_i64)),
        _ => (first.is_true(), lit(1_i64), whole),
    };
    is_one(Case::new(None, vec![(Box::new(condition), Box::new(then))], Some(Box::new(other))))
}

/// A CASE of truth values whose branches stay branches.
///
/// ```
/// use datafusion_expr::{col, Expr, when};
/// let Expr::Case(case) = when(col("a"), col("b")).end()? else { unreachable!() };
/// let shown = icecore_functions::kept_apart(case).to_string();
/// assert_eq!(shown, "CASE WHEN a THEN truth(b) END = Int64(1)");
/// # Ok::<(), datafusion_common::DataFusionError>(())
/// ```
pub fn kept_apart(mut case: Case) -> Expr {
    for (_, then) in &mut case.when_then_expr {
        **then = truth(std::mem::take(then.as_mut()));
    }
    if let Some(other) = &mut case.else_expr {
        **other = truth(std::mem::take(other.as_mut()));
    }
    is_one(case)
}

fn is_one(case: Case) -> Expr {
    binary_expr(Expr::Case(case), Operator::Eq, lit(1_i64))
}

fn truth(expr: Expr) -> Expr {
    let expr = match expr {
        Expr::Alias(Alias { expr, .. }) => *expr,
        other => other,
    };
    let function = Truth { signature: Signature::user_defined(Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(function.into(), vec![expr]))
}

/// A truth value as 1 or 0.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Truth {
    signature: Signature,
}

impl ScalarUDFImpl for Truth {
    fn name(&self) -> &str {
        "truth"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [_] => Ok(vec![DataType::Boolean]),
            _ => Err(wrong_arguments("truth", "1", arg_types.len())),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let [value] = values.as_slice() else {
            return Err(wrong_arguments("truth", "1", values.len()));
        };
        let numbers: Int64Array = match value.array.as_boolean_opt() {
            Some(flags) => flags.iter().map(|flag| flag.map(i64::from)).collect(),
            None => Int64Array::new_null(value.array.len()),
        };
        result(&values, Arc::new(numbers))
    }
}

impl From<Truth> for Arc<ScalarUDF> {
    fn from(function: Truth) -> Self {
        Arc::new(ScalarUDF::from(function))
    }
}
