//! The sum and count of one group, of a window, and of distinct values.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Accumulator;

use super::groups::{only, state_arrays};
use super::{Finish, overflow, scale_of};

/// Calls `add` for every integer or decimal that is not NULL.
pub(crate) fn exact_values(
    values: &ArrayRef,
    mut add: impl FnMut(i128) -> Result<()>,
) -> Result<()> {
    fn run<T: ArrowPrimitiveType<Native: Into<i128>>>(
        values: &PrimitiveArray<T>,
        mut add: impl FnMut(i128) -> Result<()>,
    ) -> Result<()> {
        values.iter().flatten().try_for_each(|value| add(value.into()))
    }
    match values.data_type() {
        DataType::Int64 => run(values.as_primitive::<Int64Type>(), &mut add),
        _ => run(values.as_primitive::<Decimal128Type>(), &mut add),
    }
}

fn decimal(value: Option<i128>, data_type: &DataType) -> ScalarValue {
    ScalarValue::Decimal128(value, super::MAX_PRECISION, scale_of(data_type))
}

#[derive(Debug)]
pub(super) struct RunningTotal {
    finish: Finish,
    sum: i128,
    count: u64,
}

impl RunningTotal {
    pub(super) fn new(finish: Finish) -> Self {
        Self { finish, sum: 0, count: 0 }
    }
}

impl Accumulator for RunningTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        exact_values(only(values)?, |value| {
            self.sum = self.sum.checked_add(value).ok_or_else(overflow)?;
            self.count += 1;
            Ok(())
        })
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        exact_values(only(values)?, |value| {
            self.sum = self.sum.checked_sub(value).ok_or_else(overflow)?;
            self.count = self.count.saturating_sub(1);
            Ok(())
        })
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.finish.finish(self.sum, self.count)?;
        Ok(decimal(value, &self.finish.data_type))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = (self.count > 0).then_some(self.sum);
        let count = ScalarValue::UInt64(Some(self.count));
        Ok(vec![decimal(sum, &self.finish.state_type), count])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (sums, counts) = state_arrays(states)?;
        for row in (0..sums.len()).filter(|row| sums.is_valid(*row)) {
            self.sum = self.sum.checked_add(sums.value(row)).ok_or_else(overflow)?;
            self.count += counts.value(row);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The sum and count of the different values.
#[derive(Debug)]
pub(super) struct DistinctTotal {
    finish: Finish,
    values: HashSet<i128>,
}

impl DistinctTotal {
    pub(super) fn new(finish: Finish) -> Self {
        Self { finish, values: HashSet::new() }
    }
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        exact_values(only(values)?, |value| {
            self.values.insert(value);
            Ok(())
        })
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.values.iter().try_fold(0_i128, |sum, value| sum.checked_add(*value));
        let sum = sum.ok_or_else(overflow)?;
        let value = self.finish.finish(sum, self.values.len() as u64)?;
        Ok(decimal(value, &self.finish.data_type))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state_type = &self.finish.state_type;
        let values: Vec<_> =
            self.values.iter().map(|value| decimal(Some(*value), state_type)).collect();
        let list = ScalarValue::new_list_nullable(&values, state_type);
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = only(states)?.as_list::<i32>();
        lists.iter().flatten().try_for_each(|list| {
            exact_values(&list, |value| {
                self.values.insert(value);
                Ok(())
            })
        })
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<i128>()
    }
}
