//! SHOW USERS and DESCRIBE USER.

use arrow::array::RecordBatch;
use icecore_governance::{PublicKey, User, UserId};
use icecore_sql::Show;
use icecore_types::{Error, QualifiedName, Result, SqlType, UserDefinition, UserKind};

use super::absent;
use crate::cells::{Cell, Columns, batch};
use crate::statement::Planning;
use crate::statement::show::{cut, selected, shown};

const TEXT: SqlType = SqlType::TEXT;
const TIME: SqlType = SqlType::TimestampLtz;

const USERS: Columns = &[
    ("name", TEXT),
    ("created_on", TIME),
    ("type", TEXT),
    ("disabled", TEXT),
    ("default_role", TEXT),
    ("default_secondary_roles", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
];

const PROPERTIES: Columns = &[("property", TEXT), ("value", TEXT)];

impl Planning {
    pub(in crate::statement) fn show_users(&self, show: &Show) -> Result<RecordBatch> {
        if show.scope.is_some() {
            return Err(Error::unsupported("SHOW USERS IN"));
        }
        let access = &self.acting.access;
        let all = self.manages()?;
        let mut found: Vec<(UserId, &User)> = access
            .users()
            .filter(|(id, user)| all || self.is_mine(*id, user))
            .filter(|(_, user)| selected(show, user.name().as_str()))
            .collect();
        found.sort_by(|a, b| a.1.name().cmp(b.1.name()));
        let rows = cut(show, found).into_iter().map(|(id, user)| self.user_row(id, user));
        shown(show, USERS, rows.collect())
    }

    fn user_row(&self, id: UserId, user: &User) -> Vec<Cell> {
        let definition = user.definition();
        let owner = self.acting.access.role(user.owner());
        vec![
            Cell::text(user.name().as_str()),
            Cell::Time(self.made_at(id.object())),
            Cell::text(kind(definition)),
            Cell::text(definition.disabled.to_string()),
            Cell::text(definition.default_role.as_ref().map(|it| it.as_str()).unwrap_or_default()),
            Cell::text(secondary_roles(definition)),
            Cell::text(owner.map(|owner| owner.name().as_str()).unwrap_or_default()),
            Cell::text(definition.comment.clone().unwrap_or_default()),
        ]
    }

    /// DESCRIBE USER, for itself and for who owns it.
    pub(in crate::statement) fn describe_user(&self, name: &QualifiedName) -> Result<RecordBatch> {
        let access = &self.acting.access;
        let found = access.user_id(&name.name).and_then(|id| Some((id, access.user(id)?)));
        let Some((_, user)) = found.filter(|(id, user)| self.is_mine(*id, user)) else {
            return Err(absent("user", name));
        };
        let definition = user.definition();
        let policy = definition.network_policy.and_then(|id| self.resolver.head().object(id));
        let fingerprint = |key: &Option<String>| -> Result<Cell> {
            let key = key.as_deref().map(PublicKey::parse).transpose()?;
            Ok(Cell::maybe_text(key.map(|key| key.fingerprint())))
        };
        let rows = [
            ("NAME", Cell::text(user.name().as_str())),
            ("TYPE", Cell::text(kind(definition))),
            ("DISABLED", Cell::text(definition.disabled.to_string())),
            (
                "DEFAULT_ROLE",
                Cell::maybe_text(definition.default_role.as_ref().map(|it| it.as_str())),
            ),
            ("DEFAULT_SECONDARY_ROLES", Cell::text(secondary_roles(definition))),
            ("NETWORK_POLICY", Cell::maybe_text(policy.map(|it| it.name().as_str()))),
            ("HAS_PASSWORD", Cell::text(definition.password.is_some().to_string())),
            ("RSA_PUBLIC_KEY_FP", fingerprint(&definition.public_key)?),
            ("RSA_PUBLIC_KEY_2_FP", fingerprint(&definition.public_key_2)?),
            ("COMMENT", Cell::maybe_text(definition.comment.as_deref())),
        ];
        batch(PROPERTIES, rows.map(|(property, value)| vec![Cell::text(property), value]).into())
    }

    /// Whether the session's user is it, or a role of the session owns it.
    pub(super) fn is_mine(&self, id: UserId, user: &User) -> bool {
        let session = &self.acting.session;
        session.user() == Some(id) || session.has_role(user.owner())
    }
}

fn kind(user: &UserDefinition) -> &'static str {
    match user.kind {
        UserKind::Person => "PERSON",
        UserKind::Service => "SERVICE",
        UserKind::ServiceAgent => "SERVICE_AGENT",
        UserKind::LegacyService => "LEGACY_SERVICE",
    }
}

fn secondary_roles(user: &UserDefinition) -> &'static str {
    if user.no_secondary_roles { "[]" } else { "[\"ALL\"]" }
}
