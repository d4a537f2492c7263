//! From where users log in: network rules, network policies, and whose they are.

use icecore_types::{Name, ObjectKind, QualifiedName};

use super::Options;

/// CREATE NETWORK RULE or CREATE NETWORK POLICY.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE NETWORK RULE r MODE = INGRESS TYPE = IPV4 VALUE_LIST = ('10.0.0.0/8')";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateNetwork(create) = &parsed[0].statement else { panic!() };
/// assert!(create.options.get("VALUE_LIST").is_some());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateNetwork {
    /// A rule or a policy.
    pub kind: ObjectKind,
    /// OR REPLACE.
    pub or_replace: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// What it says.
    pub options: Options,
}

/// ALTER NETWORK RULE or ALTER NETWORK POLICY.
///
/// ```
/// use icecore_sql::{Limits, NetworkChange, Statement, parse};
/// let parsed = parse("ALTER NETWORK POLICY p UNSET COMMENT", &Limits::default())?;
/// let Statement::AlterNetwork(alter) = &parsed[0].statement else { panic!() };
/// assert_eq!(alter.change, NetworkChange::Unset(vec!["COMMENT".into()]));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterNetwork {
    /// A rule or a policy.
    pub kind: ObjectKind,
    /// Which one.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is done to it.
    pub change: NetworkChange,
}

/// What ALTER does to a network rule or a network policy.
///
/// ```
/// use icecore_sql::{NetworkChange, Options};
/// assert_ne!(NetworkChange::Set(Options::default()), NetworkChange::Unset(Vec::new()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkChange {
    /// RENAME TO.
    Rename(QualifiedName),
    /// SET.
    Set(Options),
    /// UNSET.
    Unset(Vec<String>),
    /// ADD of a rule to one of the lists of a policy.
    Add {
        /// ALLOWED_NETWORK_RULE_LIST or BLOCKED_NETWORK_RULE_LIST.
        list: String,
        /// The rule.
        rule: QualifiedName,
    },
    /// REMOVE of a rule from one of the lists of a policy.
    Remove {
        /// ALLOWED_NETWORK_RULE_LIST or BLOCKED_NETWORK_RULE_LIST.
        list: String,
        /// The rule.
        rule: QualifiedName,
    },
}

/// ALTER ACCOUNT SET or UNSET NETWORK_POLICY.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("ALTER ACCOUNT SET NETWORK_POLICY = p", &Limits::default())?;
/// let Statement::AlterAccount(alter) = &parsed[0].statement else { panic!() };
/// assert_eq!(alter.network_policy.as_ref().map(|name| name.as_str()), Some("P"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterAccount {
    /// The policy; nothing is UNSET.
    pub network_policy: Option<Name>,
}
