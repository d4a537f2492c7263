//! The dialect's functions for DataFusion, each a thin shell over `icecore_values`.
//!
//! A session registers all of it: functions by name, the planners that give
//! types and operators their meaning, and the rewrites that the analyzer runs.
//!
//! ```
//! use datafusion_expr::registry::{FunctionRegistry, MemoryFunctionRegistry};
//!
//! let mut registry = MemoryFunctionRegistry::new();
//! for function in icecore_functions::scalar_functions() {
//!     registry.register_udf(function)?;
//! }
//! for function in icecore_functions::aggregate_functions() {
//!     registry.register_udaf(function)?;
//! }
//! assert!(registry.udf("dateadd").is_ok());
//! # Ok::<(), datafusion_common::DataFusionError>(())
//! ```

mod bridge;

mod align;
mod arithmetic;
mod assign;
mod cast;
mod common;
mod conform;
mod fallible;
mod formatted;
mod lowered;
mod rounding;

mod clock;
mod dates;
mod distances;
mod regexps;
mod slices;
mod spec;
mod strings;
mod zones;

mod aggregates;
mod calls;
mod changes;
mod collected;
mod distinct;
mod listagg;
mod median;
mod moments;
mod total;

mod chance;
mod digests;
mod encodings;
mod missing;
mod planner;
mod registry;
mod rewrite;

pub use assign::assign;
pub use chance::next_random;
pub use common::{beside_text, wider};
pub use conform::{conformed, undeclared};
pub use fallible::{as_guarded, decided_first, guarded, is_fallible, is_fallible_call, kept_apart};
pub use missing::is_missing;
pub use planner::{expr_planner, type_planner};
pub use registry::{REFUSED, aggregate_functions, scalar_functions, why_refused};
pub use rewrite::rewrites;

#[cfg(test)]
mod tests;
