//! Errors of a measurement.

/// Whatever can go wrong around an engine: its own errors, files, processes.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The outcome of a measurement.
pub type Outcome<T = ()> = Result<T, Failure>;
