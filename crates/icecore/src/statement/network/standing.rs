//! The network policies that stand before logins.

use icecore_governance::{AddressBlock, NetworkPolicy};
use icecore_snapshot::{Head, Object};
use icecore_types::{
    Error, NetworkList, NetworkPolicyDefinition, NetworkRuleDefinition, ObjectKind, Result,
    UserDefinition,
};

/// What stands before a user's login: the user's own policy, and the account's.
pub(crate) struct NetworkPolicies {
    pub(crate) of_user: Option<NetworkPolicy>,
    pub(crate) of_account: Option<NetworkPolicy>,
}

impl NetworkPolicies {
    /// Whether there is one.
    pub(crate) fn any(&self) -> bool {
        self.of_user.is_some() || self.of_account.is_some()
    }

    /// Those of this snapshot.
    ///
    /// # Errors
    /// `Corrupted` if one is not there: then nobody comes in.
    pub(crate) fn of(head: &Head, user: Option<&UserDefinition>) -> Result<Self> {
        let of_user = match user.and_then(|user| user.network_policy) {
            Some(id) => {
                let policy = head.object(id).filter(|policy| policy.is_live());
                let policy =
                    policy.ok_or_else(|| Error::corrupted("no network policy of a user"))?;
                Some(read_policy(head, &policy.body().read()?)?)
            }
            None => None,
        };
        let mut of_account = None;
        for policy in policies(head) {
            let definition: NetworkPolicyDefinition = policy.body().read()?;
            if definition.of_account {
                of_account = Some(read_policy(head, &definition)?);
            }
        }
        Ok(Self { of_user, of_account })
    }
}

pub(super) fn policies(head: &Head) -> impl Iterator<Item = &Object> {
    let policies = head.children(None).filter(|object| object.kind() == ObjectKind::NetworkPolicy);
    policies.filter(|object| object.is_live())
}

fn read_policy(head: &Head, policy: &NetworkPolicyDefinition) -> Result<NetworkPolicy> {
    let blocks = |list: &NetworkList| -> Result<Vec<AddressBlock>> {
        let mut texts = list.addresses.clone();
        for id in &list.rules {
            let rule = head.object(*id).filter(|rule| rule.is_live());
            let rule = rule.ok_or_else(|| Error::corrupted("no rule of a network policy"))?;
            texts.extend(rule.body().read::<NetworkRuleDefinition>()?.values);
        }
        texts.iter().map(|text| AddressBlock::parse(text)).collect()
    };
    Ok(NetworkPolicy { allowed: blocks(&policy.allowed)?, blocked: blocks(&policy.blocked)? })
}

/// Whether an object is the network policy of the account.
pub(crate) fn is_of_account(object: &Object) -> Result<bool> {
    match object.kind() {
        ObjectKind::NetworkPolicy => {
            Ok(object.body().read::<NetworkPolicyDefinition>()?.of_account)
        }
        _ => Ok(false),
    }
}
