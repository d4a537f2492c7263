//! What privileges are on.

use std::fmt;

use icecore_types::{Code, Error, ObjectKind, Result};

use crate::Privilege;
use Privilege as P;

/// The kind of a securable: the account, the kinds of catalog objects, and
/// those that only access knows.
///
/// ```
/// use icecore_governance::{Privilege, SecurableKind};
/// use icecore_types::ObjectKind;
///
/// let view = SecurableKind::from(ObjectKind::View);
/// assert!(view.has(Privilege::Select) && !view.has(Privilege::Insert));
/// assert_eq!(SecurableKind::parse("file formats")?, SecurableKind::FileFormat);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is what it is called")]
pub enum SecurableKind {
    Account,
    Database,
    Schema,
    Table,
    DynamicTable,
    View,
    SemanticView,
    /// A stage in the account's own folder: READ and WRITE.
    InternalStage,
    /// A stage elsewhere: USAGE.
    ExternalStage,
    FileFormat,
    Pipe,
    Channel,
    Quarantine,
    Stream,
    Task,
    Sequence,
    Function,
    Procedure,
    Warehouse,
    Integration,
    MaskingPolicy,
    RowAccessPolicy,
    ProjectionPolicy,
    AggregationPolicy,
    Tag,
    NetworkRule,
    NetworkPolicy,
    Share,
    Listing,
    Role,
    DatabaseRole,
    User,
}

use SecurableKind as K;

/// Each kind, its words, and the privileges that there are on it besides
/// OWNERSHIP.
const TABLE: [(K, &str, &[Privilege]); 32] = [
    (K::Account, "ACCOUNT", ACCOUNT),
    (K::Database, "DATABASE", DATABASE),
    (K::Schema, "SCHEMA", SCHEMA),
    (K::Table, "TABLE", TABLE_PRIVILEGES),
    (K::DynamicTable, "DYNAMIC TABLE", &[P::Select, P::Operate, P::Monitor]),
    (K::View, "VIEW", &[P::Select, P::References]),
    (K::SemanticView, "SEMANTIC VIEW", &[P::Select, P::References]),
    (K::InternalStage, "STAGE", &[P::Read, P::Write]),
    (K::ExternalStage, "STAGE", &[P::Usage]),
    (K::FileFormat, "FILE FORMAT", &[P::Usage]),
    (K::Pipe, "PIPE", &[P::Operate, P::Monitor]),
    (K::Channel, "CHANNEL", &[]),
    (K::Quarantine, "QUARANTINE", &[P::Select]),
    (K::Stream, "STREAM", &[P::Select]),
    (K::Task, "TASK", &[P::Operate, P::Monitor]),
    (K::Sequence, "SEQUENCE", &[P::Usage]),
    (K::Function, "FUNCTION", &[P::Usage]),
    (K::Procedure, "PROCEDURE", &[P::Usage]),
    (K::Warehouse, "WAREHOUSE", &[P::Usage, P::Operate, P::Monitor, P::Modify]),
    (K::Integration, "INTEGRATION", &[P::Usage]),
    (K::MaskingPolicy, "MASKING POLICY", &[P::Apply]),
    (K::RowAccessPolicy, "ROW ACCESS POLICY", &[P::Apply]),
    (K::ProjectionPolicy, "PROJECTION POLICY", &[P::Apply]),
    (K::AggregationPolicy, "AGGREGATION POLICY", &[P::Apply]),
    (K::Tag, "TAG", &[P::Apply, P::Read]),
    (K::NetworkRule, "NETWORK RULE", &[P::Usage]),
    (K::NetworkPolicy, "NETWORK POLICY", &[P::Usage]),
    (K::Share, "SHARE", &[]),
    (K::Listing, "LISTING", &[P::Usage, P::Modify]),
    (K::Role, "ROLE", &[]),
    (K::DatabaseRole, "DATABASE ROLE", &[]),
    (K::User, "USER", &[P::Modify, P::Monitor]),
];

const TABLE_PRIVILEGES: &[Privilege] =
    &[P::Select, P::Insert, P::Update, P::Delete, P::Truncate, P::References, P::EvolveSchema];

const ACCOUNT: &[Privilege] = &[
    P::Create(K::Role),
    P::Create(K::User),
    P::Create(K::Database),
    P::Create(K::Warehouse),
    P::Create(K::Share),
    P::Create(K::Integration),
    P::Create(K::Listing),
    P::Create(K::NetworkPolicy),
    P::ManageGrants,
    P::ExecuteTask,
    P::ExecuteManagedTask,
    P::MonitorUsage,
    P::ImportShare,
    P::ApplyMaskingPolicy,
    P::ApplyRowAccessPolicy,
    P::ApplyProjectionPolicy,
    P::ApplyAggregationPolicy,
    P::ApplyTag,
    P::AttachPolicy,
];

const DATABASE: &[Privilege] =
    &[P::Usage, P::Modify, P::Monitor, P::Create(K::Schema), P::Create(K::DatabaseRole)];

