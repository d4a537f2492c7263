//! Roles, users, GRANT and REVOKE.

use icecore_types::{Error, Name, Result, Secret};
use sqlparser::tokenizer::Token;

use super::create::Existing;
use super::{data_metric, if_exists, option};
use crate::cursor::Cursor;
use crate::{
    AlterRole, AlterUser, ContainerName, CreateRole, CreateUser, CurrentGrantsMode, DropRole,
    DropUser, Grant, GrantTarget, Granted, GranteeName, OptionValue, Options, RevokeMode,
    RoleAction, RoleName, ShowGrants, Statement, UseSecondaryRoles, UserAction,
};

/// Words that GRANT .. ON takes, in the singular; the longer before the shorter.
const KINDS: &[&str] = &[
    "ROW ACCESS POLICY",
    "AGGREGATION POLICY",
    "DATABASE ROLE",
    "DYNAMIC TABLE",
    "FILE FORMAT",
    "MASKING POLICY",
    "NETWORK POLICY",
    "NETWORK RULE",
    "PROJECTION POLICY",
    "SEMANTIC VIEW",
    "DATABASE",
    "FUNCTION",
    "INTEGRATION",
    "PIPE",
    "PROCEDURE",
    "ROLE",
    "SCHEMA",
    "SEQUENCE",
    "STAGE",
    "STREAM",
    "TABLE",
    "TAG",
    "TASK",
    "USER",
    "VIEW",
    "WAREHOUSE",
];

/// What a statement about roles or users begins with, after its verb.
pub(super) enum Principal {
    Role,
    DatabaseRole,
    User,
}

/// Reads ROLE, DATABASE ROLE or USER if one comes next.
pub(super) fn principal(cursor: &mut Cursor<'_>) -> Option<Principal> {
    for (words, what) in [
        (["DATABASE", "ROLE"].as_slice(), Principal::DatabaseRole),
        (&["ROLE"], Principal::Role),
        (&["USER"], Principal::User),
    ] {
        // A database may be called ROLE: then nothing follows it.
        if *cursor.peek_at(words.len()) != Token::EOF && cursor.accept(words) {
            return Some(what);
        }
    }
    None
}

pub(super) fn create(
    cursor: &mut Cursor<'_>,
    what: &Principal,
    existing: Existing,
) -> Result<Statement> {
    if existing.or_replace {
        return Err(Error::unsupported("CREATE OR REPLACE of a role or a user")
            .with_help("drop it first: what was granted to it goes with it"));
    }
    let if_not_exists = existing.if_not_exists(cursor)?;
    if let Principal::User = what {
        let name = cursor.name()?;
        let options = options(cursor)?;
        return Ok(Statement::CreateUser(CreateUser { name, if_not_exists, options }));
    }
    let role = role_of(cursor, what)?;
    let comment = comment(cursor)?;
    Ok(Statement::CreateRole(CreateRole { role, if_not_exists, comment }))
}

fn comment(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if !cursor.is_next("COMMENT") {
        return Ok(None);
    }
    option::key(cursor)?;
    cursor.string().map(Some)
}

/// `KEY = value ..` to the end of the statement.
fn options(cursor: &mut Cursor<'_>) -> Result<Options> {
    let mut options = Options::default();
    while !cursor.is_done() {
        let key = option::key(cursor)?;
        let value = match key.as_str() {
            "PASSWORD" => cursor.string().map(|text| OptionValue::Secret(Secret::new(text)))?,
            _ => option::value(cursor)?,
        };
        options.insert(&key, value)?;
        let _optional = cursor.accept_token(&Token::Comma);
    }
    Ok(options)
}

pub(super) fn alter(cursor: &mut Cursor<'_>, what: &Principal) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    if let Principal::User = what {
        let name = cursor.name()?;
        let action = user_action(cursor)?;
        return Ok(Statement::AlterUser(AlterUser { name, if_exists, action }));
    }
    let role = role_of(cursor, what)?;
    let action = if cursor.accept(&["RENAME", "TO"]) {
        RoleAction::Rename(match role_of(cursor, what)? {
            RoleName::Account(name) => name,
            RoleName::Database(name) => name.name,
        })
    } else if cursor.accept(&["UNSET", "COMMENT"]) {
        RoleAction::SetComment(None)
    } else {
        cursor.expect(&["SET"])?;
        RoleAction::SetComment(Some(comment(cursor)?.ok_or_else(|| cursor.unexpected())?))
    };
    Ok(Statement::AlterRole(AlterRole { role, if_exists, action }))
}

