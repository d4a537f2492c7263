//! MEDIAN, which lies between two exact numbers with three digits more.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::format_state_name;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};
use datafusion_functions_aggregate::median::median_udaf;
use icecore_types::{Code, Error};

use crate::bridge::external;
use crate::total::{exact_argument, exact_values};

pub(crate) fn median() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(Median { signature }))
}

/// Exact for integers and decimals; floats are left to DataFusion.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Median {
    signature: Signature,
}

/// Digits after the point that a median has more than its values.
const MORE_DIGITS: i8 = 3;
const MAX_SCALE: i8 = 37;

fn is_float(data_type: &DataType) -> bool {
    *data_type == DataType::Float64
}

/// The type of the median of exact values.
fn exact_type(data_type: &DataType) -> DataType {
    let (precision, scale) = match data_type {
        DataType::Decimal128(precision, scale) => (*precision, *scale),
        _ => (19, 0),
    };
    let wider = (scale + MORE_DIGITS).min(MAX_SCALE);
    DataType::Decimal128((precision + (wider - scale) as u8).min(38), wider)
}

/// The type in which the values are collected.
fn state_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal128(_, scale) => DataType::Decimal128(38, *scale),
        _ => DataType::Decimal128(38, 0),
    }
}

impl AggregateUDFImpl for Median {
    fn name(&self) -> &str {
        "median"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        exact_argument("median", arg_types).map(|data_type| vec![data_type])
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let data_type = exact_argument("median", arg_types)?;
        Ok(if is_float(&data_type) { data_type } else { exact_type(&data_type) })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if is_float(args.return_field.data_type()) {
            return median_udaf().inner().state_fields(args);
        }
        let from = args.input_fields.first().map_or(&DataType::Int64, |field| field.data_type());
        let item = Field::new_list_field(state_type(from), true);
        let name = format_state_name(args.name, "values");
        Ok(vec![Arc::new(Field::new_list(name, item, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if is_float(args.return_field.data_type()) {
            return median_udaf().accumulator(args);
        }
        let from = args.expr_fields.first().map_or(&DataType::Int64, |field| field.data_type());
        let (state_type, data_type) = (state_type(from), exact_type(from));
        Ok(Box::new(Middle {
            values: Vec::new(),
            is_distinct: args.is_distinct,
            state_type,
            data_type,
        }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        is_float(args.return_field.data_type()) && median_udaf().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        median_udaf().create_groups_accumulator(args)
    }
}

/// The values of a group.
#[derive(Debug)]
struct Middle {
    values: Vec<i128>,
    is_distinct: bool,
    state_type: DataType,
    data_type: DataType,
}

fn digits(data_type: &DataType) -> (u8, i8) {
    match data_type {
        DataType::Decimal128(precision, scale) => (*precision, *scale),
        _ => (38, 0),
    }
}

impl Middle {
    /// Twice the median, of the scale of the values; none of no values.
    fn twice(&mut self) -> Option<i128> {
        self.values.sort_unstable();
        if self.is_distinct {
            self.values.dedup();
        }
        let upper = self.values.get(self.values.len() / 2)?;
        let lower = self.values.get((self.values.len() - 1) / 2)?;
        // Two numbers of 38 digits can exceed 128 bits, which is out of range.
        upper.checked_add(*lower)
    }
}

impl Accumulator for Middle {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values {
            exact_values(value, |value| {
                self.values.push(value);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let (precision, scale) = digits(&self.data_type);
        if self.values.is_empty() {
            return Ok(ScalarValue::Decimal128(None, precision, scale));
        }
        let more = (scale - digits(&self.state_type).1) as u32;
        let median = self.twice().and_then(|twice| icecore_values::mean(twice, 2, more));
        let limit = 10_u128.pow(u32::from(precision));
        match median.filter(|median| median.unsigned_abs() < limit) {
            Some(median) => Ok(ScalarValue::Decimal128(Some(median), precision, scale)),
            None => Err(external(Error::new(
                Code::OUT_OF_RANGE,
                format!("median out of representable range: type NUMBER({precision},{scale})"),
            ))),
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (precision, scale) = digits(&self.state_type);
        let values: Vec<_> = self
            .values
            .iter()
            .map(|value| ScalarValue::Decimal128(Some(*value), precision, scale))
            .collect();
        let list = ScalarValue::new_list_nullable(&values, &self.state_type);
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states.iter().filter_map(|state| state.as_list_opt::<i32>()) {
            for values in list.iter().flatten() {
                self.update_batch(&[values])?;
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<i128>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    fn median_of(values: Vec<Option<i64>>, is_distinct: bool) -> ScalarValue {
        let array: ArrayRef = Arc::new(Int64Array::from(values));
        let new = || Middle {
            values: Vec::new(),
            is_distinct,
            state_type: state_type(&DataType::Int64),
            data_type: exact_type(&DataType::Int64),
        };
        let mut part = new();
        part.update_batch(&[array]).unwrap();
        let state = part.state().unwrap().remove(0).to_array().unwrap();
        let mut whole = new();
        whole.merge_batch(&[state]).unwrap();
        whole.evaluate().unwrap()
    }

    #[test]
    fn it_lies_between_the_two_in_the_middle() {
        let decimal = |value| ScalarValue::Decimal128(value, 22, 3);
        assert_eq!(median_of(vec![Some(1), Some(10), None, Some(2)], false), decimal(Some(2000)));
        assert_eq!(median_of(vec![Some(1), Some(2)], false), decimal(Some(1500)));
        assert_eq!(median_of(vec![Some(1), Some(1), Some(2)], true), decimal(Some(1500)));
        let top = Some(i64::MAX);
        assert_eq!(median_of(vec![top, top], false), decimal(Some(i128::from(i64::MAX) * 1000)));
        assert_eq!(median_of(vec![None], false), decimal(None));
    }
}
