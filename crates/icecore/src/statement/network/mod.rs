//! Network rules and network policies, and whose these are.

mod lists;
mod rule;
mod standing;

use icecore_governance::Verb;
use icecore_snapshot::Requirement;
use icecore_snapshot::{Object, Update};
use icecore_sql::{AlterAccount, AlterNetwork, CreateNetwork, NetworkChange, OptionValue};
use icecore_types::{
    Body, Code, Error, Name, NetworkPolicyDefinition, NetworkRuleDefinition, ObjectKind,
    QualifiedName, Result,
};

use super::Planning;
use super::alter::replaced;
use super::change::{Change, IfExists};
use super::resolver::Intent;
use rule::{change_rule, new_rule};
use standing::policies;

pub(crate) use standing::{NetworkPolicies, is_of_account};

const DONE: &str = "Statement executed successfully.";

impl Planning {
    /// CREATE NETWORK RULE and CREATE NETWORK POLICY.
    pub(super) fn create_network(&self, create: &CreateNetwork) -> Result<Change> {
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let mut needs = Vec::new();
        let body = match create.kind {
            ObjectKind::NetworkRule => Body::of(&new_rule(&create.options)?)?,
            _ => {
                let mut policy = NetworkPolicyDefinition::default();
                for (key, value) in create.options.iter() {
                    needs.extend(self.set_policy(&mut policy, key, value)?);
                }
                Body::of(&policy)?
            }
        };
        let mut change = self.create(create.kind, &create.name, if_exists, body)?.1;
        if !change.updates.is_empty() {
            change.requirements.extend(needs);
        }
        Ok(change)
    }

    /// ALTER NETWORK RULE and ALTER NETWORK POLICY.
    pub(super) fn alter_network(&self, alter: &AlterNetwork) -> Result<Change> {
        let Some(found) = self.existing(alter.kind, &alter.name, alter.if_exists)? else {
            return Ok(Change::nothing(DONE));
        };
        if let NetworkChange::Rename(to) = &alter.change {
            return self.rename(found, to);
        }
        if alter.kind == ObjectKind::NetworkRule {
            let mut rule: NetworkRuleDefinition = found.body().read()?;
            change_rule(&mut rule, &alter.change)?;
            return replaced(found, Body::of(&rule)?);
        }
        let mut policy: NetworkPolicyDefinition = found.body().read()?;
        let needs = self.change_policy(&mut policy, &alter.change)?;
        let mut change = replaced(found, Body::of(&policy)?)?;
        change.requirements.extend(needs);
        Ok(change)
    }

    /// A network policy that a user or the account is given.
    pub(super) fn network_policy(&self, name: &Name) -> Result<&Object> {
        let name = QualifiedName::bare(name.clone());
        let policy = self.resolver.object(ObjectKind::NetworkPolicy, &name)?;
        self.resolver.act(Verb::Apply, policy);
        Ok(policy)
    }

    /// ALTER ACCOUNT SET and UNSET NETWORK_POLICY. All policies stay what they
    /// are, so that no two become the account's at the same time.
    pub(super) fn alter_account(&self, alter: &AlterAccount) -> Result<Change> {
        self.resolver.intend(Intent::OnAccount(Verb::Attach(ObjectKind::NetworkPolicy)));
        let set = alter.network_policy.as_ref().map(|name| self.network_policy(name));
        let set = set.transpose()?.map(Object::id);
        let mut change = Change::nothing(DONE);
        for policy in policies(self.resolver.head()) {
            let mut definition: NetworkPolicyDefinition = policy.body().read()?;
            change.requirements.push(Requirement::ObjectUnchanged { id: policy.id() });
            let of_account = set == Some(policy.id());
            if definition.of_account != of_account {
                definition.of_account = of_account;
                let body = Body::of(&definition)?;
                change.updates.push(Update::ReplaceBody { id: policy.id(), body });
            }
        }
        Ok(change)
    }

    /// What DESCRIBE says of a rule or a policy.
    pub(super) fn network_properties(&self, object: &Object) -> Result<Vec<[String; 2]>> {
        if object.kind() == ObjectKind::NetworkRule {
            let rule: NetworkRuleDefinition = object.body().read()?;
            return Ok(vec![
                ["TYPE".to_owned(), rule.family.sql().to_owned()],
                ["MODE".to_owned(), "INGRESS".to_owned()],
                ["VALUE_LIST".to_owned(), rule.values.join(",")],
            ]);
        }
        let policy: NetworkPolicyDefinition = object.body().read()?;
        let mut rows = Vec::new();
        for (word, list) in [("ALLOWED", &policy.allowed), ("BLOCKED", &policy.blocked)] {
            let rules = list.rules.iter().map(|id| {
                let path = self.resolver.path(*id);
                path.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
            });
            let rules = rules.collect::<Vec<_>>().join(",");
            rows.push([format!("{word}_NETWORK_RULE_LIST"), rules]);
            rows.push([format!("{word}_IP_LIST"), list.addresses.join(",")]);
        }
        Ok(rows)
    }
}

fn unknown(what: &str, key: &str) -> Error {
    Error::unsupported(format_args!("NETWORK {what} .. {key}"))
}

fn invalid(key: &str, value: &OptionValue, takes: &str) -> Error {
    let message = format!("invalid value for option {key} value={value}");
    Error::new(Code::INVALID_OPTION, message).with_help(format!("it takes {takes}"))
}
