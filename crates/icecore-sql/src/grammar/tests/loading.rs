//! Files: COPY INTO both ways, PUT, LIST and REMOVE.

use super::*;

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
fn stages_that_nobody_made_have_names() {
    for (text, stage, path) in [
        ("LIST @%t", "@%T", ""),
        ("LIST @db.s.%t/a/b", "@DB.S.%T", "a/b"),
        ("LIST @s.%\"a.b/c\"/d", "@S.%\"a.b/c\"", "d"),
        ("LIST @~", "@~", ""),
        ("LIST '@~/my files/x'", "@~", "my files/x"),
    ] {
        let Statement::List(list) = one(text) else { panic!() };
        let found = (list.stage.stage.to_string(), list.stage.path);
        assert_eq!((found.0.as_str(), found.1.as_str()), (stage, path), "{text}");
    }
    assert_eq!(copy("COPY INTO d.s.t").from.stage, StageName::Table(name("d.s.t")));
    assert_eq!(copy("COPY INTO t FORCE = TRUE").from.stage, StageName::Table(name("t")));
    assert_eq!(error("LIST @~x").code(), Code::SYNTAX);
}

#[test]
fn a_url_has_a_folder_and_what_names_begin_with() {
    for (url, folder, path) in [
        ("s3://b", "s3://b/", ""),
        ("s3://b/", "s3://b/", ""),
        ("s3://b/a", "s3://b/", "a"),
        ("s3://b/a/b.csv", "s3://b/a/", "b.csv"),
    ] {
        let from = copy(&format!("COPY INTO t FROM '{url}' FORCE = TRUE")).from;
        assert_eq!((from.stage.to_string().as_str(), from.path.as_str()), (folder, path));
    }
    let keyed = copy(
        "COPY INTO t FROM 's3compat://b/a/' ENDPOINT = 'x.example.com' REGION = 'eu-west-1'
         CREDENTIALS = (AWS_KEY_ID = 'k' AWS_SECRET_KEY = 's')",
    );
    let StageName::Url(address) = keyed.from.stage else { panic!() };
    assert_eq!(address.region.as_deref(), Some("eu-west-1"));
    assert_eq!(address.credentials.map(|keys| keys.key_id).as_deref(), Some("k"));
    assert!(error("COPY INTO t FROM @s REGION = 'x'").message().contains("is of a URL"));
}

#[test]
fn get_names_a_stage_and_a_folder() {
    for text in ["GET @s/p/ file:///tmp/x", "get @s/p/ 'file:///tmp/x'"] {
        let Statement::Get(get) = one(text) else { panic!() };
        assert_eq!((get.stage.path.as_str(), get.target.as_str()), ("p/", "/tmp/x"));
        assert_eq!((get.parallel, get.pattern), (10, None));
    }
    let Statement::Get(get) = one("GET @~ file://x PATTERN = '.*gz' PARALLEL = 99") else {
        panic!()
    };
    assert_eq!(
        (get.target.as_str(), get.parallel, get.pattern.as_deref()),
        ("x", 99, Some(".*gz"))
    );
    for wrong in [
        "GET @s",
        "GET file:///tmp @s",
        "GET @s 'file://'",
        "GET @s file:///tmp PARALLEL = 0",
        "GET @s file:///tmp PARALLEL = 100",
        "GET @s file:///tmp PARALLEL = 1.5",
        "GET @s file:///tmp PATTERN = x",
        "GET @s file:///tmp OVERWRITE = TRUE",
        "GET @s file:///tmp PARALLEL = 1 PARALLEL = 1",
    ] {
        assert!(parse(wrong, &Limits::default()).is_err(), "{wrong}");
    }
}
