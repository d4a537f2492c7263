//! What others need: policies, network rules, functions that measure. It is not
//! dropped while they are there.

use icecore_snapshot::{Object, Requirement};
use icecore_types::{Code, Error, ObjectId, ObjectKind, Result};

use super::Planning;
use super::network::is_of_account;

impl Planning {
    /// Refuses to drop what others still need: a policy, or a container of
    /// one, while a table outside has it. A dropped table that can come back
    /// needs its policies too.
    pub(crate) fn refuse_needed(&self, dropped: &Object) -> Result<Vec<Requirement>> {
        let head = self.resolver.head();
        let mut inside = vec![dropped.id()];
        let mut policies = Vec::new();
        let mut next = 0;
        while let Some(id) = inside.get(next).copied() {
            next += 1;
            let object = head.object(id);
            let needed = object.filter(|object| object.kind().is_needed());
            if let Some(policy) = needed {
                if is_of_account(policy)? {
                    return Err(in_use(policy));
                }
                policies.push(policy.id());
            }
            inside.extend(head.children(Some(id)).map(Object::id));
        }
        let mut needs = self.refuse_masking(dropped, &inside)?;
        if policies.is_empty() {
            return Ok(needs);
        }
        for object in head.objects().filter(|object| !inside.contains(&object.id())) {
            let mut attached = object.needed_policies()?;
            attached.retain(|policy| policies.contains(policy));
            let Some(policy) = attached.first().and_then(|id| head.object(*id)) else { continue };
            if object.is_live() || self.comes_back(object) {
                return Err(in_use(policy));
            }
        }
        let unattached = |policy: &ObjectId| Requirement::PolicyUnattached { policy: *policy };
        needs.extend(policies.iter().map(unattached));
        Ok(needs)
    }

    /// Whether a dropped object can be undropped.
    pub(super) fn comes_back(&self, object: &Object) -> bool {
        if matches!(
            object.kind(),
            ObjectKind::User | ObjectKind::NetworkPolicy | ObjectKind::MetricFunction
        ) {
            return false;
        }
        let now = self.session.engine().now();
        object
            .dropped()
            .is_some_and(|dropped| now.since(dropped.at()) < self.resolver.retention(object))
    }
}

fn in_use(policy: &Object) -> Error {
    let (what, help) = match policy.kind() {
        ObjectKind::NetworkRule => ("Network rule", "ALTER NETWORK POLICY .. REMOVE takes it off"),
        ObjectKind::NetworkPolicy => {
            ("Network policy", "ALTER ACCOUNT or ALTER USER UNSET NETWORK_POLICY takes it off")
        }
        ObjectKind::MetricFunction => {
            ("Function", "ALTER TABLE .. DROP DATA METRIC FUNCTION takes it off")
        }
        _ => (
            "Policy",
            "POLICY_REFERENCES lists them; ALTER .. SET BODY changes the policy in its place",
        ),
    };
    let what = format!(
        "{what} {} cannot be dropped/replaced as it is associated with one or more entities.",
        policy.name()
    );
    Error::new(Code::INVALID_STATEMENT, what).with_help(help)
}