fn user_action(cursor: &mut Cursor<'_>) -> Result<UserAction> {
    if cursor.accept(&["RENAME", "TO"]) {
        return cursor.name().map(UserAction::Rename);
    }
    for (words, adds) in [
        (["ADD", "PROGRAMMATIC", "ACCESS", "TOKEN"].as_slice(), true),
        (&["ADD", "PAT"], true),
        (&["REMOVE", "PROGRAMMATIC", "ACCESS", "TOKEN"], false),
        (&["REMOVE", "PAT"], false),
    ] {
        if cursor.accept(words) {
            let token = cursor.name()?;
            return Ok(match adds {
                true => UserAction::AddToken { token, options: options(cursor)? },
                false => UserAction::RemoveToken(token),
            });
        }
    }
    if cursor.accept(&["UNSET"]) {
        let names = cursor.list(|cursor| {
            let key = cursor.peek_word().map(str::to_owned).ok_or_else(|| cursor.unexpected())?;
            cursor.advance();
            Ok(key)
        })?;
        return Ok(UserAction::Unset(names));
    }
    cursor.expect(&["SET"])?;
    let options = options(cursor)?;
    if options.is_empty() { Err(cursor.unexpected()) } else { Ok(UserAction::Set(options)) }
}

pub(super) fn drop(cursor: &mut Cursor<'_>, what: &Principal) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    if let Principal::User = what {
        return Ok(Statement::DropUser(DropUser { name: cursor.name()?, if_exists }));
    }
    Ok(Statement::DropRole(DropRole { role: role_of(cursor, what)?, if_exists }))
}

fn role_of(cursor: &mut Cursor<'_>, what: &Principal) -> Result<RoleName> {
    match what {
        Principal::DatabaseRole => cursor.short_name(2).map(RoleName::Database),
        Principal::Role | Principal::User => cursor.name().map(RoleName::Account),
    }
}

/// GRANT or REVOKE.
pub(super) fn grant(cursor: &mut Cursor<'_>) -> Result<Grant> {
    let revokes = cursor.is_next("REVOKE");
    cursor.advance();
    let option_for = revokes && cursor.accept(&["GRANT", "OPTION", "FOR"]);
    let mut what = granted(cursor)?;
    cursor.expect(&[if revokes { "FROM" } else { "TO" }])?;
    let to = grantee(cursor)?;
    if let Granted::Ownership { current, .. } = &mut what {
        if revokes {
            return Err(Error::unsupported("REVOKE OWNERSHIP")
                .with_help("an object has one owner: GRANT OWNERSHIP gives it another"));
        }
        *current = current_grants(cursor)?;
    }
    let given = !revokes && cursor.accept(&["WITH", "GRANT", "OPTION"]);
    if given && !matches!(what, Granted::Privileges { .. }) {
        return Err(Error::unsupported("WITH GRANT OPTION of a role or of ownership"));
    }
    let revoke = revokes.then(|| revoke_mode(cursor));
    Ok(Grant { what, to, option: option_for || given, revoke })
}

fn revoke_mode(cursor: &mut Cursor<'_>) -> RevokeMode {
    if cursor.accept(&["CASCADE"]) {
        return RevokeMode::Cascade;
    }
    let _default = cursor.accept(&["RESTRICT"]);
    RevokeMode::Restrict
}

fn current_grants(cursor: &mut Cursor<'_>) -> Result<Option<CurrentGrantsMode>> {
    let mode = match cursor.peek_word() {
        Some("REVOKE") => CurrentGrantsMode::Revoke,
        Some("COPY") => CurrentGrantsMode::Copy,
        _ => return Ok(None),
    };
    cursor.advance();
    cursor.expect(&["CURRENT", "GRANTS"])?;
    Ok(Some(mode))
}

fn granted(cursor: &mut Cursor<'_>) -> Result<Granted> {
    if cursor.accept(&["DATABASE", "ROLE"]) {
        return cursor.short_name(2).map(|name| Granted::Role(RoleName::Database(name)));
    }
    if cursor.accept(&["ROLE"]) {
        return cursor.name().map(|name| Granted::Role(RoleName::Account(name)));
    }
    if cursor.accept(&["OWNERSHIP", "ON"]) {
        return Ok(Granted::Ownership { on: target(cursor)?, current: None });
    }
    let privileges = privileges(cursor)?;
    cursor.expect(&["ON"])?;
    Ok(Granted::Privileges { privileges, on: target(cursor)? })
}

/// Words up to ON, with commas between them; nothing for ALL.
fn privileges(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    if cursor.accept(&["ALL"]) {
        let _optional = cursor.accept(&["PRIVILEGES"]);
        return Ok(Vec::new());
    }
    cursor.list(|cursor| {
        let mut words = Vec::new();
        while let Some(word) = cursor.peek_word().filter(|word| *word != "ON") {
            words.push(word.to_owned());
            cursor.advance();
        }
        if words.is_empty() { Err(cursor.unexpected()) } else { Ok(words.join(" ")) }
    })
}

