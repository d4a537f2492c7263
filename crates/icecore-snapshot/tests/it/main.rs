//! Everything that needs a store: one binary.

mod commit;
mod damage;
mod faults;
mod lab;
mod matrix;
mod metrics;
mod model;
mod numbers;
mod versions;
