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

mod action;
mod decision;
mod subject;

pub use action::{Action, Verb};
pub use decision::{Decision, Reason, Why, decide, missing_or_forbidden, sees};
pub use subject::Subject;
