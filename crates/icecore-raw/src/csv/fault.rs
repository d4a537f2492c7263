//! Bad records as errors with their exact place.

use icecore_types::Code;

use super::header::Layout;
use super::record::{Malformed, scan_record};
use super::tokens::{BadForm, Place, Reading};
use crate::lines::{BlockStart, Lines, shown};
use crate::{ErrorCategory, RowError};

/// Why a record is refused.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// Its form.
    Form(BadForm),
    /// A field that is no value of its column; none for a column without one.
    Value { column: usize, field: Option<usize>, code: Code, message: String },
}

/// Makes errors of the records of one block. Records must come in order: lines
/// are counted on from the last one.
pub(super) struct Report<'a> {
    pub(super) reading: &'a Reading,
    pub(super) data: &'a [u8],
    /// The fields that a record must have, and their columns.
    pub(super) layout: &'a Layout,
    /// Whether the block is the file's first: only there a wrong count of the
    /// first record speaks of the whole file.
    pub(super) first: bool,
    lines: Lines<'a>,
}

impl<'a> Report<'a> {
    /// For a block that starts there.
    pub(super) fn new(
        reading: &'a Reading,
        data: &'a [u8],
        (layout, first): (&'a Layout, bool),
        start: BlockStart,
    ) -> Self {
        Self { reading, data, layout, first, lines: Lines::new(data, start) }
    }

    /// The error for a record of the block; its `row` counts from 1 within the
    /// block.
    pub(super) fn error(&mut self, place: Place, fault: &Fault) -> RowError {
        let start = place.start as usize;
        let found = self.find(start, place, fault);
        let spot = self.lines.spot(start, found.at);
        RowError {
            row: u64::from(place.number) + 1,
            line: spot.line,
            start_line: spot.start_line,
            character: spot.character,
            byte_offset: spot.byte_offset,
            column: found.column.map(|column| self.reading.target.column_text(column)),
            category: match fault {
                Fault::Form(_) => ErrorCategory::Parsing,
                Fault::Value { .. } => ErrorCategory::Conversion,
            },
            code: found.code,
            message: found.message,
            record: shown(self.data.get(start..found.end).unwrap_or_default()),
        }
    }

    fn find(&self, start: usize, place: Place, fault: &Fault) -> Found {
        let wanted = match fault {
            Fault::Value { field, .. } => field.unwrap_or(0),
            Fault::Form(_) => self.layout.width,
        };
        // Where the wanted field starts, and the end of the one before it.
        let (mut index, mut at, mut behind) = (0, start, start);
        let record = scan_record(self.data, start, true, &self.reading.grammar, |field| {
            if index == wanted {
                at = field.start;
            } else if index + 1 == wanted {
                behind = field.end;
            }
            index += 1;
        });
        let end = record.map_or(self.data.len(), |record| record.end);
        match fault {
            Fault::Value { column, code, message, .. } => {
                Found { at, end, column: Some(*column), code: *code, message: message.clone() }
            }
            Fault::Form(BadForm::Count) => {
                self.wrong_count(index, (behind, end), place.number == 0 && self.first)
            }
            Fault::Form(BadForm::Quotes(malformed)) => self.malformed(*malformed, end),
            Fault::Form(BadForm::Text) => self.not_text(start, end),
        }
    }

    fn wrong_count(&self, found: usize, (behind, end): (usize, usize), first: bool) -> Found {
        let width = self.layout.width;
        let by_name = self.reading.target.field_match().is_by_name();
        let columns = self.reading.target.columns().len();
        let mut message = if self.reading.format.error_on_column_count_mismatch && by_name {
            format!(
                "Number of columns in record ({found}) does not match that of the header \
                 ({width}), use file format option error_on_column_count_mismatch=false to \
                 ignore this error"
            )
        } else if self.reading.format.error_on_column_count_mismatch {
            format!(
                "Number of columns in file ({found}) does not match that of the corresponding \
                 table ({columns}), use file format option error_on_column_count_mismatch=false \
                 to ignore this error"
            )
        } else {
            format!(
                "Number of columns in record ({found}) does not match that of the first record \
                 of the file ({width})"
            )
        };
        let mut code = Code::FIELD_COUNT;
        if found > width && !first {
            code = Code::MALFORMED_RECORD;
            let (field, record) = self.delimiters();
            message = format!(
                "Field delimiter '{field}' found while expecting record delimiter '{record}'. \
                 {message}"
            );
        }
        let (at, field) = if found > width { (behind, width) } else { (end, found) };
        Found { at, end, column: self.column_of(field), code, message }
    }

    /// The column of a field; a field beyond all columns keeps its number.
    fn column_of(&self, field: usize) -> Option<usize> {
        match self.reading.target.field_match().is_by_name() {
            true => self.layout.column_of(field),
            false => Some(field),
        }
    }

    fn delimiters(&self) -> (String, String) {
        let text = |bytes: &Option<Vec<u8>>| {
            String::from_utf8_lossy(bytes.as_deref().unwrap_or_default())
                .escape_default()
                .to_string()
        };
        (text(&self.reading.grammar.field), text(&self.reading.grammar.record))
    }

    fn malformed(&self, malformed: Malformed, end: usize) -> Found {
        let (field, record) = self.delimiters();
        let (at, index, message) = match malformed {
            Malformed::BehindQuote { at, field: index } => {
                let rest = self.data.get(at..end).unwrap_or_default();
                let character = String::from_utf8_lossy(rest.get(..4).unwrap_or(rest))
                    .chars()
                    .next()
                    .map(|c| c.escape_default().to_string())
                    .unwrap_or_default();
                let message = format!(
                    "Found character '{character}' instead of field delimiter '{field}' or \
                     record delimiter '{record}'"
                );
                (at, index, message)
            }
            Malformed::Unterminated { at, field: index } => {
                (at, index, "Enclosed field does not end before its record does".to_owned())
            }
        };
        Found { at, end, column: self.column_of(index), code: Code::MALFORMED_RECORD, message }
    }

    fn not_text(&self, start: usize, end: usize) -> Found {
        let bytes = self.data.get(start..end).unwrap_or_default();
        let valid = match std::str::from_utf8(bytes) {
            Ok(_) => bytes.len(),
            Err(error) => error.valid_up_to(),
        };
        let wrong = bytes.get(valid..).unwrap_or_default();
        let shown: String = wrong.iter().take(4).map(|byte| format!("{byte:02X}")).collect();
        Found {
            at: start + valid,
            end,
            column: self.field_at(start, start + valid).and_then(|field| self.column_of(field)),
            code: Code::MALFORMED_RECORD,
            message: format!(
                "Invalid UTF8 detected in string '0x{shown}', use file format option \
                 replace_invalid_characters=true to replace it"
            ),
        }
    }

    /// The field that the byte at `at` is in.
    fn field_at(&self, start: usize, at: usize) -> Option<usize> {
        let (mut index, mut found) = (0, None);
        scan_record(self.data, start, true, &self.reading.grammar, |field| {
            if field.start <= at && at < field.end {
                found = Some(index);
            }
            index += 1;
        });
        found
    }
}

struct Found {
    at: usize,
    end: usize,
    column: Option<usize>,
    code: Code,
    message: String,
}
