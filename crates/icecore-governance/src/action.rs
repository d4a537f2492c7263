//! What is asked for.

use std::fmt;

use icecore_types::{Name, ObjectId, ObjectKind, QualifiedName};

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
    /// Change the definition or the name.
    Alter,
    /// Suspend, resume or refresh it.
    Operate,
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
            Self::Operate => "OPERATE",
            Self::Clone => "CLONE",
            Self::Swap => "SWAP",
            Self::Show => "SHOW",
            Self::Describe => "DESCRIBE",
            Self::Use => "USE",
            Self::Apply => "APPLY",
            Self::ListStage => "LIST",
            Self::ReadStage => "READ",
            Self::PutStage => "PUT",
            Self::RemoveStage => "REMOVE",
            Self::ManageSession => "MANAGE SESSION",
        };
        f.write_str(word)
    }
}

/// What an action is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Object { id: ObjectId, kind: ObjectKind, name: QualifiedName, owner: Name },
    Account,
    Session,
}

/// One thing that a statement does to one object, with the owner that the
/// object has in the version that is decided on.
///
/// ```
/// use icecore_governance::{Action, Verb};
/// use icecore_types::{Name, ObjectId, ObjectKind, QualifiedName};
///
/// let schema = (ObjectId::from_bits(2), ObjectKind::Schema);
/// let name = QualifiedName::parse("retail.public")?;
/// let owner = Name::unquoted("sysadmin");
/// let action = Action::on(Verb::Create(ObjectKind::Table), schema, name, owner);
/// assert_eq!(action.to_string(), "CREATE TABLE on SCHEMA RETAIL.PUBLIC");
/// assert_eq!(action.object(), Some(ObjectId::from_bits(2)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub(crate) verb: Verb,
    pub(crate) target: Target,
}

impl Action {
    /// On an object that is there. To make one, ask on the container that it
    /// will be in.
    pub fn on(
        verb: Verb,
        (id, kind): (ObjectId, ObjectKind),
        name: QualifiedName,
        owner: Name,
    ) -> Self {
        Self { verb, target: Target::Object { id, kind, name, owner } }
    }

    /// On the account itself: to make a database, or see which there are.
    pub fn on_account(verb: Verb) -> Self {
        Self { verb, target: Target::Account }
    }

    /// On the session itself, and on values that are in no object.
    pub fn on_session() -> Self {
        Self { verb: Verb::ManageSession, target: Target::Session }
    }

    /// What is done.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// The object that it is done to, if it is one.
    pub fn object(&self) -> Option<ObjectId> {
        match &self.target {
            Target::Object { id, .. } => Some(*id),
            Target::Account | Target::Session => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Object { kind, name, .. } => {
                write!(f, "{} on {} {name}", self.verb, kind.sql())
            }
            Target::Account => write!(f, "{} on ACCOUNT", self.verb),
            Target::Session => fmt::Display::fmt(&self.verb, f),
        }
    }
}
