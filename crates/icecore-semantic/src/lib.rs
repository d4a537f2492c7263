//! Semantic models, metric queries as SQL trees, incremental refresh plans.
//!
//! A [`Model`] is a CREATE SEMANTIC VIEW with its names bound to the columns
//! of its tables and its rules checked. [`Model::query`] turns what is asked
//! of it into a query of those tables: plain SQL, in which every metric is
//! aggregated at its own grain before anything is joined to it.
//!
//! ```
//! use icecore_semantic::{BaseTable, Model};
//! use icecore_sql::{Limits, SemanticQuery, Statement, parse};
//! use icecore_types::{Name, QualifiedName};
//!
//! let text = "CREATE SEMANTIC VIEW v TABLES (orders) \
//!             DIMENSIONS (orders.day AS ordered_on) METRICS (orders.total AS SUM(amount))";
//! let parsed = parse(text, &Limits::default())?;
//! let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
//! let orders = BaseTable {
//!     name: QualifiedName::parse("shop.public.orders")?,
//!     columns: vec![Name::unquoted("ordered_on"), Name::unquoted("amount")],
//! };
//! let model = Model::new(create, vec![orders], std::sync::Arc::new(["sum".to_owned()].into()))?;
//! let asked = SemanticQuery::parse("SEMANTIC_VIEW(v DIMENSIONS day METRICS total)")?;
//! assert_eq!(
//!     model.query(&asked)?.to_string(),
//!     "WITH ORDERS AS (SELECT ORDERS.ORDERED_ON AS DAY, SUM(ORDERS.AMOUNT) AS \"ORDERS.TOTAL\" \
//!      FROM SHOP.PUBLIC.ORDERS AS ORDERS GROUP BY 1) \
//!      SELECT ORDERS.DAY AS DAY, ORDERS.\"ORDERS.TOTAL\" AS TOTAL FROM ORDERS"
//! );
//! # Ok::<(), icecore_types::Error>(())
//! ```

mod errors;
mod tree;

mod model;

mod metrics;
mod rows;

mod query;

mod describe;
mod rollup;
mod standard;

mod refresh;

pub use describe::{Described, TypedQuery};
pub use model::{BaseTable, ExpressionKind, Model};
pub use refresh::{Changed, Delta, Reason, RefreshPlan, Sources};
pub use rollup::{Lacks, RollUp};
pub use standard::rewrite;

#[cfg(test)]
mod tests;
