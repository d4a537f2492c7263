//! Data metric functions, and the tables that they measure.

use icecore_types::{
    MetricExpectation, MetricSchedule, Name, PolicyArgument, QualifiedName, SqlType,
};

/// CREATE DATA METRIC FUNCTION.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE DATA METRIC FUNCTION f (a TABLE (v INT)) RETURNS NUMBER AS 'SELECT 1 FROM a'";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateMetricFunction(create) = &parsed[0].statement else { panic!() };
/// assert_eq!((create.argument.as_str(), create.columns.len()), ("A", 1));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateMetricFunction {
    /// OR REPLACE.
    pub or_replace: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// What the body calls the table.
    pub argument: Name,
    /// The table's columns.
    pub columns: Vec<PolicyArgument>,
    /// The query.
    pub body: String,
    /// COMMENT.
    pub comment: Option<String>,
}

/// ALTER, DROP or DESCRIBE FUNCTION.
///
/// ```
/// use icecore_sql::{FunctionAction, Limits, Statement, parse};
/// let parsed = parse("DROP FUNCTION IF EXISTS f (TABLE (NUMBER))", &Limits::default())?;
/// let Statement::Function(function) = &parsed[0].statement else { panic!() };
/// assert_eq!((&function.action, function.if_exists), (&FunctionAction::Drop, true));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnFunction {
    /// Its name.
    pub name: QualifiedName,
    /// The types of its argument's columns, if they are named.
    pub signature: Option<Vec<SqlType>>,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is done.
    pub action: FunctionAction,
}

/// What is done to a function.
///
/// ```
/// use icecore_sql::FunctionAction;
/// assert_ne!(FunctionAction::Drop, FunctionAction::SetComment(None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionAction {
    /// DROP.
    Drop,
    /// DESCRIBE.
    Describe,
    /// RENAME TO.
    Rename(QualifiedName),
    /// SET or UNSET COMMENT.
    SetComment(Option<String>),
}

/// What ALTER TABLE does with the functions that measure a table.
///
/// ```
/// use icecore_sql::{AlterTableAction, Limits, MetricAction, Statement, parse};
/// let text = "ALTER TABLE t ADD DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON (c)";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::AlterTable(alter) = &parsed[0].statement else { panic!() };
/// let AlterTableAction::Metric(MetricAction::Add(added)) = &alter.action else { panic!() };
/// assert_eq!(added[0].on.columns.len(), 1);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricAction {
    /// ADD.
    Add(Vec<MetricSpec>),
    /// DROP.
    Drop(Vec<MetricOn>),
    /// MODIFY.
    Modify(Vec<(MetricOn, MetricChange)>),
    /// SET or UNSET DATA_METRIC_SCHEDULE.
    Schedule(Option<MetricSchedule>),
}

/// What MODIFY changes of a function on its columns.
///
/// ```
/// use icecore_sql::MetricChange;
/// assert_ne!(MetricChange::Suspend, MetricChange::Resume);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricChange {
    /// SUSPEND.
    Suspend,
    /// RESUME.
    Resume,
    /// ADD EXPECTATION.
    AddExpectation(MetricExpectation),
    /// MODIFY EXPECTATION.
    ModifyExpectation(MetricExpectation),
    /// DROP EXPECTATION.
    DropExpectation(Name),
}

/// A function and the columns that it measures.
///
/// ```
/// use icecore_sql::MetricOn;
/// use icecore_types::{Name, QualifiedName};
/// let function = QualifiedName::bare(Name::unquoted("f"));
/// let on = MetricOn { function, columns: vec![Name::unquoted("c")] };
/// assert_eq!(on.columns[0].as_str(), "C");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricOn {
    /// The function.
    pub function: QualifiedName,
    /// The columns.
    pub columns: Vec<Name>,
}

/// A function, the columns that it measures, and what is expected of it.
///
/// ```
/// use icecore_sql::{MetricOn, MetricSpec};
/// use icecore_types::{Name, QualifiedName};
/// let on = MetricOn { function: QualifiedName::bare(Name::unquoted("f")), columns: Vec::new() };
/// assert!(MetricSpec { on, expectations: Vec::new() }.expectations.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSpec {
    /// What measures what.
    pub on: MetricOn,
    /// What is expected.
    pub expectations: Vec<MetricExpectation>,
}
