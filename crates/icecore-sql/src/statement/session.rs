//! What concerns the session, and what only looks.

use std::time::Duration;

use icecore_types::{Name, QualifiedName};

use super::{Options, Statement};

/// `CALL SYSTEM$WAIT(..)`, or a SELECT of nothing but it.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("CALL SYSTEM$WAIT(2, 'MINUTES')", &Limits::default())?;
/// let Statement::Wait(wait) = &parsed[0].statement else { panic!() };
/// assert_eq!(wait.time.as_secs(), 120);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How long.
    pub time: Duration,
}

/// EXPLAIN.
///
/// ```
/// use icecore_sql::{ExplainFormat, Limits, Statement, parse};
/// let parsed = parse("EXPLAIN USING TEXT SELECT 1", &Limits::default())?;
/// let Statement::Explain(explain) = &parsed[0].statement else { panic!() };
/// assert_eq!(explain.format, ExplainFormat::Text);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Explain {
    /// What is explained: a query, an INSERT, a DELETE or an UPDATE.
    pub statement: Box<Statement>,
    /// How.
    pub format: ExplainFormat,
}

/// The form of an explanation.
///
/// ```
/// use icecore_sql::ExplainFormat;
/// assert_eq!(ExplainFormat::default(), ExplainFormat::Tabular);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExplainFormat {
    /// A row for each operator.
    #[default]
    Tabular,
    /// Text.
    Text,
    /// ACCESS: the privileges that any statement needs, and through what the
    /// session has them.
    Access,
    /// METRIC: the tables, versions and files behind a metric query, and the
    /// SQL that it became.
    Metric,
}

/// SHOW.
///
/// ```
/// use icecore_sql::{Limits, Scope, ShowKind, Statement, parse};
/// let parsed = parse("SHOW TABLES HISTORY LIKE 'f%' IN SCHEMA s LIMIT 5", &Limits::default())?;
/// let Statement::Show(show) = &parsed[0].statement else { panic!() };
/// assert_eq!((show.what, show.history, show.limit_rows), (ShowKind::Tables, true, Some(5)));
/// assert!(matches!(show.scope, Some(Scope::Schema(_))));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Show {
    /// What is listed.
    pub what: ShowKind,
    /// TERSE: only the first columns.
    pub terse: bool,
    /// HISTORY: also what was dropped.
    pub history: bool,
    /// LIKE: a pattern over names, whatever their case.
    pub like: Option<String>,
    /// IN: where; the session's schema or database if unset.
    pub scope: Option<Scope>,
    /// STARTS WITH: the beginning of names, in their case.
    pub starts_with: Option<String>,
    /// LIMIT.
    pub limit_rows: Option<u64>,
    /// LIMIT .. FROM: only names after the first that begins like this.
    pub from: Option<String>,
    /// FOR METRIC: only the dimensions that go with it, a name of one or two
    /// parts.
    pub for_metric: Option<QualifiedName>,
}

/// What SHOW lists.
///
/// ```
/// use icecore_sql::ShowKind;
/// assert_eq!(ShowKind::FileFormats.sql(), "FILE FORMATS");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShowKind {
    /// Tables.
    Tables,
    /// Dynamic tables.
    DynamicTables,
    /// Views.
    Views,
    /// Tables and views.
    Objects,
    /// Schemas.
    Schemas,
    /// Databases.
    Databases,
    /// Stages.
    Stages,
    /// File formats.
    FileFormats,
    /// Pipes.
    Pipes,
    /// Channels of tables.
    Channels,
    /// Columns of tables and views.
    Columns,
    /// Parameters of the session.
    Parameters,
    /// Warehouses.
    Warehouses,
    /// Semantic views.
    SemanticViews,
    /// Dimensions of semantic views.
    SemanticDimensions,
    /// Facts of semantic views.
    SemanticFacts,
    /// Metrics of semantic views.
    SemanticMetrics,
    /// Expectations of a table.
    Expectations,
    /// Roles of the account.
    Roles,
    /// Roles of databases.
    DatabaseRoles,
    /// Users.
    Users,
    /// Tokens of a user.
    Tokens,
    /// Masking policies.
    MaskingPolicies,
    /// Row access policies.
    RowAccessPolicies,
    /// Projection policies.
    ProjectionPolicies,
    /// Aggregation policies.
    AggregationPolicies,
    /// TAGS.
    Tags,
    /// Data metric functions.
    MetricFunctions,
    /// Network rules.
    NetworkRules,
    /// Network policies.
    NetworkPolicies,
}

