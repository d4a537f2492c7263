//! Data metric functions, and the tables that they measure.

use serde::{Deserialize, Serialize};

use crate::{
    Body, ColumnId, Name, ObjectId, PolicyArgument, SqlType, TableDefinition, Timestamp, Version,
};

/// A data metric function: a query over the rows of one argument, which gives
/// one number.
///
/// ```
/// use icecore_types::{DataMetricFunction, Name, PolicyArgument, SqlType};
/// let function = DataMetricFunction {
///     argument: Name::unquoted("r"),
///     columns: vec![PolicyArgument { name: Name::unquoted("v"), sql_type: SqlType::Integer }],
///     body: "SELECT COUNT_IF(v < 0) FROM r".into(),
///     comment: None,
/// };
/// assert_eq!(function.signature(), "(TABLE(NUMBER(38,0)))");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataMetricFunction {
    /// What the body calls the table.
    pub argument: Name,
    /// The table's columns.
    pub columns: Vec<PolicyArgument>,
    /// The query.
    pub body: String,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl DataMetricFunction {
    /// Its argument's types, as SQL writes them after the name.
    pub fn signature(&self) -> String {
        let types: Vec<String> = self.columns.iter().map(|it| it.sql_type.to_string()).collect();
        format!("(TABLE({}))", types.join(", "))
    }
}

/// A data metric function that is there without being made, in
/// `SNOWFLAKE.CORE`.
///
/// ```
/// use icecore_types::SystemMetric;
/// assert_eq!(SystemMetric::parse("NULL_COUNT"), Some(SystemMetric::NullCount));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names of Snowflake's functions")]
pub enum SystemMetric {
    NullCount,
    NullPercent,
    BlankCount,
    BlankPercent,
    DuplicateCount,
    UniqueCount,
    RowCount,
    Freshness,
    Avg,
    Min,
    Max,
    Stddev,
}

impl SystemMetric {
    /// All that there are.
    pub const ALL: [Self; 12] = [
        Self::NullCount,
        Self::NullPercent,
        Self::BlankCount,
        Self::BlankPercent,
        Self::DuplicateCount,
        Self::UniqueCount,
        Self::RowCount,
        Self::Freshness,
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::Stddev,
    ];

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.sql() == name)
    }

    /// Its name.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::NullCount => "NULL_COUNT",
            Self::NullPercent => "NULL_PERCENT",
            Self::BlankCount => "BLANK_COUNT",
            Self::BlankPercent => "BLANK_PERCENT",
            Self::DuplicateCount => "DUPLICATE_COUNT",
            Self::UniqueCount => "UNIQUE_COUNT",
            Self::RowCount => "ROW_COUNT",
            Self::Freshness => "FRESHNESS",
            Self::Avg => "AVG",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Stddev => "STDDEV",
        }
    }

    /// Whether it measures a column of this type.
    pub const fn takes(self, column: &SqlType) -> bool {
        match self {
            Self::NullCount | Self::NullPercent | Self::DuplicateCount | Self::UniqueCount => true,
            Self::BlankCount | Self::BlankPercent => matches!(column, SqlType::Varchar { .. }),
            Self::Freshness => {
                matches!(column, SqlType::Date | SqlType::TimestampNtz | SqlType::TimestampLtz)
            }
            Self::Avg | Self::Min | Self::Max | Self::Stddev => {
                matches!(column, SqlType::Integer | SqlType::Number { .. } | SqlType::Float)
            }
            Self::RowCount => false,
        }
    }

    /// The query that it is, over the table A with one column V; with any
    /// columns if it measures rows.
    pub const fn body(self) -> &'static str {
        match self {
            Self::NullCount => "SELECT COUNT_IF(v IS NULL) FROM a",
            Self::NullPercent => "SELECT 100 * COUNT_IF(v IS NULL) / NULLIF(COUNT(*), 0) FROM a",
            Self::BlankCount => "SELECT COUNT_IF(TRIM(v) = '') FROM a",
            Self::BlankPercent => {
                "SELECT 100 * COUNT_IF(TRIM(v) = '') / NULLIF(COUNT(*), 0) FROM a"
            }
            Self::DuplicateCount => {
                "SELECT COUNT(*) FROM (SELECT 1 AS n FROM a GROUP BY v HAVING COUNT(*) > 1)"
            }
            Self::UniqueCount => "SELECT COUNT(DISTINCT v) FROM a",
            Self::RowCount => "SELECT COUNT(*) FROM a",
            Self::Freshness => {
                "SELECT DATEDIFF(second, MAX(v)::TIMESTAMP_LTZ, CURRENT_TIMESTAMP()) FROM a"
            }
            Self::Avg => "SELECT AVG(v) FROM a",
            Self::Min => "SELECT MIN(v) FROM a",
            Self::Max => "SELECT MAX(v) FROM a",
            Self::Stddev => "SELECT STDDEV(v) FROM a",
        }
    }
}

