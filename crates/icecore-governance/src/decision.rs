//! What is answered.

use std::fmt;

use icecore_types::{Code, Error, Name, ObjectKind, QualifiedName, Result};

use crate::action::Target;
use crate::{Action, Subject};

/// Why one action is allowed.
///
/// ```
/// use icecore_governance::Reason;
/// use icecore_types::Name;
/// let reason = Reason::AccountRole { role: Name::unquoted("sysadmin") };
/// assert_eq!(reason.to_string(), "role SYSADMIN manages the account's databases");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The role owns the object.
    Owner {
        /// The role.
        role: Name,
        /// The object's kind.
        kind: ObjectKind,
        /// Its name.
        name: QualifiedName,
    },
    /// The role is the one that makes databases.
    AccountRole {
        /// The role.
        role: Name,
    },
    /// Everybody's session is their own.
    OwnSession,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner { role, kind, name } => {
                write!(f, "role {role} owns {} {name}", kind.sql())
            }
            Self::AccountRole { role } => {
                write!(f, "role {role} manages the account's databases")
            }
            Self::OwnSession => f.write_str("a session is its user's own"),
        }
    }
}

/// Why a statement is allowed: a reason for each of its actions, in order.
///
/// ```
/// use icecore_governance::{Action, Decision, Subject, decide};
/// let Decision::Allowed(why) = decide(&Subject::default(), &[Action::on_session()]) else {
///     panic!("everybody may")
/// };
/// assert_eq!(why.reasons().len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why(Vec<Reason>);

impl Why {
    /// The reasons, one for each action.
    pub fn reasons(&self) -> &[Reason] {
        &self.0
    }
}

impl fmt::Display for Why {
    /// The reasons without repetitions, each after the first on its own line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, reason) in self.0.iter().enumerate() {
            if self.0.iter().take(index).any(|earlier| earlier == reason) {
                continue;
            }
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{reason}")?;
        }
        Ok(())
    }
}

/// Whether a statement may run.
///
/// ```
/// use icecore_governance::{Action, Subject, Verb, decide};
/// use icecore_types::{Name, ObjectKind};
///
/// let role = Name::unquoted("analyst");
/// let subject = Subject { role, ..Subject::default() };
/// let create = Action::on_account(Verb::Create(ObjectKind::Database));
/// let error = decide(&subject, &[create]).into_result().unwrap_err();
/// assert_eq!(error.code().number(), "003001");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub enum Decision {
    /// All of it may be done.
    Allowed(Why),
    /// At least one action may not: the error that the statement ends with.
    Refused(Error),
}

impl Decision {
    /// The reasons, or the error.
    ///
    /// # Errors
    /// `NotFound` for an object that may not be seen, `Denied` for the account.
    pub fn into_result(self) -> Result<Why> {
        match self {
            Self::Allowed(why) => Ok(why),
            Self::Refused(error) => Err(error),
        }
    }
}

/// Decides on everything that a statement does: all of it, or none. The owner
/// of an object may do everything with it and in it, nobody else anything;
/// the default role may make databases; a session is its user's own.
///
/// # Errors
/// None: a refusal is a decision.
pub fn decide(subject: &Subject, actions: &[Action]) -> Decision {
    let reasons: Result<Vec<Reason>> =
        actions.iter().map(|action| decide_one(subject, action)).collect();
    match reasons {
        Ok(reasons) => Decision::Allowed(Why(reasons)),
        Err(error) => Decision::Refused(error),
    }
}

fn decide_one(subject: &Subject, action: &Action) -> Result<Reason> {
    let role = subject.role.clone();
    match &action.target {
        Target::Session => Ok(Reason::OwnSession),
        Target::Account if role.as_str() == Subject::DEFAULT_ROLE => {
            Ok(Reason::AccountRole { role })
        }
        Target::Account => {
            let message =
                format!("insufficient privileges to operate on account '{}'", subject.account);
            Err(Error::new(Code::INSUFFICIENT_PRIVILEGES, message)
                .with_help(format!("use role {}", Subject::DEFAULT_ROLE)))
        }
        Target::Object { kind, name, owner, .. } if sees(subject, owner) => {
            Ok(Reason::Owner { role, kind: *kind, name: name.clone() })
        }
        Target::Object { kind, name, .. } => Err(missing_or_forbidden(*kind, name)),
    }
}

/// Whether a listing shows an object of this owner.
pub fn sees(subject: &Subject, owner: &Name) -> bool {
    subject.role == *owner
}

