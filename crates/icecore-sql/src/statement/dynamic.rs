//! Dynamic tables.

use icecore_types::{Name, QualifiedName, RefreshMode, TargetLag};
use sqlparser::ast::Query;

use super::CloneSource;

/// CREATE DYNAMIC TABLE.
///
/// ```
/// use icecore_sql::{DynamicSource, Limits, Statement, parse};
/// use icecore_types::TargetLag;
/// let text = "CREATE DYNAMIC TABLE d TARGET_LAG = '5 minutes' WAREHOUSE = w AS SELECT * FROM t";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateDynamicTable(create) = &parsed[0].statement else { panic!() };
/// let DynamicSource::Query(query) = &create.source else { panic!() };
/// assert_eq!(query.lag, Some(TargetLag::Within { seconds: 300 }));
/// assert_eq!(query.query_text, "SELECT * FROM t");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreateDynamicTable {
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// What it is made of.
    pub source: DynamicSource,
}

/// What a dynamic table is made of.
///
/// ```
/// use icecore_sql::{DynamicSource, Limits, Statement, parse};
/// let parsed = parse("CREATE DYNAMIC TABLE d CLONE e", &Limits::default())?;
/// let Statement::CreateDynamicTable(create) = &parsed[0].statement else { panic!() };
/// assert!(matches!(create.source, DynamicSource::Clone(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum DynamicSource {
    /// A query.
    Query(Box<DynamicQuery>),
    /// Another dynamic table.
    Clone(Box<CloneSource>),
}

/// The query of a dynamic table, and how it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicQuery {
    /// The names of its columns, if they are given.
    pub columns: Vec<Name>,
    /// TARGET_LAG; nothing only with SCHEDULER = DISABLE.
    pub lag: Option<TargetLag>,
    /// SCHEDULER = DISABLE.
    pub unscheduled: bool,
    /// WAREHOUSE.
    pub warehouse: Name,
    /// REFRESH_MODE; nothing is AUTO.
    pub refresh_mode: Option<RefreshMode>,
    /// INITIALIZE = ON_SCHEDULE.
    pub on_schedule: bool,
    /// DATA_RETENTION_TIME_IN_DAYS, 0 to 90.
    pub retention_days: Option<u32>,
    /// COMMENT.
    pub comment: Option<String>,
    /// ROLLUP OF SEMANTIC VIEW: what it keeps, as `SEMANTIC_VIEW(..)` that
    /// [`crate::SemanticQuery::parse`] reads. The query selects all of it.
    pub roll_up: Option<String>,
    /// The query.
    pub query: Box<Query>,
    /// The same as it was written.
    pub query_text: String,
}

/// ALTER DYNAMIC TABLE.
///
/// ```
/// use icecore_sql::{DynamicAction, Limits, Statement, parse};
/// let parsed = parse("ALTER DYNAMIC TABLE d REFRESH", &Limits::default())?;
/// let Statement::AlterDynamicTable(alter) = &parsed[0].statement else { panic!() };
/// assert_eq!(alter.action, DynamicAction::Refresh);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlterDynamicTable {
    /// The dynamic table.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is done to it.
    pub action: DynamicAction,
}

/// What ALTER DYNAMIC TABLE does.
///
/// ```
/// use icecore_sql::DynamicAction;
/// assert_ne!(DynamicAction::Suspend, DynamicAction::Resume);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DynamicAction {
    /// REFRESH: now, whatever its schedule.
    Refresh,
    /// SUSPEND: the schedule leaves it alone.
    Suspend,
    /// RESUME.
    Resume,
    /// RENAME TO.
    Rename(QualifiedName),
    /// SWAP WITH.
    SwapWith(QualifiedName),
    /// SET TARGET_LAG.
    SetLag(TargetLag),
    /// SET WAREHOUSE.
    SetWarehouse(Name),
    /// SET or UNSET DATA_RETENTION_TIME_IN_DAYS: nothing is UNSET.
    SetRetention(Option<u32>),
    /// SET or UNSET COMMENT: nothing is UNSET.
    SetComment(Option<String>),
}
