//! The documents of a block as Arrow columns.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringViewArray,
    StringViewBuilder,
};
use arrow::compute::filter;
use icecore_types::{Code, Error, Result, SqlType};
use icecore_values::{ParseOptions, parse_texts};

use super::names::Names;
use super::parse::{Kind, Malformed, Parser, Value};
use super::split::Block;
use super::text;
use crate::lines::{Lines, shown};
use crate::target::Finder;
use crate::{ErrorCategory, FieldMatch, FileTarget, JsonFormat, RowBlock, RowError};

/// Everything that reading the blocks of one file shares.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) format: Arc<JsonFormat>,
    pub(super) target: Arc<FileTarget>,
    pub(super) names: Names,
    pub(super) parse: ParseOptions,
}

/// Why a document is refused.
#[derive(Clone, Debug)]
struct Fault {
    /// The byte of the document; none for the start of the column's value.
    at: Option<usize>,
    column: Option<usize>,
    code: Code,
    message: String,
}

impl Fault {
    fn form(at: usize, what: &str) -> Self {
        let message = format!("Error parsing JSON: {what}");
        Self { at: Some(at), column: None, code: Code::UNREADABLE_FILE, message }
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::form(malformed.at, malformed.what)
    }
}

/// What a document has for a column.
#[derive(Clone, Debug, Default)]
enum Cell {
    #[default]
    Missing,
    /// An explicit null, or a text that means it.
    Null,
    /// Its text among the scratch.
    Text(Range<usize>),
}

/// The rows that a block becomes, and what was refused.
struct Rows {
    columns: Vec<StringViewBuilder>,
    /// For each row its record's number in the block.
    places: Vec<u32>,
    faults: BTreeMap<u32, Fault>,
}

impl Reading {
    /// Reads a block: its rows, and errors whose `row` counts within it.
    ///
    /// # Errors
    /// `Internal` only: what is wrong with a document is in the block.
    pub(super) fn read(&self, block: Block) -> Result<RowBlock> {
        let columns = self.target.columns().iter().map(|_| StringViewBuilder::new()).collect();
        let mut rows = Rows { columns, places: Vec::new(), faults: BTreeMap::new() };
        let (mut cells, mut scratch) = (Vec::new(), String::new());
        for (number, (start, end)) in block.records.iter().enumerate() {
            let bytes = block.data.get(*start as usize..*end as usize).unwrap_or_default();
            cells.clear();
            cells.resize(self.target.columns().len(), Cell::Missing);
            scratch.clear();
            let outcome = self.text_of(bytes).and_then(|text| {
                let text = text.as_ref();
                self.document(text, &mut cells, &mut scratch)
            });
            match outcome {
                Ok(()) => rows.push(number as u32, &cells, &scratch),
                Err(fault) => {
                    rows.faults.insert(number as u32, fault);
                }
            }
        }
        let mut made = self.block(&block, rows)?;
        let places = made.places.clone();
        made.finder = Some(Finder(Arc::new(move |row| {
            let number = places
                .as_ref()
                .map_or(row, |places| places.get(row).copied().unwrap_or_default() as usize);
            let (start, end) = block.records.get(number).copied().unwrap_or_default();
            let (start, end) = (start as usize, end as usize);
            let spot = Lines::new(&block.data, block.start).spot(start, start);
            (spot, shown(block.data.get(start..end).unwrap_or_default()))
        })));
        Ok(made)
    }

