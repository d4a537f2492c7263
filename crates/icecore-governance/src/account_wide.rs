//! What a privilege on the account does as well as one on the object.

use crate::{Privilege, SecurableKind, Verb};
use Privilege as P;
use SecurableKind as K;

/// Who applies policies or tags throughout the account.
const APPLYING: &[Privilege] = &[
    P::ApplyMaskingPolicy,
    P::ApplyRowAccessPolicy,
    P::ApplyProjectionPolicy,
    P::ApplyAggregationPolicy,
    P::ApplyTag,
];

/// The privileges on the account any of which stands for what a verb needs on
/// an object of this kind. Its containers are needed all the same.
pub(crate) fn instead(verb: Verb, kind: SecurableKind) -> &'static [Privilege] {
    match verb {
        Verb::Attach(what) => applying(what.into()),
        Verb::Apply => applying(kind),
        Verb::Show | Verb::Describe => match kind {
            K::Table | K::DynamicTable | K::View => APPLYING,
            other => applying(other),
        },
        _ => &[],
    }
}

fn applying(kind: SecurableKind) -> &'static [Privilege] {
    match kind {
        K::MaskingPolicy => &[P::ApplyMaskingPolicy],
        K::RowAccessPolicy => &[P::ApplyRowAccessPolicy],
        K::ProjectionPolicy => &[P::ApplyProjectionPolicy],
        K::AggregationPolicy => &[P::ApplyAggregationPolicy],
        K::Tag => &[P::ApplyTag],
        K::NetworkPolicy => &[P::AttachPolicy],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use icecore_types::ObjectKind;

    use super::*;

    #[test]
    fn what_is_applied_throughout_the_account_is_seen_and_nothing_more() {
        let masking = Verb::Attach(ObjectKind::MaskingPolicy);
        assert_eq!(instead(masking, K::Table), [P::ApplyMaskingPolicy]);
        assert_eq!(instead(Verb::Apply, K::RowAccessPolicy), [P::ApplyRowAccessPolicy]);
        assert_eq!(instead(Verb::Show, K::View), APPLYING);
        for verb in [Verb::Select, Verb::Alter, Verb::Drop, Verb::Clone, Verb::Insert] {
            assert_eq!(instead(verb, K::Table), []);
            assert_eq!(instead(verb, K::MaskingPolicy), []);
        }
        assert_eq!(instead(Verb::Apply, K::FileFormat), []);
    }
}
