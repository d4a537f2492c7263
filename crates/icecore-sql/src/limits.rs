//! How long and how deep a script may be.

/// Bounds on a script, checked before it is parsed: without them an input of
/// a few kilobytes can take hours or overflow the stack.
///
/// ```
/// use icecore_sql::{Limits, parse};
/// use icecore_types::Code;
/// let small = Limits { text_bytes: 10, ..Limits::default() };
/// assert_eq!(parse("SELECT 1234", &small).unwrap_err().code(), Code::TOO_COMPLEX);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one script; 1 MiB. More takes memory: about 100 bytes of
    /// tree for each byte of text.
    pub text_bytes: usize,
    /// Parentheses, brackets and CASEs inside each other; 64.
    pub depth: usize,
    /// Operators inside each other in one expression, which is what
    /// `1 + 1 + ..` adds up to; 250. It bounds the stack of everybody who
    /// walks the tree: a copy of it takes 4.5 KB for each of them in an
    /// unoptimised build, of a thread's 2 MiB. Runs of AND, of OR and of UNION
    /// are balanced and count for a few: there may be 5,000 conditions in a
    /// clause and 1,000 queries in a set operation. A query inside another
    /// counts for ten.
    pub terms: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text_bytes: 1024 * 1024, depth: 64, terms: 250 }
    }
}
