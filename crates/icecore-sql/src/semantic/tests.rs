use sqlparser::ast::TableFactor;

use crate::{SemanticItem, SemanticQuery, parse_query, relations_of_query};

fn asked(text: &str) -> SemanticQuery {
    let query = parse_query(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let select = query.body.as_select().unwrap();
    let TableFactor::Derived { subquery, .. } = &select.from[0].relation else { panic!("{text}") };
    SemanticQuery::of(subquery).unwrap().unwrap()
}

fn shown(query: &SemanticQuery) -> String {
    let mut text = query.view.to_string();
    if let Some(travel) = &query.travel {
        text += &format!(" {travel:?}").chars().take(3).collect::<String>();
    }
    for clause in &query.clauses {
        let items: Vec<String> = clause
            .items
            .iter()
            .map(|item| match item {
                SemanticItem::AllOf(table) => format!("{table}.*"),
                SemanticItem::One { expression, alias: None } => expression.to_string(),
                SemanticItem::One { expression, alias: Some(alias) } => {
                    format!("{expression} -> {alias}")
                }
            })
            .collect();
        text += &format!(" {} {}", clause.kind.sql(), items.join("; "));
    }
    if let Some(filter) = &query.filter {
        text += &format!(" WHERE {filter}");
    }
    text
}

#[test]
fn clauses_are_read_with_their_order_and_aliases() {
    for (text, expected) in [
        ("semantic_view(v metrics m)", "V METRICS M"),
        (
            "semantic_view(db.s.v dimensions c.region as r, c.* metrics o.total t, sum(o.x) / 2)",
            "DB.S.V DIMENSIONS C.REGION -> R; C.* METRICS O.TOTAL -> T; SUM(O.X) / 2 -> \
             \"SUM(O.X) / 2\"",
        ),
        (
            "semantic_view(v facts o.x where o.d > 1 and (c in ('metrics', 'b')))",
            "V FACTS O.X WHERE O.D > 1 AND (C IN ('metrics', 'b'))",
        ),
        ("semantic_view(v where a = 1 metrics m) as x", "V METRICS M WHERE A = 1"),
        ("semantic_view(v at (version => 1 + (2)) metrics m)", "V Tr METRICS M"),
        ("semantic_view(v metrics metrics, dimensions)", "V METRICS METRICS; DIMENSIONS"),
    ] {
        assert_eq!(shown(&asked(&format!("select * from {text}"))), expected, "{text}");
    }
}

#[test]
fn a_semantic_view_is_a_relation_of_the_query() {
    let text = "WITH c AS (SELECT * FROM SEMANTIC_VIEW(v METRICS m)) SELECT * FROM c JOIN \
                SEMANTIC_VIEW(s.w DIMENSIONS d) AS w ON c.m = w.d";
    let query = parse_query(text).unwrap();
    let names: Vec<String> =
        relations_of_query(&query).unwrap().iter().map(|found| found.name.to_string()).collect();
    assert_eq!(names, ["V", "S.W"]);
}

#[test]
fn what_has_another_form_is_refused() {
    for (text, expected) in [
        ("SELECT * FROM SEMANTIC_VIEW(v)", "asks for at least one metric"),
        ("SELECT * FROM SEMANTIC_VIEW(v METRICS *)", "* alone is not allowed"),
        ("SELECT * FROM SEMANTIC_VIEW(v METRICS)", "syntax error"),
        ("SELECT * FROM SEMANTIC_VIEW(v METRICS a METRICS b)", "syntax error"),
        ("SELECT * FROM SEMANTIC_VIEW(v SOMETHING a)", "syntax error line 1 at position 30"),
        ("SELECT * FROM SEMANTIC_VIEW(v METRICS a b c)", "syntax error"),
        ("SELECT * FROM SEMANTIC_VIEW(", "syntax error"),
        ("SELECT * FROM SEMANTIC_VIEW(v METRICS (SELECT 1) x DIMENSIONS)", "syntax error"),
        (
            "SELECT SUM(a) OVER (PARTITION BY EXCLUDING b) FROM t",
            "PARTITION BY EXCLUDING outside of a metric",
        ),
    ] {
        let error = parse_query(text).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    assert!(parse_query("SELECT SUM(a) OVER (PARTITION BY excluding ORDER BY b) FROM t").is_ok());
}
