//! Aggregates and window functions that are others in disguise, rewritten while
//! they are planned.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::expr::{
    AggregateFunction, Sort, WindowFunction, WindowFunctionDefinition, WindowFunctionParams,
};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::planner::{RawAggregateExpr, RawWindowExpr};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility, WindowFrame,
    WindowFrameBound, WindowFrameUnits, lit, when,
};
use datafusion_functions_aggregate::first_last::first_value_udaf;
use datafusion_functions_aggregate::grouping::grouping_udaf;
use icecore_types::{Error, SqlType};
use icecore_values::{ArithmeticOp, OnCastError};

use crate::aggregates::count_if;
use crate::arithmetic::Arithmetic;
use crate::bridge::{external, wrong_arguments};
use crate::cast::cast_to;
use crate::total;

/// The names of this file: what they take, what they give at the least, and
/// whether they stand over a window.
const NAMES: [(&str, DataType); 6] = [
    ("min_by", DataType::Null),
    ("max_by", DataType::Null),
    ("boolxor_agg", DataType::Boolean),
    ("ratio_to_report", DataType::Float64),
    ("conditional_true_event", DataType::Int64),
    ("grouping_id", DataType::Int64),
];

pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    let all = NAMES.iter().map(|(name, gives)| Named {
        name,
        gives: gives.clone(),
        signature: Signature::user_defined(Volatility::Immutable),
    });
    all.map(|named| Arc::new(AggregateUDF::from(named))).collect()
}

/// A name in a statement; what it means takes its place.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Named {
    name: &'static str,
    gives: DataType,
    signature: Signature,
}

impl AggregateUDFImpl for Named {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(match (&self.gives, arg_types) {
            (DataType::Null, [first, ..]) => first.clone(),
            (gives, _) => gives.clone(),
        })
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let name = self.name.to_uppercase();
        let how = match self.name {
            "ratio_to_report" | "conditional_true_event" => "without OVER",
            _ => "over a window",
        };
        Err(external(Error::unsupported(format_args!("{name} {how}"))))
    }
}

/// What an aggregate of this file means; the call itself if it is another.
pub(crate) fn aggregate(call: RawAggregateExpr) -> Result<Result<Expr, RawAggregateExpr>> {
    match call.func.name() {
        "min_by" => by(call, true).map(Ok),
        "max_by" => by(call, false).map(Ok),
        "boolxor_agg" => exactly_one(call).map(Ok),
        "grouping_id" | "grouping" => Ok(Ok(grouping(call))),
        "conditional_change_event" => {
            Err(external(Error::unsupported("CONDITIONAL_CHANGE_EVENT without OVER")))
        }
        _ => Ok(Err(call)),
    }
}

/// The value of the row with the least or greatest key; rows without a key do
/// not count.
fn by(call: RawAggregateExpr, ascending: bool) -> Result<Expr> {
    let name = if ascending { "MIN_BY" } else { "MAX_BY" };
    if call.args.len() == 3 {
        let what = format_args!("the third argument of {name}, which gives an ARRAY");
        return Err(external(Error::unsupported(what)));
    }
    let found = call.args.len();
    let Ok([value, key]) = <[Expr; 2]>::try_from(call.args) else {
        return Err(wrong_arguments(name, "2", found));
    };
    let has_key = key.clone().is_not_null();
    let filter = match call.filter {
        Some(filter) => filter.and(has_key),
        None => has_key,
    };
    Ok(Expr::AggregateFunction(AggregateFunction::new_udf(
        first_value_udaf(),
        vec![value],
        false,
        Some(Box::new(filter)),
        vec![Sort::new(key, ascending, false)],
        None,
    )))
}

/// One bit for each argument, the first the highest: set where the row is not
/// grouped by it.
fn grouping(call: RawAggregateExpr) -> Expr {
    let grouping = AggregateFunction::new_udf(
        grouping_udaf(),
        call.args,
        call.distinct,
        call.filter,
        call.order_by,
        call.null_treatment,
    );
    cast_to(Expr::AggregateFunction(grouping), SqlType::Integer, OnCastError::Fail)
}

