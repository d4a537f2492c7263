//! What a judge says of a block of rows, done.

use arrow::array::{BooleanArray, RecordBatch, UInt64Array};
use arrow::compute::{filter_record_batch, take, take_record_batch};
use icecore_raw::{RowError, StageFile};
use icecore_types::{Error, Result};

use super::block::Prepared;
use crate::{CopyPlan, Diverted, Refusal, RefusedRow};

/// Rows, judged.
pub(super) struct Judged {
    /// The rows that are loaded.
    pub(super) rows: RecordBatch,
    /// The rows that are bad.
    pub(super) rejected: Vec<RowError>,
    /// The rows that go elsewhere.
    pub(super) diverted: Option<DivertedBatch>,
}

pub(super) struct DivertedBatch {
    /// Rows of the table that they go to.
    pub(super) batch: RecordBatch,
    /// How many of the loaded table's rows they were.
    pub(super) rows: u64,
    /// The first one's reason.
    pub(super) first: RowError,
}

/// Asks the judge, if there is one.
pub(super) fn judge(plan: &CopyPlan, file: &StageFile, block: &Prepared) -> Result<Judged> {
    let all = |rows| Judged { rows, rejected: Vec::new(), diverted: None };
    let Some(judge) = plan.judge.as_ref().filter(|_| block.rows.num_rows() > 0) else {
        return Ok(all(block.rows.clone()));
    };
    let refusals = judge.judge(&block.rows)?;
    if refusals.is_empty() {
        return Ok(all(block.rows.clone()));
    }
    let mut keep = vec![true; block.rows.num_rows()];
    for refusal in &refusals {
        match keep.get_mut(refusal.row) {
            Some(keep) => *keep = false,
            None => return Err(Error::internal("a judge refuses a row that is not there")),
        }
    }
    let (diverted, rejected): (Vec<Refusal>, Vec<Refusal>) =
        refusals.into_iter().partition(|refusal| refusal.becomes == RefusedRow::Diverted);
    let rows = filter_record_batch(&block.rows, &BooleanArray::from(keep)).map_err(failed)?;
    let rejected = rejected.iter().map(|refusal| row_error(plan, block, refusal)).collect();
    Ok(Judged { rows, rejected, diverted: divert(plan, file, block, diverted)? })
}

fn divert(
    plan: &CopyPlan,
    file: &StageFile,
    block: &Prepared,
    reasons: Vec<Refusal>,
) -> Result<Option<DivertedBatch>> {
    let Some(first) = reasons.first().map(|refusal| row_error(plan, block, refusal)) else {
        return Ok(None);
    };
    let (Some(to), Some(records)) = (&plan.diversion, &block.records) else {
        return Err(Error::internal("rows are diverted and nothing takes them"));
    };
    let at = UInt64Array::from_iter_values(reasons.iter().map(|refusal| refusal.row as u64));
    let rows = take_record_batch(&block.rows, &at).map_err(failed)?;
    let records = take(records, &at, None).map_err(failed)?;
    let records = arrow::array::AsArray::as_primitive(&records).clone();
    let count = reasons.len() as u64;
    let batch = to.rows.of(&Diverted { file: &file.path, rows, records, reasons })?;
    Ok(Some(DivertedBatch { batch, rows: count, first }))
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
    block.refused(refusal.row, shown, (refusal.code, refusal.message.clone()))
}

fn failed(source: arrow::error::ArrowError) -> Error {
    Error::internal("rows that a judge refuses").with_source(source)
}
