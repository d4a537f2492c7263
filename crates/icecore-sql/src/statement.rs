//! The statement tree.

mod access;
mod copy;
mod create;
mod data_metric;
mod dynamic;
mod expectation;
mod loading;
mod network;
mod object;
mod pipe;
mod policy;
mod rows;
mod semantic;
mod session;
mod tag;
mod travel;

pub use access::{
    AlterRole, AlterUser, ContainerName, CreateRole, CreateUser, CurrentGrantsMode, DropRole,
    DropUser, Grant, GrantTarget, Granted, GranteeName, RevokeMode, RoleAction, RoleName,
    ShowGrants, UseSecondaryRoles, UserAction,
};
pub use copy::{
    CopyInto, CopyTransform, MatchByName, MetadataColumn, MetadataItem, OnError, Unload, Validation,
};
pub use create::{
    AlterStage, AlterStageAction, ColumnSpec, CreateContainer, CreateFileFormat, CreateStage,
    CreateTable, CreateView, StageProperties,
};
pub use data_metric::{
    CreateMetricFunction, FunctionAction, MetricAction, MetricChange, MetricOn, MetricSpec,
    OnFunction,
};
pub use dynamic::{
    AlterDynamicTable, CreateDynamicTable, DynamicAction, DynamicQuery, DynamicSource,
};
pub use expectation::{CheckSpec, ExpectationSpec, QuarantineAction};
pub use loading::{
    FormatSpec, Get, List, OptionValue, Options, Put, Remove, StageAddress, StageName, StageRef,
};
pub use network::{AlterAccount, AlterNetwork, CreateNetwork, NetworkChange};
pub use object::{
    AlterContainer, AlterTable, AlterTableAction, AlterView, ContainerAction, Describe, DropMode,
    DropObject, Undrop,
};
pub use pipe::{AlterPipe, CreatePipe, PipeAction};
pub use policy::Simulate;
pub use policy::{AlterPolicy, CreatePolicy, GroupsOn, PolicyAction, PolicyChange, PolicyOn};
pub use rows::{Assignment, Delete, Insert, InsertSource, Truncate, Update, ValueExpr};
pub use semantic::{
    CreateSemanticView, DistinctRange, NonAdditive, RelationshipTarget, SemanticClause,
    SemanticExpression, SemanticItem, SemanticKind, SemanticQuery, SemanticRelationship,
    SemanticTable, VerifiedQuery,
};
pub use session::{
    AlterSession, Explain, ExplainFormat, Scope, Show, ShowKind, Use, UseTarget, Wait,
};
use sqlparser::ast::Query;
pub use tag::{AlterTag, CreateTag, SetTags, TagChange, TagsGiven};
pub use travel::{AtBefore, CloneSource, Point, TravelPoint};

