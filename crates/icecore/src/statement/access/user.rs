//! CREATE, ALTER and DROP of users.

use icecore_governance::{Access, PublicKey, UserId};
use icecore_sql::{AlterUser, CreateUser, DropUser, OptionValue, Options, UserAction};
use icecore_types::{
    Code, Error, ErrorKind, Name, ObjectId, ObjectKind, Result, UserDefinition, UserKind,
};

use super::{DONE, created};
use crate::statement::change::already_there;
use crate::statement::{Change, Planning, Resolved};

impl Planning {
    pub(super) fn create_user(&self, create: &CreateUser) -> Result<Change> {
        let access = &self.acting.access;
        if create.if_not_exists && access.user_id(&create.name).is_some() {
            return Ok(already_there(&create.name));
        }
        let mut definition = UserDefinition::default();
        self.set_all(&mut definition, &create.options)?;
        let id = UserId::new(self.session.engine().next_object_id());
        let after = access.create_user(&self.acting.session, (id, &create.name), definition)?;
        let change = self.accessed(&after, created(ObjectKind::User, &create.name))?;
        self.needing_policy(change, &create.options)
    }

    pub(super) fn alter_user(&self, alter: &AlterUser) -> Result<Resolved> {
        let user = match self.user(&alter.name) {
            Err(error) if alter.if_exists && error.kind() == ErrorKind::NotFound => {
                return Ok(Resolved::Change(Change::nothing(DONE)));
            }
            found => found?,
        };
        let after = match &alter.action {
            UserAction::Rename(name) => self.altered(user, Some(name), |_| Ok(()))?,
            UserAction::Set(options) => self.altered(user, None, |it| self.set_all(it, options))?,
            UserAction::Unset(keys) => {
                self.altered(user, None, |it| keys.iter().try_for_each(|key| unset(it, key)))?
            }
            UserAction::AddToken { token, options } => {
                return self.add_token(user, token, options).map(Resolved::Change);
            }
            UserAction::RemoveToken(token) => {
                return self.remove_token(user, token).map(Resolved::Change);
            }
        };
        let change = self.accessed(&after, DONE)?;
        Ok(Resolved::Change(match &alter.action {
            UserAction::Set(options) => self.needing_policy(change, options)?,
            _ => change,
        }))
    }

    /// The change, as long as the network policy that it gives is there.
    fn needing_policy(&self, change: Change, options: &Options) -> Result<Change> {
        match options.get("NETWORK_POLICY") {
            Some(OptionValue::Word(name) | OptionValue::Text(name)) => {
                let policy = self.network_policy(&Name::parse(name)?)?;
                Ok(change.requires_unchanged(policy.id()))
            }
            _ => Ok(change),
        }
    }

    fn set_all(&self, definition: &mut UserDefinition, options: &Options) -> Result<()> {
        for (key, value) in options.iter() {
            match key {
                "PASSWORD" => definition.password = Some(self.hashed_password()?),
                "NETWORK_POLICY" => {
                    let (OptionValue::Word(name) | OptionValue::Text(name)) = value else {
                        return Err(invalid(key, value, "the name of a network policy"));
                    };
                    let policy = self.network_policy(&Name::parse(name)?)?;
                    definition.network_policy = Some(policy.id());
                }
                _ => set(definition, key, value)?,
            }
        }
        let program = matches!(definition.kind, UserKind::Service | UserKind::ServiceAgent);
        if program && definition.password.is_some() {
            return Err(Error::new(Code::INVALID_OPTION, "a service has no password")
                .with_help("TYPE = LEGACY_SERVICE is a program that has one"));
        }
        Ok(())
    }

    fn altered(
        &self,
        user: UserId,
        name: Option<&Name>,
        change: impl FnOnce(&mut UserDefinition) -> Result<()>,
    ) -> Result<Access> {
        self.acting.access.alter_user(&self.acting.session, user, name, change)
    }

