//! Bounds and counts of columns.
use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use bytes::Bytes;
use icecore_types::{ColumnId, Result};

/// A value of a column.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Scalar {
    /// BOOLEAN.
    Boolean(bool),
    /// Integers, dates, times and timestamps, in the column's own unit.
    Integer(i64),
    /// A decimal without its point: the column's type says where it is.
    Decimal(i128),
    /// A double.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Scalar {
    /// It as an array of one value of this type; NULL if the type cannot hold
    /// it.
    pub fn to_array(&self, _data_type: &DataType) -> ArrayRef {
        todo!()
    }
}

/// What is known of one column's values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnStatistics {
    /// How many are NULL.
    pub null_count: u64,
    /// No value is below this; absent if unknown.
    pub min: Option<Scalar>,
    /// No value is above this; absent if unknown.
    pub max: Option<Scalar>,
    /// Whether `min` is one of the values.
    pub min_exact: bool,
    /// Whether `max` is one of the values.
    pub max_exact: bool,
    /// Whether one of the values is not a number.
    pub has_nan: bool,
    /// About how many different values there are.
    pub distinct: Option<u64>,
    /// Bytes of the values in memory.
    pub total_bytes: u64,
}

/// What is known of some rows: those of a segment, a row group or a chunk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// How many, deleted ones included.
    pub rows: u64,
    /// Per column; nothing is known of a column that is not here.
    pub columns: BTreeMap<ColumnId, ColumnStatistics>,
}

impl Statistics {
    /// The compact form that records and manifests keep.
    pub fn encode(&self) -> Bytes {
        todo!()
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// `Corrupted` if it is none.
    pub fn decode(_bytes: &[u8]) -> Result<Self> {
        todo!()
    }

    /// What is known of these rows and those of `other` together.
    pub fn merge(&mut self, _other: &Statistics) {
        todo!()
    }
}
