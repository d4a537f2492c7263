//! Everything that needs a store: one binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod commit;
mod damage;
mod faults;
mod lab;
mod limits;
mod listing;
mod matrix;
mod merging;
mod metrics;
mod model;
mod numbers;
mod pipes;
#[cfg(feature = "s3")]
mod s3;
mod versions;
