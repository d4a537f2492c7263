//! USE and ALTER SESSION.

use icecore_governance::{Session as Principal, Verb};
use icecore_snapshot::Object;
use icecore_sql::{AlterSession, OptionValue, Use, UseTarget};
use icecore_types::{Code, Error, Name, NameSpace, Result};

use super::Planning;
use super::perform::Performed;
use super::resolver::Intent;
use crate::access::Acting;
use crate::engine::{DEFAULT_SCHEMA, DEFAULT_WAREHOUSE};

/// A change of the session alone.
pub(crate) enum SessionChange {
    GoTo(Name, Option<Name>),
    /// Another role, or other secondary roles.
    Act(Box<Principal>),
    QueryTag(Option<String>),
    /// It is so already.
    Nothing,
}

impl Planning {
    pub(super) fn use_object(&self, r#use: &Use) -> Result<SessionChange> {
        let name = &r#use.name;
        match r#use.what {
            UseTarget::Database => {
                let database = self.resolver.database(Some(&name.name))?;
                self.resolver.act(Verb::Use, database);
                Ok(SessionChange::GoTo(name.name.clone(), self.public_schema(database)))
            }
            UseTarget::Schema => {
                let schema = self.resolver.schema(Some(name))?;
                self.resolver.act(Verb::Use, schema);
                let database = self.resolver.database(name.schema.as_ref())?;
                Ok(SessionChange::GoTo(database.name().clone(), Some(name.name.clone())))
            }
            UseTarget::Role => {
                self.resolver.intend(Intent::OnSession);
                let Acting { access, session } = &*self.acting;
                session.use_role(access, &name.name).map(SessionChange::act)
            }
            UseTarget::Warehouse if name.name.as_str() == DEFAULT_WAREHOUSE => {
                Ok(SessionChange::Nothing)
            }
            UseTarget::Warehouse => {
                Err(Error::unsupported(format_args!("warehouse {}", name.name))
                    .with_help(format!("the only warehouse is {DEFAULT_WAREHOUSE}")))
            }
        }
    }

    fn public_schema(&self, database: &Object) -> Option<Name> {
        let public = Name::quoted(DEFAULT_SCHEMA);
        self.resolver.head().lookup(Some(database.id()), NameSpace::Schema, &public).map(|_| public)
    }

    pub(super) fn alter_session(&self, alter: &AlterSession) -> Result<SessionChange> {
        self.resolver.intend(Intent::OnSession);
        let mut change = SessionChange::Nothing;
        match alter {
            AlterSession::Set(parameters) => {
                for (key, value) in parameters.iter() {
                    match (key, value) {
                        ("QUERY_TAG", OptionValue::Text(tag)) => {
                            change = SessionChange::QueryTag(Some(tag.clone()));
                        }
                        ("TIMEZONE", OptionValue::Text(zone)) if zone == "UTC" => {}
                        ("AUTOCOMMIT", OptionValue::Boolean(true)) => {}
                        _ => return Err(unknown_parameter(key, Some(value))),
                    }
                }
            }
            AlterSession::Unset(keys) => {
                for key in keys {
                    match key.as_str() {
                        "QUERY_TAG" => change = SessionChange::QueryTag(None),
                        "TIMEZONE" | "AUTOCOMMIT" => {}
                        _ => return Err(unknown_parameter(key, None)),
                    }
                }
            }
        }
        Ok(change)
    }

    pub(super) fn change_session(&self, change: SessionChange) -> Result<Performed> {
        let shared = self.session.shared();
        match change {
            SessionChange::GoTo(database, schema) => shared.set_schema(Some(database), schema),
            SessionChange::Act(principal) => shared.set_principal(*principal),
            SessionChange::QueryTag(tag) => shared.set_query_tag(tag),
            SessionChange::Nothing => {}
        }
        Performed::status("Statement executed successfully.", None)
    }
}

impl SessionChange {
    fn act(principal: Principal) -> Self {
        Self::Act(Box::new(principal))
    }
}

fn unknown_parameter(key: &str, value: Option<&OptionValue>) -> Error {
    let shown = value.map(|value| format!(" = {value}")).unwrap_or_default();
    Error::new(Code::UNSUPPORTED, format!("unsupported: session parameter {key}{shown}"))
        .with_help("QUERY_TAG takes any text, TIMEZONE only 'UTC', AUTOCOMMIT only TRUE")
}
