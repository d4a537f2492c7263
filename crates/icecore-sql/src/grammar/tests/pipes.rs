//! Pipes and dynamic tables.

use super::*;

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
