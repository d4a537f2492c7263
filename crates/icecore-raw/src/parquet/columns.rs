//! Columns of a file as columns of the target.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, RecordBatch, RecordBatchOptions,
    StringViewArray, StringViewBuilder, new_null_array,
};
use arrow::compute::{cast, concat, filter, nullif};
use arrow::datatypes::DataType;
use icecore_types::{Code, Error, Result, SqlType};
use icecore_values::{
    OnCastError, ParseOptions, arrow_type, can_cast, canonical, cast_array, format_array,
    parse_texts, sql_type_of,
};
use parquet::arrow::ProjectionMask;

use super::{Footer, damaged};
use crate::lines::shown;
use crate::{ErrorCategory, FileTarget, ParquetFormat, RowBlock, RowError, TargetColumn};

/// Bytes of a batch's texts beyond which it is cut.
const MOST_PART_BYTES: usize = 32 << 20;

/// A value that is none of its column.
#[derive(Clone, Debug)]
struct Fault {
    column: usize,
    code: Code,
    message: String,
}

/// Which columns of a file become which of the target.
pub(super) struct Columns {
    format: Arc<ParquetFormat>,
    target: Arc<FileTarget>,
    /// For each column of the target its place in the batches that are read.
    sources: Vec<Option<usize>>,
    /// The leaves that are read, in the order of the file.
    leaves: Vec<usize>,
}

impl Columns {
    /// # Errors
    /// `InvalidInput` if two columns of the file would become one of the target
    /// or there is no cast; `Unsupported` for a nested column.
    pub(super) fn new(
        footer: &Footer,
        format: Arc<ParquetFormat>,
        target: Arc<FileTarget>,
    ) -> Result<Self> {
        let found: Vec<Option<usize>> = target
            .columns()
            .iter()
            .map(|column| leaf(footer, &target, column, &format))
            .collect::<Result<_>>()?;
        let mut leaves: Vec<usize> = found.iter().copied().flatten().collect();
        leaves.sort_unstable();
        leaves.dedup();
        if leaves.is_empty() {
            // One column counts the rows.
            leaves.extend((0..footer.fields().len()).find_map(|field| footer.leaf_of(field)));
        }
        if leaves.is_empty() && footer.row_groups() > 0 {
            return Err(Error::unsupported("a parquet file of nested columns only"));
        }
        let place = |leaf: &usize| leaves.iter().position(|other| other == leaf);
        let sources = found.iter().map(|leaf| leaf.as_ref().and_then(place)).collect();
        Ok(Self { format, target, sources, leaves })
    }

    pub(super) fn leaves(&self) -> &[usize] {
        &self.leaves
    }

    pub(super) fn projection(&self, footer: &Footer) -> ProjectionMask {
        ProjectionMask::leaves(footer.arrow().parquet_schema(), self.leaves.iter().copied())
    }

    /// The target's rows for these of the file, of which `before` were read
    /// before.
    ///
    /// # Errors
    /// `Internal` only: what is wrong with a row is in the block.
    pub(super) fn block(&self, batch: &RecordBatch, before: u64) -> Result<RowBlock> {
        let rows = batch.num_rows();
        let mut faults = BTreeMap::new();
        let mut arrays = Vec::with_capacity(self.sources.len());
        for (index, (column, source)) in self.target.columns().iter().zip(&self.sources).enumerate()
        {
            let read = source.and_then(|place| batch.columns().get(place));
            let mut refused = BTreeMap::new();
            let array = match read {
                None => new_null_array(&arrow_type(&column.sql_type), rows),
                Some(array) => self.convert(array, column, &mut refused)?,
            };
            for row in (0..rows).filter(|_| column.not_null) {
                if array.is_null(row) {
                    let null =
                        (Code::NULL_NOT_ALLOWED, "NULL result in a non-nullable column".to_owned());
                    refused.entry(row).or_insert(null);
                }
            }
            for (row, (code, message)) in refused {
                faults.entry(row).or_insert(Fault { column: index, code, message });
            }
            arrays.push(array);
        }
        self.finish(batch, arrays, &faults, before)
    }

