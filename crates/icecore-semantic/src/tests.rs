use std::sync::Arc;

use icecore_sql::{Limits, SemanticQuery, Statement, parse};
use icecore_types::{Error, Name, QualifiedName, Result};

use crate::{BaseTable, Model};

const TABLES: &[(&str, &[&str])] = &[
    ("CUSTOMERS", &["C_ID", "C_REGION", "C_BOSS"]),
    ("ORDERS", &["O_ID", "O_CUST", "O_BILL", "AMOUNT", "DAY", "ORDERED"]),
    ("ITEMS", &["I_ID", "I_ORDER", "AMOUNT"]),
    ("BALANCES", &["DAY", "B", "ACCOUNT"]),
    ("PRICES", &["P_ID", "SINCE", "UNTIL", "PRICE"]),
];

pub(crate) fn model(text: &str) -> Result<Model> {
    let parsed = parse(&format!("CREATE SEMANTIC VIEW v {text}"), &Limits::default())?;
    let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
    let bases = create.tables.iter().map(|table| {
        let (name, columns) =
            TABLES.iter().find(|(name, _)| *name == table.base.name.as_str()).expect("a table");
        BaseTable {
            name: QualifiedName::parse(&format!("d.s.{name}")).expect("a name"),
            columns: columns.iter().map(|column| Name::quoted(column)).collect(),
        }
    });
    let aggregates = ["sum", "count", "avg", "min", "max", "approx_count_distinct", "listagg"];
    let aggregates = aggregates.into_iter().map(str::to_owned).collect();
    Model::new(create, bases.collect(), Arc::new(aggregates))
}

pub(crate) const SHOP: &str = "
    TABLES (customer AS customers PRIMARY KEY (c_id),
            orders AS orders PRIMARY KEY (o_id),
            items AS items PRIMARY KEY (i_id))
    RELATIONSHIPS (orders_customer AS orders (o_cust) REFERENCES customer,
                   items_orders AS items (i_order) REFERENCES orders (o_id))
    FACTS (PRIVATE orders.doubled AS amount * 2, customer.spent AS SUM(orders.amount))
    DIMENSIONS (customer.region AS c_region, orders.day AS day, items.item AS i_id)
    METRICS (customer.cnt AS COUNT(c_id),
             orders.total AS SUM(amount),
             PRIVATE orders.secret AS SUM(doubled),
             items.n AS COUNT(*),
             customer.avg_spend AS AVG(SUM(orders.amount)),
             rev_per_customer AS orders.total / customer.cnt,
             orders.share AS SUM(orders.total) OVER (PARTITION BY EXCLUDING customer.region))";

fn sql(model: &Model, asked: &str) -> Result<String> {
    let asked = SemanticQuery::parse(&format!("SEMANTIC_VIEW(v {asked})"))?;
    model.query(&asked).map(|query| query.to_string())
}

#[test]
fn metrics_of_several_tables_are_aggregated_before_they_are_joined() {
    let shop = model(SHOP).unwrap();
    assert_eq!(
        sql(&shop, "DIMENSIONS customer.region METRICS customer.cnt, total AS t").unwrap(),
        "WITH CUSTOMER AS (SELECT CUSTOMER.C_REGION AS REGION, COUNT(CUSTOMER.C_ID) AS \
         \"CUSTOMER.CNT\" FROM D.S.CUSTOMERS AS CUSTOMER GROUP BY 1), \
         ORDERS AS (SELECT CUSTOMER.C_REGION AS REGION, SUM(ORDERS.AMOUNT) AS \"ORDERS.TOTAL\" \
         FROM D.S.ORDERS AS ORDERS LEFT OUTER JOIN D.S.CUSTOMERS AS CUSTOMER ON ORDERS.O_CUST = \
         CUSTOMER.C_ID GROUP BY 1) \
         SELECT COALESCE(CUSTOMER.REGION, ORDERS.REGION) AS REGION, \
         COALESCE(CUSTOMER.\"CUSTOMER.CNT\", 0) AS CNT, ORDERS.\"ORDERS.TOTAL\" AS T \
         FROM CUSTOMER FULL JOIN ORDERS ON CUSTOMER.REGION IS NOT DISTINCT FROM \
         ORDERS.REGION"
    );
}

