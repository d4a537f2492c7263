//! Whether a session may do something, and through what.

use std::cell::Cell;
use std::fmt;

use icecore_types::Result;

use crate::account_wide::instead;
use crate::grants::{GrantKey, Grants};
use crate::session::Reach;
use crate::{Access, Grantee, Need, Privilege, RoleId, RolePath, Securable, Session, Verb};

/// One thing that a statement does to one securable.
///
/// ```
/// use icecore_governance::{Access, Act, Verb};
/// use icecore_types::ObjectKind;
/// let act = Act::new(Verb::Create(ObjectKind::Database), Access::default().account());
/// assert_eq!(act.to_string(), "CREATE DATABASE on ACCOUNT DEFAULT");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    verb: Verb,
    on: Securable,
}

impl Act {
    /// To make an object, it is on the container that it will be in.
    pub fn new(verb: Verb, on: Securable) -> Self {
        Self { verb, on }
    }

    /// What is done.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// What it is done to.
    pub fn on(&self) -> &Securable {
        &self.on
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.verb, self.on)
    }
}

/// Through what a need is met.
///
/// ```
/// use icecore_governance::{RolePath, Through};
/// use icecore_types::Name;
/// let through = Through::Owner(RolePath::new(vec![Name::unquoted("r")]));
/// assert_eq!(through.to_string(), "owned by R");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Through {
    /// A role of the session owns it.
    Owner(RolePath),
    /// A role of the session was granted a privilege.
    Role {
        /// The privilege.
        privilege: Privilege,
        /// How the session comes to the role that has it.
        path: RolePath,
        /// The role that granted it.
        grantor: RoleId,
    },
    /// The user itself was granted a privilege.
    User {
        /// The privilege.
        privilege: Privilege,
        /// The role that granted it.
        grantor: RoleId,
    },
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(path) => write!(f, "owned by {path}"),
            Self::Role { privilege, path, .. } => write!(f, "{privilege} granted to {path}"),
            Self::User { privilege, .. } => write!(f, "{privilege} granted to the user"),
        }
    }
}

/// One need of an action, and through what it is met: nothing if it is not.
///
/// ```
/// use icecore_governance::{Access, Act, Session, Verb};
/// use icecore_types::ObjectKind;
/// let access = Access::default();
/// let session = Session::of_default_user(&access)?;
/// let act = Act::new(Verb::Create(ObjectKind::Database), access.account());
/// let grounds = access.explain(&session, &[act])?;
/// assert_eq!(
///     grounds[0].to_string(),
///     "CREATE DATABASE on ACCOUNT DEFAULT: CREATE DATABASE granted to SYSADMIN"
/// );
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// What is needed.
    pub need: Need,
    /// On what.
    pub on: Securable,
    /// Through what it is met.
    pub through: Option<Through>,
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: ", self.need, self.on)?;
        match &self.through {
            Some(through) => fmt::Display::fmt(through, f),
            None => f.write_str("missing"),
        }
    }
}

/// Where a need is met, before names are looked up for it.
#[derive(Clone, Copy)]
enum Met {
    Owner,
    Grant(GrantKey),
    /// Some privilege or other of this holder.
    Some(Grantee),
}

