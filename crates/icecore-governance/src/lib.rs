//! Decisions without I/O: who may do what, and why.
//!
//! An [`Access`] is the state: roles, users and grants, as one value. A
//! [`Session`] is a user in its roles. An [`Act`] is one thing that a statement
//! does to one [`Securable`], and [`Access::authorize`] decides on all of them.
//!
//! ```
//! use icecore_governance::{Access, Act, RoleId, Securable, SecurableKind, Session, Verb};
//! use icecore_types::{ObjectId, QualifiedName};
//!
//! let (access, name) = (Access::default(), QualifiedName::parse("retail")?);
//! let session = Session::of_default_user(&access)?;
//! let kind = SecurableKind::Database;
//! let mine = Securable::new(ObjectId::from_bits(1), kind, name.clone(), RoleId::SYSADMIN);
//! access.authorize(&session, &[Act::new(Verb::Drop, mine)])?;
//!
//! let other = Securable::new(ObjectId::from_bits(2), kind, name, RoleId::ACCOUNTADMIN);
//! let session = session.use_role(&access, &icecore_types::Name::unquoted("public"))?;
//! # let session = session.use_secondary(&access, icecore_governance::SecondaryRoles::None)?;
//! let refused = access.authorize(&session, &[Act::new(Verb::Drop, other)]).unwrap_err();
//! assert_eq!(refused.message(), "database 'RETAIL' does not exist or not authorized");
//! # Ok::<(), icecore_types::Error>(())
//! ```

mod access;
mod account_wide;
mod alter;
mod constraint;
mod future;
mod granting;
mod grants;
mod judge;
mod key;
mod kind;
mod life;
mod membership;
mod need;
mod network;
mod password;
mod policy;
mod principal;
mod privilege;
mod securable;
mod session;
mod shelf;
mod show;
mod tag_mask;
mod token;
mod verb;

pub use access::{Access, ChangedBodies};
pub use constraint::{set_aggregation, set_projection, unset_aggregation, unset_projection};
pub use granting::{CurrentGrants, Dependents, Privileges};
pub use judge::{Act, Ground, Through};
pub use key::{PublicKey, verify_jwt};
pub use kind::SecurableKind;
pub use need::Need;
pub use network::{AddressBlock, NetworkPolicy};
pub use password::{hash_password, verify_password};
pub use policy::{add_row_access, drop_row_access, fits, refuse_dropping, set_mask, unset_mask};
pub use principal::{Grantee, Role, RoleId, RolePath, User, UserId};
pub use privilege::Privilege;
pub use securable::Securable;
pub use session::{SecondaryRoles, Session};
pub use show::{FutureRow, GrantRow, MemberRow};
pub use tag_mask::{
    PolicyStatus, TagLevels, TagMask, TagPolicy, masks_of_tags, masks_type, same_data,
};
pub use token::{NewToken, TokenRules};
pub use verb::Verb;

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod model;
