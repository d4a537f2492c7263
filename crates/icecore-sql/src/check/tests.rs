use crate::{parse_expression, parse_query};

#[test]
fn what_queries_may_hold_is_read() {
    for text in [
        "SELECT * EXCLUDE (a) REPLACE (b + 1 AS b) FROM t",
        "SELECT t.* EXCLUDE a FROM t",
        "SELECT a, count(DISTINCT b) FROM t GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL",
        "SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY b ORDER BY c) = 1",
        "SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b)",
        "SELECT a FROM t LEFT JOIN u USING (k) NATURAL JOIN v CROSS JOIN w FULL OUTER JOIN x ON 1=1",
        "SELECT a FROM t, LATERAL (SELECT b FROM u WHERE u.k = t.k) l",
        "SELECT a FROM (t JOIN u ON t.k = u.k)",
        "SELECT a FROM ((SELECT 1 AS a)) x",
        "SELECT a FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) r",
        "SELECT a FROM t GROUP BY GROUPING SETS ((a), ()), CUBE (b), ROLLUP (c)",
        "(SELECT 1) UNION (SELECT 2) EXCEPT SELECT 3 MINUS SELECT 4 INTERSECT SELECT 5",
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT * FROM c",
        "SELECT a FROM t ORDER BY a DESC NULLS LAST LIMIT 5 OFFSET 2",
        "SELECT listagg(a, ',') WITHIN GROUP (ORDER BY b) FROM t",
        "SELECT first_value(a) IGNORE NULLS OVER (ORDER BY b) FROM t",
        "SELECT a::NUMBER(10,2), CAST(a AS DATE), TRY_CAST(a AS INT), DATE '2013-01-01'",
        "SELECT CASE a WHEN 1 THEN 2 END, a BETWEEN 1 AND 2, a LIKE 'x' ESCAPE '!', a ILIKE 'y'",
        "SELECT x'00ff', $$text$$, 1.5e3, -a % 2, NOT b, a IS NOT DISTINCT FROM b",
        "SELECT EXTRACT(year FROM d), TRIM(a), SUBSTRING(a FROM 1 FOR 2), POSITION('x' IN a)",
        "SELECT d + INTERVAL '1 day', current_date, current_timestamp()",
        "SELECT a > ALL (SELECT b FROM u), EXISTS (SELECT 1), (SELECT 1)",
        "SELECT date, timestamp, value, name, version, at, before FROM t",
        "SELECT ceil(a), floor(a, 2), CEIL(a, -2)",
        "SELECT 1 AS a, 2 b,",
    ] {
        parse_query(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
}

#[test]
fn what_queries_may_not_hold_is_refused_by_name() {
    for (text, refused) in [
        ("SELECT * FROM t SAMPLE (10)", "SAMPLE"),
        ("SELECT * FROM t TABLESAMPLE BERNOULLI (10)", "SAMPLE"),
        ("SELECT * FROM (SELECT 1) SAMPLE (10)", "SAMPLE"),
        ("SELECT * FROM t START WITH a = 1 CONNECT BY PRIOR b = a", "CONNECT BY"),
        ("SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A) DEFINE A AS true)", "MATCH_RECOGNIZE"),
        ("SELECT * FROM t PIVOT (sum(a) FOR b IN ('x'))", "PIVOT"),
        ("SELECT * FROM t UNPIVOT (a FOR b IN (c, d))", "UNPIVOT"),
        ("SELECT * FROM t, LATERAL FLATTEN(input => a)", "LATERAL FLATTEN(..)"),
        ("SELECT * FROM generate_series(1, 2)", "GENERATE_SERIES(..) in FROM"),
        ("SELECT * FROM t FOR UPDATE", "FOR UPDATE and FOR SHARE"),
        ("SELECT a INTO b FROM t", "SELECT INTO"),
        ("SELECT DISTINCT ON (a) a FROM t", "DISTINCT ON"),
        ("SELECT * ILIKE 'a%' FROM t", "SELECT * ILIKE"),
        ("SELECT * RENAME (a AS b) FROM t", "SELECT * RENAME"),
        ("SELECT $1 FROM t", "columns by position ($1)"),
        ("SELECT t.$1 FROM t", "columns by position ($1)"),
        ("SELECT $x", "session variables ($x)"),
        ("SELECT ?", "bind variables (?)"),
        ("SELECT * FROM t WHERE x = @s", "a stage in a query (@stage)"),
        ("SELECT a:b.c FROM t", "semi-structured access (value:path, value[..])"),
        ("SELECT a[0] FROM t", "semi-structured access (value:path, value[..])"),
        ("SELECT [1, 2]", "ARRAY constants ([..])"),
        ("SELECT {'a': 1}", "OBJECT constants ({..})"),
        ("SELECT filter(a, x -> x > 1) FROM t", "lambda expressions (->)"),
        ("SELECT * FROM t, u WHERE t.a = u.a (+)", "the outer join operator (+)"),
        ("SELECT a COLLATE 'en' FROM t", "COLLATE"),
        ("SELECT a RLIKE 'x' FROM t", "the operators RLIKE and REGEXP"),
        ("SELECT a LIKE ANY ('x', 'y') FROM t", "LIKE ANY"),
        ("SELECT (a, b) = (1, 2) FROM t", "row values ((a, b))"),
        ("SELECT count(t.*) FROM t", "COUNT(alias.*)"),
        ("SELECT * FROM t ASOF JOIN u MATCH_CONDITION (t.a >= u.a)", "ASOF JOIN"),
        ("SELECT * FROM t LEFT SEMI JOIN u ON t.a = u.a", "SEMI JOIN"),
        ("SELECT * FROM IDENTIFIER('t')", "IDENTIFIER()"),
        ("SELECT 1 ->> SELECT 2", "the pipe operator (->>)"),
        ("SELECT TOP 1 a FROM t UNION SELECT 2", "TOP in a part of a set operation"),
        ("SELECT 1 FROM t FETCH FIRST 1 ROWS WITH TIES", "FETCH .. WITH TIES"),
        ("SELECT a AT TIME ZONE 'UTC' FROM t", "AT TIME ZONE"),
        ("SELECT trim(a, 'x', 'y') FROM t", "TRIM with more than two arguments"),
        ("SELECT *, 1 FROM t ORDER BY ALL", "ORDER BY ALL with *"),
        ("SELECT sum(a) OVER (w ORDER BY b) FROM t", "a named window inside OVER (..)"),
        (
            "SELECT a FROM t WHERE a LIKE b ESCAPE '!'",
            "LIKE .. ESCAPE of a pattern that is not a constant",
        ),
        (
            "WITH RECURSIVE c AS (SELECT 1 UNION ALL SELECT 2 LIMIT 1) SELECT * FROM c",
            "WITH, ORDER BY and LIMIT of a recursive common table expression",
        ),
    ] {
        let error =
            parse_query(text).map(|found| format!("{text} is read as {found}")).unwrap_err();
        assert_eq!(error.message(), format!("unsupported: {refused}"), "{text}");
    }
}

#[test]
fn what_is_inside_is_found() {
    for text in [
        "SELECT (SELECT a:b FROM t)",
        "WITH c AS (SELECT * FROM t SAMPLE (1)) SELECT 1",
        "SELECT 1 FROM t JOIN (SELECT a[0] FROM u) ON true",
        "SELECT 1 ORDER BY a:b",
        "SELECT sum(a) OVER (ORDER BY b:c) FROM t",
        "SELECT 1 FROM (t SAMPLE (1) JOIN u ON true)",
        "SELECT 1 FROM (t ASOF JOIN u MATCH_CONDITION (t.a >= u.a))",
    ] {
        assert!(parse_query(text).is_err(), "{text}");
    }
    assert!(parse_expression("(SELECT a FROM t SAMPLE (1))").is_err());
}