/// One question to the state, with the look-ups that it took.
pub(crate) struct Judge<'a> {
    access: &'a Access,
    session: &'a Session,
    probes: Cell<usize>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(access: &'a Access, session: &'a Session) -> Self {
        Self { access, session, probes: Cell::new(0) }
    }

    fn count(&self, probes: usize) {
        self.probes.set(self.probes.get() + probes);
    }

    fn reach(&self, need: Need) -> &'a Reach {
        if need.is_for_primary() { &self.session.of_primary } else { &self.session.of_all }
    }

    /// What a user holds directly is no role's: it makes no objects.
    fn user(&self, need: Need) -> Option<Grantee> {
        let user = self.session.counting_user().filter(|_| !need.is_for_primary());
        user.map(Grantee::User)
    }

    /// # Errors
    /// The error that the statement ends with.
    fn check(&self, act: &Act) -> Result<()> {
        let need = Need::of(act.verb, act.on.kind());
        let mut containers = act.on.containers();
        let container = if need.is_for_primary() { Need::Create(act.on.kind()) } else { Need::Any };
        if containers.any(|one| self.met_within(one, container).is_none()) {
            return Err(act.on.absent());
        }
        if self.met(&act.on, need, self.reach(need), self.user(need)).is_some()
            || self.met_throughout(act).is_some()
        {
            return Ok(());
        }
        let everything = &self.session.of_all;
        let seen = self.met(&act.on, Need::Any, everything, self.user(Need::Any)).is_some()
            || self.met_throughout(&Act::new(Verb::Show, act.on.clone())).is_some()
            || act.on.kind() == crate::SecurableKind::Account;
        Err(if seen { act.on.insufficient() } else { act.on.absent() })
    }

    /// Any privilege on a container lets through; to make an object the
    /// primary role needs one itself.
    fn met_within(&self, container: &Securable, need: Need) -> Option<Met> {
        self.met(container, Need::Any, self.reach(need), self.user(need))
    }

    /// The privilege on the account that stands for the one on the object.
    fn met_throughout(&self, act: &Act) -> Option<Privilege> {
        let user = self.session.counting_user().map(Grantee::User);
        let account = self.access.account();
        let met = |one| self.met(&account, Need::One(one), &self.session.of_all, user).is_some();
        instead(act.verb, act.on.kind()).iter().copied().find(|one| met(*one))
    }

    fn met(&self, on: &Securable, need: Need, reach: &Reach, user: Option<Grantee>) -> Option<Met> {
        self.count(1);
        if reach.contains(on.owner()) {
            return Some(Met::Owner);
        }
        self.count(1);
        let grants = self.access.grants(on.id())?;
        let find = |privilege| self.holder(grants, privilege, reach, user);
        match need {
            Need::Ownership => None,
            Need::AnyOf(privileges) => privileges.iter().copied().find_map(find).map(Met::Grant),
            Need::One(privilege) => find(privilege).map(Met::Grant),
            Need::Create(kind) => find(Privilege::Create(kind)).map(Met::Grant),
            Need::Any => match find(Privilege::Usage) {
                Some(key) => Some(Met::Grant(key)),
                None => self.any(grants, reach, user).map(Met::Some),
            },
        }
    }

    /// Goes through the fewer: the holders of the privilege, or the roles of
    /// the session.
    fn holder(
        &self,
        grants: &Grants,
        privilege: Privilege,
        reach: &Reach,
        user: Option<Grantee>,
    ) -> Option<GrantKey> {
        if reach.len() < grants.holders().len() {
            let mine = reach.iter().map(Grantee::Role).chain(user);
            return mine
                .inspect(|_| self.count(1))
                .find_map(|grantee| grants.to(privilege, grantee).next().map(|(key, _)| *key));
        }
        let held = grants.of(privilege).inspect(|_| self.count(1));
        held.map(|(key, _)| *key).find(|key| is_mine(key.grantee, reach, user))
    }

    /// Goes through the fewer here too.
    fn any(&self, grants: &Grants, reach: &Reach, user: Option<Grantee>) -> Option<Grantee> {
        let holders = grants.holders();
        if reach.len() < holders.len() {
            let mut mine = reach.iter().map(Grantee::Role).chain(user);
            return mine.find(|grantee| {
                self.count(1);
                holders.contains_key(grantee)
            });
        }
        let mut all = holders.keys().inspect(|_| self.count(1));
        all.find(|grantee| is_mine(**grantee, reach, user)).copied()
    }

    fn ground(&self, on: &Securable, need: Need, reach: &Reach, user: Option<Grantee>) -> Ground {
        let held = |grantee| self.access.grants(on.id())?.any_to(grantee).copied();
        let key = match self.met(on, need, reach, user) {
            None => None,
            Some(Met::Owner) => {
                let through = Through::Owner(reach.path(self.access, on.owner()));
                return Ground { need, on: on.clone(), through: Some(through) };
            }
            Some(Met::Grant(key)) => Some(key),
            Some(Met::Some(grantee)) => held(grantee),
        };
        let through = key.map(|key| match key {
            GrantKey { privilege, grantee: Grantee::Role(role), grantor } => {
                Through::Role { privilege, path: reach.path(self.access, role), grantor }
            }
            GrantKey { privilege, grantee: Grantee::User(_), grantor } => {
                Through::User { privilege, grantor }
            }
        });
        Ground { need, on: on.clone(), through }
    }

    fn grounds(&self, act: &Act) -> Vec<Ground> {
        let need = Need::of(act.verb, act.on.kind());
        let (reach, user) = (self.reach(need), self.user(need));
        let mut grounds: Vec<Ground> = act
            .on
            .containers()
            .map(|container| self.ground(container, Need::Any, reach, user))
            .collect();
        grounds.reverse();
        let own = self.ground(&act.on, need, reach, user);
        let throughout = own.through.is_none().then(|| self.met_throughout(act)).flatten();
        grounds.push(match throughout {
            None => own,
            Some(privilege) => {
                self.ground(&self.access.account(), Need::One(privilege), reach, user)
            }
        });
        grounds
    }

    /// Whether the primary role has a privilege on a securable, or owns it.
    pub(crate) fn primary_has(&self, on: &Securable, privilege: Privilege) -> bool {
        let reach = &self.session.of_primary;
        let grants = self.access.grants(on.id());
        reach.contains(on.owner())
            || grants.is_some_and(|grants| self.holder(grants, privilege, reach, None).is_some())
    }

    /// Through what the session has a privilege on a securable: OWNERSHIP only
    /// its owner.
    pub(crate) fn held(&self, on: &Securable, privilege: Privilege) -> Ground {
        let reach = &self.session.of_all;
        let need = match privilege {
            Privilege::Ownership => Need::Ownership,
            other => Need::One(other),
        };
        let user = self.session.counting_user().map(Grantee::User);
        let owns = reach.contains(on.owner());
        if owns == (privilege == Privilege::Ownership) {
            return self.ground(on, need, reach, user);
        }
        Ground { need, on: on.clone(), through: None }
    }

    /// Whether the session has any privilege on a securable, or owns it.
    pub(crate) fn has_any(&self, on: &Securable) -> bool {
        let user = self.session.counting_user().map(Grantee::User);
        self.met(on, Need::Any, &self.session.of_all, user).is_some()
    }

    /// Whether the session has a privilege on a securable, or owns it.
    pub(crate) fn has(&self, on: &Securable, privilege: Privilege) -> bool {
        let reach = &self.session.of_all;
        if reach.contains(on.owner()) {
            return true;
        }
        let grants = self.access.grants(on.id());
        let user = self.session.counting_user().map(Grantee::User);
        grants.is_some_and(|grants| self.holder(grants, privilege, reach, user).is_some())
    }
}

