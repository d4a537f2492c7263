//! Roles, users, and what is granted to them.

use icecore_types::{Name, QualifiedName, SqlType};

use super::Options;

/// A role as a statement names it.
///
/// ```
/// use icecore_sql::RoleName;
/// use icecore_types::{Name, QualifiedName, SqlType};
/// let role = RoleName::Database(QualifiedName::parse("retail.reader")?);
/// assert_ne!(role, RoleName::Account(Name::unquoted("reader")));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleName {
    /// A role of the account.
    Account(Name),
    /// A role of a database: its name, or the database's and its own.
    Database(QualifiedName),
}

/// To whom something is granted.
///
/// ```
/// use icecore_sql::GranteeName;
/// use icecore_types::Name;
/// assert_eq!(GranteeName::User(Name::unquoted("ana")), GranteeName::User(Name::quoted("ANA")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GranteeName {
    /// A role.
    Role(RoleName),
    /// A user.
    User(Name),
}

/// CREATE ROLE or CREATE DATABASE ROLE.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("CREATE ROLE IF NOT EXISTS analyst COMMENT = 'reads'", &Limits::default())?;
/// let Statement::CreateRole(create) = &parsed[0].statement else { panic!() };
/// assert!(create.if_not_exists && create.comment.is_some());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRole {
    /// The role.
    pub role: RoleName,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// COMMENT.
    pub comment: Option<String>,
}

/// ALTER ROLE or ALTER DATABASE ROLE.
///
/// ```
/// use icecore_sql::{Limits, RoleAction, Statement, parse};
/// let parsed = parse("ALTER ROLE a RENAME TO b", &Limits::default())?;
/// let Statement::AlterRole(alter) = &parsed[0].statement else { panic!() };
/// assert!(matches!(alter.action, RoleAction::Rename(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterRole {
    /// The role.
    pub role: RoleName,
    /// A missing role is no error.
    pub if_exists: bool,
    /// What is done to it.
    pub action: RoleAction,
}

/// What ALTER ROLE does.
///
/// ```
/// use icecore_sql::RoleAction;
/// assert_ne!(RoleAction::SetComment(None), RoleAction::SetComment(Some(String::new())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleAction {
    /// RENAME TO.
    Rename(Name),
    /// SET or UNSET COMMENT: nothing is UNSET.
    SetComment(Option<String>),
}

/// DROP ROLE or DROP DATABASE ROLE.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("DROP ROLE IF EXISTS analyst", &Limits::default())?;
/// assert!(matches!(&parsed[0].statement, Statement::DropRole(drop) if drop.if_exists));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropRole {
    /// The role.
    pub role: RoleName,
    /// A missing role is no error.
    pub if_exists: bool,
}

/// CREATE USER.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("CREATE USER ana DEFAULT_ROLE = analyst", &Limits::default())?;
/// let Statement::CreateUser(create) = &parsed[0].statement else { panic!() };
/// assert!(create.options.get("DEFAULT_ROLE").is_some());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreateUser {
    /// The user.
    pub name: Name,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// Its properties.
    pub options: Options,
}

/// ALTER USER.
///
/// ```
/// use icecore_sql::{Limits, Statement, UserAction, parse};
/// let parsed = parse("ALTER USER ana SET DISABLED = TRUE", &Limits::default())?;
/// let Statement::AlterUser(alter) = &parsed[0].statement else { panic!() };
/// assert!(matches!(alter.action, UserAction::Set(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlterUser {
    /// The user.
    pub name: Name,
    /// A missing user is no error.
    pub if_exists: bool,
    /// What is done to it.
    pub action: UserAction,
}

/// What ALTER USER does.
///
/// ```
/// use icecore_sql::UserAction;
/// assert_ne!(UserAction::Unset(vec!["COMMENT".to_owned()]), UserAction::Unset(Vec::new()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum UserAction {
    /// RENAME TO.
    Rename(Name),
    /// SET of properties.
    Set(Options),
    /// UNSET of properties, by their names.
    Unset(Vec<String>),
    /// ADD PROGRAMMATIC ACCESS TOKEN.
    AddToken {
        /// What it is called.
        token: Name,
        /// ROLE_RESTRICTION and DAYS_TO_EXPIRY.
        options: Options,
    },
    /// REMOVE PROGRAMMATIC ACCESS TOKEN.
    RemoveToken(Name),
}

/// DROP USER.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("DROP USER ana", &Limits::default())?;
/// assert!(matches!(&parsed[0].statement, Statement::DropUser(drop) if !drop.if_exists));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropUser {
    /// The user.
    pub name: Name,
    /// A missing user is no error.
    pub if_exists: bool,
}

