//! Roles, users, grants and network objects as they are stored.

use serde::{Deserialize, Serialize};

use crate::{Name, ObjectId, Timestamp};

/// A role that another role or a user has. It is stored with who has it, so
/// that a grant of a role changes one body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembershipRecord {
    /// The role that was granted.
    pub role: ObjectId,
    /// The role that granted it; the engine itself if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grantor: Option<ObjectId>,
    /// When.
    pub at: Timestamp,
}

/// A role. A database role has its database as its parent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleDefinition {
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The roles whose privileges it inherits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<MembershipRecord>,
}

/// Whom a user stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// A human.
    #[default]
    Person,
    /// A program.
    Service,
    /// A program that acts for others.
    ServiceAgent,
    /// A program that still has a password.
    LegacyService,
}

/// A token that a program shows instead of a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    /// Its name.
    pub name: Name,
    /// The SHA-256 of its text, in hexadecimal; the text is not kept.
    pub sha256: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// The only role that a session opened with it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ObjectId>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDefinition {
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whom it stands for.
    #[serde(default)]
    pub kind: UserKind,
    /// The roles that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<MembershipRecord>,
    /// The role of its sessions that name none: a name, which need not mean
    /// anything yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_role: Option<Name>,
    /// Whether its sessions begin without secondary roles: with all if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_secondary_roles: bool,
    /// The PHC string of its password's argon2 hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Its RSA public key, in base64 of its DER form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The key that follows the other one, or is followed by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_2: Option<String>,
    /// Its tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenRecord>,
    /// The network policy that stands before the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<ObjectId>,
    /// Whether it may not log in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// To whom a privilege was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GranteeRecord {
    /// An account or a database role.
    Role(ObjectId),
    /// A user.
    User(ObjectId),
}

/// One privilege on one object. The privilege is its SQL words: what they mean
/// is not this crate's matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantRecord {
    /// For example `SELECT`.
    pub privilege: String,
    /// Who has it.
    pub grantee: GranteeRecord,
    /// The role that granted it.
    pub grantor: ObjectId,
    /// Whether the grantee may grant it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub option: bool,
    /// When.
    pub at: Timestamp,
}

/// One privilege on the objects of a kind that will be made in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FutureGrantRecord {
    /// For example `SELECT`.
    pub privilege: String,
    /// The kind of objects, as SQL spells it.
    pub on: String,
    /// The role that will have it.
    pub grantee: ObjectId,
    /// Whether the grantee may grant it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub option: bool,
    /// When.
    pub at: Timestamp,
}

/// What was granted on one object: the body that a GRANT changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantsDefinition {
    /// Whether the owners of what is in this schema may not grant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub managed: bool,
    /// On the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantRecord>,
    /// On what will be in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub future: Vec<FutureGrantRecord>,
}

/// Addresses of which family a network rule has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AddressFamily {
    /// `192.168.1.0/24`
    Ipv4,
    /// `2001:db8::/32`
    Ipv6,
}

impl AddressFamily {
    /// As SQL spells it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPV4",
            Self::Ipv6 => "IPV6",
        }
    }
}

/// A network rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkRuleDefinition {
    /// Of which family its addresses are.
    pub family: AddressFamily,
    /// Addresses and blocks of them.
    pub values: Vec<String>,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What comes in or does not: the addresses of rules, and some that stand for
/// themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkList {
    /// Network rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<ObjectId>,
    /// IPv4 addresses and blocks of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// A network policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPolicyDefinition {
    /// What may come in.
    #[serde(default)]
    pub allowed: NetworkList,
    /// What may not, looked at first.
    #[serde(default)]
    pub blocked: NetworkList,
    /// Whether it is that of the account; at most one is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_account: bool,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl NetworkPolicyDefinition {
    /// The rules of both lists.
    pub fn rules(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.allowed.rules.iter().chain(&self.blocked.rules).copied()
    }
}
