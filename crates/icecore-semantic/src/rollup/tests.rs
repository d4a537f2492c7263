use icecore_sql::SemanticQuery;
use icecore_types::QualifiedName;

use crate::tests::{SHOP, model};
use crate::{Lacks, RollUp};

fn names(all: &[&str]) -> Vec<QualifiedName> {
    all.iter().map(|name| QualifiedName::parse(name).unwrap()).collect()
}

fn rolled(metrics: &[&str], dimensions: &[&str]) -> icecore_types::Result<RollUp> {
    model(SHOP).unwrap().roll_up(&names(metrics), &names(dimensions))
}

fn answer(rollup: &RollUp, asked: &str) -> Result<String, Lacks> {
    let asked = SemanticQuery::parse(&format!("SEMANTIC_VIEW(v {asked})")).unwrap();
    let kept = QualifiedName::parse("d.s.kept").unwrap();
    let found = model(SHOP).unwrap().answer(&asked, rollup, &kept);
    found.unwrap().map(|query| query.to_string())
}

#[test]
fn states_are_kept_and_added_up() {
    let rollup = rolled(&["rev_per_customer", "n"], &["region"]).unwrap();
    let text = rollup.query().to_string();
    assert!(
        text.ends_with(
            "SELECT COALESCE(ORDERS.REGION, CUSTOMER.REGION, ITEMS.REGION) AS REGION, \
         ORDERS.\"ORDERS.TOTAL\" AS S1, COALESCE(CUSTOMER.\"CUSTOMER.CNT\", 0) AS S2, \
         COALESCE(ITEMS.\"ITEMS.N\", 0) AS S3, COALESCE(ORDERS.\"ORDERS.TOTAL 2\", 0) AS S4, \
         COALESCE(CUSTOMER.\"CUSTOMER.CNT 2\", 0) AS S5, COALESCE(ITEMS.\"ITEMS.N 2\", 0) AS S6 \
         FROM ORDERS FULL JOIN CUSTOMER ON ORDERS.REGION IS NOT DISTINCT FROM CUSTOMER.REGION \
         FULL JOIN ITEMS ON COALESCE(ORDERS.REGION, CUSTOMER.REGION) IS NOT DISTINCT FROM \
         ITEMS.REGION"
        ),
        "{text}"
    );
    assert_eq!(
        answer(&rollup, "METRICS total, cnt DIMENSIONS UPPER(region) AS r WHERE region > 'A'")
            .unwrap(),
        "WITH \"ADDED UP\" AS (SELECT UPPER(KEPT.REGION) AS R, SUM(KEPT.S1) AS S1, SUM(KEPT.S4) AS \
         S4, SUM(KEPT.S2) AS S2, SUM(KEPT.S5) AS S5 FROM D.S.KEPT AS KEPT WHERE KEPT.REGION > 'A' \
         GROUP BY 1) SELECT \"ADDED UP\".S1 AS TOTAL, CAST(COALESCE(\"ADDED UP\".S2, 0) AS INT) AS CNT, \
         \"ADDED UP\".R AS R FROM \"ADDED UP\" WHERE \"ADDED UP\".S4 > 0 OR \"ADDED UP\".S5 > 0"
    );
    // Without dimensions there is always one row.
    assert!(!answer(&rollup, "METRICS n").unwrap().contains("> 0"));
}

#[test]
fn what_is_not_kept_is_not_answered() {
    let rollup = rolled(&["total"], &["region"]).unwrap();
    let metric = |name: &str| Lacks::Metric(name.to_owned());
    let dimension = |name: &str| Lacks::Dimension(name.to_owned());
    for (asked, expected) in [
        ("METRICS cnt", metric("CUSTOMER.CNT")),
        ("METRICS total, n", metric("ITEMS.N")),
        ("METRICS total DIMENSIONS orders.day", dimension("ORDERS.DAY")),
        ("METRICS total WHERE orders.day = 1", dimension("ORDERS.DAY")),
        ("METRICS total WHERE spent > 1", dimension("CUSTOMER.SPENT")),
        ("METRICS SUM(customer.spent)", metric("SUM(CUSTOMER.SPENT)")),
        ("METRICS LISTAGG(customer.spent)", Lacks::Additive("LISTAGG(CUSTOMER.SPENT)".into())),
        ("DIMENSIONS region", Lacks::Metrics),
        ("FACTS spent", Lacks::Metrics),
    ] {
        assert_eq!(answer(&rollup, asked), Err(expected), "{asked}");
    }
}

#[test]
fn what_does_not_add_up_is_refused() {
    for (metrics, dimensions, expected) in [
        (&["share"] as &[&str], &["region"] as &[&str], "window metric"),
        (&["cnt"], &["orders.day"], "010234"),
        (&["region"], &["region"], "000904"),
        (&["total"], &["total"], "000904"),
        (&["total"], &["nothing"], "000904"),
        (&["secret"], &["region"], "private"),
    ] {
        let error = rolled(metrics, dimensions).unwrap_err();
        assert!(error.to_string().contains(expected), "{metrics:?}: {error}");
    }
    let distinct = model("TABLES (o AS orders) METRICS (o.n AS COUNT(DISTINCT day))").unwrap();
    let error = distinct.roll_up(&names(&["n"]), &[]).unwrap_err();
    assert!(error.to_string().contains("does not add up"), "{error}");
}

#[test]
fn averages_and_sketches_are_made_of_states() {
    let made = model(
        "TABLES (o AS orders) DIMENSIONS (o.day AS day) \
         METRICS (o.mean AS AVG(amount), o.who AS APPROX_COUNT_DISTINCT(o_cust))",
    )
    .unwrap();
    let rollup = made.roll_up(&names(&["mean", "who"]), &names(&["day"])).unwrap();
    let text = rollup.query().to_string();
    for part in ["SUM(O.AMOUNT)", "COUNT(O.AMOUNT)", "HLL_ACCUMULATE(O.O_CUST)", "COUNT(*)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let asked = SemanticQuery::parse("SEMANTIC_VIEW(v METRICS mean, who)").unwrap();
    let kept = QualifiedName::parse("d.s.kept").unwrap();
    let text = made.answer(&asked, &rollup, &kept).unwrap().unwrap().to_string();
    assert!(
        text.contains("(\"ADDED UP\".S1 / NULLIF(CAST(\"ADDED UP\".S2 AS INT), 0)) AS MEAN"),
        "{text}"
    );
    assert!(text.contains("HLL_ESTIMATE(\"ADDED UP\".S3)"), "{text}");
    assert!(text.contains("HLL_COMBINE(KEPT.S3)"), "{text}");
}
