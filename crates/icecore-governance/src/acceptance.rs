//! The checks of the specification that access alone decides.

use icecore_types::{
    ErrorKind, Name, ObjectId, ObjectKind, QualifiedName, Timestamp, UserDefinition,
};

use crate::{
    Access, Act, CurrentGrants, Dependents, Grantee, Privilege as P, Privileges, RoleId,
    SecondaryRoles, Securable, SecurableKind as K, Session, UserId, Verb,
};

const AT: Timestamp = Timestamp::from_micros(0);

fn id(bits: u128) -> ObjectId {
    ObjectId::from_bits(bits)
}

/// The default user makes roles R1 to R4 and the user U, who has R1.
struct World {
    access: Access,
    admin: Session,
}

fn role(number: u128) -> RoleId {
    RoleId::new(id(100 + number))
}

const U: UserId = UserId::new(ObjectId::from_bits(200));

impl World {
    fn new() -> Self {
        let access = Access::default();
        let name = Name::unquoted("accountadmin");
        let admin =
            Session::open(&access, UserId::DEFAULT, Some(&name), SecondaryRoles::None).unwrap();
        let mut world = Self { access, admin };
        for number in 1..5 {
            let name = Name::unquoted(&format!("r{number}"));
            let made = (role(number), &name);
            world.access = world.access.create_role(&world.admin, made, None, None).unwrap();
        }
        let user = (U, &Name::unquoted("u"));
        let access = world.access.create_user(&world.admin, user, UserDefinition::default());
        world.access = access.unwrap();
        world.give(1, Grantee::User(U));
        world
    }

    fn give(&mut self, number: u128, to: Grantee) {
        self.access = self.access.grant_role(&self.admin, role(number), to, AT).unwrap();
    }

    fn grant(&mut self, privilege: P, on: &Securable, to: Grantee) {
        let wanted = Privileges::These(vec![privilege]);
        self.access = self.access.grant(&self.admin, &wanted, on, (to, false), AT).unwrap();
    }

    fn session(&self, name: &str, secondary: SecondaryRoles) -> Session {
        Session::open(&self.access, U, Some(&Name::unquoted(name)), secondary).unwrap()
    }
}

fn place() -> (Securable, Securable, Securable) {
    let name = |text| QualifiedName::parse(text).unwrap();
    let owner = RoleId::SYSADMIN;
    let database = Securable::new(id(1), K::Database, name("d"), owner);
    let schema = Securable::new(id(2), K::Schema, name("d.s"), owner).within(database.clone());
    let table = Securable::new(id(3), K::Table, name("d.s.t"), owner).within(schema.clone());
    (database, schema, table)
}

fn select(on: &Securable) -> [Act; 1] {
    [Act::new(Verb::Select, on.clone())]
}

/// A10.1
#[test]
fn a_role_inherits_through_roles_and_not_through_ownership() {
    let mut world = World::new();
    let (database, schema, table) = place();
    world.give(3, Grantee::Role(role(2)));
    world.give(2, Grantee::Role(role(1)));
    let r3 = Grantee::Role(role(3));
    world.grant(P::Usage, &database, r3);
    world.grant(P::Usage, &schema, r3);
    world.grant(P::Select, &table, r3);
    let session = world.session("r1", SecondaryRoles::None);
    world.access.authorize(&session, &select(&table)).unwrap();
    let why = world.access.explain(&session, &select(&table)).unwrap();
    assert_eq!(why[2].to_string(), "SELECT on TABLE D.S.T: SELECT granted to R1 > R2 > R3");

    let r3 = Securable::new(
        role(3).object(),
        K::Role,
        QualifiedName::parse("r3").unwrap(),
        RoleId::ACCOUNTADMIN,
    );
    let access =
        world.access.grant_ownership(&world.admin, &r3, role(4), CurrentGrants::Refuse).unwrap();
    assert_eq!(access.role(role(3)).unwrap().owner(), Some(role(4)));
    let access = access.grant_role(&world.admin, role(4), Grantee::User(U), AT).unwrap();
    let access = access.revoke_role(&world.admin, role(1), Grantee::User(U)).unwrap();
    let session =
        Session::open(&access, U, Some(&Name::unquoted("r4")), SecondaryRoles::All).unwrap();
    assert!(access.authorize(&session, &select(&table)).is_err());
}

