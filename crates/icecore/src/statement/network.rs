//! Network rules and network policies, and whose these are.

use icecore_governance::{AddressBlock, NetworkPolicy, Verb};
use icecore_snapshot::{Head, Object, Requirement, Update};
use icecore_sql::{AlterAccount, AlterNetwork, CreateNetwork, NetworkChange, OptionValue, Options};
use icecore_types::{
    AddressFamily, Body, Code, Error, Name, NetworkList, NetworkPolicyDefinition,
    NetworkRuleDefinition, ObjectId, ObjectKind, QualifiedName, Result, UserDefinition,
};

use super::Planning;
use super::alter::replaced;
use super::change::{Change, IfExists};
use super::resolver::Intent;

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

    fn change_policy(
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
    fn set_policy(
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

fn policies(head: &Head) -> impl Iterator<Item = &Object> {
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

fn new_rule(options: &Options) -> Result<NetworkRuleDefinition> {
    let word = |key: &str| match options.get(key) {
        Some(OptionValue::Word(word) | OptionValue::Text(word)) => Some(word.to_uppercase()),
        _ => None,
    };
    let missing = |what: &str| {
        Error::new(Code::INVALID_OPTION, format!("a network rule without {what}"))
            .with_help("write MODE = INGRESS TYPE = IPV4 VALUE_LIST = ('192.168.1.0/24')")
    };
    match word("MODE").as_deref() {
        Some("INGRESS") | None => {}
        Some(mode) => return Err(Error::unsupported(format_args!("NETWORK RULE MODE = {mode}"))),
    }
    let family = match word("TYPE").as_deref() {
        Some("IPV4") => AddressFamily::Ipv4,
        Some("IPV6") => AddressFamily::Ipv6,
        Some(other) => return Err(Error::unsupported(format_args!("NETWORK RULE TYPE = {other}"))),
        None => return Err(missing("TYPE")),
    };
    let mut rule = NetworkRuleDefinition { family, values: Vec::new(), comment: None };
    for (key, value) in options.iter().filter(|(key, _)| !matches!(*key, "MODE" | "TYPE")) {
        set_rule(&mut rule, key, value)?;
    }
    match options.get("VALUE_LIST") {
        Some(_) => Ok(rule),
        None => Err(missing("VALUE_LIST")),
    }
}

fn change_rule(rule: &mut NetworkRuleDefinition, change: &NetworkChange) -> Result<()> {
    match change {
        NetworkChange::Set(options) => {
            options.iter().try_for_each(|(key, value)| set_rule(rule, key, value))
        }
        NetworkChange::Unset(keys) => {
            for key in keys {
                match key.as_str() {
                    "VALUE_LIST" => rule.values.clear(),
                    "COMMENT" => rule.comment = None,
                    _ => return Err(unknown("RULE", key)),
                }
            }
            Ok(())
        }
        _ => Err(Error::unsupported("this of a NETWORK RULE")),
    }
}

fn set_rule(rule: &mut NetworkRuleDefinition, key: &str, value: &OptionValue) -> Result<()> {
    match (key, value) {
        ("VALUE_LIST", OptionValue::List(texts)) => {
            check_addresses(rule.family, texts)?;
            rule.values.clone_from(texts);
        }
        ("COMMENT", OptionValue::Text(text)) => rule.comment = Some(text.clone()),
        ("VALUE_LIST" | "COMMENT", _) => return Err(invalid(key, value, "another kind of value")),
        _ => return Err(unknown("RULE", key)),
    }
    Ok(())
}

fn check_addresses(family: AddressFamily, texts: &[String]) -> Result<()> {
    for text in texts {
        let is_v4 = AddressBlock::parse(text)?.is_ipv4();
        if is_v4 != (family == AddressFamily::Ipv4) {
            let what = format!("not an {} address: '{text}'", family.sql());
            return Err(Error::new(Code::INVALID_OPTION, what));
        }
    }
    Ok(())
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

fn unknown(what: &str, key: &str) -> Error {
    Error::unsupported(format_args!("NETWORK {what} .. {key}"))
}

fn invalid(key: &str, value: &OptionValue, takes: &str) -> Error {
    let message = format!("invalid value for option {key} value={value}");
    Error::new(Code::INVALID_OPTION, message).with_help(format!("it takes {takes}"))
}

/// Whether an object is the network policy of the account.
pub(super) fn is_of_account(object: &Object) -> Result<bool> {
    match object.kind() {
        ObjectKind::NetworkPolicy => {
            Ok(object.body().read::<NetworkPolicyDefinition>()?.of_account)
        }
        _ => Ok(false),
    }
}
