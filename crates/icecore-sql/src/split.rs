//! A script's statements.

use icecore_types::Result;

/// One statement of a script, not yet parsed.
///
/// ```
/// let pieces = icecore_sql::split("select 1; -- one; more\nselect ';'")?;
/// assert_eq!(pieces[1].text, "select ';'");
/// assert_eq!((pieces[1].offset, pieces[1].line), (23, 2));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// From its first token to its last.
    pub text: String,
    /// Where it begins, in bytes from the beginning of the script.
    pub offset: usize,
    /// The line that it begins in, from 1.
    pub line: usize,
}

/// TODO
pub fn split(_text: &str) -> Result<Vec<Piece>> {
    todo!()
}

/// TODO
pub fn is_complete(_text: &str) -> bool {
    todo!()
}