/// The one error of an object that is missing and of one that is forbidden, so
/// that nobody learns which it is.
///
/// ```
/// use icecore_governance::missing_or_forbidden;
/// use icecore_types::{ObjectKind, QualifiedName};
///
/// let error = missing_or_forbidden(ObjectKind::Table, &QualifiedName::parse("db.s.t")?);
/// assert_eq!(error.message(), "object 'DB.S.T' does not exist or not authorized");
/// assert_eq!(error.code().number(), "002003");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn missing_or_forbidden(kind: ObjectKind, name: &QualifiedName) -> Error {
    let (code, what) = match kind {
        ObjectKind::Database => (Code::OPERATION_IMPOSSIBLE, "database"),
        ObjectKind::Schema => (Code::OPERATION_IMPOSSIBLE, "schema"),
        // A name does not say which of these it would be.
        ObjectKind::Table
        | ObjectKind::DynamicTable
        | ObjectKind::View
        | ObjectKind::Stage
        | ObjectKind::FileFormat
        | ObjectKind::Pipe
        | ObjectKind::Channel
        | ObjectKind::SemanticView
        | ObjectKind::Quarantine => (Code::OBJECT_NOT_FOUND, "object"),
    };
    Error::new(code, format!("{what} '{name}' does not exist or not authorized"))
}

#[cfg(test)]
mod tests {
    use icecore_types::{ErrorKind, ObjectId};

    use super::*;
    use crate::Verb;

    fn subject(role: &str) -> Subject {
        Subject { role: Name::unquoted(role), ..Subject::default() }
    }

    fn action(verb: Verb, kind: ObjectKind, owner: &str) -> Action {
        let name = QualifiedName::parse("db.s.t").unwrap();
        Action::on(verb, (ObjectId::from_bits(1), kind), name, Name::unquoted(owner))
    }

    const VERBS: [Verb; 22] = [
        Verb::Select,
        Verb::Insert,
        Verb::Update,
        Verb::Delete,
        Verb::Truncate,
        Verb::Load,
        Verb::Create(ObjectKind::Table),
        Verb::Drop,
        Verb::Undrop,
        Verb::Alter,
        Verb::Operate,
        Verb::Clone,
        Verb::Swap,
        Verb::Show,
        Verb::Describe,
        Verb::Use,
        Verb::Apply,
        Verb::ListStage,
        Verb::ReadStage,
        Verb::PutStage,
        Verb::RemoveStage,
        Verb::ManageSession,
    ];

    #[test]
    fn the_owner_may_and_nobody_else() {
        for verb in VERBS {
            let owned = action(verb, ObjectKind::Schema, "sysadmin");
            let why = decide(&Subject::default(), std::slice::from_ref(&owned)).into_result();
            assert_eq!(why.unwrap().to_string(), "role SYSADMIN owns SCHEMA DB.S.T");
            for other in ["analyst", "accountadmin", "public"] {
                let error = decide(&subject(other), std::slice::from_ref(&owned)).into_result();
                assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound, "{verb} {other}");
            }
        }
    }

    #[test]
    fn a_role_is_compared_as_a_name_is() {
        let owned = action(Verb::Select, ObjectKind::Table, "sysadmin");
        let quoted = Subject { role: Name::quoted("sysadmin"), ..Subject::default() };
        assert!(decide(&quoted, std::slice::from_ref(&owned)).into_result().is_err());
        assert!(sees(&Subject::default(), &Name::unquoted("SysAdmin")));
    }

    #[test]
    fn one_refusal_refuses_all() {
        let mine = action(Verb::Insert, ObjectKind::Table, "sysadmin");
        let theirs = action(Verb::Select, ObjectKind::View, "analyst");
        for actions in [[mine.clone(), theirs.clone()], [theirs, mine]] {
            let error = decide(&Subject::default(), &actions).into_result().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn a_refusal_says_no_more_than_a_missing_object_does() {
        let name = QualifiedName::parse("db.s.t").unwrap();
        for verb in VERBS {
            let forbidden = action(verb, ObjectKind::View, "analyst");
            let error = decide(&Subject::default(), &[forbidden]).into_result().unwrap_err();
            let missing = missing_or_forbidden(ObjectKind::Table, &name);
            assert_eq!(error.to_string(), missing.to_string());
            assert_eq!((error.help(), error.code()), (missing.help(), missing.code()));
        }
    }

    #[test]
    fn the_account_is_the_default_roles_and_the_session_everybodys() {
        let create = Action::on_account(Verb::Create(ObjectKind::Database));
        let actions = [create, Action::on_session(), Action::on_session()];
        let why = decide(&Subject::default(), &actions).into_result().unwrap();
        assert_eq!(why.reasons().len(), 3);
        assert_eq!(why.to_string().lines().count(), 2, "{why}");
        let error = decide(&subject("analyst"), &actions).into_result().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(decide(&subject("analyst"), &[Action::on_session()]).into_result().is_ok());
    }

    #[test]
    fn nothing_asked_is_nothing_refused() {
        let why = decide(&Subject::default(), &[]).into_result().unwrap();
        assert_eq!(why.to_string(), "");
    }
}