    pub(super) fn drop_user(&self, drop: &DropUser) -> Result<Change> {
        let user = match self.user(&drop.name) {
            Err(error) if drop.if_exists && error.kind() == ErrorKind::NotFound => {
                return Ok(Change::nothing(format!(
                    "Drop statement executed successfully ({} already dropped).",
                    drop.name
                )));
            }
            found => found?,
        };
        if self.acting.session.user() == Some(user) {
            return Err(Error::new(
                Code::OPERATION_IMPOSSIBLE,
                format!("user '{}' cannot drop itself", drop.name),
            ));
        }
        let known = |id: ObjectId| self.securable_of(id);
        let after = self.acting.access.drop_user(&self.acting.session, user, &known)?;
        self.accessed(&after, format!("{} successfully dropped.", drop.name))
    }
}

fn set(definition: &mut UserDefinition, key: &str, value: &OptionValue) -> Result<()> {
    match (key, value) {
        ("COMMENT", OptionValue::Text(text)) => definition.comment = Some(text.clone()),
        ("DISABLED", OptionValue::Boolean(value)) => definition.disabled = *value,
        ("DEFAULT_ROLE", OptionValue::Word(name) | OptionValue::Text(name)) => {
            definition.default_role = Some(Name::parse(name)?);
        }
        ("DEFAULT_SECONDARY_ROLES", OptionValue::List(roles)) => {
            definition.no_secondary_roles = match roles.as_slice() {
                [] => true,
                [all] if all.eq_ignore_ascii_case("ALL") => false,
                _ => return Err(invalid(key, value, "('ALL') or ()")),
            };
        }
        ("TYPE", OptionValue::Word(kind)) => {
            definition.kind = match kind.to_uppercase().as_str() {
                "PERSON" => UserKind::Person,
                "SERVICE" => UserKind::Service,
                "SERVICE_AGENT" => UserKind::ServiceAgent,
                "LEGACY_SERVICE" => UserKind::LegacyService,
                _ => {
                    let kinds = "PERSON, SERVICE, SERVICE_AGENT or LEGACY_SERVICE";
                    return Err(invalid(key, value, kinds));
                }
            };
        }
        ("DEFAULT_NAMESPACE" | "DEFAULT_WAREHOUSE", _) => {
            return Err(Error::unsupported(format_args!("USER .. {key}")));
        }
        ("RSA_PUBLIC_KEY", OptionValue::Text(text)) => {
            definition.public_key = Some(PublicKey::parse(text)?.to_base64());
        }
        ("RSA_PUBLIC_KEY_2", OptionValue::Text(text)) => {
            definition.public_key_2 = Some(PublicKey::parse(text)?.to_base64());
        }
        (
            "COMMENT"
            | "DISABLED"
            | "DEFAULT_ROLE"
            | "DEFAULT_SECONDARY_ROLES"
            | "TYPE"
            | "RSA_PUBLIC_KEY"
            | "RSA_PUBLIC_KEY_2",
            _,
        ) => {
            return Err(invalid(key, value, "another kind of value"));
        }
        _ => return Err(unknown(key)),
    }
    Ok(())
}

fn unset(definition: &mut UserDefinition, key: &str) -> Result<()> {
    match key {
        "COMMENT" => definition.comment = None,
        "PASSWORD" => definition.password = None,
        "DISABLED" => definition.disabled = false,
        "DEFAULT_ROLE" => definition.default_role = None,
        "DEFAULT_SECONDARY_ROLES" => definition.no_secondary_roles = false,
        "TYPE" => definition.kind = UserKind::Person,
        "NETWORK_POLICY" => definition.network_policy = None,
        "RSA_PUBLIC_KEY" => definition.public_key = None,
        "RSA_PUBLIC_KEY_2" => definition.public_key_2 = None,
        _ => return Err(unknown(key)),
    }
    Ok(())
}

fn unknown(key: &str) -> Error {
    Error::unsupported(format_args!("USER .. {key}"))
}

pub(super) fn invalid(key: &str, value: &OptionValue, takes: &str) -> Error {
    let message = format!("invalid value for option {key} value={value}");
    Error::new(Code::INVALID_OPTION, message).with_help(format!("it takes {takes}"))
}