    fn finish(
        &self,
        batch: &RecordBatch,
        mut arrays: Vec<ArrayRef>,
        faults: &BTreeMap<usize, Fault>,
        before: u64,
    ) -> Result<RowBlock> {
        let rows = batch.num_rows();
        let failed = |error| Error::internal("rows of a parquet file").with_source(error);
        let mut places = None;
        if !faults.is_empty() {
            let kept: Vec<bool> = (0..rows).map(|row| !faults.contains_key(&row)).collect();
            let numbers = (0..rows as u32).filter(|row| !faults.contains_key(&(*row as usize)));
            places = Some(numbers.collect());
            let mask = BooleanArray::from(kept);
            for array in &mut arrays {
                *array = filter(array, &mask).map_err(failed)?;
            }
        }
        for array in &mut arrays {
            if let Some(strings) = array.as_string_view_opt() {
                *array = Arc::new(strings.gc());
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows - faults.len()));
        let schema = Arc::clone(self.target.schema());
        Ok(RowBlock {
            batch: RecordBatch::try_new_with_options(schema, arrays, &options).map_err(failed)?,
            rows_parsed: rows as u64,
            errors: self.errors(batch, faults, before),
            rows_before: before,
            places,
            finder: None,
        })
    }

    /// A file without lines: its rows count as such.
    fn errors(
        &self,
        batch: &RecordBatch,
        faults: &BTreeMap<usize, Fault>,
        before: u64,
    ) -> Vec<RowError> {
        let error = |(row, fault): (&usize, &Fault)| RowError {
            row: *row as u64 + 1,
            line: before + *row as u64 + 1,
            start_line: before + *row as u64 + 1,
            character: 1,
            byte_offset: 0,
            column: Some(self.target.column_text(fault.column)),
            category: ErrorCategory::Conversion,
            code: fault.code,
            message: fault.message.clone(),
            record: row_text(batch, *row),
        };
        faults.iter().map(error).collect()
    }

    fn convert(
        &self,
        array: &ArrayRef,
        column: &TargetColumn,
        refused: &mut BTreeMap<usize, (Code, String)>,
    ) -> Result<ArrayRef> {
        let ty = &column.sql_type;
        if let Some(texts) = self.texts(array, ty, refused) {
            let texts = self.cleaned(&texts);
            let (values, rejected) = parse_texts(&texts, ty, &ParseOptions::default());
            refused.extend(rejected.into_iter().map(|r| (r.row, (r.code, r.message))));
            return Ok(values);
        }
        let convert = |array: &ArrayRef| {
            let (array, from) = canonical(array)?;
            cast_array(&self.without_nulls_of(array, &from)?, &from, ty, OnCastError::Fail)
        };
        if let Ok(values) = convert(array) {
            return Ok(values);
        }
        // One value is none of the column: row by row.
        let mut values = Vec::with_capacity(array.len());
        for row in 0..array.len() {
            values.push(match convert(&array.slice(row, 1)) {
                Ok(value) => value,
                Err(error) => {
                    refused.insert(row, (error.code(), error.message().to_owned()));
                    new_null_array(&arrow_type(ty), 1)
                }
            });
        }
        let parts: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
        if parts.is_empty() {
            return Ok(new_null_array(&arrow_type(ty), 0));
        }
        concat(&parts).map_err(|error| Error::internal("a column of values").with_source(error))
    }

    /// The texts of a column of texts, or of bytes that are to be some.
    fn texts(
        &self,
        array: &ArrayRef,
        ty: &SqlType,
        refused: &mut BTreeMap<usize, (Code, String)>,
    ) -> Option<StringViewArray> {
        match array.data_type() {
            DataType::Utf8View => return Some(array.as_string_view().clone()),
            DataType::BinaryView | DataType::FixedSizeBinary(_) => {}
            _ => return None,
        }
        if matches!(ty, SqlType::Binary { .. }) || !self.format.binary_as_text {
            return None;
        }
        let bytes = cast(array, &DataType::BinaryView).ok()?;
        let bytes: &BinaryViewArray = bytes.as_binary_view();
        let mut texts = StringViewBuilder::with_capacity(bytes.len());
        for (row, value) in bytes.iter().enumerate() {
            let text = value.map(String::from_utf8_lossy);
            match text {
                Some(std::borrow::Cow::Owned(_)) if !self.format.replace_invalid_characters => {
                    let message = "Invalid UTF8 detected in string, use file format option \
                                   replace_invalid_characters=true to replace it";
                    refused.insert(row, (Code::MALFORMED_RECORD, message.to_owned()));
                    texts.append_null();
                }
                text => texts.append_option(text),
            }
        }
        Some(texts.finish())
    }