/// One statement: everything that it says is in here, and nothing else is
/// asked of the engine. What the dialect has and the engine does not is an
/// error of [`crate::parse`].
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("drop table if exists t; select 1", &Limits::default())?;
/// let [drop, query] = parsed.as_slice() else { panic!("two statements") };
/// assert!(matches!(&drop.statement, Statement::Drop(drop) if drop.if_exists));
/// assert!(matches!(&query.statement, Statement::Query(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statement {
    /// SELECT, WITH or VALUES.
    Query(Box<Query>),
    /// EXPLAIN of another statement.
    Explain(Explain),
    /// CREATE DATABASE.
    CreateDatabase(CreateContainer),
    /// CREATE SCHEMA.
    CreateSchema(CreateContainer),
    /// CREATE TABLE, with columns, AS a query, LIKE or CLONE.
    CreateTable(Box<CreateTable>),
    /// CREATE DYNAMIC TABLE.
    CreateDynamicTable(Box<CreateDynamicTable>),
    /// CREATE VIEW.
    CreateView(Box<CreateView>),
    /// CREATE SEMANTIC VIEW.
    CreateSemanticView(Box<CreateSemanticView>),
    /// CREATE STAGE.
    CreateStage(CreateStage),
    /// CREATE FILE FORMAT.
    CreateFileFormat(CreateFileFormat),
    /// CREATE PIPE.
    CreatePipe(Box<CreatePipe>),
    /// DROP of any object.
    Drop(DropObject),
    /// UNDROP of a table, a dynamic table, a schema or a database.
    Undrop(Undrop),
    /// ALTER TABLE.
    AlterTable(Box<AlterTable>),
    /// ALTER DYNAMIC TABLE.
    AlterDynamicTable(AlterDynamicTable),
    /// ALTER DATABASE or ALTER SCHEMA.
    AlterContainer(AlterContainer),
    /// ALTER VIEW or ALTER SEMANTIC VIEW.
    AlterView(AlterView),
    /// ALTER STAGE.
    AlterStage(AlterStage),
    /// ALTER PIPE.
    AlterPipe(AlterPipe),
    /// CREATE of a policy.
    CreatePolicy(Box<CreatePolicy>),
    /// ALTER of a policy.
    AlterPolicy(AlterPolicy),
    /// EXECUTE USING POLICY_CONTEXT.
    Simulate(Simulate),
    /// SHOW.
    Show(Show),
    /// DESCRIBE.
    Describe(Describe),
    /// USE.
    Use(Use),
    /// INSERT.
    Insert(Insert),
    /// DELETE.
    Delete(Delete),
    /// UPDATE.
    Update(Update),
    /// TRUNCATE TABLE.
    Truncate(Truncate),
    /// COPY INTO a table.
    CopyInto(Box<CopyInto>),
    /// COPY INTO a location.
    Unload(Box<Unload>),
    /// PUT files into a stage.
    Put(Put),
    /// GET files of a stage.
    Get(Get),
    /// LIST the files of a stage.
    List(List),
    /// REMOVE files of a stage.
    Remove(Remove),
    /// ALTER SESSION.
    AlterSession(AlterSession),
    /// CREATE [DATABASE] ROLE.
    CreateRole(CreateRole),
    /// ALTER [DATABASE] ROLE.
    AlterRole(AlterRole),
    /// DROP [DATABASE] ROLE.
    DropRole(DropRole),
    /// CREATE USER.
    CreateUser(CreateUser),
    /// ALTER USER.
    AlterUser(AlterUser),
    /// DROP USER.
    DropUser(DropUser),
    /// GRANT or REVOKE.
    Grant(Grant),
    /// SHOW [FUTURE] GRANTS.
    ShowGrants(ShowGrants),
    /// SHOW EFFECTIVE ACCESS ON something.
    ShowEffectiveAccess(GrantTarget),
    /// USE SECONDARY ROLES.
    UseSecondaryRoles(UseSecondaryRoles),
    /// SYSTEM$WAIT.
    Wait(Wait),
    /// CREATE TAG.
    CreateTag(Box<CreateTag>),
    /// CREATE NETWORK RULE or NETWORK POLICY.
    CreateNetwork(Box<CreateNetwork>),
    /// CREATE DATA METRIC FUNCTION.
    CreateMetricFunction(Box<CreateMetricFunction>),
    /// ALTER, DROP or DESCRIBE FUNCTION.
    Function(Box<OnFunction>),
    /// ALTER NETWORK RULE or NETWORK POLICY.
    AlterNetwork(Box<AlterNetwork>),
    /// ALTER ACCOUNT.
    AlterAccount(AlterAccount),
    /// ALTER TAG.
    AlterTag(AlterTag),
    /// ALTER .. SET TAG and UNSET TAG.
    SetTags(SetTags),
    /// VERIFY AUDIT.
    VerifyAudit,
}

