//! Values that are computed from a record's fields.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use icecore_types::Result;

use crate::FileMetadata;

/// Computes columns of the table from the fields of records.
pub trait FieldValues: fmt::Debug + Send + Sync {
    /// The values of one column, `index` from 0, of the column's Arrow type.
    /// `fields` has the schema of the load's target, followed by one column for
    /// each metadata item that the transform asks for.
    ///
    /// # Errors
    /// If one of the rows has no value; it is then asked for fewer rows until
    /// it is known which.
    fn values(&self, index: usize, fields: &RecordBatch) -> Result<ArrayRef>;
}

/// The columns of the table that are computed, in this order, and from what.
#[derive(Clone, Debug)]
pub struct Transform {
    /// For each computed column the name of its field in the table's segments,
    /// and how errors call it.
    pub columns: Vec<TransformedColumn>,
    /// What the expressions see besides the target's columns.
    pub metadata: Vec<FileMetadata>,
    /// Computes them.
    pub values: Arc<dyn FieldValues>,
}

/// A column that is computed.
///
/// ```
/// use icecore_processed::TransformedColumn;
/// let column = TransformedColumn {
///     output: "3".to_owned(),
///     shown: r#""T"["NAME":3]"#.to_owned(),
///     not_null: true,
/// };
/// assert!(column.not_null);
/// ```
#[derive(Clone, Debug)]
pub struct TransformedColumn {
    /// The name of its field in the table's segments.
    pub output: String,
    /// How errors call it.
    pub shown: String,
    /// Whether NULL is refused.
    pub not_null: bool,
}
