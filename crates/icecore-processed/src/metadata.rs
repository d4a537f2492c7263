//! What is known of a record besides its fields.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringViewArray, TimestampMicrosecondArray};
use icecore_raw::StageFile;
use icecore_types::{ColumnId, SqlType, Timestamp};

/// A value that every record has without being a field of it.
///
/// ```
/// use icecore_processed::FileMetadata;
/// assert_eq!(FileMetadata::RowNumber.sql_type().to_string(), "NUMBER(38,0)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileMetadata {
    /// The file's path in its stage.
    Name,
    /// Which record of the file it is, from 1.
    RowNumber,
    /// The file's checksum.
    ContentKey,
    /// When the file was written.
    LastModified,
    /// When the load began.
    StartScanTime,
}

impl FileMetadata {
    /// The type of its values.
    pub const fn sql_type(self) -> SqlType {
        match self {
            Self::Name | Self::ContentKey => SqlType::TEXT,
            Self::RowNumber => SqlType::Integer,
            Self::LastModified => SqlType::TimestampNtz,
            Self::StartScanTime => SqlType::TimestampLtz,
        }
    }
}

/// A column of the table that is filled with metadata.
///
/// ```
/// use icecore_processed::{FileMetadata, MetadataColumn};
/// use icecore_types::{ColumnId, SqlType};
/// let column = MetadataColumn {
///     column: ColumnId::new(4),
///     sql_type: SqlType::parse("VARCHAR(200)")?,
///     item: FileMetadata::Name,
/// };
/// assert_eq!(column.column.stored_name(), "4");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MetadataColumn {
    /// Which.
    pub column: ColumnId,
    /// Its declared type, which the value is cast to.
    pub sql_type: SqlType,
    /// What goes into it.
    pub item: FileMetadata,
}

/// What is known of one file.
#[derive(Clone, Debug)]
pub(crate) struct FileFacts {
    pub(crate) file: StageFile,
    /// Only where it is asked for: it may take reading the file.
    pub(crate) content_key: Option<Arc<str>>,
    pub(crate) began: Timestamp,
}

impl FileFacts {
    /// The value for the records with these numbers.
    pub(crate) fn array(&self, item: FileMetadata, records: &Int64Array) -> ArrayRef {
        let rows = arrow::array::Array::len(records);
        let text = |text: Option<&str>| -> ArrayRef {
            Arc::new(StringViewArray::from_iter(std::iter::repeat_n(text, rows)))
        };
        let time = |time: Timestamp| TimestampMicrosecondArray::from(vec![time.as_micros(); rows]);
        match item {
            FileMetadata::Name => text(Some(&self.file.path)),
            FileMetadata::RowNumber => Arc::new(records.clone()),
            FileMetadata::ContentKey => text(self.content_key.as_deref()),
            FileMetadata::LastModified => Arc::new(time(self.file.last_modified)),
            FileMetadata::StartScanTime => Arc::new(time(self.began).with_timezone("UTC")),
        }
    }
}