/// Whether one row is true and no more; NULL of no values.
fn exactly_one(call: RawAggregateExpr) -> Result<Expr> {
    let found = call.args.len();
    let Ok([value]) = <[Expr; 1]>::try_from(call.args) else {
        return Err(wrong_arguments("boolxor_agg", "1", found));
    };
    let value = cast_to(value, SqlType::Boolean, OnCastError::Fail);
    let of = |function| {
        let args = vec![value.clone()];
        let filter = call.filter.clone();
        Expr::AggregateFunction(AggregateFunction::new_udf(
            function,
            args,
            false,
            filter,
            Vec::new(),
            None,
        ))
    };
    let count = of(datafusion_functions_aggregate::count::count_udaf());
    when(count.gt(lit(0_i64)), of(count_if()).eq(lit(1_i64))).end()
}

/// What a window function of this file means; the call itself if it is another.
pub(crate) fn window(call: RawWindowExpr) -> Result<Result<Expr, RawWindowExpr>> {
    let name = call.func_def.name().to_owned();
    match name.as_str() {
        "row_number" | "rank" | "dense_rank" | "ntile" => {
            let window = built(call);
            Ok(Ok(cast_to(window, SqlType::Integer, OnCastError::Fail)))
        }
        "ratio_to_report" => ratio(call).map(Ok),
        "conditional_true_event" => events(call).map(Ok),
        "conditional_change_event" => changes(call).map(Ok),
        "grouping_id" | "grouping" => Err(external(Error::unsupported("GROUPING over a window"))),
        _ => Ok(Err(call)),
    }
}

fn built(call: RawWindowExpr) -> Expr {
    Expr::from(WindowFunction {
        fun: call.func_def,
        params: WindowFunctionParams {
            args: call.args,
            partition_by: call.partition_by,
            order_by: call.order_by,
            window_frame: call.window_frame,
            filter: call.filter,
            null_treatment: call.null_treatment,
            distinct: call.distinct,
        },
    })
}

/// A value by the sum of its window; NULL if that is zero.
fn ratio(mut call: RawWindowExpr) -> Result<Expr> {
    let [value] = call.args.as_slice() else {
        return Err(wrong_arguments("ratio_to_report", "1", call.args.len()));
    };
    let value = cast_to(value.clone(), SqlType::Float, OnCastError::Fail);
    call.args = vec![value.clone()];
    call.func_def = WindowFunctionDefinition::AggregateUDF(total::sum());
    let sum = built(call);
    let division = Arc::new(Arithmetic::new(ArithmeticOp::Divide).into());
    let share = Expr::ScalarFunction(datafusion_expr::expr::ScalarFunction::new_udf(
        division,
        vec![value, sum.clone()],
    ));
    when(sum.not_eq(lit(0.0_f64)), share).end()
}

/// How many rows so far are true.
fn events(mut call: RawWindowExpr) -> Result<Expr> {
    let [condition] = call.args.as_slice() else {
        return Err(wrong_arguments("conditional_true_event", "1", call.args.len()));
    };
    if call.order_by.is_empty() {
        let what = "CONDITIONAL_TRUE_EVENT without ORDER BY";
        return Err(external(Error::unsupported(what)));
    }
    call.args = vec![cast_to(condition.clone(), SqlType::Boolean, OnCastError::Fail)];
    call.func_def = WindowFunctionDefinition::AggregateUDF(count_if());
    Ok(so_far(call))
}

/// How often the value changed so far.
fn changes(call: RawWindowExpr) -> Result<Expr> {
    if call.args.len() != 1 {
        return Err(wrong_arguments("conditional_change_event", "1", call.args.len()));
    }
    if call.order_by.is_empty() {
        let what = "CONDITIONAL_CHANGE_EVENT without ORDER BY";
        return Err(external(Error::unsupported(what)));
    }
    Ok(so_far(call))
}

/// Over the rows to this one, one after the other.
fn so_far(mut call: RawWindowExpr) -> Expr {
    let start = WindowFrameBound::Preceding(datafusion_common::ScalarValue::UInt64(None));
    call.window_frame =
        WindowFrame::new_bounds(WindowFrameUnits::Rows, start, WindowFrameBound::CurrentRow);
    built(call)
}
