//! What each verb needs on each kind of object.

use crate::{Privilege, SecurableKind, Verb};
use Privilege as P;
use SecurableKind as K;

/// What an action needs on the object itself. The owner has it always.
///
/// ```
/// use icecore_governance::{Need, Privilege, SecurableKind, Verb};
/// let need = Need::of(Verb::Load, SecurableKind::Table);
/// assert_eq!(need, Need::AnyOf(&[Privilege::Insert]));
/// assert_eq!(need.to_string(), "INSERT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// One of these.
    AnyOf(&'static [Privilege]),
    /// This privilege.
    One(Privilege),
    /// CREATE of this kind, by the primary role.
    Create(SecurableKind),
    /// Any privilege at all.
    Any,
    /// To own it.
    Ownership,
}

/// Kinds for which every verb needs the same.
#[derive(Clone, Copy)]
enum Class {
    Container,
    Table,
    DynamicTable,
    /// Rows that only a query reads.
    Reading,
    Internal,
    External,
    Running,
    /// What statements only name.
    Used,
    Applied,
    /// What only its owner touches.
    Own,
}

fn class(kind: SecurableKind) -> Class {
    match kind {
        K::Account | K::Database | K::Schema => Class::Container,
        K::Table => Class::Table,
        K::DynamicTable => Class::DynamicTable,
        K::View | K::SemanticView | K::Quarantine | K::Stream => Class::Reading,
        K::InternalStage => Class::Internal,
        K::ExternalStage => Class::External,
        K::Pipe | K::Task => Class::Running,
        K::FileFormat | K::Sequence | K::Function | K::Procedure | K::Warehouse => Class::Used,
        K::Integration | K::NetworkRule | K::NetworkPolicy | K::Listing => Class::Used,
        K::MaskingPolicy | K::RowAccessPolicy => Class::Applied,
        K::ProjectionPolicy | K::AggregationPolicy | K::Tag => Class::Applied,
        K::Channel | K::Share | K::Role | K::DatabaseRole | K::User => Class::Own,
    }
}

impl Need {
    /// The table of what is needed. A verb that there is not on a kind needs
    /// its ownership: the statement itself then says what cannot be done.
    pub fn of(verb: Verb, kind: SecurableKind) -> Self {
        match verb {
            Verb::Select => selecting(class(kind)),
            Verb::Insert | Verb::Load => changing(class(kind), &[P::Insert]),
            Verb::Update => changing(class(kind), &[P::Update]),
            Verb::Delete => changing(class(kind), &[P::Delete]),
            Verb::Truncate => changing(class(kind), &[P::Truncate]),
            Verb::Create(made) => Self::Create(made.into()),
            Verb::Alter => match class(kind) {
                Class::Container => Self::AnyOf(&[P::Modify]),
                _ => Self::Ownership,
            },
            Verb::Operate => running(kind, &[P::Operate]),
            Verb::Monitor => running(kind, &[P::Monitor]),
            Verb::Drop | Verb::Undrop | Verb::Swap | Verb::Rename => Self::Ownership,
            Verb::Attach(_) => Self::Ownership,
            Verb::Clone => cloning(class(kind)),
            Verb::Show | Verb::Describe | Verb::Use | Verb::ManageSession => Self::Any,
            Verb::Apply => applying(class(kind)),
            Verb::ListStage | Verb::ReadStage => staging(class(kind), &[P::Read]),
            Verb::PutStage | Verb::RemoveStage => staging(class(kind), &[P::Write]),
        }
    }

    /// Whether only the primary role's privileges count.
    pub fn is_for_primary(self) -> bool {
        matches!(self, Self::Create(_))
    }
}

fn selecting(class: Class) -> Need {
    match class {
        Class::Table | Class::DynamicTable | Class::Reading => Need::AnyOf(&[P::Select]),
        Class::Container | Class::Internal | Class::External | Class::Running => Need::Ownership,
        Class::Used | Class::Applied | Class::Own => Need::Ownership,
    }
}

fn changing(class: Class, privileges: &'static [Privilege]) -> Need {
    match class {
        Class::Table => Need::AnyOf(privileges),
        Class::DynamicTable | Class::Reading | Class::Container => Need::Ownership,
        Class::Internal | Class::External | Class::Running => Need::Ownership,
        Class::Used | Class::Applied | Class::Own => Need::Ownership,
    }
}

fn running(kind: SecurableKind, privileges: &'static [Privilege]) -> Need {
    let known = privileges.iter().all(|privilege| kind.has(*privilege));
    if known { Need::AnyOf(privileges) } else { Need::Ownership }
}

fn cloning(class: Class) -> Need {
    match class {
        Class::Container | Class::External | Class::Used => Need::AnyOf(&[P::Usage]),
        Class::Table | Class::DynamicTable => Need::AnyOf(&[P::Select]),
        Class::Internal => Need::AnyOf(&[P::Read]),
        Class::Reading | Class::Running | Class::Applied | Class::Own => Need::Ownership,
    }
}

fn applying(class: Class) -> Need {
    match class {
        Class::Used | Class::External => Need::AnyOf(&[P::Usage]),
        Class::Internal => Need::AnyOf(&[P::Read]),
        Class::Applied => Need::AnyOf(&[P::Apply]),
        Class::Container | Class::Table | Class::DynamicTable => Need::Ownership,
        Class::Reading | Class::Running | Class::Own => Need::Ownership,
    }
}

fn staging(class: Class, inside: &'static [Privilege]) -> Need {
    match class {
        Class::Internal => Need::AnyOf(inside),
        Class::External => Need::AnyOf(&[P::Usage]),
        Class::Container | Class::Table | Class::DynamicTable => Need::Ownership,
        Class::Reading | Class::Running | Class::Used => Need::Ownership,
        Class::Applied | Class::Own => Need::Ownership,
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AnyOf(privileges) => {
                let words: Vec<String> = privileges.iter().map(P::to_string).collect();
                f.write_str(&words.join(" or "))
            }
            Self::One(privilege) => std::fmt::Display::fmt(privilege, f),
            Self::Create(kind) => write!(f, "CREATE {kind}"),
            Self::Any => f.write_str("any privilege"),
            Self::Ownership => f.write_str("OWNERSHIP"),
        }
    }
}
