//! What makes an object.

use icecore_types::{Name, QualifiedName, SqlType, StageCredentials};
use sqlparser::ast::Query;

use crate::InferSchema;

use super::{CloneSource, ExpectationSpec, FormatSpec, GroupsOn, Options, PolicyOn, TagsGiven};

/// CREATE DATABASE or CREATE SCHEMA.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("CREATE SCHEMA dev CLONE prod", &Limits::default())?;
/// let Statement::CreateSchema(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.clone.as_ref().map(|c| c.source.to_string()).as_deref(), Some("PROD"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreateContainer {
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// A database's name has one part, a schema's at most two.
    pub name: QualifiedName,
    /// What it is a clone of.
    pub clone: Option<CloneSource>,
    /// WITH MANAGED ACCESS, of a schema: its owner alone grants on what is in
    /// it.
    pub managed_access: bool,
    /// DATA_RETENTION_TIME_IN_DAYS, 0 to 90.
    pub retention_days: Option<u32>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A column as CREATE TABLE and ALTER TABLE ADD COLUMN declare it.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE TABLE t (a INT NOT NULL, b VARCHAR(3) DEFAULT 'x' COMMENT 'why')";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateTable(create) = &parsed[0].statement else { panic!() };
/// assert!(create.columns[0].not_null);
/// assert_eq!(create.columns[1].default.as_deref(), Some("'x'"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSpec {
    /// Its name.
    pub name: Name,
    /// Its declared type.
    pub sql_type: SqlType,
    /// NOT NULL.
    pub not_null: bool,
    /// DEFAULT: an expression, as SQL that [`crate::parse_expression`] reads.
    pub default: Option<String>,
    /// COMMENT.
    pub comment: Option<String>,
    /// MASKING POLICY: the first of its columns is this one.
    pub mask: Option<PolicyOn>,
    /// PROJECTION POLICY.
    pub projection: Option<QualifiedName>,
}

/// CREATE TABLE. At most one of `as_query`, `clone`, `like` and `template` is
/// there; `columns` is empty with the last three, and says the target's types
/// with `as_query` where the statement declares them.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE OR REPLACE TABLE t CLONE s BEFORE (STATEMENT => 'abc')";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateTable(create) = &parsed[0].statement else { panic!() };
/// assert!(create.or_replace && create.clone.as_ref().is_some_and(|c| c.at.is_some()));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// Its columns in order, with distinct names.
    pub columns: Vec<ColumnSpec>,
    /// What is expected of its rows, declared among the columns.
    pub expectations: Vec<ExpectationSpec>,
    /// AS a query: its result is the table's first content.
    pub as_query: Option<Box<Query>>,
    /// CLONE.
    pub clone: Option<CloneSource>,
    /// LIKE: the columns of another table.
    pub like: Option<QualifiedName>,
    /// USING TEMPLATE: the columns that files have.
    pub template: Option<InferSchema>,
    /// ROW ACCESS POLICY.
    pub row_access: Option<PolicyOn>,
    /// AGGREGATION POLICY.
    pub aggregation: Option<GroupsOn>,
    /// WITH TAG.
    pub tags: TagsGiven,
    /// COPY GRANTS: it has those of the one that it replaces, else of the one
    /// that it is made like.
    pub copy_grants: bool,
    /// DATA_RETENTION_TIME_IN_DAYS, 0 to 90.
    pub retention_days: Option<u32>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// CREATE VIEW.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("create view v (n) as select count(*) from t", &Limits::default())?;
/// let Statement::CreateView(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.query_text, "select count(*) from t");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// SECURE.
    pub secure: bool,
    /// Its name.
    pub name: QualifiedName,
    /// The names of its columns, or nothing: then the query's.
    pub columns: Vec<Name>,
    /// What it shows.
    pub query: Box<Query>,
    /// The query as it was written.
    pub query_text: String,
    /// COPY GRANTS: it has those of the one that it replaces.
    pub copy_grants: bool,
    /// COMMENT.
    pub comment: Option<String>,
}

/// CREATE STAGE.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("CREATE STAGE s URL = 's3://bucket/path/'", &Limits::default())?;
/// let Statement::CreateStage(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.properties.url.as_deref(), Some("s3://bucket/path/"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreateStage {
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// What it is.
    pub properties: StageProperties,
}

/// What CREATE STAGE and ALTER STAGE .. SET say of a stage.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE STAGE s URL = 's3://bucket/' \
///     CREDENTIALS = (AWS_KEY_ID = 'k' AWS_SECRET_KEY = 'hidden')";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateStage(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.properties.credentials.as_ref().unwrap().key_id, "k");
/// assert!(!parsed[0].text.contains("hidden"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageProperties {
    /// URL: where its files are; nothing for an internal stage.
    pub url: Option<String>,
    /// ENDPOINT of a service that speaks as S3 does.
    pub endpoint: Option<String>,
    /// REGION, which is ours: the region of a bucket of S3.
    pub region: Option<String>,
    /// CREDENTIALS.
    pub credentials: Option<StageCredentials>,
    /// FILE_FORMAT: how its files are read if a statement does not say.
    pub file_format: Option<FormatSpec>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// ALTER STAGE.
///
/// ```
/// use icecore_sql::{AlterStageAction, Limits, Statement, parse};
/// let parsed = parse("ALTER STAGE s SET COMMENT = 'x'", &Limits::default())?;
/// let Statement::AlterStage(alter) = &parsed[0].statement else { panic!() };
/// assert!(matches!(&alter.action, AlterStageAction::Set(set) if set.comment.is_some()));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlterStage {
    /// The stage.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is done to it.
    pub action: AlterStageAction,
}

/// What ALTER STAGE does.
///
/// ```
/// use icecore_sql::{AlterStageAction, Limits, Statement, parse};
/// let parsed = parse("ALTER STAGE s RENAME TO t", &Limits::default())?;
/// let Statement::AlterStage(alter) = &parsed[0].statement else { panic!() };
/// assert!(matches!(alter.action, AlterStageAction::Rename(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum AlterStageAction {
    /// RENAME TO.
    Rename(QualifiedName),
    /// SET: what is given replaces what was.
    Set(Box<StageProperties>),
    /// UNSET COMMENT.
    UnsetComment,
}

/// CREATE FILE FORMAT.
///
/// ```
/// use icecore_sql::{Limits, OptionValue, Statement, parse};
/// let parsed = parse("CREATE FILE FORMAT f TYPE = CSV SKIP_HEADER = 1", &Limits::default())?;
/// let Statement::CreateFileFormat(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.options.get("SKIP_HEADER"), Some(&OptionValue::Number("1".into())));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreateFileFormat {
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// TYPE and the options, not yet checked; without COMMENT.
    pub options: Options,
    /// COMMENT.
    pub comment: Option<String>,
}
