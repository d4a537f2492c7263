//! Some records of a file on their way to the table.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::{Field, Schema};
use icecore_raw::{RowBlock, RowError};
use icecore_types::{Code, Error, ErrorKind, Result};

use super::rows::TableRows;
use crate::metadata::FileFacts;
use crate::{CopyPlan, FieldValues, Transform};

/// What a block of records becomes, before anybody looks at the file as a
/// whole.
pub(super) struct Prepared {
    /// Rows of the table.
    pub(super) rows: RecordBatch,
    /// Records, good and bad.
    pub(super) rows_parsed: u64,
    /// The bad ones, in order.
    pub(super) errors: Vec<RowError>,
    block: RowBlock,
    /// Which rows of the block `rows` are, if not all.
    kept: Option<Vec<usize>>,
}

impl Prepared {
    /// Bad records, those among them whose error is not kept.
    pub(super) fn rows_refused(&self) -> u64 {
        self.rows_parsed - self.rows.num_rows() as u64
    }

    /// The error of a row that is refused only now.
    pub(super) fn refused(
        &self,
        row: usize,
        column: Option<String>,
        (code, message): (Code, String),
    ) -> RowError {
        let row = match &self.kept {
            Some(kept) => kept.get(row).copied().unwrap_or_default(),
            None => row,
        };
        self.block.refused(row, column, code, message)
    }
}

/// Makes rows of the table of a block of records.
pub(super) struct Preparing {
    pub(super) plan: CopyPlan,
    rows: TableRows,
    asks_for_records: bool,
}

impl Preparing {
    /// # Errors
    /// `InvalidInput` if a column that refuses NULL comes from nowhere.
    pub(super) fn new(plan: &CopyPlan) -> Result<Self> {
        let rows = TableRows::new(plan)?;
        let transform = plan.transform.as_ref();
        let asks_for_records = rows.asks_for_records()
            || transform.is_some_and(|transform| !transform.metadata.is_empty());
        Ok(Self { plan: plan.clone(), rows, asks_for_records })
    }

    pub(super) fn prepare(&self, mut block: RowBlock, facts: &FileFacts) -> Result<Prepared> {
        let mut errors = std::mem::take(&mut block.errors);
        let mut records = self.asks_for_records.then(|| block.row_numbers());
        let rows_parsed = block.rows_parsed;
        let (made, kept) = match &self.plan.transform {
            None => (block.batch.clone(), None),
            Some(transform) => {
                let fields = with_metadata(&block.batch, transform, facts, records.as_ref())?;
                let made = make(transform, fields)?;
                errors.extend(made.faults.iter().map(|fault| {
                    let column = transform.columns.get(fault.column);
                    let shown = column.map(|column| column.shown.clone());
                    let error = (fault.error.code(), fault.error.message().to_owned());
                    block.refused(fault.row, shown, error.0, error.1)
                }));
                errors.sort_by_key(|error| error.row);
                (made.rows, made.kept)
            }
        };
        if let (Some(numbers), Some(kept)) = (&records, &kept) {
            let values = kept.iter().filter_map(|row| numbers.values().get(*row).copied());
            records = Some(Int64Array::from_iter_values(values));
        }
        let rows = self.rows.of(&made, facts, records.as_ref())?;
        // What was read is held by its rows alone from here on.
        block.batch = block.batch.slice(0, 0);
        Ok(Prepared { rows, rows_parsed, errors, block, kept })
    }
}

/// The fields, and behind them what the transform asks for besides.
fn with_metadata(
    fields: &RecordBatch,
    transform: &Transform,
    facts: &FileFacts,
    records: Option<&Int64Array>,
) -> Result<RecordBatch> {
    let Some(records) = records.filter(|_| !transform.metadata.is_empty()) else {
        return Ok(fields.clone());
    };
    let mut columns = fields.columns().to_vec();
    let mut named = fields.schema().fields().to_vec();
    for (at, item) in transform.metadata.iter().enumerate() {
        let array = facts.array(*item, records);
        named.push(Arc::new(Field::new(format!("metadata{at}"), array.data_type().clone(), true)));
        columns.push(array);
    }
    batch(named, columns, fields.num_rows())
}

