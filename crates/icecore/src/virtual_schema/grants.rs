//! Roles, users, and what was granted and revoked: of today from the access
//! state, of earlier from the access history.

use arrow::array::RecordBatch;
use icecore_governance::{GrantRow, MemberRow, RoleId};
use icecore_snapshot::Object;
use icecore_types::{ObjectId, ObjectKind, Result, SqlType, Timestamp, UserKind};
use serde_json::Value;

use super::Listing;
use crate::access::{Acting, securable};
use crate::access_history::ModifiedByDdl;
use crate::cells::{Cell, Columns, batch};

const TEXT: SqlType = SqlType::TEXT;
const TIME: SqlType = SqlType::TimestampLtz;

const GRANTS_TO_ROLES: Columns = &[
    ("CREATED_ON", TIME),
    ("PRIVILEGE", TEXT),
    ("GRANTED_ON", TEXT),
    ("NAME", TEXT),
    ("TABLE_CATALOG", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("GRANTED_TO", TEXT),
    ("GRANTEE_NAME", TEXT),
    ("GRANT_OPTION", SqlType::Boolean),
    ("GRANTED_BY", TEXT),
    ("DELETED_ON", TIME),
];
const GRANTS_TO_USERS: Columns = &[
    ("CREATED_ON", TIME),
    ("DELETED_ON", TIME),
    ("ROLE", TEXT),
    ("GRANTED_TO", TEXT),
    ("GRANTEE_NAME", TEXT),
    ("GRANTED_BY", TEXT),
];
const ROLES: Columns = &[
    ("ROLE_ID", TEXT),
    ("CREATED_ON", TIME),
    ("DELETED_ON", TIME),
    ("NAME", TEXT),
    ("COMMENT", TEXT),
    ("OWNER", TEXT),
    ("ROLE_TYPE", TEXT),
    ("ROLE_DATABASE_NAME", TEXT),
];
const USERS: Columns = &[
    ("USER_ID", TEXT),
    ("NAME", TEXT),
    ("CREATED_ON", TIME),
    ("DELETED_ON", TIME),
    ("HAS_PASSWORD", SqlType::Boolean),
    ("DISABLED", SqlType::Boolean),
    ("DEFAULT_ROLE", TEXT),
    ("OWNER", TEXT),
    ("TYPE", TEXT),
    ("COMMENT", TEXT),
];
const APPLICABLE_ROLES: Columns =
    &[("GRANTEE", TEXT), ("ROLE_NAME", TEXT), ("ROLE_OWNER", TEXT), ("IS_GRANTABLE", TEXT)];
const ENABLED_ROLES: Columns = &[("ROLE_NAME", TEXT), ("ROLE_OWNER", TEXT)];

/// The use of the account is for those who monitor it.
fn who<'a>(listing: &'a Listing<'_>) -> Result<Option<&'a Acting>> {
    match listing.binder.resolver().who() {
        Some(acting) if acting.monitors()? => Ok(Some(acting)),
        _ => Ok(None),
    }
}

/// What roles have been granted on objects, and own.
pub(super) fn to_roles(listing: &Listing<'_>) -> Result<RecordBatch> {
    let Some(acting) = who(listing)? else { return batch(GRANTS_TO_ROLES, Vec::new()) };
    let head = listing.binder.resolver().head();
    let mut rows = Vec::new();
    let account = acting.access.account();
    let beginning = head.time_of(icecore_types::Version::new(1));
    let beginning = beginning.unwrap_or_else(|| Timestamp::from_micros(0));
    for row in acting.access.show_grants_on(&account, beginning) {
        rows.push(grant_cells(row, (None, None), None));
    }
    for object in head.objects().filter(|object| is_granted_on(object)) {
        let on = securable(head, object)?;
        let gone = object.dropped().map(|dropped| dropped.at());
        for row in acting.access.show_grants_on(&on, object.created_at()) {
            rows.push(grant_cells(row, place(listing, object.id()), gone));
        }
    }
    rows.extend(revoked(listing)?);
    batch(GRANTS_TO_ROLES, rows)
}

fn is_granted_on(object: &Object) -> bool {
    !matches!(object.kind(), ObjectKind::Channel | ObjectKind::Quarantine)
}

/// The database and schema of an object.
fn place(listing: &Listing<'_>, id: ObjectId) -> (Option<String>, Option<String>) {
    let path = listing.binder.resolver().path(id);
    let part = |at: usize| path.get(at).map(|name| name.as_str().to_owned());
    match path.len() {
        0 | 1 => (None, None),
        2 => (part(0), None),
        _ => (part(0), part(1)),
    }
}

fn grant_cells(
    row: GrantRow,
    (database, schema): (Option<String>, Option<String>),
    deleted: Option<Timestamp>,
) -> Vec<Cell> {
    vec![
        Cell::Time(row.created_on),
        Cell::text(row.privilege),
        Cell::text(row.granted_on),
        Cell::text(row.name),
        Cell::maybe_text(database),
        Cell::maybe_text(schema),
        Cell::text(row.granted_to),
        Cell::text(row.grantee_name),
        Cell::Flag(row.grant_option),
        Cell::text(row.granted_by),
        deleted.map_or(Cell::Null, Cell::Time),
    ]
}

/// Every change of the catalog that is remembered, and when it was made.
fn changes(listing: &Listing<'_>) -> Vec<(Timestamp, ModifiedByDdl)> {
    let rows = listing.binder.session().engine().accesses.rows();
    let changes = rows.iter().flat_map(|row| {
        let of_row = row.access.ddl.iter().filter(|ddl| ddl.operation_type != "CREATE");
        of_row.map(|ddl| (row.started, ddl.clone()))
    });
    changes.collect()
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Since when something was granted that is no more.
fn since(value: &Value) -> Cell {
    let micros = value.get("createdOn").and_then(Value::as_i64);
    micros.map_or(Cell::Null, |micros| Cell::Time(Timestamp::from_micros(micros)))
}

fn revoked(listing: &Listing<'_>) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::new();
    for (at, change) in changes(listing) {
        let grants = change.properties.get("privileges").and_then(Value::as_array);
        let dropped = grants.into_iter().flatten();
        for grant in dropped.filter(|grant| text_of(grant, "subOperationType") == "DROP") {
            let (database, schema) = place(listing, change.object_id);
            rows.push(vec![
                since(grant),
                Cell::text(text_of(grant, "privilege")),
                Cell::text(change.object_domain.to_uppercase()),
                Cell::text(change.object_name.as_str()),
                Cell::maybe_text(database),
                Cell::maybe_text(schema),
                Cell::text(text_of(grant, "grantedTo")),
                Cell::text(text_of(grant, "grantee")),
                Cell::Flag(grant.get("grantOption").and_then(Value::as_bool).unwrap_or(false)),
                Cell::text(text_of(grant, "grantedBy")),
                Cell::Time(at),
            ]);
        }
    }
    Ok(rows)
}

/// Which users have had which roles.
pub(super) fn to_users(listing: &Listing<'_>) -> Result<RecordBatch> {
    let Some(acting) = who(listing)? else { return batch(GRANTS_TO_USERS, Vec::new()) };
    let users = acting.access.users();
    let rows = users.flat_map(|(id, _)| acting.access.show_roles_of(id));
    let mut rows: Vec<Vec<Cell>> = rows.map(member_cells).collect();
    for (at, change) in changes(listing) {
        let Some(grantee) = change.properties.get("grantee") else { continue };
        if change.operation_type == "REVOKE" && text_of(grantee, "domain") == "USER" {
            rows.push(vec![
                since(grantee),
                Cell::Time(at),
                Cell::text(change.object_name.as_str()),
                Cell::text("USER"),
                Cell::text(text_of(grantee, "value")),
                Cell::text(text_of(grantee, "grantedBy")),
            ]);
        }
    }
    batch(GRANTS_TO_USERS, rows)
}

fn member_cells(row: MemberRow) -> Vec<Cell> {
    vec![
        Cell::Time(row.created_on),
        Cell::Null,
        Cell::text(row.role),
        Cell::text(row.granted_to),
        Cell::text(row.grantee_name),
        Cell::text(row.granted_by),
    ]
}

/// All roles and users, also those that are no more.
fn principals<'a>(listing: &'a Listing<'_>, kind: ObjectKind) -> Vec<&'a Object> {
    let head = listing.binder.resolver().head();
    let mut found: Vec<&Object> = head.objects().filter(|it| it.kind() == kind).collect();
    found.sort_by_key(|object| (object.name(), object.created_at()));
    found
}

pub(super) fn roles(listing: &Listing<'_>) -> Result<RecordBatch> {
    let Some(acting) = who(listing)? else { return batch(ROLES, Vec::new()) };
    let rows = principals(listing, ObjectKind::Role).into_iter().map(|object| {
        let definition: icecore_types::RoleDefinition = object.body().read()?;
        let of_database = object.parent().is_some();
        Ok(vec![
            Cell::text(object.id().to_string()),
            Cell::Time(object.created_at()),
            deleted(object),
            Cell::text(object.name().as_str()),
            Cell::text(definition.comment.unwrap_or_default()),
            Cell::text(owner(acting, object)),
            Cell::text(if of_database { "DATABASE_ROLE" } else { "ROLE" }),
            Cell::maybe_text(place(listing, object.id()).0),
        ])
    });
    batch(ROLES, rows.collect::<Result<_>>()?)
}

pub(super) fn users(listing: &Listing<'_>) -> Result<RecordBatch> {
    let Some(acting) = who(listing)? else { return batch(USERS, Vec::new()) };
    let rows = principals(listing, ObjectKind::User).into_iter().map(|object| {
        let definition: icecore_types::UserDefinition = object.body().read()?;
        Ok(vec![
            Cell::text(object.id().to_string()),
            Cell::text(object.name().as_str()),
            Cell::Time(object.created_at()),
            deleted(object),
            Cell::Flag(definition.password.is_some()),
            Cell::Flag(definition.disabled),
            Cell::maybe_text(definition.default_role.map(|name| name.as_str().to_owned())),
            Cell::text(owner(acting, object)),
            Cell::text(match definition.kind {
                UserKind::Person => "PERSON",
                UserKind::Service => "SERVICE",
                UserKind::ServiceAgent => "SERVICE_AGENT",
                UserKind::LegacyService => "LEGACY_SERVICE",
            }),
            Cell::text(definition.comment.unwrap_or_default()),
        ])
    });
    batch(USERS, rows.collect::<Result<_>>()?)
}

fn deleted(object: &Object) -> Cell {
    object.dropped().map_or(Cell::Null, |dropped| Cell::Time(dropped.at()))
}

fn owner(acting: &Acting, object: &Object) -> String {
    let role = acting.access.role(RoleId::new(object.owner()));
    role.map(|role| role.name().as_str().to_owned()).unwrap_or_default()
}

/// The roles that the session's user can take, by whom they are held.
pub(super) fn applicable(listing: &Listing<'_>) -> Result<RecordBatch> {
    let Some(acting) = listing.binder.resolver().who() else {
        return batch(APPLICABLE_ROLES, Vec::new());
    };
    let Some(user) = acting.session.user() else { return batch(APPLICABLE_ROLES, Vec::new()) };
    let mut open: Vec<MemberRow> = acting.access.show_roles_of(user);
    let mut rows = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(row) = open.pop() {
        let id = acting.access.roles().find(|(_, role)| role.name().as_str() == row.role);
        let Some((id, role)) = id.filter(|(_, role)| role.database().is_none()) else { continue };
        if !seen.insert((row.grantee_name.clone(), id)) {
            continue;
        }
        open.extend(inherited(acting, id));
        let owner = role.owner().and_then(|owner| acting.access.role(owner));
        rows.push((row.grantee_name, row.role, owner.map(|it| it.name().as_str().to_owned())));
    }
    rows.sort();
    let cells = rows.into_iter().map(|(grantee, role, owner)| {
        let grantable = Cell::text("NO");
        vec![Cell::text(grantee), Cell::text(role), Cell::maybe_text(owner), grantable]
    });
    batch(APPLICABLE_ROLES, cells.collect())
}

/// The roles that a role inherits, as rows of those who have them.
fn inherited(acting: &Acting, role: RoleId) -> Vec<MemberRow> {
    let Some(entry) = acting.access.role(role) else { return Vec::new() };
    let lower = entry.definition().roles.iter().map(|record| RoleId::new(record.role));
    let name = entry.name().as_str();
    let rows = lower.flat_map(|lower| acting.access.show_grants_of(lower));
    rows.filter(|row| row.granted_to != "USER" && row.grantee_name == name).collect()
}

/// The roles whose privileges count in the session.
pub(super) fn enabled(listing: &Listing<'_>) -> Result<RecordBatch> {
    let Some(acting) = listing.binder.resolver().who() else {
        return batch(ENABLED_ROLES, Vec::new());
    };
    let mut rows: Vec<(String, Option<String>)> = acting
        .access
        .roles()
        .filter(|(id, role)| role.database().is_none() && acting.session.has_role(*id))
        .map(|(_, role)| {
            let owner = role.owner().and_then(|owner| acting.access.role(owner));
            let owner = owner.map(|owner| owner.name().as_str().to_owned());
            (role.name().as_str().to_owned(), owner)
        })
        .collect();
    rows.sort();
    let cells =
        rows.into_iter().map(|(role, owner)| vec![Cell::text(role), Cell::maybe_text(owner)]);
    batch(ENABLED_ROLES, cells.collect())
}
