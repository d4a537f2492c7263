//! What can be granted.

use std::fmt;

use icecore_types::{Code, Error, Result};

use crate::SecurableKind;

/// One privilege.
///
/// ```
/// use icecore_governance::{Privilege, SecurableKind};
///
/// assert_eq!(Privilege::parse("create  table")?, Privilege::Create(SecurableKind::Table));
/// assert_eq!(Privilege::EvolveSchema.to_string(), "EVOLVE SCHEMA");
/// assert!(Privilege::parse("fly").is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// Everything, and to grant it. An object has one owner, which is a role.
    Ownership,
    /// Make objects of a kind in a container.
    Create(SecurableKind),
    /// Use a container, a file format, a function, a warehouse.
    Usage,
    /// Change the settings of it.
    Modify,
    /// See how it is doing.
    Monitor,
    /// Suspend, resume and refresh it.
    Operate,
    /// Read rows.
    Select,
    /// Add rows.
    Insert,
    /// Change rows.
    Update,
    /// Remove rows.
    Delete,
    /// Remove all rows.
    Truncate,
    /// Refer to it by a constraint, and see how it is defined.
    References,
    /// Let a load add columns.
    EvolveSchema,
    /// Read the files of an internal stage.
    Read,
    /// Store files in an internal stage.
    Write,
    /// Put a policy or a tag on something.
    Apply,
    /// Grant everything to everyone.
    ManageGrants,
    /// Run tasks.
    ExecuteTask,
    /// Run tasks without a warehouse of one's own.
    ExecuteManagedTask,
    /// See what the account uses.
    MonitorUsage,
    /// Make databases of what others share.
    ImportShare,
    /// Put any masking policy on any column.
    ApplyMaskingPolicy,
    /// Put any row access policy on any table.
    ApplyRowAccessPolicy,
    /// Put any projection policy on any column.
    ApplyProjectionPolicy,
    /// Put any aggregation policy on any table.
    ApplyAggregationPolicy,
    /// Put any tag on anything.
    ApplyTag,
    /// Say from where users log in.
    AttachPolicy,
}

/// Every privilege that is more than CREATE, and its words.
const WORDS: [(Privilege, &str); 26] = [
    (Privilege::Ownership, "OWNERSHIP"),
    (Privilege::Usage, "USAGE"),
    (Privilege::Modify, "MODIFY"),
    (Privilege::Monitor, "MONITOR"),
    (Privilege::Operate, "OPERATE"),
    (Privilege::Select, "SELECT"),
    (Privilege::Insert, "INSERT"),
    (Privilege::Update, "UPDATE"),
    (Privilege::Delete, "DELETE"),
    (Privilege::Truncate, "TRUNCATE"),
    (Privilege::References, "REFERENCES"),
    (Privilege::EvolveSchema, "EVOLVE SCHEMA"),
    (Privilege::Read, "READ"),
    (Privilege::Write, "WRITE"),
    (Privilege::Apply, "APPLY"),
    (Privilege::ManageGrants, "MANAGE GRANTS"),
    (Privilege::ExecuteTask, "EXECUTE TASK"),
    (Privilege::ExecuteManagedTask, "EXECUTE MANAGED TASK"),
    (Privilege::MonitorUsage, "MONITOR USAGE"),
    (Privilege::ImportShare, "IMPORT SHARE"),
    (Privilege::ApplyMaskingPolicy, "APPLY MASKING POLICY"),
    (Privilege::ApplyRowAccessPolicy, "APPLY ROW ACCESS POLICY"),
    (Privilege::ApplyProjectionPolicy, "APPLY PROJECTION POLICY"),
    (Privilege::ApplyAggregationPolicy, "APPLY AGGREGATION POLICY"),
    (Privilege::ApplyTag, "APPLY TAG"),
    (Privilege::AttachPolicy, "ATTACH POLICY"),
];

impl Privilege {
    /// Reads it as SQL writes it, in any case and with any space.
    ///
    /// # Errors
    /// `InvalidInput` if there is none of these words.
    pub fn parse(text: &str) -> Result<Self> {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        if let Some(kind) = words.strip_prefix("CREATE ") {
            return SecurableKind::parse(kind).map(Self::Create);
        }
        let found = WORDS.iter().find(|(_, known)| *known == words);
        found.map(|(privilege, _)| *privilege).ok_or_else(|| {
            Error::new(Code::INVALID_OPTION, format!("unknown privilege '{words}'"))
                .with_help("see the privileges of each kind of object in the documentation")
        })
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Create(kind) = self {
            return write!(f, "CREATE {kind}");
        }
        let words = WORDS.iter().find(|(privilege, _)| privilege == self);
        f.write_str(words.map_or("", |(_, words)| words))
    }
}
