//! Decisions without I/O: who may do what, and why.
//!
//! ```
//! use icecore_governance::{Action, Decision, Subject, Verb, decide};
//! use icecore_types::{Name, ObjectId, ObjectKind, QualifiedName};
//!
//! let name = QualifiedName::parse("retail.public.sales")?;
//! let table = (ObjectId::from_bits(1), ObjectKind::Table);
//! let read = Action::on(Verb::Select, table, name, Name::unquoted("sysadmin"));
//! let Decision::Allowed(why) = decide(&Subject::default(), &[read]) else { panic!() };
//! assert_eq!(why.to_string(), "role SYSADMIN owns TABLE RETAIL.PUBLIC.SALES");
//! # Ok::<(), icecore_types::Error>(())
//! ```

mod access;
mod action;
mod decision;
mod granting;
mod grants;
mod judge;
mod kind;
mod membership;
mod need;
mod network;
mod principal;
mod privilege;
mod securable;
mod session;
mod shelf;
mod show;
mod subject;
mod token;

pub use access::{Access, ChangedBodies};
pub use action::{Action, Verb};
pub use decision::{Decision, Reason, Why, decide, missing_or_forbidden, sees};
pub use granting::{CurrentGrants, Dependents, Privileges};
pub use judge::{Act, Ground, Through};
pub use kind::SecurableKind;
pub use need::Need;
pub use network::{AddressBlock, NetworkPolicy};
pub use principal::{Grantee, Role, RoleId, RolePath, User, UserId};
pub use privilege::Privilege;
pub use securable::Securable;
pub use session::{SecondaryRoles, Session};
pub use show::GrantRow;
pub use subject::Subject;
pub use token::TokenRules;

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod model;
