//! The fields of a block as Arrow columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::filter;
use icecore_types::{Code, Error, Result};
use icecore_values::parse_column;

use super::fault::{Fault, Report};
use super::header::Layout;
use super::record::scan_record;
use super::split::Block;
use super::texts::{NullRules, Texts, masked};
use super::tokens::{Place, Reading, Tokens};
use crate::lines::{BlockStart, Lines, shown};
use crate::target::Finder;
use crate::{RowBlock, RowError};

impl Reading {
    /// Reads a block: its rows, and errors whose `row` counts within it.
    ///
    /// # Errors
    /// `Internal` only: what is wrong with a record is in the block.
    pub(super) fn read(self: &Arc<Self>, block: Block) -> Result<RowBlock> {
        let Block { data, first, start, layout } = block;
        let mut data = data;
        let mut is_text = std::str::from_utf8(&data).is_ok();
        if !is_text && self.format.replace_invalid_characters {
            data = String::from_utf8_lossy(&data).into_owned().into_bytes();
            is_text = true;
        }
        let mut tokens = Tokens::of(&data, &layout, is_text, self);
        let nulls = NullRules::new(&self.format).apply(&mut tokens, &data, layout.width);
        let masked = if is_text { None } else { Some(masked(data.clone())) };
        let texts = Texts::new(masked.as_deref().unwrap_or(&data), &tokens, layout.width)?;
        let (arrays, faults) = self.values(&texts, &nulls, &layout);
        let batch = self.batch(arrays, &faults, tokens.good.len())?;
        let report = Report::new(self, &data, (&layout, first), start);
        let (places, rows_parsed) = (places(&tokens, &faults), u64::from(tokens.records));
        let bad: Vec<usize> = faults.keys().copied().collect();
        let errors = errors(report, &tokens, faults);
        let starts = Starts { good: tokens.good, bad };
        let finder = Some(self.finder(data, starts, start));
        Ok(RowBlock { batch, rows_parsed, places, finder, rows_before: 0, errors })
    }

    /// Finds the text of a row again; keeps the block's bytes.
    fn finder(self: &Arc<Self>, data: Vec<u8>, starts: Starts, block: BlockStart) -> Finder {
        let reading = Arc::clone(self);
        Finder(Arc::new(move |row| {
            let start = starts.of(row);
            let record = scan_record(&data, start, true, &reading.grammar, |_| {});
            let end = record.map_or(data.len(), |record| record.end);
            let spot = Lines::new(&data, block).spot(start, start);
            (spot, shown(data.get(start..end).unwrap_or_default()))
        }))
    }

    /// The values of all columns, and the first fault of each row.
    fn values(
        &self,
        texts: &Texts<'_>,
        nulls: &[usize],
        layout: &Layout,
    ) -> (Vec<ArrayRef>, BTreeMap<usize, Fault>) {
        let mut faults = BTreeMap::new();
        let mut arrays = Vec::with_capacity(self.target.columns().len());
        for (index, column) in self.target.columns().iter().enumerate() {
            let field = layout.sources.get(index).copied().flatten();
            let mut refused = 0;
            let array = match field {
                None => new_null_array(&icecore_values::arrow_type(&column.sql_type), texts.rows()),
                Some(at) => {
                    let texts = texts.column(at, nulls.get(at).copied().unwrap_or(0));
                    let (array, rejected) = parse_column(&texts, &column.sql_type, &self.parse);
                    refused = rejected.len();
                    for rejection in rejected {
                        let (code, message) = (rejection.code, rejection.message);
                        faults.entry(rejection.row).or_insert(Fault::Value {
                            column: index,
                            field,
                            code,
                            message,
                        });
                    }
                    array
                }
            };
            if column.not_null && array.null_count() > refused {
                missing(array.nulls(), (index, field), &mut faults);
            }
            arrays.push(array);
        }
        (arrays, faults)
    }

    fn batch(
        &self,
        arrays: Vec<ArrayRef>,
        faults: &BTreeMap<usize, Fault>,
        rows: usize,
    ) -> Result<RecordBatch> {
        let failed = |error| Error::internal("a block of rows").with_source(error);
        let mut keep = vec![true; rows];
        for row in faults.keys() {
            if let Some(kept) = keep.get_mut(*row) {
                *kept = false;
            }
        }
        let keep = (!faults.is_empty()).then(|| BooleanArray::from(keep));
        let arrays = arrays
            .into_iter()
            .map(|array| match &keep {
                Some(keep) => filter(&array, keep),
                None => Ok(array),
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows - faults.len()));
        RecordBatch::try_new_with_options(Arc::clone(self.target.schema()), arrays, &options)
            .map_err(failed)
    }
}

/// Where the rows of a batch start in their block.
struct Starts {
    good: Vec<Place>,
    /// Which of them are no rows after all, in order.
    bad: Vec<usize>,
}

impl Starts {
    fn of(&self, row: usize) -> usize {
        let mut at = row;
        for bad in &self.bad {
            if *bad > at {
                break;
            }
            at += 1;
        }
        self.good.get(at).map_or(0, |place| place.start as usize)
    }
}

/// Which records the rows of a batch are; none if they are all of the block's.
fn places(tokens: &Tokens, faults: &BTreeMap<usize, Fault>) -> Option<Vec<u32>> {
    if faults.is_empty() && tokens.good.len() == tokens.records as usize {
        return None;
    }
    let kept = tokens.good.iter().enumerate().filter(|(row, _)| !faults.contains_key(row));
    Some(kept.map(|(_, place)| place.number).collect())
}

fn missing(
    nulls: Option<&NullBuffer>,
    (column, field): (usize, Option<usize>),
    faults: &mut BTreeMap<usize, Fault>,
) {
    let Some(nulls) = nulls else { return };
    for (row, valid) in nulls.iter().enumerate() {
        if !valid {
            faults.entry(row).or_insert_with(|| Fault::Value {
                column,
                field,
                code: Code::NULL_NOT_ALLOWED,
                message: "NULL result in a non-nullable column".to_owned(),
            });
        }
    }
}

fn errors(
    mut report: Report<'_>,
    tokens: &Tokens,
    faults: BTreeMap<usize, Fault>,
) -> Vec<RowError> {
    let form = tokens.bad.iter().map(|(place, bad)| (*place, Fault::Form(*bad)));
    let values =
        faults.into_iter().filter_map(|(row, fault)| Some((tokens.good.get(row).copied()?, fault)));
    let mut all: Vec<(Place, Fault)> = form.chain(values).collect();
    all.sort_by_key(|(place, _)| place.number);
    all.iter().map(|(place, fault)| report.error(*place, fault)).collect()
}
