//! COPY INTO a table, and COPY INTO a location.

use icecore_types::{Name, QualifiedName};
use sqlparser::ast::{Expr, Query};

use super::{FormatSpec, StageRef};

/// What COPY INTO does about a record that cannot be loaded.
///
/// ```
/// use icecore_sql::OnError;
/// assert_eq!(OnError::default(), OnError::AbortStatement);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum OnError {
    /// Load nothing and fail.
    #[default]
    AbortStatement,
    /// Leave the record out.
    Continue,
    /// Leave its file out.
    SkipFile,
    /// Leave its file out if this many records or more are bad; at least 1.
    SkipFileCount(u64),
    /// Leave its file out if more than this percentage of its records is bad;
    /// 0 to 100.
    SkipFilePercent(u8),
}

/// MATCH_BY_COLUMN_NAME.
///
/// ```
/// use icecore_sql::{Limits, MatchByName, Statement, parse};
/// let text = "COPY INTO t FROM @s MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CopyInto(copy) = &parsed[0].statement else { panic!() };
/// assert_eq!(copy.matching, MatchByName::CaseInsensitive);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchByName {
    /// Fields go to columns in order.
    #[default]
    None,
    /// A field goes to the column of exactly its name.
    CaseSensitive,
    /// A field goes to the column of its name, upper or lower case.
    CaseInsensitive,
}

/// What is known of a record besides its fields.
///
/// ```
/// use icecore_sql::MetadataItem;
/// let item = MetadataItem::from_name("METADATA$FILENAME").unwrap();
/// assert_eq!((item, item.name()), (MetadataItem::FileName, "METADATA$FILENAME"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataItem {
    /// The file's path in its stage, text.
    FileName,
    /// Which record of the file, from 1.
    FileRowNumber,
    /// The file's checksum, text.
    FileContentKey,
    /// When the file was written, TIMESTAMP_NTZ.
    FileLastModified,
    /// When it was begun to be read, TIMESTAMP_LTZ.
    StartScanTime,
}

impl MetadataItem {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::FileName,
        Self::FileRowNumber,
        Self::FileContentKey,
        Self::FileLastModified,
        Self::StartScanTime,
    ];

    /// As queries write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FileName => "METADATA$FILENAME",
            Self::FileRowNumber => "METADATA$FILE_ROW_NUMBER",
            Self::FileContentKey => "METADATA$FILE_CONTENT_KEY",
            Self::FileLastModified => "METADATA$FILE_LAST_MODIFIED",
            Self::StartScanTime => "METADATA$START_SCAN_TIME",
        }
    }

    /// The one that is written so, in upper case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|item| item.name() == name)
    }
}

/// One entry of INCLUDE_METADATA.
///
/// ```
/// use icecore_sql::{Limits, MetadataItem, Statement, parse};
/// let text = "COPY INTO t FROM @s MATCH_BY_COLUMN_NAME = CASE_SENSITIVE \
///             INCLUDE_METADATA = (source = METADATA$FILENAME)";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CopyInto(copy) = &parsed[0].statement else { panic!() };
/// assert_eq!(copy.include_metadata[0].item, MetadataItem::FileName);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataColumn {
    /// The column of the table.
    pub column: Name,
    /// What goes into it.
    pub item: MetadataItem,
}

/// VALIDATION_MODE of COPY INTO a table: nothing is loaded.
///
/// ```
/// use icecore_sql::{Limits, Statement, Validation, parse};
/// let text = "COPY INTO t FROM @s VALIDATION_MODE = RETURN_5_ROWS";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CopyInto(copy) = &parsed[0].statement else { panic!() };
/// assert_eq!(copy.validation, Some(Validation::Rows(5)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// The first rows, or the first error.
    Rows(u64),
    /// The errors of all files.
    Errors,
    /// And of files that were loaded in part before.
    AllErrors,
}

