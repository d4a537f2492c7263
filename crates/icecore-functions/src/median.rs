//! MEDIAN, which lies between two exact numbers with three digits more.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::Result;
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};
use datafusion_functions_aggregate::median::median_udaf;
use icecore_types::{Code, Error, SqlType};
use icecore_values::sql_type_of;

use crate::bridge::{external, wrong_arguments};

pub(crate) fn median() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Median::default()))
}

/// DataFusion's MEDIAN over numbers that have digits for the middle of two.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Median {
    signature: Signature,
    theirs: Arc<AggregateUDF>,
}

impl Default for Median {
    fn default() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { signature, theirs: median_udaf() }
    }
}

/// Digits of a 64-bit integer, and three more.
const OF_INTEGERS: DataType = DataType::Decimal128(22, 3);

impl AggregateUDFImpl for Median {
    fn name(&self) -> &str {
        "median"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// A decimal that has been widened already is not widened again: types are
    /// coerced more than once.
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [data_type] = arg_types else {
            return Err(wrong_arguments(self.name(), "1", arg_types.len()));
        };
        let ty = sql_type_of(data_type).map_err(external)?;
        Ok(vec![match (data_type, ty) {
            (DataType::Decimal128(..), _) => data_type.clone(),
            (DataType::Null, _) | (_, SqlType::Integer) => OF_INTEGERS,
            (_, SqlType::Number { precision, scale }) => {
                DataType::Decimal128(precision, scale as i8)
            }
            (_, SqlType::Float | SqlType::Varchar { .. }) => DataType::Float64,
            (_, other) => {
                let message = format!("MEDIAN does not take a {other}");
                return Err(external(Error::new(Code::TYPE_MISMATCH, message)));
            }
        }])
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let mut coerced = self.coerce_types(arg_types)?;
        coerced.pop().ok_or_else(|| wrong_arguments(self.name(), "1", 0))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.theirs.inner().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.theirs.accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.theirs.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.theirs.create_groups_accumulator(args)
    }
}
