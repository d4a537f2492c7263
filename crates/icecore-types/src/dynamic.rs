//! Dynamic tables: a query whose rows are kept, and how fresh.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ColumnDefinition, Hash, Name, ObjectId, QualifiedName, Timestamp, Version};

/// What makes a table a dynamic one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamicDefinition {
    /// The query, with the names as they were written.
    pub query: String,
    /// The metrics that it keeps for queries of a semantic view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_up: Option<RollUpDefinition>,
    /// The names of its columns, if the statement gave them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Name>,
    /// The database that its unqualified names are looked up in.
    pub database: Name,
    /// The schema that its unqualified names are looked up in.
    pub schema: Name,
    /// When it was made: what its lag counts from until it has rows.
    pub made: Timestamp,
    /// The whole statement, as SHOW prints it.
    pub text: String,
    /// How old its rows may be.
    pub lag: TargetLag,
    /// Whether it is refreshed only when somebody says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unscheduled: bool,
    /// Where its refreshes run.
    pub warehouse: Name,
    /// How it was asked to be refreshed; nothing is AUTO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<RefreshMode>,
    /// How it is refreshed.
    pub mode: RefreshMode,
    /// Why it is not refreshed incrementally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Columns behind its own that only its refreshes read and write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<ColumnDefinition>,
    /// What its rows equal; nothing until its first refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontier: Option<Frontier>,
    /// Refreshes that failed since the last that did not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u32,
    /// Whether and why the schedule leaves it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Metrics of a semantic view by dimensions, that a dynamic table keeps the
/// states of.
///
/// ```
/// use icecore_types::{ObjectId, QualifiedName, RollUpDefinition};
/// let roll_up = RollUpDefinition {
///     view: ObjectId::from_bits(1),
///     metrics: vec![QualifiedName::parse("orders.total")?],
///     dimensions: Vec::new(),
/// };
/// assert_eq!(roll_up.metrics.len(), 1);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollUpDefinition {
    /// The semantic view.
    pub view: ObjectId,
    /// Names of one or two parts: the logical table and the metric.
    pub metrics: Vec<QualifiedName>,
    /// The same of dimensions.
    pub dimensions: Vec<QualifiedName>,
}

/// How old the rows of a dynamic table may be.
///
/// ```
/// use icecore_types::TargetLag;
/// use std::time::Duration;
/// assert_eq!(TargetLag::Within { seconds: 120 }.duration(), Some(Duration::from_secs(120)));
/// assert_eq!(TargetLag::Within { seconds: 120 }.to_string(), "2 minutes");
/// assert_eq!(TargetLag::Downstream.to_string(), "DOWNSTREAM");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetLag {
    /// As old as this.
    Within {
        /// At least 60.
        seconds: u64,
    },
    /// As old as what is made of them says.
    Downstream,
}

impl TargetLag {
    /// The lag that it names by itself.
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::Within { seconds } => Some(Duration::from_secs(seconds)),
            Self::Downstream => None,
        }
    }
}

impl fmt::Display for TargetLag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
        let Self::Within { seconds } = self else { return f.write_str("DOWNSTREAM") };
        let unit = UNITS.iter().find(|(size, _)| seconds % size == 0).unwrap_or(&UNITS[3]);
        let count = seconds / unit.0;
        write!(f, "{count} {}{}", unit.1, if count == 1 { "" } else { "s" })
    }
}

/// How a refresh makes the rows.
///
/// ```
/// use icecore_types::RefreshMode;
/// assert_eq!(RefreshMode::Full.sql(), "FULL");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshMode {
    /// All of them, from all rows of what the query reads.
    Full,
    /// Those that differ, from the rows of what the query reads that differ.
    Incremental,
}

impl RefreshMode {
    /// As SQL spells it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Incremental => "INCREMENTAL",
        }
    }
}

/// A moment of the account that the rows of a dynamic table equal the query
/// at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frontier {
    /// The version that the query was answered from.
    pub version: Version,
    /// When that was.
    pub at: Timestamp,
    /// What the query read, in the order in which it names it; what it reads
    /// through views among it.
    pub inputs: Vec<FrontierInput>,
}

/// A table or view that a dynamic table's query reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontierInput {
    /// Which one.
    pub id: ObjectId,
    /// The version whose content was read: of another dynamic table the one
    /// that its refresh made.
    pub version: Version,
    /// Of its columns, or of a view's query: another one makes other rows.
    pub shape: Hash,
}

/// Since when and why a dynamic table is left alone by the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Since when; nothing of a clone, which begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why.
    pub by: SuspendedBy,
}

/// Why a dynamic table is suspended.
///
/// ```
/// use icecore_types::SuspendedBy;
/// assert_eq!(SuspendedBy::Errors.code(), "SUSPENDED_DUE_TO_ERRORS");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspendedBy {
    /// ALTER DYNAMIC TABLE .. SUSPEND.
    User,
    /// Too many refreshes in a row failed.
    Errors,
    /// It was made as a clone.
    Clone,
}

impl SuspendedBy {
    /// As SHOW says it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::User => "USER_SUSPENDED",
            Self::Errors => "SUSPENDED_DUE_TO_ERRORS",
            Self::Clone => "CLONE_SUSPENDED",
        }
    }
}
