//! What users get wrong, and what they are told.

use icecore::{Icecore, Session, Settings};

use crate::{engine, try_rows};

/// A statement that must fail, its code, and a part of the message.
type Mistake = (&'static str, &'static str, &'static str);

const SETUP: &str = "
    CREATE TABLE t (k INT NOT NULL, name VARCHAR(5), amount NUMBER(6,2), day DATE);
    INSERT INTO t VALUES (1, 'one', 1.50, '2013-01-01'), (2, 'two', 2.50, '2013-01-02');
    CREATE VIEW v AS SELECT k, name FROM t;
    CREATE STAGE s;
    CREATE FILE FORMAT f TYPE = CSV SKIP_HEADER = 1;
    CREATE TABLE dropped (n INT);
    DROP TABLE dropped;
    CREATE TABLE loaded (a INT, b VARCHAR, c NUMBER(6,2));
    PUT file://../../testdata/csv/bad_1_and_4.csv @s AUTO_COMPRESS = FALSE;
    PUT file://../../testdata/csv/eleven_columns.csv @s AUTO_COMPRESS = FALSE;
    PUT file://../../testdata/csv/unclosed_quote.csv @s AUTO_COMPRESS = FALSE;
";

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    // Names.
    ("SELECT * FROM nowhere", "002003", "NOWHERE"),
    ("SELECT * FROM no_db.public.t", "002003", "NO_DB.PUBLIC.T"),
    ("SELECT * FROM dropped", "002003", "DROPPED"),
    ("SELECT nothing FROM t", "000904", "NOTHING"),
    ("SELECT t.nothing FROM t", "000904", "NOTHING"),
    ("SELECT \"k\" FROM t", "000904", "k"),
    ("SELECT no_such_function(k) FROM t", "002140", "no_such_function"),
    ("INSERT INTO nowhere VALUES (1)", "002003", "NOWHERE"),
    ("INSERT INTO t (k, nothing) VALUES (1, 2)", "000904", "NOTHING"),
    ("UPDATE t SET nothing = 1", "000904", "NOTHING"),
    ("DELETE FROM v", "002043", "VIEW"),
    ("DROP TABLE nowhere", "002003", "NOWHERE"),
    ("DROP VIEW t", "002043", "TABLE"),
    ("UNDROP TABLE nowhere", "002043", "NOWHERE"),
    ("USE DATABASE nowhere", "002043", "NOWHERE"),
    ("USE SCHEMA nowhere", "002043", "NOWHERE"),
    ("CREATE TABLE no_schema.x (n INT)", "002043", "NO_SCHEMA"),
    ("CREATE TABLE x CLONE nowhere", "002003", "NOWHERE"),
    ("CREATE SCHEMA x CLONE nowhere", "002003", "NOWHERE"),
    ("CREATE TABLE t (n INT)", "002002", "T"),
    ("CREATE VIEW t AS SELECT 1 AS one", "002002", "T"),
    ("CREATE OR REPLACE VIEW t AS SELECT 1 AS one", "002002", "T"),
    ("ALTER TABLE t RENAME TO v", "002002", "V"),
    ("ALTER TABLE t ADD COLUMN name INT", "002002", "NAME"),
    ("ALTER TABLE t DROP COLUMN nothing", "000904", "NOTHING"),
    ("ALTER TABLE t RENAME COLUMN nothing TO something", "000904", "NOTHING"),
    ("CREATE SCHEMA information_schema", "002002", "INFORMATION_SCHEMA"),
    // Syntax.
    ("SELEC 1", "001003", "SELEC"),
    ("SELECT 1 +", "001003", ""),
    ("SELECT (1", "001003", ""),
    ("SELECT 'one", "001003", ""),
    ("CREATE TABLE x", "001003", ""),
    ("SELECT 1 FROM t WHERE", "001003", ""),
    ("", "001003", "empty"),
    // Types and values.
    ("SELECT k + name FROM t", "100038", "one"),
    ("SELECT CAST('abc' AS INT)", "100038", "abc"),
    ("SELECT CAST('2013-13-01' AS DATE)", "100040", "2013-13-01"),
    ("SELECT CAST('maybe' AS BOOLEAN)", "100037", "maybe"),
    ("SELECT 1 / 0", "100051", "zero"),
    ("SELECT 9223372036854775807 + 1", "100039", ""),
    ("INSERT INTO t VALUES (NULL, 'x', 1, '2013-01-01')", "100072", "K"),
    ("INSERT INTO t VALUES (3, 'too long', 1, '2013-01-01')", "100078", "too long"),
    ("INSERT INTO t VALUES (3, 'x', 123456.0, '2013-01-01')", "100039", ""),
    ("INSERT INTO t VALUES (3, 'x')", "002020", "expecting 4"),
    ("INSERT INTO t SELECT 1, 2", "002020", "expecting 4"),
    ("UPDATE t SET k = NULL", "100072", "K"),
    ("CREATE TABLE x (n VARIANT)", "000002", "VARIANT"),
    ("CREATE TABLE x (n NUMBER(39,0))", "002028", "NUMBER(39,0)"),
    ("ALTER TABLE t ADD COLUMN must INT NOT NULL", "100072", "MUST"),
    // Time travel.
    ("SELECT * FROM t AT(TIMESTAMP => '1999-01-01'::TIMESTAMP_LTZ)", "000707", "time travel"),
    ("SELECT * FROM t AT(OFFSET => -999999999)", "000707", "time travel"),
    ("SELECT * FROM t AT(VERSION => 999999)", "000707", "999999"),
    ("SELECT * FROM t BEFORE(STATEMENT => '018f0000-0000-7000-8000-000000000000')", "000709", "018f0000"),
    ("WITH m AS (SELECT * FROM t) SELECT * FROM m AT(OFFSET => -60)", "002028", ""),
    // Options.
    ("CREATE FILE FORMAT g TYPE = AVRO", "000002", "AVRO"),
    ("CREATE FILE FORMAT g TYPE = CSV FIELD_DELIMITER = 'aa' RECORD_DELIMITER = 'aabb'", "001420", ""),
    ("CREATE FILE FORMAT g TYPE = CSV NO_SUCH_OPTION = 1", "001420", "NO_SUCH_OPTION"),
    ("CREATE FILE FORMAT g TYPE = CSV SKIP_HEADER = many", "001420", "SKIP_HEADER"),
    ("COPY INTO t FROM @s ON_ERROR = PERHAPS", "001420", "PERHAPS"),
    ("COPY INTO t FROM 'gcs://bucket/mine'", "000002", ""),
    ("COPY INTO t FROM @nowhere", "002003", "NOWHERE"),
    ("COPY INTO t FROM @s FILES = ('missing.csv')", "091016", "missing.csv"),
    ("PUT file://no/such/file.csv @s", "091016", "no/such/file.csv"),
    ("ALTER SESSION SET TIMEZONE = 'Europe/Berlin'", "000002", "TIMEZONE"),
    ("USE ROLE analyst", "003013", "ANALYST"),
    // Files.
    ("COPY INTO loaded FROM @s FILES = ('bad_1_and_4.csv')", "100038", "bad_1_and_4.csv"),
    ("COPY INTO loaded FROM @s FILES = ('eleven_columns.csv')", "100080", "(11)"),
    ("COPY INTO loaded FROM @s FILES = ('unclosed_quote.csv') FILE_FORMAT = (TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '\"')", "100016", "unclosed_quote.csv"),
    ("COPY INTO loaded FROM @s FILES = ('bad_1_and_4.csv') FILE_FORMAT = (TYPE = CSV COMPRESSION = GZIP)", "100069", "bad_1_and_4.csv"),
    // What the engine does not have.
    ("MERGE INTO t USING v ON t.k = v.k WHEN MATCHED THEN DELETE", "000002", "MERGE"),
    ("CREATE WAREHOUSE w", "000002", "WAREHOUSE"),
    ("BEGIN", "000002", "BEGIN"),
    ("SELECT ABS(DISTINCT k) FROM t", "000002", "ABS"),
    ("EXPLAIN USING JSON SELECT 1", "000002", "JSON"),
    ("SELECT * FROM t SAMPLE (10)", "000002", "SAMPLE"),
    ("CREATE SECURE FUNCTION w() AS '1'", "000002", "SECURE"),
];

