//! What a network policy says: which addresses it allows and which it blocks.

use icecore_governance::Verb;
use icecore_snapshot::{Object, Requirement};
use icecore_sql::{NetworkChange, OptionValue};
use icecore_types::{
    AddressFamily, Code, Error, NetworkPolicyDefinition, ObjectId, ObjectKind, QualifiedName,
    Result,
};

use super::rule::check_addresses;
use super::{invalid, unknown};
use crate::statement::Planning;

impl Planning {
    pub(super) fn change_policy(
        &self,
        policy: &mut NetworkPolicyDefinition,
        change: &NetworkChange,
    ) -> Result<Vec<Requirement>> {
        let mut needs = Vec::new();
        match change {
            NetworkChange::Set(options) => {
                for (key, value) in options.iter() {
                    needs.extend(self.set_policy(policy, key, value)?);
                }
            }
            NetworkChange::Unset(keys) => {
                for key in keys {
                    match key.as_str() {
                        "COMMENT" => policy.comment = None,
                        _ => match list(policy, key)? {
                            List::Rules(rules) => rules.clear(),
                            List::Addresses(addresses) => addresses.clear(),
                        },
                    }
                }
            }
            NetworkChange::Add { list: key, rule } => {
                let rule = self.rule(rule)?;
                let rules = rules(policy, key)?;
                if !rules.contains(&rule.id()) {
                    rules.push(rule.id());
                }
                needs.push(Requirement::ObjectUnchanged { id: rule.id() });
            }
            NetworkChange::Remove { list: key, rule } => {
                let gone = self.resolver.object(ObjectKind::NetworkRule, rule)?.id();
                let rules = rules(policy, key)?;
                if !rules.contains(&gone) {
                    let what = format!("network rule '{rule}' is not in {key}");
                    return Err(Error::new(Code::OPERATION_IMPOSSIBLE, what));
                }
                rules.retain(|id| *id != gone);
            }
            NetworkChange::Rename(_) => {}
        }
        Ok(needs)
    }

    /// One option of a policy; the rules that it names must stay there.
    pub(super) fn set_policy(
        &self,
        policy: &mut NetworkPolicyDefinition,
        key: &str,
        value: &OptionValue,
    ) -> Result<Vec<Requirement>> {
        if let ("COMMENT", OptionValue::Text(text)) = (key, value) {
            policy.comment = Some(text.clone());
            return Ok(Vec::new());
        }
        let list = list(policy, key)?;
        let OptionValue::List(texts) = value else {
            return Err(invalid(key, value, "a list of texts in parentheses"));
        };
        match list {
            List::Addresses(addresses) => {
                check_addresses(AddressFamily::Ipv4, texts)?;
                addresses.clone_from(texts);
                Ok(Vec::new())
            }
            List::Rules(rules) => {
                rules.clear();
                for text in texts {
                    let rule = self.rule(&QualifiedName::parse(text)?)?.id();
                    if !rules.contains(&rule) {
                        rules.push(rule);
                    }
                }
                Ok(rules.iter().map(|id| Requirement::ObjectUnchanged { id: *id }).collect())
            }
        }
    }

    fn rule(&self, name: &QualifiedName) -> Result<&Object> {
        let rule = self.resolver.object(ObjectKind::NetworkRule, name)?;
        self.resolver.act(Verb::Apply, rule);
        Ok(rule)
    }
}

/// One of the four lists of a policy.
enum List<'a> {
    Rules(&'a mut Vec<ObjectId>),
    Addresses(&'a mut Vec<String>),
}

fn list<'a>(policy: &'a mut NetworkPolicyDefinition, key: &str) -> Result<List<'a>> {
    Ok(match key {
        "ALLOWED_NETWORK_RULE_LIST" => List::Rules(&mut policy.allowed.rules),
        "BLOCKED_NETWORK_RULE_LIST" => List::Rules(&mut policy.blocked.rules),
        "ALLOWED_IP_LIST" => List::Addresses(&mut policy.allowed.addresses),
        "BLOCKED_IP_LIST" => List::Addresses(&mut policy.blocked.addresses),
        _ => return Err(unknown("POLICY", key)),
    })
}

fn rules<'a>(policy: &'a mut NetworkPolicyDefinition, key: &str) -> Result<&'a mut Vec<ObjectId>> {
    match list(policy, key)? {
        List::Rules(rules) => Ok(rules),
        List::Addresses(_) => Err(unknown("POLICY", key)),
    }
}