/// A10.2
#[test]
fn without_usage_an_object_is_as_if_missing() {
    let mut world = World::new();
    let (database, schema, table) = place();
    let r1 = Grantee::Role(role(1));
    world.grant(P::Select, &table, r1);
    world.grant(P::Usage, &database, r1);
    let session = world.session("r1", SecondaryRoles::None);
    let error = world.access.authorize(&session, &select(&table)).unwrap_err();
    let missing = crate::securable::absent(ObjectKind::Table.into(), table.name());
    assert_eq!(error.to_string(), missing.to_string());
    assert_eq!(error.code().number(), "002003");
    world.grant(P::Create(K::View), &schema, r1);
    world.access.authorize(&session, &select(&table)).unwrap();
    let insert = [Act::new(Verb::Insert, table)];
    let error = world.access.authorize(&session, &insert).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
}

/// A10.4
#[test]
fn future_grants_of_a_schema_override_those_of_its_database() {
    let world = World::new();
    let (database, schema, table) = place();
    let select = Privileges::These(vec![P::Select]);
    let change = Privileges::These(vec![P::Insert, P::Delete]);
    let access = world
        .access
        .grant_future(&world.admin, (&select, K::Table), &database, (role(1), false), AT)
        .unwrap();
    let (alone, _) = access.with_new_object(&table, AT);
    assert_eq!(alone.grants_definition(table.id()).unwrap().grants.len(), 1);
    let access = access
        .grant_future(&world.admin, (&change, K::Table), &schema, (role(2), false), AT)
        .unwrap();
    let (access, owner) = access.with_new_object(&table, AT);
    assert_eq!(owner, RoleId::SYSADMIN);
    let grants = access.grants_definition(table.id()).unwrap().grants;
    assert!(grants.iter().all(|grant| grant.grantee == Grantee::Role(role(2)).record()));
    assert_eq!(grants.len(), 2);
    let error = access.grant_future(
        &world.admin,
        (&Privileges::All, K::MaskingPolicy),
        &schema,
        (role(2), false),
        AT,
    );
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// A10.5
#[test]
fn in_a_managed_schema_its_owner_grants_and_the_tables_does_not() {
    let mut world = World::new();
    let (database, schema, table) = place();
    let (schema, table) = (schema.owned_by(role(2)), table.owned_by(role(1)));
    let table = table.within(schema.clone());
    for on in [&database, &schema] {
        world.grant(P::Usage, on, Grantee::Role(role(1)));
    }
    world.access = world.access.with_managed_access(schema.id(), true);
    let wanted = Privileges::These(vec![P::Select]);
    let to = (Grantee::Role(role(3)), false);
    let session = world.session("r1", SecondaryRoles::None);
    let error = world.access.grant(&session, &wanted, &table, to, AT).unwrap_err();
    assert_eq!(error.code().number(), "003001");
    world.give(2, Grantee::User(U));
    let session = world.session("r2", SecondaryRoles::None);
    world.access.grant(&session, &wanted, &table, to, AT).unwrap();
    let access = world.access.grant(&world.admin, &wanted, &table, to, AT).unwrap();
    let grants = access.grants_definition(table.id()).unwrap().grants;
    assert_eq!(grants[0].grantor, role(1).object());
}

/// A10.7
#[test]
fn what_a_user_holds_itself_counts_with_all_secondary_roles() {
    let mut world = World::new();
    let (database, schema, table) = place();
    for on in [&database, &schema] {
        world.grant(P::Usage, on, Grantee::Role(role(1)));
    }
    world.grant(P::Select, &table, Grantee::User(U));
    let session = world.session("r1", SecondaryRoles::None);
    assert!(world.access.authorize(&session, &select(&table)).is_err());
    let session = session.use_secondary(&world.access, SecondaryRoles::All).unwrap();
    world.access.authorize(&session, &select(&table)).unwrap();
}

#[test]
fn only_the_primary_role_creates() {
    let mut world = World::new();
    let (database, schema, _) = place();
    world.give(2, Grantee::User(U));
    for on in [&database, &schema] {
        world.grant(P::Usage, on, Grantee::Role(role(1)));
    }
    world.grant(P::Usage, &database, Grantee::Role(role(2)));
    world.grant(P::Create(K::Table), &schema, Grantee::Role(role(2)));
    let create = [Act::new(Verb::Create(ObjectKind::Table), schema)];
    let session = world.session("r1", SecondaryRoles::All);
    let error = world.access.authorize(&session, &create).unwrap_err();
    assert_eq!(error.code().number(), "003001");
    let session = world.session("r2", SecondaryRoles::None);
    world.access.authorize(&session, &create).unwrap();
}

#[test]
fn what_rests_on_a_grant_holds_it_or_goes_with_it() {
    let mut world = World::new();
    let (database, schema, table) = place();
    let r1 = Grantee::Role(role(1));
    for on in [&database, &schema] {
        world.grant(P::Usage, on, r1);
    }
    let wanted = Privileges::These(vec![P::Select]);
    let access = world.access.grant(&world.admin, &wanted, &table, (r1, true), AT).unwrap();
    let session = world.session("r1", SecondaryRoles::None);
    let on = (Grantee::Role(role(2)), false);
    let access = access.grant(&session, &wanted, &table, on, AT).unwrap();
    let grants = access.grants_definition(table.id()).unwrap().grants;
    assert!(grants.iter().any(|grant| grant.grantor == role(1).object()));
    let error = access
        .revoke(&world.admin, &wanted, &table, (r1, false), Dependents::Restrict)
        .unwrap_err();
    assert_eq!(error.code().number(), "003036");
    for option_only in [false, true] {
        let after = access
            .revoke(&world.admin, &wanted, &table, (r1, option_only), Dependents::Cascade)
            .unwrap();
        let left = after.grants_definition(table.id()).map_or(0, |body| body.grants.len());
        assert_eq!(left, usize::from(option_only));
    }
    let owner = access.grant_ownership(&world.admin, &table, role(3), CurrentGrants::Refuse);
    assert_eq!(owner.unwrap_err().code().number(), "003036");
}

#[test]
fn cycles_and_the_end_of_system_roles_are_refused() {
    let mut world = World::new();
    world.give(2, Grantee::Role(role(1)));
    let error = world.access.grant_role(&world.admin, role(1), Grantee::Role(role(2)), AT);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    for (system, _) in RoleId::ALL_SYSTEM {
        assert!(world.access.drop_role(&world.admin, system, &[], &|_| None).is_err());
    }
}

#[test]
fn a_dropped_role_leaves_nothing_behind() {
    let mut world = World::new();
    let (_, _, table) = place();
    let before = world.access.clone();
    world.grant(P::Select, &table, Grantee::Role(role(2)));
    world.give(2, Grantee::User(U));
    assert_eq!(world.access.changed_since(&before).grants, [table.id()]);
    let find = |_| Some(table.clone());
    let (access, heir) = world.access.drop_role(&world.admin, role(2), &[], &find).unwrap();
    assert_eq!(heir, RoleId::ACCOUNTADMIN);
    assert!(access.grants_definition(table.id()).is_none());
    assert_eq!(access.user(U).unwrap().definition().roles.len(), 1);
    assert!(access.role_id(None, &Name::unquoted("r2")).is_none());
}

#[test]
fn a_small_statement_takes_few_look_ups_among_many_grants() {
    let mut world = World::new();
    let (database, schema, table) = place();
    for number in 10..1010 {
        let name = Name::unquoted(&format!("r{number}"));
        let made = (role(number), &name);
        world.access = world.access.create_role(&world.admin, made, None, None).unwrap();
        for on in [&database, &schema, &table] {
            world.grant(on.kind().privileges()[0], on, Grantee::Role(role(number)));
        }
    }
    world.give(500, Grantee::Role(role(1)));
    let session = world.session("r1", SecondaryRoles::None);
    let probes = world.access.authorize(&session, &select(&table)).unwrap();
    // Two for each of three securables, and three roles at the most in each.
    assert!(probes <= 3 * (2 + 3), "{probes}");
}
