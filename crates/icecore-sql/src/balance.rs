//! Long chains made shallow: `a AND b AND c AND d` is read as
//! `((a AND b) AND c) AND d`, and every walk over thousands of them would need
//! a stack of that depth. AND, OR and UNION mean the same however they are put
//! in parentheses.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Query, SetExpr, SetOperator, SetQuantifier, Value, Values, VisitMut,
    VisitorMut,
};

/// Chains up to this length stay as they were read.
const SHORT: usize = 8;

/// Makes the chains in a part of a tree shallow.
pub(crate) fn balance(part: &mut impl VisitMut) {
    let ControlFlow::Continue(()) = part.visit(&mut Balance::default());
}

/// Compares the places of the queries of recursive common table expressions:
/// the last UNION of such a one parts what it begins with from what goes on.
#[derive(Default)]
struct Balance {
    recursive: Vec<*const Query>,
}

impl VisitorMut for Balance {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let place = std::ptr::from_ref(&*query);
        match &mut *query.body {
            SetExpr::SetOperation { left, right, .. } if self.recursive.contains(&place) => {
                queries(left);
                queries(right);
            }
            body => queries(body),
        }
        if let Some(with) = query.with.as_ref().filter(|with| with.recursive) {
            let places = with.cte_tables.iter().map(|cte| std::ptr::from_ref(&*cte.query));
            self.recursive.extend(places);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        conditions(expression);
        ControlFlow::Continue(())
    }
}

fn conditions(expression: &mut Expr) {
    let op = match expression {
        Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => op.clone(),
        _ => return,
    };
    let mut node = std::mem::replace(expression, Expr::Value(Value::Null.into()));
    let mut parts = Vec::new();
    let first = loop {
        match node {
            Expr::BinaryOp { left, op: found, right } if found == op => {
                parts.push(*right);
                node = *left;
            }
            other => break other,
        }
    };
    let join = |left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: op.clone(),
        right: Box::new(right),
    };
    parts.reverse();
    *expression = joined(first, parts, join);
}

fn queries(body: &mut SetExpr) {
    let SetExpr::SetOperation { op, set_quantifier, .. } = body else { return };
    let (op, quantifier) = (*op, *set_quantifier);
    let by_name = !matches!(quantifier, SetQuantifier::All | SetQuantifier::None);
    let empty = Values { explicit_row: false, value_keyword: false, rows: Vec::new() };
    let mut node = std::mem::replace(body, SetExpr::Values(empty));
    let mut parts = Vec::new();
    let first = loop {
        match node {
            SetExpr::SetOperation { left, op: o, set_quantifier: q, mut right }
                if o == op && q == quantifier =>
            {
                queries(&mut right);
                parts.push(*right);
                node = *left;
            }
            mut other => {
                queries(&mut other);
                break other;
            }
        }
    };
    let join = |left, right| SetExpr::SetOperation {
        left: Box::new(left),
        op,
        set_quantifier: quantifier,
        right: Box::new(right),
    };
    parts.reverse();
    *body = if op == SetOperator::Union && !by_name {
        joined(first, parts, join)
    } else {
        parts.into_iter().fold(first, join)
    };
}

/// `first` and `rest` in their order: a chain if it is short, else a tree
/// whose depth is the logarithm of their number.
fn joined<T>(first: T, rest: Vec<T>, join: impl Fn(T, T) -> T) -> T {
    if rest.len() < SHORT {
        return rest.into_iter().fold(first, join);
    }
    let (mut first, mut rest) = (first, rest.into_iter());
    while rest.len() > 0 {
        let mut pairs = Vec::with_capacity(rest.len() / 2 + 1);
        if let Some(second) = rest.next() {
            first = join(first, second);
        }
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        rest = pairs.into_iter();
    }
    first
}

#[cfg(test)]
mod tests {
    use crate::parse_query;

    fn depth(text: &str) -> usize {
        let debug = format!("{:#?}", parse_query(text).unwrap());
        debug.lines().map(|line| line.len() - line.trim_start().len()).max().unwrap_or(0) / 4
    }

    #[test]
    fn long_runs_are_shallow_and_in_their_order() {
        for (start, part, sign) in [
            ("SELECT 1 WHERE ", "A = 1", " AND "),
            ("SELECT 1 WHERE ", "A = 1", " OR "),
            ("", "SELECT A", " UNION ALL "),
            ("", "SELECT A", " UNION "),
        ] {
            for count in [1, 2, 3, 8, 9, 10, 17, 100, 999] {
                let parts: Vec<String> =
                    (0..count).map(|n| part.replace('A', &format!("A{n}"))).collect();
                let text = format!("{start}{}", parts.join(sign));
                let read = parse_query(&text).unwrap().to_string().replace(" AS \"1\"", "");
                assert_eq!(read, text);
                assert!(depth(&text) < 80, "{sign} {count}: {}", depth(&text));
            }
        }
    }

    #[test]
    fn the_last_union_of_a_recursion_stays_the_last() {
        let parts: Vec<String> = (0..20).map(|n| format!("SELECT {n}")).collect();
        let text = format!(
            "WITH RECURSIVE c (n) AS ({} UNION ALL SELECT n + 1 FROM c) SELECT * FROM c",
            parts.join(" UNION ALL ")
        );
        let query = parse_query(&text).unwrap();
        let cte = &query.with.as_ref().unwrap().cte_tables[0];
        let sqlparser::ast::SetExpr::SetOperation { right, .. } = &*cte.query.body else {
            panic!()
        };
        assert_eq!(right.to_string(), "SELECT N + 1 FROM C");
    }

    #[test]
    fn what_is_not_associative_is_left_as_it_is() {
        let parts: Vec<String> = (0..20).map(|n| format!("SELECT A{n}")).collect();
        let text = parts.join(" EXCEPT ");
        let query = parse_query(&text).unwrap();
        let mut body = &*query.body;
        let mut count = 1;
        while let sqlparser::ast::SetExpr::SetOperation { left, right, .. } = body {
            assert!(matches!(**right, sqlparser::ast::SetExpr::Select(_)));
            body = left;
            count += 1;
        }
        assert_eq!(count, 20);
    }
}
