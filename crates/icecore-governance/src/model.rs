//! The indexed state against one that searches lists.

use icecore_types::{Name, ObjectId, QualifiedName, Timestamp, UserDefinition};
use proptest::prelude::*;

use crate::{
    Access, Act, Dependents, Grantee, Privilege, Privileges, RoleId, SecondaryRoles, Securable,
    SecurableKind as K, Session, UserId, Verb,
};

const AT: Timestamp = Timestamp::from_micros(0);
const ROLES: u128 = 6;
const U: UserId = UserId::new(ObjectId::from_bits(200));

fn role(number: u128) -> RoleId {
    RoleId::new(ObjectId::from_bits(100 + number))
}

/// (role, who has it) and (object, privilege, who has it).
#[derive(Default)]
struct Model {
    members: Vec<(RoleId, Grantee)>,
    grants: Vec<(usize, Privilege, Grantee)>,
}

impl Model {
    fn reaches(&self, who: Grantee, wanted: Grantee, depth: u128) -> bool {
        who == wanted
            || depth > 0
                && self.members.iter().any(|(role, has)| {
                    *has == who && self.reaches(Grantee::Role(*role), wanted, depth - 1)
                })
    }

    fn holds(&self, root: Grantee, on: usize, privilege: Option<Privilege>) -> bool {
        self.grants.iter().any(|(object, what, who)| {
            *object == on
                && privilege.is_none_or(|privilege| privilege == *what)
                && self.reaches(root, *who, ROLES + 1)
        })
    }
}

#[derive(Clone, Debug)]
enum Step {
    Give(u128, Option<u128>),
    Take(u128, Option<u128>),
    Grant(usize, usize, u128),
    Revoke(usize, usize, u128),
}

fn step() -> impl Strategy<Value = Step> {
    let to = || proptest::option::of(0..ROLES);
    prop_oneof![
        (0..ROLES, to()).prop_map(|(a, b)| Step::Give(a, b)),
        (0..ROLES, to()).prop_map(|(a, b)| Step::Take(a, b)),
        (0..3_usize, 0..3_usize, 0..=ROLES).prop_map(|(a, b, c)| Step::Grant(a, b, c)),
        (0..3_usize, 0..3_usize, 0..=ROLES).prop_map(|(a, b, c)| Step::Revoke(a, b, c)),
    ]
}

fn place() -> [Securable; 3] {
    let name = |text| QualifiedName::parse(text).unwrap();
    let (id, owner) = (ObjectId::from_bits, RoleId::SYSADMIN);
    let database = Securable::new(id(1), K::Database, name("d"), owner);
    let schema = Securable::new(id(2), K::Schema, name("d.s"), owner).within(database.clone());
    let table = Securable::new(id(3), K::Table, name("d.s.t"), owner).within(schema.clone());
    [database, schema, table]
}

fn who(number: Option<u128>) -> Grantee {
    number.map_or(Grantee::User(U), |number| Grantee::Role(role(number)))
}

fn start() -> (Access, Session) {
    let mut access = Access::default();
    let name = Name::unquoted("accountadmin");
    let admin = Session::open(&access, UserId::DEFAULT, Some(&name), SecondaryRoles::None).unwrap();
    for number in 0..ROLES {
        let made = (role(number), &Name::unquoted(&format!("r{number}")));
        access = access.create_role(&admin, made, None, None).unwrap();
    }
    let made = (U, &Name::unquoted("u"));
    (access.create_user(&admin, made, UserDefinition::default()).unwrap(), admin)
}

fn apply(access: &Access, admin: &Session, model: &mut Model, step: Step) -> Access {
    let place = place();
    let pick = |on: &Securable, n: usize| match (on.kind(), n) {
        (K::Table, 0) => Privilege::Select,
        (K::Table, 1) => Privilege::Insert,
        (K::Table, _) => Privilege::Delete,
        (_, 0) => Privilege::Usage,
        (_, 1) => Privilege::Monitor,
        _ => Privilege::Modify,
    };
    match step {
        Step::Give(given, to) => {
            let to = who(to);
            let cycle = model.reaches(Grantee::Role(role(given)), to, ROLES + 1);
            let after = access.grant_role(admin, role(given), to, AT);
            assert_eq!(after.is_err(), cycle);
            if !cycle && !model.members.contains(&(role(given), to)) {
                model.members.push((role(given), to));
            }
            after.unwrap_or_else(|_| access.clone())
        }
        Step::Take(taken, from) => {
            model.members.retain(|one| *one != (role(taken), who(from)));
            access.revoke_role(admin, role(taken), who(from)).unwrap()
        }
        Step::Grant(on, n, to) => {
            let to = who(Some(to).filter(|to| *to < ROLES));
            let privilege = pick(&place[on], n);
            model.grants.push((on, privilege, to));
            let wanted = Privileges::These(vec![privilege]);
            access.grant(admin, &wanted, &place[on], (to, false), AT).unwrap()
        }
        Step::Revoke(on, n, from) => {
            let from = who(Some(from).filter(|from| *from < ROLES));
            let privilege = pick(&place[on], n);
            model.grants.retain(|one| *one != (on, privilege, from));
            let wanted = Privileges::These(vec![privilege]);
            let (on, from) = (&place[on], (from, false));
            access.revoke(admin, &wanted, on, from, Dependents::Restrict).unwrap()
        }
    }
}

/// Rebuilds the state from what changed.
fn rebuilt(stored: Access, before: &Access, now: &Access) -> Access {
    let changed = now.changed_since(before);
    let mut stored = stored;
    for id in changed.roles {
        stored = stored.with_role(id, now.role(id).cloned());
    }
    for id in changed.users {
        stored = stored.with_user(id, now.user(id).cloned());
    }
    for id in changed.grants {
        stored = stored.with_grants(id, now.grants_definition(id).as_ref()).unwrap();
    }
    stored
}

fn compare(access: &Access, model: &Model) {
    let [_, _, table] = place();
    let verbs = [
        (Verb::Select, Privilege::Select),
        (Verb::Insert, Privilege::Insert),
        (Verb::Delete, Privilege::Delete),
    ];
    for number in 0..ROLES {
        let name = Name::unquoted(&format!("r{number}"));
        let mine = model.reaches(Grantee::User(U), Grantee::Role(role(number)), ROLES + 1);
        for secondary in [SecondaryRoles::None, SecondaryRoles::All] {
            let all = secondary == SecondaryRoles::All;
            let session = Session::open(access, U, Some(&name), secondary);
            assert_eq!(session.is_ok(), mine);
            let Ok(session) = session else { continue };
            let root = if all { Grantee::User(U) } else { Grantee::Role(role(number)) };
            for (verb, privilege) in verbs {
                let expected = model.holds(root, 0, None)
                    && model.holds(root, 1, None)
                    && model.holds(root, 2, Some(privilege));
                let act = [Act::new(verb, table.clone())];
                assert_eq!(access.authorize(&session, &act).is_ok(), expected);
                let grounds = access.explain(&session, &act).unwrap();
                assert_eq!(grounds.iter().all(|one| one.through.is_some()), expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decisions_are_those_of_a_search(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut access, admin) = start();
        let mut stored = rebuilt(Access::empty(Name::unquoted("default")), &Access::empty(Name::unquoted("default")), &access);
        let mut model = Model::default();
        for step in steps {
            let after = apply(&access, &admin, &mut model, step);
            stored = rebuilt(stored, &access, &after);
            access = after;
        }
        compare(&access, &model);
        compare(&stored, &model);
    }
}
