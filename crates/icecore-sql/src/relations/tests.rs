use crate::*;

fn found(text: &str) -> Vec<String> {
    let parsed = parse(text, &Limits::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
    relations(&parsed[0].statement)
        .unwrap()
        .into_iter()
        .map(|relation| match relation.travel {
            Some(travel) => format!("{}@{}", relation.name, travel.point.word()),
            None => relation.name.to_string(),
        })
        .collect()
}

#[test]
fn every_table_is_found_once_for_each_mention() {
    for (text, expected) in [
        ("SELECT 1", vec![]),
        ("SELECT * FROM t, s.t, d.s.\"t\"", vec!["T", "S.T", "D.S.\"t\""]),
        (
            "SELECT (SELECT max(a) FROM x) FROM t JOIN u ON t.a IN (SELECT a FROM v) WHERE EXISTS \
             (SELECT 1 FROM w) ORDER BY (SELECT 1 FROM z)",
            vec!["X", "T", "U", "V", "W", "Z"],
        ),
        ("SELECT * FROM t AT (VERSION => 1) UNION ALL SELECT * FROM t", vec!["T@VERSION", "T"]),
        ("SELECT * FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))", vec![]),
        ("INSERT INTO t SELECT * FROM s", vec!["S"]),
        ("INSERT INTO t VALUES ((SELECT max(a) FROM s))", vec!["S"]),
        ("DELETE FROM t USING s WHERE t.a = (SELECT a FROM u)", vec!["S", "U"]),
        (
            "UPDATE t SET a = (SELECT 1 FROM x) FROM y WHERE b IN (SELECT b FROM z)",
            vec!["X", "Y", "Z"],
        ),
        ("CREATE TABLE t AS SELECT * FROM s", vec!["S"]),
        ("CREATE VIEW v AS SELECT * FROM s", vec!["S"]),
        ("EXPLAIN SELECT * FROM s", vec!["S"]),
        ("DROP TABLE t", vec![]),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn common_table_expressions_hide_tables_where_they_can_be_seen() {
    for (text, expected) in [
        ("WITH c AS (SELECT * FROM t) SELECT * FROM c", vec!["T"]),
        ("WITH c AS (SELECT * FROM c) SELECT * FROM c", vec!["C"]),
        ("WITH c AS (SELECT 1), d AS (SELECT * FROM c) SELECT * FROM c, d", vec![]),
        ("WITH d AS (SELECT * FROM c), c AS (SELECT 1) SELECT * FROM d", vec!["C"]),
        ("WITH c AS (SELECT 1) SELECT * FROM s.c, \"c\"", vec!["S.C", "\"c\""]),
        ("SELECT * FROM (WITH c AS (SELECT 1) SELECT * FROM c) JOIN c ON true", vec!["C"]),
        ("WITH c AS (SELECT 1) SELECT * FROM t WHERE a IN (SELECT * FROM c)", vec!["T"]),
        ("WITH RECURSIVE c AS (SELECT 1 UNION ALL SELECT * FROM c) SELECT * FROM c", vec![]),
        ("WITH c AS (SELECT * FROM t AT (OFFSET => -1)) SELECT * FROM c", vec!["T@OFFSET"]),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn a_point_is_one_constant() {
    for (text, message) in [
        (
            "WITH m AS (SELECT * FROM t) SELECT * FROM m AT (VERSION => 1)",
            "Time travel is not allowed on a CTE name=M",
        ),
        (
            "SELECT * FROM t AT (VERSION => a)",
            "the point of a time travel is not constant point=VERSION",
        ),
        (
            "SELECT * FROM t BEFORE (TIMESTAMP => (SELECT max(a) FROM s))",
            "the point of a time travel is not constant point=TIMESTAMP",
        ),
        ("SELECT * FROM t AT (MOMENT => 1)", "AT and BEFORE take one point"),
        ("SELECT * FROM t AT (1)", "AT and BEFORE take one point"),
        ("SELECT * FROM t AT (VERSION => 1, OFFSET => 1)", "AT and BEFORE take one point"),
        ("SELECT * FROM t AT (STREAM => 's')", "unsupported: AT (STREAM => ..)"),
        (
            "SELECT * FROM t CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -1)",
            "unsupported: CHANGES",
        ),
    ] {
        let error = parse(text, &Limits::default()).unwrap_err();
        assert_eq!(error.message(), message, "{text}");
    }
    for point in [
        "TIMESTAMP => '2013-01-01 00:00:00'::TIMESTAMP_LTZ",
        "TIMESTAMP => dateadd(hour, -1, current_timestamp())",
        "OFFSET => -60 * 5",
        "STATEMENT => '01b0'",
        "STATEMENT => last_query_id(-2)",
        "VERSION => 3",
    ] {
        assert_eq!(found(&format!("SELECT * FROM t AT ({point}) x")).len(), 1, "{point}");
        assert_eq!(found(&format!("SELECT * FROM t BEFORE ({point}) AS x")).len(), 1, "{point}");
    }
}
