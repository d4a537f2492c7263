//! What nobody may read.

use std::fmt;

/// A text that nothing shows: no `Debug`, no message, no stored body.
///
/// ```
/// use icecore_types::Secret;
/// let password = Secret::new("Hidden-7");
/// assert_eq!(format!("{password:?}"), "Secret");
/// assert_eq!(password.expose(), "Hidden-7");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for who compares or hashes it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
