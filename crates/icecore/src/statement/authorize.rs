//! The gate: a decision for every statement.

use icecore_governance::{Access, Act, RoleId, Verb};
use icecore_snapshot::Head;
use icecore_types::{Code, Error, ObjectId, Result};

use super::Resolved;
use super::resolver::Intent;
use crate::access::{Acting, securable};

/// A statement that may run. Only [`authorize_statement`] makes one.
pub(super) struct Authorized {
    resolved: Resolved,
}

impl Authorized {
    pub(super) fn into_inner(self) -> Resolved {
        self.resolved
    }
}

/// Asks for a decision on everything that the statement will do. What was
/// found wrong with it is said only to who may do what was resolved until then.
///
/// # Errors
/// The decision's, if it refuses; else what is wrong with the statement.
pub(super) fn authorize_statement(
    acting: &Acting,
    intents: &[Intent],
    head: &Head,
    resolved: Result<Resolved>,
) -> Result<Authorized> {
    authorize(acting, intents, head)?;
    Ok(Authorized { resolved: resolved? })
}

/// Asks for a decision, with each object's owner as of `head`.
///
/// # Errors
/// The decision's, if it refuses.
pub(super) fn authorize(acting: &Acting, intents: &[Intent], head: &Head) -> Result<()> {
    let mut own = Vec::with_capacity(intents.len());
    let mut owners: Vec<(RoleId, Vec<Act>)> = Vec::new();
    for intent in intents {
        match *intent {
            Intent::On(verb, id) => own.push(act(verb, id, head)?),
            Intent::OnAccount(verb) => own.push(on_account(verb, &acting.access)),
            Intent::OnSession => {}
            Intent::OnAs(role, verb, id) => {
                let act = act(verb, id, head)?;
                match owners.iter_mut().find(|(owner, _)| *owner == role) {
                    Some((_, acts)) => acts.push(act),
                    None => owners.push((role, vec![act])),
                }
            }
        }
    }
    acting.authorize(&own)?;
    owners.iter().try_for_each(|(role, acts)| acting.as_owner(*role)?.authorize(acts))
}

fn on_account(verb: Verb, access: &Access) -> Act {
    Act::new(verb, access.account())
}

fn act(verb: Verb, id: ObjectId, head: &Head) -> Result<Act> {
    let object = head.object(id).ok_or_else(|| {
        Error::new(
            Code::OBJECT_NOT_FOUND,
            "an object of the statement does not exist or not authorized",
        )
    })?;
    Ok(Act::new(verb, securable(head, object)?))
}
