//! What governance costs: a decision, a governed scan, planning among policies.

use std::collections::BTreeSet;

use clap::Args;
use icecore::{Icecore, Session};
use icecore_benches::{Outcome, Report, Rounds, Stopwatch, millis, number};
use icecore_governance::{
    Access, Act, Grantee, Privilege, Privileges, RoleId, SecondaryRoles, Securable, SecurableKind,
    UserId, Verb,
};
use icecore_types::{Name, ObjectId, QualifiedName, Timestamp};

const ROLES: u128 = 1_000;
const SCHEMAS: u128 = 50;
const TABLES_OF_SCHEMA: u128 = 100;
const GRANTS_OF_TABLE: u128 = 20;
const AT: Timestamp = Timestamp::from_micros(0);

#[derive(Args)]
pub struct Options {
    /// Rows of the tables that are scanned.
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// Tables, each with policies of its own, among which one is planned.
    #[arg(long, default_value_t = 500)]
    governed: usize,
    /// Runs of each scan, and plans.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
}

pub async fn run(options: Options) -> Outcome {
    decisions()?;
    scans(&options).await?;
    planning(&options).await
}

/// Roles in chains of ten, and every table granted to twenty of them.
fn decisions() -> Outcome {
    let role = |number: u128| RoleId::new(ObjectId::from_bits(1 << 64 | number));
    let mut access = Access::default();
    let admin = icecore_governance::Session::of_default_user(&access)?;
    let admin = admin.use_role(&access, &Name::unquoted("accountadmin"))?;
    for number in 0..ROLES {
        let name = Name::unquoted(&format!("r{number}"));
        access = access.create_role(&admin, (role(number), &name), None, None)?;
        if number % 10 != 0 {
            let upper = Grantee::Role(role(number - 1));
            access = access.grant_role(&admin, role(number), upper, AT)?;
        }
    }
    let (user, mine) = (UserId::DEFAULT, role(0));
    access = access.grant_role(&admin, mine, Grantee::User(user), AT)?;
    let mut tables = Vec::new();
    for schema in 0..SCHEMAS {
        let container = schema_of(schema)?;
        access = usage(access, &admin, &container, role(9))?;
        for table in 0..TABLES_OF_SCHEMA {
            let on = table_of(&container, schema * TABLES_OF_SCHEMA + table)?;
            for grant in 0..GRANTS_OF_TABLE {
                let number = match grant {
                    0 => 9,
                    other => (schema * 7 + table * 13 + other * 31) % ROLES,
                };
                let (what, to) = (Privileges::These(vec![Privilege::Select]), role(number));
                access = access.grant(&admin, &what, &on, (Grantee::Role(to), false), AT)?;
            }
            tables.push(on);
        }
    }
    let grants: usize =
        tables.iter().map(|on| access.show_grants_on(on, AT).len().saturating_sub(1)).sum();

    let mut report = Report::new(
        format!("Authorisation: {} roles, {} grants", number(ROLES as u64), number(grants as u64)),
        &["", "look-ups", "median"],
    );
    let opened = Stopwatch::start();
    let session = icecore_governance::Session::open(
        &access,
        user,
        Some(&Name::unquoted("r0")),
        SecondaryRoles::None,
    )?;
    let opened = opened.elapsed();
    for count in [1, 3] {
        let acts: Vec<Act> = tables
            .iter()
            .step_by(1_000)
            .take(count)
            .map(|on| Act::new(Verb::Select, on.clone()))
            .collect();
        let (mut times, mut probes) = (Rounds::default(), 0);
        for _ in 0..1_001 {
            let watch = Stopwatch::start();
            probes = access.authorize(&session, &acts)?;
            times.add(watch.elapsed());
        }
        report.row(&[
            &format!("SELECT from {count} of the tables"),
            &probes,
            &millis(times.median()),
        ]);
    }
    report.row(&[&"a session's roles, worked out when they change", &"", &millis(opened)]);
    report.print();
    println!("1,001 decisions each, in a role that reaches the privilege through nine others\n");
    Ok(())
}

fn schema_of(number: u128) -> Outcome<Securable> {
    let database = Securable::new(
        ObjectId::from_bits(2 << 64),
        SecurableKind::Database,
        QualifiedName::parse("d")?,
        RoleId::SYSADMIN,
    );
    let name = QualifiedName::parse(&format!("d.s{number}"))?;
    let id = ObjectId::from_bits(3 << 64 | number);
    Ok(Securable::new(id, SecurableKind::Schema, name, RoleId::SYSADMIN).within(database))
}

fn table_of(schema: &Securable, number: u128) -> Outcome<Securable> {
    let name = QualifiedName::parse(&format!("{}.t{number}", schema.name()))?;
    let id = ObjectId::from_bits(4 << 64 | number);
    Ok(Securable::new(id, SecurableKind::Table, name, RoleId::SYSADMIN).within(schema.clone()))
}

fn usage(
    mut access: Access,
    admin: &icecore_governance::Session,
    schema: &Securable,
    role: RoleId,
) -> Outcome<Access> {
    let what = Privileges::These(vec![Privilege::Usage]);
    for on in schema.containers().chain([schema]) {
        access = access.grant(admin, &what, on, (Grantee::Role(role), false), AT)?;
    }
    Ok(access)
}