fn is_mine(grantee: Grantee, reach: &Reach, user: Option<Grantee>) -> bool {
    match grantee {
        Grantee::Role(role) => reach.contains(role),
        Grantee::User(_) => Some(grantee) == user,
    }
}

impl Access {
    /// Whether a session may do all of this. Returns how many look-ups it took.
    ///
    /// # Errors
    /// `NotFound` for what may not be seen, `Denied` for what may be seen and
    /// not so used; the session's own if its role is gone.
    pub fn authorize(&self, session: &Session, acts: &[Act]) -> Result<usize> {
        let session = session.current(self)?;
        let judge = Judge::new(self, &session);
        acts.iter().try_for_each(|act| judge.check(act))?;
        Ok(judge.probes.get())
    }

    /// What all of this needs, and through what each need is met or that it is
    /// not: containers first, then the object, for each act in order.
    ///
    /// # Errors
    /// The session's own if its role is gone.
    pub fn explain(&self, session: &Session, acts: &[Act]) -> Result<Vec<Ground>> {
        let session = session.current(self)?;
        let judge = Judge::new(self, &session);
        Ok(acts.iter().flat_map(|act| judge.grounds(act)).collect())
    }

    /// Whether a listing shows a securable: the session has any privilege on
    /// it and on what it is in.
    ///
    /// # Errors
    /// The session's own if its role is gone.
    pub fn shows(&self, session: &Session, on: &Securable) -> Result<bool> {
        let session = session.current(self)?;
        let act = Act::new(Verb::Show, on.clone());
        Ok(Judge::new(self, &session).check(&act).is_ok())
    }
}
