//! What can go wrong, and when.

use crate::Verb;

/// What goes wrong with one operation.
///
/// ```
/// use icecore_testkit::Fault;
/// assert_ne!(Fault::FailBefore, Fault::FailAfter);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails and nothing was done.
    FailBefore,
    /// It is done and fails all the same: a lost acknowledgement.
    FailAfter,
    /// It is done and never answers: whoever waits has to be dropped.
    Hang,
    /// A put answers `AlreadyExists` and nothing was done; any other
    /// operation fails before it is done.
    SpuriousConflict,
    /// A put times out now and is done when so many further operations have
    /// begun; any other operation fails before it is done.
    LandLater {
        /// Operations from now.
        after_operations: u64,
    },
    /// The byte at this position, modulo the length, has all bits turned over:
    /// of what a put stores, or of what a read returns.
    FlipByte {
        /// Position in the bytes of the operation.
        position: u64,
    },
    /// Only so many of the bytes are stored by a put, or returned by a read.
    Truncate {
        /// Bytes that are left.
        to_bytes: u64,
    },
    /// It and every operation after it fail before they are done, until
    /// [`FaultyStore::heal`](crate::FaultyStore::heal).
    Crash,
}

/// When a fault happens: at the n-th operation of a kind from now on, once.
///
/// ```
/// use icecore_testkit::{Fault, Rule, Verb};
/// // The third put below `log` is done, and its answer is lost.
/// let rule = Rule::nth(3, Fault::FailAfter).of(Verb::Put).under("log/");
/// # let _ = rule;
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) fault: Fault,
    pub(crate) left: u64,
    verb: Option<Verb>,
    part: Option<String>,
}

impl Rule {
    /// At the n-th operation, counted from 1.
    pub fn nth(n: u64, fault: Fault) -> Self {
        Self { fault, left: n.max(1), verb: None, part: None }
    }

    /// Counting only this verb.
    #[must_use]
    pub fn of(mut self, verb: Verb) -> Self {
        self.verb = Some(verb);
        self
    }

    /// Counting only paths that contain this text.
    #[must_use]
    pub fn under(mut self, part: &str) -> Self {
        self.part = Some(part.to_owned());
        self
    }

    pub(crate) fn matches(&self, verb: Verb, path: &str) -> bool {
        self.verb.is_none_or(|wanted| wanted == verb)
            && self.part.as_deref().is_none_or(|part| path.contains(part))
    }
}

/// How likely each fault is at each operation, from 0 to 1. What damages bytes
/// is not among them: a test says where.
///
/// ```
/// use icecore_testkit::Chances;
/// let chances = Chances { fail_after: 0.1, ..Chances::default() };
/// assert_eq!(chances.fail_before, 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Chances {
    /// Of [`Fault::FailBefore`], at any operation.
    pub fail_before: f64,
    /// Of [`Fault::FailAfter`], at any operation.
    pub fail_after: f64,
    /// Of [`Fault::SpuriousConflict`], at a put.
    pub spurious_conflict: f64,
    /// Of [`Fault::LandLater`], at a put, by 1 to 8 operations.
    pub land_later: f64,
}
