//! Rows of a file as rows of the table: columns in the table's order, defaults
//! and metadata where no field is read.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray,
    UInt32Array, new_null_array,
};
use arrow::compute::take;
use arrow::datatypes::{Field, SchemaRef};
use icecore_types::{Code, Error, Result, SqlType};
use icecore_values::{OnCastError, cast_array};

use crate::metadata::FileFacts;
use crate::{CopyPlan, FileMetadata};

/// Where a column of the table comes from.
enum Column {
    /// A column of the file's rows.
    Read(usize),
    /// A text, cut to so many characters.
    Cut(usize, usize),
    /// What is known of the record.
    Metadata(FileMetadata, SqlType),
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
        let read: Vec<&str> = match &plan.transform {
            Some(transform) => transform.columns.iter().map(|made| &*made.output).collect(),
            None => plan.target.columns().iter().map(|column| &*column.output).collect(),
        };
        let fields = plan.schema.fields().iter().enumerate();
        let columns = fields.map(|(at, field)| source(plan, &read, (at, field)));
        let columns = columns.collect::<Result<_>>()?;
        Ok(Self { schema: Arc::clone(&plan.schema), columns })
    }

    /// Whether the numbers of the records are asked for.
    pub(super) fn asks_for_records(&self) -> bool {
        self.columns.iter().any(|column| matches!(column, Column::Metadata(..)))
    }

    /// The table's rows for these rows of a file.
    ///
    /// # Errors
    /// `InvalidInput` if metadata does not fit its column, `Internal` if the
    /// plan's types do not go together.
    pub(super) fn of(
        &self,
        batch: &RecordBatch,
        facts: &FileFacts,
        records: Option<&Int64Array>,
    ) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let arrays = self.schema.fields().iter().zip(&self.columns).map(|(field, column)| {
            Ok(match column {
                Column::Read(at) => Arc::clone(read(batch, *at)?),
                Column::Cut(at, characters) => cut(read(batch, *at)?, *characters),
                Column::Metadata(item, sql_type) => {
                    let records = records
                        .ok_or_else(|| Error::internal("the numbers of records are missing"))?;
                    let value = facts.array(*item, records);
                    cast_array(&value, &item.sql_type(), sql_type, OnCastError::Fail)?
                }
                Column::Constant(value) => {
                    take(value, &UInt32Array::from(vec![0; rows]), None).map_err(failed)?
                }
                Column::Null => new_null_array(field.data_type(), rows),
            })
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            arrays.collect::<Result<Vec<_>>>()?,
            &options,
        )
        .map_err(failed)
    }
}

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::internal("the rows of a file").with_source(error)
}

fn read(batch: &RecordBatch, at: usize) -> Result<&ArrayRef> {
    batch.columns().get(at).ok_or_else(|| Error::internal("a column of a file is missing"))
}

fn source(plan: &CopyPlan, read: &[&str], (index, field): (usize, &Arc<Field>)) -> Result<Column> {
    let name = field.name();
    if let Some(given) = plan.metadata.iter().find(|given| given.column.stored_name() == *name) {
        return Ok(Column::Metadata(given.item, given.sql_type));
    }
    if let Some(at) = read.iter().position(|output| output == name) {
        let cut = plan.truncated.iter().find(|(column, _)| column.stored_name() == *name);
        return Ok(cut.map_or(Column::Read(at), |(_, length)| Column::Cut(at, *length as usize)));
    }
    match plan.defaults.iter().find(|(column, _)| column.stored_name() == *name) {
        Some((_, value)) if value.len() == 1 && value.is_valid(0) => {
            Ok(Column::Constant(Arc::clone(value)))
        }
        _ if field.is_nullable() => Ok(Column::Null),
        _ => Err(Error::new(
            Code::NULL_NOT_ALLOWED,
            format!("NULL result in a non-nullable column ordinal={}", index + 1),
        )
        .with_help("name the column in COPY INTO, or give it a default")),
    }
}

/// Texts of at most so many characters.
fn cut(array: &ArrayRef, characters: usize) -> ArrayRef {
    let Some(texts) = array.as_string_view_opt() else { return Arc::clone(array) };
    // So many bytes are at most so many characters.
    let fits = texts.lengths().all(|bytes| bytes as usize <= characters);
    if fits {
        return Arc::clone(array);
    }
    let short = |text: &'_ str| match text.char_indices().nth(characters) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text.to_owned(),
    };
    Arc::new(StringViewArray::from_iter(texts.iter().map(|text| text.map(short))))
}
