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
    pub(super) fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// Whether it is a query, which begins when its rows are asked for.
    pub(super) fn is_query(&self) -> bool {
        match &self.resolved {
            Resolved::Query(_) => true,
            Resolved::Unload(unload) => unload.return_rows(),
            _ => false,
        }
    }

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
    for (owner, acts) in acts(&acting.access, intents, head)? {
        match owner {
            // A session that lost its role can still take another.
            None if acts.is_empty() => {}
            None => acting.authorize(&acts)?,
            Some(role) => {
                let owner = acting.as_owner(role)?;
                owner.authorize(&acts).map_err(|error| without_hidden(error, acting, &acts))?;
            }
        }
    }
    Ok(())
}

/// The owner of a view or a policy lacks a right: what it reads is named only
/// to who sees it.
fn without_hidden(error: Error, acting: &Acting, acts: &[Act]) -> Error {
    let seen = |act: &Act| acting.access.shows(&acting.session, act.on()).unwrap_or(false);
    if acts.iter().all(seen) {
        return error;
    }
    let what = "an object that a view or a policy reads does not exist or its owner is not \
                authorized";
    Error::new(error.code(), what)
}

/// What is asked with the session's rights, first, and with those of owners.
pub(super) fn acts(
    access: &Access,
    intents: &[Intent],
    head: &Head,
) -> Result<Vec<(Option<RoleId>, Vec<Act>)>> {
    let mut found = vec![(None, Vec::with_capacity(intents.len()))];
    for intent in intents {
        let (owner, act) = match *intent {
            Intent::On(verb, id) => (None, act(verb, id, head)?),
            Intent::OnAs(role, verb, id) => (Some(role), act(verb, id, head)?),
            Intent::OnAccount(verb) => (None, on_account(verb, access)),
            Intent::OnSession => continue,
        };
        match found.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, acts)) => acts.push(act),
            None => found.push((owner, vec![act])),
        }
    }
    Ok(found)
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
