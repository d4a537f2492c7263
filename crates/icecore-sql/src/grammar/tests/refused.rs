//! What is not there, and what means nothing.

use super::*;

#[test]
fn what_is_not_there_is_refused_by_name() {
    for (text, refused) in [
        ("MERGE INTO t USING s ON a WHEN MATCHED THEN DELETE", "MERGE"),
        ("BEGIN", "transactions of several statements (BEGIN)"),
        ("COMMIT", "transactions of several statements (COMMIT)"),
        ("ROLLBACK", "transactions of several statements (ROLLBACK)"),
        ("SET x = 1", "session variables (SET)"),
        ("CALL p()", "CALL"),
        ("EXECUTE TASK t", "EXECUTE"),
        ("COMMENT ON TABLE t IS 'x'", "COMMENT ON"),
        ("CREATE WAREHOUSE w", "CREATE WAREHOUSE"),
        ("CREATE PRIVACY POLICY p AS ()", "CREATE PRIVACY POLICY"),
        ("CREATE JOIN POLICY p AS ()", "CREATE JOIN POLICY"),
        (
            "CREATE DYNAMIC TABLE t TARGET_LAG = DOWNSTREAM CLUSTER BY (a) AS SELECT 1",
            "CREATE DYNAMIC TABLE .. CLUSTER BY",
        ),
        ("CREATE TEMPORARY TABLE t (a INT)", "CREATE TEMPORARY TABLE"),
        ("CREATE TRANSIENT TABLE t (a INT)", "CREATE TRANSIENT TABLE"),
        ("CREATE SECURE MATERIALIZED VIEW v AS SELECT 1", "CREATE SECURE"),
        ("CREATE SECURE FUNCTION f() AS '1'", "CREATE SECURE FUNCTION"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW"),
        ("CREATE RECURSIVE VIEW v AS SELECT 1", "CREATE RECURSIVE VIEW"),
        ("CREATE OR ALTER TABLE t (a INT)", "CREATE OR ALTER"),
        ("CREATE SCHEMA t CLONE s COPY GRANTS", "CREATE SCHEMA .. COPY GRANTS"),
        ("CREATE TABLE t (a INT) CLUSTER BY (a)", "CREATE TABLE .. CLUSTER BY"),
        ("CREATE TABLE t (a INT) CHANGE_TRACKING = TRUE", "CREATE TABLE .. CHANGE_TRACKING"),
        ("CREATE TABLE t (a INT PRIMARY KEY)", "column clause PRIMARY KEY"),
        ("CREATE TABLE t (a INT, PRIMARY KEY (a))", "constraint PRIMARY KEY"),
        ("CREATE TABLE t (a INT AUTOINCREMENT)", "column clause AUTOINCREMENT"),
        ("CREATE TABLE t (a VARIANT)", "data type VARIANT"),
        ("CREATE TABLE t USING TEMPLATE (SELECT 1)", "USING TEMPLATE with another query"),
        ("CREATE SCHEMA s CLONE t INCLUDE INTERNAL STAGES", "CLONE .. INCLUDE INTERNAL STAGES"),
        ("CREATE STAGE s STORAGE_INTEGRATION = i", "CREATE STAGE .. STORAGE_INTEGRATION"),
        ("CREATE STAGE s STORAGE_INTEGRATION = i", "CREATE STAGE .. STORAGE_INTEGRATION"),
        ("CREATE STAGE s CREDENTIALS = (AWS_ROLE = 'x')", "CREDENTIALS .. AWS_ROLE"),
        ("CREATE STAGE s ENCRYPTION = (TYPE = 'AWS_CSE')", "ENCRYPTION of a stage"),
        ("ALTER STAGE s REFRESH", "ALTER STAGE .. REFRESH"),
        ("DROP SEQUENCE s", "DROP SEQUENCE"),
        ("UNDROP VIEW v", "UNDROP VIEW"),
        ("UNDROP TABLE IDENTIFIER('1')", "IDENTIFIER()"),
        ("ALTER TABLE t CLUSTER BY (a)", "ALTER TABLE .. CLUSTER BY"),
        ("ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)", "ALTER TABLE .. ADD CONSTRAINT"),
        ("ALTER TABLE t ADD PRIMARY KEY (a)", "ALTER TABLE .. ADD PRIMARY KEY"),
        ("ALTER TABLE t ALTER a SET DATA TYPE INT", "ALTER TABLE .. ALTER COLUMN .. SET DATA TYPE"),
        ("ALTER TABLE t SET CHANGE_TRACKING = TRUE", "ALTER TABLE .. SET CHANGE_TRACKING"),
        ("ALTER WAREHOUSE w SUSPEND", "ALTER WAREHOUSE"),
        ("SHOW TASKS", "SHOW TASKS"),
        ("SHOW VIEWS HISTORY", "SHOW VIEWS HISTORY"),
        ("SHOW TERSE STAGES", "SHOW TERSE STAGES"),
        ("DESC RESULT 'x'", "DESCRIBE RESULT"),
        ("DESC TABLE t TYPE = STAGE", "DESCRIBE TABLE .. TYPE = STAGE"),
        ("INSERT ALL INTO t SELECT 1", "INSERT ALL into several tables"),
        ("EXPLAIN USING JSON SELECT 1", "EXPLAIN USING JSON"),
        (
            "COPY INTO t FROM @s CLUSTER_AT_INGEST_TIME = TRUE",
            "COPY INTO option CLUSTER_AT_INGEST_TIME",
        ),
        ("LIST 's3://b/p'", "a URL in place of a stage"),
        ("COPY INTO t FROM 's3://b/p' STORAGE_INTEGRATION = i", "COPY INTO .. STORAGE_INTEGRATION"),
        ("PUT file://a @s PARALLEL = 4", "PUT option PARALLEL"),
    ] {
        let error = error(text);
        assert_eq!(error.message(), format!("unsupported: {refused}"), "{text}");
        assert_eq!((error.code(), error.kind()), (Code::UNSUPPORTED, ErrorKind::Unsupported));
    }
}

#[test]
fn what_means_nothing_has_its_place_or_its_code() {
    for (text, code, message) in [
        ("SELEC 1", Code::SYNTAX, "syntax error line 1 at position 0 unexpected 'SELEC'."),
        ("SELECT", Code::SYNTAX, "syntax error line 1 at position 6 unexpected '<EOF>'."),
        ("SELECT 1 FROM", Code::SYNTAX, "syntax error line 1 at position 13 unexpected '<EOF>'."),
        ("SELECT 1\n  )", Code::SYNTAX, "syntax error line 2 at position 2 unexpected ')'."),
        ("CREATE TABLE t", Code::SYNTAX, "syntax error line 1 at position 14 unexpected '<EOF>'."),
        ("CREATE TABLE t ()", Code::SYNTAX, "syntax error line 1 at position 16 unexpected ')'."),
        (
            "CREATE TABLE select (a INT)",
            Code::SYNTAX,
            "syntax error line 1 at position 13 unexpected 'select'.",
        ),
        (
            "CREATE TABLE t (a)",
            Code::SYNTAX,
            "syntax error line 1 at position 18 unexpected '<EOF>'.",
        ),
        (
            "CREATE OR REPLACE TABLE IF NOT EXISTS t (a INT)",
            Code::SYNTAX,
            "syntax error line 1 at position 24 unexpected 'IF'.",
        ),
        ("DROP TABLE t u", Code::SYNTAX, "syntax error line 1 at position 13 unexpected 'u'."),
        ("DROP DATABASE a.b", Code::SYNTAX, "a name of too many parts name=A.B parts=2 most=1"),
        ("DROP TABLE a.b.c.d", Code::SYNTAX, "syntax error line 1 at position 17 unexpected 'd'."),
        ("DELETE t", Code::SYNTAX, "syntax error line 1 at position 7 unexpected 't'."),
        (
            "UPDATE t SET x.a = 1",
            Code::SYNTAX,
            "syntax error line 1 at position 14 unexpected '.'.",
        ),
        (
            "INSERT INTO t (a, a) VALUES (1, 2)",
            Code::INVALID_STATEMENT,
            "a column is named twice column=A",
        ),
        (
            "INSERT INTO t (a, b) VALUES (1, 2), (3)",
            Code::COLUMN_COUNT,
            "insert value list does not match column list expecting 2 but got 1 row=2",
        ),
        (
            "CREATE TABLE t (a INT, A INT)",
            Code::INVALID_STATEMENT,
            "a column is named twice column=A",
        ),
        (
            "CREATE SCHEMA s DATA_RETENTION_TIME_IN_DAYS = 91",
            Code::INVALID_OPTION,
            "invalid value for option DATA_RETENTION_TIME_IN_DAYS value=91",
        ),
        (
            "COPY INTO t FROM @s FORCE = 'maybe'",
            Code::INVALID_OPTION,
            "invalid value for option FORCE value='maybe'",
        ),
        (
            "COPY INTO t FROM @s ON_ERROR = SKIP_FILE_0",
            Code::INVALID_OPTION,
            "invalid value for option ON_ERROR value=SKIP_FILE_0",
        ),
        (
            "COPY INTO t FROM @s FORCE = TRUE FORCE = TRUE",
            Code::INVALID_OPTION,
            "option given twice key=FORCE",
        ),
        (
            "CREATE FILE FORMAT f TYPE = CSV TYPE = CSV",
            Code::INVALID_OPTION,
            "option given twice key=TYPE",
        ),
        (
            "CREATE TABLE t CLONE s AT (OFFSET => x)",
            Code::INVALID_STATEMENT,
            "the point of a time travel is not constant point=OFFSET",
        ),
        ("SELECT 'a", Code::SYNTAX, "syntax error line 1 at position 7 unexpected '''."),
        ("SELECT é", Code::SYNTAX, "syntax error line 1 at position 7 unexpected 'é'."),
    ] {
        let error = error(text);
        assert_eq!((error.message(), error.code()), (message, code), "{text}");
    }
}
