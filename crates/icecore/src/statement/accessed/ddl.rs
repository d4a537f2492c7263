//! What a statement does to the catalog, for the access history: from the
//! updates that it is about to commit, and what they find.

use icecore_snapshot::{Head, Update};
use icecore_types::{
    Body, GrantRecord, GranteeRecord, GrantsDefinition, MembershipRecord, Name, ObjectId,
    ObjectKind, Result, RoleDefinition, TableDefinition, UserDefinition,
};
use serde_json::{Map, Value, json};

use super::{full_name, joined};
use crate::access_history::ModifiedByDdl;
use crate::statement::change::title;
use crate::statement::path;

type Properties = Map<String, Value>;

/// What these updates do to objects: nothing for rows, and nothing for what is
/// made and granted along with an object.
pub(super) fn modified_by_ddl(updates: &[Update], head: &Head) -> Result<Vec<ModifiedByDdl>> {
    let mut seen = Seen { head, updates, found: Vec::new() };
    updates.iter().try_for_each(|update| seen.add(update))?;
    Ok(seen.found)
}

struct Seen<'a> {
    head: &'a Head,
    updates: &'a [Update],
    found: Vec<ModifiedByDdl>,
}

impl Seen<'_> {
    fn add(&mut self, update: &Update) -> Result<()> {
        match update {
            Update::CreateObject { kind: ObjectKind::Quarantine, .. } => {}
            Update::CreateObject { id, kind, parent, name, body, .. } => {
                let properties = created(*kind, body)?;
                self.made((*id, *kind), (*parent, name), properties);
            }
            Update::CloneObject { source, at, id, parent, name, .. } => {
                let kind = self.kind(*source);
                let source = full_name(self.head, *source);
                let from = json!({ "objectName": source, "version": at.get() });
                self.made((*id, kind), (*parent, name), one("cloneSource", from));
            }
            Update::ReplaceBody { id, body } => self.replaced(*id, body)?,
            Update::RenameObject { id, parent, name } => {
                let to = json!({ "value": self.name_in(*parent, name) });
                self.on(*id, "ALTER", one("objectName", to));
            }
            Update::DropObject { id } if !self.is_replaced(*id) => {
                self.on(*id, "DROP", Properties::new());
            }
            Update::UndropObject { id } => self.on(*id, "UNDROP", Properties::new()),
            Update::SwapObjects { a, b } => {
                for (one_of_them, other) in [(*a, *b), (*b, *a)] {
                    let name = json!({ "value": full_name(self.head, other) });
                    self.on(one_of_them, "ALTER", one("swapTargetName", name));
                }
            }
            Update::SetOwner { id, owner } => {
                let owner = full_name(self.head, *owner);
                let granted = json!({ "privilege": "OWNERSHIP", "grantee": owner });
                self.on(*id, "GRANT", one("privileges", json!([granted])));
            }
            Update::SetGrants { on, grants } => self.granted(*on, grants.as_ref())?,
            _ => {}
        }
        Ok(())
    }

    fn kind(&self, id: ObjectId) -> ObjectKind {
        self.head.object(id).map_or(ObjectKind::Table, |object| object.kind())
    }

    fn name_in(&self, parent: Option<ObjectId>, name: &Name) -> String {
        let mut parts = parent.map_or_else(Vec::new, |parent| path(self.head, parent));
        parts.push(name.clone());
        joined(&parts)
    }

    fn on(&mut self, id: ObjectId, operation: &str, properties: Properties) {
        let (object_domain, object_name) = match self.head.object(id) {
            Some(object) => (title(object.kind()), full_name(self.head, id)),
            None => ("Account".to_owned(), String::new()),
        };
        self.found.push(ModifiedByDdl {
            object_domain,
            object_name,
            object_id: id,
            operation_type: operation.to_owned(),
            properties,
        });
    }

    fn made(
        &mut self,
        (object_id, kind): (ObjectId, ObjectKind),
        (parent, name): (Option<ObjectId>, &Name),
        properties: Properties,
    ) {
        let takes_a_place = self.updates.iter().any(|update| match update {
            Update::DropObject { id } => self.head.object(*id).is_some_and(|dropped| {
                dropped.kind() == kind && dropped.parent() == parent && dropped.name() == name
            }),
            _ => false,
        });
        self.found.push(ModifiedByDdl {
            object_domain: title(kind),
            object_name: self.name_in(parent, name),
            object_id,
            operation_type: if takes_a_place { "REPLACE" } else { "CREATE" }.to_owned(),
            properties,
        });
    }

    /// Whether another object is made in the place of a dropped one.
    fn is_replaced(&self, dropped: ObjectId) -> bool {
        let Some(dropped) = self.head.object(dropped) else { return false };
        self.updates.iter().any(|update| match update {
            Update::CreateObject { kind, parent, name, .. } => {
                (*kind, *parent, name) == (dropped.kind(), dropped.parent(), dropped.name())
            }
            Update::CloneObject { source, parent, name, .. } => {
                (self.kind(*source), *parent, name)
                    == (dropped.kind(), dropped.parent(), dropped.name())
            }
            _ => false,
        })
    }

    fn is_made(&self, object: ObjectId) -> bool {
        self.updates.iter().any(|update| {
            matches!(update, Update::CreateObject { id, .. } | Update::CloneObject { id, .. }
                if *id == object)
        })
    }

    fn replaced(&mut self, id: ObjectId, body: &Body) -> Result<()> {
        let Some(object) = self.head.object(id) else { return Ok(()) };
        match object.kind() {
            ObjectKind::Role => {
                let (before, after): (RoleDefinition, RoleDefinition) =
                    (object.body().read()?, body.read()?);
                self.members(id, &before.roles, &after.roles);
            }
            ObjectKind::User => {
                let (before, after): (UserDefinition, UserDefinition) =
                    (object.body().read()?, body.read()?);
                self.members(id, &before.roles, &after.roles);
            }
            ObjectKind::Table | ObjectKind::DynamicTable => {
                let properties = columns(&object.body().read()?, &body.read()?);
                self.on(id, "ALTER", properties);
            }
            _ => self.on(id, "ALTER", Properties::new()),
        }
        Ok(())
    }

    /// GRANT ROLE and REVOKE ROLE, or another change of a role or a user.
    fn members(&mut self, of: ObjectId, before: &[MembershipRecord], after: &[MembershipRecord]) {
        let lacks = |roles: &[MembershipRecord], role| roles.iter().all(|it| it.role != role);
        let added = after.iter().filter(|it| lacks(before, it.role)).map(|it| (it.role, "GRANT"));
        let gone = before.iter().filter(|it| lacks(after, it.role)).map(|it| (it.role, "REVOKE"));
        let changed: Vec<_> = added.chain(gone).collect();
        if changed.is_empty() {
            return self.on(of, "ALTER", Properties::new());
        }
        let domain = self.kind(of).sql();
        for (role, operation) in changed {
            let mut to = json!({ "value": full_name(self.head, of), "domain": domain });
            if let Some(was) = before.iter().find(|it| it.role == role) {
                to["createdOn"] = was.at.as_micros().into();
                to["grantedBy"] = was.grantor.map(|role| full_name(self.head, role)).into();
            }
            self.on(role, operation, one("grantee", to));
        }
    }

    fn grant(&self, grant: &GrantRecord, change: &str) -> Value {
        let (GranteeRecord::Role(grantee) | GranteeRecord::User(grantee)) = grant.grantee;
        let mut shown = json!({
            "privilege": grant.privilege,
            "grantee": full_name(self.head, grantee),
            "subOperationType": change,
        });
        if change == "DROP" {
            shown["createdOn"] = grant.at.as_micros().into();
            shown["grantedBy"] = full_name(self.head, grant.grantor).into();
            shown["grantedTo"] = self.kind(grantee).sql().into();
            shown["grantOption"] = grant.option.into();
        }
        shown
    }

    /// The privileges that are granted on something now and were not, and the
    /// other way round.
    fn granted(&mut self, on: ObjectId, body: Option<&Body>) -> Result<()> {
        if self.is_made(on) {
            return Ok(());
        }
        let read = |body: Option<&Body>| match body {
            Some(body) => body.read::<GrantsDefinition>(),
            None => Ok(GrantsDefinition::default()),
        };
        let before = read(self.head.grants(on).map(|body| &**body))?;
        let after = read(body)?;
        let added = self.grants(&after.grants, &before.grants, "ADD");
        let gone = self.grants(&before.grants, &after.grants, "DROP");
        let operation = match (added.is_empty(), gone.is_empty()) {
            (false, _) => "GRANT",
            (true, false) => "REVOKE",
            (true, true) => "ALTER",
        };
        let changed: Vec<Value> = added.into_iter().chain(gone).collect();
        let properties = match changed.is_empty() {
            true => Properties::new(),
            false => one("privileges", Value::Array(changed)),
        };
        self.on(on, operation, properties);
        Ok(())
    }

    /// Those that the others are not.
    fn grants(&self, these: &[GrantRecord], others: &[GrantRecord], change: &str) -> Vec<Value> {
        let is_new = |grant: &&GrantRecord| {
            !others.iter().any(|it| {
                (it.grantee, &it.privilege, it.option)
                    == (grant.grantee, &grant.privilege, grant.option)
            })
        };
        these.iter().filter(is_new).map(|grant| self.grant(grant, change)).collect()
    }
}

