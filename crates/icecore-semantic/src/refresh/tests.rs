use icecore_sql::parse_query;

use super::*;

/// Tables T(A, B, F) and U(A, C); V is a view; F is a FLOAT.
struct Catalog;

impl Sources for Catalog {
    fn columns(&self, name: &ObjectName) -> Result<Vec<Name>, String> {
        let names: &[&str] = match name.to_string().as_str() {
            "T" => &["A", "B", "F"],
            "U" => &["A", "C"],
            other => return Err(format!("{other} is a view")),
        };
        Ok(names.iter().map(|name| Name::quoted(name)).collect())
    }

    fn type_of(&self, expression: &Expr, _select: &Select) -> Option<SqlType> {
        match expression.to_string().trim_matches('"') {
            "F" => Some(SqlType::Float),
            _ => Some(SqlType::Integer),
        }
    }

    fn aggregates(&self, function: &str) -> bool {
        ["SUM", "COUNT", "AVG", "MIN", "MAX", "MEDIAN", "HLL"].contains(&function)
    }
}

/// Of the columns of the dynamic table.
fn names() -> Vec<Name> {
    ["ONE", "TWO", "THREE"].map(Name::quoted).to_vec()
}

fn decide(text: &str) -> Result<RefreshPlan, Reason> {
    RefreshPlan::decide(&parse_query(text).unwrap(), &names(), &Catalog).unwrap()
}

#[test]
fn what_cannot_be_refreshed_from_changes_says_why() {
    for (text, reason) in [
        ("SELECT DISTINCT a FROM t", "the query has DISTINCT"),
        ("SELECT a FROM t LIMIT 1", "the query has LIMIT"),
        ("SELECT a FROM v", "V is a view"),
        (
            "SELECT t.a FROM t LEFT JOIN u ON t.a = u.a",
            "the query has a join that is not an inner one",
        ),
        ("SELECT t.a FROM t JOIN u USING (a)", "the query has a join with USING or NATURAL"),
        ("SELECT SUM(t.b) FROM t JOIN u ON t.a = u.a", "the query aggregates a join"),
        ("SELECT MEDIAN(b) FROM t", "the query has the aggregate MEDIAN"),
        ("SELECT f, COUNT(*) FROM t GROUP BY f", "the query groups by \"F\", a FLOAT"),
        ("SELECT a FROM t WHERE a IN (SELECT a FROM u)", "the query has a subquery"),
        ("SELECT a, RANK() OVER (ORDER BY a) FROM t", "the query has a window function"),
        ("SELECT a FROM t UNION SELECT a FROM u", "the query has UNION"),
        ("WITH c AS (SELECT * FROM t) SELECT * FROM c", "the query has a common table expression"),
        (
            "SELECT a, b, COUNT(*) FROM t GROUP BY a",
            "the query selects \"B\", which is no key of its groups",
        ),
    ] {
        assert_eq!(decide(text).unwrap_err(), reason, "{text}");
    }
}

#[test]
fn a_join_meets_each_pair_once() {
    let plan = decide("SELECT x.*, c FROM t AS x JOIN u ON x.a = u.a WHERE b > 0").unwrap();
    assert_eq!((plan.tables().len(), plan.hidden()), (2, 2));
    let came = Changed { inserted: true, deleted: false };
    let delta = plan.delta(&[came, came]).unwrap();
    let rows = delta.rows.unwrap().to_string();
    assert!(rows.contains("FROM \"$INSERTED0\" AS X JOIN \"$NEW1\" AS U"), "{rows}");
    assert!(rows.contains("FROM \"$KEPT0\" AS X JOIN \"$INSERTED1\" AS U"), "{rows}");
    assert!(delta.gone.is_none());
    let went = Changed { inserted: false, deleted: true };
    let delta = plan.delta(&[Changed::default(), went]).unwrap();
    assert!(delta.rows.is_none());
    let gone = delta.gone.unwrap().to_string();
    assert!(gone.contains("\"$ROW1\" IN (SELECT \"\0ROW_ID\" FROM \"$DELETED1\")"), "{gone}");
}

#[test]
fn groups_are_merged_while_their_states_can_be() {
    let came = [Changed { inserted: true, deleted: false }];
    let both = [Changed { inserted: true, deleted: true }];
    let rows = |text: &str, changed: &[Changed]| {
        decide(text).unwrap().delta(changed).unwrap().rows.unwrap().to_string()
    };
    for merged in [
        rows("SELECT a, SUM(b) + 1 AS s, COUNT(*) FROM t GROUP BY 1", &both),
        rows("SELECT AVG(b) FROM t", &both),
        rows("SELECT t.a + 1 AS k, MIN(f), HLL(b) FROM t GROUP BY k", &came),
    ] {
        assert!(merged.contains("\0TARGET") && !merged.contains("$NEW0"), "{merged}");
    }
    for recomputed in [
        rows("SELECT t.a + 1 AS k, MIN(f) FROM t GROUP BY k", &both),
        rows("SELECT a, SUM(f) FROM t GROUP BY ALL", &came),
        rows("SELECT a, COUNT(DISTINCT b) FROM t GROUP BY a", &came),
        rows("SELECT a, COUNT(*) FROM t GROUP BY a HAVING COUNT(*) > 1", &came),
    ] {
        assert!(recomputed.contains("$NEW0") && !recomputed.contains("\0TARGET"), "{recomputed}");
    }
}

#[test]
fn what_the_query_selects_is_not_kept_twice() {
    let plan = decide("SELECT a, COUNT(*), MAX(b) FROM t GROUP BY a").unwrap();
    assert_eq!(plan.hidden(), 0);
    let delta = plan.delta(&[Changed { inserted: true, deleted: false }]).unwrap();
    let rows = delta.rows.unwrap().to_string();
    assert!(rows.contains("\"ONE\" AS \"$KEY0\", \"TWO\" AS \"$COUNT\""), "{rows}");
    let gone = delta.gone.unwrap().to_string();
    assert!(gone.contains("\"\0TARGET\".\"ONE\" IS NOT DISTINCT FROM"), "{gone}");
    let of_some = decide("SELECT a + 1, SUM(b), COUNT(b) FROM t GROUP BY a").unwrap();
    // The key, the number of rows, and the sum where there is nothing to add.
    assert_eq!(of_some.hidden(), 3);
}
