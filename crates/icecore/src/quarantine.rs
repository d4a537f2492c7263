//! The quarantine of a table as Rust handles it.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use icecore_snapshot::Commit;
use icecore_sql::{AlterTable, AlterTableAction, Parsed, QuarantineAction, Statement, ast};
use icecore_types::{Error, Result};

use crate::Table;
use crate::statement::{Request, run_request, unobserved};

/// The rows that a table's expectations kept out of it. `TABLE(QUARANTINE(..))`
/// shows them.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE sales (id INT, shop VARCHAR)").await?;
/// let sales = session.table("sales").await?;
/// sales.expect("known").accepted_values("shop", ["north"]).quarantine().await?;
/// session.execute("INSERT INTO sales SELECT * FROM VALUES (1, 'north'), (2, 'south')").await?;
/// // A shop was missing: what it sold comes into the table after all.
/// session.execute("ALTER TABLE sales DROP EXPECTATION known").await?;
/// sales.expect("known").accepted_values("shop", ["north", "south"]).quarantine().await?;
/// let replayed = sales.quarantine().replay().await?;
/// assert_eq!((replayed.rows(), replayed.rows_kept()), (1, 0));
/// assert_eq!(sales.quarantine().replay().await?.rows(), 0);
/// assert_eq!(sales.to_df().await?.count().await.unwrap(), 2);
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Quarantine {
    table: Table,
}

impl Quarantine {
    pub(crate) fn new(table: Table) -> Self {
        Self { table }
    }

    /// Judges its rows again, by the expectations of now: those that pass move
    /// into the table, each once.
    pub fn replay(&self) -> Replay {
        Replay { action: Action::new(&self.table, QuarantineAction::Replay) }
    }

    /// Forgets its rows.
    pub fn purge(&self) -> Purge {
        Purge { action: Action::new(&self.table, QuarantineAction::Purge) }
    }
}

/// A replay about to be made: of all rows, unless it says which.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE STAGE s; CREATE TABLE t (n INT)").await?;
/// let table = session.table("t").await?;
/// table.expect("positive").that("n > 0").quarantine().await?;
/// session.execute("COPY INTO @s/in/ FROM (SELECT * FROM VALUES (1), (-2), (-3))").await?;
/// session.copy_into("t").from("@s/in/").await?;
/// session.execute("ALTER TABLE t DROP EXPECTATION positive").await?;
/// let replayed = table.quarantine().replay().only("METADATA$ROW_NUMBER = 2").await?;
/// assert_eq!(replayed.rows(), 1);
/// assert!(replayed.commit().is_some());
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is replayed until it is awaited"]
pub struct Replay {
    action: Action,
}

impl Replay {
    /// Only rows for which a condition of SQL holds, over the columns that
    /// `TABLE(QUARANTINE(..))` has.
    pub fn only(mut self, condition: &str) -> Self {
        self.action.only(condition);
        self
    }

    async fn run(self) -> Result<Replayed> {
        let (counts, commit) = self.action.run().await?;
        let count = |at: usize| counts.get(at).copied().unwrap_or_default();
        Ok(Replayed { rows: count(0), rows_kept: count(1), commit })
    }
}

impl IntoFuture for Replay {
    type Output = Result<Replayed>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// What a replay did; [`Replay`] shows one.
#[derive(Clone, Copy, Debug)]
pub struct Replayed {
    rows: u64,
    rows_kept: u64,
    commit: Option<Commit>,
}

impl Replayed {
    /// Rows that passed, and are in the table now.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that did not, and stay.
    pub const fn rows_kept(&self) -> u64 {
        self.rows_kept
    }

    /// Its commit; none if nothing changed.
    pub const fn commit(&self) -> Option<Commit> {
        self.commit
    }
}

/// Rows of a quarantine about to be forgotten: all, unless it says which.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT)").await?;
/// let table = session.table("t").await?;
/// table.expect("positive").that("n > 0").quarantine().await?;
/// session.execute("INSERT INTO t SELECT * FROM VALUES (1), (-2), (-3)").await?;
/// assert_eq!(table.quarantine().purge().only("n = '-2'").await?, 1);
/// assert_eq!(table.quarantine().purge().await?, 1);
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is forgotten until it is awaited"]
pub struct Purge {
    action: Action,
}

impl Purge {
    /// Only rows for which a condition of SQL holds, over the columns that
    /// `TABLE(QUARANTINE(..))` has.
    pub fn only(mut self, condition: &str) -> Self {
        self.action.only(condition);
        self
    }

    async fn run(self) -> Result<u64> {
        let (counts, _) = self.action.run().await?;
        Ok(counts.first().copied().unwrap_or_default())
    }
}

impl IntoFuture for Purge {
    type Output = Result<u64>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// What is done with the rows of a quarantine.
#[derive(Debug)]
struct Action {
    table: Table,
    action: QuarantineAction,
    /// As it was written, and what it means.
    condition: Option<(String, Result<ast::Expr>)>,
}

impl Action {
    fn new(table: &Table, action: QuarantineAction) -> Self {
        Self { table: table.clone(), action, condition: None }
    }

    fn only(&mut self, condition: &str) {
        self.condition = Some((condition.to_owned(), icecore_sql::parse_expression(condition)));
    }

    /// The counts that the statement answers with.
    async fn run(self) -> Result<(Vec<u64>, Option<Commit>)> {
        self.table.is_now()?;
        let verb = match self.action {
            QuarantineAction::Replay => "REPLAY",
            QuarantineAction::Purge => "PURGE",
        };
        let mut text = format!("ALTER TABLE {} {verb} QUARANTINE", self.table.name());
        let predicate = match self.condition {
            Some((condition, parsed)) => {
                text += &format!(" WHERE {condition}");
                Some(Box::new(parsed?))
            }
            None => None,
        };
        let action = AlterTableAction::Quarantine { action: self.action, predicate };
        let alter = AlterTable { name: self.table.name().clone(), if_exists: false, action };
        let statement = Statement::AlterTable(Box::new(alter));
        let request = Request::Statement(Box::new(Parsed { text, statement }));
        let result = run_request(self.table.session(), request, &unobserved()).await?;
        let commit = result.commit();
        let mut counts = Vec::new();
        for batch in result.collect().await? {
            for column in batch.columns() {
                let numbers = column.as_primitive_opt::<Int64Type>();
                let count = numbers.and_then(|numbers| numbers.values().first());
                let count = count.and_then(|count| u64::try_from(*count).ok());
                counts.push(count.ok_or_else(|| Error::internal("a count is no number"))?);
            }
        }
        Ok((counts, commit))
    }
}
