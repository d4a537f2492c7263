use sqlparser::ast::{Expr, Value};

use crate::{parse_expression, parse_query};

fn read(text: &str) -> String {
    parse_query(text).unwrap_or_else(|e| panic!("{text}: {e}")).to_string()
}

#[test]
fn columns_are_named_by_their_text() {
    for (text, expected) in [
        (
            "select count(*), a, t.b, 1+1 as x, 'it' from t",
            "SELECT COUNT(*) AS \"COUNT(*)\", A, T.B, 1 + 1 AS X, 'it' AS \"'IT'\" FROM T",
        ),
        ("select distinct a+ 1 from t", "SELECT DISTINCT A + 1 AS \"A+ 1\" FROM T"),
        (
            "select a is distinct from b, c from t",
            "SELECT A IS DISTINCT FROM B AS \"A IS DISTINCT FROM B\", C FROM T",
        ),
        (
            "select case when a then 1\n   else 2 end from t",
            "SELECT CASE WHEN A THEN 1 ELSE 2 END AS \"CASE WHEN A THEN 1 ELSE 2 END\" FROM T",
        ),
        (
            "select extract(year from d), f(a, b), \"q\" || 'x', * from t",
            "SELECT EXTRACT(YEAR FROM D) AS \"EXTRACT(YEAR FROM D)\", F(A, B) AS \"F(A, B)\", \
             \"q\" || 'x' AS \"\"\"Q\"\" || 'X'\", * FROM T",
        ),
        (
            "select listagg(a, ',') within group (order by b) from t",
            "SELECT LISTAGG(A, ',') WITHIN GROUP (ORDER BY B) \
             AS \"LISTAGG(A, ',') WITHIN GROUP (ORDER BY B)\" FROM T",
        ),
        ("select (select 1), 2", "SELECT (SELECT 1) AS \"(SELECT 1)\", 2 AS \"2\""),
        ("select 1 union all select 2", "SELECT 1 AS \"1\" UNION ALL SELECT 2"),
        (
            "with c as (select max(a) from t) select * from c, (select min(a) from t) d",
            "WITH C AS (SELECT MAX(A) AS \"MAX(A)\" FROM T) \
             SELECT * FROM C, (SELECT MIN(A) AS \"MIN(A)\" FROM T) D",
        ),
        (
            "select 1 where a in (select max(a) from t) and exists (select 1)",
            "SELECT 1 AS \"1\" WHERE A IN (SELECT MAX(A) FROM T) AND EXISTS (SELECT 1)",
        ),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn top_and_fetch_are_limits() {
    for (text, expected) in [
        ("select top 3 a from t order by a", "SELECT A FROM T ORDER BY A LIMIT 3"),
        ("select a from t fetch first 3 rows only", "SELECT A FROM T LIMIT 3"),
        ("select a from t offset 2 fetch next row only", "SELECT A FROM T LIMIT 1 OFFSET 2"),
        ("select a from (select top 1 a from t)", "SELECT A FROM (SELECT A FROM T LIMIT 1)"),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn order_by_all_is_by_position() {
    for (text, expected) in [
        (
            "select a, b + 1 as c from t order by all desc",
            "SELECT A, B + 1 AS C FROM T ORDER BY 1 DESC, 2 DESC",
        ),
        (
            "select a from t union select b from u order by all nulls last",
            "SELECT A FROM T UNION SELECT B FROM U ORDER BY 1 NULLS LAST",
        ),
        (
            "select a from (values (1, 2) order by all)",
            "SELECT A FROM (SELECT * FROM (VALUES (1, 2)) AS \"VALUES\" (COLUMN1, COLUMN2) \
             ORDER BY 1, 2)",
        ),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn values_have_their_column_names() {
    let rows = "(VALUES (1, 'a'), (2, 'b')) AS \"VALUES\" (COLUMN1, COLUMN2)";
    assert_eq!(read("values (1, 'a'), (2, 'b')"), format!("SELECT * FROM {rows}"));
    assert_eq!(
        read("values (1, 'a'), (2, 'b') union all select 3, 'c'"),
        format!("SELECT * FROM {rows} UNION ALL SELECT 3, 'c'")
    );
    assert_eq!(
        read("select column1 from values (1, 'a'), (2, 'b') as v"),
        format!("SELECT COLUMN1 FROM (SELECT * FROM {rows}) AS V")
    );
    assert_eq!(
        read("select x from (values (1, 'a'), (2, 'b')) v (x, y)"),
        format!("SELECT X FROM (SELECT * FROM {rows}) V (X, Y)")
    );
}

#[test]
fn a_database_without_a_schema_means_public() {
    assert_eq!(read("select a from d..t"), "SELECT A FROM D.PUBLIC.T");
}

#[test]
fn distinct_is_ordered_by_its_items() {
    for (text, expected) in [
        (
            "select distinct a+1, b from t order by a + 1 desc, b",
            "SELECT DISTINCT A + 1 AS \"A+1\", B FROM T ORDER BY \"A+1\" DESC, B",
        ),
        (
            "select distinct f('x', 1.5) as k from t order by f('x', 1.5)",
            "SELECT DISTINCT F('x', 1.5) AS K FROM T ORDER BY K",
        ),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn windows_are_written_where_they_are_used() {
    for (text, expected) in [
        (
            "select sum(a) over w as s from t qualify row_number() over v = 1 \
             window w as (partition by b), v as (order by c) order by max(a) over w",
            "SELECT SUM(A) OVER (PARTITION BY B) AS S FROM T \
             QUALIFY ROW_NUMBER() OVER (ORDER BY C) = 1 \
             ORDER BY MAX(A) OVER (PARTITION BY B)",
        ),
        (
            "select (select sum(a) over w as s from u window w as (order by c)), \
             sum(a) over w as s from t window w as (order by b)",
            "SELECT (SELECT SUM(A) OVER (ORDER BY C) AS S FROM U) AS \
             \"(SELECT SUM(A) OVER W AS S FROM U WINDOW W AS (ORDER BY C))\", \
             SUM(A) OVER (ORDER BY B) AS S FROM T",
        ),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
    for (text, message) in [
        ("select sum(a) over w from t", "a window is not defined window=W"),
        (
            "select sum(a) over w from t window w as (order by a), w as (order by b)",
            "a window is named twice window=W",
        ),
    ] {
        assert_eq!(parse_query(text).unwrap_err().message(), message, "{text}");
    }
}

#[test]
fn a_backslash_in_a_pattern_is_a_backslash_unless_escape_says_so() {
    for (text, pattern) in [
        (r"a like 'x%'", r"x%"),
        (r"a like 'a\\%'", r"a\\%"),
        (r"a ilike $$a\_$$", r"a\\_"),
        (r"a like 'a\\%' escape '\\'", r"a\%"),
        (r"a like '5!%!!!x%' escape '!'", r"5\%!x%"),
        (r"a like '!\\' escape '!'", r"\\"),
        (r"a like 'x' escape ''", r"x"),
    ] {
        let read = parse_expression(text).unwrap();
        let (Expr::Like { pattern: found, escape_char, .. }
        | Expr::ILike { pattern: found, escape_char, .. }) = read
        else {
            panic!("{read}")
        };
        let Expr::Value(found) = *found else { panic!("{found}") };
        assert_eq!(found.value, Value::SingleQuotedString(pattern.to_owned()), "{text}");
        assert!(escape_char.is_none(), "{text}");
    }
    let read = parse_expression("a like b").unwrap();
    let Expr::Like { pattern, .. } = read else { panic!("{read}") };
    assert_eq!(*pattern, parse_expression(r"REPLACE(b, $$\$$, $$\\$$)").unwrap());
    for text in ["a like 'x!' escape '!'", "a like 'x' escape '!!'"] {
        assert!(parse_expression(text).is_err(), "{text}");
    }
}
