//! The dialect: text to statements; the only parser.
//!
//! [`parse`] reads a script into [`Statement`]s. What the dialect has and the
//! engine does not is an error that names it; a construct that parses here is
//! in the tree, and nothing of it may be ignored.
//!
//! Names are as they are compared: an unquoted word is upper case everywhere,
//! in our own types and in the `sqlparser` trees of queries and expressions.
//!
//! ```
//! use icecore_sql::{Limits, Statement, parse};
//!
//! let script = "create table t (a int); select count(*) from t at (version => 3)";
//! let parsed = parse(script, &Limits::default())?;
//! assert!(matches!(parsed[0].statement, Statement::CreateTable(_)));
//! assert_eq!(parsed[1].text, "select count(*) from t at (version => 3)");
//!
//! let error = parse("select 1;\nselect from where", &Limits::default()).unwrap_err();
//! assert_eq!(error.message(), "syntax error line 2 at position 12 unexpected 'where'.");
//! # Ok::<(), icecore_types::Error>(())
//! ```

mod statement;

mod limits;
mod options;

mod lexer;
mod syntax_error;

mod split;

mod dialect;
mod guard;

mod cursor;
mod parse;
mod semantic;
mod staged;

mod grammar;

mod balance;
mod check;
mod lower;

mod calls;
mod date_parts;
mod infer;
mod redact;
mod relations;

pub use calls::{ModifiedCall, modified_calls};
pub use date_parts::quote_date_parts;
pub use infer::{InferSchema, inferred_schemas};
pub use limits::Limits;
pub use lower::values_query;
pub use parse::{Parsed, check_query, parse, parse_expression, parse_pipe_copy, parse_query};
pub use redact::redacted;
pub use relations::{Relation, name_of, relations, relations_of_query, travel_of};
pub use split::{Piece, is_complete, split};
pub use sqlparser;
pub use sqlparser::ast;
pub use staged::{StagedColumns, StagedTable, staged_columns, staged_tables};
pub use statement::{
    AlterAccount, AlterContainer, AlterDynamicTable, AlterNetwork, AlterPipe, AlterPolicy,
    AlterRole, AlterSession, AlterStage, AlterStageAction, AlterTable, AlterTableAction, AlterTag,
    AlterUser, AlterView, Assignment, AtBefore, CheckSpec, CloneSource, ColumnSpec,
    ContainerAction, ContainerName, CopyInto, CopyTransform, CreateContainer, CreateDynamicTable,
    CreateFileFormat, CreateMetricFunction, CreateNetwork, CreatePipe, CreatePolicy, CreateRole,
    CreateSemanticView, CreateStage, CreateTable, CreateTag, CreateUser, CreateView,
    CurrentGrantsMode, Delete, Describe, DistinctRange, DropMode, DropObject, DropRole, DropUser,
    DynamicAction, DynamicQuery, DynamicSource, ExpectationSpec, Explain, ExplainFormat,
    FormatSpec, FunctionAction, Get, Grant, GrantTarget, Granted, GranteeName, GroupsOn, Insert,
    InsertSource, List, MatchByName, MetadataColumn, MetadataItem, MetricAction, MetricChange,
    MetricOn, MetricSpec, NetworkChange, NonAdditive, OnError, OnFunction, OptionValue, Options,
    PipeAction, Point, PolicyAction, PolicyChange, PolicyOn, Put, QuarantineAction,
    RelationshipTarget, Remove, RevokeMode, RoleAction, RoleName, Scope, SemanticClause,
    SemanticExpression, SemanticItem, SemanticKind, SemanticQuery, SemanticRelationship,
    SemanticTable, SetTags, Show, ShowGrants, ShowKind, Simulate, StageAddress, StageName,
    StageProperties, StageRef, Statement, TagChange, TagsGiven, TravelPoint, Truncate, Undrop,
    Unload, Update, Use, UseSecondaryRoles, UseTarget, UserAction, Validation, ValueExpr,
    VerifiedQuery, Wait,
};
