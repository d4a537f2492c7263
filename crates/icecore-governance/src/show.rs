//! What SHOW GRANTS lists.

use icecore_types::Timestamp;

use crate::{Access, Securable};

/// One row of SHOW GRANTS ON.
///
/// ```
/// use icecore_governance::Access;
/// use icecore_types::Timestamp;
/// let access = Access::default();
/// assert_eq!(access.show_grants_on(&access.account(), Timestamp::from_micros(0)).len(), 6);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns of SHOW GRANTS")]
pub struct GrantRow {
    pub created_on: Timestamp,
    pub privilege: String,
    pub granted_on: String,
    pub name: String,
    pub granted_to: &'static str,
    pub grantee_name: String,
    pub grant_option: bool,
    pub granted_by: String,
}

impl Access {
    /// SHOW GRANTS ON one securable: its owner first, then by privilege.
    pub fn show_grants_on(&self, on: &Securable, owned_since: Timestamp) -> Vec<GrantRow> {
        let row = |privilege, to, option, by, at| {
            let (granted_to, grantee_name) = self.grantee_name(to);
            GrantRow {
                created_on: at,
                privilege,
                granted_on: on.kind().to_string(),
                name: on.name().to_string(),
                granted_to,
                grantee_name,
                grant_option: option,
                granted_by: self.role_name(by),
            }
        };
        let owner = on.owner();
        let to = crate::Grantee::Role(owner);
        let mut rows = vec![row("OWNERSHIP".to_owned(), to, true, owner, owned_since)];
        rows.extend(self.grants(on.id()).into_iter().flat_map(|grants| grants.iter()).map(
            |(key, terms)| {
                row(key.privilege.to_string(), key.grantee, terms.option, key.grantor, terms.at)
            },
        ));
        rows
    }
}
