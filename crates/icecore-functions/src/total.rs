//! SUM and AVG, exact for exact numbers and never wrapping.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::format_state_name;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::sum::sum_udaf;
use icecore_types::{Code, Error, SqlType};
use icecore_values::{mean, sql_type_of};

use crate::bridge::{external, wrong_arguments};

mod groups;
mod single;

use groups::GroupTotals;
pub(crate) use single::exact_values;
use single::{DistinctTotal, RunningTotal};

/// SUM and AVG.
pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    [Kind::Sum, Kind::Average].map(|kind| Arc::new(AggregateUDF::from(Total::new(kind)))).into()
}

/// SUM alone.
pub(crate) fn sum() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Total::new(Kind::Sum)))
}

/// What becomes of the sum and the count of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Sum,
    Average,
}

/// SUM or AVG. Integers and decimals are added in 128 bits: a SUM is a
/// NUMBER(38,s), an AVG has six digits more after the point, up to 12, as in
/// Snowflake. Floats are added by DataFusion.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Total {
    kind: Kind,
    signature: Signature,
}

impl Total {
    fn new(kind: Kind) -> Self {
        Self { kind, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// DataFusion's function, for floats.
    fn of_floats(&self) -> Arc<AggregateUDF> {
        match self.kind {
            Kind::Sum => sum_udaf(),
            Kind::Average => avg_udaf(),
        }
    }

    fn finish(&self, args: &AccumulatorArgs<'_>) -> Result<Finish> {
        let from = args.expr_fields.first().map_or(&DataType::Int64, |field| field.data_type());
        Finish::new(self.kind, from, args.return_field.data_type())
    }
}

/// Turns a sum and a count into the result.
#[derive(Clone, Debug)]
struct Finish {
    kind: Kind,
    /// Of the result.
    data_type: DataType,
    /// Of the sum, which has the scale of the input.
    state_type: DataType,
    /// Digits after the point that the result has more than the sum.
    digits: u32,
}

const MAX_PRECISION: u8 = 38;

impl Finish {
    fn new(kind: Kind, from: &DataType, to: &DataType) -> Result<Self> {
        let scale = scale_of(from);
        let digits = u32::try_from(i32::from(scale_of(to)) - i32::from(scale));
        let digits = digits.map_err(|_| external(Error::internal("a mean lost digits")))?;
        let state_type = DataType::Decimal128(MAX_PRECISION, scale);
        Ok(Self { kind, data_type: to.clone(), state_type, digits })
    }

    fn finish(&self, sum: i128, count: u64) -> Result<Option<i128>> {
        if count == 0 {
            return Ok(None);
        }
        let value = match self.kind {
            Kind::Sum => Some(sum).filter(|sum| sum.unsigned_abs() < 10_u128.pow(38)),
            Kind::Average => mean(sum, count, self.digits),
        };
        value.map(Some).ok_or_else(overflow)
    }
}

fn scale_of(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

#[cold]
fn overflow() -> datafusion_common::DataFusionError {
    external(Error::new(Code::OUT_OF_RANGE, "sum out of representable range: type NUMBER(38)"))
}

/// The type in which an aggregate of numbers takes its one argument: integers
/// of 64 bits, decimals as they are, floats for all else that can be a number.
pub(crate) fn exact_argument(name: &str, arg_types: &[DataType]) -> Result<DataType> {
    let [data_type] = arg_types else {
        return Err(wrong_arguments(name, "1", arg_types.len()));
    };
    Ok(match (data_type, sql_type_of(data_type).map_err(external)?) {
        (DataType::Null, _) | (_, SqlType::Integer) => DataType::Int64,
        (_, SqlType::Number { precision, scale }) => DataType::Decimal128(precision, scale as i8),
        (_, SqlType::Float | SqlType::Varchar { .. }) => DataType::Float64,
        (_, other) => {
            let message = format!("{} does not take a {other}", name.to_uppercase());
            return Err(external(Error::new(Code::TYPE_MISMATCH, message)));
        }
    })
}

fn is_float(data_type: &DataType) -> bool {
    *data_type == DataType::Float64
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Sum => "sum",
            Kind::Average => "avg",
        }
    }

    fn aliases(&self) -> &[String] {
        &[]
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        exact_argument(self.name(), arg_types).map(|data_type| vec![data_type])
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let data_type = exact_argument(self.name(), arg_types)?;
        if is_float(&data_type) {
            return Ok(DataType::Float64);
        }
        let scale = scale_of(&data_type);
        Ok(match self.kind {
            Kind::Sum => DataType::Decimal128(MAX_PRECISION, scale),
            Kind::Average => DataType::Decimal128(MAX_PRECISION, scale.max((scale + 6).min(12))),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if is_float(args.return_field.data_type()) {
            return self.of_floats().inner().state_fields(args);
        }
        let from = args.input_fields.first().map_or(&DataType::Int64, |field| field.data_type());
        let finish = Finish::new(self.kind, from, args.return_field.data_type())?;
        let name = |part| format_state_name(args.name, part);
        if args.is_distinct {
            let item = Field::new_list_field(finish.state_type, true);
            return Ok(vec![Arc::new(Field::new_list(name("values"), item, true))]);
        }
        Ok(vec![
            Arc::new(Field::new(name("sum"), finish.state_type, true)),
            Arc::new(Field::new(name("count"), DataType::UInt64, true)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if is_float(args.return_field.data_type()) {
            return self.of_floats().accumulator(args);
        }
        let finish = self.finish(&args)?;
        Ok(if args.is_distinct {
            Box::new(DistinctTotal::new(finish))
        } else {
            Box::new(RunningTotal::new(finish))
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if is_float(args.return_field.data_type()) {
            return self.of_floats().create_sliding_accumulator(args);
        }
        self.accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        if is_float(args.return_field.data_type()) {
            return self.of_floats().groups_accumulator_supported(args);
        }
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        if is_float(args.return_field.data_type()) {
            return self.of_floats().create_groups_accumulator(args);
        }
        Ok(Box::new(GroupTotals::new(self.finish(&args)?)))
    }

    fn order_sensitivity(&self) -> datafusion_expr::utils::AggregateOrderSensitivity {
        datafusion_expr::utils::AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> datafusion_expr::ReversedUDAF {
        datafusion_expr::ReversedUDAF::Identical
    }
}

#[cfg(test)]
mod tests;
