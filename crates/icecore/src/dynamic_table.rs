//! Dynamic tables as Rust handles them.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use icecore_governance::Verb;
use icecore_types::{Code, Error, ObjectKind, QualifiedName, RefreshMode, Result, TargetLag};

use crate::Session;
use crate::pipe::quoted;
use crate::statement::Planning;

/// A dynamic table by its name. Its rows are read as those of any table.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)").await?;
/// let sums = session.create_dynamic_table("sums", "SELECT SUM(n) AS s FROM t").await?;
/// session.execute("INSERT INTO t VALUES (2)").await?;
/// sums.suspend().await?;
/// sums.resume().await?;
/// sums.refresh().await?;
/// let rows = session.execute("SELECT s FROM sums").await?.texts().await?;
/// assert_eq!(rows[0][0].as_deref(), Some("3"));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct DynamicTable {
    session: Session,
    name: QualifiedName,
}

impl DynamicTable {
    async fn find(session: Session, name: QualifiedName) -> Result<Self> {
        let planning = Planning::begin(&session).await?;
        let object = planning.resolver.object(ObjectKind::DynamicTable, &name)?;
        planning.resolver.act(Verb::Describe, object);
        let name = QualifiedName::from_parts(planning.resolver.path(object.id()))?;
        planning.authorize()?;
        Ok(Self { session, name })
    }

    /// Its full name.
    pub fn name(&self) -> &QualifiedName {
        &self.name
    }

    /// Refreshes it now, and what it is made of first.
    ///
    /// # Errors
    /// `NotFound` if it is gone; what its query fails with.
    pub async fn refresh(&self) -> Result<()> {
        self.alter("REFRESH").await
    }

    /// The schedule leaves it alone, and what is made of it.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub async fn suspend(&self) -> Result<()> {
        self.alter("SUSPEND").await
    }

    /// Ends that.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub async fn resume(&self) -> Result<()> {
        self.alter("RESUME").await
    }

    async fn alter(&self, what: &str) -> Result<()> {
        let sql = format!("ALTER DYNAMIC TABLE {} {what}", self.name);
        self.session.execute(&sql).await.map(drop)
    }
}

impl Session {
    /// A dynamic table by its name, which is a SQL identifier.
    ///
    /// # Errors
    /// `NotFound` if there is no such dynamic table.
    pub async fn dynamic_table(&self, name: &str) -> Result<DynamicTable> {
        DynamicTable::find(self.clone(), QualifiedName::parse(name)?).await
    }

    /// Makes a dynamic table of a query.
    pub fn create_dynamic_table(&self, name: &str, query: &str) -> CreateDynamicTable {
        CreateDynamicTable::new(self, name, Source::Query(query.to_owned()))
    }

    /// Makes a dynamic table that keeps metrics of a semantic view, by their
    /// names, by some of its dimensions.
    pub fn create_roll_up<S: Into<String>, D: Into<String>>(
        &self,
        name: &str,
        view: &str,
        metrics: impl IntoIterator<Item = S>,
        dimensions: impl IntoIterator<Item = D>,
    ) -> CreateDynamicTable {
        let source = Source::RollUp {
            view: view.to_owned(),
            metrics: metrics.into_iter().map(Into::into).collect(),
            dimensions: dimensions.into_iter().map(Into::into).collect(),
        };
        CreateDynamicTable::new(self, name, source)
    }
}

/// What a dynamic table is made of.
#[derive(Clone, Debug)]
enum Source {
    Query(String),
    RollUp { view: String, metrics: Vec<String>, dimensions: Vec<String> },
}

/// How old its rows may be.
#[derive(Clone, Copy, Debug)]
enum Schedule {
    Within(Duration),
    Downstream,
    Disabled,
}