fn one(key: &str, value: Value) -> Properties {
    Properties::from_iter([(key.to_owned(), value)])
}

fn created(kind: ObjectKind, body: &Body) -> Result<Properties> {
    match kind {
        ObjectKind::Table | ObjectKind::DynamicTable => {
            Ok(columns(&TableDefinition::default(), &body.read()?))
        }
        _ => Ok(Properties::new()),
    }
}

/// Columns that one definition of a table has and the other has not, or has
/// otherwise, by their names afterwards.
fn columns(before: &TableDefinition, after: &TableDefinition) -> Properties {
    let find = |table: &TableDefinition, id| table.columns.iter().find(|it| it.id == id).cloned();
    let mut changed = Map::new();
    let mut add = |name: &Name, id: u32, change: &str| {
        let entry = json!({ "objectId": { "value": id }, "subOperationType": change });
        changed.insert(name.as_str().to_owned(), entry);
    };
    for column in &after.columns {
        match find(before, column.id) {
            None => add(&column.name, column.id.get(), "ADD"),
            Some(was) if was != *column => add(&column.name, column.id.get(), "ALTER"),
            Some(_) => {}
        }
    }
    for column in before.columns.iter().filter(|it| find(after, it.id).is_none()) {
        add(&column.name, column.id.get(), "DROP");
    }
    match changed.is_empty() {
        true => Properties::new(),
        false => one("columns", Value::Object(changed)),
    }
}
