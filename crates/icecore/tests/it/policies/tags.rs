//! Masks that tags bring: at once, to everybody, and to every version.

use icecore::Session;

use crate::pipes::Dice;
use crate::{engine, rows};

const SCRIPT: &str = "CREATE TABLE t (id INT, s VARCHAR, n NUMBER(9,2)); \
    INSERT INTO t VALUES (1, 'canary', 1.5); \
    CREATE MASKING POLICY text AS (v VARCHAR) RETURNS VARCHAR -> '***'; \
    CREATE MASKING POLICY number AS (v NUMBER) RETURNS NUMBER -> -v; \
    CREATE TAG pii";

/// Two sessions of one engine.
async fn sessions() -> [Session; 2] {
    let engine = engine().await;
    let first = engine.session().await.unwrap();
    first.execute(SCRIPT).await.unwrap();
    [first, engine.session().await.unwrap()]
}

#[tokio::test]
async fn a_query_that_was_planned_before_a_tag_shows_nothing_that_it_hides() {
    for change in [
        "ALTER TABLE t MODIFY COLUMN s SET TAG pii = 'x'",
        "ALTER TABLE t SET TAG pii = 'x'",
        "ALTER SCHEMA public SET TAG pii = 'x'",
        "ALTER DATABASE icecore SET TAG pii = 'x'",
    ] {
        let [session, other] = sessions().await;
        session.execute("ALTER TAG pii SET MASKING POLICY text").await.unwrap();
        let planned = session.sql("SELECT s FROM t").await.unwrap();
        other.execute(change).await.unwrap();
        let error = planned.collect().await.unwrap_err();
        assert!(error.to_string().contains("a policy changed"), "{change}: {error}");
        assert_eq!(rows(&session, "SELECT s FROM t").await, ["***"], "{change}");
        for change in [
            "ALTER MASKING POLICY text SET BODY -> NULL",
            "ALTER TAG pii SET MASKING POLICY number",
            "ALTER TAG pii UNSET MASKING POLICY text",
        ] {
            let planned = session.sql("SELECT s FROM t").await.unwrap();
            other.execute(change).await.unwrap();
            let error = planned.collect().await.unwrap_err();
            assert!(error.to_string().contains("a policy changed"), "{change}: {error}");
        }
    }
}

#[tokio::test]
async fn an_old_version_is_seen_under_the_tags_of_today() {
    let engine = engine().await;
    let session = engine.session().await.unwrap();
    session.execute(SCRIPT).await.unwrap();
    let before = engine.version().get();
    session
        .execute(
            "ALTER TAG pii SET MASKING POLICY text, MASKING POLICY number; \
             ALTER TABLE t SET TAG pii = 'x'; UPDATE t SET id = 2",
        )
        .await
        .unwrap();
    for read in [
        format!("SELECT id, s, n FROM t AT (VERSION => {before})"),
        format!("CREATE TABLE c CLONE t AT (VERSION => {before}); SELECT id, s, n FROM c"),
        format!("CREATE SCHEMA k CLONE public AT (VERSION => {before}); SELECT id, s, n FROM k.t"),
        "USE SCHEMA public; DROP TABLE t; UNDROP TABLE t; SELECT id + 1, s, n FROM t".to_owned(),
    ] {
        assert_eq!(rows(&session, &read).await, ["-1|***|-1.50"], "{read}");
    }
}

#[tokio::test]
async fn a_table_that_leaves_a_tagged_schema_stays_masked() {
    let [session, _] = sessions().await;
    session
        .execute(
            "ALTER TAG pii SET MASKING POLICY text; ALTER SCHEMA public SET TAG pii = 'x'; \
             CREATE SCHEMA open; CREATE TABLE other (id INT, s VARCHAR, n NUMBER(9,2)); \
             CREATE DATABASE elsewhere; USE SCHEMA icecore.open",
        )
        .await
        .unwrap();
    for way in [
        "CREATE TABLE c CLONE public.t; SELECT s FROM c",
        "CREATE TABLE l AS SELECT * FROM public.t; SELECT s FROM l",
        "CREATE SCHEMA elsewhere.k CLONE icecore.public; SELECT s FROM elsewhere.k.t",
        "USE SCHEMA icecore.open; ALTER TABLE public.t SWAP WITH other; SELECT s FROM other",
        "ALTER TABLE other RENAME TO renamed; SELECT s FROM renamed",
        "ALTER TABLE renamed RENAME TO elsewhere.public.gone; SELECT s FROM elsewhere.public.gone",
    ] {
        assert_eq!(rows(&session, way).await, ["***"], "{way}");
    }
}

#[tokio::test]
async fn no_session_sees_more_or_less_than_the_tags_of_the_moment_say() {
    for seed in 0..4 {
        let sessions = sessions().await;
        let mut dice = Dice(seed);
        let changes = [
            ["ALTER TAG pii SET MASKING POLICY text", "ALTER TAG pii UNSET MASKING POLICY text"],
            [
                "ALTER TABLE t MODIFY COLUMN s SET TAG pii = 'x'",
                "ALTER TABLE t MODIFY COLUMN s UNSET TAG pii",
            ],
            ["ALTER SCHEMA public SET TAG pii = 'x'", "ALTER SCHEMA public UNSET TAG pii"],
        ];
        let mut is = [false; 3];
        for _ in 0..60 {
            let what = dice.below(3) as usize;
            let by = &sessions[dice.below(2) as usize];
            by.execute(changes[what][usize::from(is[what])]).await.unwrap();
            is[what] = !is[what];
            let expected = if is[0] && (is[1] || is[2]) { "***" } else { "canary" };
            for session in &sessions {
                assert_eq!(rows(session, "SELECT s FROM t").await, [expected], "seed={seed}");
            }
        }
    }
}
