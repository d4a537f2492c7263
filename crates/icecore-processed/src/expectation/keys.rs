//! Values of several columns as keys that can be looked up.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type};
use arrow::row::{RowConverter, Rows, SortField};
use icecore_types::{Error, Hash, Result};

/// A key without its values: of two keys that differ, the chance to have the
/// same is one in 2^128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

/// Makes keys of rows: equal where all values are equal.
#[derive(Debug)]
pub(super) struct KeyMaker {
    converter: RowConverter,
}

/// The keys of a batch.
pub(super) struct BatchKeys {
    rows: Rows,
    nulls: Option<NullBuffer>,
}

impl KeyMaker {
    /// For keys of columns of these types.
    pub(super) fn new(types: impl Iterator<Item = DataType>) -> Result<Self> {
        let converter = RowConverter::new(types.map(SortField::new).collect()).map_err(failed)?;
        Ok(Self { converter })
    }

    /// The keys of these columns.
    pub(super) fn keys(&self, columns: &[ArrayRef]) -> Result<BatchKeys> {
        let columns: Vec<ArrayRef> = columns.iter().map(comparable).collect();
        let nulls = columns
            .iter()
            .fold(None, |all, column| NullBuffer::union(all.as_ref(), column.nulls()));
        let rows = self.converter.convert_columns(&columns).map_err(failed)?;
        Ok(BatchKeys { rows, nulls })
    }
}

impl BatchKeys {
    /// The key of a row, unless a value of it is NULL: such a key is equal to
    /// none.
    pub(super) fn key(&self, row: usize) -> Option<Key> {
        let bytes = self.exact(row)?;
        let (half, _) = Hash::of(bytes).as_bytes().split_first_chunk().map(|(h, r)| (*h, r))?;
        Some(Key(u128::from_le_bytes(half)))
    }

    /// All of a key's bytes.
    pub(super) fn exact(&self, row: usize) -> Option<&[u8]> {
        let null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        (!null && row < self.rows.num_rows()).then(|| self.rows.row(row).data())
    }

    pub(super) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Key> {
        (0..self.rows.num_rows()).filter_map(|row| self.key(row))
    }
}

/// A few values that are accepted.
pub(super) fn exact_keys(keys: &BatchKeys) -> HashSet<Box<[u8]>> {
    (0..keys.rows.num_rows()).filter_map(|row| keys.exact(row)).map(Box::from).collect()
}

/// Floats whose bits are equal where they are: one zero, one NaN.
pub(super) fn comparable(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => {
            let floats: Float64Array = array
                .as_primitive::<Float64Type>()
                .unary(|value| if value.is_nan() { f64::NAN } else { value + 0.0 });
            Arc::new(floats)
        }
        _ => Arc::clone(array),
    }
}

fn failed(source: arrow::error::ArrowError) -> Error {
    Error::internal("keys of rows").with_source(source)
}