fn batch(fields: Vec<Arc<Field>>, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|source| Error::internal("values of a file's records").with_source(source))
}

/// Computed columns, and the rows that have no values.
struct Made {
    rows: RecordBatch,
    kept: Option<Vec<usize>>,
    faults: Vec<Fault>,
}

struct Fault {
    row: usize,
    column: usize,
    error: Error,
}

fn make(transform: &Transform, fields: RecordBatch) -> Result<Made> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut arrays = Vec::with_capacity(transform.columns.len());
    for column in 0..transform.columns.len() {
        match transform.values.values(column, &fields) {
            Ok(array) => {
                nulls(transform, column, &array, &mut faults);
                arrays.push(array);
            }
            Err(error) if is_of_a_row(&error) => {
                search(&*transform.values, column, &fields, 0, &mut faults)?;
            }
            Err(error) => return Err(error),
        }
    }
    let named = |arrays: &[ArrayRef]| -> Vec<Arc<Field>> {
        let field = |(made, array): (&crate::TransformedColumn, &ArrayRef)| {
            Arc::new(Field::new(&made.output, array.data_type().clone(), true))
        };
        transform.columns.iter().zip(arrays).map(field).collect()
    };
    if faults.is_empty() {
        let rows = batch(named(&arrays), arrays, fields.num_rows())?;
        return Ok(Made { rows, kept: None, faults });
    }
    // The first fault of each row.
    faults.sort_by_key(|fault| (fault.row, fault.column));
    faults.dedup_by_key(|fault| fault.row);
    let mut keep = vec![true; fields.num_rows()];
    for fault in &faults {
        if let Some(keep) = keep.get_mut(fault.row) {
            *keep = false;
        }
    }
    let kept: Vec<usize> =
        keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(row, _)| row).collect();
    let mask = BooleanArray::from(keep);
    let failed = |source| Error::internal("the good rows of a file").with_source(source);
    let arrays = if arrays.len() == transform.columns.len() {
        arrays.iter().map(|array| filter(array, &mask)).collect::<Result<_, _>>().map_err(failed)?
    } else {
        let good = filter_record_batch(&fields, &mask).map_err(failed)?;
        (0..transform.columns.len())
            .map(|column| transform.values.values(column, &good))
            .collect::<Result<Vec<_>>>()?
    };
    Ok(Made { rows: batch(named(&arrays), arrays, kept.len())?, kept: Some(kept), faults })
}

/// Whether a row is to blame and not what computes it.
fn is_of_a_row(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidInput
}

fn nulls(transform: &Transform, column: usize, array: &ArrayRef, faults: &mut Vec<Fault>) {
    let refuses = transform.columns.get(column).is_some_and(|column| column.not_null);
    let Some(nulls) = array.nulls().filter(|_| refuses && array.null_count() > 0) else { return };
    faults.extend(nulls.iter().enumerate().filter(|(_, valid)| !valid).map(|(row, _)| Fault {
        row,
        column,
        error: Error::new(Code::NULL_NOT_ALLOWED, "NULL result in a non-nullable column"),
    }));
}

/// Finds the rows without a value of this column, by halves.
fn search(
    values: &dyn FieldValues,
    column: usize,
    fields: &RecordBatch,
    first: usize,
    faults: &mut Vec<Fault>,
) -> Result<()> {
    match values.values(column, fields) {
        Ok(_) => Ok(()),
        Err(error) if !is_of_a_row(&error) => Err(error),
        Err(error) if fields.num_rows() <= 1 => {
            faults.push(Fault { row: first, column, error });
            Ok(())
        }
        Err(_) => {
            let half = fields.num_rows() / 2;
            let rest = fields.num_rows() - half;
            search(values, column, &fields.slice(0, half), first, faults)?;
            search(values, column, &fields.slice(half, rest), first + half, faults)
        }
    }
}
