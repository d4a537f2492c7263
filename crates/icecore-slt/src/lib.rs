//! The runner of `.slt` files: each on an engine of its own, whose clock stands
//! still until the file moves it.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use icecore_slt::{Script, Store, run_script};
//!
//! let script = Script::parse(
//!     "example.slt",
//!     "statement ok\nCREATE TABLE t (n INT)\n\nclock +25h\n\nquery I\nSELECT COUNT(*) FROM t\n----\n0\n",
//! )?;
//! let report = run_script(script, &Store::Memory).await;
//! assert_eq!(report.to_string(), "2 passed, 0 failed");
//! # Ok::<(), icecore_slt::ScriptError>(())
//! # }).unwrap();
//! ```

mod database;
mod files;
mod report;
mod run;
mod script;

pub use files::find_files;
pub use report::Report;
pub use run::{START, Store, run_file, run_script};
pub use script::{Script, ScriptError, Step};
