//! GET_DDL: the text makes the same objects again.

use icecore::Session;

use crate::{engine, rows};

const SCRIPT: &str = r#"
    CREATE SCHEMA shop COMMENT = 'all of it';
    CREATE TAG level ALLOWED_VALUES 'pii', 'it''s low' COMMENT = 'how personal';
    CREATE TAG "Odd Name";
    CREATE TAG goes_on ALLOWED_VALUES 'a', 'b' PROPAGATE = ON_DEPENDENCY ON_CONFLICT = ALLOWED_VALUES_SEQUENCE;
    CREATE FILE FORMAT pipes_of TYPE = CSV FIELD_DELIMITER = '|' SKIP_HEADER = 1 NULL_IF = ('', 'N') COMMENT = 'c';
    CREATE TABLE roles (role VARCHAR, region VARCHAR);
    CREATE TABLE customers (
        id INT NOT NULL COMMENT 'the key', "Full Name" VARCHAR(40) DEFAULT 'nobody', pay NUMBER(9,2),
        region VARCHAR, born DATE, seen TIMESTAMP_NTZ,
        EXPECTATION has_region CHECK NOT NULL (region) ON VIOLATION QUARANTINE
    ) COMMENT = 'it''s\\here';
    CREATE TABLE secrets (id INT, name VARCHAR, region VARCHAR) DATA_RETENTION_TIME_IN_DAYS = 3;
    CREATE NETWORK RULE office TYPE = IPV4 VALUE_LIST = ('10.0.0.0/8', '192.168.1.1') COMMENT = 'n';
    CREATE DATA METRIC FUNCTION below (x TABLE (v NUMBER(9,2), "W w" VARCHAR)) RETURNS NUMBER COMMENT = 'f' AS 'SELECT COUNT_IF(v < 0 AND "W w" = ''n'') FROM x';
    ALTER TABLE customers ADD DATA METRIC FUNCTION below ON (pay, region) EXPECTATION none (VALUE = 0), DATA METRIC FUNCTION SNOWFLAKE.CORE.ROW_COUNT ON ();
    ALTER TABLE customers SET DATA_METRIC_SCHEDULE = '30 MINUTE';
    ALTER TABLE customers MODIFY DATA METRIC FUNCTION SNOWFLAKE.CORE.ROW_COUNT ON () SUSPEND;
    CREATE VIEW a_first AS SELECT region, total FROM z_second WHERE total > 0;
"#;

const REST: &str = r#"
    CREATE MASKING POLICY hide AS (v VARCHAR, r VARCHAR) RETURNS VARCHAR -> CASE WHEN r = 'n' THEN v ELSE '***' END COMMENT = 'm';
    CREATE MASKING POLICY no_number AS (v NUMBER) RETURNS NUMBER -> 0;
    CREATE ROW ACCESS POLICY of_role AS (r VARCHAR) RETURNS BOOLEAN -> EXISTS (SELECT 1 FROM roles WHERE roles.region = r);
    ALTER TABLE secrets MODIFY COLUMN name SET MASKING POLICY hide USING (name, id);
"#;

async fn session() -> Session {
    let session = engine().await.session().await.unwrap();
    session
        .execute(
            &SCRIPT.replace(
                "CREATE VIEW a_first",
                "CREATE VIEW z_second (region, total) COMMENT = 'v' AS SELECT region, SUM(pay) FROM customers GROUP BY 1;
                 CREATE VIEW a_first",
            ),
        )
        .await
        .unwrap();
    session
        .execute(&REST.replace(
            "ALTER TABLE secrets MODIFY COLUMN name SET MASKING POLICY hide USING (name, id);",
            "CREATE DYNAMIC TABLE by_region TARGET_LAG = '5 minutes' WAREHOUSE = compute_wh REFRESH_MODE = FULL AS SELECT region, total FROM z_second;
             CREATE SEMANTIC VIEW sales TABLES (c AS customers) DIMENSIONS (c.area AS c.region) METRICS (c.paid AS SUM(c.pay)) COMMENT = 's';
             ALTER SEMANTIC VIEW sales RENAME TO renamed_sales;
             ALTER TABLE secrets MODIFY COLUMN name SET MASKING POLICY hide USING (name, region);
             ALTER TAG level SET MASKING POLICY no_number;
             ALTER TABLE secrets MODIFY COLUMN id SET TAG level = 'pii';
             ALTER SCHEMA shop SET TAG \"Odd Name\" = 'x y';
             ALTER VIEW a_first ADD ROW ACCESS POLICY of_role ON (region)",
        ))
        .await
        .unwrap();
    session
}

