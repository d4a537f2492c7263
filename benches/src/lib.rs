//! What the benchmarks share: engines that count their requests, tables with
//! any number of segments, TPC-H, DuckDB beside us, times and their medians.
//!
//! The numbers themselves come from the program `numbers` of this package and
//! from `cargo bench`; `docs/performance.md` says what each of them means.
//!
//! ```
//! use icecore_benches::{Rounds, Stopwatch};
//!
//! let watch = Stopwatch::start();
//! let rounds: Rounds = [watch.elapsed()].into_iter().collect();
//! assert_eq!(rounds.median(), rounds.best());
//! ```

mod counted;
mod duckdb;
mod error;
mod faked;
mod memory;
mod polars;
mod report;
mod rounds;
mod tpch;

pub use counted::{Counted, OnePut};
pub use duckdb::{Answer, DuckDb};
pub use error::{Failure, Outcome};
pub use faked::{FAKED_TABLE, fake_segments};
pub use memory::{forget_peak, peak_bytes, resident_bytes};
pub use polars::PolarsLoad;
pub use report::{Report, bytes, millis, number, seconds};
pub use rounds::{Rounds, Stopwatch};
pub use tpch::{TpchTable, queries};
