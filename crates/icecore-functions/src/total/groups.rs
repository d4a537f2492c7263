//! Sums and counts of many groups at once.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, UInt64Type};
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use icecore_types::Error;

use super::{Finish, overflow};
use crate::bridge::external;

/// What has been added to one group, in one place of memory.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    sum: i128,
    count: u64,
}

pub(super) struct GroupTotals {
    finish: Finish,
    groups: Vec<Group>,
}

impl GroupTotals {
    pub(super) fn new(finish: Finish) -> Self {
        Self { finish, groups: Vec::new() }
    }

    /// Adds every value that is neither NULL nor filtered out.
    fn add<T: ArrowPrimitiveType<Native: Into<i128>>>(
        &mut self,
        values: &PrimitiveArray<T>,
        indices: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mut overflowed = false;
        let groups = &mut self.groups;
        let mut add = |index: usize, value: T::Native| {
            if let Some(group) = groups.get_mut(index) {
                let (sum, wrapped) = group.sum.overflowing_add(value.into());
                group.sum = sum;
                group.count += 1;
                overflowed |= wrapped;
            }
        };
        if filter.is_none() && values.null_count() == 0 {
            indices.iter().zip(values.values()).for_each(|(index, value)| add(*index, *value));
        } else {
            for (row, (index, value)) in indices.iter().zip(values.values()).enumerate() {
                if values.is_valid(row) && passes(filter, row) {
                    add(*index, *value);
                }
            }
        }
        if overflowed { Err(overflow()) } else { Ok(()) }
    }

    fn add_states(
        &mut self,
        sums: &Decimal128Array,
        counts: &UInt64Array,
        indices: &[usize],
    ) -> Result<()> {
        for (row, index) in indices.iter().enumerate() {
            if sums.is_null(row) {
                continue;
            }
            if let Some(group) = self.groups.get_mut(*index) {
                group.sum = group.sum.checked_add(sums.value(row)).ok_or_else(overflow)?;
                group.count += counts.value(row);
            }
        }
        Ok(())
    }
}

fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

/// The one argument of an aggregate.
pub(super) fn only(values: &[ArrayRef]) -> Result<&ArrayRef> {
    values.first().ok_or_else(|| external(Error::internal("an aggregate without an argument")))
}

/// The sums and the counts of a state.
pub(super) fn state_arrays(values: &[ArrayRef]) -> Result<(&Decimal128Array, &UInt64Array)> {
    match values {
        [sums, counts] => sums
            .as_primitive_opt::<Decimal128Type>()
            .zip(counts.as_primitive_opt::<UInt64Type>())
            .ok_or_else(|| external(Error::internal("a state of another type"))),
        _ => Err(external(Error::internal("a state of another shape"))),
    }
}

impl GroupsAccumulator for GroupTotals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Group::default());
        let values = only(values)?;
        match values.data_type() {
            DataType::Int64 => {
                self.add(values.as_primitive::<Int64Type>(), group_indices, opt_filter)
            }
            _ => self.add(values.as_primitive::<Decimal128Type>(), group_indices, opt_filter),
        }
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let values = groups.iter().map(|group| self.finish.finish(group.sum, group.count));
        let values: Decimal128Array = values.collect::<Result<_>>()?;
        Ok(Arc::new(values.with_data_type(self.finish.data_type.clone())))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        let sums = groups.iter().map(|group| (group.count > 0).then_some(group.sum));
        let sums = sums.collect::<Decimal128Array>();
        let counts: UInt64Array = groups.iter().map(|group| Some(group.count)).collect();
        let sums = sums.with_data_type(self.finish.state_type.clone());
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Group::default());
        let (sums, counts) = state_arrays(values)?;
        self.add_states(sums, counts, group_indices)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = arrow::compute::cast(only(values)?, &self.finish.state_type)?;
        let values = values.as_primitive::<Decimal128Type>();
        let counted = |row: usize| values.is_valid(row) && passes(opt_filter, row);
        let rows = 0..values.len();
        let sums: Decimal128Array =
            rows.clone().map(|row| counted(row).then(|| values.value(row))).collect();
        let counts: UInt64Array = rows.map(|row| Some(u64::from(counted(row)))).collect();
        let sums = sums.with_data_type(self.finish.state_type.clone());
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Group>()
    }
}