async fn ddl(session: &Session, kind: &str, name: &str) -> String {
    let text = format!("SELECT GET_DDL('{kind}', '{name}')");
    rows(session, &text).await.remove(0)
}

#[tokio::test]
async fn the_text_of_a_schema_makes_it_again_elsewhere() {
    let session = session().await;
    let text = ddl(&session, "SCHEMA", "shop").await;
    let other = engine().await.session().await.unwrap();
    other.execute(&text).await.unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(ddl(&other, "SCHEMA", "shop").await, text);
    for listing in [
        "SELECT table_name, table_type, comment FROM INFORMATION_SCHEMA.TABLES ORDER BY 1",
        "SELECT table_name, column_name, data_type, is_nullable, column_default, comment FROM INFORMATION_SCHEMA.COLUMNS WHERE table_schema = 'SHOP' ORDER BY 1, ordinal_position",
        "SELECT tag_name, tag_value, object_name, domain, column_name FROM SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES ORDER BY 1, 3, 5",
        "SELECT policy_name, ref_column_name, tag_name, policy_status FROM TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES(REF_ENTITY_NAME => 'secrets', REF_ENTITY_DOMAIN => 'TABLE')) ORDER BY 1, 2",
        "SELECT file_format_name, comment FROM INFORMATION_SCHEMA.FILE_FORMATS",
        "SELECT * FROM TABLE(INFORMATION_SCHEMA.DATA_METRIC_FUNCTION_REFERENCES(REF_ENTITY_NAME => 'customers', REF_ENTITY_DOMAIN => 'TABLE'))",
    ] {
        assert_eq!(rows(&other, listing).await, rows(&session, listing).await, "{listing}");
    }
    for session in [&session, &other] {
        session
            .execute(
                "INSERT INTO customers VALUES (1, 'a', 3.5, 'n', NULL, NULL); \
                 INSERT INTO customers SELECT 2, 'b', 1, NULL AS r, NULL AS d, NULL AS s; \
                 INSERT INTO secrets VALUES (1, 'x', 'n'), (2, 'y', 's'); INSERT INTO roles VALUES ('r', 'n')",
            )
            .await
            .unwrap();
    }
    for query in [
        "SELECT * FROM secrets ORDER BY region",
        "SELECT * FROM a_first",
        "SELECT * FROM SEMANTIC_VIEW(renamed_sales METRICS paid DIMENSIONS area)",
        "SELECT COUNT(*) FROM TABLE(QUARANTINE('customers'))",
    ] {
        assert_eq!(rows(&other, query).await, rows(&session, query).await, "{query}");
    }
}

#[tokio::test]
async fn the_text_of_an_object_replaces_it_by_the_same() {
    let session = session().await;
    for (kind, name) in [
        ("TABLE", "customers"),
        ("TABLE", "secrets"),
        ("VIEW", "a_first"),
        ("VIEW", "z_second"),
        ("DYNAMIC_TABLE", "by_region"),
        ("SEMANTIC_VIEW", "renamed_sales"),
        ("FILE_FORMAT", "pipes_of"),
        ("TAG", "\"Odd Name\""),
        ("NETWORK_RULE", "office"),
    ] {
        let text = ddl(&session, kind, name).await;
        session.execute(&text).await.unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(ddl(&session, kind, name).await, text);
    }
    let text = ddl(&session, "DATABASE", "icecore").await;
    let other = engine().await.session().await.unwrap();
    other.execute(&text).await.unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(ddl(&other, "DATABASE", "icecore").await, text);
}
