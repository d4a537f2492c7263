//! Tables as Rust handles them.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::dataframe::DataFrame;
use icecore_snapshot::Commit;
use icecore_sql::{AlterTable, AlterTableAction, Parsed, Statement};
use icecore_types::{Code, Error, ObjectKind, QualifiedName, Result};

use crate::statement::{
    AppendRows, CloneTable, Planning, Request, run_request, table_frame, unobserved,
};
use crate::{At, Expect, OpenChannel, Quarantine, Session};

/// A table by its name, or the table as it was: reading a version never
/// changes a handle.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::{At, Icecore};
/// let lake = Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)").await?;
/// let table = session.table("t").await?;
/// let before = lake.version();
/// session.execute("INSERT INTO t VALUES (2)").await?;
/// assert_eq!(table.at(At::Version(before)).to_df().await?.count().await.unwrap(), 1);
/// assert_eq!(table.to_df().await?.count().await.unwrap(), 2);
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    session: Session,
    name: QualifiedName,
    at: At,
}

impl Table {
    pub(crate) async fn find(session: Session, name: QualifiedName) -> Result<Self> {
        let planning = Planning::begin(&session).await?;
        let found = planning.resolver.object(ObjectKind::Table, &name)?;
        let name = QualifiedName::from_parts(planning.resolver.path(found.id()))?;
        Ok(Self { session, name, at: At::Latest })
    }

    /// Its full name.
    pub fn name(&self) -> &QualifiedName {
        &self.name
    }

    /// The table as it was at another moment.
    #[must_use]
    pub fn at(&self, at: At) -> Self {
        Self { at, ..self.clone() }
    }

    /// Its rows, as a lazy query that keeps the version it is bound to now.
    ///
    /// # Errors
    /// `NotFound` if the table is gone, `SnapshotExpired` if that version is no
    /// longer kept.
    pub async fn to_df(&self) -> Result<DataFrame> {
        let planning = Planning::begin(&self.session).await?;
        table_frame(planning, &self.name, self.at)
    }

    /// Adds rows, in one transaction. Columns are matched by name, cast as
    /// INSERT casts them, and filled with their defaults where a batch lacks
    /// them.
    pub fn append(&self, batches: impl IntoIterator<Item = RecordBatch>) -> Append {
        Append { table: self.clone(), batches: batches.into_iter().collect() }
    }

    /// Opens a channel into it, and takes it from whoever had it open: rows in
    /// their order, with an offset token that is committed with them.
    pub fn channel(&self, name: &str) -> OpenChannel {
        OpenChannel::new(self.clone(), name)
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Declares what is expected of rows that arrive from now on: a name, then
    /// a check, then what becomes of rows that do not pass it.
    pub fn expect(&self, name: &str) -> Expect {
        Expect::new(self.clone(), name)
    }

    /// The rows that its expectations kept out of it.
    pub fn quarantine(&self) -> Quarantine {
        Quarantine::new(self.clone())
    }

    /// Changes the table itself.
    pub(crate) async fn alter(&self, text: String, action: AlterTableAction) -> Result<Commit> {
        self.is_now()?;
        let alter = AlterTable { name: self.name.clone(), if_exists: false, action };
        let statement = Statement::AlterTable(Box::new(alter));
        run(&self.session, Request::Statement(Box::new(Parsed { text, statement }))).await
    }

    /// Makes another table of the same rows, without copying them.
    pub fn clone_as(&self, name: &str) -> CloneAs {
        CloneAs { table: self.clone(), name: name.to_owned(), at: self.at }
    }

    /// Fails for a handle of the past: it cannot be changed.
    pub(crate) fn is_now(&self) -> Result<()> {
        match self.at {
            At::Latest => Ok(()),
            at => Err(Error::new(
                Code::INVALID_STATEMENT,
                format!("a table of the past cannot be changed at={at:?}"),
            )
            .with_help("append to the table itself, or to a clone")),
        }
    }
}

/// Rows on their way into a table.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::arrow::array::{Int64Array, RecordBatch};
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT)").await?;
/// let column = std::sync::Arc::new(Int64Array::from(vec![1, 2, 3])) as _;
/// let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
/// let commit = session.table("t").await?.append([batch]).await?;
/// assert_eq!(commit.version(), lake.version());
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is appended until it is awaited"]
pub struct Append {
    table: Table,
    batches: Vec<RecordBatch>,
}

impl Append {
    async fn run(self) -> Result<Commit> {
        self.table.is_now()?;
        let schema = common_schema(&self.batches)?;
        let text = format!("-- append to {}", self.table.name);
        let append =
            AppendRows { table: self.table.name.clone(), schema, batches: self.batches, text };
        run(&self.table.session, Request::Append(append)).await
    }
}

pub(crate) fn common_schema(batches: &[RecordBatch]) -> Result<SchemaRef> {
    let Some(first) = batches.first() else {
        return Err(Error::new(Code::INVALID_VALUE, "append without a batch")
            .with_help("an empty batch says at least which columns it has"));
    };
    let schema = first.schema();
    if batches.iter().any(|batch| batch.schema() != schema) {
        return Err(Error::new(
            Code::TYPE_MISMATCH,
            "batches of one append have different schemas",
        ));
    }
    Ok(Arc::clone(&schema))
}

pub(crate) async fn run(session: &Session, request: Request) -> Result<Commit> {
    let result = run_request(session, request, &unobserved()).await?;
    result.commit().ok_or_else(|| Error::internal("a change without a commit"))
}

impl IntoFuture for Append {
    type Output = Result<Commit>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// A clone about to be made.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::At;
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)").await?;
/// let before = lake.version();
/// session.execute("DELETE FROM t").await?;
/// session.table("t").await?.clone_as("rescued").at(At::Version(before)).await?;
/// let rows = session.execute("SELECT COUNT(*) FROM rescued").await?.texts().await?;
/// assert_eq!(rows[0][0].as_deref(), Some("1"));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is cloned until it is awaited"]
pub struct CloneAs {
    table: Table,
    name: String,
    at: At,
}

impl CloneAs {
    /// The moment whose rows the clone has; now by default.
    pub fn at(mut self, at: At) -> Self {
        self.at = at;
        self
    }

    async fn run(self) -> Result<Commit> {
        let name = QualifiedName::parse(&self.name)?;
        let text = format!("CREATE TABLE {name} CLONE {} -- {:?}", self.table.name, self.at);
        let clone = CloneTable { source: self.table.name.clone(), at: self.at, name, text };
        run(&self.table.session, Request::Clone(clone)).await
    }
}

impl IntoFuture for CloneAs {
    type Output = Result<Commit>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
