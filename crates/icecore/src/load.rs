//! Loading files from Rust.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use icecore_snapshot::Commit;
use icecore_sql::{CopyInto, FormatSpec, OnError, Parsed, Statement};
use icecore_types::{Error, QualifiedName, QueryId, Result};

use crate::progress::Observer;
use crate::statement::{Request, run_request, unobserved};
use crate::{Progress, Session};

impl Session {
    /// Loads files of a stage into a table: COPY INTO, through the same gates.
    /// The name is a SQL identifier.
    pub fn copy_into(&self, table: &str) -> LoadFiles {
        LoadFiles {
            session: self.clone(),
            table: table.to_owned(),
            from: String::new(),
            observer: unobserved(),
            change: Vec::new(),
        }
    }
}

/// What an option does to the statement.
type Change = Box<dyn FnOnce(&mut CopyInto) -> Result<()> + Send>;

/// Files about to be loaded.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::OnError;
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE STAGE s; CREATE TABLE t (n INT)").await?;
/// session.execute("COPY INTO @s/in/ FROM (SELECT * FROM VALUES ('1'), ('x'))").await?;
/// let report = session
///     .copy_into("t")
///     .from("@s/in/")
///     .on_error(OnError::Continue)
///     .pattern(".*csv.*")
///     .await?;
/// assert_eq!((report.files().len(), report.rows_loaded(), report.errors()), (1, 1, 1));
/// assert!(report.commit().is_some());
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "nothing is loaded until it is awaited"]
pub struct LoadFiles {
    session: Session,
    table: String,
    from: String,
    observer: Observer,
    change: Vec<Change>,
}

impl LoadFiles {
    /// Where the files are: `@stage/path`.
    pub fn from(mut self, stage: &str) -> Self {
        stage.clone_into(&mut self.from);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut CopyInto) -> Result<()> + Send + 'static) -> Self {
        self.change.push(Box::new(change));
        self
    }

    /// The columns that the fields go to; all by default.
    pub fn columns<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.with(move |copy| {
            copy.columns =
                names.iter().map(|name| icecore_types::Name::parse(name)).collect::<Result<_>>()?;
            Ok(())
        })
    }

    /// Only these files, of 1 to 1,000 names below the path; one that is not
    /// there fails the load.
    pub fn files<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.with(move |copy| {
            copy.files = Some(names);
            Ok(())
        })
    }

    /// Only files whose whole path matches this regular expression.
    pub fn pattern(self, pattern: &str) -> Self {
        let pattern = pattern.to_owned();
        self.with(move |copy| {
            copy.pattern = Some(pattern);
            Ok(())
        })
    }

    /// A named file format instead of the stage's.
    pub fn file_format(self, name: &str) -> Self {
        let name = name.to_owned();
        self.with(move |copy| {
            copy.file_format = Some(FormatSpec::Named(QualifiedName::parse(&name)?));
            Ok(())
        })
    }

    /// What becomes of a file with bad records; by default the load fails.
    pub fn on_error(self, on_error: OnError) -> Self {
        self.with(move |copy| {
            copy.on_error = on_error;
            Ok(())
        })
    }

    /// Loads files that are loaded already, too.
    pub fn force(self) -> Self {
        self.with(|copy| {
            copy.force = true;
            Ok(())
        })
    }

    /// Removes files that were loaded.
    pub fn purge(self) -> Self {
        self.with(|copy| {
            copy.purge = true;
            Ok(())
        })
    }

    /// Calls `tell` now and then while files are loaded.
    pub fn on_progress(mut self, tell: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.observer = Observer(Arc::new(tell));
        self
    }

    async fn run(self) -> Result<LoadReport> {
        let table = QualifiedName::parse(&self.table)?;
        let stage = format!("'{}'", self.from.replace('\\', r"\\").replace('\'', r"\'"));
        let text = format!("COPY INTO {table} FROM {stage}");
        let mut parsed = icecore_sql::parse(&text, &icecore_sql::Limits::default())?;
        let Some(Parsed { statement: Statement::CopyInto(mut copy), .. }) = parsed.pop() else {
            return Err(Error::internal("a load is read as something else"));
        };
        for change in self.change {
            change(&mut copy)?;
        }
        let parsed = Parsed { text, statement: Statement::CopyInto(copy) };
        let request = Request::Statement(Box::new(parsed));
        let result = run_request(&self.session, request, &self.observer).await?;
        let (query_id, commit) = (result.query_id(), result.commit());
        let mut files = Vec::new();
        for batch in result.collect().await? {
            files.extend(loaded_files(&batch)?);
        }
        Ok(LoadReport { query_id, commit, files })
    }
}