    /// Without the blanks and the texts that mean NULL.
    fn cleaned(&self, texts: &StringViewArray) -> StringViewArray {
        let format = &self.format;
        let is_null = |text: &str| format.null_if.iter().any(|null| null == text);
        if !format.trim_space && !texts.iter().flatten().any(is_null) {
            return texts.clone();
        }
        let clean = |text: &'_ str| -> Option<String> {
            let text = if format.trim_space { text.trim() } else { text };
            (!is_null(text)).then(|| text.to_owned())
        };
        texts.iter().map(|text| text.and_then(clean)).collect()
    }

    /// NULL for values whose text means it.
    fn without_nulls_of(&self, array: ArrayRef, from: &SqlType) -> Result<ArrayRef> {
        // No value but a text is shown with a backslash.
        if self.format.null_if.iter().all(|text| text.contains('\\')) {
            return Ok(array);
        }
        let texts = format_array(&array, from)?;
        let means = |text: Option<&str>| {
            Some(text.is_some_and(|text| self.format.null_if.iter().any(|null| null == text)))
        };
        let mask: BooleanArray = texts.iter().map(means).collect();
        nullif(&array, &mask)
            .map_err(|error| Error::internal("values that mean null").with_source(error))
    }
}

/// The leaf of the file that becomes this column.
fn leaf(
    footer: &Footer,
    target: &FileTarget,
    column: &TargetColumn,
    format: &ParquetFormat,
) -> Result<Option<usize>> {
    let matching = target.field_match();
    let mut found = footer
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| matching.names_match(field.name(), &column.name));
    let Some((index, field)) = found.next() else { return Ok(None) };
    let name = &column.name;
    if found.next().is_some() {
        return Err(damaged(&format!("two of its columns are called '{name}'")));
    }
    let nested = || {
        Error::unsupported(format_args!("the nested parquet column '{}'", field.name()))
            .with_help("leave the column out of the table, or write it as text")
    };
    let leaf = footer.leaf_of(index).ok_or_else(nested)?;
    let from = sql_type_of(field.data_type())
        .map_err(|error| error.context(format_args!("parquet column '{}'", field.name())))?;
    let is_text = matches!(from, SqlType::Varchar { .. })
        || (matches!(from, SqlType::Binary { .. }) && format.binary_as_text);
    if !is_text && !can_cast(&from, &column.sql_type) {
        return Err(Error::new(
            Code::TYPE_MISMATCH,
            format!(
                "parquet column '{}' of type {from} cannot become {} column='{name}'",
                field.name(),
                column.sql_type
            ),
        ));
    }
    Ok(Some(leaf))
}

/// The batch in parts whose texts take bounded memory of their own.
pub(super) fn parts(batch: &RecordBatch) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let bytes = |row: usize| -> usize { batch.columns().iter().map(|a| text_bytes(a, row)).sum() };
    let mut parts = Vec::new();
    let (mut start, mut size) = (0, 0);
    let is_long = |array: &ArrayRef| match array.data_type() {
        DataType::Utf8View => !array.as_string_view().data_buffers().is_empty(),
        DataType::BinaryView => !array.as_binary_view().data_buffers().is_empty(),
        _ => false,
    };
    if batch.columns().iter().any(is_long) {
        for row in 0..rows {
            size += bytes(row);
            if size > MOST_PART_BYTES && row > start {
                parts.push(batch.slice(start, row - start));
                (start, size) = (row, bytes(row));
            }
        }
    }
    parts.push(batch.slice(start, rows - start));
    parts
}

fn text_bytes(array: &ArrayRef, row: usize) -> usize {
    match array.data_type() {
        _ if array.is_null(row) => 0,
        DataType::Utf8View => array.as_string_view().value(row).len(),
        DataType::BinaryView => array.as_binary_view().value(row).len(),
        _ => 0,
    }
}

/// A row as an error shows it: its values, as far as they are texts.
fn row_text(batch: &RecordBatch, row: usize) -> String {
    let text = |array: &ArrayRef| {
        let value = array.slice(row, 1);
        let shown = canonical(&value).and_then(|(value, ty)| format_array(&value, &ty));
        match shown {
            Ok(texts) if texts.is_valid(0) => texts.value(0).to_owned(),
            _ => String::new(),
        }
    };
    let texts: Vec<String> = batch.columns().iter().map(text).collect();
    shown(texts.join(",").as_bytes())
}
