//! Semantic models, metric queries as SQL trees, incremental refresh plans.

mod refresh;

pub use refresh::{Changed, Delta, Reason, RefreshPlan, Sources};
