use icecore_types::{Code, ErrorKind, Name, ObjectKind, QualifiedName, SqlType};

use crate::*;

mod access;
mod loading;
mod pipes;
mod refused;

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
fn explanations_hold_their_statement() {
    let Statement::Explain(explain) = one("EXPLAIN DELETE FROM t") else { panic!() };
    assert!(matches!(*explain.statement, Statement::Delete(_)));
    assert_eq!(explain.format, ExplainFormat::Tabular);
    assert_eq!(error("EXPLAIN DROP TABLE t").message(), "unsupported: EXPLAIN DROP");
}
