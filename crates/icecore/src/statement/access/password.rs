//! The hash of the password that a statement gives.

use icecore_governance::hash_password;
use icecore_sql::{OptionValue, Options, Statement, UserAction};
use icecore_types::{Error, Result, Secret};

use crate::login::off_thread;
use crate::statement::Planning;

impl Planning {
    /// Hashes the password of CREATE or ALTER USER, before names are looked up:
    /// that takes long, and no thread that serves others waits for it.
    ///
    /// # Errors
    /// `InvalidInput` for a password that is not strong enough.
    pub(crate) async fn bind_password(&self, statement: &Statement) -> Result<()> {
        let Some(password) = password_of(statement).cloned() else { return Ok(()) };
        let salt = self.session.engine().env.ids.next().to_be_bytes();
        let hash = off_thread(move || hash_password(&password, salt)).await??;
        // Nothing else of the statement sets it.
        let _first = self.hashed.set(hash);
        Ok(())
    }

    /// What was made of it.
    pub(super) fn hashed_password(&self) -> Result<String> {
        let hash = self.hashed.get().cloned();
        hash.ok_or_else(|| Error::unsupported("USER .. PASSWORD here"))
    }
}

fn password_of(statement: &Statement) -> Option<&Secret> {
    let options: &Options = match statement {
        Statement::CreateUser(create) => &create.options,
        Statement::AlterUser(alter) => match &alter.action {
            UserAction::Set(options) => options,
            _ => return None,
        },
        Statement::Explain(explain) => return password_of(&explain.statement),
        _ => return None,
    };
    match options.get("PASSWORD") {
        Some(OptionValue::Secret(password)) => Some(password),
        _ => None,
    }
}