/// What measures.
///
/// ```
/// use icecore_types::{MetricSource, SystemMetric};
/// assert_eq!(MetricSource::System(SystemMetric::Avg).function(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricSource {
    /// A function of the engine.
    System(SystemMetric),
    /// A function that somebody made.
    Function(ObjectId),
}

impl MetricSource {
    /// The function that somebody made, if it is one.
    pub fn function(&self) -> Option<ObjectId> {
        match self {
            Self::System(_) => None,
            Self::Function(id) => Some(*id),
        }
    }
}

/// What is expected of a measured number.
///
/// ```
/// use icecore_types::{MetricExpectation, Name};
/// let none = MetricExpectation { name: Name::unquoted("none"), condition: "VALUE = 0".into() };
/// assert_eq!(none.name.as_str(), "NONE");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricExpectation {
    /// Its name.
    pub name: Name,
    /// A condition over VALUE.
    pub condition: String,
}

/// That a function measures columns of a table.
///
/// ```
/// use icecore_types::{MetricBinding, MetricSource, SystemMetric, Timestamp, Version};
/// let rows = MetricBinding {
///     source: MetricSource::System(SystemMetric::RowCount),
///     columns: Vec::new(),
///     expectations: Vec::new(),
///     suspended: false,
///     since: Version::default(),
///     since_time: Timestamp::from_micros(0),
/// };
/// assert!(rows.columns.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricBinding {
    /// What measures.
    pub source: MetricSource,
    /// The columns, in the order of the function's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnId>,
    /// What is expected of the number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<MetricExpectation>,
    /// Whether it rests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// The version as of which nothing has changed for it yet.
    pub since: Version,
    /// When it was bound.
    pub since_time: Timestamp,
}

impl MetricBinding {
    /// The columns' names today.
    pub fn column_names<'t>(&self, table: &'t TableDefinition) -> impl Iterator<Item = &'t Name> {
        let of = |id: &ColumnId| table.columns.iter().find(|column| column.id == *id);
        self.columns
            .iter()
            .filter_map(of)
            .map(|column| &column.name)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

impl Body {
    /// Whether any function measures the table that it is of.
    pub fn is_measured(&self) -> bool {
        self.part("metrics").is_some()
    }
}

/// When the functions of a table measure.
///
/// ```
/// use icecore_types::MetricSchedule;
/// assert_eq!(MetricSchedule::parse("30 minute").unwrap(), MetricSchedule::Minutes(30));
/// assert_eq!(MetricSchedule::default().to_string(), "60 MINUTE");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricSchedule {
    /// Every so many minutes.
    Minutes(u32),
    /// After each change of rows.
    OnChanges,
    /// Never.
    Off,
}

impl Default for MetricSchedule {
    fn default() -> Self {
        Self::Minutes(60)
    }
}

impl MetricSchedule {
    /// Reads `5 MINUTE`, `TRIGGER_ON_CHANGES` or nothing.
    ///
    /// # Errors
    /// `Unsupported` for USING CRON, `InvalidInput` for anything else.
    pub fn parse(text: &str) -> crate::Result<Self> {
        let upper = text.trim().to_uppercase();
        let words: Vec<&str> = upper.split_whitespace().collect();
        match words.as_slice() {
            [] => Ok(Self::Off),
            ["TRIGGER_ON_CHANGES"] => Ok(Self::OnChanges),
            ["USING", "CRON", ..] => {
                Err(crate::Error::unsupported("DATA_METRIC_SCHEDULE = 'USING CRON ..'")
                    .with_help("write '5 MINUTE' or 'TRIGGER_ON_CHANGES'"))
            }
            [minutes, "MINUTE" | "MINUTES"] => match minutes.parse() {
                Ok(minutes @ 5..=1440) => Ok(Self::Minutes(minutes)),
                _ => Err(invalid(text)),
            },
            _ => Err(invalid(text)),
        }
    }
}

fn invalid(text: &str) -> crate::Error {
    let message = format!("invalid value for option DATA_METRIC_SCHEDULE value='{text}'");
    crate::Error::new(crate::Code::INVALID_OPTION, message)
        .with_help("5 to 1440 MINUTE, TRIGGER_ON_CHANGES, or nothing to measure no more")
}

impl std::fmt::Display for MetricSchedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Minutes(minutes) => write!(f, "{minutes} MINUTE"),
            Self::OnChanges => f.write_str("TRIGGER_ON_CHANGES"),
            Self::Off => Ok(()),
        }
    }
}
