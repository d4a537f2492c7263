//! What was granted on one securable.

use std::collections::BTreeMap;

use icecore_types::{
    FutureGrantRecord, GrantRecord, GrantsDefinition, ObjectId, Result, Timestamp,
};

use crate::{Grantee, Privilege, RoleId, SecurableKind, UserId};

/// What makes a grant one: the same privilege from two grantors is two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GrantKey {
    pub(crate) privilege: Privilege,
    pub(crate) grantee: Grantee,
    pub(crate) grantor: RoleId,
}

/// The rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) option: bool,
    pub(crate) at: Timestamp,
}

/// What makes a future grant one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FutureKey {
    pub(crate) on: SecurableKind,
    pub(crate) privilege: Privilege,
    pub(crate) grantee: RoleId,
}

/// What was granted on one securable: the least and the greatest key of a
/// privilege bound its grants, and `holders` counts each grantee's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    pub(crate) managed: bool,
    entries: BTreeMap<GrantKey, Terms>,
    holders: BTreeMap<Grantee, usize>,
    pub(crate) future: BTreeMap<FutureKey, Terms>,
}

const LEAST: RoleId = RoleId::new(ObjectId::from_bits(0));
const GREATEST: RoleId = RoleId::new(ObjectId::from_bits(u128::MAX));

impl Grants {
    pub(crate) fn insert(&mut self, key: GrantKey, terms: Terms) {
        if self.entries.insert(key, terms).is_none() {
            *self.holders.entry(key.grantee).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, key: &GrantKey) -> bool {
        let removed = self.entries.remove(key).is_some();
        if removed && let Some(count) = self.holders.get_mut(&key.grantee) {
            *count -= 1;
            if *count == 0 {
                self.holders.remove(&key.grantee);
            }
        }
        removed
    }

    pub(crate) fn remove_all(&mut self, keys: &[GrantKey]) {
        for key in keys {
            self.remove(key);
        }
    }

    /// What is said of the future and of management, without the grants.
    pub(crate) fn without_entries(mut self) -> Self {
        self.entries.clear();
        self.holders.clear();
        self
    }

    pub(crate) fn get(&self, key: &GrantKey) -> Option<&Terms> {
        self.entries.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&GrantKey, &Terms)> {
        self.entries.iter()
    }

    pub(crate) fn holders(&self) -> &BTreeMap<Grantee, usize> {
        &self.holders
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.managed && self.entries.is_empty() && self.future.is_empty()
    }

    /// The grants of one privilege.
    pub(crate) fn of(&self, privilege: Privilege) -> impl Iterator<Item = (&GrantKey, &Terms)> {
        let last = Grantee::User(UserId::new(GREATEST.object()));
        let from = GrantKey { privilege, grantee: Grantee::Role(LEAST), grantor: LEAST };
        let to = GrantKey { privilege, grantee: last, grantor: GREATEST };
        self.entries.range(from..=to)
    }

    /// The grants of one privilege to one grantee.
    pub(crate) fn to(
        &self,
        privilege: Privilege,
        grantee: Grantee,
    ) -> impl Iterator<Item = (&GrantKey, &Terms)> {
        let from = GrantKey { privilege, grantee, grantor: LEAST };
        let to = GrantKey { privilege, grantee, grantor: GREATEST };
        self.entries.range(from..=to)
    }

    /// The first grant of any privilege to one grantee.
    pub(crate) fn any_to(&self, grantee: Grantee) -> Option<&GrantKey> {
        self.holders.get(&grantee)?;
        self.entries.keys().find(|key| key.grantee == grantee)
    }

    /// Whether a role may grant a privilege on.
    pub(crate) fn may_pass_on(&self, privilege: Privilege, role: RoleId) -> bool {
        self.to(privilege, Grantee::Role(role)).any(|(_, terms)| terms.option)
    }

    /// The grants that rest on nothing: not made by the owner, nor by a role
    /// that holds the privilege with grant option by a grant that rests on
    /// something.
    pub(crate) fn unsupported(&self, owner: RoleId) -> Vec<GrantKey> {
        let mut open: Vec<_> = self.entries.iter().collect();
        let mut sources: std::collections::BTreeSet<(Privilege, RoleId)> = Default::default();
        loop {
            let before = open.len();
            let mut held = Vec::new();
            open.retain(|(key, terms)| {
                let rests = key.grantor == owner || sources.contains(&(key.privilege, key.grantor));
                if let (true, true, Grantee::Role(role)) = (rests, terms.option, key.grantee) {
                    held.push((key.privilege, role));
                }
                !rests
            });
            sources.extend(held);
            if open.len() == before {
                return open.into_iter().map(|(key, _)| *key).collect();
            }
        }
    }

    /// The stored body.
    pub(crate) fn definition(&self) -> GrantsDefinition {
        let grants = self.entries.iter().map(|(key, terms)| GrantRecord {
            privilege: key.privilege.to_string(),
            grantee: key.grantee.record(),
            grantor: key.grantor.object(),
            option: terms.option,
            at: terms.at,
        });
        let future = self.future.iter().map(|(key, terms)| FutureGrantRecord {
            privilege: key.privilege.to_string(),
            on: key.on.to_string(),
            grantee: key.grantee.object(),
            option: terms.option,
            at: terms.at,
        });
        GrantsDefinition {
            managed: self.managed,
            grants: grants.collect(),
            future: future.collect(),
        }
    }

    /// What a stored body says.
    ///
    /// # Errors
    /// `InvalidInput` if it names a privilege or a kind that there is not.
    pub(crate) fn read(definition: &GrantsDefinition) -> Result<Self> {
        let mut grants = Self { managed: definition.managed, ..Self::default() };
        for record in &definition.grants {
            let key = GrantKey {
                privilege: Privilege::parse(&record.privilege)?,
                grantee: Grantee::of(record.grantee),
                grantor: RoleId::new(record.grantor),
            };
            grants.insert(key, Terms { option: record.option, at: record.at });
        }
        for record in &definition.future {
            let key = FutureKey {
                on: SecurableKind::parse(&record.on)?,
                privilege: Privilege::parse(&record.privilege)?,
                grantee: RoleId::new(record.grantee),
            };
            grants.future.insert(key, Terms { option: record.option, at: record.at });
        }
        Ok(grants)
    }
}