/// GRANT or REVOKE.
///
/// ```
/// use icecore_sql::{Granted, Limits, Statement, parse};
/// let text = "REVOKE GRANT OPTION FOR SELECT, INSERT ON TABLE t FROM ROLE r CASCADE";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::Grant(revoke) = &parsed[0].statement else { panic!() };
/// assert!(revoke.option && revoke.revoke.is_some());
/// assert!(matches!(&revoke.what, Granted::Privileges { privileges, .. } if privileges.len() == 2));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub what: Granted,
    /// To or from whom.
    pub to: GranteeName,
    /// WITH GRANT OPTION, or GRANT OPTION FOR.
    pub option: bool,
    /// It is taken away, and what becomes of the grants that rest on it.
    pub revoke: Option<RevokeMode>,
}

/// What becomes of the grants that rest on a revoked one.
///
/// ```
/// use icecore_sql::RevokeMode;
/// assert_eq!(RevokeMode::default(), RevokeMode::Restrict);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevokeMode {
    /// RESTRICT: then nothing is revoked.
    #[default]
    Restrict,
    /// CASCADE: they go too.
    Cascade,
}

/// What is granted.
///
/// ```
/// use icecore_sql::{Granted, RoleName};
/// use icecore_types::Name;
/// let role = Granted::Role(RoleName::Account(Name::unquoted("r")));
/// assert_eq!(role.clone(), role);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// A role.
    Role(RoleName),
    /// Privileges, by their words; none means ALL.
    Privileges {
        /// For example `CREATE TABLE`.
        privileges: Vec<String>,
        /// On what.
        on: GrantTarget,
    },
    /// OWNERSHIP, and what becomes of the grants that there are.
    Ownership {
        /// Of what.
        on: GrantTarget,
        /// REVOKE or COPY CURRENT GRANTS, if it is said.
        current: Option<CurrentGrantsMode>,
    },
}

/// What becomes of the grants on an object that gets another owner.
///
/// ```
/// use icecore_sql::CurrentGrantsMode;
/// assert_ne!(CurrentGrantsMode::Revoke, CurrentGrantsMode::Copy);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentGrantsMode {
    /// They are revoked.
    Revoke,
    /// They stay.
    Copy,
}

/// What something is granted on. A kind is its SQL words in upper case, in the
/// singular.
///
/// ```
/// use icecore_sql::GrantTarget;
/// use icecore_types::QualifiedName;
/// let name = QualifiedName::parse("f")?;
/// let on = GrantTarget::Object { kind: "FILE FORMAT".into(), name, signature: None };
/// assert_ne!(on, GrantTarget::Account);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantTarget {
    /// The account.
    Account,
    /// One object.
    Object {
        /// Its kind.
        kind: String,
        /// Its name.
        name: QualifiedName,
        /// The types of a function's argument, if they are named.
        signature: Option<Vec<SqlType>>,
    },
    /// The objects of a kind that are in a container.
    All {
        /// Their kind.
        kind: String,
        /// Where.
        container: ContainerName,
    },
    /// The objects of a kind that will be made in a container.
    Future {
        /// Their kind.
        kind: String,
        /// Where.
        container: ContainerName,
    },
}

/// A database or a schema.
///
/// ```
/// use icecore_sql::ContainerName;
/// use icecore_types::{Name, QualifiedName, SqlType};
/// let schema = ContainerName::Schema(QualifiedName::parse("d.s")?);
/// assert_ne!(schema, ContainerName::Database(Name::unquoted("d")));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerName {
    /// A database.
    Database(Name),
    /// A schema.
    Schema(QualifiedName),
}

/// SHOW GRANTS and SHOW FUTURE GRANTS.
///
/// ```
/// use icecore_sql::{Limits, ShowGrants, Statement, parse};
/// let parsed = parse("SHOW GRANTS OF ROLE analyst", &Limits::default())?;
/// assert!(matches!(&parsed[0].statement, Statement::ShowGrants(ShowGrants::Of(_))));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShowGrants {
    /// Of the session's user.
    Mine,
    /// ON something.
    On(GrantTarget),
    /// TO a role or a user.
    To(GranteeName),
    /// OF a role: who has it.
    Of(RoleName),
    /// FUTURE GRANTS IN a container.
    FutureIn(ContainerName),
    /// FUTURE GRANTS TO a role.
    FutureTo(RoleName),
}

/// USE SECONDARY ROLES.
///
/// ```
/// use icecore_sql::{Limits, Statement, UseSecondaryRoles, parse};
/// let parsed = parse("USE SECONDARY ROLES NONE", &Limits::default())?;
/// assert_eq!(parsed[0].statement, Statement::UseSecondaryRoles(UseSecondaryRoles::None));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UseSecondaryRoles {
    /// All that the user has.
    All,
    /// None.
    None,
    /// These.
    These(Vec<Name>),
}
