//! Refused records and files that are missing, as VALIDATE shows them.

use arrow::array::RecordBatch;
use icecore_processed::Rejected;
use icecore_raw::StageFiles;
use icecore_types::{Code, ObjectId, QueryId, Result, SqlType};
use serde::{Deserialize, Serialize};

use super::{FAILED, LoadRow};
use crate::cells::{Cell, Columns, batch};

/// A refused record as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RejectedRow {
    pub(super) query_id: QueryId,
    pub(super) table: ObjectId,
    pub(super) attempt: u64,
    pub(super) file: String,
    #[serde(flatten)]
    pub(super) error: RejectedError,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RejectedError {
    error: String,
    line: u64,
    character: u64,
    byte_offset: u64,
    category: String,
    code: String,
    sql_state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    row: u64,
    start_line: u64,
    record: String,
}

impl RejectedError {
    pub(super) fn of(rejected: &Rejected) -> Self {
        let error = &rejected.error;
        Self {
            error: error.message.clone(),
            line: error.line,
            character: error.character,
            byte_offset: error.byte_offset,
            category: error.category.as_str().to_owned(),
            code: error.code.number().to_owned(),
            sql_state: error.code.sqlstate().to_owned(),
            column: error.column.clone(),
            row: error.row,
            start_line: error.start_line,
            record: error.record.clone(),
        }
    }

    /// What is said of a file that is not where it was loaded from.
    fn missing(stage: &str, file: &str) -> Self {
        let code = Code::FILE_NOT_FOUND;
        Self {
            error: format!("Remote file '{stage}/{file}' was not found: it was removed since"),
            line: 0,
            character: 0,
            byte_offset: 0,
            category: String::new(),
            code: code.number().to_owned(),
            sql_state: code.sqlstate().to_owned(),
            column: None,
            row: 0,
            start_line: 0,
            record: String::new(),
        }
    }

    /// The cells of [`REJECTED`].
    pub(super) fn cells(&self, file: &str) -> Vec<Cell> {
        // What is no record of the file has no place in it.
        let place = |number: u64| if number == 0 { Cell::Null } else { Cell::count(number) };
        let text = |text: &str| if text.is_empty() { Cell::Null } else { Cell::text(text) };
        vec![
            Cell::text(&self.error),
            Cell::text(file),
            place(self.line),
            place(self.character),
            if self.line == 0 { Cell::Null } else { Cell::count(self.byte_offset) },
            text(&self.category),
            Cell::text(&self.code),
            Cell::text(&self.sql_state),
            Cell::maybe_text(self.column.clone()),
            place(self.row),
            place(self.start_line),
            Cell::text(&self.record),
        ]
    }
}

/// The columns of VALIDATE.
pub(crate) const REJECTED: Columns = &[
    ("ERROR", SqlType::TEXT),
    ("FILE", SqlType::TEXT),
    ("LINE", SqlType::Integer),
    ("CHARACTER", SqlType::Integer),
    ("BYTE_OFFSET", SqlType::Integer),
    ("CATEGORY", SqlType::TEXT),
    ("CODE", SqlType::TEXT),
    ("SQL_STATE", SqlType::TEXT),
    ("COLUMN_NAME", SqlType::TEXT),
    ("ROW_NUMBER", SqlType::Integer),
    ("ROW_START_LINE", SqlType::Integer),
    ("REJECTED_RECORD", SqlType::TEXT),
];

/// The files of a load that are not there any more, as VALIDATE shows them
/// behind the refused records; not those that the load itself removed.
pub(crate) async fn missing_files(stage: &StageFiles, load: &LoadRow) -> Result<RecordBatch> {
    let files = load.files.iter().filter(|file| !load.purged || file.status == FAILED);
    let missing = stage.missing(files.map(|file| file.file.clone()).collect()).await?;
    let row = |file: &String| RejectedError::missing(&load.stage, file).cells(file);
    batch(REJECTED, missing.iter().map(row).collect())
}

/// Refused records as VALIDATE shows them.
pub(crate) fn rejected_rows(rejected: &[Rejected]) -> Result<RecordBatch> {
    let row = |rejected: &Rejected| RejectedError::of(rejected).cells(&rejected.file);
    batch(REJECTED, rejected.iter().map(row).collect())
}