/// A dynamic table about to be made: what `CREATE DYNAMIC TABLE` says in SQL.
/// Unless it is told otherwise it is refreshed for what is made of it
/// (DOWNSTREAM), as can be done best (AUTO), and has its first rows when it is
/// made (ON_CREATE).
///
/// ```
/// use std::time::Duration;
/// use icecore::RefreshMode;
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE orders (region VARCHAR, amount INT)").await?;
/// session
///     .create_dynamic_table("large", "SELECT region, amount FROM orders WHERE amount > 9")
///     .target_lag(Duration::from_secs(600))
///     .refresh_mode(RefreshMode::Incremental)
///     .initialize_on_schedule()
///     .comment("it's kept")
///     .await?;
/// session
///     .execute(
///         "CREATE SEMANTIC VIEW sales TABLES (orders) DIMENSIONS (orders.region AS region) \
///          METRICS (orders.total AS SUM(amount))",
///     )
///     .await?;
/// let kept = session.create_roll_up("by_region", "sales", ["total"], ["region"]).await?;
/// assert_eq!(kept.name().to_string(), "ICECORE.PUBLIC.BY_REGION");
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "no dynamic table is made until it is awaited"]
pub struct CreateDynamicTable {
    session: Session,
    name: String,
    source: Source,
    schedule: Schedule,
    replace: bool,
    options: Vec<String>,
}

impl CreateDynamicTable {
    fn new(session: &Session, name: &str, source: Source) -> Self {
        Self {
            session: session.clone(),
            name: name.to_owned(),
            source,
            schedule: Schedule::Downstream,
            replace: false,
            options: Vec::new(),
        }
    }

    /// Its rows are at most so old, in whole seconds and at least a minute: a
    /// shorter lag refreshes more often.
    pub fn target_lag(mut self, lag: Duration) -> Self {
        self.schedule = Schedule::Within(lag);
        self
    }

    /// It is refreshed when what is made of it is.
    pub fn downstream(mut self) -> Self {
        self.schedule = Schedule::Downstream;
        self
    }

    /// It is refreshed only by hand.
    pub fn unscheduled(mut self) -> Self {
        self.schedule = Schedule::Disabled;
        self
    }

    /// It is refreshed so, and not made if it cannot be.
    pub fn refresh_mode(mut self, mode: RefreshMode) -> Self {
        self.options.push(format!("REFRESH_MODE = {}", mode.sql()));
        self
    }

    /// It has no rows until its first scheduled refresh.
    pub fn initialize_on_schedule(mut self) -> Self {
        self.options.push("INITIALIZE = ON_SCHEDULE".to_owned());
        self
    }

    /// What its owner says of it.
    pub fn comment(mut self, comment: &str) -> Self {
        self.options.push(format!("COMMENT = {}", quoted(comment)));
        self
    }

    /// Drops the one of this name first, in the same transaction.
    pub fn or_replace(mut self) -> Self {
        self.replace = true;
        self
    }

    async fn run(self) -> Result<DynamicTable> {
        let name = QualifiedName::parse(&self.name)?;
        let sql = format!(
            "CREATE {}DYNAMIC TABLE {name} {} WAREHOUSE = {} {} {}",
            if self.replace { "OR REPLACE " } else { "" },
            self.schedule.sql()?,
            self.session.shared().warehouse,
            self.options.join(" "),
            self.source.sql()?
        );
        self.session.execute(&sql).await?;
        DynamicTable::find(self.session, name).await
    }
}

impl Schedule {
    fn sql(self) -> Result<String> {
        match self {
            Self::Downstream => Ok("TARGET_LAG = DOWNSTREAM".to_owned()),
            Self::Disabled => Ok("SCHEDULER = DISABLE".to_owned()),
            Self::Within(lag) if lag.subsec_nanos() != 0 => Err(Error::new(
                Code::INVALID_OPTION,
                format!("a target lag is of whole seconds lag={lag:?}"),
            )),
            Self::Within(lag) => {
                Ok(format!("TARGET_LAG = '{}'", TargetLag::Within { seconds: lag.as_secs() }))
            }
        }
    }
}

impl Source {
    /// As SQL spells it: one query, or names alone.
    fn sql(&self) -> Result<String> {
        match self {
            Self::Query(query) => {
                icecore_sql::parse_query(query)?;
                Ok(format!("AS {query}"))
            }
            Self::RollUp { view, metrics, dimensions } => {
                let view = QualifiedName::parse(view)?;
                let mut text = format!("ROLLUP OF SEMANTIC VIEW {view}");
                for (word, names) in [("METRICS", metrics), ("DIMENSIONS", dimensions)] {
                    if !names.is_empty() {
                        let names = names.iter().map(|name| QualifiedName::parse(name));
                        let names: Vec<String> =
                            names.map(|name| Ok(name?.to_string())).collect::<Result<_>>()?;
                        text.push_str(&format!(" {word} {}", names.join(", ")));
                    }
                }
                Ok(text)
            }
        }
    }
}

impl IntoFuture for CreateDynamicTable {
    type Output = Result<DynamicTable>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