async fn prepared() -> Session {
    let session = engine().await.session().await.unwrap();
    session.execute(SETUP).await.unwrap();
    session
}

#[tokio::test]
async fn every_mistake_has_its_code_and_changes_nothing() {
    let session = prepared().await;
    let before = session.lake().version();
    let mut wrong = Vec::new();
    for (sql, code, part) in MISTAKES {
        match try_rows(&session, sql).await {
            Ok(rows) => wrong.push(format!("{sql}: succeeded with {rows:?}")),
            Err(error) => {
                if error.code().number() != *code || !error.to_string().contains(part) {
                    wrong.push(format!("{sql}: expected {code} with '{part}', got {error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), MISTAKES.len(), wrong.join("\n"));
    assert!(MISTAKES.len() >= 60);
    assert_eq!(session.lake().version(), before);
    let kept = try_rows(&session, "SELECT COUNT(*), SUM(k) FROM t").await.unwrap();
    assert_eq!(kept, ["2|3"]);
}

#[tokio::test]
async fn a_statement_of_ten_thousand_terms_is_refused() {
    let session = prepared().await;
    for term in [" + 1", " OR 1 = 1", " || 'x'", " UNION ALL SELECT 1"] {
        let sql = format!("SELECT 1{}", term.repeat(10_000));
        let error = try_rows(&session, &sql).await.unwrap_err();
        assert_eq!(error.code().number(), "000603", "{term}: {error}");
    }
    let nested = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(try_rows(&session, &nested).await.unwrap_err().code().number(), "000603");
    let long = format!("SELECT '{}'", "x".repeat(2 << 20));
    assert_eq!(try_rows(&session, &long).await.unwrap_err().code().number(), "000603");
}

#[tokio::test]
async fn history_past_its_retention_is_gone() {
    let session = prepared().await;
    let then = session.lake().version().get();
    session.execute("DELETE FROM t WHERE k = 1").await.unwrap();
    let old = format!("SELECT COUNT(*) FROM t AT(VERSION => {then})");
    assert_eq!(try_rows(&session, &old).await.unwrap(), ["2"]);
    session.lake().advance(std::time::Duration::from_secs(25 * 3600)).await.unwrap();
    assert_eq!(try_rows(&session, &old).await.unwrap_err().code().number(), "000707");
    let undrop = try_rows(&session, "UNDROP TABLE dropped").await.unwrap_err();
    assert_eq!(undrop.code().number(), "002043");
}

#[tokio::test]
async fn a_store_that_does_not_open_says_why() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    for url in ["ftp://somewhere/else", "s3://bucket/prefix", path.as_str(), "gs://bucket"] {
        let error = Icecore::open(url).await.unwrap_err();
        assert!(!error.message().is_empty() && error.help().is_some(), "{url}: {error}");
    }
    let settings = Settings { threads: 0, ..Settings::default() };
    assert!(Icecore::builder("memory://").settings(settings).await.is_err());
}
