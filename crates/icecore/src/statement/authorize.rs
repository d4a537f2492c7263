//! The gate: a decision for every statement.

use icecore_governance::{Action, Subject, Verb, decide};
use icecore_snapshot::Head;
use icecore_types::{Code, Error, ObjectId, QualifiedName, Result};

use super::Resolved;
use super::resolver::{Intent, path};

/// A statement that may run. Only [`authorize_statement`] makes one.
pub(super) struct Authorized {
    resolved: Resolved,
}

impl Authorized {
    pub(super) fn into_inner(self) -> Resolved {
        self.resolved
    }
}

/// Asks the decision function for everything that the statement will do.
///
/// # Errors
/// The decision's, if it refuses.
pub(super) fn authorize_statement(
    subject: &Subject,
    intents: &[Intent],
    head: &Head,
    resolved: Resolved,
) -> Result<Authorized> {
    authorize(subject, intents, head)?;
    Ok(Authorized { resolved })
}

/// Asks the decision function, with each object's owner as of `head`.
///
/// # Errors
/// The decision's, if it refuses.
pub(super) fn authorize(subject: &Subject, intents: &[Intent], head: &Head) -> Result<()> {
    let actions: Vec<Action> =
        intents.iter().map(|intent| action(*intent, head)).collect::<Result<_>>()?;
    decide(subject, &actions).into_result().map(drop)
}

fn action(intent: Intent, head: &Head) -> Result<Action> {
    match intent {
        Intent::On(verb, id) => on_object(verb, id, head),
        Intent::OnAccount(verb) => Ok(Action::on_account(verb)),
        Intent::OnSession => Ok(Action::on_session()),
    }
}

fn on_object(verb: Verb, id: ObjectId, head: &Head) -> Result<Action> {
    let object = head.object(id).ok_or_else(|| {
        Error::new(
            Code::OBJECT_NOT_FOUND,
            "an object of the statement does not exist or not authorized",
        )
    })?;
    let name = QualifiedName::from_parts(path(head, id))?;
    Ok(Action::on(verb, (id, object.kind()), name, object.owner().clone()))
}
