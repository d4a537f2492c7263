//! Lineage from raw files to metrics: through a load, a pipe, a dynamic table
//! and a semantic view, as edges and as a picture.

use icecore::{LineagePoint, Session};

use crate::engine;

const SCRIPT: &str = "CREATE STAGE raw_orders URL = 'memory://orders/'; \
    CREATE STAGE raw_regions URL = 'memory://regions/'; \
    CREATE TABLE made (id INT, region VARCHAR, quantity INT, price NUMBER(9,2)); \
    INSERT INTO made VALUES (1, 'n', 2, 1.50), (2, 's', 1, 9.99); \
    COPY INTO @raw_orders/2013-01.csv FROM made SINGLE = TRUE FILE_FORMAT = (COMPRESSION = NONE); \
    COPY INTO @raw_orders/2013-02.csv FROM made SINGLE = TRUE FILE_FORMAT = (COMPRESSION = NONE); \
    COPY INTO @raw_regions/regions.csv FROM (SELECT 'n', 'north <&> all that is beyond it') \
        SINGLE = TRUE FILE_FORMAT = (COMPRESSION = NONE FIELD_OPTIONALLY_ENCLOSED_BY = '\"'); \
    DROP TABLE made; \
    CREATE TABLE orders (id INT, region VARCHAR, quantity INT, price NUMBER(9,2)); \
    CREATE TABLE regions (code VARCHAR, name VARCHAR); \
    COPY INTO orders FROM @raw_orders; \
    COPY INTO regions FROM @raw_regions FILE_FORMAT = (FIELD_OPTIONALLY_ENCLOSED_BY = '\"'); \
    CREATE VIEW priced AS SELECT o.id, r.name AS region_name, o.quantity * o.price AS amount \
        FROM orders o JOIN regions r ON o.region = r.code; \
    CREATE DYNAMIC TABLE daily_revenue_of_every_region TARGET_LAG = '1 hour' WAREHOUSE = compute_wh AS \
        SELECT region_name, SUM(amount) AS revenue, COUNT(*) AS orders FROM priced GROUP BY region_name; \
    CREATE SEMANTIC VIEW sales TABLES (d AS daily_revenue_of_every_region) \
        DIMENSIONS (d.region AS d.region_name) \
        METRICS (d.total_revenue AS SUM(d.revenue), d.average_order AS SUM(d.revenue) / SUM(d.orders))";

async fn session() -> Session {
    let session = engine().await.session().await.unwrap();
    session.execute(SCRIPT).await.unwrap();
    session
}

fn short(point: &LineagePoint) -> String {
    point.to_string().replace("ICECORE.PUBLIC.", "")
}

#[tokio::test]
async fn a_metric_is_followed_to_the_fields_of_its_files() {
    let session = session().await;
    let lineage = session.lineage("sales").column("average_order").await.unwrap();
    let mut edges: Vec<String> = lineage
        .edges()
        .iter()
        .map(|it| format!("{} {} {}", it.distance, short(&it.source), short(&it.target)))
        .collect();
    edges.sort();
    assert_eq!(
        edges,
        [
            "-1 DAILY_REVENUE_OF_EVERY_REGION.ORDERS SALES.AVERAGE_ORDER",
            "-1 DAILY_REVENUE_OF_EVERY_REGION.REVENUE SALES.AVERAGE_ORDER",
            "-2 PRICED.AMOUNT DAILY_REVENUE_OF_EVERY_REGION.REVENUE",
            "-3 ORDERS.PRICE PRICED.AMOUNT",
            "-3 ORDERS.QUANTITY PRICED.AMOUNT",
            "-4 RAW_ORDERS.\"$3\" ORDERS.QUANTITY",
            "-4 RAW_ORDERS.\"$4\" ORDERS.PRICE",
        ]
    );
    let load = lineage.edges().iter().find(|edge| edge.source.kind == "STAGE").unwrap();
    assert_eq!(load.files, ["2013-01.csv", "2013-02.csv"]);
    assert!(load.process.is_some());
}

#[tokio::test]
async fn a_picture_names_everything_on_the_way() {
    let session = session().await;
    let objects = session.lineage("priced").await.unwrap();
    let svg = objects.to_svg();
    for name in ["RAW_ORDERS", "2013-02.csv", "REGIONS", "PRICED", "SALES", "semantic view"] {
        assert!(svg.contains(&format!(">{name}")), "{name}: {svg}");
    }
    assert_eq!(svg.matches("class=\"way\"").count(), objects.edges().len());
    let columns = session.lineage("sales").columns().await.unwrap();
    let page = columns.to_html("Where <sales> come from");
    assert!(page.contains("<h1>Where &lt;sales&gt; come from</h1>") && page.contains("<svg"));
    assert!(page.contains(">TOTAL_REVENUE<") && page.contains(">$3<"));
    if let Ok(folder) = std::env::var("ICECORE_PICTURES") {
        std::fs::write(format!("{folder}/columns.html"), page).unwrap();
        std::fs::write(format!("{folder}/objects.html"), objects.to_html("Objects")).unwrap();
    }
}

#[tokio::test]
async fn rows_of_a_pipe_come_from_its_stage() {
    let engine = engine().await;
    let session = engine.session().await.unwrap();
    session.execute(SCRIPT).await.unwrap();
    session
        .execute(
            "CREATE TABLE piped (id INT, region VARCHAR, quantity INT, price NUMBER(9,2)); \
             CREATE PIPE p AS COPY INTO piped FROM @raw_orders; ALTER PIPE p REFRESH",
        )
        .await
        .unwrap();
    engine.run_due().await.unwrap();
    let lineage = session.lineage("piped").await.unwrap();
    let [edge] = lineage.edges() else { panic!("{lineage:?}") };
    assert_eq!(short(&edge.source), "RAW_ORDERS");
    assert_eq!(edge.files.len(), 2);
}