#[test]
fn a_nested_aggregate_is_first_of_each_row() {
    let shop = model(SHOP).unwrap();
    assert_eq!(
        sql(&shop, "METRICS avg_spend").unwrap(),
        "WITH CUSTOMER AS (SELECT AVG(\"ORDERS PER CUSTOMER\".A1) AS \"CUSTOMER.AVG_SPEND\" FROM \
         D.S.CUSTOMERS AS CUSTOMER LEFT OUTER JOIN (SELECT ORDERS.O_CUST AS K1, \
         SUM(ORDERS.AMOUNT) AS A1 FROM D.S.ORDERS AS ORDERS GROUP BY 1) AS \"ORDERS PER \
         CUSTOMER\" ON \"ORDERS PER CUSTOMER\".K1 = CUSTOMER.C_ID) SELECT \
         CUSTOMER.\"CUSTOMER.AVG_SPEND\" AS AVG_SPEND FROM CUSTOMER"
    );
}

#[test]
fn only_rows_of_the_last_value_count_of_what_is_not_additive() {
    let held = model(
        "TABLES (b AS balances) DIMENSIONS (b.day AS day) \
         METRICS (b.bal NON ADDITIVE BY (day) AS SUM(b))",
    )
    .unwrap();
    assert_eq!(
        sql(&held, "METRICS bal").unwrap(),
        "WITH B AS (SELECT SUM(A0) AS \"B.BAL\" FROM (SELECT B.B AS A0, RANK() OVER (ORDER BY \
         B.DAY DESC NULLS FIRST) AS RANK FROM D.S.BALANCES AS B) AS \"ROWS OF THE LAST\" WHERE \
         RANK = 1) SELECT B.\"B.BAL\" AS BAL FROM B"
    );
    assert!(!sql(&held, "METRICS bal DIMENSIONS day").unwrap().contains("RANK"));
}

#[test]
fn what_a_query_may_not_ask_is_an_error() {
    let shop = model(SHOP).unwrap();
    for (asked, expected) in [
        ("METRICS cnt DIMENSIONS orders.day", "dimension entity 'ORDERS' must be related to and\n"),
        ("METRICS cnt WHERE orders.day = 1", "010234"),
        ("METRICS total FACTS spent", "exclude each other"),
        ("METRICS secret", "private"),
        ("FACTS doubled", "private"),
        ("METRICS region", "is a dimension and cannot stand in METRICS"),
        ("DIMENSIONS total", "is a metric and cannot stand in DIMENSIONS"),
        ("METRICS total WHERE total > 1", "cannot stand in WHERE"),
        ("METRICS total WHERE SUM(spent) > 1", "cannot stand in WHERE"),
        ("METRICS missing", "000904"),
        ("METRICS amount", "000904"),
        ("METRICS SUM(orders.amount)", "000904"),
        ("METRICS COUNT(*)", "an aggregate of nothing"),
        ("METRICS total, n AS total", "Ambiguous column name 'TOTAL'"),
        ("METRICS share", "010260"),
        ("METRICS total / spent", "outside of an aggregate"),
        ("METRICS 1 + 1", "without a metric"),
        ("FACTS spent DIMENSIONS orders.day", "of one logical table"),
        ("METRICS total DIMENSIONS (SELECT 1)", "a query inside"),
        ("DIMENSIONS customer.region, missing.x", "000904"),
    ] {
        let error = sql(&shop, asked).expect_err(asked);
        assert!(error.to_string().contains(expected), "{asked}: {error}");
    }
}

fn refused(text: &str) -> Error {
    model(text).map(|_| ()).expect_err(text)
}

