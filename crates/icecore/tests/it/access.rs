//! Roles and grants, against what they are said to mean.

use std::collections::BTreeSet;

use icecore::{ErrorKind, Icecore, Session};

async fn lake() -> (Icecore, Session) {
    let lake = Icecore::open("memory://").await.unwrap();
    let session = lake.session().await.unwrap();
    (lake, session)
}

async fn run(session: &Session, sql: &str) {
    session
        .execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .collect()
        .await
        .unwrap();
}

async fn may(session: &Session, sql: &str) -> bool {
    let outcome = match session.execute(sql).await {
        Ok(result) => result.collect().await.map(drop),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => true,
        Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::NotFound) => false,
        Err(error) => panic!("{sql}: {error}"),
    }
}

/// A role `r` that reaches the schema and has nothing in it.
async fn with_role(session: &Session) {
    run(
        session,
        "USE ROLE USERADMIN; CREATE ROLE r; GRANT ROLE r TO USER icecore; USE ROLE SYSADMIN; \
         GRANT USAGE ON DATABASE icecore TO ROLE r; GRANT USAGE ON SCHEMA public TO ROLE r",
    )
    .await;
}

/// A statement, and the privileges that let it run.
type Allowed = (&'static str, &'static [&'static str]);

/// An object, how it is made, its privileges, and for each statement those that
/// let it run. Everything else is for the owner.
const MATRIX: &[(&str, &str, &[&str], &[Allowed])] = &[
    (
        "TABLE t",
        "CREATE TABLE t (a INT); CREATE TABLE mine (a INT); GRANT ALL ON TABLE mine TO ROLE r; \
         GRANT CREATE TABLE, CREATE VIEW ON SCHEMA public TO ROLE r; CREATE STAGE st; \
         GRANT READ, WRITE ON STAGE st TO ROLE r; CREATE TABLE gone (a INT); DROP TABLE gone",
        &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "EVOLVE SCHEMA"],
        &[
            ("SELECT * FROM t", &["SELECT"]),
            ("SELECT COUNT(*) FROM t", &["SELECT"]),
            ("SELECT 1 WHERE EXISTS (SELECT 1 FROM t)", &["SELECT"]),
            ("EXPLAIN SELECT * FROM t", &["SELECT"]),
            ("INSERT INTO t VALUES (1)", &["INSERT"]),
            ("INSERT INTO mine SELECT * FROM t", &["SELECT"]),
            ("UPDATE t SET a = 1", &["UPDATE"]),
            ("DELETE FROM t", &["DELETE"]),
            ("TRUNCATE TABLE t", &["TRUNCATE"]),
            ("COPY INTO t FROM @st", &["INSERT"]),
            ("COPY INTO @st FROM t", &["SELECT"]),
            ("CREATE TABLE copied AS SELECT * FROM t", &["SELECT"]),
            ("CREATE TABLE copied CLONE t", &["SELECT"]),
            ("CREATE TABLE copied LIKE t", &["SELECT"]),
            ("CREATE VIEW copied AS SELECT * FROM t", &["SELECT"]),
            ("ALTER TABLE t ADD COLUMN b INT", &[]),
            ("ALTER TABLE t RENAME TO u", &[]),
            ("ALTER TABLE t SWAP WITH mine", &[]),
            ("DROP TABLE t", &[]),
            ("UNDROP TABLE gone", &[]),
            ("CREATE OR REPLACE TABLE t (a INT)", &[]),
            ("GRANT SELECT ON TABLE t TO ROLE r", &[]),
            ("GRANT OWNERSHIP ON TABLE t TO ROLE r COPY CURRENT GRANTS", &[]),
            (
                "DESCRIBE TABLE t",
                &[
                    "SELECT",
                    "INSERT",
                    "UPDATE",
                    "DELETE",
                    "TRUNCATE",
                    "REFERENCES",
                    "EVOLVE SCHEMA",
                ],
            ),
            (
                "SHOW GRANTS ON TABLE t",
                &[
                    "SELECT",
                    "INSERT",
                    "UPDATE",
                    "DELETE",
                    "TRUNCATE",
                    "REFERENCES",
                    "EVOLVE SCHEMA",
                ],
            ),
        ],
    ),
    (
        "VIEW v",
        "CREATE TABLE t (a INT); CREATE VIEW v AS SELECT * FROM t",
        &["SELECT", "REFERENCES"],
        &[
            ("SELECT * FROM v", &["SELECT"]),
            ("DESCRIBE VIEW v", &["SELECT", "REFERENCES"]),
            ("ALTER VIEW v RENAME TO w", &[]),
            ("DROP VIEW v", &[]),
            ("SELECT * FROM t", &[]),
        ],
    ),
    (
        "STAGE st",
        "CREATE STAGE st; CREATE TABLE t (a INT); GRANT ALL ON TABLE t TO ROLE r",
        &["READ"],
        &[
            ("LIST @st", &["READ"]),
            ("SELECT $1 FROM @st", &["READ"]),
            ("COPY INTO t FROM @st", &["READ"]),
            ("COPY INTO @st FROM t", &[]),
            ("REMOVE @st", &[]),
            ("DROP STAGE st", &[]),
        ],
    ),
    (
        "SCHEMA s",
        "CREATE SCHEMA s; CREATE TABLE s.t (a INT); GRANT SELECT ON TABLE s.t TO ROLE r; \
         USE SCHEMA public; GRANT CREATE SCHEMA ON DATABASE icecore TO ROLE r",
        &["USAGE", "MODIFY", "MONITOR", "CREATE TABLE", "CREATE VIEW", "CREATE STAGE"],
        &[
            (
                "SELECT * FROM s.t",
                &["USAGE", "MODIFY", "MONITOR", "CREATE TABLE", "CREATE VIEW", "CREATE STAGE"],
            ),
            ("CREATE TABLE s.u (a INT)", &["CREATE TABLE"]),
            ("CREATE VIEW s.u AS SELECT 1 AS a", &["CREATE VIEW"]),
            ("CREATE STAGE s.u", &["CREATE STAGE"]),
            ("CREATE FILE FORMAT s.u TYPE = CSV", &[]),
            ("ALTER SCHEMA s SET COMMENT = 'c'", &["MODIFY"]),
            ("ALTER SCHEMA s RENAME TO u", &[]),
            ("ALTER SCHEMA s ENABLE MANAGED ACCESS", &[]),
            ("CREATE SCHEMA u CLONE s", &["USAGE"]),
            ("DROP SCHEMA s", &[]),
        ],
    ),
    (
        "DYNAMIC TABLE d",
        "CREATE TABLE t (a INT); CREATE DYNAMIC TABLE d TARGET_LAG = DOWNSTREAM \
         WAREHOUSE = COMPUTE_WH AS SELECT a FROM t",
        &["SELECT", "OPERATE", "MONITOR"],
        &[
            ("SELECT * FROM d", &["SELECT"]),
            ("ALTER DYNAMIC TABLE d REFRESH", &["OPERATE"]),
            ("ALTER DYNAMIC TABLE d SUSPEND", &["OPERATE"]),
            ("ALTER DYNAMIC TABLE d RENAME TO e", &[]),
            ("DROP DYNAMIC TABLE d", &[]),
        ],
    ),
];

/// Each statement with each privilege alone, on an engine of its own.
#[tokio::test]
async fn every_statement_needs_what_the_table_says_and_nothing_else() {
    let mut cases = 0;
    for (object, made, privileges, statements) in MATRIX {
        for (statement, allowed) in *statements {
            for privilege in privileges.iter().map(Some).chain([None]) {
                let (_lake, session) = lake().await;
                with_role(&session).await;
                run(&session, made).await;
                if let Some(privilege) = privilege {
                    run(&session, &format!("GRANT {privilege} ON {object} TO ROLE r")).await;
                }
                run(&session, "USE ROLE r; USE SECONDARY ROLES NONE").await;
                let expected = privilege.is_some_and(|privilege| allowed.contains(privilege));
                let found = may(&session, statement).await;
                assert_eq!(found, expected, "{statement} with {privilege:?} on {object}");
                cases += 1;
            }
        }
    }
    assert!(cases > 250, "{cases}");
}

/// Numbers that are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// What was planned earlier answers by the grants of now, and by the role that
/// it was planned in.
#[tokio::test]
async fn a_thousand_grants_revokes_and_switches_leave_nothing_stale() {
    const ROLES: usize = 4;
    let (_lake, session) = lake().await;
    let admin = session.lake().session().await.unwrap();
    for role in 0..ROLES {
        run(
            &admin,
            &format!("USE ROLE USERADMIN; CREATE ROLE r{role}; GRANT ROLE r{role} TO USER icecore"),
        )
        .await;
        run(
            &admin,
            &format!(
                "USE ROLE SYSADMIN; CREATE TABLE t{role} AS SELECT {role} AS a; \
                 GRANT USAGE ON DATABASE icecore TO ROLE r{role}; \
                 GRANT USAGE ON SCHEMA public TO ROLE r{role}"
            ),
        )
        .await;
    }
    run(&session, "USE ROLE r0; USE SECONDARY ROLES NONE").await;
    let (mut dice, mut now, mut granted) = (Dice(0x1CE), 0, BTreeSet::new());
    let mut planned = Vec::new();
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..1_000 {
        let (table, role) = (dice.roll(ROLES), dice.roll(ROLES));
        match dice.roll(6) {
            0 => {
                run(&admin, &format!("GRANT SELECT ON TABLE t{table} TO ROLE r{role}")).await;
                granted.insert((table, role));
            }
            1 => {
                run(&admin, &format!("REVOKE SELECT ON TABLE t{table} FROM ROLE r{role}")).await;
                granted.remove(&(table, role));
            }
            2 => {
                run(&session, &format!("USE ROLE r{role}")).await;
                now = role;
            }
            3 => {
                let query = format!("SELECT a FROM t{table}");
                let found = session.sql(&query).await;
                assert_eq!(found.is_ok(), granted.contains(&(table, now)), "{query} in r{now}");
                planned.extend(found.ok().map(|frame| (table, now, frame)));
            }
            4 if !planned.is_empty() => {
                let (table, role, frame) = &planned[dice.roll(planned.len())];
                let outcome = frame.clone().collect().await;
                let expected = granted.contains(&(*table, *role));
                assert_eq!(outcome.is_ok(), expected, "t{table} planned in r{role}, now r{now}");
                if expected { answered += 1 } else { refused += 1 }
            }
            _ => {
                let allowed = may(&session, &format!("SELECT MAX(a) FROM t{table}")).await;
                assert_eq!(allowed, granted.contains(&(table, now)));
            }
        }
    }
    assert!(answered > 20 && refused > 20, "{answered} {refused}");
}

/// Two grants that together would close a cycle: one of them is refused.
#[tokio::test]
async fn grants_at_once_close_no_cycle() {
    let (lake, session) = lake().await;
    run(&session, "USE ROLE USERADMIN").await;
    for round in 0..20 {
        run(&session, &format!("CREATE ROLE a{round}; CREATE ROLE b{round}; CREATE ROLE c{round}"))
            .await;
        let mut running = tokio::task::JoinSet::new();
        for (lower, upper) in [("a", "b"), ("b", "c"), ("c", "a")] {
            let one = lake.session().role("USERADMIN").await.unwrap();
            let sql = format!("GRANT ROLE {lower}{round} TO ROLE {upper}{round}");
            running.spawn(async move { one.execute(&sql).await.is_ok() });
        }
        let done = running.join_all().await;
        assert_eq!(done.iter().filter(|done| **done).count(), 2, "{done:?}");
    }
}

/// A grant on all tables takes effect on all or on none.
#[tokio::test]
async fn a_refused_grant_leaves_nothing() {
    let (_lake, session) = lake().await;
    with_role(&session).await;
    run(&session, "CREATE TABLE mine (a INT); CREATE TABLE theirs (a INT)").await;
    run(&session, "GRANT OWNERSHIP ON TABLE theirs TO ROLE USERADMIN").await;
    run(&session, "USE SECONDARY ROLES NONE").await;
    let sql = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE r";
    assert!(!may(&session, sql).await);
    run(&session, "USE ROLE r").await;
    assert!(!may(&session, "SELECT * FROM mine").await);
}

/// Whoever opens a session gets the roles of its user, and loses them at once.
#[tokio::test]
async fn sessions_are_of_users_in_roles() {
    let (lake, session) = lake().await;
    with_role(&session).await;
    run(&session, "USE ROLE USERADMIN; CREATE USER ana DEFAULT_ROLE = r; GRANT ROLE r TO USER ana")
        .await;
    run(&session, "USE ROLE SYSADMIN; CREATE TABLE t (a INT); GRANT SELECT ON TABLE t TO ROLE r")
        .await;
    let ana = lake.session_as("ana").await.unwrap();
    assert!(may(&ana, "SELECT * FROM icecore.public.t").await);
    assert!(!may(&ana, "CREATE TABLE icecore.public.u (a INT)").await);
    assert_eq!(
        lake.session_as("ana").role("sysadmin").await.unwrap_err().code().number(),
        "003013"
    );
    assert_eq!(lake.session_as("nobody").await.unwrap_err().code().number(), "002003");
    run(&session, "USE ROLE USERADMIN; REVOKE ROLE r FROM USER ana").await;
    assert!(!may(&ana, "SELECT * FROM icecore.public.t").await);
    assert!(!may(&ana, "SELECT 1 FROM icecore.public.t").await);
    run(&ana, "USE ROLE public").await;
    run(&session, "ALTER USER ana SET DISABLED = TRUE").await;
    assert_eq!(lake.session_as("ana").await.unwrap_err().code().number(), "390100");
}

/// What a reopened store says of access is what was granted.
#[tokio::test]
async fn access_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().to_str().unwrap().to_owned();
    let shown = |session: Session| async move {
        let mut all = Vec::new();
        for sql in ["SHOW GRANTS ON TABLE t", "SHOW GRANTS TO ROLE r", "SHOW ROLES", "SHOW USERS"] {
            let rows = session.execute(sql).await.unwrap().collect().await.unwrap();
            all.push(arrow_text(&rows));
        }
        all
    };
    let before = {
        let lake = Icecore::open(&url).await.unwrap();
        let session = lake.session().await.unwrap();
        with_role(&session).await;
        run(&session, "CREATE TABLE t (a INT); GRANT SELECT ON TABLE t TO ROLE r").await;
        run(&session, "USE ROLE USERADMIN; CREATE ROLE gone; DROP ROLE gone; CREATE USER ana")
            .await;
        run(&session, "USE ROLE SYSADMIN").await;
        shown(session).await
    };
    let lake = Icecore::open(&url).await.unwrap();
    assert_eq!(shown(lake.session().await.unwrap()).await, before);
}

fn arrow_text(batches: &[icecore::arrow::array::RecordBatch]) -> String {
    icecore::arrow::util::pretty::pretty_format_batches(batches).unwrap().to_string()
}
