//! The one error of the workspace.

use std::fmt;
use std::sync::Arc;

use crate::{Code, QueryId};

/// What a caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Name something that exists, or get access to it.
    NotFound,
    /// Choose another name, or drop the object that has it.
    AlreadyExists,
    /// Correct the statement, the option or the data.
    InvalidInput,
    /// Ask for the privilege.
    Denied,
    /// Do without: the engine does not have this.
    Unsupported,
    /// Run it again: another transaction came first.
    Conflict,
    /// Try again later: the store did not answer.
    Unavailable,
    /// Find out whether the transaction took effect before running it again.
    CommitOutcomeUnknown,
    /// Read a later version: this one is no longer kept, or never was.
    SnapshotExpired,
    /// Give it more memory or disk, or ask for less.
    ResourcesExhausted,
    /// Restore from a copy: stored bytes are damaged.
    Corrupted,
    /// Nothing: it was asked for.
    Cancelled,
    /// Report it: the engine is wrong.
    Internal,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An error with its code, what failed, and how to fix it where that is known.
///
/// ```
/// use icecore_types::{Code, Error, ErrorKind};
///
/// let error = Error::new(Code::OBJECT_NOT_FOUND, "object 'T' does not exist or not authorized")
///     .with_help("SHOW TABLES lists what is there");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert!(!error.is_retryable());
/// assert_eq!(error.help(), Some("SHOW TABLES lists what is there"));
/// ```
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    message: String,
    help: Option<String>,
    query_id: Option<QueryId>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this code. The message is lower case, says what failed with
    /// `key=value` pairs, and does not repeat its source.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            help: None,
            query_id: None,
            source: None,
        }))
    }

    /// A construct that the engine does not have, by its name.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(Code::UNSUPPORTED, format!("unsupported: {what}"))
    }

    /// A defect: something that cannot happen did.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new(Code::INTERNAL, format!("internal error: {what}"))
    }

    /// Stored bytes that are not what was written.
    pub fn corrupted(what: impl fmt::Display) -> Self {
        Self::new(Code::CORRUPTED, format!("damaged: {what}"))
    }

    /// Adds how to fix it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Puts the failing operation in front of the message.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Names the statement that failed; the innermost name stays.
    #[must_use]
    pub fn with_query_id(mut self, id: QueryId) -> Self {
        self.0.query_id.get_or_insert(id);
        self
    }

    /// What a caller should do.
    pub fn kind(&self) -> ErrorKind {
        self.0.code.kind()
    }

    /// Snowflake's code and SQLSTATE.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// SQLSTATE alone.
    pub fn sqlstate(&self) -> &'static str {
        self.0.code.sqlstate()
    }

    /// What failed, without the code.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// How to fix it, where that is known.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The statement that failed, if it got as far as having an id.
    pub fn query_id(&self) -> Option<QueryId> {
        self.0.query_id
    }

    /// Whether the same call may succeed if it is simply made again.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Conflict | ErrorKind::Unavailable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { code, message, .. } = &*self.0;
        write!(f, "{} ({}): {message}", code.number(), code.sqlstate())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

impl From<object_store::Error> for Error {
    fn from(source: object_store::Error) -> Self {
        let code = match source {
            object_store::Error::NotFound { .. } => Code::FILE_NOT_FOUND,
            _ => Code::STORE_UNAVAILABLE,
        };
        let path = match &source {
            object_store::Error::NotFound { path, .. }
            | object_store::Error::AlreadyExists { path, .. }
            | object_store::Error::Precondition { path, .. } => format!(" path={path}"),
            _ => String::new(),
        };
        Self::new(code, format!("object store operation failed{path}")).with_source(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retryable_follows_from_the_kind() {
        assert!(Error::new(Code::CONFLICT, "x").is_retryable());
        assert!(Error::new(Code::STORE_UNAVAILABLE, "x").is_retryable());
        assert!(!Error::new(Code::COMMIT_OUTCOME_UNKNOWN, "x").is_retryable());
    }

    #[test]
    fn the_message_does_not_repeat_its_source() {
        let source = object_store::Error::NotFound { path: "a/b".into(), source: "gone".into() };
        let error = Error::from(source);
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!error.message().contains("gone"));
        assert!(std::error::Error::source(&error).is_some());
    }
}
