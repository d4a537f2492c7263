//! How many records did what they should.

use std::fmt;
use std::ops::AddAssign;

/// Counts of records, and what each failed one says.
///
/// ```
/// use icecore_slt::Report;
/// let mut report = Report::default();
/// report.pass();
/// report.fail("a.slt:3: expected 1, got 2");
/// assert_eq!(report.to_string(), "1 passed, 1 failed");
/// assert!(!report.is_success());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Report {
    passed: usize,
    failures: Vec<String>,
}

impl Report {
    /// Counts a record that did what it should.
    pub fn pass(&mut self) {
        self.passed += 1;
    }

    /// Counts one that did not, with what is wrong and where.
    pub fn fail(&mut self, failure: impl Into<String>) {
        self.failures.push(failure.into());
    }

    /// How many did what they should.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// What is wrong and where, for each one that did not.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Whether none failed.
    pub fn is_success(&self) -> bool {
        self.failures.is_empty()
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failures.len())
    }
}