impl Statement {
    /// The statement's kind as a history shows it, for example `CREATE TABLE`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Query(_) => "SELECT",
            Self::Explain(_) => "EXPLAIN",
            Self::CreateDatabase(_) => "CREATE DATABASE",
            Self::CreateSchema(_) => "CREATE SCHEMA",
            Self::CreateTable(create) if create.as_query.is_some() => "CREATE_TABLE_AS_SELECT",
            Self::CreateTable(_) => "CREATE TABLE",
            Self::CreateDynamicTable(_) => "CREATE DYNAMIC TABLE",
            Self::CreateView(_) => "CREATE VIEW",
            Self::CreateSemanticView(_) => "CREATE SEMANTIC VIEW",
            Self::CreateStage(_) => "CREATE STAGE",
            Self::CreateFileFormat(_) => "CREATE FILE FORMAT",
            Self::CreatePipe(_) => "CREATE PIPE",
            Self::Drop(_) => "DROP",
            Self::Undrop(_) => "UNDROP",
            Self::AlterTable(_) => "ALTER TABLE",
            Self::AlterDynamicTable(_) => "ALTER DYNAMIC TABLE",
            Self::AlterContainer(_) | Self::AlterView(_) => "ALTER",
            Self::AlterPipe(_) => "ALTER PIPE",
            Self::AlterStage(_) => "ALTER STAGE",
            Self::CreatePolicy(create) => match create.kind {
                icecore_types::ObjectKind::MaskingPolicy => "CREATE MASKING POLICY",
                icecore_types::ObjectKind::ProjectionPolicy => "CREATE PROJECTION POLICY",
                icecore_types::ObjectKind::AggregationPolicy => "CREATE AGGREGATION POLICY",
                _ => "CREATE ROW ACCESS POLICY",
            },
            Self::AlterPolicy(_) => "ALTER",
            Self::Simulate(_) => "EXECUTE_USING_POLICY_CONTEXT",
            Self::Show(_) => "SHOW",
            Self::Describe(_) => "DESCRIBE",
            Self::Use(_) => "USE",
            Self::Insert(_) => "INSERT",
            Self::Delete(_) => "DELETE",
            Self::Update(_) => "UPDATE",
            Self::Truncate(_) => "TRUNCATE TABLE",
            Self::CopyInto(_) => "COPY",
            Self::Unload(_) => "UNLOAD",
            Self::Put(_) => "PUT_FILES",
            Self::Get(_) => "GET_FILES",
            Self::List(_) => "LIST_FILES",
            Self::Remove(_) => "REMOVE_FILES",
            Self::AlterSession(_) => "ALTER_SESSION",
            Self::CreateRole(_) => "CREATE_ROLE",
            Self::AlterRole(_) | Self::AlterUser(_) => "ALTER",
            Self::DropRole(_) | Self::DropUser(_) => "DROP",
            Self::CreateUser(_) => "CREATE_USER",
            Self::Grant(grant) if grant.revoke.is_some() => "REVOKE",
            Self::Grant(_) => "GRANT",
            Self::ShowGrants(_) | Self::ShowEffectiveAccess(_) => "SHOW",
            Self::UseSecondaryRoles(_) => "USE",
            Self::Wait(_) => "CALL",
            Self::CreateTag(_) => "CREATE TAG",
            Self::CreateNetwork(create) => match create.kind {
                icecore_types::ObjectKind::NetworkRule => "CREATE NETWORK RULE",
                _ => "CREATE NETWORK POLICY",
            },
            Self::CreateMetricFunction(_) => "CREATE DATA METRIC FUNCTION",
            Self::Function(function) => match function.action {
                FunctionAction::Drop => "DROP",
                FunctionAction::Describe => "DESCRIBE",
                _ => "ALTER",
            },
            Self::AlterNetwork(_) => "ALTER",
            Self::AlterAccount(_) => "ALTER ACCOUNT",
            Self::AlterTag(_) | Self::SetTags(_) => "ALTER",
            Self::VerifyAudit => "VERIFY_AUDIT",
        }
    }
}
