//! What GRANT .. ON names.

use icecore_governance::{Access, RoleId, Securable, SecurableKind, UserId};
use icecore_snapshot::Object;
use icecore_sql::{ContainerName, GrantTarget, RoleName};
use icecore_types::{Error, ObjectKind, QualifiedName, Result, SqlType};

use crate::access::securable;
use crate::statement::Planning;
use crate::statement::data_metric::with_signature;

impl Planning {
    /// What is granted on: one, or for ALL IN those that are there, in the
    /// order of their names.
    pub(super) fn targets(&self, on: &GrantTarget) -> Result<Vec<Securable>> {
        match on {
            GrantTarget::Account => Ok(vec![self.acting.access.account()]),
            GrantTarget::Object { kind, name, signature } => {
                Ok(vec![self.target_object(kind, name, signature.as_deref())?])
            }
            GrantTarget::All { kind, container } => {
                let (kind, container) = (catalog_kind(kind)?, self.container(container)?);
                let head = self.resolver.head();
                let mut found: Vec<&Object> = head
                    .objects()
                    .filter(|object| object.kind() == kind && object.is_live())
                    .filter(|object| self.is_inside(object, container))
                    .collect();
                found.sort_by_cached_key(|object| self.resolver.path(object.id()));
                found.into_iter().map(|object| securable(head, object)).collect()
            }
            GrantTarget::Future { .. } => Err(Error::internal("future objects are not there")),
        }
    }

    fn is_inside(&self, object: &Object, container: &Object) -> bool {
        let head = self.resolver.head();
        let parents = std::iter::successors(object.parent(), |id| head.object(*id)?.parent());
        parents.into_iter().any(|id| id == container.id())
    }

    fn target_object(
        &self,
        kind: &str,
        name: &QualifiedName,
        signature: Option<&[SqlType]>,
    ) -> Result<Securable> {
        let access = &self.acting.access;
        match kind {
            "ROLE" => {
                let id = self.role(&RoleName::Account(name.name.clone()))?;
                Ok(role_securable(access, id, SecurableKind::Role, name.clone()))
            }
            "DATABASE ROLE" => {
                let id = self.role(&RoleName::Database(name.clone()))?;
                let names = self.resolver.of_everything();
                let database = names.database(name.schema.as_ref())?;
                let role = role_securable(access, id, SecurableKind::DatabaseRole, name.clone());
                Ok(role.within(securable(self.resolver.head(), database)?))
            }
            "USER" => {
                let id = self.user(&name.name)?;
                Ok(user_securable(access, id, name.clone()))
            }
            _ => {
                // Who manages grants need not see what they are on.
                let names = self.resolver.of_everything();
                match catalog_kind(kind)? {
                    ObjectKind::Database => names.database(Some(&name.name)),
                    ObjectKind::Schema => names.schema(Some(name)),
                    // What is missing is called as what is forbidden is.
                    kind => names
                        .object(kind, &self.whole(name))
                        .and_then(|found| with_signature(found, signature, name)),
                }
                .and_then(|object| securable(self.resolver.head(), object))
            }
        }
    }

    /// A name with the database and schema that it is looked up in.
    fn whole(&self, name: &QualifiedName) -> QualifiedName {
        let of_schema = || {
            let schema = self.resolver.of_everything().schema_of(name).ok()?.id();
            let path = self.resolver.path(schema);
            QualifiedName::from_parts(path.into_iter().chain([name.name.clone()]).collect()).ok()
        };
        of_schema().unwrap_or_else(|| name.clone())
    }

    pub(super) fn container(&self, name: &ContainerName) -> Result<&Object> {
        let names = self.resolver.of_everything();
        let found = match name {
            ContainerName::Database(name) => names.database(Some(name))?.id(),
            ContainerName::Schema(name) => names.schema(Some(name))?.id(),
        };
        let found = self.resolver.head().object(found);
        found.ok_or_else(|| Error::internal("a container that was found"))
    }
}

pub(super) fn role_securable(
    access: &Access,
    id: RoleId,
    kind: SecurableKind,
    name: QualifiedName,
) -> Securable {
    let owner = access.role(id).and_then(|role| role.owner()).unwrap_or(RoleId::ACCOUNTADMIN);
    Securable::new(id.object(), kind, name, owner)
}

pub(super) fn user_securable(access: &Access, id: UserId, name: QualifiedName) -> Securable {
    let owner = access.user(id).map_or(RoleId::ACCOUNTADMIN, |user| user.owner());
    Securable::new(id.object(), SecurableKind::User, name, owner)
}

/// The kind of catalog object that these words mean.
fn catalog_kind(words: &str) -> Result<ObjectKind> {
    const KINDS: [ObjectKind; 17] = [
        ObjectKind::Database,
        ObjectKind::Schema,
        ObjectKind::Table,
        ObjectKind::DynamicTable,
        ObjectKind::View,
        ObjectKind::SemanticView,
        ObjectKind::Stage,
        ObjectKind::FileFormat,
        ObjectKind::Pipe,
        ObjectKind::MaskingPolicy,
        ObjectKind::RowAccessPolicy,
        ObjectKind::ProjectionPolicy,
        ObjectKind::AggregationPolicy,
        ObjectKind::Tag,
        ObjectKind::NetworkRule,
        ObjectKind::NetworkPolicy,
        ObjectKind::MetricFunction,
    ];
    let found = KINDS.iter().find(|kind| kind.sql() == words);
    found.copied().ok_or_else(|| Error::unsupported(format_args!("a grant on {words}")))
}
