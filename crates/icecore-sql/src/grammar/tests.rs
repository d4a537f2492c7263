use icecore_types::{Code, ErrorKind, Name, ObjectKind, QualifiedName, SqlType};

use crate::*;

fn one(text: &str) -> Statement {
    let mut parsed = parse(text, &Limits::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(parsed.len(), 1, "{text}");
    parsed.remove(0).statement
}

fn error(text: &str) -> icecore_types::Error {
    match parse(text, &Limits::default()) {
        Ok(parsed) => panic!("{text} is read as {parsed:?}"),
        Err(error) => error,
    }
}

fn name(text: &str) -> QualifiedName {
    QualifiedName::parse(text).unwrap()
}

fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| Name::parse(text).unwrap()).collect()
}

#[test]
fn containers_are_created_with_everything_that_they_have() {
    let Statement::CreateDatabase(create) =
        one("create or replace database d clone e at (offset => -60) \
         data_retention_time_in_days = 7 comment = 'c'")
    else {
        panic!()
    };
    assert!(create.or_replace && !create.if_not_exists);
    assert_eq!((create.name, create.retention_days), (name("d"), Some(7)));
    assert_eq!(create.comment.as_deref(), Some("c"));
    let clone = create.clone.unwrap();
    assert_eq!(clone.source, name("e"));
    assert!(matches!(clone.at.unwrap().point, Point::Offset(_)));

    let Statement::CreateSchema(create) = one("CREATE SCHEMA IF NOT EXISTS d.\"s\"") else {
        panic!()
    };
    assert!(create.if_not_exists && !create.or_replace && create.clone.is_none());
    assert_eq!(create.name, name("d.\"s\""));
}

#[test]
fn tables_are_created_in_four_ways() {
    let Statement::CreateTable(create) = one("CREATE TABLE IF NOT EXISTS a.b.t (
            id INT NOT NULL COMMENT 'key', \"lower\" VARCHAR(10) DEFAULT 'x' || 'y' NOT NULL,
            n NUMBER(10, 2) NULL, d DOUBLE PRECISION, z TIMESTAMP WITH LOCAL TIME ZONE
        ) DATA_RETENTION_TIME_IN_DAYS = 0 COMMENT = 'it''s'")
    else {
        panic!()
    };
    assert!(create.if_not_exists);
    assert_eq!((create.name, create.retention_days), (name("a.b.t"), Some(0)));
    let types: Vec<SqlType> = create.columns.iter().map(|c| c.sql_type).collect();
    assert_eq!(
        types,
        [
            SqlType::Integer,
            SqlType::Varchar { length: 10 },
            SqlType::Number { precision: 10, scale: 2 },
            SqlType::Float,
            SqlType::TimestampLtz,
        ]
    );
    assert_eq!(create.columns[0].comment.as_deref(), Some("key"));
    assert_eq!(create.columns[1].name, Name::quoted("lower"));
    assert_eq!(create.columns[1].default.as_deref(), Some("'x' || 'y'"));
    assert!(
        create.columns[0].not_null && create.columns[1].not_null && !create.columns[2].not_null
    );

    let Statement::CreateTable(create) = one("CREATE TABLE t AS SELECT 1 AS a") else { panic!() };
    assert!(create.as_query.is_some() && create.columns.is_empty());

    let Statement::CreateTable(create) = one("CREATE TABLE t (x INT) AS (SELECT 1)") else {
        panic!()
    };
    assert!(create.as_query.is_some() && create.columns.len() == 1);

    let Statement::CreateTable(create) = one("CREATE TABLE t (x, \"y\") AS SELECT 1, 2") else {
        panic!()
    };
    let query = create.as_query.unwrap().to_string();
    assert!(query.ends_with("AS \"Q\" (\"X\", \"y\")"), "{query}");

    let Statement::CreateTable(create) = one("CREATE TABLE t LIKE s.u") else { panic!() };
    assert_eq!(create.like, Some(name("s.u")));

    let text = "CREATE OR REPLACE TABLE t CLONE t BEFORE (STATEMENT => 'q') COMMENT = 'back'";
    let Statement::CreateTable(create) = one(text) else { panic!() };
    let at = create.clone.unwrap().at.unwrap();
    assert_eq!(at.at_or_before, AtBefore::Before);
    assert!(matches!(at.point, Point::Statement(_)));
}

#[test]
fn views_keep_their_text() {
    let text = "Create View v (a, b) Comment = 'c' As\n  Select x, -- first\n y From t;";
    let Statement::CreateView(create) = one(text) else { panic!() };
    assert_eq!(create.query_text, "Select x, -- first\n y From t");
    assert_eq!((create.columns, create.comment.as_deref()), (names(&["a", "b"]), Some("c")));
    assert_eq!(create.query.to_string(), "SELECT X, Y FROM T");
}

