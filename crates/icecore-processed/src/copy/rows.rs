//! Rows of a file as rows of the table: columns in the table's order, defaults
//! where no field is read.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use icecore_types::{Code, Error, Result};

use crate::CopyPlan;

/// Where a column of the table comes from.
enum Column {
    /// A column of the file's rows.
    Read(usize),
    /// The same value in every row.
    Constant(ArrayRef),
    /// NULL.
    Null,
}

/// Makes rows of the table.
pub(super) struct TableRows {
    schema: SchemaRef,
    columns: Vec<Column>,
}

impl TableRows {
    pub(super) fn new(plan: &CopyPlan) -> Result<Self> {
        let source = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| {
            let name = field.name();
            let read = plan.target.columns().iter().position(|column| column.output == *name);
            let constant = plan.defaults.iter().find(|(column, _)| column.stored_name() == *name);
            let column = match (read, constant) {
                (Some(at), _) => Column::Read(at),
                (None, Some((_, value))) if value.len() == 1 && value.is_valid(0) => {
                    Column::Constant(Arc::clone(value))
                }
                _ => Column::Null,
            };
            if matches!(column, Column::Null) && !field.is_nullable() {
                return Err(Error::new(
                    Code::NULL_NOT_ALLOWED,
                    format!("NULL result in a non-nullable column ordinal={}", index + 1),
                )
                .with_help("name the column in COPY INTO, or give it a default"));
            }
            Ok(column)
        };
        let columns = plan.schema.fields().iter().enumerate().map(source).collect::<Result<_>>()?;
        Ok(Self { schema: Arc::clone(&plan.schema), columns })
    }

    /// The table's rows for these rows of a file.
    ///
    /// # Errors
    /// `Internal` if the plan's types do not go together.
    pub(super) fn of(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let failed = |error| Error::internal("the rows of a file").with_source(error);
        let first = UInt32Array::from(vec![0; rows]);
        let array = |(field, column): (&Arc<arrow::datatypes::Field>, &Column)| match column {
            Column::Read(at) => batch
                .columns()
                .get(*at)
                .map(Arc::clone)
                .ok_or_else(|| Error::internal("a column of a file is missing")),
            Column::Constant(value) => take(value, &first, None).map_err(failed),
            Column::Null => Ok(new_null_array(field.data_type(), rows)),
        };
        let arrays = self.schema.fields().iter().zip(&self.columns).map(array);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            arrays.collect::<Result<Vec<_>>>()?,
            &options,
        )
        .map_err(failed)
    }
}