impl ShowKind {
    /// As SQL spells it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Tables => "TABLES",
            Self::DynamicTables => "DYNAMIC TABLES",
            Self::Views => "VIEWS",
            Self::Objects => "OBJECTS",
            Self::Schemas => "SCHEMAS",
            Self::Databases => "DATABASES",
            Self::Stages => "STAGES",
            Self::FileFormats => "FILE FORMATS",
            Self::Pipes => "PIPES",
            Self::Channels => "CHANNELS",
            Self::Columns => "COLUMNS",
            Self::Parameters => "PARAMETERS",
            Self::Warehouses => "WAREHOUSES",
            Self::SemanticViews => "SEMANTIC VIEWS",
            Self::SemanticDimensions => "SEMANTIC DIMENSIONS",
            Self::SemanticFacts => "SEMANTIC FACTS",
            Self::SemanticMetrics => "SEMANTIC METRICS",
            Self::Expectations => "EXPECTATIONS",
            Self::Roles => "ROLES",
            Self::DatabaseRoles => "DATABASE ROLES",
            Self::Users => "USERS",
            Self::Tokens => "USER PROGRAMMATIC ACCESS TOKENS",
            Self::MaskingPolicies => "MASKING POLICIES",
            Self::RowAccessPolicies => "ROW ACCESS POLICIES",
            Self::ProjectionPolicies => "PROJECTION POLICIES",
            Self::AggregationPolicies => "AGGREGATION POLICIES",
            Self::Tags => "TAGS",
            Self::MetricFunctions => "DATA METRIC FUNCTIONS",
            Self::NetworkRules => "NETWORK RULES",
            Self::NetworkPolicies => "NETWORK POLICIES",
        }
    }
}

/// Where SHOW looks.
///
/// ```
/// use icecore_sql::Scope;
/// assert_ne!(Scope::Account, Scope::Database(None));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// IN ACCOUNT.
    Account,
    /// IN DATABASE, the session's if unnamed.
    Database(Option<Name>),
    /// IN SCHEMA, the session's if unnamed.
    Schema(Option<QualifiedName>),
    /// IN TABLE, or IN VIEW: only for COLUMNS, CHANNELS and EXPECTATIONS.
    Table(QualifiedName),
    /// IN SESSION: only for PARAMETERS.
    Session,
    /// FOR USER: only for their tokens.
    User(Name),
    /// IN and a name alone: a schema or, with one part, whichever of database
    /// and schema has it; for the parts of semantic views, one of these.
    Named(QualifiedName),
}

/// USE.
///
/// ```
/// use icecore_sql::{Limits, Statement, UseTarget, parse};
/// let parsed = parse("USE SCHEMA db.s", &Limits::default())?;
/// let Statement::Use(r#use) = &parsed[0].statement else { panic!() };
/// assert_eq!(r#use.what, UseTarget::Schema);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// What is chosen.
    pub what: UseTarget,
    /// Its name: with two parts only for a schema.
    pub name: QualifiedName,
}

/// What USE chooses.
///
/// ```
/// use icecore_sql::UseTarget;
/// assert_ne!(UseTarget::Role, UseTarget::Warehouse);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseTarget {
    /// A database; also USE and one name alone.
    Database,
    /// A schema; also USE and two names.
    Schema,
    /// A warehouse.
    Warehouse,
    /// A role.
    Role,
}

/// ALTER SESSION.
///
/// ```
/// use icecore_sql::{AlterSession, Limits, OptionValue, Statement, parse};
/// let parsed = parse("ALTER SESSION SET QUERY_TAG = 'nightly'", &Limits::default())?;
/// let Statement::AlterSession(AlterSession::Set(set)) = &parsed[0].statement else { panic!() };
/// assert_eq!(set.get("QUERY_TAG"), Some(&OptionValue::Text("nightly".into())));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum AlterSession {
    /// SET: at least one parameter.
    Set(Options),
    /// UNSET: at least one parameter, upper case.
    Unset(Vec<String>),
}
