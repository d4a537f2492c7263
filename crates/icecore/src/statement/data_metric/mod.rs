//! Data metric functions: what they are, what they measure, and measuring.

mod binding;
mod function;
mod measure;

pub(crate) use binding::{measured_name, refuse_measured};
pub(crate) use function::with_signature;
pub(crate) use measure::measure;