const SCANS: [(&str, &str); 3] = [
    ("COUNT(*) of a part", "SELECT COUNT(*) FROM t WHERE region > 3"),
    ("sum", "SELECT SUM(amount) FROM t"),
    (
        "groups",
        "SELECT region, COUNT(*), SUM(amount), MIN(mail) FROM t GROUP BY region ORDER BY region",
    ),
];

/// The same rows, once as they are and once behind a row filter that lets all
/// through and a mask that shows the value.
async fn scans(options: &Options) -> Outcome {
    let lake = Icecore::open("memory://").await?;
    let session = lake.session().await?;
    let create = format!(
        "CREATE TABLE plain AS
         SELECT SEQ4() AS id, SEQ4() % 1000 * 1.25 AS amount, SEQ4() % 17 AS region,
                'u' || (SEQ4() % 5000) || '@example.org' AS mail
         FROM TABLE(GENERATOR(ROWCOUNT => {}))",
        options.rows
    );
    for sql in [
        create.as_str(),
        "CREATE TABLE governed CLONE plain",
        "CREATE ROW ACCESS POLICY all_regions AS (r INT) RETURNS BOOLEAN ->
           IS_ROLE_IN_SESSION('SYSADMIN') OR r = 1",
        "CREATE MASKING POLICY mask_mail AS (v VARCHAR) RETURNS VARCHAR ->
           CASE WHEN IS_ROLE_IN_SESSION('SYSADMIN') THEN v ELSE '***' END",
        "ALTER TABLE governed ADD ROW ACCESS POLICY all_regions ON (region)",
        "ALTER TABLE governed MODIFY COLUMN mail SET MASKING POLICY mask_mail",
    ] {
        session.execute(sql).await?.collect().await?;
    }
    let mut report = Report::new(
        format!("Governed scans of {} rows", number(options.rows)),
        &["query", "plain", "governed", "ratio"],
    );
    for (name, sql) in SCANS {
        let (plain, governed) = (sql.replace(" t", " plain"), sql.replace(" t", " governed"));
        let (mut without, mut with) = (Rounds::default(), Rounds::default());
        let mut answers = BTreeSet::new();
        for round in 0..=options.rounds {
            for (sql, times) in [(&plain, &mut without), (&governed, &mut with)] {
                let watch = Stopwatch::start();
                let texts = session.execute(sql).await?.texts().await?;
                if round > 0 {
                    times.add(watch.elapsed());
                }
                answers.insert(format!("{texts:?}"));
            }
        }
        assert_eq!(answers.len(), 1, "a policy that lets all through changes an answer");
        let ratio = with.median().as_secs_f64() / without.median().as_secs_f64();
        let cells = (millis(without.median()), millis(with.median()));
        report.row(&[&name, &cells.0, &cells.1, &format!("{ratio:.2}")]);
    }
    report.print();
    println!("medians of {} rounds in turn, hot, equal answers\n", options.rounds);
    Ok(())
}

/// A statement over one governed table, where there is one and where there are
/// many with policies of their own.
async fn planning(options: &Options) -> Outcome {
    let mut report = Report::new(
        "A statement over one governed table",
        &["policies of the account", "plain table", "governed table"],
    );
    for tables in [1, options.governed] {
        let lake = Icecore::open("memory://").await?;
        let session = lake.session().await?;
        govern(&session, tables).await?;
        let (mut plain, mut governed) = (Rounds::default(), Rounds::default());
        for _ in 0..options.rounds * 10 {
            for (sql, times) in
                [("SELECT a FROM plain", &mut plain), ("SELECT a, b FROM t0", &mut governed)]
            {
                let watch = Stopwatch::start();
                session.execute(sql).await?.collect().await?;
                times.add(watch.elapsed());
            }
        }
        let policies = number(2 * tables as u64);
        report.row(&[&policies, &millis(plain.median()), &millis(governed.median())]);
    }
    report.print();
    println!("medians of {} rounds in turn, from the text to the row\n", options.rounds * 10);
    Ok(())
}

async fn govern(session: &Session, tables: usize) -> Outcome {
    session.execute("CREATE TABLE plain AS SELECT 1 AS a").await?;
    for table in 0..tables {
        let sql = format!(
            "CREATE TABLE t{table} AS SELECT 1 AS a, 'x' AS b;
             CREATE ROW ACCESS POLICY r{table} AS (v INT) RETURNS BOOLEAN -> v >= 0;
             CREATE MASKING POLICY m{table} AS (v VARCHAR) RETURNS VARCHAR ->
               CASE WHEN CURRENT_ROLE() = 'SYSADMIN' THEN v ELSE '*' END;
             ALTER TABLE t{table} ADD ROW ACCESS POLICY r{table} ON (a);
             ALTER TABLE t{table} MODIFY COLUMN b SET MASKING POLICY m{table}"
        );
        session.execute(&sql).await?.collect().await?;
    }
    Ok(())
}