#[test]
fn stages_and_formats_take_their_options() {
    let Statement::CreateStage(create) =
        one("CREATE STAGE IF NOT EXISTS s URL = 's3://b/p/' FILE_FORMAT = (TYPE = CSV \
         FIELD_DELIMITER = '|', SKIP_HEADER = 1 NULL_IF = ('NA', '') TRIM_SPACE = true) \
         COMMENT = 'x'")
    else {
        panic!()
    };
    assert_eq!(create.properties.url.as_deref(), Some("s3://b/p/"));
    let Some(FormatSpec::Inline(options)) = create.properties.file_format else { panic!() };
    let written: Vec<String> = options.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        written,
        [
            "TYPE=CSV",
            "FIELD_DELIMITER='|'",
            "SKIP_HEADER=1",
            "NULL_IF=('NA', '')",
            "TRIM_SPACE=TRUE"
        ]
    );

    for (text, expected) in [
        ("(FORMAT_NAME = a.b.f)", "A.B.F"),
        ("(FORMAT_NAME = 'a.\"f\"')", "A.\"f\""),
        ("'f'", "F"),
        ("f", "F"),
    ] {
        let Statement::CreateStage(create) = one(&format!("CREATE STAGE s FILE_FORMAT = {text}"))
        else {
            panic!()
        };
        let Some(FormatSpec::Named(found)) = create.properties.file_format else {
            panic!("{text}")
        };
        assert_eq!(found.to_string(), expected);
    }

    let Statement::CreateFileFormat(create) =
        one("CREATE OR REPLACE FILE FORMAT f TYPE = 'CSV' ESCAPE = NONE COMMENT = 'c'")
    else {
        panic!()
    };
    assert_eq!(create.comment.as_deref(), Some("c"));
    assert_eq!(create.options.get("TYPE"), Some(&OptionValue::Text("CSV".into())));
    assert_eq!(create.options.get("ESCAPE"), Some(&OptionValue::Word("NONE".into())));
    assert_eq!((create.options.len(), create.or_replace), (2, true));
}

#[test]
fn objects_are_dropped_restored_and_described() {
    for (text, kind) in [
        ("DATABASE d", ObjectKind::Database),
        ("SCHEMA d.s", ObjectKind::Schema),
        ("TABLE d.s.t", ObjectKind::Table),
        ("VIEW v", ObjectKind::View),
        ("SEMANTIC VIEW v", ObjectKind::SemanticView),
        ("STAGE s", ObjectKind::Stage),
        ("FILE FORMAT f", ObjectKind::FileFormat),
    ] {
        let Statement::Drop(drop) = one(&format!("DROP {text}")) else { panic!() };
        assert_eq!((drop.kind, drop.if_exists, drop.mode), (kind, false, DropMode::Cascade));
        let Statement::Describe(describe) = one(&format!("desc {text}")) else { panic!() };
        assert_eq!((describe.kind, describe.name), (kind, drop.name));
    }
    let Statement::Drop(drop) = one("DROP SCHEMA IF EXISTS s RESTRICT") else { panic!() };
    assert_eq!((drop.if_exists, drop.mode), (true, DropMode::Restrict));
    assert!(matches!(one("DROP TABLE t CASCADE"), Statement::Drop(_)));
    assert!(matches!(one("DESCRIBE TABLE t TYPE = COLUMNS"), Statement::Describe(_)));
    let Statement::Undrop(undrop) = one("undrop schema a.b") else { panic!() };
    assert_eq!((undrop.kind, undrop.name), (ObjectKind::Schema, name("a.b")));
}

