//! The fields of a block as Arrow columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, NullBufferBuilder, RecordBatch, RecordBatchOptions,
    StringViewArray, make_view, new_null_array,
};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::compute::filter;
use icecore_types::{Code, Error, Result};
use icecore_values::parse_texts;

use super::fault::{Fault, Report};
use super::header::Layout;
use super::record::scan_record;
use super::split::Block;
use super::tokens::{Place, Reading, Span, Tokens};
use crate::lines::{BlockStart, Lines, shown};
use crate::target::Finder;
use crate::{CsvFormat, RowBlock, RowError};

/// Records whose fields are looked at together: their spans stay in the cache.
const TILE_ROWS: usize = 1024;

impl Reading {
    /// Reads a block: its rows, and errors whose `row` counts within it.
    ///
    /// # Errors
    /// `Internal` only: what is wrong with a record is in the block.
    pub(super) fn read(self: &Arc<Self>, block: Block) -> Result<RowBlock> {
        let Block { data, first, start, layout } = block;
        let mut data = data;
        let is_text = std::str::from_utf8(&data).is_ok();
        if !is_text && self.format.replace_invalid_characters {
            data = String::from_utf8_lossy(&data).into_owned().into_bytes();
        }
        let is_text = is_text || self.format.replace_invalid_characters;
        let mut tokens = Tokens::of(&data, &layout, is_text, self);
        let data = Buffer::from_vec(data);
        let texts = self.texts(&mut tokens, &data, &layout)?;
        let (arrays, faults) = self.values(texts, &layout, tokens.good.len());
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
    fn finder(self: &Arc<Self>, data: Buffer, starts: Starts, block: BlockStart) -> Finder {
        let reading = Arc::clone(self);
        Finder(Arc::new(move |row| {
            let start = starts.of(row);
            let record = scan_record(&data, start, true, &reading.grammar, |_| {});
            let end = record.map_or(data.len(), |record| record.end);
            let spot = Lines::new(&data, block).spot(start, start);
            (spot, shown(data.get(start..end).unwrap_or_default()))
        }))
    }

    /// One array of texts per column that has a field.
    fn texts(
        &self,
        tokens: &mut Tokens,
        data: &Buffer,
        layout: &Layout,
    ) -> Result<Vec<StringViewArray>> {
        let nulls = NullRules::new(&self.format);
        let (rows, width) = (tokens.good.len(), layout.width);
        let mut columns: Vec<(usize, TextColumn)> =
            layout.sources.iter().flatten().map(|at| (*at, TextColumn::new(rows))).collect();
        let decoded = Buffer::from_vec(std::mem::take(&mut tokens.decoded));
        for tile in tokens.spans.chunks(TILE_ROWS * width.max(1)) {
            for (index, column) in &mut columns {
                for span in tile.iter().skip(*index).step_by(width.max(1)) {
                    column.push(*span, data, &decoded, &nulls);
                }
            }
        }
        let buffers: Arc<[Buffer]> = Arc::new([data.clone(), decoded]);
        columns.into_iter().map(|(_, column)| column.finish(&buffers)).collect()
    }

    /// The values of all columns, and the first fault of each row.
    fn values(
        &self,
        texts: Vec<StringViewArray>,
        layout: &Layout,
        rows: usize,
    ) -> (Vec<ArrayRef>, BTreeMap<usize, Fault>) {
        let mut faults = BTreeMap::new();
        let mut arrays = Vec::with_capacity(self.target.columns().len());
        let mut texts = texts.into_iter();
        for (index, column) in self.target.columns().iter().enumerate() {
            let field = layout.sources.get(index).copied().flatten();
            let mut refused = 0;
            let array = match field.and_then(|_| texts.next()) {
                None => new_null_array(&icecore_values::arrow_type(&column.sql_type), rows),
                Some(texts) => {
                    let (array, rejected) = parse_texts(&texts, &column.sql_type, &self.parse);
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
                Some(keep) => filter(&array, keep).map(compact),
                None => Ok(compact(array)),
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows - faults.len()));
        RecordBatch::try_new_with_options(Arc::clone(self.target.schema()), arrays, &options)
            .map_err(failed)
    }
}

/// Lets go of the block: strings keep their own bytes only.
fn compact(array: ArrayRef) -> ArrayRef {
    match array.as_string_view_opt() {
        Some(strings) if !strings.data_buffers().is_empty() => Arc::new(strings.gc()),
        _ => array,
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

/// Which texts mean NULL.
struct NullRules {
    empty: bool,
    /// Texts that a view holds whole.
    short: Vec<u128>,
    long: Vec<Vec<u8>>,
}

/// Longer texts than this are not in a view.
const VIEW_BYTES: usize = 12;

impl NullRules {
    fn new(format: &CsvFormat) -> Self {
        let (short, long): (Vec<&String>, Vec<&String>) =
            format.null_if.iter().partition(|text| text.len() <= VIEW_BYTES);
        Self {
            empty: format.empty_field_as_null,
            short: short.into_iter().map(|text| make_view(text.as_bytes(), 0, 0)).collect(),
            long: long.into_iter().map(|text| text.as_bytes().to_vec()).collect(),
        }
    }

    fn applies(&self, span: Span, view: u128, bytes: &[u8]) -> bool {
        if bytes.len() <= VIEW_BYTES {
            let empty = self.empty && bytes.is_empty() && !span.is_enclosed();
            empty || self.short.contains(&view)
        } else {
            self.long.iter().any(|text| text == bytes)
        }
    }
}

/// The texts of one column.
struct TextColumn {
    views: Vec<u128>,
    nulls: NullBufferBuilder,
}

impl TextColumn {
    fn new(rows: usize) -> Self {
        Self { views: Vec::with_capacity(rows), nulls: NullBufferBuilder::new(rows) }
    }

    #[inline]
    fn push(&mut self, span: Span, data: &[u8], decoded: &[u8], nulls: &NullRules) {
        let (buffer, bytes) = if span.is_decoded() { (1, decoded) } else { (0, data) };
        let bytes = bytes.get(span.start()..span.end()).unwrap_or_default();
        let view = make_view(bytes, buffer, span.start() as u32);
        if span.is_null() || nulls.applies(span, view, bytes) {
            self.views.push(0);
            self.nulls.append_null();
        } else {
            self.views.push(view);
            self.nulls.append_non_null();
        }
    }

    fn finish(mut self, buffers: &Arc<[Buffer]>) -> Result<StringViewArray> {
        StringViewArray::try_new(self.views.into(), Arc::clone(buffers), self.nulls.finish())
            .map_err(|error| Error::internal("texts of a column").with_source(error))
    }
}
