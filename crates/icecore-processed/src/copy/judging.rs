//! What a judge says of a block of rows, done.

use arrow::array::{BooleanArray, RecordBatch, UInt64Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use icecore_raw::{ErrorCategory, RowError, StageFile};
use icecore_types::{Code, Error, Result};

use super::block::Prepared;
use crate::{CopyPlan, Diverted, Refusal, RefusedRow};

/// Rows, judged.
pub(super) struct Judged {
    /// The rows that are loaded.
    pub(super) rows: RecordBatch,
    /// The bad records of the block in order, those among them that no judge
    /// saw.
    pub(super) rejected: Vec<RowError>,
    /// How many rows the judge rejects.
    pub(super) rows_rejected: u64,
    /// The first row that fails the load.
    pub(super) fatal: Option<RowError>,
    /// The rows that go elsewhere.
    pub(super) diverted: Option<DivertedBatch>,
}

pub(super) struct DivertedBatch {
    /// Rows of the table that they go to.
    pub(super) batch: RecordBatch,
    /// The rows of the loaded table that they were, in order.
    pub(super) errors: Vec<RowError>,
}

impl Judged {
    /// The first record of the block that is not loaded.
    pub(super) fn first(&self) -> Option<&RowError> {
        let diverted = self.diverted.as_ref().and_then(|diverted| diverted.errors.first());
        self.rejected.first().into_iter().chain(diverted).min_by_key(|error| error.row)
    }
}

/// Asks the judge, if there is one; takes the errors of the block.
pub(super) fn judge(plan: &CopyPlan, file: &StageFile, block: &mut Prepared) -> Result<Judged> {
    let mut judged = Judged {
        rows: block.rows.clone(),
        rejected: std::mem::take(&mut block.errors),
        rows_rejected: 0,
        fatal: None,
        diverted: None,
    };
    let Some(judge) = plan.judge.as_ref().filter(|_| block.rows.num_rows() > 0) else {
        return Ok(judged);
    };
    let refusals = judge.judge(&block.rows)?;
    if refusals.is_empty() {
        return Ok(judged);
    }
    judged.rows = without(&block.rows, &refusals)?;
    let mut reasons = Vec::new();
    for refusal in refusals {
        match refusal.becomes {
            RefusedRow::Diverted => reasons.push(refusal),
            RefusedRow::Rejected => {
                judged.rows_rejected += 1;
                judged.rejected.push(row_error(plan, block, &refusal));
            }
            RefusedRow::Fatal => {
                judged.rows_rejected += 1;
                let error = row_error(plan, block, &refusal);
                judged.fatal.get_or_insert_with(|| error.clone());
                judged.rejected.push(error);
            }
        }
    }
    judged.rejected.sort_by_key(|error| error.row);
    judged.diverted = divert(plan, file, block, reasons)?;
    Ok(judged)
}

/// The rows that are not refused.
fn without(rows: &RecordBatch, refusals: &[Refusal]) -> Result<RecordBatch> {
    let mut keep = vec![true; rows.num_rows()];
    for refusal in refusals {
        match keep.get_mut(refusal.row) {
            Some(keep) => *keep = false,
            None => return Err(Error::internal("a judge refuses a row that is not there")),
        }
    }
    filter_record_batch(rows, &BooleanArray::from(keep)).map_err(failed)
}

fn divert(
    plan: &CopyPlan,
    file: &StageFile,
    block: &Prepared,
    reasons: Vec<Refusal>,
) -> Result<Option<DivertedBatch>> {
    if reasons.is_empty() {
        return Ok(None);
    }
    let Some(to) = &plan.diversion else {
        return Err(Error::internal("rows are diverted and nothing takes them"));
    };
    let at = UInt64Array::from_iter_values(reasons.iter().map(|refusal| refusal.row as u64));
    let rows = take_record_batch(&block.rows, &at).map_err(failed)?;
    let errors: Vec<RowError> =
        reasons.iter().map(|refusal| row_error(plan, block, refusal)).collect();
    let batch = to.rows.of(&Diverted { file: &file.path, rows, reasons, places: &errors })?;
    Ok(Some(DivertedBatch { batch, errors }))
}

fn row_error(plan: &CopyPlan, block: &Prepared, refusal: &Refusal) -> RowError {
    let output = refusal.column.and_then(|at| plan.schema.fields().get(at));
    let shown = output.map(|field| {
        let index = plan.target.columns().iter().position(|c| c.output == *field.name());
        let made = plan.transform.iter().flat_map(|transform| &transform.columns);
        let mut made =
            made.filter(|made| made.output == *field.name()).map(|made| made.shown.clone());
        match index {
            Some(index) => plan.target.column_text(index),
            None => made.next_back().unwrap_or_else(|| format!("column {}", field.name())),
        }
    });
    let why = (Code::EXPECTATION_VIOLATED, refusal.message());
    RowError { category: ErrorCategory::Expectation, ..block.refused(refusal.row, shown, why) }
}

fn failed(source: arrow::error::ArrowError) -> Error {
    Error::internal("rows that a judge refuses").with_source(source)
}
