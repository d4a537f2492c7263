//! Who asks.

use icecore_types::Name;

/// The user on whose behalf something is done, and the role it acts in. The
/// default is the one user of an account that has made no others.
///
/// ```
/// use icecore_governance::Subject;
/// let subject = Subject::default();
/// assert_eq!(subject.to_string(), "user ICECORE in role SYSADMIN of account DEFAULT");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The account.
    pub account: Name,
    /// The user.
    pub user: Name,
    /// The role that is active: privileges are a role's, never a user's.
    pub role: Name,
}

impl Subject {
    /// The account that exists without being made.
    pub const DEFAULT_ACCOUNT: &str = "DEFAULT";
    /// The user that exists without being made.
    pub const DEFAULT_USER: &str = "ICECORE";
    /// The role that exists without being made, and owns what the default user
    /// makes.
    pub const DEFAULT_ROLE: &str = "SYSADMIN";
}

impl Default for Subject {
    fn default() -> Self {
        Self {
            account: Name::quoted(Self::DEFAULT_ACCOUNT),
            user: Name::quoted(Self::DEFAULT_USER),
            role: Name::quoted(Self::DEFAULT_ROLE),
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { account, user, role } = self;
        write!(f, "user {user} in role {role} of account {account}")
    }
}
