//! What a network rule says.

use icecore_governance::AddressBlock;
use icecore_sql::{NetworkChange, OptionValue, Options};
use icecore_types::{AddressFamily, Code, Error, NetworkRuleDefinition, Result};

use super::{invalid, unknown};

pub(super) fn new_rule(options: &Options) -> Result<NetworkRuleDefinition> {
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

pub(super) fn change_rule(rule: &mut NetworkRuleDefinition, change: &NetworkChange) -> Result<()> {
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

pub(super) fn check_addresses(family: AddressFamily, texts: &[String]) -> Result<()> {
    for text in texts {
        let is_v4 = AddressBlock::parse(text)?.is_ipv4();
        if is_v4 != (family == AddressFamily::Ipv4) {
            let what = format!("not an {} address: '{text}'", family.sql());
            return Err(Error::new(Code::INVALID_OPTION, what));
        }
    }
    Ok(())
}
