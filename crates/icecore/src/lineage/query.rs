//! Lineage as Rust asks for it.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use icecore_types::{Code, Error, Name, QualifiedName, QueryId, Result};

use crate::{Session, TextRow};

/// A question where the values of an object come from and where they go:
/// see [`Session::lineage`].
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::Icecore;
/// let session = Icecore::open("memory://").await?.session().await?;
/// session.execute(
///     "CREATE TABLE orders (region VARCHAR, amount INT); \
///      CREATE VIEW totals AS SELECT region, SUM(amount) AS total FROM orders GROUP BY region",
/// ).await?;
/// let lineage = session.lineage("totals").column("total").await?;
/// let edge = &lineage.edges()[0];
/// assert_eq!(edge.source.to_string(), "ICECORE.PUBLIC.ORDERS.AMOUNT");
/// assert!(session.lineage("orders").await?.to_svg().contains("TOTALS"));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is asked before it is awaited"]
pub struct LineageQuery {
    session: Session,
    object: String,
    columns: Asked,
    distance: u32,
}

/// Of what the lineage is.
#[derive(Clone, Debug)]
enum Asked {
    Object,
    Column(String),
    AllColumns,
}

/// Where values come from and where they go, as edges between objects or
/// between columns.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::Icecore;
/// let session = Icecore::open("memory://").await?.session().await?;
/// session.execute("CREATE TABLE t (a INT); CREATE TABLE u AS SELECT a + 1 AS b FROM t").await?;
/// let lineage = session.lineage("t").columns().await?;
/// assert_eq!(lineage.edges().len(), 1);
/// assert_eq!(lineage.edges()[0].target.to_string(), "ICECORE.PUBLIC.U.B");
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    pub(super) edges: Vec<LineageEdge>,
}

/// One step that values took.
///
/// ```
/// use icecore::{LineageEdge, LineagePoint};
/// let edge = LineageEdge {
///     source: LineagePoint::default(),
///     target: LineagePoint::default(),
///     distance: -1,
///     process: None,
///     files: vec![],
/// };
/// assert!(edge.source.is_masked());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageEdge {
    /// Where they were.
    pub source: LineagePoint,
    /// Where they came to.
    pub target: LineagePoint,
    /// Steps from what was asked about, to the end that is further away: below
    /// zero of what it comes from, above zero of what comes from it.
    pub distance: i32,
    /// The last statement that moved them; nothing for a definition.
    pub process: Option<QueryId>,
    /// The files of a stage that they were in.
    pub files: Vec<String>,
}

/// An object or a column of one.
///
/// ```
/// use icecore::{LineagePoint, QualifiedName};
/// let point = LineagePoint {
///     object: Some(QualifiedName::parse("d.s.t")?),
///     kind: "TABLE".to_owned(),
///     column: Some("A".to_owned()),
/// };
/// assert_eq!(point.to_string(), "D.S.T.A");
/// # Ok::<(), icecore::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineagePoint {
    /// Its full name; nothing if the session may not see it.
    pub object: Option<QualifiedName>,
    /// What the object is: TABLE, VIEW, DYNAMIC TABLE, SEMANTIC VIEW, STAGE.
    pub kind: String,
    /// The column, if this is one.
    pub column: Option<String>,
}

impl LineagePoint {
    /// Whether the session may not see it.
    pub fn is_masked(&self) -> bool {
        self.object.is_none()
    }
}

impl std::fmt::Display for LineagePoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.object, &self.column) {
            (None, _) => f.write_str("masked"),
            (Some(object), None) => write!(f, "{object}"),
            (Some(object), Some(column)) => write!(f, "{object}.{}", Name::quoted(column)),
        }
    }
}

impl Lineage {
    /// The edges: first those that values come by, then those that they go by,
    /// each time the nearest first.
    pub fn edges(&self) -> &[LineageEdge] {
        &self.edges
    }
}

impl LineageQuery {
    pub(crate) fn new(session: Session, object: &str) -> Self {
        Self { session, object: object.to_owned(), columns: Asked::Object, distance: 5 }
    }

    /// Of this column, a SQL identifier, instead of the object.
    pub fn column(mut self, name: &str) -> Self {
        self.columns = Asked::Column(name.to_owned());
        self
    }

    /// Of each of its columns.
    pub fn columns(mut self) -> Self {
        self.columns = Asked::AllColumns;
        self
    }

    /// How many steps each way at most, 1 to 5; 5 unless it is said.
    pub fn distance(mut self, steps: u32) -> Self {
        self.distance = steps;
        self
    }

