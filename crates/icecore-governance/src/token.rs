//! Whether a token opens a session.

use std::time::Duration;

use icecore_types::{Code, Error, Name, Result, Timestamp, TokenRecord, UserKind};

use crate::{Access, RoleId, SecondaryRoles, Session, UserId};

const DAY: Duration = Duration::from_secs(86_400);

/// What the account says of tokens.
///
/// ```
/// use icecore_governance::TokenRules;
/// assert_eq!(TokenRules::default().default_days, 15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// How long one lives if nothing is said.
    pub default_days: u32,
    /// How long one lives at the most: also one that was made to live longer.
    pub max_days: u32,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self { default_days: 15, max_days: 365 }
    }
}

impl TokenRules {
    /// A new token of a user.
    ///
    /// # Errors
    /// `InvalidInput` for too many days, and for a program's without a role.
    pub fn issue(
        &self,
        kind: UserKind,
        (name, sha256): (Name, String),
        (role, days): (Option<RoleId>, Option<u32>),
        now: Timestamp,
    ) -> Result<TokenRecord> {
        let days = days.unwrap_or(self.default_days);
        if days == 0 || days > self.max_days {
            let message = format!("days_to_expiry={days} is not between 1 and {}", self.max_days);
            return Err(Error::new(Code::INVALID_OPTION, message));
        }
        if role.is_none() && matches!(kind, UserKind::Service | UserKind::ServiceAgent) {
            let message = format!("token {name} of a service needs a ROLE_RESTRICTION");
            return Err(Error::new(Code::INVALID_OPTION, message));
        }
        let role = role.map(RoleId::object);
        Ok(TokenRecord { name, sha256, created: now, expires: now.plus(DAY * days), role })
    }

    /// Opens a session with a token, by the SHA-256 of its text in hexadecimal.
    /// `governed` says whether a network policy stands before the user, which
    /// a token needs.
    ///
    /// # Errors
    /// `Denied`, and never why, for a token that is unknown, has ended, or has
    /// no network policy before it; for a role that it is not for.
    pub fn open(
        &self,
        access: &Access,
        (user, sha256): (UserId, &str),
        (role, governed): (Option<&Name>, bool),
        now: Timestamp,
    ) -> Result<Session> {
        let entry = access.user(user).filter(|user| !user.definition().disabled);
        let tokens = entry.map(|user| &*user.definition().tokens).unwrap_or_default();
        let found = tokens.iter().find(|token| same(&token.sha256, sha256)).ok_or_else(invalid)?;
        let last = found.created.plus(DAY * self.max_days);
        if !governed || now >= found.expires || now >= last {
            return Err(invalid());
        }
        match found.role.map(RoleId::new) {
            None => Session::open(access, user, role, SecondaryRoles::All),
            Some(only) => {
                let session = Session::restricted_to(access, user, only)?;
                role.map_or(Ok(session.clone()), |role| session.use_role(access, role))
            }
        }
    }
}

fn invalid() -> Error {
    Error::new(Code::TOKEN_INVALID, "programmatic access token is invalid")
}

/// Takes the same time wherever the first difference is.
fn same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::User;

    /// A10.10
    #[test]
    fn a_token_ends_and_holds_to_its_role() {
        let now = Timestamp::from_micros(0);
        let rules = TokenRules::default();
        let name = (Name::unquoted("t"), "ab".to_owned());
        let role = (Some(RoleId::USERADMIN), None);
        let token = rules.issue(UserKind::Service, name.clone(), role, now).unwrap();
        assert!(rules.issue(UserKind::Service, name, (None, None), now).is_err());
        let access = Access::default();
        let user = access.user(UserId::DEFAULT).unwrap().clone();
        let mut definition = user.definition().clone();
        definition.tokens.push(token);
        let access = access.with_user(
            UserId::DEFAULT,
            Some(User::new(user.name.clone(), user.owner(), definition)),
        );
        let open = |hash, role: Option<&str>, days: u32| {
            let role = role.map(Name::unquoted);
            let at = now.plus(DAY * days);
            rules.open(&access, (UserId::DEFAULT, hash), (role.as_ref(), true), at)
        };
        assert_eq!(open("ab", None, 16).unwrap_err().code().number(), "394400");
        assert_eq!(open("ac", None, 1).unwrap_err().code().number(), "394400");
        assert!(open("ab", Some("sysadmin"), 1).is_err());
        let session = open("ab", None, 14).unwrap();
        assert!(!session.has_role(RoleId::SYSADMIN));
        assert!(session.use_role(&access, &Name::unquoted("sysadmin")).is_err());
        assert!(session.use_secondary(&access, SecondaryRoles::All).is_err());
    }
}
