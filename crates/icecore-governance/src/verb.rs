//! What statements do to objects.

use std::fmt;

use icecore_types::ObjectKind;

/// What a statement does to one object.
///
/// ```
/// use icecore_governance::Verb;
/// use icecore_types::ObjectKind;
/// assert_eq!(Verb::Create(ObjectKind::FileFormat).to_string(), "CREATE FILE FORMAT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read rows.
    Select,
    /// Add rows.
    Insert,
    /// Change rows.
    Update,
    /// Remove rows.
    Delete,
    /// Remove all rows.
    Truncate,
    /// Add the rows of files.
    Load,
    /// Make an object of this kind in the container that is asked about.
    Create(ObjectKind),
    /// Drop, with all that is in it.
    Drop,
    /// Bring back what was dropped.
    Undrop,
    /// Change the definition.
    Alter,
    /// Change the name, the place, or who may grant in it.
    Rename,
    /// Suspend, resume or refresh it.
    Operate,
    /// See how it is doing.
    Monitor,
    /// Take a copy of it as it is or was.
    Clone,
    /// Give it another's name, and the other its own.
    Swap,
    /// See that it is there.
    Show,
    /// See how it is defined.
    Describe,
    /// Make it the session's.
    Use,
    /// Use a file format or a stage in a statement.
    Apply,
    /// Put a policy or a tag of this kind on it, or take it off.
    Attach(ObjectKind),
    /// See a stage's files.
    ListStage,
    /// Read a stage's files.
    ReadStage,
    /// Store a file in a stage.
    PutStage,
    /// Remove files from a stage.
    RemoveStage,
    /// Set parameters of the session, read its history and results.
    ManageSession,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
            Self::Load => "LOAD",
            Self::Create(kind) => return write!(f, "CREATE {}", kind.sql()),
            Self::Drop => "DROP",
            Self::Undrop => "UNDROP",
            Self::Alter => "ALTER",
            Self::Rename => "RENAME",
            Self::Operate => "OPERATE",
            Self::Monitor => "MONITOR",
            Self::Clone => "CLONE",
            Self::Swap => "SWAP",
            Self::Show => "SHOW",
            Self::Describe => "DESCRIBE",
            Self::Use => "USE",
            Self::Apply => "APPLY",
            Self::Attach(kind) => return write!(f, "ATTACH {}", kind.sql()),
            Self::ListStage => "LIST",
            Self::ReadStage => "READ",
            Self::PutStage => "PUT",
            Self::RemoveStage => "REMOVE",
            Self::ManageSession => "MANAGE SESSION",
        };
        f.write_str(word)
    }
}