    async fn ask(self) -> Result<Lineage> {
        let points = match &self.columns {
            Asked::Object => vec![(self.object.clone(), self.domain().await?)],
            Asked::Column(column) => vec![(format!("{}.{column}", self.object), "COLUMN")],
            Asked::AllColumns => {
                let names = self.names().await?;
                names.iter().map(|name| (format!("{}.{name}", self.object), "COLUMN")).collect()
            }
        };
        let mut edges: Vec<LineageEdge> = Vec::new();
        for (direction, sign) in [("UPSTREAM", -1), ("DOWNSTREAM", 1)] {
            for (name, domain) in &points {
                for row in self.rows(name, domain, direction).await? {
                    let edge = edge(&row, sign)?;
                    let known = edges.iter_mut().find(|known| {
                        (&known.source, &known.target) == (&edge.source, &edge.target)
                    });
                    match known {
                        Some(known) if edge.distance.abs() < known.distance.abs() => {
                            known.distance = edge.distance;
                        }
                        Some(_) => {}
                        None => edges.push(edge),
                    }
                }
            }
        }
        Ok(Lineage { edges })
    }

    async fn domain(&self) -> Result<&'static str> {
        let mut failure = None;
        for domain in ["TABLE", "SEMANTIC_VIEW", "STAGE"] {
            match self.rows(&self.object, domain, "UPSTREAM").await {
                Ok(_) => return Ok(domain),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| Error::internal("no domain of lineage")))
    }

    /// The names of its columns, as SQL writes them.
    async fn names(&self) -> Result<Vec<Name>> {
        let object = QualifiedName::parse(&self.object)?;
        let describe = match self.domain().await? {
            "TABLE" => format!("DESCRIBE TABLE {object}"),
            "SEMANTIC_VIEW" => expressions_of(&object),
            _ => return Err(Error::unsupported("the columns of a stage").with_help("name one")),
        };
        let rows = self.session.execute(&describe).await?.texts().await?;
        let names = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
        Ok(names.map(|name| Name::quoted(&name)).collect())
    }

    async fn rows(&self, name: &str, domain: &str, direction: &str) -> Result<Vec<TextRow>> {
        let text = format!(
            "SELECT * FROM TABLE(SNOWFLAKE.CORE.GET_LINEAGE('{}', '{domain}', '{direction}', {}))",
            escaped(name),
            self.distance
        );
        self.session.execute(&text).await?.texts().await
    }
}

impl IntoFuture for LineageQuery {
    type Output = Result<Lineage>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

/// A query of the names of what a semantic view defines.
fn expressions_of(view: &QualifiedName) -> String {
    let mut condition = format!("semantic_view_name = '{}'", escaped(view.name.as_str()));
    if let Some(schema) = &view.schema {
        condition.push_str(&format!(" AND semantic_view_schema = '{}'", escaped(schema.as_str())));
    }
    let database = view.database.as_ref().map(|name| format!("{name}.")).unwrap_or_default();
    let of = ["METRICS", "DIMENSIONS", "FACTS"].map(|kind| {
        format!("SELECT name FROM {database}INFORMATION_SCHEMA.SEMANTIC_{kind} WHERE {condition}")
    });
    format!("{} ORDER BY 1", of.join(" UNION "))
}

/// A text inside of quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "''")
}

/// An edge from a row of GET_LINEAGE.
fn edge(row: &TextRow, sign: i32) -> Result<LineageEdge> {
    let cell = |at: usize| row.get(at).cloned().flatten();
    let distance = cell(14).and_then(|it| it.parse::<i32>().ok());
    let wrong = || Error::internal("a row of GET_LINEAGE");
    let source = details(cell(16))?;
    let target = details(cell(17))?;
    Ok(LineageEdge {
        source: point([cell(0), cell(1), cell(2), cell(5)], &source)?,
        target: point([cell(7), cell(8), cell(9), cell(12)], &target)?,
        distance: sign * distance.ok_or_else(wrong)?,
        process: cell(15).map(|id| id.parse()).transpose().map_err(|_| wrong())?,
        files: source.files,
    })
}

#[derive(Default, serde::Deserialize)]
struct Details {
    kind: String,
    #[serde(default)]
    files: Vec<String>,
}

fn details(cell: Option<String>) -> Result<Details> {
    let Some(text) = cell else { return Ok(Details::default()) };
    serde_json::from_str(&text)
        .map_err(|source| Error::internal("the details of a lineage").with_source(source))
}

fn point(
    [database, schema, name, column]: [Option<String>; 4],
    it: &Details,
) -> Result<LineagePoint> {
    let parts = [database, schema, name].into_iter().flatten();
    let parts: Vec<Name> = parts.map(|part| Name::quoted(&part)).collect();
    let object = match parts.is_empty() {
        true => None,
        false => Some(QualifiedName::from_parts(parts).map_err(|source| {
            Error::new(Code::INTERNAL, "a name of a lineage").with_source(source)
        })?),
    };
    Ok(LineagePoint { object, kind: it.kind.clone(), column })
}
