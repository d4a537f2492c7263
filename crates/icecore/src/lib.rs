//! An embedded analytical engine: sessions, the statement path, the DataFusion
//! catalog and planners.
//!
//! Data lands raw in an object store, is validated into tables, and every
//! table, schema and database can be cloned without copying and read as it was
//! at any moment. SQL speaks Snowflake's dialect.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use icecore::{At, Icecore};
//!
//! let lake = Icecore::open("memory://").await?;
//! let session = lake.session().await?;
//! session.execute("CREATE TABLE sales (region VARCHAR, amount NUMBER(10,2))").await?;
//! let commit = session.execute("INSERT INTO sales VALUES ('north', 7.5)").await?.commit().unwrap();
//! session.execute("DELETE FROM sales").await?;
//!
//! let sales = session.table("sales").await?;
//! let then = sales.at(At::Version(commit.version())).to_df().await?;
//! assert_eq!(then.count().await.unwrap(), 1);
//! # Ok::<(), icecore::Error>(())
//! # }).unwrap();
//! ```

mod access;
mod access_history;
mod at;
mod builder;
mod cells;
mod channel;
mod ddl;
mod due;
mod dynamic_table;
mod engine;
mod execute;
mod expect;
mod expectations;
mod handle;
mod history;
mod kept;
mod lineage;
mod load;
mod load_history;
mod login;
mod measurements;
mod metrics;
mod pipe;
mod pipes;
mod plan;
pub mod prelude;
mod progress;
mod quarantine;
mod refreshes;
mod result;
mod session;
mod stages;
mod statement;
mod table;
mod text;
mod vectors;
mod virtual_schema;

pub use arrow;
pub use at::At;
pub use builder::{AuditSettings, Builder, PipeSettings, Settings};
pub use channel::{Channel, ChannelAppend, OpenChannel};
pub use datafusion;
pub use dynamic_table::{CreateDynamicTable, DynamicTable};
pub use engine::Icecore;
pub use execute::Execute;
pub use expect::{AddExpectation, Expect, Expectation};
pub use handle::{StatementHandle, Statistics};
pub use icecore_raw::{FileEvent, SqsOptions};
pub use icecore_segment::CacheStatistics;
pub use icecore_snapshot::{AuditKey, Commit, Durability};
pub use icecore_sql::{OnError, is_complete, split};
pub use icecore_types::{
    ByteSize, Clock, Code, Env, Error, ErrorKind, IdSource, Name, QualifiedName, QueryId,
    RefreshMode, Result, SimulatedClock, SqlType, Timer, Timestamp, TransactionId, Version,
    parse_advance,
};
pub use lineage::{Lineage, LineageEdge, LineagePoint, LineageQuery};
pub use load::{LoadFiles, LoadReport, LoadedFile};
pub use login::Login;
pub use metrics::MetricQuery;
pub use pipe::{CreatePipe, IngestedFile, Pipe};
pub use pipes::PipeStatus;
pub use progress::Progress;
pub use quarantine::{Purge, Quarantine, Replay, Replayed};
pub use result::{QueryResult, ResultColumn, TextRow, text_rows};
pub use session::{Session, SessionBuilder};
pub use table::{Append, CloneAs, Table};

/// The programs of the README are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