impl IntoFuture for LoadFiles {
    type Output = Result<LoadReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// What a load did; its text is a table of the files. [`LoadFiles`] shows one.
#[derive(Clone, Debug)]
pub struct LoadReport {
    query_id: QueryId,
    commit: Option<Commit>,
    files: Vec<LoadedFile>,
}

/// What became of one file, as COPY INTO returns it.
///
/// ```
/// let file = icecore::LoadedFile::default();
/// assert_eq!((file.rows_loaded, file.first_error), (0, None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedFile {
    /// Stage and path.
    pub file: String,
    /// `LOADED`, `PARTIALLY_LOADED` or `LOAD_FAILED`.
    pub status: String,
    /// Records that it holds.
    pub rows_parsed: u64,
    /// Records that were loaded.
    pub rows_loaded: u64,
    /// Bad records.
    pub errors_seen: u64,
    /// The first reason.
    pub first_error: Option<String>,
    /// Its line, from 1.
    pub first_error_line: Option<u64>,
}

impl LoadReport {
    /// The statement, for VALIDATE.
    pub fn query_id(&self) -> QueryId {
        self.query_id
    }

    /// What was committed; none if nothing was loaded.
    pub fn commit(&self) -> Option<Commit> {
        self.commit
    }

    /// The files that were looked at; none of those that were loaded before.
    pub fn files(&self) -> &[LoadedFile] {
        &self.files
    }

    /// Records that were loaded, of all files.
    pub fn rows_loaded(&self) -> u64 {
        self.files.iter().map(|file| file.rows_loaded).sum()
    }

    /// Bad records, of all files.
    pub fn errors(&self) -> u64 {
        self.files.iter().map(|file| file.errors_seen).sum()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            write!(
                f,
                "{}: {}, {} of {} rows",
                file.file, file.status, file.rows_loaded, file.rows_parsed
            )?;
            match (&file.first_error, file.first_error_line) {
                (Some(error), Some(line)) => writeln!(f, ", line {line}: {error}")?,
                (Some(error), None) => writeln!(f, ": {error}")?,
                (None, _) => writeln!(f)?,
            }
        }
        let (files, rows, errors) = (self.files.len(), self.rows_loaded(), self.errors());
        write!(f, "{files} files, {rows} rows loaded, {errors} errors")
    }
}

/// The files that a result of COPY INTO lists; none if it is a sentence.
fn loaded_files(batch: &RecordBatch) -> Result<Vec<LoadedFile>> {
    if batch.column_by_name("file").is_none() {
        return Ok(Vec::new());
    }
    let missing = |name: &str| Error::internal(format_args!("a load's result lacks {name}"));
    let text = |name: &str, row: usize| -> Result<Option<String>> {
        let column = batch.column_by_name(name).and_then(|column| column.as_string_view_opt());
        let column = column.ok_or_else(|| missing(name))?;
        Ok(column.is_valid(row).then(|| column.value(row).to_owned()))
    };
    let number = |name: &str, row: usize| -> Result<Option<u64>> {
        let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
        let column = column.ok_or_else(|| missing(name))?;
        Ok(column.is_valid(row).then(|| column.value(row).unsigned_abs()))
    };
    let file = |row| {
        Ok(LoadedFile {
            file: text("file", row)?.unwrap_or_default(),
            status: text("status", row)?.unwrap_or_default(),
            rows_parsed: number("rows_parsed", row)?.unwrap_or_default(),
            rows_loaded: number("rows_loaded", row)?.unwrap_or_default(),
            errors_seen: number("errors_seen", row)?.unwrap_or_default(),
            first_error: text("first_error", row)?,
            first_error_line: number("first_error_line", row)?,
        })
    };
    (0..batch.num_rows()).map(file).collect()
}