const SCHEMA: &[Privilege] = &[
    P::Usage,
    P::Modify,
    P::Monitor,
    P::Create(K::Table),
    P::Create(K::DynamicTable),
    P::Create(K::View),
    P::Create(K::SemanticView),
    P::Create(K::InternalStage),
    P::Create(K::FileFormat),
    P::Create(K::Pipe),
    P::Create(K::Stream),
    P::Create(K::Task),
    P::Create(K::Sequence),
    P::Create(K::Function),
    P::Create(K::Procedure),
    P::Create(K::MaskingPolicy),
    P::Create(K::RowAccessPolicy),
    P::Create(K::ProjectionPolicy),
    P::Create(K::AggregationPolicy),
    P::Create(K::Tag),
    P::Create(K::NetworkRule),
];

impl SecurableKind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(kind, ..)| *kind)
    }

    /// The privileges that there are on it, besides OWNERSHIP: what ALL
    /// PRIVILEGES means.
    pub fn privileges(self) -> &'static [Privilege] {
        let found = TABLE.iter().find(|(kind, ..)| *kind == self);
        found.map_or(&[], |(_, _, privileges)| privileges)
    }

    /// Whether there is this privilege on it.
    pub fn has(self, privilege: Privilege) -> bool {
        privilege == Privilege::Ownership || self.privileges().contains(&privilege)
    }

    /// The one kind that its SQL word stands for in a grant on what will be
    /// made: STAGE says nothing of where its files are.
    pub(crate) fn family(self) -> Self {
        if self == K::ExternalStage { K::InternalStage } else { self }
    }

    /// Whether future grants are for it: not for what has no future in a
    /// container, and never for policies that hide rows and values.
    pub fn has_future(self) -> bool {
        !matches!(
            self,
            K::Account
                | K::Database
                | K::Channel
                | K::Quarantine
                | K::Warehouse
                | K::Integration
                | K::MaskingPolicy
                | K::RowAccessPolicy
                | K::ProjectionPolicy
                | K::AggregationPolicy
                | K::Tag
                | K::NetworkPolicy
                | K::Share
                | K::Listing
                | K::Role
                | K::DatabaseRole
                | K::User
        )
    }

    /// Reads it as SQL writes it, one or many. A stage is an internal one.
    ///
    /// # Errors
    /// `InvalidInput` if there is none of these words.
    pub fn parse(text: &str) -> Result<Self> {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        let single = match words.strip_suffix("IES") {
            Some(stem) => format!("{stem}Y"),
            None => words.strip_suffix('S').unwrap_or(&words).to_owned(),
        };
        let found = TABLE.iter().find(|(_, known, _)| *known == words || *known == single);
        found.map(|(kind, ..)| *kind).ok_or_else(|| {
            Error::new(Code::INVALID_OPTION, format!("unknown kind of object '{words}'"))
        })
    }
}

impl From<ObjectKind> for SecurableKind {
    /// A stage is an internal one until more is known of it.
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Database => K::Database,
            ObjectKind::Schema => K::Schema,
            ObjectKind::Table => K::Table,
            ObjectKind::DynamicTable => K::DynamicTable,
            ObjectKind::View => K::View,
            ObjectKind::SemanticView => K::SemanticView,
            ObjectKind::Stage => K::InternalStage,
            ObjectKind::FileFormat => K::FileFormat,
            ObjectKind::Pipe => K::Pipe,
            ObjectKind::Channel => K::Channel,
            ObjectKind::Quarantine => K::Quarantine,
            ObjectKind::MaskingPolicy => K::MaskingPolicy,
            ObjectKind::RowAccessPolicy => K::RowAccessPolicy,
            ObjectKind::ProjectionPolicy => K::ProjectionPolicy,
            ObjectKind::AggregationPolicy => K::AggregationPolicy,
            ObjectKind::Role => K::Role,
            ObjectKind::User => K::User,
            ObjectKind::Tag => K::Tag,
            ObjectKind::NetworkRule => K::NetworkRule,
            ObjectKind::MetricFunction => K::Function,
            ObjectKind::NetworkPolicy => K::NetworkPolicy,
        }
    }
}

impl fmt::Display for SecurableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = TABLE.iter().find(|(kind, ..)| kind == self);
        f.write_str(found.map_or("", |(_, words, _)| words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_privilege_is_read_as_it_is_written() {
        for kind in SecurableKind::all() {
            let read = SecurableKind::parse(&kind.to_string()).unwrap();
            assert_eq!(read.to_string(), kind.to_string());
            for privilege in kind.privileges() {
                let read = Privilege::parse(&privilege.to_string().to_lowercase()).unwrap();
                assert_eq!(read, *privilege);
                assert_ne!(read, Privilege::Ownership);
            }
            assert!(kind.has(Privilege::Ownership));
        }
        assert_eq!(Privilege::parse("ownership").unwrap(), Privilege::Ownership);
        assert!(SecurableKind::parse("flights").is_err());
        assert_eq!(SecurableKind::parse("MASKING POLICIES").unwrap(), K::MaskingPolicy);
    }

    #[test]
    fn what_can_be_made_in_a_schema_can_be_granted() {
        for kind in SecurableKind::all().filter(|kind| kind.has_future() && *kind != K::Schema) {
            let made = if kind == K::ExternalStage { K::InternalStage } else { kind };
            assert!(K::Schema.has(Privilege::Create(made)), "{kind}");
        }
    }
}