/// The query of COPY INTO a table: scalar expressions over the fields of a
/// file's records, which are the columns `"$1"`, `"$2"` and so on, and
/// `METADATA$` columns.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "COPY INTO t FROM (SELECT x.$2, upper(x.$1) FROM @s/2013 x)";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CopyInto(copy) = &parsed[0].statement else { panic!() };
/// let transform = copy.transform.as_ref().unwrap();
/// assert_eq!(transform.columns[1].to_string(), "UPPER(\"$1\")");
/// assert_eq!(transform.fields, 2);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CopyTransform {
    /// The values, in the order of the columns that they go to.
    pub columns: Vec<Expr>,
    /// The highest number of a field that they use, at most 10,000; 0 if they
    /// use none.
    pub fields: usize,
}

/// COPY INTO a table.
///
/// ```
/// use icecore_sql::{Limits, OnError, Statement, parse};
/// let text = "COPY INTO t (a, b) FROM @s/2013 FILES = ('a.csv.gz') ON_ERROR = CONTINUE";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CopyInto(copy) = &parsed[0].statement else { panic!() };
/// assert_eq!(copy.on_error, OnError::Continue);
/// assert_eq!(copy.files.as_deref(), Some(["a.csv.gz".to_owned()].as_slice()));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CopyInto {
    /// The table.
    pub table: QualifiedName,
    /// The columns that the fields go to, with distinct names; empty means all.
    pub columns: Vec<Name>,
    /// Where the files are.
    pub from: StageRef,
    /// What is made of their records, if they are not taken as they are.
    pub transform: Option<CopyTransform>,
    /// FILES: 1 to 1,000 names below `from`.
    pub files: Option<Vec<String>>,
    /// PATTERN: a regular expression over names.
    pub pattern: Option<String>,
    /// FILE_FORMAT, instead of the stage's.
    pub file_format: Option<FormatSpec>,
    /// ON_ERROR.
    pub on_error: OnError,
    /// SIZE_LIMIT in bytes: no further file is begun once so many are loaded.
    pub size_limit_bytes: Option<u64>,
    /// PURGE: remove files that were loaded.
    pub purge: bool,
    /// FORCE: load files that are loaded already.
    pub force: bool,
    /// RETURN_FAILED_ONLY: show only files with errors.
    pub return_failed_only: bool,
    /// MATCH_BY_COLUMN_NAME; never with `transform`.
    pub matching: MatchByName,
    /// INCLUDE_METADATA, with distinct columns; only with `matching`.
    pub include_metadata: Vec<MetadataColumn>,
    /// TRUNCATECOLUMNS = TRUE, which is ENFORCE_LENGTH = FALSE: cut texts to
    /// the length of their columns.
    pub truncate_columns: bool,
    /// LOAD_UNCERTAIN_FILES: load files of which it is no longer known whether
    /// they were loaded.
    pub load_uncertain_files: bool,
    /// VALIDATION_MODE; never with `transform` or `matching`.
    pub validation: Option<Validation>,
}

/// COPY INTO a location.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "COPY INTO @s/out_ FROM (SELECT a FROM t) PARTITION BY (a) MAX_FILE_SIZE = 1000";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::Unload(unload) = &parsed[0].statement else { panic!() };
/// assert_eq!((unload.to.path.as_str(), unload.max_file_bytes), ("out_", 1000));
/// assert!(unload.partition_by.is_some() && !unload.single);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Unload {
    /// The stage, and what the files' names begin with.
    pub to: StageRef,
    /// What is written: for a table all its columns.
    pub query: Box<Query>,
    /// PARTITION BY, an expression over the query's columns.
    pub partition_by: Option<Expr>,
    /// FILE_FORMAT, instead of the stage's.
    pub file_format: Option<FormatSpec>,
    /// OVERWRITE: replace files of the same names.
    pub overwrite: bool,
    /// SINGLE: one file; never with `partition_by`.
    pub single: bool,
    /// MAX_FILE_SIZE: about how large a file gets, 1 to 5 GiB.
    pub max_file_bytes: u64,
    /// INCLUDE_QUERY_ID: the statement's id is in each name; always with
    /// `partition_by`, never with `single` or `overwrite`.
    pub include_query_id: bool,
    /// DETAILED_OUTPUT: a row of the result for each file.
    pub detailed_output: bool,
    /// HEADER: the first line of a CSV file names the columns, and a Parquet
    /// file's columns have their names.
    pub header: bool,
    /// VALIDATION_MODE = RETURN_ROWS: write nothing, return the rows.
    pub return_rows: bool,
}
