//! Metrics as Rust asks for them.

use std::fmt::Write;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use datafusion::dataframe::DataFrame;
use icecore_sql::{SemanticKind, SemanticQuery};
use icecore_types::{Code, Error, QualifiedName, Result};

use crate::{Session, statement};

/// A query of a semantic view about to be made: what `SEMANTIC_VIEW(..)` says
/// in SQL. Columns come in the order of the calls.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE orders (region VARCHAR, amount INT)").await?;
/// session.execute("INSERT INTO orders VALUES ('EU', 10), ('EU', 30), ('US', 5)").await?;
/// session
///     .execute(
///         "CREATE SEMANTIC VIEW sales TABLES (orders) DIMENSIONS (orders.region AS region) \
///          METRICS (orders.total AS SUM(amount))",
///     )
///     .await?;
/// let totals = session
///     .semantic_view("sales")
///     .dimensions(["region"])
///     .metrics(["total", "total / 2 AS half"])
///     .filter("region = 'EU'")
///     .await?;
/// assert_eq!(totals.count().await.unwrap(), 1);
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is planned until it is awaited"]
pub struct MetricQuery {
    session: Session,
    view: String,
    clauses: Vec<(SemanticKind, Vec<String>)>,
    filter: Option<String>,
}

impl MetricQuery {
    pub(crate) fn new(session: Session, view: &str) -> Self {
        Self { session, view: view.to_owned(), clauses: Vec::new(), filter: None }
    }

    /// Metrics, or expressions over them: `total`, `orders.total AS t`,
    /// `orders.*`.
    pub fn metrics<S: Into<String>>(self, metrics: impl IntoIterator<Item = S>) -> Self {
        self.and(SemanticKind::Metrics, metrics)
    }

    /// What the metrics are grouped by.
    pub fn dimensions<S: Into<String>>(self, dimensions: impl IntoIterator<Item = S>) -> Self {
        self.and(SemanticKind::Dimensions, dimensions)
    }

    /// Values of rows; not together with metrics.
    pub fn facts<S: Into<String>>(self, facts: impl IntoIterator<Item = S>) -> Self {
        self.and(SemanticKind::Facts, facts)
    }

    /// A condition over dimensions and facts, applied before anything is
    /// aggregated.
    pub fn filter(mut self, condition: &str) -> Self {
        self.filter = Some(condition.to_owned());
        self
    }

    fn and<S: Into<String>>(
        mut self,
        kind: SemanticKind,
        items: impl IntoIterator<Item = S>,
    ) -> Self {
        let items = items.into_iter().map(Into::into);
        match self.clauses.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, known)) => known.extend(items),
            None => self.clauses.push((kind, items.collect())),
        }
        self
    }

    /// The same in SQL.
    fn relation(&self) -> Result<String> {
        let mut text = format!("SEMANTIC_VIEW({}", QualifiedName::parse(&self.view)?);
        for (kind, items) in &self.clauses {
            // A line of its own for each, so that a comment ends with it.
            let _ = write!(text, "\n{} {}", kind.sql(), items.join("\n, "));
        }
        if let Some(filter) = &self.filter {
            let _ = write!(text, "\nWHERE ({filter}\n)");
        }
        text.push_str("\n)");
        let read = SemanticQuery::parse(&text)?;
        let counts = read.clauses.iter().map(|clause| (clause.kind, clause.items.len()));
        if counts.ne(self.clauses.iter().map(|(kind, items)| (*kind, items.len())))
            || read.filter.is_some() != self.filter.is_some()
        {
            return Err(Error::new(
                Code::INVALID_STATEMENT,
                "an item of a metric query is not one expression",
            ));
        }
        Ok(text)
    }

    async fn plan(self) -> Result<DataFrame> {
        let query = format!("SELECT * FROM {}", self.relation()?);
        statement::plan_query(&self.session, &query).await
    }
}

impl IntoFuture for MetricQuery {
    type Output = Result<DataFrame>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.plan())
    }
}