    fn text_of<'a>(&self, bytes: &'a [u8]) -> Result<std::borrow::Cow<'a, str>, Fault> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(_) if self.format.replace_invalid_characters => Ok(String::from_utf8_lossy(bytes)),
            Err(error) => {
                let mut fault = Fault::form(
                    error.valid_up_to(),
                    "invalid UTF-8, use file format option replace_invalid_characters=true to \
                     replace it",
                );
                fault.code = Code::MALFORMED_RECORD;
                Err(fault)
            }
        }
    }

    /// The cells of a document; their texts go to the scratch.
    fn document(
        &self,
        document: &str,
        cells: &mut [Cell],
        scratch: &mut String,
    ) -> Result<(), Fault> {
        let mut fault = None;
        let mut parser = Parser::new(document, self.format.allow_duplicate);
        let whole = parser.document(|name, value| {
            for column in self.names.columns(&name) {
                let Some(cell) = cells.get_mut(*column) else { continue };
                // Names that differ in case only may meet in one column.
                if !self.format.allow_duplicate && !matches!(cell, Cell::Missing) {
                    fault.get_or_insert(Fault {
                        column: Some(*column),
                        ..Fault::form(value.start, "two members belong to one column")
                    });
                }
                match self.cell(document, value, *column, scratch) {
                    Ok(found) => *cell = found,
                    Err(wrong) => {
                        fault.get_or_insert(wrong);
                    }
                }
            }
        })?;
        if whole.kind != Kind::Object && self.target.field_match() != FieldMatch::Member {
            let what = match whole.kind {
                Kind::Array => {
                    "the document is an array and has no names to match, use file format option \
                     strip_outer_array=true to load its elements"
                }
                _ => "the document is no object and has no names to match",
            };
            return Err(Fault::form(whole.start, what));
        }
        fault.map_or(Ok(()), Err)
    }

    fn cell(
        &self,
        document: &str,
        value: Value,
        column: usize,
        scratch: &mut String,
    ) -> Result<Cell, Fault> {
        let raw = document.get(value.start..value.end).unwrap_or_default();
        let start = scratch.len();
        match value.kind {
            Kind::Null => return Ok(Cell::Null),
            Kind::Text => {
                let text = Parser::new(raw, true).string()?;
                scratch.push_str(if self.format.trim_space { text.trim() } else { &text });
            }
            Kind::Word | Kind::Number => scratch.push_str(raw),
            Kind::Object | Kind::Array => {
                let ty = self.target.columns().get(column).map(|column| column.sql_type);
                if !matches!(ty, Some(SqlType::Varchar { .. })) {
                    return Err(nested(raw, value, column, ty));
                }
                text::render(raw, &self.format, scratch)?;
            }
        }
        let text = scratch.get(start..).unwrap_or_default();
        let is_null = self.format.null_if.iter().any(|null| null == text);
        Ok(if is_null { Cell::Null } else { Cell::Text(start..scratch.len()) })
    }

    fn block(&self, block: &Block, mut rows: Rows) -> Result<RowBlock> {
        let mut arrays = Vec::with_capacity(rows.columns.len());
        let builders = std::mem::take(&mut rows.columns);
        for (index, mut builder) in builders.into_iter().enumerate() {
            arrays.push(self.values(index, &builder.finish(), &mut rows));
        }
        let records = block.records.len();
        let kept: Vec<bool> =
            rows.places.iter().map(|place| !rows.faults.contains_key(place)).collect();
        let rows_kept = kept.iter().filter(|kept| **kept).count();
        let mask = (rows_kept < kept.len()).then(|| BooleanArray::from(kept));
        let failed = |error| Error::internal("a block of documents").with_source(error);
        if let Some(mask) = &mask {
            for array in &mut arrays {
                *array = filter(array, mask).map_err(failed)?;
            }
            rows.places.retain(|place| !rows.faults.contains_key(place));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows_kept));
        let schema = Arc::clone(self.target.schema());
        Ok(RowBlock {
            batch: RecordBatch::try_new_with_options(schema, arrays, &options).map_err(failed)?,
            rows_parsed: records as u64,
            errors: self.errors(block, &rows.faults),
            rows_before: 0,
            places: (rows_kept < records).then_some(rows.places),
            finder: None,
        })
    }

    /// The values of a column; what is none becomes a fault of its document.
    fn values(&self, index: usize, texts: &StringViewArray, rows: &mut Rows) -> ArrayRef {
        let Some(column) = self.target.columns().get(index) else {
            return Arc::new(texts.clone());
        };
        let (array, rejected) = parse_texts(texts, &column.sql_type, &self.parse);
        let mut fault = |row: usize, code, message| {
            if let Some(place) = rows.places.get(row) {
                let fault = Fault { at: None, column: Some(index), code, message };
                rows.faults.entry(*place).or_insert(fault);
            }
        };
        if column.not_null
            && let Some(nulls) = texts.nulls()
        {
            for row in nulls.iter().enumerate().filter(|(_, valid)| !valid).map(|(row, _)| row) {
                let message = "NULL result in a non-nullable column".to_owned();
                fault(row, Code::NULL_NOT_ALLOWED, message);
            }
        }
        for rejection in rejected {
            fault(rejection.row, rejection.code, rejection.message);
        }
        array
    }

    fn errors(&self, block: &Block, faults: &BTreeMap<u32, Fault>) -> Vec<RowError> {
        let mut lines = Lines::new(&block.data, block.start);
        faults
            .iter()
            .filter_map(|(number, fault)| {
                let (start, end) = block.records.get(*number as usize).copied()?;
                let (start, end) = (start as usize, end as usize);
                let bytes = block.data.get(start..end).unwrap_or_default();
                let at = fault.at.unwrap_or_else(|| self.place_of(bytes, fault.column));
                let spot = lines.spot(start, (start + at).min(end));
                Some(RowError {
                    row: u64::from(*number) + 1,
                    line: spot.line,
                    start_line: spot.start_line,
                    character: spot.character,
                    byte_offset: spot.byte_offset,
                    column: fault.column.map(|column| self.target.column_text(column)),
                    category: match (fault.at, fault.column) {
                        (Some(_), None) => ErrorCategory::Parsing,
                        _ => ErrorCategory::Conversion,
                    },
                    code: fault.code,
                    message: fault.message.clone(),
                    record: shown(bytes),
                })
            })
            .collect()
    }

    /// Where the value of a column stands in its document, from its start.
    fn place_of(&self, bytes: &[u8], column: Option<usize>) -> usize {
        let text = String::from_utf8_lossy(bytes);
        let mut place = 0;
        let mut parser = Parser::new(&text, true);
        // It was read before: there is no error left.
        let _ = parser.document(|name, value| {
            if column.is_some_and(|column| self.names.columns(&name).contains(&column)) {
                place = value.start;
            }
        });
        place
    }
}

impl Rows {
    fn push(&mut self, number: u32, cells: &[Cell], scratch: &str) {
        self.places.push(number);
        for (builder, cell) in self.columns.iter_mut().zip(cells) {
            match cell {
                Cell::Text(range) => builder.append_option(scratch.get(range.clone())),
                Cell::Missing | Cell::Null => builder.append_null(),
            }
        }
    }
}

/// Characters of a nested value that an error shows.
const SHOWN_CHARACTERS: usize = 200;

fn nested(raw: &str, value: Value, column: usize, ty: Option<SqlType>) -> Fault {
    let mut shown: String = raw.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < raw.len() {
        shown.push_str("...");
    }
    let ty = ty.map(|ty| ty.to_string()).unwrap_or_default();
    Fault {
        at: Some(value.start),
        column: Some(column),
        code: Code::INVALID_VALUE,
        message: format!("Failed to cast variant value {shown} to {ty}"),
    }
}
