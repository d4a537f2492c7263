//! LISTAGG, planned as DataFusion's STRING_AGG.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::expr::AggregateFunction;
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::planner::RawAggregateExpr;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility, lit, when,
};
use datafusion_functions_aggregate::string_agg::string_agg_udaf;
use icecore_types::{Error, SqlType};
use icecore_values::OnCastError;

use crate::bridge::{external, wrong_arguments};
use crate::cast::cast_to;

pub(crate) fn listagg() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(ListAgg::default()))
}

/// The name in a statement; `plan` puts what it means in its place.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ListAgg {
    signature: Signature,
}

impl Default for ListAgg {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for ListAgg {
    fn name(&self) -> &str {
        "listagg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Err(external(Error::unsupported("LISTAGG over a window")))
    }
}

/// What a call of LISTAGG means; the call itself if it is of another function.
pub(crate) fn plan(call: RawAggregateExpr) -> Result<Result<Expr, RawAggregateExpr>> {
    if call.func.name() != "listagg" {
        return Ok(Err(call));
    }
    let RawAggregateExpr { args, distinct, filter, order_by, null_treatment, .. } = call;
    // The planner puts the expression of WITHIN GROUP in front of the arguments.
    let skipped = usize::from(!order_by.is_empty());
    let found = args.len().saturating_sub(skipped);
    let mut args = args.into_iter().skip(skipped);
    let (value, delimiter) = match (args.next(), args.next(), args.next()) {
        (Some(value), delimiter, None) => (value, delimiter.unwrap_or_else(|| lit(""))),
        _ => return Err(wrong_arguments("listagg", "1 to 2", found)),
    };
    // The values of DISTINCT must be the ones that it is ordered by.
    let text = match distinct && !order_by.is_empty() {
        true => value,
        false => cast_to(value, SqlType::TEXT, OnCastError::Fail),
    };
    let joined = Expr::AggregateFunction(AggregateFunction::new_udf(
        string_agg_udaf(),
        vec![text, delimiter],
        distinct,
        filter,
        order_by,
        null_treatment,
    ));
    let joined = cast_to(joined, SqlType::TEXT, OnCastError::Fail);
    // Of no rows it is empty text, and not NULL.
    when(joined.clone().is_not_null(), joined).otherwise(lit("")).map(Ok)
}