#[test]
fn tables_are_altered() {
    let action = |text: &str| match one(&format!("ALTER TABLE IF EXISTS s.t {text}")) {
        Statement::AlterTable(alter) => {
            assert!(alter.if_exists && alter.name == name("s.t"));
            alter.action
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(action("RENAME TO u"), AlterTableAction::Rename(name("u")));
    assert_eq!(action("SWAP WITH s.u"), AlterTableAction::SwapWith(name("s.u")));
    let AlterTableAction::AddColumns { columns, if_not_exists } =
        action("ADD COLUMN IF NOT EXISTS a INT DEFAULT 7, b TEXT NOT NULL")
    else {
        panic!()
    };
    assert!(if_not_exists && columns[1].not_null);
    assert_eq!(columns[0].default.as_deref(), Some("7"));
    assert_eq!(
        action("DROP COLUMN IF EXISTS a, \"b\""),
        AlterTableAction::DropColumns { names: names(&["a", "\"b\""]), if_exists: true }
    );
    assert_eq!(
        action("RENAME COLUMN a TO b"),
        AlterTableAction::RenameColumn { from: Name::unquoted("a"), to: Name::unquoted("b") }
    );
    let retention = "SET DATA_RETENTION_TIME_IN_DAYS = 90";
    assert_eq!(action(retention), AlterTableAction::SetRetention(Some(90)));
    assert_eq!(action("UNSET COMMENT"), AlterTableAction::SetComment(None));
    let column = Name::unquoted("a");
    for (text, not_null) in
        [("ALTER COLUMN a SET NOT NULL", true), ("MODIFY a DROP NOT NULL", false)]
    {
        let column = column.clone();
        assert_eq!(action(text), AlterTableAction::SetNotNull { column, not_null });
    }
    assert_eq!(action("ALTER a DROP DEFAULT"), AlterTableAction::DropDefault(column.clone()));
    assert_eq!(
        action("ALTER COLUMN a COMMENT 'x'"),
        AlterTableAction::SetColumnComment { column, comment: "x".into() }
    );
}

#[test]
fn containers_views_and_sessions_are_altered() {
    let Statement::AlterContainer(alter) = one("ALTER SCHEMA s SWAP WITH u") else { panic!() };
    assert_eq!(alter.kind, ObjectKind::Schema);
    assert_eq!(alter.action, ContainerAction::SwapWith(name("u")));
    let Statement::AlterContainer(alter) = one("ALTER DATABASE IF EXISTS d RENAME TO e") else {
        panic!()
    };
    assert!(alter.if_exists && alter.action == ContainerAction::Rename(name("e")));
    let Statement::AlterView(alter) = one("ALTER VIEW v SET COMMENT = 'x'") else { panic!() };
    assert_eq!(alter.action, ContainerAction::SetComment(Some("x".into())));
    let Statement::AlterSession(AlterSession::Set(set)) =
        one("ALTER SESSION SET QUERY_TAG = 'x' TIMEZONE = 'UTC', LOCK_TIMEOUT = -1")
    else {
        panic!()
    };
    assert_eq!(set.len(), 3);
    assert_eq!(set.get("LOCK_TIMEOUT"), Some(&OptionValue::Number("-1".into())));
    let unset = one("ALTER SESSION UNSET QUERY_TAG, TIMEZONE");
    let keys = vec!["QUERY_TAG".to_owned(), "TIMEZONE".to_owned()];
    assert_eq!(unset, Statement::AlterSession(AlterSession::Unset(keys)));
}

#[test]
fn show_looks_everywhere() {
    let show = |text: &str| match one(text) {
        Statement::Show(show) => show,
        other => panic!("{other:?}"),
    };
    let all =
        show("SHOW TERSE TABLES HISTORY LIKE 'a%' IN SCHEMA d.s STARTS WITH 'A' LIMIT 3 FROM 'AB'");
    assert!(all.terse && all.history && all.limit_rows == Some(3));
    assert_eq!(all.scope, Some(Scope::Schema(Some(name("d.s")))));
    assert_eq!(
        (all.like.as_deref(), all.starts_with.as_deref(), all.from.as_deref()),
        (Some("a%"), Some("A"), Some("AB"))
    );
    for (text, what, scope) in [
        ("SHOW VIEWS IN ACCOUNT", ShowKind::Views, Some(Scope::Account)),
        ("SHOW OBJECTS", ShowKind::Objects, None),
        ("SHOW SCHEMAS IN DATABASE", ShowKind::Schemas, Some(Scope::Database(None))),
        (
            "SHOW STAGES IN DATABASE d LIMIT 1",
            ShowKind::Stages,
            Some(Scope::Database(Some(Name::unquoted("d")))),
        ),
        ("SHOW DATABASES HISTORY", ShowKind::Databases, None),
        ("SHOW FILE FORMATS IN SCHEMA", ShowKind::FileFormats, Some(Scope::Schema(None))),
        ("SHOW COLUMNS IN TABLE a.b.c", ShowKind::Columns, Some(Scope::Table(name("a.b.c")))),
        ("SHOW COLUMNS IN t", ShowKind::Columns, Some(Scope::Named(name("t")))),
        ("SHOW PARAMETERS IN SESSION", ShowKind::Parameters, Some(Scope::Session)),
        ("SHOW WAREHOUSES LIKE 'x'", ShowKind::Warehouses, None),
        ("SHOW TABLES IN d.s", ShowKind::Tables, Some(Scope::Named(name("d.s")))),
    ] {
        let show = show(text);
        assert_eq!((show.what, show.scope), (what, scope), "{text}");
    }
}

#[test]
fn use_chooses() {
    for (text, what, chosen) in [
        ("USE DATABASE d", UseTarget::Database, "d"),
        ("USE SCHEMA d.s", UseTarget::Schema, "d.s"),
        ("USE WAREHOUSE w", UseTarget::Warehouse, "w"),
        ("USE ROLE r", UseTarget::Role, "r"),
        ("USE d", UseTarget::Database, "d"),
        ("USE d.s", UseTarget::Schema, "d.s"),
        ("USE role", UseTarget::Database, "role"),
    ] {
        let Statement::Use(found) = one(text) else { panic!() };
        assert_eq!((found.what, found.name), (what, name(chosen)), "{text}");
    }
}

#[test]
fn rows_are_inserted() {
    let Statement::Insert(insert) =
        one("INSERT OVERWRITE INTO s.t (a, \"b\") VALUES (1, DEFAULT), (-2 + 1, 'x')")
    else {
        panic!()
    };
    assert!(insert.overwrite);
    assert_eq!((insert.table, insert.columns), (name("s.t"), names(&["a", "\"b\""])));
    let InsertSource::Values(rows) = insert.source else { panic!() };
    assert_eq!(rows[0][1], ValueExpr::Default);
    assert_eq!(rows[1][0], ValueExpr::Expr(parse_expression("-2 + 1").unwrap()));
    for text in [
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) (SELECT 1)",
        "INSERT INTO t (WITH c AS (SELECT 1) SELECT * FROM c)",
        "INSERT INTO t ((SELECT 1) UNION ALL (SELECT 2))",
    ] {
        let Statement::Insert(insert) = one(text) else { panic!() };
        assert!(matches!(insert.source, InsertSource::Query(_)), "{text}");
    }
}

#[test]
fn rows_are_deleted_and_updated() {
    let Statement::Delete(delete) =
        one("DELETE FROM t AS x USING s, u JOIN v ON u.a = v.a WHERE x.k = s.k")
    else {
        panic!()
    };
    assert_eq!((delete.table, delete.alias), (name("t"), Some(Name::unquoted("x"))));
    assert_eq!((delete.using.len(), delete.predicate.is_some()), (2, true));
    let Statement::Delete(delete) = one("DELETE FROM t") else { panic!() };
    assert!(delete.alias.is_none() && delete.predicate.is_none());

    let Statement::Update(update) =
        one("UPDATE t x SET a = DEFAULT, b = s.b + 1 FROM s WHERE x.k = s.k AND s.c IN (SELECT 1)")
    else {
        panic!()
    };
    assert_eq!(update.alias, Some(Name::unquoted("x")));
    assert_eq!(update.assignments[0].value, ValueExpr::Default);
    assert_eq!((update.assignments.len(), update.from.len()), (2, 1));
    let Statement::Update(update) = one("UPDATE t SET a = default") else { panic!() };
    assert!(update.alias.is_none() && update.assignments[0].value == ValueExpr::Default);
    assert!(matches!(one("TRUNCATE t"), Statement::Truncate(t) if !t.if_exists));
}

#[test]
fn files_are_loaded() {
    let Statement::CopyInto(copy) =
        one("COPY INTO d.s.t (a, b) FROM @d.s.\"my stage\"/2013/01 FILES = ('x.csv', 'y.csv') \
         PATTERN = '.*[.]csv' FILE_FORMAT = (FORMAT_NAME = ff) ON_ERROR = 'skip_file_10%' \
         FORCE = TRUE")
    else {
        panic!()
    };
    assert_eq!(copy.from.stage, crate::StageName::Named(name("d.s.\"my stage\"")));
    assert_eq!(copy.from.path, "2013/01");
    assert_eq!(copy.files.map(|files| files.len()), Some(2));
    assert_eq!(copy.on_error, OnError::SkipFilePercent(10));
    assert!(copy.force && copy.pattern.is_some());
    for (text, expected) in [
        ("CONTINUE", OnError::Continue),
        ("'ABORT_STATEMENT'", OnError::AbortStatement),
        ("SKIP_FILE", OnError::SkipFile),
        ("SKIP_FILE_3", OnError::SkipFileCount(3)),
    ] {
        let Statement::CopyInto(copy) =
            one(&format!("COPY INTO t FROM '@s/a b' ON_ERROR = {text}"))
        else {
            panic!()
        };
        assert_eq!((copy.on_error, copy.from.path.as_str()), (expected, "a b"));
    }
}

fn copy(text: &str) -> CopyInto {
    let Statement::CopyInto(copy) = one(text) else { panic!("{text}") };
    *copy
}

#[test]
fn options_of_a_load_are_read() {
    let loaded = copy(
        "COPY INTO t FROM @s SIZE_LIMIT = 25000000 PURGE = TRUE RETURN_FAILED_ONLY = TRUE \
         ENFORCE_LENGTH = FALSE LOAD_UNCERTAIN_FILES = TRUE LOAD_MODE = FULL_INGEST \
         MATCH_BY_COLUMN_NAME = 'case_insensitive' \
         INCLUDE_METADATA = (a = METADATA$FILENAME, \"b\" = METADATA$FILE_ROW_NUMBER)",
    );
    assert_eq!(loaded.size_limit_bytes, Some(25_000_000));
    assert!(loaded.purge && loaded.return_failed_only && loaded.truncate_columns);
    assert!(loaded.load_uncertain_files && loaded.matching == MatchByName::CaseInsensitive);
    let items: Vec<_> = loaded.include_metadata.iter().map(|included| included.item).collect();
    assert_eq!(items, [MetadataItem::FileName, MetadataItem::FileRowNumber]);
    assert_eq!(copy("COPY INTO t FROM @s SIZE_LIMIT = NULL").size_limit_bytes, None);
    for (text, expected) in [
        ("RETURN_7_ROWS", Validation::Rows(7)),
        ("RETURN_ERRORS", Validation::Errors),
        ("'RETURN_ALL_ERRORS'", Validation::AllErrors),
    ] {
        let loaded = copy(&format!("COPY INTO t FROM @s VALIDATION_MODE = {text}"));
        assert_eq!(loaded.validation, Some(expected));
    }
    for text in [
        "SIZE_LIMIT = 0",
        "VALIDATION_MODE = RETURN_0_ROWS",
        "ENFORCE_LENGTH = TRUE TRUNCATECOLUMNS = TRUE",
        "INCLUDE_METADATA = (a = METADATA$FILENAME)",
        "MATCH_BY_COLUMN_NAME = CASE_SENSITIVE VALIDATION_MODE = RETURN_ERRORS",
        "CLUSTER_AT_INGEST_TIME = TRUE",
        "LOAD_MODE = ADD_FILES_COPY",
    ] {
        error(&format!("COPY INTO t FROM @s {text}"));
    }
}

#[test]
fn a_load_may_have_values_made_of_fields() {
    let loaded = copy(
        "COPY INTO t (a, b, c, d) FROM (SELECT x.$1, upper(x.$12) AS u, dateadd(day, 1, $3::date), \
         x.metadata$filename FROM '@d.s.st/p q' x) FORCE = TRUE",
    );
    let transform = loaded.transform.unwrap();
    let texts: Vec<_> = transform.columns.iter().map(ToString::to_string).collect();
    assert_eq!(texts[..2], ["\"$1\"", "UPPER(\"$12\")"]);
    assert_eq!(texts[3], "\"METADATA$FILENAME\"");
    assert_eq!((transform.fields, loaded.from.path.as_str()), (12, "p q"));
    assert!(loaded.force);
    for (query, refused) in [
        ("SELECT $1 FROM @s WHERE $1 = 'x'", "WHERE in the query of COPY INTO"),
        ("SELECT $1 FROM @s x ORDER BY 1", "ORDER in the query of COPY INTO"),
        ("SELECT $1 FROM @s LIMIT 1", "LIMIT in the query of COPY INTO"),
        ("SELECT $1 FROM @s GROUP BY $1", "GROUP in the query of COPY INTO"),
        ("SELECT $1 FROM @s x JOIN t ON TRUE", "JOIN in the query of COPY INTO"),
        ("SELECT $1 FROM @s, @s", ", in the query of COPY INTO"),
        ("SELECT DISTINCT $1 FROM @s", "DISTINCT in the query of COPY INTO"),
        ("SELECT TOP 1 $1 FROM @s", "TOP in the query of COPY INTO"),
        ("SELECT * FROM @s", "* in the query of COPY INTO"),
        ("SELECT (SELECT 1) FROM @s", "a subquery in the query of COPY INTO"),
    ] {
        let error = error(&format!("COPY INTO t FROM ({query})"));
        assert_eq!(error.message(), format!("unsupported: {refused}"), "{query}");
    }
    for query in ["SELECT y.$1 FROM @s x", "SELECT $0 FROM @s", "SELECT $99999 FROM @s"] {
        error(&format!("COPY INTO t FROM ({query})"));
    }
    let message = "match_by_column_name is not supported with copy transform.";
    let by_name = "COPY INTO t FROM (SELECT $1 FROM @s) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE";
    assert_eq!(error(by_name).message(), message);
}

#[test]
fn rows_are_unloaded() {
    let unload = |text: &str| {
        let Statement::Unload(unload) = one(text) else { panic!("{text}") };
        *unload
    };
    let table = unload("COPY INTO @s/out/ FROM d.s.t OVERWRITE = TRUE HEADER = TRUE SINGLE = TRUE");
    assert_eq!(table.query.to_string(), "SELECT * FROM D.S.T");
    assert!(table.overwrite && table.header && table.single && !table.include_query_id);
    assert_eq!((table.to.path.as_str(), table.max_file_bytes), ("out/", 16 << 20));
    let query = unload(
        "COPY INTO '@s/a b' FROM (SELECT a, b FROM t) PARTITION BY ('x=' || a) \
         FILE_FORMAT = (TYPE = PARQUET) MAX_FILE_SIZE = 1000 DETAILED_OUTPUT = TRUE",
    );
    assert!(query.include_query_id && query.detailed_output && query.partition_by.is_some());
    assert!(unload("COPY INTO @s FROM (SELECT 1) VALIDATION_MODE = RETURN_ROWS").return_rows);
    for text in [
        "INCLUDE_QUERY_ID = TRUE SINGLE = TRUE",
        "INCLUDE_QUERY_ID = TRUE OVERWRITE = TRUE",
        "PARTITION BY (a) SINGLE = TRUE",
        "PARTITION BY (a) INCLUDE_QUERY_ID = FALSE",
        "MAX_FILE_SIZE = 5368709121",
        "MAX_FILE_SIZE = 0",
        "SINGLE = TRUE SINGLE = TRUE",
        "PURGE = TRUE",
    ] {
        error(&format!("COPY INTO @s FROM t {text}"));
    }
}

#[test]
fn files_are_put_listed_and_removed() {
    for (text, source) in [
        ("PUT file:///tmp/a--b/*.csv @s", "/tmp/a--b/*.csv"),
        ("put 'file:///tmp/a b.csv' @s", "/tmp/a b.csv"),
        ("PUT FILE://data/x.csv @s", "data/x.csv"),
        ("PUT '/tmp/x.csv' @s", "/tmp/x.csv"),
    ] {
        let Statement::Put(put) = one(text) else { panic!() };
        assert_eq!(put.source, source, "{text}");
        assert!(put.auto_compress && !put.overwrite && put.target.path.is_empty());
    }
    let Statement::Put(put) = one("PUT file://a @s/p/ AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    else {
        panic!()
    };
    assert!(!put.auto_compress && put.overwrite && put.target.path == "p/");
    let Statement::List(list) = one("LIST @s PATTERN = 'x'") else { panic!() };
    assert_eq!(list.pattern.as_deref(), Some("x"));
    let Statement::Remove(remove) = one("rm @s//x;") else { panic!() };
    assert_eq!(remove.stage.path, "/x");
}

#[test]
fn explanations_hold_their_statement() {
    let Statement::Explain(explain) = one("EXPLAIN DELETE FROM t") else { panic!() };
    assert!(matches!(*explain.statement, Statement::Delete(_)));
    assert_eq!(explain.format, ExplainFormat::Tabular);
    assert_eq!(error("EXPLAIN DROP TABLE t").message(), "unsupported: EXPLAIN DROP");
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    for (text, refused) in [
        ("MERGE INTO t USING s ON a WHEN MATCHED THEN DELETE", "MERGE"),
        ("BEGIN", "transactions of several statements (BEGIN)"),
        ("COMMIT", "transactions of several statements (COMMIT)"),
        ("ROLLBACK", "transactions of several statements (ROLLBACK)"),
        ("GRANT SELECT ON t TO ROLE r", "GRANT"),
        ("SET x = 1", "session variables (SET)"),
        ("CALL p()", "CALL"),
        ("EXECUTE TASK t", "EXECUTE"),
        ("GET @s file:///tmp", "GET"),
        ("COMMENT ON TABLE t IS 'x'", "COMMENT ON"),
        ("CREATE WAREHOUSE w", "CREATE WAREHOUSE"),
        ("CREATE MASKING POLICY p AS (v INT) RETURNS INT -> v", "CREATE MASKING POLICY"),
        ("CREATE ROW ACCESS POLICY p", "CREATE ROW ACCESS POLICY"),
        (
            "CREATE DYNAMIC TABLE t TARGET_LAG = DOWNSTREAM CLUSTER BY (a) AS SELECT 1",
            "CREATE DYNAMIC TABLE .. CLUSTER BY",
        ),
        ("CREATE TEMPORARY TABLE t (a INT)", "CREATE TEMPORARY TABLE"),
        ("CREATE TRANSIENT TABLE t (a INT)", "CREATE TRANSIENT TABLE"),
        ("CREATE SECURE VIEW v AS SELECT 1", "CREATE SECURE VIEW"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW"),
        ("CREATE RECURSIVE VIEW v AS SELECT 1", "CREATE RECURSIVE VIEW"),
        ("CREATE OR ALTER TABLE t (a INT)", "CREATE OR ALTER"),
        ("CREATE TABLE t CLONE s COPY GRANTS", "CLONE .. COPY GRANTS"),
        ("CREATE TABLE t (a INT) COPY GRANTS", "CREATE TABLE .. COPY GRANTS"),
        ("CREATE TABLE t (a INT) CLUSTER BY (a)", "CREATE TABLE .. CLUSTER BY"),
        ("CREATE TABLE t (a INT) CHANGE_TRACKING = TRUE", "CREATE TABLE .. CHANGE_TRACKING"),
        ("CREATE TABLE t (a INT PRIMARY KEY)", "column clause PRIMARY KEY"),
        ("CREATE TABLE t (a INT, PRIMARY KEY (a))", "constraint PRIMARY KEY"),
        ("CREATE TABLE t (a INT AUTOINCREMENT)", "column clause AUTOINCREMENT"),
        ("CREATE TABLE t (a INT WITH MASKING POLICY p)", "column clause WITH MASKING"),
        ("CREATE TABLE t (a VARIANT)", "data type VARIANT"),
        ("CREATE TABLE t USING TEMPLATE (SELECT 1)", "USING TEMPLATE with another query"),
        ("CREATE SCHEMA s WITH MANAGED ACCESS", "CREATE SCHEMA .. WITH MANAGED ACCESS"),
        ("CREATE SCHEMA s CLONE t INCLUDE INTERNAL STAGES", "CLONE .. INCLUDE INTERNAL STAGES"),
        ("CREATE STAGE s STORAGE_INTEGRATION = i", "CREATE STAGE .. STORAGE_INTEGRATION"),
        ("CREATE STAGE s STORAGE_INTEGRATION = i", "CREATE STAGE .. STORAGE_INTEGRATION"),
        ("CREATE STAGE s CREDENTIALS = (AWS_ROLE = 'x')", "CREDENTIALS .. AWS_ROLE"),
        ("CREATE STAGE s ENCRYPTION = (TYPE = 'AWS_CSE')", "ENCRYPTION of a stage"),
        ("ALTER STAGE s REFRESH", "ALTER STAGE .. REFRESH"),
        ("CREATE VIEW v COPY GRANTS AS SELECT 1", "CREATE VIEW .. COPY GRANTS"),
        ("DROP SEQUENCE s", "DROP SEQUENCE"),
        ("UNDROP VIEW v", "UNDROP VIEW"),
        ("UNDROP TABLE IDENTIFIER('1')", "IDENTIFIER()"),
        ("ALTER TABLE t CLUSTER BY (a)", "ALTER TABLE .. CLUSTER BY"),
        ("ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)", "ALTER TABLE .. ADD CONSTRAINT"),
        ("ALTER TABLE t ADD PRIMARY KEY (a)", "ALTER TABLE .. ADD PRIMARY KEY"),
        ("ALTER TABLE t ALTER a SET DATA TYPE INT", "ALTER TABLE .. ALTER COLUMN .. SET DATA TYPE"),
        ("ALTER TABLE t SET CHANGE_TRACKING = TRUE", "ALTER TABLE .. SET CHANGE_TRACKING"),
        ("ALTER WAREHOUSE w SUSPEND", "ALTER WAREHOUSE"),
        ("SHOW GRANTS", "SHOW GRANTS"),
        ("SHOW TASKS", "SHOW TASKS"),
        ("SHOW VIEWS HISTORY", "SHOW VIEWS HISTORY"),
        ("SHOW TERSE STAGES", "SHOW TERSE STAGES"),
        ("DESC RESULT 'x'", "DESCRIBE RESULT"),
        ("DESC TABLE t TYPE = STAGE", "DESCRIBE TABLE .. TYPE = STAGE"),
        ("USE SECONDARY ROLES ALL", "USE SECONDARY ROLES"),
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

#[test]
fn pipes_are_created_with_a_copy_that_goes_on() {
    let Statement::CreatePipe(create) = one("create or replace pipe a.b.p auto_ingest = true \
         notification_channel = 'https://sqs.eu-west-1.amazonaws.com/1/q' comment = 'c' \
         as copy into t (x) from @s/d/ pattern = '.*csv' on_error = continue")
    else {
        panic!()
    };
    assert!(create.or_replace && !create.if_not_exists && create.auto_ingest);
    assert_eq!((create.name, create.copy.table), (name("a.b.p"), name("t")));
    assert_eq!(create.copy.on_error, OnError::Continue);
    assert!(create.copy_text.starts_with("copy into t (x)"));
    assert_eq!(create.comment.as_deref(), Some("c"));

    let Statement::CreatePipe(create) = one("CREATE PIPE IF NOT EXISTS p AS COPY INTO t FROM @s")
    else {
        panic!()
    };
    assert!(create.if_not_exists && !create.auto_ingest);
    assert_eq!(create.copy.on_error, OnError::SkipFile);
}

#[test]
fn a_pipe_cannot_have_what_one_copy_does_once() {
    for option in [
        "ON_ERROR = ABORT_STATEMENT",
        "on_error = 'abort_statement'",
        "FORCE = TRUE",
        "FORCE = FALSE",
        "PURGE = TRUE",
        "FILES = ('a.csv')",
        "SIZE_LIMIT = 10",
        "RETURN_FAILED_ONLY = TRUE",
        "VALIDATION_MODE = RETURN_ERRORS",
    ] {
        let error = error(&format!("CREATE PIPE p AS COPY INTO t FROM @s {option}"));
        assert_eq!(error.code(), Code::INVALID_OPTION, "{option}: {error}");
        assert!(error.message().contains("a pipe cannot have"), "{option}: {error}");
    }
    let text = "CREATE PIPE p AS COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV ESCAPE = 'x')";
    assert!(matches!(one(text), Statement::CreatePipe(_)));
    for (text, expected) in [
        ("CREATE PIPE p INTEGRATION = 'I' AS COPY INTO t FROM @s", ErrorKind::Unsupported),
        ("CREATE PIPE p AWS_SNS_TOPIC = 'a' AS COPY INTO t FROM @s", ErrorKind::Unsupported),
        (
            "CREATE PIPE p NOTIFICATION_CHANNEL = 'q' AS COPY INTO t FROM @s",
            ErrorKind::InvalidInput,
        ),
        (
            "CREATE PIPE p AUTO_INGEST = TRUE AUTO_INGEST = TRUE AS COPY INTO t FROM @s",
            ErrorKind::InvalidInput,
        ),
        ("CREATE PIPE p CLONE q", ErrorKind::Unsupported),
        ("CREATE PIPE p AS SELECT 1", ErrorKind::InvalidInput),
        ("ALTER PIPE p RENAME TO q", ErrorKind::InvalidInput),
        ("ALTER PIPE p SET TAG x = 'y'", ErrorKind::Unsupported),
        ("ALTER PIPE p REFRESH PREFIX = 'a' PREFIX = 'b'", ErrorKind::InvalidInput),
    ] {
        assert_eq!(error(text).kind(), expected, "{text}");
    }
}

#[test]
fn pipes_are_altered_dropped_and_shown() {
    let Statement::AlterPipe(alter) =
        one("ALTER PIPE IF EXISTS p SET PIPE_EXECUTION_PAUSED = TRUE")
    else {
        panic!()
    };
    assert_eq!((alter.if_exists, alter.action), (true, PipeAction::SetPaused(true)));
    let Statement::AlterPipe(alter) =
        one("alter pipe p refresh prefix = 'd1/' modified_after = '2013-01-01T00:00:00Z'")
    else {
        panic!()
    };
    let PipeAction::Refresh { prefix, modified_after } = alter.action else { panic!() };
    assert_eq!((prefix.as_str(), modified_after.is_some()), ("d1/", true));
    assert!(
        matches!(one("DROP PIPE IF EXISTS p"), Statement::Drop(d) if d.kind == ObjectKind::Pipe)
    );
    assert!(matches!(one("DESC PIPE p"), Statement::Describe(d) if d.kind == ObjectKind::Pipe));
    assert!(matches!(one("SHOW PIPES LIKE 'x%'"), Statement::Show(s) if s.what == ShowKind::Pipes));
    let Statement::Show(show) = one("SHOW CHANNELS IN TABLE t") else { panic!() };
    assert_eq!((show.what, show.scope), (ShowKind::Channels, Some(Scope::Table(name("t")))));
}

#[test]
fn a_dynamic_table_says_how_it_is_kept() {
    use icecore_types::{RefreshMode, TargetLag};
    let text = "create or replace dynamic table d (a, b) warehouse = w target_lag = '2 hours' \
                refresh_mode = full initialize = on_schedule comment = 'c' as select 1, 2";
    let Statement::CreateDynamicTable(create) = one(text) else { panic!() };
    assert!(create.or_replace);
    let DynamicSource::Query(query) = create.source else { panic!() };
    assert_eq!(query.lag, Some(TargetLag::Within { seconds: 7_200 }));
    assert_eq!((query.refresh_mode, query.on_schedule), (Some(RefreshMode::Full), true));
    assert_eq!((query.columns.len(), query.query_text.as_str()), (2, "select 1, 2"));
    for lag in ["'59 seconds'", "'0 minutes'", "'1 week'", "'minutes'", "5", "'1 minute more'"] {
        let text = format!("create dynamic table d warehouse = w target_lag = {lag} as select 1");
        let error = parse(&text, &Limits::default()).unwrap_err();
        assert_eq!(error.code().number(), "001420", "{text}: {error}");
    }
    let Statement::AlterDynamicTable(alter) =
        one("alter dynamic table d set target_lag = downstream")
    else {
        panic!()
    };
    assert_eq!(alter.action, DynamicAction::SetLag(TargetLag::Downstream));
}
