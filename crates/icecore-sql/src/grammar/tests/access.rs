use crate::grammar::tests::{error, name, one};
use crate::*;
use icecore_types::Name;

fn grant(text: &str) -> Grant {
    let Statement::Grant(grant) = one(text) else { panic!("{text}") };
    grant
}

fn account(role: &str) -> RoleName {
    RoleName::Account(Name::parse(role).unwrap())
}

#[test]
fn privileges_are_granted_on_everything() {
    let table = GrantTarget::Object { kind: "TABLE".into(), name: name("d.s.t"), signature: None };
    let found = grant("GRANT SELECT, EVOLVE SCHEMA ON TABLE d.s.t TO ROLE r WITH GRANT OPTION");
    let privileges = vec!["SELECT".to_owned(), "EVOLVE SCHEMA".to_owned()];
    assert_eq!(found.what, Granted::Privileges { privileges, on: table.clone() });
    assert_eq!((found.to, found.option), (GranteeName::Role(account("r")), true));

    let found = grant("revoke all privileges on table d.s.t from r cascade");
    assert_eq!(found.what, Granted::Privileges { privileges: vec![], on: table });
    assert_eq!(found.revoke, Some(RevokeMode::Cascade));

    for (text, on) in [
        ("ACCOUNT", GrantTarget::Account),
        (
            "FILE FORMAT f",
            GrantTarget::Object { kind: "FILE FORMAT".into(), name: name("f"), signature: None },
        ),
        (
            "ALL ROW ACCESS POLICIES IN SCHEMA d.s",
            GrantTarget::All {
                kind: "ROW ACCESS POLICY".into(),
                container: ContainerName::Schema(name("d.s")),
            },
        ),
        (
            "FUTURE DYNAMIC TABLES IN DATABASE d",
            GrantTarget::Future {
                kind: "DYNAMIC TABLE".into(),
                container: ContainerName::Database(Name::unquoted("d")),
            },
        ),
    ] {
        let found = grant(&format!("GRANT USAGE ON {text} TO USER ana"));
        assert_eq!(
            found.what,
            Granted::Privileges { privileges: vec!["USAGE".into()], on },
            "{text}"
        );
        assert_eq!(found.to, GranteeName::User(Name::unquoted("ana")));
    }
}

#[test]
fn roles_and_ownership_are_granted() {
    let found = grant("GRANT DATABASE ROLE d.reader TO DATABASE ROLE d.writer");
    assert_eq!(found.what, Granted::Role(RoleName::Database(name("d.reader"))));
    assert_eq!(found.to, GranteeName::Role(RoleName::Database(name("d.writer"))));
    let found = grant("REVOKE ROLE a FROM USER b");
    assert_eq!((found.what, found.revoke.is_some()), (Granted::Role(account("a")), true));

    let found = grant("GRANT OWNERSHIP ON SCHEMA d.s TO ROLE r COPY CURRENT GRANTS");
    let on = GrantTarget::Object { kind: "SCHEMA".into(), name: name("d.s"), signature: None };
    let current = Some(CurrentGrantsMode::Copy);
    assert_eq!(found.what, Granted::Ownership { on, current });
    assert!(
        error("REVOKE OWNERSHIP ON TABLE t FROM ROLE r").message().contains("REVOKE OWNERSHIP")
    );
}

#[test]
fn roles_and_users_are_made_changed_and_dropped() {
    let Statement::CreateRole(create) = one("CREATE DATABASE ROLE d.r COMMENT = 'c'") else {
        panic!()
    };
    assert_eq!(create.role, RoleName::Database(name("d.r")));
    assert!(matches!(one("CREATE DATABASE role"), Statement::CreateDatabase(_)));
    assert!(matches!(one("DROP DATABASE role"), Statement::Drop(_)));
    assert!(matches!(one("DROP DATABASE ROLE r"), Statement::DropRole(_)));
    let Statement::AlterUser(alter) =
        one("ALTER USER u ADD PROGRAMMATIC ACCESS TOKEN t DAYS_TO_EXPIRY = 15")
    else {
        panic!()
    };
    assert!(matches!(alter.action, UserAction::AddToken { .. }));
    let Statement::CreateUser(create) =
        one("CREATE USER IF NOT EXISTS u PASSWORD = 'x' DEFAULT_SECONDARY_ROLES = ('ALL')")
    else {
        panic!()
    };
    assert_eq!((create.options.len(), create.if_not_exists), (2, true));
    assert!(error("CREATE OR REPLACE ROLE r").message().contains("OR REPLACE"));
}

#[test]
fn grants_are_shown_in_every_form() {
    for (text, shown) in [
        ("SHOW GRANTS", ShowGrants::Mine),
        ("SHOW GRANTS ON ACCOUNT", ShowGrants::On(GrantTarget::Account)),
        ("SHOW GRANTS TO ROLE r", ShowGrants::To(GranteeName::Role(account("r")))),
        ("SHOW GRANTS TO USER u", ShowGrants::To(GranteeName::User(Name::unquoted("u")))),
        ("SHOW GRANTS OF ROLE r", ShowGrants::Of(account("r"))),
        ("SHOW FUTURE GRANTS IN SCHEMA s", ShowGrants::FutureIn(ContainerName::Schema(name("s")))),
        ("SHOW FUTURE GRANTS TO ROLE r", ShowGrants::FutureTo(account("r"))),
    ] {
        assert_eq!(one(text), Statement::ShowGrants(shown), "{text}");
    }
    for text in ["SHOW GRANTS TO SHARE s", "SHOW GRANTS OF SHARE s", "GRANT USAGE ON t TO r"] {
        error(text);
    }
}