#[test]
fn what_a_definition_may_not_say_is_an_error() {
    let tables = "TABLES (c AS customers PRIMARY KEY (c_id), o AS orders PRIMARY KEY (o_id)) ";
    let related = format!("{tables} RELATIONSHIPS (o (o_cust) REFERENCES c) ");
    let twice = format!(
        "{tables} RELATIONSHIPS (buyer AS o (o_cust) REFERENCES c, payer AS o (o_bill) \
         REFERENCES c) "
    );
    let with = |start: &str, rest: &str| format!("{start} {rest}");
    for (text, expected) in [
        (with(tables, "FACTS (c.x AS c_id)"), "at least one dimension or metric"),
        (with(tables, "METRICS (customers.n AS COUNT(*))"), "000904"),
        (with(tables, "METRICS (c.n AS COUNT(missing))"), "000904"),
        (with(tables, "METRICS (c.n AS c_id)"), "outside of an aggregate"),
        (with(tables, "METRICS (c.n AS 1)"), "has no aggregate"),
        (with(tables, "METRICS (n AS COUNT(c.c_id))"), "no aggregate of its own"),
        (with(tables, "METRICS (c.n AS COUNT(*), c.n AS SUM(c_id))"), "defined twice"),
        (with(tables, "DIMENSIONS (d AS 1)"), "has no table"),
        (with(tables, "DIMENSIONS (c.a AS b, c.b AS a)"), "cycle: C.A -> C.B -> C.A"),
        (with(tables, "DIMENSIONS (c.a AS a)"), "cycle"),
        (with(tables, "METRICS (c.m AS n + 1, c.n AS m + 1)"), "cycle"),
        (with(tables, "DIMENSIONS (c.a AS SUM(c_id))"), "not of a higher granularity"),
        (with(tables, "DIMENSIONS (c.a AS (SELECT 1))"), "a query inside"),
        (with(tables, "DIMENSIONS (c.a AS o.day)"), "010234"),
        (with(&related, "DIMENSIONS (c.a AS o.day)"), "010234"),
        (with(&related, "METRICS (c.m AS AVG(o.amount))"), "010234"),
        (with(&related, "METRICS (c.m AS o.n, o.n AS COUNT(*))"), "higher granularity"),
        (with(&related, "METRICS (o.n AS COUNT(*)) DIMENSIONS (c.x AS 1)"), "syntax error"),
        (with(&related, "FACTS (o.f AS n) METRICS (o.n AS COUNT(*))"), "higher granularity"),
        (with(&twice, "METRICS (o.n AS COUNT(c.c_region))"), "more than one path"),
        (with(&twice, "METRICS (o.n USING (nobody) AS COUNT(c.c_region))"), "000904"),
        (with(&twice, "METRICS (c.n USING (buyer) AS COUNT(c_id))"), "does not come by"),
        (with(&related, "METRICS (o.n NON ADDITIVE BY (o_id) AS SUM(o_id))"), "takes a dimension"),
        (
            with(&related, "METRICS (o.n AS SUM(o_id), o.w AS SUM(n) OVER (), o.x AS w + 1)"),
            "window metric is used",
        ),
        (
            with(&related, "METRICS (o.n AS SUM(o_id), d USING (r) AS n + 1)"),
            "belong to a metric of a table",
        ),
        (with("TABLES (c AS customers, c AS orders)", "METRICS (c.n AS COUNT(*))"), "duplicate"),
        (
            with(
                tables,
                "RELATIONSHIPS (o (o_cust) REFERENCES c (c_region)) METRICS (c.n AS COUNT(*))",
            ),
            "no key",
        ),
        (
            with(tables, "RELATIONSHIPS (o (o_cust, day) REFERENCES c) METRICS (c.n AS COUNT(*))"),
            "another number of columns",
        ),
        (
            with(tables, "RELATIONSHIPS (c (c_boss) REFERENCES c) METRICS (c.n AS COUNT(*))"),
            "itself",
        ),
        (
            with(
                tables,
                "RELATIONSHIPS (o (o_cust) REFERENCES c, c (c_boss) REFERENCES o) \
                 METRICS (c.n AS COUNT(*))",
            ),
            "tables refer to each other in a cycle",
        ),
        (
            with(
                "TABLES (c AS customers, o AS orders)",
                "RELATIONSHIPS (o (o_cust) REFERENCES c) METRICS (c.n AS COUNT(*))",
            ),
            "without a primary key",
        ),
        (
            with("TABLES (c AS customers PRIMARY KEY (nothing))", "METRICS (c.n AS COUNT(*))"),
            "000904",
        ),
    ] {
        let error = refused(&text);
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
}

#[test]
fn definitions_may_come_later_and_hide_columns() {
    let shop = model(
        "TABLES (o AS orders) FACTS (o.amount AS amount * later, o.later AS 2) \
         METRICS (o.t AS SUM(amount))",
    )
    .unwrap();
    let text = sql(&shop, "METRICS t").unwrap();
    assert!(text.contains("SUM((O.AMOUNT * 2))"), "{text}");
}

#[test]
fn using_chooses_between_relationships() {
    let shop = model(
        "TABLES (c AS customers PRIMARY KEY (c_id), o AS orders) \
         RELATIONSHIPS (buyer AS o (o_cust) REFERENCES c, payer AS o (o_bill) REFERENCES c) \
         DIMENSIONS (c.region AS c_region) \
         METRICS (o.bought USING (buyer) AS SUM(amount), o.paid USING (payer) AS SUM(amount), \
                  o.n AS COUNT(*))",
    )
    .unwrap();
    let text = sql(&shop, "METRICS bought, paid DIMENSIONS region").unwrap();
    assert!(
        text.contains("ON O.O_CUST = C.C_ID") && text.contains("ON O.O_BILL = C.C_ID"),
        "{text}"
    );
    let error = sql(&shop, "METRICS n DIMENSIONS region").unwrap_err();
    assert!(error.to_string().contains("more than one path"), "{error}");
}

#[test]
fn a_row_finds_the_latest_that_is_not_after_it_or_its_range() {
    let priced = model(
        "TABLES (o AS orders, p AS prices UNIQUE (p_id, since)) \
         RELATIONSHIPS (o (o_id, ordered) REFERENCES p (p_id, ASOF since)) \
         METRICS (o.worth AS SUM(o.amount * p.price))",
    )
    .unwrap();
    let text = sql(&priced, "METRICS worth").unwrap();
    assert!(
        text.contains("LEAD(P.SINCE) OVER (PARTITION BY P.P_ID ORDER BY P.SINCE ASC"),
        "{text}"
    );
    let ranged = model(
        "TABLES (o AS orders, p AS prices CONSTRAINT r DISTINCT RANGE BETWEEN since AND until \
         EXCLUSIVE) RELATIONSHIPS (o (ordered) REFERENCES p (BETWEEN since AND until EXCLUSIVE)) \
         METRICS (o.worth AS SUM(o.amount * p.price))",
    )
    .unwrap();
    let text = sql(&ranged, "METRICS worth").unwrap();
    assert!(text.contains("ON O.ORDERED >= P.SINCE AND O.ORDERED < P.UNTIL"), "{text}");
}

#[test]
fn what_grows_without_end_is_refused() {
    let mut metrics = vec!["o.m0 AS SUM(amount)".to_owned()];
    for number in 1..40 {
        metrics.push(format!("o.m{number} AS m{0} + m{0}", number - 1));
    }
    let error = refused(&format!("TABLES (o AS orders) METRICS ({})", metrics.join(", ")));
    assert!(error.to_string().contains("000603"), "{error}");
    let mut metrics = vec!["o.m0 AS SUM(amount)".to_owned()];
    for number in 1..200 {
        metrics.push(format!("o.m{number} AS m{} + 1", number - 1));
    }
    let error = refused(&format!("TABLES (o AS orders) METRICS ({})", metrics.join(", ")));
    assert!(error.to_string().contains("000603"), "{error}");
}

#[test]
fn a_thousand_metrics_are_few_queries() {
    let metrics: Vec<String> =
        (0..1000).map(|number| format!("o.m{number} AS SUM(amount + {number})")).collect();
    let many = model(&format!("TABLES (o AS orders) METRICS ({})", metrics.join(", "))).unwrap();
    assert_eq!(many.typed().unwrap().len(), 5);
    assert!(sql(&many, "METRICS o.*").unwrap().matches("SUM(").count() == 1000);
}

#[test]
fn a_select_from_a_view_is_a_query_of_it() {
    let text = "SELECT v.region AS r, AGG(orders.total) * 2, COUNT(DISTINCT orders.day) FROM v \
                WHERE day > 1 GROUP BY r HAVING AGG(total) > 3 ORDER BY AGG(orders.total) DESC";
    let mut query = icecore_sql::parse_query(text).unwrap();
    let aggregates = ["count".to_owned()].into();
    crate::rewrite(&mut query, &mut |name| name.to_string() == "V", &aggregates).unwrap();
    assert_eq!(
        query.to_string(),
        "SELECT D1 AS R, M1 * 2 AS \"AGG(ORDERS.TOTAL) * 2\", M2 AS \"COUNT(DISTINCT ORDERS.DAY)\" \
         FROM (SELECT `DIMENSIONS`, REGION AS \"D1\", `METRICS`, ORDERS.TOTAL AS \"M1\", \
         COUNT(DISTINCT ORDERS.DAY) AS \"M2\", TOTAL AS \"M3\" FROM V WHERE DAY > 1) AS V \
         WHERE M3 > 3 ORDER BY M1 DESC"
    );
    for (text, expected) in [
        ("SELECT * FROM v", "* cannot be selected"),
        ("SELECT region FROM v", "neither grouped"),
        ("SELECT day, AGG(total) FROM v GROUP BY region", "neither grouped"),
        ("SELECT AGG(total + 1) FROM v", "the name of a metric"),
        ("SELECT AGG(total) FROM v QUALIFY 1 = 1", "QUALIFY"),
        ("SELECT 1 FROM v", "neither groups nor aggregates"),
    ] {
        let mut query = icecore_sql::parse_query(text).unwrap();
        let error = crate::rewrite(&mut query, &mut |_| true, &aggregates).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    for text in [
        "WITH v AS (SELECT 1 AS a) SELECT a FROM v",
        "SELECT a FROM v JOIN u ON true",
        "SELECT * FROM SEMANTIC_VIEW(v METRICS m)",
    ] {
        let mut query = icecore_sql::parse_query(text).unwrap();
        let before = query.clone();
        crate::rewrite(&mut query, &mut |name| name.to_string() == "V", &aggregates).unwrap();
        assert_eq!(query, before, "{text}");
    }
}
