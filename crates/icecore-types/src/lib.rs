//! The words of the engine: ids, names, versions, timestamps, types, errors,
//! and the environment that is passed in.
//!
//! Nothing here does work: every other crate speaks in these types.
//!
//! ```
//! use icecore_types::{Name, SqlType, Timestamp, Version};
//!
//! let name = Name::unquoted("flights");
//! assert_eq!(name.as_str(), "FLIGHTS");
//! assert_eq!(SqlType::parse("NUMBER(10,2)")?.to_string(), "NUMBER(10,2)");
//! assert!(Version::new(3) < Version::new(4));
//! assert_eq!(Timestamp::parse("2013-01-01T00:00:00Z")?.to_string(), "2013-01-01T00:00:00Z");
//! # Ok::<(), icecore_types::Error>(())
//! ```

mod access;
mod catalog;
mod code;
mod content;
mod data_metric;
mod dynamic;
mod encoding;
mod env;
mod error;
mod expectation;
mod id;
mod name;
mod policy;
mod secret;
mod simulated;
mod size;
mod sql_type;
mod system;
mod tag;
mod time;
mod version;

pub use access::{
    AddressFamily, FutureGrantRecord, GrantRecord, GranteeRecord, GrantsDefinition,
    MembershipRecord, NetworkList, NetworkPolicyDefinition, NetworkRuleDefinition, RoleDefinition,
    TokenRecord, UserDefinition, UserKind,
};
pub use catalog::{
    Body, ChannelDefinition, ColumnDefinition, ContainerDefinition, FileFormatDefinition,
    NameSpace, ObjectKind, PipeDefinition, SemanticViewDefinition, StageCredentials,
    StageDefinition, StageLocation, TableDefinition, ViewDefinition,
};
pub use code::Code;
pub use content::{
    ChunkRef, Deletes, DeletesRef, Hash, LoadKey, LoadRecord, ObjectRef, PipeFile, SegmentLocation,
    SegmentRef,
};
pub use data_metric::{
    DataMetricFunction, MetricBinding, MetricExpectation, MetricSchedule, MetricSource,
    SystemMetric,
};
pub use dynamic::{
    DynamicDefinition, Frontier, FrontierInput, RefreshMode, RollUpDefinition, SuspendedBy,
    Suspension, TargetLag,
};
pub use env::{Clock, Env, IdSource, Timer};
pub use error::{Error, ErrorKind, Result};
pub use expectation::{Expectation, ExpectationCheck, OnViolation};
pub use id::{AccountId, ColumnId, ObjectId, QueryId, RowId, SegmentId, TransactionId, WriterId};
pub use name::{Name, QualifiedName};
pub use policy::{Aggregated, Mask, PolicyArgument, PolicyDefinition, PolicyReturns, Projected};
pub use policy::{RowAccess, TablePolicies};
pub use secret::Secret;
pub use simulated::{SeededIds, SimulatedClock, SimulatedTimer};
pub use size::ByteSize;
pub use sql_type::SqlType;
pub use system::{RandomIds, SystemClock, SystemTimer};
pub use tag::{ObjectTags, PropagatedTag, TagConflict, TagDefinition, TagPropagation, TagValues};
pub use time::{Timestamp, parse_advance};
pub use version::{RecordNumber, Version};
