//! Programmatic access tokens: how one is made, and whether it opens a session.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use icecore_types::{Code, Error, Name, Result, Secret, Timestamp, TokenRecord, UserKind};

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

/// A token to be made.
///
/// ```
/// use icecore_governance::{NewToken, TokenRules};
/// use icecore_types::{Name, Secret, Timestamp, UserKind};
///
/// let new = NewToken { name: Name::unquoted("ci"), role: None, days: None };
/// let (text, now) = (Secret::new("icecore_pat_x"), Timestamp::from_micros(0));
/// let token = TokenRules::default().issue(new, &text, (UserKind::Person, false), now)?;
/// assert_eq!(token.expires.to_string(), "1970-01-16T00:00:00Z");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What it is called.
    pub name: Name,
    /// ROLE_RESTRICTION: the only role that its sessions may use.
    pub role: Option<RoleId>,
    /// DAYS_TO_EXPIRY.
    pub days: Option<u32>,
}

impl TokenRules {
    /// The record of a new token with this text. `governed` says whether a
    /// network policy stands before the user.
    ///
    /// # Errors
    /// `InvalidInput` for too many days, and for a service's without a role or
    /// without a network policy.
    pub fn issue(
        &self,
        new: NewToken,
        text: &Secret,
        (kind, governed): (UserKind, bool),
        now: Timestamp,
    ) -> Result<TokenRecord> {
        let NewToken { name, role, days } = new;
        let invalid = |message: String| Err(Error::new(Code::INVALID_OPTION, message));
        let days = days.unwrap_or(self.default_days);
        if days == 0 || days > self.max_days {
            return invalid(format!(
                "DAYS_TO_EXPIRY={days} is not between 1 and {}",
                self.max_days
            ));
        }
        let is_service = matches!(kind, UserKind::Service | UserKind::ServiceAgent);
        if is_service && role.is_none() {
            return invalid(format!("token {name} of a service needs a ROLE_RESTRICTION"));
        }
        if is_service && !governed {
            return invalid(format!("token {name} of a service needs a network policy before it"));
        }
        let (sha256, role) = (hash(text), role.map(RoleId::object));
        Ok(TokenRecord { name, sha256, created: now, expires: now.plus(DAY * days), role })
    }

    /// When a token ends: as it says, or as the account says by now.
    pub fn end_of(&self, token: &TokenRecord) -> Timestamp {
        token.expires.min(token.created.plus(DAY * self.max_days))
    }

    /// Opens a session with a token, by its text. `governed` says whether a
    /// network policy stands before the user, which a token needs.
    ///
    /// # Errors
    /// `Denied`, and never why, for a token that is unknown, has ended, or has
    /// no network policy before it; for a role that it is not for.
    pub fn open(
        &self,
        access: &Access,
        (user, text): (Option<UserId>, &Secret),
        (role, governed): (Option<&Name>, bool),
        now: Timestamp,
    ) -> Result<Session> {
        let given = hash(text);
        let (user, entry) = user
            .and_then(|id| Some((id, access.user(id)?)))
            .filter(|(_, user)| !user.definition().disabled)
            .ok_or_else(invalid)?;
        let same = |token: &&TokenRecord| {
            verify_slices_are_equal(token.sha256.as_bytes(), given.as_bytes()).is_ok()
        };
        let found = entry.definition().tokens.iter().find(same).ok_or_else(invalid)?;
        if !governed || now >= self.end_of(found) {
            return Err(invalid());
        }
        let opened = match found.role.map(RoleId::new) {
            None => {
                let none = entry.definition().no_secondary_roles;
                let secondary = if none { SecondaryRoles::None } else { SecondaryRoles::All };
                Session::open(access, user, role, secondary)?
            }
            Some(only) => {
                let session = Session::restricted_to(access, user, only)?;
                role.map_or(Ok(session.clone()), |role| session.use_role(access, role))?
            }
        };
        Ok(opened.by_token())
    }
}

fn hash(text: &Secret) -> String {
    let bytes = digest(&SHA256, text.expose().as_bytes());
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn invalid() -> Error {
    Error::new(Code::TOKEN_INVALID, "programmatic access token is invalid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::User;

    fn named(role: Option<RoleId>, days: Option<u32>) -> NewToken {
        NewToken { name: Name::unquoted("t"), role, days }
    }

    #[test]
    fn what_a_service_lacks_makes_no_token() {
        let now = Timestamp::from_micros(0);
        let (rules, text) = (TokenRules::default(), Secret::new("ab"));
        let role = Some(RoleId::USERADMIN);
        for (new, user, fails) in [
            (named(role, None), (UserKind::Service, true), false),
            (named(None, None), (UserKind::Service, true), true),
            (named(role, None), (UserKind::ServiceAgent, false), true),
            (named(None, None), (UserKind::Person, false), false),
            (named(None, Some(365)), (UserKind::Person, false), false),
            (named(None, Some(366)), (UserKind::Person, false), true),
            (named(None, Some(0)), (UserKind::Person, false), true),
        ] {
            let made = rules.issue(new.clone(), &text, user, now);
            assert_eq!(made.is_err(), fails, "{new:?} {user:?}");
        }
    }

    /// A10.10
    #[test]
    fn a_token_ends_and_holds_to_its_role() {
        let now = Timestamp::from_micros(0);
        let rules = TokenRules::default();
        let new = named(Some(RoleId::USERADMIN), None);
        let made = (UserKind::Service, true);
        let token = rules.issue(new, &Secret::new("ab"), made, now).unwrap();
        assert!(!format!("{token:?}").contains("\"ab\""));
        let access = Access::default();
        let user = access.user(UserId::DEFAULT).unwrap().clone();
        let mut definition = user.definition().clone();
        definition.tokens.push(token);
        let access = access.with_user(
            UserId::DEFAULT,
            Some(User::new(user.name.clone(), user.owner(), definition)),
        );
        let open = |rules: TokenRules, text, role: Option<&str>, (days, governed): (u32, bool)| {
            let role = role.map(Name::unquoted);
            let at = now.plus(DAY * days);
            let user = (Some(UserId::DEFAULT), &Secret::new(text));
            rules.open(&access, user, (role.as_ref(), governed), at)
        };
        let lowered = TokenRules { max_days: 5, ..rules };
        for (rules, text, at) in [
            (rules, "ab", (16, true)),
            (rules, "ab", (15, true)),
            (rules, "ac", (1, true)),
            (rules, "", (1, true)),
            (rules, "ab", (1, false)),
            (lowered, "ab", (5, true)),
        ] {
            let refused = open(rules, text, None, at).unwrap_err();
            assert_eq!(refused.code().number(), "394400", "{rules:?} {text} {at:?}");
        }
        assert!(open(rules, "ab", Some("sysadmin"), (1, true)).is_err());
        assert!(open(lowered, "ab", None, (4, true)).is_ok());
        let session = open(rules, "ab", None, (14, true)).unwrap();
        assert!(!session.has_role(RoleId::SYSADMIN));
        assert!(session.use_role(&access, &Name::unquoted("sysadmin")).is_err());
        assert!(session.use_secondary(&access, SecondaryRoles::All).is_err());
    }
}