pub(super) fn target(cursor: &mut Cursor<'_>) -> Result<GrantTarget> {
    if cursor.accept(&["ACCOUNT"]) {
        return Ok(GrantTarget::Account);
    }
    let future = cursor.accept(&["FUTURE"]);
    if future || cursor.accept(&["ALL"]) {
        let kind = kind(cursor, true)?;
        cursor.expect(&["IN"])?;
        let container = container(cursor)?;
        return Ok(match future {
            true => GrantTarget::Future { kind, container },
            false => GrantTarget::All { kind, container },
        });
    }
    let kind = kind(cursor, false)?;
    let parts = match kind.as_str() {
        "DATABASE" | "WAREHOUSE" | "INTEGRATION" | "ROLE" | "USER" | "NETWORK POLICY" => 1,
        "SCHEMA" | "DATABASE ROLE" => 2,
        _ => 3,
    };
    let name = cursor.short_name(parts)?;
    let signature = if kind == "FUNCTION" { data_metric::signature(cursor)? } else { None };
    if *cursor.peek() == Token::LParen {
        return Err(Error::unsupported(format_args!("GRANT ON {kind} with argument types")));
    }
    Ok(GrantTarget::Object { kind, name, signature })
}

/// The kind of objects that comes next; `many` if it is in the plural.
fn kind(cursor: &mut Cursor<'_>, many: bool) -> Result<String> {
    for kind in KINDS {
        let words: Vec<String> = match many {
            true => plural(kind).split(' ').map(str::to_owned).collect(),
            false => kind.split(' ').map(str::to_owned).collect(),
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if cursor.accept(&words) {
            return Ok((*kind).to_owned());
        }
    }
    Err(cursor.unexpected().with_help("write the kind of object, for example TABLE"))
}

fn plural(kind: &str) -> String {
    match kind.strip_suffix('Y') {
        Some(stem) => format!("{stem}IES"),
        None => format!("{kind}S"),
    }
}

fn container(cursor: &mut Cursor<'_>) -> Result<ContainerName> {
    if cursor.accept(&["DATABASE"]) {
        return cursor.name().map(ContainerName::Database);
    }
    cursor.expect(&["SCHEMA"])?;
    cursor.short_name(2).map(ContainerName::Schema)
}

fn grantee(cursor: &mut Cursor<'_>) -> Result<GranteeName> {
    if cursor.accept(&["SHARE"]) {
        return Err(Error::unsupported("SHARE"));
    }
    if cursor.accept(&["USER"]) {
        return cursor.name().map(GranteeName::User);
    }
    role(cursor).map(GranteeName::Role)
}

/// `[DATABASE] ROLE name`, or the name alone.
fn role(cursor: &mut Cursor<'_>) -> Result<RoleName> {
    if cursor.accept(&["DATABASE", "ROLE"]) {
        return cursor.short_name(2).map(RoleName::Database);
    }
    let _optional = cursor.accept(&["ROLE"]);
    cursor.name().map(RoleName::Account)
}

/// SHOW [FUTURE] GRANTS.
pub(super) fn show_grants(cursor: &mut Cursor<'_>) -> Result<ShowGrants> {
    cursor.expect(&["SHOW"])?;
    if cursor.accept(&["FUTURE"]) {
        cursor.expect(&["GRANTS"])?;
        return match cursor.accept(&["IN"]) {
            true => container(cursor).map(ShowGrants::FutureIn),
            false => {
                cursor.expect(&["TO"])?;
                role(cursor).map(ShowGrants::FutureTo)
            }
        };
    }
    cursor.expect(&["GRANTS"])?;
    match cursor.peek_word() {
        None if cursor.is_done() => Ok(ShowGrants::Mine),
        Some("ON") => {
            cursor.advance();
            match target(cursor)? {
                on @ (GrantTarget::Account | GrantTarget::Object { .. }) => Ok(ShowGrants::On(on)),
                _ => Err(Error::unsupported("SHOW GRANTS ON ALL or ON FUTURE objects")),
            }
        }
        Some("TO") => {
            cursor.advance();
            grantee(cursor).map(ShowGrants::To)
        }
        Some("OF") => {
            cursor.advance();
            if cursor.is_next("SHARE") {
                return Err(Error::unsupported("SHARE"));
            }
            role(cursor).map(ShowGrants::Of)
        }
        _ => Err(cursor.unexpected()),
    }
}

/// USE SECONDARY ROLES, whose first three words were read.
pub(super) fn secondary_roles(cursor: &mut Cursor<'_>) -> Result<UseSecondaryRoles> {
    if cursor.accept(&["ALL"]) {
        return Ok(UseSecondaryRoles::All);
    }
    if cursor.accept(&["NONE"]) {
        return Ok(UseSecondaryRoles::None);
    }
    cursor.list(Cursor::name).map(|names: Vec<Name>| UseSecondaryRoles::These(names))
}
